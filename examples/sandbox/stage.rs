//! The stage: both fakes, a folder of its own, and the daemon as a separate process, as in production.

use std::{
    io,
    path::PathBuf,
    process::{ExitStatus, Output, Stdio},
    time::Duration,
};

use chrono::{TimeDelta, Utc};
use tokio::process::{Child, ChildStdin, Command};

use testkit::fakes::{
    amocrm::FakeAmocrm,
    telegram::{FakeTelegram, FakeUser},
};

/// The first argument by which the sandbox's own executable becomes the product.
pub const AS_THE_PRODUCT: &str = "as-amocrm-lead-bot";

/// The daemon stops within 10 s of SIGTERM, a command needs less than this.
const PATIENCE: Duration = Duration::from_secs(30);

/// How the folders of sandboxes begin; behind it stands the process that it belongs to.
const FOLDER: &str = "amocrm-lead-bot-sandbox-";

/// Takes away the folders of sandboxes that were killed.
fn sweep() {
    for entry in std::fs::read_dir(std::env::temp_dir()).into_iter().flatten().flatten() {
        let name = entry.file_name();
        let owner = name.to_str().and_then(|name| name.strip_prefix(FOLDER)?.split_once('-')?.0.parse::<i32>().ok());
        // SAFETY: kill(2) takes two integers and touches no memory of ours; signal 0 only looks.
        let lives = |owner| unsafe { libc::kill(owner, 0) } == 0 || io::Error::last_os_error().raw_os_error() == Some(libc::EPERM);
        if owner.is_some_and(|owner| owner > 0 && !lives(owner)) {
            let _ = std::fs::remove_dir_all(entry.path());
        }
    }
}

/// Both fakes, the folder, the admin, and perhaps a running daemon.
pub struct Stage {
    pub telegram: FakeTelegram,
    pub amocrm: FakeAmocrm,
    pub admin: FakeUser,
    folder: tempfile::TempDir,
    env: Vec<(&'static str, String)>,
    daemon: Option<(Child, Lifeline)>,
}

/// While this is held the daemon lives; when the sandbox ends, however it ends, the daemon reads the end of its input.
type Lifeline = Option<ChildStdin>;

impl Stage {
    /// Sets the fakes up with a pair of tokens that is an hour old; no daemon yet.
    pub async fn build() -> io::Result<Self> {
        let telegram = FakeTelegram::start().await;
        let amocrm = FakeAmocrm::start().await;
        let admin = telegram.user("Администратор").known();
        sweep();
        let folder = tempfile::Builder::new().prefix(&format!("{FOLDER}{}-", std::process::id())).tempdir()?;
        let (access, refresh) = amocrm.issue_pair_at(Utc::now() - TimeDelta::hours(1));
        let mut env = amocrm.env();
        env.extend([
            ("BOT_TOKEN", telegram.token()),
            ("TELEGRAM_API_URL", telegram.url()),
            ("ADMIN_CHAT_ID", admin.id.to_string()),
            ("AMOCRM_ACCESS_TOKEN", access),
            ("AMOCRM_REFRESH_TOKEN", refresh),
        ]);
        Ok(Self { telegram, amocrm, admin, folder, env, daemon: None })
    }

    /// The daemon asks the form of this `dealer.toml`, with the texts beside it.
    pub fn asks(&mut self, settings: &std::path::Path) -> io::Result<()> {
        let path = std::path::absolute(settings)?;
        if !path.is_file() {
            return Err(io::Error::other(format!("{} is no file", path.display())));
        }
        self.env.push(("SETTINGS_FILE", path.display().to_string()));
        Ok(())
    }

    /// The path of a file in the daemon's folder.
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// The product in a clean environment and in the folder, so that nothing of the user's own settings is read.
    fn command(&self, args: &[&str]) -> io::Result<Command> {
        let mut command = Command::new(std::env::current_exe()?);
        command.arg(AS_THE_PRODUCT).args(args);
        command.env_clear().envs(self.env.iter().cloned()).current_dir(self.folder.path()).kill_on_drop(true);
        Ok(command)
    }

    /// Starts the daemon and waits until it asks for messages; its log goes to `daemon.log` in the folder.
    pub async fn start(&mut self) -> io::Result<()> {
        if self.daemon.is_none() {
            let log = std::fs::File::options().create(true).append(true).open(self.path("daemon.log"))?;
            let mut child = self.command(&[])?.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(log).spawn()?;
            // Taken out, because waiting for a child closes its input.
            let lifeline = child.stdin.take();
            self.daemon = Some((child, lifeline));
        }
        let telegram = self.telegram.clone();
        let ended = tokio::select! {
            asks = telegram.wait_for_poll(PATIENCE) => return asks.map_err(io::Error::other),
            status = self.ended() => status?,
        };
        Err(io::Error::other(format!("the daemon ended at once: {ended}\n{}", self.log(5))))
    }

    /// SIGKILL, and waits for the end; nothing when it does not run.
    pub async fn kill(&mut self) {
        if let Some((mut child, _lifeline)) = self.daemon.take() {
            let _ = child.kill().await;
        }
    }

    /// SIGTERM, and waits for the end; nothing when it does not run.
    pub async fn terminate(&mut self) -> io::Result<Option<ExitStatus>> {
        let Some((mut child, _lifeline)) = self.daemon.take() else { return Ok(None) };
        if let Some(pid) = child.id().and_then(|pid| i32::try_from(pid).ok()) {
            // SAFETY: kill(2) takes two integers and touches no memory of ours; the child is not reaped yet.
            unsafe { libc::kill(pid, libc::SIGTERM) };
        }
        tokio::time::timeout(PATIENCE, child.wait()).await?.map(Some)
    }

    /// Resolves when the daemon ends by itself; never while none runs.
    pub async fn ended(&mut self) -> io::Result<ExitStatus> {
        let Some((child, _lifeline)) = &mut self.daemon else { return std::future::pending().await };
        let status = child.wait().await;
        self.daemon = None;
        status
    }

    /// Runs a command of the product beside the daemon, as the operator would.
    pub async fn run(&self, args: &[&str]) -> io::Result<Output> {
        let output = self.command(args)?.stdin(Stdio::null()).output();
        tokio::time::timeout(PATIENCE, output).await?
    }

    /// `backup_leads.json` as it stands; empty when there is none.
    pub fn backup(&self) -> String {
        std::fs::read_to_string(self.path("backup_leads.json")).unwrap_or_default()
    }

    /// The last lines of the daemon's log.
    pub fn log(&self, lines: usize) -> String {
        let log = std::fs::read_to_string(self.path("daemon.log")).unwrap_or_default();
        let all: Vec<&str> = log.lines().collect();
        all[all.len().saturating_sub(lines)..].join("\n")
    }
}
