//! The incident, and every other way in which amoCRM fails: nothing is lost, nothing doubled, everybody is told.

use futures::{StreamExt, future::join_all, stream};
use serde_json::Value;
use testkit::{
    fakes::amocrm::{Fault, On, Throttle, Times},
    world::{BACKUP_KEYS, Buyer, PATIENCE, World},
};

/// The keys of the first entry, in the order in which they stand in the file.
fn keys_in_order(file: &str) -> Vec<String> {
    let entry = file.lines().skip_while(|line| line.trim() != "{").skip(1);
    let keys = entry.take_while(|line| !line.starts_with("  }")).filter_map(|line| line.strip_prefix("    \""));
    keys.filter_map(|line| line.split_once('"').map(|(key, _)| key.to_owned())).collect()
}

/// The refresh token was not used for three months: amoCRM answers 401 `Token has expired`.
fn tokens_expire(world: &World) {
    world.amocrm.expire_access_tokens();
    world.amocrm.expire_refresh_token();
}

/// Somebody writes new tokens into the two files, as the older tool's README says.
fn tokens_are_fixed(world: &World) {
    let (access, refresh) = world.amocrm.issue_pair();
    world.write("access_token.txt", &access);
    world.write("refresh_token.txt", &format!("{refresh}\n"));
}

#[tokio::test]
async fn expired_tokens_cost_no_lead() {
    let world = World::running().await;
    let mut ivan = world.buyer("Иван");
    tokens_expire(&world);
    let number = ivan.leaves_a_request().await;
    let saved = ivan.hears("сохранена").await;
    assert!(saved.text.contains(&number), "{}", saved.text);
    ivan.never_read_of_an_error();

    world.backup_holds(1).await;
    let entry = &world.backup()[0];
    assert_eq!(keys_in_order(&world.read("backup_leads.json"))[..7], BACKUP_KEYS);
    assert_eq!(world.mode("backup_leads.json"), 0o600);
    let timestamp = entry["timestamp"].as_str().expect("a text");
    let at = chrono::NaiveDateTime::parse_from_str(timestamp, "%Y-%m-%dT%H:%M:%S").expect("the contract's format");
    assert!((chrono::Utc::now().naive_utc() - at).num_seconds().abs() < 30, "{timestamp}");
    for (key, value) in [
        ("name", Value::from("Иван Петров")),
        ("phone", "+79991234567".into()),
        ("budget", "2,5 млн".into()),
        ("car_link", "https://fem.encar.com/cars/detail/38427498".into()),
        ("user_id", ivan.user.id.into()),
        ("status", "pending".into()),
        ("number", number.as_str().into()),
    ] {
        assert_eq!(entry[key], value, "{key}");
    }

    let alert = world.admin_reads("не попадают в amoCRM").await;
    for words in ["истёк", "Ждёт 1 заявка", "Что делать: ", "разрешите доступ"] {
        assert!(alert.contains(words), "«{words}» is not in {alert}");
    }
    world.admin_reads("копия на всякий случай").await;
    assert_eq!(world.admin_has("не попадают в amoCRM"), 1);

    tokens_are_fixed(&world);
    ivan.hears("передана менеджеру").await;
    world.delivered(&number).await;
    world.backup_holds(0).await;
    assert_eq!(world.read("backup_leads.json").trim(), "[]");
    let over = world.admin_reads("снова принимает заявки").await;
    assert!(over.contains("Передана 1 заявка, она ждала "), "{over}");
    assert_eq!((ivan.has("сохранена"), ivan.has("передана")), (1, 1));
}

#[tokio::test]
async fn fixed_tokens_are_noticed_within_thirty_seconds() {
    let mut world = World::new().await;
    // At true speed the limit is what the contract says; here it is measured in the daemon's own, shortened time.
    world.set("TEST_SPEED", "10");
    world.start();
    let mut ivan = world.buyer("Иван");
    tokens_expire(&world);
    let number = ivan.leaves_a_request().await;
    ivan.hears("сохранена").await;
    let fixed = std::time::Instant::now();
    tokens_are_fixed(&world);
    world.delivered(&number).await;
    world.took(fixed.elapsed(), std::time::Duration::from_secs(3)).await;
}

#[tokio::test]
async fn an_outage_of_many_leads_is_told_in_few_words() {
    let world = World::running().await;
    world.amocrm.goes_down();
    let mut buyers: Vec<Buyer> = (0..4).map(|at| world.buyer(&format!("Покупатель {at}"))).collect();
    let numbers = join_all(buyers.iter_mut().map(Buyer::leaves_a_request)).await;
    for buyer in &mut buyers {
        buyer.hears("сохранена").await;
    }
    world.backup_holds(4).await;
    world.amocrm.comes_back();
    for (buyer, number) in buyers.iter_mut().zip(&numbers) {
        buyer.hears("передана").await;
        world.delivered(number).await;
        assert_eq!((buyer.has("сохранена"), buyer.has("передана")), (1, 1));
    }
    world.backup_holds(0).await;
    let over = world.admin_reads("снова принимает заявки").await;
    assert!(over.contains("Переданы 4 заявки"), "{over}");
    assert_eq!(world.admin_has("снова принимает"), 1);
    assert_eq!(world.amocrm.leads().len(), 4);
}

#[tokio::test]
async fn an_outage_survives_a_kill_and_is_told_once() {
    let mut world = World::running().await;
    let mut ivan = world.buyer("Иван");
    world.amocrm.goes_down();
    let number = ivan.leaves_a_request().await;
    ivan.hears("сохранена").await;
    world.admin_reads("не попадают в amoCRM").await;
    world.nothing_owed().await;
    world.kill().await;
    world.start();
    world.backup_holds(1).await;
    world.amocrm.comes_back();
    ivan.hears("передана").await;
    world.delivered(&number).await;
    world.admin_reads("снова принимает заявки").await;
    assert_eq!((ivan.has("сохранена"), world.admin_has("Заявки не попадают")), (1, 1));
}

/// One way to fail, what the admin is told of it where it lasts, and how it ends.
struct Failure {
    name: &'static str,
    on: On,
    fault: Fault,
    trouble: &'static str,
    /// The pause after it is long, and the admin asks to try at once.
    retried_by_hand: bool,
}

fn lasting() -> Vec<Failure> {
    let everything = |name, fault, trouble| Failure { name, on: On::any("/"), fault, trouble, retried_by_hand: false };
    let mut failures = vec![
        everything("500", Fault::Status(500), "не отвечает"),
        everything("502 page", Fault::Html(502), "не отвечает"),
        everything("503", Fault::Status(503), "не отвечает"),
        everything("504 page", Fault::Html(504), "не отвечает"),
        everything("hang", Fault::Hang, "не отвечает"),
        everything("cut before", Fault::CutBefore, "не отвечает"),
        everything("garbage without effect", Fault::GarbageNoEffect, "не отвечает"),
        everything("429 page", Fault::TooManyRequests(Throttle::Html), "реже"),
        everything("429 header", Fault::TooManyRequests(Throttle::Header(2)), "реже"),
        everything("429 body", Fault::TooManyRequests(Throttle::Body(2)), "реже"),
        everything("402", Fault::Status(402), "не оплачен"),
        everything("403 problem", Fault::Status(403), "не хватает прав"),
        everything("redirect", Fault::Redirect(302), "по указанному адресу"),
        everything("404", Fault::Status(404), "по указанному адресу"),
        everything("404 page", Fault::Html(404), "не отвечает"),
    ];
    // Only the create fails, after it was stored: what amoCRM has must not be made again.
    for (name, fault) in [
        ("cut after", Fault::CutAfter),
        ("hang after", Fault::HangAfter),
        ("garbage", Fault::Garbage),
        ("500 after", Fault::StoreThen(500)),
        ("504 after", Fault::StoreThen(504)),
        ("empty 200", Fault::EmptyOk),
        ("wrong shape", Fault::WrongShape),
    ] {
        failures
            .push(Failure { name, on: On::complex(), fault, trouble: "не отвечает", retried_by_hand: false });
    }
    let page = Fault::Html(403);
    failures.push(Failure {
        name: "403 page",
        on: On::any("/"),
        fault: page,
        trouble: "заблокировала",
        retried_by_hand: true,
    });
    failures
}

/// A few worlds at a time: each has a process of its own.
async fn side_by_side(worlds: impl IntoIterator<Item = impl Future<Output = ()>>) {
    stream::iter(worlds).buffer_unordered(6).collect::<()>().await;
}

async fn survives(failure: Failure) {
    let name = failure.name;
    let mut world = World::new().await;
    world.set("TEST_SPEED", "60");
    world.start();
    let mut ivan = world.buyer(name);
    ivan.fills_in().await;
    world.amocrm.fault(failure.on, failure.fault, Times::Forever);
    let number = ivan.submits().await;
    assert!(ivan.hears("сохранена").await.text.contains(&number), "{name}");
    let alert = world.admin_reads(failure.trouble).await;
    assert!(alert.contains("не попадают в amoCRM") && alert.contains("Что делать: "), "{name}: {alert}");
    world.backup_holds(1).await;
    world.amocrm.clear_faults();
    if failure.retried_by_hand {
        world.run(&["leads", "retry"]).await.ended_with(0);
    }
    ivan.hears("передана").await;
    world.delivered(&number).await;
    world.backup_holds(0).await;
    assert_eq!(world.amocrm.leads().len(), 1, "{name}:\n{}", world.amocrm.story());
    ivan.never_read_of_an_error();
    world.admin_reads("снова принимает заявки").await;
}

#[tokio::test]
async fn whatever_fails_for_long_the_lead_arrives_once() {
    side_by_side(lasting().into_iter().map(survives)).await;
}

#[tokio::test]
async fn whatever_fails_once_the_lead_arrives_once() {
    let faults = [
        Fault::Status(500),
        Fault::Html(502),
        Fault::Hang,
        Fault::HangAfter,
        Fault::CutBefore,
        Fault::CutAfter,
        Fault::Garbage,
        Fault::GarbageNoEffect,
        Fault::EmptyOk,
        Fault::WrongShape,
        Fault::StoreThen(502),
        Fault::TooManyRequests(Throttle::Html),
        Fault::Unauthorized,
    ];
    let worlds = faults.into_iter().map(|fault| async move {
        let mut world = World::new().await;
        world.set("TEST_SPEED", "60");
        // The create and the note each fail in this way.
        world.amocrm.fault(On::complex(), fault.clone(), Times::N(1));
        world.amocrm.fault(On::post("/api/v4/leads/notes"), fault.clone(), Times::N(1));
        world.start();
        let mut ivan = world.buyer(&format!("{fault:?}"));
        let number = ivan.leaves_a_request().await;
        world.delivered(&number).await;
        world.until("nothing waits", |world| world.backup().is_empty()).await;
        assert_eq!(world.amocrm.leads().len(), 1, "{fault:?}:\n{}", world.amocrm.story());
        ivan.never_read_of_an_error();
    });
    side_by_side(worlds).await;
}

#[tokio::test]
async fn a_refused_connection_is_an_outage() {
    let world = World::running().await;
    let mut ivan = world.buyer("Иван");
    world.amocrm.stop().await;
    let number = ivan.leaves_a_request().await;
    ivan.hears("сохранена").await;
    world.backup_holds(1).await;
    world.amocrm.restart().await;
    ivan.hears("передана").await;
    world.delivered(&number).await;
    world.backup_holds(0).await;
}

#[tokio::test]
async fn an_expired_access_token_is_renewed_without_a_word() {
    let world = World::running().await;
    let mut ivan = world.buyer("Иван");
    world.amocrm.expire_access_tokens();
    let number = ivan.leaves_a_request().await;
    world.delivered(&number).await;
    assert_eq!((ivan.has("сохранена"), world.admin_has("не попадают")), (0, 0));
    assert_eq!(world.amocrm.refreshes(), 1);
    assert_eq!((world.mode("access_token.txt"), world.mode("refresh_token.txt")), (0o600, 0o600));
}

#[tokio::test]
async fn refused_data_is_kept_for_a_person() {
    let world = World::running().await;
    let mut ivan = world.buyer("Иван");
    let refused = Fault::Validation { path: "name".into(), code: "InvalidType".into() };
    world.amocrm.fault(On::complex(), refused, Times::Forever);
    let number = ivan.leaves_a_request().await;
    let alert = world.admin_reads("не принимает заявку").await;
    assert!(alert.contains(&number), "{alert}");
    world
        .until("it is marked", |world| world.backup().first().is_some_and(|entry| entry["status"] == "rejected"))
        .await;
    world.amocrm.clear_faults();
    world.run(&["leads", "retry", &number]).await.ended_with(0);
    world.delivered(&number).await;
    world.backup_holds(0).await;
    ivan.never_read_of_an_error();
}

#[tokio::test]
async fn a_buyer_who_blocked_the_bot_still_becomes_a_lead() {
    let world = World::running().await;
    let mut ivan = world.buyer("Иван");
    ivan.fills_in().await;
    world.amocrm.goes_down();
    ivan.user.press("submit").expect("the card");
    ivan.user.blocks_bot();
    world.backup_holds(1).await;
    world.amocrm.comes_back();
    world.amocrm.wait_for_leads(1, PATIENCE).await;
    world.backup_holds(0).await;
    assert_eq!(world.amocrm.leads().len(), 1);
}
