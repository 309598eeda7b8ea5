//! Pauses that grow while something goes wrong, and how often that is worth a line of the log.

use std::time::Duration;

use tokio::time::Instant;

/// Between two lines about the same trouble there is never more.
const LONGEST_SILENCE: Duration = Duration::from_secs(600);

/// A pause that doubles with every failure in a row.
#[derive(Debug)]
pub struct Pause {
    first: Duration,
    last: Duration,
    next: Duration,
}

impl Pause {
    /// From the first up to the last.
    pub const fn new(first: Duration, last: Duration) -> Self {
        Self { first, last, next: first }
    }

    /// The pause after one more failure.
    pub fn grow(&mut self) -> Duration {
        let pause = self.next;
        self.next = (pause * 2).min(self.last);
        pause
    }

    /// All is well again.
    pub fn reset(&mut self) {
        self.next = self.first;
    }
}

/// Failures in a row, told about at growing intervals.
#[derive(Debug, Default)]
pub struct Complaint {
    failures: u64,
    silence: Duration,
    told_at: Option<Instant>,
}

impl Complaint {
    /// One more failure: how many there have been in a row, if that is to be told now.
    pub fn failure(&mut self) -> Option<u64> {
        self.failures += 1;
        if self.told_at.is_some_and(|at| at.elapsed() < self.silence) {
            return None;
        }
        self.told_at = Some(Instant::now());
        self.silence = (self.silence * 2).clamp(Duration::from_secs(1), LONGEST_SILENCE);
        Some(self.failures)
    }

    /// It is over: how many failures there were, if any.
    pub fn over(&mut self) -> Option<u64> {
        let ended = std::mem::take(self);
        (ended.failures > 0).then_some(ended.failures)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pause_grows_up_to_its_last() {
        let mut pause = Pause::new(Duration::from_millis(500), Duration::from_secs(3));
        assert_eq!([0; 5].map(|_| pause.grow().as_millis()), [500, 1000, 2000, 3000, 3000]);
        pause.reset();
        assert_eq!(pause.grow().as_millis(), 500);
    }

    #[tokio::test(start_paused = true)]
    async fn a_day_of_failures_is_few_lines() {
        let (mut complaint, mut pause) =
            (Complaint::default(), Pause::new(Duration::from_millis(500), Duration::from_secs(15)));
        let (start, mut lines) = (Instant::now(), 0);
        while start.elapsed() < Duration::from_secs(24 * 3600) {
            lines += u32::from(complaint.failure().is_some());
            tokio::time::advance(pause.grow()).await;
        }
        assert!((140..170).contains(&lines), "{lines}");
        assert!(complaint.over().is_some_and(|failures| failures > 5000));
        assert_eq!((complaint.over(), complaint.failure()), (None, Some(1)));
    }
}
