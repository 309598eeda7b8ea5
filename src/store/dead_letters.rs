//! Updates that no turn could be made of: kept for a person to look at.

use sqlx::Row;

use crate::lead::ChatRef;

use super::{Dialogues, NewMessage, StoreError, json, outbox, plain, rows};

/// JSON in which every sign beyond ASCII is written as `\\uXXXX`: the same document for every encoding.
fn ascii_json(json: &str) -> String {
    let mut units = [0; 2];
    json.chars().fold(String::with_capacity(json.len()), |mut text, sign| {
        match sign.is_ascii() && sign != '\0' {
            true => text.push(sign),
            false => text.extend(sign.encode_utf16(&mut units).iter().map(|unit| format!("\\u{unit:04x}"))),
        }
        text
    })
}

impl Dialogues {
    /// Keeps an update that cannot be handled, with its error, for a person to look at, and enqueues the answer to it, in
    /// one commit; a second time nothing changes. What the engine does not take of it is written in plain ASCII, or left
    /// out: `body` is JSON.
    pub async fn keep_dead_letter(
        &self,
        update_id: i64,
        chat: Option<ChatRef>,
        kind: &str,
        error: &str,
        body: &str,
        answer: Option<&NewMessage>,
    ) -> Result<(), StoreError> {
        let (kind, error) = (plain(kind), plain(error));
        let ascii = ascii_json(body);
        let mut kept = Ok(());
        for body in [body, &ascii, "null"] {
            kept = self.again(|| self.keep_dead_letter_once(update_id, chat, &kind, &error, body, answer)).await;
            if !matches!(kept, Err(StoreError::Refused(_))) {
                break;
            }
        }
        kept
    }

    async fn keep_dead_letter_once(
        &self,
        update_id: i64,
        chat: Option<ChatRef>,
        kind: &str,
        error: &str,
        body: &str,
        answer: Option<&NewMessage>,
    ) -> Result<(), StoreError> {
        let now = self.clock.now();
        let mut transaction = self.begin().await?;
        let done = sqlx::query(
            "INSERT INTO set_aside (update_id, chat_id, kind, error, body, set_aside_at, channel) \
             VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT DO NOTHING",
        )
        .bind(update_id)
        .bind(chat.map(|chat| chat.id))
        .bind(kind)
        .bind(error)
        .bind(body)
        .bind(now)
        .bind(rows::channel_of(chat))
        .execute(&mut *transaction)
        .await?;
        if let (1, Some(answer)) = (done.rows_affected(), answer) {
            let body = json(&answer.notice);
            outbox::insert(&mut transaction, answer.chat, &body, answer.due_at, now).await?;
        }
        transaction.commit().await?;
        self.wakes.messages.notify_one();
        Ok(())
    }

    /// How many updates were set aside.
    pub async fn dead_letters(&self) -> Result<i64, StoreError> {
        let row = sqlx::query("SELECT COUNT(*) FROM set_aside").fetch_one(&self.pool).await?;
        Ok(row.try_get(0)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_document_in_ascii_is_the_same_document() {
        let document = serde_json::json!({"text": "Привет 😀 \u{0} \" \\ é", "👍": [1, null]});
        let ascii = ascii_json(&document.to_string());
        assert!(ascii.is_ascii(), "{ascii}");
        assert_eq!(serde_json::from_str::<serde_json::Value>(&ascii).expect("JSON"), document);
    }
}
