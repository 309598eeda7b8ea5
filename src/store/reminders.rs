//! Forms that were left unfinished: which of them a chat may be reminded of, and that it was.

use sqlx::{AssertSqlSafe, any::AnyRow};

use crate::{clock::Millis, lead::ChatRef};

use super::{Dialogues, Engine, NewMessage, StoreError, json, outbox, rows};

/// At most so many in one look; the others come with the next one.
const MOST: i64 = 200;

/// A form that nobody has touched for a while.
#[derive(Debug, Clone, PartialEq)]
pub struct LeftForm {
    /// The chat.
    pub chat: ChatRef,
    /// Where it stands, as the dialogue has it.
    pub step: String,
    /// What was answered, as the dialogue has it.
    pub draft: String,
    /// The last update that its dialogue has taken, and when.
    pub update: (i64, Millis),
    /// The id of the form that the chat was last reminded of.
    pub reminded: Option<String>,
}

/// Some of the forms for which this holds, those first that nobody has touched for longest.
pub(super) fn select(engine: Engine, which: &str) -> String {
    let (text, number) = (|column| rows::bytes(engine, column), |column| rows::numbers(engine, column));
    format!(
        "SELECT {}, {}, {}, {}, {}, {} FROM dialogues WHERE {which} AND {} ORDER BY update_at LIMIT {MOST}",
        rows::chats(engine, "chat_id", "channel"),
        text("step"),
        text("draft"),
        number("update_id"),
        number("update_at"),
        text("reminded"),
        rows::is_known_channel("channel"),
    )
}

/// Those that can be read.
pub(super) fn read(found: &[AnyRow]) -> Vec<LeftForm> {
    let left = found.iter().filter_map(|row| {
        Some(LeftForm {
            chat: rows::chat(row, 0)?,
            step: rows::lossy(row, 2)?,
            draft: rows::lossy(row, 3)?,
            update: (rows::number(row, 4)?, rows::number(row, 5)?),
            reminded: rows::lossy(row, 6),
        })
    });
    left.collect()
}

impl Dialogues {
    /// Open forms last touched within these times, the longest ago first; not those whose chats have not been given their
    /// answer yet, or are closed to the bot.
    pub async fn left_forms(&self, after: Millis, until: Millis) -> Result<Vec<LeftForm>, StoreError> {
        let which = "step <> 'idle' AND update_at > $1 AND update_at <= $2 AND (closed_at IS NULL OR closed_at < update_at) \
                     AND NOT EXISTS (SELECT 1 FROM messages WHERE messages.chat_id = dialogues.chat_id \
                     AND messages.channel = dialogues.channel)";
        let query = select(self.engine, which);
        Ok(read(&sqlx::query(AssertSqlSafe(query)).bind(after).bind(until).fetch_all(&self.pool).await?))
    }

    /// Records that a chat is closed to the bot, until its next update.
    pub async fn chat_closed(&self, chat: ChatRef) -> Result<(), StoreError> {
        sqlx::query("UPDATE dialogues SET closed_at = $1 WHERE chat_id = $2 AND channel = $3")
            .bind(self.clock.now())
            .bind(chat.id)
            .bind(chat.channel.as_str())
            .execute(&self.pool)
            .await?;
        Ok(())
    }

    /// Records that a chat is reminded of this form and enqueues what it is told, in one commit; `false` where it was
    /// reminded before, or where the buyer has gone on meanwhile.
    pub async fn remind(&self, left: &LeftForm, form: &str, message: &NewMessage) -> Result<bool, StoreError> {
        let reminded = self.again(|| self.remind_once(left, form, message)).await?;
        if reminded {
            self.wakes.messages.notify_one();
        }
        Ok(reminded)
    }

    /// What becomes of a reminder that could not be sent when it was due. Where the buyer has gone on since it is taken out of
    /// the outbox; where it `is_night` too, and the form is reminded of by day. `true` where it is still to be sent.
    pub async fn is_reminder_due(&self, message: &str, is_night: bool) -> Result<bool, StoreError> {
        self.again(|| self.is_reminder_due_once(message, is_night)).await
    }

    async fn is_reminder_due_once(&self, message: &str, is_night: bool) -> Result<bool, StoreError> {
        let left = "SELECT dialogues.chat_id, dialogues.channel FROM dialogues JOIN messages \
                    ON messages.chat_id = dialogues.chat_id AND messages.channel = dialogues.channel WHERE messages.id = $1 AND dialogues.step <> 'idle' AND dialogues.update_at <= messages.created_at";
        let mut transaction = self.begin().await?;
        let is_left = sqlx::query(left).bind(message).fetch_optional(&mut *transaction).await?.is_some();
        if is_left && !is_night {
            transaction.rollback().await?;
            return Ok(true);
        }
        if is_left {
            let sql = format!("UPDATE dialogues SET reminded = NULL WHERE (chat_id, channel) IN ({left})");
            sqlx::query(AssertSqlSafe(sql)).bind(message).execute(&mut *transaction).await?;
        }
        sqlx::query("DELETE FROM messages WHERE id = $1").bind(message).execute(&mut *transaction).await?;
        transaction.commit().await?;
        Ok(false)
    }

    async fn remind_once(&self, left: &LeftForm, form: &str, message: &NewMessage) -> Result<bool, StoreError> {
        let mut transaction = self.begin().await?;
        let done = sqlx::query(
            "UPDATE dialogues SET reminded = $1 WHERE chat_id = $2 AND channel = $5 AND update_id = $3 \
             AND update_at = $4 AND step <> 'idle' AND (reminded IS NULL OR reminded <> $1)",
        )
        .bind(form)
        .bind(left.chat.id)
        .bind(left.update.0)
        .bind(left.update.1)
        .bind(left.chat.channel.as_str())
        .execute(&mut *transaction)
        .await?;
        let reminded = done.rows_affected() == 1;
        if reminded {
            let body = json(&message.notice);
            outbox::insert(&mut transaction, message.chat, &body, message.due_at, self.clock.now()).await?;
        }
        transaction.commit().await?;
        Ok(reminded)
    }
}
