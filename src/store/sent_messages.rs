//! Which message in a chat became what.
//!
//! **Promise.** What a message has become is known from the very commit that deletes it from the outbox. After a kill between
//! the messenger's answer and that commit the message is sent again, and the later one is the one that is known.

use sqlx::{AnyConnection, AssertSqlSafe, any::AnyRow};

use crate::{clock::Millis, lead::ChatRef, notice::Reference};

use super::{SentMessages, StoreError, rows};

/// Why the messenger will never take a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, strum::EnumString, strum::IntoStaticStr)]
#[strum(serialize_all = "snake_case")]
pub enum SendFailure {
    /// The chat is closed to the bot.
    Closed,
    /// It refuses the message.
    Refused,
}

/// Where a message is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MessagePlace {
    /// The id of the chat under which the messenger took it; not the settings' where the group has become another one.
    pub sent_to: ChatRef,
    /// The topic it is in.
    pub topic: Option<i32>,
    /// Its number in the chat.
    pub message_id: i32,
}

/// What has become of a message that can be found again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Became {
    /// It is there.
    There(MessagePlace),
    /// It never will be.
    Failed(SendFailure),
}

/// Records what a message has become; a later one takes an earlier one's place.
pub(super) async fn insert(
    connection: &mut AnyConnection,
    (reference, chat): (&Reference, ChatRef),
    became: Became,
    now: Millis,
) -> Result<(), StoreError> {
    let (place, failed) = match became {
        Became::There(place) => (Some(place), None),
        Became::Failed(failure) => (None, Some(<&str>::from(failure))),
    };
    sqlx::query(
        "INSERT INTO sent_messages (id, chat_id, sent_to, topic, message_id, failed, sent_at, channel) \
         VALUES ($1, $2, CAST($3 AS BIGINT), CAST($4 AS BIGINT), CAST($5 AS BIGINT), $6, $7, $8) \
         ON CONFLICT (id) DO UPDATE SET chat_id = excluded.chat_id, channel = excluded.channel, sent_to = excluded.sent_to, topic = excluded.topic, \
         message_id = excluded.message_id, failed = excluded.failed, sent_at = excluded.sent_at",
    )
    .bind(reference.key())
    .bind(chat.id)
    .bind(place.map(|place| place.sent_to.id))
    .bind(place.and_then(|place| place.topic).map(i64::from))
    .bind(place.map(|place| i64::from(place.message_id)))
    .bind(failed)
    .bind(now)
    .bind(chat.channel.as_str())
    .execute(connection)
    .await?;
    Ok(())
}

impl SentMessages {
    /// Resolves when a message may have become something.
    pub async fn changed(&self) {
        self.wakes.sent.notified().await;
    }

    /// What has become of a message; `None` while that is not known.
    pub async fn of(&self, reference: &Reference) -> Result<Option<Became>, StoreError> {
        let sql = format!("SELECT {} FROM sent_messages WHERE id = $1", self.columns());
        let row = sqlx::query(AssertSqlSafe(sql)).bind(reference.key()).fetch_optional(&self.pool).await?;
        Ok(row.as_ref().and_then(became))
    }

    /// What a message in a chat is, by the chat's id under which it came and its number there.
    pub async fn at(&self, sent_to: ChatRef, message_id: i32) -> Result<Option<Reference>, StoreError> {
        let sql = format!(
            "SELECT {} FROM sent_messages WHERE sent_to = $1 AND message_id = $2 AND channel = $3 \
             ORDER BY sent_at DESC LIMIT 1",
            rows::bytes(self.engine, "id")
        );
        let query =
            sqlx::query(AssertSqlSafe(sql)).bind(sent_to.id).bind(i64::from(message_id)).bind(sent_to.channel.as_str());
        let row = query.fetch_optional(&self.pool).await?;
        Ok(row.and_then(|row| Reference::parse(&rows::lossy(&row, 0)?)))
    }

    fn columns(&self) -> String {
        let numbers = ["topic", "message_id"].map(|column| rows::numbers(self.engine, column)).join(", ");
        let chat = rows::chats(self.engine, "sent_to", "channel");
        format!("{chat}, {numbers}, {}", rows::bytes(self.engine, "failed"))
    }
}

/// What cannot be read is not known.
fn became(row: &AnyRow) -> Option<Became> {
    if let Some(failed) = rows::lossy(row, 4) {
        return failed.parse().ok().map(Became::Failed);
    }
    let number = |at| rows::number(row, at).and_then(|number| i32::try_from(number).ok());
    Some(Became::There(MessagePlace { sent_to: rows::chat(row, 0)?, topic: number(2), message_id: number(3)? }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        clock::Clock,
        notice::{Addressed, AdminNotice, Notice, ReferenceKind},
        store::{AfterSending, ButtonsChange, NewMessage, Store, Urgency},
    };

    #[tokio::test]
    async fn what_a_message_became_is_known_with_its_deletion() {
        let folder = tempfile::tempdir().expect("a folder");
        let store = Store::open_file(&folder.path().join("store.sqlite"), Clock::default()).await.expect("a store");
        let (outbox, sent) = (store.outbox(), store.sent_messages());
        let card = Reference::new(ReferenceKind::Card, "K7M2QXA");
        let notice = Addressed::becoming(Notice::Admin(AdminNotice::NoCrm), card.clone()).into();
        let id =
            outbox.enqueue(&NewMessage { chat: ChatRef::telegram(-5), notice, due_at: 0 }).await.expect("a message");
        assert_eq!(sent.of(&card).await.expect("a look"), None);
        let became = |became| AfterSending { buttons: ButtonsChange::default(), became: Some((card.clone(), became)) };
        let place = MessagePlace { sent_to: ChatRef::telegram(-1005), topic: Some(3), message_id: 77 };
        outbox.sent(&id, ChatRef::telegram(-5), became(Became::There(place)), Urgency::Now).await.expect("a commit");
        assert_eq!(outbox.count().await.expect("a count"), 0);
        assert_eq!(sent.of(&card).await.expect("a look"), Some(Became::There(place)));
        assert_eq!(sent.at(ChatRef::telegram(-1005), 77).await.expect("a look"), Some(card.clone()));
        assert_eq!(
            sent.at(ChatRef::telegram(-5), 77).await.expect("a look"),
            None,
            "numbers are of the chat that it went to"
        );
        // Sent again after a kill: the later one is known.
        let again = MessagePlace { sent_to: ChatRef::telegram(-1005), topic: None, message_id: 78 };
        outbox.sent(&id, ChatRef::telegram(-5), became(Became::There(again)), Urgency::Now).await.expect("a commit");
        assert_eq!(sent.of(&card).await.expect("a look"), Some(Became::There(again)));
        assert_eq!(sent.at(ChatRef::telegram(-1005), 77).await.expect("a look"), None);
        outbox
            .sent(&id, ChatRef::telegram(-5), became(Became::Failed(SendFailure::Closed)), Urgency::Now)
            .await
            .expect("a commit");
        assert_eq!(sent.of(&card).await.expect("a look"), Some(Became::Failed(SendFailure::Closed)));
    }
}
