use std::process::ExitCode;

use serde::Serialize;
use thiserror::Error;

use crate::{
    backup::BackupError,
    config::ConfigProblem,
    crm::amocrm::{CrmError, TokenError},
    daemon::DaemonError,
    store::StoreError,
};

/// Exit code for wrong or missing settings (`EX_CONFIG` of sysexits.h).
const EX_CONFIG: u8 = 78;
/// `sysexits.h` has another one; clap ends so too.
const EX_USAGE: u8 = 2;

/// Why a command did not do what it was asked.
#[derive(Debug, Error)]
pub enum CommandError {
    /// Settings are missing or wrong: one line each.
    #[error("{}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))]
    Config(Vec<ConfigProblem>),
    /// Settings or the dealer's texts are wrong: one line each.
    #[error("{}", .0.join("\n"))]
    Wrong(Vec<String>),
    /// From the daemon's room.
    #[error(transparent)]
    Daemon(#[from] DaemonError),
    /// From the store.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// From the backup file.
    #[error(transparent)]
    Backup(#[from] BackupError),
    /// From the CRM.
    #[error(transparent)]
    Crm(#[from] CrmError),
    /// From the tokens.
    #[error(transparent)]
    Tokens(#[from] TokenError),
    /// Anything a person is told in words.
    #[error("{0}")]
    Failed(String),
    /// What was asked for cannot be meant.
    #[error("{0}")]
    Usage(String),
}

impl CommandError {
    /// The exit code by which a program knows what kind of failure it is.
    pub fn exit_code(&self) -> ExitCode {
        ExitCode::from(self.code())
    }

    /// The same for a program that reads JSON: each line that a person is told is a message.
    pub fn told(&self) -> Told {
        let code = self.code();
        let kind = match code {
            EX_CONFIG => "configuration",
            EX_USAGE => "usage",
            _ => "failed",
        };
        let messages = self.to_string().lines().map(str::to_owned).collect();
        Told { error: Failure { kind, exit_code: code, messages } }
    }

    fn code(&self) -> u8 {
        match self {
            Self::Config(_) | Self::Wrong(_) | Self::Daemon(DaemonError::Setting(_) | DaemonError::DataDir { .. }) => {
                EX_CONFIG
            }
            Self::Usage(_) => EX_USAGE,
            _ => 1,
        }
    }
}

/// What `--json` prints of a failure; names are for programs and stay.
#[derive(Debug, Serialize)]
pub struct Told {
    error: Failure,
}

#[derive(Debug, Serialize)]
struct Failure {
    /// `configuration`, `usage`, `failed`.
    kind: &'static str,
    exit_code: u8,
    messages: Vec<String>,
}
