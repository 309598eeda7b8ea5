//! The questions and answers of a form as buyers are shown them: one that is asked, and the card with all of them.

use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};

/// The answers a card shows.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Card {
    /// The buyer's name.
    pub name: String,
    /// The buyer's phone, E.164.
    pub phone: String,
    /// Budget as typed; absent when passed over or not asked.
    #[serde(default)]
    pub budget: Option<String>,
    /// Roubles the budget was understood as, 0 when there is no one amount; absent in what 0.1.0 stored.
    #[serde(default)]
    pub price: i64,
    /// Links to the car, each on a line, if any.
    pub car_link: Option<String>,
    /// What else was said for the manager; absent in what 0.1.0 stored.
    #[serde(default)]
    pub wish: Option<String>,
    /// How many files go with it.
    #[serde(default, skip_serializing_if = "is_none")]
    pub files: usize,
    /// The form's other answers, in its order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub more: Vec<CardAnswer>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks for it so")]
fn is_none(count: &usize) -> bool {
    *count == 0
}

/// An answer on a card.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CardAnswer {
    /// The question's key.
    pub question: String,
    /// The answer as managers read it; `None` for a question that was passed over.
    pub value: Option<String>,
}

/// A question that is asked; `{"ask_phone": {"editing": false}}` in JSON.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ask {
    /// The question's key.
    pub question: String,
    /// One answer of a complete form is being changed.
    pub editing: bool,
    /// The answer that is there already, as managers read it.
    pub kept: Option<String>,
    /// What can be answered by one press.
    pub offered: Option<Offer>,
}

/// An answer that is offered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Offer {
    /// The person's profile has it.
    Profile(String),
    /// It was the answer the last time, as managers read it.
    Before {
        /// The answer.
        before: String,
    },
}

/// What stands before a question's key in JSON.
const ASK: &str = "ask_";

#[derive(Serialize, Deserialize)]
struct AskBody {
    editing: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    kept: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    offered: Option<Offer>,
}

impl Serialize for Ask {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self { question, editing, kept, offered } = self.clone();
        serializer.collect_map([(format!("{ASK}{question}"), AskBody { editing, kept, offered })])
    }
}

impl<'de> Deserialize<'de> for Ask {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let map = BTreeMap::<String, AskBody>::deserialize(deserializer)?;
        let mut members = map.into_iter();
        match (members.next(), members.next()) {
            (Some((name, AskBody { editing, kept, offered })), None) => match name.strip_prefix(ASK) {
                Some(question) => Ok(Self { question: question.to_owned(), editing, kept, offered }),
                None => Err(D::Error::custom("not a question")),
            },
            _ => Err(D::Error::custom("not one question")),
        }
    }
}
