//! Who comes back: a known buyer's next request goes under the open lead, once, whatever dies meanwhile; or gets a lead of its own.

use amocrm_lead_bot::fault::POINTS_OF_REPEATS;
use futures::future::join_all;
use testkit::{
    fakes::amocrm::{Fault, On, StoredLead, Times},
    postgres::database,
    world::{Answers, Buyer, World, number_in},
};

const SETTINGS: &str = "[crm]\nrepeat = \"attach\"\n";
const NEW_PHONE: &str = "+79127654321";

async fn attaching() -> World {
    let mut world = World::new().await;
    world.write("dealer.toml", SETTINGS);
    world.start();
    world
}

/// The lead's own note of the request with this number, wherever it is.
fn own_notes(world: &World, number: &str) -> usize {
    let (whole, leads) = (format!("#{number}\n"), world.amocrm.leads());
    leads.iter().flat_map(|lead| &lead.notes).filter(|note| note.starts_with(&whole)).count()
}

fn lead(world: &World, id: u64) -> StoredLead {
    world.amocrm.leads().into_iter().find(|lead| lead.id == id).expect("the lead")
}

/// The tasks that tell of the request with this number, of any lead.
fn tasks(world: &World, number: &str) -> usize {
    world.amocrm.tasks().iter().filter(|task| task.text.contains(&format!("Повторная заявка #{number}:"))).count()
}

/// Under this lead stands the note of that request, with the tag and the task.
async fn is_under(world: &World, id: u64, number: &str) {
    let stands = |world: &World| {
        let lead = lead(world, id);
        let note = format!("#{number}\n");
        lead.notes.iter().any(|there| there.starts_with(&note)) && lead.tags.iter().any(|tag| tag == "повторно")
    };
    world.until(&format!("{number} is under {id}"), stands).await;
    assert_eq!((own_notes(world, number), world.amocrm.lead_with_number(number).is_none()), (1, true), "{number}");
    world.until(&format!("{number} has its task"), |world| tasks(world, number) > 0).await;
    assert_eq!(tasks(world, number), 1, "{number}");
}

async fn asks_again(buyer: &mut Buyer, phone: &'static str) -> String {
    buyer.answers(Answers { phone, ..Answers::default() }).await;
    buyer.submits().await
}

/// A request with a phone that Telegram vouches for.
async fn shares(buyer: &mut Buyer, phone: &str) {
    buyer.begins().await;
    buyer.says("Иван Петров", "номер телефона").await;
    buyer.user.share_contact(phone);
    buyer.hears("бюджет").await;
    buyer.says("2 млн", "ссылку").await;
    buyer.says("https://fem.encar.com/cars/detail/38427498", "Проверьте заявку").await;
}

#[tokio::test]
async fn a_known_buyers_next_request_goes_under_the_open_lead_as_long_as_there_is_one() {
    let world = attaching().await;
    let mut ivan = world.buyer("Иван");
    let first = ivan.leaves_a_request().await;
    let made = world.delivered(&first).await;
    let second = asks_again(&mut ivan, NEW_PHONE).await;
    is_under(&world, made.id, &second).await;
    let contact_id = made.contact_id.expect("a contact");
    let phones = |world: &World| {
        let contacts = world.amocrm.contacts();
        contacts.into_iter().find(|contact| contact.id == contact_id).expect("the contact").phones
    };
    world.until("the contact has both", |world| phones(world) == ["+79991234567", NEW_PHONE]).await;
    let shown = world.run(&["leads", "show", &second]).await.said();
    assert!(shown.contains("repeat:") && shown.contains(&format!("lead {}", made.id)), "{shown}");
    // A typed phone tells nobody: somebody else's request is a lead of its own.
    let mut anna = world.buyer("Анна");
    let hers = asks_again(&mut anna, NEW_PHONE).await;
    let hers = world.delivered(&hers).await;
    assert_eq!(hers.contact_id, Some(contact_id));
    // A correction of what stands under another request's lead changes nothing of that but its note.
    ivan.commands("/my", "Ваши заявки").await;
    ivan.presses(&format!("my:correct:{second}"), "Что исправить?").await;
    ivan.presses(&format!("my:change:{second}:budget"), "бюджет").await;
    ivan.says("3,5 млн", "Исправить так?").await;
    ivan.presses(&format!("my:save:{second}"), "исправлена").await;
    let is_corrected = |note: &String| note.starts_with(&format!("#{second} Исправлено"));
    world.until("the note tells", |world| lead(world, made.id).notes.iter().any(is_corrected)).await;
    // Of two that are open the newer of his own; what was merged is followed.
    let other = world.amocrm.add_lead("Трейд-ин");
    world.amocrm.attach(other, contact_id);
    let third = asks_again(&mut ivan, NEW_PHONE).await;
    is_under(&world, made.id, &third).await;
    world.amocrm.merge_leads(made.id, other);
    let fourth = asks_again(&mut ivan, NEW_PHONE).await;
    is_under(&world, other, &fourth).await;
    assert_eq!((lead(&world, other).price, world.amocrm.leads().len()), (0, 2));
    // Closed, in another pipeline, or too old: there is none, and the contact stays who it is.
    world.amocrm.move_lead(hers.id, 143);
    for takes_away in [
        |world: &World, id| world.amocrm.move_lead(id, 142),
        |world: &World, id| world.amocrm.is_older(id, 31),
        |world: &World, id| world.amocrm.move_to_second_pipeline(id),
        |world: &World, id| world.amocrm.remove_lead(id),
    ] {
        for open in world.amocrm.leads().iter().filter(|lead| lead.status_id != 143) {
            takes_away(&world, open.id);
        }
        let number = asks_again(&mut ivan, NEW_PHONE).await;
        let made = world.delivered(&number).await;
        assert_eq!((made.contact_id, made.tags.contains(&"повторно".to_owned())), (Some(contact_id), false));
    }
    world.until("nothing is added twice", |world| phones(world).len() == 2).await;
    assert_eq!(world.amocrm.contacts().len(), 1);
    ivan.never_read_of_an_error();
}

#[tokio::test]
async fn by_default_each_request_is_a_lead_of_the_contact_that_its_buyer_is_known_by() {
    let world = World::running().await;
    let taken = world.amocrm.add_contact("Пётр", &["89127654329"]);
    let mut ivan = world.buyer("Иван");
    let first = ivan.leaves_a_request().await;
    let first = world.delivered(&first).await;
    let number = asks_again(&mut ivan, NEW_PHONE).await;
    let made = world.delivered(&number).await;
    assert_eq!(made.contact_id, first.contact_id);
    assert!(!made.tags.contains(&"повторно".to_owned()), "{made:?}");
    // A number that somebody has in amoCRM is that one's, and a request under another name is another person's.
    let number = asks_again(&mut ivan, "8 912 765 43 29").await;
    assert_eq!(world.delivered(&number).await.contact_id, Some(taken));
    ivan.answers(Answers { name: "Анна", phone: "8 912 765 43 30", ..Answers::default() }).await;
    let hers = ivan.submits().await;
    let hers = world.delivered(&hers).await.contact_id;
    assert!(hers.is_some() && hers != first.contact_id && hers != Some(taken), "{hers:?}");
    let phones = |world: &World, id| {
        let contacts = world.amocrm.contacts();
        contacts.into_iter().find(|contact| Some(contact.id) == id).map(|contact| contact.phones)
    };
    world
        .until("the new number is added", |world| phones(world, first.contact_id).is_some_and(|it| it.len() == 2))
        .await;
    world.nothing_owed().await;
    assert_eq!(phones(&world, Some(taken)).map(|phones| phones.len()), Some(1));
    assert_eq!((world.amocrm.leads().len(), world.amocrm.contacts().len()), (4, 3));
}

#[tokio::test]
async fn two_at_once_are_one_lead_or_two_and_never_lost() {
    let world = attaching().await;
    let (mut one, mut two, mut later) = (world.buyer("Иван"), world.buyer("Ваня"), world.buyer("Иван снова"));
    shares(&mut one, "79991234567").await;
    shares(&mut two, "79991234567").await;
    one.user.press("submit").expect("the card");
    two.user.press("submit").expect("the card");
    let (first, second) = (number_in(&one.hears("принята").await.text), number_in(&two.hears("принята").await.text));
    world.until("both are there", |world| [&first, &second].iter().all(|number| own_notes(world, number) == 1)).await;
    let leads = world.amocrm.leads().len();
    assert!((1..=2).contains(&leads) && world.amocrm.contacts().len() == 1, "{:#?}", world.amocrm.leads());
    // A phone that Telegram vouches for is known, whoever has it now.
    shares(&mut later, "79991234567").await;
    let third = later.submits().await;
    world.until("it is there", |world| own_notes(world, &third) == 1).await;
    assert_eq!(world.amocrm.leads().len(), leads);
    // What one person sends while amoCRM is down is one lead then, in order.
    world.amocrm.goes_down();
    let mut anna = world.buyer("Анна");
    let before = asks_again(&mut anna, "+79031112233").await;
    let after = asks_again(&mut anna, "+79031112233").await;
    world.amocrm.comes_back();
    world.until("it is there", |world| world.amocrm.lead_with_number(&before).is_some()).await;
    let made = world.amocrm.lead_with_number(&before).expect("the lead");
    world.until("the other is there", |world| own_notes(world, &after) == 1).await;
    // Where something has gone wrong with the first one, nobody waits for it.
    let all = world.amocrm.leads();
    assert!((leads + 1..=leads + 2).contains(&all.len()), "{all:#?}");
    assert_eq!(world.amocrm.lead_with_number(&before).expect("it stays").id, made.id);
}

/// The deal is closed while nobody knows whether the note is there.
async fn is_closed_meanwhile(fault: Fault) -> (World, StoredLead, String) {
    let world = attaching().await;
    let mut ivan = world.buyer("Иван");
    let first = ivan.leaves_a_request().await;
    let made = world.delivered(&first).await;
    let notes = On::post("/api/v4/leads/notes");
    let sent = world.amocrm.count(&notes);
    world.amocrm.fault(notes.clone(), fault, Times::N(1));
    let second = asks_again(&mut ivan, NEW_PHONE).await;
    world.until("it was sent", |world| world.amocrm.count(&notes) > sent).await;
    world.amocrm.move_lead(made.id, 143);
    world.until("it is told", |world| own_notes(world, &second) == 1).await;
    (world, made, second)
}

#[tokio::test]
async fn a_deal_that_is_closed_meanwhile_keeps_the_note_that_is_there_and_gets_none_that_is_not() {
    let kept = async {
        let (world, made, second) = is_closed_meanwhile(Fault::CutAfter).await;
        is_under(&world, made.id, &second).await;
        assert_eq!(world.amocrm.leads().len(), 1);
    };
    let anew = async {
        let (world, made, second) = is_closed_meanwhile(Fault::CutBefore).await;
        let own = world.delivered(&second).await;
        assert_eq!((own.contact_id, own_notes(&world, &second)), (made.contact_id, 1));
        assert_eq!(lead(&world, made.id).notes.len(), 1);
    };
    // Nor does it stay without a place where notes cannot be written, or its lead is deleted.
    let forbidden = async {
        let world = attaching().await;
        let mut ivan = world.buyer("Иван");
        let first = ivan.leaves_a_request().await;
        world.delivered(&first).await;
        world.amocrm.fault(On::post("/api/v4/leads/notes"), Fault::Status(403), Times::Forever);
        let second = asks_again(&mut ivan, NEW_PHONE).await;
        world.until("it is there", |world| world.amocrm.lead_with_number(&second).is_some()).await;
        world.amocrm.clear_faults();
    };
    let deleted = async {
        let world = attaching().await;
        let mut ivan = world.buyer("Иван");
        let first = ivan.leaves_a_request().await;
        let made = world.delivered(&first).await;
        let notes = On::post("/api/v4/leads/notes");
        world.amocrm.fault(notes.clone(), Fault::Status(503), Times::Forever);
        let sent = world.amocrm.count(&notes);
        let second = asks_again(&mut ivan, NEW_PHONE).await;
        world.until("it was sent", |world| world.amocrm.count(&notes) > sent).await;
        world.amocrm.remove_lead(made.id);
        world.amocrm.clear_faults();
        world.delivered(&second).await;
        assert_eq!(world.amocrm.leads().len(), 1);
    };
    tokio::join!(kept, anew, forbidden, deleted);
}

/// The daemon dies at a point of a further request's way.
async fn dies_at(point: &str, database: Option<String>) {
    let mut world = World::new().await;
    world.write("dealer.toml", SETTINGS);
    if let Some(database) = &database {
        world.set("DATABASE_URL", database);
    }
    world.start();
    let mut ivan = world.buyer("Иван");
    let first = ivan.leaves_a_request().await;
    let made = world.delivered(&first).await;
    world.nothing_owed().await;
    assert_eq!(world.terminate().await, Some(0));
    let notes = On::post("/api/v4/leads/notes");
    let is_undone = point == "repeat.undone";
    match point {
        "note.uncertain_stored" | "note.read" => drop(world.amocrm.fault(notes.clone(), Fault::CutAfter, Times::N(1))),
        "repeat.undone" => drop(world.amocrm.fault(notes.clone(), Fault::CutBefore, Times::N(1))),
        _ => {}
    }
    let sent = world.amocrm.count(&notes);
    world.set("TEST_KILL_AT", format!("{point}:1"));
    world.start();
    // On PostgreSQL a second one waits to lead, and does.
    let mut standby = None;
    if database.is_some() {
        world.until("it leads again", |world| world.log().matches("taking messages").count() > 1).await;
        let mut other = world.beside();
        other.unset("TEST_KILL_AT");
        other.write("dealer.toml", SETTINGS);
        other.start();
        standby = Some(other);
    }
    ivan.answers(Answers { phone: NEW_PHONE, ..Answers::default() }).await;
    ivan.user.press("submit").expect("the card");
    if is_undone {
        world.until("it was sent", |world| world.amocrm.count(&notes) > sent).await;
        world.amocrm.move_lead(made.id, 143);
    }
    assert_eq!(world.ended().await, None, "it died at {point}");
    if standby.is_none() {
        world.unset("TEST_KILL_AT");
        world.start();
    }
    let survivor = standby.as_mut().unwrap_or(&mut world);
    let second = number_in(&ivan.hears("принята").await.text);
    let phones = |world: &World| world.amocrm.contacts().iter().map(|contact| contact.phones.len()).sum::<usize>();
    survivor.until(&format!("{point}: the contact has both"), |world| phones(world) == 2).await;
    if is_undone {
        survivor.delivered(&second).await;
    } else {
        is_under(survivor, made.id, &second).await;
    }
    survivor.nothing_owed().await;
    assert_eq!(survivor.terminate().await, Some(0), "{point}");
    let leads = survivor.amocrm.leads();
    assert_eq!((own_notes(survivor, &second), leads.len()), (1, 1 + usize::from(is_undone)), "{point}: {leads:#?}");
    assert_eq!((phones(survivor), survivor.amocrm.contacts().len()), (2, 1), "{point}");
    assert_eq!(tasks(survivor, &second), usize::from(!is_undone), "{point}");
}

#[tokio::test]
async fn whatever_dies_meanwhile_it_is_under_the_open_lead_once() {
    let of_the_note = ["note.recorded", "note.answered", "note.uncertain_stored", "note.read", "delivered.in_commit"];
    for points in [POINTS_OF_REPEATS, &of_the_note] {
        join_all(points.iter().map(|point| dies_at(point, None))).await;
    }
}

#[tokio::test]
async fn a_second_daemon_goes_on_with_it_on_postgresql() {
    for point in ["repeat.stored", "note.answered"] {
        let Some(url) = database().await else { return };
        dies_at(point, Some(url)).await;
    }
}
