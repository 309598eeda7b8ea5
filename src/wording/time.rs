//! Moments and lengths of time, in words.

use chrono::{DateTime, Utc};

use super::Lang;
use crate::clock::{Millis, in_dealers_time, in_utc};

/// How long ago, in words.
pub fn age(since: Millis, lang: Lang) -> String {
    duration(Utc::now().timestamp_millis() - since, lang)
}

/// A length of time in its two largest units.
pub fn duration(millis: Millis, lang: Lang) -> String {
    let seconds = (millis / 1000).max(0);
    let (days, hours, minutes) = (seconds / 86_400, seconds / 3600 % 24, seconds / 60 % 60);
    if days > 0 {
        lang.text("duration-days", &[("days", days.into()), ("hours", hours.into())])
    } else if hours > 0 {
        lang.text("duration-hours", &[("hours", hours.into()), ("minutes", minutes.into())])
    } else if minutes > 0 {
        lang.text("duration-minutes", &[("minutes", minutes.into())])
    } else {
        lang.text("duration-seconds", &[("seconds", seconds.into())])
    }
}

/// `07.09.2025`.
pub fn day(at: DateTime<Utc>) -> String {
    at.format("%d.%m.%Y").to_string()
}

/// `07.09.2025 13:30 МСК` for who reads Russian, `07.09.2025 10:30 UTC` for everybody else.
pub fn moment(at: DateTime<Utc>, lang: Lang) -> String {
    if lang == Lang::ru() { in_dealers_time(at) } else { in_utc(at) }
}

/// The same by the dealer's clock, with what that is called: `07.09.2025 17:30 +07`.
pub fn moment_in(at: DateTime<Utc>, zone: chrono_tz::Tz, lang: Lang) -> String {
    let told = at.with_timezone(&zone).format("%d.%m.%Y %H:%M %Z").to_string();
    if lang == Lang::ru() { told.replace("MSK", "МСК") } else { told }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::date;

    #[test]
    fn lengths_of_time_are_told_in_two_units() {
        for (seconds, ru, en) in [
            (-5, "0 с", "0 s"),
            (59, "59 с", "59 s"),
            (61, "1 мин", "1 min"),
            (3700, "1 ч 1 мин", "1 h 1 min"),
            (90_000, "1 дн. 1 ч", "1 d 1 h"),
        ] {
            assert_eq!(duration(seconds * 1000, Lang::ru()), ru);
            assert_eq!(duration(seconds * 1000, Lang::en()), en);
        }
    }

    #[test]
    fn moments_are_told_where_the_reader_lives() {
        let at = date(1_757_282_400_000);
        assert_eq!(moment(at, Lang::ru()), "08.09.2025 01:00 МСК");
        assert_eq!(moment(at, Lang::en()), "07.09.2025 22:00 UTC");
        for (zone, lang, told) in [
            (chrono_tz::Europe::Moscow, Lang::ru(), "08.09.2025 01:00 МСК"),
            (chrono_tz::Europe::Moscow, Lang::en(), "08.09.2025 01:00 MSK"),
            (chrono_tz::Asia::Vladivostok, Lang::ru(), "08.09.2025 08:00 +10"),
            (chrono_tz::Asia::Vladivostok, Lang::en(), "08.09.2025 08:00 +10"),
        ] {
            assert_eq!(moment_in(at, zone, lang), told);
        }
    }
}
