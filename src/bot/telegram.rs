//! Talking to Telegram: two clients (polls may take long, sends may not), and answers as the caller's decisions.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use reqwest::{
    ClientBuilder,
    multipart::{Form, Part},
};
use secrecy::ExposeSecret;
use serde::Serialize;
use serde_json::Value;
use teloxide::{
    ApiError, RequestError,
    payloads::{AnswerCallbackQuery, DeleteMessage, GetMe, SendMessage, SendMessageSetters},
    requests::Payload,
    types::{ChatId, LinkPreviewOptions, Me},
};
use thiserror::Error;
use tokio::time::Instant;

use crate::{clock::Clock, config::TelegramSettings, net};

use super::{api::Api, me, messages::Rendered};

/// How long Telegram may hold a poll that has nothing to say.
pub const LONG_POLL: Duration = Duration::from_secs(25);

/// A poll that is this much overdue hangs on a dead connection.
const POLL_MARGIN: Duration = Duration::from_secs(10);

/// A reply that takes longer is owed instead, so that one slow chat holds nobody up for longer.
pub const REPLY_TIMEOUT: Duration = Duration::from_secs(5);

/// A document takes longer than a message.
const DOCUMENT_TIMEOUT: Duration = Duration::from_secs(15);

/// What a failed send means.
#[derive(Debug, Error)]
pub enum SendError {
    /// The person blocked the bot or is gone: nothing will ever arrive.
    #[error("the chat is closed to the bot: {0}")]
    ChatClosed(String),
    /// Telegram will never take this message.
    #[error("Telegram refuses the message: {0}")]
    Refused(String),
    /// The group has a new id.
    #[error("the group moved")]
    Moved(i64),
    /// Try again, not before the pause if one is named.
    #[error("Telegram cannot take it now: {cause}")]
    Later {
        /// What went wrong.
        cause: String,
        /// Telegram's own pause.
        after: Option<Duration>,
    },
}

/// What became of messages and files that were sent, for metrics.
#[derive(Debug, Default)]
pub struct SendFigures {
    /// Taken by Telegram.
    pub taken: AtomicU64,
    /// The chat is closed to the bot.
    pub closed: AtomicU64,
    /// Refused for good.
    pub refused: AtomicU64,
    /// Not taken for now.
    pub later: AtomicU64,
}

impl SendFigures {
    fn count(&self, result: &Result<(), SendError>) {
        let counter = match result {
            Ok(()) => &self.taken,
            Err(SendError::ChatClosed(_)) => &self.closed,
            Err(SendError::Refused(_)) => &self.refused,
            Err(SendError::Moved(_) | SendError::Later { .. }) => &self.later,
        };
        counter.fetch_add(1, Ordering::Relaxed);
    }
}

/// The two clients of one bot.
#[derive(Debug, Clone)]
pub struct Telegram {
    figures: Arc<SendFigures>,
    send: Api,
    poll: Api,
    long_poll: Duration,
    reply_timeout: Duration,
}

impl Telegram {
    /// Builds both clients; errors only when the proxy cannot be used.
    pub fn new(settings: &TelegramSettings, clock: Clock) -> Result<Self, reqwest::Error> {
        let long_poll = clock.scaled(LONG_POLL).max(Duration::from_secs(1));
        let poll_timeout = long_poll + clock.scaled(POLL_MARGIN).max(Duration::from_secs(1));
        let api = |client| Api::new(client, settings.api_url.clone(), settings.token.clone());
        Ok(Self {
            figures: Arc::default(),
            send: api(client(settings)?.timeout(DOCUMENT_TIMEOUT).build()?),
            poll: api(client(settings)?.timeout(poll_timeout).pool_max_idle_per_host(1).build()?),
            long_poll,
            // Not below two seconds: a busy machine would be told the same twice.
            reply_timeout: clock.scaled(REPLY_TIMEOUT).max(Duration::from_secs(2)),
        })
    }

    /// Figures for metrics.
    pub fn figures(&self) -> Arc<SendFigures> {
        self.figures.clone()
    }

    /// Calls the method that a payload is for; whatever result comes, it is done.
    pub async fn call<P: Payload + Serialize>(&self, payload: &P) -> Result<(), RequestError> {
        self.send.call(payload).await.map(drop)
    }

    /// Asks who the bot is; `None` when the answer tells of no bot.
    pub async fn who_am_i(&self) -> Result<Option<Me>, RequestError> {
        Ok(me::read(&self.send.call(&GetMe::new()).await?, self.send.token()))
    }

    /// Asks for updates; see [`super::api::updates`].
    pub async fn poll(&self, parameters: &Value) -> Result<Vec<u8>, RequestError> {
        self.poll.poll(parameters).await
    }

    /// How long a poll may be held.
    pub fn long_poll(&self) -> Duration {
        self.long_poll
    }

    /// Sends one message, within one reply timeout.
    pub async fn send(&self, chat_id: i64, message: &Rendered) -> Result<(), SendError> {
        self.send_since(Instant::now(), chat_id, message).await
    }

    /// Sends one message, within one reply timeout from a moment on.
    pub async fn send_since(&self, since: Instant, chat_id: i64, message: &Rendered) -> Result<(), SendError> {
        let left = (since + self.reply_timeout).saturating_duration_since(Instant::now());
        if left < self.reply_timeout / 10 {
            return Err(SendError::Later { cause: "others wait".into(), after: None });
        }
        let mut request = SendMessage::new(ChatId(chat_id), &message.text).link_preview_options(LinkPreviewOptions {
            is_disabled: true,
            url: None,
            prefer_small_media: false,
            prefer_large_media: false,
            show_above_text: false,
        });
        if let Some(markup) = &message.markup {
            request = request.reply_markup(markup.clone());
        }
        let result = self.within(left, self.call(&request)).await;
        self.figures.count(&result);
        result
    }

    /// Sends a file.
    pub async fn send_document(
        &self,
        chat_id: i64,
        name: &str,
        bytes: Vec<u8>,
        caption: String,
    ) -> Result<(), SendError> {
        let file = Part::bytes(bytes).file_name(name.to_owned());
        let form = Form::new().text("chat_id", chat_id.to_string()).text("caption", caption).part("document", file);
        let result = self.within(DOCUMENT_TIMEOUT, self.send.upload("sendDocument", form)).await;
        self.figures.count(&result);
        result
    }

    /// Stops the waiting circle on a pressed button; a late or lost answer harms nobody.
    pub async fn answer_press(&self, id: &teloxide::types::CallbackQueryId) {
        let _ = self.within(self.reply_timeout, self.call(&AnswerCallbackQuery::new(id.clone()))).await;
    }

    /// Deletes a message, as far as Telegram lets us.
    pub async fn delete(&self, chat_id: i64, message: teloxide::types::MessageId) -> Result<(), SendError> {
        self.within(self.reply_timeout, self.call(&DeleteMessage::new(ChatId(chat_id), message))).await
    }

    async fn within<T, R>(&self, limit: Duration, request: R) -> Result<(), SendError>
    where
        R: IntoFuture<Output = Result<T, RequestError>>,
    {
        match tokio::time::timeout(limit, request.into_future()).await {
            Ok(Ok(_)) => Ok(()),
            Ok(Err(error)) => Err(decide(&error)),
            Err(_) => Err(SendError::Later { cause: "no answer in time".into(), after: None }),
        }
    }
}

fn client(settings: &TelegramSettings) -> Result<ClientBuilder, reqwest::Error> {
    let builder = net::client();
    Ok(match &settings.proxy {
        Some(proxy) => builder.proxy(reqwest::Proxy::all(proxy.expose_secret())?),
        None => builder,
    })
}

/// What an error of Telegram means for the message that was to be sent.
fn decide(error: &RequestError) -> SendError {
    match error {
        RequestError::RetryAfter(pause) => {
            SendError::Later { cause: "too many requests".into(), after: Some(pause.duration()) }
        }
        RequestError::MigrateToChatId(chat) => SendError::Moved(chat.0),
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
        ApiError::Unknown(text) => text.clone(),
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
