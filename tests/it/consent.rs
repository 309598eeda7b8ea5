//! Consent to the dealer's own document: asked once in each version, proved, withdrawn.

use futures::future::join_all;
use serde_json::Value;
use testkit::buyer::CARD;
use testkit::world::{Buyer, World};

const SHA256_OF_TEXT: &str = "6d4cd9efc916322cd8416c053f7ff56e4bc640645e3b45eb1207f6e0fa4cad72";
const TEXT: &str = "# Согласие\n\nЯ даю согласие на обработку **имени и телефона**.\n";

fn settings(version: &str, document: &str) -> String {
    format!(
        "[consent]\nversion = \"{version}\"\ndocument = {{ ru = \"{document}\" }}\npolicy_url = \"https://dealer.example/policy\"\n"
    )
}

/// A daemon that asks for consent to a text.
async fn asking() -> World {
    let mut world = World::new().await;
    world.write("consent-ru.md", TEXT);
    world.write("dealer.toml", &settings("2026-12", "consent-ru.md"));
    world.start();
    world
}

async fn proof(world: &World, number: &str) -> Value {
    let ran = world.run(&["leads", "consent", number, "--json"]).await.ended_with(0);
    serde_json::from_str(&ran.stdout).expect("JSON")
}

/// Answers all questions behind the consent and sends.
async fn fills_in_after_consent(buyer: &mut Buyer) -> String {
    buyer.presses("consent:accept", "Как вас зовут").await;
    for (said, answer) in
        [("Аристарх", "номер телефона"), ("8 912 345-67-89", "бюджет"), ("2 млн", "ссылку"), ("нет", CARD)]
    {
        buyer.says(said, answer).await;
    }
    buyer.submits().await
}

#[tokio::test]
async fn a_consent_is_asked_once_proved_and_withdrawn() {
    let mut world = asking().await;
    let mut buyer = world.buyer("Аристарх");
    // All in one message, before any consent: it is told back only after the press.
    let asked = buyer.says("Аристарх, 8 912 345-67-89, до 2 млн, encar.com/cars/detail/38427499", "Отозвать").await;
    assert!(asked.has_button("consent:accept") && !asked.text.contains("912"), "{asked:?}");
    assert!(asked.text.contains("повторять его не придётся"), "{}", asked.text);
    let links: Vec<_> = asked.buttons.iter().flatten().filter_map(|button| button.url.as_deref()).collect();
    assert_eq!(links, ["https://dealer.example/policy"]);
    buyer.presses("consent:document", "имени и телефона").await;
    let asked = buyer.hears("Отозвать").await;
    assert_eq!(asked.buttons[0][0].text, "✅ Даю согласие");
    let card = buyer.presses("consent:accept", CARD).await;
    assert!(card.text.contains("+79123456789"), "{card:?}");
    let number = buyer.submits().await;
    let lead = world.delivered(&number).await;
    assert!(lead.notes[0].contains("Согласие на обработку данных: версия 2026-12, "), "{:?}", lead.notes);
    let proved = proof(&world, &number).await;
    assert_eq!((&proved["version"], &proved["document"]), (&"2026-12".into(), &"consent-ru.md".into()));
    assert_eq!(proved["document_sha256"], SHA256_OF_TEXT);
    let shown = proved["shown_text"].as_str().expect("a text");
    assert!(asked.text == shown && shown.contains("обработку персональных данных"), "{shown}");
    assert_eq!((&proved["shown_button"], &proved["language"]), (&"✅ Даю согласие".into(), &"ru".into()));
    let buttons = [
        "[✅ Даю согласие]",
        "[📄 Текст согласия]",
        "[🔒 Политика конфиденциальности](https://dealer.example/policy)",
        "[Отменить]",
    ];
    assert_eq!(proved["shown_buttons"], serde_json::json!(buttons));
    assert_eq!(proved["question_message_id"], asked.message_id);
    assert_eq!((&proved["user_id"], &proved["chat_id"]), (&buyer.user.id.into(), &buyer.user.id.into()));
    assert!(proved["press_callback_id"].is_string() && proved["given_at"].is_string() && proved["ended_at"].is_null());
    assert!(proved["bot"].as_str().is_some_and(|bot| !bot.is_empty()), "{proved}");
    // The next request is under the same consent.
    let second = buyer.leaves_a_request().await;
    world.delivered(&second).await;
    assert_eq!(proof(&world, &second).await["proof"], proved["proof"]);
    let printed = world.run(&["leads", "consent", &second]).await.ended_with(0);
    for words in ["2026-12", SHA256_OF_TEXT, "[✅ Даю согласие]", &format!("user {}", buyer.user.id)] {
        assert!(printed.stdout.contains(words), "{words}: {}", printed.said());
    }
    // A copy proves it, too; and the withdrawal leaves hashes and ids.
    let copy = world.path("copy.sqlite").display().to_string();
    world.run(&["backup-store", &copy]).await.ended_with(0);
    buyer.commands("/delete", "Удалить ваши данные").await;
    let press = buyer.user.messages().into_iter().rev().flat_map(|message| message.buttons.concat());
    let press = press.filter_map(|button| button.data).find(|data| data.starts_with("delete:1")).expect("a button");
    buyer.presses(&press, "Ваши данные удалены").await;
    let wiped = proof(&world, &number).await;
    assert!(wiped["user_id"].is_null() && wiped["chat_id"].is_null() && wiped["ended_at"].is_string(), "{wiped}");
    for kept in ["proof", "person_sha256", "document_sha256", "shown_text", "given_at", "question_message_id"] {
        assert_eq!(wiped[kept], proved[kept], "{kept}");
    }
    buyer.commands("/start", "Отозвать").await;
    let third = fills_in_after_consent(&mut buyer).await;
    world.delivered(&third).await;
    assert_ne!(proof(&world, &third).await["proof"], proved["proof"]);
    // The old copy comes back, and does not bring the person back.
    assert_eq!(world.terminate().await, Some(0));
    for tail in ["", "-wal", "-shm"] {
        let _ = std::fs::remove_file(world.path(&format!("amocrm-lead-bot.sqlite{tail}")));
    }
    std::fs::rename(&copy, world.path("amocrm-lead-bot.sqlite")).expect("put back");
    assert_eq!(proof(&world, &number).await["user_id"], proved["user_id"]);
    world.start();
    world.until("he is forgotten again", |world| world.log().contains("forgotten again")).await;
    let again = proof(&world, &number).await;
    assert!(
        again["ended_at"].is_string() && again["user_id"].is_null() && again["press_callback_id"].is_null(),
        "{again}"
    );
    buyer.never_read_of_an_error();
}

#[tokio::test]
async fn a_version_that_changes_under_a_form_is_asked_before_it_is_sent() {
    let mut world = asking().await;
    let mut buyer = world.buyer("Аристарх");
    let first = buyer.commands("/start", "Отозвать").await;
    buyer.presses("consent:accept", "Как вас зовут").await;
    for (said, answer) in [("Аристарх", "номер телефона"), ("8 912 345-67-89", "бюджет"), ("2 млн", "ссылку")]
    {
        buyer.says(said, answer).await;
    }
    buyer.says("нет", CARD).await;
    assert_eq!(world.terminate().await, Some(0));
    // A file that no text is, this time.
    std::fs::write(world.path("consent.pdf"), b"%PDF-1.7 \xff").expect("a file");
    world.write("dealer.toml", &settings("2027-01", "consent.pdf"));
    world.start();
    let asked = buyer.presses("submit", "обновился").await;
    assert!(asked.has_button("consent:accept"), "{asked:?}");
    let file = buyer.presses("consent:document", "Согласие на обработку персональных данных").await;
    let (name, content) = file.document.expect("a file");
    assert_eq!((name.as_str(), &content[..]), ("consent.pdf", b"%PDF-1.7 \xff".as_slice()));
    // The button of the first version says nothing of the second.
    buyer.user.press_on(first.message_id, "consent:accept").expect("the button is there");
    buyer.hears("от прошлого сообщения").await;
    buyer.presses("consent:accept", CARD).await;
    let number = buyer.submits().await;
    world.delivered(&number).await;
    assert_eq!(proof(&world, &number).await["version"], "2027-01");
}

/// The daemon dies at a point of the turn that the press makes.
async fn dies_at(point: &str) {
    let mut world = asking().await;
    let mut buyer = world.buyer("Аристарх");
    buyer.commands("/start", "Отозвать").await;
    assert_eq!(world.terminate().await, Some(0));
    world.set("TEST_KILL_AT", format!("{point}:1"));
    world.start();
    buyer.user.press("consent:accept").expect("the button is there");
    assert_eq!(world.ended().await, None, "it died at {point}");
    world.unset("TEST_KILL_AT");
    world.start();
    buyer.hears("Как вас зовут").await;
    for (said, answer) in [("Аристарх", "номер телефона"), ("8 912 345-67-89", "бюджет"), ("2 млн", "ссылку")]
    {
        buyer.says(said, answer).await;
    }
    buyer.says("нет", CARD).await;
    let number = buyer.submits().await;
    world.delivered(&number).await;
    assert_eq!(proof(&world, &number).await["version"], "2026-12", "{point}");
    assert_eq!(world.terminate().await, Some(0));
    let moved =
        world.run(&["move-store", "--from", "amocrm-lead-bot.sqlite", "--to", "copy.sqlite"]).await.ended_with(0);
    let line = moved.stdout.lines().find(|line| line.contains("consents")).expect("a line").to_owned();
    let counts: Vec<&str> = line.split(|sign: char| !sign.is_ascii_digit()).filter(|part| !part.is_empty()).collect();
    assert!(!counts.is_empty() && counts.iter().all(|count| *count == "1"), "{point}: one proof: {line}");
}

#[tokio::test]
async fn a_kill_around_the_press_loses_no_proof_and_doubles_none() {
    let points = ["intake.before_commit", "intake.in_commit", "intake.after_commit", "outbox.before_send"];
    join_all(points.map(dies_at)).await;
}

#[tokio::test]
async fn a_page_that_cannot_be_fetched_is_said_in_the_proof_and_to_the_admin_once() {
    let mut world = World::new().await;
    // Nobody listens there.
    world.write("dealer.toml", &settings("1", "https://127.0.0.1:9/consent"));
    world.start();
    let mut buyer = world.buyer("Аристарх");
    let asked = buyer.commands("/start", "Отозвать").await;
    let links = asked.buttons.iter().flatten().filter_map(|button| button.url.as_deref());
    assert_eq!(links.collect::<Vec<_>>(), ["https://127.0.0.1:9/consent", "https://dealer.example/policy"]);
    let number = fills_in_after_consent(&mut buyer).await;
    world.delivered(&number).await;
    let proved = proof(&world, &number).await;
    assert!(proved["document_sha256"].is_null() && proved["document"] == "https://127.0.0.1:9/consent", "{proved}");
    let printed = world.run(&["leads", "consent", &number]).await.ended_with(0);
    assert!(printed.stdout.contains("could not be fetched"), "{}", printed.said());
    let told = world.admin_reads("не открывается").await;
    assert!(told.contains("https://127.0.0.1:9/consent"), "{told}");
    assert_eq!(world.terminate().await, Some(0));
    world.start();
    let tries = |world: &World| world.log().matches("cannot be fetched").count();
    let before = tries(&world);
    world.until("it was tried again", |world| tries(world) >= before + 4).await;
    world.nothing_owed().await;
    assert_eq!(world.admin_has("не открывается"), 1);
}

#[tokio::test]
async fn whoever_was_not_asked_has_no_proof_and_is_told_why() {
    let world = World::running().await;
    let mut buyer = world.buyer("Иван");
    let number = buyer.leaves_a_request().await;
    let told = world.run(&["leads", "consent", &number]).await.ended_with(1);
    assert!(told.stderr.contains("no consent was asked") && told.stderr.contains(&number), "{}", told.said());
    let told = world.run(&["leads", "consent", "K7M2QXA"]).await.ended_with(1);
    assert!(told.stderr.contains("there is no lead #K7M2QXA"), "{}", told.said());
}
