//! Messages of the bot's: sent, changed and deleted; presses answered.

use std::time::Duration;

use teloxide::{
    RequestError,
    payloads::{AnswerCallbackQuery, AnswerCallbackQuerySetters, DeleteMessage, EditMessageReplyMarkup},
    types::{CallbackQueryId, ChatId, MessageId},
};

use crate::{lead::ChatRef, wording::Rendered};

use super::{
    super::routes::{Kind, Outcome},
    Telegram,
    failure::{Edited, SendError, decide, outcome, what_became_of_an_edit},
    place::{Manner, Place, Taken, taken},
    request::{Attachment, Call},
    way::DOCUMENT_TIMEOUT,
};

impl Telegram {
    /// Sends one message, within one reply timeout; returns where it is, where Telegram tells it.
    pub async fn send(&self, to: impl Into<Place>, message: &Rendered) -> Result<Option<Taken>, SendError> {
        self.send_so(to, message, Manner::default()).await
    }

    /// The same in a manner of its own.
    pub async fn send_so(
        &self,
        to: impl Into<Place>,
        message: &Rendered,
        manner: Manner,
    ) -> Result<Option<Taken>, SendError> {
        let call = Call::Message(message, manner);
        let result = self.within(self.reply_timeout, self.placed(to.into(), &call)).await;
        self.figures.count(&result);
        result.map(|(message, place)| taken(&message, place))
    }

    /// Changes a message of the bot's, within one reply timeout. `chat` is the id under which it was taken.
    pub async fn edit(&self, chat: ChatRef, message_id: i32, words: &Rendered) -> Result<Edited, SendError> {
        let call = Call::Edit(words, message_id);
        let (attempt, _) = self.begin(Kind::Send);
        let result = tokio::time::timeout(self.reply_timeout, self.call_for(chat.into(), &call)).await;
        let result = match result {
            Ok(Err(RequestError::MigrateToChatId(new))) => {
                self.groups.moved(chat, new.into());
                Ok(Edited::Moved)
            }
            Ok(Err(error)) => what_became_of_an_edit(&error).ok_or_else(|| decide(&error)),
            Ok(Ok(_)) => Ok(Edited::Done),
            Err(_) => {
                self.is_late(attempt);
                Err(SendError::Later { cause: "no answer in time".into(), after: None })
            }
        };
        self.figures.count(&result);
        result
    }

    /// Takes the buttons off a message, within one reply timeout. Whatever Telegram refuses is over, too: the message is not
    /// there any more, has no buttons, or cannot be changed; the error is when to try again, if Telegram says so.
    pub async fn take_buttons_off(&self, chat: ChatRef, message: i32) -> Result<(), Option<Duration>> {
        let chat = ChatId::from(self.groups.now(chat));
        let edit = EditMessageReplyMarkup::new(chat, MessageId(message));
        let (attempt, _) = self.begin(Kind::Send);
        match tokio::time::timeout(self.reply_timeout, self.call(&edit)).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(RequestError::RetryAfter(pause))) => Err(Some(pause.duration())),
            Ok(Err(error)) if outcome(&error) == Outcome::Good => Ok(()),
            Ok(Err(_)) => Err(None),
            Err(_) => {
                self.is_late(attempt);
                Err(None)
            }
        }
    }

    /// Sends a file with a caption (at most 1024 UTF-16 units).
    pub async fn send_file(&self, to: impl Into<Place>, file: Attachment, caption: String) -> Result<(), SendError> {
        let call = Call::File { file: &file, caption: &caption };
        let result = self.within(DOCUMENT_TIMEOUT, self.wherever_it_goes(to.into(), &call)).await;
        self.figures.count(&result);
        result.map(drop)
    }

    /// Stops the waiting circle on a pressed button, with a word that pops up where there is one (up to 200 characters);
    /// a late or lost answer harms nobody.
    pub async fn answer_press(&self, id: &CallbackQueryId, word: Option<&str>) {
        let mut answer = AnswerCallbackQuery::new(id.clone());
        if let Some(word) = word {
            answer = answer.text(word).show_alert(true);
        }
        let _ = self.within(self.reply_timeout, self.call(&answer)).await;
    }

    /// The same with a word that passes by at the top of the screen.
    pub async fn answer_press_in_passing(&self, id: &CallbackQueryId, word: &str) {
        let answer = AnswerCallbackQuery::new(id.clone()).text(word);
        let _ = self.within(self.reply_timeout, self.call(&answer)).await;
    }

    /// Deletes a message, as far as Telegram lets us.
    pub async fn delete(&self, chat: ChatRef, message: MessageId) -> Result<(), SendError> {
        let chat = ChatId::from(self.groups.now(chat));
        self.within(self.reply_timeout, self.call(&DeleteMessage::new(chat, message))).await
    }
}
