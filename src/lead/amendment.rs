//! What becomes of a request after its buyer has sent it: what has changed, and how that is told under its lead.
//!
//! The texts are the dealer's managers', so they are Russian, as notes are. What people typed stands in them as it is; whoever
//! sends them takes out what could be read as a number of another lead.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::{LeadNumber, one_line, shorten};
use crate::clock::{in_dealers_time, in_utc};

/// So much of an answer stands in a note; all of it is in the answer's field or in the note before.
const LONGEST_ANSWER: usize = 2000;

/// In place of an answer that is not there.
const NOTHING: &str = "нет";

/// What has happened to a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, strum::EnumString, strum::IntoStaticStr)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum AmendmentKind {
    /// Its buyer has corrected an answer.
    Corrected,
    /// Its buyer has taken it back.
    TakenBack,
    /// It was sent unfinished, and its buyer has answered more since.
    Supplemented,
    /// It was sent unfinished, and its buyer has finished it since.
    Finished,
    /// It stands under an open lead that its buyer has already.
    Repeated,
    /// Its buyer was known, and may have another phone than before.
    KnownBuyer,
}

/// The tag of a request that was sent unfinished.
pub const UNFINISHED_TAG: &str = "не завершена";

/// The tag of an open lead under which a further request of its buyer was put.
pub const REPEATED_TAG: &str = "повторно";

impl AmendmentKind {
    /// As it is in the store.
    pub fn as_str(self) -> &'static str {
        self.into()
    }

    /// The tag that the lead gets.
    pub fn tag(self) -> Option<&'static str> {
        match self {
            Self::Corrected => Some("исправлено"),
            Self::TakenBack => Some("отозвано"),
            Self::Repeated => Some(REPEATED_TAG),
            Self::Supplemented | Self::Finished | Self::KnownBuyer => None,
        }
    }

    /// The tag that the lead loses.
    pub fn tag_that_goes(self) -> Option<&'static str> {
        match self {
            Self::Finished => Some(UNFINISHED_TAG),
            Self::Corrected | Self::TakenBack | Self::Supplemented | Self::Repeated | Self::KnownBuyer => None,
        }
    }
}

/// An answer that is another one now, as managers read it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Change {
    /// The question's key.
    pub key: String,
    /// What was asked.
    pub label: String,
    /// The answer until now; `None` where there was none.
    pub before: Option<String>,
    /// The answer from now on.
    pub after: Option<String>,
}

impl std::fmt::Display for Change {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let answer = |answer: &Option<String>| match answer {
            Some(answer) => shorten(&on_one_line(answer), LONGEST_ANSWER),
            None => NOTHING.to_owned(),
        };
        write!(formatter, "{}: {} → {}", self.label, answer(&self.before), answer(&self.after))
    }
}

fn on_one_line(answer: &str) -> String {
    let lines: Vec<String> = answer.lines().map(|line| one_line(line, LONGEST_ANSWER)).collect();
    lines.join(", ")
}

fn times(at: DateTime<Utc>) -> String {
    format!("{} ({})", in_utc(at), in_dealers_time(at))
}

/// The note of a correction; `which` counts those of one request, from 1, so that no two of them are alike.
pub fn correction_note(number: &LeadNumber, changes: &[Change], which: usize, at: DateTime<Utc>) -> String {
    let changes: Vec<String> = changes.iter().map(Change::to_string).collect();
    format!("#{number} Исправлено покупателем: {}\nИсправление {which}, {}", changes.join("; "), times(at))
}

/// The note of a request that its buyer has taken back.
pub fn taken_back_note(number: &LeadNumber, at: DateTime<Utc>) -> String {
    format!("#{number} Отозвано покупателем: заявка ему больше не нужна.\nОтозвана: {}", times(at))
}

/// The note of a request that was sent unfinished and is finished now: every answer, those first that have changed.
pub fn finished_note(number: &LeadNumber, answers: &[Change], at: DateTime<Utc>) -> String {
    format!("#{number} Заявка завершена покупателем: {}{}", times(at), lines(answers))
}

/// The note of a request that was sent unfinished and of which the buyer has answered more, and left it again.
pub fn supplement_note(number: &LeadNumber, changes: &[Change], at: DateTime<Utc>) -> String {
    format!("#{number} Покупатель дополнил незавершённую заявку: {}{}", times(at), lines(changes))
}

fn lines(answers: &[Change]) -> String {
    let line = |Change { label, before, after, .. }: &Change| {
        let now = after.as_deref().map_or_else(|| NOTHING.to_owned(), on_one_line);
        let was = before
            .as_deref()
            .filter(|_| before != after)
            .map_or_else(String::new, |before| format!(" (было: {})", shorten(&on_one_line(before), LONGEST_ANSWER)));
        format!("\n{label}: {}{was}", shorten(&now, LONGEST_ANSWER))
    };
    answers.iter().map(line).collect()
}

/// The note of a request that was sent unfinished and of which the buyer has thrown the form away since.
pub fn given_up_note(number: &LeadNumber, at: DateTime<Utc>) -> String {
    format!("#{number} Отозвано покупателем: незавершённую заявку он отменил.\nОтменена: {}", times(at))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_note_tells_what_was_and_what_is() {
        let number = LeadNumber::parse("K7M2QXA").expect("a number");
        let at = DateTime::from_timestamp(1_764_000_000, 0).expect("a time");
        let change = |label: &str, before: Option<&str>, after: Option<&str>| Change {
            key: "key".into(),
            label: label.into(),
            before: before.map(str::to_owned),
            after: after.map(str::to_owned),
        };
        let phone = change("Телефон", Some("+79991234567"), Some("+79997654321"));
        let link = change("Ссылка", Some("https://a.b/1\nhttps://a.b/2"), None);
        assert_eq!(
            correction_note(&number, &[phone.clone(), link], 2, at),
            "#K7M2QXA Исправлено покупателем: Телефон: +79991234567 → +79997654321; Ссылка: https://a.b/1, https://a.b/2 → \
             нет\nИсправление 2, 24.11.2025 16:00 UTC (24.11.2025 19:00 МСК)"
        );
        let (budget, name) = (change("Бюджет", None, Some("2 млн")), change("Имя", Some("Иван"), Some("Иван")));
        assert_eq!(
            finished_note(&number, &[budget.clone(), phone, name], at),
            "#K7M2QXA Заявка завершена покупателем: 24.11.2025 16:00 UTC (24.11.2025 19:00 МСК)\nБюджет: 2 млн\n\
             Телефон: +79997654321 (было: +79991234567)\nИмя: Иван"
        );
        assert_eq!(
            supplement_note(&number, &[budget], at),
            "#K7M2QXA Покупатель дополнил незавершённую заявку: 24.11.2025 16:00 UTC (24.11.2025 19:00 МСК)\nБюджет: 2 млн"
        );
        for note in [taken_back_note(&number, at), given_up_note(&number, at)] {
            assert!(note.starts_with("#K7M2QXA "), "{note}");
        }
    }
}
