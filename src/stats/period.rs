//! Days that are counted, by the dealer's clock.

use std::ops::Range;

use chrono::{DateTime, Datelike, Days, NaiveDate, NaiveTime, TimeZone, Utc};
use chrono_tz::Tz;

use crate::clock::Millis;

/// Whole days in a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Period {
    /// The first of them.
    pub first: NaiveDate,
    /// How many.
    pub days: u32,
}

/// What is counted where nothing is said.
pub const USUAL_DAYS: u32 = 7;
/// More cannot be counted at once.
pub const MOST_DAYS: u32 = 366;

impl Period {
    /// So many days, of which today is the last.
    pub fn until_today(days: u32, now: DateTime<Utc>, zone: Tz) -> Self {
        let today = now.with_timezone(&zone).date_naive();
        let days = days.clamp(1, MOST_DAYS);
        Self { first: back(today, days - 1), days }
    }

    /// The last week that is over, from Monday to Sunday.
    pub fn last_week(now: DateTime<Utc>, zone: Tz) -> Self {
        Self { first: back(monday(now.with_timezone(&zone).date_naive()), 7), days: 7 }
    }

    /// As many days before.
    pub fn before(self) -> Self {
        Self { first: back(self.first, self.days), ..self }
    }

    /// The last of them.
    pub fn last(self) -> NaiveDate {
        forth(self.first, self.days - 1)
    }

    /// From the first moment to the first one that is over, ms UTC.
    pub fn span(self, zone: Tz) -> Range<Millis> {
        midnight(self.first, zone)..midnight(forth(self.first, self.days), zone)
    }

    /// Which of the days a moment is on, from 0.
    pub fn day_of(self, at: DateTime<Utc>, zone: Tz) -> Option<usize> {
        let days = (at.with_timezone(&zone).date_naive() - self.first).num_days();
        usize::try_from(days).ok().filter(|day| *day < self.days as usize)
    }
}

/// The Monday of a day's week.
pub fn monday(day: NaiveDate) -> NaiveDate {
    back(day, day.weekday().num_days_from_monday())
}

/// So many days later.
pub fn forth(day: NaiveDate, days: u32) -> NaiveDate {
    day.checked_add_days(Days::new(days.into())).unwrap_or(day)
}

fn back(day: NaiveDate, days: u32) -> NaiveDate {
    day.checked_sub_days(Days::new(days.into())).unwrap_or(day)
}

fn midnight(day: NaiveDate, zone: Tz) -> Millis {
    moment(day, NaiveTime::MIN, zone).timestamp_millis()
}

/// A moment by the clock on the wall; where that is put forward just then, the end of the gap.
pub fn moment(day: NaiveDate, time: NaiveTime, zone: Tz) -> DateTime<Utc> {
    let local = day.and_time(time);
    (0..=12)
        .find_map(|quarters| {
            let at = local + chrono::TimeDelta::minutes(15 * quarters);
            zone.from_local_datetime(&at).earliest()
        })
        .map_or_else(|| local.and_utc(), |at| at.to_utc())
}

/// How many days somebody asks for: `30d`, `30`, `2 weeks`, `месяц`, `90 дней`; `None` where that is not understood.
pub fn read_days(words: &str) -> Option<u32> {
    let words = words.trim().to_lowercase();
    if words.is_empty() {
        return Some(USUAL_DAYS);
    }
    let said = words.trim_start_matches(['-', '–', '—']);
    let said = ["за последние", "за", "last", "for"].iter().find_map(|word| said.strip_prefix(word)).unwrap_or(said);
    let said = said.trim();
    let digits = said.chars().take_while(char::is_ascii_digit).count();
    let (count, unit) = said.split_at(digits);
    let count: u32 = if count.is_empty() { 1 } else { count.parse().ok()? };
    let unit = unit.trim().trim_end_matches('.');
    let days = match unit {
        "" if digits > 0 => 1,
        "d" | "day" | "days" | "д" | "дн" | "день" | "дня" | "дней" => 1,
        "today" | "сегодня" if digits == 0 => 1,
        "w" | "week" | "weeks" | "н" | "нед" | "неделю" | "неделя" | "недели" | "недель" => {
            7
        }
        "m" | "mo" | "month" | "months" | "м" | "мес" | "месяц" | "месяца" | "месяцев" => 30,
        "quarter" | "квартал" if digits == 0 => 90,
        "y" | "year" | "г" | "год" => 365,
        _ => return None,
    };
    count.checked_mul(days).filter(|days| (1..=MOST_DAYS).contains(days))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(text: &str) -> NaiveDate {
        text.parse().expect("a day")
    }

    fn utc(text: &str) -> DateTime<Utc> {
        text.parse().expect("a moment")
    }

    #[test]
    fn periods_are_read_as_people_write_them() {
        for (words, days) in [
            ("", Some(7)),
            ("7d", Some(7)),
            ("30d", Some(30)),
            ("90D", Some(90)),
            (" 30 ", Some(30)),
            ("30 д", Some(30)),
            ("30 дней", Some(30)),
            ("за 2 недели", Some(14)),
            ("2w", Some(14)),
            ("месяц", Some(30)),
            ("3 месяца", Some(90)),
            ("1 мес.", Some(30)),
            ("квартал", Some(90)),
            ("за последние 10 дней", Some(10)),
            ("last 10 days", Some(10)),
            ("год", Some(365)),
            ("1y", Some(365)),
            ("366", Some(366)),
            ("сегодня", Some(1)),
            ("0d", None),
            ("0", None),
            ("367", None),
            ("2 года", None),
            ("99999999999", None),
            ("4294967295 w", None),
            ("30x", None),
            ("x", None),
            ("с начала", None),
            ("30d 7d", None),
            ("3.5 d", None),
            ("d30", None),
            ("١٠", None),
            ("7 today", None),
        ] {
            assert_eq!(read_days(words), days, "{words:?}");
        }
    }

    #[test]
    fn days_are_the_dealers() {
        let vladivostok = Tz::Asia__Vladivostok;
        // A Thursday there, and still Wednesday in London.
        let now = utc("2026-11-25T20:00:00Z");
        let period = Period::until_today(7, now, vladivostok);
        assert_eq!((period.first, period.last()), (day("2026-11-20"), day("2026-11-26")));
        let span = period.span(vladivostok);
        assert_eq!(span.start, utc("2026-11-19T14:00:00Z").timestamp_millis());
        assert_eq!(span.end, utc("2026-11-26T14:00:00Z").timestamp_millis());
        assert_eq!(period.before().span(vladivostok).end, span.start);
        for (at, which) in [
            ("2026-11-19T13:59:59Z", None),
            ("2026-11-19T14:00:00Z", Some(0)),
            ("2026-11-25T20:00:00Z", Some(6)),
            ("2026-11-26T13:59:59Z", Some(6)),
            ("2026-11-26T14:00:00Z", None),
        ] {
            assert_eq!(period.day_of(utc(at), vladivostok), which, "{at}");
        }
        let week = Period::last_week(now, vladivostok);
        assert_eq!((week.first, week.last()), (day("2026-11-16"), day("2026-11-22")));
        let week = Period::last_week(utc("2026-11-29T23:00:00Z"), vladivostok);
        assert_eq!(week.first, day("2026-11-23"), "there it is Monday");
    }

    #[test]
    fn a_day_on_which_the_clock_is_changed_is_whole() {
        for (zone, first, hours) in [
            (Tz::Europe__Berlin, "2026-03-29", 23),
            (Tz::Europe__Berlin, "2026-10-25", 25),
            // Midnight itself does not come there.
            (Tz::Africa__Cairo, "2026-04-24", 23),
            (Tz::Europe__Moscow, "2026-03-29", 24),
        ] {
            let span = Period { first: day(first), days: 1 }.span(zone);
            assert_eq!(span.end - span.start, hours * 3_600_000, "{zone} {first}");
        }
    }
}
