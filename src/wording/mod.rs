//! Everything the product says, worded from the values of `notice` in the languages of `locales/`.
//!
//! Pure: no I/O, and no type of a messenger's library. Whoever speaks to people knows this room; how a message is sent
//! is the messenger's room's matter.

mod admin;
mod admin_leads;
mod buyer;
mod documents;
mod i18n;
mod keyboards;
mod lead_card;
mod lead_copy;
mod notices;
mod overrides;
mod printed;
mod questions;
#[cfg(test)]
mod tests;
mod time;
mod troubles;

use chrono::{DateTime, Offset, TimeDelta, TimeZone, Utc};

use crate::{config::StatusTexts, form::Form, lead::Sources, notice::Button};

pub use admin::{backup_caption, render_admin, waiting_text};
pub use admin_leads::is_pressable;
pub use buyer::{deleted_text, render_reply, wish_line};
pub use documents::{ShownDocument, consent_words};
pub use i18n::Lang;
pub use keyboards::{admin_button, consent_buttons, fill_in_button};
pub use lead_card::{press_text, render_lead_card, with_masked_phones};
pub use lead_copy::{answer_lines, source_line};
pub use notices::{file_caption, render_notice, render_worded};
pub use printed::{PrintedText, text_ids, texts_of, texts_one_by_one};
pub use time::{age, duration, moment};
pub use troubles::{advice_text, outage_buttons, page_trouble_text, short_name, shortage_text, trouble_text};

/// A worded message: plain text, and what can be pressed with it.
#[derive(Debug, Clone, PartialEq)]
pub struct Rendered {
    /// 1 to 4096 UTF-16 units.
    pub text: String,
    /// What can be pressed with it.
    pub markup: Option<Markup>,
}

impl Rendered {
    /// A text without buttons.
    pub fn plain(text: String) -> Self {
        Self { text, markup: None }
    }
}

/// What can be pressed with a message.
#[derive(Debug, Clone, PartialEq)]
pub enum Markup {
    /// Rows of buttons under the message.
    Buttons(Vec<Vec<Button>>),
    /// Rows of keys in place of the keyboard, until one is pressed.
    Keys(Vec<Vec<Key>>),
    /// Takes keys away that stand in place of the keyboard.
    RemoveKeys,
}

/// A key in place of the keyboard.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Key {
    /// Types its label.
    Type(String),
    /// Sends the person's own contact.
    ShareContact(String),
}

/// What the wording must know of the settings.
#[derive(Debug, Clone, Default)]
pub struct Wording {
    /// Address of the privacy policy.
    pub privacy_policy_url: Option<url::Url>,
    /// The dealer's documents that are shown in the chat, by language.
    pub consent_documents: Vec<ShownDocument>,
    /// What buyers are asked.
    pub form: Form,
    /// What the codes of links stand for.
    pub sources: Sources,
    /// What is told of which stage in amoCRM.
    pub statuses: StatusTexts,
    /// The dealer's clock.
    pub time_zone: chrono_tz::Tz,
    /// `@username` of the bot without the `@`.
    pub bot_username: String,
    /// Address of the account in amoCRM, where there is one.
    pub crm_url: Option<url::Url>,
    /// Phones are masked in the managers' chat until somebody takes the lead.
    pub mask_phones: bool,
    /// Whether access to amoCRM can be renewed from the admin's chat: there is an integration.
    pub can_authorize: bool,
}

impl Wording {
    /// The dealer's document in a language.
    pub fn consent_document(&self, lang: &str) -> Option<&ShownDocument> {
        self.consent_documents.iter().find(|document| document.lang == lang)
    }

    /// How far the dealer's clock is before UTC at a time.
    pub fn utc_offset(&self, at: DateTime<Utc>) -> TimeDelta {
        let offset = self.time_zone.offset_from_utc_datetime(&at.naive_utc());
        TimeDelta::seconds(i64::from(offset.fix().local_minus_utc()))
    }
}

/// Telegram takes at most 4096 UTF-16 units.
pub fn clip(text: String) -> String {
    const LIMIT: usize = 4096;
    if text.encode_utf16().count() <= LIMIT {
        return text;
    }
    let mut units = 0;
    let mut clipped: String = text
        .chars()
        .take_while(|character| {
            units += character.len_utf16();
            units < LIMIT
        })
        .collect();
    clipped.push('…');
    clipped
}
