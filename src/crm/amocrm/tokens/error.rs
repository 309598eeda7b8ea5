//! Why there is no access, told as what the admin has to decide. No text here ever holds a token or a secret.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use thiserror::Error;

/// Where a token came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source {
    /// The store: the two files, or the database.
    Stored,
    /// The pair before the stored one, kept until the stored one has worked.
    Previous,
    /// `AMOCRM_ACCESS_TOKEN` and `AMOCRM_REFRESH_TOKEN`.
    Environment,
}

impl std::fmt::Display for Source {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Stored => "the stored tokens (access_token.txt, refresh_token.txt)",
            Self::Previous => "the previous stored tokens",
            Self::Environment => "the environment (AMOCRM_ACCESS_TOKEN and, where set, AMOCRM_REFRESH_TOKEN)",
        })
    }
}

/// Why there is no access to the account; each variant is something the admin can fix.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum AuthProblem {
    /// There are no tokens yet.
    #[error("there are no tokens yet")]
    NoTokens,
    /// A text in the place of the access token is no token (a placeholder, or cut off).
    #[error("the access token is not a token (a placeholder, or only a part of one)")]
    NotAToken,
    /// The token's time is over: a long-lived token past its date, or a refresh token unused for three months.
    #[error("the token has expired")]
    Expired,
    /// The refresh token was used before, or withdrawn.
    #[error("the refresh token was already used or has been withdrawn")]
    Revoked,
    /// amoCRM refuses an access token that cannot be refreshed: withdrawn, or the integration is switched off.
    #[error("amoCRM refuses the access token: it was withdrawn, or the integration is switched off")]
    AccessRefused,
    /// amoCRM renews the tokens but refuses the new access token, or says so: the integration is switched off.
    #[error("the integration seems to be switched off in amoCRM (or has a new secret key)")]
    IntegrationOff,
    /// A refresh token without `AMOCRM_CLIENT_ID`, `AMOCRM_CLIENT_SECRET` and `AMOCRM_REDIRECT_URL`.
    #[error("AMOCRM_CLIENT_ID, AMOCRM_CLIENT_SECRET and AMOCRM_REDIRECT_URL are needed to renew the tokens")]
    NoIntegration,
    /// `AMOCRM_CLIENT_ID` is wrong.
    #[error("AMOCRM_CLIENT_ID is wrong")]
    WrongClientId,
    /// `AMOCRM_CLIENT_SECRET` is wrong.
    #[error("AMOCRM_CLIENT_SECRET is wrong")]
    WrongClientSecret,
    /// One of the two is wrong, or the token belongs to another integration.
    #[error("AMOCRM_CLIENT_ID or AMOCRM_CLIENT_SECRET is wrong, or the token belongs to another integration")]
    WrongClient,
    /// `AMOCRM_REDIRECT_URL` is not byte for byte the address in the integration's settings.
    #[error("AMOCRM_REDIRECT_URL differs from the redirect address in the integration's settings")]
    RedirectDiffers,
    /// The token or code belongs to another account than `AMOCRM_SUBDOMAIN` (its host, where known).
    #[error("it belongs to another account{}, not to AMOCRM_SUBDOMAIN", .host.as_deref().map(|host| format!(" ({host})")).unwrap_or_default())]
    WrongAccount {
        /// The other account's host.
        host: Option<String>,
    },
    /// The authorization code is no code.
    #[error("the authorization code is wrong or incomplete")]
    CodeWrong,
    /// The authorization code was used before.
    #[error("the authorization code was already used")]
    CodeUsed,
    /// The authorization code is older than 20 minutes.
    #[error("the authorization code is older than 20 minutes")]
    CodeExpired,
    /// Another refusal, with amoCRM's words for it.
    #[error("amoCRM refused: {detail}")]
    Refused {
        /// amoCRM's title, detail and hint, at most 300 characters.
        detail: String,
    },
}

impl AuthProblem {
    /// Whether it may go away without a new token, by a change on amoCRM's side, so that a rare new try makes sense.
    pub(super) fn may_heal(&self) -> bool {
        !matches!(self, Self::Expired | Self::Revoked | Self::NotAToken | Self::NoTokens | Self::NoIntegration)
    }
}

/// Why there is no access token to be had.
#[derive(Debug, Clone, Error)]
pub enum TokenError {
    /// Neither tokens nor an integration to get them with.
    #[error("amoCRM is not configured: there are neither tokens nor an integration (AMOCRM_CLIENT_ID and the like)")]
    NotConfigured,
    /// Somebody has to authorize the bot again, or fix a setting. Nothing is tried again until something changes.
    #[error("amoCRM has to be authorized again: {reason}{}", .origin.map(|source| format!(" [{source}]")).unwrap_or_default())]
    NeedsAuthorization {
        /// What is wrong.
        reason: AuthProblem,
        /// Which tokens it was about.
        origin: Option<Source>,
        /// When the last access token ended (UTC).
        expired_at: Option<DateTime<Utc>>,
    },
    /// amoCRM could not be asked (network, 429, 5xx, an HTML page); the tokens are untouched, try again later.
    #[error("amoCRM gives no tokens for now: {cause}")]
    Transient {
        /// What happened.
        cause: String,
        /// How long amoCRM asked to wait.
        retry_after: Option<Duration>,
    },
    /// A 403 page in place of an answer: the address or the account is blocked; support lifts it.
    #[error("amoCRM blocks this server's address or the account (403); its support lifts the block")]
    Blocked,
    /// The account has another address now, and `AMOCRM_SUBDOMAIN` should say so.
    #[error("the account has moved to {host}; set AMOCRM_SUBDOMAIN to it")]
    Moved {
        /// Such as `acme2.amocrm.ru`.
        host: String,
    },
    /// The stored tokens could not be read, written or locked.
    #[error("the stored tokens cannot be read or written: {0}")]
    Storage(#[source] Arc<io::Error>),
}

impl From<io::Error> for TokenError {
    fn from(error: io::Error) -> Self {
        Self::Storage(Arc::new(error))
    }
}
