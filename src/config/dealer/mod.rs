//! `dealer.toml`: the dealer's business, in types that cannot be wrong.
//!
//! All that is wrong in it is told at once, each with line, column and what was meant. Without the file the built-in form
//! is asked. Where an environment variable says the same thing, that wins.

mod consent;
mod document;
mod hours;
mod questions;
mod sections;
mod statuses;
#[cfg(test)]
mod tests;

use std::path::{Path, PathBuf};

use chrono_tz::Tz;
use toml::de::DeTable;

use super::ConfigProblem;
use crate::{form::Form, lead::Sources};
pub use consent::{Consent, LARGEST_DOCUMENT, Place};
use document::{Document, Table};
pub use hours::{Hours, Week};
pub use sections::{ByLanguage, CrmRules, Distribute, Manager, PrivacyRules, Repeat, Unfinished};
pub use statuses::{StatusText, StatusTexts};

/// What buyers are spoken to in where `languages` does not say.
const SPOKEN_BY_DEFAULT: [&str; 2] = ["ru", "en"];

/// What `dealer.toml` says.
#[derive(Debug, Clone)]
pub struct Dealer {
    /// Where it was read; `None` where there is none.
    pub file: Option<PathBuf>,
    /// `time_zone`: the dealer's clock.
    pub time_zone: Tz,
    /// `languages`, as IETF tags in small letters; the first is for everybody whose own is not among them. Empty where nothing
    /// is said: all that there are texts of.
    pub languages: Vec<String>,
    /// `[hours]`; `None` for always.
    pub hours: Option<Hours>,
    /// `[[question]]`: what buyers are asked.
    pub form: Form,
    /// `[crm]`.
    pub crm: CrmRules,
    /// `[[manager]]`.
    pub managers: Vec<Manager>,
    /// `[[status]]`.
    pub statuses: StatusTexts,
    /// `[[source]]`.
    pub sources: Sources,
    /// `[unfinished]`.
    pub unfinished: Unfinished,
    /// `[consent]`.
    pub consent: Option<Consent>,
    /// `[privacy]`.
    pub privacy: PrivacyRules,
    /// What looks odd, with its place.
    pub odd: Vec<ConfigProblem>,
}

impl Default for Dealer {
    fn default() -> Self {
        Self {
            file: None,
            time_zone: Tz::Europe__Moscow,
            languages: Vec::new(),
            hours: None,
            form: Form::default(),
            crm: CrmRules::default(),
            managers: Vec::new(),
            statuses: StatusTexts::default(),
            sources: Sources::default(),
            unfinished: Unfinished::default(),
            consent: None,
            privacy: PrivacyRules::default(),
            odd: Vec::new(),
        }
    }
}

impl Dealer {
    /// Reads the text of a `dealer.toml`; `name` is how it is told, other files are beside it in `folder`.
    ///
    /// # Errors
    /// All that is wrong, from top to bottom.
    pub fn parse(name: &str, text: &str, folder: &Path) -> Result<Self, Vec<ConfigProblem>> {
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        let document = Document::new(name, text);
        let (root, errors) = DeTable::parse_recoverable(text);
        if !errors.is_empty() {
            // What could be read of it may be read wrongly.
            sections::syntax(&document, &errors);
            return Err(document.told().0);
        }
        let dealer = read(Table::new(&document, "", root.get_ref(), 0), folder);
        let (problems, odd) = document.told();
        if problems.is_empty() { Ok(Self { odd, ..dealer }) } else { Err(problems) }
    }
}

fn read(root: Table<'_>, folder: &Path) -> Dealer {
    let usual = Dealer::default();
    let languages = root.get("languages").map(|value| sections::languages(&value)).unwrap_or_default();
    let first = languages.first().map_or("ru", String::as_str);
    let spoken = if languages.is_empty() { SPOKEN_BY_DEFAULT.map(str::to_owned).to_vec() } else { languages.clone() };
    let table = |key| root.get(key).and_then(|value| value.table());
    let unfinished = table("unfinished").map(sections::unfinished).unwrap_or(usual.unfinished);
    let privacy = table("privacy").map(sections::privacy).unwrap_or(usual.privacy);
    let crm = table("crm").map(sections::crm).unwrap_or(usual.crm);
    let dealer = Dealer {
        file: None,
        time_zone: root.get("time_zone").and_then(|value| sections::time_zone(&value)).unwrap_or(usual.time_zone),
        hours: table("hours").map(hours::hours),
        form: root.get("question").and_then(|value| questions::read(&value, first)).unwrap_or(usual.form),
        crm,
        managers: root.get("manager").map(|value| sections::managers(&value)).unwrap_or_default(),
        statuses: root.get("status").map(|value| statuses::statuses(&value, first)).unwrap_or_default(),
        sources: root.get("source").map(|value| sections::sources(&value)).unwrap_or_default(),
        unfinished,
        consent: table("consent").and_then(|table| consent::consent(table, &spoken, folder)),
        privacy,
        odd: Vec::new(),
        languages,
    };
    root.end();
    dealer
}
