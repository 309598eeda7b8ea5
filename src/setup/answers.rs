//! What people answer, read: hours, managers, places of documents. Pure.

use std::{fmt, str::FromStr};

use chrono::{NaiveTime, Timelike};

use super::words::Language;
use crate::config::Week;

/// The days of `[hours]`.
pub const DAYS: [&str; 7] = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];

/// How people write the days in Russian.
const RUSSIAN: [&str; 7] = ["пн", "вт", "ср", "чт", "пт", "сб", "вс"];

/// The hours of each day from Monday on, as `09:00-19:00`; `None` for a day off.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Hours(pub [Option<String>; 7]);

/// What are no hours.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NoHours(pub String);

impl Hours {
    /// Reads `mon-fri 09:00-19:00; sat 10:00-16:00`, in Russian too; `None` for `always`.
    ///
    /// # Errors
    /// The part that cannot be read.
    pub fn parse(text: &str) -> Result<Option<Self>, NoHours> {
        let text = text.trim().to_lowercase();
        if ["always", "24/7", "всегда", "круглосуточно"].contains(&text.as_str()) {
            return Ok(None);
        }
        let mut hours = Self::default();
        let parts = text.split([';', ',', '\n']).map(str::trim).filter(|part| !part.is_empty());
        for part in parts {
            let wrong = || NoHours(part.to_owned());
            // The first figure ends the days; "off" does, too.
            let at = part.find(|sign: char| sign.is_ascii_digit()).or_else(|| part.find("off")).ok_or_else(wrong)?;
            let (days, span) = part.split_at(at);
            let (from, to) = days_of(days.trim().trim_end_matches(':')).ok_or_else(wrong)?;
            let span = if span.trim() == "off" { None } else { Some(span_of(span).ok_or_else(wrong)?) };
            hours.0[from..=to].fill(span);
        }
        if hours.0.iter().all(Option::is_none) { Err(NoHours(text)) } else { Ok(Some(hours)) }
    }
}

impl Hours {
    /// Those that are in force.
    pub fn of(week: &Week) -> Self {
        let mut hours = Self::default();
        for (day, (from, to)) in &week.0 {
            // The day's end is one that a clock does not show.
            let to = if to.second() == 59 { "24:00".to_owned() } else { to.format("%H:%M").to_string() };
            if let Some(span) = hours.0.get_mut(usize::from(*day)) {
                *span = Some(format!("{}-{to}", from.format("%H:%M")));
            }
        }
        hours
    }

    /// As people write them, which [`Hours::parse`] reads again.
    pub fn shown(&self, language: Language) -> String {
        let names = if language == Language::Ru { RUSSIAN } else { DAYS };
        let (mut parts, mut day) = (Vec::new(), 0);
        while day < self.0.len() {
            let alike = self.0[day..].iter().take_while(|span| **span == self.0[day]).count();
            if let Some(span) = &self.0[day] {
                let last = day + alike - 1;
                let days = if last > day { format!("{}-{}", names[day], names[last]) } else { names[day].to_owned() };
                parts.push(format!("{days} {span}"));
            }
            day += alike;
        }
        parts.join("; ")
    }
}

/// The first and the last day; every day where none is named.
fn days_of(text: &str) -> Option<(usize, usize)> {
    let day = |text: &str| {
        let text = text.trim();
        let is_it = |name: &&str| *name == text;
        DAYS.iter().position(&is_it).or_else(|| RUSSIAN.iter().position(is_it))
    };
    if text.is_empty() || ["daily", "ежедневно"].contains(&text) {
        return Some((0, 6));
    }
    let days = match text.split_once(['-', '–', '—']) {
        Some((from, to)) => (day(from)?, day(to)?),
        None => (day(text)?, day(text)?),
    };
    (days.0 <= days.1).then_some(days)
}

fn span_of(text: &str) -> Option<String> {
    let (from, to) = text.split_once(['-', '–', '—'])?;
    let time = |text: &str| {
        let text = text.trim();
        if text == "24:00" {
            return Some((NaiveTime::from_hms_opt(23, 59, 59)?, "24:00".to_owned()));
        }
        let whole = if text.contains(':') { text.to_owned() } else { format!("{text}:00") };
        let time = NaiveTime::parse_from_str(&whole, "%H:%M").ok()?;
        Some((time, time.format("%H:%M").to_string()))
    };
    let (from, to) = (time(from)?, time(to)?);
    (from.0 < to.0).then(|| format!("{}-{}", from.1, to.1))
}

/// One manager.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ManagerAnswer {
    /// As colleagues call them.
    pub name: String,
    /// amoCRM's id of the user.
    pub crm_user_id: Option<i64>,
    /// Telegram's id of the person.
    pub telegram_id: Option<i64>,
}

/// What is no manager.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NoManager;

impl fmt::Display for NoManager {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("such as \"Anna=7001\", or \"Anna=7001,123456789\" with Telegram's id behind amoCRM's")
    }
}

impl std::error::Error for NoManager {}

impl FromStr for ManagerAnswer {
    type Err = NoManager;

    /// `NAME=CRM_ID`, `NAME=CRM_ID,TELEGRAM_ID`, `NAME=,TELEGRAM_ID`.
    fn from_str(text: &str) -> Result<Self, NoManager> {
        let (name, ids) = text.rsplit_once('=').ok_or(NoManager)?;
        let name = crate::lead::one_line(name.trim(), 60);
        let (crm, telegram) = ids.split_once(',').unwrap_or((ids, ""));
        let id = |text: &str| match text.trim() {
            "" => Ok(None),
            text => text.parse::<i64>().ok().filter(|id| *id > 0).map(Some).ok_or(NoManager),
        };
        let manager = Self { crm_user_id: id(crm)?, telegram_id: id(telegram)?, name };
        let is_whole = !manager.name.is_empty() && (manager.crm_user_id.is_some() || manager.telegram_id.is_some());
        if is_whole { Ok(manager) } else { Err(NoManager) }
    }
}

/// Where a consent document stands, with the language before it where one is named: `ru=consent-ru.md`.
pub fn document(text: &str) -> (Option<String>, String) {
    match text.split_once('=') {
        Some((language, place)) if crate::config::is_language_code(language.trim()) => {
            (Some(language.trim().to_lowercase()), place.trim().to_owned())
        }
        _ => (None, text.trim().to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hours_are_read_as_people_write_them() {
        let week =
            |text: &str| Hours::parse(text).map(|hours| hours.map(|hours| hours.0.map(Option::unwrap_or_default)));
        let (d, e) = ("09:00-19:00", "10:00-16:00");
        for (text, days) in [
            ("mon-fri 09:00-19:00; sat 10:00-16:00", [d, d, d, d, d, e, ""]),
            ("пн-пт 9-19, сб 10:00–16:00", [d, d, d, d, d, e, ""]),
            ("Пн–Сб: 9:00 - 19:00", [d, d, d, d, d, d, ""]),
            ("9-19", [d; 7]),
            ("ежедневно 9-19; sun off", [d, d, d, d, d, d, ""]),
            ("wed 10-16", ["", "", e, "", "", "", ""]),
        ] {
            assert_eq!(week(text), Ok(Some(days.map(str::to_owned))), "{text}");
        }
        assert_eq!(week("Всегда"), Ok(None));
        assert_eq!(week("sat 10-24:00").map(|week| week.map(|week| week[5].clone())), Ok(Some("10:00-24:00".into())));
        for text in ["", "mon", "19-9", "fri-mon 9-19", "xyz 9-19", "mon 9", "mon 25:00-26:00", "mon off", "mon-fri"] {
            assert!(Hours::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn hours_are_shown_as_they_are_read() {
        for (text, russian, english) in [
            ("mon-fri 9-19; sat 10-16", "пн-пт 09:00-19:00; сб 10:00-16:00", "mon-fri 09:00-19:00; sat 10:00-16:00"),
            ("wed 10-24:00", "ср 10:00-24:00", "wed 10:00-24:00"),
            ("9-18; sun 10-12", "пн-сб 09:00-18:00; вс 10:00-12:00", "mon-sat 09:00-18:00; sun 10:00-12:00"),
            ("mon 9-18; wed-thu 9-18", "пн 09:00-18:00; ср-чт 09:00-18:00", "mon 09:00-18:00; wed-thu 09:00-18:00"),
        ] {
            let hours = Hours::parse(text).expect("hours").expect("some");
            assert_eq!(hours.shown(Language::Ru), russian);
            assert_eq!(hours.shown(Language::En), english);
            assert_eq!(Hours::parse(russian), Ok(Some(hours)));
        }
    }

    #[test]
    fn managers_are_given_in_one_word() {
        let read =
            |text: &str| text.parse::<ManagerAnswer>().ok().map(|one| (one.name, one.crm_user_id, one.telegram_id));
        for (text, name, crm, telegram) in [
            ("Анна=7001", "Анна", Some(7001), None),
            ("Анна Б. = 7001 , 5", "Анна Б.", Some(7001), Some(5)),
            ("Anna=,5", "Anna", None, Some(5)),
            ("a=b=7", "a=b", Some(7), None),
        ] {
            assert_eq!(read(text), Some((name.to_owned(), crm, telegram)), "{text}");
        }
        for text in ["", "Анна", "=7001", "Анна=", "Анна=x", "Анна=-5", "Анна=7001,x", "Анна=0"]
        {
            assert_eq!(read(text), None, "{text}");
        }
    }

    #[test]
    fn a_document_may_have_a_language_before_it() {
        for (text, language, place) in [
            ("consent.md", None, "consent.md"),
            ("ru=consent-ru.md", Some("ru"), "consent-ru.md"),
            ("https://example.com/?a=b", None, "https://example.com/?a=b"),
        ] {
            assert_eq!(document(text), (language.map(str::to_owned), place.to_owned()), "{text}");
        }
    }
}
