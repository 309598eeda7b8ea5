//! The command line: one file for each command.

mod copy_store;
mod forget;
mod given;
mod leads;
mod new_tokens;
mod opened;
mod retry;
mod run;
mod status;
mod test_alerts;
mod test_amocrm;

use std::{path::PathBuf, process::ExitCode, time::Duration};

use clap::{Parser, Subcommand};
use thiserror::Error;

use crate::{
    backup::{self, BackupError},
    config::{self, Config, ConfigProblem},
    crm::amocrm::{CrmError, TokenError},
    daemon::{self, DaemonError, InstanceLock},
    delivery::DeliveryPass,
    store::{Lease, Store, StoreError},
};

/// Exit code for wrong or missing settings (`EX_CONFIG` of sysexits.h).
const EX_CONFIG: u8 = 78;

/// Takes car buyers' requests on Telegram and delivers each one to amoCRM (Kommo) exactly once.
#[derive(Debug, Parser)]
#[command(
    version,
    about,
    after_help = "Settings come from the environment and from .env in the working directory; see README.md.\nExit codes: 0 done, 1 failed, 2 usage, 78 configuration."
)]
pub struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the bot (the default)
    Run,
    /// Authorize the bot in amoCRM anew: prints the address, takes the code, writes the token files
    GetNewTokens {
        /// The code, or the whole address amoCRM has sent you to; without it you are asked. So that nobody else can read
        /// it, give `-` for standard input, `@FILE`, or `env:NAME`
        #[arg(long, value_name = "CODE_OR_REDIRECT_URL")]
        code: Option<String>,
    },
    /// Deliver all waiting leads now; exit code 1 if some are left
    RetryBackupLeads,
    /// Check tokens, account, pipelines and rights; creates nothing unless told to
    TestAmocrm {
        /// Create one lead named as a test
        #[arg(long)]
        create_test_lead: bool,
    },
    /// Look at every way to Telegram and send a test alert by each way to the admin
    TestAlerts,
    /// Show what waits and how the tokens are
    Status {
        /// As JSON
        #[arg(long)]
        json: bool,
    },
    /// Copy everything from one store to another, with the tokens, and compare the counts; may be repeated
    MoveStore {
        /// `sqlite:FILE`, a path, or `postgres://…`; with a password better `-` for standard input, `@FILE`, or `env:NAME`
        #[arg(long)]
        from: String,
        /// The same; what a running bot uses is better left alone until that is stopped
        #[arg(long)]
        to: String,
    },
    /// Write the whole store with the tokens into a new SQLite file, also while the bot runs
    BackupStore {
        /// The file
        file: PathBuf,
    },
    /// Forget a person: wipe name, phones, answers and dialogue; numbers, times and amoCRM's ids are kept
    Forget {
        /// Telegram's id of the user, or a phone number
        #[arg(value_name = "USER_ID|PHONE", allow_hyphen_values = true)]
        who: String,
        /// Also give up requests that are not in amoCRM yet; without it nothing is wiped while there are any
        #[arg(long)]
        also_waiting: bool,
        /// Really do it; without it you are only told what would be wiped
        #[arg(long)]
        yes: bool,
    },
    /// Look at waiting and rejected leads, send them again, give them up
    Leads {
        #[command(subcommand)]
        action: leads::Action,
    },
}

/// Why a command did not do what it was asked.
#[derive(Debug, Error)]
pub enum CommandError {
    /// Settings are missing or wrong: one line each.
    #[error("{}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))]
    Config(Vec<ConfigProblem>),
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
}

impl CommandError {
    fn exit_code(&self) -> ExitCode {
        match self {
            Self::Config(_) | Self::Daemon(DaemonError::Setting(_) | DaemonError::DataDir { .. }) => {
                ExitCode::from(EX_CONFIG)
            }
            _ => ExitCode::FAILURE,
        }
    }
}

/// Runs the command that was given; what goes wrong is told on standard error.
pub fn main(cli: Cli) -> ExitCode {
    let runtime = match tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            eprintln!("the program cannot start: {error}");
            return ExitCode::FAILURE;
        }
    };
    let ended = runtime.block_on(dispatch(cli.command.unwrap_or(Command::Run)));
    // Looking up a host may take a resolver half a minute, and nothing that is left waits for its result.
    runtime.shutdown_timeout(Duration::from_millis(200));
    match ended {
        Ok(code) => code,
        Err(error) => {
            eprintln!("{error}");
            error.exit_code()
        }
    }
}

async fn dispatch(command: Command) -> Result<ExitCode, CommandError> {
    if let Command::MoveStore { from, to } = &command {
        // It needs no settings; `.env` may hold an address that is given as env:NAME.
        config::load_dotenv().map_err(|problem| CommandError::Config(vec![problem]))?;
        crate::telemetry::init();
        return copy_store::move_store(from, to).await;
    }
    let (config, odd) = Config::from_env().map_err(CommandError::Config)?;
    // Only now: `.env` may say how to log.
    crate::telemetry::init();
    for warning in odd {
        match command {
            Command::Run => tracing::warn!("{warning}"),
            _ => eprintln!("{warning}"),
        }
    }
    match command {
        Command::Run => run::run(config).await,
        Command::GetNewTokens { code } => new_tokens::run(&config, code).await,
        Command::RetryBackupLeads => retry::run(&config).await,
        Command::TestAmocrm { create_test_lead } => test_amocrm::run(&config, create_test_lead).await,
        Command::TestAlerts => test_alerts::run(&config).await,
        Command::Status { json } => status::run(&config, json).await,
        Command::MoveStore { from, to } => copy_store::move_store(&from, &to).await,
        Command::BackupStore { file } => copy_store::backup_store(&config, file).await,
        Command::Forget { who, also_waiting, yes } => forget::run(&config, &who, also_waiting, yes).await,
        Command::Leads { action } => leads::run(&config, action).await,
    }
}

/// Says how many entries of `backup_leads.json` nobody has taken in yet; a running bot does so at once.
async fn tell_of_the_file(config: &Config, store: &Store) -> Result<(), CommandError> {
    if is_daemon_running(config, store).await? {
        return Ok(());
    }
    let in_file = backup::entries_to_send(&config.data_dir, config.phone_region);
    let totals = store.totals(store.clock().now()).await?;
    // The file holds what waits and what is rejected; more than that, somebody else has put there.
    let unknown = i64::try_from(in_file).unwrap_or(i64::MAX) - totals.waiting - totals.rejected;
    if unknown > 0 {
        println!(
            "backup_leads.json holds {unknown} more that are not taken in yet: the bot does that when it starts, `retry-backup-leads` now."
        );
    }
    Ok(())
}

/// The settings of amoCRM, or one line that says what is missing.
fn amocrm(config: &Config) -> Result<crate::config::AmocrmSettings, CommandError> {
    config.amocrm.clone().ok_or_else(|| CommandError::Config(config::missing_subdomain()))
}

/// Whether a daemon runs on this store now.
async fn is_daemon_running(config: &Config, store: &Store) -> Result<bool, CommandError> {
    Ok(store.is_led().await?.unwrap_or_else(|| InstanceLock::is_running(&config.data_dir)))
}

/// A pass of a command. Beside a running daemon it leaves most of the 7 requests a second to it.
async fn pass(config: &Config, store: &Store) -> Result<DeliveryPass, CommandError> {
    let mut settings = amocrm(config)?;
    if is_daemon_running(config, store).await? {
        settings.requests_per_second = (7 - settings.requests_per_second.min(6)).min(2);
    }
    Ok(DeliveryPass {
        store: store.clone(),
        crm: daemon::open_crm(&settings, config, store)?,
        lease: Lease::command(),
        contact_lookup: settings.contact_lookup,
        figures: std::sync::Arc::default(),
        learned: std::sync::Arc::default(),
    })
}
