//! What delivery learns of the account as it goes: it is remembered, not stored, and a start begins without it.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError, atomic::AtomicBool},
};

use crate::{
    clock::Millis,
    notice::Shortage,
    store::{Marks, StoreError},
};

use super::{run::Run, shortage::Shortages};

/// What one process learns of the account as it goes, and may forget.
#[derive(Debug, Default)]
pub struct Learned {
    /// What of the settings is not taken.
    pub(super) shortages: Shortages,
    /// Leads that were refused in a row.
    pub(super) refused: Mutex<Run>,
    /// When a lead was last taken.
    pub(super) taken_at: Mutex<Millis>,
    /// Leads on which amoCRM, or the way to it, broke in a row while the account could be read.
    pub(super) broken: Mutex<Run>,
    /// Until when leads go one by one.
    pub(super) singly_until: Mutex<Millis>,
    /// So many leads wait that they go together, until nearly all are through.
    pub(super) together: AtomicBool,
    /// Those with a trouble have their turn next.
    pub(super) troubled_next: AtomicBool,
    /// The last probe came to nothing because what is uncertain could not be looked up.
    pub(super) looked_in_vain: AtomicBool,
    /// Leads of which the note was refused in a row.
    pub(super) refused_notes: Mutex<Run>,
    /// Phones that amoCRM has no contact for, and when it was asked.
    pub(super) strangers: Mutex<HashMap<String, Millis>>,
    /// Before this the list of contacts is not read.
    pub(super) contacts_from: Mutex<Millis>,
    /// The pipeline that new leads go to, where one is known, and when it was asked.
    pub(super) pipeline: Mutex<Option<(Option<i64>, Millis)>>,
    /// No note is tried before: there is no right to write them.
    pub(super) notes_from: Mutex<Millis>,
}

impl Learned {
    /// What the account lacks of the stages of which buyers are told.
    pub async fn stages_listed(&self, marks: &Marks, lacking: Vec<Shortage>) -> Result<(), StoreError> {
        self.shortages.stages_listed(marks, lacking).await
    }
}

/// Whatever panicked while it held one of these, what is in them is no more than remembered.
pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
