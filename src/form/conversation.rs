//! A chat's dialogue as a value, and what a turn of it must know of the world.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{
    clock::Millis,
    lead::{Buyer, Lead, LeadNumber, Name, Phone, Region, SourceCode, Sources},
    notice::{MyState, Say},
};

use super::{
    consent_rule::ConsentRule,
    draft::{Draft, Step},
    input::Input,
    passed::Passed,
    questions::{Form, NAME, PHONE, Words},
    repeats::TakenText,
    typed::Typed,
};

/// A chat's dialogue.
#[derive(Debug, Clone, PartialEq)]
pub struct Conversation {
    /// Where it stands.
    pub step: Step,
    /// The open form; `None` exactly when the step is [`Step::Idle`].
    pub draft: Option<Draft>,
    /// The last request this chat has sent, for whoever presses send twice.
    pub last_number: Option<LeadNumber>,
    /// The last text that was taken as an answer to this form, to know its copy by.
    pub taken: Option<TakenText>,
    /// One answer is being changed from the card, to which "back" leads.
    pub changing: bool,
    /// What is behind the chat.
    pub passed: Passed,
    /// An answer of a request that was sent is being corrected.
    pub correcting: Option<Correcting>,
    /// The code of the first link that the buyer has come by since the last request.
    pub source: Option<SourceCode>,
    /// When the buyer was last told what becomes of what is said after a request.
    pub told: Option<Told>,
}

impl Conversation {
    /// A chat that has no form open.
    pub fn idle(last_number: Option<LeadNumber>) -> Self {
        Self {
            step: Step::Idle,
            draft: None,
            last_number,
            taken: None,
            changing: false,
            passed: Passed::default(),
            correcting: None,
            source: None,
            told: None,
        }
    }

    /// Whether nothing is asked: no form is open, and no answer is being corrected.
    pub fn is_at_rest(&self) -> bool {
        self.step == Step::Idle && self.correcting.as_ref().is_none_or(Correcting::is_awaited)
    }

    /// What the number of the message tells that the input came by.
    pub(super) fn see(&mut self, input: &Input, world: &World) {
        if let Some(message) = world.numbered() {
            let is_button = matches!(input, Input::Press(_) | Input::UnknownPress);
            self.passed = std::mem::take(&mut self.passed).seen(message, is_button);
        }
    }

    /// Whether the contact's name or phone may be asked next.
    pub fn may_offer(&self) -> bool {
        let Some(draft) = &self.draft else { return true };
        matches!(self.step, Step::Consent | Step::Ask(NAME | PHONE))
            || [NAME, PHONE].iter().any(|key| !draft.answers.contains_key(key))
    }
}

/// When the buyer was last told what becomes of what is said after a request, and what.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Told {
    pub(super) at: DateTime<Utc>,
    /// That nothing more is kept today.
    pub(super) full: bool,
}

/// A request of the person, as it is meant now.
#[derive(Debug, Clone, PartialEq)]
pub struct OwnRequest {
    /// The lead with all corrections.
    pub lead: Lead,
    /// Where it is.
    pub state: MyState,
    /// How often it was corrected.
    pub corrections: usize,
    /// How long it can be corrected and taken back from when it was sent.
    pub open_for: Millis,
    /// Whether files can be added to it: what is old was wiped.
    pub takes_files: bool,
}

/// Whoever has begun in time is let finish: a sixth of that time.
const GRACE: Millis = 6;

impl OwnRequest {
    /// Whether it can be corrected and taken back.
    pub fn is_open(&self, now: Millis) -> bool {
        self.is_in_time(now, self.open_for)
    }

    /// Whether whoever has begun to in time may finish.
    pub(super) fn may_be_finished(&self, now: Millis) -> bool {
        self.is_in_time(now, self.open_for + self.open_for / GRACE)
    }

    fn is_in_time(&self, now: Millis, within: Millis) -> bool {
        let sent_at = self.lead.submitted_at.timestamp_millis();
        matches!(self.state, MyState::OnItsWay | MyState::WithTheManager) && now - sent_at < within
    }
}

/// An answer that is being corrected.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Correcting {
    /// Of which request.
    pub number: LeadNumber,
    /// The question's key.
    pub key: String,
    /// The new answer, in a draft as it is stored; `None` until it is given.
    #[serde(default)]
    pub given: Option<Value>,
}

impl Correcting {
    /// The new answer may be what is said next, without being asked: `хочу изменить телефон`, and then the phone.
    pub fn awaited(number: LeadNumber, is_name: bool) -> Self {
        let key = if is_name { AWAITED_NAME } else { AWAITED };
        Self { number, key: key.into(), given: None }
    }

    /// Whether nothing is asked, and what says something else is no answer.
    pub fn is_awaited(&self) -> bool {
        [AWAITED, AWAITED_NAME].contains(&self.key.as_str())
    }
}

/// Stand for "what is said next may be the new answer", and for the same where that is a name.
pub(super) const AWAITED: &str = "+awaited";

pub(super) const AWAITED_NAME: &str = "+awaited_name";

/// What the dialogue must know of the world.
#[derive(Debug, Clone)]
pub struct World {
    /// The moment of the turn, UTC.
    pub now: DateTime<Utc>,
    /// How far the dealer's clock is before UTC.
    pub utc_offset: chrono::TimeDelta,
    /// When the message was sent, by Telegram's clock (whole seconds); `None` for what is no message.
    pub sent_at: Option<DateTime<Utc>>,
    /// The message that was written, or that has the pressed button on it.
    pub message: Option<i32>,
    /// Whether the message of the pressed button had its buttons still when it was pressed.
    pub has_buttons: bool,
    /// Spelling of phone numbers without a country code.
    pub region: Region,
    /// What has to be accepted before anything personal is asked.
    pub consent: ConsentRule,
    /// Who writes.
    pub buyer: Buyer,
    /// Their first name, as Telegram shows it.
    pub first_name: Option<String>,
    /// Their last request, where its answers are still known.
    pub last_request: Option<LastRequest>,
    /// What is asked.
    pub form: Form,
    /// What the codes of links stand for.
    pub sources: Sources,
    /// Words of the form in every language, first in the managers'.
    pub words: fn(&Words) -> Vec<String>,
    /// The request that the input is about, of those the person has sent.
    pub request: Option<OwnRequest>,
    /// What the keys under the phone's question type, in every language.
    pub keys: fn(&str) -> Option<Typed>,
}

impl World {
    /// What a whole message stands for: the words of a button in any language, or others for the same.
    pub(super) fn typed(&self, text: &str) -> Option<Typed> {
        (self.keys)(text).or_else(|| Typed::parse(text))
    }

    /// The number of the message, where it has one.
    pub(super) fn numbered(&self) -> Option<i32> {
        self.message.filter(|message| *message > 0)
    }

    /// The day it is for the dealer.
    pub(super) fn today(&self) -> chrono::NaiveDate {
        (self.now + self.utc_offset).date_naive()
    }
}

/// What is known of the last request of a person.
#[derive(Debug, Clone, PartialEq)]
pub struct LastRequest {
    /// Its number.
    pub number: LeadNumber,
    /// When it was sent.
    pub sent_at: DateTime<Utc>,
    /// The contact's name.
    pub name: Name,
    /// And phone.
    pub phone: Phone,
    /// Where it is.
    pub state: MyState,
}

/// What one input leads to.
#[derive(Debug, Clone, PartialEq)]
pub struct Outcome {
    /// The conversation after it.
    pub conversation: Conversation,
    /// The answer: messages in order, each of one or more parts.
    pub replies: Vec<Vec<Say>>,
    /// The lead that was submitted.
    pub lead: Option<Lead>,
}
