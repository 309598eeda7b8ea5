//! Builds the parts, runs them, owns start-up and shutdown.
//!
//! Shutdown, in this order: polling stops, the updates in hand are finished, what is done is confirmed to Telegram; then
//! delivery finishes its call and gives its lease back, messages under way are finished, the backup file is
//! written once more. All of it within `SHUTDOWN_LIMIT` of the signal, whatever hangs; whatever is cut off then is
//! continued by the next start.

mod intake;
mod leader;
mod memory;
mod parts;

use std::{
    fs::File,
    io,
    path::{Path, PathBuf},
    time::Duration,
};

use thiserror::Error;
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;
use tracing::info;

use crate::{
    clock::Clock,
    config::{AmocrmSettings, Config, StoreSettings},
    crm::amocrm::{Crm, HttpLimits, TokenPolicy, TokenStorage},
    files,
    store::{Engine, SQLITE_FILE, Store, StoreError},
};

pub use leader::run_until;

/// Everything is cut off this long after SIGTERM; with closing the store it makes less than the promised 10 s (Heroku
/// kills after 30 s, systemd after 90 s).
const SHUTDOWN_LIMIT: Duration = Duration::from_secs(8);

/// Held by the daemon of a `DATA_DIR`.
const LOCK_FILE: &str = "daemon.lock";

/// A command holds the lock for a moment to see whether a daemon does; nobody but a daemon holds it for all of these.
const LOOKS_AT_LOCK: u32 = 5;
const LOOK_AT_LOCK: Duration = Duration::from_millis(50);

/// Why the daemon did not start or did not go on.
#[derive(Debug, Error)]
pub enum DaemonError {
    /// A setting is wrong, which only its use has shown.
    #[error("{0}")]
    Setting(String),
    /// Another daemon runs on the same `DATA_DIR`.
    #[error(
        "another amocrm-lead-bot already runs on this DATA_DIR ({0}); stop it first, or give this one a folder of its own"
    )]
    AlreadyRunning(String),
    /// The folder cannot be used.
    #[error("DATA_DIR: {} cannot be used: {}. Give a folder that this user may write to", .path.display(), files::why_of(.path, .source))]
    DataDir {
        /// The folder, or what in it is in the way.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The store cannot be opened.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The process cannot be told to stop, so it had better not start.
    #[error("signals cannot be received: {0}")]
    Signals(io::Error),
}

/// The one daemon of a `DATA_DIR`, for as long as this value lives (also if the process is killed).
#[derive(Debug)]
pub struct InstanceLock {
    _lock: File,
}

impl InstanceLock {
    /// Takes the folder, creating it if need be.
    pub fn take(folder: &Path) -> Result<Self, DaemonError> {
        let unusable = |path: &Path, source| DaemonError::DataDir { path: path.to_owned(), source };
        files::make_folder(folder).map_err(|error| unusable(folder, error))?;
        let file = folder.join(LOCK_FILE);
        let lock = files::private().create(true).truncate(false).write(true).open(&file);
        let lock = lock.map_err(|error| unusable(&file, error))?;
        match lock.try_lock() {
            Ok(()) => Ok(Self { _lock: lock }),
            Err(std::fs::TryLockError::WouldBlock) => Err(DaemonError::AlreadyRunning(folder.display().to_string())),
            Err(std::fs::TryLockError::Error(source)) => Err(unusable(&file, source)),
        }
    }

    /// Takes the folder, from a command that just looks whether it is taken if need be.
    async fn wait_for(folder: &Path) -> Result<Self, DaemonError> {
        for _ in 0..LOOKS_AT_LOCK {
            match Self::take(folder) {
                Err(DaemonError::AlreadyRunning(_)) => tokio::time::sleep(LOOK_AT_LOCK).await,
                other => return other,
            }
        }
        Self::take(folder)
    }

    /// Whether a daemon runs on this folder now; leaves no trace.
    pub fn is_running(folder: &Path) -> bool {
        let lock = File::open(folder.join(LOCK_FILE));
        lock.is_ok_and(|lock| matches!(lock.try_lock(), Err(std::fs::TryLockError::WouldBlock)))
    }
}

/// Where the store is, for people: a path, or host, port and name of a database without user and password.
pub fn store_place(settings: &StoreSettings) -> String {
    match settings.database_url() {
        Some(url) => place_of_url(url),
        None => {
            let file = settings.data_dir.join(SQLITE_FILE);
            std::path::absolute(&file).unwrap_or(file).display().to_string()
        }
    }
}

/// An address without user, password and parameters.
pub fn place_of_url(url: &str) -> String {
    let Ok(url) = url::Url::parse(url) else { return "DATABASE_URL".into() };
    let port = url.port().map_or_else(String::new, |port| format!(":{port}"));
    format!("{}://{}{port}{}", url.scheme(), url.host_str().unwrap_or_default(), url.path())
}

/// Opens the store that the settings name.
pub async fn open_store(settings: &StoreSettings, clock: Clock) -> Result<Store, DaemonError> {
    let folder = &settings.data_dir;
    files::make_folder(folder).map_err(|source| DaemonError::DataDir { path: folder.clone(), source })?;
    Ok(Store::open(settings.database_url(), folder, clock).await?)
}

/// Where a bot on this store keeps its tokens; `folder` is the one of an SQLite store.
pub fn token_storage_beside(store: &Store, folder: &Path) -> TokenStorage {
    match store.engine() {
        Engine::Sqlite => TokenStorage::Files(folder.to_owned()),
        Engine::Postgres => TokenStorage::Database(store.clone()),
    }
}

/// Sets the account up with its tokens; sends nothing.
pub fn open_crm(amocrm: &AmocrmSettings, settings: &StoreSettings, store: &Store) -> Result<Crm, DaemonError> {
    open_crm_with(amocrm, settings, token_storage_beside(store, &settings.data_dir))
}

/// The same with tokens that are kept elsewhere.
pub fn open_crm_with(
    amocrm: &AmocrmSettings,
    settings: &StoreSettings,
    storage: TokenStorage,
) -> Result<Crm, DaemonError> {
    let (limits, policy) = pauses(settings.speed);
    Crm::new(amocrm.clone(), storage, Clock::with_speed(settings.speed), limits, policy)
        .map_err(|error| DaemonError::Setting(format!("the connection to amoCRM cannot be set up: {error}")))
}

/// The CRM's own pauses, shortened like all others; what bounds a single call keeps two seconds, for a busy machine.
fn pauses(speed: f64) -> (HttpLimits, TokenPolicy) {
    let (mut limits, mut policy) = (HttpLimits::default(), TokenPolicy::default());
    if speed > 1.0 {
        for (pause, least) in [
            (&mut limits.connect, 2000),
            (&mut limits.request, 2000),
            // A refresh whose answer is late is spent, so a busy machine must not make it late.
            (&mut limits.oauth, 3000),
            (&mut policy.lock_expiry, 9000),
            (&mut limits.patience, 100),
            (&mut policy.poll_interval, 50),
            (&mut policy.repeat_pause, 10),
            (&mut policy.rejection_cooldown, 100),
            (&mut policy.unverified_cooldown, 100),
            (&mut policy.proactive_pause, 100),
        ] {
            *pause = pause.div_f64(speed).max(Duration::from_millis(least));
        }
    }
    (limits, policy)
}

/// Runs the daemon until SIGTERM or SIGINT.
pub async fn run(config: Config) -> Result<(), DaemonError> {
    let stop = CancellationToken::new();
    stop_on_signals(stop.clone())?;
    run_until(config, stop).await
}

fn stop_on_signals(stop: CancellationToken) -> Result<(), DaemonError> {
    let mut terminate = signal(SignalKind::terminate()).map_err(DaemonError::Signals)?;
    let mut interrupt = signal(SignalKind::interrupt()).map_err(DaemonError::Signals)?;
    tokio::spawn(async move {
        let name = tokio::select! {
            _ = terminate.recv() => "SIGTERM",
            _ = interrupt.recv() => "SIGINT",
        };
        info!(signal = name, "stopping");
        stop.cancel();
    });
    Ok(())
}
