//! When somebody works: the dealer's hours, a manager's own, and days off, by the dealer's clock.
//!
//! Pure. A day's hours are of its own date by the clock on the wall, so a night in which the clock is changed makes no hour
//! twice, and none is lost that is worked.

use chrono::{
    DateTime, Days, MappedLocalTime, NaiveDate, NaiveDateTime, NaiveTime, TimeDelta, TimeZone, Timelike, Utc,
};
use chrono_tz::Tz;

use crate::config::{Dealer, Hours, Manager, Week};

/// Nobody has a longer holiday.
const FURTHEST_DAYS: u64 = 800;

/// Where a clock is put forward, the hour that is left out ends after so many steps of a quarter.
const STEPS_OVER_A_GAP: i64 = 24;

/// When somebody works.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WorkingTime {
    zone: Tz,
    hours: Option<Hours>,
}

impl WorkingTime {
    /// The dealer's hours; `None` for always.
    pub fn new(zone: Tz, hours: Option<Hours>) -> Self {
        Self { zone, hours }
    }

    /// The hours that the settings have for the dealer.
    pub fn of_dealer(dealer: &Dealer) -> Self {
        Self::new(dealer.time_zone, dealer.hours.clone())
    }

    /// The same days off with other hours.
    pub fn with_week(&self, week: &Week) -> Self {
        let holidays = self.hours.as_ref().map(|hours| hours.holidays.clone()).unwrap_or_default();
        Self { zone: self.zone, hours: Some(Hours { week: week.clone(), holidays }) }
    }

    /// When a manager works: their own hours, or the dealer's.
    pub fn of(&self, manager: &Manager) -> Self {
        manager.hours.as_ref().map_or_else(|| self.clone(), |week| self.with_week(week))
    }

    /// When the one of these with this account in amoCRM works; as the dealer does where there is none.
    pub fn of_user(&self, managers: &[Manager], crm_user_id: Option<i64>) -> Self {
        let is_theirs = |manager: &&Manager| crm_user_id.is_some() && manager.crm_user_id == crm_user_id;
        managers.iter().find(is_theirs).map_or_else(|| self.clone(), |manager| self.of(manager))
    }

    /// Whether that is a working moment.
    pub fn has(&self, at: DateTime<Utc>) -> bool {
        self.next(at) == Some(at)
    }

    /// The first working moment at that time or later; `None` where nobody ever works again.
    pub fn next(&self, at: DateTime<Utc>) -> Option<DateTime<Utc>> {
        if self.hours.is_none() {
            return Some(at);
        }
        self.spans(at).next().map(|(from, _)| from)
    }

    /// The moment at which so much working time has passed since `at`; `None` where it never will have.
    pub fn after(&self, at: DateTime<Utc>, working: TimeDelta) -> Option<DateTime<Utc>> {
        if self.hours.is_none() {
            return Some(at + working);
        }
        let mut left = working;
        for (from, to) in self.spans(at) {
            if to - from > left {
                return Some(from + left);
            }
            left -= to - from;
            if left <= TimeDelta::zero() {
                return Some(to);
            }
        }
        None
    }

    /// How much of the time between two moments is worked; nothing where the second is not later.
    pub fn between(&self, from: DateTime<Utc>, to: DateTime<Utc>) -> TimeDelta {
        if to <= from {
            return TimeDelta::zero();
        }
        if self.hours.is_none() {
            return to - from;
        }
        let worked = self.spans(from).take_while(|(begin, _)| *begin < to).map(|(begin, end)| end.min(to) - begin);
        worked.fold(TimeDelta::zero(), |all, one| all + one)
    }

    /// What is worked from a moment on, in order; the first one may have begun before.
    fn spans(&self, at: DateTime<Utc>) -> impl Iterator<Item = (DateTime<Utc>, DateTime<Utc>)> + '_ {
        let first = at.with_timezone(&self.zone).date_naive();
        let days = (0..FURTHEST_DAYS).filter_map(move |day| first.checked_add_days(Days::new(day)));
        let spans = days.filter_map(|day| self.span_of(day));
        spans.filter(move |(_, to)| *to > at).map(move |(from, to)| (from.max(at), to))
    }

    fn span_of(&self, day: NaiveDate) -> Option<(DateTime<Utc>, DateTime<Utc>)> {
        use chrono::Datelike;
        let hours = self.hours.as_ref()?;
        let weekday = u8::try_from(day.weekday().num_days_from_monday()).unwrap_or(0);
        let (from, to) = hours.week.0.get(&weekday).filter(|_| !hours.holidays.contains(&day))?;
        // `24:00` is read as the day's last second.
        let end = match is_the_days_end(*to) {
            true => day.checked_add_days(Days::new(1))?.and_time(NaiveTime::MIN),
            false => day.and_time(*to),
        };
        let span = (self.moment(day.and_time(*from), true)?, self.moment(end, false)?);
        (span.0 < span.1).then_some(span)
    }

    /// A moment by the clock on the wall. One that comes twice is the first as a beginning and the second as an end; one that
    /// does not come is the end of the gap.
    fn moment(&self, local: NaiveDateTime, is_beginning: bool) -> Option<DateTime<Utc>> {
        let quarter = TimeDelta::minutes(15);
        (0..=STEPS_OVER_A_GAP).find_map(|step| {
            match self.zone.from_local_datetime(&(local + quarter * i32::try_from(step).unwrap_or(0))) {
                MappedLocalTime::Single(at) => Some(at.to_utc()),
                MappedLocalTime::Ambiguous(first, second) => Some(if is_beginning { first } else { second }.to_utc()),
                MappedLocalTime::None => None,
            }
        })
    }
}

fn is_the_days_end(time: NaiveTime) -> bool {
    (time.hour(), time.minute(), time.second()) == (23, 59, 59)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn time(text: &str) -> NaiveTime {
        if text == "24:00" {
            return NaiveTime::from_hms_opt(23, 59, 59).expect("a time");
        }
        NaiveTime::parse_from_str(text, "%H:%M").expect("a time")
    }

    /// Hours by day, Monday first; `-` for a day off.
    fn week(days: [&str; 7]) -> Week {
        let span =
            |text: &str| text.split_once('-').filter(|(from, _)| !from.is_empty()).map(|(f, t)| (time(f), time(t)));
        Week((0..).zip(days).filter_map(|(at, text)| Some((at, span(text)?))).collect())
    }

    fn hours(days: [&str; 7], holidays: &[&str]) -> Hours {
        let holidays = holidays.iter().map(|day| day.parse().expect("a day")).collect();
        Hours { week: week(days), holidays }
    }

    const OFFICE: [&str; 7] =
        ["09:00-19:00", "09:00-19:00", "09:00-19:00", "09:00-19:00", "09:00-19:00", "10:00-16:00", "-"];

    /// By the clock on the wall of a zone that does not change it.
    fn at(zone: Tz, text: &str) -> DateTime<Utc> {
        let local = NaiveDateTime::parse_from_str(text, "%Y-%m-%d %H:%M").expect("a moment");
        zone.from_local_datetime(&local).earliest().expect("it comes").to_utc()
    }

    fn utc(text: &str) -> DateTime<Utc> {
        at(Tz::UTC, text)
    }

    #[test]
    fn the_next_working_moment() {
        let moscow = Tz::Europe__Moscow;
        // 2026-11-26 is a Thursday.
        let office = WorkingTime::new(moscow, Some(hours(OFFICE, &["2026-11-27", "2026-11-30"])));
        for (now, next) in [
            ("2026-11-26 12:00", "2026-11-26 12:00"),
            ("2026-11-26 09:00", "2026-11-26 09:00"),
            ("2026-11-26 08:59", "2026-11-26 09:00"),
            ("2026-11-26 00:00", "2026-11-26 09:00"),
            // At the end nobody works any more, and the next day is off.
            ("2026-11-26 19:00", "2026-11-28 10:00"),
            ("2026-11-27 12:00", "2026-11-28 10:00"),
            ("2026-11-28 16:00", "2026-12-01 09:00"),
            ("2026-11-29 12:00", "2026-12-01 09:00"),
            ("2026-12-31 23:59", "2027-01-01 09:00"),
        ] {
            assert_eq!(office.next(at(moscow, now)), Some(at(moscow, next)), "{now}");
            assert_eq!(office.has(at(moscow, now)), now == next, "{now}");
        }
        let never = WorkingTime::new(moscow, Some(hours(["-"; 7], &[])));
        assert_eq!((never.next(utc("2026-11-26 12:00")), never.has(utc("2026-11-26 12:00"))), (None, false));
        assert_eq!(never.after(utc("2026-11-26 12:00"), TimeDelta::minutes(1)), None);
        assert_eq!(never.between(utc("2026-01-01 00:00"), utc("2027-01-01 00:00")), TimeDelta::zero());
        let always = WorkingTime::new(moscow, None);
        let night = utc("2026-11-26 02:00");
        assert_eq!((always.next(night), always.has(night)), (Some(night), true));
        assert_eq!(always.after(night, TimeDelta::minutes(15)), Some(utc("2026-11-26 02:15")));
        assert_eq!(always.between(night, utc("2026-11-27 02:00")), TimeDelta::hours(24));
    }

    #[test]
    fn working_time_that_has_passed() {
        let vladivostok = Tz::Asia__Vladivostok;
        let office = WorkingTime::new(vladivostok, Some(hours(OFFICE, &["2026-11-27"])));
        for (from, minutes, to) in [
            ("2026-11-26 12:00", 15, "2026-11-26 12:15"),
            ("2026-11-26 18:50", 15, "2026-11-28 10:05"),
            ("2026-11-26 18:50", 10, "2026-11-26 19:00"),
            ("2026-11-26 03:00", 60, "2026-11-26 10:00"),
            ("2026-11-26 12:00", 7 * 60 + 6 * 60 + 30, "2026-11-30 09:30"),
            ("2026-11-28 15:59", 120, "2026-11-30 10:59"),
        ] {
            let (from_at, to_at) = (at(vladivostok, from), at(vladivostok, to));
            assert_eq!(office.after(from_at, TimeDelta::minutes(minutes)), Some(to_at), "{from} + {minutes} min");
            assert_eq!(office.between(from_at, to_at), TimeDelta::minutes(minutes), "{from} – {to}");
            assert_eq!(office.between(to_at, from_at), TimeDelta::zero());
        }
        // Nothing at the end of a day, and whole weeks.
        assert_eq!(
            office.between(at(vladivostok, "2026-11-26 19:00"), at(vladivostok, "2026-11-28 10:00")),
            TimeDelta::zero()
        );
        let week = office.between(at(vladivostok, "2026-11-02 00:00"), at(vladivostok, "2026-11-09 00:00"));
        assert_eq!(week, TimeDelta::hours(56));
    }

    #[test]
    fn round_the_clock_has_no_seams() {
        let all_day = WorkingTime::new(Tz::Europe__Moscow, Some(hours(["00:00-24:00"; 7], &["2026-11-28"])));
        let night = at(Tz::Europe__Moscow, "2026-11-26 23:50");
        assert_eq!(all_day.after(night, TimeDelta::minutes(15)), Some(at(Tz::Europe__Moscow, "2026-11-27 00:05")));
        assert!(all_day.has(at(Tz::Europe__Moscow, "2026-11-26 23:59") + TimeDelta::seconds(59)));
        // A day off all the same.
        let before = at(Tz::Europe__Moscow, "2026-11-27 23:50");
        assert_eq!(all_day.after(before, TimeDelta::minutes(15)), Some(at(Tz::Europe__Moscow, "2026-11-29 00:05")));
    }

    #[test]
    fn a_night_in_which_the_clock_is_changed() {
        // Berlin, 2026: forward on 29 March at 02:00 (01:00 UTC), back on 25 October at 03:00 (01:00 UTC).
        let berlin = |days| WorkingTime::new(Tz::Europe__Berlin, Some(hours(days, &[])));
        let nights = berlin(["01:00-05:00"; 7]);
        assert_eq!(nights.between(utc("2026-03-28 12:00"), utc("2026-03-29 12:00")), TimeDelta::hours(3));
        assert_eq!(nights.between(utc("2026-10-24 12:00"), utc("2026-10-25 12:00")), TimeDelta::hours(5));
        // A beginning that does not come is the end of the gap.
        let gap = berlin(["02:30-05:00"; 7]);
        assert_eq!(gap.next(utc("2026-03-28 12:00")), Some(utc("2026-03-29 01:00")));
        // One that comes twice is the first, and as an end the second.
        let twice = berlin(["02:30-05:00"; 7]);
        assert_eq!(twice.next(utc("2026-10-24 12:00")), Some(utc("2026-10-25 00:30")));
        let end = berlin(["01:00-02:30"; 7]);
        assert_eq!(end.between(utc("2026-10-24 12:00"), utc("2026-10-25 12:00")), TimeDelta::minutes(150));
        // Days on either side are as long as ever.
        let office = berlin(OFFICE);
        assert_eq!(office.after(utc("2026-03-28 14:59"), TimeDelta::minutes(2)), Some(utc("2026-03-30 07:01")));
    }

    #[test]
    fn a_manager_has_hours_of_their_own_and_everybody_the_days_off() {
        let moscow = Tz::Europe__Moscow;
        let office = WorkingTime::new(moscow, Some(hours(OFFICE, &["2026-11-27"])));
        let anna = office.with_week(&week(["12:00-20:00"; 7]));
        assert!(!anna.has(at(moscow, "2026-11-26 11:00")) && office.has(at(moscow, "2026-11-26 11:00")));
        assert!(anna.has(at(moscow, "2026-11-26 19:30")) && !anna.has(at(moscow, "2026-11-27 13:00")));
        // The dealer always works, and she does not.
        let anna = WorkingTime::new(moscow, None).with_week(&week(["12:00-20:00", "-", "-", "-", "-", "-", "-"]));
        assert_eq!(anna.next(at(moscow, "2026-11-26 13:00")), Some(at(moscow, "2026-11-30 12:00")));
    }
}
