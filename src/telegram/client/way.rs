//! One way to Telegram: its two clients, and how long a poll over it is held.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use reqwest::ClientBuilder;
use secrecy::{ExposeSecret, SecretString};
use thiserror::Error;

use crate::{
    clock::Clock,
    config::{Proxy, RouteSettings},
    net,
};

use super::super::{api::Api, markup::Refusals};

/// A document takes longer than a message.
pub(super) const DOCUMENT_TIMEOUT: Duration = Duration::from_secs(15);

/// How long Telegram may hold a poll that has nothing to say.
const LONG_POLL: Duration = Duration::from_secs(25);

/// A poll that is this much overdue hangs on a dead connection.
const POLL_MARGIN: Duration = Duration::from_secs(5);

/// The two clients of one way to Telegram.
#[derive(Debug, Clone)]
pub(super) struct Way {
    pub(super) send: Api,
    pub(super) poll: Api,
    /// What its server knows of buttons, as far as it was seen.
    fashion: Arc<Mutex<Refusals>>,
}

impl Way {
    /// By a route of the settings, for a bot's token.
    pub(super) fn over(route: &RouteSettings, token: &SecretString) -> Result<Self, UnusableRoute> {
        let api = |client| Api::new(client, route.api_url.clone(), token.clone());
        let clients = || {
            let send = client(route)?.timeout(DOCUMENT_TIMEOUT).build()?;
            let poll = client(route)?.pool_max_idle_per_host(1).build()?;
            Ok(Self { send: api(send), poll: api(poll), fashion: Arc::default() })
        };
        clients().map_err(|_: reqwest::Error| UnusableRoute { name: route.name() })
    }

    pub(super) fn fashion(&self) -> MutexGuard<'_, Refusals> {
        self.fashion.lock().unwrap_or_else(PoisonError::into_inner)
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

/// Why Telegram cannot be used with these settings.
#[derive(Debug, Error)]
#[error("{name} cannot be used")]
pub struct UnusableRoute {
    /// Names the way, without anything secret.
    pub name: String,
}

/// How long a poll may be held, at a clock's pace.
pub(super) fn long_poll(clock: Clock) -> Duration {
    clock.scaled(LONG_POLL).max(Duration::from_secs(1))
}

/// Longest that a poll which is held may take.
pub(super) fn longest_poll(held: Duration, clock: Clock) -> Duration {
    held + clock.scaled(POLL_MARGIN).max(Duration::from_secs(1))
}
