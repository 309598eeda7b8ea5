//! Work that is owed and waits in the store: done one piece at a time, each when it is due, by a loop of its own.

use std::{fmt::Display, future::Future, time::Duration};

use tokio_util::sync::CancellationToken;
use tracing::warn;

use crate::{
    clock::{Clock, Millis},
    store::StoreError,
};

/// Where nothing is due.
const LONGEST_NAP: Duration = Duration::from_secs(60);

/// What is due is not looked for without a pause.
const SHORTEST_NAP: Duration = Duration::from_millis(10);

/// Work of one kind.
pub trait OneByOne: Send + Sync {
    /// Why the next piece cannot be looked after at all.
    type Error: Display;

    /// What the log says of it then.
    const WAITS: &'static str;

    /// And how long it waits.
    const PAUSE: Duration;

    /// What time it is.
    fn clock(&self) -> Clock;

    /// Looks after one piece; `false` where none is due.
    fn step(&mut self) -> impl Future<Output = Result<bool, Self::Error>> + Send;

    /// When the next piece is due.
    fn next_due(&self) -> impl Future<Output = Result<Option<Millis>, StoreError>> + Send;

    /// Resolves when a piece may have become due.
    fn changed(&self) -> impl Future<Output = ()> + Send;
}

/// Until stopped; the piece under way is finished first.
pub async fn one_by_one<W: OneByOne>(mut work: W, stop: CancellationToken) {
    let clock = work.clock();
    while !stop.is_cancelled() {
        let pause = match work.step().await {
            Ok(true) => continue,
            Ok(false) => match work.next_due().await {
                Ok(Some(due_at)) => clock.until(due_at).max(SHORTEST_NAP).min(clock.period(LONGEST_NAP)),
                _ => clock.period(LONGEST_NAP),
            },
            Err(error) => {
                warn!(%error, "{}", W::WAITS);
                clock.period(W::PAUSE)
            }
        };
        tokio::select! {
            () = tokio::time::sleep(pause) => {}
            () = work.changed() => {}
            () = stop.cancelled() => {}
        }
    }
}
