//! One rate limit for everything this process asks of amoCRM, OAuth included.
//!
//! **Promise.** Calls leave at least `1.02 / rate` seconds apart, whoever makes them; there are no bursts after a
//! pause; after a 429 nothing at all leaves until the freeze is over. amoCRM allows 7 requests a second and blocks
//! those who keep overshooting, and only its support lifts the block.
//!
//! **Races.** A freeze may come while others already wait for their turn: they look again after the wait. A long
//! freeze (amoCRM's example is 300 s) would hold a caller longer than its lease lasts, so a caller is refused at once
//! instead of waiting longer than its patience.

use std::sync::Mutex as SyncMutex;
use std::time::Duration;

use tokio::sync::Mutex;
use tokio::time::{Instant, Interval, MissedTickBehavior, interval, sleep_until};

/// Two per cent slower than allowed, so that jitter on the way cannot squeeze an eighth call into a second.
const SLACK: f64 = 1.02;
/// The first pause after a 429 that names none; doubled with each further one.
const FIRST_PAUSE: Duration = Duration::from_secs(2);
/// The longest pause of our own making; 300 s is the pause in amoCRM's documented example.
const LONGEST_PAUSE: Duration = Duration::from_secs(300);
/// No answer makes us wait longer than this.
const LONGEST_ORDERED_PAUSE: Duration = Duration::from_secs(3600);

/// The turnstile all calls pass.
#[derive(Debug)]
pub struct Limiter {
    turnstile: Mutex<Interval>,
    freeze: SyncMutex<Freeze>,
}

#[derive(Debug, Default)]
struct Freeze {
    until: Option<Instant>,
    strikes: u32,
}

impl Limiter {
    /// A limiter for this many requests a second (at least 1). Needs a running tokio runtime.
    pub fn new(requests_per_second: u32) -> Self {
        let spacing = Duration::from_secs_f64(SLACK / f64::from(requests_per_second.max(1)));
        let mut turnstile = interval(spacing);
        turnstile.set_missed_tick_behavior(MissedTickBehavior::Delay);
        Self { turnstile: Mutex::new(turnstile), freeze: SyncMutex::default() }
    }

    /// Waits for this caller's turn; `Err(remaining)` at once when a freeze lasts longer than `patience`.
    pub async fn turn(&self, patience: Duration) -> Result<(), Duration> {
        loop {
            // A long freeze refuses a caller before it queues behind those who wait out a short one.
            self.check(patience)?;
            let mut turnstile = self.turnstile.lock().await;
            if let Some(until) = self.check(patience)? {
                sleep_until(until).await;
            }
            turnstile.tick().await;
            if self.check(patience)?.is_none() {
                return Ok(());
            }
        }
    }

    /// Stops all traffic until then; never shortens a freeze.
    pub fn freeze_until(&self, until: Instant) {
        let mut freeze = self.lock();
        freeze.until = freeze.until.max(Some(until));
    }

    /// Takes note of a 429 and freezes for what it asked, or for 2, 4, 8, … 300 seconds when it asked nothing.
    pub fn throttled(&self, retry_after: Option<Duration>) -> Duration {
        let own = {
            let mut freeze = self.lock();
            freeze.strikes += 1;
            FIRST_PAUSE.saturating_mul(1 << (freeze.strikes - 1).min(10)).min(LONGEST_PAUSE)
        };
        let pause = retry_after.unwrap_or(own).min(LONGEST_ORDERED_PAUSE);
        self.freeze_until(Instant::now() + pause);
        pause
    }

    /// Takes note of an answer that was no 429.
    pub fn calm(&self) {
        self.lock().strikes = 0;
    }

    /// When the present freeze ends, if there is one that `patience` covers.
    fn check(&self, patience: Duration) -> Result<Option<Instant>, Duration> {
        let now = Instant::now();
        match self.lock().until {
            Some(until) if until > now + patience => Err(until - now),
            Some(until) if until > now => Ok(Some(until)),
            _ => Ok(None),
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Freeze> {
        self.freeze.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;

    const PATIENCE: Duration = Duration::from_secs(10);

    #[tokio::test(start_paused = true)]
    async fn spaces_calls_without_bursts() {
        let limiter = Arc::new(Limiter::new(5));
        tokio::time::sleep(Duration::from_secs(60)).await;
        let start = Instant::now();
        let tasks: Vec<_> = (0..11)
            .map(|_| {
                let limiter = Arc::clone(&limiter);
                tokio::spawn(async move { limiter.turn(PATIENCE).await.map(|()| Instant::now()) })
            })
            .collect();
        let mut times = Vec::new();
        for task in tasks {
            times.push(task.await.expect("no panic").expect("not frozen") - start);
        }
        times.sort();
        for pair in times.windows(2) {
            assert!(pair[1] - pair[0] >= Duration::from_millis(200), "{times:?}");
        }
        assert!(times[10] <= Duration::from_millis(2100), "{times:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn a_freeze_pauses_those_who_already_wait() {
        let limiter = Arc::new(Limiter::new(1));
        limiter.turn(PATIENCE).await.expect("free");
        let start = Instant::now();
        let waiting = {
            let limiter = Arc::clone(&limiter);
            tokio::spawn(async move { limiter.turn(PATIENCE).await.map(|()| Instant::now()) })
        };
        tokio::time::sleep(Duration::from_millis(100)).await;
        limiter.freeze_until(start + Duration::from_secs(5));
        limiter.freeze_until(start + Duration::from_secs(2));
        let passed = waiting.await.expect("no panic").expect("patient enough");
        assert!(passed - start >= Duration::from_secs(5));
    }

    #[tokio::test(start_paused = true)]
    async fn a_long_freeze_refuses_at_once() {
        let limiter = Limiter::new(5);
        assert_eq!(limiter.throttled(Some(Duration::from_secs(300))), Duration::from_secs(300));
        let start = Instant::now();
        let remaining = limiter.turn(PATIENCE).await.expect_err("frozen");
        assert!(remaining > Duration::from_secs(290) && start.elapsed() < Duration::from_secs(1));
        tokio::time::sleep(Duration::from_secs(301)).await;
        assert!(limiter.turn(PATIENCE).await.is_ok());
    }

    #[tokio::test(start_paused = true)]
    async fn unexplained_429s_pause_longer_each_time_until_one_call_passes() {
        let limiter = Limiter::new(5);
        let pauses: Vec<u64> = (0..9).map(|_| limiter.throttled(None).as_secs()).collect();
        assert_eq!(pauses, [2, 4, 8, 16, 32, 64, 128, 256, 300]);
        limiter.calm();
        assert_eq!(limiter.throttled(None).as_secs(), 2);
    }
}
