use chrono::{Datelike, Days, Months, NaiveDate, Weekday};
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
    /// The words are about a longer time than this day: `в конце месяца`.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    is_about: bool,
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

impl Day {
    /// Parses what a buyer typed.
    ///
    /// `25.12.2026`, `25/12/26`, `2026-12-25`, `25 декабря`, `December 25`, `25.12`, `завтра`, `в субботу`, `через две недели`,
    /// `in a month`, `next friday`, `в конце месяца`, `в декабре`; a day without its year is the next one from `today` on, and
    /// of a longer time the day that the words are nearest to.
    pub fn parse(text: &str, today: NaiveDate) -> Result<Self, DayError> {
        let typed = text::clean(text);
        if typed.chars().count() > MAX_CHARS {
            return Err(NotADay);
        }
        let (date, is_about) = said_date(&typed.to_lowercase().replace('ё', "е"), today)?;
        if !YEARS.contains(&date.year()) {
            return Err(NotInTheCalendar);
        }
        Ok(Self { typed, date, is_about })
    }

    /// As typed.
    pub fn typed(&self) -> &str {
        &self.typed
    }

    /// Whether its numbers could stand in the other order as well: `12/5`.
    pub fn is_guessed(&self) -> bool {
        let mut numbers = self.typed.split('/').map(|part| number(part.trim()));
        match (numbers.next().flatten(), numbers.next().flatten()) {
            (Some(one), Some(other)) => one != other && (1..=12).contains(&one) && (1..=12).contains(&other),
            _ => false,
        }
    }

    /// Its date.
    pub fn date(&self) -> NaiveDate {
        self.date
    }
}

/// `25.12.2026`; with the words behind it where they are about a longer time: `31.12.2026 (в конце года)`.
impl std::fmt::Display for Day {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "{}", self.date.format("%d.%m.%Y"))?;
        if self.is_about { write!(formatter, " ({})", self.typed) } else { Ok(()) }
    }
}

/// The same where a time of that day is said with it (`завтра в 15:00`), or two days (`завтра или послезавтра`), of which the
/// nearer one counts; the words stay.
fn said_date(text: &str, today: NaiveDate) -> Result<(NaiveDate, bool), DayError> {
    let plain = date(text, today);
    if plain != Err(NotADay) {
        return plain;
    }
    if let Some(day) = without_time(text) {
        return said_date(&day, today).map(|(date, _)| (date, true));
    }
    let halves = [" или ", " либо ", " or ", " yoki "].iter().find_map(|or| text.split_once(or));
    if let Some((one, other)) = halves
        && let (Ok((one, _)), Ok((other, _))) = (date(one, today), said_date(other, today))
    {
        return Ok((one.min(other), true));
    }
    plain
}

/// What is said beside a time of the day; `None` where there is none, or nothing else.
fn without_time(text: &str) -> Option<String> {
    const PARTS: &[&str] = &[
        "утром",
        "утра",
        "утро",
        "вечером",
        "вечера",
        "вечер",
        "ночью",
        "днем",
        "обед",
        "обеда",
        "обедом",
        "полдень",
        "morning",
        "afternoon",
        "evening",
        "night",
        "noon",
        "midday",
        "ertalab",
        "kechqurun",
    ];
    const BEFORE: &[&str] = &[
        "в",
        "во",
        "к",
        "ко",
        "после",
        "до",
        "с",
        "около",
        "ближе",
        "примерно",
        "at",
        "by",
        "after",
        "before",
        "in",
        "the",
        "around",
    ];
    let said: Vec<&str> = text.split_whitespace().collect();
    let bare = |word: &'_ str| word.trim_matches(|sign: char| ",.;!()".contains(sign)).to_owned();
    let mut rest: Vec<String> = Vec::new();
    let mut is_found = false;
    let mut at = 0;
    while at < said.len() {
        let word = bare(said[at]);
        let next = said.get(at + 1).map(|next| bare(next)).unwrap_or_default();
        let is_hours = ["часов", "часа", "час", "ч", "pm", "am", "p.m", "a.m"].contains(&next.as_str());
        let is_hour = number(&word).is_some_and(|hour| hour < 25);
        // `после 18` says a time where it ends what is said.
        let is_behind = at + 1 == said.len() && at > 1 && BEFORE.contains(&bare(said[at - 1]).as_str());
        let taken = match () {
            () if PARTS.contains(&word.as_str()) || is_clock(&word) => 1,
            () if is_hour && is_hours && !is_after(&said, at) => 2,
            () if is_hour && is_behind => 1,
            () => 0,
        };
        if taken == 0 {
            rest.push(word);
            at += 1;
            continue;
        }
        is_found = true;
        while rest.last().is_some_and(|before| BEFORE.contains(&before.as_str())) {
            rest.pop();
        }
        at += taken;
        // `3 часа дня`
        at += usize::from(taken == 2 && said.get(at).is_some_and(|word| bare(word) == "дня"));
    }
    let day = rest.join(" ");
    (is_found && day.chars().any(char::is_alphanumeric)).then_some(day)
}

/// `через 2 часа` is no time of a day.
fn is_after(said: &[&str], at: usize) -> bool {
    at > 0 && ["через", "in"].contains(&said[at - 1])
}

/// `15:00`, `9:30`, `15.00`, `3pm`.
fn is_clock(word: &str) -> bool {
    if let Some(hour) = word.strip_suffix("pm").or_else(|| word.strip_suffix("am")) {
        return number(hour).is_some_and(|hour| hour < 13) || is_clock(hour);
    }
    let is_time = |(hour, minute): (&str, &str), is_plain: bool| {
        let minutes = number(minute).filter(|_| minute.len() == 2);
        let is_minute = minutes.is_some_and(|minute| minute < 60 && (is_plain || minute == 0 || minute > 12));
        number(hour).is_some_and(|hour| hour < 25) && is_minute
    };
    match (word.split_once(':'), word.split_once('.')) {
        (Some(parts), _) => is_time(parts, true),
        (None, Some(parts)) => is_time(parts, false),
        (None, None) => false,
    }
}

fn date(text: &str, today: NaiveDate) -> Result<(NaiveDate, bool), DayError> {
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

fn begins(word: &str, stems: &[&str]) -> bool {
    stems.iter().any(|stem| word.starts_with(stem))
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
            ("через неделю", "03.12.2026"),
            ("Через 3 дня", "29.11.2026"),
            ("через две недели", "10.12.2026"),
            ("через пару недель", "10.12.2026"),
            ("через 2 месяца", "26.01.2027"),
            ("примерно через месяц", "26.12.2026"),
            ("через полгода", "26.05.2027"),
            ("через год", "26.11.2027"),
            ("in a week", "03.12.2026"),
            ("in 10 days", "06.12.2026"),
            ("two weeks from now", "10.12.2026"),
            ("a month later", "26.12.2026"),
            ("next friday", "04.12.2026"),
            ("в следующую пятницу", "04.12.2026"),
            ("this friday", "27.11.2026"),
            ("в ближайший понедельник", "30.11.2026"),
            ("в пт", "27.11.2026"),
            ("mon", "30.11.2026"),
            ("the day after tomorrow", "28.11.2026"),
            ("15 числа", "15.12.2026"),
            ("12/25/2026", "25.12.2026"),
            ("в конце месяца", "30.11.2026 (в конце месяца)"),
            ("в начале месяца", "01.12.2026 (в начале месяца)"),
            ("end of the month", "30.11.2026 (end of the month)"),
            ("до конца года", "31.12.2026 (до конца года)"),
            ("к новому году", "31.12.2026 (к новому году)"),
            ("в середине января", "15.01.2027 (в середине января)"),
            ("в конце следующего месяца", "31.12.2026 (в конце следующего месяца)"),
            ("на следующей неделе", "30.11.2026 (на следующей неделе)"),
            ("на этой неделе", "29.11.2026 (на этой неделе)"),
            ("до конца недели", "29.11.2026 (до конца недели)"),
            ("next week", "30.11.2026 (next week)"),
            ("next month", "01.12.2026 (next month)"),
            ("в следующем году", "01.01.2027 (в следующем году)"),
            ("в декабре", "01.12.2026 (в декабре)"),
            ("ноябрь", "30.11.2026 (ноябрь)"),
            ("in march 2028", "01.03.2028 (in march 2028)"),
            ("на выходных", "28.11.2026 (на выходных)"),
            ("30.11.2026 (в конце месяца)", "30.11.2026"),
            ("послезавтра в 15:00", "28.11.2026 (послезавтра в 15:00)"),
            ("после завтра", "28.11.2026"),
            ("в среду вечером", "02.12.2026 (в среду вечером)"),
            ("завтра или послезавтра", "27.11.2026 (завтра или послезавтра)"),
            ("в субботу или в воскресенье, вечером", "28.11.2026 (в субботу или в воскресенье, вечером)"),
            ("завтра после 18", "27.11.2026 (завтра после 18)"),
            ("завтра в 3 часа дня", "27.11.2026 (завтра в 3 часа дня)"),
            ("утром в понедельник", "30.11.2026 (утром в понедельник)"),
            ("в пятницу после обеда", "27.11.2026 (в пятницу после обеда)"),
            ("25.12 в 10:30", "25.12.2026 (25.12 в 10:30)"),
            ("25.12.2026 к 15.00", "25.12.2026 (25.12.2026 к 15.00)"),
            ("tomorrow at 3pm", "27.11.2026 (tomorrow at 3pm)"),
            ("on Saturday evening", "28.11.2026 (on Saturday evening)"),
            ("28.11.2026 (послезавтра в 15:00)", "28.11.2026"),
            ("после 18", ""),
            ("вечером", ""),
            ("через 2 часа", ""),
            ("когда угодно", ""),
            ("не знаю", ""),
            ("завтра или потом", ""),
            ("до 15 декабря", "15.12.2026"),
            ("12/5", "12.05.2027"),
            ("31.02.2026", "!"),
            ("31.02", "!"),
            ("31 февраля", "!"),
            ("Feb 30", "!"),
            ("32.01.2026", "!"),
            ("25.13.2026", "!"),
            ("31 числа", "31.12.2026"),
            ("32 числа", "!"),
            ("01.01.0001", "!"),
            ("10:00", ""),
            ("скоро", ""),
            ("потом", ""),
            ("как можно скорее", ""),
            ("март Иванович Петров", ""),
            ("Марина", ""),
            ("через забор", ""),
            ("2 млн", ""),
            ("", ""),
            ("2026", ""),
        ] {
            let day = match Day::parse(text, today()) {
                Ok(day) => day.to_string(),
                Err(NotADay) => String::new(),
                Err(NotInTheCalendar) => "!".to_owned(),
            };
            assert_eq!(day, want, "{text}");
        }
    }

    #[test]
    fn numbers_that_could_stand_in_the_other_order_are_guessed() {
        for (text, guessed) in [
            ("12/5", true),
            ("5/12/2026", true),
            ("12/25", false),
            ("25/12", false),
            ("5/5", false),
            ("12.05", false),
            ("2026/12/5", false),
            ("завтра", false),
        ] {
            assert_eq!(Day::parse(text, today()).map(|day| day.is_guessed()), Ok(guessed), "{text}");
        }
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(text in any::<String>(), dotted in "[0-9]{1,5}[./-][0-9а-я]{1,5}[./ -][0-9]{0,5}") {
            let _ = (Day::parse(&text, today()), Day::parse(&dotted, today()));
        }
    }
}
