//! Where the tokens live.
//!
//! **Promise.** After [`TokenStorage::write`] returns the pair survives a power cut; a reader sees each token whole, old or
//! new, never half of one; nobody else may read the files.
//!
//! **Races.** A reader may see the new refresh token beside the old access token: the refresh token is written first
//! because it is the one that cannot be had again, and such a torn pair still works. A person may rewrite either file
//! at any time, so nothing here is cached and a missing file is an ordinary thing. Two processes are kept from
//! refreshing at once by a lock on a file of its own (the token files are replaced, so a lock on them would be lost).

use std::fs::{self, File};
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};

use tokio::time::{Instant, sleep};

use super::token::{Fingerprint, TokenPair, clean};
use crate::fault::point;
use crate::files;
use crate::store::{Locks, Store, TokenRow};

const ACCESS_FILE: &str = "access_token.txt";
const REFRESH_FILE: &str = "refresh_token.txt";
const PREVIOUS_FILE: &str = "tokens_previous.json";
const LOCK_FILE: &str = "tokens.lock";
/// Name of the lock in the database.
const TOKEN_LOCK: &str = "tokens";
/// How often a lock held by another process is tried again.
const LOCK_POLL: Duration = Duration::from_millis(50);
/// A token is about 1 kB; a larger file is something else put there by mistake.
const FILE_CAP: usize = 64 * 1024;

/// The pair before the stored one, kept until the stored one has worked once.
#[derive(Debug, Clone)]
pub struct Previous {
    /// The pair that was refreshed.
    pub pair: TokenPair,
    /// SHA-256 of the access token that took its place, in hex.
    pub replaced_by: String,
}

impl Previous {
    /// Remembers `pair` as the one that `successor` took the place of.
    pub fn of(pair: TokenPair, successor: &SecretString) -> Self {
        Self { pair, replaced_by: Fingerprint::of(successor).hex() }
    }

    /// Whether this access token is the one it waits for.
    pub(super) fn waits_for(&self, access: &Fingerprint) -> bool {
        self.replaced_by == access.hex()
    }
}

/// All that is stored.
#[derive(Debug, Clone, Default)]
pub struct Stored {
    /// The present pair.
    pub pair: TokenPair,
    /// The pair before it.
    pub previous: Option<Previous>,
}

/// The store of tokens. Errors are those of the storage; a missing token is no error.
#[derive(Debug, Clone)]
pub enum TokenStorage {
    /// `access_token.txt` and `refresh_token.txt` in this folder (`DATA_DIR`).
    Files(PathBuf),
    /// The database, which outlives a disk that is wiped.
    Database(Store),
}

/// Held while tokens are being refreshed; let go when dropped, also by a process that dies.
#[derive(Debug)]
pub struct TokenStorageLock {
    held: Held,
}

#[derive(Debug)]
enum Held {
    File { _file: File },
    Row { locks: Locks, holder: String },
    Nothing,
}

impl TokenStorageLock {
    /// Gives it back at once; one that is dropped may still be held for a moment.
    pub async fn release(mut self) {
        std::mem::replace(&mut self.held, Held::Nothing).give_back().await;
    }
}

impl Held {
    async fn give_back(self) {
        if let Self::Row { locks, holder } = self
            && let Err(error) = locks.release(TOKEN_LOCK, &holder).await
        {
            tracing::warn!(%error, "the lock on the tokens could not be given back; it expires by itself");
        }
    }
}

impl Drop for TokenStorageLock {
    fn drop(&mut self) {
        if let (Held::Row { .. }, Ok(runtime)) = (&self.held, tokio::runtime::Handle::try_current()) {
            runtime.spawn(std::mem::replace(&mut self.held, Held::Nothing).give_back());
        }
    }
}

impl TokenStorage {
    /// Reads what is stored now.
    pub async fn read(&self) -> io::Result<Stored> {
        let folder = match self {
            Self::Files(folder) => folder.clone(),
            Self::Database(store) => return Ok(of_row(store.tokens().get().await.map_err(io::Error::other)?)),
        };
        blocking(move || {
            let pair = TokenPair {
                access: read_token(&folder.join(ACCESS_FILE))?,
                refresh: read_token(&folder.join(REFRESH_FILE))?,
            };
            Ok(Stored { pair, previous: read_previous(&folder.join(PREVIOUS_FILE))? })
        })
        .await
    }

    /// Stores a new pair for good; `previous` is first put where a lost new pair can be recovered from.
    ///
    /// A token absent from the pair is removed: a long-lived token must not find an old refresh token at its side.
    pub async fn write(&self, pair: &TokenPair, previous: Option<&Previous>) -> io::Result<()> {
        let folder = match self {
            Self::Files(folder) => folder,
            Self::Database(store) => {
                return store.tokens().set(&to_row(pair, previous)).await.map_err(io::Error::other);
            }
        };
        let (folder, pair, previous) = (folder.clone(), pair.clone(), previous.cloned());
        blocking(move || {
            if let Some(previous) = &previous {
                files::replace(&folder.join(PREVIOUS_FILE), &previous_json(previous)?)?;
            }
            for (name, token) in [(REFRESH_FILE, &pair.refresh), (ACCESS_FILE, &pair.access)] {
                match token {
                    Some(token) => files::replace(&folder.join(name), token.expose_secret().as_bytes())?,
                    None => remove(&folder, name)?,
                }
                if name == REFRESH_FILE {
                    point("tokens.half_stored");
                }
            }
            Ok(())
        })
        .await
    }

    /// Forgets the previous pair, because this access token has worked, if that is the one it waited for.
    pub async fn discard_previous(&self, accepted: Fingerprint) -> io::Result<()> {
        let folder = match self {
            Self::Files(folder) => folder.clone(),
            Self::Database(store) => {
                return store.tokens().forget_previous(&accepted.hex()).await.map_err(io::Error::other);
            }
        };
        blocking(move || match read_previous(&folder.join(PREVIOUS_FILE))? {
            Some(previous) if previous.waits_for(&accepted) => remove(&folder, PREVIOUS_FILE),
            _ => Ok(()),
        })
        .await
    }

    /// Takes the lock that all processes sharing this store respect; `TimedOut` when another one holds it for `wait`. A
    /// lock on files is free at once when its holder dies, one in the database when it has been held for `held`.
    pub async fn lock(&self, wait: Duration, held: Duration) -> io::Result<TokenStorageLock> {
        let folder = match self {
            Self::Files(folder) => folder,
            Self::Database(store) => return lock_row(&store.locks(), wait, held).await,
        };
        let path = folder.join(LOCK_FILE);
        let file = blocking(move || files::private().write(true).create(true).truncate(false).open(path)).await?;
        let deadline = Instant::now() + wait;
        loop {
            // Tried and never waited for: a thread that waits in the system call would hold up the shutdown.
            match file.try_lock() {
                Ok(()) => return Ok(TokenStorageLock { held: Held::File { _file: file } }),
                Err(fs::TryLockError::Error(error)) => return Err(error),
                Err(fs::TryLockError::WouldBlock) if Instant::now() >= deadline => {
                    return Err(io::Error::new(ErrorKind::TimedOut, "another process holds the lock on the tokens"));
                }
                Err(fs::TryLockError::WouldBlock) => sleep(LOCK_POLL).await,
            }
        }
    }
}

/// The same lock for processes that share a database; it expires by itself should its holder die.
async fn lock_row(locks: &Locks, wait: Duration, held: Duration) -> io::Result<TokenStorageLock> {
    let holder = ulid::Ulid::new().to_string();
    let deadline = Instant::now() + wait;
    while !locks.take(TOKEN_LOCK, &holder, held).await.map_err(io::Error::other)? {
        if Instant::now() >= deadline {
            return Err(io::Error::new(ErrorKind::TimedOut, "another process holds the lock on the tokens"));
        }
        sleep(LOCK_POLL).await;
    }
    Ok(TokenStorageLock { held: Held::Row { locks: locks.clone(), holder } })
}

fn of_row(row: TokenRow) -> Stored {
    let token = |text: Option<String>| text.as_deref().and_then(clean);
    let previous = TokenPair { access: token(row.previous_access), refresh: token(row.previous_refresh) };
    Stored {
        pair: TokenPair { access: token(row.access), refresh: token(row.refresh) },
        previous: row.previous_replaced_by.map(|replaced_by| Previous { pair: previous, replaced_by }),
    }
}

fn to_row(pair: &TokenPair, previous: Option<&Previous>) -> TokenRow {
    let text = |token: &Option<SecretString>| token.as_ref().map(|token| token.expose_secret().to_owned());
    TokenRow {
        access: text(&pair.access),
        refresh: text(&pair.refresh),
        previous_access: previous.and_then(|previous| text(&previous.pair.access)),
        previous_refresh: previous.and_then(|previous| text(&previous.pair.refresh)),
        previous_replaced_by: previous.map(|previous| previous.replaced_by.clone()),
    }
}

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> io::Result<T> + Send + 'static) -> io::Result<T> {
    tokio::task::spawn_blocking(work).await.unwrap_or_else(|panic| Err(io::Error::other(panic)))
}

fn read_token(path: &Path) -> io::Result<Option<SecretString>> {
    let Some(bytes) = files::read_private(path)? else {
        return Ok(None);
    };
    let bytes = &bytes[..bytes.len().min(FILE_CAP)];
    Ok(clean(&String::from_utf8_lossy(bytes)))
}

#[derive(Serialize, Deserialize)]
struct PreviousFile {
    access_token: Option<String>,
    refresh_token: Option<String>,
    replaced_by: String,
}

fn previous_json(previous: &Previous) -> io::Result<Vec<u8>> {
    let text = |token: &Option<SecretString>| token.as_ref().map(|token| token.expose_secret().to_owned());
    let file = PreviousFile {
        access_token: text(&previous.pair.access),
        refresh_token: text(&previous.pair.refresh),
        replaced_by: previous.replaced_by.clone(),
    };
    Ok(serde_json::to_vec_pretty(&file)?)
}

/// An unreadable file counts as none: it is only a safety net and must not keep a good pair from being used.
fn read_previous(path: &Path) -> io::Result<Option<Previous>> {
    let Some(bytes) = files::read_private(path)? else {
        return Ok(None);
    };
    Ok(serde_json::from_slice::<PreviousFile>(&bytes).ok().map(|file| Previous {
        pair: TokenPair {
            access: file.access_token.as_deref().and_then(clean),
            refresh: file.refresh_token.as_deref().and_then(clean),
        },
        replaced_by: file.replaced_by,
    }))
}

fn remove(folder: &Path, name: &str) -> io::Result<()> {
    match fs::remove_file(folder.join(name)) {
        Ok(()) => files::sync_folder(folder),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pair(access: &str, refresh: &str) -> TokenPair {
        TokenPair { access: clean(access), refresh: clean(refresh) }
    }

    fn text(token: &Option<SecretString>) -> Option<&str> {
        token.as_ref().map(|token| token.expose_secret())
    }

    #[tokio::test]
    async fn keeps_a_pair_and_the_one_before_until_it_worked() {
        let folder = tempfile::tempdir().expect("a folder");
        let storage = TokenStorage::Files(folder.path().into());
        assert!(storage.read().await.expect("readable").pair.access.is_none());
        let new = pair("new-access", "new-refresh");
        let previous = Previous::of(pair("old-access", "old-refresh"), new.access.as_ref().expect("set"));
        storage.write(&new, Some(&previous)).await.expect("written");

        let stored = storage.read().await.expect("readable");
        assert_eq!(text(&stored.pair.access), Some("new-access"));
        assert_eq!(text(&stored.pair.refresh), Some("new-refresh"));
        assert_eq!(text(&stored.previous.expect("kept").pair.refresh), Some("old-refresh"));

        storage.discard_previous(Fingerprint::of(&"other".into())).await.expect("discarded");
        assert!(storage.read().await.expect("readable").previous.is_some());
        storage.discard_previous(Fingerprint::of(&"new-access".into())).await.expect("discarded");
        assert!(storage.read().await.expect("readable").previous.is_none());
    }

    #[cfg(unix)]
    #[tokio::test]
    async fn nobody_else_may_read_them_and_nothing_is_left_behind() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().expect("a folder");
        let storage = TokenStorage::Files(folder.path().into());
        let new = pair("a", "r");
        let previous = Previous::of(pair("b", "s"), new.access.as_ref().expect("set"));
        storage.write(&new, Some(&previous)).await.expect("written");
        drop(storage.lock(Duration::ZERO, Duration::MAX).await.expect("free"));
        let mut names = Vec::new();
        for entry in fs::read_dir(folder.path()).expect("readable") {
            let entry = entry.expect("readable");
            assert_eq!(entry.metadata().expect("readable").permissions().mode() & 0o777, 0o600);
            names.push(entry.file_name().into_string().expect("UTF-8"));
        }
        names.sort();
        assert_eq!(names, [ACCESS_FILE, REFRESH_FILE, LOCK_FILE, PREVIOUS_FILE]);
    }

    #[tokio::test]
    async fn takes_tokens_as_people_paste_them() {
        let folder = tempfile::tempdir().expect("a folder");
        let storage = TokenStorage::Files(folder.path().into());
        for (content, token) in [
            ("  abc\n", Some("abc")),
            ("\u{feff}\"abc\"\r\n", Some("abc")),
            ("Bearer abc", Some("abc")),
            ("abc\ndef", Some("abcdef")),
            (" \n", None),
        ] {
            fs::write(folder.path().join(ACCESS_FILE), content).expect("written");
            assert_eq!(text(&storage.read().await.expect("readable").pair.access), token, "{content:?}");
        }
    }

    #[tokio::test]
    async fn a_damaged_safety_net_is_no_obstacle() {
        let folder = tempfile::tempdir().expect("a folder");
        fs::write(folder.path().join(PREVIOUS_FILE), "{").expect("written");
        assert!(TokenStorage::Files(folder.path().into()).read().await.expect("readable").previous.is_none());
    }

    #[tokio::test]
    async fn one_holder_at_a_time() {
        let folder = tempfile::tempdir().expect("a folder");
        let storage = TokenStorage::Files(folder.path().into());
        let held = storage.lock(Duration::ZERO, Duration::MAX).await.expect("free");
        let error = storage.lock(Duration::from_millis(120), Duration::MAX).await.expect_err("taken");
        assert_eq!(error.kind(), ErrorKind::TimedOut);
        drop(held);
        // A process that another test has just begun holds the file for a moment, until it runs its own program.
        storage.lock(Duration::from_secs(30), Duration::MAX).await.expect("free again");
    }
}
