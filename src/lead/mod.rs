//! The domain: what a buyer asks for, with no I/O.
//!
//! Parse, don't validate: once you hold a [`Name`], [`Phone`], [`Budget`] or [`CarLink`] it is right and nothing
//! downstream checks it again.

mod amendment;
mod amount;
mod budget;
mod car_link;
mod chat;
mod crm_status;
mod day;
mod file;
mod later;
mod mention;
mod message;
mod name;
mod number;
mod phone;
mod quantity;
mod source;
mod text;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use ulid::Ulid;

pub use amendment::{
    AmendmentKind, Change, REPEATED_TAG, UNFINISHED_TAG, correction_note, finished_note, given_up_note,
    supplement_note, taken_back_note,
};
pub use budget::Budget;
pub use car_link::{CarLink, CarLinkError};
pub use chat::{Channel, ChatRef};
pub use crm_status::{CrmStatus, StageOrder};
pub use day::{Day, DayError};
pub use file::{BuyerFile, FileKind, LARGEST_FILE, MOST_FILES, file_key, has_file_key};
pub use later::{Speech, shown_file, shown_file_of, speech_note, with_speech};
pub use message::{Said, Taken};
pub use name::{NAMELESS, Name, NameError, Wish};
pub use number::LeadNumber;
pub use phone::{Phone, PhoneError, PhoneOrigin, Region, read_plans};
pub use quantity::Quantity;
pub use source::{LeadSource, SourceCode, Sources, Utm, UtmValues, utm_of};
pub(crate) use text::{begins, is_invisible, is_visible};
pub use text::{grouped, one_line, shorten};

/// One request of a buyer, complete and ready to be delivered.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Lead {
    /// Identity in our store; made when the draft is opened, so a doubled press is the same lead.
    pub id: Ulid,
    /// Short number the buyer sees and the delivery key in amoCRM.
    pub number: LeadNumber,
    /// When the buyer pressed send (UTC).
    pub submitted_at: DateTime<Utc>,
    /// The buyer's name.
    pub name: Name,
    /// The buyer's phone.
    pub phone: Phone,
    /// The budget as typed, with a number where there is one; absent when skipped or not asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub budget: Option<Budget>,
    /// The link to a car, absent when skipped or not asked.
    pub car_link: Option<CarLink>,
    /// Which of these two the form asked, and what it called them.
    #[serde(default, skip_serializing_if = "Asked::is_usual")]
    pub asked: Asked,
    /// Answers to the form's other questions, in its order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub more: Vec<Extra>,
    /// What the buyer said of the car beside the answers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wish: Option<Wish>,
    /// Files that the buyer has sent, in order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub files: Vec<BuyerFile>,
    /// Who wrote to the bot.
    pub buyer: Buyer,
    /// When the buyer consented, or accepted the privacy policy, where that is asked (UTC).
    #[serde(default)]
    pub consent_at: Option<DateTime<Utc>>,
    /// To which version of the dealer's document, and what proves it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub consent: Option<ConsentProof>,
    /// How the lead came into the store.
    #[serde(default)]
    pub origin: Origin,
    /// The link that its buyer came by, where there was one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<LeadSource>,
    /// Its buyer has left the form before the end and did not send it: the questions without an answer, as managers read them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub left_open: Option<Vec<String>>,
}

impl Lead {
    /// Whether its buyer has left the form before the end.
    pub fn is_unfinished(&self) -> bool {
        self.left_open.is_some()
    }

    /// The budget in whole roubles; 0 where it is no one amount, or not known.
    pub fn price(&self) -> i64 {
        self.budget.as_ref().map_or(0, Budget::price)
    }

    /// The budget as typed; nothing where there is none.
    pub fn budget_typed(&self) -> &str {
        self.budget.as_ref().map_or("", Budget::typed)
    }
}

/// What a form called, for managers, the answers that leads have fields of their own for; `None` for what it did not ask.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Asked {
    /// Of [`Lead::budget`].
    pub budget: Option<String>,
    /// Of [`Lead::car_link`].
    pub car_link: Option<String>,
}

impl Default for Asked {
    /// As the built-in form has it, and every lead of earlier versions.
    fn default() -> Self {
        Self { budget: Some("Бюджет".into()), car_link: Some("Ссылка".into()) }
    }
}

impl Asked {
    fn is_usual(&self) -> bool {
        *self == Self::default()
    }
}

/// An answer to a question of the form that has no field of its own in a lead; it tells what was asked, so that it can be
/// read when the form asks something else by then.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Extra {
    /// The question's key.
    pub key: String,
    /// What was asked, for managers.
    pub label: String,
    /// The answer, for managers.
    pub value: String,
}

impl Lead {
    /// The names of its files for managers, in order.
    pub fn file_names(&self) -> impl Iterator<Item = String> {
        self.files.iter().enumerate().map(|(at, file)| file.name_in(&self.number, at + 1))
    }
}

impl std::fmt::Display for Extra {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "{}: {}", self.label, self.value)
    }
}

/// To what somebody has consented, and where that is proved.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConsentProof {
    /// The version of the dealer's document.
    pub version: String,
    /// The id of the proof in the store: 64 hex digits.
    pub id: String,
}

/// The Telegram user behind a lead.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Buyer {
    /// Telegram user id; 0 when an imported entry had none.
    pub user_id: i64,
    /// Chat to answer in; absent for imported leads whose buyer never met this bot.
    #[serde(default, rename = "chat_id")]
    pub chat: Option<ChatRef>,
    /// `@username` without the `@`.
    #[serde(default, deserialize_with = "profile_line")]
    pub username: Option<String>,
    /// First and last name as Telegram shows them.
    #[serde(default, deserialize_with = "profile_line")]
    pub full_name: Option<String>,
}

/// Telegram's first and last names have 64 characters each.
const PROFILE_LINE: usize = 130;

impl Buyer {
    /// A person by what their profile says: everybody names themselves as they like, so it is cleaned here.
    pub fn new(user_id: i64, chat: Option<ChatRef>, username: Option<&str>, full_name: Option<&str>) -> Self {
        let line = |text: &str| Some(one_line(text, PROFILE_LINE)).filter(|line| !line.is_empty());
        Self { user_id, chat, username: username.and_then(line), full_name: full_name.and_then(line) }
    }
}

/// What an earlier version has stored as it was.
fn profile_line<'de, D: serde::Deserializer<'de>>(from: D) -> Result<Option<String>, D::Error> {
    let text = Option::<String>::deserialize(from)?;
    Ok(text.map(|text| one_line(&text, PROFILE_LINE)).filter(|line| !line.is_empty()))
}

/// How a lead came into the store.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Origin {
    /// From a chat with this bot.
    #[default]
    Telegram,
    /// From a `backup_leads.json`.
    Backup,
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Leads are stored as JSON: what an older version wrote must stay readable.
    #[test]
    fn stored_leads_stay_readable() {
        let json = serde_json::json!({
            "id": "01J7ABCDEFGHJKMNPQRSTVWXYZ",
            "number": "K7M2QXA",
            "submitted_at": "2025-09-07T10:30:00Z",
            "name": "Иван",
            "phone": { "e164": "+79991234567", "typed": "8 999 123-45-67", "origin": "typed" },
            "budget": { "typed": "2,5 млн", "price": 2_500_000 },
            "car_link": {
                "url": "https://fem.encar.com/cars/detail/38427498",
                "typed": "encar.com/cars/detail/38427498",
                "encar_id": "38427498"
            },
            "buyer": { "user_id": 1, "chat_id": 1, "username": "ivan", "full_name": "Иван" },
            "consent_at": null,
            "origin": "telegram"
        });
        let lead: Lead = serde_json::from_value(json.clone()).expect("a stored lead");
        assert_eq!(serde_json::to_value(&lead).ok(), Some(json));
    }

    #[test]
    fn a_stored_lead_may_lack_what_is_optional() {
        let lead: Lead = serde_json::from_value(serde_json::json!({
            "id": "01J7ABCDEFGHJKMNPQRSTVWXYZ",
            "number": "K7M2QXA",
            "submitted_at": "2025-09-07T10:30:00Z",
            "name": "",
            "phone": { "e164": "нет", "typed": "нет", "origin": "backup" },
            "budget": { "typed": "", "price": 0 },
            "buyer": { "user_id": 0 }
        }))
        .expect("a stored lead");
        assert_eq!(lead.car_link, None);
        assert_eq!(lead.origin, Origin::Telegram);
    }
}
