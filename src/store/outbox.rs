//! The outbox: messages to a chat until Telegram has taken them, in order for each chat.

use std::collections::HashMap;

use serde::Serialize;
use sqlx::{AnyConnection, AssertSqlSafe, any::AnyRow};
use tracing::warn;
use ulid::Ulid;

use crate::{
    clock::Millis,
    lead::ChatRef,
    notice::{AdminNotice, Notice, Recipients},
};

use super::{Engine, FURTHEST_DUE, Outbox, StoreError, json, rows};

/// A message to be enqueued.
#[derive(Debug, Clone)]
pub struct NewMessage {
    /// Chat to send to.
    pub chat: ChatRef,
    /// What is said.
    pub notice: Notice,
    /// Not before: the caller may want to send it by itself first; half an hour ahead at most.
    pub due_at: Millis,
}

impl NewMessage {
    /// What is said to those whom it concerns; `None` where they have no chat.
    pub fn to_dealer(recipients: &Recipients, notice: AdminNotice, due_at: Millis) -> Option<Self> {
        let chat = recipients.chat(notice.recipient())?;
        Some(Self { chat, notice: Notice::Admin(notice), due_at })
    }
}

/// A message in the outbox.
#[derive(Debug, Clone, PartialEq)]
pub struct OutboxMessage {
    /// Its identity.
    pub id: String,
    /// Chat to send to.
    pub chat: ChatRef,
    /// What is said.
    pub notice: Notice,
    /// Attempts so far.
    pub attempts: i64,
}

/// What [`message`] reads.
pub(super) fn columns(engine: Engine) -> String {
    let (id, body) = (rows::bytes(engine, "id"), rows::bytes(engine, "body"));
    format!("{id}, {}, {body}, {}", rows::chats(engine, "chat_id", "channel"), rows::numbers(engine, "attempts"))
}

/// Reads a message of the outbox.
pub(super) fn message(row: &AnyRow) -> Result<OutboxMessage, StoreError> {
    let wrong = |what: &str| StoreError::Unreadable(what.into());
    let id = rows::text(row, 0, "its id")?;
    Ulid::from_string(&id).map_err(|_| wrong("its id is none of ours"))?;
    Ok(OutboxMessage {
        id,
        chat: rows::chat(row, 1).ok_or_else(|| wrong("its chat is none of a messenger that is known"))?,
        notice: rows::document(&rows::text(row, 3, "it")?, "it")?,
        attempts: rows::number(row, 4).unwrap_or(0),
    })
}

/// The chat of alerts where there is no admin's chat: nothing is ever sent to it, the second way takes what waits for it.
pub const NOBODYS_CHAT: ChatRef = ChatRef::telegram(0);

/// A message that waits, with all that it says.
#[derive(Debug, Clone)]
pub struct WaitingMessage {
    /// Its identity.
    pub id: String,
    /// Chat to send to.
    pub chat: ChatRef,
    /// Since when.
    pub created_at: Millis,
    /// What is said.
    pub notice: Notice,
}

/// Inserts a message and returns its id. Ids grow with time, so their order is the order of sending.
pub(super) async fn insert(
    connection: &mut AnyConnection,
    chat: ChatRef,
    body: &str,
    due_at: Millis,
    now: Millis,
) -> Result<String, StoreError> {
    let mut to_chat = ToChat { chat, album: None, bodies: vec![(body.to_owned(), due_at)], enqueued: Vec::new() };
    insert_all(connection, std::slice::from_mut(&mut to_chat), now).await?;
    Ok(to_chat.enqueued.pop().map(|(id, _)| id).unwrap_or_default())
}

/// Takes back the answer to an album that waits for further parts of it; `false` where none waits.
pub(super) async fn take_back(
    connection: &mut AnyConnection,
    chat: ChatRef,
    album: &str,
    now: Millis,
) -> Result<bool, StoreError> {
    let taken = sqlx::query(
        "DELETE FROM messages WHERE chat_id = $1 AND channel = $4 AND album = $2 AND due_at > $3 AND attempts = 0",
    )
    .bind(chat.id)
    .bind(album)
    .bind(now)
    .bind(chat.channel.as_str())
    .execute(connection)
    .await?;
    Ok(taken.rows_affected() > 0)
}

/// Messages to one chat, in order.
#[derive(Debug)]
pub(super) struct ToChat<'a> {
    pub chat: ChatRef,
    /// The album that they answer.
    pub album: Option<&'a str>,
    /// What each says and when it is due.
    pub bodies: Vec<(String, Millis)>,
    /// The id of each, once they are inserted, with that of the one before it in its chat, if Telegram has not taken it yet.
    pub enqueued: Vec<(String, Option<String>)>,
}

/// A row of `messages`.
#[derive(Serialize)]
struct NewRow<'a> {
    id: String,
    chat_id: i64,
    channel: &'static str,
    body: &'a str,
    due_at: Millis,
    album: Option<&'a str>,
}

const NEW_ROW: &[(&str, &str)] = &[
    ("id", "TEXT"),
    ("chat_id", "BIGINT"),
    ("channel", "TEXT"),
    ("body", "TEXT"),
    ("due_at", "BIGINT"),
    ("album", "TEXT"),
];

/// Inserts messages to any number of chats by one statement.
pub(super) async fn insert_all(
    connection: &mut AnyConnection,
    to_chats: &mut [ToChat<'_>],
    now: Millis,
) -> Result<(), StoreError> {
    let first = Ulid::from_parts(u64::try_from(now).unwrap_or(0), rand::random());
    let (mut next, mut last) = (first, first);
    let mut new = Vec::new();
    for ToChat { chat, album, bodies, .. } in &*to_chats {
        for (body, due_at) in bodies {
            let (id, chat_id, channel) = (next.to_string(), chat.id, chat.channel.as_str());
            new.push(NewRow { id, chat_id, channel, body, due_at: *due_at, album: *album });
            (last, next) = (next, next.increment().unwrap_or(next));
        }
    }
    if new.is_empty() {
        return Ok(());
    }
    let sql = format!(
        "INSERT INTO messages (id, chat_id, channel, body, created_at, due_at, album) \
         SELECT id, chat_id, channel, body, CAST($2 AS BIGINT), due_at, album FROM {} WHERE TRUE \
         RETURNING chat_id, channel, (SELECT MAX(id) FROM messages AS before \
         WHERE before.chat_id = messages.chat_id AND before.channel = messages.channel AND before.unreadable = 0 \
         AND (before.id < $3 OR before.id > $4))",
        rows::listed(rows::engine_of(connection), NEW_ROW)
    );
    let query = sqlx::query(AssertSqlSafe(sql)).bind(json(&new)).bind(now);
    let found = query.bind(first.to_string()).bind(last.to_string()).fetch_all(&mut *connection).await?;
    let last_id = |row: &AnyRow| Ulid::from_string(&rows::lossy(row, 2)?).ok();
    let mut before: HashMap<ChatRef, Option<Ulid>> =
        found.iter().filter_map(|row| Some((rows::chat(row, 0)?, last_id(row)))).collect();
    let mut id = first;
    for ToChat { chat, bodies, enqueued, .. } in to_chats {
        let before = before.entry(*chat).or_default();
        for _ in &*bodies {
            let mut own = id;
            if let Some(last) = before.filter(|last| own < *last) {
                // The clock has jumped back; what comes later is sent later all the same.
                own = last.increment().unwrap_or(last);
                sqlx::query("UPDATE messages SET id = $1 WHERE id = $2")
                    .bind(own.to_string())
                    .bind(id.to_string())
                    .execute(&mut *connection)
                    .await?;
            }
            enqueued.push((own.to_string(), before.replace(own).map(|id| id.to_string())));
            id = id.increment().unwrap_or(id);
        }
    }
    Ok(())
}

impl Outbox {
    /// Resolves when a message may have become due.
    pub async fn changed(&self) {
        self.wakes.messages.notified().await;
    }

    /// Enqueues a message, due within half an hour; returns its id.
    pub async fn enqueue(&self, message: &NewMessage) -> Result<String, StoreError> {
        self.again(|| self.enqueue_once(message)).await
    }

    async fn enqueue_once(&self, message: &NewMessage) -> Result<String, StoreError> {
        let mut transaction = self.begin().await?;
        let now = self.clock.now();
        let due_at = self.soon_enough(message.due_at);
        let id = insert(&mut transaction, message.chat, &json(&message.notice), due_at, now).await?;
        transaction.commit().await?;
        self.wakes.messages.notify_one();
        Ok(id)
    }

    /// The first message of every chat that can be read, where it is due: at most `limit`, oldest first.
    pub async fn due(&self, limit: i64) -> Result<Vec<OutboxMessage>, StoreError> {
        let now = self.clock.now();
        let sql = format!(
            "SELECT {} FROM messages WHERE id IN (SELECT MIN(id) FROM messages WHERE unreadable = 0 \
             GROUP BY chat_id, channel) AND (due_at <= $1 OR due_at > $2) ORDER BY id LIMIT $3 + 0",
            columns(self.engine)
        );
        let rows = sqlx::query(AssertSqlSafe(sql))
            .bind(now)
            .bind(now + self.clock.millis(FURTHEST_DUE))
            .bind(limit)
            .fetch_all(&self.pool)
            .await?;
        let mut due = Vec::with_capacity(rows.len());
        for row in &rows {
            match message(row) {
                Ok(message) => due.push(message),
                Err(reason) => {
                    warn!(%reason, "a message of the outbox cannot be read; it is kept, and the next ones go on");
                    self.again(|| async {
                        let mut connection = self.pool.0.acquire().await?;
                        rows::mark_unreadable(&mut connection, self.engine, "messages", rows::raw(row, 0)).await
                    })
                    .await?;
                    // The next one of the same chat.
                    self.wakes.messages.notify_one();
                }
            }
        }
        Ok(due)
    }

    /// The oldest card of a new lead that waits for a chat and is due.
    pub async fn first_card(&self, chat: ChatRef) -> Result<Option<OutboxMessage>, StoreError> {
        // As [`Addressed`](crate::notice::Addressed) is written; whatever else it may find is looked at below.
        let sql = format!(
            "SELECT {} FROM messages WHERE chat_id = $1 AND channel = $3 AND unreadable = 0 AND due_at <= $2 \
             AND body LIKE '%\"lead_card\"%' AND body NOT LIKE '%\"edits\"%' ORDER BY id LIMIT 1",
            columns(self.engine)
        );
        let query = sqlx::query(AssertSqlSafe(sql)).bind(chat.id).bind(self.clock.now()).bind(chat.channel.as_str());
        let row = query.fetch_optional(&self.pool).await?;
        Ok(row.and_then(|row| message(&row).ok()).filter(|message| message.notice.is_new_card()))
    }

    /// What waits for a chat, due or not: at most `limit`, oldest first.
    pub async fn of_chat(&self, chat: ChatRef, limit: i64) -> Result<Vec<WaitingMessage>, StoreError> {
        let sql = format!(
            "SELECT {}, {} FROM messages WHERE chat_id = $1 AND channel = $3 AND unreadable = 0 ORDER BY id LIMIT $2 + 0",
            columns(self.engine),
            rows::numbers(self.engine, "created_at")
        );
        let rows = sqlx::query(AssertSqlSafe(sql))
            .bind(chat.id)
            .bind(limit)
            .bind(chat.channel.as_str())
            .fetch_all(&self.pool)
            .await?;
        let read = |row: &AnyRow| {
            let OutboxMessage { id, chat, notice, .. } = message(row).ok()?;
            Some(WaitingMessage { id, chat, created_at: rows::number(row, 5)?, notice })
        };
        Ok(rows.iter().filter_map(read).collect())
    }

    /// Takes messages back, enqueues others instead and closes an alert, in one commit.
    pub async fn replace(
        &self,
        closes: Option<&str>,
        ids: &[String],
        instead: &[NewMessage],
    ) -> Result<(), StoreError> {
        self.again(|| self.replace_once(closes, ids, instead)).await
    }

    async fn replace_once(
        &self,
        closes: Option<&str>,
        ids: &[String],
        instead: &[NewMessage],
    ) -> Result<(), StoreError> {
        let now = self.clock.now();
        let mut transaction = self.begin().await?;
        if let Some(kind) = closes {
            sqlx::query("DELETE FROM alerts WHERE kind = $1").bind(kind).execute(&mut *transaction).await?;
        }
        for id in ids {
            sqlx::query("DELETE FROM messages WHERE id = $1").bind(id).execute(&mut *transaction).await?;
        }
        for message in instead {
            insert(&mut transaction, message.chat, &json(&message.notice), message.due_at, now).await?;
        }
        transaction.commit().await?;
        self.wakes.messages.notify_one();
        Ok(())
    }

    /// Whether anything waits for a chat.
    pub async fn holds_for(&self, chat: ChatRef) -> Result<bool, StoreError> {
        let row = sqlx::query("SELECT 1 FROM messages WHERE chat_id = $1 AND channel = $2 AND unreadable = 0 LIMIT 1")
            .bind(chat.id)
            .bind(chat.channel.as_str())
            .fetch_optional(&self.pool)
            .await?;
        Ok(row.is_some())
    }

    /// How many messages wait.
    pub async fn count(&self) -> Result<i64, StoreError> {
        let row = sqlx::query("SELECT COUNT(*) FROM messages").fetch_one(&self.pool).await?;
        Ok(rows::number(&row, 0).unwrap_or(0))
    }

    /// Telegram has taken it, or never will. Wakes nobody: the sender knows whether another one waits behind it.
    pub async fn done(&self, id: &str) -> Result<(), StoreError> {
        sqlx::query("DELETE FROM messages WHERE id = $1").bind(id).execute(&self.pool).await?;
        Ok(())
    }

    /// Defers a message, for half an hour at most.
    pub async fn defer(&self, id: &str, due_at: Millis) -> Result<(), StoreError> {
        sqlx::query("UPDATE messages SET due_at = $1, attempts = attempts + 1 WHERE id = $2")
            .bind(self.soon_enough(due_at))
            .bind(id)
            .execute(&self.pool)
            .await?;
        self.wakes.messages.notify_one();
        Ok(())
    }

    /// A time that lies further ahead would not be believed later.
    fn soon_enough(&self, due_at: Millis) -> Millis {
        due_at.min(self.clock.now() + self.clock.millis(FURTHEST_DUE))
    }

    /// The chat is open again: what waits for it is due now.
    pub async fn hurry(&self, chat: ChatRef) -> Result<(), StoreError> {
        let now = self.clock.now();
        let done = sqlx::query(
            "UPDATE messages SET due_at = $1 WHERE chat_id = $2 AND channel = $3 AND unreadable = 0 AND due_at > $1",
        )
        .bind(now)
        .bind(chat.id)
        .bind(chat.channel.as_str())
        .execute(&self.pool)
        .await?;
        if done.rows_affected() > 0 {
            self.wakes.messages.notify_one();
        }
        Ok(())
    }

    /// Telegram can be reached again: what was tried in vain is due now.
    pub async fn hurry_all(&self) -> Result<(), StoreError> {
        let now = self.clock.now();
        let done = sqlx::query("UPDATE messages SET due_at = $1 WHERE due_at > $1 AND attempts > 0")
            .bind(now)
            .execute(&self.pool)
            .await?;
        if done.rows_affected() > 0 {
            self.wakes.messages.notify_one();
        }
        Ok(())
    }
}
