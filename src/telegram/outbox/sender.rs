//! The sender of what is in the outbox: what it works with.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError, atomic::AtomicU64},
    time::Duration,
};

use tokio::sync::{Notify, Semaphore};
use tokio_util::sync::CancellationToken;

use crate::{
    clock::Clock,
    lead::ChatRef,
    notice::Recipients,
    store::{Dialogues, Outbox, SentMessages, Store},
    wording::Wording,
};

use super::{
    super::{client::Telegram, listener::IntakeCounters},
    buttons::ButtonsOff,
    cards::Cards,
    chats::Chats,
    group_pace::GroupPace,
    handover::HandOver,
    managers_chat::ManagersChat,
    throttle::Throttle,
    topics::Topics,
};

/// Messages under way at once. How many a second Telegram takes it says itself, see [`Throttle`].
const AT_ONCE: usize = 256;

/// And of those that waited in the store: nobody waits for them with a phone in the hand.
const BACKLOG_AT_ONCE: usize = 32;

/// Pauses after failures: doubled up to the last.
pub(super) const FIRST_PAUSE: Duration = Duration::from_secs(1);
pub(super) const LAST_PAUSE: Duration = Duration::from_secs(300);

/// Pauses after the store failed grow up to this.
pub(super) const LONGEST_REST: Duration = Duration::from_secs(15);

/// What became of messages, for metrics.
#[derive(Debug, Default)]
pub struct OutboxCounters {
    /// Taken by Telegram.
    pub sent: AtomicU64,
    /// Deferred.
    pub deferred: AtomicU64,
    /// Given up: the chat is closed to the bot, or Telegram refuses the message.
    pub given_up: AtomicU64,
}

/// The sender of what is in the outbox.
#[derive(Debug, Clone)]
pub struct OutboxSender {
    pub(super) telegram: Telegram,
    pub(super) outbox: Outbox,
    pub(super) dialogues: Dialogues,
    pub(super) clock: Clock,
    pub(super) wording: Arc<Wording>,
    pub(super) recipients: Recipients,
    pub(super) sent: SentMessages,
    pub(super) cards: Cards,
    pub(super) intake: Arc<IntakeCounters>,
    pub(super) handed_over: HandOver,
    pub(super) chats: Arc<Mutex<Chats>>,
    /// The store is to be looked into.
    pub(super) look: Arc<Notify>,
    pub(super) places: Arc<Semaphore>,
    pub(super) backlog_places: Arc<Semaphore>,
    pub(super) throttle: Arc<Mutex<Throttle>>,
    /// What each group got lately.
    pub(super) paces: Arc<Mutex<HashMap<ChatRef, GroupPace>>>,
    pub(super) topics: Topics,
    pub(super) managers_chat: ManagersChat,
    /// How often in a row the result of a message to a chat could not be stored.
    pub(super) troubles: Arc<Mutex<HashMap<ChatRef, u32>>>,
    pub(super) figures: Arc<OutboxCounters>,
    pub(super) buttons: ButtonsOff,
    /// Another process sends from now on.
    pub(super) followed: CancellationToken,
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
    pub fn with_managers(self, chat: Option<ChatRef>, told: Recipients) -> Self {
        Self { topics: self.topics.in_group(chat, told), managers_chat: self.managers_chat.telling(told), ..self }
    }

    /// Counters for metrics.
    pub fn figures(&self) -> Arc<OutboxCounters> {
        self.figures.clone()
    }

    pub(super) fn chats(&self) -> MutexGuard<'_, Chats> {
        self.chats.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
