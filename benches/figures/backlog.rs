//! What a backlog costs: memory, writes and CPU of the real daemon with 10,000 waiting leads and with a million delivered
//! ones, on SQLite.

use std::{collections::BTreeMap, path::Path, process::Stdio, time::Duration};

use amocrm_lead_bot::{clock::Clock, store::SQLITE_FILE, store::Store};
use sqlx::{Connection, Executor, SqliteConnection};
use testkit::fakes::{amocrm::FakeAmocrm, telegram::FakeTelegram};
use tokio::{
    process::{Child, Command},
    time::{Instant, sleep},
};

use crate::{fill, hears_after, lead};

const WAITING: usize = 10_000;
const DELIVERED: usize = 1_000_000;

/// New leads a second, for so long.
const RATE: u32 = 10;
const FEEDING: Duration = Duration::from_secs(60);

/// The daemon with a Telegram and an amoCRM, at the pace of a working day.
struct Bot {
    child: Child,
    telegram: FakeTelegram,
    amocrm: FakeAmocrm,
    folder: tempfile::TempDir,
}

impl Bot {
    async fn start(folder: tempfile::TempDir, amocrm_works: bool, is_watched: bool) -> Self {
        let (telegram, amocrm) = (FakeTelegram::start().await, FakeAmocrm::start().await);
        telegram.hold_repeated_polls(false);
        if !amocrm_works {
            amocrm.goes_down();
        }
        let (access, refresh) = amocrm.issue_pair();
        let mut env: BTreeMap<String, String> =
            amocrm.env().into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
        for (name, value) in [
            ("BOT_TOKEN", telegram.token()),
            ("TELEGRAM_API_URL", telegram.url()),
            ("DATA_DIR", folder.path().display().to_string()),
            ("AMOCRM_ACCESS_TOKEN", access),
            ("AMOCRM_REFRESH_TOKEN", refresh),
            ("AMOCRM_REQUESTS_PER_SECOND", "7".into()),
            ("LEADS_PER_HOUR", "off".into()),
            ("LEADS_PER_DAY", "off".into()),
        ] {
            env.insert(name.into(), value);
        }
        if is_watched {
            // Somebody is to be told of what is wrong, so it is looked for.
            env.insert("ADMIN_CHAT_ID".into(), "900001".into());
        }
        let child = Command::new(env!("CARGO_BIN_EXE_amocrm-lead-bot"))
            .env_clear()
            .envs(env)
            .current_dir(folder.path())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .expect("the daemon");
        Self { child, telegram, amocrm, folder }
    }

    fn proc(&self, file: &str) -> String {
        let path = format!("/proc/{}/{file}", self.child.id().expect("a pid"));
        std::fs::read_to_string(Path::new(&path)).unwrap_or_default()
    }

    /// A line of /proc/PID/status in MiB.
    fn memory(&self, line: &str) -> f64 {
        number(&self.proc("status"), line) / 1024.0
    }

    /// Bytes that it has had written to a disk, in MiB.
    fn written(&self) -> f64 {
        number(&self.proc("io"), "write_bytes:") / 1048576.0
    }

    /// Seconds of CPU (proc(5): fields 14 and 15 of stat, in ticks of 1/100 s).
    fn cpu(&self) -> f64 {
        let stat = self.proc("stat");
        let after = stat.rsplit_once(") ").map_or("", |(_, after)| after);
        after.split(' ').skip(11).take(2).filter_map(|field| field.parse::<f64>().ok()).sum::<f64>() / 100.0
    }

    async fn stop(mut self) -> tempfile::TempDir {
        self.child.kill().await.expect("a kill");
        self.folder
    }
}

fn number(text: &str, line: &str) -> f64 {
    let found = text.lines().find_map(|text| text.strip_prefix(line)?.split_whitespace().next()?.parse().ok());
    found.unwrap_or(f64::NAN)
}

/// One dialogue, from the first word to the number.
async fn leaves_a_request(telegram: FakeTelegram, n: usize) {
    let buyer = telegram.user(&format!("Новый {n}"));
    buyer.command("/start");
    let mut last = hears_after(&telegram, buyer.id, 0, "Как вас зовут").await;
    for (says, hears) in [
        ("Иван Петров", "номер телефона"),
        ("8 999 123-45-67", "бюджет"),
        ("2,5 млн", "ссылку"),
        ("https://fem.encar.com/cars/detail/38427498", "Проверьте заявку"),
    ] {
        buyer.say(says);
        last = hears_after(&telegram, buyer.id, last, hears).await;
    }
    buyer.press("submit").expect("a button");
    hears_after(&telegram, buyer.id, last, "принята").await;
}

/// 10,000 leads wait: at rest, with ten more each second, and while they go to amoCRM.
pub async fn backlog(full: bool) {
    let folder = tempfile::tempdir().expect("a folder");
    let store = Store::open(None, folder.path(), Clock::default()).await.expect("a store");
    fill(&store, &(0..WAITING).map(lead).collect::<Vec<_>>()).await;
    store.close().await;

    let bot = Bot::start(folder, false, false).await;
    sleep(Duration::from_secs(30)).await;
    let file = bot.folder.path().join("backup_leads.json");
    println!(
        "backlog: {WAITING} waiting, amoCRM down: {:.1} MiB, at most {:.1} MiB; the file has {:.1} MiB",
        bot.memory("VmRSS:"),
        bot.memory("VmHWM:"),
        std::fs::metadata(&file).map_or(f64::NAN, |meta| meta.len() as f64 / 1048576.0),
    );

    let (cpu, written, began) = (bot.cpu(), bot.written(), Instant::now());
    let mut buyers = Vec::new();
    let mut ticks = tokio::time::interval(Duration::from_secs(1) / RATE);
    while began.elapsed() < FEEDING {
        ticks.tick().await;
        buyers.push(tokio::spawn(leaves_a_request(bot.telegram.clone(), buyers.len())));
    }
    let count = buyers.len() as f64;
    for buyer in buyers {
        buyer.await.expect("a buyer");
    }
    let took = began.elapsed().as_secs_f64();
    println!(
        "backlog: {:.1} leads/s on top: {:.3} MiB written for each, {:.2} of a core, {:.1} MiB, at most {:.1} MiB",
        count / took,
        (bot.written() - written) / count,
        (bot.cpu() - cpu) / took,
        bot.memory("VmRSS:"),
        bot.memory("VmHWM:"),
    );

    let (cpu, written, began) = (bot.cpu(), bot.written(), Instant::now());
    let all = WAITING + count as usize;
    let most = if full { Duration::from_secs(3600) } else { Duration::from_secs(120) };
    bot.amocrm.comes_back();
    while bot.amocrm.leads().len() < all && began.elapsed() < most {
        sleep(Duration::from_secs(1)).await;
    }
    let delivered = bot.amocrm.leads().len() as f64;
    let (cpu, written) = (bot.cpu() - cpu, bot.written() - written);
    println!(
        "backlog: {delivered} leads with look-ups in {:.0} s: {cpu:.2} s of CPU, {:.1} for 10,000; {:.3} MiB written for \
         each; {:.1} MiB, at most {:.1} MiB",
        began.elapsed().as_secs_f64(),
        cpu / delivered * 10_000.0,
        written / delivered,
        bot.memory("VmRSS:"),
        bot.memory("VmHWM:"),
    );
    bot.stop().await;
}

/// A million leads were delivered over the years.
pub async fn history() {
    let folder = tempfile::tempdir().expect("a folder");
    Store::open(None, folder.path(), Clock::default()).await.expect("a store").close().await;
    let url = format!("sqlite://{}", folder.path().join(SQLITE_FILE).display());
    let mut file = SqliteConnection::connect(&url).await.expect("the file");
    let body = serde_json::to_string(&lead(1)).expect("a document").replace('\'', "''");
    let now = chrono::Utc::now().timestamp_millis();
    let number = "printf('%07X', n)";
    let id = "printf('01JD0000000000000000%06X', n)";
    let numbers =
        format!("WITH RECURSIVE numbers(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers LIMIT {DELIVERED})");
    for statement in [
        format!(
            "{numbers} INSERT INTO leads (id, number, state, body, user_id, submitted_at, due_at, delivered_at, \
             buyer_told, admin_told, admin_copied, taken_at) SELECT {id}, {number}, 'delivered', '{body}', n, \
             {now} - 30000 * n, 0, {now} - 30000 * n, 1, 1, 1, {now} - 30000 * n FROM numbers"
        ),
        format!(
            "{numbers} INSERT INTO lead_steps (lead_id, step, sent_at, remote_id, done_at) \
             SELECT {id}, 'lead', 1, n, 1 FROM numbers"
        ),
        format!(
            "{numbers} INSERT INTO dialogues (chat_id, step, draft, update_id, update_at) \
             SELECT n, 'idle', '{{}}', n, {now} FROM numbers"
        ),
        format!("{numbers} INSERT INTO customers (phone, contact_id, seen_at) SELECT '+' || n, n, {now} FROM numbers"),
    ] {
        file.execute(sqlx::AssertSqlSafe(statement)).await.expect("a million rows");
    }
    file.close().await.expect("a file");
    let bot = Bot::start(folder, true, true).await;
    sleep(Duration::from_secs(30)).await;
    let cpu = bot.cpu();
    sleep(Duration::from_secs(10)).await;
    println!(
        "backlog: {DELIVERED} delivered: {:.1} MiB at rest, at most {:.1} MiB; {:.3} of a core",
        bot.memory("VmRSS:"),
        bot.memory("VmHWM:"),
        (bot.cpu() - cpu) / 10.0,
    );
    bot.stop().await;
}
