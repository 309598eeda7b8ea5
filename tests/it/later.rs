//! What a buyer says after a request: kept, told once, and under the lead exactly once and in order, whatever dies meanwhile.

use futures::future::join_all;
use testkit::world::{Buyer, World};

/// Two minutes are a little more than a second.
const SPEED: &str = "100";

/// All that stands in the notes of these leads about what was said, in order.
fn said(world: &World, lead_ids: &[u64]) -> String {
    let leads = world.amocrm.leads().into_iter().filter(|lead| lead_ids.contains(&lead.id));
    let notes = leads.flat_map(|lead| lead.notes);
    let ours: Vec<String> = notes.filter(|note| note.contains("\nНаписано: ")).collect();
    ours.join("\n")
}

async fn running() -> World {
    let mut world = World::new().await;
    world.set("TEST_SPEED", SPEED);
    world.start();
    world
}

/// Each once, in this order.
fn in_order(all: &str, words: &[&str]) {
    let places: Vec<usize> =
        words.iter().map(|words| all.find(words).unwrap_or_else(|| panic!("{words}\n{all}"))).collect();
    assert!(places.is_sorted(), "{words:?}\n{all}");
    for words in words {
        assert_eq!(all.matches(words).count(), 1, "{words}\n{all}");
    }
}

async fn a_request(world: &World) -> (Buyer, String, u64) {
    let mut buyer = world.buyer("Иван");
    let number = buyer.leaves_a_request().await;
    let lead_id = world.delivered(&number).await.id;
    (buyer, number, lead_id)
}

#[tokio::test]
async fn whatever_is_said_or_shown_after_a_request_reaches_its_lead() {
    let world = running().await;
    let (mut buyer, number, lead_id) = a_request(&world).await;
    let told = buyer.says("а сколько стоит доставка?", "Если нужна ещё одна машина").await;
    assert!(told.button("start").is_some(), "{told:?}");
    buyer.user.say("перезвоните после 18");
    buyer.user.edit_last("перезвоните после 19");
    buyer.user.sends_photo(b"\xff\xd8\xff a scratch");
    buyer.user.sends_voice(b"OggS a voice");
    buyer.user.sticker();
    buyer.user.location();
    buyer.user.say("спасибо");
    let photo = format!("Фото ({number}-1.jpg)");
    let voice = format!("Голосовое сообщение ({number}-2.ogg)");
    let words = [
        "сколько стоит доставка?",
        "перезвоните после 18",
        "исправил сообщение: перезвоните после 19",
        photo.as_str(),
        voice.as_str(),
        "Стикер",
        "Место на карте: https://maps.google.com/?q=55.75",
        "спасибо",
    ];
    world.until("all of it is there", |world| words.iter().all(|words| said(world, &[lead_id]).contains(words))).await;
    world.until("the files are attached", |world| world.amocrm.attachments().len() == 2).await;
    in_order(&said(&world, &[lead_id]), &words);
    let notes = world.amocrm.lead_with_number(&number).expect("the lead").notes;
    let beginning = format!("#{number} ");
    assert!(notes[1].starts_with(&format!("#{number} Сообщение покупателя: а сколько")), "{notes:?}");
    assert!(notes[1..].iter().all(|note| note.starts_with(&beginning)), "{notes:?}");
    // Once an hour, which is half a minute here.
    assert!(buyer.has("Если нужна ещё одна машина") < words.len(), "{}", buyer.user.transcript());
    // A question about the request is answered, and passed on as well.
    buyer.says("где моя заявка?", "уже у менеджера").await;
    world.until("it is there", |world| said(world, &[lead_id]).contains("где моя заявка?")).await;
    // amoCRM has it a moment before the store knows.
    let mut shown = String::new();
    for _ in 0..100 {
        shown = world.run(&["leads", "show", &number]).await.said();
        if shown.contains("all passed on") {
            break;
        }
    }
    assert!(shown.contains("later:") && shown.contains("all passed on"), "{shown}");
    // A link begins a request of its own, and what is said to that is its answer.
    buyer.says("https://fem.encar.com/cars/detail/38427498", "Как вас зовут").await;
    buyer.says("Пётр", "номер телефона").await;
    world.nothing_owed().await;
    assert!(!said(&world, &[lead_id]).contains("Пётр"));
    assert_eq!(world.amocrm.leads().len(), 1);
    assert!(world.log().matches("доставка").count() == 0);
    buyer.never_read_of_an_error();
}

#[tokio::test]
async fn words_for_a_lead_that_is_closed_or_gone_go_to_where_they_are_read() {
    let world = running().await;
    let (mut buyer, number, lead_id) = a_request(&world).await;
    let contact_id = world.amocrm.lead_with_number(&number).and_then(|lead| lead.contact_id).expect("a contact");
    let open = world.amocrm.add_lead("Вторая сделка");
    world.amocrm.attach(open, contact_id);
    world.amocrm.move_lead(lead_id, 143);
    buyer.says("раз раз раз", "Если нужна ещё одна машина").await;
    world.until("it is under the open one", |world| said(world, &[open]).contains("раз раз раз")).await;
    world.amocrm.remove_lead(lead_id);
    buyer.user.say("два два два");
    world.until("it is under the open one", |world| said(world, &[open]).contains("два два два")).await;
    world.amocrm.move_lead(open, 142);
    buyer.user.say("три три три");
    let at_contact = |world: &World| world.amocrm.notes_of_contact(contact_id).join("\n");
    world.until("it is at the contact", |world| at_contact(world).contains("три три три")).await;
    assert!(at_contact(&world).starts_with(&format!("#{number} Сообщение покупателя: три")), "{}", at_contact(&world));
    world.amocrm.remove_lead(open);
    world.amocrm.remove_contact(contact_id);
    buyer.user.say("четыре четыре");
    let told = world.admin_reads("нет ни её сделки").await;
    assert!(told.contains(&number) && told.contains("четыре четыре"), "{told}");
}

#[tokio::test]
async fn what_is_said_while_the_request_waits_waits_for_it_and_goes_with_the_person() {
    let mut world = running().await;
    world.amocrm.goes_down();
    let (mut buyer, mut anna) = (world.buyer("Иван"), world.buyer("Анна"));
    let number = buyer.leaves_a_request().await;
    anna.answers(crate::main_job::forget::ARISTARKH).await;
    let given_up = anna.submits().await;
    buyer.says("перезвоните после 18", "Записал, передам менеджеру").await;
    anna.says("совсем секретно", "Записал, передам менеджеру").await;
    let status = world.run(&["status", "--json"]).await.said();
    assert!(status.contains("\"later_messages_waiting\": 2"), "{status}");
    anna.commands("/delete", "Удалить ваши данные").await;
    let delete = anna.user.messages().last().and_then(|it| it.buttons[0][0].data.clone()).expect("a button");
    anna.presses(&delete, "удалены").await;
    // Also in another store.
    assert_eq!(world.terminate().await, Some(0));
    let copy = world.path("copy.sqlite").display().to_string();
    assert_eq!(world.run(&["backup-store", &copy]).await.code, Some(0));
    std::fs::rename(&copy, world.path("amocrm-lead-bot.sqlite")).expect("the copy takes its place");
    let bytes = std::fs::read(world.path("amocrm-lead-bot.sqlite")).expect("a store");
    assert!(!String::from_utf8_lossy(&bytes).contains("совсем секретно"));
    world.amocrm.comes_back();
    world.start();
    let lead_id = world.delivered(&number).await.id;
    world.until("it is there", |world| said(world, &[lead_id]).contains("перезвоните после 18")).await;
    assert_eq!(world.terminate().await, Some(0));
    assert_eq!(said(&world, &[lead_id]).matches("перезвоните").count(), 1);
    assert!(world.amocrm.lead_with_number(&given_up).is_none());
}

/// The daemon dies at a point on the way of what is said.
async fn dies_at(point: &str) {
    let mut world = running().await;
    let (mut buyer, _, lead_id) = a_request(&world).await;
    assert_eq!(world.terminate().await, Some(0));
    world.set("TEST_KILL_AT", format!("{point}:1"));
    world.start();
    buyer.user.say("перезвоните после 18");
    buyer.user.say("или завтра");
    assert_eq!(world.ended().await, None, "it died at {point}");
    world.unset("TEST_KILL_AT");
    world.start();
    buyer.hears("Если нужна ещё одна машина").await;
    let words = ["перезвоните после 18", "или завтра"];
    world
        .until(&format!("{point}: it is there"), |world| {
            words.iter().all(|words| said(world, &[lead_id]).contains(words))
        })
        .await;
    // What is written twice is written by the time that the next is.
    buyer.user.say("и ещё вот что");
    world.until("the next is there", |world| said(world, &[lead_id]).contains("ещё вот что")).await;
    in_order(&said(&world, &[lead_id]), &["перезвоните после 18", "или завтра", "ещё вот что"]);
}

#[tokio::test]
async fn whatever_dies_meanwhile_it_is_written_once() {
    let points = ["later.in_commit", "late_note.recorded", "late_note.answered", "late_note.stored"];
    join_all(points.map(dies_at)).await;
}
