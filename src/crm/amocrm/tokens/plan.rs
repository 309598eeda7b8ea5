//! Which token to try next: the candidates and their order. No I/O.
//!
//! **Promise.** The newest pair by its JWT's own times comes first, wherever it is kept, so a stale config var never
//! masks a rotated pair; what amoCRM has refused is not presented again while nothing has changed.

use chrono::{DateTime, Utc};
use secrecy::{ExposeSecret, SecretString};

use super::error::{AuthProblem, Source, TokenError};
use super::jwt::Claims;
use super::rejections::{Reason, Rejections};
use super::storage::{Fingerprint, TokenPair};

/// An access token with less than this to live is renewed first, if it can be: a call takes up to 20 s.
const LAST_MOMENTS: chrono::Duration = chrono::Duration::seconds(30);

/// An access token with what it says about itself.
#[derive(Debug, Clone)]
pub(super) struct Access {
    pub token: SecretString,
    pub print: Fingerprint,
    pub claims: Option<Claims>,
}

/// A refresh token.
#[derive(Debug, Clone)]
pub(super) struct Refresh {
    pub token: SecretString,
    pub print: Fingerprint,
}

/// A pair from one place.
#[derive(Debug, Clone)]
pub(super) struct Candidate {
    pub source: Source,
    pub access: Option<Access>,
    pub refresh: Option<Refresh>,
    /// What stands in the access token's place is a placeholder, or can be no token.
    pub rubbish: bool,
}

impl Candidate {
    /// `None` when the pair is empty.
    pub fn new(source: Source, pair: &TokenPair) -> Option<Self> {
        let mut rubbish = false;
        let access = pair.access.clone().and_then(|token| {
            rubbish = is_rubbish(&token);
            let claims = Claims::decode(token.expose_secret());
            (!rubbish).then(|| Access { print: Fingerprint::of(&token), claims, token })
        });
        let refresh = pair.refresh.clone().filter(|token| !is_rubbish(token));
        let refresh = refresh.map(|token| Refresh { print: Fingerprint::of(&token), token });
        (access.is_some() || refresh.is_some() || rubbish).then_some(Self { source, access, refresh, rubbish })
    }

    pub fn pair(&self) -> TokenPair {
        TokenPair {
            access: self.access.as_ref().map(|access| access.token.clone()),
            refresh: self.refresh.as_ref().map(|refresh| refresh.token.clone()),
        }
    }

    pub fn claims(&self) -> Option<&Claims> {
        self.access.as_ref()?.claims.as_ref()
    }

    /// What stands in the access token's place is not a JWT.
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

/// One thing to try.
#[derive(Debug)]
pub(super) enum Step<'a> {
    /// Use this access token.
    Use(&'a Candidate, &'a Access),
    /// Get a new pair with this refresh token.
    Refresh(&'a Candidate, &'a Refresh),
}

/// The circumstances in which the order is made.
#[derive(Debug, Clone, Copy)]
pub(super) struct Circumstances {
    pub now: DateTime<Utc>,
    /// Whether there is an integration, without which no refresh token is of use.
    pub can_refresh: bool,
    /// An access token to be replaced although it has not ended yet.
    pub replace: Option<Fingerprint>,
}

/// Newest first; those that do not tell their age come last, in the order stored, previous, environment.
pub(super) fn sort(candidates: &mut [Candidate]) {
    candidates.sort_by_key(|candidate| std::cmp::Reverse(candidate.claims().and_then(Claims::age_mark)));
}

/// What to try, in order, of sorted candidates: of each its access token while it lasts, then its refresh token.
pub(super) fn plan<'a>(candidates: &'a [Candidate], memory: &Rejections, at: Circumstances) -> Vec<Step<'a>> {
    let mut steps = Vec::new();
    for candidate in candidates {
        let refresh = candidate.refresh.as_ref().filter(|refresh| at.can_refresh && !memory.is_refused(&refresh.print));
        let margin = if refresh.is_some() { LAST_MOMENTS } else { chrono::Duration::zero() };
        let access = candidate.access.as_ref().filter(|access| {
            let lives = memory.expires_at(access).is_none_or(|end| at.now < end - margin);
            lives && !memory.is_refused(&access.print) && at.replace != Some(access.print)
        });
        steps.extend(access.map(|access| Step::Use(candidate, access)));
        steps.extend(refresh.map(|refresh| Step::Refresh(candidate, refresh)));
    }
    steps
}

/// What to tell when there is nothing left to try: the newest candidate speaks for all.
pub(super) fn verdict(candidates: &[Candidate], memory: &Rejections, at: Circumstances) -> TokenError {
    let expired_at = candidates
        .iter()
        .filter_map(|candidate| memory.expires_at(candidate.access.as_ref()?))
        .filter(|end| *end <= at.now)
        .max();
    let needs = |reason, origin| TokenError::NeedsAuthorization { reason, origin, expired_at };
    let Some(newest) = candidates.first() else {
        return if at.can_refresh { needs(AuthProblem::NoTokens, None) } else { TokenError::NotConfigured };
    };
    match problem(newest, memory, at) {
        Some(Reason::Moved(host)) => TokenError::Moved { host },
        Some(Reason::Problem(reason)) => needs(reason, Some(newest.source)),
        None => needs(AuthProblem::NotAToken, Some(newest.source)),
    }
}

/// What is wrong with a candidate, the refresh token's trouble before the access token's.
pub(super) fn problem(candidate: &Candidate, memory: &Rejections, at: Circumstances) -> Option<Reason> {
    if let Some(refresh) = &candidate.refresh {
        if let Some(reason) = memory.reason(&refresh.print) {
            return Some(reason.clone());
        }
        // With a way on, nothing that ails the access token is a problem.
        return (!at.can_refresh).then_some(Reason::Problem(AuthProblem::NoIntegration));
    }
    let access = candidate.access.as_ref()?;
    if memory.expires_at(access).is_some_and(|end| end <= at.now) {
        return Some(Reason::Problem(AuthProblem::Expired));
    }
    let reason = memory.reason(&access.print)?.clone();
    // An unreadable token that was refused is most likely no token at all.
    Some(if access.claims.is_none() { Reason::Problem(AuthProblem::NotAToken) } else { reason })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crm::amocrm::tokens::jwt::tests::token;
    use serde_json::json;
    use std::time::Duration;

    const DAY: i64 = 86_400;

    fn now() -> DateTime<Utc> {
        DateTime::from_timestamp(1_700_000_000, 0).expect("a time")
    }

    /// A token issued and ending so many seconds from now.
    fn jwt(iat: i64, exp: i64) -> String {
        token(&json!({"iat": now().timestamp() + iat, "exp": now().timestamp() + exp}))
    }

    fn candidate(source: Source, access: &str, refresh: &str) -> Candidate {
        let some = |text: &str| (!text.is_empty()).then(|| text.into());
        Candidate::new(source, &TokenPair { access: some(access), refresh: some(refresh) }).expect("not empty")
    }

    fn at() -> Circumstances {
        Circumstances { now: now(), can_refresh: true, replace: None }
    }

    fn steps(candidates: &mut [Candidate], memory: &Rejections, at: Circumstances) -> Vec<String> {
        sort(candidates);
        plan(candidates, memory, at)
            .iter()
            .map(|step| match step {
                Step::Use(candidate, _) => format!("use {:?}", candidate.source),
                Step::Refresh(candidate, _) => format!("refresh {:?}", candidate.source),
            })
            .collect()
    }

    #[test]
    fn a_stale_config_var_never_masks_a_rotated_pair() {
        let mut candidates = [
            candidate(Source::Environment, &jwt(-2 * DAY, -DAY), "env"),
            candidate(Source::Stored, &jwt(-3600, DAY - 3600), "new"),
        ];
        assert_eq!(
            steps(&mut candidates, &Rejections::default(), at()),
            ["use Stored", "refresh Stored", "refresh Environment"]
        );
    }

    #[test]
    fn a_newer_config_var_wins() {
        let mut candidates = [
            candidate(Source::Stored, &jwt(-2 * DAY, -DAY), "old"),
            candidate(Source::Environment, &jwt(-60, DAY), "env"),
        ];
        assert_eq!(steps(&mut candidates, &Rejections::default(), at())[0], "use Environment");
    }

    #[test]
    fn what_tells_no_age_comes_last_but_comes() {
        let mut candidates = [
            candidate(Source::Stored, "opaque-but-perhaps-good", ""),
            candidate(Source::Environment, &jwt(-2 * DAY, -DAY), "env"),
        ];
        assert_eq!(steps(&mut candidates, &Rejections::default(), at()), ["refresh Environment", "use Stored"]);
    }

    #[test]
    fn placeholders_are_never_presented() {
        let mut candidates = [candidate(Source::Environment, "your_access_token_here", "your_refresh_token_here")];
        let memory = Rejections::default();
        assert!(steps(&mut candidates, &memory, at()).is_empty());
        assert!(matches!(
            verdict(&candidates, &memory, at()),
            TokenError::NeedsAuthorization { reason: AuthProblem::NotAToken, origin: Some(Source::Environment), .. }
        ));
    }

    #[test]
    fn the_last_moments_count_only_where_there_is_a_way_on() {
        let mut pair = [candidate(Source::Stored, &jwt(-DAY, 20), "r")];
        assert_eq!(steps(&mut pair, &Rejections::default(), at()), ["refresh Stored"]);
        let mut alone = [candidate(Source::Stored, &jwt(-DAY, 20), "")];
        assert_eq!(steps(&mut alone, &Rejections::default(), at()), ["use Stored"]);
        let no_integration = Circumstances { can_refresh: false, ..at() };
        assert_eq!(steps(&mut pair, &Rejections::default(), no_integration), ["use Stored"]);
    }

    #[test]
    fn a_long_lived_token_ends_with_its_date() {
        let mut alone = [candidate(Source::Environment, &jwt(-400 * DAY, -DAY), "")];
        let memory = Rejections::default();
        assert!(steps(&mut alone, &memory, at()).is_empty());
        match verdict(&alone, &memory, at()) {
            TokenError::NeedsAuthorization { reason: AuthProblem::Expired, expired_at: Some(end), .. } => {
                assert_eq!(end, now() - chrono::Duration::days(1));
            }
            other => panic!("{other}"),
        }
    }

    #[test]
    fn the_refused_is_not_presented_again_until_it_may_have_healed() {
        let mut candidates = [candidate(Source::Stored, &jwt(-DAY, -60), "r")];
        let print = candidates[0].refresh.as_ref().expect("set").print;
        let mut memory = Rejections::default();
        memory.refuse(print, Reason::Problem(AuthProblem::Revoked), None);
        assert!(steps(&mut candidates, &memory, at()).is_empty());
        memory.refuse(print, Reason::Problem(AuthProblem::WrongClientSecret), Some(Duration::ZERO));
        assert_eq!(steps(&mut candidates, &memory, at()), ["refresh Stored"]);
    }

    #[test]
    fn a_wrong_clock_does_not_make_a_fresh_token_old() {
        let mut candidates = [candidate(Source::Stored, &jwt(-3 * DAY, -2 * DAY), "r")];
        let mut memory = Rejections::default();
        let print = candidates[0].access.as_ref().expect("set").print;
        memory.learn(print, Some(Duration::from_secs(86_400)));
        assert_eq!(steps(&mut candidates, &memory, at())[0], "use Stored");
    }

    #[test]
    fn nothing_at_all() {
        let memory = Rejections::default();
        assert!(matches!(
            verdict(&[], &memory, at()),
            TokenError::NeedsAuthorization { reason: AuthProblem::NoTokens, .. }
        ));
        let no_integration = Circumstances { can_refresh: false, ..at() };
        assert!(matches!(verdict(&[], &memory, no_integration), TokenError::NotConfigured));
    }
}
