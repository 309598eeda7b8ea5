//! What buyers are to hear of where their leads stand, and that they have heard it.

use std::collections::HashMap;

use serde_json::Value;
use sqlx::{AnyConnection, AssertSqlSafe, any::AnyRow};

use crate::{
    clock::Millis,
    fault::point,
    lead::{ChatRef, LeadNumber},
};

use super::super::{Lease, NewMessage, StoreError, Watches, json, outbox, rows};
use super::{OVER, list};

/// So many messages are enqueued in one look.
const MOST_OWED: i64 = 200;

/// Something of which a buyer is to hear.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OwedStatus {
    /// Our id of the lead.
    pub lead_id: String,
    /// Its number.
    pub number: LeadNumber,
    /// Whose it is.
    pub user_id: i64,
    /// Where its buyer is told; `None` where this bot has never met them.
    pub chat: Option<ChatRef>,
    /// Its buyer had left the form when it was sent.
    pub unfinished: bool,
    /// Which text of the settings.
    pub key: String,
    /// Since when.
    pub owed_at: Millis,
}

impl Watches {
    /// Of what buyers are to hear, the longest owed first.
    pub async fn owed(&self) -> Result<Vec<OwedStatus>, StoreError> {
        let (text, number) = (|column| rows::bytes(self.engine, column), |column| rows::numbers(self.engine, column));
        let sql = format!(
            "SELECT {}, {}, {}, {}, {}, {}, {} FROM watched_leads JOIN leads ON leads.id = watched_leads.lead_id \
             WHERE watched_leads.owed IS NOT NULL AND watched_leads.ended_at IS NULL AND NOT {OVER} \
             ORDER BY watched_leads.owed_at, watched_leads.lead_id LIMIT $1 + 0",
            text("watched_leads.lead_id"),
            text("leads.number"),
            number("leads.user_id"),
            text("watched_leads.owed"),
            number("watched_leads.owed_at"),
            number("leads.expired_at"),
            text("leads.body"),
        );
        let found = sqlx::query(AssertSqlSafe(sql)).bind(MOST_OWED).fetch_all(&self.pool).await?;
        Ok(found.iter().filter_map(owed_status).collect())
    }

    /// When buyers were last told something, of those who were told since then.
    pub async fn told_since(&self, since: Millis) -> Result<HashMap<i64, Millis>, StoreError> {
        let sql = format!(
            "SELECT {}, {} FROM watched_leads JOIN leads ON leads.id = watched_leads.lead_id \
             WHERE watched_leads.told_at > $1",
            rows::numbers(self.engine, "leads.user_id"),
            rows::numbers(self.engine, "watched_leads.told_at")
        );
        let mut told = HashMap::new();
        for row in sqlx::query(AssertSqlSafe(sql)).bind(since).fetch_all(&self.pool).await? {
            if let (Some(user_id), Some(at)) = (rows::number(&row, 0), rows::number(&row, 1)) {
                let last = told.entry(user_id).or_insert(at);
                *last = at.max(*last);
            }
        }
        Ok(told)
    }

    /// Records that a buyer hears of it and enqueues the message, in one commit; `false` where that was done before, or it is
    /// no longer owed.
    pub async fn tell(&self, lease: &Lease, owed: &OwedStatus, message: &NewMessage) -> Result<bool, StoreError> {
        let told = self.again(|| self.tell_once(lease, owed, message)).await?;
        if told {
            point("status.stored");
            self.wakes.messages.notify_one();
        }
        Ok(told)
    }

    async fn tell_once(&self, lease: &Lease, owed: &OwedStatus, message: &NewMessage) -> Result<bool, StoreError> {
        let now = self.clock.now();
        let mut transaction = self.begin().await?;
        let mut told = self.told_of(&mut transaction, &owed.lead_id).await?;
        told.retain(|key| *key != owed.key);
        told.push(owed.key.clone());
        let sql = format!(
            "UPDATE watched_leads SET told = $1, told_at = $2, owed = NULL, owed_at = NULL WHERE lead_id = $3 AND owed = $4 \
             AND ended_at IS NULL{}",
            lease.fence()
        );
        let done = sqlx::query(AssertSqlSafe(sql))
            .bind(json(&told))
            .bind(now)
            .bind(&owed.lead_id)
            .bind(&owed.key)
            .execute(&mut *transaction)
            .await?;
        if done.rows_affected() == 0 {
            transaction.rollback().await?;
            return Ok(false);
        }
        outbox::insert(&mut transaction, message.chat, &json(&message.notice), message.due_at, now).await?;
        point("status.in_commit");
        transaction.commit().await?;
        Ok(true)
    }

    async fn told_of(&self, connection: &mut AnyConnection, lead_id: &str) -> Result<Vec<String>, StoreError> {
        let sql = format!("SELECT {} FROM watched_leads WHERE lead_id = $1", rows::bytes(self.engine, "told"));
        let row = sqlx::query(AssertSqlSafe(sql)).bind(lead_id).fetch_optional(connection).await?;
        Ok(row.as_ref().and_then(|row| list(row, 0)).unwrap_or_default())
    }

    /// A message that Telegram did not take by day is taken out of the outbox, and its buyer is to hear of it in the morning.
    pub async fn not_at_night(&self, message: &str, number: &LeadNumber, key: &str) -> Result<(), StoreError> {
        self.again(|| self.not_at_night_once(message, number, key)).await
    }

    async fn not_at_night_once(&self, message: &str, number: &LeadNumber, key: &str) -> Result<(), StoreError> {
        let mut transaction = self.begin().await?;
        let deleted =
            sqlx::query("DELETE FROM messages WHERE id = $1").bind(message).execute(&mut *transaction).await?;
        let sql = format!("SELECT {} FROM leads WHERE number = $1", rows::bytes(self.engine, "id"));
        let row = sqlx::query(AssertSqlSafe(sql)).bind(number.as_str()).fetch_optional(&mut *transaction).await?;
        if let (1, Some(lead_id)) = (deleted.rows_affected(), row.and_then(|row| rows::lossy(&row, 0))) {
            let mut told = self.told_of(&mut transaction, &lead_id).await?;
            told.retain(|told| told != key);
            // What has come since is newer.
            sqlx::query(
                "UPDATE watched_leads SET told = $1, told_at = NULL, owed_at = COALESCE(owed_at, $2), \
                 owed = COALESCE(owed, $3) WHERE lead_id = $4 AND ended_at IS NULL",
            )
            .bind(json(&told))
            .bind(self.clock.now())
            .bind(key)
            .bind(&lead_id)
            .execute(&mut *transaction)
            .await?;
        }
        transaction.commit().await?;
        Ok(())
    }

    /// Nobody hears of this any more: the settings say nothing of it now.
    pub async fn not_owed(&self, owed: &OwedStatus) -> Result<(), StoreError> {
        sqlx::query("UPDATE watched_leads SET owed = NULL, owed_at = NULL WHERE lead_id = $1 AND owed = $2")
            .bind(&owed.lead_id)
            .bind(&owed.key)
            .execute(&self.pool)
            .await?;
        Ok(())
    }
}

fn owed_status(row: &AnyRow) -> Option<OwedStatus> {
    let user_id = rows::number(row, 2)?;
    let body: Value = serde_json::from_str(&rows::lossy(row, 6)?).ok()?;
    let chat = match rows::is_null(row, 5) {
        true => body["buyer"]["chat_id"].as_i64().map(ChatRef::telegram),
        // Its answers are wiped; a buyer's chat is the buyer's own.
        false => Some(ChatRef::telegram(user_id)),
    };
    Some(OwedStatus {
        lead_id: rows::lossy(row, 0)?,
        number: LeadNumber::parse(&rows::lossy(row, 1)?)?,
        user_id,
        chat,
        unfinished: !body["left_open"].is_null(),
        key: rows::lossy(row, 3)?,
        owed_at: rows::number(row, 4).unwrap_or(0),
    })
}
