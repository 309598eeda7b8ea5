//! The command line: one file for each command.

mod as_service;
mod beside;
mod check_settings;
mod completing;
mod copy_store;
mod elsewhere;
mod error;
mod examples;
mod forget;
mod given;
mod kept_copies;
mod leads;
mod links;
mod look;
mod new_tokens;
mod opened;
mod output;
mod preview;
mod program;
mod retry;
mod run;
mod setup;
mod status;
mod test_alerts;
mod test_amocrm;
mod texts;

use std::{ffi::OsString, num::NonZeroU16, path::PathBuf, process::ExitCode, time::Duration};

use clap::{
    CommandFactory, FromArgMatches, Parser, Subcommand,
    builder::{Resettable, StyledStr},
};

use crate::{
    called::Called,
    config::{self, AmocrmSettings, Config, ConfigProblem, Environment, Reader},
};

use beside::{is_daemon_running, not_taken_in, pass};
use output::errln;

pub use error::CommandError;

/// Takes car buyers' requests on Telegram and delivers each one to amoCRM (Kommo) exactly once.
#[derive(Debug, Parser)]
#[command(
    version,
    about,
    after_help = examples::ALL
)]
pub struct Cli {
    #[command(subcommand)]
    command: Option<Asked>,
}

impl Cli {
    /// What stands in the command line. Help speaks of the program by the name that people have typed, and ends the process
    /// like everything that cannot be meant.
    pub fn typed() -> Self {
        let parsed = Self::of(std::env::args_os(), Called::now());
        parsed.unwrap_or_else(|told| told.exit())
    }

    /// The same of these arguments, the first of which is the program's name.
    fn of(arguments: impl IntoIterator<Item = OsString>, called: Called) -> Result<Self, clap::Error> {
        let mut command = spoken(Self::command(), called);
        let matches = command.try_get_matches_from_mut(arguments)?;
        Self::from_arg_matches(&matches).map_err(|error| error.format(&mut command))
    }
}

/// The command with the name that people type wherever its help mentions the program.
fn spoken(command: clap::Command, called: Called) -> clap::Command {
    if !called.is_package() {
        return command;
    }
    let about = command.get_about().map(|about| called.words(&about.to_string()));
    let after = command.get_after_help().map(|after| examples::typed(&after.to_string(), called));
    let command = command
        .about(Resettable::from(about.map(StyledStr::from)))
        .after_help(Resettable::from(after.map(StyledStr::from)))
        .mut_args(|argument| {
            let help = argument.get_help().map(|help| StyledStr::from(called.words(&help.to_string())));
            argument.help(Resettable::from(help))
        });
    command.mut_subcommands(|sub| spoken(sub, called))
}

#[derive(Debug, Subcommand)]
enum Asked {
    /// Of the bot, with its settings
    #[command(flatten)]
    Bot(Command),
    /// Of the program alone
    #[command(flatten)]
    Program(program::Command),
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the bot (the default)
    #[command(after_help = examples::RUN)]
    Run,
    /// Set the bot up: asks for what it needs, tries each answer, writes the settings and dealer.toml, sends a test lead
    #[command(after_help = examples::SETUP)]
    Setup(Box<setup::Flags>),
    /// Authorize the bot in amoCRM again: prints the address, takes the code, writes the token files
    #[command(after_help = examples::GET_NEW_TOKENS)]
    GetNewTokens {
        /// The code, or the whole address amoCRM has sent you to; without it you are asked. So that nobody else can read
        /// it, give `-` for standard input, `@FILE`, or `env:NAME`
        #[arg(long, value_name = "CODE_OR_REDIRECT_URL")]
        code: Option<String>,
    },
    /// Deliver all waiting leads now; exit code 1 if some are left
    #[command(after_help = examples::RETRY_BACKUP_LEADS)]
    RetryBackupLeads,
    /// Check tokens, account, pipelines and rights; creates nothing unless told to
    #[command(after_help = examples::TEST_AMOCRM)]
    TestAmocrm {
        /// Create one lead named as a test
        #[arg(long)]
        create_test_lead: bool,
        /// As JSON
        #[arg(long)]
        json: bool,
    },
    /// Check all settings and dealer.toml, and say what is in force; changes nothing
    #[command(after_help = examples::CHECK_SETTINGS)]
    CheckSettings {
        /// The language: en or ru; without it that of the terminal (LC_ALL, LC_MESSAGES, LANG)
        #[arg(long, value_name = "LANG")]
        language: Option<check_settings::Language>,
        /// As JSON
        #[arg(long)]
        json: bool,
    },
    /// Look at every way to Telegram and send a test alert by each way to the admin
    #[command(after_help = examples::TEST_ALERTS)]
    TestAlerts {
        /// As JSON
        #[arg(long)]
        json: bool,
    },
    /// Show what waits and how the tokens are
    #[command(after_help = examples::STATUS)]
    Status {
        /// As JSON
        #[arg(long)]
        json: bool,
    },
    /// Play the form in the terminal, as a buyer meets it, without any network; shows the lead as amoCRM would get it
    #[command(after_help = examples::PREVIEW)]
    Preview {
        /// The buyer's language; without it the first
        #[arg(long, value_name = "LANG")]
        lang: Option<String>,
    },
    /// Print every text of the bot in a language, each with what it is for: a file for the folder `texts`
    #[command(after_help = examples::TEXTS)]
    Texts {
        /// The language's code, such as ru, en or kk
        #[arg(value_name = "LANG")]
        lang: String,
        /// As JSON
        #[arg(long)]
        json: bool,
    },
    /// Print the link t.me/BOT?start=CODE with its QR code, by which it is known where a buyer comes from; without a code
    /// the links of every [[source]] in dealer.toml
    #[command(after_help = examples::LINKS)]
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
        /// As JSON
        #[arg(long)]
        json: bool,
    },
    /// Copy everything from one store to another, with the tokens, and compare the counts; may be repeated
    #[command(after_help = examples::MOVE_STORE)]
    MoveStore {
        /// `sqlite:FILE`, a path, or `postgres://…`; with a password better `-` for standard input, `@FILE`, or `env:NAME`
        #[arg(long)]
        from: String,
        /// The same; what a running bot uses is better left alone until that is stopped
        #[arg(long)]
        to: String,
    },
    /// Write the whole store with the tokens into a new SQLite file, also while the bot runs
    #[command(after_help = examples::BACKUP_STORE)]
    BackupStore {
        /// The file; with --keep the folder
        file: PathBuf,
        /// Put the copy into a folder under the name of its time, and of such copies keep the newest N: for every night
        #[arg(long, value_name = "N")]
        keep: Option<NonZeroU16>,
    },
    /// Forget a person: wipe name, phones, answers and dialogue; numbers, times and amoCRM's ids are kept
    #[command(after_help = examples::FORGET)]
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
    #[command(after_help = examples::LEADS)]
    Leads {
        #[command(subcommand)]
        action: leads::Action,
    },
}

impl Command {
    /// Whether a program reads what is said: then standard output holds one JSON document, whatever happens.
    fn is_json(&self) -> bool {
        match self {
            Self::Status { json }
            | Self::TestAmocrm { json, .. }
            | Self::CheckSettings { json, .. }
            | Self::TestAlerts { json }
            | Self::Texts { json, .. }
            | Self::Links { json, .. } => *json,
            Self::Leads { action } => action.is_json(),
            _ => false,
        }
    }
}

/// Runs the command that was given; what goes wrong is told on standard error.
pub fn main(cli: Cli) -> ExitCode {
    let command = match cli.command {
        None => Command::Run,
        Some(Asked::Bot(command)) => command,
        Some(Asked::Program(command)) => {
            let is_json = command.is_json();
            return told(command.run(), is_json);
        }
    };
    let is_json = command.is_json();
    share_memory();
    let runtime = match tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            errln!("the program cannot start: {error}");
            return ExitCode::FAILURE;
        }
    };
    let ended = runtime.block_on(dispatch(command));
    // Looking up a host may take a resolver half a minute, and nothing that is left waits for its result.
    runtime.shutdown_timeout(Duration::from_millis(200));
    told(ended, is_json)
}

/// The exit code of a command; why it did not do what it was asked is told.
fn told(ended: Result<ExitCode, CommandError>, is_json: bool) -> ExitCode {
    output::finish(match ended {
        Ok(code) => code,
        Err(error) => {
            if is_json {
                output::json(&error.told());
            }
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
    crate::telemetry::init(matches!(command, Command::Setup(_)));
    let settings = &environment;
    if !matches!(command, Command::Setup(_) | Command::Texts { .. }) {
        elsewhere::tell(settings);
    }
    if let Ok((dealer, _)) = settings.read(|reader| reader.dealer()) {
        crate::clock::keep_time_of(dealer.time_zone);
    }
    match command {
        Command::Run => {
            let (config, odd) = checked(settings, ConfigProblem::to_string)?;
            odd.iter().for_each(|warning| tracing::warn!("{warning}"));
            run::run(config).await
        }
        Command::Setup(flags) => setup::run(settings, *flags).await,
        Command::GetNewTokens { code } => {
            let (store, amocrm) = needed(settings, |reader| (reader.store(), reader.amocrm()))?;
            new_tokens::run(&store, &account(amocrm)?, code).await
        }
        Command::RetryBackupLeads => {
            let (store, region, amocrm, dealer) =
                needed(settings, |r| (r.store(), r.phone_region(), r.amocrm(), r.dealer()))?;
            retry::run(&store, region, &account(amocrm)?, &dealer).await
        }
        Command::TestAmocrm { create_test_lead, json } => {
            let (store, region, amocrm) = needed(settings, |r| (r.store(), r.phone_region(), r.amocrm()))?;
            test_amocrm::run(&store, region, &account(amocrm)?, create_test_lead, json).await
        }
        Command::CheckSettings { language, json } => check_settings::run(settings, language, json),
        Command::TestAlerts { json } => {
            let config = needed(settings, |reader| reader.config())?;
            texts::speak(settings, &config.dealer.languages).map_err(CommandError::Wrong)?;
            test_alerts::run(&config, json).await
        }
        Command::Preview { lang } => {
            let scene = preview::Scene::read(settings)?;
            texts::speak(settings, &[]).map_err(CommandError::Wrong)?;
            preview::run(&scene, lang.as_deref())
        }
        Command::Texts { lang, json } => texts::print(&lang, json),
        Command::Status { json } => status::run(&needed(settings, |reader| reader.config())?, json).await,
        Command::Links { code, png, bot: Some(bot), json } => {
            let dealer = needed(settings, |reader| reader.dealer())?;
            links::run(links::Bot::Named(&bot), &dealer.sources, code.as_deref(), png.as_deref(), json).await
        }
        Command::Links { code, png, bot: None, json } => {
            let (telegram, store, dealer) =
                needed(settings, |reader| (reader.telegram(), reader.store(), reader.dealer()))?;
            let bot = links::Bot::Asked(&telegram, store.speed);
            links::run(bot, &dealer.sources, code.as_deref(), png.as_deref(), json).await
        }
        Command::MoveStore { from, to } => copy_store::move_store(settings, &from, &to).await,
        Command::BackupStore { file, keep } => {
            let store = needed(settings, |reader| reader.store())?;
            match keep {
                Some(keep) => kept_copies::keep(settings, &store, &file, keep).await,
                None => copy_store::backup_store(&store, file).await,
            }
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

/// All settings and texts, and what looks odd in them; what is wrong with any of them is told at once, each line as `said`.
fn checked(
    settings: &Environment<'_>,
    said: impl Fn(&ConfigProblem) -> String,
) -> Result<(Config, Vec<ConfigProblem>), CommandError> {
    let config = settings.read(|reader| reader.config());
    let order = match &config {
        Ok((config, _)) => config.dealer.languages.as_slice(),
        Err(_) => &[],
    };
    match (texts::speak(settings, order), config) {
        (Ok(()), Ok(config)) => Ok(config),
        (Err(told), Ok(_)) => Err(CommandError::Wrong(told)),
        (texts, Err(problems)) => {
            let told = problems.iter().map(said).chain(texts.err().unwrap_or_default());
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
