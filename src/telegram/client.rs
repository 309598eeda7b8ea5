//! Talking to Telegram: one bot, over one of several ways.
//!
//! Properties:
//! - A request ends as the caller's decision ([`SendError`], [`Edited`]), never as words to be searched.
//! - Whatever comes of a request is told to the choice of ways ([`Telegram::ended`]), also that it is late, so that a way
//!   that does not work is left.
//! - A poll is held for long and a send never: each way has a client for either, and no send waits behind a poll.
//! - The chats of the settings keep their ids in this program; what their groups have become is put in here (`placing`).
//!
//! Races, and what answers each:
//! - A message is taken and its answer is late or lost: it counts as not taken and is sent again. Nothing tells it apart, so
//!   no time limit is below `LEAST_SEND`, and an answer that breaks off behind `ok` is one (`api`).
//! - A way is left while a poll goes over it: that poll ends before another begins ([`Telegram::poll`]), so no two polls take
//!   updates from each other.
//! - A group becomes a supergroup, or a topic is closed, while a message is on its way there: the refusal says so, and the same
//!   call goes to the new id, to General or to another topic.
//!
//! What is asked (`request`), where that goes (`place`, `placing`), over which way (`way`, `ways`), what a refusal means
//! (`failure`); and what others ask for: `messages`, `files`, `topics`, `members`, and `looking` for commands.

mod failure;
mod files;
mod looking;
mod members;
mod messages;
mod place;
mod placing;
mod request;
mod send_counters;
mod topics;
mod way;
mod ways;

use std::{sync::Arc, time::Duration};

use serde::Serialize;
use teloxide::{RequestError, requests::Payload};
use tokio::time::Instant;

use crate::{
    clock::Clock,
    config::{RouteSettings, TelegramSettings},
};

use super::{
    groups::Groups,
    routes::{Kind, Outcome, Patience, Routes},
};

pub use failure::{Edited, SendError, api_text, describe, poll_trouble};
use failure::{decide, outcome};
pub use files::DownloadError;
pub use place::{Manner, Place, Taken};
pub use request::Attachment;
pub use send_counters::SendCounters;
pub use way::UnusableRoute;
use way::{Way, long_poll, longest_poll};

/// How long a way to Telegram may go without a good answer before it is left.
const SILENCE: Duration = Duration::from_secs(30);

/// How often the first way is tried again while another one is taken.
const PREFERRED_AGAIN: Duration = Duration::from_secs(600);

/// A message that takes longer is sent again later.
const REPLY_TIMEOUT: Duration = Duration::from_secs(5);

/// The least time that a message has, however fast a test's clock runs: a message that is given up while Telegram takes it is sent twice. Not scaled, as no server's
/// pace is.
const LEAST_SEND: Duration = Duration::from_secs(2);

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
        let ways: Result<Vec<Way>, UnusableRoute> =
            settings.routes.iter().map(|route| Way::over(route, &settings.token)).collect();
        let long_poll = long_poll(clock);
        let patience = Patience {
            silence: clock.scaled(SILENCE).max(longest_poll(long_poll, clock)),
            again: clock.scaled(PREFERRED_AGAIN),
        };
        let names = settings.routes.iter().map(RouteSettings::name).collect();
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

    /// How long a poll may be held.
    pub fn long_poll(&self) -> Duration {
        self.long_poll
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
