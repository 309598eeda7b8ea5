//! What is counted of leads: when each came, when somebody dealt with it, who, and where it stands. Nothing of buyers.

use std::ops::Range;

use sqlx::AssertSqlSafe;

use crate::clock::Millis;

use super::{Leads, StoreError, rows};

/// What is counted of one lead.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LeadFacts {
    /// When it was sent.
    pub sent_at: Millis,
    /// Since when managers had it; `None` where they were not given it.
    pub given_at: Option<Millis>,
    /// When somebody first dealt with it.
    pub touched_at: Option<Millis>,
    /// Who has taken it, as colleagues read them.
    pub taken_by: Option<String>,
    /// amoCRM's user whose turn it was.
    pub assigned: Option<i64>,
    /// amoCRM's id of the stage where it was seen last; `None` where that is not known.
    pub status_id: Option<i64>,
}

impl Leads {
    /// What is counted of the leads that were sent within a time, the oldest first. One that was given up is counted as sent,
    /// and nobody need have dealt with it.
    pub async fn facts(&self, within: Range<Millis>) -> Result<Vec<LeadFacts>, StoreError> {
        let number = |column| rows::numbers(self.engine, column);
        let sql = format!(
            "SELECT {}, CASE WHEN leads.state = 'discarded' AND lead_work.touched_at IS NULL THEN NULL \
             ELSE lead_work.since END, {}, {}, {}, {} FROM leads \
             LEFT JOIN lead_work ON lead_work.lead_id = leads.id \
             LEFT JOIN watched_leads ON watched_leads.lead_id = leads.id \
             WHERE leads.submitted_at >= $1 AND leads.submitted_at < $2 ORDER BY leads.submitted_at",
            number("leads.submitted_at"),
            number("lead_work.touched_at"),
            rows::bytes(self.engine, "lead_work.taken_name"),
            number("lead_work.assigned"),
            number("watched_leads.status_id"),
        );
        let found = sqlx::query(AssertSqlSafe(sql)).bind(within.start).bind(within.end).fetch_all(&self.pool).await?;
        let facts = found.iter().filter_map(|row| {
            Some(LeadFacts {
                sent_at: rows::number(row, 0)?,
                given_at: rows::number(row, 1),
                touched_at: rows::number(row, 2),
                taken_by: rows::lossy(row, 3),
                assigned: rows::number(row, 4),
                status_id: rows::number(row, 5),
            })
        });
        Ok(facts.collect())
    }

    /// How many leads were sent within a time.
    pub async fn sent_within(&self, within: Range<Millis>) -> Result<u64, StoreError> {
        let row = sqlx::query("SELECT COUNT(*) FROM leads WHERE submitted_at >= $1 AND submitted_at < $2")
            .bind(within.start)
            .bind(within.end)
            .fetch_one(&self.pool)
            .await?;
        Ok(rows::number(&row, 0).and_then(|count| u64::try_from(count).ok()).unwrap_or(0))
    }
}
