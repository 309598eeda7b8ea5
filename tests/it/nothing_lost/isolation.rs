//! One lead on which amoCRM, or a wall in front of it, breaks each time; and how fast all is through after an outage. In
//! virtual time, at the rate of requests of a real account.

use std::time::Duration;

use amocrm_lead_bot::{
    lead::Lead,
    store::{Stage, Step},
};
use testkit::fakes::amocrm::{Fault, On, Times};
use tokio::time::Instant;

use crate::nothing_lost::{
    leads::{Awaited, leads, rest},
    virtual_time::{Ground, Life, in_virtual_time},
};

/// How long until all of these are delivered.
async fn through(ground: &Ground, life: &Life, leads: &[Lead]) -> Duration {
    let (start, mut awaited) = (Instant::now(), Awaited::new(leads));
    while !awaited.are_delivered(&life.store).await {
        assert!(start.elapsed() < Duration::from_secs(1800), "{}\n{}", ground.judge(), ground.amocrm.story());
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
    start.elapsed()
}

/// Each kind of failure, for every write with the lead's number and every search for its phone.
fn poison(ground: &Ground, poisoned: &Lead, fault: &Fault, everything: bool) {
    let writes = On::post("/api/v4").containing(poisoned.number.as_str());
    ground.amocrm.fault(writes, fault.clone(), Times::Forever);
    if everything {
        for text in [poisoned.number.to_string(), poisoned.phone.last_ten_digits().expect("it has them")] {
            ground.amocrm.fault(On::get("/api/v4").containing(&text), fault.clone(), Times::Forever);
        }
    }
}

#[test]
fn one_poisoned_lead_keeps_nobody_waiting_whatever_it_does_to_amocrm() {
    let kinds = [
        Fault::CutBefore,
        Fault::Hang,
        Fault::Html(403),
        Fault::Html(502),
        Fault::Status(500),
        Fault::Html(520),
        Fault::GarbageNoEffect,
        Fault::Html(404),
        Fault::Status(409),
    ];
    let sizes: [usize; 3] = [6, 12, 60];
    for (kind, fault) in kinds.iter().enumerate() {
        for (size, count) in sizes.into_iter().enumerate() {
            let all = std::env::var("TEST_ALL_PAIRS").is_ok();
            // Each kind once, each size with each third kind.
            if !all && kind % sizes.len() != size {
                continue;
            }
            for everything in if all { vec![true, false] } else { vec![kind % 2 == 0] } {
                in_virtual_time(async {
                    let ground = Ground::new().await;
                    ground.amocrm.goes_down();
                    let life = Life::begin(&ground).await;
                    let mut leads = leads(&ground, &life, count).await;
                    // In the middle, and when it comes back all are there at once.
                    let poisoned = leads.remove(count / 2);
                    poison(&ground, &poisoned, fault, everything);
                    tokio::time::sleep(Duration::from_secs(10)).await;
                    ground.amocrm.comes_back();
                    let took = through(&ground, &life, &leads).await;
                    println!("{fault:?} {count} everything {everything}: {took:?}");
                    assert!(took < Duration::from_secs(75), "{fault:?}, {count}: {took:?}\n{}", ground.amocrm.story());
                    ground.amocrm.clear_faults();
                    leads.push(poisoned);
                    rest(&ground, &life.store, &leads).await.expect("all delivered");
                    let judgement = ground.judge();
                    assert!(judgement.is_exactly_once(count), "{fault:?}, {count}: {judgement}");
                });
            }
        }
    }
}

/// Where nothing is written while everything can be read, no lead is to blame, and few are tried.
#[test]
fn a_wall_before_all_writes_is_an_outage_and_ends_by_itself() {
    for fault in [Fault::Html(403), Fault::CutBefore, Fault::Status(500)] {
        in_virtual_time(async {
            let ground = Ground::new().await;
            ground.amocrm.fault(On::post("/api/v4"), fault.clone(), Times::Forever);
            let life = Life::begin(&ground).await;
            let leads = leads(&ground, &life, 30).await;
            tokio::time::sleep(Duration::from_secs(600)).await;
            let tried = ground.amocrm.count(&On::post("/api/v4"));
            assert!(tried <= 24, "{fault:?}: {tried} writes in ten minutes");
            assert!(
                life.store.open_alerts().untold_stuck().await.expect("a read").is_empty(),
                "{fault:?}: a lead is blamed"
            );
            assert_eq!(life.store.leads().waiting().await.expect("a count").0, 30, "{fault:?}");
            // Which of them are tried is chance: they were submitted in the same moment.
            let mut untried = Vec::new();
            for lead in &leads {
                let row = life.store.leads().by_number(&lead.number).await.expect("a read").expect("it is there");
                if row.attempts == 0 && row.steps.attempt(Step::Lead).is_none() {
                    untried.push(lead.clone());
                }
            }
            assert!(untried.len() >= 6, "{fault:?}: {}", untried.len());
            ground.amocrm.clear_faults();
            let took = through(&ground, &life, &untried).await;
            println!("{fault:?}: {tried} writes, {} untried {took:?} after", untried.len());
            assert!(took < Duration::from_secs(95), "{fault:?}: {took:?}\n{}", ground.amocrm.story());
            rest(&ground, &life.store, &leads).await.expect("all delivered");
            assert!(ground.judge().is_exactly_once(30), "{fault:?}: {}", ground.judge());
        });
    }
}

/// An outage of any length: the first lead within a minute of its end, the others as fast as requests are allowed, and no
/// more than one lead for each probe is uncertain.
#[test]
fn after_an_outage_all_is_through_in_a_minute_or_two() {
    let (all, writes) = (On::any("/"), On::complex());
    for (on, fault, seconds, count, contacts) in [
        (&all, Fault::Html(502), 8, 100, 10),
        (&all, Fault::CutBefore, 3600, 100, 2600),
        (&all, Fault::Status(500), 600, 20, 10),
        // One by one. On a slow machine the work itself takes virtual time, and more of them would not be through in time.
        (&all, Fault::Html(503), 8, 40, 300),
        (&all, Fault::Html(504), 45, 1, 0),
        // Everything can be read.
        (&writes, Fault::Html(504), 8, 100, 10),
        (&writes, Fault::CutBefore, 600, 100, 10),
    ] {
        in_virtual_time(async {
            let ground = Ground::new().await;
            ground.amocrm.fault(on.clone(), fault.clone(), Times::Forever);
            for at in 0..contacts {
                ground.amocrm.add_contact("Клиент", &[&format!("+7912{at:07}")]);
            }
            let life = Life::begin(&ground).await;
            let leads = leads(&ground, &life, count).await;
            let known = leads[count / 2].phone.e164();
            let contact = ground.amocrm.add_contact("Иван", &[known]);
            tokio::time::sleep(Duration::from_secs(seconds)).await;
            let uncertain = life.store.leads().totals(0).await.expect("totals").uncertain;
            ground.amocrm.clear_faults();
            let start = Instant::now();
            while life.store.leads().totals(ground.clock.now()).await.expect("totals").waiting == count as i64 {
                tokio::time::sleep(Duration::from_millis(500)).await;
            }
            let first = start.elapsed();
            let certain: Vec<Lead> = certain(&life, &leads).await;
            let took = through(&ground, &life, &certain).await;
            println!(
                "{fault:?} of {on:?} for {seconds} s, {count} leads, {contacts} contacts: first {first:?}, {} {took:?} \
                 later, {uncertain} uncertain, {} requests",
                certain.len(),
                ground.amocrm.requests().len()
            );
            assert!(first < Duration::from_secs(70), "{fault:?}, {seconds}: {first:?}\n{}", ground.amocrm.story());
            // A search for each contact where the account has too many to read them all.
            let most = if contacts > 2000 { 40 } else { 20 };
            assert!(took < Duration::from_secs(most), "{fault:?}, {seconds}: {took:?}\n{}", ground.amocrm.story());
            assert!(uncertain <= 14, "{fault:?}, {seconds}: {uncertain} uncertain");
            rest(&ground, &life.store, &leads).await.expect("all delivered");
            assert!(ground.judge().is_exactly_once(count), "{}", ground.judge());
            let stored = ground.amocrm.lead_with_number(leads[count / 2].number.as_str()).expect("it is there");
            assert_eq!(stored.contact_id, Some(contact), "it is attached to the contact that was there");
        });
    }
}

/// Of these the leads of which nothing was sent.
async fn certain(life: &Life, leads: &[Lead]) -> Vec<Lead> {
    let mut certain = Vec::new();
    for lead in leads {
        let row = life.store.leads().by_number(&lead.number).await.expect("a read").expect("it is there");
        if !matches!(row.stage, Stage::Uncertain(_)) {
            certain.push(lead.clone());
        }
    }
    certain
}
