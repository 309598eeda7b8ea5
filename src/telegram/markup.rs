//! What can be pressed with a message, as the Bot API takes it.

use teloxide::types::{
    ButtonRequest, InlineKeyboardButton, InlineKeyboardMarkup, KeyboardButton, KeyboardMarkup, KeyboardRemove,
    ReplyMarkup,
};

use crate::{
    notice::Button,
    wording::{Key, Markup},
};

/// The Bot API's form of it; `None` where nothing is left to press.
pub(super) fn reply_markup(markup: &Markup) -> Option<ReplyMarkup> {
    match markup {
        Markup::Buttons(rows) => {
            let rows = rows.iter().map(|row| row.iter().filter_map(inline).collect::<Vec<_>>());
            let rows: Vec<_> = rows.filter(|row| !row.is_empty()).collect();
            (!rows.is_empty()).then(|| ReplyMarkup::InlineKeyboard(InlineKeyboardMarkup::new(rows)))
        }
        Markup::Keys(rows) => {
            let rows = rows.iter().map(|row| row.iter().map(key).collect::<Vec<_>>());
            Some(ReplyMarkup::Keyboard(KeyboardMarkup::new(rows).resize_keyboard().one_time_keyboard()))
        }
        Markup::RemoveKeys => Some(ReplyMarkup::KeyboardRemove(KeyboardRemove::new())),
    }
}

/// A button under a message; an address that is none has no button.
fn inline(button: &Button) -> Option<InlineKeyboardButton> {
    match button {
        Button::Press { text, data } => Some(InlineKeyboardButton::callback(text, data)),
        Button::Open { text, url } => url.parse().ok().map(|url| InlineKeyboardButton::url(text, url)),
    }
}

fn key(key: &Key) -> KeyboardButton {
    match key {
        Key::Type(text) => KeyboardButton::new(text),
        Key::ShareContact(text) => KeyboardButton::new(text).request(ButtonRequest::Contact),
    }
}
