use chrono::{Datelike, Days, NaiveDate, Weekday};
use serde::{Deserialize, Serialize};

use super::text;

const MAX_CHARS: usize = 60;

/// Years of which a buyer may speak.
const YEARS: std::ops::RangeInclusive<i32> = 1900..=2200;

/// A day as typed, with its date.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Day {
    typed: String,
    date: NaiveDate,
}

/// Beginnings of the months' names, in Russian and English.
const MONTHS: [[&str; 2]; 12] = [
    ["янв", "jan"],
    ["фев", "feb"],
    ["мар", "mar"],
    ["апр", "apr"],
    ["ма", "may"],
    ["июн", "jun"],
    ["июл", "jul"],
    ["авг", "aug"],
    ["сен", "sep"],
    ["окт", "oct"],
    ["ноя", "nov"],
    ["дек", "dec"],
];

/// Beginnings of the days' names.
const WEEKDAYS: [(Weekday, [&str; 2]); 7] = [
    (Weekday::Mon, ["понедельник", "monday"]),
    (Weekday::Tue, ["вторник", "tuesday"]),
    (Weekday::Wed, ["сред", "wednesday"]),
    (Weekday::Thu, ["четверг", "thursday"]),
    (Weekday::Fri, ["пятниц", "friday"]),
    (Weekday::Sat, ["суббот", "saturday"]),
    (Weekday::Sun, ["воскресень", "sunday"]),
];

impl Day {
    /// Parses what a buyer typed; `None` for what is no day of the calendar.
    ///
    /// `25.12.2026`, `25/12/26`, `2026-12-25`, `25 декабря`, `December 25`, `25.12`, `завтра`, `в субботу`; a day without
    /// its year is the next one from `today` on.
    pub fn parse(text: &str, today: NaiveDate) -> Option<Self> {
        let typed = text::clean(text);
        if typed.chars().count() > MAX_CHARS {
            return None;
        }
        let date = date(&typed.to_lowercase(), today).filter(|date| YEARS.contains(&date.year()))?;
        Some(Self { typed, date })
    }

    /// As typed.
    pub fn typed(&self) -> &str {
        &self.typed
    }

    /// Its date.
    pub fn date(&self) -> NaiveDate {
        self.date
    }
}

impl std::fmt::Display for Day {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "{}", self.date.format("%d.%m.%Y"))
    }
}

fn date(text: &str, today: NaiveDate) -> Option<NaiveDate> {
    let words: Vec<&str> = text.split(|sign: char| !sign.is_alphanumeric()).filter(|word| !word.is_empty()).collect();
    // «в субботу», «на завтра», "on Saturday"
    let words = match words.as_slice() {
        ["в" | "во" | "на" | "on" | "до" | "к" | "с" | "со" | "by" | "from", rest @ ..] => rest,
        all => all,
    };
    let words = match words {
        [rest @ .., "г" | "год" | "года"] => rest,
        all => all,
    };
    match words {
        ["сегодня" | "today"] => Some(today),
        ["завтра" | "tomorrow"] => today.checked_add_days(Days::new(1)),
        ["послезавтра"] => today.checked_add_days(Days::new(2)),
        ["день", "после", "завтра"] => today.checked_add_days(Days::new(2)),
        [name] if name.chars().all(char::is_alphabetic) => {
            let (wanted, _) = WEEKDAYS.iter().find(|(_, names)| names.iter().any(|begin| name.starts_with(begin)))?;
            (1..=7).filter_map(|days| today.checked_add_days(Days::new(days))).find(|day| day.weekday() == *wanted)
        }
        [year, month, day] if year.len() == 4 => of(number(day)?, number(month)?, Some(number(year)?), today),
        [day, month, year] if number(day).is_some() && number(month).is_some() => {
            of(number(day)?, number(month)?, Some(full_year(year)?), today)
        }
        [day, month] if number(day).is_some() && number(month).is_some() => {
            of(number(day)?, number(month)?, None, today)
        }
        [one, other] => match (named_month(other), named_month(one)) {
            (Some(month), _) => of(day_number(one)?, month, None, today),
            (None, Some(month)) => of(day_number(other)?, month, None, today),
            (None, None) => None,
        },
        [one, other, year] => match (named_month(other), named_month(one)) {
            (Some(month), _) => of(day_number(one)?, month, Some(full_year(year)?), today),
            (None, Some(month)) => of(day_number(other)?, month, Some(full_year(year)?), today),
            (None, None) => None,
        },
        _ => None,
    }
}

fn of(day: u32, month: u32, year: Option<u32>, today: NaiveDate) -> Option<NaiveDate> {
    let in_year = |year: i32| NaiveDate::from_ymd_opt(year, month, day);
    match year {
        Some(year) => in_year(i32::try_from(year).ok()?),
        // February 29 may be years away.
        None => (0..=8).filter_map(|years| in_year(today.year() + years)).find(|date| *date >= today),
    }
}

fn number(word: &str) -> Option<u32> {
    if word.len() > 4 || !word.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    word.parse().ok()
}

/// `25`, `25го`, `25th`
fn day_number(word: &str) -> Option<u32> {
    let digits = word.trim_end_matches(char::is_alphabetic);
    let behind = &word[digits.len()..];
    ["", "го", "е", "ое", "th", "st", "nd", "rd"].contains(&behind).then(|| number(digits))?
}

fn full_year(word: &str) -> Option<u32> {
    let year = number(word)?;
    Some(if word.len() == 2 { 2000 + year } else { year })
}

fn named_month(word: &str) -> Option<u32> {
    let is_named = |names: &[&str; 2]| names.iter().any(|begin| word.starts_with(begin));
    // «мая» and «март» begin alike: the longer beginnings come first in the year.
    let at = MONTHS.iter().position(is_named)?;
    u32::try_from(at + 1).ok().filter(|_| word.chars().all(char::is_alphabetic))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn today() -> NaiveDate {
        NaiveDate::from_ymd_opt(2026, 11, 26).expect("a Thursday")
    }

    #[test]
    fn days_are_read_however_they_are_written() {
        for (text, want) in [
            ("25.12.2026", "25.12.2026"),
            ("25/12/2026", "25.12.2026"),
            ("25-12-26", "25.12.2026"),
            ("2026-12-25", "25.12.2026"),
            ("25.12", "25.12.2026"),
            ("1.2", "01.02.2027"),
            ("26.11", "26.11.2026"),
            ("25 декабря", "25.12.2026"),
            ("25 декабря 2027 года", "25.12.2027"),
            ("9 мая", "09.05.2027"),
            ("8 марта", "08.03.2027"),
            ("December 25", "25.12.2026"),
            ("25th of", ""),
            ("Dec 25, 2027", "25.12.2027"),
            ("29 февраля", "29.02.2028"),
            ("сегодня", "26.11.2026"),
            ("Завтра!", "27.11.2026"),
            ("послезавтра", "28.11.2026"),
            ("в субботу", "28.11.2026"),
            ("на четверг", "03.12.2026"),
            ("friday", "27.11.2026"),
            ("31.02.2026", ""),
            ("32.01.2026", ""),
            ("25.13.2026", ""),
            ("01.01.0001", ""),
            ("скоро", ""),
            ("", ""),
            ("2026", ""),
        ] {
            let day = Day::parse(text, today()).map(|day| day.to_string()).unwrap_or_default();
            assert_eq!(day, want, "{text}");
        }
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(text in any::<String>(), dotted in "[0-9]{1,5}[./-][0-9а-я]{1,5}[./ -][0-9]{0,5}") {
            let _ = (Day::parse(&text, today()), Day::parse(&dotted, today()));
        }
    }
}
