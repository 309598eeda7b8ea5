//! Getting new tokens: one refresh at a time, nothing lost between the answer and the store.
//!
//! The promise and the races are told in [`super::keeper`]; this is the part of the keeper that asks amoCRM.

use chrono::Utc;
use secrecy::{ExposeSecret, SecretString};
use tokio::time::Instant;

use crate::fault::point;

use super::error::{AuthProblem, TokenError};
use super::jwt::Claims;
use super::keeper::{AccessToken, TokenKeeper, needs};
use super::oauth::{self, Grant, Granted, Refusal, is_amocrm_host};
use super::plan::{Candidate, Refresh, Step, plan, verdict};
use super::rejections::Reason;
use super::status::TokenInfo;
use super::storage::{Fingerprint, Previous, TokenPair, TokenStorageLock};

/// More than the candidates there can be; a guard against turning in a circle.
const MOST_STEPS: usize = 8;

impl TokenKeeper {
    /// Trades an authorization code for tokens and stores them.
    ///
    /// `host` is the `referer` of the redirect, if there was one: another account than the configured one is refused,
    /// and so is anything outside `amocrm.ru`, `amocrm.com`, `kommo.com`, which would be handed the client secret. The
    /// code is good for one use: after [`TokenError::Transient`] a new one is needed.
    pub async fn exchange_code(&self, code: &str, host: Option<&str>) -> Result<TokenInfo, TokenError> {
        // On a task of its own, as every use of something that works only once.
        let (keeper, code, host) = (self.clone(), SecretString::from(code), host.map(str::to_owned));
        let task = tokio::spawn(async move { keeper.exchange_now(code.expose_secret(), host.as_deref()).await });
        task.await.unwrap_or_else(|error| Err(TokenError::Transient { cause: error.to_string(), retry_after: None }))
    }

    async fn exchange_now(&self, code: &str, host: Option<&str>) -> Result<TokenInfo, TokenError> {
        let integration = self.integration().ok_or_else(|| needs(AuthProblem::NoIntegration))?;
        let base = self.exchange_base(host)?;
        let _flight = self.inner.flight.lock().await;
        let _lock = self.lock().await?;
        let transport = &self.inner.transport;
        let granted =
            oauth::request_tokens(transport, &base, integration, Grant::Code(code)).await.map_err(|refusal| {
                match refusal {
                    Refusal::Final(reason) => needs(reason),
                    Refusal::NotFound => not_found(),
                    Refusal::Blocked => TokenError::Blocked,
                    Refusal::Lost(cause) => TokenError::Transient { cause, retry_after: None },
                    Refusal::Transient { cause, retry_after } => TokenError::Transient { cause, retry_after },
                }
            })?;
        let claims = Claims::decode(granted.access.expose_secret()).unwrap_or_default();
        let before = self.inner.vault.read().await?.pair;
        let kept = self.keep(granted, before).await?;
        let token = kept.ok_or_else(|| TokenError::Transient {
            cause: "newer tokens were put there meanwhile".into(),
            retry_after: None,
        })?;
        {
            let mut state = self.state();
            state.memory.forgive();
            (state.upkeep_failures, state.upkeep_pause) = (0, None);
        }
        tracing::info!("new amoCRM tokens were obtained with an authorization code");
        let access_expires_at = self
            .read()
            .await?
            .iter()
            .filter_map(|candidate| candidate.access.as_ref())
            .find_map(|access| (access.print == token.print).then(|| self.state().memory.expires_at(access))?);
        Ok(TokenInfo { access_expires_at, account_id: claims.account_id })
    }

    /// Gets a token, by a refresh if need be, on a task of its own that outlives a caller who is cancelled.
    pub(super) async fn obtain(&self, replace: Option<Fingerprint>) -> Result<AccessToken, TokenError> {
        let keeper = self.clone();
        let task = tokio::spawn(async move { keeper.obtain_now(replace).await });
        task.await.unwrap_or_else(|error| Err(TokenError::Transient { cause: error.to_string(), retry_after: None }))
    }

    async fn obtain_now(&self, replace: Option<Fingerprint>) -> Result<AccessToken, TokenError> {
        let _flight = self.inner.flight.lock().await;
        let candidates = self.read().await?;
        if let Some(token) = self.ready(&candidates, replace) {
            return Ok(token);
        }
        let at = self.circumstances(replace);
        {
            let state = self.state();
            if state.unsaved.is_none() && plan(&candidates, &state.memory, at).is_empty() {
                return Err(verdict(&candidates, &state.memory, at));
            }
        }
        let _lock = self.lock().await?;
        if let Some(token) = self.save().await? {
            return Ok(token);
        }
        for _ in 0..MOST_STEPS {
            let candidates = self.read().await?;
            let (candidate, refresh) = {
                let memory = &self.state().memory;
                match plan(&candidates, memory, at).first() {
                    Some(Step::Use(_, access)) => {
                        return Ok(AccessToken { token: access.token.clone(), print: access.print });
                    }
                    Some(Step::Refresh(candidate, refresh)) => ((*candidate).clone(), (*refresh).clone()),
                    None => return Err(verdict(&candidates, memory, at)),
                }
            };
            point("tokens.before_refresh");
            match self.refresh(&candidate, &refresh).await {
                Ok(granted) => {
                    point("tokens.answered");
                    if let Some(token) = self.keep(granted, candidate.pair()).await? {
                        tracing::info!(source = ?candidate.source, "amoCRM tokens were renewed");
                        return Ok(token);
                    }
                }
                Err(Failed::Final(reason)) => {
                    let hold = match &reason {
                        Reason::Problem(problem) if !problem.may_heal() => None,
                        Reason::Problem(_) | Reason::Moved(_) => Some(self.inner.transport.timing().healing),
                    };
                    tracing::warn!(source = ?candidate.source, ?reason, "amoCRM refuses a refresh token");
                    self.state().memory.refuse(refresh.print, reason, hold);
                }
                Err(Failed::Now(error)) => {
                    let alive = candidate.access.filter(|access| {
                        let state = self.state();
                        let lives = state.memory.expires_at(access).is_some_and(|end| Utc::now() < end);
                        replace.is_none() && lives && !state.memory.is_refused(&access.print)
                    });
                    let alive = alive.map(|access| AccessToken { token: access.token, print: access.print });
                    return alive.ok_or(error);
                }
            }
        }
        Err(TokenError::Transient { cause: "the tokens keep changing".into(), retry_after: None })
    }

    /// Refreshes once; repeats when the answer was lost, and at the account's new host when it has moved.
    async fn refresh(&self, candidate: &Candidate, refresh: &Refresh) -> Result<Granted, Failed> {
        let Some(integration) = self.integration() else {
            return Err(Failed::Final(Reason::Problem(AuthProblem::NoIntegration)));
        };
        let transport = &self.inner.transport;
        let ask = async |base: &str| {
            let first = oauth::request_tokens(transport, base, integration, Grant::Refresh(&refresh.token)).await;
            let Err(Refusal::Lost(_)) = first else {
                return first;
            };
            tokio::time::sleep(transport.timing().repeat_pause).await;
            oauth::request_tokens(transport, base, integration, Grant::Refresh(&refresh.token)).await
        };
        let mut base = self.base();
        let mut result = ask(&base).await;
        if result.as_ref().is_err_and(may_have_moved)
            && let Some(host) = self.new_host(candidate, refresh).await
        {
            self.note_move(&host);
            if self.is_pinned() {
                return Err(Failed::Final(Reason::Moved(host)));
            }
            base = self.base();
            result = ask(&base).await;
        }
        if result.is_ok() && self.is_pinned() {
            self.state().moved_to = None;
        }
        result.map_err(|refusal| match refusal {
            // The client is refused without a word which part of it is wrong, but the token was issued to it.
            Refusal::Final(AuthProblem::WrongClient)
                if candidate.claims().and_then(|claims| claims.aud.as_deref()) == Some(&integration.client_id) =>
            {
                Failed::Final(Reason::Problem(AuthProblem::IntegrationOff))
            }
            Refusal::Final(reason) => Failed::Final(Reason::Problem(reason)),
            Refusal::NotFound => Failed::Now(not_found()),
            Refusal::Blocked => Failed::Now(TokenError::Blocked),
            Refusal::Lost(cause) => Failed::Now(TokenError::Transient { cause, retry_after: None }),
            Refusal::Transient { cause, retry_after } => Failed::Now(TokenError::Transient { cause, retry_after }),
        })
    }

    /// Looks for the account's new host after its address turned out to be wrong; asks rarely. `Some` when it has moved.
    pub(in crate::crm::amocrm) async fn find_host(&self) -> Option<String> {
        {
            let mut state = self.state();
            if state.asked_host.is_some_and(|asked| asked.elapsed() < self.inner.transport.timing().healing) {
                return None;
            }
            state.asked_host = Some(Instant::now());
        }
        for candidate in self.read().await.ok()? {
            if let Some(refresh) = &candidate.refresh
                && let Some(host) = self.new_host(&candidate, refresh).await
            {
                self.note_move(&host);
                return Some(host);
            }
        }
        None
    }

    fn note_move(&self, host: &str) {
        tracing::warn!(host, "the amoCRM account has moved; AMOCRM_SUBDOMAIN should say so");
        self.state().moved_to = Some(host.to_owned());
    }

    /// The account's host, when it is another one than we know.
    async fn new_host(&self, candidate: &Candidate, refresh: &Refresh) -> Option<String> {
        let base = if self.is_pinned() {
            self.base()
        } else {
            let api = candidate.claims()?.api_domain.as_deref().filter(|domain| is_amocrm_host(domain))?;
            format!("https://{api}")
        };
        let host = oauth::current_host(&self.inner.transport, &base, &refresh.token).await?;
        let known = self.state().moved_to.clone().unwrap_or_else(|| self.inner.settings.account_host.clone());
        (host != known).then_some(host)
    }

    /// Stores a new pair for good, then lets it be used; `None` when there are newer ones by now.
    async fn keep(&self, granted: Granted, before: TokenPair) -> Result<Option<AccessToken>, TokenError> {
        let refresh = granted.refresh.or_else(|| before.refresh.clone());
        let pair = TokenPair { access: Some(granted.access.clone()), refresh };
        let previous = Previous::of(before, &granted.access);
        {
            let mut state = self.state();
            state.memory.learn(Fingerprint::of(&granted.access), granted.expires_in);
            state.unsaved = Some((pair, previous));
        }
        self.save().await
    }

    /// Stores the pair that waits to be stored, if there is one. Until that succeeds it is not used.
    async fn save(&self) -> Result<Option<AccessToken>, TokenError> {
        let waiting = self.state().unsaved.clone();
        let Some((pair, previous)) = waiting else {
            return Ok(None);
        };
        // Somebody may have put newer tokens there while ours were on their way, or could not be stored.
        let age = |access: &Option<SecretString>| Claims::decode(access.as_ref()?.expose_secret())?.age_mark();
        if age(&self.inner.vault.read().await?.pair.access) > age(&pair.access) {
            self.state().unsaved = None;
            return Ok(None);
        }
        self.inner.vault.write(&pair, Some(&previous)).await?;
        point("tokens.stored");
        self.state().unsaved = None;
        self.read().await?;
        Ok(pair.access.map(|token| AccessToken { print: Fingerprint::of(&token), token }))
    }

    async fn lock(&self) -> Result<TokenStorageLock, TokenError> {
        let timing = self.inner.transport.timing();
        match self.inner.vault.lock(timing.lock_wait, timing.lock_held).await {
            Err(error) if error.kind() == std::io::ErrorKind::TimedOut => {
                Err(TokenError::Transient { cause: error.to_string(), retry_after: None })
            }
            other => Ok(other?),
        }
    }

    /// The host a code is traded at, checked.
    fn exchange_base(&self, host: Option<&str>) -> Result<String, TokenError> {
        let settings = &self.inner.settings;
        let ours = |host: &str| {
            let abroad =
                |host: &str| host.strip_suffix(".amocrm.com").or(host.strip_suffix(".kommo.com")).map(str::to_owned);
            host == settings.account_host
                || self.state().moved_to.as_deref() == Some(host)
                || (self.is_pinned() && settings.base_url.authority() == host)
                || (abroad(host).is_some() && abroad(host) == abroad(&settings.account_host))
        };
        match host.map(str::to_lowercase) {
            Some(host) if !ours(&host) => {
                let host = is_amocrm_host(&host).then_some(host);
                Err(needs(AuthProblem::WrongAccount { host }))
            }
            Some(host) if !self.is_pinned() && is_amocrm_host(&host) => Ok(format!("https://{host}")),
            _ => Ok(self.base()),
        }
    }
}

/// Why a refresh gave nothing.
enum Failed {
    /// This token is of no use any more.
    Final(Reason),
    /// No token would be of use now.
    Now(TokenError),
}

fn not_found() -> TokenError {
    TokenError::Transient { cause: "404 at the account's address; check AMOCRM_SUBDOMAIN".into(), retry_after: None }
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crm::amocrm::{Timing, TokenStorage, Transport, payload::tests::settings};

    fn keeper(account_host: &str, base: &str) -> TokenKeeper {
        let mut settings = settings();
        settings.account_host = account_host.into();
        settings.base_url = base.parse().expect("an address");
        let transport = Transport::new(5, Timing::default()).expect("TLS");
        TokenKeeper::new(&settings, TokenStorage::Files(std::env::temp_dir()), transport)
    }

    #[tokio::test]
    async fn a_secret_goes_to_the_configured_account_only() {
        let keeper = keeper("acme.amocrm.ru", "https://acme.amocrm.ru/");
        for (host, base) in [
            (None, Some("https://acme.amocrm.ru/")),
            (Some("acme.amocrm.ru"), Some("https://acme.amocrm.ru")),
            (Some("ACME.amocrm.ru"), Some("https://acme.amocrm.ru")),
            (Some("other.amocrm.ru"), None),
            (Some("acme.kommo.com"), None),
            (Some("acme.amocrm.ru.evil.example"), None),
            (Some("acme.amocrm.ru:8443"), None),
            (Some("acme.amocrm.ru@evil.example"), None),
            (Some("acme.amocrm.ru/../evil"), None),
            (Some(""), None),
        ] {
            assert_eq!(keeper.exchange_base(host).ok().as_deref(), base, "{host:?}");
        }
    }

    #[tokio::test]
    async fn an_account_abroad_has_two_names() {
        let keeper = keeper("acme.kommo.com", "https://acme.kommo.com/");
        assert_eq!(keeper.exchange_base(Some("acme.amocrm.com")).ok().as_deref(), Some("https://acme.amocrm.com"));
        assert!(keeper.exchange_base(Some("other.amocrm.com")).is_err());
    }

    #[tokio::test]
    async fn a_pinned_base_is_never_left() {
        let pinned = keeper("acme.amocrm.ru", "http://127.0.0.1:9/");
        pinned.note_move("acme2.amocrm.ru");
        assert_eq!(pinned.base(), "http://127.0.0.1:9/");
        assert_eq!(pinned.exchange_base(Some("acme.amocrm.ru")).ok().as_deref(), Some("http://127.0.0.1:9/"));

        let free = keeper("acme.amocrm.ru", "https://acme.amocrm.ru/");
        free.note_move("acme2.amocrm.ru");
        assert_eq!(free.base(), "https://acme2.amocrm.ru");
        assert_eq!(free.exchange_base(Some("acme2.amocrm.ru")).ok().as_deref(), Some("https://acme2.amocrm.ru"));
    }
}
