//! The world of a black-box test: the compiled daemon between two fake servers on loopback, in a folder of its own.
#![allow(dead_code)]

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    process::{Output, Stdio},
    time::Duration,
};

use tokio::process::{Child, Command};

use crate::fakes::{amocrm::FakeAmocrm, telegram::FakeTelegram};

/// Everything in a test happens within this time, or it fails with the story so far.
pub const PATIENCE: Duration = Duration::from_secs(20);

/// The admin's chat.
pub const ADMIN: i64 = 900_001;

/// Both fakes, a folder, and perhaps a running daemon.
pub struct World {
    pub telegram: FakeTelegram,
    pub amocrm: FakeAmocrm,
    pub folder: tempfile::TempDir,
    pub env: BTreeMap<String, String>,
    daemon: Option<Child>,
}

impl World {
    /// Both fakes with valid tokens, time running 20 times faster; no daemon yet.
    pub async fn new() -> Self {
        let telegram = FakeTelegram::start().await;
        let amocrm = FakeAmocrm::start().await;
        telegram.hold_repeated_polls(false);
        let folder = tempfile::tempdir().expect("a folder");
        let (access, refresh) = amocrm.issue_pair();
        let mut env: BTreeMap<String, String> =
            amocrm.env().into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
        for (name, value) in [
            ("BOT_TOKEN", telegram.token()),
            ("TELEGRAM_API_URL", telegram.url()),
            ("ADMIN_CHAT_ID", ADMIN.to_string()),
            ("DATA_DIR", folder.path().display().to_string()),
            ("AMOCRM_ACCESS_TOKEN", access),
            ("AMOCRM_REFRESH_TOKEN", refresh),
            ("TEST_SPEED", "20".into()),
            ("RUST_LOG", "amocrm_lead_bot=debug".into()),
        ] {
            env.insert(name.into(), value);
        }
        Self { telegram, amocrm, folder, env, daemon: None }
    }

    pub fn set(&mut self, name: &str, value: impl Into<String>) {
        self.env.insert(name.into(), value.into());
    }

    pub fn unset(&mut self, name: &str) {
        self.env.remove(name);
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn command(&self) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_amocrm-lead-bot"));
        command.env_clear().envs(&self.env).current_dir(self.folder.path()).kill_on_drop(true);
        command
    }

    /// Starts the daemon; its log goes to `daemon.log` in the folder.
    pub fn start(&mut self) {
        assert!(self.daemon.is_none(), "the daemon runs already");
        let log = std::fs::File::options().create(true).append(true).open(self.path("daemon.log")).expect("a log file");
        let child = self.command().stdin(Stdio::null()).stdout(Stdio::null()).stderr(log).spawn().expect("the daemon");
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

    /// Waits for the daemon's end; returns the exit code.
    pub async fn ended(&mut self) -> Option<i32> {
        let mut child = self.daemon.take().expect("a running daemon");
        let status = tokio::time::timeout(PATIENCE, child.wait()).await.expect("the daemon ends").expect("its end");
        status.code()
    }

    /// Runs a command beside the daemon.
    pub async fn run(&self, args: &[&str]) -> Output {
        let output = self.command().args(args).stdin(Stdio::null()).output();
        tokio::time::timeout(Duration::from_secs(60), output).await.expect("the command ends").expect("its output")
    }

    /// The daemon's log so far.
    pub fn log(&self) -> String {
        std::fs::read_to_string(self.path("daemon.log")).unwrap_or_default()
    }

    /// `backup_leads.json`, empty when there is none.
    pub fn backup(&self) -> Vec<serde_json::Value> {
        read_json(&self.path("backup_leads.json"))
    }

    /// Waits until something is so.
    pub async fn until(&self, what: &str, mut so: impl FnMut(&Self) -> bool) {
        let deadline = tokio::time::Instant::now() + PATIENCE;
        while !so(self) {
            assert!(tokio::time::Instant::now() < deadline, "not so in time: {what}\n--- log\n{}", self.log());
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

fn read_json(path: &Path) -> Vec<serde_json::Value> {
    std::fs::read(path).ok().and_then(|bytes| serde_json::from_slice(&bytes).ok()).unwrap_or_default()
}
