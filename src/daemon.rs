//! Builds the parts, runs them, owns start-up and shutdown.
//!
//! Shutdown, in this order: polling stops, the updates in hand are finished, what is done is confirmed to Telegram; then
//! delivery finishes its call and gives its lease back, owed messages under way are finished, the backup file is
//! written once more. All of it within [`SHUTDOWN_LIMIT`] of the signal, whatever hangs; whatever is cut off then is
//! continued by the next start.

use std::{fs::File, io, path::Path, sync::Arc, time::Duration};

use teloxide::{
    ApiError, RequestError,
    dispatching::Dispatcher,
    error_handlers::LoggingErrorHandler,
    payloads::{GetUpdatesSetters, SetMyCommandsSetters},
    requests::Requester,
    types::{BotCommand, BotCommandScope, Me, Recipient},
};
use thiserror::Error;
use tokio::{
    signal::unix::{SignalKind, signal},
    sync::mpsc,
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tracing::{error, info, warn};

use crate::{
    alerts::{Alerts, News, ping_without_crm},
    amocrm::{Crm, Timing, Vault},
    backup::Backup,
    bot::{
        handlers::{self, Desk},
        intake::Intake,
        listener::{IntakeFigures, Listener},
        messages::{Lang, Wording},
        outbox::Outbox,
        storage::DialogueStorage,
        telegram::{Telegram, describe},
    },
    clock::Clock,
    config::{AmocrmSettings, Config},
    delivery::{Courier, Health, Worker},
    notice::AdminNotice,
    store::{Lease, Store, StoreError},
};

/// Everything is cut off this long after SIGTERM; with closing the store it makes less than the promised 10 s (Heroku
/// kills after 30 s, systemd after 90 s).
const SHUTDOWN_LIMIT: Duration = Duration::from_secs(8);

/// Telegram is asked to confirm what is done for so long at shutdown.
const LAST_CONFIRM: Duration = Duration::from_secs(2);

/// A command holds the lock for a moment to see whether a daemon does; nobody but a daemon holds it for all of these.
const LOOKS_AT_LOCK: u32 = 5;
const LOOK_AT_LOCK: Duration = Duration::from_millis(50);

/// How often tokens are looked after.
const UPKEEP: Duration = Duration::from_secs(60);

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
    #[error("DATA_DIR: {path} cannot be used: {source}. Give a folder that this user may write to")]
    DataDir {
        /// The folder.
        path: String,
        /// Why.
        source: io::Error,
    },
    /// The store cannot be opened.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The process cannot be told to stop, so it had better not start.
    #[error("signals cannot be received: {0}")]
    Signals(io::Error),
}

/// The one daemon of a `DATA_DIR`, for as long as this value lives (also if the process is killed).
#[derive(Debug)]
pub struct OnlyOne {
    _lock: File,
}

impl OnlyOne {
    /// Takes the folder, creating it if need be.
    pub fn take(folder: &Path) -> Result<Self, DaemonError> {
        let path = folder.display().to_string();
        let unusable = |source| DaemonError::DataDir { path: path.clone(), source };
        std::fs::create_dir_all(folder).map_err(unusable)?;
        let lock = File::options()
            .create(true)
            .truncate(false)
            .write(true)
            .open(folder.join("daemon.lock"))
            .map_err(unusable)?;
        match lock.try_lock() {
            Ok(()) => Ok(Self { _lock: lock }),
            Err(std::fs::TryLockError::WouldBlock) => Err(DaemonError::AlreadyRunning(path)),
            Err(std::fs::TryLockError::Error(source)) => Err(unusable(source)),
        }
    }

    /// Takes the folder, from a command that just looks whether it is taken if need be.
    async fn wait_for(folder: &Path) -> Result<Self, DaemonError> {
        for _ in 0..LOOKS_AT_LOCK {
            match Self::take(folder) {
                Err(DaemonError::AlreadyRunning(_)) => tokio::time::sleep(LOOK_AT_LOCK).await,
                other => return other,
            }
        }
        Self::take(folder)
    }

    /// Whether a daemon runs on this folder now.
    pub fn is_running(folder: &Path) -> bool {
        matches!(Self::take(folder), Err(DaemonError::AlreadyRunning(_)))
    }
}

/// Opens the store that the settings name.
pub async fn open_store(config: &Config, clock: Clock) -> Result<Store, DaemonError> {
    let folder = &config.data_dir;
    std::fs::create_dir_all(folder)
        .map_err(|source| DaemonError::DataDir { path: folder.display().to_string(), source })?;
    Ok(Store::open(config.database_url(), folder, clock).await?)
}

/// Sets the account up with its tokens; sends nothing.
pub fn open_crm(settings: &AmocrmSettings, config: &Config) -> Result<Crm, DaemonError> {
    let vault = Vault::Files(config.data_dir.clone());
    Crm::new(settings.clone(), vault, timing(config.speed))
        .map_err(|error| DaemonError::Setting(format!("the connection to amoCRM cannot be set up: {error}")))
}

/// The CRM's own pauses, shortened like all others; what bounds a single call keeps two seconds, for a busy machine.
fn timing(speed: f64) -> Timing {
    let mut timing = Timing::default();
    if speed > 1.0 {
        for (pause, least) in [
            (&mut timing.connect, 2000),
            (&mut timing.request, 2000),
            (&mut timing.oauth, 2000),
            (&mut timing.patience, 100),
            (&mut timing.poll, 50),
            (&mut timing.repeat_pause, 10),
            (&mut timing.healing, 100),
        ] {
            *pause = pause.div_f64(speed).max(Duration::from_millis(least));
        }
    }
    timing
}

/// Runs the daemon until SIGTERM or SIGINT.
pub async fn run(config: Config) -> Result<(), DaemonError> {
    let stop = CancellationToken::new();
    stop_on_signals(stop.clone())?;
    run_until(config, stop).await
}

fn stop_on_signals(stop: CancellationToken) -> Result<(), DaemonError> {
    let mut terminate = signal(SignalKind::terminate()).map_err(DaemonError::Signals)?;
    let mut interrupt = signal(SignalKind::interrupt()).map_err(DaemonError::Signals)?;
    tokio::spawn(async move {
        let name = tokio::select! {
            _ = terminate.recv() => "SIGTERM",
            _ = interrupt.recv() => "SIGINT",
        };
        info!(signal = name, "stopping");
        stop.cancel();
    });
    Ok(())
}

/// Runs the daemon until `stop`.
pub async fn run_until(config: Config, stop: CancellationToken) -> Result<(), DaemonError> {
    let clock = Clock::with_speed(config.speed);
    let _only_one = OnlyOne::wait_for(&config.data_dir).await?;
    let store = open_store(&config, clock).await?;
    store.release_dead_daemons().await?;
    let telegram = Telegram::new(&config.telegram, clock).map_err(|_| {
        DaemonError::Setting("TELEGRAM_PROXY: this proxy cannot be used. Check the address with its provider".into())
    })?;
    let crm = config.amocrm.as_ref().map(|settings| open_crm(settings, &config)).transpose()?;
    info!(version = env!("CARGO_PKG_VERSION"), crm = crm.is_some(), "amocrm-lead-bot starts");

    // Background parts stop after the intake, so that what it takes last is still looked after.
    let parts = Parts { config: &config, store: &store, telegram: &telegram, stop: CancellationToken::new() };
    let tasks = TaskTracker::new();
    let news = parts.spawn(&tasks, crm.as_ref());
    let work = async {
        let intake = parts.intake(news, &stop).await;
        // The limit counts from here at the latest: an intake may end by itself.
        stop.cancel();
        parts.stop.cancel();
        tasks.close();
        tasks.wait().await;
        intake
    };
    let too_late = async {
        stop.cancelled().await;
        tokio::time::sleep(SHUTDOWN_LIMIT).await;
    };
    let intake = tokio::select! {
        intake = work => intake,
        () = too_late => {
            warn!("some work was cut off at shutdown; the next start continues it");
            Ok(())
        }
    };
    let _ = tokio::time::timeout(Duration::from_secs(1), store.close()).await;
    info!("stopped");
    intake
}

struct Parts<'a> {
    config: &'a Config,
    store: &'a Store,
    telegram: &'a Telegram,
    stop: CancellationToken,
}

impl Parts<'_> {
    /// Starts everything but the intake; returns where news for the admin go.
    fn spawn(&self, tasks: &TaskTracker, crm: Option<&Crm>) -> mpsc::UnboundedSender<News> {
        let (config, store) = (self.config, self.store);
        let (news, received) = mpsc::unbounded_channel();
        let wording =
            Arc::new(Wording { privacy_policy_url: config.privacy_policy_url.clone(), bot_username: String::new() });
        tasks.spawn(
            Outbox::new(self.telegram.clone(), store.clone(), wording, config.admin_chat_id).run(self.stop.clone()),
        );
        let (backup_events, mut from_backup) = mpsc::unbounded_channel();
        tasks.spawn(
            Backup::new(store.clone(), &config.data_dir, config.phone_region).run(backup_events, self.stop.clone()),
        );
        let to_alerts = news.clone();
        tasks.spawn(async move {
            while let Some(event) = from_backup.recv().await {
                let _ = to_alerts.send(News::Backup(event));
            }
        });
        let health = match crm {
            Some(crm) => {
                let courier = Courier {
                    store: store.clone(),
                    crm: crm.clone(),
                    lease: Lease::daemon(),
                    contact_lookup: crm.settings().contact_lookup,
                    figures: Arc::default(),
                };
                let (worker, health) = Worker::new(courier, crm.tokens().clone());
                tasks.spawn(worker.run(self.stop.clone()));
                tasks.spawn(look_after_tokens(crm.clone(), store.clock(), self.stop.clone()));
                health
            }
            None => {
                warn!("no amoCRM settings: leads are collected, saved and copied to the admin, but not delivered");
                let _ = news.send(News::Tell(AdminNotice::NoCrm));
                tasks.spawn(ping_without_crm(store.clone(), config.admin_chat_id, self.stop.clone()));
                tokio::sync::watch::channel(Health::default()).1
            }
        };
        if config.on_dyno && config.database_url.is_none() {
            warn!(
                "this is a Heroku dyno without DATABASE_URL: its disk is wiped every day, and with it open forms and history"
            );
            let _ = news.send(News::Tell(AdminNotice::EphemeralDisk));
        }
        if config.admin_chat_id.is_none() {
            warn!("ADMIN_CHAT_ID is not set: nobody will be told when leads do not reach amoCRM");
        }
        tasks.spawn(
            Alerts::new(store.clone(), self.telegram.clone(), config.admin_chat_id, config.admin_lead_copies, health)
                .run(received, self.stop.clone()),
        );
        news
    }

    /// Takes updates until stopped.
    async fn intake(&self, news: mpsc::UnboundedSender<News>, stop: &CancellationToken) -> Result<(), DaemonError> {
        let clock = self.store.clock();
        let Some(me) = self.who_am_i(stop).await? else { return Ok(()) };
        let wording = Arc::new(Wording {
            privacy_policy_url: self.config.privacy_policy_url.clone(),
            bot_username: me.username().to_owned(),
        });
        let intake = Arc::new(Intake::default());
        let figures = Arc::new(IntakeFigures::default());
        let (events, mut from_intake) = mpsc::unbounded_channel();
        tokio::spawn(async move {
            while let Some(event) = from_intake.recv().await {
                let _ = news.send(News::Intake(event));
            }
        });
        let desk = Arc::new(Desk::new(
            self.telegram.clone(),
            self.store.clone(),
            self.config.phone_region,
            wording.clone(),
            self.config.admin_chat_id,
        ));
        let admin = teloxide::dptree::filter(|| false);
        let tree = handlers::tree(intake.clone(), events.clone(), desk.clone(), admin);
        let mut dispatcher = Dispatcher::builder(self.telegram.bot().clone(), tree)
            .dependencies(teloxide::dptree::deps![Arc::new(DialogueStorage(self.store.clone())), desk])
            .default_handler(|_| async {})
            .build();
        let token = dispatcher.shutdown_token();
        let stopping = stop.clone();
        tokio::spawn(async move {
            stopping.cancelled().await;
            // It can only be idle when it has stopped by itself.
            if let Ok(done) = token.shutdown() {
                done.await;
            }
        });
        tokio::spawn(register_commands(self.telegram.clone(), self.config.admin_chat_id));
        info!(bot = me.username(), "taking messages");
        while !stop.is_cancelled() {
            let listener = Listener::new(
                self.telegram.clone(),
                self.store.clone(),
                intake.clone(),
                figures.clone(),
                events.clone(),
                wording.clone(),
            );
            let ended = dispatcher.try_dispatch_with_listener(listener, LoggingErrorHandler::new()).await;
            if let Err(error) = ended {
                warn!(error = describe(&error), "Telegram cannot be reached");
                tokio::select! {
                    () = clock.sleep(Duration::from_secs(2)) => {}
                    () = stop.cancelled() => {}
                }
            }
        }
        if let Some(offset) = intake.unconfirmed() {
            self.confirm(offset).await;
        }
        Ok(())
    }

    /// Asks Telegram who the bot is until it answers; `None` when stopped before.
    async fn who_am_i(&self, stop: &CancellationToken) -> Result<Option<Me>, DaemonError> {
        let clock = self.store.clock();
        let mut pause = Duration::from_secs(1);
        loop {
            let answer = tokio::select! {
                answer = self.telegram.bot().get_me().into_future() => answer,
                () = stop.cancelled() => return Ok(None),
            };
            match answer {
                Ok(me) => return Ok(Some(me)),
                Err(RequestError::Api(ApiError::InvalidToken)) => {
                    error!("Telegram does not accept BOT_TOKEN");
                    return Err(DaemonError::Setting(
                        "BOT_TOKEN: Telegram does not accept it. Get it from @BotFather in Telegram: /mybots → your bot → API Token"
                            .into(),
                    ));
                }
                Err(error) => warn!(
                    error = describe(&error),
                    "Telegram cannot be reached; trying again (check the network, TELEGRAM_API_URL and TELEGRAM_PROXY)"
                ),
            }
            tokio::select! {
                () = clock.sleep(pause) => {}
                () = stop.cancelled() => return Ok(None),
            }
            pause = (pause * 2).min(Duration::from_secs(30));
        }
    }

    /// The last poll: it only tells Telegram what is done. Whatever it returns comes again.
    async fn confirm(&self, offset: u32) {
        let offset = i32::try_from(offset).unwrap_or(i32::MAX);
        let poll = self.telegram.bot().get_updates().offset(offset).limit(1).timeout(0);
        match tokio::time::timeout(LAST_CONFIRM, poll.into_future()).await {
            Ok(Ok(_)) => {}
            _ => info!("the last messages could not be confirmed to Telegram; they come again and change nothing"),
        }
    }
}

async fn look_after_tokens(crm: Crm, clock: Clock, stop: CancellationToken) {
    while !stop.is_cancelled() {
        if let Err(error) = crm.tokens().upkeep().await {
            info!(%error, "tokens cannot be renewed ahead of time");
        }
        tokio::select! {
            () = clock.sleep(UPKEEP) => {}
            () = stop.cancelled() => {}
        }
    }
}

/// Puts the commands into the menu, for everybody and for the admin, in both languages.
async fn register_commands(telegram: Telegram, admin_chat_id: Option<i64>) {
    const BUYER: [&str; 3] = ["start", "cancel", "help"];
    const ADMIN: [&str; 8] = ["status", "leads", "retry", "auth", "backup", "start", "cancel", "help"];
    let commands = |names: &[&str], lang: Lang| -> Vec<BotCommand> {
        names.iter().map(|name| BotCommand::new(*name, lang.text(&format!("command-{name}"), &[]))).collect()
    };
    for (lang, code) in [(Lang::Ru, None), (Lang::En, Some("en"))] {
        let mut request = telegram.bot().set_my_commands(commands(&BUYER, lang));
        if let Some(code) = code {
            request = request.language_code(code);
        }
        if let Err(error) = request.await {
            info!(error = describe(&error), "the menu of commands could not be set");
        }
        let Some(chat) = admin_chat_id else { continue };
        let scope = BotCommandScope::Chat { chat_id: Recipient::Id(teloxide::types::ChatId(chat)) };
        let mut request = telegram.bot().set_my_commands(commands(&ADMIN, lang)).scope(scope);
        if let Some(code) = code {
            request = request.language_code(code);
        }
        if let Err(error) = request.await {
            info!(error = describe(&error), "the admin's menu of commands could not be set");
        }
    }
}
