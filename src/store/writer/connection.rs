//! The connection that writes: one for a file, any of the pool's for a server.

use std::{
    ops::{Deref, DerefMut},
    sync::Arc,
};

use sqlx::{
    Any, AnyConnection, AnyPool, Connection, Executor, Transaction, any::AnyConnectOptions, pool::PoolConnection,
};
use tokio::sync::OwnedMutexGuard;

use crate::store::Engine;

/// Where the writing connection comes from.
#[derive(Debug)]
pub(super) enum Source {
    /// The one connection that writes a file; `None` until it is needed, and after a failure.
    File { options: Box<AnyConnectOptions>, connection: Arc<tokio::sync::Mutex<Option<AnyConnection>>> },
    /// Any of the pool's.
    Server(AnyPool),
}

/// A connection for one batch. Dropped instead of given back it is closed, and whatever it had begun is undone.
#[derive(Debug)]
pub(in crate::store) enum Held {
    File(AnyConnection, OwnedMutexGuard<Option<AnyConnection>>),
    Server(PoolConnection<Any>, AnyPool),
}

impl Held {
    pub(super) fn give_back(self) {
        match self {
            Self::File(connection, mut home) => *home = Some(connection),
            Self::Server(connection, _) => drop(connection),
        }
    }

    /// Keeps it for the next batch where it is in nobody's way.
    pub(super) fn keep(self) -> Option<Self> {
        let is_in_nobodys_way = match &self {
            Self::File(..) => false,
            Self::Server(_, pool) => pool.num_idle() > 0 || pool.size() < pool.options().get_max_connections(),
        };
        if is_in_nobodys_way {
            return Some(self);
        }
        self.give_back();
        None
    }

    pub(super) async fn close(self) {
        match self {
            Self::File(connection, _home) => drop(connection.close().await),
            Self::Server(connection, _) => drop(connection.close().await),
        }
    }
}

impl Deref for Held {
    type Target = AnyConnection;

    fn deref(&self) -> &AnyConnection {
        match self {
            Self::File(connection, _) => connection,
            Self::Server(connection, _) => connection,
        }
    }
}

impl DerefMut for Held {
    fn deref_mut(&mut self) -> &mut AnyConnection {
        match self {
            Self::File(connection, _) => connection,
            Self::Server(connection, _) => connection,
        }
    }
}

/// A transaction that may write: SQLite takes the write lock at once, so that it cannot fail half-way.
pub(super) fn begin(engine: Engine) -> &'static str {
    match engine {
        Engine::Sqlite => "BEGIN IMMEDIATE",
        Engine::Postgres => "BEGIN ISOLATION LEVEL READ COMMITTED",
    }
}

/// A transaction of a batch, which finds each row that it changes by an index: how many rows are at rest in a table through which
/// messages pass says nothing about how many pages it has.
pub(super) fn begin_batch(engine: Engine) -> &'static str {
    match engine {
        Engine::Sqlite => begin(engine),
        Engine::Postgres => {
            "BEGIN ISOLATION LEVEL READ COMMITTED; SET LOCAL enable_seqscan = off; SET LOCAL enable_hashjoin = off; \
             SET LOCAL enable_mergejoin = off"
        }
    }
}

/// A transaction by itself; undone when it is dropped.
#[derive(Debug)]
pub(in crate::store) enum WriteTransaction {
    File(Held),
    Server(Transaction<'static, Any>),
}

impl WriteTransaction {
    pub(in crate::store) async fn commit(self) -> Result<(), sqlx::Error> {
        match self {
            Self::File(held) => held.end("COMMIT").await,
            Self::Server(transaction) => transaction.commit().await,
        }
    }

    pub(in crate::store) async fn rollback(self) -> Result<(), sqlx::Error> {
        match self {
            Self::File(held) => held.end("ROLLBACK").await,
            Self::Server(transaction) => transaction.rollback().await,
        }
    }
}

impl Held {
    async fn end(mut self, statement: &'static str) -> Result<(), sqlx::Error> {
        self.execute(statement).await?;
        self.give_back();
        Ok(())
    }
}

impl Deref for WriteTransaction {
    type Target = AnyConnection;

    fn deref(&self) -> &AnyConnection {
        match self {
            Self::File(held) => held,
            Self::Server(transaction) => transaction,
        }
    }
}

impl DerefMut for WriteTransaction {
    fn deref_mut(&mut self) -> &mut AnyConnection {
        match self {
            Self::File(held) => held,
            Self::Server(transaction) => transaction,
        }
    }
}
