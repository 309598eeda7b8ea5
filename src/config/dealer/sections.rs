//! The sections of `dealer.toml` beside the questions.

use std::{collections::BTreeSet, time::Duration};

use strum::IntoEnumIterator;

use super::{
    document::{Document, Table, Value},
    hours::{Week, week},
};
use crate::lead::{LeadSource, SourceCode, Sources, Utm, UtmValues, utm_of};

const DAY: Duration = Duration::from_secs(24 * 3600);
const LONGEST_NAME: usize = 100;
pub(super) const LONGEST_TEXT: usize = 1000;
/// As much as fits into a field of amoCRM.
const LONGEST_UTM: usize = 255;
/// In place of a tag.
const NO_TAG: &str = "off";

/// Words by language code, the first for every language that is not among them; never empty.
pub type ByLanguage = Vec<(String, String)>;

/// What becomes of a request of somebody who has an open lead.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, strum::EnumString, strum::IntoStaticStr, strum::VariantNames)]
#[strum(serialize_all = "snake_case")]
pub enum Repeat {
    /// A lead of its own.
    #[default]
    New,
    /// It is attached to the open one.
    Attach,
}

/// Who gets a new lead.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, strum::EnumString, strum::IntoStaticStr, strum::VariantNames)]
#[strum(serialize_all = "snake_case")]
pub enum Distribute {
    /// Whoever the settings name.
    #[default]
    Off,
    /// Those on duty in turn.
    RoundRobin,
    /// Whoever takes it.
    Take,
}

/// `[crm]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CrmRules {
    /// What becomes of a request of a known buyer.
    pub repeat: Repeat,
    /// How long ago the open lead may have been made.
    pub attach_within: Duration,
    /// How soon a buyer is to be called; `None` for no task.
    pub callback_within: Option<Duration>,
    /// Who gets a new lead.
    pub distribute: Distribute,
    /// What managers call no lead is closed (143), beside its tag.
    pub junk_status: bool,
}

impl CrmRules {
    /// How old the open lead may be that takes a further request; `None` where every request gets a lead.
    pub fn attaches_within(&self) -> Option<Duration> {
        (self.repeat == Repeat::Attach).then_some(self.attach_within)
    }
}

impl Default for CrmRules {
    fn default() -> Self {
        let (repeat, distribute) = (Repeat::default(), Distribute::default());
        Self { repeat, attach_within: 30 * DAY, callback_within: None, distribute, junk_status: false }
    }
}

/// `[[manager]]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Manager {
    /// As buyers and colleagues read it.
    pub name: String,
    /// amoCRM's id of the user.
    pub crm_user_id: Option<i64>,
    /// Telegram's id of the person.
    pub telegram_id: Option<i64>,
    /// Their own hours; `None` for the dealer's.
    pub hours: Option<Week>,
}

/// `[unfinished]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unfinished {
    /// After so long a buyer is reminded once; `None` for never.
    pub remind_after: Option<Duration>,
    /// After so long what there is goes to the CRM; `None` for never.
    pub deliver_after: Option<Duration>,
}

impl Default for Unfinished {
    fn default() -> Self {
        Self { remind_after: Some(Duration::from_secs(30 * 60)), deliver_after: None }
    }
}

/// `[privacy]`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PrivacyRules {
    /// So long after delivery personal data are wiped; `None` for never.
    pub retention: Option<Duration>,
    /// Phones are masked in the managers' group.
    pub mask_phones_in_group: bool,
}

pub fn crm(table: Table<'_>) -> CrmRules {
    use strum::VariantNames;
    let usual = CrmRules::default();
    let attach_within = table.get("attach_within").and_then(|value| {
        let within = value.duration()?;
        if within.is_none() {
            value.wrong("cannot be off", "Write repeat = \"new\" for that");
        }
        within
    });
    let rules = CrmRules {
        repeat: table.get("repeat").and_then(|value| value.one_of(Repeat::VARIANTS)).unwrap_or_default(),
        attach_within: attach_within.unwrap_or(usual.attach_within),
        callback_within: table.get("callback_within").and_then(|value| value.duration()).flatten(),
        distribute: table.get("distribute").and_then(|value| value.one_of(Distribute::VARIANTS)).unwrap_or_default(),
        junk_status: table.get("junk_status").and_then(|value| value.flag()).unwrap_or_default(),
    };
    table.end();
    rules
}

/// Tells whatever stands twice.
pub(super) fn no_doubles<K: Ord + std::fmt::Display>(
    seen: &mut BTreeSet<K>,
    key: Option<K>,
    at: &Value<'_>,
    what: &str,
) {
    if let Some(key) = key {
        let told = format!("{what} {key} is there already");
        if !seen.insert(key) {
            at.wrong(told, "Leave one of them out");
        }
    }
}

pub fn managers(list: &Value<'_>) -> Vec<Manager> {
    let (mut managers, mut users, mut people) = (Vec::new(), BTreeSet::new(), BTreeSet::new());
    for value in list.list() {
        let Some(table) = value.table() else { continue };
        let name = table.need("name", "Such as name = \"Анна\"").and_then(|value| value.text(LONGEST_NAME));
        let (crm, telegram) = (table.get("crm_user_id"), table.get("telegram_id"));
        if crm.is_none() && telegram.is_none() {
            table.wrong("neither crm_user_id nor telegram_id is there", "Name at least one of them");
        }
        let crm_user_id = crm.and_then(|value| value.id());
        let telegram_id = telegram.and_then(|value| value.id());
        no_doubles(&mut users, crm_user_id, &value, "crm_user_id");
        no_doubles(&mut people, telegram_id, &value, "telegram_id");
        let hours = table.get("hours").and_then(|value| value.table()).map(|table| {
            let week = week(&table);
            table.end();
            week
        });
        table.end();
        managers.extend(name.map(|name| Manager { name, crm_user_id, telegram_id, hours }));
    }
    managers
}

/// `[[source]]`.
pub fn sources(list: &Value<'_>) -> Sources {
    let (mut sources, mut seen) = (Vec::new(), BTreeSet::new());
    for value in list.list() {
        let Some(table) = value.table() else { continue };
        let code = table.need("code", "Such as code = \"avito\"").and_then(|value| {
            let text = value.text(LONGEST_TEXT)?;
            let code = SourceCode::parse(&text);
            if code.is_none() {
                value.wrong(format!("is {text:?}, which Telegram does not take"), SourceCode::ALLOWED);
            }
            code
        });
        no_doubles(&mut seen, code.clone(), &value, "code");
        let name = table.need("name", "Such as name = \"Авито\"").and_then(|value| value.text(LONGEST_NAME));
        let utm = table.get("utm").and_then(|value| value.table()).map(|table| {
            let value = |mark: Utm| Some((mark, table.get(mark.key())?.text(LONGEST_UTM)?));
            let utm: UtmValues = Utm::iter().filter_map(value).collect();
            table.end();
            utm
        });
        let tag = match table.get("tag") {
            None => name.clone(),
            Some(value) => value.text(LONGEST_NAME).filter(|tag| !tag.eq_ignore_ascii_case(NO_TAG)),
        };
        table.end();
        sources.extend(code.zip(name).map(|(code, name)| {
            let utm = utm.unwrap_or_else(|| utm_of(&code));
            LeadSource { code, name: Some(name), utm, tag }
        }));
    }
    sources.into_iter().collect()
}

pub fn unfinished(table: Table<'_>) -> Unfinished {
    let usual = Unfinished::default();
    let read = |key, usual| table.get(key).and_then(|value: Value<'_>| value.duration()).unwrap_or(usual);
    let unfinished = Unfinished {
        remind_after: read("remind_after", usual.remind_after),
        deliver_after: read("deliver_after", usual.deliver_after),
    };
    table.end();
    unfinished
}

pub fn privacy(table: Table<'_>) -> PrivacyRules {
    let rules = PrivacyRules {
        retention: table.get("retention").and_then(|value| value.duration()).flatten(),
        mask_phones_in_group: table.get("mask_phones_in_group").and_then(|value| value.flag()).unwrap_or_default(),
    };
    table.end();
    rules
}

/// `time_zone`.
pub fn time_zone(value: &Value<'_>) -> Option<chrono_tz::Tz> {
    let name = value.text(60)?;
    let zone = name.parse().ok();
    if zone.is_none() {
        let known: Vec<&str> = chrono_tz::TZ_VARIANTS.iter().map(|zone| zone.name()).collect();
        let alike = |zone: &&&str| strsim::normalized_damerau_levenshtein(&name.to_lowercase(), &zone.to_lowercase());
        let nearest = known.iter().max_by(|one, other| alike(one).total_cmp(&alike(other)));
        let nearest = nearest.filter(|zone| alike(zone) > 0.6);
        let remedy = match nearest {
            Some(zone) => format!("Did you mean {zone}?"),
            None => "Such as Europe/Moscow, Asia/Vladivostok, Asia/Almaty".to_owned(),
        };
        value.wrong(format!("is {name:?}, which is no time zone"), remedy);
    }
    zone
}

/// `languages`.
pub fn languages(value: &Value<'_>) -> Vec<String> {
    let mut languages: Vec<String> = Vec::new();
    let list = value.list();
    if list.is_empty() && value.is_list() {
        value.wrong("has no language in it", "Such as [\"ru\", \"en\"]");
    }
    for one in list {
        let Some(code) = one.text(35) else { continue };
        if !super::document::is_language(&code) {
            one.wrong(format!("has {code:?} in it, which is no code of a language"), "Such as ru, en, ko, pt-br");
        } else if languages.contains(&code.to_lowercase()) {
            one.wrong(format!("has {code:?} in it twice"), "Leave one of them out");
        } else {
            languages.push(code.to_lowercase());
        }
    }
    languages
}

/// Tells syntax errors at their places.
pub fn syntax(document: &Document<'_>, errors: &[toml::de::Error]) {
    for error in errors {
        let at = error.span().map_or(0, |span| span.start);
        document.wrong(
            at,
            format!("this is no TOML: {}", error.message().replace('\n', ", ")),
            "dealer.toml.example shows how it is written",
        );
    }
}
