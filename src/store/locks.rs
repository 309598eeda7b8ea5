//! Locks between processes: rows that expire by themselves.

use std::time::Duration;

use super::{Locks, StoreError};

impl Locks {
    /// Takes a lock for a holder; `false` while another one holds it. It expires by itself.
    pub async fn take(&self, name: &str, holder: &str, hold: Duration) -> Result<bool, StoreError> {
        let now = self.clock.now();
        let until = now + i64::try_from(hold.as_millis()).unwrap_or(60_000);
        let done = sqlx::query(
            "INSERT INTO locks (name, holder, held_until) VALUES ($1, $2, $3) ON CONFLICT (name) DO UPDATE SET \
             holder = excluded.holder, held_until = excluded.held_until \
             WHERE locks.held_until < $4 OR locks.held_until > $5 OR locks.holder = excluded.holder",
        )
        .bind(name)
        .bind(holder)
        .bind(until)
        .bind(now)
        // Written by a clock that was wrong.
        .bind(until + 3_600_000)
        .execute(&self.pool)
        .await?;
        Ok(done.rows_affected() == 1)
    }

    /// Gives a lock back.
    pub async fn release(&self, name: &str, holder: &str) -> Result<(), StoreError> {
        sqlx::query("DELETE FROM locks WHERE name = $1 AND holder = $2")
            .bind(name)
            .bind(holder)
            .execute(&self.pool)
            .await?;
        Ok(())
    }
}
