//! What an error of Telegram's means: for the message, for the way that the request took, and in words.

use std::time::Duration;

use teloxide::{ApiError, RequestError};
use thiserror::Error;

use crate::{lead::one_line, notice::PollTrouble};

use super::super::{api::is_proxys_refusal, routes::Outcome};

/// What a failed send means.
#[derive(Debug, Error)]
pub enum SendError {
    /// The person blocked the bot or is gone: nothing will ever arrive.
    #[error("the chat is closed to the bot: {0}")]
    ChatClosed(String),
    /// Telegram will never take this message.
    #[error("Telegram refuses the message: {0}")]
    Refused(String),
    /// Every topic of the group that is known is closed to the bot or gone.
    #[error("no topic of the group takes the message: {0}")]
    NoTopic(String),
    /// Try again, not before the pause if one is named.
    #[error("Telegram cannot take it now: {cause}")]
    Later {
        /// What went wrong.
        cause: String,
        /// Telegram's own pause.
        after: Option<Duration>,
    },
}

impl SendError {
    /// Whether a topic is there and was closed.
    pub fn is_closed_topic(&self) -> bool {
        matches!(self, Self::NoTopic(text) if text.to_lowercase().contains("topic_closed"))
    }

    /// Whether the bot may not do what it has asked for.
    pub fn is_no_right(&self) -> bool {
        let Self::Refused(text) = self else { return false };
        let text = text.to_lowercase();
        ["not enough rights", "have no rights", "admin_required", "administrator rights", "right_forbidden"]
            .iter()
            .any(|words| text.contains(words))
    }

    /// Whether the group has no topics.
    pub fn is_no_forum(&self) -> bool {
        let (Self::Refused(text) | Self::NoTopic(text)) = self else { return false };
        let text = text.to_lowercase();
        ["not a forum", "forum_missing", "forum_disabled", "forums_disabled", "not supergroup", "not a supergroup"]
            .iter()
            .any(|words| text.contains(words))
    }

    /// Whether no message at all would be taken by the chat, whatever it says: it is closed, or the bot may not write there.
    pub fn is_about_the_chat(&self) -> bool {
        match self {
            Self::ChatClosed(_) | Self::NoTopic(_) => true,
            Self::Refused(text) => {
                let text = text.to_lowercase();
                ["not enough rights", "have no rights", "write_forbidden", "chat_restricted", "chat_send_"]
                    .iter()
                    .any(|words| text.contains(words))
            }
            Self::Later { .. } => false,
        }
    }
}

/// What became of a message that was to be changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Edited {
    /// It is so now, or was before.
    Done,
    /// It is not there any more, or cannot be changed.
    Gone,
    /// Its group has become another one, which has none of its messages.
    Moved,
}

/// What a refused edit says of the message itself; `None` where it is about something else.
pub(super) fn what_became_of_an_edit(error: &RequestError) -> Option<Edited> {
    let RequestError::Api(api) = error else { return None };
    let text = api_text(api).to_lowercase();
    let says = |words: &str| text.contains(words);
    match text.starts_with("bad request") {
        true if says("message is not modified") => Some(Edited::Done),
        true if says("message to edit not found") || says("message can't be edited") || says("message_id_invalid") => {
            Some(Edited::Gone)
        }
        _ => None,
    }
}

/// Whether a topic is closed or gone (`TOPIC_CLOSED`, `TOPIC_DELETED`, `TOPIC_ID_INVALID`, `message thread not found`).
pub(super) fn is_no_topic(error: &RequestError) -> bool {
    let RequestError::Api(api) = error else { return false };
    let text = api_text(api).to_lowercase();
    text.starts_with("bad request") && (text.contains("topic_") || text.contains("message thread not found"))
}

/// What an error says of the way that the request took.
pub(super) fn outcome(error: &RequestError) -> Outcome {
    match error {
        RequestError::RetryAfter(_) | RequestError::MigrateToChatId(_) => Outcome::Good,
        RequestError::Api(api) if is_servers_fault(api) => Outcome::NoAnswer,
        RequestError::Api(_) => Outcome::Good,
        RequestError::Network(error) if error.is_connect() => Outcome::NotConnected,
        RequestError::Io(_) if is_proxys_refusal(error) => Outcome::NotConnected,
        RequestError::Network(_) | RequestError::InvalidJson { .. } | RequestError::Io(_) => Outcome::NoAnswer,
    }
}

/// Whether a server of one's own, or Telegram's front, tells that it has no way on (5xx).
fn is_servers_fault(error: &ApiError) -> bool {
    let text = api_text(error);
    ["Internal Server Error", "Bad Gateway", "Service Unavailable", "Gateway Time"]
        .iter()
        .any(|words| text.starts_with(words))
}

/// Why a poll fails, in the admin's terms.
pub fn poll_trouble(error: &RequestError) -> PollTrouble {
    match error {
        RequestError::RetryAfter(_) => PollTrouble::Throttled,
        RequestError::Api(ApiError::TerminatedByOtherGetUpdates) => PollTrouble::SecondInstance,
        RequestError::Api(ApiError::InvalidToken) => PollTrouble::TokenRefused,
        RequestError::Api(api) if is_servers_fault(api) => PollTrouble::ServersFault,
        RequestError::Api(api) => match api_text(api) {
            text if text.contains("webhook is active") => PollTrouble::Webhook,
            text if text.starts_with("Conflict") => PollTrouble::SecondInstance,
            text if text.starts_with("Unauthorized") || text.starts_with("Not Found") => PollTrouble::TokenRefused,
            _ => PollTrouble::Refused,
        },
        RequestError::MigrateToChatId(_) => PollTrouble::Refused,
        RequestError::Network(error) if error.is_connect() => PollTrouble::NoConnection,
        RequestError::Network(_) => PollTrouble::NoAnswer,
        RequestError::Io(_) if is_proxys_refusal(error) => PollTrouble::NoConnection,
        RequestError::Io(_) | RequestError::InvalidJson { .. } => PollTrouble::NotTelegrams,
    }
}

/// What an error of Telegram means for the message that was to be sent.
pub(super) fn decide(error: &RequestError) -> SendError {
    match error {
        RequestError::RetryAfter(pause) => {
            SendError::Later { cause: "too many requests".into(), after: Some(pause.duration()) }
        }
        RequestError::MigrateToChatId(_) => SendError::Later { cause: describe(error), after: None },
        RequestError::Api(api) if is_no_topic(error) => SendError::NoTopic(api_text(api)),
        RequestError::Api(api) => {
            let text = api_text(api);
            if text.starts_with("Forbidden") || text.contains("chat not found") || text.contains("user is deactivated")
            {
                SendError::ChatClosed(text)
            } else if text.starts_with("Bad Request") {
                SendError::Refused(text)
            } else {
                SendError::Later { cause: text, after: None }
            }
        }
        other => SendError::Later { cause: describe(other), after: None },
    }
}

/// The words of Telegram's own error.
pub fn api_text(error: &ApiError) -> String {
    match error {
        ApiError::Unknown(text) => one_line(text, 300),
        known => known.to_string(),
    }
}

/// An error in words that hold neither the bot's token (it stands in the address) nor what people wrote (it stands in
/// bodies that cannot be parsed).
pub fn describe(error: &RequestError) -> String {
    match error {
        RequestError::Api(api) => api_text(api),
        RequestError::RetryAfter(pause) => format!("too many requests, retry after {} s", pause.seconds()),
        RequestError::MigrateToChatId(_) => "the group moved".into(),
        RequestError::Network(error) if error.is_timeout() => "no answer in time".into(),
        RequestError::Network(error) if error.is_connect() => "no connection".into(),
        RequestError::Network(_) => "the connection broke".into(),
        RequestError::InvalidJson { .. } => "an answer that is not Telegram's".into(),
        // Only what `net` says of an answer comes this way.
        RequestError::Io(error) => error.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_refusal_says_of_topics() {
        let closed = SendError::NoTopic("Bad Request: TOPIC_CLOSED".into());
        let gone = SendError::NoTopic("Bad Request: message thread not found".into());
        assert!(closed.is_closed_topic() && !gone.is_closed_topic());
        for (text, no_right, no_forum) in [
            ("Bad Request: not enough rights to create a topic", true, false),
            ("Bad Request: CHAT_ADMIN_REQUIRED", true, false),
            ("Bad Request: the chat is not a forum", false, true),
            ("Bad Request: CHANNEL_FORUM_MISSING", false, true),
            ("Bad Request: chat not found", false, false),
        ] {
            let error = SendError::Refused(text.into());
            assert_eq!((error.is_no_right(), error.is_no_forum()), (no_right, no_forum), "{text}");
        }
    }

    #[test]
    fn what_a_refused_edit_says_of_the_message() {
        let read = |text: &str| {
            let api: ApiError = serde_json::from_value(text.into()).expect("any words are an error");
            what_became_of_an_edit(&RequestError::Api(api))
        };
        for (text, became) in [
            (
                "Bad Request: message is not modified: specified new message content and reply markup are exactly the same \
                 as a current content and reply markup of the message",
                Some(Edited::Done),
            ),
            ("Bad Request: message to edit not found", Some(Edited::Gone)),
            ("Bad Request: message can't be edited", Some(Edited::Gone)),
            ("Bad Request: MESSAGE_ID_INVALID", Some(Edited::Gone)),
            ("Bad Request: BUTTON_DATA_INVALID", None),
            ("Forbidden: bot was kicked from the supergroup chat", None),
        ] {
            assert_eq!(read(text), became, "{text}");
        }
    }
}
