//! How long to wait: pure functions.

use std::time::Duration;

use crate::{
    crm::amocrm::CrmError,
    store::{LateAttempt, LateOutcome},
};

/// First pause after a failure of amoCRM or of the way to it.
pub const FIRST_PAUSE: Duration = Duration::from_secs(1);

/// Longest pause in an ordinary outage, however long it lasts: the first lead gets through within a minute of its end, the
/// requests that it takes included.
pub const LONGEST_PAUSE: Duration = Duration::from_secs(55);

/// Longest pause of a single lead on which amoCRM fails while others go through.
pub const LONGEST_LEAD_PAUSE: Duration = Duration::from_secs(15 * 60);

/// A look-up that comes so long after the create (because none could be made before) need not wait to be the last.
const SHORTEST_LOOKUP_DISTANCE: Duration = Duration::from_secs(5);

/// Pause while the account is not paid for or rights are missing: a person fixes that, and waits for the effect.
pub const PERSON_PAUSE: Duration = Duration::from_secs(55);

/// First and longest pause after a block: hammering prolongs it (amoCRM support, amocrm-api-php#563).
pub const BLOCKED_PAUSE: Duration = Duration::from_secs(15 * 60);
/// See [`BLOCKED_PAUSE`].
pub const LONGEST_BLOCKED_PAUSE: Duration = Duration::from_secs(60 * 60);

/// A process that was killed while sending left no schedule; what it sent gets the longest.
pub const LOOKUPS_AFTER_KILL: i64 = 3;

/// Between an uncertain create and its look-ups: 5 s, 30 s and 2 min after it (amocrm-api §10).
const LOOKUP_DISTANCES: [Duration; 3] = [Duration::from_secs(5), Duration::from_secs(25), Duration::from_secs(90)];

/// Doubles from `first` with every failure, up to `longest`; `jitter` from 0 to 1 spreads it by a quarter either way.
pub fn exponential(first: Duration, longest: Duration, failures: u32, jitter: f64) -> Duration {
    let doubled = first.saturating_mul(2u32.saturating_pow(failures.min(20))).min(longest);
    doubled.mul_f64(0.75 + jitter.clamp(0.0, 1.0) / 2.0).min(longest)
}

/// How long one of the works that are done one by one waits after a failure of amoCRM, or of the way to it; `failures` in a row.
pub fn pause_after(error: &CrmError, failures: u32, jitter: f64) -> Duration {
    match error {
        CrmError::Forbidden { .. } | CrmError::PaymentRequired => PERSON_PAUSE,
        CrmError::Blocked => BLOCKED_PAUSE,
        _ => exponential(FIRST_PAUSE, LONGEST_PAUSE, failures, jitter),
    }
}

/// How many clean look-ups are needed before something is sent again, as it is recorded: 0 where whoever sent it was killed.
pub fn lookups_needed(recorded: i64) -> i64 {
    if recorded == 0 { LOOKUPS_AFTER_KILL } else { recorded }
}

/// What a clean look-up that has not found what was sent comes to, and the pause until the next one; `None` where it may be
/// sent again.
pub fn missed(attempt: LateAttempt) -> Option<(LateOutcome, Duration)> {
    let (lookups, needed) = (attempt.lookups + 1, lookups_needed(attempt.lookups_needed));
    (lookups < needed).then(|| (LateOutcome::Missed { lookups, needed }, lookup_delay(lookups, 0)))
}

/// How long to wait for look-up number `lookup` (from 0) of a create that has failed `attempts` times while others went
/// through: one lead on which amoCRM breaks must not take all its time.
pub fn lookup_delay(lookup: i64, attempts: i64) -> Duration {
    let at = usize::try_from(lookup).unwrap_or(0).min(LOOKUP_DISTANCES.len() - 1);
    let times = 2u32.saturating_pow(u32::try_from(attempts.clamp(1, 10)).unwrap_or(1) - 1);
    LOOKUP_DISTANCES[at].saturating_mul(times).min(LONGEST_LEAD_PAUSE)
}

/// The same for a create that was sent `ago`: what an outage has delayed is made up for.
pub fn lookup_delay_since(lookup: i64, attempts: i64, ago: Duration) -> Duration {
    let planned: Duration = (0..=lookup).map(|lookup| lookup_delay(lookup, attempts)).sum();
    planned.saturating_sub(ago).max(SHORTEST_LOOKUP_DISTANCE).min(lookup_delay(lookup, attempts))
}

/// How long a lead pauses that fails while others go through, after so many failures.
pub fn lead_pause(attempts: i64) -> Duration {
    lookup_delay(0, attempts)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_the_longest() {
        for (failures, jitter, millis) in [
            (0, 0.5, 1000),
            (1, 0.5, 2000),
            (0, 0.0, 750),
            (0, 1.0, 1250),
            (5, 0.5, 32_000),
            (6, 0.5, 55_000),
            (40, 1.0, 55_000),
        ] {
            let pause = exponential(FIRST_PAUSE, LONGEST_PAUSE, failures, jitter);
            assert_eq!(pause.as_millis(), millis, "{failures} {jitter}");
        }
    }

    #[test]
    fn a_lookup_that_an_outage_has_delayed_does_not_wait_again() {
        for (lookup, ago, seconds) in
            [(0, 0, 5), (1, 5, 25), (2, 30, 90), (1, 20, 10), (1, 600, 5), (2, 600, 5), (2, 90, 30)]
        {
            let distance = lookup_delay_since(lookup, 1, Duration::from_secs(ago));
            assert_eq!(distance.as_secs(), seconds, "{lookup} {ago}");
        }
    }

    #[test]
    fn what_was_sent_is_sent_again_only_after_the_look_ups_it_needs() {
        let missed = |lookups, lookups_needed| super::missed(LateAttempt { sent_at: 0, lookups, lookups_needed });
        for (lookups, recorded, needed, seconds) in [(0, 0, 3, 25), (1, 0, 3, 90), (0, 2, 2, 25), (1, 3, 3, 90)] {
            let outcome = LateOutcome::Missed { lookups: lookups + 1, needed };
            assert_eq!(
                missed(lookups, recorded),
                Some((outcome, Duration::from_secs(seconds))),
                "{lookups} {recorded}"
            );
        }
        for (lookups, recorded) in [(2, 0), (1, 2), (2, 3), (0, 1), (7, 3)] {
            assert_eq!(missed(lookups, recorded), None, "{lookups} {recorded}");
        }
    }

    #[test]
    fn lookups_grow_apart() {
        for (lookup, attempts, seconds) in [(0, 1, 5), (1, 1, 25), (2, 1, 90), (0, 2, 10), (2, 30, 900), (7, 0, 90)] {
            assert_eq!(lookup_delay(lookup, attempts).as_secs(), seconds, "{lookup} {attempts}");
        }
    }
}
