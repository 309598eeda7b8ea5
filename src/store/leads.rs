//! Leads: read by number and by state.

use std::collections::HashMap;

use futures::TryStreamExt;
use sqlx::{AssertSqlSafe, any::AnyRow};
use ulid::Ulid;

use crate::{
    clock::Millis,
    lead::{Lead, LeadNumber, one_line},
};

use super::{Engine, LeadState, Leads, Stage, Step, Steps, StoreError, rows, stage};

/// No error in words is longer.
const LONGEST_ERROR: usize = 1000;

/// A lead with what is known of its way.
#[derive(Debug, Clone)]
pub struct LeadRow {
    /// The lead.
    pub lead: Lead,
    /// Where it stands.
    pub stage: Stage,
    /// Answers that were about this lead; outages do not count.
    pub attempts: i64,
    /// Contact found or made.
    pub contact_id: Option<i64>,
    /// What is recorded of its steps, also of one that is over.
    pub steps: Steps,
    /// Whether it may be sent only by itself.
    pub unbatched: bool,
    /// What amoCRM refused, as JSON of the CRM's room.
    pub omitted: Option<String>,
    /// When the last step was recorded.
    pub delivered_at: Option<Millis>,
    /// What went wrong last, without personal data.
    pub last_error: Option<String>,
    /// When that was, in milliseconds UTC.
    pub last_error_at: Option<Millis>,
    /// Whether the buyer was told that it is saved.
    pub buyer_told: bool,
    /// No attempt before.
    pub due_at: Millis,
    /// When everything personal in it was wiped.
    pub forgotten_at: Option<Millis>,
    /// When its answers were wiped because it was old.
    pub expired_at: Option<Millis>,
    /// When it was decided that it is a note under an open lead of its buyer, in place of a lead of its own.
    pub attached_at: Option<Millis>,
    /// Whether version 0.1.0 may have sent it; such a lead was never told when a chat sent it.
    pub first_edition: bool,
}

impl LeadRow {
    /// Its state in the store.
    pub fn state(&self) -> LeadState {
        match self.stage {
            Stage::Rejected => LeadState::Rejected,
            Stage::Discarded => LeadState::Discarded,
            Stage::Delivered => LeadState::Delivered,
            Stage::Queued | Stage::Uncertain(_) | Stage::Ready(_) => LeadState::Waiting,
        }
    }

    /// Its id in amoCRM, once it is known to be there.
    pub fn crm_lead_id(&self) -> Option<i64> {
        self.steps.remote_id(Step::Lead)
    }

    /// The same lead once a step is known to be done.
    pub fn after(mut self, step: Step, remote_id: impl Into<Option<i64>>) -> Self {
        self.steps.done(step, remote_id.into());
        self.stage = Stage::of(LeadState::Waiting, &self.steps);
        self
    }

    /// The same lead once it is decided that it is a note under this one of amoCRM's.
    pub fn attached(mut self, crm_lead_id: i64, now: Millis) -> Self {
        self.attached_at = Some(now);
        self.after(Step::Lead, crm_lead_id)
    }
}

/// No document of a lead is longer, in characters: an answer of a buyer has 4096 at most.
const LONGEST_BODY: usize = 256_000;

/// How many columns [`lead_columns`] names: what a query reads besides comes after them.
pub(super) const LEAD_COLUMNS: usize = 18;

// Where they stand, of those that are read by others too.
pub(super) const BODY: usize = 0;
pub(super) const STATE: usize = 1;
pub(super) const STEPS: usize = 4;
pub(super) const ID: usize = 12;
pub(super) const NUMBER: usize = 13;

/// What [`lead_row`] reads.
pub(super) fn lead_columns(engine: Engine) -> String {
    let body = format!("SUBSTR(body, 1, {})", LONGEST_BODY + 1);
    let text = |column: &str| rows::bytes(engine, column);
    let number = |column: &str| rows::numbers(engine, column);
    [
        text(&body),
        text("state"),
        number("attempts"),
        number("contact_id"),
        stage::column(engine),
        number("solo"),
        text("degradation"),
        number("delivered_at"),
        text("last_error"),
        number("last_error_at"),
        number("buyer_told"),
        number("due_at"),
        text("id"),
        text("number"),
        number("forgotten_at"),
        number("taken_at"),
        number("expired_at"),
        number("attached_at"),
    ]
    .join(", ")
}

/// The newest of them, newest first.
pub(super) fn newest(mut leads: Vec<LeadRow>, limit: usize) -> Vec<LeadRow> {
    leads.sort_by_key(|row| std::cmp::Reverse((row.lead.submitted_at, row.lead.id)));
    leads.truncate(limit);
    leads
}

/// Reads a lead. It is unreadable where its document, its state or its id in amoCRM is; of what is only remembered of its
/// way, damage is taken for what is safe: that it may have been sent, and is to be looked up.
pub(super) fn lead_row(row: &AnyRow) -> Result<LeadRow, StoreError> {
    let wrong = |what: &str| StoreError::Unreadable(what.into());
    let body = rows::text(row, BODY, "its document")?;
    if body.chars().count() > LONGEST_BODY {
        return Err(wrong("its document is too long"));
    }
    let lead: Lead = rows::document(&body, "its document")?;
    let state = LeadState::parse(&rows::text(row, STATE, "its state")?)?;
    if rows::lossy(row, ID) != Some(lead.id.to_string())
        || rows::lossy(row, NUMBER).and_then(|number| LeadNumber::parse(&number)).as_ref() != Some(&lead.number)
    {
        return Err(wrong("its document is of another lead"));
    }
    let (stage, steps) = stage::decode(state, rows::lossy(row, STEPS), lead.submitted_at.timestamp_millis())?;
    let count = |at: usize| rows::number(row, at).unwrap_or(0);
    Ok(LeadRow {
        stage,
        attempts: count(2),
        contact_id: rows::number(row, 3),
        steps,
        unbatched: rows::number(row, 5) != Some(0),
        omitted: rows::lossy(row, 6),
        delivered_at: rows::number(row, 7),
        // Earlier versions kept what amoCRM said as it was.
        last_error: rows::lossy(row, 8).map(|error| one_line(&error, LONGEST_ERROR)),
        last_error_at: rows::number(row, 9),
        buyer_told: count(10) != 0,
        due_at: count(11),
        forgotten_at: rows::number(row, 14),
        expired_at: rows::number(row, 16),
        // Damaged, it is a decision all the same.
        attached_at: rows::number(row, 17).or_else(|| (!rows::is_null(row, 17)).then_some(0)),
        first_edition: rows::is_null(row, 15),
        lead,
    })
}

impl Leads {
    /// Resolves when the export of what amoCRM does not have may be out of date.
    pub async fn undelivered_changed(&self) {
        self.wakes.backup.notified().await;
    }

    /// The lead with this number, if it can be read.
    pub async fn by_number(&self, number: &LeadNumber) -> Result<Option<LeadRow>, StoreError> {
        let sql = format!("SELECT {} FROM leads WHERE number = $1 AND unreadable = 0", lead_columns(self.engine));
        let rows = sqlx::query(AssertSqlSafe(sql)).bind(number.as_str()).fetch_all(&self.pool).await?;
        Ok(self.leads_of(&rows).await?.pop())
    }

    /// The lead with this id, if it can be read.
    pub(super) async fn by_id(&self, id: Ulid) -> Result<Option<LeadRow>, StoreError> {
        let sql = format!("SELECT {} FROM leads WHERE id = $1 AND unreadable = 0", lead_columns(self.engine));
        let rows = sqlx::query(AssertSqlSafe(sql)).bind(id.to_string()).fetch_all(&self.pool).await?;
        Ok(self.leads_of(&rows).await?.pop())
    }

    /// The ids in amoCRM of everything one person has sent, as far as they are known.
    pub async fn crm_ids_of(&self, user_id: i64) -> Result<Vec<i64>, StoreError> {
        let id = rows::numbers(self.engine, "remote_id");
        let sql = format!(
            "SELECT {id} FROM leads JOIN lead_steps ON lead_id = id WHERE user_id = $1 AND step = 'lead' \
             AND remote_id IS NOT NULL"
        );
        let rows = sqlx::query(AssertSqlSafe(sql)).bind(user_id).fetch_all(&self.pool).await?;
        Ok(rows.iter().filter_map(|row| rows::number(row, 0)).collect())
    }

    /// What one person has sent and may still be read, newest first, at most `limit`.
    pub async fn of_person(&self, user_id: i64, limit: usize) -> Result<Vec<LeadRow>, StoreError> {
        let rows = self.rows_of_person(user_id, limit, "").await?;
        Ok(newest(self.leads_of(&rows).await?, limit))
    }

    /// The newest of what a person has sent and may still be read, at most `limit` of each half, unsorted; `besides` is
    /// further columns in SQL, each with a comma before it.
    pub(super) async fn rows_of_person(
        &self,
        user_id: i64,
        limit: usize,
        besides: &str,
    ) -> Result<Vec<AnyRow>, StoreError> {
        // Each half has an index of its own.
        let halves = [("IS NOT NULL", "taken_at"), ("IS NULL", "submitted_at")].map(|(taken, newest)| {
            format!(
                "SELECT {}{besides} FROM (SELECT * FROM leads WHERE user_id = $1 AND taken_at {taken} \
                 AND forgotten_at IS NULL AND unreadable = 0 ORDER BY {newest} DESC LIMIT $2 + 0) AS leads",
                lead_columns(self.engine),
            )
        });
        let query = sqlx::query(AssertSqlSafe(halves.join(" UNION ALL ")));
        let query = query.bind(user_id).bind(i64::try_from(limit).unwrap_or(i64::MAX));
        Ok(query.fetch_all(&self.pool).await?)
    }

    /// Leads that amoCRM does not have, oldest first: waiting and rejected ones, at most `limit`.
    pub async fn undelivered(&self, limit: i64) -> Result<Vec<LeadRow>, StoreError> {
        let mut leads = self.in_state(LeadState::Waiting, limit).await?;
        leads.extend(self.in_state(LeadState::Rejected, limit).await?);
        leads.sort_by_key(|row| (row.lead.submitted_at, row.lead.id));
        leads.truncate(usize::try_from(limit).unwrap_or(usize::MAX));
        Ok(leads)
    }

    /// The ids of leads that amoCRM does not have and that can be read, oldest first.
    pub async fn undelivered_ids(&self) -> Result<Vec<Ulid>, StoreError> {
        let mut found = Vec::new();
        for state in [LeadState::Waiting, LeadState::Rejected] {
            let sql = format!(
                "SELECT {}, {} FROM leads WHERE state = '{}' AND unreadable = 0",
                rows::bytes(self.engine, "id"),
                rows::numbers(self.engine, "submitted_at"),
                state.as_str()
            );
            let mut ids = sqlx::query(AssertSqlSafe(sql)).fetch(self.pool.row_by_row());
            let mut damaged = false;
            while let Some(row) = ids.try_next().await? {
                match rows::lossy(&row, 0).and_then(|id| Ulid::from_string(&id).ok()) {
                    Some(id) => found.push((rows::number(&row, 1).unwrap_or(0), id)),
                    None => damaged = true,
                }
            }
            drop(ids);
            if damaged {
                // Whoever reads it marks it.
                self.in_state(state, i64::from(i32::MAX)).await?;
            }
        }
        found.sort_unstable();
        Ok(found.into_iter().map(|(_, id)| id).collect())
    }

    /// Of these leads those that amoCRM does not have and that can be read, in the order of the ids.
    pub async fn undelivered_of(&self, ids: &[Ulid]) -> Result<Vec<LeadRow>, StoreError> {
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        let sql = format!(
            "SELECT {} FROM leads WHERE id IN ({}) AND state IN ('waiting', 'rejected') AND unreadable = 0",
            lead_columns(self.engine),
            rows::placeholders(1, ids.len())
        );
        let mut query = sqlx::query(AssertSqlSafe(sql));
        for id in ids {
            query = query.bind(id.to_string());
        }
        let rows = query.fetch_all(&self.pool).await?;
        let leads = self.leads_of(&rows).await?;
        let mut by_id: HashMap<Ulid, LeadRow> = leads.into_iter().map(|row| (row.lead.id, row)).collect();
        Ok(ids.iter().filter_map(|id| by_id.remove(id)).collect())
    }

    /// Leads in one state that can be read, oldest first, at most `limit`.
    pub async fn in_state(&self, state: LeadState, limit: i64) -> Result<Vec<LeadRow>, StoreError> {
        // The state stands in the text and not in a parameter, so that both engines use the partial index.
        let sql = format!(
            "SELECT {} FROM leads WHERE state = '{}' AND unreadable = 0 ORDER BY submitted_at, id LIMIT $1 + 0",
            lead_columns(self.engine),
            state.as_str()
        );
        let rows = sqlx::query(AssertSqlSafe(sql)).bind(limit).fetch_all(&self.pool).await?;
        self.leads_of(&rows).await
    }
}
