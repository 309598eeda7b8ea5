//! The command line: one file for each command.

mod check_settings;
mod copy_store;
mod forget;
mod given;
mod leads;
mod links;
mod new_tokens;
mod opened;
mod output;
mod preview;
mod retry;
mod run;
mod status;
mod test_alerts;
mod test_amocrm;
mod texts;

use std::{path::PathBuf, process::ExitCode, time::Duration};

use clap::{Parser, Subcommand};
use thiserror::Error;

use crate::{
    backup::{self, BackupError},
    config::{self, AmocrmSettings, Config, ConfigProblem, Dealer, Environment, Reader, StoreSettings},
    crm::amocrm::{CrmError, TokenError},
    daemon::{self, DaemonError, InstanceLock},
    delivery::{Attaching, DeliveryPass},
    lead::Region,
    store::{Lease, Store, StoreError},
};

use output::{errln, outln};

/// Exit code for wrong or missing settings (`EX_CONFIG` of sysexits.h).
const EX_CONFIG: u8 = 78;

/// Takes car buyers' requests on Telegram and delivers each one to amoCRM (Kommo) exactly once.
#[derive(Debug, Parser)]
#[command(
    version,
    about,
    after_help = "Settings come from the environment, from .env in the working directory, and from dealer.toml; see docs/settings.md.\nExit codes: 0 done, 1 failed, 2 usage, 78 configuration."
)]
pub struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the bot (the default)
    Run,
    /// Authorize the bot in amoCRM again: prints the address, takes the code, writes the token files
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
    /// Check all settings and dealer.toml, and say what is in force; changes nothing
    CheckSettings,
    /// Look at every way to Telegram and send a test alert by each way to the admin
    TestAlerts,
    /// Show what waits and how the tokens are
    Status {
        /// As JSON
        #[arg(long)]
        json: bool,
    },
    /// Play the form in the terminal, as a buyer meets it, without any network; shows the lead as amoCRM would get it
    Preview {
        /// The buyer's language; without it the first
        #[arg(long, value_name = "LANG")]
        lang: Option<String>,
    },
    /// Print every text of the bot in a language, each with what it is for: a file for the folder `texts`
    Texts {
        /// The language's code, such as ru, en or kk
        #[arg(value_name = "LANG")]
        lang: String,
    },
    /// Print the link t.me/BOT?start=CODE with its QR code, by which it is known where a buyer comes from; without a code
    /// the links of every [[source]] in dealer.toml
    Links {
        /// Latin letters, digits, _ and -, at most 64; it need not be in dealer.toml
        #[arg(value_name = "CODE", allow_hyphen_values = true)]
        code: Option<String>,
        /// Also write the QR code as a picture into this file, which must not be there yet
        #[arg(long, value_name = "FILE", requires = "code")]
        png: Option<PathBuf>,
        /// The bot's name, where Telegram is not to be asked for it
        #[arg(long, value_name = "NAME")]
        bot: Option<String>,
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
}

impl CommandError {
    fn exit_code(&self) -> ExitCode {
        match self {
            Self::Config(_) | Self::Wrong(_) | Self::Daemon(DaemonError::Setting(_) | DaemonError::DataDir { .. }) => {
                ExitCode::from(EX_CONFIG)
            }
            _ => ExitCode::FAILURE,
        }
    }
}

/// Runs the command that was given; what goes wrong is told on standard error.
pub fn main(cli: Cli) -> ExitCode {
    share_memory();
    let runtime = match tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            errln!("the program cannot start: {error}");
            return ExitCode::FAILURE;
        }
    };
    let ended = runtime.block_on(dispatch(cli.command.unwrap_or(Command::Run)));
    // Looking up a host may take a resolver half a minute, and nothing that is left waits for its result.
    runtime.shutdown_timeout(Duration::from_millis(200));
    output::finish(match ended {
        Ok(code) => code,
        Err(error) => {
            errln!("{error}");
            error.exit_code()
        }
    })
}

/// Has all threads share two heaps. By default glibc gives each thread one of its own, and of what the store's threads have
/// freed it gives hardly anything back: with 10,000 leads waiting that is 8 MiB.
fn share_memory() {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    if std::env::var_os("MALLOC_ARENA_MAX").is_none() {
        const HEAPS: libc::c_int = 2;
        // SAFETY: mallopt(3) takes two numbers; no other thread runs yet.
        let _ = unsafe { libc::mallopt(libc::M_ARENA_MAX, HEAPS) };
    }
}

async fn dispatch(command: Command) -> Result<ExitCode, CommandError> {
    let environment = Environment::load().map_err(|problem| CommandError::Config(vec![problem]))?;
    // Only now: `.env` may say how to log.
    crate::telemetry::init();
    let settings = &environment;
    if let Ok((dealer, _)) = settings.read(|reader| reader.dealer()) {
        crate::clock::keep_time_of(dealer.time_zone);
    }
    match command {
        Command::Run => {
            let (config, odd) = checked(settings)?;
            odd.iter().for_each(|warning| tracing::warn!("{warning}"));
            run::run(config).await
        }
        Command::GetNewTokens { code } => {
            let (store, amocrm) = needed(settings, |reader| (reader.store(), reader.amocrm()))?;
            new_tokens::run(&store, &account(amocrm)?, code).await
        }
        Command::RetryBackupLeads => {
            let (store, region, amocrm, dealer) =
                needed(settings, |r| (r.store(), r.phone_region(), r.amocrm(), r.dealer()))?;
            retry::run(&store, region, &account(amocrm)?, &dealer).await
        }
        Command::TestAmocrm { create_test_lead } => {
            let (store, region, amocrm) = needed(settings, |r| (r.store(), r.phone_region(), r.amocrm()))?;
            test_amocrm::run(&store, region, &account(amocrm)?, create_test_lead).await
        }
        Command::CheckSettings => {
            // What the dealer has written is checked without the bot's own token, too.
            let is_there = settings.has(check_settings::TOKEN);
            let stand_in = settings.with(check_settings::TOKEN, check_settings::STAND_IN);
            let (config, odd) = checked(&stand_in)?;
            odd.iter().for_each(|warning| errln!("{warning}"));
            if !is_there {
                errln!("{}", check_settings::NO_TOKEN);
            }
            check_settings::run(&config, &texts::in_force(settings))
        }
        Command::TestAlerts => {
            let config = needed(settings, |reader| reader.config())?;
            texts::speak(settings, &config.dealer.languages).map_err(CommandError::Wrong)?;
            test_alerts::run(&config).await
        }
        Command::Preview { lang } => {
            let scene = preview::Scene::read(settings)?;
            texts::speak(settings, &[]).map_err(CommandError::Wrong)?;
            preview::run(&scene, lang.as_deref())
        }
        Command::Texts { lang } => texts::print(&lang),
        Command::Status { json } => status::run(&needed(settings, |reader| reader.config())?, json).await,
        Command::Links { code, png, bot: Some(bot) } => {
            let dealer = needed(settings, |reader| reader.dealer())?;
            links::run(links::Bot::Named(&bot), &dealer.sources, code.as_deref(), png.as_deref()).await
        }
        Command::Links { code, png, bot: None } => {
            let (telegram, store, dealer) =
                needed(settings, |reader| (reader.telegram(), reader.store(), reader.dealer()))?;
            let bot = links::Bot::Asked(&telegram, store.speed);
            links::run(bot, &dealer.sources, code.as_deref(), png.as_deref()).await
        }
        Command::MoveStore { from, to } => copy_store::move_store(settings, &from, &to).await,
        Command::BackupStore { file } => {
            copy_store::backup_store(&needed(settings, |reader| reader.store())?, file).await
        }
        Command::Forget { who, also_waiting, yes } => {
            let (store, region) = needed(settings, |reader| (reader.store(), reader.phone_region()))?;
            // Only to show where the person's leads are in amoCRM.
            let amocrm = settings.read(|reader| reader.amocrm()).ok().and_then(|(amocrm, _)| amocrm);
            let crm_url = amocrm.as_ref().map(|amocrm| &amocrm.base_url);
            forget::run(&store, region, crm_url, &who, also_waiting, yes).await
        }
        Command::Leads { action } => {
            let (store, region) = needed(settings, |reader| (reader.store(), reader.phone_region()))?;
            leads::run(&store, region, action).await
        }
    }
}

/// All settings and texts, and what looks odd in them; what is wrong with any of them is told at once.
fn checked(settings: &Environment<'_>) -> Result<(Config, Vec<ConfigProblem>), CommandError> {
    let config = settings.read(|reader| reader.config());
    let order = match &config {
        Ok((config, _)) => config.dealer.languages.as_slice(),
        Err(_) => &[],
    };
    let wrong = |problems: &[ConfigProblem]| problems.iter().map(ToString::to_string).collect::<Vec<_>>();
    match (texts::speak(settings, order), config) {
        (Ok(()), Ok(config)) => Ok(config),
        (Err(told), Ok(_)) => Err(CommandError::Wrong(told)),
        (texts, Err(problems)) => {
            let told = wrong(&problems).into_iter().chain(texts.err().unwrap_or_default());
            Err(CommandError::Wrong(told.collect()))
        }
    }
}

/// The settings that a command needs, and no others; what looks wrong in them is told.
fn needed<T>(settings: &Environment<'_>, part: impl FnOnce(&mut Reader<'_>) -> T) -> Result<T, CommandError> {
    let (value, odd) = settings.read(part).map_err(CommandError::Config)?;
    odd.iter().for_each(|warning| errln!("{warning}"));
    Ok(value)
}

/// The settings of amoCRM, or one line that says what is missing.
fn account(amocrm: Option<AmocrmSettings>) -> Result<AmocrmSettings, CommandError> {
    amocrm.ok_or_else(|| CommandError::Config(config::missing_subdomain()))
}

/// Says how many entries of `backup_leads.json` nobody has taken in yet; a running bot does so at once.
async fn tell_of_the_file(settings: &StoreSettings, region: Region, store: &Store) -> Result<(), CommandError> {
    if is_daemon_running(settings, store).await? {
        return Ok(());
    }
    let in_file = backup::entries_to_send(&settings.data_dir, region);
    let totals = store.leads().totals(store.clock().now()).await?;
    // The file holds what waits and what is rejected; more than that, somebody else has put there.
    let unknown = i64::try_from(in_file).unwrap_or(i64::MAX) - totals.waiting - totals.rejected;
    if unknown > 0 {
        outln!(
            "backup_leads.json holds {unknown} more that are not taken in yet: the bot does that when it starts, `retry-backup-leads` now."
        );
    }
    Ok(())
}

/// Whether a daemon runs on this store now.
async fn is_daemon_running(settings: &StoreSettings, store: &Store) -> Result<bool, CommandError> {
    Ok(store.is_led().await?.unwrap_or_else(|| InstanceLock::is_running(&settings.data_dir)))
}

/// A pass of a command. Beside a running daemon it leaves most of the 7 requests a second to it.
async fn pass(
    settings: &StoreSettings,
    amocrm: &AmocrmSettings,
    dealer: &Dealer,
    store: &Store,
) -> Result<DeliveryPass, CommandError> {
    let mut amocrm = amocrm.clone();
    if is_daemon_running(settings, store).await? {
        amocrm.requests_per_second = (7 - amocrm.requests_per_second.min(6)).min(2);
    }
    Ok(DeliveryPass {
        store: store.clone(),
        queue: store.lead_queue(),
        crm: daemon::open_crm(&amocrm, settings, store)?,
        lease: Lease::command(),
        contact_lookup: amocrm.contact_lookup,
        attaching: Attaching::of(dealer),
        counters: std::sync::Arc::default(),
        learned: std::sync::Arc::default(),
    })
}
