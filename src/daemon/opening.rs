//! Opens what the settings name: the store, and the account with its tokens.

use std::{path::Path, time::Duration};

use crate::{
    clock::Clock,
    config::{AmocrmSettings, StoreSettings},
    crm::amocrm::{Crm, HttpLimits, TokenPolicy, TokenStorage},
    files,
    store::{Engine, SQLITE_FILE, Store},
};

use super::DaemonError;

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
