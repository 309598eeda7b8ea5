//! The store cannot be written: buyers' messages wait at Telegram, the admin hears once, work resumes by itself.

use std::{os::unix::fs::PermissionsExt, time::Duration};

use amocrm_lead_bot::store::SQLITE_FILE;
use sqlx::{Connection, SqliteConnection};
use testkit::{
    chaos::{PATIENCE, Stage, fill_in},
    fakes::telegram::FakeUser,
};

use crate::nothing_lost::stage;

/// A user who is not root: what no rights forbid to root.
const NOBODY: u32 = 65_534;

const TROUBLE: &str = "не может сохранять";
const WORKS: &str = "снова сохраняет заявки";

/// A stage whose admin has opened the bot's chat.
async fn with_admin() -> (Stage, FakeUser) {
    let mut stage = stage().await;
    let admin = stage.telegram.user("Админ").known();
    stage.set("ADMIN_CHAT_ID", admin.id.to_string());
    (stage, admin)
}

fn times_told(admin: &FakeUser, words: &str) -> usize {
    admin.messages().iter().filter(|message| message.text.contains(words)).count()
}

#[tokio::test]
async fn a_full_disk_is_waited_out() {
    let (mut stage, admin) = with_admin().await;
    let mut command = stage.command(&[]);
    // SAFETY: signal(2) is async-signal-safe. A write past the limit then fails instead of killing the process.
    unsafe { command.pre_exec(|| ignore(libc::SIGXFSZ)) };
    stage.start_as(command);
    let ivan = stage.telegram.user("Иван");
    ivan.command("/start");
    ivan.sees("Как вас зовут").await;
    stage.telegram.wait_until_confirmed(PATIENCE).await.expect("the first message is confirmed");

    stage.limit_file_size(1);
    let confirmed = stage.telegram.confirmed();
    ivan.say("Иван Петров");
    admin.sees(TROUBLE).await;
    tokio::time::sleep(Duration::from_millis(1500)).await;
    assert_eq!(stage.telegram.confirmed(), confirmed, "the message is not confirmed\n{}", stage.story());
    assert_eq!(stage.telegram.pending().len(), 1);
    assert_eq!(times_told(&admin, TROUBLE), 1, "the admin hears once");
    assert!(stage.is_running(), "{}", stage.story());

    stage.limit_file_size(libc::RLIM_INFINITY);
    ivan.sees("номер телефона").await;
    admin.sees(WORKS).await;
    // The whole pool of connections is sound again.
    for buyer in 0..4 {
        let buyer = stage.telegram.user(&format!("Покупатель {buyer}"));
        fill_in(&stage.telegram, &buyer, "+79990000000").await.unwrap_or_else(|why| panic!("{why}\n{}", stage.story()));
    }
    let judgement = stage.settled(4).await;
    assert!(judgement.is_exactly_once(4), "{judgement}\n{}", stage.story());
    assert_eq!((times_told(&admin, TROUBLE), times_told(&admin, WORKS)), (1, 1), "{}", admin.transcript());
}

/// Fails at every commit of a lead's way in turn: whatever could not be recorded is found out afterwards.
#[tokio::test]
async fn a_disk_that_fills_up_while_leads_are_delivered_doubles_nothing() {
    let (mut stage, _) = with_admin().await;
    let mut command = stage.command(&[]);
    // SAFETY: as above.
    unsafe { command.pre_exec(|| ignore(libc::SIGXFSZ)) };
    stage.start_as(command);
    let telegram = stage.telegram.clone();
    let buyers: Vec<_> = (0..8)
        .map(|at| {
            let telegram = telegram.clone();
            tokio::spawn(async move {
                let buyer = telegram.user(&format!("Покупатель {at}"));
                for _ in 0..2 {
                    fill_in(&telegram, &buyer, &format!("+7999000001{at}")).await?;
                }
                Ok::<(), String>(())
            })
        })
        .collect();
    for round in 0..12 {
        tokio::time::sleep(Duration::from_millis(70 + 13 * round)).await;
        stage.limit_file_size(1);
        tokio::time::sleep(Duration::from_millis(60)).await;
        stage.limit_file_size(libc::RLIM_INFINITY);
    }
    for buyer in buyers {
        let filled_in = buyer.await.expect("no panic");
        filled_in.unwrap_or_else(|why| panic!("{why}\n{}", stage.story()));
    }
    let judgement = stage.settled(16).await;
    assert!(judgement.is_exactly_once(16), "{judgement}\n{}", stage.story());
}

/// Until somebody mends it nothing is taken, and what waited for amoCRM is taken from the backup file when it is mended.
#[tokio::test]
async fn a_store_that_is_no_database_at_the_start_is_told_and_waited_for() {
    let (mut stage, admin) = with_admin().await;
    stage.amocrm.goes_down();
    stage.start();
    let ivan = stage.telegram.user("Иван");
    fill_in(&stage.telegram, &ivan, "+79990000000").await.expect("a number");
    stage.until("the file holds it", |stage| stage.backup().len() == 1).await;
    stage.kill().await;
    for name in ["", "-wal", "-shm"] {
        std::fs::write(stage.path(&format!("{SQLITE_FILE}{name}")), "garbage ".repeat(1000)).expect("a write");
    }
    let anna = stage.telegram.user("Анна");
    anna.command("/start");
    stage.start();
    admin.sees(TROUBLE).await;
    assert_eq!(stage.telegram.pending().len(), 1, "the message waits at Telegram");
    for name in ["", "-wal", "-shm"] {
        // SQLite may have taken some of them away by itself.
        let _ = std::fs::remove_file(stage.path(&format!("{SQLITE_FILE}{name}")));
    }
    stage.amocrm.comes_back();
    anna.sees("Как вас зовут").await;
    let judgement = stage.settled(1).await;
    assert!(judgement.is_exactly_once(1), "{judgement}\n{}", stage.story());
}

#[tokio::test]
async fn a_store_that_is_read_only_at_the_start_is_waited_for() {
    let (mut stage, admin) = with_admin().await;
    // A first life makes the store.
    stage.start();
    stage.telegram.wait_for_poll(PATIENCE).await.expect("it takes messages");
    stage.terminate().await;

    // SQLite gives the files beside the store the rights of the store itself.
    let folder = stage.folder.path().to_owned();
    let mode = |mode| {
        for entry in std::fs::read_dir(&folder).expect("a folder").flatten() {
            if entry.file_name().to_str().is_some_and(|name| name.starts_with(SQLITE_FILE)) {
                std::fs::set_permissions(entry.path(), std::fs::Permissions::from_mode(mode)).expect("rights");
            }
        }
    };
    let mut command = stage.command(&[]);
    // SAFETY: geteuid(2) cannot fail.
    if unsafe { libc::geteuid() } == 0 {
        for entry in std::fs::read_dir(stage.folder.path()).expect("a folder").flatten() {
            std::os::unix::fs::chown(entry.path(), Some(NOBODY), Some(NOBODY)).expect("root may give files away");
        }
        std::os::unix::fs::chown(stage.folder.path(), Some(NOBODY), Some(NOBODY)).expect("root may give folders away");
        command.uid(NOBODY);
    }
    mode(0o400);
    let ivan = stage.telegram.user("Иван");
    ivan.command("/start");
    stage.start_as(command);
    admin.sees(TROUBLE).await;
    tokio::time::sleep(Duration::from_millis(500)).await;
    assert!(stage.is_running(), "{}", stage.story());
    assert_eq!(stage.telegram.pending().len(), 1, "the message waits at Telegram");

    mode(0o600);
    ivan.sees("Как вас зовут").await;
    admin.sees(WORKS).await;
    assert_eq!((times_told(&admin, TROUBLE), times_told(&admin, WORKS)), (1, 1), "{}", admin.transcript());
}

#[tokio::test]
async fn a_store_that_somebody_locks_is_waited_for() {
    let (mut stage, admin) = with_admin().await;
    stage.start();
    let ivan = stage.telegram.user("Иван");
    ivan.command("/start");
    ivan.sees("Как вас зовут").await;

    let url = format!("sqlite://{}", stage.path(SQLITE_FILE).display());
    let mut somebody = SqliteConnection::connect(&url).await.expect("the store");
    sqlx::query("BEGIN IMMEDIATE").execute(&mut somebody).await.expect("the lock");
    ivan.say("Иван Петров");
    admin.sees(TROUBLE).await;
    assert_eq!(stage.telegram.pending().len(), 1, "the message waits at Telegram");
    sqlx::query("ROLLBACK").execute(&mut somebody).await.expect("no lock any more");
    ivan.sees("номер телефона").await;
    admin.sees(WORKS).await;
}

fn ignore(signal: libc::c_int) -> std::io::Result<()> {
    // SAFETY: signal(2) with SIG_IGN runs no code of ours.
    unsafe { libc::signal(signal, libc::SIG_IGN) };
    Ok(())
}
