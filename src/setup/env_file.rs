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

    /// Nothing is to be changed any more.
    pub fn forget_changes(&mut self) {
        self.changed.clear();
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
mod tests;
