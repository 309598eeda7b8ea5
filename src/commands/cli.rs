//! The command line as it is typed: every command with its options.

use std::{ffi::OsString, num::NonZeroU16, path::PathBuf};

use clap::{
    Args, CommandFactory, FromArgMatches, Parser, Subcommand,
    builder::{Resettable, StyledStr},
};
use clap_complete::Shell;

use crate::called::{Called, PACKAGE_DATA, PACKAGE_SETTINGS};

use super::{check_settings, examples, leads, setup};

/// Takes car buyers' requests on Telegram and delivers each one to amoCRM (Kommo) exactly once.
#[derive(Debug, Parser)]
#[command(
    version,
    about,
    after_help = examples::ALL
)]
pub struct Cli {
    #[command(subcommand)]
    pub(super) command: Option<Asked>,
}

impl Cli {
    /// What stands in the command line. Help speaks of the program by the name that people have typed, and ends the process
    /// like everything that cannot be meant.
    pub fn typed() -> Self {
        let parsed = Self::of(std::env::args_os(), Called::now());
        parsed.unwrap_or_else(|told| told.exit())
    }

    /// The same of these arguments, the first of which is the program's name.
    pub(super) fn of(arguments: impl IntoIterator<Item = OsString>, called: Called) -> Result<Self, clap::Error> {
        let mut command = spoken(Self::command(), called);
        let matches = command.try_get_matches_from_mut(arguments)?;
        Self::from_arg_matches(&matches).map_err(|error| error.format(&mut command))
    }
}

/// The command with the name that people type wherever its help mentions the program.
pub(super) fn spoken(command: clap::Command, called: Called) -> clap::Command {
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
pub(super) enum Asked {
    /// Of the bot, with its settings
    #[command(flatten)]
    Bot(Command),
    /// Of the program alone
    #[command(flatten)]
    Program(ProgramCommand),
}

#[derive(Debug, Subcommand)]
pub(super) enum Command {
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

/// What they are.
#[derive(Debug, Subcommand)]
pub enum ProgramCommand {
    /// Print what a shell needs to complete the commands on Tab: `source <(amocrm-lead-bot completions bash)`
    #[command(after_help = examples::COMPLETIONS)]
    Completions {
        /// Which shell
        shell: Shell,
        /// The name under which the program is called
        #[arg(long, hide = true, default_value = "amocrm-lead-bot")]
        name: String,
    },
    /// Write the man pages into a folder
    #[command(hide = true, after_help = examples::MAN_PAGES)]
    ManPages {
        /// The folder
        folder: PathBuf,
    },
    /// Run a command as the service's user and with its settings: what `lead-bot` of the package does
    #[command(hide = true, after_help = examples::AS_SERVICE)]
    AsService(Given),
}

impl Command {
    /// Whether a program reads what is said: then standard output holds one JSON document, whatever happens.
    pub(super) fn is_json(&self) -> bool {
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

impl ProgramCommand {
    pub(super) fn is_as_service(&self) -> bool {
        matches!(self, Self::AsService(_))
    }
}

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
