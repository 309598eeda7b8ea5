//! Sends what is in the outbox until Telegram has taken it.
//!
//! Properties:
//! - In order for each chat, chats side by side: a chat that is slow or throttled holds up nobody but itself, and the
//!   intake waits for none of it.
//! - An answer is handed over right after its commit and sent without a look into the store; looks find what other parts
//!   of the program and other processes have enqueued, what waits for its time, and what a dead process has left.
//! - A message that was sent but whose deletion from the store was lost (a kill in between) is sent again: Telegram has
//!   no key to prevent that, and a number told twice is better than one never told.
//! - At the end everything that was handed over is sent once; what does not get through is in the store.

mod buttons;
mod chats;
mod handover;
mod throttle;

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use tokio::{
    sync::{Notify, Semaphore},
    time::Instant,
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tracing::{info, warn};

use crate::{
    clock::{Clock, date},
    fault::point,
    notice::{AdminNotice, Notice, Say},
    store::{ButtonsChange, Dialogues, NOBODYS_CHAT, Outbox, OutboxMessage, Store, StoreError, Urgency},
    unfinished::is_night,
    wording::{Markup, ShownDocument, Wording, file_caption, render_notice},
};

use super::{
    client::{Attachment, Place, SendError, Telegram},
    lang::lang_of,
    listener::IntakeCounters,
    pace::Pause,
};
use buttons::ButtonsOff;
use chats::{Chats, Found, Next};
pub use handover::{Fresh, HandOver};
use throttle::Throttle;

/// Messages under way at once. How many a second Telegram takes it says itself, see [`Throttle`].
const AT_ONCE: usize = 256;

/// And of those that waited in the store: nobody waits for them with a phone in the hand.
const BACKLOG_AT_ONCE: usize = 32;

/// The most messages that one look starts.
const MOST_FOUND: i64 = 200;

/// How often another process's messages are looked for.
const POLL_INTERVAL: Duration = Duration::from_secs(1);

/// Pauses after failures: doubled up to the last.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
const LAST_PAUSE: Duration = Duration::from_secs(300);

/// Pauses after the store failed grow up to this.
const LONGEST_REST: Duration = Duration::from_secs(15);

/// What belongs into a later message is held back so often, a second each.
const MOST_HOLDS: i64 = 3600;

/// The admin may not have opened the chat yet; alerts wait for it.
const ADMIN_PAUSE: Duration = Duration::from_secs(300);

/// What became of messages, for metrics.
#[derive(Debug, Default)]
pub struct OutboxCounters {
    /// Taken by Telegram.
    pub sent: AtomicU64,
    /// Put off.
    pub put_off: AtomicU64,
    /// Given up: the chat is closed to the bot, or Telegram refuses the message.
    pub given_up: AtomicU64,
}

/// The sender of what is in the outbox.
#[derive(Debug, Clone)]
pub struct OutboxSender {
    telegram: Telegram,
    outbox: Outbox,
    dialogues: Dialogues,
    clock: Clock,
    wording: Arc<Wording>,
    admin_chat_id: Option<i64>,
    intake: Arc<IntakeCounters>,
    handed_over: HandOver,
    chats: Arc<Mutex<Chats>>,
    /// The store is to be looked into.
    look: Arc<Notify>,
    places: Arc<Semaphore>,
    backlog_places: Arc<Semaphore>,
    throttle: Arc<Mutex<Throttle>>,
    /// How often in a row the result of a message to a chat could not be stored.
    troubles: Arc<Mutex<HashMap<i64, u32>>>,
    figures: Arc<OutboxCounters>,
    buttons: ButtonsOff,
}

impl OutboxSender {
    /// A sender for one bot.
    pub fn new(
        telegram: Telegram,
        store: &Store,
        handed_over: HandOver,
        wording: Arc<Wording>,
        admin_chat_id: Option<i64>,
        intake: Arc<IntakeCounters>,
    ) -> Self {
        let clock = store.clock();
        let buttons = ButtonsOff::new(telegram.clone(), store.outbox(), clock);
        Self {
            telegram,
            outbox: store.outbox(),
            dialogues: store.dialogues(),
            clock,
            wording,
            admin_chat_id,
            intake,
            handed_over,
            chats: Arc::default(),
            look: Arc::default(),
            places: Arc::new(Semaphore::new(AT_ONCE)),
            backlog_places: Arc::new(Semaphore::new(BACKLOG_AT_ONCE)),
            throttle: Arc::default(),
            troubles: Arc::default(),
            figures: Arc::default(),
            buttons,
        }
    }

    /// Counters for metrics.
    pub fn figures(&self) -> Arc<OutboxCounters> {
        self.figures.clone()
    }

    /// Sends until stopped; what was handed over by then is finished.
    pub async fn run(self, stop: CancellationToken) {
        let tasks = TaskTracker::new();
        let mut pause = Pause::new(FIRST_PAUSE, LONGEST_REST);
        let mut was_unreachable = false;
        let mut is_look_due = true;
        self.buttons.go_on().await;
        while !stop.is_cancelled() {
            self.take_over(&tasks, &stop);
            if std::mem::take(&mut is_look_due) {
                let unreachable = self.is_unreachable();
                if was_unreachable && !unreachable {
                    // What was tried in vain need not wait for its pause any more.
                    if let Err(error) = self.outbox.hurry_all().await {
                        warn!(%error, "messages wait for longer than they need to");
                    }
                }
                was_unreachable = unreachable;
                // One message is enough to see whether Telegram takes any while it brings none.
                match self.look(if unreachable { 1 } else { MOST_FOUND }, &tasks, &stop).await {
                    Ok(()) => pause.reset(),
                    Err(error) => {
                        warn!(%error, "the outbox cannot be read");
                        tokio::select! {
                            () = self.clock.sleep(pause.grow()) => {}
                            () = stop.cancelled() => {}
                        }
                    }
                }
            }
            tokio::select! {
                () = self.handed_over.rung() => {}
                () = self.outbox.changed() => is_look_due = true,
                () = self.look.notified() => is_look_due = true,
                () = tokio::time::sleep(self.clock.period(POLL_INTERVAL)) => is_look_due = true,
                () = stop.cancelled() => {}
            }
        }
        self.take_over(&tasks, &stop);
        tasks.close();
        tasks.wait().await;
        self.buttons.end().await;
    }

    /// Starts what was handed over.
    fn take_over(&self, tasks: &TaskTracker, stop: &CancellationToken) {
        for fresh in self.handed_over.take() {
            point("outbox.taken");
            let (start, look) = self.chats().hand_over(fresh);
            if let Some(chat_id) = start {
                tasks.spawn(self.clone().send_to(chat_id, stop.clone()));
            }
            if look {
                self.look.notify_one();
            }
        }
    }

    /// Starts the oldest message of every chat that has one due.
    async fn look(&self, limit: i64, tasks: &TaskTracker, stop: &CancellationToken) -> Result<(), StoreError> {
        // Before the store is asked: what is under way now may be sent by the time its answer is read.
        let before = self.chats().under_way();
        for message in self.outbox.due(limit).await? {
            let chat_id = message.chat_id;
            let found = self.chats().found(message, &before);
            match found {
                Found::Start => drop(tasks.spawn(self.clone().send_to(chat_id, stop.clone()))),
                Found::UnderWay => {}
                Found::LookAgain => self.look.notify_one(),
            }
        }
        Ok(())
    }

    /// Sends what is under way to a chat, in order.
    async fn send_to(self, chat_id: i64, stop: CancellationToken) {
        loop {
            let next = self.chats().next(chat_id);
            let next = match next {
                Ok(next) => next,
                Err(more) => {
                    if more {
                        self.look.notify_one();
                    }
                    return;
                }
            };
            tokio::select! {
                () = self.until_all_may_send() => {}
                // The next start goes on with it.
                () = stop.cancelled() => {}
            }
            let id = next.message.id.clone();
            match self.deliver(next).await {
                Ok(Sent::Done(change)) => self.forget(chat_id, &id, &change, &stop).await,
                Ok(Sent::Later) => self.chats().later(chat_id),
                Err(error) => {
                    warn!(%error, "a message's result could not be stored; it may be sent again");
                    // It is due as before: without a pause it would be sent on and on.
                    self.rest(chat_id, &stop).await;
                    self.chats().later(chat_id);
                }
            }
        }
    }

    /// Has a message that Telegram has taken go from the store, in passing where none waits behind it. While the store
    /// fails that is tried again, not the sending; what is still there at the end is sent again by the next start.
    async fn forget(&self, chat_id: i64, id: &str, change: &ButtonsChange, stop: &CancellationToken) {
        loop {
            let urgency = if self.chats().has_next(chat_id) { Urgency::Now } else { Urgency::InPassing };
            match self.outbox.sent(id, chat_id, change.clone(), urgency).await {
                Ok(()) => break,
                Err(error) => {
                    warn!(%error, "a message that was sent could not be taken from the store; it is tried again")
                }
            }
            self.rest(chat_id, stop).await;
            if stop.is_cancelled() {
                return self.chats().later(chat_id);
            }
        }
        point("outbox.after_done");
        self.troubles().remove(&chat_id);
    }

    /// Waits while Telegram takes messages of nobody.
    async fn until_all_may_send(&self) {
        loop {
            let until = self.throttle().until(Instant::now());
            match until {
                Some(until) => tokio::time::sleep_until(until).await,
                None => return,
            }
        }
    }

    fn is_unreachable(&self) -> bool {
        self.intake.failing().is_some_and(|failing| failing.unreachable)
    }

    fn chats(&self) -> MutexGuard<'_, Chats> {
        self.chats.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn throttle(&self) -> MutexGuard<'_, Throttle> {
        self.throttle.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn troubles(&self) -> MutexGuard<'_, HashMap<i64, u32>> {
        self.troubles.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn rest(&self, chat_id: i64, stop: &CancellationToken) {
        let before = {
            let mut troubles = self.troubles();
            let times = troubles.entry(chat_id).or_default();
            *times = times.saturating_add(1);
            *times - 1
        };
        let pause = (FIRST_PAUSE * 2u32.saturating_pow(before.min(16))).min(LONGEST_REST);
        tokio::select! {
            () = self.clock.sleep(pause) => {}
            () = stop.cancelled() => {}
        }
    }

    /// Sends one message and records what came of it, but for its deletion.
    async fn deliver(&self, Next { message, lang }: Next) -> Result<Sent, StoreError> {
        let chat_id = message.chat_id;
        if chat_id == NOBODYS_CHAT {
            return self.put_off(&message, LAST_PAUSE).await;
        }
        let is_told = self.intake.told_failing.load(Ordering::Relaxed);
        match (&message.notice, self.intake.failing()) {
            // It is over, which is told at once.
            (Notice::Admin(AdminNotice::PollsFail { .. }), None) => return Ok(Sent::Done(ButtonsChange::default())),
            // It goes into the message that tells that it is over.
            (Notice::Admin(AdminNotice::ToldElsewhere { .. }), failing)
                if is_told && message.attempts < MOST_HOLDS && failing.is_none_or(|failing| failing.unreachable) =>
            {
                return self.put_off(&message, FIRST_PAUSE).await;
            }
            _ => {}
        }
        // It may have waited for Telegram until the night, or until the buyer has gone on by themselves.
        if message.notice.is_reminder() {
            let is_night = is_night(date(self.clock.now()), &self.wording.time_zone);
            if !self.dialogues.is_reminder_due(&message.id, is_night).await? {
                return Ok(Sent::Done(ButtonsChange::default()));
            }
        }
        let places = if lang.is_some() { &self.places } else { &self.backlog_places };
        let lang = match lang {
            Some(lang) => lang,
            None => lang_of(&self.dialogues, chat_id).await?,
        };
        let _place = places.acquire().await;
        point("outbox.before_send");
        let place = Place { chat_id, topic: message.notice.topic() };
        let words = render_notice(&message.notice, lang, &self.wording);
        let is_pressable = matches!(words.markup, Some(Markup::Buttons(_)));
        let sending = async {
            match &message.notice {
                Notice::File(copy) => match self.telegram.send_copy(place, copy, &file_caption(copy, lang)).await {
                    // Telegram has neither the message nor the file any more.
                    Err(SendError::Refused(_)) => self.telegram.send(place, &words).await,
                    sent => sent.map(|()| None),
                },
                Notice::Reply(parts) => match self.file_of(parts) {
                    Some(file) => {
                        let attachment = Attachment::document(&file.name, file.content.to_vec());
                        self.telegram.send_file(place, attachment, words.text.clone()).await.map(|()| None)
                    }
                    None => self.telegram.send(place, &words).await,
                },
                _ => self.telegram.send(place, &words).await,
            }
        };
        let begin = || self.buttons.begin(chat_id, &message.notice);
        let (sent, edits) = match message.attempts {
            0 => {
                let (sent, edits) = tokio::join!(sending, begin());
                (sent, Some(edits))
            }
            // What is sent again and again takes no buttons off again and again.
            _ => (sending.await, None),
        };
        point("outbox.after_send");
        match &sent {
            Err(SendError::Later { after: Some(pause), .. }) => {
                self.throttle().refused(chat_id, self.clock.scaled(*pause), Instant::now());
            }
            Err(SendError::Later { .. }) => {}
            _ => self.throttle().answered(),
        }
        match sent {
            Ok(number) => {
                self.figures.sent.fetch_add(1, Ordering::Relaxed);
                let edits = match edits {
                    Some(edits) => edits,
                    None => begin().await,
                };
                Ok(Sent::Done(edits.ended(number.filter(|_| is_pressable))))
            }
            Err(error @ (SendError::ChatClosed(_) | SendError::Refused(_) | SendError::NoTopic(_)))
                if self.admin_chat_id.is_some_and(|admin| self.telegram.groups().is_same(admin, chat_id)) =>
            {
                warn!(%error, "the admin's chat cannot be reached: open the bot there and press Start");
                self.put_off(&message, ADMIN_PAUSE).await
            }
            Err(SendError::ChatClosed(cause)) => {
                // Only this message: the buyer may open the chat again while it is on its way, and send a request.
                info!(cause, "a buyer's chat is closed; what was owed to it is given up, its leads are not");
                self.figures.given_up.fetch_add(1, Ordering::Relaxed);
                self.dialogues.chat_closed(chat_id).await?;
                Ok(Sent::Done(ButtonsChange::default()))
            }
            Err(SendError::Refused(cause) | SendError::NoTopic(cause)) => {
                warn!(cause, "Telegram refuses a message; it is given up");
                self.figures.given_up.fetch_add(1, Ordering::Relaxed);
                Ok(Sent::Done(ButtonsChange::default()))
            }
            Err(SendError::Later { cause, after }) => {
                info!(cause, "a message is put off");
                // Once at once: the connection may just have been an old one.
                let growing = match u32::try_from(message.attempts).unwrap_or_default().min(16) {
                    0 => Duration::ZERO,
                    attempts => FIRST_PAUSE * 2u32.saturating_pow(attempts - 1),
                };
                self.put_off(&message, after.unwrap_or(growing.min(LAST_PAUSE))).await
            }
        }
    }

    /// The dealer's document, where it is to be sent as a file.
    fn file_of(&self, parts: &[Say]) -> Option<&ShownDocument> {
        let [Say::ConsentDocument { lang, .. }] = parts else { return None };
        self.wording.consent_document(lang).filter(|document| document.parts.is_empty())
    }

    async fn put_off(&self, message: &OutboxMessage, pause: Duration) -> Result<Sent, StoreError> {
        self.figures.put_off.fetch_add(1, Ordering::Relaxed);
        self.outbox.defer(&message.id, self.clock.now() + self.clock.millis(pause)).await?;
        Ok(Sent::Later)
    }
}

/// What became of a message in the outbox.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Sent {
    /// Telegram has taken it or never will: it is to go from the store, with this.
    Done(ButtonsChange),
    /// It waits for its time.
    Later,
}
