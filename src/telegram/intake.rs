//! Which updates are in hand, which are done and which failed: what the listener and the handlers' root agree by.
//!
//! Promise: an update is confirmed to Telegram only when its effects are committed. The races and the answers to them:
//! - A handler fails while others of the batch succeed: the offset stops before the first failed one. The others come
//!   again; what is done is remembered until Telegram knows it, and not handed out a second time. (After a restart each
//!   dialogue still knows the last update it took.)
//! - A chat's update fails and its next one would succeed: the next would make the first look old. So after a failure
//!   the chat's other updates of the batch are deferred unhandled.
//! - A chat is slow to take its answers, or Telegram is: nothing here waits for that. Answers are committed with what they
//!   answer, and the outbox sends them.
//! - A panic in a handler would end teloxide's worker of that chat: it is caught at the root and counts as a failure.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap, HashSet},
    sync::{Mutex, MutexGuard, PoisonError},
};

use tokio::sync::Notify;

use crate::lead::ChatRef;

/// An update that fails so many times is set aside.
pub const ATTEMPTS: u32 = 5;

/// Why an update is not done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Failure {
    /// The store could not take it: it waits at Telegram, however long that takes.
    Store,
    /// Something in this update: after [`ATTEMPTS`] it is set aside.
    Update,
    /// An earlier update of the same chat failed.
    Deferred,
}

/// What to do after a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Processed {
    /// The next offset: everything before it is done.
    pub offset: u32,
    /// Something failed, so wait before asking again.
    pub failed: bool,
}

#[derive(Debug, Default)]
struct State {
    in_flight: HashMap<u32, Option<ChatRef>>,
    /// Known updates of this batch that are not yet done, in hand or not.
    open: BTreeMap<u32, Option<ChatRef>>,
    failed: BTreeSet<u32>,
    failed_chats: HashSet<ChatRef>,
    attempts: HashMap<u32, u32>,
    /// What is done and comes again nevertheless, because something before it is not.
    done: BTreeSet<u32>,
    /// One past the last update of the batch.
    end: u32,
    /// No poll was completed since the batch came.
    unconfirmed: bool,
}

/// The updates of the batch that is being handled.
#[derive(Debug, Default)]
pub struct UpdateBatch {
    state: Mutex<State>,
    changed: Notify,
}

impl UpdateBatch {
    fn state(&self) -> MutexGuard<'_, State> {
        // A panic while the lock is held leaves the sets consistent: each call changes them in one statement each.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A new batch: ids in Telegram's order with their chats. What is done already is not open again.
    pub fn open(&self, updates: impl IntoIterator<Item = (u32, Option<ChatRef>)>) {
        let mut state = self.state();
        let batch: BTreeMap<_, _> = updates.into_iter().collect();
        state.end = batch.last_key_value().map_or(state.end, |(id, _)| id + 1);
        // What came before it comes no more; what lies behind it may be in the next batch, if this one is small.
        let first = batch.first_key_value().map(|(id, _)| *id);
        state.done.retain(|id| first.is_some_and(|first| *id >= first));
        let State { open, done, .. } = &mut *state;
        *open = batch.into_iter().filter(|(id, _)| !done.contains(id)).collect();
        state.failed.clear();
        state.failed_chats.clear();
        state.unconfirmed = true;
        let open: HashSet<u32> = state.open.keys().copied().collect();
        state.attempts.retain(|id, _| open.contains(id));
    }

    /// Whether an update of the batch was done when it came before.
    pub fn is_done(&self, id: u32) -> bool {
        self.state().done.contains(&id)
    }

    /// An update goes to its handler.
    pub fn hand_out(&self, id: u32) {
        let mut state = self.state();
        let chat = state.open.get(&id).copied().flatten();
        state.in_flight.insert(id, chat);
    }

    /// Whether a chat's updates are deferred because an earlier one failed.
    pub fn is_deferred(&self, chat: Option<ChatRef>) -> bool {
        chat.is_some_and(|chat| self.state().failed_chats.contains(&chat))
    }

    /// An update's effects are committed, its answer among them.
    pub fn done(&self, id: u32) {
        let mut state = self.state();
        state.in_flight.remove(&id);
        state.open.remove(&id);
        state.attempts.remove(&id);
        state.done.insert(id);
        drop(state);
        self.changed.notify_one();
    }

    /// An update failed; returns how many times it has.
    pub fn failed(&self, id: u32, failure: &Failure) -> u32 {
        let mut state = self.state();
        let chat = state.in_flight.remove(&id).flatten();
        state.failed.insert(id);
        state.failed_chats.extend(chat);
        let attempts = if *failure == Failure::Update {
            let attempts = state.attempts.entry(id).or_default();
            *attempts += 1;
            *attempts
        } else {
            0
        };
        drop(state);
        self.changed.notify_one();
        attempts
    }

    /// Resolves when nothing is in hand any more, and says where to go on.
    pub async fn wait_until_processed(&self) -> Processed {
        loop {
            let notified = self.changed.notified();
            {
                let state = self.state();
                if state.in_flight.is_empty() {
                    let failed = !state.failed.is_empty();
                    // Updates that were never handed out (a shutdown) are open too and come again.
                    let offset = state.open.keys().next().copied().unwrap_or(state.end);
                    return Processed { offset, failed };
                }
            }
            notified.await;
        }
    }

    /// A poll was completed: Telegram knows what was done before it.
    pub fn confirmed(&self) {
        let mut state = self.state();
        state.unconfirmed = false;
        if state.open.is_empty() {
            state.done.clear();
        }
    }

    /// The offset that confirms what is done, where Telegram does not know it yet.
    pub fn unconfirmed(&self) -> Option<u32> {
        let state = self.state();
        state.unconfirmed.then(|| state.open.keys().next().copied().unwrap_or(state.end))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_offset_stops_before_the_first_failed_update() {
        let intake = UpdateBatch::default();
        intake.open([
            (5, Some(ChatRef::telegram(1))),
            (6, Some(ChatRef::telegram(2))),
            (7, Some(ChatRef::telegram(1))),
        ]);
        for id in 5..8 {
            intake.hand_out(id);
        }
        intake.done(6);
        assert_eq!(intake.failed(5, &Failure::Store), 0);
        assert!(
            intake.is_deferred(Some(ChatRef::telegram(1)))
                && !intake.is_deferred(Some(ChatRef::telegram(2)))
                && !intake.is_deferred(None)
        );
        intake.failed(7, &Failure::Deferred);
        assert_eq!(intake.wait_until_processed().await, Processed { offset: 5, failed: true });
        intake.open([
            (5, Some(ChatRef::telegram(1))),
            (6, Some(ChatRef::telegram(2))),
            (7, Some(ChatRef::telegram(1))),
        ]);
        assert!(!intake.is_deferred(Some(ChatRef::telegram(1))));
        assert!(intake.is_done(6) && !intake.is_done(5) && !intake.is_done(7));
        for id in [5, 7] {
            intake.hand_out(id);
            intake.done(id);
        }
        assert_eq!(intake.wait_until_processed().await, Processed { offset: 8, failed: false });
        // Ids may restart anywhere: what is over is not remembered for ever.
        intake.confirmed();
        intake.open([(2, Some(ChatRef::telegram(1)))]);
        intake.open([(6, Some(ChatRef::telegram(2)))]);
        assert!(!intake.is_done(6));
    }

    #[tokio::test]
    async fn only_faults_of_the_update_itself_are_counted() {
        let intake = UpdateBatch::default();
        for expected in [1, 2, 3] {
            intake.open([(9, Some(ChatRef::telegram(1)))]);
            intake.hand_out(9);
            assert_eq!(intake.failed(9, &Failure::Update), expected);
            intake.open([(9, Some(ChatRef::telegram(1)))]);
            intake.hand_out(9);
            assert_eq!(intake.failed(9, &Failure::Store), 0);
        }
    }

    #[tokio::test]
    async fn what_was_never_handed_out_is_not_confirmed() {
        let intake = UpdateBatch::default();
        intake.open([(1, None), (2, None), (3, None)]);
        intake.hand_out(1);
        intake.done(1);
        assert_eq!(intake.wait_until_processed().await.offset, 2);
    }
}
