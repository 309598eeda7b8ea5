//! The update listener: long polling that confirms to Telegram only what is done.
//!
//! teloxide's own polling asks for the next batch, and so confirms the last one, while handlers still run. This one
//! asks only when every update of the batch is processed (see [`UpdateBatch`]). It also sees what teloxide's dispatcher
//! would drop: updates that cannot be parsed are kept in the store, counted and answered.
//!
//! Two polls at once: during a rolling deploy the old instance is told 409 until the new one stops asking. That is
//! waited out quietly for [`QUIET_CONFLICT`]; then the admin is told.

use std::{
    collections::VecDeque,
    sync::{Arc, Once, atomic::Ordering},
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
    lead::read_plans,
    notice::{AdminLine, Notice, PollTrouble, Say},
    store::{Dialogues, NewMessage},
};

pub use super::counters::{IntakeCounters, PollsFailing};
use super::{
    answer::List,
    api::{self, is_too_large},
    client::{Telegram, describe, poll_trouble},
    intake::{ATTEMPTS, Failure, UpdateBatch},
    pace::{Complaint, Pause},
    reading,
    strays::{self, Numbered, Stray, Strays},
};

static READ_PLANS: Once = Once::new();

/// A second instance is expected for so long during a rolling deploy.
pub const QUIET_CONFLICT: Duration = Duration::from_secs(60);

/// Pauses after failed polls and failed batches: doubled up to the last.
const FIRST_PAUSE: Duration = Duration::from_millis(500);
const LAST_PAUSE: Duration = Duration::from_secs(15);

/// While another instance takes the updates.
const CONFLICT_PAUSE: Duration = Duration::from_secs(2);

/// Telegram may ask to wait for longer than our own pauses, up to this.
const LONGEST_ASKED: Duration = Duration::from_secs(600);

/// An empty poll takes at least so long, whatever the server says; not scaled, as no server's pace is.
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
    figures: Arc<IntakeCounters>,
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
        figures: Arc<IntakeCounters>,
        admin: AdminLine,
    ) -> Self {
        Self {
            way: telegram.routes().current(),
            is_new_way: false,
            telegram,
            clock: dialogues.clock(),
            dialogues,
            intake,
            figures,
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
        let is_first = self.figures.polls() == 0 || std::mem::take(&mut self.is_new_way);
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
        self.figures.last_poll.store(self.clock.now(), Ordering::Relaxed);
        self.figures.polls.fetch_add(1, Ordering::Relaxed);
        self.figures.updates.fetch_add(list.elements.len() as u64, Ordering::Relaxed);
        self.poll_pause.reset();
        self.way = self.telegram.routes().current();
        // While another instance takes its turns, an answer says nothing.
        let now = self.clock.now();
        if self.conflict.as_ref().is_none_or(|conflict| !conflict.goes_on(now, self.clock)) {
            self.figures.works();
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
            self.figures.works();
        }
        // Everything is confirmed. Without an offset the next poll also sees ids that restart lower, as Telegram's
        // do at random after a week without updates.
        self.offset = None;
        self.cut_off = 0;
        self.strays = Strays::default();
    }

    async fn take(&mut self, list: List<'_>) {
        let mut batch = strays::sort(&list.elements);
        match list.broken {
            Some(rest) if list.elements.is_empty() => {
                self.cut_off += 1;
                warn!(times = self.cut_off, "an answer breaks off within its first update");
                if self.cut_off <= ATTEMPTS {
                    let pause = self.batch_pause.grow();
                    return self.rest(pause).await;
                }
                // By now it is the update, not the network. Ids follow each other, so where none can be read in it, it
                // is the one that was asked for.
                batch.strays.push(Stray::cut_off(rest, self.offset));
                self.cut_off = 1;
            }
            _ => self.cut_off = 0,
        }
        for stray in &batch.strays {
            if self.strays.knows(stray) {
                continue;
            }
            if !self.set_aside(stray).await {
                // None of the batch is taken or confirmed: it comes again.
                let pause = self.batch_pause.grow();
                return self.rest(pause).await;
            }
            self.strays.add(stray);
        }
        let Some(last) = batch.updates.last() else {
            // Nothing but what is set aside: it goes when the offset passes it.
            match self.strays.next_offset(&batch.strays) {
                Some(offset) => (self.offset, self.passing) = (Some(offset), true),
                None => self.rest(AGAIN_PAUSE).await,
            }
            return;
        };
        self.strays.accompanied();
        if self.offset.is_some_and(|offset| i64::from(last.id) < offset) {
            // They were confirmed by asking for more, and came all the same.
            self.rest(AGAIN_PAUSE).await;
        }
        let read: Vec<_> = batch.updates.iter().map(|update| (update, self.read(update))).collect();
        // Somebody is there, who may give a number soon.
        READ_PLANS.call_once(|| drop(tokio::task::spawn_blocking(read_plans)));
        self.open = true;
        self.intake.open(read.iter().map(|(update, read)| (update.id, read.as_ref().ok().and_then(chat_of))));
        for (update, read) in read {
            if self.intake.is_done(update.id) {
                continue;
            }
            match read {
                Ok(read) => self.queue.push_back(read),
                Err(NotRead::NotAskedFor) => {
                    self.figures.not_asked_for.fetch_add(1, Ordering::Relaxed);
                    self.intake.hand_out(update.id);
                    self.intake.done(update.id);
                }
                Err(NotRead::Unreadable) => {
                    self.intake.hand_out(update.id);
                    if self.set_aside(&Stray::unreadable(update)).await {
                        self.intake.done(update.id);
                    } else {
                        self.intake.failed(update.id, &Failure::Store);
                    }
                }
            }
        }
    }

    fn read(&self, update: &Numbered) -> Result<Update, NotRead> {
        let body = update.body.as_ref().map_err(|_| NotRead::Unreadable)?;
        let kind = reading::kind_of(body).ok_or(NotRead::NotAskedFor)?;
        let read = reading::read(update.id, kind, &body[kind]).ok_or(NotRead::Unreadable)?;
        if !read.lost.is_empty() {
            self.figures.read_in_part.fetch_add(1, Ordering::Relaxed);
            info!(update = update.id, kind, lost = strays::names(&read.lost), "a part of an update cannot be read");
        }
        Ok(read.update)
    }

    /// Keeps what cannot be handled, and answers it where it came from a private chat; false when the store does not
    /// take it.
    async fn set_aside(&mut self, stray: &Stray) -> bool {
        self.figures.unparsable.fetch_add(1, Ordering::Relaxed);
        warn!(update = stray.id, kind = stray.kind, reason = stray.reason, "an update is set aside");
        // Enqueued and not sent from here, so that a slow chat holds nobody up.
        let answer = stray.chat.map(|chat_id| NewMessage {
            chat_id,
            notice: Notice::Reply(vec![Say::OnlyText]),
            due_at: self.clock.now(),
        });
        let kept = self
            .dialogues
            .set_aside(stray.key, stray.chat, &stray.kind, stray.reason, &stray.body, answer.as_ref())
            .await;
        if let Err(error) = &kept {
            self.store_failed = true;
            self.admin.store_failed(error.to_string());
        } else if std::mem::take(&mut self.store_failed) {
            self.admin.store_recovered();
        }
        kept.is_ok()
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
        self.figures.has_failed(trouble, since, routes.is_unreachable());
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

/// Why an update goes to no handler.
#[derive(Debug)]
enum NotRead {
    /// Its kind was not asked for; Telegram sends such for a while after what is asked for has changed.
    NotAskedFor,
    /// There is nobody to answer in it.
    Unreadable,
}

/// The chat an update belongs to: the key by which the dispatcher keeps order.
pub fn chat_of(update: &Update) -> Option<i64> {
    update.chat().map(|chat| chat.id.0)
}
