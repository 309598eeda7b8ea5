//! What another transaction is in the way of is tried again: how often, and after which pauses.

use std::time::Duration;

/// So often in all.
pub(super) const TRIES: u32 = 12;

/// Before each further try: drawn from nothing up to this, twice as much each time, and never more than the last.
const FIRST_PAUSE: Duration = Duration::from_millis(5);
const LAST_PAUSE: Duration = Duration::from_millis(300);

/// Before the next of several tries.
pub(super) async fn pause(tries: u32) {
    let most = FIRST_PAUSE.saturating_mul(1 << tries.min(10)).min(LAST_PAUSE);
    tokio::time::sleep(most.mul_f64(rand::random())).await;
}

/// Does it again for as long as only another transaction is in its way.
pub(super) async fn again<T, E, F: Future<Output = Result<T, E>>>(
    mut work: impl FnMut() -> F,
    is_conflict: impl Fn(&E) -> bool,
) -> Result<T, E> {
    let mut tries = 1;
    loop {
        match work().await {
            Err(error) if tries < TRIES && is_conflict(&error) => pause(tries).await,
            other => return other,
        }
        tries += 1;
    }
}
