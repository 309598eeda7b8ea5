//! What people are told, as values: stored until the messenger has taken them, worded only then (`wording`).

mod admin;
mod button;
mod card;
mod consent;
mod lead_card;
mod lead_press;
mod my_request;
mod press;
mod reference;
mod say;
mod shortage;
mod talk;
mod to_admin;
mod trouble;

use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;

use crate::lead::{ChatRef, FileKind, LeadNumber};

pub use admin::{AdminNotice, LeadCopy, WithdrawnLead};
pub use button::{Button, Style};
pub use card::{Ask, Card, CardAnswer, Offer};
pub use consent::{ConsentQuestion, ShownButton};
pub use lead_card::{CardState, Doer, LeadCard, LeadOutcome, PressOutcome, Wiped};
pub use lead_press::{LeadDeed, LeadPress};
pub use my_request::{MyProgress, MyRequest, MyState};
pub use press::AdminPress;
pub use reference::{Reference, ReferenceKind, ReplyTo};
pub use say::Say;
pub use shortage::Shortage;
pub(crate) use shortage::stage_name;
pub use talk::{MessageCopy, TalkMark, TopicEnd};
pub use to_admin::{AdminLine, Recipient, Recipients, ToAdmin};
pub use trouble::{CopyTrouble, LeadsMeanwhile, PageTrouble, PollTrouble, Trouble};
#[cfg(test)]
pub use {
    admin::AdminNoticeDiscriminants, say::SayDiscriminants, shortage::ShortageDiscriminants,
    trouble::TroubleDiscriminants,
};

/// A message that waits in the outbox.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(strum::EnumDiscriminants), strum_discriminants(derive(strum::EnumIter)))]
#[serde(rename_all = "snake_case")]
pub enum Notice {
    /// To the buyer: the request is taken, this is its number.
    Accepted {
        /// The request's number.
        number: LeadNumber,
    },
    /// To the buyer: the CRM does not answer, the request is saved and will be passed on.
    Saved {
        /// The request's number.
        number: LeadNumber,
    },
    /// To a buyer who was told [`Notice::Saved`]: it has been passed on.
    Delivered {
        /// The request's number.
        number: LeadNumber,
    },
    /// To the buyer: the lead has reached a stage of which the settings say something.
    StatusReached {
        /// The request's number.
        number: LeadNumber,
        /// Which text of the settings it is.
        key: String,
        /// What is told, by language; the first is for every language that is not among them.
        text: Vec<(String, String)>,
    },
    /// To a buyer: an answer of one or more parts.
    Reply(#[serde(deserialize_with = "readable_parts")] Vec<Say>),
    /// To the admin.
    Admin(AdminNotice),
    /// An answer to the admin, worded when it was asked for.
    Worded(Worded),
    /// To the managers: a buyer's file that amoCRM does not have.
    File(FileCopy),
    /// To managers or to a buyer: a message of the other side.
    Copy(MessageCopy),
    /// To the managers: the card of a lead, as it is when it is sent.
    LeadCard {
        /// The lead's number.
        number: LeadNumber,
    },
    /// To the managers: nobody has dealt with a lead.
    Untouched {
        /// The lead's number.
        number: LeadNumber,
        /// Minutes of working time since it came.
        minutes: i64,
    },
    /// To the managers' group: nothing is said, but a buyer's name goes from the title of a topic.
    TopicEnd(TopicEnd),
    /// Any of the others, with more of an address than its chat, or to be found again.
    Addressed(Addressed),
}

/// What a message means for the buttons that stand in its chat.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Buttons {
    /// Nothing: its own, if it has any, stand for themselves.
    Apart,
    /// Those before are over; its own, if it has any, stand for themselves.
    Over,
    /// Those before are over; its own stand until the next such message.
    Instead,
    /// Those before are over; its own stand beside those of the message that comes with it.
    BesideNext,
    /// Those before stay, and its own stand as long as they do.
    Beside,
}

impl Notice {
    /// What it means for the buttons that stand in its chat: one question, or one card, is alive at a time.
    pub fn buttons(&self) -> Buttons {
        match self {
            Self::Accepted { .. } => Buttons::Over,
            Self::Reply(parts) => match parts.last() {
                Some(
                    Say::Ask(_)
                    | Say::AskCorrection { .. }
                    | Say::AskWish { .. }
                    | Say::Card(_)
                    | Say::AskConsent
                    | Say::ConsentTo(_),
                ) => Buttons::Instead,
                Some(Say::Cancelled | Say::CancelledLate | Say::ConsentDeclined | Say::Deleting) => Buttons::Over,
                Some(Say::ConfirmCorrection { .. } | Say::Corrected { .. } | Say::RequestAsItWas { .. }) => {
                    Buttons::Instead
                }
                Some(Say::Resume) => Buttons::BesideNext,
                Some(Say::Unfinished { .. } | Say::OpenForm { .. } | Say::AskCancel) => Buttons::Beside,
                _ => Buttons::Apart,
            },
            Self::Addressed(addressed) => addressed.notice.buttons(),
            _ => Buttons::Apart,
        }
    }

    /// What is said, without the address.
    pub fn words(&self) -> &Self {
        match self {
            Self::Addressed(addressed) => addressed.notice.words(),
            other => other,
        }
    }

    /// What it becomes once the messenger has taken it, where it is to be found again.
    pub fn becomes(&self) -> Option<&Reference> {
        match self {
            Self::Addressed(addressed) => addressed.becomes.as_ref(),
            _ => None,
        }
    }

    /// The request that it tells managers of; `None` for what is about none, or about several.
    pub fn request(&self) -> Option<&LeadNumber> {
        match self.words() {
            Self::LeadCard { number } | Self::Untouched { number, .. } => Some(number),
            Self::File(file) => Some(&file.number),
            Self::Copy(copy) => Some(&copy.number),
            Self::Admin(
                AdminNotice::FileLost { number, .. }
                | AdminNotice::Corrected { number, .. }
                | AdminNotice::TakenBack { number }
                | AdminNotice::NoPlaceForWords { number, .. },
            ) => Some(number),
            Self::Admin(AdminNotice::Finished { lead }) => Some(&lead.number),
            _ => None,
        }
    }

    /// Whether it is the card of a lead that the managers do not have yet.
    pub fn is_new_card(&self) -> bool {
        matches!(self.words(), Self::LeadCard { .. }) && !matches!(self, Self::Addressed(addressed) if addressed.edits)
    }

    /// Whether it reminds a buyer of a form: nobody has asked for it.
    pub fn is_reminder(&self) -> bool {
        matches!(self, Self::Reply(parts) if matches!(parts.as_slice(), [Say::Unfinished { .. }]))
    }

    /// The topic of a group that it goes to.
    pub fn topic(&self) -> Option<i32> {
        match self {
            Self::Worded(worded) => worded.topic,
            Self::Addressed(addressed) => addressed.topic.or_else(|| addressed.notice.topic()),
            _ => None,
        }
    }
}

/// A message with its address within a chat.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Addressed {
    /// What is said.
    pub notice: Box<Notice>,
    /// What it becomes once Telegram has taken it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub becomes: Option<Reference>,
    /// It takes the place of what [`Self::becomes`] has become before, and is not sent where there is nothing of that. In a
    /// group that has become a supergroup since, or another one, it is sent again.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub edits: bool,
    /// The topic of a group.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub topic: Option<i32>,
    /// What it is an answer to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reply_to: Option<ReplyTo>,
    /// No phone rings for it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub silent: bool,
}

impl Addressed {
    /// A message to the chat alone.
    pub fn plain(notice: Notice) -> Self {
        Self { notice: Box::new(notice), becomes: None, edits: false, topic: None, reply_to: None, silent: false }
    }

    /// A message that can be found again.
    pub fn becoming(notice: Notice, reference: Reference) -> Self {
        Self { becomes: Some(reference), ..Self::plain(notice) }
    }

    /// What a message has become is changed.
    pub fn edit(notice: Notice, reference: Reference) -> Self {
        Self { edits: true, ..Self::becoming(notice, reference) }
    }

    /// An answer to what a message has become.
    pub fn reply(notice: Notice, to: Reference) -> Self {
        Self { reply_to: Some(ReplyTo::Reference(to)), ..Self::plain(notice) }
    }
}

impl From<Addressed> for Notice {
    fn from(addressed: Addressed) -> Self {
        Self::Addressed(addressed)
    }
}

/// A buyer's file as it is sent on within Telegram.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileCopy {
    /// The request it belongs to.
    pub number: LeadNumber,
    /// Its name for managers.
    pub name: String,
    /// The buyer's chat.
    pub from_chat: ChatRef,
    /// The message in it.
    pub message_id: i32,
    /// Telegram's id of the file.
    pub file_id: String,
    /// How it was sent.
    pub kind: FileKind,
}

/// A worded message with buttons.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Worded {
    /// Plain text.
    pub text: String,
    /// Rows of buttons under it.
    pub buttons: Vec<Vec<Button>>,
    /// The topic of a group in which it was asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub topic: Option<i32>,
}

/// The parts of an answer that any version stored; one that cannot be read says how to begin.
fn readable_parts<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Say>, D::Error> {
    let parts = Value::deserialize(deserializer)?;
    Ok(serde_json::from_value(parts).unwrap_or_else(|_| vec![Say::HowToBegin]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_stored_by_any_version_is_read() {
        let card = r#"{"card":{"name":"Иван","phone":"+79991234567","budget":"2 млн","car_link":null}}"#;
        for (stored, parts) in [
            (r#"{"reply":["welcome",{"ask_name":{"editing":false}}]}"#.to_owned(), 2),
            (format!(r#"{{"reply":["phone_invalid",{card}]}}"#), 2),
            (r#"{"reply":[]}"#.to_owned(), 0),
        ] {
            let Ok(Notice::Reply(read)) = serde_json::from_str(&stored) else { panic!("{stored}") };
            assert_eq!(read.len(), parts, "{stored}");
            assert!(!read.contains(&Say::HowToBegin), "{stored}");
        }
        for stored in [
            r#"{"reply":null}"#,
            r#"{"reply":"welcome"}"#,
            r#"{"reply":{"welcome":1}}"#,
            r#"{"reply":["welcome","said_by_a_later_version"]}"#,
            r#"{"reply":[{"ask_name":{}}]}"#,
        ] {
            let read: Notice = serde_json::from_str(stored).expect("a stored answer");
            assert_eq!(read, Notice::Reply(vec![Say::HowToBegin]), "{stored}");
        }
    }

    #[test]
    fn an_answer_is_stored_as_it_always_was() {
        let notice = Notice::Reply(vec![
            Say::NoPhoneFound,
            Say::Ask(Ask { question: "phone".into(), editing: false, kept: None, offered: None }),
        ]);
        let stored = serde_json::to_string(&notice).expect("JSON");
        assert_eq!(stored, r#"{"reply":["no_phone_found",{"ask_phone":{"editing":false}}]}"#);
    }

    #[test]
    fn what_has_an_address_stays_as_it_is_stored() {
        let card = Reference::new(ReferenceKind::Card, "K7M2QXA");
        assert_eq!((card.key(), Reference::parse(&card.key())), ("card:K7M2QXA".to_owned(), Some(card.clone())));
        for key in ["", "card", "postcard:7", ":7"] {
            assert_eq!(Reference::parse(key), None, "{key:?}");
        }
        let reply =
            Addressed { topic: Some(7), silent: true, ..Addressed::reply(Notice::Reply(Vec::new()), card.clone()) };
        let edit = Addressed::edit(Notice::Reply(Vec::new()), card);
        for (addressed, stored) in [
            (
                reply,
                r#"{"addressed":{"notice":{"reply":[]},"topic":7,"reply_to":{"reference":{"kind":"card","id":"K7M2QXA"}},"silent":true}}"#,
            ),
            (edit, r#"{"addressed":{"notice":{"reply":[]},"becomes":{"kind":"card","id":"K7M2QXA"},"edits":true}}"#),
            (Addressed::plain(Notice::Reply(Vec::new())), r#"{"addressed":{"notice":{"reply":[]}}}"#),
        ] {
            let notice = Notice::from(addressed);
            assert_eq!(serde_json::to_string(&notice).expect("JSON"), stored);
            assert_eq!(serde_json::from_str::<Notice>(stored).expect("a message"), notice);
        }
    }
}
