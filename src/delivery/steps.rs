//! Walking claimed leads through their recorded steps: look-up, contact, create, note. Used by the worker and by the
//! command.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
    time::Duration,
};

use tracing::debug;

use crate::{
    amocrm::{Crm, CrmError},
    clock::{Clock, Millis},
    fault::point,
    store::{Claim, LeadRow, Lease, Store, StoreError},
};

use super::{
    creates::create_chunks,
    notes::{NOTE_BATCH, ToNote},
    run::Run,
    shortage::Shortages,
    worker::Figures,
};

/// A claim lasts so long unless renewed: longer than any one call with its wait for the rate limit.
pub const LEASE: Duration = Duration::from_secs(120);

/// At most so many fresh leads are claimed at once; fewer go one by one, so that none can harm another.
const FRESH_BATCH: usize = 10;

/// A lead submitted within this time is fresh: a backlog does not hold it up.
pub const FRESH: Duration = Duration::from_secs(60);

/// Why a pass over claimed leads ended early.
#[derive(Debug)]
pub enum Stop {
    /// amoCRM cannot take anything now; every lead of the pass was put back.
    Crm(CrmError),
    /// The store cannot be used.
    Store(StoreError),
}

/// What a pass over due leads came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Progress {
    /// Nothing was due.
    Idle,
    /// amoCRM was asked, or leads were put off; whether it takes leads is not known by that.
    Looked,
    /// amoCRM took a lead or a note, or answered in full about one.
    Wrote,
}

impl From<StoreError> for Stop {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

/// What one process learns of the account as it goes, and may forget.
#[derive(Debug, Default)]
pub struct Learned {
    /// What of the settings is not taken.
    pub(super) shortages: Shortages,
    /// Leads that were refused in a row.
    pub(super) refused: Mutex<Run>,
    /// When a lead was last taken.
    pub(super) taken_at: Mutex<Millis>,
    /// Leads of which the note was refused in a row.
    pub(super) refused_notes: Mutex<Run>,
    /// Phones that amoCRM has no contact for, and when it was asked.
    pub(super) strangers: Mutex<HashMap<String, Millis>>,
    /// No note is tried before: there is no right to write them.
    pub(super) notes_from: Mutex<Millis>,
}

/// Walks leads through their steps.
#[derive(Debug, Clone)]
pub struct Courier {
    /// The store.
    pub store: Store,
    /// The CRM.
    pub crm: Crm,
    /// The lease of this process start.
    pub lease: Lease,
    /// Search for contacts before making new ones.
    pub contact_lookup: bool,
    /// Figures of what was done.
    pub figures: Arc<Figures>,
    /// What this process has learned of the account.
    pub learned: Arc<Learned>,
}

impl Courier {
    pub(super) fn clock(&self) -> Clock {
        self.store.clock()
    }

    pub(super) fn lease_end(&self) -> Millis {
        self.clock().now() + self.clock().millis(LEASE)
    }

    pub(super) fn due_in(&self, pause: Duration) -> Millis {
        self.clock().now() + self.clock().millis(pause)
    }

    /// Claims and walks fresh leads, or else the oldest ones.
    ///
    /// As a probe it takes one lead only, best one that needs a write: reading may work where writing does not. Of the
    /// others it takes them in turn, because amoCRM may break on one of them.
    pub async fn pass(&self, probe: bool) -> Result<Progress, Stop> {
        if probe {
            return match self.walk_claim(1, Claim::Ready, false).await? {
                Progress::Idle => self.walk_claim(1, Claim::InTurn, false).await,
                progress => Ok(progress),
            };
        }
        match self.walk_fresh().await? {
            Progress::Idle => self.walk_claim(NOTE_BATCH, Claim::Oldest, true).await,
            progress => Ok(progress),
        }
    }

    async fn walk_fresh(&self) -> Result<Progress, Stop> {
        let since = self.clock().now() - self.clock().millis(FRESH);
        self.walk_claim(FRESH_BATCH, Claim::SubmittedSince(since), false).await
    }

    async fn walk_claim(&self, limit: usize, which: Claim, let_fresh_in: bool) -> Result<Progress, Stop> {
        let limit = i64::try_from(limit).unwrap_or(1);
        let mut claimed = self.store.claim_due(&self.lease, self.lease_end(), limit, which).await?;
        if claimed.is_empty() {
            return Ok(Progress::Idle);
        }
        if matches!(which, Claim::SubmittedSince(_)) && claimed.len() < FRESH_BATCH {
            claimed.iter_mut().for_each(|row| row.solo = true);
        }
        debug!(leads = claimed.len(), "claimed");
        point("claim.after");
        match Box::pin(self.walk(claimed, let_fresh_in)).await {
            Ok(progress) => Ok(progress),
            Err(stop) => {
                // What this pass did not come to is free again at once: the breaker, not the lease, paces the rest.
                self.store.release_lease(&self.lease).await?;
                Err(stop)
            }
        }
    }

    async fn walk(&self, claimed: Vec<LeadRow>, let_fresh_in: bool) -> Result<Progress, Stop> {
        let mut progress = Progress::Looked;
        let (mut unsure, mut to_create, mut to_note) = (Vec::new(), Vec::new(), Vec::new());
        for row in claimed {
            if let Some(crm_lead_id) = row.crm_lead_id {
                to_note.push(ToNote::of(row, crm_lead_id));
            } else if row.sent_at.is_some() {
                unsure.push(row);
            } else {
                to_create.push(row);
            }
        }
        to_note.extend(self.look_up(unsure).await?);
        for (at, chunk) in create_chunks(to_create).into_iter().enumerate() {
            if at > 0 {
                self.store.renew(&self.lease, self.lease_end()).await?;
                if let_fresh_in {
                    self.let_fresh_in().await?;
                }
            }
            to_note.extend(self.create(chunk, &mut progress).await?);
        }
        self.write_notes(to_note, &mut progress).await?;
        Ok(progress)
    }

    /// Fresh leads go first; they have a claim of their own under the same lease.
    async fn let_fresh_in(&self) -> Result<(), Stop> {
        let since = self.clock().now() - self.clock().millis(FRESH);
        let claimed = self.store.claim_due(&self.lease, self.lease_end(), 10, Claim::SubmittedSince(since)).await?;
        if claimed.is_empty() { Ok(()) } else { Box::pin(self.walk(claimed, false)).await.map(drop) }
    }
}
