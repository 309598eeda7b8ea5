//! The delivery worker of the daemon: runs until stopped, survives panics, store troubles and every outage.

use std::{panic::AssertUnwindSafe, time::Duration};

use futures::FutureExt;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tracing::{error, info, warn};

use crate::{
    clock::{Clock, Millis},
    crm::amocrm::{CrmError, TokenKeeper},
    fault::point,
    notice::{Notice, Trouble},
    store::{Mark, StoreError},
};

use super::{
    breaker::{Breaker, Pause},
    outcome::trouble_of,
    pass::{DeliveryPass, Progress, Stop},
};

/// How often leads of other processes (a command that imports, an admin's retry) are looked for.
const POLL_INTERVAL: Duration = Duration::from_secs(1);

/// Pauses after the store failed or something panicked: doubled up to the last, whoever wakes the worker meanwhile.
const STORE_PAUSE: Duration = Duration::from_secs(2);
const LAST_PAUSE: Duration = Duration::from_secs(15);

/// Pause where a lead is due and cannot be had, because somebody else holds it: doubled up to [`POLL_INTERVAL`].
const FIRST_LOOK: Duration = Duration::from_millis(10);

/// Pause of a lead in whose handling something panicked.
const PANIC_PAUSE: Duration = Duration::from_secs(60);

/// At most so many buyers are told at once that their request is saved.
const TELL_AT_ONCE: i64 = 500;

/// The state of the way to amoCRM, for alerts, status and health.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Health {
    /// What is wrong and since when.
    pub trouble: Option<(Trouble, Millis)>,
    /// Since when it has been this trouble and no other.
    pub kind_since: Millis,
    /// When amoCRM last did what it was asked.
    pub last_success: Option<Millis>,
    /// The last failure in the log's words.
    pub last_error: Option<String>,
    /// How many times amoCRM could not be used since the start.
    pub failures: u64,
}

/// The worker.
#[derive(Debug)]
pub struct Worker {
    pass: DeliveryPass,
    tokens: TokenKeeper,
    breaker: Breaker,
    health: watch::Sender<Health>,
    seen_retry: Option<String>,
    /// How often in a row a lead was due that could not be had.
    fruitless: u32,
    /// The store failed while leads were in flight: they may still be leased to us, and nobody works on them.
    dropped_leads: bool,
    clock: Clock,
}

impl Worker {
    /// A worker that tells its state through the returned channel.
    pub fn new(pass: DeliveryPass, tokens: TokenKeeper) -> (Self, watch::Receiver<Health>) {
        let (health, watched) = watch::channel(Health::default());
        let clock = pass.queue.clock();
        (
            Self {
                pass,
                tokens,
                breaker: Breaker::default(),
                health,
                seen_retry: None,
                fruitless: 0,
                dropped_leads: false,
                clock,
            },
            watched,
        )
    }

    /// Delivers until stopped; the call under way is finished first.
    pub async fn run(mut self, stop: CancellationToken) {
        self.seen_retry = self.pass.marks.get(&Mark::Retry).await.ok().flatten();
        let mut failures = 0;
        while !stop.is_cancelled() {
            let step = AssertUnwindSafe(self.step()).catch_unwind().await;
            let pause = match step {
                Ok(Ok(pause)) => {
                    failures = 0;
                    pause
                }
                Ok(Err(error)) => {
                    warn!(%error, "delivery waits for the store");
                    self.dropped_leads = true;
                    failures += 1;
                    self.rest(failures, &stop).await;
                    None
                }
                Err(_) => {
                    error!("delivery panicked; the leads in flight are deferred");
                    let later = self.clock.now() + self.clock.millis(PANIC_PAUSE);
                    self.dropped_leads = self.pass.queue.defer_lease(&self.pass.lease, later).await.is_err();
                    failures += 1;
                    self.rest(failures, &stop).await;
                    None
                }
            };
            if let Some(pause) = pause {
                self.wait(pause, &stop).await;
            }
        }
        if let Err(error) = self.pass.queue.release_lease(&self.pass.lease).await {
            warn!(%error, "the lease could not be given back; it expires by itself");
        }
    }

    /// Waits after a failure, the longer the more there were in a row: nothing but the end shortens it, since what has
    /// failed may itself be what wakes the worker.
    async fn rest(&self, failures: u32, stop: &CancellationToken) {
        let pause = (STORE_PAUSE * 2u32.saturating_pow(failures.saturating_sub(1).min(16))).min(LAST_PAUSE);
        tokio::select! {
            () = self.clock.sleep(pause) => {}
            () = stop.cancelled() => {}
        }
    }

    /// One look at the store; `None` when there may be more to do at once.
    async fn step(&mut self) -> Result<Option<Pause>, StoreError> {
        if self.dropped_leads {
            self.pass.queue.release_lease(&self.pass.lease).await?;
            self.dropped_leads = false;
        }
        let now = self.clock.now();
        if self.retry_was_asked().await? {
            self.tokens.forget_rejections();
            self.breaker.probe_now();
        }
        if let Some(pause) = self.breaker.pause(now) {
            self.tell_saved().await?;
            return Ok(Some(pause));
        }
        // A probe goes on: where no lead waits it asks for the account.
        if !self.breaker.is_probing() && !self.pass.queue.is_any_waiting().await? {
            self.fruitless = 0;
            return Ok(Some(Pause::Until(Millis::MAX)));
        }
        match self.pass.run_by(&self.breaker).await {
            Ok(Progress::Wrote) => {
                self.succeeded();
                Ok(None)
            }
            Ok(Progress::Looked) => Ok(None),
            // Nobody's lead is left to try with (the last one was given up): the account itself is asked.
            Ok(Progress::Idle) if self.breaker.is_probing() && self.pass.leads.waiting().await?.0 == 0 => {
                match self.pass.crm.account().await {
                    Ok(_) => {
                        self.succeeded();
                        Ok(None)
                    }
                    Err(error) => {
                        self.failed(&error).await?;
                        Ok(None)
                    }
                }
            }
            Ok(Progress::Idle) => {
                let due = self.pass.queue.next_due().await?.unwrap_or(Millis::MAX);
                let now = self.clock.now();
                self.fruitless = if due <= now { (self.fruitless + 1).min(10) } else { 0 };
                let look = (FIRST_LOOK * 2u32.pow(self.fruitless)).min(self.clock.period(POLL_INTERVAL));
                Ok(Some(Pause::Until(due.max(now + i64::try_from(look.as_millis()).unwrap_or(10)))))
            }
            Err(Stop::Store(error)) => Err(error),
            Err(Stop::Crm(error)) => {
                self.failed(&error).await?;
                Ok(None)
            }
        }
    }

    /// amoCRM cannot take anything now.
    async fn failed(&mut self, error: &CrmError) -> Result<(), StoreError> {
        let first = self.breaker.trouble().is_none();
        self.breaker.failed(error, self.clock, rand::random());
        self.pass.counters.failed(&trouble_of(error));
        let text = error.to_string();
        if first {
            warn!(error = text, "amoCRM does not take leads; they are kept and tried again");
        } else {
            info!(error = text, failures = self.breaker.failures(), "amoCRM still does not take leads");
        }
        self.tell_saved().await?;
        let (trouble, kind_since) = (self.breaker.trouble().cloned(), self.breaker.kind_since());
        self.health.send_modify(|health| {
            health.trouble = trouble;
            health.kind_since = kind_since;
            health.last_error = Some(text);
            health.failures += 1;
        });
        Ok(())
    }

    fn succeeded(&mut self) {
        if self.breaker.trouble().is_some() {
            info!("amoCRM takes leads again");
        }
        self.breaker.succeeded();
        let now = self.clock.now();
        self.health.send_if_modified(|health| {
            health.last_success = Some(now);
            health.last_error = None;
            health.trouble.take().is_some()
        });
    }

    /// During an outage every buyer with a waiting lead is told once that it is saved.
    async fn tell_saved(&self) -> Result<(), StoreError> {
        if self.breaker.trouble().is_some() {
            while self.pass.queue.tell_saved(TELL_AT_ONCE, |number| Notice::Saved { number }).await? > 0 {
                point("saved.stored");
            }
        }
        Ok(())
    }

    async fn retry_was_asked(&mut self) -> Result<bool, StoreError> {
        let mark = self.pass.marks.get(&Mark::Retry).await?;
        let asked = mark != self.seen_retry;
        self.seen_retry = mark;
        Ok(asked)
    }

    async fn wait(&mut self, pause: Pause, stop: &CancellationToken) {
        // A retry that another process asks for is noticed within a second.
        let nap = self.clock.until(pause.until()).min(self.clock.period(POLL_INTERVAL));
        let for_tokens = matches!(pause, Pause::TokensOr(_));
        tokio::select! {
            () = tokio::time::sleep(nap) => {}
            () = self.pass.queue.changed() => {}
            () = self.tokens.wait_for_usable(), if for_tokens => {
                info!("the tokens changed; trying at once");
                self.breaker.probe_now();
            }
            () = stop.cancelled() => {}
        }
    }
}
