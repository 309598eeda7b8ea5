//! From start to stop: one term on SQLite, as many as it takes on PostgreSQL, where another process may lead.

use std::{
    net::SocketAddr,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tracing::{info, warn};

use crate::{
    alerts::{PastTheStore, SecondWay},
    clock::Clock,
    config::Config,
    consent::ConsentDocuments,
    files,
    http::{self, Idle},
    notice::AdminNotice,
    store::{Candidate, Store, StoreError},
    telegram::{
        client::Telegram,
        groups::{Groups, Watched},
    },
};

use super::{
    DaemonError, InstanceLock, open_crm, open_store,
    parts::{Parts, save_from_the_dyno},
};

/// Everything is cut off this long after SIGTERM; with closing the store it makes less than the promised 10 s (Heroku
/// kills after 30 s, systemd after 90 s).
const SHUTDOWN_LIMIT: Duration = Duration::from_secs(8);

/// The leadership is given back within this, or else it ends with the process.
const RESIGN: Duration = Duration::from_millis(500);

/// How often a process that waits tries to become the leader.
const TRY_TO_LEAD: Duration = Duration::from_millis(500);

/// A store on a disk that cannot be written is tried again after so long.
const STORE_PAUSE: Duration = Duration::from_secs(5);

/// Pause after the database did not answer.
const DATABASE_PAUSE: Duration = Duration::from_secs(1);

/// What ends a term.
struct TermEnd {
    /// What is under way is finished, and what was handed over.
    stop: CancellationToken,
    /// Before that, where another process leads from now on: no more is begun.
    followed: CancellationToken,
}

/// How the admin is told what the store cannot keep, and what Telegram does not take; outlives a term.
struct Admin {
    past_the_store: PastTheStore,
    second_way: SecondWay,
}

/// Runs the daemon until `stop`.
pub async fn run_until(config: Config, stop: CancellationToken) -> Result<(), DaemonError> {
    let clock = Clock::with_speed(config.store.speed);
    let settings = [("ADMIN_CHAT_ID", config.admin_chat), ("MANAGERS_CHAT_ID", config.managers_chat)];
    let watched = settings
        .into_iter()
        .filter_map(|(setting, chat)| chat.filter(|chat| chat.is_group()).map(|chat| Watched { setting, chat }));
    let groups = Groups::new(watched.collect());
    let telegram = Telegram::new(&config.telegram, clock, groups).map_err(|error| {
        DaemonError::Setting(format!("TELEGRAM_PROXY: {error}. Check the address with its provider"))
    })?;
    let second_way =
        SecondWay::new(&config.second_way, clock).map_err(|error| DaemonError::Setting(error.to_string()))?;
    let admin = Admin {
        past_the_store: PastTheStore::new(telegram.clone(), config.admin_chat, second_way.clone(), clock),
        second_way,
    };
    match config.store.database_url().filter(|url| url.starts_with("postgres")) {
        None => {
            let _only_one = InstanceLock::wait_for(&config.store.data_dir).await?;
            let page = config.http_addr.map(open_page).transpose()?;
            let ended = lead_alone(&config, clock, &telegram, &admin, page.as_ref(), &stop).await;
            close(page).await;
            ended
        }
        Some(url) => {
            let page = config.http_addr.map(open_page).transpose()?;
            let mut candidate = Candidate::new(url);
            let ended = lead_in_turn(&config, &mut candidate, &telegram, &admin, page.as_ref(), &stop).await;
            // A database that hangs must not hold the end up; it notices by itself that this process is gone.
            let resigned = tokio::time::timeout(RESIGN, candidate.resign());
            let _ = tokio::join!(resigned, close(page));
            ended
        }
    }
}

fn open_page(addr: SocketAddr) -> Result<http::Server, DaemonError> {
    http::bind(addr).and_then(|listener| http::Server::open(listener, http::idle(Idle::Starting))).map_err(|error| {
        DaemonError::Setting(format!(
            "HTTP_ADDR: {addr} cannot be used: {}. Give a free address of this machine, or leave it out to switch the page \
             off",
            files::why(&error)
        ))
    })
}

async fn close(page: Option<http::Server>) {
    if let Some(page) = page {
        page.close().await;
    }
}

fn idle(page: Option<&http::Server>, why: Idle) {
    if let Some(page) = page {
        page.answer(http::idle(why), TaskTracker::new());
    }
}

/// On SQLite: one term.
async fn lead_alone(
    config: &Config,
    clock: Clock,
    telegram: &Telegram,
    admin: &Admin,
    page: Option<&http::Server>,
    stop: &CancellationToken,
) -> Result<(), DaemonError> {
    let trouble = StoreTrouble::new(config, admin);
    let (store, generation) = tokio::select! {
        opened = open_when_possible(config, clock, &trouble) => opened?,
        () = stop.cancelled() => return Ok(()),
    };
    let end = TermEnd { stop: stop.clone(), followed: CancellationToken::new() };
    term(config, (&store, generation), telegram, admin, page, &trouble.told, &end).await
}

/// One term: everything runs until its end.
async fn term(
    config: &Config,
    (store, generation): (&Store, i64),
    telegram: &Telegram,
    admin: &Admin,
    page: Option<&http::Server>,
    store_trouble: &Arc<AtomicBool>,
    TermEnd { stop, followed }: &TermEnd,
) -> Result<(), DaemonError> {
    let crm = config.amocrm.as_ref().map(|settings| open_crm(settings, &config.store, store)).transpose()?;
    info!(version = env!("CARGO_PKG_VERSION"), crm = crm.is_some(), generation, "amocrm-lead-bot starts");
    // Background parts stop after the intake, so that what it takes last is still looked after.
    let parts = Parts {
        config,
        store,
        telegram,
        generation,
        counters: Arc::default(),
        answers: Default::default(),
        bot_username: Arc::default(),
        store_trouble: store_trouble.clone(),
        past_the_store: admin.past_the_store.clone(),
        second_way: &admin.second_way,
        consent: config
            .dealer
            .consent
            .as_ref()
            .map(|consent| ConsentDocuments::new(consent, config.privacy_policy_url.as_ref(), store.clock().now())),
        stop: CancellationToken::new(),
        followed: followed.clone(),
    };
    telegram.groups().restore(&store.marks()).await?;
    let tasks = TaskTracker::new();
    // Before anything is delivered or told: the store may be a copy of an older day.
    if let Err(error) = parts.privacy().forget_again().await {
        warn!(%error, "whether the store holds anybody who was forgotten is looked at later");
    }
    let (admin_line, health) = parts.spawn(&tasks, crm.as_ref(), page);
    let work = async {
        let intake = parts.intake(crm, health, admin_line, stop).await;
        // The limit counts from here at the latest: an intake may end by itself.
        stop.cancel();
        parts.stop.cancel();
        if config.on_dyno
            && config.store.database_url.is_none()
            && let Some(chat) = config.admin_chat
        {
            tasks.spawn(save_from_the_dyno(store.clone(), telegram.clone(), chat));
        }
        tasks.close();
        tasks.wait().await;
        intake
    };
    let too_late = async {
        stop.cancelled().await;
        // What is asked of the page from now on is not begun; what is under way is among the tasks.
        idle(page, Idle::Stopping);
        tokio::time::sleep(SHUTDOWN_LIMIT).await;
    };
    let intake = tokio::select! {
        intake = work => intake,
        () = too_late => {
            warn!("some work was cut off at shutdown; the next start continues it");
            Ok(())
        }
    };
    idle(page, Idle::Stopping);
    let _ = tokio::time::timeout(Duration::from_secs(1), store.close()).await;
    info!("stopped");
    intake
}

/// Opens the store and begins a term.
async fn open(config: &Config, clock: Clock) -> Result<(Store, i64), DaemonError> {
    let store = open_store(&config.store, clock).await?;
    match store.begin_term().await {
        Ok(generation) => Ok((store, generation)),
        Err(error) => {
            store.close().await;
            Err(error.into())
        }
    }
}

/// On SQLite: a full or read-only disk is waited out, as it is later. Telegram keeps what buyers write meanwhile.
async fn open_when_possible(
    config: &Config,
    clock: Clock,
    trouble: &StoreTrouble<'_>,
) -> Result<(Store, i64), DaemonError> {
    loop {
        match open(config, clock).await {
            Ok(opened) => {
                trouble.over();
                return Ok(opened);
            }
            Err(DaemonError::Store(error @ StoreError::Unavailable(_))) => trouble.tell(&error),
            Err(error) => return Err(error),
        }
        clock.sleep(STORE_PAUSE).await;
    }
}

/// On PostgreSQL: waits to be the leader, leads until stopped or followed by another, and so on.
async fn lead_in_turn(
    config: &Config,
    candidate: &mut Candidate,
    telegram: &Telegram,
    admin: &Admin,
    page: Option<&http::Server>,
    stop: &CancellationToken,
) -> Result<(), DaemonError> {
    let clock = Clock::with_speed(config.store.speed);
    let trouble = StoreTrouble::new(config, admin);
    while !stop.is_cancelled() {
        idle(page, Idle::Standby);
        let store = tokio::select! {
            store = become_leader(config, candidate, clock, &trouble) => store,
            () = stop.cancelled() => break,
        };
        let (store, generation) = store?;
        let end = TermEnd { stop: stop.child_token(), followed: CancellationToken::new() };
        let began = Instant::now();
        let term = term(config, (&store, generation), telegram, admin, page, &trouble.told, &end);
        tokio::pin!(term);
        let ended = tokio::select! {
            ended = &mut term => ended,
            () = candidate.lost() => {
                warn!("this process no longer leads; it stops taking messages and delivering");
                end.followed.cancel();
                end.stop.cancel();
                term.await
            }
        };
        match ended {
            Err(DaemonError::Store(error)) => {
                trouble.tell(&error);
            }
            other => other?,
        }
        // One that ends as soon as it has begun would begin again and again.
        if began.elapsed() < DATABASE_PAUSE {
            tokio::select! {
                () = tokio::time::sleep(DATABASE_PAUSE) => {}
                () = stop.cancelled() => {}
            }
        }
    }
    Ok(())
}

/// Resolves with the open store once this process leads; a database that does not answer is waited for.
async fn become_leader(
    config: &Config,
    candidate: &mut Candidate,
    clock: Clock,
    trouble: &StoreTrouble<'_>,
) -> Result<(Store, i64), DaemonError> {
    let mut told = false;
    loop {
        let error = match candidate.try_lead().await {
            Ok(true) => match open(config, clock).await {
                Ok(opened) => {
                    trouble.over();
                    return Ok(opened);
                }
                Err(DaemonError::Store(error @ (StoreError::Unavailable(_) | StoreError::Setting(_)))) => error,
                Err(error) => return Err(error),
            },
            Ok(false) => {
                if !told {
                    info!("another process leads; this one waits to take over");
                    told = true;
                }
                tokio::time::sleep(TRY_TO_LEAD).await;
                continue;
            }
            Err(error) => error,
        };
        match error {
            // What has worked with this setting may work again, when somebody at the server has fixed it.
            StoreError::Setting(problem) if !trouble.has_worked.load(Ordering::Relaxed) => {
                return Err(DaemonError::Setting(format!("DATABASE_URL: {problem}")));
            }
            error => trouble.tell(&error),
        }
        tokio::time::sleep(DATABASE_PAUSE).await;
    }
}

/// The admin is told once when the store cannot be used, and once when it can again.
struct StoreTrouble<'a> {
    config: &'a Config,
    admin: &'a Admin,
    /// Shared with the alerts of a term, so that each is told once, whoever notices.
    told: Arc<AtomicBool>,
    /// Whether the store could be used since this process began.
    has_worked: AtomicBool,
    /// What was wrong last.
    words: Mutex<String>,
}

impl<'a> StoreTrouble<'a> {
    fn new(config: &'a Config, admin: &'a Admin) -> Self {
        Self { config, admin, told: Arc::default(), has_worked: AtomicBool::default(), words: Mutex::default() }
    }

    fn tell(&self, error: &StoreError) {
        let told = self.told.swap(true, Ordering::Relaxed);
        // The admin is told once, the operator each time that something else is wrong.
        let words = error.to_string();
        let last = std::mem::replace(&mut *self.words.lock().unwrap_or_else(PoisonError::into_inner), words.clone());
        if told && last == words {
            return;
        }
        let setting = if self.config.store.database_url.is_some() { "DATABASE_URL" } else { "DATA_DIR" };
        warn!(setting, %error, "the store cannot be used; messages wait at Telegram until it can");
        if !told {
            self.admin.past_the_store.tell(AdminNotice::StoreTrouble { detail: words });
        }
    }

    /// Waits for nobody: buyers come first.
    fn over(&self) {
        self.has_worked.store(true, Ordering::Relaxed);
        if self.told.swap(false, Ordering::Relaxed) {
            info!("the store can be used again");
            self.admin.past_the_store.tell_over(AdminNotice::StoreWorks);
        }
    }
}
