//! The daemon as a process of its own, as in production, in a folder of its own.

use std::{
    io,
    path::{Path, PathBuf},
    process::{ExitStatus, Output, Stdio},
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::process::{Child, ChildStdin, Command};

/// The first argument by which the sandbox's own executable becomes the product.
pub const AS_THE_PRODUCT: &str = "as-amocrm-lead-bot";

/// The daemon stops within 10 s of SIGTERM, a command needs less than this.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// How often a process is looked at whether it still lives.
const LOOK: Duration = Duration::from_millis(50);

/// While this is held the daemon lives; when the sandbox ends, however it ends, the daemon reads the end of its input.
type Lifeline = Option<ChildStdin>;

/// A folder and an environment, and the process that may run there.
pub struct Daemon {
    folder: PathBuf,
    env: Vec<(&'static str, String)>,
    running: Mutex<Option<(Child, Lifeline)>>,
}

impl Daemon {
    /// One that is not started yet.
    pub fn new(folder: &Path, env: Vec<(&'static str, String)>) -> Self {
        Self { folder: folder.to_owned(), env, running: Mutex::default() }
    }

    /// The product in a clean environment and in the folder, so that nothing of the user's own settings is read.
    fn command(&self, args: &[&str]) -> io::Result<Command> {
        let mut command = Command::new(std::env::current_exe()?);
        command.arg(AS_THE_PRODUCT).args(args);
        command.env_clear().envs(self.env.iter().cloned()).current_dir(&self.folder).kill_on_drop(true);
        Ok(command)
    }

    fn running(&self) -> MutexGuard<'_, Option<(Child, Lifeline)>> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Starts the process unless it runs; its log goes to `daemon.log` in the folder.
    pub fn start(&self) -> io::Result<()> {
        let mut running = self.running();
        if running.is_none() {
            let log = std::fs::File::options().create(true).append(true).open(self.folder.join("daemon.log"))?;
            let mut child = self.command(&[])?.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(log).spawn()?;
            // Taken out, because waiting for a child closes its input.
            let lifeline = child.stdin.take();
            *running = Some((child, lifeline));
        }
        Ok(())
    }

    /// SIGKILL, and waits for the end; nothing when it does not run.
    pub async fn kill(&self) {
        let running = self.running().take();
        if let Some((mut child, _lifeline)) = running {
            let _ = child.kill().await;
        }
    }

    /// SIGTERM, and waits for the end; nothing when it does not run.
    pub async fn terminate(&self) -> io::Result<Option<ExitStatus>> {
        let Some((mut child, _lifeline)) = self.running().take() else { return Ok(None) };
        if let Some(pid) = child.id().and_then(|pid| i32::try_from(pid).ok()) {
            // SAFETY: kill(2) takes two integers and touches no memory of ours; the child is not reaped yet.
            unsafe { libc::kill(pid, libc::SIGTERM) };
        }
        tokio::time::timeout(PATIENCE, child.wait()).await?.map(Some)
    }

    /// Resolves when the daemon ends by itself; never while none runs.
    pub async fn ended(&self) -> io::Result<ExitStatus> {
        loop {
            {
                let mut running = self.running();
                if let Some((child, _lifeline)) = &mut *running
                    && let Some(status) = child.try_wait()?
                {
                    *running = None;
                    return Ok(status);
                }
            }
            tokio::time::sleep(LOOK).await;
        }
    }

    /// Whether it runs; nobody has to have waited for its end.
    pub fn runs(&self) -> bool {
        self.running().as_mut().is_some_and(|(child, _lifeline)| matches!(child.try_wait(), Ok(None)))
    }

    /// Runs a command of the product beside the daemon, as the operator would.
    pub async fn run(&self, args: &[&str]) -> io::Result<Output> {
        let output = self.command(args)?.stdin(Stdio::null()).output();
        tokio::time::timeout(PATIENCE, output).await?
    }

    /// The last lines of the daemon's log.
    pub fn log(&self, lines: usize) -> String {
        let log = self.whole_log();
        let all: Vec<&str> = log.lines().collect();
        all[all.len().saturating_sub(lines)..].join("\n")
    }

    /// Where the daemon's own small page listens, as it has told last.
    pub fn page(&self) -> Option<String> {
        let log = self.whole_log();
        let (_, told) = log.rsplit_once("the web page listens addr=")?;
        told.split_whitespace().next().map(|addr| format!("http://{addr}"))
    }

    fn whole_log(&self) -> String {
        std::fs::read_to_string(self.folder.join("daemon.log")).unwrap_or_default()
    }
}
