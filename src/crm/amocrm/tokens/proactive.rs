//! When a pair is refreshed before it has to be. No I/O.
//!
//! **Promise.** While [`super::TokenKeeper::refresh_proactively`] is called once a minute, no buyer waits for a refresh, the
//! refresh token's three months never run out, and a grant that is gone is reported while its last access token still works.

use chrono::{DateTime, Utc};
use rand::Rng;
use tokio::time::Instant;

use super::TokenPolicy;
use super::candidates::{Candidate, Candidates};
use super::error::TokenError;
use super::jwt::Claims;
use super::plan::Plan;
use super::rejections::{Reason, Rejections};
use super::token::{Access, Fingerprint, Now};

/// A pair is refreshed at a random moment this long before its access token ends, in seconds, so that processes do not
/// meet.
const AHEAD: std::ops::RangeInclusive<i64> = 15 * 60..=60 * 60;
/// And once a day whatever happens, so that the refresh token's three months never run out while nobody buys a car.
const DAILY: chrono::Duration = chrono::Duration::hours(24);
/// The longest pause between failed refreshes ahead of time, in first pauses: a quarter of an hour.
const LONGEST_PAUSE: u32 = 15;

/// How the tokens are looked after.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Proactive {
    /// As they should be.
    Fine,
    /// A refresh has failed and is tried again later; nothing new is known.
    Paused,
}

/// What to do now.
#[derive(Debug)]
pub(super) enum Look {
    /// Nothing, or nothing yet.
    Nothing(Proactive),
    /// Get a new pair; this access token is to be replaced although it still works.
    Refresh(Option<Fingerprint>),
    /// Somebody has to act.
    Tell(TokenError),
}

/// When the present pair is due, and the pauses between refreshes that fail.
#[derive(Debug, Default)]
pub(super) struct Schedule {
    due: Option<(Fingerprint, DateTime<Utc>)>,
    failures: u32,
    paused_until: Option<Instant>,
}

impl Schedule {
    pub fn look(&mut self, candidates: &Candidates, rejections: &Rejections, now: Now) -> Look {
        if self.paused_until.is_some_and(|until| now.instant < until) {
            return Look::Nothing(Proactive::Paused);
        }
        let (candidate, access) = match Plan::decide(candidates, rejections, now) {
            Plan::GiveUp(error) => return Look::Tell(error),
            Plan::Refresh(..) => return Look::Refresh(None),
            Plan::Use(candidate, access) => (candidate, access),
        };
        let Some(refresh) = &candidate.refresh else {
            return Look::Nothing(Proactive::Fine);
        };
        let due = self.due(candidate, access, rejections, now);
        if rejections.is_refused(refresh.fingerprint, now) || !candidates.can_refresh() {
            // The access token outlives the grant it came from: time to tell before it ends.
            let long_lived = candidate.claims().is_some_and(Claims::is_long_lived);
            return match candidates.problem(candidate, rejections, now) {
                Some(Reason::Moved(host)) => Look::Tell(TokenError::Moved { host }),
                Some(Reason::Problem(reason)) if !long_lived => {
                    let origin = Some(candidate.source);
                    Look::Tell(TokenError::NeedsAuthorization { reason, origin, expired_at: None })
                }
                _ => Look::Nothing(Proactive::Fine),
            };
        }
        if now.date < due { Look::Nothing(Proactive::Fine) } else { Look::Refresh(Some(access.fingerprint())) }
    }

    /// When a pair is to be refreshed: drawn once for each access token.
    fn due(&mut self, candidate: &Candidate, access: &Access, rejections: &Rejections, now: Now) -> DateTime<Utc> {
        if let Some((_, due)) = self.due.filter(|(token, _)| *token == access.fingerprint()) {
            return due;
        }
        let issued = rejections.issued_at(access).unwrap_or(now.date);
        let before_the_end = rejections.expires_at(access).map(|end| {
            // A quarter of its life at most, for tokens made to last for less than the four hours this would take.
            let quarter = ((end - issued).num_seconds() / 4).max(1);
            end - chrono::Duration::seconds(rand::rng().random_range(AHEAD).min(quarter))
        });
        let daily = (!candidate.claims().is_some_and(Claims::is_long_lived)).then(|| issued + DAILY);
        let due = before_the_end.into_iter().chain(daily).min().unwrap_or(now.date + DAILY);
        self.due = Some((access.fingerprint(), due));
        due
    }

    /// A refresh ahead of time has failed: the next one waits, the longer the more there were in a row.
    pub fn failed(&mut self, policy: &TokenPolicy, now: Now) {
        let times = (1 << self.failures.min(6)).min(LONGEST_PAUSE);
        self.failures = self.failures.saturating_add(1);
        self.paused_until = Some(now.instant + policy.proactive_pause * times);
    }

    /// Nothing is waited for any more.
    pub fn resume(&mut self) {
        (self.failures, self.paused_until) = (0, None);
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::crm::amocrm::tokens::{
        AuthProblem, Source,
        plan::tests::{DAY, candidates, jwt, noon},
    };

    const MINUTE: i64 = 60;

    fn name(look: &Look) -> String {
        match look {
            Look::Nothing(state) => format!("{state:?}"),
            Look::Refresh(None) => "refresh".into(),
            Look::Refresh(Some(_)) => "replace".into(),
            Look::Tell(TokenError::NeedsAuthorization { reason, .. }) => format!("{reason:?}"),
            Look::Tell(error) => format!("{error:?}"),
        }
    }

    /// The stored pair (issued and ending so many seconds from noon, with a refresh token or without), why its refresh token
    /// is refused, and what is done at noon.
    #[test]
    fn what_is_done_at_one_look() {
        for (issued, ends, refresh, refused, expected) in [
            // An hour before its end at the earliest, a quarter of an hour at the latest.
            (-DAY / 2, DAY / 2, "r", None, "Fine"),
            (-DAY + 61 * MINUTE, 61 * MINUTE, "r", None, "Fine"),
            (-DAY + 14 * MINUTE, 14 * MINUTE, "r", None, "replace"),
            (-DAY + MINUTE, MINUTE, "r", None, "replace"),
            // Over, or nearly.
            (-DAY, 20, "r", None, "refresh"),
            (-2 * DAY, -DAY, "r", None, "refresh"),
            // Tokens of twenty minutes are used for a quarter of an hour.
            (-14 * MINUTE, 6 * MINUTE, "r", None, "Fine"),
            (-16 * MINUTE, 4 * MINUTE, "r", None, "replace"),
            // One that lasts for two days is refreshed each day.
            (-DAY + MINUTE, DAY + MINUTE, "r", None, "Fine"),
            (-DAY, DAY, "r", None, "replace"),
            // A long-lived token needs nothing, nor what lies beside it.
            (-100 * DAY, 100 * DAY, "", None, "Fine"),
            (-100 * DAY, 100 * DAY, "r", Some(AuthProblem::Revoked), "Fine"),
            // A grant that is gone is told while the access token still works.
            (-DAY / 2, DAY / 2, "r", Some(AuthProblem::Revoked), "Revoked"),
            (-DAY / 2, DAY / 2, "r", Some(AuthProblem::IntegrationOff), "IntegrationOff"),
            // Nothing is left.
            (-2 * DAY, -DAY, "", None, "Expired"),
        ] {
            let pair = candidates(&[(Source::Stored, &jwt(issued, ends), refresh)]);
            let mut rejections = Rejections::default();
            let policy = TokenPolicy::default();
            if let (Some(refresh), Some(problem)) = (&pair.newest().expect("set").refresh, &refused) {
                let reason = Reason::Problem(problem.clone());
                rejections.refuse_refresh(refresh.fingerprint, reason, &policy, noon(0));
            }
            let look = Schedule::default().look(&pair, &rejections, noon(0));
            assert_eq!(name(&look), expected, "{issued} {ends} {refresh} {refused:?}");
        }
    }

    #[test]
    fn the_moment_is_drawn_once_for_each_access_token_and_differs() {
        let pair = candidates(&[(Source::Stored, &jwt(0, DAY), "r")]);
        let rejections = Rejections::default();
        let mut moments = std::collections::HashSet::new();
        for _ in 0..20 {
            let mut schedule = Schedule::default();
            let due = (DAY - 61 * MINUTE..DAY)
                .step_by(60)
                .find(|at| matches!(schedule.look(&pair, &rejections, noon(*at)), Look::Refresh(_)))
                .expect("due before the end");
            assert!((DAY - 60 * MINUTE..=DAY - 14 * MINUTE).contains(&due), "{due}");
            moments.insert(due);
        }
        assert!(moments.len() > 3, "processes would meet: {moments:?}");
    }

    #[test]
    fn failures_pause_for_up_to_a_quarter_of_an_hour() {
        let pair = candidates(&[(Source::Stored, &jwt(-DAY, 60), "r")]);
        let (rejections, policy) = (Rejections::default(), TokenPolicy::default());
        let (mut schedule, start) = (Schedule::default(), noon(0));
        for minutes in [1, 2, 4, 8, 15, 15, 15, 15, 15] {
            schedule.failed(&policy, start);
            let after = |seconds| Now { instant: start.instant + Duration::from_secs(seconds), ..start };
            let mut look = |seconds| name(&schedule.look(&pair, &rejections, after(seconds)));
            assert_eq!((look(minutes * 60 - 1), look(minutes * 60)), ("Paused".into(), "replace".into()), "{minutes}");
        }
        schedule.resume();
        assert_eq!(name(&schedule.look(&pair, &rejections, start)), "replace");
    }
}
