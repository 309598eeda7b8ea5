//! Who is in a group, as Telegram tells it.

use std::{io, sync::Arc};

use serde_json::Value;
use teloxide::{RequestError, types::UserId};

use crate::lead::ChatRef;

use super::{super::routes::Kind, Telegram, request::Call};

impl Telegram {
    /// What Telegram tells of a person in a group (a ChatMember), within one reply timeout.
    pub async fn chat_member(&self, chat: ChatRef, user: UserId) -> Result<Value, RequestError> {
        self.asked(chat, &Call::Member(user)).await
    }

    /// The administrators of a group (a list of ChatMember), within one reply timeout.
    pub async fn chat_administrators(&self, chat: ChatRef) -> Result<Value, RequestError> {
        self.asked(chat, &Call::Administrators).await
    }

    async fn asked(&self, chat: ChatRef, call: &Call<'_>) -> Result<Value, RequestError> {
        let late = |_| RequestError::Io(Arc::new(io::Error::new(io::ErrorKind::TimedOut, "no answer in time")));
        let (attempt, _) = self.begin(Kind::Send);
        let answer = tokio::time::timeout(self.reply_timeout, self.wherever_it_goes(chat.into(), call)).await;
        if answer.is_err() {
            self.is_late(attempt);
        }
        answer.map_err(late)?
    }
}
