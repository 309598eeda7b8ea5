//! `[hours]`: when somebody works.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{NaiveDate, NaiveTime, Weekday};

use super::document::{Table, Value};

/// When somebody works: from and to on each day of the week that is no day off.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Week(pub BTreeMap<u8, (NaiveTime, NaiveTime)>);

/// `[hours]`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Hours {
    /// The days' hours, by the number of days from Monday.
    pub week: Week,
    /// Days on which nobody works.
    pub holidays: BTreeSet<NaiveDate>,
}

const DAYS: [&str; 7] = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];

pub fn week(table: &Table<'_>) -> Week {
    let mut week = Week::default();
    for (at, day) in (0..).zip(DAYS) {
        let Some(value) = table.get(day) else { continue };
        if let Some(Some(span)) = hours_of(&value) {
            week.0.insert(at, span);
        }
    }
    week
}

/// `09:00-19:00`; `None` inside for `off`.
fn hours_of(value: &Value<'_>) -> Option<Option<(NaiveTime, NaiveTime)>> {
    const SUCH: &str = "Such as \"09:00-19:00\", or \"off\" for a day off";
    let text = value.text(40)?;
    if text.eq_ignore_ascii_case("off") {
        return Some(None);
    }
    let time = |text: &str| {
        // The day ends then.
        if text.trim() == "24:00" {
            return NaiveTime::from_hms_opt(23, 59, 59);
        }
        NaiveTime::parse_from_str(text.trim(), "%H:%M").ok()
    };
    let parts = text.split_once(['-', '–', '—']);
    let span = parts.and_then(|(from, to)| Some((time(from)?, time(to)?)));
    match span {
        Some((from, to)) if from < to => Some(Some((from, to))),
        Some(_) => {
            value.wrong(format!("is {text:?}, which ends before it begins"), SUCH);
            None
        }
        None => {
            value.wrong(format!("is {text:?}, which are no hours"), SUCH);
            None
        }
    }
}

impl Week {
    /// Whether somebody works at that time of that day.
    pub fn has(&self, day: Weekday, time: NaiveTime) -> bool {
        let day = u8::try_from(day.num_days_from_monday()).unwrap_or(0);
        self.0.get(&day).is_some_and(|(from, to)| (*from..*to).contains(&time))
    }
}

pub fn hours(table: Table<'_>) -> Hours {
    let week = week(&table);
    let holidays = table.get("holidays").map(|value| value.list()).unwrap_or_default();
    let day = |value: &Value<'_>| {
        let text = value.text(40)?;
        let day = NaiveDate::parse_from_str(&text, "%Y-%m-%d").ok();
        if day.is_none() {
            value.wrong(format!("is {text:?}, which is no day"), "Such as \"2027-01-01\"");
        }
        day
    };
    let holidays = holidays.iter().filter_map(day).collect();
    if table.all().iter().all(|(key, _)| *key == "holidays") {
        table.wrong("nobody ever works", "Name at least one day, such as mon = \"09:00-19:00\"; or leave [hours] out");
    }
    table.end();
    Hours { week, holidays }
}
