//! Who has withdrawn their consent: kept with the turn that said so, carried out afterwards, and proved by hashes.

use sqlx::{AnyConnection, AssertSqlSafe};

use crate::{clock::Millis, fault::point, lead::ChatRef};

use super::{StoreError, Withdrawals, forgotten::hash, rows};

/// A withdrawal as a turn commits it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewWithdrawal {
    /// The account.
    pub user_id: i64,
    /// When it was asked whether they are sure: whoever answers the same question twice has answered once.
    pub question: Millis,
    /// The language they read, as an IETF tag.
    pub lang: String,
}

/// A withdrawal that is to be carried out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Withdrawal {
    /// Its id: a hash.
    pub id: String,
    /// Where it was said.
    pub chat: ChatRef,
    /// The account.
    pub user_id: i64,
    /// The language they read, as an IETF tag.
    pub lang: String,
    /// Until then everything goes.
    pub asked_at: Millis,
}

/// What is to be done next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OpenWithdrawal {
    /// The person's data stand in the tables.
    Wipe(Withdrawal),
    /// They stand there no more, but what the engine has left of them may be in its file.
    Scrub {
        /// Its id.
        id: String,
    },
}

pub(super) fn id_of(chat: ChatRef, question: Millis) -> String {
    hash(&format!("withdrawal:{}:{}:{question}", chat.channel.as_str(), chat.id))
}

/// Records a withdrawal together with its turn.
pub(super) async fn insert(
    connection: &mut AnyConnection,
    chat: ChatRef,
    new: &NewWithdrawal,
    now: Millis,
) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO withdrawals (id, person, chat_id, user_id, lang, asked_at, due_at, channel) \
         VALUES ($1, $2, $3, $4, $5, $6, $6, $7) ON CONFLICT DO NOTHING",
    )
    .bind(id_of(chat, new.question))
    .bind(super::forgotten::person_id(new.user_id))
    .bind(chat.id)
    .bind(new.user_id)
    .bind(&new.lang)
    .bind(now)
    .bind(chat.channel.as_str())
    .execute(connection)
    .await?;
    Ok(())
}

impl Withdrawals {
    /// Resolves when there may be something to carry out.
    pub async fn changed(&self) {
        self.wakes.withdrawals.notified().await;
    }

    /// Whether this chat has answered this question, carried out or not.
    pub async fn is_known(&self, chat: ChatRef, question: Millis) -> Result<bool, StoreError> {
        let row = sqlx::query("SELECT 1 FROM withdrawals WHERE id = $1")
            .bind(id_of(chat, question))
            .fetch_optional(&self.pool)
            .await?;
        Ok(row.is_some())
    }

    /// The one that has waited for longest.
    pub async fn due(&self) -> Result<Option<OpenWithdrawal>, StoreError> {
        let sql = format!(
            "SELECT {}, {}, {}, {}, {}, {} FROM withdrawals WHERE done_at IS NULL AND due_at <= $1 AND {} \
             ORDER BY due_at, id LIMIT 1",
            rows::bytes(self.engine, "id"),
            rows::chats(self.engine, "chat_id", "channel"),
            rows::numbers(self.engine, "user_id"),
            rows::bytes(self.engine, "lang"),
            rows::numbers(self.engine, "asked_at"),
            rows::numbers(self.engine, "wiped_at"),
            rows::is_known_channel("channel"),
        );
        let now = self.clock.now();
        let Some(row) = sqlx::query(AssertSqlSafe(sql)).bind(now).fetch_optional(&self.pool).await? else {
            return Ok(None);
        };
        let id = rows::lossy(&row, 0).unwrap_or_default();
        Ok(Some(match (rows::chat(&row, 1), rows::number(&row, 3)) {
            (Some(chat), Some(user_id)) if rows::number(&row, 6).is_none() => OpenWithdrawal::Wipe(Withdrawal {
                id,
                chat,
                user_id,
                lang: rows::lossy(&row, 4).unwrap_or_default(),
                asked_at: rows::number(&row, 5).unwrap_or(now),
            }),
            _ => OpenWithdrawal::Scrub { id },
        }))
    }

    /// When the next one is due.
    pub async fn next_due(&self) -> Result<Option<Millis>, StoreError> {
        let sql = format!(
            "SELECT MIN({}) FROM withdrawals WHERE done_at IS NULL AND {}",
            rows::only_numbers("due_at"),
            rows::is_known_channel("channel")
        );
        Ok(rows::number(&sqlx::query(AssertSqlSafe(sql)).fetch_one(&self.pool).await?, 0))
    }

    /// Leaves one until then.
    pub async fn later(&self, id: &str, due_at: Millis) -> Result<(), StoreError> {
        sqlx::query("UPDATE withdrawals SET due_at = $1 WHERE id = $2")
            .bind(due_at)
            .bind(id)
            .execute(&self.pool)
            .await?;
        Ok(())
    }

    /// Nothing is left of the person.
    pub async fn done(&self, id: &str) -> Result<(), StoreError> {
        sqlx::query("UPDATE withdrawals SET done_at = $1 WHERE id = $2 AND done_at IS NULL")
            .bind(self.clock.now())
            .bind(id)
            .execute(&self.pool)
            .await?;
        point("withdrawal.done");
        Ok(())
    }
}
