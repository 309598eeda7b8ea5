//! What a failed call means: for the lead that was sent, and for the admin.

use crate::{
    crm::amocrm::{AuthProblem, CrmError, RejectedField, TokenError},
    notice::Trouble,
};

/// What a failed create means for the leads in it.
#[derive(Debug, Clone, PartialEq)]
pub enum WriteOutcome {
    /// It certainly did not happen: try again when amoCRM works; no attempt is spent.
    NotDone,
    /// It may have happened: look it up before it is repeated, so many times.
    Uncertain {
        /// Clean look-ups before a repetition.
        lookups: i64,
    },
    /// amoCRM refuses it, and nothing is under way.
    Refused {
        /// Which fields, where it names some: only then the data itself is to blame.
        fields: Vec<RejectedField>,
        /// In amoCRM's words.
        detail: String,
    },
}

impl WriteOutcome {
    /// Decides by the error of `leads/complex`.
    pub fn of(error: &CrmError) -> Self {
        match error {
            // amoCRM answered in full, so nothing of the request is under way any more.
            CrmError::Ambiguous { answered: true, .. } => Self::Uncertain { lookups: 2 },
            CrmError::Ambiguous { answered: false, .. } => Self::Uncertain { lookups: 3 },
            CrmError::Rejected { fields, detail, .. } => {
                Self::Refused { fields: fields.clone(), detail: detail.clone() }
            }
            CrmError::Refused { detail, .. } | CrmError::Gone { detail, .. } => {
                Self::Refused { fields: Vec::new(), detail: detail.clone() }
            }
            CrmError::NotConfigured
            | CrmError::Account { .. }
            | CrmError::Unauthorized(_)
            | CrmError::Throttled { .. }
            | CrmError::PaymentRequired
            | CrmError::Forbidden { .. }
            | CrmError::Blocked
            | CrmError::NotFound { .. }
            | CrmError::WrongAddress { .. }
            | CrmError::Unavailable { .. } => Self::NotDone,
        }
    }
}

/// What is wrong, in the admin's terms.
pub fn trouble_of(error: &CrmError) -> Trouble {
    match error {
        CrmError::NotConfigured => Trouble::NotConfigured,
        CrmError::Unauthorized(error) => trouble_of_tokens(error),
        CrmError::Throttled { .. } => Trouble::Throttled,
        CrmError::PaymentRequired => Trouble::NotPaid,
        CrmError::Forbidden { .. } => Trouble::NoRights,
        CrmError::Blocked => Trouble::Blocked,
        CrmError::NotFound { .. } | CrmError::WrongAddress { .. } => Trouble::WrongAddress,
        CrmError::Account { detail, .. } => Trouble::AccountCannot { words: detail.clone() },
        CrmError::Rejected { detail, .. } | CrmError::Refused { detail, .. } | CrmError::Gone { detail, .. } => {
            Trouble::Refuses { words: detail.clone() }
        }
        CrmError::Ambiguous { .. } | CrmError::Unavailable { .. } => Trouble::Unreachable,
    }
}

/// What is wrong with the tokens, in the admin's terms.
pub fn trouble_of_tokens(error: &TokenError) -> Trouble {
    match error {
        TokenError::NotConfigured => Trouble::NotConfigured,
        TokenError::Transient { .. } | TokenError::Storage(_) => Trouble::Unreachable,
        TokenError::Blocked => Trouble::Blocked,
        TokenError::Moved { host } => Trouble::Moved { host: host.clone() },
        TokenError::NeedsAuthorization { reason, .. } => match reason {
            AuthProblem::NoTokens | AuthProblem::NotAToken => Trouble::NoTokens,
            AuthProblem::Expired => Trouble::TokensExpired,
            AuthProblem::Revoked | AuthProblem::AccessRefused => Trouble::TokensRevoked,
            AuthProblem::IntegrationOff => Trouble::IntegrationOff,
            AuthProblem::NoIntegration
            | AuthProblem::WrongClientId
            | AuthProblem::WrongClientSecret
            | AuthProblem::WrongClient => Trouble::WrongClient,
            AuthProblem::RedirectDiffers => Trouble::WrongRedirect,
            AuthProblem::WrongAccount { .. } => Trouble::WrongAccount,
            AuthProblem::CodeWrong | AuthProblem::CodeUsed | AuthProblem::CodeExpired | AuthProblem::Refused { .. } => {
                Trouble::TokensRevoked
            }
        },
    }
}

/// amoCRM's words and the refused paths: no values, so nothing personal.
pub(super) fn describe(detail: &str, fields: &[RejectedField]) -> String {
    let paths: Vec<String> = fields.iter().map(|field| format!("{} ({})", field.path, field.code)).collect();
    if paths.is_empty() { detail.to_owned() } else { format!("{detail}: {}", paths.join(", ")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_may_have_happened_is_looked_up() {
        let uncertain = |answered| CrmError::Ambiguous { cause: "x".into(), answered, request_id: None };
        for (error, verdict) in [
            (uncertain(true), WriteOutcome::Uncertain { lookups: 2 }),
            (uncertain(false), WriteOutcome::Uncertain { lookups: 3 }),
            (CrmError::Throttled { retry_after: None }, WriteOutcome::NotDone),
            (CrmError::Unavailable { cause: "x".into(), request_id: None }, WriteOutcome::NotDone),
            (CrmError::PaymentRequired, WriteOutcome::NotDone),
            (CrmError::Blocked, WriteOutcome::NotDone),
            (
                CrmError::Rejected { fields: vec![], detail: "no".into(), request_id: None },
                WriteOutcome::Refused { fields: vec![], detail: "no".into() },
            ),
        ] {
            assert_eq!(WriteOutcome::of(&error), verdict, "{error}");
        }
    }
}
