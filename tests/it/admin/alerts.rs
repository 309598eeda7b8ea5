//! What the admin is told unasked: once, again at growing intervals, and when it is over.

use chrono::{DateTime, Utc};
use futures::future::join_all;
use testkit::{
    fakes::{
        amocrm::{Fault, On as OnCrm, Times as TimesCrm},
        telegram::{Fault as TelegramFault, On, Times},
    },
    world::{Buyer, PATIENCE, World},
};

use crate::admin::chat::{admin, keeps_secrets, leads_wait};

/// When the admin was sent the messages with these words.
fn told(world: &World, words: &str) -> Vec<DateTime<Utc>> {
    let messages = world.admin.messages();
    messages.iter().filter(|message| message.text.contains(words)).map(|message| message.date).collect()
}

#[tokio::test]
async fn reminders_come_at_growing_intervals() {
    const SPEED: f64 = 4000.0;
    let mut world = World::new().await;
    world.set("TEST_SPEED", SPEED.to_string());
    world.start();
    world.amocrm.goes_down();
    leads_wait(&world, 1);
    world.until("three reminders", |world| told(world, "всё ещё не попадают").len() == 3).await;
    let opened = told(&world, "⚠️ Заявки не попадают");
    assert_eq!(opened.len(), 1);
    let minutes: Vec<f64> = told(&world, "всё ещё не попадают")
        .iter()
        .map(|at| (*at - opened[0]).num_milliseconds() as f64 * SPEED / 60_000.0)
        .collect();
    // Telegram tells whole seconds, which are 67 minutes here; a busy machine is late but never early.
    for (at, due) in minutes.iter().zip([15.0, 60.0, 420.0]) {
        assert!(*at >= due - 70.0, "{minutes:?}");
    }
    let reminder = world.admin_reads("всё ещё не попадают").await;
    assert!(reminder.contains("Ждёт 1 заявка. Первая ждёт уже ") && reminder.contains("Что делать: "), "{reminder}");
}

#[tokio::test]
async fn a_backlog_that_doubles_is_told() {
    let world = World::running().await;
    world.amocrm.goes_down();
    let mut first = world.buyer("Первый");
    first.leaves_a_request().await;
    world.admin_reads("не попадают в amoCRM").await;
    let mut buyers: Vec<Buyer> = (0..4).map(|at| world.buyer(&format!("Покупатель {at}"))).collect();
    join_all(buyers[..3].iter_mut().map(Buyer::leaves_a_request)).await;
    world.backup_holds(4).await;
    // Few are not worth another message.
    assert_eq!(world.admin_has("всё ещё"), 0);
    buyers[3].leaves_a_request().await;
    let reminder = world.admin_reads("всё ещё не попадают").await;
    assert!(reminder.contains("Ждут 5 заявок"), "{reminder}");
    world.amocrm.comes_back();
    world.run(&["leads", "retry"]).await.ended_with(0);
    let over = world.admin_reads("снова принимает заявки").await;
    assert!(over.contains("Передано 5 заявок"), "{over}");
    let seen = (world.admin_has("⚠️ Заявки не попадают"), world.admin_has("всё ещё не попадают"));
    assert_eq!(seen, (1, 1), "{}\n{}", world.admin.transcript(), world.log());
}

#[tokio::test]
async fn another_trouble_during_the_outage_is_told_once() {
    let world = World::running().await;
    let mut last = world.amocrm.fault(OnCrm::any("/"), Fault::Html(502), TimesCrm::Forever);
    // Never a moment without one: a lead must not slip through.
    let mut becomes = |fault: Fault| {
        let next = world.amocrm.fault(OnCrm::any("/"), fault, TimesCrm::Forever);
        world.amocrm.clear_fault(std::mem::replace(&mut last, next));
        next
    };
    leads_wait(&world, 1);
    let mut admin = admin(&world);
    admin.hears("⚠️ Заявки не попадают в amoCRM").await;
    becomes(Fault::Status(403));
    // No waiting for the answer: the alert may come before it.
    admin.user.press("admin:retry").expect("the button");
    let changed = admin.hears("причина теперь другая").await;
    assert!(changed.text.contains("не хватает прав") && changed.text.contains("права на создание"), "{}", changed.text);
    // To and fro, as when its front falls over: no flood of messages.
    for fault in [Fault::Html(502), Fault::Status(403), Fault::Html(502)] {
        let now = becomes(fault);
        admin.commands("/retry", "отправляю").await;
        world.until("it is tried", |world| world.amocrm.fault_hits(now) > 0).await;
    }
    world.amocrm.clear_faults();
    admin.commands("/retry", "отправляю").await;
    world.admin_reads("снова принимает заявки").await;
    let seen = (admin.has("⚠️ Заявки не попадают"), admin.has("причина теперь другая"));
    assert_eq!(seen, (1, 1), "{}", admin.user.transcript());
}

#[tokio::test]
async fn an_alert_waits_for_telegram_and_survives_a_kill() {
    let mut world = World::running().await;
    let refused = On::method("sendMessage").chat(world.admin.id);
    world.telegram.fault(refused, TelegramFault::Status(502), Times::UntilCleared);
    world.amocrm.revoke_all();
    let mut ivan = world.buyer("Иван");
    let number = ivan.leaves_a_request().await;
    ivan.hears("сохранена").await;
    let tried = |call: &testkit::fakes::telegram::Call| call.params["chat_id"] == world.admin.id && call.ended;
    world.telegram.wait_for_call("sendMessage", tried, PATIENCE).await.expect("it is tried");
    world.backup_holds(1).await;
    world.kill().await;
    world.start();
    world.telegram.wait_for_poll(PATIENCE).await.expect("it is up");
    assert_eq!(world.admin.messages().len(), 0);
    world.telegram.clear_faults();
    let mut admin = admin(&world);
    let alert = admin.hears("не попадают в amoCRM").await;
    assert!(alert.text.contains("отозван") && alert.has_button("admin:auth"), "{alert:?}");
    admin.hears("копия на всякий случай").await;
    admin.commands("/auth", "Чтобы обновить доступ").await;
    admin.says(&world.amocrm.issue_code(), "Доступ к amoCRM обновлён").await;
    world.delivered(&number).await;
    world.admin_reads("снова принимает заявки").await;
    let seen = (admin.has("⚠️ Заявки не попадают"), admin.has("копия"), admin.has("снова"));
    assert_eq!(seen, (1, 1, 1), "{}\n{}", admin.user.transcript(), world.log());
}

#[tokio::test]
async fn a_chat_that_does_not_exist_yet_gets_its_alerts_with_start() {
    let mut world = World::new().await;
    let newcomer = world.telegram.user("Новый админ");
    world.set("ADMIN_CHAT_ID", newcomer.id.to_string());
    world.start();
    world.amocrm.goes_down();
    leads_wait(&world, 2);
    let tried = |call: &testkit::fakes::telegram::Call| call.params["chat_id"] == newcomer.id && call.ended;
    world.telegram.wait_for_call("sendMessage", tried, PATIENCE).await.expect("it is tried");
    world
        .until("it is put off, and all is owed", |world| {
            let log = world.log();
            log.contains("press Start") && log.contains("amoCRM still does not take leads")
        })
        .await;
    let start = std::time::Instant::now();
    let mut admin = Buyer::new(&world.telegram, newcomer.clone());
    admin.commands("/start", "⚠️ Заявки не попадают в amoCRM").await;
    admin.hears("копия на всякий случай").await;
    // What is asked for is answered at once, what is owed comes by the outbox: either may be first.
    newcomer.sees("Вы администратор").await;
    // Otherwise they would come with the next try, after five minutes (15 s here).
    world.took(start.elapsed(), std::time::Duration::from_secs(8)).await;
}

#[tokio::test]
async fn copies_come_in_groups_whole_and_can_be_switched_off() {
    let copied = async {
        let world = World::running().await;
        world.amocrm.goes_down();
        let entry = |at: usize| {
            serde_json::json!({"timestamp": "2025-09-07T10:30:00", "name": format!("{at} {}", "Ж".repeat(97)),
                "phone": format!("+799912345{at:02}"), "budget": format!("{at} {}", "б".repeat(190)),
                "car_link": format!("https://example.com/{at}/{}", "a".repeat(350)), "user_id": at, "status": "pending"})
        };
        world.write("backup_leads.json", &serde_json::Value::from((0..12).map(entry).collect::<Vec<_>>()).to_string());
        let copies = |world: &World| -> String {
            let messages = world.admin.messages();
            let copies = messages.iter().filter(|message| message.text.contains("копия на всякий случай"));
            copies.map(|message| message.text.clone()).collect()
        };
        world
            .until("all are copied", |world| {
                let text = copies(world);
                (0..12).all(|at| text.contains(&format!("+799912345{at:02}")) && text.contains(&format!("/{at}/aaa")))
            })
            .await;
        let text = copies(&world);
        assert_eq!(text.matches(&"a".repeat(350)).count(), 12, "links are cut");
        assert!(world.admin_has("копия на всякий случай") <= 4);
        let seen = world.admin_has("копия на всякий случай");
        let mut ivan = world.buyer("Иван");
        let number = ivan.leaves_a_request().await;
        ivan.hears("сохранена").await;
        world.until("the new one is copied", |world| copies(world).contains(&number)).await;
        assert_eq!(world.admin_has("копия на всякий случай"), seen + 1);
    };
    let switched_off = async {
        let mut world = World::new().await;
        world.set("ADMIN_LEAD_COPIES", "off");
        world.start();
        world.amocrm.goes_down();
        leads_wait(&world, 2);
        world.admin_reads("не попадают в amoCRM").await;
        world.amocrm.comes_back();
        world.run(&["leads", "retry"]).await.ended_with(0);
        world.admin_reads("снова принимает заявки").await;
        assert_eq!(world.admin_has("копия на всякий случай"), 0);
    };
    tokio::join!(copied, switched_off);
}

#[tokio::test]
async fn the_summary_tells_of_leads_that_are_refused() {
    let world = World::running().await;
    world.amocrm.goes_down();
    leads_wait(&world, 3);
    let mut admin = admin(&world);
    admin.hears("Ждут 3 заявки").await;
    let refused = Fault::Validation { path: "name".into(), code: "InvalidType".into() };
    let phone = "9991234501";
    world.amocrm.fault(OnCrm::complex().containing(phone), refused, TimesCrm::Forever);
    world.amocrm.comes_back();
    admin.presses("admin:retry", "отправляю").await;
    let over = world.admin_reads("снова принимает заявки").await;
    assert!(over.contains("Переданы 2 заявки, первая ждала"), "{over}");
    assert!(over.contains("Ещё 1 заявку amoCRM не принимает из-за данных: /leads"), "{over}");
    world.admin_reads("из-за её данных").await;
    keeps_secrets(&world, &[]);
}
