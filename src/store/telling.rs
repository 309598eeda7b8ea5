//! What buyers and the admin are told of single leads: marked and enqueued in one commit, so that it is told once.

use sqlx::AssertSqlSafe;

use crate::{
    fault::point,
    lead::{ChatRef, Lead, LeadNumber},
    notice::Notice,
};

use super::{
    LeadQueue, OpenAlerts, StoreError, json,
    leads::{ID, LeadRow, lead_columns, lead_row},
    outbox, rows,
    step_outcome::TO_BE_TOLD,
};

/// Refused leads of which the admin has not heard.
pub(super) const UNTOLD_REJECTIONS: &str = "state = 'rejected' AND admin_told = 0 AND unreadable = 0";

/// Waiting leads of which the admin has no copy.
const UNCOPIED: &str = "state = 'waiting' AND admin_copied = 0 AND unreadable = 0";

/// Waiting leads of which the admin is to hear.
pub(super) fn untold_stuck() -> String {
    format!("state = 'waiting' AND unreadable = 0 AND admin_told = {TO_BE_TOLD}")
}

impl LeadQueue {
    /// Enqueues a notice to every buyer with a waiting lead who was not told yet that it is saved, and returns how many
    /// leads were marked.
    pub async fn tell_saved(&self, limit: i64, notice: impl Fn(LeadNumber) -> Notice) -> Result<usize, StoreError> {
        self.again(|| self.tell_saved_once(limit, &notice)).await
    }

    async fn tell_saved_once(&self, limit: i64, notice: &impl Fn(LeadNumber) -> Notice) -> Result<usize, StoreError> {
        let now = self.clock.now();
        let mut transaction = self.begin().await?;
        let sql = format!(
            "UPDATE leads SET buyer_told = 1 WHERE id IN (SELECT id FROM leads WHERE state = 'waiting' \
             AND buyer_told = 0 AND unreadable = 0 ORDER BY submitted_at, id LIMIT $1 + 0) RETURNING {}",
            lead_columns(self.engine)
        );
        let rows = sqlx::query(AssertSqlSafe(sql)).bind(limit).fetch_all(&mut *transaction).await?;
        for row in &rows {
            let Ok(LeadRow { lead, .. }) = lead_row(row) else {
                // Its buyer is told once it can be read.
                rows::mark_unreadable(&mut transaction, self.engine, "leads", rows::raw(row, ID)).await?;
                continue;
            };
            if let Some(chat) = lead.buyer.chat {
                let notice = json(&notice(lead.number));
                outbox::insert(&mut transaction, chat, &notice, now, now).await?;
            }
        }
        point("saved.in_commit");
        transaction.commit().await?;
        if !rows.is_empty() {
            self.wakes.messages.notify_one();
            // The backup file says who was told.
            self.wakes.backup.notify_one();
        }
        Ok(rows.len())
    }
}

impl OpenAlerts {
    /// Rejected leads the admin has not been told of, with what amoCRM said.
    pub async fn untold_rejections(&self) -> Result<Vec<(LeadNumber, String)>, StoreError> {
        let sql = format!(
            "SELECT {} FROM leads WHERE {UNTOLD_REJECTIONS} ORDER BY submitted_at, id LIMIT 50",
            lead_columns(self.engine)
        );
        let rows = sqlx::query(AssertSqlSafe(sql)).fetch_all(&self.pool).await?;
        let rejected = self.leads_of(&rows).await?.into_iter();
        Ok(rejected.map(|row| (row.lead.number, row.last_error.unwrap_or_default())).collect())
    }

    /// Waiting leads of which the admin is to be told that they do not get through, with what amoCRM said.
    pub async fn untold_stuck(&self) -> Result<Vec<(LeadNumber, String)>, StoreError> {
        let sql = format!(
            "SELECT {} FROM leads WHERE {} ORDER BY submitted_at, id LIMIT 50",
            lead_columns(self.engine),
            untold_stuck()
        );
        let rows = sqlx::query(AssertSqlSafe(sql)).fetch_all(&self.pool).await?;
        let stuck = self.leads_of(&rows).await?.into_iter();
        Ok(stuck.map(|row| (row.lead.number, row.last_error.unwrap_or_default())).collect())
    }

    /// Marks leads as told and enqueues the messages that tell of them, in one commit.
    pub async fn tell_of_leads(&self, chat: ChatRef, leads: &[(LeadNumber, Notice)]) -> Result<(), StoreError> {
        let now = self.clock.now();
        let mut transaction = self.begin().await?;
        for (number, notice) in leads {
            sqlx::query("UPDATE leads SET admin_told = 1 WHERE number = $1")
                .bind(number.as_str())
                .execute(&mut *transaction)
                .await?;
            outbox::insert(&mut transaction, chat, &json(notice), now, now).await?;
        }
        transaction.commit().await?;
        self.wakes.messages.notify_one();
        Ok(())
    }

    /// Enqueues copies of waiting leads that the admin has no copy of yet, `group` to a message; returns how many leads.
    pub async fn copy_to_admin(
        &self,
        chat: ChatRef,
        group: usize,
        limit: i64,
        notice: impl Fn(&[Lead]) -> Notice,
    ) -> Result<usize, StoreError> {
        // Mostly there is none, and a look is no write.
        let sql = format!("SELECT 1 FROM leads WHERE {UNCOPIED} LIMIT 1");
        if sqlx::query(AssertSqlSafe(sql)).fetch_optional(&self.pool).await?.is_none() {
            return Ok(0);
        }
        self.again(|| self.copy_to_admin_once(chat, group, limit, &notice)).await
    }

    async fn copy_to_admin_once(
        &self,
        chat: ChatRef,
        group: usize,
        limit: i64,
        notice: &impl Fn(&[Lead]) -> Notice,
    ) -> Result<usize, StoreError> {
        let now = self.clock.now();
        let mut transaction = self.begin().await?;
        let sql = format!(
            "UPDATE leads SET admin_copied = 1 WHERE id IN (SELECT id FROM leads WHERE {UNCOPIED} \
             ORDER BY submitted_at, id LIMIT $1 + 0) RETURNING {}",
            lead_columns(self.engine)
        );
        let rows = sqlx::query(AssertSqlSafe(sql)).bind(limit).fetch_all(&mut *transaction).await?;
        let mut leads = Vec::with_capacity(rows.len());
        for row in &rows {
            match lead_row(row) {
                Ok(row) => leads.push(row.lead),
                Err(_) => rows::mark_unreadable(&mut transaction, self.engine, "leads", rows::raw(row, ID)).await?,
            }
        }
        leads.sort_by_key(|lead| (lead.submitted_at, lead.id));
        for leads in leads.chunks(group.max(1)) {
            outbox::insert(&mut transaction, chat, &json(&notice(leads)), now, now).await?;
        }
        transaction.commit().await?;
        if !rows.is_empty() {
            self.wakes.messages.notify_one();
        }
        Ok(rows.len())
    }
}
