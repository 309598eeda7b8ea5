//! What the admin has been told and not yet told is over: survives restarts.

use sqlx::AssertSqlSafe;

use crate::{
    clock::Millis,
    notice::{AdminNotice, LeadCopy, Notice},
};

use super::{
    NewMessage, Store, StoreError, json,
    leads::{lead_columns, lead_row},
    messages, rows,
};

/// What the admin is told of a single lead, with what amoCRM said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Told {
    /// It is refused for its data.
    Rejected(String),
    /// It does not get through and is tried again.
    Stuck(String),
}

/// An alert that is open.
#[derive(Debug, Clone, PartialEq)]
pub struct OpenAlert {
    /// Since when.
    pub opened_at: Millis,
    /// Its state as JSON of the alerts room.
    pub body: String,
}

impl Store {
    /// The open alert of a kind.
    pub async fn alert(&self, kind: &str) -> Result<Option<OpenAlert>, StoreError> {
        let (opened_at, body) = (rows::numbers(self.engine, "opened_at"), rows::bytes(self.engine, "body"));
        let sql = format!("SELECT {opened_at}, {body} FROM alerts WHERE kind = $1");
        let row = sqlx::query(AssertSqlSafe(sql)).bind(kind).fetch_optional(&self.pool).await?;
        // What is damaged is like what another version wrote: it is open, and nothing else is known.
        let now = self.clock.now();
        Ok(row.map(|row| OpenAlert {
            opened_at: rows::number(&row, 0).unwrap_or(now),
            body: rows::lossy(&row, 1).unwrap_or_default(),
        }))
    }

    /// Opens or changes an alert and owes the messages that say so, in one commit.
    pub async fn save_alert(&self, kind: &str, alert: &OpenAlert, tell: &[NewMessage]) -> Result<(), StoreError> {
        self.again(|| self.save_alert_once(kind, alert, tell)).await
    }

    async fn save_alert_once(&self, kind: &str, alert: &OpenAlert, tell: &[NewMessage]) -> Result<(), StoreError> {
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
        self.owe_all(&mut transaction, tell).await?;
        transaction.commit().await?;
        self.wakes.messages.notify_one();
        Ok(())
    }

    /// Closes an alert and owes the messages that say so, in one commit.
    pub async fn close_alert(&self, kind: &str, tell: &[NewMessage]) -> Result<(), StoreError> {
        self.again(|| self.close_alert_once(kind, tell)).await
    }

    async fn close_alert_once(&self, kind: &str, tell: &[NewMessage]) -> Result<(), StoreError> {
        let mut transaction = self.begin().await?;
        sqlx::query("DELETE FROM alerts WHERE kind = $1").bind(kind).execute(&mut *transaction).await?;
        self.owe_all(&mut transaction, tell).await?;
        transaction.commit().await?;
        self.wakes.messages.notify_one();
        Ok(())
    }

    /// Marks leads as told and owes the messages that tell of them, in one commit.
    pub async fn tell_of_leads(
        &self,
        chat_id: i64,
        leads: &[(crate::lead::LeadNumber, Told)],
    ) -> Result<(), StoreError> {
        let now = self.clock.now();
        let mut transaction = self.begin().await?;
        for (number, told) in leads {
            sqlx::query("UPDATE leads SET admin_told = 1 WHERE number = $1")
                .bind(number.as_str())
                .execute(&mut *transaction)
                .await?;
            let number = number.clone();
            let notice = match told {
                Told::Rejected(error) => AdminNotice::Rejected { number, error: error.clone() },
                Told::Stuck(error) => AdminNotice::Stuck { number, error: error.clone() },
            };
            let body = json(&Notice::Admin(notice));
            messages::insert(&mut transaction, chat_id, &body, now, now).await?;
        }
        transaction.commit().await?;
        self.wakes.messages.notify_one();
        Ok(())
    }

    /// Owes copies of waiting leads that the admin has no copy of yet, `group` to a message; returns how many leads.
    pub async fn copy_to_admin(&self, chat_id: i64, group: usize, limit: i64) -> Result<usize, StoreError> {
        self.again(|| self.copy_to_admin_once(chat_id, group, limit)).await
    }

    async fn copy_to_admin_once(&self, chat_id: i64, group: usize, limit: i64) -> Result<usize, StoreError> {
        let now = self.clock.now();
        let mut transaction = self.begin().await?;
        let sql = format!(
            "UPDATE leads SET admin_copied = 1 WHERE id IN (SELECT id FROM leads WHERE state = 'waiting' \
             AND admin_copied = 0 AND unreadable = 0 ORDER BY submitted_at, id LIMIT $1) RETURNING {}",
            lead_columns(self.engine)
        );
        let rows = sqlx::query(AssertSqlSafe(sql)).bind(limit).fetch_all(&mut *transaction).await?;
        let mut leads = Vec::with_capacity(rows.len());
        for row in &rows {
            match lead_row(row) {
                Ok(row) => leads.push(row.lead),
                Err(_) => rows::mark_unreadable(&mut transaction, self.engine, "leads", rows::raw(row, 16)).await?,
            }
        }
        leads.sort_by_key(|lead| (lead.submitted_at, lead.id));
        for leads in leads.chunks(group.max(1)) {
            let leads = leads.iter().map(LeadCopy::of).collect();
            let body = json(&Notice::Admin(AdminNotice::Copies { leads }));
            messages::insert(&mut transaction, chat_id, &body, now, now).await?;
        }
        transaction.commit().await?;
        if !rows.is_empty() {
            self.wakes.messages.notify_one();
        }
        Ok(rows.len())
    }

    async fn owe_all(&self, connection: &mut sqlx::AnyConnection, tell: &[NewMessage]) -> Result<(), StoreError> {
        let now = self.clock.now();
        for message in tell {
            messages::insert(connection, message.chat_id, &json(&message.notice), message.due_at, now).await?;
        }
        Ok(())
    }
}
