//! A private PostgreSQL cluster on loopback, gone with its folder.

use std::{
    collections::BTreeSet,
    ops::Range,
    os::unix::process::CommandExt,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::{
        Mutex, OnceLock, PoisonError,
        atomic::{AtomicU32, Ordering},
    },
    time::{Duration, Instant},
};

/// Below the ranges from which outgoing connections get their ports, so that nobody takes it while the server restarts.
const PORTS: Range<u16> = 7_000..10_000;

/// A running cluster; stopped when dropped.
pub struct Cluster {
    folder: tempfile::TempDir,
    port: u16,
    server: std::process::Child,
    flags: &'static [&'static str],
}

/// Daemons in tests live for seconds: no test pulls the plug, and a plan for each of the first five calls of a statement is
/// most of what the statement costs.
const IN_TESTS: &[&str] =
    &["shared_buffers=16MB", "fsync=off", "autovacuum=off", "plan_cache_mode=force_generic_plan", "jit=off"];

/// Where Debian puts the server's programs, newest version last.
fn programs() -> Option<PathBuf> {
    let mut versions: Vec<PathBuf> = std::fs::read_dir("/usr/lib/postgresql")
        .ok()?
        .filter_map(|entry| Some(entry.ok()?.path().join("bin")))
        .filter(|bin| bin.join("initdb").exists())
        .collect();
    versions.sort();
    versions.pop()
}

/// PostgreSQL refuses to run as root, so root runs it as the user postgres.
fn as_postgres(command: &mut Command) -> &mut Command {
    // SAFETY: geteuid(2) only reads.
    if unsafe { libc::geteuid() } == 0 {
        let (uid, gid) = postgres_user().expect("a user postgres");
        command.uid(uid).gid(gid);
    }
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null())
}

fn postgres_user() -> Option<(u32, u32)> {
    let users = std::fs::read_to_string("/etc/passwd").ok()?;
    let line = users.lines().find(|line| line.starts_with("postgres:"))?;
    let mut parts = line.split(':').skip(2);
    Some((parts.next()?.parse().ok()?, parts.next()?.parse().ok()?))
}

impl Cluster {
    /// Starts a cluster; `None` where PostgreSQL is not installed, which a continuous integration run does not accept.
    pub fn start() -> Option<Self> {
        Self::start_with(IN_TESTS)
    }

    /// Starts a cluster as an operator has one, for measuring: what is committed is on the disk.
    pub fn start_as_installed() -> Option<Self> {
        Self::start_with(&[])
    }

    fn start_with(flags: &'static [&'static str]) -> Option<Self> {
        let Some(programs) = programs() else {
            assert!(std::env::var_os("CI").is_none(), "PostgreSQL is not installed");
            crate::skipped("PostgreSQL is not installed, so nothing is tested on it");
            return None;
        };
        let folder = tempfile::Builder::new().prefix("pg").tempdir_in("/tmp").expect("a folder");
        if let Some((uid, gid)) = postgres_user() {
            std::os::unix::fs::chown(folder.path(), Some(uid), Some(gid)).ok();
        }
        let data = folder.path().join("data");
        let made = as_postgres(&mut Command::new(programs.join("initdb")))
            .args([
                "-U",
                "postgres",
                "-A",
                "trust",
                "-E",
                "UTF8",
                "--no-sync",
                "--locale=C.UTF-8",
                "--wal-segsize=1",
                "-D",
            ])
            .arg(&data)
            .status()
            .expect("initdb");
        assert!(made.success(), "initdb failed");
        let port = port();
        let server = Self::serve(&programs, &data, folder.path(), port, flags);
        let mut cluster = Self { folder, port, server, flags };
        while !cluster.wait() {
            // It ended at once: the port is taken.
            cluster.port = self::port();
            cluster.server = Self::serve(&programs, &data, cluster.folder.path(), cluster.port, flags);
        }
        Some(cluster)
    }

    fn serve(programs: &Path, data: &Path, sockets: &Path, port: u16, flags: &[&str]) -> std::process::Child {
        as_postgres(&mut Command::new(programs.join("postgres")))
            .arg("-D")
            .arg(data)
            .args(["-h", "127.0.0.1", "-p", &port.to_string(), "-k"])
            .arg(sockets)
            .args(["-c", "max_connections=300"])
            .args(flags.iter().flat_map(|flag| ["-c", flag]))
            .spawn()
            .expect("postgres")
    }

    /// Waits until this very server answers, and no other on its port; false when it ended instead.
    fn wait(&mut self) -> bool {
        let deadline = Instant::now() + Duration::from_secs(30);
        // Its socket lies in a folder of its own.
        while !self.psql("SELECT 1") {
            if self.server.try_wait().expect("its state").is_some() {
                return false;
            }
            assert!(Instant::now() < deadline, "PostgreSQL does not start");
            std::thread::sleep(Duration::from_millis(50));
        }
        true
    }

    /// Runs a statement in the database `postgres`.
    pub fn psql(&self, statement: &str) -> bool {
        self.psql_in("postgres", statement)
    }

    /// Runs a statement in a database.
    pub fn psql_in(&self, database: &str, statement: &str) -> bool {
        // Debian's own `psql` is a script that looks for a cluster of the system's first.
        Command::new(programs().expect("PostgreSQL").join("psql"))
            .arg("-h")
            .arg(self.folder.path())
            .args(["-U", "postgres", "-p", &self.port.to_string(), "-d", database, "-qc", statement])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status()
            .is_ok_and(|status| status.success())
    }

    /// A new, empty database; returns its address.
    pub fn database(&self) -> String {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let name = format!("test_{}", NEXT.fetch_add(1, Ordering::Relaxed));
        assert!(self.psql(&format!("CREATE DATABASE {name}")), "no database");
        format!("postgres://postgres@127.0.0.1:{}/{name}", self.port)
    }

    /// The address of a database of that name for a role.
    pub fn address(&self, role: &str, database: &str) -> String {
        format!("postgres://{role}@127.0.0.1:{}/{database}", self.port)
    }

    /// Its port on loopback.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The folder that holds its data (`data`) and its socket, owned by the server's user.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Takes all rows out of a database that nobody uses any more, which takes less than making another one: its tables
    /// stay. What a killed process has still asked for is ended first.
    pub fn empty(&self, database: &str) {
        let ended = "SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity \
                     WHERE datname = current_database() AND pid <> pg_backend_pid()";
        let emptied = "DO $$ DECLARE name text; BEGIN \
                       SET LOCAL session_replication_role = replica; \
                       FOR name IN SELECT tablename FROM pg_tables \
                           WHERE schemaname = 'public' AND tablename <> '_sqlx_migrations' \
                       LOOP EXECUTE format('DELETE FROM public.%I', name); END LOOP; END $$";
        let (_, name) = database.rsplit_once('/').expect("an address of ours");
        assert!(self.psql_in(name, ended) && self.psql_in(name, emptied), "not emptied");
    }

    /// Freezes or thaws the whole server: it holds its connections and answers nothing, as behind a dead network.
    pub fn freeze(&self, frozen: bool) {
        let signal = if frozen { libc::SIGSTOP } else { libc::SIGCONT };
        for pid in self.processes() {
            // SAFETY: kill(2) takes two integers and touches no memory of ours.
            unsafe { libc::kill(pid, signal) };
        }
    }

    /// The server and its children, each of which has a process group of its own.
    fn processes(&self) -> Vec<i32> {
        let server = i32::try_from(self.server.id()).expect("a pid");
        let children = std::fs::read_dir("/proc").into_iter().flatten().filter_map(|entry| {
            let pid: i32 = entry.ok()?.file_name().to_str()?.parse().ok()?;
            let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
            let parent: i32 = stat.rsplit_once(')')?.1.split_whitespace().nth(1)?.parse().ok()?;
            (parent == server).then_some(pid)
        });
        std::iter::once(server).chain(children).collect()
    }

    /// Stops the server at once, as a crash does.
    pub fn crash(&mut self) {
        // SAFETY: kill(2) takes two integers and touches no memory of ours.
        unsafe { libc::kill(i32::try_from(self.server.id()).expect("a pid"), libc::SIGQUIT) };
        self.server.wait().expect("its end");
    }

    /// Starts it again on the same port with the same data.
    pub fn restart(&mut self) {
        let programs = programs().expect("PostgreSQL");
        let deadline = Instant::now() + Duration::from_secs(30);
        loop {
            let data = self.folder.path().join("data");
            self.server = Self::serve(&programs, &data, self.folder.path(), self.port, self.flags);
            if self.wait() {
                return;
            }
            // It ended at once: children of the crashed server still hold its memory.
            assert!(Instant::now() < deadline, "PostgreSQL does not start again");
        }
    }
}

/// A port that no other cluster of this process has, and nothing before one, also while that one is down.
pub fn port() -> u16 {
    static DRAWN: Mutex<BTreeSet<u16>> = Mutex::new(BTreeSet::new());
    let mut drawn = DRAWN.lock().unwrap_or_else(PoisonError::into_inner);
    loop {
        let port = rand::random_range(PORTS);
        if drawn.insert(port) {
            return port;
        }
    }
}

/// A new, empty database in the one cluster that all tests of a process share; `None` as for [`Cluster::start`].
pub fn shared_database() -> Option<String> {
    static SHARED: OnceLock<Option<Mutex<Cluster>>> = OnceLock::new();
    // The cluster must not outlive the process, whose statics are never dropped.
    extern "C" fn stop() {
        if let Some(Some(cluster)) = SHARED.get()
            && let Ok(mut cluster) = cluster.lock()
        {
            cluster.crash();
        }
    }
    let cluster = SHARED.get_or_init(|| {
        // SAFETY: atexit(3) takes a plain function.
        unsafe { libc::atexit(stop) };
        Cluster::start().map(Mutex::new)
    });
    Some(cluster.as_ref()?.lock().expect("the cluster").database())
}

/// The same where one must not be held up.
pub async fn database() -> Option<String> {
    tokio::task::spawn_blocking(shared_database).await.expect("a database")
}

impl Drop for Cluster {
    fn drop(&mut self) {
        // A frozen server would take the signal to stop only when thawed.
        self.freeze(false);
        // SAFETY: kill(2) takes two integers and touches no memory of ours.
        unsafe { libc::kill(i32::try_from(self.server.id()).expect("a pid"), libc::SIGQUIT) };
        let _ = self.server.wait();
    }
}
