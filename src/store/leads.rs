//! Leads: inserted with the turn that submits them, read by number, counted.

use serde::Serialize;
use sqlx::{AssertSqlSafe, Row, any::AnyRow};

use crate::{
    clock::Millis,
    lead::{Lead, LeadNumber},
};

use super::{Store, StoreError, json};

/// Where a lead is on its way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum LeadState {
    /// amoCRM has not got it (or not all of it) yet.
    Waiting,
    /// In amoCRM, note and all.
    Delivered,
    /// amoCRM refuses the data itself; a person has to look.
    Rejected,
    /// Given up by the admin.
    Discarded,
}

impl LeadState {
    /// As it stands in the store.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Delivered => "delivered",
            Self::Rejected => "rejected",
            Self::Discarded => "discarded",
        }
    }

    fn parse(text: &str) -> Result<Self, StoreError> {
        match text {
            "waiting" => Ok(Self::Waiting),
            "delivered" => Ok(Self::Delivered),
            "rejected" => Ok(Self::Rejected),
            "discarded" => Ok(Self::Discarded),
            other => Err(StoreError::Unreadable(format!("lead state {other:?}"))),
        }
    }
}

/// A lead to be inserted.
#[derive(Debug, Clone)]
pub struct NewLead {
    /// The lead.
    pub lead: Lead,
    /// Whether the buyer has already been told that it is saved (a lead restored from a backup file).
    pub buyer_told: bool,
    /// Since when amoCRM may have it: it is looked up before it is created (a lead restored from a backup file).
    pub unsure_since: Option<Millis>,
}

impl NewLead {
    /// A lead that was just submitted.
    pub fn fresh(lead: Lead) -> Self {
        Self { lead, buyer_told: false, unsure_since: None }
    }
}

/// A lead with what is known of its way.
#[derive(Debug, Clone)]
pub struct LeadRow {
    /// The lead.
    pub lead: Lead,
    /// Where it is.
    pub state: LeadState,
    /// Answers that were about this lead; outages do not count.
    pub attempts: i64,
    /// Contact found or made.
    pub contact_id: Option<i64>,
    /// Since when a create is out whose result is not known.
    pub sent_at: Option<Millis>,
    /// Clean look-ups since then that did not find it.
    pub lookups: i64,
    /// How many of those allow another create.
    pub lookups_needed: i64,
    /// Whether it may be sent only by itself.
    pub solo: bool,
    /// What amoCRM refused, as JSON of the CRM's room.
    pub degradation: Option<String>,
    /// The lead's id in amoCRM.
    pub crm_lead_id: Option<i64>,
    /// Since when a note is out whose result is not known. Without a lead's id: since when somebody else may have
    /// delivered it, note and all, because it was taken in from a file or from a copy of a store.
    pub note_sent_at: Option<Millis>,
    /// When the last step was recorded.
    pub delivered_at: Option<Millis>,
    /// What went wrong last, without personal data.
    pub last_error: Option<String>,
    /// When.
    pub last_error_at: Option<Millis>,
    /// Whether the buyer was told that it is saved.
    pub buyer_told: bool,
    /// No attempt before.
    pub due_at: Millis,
}

/// Counts for status, alerts and metrics.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Totals {
    /// Leads amoCRM has not got yet.
    pub waiting: i64,
    /// Leads amoCRM refuses.
    pub rejected: i64,
    /// Leads delivered since the given moment.
    pub delivered_since: i64,
    /// When the oldest waiting lead was submitted.
    pub oldest_waiting_at: Option<Millis>,
    /// When the newest delivery was recorded.
    pub last_delivery_at: Option<Millis>,
    /// Waiting leads of which it is not known whether amoCRM has them.
    pub unsure: i64,
}

pub(super) const LEAD_COLUMNS: &str = "body, state, attempts, contact_id, sent_at, lookups, lookups_needed, solo, \
     degradation, crm_lead_id, note_sent_at, delivered_at, last_error, last_error_at, buyer_told, due_at";

pub(super) fn lead_row(row: &AnyRow) -> Result<LeadRow, StoreError> {
    let body: String = row.try_get(0)?;
    let state: String = row.try_get(1)?;
    Ok(LeadRow {
        lead: serde_json::from_str(&body).map_err(|error| StoreError::Unreadable(format!("a lead: {error}")))?,
        state: LeadState::parse(&state)?,
        attempts: row.try_get(2)?,
        contact_id: row.try_get(3)?,
        sent_at: row.try_get(4)?,
        lookups: row.try_get(5)?,
        lookups_needed: row.try_get(6)?,
        solo: row.try_get::<i64, _>(7)? != 0,
        degradation: row.try_get(8)?,
        crm_lead_id: row.try_get(9)?,
        note_sent_at: row.try_get(10)?,
        delivered_at: row.try_get(11)?,
        last_error: row.try_get(12)?,
        last_error_at: row.try_get(13)?,
        buyer_told: row.try_get::<i64, _>(14)? != 0,
        due_at: row.try_get(15)?,
    })
}

/// Inserts a lead; `false` when its id or its number is already there.
pub(super) async fn insert(
    connection: &mut sqlx::AnyConnection,
    new: &NewLead,
    now: Millis,
) -> Result<bool, StoreError> {
    let lead = &new.lead;
    let done = sqlx::query(
        "INSERT INTO leads (id, number, state, body, user_id, submitted_at, due_at, buyer_told, sent_at, \
         note_sent_at, lookups_needed) VALUES ($1, $2, 'waiting', $3, $4, $5, $6, $7, $8, $8, $9) ON CONFLICT DO NOTHING",
    )
    .bind(lead.id.to_string())
    .bind(lead.number.as_str())
    .bind(json(lead))
    .bind(lead.buyer.user_id)
    .bind(lead.submitted_at.timestamp_millis())
    .bind(now)
    .bind(i64::from(new.buyer_told))
    .bind(new.unsure_since)
    .bind(i64::from(new.unsure_since.is_some()))
    .execute(connection)
    .await?;
    Ok(done.rows_affected() == 1)
}

pub(super) async fn id_exists(connection: &mut sqlx::AnyConnection, id: &str) -> Result<bool, StoreError> {
    Ok(sqlx::query("SELECT 1 FROM leads WHERE id = $1").bind(id).fetch_optional(connection).await?.is_some())
}

impl Store {
    /// The lead with this number.
    pub async fn lead_by_number(&self, number: &LeadNumber) -> Result<Option<LeadRow>, StoreError> {
        let sql = format!("SELECT {LEAD_COLUMNS} FROM leads WHERE number = $1");
        let row = sqlx::query(AssertSqlSafe(sql)).bind(number.as_str()).fetch_optional(&self.pool).await?;
        row.as_ref().map(lead_row).transpose()
    }

    /// Leads that amoCRM has not got, oldest first: waiting and rejected ones, at most `limit`.
    pub async fn undelivered(&self, limit: i64) -> Result<Vec<LeadRow>, StoreError> {
        let mut leads = self.leads_in(LeadState::Waiting, limit).await?;
        leads.extend(self.leads_in(LeadState::Rejected, limit).await?);
        leads.sort_by_key(|row| (row.lead.submitted_at, row.lead.id));
        leads.truncate(usize::try_from(limit).unwrap_or(usize::MAX));
        Ok(leads)
    }

    /// Leads in one state, oldest first, at most `limit`.
    pub async fn leads_in(&self, state: LeadState, limit: i64) -> Result<Vec<LeadRow>, StoreError> {
        // The state stands in the text and not in a parameter, so that both engines use the partial index.
        let sql = format!(
            "SELECT {LEAD_COLUMNS} FROM leads WHERE state = '{}' ORDER BY submitted_at, id LIMIT $1",
            state.as_str()
        );
        let rows = sqlx::query(AssertSqlSafe(sql)).bind(limit).fetch_all(&self.pool).await?;
        rows.iter().map(lead_row).collect()
    }

    /// Counts, with deliveries counted from `since`.
    pub async fn totals(&self, since: Millis) -> Result<Totals, StoreError> {
        let waiting =
            sqlx::query("SELECT COUNT(*), MIN(submitted_at), COUNT(sent_at) FROM leads WHERE state = 'waiting'")
                .fetch_one(&self.pool)
                .await?;
        let rejected = sqlx::query("SELECT COUNT(*) FROM leads WHERE state = 'rejected'").fetch_one(&self.pool).await?;
        let delivered = sqlx::query("SELECT COUNT(*) FROM leads WHERE state = 'delivered' AND delivered_at >= $1")
            .bind(since)
            .fetch_one(&self.pool)
            .await?;
        let last =
            sqlx::query("SELECT MAX(delivered_at) FROM leads WHERE state = 'delivered'").fetch_one(&self.pool).await?;
        Ok(Totals {
            waiting: waiting.try_get(0)?,
            oldest_waiting_at: waiting.try_get(1)?,
            unsure: waiting.try_get(2)?,
            rejected: rejected.try_get(0)?,
            delivered_since: delivered.try_get(0)?,
            last_delivery_at: last.try_get(0)?,
        })
    }

    /// Waiting leads whose buyers were told that they are saved: what an outage has left.
    pub async fn waiting_told(&self) -> Result<i64, StoreError> {
        let row = sqlx::query("SELECT COUNT(*) FROM leads WHERE state = 'waiting' AND buyer_told = 1")
            .fetch_one(&self.pool)
            .await?;
        Ok(row.try_get(0)?)
    }

    /// Leads delivered since a moment that were submitted or told "saved" before: how many, and the longest wait, ms.
    pub async fn delivered_late(&self, since: Millis) -> Result<(i64, Millis), StoreError> {
        let row = sqlx::query(
            "SELECT COUNT(*), COALESCE(MAX(delivered_at - submitted_at), 0) FROM leads \
             WHERE state = 'delivered' AND delivered_at >= $1",
        )
        .bind(since)
        .fetch_one(&self.pool)
        .await?;
        Ok((row.try_get(0)?, row.try_get(1)?))
    }

    /// How many leads wait and since when the oldest does.
    pub async fn waiting(&self) -> Result<(i64, Option<Millis>), StoreError> {
        let row = sqlx::query("SELECT COUNT(*), MIN(submitted_at) FROM leads WHERE state = 'waiting'")
            .fetch_one(&self.pool)
            .await?;
        Ok((row.try_get(0)?, row.try_get(1)?))
    }

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
                     admin_told = 0, solo = 1 WHERE number = $2 AND state IN ('rejected', 'discarded')",
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
        // Leads whose create is unsure keep their look-up distances: haste is what would double them.
        sqlx::query("UPDATE leads SET due_at = $1 WHERE state = 'waiting' AND due_at > $1 AND sent_at IS NULL")
            .bind(now)
            .execute(&mut *transaction)
            .await?;
        super::marks::write(&mut transaction, "retry", &now.to_string(), now).await?;
        transaction.commit().await?;
        self.leads_moved();
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
