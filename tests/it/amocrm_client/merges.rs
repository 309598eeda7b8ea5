//! Merged leads: the one that remains is ours, whatever amoCRM tells of it.

use super::leads::clean;
use super::*;
use amocrm_lead_bot::crm::amocrm::Whereabouts;
use testkit::fakes::amocrm::MergeEvent;

const PHONE: &str = "+79991234567";
const EVENTS: [MergeEvent; 4] =
    [MergeEvent::OfWhatRemains, MergeEvent::OfWhatIsGone, MergeEvent::NamesBoth, MergeEvent::Never];

/// An account where the buyer has an older lead, and another buyer has one, too.
async fn account_with_older_leads() -> (World, u64) {
    let world = World::with_pair().await;
    let older = |phone: &str| {
        let contact = world.fake.add_contact("Иван", &[phone]);
        let lead = world.fake.add_lead("Старая сделка");
        world.fake.attach(lead, contact);
        lead
    };
    let (older, _other) = (older(PHONE), older("+79995550000"));
    (world, older)
}

#[tokio::test]
async fn a_lead_that_takes_no_note_is_followed_to_where_it_is() {
    for shows in EVENTS {
        let (world, older) = account_with_older_leads().await;
        world.fake.merge_events(shows);
        let (crm, ivan) = (world.crm(), ivan());
        let contact_id = crm.find_contact(&ivan.phone).await.expect("looked");
        let created = crm.create_leads(&[NewLead { contact_id, ..new(&ivan) }]).await.expect("created");
        let whereabouts = async || crm.whereabouts(created[0].lead_id, &ivan, ivan.submitted_at).await.expect("looked");
        assert_eq!(whereabouts().await, Whereabouts::There);
        world.fake.merge_leads(created[0].lead_id as u64, older);
        match whereabouts().await {
            Whereabouts::MergedInto(found) => {
                assert_eq!((found.lead_id, found.contact_id), (older as i64, contact_id), "{shows:?}");
                assert_ne!(shows, MergeEvent::Never);
            }
            whereabouts => assert_eq!((whereabouts, shows), (Whereabouts::Gone, MergeEvent::Never)),
        }
    }
}

#[tokio::test]
async fn a_lead_that_was_deleted_is_gone() {
    let (world, older) = account_with_older_leads().await;
    let (crm, ivan) = (world.crm(), ivan());
    let created = crm.create_leads(&[new(&ivan)]).await.expect("created");
    world.fake.remove_lead(created[0].lead_id as u64);
    let whereabouts = crm.whereabouts(created[0].lead_id, &ivan, ivan.submitted_at).await.expect("looked");
    assert_eq!(whereabouts, Whereabouts::Gone);
    // Twice merged: into another one that was merged itself.
    world.fake.merge_events(MergeEvent::NamesBoth);
    let (first, second) = (world.fake.add_lead("Первая"), world.fake.add_lead("Вторая"));
    world.fake.merge_leads(first, second);
    world.fake.merge_leads(second, older);
    match crm.whereabouts(first as i64, &ivan, ivan.submitted_at).await.expect("looked") {
        Whereabouts::MergedInto(found) => assert_eq!(found.lead_id, older as i64),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn who_answers_in_the_place_of_amocrm_does_not_say_that_a_lead_is_gone() {
    let (world, _) = account_with_older_leads().await;
    let (crm, ivan) = (world.crm(), ivan());
    let created = crm.create_leads(&[new(&ivan)]).await.expect("created");
    let lead_id = created[0].lead_id;
    let looked = async || crm.whereabouts(lead_id, &ivan, ivan.submitted_at).await;
    let path = format!("/api/v4/leads/{lead_id}");
    let of_the_lead = || On::any(&path);
    for fault in [
        Fault::Redirect(301),
        Fault::Redirect(302),
        Fault::Html(404),
        Fault::Html(405),
        Fault::Html(413),
        Fault::Status(502),
        Fault::Garbage,
    ] {
        world.once(of_the_lead(), fault.clone());
        assert!(looked().await.is_err(), "{fault:?}");
        assert_eq!(looked().await.expect("looked"), Whereabouts::There);
    }
    // Nor does one word that it is not there, which may be of whoever stands in front.
    world.once(of_the_lead(), Fault::Status(404));
    assert_eq!(looked().await.expect("looked"), Whereabouts::There);
    // Nor does a right that was taken away.
    world.once(of_the_lead(), Fault::Status(403));
    assert_eq!(looked().await.expect("looked"), Whereabouts::There);
    // What was asked for besides is not "nothing", either.
    world.fake.remove_lead(lead_id as u64);
    for path in ["/api/v4/events", "/api/v4/contacts"] {
        world.once(On::any(path), Fault::Redirect(301));
        assert!(looked().await.is_err(), "{path}");
    }
    assert_eq!(looked().await.expect("looked"), Whereabouts::Gone);
}

#[tokio::test]
async fn a_create_that_was_lost_and_merged_is_found_in_the_other_lead() {
    for shows in EVENTS {
        let (world, older) = account_with_older_leads().await;
        world.fake.merge_events(shows);
        let (crm, ivan) = (world.crm(), ivan());
        let sent = [wanted(&ivan)];
        assert!(clean(crm.find_leads(&sent).await).is_empty(), "the buyer's older lead is not the new one");
        let contact_id = crm.find_contact(&ivan.phone).await.expect("looked");
        world.once(On::complex(), Fault::CutAfter);
        crm.create_leads(&[NewLead { contact_id, ..new(&ivan) }]).await.expect_err("lost");
        let stored = world.fake.lead_with_number("K7M2QXA").expect("stored");
        world.fake.merge_leads(stored.id, older);
        let found = clean(crm.find_leads(&sent).await);
        let found = found.get(&ivan.number).map(|found| (found.lead_id, found.contact_id));
        let expected = (shows != MergeEvent::Never).then_some((older as i64, contact_id));
        assert_eq!(found, expected, "{shows:?}");
    }
}

#[tokio::test]
async fn without_events_our_own_note_tells_where_a_lead_has_gone() {
    let (world, older) = account_with_older_leads().await;
    world.fake.fault(On::get("/api/v4/events"), Fault::Status(403), Times::Forever);
    let (crm, ivan) = (world.crm(), ivan());
    let sent = [wanted(&ivan)];
    world.fake.add_note(older, "#K7M2QXA перезвонить, покупатель назвал этот номер");
    assert!(clean(crm.find_leads(&sent).await).is_empty());
    let created = crm.create_leads(&[new(&ivan)]).await.expect("created");
    let note =
        NewNote { lead_id: created[0].lead_id, number: ivan.number.clone(), text: crm.notes_of(&new(&ivan)).remove(0) };
    crm.add_notes(&[note]).await.expect("written");
    world.fake.merge_leads(created[0].lead_id as u64, older);
    assert_eq!(clean(crm.find_leads(&sent).await)[&ivan.number].lead_id, older as i64);
    let missing = crm.missing_notes(older as i64, &ivan.number, crm.notes_of(&new(&ivan))).await;
    assert!(missing.expect("looked").is_empty());
}

#[tokio::test]
async fn a_lead_that_no_list_shows_yet_is_found_through_its_contact() {
    let world = World::with_pair().await;
    let hidden = Duration::from_secs(60);
    let (crm, ivan) = (world.crm(), ivan());
    let contact = world.fake.add_contact("Иван", &["8 (999) 123-45-67", "доб. 9991234567"]);
    world.once(On::complex(), Fault::CutAfter);
    crm.create_leads(&[NewLead { contact_id: Some(contact as i64), ..new(&ivan) }]).await.expect_err("lost");
    world.fake.events_latency(hidden);
    world.fake.fault(On::get("/api/v4/leads").exactly(), Fault::NothingFound, Times::Forever);
    let hits = clean(crm.find_leads(&[wanted(&ivan)]).await);
    assert_eq!(hits[&ivan.number].lead_id, world.fake.leads()[0].id as i64);
}
