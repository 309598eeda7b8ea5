//! Random schedules of buyers, faults and kills in virtual time; failing ones are made small and kept.

use std::time::Duration;

use amocrm_lead_bot::{delivery::drain, store::Lease};
use proptest::{
    prelude::*,
    test_runner::{Config, FileFailurePersistence},
};
use testkit::fakes::{amocrm, telegram};

use crate::nothing_lost::{
    leads::{lead, rest, submit},
    virtual_time::{Ground, Life, in_virtual_time},
};

/// What happens next.
#[derive(Debug, Clone)]
enum Event {
    /// Buyers press "send", all at the same moment.
    Leads(u8),
    /// The next so many requests of a kind meet a fault.
    Amocrm(u8, u8, u8),
    Telegram(u8, u8),
    /// amoCRM is down for so many seconds.
    Down(u8),
    /// There is no network to amoCRM for so many seconds.
    NoNetwork(u8),
    /// The daemon dies and is started again after so many tenths of a second.
    Kill(u8),
    /// Somebody runs `retry-backup-leads` beside the daemon; it is killed after so many seconds, if it still runs.
    Command(u8),
    /// Nobody takes the access token any more.
    TokenEnds,
}

/// The event and the pause before it, in tenths of a second.
fn schedule() -> impl Strategy<Value = Vec<(u16, Event)>> {
    let event = prop_oneof![
        5 => (1u8..6).prop_map(Event::Leads),
        5 => (any::<u8>(), any::<u8>(), 1u8..4).prop_map(|(on, fault, times)| Event::Amocrm(on, fault, times)),
        2 => (any::<u8>(), 1u8..4).prop_map(|(fault, times)| Event::Telegram(fault, times)),
        1 => (1u8..60).prop_map(Event::Down),
        1 => (1u8..60).prop_map(Event::NoNetwork),
        4 => any::<u8>().prop_map(Event::Kill),
        1 => (1u8..60).prop_map(Event::Command),
        1 => Just(Event::TokenEnds),
    ];
    prop::collection::vec((0u16..150, event), 4..20)
}

fn amocrm_fault(which: u8) -> amocrm::Fault {
    use amocrm::{Fault, Throttle};
    let seconds = |seconds| Duration::from_secs(seconds);
    let faults = [
        Fault::Status(500),
        Fault::Status(402),
        Fault::Status(403),
        Fault::Html(502),
        Fault::Html(503),
        Fault::Html(504),
        Fault::TooManyRequests(Throttle::Html),
        Fault::TooManyRequests(Throttle::Header(30)),
        Fault::Hang,
        Fault::HangAfter,
        Fault::CutBefore,
        Fault::CutAfter,
        Fault::StoreThen(500),
        Fault::StoreThen(502),
        Fault::StoreThen(504),
        Fault::Garbage,
        Fault::GarbageNoEffect,
        Fault::EmptyOk,
        Fault::WrongShape,
        Fault::Hal,
        Fault::Slow(seconds(10)),
        // Within what the look-ups cover; see the residual risk told in src/delivery.
        Fault::Late(seconds(15)),
        Fault::Late(seconds(60)),
        Fault::Unauthorized,
        Fault::Redirect(301),
    ];
    faults[usize::from(which) % faults.len()].clone()
}

fn amocrm_on(which: u8) -> amocrm::On {
    use amocrm::On;
    match which % 5 {
        0 | 1 => On::complex(),
        2 => On::post("/api/v4/leads/notes"),
        3 => On::get("/api/v4"),
        _ => On::any("/api/v4"),
    }
}

fn telegram_fault(which: u8) -> telegram::Fault {
    use telegram::Fault;
    let faults = [
        Fault::Status(502),
        Fault::TooManyRequests { retry_after: 20 },
        Fault::Hang,
        Fault::CutBefore,
        Fault::CutAfter,
        Fault::Garbage,
        Fault::Slow(Duration::from_secs(4)),
        Fault::Unauthorized,
    ];
    faults[usize::from(which) % faults.len()].clone()
}

/// Plays a schedule to its end; `Err` says what was broken.
async fn play(schedule: &[(u16, Event)]) -> Result<(), String> {
    let ground = Ground::new().await;
    let buyers: Vec<i64> = (0..4).map(|at| ground.telegram.user(&format!("Покупатель {at}")).known().id).collect();
    let mut life = Life::begin(&ground).await;
    let mut leads = Vec::new();
    let mut beside = Vec::new();
    for (pause, event) in schedule {
        tokio::time::sleep(Duration::from_millis(u64::from(*pause) * 100)).await;
        match event {
            Event::Leads(count) => {
                for _ in 0..*count {
                    let at = leads.len() % buyers.len();
                    let lead = lead(ground.clock, buyers[at], &format!("+7999000000{}", at / 2));
                    submit(&life.store, &lead).await;
                    leads.push(lead);
                }
            }
            Event::Amocrm(on, fault, times) => {
                let times = amocrm::Times::N(u32::from(*times));
                ground.amocrm.fault(amocrm_on(*on), amocrm_fault(*fault), times);
            }
            Event::Telegram(fault, times) => {
                let times = telegram::Times::N(usize::from(*times));
                ground.telegram.fault(telegram::On::method("sendMessage"), telegram_fault(*fault), times);
            }
            Event::Down(seconds) => {
                ground.amocrm.goes_down();
                let (amocrm, pause) = (ground.amocrm.clone(), Duration::from_secs((*seconds).into()));
                beside.push(tokio::spawn(async move {
                    tokio::time::sleep(pause).await;
                    amocrm.comes_back();
                }));
            }
            Event::NoNetwork(seconds) => {
                ground.amocrm.stop().await;
                tokio::time::sleep(Duration::from_secs((*seconds).into())).await;
                ground.amocrm.restart().await;
            }
            Event::Kill(pause) => {
                life.kill();
                tokio::time::sleep(Duration::from_millis(u64::from(*pause) * 100)).await;
                life = Life::begin(&ground).await;
            }
            Event::Command(seconds) => {
                let store = ground.store().await;
                let pass = ground.pass(&store, Lease::command());
                let limit = Duration::from_secs((*seconds).into());
                beside.push(tokio::spawn(async move {
                    let _living = store;
                    let _ = tokio::time::timeout(limit, drain(&pass, |_, _| {})).await;
                }));
            }
            Event::TokenEnds => ground.amocrm.expire_access_tokens(),
        }
    }
    for task in beside {
        let _ = task.await;
    }
    ground.amocrm.clear_faults();
    ground.telegram.clear_faults();
    rest(&ground, &life.store, &leads).await?;
    let judgement = ground.judge();
    match judgement.is_exactly_once(leads.len()) {
        true => Ok(()),
        false => Err(format!("{judgement}\n{}", ground.amocrm.story())),
    }
}

#[test]
fn no_schedule_loses_or_doubles_anything() {
    let kept = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/nothing_lost/schedules.proptest-regressions");
    let config = Config {
        cases: std::env::var("PROPTEST_CASES").ok().and_then(|cases| cases.parse().ok()).unwrap_or(12),
        max_shrink_iters: 60,
        // Milliseconds; on a busy machine one schedule may take seconds.
        max_shrink_time: 60_000,
        failure_persistence: Some(Box::new(FileFailurePersistence::Direct(kept))),
        ..Config::default()
    };
    proptest!(config, |(schedule in schedule())| {
        let played = in_virtual_time(play(&schedule));
        prop_assert!(played.is_ok(), "{}", played.unwrap_err());
    });
}
