//! What can be pressed with a message, as the Bot API takes it.

use serde_json::{Value, json};
use teloxide::types::{ButtonRequest, KeyboardButton, KeyboardMarkup, KeyboardRemove, ReplyMarkup};
use url::Url;

use crate::{
    notice::{Button, Style},
    wording::{Key, Markup},
};

/// What a server knows of buttons.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fashion {
    /// All of it: `copy_text` (Bot API 7.11), `style` (9.4), which the library does not have.
    New,
    /// What every server knows.
    Plain,
}

/// The Bot API's form of it as JSON; `None` where nothing is left to press.
pub(super) fn reply_markup(markup: &Markup, fashion: Fashion) -> Option<Value> {
    let other = match markup {
        Markup::Buttons(rows) => {
            let rows = rows.iter().map(|row| row.iter().filter_map(|button| inline(button, fashion)).collect());
            let rows: Vec<Vec<Value>> = rows.filter(|row: &Vec<Value>| !row.is_empty()).collect();
            return (!rows.is_empty()).then(|| json!({ "inline_keyboard": rows }));
        }
        Markup::Keys(rows) => {
            let rows = rows.iter().map(|row| row.iter().map(key).collect::<Vec<_>>());
            ReplyMarkup::Keyboard(KeyboardMarkup::new(rows).resize_keyboard().one_time_keyboard())
        }
        Markup::RemoveKeys => ReplyMarkup::KeyboardRemove(KeyboardRemove::new()),
    };
    serde_json::to_value(other).ok()
}

/// Whether a server that knows less is told less.
pub(super) fn is_new_fashion(markup: &Markup) -> bool {
    let is_new = |button: &Button| matches!(button, Button::Press { style: Some(_), .. } | Button::Copy { .. });
    matches!(markup, Markup::Buttons(rows) if rows.iter().flatten().any(is_new))
}

/// A button under a message; an address that is none has no button.
fn inline(button: &Button, fashion: Fashion) -> Option<Value> {
    Some(match button {
        Button::Press { text, data, style } => {
            let mut button = json!({ "text": text, "callback_data": data });
            if let Some(style) = style.filter(|_| fashion == Fashion::New) {
                button["style"] = match style {
                    Style::Success => "success",
                    Style::Danger => "danger",
                }
                .into();
            }
            button
        }
        Button::Open { text, url } => json!({ "text": text, "url": url.parse::<Url>().ok()? }),
        Button::Copy { .. } if fashion == Fashion::Plain => return None,
        Button::Copy { text, copy } => json!({ "text": text, "copy_text": { "text": copy } }),
    })
}

fn key(key: &Key) -> KeyboardButton {
    match key {
        Key::Type(text) => KeyboardButton::new(text),
        Key::ShareContact(text) => KeyboardButton::new(text).request(ButtonRequest::Contact),
    }
}

/// What was seen of a server that has refused messages with new buttons and taken them with plain ones.
#[derive(Debug, Default)]
pub(super) struct Refusals {
    /// It does not know new ones.
    is_plain: bool,
    /// How often in a row the message was refused in words that do not say why.
    unexplained: u32,
}

/// So many refusals in a row that do not say why are meant for the buttons.
const UNEXPLAINED: u32 = 2;

impl Refusals {
    /// What the server is told of buttons.
    pub fn fashion(&self) -> Fashion {
        if self.is_plain { Fashion::Plain } else { Fashion::New }
    }

    /// It has taken new ones.
    pub fn taken(&mut self) {
        self.unexplained = 0;
    }

    /// It has refused new ones in these words and taken plain ones.
    pub fn refused(&mut self, words: &str) {
        let words = words.to_lowercase();
        let is_about_buttons =
            ["button", "keyboard", "markup", "style", "copy_text", "field"].iter().any(|word| words.contains(word));
        self.unexplained += 1;
        self.is_plain |= is_about_buttons || self.unexplained >= UNEXPLAINED;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_that_knows_less_is_told_less() {
        let press = |style| Button::Press { text: "Да".into(), data: "submit".into(), style };
        let copy = Button::Copy { text: "Номер".into(), copy: "K7M2QXA".into() };
        let open = |url: &str| Button::Open { text: "Сюда".into(), url: url.into() };
        let styled = Markup::Buttons(vec![
            vec![press(Some(Style::Success)), press(Some(Style::Danger)), press(None)],
            vec![copy],
            vec![open("https://a.example/x"), open("no address")],
        ]);
        assert!(is_new_fashion(&styled) && !is_new_fashion(&Markup::Buttons(vec![vec![press(None)]])));
        let plain = json!({"text": "Да", "callback_data": "submit"});
        let with = |style: &str| json!({"text": "Да", "callback_data": "submit", "style": style});
        let address = json!({"text": "Сюда", "url": "https://a.example/x"});
        let copied = json!({"text": "Номер", "copy_text": {"text": "K7M2QXA"}});
        assert_eq!(
            reply_markup(&styled, Fashion::New),
            Some(json!({"inline_keyboard": [[with("success"), with("danger"), plain], [copied], [address]]}))
        );
        assert_eq!(
            reply_markup(&styled, Fashion::Plain),
            Some(json!({"inline_keyboard": [[plain, plain, plain], [address]]}))
        );
        let keys = Markup::Keys(vec![vec![Key::Type("Назад".into())]]);
        assert!(reply_markup(&keys, Fashion::New).is_some_and(|keys| keys["keyboard"][0][0]["text"] == "Назад"));
        assert_eq!(reply_markup(&Markup::RemoveKeys, Fashion::New), Some(json!({"remove_keyboard": true})));
    }

    #[test]
    fn one_refusal_that_does_not_say_why_changes_no_fashion() {
        let mut seen = Refusals::default();
        seen.refused("Bad Request: message is too long");
        seen.taken();
        seen.refused("Bad Request: something odd");
        assert_eq!(seen.fashion(), Fashion::New);
        seen.refused("Bad Request: something odd");
        assert_eq!(seen.fashion(), Fashion::Plain);
        for words in [
            "Bad Request: can't parse inline keyboard button: Text buttons are unallowed in the inline keyboard",
            "Bad Request: BUTTON_STYLE_INVALID",
            "Bad Request: unknown field \"copy_text\"",
        ] {
            let mut seen = Refusals::default();
            seen.refused(words);
            assert_eq!(seen.fashion(), Fashion::Plain, "{words}");
        }
    }
}
