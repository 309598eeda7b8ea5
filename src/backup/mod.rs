//! `backup_leads.json`: export of what amoCRM does not have, import of what the store does not have.
//!
//! Properties: the file follows the store within a second while it is small, and at a bounded share of disk and CPU when it
//! is large (`pace`); however many leads change meanwhile, it is written once, and not at all when nothing in it would
//! differ. Neither is it ever in memory as a whole. It is always replaced atomically. Whatever somebody else puts into it is
//! imported before it is written again: entries of the older Python tool (no `id`), entries of ours restored from a copy.
//! Entries that are history or cannot be understood are kept in a copy beside it.

mod file;
mod format;
mod import;
mod kept;
mod pace;

use std::{
    io,
    path::{Path, PathBuf},
    time::Duration,
};

use futures::FutureExt;
use thiserror::Error;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tracing::warn;

use crate::{
    clock::Clock,
    fault::point,
    lead::Region,
    notice::AdminLine,
    store::{Leads, StoreError, UndeliveredCounts},
};

use file::{Draft, Replaced, Seen, each_entry, look_at};
use format::{Parsed, parse_entry};
use pace::Written;

pub use format::to_json;
pub use kept::{forget_in_copies, remove_old_copies};

/// Name of the file in `DATA_DIR`.
pub const FILE: &str = "backup_leads.json";

/// How often the file is looked at for changes by somebody else.
const LOOK_AT_FILE: Duration = Duration::from_secs(2);

/// A file that cannot be parsed may still be being written: it is looked at again after this.
const STILL_WRITING: Duration = Duration::from_secs(1);

/// Pauses after the file could not be written: doubled up to the last.
const WRITE_AGAIN: Duration = Duration::from_secs(5);
const LAST_PAUSE: Duration = Duration::from_secs(60);

/// Somebody who writes the file again and again is waited for until the next look.
const MOST_TRIES: usize = 3;

/// Leads in memory at a time.
const PAGE: usize = 200;

/// Why the backup file could not be read or written.
#[derive(Debug, Error)]
pub enum BackupError {
    /// The file or its folder.
    #[error("backup_leads.json: {0}")]
    File(#[from] io::Error),
    /// The store.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Keeps the file and the store in step.
#[derive(Debug)]
pub struct Backup {
    leads: Leads,
    clock: Clock,
    folder: PathBuf,
    region: Region,
    seen: Option<Seen>,
    written: Option<[u8; 32]>,
    /// When, and with how much.
    last: Option<Written>,
    /// What the store held when the file was last brought up to date.
    counts: Option<UndeliveredCounts>,
}

impl Backup {
    /// The backup of a store in a folder.
    pub fn new(leads: Leads, folder: &Path, region: Region) -> Self {
        let (clock, folder) = (leads.clock(), folder.to_owned());
        Self { leads, clock, folder, region, seen: None, written: None, last: None, counts: None }
    }

    /// Follows the store and the file until stopped, with a last export at the end.
    pub async fn run(mut self, admin: AdminLine, stop: CancellationToken) {
        let (mut wait, mut failures) = (Duration::ZERO, 0_u32);
        // Something in this process has changed what the file says.
        let mut changed = true;
        loop {
            tokio::select! {
                () = self.leads.undelivered_changed(), if !changed => {
                    (changed, wait) = (true, pace::coalesce());
                    if !stop.is_cancelled() {
                        continue;
                    }
                }
                () = tokio::time::sleep(wait) => {}
                () = stop.cancelled() => {}
            }
            let stopping = stop.is_cancelled();
            changed |= self.leads.undelivered_changed().now_or_never().is_some();
            let done = match self.due(changed).await {
                // Not due yet; but the last words of a process that ends do not wait.
                Ok(rest) if !rest.is_zero() && (!stopping || !changed) => {
                    wait = rest;
                    Ok(())
                }
                Ok(_) => {
                    let done = self.synchronise(&admin).await;
                    (changed, wait) = (done.is_err(), self.clock.period(LOOK_AT_FILE));
                    done
                }
                Err(error) => Err(error),
            };
            match done {
                Ok(()) => failures = 0,
                Err(error) => {
                    self.failed(&error, &mut failures, &stop).await;
                    wait = Duration::ZERO;
                }
            }
            if stopping {
                return;
            }
        }
    }

    /// Says that the file could not be brought up to date, and rests, longer each time.
    async fn failed(&self, error: &BackupError, failures: &mut u32, stop: &CancellationToken) {
        warn!(%error, "backup_leads.json could not be brought up to date");
        let pause = (WRITE_AGAIN * 2u32.saturating_pow((*failures).min(16))).min(LAST_PAUSE);
        *failures = failures.saturating_add(1);
        if !stop.is_cancelled() {
            tokio::select! {
                () = self.clock.sleep(pause) => {}
                () = stop.cancelled() => {}
            }
        }
    }

    /// How long to wait before anything is to be done; zero when something is.
    async fn due(&mut self, changed: bool) -> Result<Duration, BackupError> {
        if self.look().ok() != Some(self.seen) {
            return Ok(Duration::ZERO);
        }
        // Other processes change the store, too.
        let counts = self.leads.undelivered_counts().await?;
        if !changed && self.counts == Some(counts) {
            return Ok(self.clock.period(LOOK_AT_FILE));
        }
        Ok(self.last.map_or(Duration::ZERO, |last| last.wait(counts.entries(), Instant::now())))
    }

    /// Imports what is new in the file, then writes what amoCRM does not have; the line is told what somebody should know.
    pub async fn synchronise(&mut self, admin: &AdminLine) -> Result<(), BackupError> {
        for _ in 0..MOST_TRIES {
            if self.look().ok() != Some(self.seen) {
                for notice in self.import().await? {
                    admin.send(notice);
                }
                // What stands there now is not what we wrote last, even if we have nothing new to say.
                self.written = None;
            }
            if self.export().await? {
                break;
            }
        }
        Ok(())
    }

    fn path(&self) -> PathBuf {
        self.folder.join(FILE)
    }

    fn look(&self) -> io::Result<Option<Seen>> {
        look_at(&self.path())
    }

    /// Writes what amoCRM does not have, if the file does not say so already; `false` when somebody else has changed the
    /// file since it was looked at: that is to be imported first.
    async fn export(&mut self) -> Result<bool, BackupError> {
        let began = Instant::now();
        let counts = self.leads.undelivered_counts().await?;
        let ids = self.leads.undelivered_ids().await?;
        if ids.is_empty() && self.seen.is_none() {
            // Nothing has ever waited here; an empty file would only raise questions.
            self.counts = Some(counts);
            return Ok(true);
        }
        let mut draft = Draft::new(self.path());
        for page in ids.chunks(PAGE) {
            let rows = self.leads.undelivered_of(page).await?;
            draft = blocking(move || {
                rows.iter().try_for_each(|row| draft.add(|text| text.add(row)))?;
                Ok(draft)
            })
            .await?;
        }
        // Only now it is known which leads cannot be read.
        let kept = self.entries_of_unreadable().await?;
        let (written, seen) = (self.written, self.seen);
        let replaced = blocking(move || {
            kept.iter().try_for_each(|entry| draft.add(|text| text.add_kept(entry)))?;
            draft.replace(written, seen)
        });
        match replaced.await? {
            Replaced::Same => {}
            Replaced::Overtaken => return Ok(false),
            Replaced::Done { seen, digest, length } => {
                point("backup.after_rename");
                (self.seen, self.written) = (Some(seen), Some(digest));
                let at = Instant::now();
                self.last = Some(Written { at, took: at - began, length, entries: counts.entries() });
            }
        }
        self.counts = Some(counts);
        Ok(true)
    }
}

/// Does what may wait for the disk.
async fn blocking<T: Send + 'static>(work: impl FnOnce() -> io::Result<T> + Send + 'static) -> io::Result<T> {
    tokio::task::spawn_blocking(work).await.map_err(io::Error::other)?
}

/// How many entries of the file in this folder are to be sent; 0 without a file that can be read.
pub fn entries_to_send(folder: &Path, region: Region) -> usize {
    let mut to_send = 0;
    let contents = each_entry(&folder.join(FILE), |entry| {
        to_send += usize::from(matches!(parse_entry(&entry, region, Clock::default()), Parsed::Lead(_)));
        true
    });
    if matches!(contents, Ok(file::Contents::Entries)) { to_send } else { 0 }
}
