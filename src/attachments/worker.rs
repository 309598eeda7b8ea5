//! The loop of the files: one at a time, beside the leads and after them.

use std::{panic::AssertUnwindSafe, time::Duration};

use futures::FutureExt;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tracing::{error, info, warn};

use crate::{
    crm::amocrm::CrmError,
    delivery::{Health, Stop, exponential},
};

use super::pass::FilePass;

/// How often files of other processes (a command that imports) are looked for.
const POLL_INTERVAL: Duration = Duration::from_secs(1);

/// Pauses after amoCRM or the store has failed: doubled up to the last.
const FIRST_PAUSE: Duration = Duration::from_secs(2);
const LAST_PAUSE: Duration = Duration::from_secs(300);

/// Pause of a file in whose handling something panicked.
const PANIC_PAUSE: Duration = Duration::from_secs(300);

/// The worker.
#[derive(Debug)]
pub struct FileWorker {
    pass: FilePass,
    health: watch::Receiver<Health>,
}

impl FileWorker {
    /// A worker that rests while leads do not get through.
    pub fn new(pass: FilePass, health: watch::Receiver<Health>) -> Self {
        Self { pass, health }
    }

    /// Brings files to their leads until stopped; what is under way is left for the next start, which looks for it.
    pub async fn run(mut self, stop: CancellationToken) {
        let mut failures = 0;
        while !stop.is_cancelled() {
            if self.health.borrow().trouble.is_some() {
                tokio::select! {
                    changed = self.health.changed() => if changed.is_err() { return },
                    () = stop.cancelled() => {}
                }
                continue;
            }
            let step = AssertUnwindSafe(self.pass.run()).catch_unwind();
            let step = tokio::select! {
                step = step => step,
                () = stop.cancelled() => break,
            };
            match step {
                Ok(Ok(true)) => failures = 0,
                Ok(Ok(false)) => self.wait(&stop).await,
                Ok(Err(stopped)) => {
                    failures += 1;
                    self.rest(&stopped, failures, &stop).await;
                }
                Err(_) => {
                    error!("the handling of a file panicked; it is deferred");
                    let later = self.pass.due_in(PANIC_PAUSE);
                    failures += 1;
                    if let Err(error) = self.pass.files.release(&self.pass.lease, Some(later)).await {
                        self.rest(&Stop::Store(error), failures, &stop).await;
                    }
                }
            }
        }
        if let Err(error) = self.pass.files.release(&self.pass.lease, None).await {
            warn!(%error, "the lease of a file could not be given back; it expires by itself");
        }
    }

    /// Until a file may be due.
    async fn wait(&self, stop: &CancellationToken) {
        tokio::select! {
            () = tokio::time::sleep(self.pass.clock().period(POLL_INTERVAL)) => {}
            () = self.pass.files.changed() => {}
            () = stop.cancelled() => {}
        }
    }

    async fn rest(&self, stopped: &Stop, failures: u32, stop: &CancellationToken) {
        let growing = exponential(FIRST_PAUSE, LAST_PAUSE, failures - 1, rand::random());
        let pause = match stopped {
            Stop::Crm(CrmError::Throttled { retry_after: Some(pause) }) => growing.max(*pause),
            _ => growing,
        };
        match stopped {
            Stop::Crm(error) => info!(%error, "files wait for amoCRM"),
            Stop::Store(error) => warn!(%error, "files wait for the store"),
        }
        let clock = self.pass.clock();
        tokio::select! {
            () = clock.sleep(pause) => {}
            () = stop.cancelled() => {}
        }
        if let Err(error) = self.pass.files.release(&self.pass.lease, None).await {
            warn!(%error, "a file stays held for a while");
        }
    }
}
