//! Forms that were left before the end reach amoCRM as they are, and are finished as the same request, whatever dies meanwhile.

use amocrm_lead_bot::fault::POINTS_OF_UNFINISHED;
use futures::future::join_all;
use testkit::{
    fakes::amocrm::StoredLead,
    postgres::database,
    world::{Buyer, World},
};

const SETTINGS: &str = "[unfinished]\nremind_after = \"off\"\ndeliver_after = \"1m\"\n";
const TAG: &str = "не завершена";

async fn world() -> World {
    let world = World::new().await;
    world.write("dealer.toml", SETTINGS);
    world
}

/// Answers name and phone, and leaves.
async fn leaves(buyer: &mut Buyer, phone: &str) {
    buyer.commands("/start avito", "Как вас зовут").await;
    buyer.says("Иван Петров", "номер телефона").await;
    buyer.says(phone, "бюджет").await;
}

/// Goes on where the form was left, up to the number.
async fn finishes(buyer: &mut Buyer) -> String {
    buyer.says("3,5 млн", "ссылку").await;
    buyer.says("нет", "Проверьте заявку").await;
    buyer.submits().await
}

fn only(world: &World) -> Option<StoredLead> {
    let mut leads = world.amocrm.leads();
    leads.pop().filter(|_| leads.is_empty())
}

fn notes(world: &World, words: &str) -> usize {
    only(world).map_or(0, |lead| lead.notes.iter().filter(|note| note.contains(words)).count())
}

fn is_tagged(world: &World, tag: &str) -> bool {
    only(world).is_some_and(|lead| lead.tags.iter().any(|there| there == tag))
}

#[tokio::test]
async fn a_form_that_was_left_is_sent_as_it_is_and_finished_as_the_same_request() {
    let mut world = world().await;
    world.start();
    world.admin.command("/new_leads on");
    world.admin_reads("новой заявке").await;
    let mut buyer = world.buyer("Иван");
    leaves(&mut buyer, "8 999 123-45-67").await;
    let read = buyer.user.messages().len();
    world.until("it is there", |world| is_tagged(world, TAG)).await;
    world.until("with its note", |world| notes(world, "остались вопросы: Бюджет, Ссылка") == 1).await;
    let left = only(&world).expect("one lead");
    assert!(left.name.contains("Иван Петров") && left.notes[0].contains("с кодом avito"), "{left:?}");
    assert!(left.notes[0].contains("Telegram: ") && !left.notes[0].contains("\nСсылка: нет"), "{left:?}");
    assert!(world.admin_reads("Новая заявка").await.contains(TAG));
    world.nothing_owed().await;
    // The buyer is told nothing, and has sent nothing.
    assert_eq!(buyer.user.messages().len(), read, "{}", buyer.user.transcript());
    buyer.commands("/my", "Уже записано").await;
    assert_eq!(buyer.has("у менеджера"), 0, "{}", buyer.user.transcript());
    buyer.user.sends_photo(b"a picture");
    buyer.hears("бюджет").await;
    let number = finishes(&mut buyer).await;
    assert!(left.name.starts_with(&format!("#{number} ")), "{number}: {}", left.name);
    world.until("the tag goes", |world| !is_tagged(world, TAG)).await;
    world.until("the price follows", |world| only(world).is_some_and(|lead| lead.price == 3_500_000)).await;
    world.until("the note tells", |world| notes(world, "Заявка завершена покупателем") == 1).await;
    let finished = only(&world).expect("one lead");
    let note = finished.notes.iter().find(|note| note.contains("завершена покупателем")).expect("the note");
    for line in ["Бюджет: 3,5 млн", "Ссылка: нет", "Имя: Иван Петров", "Телефон: +79991234567", "Файлы: "]
    {
        assert!(note.contains(line), "{line}: {note}");
    }
    assert!(finished.tags.contains(&"telegram_bot".to_owned()), "{:?}", finished.tags);
    assert!(world.admin_reads("завершил заявку").await.contains("3,5 млн"));
    buyer.commands("/my", &number).await;
    let shown = world.run(&["leads", "show", &number]).await.ended_with(0).stdout;
    assert!(shown.contains("file: "), "{shown}");
    // Another form is another request.
    let other = buyer.leaves_a_request().await;
    world.delivered(&other).await;
    assert_eq!(world.amocrm.leads().len(), 2);
    assert_eq!(world.amocrm.contract_violations(), Vec::<String>::new());
    buyer.never_read_of_an_error();
}

#[tokio::test]
async fn what_is_finished_before_it_was_sent_is_an_ordinary_request_and_what_is_cancelled_is_taken_back() {
    let mut world = world().await;
    world.amocrm.goes_down();
    world.start();
    let mut buyer = world.buyer("Иван");
    leaves(&mut buyer, "8 999 123-45-67").await;
    world.backup_holds(1).await;
    let entry = world.backup().remove(0);
    assert_eq!(entry["unfinished"], serde_json::json!(["Бюджет", "Ссылка"]), "{entry}");
    let listed = world.run(&["leads", "list"]).await.ended_with(0).stdout;
    assert!(listed.contains("unfinished"), "{listed}");
    assert_eq!(buyer.has("сохранена"), 0, "{}", buyer.user.transcript());
    let number = finishes(&mut buyer).await;
    buyer.hears("сохранена").await;
    world.amocrm.comes_back();
    buyer.hears("передана менеджеру").await;
    let lead = world.delivered(&number).await;
    assert!(lead.price == 3_500_000 && !lead.tags.contains(&TAG.to_owned()), "{lead:?}");
    // The other one thinks better of it.
    let mut anna = world.buyer("Анна");
    leaves(&mut anna, "8 912 765-43-21").await;
    let of_anna = |world: &World| world.amocrm.leads().into_iter().find(|other| other.id != lead.id);
    world.until("it is there", |world| of_anna(world).is_some_and(|lead| !lead.notes.is_empty())).await;
    anna.commands("/cancel", "Часть ответов уже у менеджера").await;
    world
        .until("it is taken back", |world| of_anna(world).is_some_and(|lead| lead.tags.contains(&"отозвано".into())))
        .await;
    world
        .until("the note tells", |world| {
            of_anna(world).is_some_and(|lead| lead.notes.iter().any(|note| note.contains("Отозвано покупателем")))
        })
        .await;
    world.admin_reads("отозвал заявку").await;
    anna.commands("/my", "Заявок у вас пока нет").await;
    world.nothing_owed().await;
    assert_eq!(world.amocrm.leads().len(), 2);
    buyer.never_read_of_an_error();
}

#[tokio::test]
async fn without_consent_before_the_phone_nothing_is_passed_on() {
    let mut world = world().await;
    world.set("PRIVACY_POLICY_URL", "https://dealer.example/privacy");
    world.start();
    let (mut early, mut none, mut late) = (world.buyer("Пётр"), world.buyer("Олег"), world.buyer("Иван"));
    // The phone comes first, then the consent.
    early.says("Пётр, 8 912 765-43-21, до 2 млн", "Политик").await;
    early.presses("consent:accept", "ссылку").await;
    none.says("Олег, 8 912 765-43-22, до 2 млн", "Политик").await;
    late.commands("/start", "Политик").await;
    late.presses("consent:accept", "Как вас зовут").await;
    late.says("Иван", "номер телефона").await;
    late.says("8 999 123-45-67", "бюджет").await;
    // Those who have left before were looked at by then.
    world.until("it is there", |world| notes(world, "Имя: Иван") == 1).await;
    world.nothing_owed().await;
    let lead = only(&world).expect("one lead");
    assert!(lead.name.contains("Иван") && lead.notes[0].contains("Согласие на обработку данных"), "{lead:?}");
}

/// The daemon dies at a point of the way, and the buyer finishes afterwards.
async fn dies_at(point: &str, database: Option<String>) {
    let mut world = world().await;
    if let Some(database) = &database {
        world.set("DATABASE_URL", database);
    }
    let is_finished_first = point.starts_with("amendment.");
    if !is_finished_first {
        world.set("TEST_KILL_AT", format!("{point}:1"));
    }
    world.start();
    let mut buyer = world.buyer("Иван");
    leaves(&mut buyer, "8 999 123-45-67").await;
    if is_finished_first {
        world.until("it is there", |world| is_tagged(world, TAG)).await;
        world.nothing_owed().await;
        assert_eq!(world.terminate().await, Some(0), "{point}");
        world.set("TEST_KILL_AT", format!("{point}:1"));
        world.start();
        for answer in ["3,5 млн", "нет"] {
            buyer.user.say(answer);
        }
        buyer.hears("Проверьте заявку").await;
        buyer.user.press("submit").expect("the button is there");
    }
    assert_eq!(world.ended().await, None, "it died at {point}");
    world.unset("TEST_KILL_AT");
    world.start();
    let number = match is_finished_first {
        true => testkit::world::number_in(&buyer.hears("принята").await.text),
        false => {
            world.until(&format!("{point}: it is there"), |world| is_tagged(world, TAG)).await;
            finishes(&mut buyer).await
        }
    };
    world.until(&format!("{point}: the tag goes"), |world| only(world).is_some() && !is_tagged(world, TAG)).await;
    world.until(&format!("{point}: the note tells"), |world| notes(world, "Заявка завершена покупателем") > 0).await;
    world.nothing_owed().await;
    // Whatever is written twice is written before this.
    buyer.commands("/my", &number).await;
    assert_eq!(world.terminate().await, Some(0), "{point}");
    let lead = only(&world).unwrap_or_else(|| panic!("{point}: {:?}", world.amocrm.leads()));
    assert!(lead.name.starts_with(&format!("#{number} ")) && lead.price == 3_500_000, "{point}: {lead:?}");
    assert_eq!((notes(&world, "Имя: Иван"), notes(&world, "завершена покупателем")), (2, 1), "{point}: {lead:?}");
}

#[tokio::test]
async fn whatever_dies_meanwhile_it_is_one_request() {
    let points = POINTS_OF_UNFINISHED.iter().copied().chain(["amendment.in_commit", "amendment.answered"]);
    join_all(points.map(|point| dies_at(point, None))).await;
}

#[tokio::test]
async fn whatever_dies_meanwhile_it_is_one_request_on_postgresql() {
    let Some(url) = database().await else { return };
    dies_at("unfinished.in_commit", Some(url)).await;
}
