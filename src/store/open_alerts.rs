//! What the admin has been told and not yet told is over: survives restarts.

use std::collections::BTreeMap;

use sqlx::{AssertSqlSafe, any::AnyRow};

use crate::clock::Millis;

use super::{
    Dialogues, NewMessage, OpenAlerts, StoreError, json, outbox,
    rows::{self, placeholders},
};

/// The alert that amoCRM does not take leads.
pub const OUTAGE: &str = "outage";

/// An alert that is open.
#[derive(Debug, Clone, PartialEq)]
pub struct OpenAlert {
    /// Since when.
    pub opened_at: Millis,
    /// Its state as JSON of the alerts room.
    pub body: String,
}

impl Dialogues {
    /// Whether the admin knows that amoCRM does not take leads just now.
    pub async fn is_crm_out(&self) -> Result<bool, StoreError> {
        let query = sqlx::query("SELECT 1 FROM alerts WHERE kind = $1").bind(OUTAGE);
        Ok(query.fetch_optional(&self.pool).await?.is_some())
    }
}

impl OpenAlerts {
    /// The open alert of a kind.
    pub async fn get(&self, kind: &str) -> Result<Option<OpenAlert>, StoreError> {
        let sql = format!("SELECT {} FROM alerts WHERE kind = $1", self.columns());
        let row = sqlx::query(AssertSqlSafe(sql)).bind(kind).fetch_optional(&self.pool).await?;
        Ok(row.map(|row| self.alert(&row, 0)))
    }

    /// The open alerts of these kinds, by kind: one look compares several.
    pub async fn of(&self, kinds: &[&str]) -> Result<BTreeMap<String, OpenAlert>, StoreError> {
        let (kind, these) = (rows::bytes(self.engine, "kind"), placeholders(1, kinds.len()));
        let sql = format!("SELECT {kind}, {} FROM alerts WHERE kind IN ({these})", self.columns());
        let query = kinds.iter().fold(sqlx::query(AssertSqlSafe(sql)), |query, kind| query.bind(*kind));
        let found = query.fetch_all(&self.pool).await?;
        let alerts = found.iter().filter_map(|row| Some((rows::lossy(row, 0)?, self.alert(row, 1))));
        Ok(alerts.collect())
    }

    fn columns(&self) -> String {
        format!("{}, {}", rows::numbers(self.engine, "opened_at"), rows::bytes(self.engine, "body"))
    }

    /// What is damaged is like what another version wrote: it is open, and nothing else is known.
    fn alert(&self, row: &AnyRow, at: usize) -> OpenAlert {
        OpenAlert {
            opened_at: rows::number(row, at).unwrap_or_else(|| self.clock.now()),
            body: rows::lossy(row, at + 1).unwrap_or_default(),
        }
    }

    /// Opens or changes an alert and enqueues the messages that say so, in one commit.
    pub async fn save(&self, kind: &str, alert: &OpenAlert, tell: &[NewMessage]) -> Result<(), StoreError> {
        self.again(|| self.save_once(kind, alert, tell)).await
    }

    async fn save_once(&self, kind: &str, alert: &OpenAlert, tell: &[NewMessage]) -> Result<(), StoreError> {
        let mut transaction = self.begin().await?;
        sqlx::query(
            "INSERT INTO alerts (kind, opened_at, body) VALUES ($1, $2, $3) \
             ON CONFLICT (kind) DO UPDATE SET opened_at = excluded.opened_at, body = excluded.body",
        )
        .bind(kind)
        .bind(alert.opened_at)
        .bind(&alert.body)
        .execute(&mut *transaction)
        .await?;
        self.enqueue_all(&mut transaction, tell).await?;
        transaction.commit().await?;
        self.wakes.messages.notify_one();
        Ok(())
    }

    /// Closes an alert and enqueues the messages that say so, in one commit.
    pub async fn close(&self, kind: &str, tell: &[NewMessage]) -> Result<(), StoreError> {
        self.again(|| self.close_once(kind, tell)).await
    }

    async fn close_once(&self, kind: &str, tell: &[NewMessage]) -> Result<(), StoreError> {
        let mut transaction = self.begin().await?;
        sqlx::query("DELETE FROM alerts WHERE kind = $1").bind(kind).execute(&mut *transaction).await?;
        self.enqueue_all(&mut transaction, tell).await?;
        transaction.commit().await?;
        self.wakes.messages.notify_one();
        Ok(())
    }

    async fn enqueue_all(&self, connection: &mut sqlx::AnyConnection, tell: &[NewMessage]) -> Result<(), StoreError> {
        let now = self.clock.now();
        for message in tell {
            outbox::insert(connection, message.chat, &json(&message.notice), message.due_at, now).await?;
        }
        Ok(())
    }
}
