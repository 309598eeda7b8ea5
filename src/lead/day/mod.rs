mod calendar;
mod clock;

use chrono::{Datelike, NaiveDate};
use serde::{Deserialize, Serialize};

use self::{
    calendar::{date, number},
    clock::without_time,
};
use super::text;
pub use calendar::DayError;
use calendar::DayError::{NotADay, NotInTheCalendar};

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
