//! What can go wrong with amoCRM, told as what the caller has to decide.
//!
//! No text here ever holds a token, a secret, a name, a phone or a link: `detail` is taken from amoCRM's problem
//! bodies (title, detail, hint), never from what was sent.

use std::time::Duration;

use thiserror::Error;

use super::tokens::TokenError;

/// One field amoCRM refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RejectedField {
    /// Position in the request of the lead or note it is about, where known.
    pub index: Option<usize>,
    /// The `request_id` of it, where known.
    pub request_id: Option<String>,
    /// Such as `custom_fields_values.0.field_id`.
    pub path: String,
    /// Such as `NotSupportedChoice`.
    pub code: String,
}

/// Why a call to amoCRM did not succeed.
#[derive(Debug, Clone, Error)]
pub enum CrmError {
    /// No amoCRM settings.
    #[error("amoCRM is not configured")]
    NotConfigured,
    /// No access until somebody acts; nothing was done.
    #[error(transparent)]
    Unauthorized(TokenError),
    /// Too many requests (429); nothing was done, all traffic pauses.
    #[error("amoCRM asks for a pause (429)")]
    Throttled {
        /// How long.
        retry_after: Option<Duration>,
    },
    /// The account's subscription is over (402); nothing was done.
    #[error("the amoCRM account is not paid for (402)")]
    PaymentRequired,
    /// The user behind the token lacks a right (403 with a problem body); nothing was done.
    #[error("amoCRM forbids it (403): {detail}")]
    Forbidden {
        /// amoCRM's words.
        detail: String,
        /// For amoCRM's support.
        request_id: Option<String>,
    },
    /// A 403 page: the address or the account is blocked; nothing was done.
    #[error("amoCRM blocks this server's address or the account (403)")]
    Blocked,
    /// What was asked for or written to is not there, or the path is none of the API's (404 in JSON); nothing was done.
    #[error("amoCRM does not find it: {detail}")]
    NotFound {
        /// What came.
        detail: String,
        /// For amoCRM's support.
        request_id: Option<String>,
    },
    /// Not the API's address (a redirect, 405 in JSON): check `AMOCRM_SUBDOMAIN`; nothing was done, hold. Whoever stands
    /// there says nothing of what amoCRM has.
    #[error("amoCRM does not know this address: {detail}")]
    WrongAddress {
        /// What came.
        detail: String,
        /// For amoCRM's support.
        request_id: Option<String>,
    },
    /// Fields of the data were refused by name (400, 422); nothing was done, and the same data will be refused again.
    #[error("amoCRM refuses the data: {detail}")]
    Rejected {
        /// Which fields.
        fields: Vec<RejectedField>,
        /// amoCRM's words.
        detail: String,
        /// For amoCRM's support.
        request_id: Option<String>,
    },
    /// Refused (400, 422) in words that name no field and no known reason; nothing was done. Whether it is the data,
    /// other leads will tell.
    #[error("amoCRM refuses: {detail}")]
    Refused {
        /// amoCRM's words.
        detail: String,
        /// For amoCRM's support.
        request_id: Option<String>,
    },
    /// The account cannot do it now: no right to add, the subscription is over ("Код ошибки 244"); nothing was done.
    #[error("the account cannot take leads now: {detail}")]
    Account {
        /// amoCRM's words.
        detail: String,
        /// For amoCRM's support.
        request_id: Option<String>,
    },
    /// The entity written to is deleted ("Код ошибки 226"); nothing was done.
    #[error("it is deleted in amoCRM: {detail}")]
    Gone {
        /// amoCRM's words.
        detail: String,
        /// For amoCRM's support.
        request_id: Option<String>,
    },
    /// A write of which it is not known whether it was done; look it up before repeating.
    #[error("amoCRM may or may not have done it: {cause}")]
    Ambiguous {
        /// What happened.
        cause: String,
        /// A complete 500, 502 or 503 came, so nothing is under way any more; shorter look-up distances will do.
        answered: bool,
        /// For amoCRM's support.
        request_id: Option<String>,
    },
    /// Nothing was done: it was not sent, or it was a read; try again later.
    #[error("amoCRM cannot be reached: {cause}")]
    Unavailable {
        /// What happened.
        cause: String,
        /// For amoCRM's support.
        request_id: Option<String>,
    },
}

impl CrmError {
    /// A call that was not sent for want of an access token. Where amoCRM could not be asked for one, it is amoCRM that does
    /// not answer, or asks for a pause (429), and not the authorization that is missing.
    pub(super) fn no_access(error: TokenError) -> Self {
        match error {
            TokenError::NotConfigured => Self::NotConfigured,
            TokenError::Blocked => Self::Blocked,
            TokenError::Transient { retry_after: Some(pause), .. } => Self::Throttled { retry_after: Some(pause) },
            TokenError::Transient { cause, .. } => Self::Unavailable { cause, request_id: None },
            TokenError::NeedsAuthorization { .. } | TokenError::Moved { .. } | TokenError::Storage(_) => {
                Self::Unauthorized(error)
            }
        }
    }
}
