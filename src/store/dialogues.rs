//! Dialogues: each turn is one commit that holds the new state, the update that made it, the answer to it, the lead it
//! submits and the messages that answer it. A turn is committed only if the dialogue still stands as it was read: a process
//! that has lost the leadership may still be taking a turn when the next leader has taken the same one, and more.

use std::collections::HashSet;

use sqlx::AssertSqlSafe;
use tracing::warn;

use crate::{clock::Millis, lead::ChatRef};

use super::{
    Amended, Dialogues, LeadRow, StoreError,
    leads::{ID, LEAD_COLUMNS, newest},
    rows,
};

/// A chat's stored dialogue; `step` and `draft` are read tolerantly by the bot's room.
#[derive(Debug, Clone, PartialEq)]
pub struct Dialogue {
    /// Name of the step.
    pub step: String,
    /// What has been answered, as JSON.
    pub draft: String,
    /// The last update that was taken.
    pub update_id: i64,
    /// When it was taken, in milliseconds UTC.
    pub update_at: Millis,
    /// What it is answered with, as JSON, so that a redelivery can be answered again.
    pub replies: Option<String>,
}

impl Dialogues {
    /// A chat's dialogue; whatever stands there, it can be read.
    pub async fn of_chat(&self, chat: ChatRef) -> Result<Option<Dialogue>, StoreError> {
        let sql = format!(
            "SELECT {}, {}, {}, {}, {} FROM dialogues WHERE chat_id = $1 AND channel = $2",
            rows::bytes(self.engine, "step"),
            rows::bytes(self.engine, "draft"),
            rows::numbers(self.engine, "update_id"),
            rows::numbers(self.engine, "update_at"),
            rows::bytes(self.engine, "replies")
        );
        let Some(row) = sqlx::query(AssertSqlSafe(sql))
            .bind(chat.id)
            .bind(chat.channel.as_str())
            .fetch_optional(&self.pool)
            .await?
        else {
            return Ok(None);
        };
        let taken = (rows::number(&row, 2), rows::number(&row, 3));
        if let (None, _) | (_, None) = taken {
            // The next turn is compared with these two: without them the chat would be locked out.
            warn!("a dialogue does not say which update it has taken last; it goes on with the next one");
            self.forget_last_update(chat).await?;
        }
        let (update_id, update_at) = match taken {
            (Some(update_id), Some(update_at)) => (update_id, update_at),
            _ => (0, 0),
        };
        Ok(Some(Dialogue {
            step: rows::lossy(&row, 0).unwrap_or_default(),
            draft: rows::lossy(&row, 1).unwrap_or_default(),
            update_id,
            update_at,
            replies: rows::lossy(&row, 4),
        }))
    }

    async fn forget_last_update(&self, chat: ChatRef) -> Result<(), StoreError> {
        sqlx::query("UPDATE dialogues SET update_id = 0, update_at = 0 WHERE chat_id = $1 AND channel = $2")
            .bind(chat.id)
            .bind(chat.channel.as_str())
            .execute(&self.pool)
            .await?;
        Ok(())
    }

    /// What one person has sent, newest first, at most `limit`, each with what was said of it since.
    pub async fn requests_of(&self, user_id: i64, limit: usize) -> Result<Vec<(LeadRow, Amended)>, StoreError> {
        // Of most nothing was said since: those are read by one statement.
        let is_amended = ", (SELECT COUNT(*) FROM amendments WHERE amendments.lead_id = leads.id)";
        let rows = self.leads().rows_of_person(user_id, limit, is_amended).await?;
        let with_amendments = rows.iter().filter(|row| rows::number(row, LEAD_COLUMNS) != Some(0));
        let with_amendments: HashSet<_> = with_amendments.filter_map(|row| rows::lossy(row, ID)).collect();
        let requests = newest(self.leads_of(&rows).await?, limit);
        let ids = requests.iter().map(|row| row.lead.id).filter(|id| with_amendments.contains(&id.to_string()));
        let mut amended = self.amended(&ids.collect::<Vec<_>>()).await?;
        let with = requests.into_iter().map(|row| {
            let amended = amended.remove(&row.lead.id).unwrap_or_default();
            (row, amended)
        });
        Ok(with.collect())
    }

    /// Forgets a chat's dialogue.
    pub async fn remove(&self, chat: ChatRef) -> Result<(), StoreError> {
        sqlx::query("DELETE FROM dialogues WHERE chat_id = $1 AND channel = $2")
            .bind(chat.id)
            .bind(chat.channel.as_str())
            .execute(&self.pool)
            .await?;
        Ok(())
    }
}
