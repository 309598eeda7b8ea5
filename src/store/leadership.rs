//! Who of several processes on one PostgreSQL database is the leader.
//!
//! Leadership is a session-level advisory lock on a connection of its own: PostgreSQL lets go of it the moment that
//! connection ends, so a killed leader is followed at once. The leader listens on that connection all the time, so it
//! knows at once when the server has ended it, and stops. Where nothing comes any more, not even the end, it notices
//! within [`CHECK_EVERY`] + [`CHECK_TAKES`]; the server notices such a half-open connection later than that (it is told
//! to by the keep-alive settings of the session), so the old leader has stopped before a new one starts. What it may
//! still have under way is fenced: each term has a generation, which every claim checks, and the new leader frees what
//! daemons before it held.

use std::{str::FromStr, time::Duration};

use sqlx::{
    AssertSqlSafe, ConnectOptions, Connection, Executor, Row,
    postgres::{PgConnectOptions, PgListener, PgPoolOptions},
};
use tracing::warn;

use super::{
    Engine, Mark, Store, StoreError,
    postgres::{CONNECT_TIMEOUT, Server},
    rows,
};

/// Key of the advisory lock; it is local to the database.
const LOCK_KEY: i64 = 0x616d_6f63_726d;

/// How often a leader asks the database whether it is there, when nothing comes from it.
pub const CHECK_EVERY: Duration = Duration::from_secs(2);

/// A check that takes longer has failed.
pub const CHECK_TAKES: Duration = Duration::from_secs(3);

/// An attempt takes at most this long, with looking at the server and connecting.
const ATTEMPT_TAKES: Duration = Duration::from_secs(15);

/// A process that is, or waits to be, the leader.
#[derive(Debug)]
pub struct Candidate {
    url: String,
    connection: Option<PgListener>,
}

impl Candidate {
    /// A candidate for the leadership of this database.
    pub fn new(url: &str) -> Self {
        Self { url: url.to_owned(), connection: None }
    }

    /// Tries to become the leader; `Ok(false)` while another process is.
    pub async fn try_lead(&mut self) -> Result<bool, StoreError> {
        let attempt = async {
            if self.connection.is_none() {
                self.connection = Some(connect(&self.url).await?);
            }
            let Some(connection) = &mut self.connection else { return Ok(false) };
            let row = sqlx::query("SELECT pg_try_advisory_lock($1)").bind(LOCK_KEY).fetch_one(&mut *connection).await?;
            Ok(row.try_get::<bool, _>(0)?)
        };
        let answer = tokio::time::timeout(ATTEMPT_TAKES, attempt)
            .await
            .unwrap_or_else(|_| Err(StoreError::for_now("the database does not answer")));
        if answer.is_err() {
            self.connection = None;
        }
        answer
    }

    /// Resolves when the leadership is lost: the connection that holds the lock has ended or does not answer.
    pub async fn lost(&mut self) {
        let Some(connection) = &mut self.connection else { return };
        loop {
            match tokio::time::timeout(CHECK_EVERY, connection.try_recv()).await {
                // Nothing is ever sent on it.
                Ok(Ok(Some(_))) => {}
                Ok(Ok(None)) => {
                    warn!("the database has ended the leader's connection");
                    break;
                }
                Ok(Err(error)) => {
                    warn!(%error, "the leader's connection to the database is broken");
                    break;
                }
                Err(_) => {
                    match tokio::time::timeout(CHECK_TAKES, sqlx::query("SELECT 1").execute(&mut *connection)).await {
                        Ok(Ok(_)) => {}
                        Ok(Err(error)) => {
                            warn!(%error, "the database does not answer the leader");
                            break;
                        }
                        Err(_) => {
                            warn!("the database does not answer the leader in time");
                            break;
                        }
                    }
                }
            }
        }
        self.connection = None;
    }

    /// Gives the leadership back, so that another process need not wait.
    pub async fn resign(mut self) {
        if let Some(mut connection) = self.connection.take() {
            let unlock = sqlx::query("SELECT pg_advisory_unlock_all()").execute(&mut connection);
            let _ = tokio::time::timeout(CHECK_TAKES, unlock).await;
        }
    }
}

/// A connection on which one can wait for its end; it is not made again by itself.
async fn connect(url: &str) -> Result<PgListener, StoreError> {
    let (server, looked) = Server::look(url).await?;
    let _ = looked.close().await;
    let options = PgConnectOptions::from_str(&server.url)?.disable_statement_logging();
    let pool =
        PgPoolOptions::new().max_connections(1).acquire_timeout(CONNECT_TIMEOUT).max_lifetime(None).idle_timeout(None);
    let mut connection = PgListener::connect_with(&pool.connect_with(options).await?).await?;
    connection.eager_reconnect(false);
    for statement in server.session() {
        connection.execute(statement).await?;
    }
    // So that the server lets a leader go whose machine or network has vanished: 4 + 2 × 2 s.
    for setting in ["tcp_keepalives_idle = 4", "tcp_keepalives_interval = 2", "tcp_keepalives_count = 2"] {
        sqlx::query(AssertSqlSafe(format!("SET {setting}"))).execute(&mut connection).await?;
    }
    Ok(connection)
}

impl Store {
    /// Whether a daemon leads on this PostgreSQL database now; `None` on SQLite, where a lock in `DATA_DIR` tells.
    pub async fn is_led(&self) -> Result<Option<bool>, StoreError> {
        if self.engine == Engine::Sqlite {
            return Ok(None);
        }
        // The key of a lock of one number is kept in two halves (manual, 54.13 pg_locks).
        let row = sqlx::query(
            "SELECT COUNT(*) FROM pg_locks WHERE locktype = 'advisory' AND granted AND objsubid = 1 \
             AND CAST(classid AS BIGINT) = $1 AND CAST(objid AS BIGINT) = $2 \
             AND database = (SELECT oid FROM pg_database WHERE datname = current_database())",
        )
        .bind(LOCK_KEY >> 32)
        .bind(LOCK_KEY & 0xffff_ffff)
        .fetch_one(&self.pool)
        .await?;
        Ok(Some(row.try_get::<i64, _>(0)? > 0))
    }

    /// Begins a term: a new generation, and everything that daemons before it held is free. To be called by the one
    /// daemon that leads.
    pub async fn begin_term(&self) -> Result<i64, StoreError> {
        let generation = self.again(|| self.begin_term_once()).await?;
        // This version may be able to read what the last one could not.
        self.read_again().await?;
        Ok(generation)
    }

    async fn begin_term_once(&self) -> Result<i64, StoreError> {
        let mut transaction = self.begin().await?;
        let sql = format!("SELECT {} FROM marks WHERE name = $1", rows::bytes(self.engine, "value"));
        let last =
            sqlx::query(AssertSqlSafe(sql)).bind(Mark::Generation.name()).fetch_optional(&mut *transaction).await?;
        let generation = match last {
            None => 1,
            // Where the last number cannot be read, the time is greater than any that was counted up to.
            Some(row) => rows::lossy(&row, 0)
                .and_then(|last| last.parse::<i64>().ok()?.checked_add(1))
                .unwrap_or_else(|| self.clock.now()),
        };
        super::marks::write(&mut transaction, &Mark::Generation, &generation.to_string(), self.clock.now()).await?;
        for table in ["leads", "lead_files"] {
            let sql = format!("UPDATE {table} SET leased_by = NULL, leased_until = 0 WHERE leased_by LIKE 'daemon-%'");
            sqlx::query(AssertSqlSafe(sql)).execute(&mut *transaction).await?;
        }
        transaction.commit().await?;
        Ok(generation)
    }
}
