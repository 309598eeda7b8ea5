//! What goes wrong between the store and amoCRM, in virtual time.

use std::{
    collections::BTreeSet,
    sync::atomic::Ordering,
    time::{Duration, Instant},
};

use amocrm_lead_bot::{
    delivery::{DeliveryPass, Progress, drain},
    lead::Lead,
    store::{LeadState, Lease},
};
use futures::future::join_all;
use testkit::fakes::amocrm::{Fault, On, Times};

use crate::nothing_lost::{
    leads::{Awaited, lead, leads, rest, submit},
    virtual_time::{Ground, Life, in_virtual_time},
};

const HOUR: i64 = 3_600_000;

fn faults() -> Vec<Fault> {
    let mut faults = Fault::usual(30, Duration::from_secs(5), Duration::from_secs(45));
    faults.push(Fault::Validation { path: "price".into(), code: "InvalidType".into() });
    faults
}

fn world<F: Future>(story: impl FnOnce() -> F) -> F::Output {
    in_virtual_time(async { story().await })
}

/// The first fault meets the create; the second one in turn the create that follows, the note, a look-up or anything.
/// In the suite one pair in six, spread over all kinds; all of them with `TEST_ALL_PAIRS=1`. Told in halves, side by
/// side.
fn half_of_the_pairs(half: usize) {
    let every = if std::env::var("TEST_ALL_PAIRS").is_ok() { 1 } else { 6 };
    let (start, kinds) = (Instant::now(), faults());
    let (mut played, mut first, mut second) = (0, BTreeSet::new(), BTreeSet::new());
    for (i, a) in kinds.iter().enumerate().filter(|(i, _)| i % 2 == half) {
        for (j, b) in kinds.iter().enumerate().filter(|(j, _)| (i + 5 * j) % every == 0) {
            let on = match (i * kinds.len() + j) % 4 {
                0 => On::complex(),
                1 => On::post("/api/v4/leads/notes"),
                2 => On::get("/api/v4/leads"),
                _ => On::any("/api/v4"),
            };
            world(|| pair(a, b, on));
            played += 1;
            first.insert(i);
            second.insert(j);
        }
    }
    let of_this_half: BTreeSet<usize> = (0..kinds.len()).filter(|i| i % 2 == half).collect();
    assert_eq!(first, of_this_half, "every kind comes first");
    assert!(second.is_superset(&of_this_half), "every kind comes second");
    println!("{played} of {} pairs of faults of amoCRM in {:.1?}", of_this_half.len() * kinds.len(), start.elapsed());
}

#[test]
fn every_pair_of_faults_of_amocrm_is_lived_through() {
    half_of_the_pairs(0);
}

#[test]
fn every_other_pair_of_faults_of_amocrm_is_lived_through() {
    half_of_the_pairs(1);
}

async fn pair(a: &Fault, b: &Fault, on: On) {
    let ground = Ground::new().await;
    let story = format!("{a:?}, then {b:?} for {on:?}");
    ground.amocrm.fault(On::complex(), a.clone(), Times::N(1));
    ground.amocrm.fault(on, b.clone(), Times::N(1));
    let life = Life::begin(&ground).await;
    let mut leads = leads(&ground, &life, 1).await;
    rest(&ground, &life.store, &leads).await.unwrap_or_else(|why| panic!("{story}: {why}"));
    // Whatever it was, the next lead has no trouble any more.
    ground.amocrm.clear_faults();
    leads.push(lead(ground.clock, leads[0].buyer.user_id, "+79995550000"));
    submit(&life.store, &leads[1]).await;
    rest(&ground, &life.store, &leads).await.unwrap_or_else(|why| panic!("{story}: {why}"));
    let judgement = ground.judge();
    assert!(judgement.is_exactly_once(2), "{story}: {judgement}\n{}", ground.amocrm.story());
}

#[test]
fn two_couriers_on_one_store_never_take_the_same_lead() {
    world(|| async {
        let ground = Ground::new().await;
        let life = Life::begin(&ground).await;
        // The daemon is as slow as amoCRM can be, so the other one has every chance.
        ground.amocrm.fault(On::complex(), Fault::Slow(Duration::from_secs(15)), Times::N(6));
        let leads = leads(&ground, &life, 40).await;
        let stores = join_all((0..3).map(|_| ground.store())).await;
        let commands: Vec<DeliveryPass> = stores.iter().map(|store| ground.pass(store, Lease::command())).collect();
        let drained = join_all(commands.iter().map(|pass| drain(pass, |_, _| {}))).await;
        assert!(drained.iter().all(Result::is_ok));
        rest(&ground, &life.store, &leads).await.expect("all delivered");
        let judgement = ground.judge();
        assert!(judgement.is_exactly_once(40), "{judgement}\n{}", ground.amocrm.story());
    });
}

/// A process that wakes up after its lease has expired says nothing that would wipe out what its successor has under
/// way.
#[test]
fn a_process_that_slept_past_its_lease_spoils_nothing() {
    for fault in [Fault::Html(403), Fault::Status(402), Fault::Validation { path: "name".into(), code: "x".into() }] {
        world(|| async {
            let ground = Ground::new().await;
            let store = ground.store().await;
            let buyer = ground.telegram.user("Иван").known().id;
            let lead = lead(ground.clock, buyer, "+79991234567");
            submit(&store, &lead).await;
            // By its clock two hours behind, every lease it takes is over at once.
            let sleepy = ground.store_by(ground.clock.off_by(-2 * HOUR)).await;
            let sleepy = ground.pass(&sleepy, Lease::command());
            ground.amocrm.fault(On::get("/api/v4/contacts"), Fault::Slow(Duration::from_secs(18)), Times::N(1));
            ground.amocrm.fault(On::complex(), fault.clone(), Times::N(1));
            let sleeping = tokio::spawn(async move { sleepy.run(false).await.map(drop) });
            tokio::time::sleep(Duration::from_secs(5)).await;
            let life = Life::begin(&ground).await;
            let _ = sleeping.await;
            rest(&ground, &life.store, std::slice::from_ref(&lead)).await.expect("delivered");
            let judgement = ground.judge();
            assert!(judgement.is_exactly_once(1), "{fault:?}: {judgement}\n{}", ground.amocrm.story());
        });
    }
}

/// Leases and due times that a wrong clock has written hold nothing up for long, and double nothing.
#[test]
fn a_clock_that_was_wrong_holds_nothing_up() {
    for off_by in [-48 * HOUR, -HOUR, HOUR / 4, HOUR, 48 * HOUR, 24 * 365 * HOUR] {
        world(|| async {
            let ground = Ground::new().await;
            let life = Life::begin_by(&ground, ground.clock.off_by(off_by)).await;
            ground.amocrm.fault(On::complex(), Fault::CutAfter, Times::N(1));
            let leads = leads(&ground, &life, 3).await;
            // Long enough to get into the middle of things.
            tokio::time::sleep(Duration::from_secs(3)).await;
            life.kill();
            let life = Life::begin(&ground).await;
            let start = tokio::time::Instant::now();
            rest(&ground, &life.store, &leads).await.unwrap_or_else(|why| panic!("off by {off_by}: {why}"));
            let judgement = ground.judge();
            assert!(judgement.is_exactly_once(3), "off by {off_by}: {judgement}\n{}", ground.amocrm.story());
            assert!(start.elapsed() < Duration::from_secs(32 * 60), "off by {off_by}: held up {:?}", start.elapsed());
        });
    }
}

#[test]
fn a_poisoned_lead_neither_blocks_the_others_nor_passes_for_an_outage() {
    world(|| async {
        let ground = Ground::new().await;
        let life = Life::begin(&ground).await;
        let buyer = ground.telegram.user("Иван").known().id;
        let poisoned = lead(ground.clock, buyer, "+79990000000");
        ground.amocrm.fault(On::complex().containing(poisoned.number.as_str()), Fault::Status(500), Times::Forever);
        submit(&life.store, &poisoned).await;
        let mut others = Vec::new();
        for at in 0..60 {
            let other = lead(ground.clock, buyer, &format!("+7999100{at:04}"));
            submit(&life.store, &other).await;
            others.push(other);
            tokio::time::sleep(Duration::from_secs(60)).await;
        }
        let row = life.store.leads().by_number(&poisoned.number).await.expect("a read").expect("it is kept");
        assert_eq!(row.state(), LeadState::Waiting);
        let saved = ground.telegram.ledger().iter().filter(|seen| seen.text.contains("надёжно сохранена")).count();
        assert!(saved <= 6, "{saved} of 60 buyers were told of an outage that there was not");
        let tries = ground.amocrm.count(&On::complex().containing(poisoned.number.as_str()));
        assert!(tries < 12, "{tries} tries in an hour");
        let judgement = ground.judge();
        assert_eq!(judgement.missing, BTreeSet::from([poisoned.number.to_string()]));

        ground.amocrm.clear_faults();
        others.push(poisoned);
        rest(&ground, &life.store, &others).await.expect("all delivered");
        let judgement = ground.judge();
        assert!(judgement.is_exactly_once(61), "{judgement}");
    });
}

/// So many leads wait, and amoCRM is still down.
async fn a_short_outage(ground: &Ground, count: usize) -> (Life, Vec<Lead>) {
    ground.amocrm.goes_down();
    let life = Life::begin(ground).await;
    let leads = leads(ground, &life, count).await;
    tokio::time::sleep(Duration::from_secs(10)).await;
    (life, leads)
}

/// A backlog in which amoCRM breaks on one lead whenever it reads something for it: one that it may have stored (it is
/// searched for), or one whose buyer it may know (the phone is searched for).
#[test]
fn a_search_that_always_fails_keeps_one_lead_back_and_no_other() {
    for uncertain in [true, false] {
        world(|| async {
            let ground = Ground::new().await;
            let (life, mut leads) = a_short_outage(&ground, 50).await;
            // The oldest is the first in every order.
            let broken = leads.remove(0);
            let on = if uncertain {
                // Some creates are lost on their way, and nobody says so.
                for lead in leads.iter().take(6).chain([&broken]) {
                    let create = On::complex().containing(lead.number.as_str());
                    ground.amocrm.fault(create, Fault::CutBefore, Times::N(1));
                }
                On::get("/api/v4/leads").containing(broken.number.as_str())
            } else {
                // Nor can the list of all contacts be read, where none would have to be searched for.
                let list = On::get("/api/v4/contacts").containing("asc");
                ground.amocrm.fault(list, Fault::Html(502), Times::Forever);
                On::get("/api/v4/contacts").containing(&broken.phone.last_ten_digits().expect("it has them"))
            };
            ground.amocrm.fault(on.clone(), Fault::Html(502), Times::Forever);
            ground.amocrm.comes_back();
            let start = tokio::time::Instant::now();
            let mut awaited = Awaited::new(&leads);
            while !awaited.are_delivered(&life.store).await || ground.amocrm.count(&on) < 3 {
                assert!(start.elapsed() < Duration::from_secs(3600), "{}\n{}", ground.judge(), ground.amocrm.story());
                tokio::time::sleep(Duration::from_secs(3)).await;
            }
            assert_eq!(ground.judge().missing, BTreeSet::from([broken.number.to_string()]));
            ground.amocrm.clear_faults();
            leads.push(broken);
            rest(&ground, &life.store, &leads).await.expect("all delivered");
            let judgement = ground.judge();
            assert!(judgement.is_exactly_once(50), "{judgement}");
        });
    }
}

/// The same of several that amoCRM may have stored: at every probe one of them is due to be searched for.
#[test]
fn searches_that_always_fail_keep_no_other_lead_back() {
    world(|| async {
        let ground = Ground::new().await;
        let (life, mut leads) = a_short_outage(&ground, 30).await;
        let broken: Vec<Lead> = leads.drain(..5).collect();
        for lead in &broken {
            let create = On::complex().containing(lead.number.as_str());
            ground.amocrm.fault(create, Fault::CutBefore, Times::N(1));
            let search = On::get("/api/v4/leads").containing(lead.number.as_str());
            ground.amocrm.fault(search, Fault::Html(502), Times::Forever);
        }
        ground.amocrm.comes_back();
        let start = tokio::time::Instant::now();
        let mut awaited = Awaited::new(&leads);
        while !awaited.are_delivered(&life.store).await {
            assert!(start.elapsed() < Duration::from_secs(1200), "{}\n{}", ground.judge(), ground.amocrm.story());
            tokio::time::sleep(Duration::from_secs(3)).await;
        }
        assert_eq!(ground.judge().missing, broken.iter().map(|lead| lead.number.to_string()).collect());
        ground.amocrm.clear_faults();
        leads.extend(broken);
        rest(&ground, &life.store, &leads).await.expect("all delivered");
        let judgement = ground.judge();
        assert!(judgement.is_exactly_once(30), "{judgement}");
    });
}

/// A backlog with one lead that amoCRM refuses: batches that are stored in part or not at all.
#[test]
fn a_backlog_of_300_drains_in_batches_around_a_refused_lead() {
    for partial in [false, true] {
        world(|| async {
            let ground = Ground::new().await;
            ground.amocrm.partial_batches(partial);
            ground.amocrm.goes_down();
            let life = Life::begin(&ground).await;
            let mut leads = leads(&ground, &life, 300).await;
            let bad = leads[120].number.clone();
            let refused = Fault::Validation { path: "name".into(), code: "NotSupportedChoice".into() };
            tokio::time::sleep(Duration::from_secs(10)).await;
            ground.amocrm.fault(On::complex().containing(bad.as_str()), refused, Times::Forever);
            ground.amocrm.comes_back();
            let position = leads.iter().position(|lead| lead.number == bad).expect("it is one of them");
            let refused = leads.remove(position);
            for _ in 0..400 {
                if life.store.leads().waiting().await.expect("a count").0 == 0 {
                    break;
                }
                tokio::time::sleep(Duration::from_secs(3)).await;
            }
            let row = life.store.leads().by_number(&bad).await.expect("a read").expect("it is kept");
            assert_eq!(row.state(), LeadState::Rejected, "{}", ground.amocrm.story());
            let batches = ground.amocrm.count(&On::complex());
            assert!(batches < 80, "{batches} creates for 300 leads");

            ground.amocrm.clear_faults();
            // A refused lead waits for a person.
            life.store.leads().retry_now(Some(&bad)).await.expect("it is sent again");
            leads.push(refused);
            rest(&ground, &life.store, &leads).await.expect("all delivered");
            let judgement = ground.judge();
            assert!(judgement.is_exactly_once(300), "partial {partial}: {judgement}");
        });
    }
}

/// The risk that remains is the one that is told: amoCRM stores a create later than the last look-up. It is counted.
#[test]
fn what_may_be_doubled_is_counted() {
    world(|| async {
        let ground = Ground::new().await;
        ground.amocrm.fault(On::complex(), Fault::Late(Duration::from_secs(400)), Times::N(1));
        let store = ground.store().await;
        let pass = ground.pass(&store, Lease::command());
        let buyer = ground.telegram.user("Иван").known().id;
        submit(&store, &lead(ground.clock, buyer, "+79991234567")).await;
        while store.leads().waiting().await.expect("a count").0 > 0 {
            if matches!(pass.run(false).await, Ok(Progress::Idle) | Err(_)) {
                tokio::time::sleep(Duration::from_secs(1)).await;
            }
        }
        tokio::time::sleep(Duration::from_secs(400)).await;
        let judgement = ground.judge();
        let counted = pass.counters.repeated.load(Ordering::Relaxed);
        assert_eq!((judgement.doubled.len(), counted), (1, 1), "{judgement}");
    });
}
