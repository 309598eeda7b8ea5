//! What is written into amoCRM for a file: its content into the drive, and the note that attaches it.

use crate::{
    crm::amocrm::{CrmError, Drive, NewFile, RejectedField},
    delivery::{
        Stop, lead_pause, lookup_delay,
        write::{Write, WritePoints},
    },
    fault::point,
    store::{DriveFile, FileEnd, FileOutcome, FileRow, FileStep},
};

use super::pass::{FilePass, crm_lead_id, file, name};

/// A file with its content.
pub(crate) struct ToUpload {
    pub row: FileRow,
    pub drive: Drive,
    pub content: Vec<u8>,
}

/// The step [`FileStep::Upload`].
pub(crate) struct UploadFile;

/// A file that the drive has.
pub(crate) struct ToAttach {
    pub row: FileRow,
    pub in_drive: DriveFile,
}

/// The step [`FileStep::Attach`].
pub(crate) struct AttachFile;

impl Write for UploadFile {
    type Pass = FilePass;
    type Item = ToUpload;
    type Answer = DriveFile;
    type Done = Option<DriveFile>;
    const POINTS: WritePoints = WritePoints {
        before_record: "upload.before_record",
        recorded: "upload.recorded",
        answered: "upload.answered",
        uncertain_stored: "upload.uncertain_stored",
    };

    async fn intend(pass: &FilePass, items: Vec<ToUpload>) -> Result<Vec<ToUpload>, Stop> {
        intend(pass, items, FileStep::Upload, |item| &item.row).await
    }

    async fn send(_: &FilePass, items: &[ToUpload]) -> Result<DriveFile, CrmError> {
        let [ToUpload { row, drive, content }] = items else { return Err(nothing()) };
        let (name, content_type) = (name(row), file(row).content_type());
        drive.upload(NewFile { name: &name, content_type, bytes: content }).await
    }

    async fn done(pass: &FilePass, items: Vec<ToUpload>, answer: DriveFile) -> Result<Option<DriveFile>, Stop> {
        for ToUpload { row, .. } in &items {
            pass.files.uploaded(&row.id, &answer).await?;
            point("upload.stored");
        }
        pass.drive_works().await?;
        Ok(Some(answer))
    }

    async fn not_done(pass: &FilePass, items: &[ToUpload], error: &CrmError) -> Result<(), Stop> {
        match items {
            [ToUpload { row, .. }] => pass.failed(row, Some(FileStep::Upload), error).await,
            _ => Ok(()),
        }
    }

    async fn uncertain(pass: &FilePass, items: &[ToUpload], _: i64, error: &CrmError) -> Result<(), Stop> {
        let rows = items.iter().map(|item| &item.row);
        uncertain(pass, rows, FileStep::Upload, 1, error).await?;
        point(Self::POINTS.uncertain_stored);
        Ok(())
    }

    async fn refused(
        pass: &FilePass,
        items: &[ToUpload],
        _: &CrmError,
        _: &[RejectedField],
        detail: &str,
    ) -> Result<(), Stop> {
        match items {
            [ToUpload { row, .. }] => pass.send_elsewhere(row, detail).await,
            _ => Ok(()),
        }
    }
}

impl Write for AttachFile {
    type Pass = FilePass;
    type Item = ToAttach;
    type Answer = i64;
    type Done = ();
    const POINTS: WritePoints = WritePoints {
        before_record: "attach.before_record",
        recorded: "attach.recorded",
        answered: "attach.answered",
        uncertain_stored: "attach.uncertain_stored",
    };

    async fn intend(pass: &FilePass, items: Vec<ToAttach>) -> Result<Vec<ToAttach>, Stop> {
        intend(pass, items, FileStep::Attach, |item| &item.row).await
    }

    async fn send(pass: &FilePass, items: &[ToAttach]) -> Result<i64, CrmError> {
        let [ToAttach { row, in_drive }] = items else { return Err(nothing()) };
        pass.crm.attach_file(crm_lead_id(row), &name(row), in_drive).await
    }

    async fn done(pass: &FilePass, items: Vec<ToAttach>, note_id: i64) -> Result<(), Stop> {
        for ToAttach { row, .. } in &items {
            pass.over(row, FileEnd::Attached, Some(note_id)).await?;
        }
        Ok(())
    }

    async fn not_done(pass: &FilePass, items: &[ToAttach], error: &CrmError) -> Result<(), Stop> {
        match items {
            [ToAttach { row, .. }] => pass.failed(row, Some(FileStep::Attach), error).await,
            _ => Ok(()),
        }
    }

    async fn uncertain(pass: &FilePass, items: &[ToAttach], lookups: i64, error: &CrmError) -> Result<(), Stop> {
        let rows = items.iter().map(|item| &item.row);
        uncertain(pass, rows, FileStep::Attach, lookups, error).await?;
        point(Self::POINTS.uncertain_stored);
        Ok(())
    }

    async fn refused(
        pass: &FilePass,
        items: &[ToAttach],
        _: &CrmError,
        _: &[RejectedField],
        detail: &str,
    ) -> Result<(), Stop> {
        match items {
            // It may be about the lead, which may be elsewhere by now, or gone.
            [ToAttach { row, .. }] => pass.follow_lead(row, detail).await,
            _ => Ok(()),
        }
    }
}

/// Records the intent of each; returns those that are still held.
async fn intend<T>(
    pass: &FilePass,
    items: Vec<T>,
    step: FileStep,
    row: impl Fn(&T) -> &FileRow,
) -> Result<Vec<T>, Stop> {
    let mut allowed = Vec::with_capacity(items.len());
    for item in items {
        if pass.files.intent(&pass.lease, &row(&item).id, step, pass.lease_end()).await? {
            allowed.push(item);
        }
    }
    Ok(allowed)
}

async fn uncertain<'a>(
    pass: &FilePass,
    rows: impl Iterator<Item = &'a FileRow>,
    step: FileStep,
    lookups: i64,
    error: &CrmError,
) -> Result<(), Stop> {
    for row in rows {
        tracing::warn!(file = row.position, %error, "amoCRM may or may not have a file");
        let pause = lookup_delay(0, 1).max(lead_pause(row.attempts + 1));
        let outcome = FileOutcome::Uncertain { lookups_needed: lookups };
        let words = error.to_string();
        pass.files.not_done(&pass.lease, &row.id, step, &outcome, pass.due_in(pause), Some(&words)).await?;
    }
    Ok(())
}

/// One file is sent at a time.
fn nothing() -> CrmError {
    CrmError::Unavailable { cause: "nothing was to be sent".into(), request_id: None }
}
