//! What buyers type, what amoCRM makes of it, and leads that are merged: still exactly one lead with exactly one note.

use std::time::Duration;

use amocrm_lead_bot::{
    lead::{Budget, CarLink, Lead, Name},
    store::SQLITE_FILE,
};
use serde_json::{from_value, json};
use sqlx::{Connection, Executor, SqliteConnection};
use testkit::fakes::amocrm::{Fault, On, Throttle, Times};

use crate::nothing_lost::{
    leads::{lead, rest, submit},
    virtual_time::{Ground, Life, in_virtual_time},
};

/// Names that amoCRM alters, and some that look like something else.
const NAMES: &[&str] = &[
    "Иван🚗",
    "🚗",
    "👨\u{200D}👩\u{200D}👧",
    "🚗 Иван 🚗 Петров",
    "\"Ко\" <b>Иван</b> & д'Артаньян",
    "&quot;Ко&quot; &amp;",
    "#K7M2QXA",
    "Заявка от X #K7M2QXA",
    "Иван ✅ ⚠\u{FE0F}",
    "<script>alert(1)</script>",
];

fn named(ground: &Ground, buyer: i64, at: usize, name: &str) -> Lead {
    let link = format!("https://a.b/{at}#K7M2QXA");
    Lead {
        name: Name::imported(name),
        budget: Some(Budget::imported(&format!("{name} 2 млн #K7M2QXA"))),
        car_link: from_value::<Option<CarLink>>(json!({"url": link, "typed": format!("{name} {link}")})).expect("one"),
        ..lead(ground.clock, buyer, &format!("+7999{at:07}"))
    }
}

#[test]
fn lost_answers_double_nothing_however_amocrm_alters_the_texts() {
    in_virtual_time(async {
        let ground = Ground::new().await;
        let life = Life::begin(&ground).await;
        let buyer = ground.telegram.user("Иван").known().id;
        let long = format!("Очень {}", "длинное имя 🚗".repeat(20));
        let names = NAMES.iter().copied().chain([long.as_str()]);
        let leads: Vec<Lead> = names.enumerate().map(|(at, name)| named(&ground, buyer, at, name)).collect();
        for lead in &leads {
            let number = lead.number.as_str();
            ground.amocrm.fault(On::complex().containing(number), Fault::CutAfter, Times::N(1));
            ground.amocrm.fault(On::post("/api/v4/leads/notes").containing(number), Fault::CutAfter, Times::N(1));
            submit(&life.store, lead).await;
        }
        rest(&ground, &life.store, &leads).await.expect("all delivered");
        let judgement = ground.judge();
        assert!(judgement.is_exactly_once(leads.len()), "{judgement}\n{}", ground.amocrm.story());
        let sent = ground.amocrm.requests().into_iter().filter(|request| request.method == "POST");
        for text in sent.map(|request| request.json.unwrap_or_default().to_string()) {
            assert!(!text.chars().any(|c| c > '\u{FFFF}'), "{text}");
            assert!(!text.contains("#K7M2QXA"), "{text}");
        }
    });
}

#[test]
fn a_number_in_another_buyers_words_is_not_taken_for_the_lead() {
    for fault in [Fault::Html(504), Fault::CutBefore, Fault::Status(409), Fault::Status(405), Fault::Html(408)] {
        in_virtual_time(async {
            let ground = Ground::new().await;
            let life = Life::begin(&ground).await;
            let [first, second] = ["Анна", "Борис"].map(|name| ground.telegram.user(name).known().id);
            let ours = lead(ground.clock, first, "+79991234567");
            let number = ours.number.as_str();
            ground.amocrm.fault(On::complex().containing("+79991234567"), fault.clone(), Times::N(1));
            let name = format!("Иван, заявка #{number}");
            let theirs = Lead {
                name: Name::imported(&name),
                budget: Some(Budget::imported(&format!("#{number}"))),
                ..lead(ground.clock, second, "+79995550000")
            };
            // And as version 0.1.0 would have sent it.
            let old = ground.amocrm.add_lead(&format!("Заявка от {name} #{}", "Z9Y8X7W"));
            let leads = [ours.clone(), theirs];
            for lead in &leads {
                submit(&life.store, lead).await;
            }
            rest(&ground, &life.store, &leads).await.expect("both delivered");
            ground.amocrm.remove_lead(old);
            let judgement = ground.judge();
            assert!(judgement.is_exactly_once(2), "{fault:?}: {judgement}\n{}", ground.amocrm.story());
            let stored = ground.amocrm.lead_with_number(number).expect("stored");
            assert_eq!(stored.name, format!("#{number} Заявка: Иван"));
            assert!(stored.notes[0].contains("+79991234567"), "{}", stored.notes[0]);
        });
    }
}

#[test]
fn a_lead_that_version_0_1_0_may_have_created_is_found_under_the_title_it_had() {
    in_virtual_time(async {
        let ground = Ground::new().await;
        let life = Life::begin(&ground).await;
        let buyer = ground.telegram.user("Иван").known().id;
        let names = ["Иван🚗", "<b>Иван</b> & \"Ко\"", "Иван, заявка #N7HR3T9"];
        let leads: Vec<Lead> = (0..).zip(names).map(|(at, name)| named(&ground, buyer, at, name)).collect();
        for lead in &leads {
            let number = lead.number.as_str();
            ground.amocrm.fault(On::complex().containing(number), Fault::CutBefore, Times::N(1));
            // The fake would cut it at the picture, where the number would be lost, as it was then.
            let name = lead.name.as_str().replace('🚗', "");
            let there = ground.amocrm.add_lead(&format!("Заявка от {name} #{number}"));
            ground.amocrm.add_note(there, &format!("Заявка #{number}\nИмя: {name}\nТелефон: ещё по-старому"));
            submit(&life.store, lead).await;
        }
        rest(&ground, &life.store, &leads).await.expect("all delivered");
        assert_eq!(ground.amocrm.leads().len(), leads.len(), "{}", ground.amocrm.story());
    });
}

/// Version 0.1.0 had sent it and died; amoCRM has cut the title before the number.
#[test]
fn a_lead_of_version_0_1_0_whose_number_was_cut_off_is_found_by_its_buyers_contact() {
    for (name, kept, is_ours) in [
        ("Иван🚗 Петров", "Заявка от Иван", true),
        ("\"Ко\" <b>🚗</b>", "Заявка от \"Ко\" <b>", true),
        ("🚗", "Заявка от", true),
        // Another title, and a name of which nothing is cut.
        ("Иван🚗 Петров", "Заявка от Иван Иванов", false),
        ("Иван", "Заявка от Иван", false),
    ] {
        for others_note in [false, true] {
            in_virtual_time(async {
                let ground = Ground::new().await;
                let buyer = ground.telegram.user("Иван").known().id;
                let lead = named(&ground, buyer, 7, name);
                let store = ground.store().await;
                submit(&store, &lead).await;
                let file = ground.folder.path().join(SQLITE_FILE);
                let mut rows =
                    SqliteConnection::connect(&format!("sqlite://{}", file.display())).await.expect("a store");
                // As the older version has left it.
                for sql in [
                    "UPDATE leads SET taken_at = NULL",
                    "INSERT INTO lead_steps (lead_id, step, sent_at) SELECT id, 'lead', submitted_at FROM leads",
                ] {
                    assert_eq!(rows.execute(sql).await.expect("a write").rows_affected(), 1);
                }
                rows.close().await.expect("a file");
                drop(store);
                let contact = ground.amocrm.add_contact("Иван", &[lead.phone.e164()]);
                let there = ground.amocrm.add_lead(kept);
                ground.amocrm.attach(there, contact);
                if others_note {
                    ground.amocrm.add_note(there, "Заявка #N7HR3T9\nИмя: Иван\nТелефон: +79990000007");
                }
                let life = Life::begin(&ground).await;
                rest(&ground, &life.store, std::slice::from_ref(&lead)).await.expect("delivered");
                let leads = ground.amocrm.leads();
                let is_ours = is_ours && !others_note;
                assert_eq!(leads.len(), if is_ours { 1 } else { 2 }, "{name}: {kept}\n{}", ground.amocrm.story());
                let ours = leads.last().expect("one");
                assert_eq!(ours.notes.len(), 1, "{name}: {:#?}", ours.notes);
                assert!(ours.notes[0].starts_with(&format!("#{}\n", lead.number)), "{name}: {}", ours.notes[0]);
            });
        }
    }
}

/// The same title in a store that never was an older version's is a person's own deal.
#[test]
fn a_deal_that_only_looks_like_a_cut_title_is_no_lead_of_this_version() {
    in_virtual_time(async {
        let ground = Ground::new().await;
        let life = Life::begin(&ground).await;
        let buyer = ground.telegram.user("Иван").known().id;
        let lead = named(&ground, buyer, 7, "Иван🚗");
        let contact = ground.amocrm.add_contact("Иван", &[lead.phone.e164()]);
        let there = ground.amocrm.add_lead("Заявка от Иван");
        ground.amocrm.attach(there, contact);
        ground.amocrm.fault(On::complex(), Fault::CutBefore, Times::N(1));
        submit(&life.store, &lead).await;
        rest(&ground, &life.store, std::slice::from_ref(&lead)).await.expect("delivered");
        assert_eq!(ground.amocrm.leads().len(), 2, "{}", ground.amocrm.story());
        assert!(ground.judge().is_exactly_once(1), "{}", ground.judge());
    });
}

/// What goes wrong, and when the lead is merged into the buyer's older one.
#[derive(Debug, Clone, Copy)]
enum Merge {
    /// Duplicates control answers the create with the older lead.
    AtOnce,
    /// The answer is lost, and the lead is merged before it is looked up.
    AfterALostAnswer,
    /// Before its note is written.
    BeforeTheNote,
}

#[test]
fn a_merged_lead_is_neither_made_again_nor_left_without_its_note() {
    for merge in [Merge::AtOnce, Merge::AfterALostAnswer, Merge::BeforeTheNote] {
        in_virtual_time(async {
            let ground = Ground::new().await;
            let life = Life::begin(&ground).await;
            let buyer = ground.telegram.user("Иван").known().id;
            let contact = ground.amocrm.add_contact("Иван", &["+79991234567"]);
            let older = ground.amocrm.add_lead("Старая сделка");
            ground.amocrm.attach(older, contact);
            let creates = On::complex();
            match merge {
                Merge::AtOnce => ground.amocrm.duplicate_control(true),
                Merge::AfterALostAnswer => {
                    ground.amocrm.fault(creates.clone(), Fault::CutAfter, Times::N(1));
                }
                Merge::BeforeTheNote => {
                    let pause = Fault::TooManyRequests(Throttle::Header(20));
                    ground.amocrm.fault(On::post("/api/v4/leads/notes"), pause, Times::N(1));
                }
            }
            let leads = [lead(ground.clock, buyer, "+79991234567")];
            submit(&life.store, &leads[0]).await;
            if !matches!(merge, Merge::AtOnce) {
                while ground.amocrm.leads().len() < 2 {
                    tokio::time::sleep(Duration::from_millis(100)).await;
                }
                ground.amocrm.merge_leads(ground.amocrm.leads()[1].id, older);
            }
            rest(&ground, &life.store, &leads).await.unwrap_or_else(|why| panic!("{merge:?}: {why}"));
            let stored = ground.amocrm.leads();
            assert_eq!(stored.iter().map(|lead| lead.id).collect::<Vec<_>>(), [older], "{merge:?}");
            assert_eq!(stored[0].notes.len(), 1, "{merge:?}: {:#?}", stored[0].notes);
            assert!(stored[0].notes[0].starts_with(&format!("#{}\n", leads[0].number)), "{merge:?}");
            assert_eq!(ground.amocrm.count(&creates), 1, "{merge:?}\n{}", ground.amocrm.story());
        });
    }
}
