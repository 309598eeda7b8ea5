//! The command line: one file for each command.

mod as_service;
mod beside;
mod check_settings;
mod cli;
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
mod settings;
mod setup;
mod status;
mod test_alerts;
mod test_amocrm;
mod texts;

use std::{process::ExitCode, time::Duration};

use crate::config::{ConfigProblem, Environment};

use beside::{is_daemon_running, not_taken_in, pass};
pub use cli::Cli;
use cli::{Asked, Command};
pub use error::CommandError;
use output::errln;
use settings::{account, checked, needed};

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
