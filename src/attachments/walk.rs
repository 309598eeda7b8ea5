//! One file walked through what is left of its way.

use std::sync::atomic::Ordering;

use tracing::{Instrument, warn};

use crate::{
    crm::amocrm::CrmError,
    delivery::{
        Stop, lead_pause, lookup_delay, lookups_needed,
        write::{Written, write},
    },
    fault::point,
    lead::{LARGEST_FILE, file_key},
    store::{DriveFile, FileEnd, FileOutcome, FileRow, FileStep},
    telegram::client::DownloadError,
    telemetry::lead_span,
};

use super::{
    pass::{FilePass, crm_lead_id, file},
    steps::{AttachFile, ToAttach, ToUpload, UploadFile},
};

/// Telegram says of a file that is gone that it may be so for a while only: it is asked so often.
const GONE_AFTER: i64 = 3;

/// A file on which amoCRM has broken so often while the account answered goes to the managers' chat: over an hour.
const MOST_ATTEMPTS: i64 = 12;

impl FilePass {
    /// Claims the next file that is due and walks it; `false` when none is.
    pub(super) async fn run(&self) -> Result<bool, Stop> {
        let Some(row) = self.files.claim(&self.lease, self.lease_end()).await? else { return Ok(false) };
        let span = lead_span(&row.lead.lead.number);
        self.walk(row).instrument(span).await?;
        Ok(true)
    }

    async fn walk(&self, row: FileRow) -> Result<(), Stop> {
        if !self.may_be_attached(&row).await? {
            return Ok(());
        }
        if row.attempts >= MOST_ATTEMPTS {
            return self.send_elsewhere(&row, "amoCRM has failed on it again and again").await;
        }
        if file(&row).is_too_large() {
            return self.send_elsewhere(&row, "the file is too large for a bot").await;
        }
        if let Some(why) = self.why_closed().await? {
            return self.send_elsewhere(&row, &why).await;
        }
        let in_drive = match row.in_drive.clone() {
            Some(file) => Some(file),
            None => self.bring_into_drive(&row).await?,
        };
        if let Some(in_drive) = in_drive {
            write::<AttachFile>(self, vec![ToAttach { row, in_drive }]).await?;
        }
        Ok(())
    }

    /// Looks for the file among the lead's attachments; `false` when it is there, or it is too early to say that it is not.
    async fn may_be_attached(&self, row: &FileRow) -> Result<bool, Stop> {
        if let Some(attach) = row.attach.filter(|attach| attach.lookups_needed == 0) {
            let (now, earliest) = (self.clock().now(), attach.sent_at + self.clock().millis(lookup_delay(0, 1)));
            // By a clock that was ahead when it was sent it is never too early.
            if attach.sent_at <= now && now < earliest {
                self.files.later(&self.lease, &row.id, earliest, None).await?;
                return Ok(false);
            }
        }
        let found = match self.crm.find_attachment(crm_lead_id(row), &key(row)).await {
            Ok(found) => found,
            Err(CrmError::NotFound { detail, .. } | CrmError::Refused { detail, .. }) => {
                self.follow_lead(row, &detail).await?;
                return Ok(false);
            }
            Err(CrmError::Forbidden { detail, .. }) => {
                // Who may not see notes may not write them either.
                self.close_drive(&detail).await?;
                self.send_elsewhere(row, &detail).await?;
                return Ok(false);
            }
            Err(error) => {
                self.files.later(&self.lease, &row.id, self.due_in(lead_pause(1)), None).await?;
                return Err(Stop::Crm(error));
            }
        };
        point("file.looked");
        if let Some(note_id) = found {
            self.over(row, FileEnd::Attached, Some(note_id)).await?;
            return Ok(false);
        }
        let Some(attach) = row.attach else { return Ok(true) };
        let needed = lookups_needed(attach.lookups_needed);
        let lookups = attach.lookups + 1;
        if lookups < needed {
            let outcome = FileOutcome::Missed { lookups, needed };
            let due_at = self.due_in(lookup_delay(lookups, 1));
            self.files.not_done(&self.lease, &row.id, FileStep::Attach, &outcome, due_at, None).await?;
            return Ok(false);
        }
        Ok(true)
    }

    /// Has the file's content in amoCRM's drive; `None` when that is not so yet, or the file's way has ended.
    async fn bring_into_drive(&self, row: &FileRow) -> Result<Option<DriveFile>, Stop> {
        let drive = match self.crm.drive().await {
            Ok(drive) => drive,
            Err(error) => {
                self.failed(row, None, &error).await?;
                return Ok(None);
            }
        };
        let cap = usize::try_from(LARGEST_FILE).unwrap_or(usize::MAX);
        let content = match self.telegram.download(&file(row).file_id, cap).await {
            Ok(content) if content.is_empty() => {
                self.send_elsewhere(row, "the file is empty").await?;
                return Ok(None);
            }
            Ok(content) => content,
            Err(DownloadError::Unreachable(why)) => {
                self.send_elsewhere(row, &why).await?;
                return Ok(None);
            }
            Err(DownloadError::Gone(why)) if row.attempts + 1 >= GONE_AFTER => {
                warn!(why, "a buyer's file is gone");
                self.lost(row).await?;
                return Ok(None);
            }
            Err(error) => {
                let pause = match &error {
                    DownloadError::Later { after: Some(pause), .. } => *pause,
                    _ => lead_pause(row.attempts + 1),
                };
                self.counters.failures.fetch_add(1, Ordering::Relaxed);
                let words = error.to_string();
                // Telegram that does not answer says nothing of the file.
                let is_about_it = matches!(error, DownloadError::Gone(_)).then_some(words.as_str());
                self.files.later(&self.lease, &row.id, self.due_in(pause), is_about_it).await?;
                return Ok(None);
            }
        };
        if row.upload_sent_at.is_some() {
            match drive.find(&key(row), content.len()).await {
                Ok(Some(found)) => {
                    self.files.uploaded(&row.id, &found).await?;
                    return Ok(Some(found));
                }
                Ok(None) => {}
                Err(error) => {
                    self.failed(row, None, &error).await?;
                    return Ok(None);
                }
            }
        }
        let item = ToUpload { row: row.clone(), drive, content };
        Ok(match write::<UploadFile>(self, vec![item]).await? {
            Written::Done(in_drive) => in_drive,
            Written::Refused | Written::Not => None,
        })
    }
}

/// What its name begins with.
fn key(row: &FileRow) -> String {
    file_key(&row.lead.lead.number, row.position)
}
