//! Files that amoCRM does not take: whether it takes any, and the way to the managers' chat.

use std::{sync::atomic::Ordering, time::Duration};

use tracing::{info, warn};

use crate::{
    delivery::Stop,
    notice::{AdminNotice, FileCopy, Notice, Recipient},
    store::{FileEnd, FileRow, Mark, NewMessage},
    telegram::later::said_reference,
};

use super::pass::{FilePass, file, name};

/// Whether it takes some again is tried so often.
const TRIED_AGAIN: Duration = Duration::from_secs(3600);

/// A file that nobody can take now is tried again so often.
const NOBODY_PAUSE: Duration = Duration::from_secs(30 * 60);

impl FilePass {
    /// Why amoCRM takes no files, as far as is known: nothing is asked for an hour, or until the bot is authorized again.
    pub(super) async fn why_closed(&self) -> Result<Option<String>, Stop> {
        let Some((why, closed_at)) = self.marks.get_with_time(&Mark::FilesClosed).await? else { return Ok(None) };
        let now = self.clock().now();
        let is_recent = (closed_at..closed_at + self.clock().millis(TRIED_AGAIN)).contains(&now);
        let authorized_at = self.marks.get_with_time(&Mark::Retry).await?.map(|(_, at)| at);
        Ok((is_recent && authorized_at.is_none_or(|at| at < closed_at)).then_some(why))
    }

    /// amoCRM takes no files: the operator is told once.
    pub(super) async fn close_drive(&self, detail: &str) -> Result<(), Stop> {
        let notice = AdminNotice::FilesComeHere { detail: detail.to_owned() };
        let message = NewMessage::to_dealer(&self.recipients, notice, self.clock().now());
        if self.marks.set_once(&Mark::FilesClosed, detail, message.as_ref()).await? {
            warn!(detail, "amoCRM takes no files; they go to the managers' chat");
        } else {
            self.marks.set(&Mark::FilesClosed, detail).await?;
        }
        Ok(())
    }

    /// amoCRM has taken a file.
    pub(super) async fn drive_works(&self) -> Result<(), Stop> {
        if self.marks.get(&Mark::FilesClosed).await?.is_some() {
            info!("amoCRM takes files again");
            self.marks.remove(&Mark::FilesClosed).await?;
        }
        Ok(())
    }

    /// Sends a file to the managers' chat in place of amoCRM; without one it waits.
    pub(super) async fn send_elsewhere(&self, row: &FileRow, why: &str) -> Result<(), Stop> {
        let (lead, now) = (&row.lead.lead, self.clock().now());
        let Some(chat) = self.recipients.chat(Recipient::Managers) else {
            let later = self.due_in(NOBODY_PAUSE);
            self.files.later(&self.lease, &row.id, later, Some(why)).await?;
            return Ok(());
        };
        let Some(from_chat) = lead.buyer.chat else { return self.lost(row).await };
        let sent = file(row);
        let said = said_reference(&lead.number, from_chat, sent.message_id);
        if self.sent.of(&said).await?.is_some() {
            // It came there when its buyer sent it.
            self.files.over(&row.id, FileEnd::Copied, None, &[]).await?;
            return Ok(());
        }
        info!(file = row.position, why, "a file goes to the managers' chat");
        let copy = FileCopy {
            number: lead.number.clone(),
            name: name(row),
            from_chat,
            message_id: sent.message_id,
            file_id: sent.file_id.clone(),
            kind: sent.kind,
        };
        let message = NewMessage { chat, notice: Notice::File(copy), due_at: now };
        if self.files.over(&row.id, FileEnd::Copied, None, &[message]).await? {
            self.counters.copied.fetch_add(1, Ordering::Relaxed);
        }
        crate::fault::point("file.stored");
        Ok(())
    }

    /// Nobody has the file any more: the managers are told.
    pub(super) async fn lost(&self, row: &FileRow) -> Result<(), Stop> {
        let notice = AdminNotice::FileLost { number: row.lead.lead.number.clone(), name: name(row) };
        let messages: Vec<_> =
            NewMessage::to_dealer(&self.recipients, notice, self.clock().now()).into_iter().collect();
        if self.files.over(&row.id, FileEnd::Lost, None, &messages).await? {
            self.counters.lost.fetch_add(1, Ordering::Relaxed);
        }
        Ok(())
    }
}
