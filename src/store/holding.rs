//! Leads that are held: amoCRM fails on them, or refuses them, while it may not be their fault.

use sqlx::AssertSqlSafe;
use ulid::Ulid;

use crate::{clock::Millis, lead::LeadNumber};

use super::{Lease, Store, StoreError, leads::lead_columns, steps::placeholders};

/// `admin_told` of a waiting lead of which the admin is to be told that it does not get through.
const TO_BE_TOLD: i64 = 2;

/// How a lead is held.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hold {
    /// When it is tried again.
    pub due_at: Millis,
    /// What amoCRM said, without personal data.
    pub error: String,
    /// What to leave out from now on, if that changes, as JSON of the CRM's room.
    pub degradation: Option<String>,
    /// Whether the admin is to be told of it by number, if that has not been done.
    pub tell: bool,
    /// Whether a note of it that was sent before may be there.
    pub note_uncertain: bool,
}

impl Store {
    /// Records that a create or a note of one lead was certainly not done, and that it is tried again by itself later.
    pub async fn record_held(&self, lease: &Lease, lead: Ulid, hold: &Hold) -> Result<(), StoreError> {
        sqlx::query(AssertSqlSafe(format!(
            "UPDATE leads SET sent_at = NULL, lookups = 0, lookups_needed = $1, attempts = attempts + 1, solo = 1, \
             note_sent_at = CASE WHEN $1 = 1 OR crm_lead_id IS NULL THEN note_sent_at ELSE NULL END, due_at = $2, \
             degradation = COALESCE($3, degradation), last_error = $4, last_error_at = $5, \
             admin_told = CASE WHEN $6 = 1 AND admin_told = 0 THEN {TO_BE_TOLD} ELSE admin_told END, \
             leased_by = NULL, leased_until = 0 WHERE id = $7 AND leased_by = $8 AND state = 'waiting'"
        )))
        .bind(i64::from(hold.note_uncertain))
        .bind(hold.due_at)
        .bind(hold.degradation.as_deref())
        .bind(&hold.error)
        .bind(self.clock.now())
        .bind(i64::from(hold.tell))
        .bind(lead.to_string())
        .bind(&lease.id)
        .execute(&self.pool)
        .await?;
        self.leads_moved();
        Ok(())
    }

    /// Records that a create of several leads was certainly not done, perhaps because of one of them: each goes alone.
    pub async fn record_apart(&self, lease: &Lease, leads: &[Ulid], error: &str) -> Result<(), StoreError> {
        let mut transaction = self.begin().await?;
        for lead in leads {
            sqlx::query(
                "UPDATE leads SET sent_at = NULL, lookups = 0, solo = 1, due_at = $1, last_error = $2, \
                 leased_by = NULL, leased_until = 0 WHERE id = $3 AND leased_by = $4 AND crm_lead_id IS NULL",
            )
            .bind(self.clock.now())
            .bind(error)
            .bind(lead.to_string())
            .bind(&lease.id)
            .execute(&mut *transaction)
            .await?;
        }
        transaction.commit().await?;
        self.leads_moved();
        Ok(())
    }

    /// Marks a waiting lead as one the admin is to be told of, if that has not been done.
    pub async fn tell_of_stuck(&self, lead: Ulid) -> Result<(), StoreError> {
        let sql = format!(
            "UPDATE leads SET admin_told = {TO_BE_TOLD} WHERE id = $1 AND state = 'waiting' AND admin_told = 0"
        );
        sqlx::query(AssertSqlSafe(sql)).bind(lead.to_string()).execute(&self.pool).await?;
        Ok(())
    }

    /// Records what is left out of a lead that is about to be sent; no attempt is spent.
    pub async fn record_degradation(&self, lease: &Lease, lead: Ulid, degradation: &str) -> Result<(), StoreError> {
        sqlx::query("UPDATE leads SET degradation = $1 WHERE id = $2 AND leased_by = $3")
            .bind(degradation)
            .bind(lead.to_string())
            .bind(&lease.id)
            .execute(&self.pool)
            .await?;
        Ok(())
    }

    /// Puts leads back in line that were refused while it was not their fault, whole and by themselves; what was about to
    /// be tried with less is whole again, too.
    pub async fn revive(&self, leads: &[Ulid]) -> Result<(), StoreError> {
        let mut transaction = self.begin().await?;
        for lead in leads {
            sqlx::query(
                "UPDATE leads SET state = 'waiting', due_at = $1, degradation = NULL, solo = 1, \
                 admin_told = CASE WHEN admin_told = 1 THEN 1 ELSE 0 END \
                 WHERE id = $2 AND crm_lead_id IS NULL AND sent_at IS NULL AND (state = 'rejected' OR (state = 'waiting' \
                 AND leased_by IS NULL))",
            )
            .bind(self.clock.now())
            .bind(lead.to_string())
            .execute(&mut *transaction)
            .await?;
        }
        sqlx::query(
            "UPDATE leads SET degradation = NULL WHERE state = 'waiting' AND degradation LIKE '%\"less\":true%' \
             AND crm_lead_id IS NULL AND sent_at IS NULL",
        )
        .execute(&mut *transaction)
        .await?;
        transaction.commit().await?;
        self.leads_moved();
        Ok(())
    }

    /// Puts leads back in line whose notes were refused while it was not their fault; amoCRM has them, so what was left
    /// out of them stays as it is, and so does the doubt whether their notes are there.
    pub async fn revive_notes(&self, leads: &[Ulid]) -> Result<(), StoreError> {
        let sql = format!(
            "UPDATE leads SET state = 'waiting', due_at = $1, solo = 1, \
             admin_told = CASE WHEN admin_told = 1 THEN 1 ELSE 0 END \
             WHERE state = 'rejected' AND crm_lead_id IS NOT NULL AND id IN ({})",
            placeholders(2, leads.len())
        );
        let mut query = sqlx::query(AssertSqlSafe(sql)).bind(self.clock.now());
        for lead in leads {
            query = query.bind(lead.to_string());
        }
        query.execute(&self.pool).await?;
        self.leads_moved();
        Ok(())
    }

    /// Waiting leads of which the admin is to be told that they do not get through, with what amoCRM said.
    pub async fn untold_stuck(&self) -> Result<Vec<(LeadNumber, String)>, StoreError> {
        let sql = format!(
            "SELECT {} FROM leads WHERE state = 'waiting' AND unreadable = 0 \
             AND admin_told = {TO_BE_TOLD} ORDER BY submitted_at, id LIMIT 50",
            lead_columns(self.engine)
        );
        let rows = sqlx::query(AssertSqlSafe(sql)).fetch_all(&self.pool).await?;
        let stuck = self.leads_of(&rows).await?.into_iter();
        Ok(stuck.map(|row| (row.lead.number, row.last_error.unwrap_or_default())).collect())
    }
}
