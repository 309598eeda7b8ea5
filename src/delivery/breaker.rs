//! One breaker for the whole CRM: open after a failure, a single probe when its pause is over, closed by a success.
//!
//! Time spent open costs no lead an attempt. What the admin is told hangs on the trouble, not on the pause.

use std::time::Duration;

use crate::{
    clock::{Clock, Millis},
    crm::amocrm::{CrmError, TokenError},
    notice::Trouble,
};

use super::{
    backoff::{BLOCKED_PAUSE, FIRST_PAUSE, LONGEST_BLOCKED_PAUSE, LONGEST_PAUSE, PERSON_PAUSE, exponential},
    outcome::trouble_of,
};

/// Being throttled is everyday life; it is no trouble before so many times in a row or so long a pause.
const THROTTLES_TOLERATED: u32 = 2;
const THROTTLE_TOLERATED: Duration = Duration::from_secs(30);

/// What ends the pause of an open breaker.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pause {
    /// The moment, in milliseconds UTC.
    Until(Millis),
    /// New tokens, or at the latest this moment.
    TokensOr(Millis),
}

impl Pause {
    /// When it is over at the latest.
    pub fn until(self) -> Millis {
        match self {
            Self::Until(at) | Self::TokensOr(at) => at,
        }
    }
}

/// The state of the way to amoCRM.
#[derive(Debug, Clone, Default)]
pub struct Breaker {
    failures: u32,
    pause: Option<Pause>,
    trouble: Option<(Trouble, Millis)>,
    /// Since when it has been this trouble and no other.
    kind_since: Millis,
    /// The last failure may leave a write uncertain: a read tells first whether amoCRM answers at all.
    reads_first: bool,
}

impl Breaker {
    /// What is wrong and since when, where it is worth telling.
    pub fn trouble(&self) -> Option<&(Trouble, Millis)> {
        self.trouble.as_ref()
    }

    /// Since when it has been the present trouble and no other.
    pub fn kind_since(&self) -> Millis {
        self.kind_since
    }

    /// Failures since the last success.
    pub fn failures(&self) -> u32 {
        self.failures
    }

    /// The pause that is not over yet.
    pub fn pause(&self, now: Millis) -> Option<Pause> {
        self.pause.filter(|pause| pause.until() > now)
    }

    /// Whether the next call is the single probe.
    pub fn is_probing(&self) -> bool {
        self.failures > 0
    }

    /// Whether a probe begins with a read: an outage in which every probe was a write would make lead after lead uncertain.
    pub fn reads_first(&self) -> bool {
        self.reads_first
    }

    /// The pause ends now: somebody changed something.
    pub fn probe_now(&mut self) {
        self.pause = None;
    }

    /// amoCRM answered as it should.
    pub fn succeeded(&mut self) {
        *self = Self::default();
    }

    /// amoCRM did not; `jitter` from 0 to 1.
    pub fn failed(&mut self, error: &CrmError, clock: Clock, jitter: f64) {
        let now = clock.now();
        let failures = self.failures;
        let (pause, for_tokens) = match error {
            CrmError::Throttled { retry_after: Some(pause) } => (clock.scaled(*pause), false),
            CrmError::PaymentRequired
            | CrmError::Account { .. }
            | CrmError::Forbidden { .. }
            | CrmError::NotConfigured => (clock.scaled(PERSON_PAUSE), false),
            CrmError::Blocked => {
                (clock.scaled(exponential(BLOCKED_PAUSE, LONGEST_BLOCKED_PAUSE, failures, 0.5)), false)
            }
            CrmError::NotFound { .. } | CrmError::WrongAddress { .. } => {
                (clock.scaled(exponential(PERSON_PAUSE, LONGEST_PAUSE, failures, jitter)), false)
            }
            CrmError::Unauthorized(TokenError::NeedsAuthorization { .. } | TokenError::Moved { .. }) => {
                (clock.scaled(LONGEST_PAUSE), true)
            }
            _ => (clock.scaled(exponential(FIRST_PAUSE, LONGEST_PAUSE, failures, jitter)), false),
        };
        self.failures = failures.saturating_add(1);
        self.reads_first =
            matches!(error, CrmError::Ambiguous { .. } | CrmError::Unavailable { .. } | CrmError::Blocked);
        let until = now + i64::try_from(pause.as_millis()).unwrap_or(0);
        self.pause = Some(if for_tokens { Pause::TokensOr(until) } else { Pause::Until(until) });
        let quiet = matches!(error, CrmError::Throttled { .. })
            && self.failures <= THROTTLES_TOLERATED
            && pause <= clock.scaled(THROTTLE_TOLERATED);
        if !quiet {
            let trouble = trouble_of(error);
            let since = self.trouble.as_ref().map_or(now, |(_, since)| *since);
            if self.trouble.as_ref().is_none_or(|(before, _)| before.label() != trouble.label()) {
                self.kind_since = now;
            }
            self.trouble = Some((trouble, since));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crm::amocrm::AuthProblem;

    fn down() -> CrmError {
        CrmError::Unavailable { cause: "down".into(), request_id: None }
    }

    #[tokio::test(start_paused = true)]
    async fn pauses_grow_and_a_success_forgets_them() {
        let clock = Clock::following_tokio(1_000_000);
        let mut breaker = Breaker::default();
        assert!(!breaker.is_probing());
        let mut seconds = Vec::new();
        for _ in 0..12 {
            breaker.failed(&down(), clock, 0.5);
            seconds.push((breaker.pause(clock.now()).expect("open").until() - clock.now()) / 1000);
        }
        assert_eq!(seconds, [1, 2, 4, 8, 16, 32, 55, 55, 55, 55, 55, 55]);
        assert_eq!(breaker.trouble(), Some(&(Trouble::Unreachable, 1_000_000)));
        breaker.succeeded();
        assert!(breaker.pause(clock.now()).is_none() && breaker.trouble().is_none());
    }

    #[tokio::test(start_paused = true)]
    async fn every_failure_has_its_pause() {
        let clock = Clock::following_tokio(0);
        let expired = CrmError::Unauthorized(TokenError::NeedsAuthorization {
            reason: AuthProblem::Expired,
            origin: None,
            expired_at: None,
        });
        for (error, first, second, trouble) in [
            (CrmError::Blocked, 900, 1800, Some(Trouble::Blocked)),
            (CrmError::PaymentRequired, 55, 55, Some(Trouble::NotPaid)),
            (CrmError::Throttled { retry_after: Some(Duration::from_secs(7)) }, 7, 7, None),
            (CrmError::Throttled { retry_after: Some(Duration::from_secs(300)) }, 300, 300, Some(Trouble::Throttled)),
            (expired, 55, 55, Some(Trouble::TokensExpired)),
        ] {
            let mut breaker = Breaker::default();
            for seconds in [first, second] {
                breaker.failed(&error, clock, 0.5);
                assert_eq!(breaker.pause(0).map(|pause| pause.until() / 1000), Some(seconds), "{error}");
            }
            assert_eq!(breaker.trouble().map(|(trouble, _)| trouble.clone()), trouble, "{error}");
        }
    }
}
