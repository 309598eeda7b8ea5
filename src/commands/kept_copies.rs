//! Copies of the store for every night: a new one under the name of its time, and of such the newest N are kept.
//!
//! **Promise.** A copy has its name only when it is whole and on the disk. Older ones go only after that, and never the last
//! that is good: where no copy could be made, all stay; the new one stays whatever the clock said before; and one of a store
//! without any request, such as a wiped disk begins, takes no older one's place.

mod telling;

use std::{
    fs::{self, File},
    io::{self, IsTerminal},
    num::NonZeroU16,
    path::Path,
    process::ExitCode,
};

use chrono::{DateTime, NaiveDateTime, Utc};

use super::{
    CommandError,
    copy_store::{self, NotCopied},
    output::{errln, outln},
};
use crate::{
    config::{Environment, StoreSettings},
    files,
    notice::CopyTrouble,
};

/// Names are this with the time in UTC in between, so their order is that of time.
const BEGIN: &str = "store-";
const TIME: &str = "%Y%m%dT%H%M%S%.3fZ";
const END: &str = ".sqlite";

/// What is being written; one at a time.
const UNFINISHED: &str = ".store-unfinished.sqlite";

/// What came of it.
#[derive(Debug)]
enum Kept {
    /// A copy is there, and no more than there should be.
    Made,
    /// A copy is there, and one that is too old as well, for this reason.
    OldStay(String),
}

/// Why there is no new copy.
#[derive(Debug)]
enum NotKept {
    /// Another command is making one.
    UnderWay(CommandError),
    /// The admin is to know of it.
    Failed(CopyTrouble, CommandError),
}

/// Puts a copy of the store into a folder, and takes the oldest of those there away. The admin is told where that fails as
/// every night, and when it succeeds again; a person who sits before it has read it.
pub async fn keep(
    environment: &Environment<'_>,
    settings: &StoreSettings,
    folder: &Path,
    keep: NonZeroU16,
) -> Result<ExitCode, CommandError> {
    let kept = put_one(settings, folder, keep).await;
    let outcome = match &kept {
        Ok(Kept::Made) => Some(telling::Outcome::Made),
        Ok(Kept::OldStay(why)) => Some(telling::Outcome::OldStay(why.clone())),
        Err(NotKept::Failed(trouble, error)) if !io::stderr().is_terminal() => {
            Some(telling::Outcome::Failed(*trouble, error.to_string()))
        }
        Err(_) => None,
    };
    if let Some(outcome) = outcome {
        telling::tell(environment, settings, folder, outcome).await;
    }
    match kept {
        Ok(Kept::Made) => Ok(ExitCode::SUCCESS),
        Ok(Kept::OldStay(_)) => Ok(ExitCode::FAILURE),
        Err(NotKept::UnderWay(error) | NotKept::Failed(_, error)) => Err(error),
    }
}

async fn put_one(settings: &StoreSettings, folder: &Path, keep: NonZeroU16) -> Result<Kept, NotKept> {
    let failed = |error: io::Error| NotKept::of_the_folder(folder, &error);
    files::make_folder(folder).map_err(failed)?;
    let alone = File::open(folder).map_err(failed)?;
    if alone.try_lock().is_err() {
        return Err(NotKept::UnderWay(CommandError::Failed(format!(
            "another copy is being put into {} right now",
            folder.display()
        ))));
    }
    let unfinished = folder.join(UNFINISHED);
    // Of one that was killed half-way.
    remove_unfinished(folder);
    let report = copy_store::write_copy(settings, &unfinished).await;
    let report = report.map_err(|error| {
        remove_unfinished(folder);
        NotKept::from(error)
    })?;
    if copy_store::tell(&report) != ExitCode::SUCCESS {
        remove_unfinished(folder);
        let words = format!("No copy was put into {}, and all that are there stay.", folder.display());
        return Err(NotKept::Failed(CopyTrouble::Incomplete, CommandError::Failed(words)));
    }
    let name = name_of(Utc::now());
    put(folder, &unfinished, &name).inspect_err(|_| remove_unfinished(folder)).map_err(failed)?;
    outln!("Written to {}. To go back to it: move-store --from sqlite:{0} --to …", folder.join(&name).display());
    let has_requests = report.iter().any(|table| table.table == "leads" && table.target > 0);
    let names = names_in(folder).map_err(failed)?;
    let surplus = surplus(&names, &name, keep.get().into());
    if !has_requests && !surplus.is_empty() {
        errln!("The store holds no request, so no older copy was deleted for it.");
        return Ok(Kept::Made);
    }
    let mut kept = Kept::Made;
    for old in &surplus {
        match fs::remove_file(folder.join(old)) {
            Ok(()) => outln!("Deleted: {old}"),
            Err(error) => {
                let words = format!("{old} cannot be deleted: {}", files::why_of(&folder.join(old), &error));
                errln!("{words}");
                kept = Kept::OldStay(words);
            }
        }
    }
    outln!("Copies there: {}", names.len() - surplus.len());
    Ok(kept)
}

impl NotKept {
    fn of_the_folder(folder: &Path, error: &io::Error) -> Self {
        let trouble = match error.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => CopyTrouble::DiskFull,
            _ => CopyTrouble::Folder,
        };
        let words = format!("{}: {}", folder.display(), files::why_of(folder, error));
        Self::Failed(trouble, CommandError::Failed(words))
    }
}

impl From<NotCopied> for NotKept {
    fn from(error: NotCopied) -> Self {
        let trouble = match &error {
            NotCopied::DiskFull(_) => CopyTrouble::DiskFull,
            NotCopied::Target(_) => CopyTrouble::Folder,
            NotCopied::Source(_) => CopyTrouble::Store,
        };
        Self::Failed(trouble, error.into())
    }
}

/// Gives a whole copy its name, durably.
fn put(folder: &Path, unfinished: &Path, name: &str) -> io::Result<()> {
    let file = File::open(unfinished)?;
    files::close_to_others(&file)?;
    file.sync_all()?;
    let path = folder.join(name);
    if path.exists() {
        return Err(io::ErrorKind::AlreadyExists.into());
    }
    fs::rename(unfinished, path)?;
    files::sync_folder(folder)
}

fn remove_unfinished(folder: &Path) {
    for end in ["", "-wal", "-shm", "-journal"] {
        let _ = fs::remove_file(folder.join(format!("{UNFINISHED}{end}")));
    }
}

fn name_of(time: DateTime<Utc>) -> String {
    format!("{BEGIN}{}{END}", time.format(TIME))
}

/// Whether a copy of ours has such a name; what else somebody keeps there is theirs.
fn is_copy(name: &str) -> bool {
    let time = name.strip_prefix(BEGIN).and_then(|rest| rest.strip_suffix(END));
    time.is_some_and(|time| {
        NaiveDateTime::parse_from_str(time, TIME).is_ok_and(|parsed| name_of(parsed.and_utc()) == name)
    })
}

/// The copies in a folder, oldest first.
fn names_in(folder: &Path) -> io::Result<Vec<String>> {
    let mut names = Vec::new();
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        if is_copy(&name) && entry.file_type()?.is_file() {
            names.push(name);
        }
    }
    names.sort();
    Ok(names)
}

/// Which of them go so that `keep` are left: the oldest, and never the one that was just written.
fn surplus(names: &[String], new: &str, keep: usize) -> Vec<String> {
    let older = names.iter().filter(|name| *name != new);
    older.take(names.len().saturating_sub(keep)).cloned().collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{clock::Clock, store::Store};

    const OLD: [&str; 3] =
        ["store-20260101T000000.000Z.sqlite", "store-20260102T000000.000Z.sqlite", "store-20260103T000000.000Z.sqlite"];

    #[test]
    fn the_newest_stay_and_the_new_one_whatever_the_clock_said_before() {
        let names = OLD.map(String::from);
        for (new, keep, go) in [
            (OLD[2], 1, &OLD[..2]),
            (OLD[2], 2, &OLD[..1]),
            (OLD[2], 3, &[][..]),
            (OLD[2], 14, &[][..]),
            // The clock was ahead before: by its name the new one is the oldest.
            (OLD[0], 1, &OLD[1..]),
            (OLD[0], 2, &OLD[1..2]),
        ] {
            assert_eq!(surplus(&names, new, keep), go, "{new} {keep}");
        }
    }

    #[test]
    fn only_what_has_the_name_of_a_copy_is_one() {
        assert!(is_copy(&name_of(Utc::now())) && OLD.iter().all(|name| is_copy(name)));
        for name in [
            "store-before-the-move.sqlite",
            "store-20260101T000000.000Z.sqlite-wal",
            "store-20260101T000000.000Z.sqlite.gz",
            "store-20261301T000000.000Z.sqlite",
            "my-store-20260101T000000.000Z.sqlite",
            UNFINISHED,
            "amocrm-lead-bot.sqlite",
            "store-.sqlite",
        ] {
            assert!(!is_copy(name), "{name}");
        }
    }

    fn listed(folder: &Path) -> Vec<String> {
        let mut names: Vec<_> =
            fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("one").file_name()).collect();
        names.sort();
        names.into_iter().map(|name| name.to_string_lossy().into_owned()).collect()
    }

    #[tokio::test]
    async fn a_copy_that_fails_and_one_without_a_request_take_none_away() {
        let data = tempfile::tempdir().expect("a folder");
        let folder = data.path().join("backups");
        fs::create_dir(&folder).expect("made");
        for name in OLD.iter().chain(&["notes.txt"]) {
            fs::write(folder.join(name), "old").expect("written");
        }
        fs::write(folder.join(UNFINISHED), "half").expect("written");
        let settings = StoreSettings { data_dir: data.path().to_owned(), database_url: None, speed: 1.0 };
        let two = NonZeroU16::new(2).expect("not 0");
        // There is no store: nothing is copied, and nothing goes but what was never finished.
        let none = put_one(&settings, &folder, two).await;
        assert!(matches!(none, Err(NotKept::Failed(CopyTrouble::Store, _))), "{none:?}");
        assert_eq!(listed(&folder), ["notes.txt", OLD[0], OLD[1], OLD[2]]);
        // One without a request, such as a wiped disk begins, pushes none out.
        let store =
            Store::open_file(&data.path().join(crate::store::SQLITE_FILE), Clock::default()).await.expect("a store");
        assert!(matches!(put_one(&settings, &folder, two).await, Ok(Kept::Made)));
        assert_eq!(listed(&folder).len(), 5);
        // Where the folder cannot be one, and while another is at work.
        let taken = put_one(&settings, &data.path().join("backups/notes.txt"), two).await;
        assert!(matches!(taken, Err(NotKept::Failed(CopyTrouble::Folder, _))), "{taken:?}");
        let at_work = File::open(&folder).expect("a folder");
        at_work.lock().expect("locked");
        let second = put_one(&settings, &folder, two).await;
        assert!(matches!(second, Err(NotKept::UnderWay(_))), "{second:?}");
        store.close().await;
    }
}
