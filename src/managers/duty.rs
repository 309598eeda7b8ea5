//! Whose turn it is: those on duty, one after the other, as the settings list them.

use chrono::{DateTime, Utc};

use crate::{config::Manager, working_time::WorkingTime};

/// The manager after the last one of those who are on duty; where nobody is, of those who are again first. `None` where
/// nobody has an account in amoCRM, or ever works.
pub fn whose_turn<'a>(
    managers: &'a [Manager],
    dealers: &WorkingTime,
    last: Option<i64>,
    now: DateTime<Utc>,
) -> Option<&'a Manager> {
    let users: Vec<&Manager> = managers.iter().filter(|manager| manager.crm_user_id.is_some()).collect();
    let after = users.iter().position(|manager| manager.crm_user_id == last).map_or(0, |at| at + 1);
    let in_turn = (0..users.len()).map(|step| users[(after + step) % users.len()]);
    let begins = in_turn.filter_map(|manager| Some((dealers.of(manager).next(now)?, manager)));
    // Of several that begin at the same moment the first one in turn.
    begins.min_by_key(|(at, _)| *at).map(|(_, manager)| manager)
}

#[cfg(test)]
mod tests {
    use chrono::{NaiveTime, TimeZone};
    use chrono_tz::Tz;

    use super::*;
    use crate::config::{Hours, Week};

    fn week(from: u32, to: u32) -> Week {
        let time = |hour| NaiveTime::from_hms_opt(hour, 0, 0).expect("a time");
        Week((0..7).map(|day| (day, (time(from), time(to)))).collect())
    }

    fn manager(name: &str, crm_user_id: Option<i64>, hours: Option<Week>) -> Manager {
        Manager { name: name.into(), crm_user_id, telegram_id: Some(1), hours }
    }

    #[test]
    fn each_in_turn_and_nobody_who_is_not_on_duty() {
        let dealers = WorkingTime::new(Tz::UTC, Some(Hours { week: week(9, 19), ..Hours::default() }));
        let managers = [
            manager("Анна", Some(1), None),
            manager("Без amoCRM", None, None),
            manager("Олег", Some(2), Some(week(12, 20))),
            manager("Вера", Some(3), None),
        ];
        let at = |hour| Utc.with_ymd_and_hms(2026, 11, 26, hour, 0, 0).single().expect("a moment");
        for (last, hour, turn) in [
            (None, 13, "Анна"),
            (Some(1), 13, "Олег"),
            (Some(2), 13, "Вера"),
            (Some(3), 13, "Анна"),
            // He comes later.
            (Some(1), 10, "Вера"),
            // She has gone from the settings.
            (Some(77), 13, "Анна"),
            // He stays longer than the others.
            (Some(3), 19, "Олег"),
            (Some(2), 19, "Олег"),
            // At night: whoever begins first, in turn.
            (Some(1), 22, "Вера"),
            (Some(3), 22, "Анна"),
        ] {
            let found = whose_turn(&managers, &dealers, last, at(hour)).map(|manager| manager.name.as_str());
            assert_eq!(found, Some(turn), "after {last:?} at {hour}");
        }
        assert_eq!(whose_turn(&managers[1..2], &dealers, None, at(13)), None);
        assert_eq!(whose_turn(&[], &dealers, None, at(13)), None);
        let never = WorkingTime::new(Tz::UTC, Some(Hours::default()));
        assert_eq!(whose_turn(&managers[..1], &never, None, at(13)), None);
    }
}
