//! Topics of a group: whether it has any, and what is done with one.

use serde_json::{Value, json};

use crate::lead::ChatRef;

use super::{Telegram, failure::SendError, place::Place, request::Call, way::DOCUMENT_TIMEOUT};

impl Telegram {
    /// Whether a group has topics.
    pub async fn has_topics(&self, chat: ChatRef) -> Result<bool, SendError> {
        let (chat, _) = self.about("getChat", chat.into(), &json!({})).await?;
        Ok(chat["is_forum"] == true)
    }

    /// Creates a topic with a title of 1 to 128 characters. [`SendError::Later`] without a pause of Telegram's own leaves open
    /// whether it was created.
    pub async fn create_topic(&self, chat: ChatRef, title: &str) -> Result<Place, SendError> {
        let (topic, place) = self.about("createForumTopic", chat.into(), &json!({ "name": title })).await?;
        let id = topic["message_thread_id"].as_i64().and_then(|id| i32::try_from(id).ok());
        let unreadable = || SendError::Later { cause: "an answer that names no topic".into(), after: None };
        Ok(Place { topic: Some(id.ok_or_else(unreadable)?), only_there: true, ..place })
    }

    /// Gives a topic another title; one that it has already is given, too.
    pub async fn retitle_topic(&self, place: Place, title: &str) -> Result<(), SendError> {
        is_so(self.about("editForumTopic", place, &json!({ "name": title })).await)
    }

    /// Closes a topic; one that is closed is closed, too.
    pub async fn close_topic(&self, place: Place) -> Result<(), SendError> {
        is_so(self.about("closeForumTopic", place, &json!({})).await)
    }

    /// Opens a topic that was closed; one that is open is opened, too.
    pub async fn reopen_topic(&self, place: Place) -> Result<(), SendError> {
        is_so(self.about("reopenForumTopic", place, &json!({})).await)
    }

    /// Creating one is given long: a topic whose answer comes too late is left behind.
    async fn about(&self, method: &str, place: Place, parameters: &Value) -> Result<(Value, Place), SendError> {
        let call = Call::Copied { method, parameters };
        self.within(DOCUMENT_TIMEOUT.max(self.reply_timeout), self.placed(place, &call)).await
    }
}

/// A change to what is so already is refused (`TOPIC_NOT_MODIFIED`).
fn is_so<T>(result: Result<T, SendError>) -> Result<(), SendError> {
    match result {
        Err(SendError::NoTopic(text) | SendError::Refused(text)) if text.to_lowercase().contains("not_modified") => {
            Ok(())
        }
        other => other.map(drop),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_so_already_is_done() {
        for (text, is_done) in [
            ("Bad Request: TOPIC_NOT_MODIFIED", true),
            ("Bad Request: TOPIC_ID_INVALID", false),
            ("Bad Request: not enough rights to close or open the topic", false),
        ] {
            for error in [SendError::NoTopic(text.into()), SendError::Refused(text.into())] {
                assert_eq!(is_so::<()>(Err(error)).is_ok(), is_done, "{text}");
            }
        }
    }
}
