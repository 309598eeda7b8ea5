//! Where a buyer came from: the code of a link `https://t.me/BOT?start=CODE`, and what the dealer says that it stands for.

use std::{collections::BTreeMap, fmt, sync::Arc};

use serde::{Deserialize, Serialize};

/// Telegram takes no longer ones (core.telegram.org/bots/features#deep-linking).
const LONGEST_CODE: usize = 64;

/// The parts of a code that nobody has described: `source__campaign__content`.
const BETWEEN_PARTS: &str = "__";

/// What may stand in a link: 1 to 64 of `A-Z a-z 0-9 _ -`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct SourceCode(String);

impl SourceCode {
    /// What a code is made of, for people.
    pub const ALLOWED: &'static str = "Latin letters, digits, _ and -, at most 64";

    /// A code; `None` for what Telegram puts into no link.
    pub fn parse(text: &str) -> Option<Self> {
        let is_sign = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-';
        ((1..=LONGEST_CODE).contains(&text.len()) && text.bytes().all(is_sign)).then(|| Self(text.to_owned()))
    }

    /// As it is in the link.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for SourceCode {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl TryFrom<String> for SourceCode {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        Self::parse(&text).ok_or("no code of a link")
    }
}

impl From<SourceCode> for String {
    fn from(code: SourceCode) -> Self {
        code.0
    }
}

/// A UTM mark, for which amoCRM's leads have a field of the type `tracking_data` (amocrm.ru/developers, «UTM-метки»).
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Serialize,
    Deserialize,
    strum::EnumIter,
    strum::IntoStaticStr,
)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum Utm {
    /// Where the link stands: a site, a messenger.
    Source,
    /// What kind of advertisement it is.
    Medium,
    /// Which campaign it belongs to.
    Campaign,
    /// Which of its advertisements it is.
    Content,
    /// What was searched for.
    Term,
}

impl Utm {
    /// Its name behind `utm_`, and in `dealer.toml`.
    pub fn key(self) -> &'static str {
        self.into()
    }

    /// The code of its field in amoCRM.
    pub fn field(self) -> &'static str {
        match self {
            Self::Source => "UTM_SOURCE",
            Self::Medium => "UTM_MEDIUM",
            Self::Campaign => "UTM_CAMPAIGN",
            Self::Content => "UTM_CONTENT",
            Self::Term => "UTM_TERM",
        }
    }
}

/// Values of UTM marks.
pub type UtmValues = BTreeMap<Utm, String>;

/// What a link's code stands for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LeadSource {
    /// The code.
    pub code: SourceCode,
    /// As managers read it; absent for a code that the dealer has not described.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// For the fields of the lead.
    #[serde(default, skip_serializing_if = "UtmValues::is_empty")]
    pub utm: UtmValues,
    /// For the lead.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tag: Option<String>,
}

impl LeadSource {
    /// Under which all codes are counted that the dealer has not described: anybody may make up any number of them.
    pub const OTHER: &'static str = "other";
    /// Under which those are counted who came by no such link.
    pub const NONE: &'static str = "none";

    /// A code that nobody has described. It sets no tag: whoever makes up codes would fill the dealer's list of tags.
    pub fn unknown(code: SourceCode) -> Self {
        Self { name: None, utm: utm_of(&code), tag: None, code }
    }

    /// Its name and its code.
    pub fn shown(&self) -> String {
        match &self.name {
            Some(name) => format!("{name} ({})", self.code),
            None => self.code.to_string(),
        }
    }

    /// Under which name it is counted.
    pub fn label(&self) -> &str {
        if self.name.is_some() { self.code.as_str() } else { Self::OTHER }
    }

    /// Its UTM marks in one line: `utm_source=avito, utm_medium=cpc`; nothing where there are none.
    pub fn utm_line(&self) -> Option<String> {
        let marks: Vec<String> = self.utm.iter().map(|(mark, value)| format!("utm_{}={value}", mark.key())).collect();
        (!marks.is_empty()).then(|| marks.join(", "))
    }
}

/// A code read as `source__campaign__content`; what is empty of it is nothing.
pub fn utm_of(code: &SourceCode) -> UtmValues {
    let parts = code.as_str().splitn(3, BETWEEN_PARTS);
    let marks = [Utm::Source, Utm::Campaign, Utm::Content].into_iter().zip(parts);
    marks.filter(|(_, part)| !part.is_empty()).map(|(mark, part)| (mark, part.to_owned())).collect()
}

/// The sources that the dealer has described; clones share them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Sources(Arc<[LeadSource]>);

impl FromIterator<LeadSource> for Sources {
    fn from_iter<I: IntoIterator<Item = LeadSource>>(sources: I) -> Self {
        Self(sources.into_iter().collect())
    }
}

impl Sources {
    /// All of them, as the dealer has put them.
    pub fn all(&self) -> &[LeadSource] {
        &self.0
    }

    /// The one with this code; where there is none, the one whose code differs only in capitals.
    pub fn described(&self, code: &SourceCode) -> Option<&LeadSource> {
        let same = |source: &&LeadSource| source.code == *code;
        let alike = |source: &&LeadSource| source.code.as_str().eq_ignore_ascii_case(code.as_str());
        self.0.iter().find(same).or_else(|| self.0.iter().find(alike))
    }

    /// What a code stands for.
    pub fn of(&self, code: &SourceCode) -> LeadSource {
        self.described(code).cloned().unwrap_or_else(|| LeadSource::unknown(code.clone()))
    }

    /// Under which name a code is counted.
    pub fn label(&self, code: Option<&SourceCode>) -> &str {
        code.map_or(LeadSource::NONE, |code| self.described(code).map_or(LeadSource::OTHER, LeadSource::label))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code(text: &str) -> SourceCode {
        SourceCode::parse(text).unwrap_or_else(|| panic!("{text}"))
    }

    #[test]
    fn a_code_is_what_telegram_puts_into_a_link() {
        let longest = "x".repeat(64);
        for text in ["a", "avito", "Avito-2026_spring", "7", "_", "-", "__", longest.as_str()] {
            assert_eq!(SourceCode::parse(text).as_ref().map(SourceCode::as_str), Some(text));
        }
        let longer = "x".repeat(65);
        for text in ["", " ", "авито", "a b", "a=b", "a.b", "a/b", "a+b", "a\n", "é", "a\u{200b}", longer.as_str()]
        {
            assert_eq!(SourceCode::parse(text), None, "{text:?}");
        }
    }

    #[test]
    fn a_code_that_nobody_has_described_is_read_part_by_part() {
        use Utm::{Campaign, Content, Source};
        for (text, want) in [
            ("avito", vec![(Source, "avito")]),
            ("avito__spring", vec![(Source, "avito"), (Campaign, "spring")]),
            ("avito__spring__banner", vec![(Source, "avito"), (Campaign, "spring"), (Content, "banner")]),
            ("vk_ads__new-year__a__b", vec![(Source, "vk_ads"), (Campaign, "new-year"), (Content, "a__b")]),
            ("avito____banner", vec![(Source, "avito"), (Content, "banner")]),
            ("__spring", vec![(Campaign, "spring")]),
            ("avito__", vec![(Source, "avito")]),
            ("a_b", vec![(Source, "a_b")]),
            ("____", vec![]),
        ] {
            let read = LeadSource::unknown(code(text));
            let marks: Vec<_> = read.utm.iter().map(|(mark, value)| (*mark, value.as_str())).collect();
            assert_eq!(marks, want, "{text}");
            assert_eq!((read.label(), read.tag.as_deref(), read.shown().as_str()), ("other", None, text));
        }
    }

    #[test]
    fn described_codes_are_found_in_capitals_too_and_counted_under_theirs() {
        let described = |text: &str, name: &str| LeadSource {
            name: Some(name.into()),
            tag: Some(name.into()),
            ..LeadSource::unknown(code(text))
        };
        let sources: Sources =
            [described("avito", "Авито"), described("Vk", "ВК"), described("VK", "ВК реклама")].into_iter().collect();
        for (text, shown, label) in [
            ("avito", "Авито (avito)", "avito"),
            ("AVITO", "Авито (avito)", "avito"),
            ("Vk", "ВК (Vk)", "Vk"),
            ("VK", "ВК реклама (VK)", "VK"),
            ("vk", "ВК (Vk)", "Vk"),
            ("drom", "drom", "other"),
            ("none", "none", "other"),
        ] {
            assert_eq!((sources.of(&code(text)).shown().as_str(), sources.label(Some(&code(text)))), (shown, label));
        }
        assert_eq!(sources.label(None), "none");
    }

    /// Leads are stored with it.
    #[test]
    fn it_is_stored_as_it_is_read() {
        let source =
            LeadSource { name: Some("Авито".into()), tag: None, ..LeadSource::unknown(code("avito__spring")) };
        let json = serde_json::json!(
            {"code": "avito__spring", "name": "Авито", "utm": {"source": "avito", "campaign": "spring"}}
        );
        assert_eq!(serde_json::to_value(&source).ok(), Some(json.clone()));
        assert_eq!(serde_json::from_value::<LeadSource>(json).ok(), Some(source.clone()));
        assert_eq!(source.utm_line().as_deref(), Some("utm_source=avito, utm_campaign=spring"));
        assert!(serde_json::from_value::<SourceCode>("a b".into()).is_err());
    }
}
