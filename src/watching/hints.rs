//! Leads of which somebody says that they have changed.

use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex, PoisonError},
};

use tokio::sync::Notify;

/// More are not remembered: they are asked about anyway.
const MOST: usize = 1000;

/// Ids of leads in amoCRM, from the page to the watcher; clones share them.
#[derive(Debug, Clone, Default)]
pub struct Hints(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    lead_ids: Mutex<BTreeSet<i64>>,
    changed: Notify,
}

impl Hints {
    /// These have changed, as somebody says.
    pub fn add(&self, lead_ids: impl IntoIterator<Item = i64>) {
        let mut held = self.0.lead_ids.lock().unwrap_or_else(PoisonError::into_inner);
        for lead_id in lead_ids {
            if held.len() < MOST {
                held.insert(lead_id);
            }
        }
        if !held.is_empty() {
            self.0.changed.notify_one();
        }
    }

    /// Takes all that are there.
    pub fn take(&self) -> BTreeSet<i64> {
        std::mem::take(&mut *self.0.lead_ids.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Resolves when some may be there.
    pub async fn changed(&self) {
        self.0.changed.notified().await;
    }
}
