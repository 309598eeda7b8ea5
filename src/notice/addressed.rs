//! Messages with more of an address than a chat: in a topic, as an answer, in place of an earlier one; and messages that are
//! to be found again, since people answer them and the bot changes them.

use serde::{Deserialize, Serialize};

use super::Notice;

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

/// A message with its address within a chat.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Addressed {
    /// What is said.
    pub notice: Box<Notice>,
    /// What it becomes once Telegram has taken it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub becomes: Option<Reference>,
    /// It takes the place of what [`Self::becomes`] has become before, and is not sent where there is nothing of that. In a
    /// group that has become a supergroup since, or another one, it is sent again.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub edits: bool,
    /// The topic of a group.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub topic: Option<i32>,
    /// What it is an answer to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reply_to: Option<ReplyTo>,
    /// No phone rings for it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub silent: bool,
}

impl Addressed {
    /// A message to the chat alone.
    pub fn plain(notice: Notice) -> Self {
        Self { notice: Box::new(notice), becomes: None, edits: false, topic: None, reply_to: None, silent: false }
    }

    /// A message that can be found again.
    pub fn becoming(notice: Notice, reference: Reference) -> Self {
        Self { becomes: Some(reference), ..Self::plain(notice) }
    }

    /// What a message has become is changed.
    pub fn edit(notice: Notice, reference: Reference) -> Self {
        Self { edits: true, ..Self::becoming(notice, reference) }
    }

    /// An answer to what a message has become.
    pub fn reply(notice: Notice, to: Reference) -> Self {
        Self { reply_to: Some(ReplyTo::Reference(to)), ..Self::plain(notice) }
    }
}

impl From<Addressed> for Notice {
    fn from(addressed: Addressed) -> Self {
        Self::Addressed(addressed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_stored_stays_as_it_is() {
        let card = Reference::new(ReferenceKind::Card, "K7M2QXA");
        assert_eq!((card.key(), Reference::parse(&card.key())), ("card:K7M2QXA".to_owned(), Some(card.clone())));
        for key in ["", "card", "postcard:7", ":7"] {
            assert_eq!(Reference::parse(key), None, "{key:?}");
        }
        let reply =
            Addressed { topic: Some(7), silent: true, ..Addressed::reply(Notice::Reply(Vec::new()), card.clone()) };
        let edit = Addressed::edit(Notice::Reply(Vec::new()), card);
        for (addressed, stored) in [
            (
                reply,
                r#"{"addressed":{"notice":{"reply":[]},"topic":7,"reply_to":{"reference":{"kind":"card","id":"K7M2QXA"}},"silent":true}}"#,
            ),
            (edit, r#"{"addressed":{"notice":{"reply":[]},"becomes":{"kind":"card","id":"K7M2QXA"},"edits":true}}"#),
            (Addressed::plain(Notice::Reply(Vec::new())), r#"{"addressed":{"notice":{"reply":[]}}}"#),
        ] {
            let notice = Notice::from(addressed);
            assert_eq!(serde_json::to_string(&notice).expect("JSON"), stored);
            assert_eq!(serde_json::from_str::<Notice>(stored).expect("a message"), notice);
        }
    }
}
