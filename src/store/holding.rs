//! Leads out of the common way: what is left out of them, put back in line, sent again or given up by the admin.

use sqlx::AssertSqlSafe;
use ulid::Ulid;

use crate::lead::LeadNumber;

use super::{
    LeadQueue, Leads, Lease, Mark, Step, StoreError, lead_work, rows::placeholders, stage, step_outcome::TO_BE_TOLD,
};

impl LeadQueue {
    /// Marks a waiting lead as one the admin is to be told of, if that has not been done.
    pub async fn tell_of_stuck(&self, lead: Ulid) -> Result<(), StoreError> {
        let sql = format!(
            "UPDATE leads SET admin_told = {TO_BE_TOLD} WHERE id = $1 AND state = 'waiting' AND admin_told = 0"
        );
        sqlx::query(AssertSqlSafe(sql)).bind(lead.to_string()).execute(&self.pool).await?;
        Ok(())
    }

    /// From now on these leads are sent only by themselves.
    pub async fn mark_unbatched(&self, leads: &[Ulid]) -> Result<(), StoreError> {
        let sql =
            format!("UPDATE leads SET solo = 1 WHERE state = 'waiting' AND id IN ({})", placeholders(1, leads.len()));
        let mut query = sqlx::query(AssertSqlSafe(sql));
        for lead in leads {
            query = query.bind(lead.to_string());
        }
        query.execute(&self.pool).await?;
        Ok(())
    }

    /// Records what is left out of a lead that is about to be sent; no attempt is spent.
    pub async fn record_omitted(&self, lease: &Lease, lead: Ulid, omitted: &str) -> Result<(), StoreError> {
        sqlx::query("UPDATE leads SET degradation = $1 WHERE id = $2 AND leased_by = $3")
            .bind(omitted)
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
            let sql = format!(
                "UPDATE leads SET state = 'waiting', due_at = $1, degradation = NULL, solo = 1, \
                 admin_told = CASE WHEN admin_told = 1 THEN 1 ELSE 0 END \
                 WHERE id = $2 AND (state = 'rejected' OR (state = 'waiting' AND leased_by IS NULL)) AND NOT {}",
                stage::is_recorded(Step::Lead)
            );
            sqlx::query(AssertSqlSafe(sql))
                .bind(self.clock.now())
                .bind(lead.to_string())
                .execute(&mut *transaction)
                .await?;
        }
        let sql = format!(
            "UPDATE leads SET degradation = NULL WHERE state = 'waiting' AND degradation LIKE '%\"less\":true%' \
             AND NOT {}",
            stage::is_recorded(Step::Lead)
        );
        sqlx::query(AssertSqlSafe(sql)).execute(&mut *transaction).await?;
        transaction.commit().await?;
        self.leads_moved();
        Ok(())
    }

    /// Puts leads back in line of which a step behind the lead (the note) was refused while it was not their fault; amoCRM has
    /// them, so what was left out of them stays as it is, and so does the doubt whether that step is done.
    pub async fn revive_behind_the_lead(&self, leads: &[Ulid]) -> Result<(), StoreError> {
        let sql = format!(
            "UPDATE leads SET state = 'waiting', due_at = $1, solo = 1, \
             admin_told = CASE WHEN admin_told = 1 THEN 1 ELSE 0 END \
             WHERE state = 'rejected' AND {} AND id IN ({})",
            stage::is_done(Step::Lead),
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
}

impl Leads {
    /// Puts one lead, or every rejected one, back in line and makes every waiting lead due; returns how many were
    /// rejected before.
    pub async fn retry_now(&self, number: Option<&LeadNumber>) -> Result<u64, StoreError> {
        self.again(|| self.retry_now_once(number)).await
    }

    async fn retry_now_once(&self, number: Option<&LeadNumber>) -> Result<u64, StoreError> {
        let now = self.clock.now();
        let mut transaction = self.begin().await?;
        let revived = match number {
            Some(number) => {
                sqlx::query(
                    "UPDATE leads SET state = 'waiting', due_at = $1, attempts = 0, degradation = NULL, \
                     admin_told = 0, solo = 1 WHERE number = $2 AND state IN ('rejected', 'discarded') \
                     AND forgotten_at IS NULL",
                )
                .bind(now)
                .bind(number.as_str())
                .execute(&mut *transaction)
                .await?
            }
            None => {
                sqlx::query(
                    "UPDATE leads SET state = 'waiting', due_at = $1, attempts = 0, degradation = NULL, \
                     admin_told = 0, solo = 1 WHERE state = 'rejected'",
                )
                .bind(now)
                .execute(&mut *transaction)
                .await?
            }
        };
        // Leads whose create is uncertain keep their look-up distances: haste is what would double them.
        let sql = format!(
            "UPDATE leads SET due_at = $1 WHERE state = 'waiting' AND due_at > $1 AND id NOT IN {}",
            stage::attempted(Step::Lead)
        );
        sqlx::query(AssertSqlSafe(sql)).bind(now).execute(&mut *transaction).await?;
        if let (Some(number), 1..) = (number, revived.rows_affected()) {
            lead_work::reopened(&mut transaction, number.as_str(), now).await?;
        }
        super::marks::write(&mut transaction, &Mark::Retry, &now.to_string(), now).await?;
        transaction.commit().await?;
        self.leads_moved();
        self.wakes.messages.notify_one();
        Ok(revived.rows_affected())
    }

    /// Gives up a waiting or rejected lead; `false` when there is none of that number or its create is under way.
    pub async fn discard(&self, number: &LeadNumber) -> Result<bool, StoreError> {
        let now = self.clock.now();
        let done = sqlx::query(
            "UPDATE leads SET state = 'discarded', leased_by = NULL WHERE number = $1 \
             AND (state = 'rejected' OR (state = 'waiting' AND (leased_by IS NULL OR leased_until < $2)))",
        )
        .bind(number.as_str())
        .bind(now)
        .execute(&self.pool)
        .await?;
        self.leads_moved();
        Ok(done.rows_affected() == 1)
    }
}
