//! The tokens there are, wherever they are kept, and what is wrong with them. No I/O.

use chrono::{DateTime, Utc};
use secrecy::{ExposeSecret, SecretString};

use super::error::{AuthProblem, Source, TokenError};
use super::jwt::Claims;
use super::rejections::{Reason, Rejections};
use super::storage::Stored;
use super::token::{Access, Fingerprint, Now, Refresh, TokenPair};

/// A pair from one place.
#[derive(Debug, Clone)]
pub(super) struct Candidate {
    pub source: Source,
    pub access: Option<Access>,
    pub refresh: Option<Refresh>,
    /// What stands in the access token's place is a placeholder, or can be no token.
    pub rubbish: bool,
}

impl Candidate {
    /// `None` when the pair is empty.
    pub fn new(source: Source, pair: &TokenPair) -> Option<Self> {
        let mut rubbish = false;
        let access = pair.access.clone().and_then(|token| {
            rubbish = is_rubbish(&token);
            (!rubbish).then(|| Access::new(token))
        });
        let refresh = pair.refresh.clone().filter(|token| !is_rubbish(token)).map(Refresh::new);
        (access.is_some() || refresh.is_some() || rubbish).then_some(Self { source, access, refresh, rubbish })
    }

    pub fn pair(&self) -> TokenPair {
        TokenPair {
            access: self.access.as_ref().map(|access| access.token.token.clone()),
            refresh: self.refresh.as_ref().map(|refresh| refresh.token.clone()),
        }
    }

    pub fn claims(&self) -> Option<&Claims> {
        self.access.as_ref()?.claims.as_ref()
    }

    /// What stands in the access token's place is not a JWT.
    pub fn is_unreadable(&self) -> bool {
        self.rubbish || self.access.as_ref().is_some_and(|access| access.claims.is_none())
    }
}

/// Placeholders as they stand in example files, and what no HTTP header could carry.
fn is_rubbish(token: &SecretString) -> bool {
    let text = token.expose_secret();
    if !text.bytes().all(|byte| byte.is_ascii_graphic()) {
        return true;
    }
    // Real tokens have about a thousand characters, among which any short word may turn up by chance.
    let text = text.to_ascii_lowercase();
    text.len() < 100
        && (["your_", "your-", "_here", "changeme", "change_me", "placeholder", "xxxx"]
            .iter()
            .any(|word| text.contains(word))
            || text.starts_with(['<', '{', '[']))
}

/// Everything there is to try, newest first; those that do not tell their age come last, in the order stored, previous,
/// environment.
#[derive(Debug, Clone, Default)]
pub(super) struct Candidates {
    sorted: Vec<Candidate>,
    can_refresh: bool,
    replaced: Option<Fingerprint>,
}

impl Candidates {
    /// `can_refresh`: there is an integration, without which no refresh token is of use.
    pub fn new(stored: &Stored, environment: &TokenPair, can_refresh: bool) -> Self {
        let previous = stored.previous.as_ref().map(|previous| previous.pair.clone()).unwrap_or_default();
        let pairs = [(Source::Stored, &stored.pair), (Source::Previous, &previous), (Source::Environment, environment)];
        Self::of(pairs.into_iter().filter_map(|(source, pair)| Candidate::new(source, pair)).collect(), can_refresh)
    }

    pub fn of(mut candidates: Vec<Candidate>, can_refresh: bool) -> Self {
        candidates.sort_by_key(|candidate| std::cmp::Reverse(candidate.claims().and_then(Claims::age_mark)));
        Self { sorted: candidates, can_refresh, replaced: None }
    }

    /// The same, with this access token to be replaced although it still works.
    pub fn replacing(self, access: Option<Fingerprint>) -> Self {
        Self { replaced: access, ..self }
    }

    pub fn can_refresh(&self) -> bool {
        self.can_refresh
    }

    pub fn is_replaced(&self, access: &Access) -> bool {
        self.replaced == Some(access.fingerprint())
    }

    pub fn newest(&self) -> Option<&Candidate> {
        self.sorted.first()
    }

    pub fn iter(&self) -> impl Iterator<Item = &Candidate> {
        self.sorted.iter()
    }

    /// The pair that this access token is of.
    pub fn with_access(&self, access: Fingerprint) -> Option<&Candidate> {
        self.iter().find(|candidate| candidate.access.as_ref().is_some_and(|known| known.fingerprint() == access))
    }

    /// What is wrong with one of them, the refresh token's trouble before the access token's.
    pub fn problem(&self, candidate: &Candidate, rejections: &Rejections, now: Now) -> Option<Reason> {
        if let Some(refresh) = &candidate.refresh {
            if let Some(reason) = rejections.reason(refresh.fingerprint) {
                return Some(reason.clone());
            }
            // With a way on, nothing that ails the access token is a problem.
            return (!self.can_refresh).then_some(Reason::Problem(AuthProblem::NoIntegration));
        }
        let access = candidate.access.as_ref()?;
        if rejections.expires_at(access).is_some_and(|end| end <= now.date) {
            return Some(Reason::Problem(AuthProblem::Expired));
        }
        let reason = rejections.reason(access.fingerprint())?.clone();
        // An unreadable token that was refused is most likely no token at all.
        Some(if access.claims.is_none() { Reason::Problem(AuthProblem::NotAToken) } else { reason })
    }

    /// Why there is nothing to try: the newest one speaks for all.
    pub fn verdict(&self, rejections: &Rejections, now: Now) -> TokenError {
        let ended: Option<DateTime<Utc>> = self
            .iter()
            .filter_map(|candidate| rejections.expires_at(candidate.access.as_ref()?))
            .filter(|end| *end <= now.date)
            .max();
        let needs = |reason, origin| TokenError::NeedsAuthorization { reason, origin, expired_at: ended };
        let Some(newest) = self.newest() else {
            return if self.can_refresh { needs(AuthProblem::NoTokens, None) } else { TokenError::NotConfigured };
        };
        match self.problem(newest, rejections, now) {
            Some(Reason::Moved(host)) => TokenError::Moved { host },
            Some(Reason::Problem(reason)) => needs(reason, Some(newest.source)),
            None => needs(AuthProblem::NotAToken, Some(newest.source)),
        }
    }
}
