//! The way to a PostgreSQL server: one that is down, full or itself a standby, behind a certificate or a pooler.

use std::{
    os::unix::fs::PermissionsExt,
    path::Path,
    process::{Command, Stdio},
    time::Duration,
};

use sqlx::{Connection, PgConnection};
use testkit::postgres::{Cluster, port};

use crate::standby::{
    cluster, restarted,
    servers::{leaves_a_request, own, start_on},
    world_on,
};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_is_down_and_one_that_is_full_are_waited_for_in_words() {
    let Some(mut cluster) = cluster().await else { return };
    let url = own(&cluster, "popular");
    assert!(cluster.psql("ALTER ROLE popular CONNECTION LIMIT 4"));
    cluster.crash();
    let mut world = world_on(&url).await;
    world.start();
    world.admin_reads("nobody answers").await;
    let cluster = restarted(cluster).await;
    world.admin_reads("снова сохраняет").await;
    assert_eq!(world.terminate().await, Some(0), "{}", world.log());
    let mut others = Vec::new();
    while let Ok(other) = PgConnection::connect(&url).await {
        others.push(other);
    }
    let mut world = world_on(&url).await;
    world.start();
    world.admin_reads("no free connection").await;
    assert!(world.log().contains("DATABASE_URL") && world.log().contains("it needs 4"), "{}", world.log());
    drop(others);
    world.admin_reads("снова сохраняет").await;
    leaves_a_request(&mut world, "Иван").await;
    assert_eq!(world.terminate().await, Some(0), "{}", world.log());
    drop(cluster);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_standby_server_is_waited_for_in_words() {
    let Some(mut cluster) = cluster().await else { return };
    let url = own(&cluster, "copied");
    cluster.crash();
    std::fs::write(cluster.folder().join("data/standby.signal"), "").expect("a file");
    let cluster = restarted(cluster).await;
    let mut world = world_on(&url).await;
    world.start();
    world.admin_reads("standby").await;
    assert!(world.log().contains("DATABASE_URL"), "{}", world.log());
    assert!(cluster.psql("SELECT pg_promote()"));
    world.admin_reads("снова сохраняет").await;
    leaves_a_request(&mut world, "Иван").await;
    assert_eq!(world.terminate().await, Some(0), "{}", world.log());
}

/// Runs a program quietly; `None` where it is not installed.
fn quietly(program: &str, args: &[&str], folder: &Path) -> Option<bool> {
    let ran = Command::new(program).args(args).current_dir(folder).stdin(Stdio::null()).output();
    ran.ok().map(|ran| ran.status.success())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_certificate_is_checked_or_explained() {
    let Some(cluster) = cluster().await else { return };
    let url = own(&cluster, "sealed").replace("127.0.0.1", "localhost");
    let data = cluster.folder().join("data");
    let make = |extensions: &[&str]| {
        let mut args = vec!["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost"];
        args.extend(["-keyout", "server.key", "-out", "server.crt"]);
        args.extend(extensions);
        quietly("openssl", &args, &data)
    };
    let Some(made) = make(&[]) else {
        testkit::skipped("openssl is not installed, so no certificate is tested");
        return;
    };
    assert!(made);
    let serve = || {
        let key = data.join("server.key");
        std::fs::set_permissions(&key, std::fs::Permissions::from_mode(0o600)).expect("a mode");
        let owner = std::fs::metadata(&data).expect("a folder");
        use std::os::unix::fs::MetadataExt;
        std::os::unix::fs::chown(&key, Some(owner.uid()), Some(owner.gid())).expect("an owner");
        assert!(cluster.psql("ALTER SYSTEM SET ssl = on") && cluster.psql("SELECT pg_reload_conf()"));
        std::thread::sleep(Duration::from_millis(300));
    };
    serve();
    let rooted = format!("{url}?sslmode=verify-full&sslrootcert={}", data.join("server.crt").display());
    let said = start_on(&rooted).await.ended_with(78).stderr;
    assert!(said.contains("CA:TRUE") && said.contains("CA:FALSE"), "{said}");
    let said = start_on(&format!("{url}?sslmode=verify-full")).await.ended_with(78).stderr;
    assert!(said.contains("DATABASE_URL: ") && said.contains("certificate"), "{said}");
    let mut world = world_on(&format!("{url}?sslmode=require")).await;
    assert_eq!(world.run(&["status"]).await.code, Some(0));
    // What is advised works.
    assert_eq!(
        make(&["-addext", "basicConstraints=critical,CA:FALSE", "-addext", "subjectAltName=DNS:localhost"]),
        Some(true)
    );
    serve();
    world.set("DATABASE_URL", rooted);
    world.run(&["status"]).await.ended_with(0);
}

/// A pgbouncer before a cluster; ended when dropped.
struct Pooler(std::process::Child);

impl Pooler {
    /// Starts one on a port of its own; `None` where it is not installed.
    fn start(cluster: &Cluster, port: u16, settings: &str) -> Option<Self> {
        let file = cluster.folder().join(format!("pgbouncer-{port}.ini"));
        let users = cluster.folder().join("users.txt");
        std::fs::write(&users, "\"pooled\" \"hush-hush\"\n").expect("a file");
        let lines = format!(
            "[databases]\n* = host=127.0.0.1 port={}\n[pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = {port}\n\
             unix_socket_dir =\nauth_type = trust\nauth_file = {}\n{settings}\n",
            cluster.port(),
            users.display()
        );
        std::fs::write(&file, lines).expect("a file");
        std::fs::set_permissions(&users, std::fs::Permissions::from_mode(0o644)).expect("a mode");
        let mut command = ["/usr/sbin/pgbouncer", "/usr/bin/pgbouncer"]
            .into_iter()
            .find(|path| Path::new(path).exists())
            .map(Command::new)?;
        // It refuses to run as root.
        command.args(["-u", "postgres"]).arg(&file);
        let child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().ok()?;
        for _ in 0..100 {
            if std::net::TcpStream::connect(("127.0.0.1", port)).is_ok() {
                return Some(Self(child));
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        panic!("pgbouncer does not start");
    }
}

impl Drop for Pooler {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn behind_a_pooler_there_are_sessions_or_words() {
    let Some(cluster) = cluster().await else { return };
    let url = own(&cluster, "pooled");
    let behind = |port: u16| url.replace(&format!(":{}/", cluster.port()), &format!(":{port}/"));
    let ports = [port(), port(), port()];
    const IGNORE: &str = "ignore_startup_parameters = extra_float_digits, options";
    let Some(session) = Pooler::start(&cluster, ports[0], &format!("pool_mode = session\n{IGNORE}")) else {
        testkit::skipped("pgbouncer is not installed, so nothing is tested behind it");
        return;
    };
    let mut world = world_on(&behind(ports[0])).await;
    world.start();
    leaves_a_request(&mut world, "Иван").await;
    assert_eq!(world.admin_has("не может сохранять"), 0, "{}", world.log());
    assert_eq!(world.terminate().await, Some(0), "{}", world.log());
    drop(session);
    let _transactions = Pooler::start(&cluster, ports[1], &format!("pool_mode = transaction\n{IGNORE}"));
    let said = start_on(&behind(ports[1])).await.ended_with(78).stderr;
    assert!(said.contains("pool_mode = session"), "{said}");
    let _strict = Pooler::start(&cluster, ports[2], "pool_mode = session");
    let said = start_on(&behind(ports[2])).await.ended_with(78).stderr;
    assert!(said.contains("ignore_startup_parameters"), "{said}");
}
