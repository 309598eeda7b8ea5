//! Which date words and numbers are about.

use chrono::{Datelike, Days, Months, NaiveDate, Weekday};

use super::super::text::{self, begins};
use DayError::{NotADay, NotInTheCalendar};

/// The months: how they begin in Russian, how they are shortened, and in English, where three letters will do as well.
const MONTHS: [(&str, &[&str], &str); 12] = [
    ("январ", &["янв"], "january"),
    ("феврал", &["фев", "февр"], "february"),
    ("март", &["мар"], "march"),
    ("апрел", &["апр"], "april"),
    ("ма", &[], "may"),
    ("июн", &[], "june"),
    ("июл", &[], "july"),
    ("август", &["авг"], "august"),
    ("сентябр", &["сен", "сент"], "september"),
    ("октябр", &["окт"], "october"),
    ("ноябр", &["ноя", "нояб"], "november"),
    ("декабр", &["дек"], "december"),
];

/// Beginnings of the days' names, and how they are shortened.
const WEEKDAYS: [(Weekday, [&str; 2], [&str; 3]); 7] = [
    (Weekday::Mon, ["понедельник", "monday"], ["пн", "mon", "mon"]),
    (Weekday::Tue, ["вторник", "tuesday"], ["вт", "tue", "tues"]),
    (Weekday::Wed, ["сред", "wednesday"], ["ср", "wed", "weds"]),
    (Weekday::Thu, ["четверг", "thursday"], ["чт", "thu", "thurs"]),
    (Weekday::Fri, ["пятниц", "friday"], ["пт", "fri", "fri"]),
    (Weekday::Sat, ["суббот", "saturday"], ["сб", "sat", "sat"]),
    (Weekday::Sun, ["воскресень", "sunday"], ["вс", "sun", "sun"]),
];

/// Words that say no more of a day than that it is meant.
const FILLERS: &[&str] = &[
    "the",
    "of",
    "a",
    "an",
    "about",
    "around",
    "approximately",
    "maybe",
    "probably",
    "sometime",
    "где",
    "то",
    "примерно",
    "ориентировочно",
    "наверное",
    "наверно",
    "думаю",
    "скорее",
    "всего",
    "около",
    "можно",
    "давайте",
    "хочу",
    "самом",
];

/// What stands in front of a day.
const PREPOSITIONS: &[&str] =
    &["в", "во", "на", "on", "до", "к", "ко", "с", "со", "by", "from", "at", "in", "until", "till", "before", "за"];

/// The date that a text says, in lower case, and whether it is about a longer time.
pub(super) fn date(text: &str, today: NaiveDate) -> Result<(NaiveDate, bool), DayError> {
    // As it is shown: what stands behind the date are the words it was read from.
    let said = text.split_once(" (").map_or(text, |(date, _)| date);
    let words: Vec<&str> = said
        .split(|sign: char| !sign.is_alphanumeric())
        .filter(|word| !word.is_empty() && !FILLERS.contains(word))
        .collect();
    let words = match words.as_slice() {
        [rest @ .., "г" | "год" | "года"] if rest.len() > 1 && rest.iter().any(|word| number(word).is_some()) => {
            rest
        }
        all => all,
    };
    if let Some(days) = after(words, today) {
        return days.map(|date| (date, false));
    }
    // «в субботу», «на завтра», "on Saturday"
    let mut words = words;
    while let [preposition, rest @ ..] = words
        && PREPOSITIONS.contains(preposition)
    {
        words = rest;
    }
    if let Some(date) = part_of(words, today) {
        return Ok((date, true));
    }
    let is_us = text.contains('/');
    let exactly = |date: Option<NaiveDate>, why: DayError| date.map(|date| (date, false)).ok_or(why);
    let of = |day: Option<u32>, month: Option<u32>, year: Option<u32>| {
        let (day, month) = match (day, month) {
            // `12/25/2026`
            (Some(day @ ..=12), Some(month @ 13..=31)) if is_us => (month, day),
            (Some(day), Some(month)) => (day, month),
            _ => return Err(NotADay),
        };
        exactly(of(day, month, year, today), NotInTheCalendar)
    };
    match words {
        ["сегодня" | "today" | "bugun"] => exactly(Some(today), NotADay),
        ["завтра" | "tomorrow" | "ertaga"] => exactly(today.checked_add_days(Days::new(1)), NotADay),
        ["послезавтра" | "indinga"]
        | ["день", "после", "завтра"]
        | ["после", "завтра"]
        | ["day", "after", "tomorrow"] => exactly(today.checked_add_days(Days::new(2)), NotADay),
        [name] if weekday(name).is_some() => exactly(next_weekday(name, today), NotADay),
        [next, name] if is_next(next) && weekday(name).is_some() => {
            // Of the week after this one.
            let monday = monday_after(today).ok_or(NotADay)?;
            let days = weekday(name).map_or(0, |day| day.num_days_from_monday());
            exactly(monday.checked_add_days(Days::new(days.into())), NotADay)
        }
        [this, name] if is_this(this) && weekday(name).is_some() => exactly(next_weekday(name, today), NotADay),
        [day, "числа"] => {
            let day = number(day).ok_or(NotADay)?;
            let months = (0..12).filter_map(|months| first_of(today).checked_add_months(Months::new(months)));
            let mut days = months.filter_map(|first| first.with_day(day)).filter(|date| *date >= today);
            exactly(days.next(), NotInTheCalendar)
        }
        // A time of the day is none.
        [_, _] if said.contains(':') => Err(NotADay),
        [year, month, day] if year.len() == 4 && number(year).is_some() => of(number(day), number(month), number(year)),
        [day, month, year] if number(day).is_some() && number(month).is_some() => {
            of(number(day), number(month), Some(full_year(year).ok_or(NotADay)?))
        }
        [day, month] if number(day).is_some() && number(month).is_some() => of(number(day), number(month), None),
        [one, other] => match (named_month(other), named_month(one)) {
            (Some(month), _) => of(day_number(one), Some(month), None),
            (None, Some(month)) => of(day_number(other), Some(month), None),
            (None, None) => Err(NotADay),
        },
        [one, other, year] => {
            let year = || full_year(year).ok_or(NotADay);
            match (named_month(other), named_month(one)) {
                (Some(month), _) => of(day_number(one), Some(month), Some(year()?)),
                (None, Some(month)) => of(day_number(other), Some(month), Some(year()?)),
                (None, None) => Err(NotADay),
            }
        }
        _ => Err(NotADay),
    }
}

/// Why a text is no day.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum DayError {
    /// It speaks of none.
    #[error("no day")]
    NotADay,
    /// It is written as one that the calendar does not have: `31.02`.
    #[error("no day of the calendar")]
    NotInTheCalendar,
}

/// `через 3 дня`, `in two weeks`, `a week from now`.
fn after(words: &[&str], today: NaiveDate) -> Option<Result<NaiveDate, DayError>> {
    let said = match words {
        ["через" | "in" | "after" | "спустя", said @ ..]
        | [said @ .., "спустя" | "later"]
        | [said @ .., "from", "now" | "today"] => said,
        _ => return None,
    };
    let (count, unit) = match said {
        ["полгода"] => (6, "месяцев"),
        ["half", "year"] => (6, "months"),
        [unit] => (1, *unit),
        [count, unit] => (counted(count)?, *unit),
        _ => return None,
    };
    let date = match unit {
        _ if begins(unit, &["дн", "ден", "day", "сут"]) => today.checked_add_days(Days::new(count.into())),
        _ if begins(unit, &["недел", "week"]) => today.checked_add_days(Days::new(u64::from(count) * 7)),
        _ if begins(unit, &["месяц", "month"]) => today.checked_add_months(Months::new(count)),
        _ if begins(unit, &["год", "лет", "year"]) => {
            count.checked_mul(12).and_then(|months| today.checked_add_months(Months::new(months)))
        }
        // «в декабре» is said with `in` as well.
        _ => return None,
    };
    Some(date.ok_or(NotInTheCalendar))
}

/// `в конце месяца`, `начало декабря`, `next month`, `в декабре`, `до конца года`, `на выходных`.
fn part_of(words: &[&str], today: NaiveDate) -> Option<NaiveDate> {
    #[derive(Clone, Copy, PartialEq)]
    enum Part {
        Begin,
        Middle,
        End,
    }
    let (part, span) = match words {
        [part, span @ ..] if begins(part, &["начал", "begin", "start", "early"]) => (Some(Part::Begin), span),
        [part, span @ ..] if begins(part, &["середин", "middle", "mid"]) => (Some(Part::Middle), span),
        [part, span @ ..] if begins(part, &["кон", "end", "late"]) => (Some(Part::End), span),
        span => (None, span),
    };
    let (is_next, span) = match span {
        [next, rest @ ..] if is_next(next) => (true, rest),
        [this, rest @ ..] if is_this(this) => (false, rest),
        span => (false, span),
    };
    let is_said = part.is_some() || span.len() < words.len();
    let last_of = |first: NaiveDate| first.checked_add_months(Months::new(1))?.pred_opt();
    let of_month = |first: NaiveDate, usual: Part| match part.unwrap_or(usual) {
        Part::Begin => Some(first),
        Part::Middle => first.with_day(15),
        Part::End => last_of(first),
    };
    let first = first_of(today);
    match span {
        [week] if is_said && begins(week, &["недел", "week"]) && !week.starts_with("weekend") => {
            let monday =
                if is_next { monday_after(today)? } else { monday_after(today)?.checked_sub_days(Days::new(7))? };
            let usual = if is_next { 0 } else { 6 };
            let days = match part {
                None => usual,
                Some(Part::Begin) => 0,
                Some(Part::Middle) => 2,
                Some(Part::End) => 6,
            };
            Some(monday.checked_add_days(Days::new(days))?.max(today))
        }
        [month] if is_said && begins(month, &["месяц", "month"]) => {
            let first = if is_next { first.checked_add_months(Months::new(1))? } else { first };
            let date = of_month(first, if is_next { Part::Begin } else { Part::End })?;
            // What is over of this month is meant of the next.
            if date < today { of_month(first.checked_add_months(Months::new(1))?, Part::Begin) } else { Some(date) }
        }
        [year] if is_said && begins(year, &["год", "year"]) => {
            let year = today.year() + i32::from(is_next);
            match part.unwrap_or(if is_next { Part::Begin } else { Part::End }) {
                Part::Begin => NaiveDate::from_ymd_opt(if is_next { year } else { year + 1 }, 1, 1),
                Part::Middle => NaiveDate::from_ymd_opt(year, 7, 1).map(|date| date.max(today)),
                Part::End => NaiveDate::from_ymd_opt(year, 12, 31),
            }
        }
        ["нового" | "новому" | "новый" | "new", year] if begins(year, &["год", "year"]) => {
            NaiveDate::from_ymd_opt(today.year(), 12, 31)
        }
        [days] if begins(days, &["выходны", "weekend"]) => next_weekday("суббота", today),
        [name] | [name, _] if named_month(name).is_some() => {
            let year = match span {
                [_, year] if year.len() == 4 => Some(i32::try_from(number(year)?).ok()?),
                [_] => None,
                _ => return None,
            };
            let month = named_month(name)?;
            match year {
                Some(year) => of_month(NaiveDate::from_ymd_opt(year, month, 1)?, Part::Begin),
                None => {
                    let usual = if month == today.month() { Part::End } else { Part::Begin };
                    let years = [today.year(), today.year() + 1].into_iter();
                    let dates = years.filter_map(|year| of_month(NaiveDate::from_ymd_opt(year, month, 1)?, usual));
                    dates.into_iter().find(|date| *date >= today)
                }
            }
        }
        _ => None,
    }
}

fn is_next(word: &str) -> bool {
    begins(word, &["следующ", "след", "будущ"]) || word == "next"
}

fn is_this(word: &str) -> bool {
    begins(word, &["ближайш"]) || ["этот", "эту", "это", "этой", "этом", "этого", "эти", "этих", "this"].contains(&word)
}

fn weekday(name: &str) -> Option<Weekday> {
    let is_named = |names: &[&str; 2], short: &[&str; 3]| {
        short.contains(&name) || name.chars().all(char::is_alphabetic) && begins(name, names)
    };
    WEEKDAYS.iter().find(|(_, names, short)| is_named(names, short)).map(|(day, _, _)| *day)
}

/// The first such day after today.
fn next_weekday(name: &str, today: NaiveDate) -> Option<NaiveDate> {
    let wanted = weekday(name)?;
    (1..=7).filter_map(|days| today.checked_add_days(Days::new(days))).find(|day| day.weekday() == wanted)
}

fn monday_after(today: NaiveDate) -> Option<NaiveDate> {
    next_weekday("monday", today)
}

fn first_of(today: NaiveDate) -> NaiveDate {
    today.with_day(1).unwrap_or(today)
}

/// `3`, `три`, `two`, `пару`.
fn counted(word: &str) -> Option<u32> {
    let word = word.trim_end_matches("х").trim_end_matches('-');
    number(word).or_else(|| text::small_number(word)).filter(|count| *count > 0)
}

fn of(day: u32, month: u32, year: Option<u32>, today: NaiveDate) -> Option<NaiveDate> {
    let in_year = |year: i32| NaiveDate::from_ymd_opt(year, month, day);
    match year {
        Some(year) => in_year(i32::try_from(year).ok()?),
        // February 29 may be years away.
        None => (0..=8).filter_map(|years| in_year(today.year() + years)).find(|date| *date >= today),
    }
}

pub(super) fn number(word: &str) -> Option<u32> {
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
    const ENDS: [&str; 9] = ["", "ь", "я", "е", "ю", "а", "у", "ем", "ом"];
    let is_named = |(stem, short, english): &(&str, &[&str], &str)| {
        let is_russian = match *stem {
            "ма" => ["май", "мая", "мае", "маю"].contains(&word),
            stem => word.strip_prefix(stem).is_some_and(|end| ENDS.contains(&end)),
        };
        is_russian
            || short.contains(&word)
            || *english == word
            || english.get(..3) == Some(word)
            || word == "sept" && *stem == "сентябр"
    };
    let at = MONTHS.iter().position(is_named)?;
    u32::try_from(at + 1).ok()
}
