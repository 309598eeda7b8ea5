//! Copies that stand beside the file: entries that were not to be sent, files that could not be read. They are ours, so
//! they are forgotten in and deleted like everything else.

use std::{fs, io, path::Path};

use chrono::NaiveDateTime;
use serde_json::Value;

use crate::{
    clock::Millis,
    lead::{Phone, Region},
    store::Person,
};

use super::{
    BackupError,
    file::{Contents, Draft, Replaced, each_entry, look_at},
    format::text,
};

/// When a copy was made, by its name: `backup_leads.kept-20250907T103000Z.json`, with `-1` and so on behind the time.
fn made_at(name: &str) -> Option<Millis> {
    let stamp = ["kept", "unreadable"]
        .iter()
        .find_map(|what| name.strip_prefix(&format!("backup_leads.{what}-")))?
        .strip_suffix(".json")?;
    let (stamp, _) = stamp.split_once('Z')?;
    Some(NaiveDateTime::parse_from_str(stamp, "%Y%m%dT%H%M%S").ok()?.and_utc().timestamp_millis())
}

fn copies(folder: &Path) -> io::Result<Vec<(String, Millis)>> {
    let names = fs::read_dir(folder)?.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
    Ok(names.filter_map(|name| made_at(&name).map(|at| (name, at))).collect())
}

/// Deletes the copies that were made before a moment; returns how many.
pub fn remove_old_copies(folder: &Path, before: Millis) -> io::Result<usize> {
    let mut removed = 0;
    for (name, _) in copies(folder)?.into_iter().filter(|(_, at)| *at < before) {
        fs::remove_file(folder.join(name))?;
        removed += 1;
    }
    Ok(removed)
}

/// Takes a person's entries out of the copies; returns the names of those that cannot be read and seem to name the
/// person: a program that changed them could destroy what somebody else still has to fix.
pub fn forget_in_copies(folder: &Path, person: &Person, region: Region) -> Result<Vec<String>, BackupError> {
    let mut unreadable = Vec::new();
    for (name, _) in copies(folder)? {
        let path = folder.join(&name);
        for tries in 1.. {
            match forget_in_copy(&path, person, region)? {
                Forgotten::All => {}
                Forgotten::Unreadable => unreadable.push(name),
                Forgotten::Overtaken if tries < super::MOST_TRIES => continue,
                Forgotten::Overtaken => return Err(io::Error::other(format!("{name} changes all the time")).into()),
            }
            break;
        }
    }
    Ok(unreadable)
}

/// What a look into one copy has come to.
enum Forgotten {
    /// It says nothing of the person any more.
    All,
    /// It cannot be read, and seems to name the person.
    Unreadable,
    /// Somebody has changed it meanwhile.
    Overtaken,
}

/// Reads a copy entry by entry, and once more where some have to go: however large it is, it is never in memory.
fn forget_in_copy(path: &Path, person: &Person, region: Region) -> Result<Forgotten, BackupError> {
    let seen = look_at(path)?;
    let (mut all, mut of_person) = (0, 0);
    let contents = each_entry(path, |entry| {
        all += 1;
        of_person += usize::from(is_of(&entry, person, region));
        true
    })?;
    match contents {
        Contents::Nothing => return Ok(Forgotten::All),
        Contents::Unreadable => {
            let named = names(fs::File::open(path)?, person)?;
            return Ok(if named { Forgotten::Unreadable } else { Forgotten::All });
        }
        Contents::Entries if of_person == 0 => return Ok(Forgotten::All),
        Contents::Entries if of_person == all => {
            fs::remove_file(path)?;
            return Ok(Forgotten::All);
        }
        Contents::Entries => {}
    }
    let (mut draft, mut added) = (Draft::new(path.to_owned()), Ok(()));
    let contents = each_entry(path, |entry| {
        if !is_of(&entry, person, region) {
            added = draft.add(|text| text.add_kept(&entry));
        }
        added.is_ok()
    })?;
    added?;
    if contents != Contents::Entries {
        return Ok(Forgotten::Overtaken);
    }
    match draft.replace(None, seen)? {
        Replaced::Done { .. } | Replaced::Same => Ok(Forgotten::All),
        Replaced::Overtaken => Ok(Forgotten::Overtaken),
    }
}

fn is_of(entry: &Value, person: &Person, region: Region) -> bool {
    let user_id = text(&entry["user_id"]).parse::<i64>().ok().filter(|id| *id != 0);
    let phone = Phone::imported(&text(&entry["phone"]), region);
    let known = |lead: &crate::store::PersonLead| {
        entry["id"] == lead.id.as_str() || text(&entry["number"]) == lead.number.as_str()
    };
    user_id.is_some_and(|id| person.users.contains(&id))
        || person.phones.contains(phone.e164())
        || person.leads.iter().any(known)
}

/// Whether a text holds one of the person's numbers, whatever stands between the digits of a phone.
fn names(mut text: impl io::Read, person: &Person) -> io::Result<bool> {
    const LEAST: usize = 5;
    let users: Vec<Vec<u8>> = person.users.iter().map(|id| id.to_string().into_bytes()).collect();
    let digits_of = |phone: &String| phone.bytes().filter(u8::is_ascii_digit).collect::<Vec<u8>>();
    // 8 999… is +7 999…: the first digit may be another.
    let phones: Vec<Vec<u8>> = person
        .phones
        .iter()
        .map(digits_of)
        .filter(|phone| phone.len() > LEAST)
        .map(|phone| phone[1..].to_owned())
        .collect();
    // Of a longer run of digits its end tells as much.
    let longest = users.iter().chain(&phones).map(Vec::len).max().unwrap_or(0) + 1;
    let ends_well = |run: &[u8]| users.iter().any(|id| id == run) || phones.iter().any(|phone| run.ends_with(phone));
    let (mut run, mut piece) = (Vec::with_capacity(longest), [0; 8 * 1024]);
    loop {
        let read = text.read(&mut piece)?;
        for byte in &piece[..read] {
            match byte {
                b' ' | b'(' | b')' | b'-' | b'+' | b'.' => {}
                digit if digit.is_ascii_digit() => {
                    if run.len() == longest {
                        run.remove(0);
                    }
                    run.push(*digit);
                }
                _ if ends_well(&run) => return Ok(true),
                _ => run.clear(),
            }
        }
        if read == 0 {
            return Ok(ends_well(&run));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn person() -> Person {
        Person { users: [5001].into(), phones: ["+79991234567".to_owned()].into(), ..Person::default() }
    }

    #[test]
    fn only_copies_of_ours_are_taken_for_copies() {
        assert_eq!(made_at("backup_leads.kept-20250907T103000Z.json"), Some(1_757_241_000_000));
        assert_eq!(made_at("backup_leads.unreadable-20250907T103000Z-2.json"), Some(1_757_241_000_000));
        for name in ["backup_leads.json", "backup_leads.kept-old.json", "backup_leads.kept-20250907T103000Z.json.bak"] {
            assert_eq!(made_at(name), None, "{name}");
        }
    }

    #[test]
    fn old_copies_go_and_a_person_goes_from_the_others() {
        let folder = tempfile::tempdir().expect("a folder");
        let write = |name: &str, text: &str| fs::write(folder.path().join(name), text).expect("a file");
        let there = |name: &str| folder.path().join(name).exists();
        let old = "backup_leads.kept-20250101T000000Z.json";
        let (both, one) = ("backup_leads.kept-20250907T103000Z.json", "backup_leads.kept-20250907T103000Z-1.json");
        let (broken, other) =
            ("backup_leads.unreadable-20250907T103000Z.json", "backup_leads.unreadable-20250907T103001Z.json");
        write(old, "[]");
        let ivan = r#"{"name":"Иван","phone":"8 (999) 123-45-67","status":"completed"}"#;
        write(both, &format!(r#"[{ivan},{{"name":"Анна","phone":"+79990000000","user_id":7}}]"#));
        write(one, r#"[{"name":"Иван","user_id":"5001"}]"#);
        write(broken, r#"[{"name":"Иван","phone":"8 (999) 123-45-67""#);
        write(other, r#"[{"name":"Анна","phone":"8 999 000-00-00","user_id":50012"#);
        assert_eq!(remove_old_copies(folder.path(), 1_757_000_000_000).expect("a look"), 1);
        assert!(!there(old) && there(both));
        let left = forget_in_copies(folder.path(), &person(), Region::default()).expect("a look");
        assert_eq!(left, [broken]);
        assert!(!there(one) && there(other));
        let text = fs::read_to_string(folder.path().join(both)).expect("a file");
        assert!(text.contains("Анна") && !text.contains("Иван"), "{text}");
    }

    /// Gives a text in small pieces and remembers the largest that was asked for at once.
    struct Pieces<'a> {
        text: &'a [u8],
        size: usize,
        asked: usize,
    }

    impl io::Read for &mut Pieces<'_> {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            self.asked = self.asked.max(buffer.len());
            let piece = buffer.len().min(self.size);
            io::Read::read(&mut self.text, &mut buffer[..piece])
        }
    }

    #[test]
    fn a_person_is_found_in_what_cannot_be_read_whatever_its_size() {
        let long = "1 ".repeat(100_000);
        for (text, named) in [
            ("", false),
            ("5001", true),
            ("\"user_id\": 5001,", true),
            ("id 50 01\n", true),
            ("15001", false),
            ("50011", false),
            ("5001 2", false),
            ("8 (999) 123-45-67", true),
            ("+7.999.123.45.67\"", true),
            ("9991234567", true),
            ("0009991234567", true),
            ("99912345678", false),
            ("999x1234567", false),
            ("999\u{442}1234567", false),
            (&format!("[{long}"), false),
            (&format!("[{long}, 5001"), true),
            (&format!("[{long}9991234567 and so on"), true),
            (&format!("[{long}5001"), false),
        ] {
            for size in [1, 7, usize::MAX] {
                let mut pieces = Pieces { text: text.as_bytes(), size, asked: 0 };
                assert_eq!(names(&mut pieces, &person()).expect("a read"), named, "{}", &text[..text.len().min(40)]);
                assert!(pieces.asked <= 64 * 1024, "{} bytes at once", pieces.asked);
            }
        }
        assert!(!names("1 2".as_bytes(), &Person::default()).expect("a read"));
    }

    #[test]
    fn a_large_copy_is_written_anew_without_the_person_and_nothing_is_left_beside_it() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("backup_leads.kept-20250907T103000Z.json");
        let entry = |n: usize| serde_json::json!({"name": "ж".repeat(200), "user_id": if n % 3 == 1 { 5001 } else { 7 }, "n": n});
        fs::write(&path, serde_json::to_vec(&(0..3000).map(entry).collect::<Vec<_>>()).expect("JSON")).expect("a file");
        assert_eq!(forget_in_copies(folder.path(), &person(), Region::default()).expect("a look"), [""; 0]);
        let mut left = Vec::new();
        let contents = each_entry(&path, |entry| {
            left.push(entry["n"].as_u64().expect("a number"));
            true
        });
        assert_eq!(contents.expect("a read"), Contents::Entries);
        assert_eq!(left, (0..3000).filter(|n| n % 3 != 1).collect::<Vec<_>>());
        assert_eq!(fs::read_dir(folder.path()).expect("the folder").count(), 1);
        // A second time there is nothing to do, and the file is not touched.
        let seen = look_at(&path).expect("a look");
        forget_in_copies(folder.path(), &person(), Region::default()).expect("a look");
        assert_eq!(look_at(&path).expect("a look"), seen);
    }
}
