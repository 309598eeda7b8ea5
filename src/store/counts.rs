//! Counts of leads, for status, alerts and metrics.

use serde::Serialize;
use sqlx::{AssertSqlSafe, any::AnyRow};

use crate::clock::Millis;

use super::{Leads, Step, StoreError, rows, stage};

/// Counts for status, alerts and metrics.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Totals {
    /// Leads amoCRM does not have yet.
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

/// How many leads amoCRM does not have: what the index alone tells, so that one may look often.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UndeliveredCounts {
    waiting: i64,
    rejected: i64,
    unreadable: i64,
}

impl UndeliveredCounts {
    /// Waiting and rejected ones.
    pub fn entries(&self) -> i64 {
        self.waiting + self.rejected
    }
}

impl Leads {
    /// How many leads amoCRM does not have.
    pub async fn undelivered_counts(&self) -> Result<UndeliveredCounts, StoreError> {
        let sql = "SELECT (SELECT COUNT(*) FROM leads WHERE state = 'waiting'), \
                   (SELECT COUNT(*) FROM leads WHERE state = 'rejected'), \
                   (SELECT COUNT(*) FROM leads WHERE unreadable <> 0)";
        let row = sqlx::query(sql).fetch_one(&self.pool).await?;
        let count = |at| rows::number(&row, at).unwrap_or(0);
        Ok(UndeliveredCounts { waiting: count(0), rejected: count(1), unreadable: count(2) })
    }

    /// Counts, with deliveries counted from `since`.
    pub async fn totals(&self, since: Millis) -> Result<Totals, StoreError> {
        let sql = format!(
            "SELECT COUNT(*), MIN({}), COUNT(CASE WHEN id IN {} THEN 1 END) FROM leads WHERE state = 'waiting' \
             AND unreadable = 0",
            rows::only_numbers("submitted_at"),
            stage::attempted(Step::Lead)
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

    /// Whether anything was delivered after a moment.
    pub async fn delivered_after(&self, moment: Millis) -> Result<bool, StoreError> {
        let row = sqlx::query("SELECT 1 FROM leads WHERE state = 'delivered' AND delivered_at > $1 LIMIT 1")
            .bind(moment)
            .fetch_optional(&self.pool)
            .await?;
        Ok(row.is_some())
    }
}
