//! `backup_leads.json` on the disk: how it looks, what is in it entry by entry, and how it is replaced.

use std::{
    fmt, fs,
    io::{self, BufRead, BufReader, Write},
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
};

use serde::de::{DeserializeSeed, Deserializer, SeqAccess, Visitor};
use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::{fault::point, files};

use super::format::Text;

/// What is not larger is not written at all where it would say the same as before; what is larger goes to the disk as it
/// comes, and is dropped there.
const IN_MEMORY: usize = 256 * 1024;

/// Identity of a file's content as far as the file system tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Seen {
    length: u64,
    modified: (i64, i64),
    inode: u64,
}

impl Seen {
    fn of(meta: &fs::Metadata) -> Self {
        Self { length: meta.len(), modified: (meta.mtime(), meta.mtime_nsec()), inode: meta.ino() }
    }
}

/// How the file looks; `None` when there is none.
pub(super) fn look_at(path: &Path) -> io::Result<Option<Seen>> {
    match fs::metadata(path) {
        Ok(meta) => Ok(Some(Seen::of(&meta))),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// What a look into the file has found.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Contents {
    /// An array; each of its entries was handed out.
    Entries,
    /// No file, or nothing in it.
    Nothing,
    /// No JSON array; some entries may have been handed out.
    Unreadable,
}

/// Hands the entries of the file out one by one, whatever its size; `false` ends the reading.
pub(super) fn each_entry(path: &Path, take: impl FnMut(Value) -> bool) -> io::Result<Contents> {
    let Some(file) = files::open_private(path)? else { return Ok(Contents::Nothing) };
    let mut reader = BufReader::with_capacity(64 * 1024, file);
    // Windows editors begin a file with a mark.
    if reader.fill_buf()?.starts_with("\u{feff}".as_bytes()) {
        reader.consume(3);
    }
    loop {
        let blank = reader.fill_buf()?.iter().take_while(|byte| byte.is_ascii_whitespace()).count();
        if blank == 0 {
            break;
        }
        reader.consume(blank);
    }
    if reader.fill_buf()?.is_empty() {
        return Ok(Contents::Nothing);
    }
    let mut json = serde_json::Deserializer::from_reader(reader);
    let mut ended = false;
    let read = Entries { take, ended: &mut ended }.deserialize(&mut json).and_then(|()| json.end());
    match read {
        Ok(()) => Ok(Contents::Entries),
        Err(_) if ended => Ok(Contents::Entries),
        Err(error) if error.is_io() => Err(error.into()),
        Err(_) => Ok(Contents::Unreadable),
    }
}

struct Entries<'a, F> {
    take: F,
    ended: &'a mut bool,
}

impl<'de, F: FnMut(Value) -> bool> DeserializeSeed<'de> for Entries<'_, F> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_seq(self)
    }
}

impl<'de, F: FnMut(Value) -> bool> Visitor<'de> for Entries<'_, F> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an array")
    }

    fn visit_seq<A: SeqAccess<'de>>(mut self, mut entries: A) -> Result<(), A::Error> {
        while let Some(entry) = entries.next_element()? {
            if !(self.take)(entry) {
                *self.ended = true;
                return Err(serde::de::Error::custom("enough"));
            }
        }
        Ok(())
    }
}

/// The file's next content, as far as it has come.
#[derive(Debug)]
pub(super) struct Draft {
    path: PathBuf,
    text: Text,
    /// What was too much for the memory.
    spilled: Option<files::Replacement>,
    digest: Sha256,
    length: u64,
}

/// What has become of a draft.
#[derive(Debug)]
pub(super) enum Replaced {
    /// The file says the same already.
    Same,
    /// Somebody else has changed the file meanwhile.
    Overtaken,
    /// It is in place.
    Done { seen: Seen, digest: [u8; 32], length: u64 },
}

impl Draft {
    pub(super) fn new(path: PathBuf) -> Self {
        Self { path, text: Text::default(), spilled: None, digest: Sha256::new(), length: 0 }
    }

    /// Adds to the text, of which what has become too long goes to the disk.
    pub(super) fn add(&mut self, more: impl FnOnce(&mut Text)) -> io::Result<()> {
        more(&mut self.text);
        if self.text.bytes.len() > IN_MEMORY { self.spill() } else { Ok(()) }
    }

    fn spill(&mut self) -> io::Result<()> {
        let file = match &mut self.spilled {
            Some(file) => file,
            None => self.spilled.insert(files::Replacement::begin(&self.path)?),
        };
        file.write_all(&self.text.bytes)?;
        self.digest.update(&self.text.bytes);
        self.length += self.text.bytes.len() as u64;
        self.text.bytes.clear();
        Ok(())
    }

    /// Replaces the file, unless it says the same as `before`, or does not look like `seen` any more.
    pub(super) fn replace(mut self, before: Option<[u8; 32]>, seen: Option<Seen>) -> io::Result<Replaced> {
        self.text.end();
        let digest: [u8; 32] = self.digest.clone().chain_update(&self.text.bytes).finalize().into();
        if before == Some(digest) && seen.is_some() {
            return Ok(Replaced::Same);
        }
        point("backup.before_write");
        self.spill()?;
        let Some(file) = self.spilled else { return Ok(Replaced::Same) };
        file.sync()?;
        // Looked at before it has its name: afterwards it may be somebody else's already.
        let new = Seen::of(&file.metadata()?);
        if look_at(&self.path)? != seen {
            return Ok(Replaced::Overtaken);
        }
        point("backup.before_rename");
        file.put()?;
        Ok(Replaced::Done { seen: new, digest, length: self.length })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> (Contents, Vec<Value>) {
        let file = tempfile::NamedTempFile::new().expect("a file");
        fs::write(file.path(), text).expect("a file");
        let mut entries = Vec::new();
        let contents = each_entry(file.path(), |entry| {
            entries.push(entry);
            true
        });
        (contents.expect("a read"), entries)
    }

    #[test]
    fn a_file_is_read_entry_by_entry() {
        let nested = format!("[{}1{}]", "[".repeat(200), "]".repeat(200));
        for (text, contents, entries) in [
            ("", Contents::Nothing, 0),
            (" \n\t", Contents::Nothing, 0),
            ("\u{feff}", Contents::Nothing, 0),
            ("[]", Contents::Entries, 0),
            ("\u{feff} [{}, 5, \"x\"]\n", Contents::Entries, 3),
            ("[{}] [{}]", Contents::Unreadable, 1),
            ("[{}, {", Contents::Unreadable, 1),
            ("[{},]", Contents::Unreadable, 1),
            ("{}", Contents::Unreadable, 0),
            ("not json", Contents::Unreadable, 0),
            (&nested, Contents::Unreadable, 0),
        ] {
            let (found, values) = read(text);
            assert_eq!((found, values.len()), (contents, entries), "{text}");
        }
    }

    #[test]
    fn a_draft_of_any_size_replaces_the_file_once() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("file.json");
        for entries in [0, 1, 3, 2000] {
            let draft = || {
                let mut draft = Draft::new(path.clone());
                for n in 0..entries {
                    let value = serde_json::json!({"status": "pending", "name": "ж".repeat(200), "n": n});
                    draft.add(|text| text.add_kept(&value)).expect("a write");
                }
                draft
            };
            let seen = look_at(&path).expect("a look");
            let Replaced::Done { seen, digest, length } = draft().replace(None, seen).expect("a write") else {
                panic!("it is not written")
            };
            let text = fs::read_to_string(&path).expect("the file");
            assert_eq!(text.len() as u64, length);
            let (contents, values) = read(&text);
            assert_eq!((contents, values.len()), (Contents::Entries, entries));
            // As one document would be printed, with the known keys first.
            if entries > 0 {
                assert!(text.starts_with("[\n  {\n    \"name\": ") && text.ends_with("\n  }\n]\n"), "{}", &text[..60]);
            } else {
                assert_eq!(text, "[]\n");
            }
            assert!(matches!(draft().replace(Some(digest), Some(seen)), Ok(Replaced::Same)));
            assert!(matches!(draft().replace(None, None), Ok(Replaced::Overtaken)));
            assert_eq!(fs::read_dir(folder.path()).expect("the folder").count(), 1, "nothing is left beside it");
        }
    }
}
