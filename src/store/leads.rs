//! Leads: inserted with the turn that submits them, read by number, counted.

use serde::Serialize;
use sqlx::{AssertSqlSafe, any::AnyRow};

use crate::{
    clock::Millis,
    lead::{Lead, LeadNumber, one_line},
};

use super::{Engine, Store, StoreError, json, rows};

/// No error in words is longer.
const LONGEST_ERROR: usize = 1000;

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

    pub(super) fn parse(text: &str) -> Result<Self, StoreError> {
        match text {
            "waiting" => Ok(Self::Waiting),
            "delivered" => Ok(Self::Delivered),
            "rejected" => Ok(Self::Rejected),
            "discarded" => Ok(Self::Discarded),
            _ => Err(StoreError::Unreadable("its state is none that this version knows".into())),
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
    /// When everything personal in it was wiped.
    pub forgotten_at: Option<Millis>,
    /// Whether version 0.1.0 may have sent it; such a lead was never told when a chat sent it.
    pub first_edition: bool,
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
    pub uncertain: i64,
    /// Leads that cannot be read; they are among no other count.
    pub unreadable: i64,
}

/// No document of a lead is longer, in characters: an answer of a buyer has 4096 at most.
const LONGEST_BODY: usize = 256_000;

/// What [`lead_row`] reads.
/// How many columns [`lead_columns`] names: what a query reads besides comes after them.
pub(super) const LEAD_COLUMNS: usize = 20;

pub(super) fn lead_columns(engine: Engine) -> String {
    let body = format!("SUBSTR(body, 1, {})", LONGEST_BODY + 1);
    let text = |column: &str| rows::bytes(engine, column);
    let number = |column: &str| rows::numbers(engine, column);
    [
        text(&body),
        text("state"),
        number("attempts"),
        number("contact_id"),
        number("sent_at"),
        number("lookups"),
        number("lookups_needed"),
        number("solo"),
        text("degradation"),
        number("crm_lead_id"),
        number("note_sent_at"),
        number("delivered_at"),
        text("last_error"),
        number("last_error_at"),
        number("buyer_told"),
        number("due_at"),
        text("id"),
        text("number"),
        number("forgotten_at"),
        number("taken_at"),
    ]
    .join(", ")
}

/// Reads a lead. It is unreadable where its document, its state or its id in amoCRM is; of what is only remembered of its
/// way, damage is taken for what is safe: that it may have been sent, and is to be looked up.
pub(super) fn lead_row(row: &AnyRow) -> Result<LeadRow, StoreError> {
    let wrong = |what: &str| StoreError::Unreadable(what.into());
    let body = rows::text(row, 0, "its document")?;
    if body.chars().count() > LONGEST_BODY {
        return Err(wrong("its document is too long"));
    }
    let lead: Lead = rows::document(&body, "its document")?;
    let state = LeadState::parse(&rows::text(row, 1, "its state")?)?;
    if rows::lossy(row, 16) != Some(lead.id.to_string())
        || rows::lossy(row, 17).and_then(|number| LeadNumber::parse(&number)).as_ref() != Some(&lead.number)
    {
        return Err(wrong("its document is of another lead"));
    }
    let crm_lead_id = rows::number(row, 9);
    if crm_lead_id.is_none() && !rows::is_null(row, 9) {
        return Err(wrong("its id in amoCRM is no number"));
    }
    let moment = |at: usize| match rows::number(row, at) {
        None if !rows::is_null(row, at) => Some(lead.submitted_at.timestamp_millis()),
        moment => moment,
    };
    let count = |at: usize| rows::number(row, at).unwrap_or(0);
    Ok(LeadRow {
        state,
        attempts: count(2),
        contact_id: rows::number(row, 3),
        sent_at: moment(4),
        lookups: count(5),
        lookups_needed: count(6),
        solo: rows::number(row, 7) != Some(0),
        degradation: rows::lossy(row, 8),
        crm_lead_id,
        note_sent_at: moment(10),
        delivered_at: rows::number(row, 11),
        // Earlier versions kept what amoCRM said as it was.
        last_error: rows::lossy(row, 12).map(|error| one_line(&error, LONGEST_ERROR)),
        last_error_at: rows::number(row, 13),
        buyer_told: count(14) != 0,
        due_at: count(15),
        forgotten_at: rows::number(row, 18),
        first_edition: rows::is_null(row, 19),
        lead,
    })
}

/// Inserts a lead; `false` when its id or its number is already there. `taken_at` is when a chat sent it.
pub(super) async fn insert(
    connection: &mut sqlx::AnyConnection,
    new: &NewLead,
    now: Millis,
    taken_at: Option<Millis>,
) -> Result<bool, StoreError> {
    let lead = &new.lead;
    let done = sqlx::query(
        "INSERT INTO leads (id, number, state, body, user_id, submitted_at, due_at, buyer_told, sent_at, \
         note_sent_at, lookups_needed, taken_at) \
         VALUES ($1, $2, 'waiting', $3, $4, $5, $6, $7, $8, $8, $9, $10) ON CONFLICT DO NOTHING",
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
    .bind(taken_at)
    .execute(connection)
    .await?;
    Ok(done.rows_affected() == 1)
}

pub(super) async fn id_exists(connection: &mut sqlx::AnyConnection, id: &str) -> Result<bool, StoreError> {
    Ok(sqlx::query("SELECT 1 FROM leads WHERE id = $1").bind(id).fetch_optional(connection).await?.is_some())
}

impl Store {
    /// The lead with this number, if it can be read.
    pub async fn lead_by_number(&self, number: &LeadNumber) -> Result<Option<LeadRow>, StoreError> {
        let sql = format!("SELECT {} FROM leads WHERE number = $1 AND unreadable = 0", lead_columns(self.engine));
        let rows = sqlx::query(AssertSqlSafe(sql)).bind(number.as_str()).fetch_all(&self.pool).await?;
        Ok(self.leads_of(&rows).await?.pop())
    }

    /// The ids in amoCRM of everything one person has sent, as far as they are known.
    pub async fn crm_leads_of(&self, user_id: i64) -> Result<Vec<i64>, StoreError> {
        let id = rows::numbers(self.engine, "crm_lead_id");
        let sql = format!("SELECT {id} FROM leads WHERE user_id = $1 AND crm_lead_id IS NOT NULL");
        let rows = sqlx::query(AssertSqlSafe(sql)).bind(user_id).fetch_all(&self.pool).await?;
        Ok(rows.iter().filter_map(|row| rows::number(row, 0)).collect())
    }

    /// Leads that amoCRM has not got, oldest first: waiting and rejected ones, at most `limit`.
    pub async fn undelivered(&self, limit: i64) -> Result<Vec<LeadRow>, StoreError> {
        let mut leads = self.leads_in(LeadState::Waiting, limit).await?;
        leads.extend(self.leads_in(LeadState::Rejected, limit).await?);
        leads.sort_by_key(|row| (row.lead.submitted_at, row.lead.id));
        leads.truncate(usize::try_from(limit).unwrap_or(usize::MAX));
        Ok(leads)
    }

    /// Leads in one state that can be read, oldest first, at most `limit`.
    pub async fn leads_in(&self, state: LeadState, limit: i64) -> Result<Vec<LeadRow>, StoreError> {
        // The state stands in the text and not in a parameter, so that both engines use the partial index.
        let sql = format!(
            "SELECT {} FROM leads WHERE state = '{}' AND unreadable = 0 ORDER BY submitted_at, id LIMIT $1",
            lead_columns(self.engine),
            state.as_str()
        );
        let rows = sqlx::query(AssertSqlSafe(sql)).bind(limit).fetch_all(&self.pool).await?;
        self.leads_of(&rows).await
    }

    /// Counts, with deliveries counted from `since`.
    pub async fn totals(&self, since: Millis) -> Result<Totals, StoreError> {
        let sql = format!(
            "SELECT COUNT(*), MIN({}), COUNT(sent_at) FROM leads WHERE state = 'waiting' AND unreadable = 0",
            rows::only_numbers("submitted_at")
        );
        let waiting = sqlx::query(AssertSqlSafe(sql)).fetch_one(&self.pool).await?;
        let rejected = sqlx::query("SELECT COUNT(*) FROM leads WHERE state = 'rejected' AND unreadable = 0")
            .fetch_one(&self.pool)
            .await?;
        let delivered = sqlx::query("SELECT COUNT(*) FROM leads WHERE state = 'delivered' AND delivered_at >= $1")
            .bind(since)
            .fetch_one(&self.pool)
            .await?;
        // Whatever is no number is taken by SQLite for more than any number.
        let last = sqlx::query("SELECT MAX(delivered_at) FROM leads WHERE state = 'delivered' AND delivered_at <= $1")
            .bind(Millis::MAX)
            .fetch_one(&self.pool)
            .await?;
        let count = |row: &AnyRow, at| rows::number(row, at).unwrap_or(0);
        Ok(Totals {
            waiting: count(&waiting, 0),
            oldest_waiting_at: rows::number(&waiting, 1),
            uncertain: count(&waiting, 2),
            rejected: count(&rejected, 0),
            delivered_since: count(&delivered, 0),
            last_delivery_at: rows::number(&last, 0),
            unreadable: self.unreadable_count().await?,
        })
    }

    /// Waiting leads whose buyers were told that they are saved: what an outage has left.
    pub async fn waiting_told(&self) -> Result<i64, StoreError> {
        let row =
            sqlx::query("SELECT COUNT(*) FROM leads WHERE state = 'waiting' AND buyer_told = 1 AND unreadable = 0")
                .fetch_one(&self.pool)
                .await?;
        Ok(rows::number(&row, 0).unwrap_or(0))
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
        Ok((rows::number(&row, 0).unwrap_or(0), rows::number(&row, 1).unwrap_or(0)))
    }

    /// How many leads wait that can be read, and since when the oldest does.
    pub async fn waiting(&self) -> Result<(i64, Option<Millis>), StoreError> {
        let sql = format!(
            "SELECT COUNT(*), MIN({}) FROM leads WHERE state = 'waiting' AND unreadable = 0",
            rows::only_numbers("submitted_at")
        );
        let row = sqlx::query(AssertSqlSafe(sql)).fetch_one(&self.pool).await?;
        Ok((rows::number(&row, 0).unwrap_or(0), rows::number(&row, 1)))
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
