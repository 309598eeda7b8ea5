//! Buttons. Callback data is a contract: other tools press these.

use teloxide::types::{
    ButtonRequest, InlineKeyboardButton, InlineKeyboardMarkup, KeyboardButton, KeyboardMarkup, ReplyMarkup,
};

use super::messages::Lang;

fn button(lang: Lang, label: &str, data: &str) -> InlineKeyboardButton {
    InlineKeyboardButton::callback(lang.text(label, &[]), data)
}

fn inline(rows: Vec<Vec<InlineKeyboardButton>>) -> ReplyMarkup {
    ReplyMarkup::InlineKeyboard(InlineKeyboardMarkup::new(rows))
}

/// Accept the privacy policy.
pub fn consent(lang: Lang) -> ReplyMarkup {
    inline(vec![vec![button(lang, "button-consent", "consent:accept")], vec![button(lang, "button-cancel", "cancel")]])
}

/// Share one's own contact; typed numbers are taken as well.
pub fn share_contact(lang: Lang, editing: bool) -> ReplyMarkup {
    let share = KeyboardButton::new(lang.text("button-share-contact", &[])).request(ButtonRequest::Contact);
    let mut rows = vec![vec![share]];
    if editing {
        rows.push(vec![KeyboardButton::new(lang.text("button-back", &[]))]);
    }
    ReplyMarkup::Keyboard(KeyboardMarkup::new(rows).resize_keyboard().one_time_keyboard())
}

/// No link to a car.
pub fn car_link(lang: Lang, editing: bool) -> ReplyMarkup {
    let mut rows = vec![vec![button(lang, "button-skip", "skip")]];
    if editing {
        rows.push(vec![button(lang, "button-back", "back")]);
    }
    inline(rows)
}

/// Leave an answer as it was.
pub fn back(lang: Lang) -> ReplyMarkup {
    inline(vec![vec![button(lang, "button-back", "back")]])
}

/// Send, change one answer, or throw away.
pub fn card(lang: Lang) -> ReplyMarkup {
    inline(vec![
        vec![button(lang, "button-submit", "submit")],
        vec![button(lang, "button-edit-name", "edit:name"), button(lang, "button-edit-phone", "edit:phone")],
        vec![button(lang, "button-edit-budget", "edit:budget"), button(lang, "button-edit-car-link", "edit:car_link")],
        vec![button(lang, "button-cancel", "cancel")],
    ])
}

/// Begin anew.
pub fn restart(lang: Lang) -> ReplyMarkup {
    inline(vec![vec![button(lang, "button-restart", "restart")]])
}
