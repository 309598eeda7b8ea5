//! Which database engine holds the store, and how a connection to a file of it is set up.

use std::time::Duration;

use sqlx::{AnyConnection, AssertSqlSafe, Executor};

/// Which database engine holds the store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Engine {
    /// One file in `DATA_DIR`.
    Sqlite,
    /// `DATABASE_URL=postgres://…`.
    Postgres,
}

/// Longest wait for another writer of the same SQLite file.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);

/// Pages (of 4 KiB) in the write-ahead log before they go into the file. A few pages change with every commit, and are
/// written into the file once each time; a commit that does it takes some milliseconds. Read again by a start after a kill.
const LOG_PAGES: u32 = 4000;

/// Sets a new connection to an SQLite file up.
pub(super) async fn prepare(connection: &mut AnyConnection) -> Result<(), sqlx::Error> {
    let busy = BUSY_TIMEOUT.as_millis();
    // With the head of each page, and room for the commit that fills it: a log that is cut off each time has to grow again.
    let log = LOG_PAGES * (4096 + 24) * 5 / 4;
    let pragmas = format!(
        "PRAGMA busy_timeout = {busy}; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; \
         PRAGMA foreign_keys = ON; PRAGMA secure_delete = ON; PRAGMA cache_size = -1024; \
         PRAGMA wal_autocheckpoint = {LOG_PAGES}; PRAGMA journal_size_limit = {log}"
    );
    connection.execute(AssertSqlSafe(pragmas)).await?;
    Ok(())
}
