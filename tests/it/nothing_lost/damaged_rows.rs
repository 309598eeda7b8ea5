//! Rows that cannot be read: everything beside them goes on, the admin is told once, and nobody spins.

use amocrm_lead_bot::store::SQLITE_FILE;
use sqlx::{AssertSqlSafe, Connection, Executor, Row, SqliteConnection};
use testkit::chaos::{Stage, fill_in};

use crate::nothing_lost::stage;

async fn database(stage: &Stage) -> SqliteConnection {
    let url = format!("sqlite://{}", stage.path(SQLITE_FILE).display());
    SqliteConnection::connect(&url).await.expect("the store")
}

/// Seconds of CPU that a process has used (proc(5): fields 14 and 15 of stat, in ticks of 1/100 s).
fn cpu_seconds(pid: u32) -> f64 {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).expect("a process");
    let after = stat.rsplit_once(") ").expect("a stat").1;
    let ticks: Vec<f64> = after.split(' ').skip(11).take(2).map(|field| field.parse().expect("ticks")).collect();
    ticks.iter().sum::<f64>() / 100.0
}

#[tokio::test]
async fn damaged_leads_hold_nobody_up_and_the_admin_is_told_once() {
    let mut stage = stage().await;
    let admin = stage.telegram.user("Админ").known();
    stage.set("ADMIN_CHAT_ID", admin.id.to_string());
    stage.amocrm.goes_down();
    stage.start();
    let (mut numbers, mut ids) = (Vec::new(), Vec::new());
    for at in 0..8 {
        let buyer = stage.telegram.user(&format!("Покупатель {at}"));
        let number = fill_in(&stage.telegram, &buyer, &format!("+7999000002{at}")).await.expect("a number");
        ids.push(buyer.id.to_string());
        numbers.push(number.trim_start_matches('#').to_owned());
    }
    stage.until("all are in the file", |stage| stage.backup().len() == 8).await;
    stage.kill().await;
    let mut store = database(&stage).await;
    for (number, damage) in
        numbers.iter().zip(["body = 'not json'", "state = 'paused'", "body = CAST(x'7bff7d' AS TEXT)"])
    {
        let sql = format!("UPDATE leads SET {damage} WHERE number = '{number}'");
        let done = store.execute(AssertSqlSafe(sql)).await.expect("a write");
        assert_eq!(done.rows_affected(), 1, "{number}");
    }
    store.execute("UPDATE marks SET value = x'ff'").await.expect("a write");
    store.execute("UPDATE alerts SET body = x'ff'").await.expect("a write");
    store.execute("UPDATE dialogues SET draft = x'ff', update_at = 'x'").await.expect("a write");
    store.close().await.expect("a file");

    stage.amocrm.comes_back();
    stage.start();
    for number in &numbers[..3] {
        admin.sees(number).await;
    }
    stage.until("the others are in amoCRM", |stage| stage.amocrm.leads().len() == 5).await;
    let ivan = stage.telegram.user("Покупатель новый");
    fill_in(&stage.telegram, &ivan, "+79990000030").await.unwrap_or_else(|why| panic!("{why}\n{}", stage.story()));
    stage.until("a new one, too", |stage| stage.amocrm.leads().len() == 6).await;
    let in_file =
        |stage: &Stage| stage.backup().iter().filter_map(|one| Some(one["number"].as_str()?.to_owned())).collect();
    let damaged: std::collections::BTreeSet<String> = numbers[..3].iter().cloned().collect();
    let only = |stage: &Stage| -> bool { damaged == in_file(stage) };
    stage.until("the file keeps what it says of the damaged ones, and of no other", only).await;
    assert!(stage.backup().iter().all(|one| one["phone"].as_str().is_some_and(|phone| phone.starts_with("+7999"))));

    let (before, lines) = (cpu_seconds(stage.pid()), stage.log().lines().count());
    tokio::time::sleep(std::time::Duration::from_secs(3)).await;
    let used = cpu_seconds(stage.pid()) - before;
    assert!(used < 0.9, "{used} s of CPU in 3 s\n{}", stage.story());
    assert!(stage.log().lines().count() < lines + 20, "{}", stage.story());
    for number in &numbers[..3] {
        let tells = |text: &str| text.contains("в базе бота повреждены") || text.contains("в базе бота повреждена");
        let told = admin.messages().iter().filter(|one| tells(&one.text) && one.text.contains(number)).count();
        assert_eq!(told, 1, "{number}\n{}", admin.transcript());
    }

    let said = |output: std::process::Output| String::from_utf8_lossy(&output.stdout).into_owned();
    let list = said(stage.run(&["leads", "list"]).await);
    for number in &numbers[..3] {
        assert!(list.lines().any(|line| line.contains(number) && line.contains("UNREADABLE")), "{list}");
    }
    let shown = said(stage.run(&["leads", "show", &numbers[0]]).await);
    assert!(shown.contains("not json") && shown.contains(&numbers[0]), "{shown}");
    assert!(shown.contains(&ids[0]), "{}: {shown}", ids[0]);
    assert!(said(stage.run(&["status"]).await).contains("unreadable:        3"));
    admin.command("/leads");
    admin.sees("Повреждены в базе").await;
    let discarded = stage.run(&["leads", "discard", &numbers[0], "--yes"]).await;
    assert!(discarded.status.success(), "{discarded:?}");
    assert!(!said(stage.run(&["leads", "list"]).await).contains(&numbers[0]));
    let mut store = database(&stage).await;
    let row = store.fetch_one("SELECT COUNT(*) FROM leads").await.expect("a count");
    assert_eq!(row.get::<i64, _>(0), 9, "all are kept");
}
