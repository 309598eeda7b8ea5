//! The kill tests on PostgreSQL, with two daemons, of which one leads, and with the database failing under both.

use std::{
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use futures::{StreamExt, stream};
use testkit::{
    chaos::Stage,
    deaths::{DEATHS, assert_complete, die_at, die_with_answers_unsent},
    turmoil::{Turmoil, stories},
};

use crate::standby::cluster;

/// Stories at once: most of the time each of them waits.
const AT_ONCE: usize = 10;

/// Two machines that share a database.
async fn two_on(database: &str) -> [Stage; 2] {
    let mut stage = Stage::new(testkit::daemon(), &[]).await;
    stage.set("DATABASE_URL", database);
    let other = stage.beside();
    [stage, other]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn dying_anywhere_hands_over_and_loses_and_doubles_nothing() {
    let Some(cluster) = cluster().await.map(Arc::new) else { return };
    assert_complete();
    let start = Instant::now();
    // In the database both tokens are stored at once. The last ones take longest, so they come first.
    let deaths = || DEATHS.iter().rev().filter(|(point, ..)| *point != "tokens.half_stored");
    let databases: Vec<String> = (0..AT_ONCE).map(|_| cluster.database()).collect();
    let databases = Arc::new(Mutex::new(databases));
    stream::iter(deaths())
        .map(|&death| {
            let (cluster, databases) = (cluster.clone(), databases.clone());
            tokio::spawn(async move {
                let database = databases.lock().expect("no panic").pop().expect("one for each story under way");
                let [machine, other] = two_on(&database).await;
                die_at(machine, Some(other), death).await;
                tokio::task::block_in_place(|| cluster.empty(&database));
                databases.lock().expect("no panic").push(database);
            })
        })
        .buffer_unordered(AT_ONCE)
        .for_each(|ended| async { ended.expect("the story of this death is above") })
        .await;
    println!("{} deaths in {:.1?}", deaths().count(), start.elapsed());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn answers_that_were_committed_outlive_their_leader() {
    let Some(cluster) = cluster().await else { return };
    let [machine, other] = two_on(&cluster.database()).await;
    die_with_answers_unsent(machine, Some(other)).await;
}

/// A failing seed is run again with `TEST_SEED=… cargo test --test it standby::kills::random_kills`.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn random_kills_of_two_daemons_and_their_database_lose_and_double_nothing() {
    let Some(cluster) = cluster().await else { return };
    let seed = std::env::var("TEST_SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or_else(rand::random);
    println!("TEST_SEED={seed}");
    let mut machines = two_on(&cluster.database()).await;
    let turmoil =
        Turmoil { seed, buyers: 20, lasts: Duration::from_secs(12), kill_after: 100..1500, fault_after: 20..250 };
    let (counters, judgement) = turmoil.run(&mut machines, Some(cluster), |_, _| {}).await;
    println!("{counters}; {judgement}; the longest wait was {:.1?}", counters.longest_wait);
    let restarts = counters.faults.get("the database restarts").copied().unwrap_or(0);
    assert!(counters.kills > 3 && counters.forms >= 5, "TEST_SEED={seed}: hardly anything happened: {counters}");
    assert!(judgement.is_exactly_once(counters.forms), "TEST_SEED={seed}: {judgement}\n{}", stories(&machines));
    println!("{restarts} restarts of the database");
}
