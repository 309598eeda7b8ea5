//! What amoCRM answers, understood: whose fault a refusal is, and what leads go on without.

use std::time::{Duration, Instant};

use futures::future::join_all;
use serde_json::Value;
use testkit::{
    fakes::amocrm::{Fault, On, Times, account},
    world::{Answers, Buyer, World},
};

/// So many buyers, who all press "send" when the last of them sees the card: the requests come together on a slow machine too.
async fn leave_requests(world: &World, count: usize) -> (Vec<Buyer>, Vec<String>) {
    let mut buyers: Vec<Buyer> = (0..count).map(|at| world.buyer(&format!("Покупатель {at}"))).collect();
    for buyer in &mut buyers {
        buyer.fills_in().await;
    }
    let numbers = join_all(buyers.iter_mut().map(Buyer::submits)).await;
    (buyers, numbers)
}

/// A wall answers 403 with a page whenever it sees this in a write.
fn wall(world: &World, text: &str) {
    for path in ["/api/v4/leads/complex", "/api/v4/leads/notes"] {
        world.amocrm.fault(On::post(path).containing(text), Fault::Html(403), Times::Forever);
    }
}

#[tokio::test]
async fn a_lead_that_a_wall_refuses_keeps_no_other_back() {
    let world = World::running().await;
    wall(&world, "Вредный");
    wall(&world, "(union");
    let named = |name| Answers { name, ..Answers::default() };
    let mut bad = world.buyer("Вредный");
    bad.answers(named("Вредный Иван")).await;
    let bad = bad.submits().await;
    // This one gets through in plain words.
    let mut odd = world.buyer("Странный");
    odd.answers(named("Иван (union select) Петров")).await;
    let odd = odd.submits().await;
    let start = Instant::now();
    let (_buyers, numbers) = leave_requests(&world, 5).await;
    for number in numbers.iter().chain([&odd]) {
        world.delivered(number).await;
    }
    // A minute by the daemon's clock is three seconds here; the rest is for typing.
    world.took(start.elapsed(), Duration::from_secs(20)).await;
    let told = world.admin_reads("пока не проходит в amoCRM").await;
    assert!(told.contains(&bad) && told.contains("Что можно сделать"), "{told}");
    assert_eq!(world.admin_has("не попадают в amoCRM"), 0, "it is no outage");
    let tries = world.amocrm.count(&On::complex().containing("Вредный"));
    assert!(tries < 12, "{tries} tries");
    world.amocrm.clear_faults();
    world.delivered(&bad).await;
    world.backup_holds(0).await;
}

#[tokio::test]
async fn a_block_is_still_a_block() {
    let world = World::running().await;
    world.amocrm.block();
    leave_requests(&world, 3).await;
    world.admin_reads("заблокировала").await;
    let before = world.amocrm.requests().len();
    tokio::time::sleep(Duration::from_secs(3)).await;
    let requests = world.amocrm.requests().len();
    assert!(requests <= 5 && requests - before <= 1, "{}", world.amocrm.story());
}

/// What is refused in words that name no field is never the leads' fault when it meets all of them.
async fn refuses_all(fault: Fault, alert: &str, data_is_blamed: usize) {
    let mut world = World::new().await;
    // Faster, and on a slow machine the first lead has failed three times before there are others.
    world.set("TEST_SPEED", "8");
    world.start();
    let set = world.amocrm.fault(On::complex(), fault, Times::Forever);
    let (mut buyers, numbers) = leave_requests(&world, 4).await;
    let told = world.admin_reads(alert).await;
    assert!(told.contains("не попадают в amoCRM"), "{told}");
    for buyer in &mut buyers {
        buyer.hears("сохранена").await;
    }
    // It lasts: nothing more is told.
    let hits = world.amocrm.fault_hits(set);
    world.until("it is tried again", |world| world.amocrm.fault_hits(set) > hits + 1).await;
    assert_eq!(world.admin_has("не попадают в amoCRM"), 1);
    let blamed = world.admin_has("из-за её данных");
    assert!(blamed <= data_is_blamed, "{blamed}");
    assert_eq!(world.admin_has("пока не проходит"), 0);
    world.amocrm.clear_faults();
    for number in &numbers {
        let lead = world.delivered(number).await;
        assert!(!lead.tags.is_empty(), "it goes whole: {lead:?}");
    }
    world.backup_holds(0).await;
    world.admin_reads("снова принимает заявки").await;
}

#[tokio::test]
async fn the_accounts_condition_is_one_alert_and_the_queue_goes_on_by_itself() {
    let words = "Код ошибки 244. В случае повторного возникновения ошибки, обращайтесь в нашу техническую поддержку";
    refuses_all(Fault::words(words), "закончилась подписка", 0).await;
}

#[tokio::test]
async fn three_leads_refused_alike_are_an_outage_whatever_the_words() {
    refuses_all(Fault::words("Что-то новое"), "отказывает всем", 0).await;
    let body = r#"{"title":"Unprocessable Entity","status":422,"detail":"Something else"}"#;
    refuses_all(Fault::Raw { status: 422, body: body.into() }, "отказывает всем", 0).await;
    // Here amoCRM does blame the data, of one lead after another.
    let name = Fault::Validation { path: "name".into(), code: "InvalidType".into() };
    refuses_all(name, "отказывает всем", 2).await;
}

#[tokio::test]
async fn a_system_error_is_tried_again() {
    let world = World::running().await;
    let error = r#"{"detail":"Возникла системная ошибка. Пожалуйста, повторите попытку."}"#;
    world.amocrm.fault(On::complex(), Fault::Raw { status: 400, body: error.into() }, Times::N(2));
    let (_buyers, numbers) = leave_requests(&world, 2).await;
    for number in &numbers {
        world.delivered(number).await;
    }
    world.backup_holds(0).await;
    assert_eq!((world.amocrm.leads().len(), world.admin_has("из-за её данных")), (2, 0));
}

#[tokio::test]
async fn one_lead_refused_without_a_reason_is_tried_with_less() {
    let world = World::running().await;
    let mut ivan = world.buyer("Иван");
    ivan.fills_in().await;
    let tagged = On::complex().containing("telegram_bot");
    world.amocrm.fault(tagged, Fault::words("Что-то новое"), Times::Forever);
    let number = ivan.submits().await;
    let lead = world.delivered(&number).await;
    assert!(lead.tags.is_empty() && lead.notes[0].contains("telegram_bot"), "{lead:?}");
    assert_eq!(world.admin_has("не попадают"), 0);
}

#[tokio::test]
async fn what_only_less_cures_is_told_and_later_leads_cost_one_request() {
    let world = World::running().await;
    world.amocrm.fault(On::complex().containing("telegram_bot"), Fault::words("Что-то новое"), Times::Forever);
    let mut creates = Vec::new();
    let mut buyers = Vec::new();
    for at in 0..4 {
        let mut buyer = world.buyer(&format!("Покупатель {at}"));
        let before = world.amocrm.count(&On::complex());
        let number = buyer.leaves_a_request().await;
        world.delivered(&number).await;
        creates.push(world.amocrm.count(&On::complex()) - before);
        buyers.push(buyer);
    }
    assert_eq!(creates, [2, 2, 1, 1]);
    world.admin_reads("не называя причины").await;
    assert_eq!((world.admin_has("не попадают"), world.admin_has("не называя причины")), (0, 1));
}

#[tokio::test]
async fn a_setting_that_was_changed_is_not_called_taken_again() {
    let mut world = World::new().await;
    world.set("AMOCRM_STATUS_ID", "999001");
    world.start();
    let number = world.buyer("Иван").leaves_a_request().await;
    world.delivered(&number).await;
    world.admin_reads("этапа 999001 нет").await;
    world.kill().await;
    world.set("AMOCRM_STATUS_ID", account::FIRST_STATUS.to_string());
    world.start();
    let number = world.buyer("Анна").leaves_a_request().await;
    world.delivered(&number).await;
    world.backup_holds(0).await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(world.admin_has("больше не мешает"), 0);
}

#[tokio::test]
async fn not_paid_for_some_minutes_is_not_told() {
    let world = World::running().await;
    // Nine minutes by the daemon's clock are 27 s here: a part of them will do.
    world.amocrm.fault(On::any("/api/v4"), Fault::Status(402), Times::Forever);
    let (mut buyers, numbers) = leave_requests(&world, 1).await;
    buyers[0].hears("сохранена").await;
    tokio::time::sleep(Duration::from_secs(5)).await;
    assert_eq!(world.admin_has("не попадают"), 0);
    world.amocrm.clear_faults();
    world.delivered(&numbers[0]).await;
    buyers[0].hears("передана").await;
    assert_eq!((world.admin_has("не попадают"), world.admin_has("снова принимает")), (0, 0));

    let mut world = World::new().await;
    world.set("TEST_SPEED", "300");
    world.start();
    world.amocrm.fault(On::any("/api/v4"), Fault::Status(402), Times::Forever);
    leave_requests(&world, 1).await;
    world.admin_reads("не оплачен").await;
}

#[tokio::test]
async fn what_the_settings_ask_for_in_vain_is_told_once_and_costs_one_lead_a_request() {
    let mut world = World::new().await;
    for (name, value) in [
        ("AMOCRM_PIPELINE_ID", account::MAIN_PIPELINE),
        ("AMOCRM_STATUS_ID", 999_001),
        ("AMOCRM_RESPONSIBLE_USER_ID", 999_002),
        ("AMOCRM_BUDGET_FIELD_ID", 999_003),
    ] {
        world.set(name, value.to_string());
    }
    // The account knows no kind WORK of a phone.
    world.amocrm.account(|account| {
        let phone = account.fields.iter_mut().find(|field| field.id == account::PHONE_FIELD).expect("it is there");
        phone.choices.retain(|choice| choice.value != "WORK");
    });
    world.start();
    let mut ivan = world.buyer("Иван");
    let number = ivan.leaves_a_request().await;
    let lead = world.delivered(&number).await;
    assert_eq!((lead.pipeline_id, lead.status_id), (account::MAIN_PIPELINE, account::FIRST_STATUS));
    assert_eq!(world.amocrm.contacts()[0].phones, ["+79991234567"], "the phone outlives its kind");
    let told = world.admin_reads("принимает не всё, что задано в настройках").await;
    for words in ["999001", "999002", "999003", "тип телефона", "первый этап"] {
        assert!(told.contains(words), "«{words}» is not in {told}");
    }
    let creates = world.amocrm.count(&On::complex());
    let mut olga = world.buyer("Ольга");
    olga.answers(Answers { phone: "+7 999 765-43-21", ..Answers::default() }).await;
    let number = olga.submits().await;
    world.delivered(&number).await;
    assert_eq!(world.amocrm.count(&On::complex()), creates + 1, "the next lead costs one request");
    let status = world.run(&["status", "--json"]).await.ended_with(0);
    let status: Value = serde_json::from_str(&status.stdout).expect("JSON");
    let without = status["goes_without"].as_array().expect("a list");
    assert!(without.iter().any(|one| one["setting"] == "AMOCRM_STATUS_ID=999001"), "{status}");
    let said = world.run(&["status"]).await.ended_with(0);
    assert!(said.stdout.contains("AMOCRM_RESPONSIBLE_USER_ID=999002"), "{}", said.stdout);
    world.admin.command("/status");
    world.admin_reads("Не принимается из настроек: ").await;
    assert_eq!(world.admin_has("принимает не всё"), 1);

    // Somebody restores the user; the next start tries it.
    world.amocrm.account(|account| {
        let mut user = account.users[0].clone();
        user.id = 999_002;
        account.users.push(user);
    });
    world.kill().await;
    world.start();
    let mut pyotr = world.buyer("Пётр");
    pyotr.answers(Answers { phone: "+7 999 111-22-33", ..Answers::default() }).await;
    let number = pyotr.submits().await;
    assert_eq!(world.delivered(&number).await.responsible_user_id, 999_002);
    let over = world.admin_reads("больше не мешает").await;
    assert!(over.contains("999002") && !over.contains("999001"), "{over}");
}

#[tokio::test]
async fn a_lead_that_was_deleted_before_its_note_is_delivered_and_holds_nobody_up() {
    let world = World::running().await;
    let on = On::post("/api/v4/leads/notes");
    let blocked = world.amocrm.fault(on, Fault::Status(403), Times::Forever);
    let (_buyers, numbers) = leave_requests(&world, 3).await;
    // No right to write notes keeps no lead out of amoCRM.
    world.until("all are there", |world| world.amocrm.leads().len() == 3).await;
    world.admin_reads("примечания ждут").await;
    assert_eq!(world.admin_has("не попадают в amoCRM"), 0);
    let gone = world.amocrm.lead_with_number(&numbers[1]).expect("it is there").id;
    world.amocrm.remove_lead(gone);
    world.amocrm.clear_fault(blocked);
    for number in [&numbers[0], &numbers[2]] {
        world.delivered(number).await;
    }
    world.backup_holds(0).await;
    assert_eq!((world.amocrm.leads().len(), world.admin_has("из-за её данных")), (2, 0));
    let over = world.admin_reads("больше не мешает").await;
    assert!(over.contains("примечания"), "{over}");
}

#[tokio::test]
async fn a_note_that_meets_a_redirect_is_written_all_the_same() {
    let world = World::running().await;
    // The lead is asked for as well, to see where it is.
    for on in [On::post("/api/v4/leads/notes"), On::get("/api/v4/leads/*")] {
        world.amocrm.fault(on, Fault::Redirect(301), Times::N(3));
    }
    let (_buyers, numbers) = leave_requests(&world, 1).await;
    assert_eq!(world.delivered(&numbers[0]).await.notes.len(), 1);
}
