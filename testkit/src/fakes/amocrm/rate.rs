//! The request rate: what is counted, when it is refused and when everything is.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use super::faults::Throttle;
use super::wire::Answer;

/// Requests per second the account allows (facts, section 3).
const PER_SECOND: usize = 7;

/// Refusals in a row after which everything is refused until support lifts it; amoCRM names no number.
const BLOCK_AFTER: u32 = 20;

/// The limiter of the account.
pub(super) struct Rate {
    pub(super) limit: Option<usize>,
    pub(super) block_after: u32,
    pub(super) throttle: Throttle,
    pub(super) blocked: bool,
    pub(super) max_seen: usize,
    in_a_row: u32,
    pub(super) second: Duration,
    window: VecDeque<Instant>,
}

impl Default for Rate {
    fn default() -> Self {
        Rate {
            limit: Some(PER_SECOND),
            block_after: BLOCK_AFTER,
            throttle: Throttle::Html,
            blocked: false,
            max_seen: 0,
            in_a_row: 0,
            second: Duration::from_secs(1),
            window: VecDeque::new(),
        }
    }
}

impl Rate {
    /// Counts a request, refused ones too, and says how it is refused if it is.
    pub(super) fn arrive(&mut self) -> Option<Answer> {
        let now = Instant::now();
        self.window.push_back(now);
        while self.window.front().is_some_and(|at| now.duration_since(*at) >= self.second) {
            self.window.pop_front();
        }
        self.max_seen = self.max_seen.max(self.window.len());
        if self.blocked {
            return Some(Answer::html(403));
        }
        if self.limit.is_none_or(|limit| self.window.len() <= limit) {
            self.in_a_row = 0;
            return None;
        }
        self.in_a_row += 1;
        if self.in_a_row >= self.block_after {
            self.blocked = true;
        }
        Some(throttled(self.throttle))
    }

    /// Support lifts the block.
    pub(super) fn unblock(&mut self) {
        self.blocked = false;
        self.in_a_row = 0;
        self.window.clear();
    }
}

/// The 429 of this look.
pub(super) fn throttled(throttle: Throttle) -> Answer {
    match throttle {
        Throttle::Html => Answer::html(429),
        Throttle::Header(seconds) => Answer::html(429).header("retry-after", seconds.to_string()),
        Throttle::Body(seconds) => {
            Answer::problem_with(429, "Too many requests", serde_json::json!({ "retry_after": seconds }))
        }
    }
}
