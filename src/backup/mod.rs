//! `backup_leads.json`: export of what amoCRM has not got, import of what the store has not got.
//!
//! The file follows the store within a second, coalesced: however many leads change in that time, it is written once,
//! and not at all when nothing in it would differ. It is always replaced atomically. Whatever somebody else puts into
//! it is taken in before it is written again: entries of the older Python tool (no `id`), entries of ours restored from
//! a copy. Entries that are history or cannot be understood are kept in a copy beside it.

mod kept;

use std::{
    collections::BTreeMap,
    fs, io,
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use chrono::{DateTime, NaiveDateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest, Sha256};
use thiserror::Error;
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};
use ulid::Ulid;

use crate::{
    clock::Clock,
    fault::point,
    files,
    lead::{Budget, Buyer, CarLink, Lead, LeadNumber, Name, Origin, Phone, Region},
    notice::{AdminLine, AdminNotice},
    store::{ImportedLead, LeadRow, LeadState, NewLead, Store, StoreError},
};

pub use kept::{forget_in_copies, remove_old_copies};

/// Name of the file in `DATA_DIR`.
pub const FILE: &str = "backup_leads.json";

/// Changes within this time are written together: the shorter for a small file, up to the longer for one that takes
/// long to write, so that a large backlog under load costs a fraction of one core and still follows within a second.
const COALESCE: Duration = Duration::from_millis(300);
const COALESCE_LARGE: Duration = Duration::from_millis(750);

/// How often the file is looked at for changes by somebody else.
const LOOK_AT_FILE: Duration = Duration::from_secs(2);

/// A file that cannot be parsed may still be being written: it is looked at again after this.
const STILL_WRITING: Duration = Duration::from_secs(1);

/// Pauses after the file could not be written: doubled up to the last.
const WRITE_AGAIN: Duration = Duration::from_secs(5);
const LAST_PAUSE: Duration = Duration::from_secs(60);

/// Somebody who writes the file again and again is waited for until the next look.
const MOST_TRIES: usize = 3;

/// More leads than ever wait; a bound for the memory of one export.
const MOST_ENTRIES: i64 = 1_000_000;

/// What the older tool writes for "no link".
const NO_LINK: &str = "нет";

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

/// One entry, in the order of its keys in the file.
#[derive(Debug, Serialize)]
struct Entry<'a> {
    timestamp: String,
    name: &'a str,
    phone: &'a str,
    budget: &'a str,
    car_link: &'a str,
    user_id: i64,
    status: &'static str,
    id: String,
    number: &'a LeadNumber,
    attempts: i64,
    last_error: Option<&'a str>,
    buyer_told: bool,
    /// Answers to the form's other questions, by the questions' keys.
    #[serde(flatten)]
    more: BTreeMap<&'a str, &'a str>,
    lead: &'a Lead,
}

/// Identity of a file's content as far as the file system tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Seen {
    length: u64,
    modified: (i64, i64),
    inode: u64,
}

impl Seen {
    fn of(meta: &fs::Metadata) -> Self {
        Self { length: meta.len(), modified: (meta.mtime(), meta.mtime_nsec()), inode: meta.ino() }
    }
}

/// Keeps the file and the store in step.
#[derive(Debug)]
pub struct Backup {
    store: Store,
    clock: Clock,
    folder: PathBuf,
    region: Region,
    seen: Option<Seen>,
    written: Option<[u8; 32]>,
}

impl Backup {
    /// The backup of a store in a folder.
    pub fn new(store: Store, folder: &Path, region: Region) -> Self {
        let clock = store.clock();
        Self { store, clock, folder: folder.to_owned(), region, seen: None, written: None }
    }

    /// Follows the store and the file until stopped, with a last export at the end.
    pub async fn run(mut self, admin: AdminLine, stop: CancellationToken) {
        let (mut took, mut failures) = (Duration::ZERO, 0_u32);
        loop {
            let tick = tokio::time::sleep(self.clock.period(LOOK_AT_FILE));
            tokio::select! {
                () = self.store.backup_changed() => {
                    // Never scaled to nothing: this is what keeps a large backlog cheap.
                    tokio::select! {
                        () = tokio::time::sleep((took * 8).clamp(COALESCE, COALESCE_LARGE)) => {}
                        () = stop.cancelled() => {}
                    }
                }
                () = tick => {}
                () = stop.cancelled() => {}
            }
            let stopping = stop.is_cancelled();
            let began = Instant::now();
            let synchronised = self.synchronise(&admin).await;
            if synchronised.is_ok() {
                failures = 0;
            }
            took = began.elapsed();
            if let Err(error) = synchronised {
                warn!(%error, "backup_leads.json could not be brought up to date");
                if !stopping {
                    let pause = (WRITE_AGAIN * 2u32.saturating_pow(failures.min(16))).min(LAST_PAUSE);
                    failures = failures.saturating_add(1);
                    tokio::select! {
                        () = self.clock.sleep(pause) => {}
                        () = stop.cancelled() => {}
                    }
                }
            }
            if stopping {
                return;
            }
        }
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

    /// Imports the entries that the store does not know; returns what the admin should know of it.
    pub async fn import(&mut self) -> Result<Vec<AdminNotice>, BackupError> {
        // Somebody else wrote the file, so it does not say what was written last.
        self.written = None;
        let mut seen = self.look()?;
        let Some(entries) = (match read(&self.path())? {
            Read::Entries(entries) => Some(entries),
            Read::Nothing => None,
            Read::Unreadable => {
                self.clock.sleep(STILL_WRITING).await;
                let again = self.look()?;
                if again != seen {
                    // Somebody is at it; the next look will do.
                    return Ok(Vec::new());
                }
                seen = again;
                match read(&self.path())? {
                    Read::Entries(entries) => Some(entries),
                    Read::Nothing => None,
                    Read::Unreadable => {
                        self.seen = None;
                        let name = self.free_name("unreadable");
                        match fs::rename(self.path(), self.folder.join(&name)) {
                            // A command beside the daemon was faster, and tells of it.
                            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
                            other => other?,
                        }
                        files::sync_folder(&self.folder)?;
                        warn!(moved_to = name, "backup_leads.json cannot be parsed and was moved aside");
                        return Ok(vec![AdminNotice::BackupUnreadable { moved_to: name }]);
                    }
                }
            }
        }) else {
            self.seen = seen;
            return Ok(Vec::new());
        };
        let (mut leads, mut history, mut strange) = (Vec::new(), 0usize, 0usize);
        for entry in &entries {
            match parse_entry(entry, self.region, self.clock) {
                Parsed::Lead(lead) => leads.push(*lead),
                Parsed::History => history += 1,
                Parsed::Strange => strange += 1,
            }
        }
        let mut told = Vec::new();
        if history + strange > 0 {
            // The export will leave them out, so they are kept beside it first.
            let name = self.free_name("kept");
            files::replace(&self.folder.join(&name), &fs::read(self.path())?)?;
            info!(history, strange, kept_in = name, "entries of backup_leads.json that are not to be sent are kept");
            if strange > 0 {
                told.push(AdminNotice::BackupEntriesSkipped { skipped: strange, kept_in: name });
            }
        }
        let taken = self.store.import(&leads).await?;
        point("import.stored");
        if taken > 0 {
            info!(leads = taken, "taken in from backup_leads.json");
            told.push(AdminNotice::BackupImported { imported: taken });
        }
        self.seen = seen;
        Ok(told)
    }

    /// What the file says of leads that cannot be read in the store: it may be all that is left of them.
    async fn entries_of_unreadable(&self) -> Result<Vec<Value>, BackupError> {
        let ids = self.store.unreadable_ids().await?;
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        let path = self.path();
        let Read::Entries(mut entries) =
            tokio::task::spawn_blocking(move || read(&path)).await.map_err(io::Error::other)??
        else {
            return Ok(Vec::new());
        };
        entries.retain(|entry| entry["id"].as_str().is_some_and(|id| ids.iter().any(|known| known == id)));
        Ok(entries)
    }

    fn free_name(&self, what: &str) -> String {
        let stamp = crate::clock::date(self.clock.now()).format("%Y%m%dT%H%M%SZ");
        (0..)
            .map(|n| if n == 0 { String::new() } else { format!("-{n}") })
            .map(|n| format!("backup_leads.{what}-{stamp}{n}.json"))
            .find(|name| !self.folder.join(name).exists())
            .unwrap_or_default()
    }

    /// Writes what amoCRM has not got, if the file does not say so already; `false` when somebody else has changed the
    /// file since it was looked at: that is to be taken in first.
    async fn export(&mut self) -> Result<bool, BackupError> {
        let rows = self.store.undelivered(MOST_ENTRIES).await?;
        let kept = self.entries_of_unreadable().await?;
        let bytes = if kept.is_empty() { to_json(&rows) } else { to_json_beside(&rows, &kept)? };
        let digest: [u8; 32] = Sha256::digest(&bytes).into();
        if self.written == Some(digest) && self.seen.is_some() {
            return Ok(true);
        }
        if rows.is_empty() && kept.is_empty() && self.seen.is_none() {
            // Nothing has ever waited here; an empty file would only raise questions.
            return Ok(true);
        }
        point("backup.before_write");
        let (path, seen) = (self.path(), self.seen);
        let still_as_seen = move |path: &Path| Ok(look_at(path)? == seen);
        let written = tokio::task::spawn_blocking(move || replace(&path, &bytes, still_as_seen))
            .await
            .map_err(io::Error::other)??;
        let Some(seen) = written else { return Ok(false) };
        point("backup.after_rename");
        (self.seen, self.written) = (Some(seen), Some(digest));
        Ok(true)
    }
}

fn read(path: &Path) -> io::Result<Read> {
    let Some(bytes) = files::read_private(path)? else { return Ok(Read::Nothing) };
    // Windows editors begin a file with a mark.
    let bytes = bytes.strip_prefix("\u{feff}".as_bytes()).unwrap_or(&bytes);
    if bytes.iter().all(u8::is_ascii_whitespace) {
        return Ok(Read::Nothing);
    }
    Ok(serde_json::from_slice::<Vec<Value>>(bytes).map_or(Read::Unreadable, Read::Entries))
}

fn look_at(path: &Path) -> io::Result<Option<Seen>> {
    match fs::metadata(path) {
        Ok(meta) => Ok(Some(Seen::of(&meta))),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

enum Read {
    Entries(Vec<Value>),
    Nothing,
    Unreadable,
}

/// The first keys of an entry, in the contract's order.
const KEYS: [&str; 7] = ["timestamp", "name", "phone", "budget", "car_link", "user_id", "status"];

/// The file's content for these leads.
pub fn to_json(rows: &[LeadRow]) -> Vec<u8> {
    let entries: Vec<Entry<'_>> = rows.iter().map(entry).collect();
    let mut bytes = serde_json::to_vec_pretty(&entries).unwrap_or_else(|_| b"[]".to_vec());
    bytes.push(b'\n');
    bytes
}

/// An entry of the file: of a lead, or as it stood there before.
#[derive(Serialize)]
#[serde(untagged)]
enum Line<'a> {
    Lead(Entry<'a>),
    Kept(#[serde(serialize_with = "known_keys_first")] &'a Value),
}

/// The contract's order of keys, which a parsed object has lost.
fn known_keys_first<S: serde::Serializer>(entry: &&Value, serializer: S) -> Result<S::Ok, S::Error> {
    let Some(object) = entry.as_object() else { return entry.serialize(serializer) };
    let known = KEYS.iter().filter_map(|key| object.get_key_value(*key));
    let others = object.iter().filter(|(key, _)| !KEYS.contains(&key.as_str()));
    serializer.collect_map(known.chain(others))
}

/// The same with entries that stood in the file before.
fn to_json_beside(rows: &[LeadRow], kept: &[Value]) -> io::Result<Vec<u8>> {
    let lines: Vec<Line<'_>> =
        rows.iter().map(|row| Line::Lead(entry(row))).chain(kept.iter().map(Line::Kept)).collect();
    let mut bytes = serde_json::to_vec_pretty(&lines)?;
    bytes.push(b'\n');
    Ok(bytes)
}

fn entry(row: &LeadRow) -> Entry<'_> {
    let lead = &row.lead;
    Entry {
        timestamp: lead.submitted_at.format("%Y-%m-%dT%H:%M:%S").to_string(),
        name: lead.name.as_str(),
        phone: lead.phone.e164(),
        budget: lead.budget.typed(),
        car_link: lead.car_link.as_ref().map_or(NO_LINK, CarLink::url),
        user_id: lead.buyer.user_id,
        status: if row.state() == LeadState::Rejected { "rejected" } else { "pending" },
        id: lead.id.to_string(),
        number: &lead.number,
        attempts: row.attempts,
        last_error: row.last_error.as_deref(),
        buyer_told: row.buyer_told,
        more: lead.more.iter().map(|answer| (answer.key.as_str(), answer.value.as_str())).collect(),
        lead,
    }
}

enum Parsed {
    Lead(Box<ImportedLead>),
    History,
    Strange,
}

/// An entry as any tool writes it; every key may be missing or of another type.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Loose {
    timestamp: Value,
    name: Value,
    phone: Value,
    budget: Value,
    car_link: Value,
    user_id: Value,
    username: Value,
    status: Value,
    id: Value,
    number: Value,
    buyer_told: Value,
    lead: Value,
}

fn text(value: &Value) -> String {
    match value {
        Value::String(text) => text.trim().to_owned(),
        Value::Number(number) => number.to_string(),
        _ => String::new(),
    }
}

/// How many entries of the file in this folder are to be sent; 0 without a file that can be read.
pub fn entries_to_send(folder: &Path, region: Region) -> usize {
    let Ok(Read::Entries(entries)) = read(&folder.join(FILE)) else { return 0 };
    let to_send = |entry: &&Value| matches!(parse_entry(entry, region, Clock::default()), Parsed::Lead(_));
    entries.iter().filter(to_send).count()
}

fn parse_entry(entry: &Value, region: Region, clock: Clock) -> Parsed {
    // A list would pass for a struct without names.
    let Some(Ok(loose)) = entry.is_object().then(|| Loose::deserialize(entry)) else { return Parsed::Strange };
    if matches!(text(&loose.status).to_lowercase().as_str(), "completed" | "delivered" | "sent" | "success" | "done") {
        return Parsed::History;
    }
    let id = Ulid::from_string(&text(&loose.id)).ok();
    let buyer_told = loose.buyer_told.as_bool().unwrap_or(false);
    if let (Some(_), Ok(lead)) = (id, serde_json::from_value::<Lead>(loose.lead.clone())) {
        let uncertain_since = Some(lead.submitted_at.timestamp_millis());
        return Parsed::Lead(Box::new(ImportedLead {
            new: NewLead { lead, buyer_told, uncertain_since },
            fingerprint: None,
        }));
    }
    let (name, phone) = (text(&loose.name), text(&loose.phone));
    if name.is_empty() && phone.is_empty() {
        return Parsed::Strange;
    }
    let number = LeadNumber::parse(&text(&loose.number));
    let fresh_id = Ulid::new();
    let submitted_at = timestamp(&text(&loose.timestamp)).unwrap_or_else(|| crate::clock::date(clock.now()));
    let lead = Lead {
        id: id.unwrap_or(fresh_id),
        number: number.clone().unwrap_or_else(LeadNumber::random),
        submitted_at,
        name: Name::imported(&name),
        phone: Phone::imported(&phone, region),
        budget: Budget::imported(&text(&loose.budget)),
        car_link: CarLink::imported(&text(&loose.car_link)),
        more: Vec::new(),
        wish: None,
        buyer: Buyer::new(text(&loose.user_id).parse().unwrap_or(0), None, Some(&text(&loose.username)), None),
        consent_at: None,
        origin: Origin::Backup,
    };
    let uncertain_since = number.map(|_| submitted_at.timestamp_millis());
    let fingerprint = id.is_none().then(|| fingerprint(&loose));
    Parsed::Lead(Box::new(ImportedLead { new: NewLead { lead, buyer_told, uncertain_since }, fingerprint }))
}

/// What makes an entry without an id that entry: all it says but its status, which tools change.
fn fingerprint(loose: &Loose) -> String {
    let said = [&loose.timestamp, &loose.name, &loose.phone, &loose.budget, &loose.car_link, &loose.user_id];
    let mut digest = Sha256::new();
    for value in said {
        let text = text(value);
        digest.update((text.len() as u64).to_le_bytes());
        digest.update(text);
    }
    digest.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}

/// `2025-09-07T10:30:00`, with or without fractions, zone, or `T`; without a zone it is UTC.
fn timestamp(text: &str) -> Option<DateTime<Utc>> {
    if let Ok(at) = DateTime::parse_from_rfc3339(text) {
        return Some(at.to_utc());
    }
    let text = text.replacen(' ', "T", 1);
    ["%Y-%m-%dT%H:%M:%S%.f", "%Y-%m-%dT%H:%M"]
        .iter()
        .find_map(|format| NaiveDateTime::parse_from_str(&text, format).ok())
        .map(|at| at.and_utc())
}

/// Replaces a file where `still` holds at the last moment, and says how the new one looks; `None` when it did not.
fn replace(path: &Path, bytes: &[u8], still: impl FnOnce(&Path) -> io::Result<bool>) -> io::Result<Option<Seen>> {
    let file = files::Replacement::write(path, bytes)?;
    // Looked at before it has its name: afterwards it may be somebody else's already.
    let seen = Seen::of(&file.metadata()?);
    if !still(path)? {
        return Ok(None);
    }
    point("backup.before_rename");
    file.put()?;
    Ok(Some(seen))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn parse(entry: &Value) -> Option<ImportedLead> {
        match parse_entry(entry, Region::default(), Clock::default()) {
            Parsed::Lead(lead) => Some(*lead),
            _ => None,
        }
    }

    #[test]
    fn entries_of_the_older_tool_are_understood() {
        let entry = json!({"timestamp": "2025-09-07T10:30:00", "name": "Иван", "phone": "8 999 123-45-67",
            "budget": 2500000, "car_link": "нет", "user_id": "42", "status": "pending"});
        let imported = parse(&entry).expect("a lead");
        assert_eq!(imported.new.lead.phone.e164(), "+79991234567");
        assert_eq!(imported.new.lead.budget.price(), 2_500_000);
        assert_eq!(imported.new.lead.car_link, None);
        assert_eq!(imported.new.lead.buyer.user_id, 42);
        assert_eq!(imported.new.lead.submitted_at.to_rfc3339(), "2025-09-07T10:30:00+00:00");
        assert_eq!(imported.fingerprint, parse(&entry).expect("a lead").fingerprint);
        let mut later = entry.clone();
        later["timestamp"] = json!("2025-09-07T10:30:01");
        assert_ne!(imported.fingerprint, parse(&later).expect("a lead").fingerprint);
    }

    #[test]
    fn what_is_no_lead_is_told_apart() {
        for (entry, history) in [
            (json!({"name": "Иван", "phone": "1", "status": "completed"}), true),
            (json!({"status": "pending"}), false),
            (json!("text"), false),
            (json!(5), false),
            (json!(["2025-09-07T10:30:00", "Иван", "1"]), false),
        ] {
            match parse_entry(&entry, Region::default(), Clock::default()) {
                Parsed::History => assert!(history, "{entry}"),
                Parsed::Strange => assert!(!history, "{entry}"),
                Parsed::Lead(_) => panic!("{entry} is no lead"),
            }
        }
    }

    #[test]
    fn times_are_read_in_every_usual_form() {
        for text in [
            "2025-09-07T10:30:00",
            "2025-09-07 10:30:00",
            "2025-09-07T10:30:00.000123",
            "2025-09-07T13:30:00+03:00",
            "2025-09-07T10:30",
        ] {
            let at = timestamp(text).unwrap_or_else(|| panic!("{text}"));
            assert_eq!(at.format("%H:%M").to_string(), "10:30", "{text}");
        }
        assert!(timestamp("yesterday").is_none());
    }
}
