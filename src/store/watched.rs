//! Leads whose stage in amoCRM is asked about: what is known of each, and of what its buyer is still to hear.
//!
//! A row holds nothing personal, it belongs to its lead. What is told is marked and enqueued in one commit, so that it is
//! told once, whoever dies; what is recorded of a reading is recorded only where nobody has told anything meanwhile.

mod telling;

use std::collections::{BTreeMap, HashMap};

use sqlx::{AnyConnection, AssertSqlSafe, any::AnyRow};
use ulid::Ulid;

use crate::{
    clock::Millis,
    fault::point,
    lead::{ChatRef, CrmStatus, LeadNumber},
};

use super::{
    Dialogues, Lease, StoreError, Watches, json,
    rows::{self, placeholders},
};

pub use telling::OwedStatus;

/// What is known of a lead's way through the pipelines.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Watched {
    /// Where it was seen last.
    pub at: Option<CrmStatus>,
    /// When it had last been changed then, by amoCRM's clock, in seconds.
    pub updated_at: Option<i64>,
    /// For each pipeline the open stage where it was seen last.
    pub reached: BTreeMap<i64, i64>,
    /// Which text of the settings holds for it.
    pub shown: Option<String>,
    /// Those of which its buyer has heard, the last one last.
    pub told: Vec<String>,
    /// The one of which its buyer is to hear, and since when.
    pub owed: Option<(String, Millis)>,
    /// amoCRM does not show it.
    pub gone: bool,
}

/// A lead that is watched.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WatchedLead {
    /// Our id.
    pub lead_id: String,
    /// Its number.
    pub number: LeadNumber,
    /// When it was sent.
    pub submitted_at: Millis,
    /// amoCRM's id of it.
    pub crm_lead_id: i64,
    /// It was delivered while leads were watched.
    pub fresh: bool,
    /// What is known of it.
    pub known: Watched,
}

/// Why a lead is not watched any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WatchEnd {
    /// Its buyer has closed the chat to the bot.
    Blocked,
    /// It was merged into another lead of the same buyer, which is watched.
    Merged,
    /// There is nobody to tell.
    Nobody,
    /// It is too old.
    Old,
}

impl WatchEnd {
    fn as_str(self) -> &'static str {
        match self {
            Self::Blocked => "blocked",
            Self::Merged => "merged",
            Self::Nobody => "nobody",
            Self::Old => "old",
        }
    }
}

/// How many leads are watched.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct WatchCounts {
    /// All of them.
    pub watched: i64,
    /// Those of which a buyer is to hear.
    pub owed: i64,
}

/// Of which nobody is told any more.
const OVER: &str = "(leads.forgotten_at IS NOT NULL OR EXISTS (SELECT 1 FROM amendments \
                    WHERE amendments.lead_id = watched_leads.lead_id AND amendments.kind = 'taken_back'))";

/// Takes a lead out, of which everything is forgotten.
pub(super) async fn remove(connection: &mut AnyConnection, lead_id: &str) -> Result<(), StoreError> {
    sqlx::query("DELETE FROM watched_leads WHERE lead_id = $1").bind(lead_id).execute(connection).await?;
    Ok(())
}

impl Watches {
    /// Begins to watch leads that were delivered after `from` and whose buyers can be told; those that were delivered before
    /// `watching_since` may have gone on meanwhile. Ends the watch of older ones.
    pub async fn keep_up(&self, from: Millis, watching_since: Millis) -> Result<(), StoreError> {
        sqlx::query(
            "INSERT INTO watched_leads (lead_id, since, fresh) \
             SELECT id, delivered_at, CASE WHEN delivered_at >= $2 THEN 1 ELSE 0 END FROM leads \
             WHERE state = 'delivered' AND delivered_at > $1 AND forgotten_at IS NULL AND unreadable = 0 AND user_id > 0 \
             AND NOT EXISTS (SELECT 1 FROM watched_leads WHERE watched_leads.lead_id = leads.id) ON CONFLICT DO NOTHING",
        )
        .bind(from)
        .bind(watching_since)
        .execute(&self.pool)
        .await?;
        // Two requests under one lead of amoCRM are told of its stages once.
        sqlx::query(
            "UPDATE watched_leads SET ended_at = $1, ended = $2, owed = NULL, owed_at = NULL \
             WHERE ended_at IS NULL AND EXISTS (SELECT 1 FROM leads AS own \
             JOIN leads AS elder ON elder.user_id = own.user_id AND elder.submitted_at < own.submitted_at \
             JOIN watched_leads AS other ON other.lead_id = elder.id AND other.ended_at IS NULL \
             JOIN lead_steps AS of_own ON of_own.lead_id = own.id AND of_own.step = 'lead' \
             JOIN lead_steps AS of_elder ON of_elder.lead_id = elder.id AND of_elder.step = 'lead' \
             AND of_elder.remote_id = of_own.remote_id \
             WHERE own.id = watched_leads.lead_id AND own.attached_at IS NOT NULL)",
        )
        .bind(self.clock.now())
        .bind(WatchEnd::Merged.as_str())
        .execute(&self.pool)
        .await?;
        sqlx::query(
            "UPDATE watched_leads SET ended_at = $1, ended = $2, owed = NULL, owed_at = NULL \
             WHERE ended_at IS NULL AND since <= $3",
        )
        .bind(self.clock.now())
        .bind(WatchEnd::Old.as_str())
        .bind(from)
        .execute(&self.pool)
        .await?;
        Ok(())
    }

    /// All leads that are watched.
    pub async fn all(&self) -> Result<Vec<WatchedLead>, StoreError> {
        let (text, number) = (|column| rows::bytes(self.engine, column), |column| rows::numbers(self.engine, column));
        let columns = [
            text("watched_leads.lead_id"),
            text("leads.number"),
            number("leads.submitted_at"),
            number("lead_steps.remote_id"),
            number("watched_leads.fresh"),
        ];
        let sql = format!(
            "SELECT {}, {} FROM watched_leads JOIN leads ON leads.id = watched_leads.lead_id \
             JOIN lead_steps ON lead_steps.lead_id = watched_leads.lead_id AND lead_steps.step = 'lead' \
             WHERE watched_leads.ended_at IS NULL AND lead_steps.remote_id IS NOT NULL AND NOT {OVER} \
             ORDER BY watched_leads.since, watched_leads.lead_id",
            columns.join(", "),
            self.known_columns()
        );
        let found = sqlx::query(AssertSqlSafe(sql)).fetch_all(&self.pool).await?;
        Ok(found.iter().filter_map(watched_lead).collect())
    }

    fn known_columns(&self) -> String {
        let text = |name: &str| rows::bytes(self.engine, &format!("watched_leads.{name}"));
        let number = |name: &str| rows::numbers(self.engine, &format!("watched_leads.{name}"));
        let numbers = ["pipeline_id", "status_id", "updated_at", "owed_at", "gone_at"].map(number);
        let texts = ["reached", "shown", "told", "owed"].map(text);
        numbers.into_iter().chain(texts).collect::<Vec<_>>().join(", ")
    }

    /// Records what was read of a lead; `false` where it was told of meanwhile, or another daemon leads, and nothing is.
    pub async fn record(&self, lease: &Lease, lead: &WatchedLead, known: &Watched) -> Result<bool, StoreError> {
        let sql = format!(
            "UPDATE watched_leads SET pipeline_id = $1, status_id = $2, updated_at = $3, reached = $4, shown = $5, told = $6, \
             owed = $7, owed_at = $8, gone_at = CASE WHEN $9 = 0 THEN NULL ELSE COALESCE(gone_at, $10) END \
             WHERE lead_id = $11 AND ended_at IS NULL AND COALESCE(told, '[]') = $12 AND COALESCE(owed, '') = $13{}",
            lease.fence()
        );
        let owed = |known: &Watched| known.owed.as_ref().map(|(key, _)| key.clone());
        let done = sqlx::query(AssertSqlSafe(sql))
            .bind(known.at.map(|at| at.pipeline_id))
            .bind(known.at.map(|at| at.status_id))
            .bind(known.updated_at)
            .bind(json(&known.reached))
            .bind(known.shown.clone())
            .bind(json(&known.told))
            .bind(owed(known))
            .bind(known.owed.as_ref().map(|(_, at)| *at))
            .bind(i64::from(known.gone))
            .bind(self.clock.now())
            .bind(&lead.lead_id)
            .bind(json(&lead.known.told))
            .bind(owed(&lead.known).unwrap_or_default())
            .execute(&self.pool)
            .await?;
        point("status.recorded");
        Ok(done.rows_affected() == 1)
    }

    /// Records that a lead is a part of another one in amoCRM now. Where that one is watched for the same buyer this one is
    /// not any more; else that one is, from where it stands now.
    pub async fn merged(&self, lease: &Lease, lead: &WatchedLead, crm_lead_id: i64) -> Result<(), StoreError> {
        let same = "EXISTS (SELECT 1 FROM watched_leads AS other JOIN leads ON leads.id = other.lead_id \
                    JOIN lead_steps ON lead_steps.lead_id = other.lead_id AND lead_steps.step = 'lead' \
                    WHERE other.ended_at IS NULL AND other.lead_id <> watched_leads.lead_id \
                    AND lead_steps.remote_id = $1 \
                    AND leads.user_id = (SELECT user_id FROM leads AS own WHERE own.id = watched_leads.lead_id))";
        let sql = format!(
            "UPDATE watched_leads SET fresh = 0, pipeline_id = NULL, status_id = NULL, updated_at = NULL, reached = NULL, shown = NULL, \
             owed = NULL, owed_at = NULL, gone_at = NULL, ended_at = CASE WHEN {same} THEN $2 END, \
             ended = CASE WHEN {same} THEN $3 END WHERE lead_id = $4 AND ended_at IS NULL{}",
            lease.fence()
        );
        sqlx::query(AssertSqlSafe(sql))
            .bind(crm_lead_id)
            .bind(self.clock.now())
            .bind(WatchEnd::Merged.as_str())
            .bind(&lead.lead_id)
            .execute(&self.pool)
            .await?;
        Ok(())
    }

    /// Nothing is asked about this lead any more.
    pub async fn end(&self, lead_id: &str, why: WatchEnd) -> Result<(), StoreError> {
        sqlx::query(
            "UPDATE watched_leads SET ended_at = $1, ended = $2, owed = NULL, owed_at = NULL \
             WHERE lead_id = $3 AND ended_at IS NULL",
        )
        .bind(self.clock.now())
        .bind(why.as_str())
        .bind(lead_id)
        .execute(&self.pool)
        .await?;
        Ok(())
    }

    /// Whether a lead waits that could go to amoCRM now, or is on its way: that comes first.
    pub async fn deliveries_wait(&self) -> Result<bool, StoreError> {
        let sql = "SELECT 1 FROM leads WHERE state = 'waiting' AND unreadable = 0 AND due_at <= $1 LIMIT 1";
        Ok(sqlx::query(sql).bind(self.clock.now()).fetch_optional(&self.pool).await?.is_some())
    }

    /// How many there are.
    pub async fn counts(&self) -> Result<WatchCounts, StoreError> {
        let sql = "SELECT COUNT(*), COUNT(owed) FROM watched_leads WHERE ended_at IS NULL";
        let row = sqlx::query(sql).fetch_one(&self.pool).await?;
        let count = |at| rows::number(&row, at).unwrap_or(0);
        Ok(WatchCounts { watched: count(0), owed: count(1) })
    }
}

impl Dialogues {
    /// Nothing is asked about leads of a buyer any more whose chat is closed to the bot.
    pub async fn end_watches(&self, chat: ChatRef) -> Result<(), StoreError> {
        let Some(user_id) = chat.user() else { return Ok(()) };
        sqlx::query(
            "UPDATE watched_leads SET ended_at = $1, ended = $2, owed = NULL, owed_at = NULL WHERE ended_at IS NULL \
             AND EXISTS (SELECT 1 FROM leads WHERE leads.id = watched_leads.lead_id AND leads.user_id = $3)",
        )
        .bind(self.clock.now())
        .bind(WatchEnd::Blocked.as_str())
        .bind(user_id)
        .execute(&self.pool)
        .await?;
        Ok(())
    }

    /// What is known of the stages of these leads, by their ids; of one that was merged into another of them, what is known
    /// of that one.
    pub async fn watched(&self, leads: &[Ulid]) -> Result<HashMap<Ulid, Watched>, StoreError> {
        if leads.is_empty() {
            return Ok(HashMap::new());
        }
        let watches = self.watches();
        let sql = format!(
            "SELECT {}, {}, {}, {} FROM watched_leads \
             LEFT JOIN lead_steps ON lead_steps.lead_id = watched_leads.lead_id AND lead_steps.step = 'lead' \
             WHERE watched_leads.lead_id IN ({})",
            rows::bytes(self.engine, "watched_leads.lead_id"),
            rows::numbers(self.engine, "lead_steps.remote_id"),
            rows::bytes(self.engine, "watched_leads.ended"),
            watches.known_columns(),
            placeholders(1, leads.len())
        );
        let mut query = sqlx::query(AssertSqlSafe(sql));
        for lead in leads {
            query = query.bind(lead.to_string());
        }
        let (mut watched, mut by_crm_id, mut merged) = (HashMap::new(), HashMap::new(), Vec::new());
        for row in query.fetch_all(&self.pool).await? {
            let Some(id) = rows::lossy(&row, 0).and_then(|id| Ulid::from_string(&id).ok()) else { continue };
            let (known, crm_id) = (known(&row, 3), rows::number(&row, 1));
            match rows::lossy(&row, 2).as_deref() {
                Some(ended) if ended == WatchEnd::Merged.as_str() => merged.extend(crm_id.map(|crm_id| (id, crm_id))),
                _ => drop(crm_id.map(|crm_id| by_crm_id.insert(crm_id, known.clone()))),
            }
            watched.insert(id, known);
        }
        for (id, crm_id) in merged {
            watched.extend(by_crm_id.get(&crm_id).map(|known| (id, known.clone())));
        }
        Ok(watched)
    }
}

fn list(row: &AnyRow, at: usize) -> Option<Vec<String>> {
    serde_json::from_str(&rows::lossy(row, at)?).ok()
}

/// What is damaged of it counts as not known.
fn known(row: &AnyRow, from: usize) -> Watched {
    let at = rows::number(row, from).zip(rows::number(row, from + 1));
    Watched {
        at: at.map(|(pipeline_id, status_id)| CrmStatus { pipeline_id, status_id }),
        updated_at: rows::number(row, from + 2),
        reached: rows::lossy(row, from + 5).and_then(|json| serde_json::from_str(&json).ok()).unwrap_or_default(),
        shown: rows::lossy(row, from + 6),
        told: list(row, from + 7).unwrap_or_default(),
        owed: rows::lossy(row, from + 8).map(|key| (key, rows::number(row, from + 3).unwrap_or(0))),
        gone: !rows::is_null(row, from + 4),
    }
}

fn watched_lead(row: &AnyRow) -> Option<WatchedLead> {
    Some(WatchedLead {
        lead_id: rows::lossy(row, 0)?,
        number: LeadNumber::parse(&rows::lossy(row, 1)?)?,
        submitted_at: rows::number(row, 2).unwrap_or(0),
        crm_lead_id: rows::number(row, 3)?,
        fresh: rows::number(row, 4) == Some(1),
        known: known(row, 5),
    })
}
