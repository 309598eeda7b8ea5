//! Imports what somebody else has put into the file, before it is written again.

use std::{fs, io};

use serde_json::Value;
use tokio::sync::mpsc;
use tracing::{info, warn};

use crate::{fault::point, files, notice::AdminNotice, store::ImportedLead};

use super::{
    Backup, BackupError, blocking,
    file::{Contents, each_entry},
    format::{Parsed, parse_entry},
};

/// Leads imported by one commit.
const AT_ONCE: usize = 200;

/// What a first look at all entries tells.
#[derive(Debug, Default)]
struct Kinds {
    leads: usize,
    history: usize,
    strange: usize,
}

impl Backup {
    /// Imports the entries that the store does not know; returns what the admin should know of it.
    pub async fn import(&mut self) -> Result<Vec<AdminNotice>, BackupError> {
        // Somebody else wrote the file, so it does not say what was written last.
        self.written = None;
        let mut seen = self.look()?;
        let mut kinds = self.kinds().await?;
        if kinds.is_none() {
            // It may still be being written.
            self.clock.sleep(super::STILL_WRITING).await;
            let again = self.look()?;
            if again != seen {
                // Somebody is at it; the next look will do.
                return Ok(Vec::new());
            }
            seen = again;
            kinds = self.kinds().await?;
        }
        let Some(kinds) = kinds else { return self.move_aside() };
        let mut told = Vec::new();
        let Kinds { leads, history, strange } = kinds;
        if history + strange > 0 {
            // The export will leave them out, so they are kept beside it first.
            let name = self.free_name("kept");
            let (from, to) = (self.path(), self.folder.join(&name));
            blocking(move || files::copy(&from, &to)).await?;
            info!(history, strange, kept_in = name, "entries of backup_leads.json that are not to be sent are kept");
            if strange > 0 {
                told.push(AdminNotice::BackupEntriesSkipped { skipped: strange, kept_in: name });
            }
        }
        let imported = if leads > 0 { self.import_leads().await? } else { 0 };
        point("import.stored");
        if imported > 0 {
            info!(leads = imported, "imported from backup_leads.json");
            told.push(AdminNotice::BackupImported { imported });
        }
        self.seen = seen;
        Ok(told)
    }

    /// How many entries there are of each kind; `None` when the file cannot be parsed.
    async fn kinds(&self) -> Result<Option<Kinds>, BackupError> {
        let (path, region, clock) = (self.path(), self.region, self.clock);
        let look = move || {
            let mut kinds = Kinds::default();
            let contents = each_entry(&path, |entry| {
                match parse_entry(&entry, region, clock) {
                    Parsed::Lead(_) => kinds.leads += 1,
                    Parsed::History => kinds.history += 1,
                    Parsed::Strange => kinds.strange += 1,
                }
                true
            })?;
            Ok::<_, io::Error>((contents != Contents::Unreadable).then_some(kinds))
        };
        Ok(tokio::task::spawn_blocking(look).await.map_err(io::Error::other)??)
    }

    /// Imports the leads of the file, some at a time.
    async fn import_leads(&self) -> Result<usize, BackupError> {
        let (path, region, clock) = (self.path(), self.region, self.clock);
        let (send, mut batches) = mpsc::channel::<Vec<ImportedLead>>(1);
        let reader = tokio::task::spawn_blocking(move || {
            let mut batch = Vec::new();
            let contents = each_entry(&path, |entry| {
                if let Parsed::Lead(lead) = parse_entry(&entry, region, clock) {
                    batch.push(*lead);
                }
                batch.len() < AT_ONCE || send.blocking_send(std::mem::take(&mut batch)).is_ok()
            });
            if !batch.is_empty() {
                let _ = send.blocking_send(batch);
            }
            contents.map(drop)
        });
        let mut imported = 0;
        while let Some(batch) = batches.recv().await {
            imported += self.leads.import(&batch).await?;
        }
        reader.await.map_err(io::Error::other)??;
        Ok(imported)
    }

    fn move_aside(&mut self) -> Result<Vec<AdminNotice>, BackupError> {
        self.seen = None;
        let name = self.free_name("unreadable");
        match fs::rename(self.path(), self.folder.join(&name)) {
            // A command beside the daemon was faster, and tells of it.
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            other => other?,
        }
        files::sync_folder(&self.folder)?;
        warn!(moved_to = name, "backup_leads.json cannot be parsed and was moved aside");
        Ok(vec![AdminNotice::BackupUnreadable { moved_to: name }])
    }

    /// What the file says of leads that cannot be read in the store: it may be all that is left of them.
    pub(super) async fn entries_of_unreadable(&self) -> Result<Vec<Value>, BackupError> {
        let ids = self.leads.unreadable_ids().await?;
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        let path = self.path();
        let look = move || {
            let mut entries = Vec::new();
            let contents = each_entry(&path, |entry| {
                if entry["id"].as_str().is_some_and(|id| ids.iter().any(|known| known == id)) {
                    entries.push(entry);
                }
                true
            })?;
            Ok::<_, io::Error>(if contents == Contents::Unreadable { Vec::new() } else { entries })
        };
        Ok(tokio::task::spawn_blocking(look).await.map_err(io::Error::other)??)
    }

    fn free_name(&self, what: &str) -> String {
        let stamp = crate::clock::date(self.clock.now()).format("%Y%m%dT%H%M%SZ");
        (0..)
            .map(|n| if n == 0 { String::new() } else { format!("-{n}") })
            .map(|n| format!("backup_leads.{what}-{stamp}{n}.json"))
            .find(|name| !self.folder.join(name).exists())
            .unwrap_or_default()
    }
}
