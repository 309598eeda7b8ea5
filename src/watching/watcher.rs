//! The loop that asks about leads and tells buyers.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use chrono::TimeZone;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tracing::{debug, info, warn};
use ulid::Ulid;

use crate::{
    clock::{Clock, Millis, date},
    config::StatusTexts,
    crm::amocrm::{Crm, CrmError},
    delivery::{BLOCKED_PAUSE, Health, Learned, exponential},
    notice::{Notice, Shortage},
    store::{
        Dialogues, LateNotes, LeadWork, Leads, Lease, Mark, Marks, NewMessage, OwedStatus, StoreError, WatchEnd,
        Watches,
    },
    telemetry::lead_span,
    unfinished::is_night,
};

use super::{APART, Hints, WatchLog, asked::Asked, deliveries_go_first, next_to_tell, turn::POLL_INTERVAL, watch_log};

/// How often leads are asked about.
const EVERY: Duration = Duration::from_secs(120);

/// And after failures of amoCRM: doubled up to this.
const LONGEST_PAUSE: Duration = Duration::from_secs(30 * 60);

/// What a webhook says is not looked at without a pause.
const HINTS_APART: Duration = Duration::from_secs(2);

/// Pause after the store failed.
const STORE_PAUSE: Duration = Duration::from_secs(5);

/// Nothing is asked without a pause.
const SHORTEST_NAP: Duration = Duration::from_millis(100);

/// Leads that were delivered longer ago are not asked about, by the calendar.
const WATCHED_FOR: Millis = 120 * 24 * 3600 * 1000;

/// What was seen and told, for metrics.
#[derive(Debug, Default)]
pub struct WatchCounters {
    /// Leads that have gone on.
    pub forward: AtomicU64,
    /// Leads that have gone back.
    pub back: AtomicU64,
    /// Messages to buyers.
    pub told: AtomicU64,
    /// Passes that amoCRM has ended.
    pub failures: AtomicU64,
}

/// Why a pass ends early.
#[derive(Debug)]
pub(super) enum Halt {
    /// amoCRM cannot be asked now.
    Crm(CrmError),
    /// The store cannot be used.
    Store(StoreError),
    /// Something else comes first: leads that wait, an outage, the end.
    Later,
}

impl From<StoreError> for Halt {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl From<CrmError> for Halt {
    fn from(error: CrmError) -> Self {
        Self::Crm(error)
    }
}

/// Asks about leads and tells buyers.
#[derive(Debug)]
pub struct Watcher<Tz> {
    /// Leads that are watched.
    pub watches: Watches,
    /// Who works on them.
    pub work: LeadWork,
    /// Leads as they were sent.
    pub leads: Leads,
    /// What buyers have finished of forms that were sent for them.
    pub dialogues: Dialogues,
    /// What is written under leads, which follow where theirs was merged.
    pub late_notes: LateNotes,
    /// Where this process leaves what it has seen.
    pub marks: Marks,
    /// Who is asked.
    pub crm: Crm,
    /// Of this term.
    pub lease: Lease,
    /// What buyers are told of which stage.
    pub texts: StatusTexts,
    /// The dealer's clock.
    pub time_zone: Tz,
    /// The way to amoCRM.
    pub health: watch::Receiver<Health>,
    /// What this process has learned of the account.
    pub learned: Arc<Learned>,
    /// What a webhook says.
    pub hints: Hints,
    /// Counters for metrics.
    pub counters: Arc<WatchCounters>,
}

/// A watcher at work.
#[derive(Debug)]
pub(super) struct AtWork<Tz> {
    pub watcher: Watcher<Tz>,
    pub log: WatchLog,
    pub asked: Asked,
    stop: CancellationToken,
    next_at: Millis,
    failures: u32,
}

impl<Tz: TimeZone> Watcher<Tz> {
    /// Runs until stopped; at once over where the settings say nothing of any stage.
    pub async fn run(self, stop: CancellationToken) {
        let clock = self.marks.clock();
        loop {
            let begun = match self.texts.all().is_empty() {
                true => self.is_off().await.map(|()| None),
                false => self.begin().await.map(Some),
            };
            match begun {
                Ok(None) => return,
                Ok(Some(log)) => {
                    let at_work = AtWork { watcher: self, log, asked: Asked::default(), stop, next_at: 0, failures: 0 };
                    return at_work.run().await;
                }
                Err(error) => warn!(%error, "leads are asked about later"),
            }
            tokio::select! {
                () = clock.sleep(STORE_PAUSE) => {}
                () = stop.cancelled() => return,
            }
        }
    }

    /// Whatever happens meanwhile is not told when the settings say something of it later.
    async fn is_off(&self) -> Result<(), StoreError> {
        self.marks.remove(&Mark::Watching).await?;
        self.learned.stages_listed(&self.marks, Vec::new()).await
    }

    async fn begin(&self) -> Result<WatchLog, StoreError> {
        if let Some(log) = watch_log(&self.marks).await? {
            return Ok(log);
        }
        let log = WatchLog { since: self.marks.clock().now(), ..WatchLog::default() };
        self.marks.set(&Mark::Watching, &crate::store::json(&log)).await?;
        Ok(log)
    }
}

impl<Tz: TimeZone> AtWork<Tz> {
    pub(super) fn clock(&self) -> Clock {
        self.watcher.marks.clock()
    }

    async fn run(mut self) {
        let clock = self.clock();
        while !self.stop.is_cancelled() {
            let pause = self.step().await;
            tokio::select! {
                () = tokio::time::sleep(pause) => {}
                () = self.stop.cancelled() => return,
                () = self.watcher.hints.changed() => {
                    // Many changes at once come as many calls.
                    tokio::select! {
                        () = tokio::time::sleep(clock.period(HINTS_APART)) => {}
                        () = self.stop.cancelled() => return,
                    }
                }
            }
        }
    }

    /// Asks where it is time, and tells; returns how long to wait.
    async fn step(&mut self) -> Duration {
        let clock = self.clock();
        let mut longest = EVERY;
        match self.ask().await {
            Ok(()) => self.failures = 0,
            Err(Halt::Later) => longest = POLL_INTERVAL,
            Err(Halt::Store(error)) => {
                warn!(%error, "leads are asked about later");
                return clock.scaled(STORE_PAUSE);
            }
            Err(Halt::Crm(error)) => {
                self.failures += 1;
                self.watcher.counters.failures.fetch_add(1, Ordering::Relaxed);
                let pause = match error {
                    CrmError::Blocked => BLOCKED_PAUSE,
                    CrmError::Throttled { retry_after: Some(pause) } => pause.clamp(EVERY, LONGEST_PAUSE),
                    _ => exponential(EVERY, LONGEST_PAUSE, self.failures - 1, rand::random()),
                };
                info!(%error, failures = self.failures, "amoCRM does not say where leads stand; it is asked again later");
                self.next_at = clock.now() + clock.millis(pause);
            }
        }
        if let Err(error) = self.tell().await {
            warn!(%error, "buyers hear later of where their leads stand");
            return clock.scaled(STORE_PAUSE);
        }
        clock.until(self.next_at).max(clock.period(SHORTEST_NAP)).min(clock.period(longest))
    }

    async fn ask(&mut self) -> Result<(), Halt> {
        // What an outage has kept from being asked is asked once it is over.
        if self.watcher.health.borrow().trouble.is_some() {
            return Err(Halt::Later);
        }
        let hinted = self.watcher.hints.take();
        let now = self.clock().now();
        let is_time = now >= self.next_at || self.next_at > now + self.clock().millis(LONGEST_PAUSE);
        if !hinted.is_empty() || is_time {
            self.watcher.watches.keep_up(now - WATCHED_FOR, self.log.since).await?;
        }
        if !hinted.is_empty() {
            self.ask_about(&hinted).await?;
        }
        if !is_time {
            return Ok(());
        }
        self.ask_about_all().await?;
        self.next_at = self.clock().now() + i64::try_from(self.clock().period(EVERY).as_millis()).unwrap_or(0);
        Ok(())
    }

    /// Deliveries come first, request by request.
    pub(super) async fn let_deliveries_go_first(&self) -> Result<(), Halt> {
        let Watcher { watches, health, .. } = &self.watcher;
        deliveries_go_first(watches, health, &self.stop).await?.then_some(()).ok_or(Halt::Later)
    }

    /// Says which of the settings' stages the account has not.
    pub(super) async fn compare_with_settings(&self) -> Result<(), StoreError> {
        let Watcher { marks, texts, learned, .. } = &self.watcher;
        let lacking = texts.all().iter().filter(|text| !self.asked.order().has(text.pipeline_id, text.status_id));
        let shortage = lacking
            .map(|text| Shortage::MappedStatus { pipeline_id: text.pipeline_id, status_id: text.status_id })
            .collect();
        learned.stages_listed(marks, shortage).await
    }

    /// Tells buyers what is owed to them, by day.
    async fn tell(&self) -> Result<(), StoreError> {
        let (clock, watches) = (self.clock(), &self.watcher.watches);
        let now = clock.now();
        if is_night(date(now), &self.watcher.time_zone) {
            return Ok(());
        }
        let owed = watches.owed().await?;
        if owed.is_empty() {
            return Ok(());
        }
        let apart = clock.millis(APART);
        let told = watches.told_since(now - apart).await?;
        for owed in next_to_tell(&owed, &told, now, apart) {
            self.tell_of(owed).await?;
        }
        Ok(())
    }

    async fn was_finished(&self, owed: &OwedStatus) -> Result<bool, StoreError> {
        let Ok(id) = Ulid::from_string(&owed.lead_id) else { return Ok(false) };
        let amended = self.watcher.dialogues.amended(&[id]).await?.remove(&id);
        Ok(amended.and_then(|amended| amended.lead).is_some_and(|lead| !lead.is_unfinished()))
    }

    async fn tell_of(&self, owed: &OwedStatus) -> Result<(), StoreError> {
        let Watcher { watches, texts, lease, counters, .. } = &self.watcher;
        let Some(text) = texts.by_key(&owed.key) else { return watches.not_owed(owed).await };
        // Whoever has left a form has sent nothing and knows no number, unless they finish it.
        if owed.unfinished && !self.was_finished(owed).await? {
            return watches.not_owed(owed).await;
        }
        let Some(chat) = owed.chat else { return watches.end(&owed.lead_id, WatchEnd::Nobody).await };
        let notice =
            Notice::StatusReached { number: owed.number.clone(), key: owed.key.clone(), text: text.text.clone() };
        let message = NewMessage { chat, notice, due_at: self.clock().now() };
        let told = watches.tell(lease, owed, &message).await?;
        let _span = lead_span(&owed.number).entered();
        match told {
            true => {
                counters.told.fetch_add(1, Ordering::Relaxed);
                info!(status = owed.key, "a buyer is told where the lead stands");
            }
            false => debug!(status = owed.key, "nothing is owed of it any more"),
        }
        Ok(())
    }
}
