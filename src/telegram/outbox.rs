//! Sends what is owed to chats until Telegram has taken it: in order for each chat, chats side by side.
//!
//! A message that was sent but whose deletion from the store was lost (a kill in between) is sent again: Telegram has
//! no key to prevent that, and a number told twice is better than one never told.

use std::{
    collections::{HashMap, HashSet},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use tokio::sync::{Notify, Semaphore};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tracing::{info, warn};

use crate::{
    clock::Clock,
    fault::point,
    notice::{AdminNotice, Notice},
    store::{NOBODYS_CHAT, OwedMessage, Store, StoreError},
    wording::{Wording, render_notice},
};

use super::{
    client::{Place, SendError, Telegram},
    listener::IntakeCounters,
    pace::Pause,
    storage::lang_of,
};

/// Messages under way at once; Telegram takes about 30 a second from one bot.
const AT_ONCE: usize = 20;

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

/// The sender of owed messages.
#[derive(Debug, Clone)]
pub struct Outbox {
    telegram: Telegram,
    store: Store,
    clock: Clock,
    wording: Arc<Wording>,
    admin_chat_id: Option<i64>,
    intake: Arc<IntakeCounters>,
    in_flight: Arc<Mutex<HashSet<i64>>>,
    left: Arc<Notify>,
    /// How often in a row the result of a message to a chat could not be stored.
    troubles: Arc<Mutex<HashMap<i64, u32>>>,
    figures: Arc<OutboxCounters>,
}

impl Outbox {
    /// A sender for one bot.
    pub fn new(
        telegram: Telegram,
        store: Store,
        wording: Arc<Wording>,
        admin_chat_id: Option<i64>,
        intake: Arc<IntakeCounters>,
    ) -> Self {
        let clock = store.clock();
        Self {
            telegram,
            store,
            clock,
            wording,
            admin_chat_id,
            intake,
            in_flight: Arc::default(),
            left: Arc::default(),
            troubles: Arc::default(),
            figures: Arc::default(),
        }
    }

    /// Counters for metrics.
    pub fn figures(&self) -> Arc<OutboxCounters> {
        self.figures.clone()
    }

    /// Sends until stopped; what is under way then is finished.
    pub async fn run(self, stop: CancellationToken) {
        let tasks = TaskTracker::new();
        let places = Arc::new(Semaphore::new(AT_ONCE));
        let mut pause = Pause::new(FIRST_PAUSE, LONGEST_REST);
        let mut was_unreachable = false;
        while !stop.is_cancelled() {
            let changed = self.store.messages_changed();
            let left = self.left.notified();
            // Taken before the look: what is under way now may be said by the time the look's answer is read, and
            // would be said twice.
            let under_way = self.in_flight().clone();
            let unreachable = self.is_unreachable();
            if was_unreachable && !unreachable {
                // What was tried in vain need not wait for its pause any more.
                if let Err(error) = self.store.hurry_all_messages().await {
                    warn!(%error, "owed messages wait for longer than they need to");
                }
            }
            was_unreachable = unreachable;
            // One look is enough to see whether Telegram takes messages while it brings none.
            let due = self.store.messages_due(if unreachable { 1 } else { 200 }).await;
            match due {
                Ok(due) => {
                    pause.reset();
                    for message in due {
                        if stop.is_cancelled() {
                            break;
                        }
                        if under_way.contains(&message.chat_id) {
                            continue;
                        }
                        self.in_flight().insert(message.chat_id);
                        let Ok(place) = places.clone().acquire_owned().await else { break };
                        let (outbox, stop) = (self.clone(), stop.clone());
                        tasks.spawn(async move {
                            let chat_id = message.chat_id;
                            let result = outbox.deliver(message).await;
                            drop(place);
                            match result {
                                Ok(()) => drop(outbox.troubles().remove(&chat_id)),
                                Err(error) => {
                                    warn!(%error, "a message's result could not be stored; it may be sent again");
                                    // It is due as before: without a pause it would be sent on and on.
                                    outbox.rest(chat_id, &stop).await;
                                }
                            }
                            outbox.in_flight().remove(&chat_id);
                            // The next message to this chat may have been passed over.
                            outbox.left.notify_one();
                        });
                    }
                }
                Err(error) => {
                    warn!(%error, "owed messages cannot be read");
                    tokio::select! {
                        () = self.clock.sleep(pause.grow()) => {}
                        () = stop.cancelled() => {}
                    }
                }
            }
            tokio::select! {
                () = changed => {}
                () = left => {}
                () = tokio::time::sleep(self.clock.period(POLL_INTERVAL)) => {}
                () = stop.cancelled() => {}
            }
        }
        tasks.close();
        tasks.wait().await;
    }

    fn is_unreachable(&self) -> bool {
        self.intake.failing().is_some_and(|failing| failing.unreachable)
    }

    fn in_flight(&self) -> MutexGuard<'_, HashSet<i64>> {
        self.in_flight.lock().unwrap_or_else(PoisonError::into_inner)
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

    async fn deliver(&self, message: OwedMessage) -> Result<(), StoreError> {
        let chat_id = message.chat_id;
        if chat_id == NOBODYS_CHAT {
            return self.put_off(&message, LAST_PAUSE).await;
        }
        let is_told = self.intake.told_failing.load(Ordering::Relaxed);
        match (&message.notice, self.intake.failing()) {
            // It is over, which is told at once.
            (Notice::Admin(AdminNotice::PollsFail { .. }), None) => return self.store.message_done(&message.id).await,
            // It goes into the message that tells that it is over.
            (Notice::Admin(AdminNotice::ToldElsewhere { .. }), failing)
                if is_told && message.attempts < MOST_HOLDS && failing.is_none_or(|failing| failing.unreachable) =>
            {
                return self.put_off(&message, FIRST_PAUSE).await;
            }
            _ => {}
        }
        let lang = lang_of(&self.store, chat_id).await?;
        point("outbox.before_send");
        let place = Place { chat_id, topic: message.notice.topic() };
        let sent = self.telegram.send(place, &render_notice(&message.notice, lang, &self.wording)).await;
        point("outbox.after_send");
        match sent {
            Ok(()) => {
                self.figures.sent.fetch_add(1, Ordering::Relaxed);
                self.store.message_done(&message.id).await?;
                point("outbox.after_done");
                Ok(())
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
                self.store.message_done(&message.id).await
            }
            Err(SendError::Refused(cause) | SendError::NoTopic(cause)) => {
                warn!(cause, "Telegram refuses a message; it is given up");
                self.figures.given_up.fetch_add(1, Ordering::Relaxed);
                self.store.message_done(&message.id).await
            }
            Err(SendError::Later { cause, after }) => {
                info!(cause, "a message is put off");
                let growing = FIRST_PAUSE * 2u32.saturating_pow(u32::try_from(message.attempts.min(16)).unwrap_or(16));
                self.put_off(&message, after.unwrap_or(growing.min(LAST_PAUSE))).await
            }
        }
    }

    async fn put_off(&self, message: &OwedMessage, pause: Duration) -> Result<(), StoreError> {
        self.figures.put_off.fetch_add(1, Ordering::Relaxed);
        self.store.message_later(&message.id, self.clock.now() + self.clock.millis(pause)).await
    }
}
