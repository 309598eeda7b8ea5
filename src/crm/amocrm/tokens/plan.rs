//! Which token to try next. No I/O.
//!
//! **Promise.** The newest pair by its JWT's own times comes first, wherever it is kept, so a stale config var never
//! masks a rotated pair; what amoCRM has refused is not presented again while nothing has changed.

use super::candidates::{Candidate, Candidates};
use super::error::TokenError;
use super::rejections::Rejections;
use super::token::{Access, Now, Refresh};

/// An access token with less than this to live is refreshed first, if it can be: a call takes up to 20 s.
const LAST_MOMENTS: chrono::Duration = chrono::Duration::seconds(30);

/// What to do to have an access token.
#[derive(Debug)]
pub(super) enum Plan<'a> {
    /// Use this access token.
    Use(&'a Candidate, &'a Access),
    /// Get a new pair with this refresh token.
    Refresh(&'a Candidate, &'a Refresh),
    /// There is nothing left to try; says why.
    GiveUp(TokenError),
}

impl<'a> Plan<'a> {
    /// Of each candidate its access token while it lasts, then its refresh token. Whoever learns that the token of a plan is
    /// refused notes it with the rejections and decides again.
    pub fn decide(candidates: &'a Candidates, rejections: &Rejections, now: Now) -> Self {
        for candidate in candidates.iter() {
            let refresh = candidate.refresh.as_ref();
            let refresh =
                refresh.filter(|refresh| candidates.can_refresh() && !rejections.is_refused(refresh.fingerprint, now));
            let margin = if refresh.is_some() { LAST_MOMENTS } else { chrono::Duration::zero() };
            let access = candidate
                .access
                .as_ref()
                .filter(|access| !candidates.is_replaced(access) && rejections.is_usable(access, margin, now));
            match (access, refresh) {
                (Some(access), _) => return Self::Use(candidate, access),
                (None, Some(refresh)) => return Self::Refresh(candidate, refresh),
                (None, None) => {}
            }
        }
        Self::GiveUp(candidates.verdict(rejections, now))
    }

    pub fn is_hopeless(&self) -> bool {
        matches!(self, Self::GiveUp(_))
    }

    /// The candidate it is about.
    pub fn candidate(&self) -> Option<&'a Candidate> {
        match self {
            Self::Use(candidate, _) | Self::Refresh(candidate, _) => Some(candidate),
            Self::GiveUp(_) => None,
        }
    }
}

#[cfg(test)]
pub(super) mod tests {
    use std::time::Duration;

    use chrono::DateTime;
    use serde_json::json;
    use tokio::time::Instant;

    use super::*;
    use crate::crm::amocrm::tokens::{
        AuthProblem, Source, TokenPair, TokenPolicy, jwt::tests::token, rejections::Reason,
    };

    pub const DAY: i64 = 86_400;
    const STORED: Source = Source::Stored;
    const PREVIOUS: Source = Source::Previous;
    const ENVIRONMENT: Source = Source::Environment;

    /// Noon of a day, so many seconds later.
    pub fn noon(later: i64) -> Now {
        let date = DateTime::from_timestamp(1_700_000_000 + later, 0).expect("a time");
        Now { date, instant: Instant::now() + Duration::from_secs(later.unsigned_abs()) }
    }

    /// An access token issued and ending so many seconds from noon.
    pub fn jwt(iat: i64, exp: i64) -> String {
        let noon = noon(0).date.timestamp();
        token(&json!({"iat": noon + iat, "exp": noon + exp}))
    }

    pub fn candidate(source: Source, access: &str, refresh: &str) -> Candidate {
        let some = |text: &str| (!text.is_empty()).then(|| text.into());
        Candidate::new(source, &TokenPair { access: some(access), refresh: some(refresh) }).expect("not empty")
    }

    pub fn candidates(pairs: &[(Source, &str, &str)]) -> Candidates {
        Candidates::of(
            pairs.iter().map(|(source, access, refresh)| candidate(*source, access, refresh)).collect(),
            true,
        )
    }

    fn name(plan: &Plan<'_>) -> String {
        match plan {
            Plan::Use(candidate, _) => format!("use {:?}", candidate.source),
            Plan::Refresh(candidate, _) => format!("refresh {:?}", candidate.source),
            Plan::GiveUp(TokenError::NeedsAuthorization { reason, .. }) => format!("{reason:?}"),
            Plan::GiveUp(error) => format!("{error:?}"),
        }
    }

    /// All plans until nothing is left, while amoCRM refuses every token for good.
    fn plans(candidates: &Candidates, mut rejections: Rejections) -> Vec<String> {
        let mut plans = Vec::new();
        loop {
            let plan = Plan::decide(candidates, &rejections, noon(0));
            plans.push(name(&plan));
            let refused = match plan {
                Plan::Use(_, access) => access.fingerprint(),
                Plan::Refresh(_, refresh) => refresh.fingerprint,
                Plan::GiveUp(_) => return plans,
            };
            let reason = Reason::Problem(AuthProblem::Revoked);
            rejections.refuse_refresh(refused, reason, &TokenPolicy::default(), noon(0));
        }
    }

    #[test]
    fn the_order_in_which_tokens_are_tried() {
        let tokens = [
            jwt(-3600, DAY - 3600),
            jwt(-7200, DAY - 7200),
            jwt(-2 * DAY, -DAY),
            jwt(-DAY, 20),
            jwt(-400 * DAY, -DAY),
            jwt(-400 * DAY, DAY),
        ];
        let [fresh, older, ended, ending, long_ended, long] = tokens.each_ref().map(String::as_str);
        for (pairs, expected) in [
            // A stale config var never masks a rotated pair.
            (
                vec![(ENVIRONMENT, ended, "env"), (STORED, fresh, "new")],
                vec!["use Stored", "refresh Stored", "refresh Environment", "Revoked"],
            ),
            // A newer config var wins.
            (
                vec![(STORED, ended, "old"), (ENVIRONMENT, fresh, "env")],
                vec!["use Environment", "refresh Environment", "refresh Stored", "Revoked"],
            ),
            // What tells no age comes last, but it comes.
            (
                vec![(STORED, "opaque-but-perhaps-good", ""), (ENVIRONMENT, ended, "env")],
                vec!["refresh Environment", "use Stored", "Revoked"],
            ),
            // The pair before is a way out while it is kept.
            (
                vec![(STORED, fresh, "new"), (PREVIOUS, older, "old")],
                vec!["use Stored", "refresh Stored", "use Previous", "refresh Previous", "Revoked"],
            ),
            // The last moments count only where there is a way on.
            (vec![(STORED, ending, "r")], vec!["refresh Stored", "use Stored", "Revoked"]),
            (vec![(STORED, ending, "")], vec!["use Stored", "Revoked"]),
            // Either half of a pair alone will do.
            (vec![(STORED, "", "r")], vec!["refresh Stored", "Revoked"]),
            (vec![(STORED, fresh, "")], vec!["use Stored", "Revoked"]),
            // A long-lived token ends with its date.
            (vec![(ENVIRONMENT, long_ended, "")], vec!["Expired"]),
            (vec![(ENVIRONMENT, long, "")], vec!["use Environment", "Revoked"]),
            // Placeholders are never presented, nor what no HTTP header could carry.
            (vec![(ENVIRONMENT, "your_access_token_here", "your_refresh_token_here")], vec!["NotAToken"]),
            (vec![(STORED, "<token>", ""), (ENVIRONMENT, fresh, "")], vec!["use Environment", "Revoked"]),
            (vec![(STORED, "токен", "")], vec!["NotAToken"]),
            (vec![], vec!["NoTokens"]),
        ] {
            assert_eq!(plans(&candidates(&pairs), Rejections::default()), expected, "{pairs:?}");
        }
    }

    #[test]
    fn without_an_integration_no_refresh_token_is_of_use() {
        for (pairs, expected) in [
            (vec![(STORED, jwt(-DAY, 20), "r")], vec!["use Stored", "NoIntegration"]),
            (vec![(STORED, jwt(-2 * DAY, -DAY), "r")], vec!["NoIntegration"]),
            (vec![], vec!["NotConfigured"]),
        ] {
            let list = pairs.iter().map(|(source, access, refresh)| candidate(*source, access, refresh)).collect();
            assert_eq!(plans(&Candidates::of(list, false), Rejections::default()), expected, "{pairs:?}");
        }
    }

    #[test]
    fn a_token_to_be_replaced_is_passed_over_and_nothing_else_is() {
        let pair = candidates(&[(STORED, &jwt(-DAY, 1800), "r"), (ENVIRONMENT, &jwt(-2 * DAY, 900), "")]);
        let access = pair.newest().and_then(|newest| newest.access.as_ref()).map(Access::fingerprint);
        let plan = |candidates: &Candidates| name(&Plan::decide(candidates, &Rejections::default(), noon(0)));
        assert_eq!(plan(&pair), "use Stored");
        assert_eq!(plan(&pair.clone().replacing(access)), "refresh Stored");
        // Somebody else has replaced it meanwhile.
        let other = candidates(&[(STORED, &jwt(0, DAY), "r2")]);
        assert_eq!(plan(&other.replacing(access)), "use Stored");
    }

    #[test]
    fn a_verdict_tells_when_the_last_access_ended() {
        let alone = candidates(&[(ENVIRONMENT, &jwt(-400 * DAY, -DAY), ""), (STORED, &jwt(-500 * DAY, -2 * DAY), "")]);
        match Plan::decide(&alone, &Rejections::default(), noon(0)) {
            Plan::GiveUp(TokenError::NeedsAuthorization { reason: AuthProblem::Expired, expired_at, origin }) => {
                assert_eq!((expired_at, origin), (Some(noon(-DAY).date), Some(ENVIRONMENT)));
            }
            other => panic!("{other:?}"),
        }
    }

    /// What is refused, and what is planned then at once and after some seconds.
    #[test]
    fn the_refused_is_not_presented_again_until_it_may_have_healed() {
        let policy = TokenPolicy::default();
        let cooldown = policy.rejection_cooldown.as_secs().cast_signed();
        let pair = candidates(&[(STORED, &jwt(-DAY, -60), "r")]);
        let refresh = pair.newest().and_then(|newest| newest.refresh.clone()).expect("set").fingerprint;
        for (problem, later, expected) in [
            (AuthProblem::Revoked, 0, "Revoked"),
            (AuthProblem::Revoked, 100 * DAY, "Revoked"),
            (AuthProblem::Expired, 100 * DAY, "Expired"),
            (AuthProblem::WrongClientSecret, cooldown - 1, "WrongClientSecret"),
            (AuthProblem::WrongClientSecret, cooldown, "refresh Stored"),
            (AuthProblem::IntegrationOff, cooldown - 1, "IntegrationOff"),
            (AuthProblem::IntegrationOff, cooldown, "refresh Stored"),
        ] {
            let mut rejections = Rejections::default();
            let start = noon(0);
            rejections.refuse_refresh(refresh, Reason::Problem(problem.clone()), &policy, start);
            let now = Now { instant: start.instant + Duration::from_secs(later.unsigned_abs()), ..start };
            assert_eq!(name(&Plan::decide(&pair, &rejections, now)), expected, "{problem:?} after {later} s");
        }
    }

    /// The calendar is set back or forward: cooldowns go by the other clock.
    #[test]
    fn a_cooldown_does_not_last_longer_for_a_calendar_set_back() {
        let (policy, start) = (TokenPolicy::default(), noon(0));
        let pair = candidates(&[(STORED, &jwt(-DAY, -60), "r")]);
        let refresh = pair.newest().and_then(|newest| newest.refresh.clone()).expect("set").fingerprint;
        let mut rejections = Rejections::default();
        rejections.refuse_refresh(refresh, Reason::Problem(AuthProblem::WrongClient), &policy, start);
        let year_back = Now { date: start.date - chrono::Duration::days(365), ..start };
        let after = Now { instant: start.instant + policy.rejection_cooldown, ..year_back };
        // By this calendar the access token has not ended, and a refresh token that is refused holds it back no more.
        assert_eq!(name(&Plan::decide(&pair, &rejections, after)), "use Stored");
        let late = Now { instant: after.instant, ..start };
        assert_eq!(name(&Plan::decide(&pair, &rejections, late)), "refresh Stored");
    }

    #[test]
    fn a_wrong_calendar_does_not_make_a_new_token_old() {
        let pair = candidates(&[(STORED, &jwt(-3 * DAY, -2 * DAY), "r")]);
        let mut rejections = Rejections::default();
        let access = pair.newest().and_then(|newest| newest.access.clone()).expect("set").fingerprint();
        rejections.learn(access, Some(Duration::from_secs(86_400)), noon(0));
        for (later, expected) in [(0, "use Stored"), (DAY - 31, "use Stored"), (DAY - 30, "refresh Stored")] {
            assert_eq!(name(&Plan::decide(&pair, &rejections, noon(later))), expected, "after {later} s");
        }
    }

    /// Whether the access token had worked before, how many new pairs in a row have not, and how many minutes its refresh
    /// token waits then.
    #[test]
    fn a_new_pair_that_never_worked_is_not_refreshed_for_ever() {
        let policy = TokenPolicy::default();
        let pair = candidates(&[(STORED, &jwt(-60, DAY), "r"), (ENVIRONMENT, "", "env")]);
        let stored = pair.newest().expect("set");
        let access = stored.access.as_ref().map(Access::fingerprint).expect("set");
        for (unverified, before, minutes) in
            [(false, 0, 0), (true, 0, 2), (true, 1, 4), (true, 3, 16), (true, 5, 64), (true, 9, 64)]
        {
            let (mut rejections, start) = (Rejections::default(), noon(0));
            for _ in 0..before + 1 {
                rejections.refuse_access(access, unverified, &pair, &policy, start);
            }
            let waits = |seconds: u64| {
                let now = Now { instant: start.instant + Duration::from_secs(seconds), ..start };
                let refresh = stored.refresh.as_ref().expect("set").fingerprint;
                (rejections.is_refused(refresh, now), rejections.is_refused(access, now))
            };
            if minutes > 0 {
                // The access token comes after its refresh token.
                assert_eq!(waits(minutes * 60 - 1), (true, true), "{unverified} {before}");
            }
            assert!(!waits(minutes * 60).0, "{unverified} {before}");
            // The tokens of the settings have nothing to do with it.
            let plan = name(&Plan::decide(&pair, &rejections, start));
            assert_eq!(plan, if unverified { "refresh Environment" } else { "refresh Stored" });
        }
    }
}
