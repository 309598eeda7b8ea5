//! The note under a lead: everything the buyer said, as it was said, for the manager who calls back.
//!
//! **Promise.** Nothing the buyer answered is lost, also what amoCRM took in no field. Every note carries `#{number}`,
//! by which it is found again before it would be written a second time.

use chrono::{DateTime, Utc};

use super::degradation::{Degradation, plain, refused_values};
use crate::clock::{in_moscow, in_utc};
use crate::config::AmocrmSettings;
use crate::lead::{Lead, Origin, PhoneOrigin};

/// The longest note (the limit is not documented; this is our own caution).
const NOTE_CAP: usize = 10_000;
/// The notes of a lead, in Russian, as plain text; nearly always one.
pub fn notes(lead: &Lead, settings: &AmocrmSettings, left_out: &Degradation) -> Vec<String> {
    let heading = format!("Заявка #{}", lead.number);
    let mut lines = vec![format!("Имя: {}", lead.name.as_str())];
    lines.extend(phone_lines(lead));
    lines.push(format!("Бюджет: {}", lead.budget.typed()));
    match &lead.car_link {
        None => lines.push("Ссылка: нет".into()),
        Some(link) => {
            lines.push(format!("Ссылка: {}", link.url()));
            if link.typed().trim() != link.url() {
                lines.push(format!("Ссылка, как прислана: {}", link.typed()));
            }
            lines.extend(link.encar_id().map(|id| format!("Encar ID: {id}")));
        }
    }
    lines.extend(telegram_line(lead));
    lines.push(format!(
        "Источник: {}",
        match lead.origin {
            Origin::Telegram => "Telegram-бот",
            Origin::Backup => "резервная копия (backup_leads.json)",
        }
    ));
    lines.push(format!("Отправлена: {}", times(lead.submitted_at)));
    lines.extend(lead.consent_at.map(|at| format!("Согласие на обработку данных: {}", times(at))));
    for (field, value) in refused_values(lead, settings, left_out) {
        lines.push(format!("amoCRM не принял поле {field}: {value}"));
    }
    let text = lines.join("\n");
    split(&heading, &if left_out.plain { plain(&text) } else { text }, NOTE_CAP)
}

fn phone_lines(lead: &Lead) -> Vec<String> {
    let phone = &lead.phone;
    let mut lines = vec![format!("Телефон: {}", phone.e164())];
    if phone.typed() != phone.e164() {
        lines.push(format!("Телефон, как введён: {}", phone.typed()));
    }
    match phone.origin() {
        PhoneOrigin::Typed => {}
        PhoneOrigin::OwnContact => lines.push("Номер отправлен кнопкой «Поделиться контактом»".into()),
        PhoneOrigin::ForeignContact => {
            lines.push("Внимание: это контакт другого человека, не самого покупателя".into())
        }
        PhoneOrigin::Backup => lines.push("Номер взят из резервной копии".into()),
    }
    lines
}

fn telegram_line(lead: &Lead) -> Option<String> {
    let buyer = &lead.buyer;
    let mut parts = Vec::new();
    parts.extend(buyer.full_name.clone());
    parts.extend(buyer.username.as_ref().map(|username| format!("@{username}")));
    if buyer.user_id != 0 {
        parts.push(format!("id {}", buyer.user_id));
    }
    (!parts.is_empty()).then(|| format!("Telegram: {}", parts.join(", ")))
}

/// A time in UTC and as the manager's clock shows it.
fn times(at: DateTime<Utc>) -> String {
    format!("{} ({})", in_utc(at), in_moscow(at))
}

/// Cuts a text into notes of at most `cap` characters, each under the heading, at ends of lines where possible.
fn split(heading: &str, text: &str, cap: usize) -> Vec<String> {
    // Line breaks are ours; other control characters have no business in a note.
    let text: String = text.chars().filter(|char| *char == '\n' || !char.is_control()).collect();
    let room = cap.saturating_sub(heading.chars().count() + " (99/99)\n".len()).max(1);
    let mut parts: Vec<String> = Vec::new();
    let mut part = String::new();
    let mut length = 0;
    for line in text.split_inclusive('\n') {
        let line: Vec<char> = line.chars().collect();
        for piece in line.chunks(room) {
            if length + piece.len() > room {
                parts.push(std::mem::take(&mut part));
                length = 0;
            }
            part.extend(piece);
            length += piece.len();
        }
    }
    parts.push(part);
    let count = parts.len();
    let headed = |(at, part): (usize, &String)| match count {
        1 => format!("{heading}\n{}", part.trim_end()),
        _ => format!("{heading} ({}/{count})\n{}", at + 1, part.trim_end()),
    };
    parts.iter().enumerate().map(headed).collect()
}

#[cfg(test)]
mod tests {
    use super::super::payload::tests::{lead, settings};
    use super::*;
    use serde_json::{from_value, json};

    #[test]
    fn holds_every_answer_as_typed() {
        let notes = notes(&lead(), &settings(), &Degradation::default());
        assert_eq!(
            notes.join("\n---\n"),
            "Заявка #K7M2QXA
Имя: Иван Петров
Телефон: +79991234567
Телефон, как введён: 8 (999) 123-45-67
Бюджет: 2,5 млн
Ссылка: https://fem.encar.com/cars/detail/38000001
Ссылка, как прислана: вот http://www.encar.com/dc/dc_cardetailview.do?carid=38000001
Encar ID: 38000001
Telegram: Ivan P, @ivan, id 42
Источник: Telegram-бот
Отправлена: 23.11.2026 10:30 UTC (23.11.2026 13:30 МСК)"
        );
    }

    #[test]
    fn says_what_amocrm_did_not_take_and_whose_number_it_is() {
        let mut lead = lead();
        lead.phone = from_value(json!({"e164": "12", "typed": "12", "origin": "foreign_contact"})).expect("a phone");
        lead.car_link = None;
        lead.consent_at = Some(lead.submitted_at);
        let left_out =
            Degradation { fields: [501, 502].into(), phone: true, stage: true, tags: true, ..Degradation::default() };
        let note = notes(&lead, &settings(), &left_out).join("");
        for line in [
            "Телефон: 12",
            "Внимание: это контакт другого человека, не самого покупателя",
            "Ссылка: нет",
            "Согласие на обработку данных: 23.11.2026 10:30 UTC (23.11.2026 13:30 МСК)",
            "amoCRM не принял поле «Бюджет» (501): 2,5 млн",
            "amoCRM не принял поле «Телефон»: 12",
            "amoCRM не принял поле «Воронка»: 101",
            "amoCRM не принял поле «Этап»: 202",
            "amoCRM не принял поле «Теги»: telegram_bot, encar",
        ] {
            assert!(note.lines().any(|found| found == line), "{line} is not in\n{note}");
        }
        assert!(!note.contains("как введён") && !note.contains("(502)"));
    }

    #[test]
    fn a_long_text_becomes_several_notes_that_can_all_be_found() {
        let text = format!("{}\n{}\n{}", "а".repeat(70), "б".repeat(250), "в".repeat(10));
        let parts = split("Заявка #K7M2QXA", &text, 100);
        assert!(parts.len() > 3);
        let mut whole = String::new();
        for (at, part) in parts.iter().enumerate() {
            assert!(part.chars().count() <= 100, "{part}");
            let (heading, rest) = part.split_once('\n').expect("a heading");
            assert_eq!(heading, format!("Заявка #K7M2QXA ({}/{})", at + 1, parts.len()));
            whole.push_str(rest);
        }
        assert_eq!(whole.replace('\n', ""), text.replace('\n', ""));
    }

    #[test]
    fn control_characters_are_left_out() {
        assert_eq!(split("h", "a\u{0}b\u{7}\nc", 100), ["h\nab\nc"]);
    }
}
