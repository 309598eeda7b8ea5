//! Whoever only asks amoCRM lets deliveries go first.

use std::time::Duration;

use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::{
    delivery::Health,
    store::{StoreError, Watches},
};

/// How often it is looked whether leads still wait to be delivered.
pub(super) const POLL_INTERVAL: Duration = Duration::from_secs(1);

/// Waits until no lead waits to be delivered; `false` where amoCRM is away, or the daemon stops, and nothing is to be asked.
pub async fn deliveries_go_first(
    watches: &Watches,
    health: &watch::Receiver<Health>,
    stop: &CancellationToken,
) -> Result<bool, StoreError> {
    loop {
        if stop.is_cancelled() || health.borrow().trouble.is_some() {
            return Ok(false);
        }
        if !watches.deliveries_wait().await? {
            return Ok(true);
        }
        tokio::select! {
            () = tokio::time::sleep(watches.clock().period(POLL_INTERVAL)) => {}
            () = stop.cancelled() => {}
        }
    }
}
