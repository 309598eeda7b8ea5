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
    Server(PoolConnection<Any>),
}

impl Held {
    pub(super) fn give_back(self) {
        match self {
            Self::File(connection, mut home) => *home = Some(connection),
            Self::Server(connection) => drop(connection),
        }
    }

    pub(super) async fn close(self) {
        match self {
            Self::File(connection, _home) => drop(connection.close().await),
            Self::Server(connection) => drop(connection.close().await),
        }
    }
}

impl Deref for Held {
    type Target = AnyConnection;

    fn deref(&self) -> &AnyConnection {
        match self {
            Self::File(connection, _) => connection,
            Self::Server(connection) => connection,
        }
    }
}

impl DerefMut for Held {
    fn deref_mut(&mut self) -> &mut AnyConnection {
        match self {
            Self::File(connection, _) => connection,
            Self::Server(connection) => connection,
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
