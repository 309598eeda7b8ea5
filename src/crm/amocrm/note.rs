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
use crate::clock::{in_dealers_time, in_utc};
use crate::config::AmocrmSettings;
use crate::lead::{Lead, LeadNumber, LeadSource, Origin, PhoneOrigin, grouped};

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
    lines.extend(lead.left_open.as_deref().map(|left_open| {
        let left_open = match left_open {
            [] => "все вопросы отвечены, но «Отправить» он не нажал".to_owned(),
            left_open => format!("остались вопросы: {}", left_open.join(", ")),
        };
        format!("Не завершена: покупатель оставил анкету, {left_open}")
    }));
    if let Some(label) = &lead.asked.budget {
        let budget = lead.budget.as_ref().map_or_else(
            || "не указано".to_owned(),
            |budget| {
                let meant = budget.meant().map_or_else(String::new, |price| format!(" ({} ₽)", grouped(price)));
                answer(budget.shown()) + &meant
            },
        );
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
    let sent = if lead.is_unfinished() { "Передана ботом" } else { "Отправлена" };
    lines.push(format!("{sent}: {}", times(lead.submitted_at)));
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
    number_of(there).is_some_and(|other| other != *number)
}

/// The number of the lead under whose heading a note in amoCRM stands; `None` where it is none of ours.
pub(super) fn number_of(there: &str) -> Option<LeadNumber> {
    let note = unescaped(there);
    let heading = note.strip_prefix(FIRST_EDITION).unwrap_or(&note).trim_start();
    let rest = heading.strip_prefix('#')?;
    let end = rest.find(|c: char| !c.is_alphanumeric()).unwrap_or(rest.len());
    LeadNumber::parse(&rest[..end])
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
    format!("{} ({})", in_utc(at), in_dealers_time(at))
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
mod tests;
