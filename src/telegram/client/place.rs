//! Where messages go: a chat under the id that it has now, a topic of it, and another where that takes none.

use serde_json::{Value, json};
use teloxide::{RequestError, types::ChatId};

use crate::lead::{Channel, ChatRef};

use super::{super::routes::Kind, Telegram, failure::is_no_topic, request::Call};

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

impl Telegram {
    /// Calls for a place; where its group has a new id, that is learnt and taken, and where its topic is closed or gone,
    /// General or another one is. Tells where it went.
    pub(super) async fn placed(&self, to: Place, call: &Call<'_>) -> Result<(Value, Place), RequestError> {
        let mut place = Place { chat: self.groups.now(to.chat), ..to };
        let mut result = self.call_for(place, call).await;
        if let Err(RequestError::MigrateToChatId(new)) = &result
            && ChatRef::from(*new) != place.chat
        {
            self.groups.moved(place.chat, (*new).into());
            place.chat = (*new).into();
            result = self.call_for(place, call).await;
        }
        if place.only_there {
            return result.map(|answer| (answer, place));
        }
        let general = place.topic.is_some().then_some(None);
        let asked = place.topic;
        let others = self.groups.topics(place.chat).into_iter().filter(|topic| asked != Some(*topic));
        for topic in general.into_iter().chain(others.map(Some)) {
            if !result.as_ref().is_err_and(is_no_topic) {
                break;
            }
            place.topic = topic;
            result = self.call_for(place, call).await;
        }
        result.map(|answer| (answer, place))
    }

    /// Calls for a place, wherever it goes then.
    pub(super) async fn wherever_it_goes(&self, to: Place, call: &Call<'_>) -> Result<Value, RequestError> {
        self.placed(to, call).await.map(|(answer, _)| answer)
    }

    pub(super) async fn call_for(&self, place: Place, call: &Call<'_>) -> Result<Value, RequestError> {
        let (attempt, way) = self.begin(Kind::Send);
        let result = way.call(place, call).await;
        self.ended(attempt, result.as_ref().err());
        result
    }
}
