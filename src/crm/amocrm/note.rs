//! The note under a lead: everything the buyer said, as it was said, for the manager who calls back.
//!
//! **Promise.** Nothing the buyer answered is lost, also what amoCRM took in no field. Every note begins with `#{number}`,
//! by which it is found again before it would be written a second time. Notes of people who quote a number are not taken
//! for ours: what stands under the heading counts, too.

use chrono::{DateTime, Utc};

use super::degrade::refused_values;
use super::key::{self, after_number, broken_up, said};
use super::omitted::{OmittedFields, plain};
use super::text::{cut, essence, kept, unescaped};
use crate::clock::{in_moscow, in_utc};
use crate::config::AmocrmSettings;
use crate::lead::{Lead, LeadNumber, LeadSource, Origin, PhoneOrigin};

/// The longest note (the limit is not documented; this is our own caution).
const NOTE_CAP: usize = 10_000;
/// What the notes of version 0.1.0 had before the `#`.
const FIRST_EDITION: &str = "Заявка ";
/// The first words under the heading of the first note.
const FIRST_LINE: &str = "Имя:";
/// In place of an answer of which amoCRM keeps nothing.
const ONLY_PICTURES: &str = "(только эмодзи)";
/// So much of a note that was cut short tells it from one that a person wrote, in letters and digits.
const TELLING: usize = 10;

/// The notes of a lead, in Russian, as plain text; nearly always one.
pub fn notes(lead: &Lead, settings: &AmocrmSettings, left_out: &OmittedFields) -> Vec<String> {
    let answer = |typed: &str| match said(typed) {
        None if !typed.trim().is_empty() => ONLY_PICTURES.to_owned(),
        said => said.unwrap_or_default(),
    };
    let mut lines = vec![format!("{FIRST_LINE} {}", key::name(lead))];
    lines.extend(phone_lines(lead));
    if let Some(label) = &lead.asked.budget {
        let budget = lead.budget.as_ref().map_or_else(|| "не указано".to_owned(), |budget| answer(budget.typed()));
        lines.push(format!("{label}: {budget}"));
    }
    match (&lead.asked.car_link, &lead.car_link) {
        (None, _) => {}
        (Some(label), None) => lines.push(format!("{label}: нет")),
        (Some(label), Some(link)) => {
            lines.push(format!("{label}: {}", link.url()));
            if link.typed().trim() != link.url() {
                lines.push(format!("{label}, как прислана: {}", link.typed()));
            }
            lines.extend(link.encar_id().map(|id| format!("Encar ID: {id}")));
            lines.extend(link.others().iter().map(|url| format!("Ещё ссылка: {url}")));
        }
    }
    lines.extend(lead.more.iter().map(|more| format!("{}: {}", more.label, answer(&more.value))));
    lines.extend(lead.wish.as_ref().map(|wish| format!("Пожелания: {}", answer(wish.as_str()))));
    if !lead.files.is_empty() {
        lines.push(format!("Файлы: {}", lead.file_names().collect::<Vec<_>>().join(", ")));
    }
    lines.extend(telegram_line(lead));
    let origin = match lead.origin {
        Origin::Telegram => "Telegram-бот",
        Origin::Backup => "резервная копия (backup_leads.json)",
    };
    lines.push(match &lead.source {
        None => format!("Источник: {origin}"),
        Some(LeadSource { name: Some(name), code, .. }) => format!("Источник: {origin}, {name} (код ссылки {code})"),
        Some(LeadSource { name: None, code, .. }) => format!("Источник: {origin}, ссылка с кодом {code}"),
    });
    lines.extend(lead.source.as_ref().and_then(LeadSource::utm_line).map(|marks| format!("UTM-метки: {marks}")));
    lines.push(format!("Отправлена: {}", times(lead.submitted_at)));
    lines.extend(lead.consent_at.map(|at| {
        let version = lead.consent.as_ref().map_or_else(String::new, |proof| format!("версия {}, ", proof.version));
        format!("Согласие на обработку данных: {version}{}", times(at))
    }));
    for (field, value) in refused_values(lead, settings, left_out) {
        lines.push(format!("amoCRM не принял поле {field}: {value}"));
    }
    let text = kept(&lines.join("\n"));
    let text = if left_out.plain { plain(&text) } else { text };
    // All at once, so that no key comes of two lines.
    split(&lead.number, &broken_up(&text), NOTE_CAP)
}

/// The note of a buyer who has withdrawn their consent and was forgotten by the bot.
pub fn withdrawal_note(number: &LeadNumber, at: DateTime<Utc>) -> String {
    format!(
        "#{number} Согласие отозвано\nПокупатель отозвал согласие на обработку персональных данных: {}. Бот стёр его данные. \
         Удалите их и в amoCRM: эту сделку и её контакт.",
        times(at)
    )
}

/// A note that was written after the lead's own, as it is sent: its heading, and behind it nothing that looks like a key.
pub fn late_text(number: &LeadNumber, text: &str) -> String {
    let heading = format!("#{number}");
    let rest = text.strip_prefix(&heading).unwrap_or(text).trim_start();
    cut(&format!("{heading} {}", broken_up(&kept(rest))), NOTE_CAP)
}

/// Whether a note in amoCRM is this one, of one part, which was written after the lead's own; it may have been cut short.
pub(super) fn is_late(there: &str, ours: &str, number: &LeadNumber) -> bool {
    let (Some(there), Some(ours)) = (Headed::read(there, number), Headed::read(ours, number)) else { return false };
    let (all_there, all_ours) = (essence(&there.text), essence(&ours.text));
    let is_cut = all_there.chars().count() >= TELLING && all_ours.starts_with(&all_there);
    all_there == all_ours || is_cut
}

/// Whether a note in amoCRM is this one of ours, which may have been cut short, or written by another version.
pub(super) fn is_same(there: &str, ours: &str, number: &LeadNumber) -> bool {
    let (Some(there), Some(ours)) = (Headed::read(there, number), Headed::read(ours, number)) else { return false };
    if there.part != ours.part {
        return false;
    }
    let (all_there, all_ours) = (essence(&there.text), essence(&ours.text));
    let is_cut = all_there.chars().count() >= TELLING && all_ours.starts_with(&all_there);
    // Other versions may put it otherwise, but always begin with the name and the phone.
    let beginning = |text: &str| essence(&text.lines().take(2).collect::<Vec<_>>().join(" "));
    let begins_alike = there.is_first() && beginning(&there.text) == beginning(&ours.text);
    let is_older = there.first_edition && (!there.is_first() || there.text.starts_with(FIRST_LINE));
    all_there == all_ours || is_cut || begins_alike || is_older
}

/// Whether a note in amoCRM is the (first) note of the lead with this number, whatever stands in it.
pub(super) fn belongs_to(there: &str, number: &LeadNumber) -> bool {
    Headed::read(there, number).is_some_and(|there| there.is_first() && there.text.starts_with(FIRST_LINE))
}

/// Whether a note in amoCRM stands under the heading of a lead with another number.
pub(super) fn is_of_another(there: &str, number: &LeadNumber) -> bool {
    let note = unescaped(there);
    let heading = note.strip_prefix(FIRST_EDITION).unwrap_or(&note).trim_start();
    let Some(rest) = heading.strip_prefix('#') else { return false };
    let end = rest.find(|c: char| !c.is_alphanumeric()).unwrap_or(rest.len());
    LeadNumber::parse(&rest[..end]).is_some_and(|other| other != *number)
}

/// A note under the heading of a lead: `#K7M2QXA` or `#K7M2QXA (2/3)`, in version 0.1.0 `Заявка #K7M2QXA`.
struct Headed {
    /// Which of how many; 1 of 1 is not told.
    part: (usize, usize),
    text: String,
    first_edition: bool,
}

impl Headed {
    fn read(note: &str, number: &LeadNumber) -> Option<Self> {
        let note = unescaped(note);
        let (note, first_edition) = match note.strip_prefix(FIRST_EDITION) {
            Some(rest) => (rest.trim_start(), true),
            None => (note.as_str(), false),
        };
        let rest = after_number(note, number)?;
        let (part, text) = match rest.trim_start().strip_prefix('(').and_then(|rest| rest.split_once(')')) {
            Some((part, text)) => {
                let (at, of) = part.split_once('/')?;
                ((at.trim().parse().ok()?, of.trim().parse().ok()?), text)
            }
            None => ((1, 1), rest),
        };
        let is_apart = text.is_empty() || text.starts_with(char::is_whitespace);
        is_apart.then(|| Self { part, text: text.trim_start().to_owned(), first_edition })
    }

    fn is_first(&self) -> bool {
        self.part.0 == 1
    }
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
fn split(number: &LeadNumber, text: &str, cap: usize) -> Vec<String> {
    // As long as the heading of version 0.1.0 was, so that what it wrote in several parts is told part by part.
    let heading = format!("{FIRST_EDITION}#{number} (99/99)\n").chars().count();
    let room = cap.saturating_sub(heading).max(1);
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
        1 => format!("#{number}\n{}", part.trim_end()),
        _ => format!("#{number} ({}/{count})\n{}", at + 1, part.trim_end()),
    };
    parts.iter().enumerate().map(headed).collect()
}

#[cfg(test)]
mod tests {
    use super::super::payload::tests::{lead, settings};
    use super::*;
    use crate::lead::SourceCode;
    use serde_json::{from_value, json};

    fn number(text: &str) -> LeadNumber {
        LeadNumber::parse(text).expect("a number")
    }

    #[test]
    fn holds_every_answer_as_typed() {
        let notes = notes(&lead(), &settings(), &OmittedFields::default());
        assert_eq!(
            notes.join("\n---\n"),
            "#K7M2QXA
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
    fn says_where_the_buyer_came_from() {
        let described = super::super::payload::tests::source();
        let unknown = LeadSource::unknown(SourceCode::parse("drom__spring").expect("a code"));
        for (source, lines) in [
            (None, vec!["Источник: Telegram-бот"]),
            (
                Some(described),
                vec![
                    "Источник: Telegram-бот, Авито (код ссылки avito)",
                    "UTM-метки: utm_source=avito, utm_medium=cpc , utm_campaign=, utm_term=encar",
                ],
            ),
            (
                Some(unknown),
                vec![
                    "Источник: Telegram-бот, ссылка с кодом drom__spring",
                    "UTM-метки: utm_source=drom, utm_campaign=spring",
                ],
            ),
        ] {
            let note = notes(&Lead { source, ..lead() }, &settings(), &OmittedFields::default()).join("");
            let told: Vec<&str> =
                note.lines().filter(|line| line.starts_with("Источник") || line.starts_with("UTM")).collect();
            assert_eq!(told, lines);
        }
    }

    #[test]
    fn says_what_amocrm_did_not_take_and_whose_number_it_is() {
        let mut lead = lead();
        lead.phone = from_value(json!({"e164": "12", "typed": "12", "origin": "foreign_contact"})).expect("a phone");
        lead.car_link = None;
        lead.consent_at = Some(lead.submitted_at);
        let left_out = OmittedFields {
            fields: [501, 502].into(),
            phone: true,
            stage: true,
            tags: true,
            ..OmittedFields::default()
        };
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
        lead.consent = from_value(json!({"version": "2026-12", "id": "00ff"})).ok();
        let note = notes(&lead, &settings(), &left_out).join("");
        let line = "Согласие на обработку данных: версия 2026-12, 23.11.2026 10:30 UTC (23.11.2026 13:30 МСК)";
        assert!(note.lines().any(|found| found == line) && !note.contains("00ff"), "{note}");
    }

    #[test]
    fn a_long_text_becomes_several_notes_that_can_all_be_found() {
        let text = format!("{}\n{}\n{}", "а".repeat(70), "б".repeat(250), "в".repeat(10));
        let parts = split(&number("K7M2QXA"), &text, 100);
        assert!(parts.len() > 3);
        let mut whole = String::new();
        for (at, part) in parts.iter().enumerate() {
            assert!(part.chars().count() <= 100, "{part}");
            let (heading, rest) = part.split_once('\n').expect("a heading");
            assert_eq!(heading, format!("#K7M2QXA ({}/{})", at + 1, parts.len()));
            whole.push_str(rest);
        }
        assert_eq!(whole.replace('\n', ""), text.replace('\n', ""));
    }

    #[test]
    fn nothing_typed_stands_there_as_a_key_or_is_lost_on_the_way() {
        let lead = Lead {
            name: from_value(json!("🚗")).expect("a name"),
            budget: from_value(json!({"typed": "🤷", "price": 0})).ok(),
            car_link: from_value(json!({"url": "https://a.b/c#N7HR3T9", "typed": "a.b/c 🚗 #N7HR3T9"})).ok(),
            buyer: from_value(json!({"user_id": 1, "username": "x", "full_name": "#N7HR3T9 🙂 a\u{0}b\u{7}c"}))
                .expect("a buyer"),
            ..lead()
        };
        let note = notes(&lead, &settings(), &OmittedFields::default()).remove(0);
        for line in [
            "#K7M2QXA",
            "Имя: Без имени",
            "Бюджет: (только эмодзи)",
            "Ссылка: https://a.b/c#%4E7HR3T9",
            "Ссылка, как прислана: a.b/c № N7HR3T9",
            "Telegram: № N7HR3T9 abc, @x, id 1",
        ] {
            assert!(note.lines().any(|found| found == line), "{line} is not in\n{note}");
        }
        assert_eq!(note.matches('#').count(), 2, "{note}");
    }

    #[test]
    fn a_note_is_known_by_its_heading_and_by_what_stands_under_it() {
        let key = number("K7M2QXA");
        let lead = Lead {
            name: from_value(json!("<b>Иван</b> & \"Ко\"")).expect("a name"),
            budget: from_value(json!({"typed": "до 3 млн 🤷, см. #N7HR3T9", "price": 0})).ok(),
            ..lead()
        };
        let ours = notes(&lead, &settings(), &OmittedFields::default()).remove(0);
        let under = ours.strip_prefix("#K7M2QXA\n").expect("a heading");
        let escaped = ours.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;");
        let older = |name: &str| {
            format!("Заявка #K7M2QXA\nИмя: {name}\n{}", under.split_once('\n').expect("lines").1).replace('№', "#")
        };
        for there in [
            ours.clone(),
            escaped.clone(),
            format!("{escaped}\n"),
            escaped.replace('&', "&amp;"),
            ours.replace('\n', " "),
            ours.replace('\n', "\r\n"),
            ours.chars().take(120).collect(),
            format!("{}\nБюджет: иначе", ours.lines().take(3).collect::<Vec<_>>().join("\n")),
            older("<b>Иван</b> & \"Ко\""),
            older("&lt;b&gt;Иван&lt;/b&gt; &amp; &quot;Ко&quot;"),
            older(""),
        ] {
            assert!(is_same(&there, &ours, &key), "{there}");
            assert!(belongs_to(&there, &key), "{there}");
        }
        for there in [
            String::new(),
            "#K7M2QXA".into(),
            "#K7M2QXA перезвонить в пять".into(),
            "#K7M2QXA\nперезвонить в пять".into(),
            "#K7M2QXA Сообщение покупателя: Имя: Иван".into(),
            "Заявка #K7M2QXA".into(),
            "Заявка #K7M2QXA: клиент просил перезвонить".into(),
            format!("См. #K7M2QXA\n{under}"),
            format!("> {ours}"),
            format!("#N7HR3T9\n{under}"),
            format!("#K7M2QXAB\n{under}"),
            format!("#N7HR3T9\nИмя: #K7M2QXA\n{under}"),
            format!("#K7M2QXA (1/2)\n{under}"),
            under.to_owned(),
        ] {
            assert!(!is_same(&there, &ours, &key), "{there}");
        }
        let long = Lead { budget: from_value(json!({"typed": "слово ".repeat(4000), "price": 0})).ok(), ..lead };
        let parts = notes(&long, &settings(), &OmittedFields::default());
        assert!(parts.len() > 1);
        for (i, there) in parts.iter().enumerate() {
            for (j, ours) in parts.iter().enumerate() {
                assert_eq!(is_same(there, ours, &key), i == j, "{i} {j}");
                assert_eq!(is_same(&format!("Заявка {there}"), ours, &key), i == j, "{i} {j}");
            }
        }
        assert!(!is_same(&format!("#K7M2QXA (2/{})\nдругое", parts.len()), &parts[1], &key));
    }
}
