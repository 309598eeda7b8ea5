//! Sends what is in the outbox until Telegram has taken it.
//!
//! Properties:
//! - In order for each chat, chats side by side: a chat that is slow or throttled holds up nobody but itself, and the
//!   intake waits for none of it.
//! - An answer is handed over right after its commit and sent without a look into the store; looks find what other parts
//!   of the program and other processes have enqueued, what waits for its time, and what a dead process has left.
//! - A message that was sent but whose deletion from the store was lost (a kill in between) is sent again: Telegram has
//!   no key to prevent that, and a number told twice is better than one never told.
//! - At the end everything that was handed over is sent once; what does not get through is in the store. Where another
//!   process leads instead, nothing more is begun: that one sends what is in the store, and each would do it for itself.

mod buttons;
mod cards;
mod chats;
mod group_pace;
mod handover;
mod managers_chat;
mod sending;
mod throttle;
mod topics;

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
    notice::{AdminNotice, Notice, Recipient, Recipients},
    store::{
        AfterSending, Became, ButtonsChange, Dialogues, MessagePlace, NOBODYS_CHAT, Outbox, OutboxMessage, SendFailure,
        SentMessages, Store, StoreError, Urgency,
    },
    unfinished::is_night,
    wording::{Markup, Wording},
};

use super::{
    client::{SendError, Taken, Telegram},
    lang::lang_of,
    listener::IntakeCounters,
    pace::Pause,
};
use buttons::ButtonsOff;
use cards::Cards;
use chats::{Chats, Found, Next};
use group_pace::{GroupPace, WITHIN};
pub use handover::{Fresh, HandOver};
use managers_chat::ManagersChat;
use throttle::Throttle;
use topics::Topics;

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

/// While a group has had all that it may have for now, cards of new leads are looked for so often.
const CARDS_LOOK: Duration = Duration::from_secs(1);

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
    recipients: Recipients,
    sent: SentMessages,
    cards: Cards,
    intake: Arc<IntakeCounters>,
    handed_over: HandOver,
    chats: Arc<Mutex<Chats>>,
    /// The store is to be looked into.
    look: Arc<Notify>,
    places: Arc<Semaphore>,
    backlog_places: Arc<Semaphore>,
    throttle: Arc<Mutex<Throttle>>,
    /// What each group got lately.
    paces: Arc<Mutex<HashMap<i64, GroupPace>>>,
    topics: Topics,
    managers_chat: ManagersChat,
    /// How often in a row the result of a message to a chat could not be stored.
    troubles: Arc<Mutex<HashMap<i64, u32>>>,
    figures: Arc<OutboxCounters>,
    buttons: ButtonsOff,
    /// Another process sends from now on.
    followed: CancellationToken,
}

impl OutboxSender {
    /// A sender for one bot.
    pub fn new(
        telegram: Telegram,
        store: &Store,
        handed_over: HandOver,
        wording: Arc<Wording>,
        recipients: Recipients,
        intake: Arc<IntakeCounters>,
    ) -> Self {
        let clock = store.clock();
        let buttons = ButtonsOff::new(telegram.clone(), store.outbox(), clock);
        let groups = telegram.groups().clone();
        Self {
            topics: Topics::new(telegram.clone(), store, recipients),
            managers_chat: ManagersChat::new(store.open_alerts(), store.outbox(), groups, clock, recipients),
            paces: Arc::default(),
            telegram,
            outbox: store.outbox(),
            dialogues: store.dialogues(),
            clock,
            wording,
            recipients,
            sent: store.sent_messages(),
            cards: Cards::new(store),
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
            followed: CancellationToken::new(),
        }
    }

    /// The same, which begins nothing more once another process leads.
    pub fn until_followed(self, followed: CancellationToken) -> Self {
        Self { followed, ..self }
    }

    /// The same with `MANAGERS_CHAT_ID`, and with whom what concerns it is told.
    pub fn with_managers(self, chat_id: Option<i64>, told: Recipients) -> Self {
        Self { topics: self.topics.in_group(chat_id, told), managers_chat: self.managers_chat.telling(told), ..self }
    }

    /// Counters for metrics.
    pub fn figures(&self) -> Arc<OutboxCounters> {
        self.figures.clone()
    }

    /// Sends until stopped; what was handed over by then is finished, but where another process leads now.
    pub async fn run(self, stop: CancellationToken) {
        let tasks = TaskTracker::new();
        let mut pause = Pause::new(FIRST_PAUSE, LONGEST_REST);
        let mut was_unreachable = false;
        let mut is_look_due = true;
        self.buttons.go_on().await;
        if let Err(error) = self.topics.restore().await {
            warn!(%error, "topics of buyers are not known until they are written in");
        }
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
                if let Some(chat_id) = self.recipients.chat(Recipient::Managers)
                    && let Err(error) = self.managers_chat.hurry_if_heard(chat_id).await
                {
                    warn!(%error, "what waits for the managers waits for longer than it needs to");
                }
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
            if let (Some(pressed), Some((message, _))) = (fresh.pressed, fresh.messages.first()) {
                self.buttons.pressed(message.chat_id, pressed);
            }
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
        while !self.followed.is_cancelled() {
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
            if self.followed.is_cancelled() {
                return;
            }
            let Some((next, jumps)) = self.in_time(next, &stop).await else {
                // The next start goes on with it.
                self.chats().later(chat_id);
                continue;
            };
            let id = next.message.id.clone();
            match self.deliver(next).await {
                Ok(Sent::Done(after)) => self.forget(chat_id, &id, &after, &stop).await,
                Ok(Sent::Later) => self.chats().later(chat_id),
                Err(error) => {
                    warn!(%error, "a message's result could not be stored; it may be sent again");
                    // It is due as before: without a pause it would be sent on and on.
                    self.rest(chat_id, &stop).await;
                    self.chats().later(chat_id);
                }
            }
            if jumps {
                // What it has gone before is still in the store.
                self.chats().later(chat_id);
            }
        }
    }

    /// Waits until a group may get one more message; meanwhile the card of a new lead goes before all that waits, which the
    /// answer tells. `None` where it has to wait until after the end.
    async fn in_time(&self, next: Next, stop: &CancellationToken) -> Option<(Next, bool)> {
        let chat_id = next.message.chat_id;
        // Groups alone have ids below zero; buyers are held up by nothing here.
        if chat_id >= 0 {
            return Some((next, false));
        }
        let (mut next, mut jumps) = (next, false);
        loop {
            let is_card = next.message.notice.is_new_card();
            let now = Instant::now();
            let Some(at) = self.pace_of(chat_id, |pace| {
                let at = pace.next_at(is_card, now);
                if at.is_none() {
                    pace.sends(now);
                }
                at
            }) else {
                return Some((next, jumps));
            };
            if !is_card {
                match self.outbox.first_card(chat_id).await {
                    Ok(Some(card)) => {
                        (next, jumps) = (Next { message: card, lang: None }, true);
                        continue;
                    }
                    Ok(None) => {}
                    Err(error) => warn!(%error, "a card may wait behind what is older"),
                }
            }
            tokio::select! {
                () = tokio::time::sleep_until(at.min(now + self.clock.period(CARDS_LOOK))) => {}
                () = stop.cancelled() => return None,
            }
        }
    }

    fn pace_of<T>(&self, chat_id: i64, what: impl FnOnce(&mut GroupPace) -> T) -> T {
        let mut paces = self.paces.lock().unwrap_or_else(PoisonError::into_inner);
        what(paces.entry(chat_id).or_insert_with(|| GroupPace::new(self.clock.scaled(WITHIN))))
    }

    /// Has a message that Telegram has taken go from the store, in passing where none waits behind it. While the store
    /// fails that is tried again, not the sending; what is still there at the end is sent again by the next start.
    async fn forget(&self, chat_id: i64, id: &str, after: &AfterSending, stop: &CancellationToken) {
        loop {
            // What can be answered may be at once.
            let waits = self.chats().has_next(chat_id) || after.became.is_some();
            let urgency = if waits { Urgency::Now } else { Urgency::InPassing };
            match self.outbox.sent(id, chat_id, after.clone(), urgency).await {
                Ok(()) => {
                    self.buttons.changed(chat_id, &after.buttons);
                    break;
                }
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
            (Notice::Admin(AdminNotice::PollsFail { .. }), None) => return Ok(Sent::Done(AfterSending::default())),
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
                return Ok(Sent::Done(AfterSending::default()));
            }
        }
        if let Notice::StatusReached { number, key, .. } = &message.notice
            && is_night(date(self.clock.now()), &self.wording.time_zone)
        {
            self.dialogues.watches().not_at_night(&message.id, number, key).await?;
            return Ok(Sent::Done(AfterSending::default()));
        }
        let is_handed_over = lang.is_some();
        let places = if is_handed_over { &self.places } else { &self.backlog_places };
        let lang = match lang {
            Some(lang) => lang,
            None => lang_of(&self.dialogues, chat_id).await?,
        };
        let _place = places.acquire().await;
        point("outbox.before_send");
        let words = self.words(&message, lang).await?;
        let is_pressable = matches!(words.markup, Some(Markup::Buttons(_)));
        let sending = self.send_where_it_belongs(&message, &words, lang);
        let begin = || self.buttons.begin(chat_id, &message.notice, is_handed_over);
        let (sent, edits) = match message.attempts {
            0 => {
                let (sent, edits) = tokio::join!(sending, begin());
                (sent, Some(edits))
            }
            // What is sent again and again takes no buttons off again and again.
            _ => (sending.await, None),
        };
        let (is_new, sent) = sent?;
        point("outbox.after_send");
        match &sent {
            Err(SendError::Later { after: Some(pause), .. }) => {
                self.throttle().refused(chat_id, self.clock.scaled(*pause), Instant::now());
            }
            Err(SendError::Later { .. }) => {}
            _ => self.throttle().answered(),
        }
        // What is there stays there, whatever becomes of a change of it.
        let became = |became: Became| {
            let is_known = is_new || matches!(became, Became::There(_));
            message.notice.becomes().filter(|_| is_known).map(|reference| (reference.clone(), became))
        };
        let given_up = |failure| {
            self.figures.given_up.fetch_add(1, Ordering::Relaxed);
            Sent::Done(AfterSending { buttons: ButtonsChange::default(), became: became(Became::Failed(failure)) })
        };
        match sent {
            Ok(taken) => {
                if taken.is_some()
                    && self.is_chat(Recipient::Managers, chat_id)
                    && let Err(error) = self.managers_chat.works().await
                {
                    // The message is there all the same; the next one shows it again.
                    warn!(%error, "that the managers' chat takes messages is told later");
                }
                self.figures.sent.fetch_add(1, Ordering::Relaxed);
                let edits = match edits {
                    Some(edits) => edits,
                    None => begin().await,
                };
                let number = taken.map(|taken| taken.message_id);
                let place = taken.map(|Taken { place, message_id }| MessagePlace {
                    sent_to: place.chat_id,
                    topic: place.topic,
                    message_id,
                });
                Ok(Sent::Done(AfterSending {
                    buttons: edits.ended(number.filter(|_| is_pressable)),
                    became: place.and_then(|place| became(Became::There(place))),
                }))
            }
            Err(error @ (SendError::ChatClosed(_) | SendError::Refused(_) | SendError::NoTopic(_)))
                if self.is_chat(Recipient::Operator, chat_id) =>
            {
                warn!(%error, "the admin's chat cannot be reached: open the bot there and press Start");
                self.put_off(&message, ADMIN_PAUSE).await
            }
            Err(error) if self.is_chat(Recipient::Managers, chat_id) && error.is_about_the_chat() => {
                self.managers_chat.is_closed(chat_id, &error.to_string()).await?;
                self.put_off(&message, ADMIN_PAUSE).await
            }
            Err(SendError::ChatClosed(cause)) => {
                // Only this message: the buyer may open the chat again while it is on its way, and send a request.
                info!(cause, "a buyer's chat is closed; what was owed to it is given up, its leads are not");
                self.dialogues.chat_closed(chat_id).await?;
                self.dialogues.end_watches(chat_id).await?;
                Ok(given_up(SendFailure::Closed))
            }
            Err(SendError::Refused(cause) | SendError::NoTopic(cause)) => {
                warn!(cause, "Telegram refuses a message; it is given up");
                Ok(given_up(SendFailure::Refused))
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

    fn is_chat(&self, recipient: Recipient, chat_id: i64) -> bool {
        self.recipients.chat(recipient).is_some_and(|ours| self.telegram.groups().is_same(ours, chat_id))
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
    Done(AfterSending),
    /// It waits for its time.
    Later,
}
