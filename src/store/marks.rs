//! Small marks that processes leave for each other and for their next start.

use sqlx::{AssertSqlSafe, Row};

use crate::clock::Millis;

use super::{NewMessage, Store, StoreError, json, messages, plain, rows};

pub(super) async fn write(
    connection: &mut sqlx::AnyConnection,
    name: &str,
    value: &str,
    now: Millis,
) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO marks (name, value, written_at) VALUES ($1, $2, $3) \
         ON CONFLICT (name) DO UPDATE SET value = excluded.value, written_at = excluded.written_at",
    )
    .bind(name)
    .bind(value)
    .bind(now)
    .execute(connection)
    .await?;
    Ok(())
}

/// A pattern for LIKE with `!` as its escape.
fn beginning_with(prefix: &str) -> String {
    format!("{}%", prefix.replace('!', "!!").replace('_', "!_").replace('%', "!%"))
}

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

impl Store {
    /// The value of a mark; one that cannot be read is as good as none, and is replaced by the next.
    pub async fn mark(&self, name: &str) -> Result<Option<String>, StoreError> {
        let sql = format!("SELECT {} FROM marks WHERE name = $1", rows::bytes(self.engine, "value"));
        let row = sqlx::query(AssertSqlSafe(sql)).bind(name).fetch_optional(&self.pool).await?;
        Ok(row.and_then(|row| rows::text(&row, 0, "a mark").ok()))
    }

    /// The value of a mark and when it was left.
    pub async fn mark_with_time(&self, name: &str) -> Result<Option<(String, Millis)>, StoreError> {
        let (value, at) = (rows::bytes(self.engine, "value"), rows::numbers(self.engine, "written_at"));
        let sql = format!("SELECT {value}, {at} FROM marks WHERE name = $1");
        let row = sqlx::query(AssertSqlSafe(sql)).bind(name).fetch_optional(&self.pool).await?;
        Ok(row.and_then(|row| Some((rows::text(&row, 0, "a mark").ok()?, rows::number(&row, 1)?))))
    }

    /// Removes a mark, if it is there.
    pub async fn remove_mark(&self, name: &str) -> Result<(), StoreError> {
        sqlx::query("DELETE FROM marks WHERE name = $1").bind(name).execute(&self.pool).await?;
        Ok(())
    }

    /// Leaves a mark.
    pub async fn set_mark(&self, name: &str, value: &str) -> Result<(), StoreError> {
        let mark = (name.to_owned(), value.to_owned(), self.clock.now());
        self.write(mark, |(name, value, now), connection| {
            Box::pin(async move { Ok(write(connection, name, value, *now).await?) })
        })
        .await
    }

    /// Leaves a mark where there is none yet, and with it a message, in one commit; `true` when it was left now.
    pub async fn set_mark_once(
        &self,
        name: &str,
        value: &str,
        message: Option<&NewMessage>,
    ) -> Result<bool, StoreError> {
        let left = self.again(|| self.set_mark_once_once(name, value, message)).await?;
        if left {
            self.wakes.messages.notify_one();
        }
        Ok(left)
    }

    async fn set_mark_once_once(
        &self,
        name: &str,
        value: &str,
        message: Option<&NewMessage>,
    ) -> Result<bool, StoreError> {
        let now = self.clock.now();
        let mut transaction = self.begin().await?;
        let done = sqlx::query(
            "INSERT INTO marks (name, value, written_at) VALUES ($1, $2, $3) ON CONFLICT (name) DO NOTHING",
        )
        .bind(name)
        .bind(value)
        .bind(now)
        .execute(&mut *transaction)
        .await?;
        let left = done.rows_affected() == 1;
        if let (true, Some(message)) = (left, message) {
            let body = json(&message.notice);
            messages::insert(&mut transaction, message.chat_id, &body, message.due_at, now).await?;
        }
        transaction.commit().await?;
        Ok(left)
    }

    /// All marks whose names begin with `prefix`: the rest of the name, and the value.
    pub async fn marks_of(&self, prefix: &str) -> Result<Vec<(String, String)>, StoreError> {
        let (name, value) = (rows::bytes(self.engine, "name"), rows::bytes(self.engine, "value"));
        let sql = format!("SELECT {name}, {value} FROM marks WHERE name LIKE $1 ESCAPE '!' ORDER BY name");
        let rows = sqlx::query(AssertSqlSafe(sql)).bind(beginning_with(prefix)).fetch_all(&self.pool).await?;
        let readable = |row| {
            let name = rows::text(row, 0, "a mark").ok()?;
            Some((name.strip_prefix(prefix)?.to_owned(), rows::text(row, 1, "a mark").ok()?))
        };
        Ok(rows.iter().filter_map(readable).collect())
    }

    /// Removes a mark; `true` when it was there: of several callers exactly one gets `true`.
    pub async fn take_mark(&self, name: &str, value: &str) -> Result<bool, StoreError> {
        let done = sqlx::query("DELETE FROM marks WHERE name = $1 AND value = $2")
            .bind(name)
            .bind(value)
            .execute(&self.pool)
            .await?;
        Ok(done.rows_affected() == 1)
    }

    /// Removes a mark that was left at or after `since`; `true` when it was there: of several callers exactly one gets
    /// `true`. Looks before it writes, so that guessing names costs no write.
    pub async fn take_young_mark(&self, name: &str, since: Millis) -> Result<bool, StoreError> {
        if self.mark(name).await?.is_none() {
            return Ok(false);
        }
        let done = sqlx::query("DELETE FROM marks WHERE name = $1 AND written_at >= $2")
            .bind(name)
            .bind(since)
            .execute(&self.pool)
            .await?;
        Ok(done.rows_affected() == 1)
    }

    /// Removes the marks whose names begin with `prefix` and that were left before `before`.
    pub async fn remove_old_marks(&self, prefix: &str, before: Millis) -> Result<(), StoreError> {
        sqlx::query("DELETE FROM marks WHERE name LIKE $1 ESCAPE '!' AND written_at < $2")
            .bind(beginning_with(prefix))
            .bind(before)
            .execute(&self.pool)
            .await?;
        Ok(())
    }

    /// Keeps an update that cannot be handled, with its error, for a person to look at, and owes the answer to it, in
    /// one commit; a second time nothing changes. What the engine does not take of it is written in plain ASCII, or left
    /// out: `body` is JSON.
    pub async fn set_aside(
        &self,
        update_id: i64,
        chat_id: Option<i64>,
        kind: &str,
        error: &str,
        body: &str,
        answer: Option<&NewMessage>,
    ) -> Result<(), StoreError> {
        let (kind, error) = (plain(kind), plain(error));
        let ascii = ascii_json(body);
        let mut kept = Ok(());
        for body in [body, &ascii, "null"] {
            kept = self.again(|| self.set_aside_once(update_id, chat_id, &kind, &error, body, answer)).await;
            if !matches!(kept, Err(StoreError::Refused(_))) {
                break;
            }
        }
        kept
    }

    async fn set_aside_once(
        &self,
        update_id: i64,
        chat_id: Option<i64>,
        kind: &str,
        error: &str,
        body: &str,
        answer: Option<&NewMessage>,
    ) -> Result<(), StoreError> {
        let now = self.clock.now();
        let mut transaction = self.begin().await?;
        let done = sqlx::query(
            "INSERT INTO set_aside (update_id, chat_id, kind, error, body, set_aside_at) \
             VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT DO NOTHING",
        )
        .bind(update_id)
        .bind(chat_id)
        .bind(kind)
        .bind(error)
        .bind(body)
        .bind(now)
        .execute(&mut *transaction)
        .await?;
        if let (1, Some(answer)) = (done.rows_affected(), answer) {
            let body = json(&answer.notice);
            messages::insert(&mut transaction, answer.chat_id, &body, answer.due_at, now).await?;
        }
        transaction.commit().await?;
        self.wakes.messages.notify_one();
        Ok(())
    }

    /// How many updates were set aside.
    pub async fn set_aside_count(&self) -> Result<i64, StoreError> {
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
