//! The queue of leads: claimed under a lease, given back, deferred.
//!
//! A lease is the property of one process start, and of one term of its leadership. Nobody else claims what it holds, and
//! what [`super::lead_steps`] allows to be sent it allows to the holder only.

use std::{collections::HashMap, time::Duration};

use sqlx::{AssertSqlSafe, Row};
use ulid::Ulid;

use crate::clock::Millis;

use super::{
    Engine, FURTHEST_DUE, LeadQueue, Mark, Step, StoreError,
    leads::{LeadRow, lead_columns},
    plain,
    rows::{self, placeholders},
    stage,
};

/// So many claims that hold nothing that can be read are passed over at once.
const MOST_UNREADABLE: usize = 100;

/// Of so many times the leads that are wanted the people are counted before all that wait are looked at.
const LOOKED_AT: i64 = 4;

/// No lease is ever longer.
pub(super) const FURTHEST_LEASE: Duration = Duration::from_secs(10 * 60);

/// Identity of one process start; never derived from a host or dyno name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lease {
    pub(super) id: String,
    generation: Option<i64>,
}

impl Lease {
    /// The lease of a daemon's term; it claims nothing any more once another term has begun.
    pub fn daemon(generation: i64) -> Self {
        Self { id: format!("daemon-{}", Ulid::new()), generation: Some(generation) }
    }

    /// The lease of a command.
    pub fn command() -> Self {
        Self { id: format!("command-{}", Ulid::new()), generation: None }
    }

    /// The condition that fences a term that is over.
    pub(super) fn fence(&self) -> String {
        match self.generation {
            Some(generation) => {
                format!(
                    " AND EXISTS (SELECT 1 FROM marks WHERE name = '{}' AND value = '{generation}')",
                    Mark::Generation.name()
                )
            }
            None => String::new(),
        }
    }
}

/// Which leads to claim.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Claim {
    /// All that are due, oldest first, but one of each person before anybody's second.
    Oldest,
    /// All that are due, the one that has been due for longest first: what has just failed comes after all others.
    InTurn,
    /// The same of those only whose create is not uncertain: what they need is a write.
    Ready,
    /// The same of those only whose create is uncertain: what they need is a look-up.
    Uncertain,
    /// The same of those on which something has failed, or that are uncertain.
    Troubled,
    /// Only those on which nothing has failed yet, oldest first, but one of each person before anybody's second: what
    /// amoCRM breaks on must not hold them up.
    Untroubled,
    /// The same of those submitted since: a backlog must not hold them up.
    SubmittedSince(Millis),
}

impl LeadQueue {
    /// Resolves when a lead may have become due.
    pub async fn changed(&self) {
        self.wakes.leads.notified().await;
    }

    /// Makes the delivery worker look again.
    pub fn wake(&self) {
        self.wakes.leads.notify_one();
    }

    /// Claims due leads for a lease until `until`; nobody else gets them before.
    pub async fn claim_due(
        &self,
        lease: &Lease,
        until: Millis,
        limit: i64,
        which: Claim,
    ) -> Result<Vec<LeadRow>, StoreError> {
        let now = self.clock.now();
        let since = match which {
            Claim::SubmittedSince(since) => since,
            _ => i64::MIN,
        };
        let sql = claim_sql(self.engine, lease, limit, which);
        let claim = || {
            sqlx::query(AssertSqlSafe(sql.as_str()))
                .bind(&lease.id)
                .bind(until)
                .bind(now)
                .bind(now + self.clock.millis(FURTHEST_DUE))
                .bind(since)
                .bind(limit)
                .bind(now + self.clock.millis(FURTHEST_LEASE))
                .fetch_all(&self.pool)
        };
        let mut rows = claim().await?;
        let mut leads = self.leads_of(&rows).await?;
        // What cannot be read is not claimed again; where it was all of the claim, somebody else may be behind it.
        for _ in 0..MOST_UNREADABLE {
            if rows.is_empty() || !leads.is_empty() {
                break;
            }
            rows = claim().await?;
            leads = self.leads_of(&rows).await?;
        }
        leads.sort_by_key(|row| (row.lead.submitted_at, row.lead.id));
        Ok(one_of_each_first(leads))
    }

    /// Whether any lead waits. A claim is a write and needs several statements, and mostly there is nothing to claim.
    pub async fn is_any_waiting(&self) -> Result<bool, StoreError> {
        let query = sqlx::query("SELECT 1 FROM leads WHERE state = 'waiting' AND unreadable = 0 LIMIT 1");
        Ok(query.fetch_optional(&self.pool).await?.is_some())
    }

    /// When the next waiting lead that nobody holds is due.
    pub async fn next_due(&self) -> Result<Option<Millis>, StoreError> {
        let sql = format!(
            "SELECT MIN(CASE WHEN leased_by IS NOT NULL AND leased_until > due_at THEN {} ELSE {} END) \
             FROM leads WHERE state = 'waiting' AND unreadable = 0",
            rows::only_numbers("leased_until"),
            rows::only_numbers("due_at")
        );
        let row = sqlx::query(AssertSqlSafe(sql)).fetch_one(&self.pool).await?;
        Ok(rows::number(&row, 0))
    }

    /// How many leads are due of which nothing was ever sent and on which nothing has failed, counted up to `most`.
    pub async fn untroubled(&self, most: i64) -> Result<i64, StoreError> {
        let sql = format!(
            "SELECT COUNT(*) FROM (SELECT 1 FROM leads WHERE state = 'waiting' AND unreadable = 0 AND attempts = 0 \
             AND due_at <= $1 AND NOT {} LIMIT $2 + 0) AS counted",
            stage::is_recorded(Step::Lead)
        );
        let row = sqlx::query(AssertSqlSafe(sql)).bind(self.clock.now()).bind(most).fetch_one(&self.pool).await?;
        Ok(row.try_get(0)?)
    }

    /// How many waiting leads are uncertain, counted up to `most`.
    pub async fn uncertain(&self, most: i64) -> Result<i64, StoreError> {
        let sql = format!(
            "SELECT COUNT(*) FROM (SELECT 1 FROM leads WHERE state = 'waiting' AND unreadable = 0 AND id IN {} \
             LIMIT $1 + 0) AS counted",
            stage::attempted(Step::Lead)
        );
        let row = sqlx::query(AssertSqlSafe(sql)).bind(most).fetch_one(&self.pool).await?;
        Ok(row.try_get(0)?)
    }

    /// Prolongs everything a lease holds.
    pub async fn renew(&self, lease: &Lease, until: Millis) -> Result<(), StoreError> {
        sqlx::query("UPDATE leads SET leased_until = $1 WHERE leased_by = $2")
            .bind(until)
            .bind(&lease.id)
            .execute(&self.pool)
            .await?;
        Ok(())
    }

    /// Gives one claimed lead back as it is, to be claimed again then.
    pub async fn defer(&self, lease: &Lease, lead: Ulid, due_at: Millis) -> Result<(), StoreError> {
        sqlx::query(
            "UPDATE leads SET due_at = $1, leased_by = NULL, leased_until = 0 WHERE id = $2 AND leased_by = $3",
        )
        .bind(due_at)
        .bind(lead.to_string())
        .bind(&lease.id)
        .execute(&self.pool)
        .await?;
        Ok(())
    }

    /// Puts claimed leads back, with the error that kept them from being sent; the one with which it came goes behind
    /// the others, and alone, in case it is the cause.
    pub async fn put_back(&self, lease: &Lease, leads: &[Ulid], cause: Ulid, error: &str) -> Result<(), StoreError> {
        // A ULID has letters and digits only.
        let sql = format!(
            "UPDATE leads SET due_at = CASE WHEN id = '{cause}' OR due_at > $1 THEN $1 ELSE due_at END, \
             solo = CASE WHEN id = '{cause}' THEN 1 ELSE solo END, last_error = $2, last_error_at = $3, \
             leased_by = NULL, leased_until = 0 WHERE leased_by = $4 AND id IN ({})",
            placeholders(5, leads.len())
        );
        let now = self.clock.now();
        let mut query = sqlx::query(AssertSqlSafe(sql)).bind(now).bind(plain(error)).bind(now).bind(&lease.id);
        for lead in leads {
            query = query.bind(lead.to_string());
        }
        query.execute(&self.pool).await?;
        self.leads_moved();
        Ok(())
    }

    /// Puts everything a lease holds off, to be handled one by one.
    pub async fn defer_lease(&self, lease: &Lease, due_at: Millis) -> Result<(), StoreError> {
        sqlx::query("UPDATE leads SET due_at = $1, solo = 1, leased_by = NULL, leased_until = 0 WHERE leased_by = $2")
            .bind(due_at)
            .bind(&lease.id)
            .execute(&self.pool)
            .await?;
        Ok(())
    }

    /// Gives back everything a lease still holds. Wakes nobody: whoever gives back decides when to look again.
    pub async fn release_lease(&self, lease: &Lease) -> Result<(), StoreError> {
        sqlx::query("UPDATE leads SET leased_by = NULL, leased_until = 0 WHERE leased_by = $1")
            .bind(&lease.id)
            .execute(&self.pool)
            .await?;
        Ok(())
    }
}

/// The claim's statement. Parameters: the lease, its end, now, [`FURTHEST_DUE`] from now, the earliest submission, the limit,
/// [`FURTHEST_LEASE`] from now.
fn claim_sql(engine: Engine, lease: &Lease, limit: i64, which: Claim) -> String {
    let free = "(leased_by IS NULL OR leased_until < $3 OR leased_until > $7)";
    let attempted = stage::attempted(Step::Lead);
    let only = match which {
        Claim::Oldest | Claim::InTurn => String::new(),
        Claim::Ready => format!(" AND id NOT IN {attempted}"),
        Claim::Uncertain => format!(" AND id IN {attempted}"),
        Claim::Troubled => format!(" AND (attempts > 0 OR id IN {attempted})"),
        Claim::Untroubled | Claim::SubmittedSince(_) => format!(" AND attempts = 0 AND id NOT IN {attempted}"),
    };
    let due = format!(
        "FROM leads WHERE state = 'waiting' AND unreadable = 0 AND submitted_at >= $5 \
         AND (due_at <= $3 OR due_at > $4) AND {free}{only}"
    );
    let chosen = match which {
        // Of those that need a write the one on which amoCRM has failed the least shows best whether it works.
        Claim::Ready => format!("SELECT id {due} ORDER BY attempts, due_at, submitted_at, id LIMIT $6 + 0"),
        Claim::InTurn | Claim::Uncertain | Claim::Troubled => {
            format!("SELECT id {due} ORDER BY due_at, submitted_at, id LIMIT $6 + 0")
        }
        // Nobody waits behind what somebody else has sent by the hundred.
        Claim::Oldest | Claim::Untroubled | Claim::SubmittedSince(_) => {
            let oldest = format!("SELECT id, user_id, submitted_at {due} ORDER BY submitted_at, id");
            let first = limit.saturating_mul(LOOKED_AT);
            // Where the oldest are of as many people as leads are wanted, those people's first ones are all that is taken,
            // and however many wait behind them need not be looked at.
            format!(
                "SELECT id FROM (SELECT id, submitted_at, ROW_NUMBER() OVER (PARTITION BY user_id \
                 ORDER BY submitted_at, id) AS place FROM ({oldest} LIMIT (SELECT CASE WHEN COUNT(DISTINCT user_id) >= $6 \
                 THEN {first} ELSE {} END FROM ({oldest} LIMIT {first}) AS first)) AS oldest) AS placed \
                 ORDER BY place, submitted_at, id LIMIT $6 + 0",
                i64::MAX
            )
        }
    };
    format!(
        "UPDATE leads SET leased_by = $1, leased_until = $2 WHERE id IN ({chosen}) AND {free}{} RETURNING {}",
        lease.fence(),
        lead_columns(engine)
    )
}

/// Sorts leads, oldest first, so that everybody's first comes before anybody's second.
fn one_of_each_first(leads: Vec<LeadRow>) -> Vec<LeadRow> {
    let mut places = HashMap::new();
    let mut placed = Vec::with_capacity(leads.len());
    for row in leads {
        let place = places.entry(row.lead.buyer.user_id).or_insert(0_usize);
        *place += 1;
        placed.push((*place, row));
    }
    placed.sort_by_key(|(place, _)| *place);
    placed.into_iter().map(|(_, row)| row).collect()
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::Ordering;

    use sqlx::{Connection, Executor, SqliteConnection};

    use crate::{clock::Clock, store::tests::instructions_of};

    use super::*;

    /// The users whose leads the statement claims, in the order of their ids, and the instructions that SQLite takes for it.
    async fn claimed(waiting: i64, user_id: &str) -> (Vec<i64>, u64) {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("store.sqlite");
        crate::store::Store::open_file(&file, Clock::default()).await.expect("a store").close().await;
        let url = format!("sqlite://{}", file.display());
        let mut connection = SqliteConnection::connect(&url).await.expect("the file");
        let fill = format!(
            "WITH RECURSIVE numbers(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers LIMIT {waiting}) \
             INSERT INTO leads (id, number, state, body, user_id, submitted_at, due_at) \
             SELECT printf('%026d', n), n, 'waiting', '{{}}', {user_id}, n, 0 FROM numbers"
        );
        connection.execute(AssertSqlSafe(fill)).await.expect("leads");
        let count = instructions_of(&mut connection).await;
        let sql = claim_sql(Engine::Sqlite, &Lease::command(), 10, Claim::Untroubled);
        let (now, most) = (1_000_000_000, i64::MAX);
        let mut query = sqlx::query(AssertSqlSafe(sql)).bind("me");
        for number in [now + 1, now, most, i64::MIN, 10, most] {
            query = query.bind(number);
        }
        query.fetch_all(&mut connection).await.expect("a claim");
        let instructions = count.load(Ordering::Relaxed);
        connection.lock_handle().await.expect("a handle").remove_progress_handler();
        let users = sqlx::query("SELECT user_id FROM leads WHERE leased_by = 'me' ORDER BY id");
        let users = users.fetch_all(&mut connection).await.expect("rows");
        (users.iter().map(|row| row.get(0)).collect(), instructions)
    }

    #[tokio::test]
    async fn a_claim_costs_the_same_however_many_wait() {
        let (few, small) = claimed(100, "n").await;
        let (many, large) = claimed(10_000, "n").await;
        assert_eq!((few, many), ((1..=10).collect(), (1..=10).collect()));
        assert!(large <= small + small / 10, "{small} instructions for 100, {large} for 10,000");
    }

    #[tokio::test]
    async fn a_claim_is_fair_wherever_the_others_stand() {
        // How many of one person come before those of others, and whose are claimed then.
        for (flood, people) in [(5, 10), (30, 10), (31, 10), (39, 10), (40, 10), (2000, 10), (2000, 4)] {
            let all = flood + people - 1;
            let (users, _) = claimed(all, &format!("MAX(1, n - {} + 1)", flood)).await;
            let mut expected: Vec<i64> = vec![1; usize::try_from(11 - people).expect("a number")];
            expected.extend(2..=people);
            assert_eq!(users, expected, "{flood} of one, then {} others", people - 1);
        }
    }
}
