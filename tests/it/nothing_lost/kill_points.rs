//! The daemon dies at every fault point, one after the other, and goes on where it was.

use std::time::Instant;

use futures::{StreamExt, stream};
use testkit::deaths::{DEATHS, assert_complete, die_at};

use crate::nothing_lost::stage;

/// Daemons at once: most of the time each of them waits.
const AT_ONCE: usize = 8;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn dying_anywhere_loses_and_doubles_nothing() {
    assert_complete();
    let start = Instant::now();
    stream::iter(DEATHS)
        .map(|&death| tokio::spawn(async move { die_at(stage().await, None, death).await }))
        .buffer_unordered(AT_ONCE)
        .for_each(|ended| async { ended.expect("the story of this death is above") })
        .await;
    println!("{} deaths in {:.1?}", DEATHS.len(), start.elapsed());
}
