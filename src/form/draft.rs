//! Where a form stands, and what has been answered of it.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde_json::{Map, Value};
use ulid::Ulid;

use super::album::Album;
use super::questions::{Kind, NAME, PHONE, Question, WISH};
use crate::lead::{
    Budget, Buyer, BuyerFile, CarLink, Change, ConsentProof, Day, Extra, LeadNumber, Name, Phone, Quantity, Wish,
};
use crate::notice::ConsentQuestion;

/// Where a chat's dialogue stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// No form is open.
    Idle,
    /// The dealer's document is to be consented to, or the privacy policy to be accepted.
    Consent,
    /// The question with this key is asked.
    Ask(&'static str),
    /// The card is shown, to be sent or changed.
    Confirm,
}

/// An answer that was taken.
#[derive(Debug, Clone, PartialEq)]
pub enum Answer {
    /// To [`Kind::Name`].
    Name(Name),
    /// To [`Kind::Phone`].
    Phone(Phone),
    /// To [`Kind::Money`].
    Money(Budget),
    /// To [`Kind::Link`]; there may be none.
    Link(Option<CarLink>),
    /// To [`Kind::Text`], and what was typed to a [`Kind::Choice`] that takes it.
    Text(String),
    /// To [`Kind::Number`].
    Number(Quantity),
    /// To [`Kind::Choice`]: which of its choices.
    Choice(usize),
    /// To [`Kind::Date`].
    Date(Day),
    /// The question was passed over.
    Skipped,
}

impl Answer {
    /// What stands for a question that was passed over.
    pub(super) fn skipped(question: &Question) -> Self {
        match question.kind {
            Kind::Link => Self::Link(None),
            _ => Self::Skipped,
        }
    }
}

/// What has been answered so far.
#[derive(Debug, Clone, PartialEq)]
pub struct Draft {
    /// The lead's identity, made when the draft was opened.
    pub id: Ulid,
    /// The lead's number, made when the draft was opened; shown only once the lead is stored.
    pub number: LeadNumber,
    /// When consent was given, or the privacy policy accepted.
    pub consent_at: Option<DateTime<Utc>>,
    /// To which version of the dealer's document, and what proves it.
    pub consent: Option<ConsentProof>,
    /// What was asked to be consented to, as it was shown, the last one last; until one of them is pressed.
    pub shown_consents: Vec<ConsentQuestion>,
    /// What this turn has consented to; never stored.
    pub pressed_consent: Option<ConsentQuestion>,
    /// What there was of it was passed on, since its buyer had left it: the lead of this id is there.
    pub sent_unfinished: bool,
    /// Who fills it in, as they were called when they last did.
    pub buyer: Option<Buyer>,
    /// The phone was written before consent was given, where that is asked.
    pub phone_before_consent: bool,
    /// The answers by their questions' keys.
    pub answers: BTreeMap<&'static str, Answer>,
    /// What was said of the car beside the answers.
    pub wish: Option<Wish>,
    /// Files that were sent, in order.
    pub files: Vec<BuyerFile>,
    /// The last of them as they came, if that was an album or a file by itself.
    pub album: Option<Album>,
    /// What was said last to a question and was no answer, by the question's key.
    pub refused: BTreeMap<String, String>,
    /// The answers as managers read them: what was said is kept when the dealer's form asks something else by then.
    pub said: Vec<Extra>,
    /// What is in the stored draft and is no answer to this form: kept as it is.
    pub rest: Map<String, Value>,
}

impl Draft {
    /// Takes out what stands in it for the manager; `None` where nothing does.
    pub(super) fn drop_wish(&mut self) -> Option<Change> {
        let before = self.wish.take()?.as_str().to_owned();
        Some(Change { key: WISH.into(), label: "Пожелания".into(), before: Some(before), after: None })
    }

    /// A new, empty draft with a new identity.
    pub fn open() -> Self {
        Self {
            id: Ulid::new(),
            number: LeadNumber::random(),
            consent_at: None,
            consent: None,
            shown_consents: Vec::new(),
            pressed_consent: None,
            sent_unfinished: false,
            buyer: None,
            phone_before_consent: false,
            answers: BTreeMap::new(),
            wish: None,
            files: Vec::new(),
            album: None,
            refused: BTreeMap::new(),
            said: Vec::new(),
            rest: Map::new(),
        }
    }

    /// The same form without its answers: still the request that was passed on.
    pub(super) fn begun_anew(&self) -> Self {
        Self { id: self.id, number: self.number.clone(), sent_unfinished: self.sent_unfinished, ..Self::open() }
    }

    /// The answers that every lead has.
    pub(super) fn of_every_lead(&self) -> Option<(&Name, &Phone)> {
        match (self.answers.get(NAME)?, self.answers.get(PHONE)?) {
            (Answer::Name(name), Answer::Phone(phone)) => Some((name, phone)),
            _ => None,
        }
    }
}
