//! What the store holds of a person.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::{clock::Millis, lead::ChatRef, store::LeadState};

/// Fewer digits would be found everywhere.
const LEAST_DIGITS: usize = 10;

/// Whom to forget.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Whom {
    /// Telegram's id of a user.
    User(i64),
    /// E.164, as leads hold it.
    Phone(String),
}

/// One request of a person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PersonLead {
    /// Our id.
    pub id: String,
    /// Its number, or its id where the store holds no number.
    pub number: String,
    /// Where it is.
    pub state: LeadState,
    /// amoCRM's id of it.
    pub crm_lead_id: Option<i64>,
    /// A create went out and its result is not known.
    pub uncertain: bool,
    /// When it was taken.
    pub taken_at: Millis,
    /// The id as it is in the store.
    pub(super) key: Vec<u8>,
}

/// What the store holds of a person.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Person {
    /// Telegram's ids.
    pub users: BTreeSet<i64>,
    /// Chats, which are the users' own.
    pub chats: BTreeSet<ChatRef>,
    /// E.164.
    pub phones: BTreeSet<String>,
    /// Requests, oldest first, without those that were wiped before.
    pub leads: Vec<PersonLead>,
    /// Dialogues, with or without an open form.
    pub dialogues: i64,
    /// Updates that were set aside.
    pub dead_letters: i64,
    /// Proofs of consent that name the person.
    pub consents: i64,
}

impl Person {
    /// Whether there is nothing to wipe.
    pub fn is_unknown(&self) -> bool {
        self.leads.is_empty() && self.dialogues == 0 && self.dead_letters == 0 && self.consents == 0
    }

    /// Requests that amoCRM does not have, or not as far as we know.
    pub fn undelivered(&self) -> impl Iterator<Item = &PersonLead> {
        self.leads.iter().filter(|lead| matches!(lead.state, LeadState::Waiting | LeadState::Rejected))
    }

    /// What the person's traces hold: phones as digits alone.
    pub(super) fn digits(&self) -> impl Iterator<Item = String> {
        let digits = self.phones.iter().map(|phone| phone.chars().filter(char::is_ascii_digit).collect::<String>());
        digits.filter(|digits| digits.len() >= LEAST_DIGITS)
    }

    pub(super) fn take_body(&mut self, body: &Value) {
        if let Some(phone) = body["phone"]["e164"].as_str().filter(|phone| !phone.is_empty()) {
            self.phones.insert(phone.to_owned());
        }
        if let Some(chat) = body["buyer"]["chat_id"].as_i64() {
            self.chats.insert(ChatRef::telegram(chat));
        }
        if let Some(user_id) = body["buyer"]["user_id"].as_i64().filter(|id| *id != 0) {
            self.users.insert(user_id);
            self.chats.insert(ChatRef::telegram(user_id));
        }
    }
}

/// What became of a wish to forget somebody.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Forgetting {
    /// Wiped.
    Done(Person),
    /// Nothing was changed: requests are not delivered yet and nobody has said what is to become of them.
    Undecided(Person),
    /// Nothing was changed: this request is being sent right now.
    Busy(String),
    /// The store holds nothing of such a person.
    Unknown,
}
