//! The booted tree: what is run, read and written there, with both servers on its loopback.

use std::{
    cell::Cell,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::Command,
    time::{Duration, Instant},
};

use serde_json::Value;
use testkit::{
    buyer::Buyer,
    fakes::{
        amocrm::FakeAmocrm,
        telegram::{FakeTelegram, FakeUser},
    },
    world::PATIENCE,
};

pub const DATA: &str = "/var/lib/amocrm-lead-bot";
pub const SETTINGS: &str = "/etc/amocrm-lead-bot.env";
pub const SERVICE: &str = "amocrm-lead-bot.service";

/// Pauses are so much shorter.
const SPEED: &str = "20";

/// What a command in the tree has said and how it ended.
pub struct Ran {
    pub code: Option<i32>,
    pub said: String,
}

/// The booted tree, with both servers on its loopback.
pub struct Tree {
    leader: String,
    pub telegram: FakeTelegram,
    pub amocrm: FakeAmocrm,
    pub admin: FakeUser,
    pub failed: Cell<bool>,
}

impl Tree {
    pub async fn new(leader: &str) -> Self {
        let (telegram, amocrm) = (FakeTelegram::start().await, FakeAmocrm::start().await);
        telegram.hold_repeated_polls(false);
        let admin = telegram.user("Админ").known();
        Self { leader: leader.to_owned(), telegram, amocrm, admin, failed: Cell::new(false) }
    }

    pub fn check(&self, what: &str, is_so: bool, shown: impl FnOnce() -> String) {
        if is_so {
            println!("ok - {what}");
        } else {
            self.failed.set(true);
            println!("NOT OK - {what}\n{}", shown());
        }
    }

    /// How a command is run in the tree, by root.
    pub fn arguments(&self, command: &[&str]) -> Vec<String> {
        let before =
            ["--target", &self.leader, "--all", "env", "-i", "PATH=/usr/sbin:/usr/bin:/sbin:/bin", "HOME=/root"];
        let more = ["TERM=xterm", "LANG=C.UTF-8", "DEBIAN_FRONTEND=noninteractive"];
        before.iter().chain(&more).chain(command).map(|word| (*word).to_owned()).collect()
    }

    pub fn run(&self, command: &[&str]) -> Ran {
        let output = Command::new("nsenter").args(self.arguments(command)).output().expect("nsenter");
        let said =
            [output.stdout, output.stderr].map(|bytes| String::from_utf8_lossy(&bytes).replace('\r', "")).concat();
        Ran { code: output.status.code(), said }
    }

    /// Runs a command that has to succeed; returns what it said.
    pub fn does(&self, what: &str, command: &[&str]) -> String {
        let ran = self.run(command);
        self.check(what, ran.code == Some(0), || format!("{command:?} ended with {:?}\n{}", ran.code, ran.said));
        ran.said
    }

    pub fn shell(&self, what: &str, script: &str) -> String {
        self.does(what, &["sh", "-ec", script])
    }

    /// A file of the tree, as this process reaches it.
    pub fn path(&self, path: &str) -> PathBuf {
        Path::new("/proc").join(&self.leader).join("root").join(path.trim_start_matches('/'))
    }

    pub fn status(&self) -> Value {
        // It ends with 1 where there is no access.
        let ran = self.run(&["lead-bot", "status", "--json"]);
        serde_json::from_str(ran.said.get(ran.said.find('{').unwrap_or(0)..).unwrap_or_default()).unwrap_or_default()
    }

    pub async fn until(&self, what: &str, mut is_so: impl AsyncFnMut(&Self) -> bool) {
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
    pub fn pid(&self) -> String {
        self.run(&["systemctl", "show", "-p", "MainPID", "--value", SERVICE]).said.trim().to_owned()
    }

    /// The program that the service runs.
    pub fn program(&self) -> String {
        self.run(&["readlink", &format!("/proc/{}/exe", self.pid())]).said.trim().to_owned()
    }

    pub fn buyer(&self, name: &str) -> Buyer {
        Buyer::new(&self.telegram, self.telegram.user(name))
    }

    pub fn admin_has(&self, words: &str) -> usize {
        self.admin.messages().iter().filter(|message| message.text.contains(words)).count()
    }

    /// The settings of an operator, in this order.
    pub fn settings(&self, tokens: &(String, String)) -> String {
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
    pub fn files_are_the_services(&self) {
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

pub fn write(path: &Path, text: &str, mode: u32) {
    std::fs::write(path, text).expect("a file can be written");
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).expect("its mode is set");
}
