//! Talking to Telegram: two clients for each way (polls may take long, sends may not), and answers as the caller's
//! decisions.

mod failure;
mod files;
mod looking;
mod topics;

use std::{
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
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
use serde_json::{Value, json};
use teloxide::{
    RequestError,
    payloads::{
        AnswerCallbackQuery, AnswerCallbackQuerySetters, DeleteMessage, EditMessageReplyMarkup, EditMessageText,
        EditMessageTextSetters, GetChatAdministrators, GetChatMember, GetMe, SendMessage, SendMessageSetters,
    },
    requests::Payload,
    types::{ChatId, LinkPreviewOptions, Me, MessageId, ThreadId, UserId},
};
use thiserror::Error;
use tokio::time::Instant;

use crate::{
    clock::Clock,
    config::{Proxy, RouteSettings, TelegramSettings},
    net,
    wording::Rendered,
};

use super::{
    api::{self, Api},
    groups::Groups,
    markup::{Fashion, Refusals, is_new_fashion, reply_markup},
    me,
    routes::{Kind, Outcome, Patience, Routes},
};

pub use failure::{Edited, SendError, api_text, describe, poll_trouble};
use failure::{decide, is_no_topic, outcome, what_became_of_an_edit};
pub use files::DownloadError;

/// How long Telegram may hold a poll that has nothing to say.
pub const LONG_POLL: Duration = Duration::from_secs(25);

/// A poll that is this much overdue hangs on a dead connection.
const POLL_MARGIN: Duration = Duration::from_secs(5);

/// A poll that is not held takes no longer.
const SHORT_POLL: Duration = Duration::from_secs(10);

/// A way to Telegram without a good answer for so long is left.
const SILENCE: Duration = Duration::from_secs(30);

/// The first way is tried again so often.
const PREFERRED_AGAIN: Duration = Duration::from_secs(600);

/// getMe through a way that is only tried.
const TRIAL: Duration = Duration::from_secs(10);

/// A message that takes longer is sent again later.
pub const REPLY_TIMEOUT: Duration = Duration::from_secs(5);

/// It has at least so long: a message that is given up while Telegram takes it is sent twice. Not scaled, as no server's
/// pace is.
const LEAST_SEND: Duration = Duration::from_secs(2);

/// A document takes longer than a message.
const DOCUMENT_TIMEOUT: Duration = Duration::from_secs(15);

/// What became of messages and files that were sent, for metrics.
#[derive(Debug, Default)]
pub struct SendCounters {
    /// Taken by Telegram.
    pub taken: AtomicU64,
    /// The chat is closed to the bot.
    pub closed: AtomicU64,
    /// Refused for good.
    pub refused: AtomicU64,
    /// Not taken for now.
    pub later: AtomicU64,
}

impl SendCounters {
    fn count<T>(&self, result: &Result<T, SendError>) {
        let counter = match result {
            Ok(_) => &self.taken,
            Err(SendError::ChatClosed(_)) => &self.closed,
            Err(SendError::Refused(_)) => &self.refused,
            Err(SendError::NoTopic(_) | SendError::Later { .. }) => &self.later,
        };
        counter.fetch_add(1, Ordering::Relaxed);
    }
}

/// Where a message goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    /// The chat, under any id that it has had.
    pub chat_id: i64,
    /// A topic of it; without one a group's messages go to General.
    pub topic: Option<i32>,
    /// Nowhere else, where that topic is closed or gone.
    pub only_there: bool,
}

impl Place {
    /// In a topic of a group; where that is closed or gone, in another one.
    pub fn in_topic(chat_id: i64, topic: Option<i32>) -> Self {
        Self { chat_id, topic, only_there: false }
    }
}

impl From<i64> for Place {
    fn from(chat_id: i64) -> Self {
        Self::in_topic(chat_id, None)
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
    fn put_into(self, parameters: &mut Value) {
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
enum Call<'a> {
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

/// Where a message is that Telegram has taken, as its answer tells.
fn taken(message: &Value, place: Place) -> Option<Taken> {
    let message_id = message["message_id"].as_i64().and_then(|id| i32::try_from(id).ok())?;
    Some(Taken { place, message_id })
}

/// The two clients of one way to Telegram.
#[derive(Debug, Clone)]
struct Way {
    send: Api,
    poll: Api,
    /// What its server knows of buttons, as far as it was seen.
    fashion: Arc<Mutex<Refusals>>,
}

impl Way {
    fn fashion(&self) -> MutexGuard<'_, Refusals> {
        self.fashion.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Why Telegram cannot be used with these settings.
#[derive(Debug, Error)]
#[error("{name} cannot be used")]
pub struct UnusableRoute {
    /// Names the way, without anything secret.
    pub name: String,
}

/// A request that was begun, until its outcome is told to the choice of ways.
#[derive(Debug, Clone, Copy)]
pub struct Attempt {
    route: usize,
    kind: Kind,
    begun: Instant,
}

/// One bot, over one of several ways.
#[derive(Debug, Clone)]
pub struct Telegram {
    figures: Arc<SendCounters>,
    ways: Arc<Vec<Way>>,
    routes: Arc<Routes>,
    clock: Clock,
    long_poll: Duration,
    reply_timeout: Duration,
    groups: Groups,
}

impl Telegram {
    /// Builds the clients; errors only when a proxy cannot be used.
    pub fn new(settings: &TelegramSettings, clock: Clock, groups: Groups) -> Result<Self, UnusableRoute> {
        let long_poll = clock.scaled(LONG_POLL).max(Duration::from_secs(1));
        let ways = settings.routes.iter().map(|route| {
            let api = |client| Api::new(client, route.api_url.clone(), settings.token.clone());
            let send = client(route)?.timeout(DOCUMENT_TIMEOUT).build()?;
            Ok(Way {
                send: api(send),
                poll: api(client(route)?.pool_max_idle_per_host(1).build()?),
                fashion: Arc::default(),
            })
        });
        let names: Vec<String> = settings.routes.iter().map(RouteSettings::name).collect();
        let ways: Result<Vec<Way>, UnusableRoute> = ways
            .zip(&names)
            .map(|(way, name)| way.map_err(|_: reqwest::Error| UnusableRoute { name: name.clone() }))
            .collect();
        let longest_poll = long_poll + clock.scaled(POLL_MARGIN).max(Duration::from_secs(1));
        let patience =
            Patience { silence: clock.scaled(SILENCE).max(longest_poll), again: clock.scaled(PREFERRED_AGAIN) };
        Ok(Self {
            figures: Arc::default(),
            ways: Arc::new(ways?),
            routes: Arc::new(Routes::new(names, patience)),
            clock,
            long_poll,
            // Not below two seconds: a busy machine would be told the same twice.
            reply_timeout: clock.scaled(REPLY_TIMEOUT).max(LEAST_SEND),
            groups,
        })
    }

    /// What is known of the groups in the settings.
    pub fn groups(&self) -> &Groups {
        &self.groups
    }

    /// Counters for metrics.
    pub fn figures(&self) -> Arc<SendCounters> {
        self.figures.clone()
    }

    /// The ways to Telegram.
    pub fn routes(&self) -> &Routes {
        &self.routes
    }

    fn begin(&self, kind: Kind) -> (Attempt, &Way) {
        let route = self.routes.current();
        (Attempt { route, kind, begun: Instant::now() }, &self.ways[route])
    }

    /// Tells what came of a request, so that a way that does not work is left.
    pub fn ended(&self, attempt: Attempt, error: Option<&RequestError>) {
        self.routes.ended(attempt.route, attempt.kind, error.map_or(Outcome::Good, outcome), attempt.begun);
    }

    /// Calls the method that a payload is for; whatever result comes, it is done.
    pub async fn call<P: Payload + Serialize>(&self, payload: &P) -> Result<(), RequestError> {
        let (attempt, way) = self.begin(Kind::Send);
        let result = way.send.command(payload).await;
        self.ended(attempt, result.as_ref().err());
        result
    }

    /// Asks who the bot is; `None` when the answer tells of no bot.
    pub async fn who_am_i(&self) -> Result<Option<Me>, RequestError> {
        let (attempt, way) = self.begin(Kind::Send);
        let result = self.ask_who_i_am(way).await;
        match &result {
            // Whoever says that is not Telegram.
            Ok(None) => self.routes.ended(attempt.route, attempt.kind, Outcome::NoAnswer, attempt.begun),
            other => self.ended(attempt, other.as_ref().err()),
        }
        result
    }

    async fn ask_who_i_am(&self, way: &Way) -> Result<Option<Me>, RequestError> {
        let limit = self.clock.scaled(TRIAL).max(Duration::from_secs(2));
        let Ok(answer) = tokio::time::timeout(limit, way.send.ask(&GetMe::new())).await else {
            return Err(RequestError::Io(Arc::new(std::io::Error::other("no answer in time"))));
        };
        Ok(me::read(&answer?, way.send.token()))
    }

    /// Asks for updates, to be held for so long; see [`super::api::updates`]. `None` when the way was left meanwhile:
    /// then this poll has ended before another one begins. Whoever asks tells [`Self::ended`] what the answer is.
    pub async fn poll(&self, parameters: &Value, held: Duration) -> (Attempt, Option<Result<Vec<u8>, RequestError>>) {
        let (attempt, way) = self.begin(Kind::Poll);
        let limit = match held.is_zero() {
            true => self.clock.scaled(SHORT_POLL).max(Duration::from_secs(2)),
            false => held + self.clock.scaled(POLL_MARGIN).max(Duration::from_secs(1)),
        };
        tokio::select! {
            answer = way.poll.poll(parameters, limit) => (attempt, Some(answer)),
            () = self.routes.left(attempt.route) => (attempt, None),
        }
    }

    /// Tries the first way beside the one that is taken, between two polls: it has to answer a poll too. With
    /// `parameters` of a poll that is not held.
    pub async fn try_preferred(&self, parameters: &Value) {
        let way = &self.ways[0];
        let works = async {
            matches!(self.ask_who_i_am(way).await, Ok(Some(_)))
                && match way.poll.poll(parameters, self.clock.scaled(SHORT_POLL).max(Duration::from_secs(2))).await {
                    Ok(body) => api::updates(&body).map_or_else(|error| outcome(&error) == Outcome::Good, |_| true),
                    Err(_) => false,
                }
        };
        let works = works.await;
        self.routes.preferred_tried(works);
    }

    /// Asks over each way who the bot is, without taking it: names of the ways, and the bot's or what went wrong.
    pub async fn look_at_routes(&self) -> Vec<(&str, Result<String, String>)> {
        let looks = self.ways.iter().enumerate().map(|(route, way)| async move {
            let told = match self.ask_who_i_am(way).await {
                Ok(Some(me)) => Ok(me.user.username.unwrap_or_default()),
                Ok(None) => Err("an answer that is not Telegram's".to_owned()),
                Err(error) => Err(describe(&error)),
            };
            (self.routes.name(route), told)
        });
        futures::future::join_all(looks).await
    }

    /// How long a poll may be held.
    pub fn long_poll(&self) -> Duration {
        self.long_poll
    }

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
    pub async fn edit(&self, chat: i64, message_id: i32, words: &Rendered) -> Result<Edited, SendError> {
        let call = Call::Edit(words, message_id);
        let (attempt, _) = self.begin(Kind::Send);
        let result = tokio::time::timeout(self.reply_timeout, self.call_for(chat.into(), &call)).await;
        let result = match result {
            Ok(Err(RequestError::MigrateToChatId(new))) => {
                self.groups.moved(chat, new.0);
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
    pub async fn take_buttons_off(&self, chat_id: i64, message: i32) -> Result<(), Option<Duration>> {
        let chat = ChatId(self.groups.now(chat_id));
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
    pub async fn answer_press(&self, id: &teloxide::types::CallbackQueryId, word: Option<&str>) {
        let mut answer = AnswerCallbackQuery::new(id.clone());
        if let Some(word) = word {
            answer = answer.text(word).show_alert(true);
        }
        let _ = self.within(self.reply_timeout, self.call(&answer)).await;
    }

    /// The same with a word that passes by at the top of the screen.
    pub async fn answer_press_in_passing(&self, id: &teloxide::types::CallbackQueryId, word: &str) {
        let answer = AnswerCallbackQuery::new(id.clone()).text(word);
        let _ = self.within(self.reply_timeout, self.call(&answer)).await;
    }

    /// Deletes a message, as far as Telegram lets us.
    pub async fn delete(&self, chat_id: i64, message: MessageId) -> Result<(), SendError> {
        let chat = ChatId(self.groups.now(chat_id));
        self.within(self.reply_timeout, self.call(&DeleteMessage::new(chat, message))).await
    }

    /// What Telegram tells of a person in a group (a ChatMember), within one reply timeout.
    pub async fn chat_member(&self, chat_id: i64, user: UserId) -> Result<Value, RequestError> {
        self.asked(chat_id, &Call::Member(user)).await
    }

    /// The administrators of a group (a list of ChatMember), within one reply timeout.
    pub async fn chat_administrators(&self, chat_id: i64) -> Result<Value, RequestError> {
        self.asked(chat_id, &Call::Administrators).await
    }

    async fn asked(&self, chat_id: i64, call: &Call<'_>) -> Result<Value, RequestError> {
        let late =
            |_| RequestError::Io(Arc::new(std::io::Error::new(std::io::ErrorKind::TimedOut, "no answer in time")));
        let (attempt, _) = self.begin(Kind::Send);
        let answer = tokio::time::timeout(self.reply_timeout, self.wherever_it_goes(chat_id.into(), call)).await;
        if answer.is_err() {
            self.is_late(attempt);
        }
        answer.map_err(late)?
    }

    /// Calls for a place, wherever it goes then.
    async fn wherever_it_goes(&self, to: Place, call: &Call<'_>) -> Result<Value, RequestError> {
        self.placed(to, call).await.map(|(answer, _)| answer)
    }

    /// Calls for a place; where its group has a new id, that is learnt and taken, and where its topic is closed or gone,
    /// General or another one is. Tells where it went.
    async fn placed(&self, to: Place, call: &Call<'_>) -> Result<(Value, Place), RequestError> {
        let mut place = Place { chat_id: self.groups.now(to.chat_id), ..to };
        let mut result = self.call_for(place, call).await;
        if let Err(RequestError::MigrateToChatId(new)) = &result
            && new.0 != place.chat_id
        {
            self.groups.moved(place.chat_id, new.0);
            place.chat_id = new.0;
            result = self.call_for(place, call).await;
        }
        if place.only_there {
            return result.map(|answer| (answer, place));
        }
        let general = place.topic.is_some().then_some(None);
        let asked = place.topic;
        let others = self.groups.topics(place.chat_id).into_iter().filter(|topic| asked != Some(*topic));
        for topic in general.into_iter().chain(others.map(Some)) {
            if !result.as_ref().is_err_and(is_no_topic) {
                break;
            }
            place.topic = topic;
            result = self.call_for(place, call).await;
        }
        result.map(|answer| (answer, place))
    }

    async fn call_for(&self, place: Place, call: &Call<'_>) -> Result<Value, RequestError> {
        let (attempt, way) = self.begin(Kind::Send);
        let result = Self::call_over(way, place, call).await;
        self.ended(attempt, result.as_ref().err());
        result
    }

    async fn call_over(way: &Way, place: Place, call: &Call<'_>) -> Result<Value, RequestError> {
        let chat = ChatId(place.chat_id);
        match call {
            Call::Message(message, manner) => Self::send_over(way, place, message, Put::New(*manner)).await,
            Call::Edit(message, at) => Self::send_over(way, place, message, Put::InPlaceOf(*at)).await,
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
                way.send.upload(method, form.part(field, part)).await.map(|()| Value::Null)
            }
            Call::Copied { method, parameters } => {
                let mut parameters = (*parameters).clone();
                parameters["chat_id"] = chat.0.into();
                if let Some(topic) = place.topic {
                    parameters["message_thread_id"] = topic.into();
                }
                way.send.command_raw(method, &parameters).await
            }
            Call::Member(user) => way.send.ask(&GetChatMember::new(chat, *user)).await,
            Call::Administrators => way.send.ask(&GetChatAdministrators::new(chat)).await,
        }
    }

    /// Sends a message with buttons as far as the server knows them. One that refuses a message with new ones and takes it
    /// with plain ones is told plain ones from then on.
    async fn send_over(way: &Way, place: Place, message: &Rendered, put: Put) -> Result<Value, RequestError> {
        let fashion = way.fashion().fashion();
        let sent = Self::send_in(way, place, message, put, fashion).await;
        if fashion == Fashion::Plain || !message.markup.as_ref().is_some_and(is_new_fashion) {
            return sent;
        }
        let words = match &sent {
            Ok(_) => {
                way.fashion().taken();
                return sent;
            }
            // Whether it is there, or is so already, says nothing of buttons.
            Err(error) if what_became_of_an_edit(error).is_some() => return sent,
            Err(error) => match decide(error) {
                SendError::Refused(words) => words,
                _ => return sent,
            },
        };
        let plain = Self::send_in(way, place, message, put, Fashion::Plain).await;
        if plain.is_ok() {
            way.fashion().refused(&words);
        }
        plain
    }

    async fn send_in(
        way: &Way,
        place: Place,
        message: &Rendered,
        put: Put,
        fashion: Fashion,
    ) -> Result<Value, RequestError> {
        let chat = ChatId(place.chat_id);
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
        way.send.command_raw(method, &parameters).await
    }

    /// A request that tells its own outcome to the choice of ways; here only that it is late.
    async fn within<T, R>(&self, limit: Duration, request: R) -> Result<T, SendError>
    where
        R: IntoFuture<Output = Result<T, RequestError>>,
    {
        let (attempt, _) = self.begin(Kind::Send);
        match tokio::time::timeout(limit, request.into_future()).await {
            Ok(result) => result.map_err(|error| decide(&error)),
            Err(_) => {
                self.is_late(attempt);
                Err(SendError::Later { cause: "no answer in time".into(), after: None })
            }
        }
    }

    fn is_late(&self, attempt: Attempt) {
        self.routes.ended(attempt.route, attempt.kind, Outcome::NoAnswer, attempt.begun);
    }
}

fn client(route: &RouteSettings) -> Result<ClientBuilder, reqwest::Error> {
    let builder = net::client();
    Ok(match &route.proxy {
        Proxy::Through(proxy) => builder.proxy(reqwest::Proxy::all(proxy.expose_secret())?),
        Proxy::Direct => builder.no_proxy(),
        Proxy::Unset => builder,
    })
}
