//! The world of a black-box test: the compiled daemon between two fake servers on loopback, in a folder of its own.

use std::{
    collections::BTreeMap,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::Stdio,
    time::Duration,
};

use serde_json::Value;
use tokio::{
    io::AsyncWriteExt,
    process::{Child, Command},
};

use crate::fakes::{
    amocrm::{FakeAmocrm, StoredLead},
    telegram::{FakeTelegram, FakeUser},
};

pub use crate::buyer::{Answers, Buyer};

/// Everything in a test happens within this time, or it fails with the story so far. A busy machine needs the most of it.
pub const PATIENCE: Duration = Duration::from_secs(180);

/// The contract's limit for a stop.
pub const STOP_LIMIT: Duration = Duration::from_secs(10);

/// The first keys of an entry of `backup_leads.json`, in the contract's order.
pub const BACKUP_KEYS: [&str; 7] = ["timestamp", "name", "phone", "budget", "car_link", "user_id", "status"];

/// Both fakes, a folder, the admin, and perhaps a running daemon.
pub struct World {
    pub telegram: FakeTelegram,
    pub amocrm: FakeAmocrm,
    pub admin: FakeUser,
    pub folder: tempfile::TempDir,
    pub env: BTreeMap<String, String>,
    daemon: Option<Child>,
}

/// What a command has said and how it ended.
pub struct Ran {
    pub code: Option<i32>,
    pub stdout: String,
    pub stderr: String,
}

impl Ran {
    /// Both outputs.
    pub fn said(&self) -> String {
        format!("{}{}", self.stdout, self.stderr)
    }

    /// The same, after a look at the exit code.
    #[track_caller]
    pub fn ended_with(self, code: i32) -> Self {
        assert_eq!(self.code, Some(code), "{}", self.said());
        self
    }
}

impl World {
    /// Both fakes with valid tokens, time running 20 times faster; no daemon yet.
    pub async fn new() -> Self {
        let telegram = FakeTelegram::start().await;
        let amocrm = FakeAmocrm::start().await;
        telegram.hold_repeated_polls(false);
        let admin = telegram.user("Админ").known();
        let folder = crate::folder();
        let (access, refresh) = amocrm.issue_pair();
        let mut env: BTreeMap<String, String> =
            amocrm.env().into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
        for (name, value) in [
            ("BOT_TOKEN", telegram.token()),
            ("TELEGRAM_API_URL", telegram.url()),
            ("ADMIN_CHAT_ID", admin.id.to_string()),
            ("DATA_DIR", folder.path().display().to_string()),
            ("AMOCRM_ACCESS_TOKEN", access),
            ("AMOCRM_REFRESH_TOKEN", refresh),
            ("TEST_SPEED", "20".into()),
        ] {
            env.insert(name.into(), value);
        }
        Self { telegram, amocrm, admin, folder, env, daemon: None }
    }

    /// A second machine: the same fakes and settings, a disk of its own, no daemon yet.
    pub fn beside(&self) -> Self {
        let folder = crate::folder();
        let mut env = self.env.clone();
        env.insert("DATA_DIR".into(), folder.path().display().to_string());
        let (telegram, amocrm, admin) = (self.telegram.clone(), self.amocrm.clone(), self.admin.clone());
        Self { telegram, amocrm, admin, folder, env, daemon: None }
    }

    /// Both fakes and a daemon that takes messages.
    pub async fn running() -> Self {
        let mut world = Self::new().await;
        world.start();
        world
    }

    /// A person who wants a car.
    pub fn buyer(&self, name: &str) -> Buyer {
        Buyer::new(&self.telegram, self.telegram.user(name))
    }

    pub fn set(&mut self, name: &str, value: impl Into<String>) {
        self.env.insert(name.into(), value.into());
    }

    pub fn unset(&mut self, name: &str) {
        self.env.remove(name);
    }

    /// Leaves no setting of amoCRM.
    pub fn without_amocrm(&mut self) {
        self.env.retain(|name, _| !name.starts_with("AMOCRM_"));
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub fn write(&self, name: &str, content: &str) {
        let path = self.path(name);
        std::fs::create_dir_all(path.parent().expect("a folder")).expect("a folder can be made");
        std::fs::write(path, content).expect("a file can be written");
    }

    pub fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.path(name)).unwrap_or_default()
    }

    /// Permissions of a file, such as 0o600.
    pub fn mode(&self, name: &str) -> u32 {
        std::fs::metadata(self.path(name)).expect("a file").permissions().mode() & 0o777
    }

    /// Names of the files in the folder that begin like this.
    pub fn files(&self, beginning: &str) -> Vec<String> {
        let files = std::fs::read_dir(self.folder.path()).expect("a folder");
        let names = files.filter_map(|file| file.ok()?.file_name().into_string().ok());
        names.filter(|name| name.starts_with(beginning)).collect()
    }

    /// Sets the permissions of a file, such as 0o644.
    pub fn set_mode(&self, name: &str, mode: u32) {
        let permissions = std::fs::Permissions::from_mode(mode);
        std::fs::set_permissions(self.path(name), permissions).expect("its mode is set");
    }

    fn command(&self) -> Command {
        self.command_in(&self.env)
    }

    fn command_in(&self, env: &BTreeMap<String, String>) -> Command {
        let mut command = Command::new(crate::daemon());
        command.env_clear().envs(env).current_dir(self.folder.path()).kill_on_drop(true);
        command
    }

    /// Starts the daemon; its log goes to `daemon.log` in the folder.
    pub fn start(&mut self) {
        assert!(self.daemon.is_none(), "the daemon runs already");
        let log = std::fs::File::options().create(true).append(true).open(self.path("daemon.log")).expect("a log file");
        let mut command = self.command();
        if !self.env.contains_key("RUST_LOG") {
            command.env("RUST_LOG", "amocrm_lead_bot=debug");
        }
        let child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log).spawn().expect("the daemon");
        self.daemon = Some(child);
    }

    /// Sends a signal to the daemon.
    pub fn signal(&self, signal: i32) {
        let pid = self.daemon.as_ref().and_then(Child::id).expect("a running daemon");
        // SAFETY: kill(2) takes two integers and touches no memory of ours.
        unsafe { libc::kill(i32::try_from(pid).expect("a pid"), signal) };
    }

    /// SIGKILL, and waits for the end.
    pub async fn kill(&mut self) {
        self.signal(libc::SIGKILL);
        let mut child = self.daemon.take().expect("a running daemon");
        child.wait().await.expect("the daemon's end");
    }

    /// SIGTERM, and waits for the end; returns the exit code.
    pub async fn terminate(&mut self) -> Option<i32> {
        self.signal(libc::SIGTERM);
        self.ended().await
    }

    /// Fails where something took the daemon longer than its limit; see [`excused`].
    pub async fn took(&self, took: Duration, limit: Duration) {
        if took >= limit {
            let excused = excused(async || drop(self.run(&["--version"]).await)).await;
            assert!(took < limit + excused, "{took:?}, {excused:?} of it excused\n--- log\n{}", self.log());
        }
    }

    /// Waits for the daemon's end; returns the exit code.
    pub async fn ended(&mut self) -> Option<i32> {
        let mut child = self.daemon.take().expect("a running daemon");
        let status = tokio::time::timeout(PATIENCE, child.wait()).await.expect("the daemon ends").expect("its end");
        status.code()
    }

    /// The most memory that the daemon has had so far, in bytes.
    pub fn peak_memory(&self) -> u64 {
        let pid = self.daemon.as_ref().and_then(Child::id).expect("a running daemon");
        let status = std::fs::read_to_string(format!("/proc/{pid}/status")).expect("Linux tells");
        let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).expect("the peak");
        peak.trim().trim_end_matches(" kB").parse::<u64>().expect("a number") * 1024
    }

    /// Whether the daemon has not ended by itself.
    pub fn is_up(&mut self) -> bool {
        self.daemon.as_mut().is_some_and(|daemon| daemon.try_wait().ok().flatten().is_none())
    }

    /// Runs a command, beside the daemon if it runs.
    pub async fn run(&self, args: &[&str]) -> Ran {
        self.run_with(args, "").await
    }

    /// Runs a command in another environment.
    pub async fn run_in(&self, env: &BTreeMap<String, String>, args: &[&str]) -> Ran {
        Self::finish(self.command_in(env), args, "").await
    }

    /// Runs a command in a folder below the world's.
    pub async fn run_below(&self, folder: &str, args: &[&str]) -> Ran {
        let mut command = self.command();
        command.current_dir(self.path(folder));
        Self::finish(command, args, "").await
    }

    /// Runs a command with something typed at it.
    pub async fn run_with(&self, args: &[&str], typed: &str) -> Ran {
        Self::finish(self.command(), args, typed).await
    }

    async fn finish(mut command: Command, args: &[&str], typed: &str) -> Ran {
        let command = command.args(args).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("the command");
        let mut stdin = child.stdin.take().expect("its input");
        // A command that asks nothing may have ended already.
        let _ = stdin.write_all(typed.as_bytes()).await;
        drop(stdin);
        let output = tokio::time::timeout(PATIENCE, child.wait_with_output()).await;
        let output = output.unwrap_or_else(|_| panic!("{args:?} does not end")).expect("its output");
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        Ran { code: output.status.code(), stdout: text(&output.stdout), stderr: text(&output.stderr) }
    }

    /// Fails where a text holds a token or a secret, of this world's environment or files.
    #[track_caller]
    pub fn keeps_secrets(&self, text: &str) {
        let names = ["BOT_TOKEN", "AMOCRM_CLIENT_SECRET", "AMOCRM_ACCESS_TOKEN", "AMOCRM_REFRESH_TOKEN"];
        let set = names.iter().filter_map(|name| self.env.get(*name).cloned());
        let files = ["access_token.txt", "refresh_token.txt"].map(|name| self.read(name).trim().to_owned());
        for secret in set.chain(files).filter(|secret| !secret.is_empty()) {
            // The end of a token is as secret as the whole, and the signature of a JWT stands there.
            let end: String = secret.chars().rev().take(20).collect::<Vec<_>>().into_iter().rev().collect();
            let line = text.lines().find(|line| line.contains(&end));
            assert_eq!(line, None, "a secret shows");
        }
    }

    /// The daemon's log so far.
    pub fn log(&self) -> String {
        self.read("daemon.log")
    }

    /// `backup_leads.json`, empty when there is none.
    pub fn backup(&self) -> Vec<Value> {
        read_json(&self.path("backup_leads.json"))
    }

    /// Waits until something is so.
    pub async fn until(&self, what: &str, mut so: impl FnMut(&Self) -> bool) {
        let deadline = tokio::time::Instant::now() + PATIENCE;
        while !so(self) {
            if tokio::time::Instant::now() > deadline {
                panic!("not so in time: {what}\n--- amoCRM\n{}--- log\n{}", self.amocrm.story(), self.log());
            }
            tokio::time::sleep(Duration::from_millis(40)).await;
        }
    }

    /// Waits until the lead of this number is in amoCRM with its one note; there is never a second one.
    pub async fn delivered(&self, number: &str) -> StoredLead {
        self.until(&format!("{number} is in amoCRM with its note"), |world| {
            world.amocrm.lead_with_number(number).is_some_and(|lead| !lead.notes.is_empty())
        })
        .await;
        let lead = self.amocrm.lead_with_number(number).expect("it was there");
        assert_eq!(lead.notes.len(), 1, "{:#?}", lead.notes);
        lead
    }

    /// Waits until `backup_leads.json` holds so many entries.
    pub async fn backup_holds(&self, entries: usize) {
        self.until(&format!("the backup file holds {entries} entries"), |world| {
            world.path("backup_leads.json").exists() && world.backup().len() == entries
        })
        .await;
    }

    /// Waits until everything said is said and recorded: a message is told again after a kill in between.
    pub async fn nothing_owed(&self) {
        let deadline = tokio::time::Instant::now() + PATIENCE;
        loop {
            // It ends with 1 where there is no access to amoCRM.
            let status = self.run(&["status", "--json"]).await;
            let status: Value = serde_json::from_str(&status.stdout).expect("JSON");
            if status["messages_owed"] == 0 {
                return;
            }
            assert!(tokio::time::Instant::now() < deadline, "messages are still owed\n--- log\n{}", self.log());
            // Each look is a process of its own.
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// Waits until the admin has read this.
    pub async fn admin_reads(&self, words: &str) -> String {
        let seen = self.telegram.wait_for(self.admin.id, |message| message.text.contains(words), PATIENCE).await;
        match seen {
            Ok(message) => message.text,
            Err(why) => panic!("the admin does not read «{words}»: {why}\n--- log\n{}", self.log()),
        }
    }

    /// How many messages with these words the admin has.
    pub fn admin_has(&self, words: &str) -> usize {
        self.admin.messages().iter().filter(|message| message.text.contains(words)).count()
    }
}

/// By how much a limit may be exceeded on a machine that is as busy with other things as this one is now: the time of a
/// hundred short commands, half a second where nothing else runs.
pub async fn excused(short_command: impl AsyncFn()) -> Duration {
    let start = std::time::Instant::now();
    for _ in 0..5 {
        short_command().await;
    }
    start.elapsed() * 20
}

fn read_json(path: &Path) -> Vec<Value> {
    std::fs::read(path).ok().and_then(|bytes| serde_json::from_slice(&bytes).ok()).unwrap_or_default()
}

/// The request number in a message.
pub fn number_in(text: &str) -> String {
    let number = text.split('#').nth(1).unwrap_or_else(|| panic!("there is no number in «{text}»"));
    number.chars().take_while(char::is_ascii_alphanumeric).collect()
}
