//! Tokens as values. Their text is never shown.

use chrono::{DateTime, Utc};
use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest, Sha256};
use tokio::time::Instant;

use super::jwt::Claims;
use crate::clock::{self, Clock};

/// Tells tokens apart without holding them: SHA-256 of the token.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Fingerprint([u8; 32]);

impl Fingerprint {
    pub(super) fn of(token: &SecretString) -> Self {
        Self(Sha256::digest(token.expose_secret()).into())
    }

    pub(super) fn hex(&self) -> String {
        self.0.iter().map(|byte| format!("{byte:02x}")).collect()
    }
}

impl std::fmt::Debug for Fingerprint {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Fingerprint(..)")
    }
}

/// An access token and the refresh token that belongs to it, either of which may be missing.
#[derive(Debug, Clone, Default)]
pub struct TokenPair {
    /// The access token, as it stands (it may be rubbish).
    pub access: Option<SecretString>,
    /// The refresh token, as it stands.
    pub refresh: Option<SecretString>,
}

/// An access token to call with.
#[derive(Debug, Clone)]
pub struct AccessToken {
    pub(in crate::crm::amocrm) token: SecretString,
    pub(super) fingerprint: Fingerprint,
}

impl AccessToken {
    pub(super) fn new(token: SecretString) -> Self {
        Self { fingerprint: Fingerprint::of(&token), token }
    }
}

/// An access token with what it says about itself.
#[derive(Debug, Clone)]
pub(super) struct Access {
    pub token: AccessToken,
    /// `None` when it is not a JWT.
    pub claims: Option<Claims>,
}

impl Access {
    pub fn new(token: SecretString) -> Self {
        Self { claims: Claims::decode(token.expose_secret()), token: AccessToken::new(token) }
    }

    pub fn fingerprint(&self) -> Fingerprint {
        self.token.fingerprint
    }
}

/// A refresh token.
#[derive(Debug, Clone)]
pub(super) struct Refresh {
    pub token: SecretString,
    pub fingerprint: Fingerprint,
}

impl Refresh {
    pub fn new(token: SecretString) -> Self {
        Self { fingerprint: Fingerprint::of(&token), token }
    }
}

/// The present moment by two clocks.
#[derive(Debug, Clone, Copy)]
pub(super) struct Now {
    /// By the calendar, for the ends of tokens; a person or the network may set it.
    pub date: DateTime<Utc>,
    /// By the clock that only goes forward, for pauses.
    pub instant: Instant,
}

impl Now {
    pub fn by(clock: Clock) -> Self {
        Self { date: clock::date(clock.now()), instant: Instant::now() }
    }
}

/// Cleans a token as a person may have pasted it: blanks and line breaks anywhere, quotes, a byte order mark, `Bearer `.
pub(super) fn clean(text: &str) -> Option<SecretString> {
    let text = text.trim_start_matches('\u{feff}').trim().trim_matches(['"', '\'']).trim();
    let text = text.strip_prefix("Bearer ").unwrap_or(text);
    let text: String = text.chars().filter(|char| !char.is_whitespace()).collect();
    (!text.is_empty()).then(|| text.into())
}
