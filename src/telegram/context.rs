//! What the handlers work with.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError, atomic::AtomicBool},
};

use teloxide::{
    dispatching::dialogue::Dialogue,
    types::{MediaGroupId, User},
};
use thiserror::Error;

use crate::{
    clock::{Clock, Millis},
    config::LeadLimits,
    consent::ConsentDocuments,
    form::Input,
    lead::{ChatRef, Region},
    notice::{Recipient, Recipients},
    store::{Dialogues, StoreError, Withdrawals},
    wording::{Lang, Wording},
};

use super::{
    chat::Chat,
    client::Telegram,
    listener::IntakeCounters,
    message_flood::MessageFlood,
    storage::{DialogueStorage, StorageError},
};

/// Why an update could not be handled.
#[derive(Debug, Error)]
pub enum HandlerError {
    /// The store did not take it: it must come again.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<StorageError> for HandlerError {
    fn from(error: StorageError) -> Self {
        match error {
            StorageError::Store(error) => Self::Store(error),
            error @ (StorageError::NumberTaken | StorageError::TooMany { .. } | StorageError::Overtaken) => {
                Self::Store(StoreError::Unreadable(error.to_string()))
            }
        }
    }
}

/// What the handlers work with.
#[derive(Debug)]
pub struct HandlerContext {
    /// The bot that answers.
    pub telegram: Telegram,
    /// Dialogues and what is set aside.
    pub dialogues: Dialogues,
    /// Who has withdrawn their consent.
    pub withdrawals: Withdrawals,
    /// Its clock.
    pub clock: Clock,
    /// `PHONE_REGION`.
    pub region: Region,
    /// Settings the wording needs.
    pub wording: Arc<Wording>,
    /// The dealer's document that buyers consent to.
    pub consent: Option<ConsentDocuments>,
    /// Who is told of a person who has reached the limits.
    pub recipients: Recipients,
    /// `MANAGERS_CHAT_ID`, where what buyers say after a request is copied to.
    pub talk_chat: Option<ChatRef>,
    /// How many requests one person may send.
    pub limits: LeadLimits,
    /// Where it is counted how far forms come.
    pub counters: Arc<IntakeCounters>,
    /// Groups and when they were last told where to write.
    pub(super) group_hints: Mutex<HashMap<ChatRef, Millis>>,
    /// The album that a chat was last answered for: its photos come as messages of their own, and one answer is enough.
    albums: Mutex<HashMap<ChatRef, AnsweredAlbum>>,
    /// How much the chats write.
    flood: Option<MessageFlood>,
    /// The store refused the last update.
    pub(super) store_failed: AtomicBool,
}

/// An album and whether a link was found in it; more than one link of an album is not looked for.
#[derive(Debug)]
pub(super) struct AnsweredAlbum {
    pub(super) id: MediaGroupId,
    pub(super) had_link: bool,
}

impl HandlerContext {
    /// Handlers' tools for one bot.
    pub fn new(
        telegram: Telegram,
        dialogues: Dialogues,
        region: Region,
        wording: Arc<Wording>,
        recipients: Recipients,
        limits: LeadLimits,
        counters: Arc<IntakeCounters>,
    ) -> Self {
        let (withdrawals, clock) = (dialogues.withdrawals(), dialogues.clock());
        Self {
            telegram,
            dialogues,
            withdrawals,
            clock,
            region,
            wording,
            consent: None,
            recipients,
            talk_chat: None,
            limits,
            counters,
            group_hints: Mutex::default(),
            albums: Mutex::default(),
            flood: limits.messages_per_minute.map(MessageFlood::new),
            store_failed: AtomicBool::new(false),
        }
    }

    /// The same, with the managers' own chat.
    pub fn talking_in(self, talk_chat: Option<ChatRef>) -> Self {
        Self { talk_chat, ..self }
    }

    /// The same, which asks for consent to the dealer's document.
    pub fn asking_for(self, consent: Option<ConsentDocuments>) -> Self {
        Self { consent, ..self }
    }
}

impl HandlerContext {
    /// Where a message is counted; `None` for what is no message. Dealers write as much as they like.
    pub(super) fn flood_of(&self, chat: ChatRef, input: &Input) -> Option<&MessageFlood> {
        let is_dealers = [Recipient::Operator, Recipient::Managers]
            .into_iter()
            .any(|recipient| self.recipients.chat(recipient) == Some(chat));
        // The parts of an album have one answer as it is.
        let is_message =
            !matches!(input, Input::Press(_) | Input::UnknownPress | Input::Edited) && input.album().is_none();
        self.flood.as_ref().filter(|_| is_message && !is_dealers)
    }

    pub(super) fn albums(&self) -> MutexGuard<'_, HashMap<ChatRef, AnsweredAlbum>> {
        self.albums.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A chat's dialogue, read and committed by [`DialogueStorage`].
pub(super) type BuyerDialogue = Dialogue<Chat, DialogueStorage>;

pub(super) fn lang_of(user: Option<&User>) -> Lang {
    Lang::from_code(user.and_then(|user| user.language_code.as_deref()))
}
