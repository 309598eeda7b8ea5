//! What is decided of a request whose buyer is known: that it is a note under an open lead, or of which contact it is.
//!
//! That a request is a note under a lead is recorded as its first step done, with that lead's id: from then on it goes the way of
//! any lead that amoCRM has and that still lacks its note, which is looked for there before it is sent again. What was decided
//! is undone only where the note is certainly not there.

use crate::{
    fault::point,
    lead::{AmendmentKind, Lead},
};

use super::{LeadAction, LeadQueue, Lease, NewAction, StoreError, amendments, lead_actions};

/// That a request is a note under an open lead.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attached {
    /// amoCRM's id of that lead.
    pub crm_lead_id: i64,
    /// Of its contact.
    pub contact_id: Option<i64>,
    /// The task that the lead gets for it.
    pub task: LeadAction,
}

impl LeadQueue {
    /// Records that a lead that is held is a note under this one of amoCRM's, and owes that one its tag and a task; `false` where it is not
    /// held any more, or is in amoCRM by itself.
    pub async fn record_attached(&self, lease: &Lease, lead: &Lead, attached: &Attached) -> Result<bool, StoreError> {
        self.again(|| self.record_attached_once(lease, lead, attached)).await
    }

    async fn record_attached_once(&self, lease: &Lease, lead: &Lead, attached: &Attached) -> Result<bool, StoreError> {
        let Attached { crm_lead_id, contact_id, task } = attached;
        let (now, id) = (self.clock.now(), lead.id.to_string());
        let mut transaction = self.begin().await?;
        let held = sqlx::query(
            "UPDATE leads SET attached_at = $1, contact_id = COALESCE($2, contact_id) WHERE id = $3 AND leased_by = $4 \
             AND state = 'waiting' AND forgotten_at IS NULL",
        )
        .bind(now)
        .bind(*contact_id)
        .bind(&id)
        .bind(&lease.id)
        .execute(&mut *transaction)
        .await?;
        if held.rows_affected() == 0 {
            return Ok(false);
        }
        let recorded = sqlx::query(
            "INSERT INTO lead_steps (lead_id, step, remote_id, done_at) VALUES ($1, 'lead', $2, $3) \
             ON CONFLICT (lead_id, step) DO UPDATE SET remote_id = excluded.remote_id, done_at = excluded.done_at, \
             lookups = 0, lookups_needed = 0 WHERE lead_steps.done_at IS NULL",
        )
        .bind(&id)
        .bind(*crm_lead_id)
        .bind(now)
        .execute(&mut *transaction)
        .await?;
        if recorded.rows_affected() == 0 {
            return Ok(false);
        }
        amendments::owe(&mut transaction, lead, AmendmentKind::Repeated, now).await?;
        let task = NewAction { about: AmendmentKind::Repeated.as_str().to_owned(), action: task.clone() };
        lead_actions::insert(&mut transaction, (&id, lead.number.as_str()), &task, now).await?;
        point("repeat.in_commit");
        transaction.commit().await?;
        Ok(true)
    }

    /// Undoes that of a lead that is held and whose note is certainly not there: it is decided again. `omitted`, where given, is
    /// what it goes without from now on.
    pub async fn record_detached(&self, lease: &Lease, lead: &Lead, omitted: Option<&str>) -> Result<(), StoreError> {
        self.again(|| self.record_detached_once(lease, lead, omitted)).await?;
        self.leads_moved();
        Ok(())
    }

    async fn record_detached_once(&self, lease: &Lease, lead: &Lead, omitted: Option<&str>) -> Result<(), StoreError> {
        let (now, id) = (self.clock.now(), lead.id.to_string());
        let mut transaction = self.begin().await?;
        let held = sqlx::query(
            "UPDATE leads SET attached_at = NULL, due_at = $1, leased_by = NULL, leased_until = 0, \
             degradation = COALESCE($2, degradation) \
             WHERE id = $3 AND leased_by = $4 AND state = 'waiting' AND attached_at IS NOT NULL",
        )
        .bind(now)
        .bind(omitted)
        .bind(&id)
        .bind(&lease.id)
        .execute(&mut *transaction)
        .await?;
        if held.rows_affected() == 1 {
            sqlx::query("DELETE FROM lead_steps WHERE lead_id = $1").bind(&id).execute(&mut *transaction).await?;
            let owed = format!("{id}-{}", AmendmentKind::Repeated.as_str());
            sqlx::query("DELETE FROM amendments WHERE id = $1").bind(&owed).execute(&mut *transaction).await?;
            sqlx::query("DELETE FROM lead_actions WHERE id = $1").bind(&owed).execute(&mut *transaction).await?;
            // Its contact stays the one that its buyer is known by.
            amendments::owe(&mut transaction, lead, AmendmentKind::KnownBuyer, now).await?;
        }
        transaction.commit().await?;
        Ok(())
    }

    /// Records that a lead is of the contact that its buyer is known by, and owes that one its phone. What contact the phone
    /// leads to stays as it is known.
    pub async fn record_contact_of_person(&self, lead: &Lead, contact_id: i64) -> Result<(), StoreError> {
        self.again(|| self.record_contact_of_person_once(lead, contact_id)).await
    }

    async fn record_contact_of_person_once(&self, lead: &Lead, contact_id: i64) -> Result<(), StoreError> {
        let mut transaction = self.begin().await?;
        let recorded = sqlx::query("UPDATE leads SET contact_id = $1 WHERE id = $2 AND forgotten_at IS NULL")
            .bind(contact_id)
            .bind(lead.id.to_string())
            .execute(&mut *transaction)
            .await?;
        if recorded.rows_affected() == 1 {
            amendments::owe(&mut transaction, lead, AmendmentKind::KnownBuyer, self.clock.now()).await?;
        }
        transaction.commit().await?;
        Ok(())
    }
}
