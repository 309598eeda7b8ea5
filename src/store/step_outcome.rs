//! What came of a step that is not done: the change of the lead and the change of the step's row, as one commit under the
//! lease.

use sqlx::{AnyConnection, AssertSqlSafe};
use ulid::Ulid;

use crate::clock::Millis;

use super::{LeadQueue, Lease, Step, StoreError, lead_steps::ids, plain, rows::placeholders};

/// `admin_told` of a waiting lead of which the admin is to be told that it does not get through.
pub(super) const TO_BE_TOLD: i64 = 2;

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
                // Without its first step there is nothing that a lead's other steps could be found under.
                (false, _) | (true, Step::Lead) => RowChange::Removed,
                (true, _) => RowChange::LookedUp(0, 1),
            },
        }
    }
}

impl LeadQueue {
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
        let now = self.clock.now();
        let what = (lease.clone(), leads.to_vec(), outcome.clone());
        self.write(what, move |(lease, leads, outcome), connection| {
            Box::pin(async move { Ok(record(connection, lease, step, leads, outcome, now).await?) })
        })
        .await?;
        self.leads_moved();
        Ok(())
    }
}

/// Records an outcome of those leads that are still held.
async fn record(
    connection: &mut AnyConnection,
    lease: &Lease,
    step: Step,
    leads: &[Ulid],
    outcome: &StepOutcome,
    now: Millis,
) -> Result<(), StoreError> {
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
    let mut query =
        sqlx::query(AssertSqlSafe(sql)).bind(due_at).bind(plain(error)).bind(now).bind(&lease.id).bind(omitted);
    for lead in leads {
        query = query.bind(lead.to_string());
    }
    let held = ids(query.fetch_all(&mut *connection).await?)?;
    if !held.is_empty() {
        change_rows(connection, step, &held, outcome).await?;
    }
    Ok(())
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
