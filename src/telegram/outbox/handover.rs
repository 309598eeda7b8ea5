//! Answers on their way from their commit to the sender, without a look into the store.
//!
//! What is lost here (the queue is full, the process dies) is in the store all the same, and the sender's next look
//! finds it.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

use crate::{store::OutboxMessage, wording::Lang};

/// More than this at once is found by looking into the store.
const MOST: usize = 10_000;

/// What one turn is answered with.
#[derive(Debug, Clone)]
pub struct Fresh {
    /// The buyer's language.
    pub lang: Lang,
    /// The messages in order, each with the id of the one before it in the chat's outbox.
    pub messages: Vec<(OutboxMessage, Option<String>)>,
    /// The message whose button was pressed for it, which is over.
    pub pressed: Option<i32>,
}

/// Where the dialogues leave their answers for the sender; clones share it.
#[derive(Debug, Clone, Default)]
pub struct HandOver {
    fresh: Arc<Mutex<Vec<Fresh>>>,
    bell: Arc<Notify>,
}

impl HandOver {
    fn fresh(&self) -> MutexGuard<'_, Vec<Fresh>> {
        self.fresh.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Leaves what was committed.
    pub fn push(&self, one: Fresh) {
        let mut fresh = self.fresh();
        if fresh.len() < MOST {
            fresh.push(one);
            drop(fresh);
            self.bell.notify_one();
        }
    }

    /// Resolves when something was left; a permit is kept while nobody waits.
    pub(super) async fn rung(&self) {
        self.bell.notified().await;
    }

    /// Everything that was left.
    pub(super) fn take(&self) -> Vec<Fresh> {
        std::mem::take(&mut *self.fresh())
    }
}
