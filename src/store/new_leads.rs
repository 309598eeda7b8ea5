//! Leads are inserted: by the turns that submit them, by imports, and where a form was left open.

use std::collections::HashSet;

use serde::Serialize;
use sqlx::{AnyConnection, AssertSqlSafe};
use ulid::Ulid;

use crate::{
    clock::Millis,
    lead::{Lead, LeadSource},
};

use super::{Step, StoreError, json, lead_files, rows};

/// A lead to be inserted.
#[derive(Debug, Clone)]
pub struct NewLead {
    /// The lead.
    pub lead: Lead,
    /// Whether the buyer has already been told that it is saved (a lead restored from a backup file).
    pub buyer_told: bool,
    /// Since when amoCRM may have it: it is looked up before it is created (a lead restored from a backup file).
    pub uncertain_since: Option<Millis>,
}

impl NewLead {
    /// A lead that was just submitted.
    pub fn fresh(lead: Lead) -> Self {
        Self { lead, buyer_told: false, uncertain_since: None }
    }
}

/// `buyer_told` of a lead of which its buyer is told nothing: neither that it is saved nor that it is delivered.
const NOT_TO_BE_TOLD: i64 = 2;

/// Inserts a lead; `false` when its id or its number is already there. `taken_at` is when a chat sent it.
pub(super) async fn insert(
    connection: &mut AnyConnection,
    new: &NewLead,
    now: Millis,
    taken_at: Option<Millis>,
) -> Result<bool, StoreError> {
    Ok(insert_all(connection, &[new], now, taken_at).await?.contains(&new.lead.id))
}

/// A row of `leads`.
#[derive(Serialize)]
struct NewRow<'a> {
    id: String,
    number: &'a str,
    body: String,
    user_id: i64,
    submitted_at: Millis,
    buyer_told: i64,
    source: Option<&'a str>,
}

const NEW_ROW: &[(&str, &str)] = &[
    ("id", "TEXT"),
    ("number", "TEXT"),
    ("body", "TEXT"),
    ("user_id", "BIGINT"),
    ("submitted_at", "BIGINT"),
    ("buyer_told", "BIGINT"),
    ("source", "TEXT"),
];

/// Inserts any number of leads; returns the ids of those of which neither id nor number was there already.
pub(super) async fn insert_all(
    connection: &mut AnyConnection,
    leads: &[&NewLead],
    now: Millis,
    taken_at: Option<Millis>,
) -> Result<HashSet<Ulid>, StoreError> {
    let rows = leads.iter().map(|new| {
        let lead = &new.lead;
        NewRow {
            id: lead.id.to_string(),
            number: lead.number.as_str(),
            body: json(lead),
            user_id: lead.buyer.user_id,
            submitted_at: lead.submitted_at.timestamp_millis(),
            // Of what they did not send buyers are told nothing.
            buyer_told: if lead.is_unfinished() { NOT_TO_BE_TOLD } else { i64::from(new.buyer_told) },
            source: lead.source.as_ref().map(LeadSource::label),
        }
    });
    let rows: Vec<_> = rows.collect();
    if rows.is_empty() {
        return Ok(HashSet::new());
    }
    let sql = format!(
        "INSERT INTO leads (id, number, state, body, user_id, submitted_at, due_at, buyer_told, taken_at, source, \
         work_owed) SELECT id, number, 'waiting', body, user_id, submitted_at, CAST($2 AS BIGINT), buyer_told, \
         CAST($3 AS BIGINT), source, CAST($4 AS BIGINT) FROM {} WHERE TRUE ON CONFLICT DO NOTHING RETURNING id",
        rows::listed(rows::engine_of(connection), NEW_ROW)
    );
    let query = sqlx::query(AssertSqlSafe(sql)).bind(json(&rows)).bind(now).bind(taken_at);
    let inserted = query.bind(i64::from(taken_at.is_some())).fetch_all(&mut *connection).await?;
    let inserted: HashSet<Ulid> =
        inserted.iter().filter_map(|row| Ulid::from_string(&rows::lossy(row, 0)?).ok()).collect();
    for new in leads {
        if !inserted.contains(&new.lead.id) {
            continue;
        }
        if let Some(since) = new.uncertain_since {
            // Whoever has sent it may have got as far as any step; one look tells of each.
            for step in Step::ALL {
                sqlx::query("INSERT INTO lead_steps (lead_id, step, sent_at, lookups_needed) VALUES ($1, $2, $3, 1)")
                    .bind(new.lead.id.to_string())
                    .bind(step.as_str())
                    .bind(since)
                    .execute(&mut *connection)
                    .await?;
            }
        }
        lead_files::insert(connection, &new.lead, now).await?;
    }
    Ok(inserted)
}

/// Whether a lead with this id is there.
pub(super) async fn id_exists(connection: &mut AnyConnection, id: &str) -> Result<bool, StoreError> {
    Ok(sqlx::query("SELECT 1 FROM leads WHERE id = $1").bind(id).fetch_optional(connection).await?.is_some())
}
