//! Calls for a place: a chat under the id that it has now, a topic of it, and another where that takes none.

use serde_json::Value;
use teloxide::RequestError;

use crate::lead::ChatRef;

use super::{super::routes::Kind, Telegram, failure::is_no_topic, place::Place, request::Call};

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
