//! Authorizing the bot in amoCRM: the address the admin taps, and what comes back from there.
//!
//! The address carries a random `state`. amoCRM hands it back with the code, so whoever brings it has been given the
//! address by this bot. It is good for one use within thirty minutes. Only its SHA-256 is kept, in the store's marks:
//! it survives restarts, and another process' page takes it too.

use std::time::Duration;

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use chrono::{DateTime, Utc};
use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest, Sha256};
use thiserror::Error;
use tracing::{info, warn};
use url::Url;

use crate::{
    alerts,
    config::is_account_host,
    crm::amocrm::{AuthProblem, Crm, TokenError},
    store::{LeadQueue, Leads, Mark, MarkFamily, Marks, OpenAlerts, Store, StoreError},
};

/// Time for finding the password and signing in at amoCRM; the code that comes back works for 20 minutes.
const STATE_LIVES: Duration = Duration::from_secs(30 * 60);

/// Bytes of randomness in a state.
const STATE_BYTES: usize = 32;

/// Gives out authorization addresses and takes what comes back.
#[derive(Debug, Clone)]
pub struct Authorization {
    marks: Marks,
    leads: Leads,
    queue: LeadQueue,
    open_alerts: OpenAlerts,
    crm: Crm,
}

/// New tokens are stored.
#[derive(Debug, Clone)]
pub struct Authorized {
    /// Until when the access token works, where known; it is renewed before.
    pub access_expires_at: Option<DateTime<Utc>>,
    /// Leads that are delivered now.
    pub waiting: i64,
}

/// Why there are no new tokens.
#[derive(Debug, Error)]
pub enum AuthorizationError {
    /// No integration in the settings: there is nothing to authorize.
    #[error("there are no settings of an integration")]
    NotConfigured,
    /// The `state` is missing where it is required, unknown, used or too old.
    #[error("the state is unknown, used or too old")]
    Forged,
    /// This very state and code have brought new tokens already: the page was loaded again.
    #[error("the state and the code have been used already, with success")]
    AlreadyDone,
    /// The code is said to come from a host that is none of amoCRM's; it was sent nowhere.
    #[error("the host is not one of amoCRM's")]
    WrongHost,
    /// amoCRM refuses: a new code, or a setting that is fixed, is needed.
    #[error("amoCRM refuses: {0}")]
    Code(AuthProblem),
    /// amoCRM could not be asked, or the new tokens could not be stored.
    #[error(transparent)]
    Tokens(TokenError),
    /// The store cannot be used; nothing was done, the same address works again.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<TokenError> for AuthorizationError {
    fn from(error: TokenError) -> Self {
        match error {
            TokenError::NotConfigured => Self::NotConfigured,
            TokenError::NeedsAuthorization { reason: AuthProblem::NoIntegration, .. } => Self::NotConfigured,
            TokenError::NeedsAuthorization { reason, .. } => Self::Code(reason),
            other => Self::Tokens(other),
        }
    }
}

impl Authorization {
    /// For one account; what is given out is remembered in the store.
    pub fn new(store: &Store, crm: Crm) -> Self {
        Self {
            marks: store.marks(),
            leads: store.leads(),
            queue: store.lead_queue(),
            open_alerts: store.open_alerts(),
            crm,
        }
    }

    /// A fresh authorization address with a state of its own.
    pub async fn address(&self) -> Result<Url, AuthorizationError> {
        let state = URL_SAFE_NO_PAD.encode(rand::random::<[u8; STATE_BYTES]>());
        let url = self.crm.authorization().url(&state)?;
        for family in [MarkFamily::AuthorizationStates, MarkFamily::AuthorizationsDone] {
            self.marks.remove_old(family, self.oldest_state()).await?;
        }
        self.marks.set(&mark(&state), "").await?;
        Ok(url)
    }

    /// Takes what came back: checks the state, trades the code for tokens at the account named by `referer`, and makes
    /// the waiting leads be delivered at once.
    ///
    /// A state that is given is checked and used up even where none is required.
    pub async fn take(
        &self,
        code: &SecretString,
        state: Option<&str>,
        state_required: bool,
        referer: Option<&str>,
    ) -> Result<Authorized, AuthorizationError> {
        if self.crm.settings().integration.is_none() {
            return Err(AuthorizationError::NotConfigured);
        }
        // Counted first: once the code is traded nothing may fail any more.
        let waiting = self.leads.waiting().await?.0;
        match state {
            Some(state) if !self.marks.take_young(&mark(state), self.oldest_state()).await? => {
                let done = self.marks.get(&done_mark(state, code)).await?;
                return Err(done.map_or(AuthorizationError::Forged, |_| AuthorizationError::AlreadyDone));
            }
            None if state_required => return Err(AuthorizationError::Forged),
            _ => {}
        }
        if referer.is_some_and(|host| !self.is_allowed(host)) {
            return Err(AuthorizationError::WrongHost);
        }
        let tokens = self.crm.authorization().exchange_code(code.expose_secret(), referer).await?;
        info!(waiting, "amoCRM was authorized again");
        if let Some(state) = state
            && let Err(error) = self.marks.set(&done_mark(state, code), "").await
        {
            warn!(%error, "it could not be noted that a link has worked; loaded again it is called used");
        }
        if let Err(error) = self.deliver_now().await {
            warn!(%error, "delivery could not be told of the new tokens; it notices them by itself");
        }
        Ok(Authorized { access_expires_at: tokens.access_expires_at, waiting })
    }

    /// Leads that amoCRM refuses are not revived: new tokens change nothing about their data.
    async fn deliver_now(&self) -> Result<(), StoreError> {
        let now = self.marks.clock().now();
        self.marks.set(&Mark::CodeExpected, "0").await?;
        self.marks.set(&Mark::Retry, &now.to_string()).await?;
        self.queue.wake();
        // Whoever authorized is told here that it worked; the alert need not say it again.
        self.open_alerts.close(alerts::REFRESH, &[]).await
    }

    /// Whether a host may be asked at all; which account it has to be is checked by the exchange.
    fn is_allowed(&self, host: &str) -> bool {
        is_account_host(host) || self.crm.settings().base_url.authority() == host
    }

    fn oldest_state(&self) -> i64 {
        let clock = self.marks.clock();
        clock.now() - clock.millis(STATE_LIVES)
    }
}

fn mark(state: &str) -> Mark {
    Mark::AuthorizationState(hashed(state))
}

fn done_mark(state: &str, code: &SecretString) -> Mark {
    Mark::AuthorizationDone(hashed(&format!("{state} {}", code.expose_secret())))
}

fn hashed(secret: &str) -> String {
    format!("{:x}", Sha256::digest(secret.as_bytes()))
}
