//! The tokens there are, wherever they are kept. No I/O.

use secrecy::{ExposeSecret, SecretString};

use super::error::Source;
use super::jwt::Claims;
use super::storage::Stored;
use super::token::{Access, Fingerprint, Refresh, TokenPair};

/// A pair from one place.
#[derive(Debug, Clone)]
pub(super) struct Candidate {
    pub source: Source,
    pub access: Option<Access>,
    pub refresh: Option<Refresh>,
    /// What is in the access token's place is a placeholder, or can be no token.
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

    /// What is in the access token's place is not a JWT.
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
}
