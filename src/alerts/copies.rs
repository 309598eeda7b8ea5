//! Copies of the store as every night: when none is made the admin is told, once, and again once when they are made again.
//!
//! `backup-store --keep` runs beside the bot and leaves what came of it as a mark; who has an alert open reads it. So it is
//! noticed, too, when the command does not run any more: then the mark grows old. Where the command cannot reach the store,
//! it tells the admin itself, past the store.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::{
    clock::{Clock, Millis},
    notice::{AdminNotice, CopyTrouble},
    store::{Mark, Marks, OpenAlert, OpenAlerts, Store, StoreError},
};

use super::{Alerts, COPIES};

/// How often the mark is looked at.
const LOOK: Duration = Duration::from_secs(10);

/// One that is late for a night is late; for two, nobody makes them.
const LATEST: Duration = Duration::from_secs(48 * 3600);

/// How copies of the store go.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CopiesKept {
    /// When the newest was made.
    pub newest_at: Option<Millis>,
    /// In which folder it is.
    pub folder: Option<String>,
    /// The time from one to the next, ms; not known before the second.
    usual: Option<Millis>,
    /// None could be made since.
    failing: Option<CopiesFailing>,
}

/// Why copies are not made, and since when.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CopiesFailing {
    /// Since when.
    pub since: Millis,
    /// Why.
    pub trouble: CopyTrouble,
    /// In the system's words.
    pub detail: String,
    /// The admin knows it, past the store.
    #[serde(default)]
    pub told: bool,
}

impl CopiesKept {
    /// What the last run has left; nothing where there was none, or another version's cannot be read.
    pub async fn read(marks: &Marks) -> Result<Option<Self>, StoreError> {
        Ok(marks.get(&Mark::CopiesKept).await?.and_then(|text| serde_json::from_str(&text).ok()))
    }

    /// Leaves it for the bot and for `status`.
    pub async fn write(&self, marks: &Marks) -> Result<(), StoreError> {
        marks.set(&Mark::CopiesKept, &crate::store::json(self)).await
    }

    /// One was made now.
    pub fn made(self, now: Millis, folder: String) -> Self {
        let since = self.newest_at.map(|before| now - before);
        // One by hand in between makes the usual time no shorter than half.
        let usual = since.map(|since| since.max(self.usual.unwrap_or(0) / 2));
        Self { newest_at: Some(now), folder: Some(folder), usual: usual.or(self.usual), failing: None }
    }

    /// None could be made now.
    pub fn failed(self, now: Millis, trouble: CopyTrouble, detail: String) -> Self {
        let (since, told) = self.failing.map_or((now, false), |failing| (failing.since, failing.told));
        Self { failing: Some(CopiesFailing { since, trouble, detail, told }), ..self }
    }

    /// The same where a copy was made all the same, as `made` says.
    pub fn with_newest_of(self, made: Self) -> Self {
        Self { failing: self.failing, ..made }
    }

    /// The same after the admin was told past the store.
    pub fn told(mut self) -> Self {
        self.failing.iter_mut().for_each(|failing| failing.told = true);
        self
    }

    /// Why there are no new ones, if there are none.
    pub fn failing(&self, clock: Clock) -> Option<CopiesFailing> {
        if self.failing.is_some() {
            return self.failing.clone();
        }
        let (newest_at, usual) = (self.newest_at?, self.usual?);
        let since = newest_at + clock.millis(LATEST).max(2 * usual);
        let detail = || self.folder.clone().unwrap_or_default();
        (clock.now() > since).then(|| CopiesFailing {
            since,
            trouble: CopyTrouble::Missed,
            detail: detail(),
            told: false,
        })
    }
}

/// Remembers that the admin was told past the store, so that the bot tells when it is over.
pub async fn copies_were_told(alerts: &OpenAlerts, since: Millis) -> Result<(), StoreError> {
    if alerts.get(COPIES).await?.is_none() {
        alerts.save(COPIES, &OpenAlert { opened_at: since, body: String::from("{}") }, &[]).await?;
    }
    Ok(())
}

/// Forgets how copies go: in a copy, which may be begun with much later, elsewhere.
pub async fn forget_copies(store: &Store) -> Result<(), StoreError> {
    store.marks().remove(&Mark::CopiesKept).await?;
    store.open_alerts().close(COPIES, &[]).await
}

/// What the admin is told of it.
pub fn copies_fail(kept: &CopiesKept, failing: CopiesFailing) -> AdminNotice {
    AdminNotice::CopiesFail { trouble: failing.trouble, detail: failing.detail, newest_at: kept.newest_at }
}

impl Alerts {
    /// Compares how copies go with what the admin knows.
    pub(super) async fn look_at_copies(&mut self, open: Option<OpenAlert>) -> Result<(), StoreError> {
        let now = self.clock.now();
        if now < self.copies_at && self.copies_at - now <= self.clock.millis(LOOK) {
            return Ok(());
        }
        let kept = CopiesKept::read(&self.marks).await?;
        let failing = kept.as_ref().and_then(|kept| kept.failing(self.clock));
        match (kept, failing, open) {
            (Some(kept), Some(failing), None) => {
                tracing::warn!(trouble = failing.trouble.words(), "no copy of the store is made");
                let alert = OpenAlert { opened_at: failing.since, body: crate::store::json(&failing) };
                let notice = (!failing.told).then(|| copies_fail(&kept, failing));
                let message = notice.and_then(|notice| self.message(notice));
                self.open_alerts.save(COPIES, &alert, &Vec::from_iter(message)).await?;
            }
            (Some(_), None, Some(_)) => {
                tracing::info!("copies of the store are made again");
                let message = self.message(AdminNotice::CopiesWork);
                self.open_alerts.close(COPIES, &Vec::from_iter(message)).await?;
            }
            _ => {}
        }
        self.copies_at = now + self.clock.millis(LOOK);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: Millis = 3_600_000;

    /// Copies made at these hours before now.
    fn made(hours: &[i64]) -> CopiesKept {
        let now = Clock::default().now();
        hours.iter().fold(CopiesKept::default(), |kept, ago| kept.made(now - ago * HOUR, "backups".into()))
    }

    #[test]
    fn that_nobody_makes_copies_any_more_is_known_from_how_they_were_made() {
        for (hours, missed) in [
            // One alone is no habit.
            (&[][..], false),
            (&[500], false),
            // Every night.
            (&[49, 25, 1], false),
            (&[71, 47], false),
            (&[73, 49], true),
            // Every week, and once by hand in between.
            (&[505, 337], true),
            (&[500, 332], false),
            (&[400, 232, 160], false),
            (&[409, 241, 169], true),
            // Several within a day.
            (&[60, 50, 47], false),
            (&[60, 50, 49], true),
        ] {
            let failing = made(hours).failing(Clock::default());
            assert_eq!(failing.is_some_and(|failing| failing.trouble == CopyTrouble::Missed), missed, "{hours:?}");
        }
    }

    #[test]
    fn what_fails_fails_since_its_first_night_until_a_copy_is_made() {
        let now = Clock::default().now();
        let failed = made(&[50, 25]).failed(now - HOUR, CopyTrouble::DiskFull, "a".into());
        let failed = failed.told().failed(now, CopyTrouble::Folder, "b".into());
        let failing = failed.failing(Clock::default()).expect("it fails");
        let expected =
            CopiesFailing { since: now - HOUR, trouble: CopyTrouble::Folder, detail: "b".into(), told: true };
        assert_eq!(failing, expected);
        let back: CopiesKept = serde_json::from_str(&crate::store::json(&failed)).expect("as it was written");
        assert_eq!(back, failed);
        assert_eq!(failed.made(now, "backups".into()).failing(Clock::default()), None);
    }
}
