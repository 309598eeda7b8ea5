//! The daemon is killed at random moments under buyers who do not wait for it.

use std::time::Duration;

use testkit::turmoil::{Turmoil, stories};

use crate::nothing_lost::stage;

/// A failing seed is run again with `TEST_SEED=… cargo test --test it nothing_lost::random_kills`.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn random_kills_lose_and_double_nothing() {
    let seed = std::env::var("TEST_SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or_else(rand::random);
    println!("TEST_SEED={seed}");
    let mut machine = [stage().await];
    let turmoil =
        Turmoil { seed, buyers: 20, lasts: Duration::from_secs(12), kill_after: 100..1500, fault_after: 20..250 };
    let (counters, judgement) = turmoil.run(&mut machine, None, |_, _| {}).await;
    println!("{counters}; {judgement}; the longest wait was {:.1?}", counters.longest_wait);
    assert!(counters.kills > 3 && counters.forms >= 10, "TEST_SEED={seed}: hardly anything happened: {counters}");
    assert!(judgement.is_exactly_once(counters.forms), "TEST_SEED={seed}: {judgement}\n{}", stories(&machine));
}
