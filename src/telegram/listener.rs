//! The update listener: long polling that confirms to Telegram only what is done.
//!
//! teloxide's own polling asks for the next batch, and so confirms the last one, while handlers still run. This one
//! asks only when every update of the batch is processed (see [`UpdateBatch`]). It also sees what teloxide's dispatcher
//! would drop: updates that cannot be parsed are kept in the store, counted and answered.
//!
//! Two polls at once: during a rolling deploy the old instance is told 409 until the new one stops asking. That is
//! waited out quietly for [`QUIET_CONFLICT`]; then the admin is told.

mod batch;

use std::{
    collections::VecDeque,
    sync::{Arc, atomic::Ordering},
    time::{Duration, Instant},
};

use serde_json::json;
use teloxide::{
    RequestError,
    payloads::DeleteWebhook,
    stop::{StopFlag, StopToken, mk_stop_token},
    types::Update,
};
use tracing::{info, warn};

use crate::{
    clock::{Clock, Millis},
    fault::point,
    lead::ChatRef,
    notice::{AdminLine, PollTrouble},
    store::Dialogues,
};

pub use super::counters::{IntakeCounters, PollsFailing};
use super::{
    api::{self, is_too_large},
    client::{Telegram, describe, poll_trouble},
    intake::UpdateBatch,
    pace::{Complaint, Pause},
    reading,
    strays::Strays,
};

/// How long a second instance is expected during a rolling deploy.
pub const QUIET_CONFLICT: Duration = Duration::from_secs(60);

/// Pauses after failed polls and failed batches: doubled up to the last.
const FIRST_PAUSE: Duration = Duration::from_millis(500);
const LAST_PAUSE: Duration = Duration::from_secs(15);

/// While another instance takes the updates.
const CONFLICT_PAUSE: Duration = Duration::from_secs(2);

/// Telegram may ask to wait for longer than our own pauses, up to this.
const LONGEST_ASKED: Duration = Duration::from_secs(600);

/// The least time that an empty poll takes, whatever the server says; not scaled, as no server's pace is.
const LEAST_POLL: Duration = Duration::from_millis(300);

/// Before asking again where what is done comes again and again.
const AGAIN_PAUSE: Duration = Duration::from_secs(1);

/// The most updates that Telegram gives at once.
const MOST_UPDATES: u8 = 100;

/// Another instance takes updates too.
#[derive(Debug)]
struct Conflict {
    since: Millis,
    last: Millis,
    told: bool,
}

impl Conflict {
    /// The last one may have ended without an undisturbed poll, among busy buyers.
    fn goes_on(&self, now: Millis, clock: Clock) -> bool {
        now - self.last <= clock.millis(QUIET_CONFLICT)
    }
}

/// Long polling under the rule of [`UpdateBatch`].
pub struct Listener {
    telegram: Telegram,
    dialogues: Dialogues,
    clock: Clock,
    intake: Arc<UpdateBatch>,
    counters: Arc<IntakeCounters>,
    admin: AdminLine,
    queue: VecDeque<Update>,
    offset: Option<i64>,
    /// A batch was taken and its end not yet looked at.
    open: bool,
    conflict: Option<Conflict>,
    /// The store refused the last update that was to be set aside.
    store_failed: bool,
    /// After failed batches.
    batch_pause: Pause,
    /// After failed polls.
    poll_pause: Pause,
    complaint: Complaint,
    /// The way of the last poll.
    way: usize,
    /// Another way than before is taken.
    is_new_way: bool,
    strays: Strays,
    /// The next poll only passes strays.
    passing: bool,
    /// How often the first update of an answer was not whole.
    cut_off: u32,
    /// How many updates are asked for.
    batch: u8,
    stop: (StopToken, StopFlag),
}

impl Listener {
    /// A listener that asks for everything Telegram still holds.
    pub fn new(
        telegram: Telegram,
        dialogues: Dialogues,
        intake: Arc<UpdateBatch>,
        counters: Arc<IntakeCounters>,
        admin: AdminLine,
    ) -> Self {
        Self {
            way: telegram.routes().current(),
            is_new_way: false,
            telegram,
            clock: dialogues.clock(),
            dialogues,
            intake,
            counters,
            admin,
            queue: VecDeque::new(),
            offset: None,
            open: false,
            conflict: None,
            store_failed: false,
            batch_pause: Pause::new(FIRST_PAUSE, LAST_PAUSE),
            poll_pause: Pause::new(FIRST_PAUSE, LAST_PAUSE),
            complaint: Complaint::default(),
            strays: Strays::default(),
            passing: false,
            cut_off: 0,
            batch: MOST_UPDATES,
            stop: mk_stop_token(),
        }
    }

    /// The next update to handle; `None` once stopped.
    pub async fn next(&mut self) -> Option<Update> {
        loop {
            if self.stop.1.is_stopped() {
                // What was not handed out stays at Telegram.
                return None;
            }
            if let Some(update) = self.queue.pop_front() {
                self.intake.hand_out(update.id.0);
                return Some(update);
            }
            if std::mem::take(&mut self.open) {
                let processed = self.intake.wait_until_processed().await;
                self.offset = Some(i64::from(processed.offset));
                if processed.failed {
                    let pause = self.batch_pause.grow();
                    self.rest(pause).await;
                    if self.stop.1.is_stopped() {
                        return None;
                    }
                } else {
                    self.batch_pause.reset();
                }
            }
            point("intake.before_confirm");
            self.poll().await;
        }
    }

    /// Ends the listening.
    pub fn stop_token(&self) -> StopToken {
        self.stop.0.clone()
    }

    /// Waits before the next try.
    async fn rest(&self, pause: Duration) {
        self.wait(self.clock.scaled(pause)).await;
    }

    async fn wait(&self, pause: Duration) {
        tokio::select! {
            () = tokio::time::sleep(pause) => {}
            () = self.stop.1.clone() => {}
        }
    }

    async fn poll(&mut self) {
        // The first answer comes at once, so that a health check need not wait for a long poll to end, and where
        // something was wrong it is soon known whether it still is.
        let passing = std::mem::take(&mut self.passing);
        let is_first = self.counters.polls() == 0 || std::mem::take(&mut self.is_new_way);
        let patience = match is_first || self.telegram.routes().all_failed() {
            true => 0,
            // What comes meanwhile may have lower ids, and is asked for at once.
            false if passing => 0,
            false => self.telegram.long_poll().as_secs(),
        };
        // After an answer that is not whole one at a time, so that the one it breaks off in is known.
        let limit = if self.cut_off > 0 { 1 } else { self.batch };
        let mut parameters = json!({"timeout": patience, "limit": limit, "allowed_updates": reading::KINDS});
        if let Some(offset) = self.offset {
            parameters["offset"] = offset.into();
        }
        if passing {
            self.offset = None;
        }
        if self.telegram.routes().is_preferred_due() {
            let mut quick = parameters.clone();
            (quick["timeout"], quick["limit"]) = (0.into(), 1.into());
            tokio::select! {
                () = self.telegram.try_preferred(&quick) => {}
                () = self.stop.1.clone() => return,
            }
        }
        let asked_at = Instant::now();
        let (attempt, answer) = tokio::select! {
            polled = self.telegram.poll(&parameters, Duration::from_secs(patience)) => polled,
            () = self.stop.1.clone() => return,
        };
        let Some(answer) = answer else {
            // Sends have found out that this way does not work; the poll on it is over.
            return self.take_next_way();
        };
        let answer = answer.as_deref().map_err(Clone::clone).and_then(api::updates);
        self.telegram.ended(attempt, answer.as_ref().err());
        let list = match answer {
            Ok(list) => list,
            Err(error) => return self.poll_failed(&error).await,
        };
        self.counters.last_poll.store(self.clock.now(), Ordering::Relaxed);
        self.counters.polls.fetch_add(1, Ordering::Relaxed);
        self.counters.updates.fetch_add(list.elements.len() as u64, Ordering::Relaxed);
        self.poll_pause.reset();
        self.way = self.telegram.routes().current();
        // While another instance takes its turns, an answer says nothing.
        let now = self.clock.now();
        if self.conflict.as_ref().is_none_or(|conflict| !conflict.goes_on(now, self.clock)) {
            self.counters.works();
        }
        self.batch = MOST_UPDATES;
        if let Some(failures) = self.complaint.over() {
            info!(failures, "Telegram answers polls again");
        }
        self.intake.confirmed();
        point("intake.received");
        if !list.elements.is_empty() || list.broken.is_some() {
            return self.take(list).await;
        }
        self.nothing_new(patience > 0);
        if patience > 0 {
            // A server that does not hold polls is not asked without end.
            self.wait(LEAST_POLL.saturating_sub(asked_at.elapsed())).await;
        }
    }

    fn nothing_new(&mut self, held: bool) {
        // Held for its whole time and disturbed by nobody. An answer with updates says nothing: two instances that end
        // each other's polls get such answers too.
        if held {
            self.conflict = None;
            self.counters.works();
        }
        // Everything is confirmed. Without an offset the next poll also sees ids that restart lower, as Telegram's
        // do at random after a week without updates.
        self.offset = None;
        self.cut_off = 0;
        self.strays = Strays::default();
    }

    /// Another way is asked at once, and with patience for what the last one did not bring.
    fn take_next_way(&mut self) {
        self.way = self.telegram.routes().current();
        self.is_new_way = true;
        self.poll_pause.reset();
    }

    async fn poll_failed(&mut self, error: &RequestError) {
        if is_too_large(error) && self.batch > 1 {
            self.batch /= 2;
            warn!(batch = self.batch, "the updates are too much for one answer; asking for fewer");
            return;
        }
        let trouble = poll_trouble(error);
        let pause = match trouble {
            PollTrouble::SecondInstance => {
                self.conflict();
                CONFLICT_PAUSE
            }
            PollTrouble::Webhook => {
                if self.complaint.failure().is_some() {
                    info!("a webhook is set for this bot; removing it, updates are kept");
                }
                let _ = self.telegram.call(&DeleteWebhook::new()).await;
                self.poll_pause.grow()
            }
            _ => {
                if let Some(failures) = self.complaint.failure() {
                    warn!(error = describe(error), failures, "a poll failed");
                }
                let growing = self.poll_pause.grow();
                match error {
                    RequestError::RetryAfter(asked) => asked.duration().clamp(growing, LONGEST_ASKED),
                    _ => growing,
                }
            }
        };
        let routes = self.telegram.routes();
        let since = self.conflict.as_ref().map_or_else(|| self.clock.now(), |conflict| conflict.since);
        self.counters.has_failed(trouble, since, routes.is_unreachable());
        if routes.current() != self.way && !routes.all_failed() {
            return self.take_next_way();
        }
        self.way = routes.current();
        self.rest(pause).await;
    }

    fn conflict(&mut self) {
        let (now, quiet) = (self.clock.now(), self.clock.millis(QUIET_CONFLICT));
        let conflict = match &mut self.conflict {
            Some(conflict) if conflict.goes_on(now, self.clock) => conflict,
            ended => {
                info!("another instance takes the updates; waiting for it to stop");
                ended.insert(Conflict { since: now, last: now, told: false })
            }
        };
        conflict.last = now;
        if !conflict.told && now - conflict.since >= quiet {
            warn!("another instance with the same bot token is running");
            conflict.told = true;
        }
    }
}

/// The chat an update belongs to: the key by which the dispatcher keeps order.
pub fn chat_of(update: &Update) -> Option<ChatRef> {
    update.chat().map(|chat| chat.id.into())
}
