//! A request that was sent is corrected and taken back: a note and a tag on its lead, once each, whatever dies meanwhile.

use amocrm_lead_bot::fault::POINTS_OF_AMENDMENTS;
use futures::future::join_all;
use testkit::{
    fakes::amocrm::{Fault, On, StoredLead, Times},
    postgres::database,
    world::{Buyer, World},
};

use crate::main_job::forget::ARISTARKH;

fn lead(world: &World, number: &str) -> StoredLead {
    world.amocrm.lead_with_number(number).expect("the lead")
}

fn notes(world: &World, number: &str, words: &str) -> usize {
    let lead = world.amocrm.lead_with_number(number);
    lead.map_or(0, |lead| lead.notes.iter().filter(|note| note.contains(words)).count())
}

fn has_tag(world: &World, number: &str, tag: &str) -> bool {
    let lead = world.amocrm.lead_with_number(number);
    lead.is_some_and(|lead| lead.tags.iter().filter(|there| *there == tag).count() == 1)
}

/// The data of the last message's button that begins so.
fn data_of(buyer: &Buyer, beginning: &str) -> String {
    let messages = buyer.user.messages();
    let buttons = messages.last().expect("a message").buttons.iter().flatten();
    let mut data = buttons.filter_map(|button| button.data.clone()).filter(|data| data.starts_with(beginning));
    data.next().unwrap_or_else(|| panic!("no button {beginning}\n{}", buyer.user.transcript()))
}

/// Gives a new phone, up to the question whether it is right.
async fn gives_a_phone(buyer: &mut Buyer, number: &str) {
    buyer.commands("/my", "Ваши заявки").await;
    buyer.presses(&format!("my:correct:{number}"), "Что исправить?").await;
    buyer.presses(&format!("my:change:{number}:phone"), "номер телефона").await;
    buyer.says("8 912 765-43-21", "Исправить так?").await;
}

#[tokio::test]
async fn what_is_said_beside_a_correction_leaves_it_open_and_a_word_begins_the_next_request() {
    let world = World::running().await;
    let mut buyer = world.buyer("Иван");
    buyer.fills_in().await;
    // What was kept for the manager goes by its button.
    assert!(buyer.says("с люком", "Проверьте заявку").await.text.contains("с люком"));
    let card = buyer.presses("wish:drop", "Проверьте заявку").await.text;
    assert!(card.contains("Пожелания: с люком →") && !card.contains("📝"), "{card}");
    let messages = buyer.user.messages();
    let buttons = messages.last().expect("the card").buttons.iter().flatten();
    assert!(!buttons.filter_map(|button| button.data.as_deref()).any(|data| data == "wish:drop"), "nothing is left");
    let number = buyer.submits().await;
    let lead = world.delivered(&number).await;
    assert!(!lead.notes[0].contains("с люком"), "{}", lead.notes[0]);

    gives_a_phone(&mut buyer, &number).await;
    buyer.user.edit_last("8 912 765-43-22");
    buyer.hears("новым сообщением").await;
    let asked = "Исправить так?";
    assert!(buyer.user.messages().last().expect("a message").text.contains(asked), "{}", buyer.user.transcript());
    buyer.commands("/help", asked).await;
    buyer.commands("/language english", "Correct it like this?").await;
    buyer.commands("/language русский", asked).await;
    buyer.presses(&format!("my:save:{number}"), "исправлена").await;
    world.until("the note tells", |world| notes(world, &number, "Исправлено покупателем: Телефон: ") == 1).await;

    buyer.says("Новая заявка", "Вопрос 1").await;
}

#[tokio::test]
async fn a_request_is_corrected_and_then_taken_back() {
    let world = World::running().await;
    let mut buyer = world.buyer("Иван");
    let number = buyer.leaves_a_request().await;
    let before = world.delivered(&number).await;
    gives_a_phone(&mut buyer, &number).await;
    // A finger that comes down twice has corrected once.
    let save = format!("my:save:{number}");
    buyer.user.press(&save).expect("the button is there");
    buyer.user.press_raw(&save);
    buyer.hears("исправлена").await;
    world.until("it is corrected", |world| has_tag(world, &number, "исправлено")).await;
    world.until("the note tells", |world| notes(world, &number, "Исправлено покупателем: Телефон: ") == 1).await;
    let contact = |world: &World| {
        let contacts = world.amocrm.contacts();
        contacts.into_iter().find(|contact| Some(contact.id) == before.contact_id).expect("the contact")
    };
    world.until("the contact has both", |world| contact(world).phones.len() == 2).await;
    assert!(contact(&world).phones.contains(&"+79127654321".to_owned()) && contact(&world).name == "Иван Петров");
    let admin = world.admin_reads("исправил заявку").await;
    assert!(admin.contains(&number) && admin.contains("+79127654321"), "{admin}");
    // The price follows the budget, and the next correction begins with the last. Words lead there, too.
    buyer.says("Хочу исправить бюджет", "Ваши заявки").await;
    buyer.presses(&format!("my:correct:{number}"), "+79127654321").await;
    buyer.presses(&format!("my:change:{number}:budget"), "бюджет").await;
    buyer.says("3,5 млн", "Исправить так?").await;
    buyer.presses(&save, "исправлена").await;
    world.until("the price follows", |world| lead(world, &number).price == 3_500_000).await;
    world.until("the note tells", |world| notes(world, &number, "Исправлено покупателем: Бюджет: ") == 1).await;
    // Taken back by two presses, once.
    buyer.commands("/my", "Ваши заявки").await;
    buyer.presses(&format!("my:withdraw:{number}"), "Отозвать заявку").await;
    let sure = data_of(&buyer, &format!("my:withdraw:{number}:"));
    buyer.presses(&sure, "отозвана").await;
    buyer.user.press_raw(&sure);
    world.until("it is tagged", |world| has_tag(world, &number, "отозвано")).await;
    world.until("the note tells", |world| notes(world, &number, "Отозвано покупателем") == 1).await;
    world.admin_reads("отозвал заявку").await;
    let list = buyer.commands("/my", "отозвана вами").await;
    assert!(list.buttons.is_empty(), "{list:?}");
    buyer.user.press_raw(&save);
    buyer.hears("уже отозвана").await;
    // Nobody else's.
    let mut anna = world.buyer("Анна");
    anna.commands("/my", "Заявок у вас пока нет").await;
    anna.user.press_raw(&sure);
    anna.hears("кнопка от прошлого").await;
    world.nothing_owed().await;
    assert_eq!((world.amocrm.leads().len(), notes(&world, &number, "")), (1, 4));
    assert!(lead(&world, &number).notes.iter().all(|note| note.starts_with(&format!("#{number}"))));
    assert!(world.log().matches("+79127654321").count() == 0);
    buyer.never_read_of_an_error();
}

#[tokio::test]
async fn what_is_corrected_in_words_is_offered_and_of_what_was_taken_back_it_is_told() {
    let world = World::running().await;
    let mut buyer = world.buyer("Иван");
    let number = buyer.leaves_a_request().await;
    world.delivered(&number).await;
    let save = format!("my:save:{number}");
    buyer.says("Хочу изменить телефон", "Ваши заявки").await;
    let offered = buyer.says("8 912 765-43-21", "Исправить так?").await;
    assert!(offered.text.contains("+79127654321") && offered.has_button(&save), "{offered:?}");
    buyer.presses(&save, "исправлена").await;
    let offered = buyer.says("Неправильный бюджет, верный бюджет 3,5 млн", "Исправить так?").await;
    assert!(offered.has_button(&save), "{offered:?}");
    buyer.presses(&save, "исправлена").await;
    world.until("the price follows", |world| lead(world, &number).price == 3_500_000).await;
    world.until("the note tells", |world| notes(world, &number, "Исправлено покупателем: Телефон: ") == 1).await;
    buyer.commands("/my", "Ваши заявки").await;
    buyer.presses(&format!("my:withdraw:{number}"), "Отозвать заявку").await;
    buyer.presses(&data_of(&buyer, &format!("my:withdraw:{number}:")), "отозвана").await;
    world.until("it is tagged", |world| has_tag(world, &number, "отозвано")).await;
    buyer.says("где моя заявка?", "уже отозвана").await;
    world.until("it is passed on", |world| notes(world, &number, "где моя заявка?") == 1).await;
    assert_eq!(world.amocrm.leads().len(), 1);
    buyer.never_read_of_an_error();
}

#[tokio::test]
async fn what_waits_is_corrected_itself_and_still_arrives_once() {
    let world = World::running().await;
    world.amocrm.goes_down();
    let mut buyer = world.buyer("Иван");
    let first = buyer.leaves_a_request().await;
    buyer.hears("сохранена").await;
    let second = buyer.leaves_a_request().await;
    gives_a_phone(&mut buyer, &first).await;
    buyer.presses(&format!("my:save:{first}"), "исправлена").await;
    buyer.commands("/my", "Ваши заявки").await;
    buyer.presses(&format!("my:withdraw:{second}"), "Отозвать заявку").await;
    buyer.presses(&data_of(&buyer, &format!("my:withdraw:{second}:")), "отозвана").await;
    // An answer of amoCRM may come late, but not before it is asked.
    assert!(world.amocrm.leads().is_empty());
    world.amocrm.comes_back();
    for (number, tag, words) in [(&first, "исправлено", "Исправлено"), (&second, "отозвано", "Отозвано")]
    {
        world.until("it is tagged", |world| has_tag(world, number, tag)).await;
        world.until("the note tells", |world| notes(world, number, words) == 1).await;
    }
    assert_eq!(notes(&world, &first, ""), 2, "{:?}", lead(&world, &first).notes);
    world.nothing_owed().await;
    assert_eq!(world.amocrm.leads().len(), 2);
    buyer.never_read_of_an_error();
}

#[tokio::test]
async fn a_refused_tag_holds_no_note_up_and_is_told_once() {
    let mut world = World::running().await;
    let mut buyer = world.buyer("Иван");
    let number = buyer.leaves_a_request().await;
    let lead_id = world.delivered(&number).await.id;
    world.amocrm.fault(On::patch(&format!("/api/v4/leads/{lead_id}")), Fault::Status(403), Times::Forever);
    for phone in ["8 912 765-43-21", "8 912 765-43-22"] {
        buyer.commands("/my", "Ваши заявки").await;
        buyer.presses(&format!("my:correct:{number}"), "Что исправить?").await;
        buyer.presses(&format!("my:change:{number}:phone"), "номер телефона").await;
        buyer.says(phone, "Исправить так?").await;
        buyer.presses(&format!("my:save:{number}"), "исправлена").await;
    }
    world.until("both notes are there", |world| notes(world, &number, "Исправлено покупателем") == 2).await;
    world.until("the phones are there", |world| world.amocrm.contacts().iter().any(|one| one.phones.len() == 3)).await;
    world.admin_reads("не приняла тег").await;
    world.kill().await;
    world.amocrm.clear_faults();
    world.start();
    world.until("it is tagged", |world| has_tag(world, &number, "исправлено")).await;
    assert_eq!((world.admin_has("не приняла тег"), notes(&world, &number, "")), (1, 3));
}

#[tokio::test]
async fn a_lead_that_was_merged_or_deleted_meanwhile_is_followed_or_left() {
    let mut world = World::running().await;
    let (mut ivan, mut anna) = (world.buyer("Иван"), world.buyer("Анна"));
    let number = ivan.leaves_a_request().await;
    anna.answers(ARISTARKH).await;
    let gone = anna.submits().await;
    let (lead, deleted) = (world.delivered(&number).await, world.delivered(&gone).await);
    world.nothing_owed().await;
    let other = world.amocrm.add_lead("Старая сделка");
    world.amocrm.attach(other, lead.contact_id.expect("a contact"));
    world.amocrm.merge_leads(lead.id, other);
    world.amocrm.remove_lead(deleted.id);
    for (buyer, number) in [(&mut ivan, &number), (&mut anna, &gone)] {
        gives_a_phone(buyer, number).await;
        buyer.presses(&format!("my:save:{number}"), "исправлена").await;
    }
    let remains = |world: &World| {
        let leads = world.amocrm.leads();
        leads.into_iter().find(|lead| lead.id == other).expect("what remains")
    };
    world
        .until("the note is there", |world| {
            remains(world).notes.iter().any(|note| note.starts_with(&format!("#{number} Исправлено")))
        })
        .await;
    world.until("it is tagged", |world| remains(world).tags.iter().any(|tag| tag == "исправлено")).await;
    world
        .until("nothing is left to do for the other", |world| world.log().matches("was deleted in amoCRM").count() >= 2)
        .await;
    assert_eq!(world.terminate().await, Some(0));
    assert_eq!(remains(&world).notes.iter().filter(|note| note.contains("Исправлено")).count(), 1);
}

/// The daemon dies at a point of a correction.
async fn dies_at(point: &str, database: Option<String>) {
    let mut world = World::new().await;
    if let Some(database) = &database {
        world.set("DATABASE_URL", database);
    }
    world.start();
    let mut buyer = world.buyer("Иван");
    let number = buyer.leaves_a_request().await;
    world.delivered(&number).await;
    gives_a_phone(&mut buyer, &number).await;
    assert_eq!(world.terminate().await, Some(0));
    if point == "late_note.not_written_stored" {
        world.amocrm.fault(On::post("/api/v4/leads/notes"), Fault::CutAfter, Times::N(1));
    }
    world.set("TEST_KILL_AT", format!("{point}:1"));
    world.start();
    world.until("it leads again", |world| world.log().matches("taking messages").count() > 1).await;
    // On PostgreSQL a second one waits to lead, and does.
    let mut standby = database.as_ref().map(|_| {
        let mut standby = world.beside();
        standby.unset("TEST_KILL_AT");
        standby.start();
        standby
    });
    buyer.user.press(&format!("my:save:{number}")).expect("the button is there");
    assert_eq!(world.ended().await, None, "it died at {point}");
    if standby.is_none() {
        world.unset("TEST_KILL_AT");
        world.start();
    }
    let survivor = standby.as_mut().unwrap_or(&mut world);
    buyer.hears("исправлена").await;
    survivor.until(&format!("{point}: the tag is there"), |world| has_tag(world, &number, "исправлено")).await;
    survivor.until(&format!("{point}: the note is there"), |world| notes(world, &number, "Исправлено") > 0).await;
    survivor
        .until(&format!("{point}: the contact has both"), |world| {
            world.amocrm.contacts().iter().any(|contact| contact.phones.len() == 2)
        })
        .await;
    // Whatever is written twice is written before this.
    buyer.commands("/my", "Ваши заявки").await;
    assert_eq!(survivor.terminate().await, Some(0), "{point}");
    assert_eq!((notes(survivor, &number, "Исправлено"), notes(survivor, &number, "")), (1, 2), "{point}");
    assert_eq!(survivor.amocrm.leads().len(), 1, "{point}");
}

#[tokio::test]
async fn whatever_dies_meanwhile_it_is_corrected_once() {
    for points in [POINTS_OF_AMENDMENTS, &["late_note.answered", "late_note.not_written_stored"]] {
        join_all(points.iter().map(|point| dies_at(point, None))).await;
    }
}

#[tokio::test]
async fn a_second_daemon_goes_on_with_a_correction_on_postgresql() {
    for point in ["amendment.in_commit", "amendment.answered"] {
        let Some(url) = database().await else { return };
        dies_at(point, Some(url)).await;
    }
}
