//! What a file's way is walked with, and what becomes of a file whose step was not done.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use tracing::{info, warn};

use crate::{
    clock::{Clock, Millis},
    crm::amocrm::{Crm, CrmError, Whereabouts},
    delivery::{Stop, lead_pause},
    fault::point,
    lead::BuyerFile,
    notice::Recipients,
    store::{FileEnd, FileOutcome, FileRow, FileStep, Files, Lease, Marks, SentMessages},
    telegram::client::Telegram,
};

/// A file is held for so long at a time.
const LEASE: Duration = Duration::from_secs(300);

/// What became of files since the start of the process, for metrics.
#[derive(Debug, Default)]
pub struct FileCounters {
    /// Attached to their leads.
    pub attached: AtomicU64,
    /// Sent to the managers' chat instead.
    pub copied: AtomicU64,
    /// Nobody has them any more.
    pub lost: AtomicU64,
    /// Attempts that were in vain.
    pub failures: AtomicU64,
}

/// Walks files through their steps.
#[derive(Debug, Clone)]
pub struct FilePass {
    /// The files in the store.
    pub files: Files,
    /// What was copied to the managers' chat before.
    pub sent: SentMessages,
    /// Whether amoCRM takes any is left there as a mark.
    pub marks: Marks,
    /// The CRM.
    pub crm: Crm,
    /// Where the files are.
    pub telegram: Telegram,
    /// The lease of this process start.
    pub lease: Lease,
    /// Whose chat gets what amoCRM does not take.
    pub recipients: Recipients,
    /// Counters of what was done.
    pub counters: Arc<FileCounters>,
}

impl FilePass {
    pub(super) fn clock(&self) -> Clock {
        self.files.clock()
    }

    pub(super) fn lease_end(&self) -> Millis {
        self.due_in(LEASE)
    }

    pub(super) fn due_in(&self, pause: Duration) -> Millis {
        self.clock().now() + self.clock().millis(pause)
    }

    /// A step was certainly not done, or (`step` is `None`) what has to be known before one was not told: then what is recorded
    /// of an earlier try stays, and is looked for again. What is about all files ends the pass, and costs this one nothing.
    pub(super) async fn failed(&self, row: &FileRow, step: Option<FileStep>, error: &CrmError) -> Result<(), Stop> {
        self.counters.failures.fetch_add(1, Ordering::Relaxed);
        match error {
            CrmError::Forbidden { detail, .. } => {
                self.close_drive(detail).await?;
                return self.send_elsewhere(row, detail).await;
            }
            CrmError::NotFound { detail, .. } => return self.follow_lead(row, detail).await,
            CrmError::Unavailable { .. } | CrmError::Ambiguous { .. } | CrmError::WrongAddress { .. } => {}
            CrmError::Rejected { detail, .. } | CrmError::Refused { detail, .. } | CrmError::Gone { detail, .. } => {
                return self.send_elsewhere(row, detail).await;
            }
            about_all => {
                self.put_back(row, step, lead_pause(1), None).await?;
                return Err(Stop::Crm(about_all.clone()));
            }
        }
        if let Err(error) = self.crm.account().await {
            self.put_back(row, step, lead_pause(1), None).await?;
            return Err(Stop::Crm(error));
        }
        let words = error.to_string();
        warn!(file = row.position, %error, "amoCRM breaks on a file; it is tried again");
        self.put_back(row, step, lead_pause(row.attempts + 1), Some(&words)).await?;
        Ok(())
    }

    /// Gives a file back for a while; of a `step` that was certainly not done nothing stays recorded.
    async fn put_back(
        &self,
        row: &FileRow,
        step: Option<FileStep>,
        pause: Duration,
        words: Option<&str>,
    ) -> Result<(), Stop> {
        let due_at = self.due_in(pause);
        match step {
            Some(step) => {
                self.files.not_done(&self.lease, &row.id, step, &FileOutcome::NotDone, due_at, words).await?;
            }
            None => self.files.later(&self.lease, &row.id, due_at, words).await?,
        }
        Ok(())
    }

    /// Nothing can be attached to the lead: where is it?
    pub(super) async fn follow_lead(&self, row: &FileRow, detail: &str) -> Result<(), Stop> {
        let lead = &row.lead.lead;
        let whereabouts = match self.crm.whereabouts(crm_lead_id(row), lead, lead.submitted_at).await {
            Ok(whereabouts) => whereabouts,
            Err(error) => {
                self.files.later(&self.lease, &row.id, self.due_in(lead_pause(1)), None).await?;
                return Err(Stop::Crm(error));
            }
        };
        match whereabouts {
            Whereabouts::There => self.send_elsewhere(row, detail).await,
            Whereabouts::MergedInto(found) => {
                info!(to = found.lead_id, "merged in amoCRM; its files follow it");
                self.files.lead_moved(lead.id, found.lead_id).await?;
                self.files.later(&self.lease, &row.id, self.clock().now(), None).await?;
                Ok(())
            }
            // What was shown since is for whoever still deals with the buyer.
            Whereabouts::Gone if self.files.was_said_later(lead.id, file(row)).await? => {
                self.send_elsewhere(row, "the lead was deleted in amoCRM").await
            }
            Whereabouts::Gone => {
                info!("the lead was deleted in amoCRM; its files are not needed");
                self.files.over(&row.id, FileEnd::Lost, None, &[]).await?;
                Ok(())
            }
        }
    }

    /// A file is where it belongs.
    pub(super) async fn over(&self, row: &FileRow, end: FileEnd, note_id: Option<i64>) -> Result<(), Stop> {
        if self.files.over(&row.id, end, note_id, &[]).await? {
            self.counters.attached.fetch_add(1, Ordering::Relaxed);
        }
        point("file.stored");
        info!(file = row.position, "a file is attached");
        Ok(())
    }
}

/// The file of a row, as its lead has it.
pub(super) fn file(row: &FileRow) -> &BuyerFile {
    &row.lead.lead.files[row.position - 1]
}

/// Its name for managers.
pub(super) fn name(row: &FileRow) -> String {
    file(row).name_in(&row.lead.lead.number, row.position)
}

/// amoCRM's id of its lead, which is delivered.
pub(super) fn crm_lead_id(row: &FileRow) -> i64 {
    row.lead.crm_lead_id().unwrap_or_default()
}
