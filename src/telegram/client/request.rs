//! What is asked of Telegram for one place, and how that goes over one self.

use reqwest::multipart::{Form, Part};
use serde_json::Value;
use teloxide::{
    RequestError,
    payloads::{
        EditMessageText, EditMessageTextSetters, GetChatAdministrators, GetChatMember, SendMessage, SendMessageSetters,
    },
    requests::Payload,
    types::{ChatId, LinkPreviewOptions, MessageId, ThreadId, UserId},
};

use crate::wording::Rendered;

use super::{
    super::markup::{Fashion, is_new_fashion, reply_markup},
    failure::{SendError, decide, what_became_of_an_edit},
    place::{Manner, Place},
    way::Way,
};

/// A file to be sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attachment {
    kind: FileKind,
    name: String,
    bytes: Vec<u8>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum FileKind {
    Document,
    Picture,
}

impl Attachment {
    /// A file of any kind under a name.
    pub fn document(name: &str, bytes: Vec<u8>) -> Self {
        Self { kind: FileKind::Document, name: name.to_owned(), bytes }
    }

    /// A picture (JPEG, PNG) that is shown in the chat, of at most 10 MB.
    pub fn picture(name: &str, bytes: Vec<u8>) -> Self {
        Self { kind: FileKind::Picture, name: name.to_owned(), bytes }
    }
}

/// A call that is for one chat.
#[derive(Debug)]
pub(super) enum Call<'a> {
    Message(&'a Rendered, Manner),
    Edit(&'a Rendered, i32),
    File { file: &'a Attachment, caption: &'a str },
    Copied { method: &'a str, parameters: &'a Value },
    Member(UserId),
    Administrators,
}

/// Whether a message is new, or takes an earlier one's place.
#[derive(Debug, Clone, Copy)]
enum Put {
    New(Manner),
    InPlaceOf(i32),
}

impl Way {
    /// Calls for a place, as this way's server understands it.
    pub(super) async fn call(&self, place: Place, call: &Call<'_>) -> Result<Value, RequestError> {
        let chat = ChatId::from(place.chat);
        match call {
            Call::Message(message, manner) => self.put(place, message, Put::New(*manner)).await,
            Call::Edit(message, at) => self.put(place, message, Put::InPlaceOf(*at)).await,
            Call::File { file, caption } => {
                let (method, field) = match file.kind {
                    FileKind::Document => ("sendDocument", "document"),
                    FileKind::Picture => ("sendPhoto", "photo"),
                };
                let part = Part::bytes(file.bytes.clone()).file_name(file.name.clone());
                let mut form = Form::new().text("chat_id", chat.to_string()).text("caption", (*caption).to_owned());
                if let Some(topic) = place.topic {
                    form = form.text("message_thread_id", topic.to_string());
                }
                self.send.upload(method, form.part(field, part)).await.map(|()| Value::Null)
            }
            Call::Copied { method, parameters } => {
                let mut parameters = (*parameters).clone();
                parameters["chat_id"] = chat.0.into();
                if let Some(topic) = place.topic {
                    parameters["message_thread_id"] = topic.into();
                }
                self.send.command_raw(method, &parameters).await
            }
            Call::Member(user) => self.send.ask(&GetChatMember::new(chat, *user)).await,
            Call::Administrators => self.send.ask(&GetChatAdministrators::new(chat)).await,
        }
    }

    /// Sends a message with buttons as far as the server knows them. One that refuses a message with new ones and takes it
    /// with plain ones is told plain ones from then on.
    async fn put(&self, place: Place, message: &Rendered, put: Put) -> Result<Value, RequestError> {
        let fashion = self.fashion().fashion();
        let sent = self.put_in(place, message, put, fashion).await;
        if fashion == Fashion::Plain || !message.markup.as_ref().is_some_and(is_new_fashion) {
            return sent;
        }
        let words = match &sent {
            Ok(_) => {
                self.fashion().taken();
                return sent;
            }
            // Whether it is there, or is so already, says nothing of buttons.
            Err(error) if what_became_of_an_edit(error).is_some() => return sent,
            Err(error) => match decide(error) {
                SendError::Refused(words) => words,
                _ => return sent,
            },
        };
        let plain = self.put_in(place, message, put, Fashion::Plain).await;
        if plain.is_ok() {
            self.fashion().refused(&words);
        }
        plain
    }

    async fn put_in(
        &self,
        place: Place,
        message: &Rendered,
        put: Put,
        fashion: Fashion,
    ) -> Result<Value, RequestError> {
        let chat = ChatId::from(place.chat);
        let preview = LinkPreviewOptions {
            is_disabled: true,
            url: None,
            prefer_small_media: false,
            prefer_large_media: false,
            show_above_text: false,
        };
        let (method, parameters) = match put {
            Put::New(manner) => {
                let mut request = SendMessage::new(chat, &message.text).link_preview_options(preview);
                request.message_thread_id = place.topic.map(|topic| ThreadId(MessageId(topic)));
                let mut parameters = serde_json::to_value(&request).unwrap_or_default();
                manner.put_into(&mut parameters);
                (SendMessage::NAME, parameters)
            }
            Put::InPlaceOf(at) => {
                let request = EditMessageText::new(chat, MessageId(at), &message.text).link_preview_options(preview);
                (EditMessageText::NAME, serde_json::to_value(&request).unwrap_or_default())
            }
        };
        let mut parameters = parameters;
        if let Some(markup) = message.markup.as_ref().and_then(|markup| reply_markup(markup, fashion)) {
            parameters["reply_markup"] = markup;
        }
        self.send.command_raw(method, &parameters).await
    }
}
