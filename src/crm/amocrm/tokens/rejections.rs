//! What this process has learned about tokens; a restart forgets it. No I/O.
//!
//! **Promise.** A token that amoCRM has refused is not presented again while nothing has changed. What a change on
//! amoCRM's side can undo (an integration switched on again, a setting corrected) is tried again after a cooldown.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use chrono::{DateTime, Utc};
use tokio::time::Instant;

use super::TokenPolicy;
use super::candidates::Candidates;
use super::error::{AuthProblem, Source};
use super::token::{Access, Fingerprint, Now};

/// A pair whose access token was refused before it ever worked waits once, twice, four times … at most so many times as
/// long as the first such pair before it is refreshed: a switched-off integration must not rotate its tokens for ever.
const MOST_UNVERIFIED_COOLDOWNS: u32 = 32;

/// Why something is not presented again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Reason {
    Problem(AuthProblem),
    Moved(String),
}

impl Reason {
    /// Nothing on amoCRM's side can undo it.
    fn is_for_good(&self) -> bool {
        matches!(self, Self::Problem(problem) if !problem.may_heal())
    }
}

#[derive(Debug)]
struct Refused {
    reason: Reason,
    /// `None`: for good.
    until: Option<Instant>,
}

/// When a token was obtained here and when it ends, by this machine's calendar, which may be wrong.
#[derive(Debug)]
struct Lifetime {
    obtained_at: DateTime<Utc>,
    expires_at: Option<DateTime<Utc>>,
}

/// What this process has learned about tokens.
#[derive(Debug, Default)]
pub(super) struct Rejections {
    refused: HashMap<Fingerprint, Refused>,
    lifetimes: HashMap<Fingerprint, Lifetime>,
    /// Pairs in a row whose access token was refused before it ever worked.
    unverified_in_a_row: u32,
}

impl Rejections {
    /// amoCRM has refused this refresh token: for good, or until the cooldown is over.
    pub fn refuse_refresh(&mut self, token: Fingerprint, reason: Reason, policy: &TokenPolicy, now: Now) {
        let cooldown = (!reason.is_for_good()).then_some(policy.rejection_cooldown);
        self.refuse(token, reason, cooldown, now);
    }

    /// amoCRM has refused this access token (401). When it is `unverified` (fresh, and has never worked), a newer one would
    /// not work either, nor one made from the pair before: most likely the integration is switched off. The stored refresh
    /// tokens then wait for a growing cooldown, in case that access token alone is dead.
    pub fn refuse_access(
        &mut self,
        token: Fingerprint,
        unverified: bool,
        candidates: &Candidates,
        policy: &TokenPolicy,
        now: Now,
    ) {
        let refused = Reason::Problem(AuthProblem::AccessRefused);
        let is_fresh = unverified
            && candidates
                .with_access(token)
                .and_then(|pair| pair.access.as_ref())
                .is_some_and(|access| self.expires_at(access).is_none_or(|end| now.date < end));
        let stored = candidates.iter().filter(|candidate| candidate.source != Source::Environment);
        let waiting: Vec<Fingerprint> = match is_fresh {
            true => stored.filter_map(|candidate| Some(candidate.refresh.as_ref()?.fingerprint)).collect(),
            false => Vec::new(),
        };
        if waiting.is_empty() {
            return self.refuse(token, refused, Some(policy.rejection_cooldown), now);
        }
        // Longer than its refresh token waits, which comes next then: the access token alone may be dead.
        let longest = policy.rejection_cooldown.max(policy.unverified_cooldown * MOST_UNVERIFIED_COOLDOWNS);
        self.refuse(token, refused, Some(longest), now);
        let times = 2u32.saturating_pow(self.unverified_in_a_row).min(MOST_UNVERIFIED_COOLDOWNS);
        self.unverified_in_a_row = self.unverified_in_a_row.saturating_add(1);
        for refresh in waiting {
            let off = Reason::Problem(AuthProblem::IntegrationOff);
            self.refuse(refresh, off, Some(policy.unverified_cooldown * times), now);
        }
    }

    fn refuse(&mut self, token: Fingerprint, reason: Reason, cooldown: Option<Duration>, now: Now) {
        self.refused.insert(token, Refused { reason, until: cooldown.map(|cooldown| now.instant + cooldown) });
    }

    /// amoCRM takes this access token, so the integration that its refresh token belongs to is on.
    pub fn accept(&mut self, access: Fingerprint, refresh: Option<Fingerprint>) {
        self.refused.remove(&access);
        if let Some(refresh) = refresh
            && matches!(self.reason(refresh), Some(Reason::Problem(AuthProblem::IntegrationOff)))
        {
            self.refused.remove(&refresh);
        }
    }

    /// A new pair has worked: the next one that does not is the first of its kind.
    pub fn verified(&mut self) {
        self.unverified_in_a_row = 0;
    }

    /// Forgets the refusals that a change on amoCRM's side may have undone. Of a pair the refresh token goes first then: the
    /// access token alone may be dead, and presenting it would hold the other back.
    pub fn forgive_what_may_heal(&mut self, candidates: &Candidates) {
        let gone: HashSet<Fingerprint> =
            self.refused.iter().filter(|(_, refused)| refused.reason.is_for_good()).map(|(token, _)| *token).collect();
        let replaceable: HashSet<Fingerprint> = candidates
            .iter()
            .filter(|_| candidates.can_refresh())
            .filter_map(|candidate| Some((candidate.access.as_ref()?.fingerprint(), candidate.refresh.as_ref()?)))
            .filter(|(_, refresh)| !gone.contains(&refresh.fingerprint))
            .map(|(access, _)| access)
            .collect();
        self.refused.retain(|token, refused| {
            let access = matches!(refused.reason, Reason::Problem(AuthProblem::AccessRefused));
            refused.reason.is_for_good() || (access && replaceable.contains(token))
        });
    }

    /// Forgets all refusals.
    pub fn forgive(&mut self) {
        self.refused.clear();
    }

    /// Remembers when a token was obtained, which is now, and how long amoCRM says it lasts.
    pub fn learn(&mut self, token: Fingerprint, expires_in: Option<Duration>, now: Now) {
        let lasts = expires_in.and_then(|lifetime| chrono::Duration::from_std(lifetime).ok());
        let expires_at = lasts.and_then(|lifetime| now.date.checked_add_signed(lifetime));
        self.lifetimes.insert(token, Lifetime { obtained_at: now.date, expires_at });
    }

    pub fn is_refused(&self, token: Fingerprint, now: Now) -> bool {
        self.refused.get(&token).is_some_and(|refused| refused.until.is_none_or(|until| now.instant < until))
    }

    /// Why this token is refused; also after the cooldown.
    pub fn reason(&self, token: Fingerprint) -> Option<&Reason> {
        Some(&self.refused.get(&token)?.reason)
    }

    /// When a token ends by this machine's calendar: what was learned when it was obtained beats what it says itself.
    pub fn expires_at(&self, access: &Access) -> Option<DateTime<Utc>> {
        let learned = self.lifetimes.get(&access.fingerprint()).and_then(|lifetime| lifetime.expires_at);
        learned.or_else(|| access.claims.as_ref()?.exp)
    }

    /// When a token was issued by this machine's calendar.
    pub fn issued_at(&self, access: &Access) -> Option<DateTime<Utc>> {
        let learned = self.lifetimes.get(&access.fingerprint()).map(|lifetime| lifetime.obtained_at);
        learned.or_else(|| access.claims.as_ref()?.iat)
    }

    /// Whether a token is neither over nor refused.
    pub fn is_usable(&self, access: &Access, margin: chrono::Duration, now: Now) -> bool {
        self.expires_at(access).is_none_or(|end| now.date < end - margin) && !self.is_refused(access.fingerprint(), now)
    }
}
