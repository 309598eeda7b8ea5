//! How often the file is written: a small one within a second of every change, a large one at a bounded share of the disk
//! and of one core, so that a large backlog does not cost more than it is worth. The store is what leads are kept in.

use std::time::Duration;

use tokio::time::Instant;

/// Changes within this time are written together. Never scaled: this is what keeps a backlog cheap.
const COALESCE: Duration = Duration::from_millis(300);

/// A file of this size, some 400 leads, follows at once.
const SMALL: u64 = 512 * 1024;

/// A larger one is written at this rate in the long run, bytes a second …
const RATE: f64 = 256.0 * 1024.0;

/// … and takes no more than this part of one core …
const SHARE: u32 = 40;

/// … but is never later than this.
const LONGEST: Duration = Duration::from_secs(60);

/// How often it is looked whether a large file has become small.
const LOOK: Duration = Duration::from_secs(1);

/// The last time the file was written.
#[derive(Debug, Clone, Copy)]
pub(super) struct Written {
    pub at: Instant,
    /// How long that took.
    pub took: Duration,
    /// Its length in bytes.
    pub length: u64,
    pub entries: i64,
}

impl Written {
    /// How long to wait before it is written again with so many entries; zero when it is due.
    pub(super) fn wait(&self, entries: i64, now: Instant) -> Duration {
        let share = entries.max(1) as f64 / self.entries.max(1) as f64;
        let length = self.length as f64 * share;
        if length <= SMALL as f64 {
            return Duration::ZERO;
        }
        let pause = Duration::from_secs_f64(length / RATE).max(self.took.mul_f64(share) * SHARE).min(LONGEST);
        (self.at + pause).saturating_duration_since(now).min(LOOK)
    }
}

/// How long changes are collected.
pub(super) fn coalesce() -> Duration {
    COALESCE
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_small_file_follows_at_once_and_a_large_one_at_its_pace() {
        let at = Instant::now();
        let written = |length, millis| Written { at, took: Duration::from_millis(millis), length, entries: 1000 };
        let due = |written: Written, entries| {
            let mut now = at;
            while !written.wait(entries, now).is_zero() {
                now += written.wait(entries, now);
            }
            now - at
        };
        let seconds = |seconds: f64| Duration::from_secs_f64(seconds);
        assert_eq!(due(written(400_000, 500), 1000), Duration::ZERO);
        assert_eq!(due(written(1 << 20, 10), 1000), seconds(4.0));
        assert_eq!(due(written(1 << 20, 200), 1000), seconds(8.0), "what takes long rests long");
        assert_eq!(due(written(13 << 20, 300), 1000), seconds(52.0));
        assert_eq!(due(written(1 << 30, 9000), 1000), LONGEST);
        // What was large and is small now is written at once.
        assert_eq!(due(written(13 << 20, 300), 10), Duration::ZERO);
        assert_eq!(due(written(300_000, 3), 4000), seconds(1200.0 / 262.144));
    }
}
