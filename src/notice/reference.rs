//! Messages that are to be found again, since people answer them and the bot changes them.

use serde::{Deserialize, Serialize};

/// What a message is, so that it can be found again; stands in stores of every version.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, strum::EnumString, strum::IntoStaticStr)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum ReferenceKind {
    /// The card of a lead in the managers' chat, by its number.
    Card,
    /// A buyer's message in the managers' chat: the request's number, a slash, the buyer's chat, a slash, its number there.
    Said,
    /// A manager's message in the buyer's chat, by its id in the store.
    Answer,
    /// What is said under a manager's message, by that message's id in the store.
    Mark,
}

/// One message that can be found again: once Telegram has taken it, the store knows its number in the chat.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Reference {
    /// What it is.
    pub kind: ReferenceKind,
    /// Which one.
    pub id: String,
}

impl Reference {
    /// The message of a kind with this id.
    pub fn new(kind: ReferenceKind, id: impl Into<String>) -> Self {
        Self { kind, id: id.into() }
    }

    /// Its key in the store.
    pub fn key(&self) -> String {
        format!("{}:{}", <&str>::from(self.kind), self.id)
    }

    /// The message with this key; `None` for a kind that this version does not know.
    pub fn parse(key: &str) -> Option<Self> {
        let (kind, id) = key.split_once(':')?;
        Some(Self { kind: kind.parse().ok()?, id: id.to_owned() })
    }
}

/// The message that one is an answer to. Where it is not there any more, the answer is sent without it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReplyTo {
    /// What this has become, in its topic.
    Reference(Reference),
    /// Somebody's message, by its number in the chat.
    Message(i32),
}
