//! Whether all is well: what `/healthz` answers and what the heartbeat hangs on.

mod heartbeat;

use std::{sync::Arc, time::Duration};

use thiserror::Error;
use tokio::{sync::Mutex, time::Instant};
use tracing::warn;

use crate::{clock::Clock, notice::PollTrouble, store::Store, telegram::listener::IntakeCounters};

pub use heartbeat::Heartbeat;

/// A poll takes 25 s and a little; after this something is wrong. Never less than `SHORTEST_PATIENCE`, because in
/// tests a poll is not shorter than a second however fast time runs.
const PATIENCE: Duration = Duration::from_secs(90);
const SHORTEST_PATIENCE: Duration = Duration::from_secs(4);

/// The store is asked at most so often, because asking is a write.
const PROBE_HOLDS: Duration = Duration::from_secs(5);

/// A store that takes longer does not work.
const PROBE_TIMEOUT: Duration = Duration::from_secs(3);

/// What is wrong, in one line without anything personal or secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum Unhealthy {
    /// Telegram has not been polled since the start.
    #[error("starting: Telegram has not answered a poll yet{}", because(*.trouble))]
    Starting {
        /// Why, if it is known.
        trouble: Option<PollTrouble>,
    },
    /// Updates are not taken.
    #[error("not polling: the last poll of Telegram was completed {seconds} s ago{}", because(*.trouble))]
    NotPolling {
        /// How long ago the last poll was completed.
        seconds: u64,
        /// Why, if it is known.
        trouble: Option<PollTrouble>,
    },
    /// Nothing can be stored.
    #[error("the store cannot be written")]
    StoreFails,
}

fn because(trouble: Option<PollTrouble>) -> String {
    trouble.map_or_else(String::new, |trouble| format!(" ({})", trouble.words()))
}

/// Knows whether polling and the store are fine.
#[derive(Debug)]
pub struct Vitals {
    store: Store,
    clock: Clock,
    intake: Arc<IntakeCounters>,
    probed: Mutex<Option<(Instant, bool)>>,
}

impl Vitals {
    /// Of one daemon.
    pub fn new(store: Store, intake: Arc<IntakeCounters>) -> Self {
        Self { clock: store.clock(), store, intake, probed: Mutex::default() }
    }

    /// What is wrong, if anything is.
    pub async fn check(&self) -> Result<(), Unhealthy> {
        let failing = self.intake.failing();
        let trouble = failing.map(|failing| failing.trouble);
        let last = self.intake.last_poll().ok_or(Unhealthy::Starting { trouble })?;
        let ago = Duration::from_millis(u64::try_from(self.clock.now() - last).unwrap_or(0));
        let unreachable = failing.is_some_and(|failing| failing.unreachable);
        if unreachable || ago > self.clock.scaled(PATIENCE).max(SHORTEST_PATIENCE) {
            return Err(Unhealthy::NotPolling { seconds: ago.as_secs(), trouble });
        }
        if self.store_works().await { Ok(()) } else { Err(Unhealthy::StoreFails) }
    }

    /// Whether the store takes writes; many askers share one probe.
    pub async fn store_works(&self) -> bool {
        let mut probed = self.probed.lock().await;
        if let Some((at, works)) = *probed
            && at.elapsed() < self.clock.scaled(PROBE_HOLDS)
        {
            return works;
        }
        let works = match tokio::time::timeout(PROBE_TIMEOUT, self.store.probe()).await {
            Ok(Ok(())) => true,
            Ok(Err(error)) => {
                warn!(%error, "the store cannot be written");
                false
            }
            Err(_) => {
                warn!("the store does not answer");
                false
            }
        };
        *probed = Some((Instant::now(), works));
        works
    }
}
