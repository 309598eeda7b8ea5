//! What must not stay: somebody who wants to be forgotten, and what is old and of no use any more.
//!
//! Promise: after `forget` nothing personal of that person is left in the store, in `backup_leads.json` or in the copies
//! beside it, and no older copy of them brings it back. `forgotten.json` beside the store holds the ids of what was
//! forgotten (random ids of requests and forms, nothing personal), so that a store that is put back is made to forget too.

mod withdrawal;

use std::{
    io,
    path::{Path, PathBuf},
    time::Duration,
};

use serde::{Deserialize, Serialize};
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use crate::{
    backup::{self, Backup, BackupError},
    clock::Millis,
    lead::{Phone, Region},
    notice::AdminLine,
    store::{Forgetting, Leads, Person, PersonalData, Store, Whom},
};

pub use withdrawal::Withdrawing;

/// Name of the list of forgotten ids in `DATA_DIR`.
pub const FILE: &str = "forgotten.json";

/// Forms that nobody has touched, updates set aside and copies of files are kept for so long.
pub const KEPT_FOR: Duration = Duration::from_secs(30 * DAY.as_secs());

/// What was written before consent, and consent not given, is kept for so long.
pub const KEPT_WITHOUT_CONSENT: Duration = DAY;

const DAY: Duration = Duration::from_secs(24 * 3600);

/// The pass is tried again after the store failed.
const TRY_AGAIN: Duration = Duration::from_secs(10 * 60);

/// Pause between two commits that wipe what is old: buyers come first.
const BETWEEN_BATCHES: Duration = Duration::from_millis(50);

/// One line of `forgotten.json`.
#[derive(Debug, Serialize, Deserialize)]
struct Entry {
    id: String,
    forgotten_at: Millis,
}

/// Whom somebody means by an id or a phone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Meant {
    /// This one, of whom the store holds something.
    One(Whom, Person),
    /// The number is the id of one and the phone of another.
    Ambiguous,
    /// Nobody the store knows.
    Nobody,
    /// Neither an id nor a phone.
    NotUnderstood,
}

/// What has become of a wish to forget somebody.
#[derive(Debug)]
pub struct Done {
    /// In the store.
    pub forgetting: Forgetting,
    /// Copies of files that cannot be read and seem to name the person.
    pub unreadable: Vec<String>,
    /// Whether the file of the store was written again, so that nothing is left in it.
    pub scrubbed: bool,
}

/// Forgets people, and what is old.
#[derive(Debug, Clone)]
pub struct Privacy {
    data: PersonalData,
    leads: Leads,
    folder: PathBuf,
    region: Region,
    /// Bodies of delivered leads are kept for so long; `None` for ever.
    retention: Option<Duration>,
    /// Forms that nobody has touched are kept for so long.
    forms_kept_for: Duration,
}

/// What an id or a phone may mean: `+7 999 123-45-67` is a phone, `user:123` an id, digits alone may be either.
fn meanings(text: &str, region: Region) -> Vec<Whom> {
    let text = text.trim();
    let lower = text.to_lowercase();
    if let Some(id) = ["user:", "user ", "id:", "id "].iter().find_map(|prefix| lower.strip_prefix(prefix)) {
        return id.trim().parse().ok().filter(|id| *id > 0).map(Whom::User).into_iter().collect();
    }
    let phone = Phone::parse(text, region).ok().map(|phone| Whom::Phone(phone.e164().to_owned()));
    let is_bare = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let user = text.parse().ok().filter(|id| is_bare && *id > 0).map(Whom::User);
    user.into_iter().chain(phone).collect()
}

impl Privacy {
    /// For a store and the folder of its files.
    pub fn new(store: &Store, folder: &Path, region: Region) -> Self {
        Self {
            data: store.personal_data(),
            leads: store.leads(),
            folder: folder.to_owned(),
            region,
            retention: None,
            forms_kept_for: KEPT_FOR,
        }
    }

    /// The same, which keeps names, phones, answers and links of delivered leads for so long only.
    pub fn keeping_for(self, retention: Option<Duration>) -> Self {
        Self { retention, ..self }
    }

    /// The same, where forms that were left are sent after so long: none of them goes before.
    pub fn keeping_forms_until_sent(self, deliver_after: Option<Duration>) -> Self {
        let forms_kept_for = deliver_after.map_or(KEPT_FOR, |after| KEPT_FOR.max(after + DAY));
        Self { forms_kept_for, ..self }
    }

    /// Whom somebody means.
    pub async fn find(&self, text: &str) -> Result<Meant, BackupError> {
        let meanings = meanings(text, self.region);
        if meanings.is_empty() {
            return Ok(Meant::NotUnderstood);
        }
        self.import_the_file().await?;
        let mut known = Vec::new();
        for whom in meanings {
            let person = self.data.of(&whom).await?;
            if !person.is_unknown() {
                known.push((whom, person));
            }
        }
        Ok(match (known.pop(), known.pop()) {
            (None, _) => Meant::Nobody,
            (Some((whom, person)), None) => Meant::One(whom, person),
            // Both may be the same one, whose id and phone are alike.
            (Some((_, one)), Some((whom, other))) if one == other => Meant::One(whom, other),
            _ => Meant::Ambiguous,
        })
    }

    /// Forgets somebody wherever we hold anything.
    pub async fn forget(&self, whom: &Whom, also_waiting: bool) -> Result<Done, BackupError> {
        self.import_the_file().await?;
        let forgetting = self.data.forget(whom, also_waiting).await?;
        let mut done = Done { forgetting, unreadable: Vec::new(), scrubbed: true };
        if let Forgetting::Done(person) = &done.forgetting {
            info!(leads = person.leads.len(), "a person is forgotten");
            // Before anything else: should the process end here, the next pass goes on.
            self.write_list().await?;
            self.import_the_file().await?;
            done.unreadable = backup::forget_in_copies(&self.folder, person, self.region)?;
            done.scrubbed = self.data.scrub().await?;
        }
        Ok(done)
    }

    /// Imports `backup_leads.json` and writes it again.
    async fn import_the_file(&self) -> Result<(), BackupError> {
        if !self.folder.join(backup::FILE).exists() {
            return Ok(());
        }
        let (nobody, _) = AdminLine::new();
        Backup::new(self.leads.clone(), &self.folder, self.region).synchronise(&nobody).await
    }

    /// Once a day, from the start on, until stopped.
    pub async fn run(self, stop: CancellationToken) {
        let clock = self.data.clock();
        while !stop.is_cancelled() {
            let pause = match self.pass().await {
                Ok(()) => DAY,
                Err(error) => {
                    warn!(%error, "what is old could not be wiped; it is tried again");
                    TRY_AGAIN
                }
            };
            tokio::select! {
                () = tokio::time::sleep(clock.period(pause)) => {}
                () = stop.cancelled() => {}
            }
        }
    }

    /// One pass: what is old goes.
    pub async fn pass(&self) -> Result<(), BackupError> {
        self.forget_again().await?;
        let clock = self.data.clock();
        let before = clock.now() - clock.millis(KEPT_FOR);
        let forms_before = clock.now() - clock.millis(self.forms_kept_for);
        let marks_before = clock.now() - clock.millis(2 * DAY);
        let (forms, updates) = self.data.wipe_old(forms_before, before, marks_before).await?;
        let without = clock.now() - clock.millis(KEPT_WITHOUT_CONSENT);
        let unconsented = self.data.wipe_without_consent(without).await?;
        if unconsented > 0 {
            info!(forms = unconsented, "what was written without consent is deleted");
            self.data.checkpoint().await?;
        }
        let files = backup::remove_old_copies(&self.folder, before)?;
        if forms + updates > 0 || files > 0 {
            info!(forms, updates, files, "what nobody has touched for 30 days is deleted");
            self.data.checkpoint().await?;
        }
        self.expire().await
    }

    /// Of leads that were delivered long ago only number, ids and times are kept. Some at a time, so that nobody waits long.
    async fn expire(&self) -> Result<(), BackupError> {
        let Some(retention) = self.retention else { return Ok(()) };
        let clock = self.data.clock();
        let before = clock.now() - clock.millis(retention);
        let mut leads = 0;
        loop {
            match self.data.expire_some(before).await? {
                0 => break,
                some => leads += some,
            }
            tokio::time::sleep(BETWEEN_BATCHES).await;
        }
        if leads > 0 {
            info!(leads, "of leads that are old only numbers, ids and times are left");
            self.data.scrub().await?;
        }
        Ok(())
    }

    /// Whoever was forgotten stays so, also where the store is a copy of an older day.
    pub async fn forget_again(&self) -> Result<(), BackupError> {
        let again = self.data.forget_again(&self.read_list()?).await?;
        if again > 0 {
            warn!(leads = again, "the store was a copy of an older day; who was forgotten since is forgotten again");
            self.data.scrub().await?;
        }
        self.write_list().await
    }

    fn read_list(&self) -> Result<Vec<(String, Millis)>, BackupError> {
        let bytes = match std::fs::read(self.folder.join(FILE)) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(error.into()),
        };
        match serde_json::from_slice::<Vec<Entry>>(&bytes) {
            Ok(entries) => Ok(entries.into_iter().map(|entry| (entry.id, entry.forgotten_at)).collect()),
            Err(_) => {
                warn!("{FILE} cannot be read; it is written again from what the store knows");
                Ok(Vec::new())
            }
        }
    }

    async fn write_list(&self) -> Result<(), BackupError> {
        let known = self.data.forgotten().await?;
        if known.is_empty() {
            return Ok(());
        }
        let entries: Vec<_> = known.into_iter().map(|(id, forgotten_at)| Entry { id, forgotten_at }).collect();
        let mut bytes = serde_json::to_vec_pretty(&entries).map_err(io::Error::other)?;
        bytes.push(b'\n');
        let path = self.folder.join(FILE);
        if std::fs::read(&path).is_ok_and(|present| present == bytes) {
            return Ok(());
        }
        Ok(crate::files::replace(&path, &bytes)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_and_a_phone_are_told_apart() {
        let (user, phone) = (Whom::User, |phone: &str| Whom::Phone(phone.to_owned()));
        for (text, expected) in [
            ("5001", vec![user(5001)]),
            ("user:89991234567", vec![user(89_991_234_567)]),
            ("id 42", vec![user(42)]),
            ("+7 999 123-45-67", vec![phone("+79991234567")]),
            ("8 (999) 123-45-67", vec![phone("+79991234567")]),
            ("89991234567", vec![user(89_991_234_567), phone("+79991234567")]),
            ("0", vec![]),
            ("-5", vec![]),
            ("Иван", vec![]),
            ("", vec![]),
            ("user:", vec![]),
        ] {
            assert_eq!(meanings(text, Region::default()), expected, "{text}");
        }
    }
}
