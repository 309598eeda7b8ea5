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
mod tests {
    use std::path::Path;

    use super::*;
    use crate::config::Dealer;

    const EXAMPLE: &str = include_str!("../../dealer.toml.example");

    fn read(text: &str) -> Dealer {
        Dealer::parse("dealer.toml", text, Path::new("")).unwrap_or_else(|told| panic!("{told:?}\n{text}"))
    }

    fn anna() -> ManagerAnswer {
        ManagerAnswer { name: "Анна".into(), crm_user_id: Some(7001), telegram_id: None }
    }

    fn all_of(file: &mut DealerFile) {
        file.set_time_zone("Asia/Vladivostok");
        let hours = Hours::parse("mon-fri 09:00-19:00; sat 10:00-16:00").expect("hours").expect("some");
        file.set_hours(Some(&hours)).expect("a table");
        file.set_callback_within("15m").expect("a table");
        file.add_manager(&anna()).expect("a list");
        let boris = ManagerAnswer { name: "Борис \"Б\"".into(), crm_user_id: None, telegram_id: Some(5) };
        file.add_manager(&boris).expect("a list");
        file.set_consent("2026-12", &[(None, "https://example.com/consent".into())]).expect("a table");
        assert!(file.set_policy(Some("https://example.com/privacy")));
    }

    #[test]
    fn what_is_written_is_what_the_bot_reads() {
        for before in [None, Some(""), Some("# mine\n"), Some(EXAMPLE), Some("\u{feff}languages = [\"ru\"] # one\n")] {
            let mut file = DealerFile::parse(before).expect("it can be read");
            assert_eq!(file.text(), None, "nothing is changed yet");
            all_of(&mut file);
            let text = file.text().expect("it has changed");
            let dealer = read(&text);
            assert_eq!(dealer.time_zone.name(), "Asia/Vladivostok");
            assert_eq!(dealer.hours.expect("hours").week.0.len(), 6);
            assert_eq!(dealer.managers.len(), 2);
            assert_eq!(dealer.consent.expect("consent").version, "2026-12");
            // Again it changes nothing.
            let mut again = DealerFile::parse(Some(&text)).expect("it can be read");
            all_of(&mut again);
            assert_eq!(again.text(), None, "{text}");
        }
    }

    #[test]
    fn every_line_of_the_dealers_stays() {
        let mut file = DealerFile::parse(Some(EXAMPLE)).expect("it can be read");
        all_of(&mut file);
        let text = file.text().expect("it has changed");
        let gone: Vec<String> = differing(EXAMPLE, &text).into_iter().filter(|line| line.starts_with('-')).collect();
        assert_eq!(gone, ["- time_zone = \"Europe/Moscow\""]);
    }

    #[test]
    fn single_values_are_changed_in_their_place() {
        let day = |text: &str| Hours::parse(text).expect("hours").expect("some");
        let changed = |before: &str, change: &dyn Fn(&mut DealerFile)| {
            let mut file = DealerFile::parse(Some(before)).expect("it can be read");
            change(&mut file);
            file.text().unwrap_or_else(|| before.to_owned())
        };
        let zone = |file: &mut DealerFile| file.set_time_zone("Asia/Omsk");
        assert_eq!(
            changed("# a\ntime_zone = \"Europe/Moscow\"  # b\n# c\n", &zone),
            "# a\ntime_zone = \"Asia/Omsk\"  # b\n# c\n"
        );
        assert_eq!(changed("time_zone='Asia/Omsk' # b\n", &zone), "time_zone='Asia/Omsk' # b\n");
        let hours = |file: &mut DealerFile| file.set_hours(Some(&day("mon 10:00-18:00"))).expect("a table");
        assert_eq!(
            changed(
                "[hours]\nmon = \"9:00-12:00\" # short\nsun = \"10:00-11:00\"\nholidays = [\"2027-01-01\"]\n",
                &hours
            ),
            "[hours]\nmon = \"10:00-18:00\" # short\nsun = \"off\"\nholidays = [\"2027-01-01\"]\n"
        );
        let always = |file: &mut DealerFile| file.set_hours(None).expect("a table");
        assert_eq!(changed("a = 1\n\n[hours]\nmon = \"9:00-12:00\"\n", &always), "a = 1\n");
        let manager = |file: &mut DealerFile| {
            file.add_manager(&ManagerAnswer { telegram_id: Some(9), ..anna() }).expect("a list");
        };
        assert_eq!(
            changed("[[manager]]\n# who\nname = \"Аня\"\ncrm_user_id = 7001 # hers\n", &manager),
            "[[manager]]\n# who\nname = \"Анна\"\ncrm_user_id = 7001 # hers\ntelegram_id = 9\n"
        );
        let gone = |file: &mut DealerFile| file.remove_manager(&anna()).expect("a list");
        let boris = "[[manager]]\nname = \"Борис\"\ntelegram_id = 5\n";
        let both = format!("{boris}\n[[manager]]\nname = \"Аня\"\ncrm_user_id = 7001\n");
        assert_eq!(changed(&both, &gone), boris);
        assert_eq!(changed("x = 1\n\n[[manager]]\nname = \"А\"\ncrm_user_id = 7001\n", &gone), "x = 1\n");
        assert_eq!(changed(boris, &gone), boris);
        let consent = "[consent]\nversion = \"1\" # so\ndocument = \"a.md\"\n";
        let newer = |file: &mut DealerFile| file.set_consent_version("2").expect("a table");
        assert_eq!(changed(consent, &newer), consent.replace("\"1\"", "\"2\""));
        assert_eq!(changed(&format!("x = 1\n{consent}"), &DealerFile::remove_consent), "x = 1\n");
        let off = |file: &mut DealerFile| file.set_callback_within("off").expect("a table");
        assert_eq!(changed("x = 1\n", &off), "x = 1\n");
        assert_eq!(changed("[crm]\ncallback_within = \"15m\"\n", &off), "[crm]\ncallback_within = \"off\"\n");
        let take = |file: &mut DealerFile| file.set_distribute("take").expect("a table");
        assert_eq!(
            changed("[crm]\njunk_status = true # so\n", &take),
            "[crm]\njunk_status = true # so\ndistribute = \"take\"\n"
        );
        assert_eq!(changed("x = 1\n", &|file| file.set_distribute("off").expect("a table")), "x = 1\n");
    }

    #[test]
    fn what_is_added_comes_behind_the_comments_of_an_empty_file() {
        for (before, head) in [(None, HEAD.trim_end()), (Some("# ours\n# and theirs"), "# ours\n# and theirs")] {
            let mut file = DealerFile::parse(before).expect("nothing is wrong");
            assert_eq!(file.text(), None);
            file.set_hours(Hours::parse("9-19").expect("hours").as_ref()).expect("a table");
            file.set_time_zone("Asia/Omsk");
            let text = file.text().expect("a change");
            assert!(text.starts_with(&format!("{head}\n")) && text.ends_with("sun = \"09:00-19:00\"\n"), "{text}");
            assert_eq!(text.matches("time_zone = \"Asia/Omsk\"").count(), 1);
            assert_eq!(DealerFile::parse(Some(&text)).expect("as written").text(), None);
            assert!(!text.contains("\n\n\n"), "{text}");
        }
    }

    #[test]
    fn what_cannot_be_changed_is_told() {
        assert!(DealerFile::parse(Some("a = \n")).is_err_and(|told| told.contains("line 1")));
        let file = |text: &str| DealerFile::parse(Some(text)).expect("it can be read");
        assert_eq!(file("manager = 5\n").add_manager(&anna()), Err(NotATable("manager")));
        assert_eq!(file("crm = 5\n").set_callback_within("15m"), Err(NotATable("crm")));
        assert!(!file("").set_policy(Some("https://example.com")));
    }

    #[test]
    fn differing_lines_are_told_in_order() {
        assert_eq!(differing("a\nb\nc\n", "a\nx\nc\nd\n"), ["+ x", "- b", "+ d"]);
        assert!(differing("a\n", "a\n").is_empty());
        assert_eq!(differing("", "a\n"), ["+ a"]);
    }
}
