//! The library's own parts in virtual time: hours of outages and pauses pass in seconds.
//!
//! tokio's paused clock jumps to the next timer whenever its runtime is idle. Idle it also is while SQLite's thread works
//! or a socket is about to become readable, and every timeout would strike. So the clock is held by a blocking task
//! (tokio does not move it then) until the runtime has been parked for a moment of real time, its thread sleeps and no
//! store is at work, and is let go for one [`STEP`]: whatever the world outside the runtime does takes at most about that
//! long in virtual time, far less than any timeout. A thread that has something to do and waits for a core does not sleep,
//! so a busy machine moves no clock.

use std::{
    cell::RefCell,
    future::Future,
    path::PathBuf,
    sync::{
        Arc, Mutex, PoisonError, Weak,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use amocrm_lead_bot::{
    alerts::{Alerts, PastTheStore, SecondWay, TokenWatch},
    backup::Backup,
    clock::Clock,
    config::{AmocrmSettings, Integration, Proxy, RouteSettings, SecondWaySettings, TelegramSettings},
    crm::amocrm::{Crm, HttpLimits, TokenPolicy, TokenStorage},
    delivery::{DeliveryPass, Health, Worker},
    lead::{ChatRef, Region},
    notice::{AdminLine, Recipients},
    store::{Lease, Store},
    telegram::{client::Telegram, groups::Groups, outbox::OutboxSender},
    wording::Wording,
};
use testkit::{
    chaos::Judgement,
    fakes::{
        amocrm::{FakeAmocrm, ReusePolicy},
        telegram::FakeTelegram,
    },
};
use tokio::{sync::watch, task::JoinHandle};
use tokio_util::sync::CancellationToken;

/// By so much the virtual clock moves at a time.
const STEP: Duration = Duration::from_millis(500);

/// And by so much where a long time passes and nothing is expected to happen; a pair of tokens is refreshed a quarter of an
/// hour before its end at the latest.
const LEAP: Duration = Duration::from_secs(5 * 60);

/// The runtime is at rest when it has been parked for so long of real time.
const AT_REST: Duration = Duration::from_micros(300);

/// A store at work holds the clock for at most so long of real time: what it waits for may itself wait for the clock.
const LONGEST_HOLD: Duration = Duration::from_secs(1);

/// What works outside the runtime, on threads of its own.
#[derive(Default)]
struct Outside {
    opening: AtomicUsize,
    /// A long time is to pass, by leaps.
    leaping: AtomicBool,
    /// Those of processes that live; what a killed one has left open must not be waited for, nor kept open.
    stores: Mutex<Vec<Weak<Store>>>,
}

impl Outside {
    fn is_at_work(&self) -> bool {
        let mut stores = self.stores.lock().unwrap_or_else(PoisonError::into_inner);
        stores.retain(|store| store.strong_count() > 0);
        let living = |store: &Weak<Store>| store.upgrade().is_some_and(|store| store.connections_at_work() > 0);
        self.opening.load(Ordering::Relaxed) > 0 || stores.iter().any(living)
    }
}

thread_local! {
    /// Of the runtime that runs on this thread.
    static OUTSIDE: RefCell<Arc<Outside>> = RefCell::default();
}

/// Runs a future in virtual time.
pub fn in_virtual_time<F: Future>(future: F) -> F::Output {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .start_paused(true)
        .build()
        .expect("a runtime in virtual time");
    let over = Arc::new(AtomicBool::new(false));
    let is_over = over.clone();
    let outside = Arc::new(Outside::default());
    OUTSIDE.set(outside.clone());
    // The runtime has this one thread.
    // SAFETY: gettid(2) takes nothing and always succeeds.
    let thread = unsafe { libc::gettid() };
    runtime.block_on(async move {
        let _over = SetWhenDropped(over);
        tokio::spawn(async move {
            loop {
                let (metrics, is_over) = (tokio::runtime::Handle::current().metrics(), is_over.clone());
                let leaping = outside.leaping.load(Ordering::Relaxed);
                let outside = outside.clone();
                let hold = tokio::task::spawn_blocking(move || {
                    let start = Instant::now();
                    let rest = if leaping { AT_REST * 4 } else { AT_REST };
                    while !is_over.load(Ordering::Relaxed) {
                        let before = metrics.worker_park_unpark_count(0);
                        std::thread::sleep(rest);
                        // Odd: parked.
                        let parked = before % 2 == 1 && metrics.worker_park_unpark_count(0) == before;
                        if parked && (!outside.is_at_work() || start.elapsed() > LONGEST_HOLD) && sleeps(thread) {
                            return;
                        }
                    }
                });
                hold.await.expect("no panic");
                match leaping {
                    true => tokio::time::advance(LEAP).await,
                    false => tokio::time::sleep(STEP).await,
                }
            }
        });
        future.await
    })
}

/// Whether a thread of this process waits for something other than a core.
fn sleeps(thread: libc::pid_t) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/self/task/{thread}/stat")).expect("a thread of ours");
    stat.rsplit_once(") ").is_some_and(|(_, rest)| rest.starts_with('S'))
}

/// Lets hours pass at little cost: time goes on by leaps, whenever all is at rest.
pub async fn pass(time: Duration) {
    let outside = OUTSIDE.with_borrow(Arc::clone);
    outside.leaping.store(true, Ordering::Relaxed);
    tokio::time::sleep(time).await;
    outside.leaping.store(false, Ordering::Relaxed);
}

/// Ends the blocking task, which the runtime would wait for, after a panic too.
struct SetWhenDropped(Arc<AtomicBool>);

impl Drop for SetWhenDropped {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// What outlives a process: both services and the folder.
pub struct Ground {
    pub telegram: FakeTelegram,
    pub amocrm: FakeAmocrm,
    pub folder: tempfile::TempDir,
    pub clock: Clock,
    settings: AmocrmSettings,
    telegram_settings: TelegramSettings,
}

impl Ground {
    pub async fn new() -> Self {
        let telegram = FakeTelegram::start().await;
        let amocrm = FakeAmocrm::start().await;
        amocrm.rate_limit(None);
        amocrm.reuse_policy(ReusePolicy::GraceUntilUsed);
        // Memory where there is such a folder: a commit to a disk takes long by the virtual clock.
        let folder =
            if PathBuf::from("/dev/shm").is_dir() { tempfile::tempdir_in("/dev/shm") } else { tempfile::tempdir() }
                .expect("a folder");
        let clock = Clock::following_tokio(chrono::Utc::now().timestamp_millis());
        amocrm.goes_by(clock);
        let (access, refresh) = amocrm.issue_pair();
        let settings = AmocrmSettings {
            base_url: amocrm.url().parse().expect("an address"),
            account_host: "acme.amocrm.ru".into(),
            integration: Some(Integration {
                client_id: amocrm.client_id(),
                client_secret: amocrm.client_secret().into(),
                redirect_url: amocrm.redirect_uri(),
            }),
            access_token: Some(access.into()),
            refresh_token: Some(refresh.into()),
            pipeline_id: None,
            status_id: None,
            responsible_user_id: None,
            tags: vec!["telegram_bot".into()],
            budget_field_id: None,
            car_link_field_id: None,
            answer_fields: Vec::new(),
            utm_fields: Vec::new(),
            sources: Default::default(),
            contact_lookup: true,
            requests_per_second: 7,
        };
        let telegram_settings = TelegramSettings {
            token: telegram.token().into(),
            routes: vec![RouteSettings { api_url: telegram.url().parse().expect("an address"), proxy: Proxy::Unset }],
        };
        Self { telegram, amocrm, folder, clock, settings, telegram_settings }
    }

    pub async fn store(&self) -> Arc<Store> {
        self.store_by(self.clock).await
    }

    /// The store of a process whose clock may be wrong.
    pub async fn store_by(&self, clock: Clock) -> Arc<Store> {
        let outside = OUTSIDE.with_borrow(Arc::clone);
        // A busy machine may make SQLite slow by the virtual clock; a real one would be started again.
        loop {
            outside.opening.fetch_add(1, Ordering::Relaxed);
            let opened = Store::open(None, self.folder.path(), clock).await;
            outside.opening.fetch_sub(1, Ordering::Relaxed);
            if let Ok(store) = opened {
                let store = Arc::new(store);
                outside.stores.lock().unwrap_or_else(PoisonError::into_inner).push(Arc::downgrade(&store));
                return store;
            }
        }
    }

    pub fn pass(&self, store: &Store, lease: Lease) -> DeliveryPass {
        let tokens = TokenStorage::Files(self.folder.path().to_owned());
        let (limits, policy) = (HttpLimits::default(), TokenPolicy::default());
        let crm = Crm::new(self.settings.clone(), tokens, store.clock(), limits, policy).expect("a client");
        DeliveryPass::new(store, crm, lease, None)
    }

    pub fn judge(&self) -> Judgement {
        Judgement::of(&self.telegram, &self.amocrm)
    }
}

/// One life of the daemon, from its start to its violent end: what delivers, what tells the buyers, what writes the
/// backup file.
pub struct Life {
    pub store: Arc<Store>,
    crm: Crm,
    health: watch::Receiver<Health>,
    line: Option<AdminLine>,
    tasks: Vec<JoinHandle<()>>,
}

impl Life {
    pub async fn begin(ground: &Ground) -> Self {
        Self::begin_by(ground, ground.clock).await
    }

    /// A life by a clock that may be wrong.
    pub async fn begin_by(ground: &Ground, clock: Clock) -> Self {
        let store = ground.store_by(clock).await;
        let generation = loop {
            if let Ok(generation) = store.begin_term().await {
                break generation;
            }
        };
        let pass = ground.pass(&store, Lease::daemon(generation));
        let crm = pass.crm.clone();
        let (worker, health) = Worker::new(pass, crm.tokens().clone());
        let telegram = Telegram::new(&ground.telegram_settings, clock, Groups::new(Vec::new())).expect("a client");
        let wording = Arc::new(Wording::default());
        let outbox =
            OutboxSender::new(telegram, &store, Default::default(), wording, Default::default(), Arc::default());
        let backup = Backup::new(store.leads(), ground.folder.path(), Region::default());
        let never = CancellationToken::new;
        let tasks = vec![
            tokio::spawn(worker.run(never())),
            tokio::spawn(outbox.run(never())),
            tokio::spawn(async move {
                let (line, _unread) = AdminLine::new();
                backup.run(line, never()).await;
            }),
        ];
        Self { store, crm, health, line: None, tasks }
    }

    /// From now on tokens are refreshed ahead of time.
    pub fn watch_tokens(&mut self) {
        let watch = TokenWatch::new(self.crm.clone(), &self.store, Recipients::default());
        self.tasks.push(tokio::spawn(watch.run(CancellationToken::new())));
    }

    /// From now on an admin is told what goes wrong; returns the chat.
    pub fn tell_an_admin(&mut self, ground: &Ground) -> i64 {
        let admin = ground.telegram.user("Админ").known().id;
        let telegram =
            Telegram::new(&ground.telegram_settings, ground.clock, Groups::new(Vec::new())).expect("a client");
        let second_way = SecondWay::new(&SecondWaySettings::default(), ground.clock).expect("none");
        let past_the_store = PastTheStore::new(telegram, Some(ChatRef::telegram(admin)), second_way, ground.clock);
        let (store, health) = (Store::clone(&self.store), self.health.clone());
        let alerts = Alerts::new(
            &store,
            past_the_store,
            Recipients::new(Some(ChatRef::telegram(admin)), None),
            false,
            None,
            health,
            Arc::default(),
        );
        let (line, sent) = AdminLine::new();
        self.line = Some(line);
        self.tasks.push(tokio::spawn(alerts.run(sent, CancellationToken::new())));
        admin
    }

    /// At whatever await each part stands, it goes no further.
    pub fn kill(self) {
        for task in &self.tasks {
            task.abort();
        }
    }
}

impl Drop for Life {
    fn drop(&mut self) {
        for task in &self.tasks {
            task.abort();
        }
    }
}
