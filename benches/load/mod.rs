//! What the intake bears: whole durable dialogues of many buyers, and how long each of them waits for an answer.
//!
//! Latencies are from the moment an update is there for Telegram to give until the answer has reached Telegram. The
//! generator and the daemon share the machine's cores.

mod telegram;

use std::{
    path::Path,
    time::{Duration, Instant},
};

use telegram::{TOKEN, Telegram};
use testkit::postgres::Cluster;
use tokio::{
    process::{Child, Command},
    sync::mpsc::UnboundedReceiver,
};

const BUYERS: i64 = 200;
/// Dialogues of each buyer.
const DIALOGUES: usize = 10;
const RATE: u32 = 400;
const LASTS: Duration = Duration::from_secs(8);

/// What a buyer says, and a part of what is answered.
const SAYS: [(&str, &str); 5] = [
    ("/start", "Как вас зовут"),
    ("Иван Петров", "номер телефона"),
    ("8 999 123-45-67", "бюджет"),
    ("2,5 млн", "ссылку"),
    ("https://fem.encar.com/cars/detail/38427498", "Проверьте заявку"),
];

/// With the press that sends it.
const STEPS: usize = SAYS.len() + 1;

/// Whose intake is measured.
#[derive(Clone, Copy)]
pub enum Subject<'a> {
    /// The daemon on SQLite, or on this cluster.
    Daemon(Option<&'a Cluster>),
    /// Another bot that asks the same, by the command that starts it; see `benches/peers`.
    Peer(&'a str),
}

impl Subject<'_> {
    fn name(self) -> String {
        match self {
            Self::Daemon(engine) => super::name_of(engine).to_owned(),
            Self::Peer(command) => format!("peer ({command})"),
        }
    }

    /// What ours is to reach.
    fn target(self, target: &str) -> String {
        match self {
            Self::Daemon(_) => format!(" (target {target})"),
            Self::Peer(_) => String::new(),
        }
    }

    fn start(self, url: &str, folder: &Path) -> Child {
        match self {
            Self::Daemon(engine) => super::daemon(TOKEN, url, folder, engine.map(Cluster::database).as_deref()),
            Self::Peer(command) => Command::new("sh")
                .args(["-c", &format!("exec {command}")])
                .envs([("BOT_TOKEN", TOKEN), ("TELEGRAM_API_URL", url)])
                .env("DATA_DIR", folder)
                .kill_on_drop(true)
                .spawn()
                .expect("the peer"),
        }
    }
}

struct Bot {
    child: Child,
    telegram: Telegram,
    _folder: tempfile::TempDir,
}

impl Bot {
    /// Without amoCRM, so that nothing but the intake is measured.
    async fn start(subject: Subject<'_>, round_trip: Duration) -> Self {
        let telegram = Telegram::start(round_trip).await;
        let folder = tempfile::tempdir().expect("a folder");
        let mut child = subject.start(telegram.url(), folder.path());
        let start = Instant::now();
        // The daemon's first poll waits for nothing, a peer's may be held for half a minute.
        let polls = if matches!(subject, Subject::Daemon(_)) { 2 } else { 1 };
        while telegram.polls() < polls {
            let ended = child.try_wait().expect("its state");
            assert!(ended.is_none(), "{} has ended: {ended:?}", subject.name());
            tokio::time::sleep(Duration::from_millis(5)).await;
            assert!(start.elapsed() < Duration::from_secs(60), "no poll");
        }
        Self { child, telegram, _folder: folder }
    }

    /// CPU seconds so far, of the bot alone.
    fn cpu(&self) -> f64 {
        let path = format!("/proc/{}/stat", self.child.id().expect("a pid"));
        let stat = std::fs::read_to_string(path).unwrap_or_default();
        let fields: Vec<&str> = stat.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
        let ticks = |at: usize| fields.get(at).and_then(|field| field.parse::<f64>().ok()).unwrap_or(f64::NAN);
        // utime and stime (proc(5), fields 14 and 15), in hundredths of a second.
        (ticks(11) + ticks(12)) / 100.0
    }

    async fn stop(mut self) {
        self.child.kill().await.expect("a kill");
    }
}

/// How long an answer took: to its first message, and to the one with the next question.
#[derive(Clone, Copy)]
struct Took {
    first: Duration,
    whole: Duration,
}

/// The next thing that a buyer does.
async fn turn(telegram: &Telegram, chat: i64, heard: &mut UnboundedReceiver<String>, step: usize) -> Took {
    while heard.try_recv().is_ok() {}
    let at = Instant::now();
    let words = match SAYS.get(step % STEPS) {
        Some((says, words)) => {
            telegram.say(chat, says);
            words
        }
        None => {
            telegram.press(chat, "submit");
            "принята"
        }
    };
    let wait = async {
        let mut first = None;
        while let Some(text) = heard.recv().await {
            let first = *first.get_or_insert(at.elapsed());
            if text.contains(words) {
                return Took { first, whole: at.elapsed() };
            }
        }
        panic!("Telegram has gone");
    };
    tokio::time::timeout(Duration::from_secs(120), wait).await.unwrap_or_else(|_| panic!("«{words}» never came"))
}

fn millis(sorted: &[Duration], percent: usize) -> f64 {
    let at = (sorted.len() * percent / 100).min(sorted.len().saturating_sub(1));
    sorted.get(at).map_or(f64::NAN, |wait| wait.as_secs_f64() * 1000.0)
}

/// The parts, each of which can be measured alone.
pub const PARTS: [&str; 4] = ["crowd", "pace", "slow-chat", "far"];

/// What is wanted, each part of all subjects in a row, so that they are measured in the same minute.
pub async fn intake(subjects: &[Subject<'_>], wanted: impl Fn(&str) -> bool) {
    let [at_once, pace, slow_chat, far] = PARTS.map(wanted);
    if at_once {
        for subject in subjects {
            crowd(*subject).await;
        }
    }
    if pace {
        for subject in subjects {
            steady(*subject, RATE, Duration::ZERO, None, 8).await;
        }
    }
    if slow_chat {
        for subject in subjects {
            steady(*subject, 100, Duration::ZERO, Some(Duration::from_secs(1)), 20).await;
        }
    }
    if far {
        for subject in subjects {
            steady(*subject, 100, Duration::from_millis(150), None, 330).await;
        }
    }
}

/// As many buyers at once as there are, each waiting for every answer.
async fn crowd(subject: Subject<'_>) {
    let (name, bot) = (subject.name(), Bot::start(subject, Duration::ZERO).await);
    let (cpu, requests, start) = (bot.cpu(), bot.telegram.requests(), Instant::now());
    let mut buyers = Vec::new();
    for chat in 1..=BUYERS {
        let (telegram, mut heard) = (bot.telegram.clone(), bot.telegram.reads(chat));
        buyers.push(tokio::spawn(async move {
            let mut waits = Vec::new();
            for step in 0..DIALOGUES * STEPS {
                waits.push(turn(&telegram, chat, &mut heard, step).await.whole);
            }
            waits
        }));
    }
    let mut waits = Vec::new();
    for buyer in buyers {
        waits.extend(buyer.await.expect("a buyer"));
    }
    let (took, dialogues) = (start.elapsed().as_secs_f64(), BUYERS as f64 * DIALOGUES as f64);
    let cpu = (bot.cpu() - cpu) / dialogues * 1000.0;
    let requests = (bot.telegram.requests() - requests) as f64 / dialogues;
    waits.sort();
    println!(
        "intake, {name}: {BUYERS} buyers at once, {:.0} dialogues/s, an answer p50 {:.0} ms, p99 {:.0} ms; {cpu:.2} CPU s \
         per 1,000 dialogues{}; {requests:.1} requests to Telegram for each",
        dialogues / took,
        millis(&waits, 50),
        millis(&waits, 99),
        subject.target("400, 150 ms, 3.0"),
    );
    bot.stop().await;
}

/// Updates at a steady pace, whether they are answered or not; with `slow` one more chat writes all the time, and
/// messages to it take so long.
async fn steady(subject: Subject<'_>, rate: u32, round_trip: Duration, slow: Option<Duration>, target: u64) {
    let (name, bot) = (subject.name(), Bot::start(subject, round_trip).await);
    let chats = i64::from(rate);
    if let Some(pause) = slow {
        let (telegram, chat) = (bot.telegram.clone(), chats + 1);
        telegram.is_slow(chat, pause);
        tokio::spawn(async move {
            loop {
                telegram.say(chat, "/start");
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        });
    }
    let mut buyers = Vec::new();
    for chat in 1..=chats {
        let (telegram, mut heard) = (bot.telegram.clone(), bot.telegram.reads(chat));
        buyers.push(tokio::spawn(async move {
            let mut waits = Vec::new();
            let start = tokio::time::Instant::now();
            // Each says something once a second, at a moment of its own.
            tokio::time::sleep(Duration::from_secs(1).mul_f64(chat as f64 / chats as f64)).await;
            for step in 0.. {
                if start.elapsed() > LASTS {
                    break;
                }
                let next = tokio::time::Instant::now() + Duration::from_secs(1);
                waits.push((step % STEPS, turn(&telegram, chat, &mut heard, step).await));
                tokio::time::sleep_until(next).await;
            }
            waits
        }));
    }
    let mut of_step = [const { Vec::new() }; STEPS];
    for buyer in buyers {
        for (step, took) in buyer.await.expect("a buyer") {
            of_step[step].push(took);
        }
    }
    let sorted = |waits: &mut dyn Iterator<Item = Duration>| {
        let mut waits: Vec<_> = waits.collect();
        waits.sort();
        waits
    };
    let slow = slow.map_or_else(String::new, |pause| format!(", messages to one more chat take {pause:?}"));
    let first = sorted(&mut of_step.iter().flatten().map(|took| took.first));
    let whole = sorted(&mut of_step.iter().flatten().map(|took| took.whole));
    println!(
        "intake, {name}: {rate} updates/s, round trip {round_trip:?}{slow}: an answer p50 {:.1} ms, p99 {:.1} ms{}; \
         with the message behind it, where there is one, p99 {:.1} ms",
        millis(&first, 50),
        millis(&first, 99),
        subject.target(&format!("{target} ms")),
        millis(&whole, 99),
    );
    let of_step = of_step.iter().zip(["start", "name", "phone", "budget", "link", "submit"]).map(|(took, step)| {
        let whole = sorted(&mut took.iter().map(|took| took.whole));
        format!("{step} {:.1}/{:.1}", millis(&whole, 50), millis(&whole, 99))
    });
    println!("    p50/p99 of each step: {}", of_step.collect::<Vec<_>>().join(", "));
    bot.stop().await;
}
