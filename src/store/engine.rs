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

/// Bytes of a page in a new file; a file keeps the pages that it was made with. A commit changes a few small rows and writes the
/// whole pages they stand on, so that pages of half of SQLite's 4 KiB have hardly more than half written.
pub(super) const PAGE: u32 = 2048;

/// Bytes of pages in the write-ahead log before they go into the file. A few pages change with every commit, and are
/// written into the file once each time; a commit that does it takes some milliseconds. Read again by a start after a kill.
const LOG: u32 = 4000 * 4096;

/// KiB of pages that each connection keeps; the system keeps the file's pages for all of them.
const CACHE: u32 = 512;

/// Sets a new connection to an SQLite file up.
pub(super) async fn prepare(connection: &mut AnyConnection) -> Result<(), sqlx::Error> {
    let busy = BUSY_TIMEOUT.as_millis();
    let pragmas = format!(
        "PRAGMA busy_timeout = {busy}; PRAGMA page_size = {PAGE}; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; \
         PRAGMA foreign_keys = ON; PRAGMA secure_delete = ON; PRAGMA cache_size = -{CACHE}"
    );
    connection.execute(AssertSqlSafe(pragmas)).await?;
    let (page,): (i64,) = sqlx::query_as("SELECT page_size FROM pragma_page_size").fetch_one(&mut *connection).await?;
    let pages = i64::from(LOG) / page.max(1);
    // With the head of each page, and room for the commit that fills it: a log that is cut off each time has to grow again.
    let log = pages * (page + 24) * 5 / 4;
    let pragmas = format!("PRAGMA wal_autocheckpoint = {pages}; PRAGMA journal_size_limit = {log}");
    connection.execute(AssertSqlSafe(pragmas)).await?;
    Ok(())
}
