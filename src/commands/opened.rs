//! The store as a command finds it. A command never makes one: in a wrong folder that would look like an empty bot.

use std::ops::Deref;

use tempfile::TempDir;

use crate::{
    clock::Clock,
    config::{AmocrmSettings, StoreSettings},
    crm::amocrm::{Crm, TokenStorage},
    daemon::{self, DaemonError, InstanceLock},
    files,
    store::{SQLITE_FILE, Store, StoreError},
};

use super::{CommandError, beside, output::errln};

/// An open store, or an empty one in its place.
pub struct Opened {
    store: Store,
    /// Holds what stands in for a store that is not there, for as long as it is looked at.
    nothing: Option<TempDir>,
}

impl Opened {
    /// Whether there is a store at all.
    pub fn exists(&self) -> bool {
        self.nothing.is_none()
    }

    /// Says on standard error that there is none, and where it was looked for.
    pub fn tell_if_there_is_none(&self, settings: &StoreSettings) {
        if !self.exists() {
            errln!("{}", self.none(settings));
        }
    }

    /// The same as a failure, of a command that can do nothing without one.
    pub fn none(&self, settings: &StoreSettings) -> CommandError {
        CommandError::Failed(format!(
            "There is no store at {} yet: the bot has not run there. If it has, DATA_DIR is another folder.",
            daemon::store_place(settings)
        ))
    }
}

impl Deref for Opened {
    type Target = Store;

    fn deref(&self) -> &Store {
        &self.store
    }
}

/// The store that is there, beside a daemon that may run; an empty one where there is none.
pub async fn existing(settings: &StoreSettings) -> Result<Opened, CommandError> {
    if settings.database_url.is_some() || settings.data_dir.join(SQLITE_FILE).exists() {
        return Ok(Opened { store: made(settings).await?, nothing: None });
    }
    if !settings.data_dir.is_dir() {
        let source = std::io::Error::from(std::io::ErrorKind::NotFound);
        return Err(DaemonError::DataDir { path: settings.data_dir.clone(), source }.into());
    }
    let folder = tempfile::tempdir()
        .map_err(|error| CommandError::Failed(format!("a temporary folder cannot be made: {}", files::why(&error))))?;
    let clock = Clock::with_speed(settings.speed);
    let store = Store::open_file(&folder.path().join(SQLITE_FILE), clock).await?;
    Ok(Opened { store, nothing: Some(folder) })
}

/// The store, made where there is none.
pub async fn made(settings: &StoreSettings) -> Result<Store, CommandError> {
    daemon::open_store(settings, Clock::with_speed(settings.speed)).await.map_err(|error| match error {
        DaemonError::Store(StoreError::Setting(problem)) => {
            DaemonError::Setting(format!("DATABASE_URL: {problem}")).into()
        }
        DaemonError::Store(error) => {
            let setting = if settings.database_url.is_some() { "DATABASE_URL" } else { "DATA_DIR" };
            CommandError::Failed(format!("{setting}: {error}"))
        }
        other => other.into(),
    })
}

/// The account with its tokens, which on SQLite are in files and need no store; asked no faster than a running bot allows.
pub async fn crm(amocrm: &AmocrmSettings, settings: &StoreSettings) -> Result<Crm, CommandError> {
    match settings.database_url() {
        None => {
            let amocrm = beside::share(amocrm, InstanceLock::is_running(&settings.data_dir));
            Ok(daemon::open_crm_with(&amocrm, settings, TokenStorage::Files(settings.data_dir.clone()))?)
        }
        Some(_) => {
            let store = made(settings).await?;
            let amocrm = beside::share(amocrm, beside::is_daemon_running(settings, &store).await?);
            Ok(daemon::open_crm(&amocrm, settings, &store)?)
        }
    }
}
