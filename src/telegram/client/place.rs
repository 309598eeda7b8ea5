//! Where messages go, how they are put there, and where they are.

use serde_json::{Value, json};
use teloxide::types::ChatId;

use crate::lead::{Channel, ChatRef};

/// Where a message goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    /// The chat, under any id that it has had.
    pub chat: ChatRef,
    /// A topic of it; without one a group's messages go to General.
    pub topic: Option<i32>,
    /// Nowhere else, where that topic is closed or gone.
    pub only_there: bool,
}

impl Place {
    /// In a topic of a group; where that is closed or gone, in another one.
    pub fn in_topic(chat: ChatRef, topic: Option<i32>) -> Self {
        Self { chat, topic, only_there: false }
    }
}

impl From<ChatId> for ChatRef {
    fn from(chat: ChatId) -> Self {
        Self::telegram(chat.0)
    }
}

impl From<ChatRef> for ChatId {
    fn from(chat: ChatRef) -> Self {
        match chat.channel {
            Channel::Telegram => Self(chat.id),
        }
    }
}

impl From<ChatRef> for Place {
    fn from(chat: ChatRef) -> Self {
        Self::in_topic(chat, None)
    }
}

/// How a message is put into its place.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Manner {
    /// The message that it answers; where that is gone, it goes without.
    pub reply_to: Option<i32>,
    /// No phone rings for it.
    pub silent: bool,
}

impl Manner {
    pub(super) fn put_into(self, parameters: &mut Value) {
        if let Some(message) = self.reply_to {
            parameters["reply_parameters"] = json!({"message_id": message, "allow_sending_without_reply": true});
        }
        if self.silent {
            parameters["disable_notification"] = true.into();
        }
    }
}

/// A message that Telegram has taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Taken {
    /// Where it is: the chat's id at that time, and the topic that took it.
    pub place: Place,
    /// Its number in the chat.
    pub message_id: i32,
}

/// Where a message is that Telegram has taken, as its answer tells.
pub(super) fn taken(message: &Value, place: Place) -> Option<Taken> {
    let message_id = message["message_id"].as_i64().and_then(|id| i32::try_from(id).ok())?;
    Some(Taken { place, message_id })
}
