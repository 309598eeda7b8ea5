//! What a request brings and how a refusal is worded.

use std::collections::HashMap;

use serde_json::{Map, Value};

use super::world::World;

/// An answer with `"ok":false`.
#[derive(Debug)]
pub(super) struct Refusal {
    pub(super) status: u16,
    pub(super) description: String,
    /// The id of the supergroup that the group is now.
    pub(super) migrate_to: Option<i64>,
}

pub(super) fn refusal(status: u16, description: &str) -> Refusal {
    Refusal { status, description: description.to_owned(), migrate_to: None }
}

/// A 400 with the words after `Bad Request: `; Telegram begins them in lower case unless they are a CODE.
pub(super) fn bad(why: impl AsRef<str>) -> Refusal {
    let why = why.as_ref();
    let mut letters = why.chars();
    let first = letters.next().unwrap_or_default();
    let code = letters.next().is_some_and(|second| second == '_' || second.is_uppercase());
    let why = if code { why.to_owned() } else { first.to_lowercase().chain(why.chars().skip(1)).collect() };
    Refusal { status: 400, description: format!("Bad Request: {why}"), migrate_to: None }
}

pub(super) type Answer = Result<Value, Refusal>;

/// A file that came with a request: its name and its bytes.
pub(super) type Upload = (String, Vec<u8>);

/// The parameters of a request, however they came.
#[derive(Default, Clone)]
pub(super) struct Params {
    pub(super) values: Map<String, Value>,
    pub(super) files: HashMap<String, Upload>,
}

impl Params {
    /// Adds a parameter that came as text: what is JSON of an object or an array is parsed.
    pub(super) fn add_text(&mut self, name: &str, value: String) {
        let parsed = match value.trim_start().chars().next() {
            // A text may begin like JSON; only these parameters are JSON.
            Some('{' | '[') if !matches!(name, "text" | "caption" | "url" | "name" | "description") => {
                serde_json::from_str(&value).ok()
            }
            _ => None,
        };
        self.values.insert(name.to_owned(), parsed.unwrap_or(Value::String(value)));
    }

    /// An absent, a null and an empty parameter are the same to Telegram.
    pub(super) fn get(&self, name: &str) -> Option<&Value> {
        self.values.get(name).filter(|value| !value.is_null() && *value != "")
    }

    pub(super) fn string(&self, name: &str) -> Option<String> {
        match self.get(name)? {
            Value::String(text) => Some(text.clone()),
            other => Some(other.to_string()),
        }
    }

    pub(super) fn int(&self, name: &str) -> Option<i64> {
        match self.get(name)? {
            Value::Number(number) => number.as_i64(),
            Value::String(text) => text.parse().ok(),
            _ => None,
        }
    }

    pub(super) fn flag(&self, name: &str) -> bool {
        self.get(name).is_some_and(|value| match value {
            Value::Bool(on) => *on,
            Value::String(text) => matches!(text.to_lowercase().as_str(), "true" | "yes" | "1"),
            other => *other == 1,
        })
    }
}

/// The chat a request concerns, if any.
pub(super) fn chat_of(world: &World, params: &Params) -> Option<i64> {
    params.int("chat_id").or_else(|| {
        let query = params.string("callback_query_id")?;
        world.callbacks.get(&query).map(|press| press.chat_id)
    })
}
