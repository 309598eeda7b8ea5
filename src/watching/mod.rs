//! What becomes of leads in amoCRM, so that their buyers hear of it.
//!
//! Promise: a buyer is told once of each stage of which the settings say something (`[[status]]`), in the buyer's language,
//! never at night, and at most once in ten minutes, when the newest stage is what is told; going back is silent. What is to
//! be told is recorded before it is, and that it is told in the commit that enqueues the message.
//!
//! `reading` says what a row of amoCRM means for a lead, `telling` of what a buyer is told now; both are pure. `ways` is how
//! leads are asked about: by their ids, by events, or by the newest changes. `asking` goes them, `watcher` is the loop, `hints` what a
//! webhook adds to it; `turn` lets deliveries go first.
//!
//! The races and the answers to them:
//! - *A filter that amoCRM ignores*: what comes back is compared with what was asked for, and another way is taken.
//! - *A lead that is not shown*: it may be trashed, merged or hidden, or the list may lag. It is looked at by itself, and
//!   followed where it was merged.
//! - *Lists that lag behind each other*: a row that is older than what is known says nothing.
//! - *Killed between two commits*: what was recorded is owed, and told by the next process. What was not is read again.
//! - *A former leader that is late*: it records nothing and tells nothing (its term is fenced).
//! - *Telegram is away until the night*: the message is taken back and its buyer hears of it in the morning.

mod asked;
mod asking;
mod hints;
mod reading;
mod telling;
mod turn;
mod watcher;
mod ways;

use serde::{Deserialize, Serialize};

use crate::{
    clock::Millis,
    store::{Mark, Marks, StoreError},
};

pub use asking::IN_CRM;
pub use hints::Hints;
pub use reading::{Context, Meaning, is_made_for, read};
pub use telling::{APART, next_to_tell};
pub use turn::deliveries_go_first;
pub use watcher::{WatchCounters, Watcher};
pub use ways::Way;

/// Since when leads are watched, and when they were last asked about.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct WatchLog {
    /// Leads that were delivered before may have gone on unseen.
    pub since: Millis,
    /// When all of them were asked about last.
    #[serde(default)]
    pub asked_at: Option<Millis>,
    /// And how.
    #[serde(default)]
    pub way: Option<Way>,
}

/// What is remembered of it; `None` where no lead is watched.
pub async fn watch_log(marks: &Marks) -> Result<Option<WatchLog>, StoreError> {
    Ok(marks.get(&Mark::Watching).await?.and_then(|log| serde_json::from_str(&log).ok()))
}
