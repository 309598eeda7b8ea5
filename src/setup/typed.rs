//! What people type where it is said in many ways: yes and no, a time, a time zone, the account's address. Pure.

use std::str::FromStr;

use chrono::{DateTime, Offset, TimeZone, Utc};
use chrono_tz::Tz;

use super::words::Language;

/// Yes or no, in both languages, in words and by their first letters.
pub fn yes_or_no(text: &str) -> Option<bool> {
    match text.trim().trim_end_matches(['.', '!']).to_lowercase().as_str() {
        "y" | "yes" | "д" | "да" | "ага" | "ок" | "ok" => Some(true),
        "n" | "no" | "н" | "нет" | "не" | "не надо" => Some(false),
        _ => None,
    }
}

/// Whether a text looks like a token, which is typed only where it is not shown.
pub fn is_like_a_token(text: &str) -> bool {
    let text = text.trim();
    let is_jwt = text.starts_with("eyJ") && text.len() > 40;
    let is_bots = text.split_once(':').is_some_and(|(id, rest)| {
        let is_secret = |sign: char| sign.is_ascii_alphanumeric() || sign == '_' || sign == '-';
        id.len() >= 6 && id.bytes().all(|byte| byte.is_ascii_digit()) && rest.len() >= 30 && rest.chars().all(is_secret)
    });
    is_jwt || is_bots || text.chars().count() > 400
}

/// The account's address alone, where that of one of its pages was pasted; anything else as it is.
pub fn account(text: &str) -> String {
    let text = text.trim();
    let lower = text.to_ascii_lowercase();
    let bare = lower.strip_prefix("https://").or_else(|| lower.strip_prefix("http://")).unwrap_or(&lower);
    let host = bare.split(['/', '?', '#']).next().unwrap_or_default().trim_end_matches('.');
    match text.contains(['/', '?', '#']) && crate::config::is_account_host(host) {
        true => host.strip_suffix(".amocrm.ru").unwrap_or(host).to_owned(),
        false => text.to_owned(),
    }
}

/// A time as `dealer.toml` has it (`15m`, `2h`, `1d`, `off`) from how people write it; `None` where it is none.
pub fn within(text: &str) -> Option<String> {
    let text = text.trim().trim_end_matches('.').to_lowercase().replace('ё', "е");
    let text = text.strip_prefix("через ").or_else(|| text.strip_prefix("за ")).unwrap_or(&text).trim();
    match text {
        "off" | "-" | "no" | "none" | "нет" | "без задачи" | "не нужно" | "не надо" => {
            return Some("off".into());
        }
        "полчаса" | "half an hour" => return Some("30m".into()),
        "час" | "an hour" => return Some("1h".into()),
        "полтора часа" => return Some("90m".into()),
        "сутки" | "день" | "a day" => return Some("1d".into()),
        _ => {}
    }
    let digits = text.find(|sign: char| !sign.is_ascii_digit()).unwrap_or(text.len());
    let number: u64 = text[..digits].parse().ok().filter(|number| (1..=100_000).contains(number))?;
    let unit = match text[digits..].trim().trim_end_matches('.') {
        "m" | "min" | "mins" | "minute" | "minutes" | "м" | "мин" | "минута" | "минуты" | "минут" | "минуту" => {
            'm'
        }
        "h" | "hour" | "hours" | "ч" | "час" | "часа" | "часов" => 'h',
        "d" | "day" | "days" | "д" | "дн" | "день" | "дня" | "дней" | "сутки" | "суток" => 'd',
        _ => return None,
    };
    Some(format!("{number}{unit}"))
}

/// The same as people read it, which [`within`] reads again.
pub fn shown_within(minutes: u64, language: Language) -> String {
    let (number, russian, english) = match minutes {
        0 => return "off".into(),
        days if days % (24 * 60) == 0 => (days / (24 * 60), "дн", "days"),
        hours if hours % 60 == 0 => (hours / 60, "ч", "h"),
        minutes => (minutes, "мин", "min"),
    };
    let unit = if language == Language::Ru { russian } else { english };
    format!("{number} {unit}")
}

/// Clocks of Russia from west to east, and its neighbours': name, in Russian, in English.
pub const ZONES: [(Tz, &str, &str); 13] = [
    (Tz::Europe__Kaliningrad, "Калининград", "Kaliningrad"),
    (Tz::Europe__Moscow, "Москва", "Moscow"),
    (Tz::Europe__Samara, "Самара", "Samara"),
    (Tz::Asia__Yekaterinburg, "Екатеринбург", "Yekaterinburg"),
    (Tz::Asia__Omsk, "Омск", "Omsk"),
    (Tz::Asia__Novosibirsk, "Новосибирск", "Novosibirsk"),
    (Tz::Asia__Krasnoyarsk, "Красноярск", "Krasnoyarsk"),
    (Tz::Asia__Irkutsk, "Иркутск", "Irkutsk"),
    (Tz::Asia__Yakutsk, "Якутск", "Yakutsk"),
    (Tz::Asia__Vladivostok, "Владивосток", "Vladivostok"),
    (Tz::Asia__Magadan, "Магадан", "Magadan"),
    (Tz::Asia__Kamchatka, "Камчатка", "Kamchatka"),
    (Tz::Asia__Almaty, "Алматы", "Almaty"),
];

/// Cities with another one's clock.
const CITIES: [(&str, Tz); 26] = [
    ("мск", Tz::Europe__Moscow),
    ("питер", Tz::Europe__Moscow),
    ("спб", Tz::Europe__Moscow),
    ("санкт-петербург", Tz::Europe__Moscow),
    ("казань", Tz::Europe__Moscow),
    ("краснодар", Tz::Europe__Moscow),
    ("ростов-на-дону", Tz::Europe__Moscow),
    ("нижний новгород", Tz::Europe__Moscow),
    ("воронеж", Tz::Europe__Moscow),
    ("сочи", Tz::Europe__Moscow),
    ("волгоград", Tz::Europe__Volgograd),
    ("саратов", Tz::Europe__Saratov),
    ("ижевск", Tz::Europe__Samara),
    ("тольятти", Tz::Europe__Samara),
    ("уфа", Tz::Asia__Yekaterinburg),
    ("пермь", Tz::Asia__Yekaterinburg),
    ("челябинск", Tz::Asia__Yekaterinburg),
    ("тюмень", Tz::Asia__Yekaterinburg),
    ("барнаул", Tz::Asia__Barnaul),
    ("томск", Tz::Asia__Tomsk),
    ("кемерово", Tz::Asia__Novokuznetsk),
    ("хабаровск", Tz::Asia__Vladivostok),
    ("минск", Tz::Europe__Minsk),
    ("астана", Tz::Asia__Almaty),
    ("ташкент", Tz::Asia__Tashkent),
    ("бишкек", Tz::Asia__Bishkek),
];

/// A clock by its name, a city, or its distance from UTC or Moscow (`UTC+5`, `МСК+2`).
pub fn zone(text: &str) -> Option<Tz> {
    let text = text.trim();
    let lower = text.to_lowercase().replace('ё', "е");
    let known = ZONES.iter().find(|(_, ru, en)| ru.to_lowercase() == lower || en.to_lowercase() == lower);
    if let Some((zone, ..)) = known {
        return Some(*zone);
    }
    if let Some((_, zone)) = CITIES.iter().find(|(city, _)| *city == lower) {
        return Some(*zone);
    }
    let named = text.replace(' ', "_");
    let by_name = || chrono_tz::TZ_VARIANTS.iter().find(|zone| zone.name().eq_ignore_ascii_case(&named)).copied();
    if let Some(zone) = Tz::from_str(text).ok().or_else(by_name) {
        return Some(zone);
    }
    let (rest, from) = [("utc", 0), ("gmt", 0), ("мск", 3), ("msk", 3), ("", 0)]
        .iter()
        .find_map(|(name, from)| Some((lower.strip_prefix(name)?.trim(), *from)))?;
    let hours: i32 = rest.strip_prefix('+').filter(|hours| hours.len() <= 2)?.parse().ok()?;
    let far = (hours + from) * 3600;
    // Of two with the same clock the one that more people live by.
    let usual = [Tz::Europe__Moscow, Tz::Asia__Novosibirsk];
    let all = usual.iter().chain(ZONES.iter().map(|(zone, ..)| zone));
    all.copied().find(|zone| offset(*zone) == far)
}

/// `UTC+3`.
pub fn utc_offset(zone: Tz) -> String {
    let (seconds, sign) = (offset(zone).abs(), if offset(zone) < 0 { '-' } else { '+' });
    let minutes = if seconds % 3600 == 0 { String::new() } else { format!(":{:02}", seconds % 3600 / 60) };
    format!("UTC{sign}{}{minutes}", seconds / 3600)
}

/// In seconds to the east, in winter.
fn offset(zone: Tz) -> i32 {
    let winter = DateTime::<Utc>::from_timestamp(1_767_225_600, 0).unwrap_or_default();
    zone.offset_from_utc_datetime(&winter.naive_utc()).fix().local_minus_utc()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn yes_and_no_are_understood_in_both_languages() {
        for text in ["д", "Да", "y", "YES", " да ", "Да!", "ok"] {
            assert_eq!(yes_or_no(text), Some(true), "{text}");
        }
        for text in ["н", "Нет", "n", "No", "нет."] {
            assert_eq!(yes_or_no(text), Some(false), "{text}");
        }
        for text in ["", "может быть", "1", "yn", "-"] {
            assert_eq!(yes_or_no(text), None, "{text}");
        }
    }

    #[test]
    fn a_token_is_known_by_its_looks() {
        let jwt = format!("eyJ0eXAiOiJKV1QiLCJhbGciOiJSUzI1NiJ9.{}", "a".repeat(700));
        for text in [jwt.as_str(), "123456789:AAF1234567890abcdefghijklmnopqrstuv-_", &"я".repeat(401)] {
            assert!(is_like_a_token(text), "{text}");
        }
        for text in
            ["acme", "Анна", "socks5://user:password@host:1080", "https://acme.amocrm.ru/dashboard/", "12:30", ""]
        {
            assert!(!is_like_a_token(text), "{text}");
        }
    }

    #[test]
    fn the_account_is_named_by_any_of_its_pages() {
        for (text, want) in [
            ("acme", "acme"),
            ("https://acme.amocrm.ru/dashboard/", "acme"),
            ("acme.amocrm.ru/leads/pipeline/?skip_filter=Y", "acme"),
            ("HTTPS://Acme.AmoCRM.ru", "acme"),
            ("http://acme.kommo.com/settings/users/#x", "acme.kommo.com"),
            ("https://acme.amocrm.com", "acme.amocrm.com"),
            ("acme.amocrm.ru", "acme.amocrm.ru"),
            ("https://evil.example/acme.amocrm.ru", "https://evil.example/acme.amocrm.ru"),
            ("https://acme.amocrm.ru@evil.example/", "https://acme.amocrm.ru@evil.example/"),
            ("два слова", "два слова"),
            ("", ""),
        ] {
            assert_eq!(account(text), want, "{text}");
        }
    }

    #[test]
    fn a_time_is_read_as_people_write_it() {
        for (text, want) in [
            ("15m", Some("15m")),
            ("15 минут", Some("15m")),
            ("15м", Some("15m")),
            ("15 мин.", Some("15m")),
            ("2 часа", Some("2h")),
            ("2ч", Some("2h")),
            ("за 10 минут", Some("10m")),
            ("Полчаса", Some("30m")),
            ("час", Some("1h")),
            ("1 день", Some("1d")),
            ("2 hours", Some("2h")),
            ("нет", Some("off")),
            ("-", Some("off")),
            ("OFF", Some("off")),
            ("15", None),
            ("скоро", None),
            ("0m", None),
            ("-5m", None),
            ("15 лет", None),
            ("99999999999999999999m", None),
            ("", None),
        ] {
            assert_eq!(within(text).as_deref(), want, "{text}");
        }
        for minutes in [1, 15, 60, 90, 120, 1440, 4320] {
            for language in [Language::Ru, Language::En] {
                let shown = shown_within(minutes, language);
                let again = within(&shown).unwrap_or_else(|| panic!("{shown} is read again"));
                let unit = match again.as_bytes()[again.len() - 1] {
                    b'm' => 1,
                    b'h' => 60,
                    _ => 1440,
                };
                assert_eq!(again[..again.len() - 1].parse::<u64>().map(|number| number * unit), Ok(minutes), "{shown}");
            }
        }
    }

    #[test]
    fn a_clock_is_named_by_its_city_or_its_distance() {
        for (text, want) in [
            ("Москва", Some("Europe/Moscow")),
            ("moscow", Some("Europe/Moscow")),
            ("Europe/Moscow", Some("Europe/Moscow")),
            ("europe/moscow", Some("Europe/Moscow")),
            ("екатеринбург", Some("Asia/Yekaterinburg")),
            ("Уфа", Some("Asia/Yekaterinburg")),
            ("UTC+5", Some("Asia/Yekaterinburg")),
            ("мск", Some("Europe/Moscow")),
            ("МСК+7", Some("Asia/Vladivostok")),
            ("+7", Some("Asia/Novosibirsk")),
            ("utc +3", Some("Europe/Moscow")),
            ("America/New York", Some("America/New_York")),
            ("Гондор", None),
            ("UTC+99", None),
            ("", None),
        ] {
            assert_eq!(zone(text).map(|zone| zone.name()), want, "{text}");
        }
        assert_eq!(utc_offset(Tz::Europe__Moscow), "UTC+3");
        assert_eq!(utc_offset(Tz::Asia__Kolkata), "UTC+5:30");
        assert_eq!(utc_offset(Tz::America__New_York), "UTC-5");
    }
}
