//! What this process has learned about tokens; a restart forgets it. No I/O.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use chrono::{DateTime, Utc};
use tokio::time::Instant;

use super::error::AuthProblem;
use super::plan::Access;
use super::storage::Fingerprint;

/// Why something is not presented again.
#[derive(Debug, Clone)]
pub(super) enum Reason {
    Problem(AuthProblem),
    Moved(String),
}

#[derive(Debug)]
struct Refused {
    reason: Reason,
    until: Option<Instant>,
}

impl Refused {
    /// Nothing on amoCRM's side can undo it.
    fn is_for_good(&self) -> bool {
        matches!(&self.reason, Reason::Problem(problem) if !problem.may_heal())
    }
}

/// What this process has learned about tokens; a restart forgets it.
#[derive(Debug, Default)]
pub(super) struct Rejections {
    refused: HashMap<Fingerprint, Refused>,
    /// When a token was obtained and when it ends, by this machine's clock, which may be wrong.
    learned: HashMap<Fingerprint, (DateTime<Utc>, Option<DateTime<Utc>>)>,
}

impl Rejections {
    /// Remembers that amoCRM refused this token, for good or for a while.
    pub fn refuse(&mut self, print: Fingerprint, reason: Reason, hold: Option<Duration>) {
        self.refused.insert(print, Refused { reason, until: hold.map(|hold| Instant::now() + hold) });
    }

    /// Remembers that amoCRM takes this access token, so the integration that its refresh token belongs to is on.
    pub fn accept(&mut self, access: &Fingerprint, refresh: Option<&Fingerprint>) {
        self.refused.remove(access);
        if let Some(refresh) = refresh
            && matches!(self.reason(refresh), Some(Reason::Problem(AuthProblem::IntegrationOff)))
        {
            self.refused.remove(refresh);
        }
    }

    /// Forgets the refusals that a change on amoCRM's side may have undone. Of a pair (access token, refresh token) the
    /// refresh token goes first then: the access token alone may be dead, and presenting it would hold the other back.
    pub fn forgive_what_may_heal(&mut self, pairs: &[(Fingerprint, Fingerprint)]) {
        let gone: HashSet<Fingerprint> =
            self.refused.iter().filter(|(_, refused)| refused.is_for_good()).map(|(print, _)| *print).collect();
        let replaceable =
            |print: &Fingerprint| pairs.iter().any(|(access, refresh)| access == print && !gone.contains(refresh));
        self.refused.retain(|print, refused| {
            let access = matches!(refused.reason, Reason::Problem(AuthProblem::AccessRefused));
            refused.is_for_good() || (access && replaceable(print))
        });
    }

    /// Forgets all refusals.
    pub fn forgive(&mut self) {
        self.refused.clear();
    }

    /// Remembers a token just obtained.
    pub fn learn(&mut self, print: Fingerprint, expires_in: Option<Duration>) {
        let now = Utc::now();
        let expires_at =
            expires_in.and_then(|lifetime| now.checked_add_signed(chrono::Duration::from_std(lifetime).ok()?));
        self.learned.insert(print, (now, expires_at));
    }

    pub fn is_refused(&self, print: &Fingerprint) -> bool {
        self.refused.get(print).is_some_and(|refused| refused.until.is_none_or(|until| Instant::now() < until))
    }

    /// Why this token is refused; also after the hold is over.
    pub fn reason(&self, print: &Fingerprint) -> Option<&Reason> {
        Some(&self.refused.get(print)?.reason)
    }

    /// When a token ends by this machine's clock: what was learned when it was obtained beats what it says itself.
    pub fn expires_at(&self, access: &Access) -> Option<DateTime<Utc>> {
        let learned = self.learned.get(&access.print).and_then(|(_, expires_at)| *expires_at);
        learned.or_else(|| access.claims.as_ref()?.exp)
    }

    /// When a token was issued by this machine's clock.
    pub fn issued_at(&self, access: &Access) -> Option<DateTime<Utc>> {
        let learned = self.learned.get(&access.print).map(|(obtained, _)| *obtained);
        learned.or_else(|| access.claims.as_ref()?.iat)
    }
}
