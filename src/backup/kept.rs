//! Copies that stand beside the file: entries that were not to be sent, files that could not be read. They are ours, so
//! they are forgotten in and deleted like everything else.

use std::{collections::BTreeSet, fs, io, path::Path};

use chrono::NaiveDateTime;
use serde_json::Value;

use crate::{
    clock::Millis,
    lead::{Phone, Region},
    store::Person,
};

use super::{
    BackupError,
    file::{Contents, each_entry},
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
/// person: a program that changed them could destroy what somebody else still has to mend.
pub fn forget_in_copies(folder: &Path, person: &Person, region: Region) -> Result<Vec<String>, BackupError> {
    let mut unreadable = Vec::new();
    for (name, _) in copies(folder)? {
        let path = folder.join(&name);
        let (mut entries, mut before) = (Vec::new(), 0);
        let contents = each_entry(&path, |entry| {
            before += 1;
            if !is_of(&entry, person, region) {
                entries.push(entry);
            }
            true
        })?;
        match contents {
            Contents::Entries => {
                if entries.is_empty() {
                    fs::remove_file(&path)?;
                } else if entries.len() < before {
                    let bytes = serde_json::to_vec_pretty(&entries).map_err(io::Error::other)?;
                    crate::files::replace(&path, &bytes)?;
                }
            }
            Contents::Nothing => {}
            Contents::Unreadable => {
                if names(&fs::read(&path)?, person) {
                    unreadable.push(name);
                }
            }
        }
    }
    Ok(unreadable)
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
fn names(bytes: &[u8], person: &Person) -> bool {
    const LEAST: usize = 5;
    let text = String::from_utf8_lossy(bytes);
    let is_between = |sign: char| matches!(sign, ' ' | '(' | ')' | '-' | '+' | '.');
    let close: String = text.chars().filter(|sign| !is_between(*sign)).collect();
    let runs: BTreeSet<&str> = close.split(|sign: char| !sign.is_ascii_digit()).collect();
    let phones = person.phones.iter().map(|phone| phone.chars().filter(char::is_ascii_digit).collect::<String>());
    // 8 999… is +7 999…: the first digit may be another.
    let mut phones = phones.filter(|digits| digits.len() > LEAST).map(|digits| digits[1..].to_owned());
    person.users.iter().any(|id| runs.contains(id.to_string().as_str()))
        || phones.any(|phone| runs.iter().any(|run| run.ends_with(&phone)))
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
}
