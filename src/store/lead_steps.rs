//! What becomes of the steps of a lead's way: recorded before anything is sent, and again when it is known what came of it.
//!
//! - *An intent* allows a step to be sent: its commit checks that the lease is still held, and leaves a row that is not
//!   done. Whoever finds that row without an outcome looks the step up before it is sent again.
//! - *An outcome* other than success is recorded by the holder of the lease only: said late by a process that has lost it,
//!   it would wipe out what the new holder is sending.
//! - *What is done* (amoCRM gave an id) is recorded whoever holds the lease: knowledge never doubles a lead.
//!
//! Each of them is one commit that changes the row in `leads` and the row of the step together.

use sqlx::{AnyConnection, AssertSqlSafe, Row};
use ulid::Ulid;

use crate::{
    clock::Millis,
    fault::point,
    lead::{ChatRef, Lead, LeadNumber},
    notice::Notice,
};

use super::{
    LeadQueue, Lease, Step, StoreError, contacts, json, outbox,
    rows::{self, placeholders},
};

/// What amoCRM answered for one created lead.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Created {
    /// Our id.
    pub id: Ulid,
    /// amoCRM's id of the lead.
    pub crm_lead_id: i64,
    /// amoCRM's id of its contact, where it said so.
    pub contact_id: Option<i64>,
    /// E.164 of the buyer, under which the contact is remembered.
    pub phone: String,
}

/// A lead of which the last step is done.
#[derive(Debug, Clone, Copy)]
pub struct Completed<'a> {
    /// The lead.
    pub lead: &'a Lead,
    /// amoCRM's id of what the last step has made, where it said so.
    pub remote_id: Option<i64>,
}

/// Whether a step may be sent that was sent before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Intent {
    /// Only where nothing of it was sent, or it was looked up and recorded as [`StepOutcome::Absent`](super::StepOutcome::Absent).
    First,
    /// Also where it may be there: it was looked up just now, and only what is missing is sent.
    Again,
}

impl LeadQueue {
    /// Records that a step is about to be sent; only leads returned here, still held, may be sent. The lease lasts until
    /// `until`.
    pub async fn record_intent(
        &self,
        lease: &Lease,
        step: Step,
        leads: &[Ulid],
        until: Millis,
        intent: Intent,
    ) -> Result<Vec<Ulid>, StoreError> {
        let now = self.clock.now();
        self.write((lease.clone(), leads.to_vec()), move |(lease, leads), connection| {
            Box::pin(async move { Ok(intend(connection, lease, step, leads, until, intent, now).await?) })
        })
        .await
    }

    /// Records amoCRM's ids of created (or found) leads and remembers their contacts.
    pub async fn record_created(&self, created: &[Created]) -> Result<(), StoreError> {
        if created.is_empty() {
            return Ok(());
        }
        let now = self.clock.now();
        self.write(created.to_vec(), move |created, connection| {
            Box::pin(async move {
                let done: Vec<_> = created.iter().map(|one| (one.id, Some(one.crm_lead_id))).collect();
                record_done(connection, Step::Lead, &done, now).await?;
                for one in created {
                    let Some(contact_id) = one.contact_id else { continue };
                    contacts::attach(connection, one.id, &one.phone, contact_id, now).await?;
                }
                point("create.in_commit");
                Ok(())
            })
        })
        .await
    }

    /// Records a step that has a further one behind it, with amoCRM's ids of what it made.
    pub async fn record_step_done(&self, step: Step, leads: &[(Ulid, Option<i64>)]) -> Result<(), StoreError> {
        if leads.is_empty() {
            return Ok(());
        }
        let now = self.clock.now();
        self.write(leads.to_vec(), move |leads, connection| {
            Box::pin(async move { Ok(record_done(connection, step, leads, now).await?) })
        })
        .await
    }

    /// Records that a lead is a part of another one in amoCRM now, where its note, and whatever comes after it, is looked for
    /// before it is written.
    pub async fn record_merged(&self, lead: Ulid, crm_lead_id: i64, contact_id: Option<i64>) -> Result<(), StoreError> {
        self.again(|| self.record_merged_once(lead, crm_lead_id, contact_id)).await?;
        self.leads_moved();
        Ok(())
    }

    async fn record_merged_once(
        &self,
        lead: Ulid,
        crm_lead_id: i64,
        contact_id: Option<i64>,
    ) -> Result<(), StoreError> {
        let now = self.clock.now();
        let mut transaction = self.begin().await?;
        let waiting = sqlx::query(
            "UPDATE leads SET contact_id = COALESCE($1, contact_id), due_at = $2, leased_by = NULL, leased_until = 0 \
             WHERE id = $3 AND state = 'waiting'",
        )
        .bind(contact_id)
        .bind(now)
        .bind(lead.to_string())
        .execute(&mut *transaction)
        .await?;
        if waiting.rows_affected() == 1 {
            sqlx::query("UPDATE lead_steps SET remote_id = $1 WHERE lead_id = $2 AND step = 'lead'")
                .bind(crm_lead_id)
                .bind(lead.to_string())
                .execute(&mut *transaction)
                .await?;
            // Whatever comes after it may be under the other lead already.
            for later in Step::ALL.into_iter().filter(|step| *step != Step::Lead) {
                sqlx::query(
                    "INSERT INTO lead_steps (lead_id, step, sent_at, lookups_needed) VALUES ($1, $2, $3, 1) \
                     ON CONFLICT (lead_id, step) DO UPDATE SET lookups = 0, lookups_needed = 1 \
                     WHERE lead_steps.done_at IS NULL",
                )
                .bind(lead.to_string())
                .bind(later.as_str())
                .bind(now)
                .execute(&mut *transaction)
                .await?;
            }
        }
        transaction.commit().await?;
        Ok(())
    }

    /// Records the last step of leads; buyers who were told "saved" get a notice from the same commit on. Returns how many were not recorded before.
    pub async fn record_delivered(
        &self,
        leads: &[Completed<'_>],
        notice: impl Fn(LeadNumber) -> Notice,
    ) -> Result<u64, StoreError> {
        if leads.is_empty() {
            return Ok(0);
        }
        let now = self.clock.now();
        let leads: Vec<_> = leads.iter().map(|one| Delivery::of(one, &notice)).collect();
        let fresh = self
            .write(leads, move |leads, connection| Box::pin(async move { Ok(deliver(connection, leads, now).await?) }))
            .await?;
        self.leads_moved();
        self.wakes.messages.notify_one();
        self.wakes.files.notify_one();
        self.wake_afterwards();
        Ok(fresh)
    }
}

/// What is recorded of a lead of which the last step is done.
struct Delivery {
    id: Ulid,
    notice: Notice,
    chat: Option<ChatRef>,
    remote_id: Option<i64>,
}

impl Delivery {
    fn of(one: &Completed<'_>, notice: impl Fn(LeadNumber) -> Notice) -> Self {
        let Completed { lead, remote_id } = *one;
        Self { id: lead.id, notice: notice(lead.number.clone()), chat: lead.buyer.chat, remote_id }
    }
}

/// Records deliveries and enqueues what buyers are told of them.
async fn deliver(connection: &mut AnyConnection, leads: &[Delivery], now: Millis) -> Result<u64, StoreError> {
    let sql = format!(
        "UPDATE leads SET state = 'delivered', delivered_at = $1, leased_by = NULL, leased_until = 0, \
         last_error = NULL WHERE state <> 'delivered' AND id IN ({}) \
         RETURNING id, CASE WHEN buyer_told = 1 THEN 1 ELSE 0 END",
        placeholders(2, leads.len())
    );
    let mut query = sqlx::query(AssertSqlSafe(sql)).bind(now);
    for one in leads {
        query = query.bind(one.id.to_string());
    }
    let delivered = query.fetch_all(&mut *connection).await?;
    let done: Vec<_> = leads.iter().map(|one| (one.id, one.remote_id)).collect();
    record_done(connection, Step::LAST, &done, now).await?;
    for row in delivered.iter().filter(|row| rows::number(row, 1) == Some(1)) {
        let id: String = row.try_get(0)?;
        let lead = leads.iter().find(|lead| lead.id.to_string() == id);
        if let Some((lead, chat)) = lead.and_then(|lead| Some((lead, lead.chat?))) {
            outbox::insert(connection, chat, &json(&lead.notice), now, now).await?;
        }
    }
    point("delivered.in_commit");
    Ok(delivered.len() as u64)
}

/// Allows a step of those leads that are still held to be sent.
async fn intend(
    connection: &mut AnyConnection,
    lease: &Lease,
    step: Step,
    leads: &[Ulid],
    until: Millis,
    intent: Intent,
    now: Millis,
) -> Result<Vec<Ulid>, StoreError> {
    let sql = format!(
        "UPDATE leads SET leased_until = $1 WHERE leased_by = $2 AND state = 'waiting' AND id IN ({}) RETURNING id",
        placeholders(3, leads.len())
    );
    let mut query = sqlx::query(AssertSqlSafe(sql)).bind(until).bind(&lease.id);
    for lead in leads {
        query = query.bind(lead.to_string());
    }
    let held = ids(query.fetch_all(&mut *connection).await?)?;
    if held.is_empty() {
        return Ok(held);
    }
    let conflict = match intent {
        Intent::First => "NOTHING",
        Intent::Again => {
            "UPDATE SET sent_at = excluded.sent_at, lookups = 0, lookups_needed = 0 WHERE lead_steps.done_at IS NULL"
        }
    };
    let rows: Vec<String> = (2..held.len() + 2).map(|at| format!("(${at}, '{}', $1)", step.as_str())).collect();
    let sql = format!(
        "INSERT INTO lead_steps (lead_id, step, sent_at) VALUES {} ON CONFLICT (lead_id, step) DO {conflict} \
         RETURNING lead_id",
        rows.join(", ")
    );
    let mut query = sqlx::query(AssertSqlSafe(sql)).bind(now);
    for lead in &held {
        query = query.bind(lead.to_string());
    }
    let allowed = ids(query.fetch_all(&mut *connection).await?)?;
    Ok(allowed)
}

/// Records that a step is done, with amoCRM's ids of what it made.
async fn record_done(
    connection: &mut AnyConnection,
    step: Step,
    leads: &[(Ulid, Option<i64>)],
    now: Millis,
) -> Result<(), StoreError> {
    let row = |at: usize| format!("(${}, '{}', CAST(${} AS BIGINT), $1)", 2 * at + 2, step.as_str(), 2 * at + 3);
    let sql = format!(
        "INSERT INTO lead_steps (lead_id, step, remote_id, done_at) VALUES {} ON CONFLICT (lead_id, step) DO UPDATE SET \
         remote_id = excluded.remote_id, done_at = excluded.done_at, lookups = 0, lookups_needed = 0 \
         WHERE lead_steps.done_at IS NULL",
        (0..leads.len()).map(row).collect::<Vec<_>>().join(", ")
    );
    let mut query = sqlx::query(AssertSqlSafe(sql)).bind(now);
    for (lead, remote_id) in leads {
        query = query.bind(lead.to_string()).bind(*remote_id);
    }
    query.execute(connection).await?;
    Ok(())
}

pub(super) fn ids(rows: Vec<sqlx::any::AnyRow>) -> Result<Vec<Ulid>, StoreError> {
    let id = |row: &sqlx::any::AnyRow| {
        let text: String = row.try_get(0)?;
        Ulid::from_string(&text).map_err(|error| StoreError::Unreadable(format!("a lead's id: {error}")))
    };
    rows.iter().map(id).collect()
}
