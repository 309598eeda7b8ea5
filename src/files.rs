//! Files that hold phones and tokens: for their owner alone, replaced whole or not at all.
//!
//! **Promise.** What [`Replacement::put`] has put in place survives a power cut; a reader sees the old file or the new
//! one. Whatever of ours others could read is closed to them and told. A writer that was killed leaves a temporary file
//! behind, which [`sweep`] takes away: a living writer holds a lock on its own.

use std::{
    ffi::OsStr,
    fs::{self, File, OpenOptions, Permissions},
    io::{self, Write},
    os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt},
    path::{Path, PathBuf},
};

use tempfile::NamedTempFile;
use tracing::warn;

/// Read and written by its owner.
const FILE_MODE: u32 = 0o600;

/// Entered by its owner.
const FOLDER_MODE: u32 = 0o700;

/// What anybody but the owner may do.
const OTHERS: u32 = 0o077;

/// Everybody may put files into such a folder, like `/tmp`.
const STICKY: u32 = 0o1000;

/// How the names of temporary files begin.
const TEMPORARY: &str = ".amocrm-lead-bot-";

/// How they began in earlier versions.
const TEMPORARY_BEFORE: [&str; 4] =
    [".backup_leads-", ".access_token.txt.", ".refresh_token.txt.", ".tokens_previous.json."];

/// Names in `DATA_DIR` that are ours, with what SQLite puts behind its own.
const OURS: [&str; 5] = ["access_token.txt", "refresh_token.txt", "tokens_previous.json", "tokens.lock", "daemon.lock"];
const SQLITE: &str = "amocrm-lead-bot.sqlite";
const BACKUP: &str = "backup_leads";

/// A file that takes its place when it is whole.
#[derive(Debug)]
pub struct Replacement {
    file: NamedTempFile,
    path: PathBuf,
}

impl Replacement {
    /// Writes the content beside `path`, durably.
    pub fn write(path: &Path, content: &[u8]) -> io::Result<Self> {
        let mut new = Self::begin(path)?;
        new.write_all(content)?;
        new.sync()?;
        Ok(new)
    }

    /// Begins an empty file beside `path`, to be written and [`Self::sync`]ed.
    pub fn begin(path: &Path) -> io::Result<Self> {
        let file = tempfile::Builder::new()
            .prefix(TEMPORARY)
            .permissions(Permissions::from_mode(FILE_MODE))
            .tempfile_in(folder_of(path))?;
        // Nobody else knows it yet; the lock says that its writer lives.
        let _ = file.as_file().try_lock();
        Ok(Self { file, path: path.to_owned() })
    }

    /// Makes what was written survive a power cut.
    pub fn sync(&self) -> io::Result<()> {
        self.file.as_file().sync_all()
    }

    /// How it looks; it keeps that when it is put in place.
    pub fn metadata(&self) -> io::Result<fs::Metadata> {
        self.file.as_file().metadata()
    }

    /// Gives it to a user and a group, where they are named, with these permissions.
    pub fn belong_to(&self, owner: Option<(u32, u32)>, mode: u32) -> io::Result<()> {
        let file = self.file.as_file();
        if let Some((user, group)) = owner {
            let meta = file.metadata()?;
            if (meta.uid(), meta.gid()) != (user, group) {
                std::os::unix::fs::fchown(file, Some(user), Some(group))?;
            }
        }
        file.set_permissions(Permissions::from_mode(mode))?;
        self.sync()
    }

    /// Puts it in place, durably.
    pub fn put(self) -> io::Result<()> {
        self.file.persist(&self.path).map_err(|error| error.error)?;
        sync_folder(folder_of(&self.path))
    }
}

impl Write for Replacement {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.file.as_file_mut().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.as_file_mut().flush()
    }
}

/// Replaces a file so that it is either the old or the new one, whole, whenever the power goes.
pub fn replace(path: &Path, content: &[u8]) -> io::Result<()> {
    Replacement::write(path, content)?.put()
}

/// Copies a file of any size the same way.
pub fn copy(from: &Path, to: &Path) -> io::Result<()> {
    let mut new = Replacement::begin(to)?;
    io::copy(&mut File::open(from)?, new.file.as_file_mut())?;
    new.sync()?;
    new.put()
}

/// Makes what was renamed or removed in a folder survive a power cut.
pub fn sync_folder(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

fn folder_of(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// How a file is opened that nobody else may read.
pub fn private() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.mode(FILE_MODE);
    options
}

/// An error about a file, with its name.
pub fn named(path: &Path, error: &io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("{}: {}", path.display(), why_of(path, error)))
}

/// Why a file cannot be used, and whose it is where that is in the way: a command that was run once as another user leaves
/// such files behind.
pub fn why_of(path: &Path, error: &io::Error) -> String {
    let mut words = why(error);
    let user = rustix::process::geteuid().as_raw();
    let owner = fs::symlink_metadata(path).or_else(|_| fs::metadata(folder_of(path))).map(|meta| meta.uid());
    if error.kind() == io::ErrorKind::PermissionDenied
        && let Ok(owner) = owner
        && owner != user
    {
        words.push_str(&format!(" (it belongs to user {owner}, and this runs as user {user}: chown it)"));
    }
    words
}

/// Why a file, a folder or an address cannot be used, in words for people.
pub fn why(error: &io::Error) -> String {
    use io::ErrorKind as Kind;
    let words = match error.kind() {
        Kind::NotFound => "it is not there",
        Kind::PermissionDenied => "permission denied",
        Kind::NotADirectory => "a part of its path is a file and not a folder",
        Kind::IsADirectory => "it is a folder",
        Kind::AlreadyExists => "there is something by that name already",
        Kind::StorageFull => "the disk is full",
        Kind::QuotaExceeded => "the user's share of the disk is full",
        Kind::FileTooLarge => "it is larger than files may be there",
        Kind::ReadOnlyFilesystem => "the disk can only be read",
        Kind::InvalidFilename => "such a name cannot be there",
        Kind::InvalidData => "it is not UTF-8 text",
        Kind::AddrInUse => "another program uses it",
        Kind::AddrNotAvailable => "this machine has no such address",
        // What has no plain word here has the system's.
        _ => return error.to_string(),
    };
    // What was said already is said in full: it may name the file and its owner.
    if error.raw_os_error().is_some() || error.get_ref().is_none() { words.to_owned() } else { error.to_string() }
}

/// Makes a folder that nobody else may enter, with those above it, where there is none.
pub fn make_folder(folder: &Path) -> io::Result<()> {
    fs::DirBuilder::new().recursive(true).mode(FOLDER_MODE).create(folder)
}

/// Closes an open file to everybody but its owner; says whether it was open to others.
pub fn close_to_others(file: &File) -> io::Result<bool> {
    let mode = file.metadata()?.mode();
    if mode & OTHERS == 0 {
        return Ok(false);
    }
    file.set_permissions(Permissions::from_mode(mode & 0o7700))?;
    Ok(true)
}

/// Reads a file that nobody else may read, and closes it to them where they could; `None` where there is none.
pub fn read_private(path: &Path) -> io::Result<Option<Vec<u8>>> {
    let Some(mut file) = open_private(path)? else { return Ok(None) };
    let mut bytes = Vec::new();
    io::Read::read_to_end(&mut file, &mut bytes)?;
    Ok(Some(bytes))
}

/// The same, only opened.
pub fn open_private(path: &Path) -> io::Result<Option<File>> {
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    // What cannot be closed was told at the start, and is used all the same.
    if close_to_others(&file).unwrap_or(false) {
        tell_closed(&[path.display().to_string()]);
    }
    Ok(Some(file))
}

/// Closes one SQLite file, with its log, to everybody but its owner.
pub fn close_database(file: &Path) {
    let with = |end: &str| {
        let mut name = file.as_os_str().to_owned();
        name.push(end);
        PathBuf::from(name)
    };
    close_all([file.to_owned(), with("-wal"), with("-shm"), with("-journal")]);
}

/// Closes `DATA_DIR` and all that is ours in it to everybody but its owner, and says so once.
pub fn close_data_dir(folder: &Path) {
    let mut paths = Vec::new();
    if is_ours_alone(folder) {
        paths.push(folder.to_owned());
    }
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    paths.extend(entries.filter(|entry| entry.file_name().to_str().is_some_and(is_ours)).map(|entry| entry.path()));
    close_all(paths);
}

fn close_all(paths: impl IntoIterator<Item = PathBuf>) {
    let (mut closed, mut open) = (Vec::new(), Vec::new());
    for path in paths {
        let Ok(file) = File::open(&path) else { continue };
        let name = path.display().to_string();
        match close_to_others(&file) {
            Ok(true) => closed.push(name),
            Ok(false) => {}
            Err(_) => open.push(name),
        }
    }
    closed.sort();
    tell_closed(&closed);
    if !open.is_empty() {
        warn!(files = open.join(", "), "other users of this machine may read these files, and that cannot be changed");
    }
}

fn tell_closed(names: &[String]) {
    if !names.is_empty() {
        warn!(files = names.join(", "), "other users of this machine could read these files; now they cannot");
    }
}

/// Whether a file in `DATA_DIR` is one of the bot's, by its name.
pub fn is_ours(name: &str) -> bool {
    OURS.contains(&name) || name.starts_with(SQLITE) || (name.starts_with(BACKUP) && name.ends_with(".json"))
}

/// Whether a folder serves the bot and nothing else, as far as can be seen: `DATA_DIR` may be the working directory, and
/// that a checkout of the source, somebody's home or a folder for all.
fn is_ours_alone(given: &Path) -> bool {
    let (Ok(folder), Ok(meta)) = (given.canonicalize(), fs::metadata(given)) else { return false };
    let home = std::env::var_os("HOME").and_then(|home| PathBuf::from(home).canonicalize().ok());
    // The working directory is where a program happens to be started, so there nothing else may be in it.
    let shared = match given == Path::new(".") {
        true => fs::read_dir(&folder).into_iter().flatten().flatten().any(|entry| !is_known(&entry.file_name())),
        false => ["Cargo.toml", ".git", "Procfile"].iter().any(|name| folder.join(name).exists()),
    };
    meta.is_dir()
        && meta.uid() == rustix::process::geteuid().as_raw()
        && meta.mode() & STICKY == 0
        && folder.parent().is_some()
        && home.as_ref() != Some(&folder)
        && !shared
}

/// What stands beside the data where the bot is started in its own folder.
fn is_known(name: &OsStr) -> bool {
    let name = name.to_string_lossy();
    is_ours(&name) || name.starts_with(".env") || name.starts_with("amocrm-lead-bot") || name.ends_with(".log")
}

/// Takes away what writers that were killed half-way have left.
pub fn sweep(folder: &Path) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let name = entry.file_name();
        let temporary = name.to_str().is_some_and(|name| {
            name.starts_with(TEMPORARY) || TEMPORARY_BEFORE.iter().any(|beginning| name.starts_with(beginning))
        });
        let is_file = entry.file_type().is_ok_and(|kind| kind.is_file());
        // Whoever writes it now holds its lock.
        if temporary && is_file && File::open(entry.path()).is_ok_and(|file| file.try_lock().is_ok()) {
            let _ = fs::remove_file(entry.path());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).expect("it is there").mode() & 0o777
    }

    fn set_mode(path: &Path, mode: u32) {
        fs::set_permissions(path, Permissions::from_mode(mode)).expect("its mode is set");
    }

    #[test]
    fn what_is_ours_is_closed_and_nothing_else() {
        let folder = tempfile::tempdir().expect("a folder");
        let names = [
            "access_token.txt",
            "refresh_token.txt",
            "tokens_previous.json",
            "backup_leads.json",
            "backup_leads.kept-20260101T000000Z.json",
            "amocrm-lead-bot.sqlite",
            "amocrm-lead-bot.sqlite-wal",
            "amocrm-lead-bot.sqlite-shm",
            "daemon.lock",
        ];
        let others = ["README.md", "backup_leads.json.example", "photo.jpg"];
        for name in names.iter().chain(&others) {
            fs::write(folder.path().join(name), "x").expect("written");
            set_mode(&folder.path().join(name), 0o664);
        }
        set_mode(folder.path(), 0o755);
        close_data_dir(folder.path());
        for name in names {
            assert_eq!(mode(&folder.path().join(name)), 0o600, "{name}");
        }
        for name in others {
            assert_eq!(mode(&folder.path().join(name)), 0o664, "{name}");
        }
        assert_eq!(mode(folder.path()), 0o700);
        // A checkout is used for other things as well.
        fs::write(folder.path().join("Cargo.toml"), "").expect("written");
        set_mode(folder.path(), 0o755);
        close_data_dir(folder.path());
        assert_eq!(mode(folder.path()), 0o755);
    }

    #[test]
    fn what_a_killed_writer_left_is_swept_and_what_a_living_one_writes_is_not() {
        let folder = tempfile::tempdir().expect("a folder");
        let at = |name: &str| folder.path().join(name);
        for name in [".backup_leads-abc", ".access_token.txt.x1", ".amocrm-lead-bot-y", ".profile"] {
            fs::write(at(name), "left").expect("written");
        }
        let living = Replacement::write(&at("backup_leads.json"), b"[]").expect("written");
        sweep(folder.path());
        let mut left: Vec<_> = fs::read_dir(folder.path()).expect("a folder").flatten().map(|it| it.path()).collect();
        left.sort();
        assert_eq!(left.len(), 2, "{left:?}");
        living.put().expect("in place");
        assert_eq!(fs::read(at("backup_leads.json")).expect("there"), b"[]");
        assert_eq!(mode(&at("backup_leads.json")), 0o600);
        assert!(at(".profile").exists());
    }
}
