//! What must survive: leads, dialogues, the outbox, contacts, alerts, marks, tokens.
//!
//! Promise: a function that returned `Ok` has committed, durably (SQLite: WAL with `synchronous=FULL`). All SQL of the
//! product is in this room, one text for SQLite and PostgreSQL. Two processes may use one store: leads are
//! claimed under a lease, and every recorded step checks that the lease is still held.
//!
//! A limit that is bound is written `LIMIT $1 + 0`: SQLite compiles a statement with a bare one each time, for a plan
//! that suits the number, and that takes ten times as long as doing it.

mod after_sending;
mod again;
mod amendments;
mod buyer_topics;
mod conflicts;
mod consents;
mod contacts;
mod copying;
mod counts;
mod database;
mod dead_letters;
mod dialogues;
mod faults;
mod figures;
mod forgetting;
mod holding;
mod imports;
mod late_notes;
mod later_messages;
mod lead_actions;
mod lead_files;
mod lead_queue;
mod lead_steps;
mod lead_work;
mod leadership;
mod leads;
mod limits;
mod live_buttons;
mod locks;
mod mark;
mod marks;
mod new_leads;
mod open_alerts;
mod outbox;
mod postgres;
mod reminders;
mod repeats;
mod rows;
mod sent_messages;
mod sources;
mod stage;
mod step_outcome;
mod talk;
mod telling;
mod tokens;
mod turns;
mod unfinished;
mod unreadable;
mod watched;
mod withdrawals;
mod writer;

use std::{path::Path, str::FromStr, time::Duration};

use crate::{clock::Clock, files};
use sqlx::{
    AnyConnection, AssertSqlSafe, ConnectOptions, Connection, Executor,
    any::{AnyConnectOptions, AnyPoolOptions},
};

use again::Pool;
use database::Wakes;
use postgres::Server;
use writer::Writer;

pub use after_sending::AfterSending;
pub use amendments::{Amended, Amendment, NewAmendment};
pub use buyer_topics::{BuyerTopic, TopicAttempt, TopicPlace};
pub use consents::{Consent, NewConsent};
pub use copying::Copied;
pub use counts::{Totals, UndeliveredCounts};
pub use database::{
    Amendments, BuyerTopics, Consents, Database, Dialogues, Files, LateNotes, LeadActions, LeadQueue, LeadWork, Leads,
    Locks, Marks, OpenAlerts, Outbox, PersonalData, SentMessages, Store, Talk, Tokens, Watches, Withdrawals,
};
pub use dialogues::Dialogue;
pub use faults::StoreError;
pub use figures::LeadFacts;
pub use forgetting::{Forgetting, Person, PersonLead, Whom};
pub use imports::ImportedLead;
pub use late_notes::{LateAttempt, LateNote, LateOutcome};
pub use later_messages::{KeptMessage, LaterMessages, NewSpeech};
pub use lead_actions::{ASSIGNED, LeadAction, NewAction, OwedAction};
pub use lead_files::{AttachAttempt, DriveFile, FileEnd, FileOutcome, FileRow, FileStatus, FileStep};
pub use lead_queue::{Claim, Lease};
pub use lead_steps::{Completed, Created, Intent};
pub use lead_work::{NewPress, NewWork, OwedWork, Untouched, WorkRow, card_reference};
pub use leadership::Candidate;
pub use leads::LeadRow;
pub use limits::Arrivals;
pub use live_buttons::{ButtonsChange, LiveButtons};
pub use mark::{Mark, MarkFamily};
pub use new_leads::NewLead;
pub use open_alerts::{OUTAGE, OpenAlert};
pub use outbox::{NOBODYS_CHAT, NewMessage, OutboxMessage, WaitingMessage};
pub use reminders::LeftForm;
pub use repeats::Attached;
pub use sent_messages::{Became, MessagePlace, SendFailure};
pub use sources::SourceFigures;
pub use stage::{LeadState, Stage, Step, StepAttempt, Steps};
pub use step_outcome::{Hold, Lookups, StepOutcome};
pub use talk::{AnswerTold, NewAnswer, OpenAnswer};
pub use tokens::TokenRow;
pub use turns::{Turn, TurnOutcome};
pub use unfinished::{SentUnfinished, UnfinishedOutcome};
pub use unreadable::{UnreadableLead, Untold};
pub use watched::{OwedStatus, WatchCounts, WatchEnd, Watched, WatchedLead};
pub use withdrawals::{NewWithdrawal, OpenWithdrawal, Withdrawal};
pub use writer::Urgency;

/// Name of the SQLite file in `DATA_DIR`.
pub const SQLITE_FILE: &str = "amocrm-lead-bot.sqlite";

/// Longest wait for another writer of the same SQLite file.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);

/// No lead and no message is ever deferred for longer, so a time further ahead was written by a clock that was wrong.
const FURTHEST_DUE: Duration = Duration::from_secs(30 * 60);

/// Pages (of 4 KiB) in the write-ahead log before they go into the file. A few pages change with every commit, and are
/// written into the file once each time; a commit that does it takes some milliseconds. Read again by a start after a kill.
const LOG_PAGES: u32 = 4000;

/// Another process may be migrating: it is waited for so often, so long.
const MIGRATION_TRIES: u32 = 10;
const MIGRATION_PAUSE: Duration = Duration::from_millis(100);

/// Longest wait for a connection to PostgreSQL that works; one that hangs is noticed within this time.
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(6);

/// A file has no network to hang on; its writers wait for each other within [`BUSY_TIMEOUT`].
const ACQUIRE_TIMEOUT_FILE: Duration = Duration::from_secs(3600);

/// A connection that has not been used for so long is looked at before it is: the server may have ended it.
const LOOK_AFTER: Duration = Duration::from_secs(1);

/// Which database engine holds the store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Engine {
    /// One file in `DATA_DIR`.
    Sqlite,
    /// `DATABASE_URL=postgres://…`.
    Postgres,
}

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
        let pool = pool_options(4, ACQUIRE_TIMEOUT_FILE)
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

/// Sets a new connection to an SQLite file up.
async fn prepare(connection: &mut AnyConnection) -> Result<(), sqlx::Error> {
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

fn sqlite_url(file: &Path) -> String {
    let file = std::path::absolute(file).unwrap_or_else(|_| file.to_owned());
    match url::Url::from_file_path(&file) {
        Ok(url) => format!("sqlite://{}?mode=rwc", url.path()),
        Err(()) => format!("sqlite://{}?mode=rwc", file.display()),
    }
}

/// A text of somebody else's, such as an error of amoCRM, without the signs that PostgreSQL does not keep (NUL) and that
/// nobody could read.
fn plain(text: &str) -> String {
    text.replace(|sign: char| sign.is_control() && sign != '\n', " ")
}

/// JSON of a value of ours; such values have string keys and no floats that could fail.
pub(crate) fn json<T: serde::Serialize>(value: &T) -> String {
    serde_json::to_string(value).unwrap_or_else(|_| "null".into())
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    /// See the head of this room.
    #[test]
    fn no_statement_is_compiled_anew_for_its_limit() {
        let bare = regex::Regex::new(r"(LIMIT|OFFSET) \$[0-9]+([^0-9 ]| [^+]|$)").expect("a pattern");
        let (mut folders, mut limits) = (vec![Path::new(env!("CARGO_MANIFEST_DIR")).join("src/store")], 0);
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(folder).expect("a folder").flatten() {
                let path = entry.path();
                if path.is_dir() {
                    folders.push(path);
                    continue;
                }
                let text = std::fs::read_to_string(&path).expect("a source");
                limits += text.matches("LIMIT $").count();
                for line in text.lines().filter(|line| !line.trim_start().starts_with("//")) {
                    assert!(!bare.is_match(line), "{}: {line}", path.display());
                }
            }
        }
        assert!(limits > 10, "{limits} limits are found");
    }
}
