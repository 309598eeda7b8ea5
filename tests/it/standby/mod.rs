//! Beyond one machine: state in PostgreSQL, a second process that takes over, a database that goes and comes.

mod afterwards;
mod connections;
mod kills;
mod moving;
mod servers;

use std::time::{Duration, Instant};

use testkit::buyer::CARD;
use testkit::{
    fakes::telegram::{Fault, On, Times},
    postgres::{Cluster, database},
    world::{Buyer, PATIENCE, World},
};
use tokio::{io::AsyncWriteExt, net::TcpStream};

/// A cluster of its own, for a test that crashes it, or ends what it finds there.
async fn cluster() -> Option<Cluster> {
    tokio::task::spawn_blocking(Cluster::start).await.expect("a cluster")
}

/// A crashed cluster that answers again.
async fn restarted(mut cluster: Cluster) -> Cluster {
    let restart = move || {
        cluster.restart();
        cluster
    };
    tokio::task::spawn_blocking(restart).await.expect("a restart")
}

async fn world_on(database: &str) -> World {
    let mut world = World::new().await;
    world.set("DATABASE_URL", database);
    world
}

/// Starts a process beside the one that leads.
async fn stands_by(standby: &mut World) {
    standby.start();
    standby.until("it waits to take over", |world| world.log().contains("waits to take over")).await;
}

/// Ends the leader's connection alone: everything else of it goes on working.
const END_LEADERSHIP: &str = "SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory' AND granted";

/// The only `getUpdates` that may run is the leader's; a conflict would be one with status 409.
fn conflicts(world: &World) -> usize {
    world.telegram.calls("getUpdates").iter().filter(|call| call.status == Some(409)).count()
}

#[tokio::test]
async fn a_second_process_takes_over_when_the_first_is_killed() {
    let Some(url) = database().await else { return };
    let mut first = world_on(&url).await;
    first.start();
    let mut ivan = first.buyer("Иван");
    ivan.begins().await;
    let mut second = first.beside();
    stands_by(&mut second).await;
    ivan.says("Иван Петров", "номер телефона").await;
    first.kill().await;
    let killed = Instant::now();
    ivan.says("8 999 123-45-67", "бюджет").await;
    let took = killed.elapsed();
    second.took(took, Duration::from_secs(15)).await;
    ivan.says("2 млн", "ссылку").await;
    ivan.says("нет", CARD).await;
    ivan.presses("submit", "принята").await;
    first.amocrm.wait_for_leads(1, PATIENCE).await;
    second.until("the note is written", |world| world.amocrm.leads()[0].notes.len() == 1).await;
    assert_eq!(first.amocrm.leads().len(), 1);
    assert_eq!(second.terminate().await, Some(0), "{}", second.log());
}

/// A request without an end, at the page that the log names; open for as long as the value lives.
async fn half_a_request(world: &World) -> TcpStream {
    world.until("the page listens", |world| world.log().contains("the web page listens addr=")).await;
    let log = world.log();
    let addr = log.rsplit("the web page listens addr=").next().and_then(|rest| rest.split_whitespace().next());
    let mut stream = TcpStream::connect(addr.expect("an address")).await.expect("a connection");
    stream.write_all(b"GET /healthz HTTP/1.1\r\nHost: a\r\n").await.expect("half a request");
    stream
}

#[tokio::test]
async fn half_a_request_to_a_standby_stops_neither_the_take_over_nor_the_end() {
    let Some(url) = database().await else { return };
    let mut first = world_on(&url).await;
    first.set("HTTP_ADDR", "127.0.0.1:0");
    first.start();
    let mut ivan = first.buyer("Иван");
    ivan.begins().await;
    let (mut second, mut third) = (first.beside(), first.beside());
    for standby in [&mut second, &mut third] {
        stands_by(standby).await;
    }
    let _held = half_a_request(&third).await;
    let asked = Instant::now();
    assert_eq!(third.terminate().await, Some(0), "{}", third.log());
    third.took(asked.elapsed(), Duration::from_secs(3)).await;
    // Anew again and again, as each is dropped after a while.
    let mut held = Vec::new();
    for _ in 0..100 {
        held.push(half_a_request(&second).await);
    }
    first.kill().await;
    let killed = Instant::now();
    held.push(half_a_request(&second).await);
    ivan.says("Иван Петров", "номер телефона").await;
    second.took(killed.elapsed(), Duration::from_secs(8)).await;
    held.push(half_a_request(&second).await);
    let asked = Instant::now();
    assert_eq!(second.terminate().await, Some(0), "{}", second.log());
    second.took(asked.elapsed(), Duration::from_secs(4)).await;
}

#[tokio::test]
async fn a_rolling_deploy_is_not_noticed() {
    let Some(url) = database().await else { return };
    let mut old = world_on(&url).await;
    old.start();
    let mut ivan = old.buyer("Иван");
    ivan.begins().await;
    let mut new = old.beside();
    stands_by(&mut new).await;
    let deployed = Instant::now();
    old.signal(libc::SIGTERM);
    ivan.says("Иван Петров", "номер телефона").await;
    let pause = deployed.elapsed();
    assert_eq!(old.ended().await, Some(0), "{}", old.log());
    ivan.says("8 999 123-45-67", "бюджет").await;
    new.took(pause, Duration::from_secs(5)).await;
    assert_eq!(conflicts(&new), 0);
    assert!(!new.log().contains("another instance"), "{}", new.log());
    assert_eq!(new.terminate().await, Some(0));
}

#[tokio::test]
async fn a_leader_whose_lock_is_gone_knows_at_once() {
    let Some(cluster) = cluster().await else { return };
    let mut first = world_on(&cluster.database()).await;
    first.start();
    let mut ivan = first.buyer("Иван");
    ivan.begins().await;
    let mut second = first.beside();
    stands_by(&mut second).await;
    assert!(cluster.psql(END_LEADERSHIP));
    ivan.says("Иван Петров", "номер телефона").await;
    first.until("the first stops", |world| world.log().contains("no longer leads")).await;
    assert!(first.log().contains("has ended the leader's connection"), "{}", first.log());
    // Whoever is quicker leads now; then the other one.
    first.until("one of them leads", |first| (first.log() + &second.log()).contains("generation=2")).await;
    let (mut leader, mut other) = if first.log().contains("generation=2") { (first, second) } else { (second, first) };
    ivan.says("8 999 123-45-67", "бюджет").await;
    leader.kill().await;
    ivan.says("2 млн", "ссылку").await;
    ivan.says("нет", CARD).await;
    ivan.presses("submit", "принята").await;
    other.amocrm.wait_for_leads(1, PATIENCE).await;
    other.until("the note is written", |world| world.amocrm.leads()[0].notes.len() == 1).await;
    assert!(other.log().contains("generation=3"), "{}", other.log());
    assert_eq!(other.amocrm.leads().len(), 1);
    assert_eq!(other.admin_has("не может сохранять"), 0, "nothing was wrong with the store");
    assert_eq!(other.terminate().await, Some(0), "{}", other.log());
}

#[tokio::test]
async fn whoever_leads_no_more_leaves_what_was_handed_over_to_its_heir() {
    let Some(cluster) = cluster().await else { return };
    let mut first = world_on(&cluster.database()).await;
    first.start();
    let mut ivan = first.buyer("Иван");
    ivan.begins().await;
    let mut second = first.beside();
    stands_by(&mut second).await;
    const ASKED: usize = 5;
    let helps = |ivan: &Buyer| ivan.has("/delete");
    let before = helps(&ivan);
    // All are answered in the store, and the first answer is under way.
    let to_ivan = On::method("sendMessage").chat(ivan.user.id);
    first.telegram.fault(to_ivan, Fault::Slow(Duration::from_secs(1)), Times::UntilCleared);
    for _ in 0..ASKED {
        ivan.user.say("/help");
    }
    first.until("all is taken", |world| world.telegram.pending().is_empty()).await;
    first.until("one is under way", |_| helps(&ivan) > before).await;
    assert!(cluster.psql(END_LEADERSHIP));
    first.until("the first stops", |world| world.log().contains("no longer leads")).await;
    second.until("all are answered", |_| helps(&ivan) >= before + ASKED).await;
    second.nothing_owed().await;
    for world in [&mut first, &mut second] {
        assert_eq!(world.terminate().await, Some(0), "{}", world.log());
    }
    // The one that was under way may be told by both, as its answer came too late for the first.
    let told = helps(&ivan) - before;
    assert!((ASKED..=ASKED + 1).contains(&told), "{told}: {}", ivan.user.transcript());
}

#[tokio::test]
async fn a_database_that_goes_and_comes_loses_nothing() {
    let Some(mut cluster) = cluster().await else { return };
    let mut world = world_on(&cluster.database()).await;
    world.start();
    let mut ivan = world.buyer("Иван");
    ivan.begins().await;
    cluster.crash();
    ivan.user.say("Иван Петров");
    let mut admin = Buyer::new(&world.telegram, world.admin.clone());
    admin.hears("не может сохранять").await;
    // The buyer's message waits at Telegram, unconfirmed.
    assert!(!world.telegram.pending().is_empty());
    let cluster = restarted(cluster).await;
    ivan.hears("номер телефона").await;
    admin.hears("снова сохраняет").await;
    ivan.says("8 999 123-45-67", "бюджет").await;
    ivan.says("2 млн", "ссылку").await;
    ivan.says("нет", CARD).await;
    ivan.presses("submit", "принята").await;
    world.amocrm.wait_for_leads(1, PATIENCE).await;
    assert_eq!(world.terminate().await, Some(0), "{}", world.log());
    drop(cluster);
}

#[tokio::test]
async fn a_database_that_hangs_is_noticed_within_ten_seconds() {
    let Some(cluster) = cluster().await else { return };
    let mut world = world_on(&cluster.database()).await;
    world.start();
    let mut ivan = world.buyer("Иван");
    ivan.begins().await;
    cluster.freeze(true);
    let frozen = Instant::now();
    ivan.user.say("Иван Петров");
    world.until("the leader steps down", |world| world.log().contains("no longer leads")).await;
    let took = frozen.elapsed();
    cluster.freeze(false);
    world.took(took, Duration::from_secs(10)).await;
    ivan.hears("номер телефона").await;
    assert_eq!(world.terminate().await, Some(0), "{}", world.log());
}

#[tokio::test]
async fn a_wiped_disk_loses_neither_forms_nor_tokens() {
    let Some(url) = database().await else { return };
    let mut first = world_on(&url).await;
    // The pair of the environment is rotated at once, so only the database knows the valid one.
    first.amocrm.expire_access_tokens();
    first.start();
    let mut ivan = first.buyer("Иван");
    ivan.begins().await;
    ivan.fills_in().await;
    ivan.presses("submit", "принята").await;
    first.amocrm.wait_for_leads(1, PATIENCE).await;
    first.until("the note is written", |world| world.amocrm.leads()[0].notes.len() == 1).await;
    assert_eq!(first.amocrm.refreshes(), 1);
    let mut maria = first.buyer("Мария");
    maria.begins().await;
    assert_eq!(first.terminate().await, Some(0), "{}", first.log());
    assert!(!first.path("refresh_token.txt").exists());
    let mut second = first.beside();
    second.start();
    maria.fills_in().await;
    maria.presses("submit", "принята").await;
    second.amocrm.wait_for_leads(2, PATIENCE).await;
    assert_eq!(second.amocrm.refreshes(), 1, "the rotated pair is found in the database");
    second.until("both notes are there", |world| world.amocrm.leads().iter().all(|lead| lead.notes.len() == 1)).await;
    second.nothing_owed().await;
    let status = second.run(&["status", "--json"]).await;
    for fact in ["\"waiting\": 0", "\"delivered_last_24h\": 2", "\"daemon_running\": true"] {
        assert!(status.stdout.contains(fact), "{fact} in {}", status.said());
    }
    assert_eq!(second.terminate().await, Some(0));
}

#[tokio::test]
async fn a_wrong_database_is_told_plainly() {
    let Some(url) = database().await else { return };
    let url = url.replace("/test_", "/missing_");
    let mut world = world_on(&url).await;
    world.start();
    assert_eq!(world.ended().await, Some(78), "{}", world.log());
    assert!(world.log().contains("DATABASE_URL"), "{}", world.log());
}
