//! The store is opened, brought up to date and closed.

use std::{path::Path, str::FromStr, time::Duration};

use sqlx::{
    AnyConnection, ConnectOptions, Connection, Executor,
    any::{AnyConnectOptions, AnyPoolOptions},
};

use crate::{clock::Clock, files};

use super::{
    Database, Engine, Mark, SQLITE_FILE, Store, StoreError, again::Pool, database::Wakes, engine::prepare,
    postgres::Server, writer::Writer,
};

/// Another process may be migrating: it is waited for so often, so long.
const MIGRATION_TRIES: u32 = 10;
const MIGRATION_PAUSE: Duration = Duration::from_millis(100);

/// Longest wait for a connection to PostgreSQL that works; one that hangs is noticed within this time.
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(6);

/// A file has no network to hang on; its writers wait for each other within SQLite's own limit.
const ACQUIRE_TIMEOUT_FILE: Duration = Duration::from_secs(3600);

/// Connections that read a file. Each costs a megabyte of statements and pages; a read takes a fraction of a millisecond.
const READERS: u32 = 3;

/// A connection that has not been used for so long is looked at before it is: the server may have ended it.
const LOOK_AFTER: Duration = Duration::from_secs(1);

impl Store {
    /// Opens (and creates or migrates) the store: `database_url`, or the SQLite file in `data_dir`.
    pub async fn open(database_url: Option<&str>, data_dir: &Path, clock: Clock) -> Result<Self, StoreError> {
        match database_url {
            Some(url) => Self::open_url(url, clock).await,
            None => Self::open_file(&data_dir.join(SQLITE_FILE), clock).await,
        }
    }

    /// Opens (and creates or migrates) the store in one SQLite file.
    pub async fn open_file(file: &Path, clock: Clock) -> Result<Self, StoreError> {
        // Names, phones and tokens stand in it: nobody else may read it. SQLite gives its log files the same mode.
        files::private()
            .create(true)
            .append(true)
            .open(file)
            .map_err(|error| StoreError::Unavailable(sqlx::Error::Io(files::named(file, &error))))?;
        files::close_database(file);
        Self::open_url(&sqlite_url(file), clock).await
    }

    /// Opens (and migrates) the store at `postgres://…` or `sqlite:…`.
    pub async fn open_url(url: &str, clock: Clock) -> Result<Self, StoreError> {
        if url.starts_with("postgres") {
            Self::open_postgres(url, clock).await
        } else {
            Self::open_sqlite(url, clock).await
        }
    }

    async fn open_sqlite(url: &str, clock: Clock) -> Result<Self, StoreError> {
        sqlx::any::install_default_drivers();
        let options = AnyConnectOptions::from_str(url)?.disable_statement_logging();
        // The pool would try again and again to prepare a file that is no database, and tell nobody.
        let mut first = AnyConnection::connect_with(&options).await?;
        prepare(&mut first).await?;
        first.close().await?;
        let writer = Writer::of_file(options.clone());
        // A file needs no look whether it is still there.
        let pool = pool_options(READERS, ACQUIRE_TIMEOUT_FILE)
            .before_acquire(|connection, _| {
                let usable = !connection.is_in_transaction();
                Box::pin(async move { Ok(usable) })
            })
            .after_connect(|connection, _| Box::pin(prepare(connection)))
            .connect_with(options)
            .await?;
        let pool = Pool(pool, writer);
        let store = Self::of(Database { pool, engine: Engine::Sqlite, clock, wakes: Wakes::default() });
        store.migrate().await?;
        Ok(store)
    }

    async fn open_postgres(url: &str, clock: Clock) -> Result<Self, StoreError> {
        sqlx::any::install_default_drivers();
        let (server, mut first) = Server::look(url).await?;
        server.migrate(&mut first, &sqlx::migrate!()).await?;
        first.close().await?;
        let options = AnyConnectOptions::from_str(&server.url)?.disable_statement_logging();
        let pool = pool_options(server.at_work, ACQUIRE_TIMEOUT)
            .before_acquire(|connection, at| {
                Box::pin(async move {
                    if at.idle_for > LOOK_AFTER {
                        connection.ping().await?;
                    }
                    Ok(!connection.is_in_transaction())
                })
            })
            .after_connect(move |connection, _| {
                let session = server.session();
                Box::pin(async move {
                    for statement in session {
                        connection.execute(statement).await?;
                    }
                    Ok(())
                })
            })
            .connect_with(options)
            .await?;
        let writer = Writer::of_pool(pool.clone());
        let pool = Pool(pool, writer);
        Ok(Self::of(Database { pool, engine: Engine::Postgres, clock, wakes: Wakes::default() }))
    }

    /// Brings the tables up to date. On SQLite nobody keeps two processes from doing so at once (a first start and a
    /// command beside it): the slower one's migration fails as a whole, and the next try finds it done.
    async fn migrate(&self) -> Result<(), StoreError> {
        use sqlx::migrate::MigrateError::{Execute, ExecuteMigration};
        let mut tries = 1;
        loop {
            match sqlx::migrate!().run(&self.pool.0).await {
                Ok(()) => return Ok(()),
                Err(Execute(_) | ExecuteMigration(..)) if tries < MIGRATION_TRIES => {
                    tries += 1;
                    tokio::time::sleep(MIGRATION_PAUSE).await;
                }
                Err(Execute(error)) => return Err(StoreError::Unavailable(error)),
                Err(other) => return Err(StoreError::Unreadable(other.to_string())),
            }
        }
    }

    /// How many of its connections are doing something right now; not zero while anything waits to be written.
    pub fn connections_at_work(&self) -> usize {
        let Pool(pool, writer) = &self.pool;
        let busy = usize::try_from(pool.size()).unwrap_or(usize::MAX).saturating_sub(pool.num_idle());
        busy + usize::from(writer.is_at_work())
    }

    /// Whether the store can be written now.
    pub async fn probe(&self) -> Result<(), StoreError> {
        self.marks().set(&Mark::Probe, "").await
    }

    /// Closes the pool; for SQLite this folds the write-ahead log into the file.
    pub async fn close(&self) {
        self.pool.1.close().await;
        self.pool.0.close().await;
    }
}

/// What both engines have in common. When a disk is full SQLite rolls back by itself; sqlx's own rollback then fails, and
/// it takes the connection to be in that transaction for ever: such a one is not given out again.
fn pool_options(connections: u32, acquire_timeout: Duration) -> AnyPoolOptions {
    AnyPoolOptions::new()
        .max_connections(connections)
        .min_connections(1)
        .acquire_timeout(acquire_timeout)
        .test_before_acquire(false)
}

fn sqlite_url(file: &Path) -> String {
    let file = std::path::absolute(file).unwrap_or_else(|_| file.to_owned());
    match url::Url::from_file_path(&file) {
        Ok(url) => format!("sqlite://{}?mode=rwc", url.path()),
        Err(()) => format!("sqlite://{}?mode=rwc", file.display()),
    }
}
