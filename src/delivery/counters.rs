//! What the delivery has done, for metrics.

use std::{
    collections::BTreeMap,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use crate::notice::Trouble;

/// Counts since the start of the process.
#[derive(Debug, Default)]
pub struct Counters {
    /// Leads delivered.
    pub delivered: AtomicU64,
    /// Leads amoCRM refuses.
    pub rejected: AtomicU64,
    /// Creates whose result was not known.
    pub uncertain: AtomicU64,
    /// Leads looked up.
    pub lookups: AtomicU64,
    /// Uncertain creates that were found.
    pub found: AtomicU64,
    /// Creates repeated after clean look-ups: the remaining risk of a double.
    pub repeated: AtomicU64,
    /// Passes ended by amoCRM, by the label of the trouble.
    pub failures: Mutex<BTreeMap<&'static str, u64>>,
}

impl Counters {
    pub(super) fn add(counter: &AtomicU64, count: usize) {
        counter.fetch_add(count as u64, Ordering::Relaxed);
    }

    pub(super) fn failed(&self, trouble: &Trouble) {
        let mut failures = self.failures.lock().unwrap_or_else(PoisonError::into_inner);
        *failures.entry(trouble.label()).or_default() += 1;
    }
}
