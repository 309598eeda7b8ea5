//! `dealer.toml` with some of it changed. Pure.
//!
//! **Promise.** Comments, order and whatever is not changed stay as the dealer has written them.

use toml_edit::{Array, ArrayOfTables, DocumentMut, InlineTable, Item, Table, Value, value};

use super::answers::{DAYS, Hours, ManagerAnswer};

/// Stands at the head of a file that is made here.
const HEAD: &str = "# The dealer's business. Everything that can stand here is explained in dealer.toml.example.\n\n";

/// Why the file cannot be changed: what stands there is of another kind than it has to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NotATable(pub &'static str);

/// The file, with what is to be changed in it.
#[derive(Debug, Clone)]
pub struct DealerFile {
    before: Option<String>,
    /// Comments of a file that says nothing yet: what is added comes behind them.
    head: String,
    document: DocumentMut,
}

impl DealerFile {
    /// Reads the text of the file that is there, if one is.
    ///
    /// # Errors
    /// What is wrong with it, with its place.
    pub fn parse(text: Option<&str>) -> Result<Self, String> {
        let shown = text.map(|text| text.strip_prefix('\u{feff}').unwrap_or(text));
        let shown = shown.unwrap_or(HEAD);
        let mut document: DocumentMut = shown.parse().map_err(|error: toml_edit::TomlError| error.to_string())?;
        let mut head = String::new();
        if document.is_empty() {
            head.push_str(shown);
            document = DocumentMut::new();
        }
        Ok(Self { before: text.map(str::to_owned), head, document })
    }

    /// The text with the changes in it; `None` where there is nothing to write.
    pub fn text(&self) -> Option<String> {
        let mut text = self.head.clone();
        if !text.is_empty() && !text.ends_with('\n') && !self.document.is_empty() {
            text.push('\n');
        }
        text.push_str(&self.document.to_string());
        let is_new = match &self.before {
            Some(before) => before.trim_start_matches('\u{feff}') != text,
            None => text.trim() != HEAD.trim(),
        };
        is_new.then_some(text)
    }

    /// The text of the file that is there, if one is.
    pub fn there(&self) -> Option<&str> {
        self.before.as_deref()
    }

    /// The text that was there.
    pub fn before(&self) -> &str {
        self.before.as_deref().unwrap_or_default()
    }

    /// `time_zone`.
    pub fn set_time_zone(&mut self, zone: &str) {
        put(self.document.as_table_mut(), "time_zone", zone.into());
    }

    /// `[hours]`; holidays stay. `None` for always.
    pub fn set_hours(&mut self, hours: Option<&Hours>) -> Result<(), NotATable> {
        let Some(hours) = hours else {
            self.document.as_table_mut().remove("hours");
            return Ok(());
        };
        let table = self.table("hours")?;
        for (day, span) in DAYS.iter().zip(&hours.0) {
            match span {
                Some(span) => put(table, day, span.as_str().into()),
                // Left out, or as it was written.
                None if table.contains_key(day) => put(table, day, "off".into()),
                None => {}
            }
        }
        Ok(())
    }

    /// `[crm] callback_within`.
    pub fn set_callback_within(&mut self, within: &str) -> Result<(), NotATable> {
        self.set_rule("callback_within", within)
    }

    /// `[crm] distribute`.
    pub fn set_distribute(&mut self, who: &str) -> Result<(), NotATable> {
        self.set_rule("distribute", who)
    }

    /// A rule of `[crm]` that is off where nothing is said.
    fn set_rule(&mut self, key: &str, rule: &str) -> Result<(), NotATable> {
        if rule.eq_ignore_ascii_case("off") && !self.has_rule(key) {
            return Ok(());
        }
        put(self.table("crm")?, key, rule.into());
        Ok(())
    }

    /// Whether anything is said in `[crm]` about this.
    pub fn has_rule(&self, key: &str) -> bool {
        self.document.get("crm").is_some_and(|crm| crm.get(key).is_some())
    }

    /// `[[manager]]`: one more, or what is new of one who is there already (by amoCRM's id, else by Telegram's).
    pub fn add_manager(&mut self, manager: &ManagerAnswer) -> Result<(), NotATable> {
        let list = self
            .document
            .entry("manager")
            .or_insert_with(|| Item::ArrayOfTables(ArrayOfTables::new()))
            .as_array_of_tables_mut()
            .ok_or(NotATable("manager"))?;
        let same =
            |table: &Table, key: &str, id: Option<i64>| id.is_some() && table.get(key).and_then(Item::as_integer) == id;
        let known = list.iter().position(|table| {
            same(table, "crm_user_id", manager.crm_user_id) || same(table, "telegram_id", manager.telegram_id)
        });
        let table = match known.and_then(|at| list.get_mut(at)) {
            Some(table) => table,
            None => {
                list.push(Table::new());
                let last = list.len() - 1;
                list.get_mut(last).ok_or(NotATable("manager"))?
            }
        };
        put(table, "name", manager.name.as_str().into());
        for (key, id) in [("crm_user_id", manager.crm_user_id), ("telegram_id", manager.telegram_id)] {
            if let Some(id) = id {
                put(table, key, id.into());
            }
        }
        Ok(())
    }

    /// `[[manager]]`: one less (by amoCRM's id, else by Telegram's).
    pub fn remove_manager(&mut self, manager: &ManagerAnswer) -> Result<(), NotATable> {
        let Some(list) = self.document.get_mut("manager") else { return Ok(()) };
        let list = list.as_array_of_tables_mut().ok_or(NotATable("manager"))?;
        let has = |table: &Table, key: &str, id: Option<i64>| table.get(key).and_then(Item::as_integer) == id;
        list.retain(|table| {
            !(has(table, "crm_user_id", manager.crm_user_id) && has(table, "telegram_id", manager.telegram_id))
        });
        if list.is_empty() {
            self.document.as_table_mut().remove("manager");
        }
        Ok(())
    }

    /// `[consent]`: the document in one language, or for all where none is named.
    pub fn set_consent(&mut self, version: &str, documents: &[(Option<String>, String)]) -> Result<(), NotATable> {
        let table = self.table("consent")?;
        put(table, "version", version.into());
        let document = match documents {
            [(None, place)] => Value::from(place.as_str()),
            several => {
                let mut by_language = InlineTable::new();
                for (language, place) in several {
                    by_language.insert(language.as_deref().unwrap_or("ru"), place.as_str().into());
                }
                Value::InlineTable(by_language)
            }
        };
        put(table, "document", document);
        Ok(())
    }

    /// `[consent] version`; a new one asks everybody again.
    pub fn set_consent_version(&mut self, version: &str) -> Result<(), NotATable> {
        put(self.table("consent")?, "version", version.into());
        Ok(())
    }

    /// `[consent]` goes.
    pub fn remove_consent(&mut self) {
        self.document.as_table_mut().remove("consent");
    }

    /// `[consent] policy_url`, or none; only where there is such a section.
    pub fn set_policy(&mut self, url: Option<&str>) -> bool {
        let Some(table) = self.document.get_mut("consent").and_then(Item::as_table_mut) else { return false };
        match url {
            Some(url) => put(table, "policy_url", url.into()),
            None => {
                table.remove("policy_url");
            }
        }
        true
    }

    fn table(&mut self, key: &'static str) -> Result<&mut Table, NotATable> {
        let item = self.document.entry(key).or_insert_with(|| Item::Table(Table::new()));
        item.as_table_mut().ok_or(NotATable(key))
    }
}

/// Sets a value; what stands around the one before stays: the comment behind it, and those before it.
fn put(table: &mut Table, key: &str, new: Value) {
    match table.get_mut(key).and_then(Item::as_value_mut) {
        Some(old) if is_same(old, &new) => {}
        Some(old) => {
            let decor = old.decor().clone();
            *old = new;
            *old.decor_mut() = decor;
        }
        None => {
            table.insert(key, value(new));
        }
    }
}

fn is_same(old: &Value, new: &Value) -> bool {
    match (old, new) {
        (Value::String(old), Value::String(new)) => old.value() == new.value(),
        (Value::Integer(old), Value::Integer(new)) => old.value() == new.value(),
        (Value::InlineTable(old), Value::InlineTable(new)) => {
            old.len() == new.len() && new.iter().all(|(key, new)| old.get(key).is_some_and(|old| is_same(old, new)))
        }
        (Value::Array(old), Value::Array(new)) => same_lists(old, new),
        _ => false,
    }
}

fn same_lists(old: &Array, new: &Array) -> bool {
    old.len() == new.len() && old.iter().zip(new.iter()).all(|(old, new)| is_same(old, new))
}

/// The lines that differ, in their order: `-` for those that go, `+` for those that come.
pub fn differing(before: &str, after: &str) -> Vec<String> {
    let (old, new): (Vec<&str>, Vec<&str>) = (before.lines().collect(), after.lines().collect());
    // The longest of their common parts from each place on.
    let mut common = vec![vec![0_u32; new.len() + 1]; old.len() + 1];
    for at in (0..old.len()).rev() {
        for there in (0..new.len()).rev() {
            common[at][there] = match old[at] == new[there] {
                true => common[at + 1][there + 1] + 1,
                false => common[at + 1][there].max(common[at][there + 1]),
            };
        }
    }
    let (mut at, mut there, mut lines) = (0, 0, Vec::new());
    while at < old.len() || there < new.len() {
        if at < old.len() && there < new.len() && old[at] == new[there] {
            (at, there) = (at + 1, there + 1);
        } else if there < new.len() && (at == old.len() || common[at][there + 1] >= common[at + 1][there]) {
            lines.push(format!("+ {}", new[there]));
            there += 1;
        } else {
            lines.push(format!("- {}", old[at]));
            at += 1;
        }
    }
    lines
}

#[cfg(test)]
mod tests;
