//! The keeper of the tokens: one access token for whoever asks, renewed before it ends, never lost.
//!
//! **Promise.** As long as one candidate (stored, previous, environment) is still honoured by amoCRM, [`TokenKeeper`]
//! finds it without anybody's help; when none is, it says why, stops asking, and goes on by itself once somebody has
//! put new tokens into the store.
//!
//! **Races, and the answer to each.**
//! - *Twenty tasks meet one expired token.* One refreshes under [`Inner::flight`]; the others find the new token when
//!   their turn comes, because everything is read anew then.
//! - *Two processes refresh at once.* A refresh happens only under the store's lock, after reading again.
//! - *The answer to a refresh is lost.* Nothing was stored, so the old refresh token is sent again; amoCRM documents
//!   that it works until the new one is used.
//! - *The process dies, or the disk is full, between the answer and the store.* The new pair is not used before it is
//!   stored for good, so the old refresh token still works.
//! - *The caller is cancelled during a refresh.* The refresh runs on a task of its own and is carried through.
//! - *The new pair does not work.* The pair before it is kept until the new one has worked once. A fresh access token
//!   that is refused is not refreshed again at once (that would rotate for ever): most likely the integration is
//!   switched off. It is refreshed after a pause that grows, in case that access token alone is dead.
//! - *A person rewrites the files, in any order or only one of them.* They are read before every use (cached for
//!   seconds) and after every 401; refusals are remembered by fingerprint, so whatever is new is tried.
//! - *This machine's clock is wrong.* The end of a token obtained here is counted from when it came.

use std::sync::{Arc, Mutex as SyncMutex, MutexGuard, PoisonError};

use chrono::{DateTime, Utc};
use secrecy::{ExposeSecret, SecretString};
use tokio::time::Instant;
use url::Url;

use super::code;
use super::error::{AuthProblem, Source, TokenError};
use super::plan::{Candidate, Circumstances, Step, plan, sort};
use super::rejections::{Reason, Rejections};
use super::storage::{Fingerprint, Previous, TokenPair, TokenStorage};
use crate::config::{AmocrmSettings, Integration};
use crate::crm::amocrm::transport::Transport;

/// A pair whose access token was refused while fresh waits once, twice, four times … at most so many times as long as
/// the first such pair before it is renewed: a switched-off integration must not rotate its tokens for ever.
const MOST_FRESH_HOLDS: u32 = 32;

/// An access token in use. Its text is never shown.
#[derive(Debug, Clone)]
pub struct AccessToken {
    pub(in crate::crm::amocrm) token: SecretString,
    pub(super) print: Fingerprint,
}

/// Keeps the tokens of one account; clones share everything.
#[derive(Debug, Clone)]
pub struct TokenKeeper {
    pub(super) inner: Arc<Inner>,
}

#[derive(Debug)]
pub(super) struct Inner {
    pub(super) settings: AmocrmSettings,
    pub(super) vault: TokenStorage,
    pub(super) transport: Transport,
    /// Held by the one task that is getting a token.
    pub(super) flight: tokio::sync::Mutex<()>,
    pub(super) state: SyncMutex<State>,
}

#[derive(Debug, Default)]
pub(super) struct State {
    pub(super) memory: Rejections,
    cache: Option<(Instant, Vec<Candidate>)>,
    /// The access token the previous pair waits for.
    unproven: Option<Fingerprint>,
    /// The access token that has worked, whatever the store still says of it.
    proven: Option<Fingerprint>,
    /// Pairs in a row whose access token was refused while fresh.
    fresh_refused: u32,
    /// A pair that came but could not be stored yet.
    pub(super) unsaved: Option<(TokenPair, Previous)>,
    /// Where the account was found to have moved.
    pub(super) moved_to: Option<String>,
    /// When it was last asked for a new host after a wrong address.
    pub(super) asked_host: Option<Instant>,
    /// The moment at which this access token is due to be replaced.
    pub(super) due: Option<(Fingerprint, DateTime<Utc>)>,
    pub(super) upkeep_failures: u32,
    pub(super) upkeep_pause: Option<Instant>,
}

impl TokenKeeper {
    /// A keeper for this account; nothing is read or sent yet.
    pub fn new(settings: &AmocrmSettings, vault: TokenStorage, transport: Transport) -> Self {
        let (settings, state) = (settings.clone(), SyncMutex::default());
        Self { inner: Arc::new(Inner { settings, vault, transport, flight: tokio::sync::Mutex::default(), state }) }
    }

    /// An access token to call with, renewed first when it has ended or is about to.
    pub async fn access(&self) -> Result<AccessToken, TokenError> {
        let fresh = {
            let state = self.state();
            state.cache.as_ref().filter(|(read_at, _)| read_at.elapsed() < self.inner.transport.timing().poll).cloned()
        };
        let candidates = match fresh {
            Some((_, candidates)) => candidates,
            None => self.read().await?,
        };
        match self.ready(&candidates, None) {
            Some(token) => Ok(token),
            None => self.obtain(None).await,
        }
    }

    /// The next access token after a 401 with `used`: one that somebody else has put there, a renewed one, or the next
    /// candidate's. Each refused token is presented once.
    pub async fn rejected(&self, used: &AccessToken) -> Result<AccessToken, TokenError> {
        let candidates = self.read().await?;
        {
            let mut state = self.state();
            let hold = self.holds(&candidates, used, &state);
            let timing = self.inner.transport.timing();
            let reason = Reason::Problem(AuthProblem::AccessRefused);
            // Longer than its refresh token is held, which comes next then: the access token alone may be dead.
            let longest = timing.healing.max(timing.fresh * MOST_FRESH_HOLDS);
            state.memory.refuse(used.print, reason, Some(if hold.is_empty() { timing.healing } else { longest }));
            if !hold.is_empty() {
                let pause = timing.fresh * 2u32.saturating_pow(state.fresh_refused).min(MOST_FRESH_HOLDS);
                state.fresh_refused = state.fresh_refused.saturating_add(1);
                for refresh in hold {
                    state.memory.refuse(refresh, Reason::Problem(AuthProblem::IntegrationOff), Some(pause));
                }
            }
        }
        self.obtain(None).await
    }

    /// The refresh tokens that need not be asked after `used` was refused: it is fresh and has never worked, so a
    /// newer one would not work either, nor one made from the pair before.
    fn holds(&self, candidates: &[Candidate], used: &AccessToken, state: &State) -> Vec<Fingerprint> {
        let fresh = state.unproven == Some(used.print)
            && candidates.iter().filter_map(|candidate| candidate.access.as_ref()).any(|access| {
                access.print == used.print && state.memory.expires_at(access).is_none_or(|end| Utc::now() < end)
            });
        let stored = |candidate: &&Candidate| candidate.source != Source::Environment;
        let prints = |candidate: &Candidate| Some(candidate.refresh.as_ref()?.print);
        if fresh { candidates.iter().filter(stored).filter_map(prints).collect() } else { Vec::new() }
    }

    /// Takes note that a call with this token succeeded; the pair before it is not needed any more.
    pub fn worked(&self, used: &AccessToken) {
        let mut state = self.state();
        let known = state.cache.as_ref().and_then(|(_, candidates)| {
            candidates.iter().find(|candidate| candidate.access.as_ref().is_some_and(|it| it.print == used.print))
        });
        let refresh = known.and_then(|candidate| Some(candidate.refresh.as_ref()?.print));
        state.memory.accept(&used.print, refresh.as_ref());
        if state.unproven == Some(used.print) {
            (state.unproven, state.proven) = (None, Some(used.print));
            state.fresh_refused = 0;
            let (vault, print) = (self.inner.vault.clone(), used.print);
            tokio::spawn(async move {
                if let Err(error) = vault.settle(print).await {
                    tracing::warn!(%error, "the previous tokens could not be removed");
                }
            });
        }
    }

    /// Somebody says that what stood in the way is mended: refusals that amoCRM's side can undo are not waited out.
    pub fn try_again(&self) {
        let can_refresh = self.integration().is_some();
        let mut state = self.state();
        let candidates = state.cache.as_ref().map(|(_, candidates)| candidates.as_slice()).unwrap_or_default();
        let pairs: Vec<(Fingerprint, Fingerprint)> = candidates
            .iter()
            .filter(|_| can_refresh)
            .filter_map(|candidate| Some((candidate.access.as_ref()?.print, candidate.refresh.as_ref()?.print)))
            .collect();
        state.memory.forgive_what_may_heal(&pairs);
        (state.upkeep_failures, state.upkeep_pause) = (0, None);
    }

    /// The page on which an admin allows the integration; `state` comes back with the code.
    pub fn authorization_url(&self, state: &str) -> Result<Url, TokenError> {
        let integration = self.integration().ok_or_else(|| needs(AuthProblem::NoIntegration))?;
        code::authorization_url(&self.inner.settings.account_host, &integration.client_id, state)
            .map_err(|error| TokenError::Transient { cause: error.to_string(), retry_after: None })
    }

    /// Resolves when there is something to try that amoCRM has not refused: somebody has put new tokens into the
    /// store. Looks every [`crate::crm::amocrm::Timing::poll`].
    pub async fn changed(&self) {
        loop {
            if let Ok(candidates) = self.read().await
                && !plan(&candidates, &self.state().memory, self.circumstances(None)).is_empty()
            {
                return;
            }
            tokio::time::sleep(self.inner.transport.timing().poll).await;
        }
    }

    /// Where the API is: the configured base, or the account's new host where it was followed.
    pub(in crate::crm::amocrm) fn base(&self) -> String {
        match &self.state().moved_to {
            Some(host) if !self.is_pinned() => format!("https://{host}"),
            _ => self.inner.settings.base_url.to_string(),
        }
    }

    /// `AMOCRM_BASE_URL` says where everything goes; nothing is followed elsewhere.
    pub(super) fn is_pinned(&self) -> bool {
        let settings = &self.inner.settings;
        settings.base_url.scheme() != "https" || settings.base_url.host_str() != Some(settings.account_host.as_str())
    }

    pub(super) fn integration(&self) -> Option<&Integration> {
        self.inner.settings.integration.as_ref()
    }

    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        self.inner.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn circumstances(&self, replace: Option<Fingerprint>) -> Circumstances {
        Circumstances { now: Utc::now(), can_refresh: self.integration().is_some(), replace }
    }

    /// Reads the candidates, newest first.
    pub(super) async fn read(&self) -> Result<Vec<Candidate>, TokenError> {
        let stored = self.inner.vault.read().await?;
        let settings = &self.inner.settings;
        let environment = TokenPair {
            access: settings.access_token.as_ref().and_then(|token| super::storage::clean(token.expose_secret())),
            refresh: settings.refresh_token.as_ref().and_then(|token| super::storage::clean(token.expose_secret())),
        };
        let previous = stored.previous.as_ref().map(|previous| previous.pair.clone()).unwrap_or_default();
        let mut candidates: Vec<Candidate> =
            [(Source::Stored, &stored.pair), (Source::Previous, &previous), (Source::Environment, &environment)]
                .into_iter()
                .filter_map(|(source, pair)| Candidate::new(source, pair))
                .collect();
        let access = candidates.iter().find(|candidate| candidate.source == Source::Stored);
        let access = access.and_then(|candidate| Some(candidate.access.as_ref()?.print));
        sort(&mut candidates);
        let mut state = self.state();
        let waits = |access: &Fingerprint| {
            let previous = stored.previous.as_ref();
            previous.is_some_and(|previous| previous.waits_for(access))
        };
        state.unproven = access.filter(|access| waits(access) && state.proven != Some(*access));
        state.cache = Some((Instant::now(), candidates.clone()));
        Ok(candidates)
    }

    /// The token to use, when no refresh comes before it.
    pub(super) fn ready(&self, candidates: &[Candidate], replace: Option<Fingerprint>) -> Option<AccessToken> {
        match plan(candidates, &self.state().memory, self.circumstances(replace)).first() {
            Some(Step::Use(_, access)) => Some(AccessToken { token: access.token.clone(), print: access.print }),
            _ => None,
        }
    }
}

pub(super) fn needs(reason: AuthProblem) -> TokenError {
    TokenError::NeedsAuthorization { reason, origin: None, expired_at: None }
}
