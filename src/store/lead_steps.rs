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

use crate::{clock::Millis, fault::point, lead::Lead, notice::Notice};

use super::{Lease, Step, Store, StoreError, contacts, json, lead_queue::placeholders, messages, plain, rows};

/// `admin_told` of a waiting lead of which the admin is to be told that it does not get through.
pub(super) const TO_BE_TOLD: i64 = 2;

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
    /// Only where nothing of it was sent, or it was looked up and recorded as [`StepOutcome::Absent`].
    First,
    /// Also where it may be there: it was looked up just now, and only what is missing is sent.
    Again,
}

/// How a step of which the result is not known is looked up before it may be sent again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lookups {
    /// So many clean look-ups that do not find it.
    pub needed: i64,
    /// When the first is due.
    pub first_at: Millis,
    /// Whether the lead may from now on be sent only by itself.
    pub unbatched: bool,
}

/// How a lead is held on which amoCRM fails, or that it refuses, while it may not be the lead's fault.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hold {
    /// When it is tried again.
    pub due_at: Millis,
    /// What amoCRM said, without personal data.
    pub error: String,
    /// What to leave out from now on, if that changes, as JSON of the CRM's room.
    pub omitted: Option<String>,
    /// Whether the admin is to be told of it by number, if that has not been done.
    pub tell: bool,
    /// Whether what was sent of the step before this time may be there.
    pub uncertain: bool,
}

/// What came of a step that is not done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StepOutcome {
    /// It certainly was not done; no attempt is spent.
    NotDone {
        /// When it is tried again.
        due_at: Millis,
        /// Why, without personal data.
        error: String,
    },
    /// It certainly was not done, perhaps because of one of the leads it was sent with: each goes alone from now on.
    Apart {
        /// Why, without personal data.
        error: String,
    },
    /// It may have been done.
    Uncertain {
        /// How it is to be looked up.
        lookups: Lookups,
        /// Why, without personal data.
        error: String,
    },
    /// A clean look-up did not find it, and that is not enough yet.
    Missed {
        /// Look-ups until now, this one included.
        lookups: i64,
        /// How many it needs.
        needed: i64,
        /// When the next is due.
        due_at: Millis,
    },
    /// Enough clean look-ups did not find it: it may be sent as if for the first time, and so may the steps after it.
    Absent,
    /// It certainly was not done; an attempt is spent, and the lead is tried again by itself.
    Held(Hold),
    /// amoCRM refuses the data; the lead is kept, and a person has to look.
    Rejected {
        /// What amoCRM said, without personal data.
        error: String,
        /// Whether what was sent of the step before this time may be there.
        uncertain: bool,
    },
}

/// What becomes of a step's row.
enum RowChange {
    /// Nothing of it is there.
    Removed,
    /// It may be there, and was looked for so often of so often.
    LookedUp(i64, i64),
}

impl StepOutcome {
    fn row(&self, step: Step) -> RowChange {
        match self {
            Self::NotDone { .. } | Self::Apart { .. } | Self::Absent => RowChange::Removed,
            Self::Uncertain { lookups, .. } => RowChange::LookedUp(0, lookups.needed),
            Self::Missed { lookups, needed, .. } => RowChange::LookedUp(*lookups, *needed),
            Self::Held(Hold { uncertain, .. }) | Self::Rejected { uncertain, .. } => match (uncertain, step) {
                (true, Step::Note) => RowChange::LookedUp(0, 1),
                _ => RowChange::Removed,
            },
        }
    }
}

impl Store {
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
        self.again(|| self.record_intent_once(lease, step, leads, until, intent)).await
    }

    async fn record_intent_once(
        &self,
        lease: &Lease,
        step: Step,
        leads: &[Ulid],
        until: Millis,
        intent: Intent,
    ) -> Result<Vec<Ulid>, StoreError> {
        let mut transaction = self.begin().await?;
        let sql = format!(
            "UPDATE leads SET leased_until = $1 WHERE leased_by = $2 AND state = 'waiting' AND id IN ({}) RETURNING id",
            placeholders(3, leads.len())
        );
        let mut query = sqlx::query(AssertSqlSafe(sql)).bind(until).bind(&lease.id);
        for lead in leads {
            query = query.bind(lead.to_string());
        }
        let held = ids(query.fetch_all(&mut *transaction).await?)?;
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
        let mut query = sqlx::query(AssertSqlSafe(sql)).bind(self.clock.now());
        for lead in &held {
            query = query.bind(lead.to_string());
        }
        let allowed = ids(query.fetch_all(&mut *transaction).await?)?;
        transaction.commit().await?;
        Ok(allowed)
    }

    /// Records what came of a step that is not done, of leads that are still held, and gives them back.
    pub async fn record_outcome(
        &self,
        lease: &Lease,
        step: Step,
        leads: &[Ulid],
        outcome: &StepOutcome,
    ) -> Result<(), StoreError> {
        if leads.is_empty() {
            return Ok(());
        }
        self.again(|| self.record_outcome_once(lease, step, leads, outcome)).await?;
        self.leads_moved();
        Ok(())
    }

    async fn record_outcome_once(
        &self,
        lease: &Lease,
        step: Step,
        leads: &[Ulid],
        outcome: &StepOutcome,
    ) -> Result<(), StoreError> {
        let now = self.clock.now();
        let failed = "last_error = $2, last_error_at = $3";
        let (set, due_at, error) = match outcome {
            StepOutcome::NotDone { due_at, error } => (failed.to_owned(), *due_at, error.as_str()),
            // When it failed is not kept: whether others go through since then says nothing of one of several.
            StepOutcome::Apart { error } => ("last_error = $2, solo = 1".to_owned(), now, error.as_str()),
            StepOutcome::Uncertain { lookups, error } => {
                let unbatched = if lookups.unbatched { ", solo = 1" } else { "" };
                (format!("{failed}, attempts = attempts + 1{unbatched}"), lookups.first_at, error.as_str())
            }
            StepOutcome::Missed { due_at, .. } => (String::new(), *due_at, ""),
            StepOutcome::Absent => (String::new(), now, ""),
            StepOutcome::Held(hold) => {
                let told = format!(", admin_told = CASE WHEN admin_told = 0 THEN {TO_BE_TOLD} ELSE admin_told END");
                let set = format!(
                    "{failed}, attempts = attempts + 1, solo = 1{}{}",
                    if hold.omitted.is_some() { ", degradation = $5" } else { "" },
                    if hold.tell { told.as_str() } else { "" }
                );
                (set, hold.due_at, hold.error.as_str())
            }
            StepOutcome::Rejected { error, .. } => {
                (format!("{failed}, attempts = attempts + 1, state = 'rejected', admin_told = 0"), now, error.as_str())
            }
        };
        let set = if set.is_empty() { set } else { format!("{set}, ") };
        let sql = format!(
            "UPDATE leads SET {set}due_at = $1, leased_by = NULL, leased_until = 0 WHERE leased_by = $4 \
             AND state = 'waiting' AND id IN ({}) RETURNING id",
            placeholders(6, leads.len())
        );
        let omitted = match outcome {
            StepOutcome::Held(hold) => hold.omitted.as_deref(),
            _ => None,
        };
        let mut transaction = self.begin().await?;
        let mut query =
            sqlx::query(AssertSqlSafe(sql)).bind(due_at).bind(plain(error)).bind(now).bind(&lease.id).bind(omitted);
        for lead in leads {
            query = query.bind(lead.to_string());
        }
        let held = ids(query.fetch_all(&mut *transaction).await?)?;
        if !held.is_empty() {
            change_rows(&mut transaction, step, &held, outcome).await?;
        }
        transaction.commit().await?;
        Ok(())
    }

    /// Records amoCRM's ids of created (or found) leads and remembers their contacts.
    pub async fn record_created(&self, created: &[Created]) -> Result<(), StoreError> {
        if created.is_empty() {
            return Ok(());
        }
        self.again(|| self.record_created_once(created)).await
    }

    async fn record_created_once(&self, created: &[Created]) -> Result<(), StoreError> {
        let now = self.clock.now();
        let mut transaction = self.begin().await?;
        let done: Vec<_> = created.iter().map(|one| (one.id, Some(one.crm_lead_id))).collect();
        record_done(&mut transaction, Step::Lead, &done, now).await?;
        for one in created {
            let Some(contact_id) = one.contact_id else { continue };
            contacts::attach(&mut transaction, one.id, &one.phone, contact_id, now).await?;
        }
        point("create.in_commit");
        transaction.commit().await?;
        Ok(())
    }

    /// Records that a lead is a part of another one in amoCRM now, where its note is looked for before it is written.
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
            sqlx::query(
                "INSERT INTO lead_steps (lead_id, step, sent_at, lookups_needed) VALUES ($1, 'note', $2, 1) \
                 ON CONFLICT (lead_id, step) DO UPDATE SET lookups = 0, lookups_needed = 1 \
                 WHERE lead_steps.done_at IS NULL",
            )
            .bind(lead.to_string())
            .bind(now)
            .execute(&mut *transaction)
            .await?;
        }
        transaction.commit().await?;
        Ok(())
    }

    /// Records the last step of leads; buyers who were told "saved" are owed "delivered" from the same commit on.
    /// Returns how many were not recorded before.
    pub async fn record_delivered(&self, leads: &[Completed<'_>]) -> Result<u64, StoreError> {
        if leads.is_empty() {
            return Ok(0);
        }
        let fresh = self.again(|| self.record_delivered_once(leads)).await?;
        self.leads_moved();
        self.wakes.messages.notify_one();
        Ok(fresh)
    }

    async fn record_delivered_once(&self, leads: &[Completed<'_>]) -> Result<u64, StoreError> {
        let now = self.clock.now();
        let mut transaction = self.begin().await?;
        let done: Vec<_> = leads.iter().map(|one| (one.lead.id, one.remote_id)).collect();
        let sql = format!(
            "UPDATE leads SET state = 'delivered', delivered_at = $1, leased_by = NULL, leased_until = 0, \
             last_error = NULL WHERE state <> 'delivered' AND id IN ({}) \
             RETURNING id, CASE WHEN buyer_told = 1 THEN 1 ELSE 0 END",
            placeholders(2, leads.len())
        );
        let mut query = sqlx::query(AssertSqlSafe(sql)).bind(now);
        for one in leads {
            query = query.bind(one.lead.id.to_string());
        }
        let delivered = query.fetch_all(&mut *transaction).await?;
        record_done(&mut transaction, Step::Note, &done, now).await?;
        for row in &delivered {
            let id: String = row.try_get(0)?;
            let lead = leads.iter().map(|one| one.lead).find(|lead| lead.id.to_string() == id);
            let told = rows::number(row, 1) == Some(1);
            if let Some((lead, chat_id)) = lead.filter(|_| told).and_then(|lead| Some((lead, lead.buyer.chat_id?))) {
                let notice = Notice::Delivered { number: lead.number.clone() };
                messages::insert(&mut transaction, chat_id, &json(&notice), now, now).await?;
            }
        }
        point("delivered.in_commit");
        transaction.commit().await?;
        Ok(delivered.len() as u64)
    }
}

/// Changes the rows of a step that is not done; without the step there is nothing of those after it either.
async fn change_rows(
    connection: &mut AnyConnection,
    step: Step,
    leads: &[Ulid],
    outcome: &StepOutcome,
) -> Result<(), StoreError> {
    let of = match outcome {
        StepOutcome::Absent => "step <> ''".to_owned(),
        _ => format!("step = '{}'", step.as_str()),
    };
    let rows = format!("WHERE done_at IS NULL AND {of} AND lead_id IN ({})", placeholders(1, leads.len()));
    let sql = match outcome.row(step) {
        RowChange::Removed => format!("DELETE FROM lead_steps {rows}"),
        RowChange::LookedUp(lookups, needed) => {
            format!("UPDATE lead_steps SET lookups = {lookups}, lookups_needed = {needed} {rows}")
        }
    };
    let mut query = sqlx::query(AssertSqlSafe(sql));
    for lead in leads {
        query = query.bind(lead.to_string());
    }
    query.execute(connection).await?;
    Ok(())
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

fn ids(rows: Vec<sqlx::any::AnyRow>) -> Result<Vec<Ulid>, StoreError> {
    let id = |row: &sqlx::any::AnyRow| {
        let text: String = row.try_get(0)?;
        Ulid::from_string(&text).map_err(|error| StoreError::Unreadable(format!("a lead's id: {error}")))
    };
    rows.iter().map(id).collect()
}
