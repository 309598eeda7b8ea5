//! The file with the settings: what it says, and the same with some of it changed. Pure.
//!
//! **Promise.** Lines that are not changed stay byte for byte, comments and unknown names too. A value that is written is read
//! the same by systemd (`EnvironmentFile=`) and by dotenvy, whatever stands in it.

use std::{collections::BTreeMap, fmt};

/// What values of such names are shown as.
const HIDDEN: &str = "••••••";

/// A value that would not come back as it was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NotOneLine;

impl fmt::Display for NotOneLine {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("has a line break or another control character in it")
    }
}

/// A line, or an assignment over several.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Item {
    /// With its line end.
    raw: String,
    /// Whom it gives a value.
    name: Option<String>,
    /// Whom it would give one if it were no comment.
    example_of: Option<String>,
}

/// The file, and what is to be changed in it.
#[derive(Debug, Clone, Default)]
pub struct EnvFile {
    items: Vec<Item>,
    before: BTreeMap<String, String>,
    changed: BTreeMap<&'static str, Option<String>>,
}

/// What becomes of a setting.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// It gets this value, or what stands for a secret one.
    Set(String),
    /// It goes.
    Removed,
}

impl EnvFile {
    /// Reads the text of a file. Lines that nobody can read are kept.
    pub fn parse(text: &str) -> Self {
        let items = items(text);
        let mut before = BTreeMap::new();
        for item in items.iter().filter(|item| item.name.is_some()) {
            // Like dotenvy, which takes the first of two.
            if let Some(Ok((name, value))) = dotenvy::from_read_iter(item.raw.as_bytes()).next() {
                before.entry(name).or_insert(value);
            }
        }
        Self { items, before, changed: BTreeMap::new() }
    }

    /// The value of a setting as it will be; `None` where there is none, or an empty one.
    pub fn get(&self, name: &str) -> Option<String> {
        let value = match self.changed.get(name) {
            Some(changed) => changed.clone(),
            None => self.before.get(name).cloned(),
        };
        value.filter(|value| !value.trim().is_empty())
    }

    /// Whether it goes.
    pub fn is_removed(&self, name: &str) -> bool {
        matches!(self.changed.get(name), Some(None))
    }

    /// The value that the file has for it.
    pub fn had(&self, name: &str) -> Option<&str> {
        self.before.get(name).map(String::as_str).filter(|value| !value.trim().is_empty())
    }

    /// Gives a setting a value, or takes it away.
    ///
    /// # Errors
    /// The value could not be read again as it is.
    pub fn set(&mut self, name: &'static str, value: Option<String>) -> Result<(), NotOneLine> {
        if value.as_ref().is_some_and(|value| value.chars().any(char::is_control)) {
            return Err(NotOneLine);
        }
        let value = value.map(|value| value.trim().to_owned()).filter(|value| !value.is_empty());
        if value.as_deref() == self.had(name) {
            self.changed.remove(name);
        } else {
            self.changed.insert(name, value);
        }
        Ok(())
    }

    /// What differs from the file, for people: values of `secret` names are not in it.
    pub fn changes(&self, secret: impl Fn(&str) -> bool) -> Vec<(&'static str, Change)> {
        let change = |(name, value): (&&'static str, &Option<String>)| {
            let change = match value {
                None => Change::Removed,
                Some(_) if secret(name) => Change::Set(HIDDEN.to_owned()),
                Some(value) => Change::Set(quoted(value)),
            };
            (*name, change)
        };
        self.changed.iter().map(change).collect()
    }

    /// The text with the changes in it.
    pub fn text(&self) -> String {
        let mut left = self.changed.clone();
        let mut text = String::new();
        for (at, item) in self.items.iter().enumerate() {
            let changed = item.name.as_deref().and_then(|name| self.changed.get_key_value(name));
            match changed {
                None => text.push_str(&item.raw),
                // Further lines of the same name go: systemd would take the last of them.
                Some((name, _)) => {
                    if let Some(Some(value)) = left.remove(name) {
                        text.push_str(&assignment(name, &value));
                    }
                }
            }
            let Some(example) = item.example_of.as_deref() else { continue };
            let is_last = !self.items[at + 1..].iter().any(|item| item.example_of.as_deref() == Some(example));
            let stands_elsewhere = self.items.iter().any(|item| item.name.as_deref() == Some(example));
            if is_last
                && !stands_elsewhere
                && let Some((name, Some(value))) = left.remove_entry(example)
            {
                end_line(&mut text);
                text.push_str(&assignment(name, &value));
            }
        }
        for (name, value) in left {
            if let Some(value) = value {
                end_line(&mut text);
                text.push_str(&assignment(name, &value));
            }
        }
        text
    }
}

fn end_line(text: &mut String) {
    if !text.is_empty() && !text.ends_with('\n') {
        text.push('\n');
    }
}

fn assignment(name: &str, value: &str) -> String {
    format!("{name}={}\n", quoted(value))
}

/// A value as both readers take it for what it is.
fn quoted(value: &str) -> String {
    let is_plain =
        |sign: char| sign.is_ascii_alphanumeric() || ['_', '-', '.', '/', ':', '@', '%', '+', ',', '='].contains(&sign);
    if value.chars().all(is_plain) {
        return value.to_owned();
    }
    // Nothing but their end means anything in single quotes; versions of systemd before 240 took a backslash for one there.
    if !value.contains(['\'', '\\']) {
        return format!("'{value}'");
    }
    let mut quoted = String::from("\"");
    for sign in value.chars() {
        if ['"', '\\', '$'].contains(&sign) {
            quoted.push('\\');
        }
        quoted.push(sign);
    }
    quoted.push('"');
    quoted
}

fn items(text: &str) -> Vec<Item> {
    let lines: Vec<&str> = text.split_inclusive('\n').collect();
    let (mut items, mut at) = (Vec::new(), 0);
    while at < lines.len() {
        let name = assigned(lines[at]);
        let length = name.as_ref().and_then(|_| length_of(&lines[at..])).unwrap_or(1);
        let raw = lines[at..at + length].concat();
        let example_of = lines[at].trim_start().strip_prefix('#').and_then(assigned);
        items.push(Item { raw, name, example_of });
        at += length;
    }
    items
}

/// The name that a line gives a value.
fn assigned(line: &str) -> Option<String> {
    let line = line.trim_start_matches('\u{feff}').trim_start();
    let line = line.strip_prefix("export ").unwrap_or(line);
    let (name, _) = line.split_once('=')?;
    let name = name.trim();
    let is_name = !name.is_empty()
        && !name.starts_with(|sign: char| sign.is_ascii_digit())
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    is_name.then(|| name.to_owned())
}

/// How many lines the value that begins on the first one takes; `None` where its quotes are never closed.
fn length_of(lines: &[&str]) -> Option<usize> {
    let (mut quote, mut escaped) = (None, false);
    for (at, line) in lines.iter().enumerate() {
        let value = if at == 0 { line.split_once('=')?.1 } else { line };
        let mut before = ' ';
        for sign in value.chars() {
            match (quote, sign) {
                _ if escaped => escaped = false,
                (None | Some('"'), '\\') => escaped = true,
                (None, '#') if before.is_whitespace() => break,
                (None, '"' | '\'') => quote = Some(sign),
                (Some(open), sign) if open == sign => quote = None,
                _ => {}
            }
            before = sign;
        }
        if quote.is_none() {
            return Some(at + 1);
        }
        escaped = false;
    }
    None
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// What systemd reads (`EnvironmentFile=` of systemd.exec(5); parse_env_file_internal of env-file.c).
    fn read_by_systemd(text: &str) -> BTreeMap<String, String> {
        let mut read = BTreeMap::new();
        for line in text.lines().filter(|line| !line.trim_start().starts_with(['#', ';'])) {
            let Some((name, value)) = line.split_once('=') else { continue };
            let mut signs = value.trim().chars();
            let mut out = String::new();
            let mut quote = None;
            while let Some(sign) = signs.next() {
                match (quote, sign) {
                    (None, '\\') => out.extend(signs.next()),
                    (None, '"' | '\'') => quote = Some(sign),
                    (Some('"'), '\\') => match signs.next() {
                        Some(next) if ['"', '\\', '`', '$'].contains(&next) => out.push(next),
                        Some(next) => out.extend(['\\', next]),
                        None => {}
                    },
                    (Some(open), sign) if open == sign => quote = None,
                    _ => out.push(sign),
                }
            }
            read.insert(name.trim().to_owned(), out);
        }
        read
    }

    fn read_by_dotenvy(text: &str) -> BTreeMap<String, String> {
        let mut read = BTreeMap::new();
        for line in dotenvy::from_read_iter(text.as_bytes()) {
            let (name, value) = line.expect("a line that can be read");
            read.entry(name).or_insert(value);
        }
        read
    }

    fn with(text: &str, changes: &[(&'static str, Option<&str>)]) -> String {
        let mut file = EnvFile::parse(text);
        for (name, value) in changes {
            file.set(name, value.map(str::to_owned)).expect("a value on one line");
        }
        file.text()
    }

    #[test]
    fn both_readers_read_what_was_written() {
        for value in [
            "123456:AAFt2pQm7Zr-1KxY0wVbNc_8dLhGsUeJfo4",
            "a b",
            "a#b",
            "a #b",
            "#",
            "a$b",
            "$HOME ${X}",
            "it's",
            "it's $5 \"now\"",
            "say \"hi\"",
            "back\\slash",
            "back\\n",
            "'",
            "\"",
            "''",
            "`id`",
            "a;b&c|d",
            "Кириллица с пробелом",
            "smtps://robot%40example.com:p%23@smtp.example.com/?to=you@example.com",
            "postgres://u:p'w\\d$x@h/d?sslmode=require",
            "=",
            "~/x",
            "!history!",
            "x\\",
        ] {
            let text = with("OTHER=1\n", &[("AMOCRM_TAGS", Some(value)), ("BOT_TOKEN", Some("1:a"))]);
            for read in [read_by_systemd(&text), read_by_dotenvy(&text)] {
                assert_eq!(read.get("AMOCRM_TAGS").map(String::as_str), Some(value), "{text}");
                assert_eq!((read.len(), read["BOT_TOKEN"].as_str(), read["OTHER"].as_str()), (3, "1:a", "1"), "{text}");
            }
            assert_eq!(EnvFile::parse(&text).get("AMOCRM_TAGS").as_deref(), Some(value));
        }
    }

    proptest! {
        #[test]
        fn whatever_stands_in_a_value_is_read_again(value in "[^\\p{C}\u{2028}\u{2029}]{1,40}") {
            let value = value.trim();
            prop_assume!(!value.is_empty());
            let text = with("", &[("AMOCRM_TAGS", Some(value))]);
            for read in [read_by_systemd(&text), read_by_dotenvy(&text)] {
                prop_assert_eq!(read.get("AMOCRM_TAGS").map(String::as_str), Some(value), "{}", text);
            }
        }
    }

    #[test]
    fn only_what_changes_is_changed() {
        let token = ("BOT_TOKEN", Some("2:b"));
        for (before, changes, after) in [
            ("", vec![token], "BOT_TOKEN=2:b\n"),
            ("# x\n\nBOT_TOKEN=1:a # mine\nFOO = bar\n", vec![token], "# x\n\nBOT_TOKEN=2:b\nFOO = bar\n"),
            ("BOT_TOKEN=2:b", vec![token], "BOT_TOKEN=2:b"),
            ("FOO=bar", vec![token], "FOO=bar\nBOT_TOKEN=2:b\n"),
            ("export BOT_TOKEN='1:a'\r\nFOO=bar\r\n", vec![token], "BOT_TOKEN=2:b\nFOO=bar\r\n"),
            // The first counts for dotenvy and the last for systemd.
            ("BOT_TOKEN=1:a\nX=1\nBOT_TOKEN=3:c\n", vec![token], "BOT_TOKEN=2:b\nX=1\n"),
            ("BOT_TOKEN=\nX=1\n", vec![token], "BOT_TOKEN=2:b\nX=1\n"),
            // Beside its example, which stays.
            ("#BOT_TOKEN=0:x\n# more\nX=1\n", vec![token], "#BOT_TOKEN=0:x\nBOT_TOKEN=2:b\n# more\nX=1\n"),
            ("#BOT_TOKEN=0:x", vec![token], "#BOT_TOKEN=0:x\nBOT_TOKEN=2:b\n"),
            ("#BOT_TOKEN=0:x\nBOT_TOKEN=1:a\n", vec![token], "#BOT_TOKEN=0:x\nBOT_TOKEN=2:b\n"),
            ("BOT_TOKEN=1:a\nX=1\n", vec![("BOT_TOKEN", None)], "X=1\n"),
            ("X=1\n", vec![("BOT_TOKEN", None)], "X=1\n"),
            // A value over several lines, and a line that nobody can read.
            ("X=\"a\nBOT_TOKEN=no\"\nBOT_TOKEN=1:a\n", vec![token], "X=\"a\nBOT_TOKEN=no\"\nBOT_TOKEN=2:b\n"),
            ("hush hush\nX='open\nBOT_TOKEN=1:a\n", vec![token], "hush hush\nX='open\nBOT_TOKEN=2:b\n"),
            ("# it's a comment\nBOT_TOKEN=1:a\n", vec![token], "# it's a comment\nBOT_TOKEN=2:b\n"),
            ("X=don't # it's\nBOT_TOKEN=1:a\n", vec![token], "X=don't # it's\nBOT_TOKEN=2:b\n"),
        ] {
            assert_eq!(with(before, &changes), after, "{before:?}");
            assert_eq!(with(&with(before, &changes), &changes), after, "again: {before:?}");
        }
    }

    #[test]
    fn the_example_is_filled_in_where_each_setting_is_explained() {
        const EXAMPLE: &str = include_str!("../../.env.example");
        let text = with(EXAMPLE, &[("BOT_TOKEN", Some("2:b")), ("MANAGERS_CHAT_ID", Some("-1001"))]);
        assert_eq!(text.lines().count(), EXAMPLE.lines().count() + 1, "{text}");
        let lines: Vec<&str> = text.lines().collect();
        assert!(lines.contains(&"BOT_TOKEN=2:b"));
        let at = lines.iter().position(|line| *line == "MANAGERS_CHAT_ID=-1001").expect("it is there");
        assert!(lines[at - 1].starts_with("#MANAGERS_CHAT_ID="), "{}", lines[at - 1]);
    }

    #[test]
    fn what_is_shown_holds_no_secret() {
        let mut file = EnvFile::parse("BOT_TOKEN=1:a\nADMIN_CHAT_ID=5\nAMOCRM_REFRESH_TOKEN=def50\n");
        for (name, value) in
            [("BOT_TOKEN", Some("2:b")), ("ADMIN_CHAT_ID", Some("7 8")), ("AMOCRM_REFRESH_TOKEN", None)]
        {
            file.set(name, value.map(str::to_owned)).expect("one line");
        }
        let shown = file.changes(|name| name.contains("TOKEN"));
        let set = |text: &str| Change::Set(text.to_owned());
        let want =
            [("ADMIN_CHAT_ID", set("'7 8'")), ("AMOCRM_REFRESH_TOKEN", Change::Removed), ("BOT_TOKEN", set(HIDDEN))];
        assert_eq!(shown, want);
        file.set("BOT_TOKEN", Some("1:a".into())).expect("one line");
        assert_eq!(file.changes(|_| true).len(), 2, "as it was is no change");
        assert_eq!(file.set("BOT_TOKEN", Some("1:a\nX=1".into())), Err(NotOneLine));
    }
}
