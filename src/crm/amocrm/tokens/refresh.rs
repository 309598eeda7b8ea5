//! Getting new tokens: one refresh at a time, nothing lost between the answer and the storage.
//!
//! The promise and the races are told in [`super`]; here they are kept.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use secrecy::{ExposeSecret, SecretString};

use super::TokenPolicy;
use super::candidates::Candidate;
use super::error::{AuthProblem, TokenError};
use super::inventory::Inventory;
use super::jwt::Claims;
use super::oauth::{self, Grant, Granted, Refusal};
use super::plan::Plan;
use super::rejections::Reason;
use super::storage::{Previous, TokenStorageLock};
use super::token::{AccessToken, Fingerprint, Refresh, TokenPair};
use crate::config::Integration;
use crate::crm::amocrm::address::{AccountAddress, is_amocrm_host};
use crate::crm::amocrm::transport::Transport;
use crate::fault::point;

/// More than the candidates there can be; a guard against turning in a circle.
const MOST_STEPS: usize = 8;

/// The only one who trades refresh tokens and codes for new pairs.
#[derive(Debug)]
pub(super) struct Refresher {
    pub inventory: Arc<Inventory>,
    pub address: Arc<AccountAddress>,
    pub integration: Option<Integration>,
    transport: Transport,
    policy: TokenPolicy,
    /// Held by the one task that is getting a token.
    refresh_lock: tokio::sync::Mutex<()>,
    /// A pair that came but could not be stored yet.
    unsaved: Mutex<Option<(TokenPair, Previous)>>,
}

impl Refresher {
    pub fn new(
        inventory: Arc<Inventory>,
        address: Arc<AccountAddress>,
        integration: Option<Integration>,
        transport: Transport,
        policy: TokenPolicy,
    ) -> Self {
        let (refresh_lock, unsaved) = (tokio::sync::Mutex::default(), Mutex::default());
        Self { inventory, address, integration, transport, policy, refresh_lock, unsaved }
    }

    /// Gets a token, by a refresh if need be, on a task of its own that outlives a caller who is cancelled. `replaced` is an
    /// access token that will not do although it still works.
    pub async fn obtain(self: Arc<Self>, replaced: Option<Fingerprint>) -> Result<AccessToken, TokenError> {
        let task = tokio::spawn(async move { self.obtain_now(replaced).await });
        task.await.unwrap_or_else(|error| Err(TokenError::Transient { cause: error.to_string(), retry_after: None }))
    }

    async fn obtain_now(&self, replaced: Option<Fingerprint>) -> Result<AccessToken, TokenError> {
        let _refreshing = self.refresh_lock.lock().await;
        let candidates = self.inventory.read().await?.replacing(replaced);
        let nothing_unsaved = self.unsaved().is_none();
        match Plan::decide(&candidates, &self.inventory.known().rejections, self.inventory.now()) {
            Plan::Use(_, access) => return Ok(access.token.clone()),
            Plan::GiveUp(error) if nothing_unsaved => return Err(error),
            Plan::GiveUp(_) | Plan::Refresh(..) => {}
        }
        let _lock = self.lock().await?;
        if let Some(token) = self.save().await? {
            return Ok(token);
        }
        for _ in 0..MOST_STEPS {
            let candidates = self.inventory.read().await?.replacing(replaced);
            let plan = Plan::decide(&candidates, &self.inventory.known().rejections, self.inventory.now());
            let (candidate, refresh) = match plan {
                Plan::Use(_, access) => return Ok(access.token.clone()),
                Plan::Refresh(candidate, refresh) => (candidate, refresh),
                Plan::GiveUp(error) => return Err(error),
            };
            point("tokens.before_refresh");
            match self.refresh(candidate, refresh).await {
                Ok(granted) => {
                    point("tokens.answered");
                    if let Some(token) = self.keep(granted, candidate.pair()).await? {
                        tracing::info!(source = ?candidate.source, "amoCRM tokens were refreshed");
                        return Ok(token);
                    }
                }
                Err(Failed::Final(reason)) => {
                    tracing::warn!(source = ?candidate.source, ?reason, "amoCRM refuses a refresh token");
                    let now = self.inventory.now();
                    self.inventory.known().rejections.refuse_refresh(refresh.fingerprint, reason, &self.policy, now);
                }
                Err(Failed::Now(error)) => {
                    let (known, now) = (self.inventory.known(), self.inventory.now());
                    let lasts = candidate.access.as_ref().filter(|access| {
                        // One that does not tell its end has had its chance.
                        known.rejections.expires_at(access).is_some()
                            && known.rejections.is_usable(access, chrono::Duration::zero(), now)
                    });
                    let lasts = lasts.filter(|_| replaced.is_none());
                    return lasts.map(|access| access.token.clone()).ok_or(error);
                }
            }
        }
        Err(TokenError::Transient { cause: "the tokens keep changing".into(), retry_after: None })
    }

    /// Refreshes once; repeats when the answer was lost, and at the account's new host when it has moved.
    async fn refresh(&self, candidate: &Candidate, refresh: &Refresh) -> Result<Granted, Failed> {
        let Some(integration) = &self.integration else {
            return Err(Failed::Final(Reason::Problem(AuthProblem::NoIntegration)));
        };
        let transport = &self.transport;
        let ask = async |base: &str| {
            let first = oauth::request_tokens(transport, base, integration, Grant::Refresh(&refresh.token)).await;
            let Err(Refusal::Lost(_)) = first else {
                return first;
            };
            tokio::time::sleep(self.policy.repeat_pause).await;
            oauth::request_tokens(transport, base, integration, Grant::Refresh(&refresh.token)).await
        };
        let mut result = ask(&self.address.base()).await;
        if result.as_ref().is_err_and(may_have_moved)
            && let Some(host) = self.new_host(candidate, refresh).await
        {
            self.address.note_move(&host);
            if self.address.is_pinned() {
                return Err(Failed::Final(Reason::Moved(host)));
            }
            result = ask(&self.address.base()).await;
        }
        if result.is_ok() && self.address.is_pinned() {
            self.address.note_return();
        }
        result.map_err(|refusal| match refusal {
            // The client is refused without a word which part of it is wrong, but the token was issued to it.
            Refusal::Final(AuthProblem::WrongClient)
                if candidate.claims().and_then(|claims| claims.aud.as_deref()) == Some(&integration.client_id) =>
            {
                Failed::Final(Reason::Problem(AuthProblem::IntegrationOff))
            }
            Refusal::Final(reason) => Failed::Final(Reason::Problem(reason)),
            other => Failed::Now(for_now(other)),
        })
    }

    /// Trades a code, which is good for one use, and stores the pair.
    pub async fn trade(&self, code: &str, base: &str, integration: &Integration) -> Result<AccessToken, TokenError> {
        let _refreshing = self.refresh_lock.lock().await;
        let _lock = self.lock().await?;
        let granted = oauth::request_tokens(&self.transport, base, integration, Grant::Code(code)).await;
        let granted = granted.map_err(|refusal| match refusal {
            Refusal::Final(reason) => needs(reason),
            other => for_now(other),
        })?;
        let before = self.inventory.storage.read().await?.pair;
        let kept = self.keep(granted, before).await?;
        let token = kept.ok_or_else(|| TokenError::Transient {
            cause: "newer tokens were put there meanwhile".into(),
            retry_after: None,
        })?;
        let mut known = self.inventory.known();
        known.rejections.forgive();
        known.schedule.resume();
        Ok(token)
    }

    /// Looks for the account's new host after its address turned out to be wrong; asks rarely. `Some` when it has moved.
    pub async fn find_host(&self) -> Option<String> {
        if !self.address.may_be_asked_for(self.policy.rejection_cooldown) {
            return None;
        }
        for candidate in self.inventory.read().await.ok()?.iter() {
            if let Some(refresh) = &candidate.refresh
                && let Some(host) = self.new_host(candidate, refresh).await
            {
                self.address.note_move(&host);
                return Some(host);
            }
        }
        None
    }

    /// The account's host, when it is another one than we know.
    async fn new_host(&self, candidate: &Candidate, refresh: &Refresh) -> Option<String> {
        let base = if self.address.is_pinned() {
            self.address.base()
        } else {
            let api = candidate.claims()?.api_domain.as_deref().filter(|domain| is_amocrm_host(domain))?;
            format!("https://{api}")
        };
        let host = oauth::current_host(&self.transport, &base, &refresh.token).await?;
        (host != self.address.known_host()).then_some(host)
    }

    /// Stores a new pair for good, then lets it be used; `None` when there are newer ones by now.
    async fn keep(&self, granted: Granted, before: TokenPair) -> Result<Option<AccessToken>, TokenError> {
        let now = self.inventory.now();
        let access = Fingerprint::of(&granted.access);
        self.inventory.known().rejections.learn(access, granted.expires_in, now);
        let refresh = granted.refresh.or_else(|| before.refresh.clone());
        let previous = Previous::of(before, &granted.access);
        *self.unsaved() = Some((TokenPair { access: Some(granted.access), refresh }, previous));
        self.save().await
    }

    /// Stores the pair that waits to be stored, if there is one. Until that succeeds it is not used.
    async fn save(&self) -> Result<Option<AccessToken>, TokenError> {
        let waiting = self.unsaved().clone();
        let Some((pair, previous)) = waiting else {
            return Ok(None);
        };
        // Somebody may have put newer tokens there while ours were on their way, or could not be stored.
        let age = |access: &Option<SecretString>| Claims::decode(access.as_ref()?.expose_secret())?.age_mark();
        if age(&self.inventory.storage.read().await?.pair.access) > age(&pair.access) {
            *self.unsaved() = None;
            return Ok(None);
        }
        self.inventory.storage.write(&pair, Some(&previous)).await?;
        point("tokens.stored");
        *self.unsaved() = None;
        self.inventory.read().await?;
        Ok(pair.access.map(AccessToken::new))
    }

    async fn lock(&self) -> Result<TokenStorageLock, TokenError> {
        match self.inventory.storage.lock(self.policy.lock_wait, self.policy.lock_expiry).await {
            Err(error) if error.kind() == std::io::ErrorKind::TimedOut => {
                Err(TokenError::Transient { cause: error.to_string(), retry_after: None })
            }
            other => Ok(other?),
        }
    }

    fn unsaved(&self) -> MutexGuard<'_, Option<(TokenPair, Previous)>> {
        self.unsaved.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Why a refresh gave nothing.
enum Failed {
    /// This token is of no use any more.
    Final(Reason),
    /// No token would be of use now.
    Now(TokenError),
}

/// Somebody has to act; which tokens it was about is not known.
pub(super) fn needs(reason: AuthProblem) -> TokenError {
    TokenError::NeedsAuthorization { reason, origin: None, expired_at: None }
}

/// A refusal that says nothing about the token that was presented.
fn for_now(refusal: Refusal) -> TokenError {
    match refusal {
        Refusal::Final(reason) => needs(reason),
        Refusal::NotFound => TokenError::Transient {
            cause: "404 at the account's address; check AMOCRM_SUBDOMAIN".into(),
            retry_after: None,
        },
        Refusal::Blocked => TokenError::Blocked,
        Refusal::Lost(cause) => TokenError::Transient { cause, retry_after: None },
        Refusal::Transient { cause, retry_after } => TokenError::Transient { cause, retry_after },
    }
}

/// Whether a refusal may be that of a host the account has left; not one that names a wrong setting.
fn may_have_moved(refusal: &Refusal) -> bool {
    match refusal {
        Refusal::Final(AuthProblem::WrongClientId | AuthProblem::WrongClientSecret | AuthProblem::RedirectDiffers) => {
            false
        }
        Refusal::Final(_) | Refusal::NotFound => true,
        Refusal::Blocked | Refusal::Lost(_) | Refusal::Transient { .. } => false,
    }
}
