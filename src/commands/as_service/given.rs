//! What is given to a command that runs as the service's user.

use std::{ffi::OsString, path::PathBuf};

use clap::Args;

use crate::called::{PACKAGE_DATA, PACKAGE_SETTINGS};

/// Whose command is run, and which.
#[derive(Debug, Args)]
pub struct Given {
    /// The service's settings, as its unit names them (EnvironmentFile)
    #[arg(long, value_name = "FILE", default_value = PACKAGE_SETTINGS)]
    pub(super) settings: PathBuf,
    /// The service's folder; the command runs there, as the user it belongs to
    #[arg(long, value_name = "FOLDER", default_value = PACKAGE_DATA)]
    pub(super) folder: PathBuf,
    /// The command with its options; without one: help
    #[arg(last = true, value_name = "COMMAND")]
    pub(super) command: Vec<OsString>,
}
