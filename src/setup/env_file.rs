//! The file with the settings: what it says, and the same with some of it changed. Pure.
//!
//! **Promise.** Lines that are not changed stay byte for byte, comments and unknown names too. A value that is written is read
//! the same by systemd (`EnvironmentFile=`) and by dotenvy, whatever stands in it.

use std::{collections::BTreeMap, fmt};

use super::assignments::{Assignment, Piece, first_line, first_of, is_name};

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
    read_by: ReadBy,
}

/// Who reads the file: of lines that people write the two make different things.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum ReadBy {
    /// The service's unit names it.
    Systemd,
    /// The bot itself: `.env` of its working directory.
    #[default]
    Dotenvy,
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
    pub fn parse(text: &str, read_by: ReadBy) -> Self {
        let (mut items, mut before) = (Vec::new(), BTreeMap::new());
        let mut rest = text;
        while let Some(piece) = first_of(rest) {
            let mut item = Item { raw: piece.raw().to_owned(), name: None, example_of: None };
            match &piece {
                Piece::Nothing(line) => item.example_of = example_of(line, read_by),
                Piece::Odd(_) => {}
                Piece::Assignment(assignment) => {
                    // Whoever forgot to close a quote gets no more than that line changed.
                    if !assignment.is_closed {
                        item.raw = first_line(assignment.raw).to_owned();
                    }
                    item.name = read_by.name(assignment);
                    if let Some(name) = &item.name {
                        read_by.take(&mut before, name, assignment, &item.raw);
                    }
                }
            }
            rest = &rest[item.raw.len()..];
            items.push(item);
        }
        Self { items, before, changed: BTreeMap::new(), read_by }
    }

    /// The file once it is written.
    pub fn written(&self) -> Self {
        Self::parse(&self.text(), self.read_by)
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

/// Whom a line would give a value if it were no comment.
fn example_of(line: &str, read_by: ReadBy) -> Option<String> {
    match first_of(line.trim_start().strip_prefix('#')?)? {
        Piece::Assignment(assignment) => read_by.name(&assignment),
        Piece::Nothing(_) | Piece::Odd(_) => None,
    }
}

impl ReadBy {
    fn name(self, assignment: &Assignment<'_>) -> Option<String> {
        let name = match self {
            Self::Systemd => assignment.name,
            Self::Dotenvy => assignment.name.strip_prefix("export ").map_or(assignment.name, str::trim_start),
        };
        is_name(name).then(|| name.to_owned())
    }

    /// Of two values of a name systemd takes the last, and dotenvy the first that it can read.
    fn take(self, values: &mut BTreeMap<String, String>, name: &str, assignment: &Assignment<'_>, raw: &str) {
        match self {
            Self::Systemd => {
                values.insert(name.to_owned(), assignment.value.clone());
            }
            Self::Dotenvy => {
                let raw = raw.trim_start_matches('\u{feff}');
                if let Some(Ok((_, value))) = dotenvy::from_read_iter(raw.as_bytes()).next() {
                    values.entry(name.to_owned()).or_insert(value);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{super::assignments, *};

    fn read_by_systemd(text: &str) -> BTreeMap<String, String> {
        assignments::read(text).values.into_iter().collect()
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
        with_of(ReadBy::Dotenvy, text, changes)
    }

    fn with_of(read_by: ReadBy, text: &str, changes: &[(&'static str, Option<&str>)]) -> String {
        let mut file = EnvFile::parse(text, read_by);
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
            for read_by in [ReadBy::Systemd, ReadBy::Dotenvy] {
                assert_eq!(EnvFile::parse(&text, read_by).get("AMOCRM_TAGS").as_deref(), Some(value), "{text}");
            }
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
            if !before.starts_with("export") {
                assert_eq!(with_of(ReadBy::Systemd, before, &changes), after, "of a service: {before:?}");
            }
        }
    }

    #[test]
    fn a_setting_has_the_value_that_its_reader_takes() {
        for (text, of_systemd, of_dotenvy) in [
            ("BOT_TOKEN=1:a\nX=1\nBOT_TOKEN=2:b\n", Some("2:b"), Some("1:a")),
            ("export BOT_TOKEN=1:a\n", None, Some("1:a")),
            ("BOT_TOKEN=1:a # mine\n", Some("1:a # mine"), Some("1:a")),
            ("BOT_TOKEN='1:a' # mine\n", Some("1:a# mine"), Some("1:a")),
            ("\u{feff}BOT_TOKEN=1:a\r\n", Some("1:a"), Some("1:a")),
            ("# a path, C:\\\nBOT_TOKEN=1:a\n", Some("1:a"), Some("1:a")),
            ("BOT_TOKEN=\n", None, None),
        ] {
            for (read_by, value) in [(ReadBy::Systemd, of_systemd), (ReadBy::Dotenvy, of_dotenvy)] {
                let file = EnvFile::parse(text, read_by);
                assert_eq!(file.get("BOT_TOKEN").as_deref(), value, "{read_by:?} {text:?}");
                assert_eq!(file.text(), text);
            }
        }
        // What the service passes over stays, and counts for nothing.
        let own = with_of(ReadBy::Systemd, "export BOT_TOKEN=1:a\n", &[("BOT_TOKEN", Some("2:b"))]);
        assert_eq!(own, "export BOT_TOKEN=1:a\nBOT_TOKEN=2:b\n");
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
        let mut file = EnvFile::parse("BOT_TOKEN=1:a\nADMIN_CHAT_ID=5\nAMOCRM_REFRESH_TOKEN=def50\n", ReadBy::Systemd);
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
