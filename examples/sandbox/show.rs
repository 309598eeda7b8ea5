//! How things look in print.

use std::io::IsTerminal;

use testkit::fakes::amocrm::{FakeAmocrm, StoredLead};

use crate::terminal::print;

pub const BOLD: &str = "1";
pub const DIM: &str = "2";
pub const RED: &str = "31";
pub const GREEN: &str = "32";
pub const YELLOW: &str = "33";
pub const CYAN: &str = "36";

/// The text in a style, if standard output is a terminal that wants colours.
pub fn paint(style: &str, text: &str) -> String {
    if std::io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty()) {
        format!("\x1b[{style}m{text}\x1b[0m")
    } else {
        text.to_owned()
    }
}

/// Whose screen is shown next, in both languages.
pub fn heading(russian: &str, english: &str) {
    print(&format!("\n{} {}", paint(CYAN, &format!("— {russian} —")), paint(DIM, english)));
}

/// A part of a conversation, without Telegram's own doings.
pub fn conversation(transcript: &str) {
    for line in transcript.lines().filter(|line| line.trim() != "⌨ убрана") {
        print(line.trim_end());
    }
}

/// A lead as the manager sees it: the card, its contact, its notes.
pub fn lead(amocrm: &FakeAmocrm, lead: &StoredLead) {
    print(&format!("Сделка «{}»", paint(BOLD, &lead.name)));
    print(&format!("  Бюджет: {} ₽ · теги: {}", grouped(lead.price), lead.tags.join(", ")));
    for contact in amocrm.contacts().iter().filter(|contact| lead.contact_ids.contains(&contact.id)) {
        print(&format!("  Контакт: {}, {}", contact.name, contact.phones.join(", ")));
    }
    for note in &lead.notes {
        print(&format!("  Примечание: {}", note.replace('\n', "\n    ")));
    }
}

/// `2500000` as `2 500 000`.
fn grouped(number: i64) -> String {
    let digits = number.to_string();
    let mut grouped = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            grouped.push(' ');
        }
        grouped.push(digit);
    }
    grouped
}
