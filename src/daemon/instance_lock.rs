//! One daemon for each `DATA_DIR`.

use std::{fs::File, path::Path, time::Duration};

use crate::files;

use super::DaemonError;

/// Held by the daemon of a `DATA_DIR`.
const LOCK_FILE: &str = "daemon.lock";

/// A command holds the lock for a moment to see whether a daemon does; nobody but a daemon holds it for all of these.
const LOOKS_AT_LOCK: u32 = 5;
const LOOK_AT_LOCK: Duration = Duration::from_millis(50);

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
    pub(super) async fn wait_for(folder: &Path) -> Result<Self, DaemonError> {
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
