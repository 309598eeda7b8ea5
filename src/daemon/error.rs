//! Why the daemon did not start or did not go on.

use std::{io, path::PathBuf};

use thiserror::Error;

use crate::{files, store::StoreError};

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
