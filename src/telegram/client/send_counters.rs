//! What became of what was sent.

use std::sync::atomic::{AtomicU64, Ordering};

use super::failure::SendError;

/// What became of messages and files that were sent, for metrics.
#[derive(Debug, Default)]
pub struct SendCounters {
    /// Taken by Telegram.
    pub taken: AtomicU64,
    /// The chat is closed to the bot.
    pub closed: AtomicU64,
    /// Refused for good.
    pub refused: AtomicU64,
    /// Not taken for now.
    pub later: AtomicU64,
}

impl SendCounters {
    pub(super) fn count<T>(&self, result: &Result<T, SendError>) {
        let counter = match result {
            Ok(_) => &self.taken,
            Err(SendError::ChatClosed(_)) => &self.closed,
            Err(SendError::Refused(_)) => &self.refused,
            Err(SendError::NoTopic(_) | SendError::Later { .. }) => &self.later,
        };
        counter.fetch_add(1, Ordering::Relaxed);
    }
}
