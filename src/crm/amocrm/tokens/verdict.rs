//! What is wrong with the tokens there are, after what is known of each. No I/O.

use chrono::{DateTime, Utc};

use super::candidates::{Candidate, Candidates};
use super::error::{AuthProblem, TokenError};
use super::rejections::{Reason, Rejections};
use super::token::Now;

impl Candidates {
    /// What is wrong with one of them, the refresh token's trouble before the access token's.
    pub fn problem(&self, candidate: &Candidate, rejections: &Rejections, now: Now) -> Option<Reason> {
        if let Some(refresh) = &candidate.refresh {
            if let Some(reason) = rejections.reason(refresh.fingerprint) {
                return Some(reason.clone());
            }
            // With a way on, nothing that ails the access token is a problem.
            return (!self.can_refresh()).then_some(Reason::Problem(AuthProblem::NoIntegration));
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
            return if self.can_refresh() { needs(AuthProblem::NoTokens, None) } else { TokenError::NotConfigured };
        };
        match self.problem(newest, rejections, now) {
            Some(Reason::Moved(host)) => TokenError::Moved { host },
            Some(Reason::Problem(reason)) => needs(reason, Some(newest.source)),
            None => needs(AuthProblem::NotAToken, Some(newest.source)),
        }
    }
}
