//! Speed and size, measured and printed; nothing is asserted.
//!
//! `cargo bench` measures everything in some ten minutes; `cargo bench -- drain` (or `intake`, `size`, `footprint`,
//! `takeover`, `backlog`, `history`) one part, and `crowd`, `pace`, `slow-chat` or `far` one part of `intake`; `--full`
//! drains 1,000 leads with the contact look-up on, too, and the whole backlog. What needs PostgreSQL is left out where it
//! is not installed, and with `--sqlite`. `--peer COMMAND` (one program with its arguments) measures the intake
//! of another bot beside ours (`benches/peers`).

#[path = "figures/backlog.rs"]
mod backlog;
mod load;

use std::{
    collections::BTreeMap,
    path::Path,
    process::Stdio,
    time::{Duration, Instant},
};

use amocrm_lead_bot::{
    clock::Clock,
    config::Config,
    crm::amocrm::{Crm, HttpLimits, TokenPolicy, TokenStorage},
    delivery::{DeliveryPass, drain},
    lead::{Budget, Buyer, Lead, LeadNumber, Name, Origin, Phone, Region},
    notice::Notice,
    store::{Completed, Created, ImportedLead, Lease, NewLead, Store},
};
use chrono::{TimeDelta, Utc};
use testkit::fakes::{amocrm::FakeAmocrm, telegram::FakeTelegram};
use testkit::postgres::Cluster;
use tokio::process::{Child, Command};
use ulid::Ulid;

const BUYERS: usize = 200;
const KILLS: usize = 20;

#[tokio::main]
async fn main() {
    let mut args: Vec<String> = std::env::args().skip(1).filter(|arg| arg != "--bench").collect();
    let peer = args.iter().position(|arg| arg == "--peer").map(|at| {
        assert!(at + 1 < args.len(), "--peer needs a command");
        args.drain(at..at + 2).nth(1).expect("two of them")
    });
    let wanted = |part: &str| args.iter().all(|arg| arg.starts_with("--")) || args.iter().any(|arg| arg == part);
    let full = args.iter().any(|arg| arg == "--full");
    if wanted("footprint") {
        footprint().await;
    }
    let of_intake = |part: &str| wanted("intake") || wanted(part);
    let is_intake = load::PARTS.into_iter().any(of_intake);
    let on_both = is_intake || ["size", "drain", "takeover"].into_iter().any(wanted);
    let only_sqlite = args.iter().any(|arg| arg == "--sqlite");
    let cluster = if on_both && !only_sqlite { Cluster::start_as_installed() } else { None };
    let engines = [None, cluster.as_ref()];
    let engines = if cluster.is_some() { &engines[..] } else { &engines[..1] };
    if is_intake {
        let ours = engines.iter().map(|engine| load::Subject::Daemon(*engine));
        let subjects: Vec<_> = ours.chain(peer.as_deref().map(load::Subject::Peer)).collect();
        load::intake(&subjects, of_intake).await;
    }
    for engine in engines {
        if wanted("size") {
            intake(*engine).await;
        }
        if wanted("drain") {
            drain_at_the_limit(1000, false, *engine).await;
            drain_at_the_limit(if full { 1000 } else { 100 }, true, *engine).await;
        }
    }
    if wanted("backlog") {
        backlog::backlog(full).await;
    }
    if wanted("history") {
        backlog::history().await;
    }
    if wanted("takeover")
        && let Some(cluster) = &cluster
    {
        takeover(cluster).await;
    }
}

fn name_of(engine: Option<&Cluster>) -> &'static str {
    if engine.is_some() { "PostgreSQL" } else { "SQLite" }
}

fn lead(n: usize) -> Lead {
    Lead {
        id: Ulid::new(),
        number: LeadNumber::random(),
        submitted_at: Utc::now() - TimeDelta::hours(2) + TimeDelta::milliseconds(n as i64),
        name: Name::imported(&format!("Покупатель {n}")),
        phone: Phone::imported(&format!("+7999{n:07}"), Region::default()),
        budget: Some(Budget::imported("2 млн")),
        car_link: None,
        asked: Default::default(),
        more: Vec::new(),
        wish: None,
        files: Vec::new(),
        buyer: Buyer { user_id: n as i64, ..Buyer::default() },
        consent_at: None,
        consent: None,
        origin: Origin::Telegram,
        source: None,
        left_open: None,
    }
}

async fn fill(store: &Store, leads: &[Lead]) {
    for chunk in leads.chunks(5000) {
        let imported: Vec<ImportedLead> =
            chunk.iter().map(|lead| ImportedLead { new: NewLead::fresh(lead.clone()), fingerprint: None }).collect();
        store.leads().import(&imported).await.expect("an import");
    }
}

/// Waiting leads against amoCRM's 7 requests a second.
async fn drain_at_the_limit(count: usize, contact_lookup: bool, engine: Option<&Cluster>) {
    let amocrm = FakeAmocrm::start().await;
    let folder = tempfile::tempdir().expect("a folder");
    let database = engine.map(Cluster::database);
    let store = Store::open(database.as_deref(), folder.path(), Clock::default()).await.expect("a store");
    fill(&store, &(0..count).map(lead).collect::<Vec<_>>()).await;
    let (access, refresh) = amocrm.issue_pair();
    let mut env: BTreeMap<String, String> =
        amocrm.env().into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
    env.insert("BOT_TOKEN".into(), "1:A".into());
    env.insert("AMOCRM_ACCESS_TOKEN".into(), access);
    env.insert("AMOCRM_REFRESH_TOKEN".into(), refresh);
    env.insert("AMOCRM_REQUESTS_PER_SECOND".into(), "7".into());
    env.insert("AMOCRM_CONTACT_LOOKUP".into(), if contact_lookup { "on" } else { "off" }.into());
    let settings = Config::read(|name| env.get(name).cloned()).expect("settings").amocrm.expect("amoCRM");
    let crm = Crm::new(
        settings,
        TokenStorage::Files(folder.path().to_owned()),
        store.clock(),
        HttpLimits::default(),
        TokenPolicy::default(),
    )
    .expect("a client");
    let pass = DeliveryPass::new(&store, crm, Lease::command(), None);
    let start = Instant::now();
    let report = drain(&pass, |_, _| {}).await.expect("a drain");
    let took = start.elapsed().as_secs_f64();
    let requests = amocrm.requests().len();
    let needed = count.div_ceil(50) + count.div_ceil(250) + if contact_lookup { count } else { 0 };
    let limit = count as f64 / (needed as f64 / 7.0);
    let rate = (count as f64 - report.left as f64) / took;
    println!(
        "drain, {}, look-up {}: {count} leads in {took:.2} s, {requests} requests ({needed} needed), {rate:.1} leads/s; \
         the API's limit is {limit:.1}: {:.0} %; most requests in a second: {}",
        name_of(engine),
        if contact_lookup { "on" } else { "off" },
        rate / limit * 100.0,
        amocrm.max_rate(),
    );
}

struct Daemon {
    child: Child,
    telegram: FakeTelegram,
    folder: tempfile::TempDir,
}

/// The daemon without amoCRM, so that nothing but the intake is measured.
fn daemon(token: &str, api_url: &str, folder: &Path, database: Option<&str>) -> Child {
    Command::new(env!("CARGO_BIN_EXE_amocrm-lead-bot"))
        .env_clear()
        .env("BOT_TOKEN", token)
        .env("TELEGRAM_API_URL", api_url)
        .env("DATA_DIR", folder)
        .env("LEADS_PER_HOUR", "off")
        .env("LEADS_PER_DAY", "off")
        .envs(database.map(|url| ("DATABASE_URL", url)))
        .current_dir(folder)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .expect("the daemon")
}

impl Daemon {
    async fn start(folder: tempfile::TempDir, database: Option<&str>) -> (Self, Duration) {
        let telegram = FakeTelegram::start().await;
        telegram.hold_repeated_polls(false);
        let start = Instant::now();
        let child = daemon(&telegram.token(), &telegram.url(), folder.path(), database);
        while telegram.polls().is_empty() && telegram.calls("getUpdates").is_empty() {
            tokio::time::sleep(Duration::from_millis(1)).await;
            assert!(start.elapsed() < Duration::from_secs(60), "no poll");
        }
        let first_poll = start.elapsed();
        (Self { child, telegram, folder }, first_poll)
    }

    /// A line of /proc/PID/status in MiB.
    fn memory(&self, line: &str) -> f64 {
        let path = format!("/proc/{}/status", self.child.id().expect("a pid"));
        let status = std::fs::read_to_string(Path::new(&path)).unwrap_or_default();
        let kib = status
            .lines()
            .find_map(|text| text.strip_prefix(line)?.split_whitespace().next()?.parse::<f64>().ok())
            .unwrap_or(f64::NAN);
        kib / 1024.0
    }

    async fn stop(mut self) -> tempfile::TempDir {
        self.child.kill().await.expect("a kill");
        self.folder
    }
}

async fn footprint() {
    let binary = env!("CARGO_BIN_EXE_amocrm-lead-bot");
    let size = std::fs::metadata(binary).map_or(0, |meta| meta.len());
    println!("binary: {:.1} MiB", size as f64 / 1048576.0);
    let mut starts = Vec::new();
    let mut folder = tempfile::tempdir().expect("a folder");
    for _ in 0..5 {
        let (daemon, first_poll) = Daemon::start(folder, None).await;
        starts.push(first_poll.as_millis());
        folder = daemon.stop().await;
    }
    let (daemon, _) = Daemon::start(folder, None).await;
    tokio::time::sleep(Duration::from_secs(3)).await;
    println!(
        "start to first poll: {starts:?} ms (the first run makes the store); at rest: {:.1} MiB",
        daemon.memory("VmRSS:")
    );
}

/// 200 buyers at once, on an empty store and on a full one.
async fn intake(engine: Option<&Cluster>) {
    let name = name_of(engine);
    let database = engine.map(Cluster::database);
    let what = format!("{name}, empty store");
    let empty = dialogues(&what, tempfile::tempdir().expect("a folder"), database.as_deref()).await;
    let folder = tempfile::tempdir().expect("a folder");
    let database = engine.map(Cluster::database);
    let store = Store::open(database.as_deref(), folder.path(), Clock::default()).await.expect("a store");
    let delivered: Vec<Lead> = (0..100_000).map(lead).collect();
    fill(&store, &delivered).await;
    for chunk in delivered.chunks(5000) {
        let created: Vec<Created> = chunk
            .iter()
            .enumerate()
            .map(|(n, lead)| Created { id: lead.id, crm_lead_id: n as i64 + 1, contact_id: None, phone: String::new() })
            .collect();
        store.lead_queue().record_created(&created).await.expect("a write");
        store
            .lead_queue()
            .record_delivered(
                &chunk.iter().map(|lead| Completed { lead, remote_id: None }).collect::<Vec<_>>(),
                |number| Notice::Delivered { number },
            )
            .await
            .expect("a write");
    }
    fill(&store, &(100_000..110_000).map(lead).collect::<Vec<_>>()).await;
    store.close().await;
    let full = dialogues(&format!("{name}, 100,000 delivered and 10,000 waiting"), folder, database.as_deref()).await;
    println!("intake, {name}: a full store takes {:.2} times as long for a dialogue", empty / full);
}

/// Returns dialogues per second.
async fn dialogues(what: &str, folder: tempfile::TempDir, database: Option<&str>) -> f64 {
    let (daemon, _) = Daemon::start(folder, database).await;
    let start = Instant::now();
    let mut buyers = Vec::new();
    for n in 0..BUYERS {
        let buyer = daemon.telegram.user(&format!("Покупатель {n}"));
        let telegram = daemon.telegram.clone();
        buyers.push(tokio::spawn(async move {
            let mut last = 0;
            for (says, hears) in [
                ("/start", "Как вас зовут"),
                ("Иван Петров", "номер телефона"),
                ("8 999 123-45-67", "бюджет"),
                ("2,5 млн", "ссылку"),
                ("https://fem.encar.com/cars/detail/38427498", "Проверьте заявку"),
            ] {
                if says == "/start" {
                    buyer.command(says)
                } else {
                    buyer.say(says)
                };
                last = hears_after(&telegram, buyer.id, last, hears).await;
            }
            let pressed = Instant::now();
            buyer.press("submit").expect("a button");
            hears_after(&telegram, buyer.id, last, "принята").await;
            pressed.elapsed()
        }));
    }
    let mut waits = Vec::new();
    for buyer in buyers {
        waits.push(buyer.await.expect("a buyer"));
    }
    let took = start.elapsed().as_secs_f64();
    waits.sort();
    let rate = BUYERS as f64 / took;
    println!(
        "intake, {what}: {BUYERS} buyers at once in {took:.2} s, {rate:.1} dialogues/s ({:.0} updates/s); from send to \
         the number p50 {:.0} ms, p99 {:.0} ms; memory {:.1} MiB, at most {:.1} MiB",
        rate * 6.0,
        waits[BUYERS / 2].as_secs_f64() * 1000.0,
        waits[BUYERS * 99 / 100].as_secs_f64() * 1000.0,
        daemon.memory("VmRSS:"),
        daemon.memory("VmHWM:"),
    );
    daemon.stop().await;
    rate
}

/// How long nobody polls after the leader of two processes was killed.
async fn takeover(cluster: &Cluster) {
    let telegram = FakeTelegram::start().await;
    telegram.hold_repeated_polls(false);
    let database = cluster.database();
    let folder = tempfile::tempdir().expect("a folder");
    let start = |at: usize| {
        let own = folder.path().join(at.to_string());
        std::fs::create_dir(&own).expect("a folder");
        daemon(&telegram.token(), &telegram.url(), &own, Some(&database))
    };
    let polls = async |more_than: usize| {
        let deadline = Instant::now() + Duration::from_secs(60);
        while telegram.polls().len() <= more_than {
            tokio::time::sleep(Duration::from_millis(1)).await;
            assert!(Instant::now() < deadline, "nobody polls");
        }
    };
    let mut leader = start(0);
    polls(0).await;
    let mut took = Vec::new();
    for kill in 1..=KILLS {
        let standby = start(kill);
        // Long enough for it to have found that another one leads, and to wait.
        tokio::time::sleep(Duration::from_secs(1)).await;
        leader.kill().await.expect("a kill");
        let (killed, before) = (Instant::now(), telegram.polls().len());
        polls(before).await;
        took.push(killed.elapsed());
        leader = standby;
    }
    took.sort();
    let millis = |at: usize| took[at].as_millis();
    println!(
        "take-over after SIGKILL, PostgreSQL, {KILLS} kills: min {} ms, median {} ms, max {} ms",
        millis(0),
        millis(KILLS / 2),
        millis(KILLS - 1)
    );
}

/// Waits for an answer that is newer than the last one and holds these words; returns its id.
async fn hears_after(telegram: &FakeTelegram, chat_id: i64, after: i32, words: &str) -> i32 {
    let fits = |message: &testkit::fakes::telegram::BotMessage| message.text.contains(words);
    let heard = telegram.wait_for_new(chat_id, after, fits, Duration::from_secs(120)).await;
    heard.expect("an answer").message_id
}
