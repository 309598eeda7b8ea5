//! The people of `packaging/test`, who use the package as their own: an operator of version 0.1.0 who installs it over what he
//! has made by hand, in the middle of an outage, and a new one who answers the questions of `setup`.
//!
//! `package LEADER STORY` runs in the network of a booted tree whose first process is LEADER, so that its fakes are on that
//! tree's loopback; each line it prints is `ok - …` or `NOT OK - …`. The tree has the package as /root/new.deb, and for the
//! stories of 0.1.0 that version's program and unit in /root/first.

use std::{
    cell::Cell,
    collections::BTreeMap,
    os::unix::fs::{MetadataExt, PermissionsExt},
    path::{Path, PathBuf},
    process::{Command, ExitCode},
    time::{Duration, Instant},
};

use chrono::{TimeDelta, Utc};
use serde_json::Value;
use testkit::{
    buyer::Buyer,
    fakes::{
        amocrm::{FakeAmocrm, Fault, On, Times},
        telegram::{self, FakeTelegram, FakeUser},
    },
    terminal::Terminal,
    world::{Answers, PATIENCE},
};

const DATA: &str = "/var/lib/amocrm-lead-bot";
const SETTINGS: &str = "/etc/amocrm-lead-bot.env";
const SERVICE: &str = "amocrm-lead-bot.service";

/// Pauses are so much shorter.
const SPEED: &str = "20";

/// What a command in the tree has said and how it ended.
struct Ran {
    code: Option<i32>,
    said: String,
}

/// The booted tree, with both servers on its loopback.
struct Tree {
    leader: String,
    telegram: FakeTelegram,
    amocrm: FakeAmocrm,
    admin: FakeUser,
    failed: Cell<bool>,
}

impl Tree {
    async fn new(leader: &str) -> Self {
        let (telegram, amocrm) = (FakeTelegram::start().await, FakeAmocrm::start().await);
        telegram.hold_repeated_polls(false);
        let admin = telegram.user("Админ").known();
        Self { leader: leader.to_owned(), telegram, amocrm, admin, failed: Cell::new(false) }
    }

    fn check(&self, what: &str, is_so: bool, shown: impl FnOnce() -> String) {
        if is_so {
            println!("ok - {what}");
        } else {
            self.failed.set(true);
            println!("NOT OK - {what}\n{}", shown());
        }
    }

    /// How a command is run in the tree, by root.
    fn arguments(&self, command: &[&str]) -> Vec<String> {
        let before =
            ["--target", &self.leader, "--all", "env", "-i", "PATH=/usr/sbin:/usr/bin:/sbin:/bin", "HOME=/root"];
        let more = ["TERM=xterm", "LANG=C.UTF-8", "DEBIAN_FRONTEND=noninteractive"];
        before.iter().chain(&more).chain(command).map(|word| (*word).to_owned()).collect()
    }

    fn run(&self, command: &[&str]) -> Ran {
        let output = Command::new("nsenter").args(self.arguments(command)).output().expect("nsenter");
        let said =
            [output.stdout, output.stderr].map(|bytes| String::from_utf8_lossy(&bytes).replace('\r', "")).concat();
        Ran { code: output.status.code(), said }
    }

    /// Runs a command that has to succeed; returns what it said.
    fn does(&self, what: &str, command: &[&str]) -> String {
        let ran = self.run(command);
        self.check(what, ran.code == Some(0), || format!("{command:?} ended with {:?}\n{}", ran.code, ran.said));
        ran.said
    }

    fn shell(&self, what: &str, script: &str) -> String {
        self.does(what, &["sh", "-ec", script])
    }

    /// A file of the tree, as this process reaches it.
    fn path(&self, path: &str) -> PathBuf {
        Path::new("/proc").join(&self.leader).join("root").join(path.trim_start_matches('/'))
    }

    fn status(&self) -> Value {
        // It ends with 1 where there is no access.
        let ran = self.run(&["lead-bot", "status", "--json"]);
        serde_json::from_str(ran.said.get(ran.said.find('{').unwrap_or(0)..).unwrap_or_default()).unwrap_or_default()
    }

    async fn until(&self, what: &str, mut is_so: impl AsyncFnMut(&Self) -> bool) {
        let deadline = Instant::now() + PATIENCE;
        while !is_so(self).await {
            if Instant::now() > deadline {
                let journal = self.run(&["journalctl", "--no-pager", "-n", "60", "-u", SERVICE]).said;
                let story = self.amocrm.story();
                self.check(what, false, || format!("{story}\n{journal}"));
                return;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        self.check(what, true, String::new);
    }

    /// The service's process.
    fn pid(&self) -> String {
        self.run(&["systemctl", "show", "-p", "MainPID", "--value", SERVICE]).said.trim().to_owned()
    }

    /// The program that the service runs.
    fn program(&self) -> String {
        self.run(&["readlink", &format!("/proc/{}/exe", self.pid())]).said.trim().to_owned()
    }

    fn buyer(&self, name: &str) -> Buyer {
        Buyer::new(&self.telegram, self.telegram.user(name))
    }

    fn admin_has(&self, words: &str) -> usize {
        self.admin.messages().iter().filter(|message| message.text.contains(words)).count()
    }

    /// The settings of an operator, in this order.
    fn settings(&self, tokens: &(String, String)) -> String {
        let mut lines: Vec<(String, String)> =
            self.amocrm.env().into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
        for (name, value) in [
            ("BOT_TOKEN", self.telegram.token()),
            ("TELEGRAM_API_URL", self.telegram.url()),
            ("ADMIN_CHAT_ID", self.admin.id.to_string()),
            ("AMOCRM_ACCESS_TOKEN", tokens.0.clone()),
            ("AMOCRM_REFRESH_TOKEN", tokens.1.clone()),
            ("TEST_SPEED", SPEED.into()),
        ] {
            lines.push((name.to_owned(), value));
        }
        lines.iter().map(|(name, value)| format!("{name}={value}\n")).collect()
    }

    /// Every file of the service's folder belongs to its user and is closed to all others.
    fn files_are_the_services(&self) {
        let others = self.shell(
            "files can be listed",
            &format!("find {DATA} \\( ! -user amocrm-lead-bot -o -perm /077 ! -name dealer.toml -o -perm /027 \\) -printf '%p %u %m\\n'"),
        );
        self.check(
            "all files are the service's, and closed to others; the rules hold no secret",
            others.trim().is_empty(),
            || others.clone(),
        );
    }
}

fn write(path: &Path, text: &str, mode: u32) {
    std::fs::write(path, text).expect("a file can be written");
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).expect("its mode is set");
}

/// How an operator of 0.1.0 has it.
#[derive(Clone, Copy, PartialEq)]
enum MadeBy {
    /// As 0.1.0's README says: a unit and a user of this name.
    Readme,
    /// In a folder of his own, as root, with a `.env` there.
    Himself,
}

/// Of whom what is expected when the package has taken over.
struct Before {
    numbers: Vec<String>,
    waiting: Vec<Buyer>,
    half_way: Buyer,
    owed: Buyer,
    refresh: String,
}

/// 0.1.0 works, takes requests, renews its tokens, and gets into an outage in the middle of everything.
async fn use_the_first_version(tree: &Tree, tokens: &(String, String)) -> Before {
    tree.telegram.wait_for_poll(PATIENCE).await.expect("0.1.0 asks for messages");
    let mut numbers = vec![tree.buyer("Анна").leaves_a_request().await];
    // Its tokens are not those of the settings any more.
    tree.amocrm.expire_access_tokens();
    numbers.push(tree.buyer("Борис").leaves_a_request().await);
    let all = numbers.clone();
    tree.until("0.1.0 delivers, and renews its tokens", async |tree| {
        all.iter().all(|number| tree.amocrm.lead_with_number(number).is_some_and(|lead| lead.notes.len() == 1))
            && tree.amocrm.refreshes() == 1
    })
    .await;
    let mut half_way = tree.buyer("Вера");
    half_way.begins().await;
    half_way.says("Вера Ильина", "номер телефона").await;
    half_way.says("8 (999) 123-45-70", "бюджет").await;

    // The answer to one lead is lost, and then nobody answers.
    let mut waiting = Vec::new();
    let mut grigory = tree.buyer("Григорий");
    grigory.fills_in().await;
    tree.amocrm.fault(On::complex(), Fault::CutAfter, Times::N(1));
    numbers.push(grigory.submits().await);
    tree.amocrm.wait_for_leads(3, PATIENCE).await;
    tree.amocrm.goes_down();
    waiting.push(grigory);
    for name in ["Дарья", "Егор"] {
        let mut buyer = tree.buyer(name);
        numbers.push(buyer.leaves_a_request().await);
        waiting.push(buyer);
    }
    // One is owed even the number.
    let mut owed = tree.buyer("Жанна");
    owed.fills_in().await;
    let silent = telegram::On::method("sendMessage").chat(owed.user.id);
    tree.telegram.fault(silent, telegram::Fault::Status(500), telegram::Times::UntilCleared);
    owed.user.press("submit").expect("the button is there");
    tree.telegram
        .wait_for(tree.admin.id, |message| message.text.contains("не попадают"), PATIENCE)
        .await
        .expect("told");
    Before { numbers, waiting, half_way, owed, refresh: tokens.1.clone() }
}

/// What was promised by 0.1.0 is kept by the package.
async fn all_is_kept(tree: &Tree, before: Before) {
    let Before { mut numbers, waiting, mut half_way, mut owed, refresh } = before;
    let status = tree.status();
    let is_so = status["waiting"] == 4 && status["uncertain"].as_i64() > Some(0) && status["daemon_running"] == true;
    tree.check("four wait, and of some it is not known whether amoCRM has them", is_so, || status.to_string());
    tree.files_are_the_services();

    half_way.says("2,5 млн", "ссылку").await;
    half_way.says("https://fem.encar.com/cars/detail/38427498", "Проверьте заявку").await;
    tree.check(
        "a form that was half filled in goes on where it stood",
        half_way.has("Как вас зовут") == 1,
        || half_way.user.transcript(),
    );
    numbers.push(half_way.submits().await);
    tree.telegram.clear_faults();
    numbers.push(testkit::world::number_in(&owed.hears("принята").await.text));

    tree.amocrm.comes_back();
    tree.does("the admin has everything tried now", &["lead-bot", "leads", "retry"]);
    let all = numbers.clone();
    tree.until("each request is in amoCRM with its note", async |tree| {
        all.iter().all(|number| tree.amocrm.lead_with_number(number).is_some_and(|lead| !lead.notes.is_empty()))
    })
    .await;
    // amoCRM has the last one a moment before anybody is told.
    tree.until("everybody reads how it ended", async |tree| {
        waiting.iter().chain([&owed]).all(|buyer| buyer.has("передана") > 0) && tree.admin_has("снова принимает") > 0
    })
    .await;
    tree.until("nothing is owed to anybody", async |tree| {
        let status = tree.status();
        status["waiting"] == 0 && status["messages_owed"] == 0
    })
    .await;
    let leads = tree.amocrm.leads();
    let notes: Vec<usize> = leads.iter().map(|lead| lead.notes.len()).collect();
    tree.check("each is there once", leads.len() == numbers.len() && notes.iter().all(|notes| *notes == 1), || {
        format!("{numbers:?}\n{leads:#?}")
    });
    for buyer in waiting.iter().chain([&owed, &half_way]) {
        let (name, seen) = (&buyer.user.name, (buyer.has("принята"), buyer.has("передана")));
        // Who did not wait for it need not hear that it is passed on.
        let is_so = seen == (1, 1) || (seen == (1, 0) && buyer.user.id == half_way.user.id);
        tree.check(&format!("{name} has the number once, and once that it is passed on"), is_so, || {
            buyer.user.transcript()
        });
    }
    let told = (tree.admin_has("⚠️ Заявки не попадают"), tree.admin_has("снова принимает"));
    tree.check("the admin has read of the outage once, and once that it is over", told == (1, 1), || {
        tree.admin.transcript()
    });

    // The tokens of 0.1.0 go on being renewed; those of the settings are spent.
    tree.amocrm.expire_access_tokens();
    let number = tree.buyer("Зоя").leaves_a_request().await;
    tree.until("a new request is delivered", async |tree| tree.amocrm.lead_with_number(&number).is_some()).await;
    let tokens = (tree.amocrm.refreshes(), tree.amocrm.refreshes_failed(), tree.amocrm.times_presented(&refresh));
    tree.check("with tokens that are renewed where 0.1.0 left off", tokens == (2, 0, 1), || format!("{tokens:?}"));
    let status = tree.status();
    tree.check("and all is well", status["health"] == "good", || status.to_string());
}

/// The nightly copy has no place, two nights long, and then it has.
async fn copies_fail_and_are_told(tree: &Tree) {
    let night = ["systemctl", "start", "amocrm-lead-bot-backup.service"];
    tree.shell(
        "there is no place for copies",
        &format!(
            "install -d -m 700 -o amocrm-lead-bot -g amocrm-lead-bot {DATA}/backups
             mount -t tmpfs -o size=64k,mode=700,uid=$(id -u amocrm-lead-bot) tmpfs {DATA}/backups"
        ),
    );
    for _ in 0..2 {
        tree.check("the copy of the night fails", tree.run(&night).code == Some(1), String::new);
    }
    tree.until("the admin reads why", async |tree| tree.admin_has("не сделана: на диске нет места") == 1).await;
    let status = tree.status();
    let is_told = status["copies_fail"].as_str().is_some_and(|why| why.contains("disk is full"));
    tree.check("and status says it", is_told, || status.to_string());
    tree.shell("there is place again", &format!("umount {DATA}/backups"));
    tree.does("a copy is made", &night);
    tree.until("the admin reads that, too", async |tree| tree.admin_has("снова делаются") == 1).await;
    tree.check("all that once", tree.admin_has("не сделана") == 1, || tree.admin.transcript());

    tree.shell(
        "the store is gone",
        &format!("systemctl stop {SERVICE}; mkdir /root/away; mv {DATA}/amocrm-lead-bot.sqlite* /root/away/"),
    );
    for _ in 0..2 {
        tree.check("the copy of the night fails", tree.run(&night).code == Some(1), String::new);
    }
    let told = tree.admin_has("не сделана: базу не удалось прочитать");
    tree.check("the admin reads it once, past the store", told == 1, || tree.admin.transcript());
    tree.shell("the store is back", &format!("mv /root/away/* {DATA}/; systemctl start {SERVICE}"));
    tree.does("a copy is made", &night);
    tree.until("the admin reads that, too", async |tree| tree.admin_has("снова делаются") == 2).await;
}

/// The part of `docs/setup.md` between two lines, as an operator types it.
fn documented(heading: &str) -> String {
    let text = include_str!("../../docs/setup.md");
    let part = text.split(&format!("\n### {heading}\n")).nth(1).expect("the heading");
    let block = part.split("```sh\n").nth(1).and_then(|rest| rest.split("```").next()).expect("commands");
    block.replace("sudo ", "")
}

async fn upgrade(tree: &Tree, made_by: MadeBy) {
    let tokens = tree.amocrm.issue_pair();
    let settings = tree.settings(&tokens);
    match made_by {
        MadeBy::Readme => {
            tree.shell(
                "0.1.0 is installed as its README says",
                &format!(
                    "useradd --system --home-dir {DATA} --shell /usr/sbin/nologin amocrm-lead-bot
                     install -m 755 /root/first/amocrm-lead-bot /usr/local/bin/
                     install -m 644 /root/first/amocrm-lead-bot.service /etc/systemd/system/"
                ),
            );
            write(&tree.path(SETTINGS), &settings, 0o600);
            tree.does(
                "its unit is enabled",
                &["sh", "-ec", "systemctl daemon-reload && systemctl enable --now amocrm-lead-bot"],
            );
        }
        MadeBy::Himself => {
            tree.shell(
                "0.1.0 is put into a folder",
                "install -d /opt/bot && install -m 755 /root/first/amocrm-lead-bot /opt/bot/",
            );
            write(&tree.path("/opt/bot/.env"), &settings, 0o644);
            let unit = "[Service]\nExecStart=/opt/bot/amocrm-lead-bot\nWorkingDirectory=/opt/bot\nRestart=always\n\n[Install]\nWantedBy=multi-user.target\n";
            write(&tree.path("/etc/systemd/system/bot.service"), unit, 0o644);
            tree.does("and runs as root", &["sh", "-ec", "systemctl daemon-reload && systemctl enable --now bot"]);
        }
    }
    let before = use_the_first_version(tree, &tokens).await;
    match made_by {
        MadeBy::Readme => {
            let said = tree.does("the package is installed over it", &["apt-get", "install", "-y", "/root/new.deb"]);
            let orders: Vec<&str> = said.lines().filter_map(|line| line.strip_prefix("  sudo ")).collect();
            tree.check("it says how to change over", orders.len() == 2, || said.clone());
            tree.check("until then 0.1.0 works on", tree.program() == "/usr/local/bin/amocrm-lead-bot", || {
                tree.program()
            });
            let orders = orders.join("\n").replace("sudo ", "");
            tree.shell("which is done", &orders);
        }
        MadeBy::Himself => {
            let script = documented("From a bot that was installed by hand");
            let script = script.replace("./amocrm-lead-bot_*.deb", "/root/new.deb");
            tree.shell("the package takes over as the documentation says", &script);
            tree.check(
                "nothing of the old one runs",
                tree.run(&["pgrep", "-f", "/opt/bot/"]).code == Some(1),
                String::new,
            );
        }
    }
    let runs = tree.program();
    tree.check("the package's program runs", runs == "/usr/bin/amocrm-lead-bot", || runs.clone());
    all_is_kept(tree, before).await;
}

/// A new operator: from `apt install` to the first lead.
async fn set_up(tree: &Tree) {
    let token = tree.amocrm.issue_long_lived(Utc::now() + TimeDelta::days(300));
    // What is so of this place alone: who answers for Telegram and amoCRM.
    let place = format!("TELEGRAM_API_URL={}\nAMOCRM_BASE_URL={}\n", tree.telegram.url(), tree.amocrm.url());
    let began = Instant::now();
    tree.does("apt installs it", &["apt-get", "install", "-y", "/root/new.deb"]);
    println!("   {} ms for the installation", began.elapsed().as_millis());
    write(&tree.path(SETTINGS), &place, 0o644);
    let arguments = tree.arguments(&["lead-bot", "setup", "--language", "ru"]);
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let mut terminal = Terminal::start(Path::new("/usr/bin/nsenter"), &arguments, &BTreeMap::new(), Path::new("/"));
    terminal.answers("Токен бота", &format!("{}\r", telegram::TOKEN)).await;
    terminal.answers("Куда присылать тревоги", "\r").await;
    let shown = terminal.sees("startgroup=").await;
    let code =
        shown.rsplit("/start ").next().and_then(|rest| rest.split_whitespace().next()).expect("a code").to_owned();
    tree.admin.command(&format!("/start {code}"));
    terminal.sees("Администратор: Админ").await;
    terminal.answers("Адрес аккаунта", "acme\r").await;
    terminal.answers("Как бот входит", "\r").await;
    terminal.answers("Долгосрочный токен (", &format!("{token}\r")).await;
    for question in ["Воронка для новых заявок", "Этап, с которого", "Создать поля", "Назвать менеджеров"]
    {
        terminal.answers(question, "\r").await;
    }
    terminal.answers("Кто звонит", " \r").await;
    for question in ["id в Telegram", "Кто отвечает", "Чат менеджеров"] {
        terminal.answers(question, "\r").await;
    }
    terminal.answers("Часы работы", "\u{1b}[A\u{1b}[A\r").await;
    terminal.answers("Часовой пояс", "\r").await;
    terminal.answers("За сколько перезвонить", "15m\r").await;
    for question in ["Файл с согласием", "Адрес политики", "Записать?", "Отправить тестовую"]
    {
        terminal.answers(question, "\r").await;
    }
    let ended = terminal.ends().await;
    tree.check("setup ends well", ended == Some(0), || terminal.shown());
    let shown = terminal.shown();
    tree.check("and shows no secret", !shown.contains(telegram::TOKEN) && !shown.contains(&token), String::new);
    tree.telegram.wait_for_poll(PATIENCE).await.expect("the service asks for messages");
    let mut ivan = tree.buyer("Иван");
    let number = ivan.leaves_a_request().await;
    tree.until("the first lead is delivered by the service", async |tree| {
        tree.amocrm.lead_with_number(&number).is_some()
    })
    .await;
    println!("   {} ms from the beginning of the installation to the first lead", began.elapsed().as_millis());

    let meta = std::fs::metadata(tree.path(SETTINGS)).expect("the settings");
    let whose = (meta.uid(), meta.gid(), meta.mode() & 0o7777);
    tree.check("the settings are root's and closed to all others", whose == (0, 0, 0o600), || format!("{whose:?}"));
    tree.files_are_the_services();
    tree.check("dealer.toml is there", tree.path(&format!("{DATA}/dealer.toml")).exists(), String::new);
    let settings = std::fs::read(tree.path(SETTINGS)).expect("the settings");
    let before = tree.pid();
    let again = tree.run(&["lead-bot", "setup", "--yes", "--no-test-lead", "--language", "en"]);
    let is_same = again.code == Some(0) && again.said.contains("Nothing to write") && tree.pid() == before;
    tree.check("run again it changes nothing, and the service works on", is_same, || again.said);
    let said = tree.does(
        "a single thing is changed",
        &["lead-bot", "setup", "rules", "--yes", "--hours", "mon-fri 10:00-18:00", "--language", "en"],
    );
    let rules = std::fs::read_to_string(tree.path(&format!("{DATA}/dealer.toml"))).expect("the rules");
    tree.check(
        "in dealer.toml alone",
        rules.contains("10:00-18:00") && std::fs::read(tree.path(SETTINGS)).is_ok_and(|now| now == settings),
        || said.clone(),
    );
    tree.files_are_the_services();
    let restarted = (tree.pid() != before, tree.run(&["systemctl", "is-active", SERVICE]).said.trim().to_owned());
    tree.check("the service runs with it", restarted == (true, "active".into()), || format!("{restarted:?}"));
    let mut olga = tree.buyer("Ольга");
    olga.answers(Answers { name: "Ольга", ..Answers::default() }).await;
    let number = olga.submits().await;
    tree.until("and delivers", async |tree| tree.amocrm.lead_with_number(&number).is_some()).await;
    copies_fail_and_are_told(tree).await;
    let status = tree.status();
    tree.check("all is well", status["health"] == "good", || status.to_string());
}

#[tokio::main]
async fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [leader, story] = &arguments[..] else {
        eprintln!("package LEADER first|first-by-himself|setup");
        return ExitCode::from(2);
    };
    let tree = Tree::new(leader).await;
    match story.as_str() {
        "first" => upgrade(&tree, MadeBy::Readme).await,
        "first-by-himself" => upgrade(&tree, MadeBy::Himself).await,
        "setup" => set_up(&tree).await,
        _ => return ExitCode::from(2),
    }
    if tree.failed.get() { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}
