//! What time it is, as milliseconds UTC, and how fast it runs.
//!
//! Everything that waits takes its pauses from here, so that tests can shorten every pause by one factor and can run
//! the same code in tokio's virtual time.

use std::{sync::OnceLock, time::Duration};

use chrono::{DateTime, TimeZone, Utc};
use chrono_tz::Tz;
use tokio::time::Instant;

/// The shortest period of [`Clock::period`].
const SHORTEST_PERIOD: Duration = Duration::from_millis(400);

/// Milliseconds since the Unix epoch, UTC.
pub type Millis = i64;

/// The clock of one process: wall time, or tokio's time from a fixed start (virtual when tokio's clock is paused).
#[derive(Debug, Clone, Copy)]
pub struct Clock {
    virtual_from: Option<(Millis, Instant)>,
    speed: f64,
    off_by: Millis,
}

impl Default for Clock {
    fn default() -> Self {
        Self { virtual_from: None, speed: 1.0, off_by: 0 }
    }
}

impl Clock {
    /// Wall time, with every pause divided by `speed` (1.0 in production).
    pub fn with_speed(speed: f64) -> Self {
        Self { virtual_from: None, speed, off_by: 0 }
    }

    /// Tokio's time, starting at `start`.
    pub fn following_tokio(start: Millis) -> Self {
        Self { virtual_from: Some((start, Instant::now())), speed: 1.0, off_by: 0 }
    }

    /// The same clock, wrong by so much.
    pub fn off_by(self, off_by: Millis) -> Self {
        Self { off_by, ..self }
    }

    /// Now, in milliseconds UTC.
    pub fn now(&self) -> Millis {
        let now = match self.virtual_from {
            None => Utc::now().timestamp_millis(),
            Some((start, from)) => start + i64::try_from(from.elapsed().as_millis()).unwrap_or(i64::MAX - start),
        };
        now + self.off_by
    }

    /// A pause as it is to be waited: shortened by the speed.
    pub fn scaled(&self, pause: Duration) -> Duration {
        if self.speed == 1.0 { pause } else { pause.div_f64(self.speed) }
    }

    /// From now until a moment; nothing where it is past.
    pub fn until(&self, at: Millis) -> Duration {
        Duration::from_millis(u64::try_from(at - self.now()).unwrap_or(0))
    }

    /// A length of time on this clock as the pause it was: the opposite of [`Clock::scaled`].
    pub fn unscaled(&self, millis: Millis) -> Duration {
        Duration::from_millis(u64::try_from(millis).unwrap_or(0)).mul_f64(self.speed)
    }

    /// How often something is looked at: shortened too, but what is looked at has its costs, so not below 400 ms.
    pub fn period(&self, period: Duration) -> Duration {
        self.scaled(period).max(SHORTEST_PERIOD.min(period))
    }

    /// A pause in milliseconds, shortened by the speed.
    pub fn millis(&self, pause: Duration) -> Millis {
        i64::try_from(self.scaled(pause).as_millis()).unwrap_or(i64::MAX / 4)
    }

    /// Sleeps for a pause shortened by the speed.
    pub async fn sleep(&self, pause: Duration) {
        tokio::time::sleep(self.scaled(pause)).await;
    }
}

/// A moment for people: `07.09.2025 10:30 UTC`.
pub fn in_utc(at: DateTime<Utc>) -> String {
    at.format("%d.%m.%Y %H:%M UTC").to_string()
}

/// The dealer's clock; Moscow's until it is told.
static DEALERS: OnceLock<Tz> = OnceLock::new();

/// By which clock the dealer lives, told once before anything is said.
pub fn keep_time_of(zone: Tz) {
    // Whoever tells it again says the same.
    let _ = DEALERS.set(zone);
}

/// The same moment by the dealer's clock: `07.09.2025 13:30 МСК`, `07.09.2025 20:30 +10`.
pub fn in_dealers_time(at: DateTime<Utc>) -> String {
    in_time_of(at, DEALERS.get().copied().unwrap_or(chrono_tz::Europe::Moscow))
}

fn in_time_of(at: DateTime<Utc>, zone: Tz) -> String {
    at.with_timezone(&zone).format("%d.%m.%Y %H:%M %Z").to_string().replace("MSK", "МСК")
}

/// Milliseconds as a date.
pub fn date(at: Millis) -> DateTime<Utc> {
    Utc.timestamp_millis_opt(at).single().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_is_told_by_the_dealers_clock() {
        let at = date(1_757_240_000_000);
        assert_eq!(in_dealers_time(at), "07.09.2025 13:13 МСК");
        assert_eq!(in_time_of(at, chrono_tz::Asia::Vladivostok), "07.09.2025 20:13 +10");
    }
}
