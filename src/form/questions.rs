//! The form as a table: what is asked, in which order, how an answer is read, shown and passed on.
//!
//! A new question is one more row here and its words in `locales/`. Everything else follows from the row: its step and
//! its place in stored drafts, the prompt and its buttons, the line on the card and the button that changes it, the line of the
//! note, the entry of `backup_leads.json`, and the setting `AMOCRM_<KEY>_FIELD_ID`.

use std::{borrow::Cow, sync::Arc};

/// Keys of the answers that every lead has in fields of its own.
pub const NAME: &str = "name";
/// See [`NAME`].
pub const PHONE: &str = "phone";
/// See [`NAME`].
pub const BUDGET: &str = "budget";
/// See [`NAME`].
pub const CAR_LINK: &str = "car_link";

/// Words of a question.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Words {
    /// The text of `locales/` with this id.
    Text(&'static str),
    /// As they stand here.
    Given {
        /// Russian.
        ru: &'static str,
        /// English.
        en: &'static str,
    },
}

/// How an answer is given and read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A person's name.
    Name,
    /// A phone, typed or as a contact. Its keys take the place of the keyboard, so it cannot be skipped by a button.
    Phone,
    /// An amount, or words about it.
    Money,
    /// An address of a page.
    Link,
    /// Words.
    Text {
        /// The most characters.
        longest: usize,
    },
    /// One of several.
    Choice(&'static [Choice]),
}

/// What can be chosen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Choice {
    /// In callback data and stored drafts: a few ASCII letters or digits.
    pub key: &'static str,
    /// On its button; managers read them in Russian.
    pub words: Words,
}

/// One row of the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Question {
    /// In callback data, stored drafts and `backup_leads.json`: `a-z` and `_`, at most 20.
    pub key: &'static str,
    /// How an answer is given and read.
    pub kind: Kind,
    /// What is asked.
    pub prompt: Words,
    /// Before the answer on the card, and in the note.
    pub label: Words,
    /// Before the label on the card.
    pub icon: &'static str,
    /// On the card's button that changes the answer.
    pub edit: Words,
    /// It can be passed over.
    pub optional: bool,
    /// The setting `AMOCRM_<KEY>_FIELD_ID`, where one may name a field of amoCRM's leads that takes the answer.
    pub field: Option<&'static str>,
}

impl Question {
    /// Whether leads have a field of their own for its answer.
    pub fn is_of_every_lead(&self) -> bool {
        [NAME, PHONE, BUDGET, CAR_LINK].contains(&self.key)
    }

    /// What can be chosen; nothing where an answer is typed.
    pub fn choices(&self) -> &'static [Choice] {
        match self.kind {
            Kind::Choice(choices) => choices,
            _ => &[],
        }
    }
}

/// The environment variable with the id of the field in amoCRM that takes the answer to a question.
pub fn field_setting(key: &str) -> String {
    format!("AMOCRM_{}_FIELD_ID", key.to_ascii_uppercase())
}

const QUESTIONS: &[Question] = &[
    Question {
        key: NAME,
        kind: Kind::Name,
        prompt: Words::Text("ask-name"),
        label: Words::Text("label-name"),
        icon: "👤",
        edit: Words::Text("button-edit-name"),
        optional: false,
        field: None,
    },
    Question {
        key: PHONE,
        kind: Kind::Phone,
        prompt: Words::Text("ask-phone"),
        label: Words::Text("label-phone"),
        icon: "📞",
        edit: Words::Text("button-edit-phone"),
        optional: false,
        field: None,
    },
    Question {
        key: BUDGET,
        kind: Kind::Money,
        prompt: Words::Text("ask-budget"),
        label: Words::Text("label-budget"),
        icon: "💰",
        edit: Words::Text("button-edit-budget"),
        optional: false,
        field: Some("AMOCRM_BUDGET_FIELD_ID"),
    },
    Question {
        key: CAR_LINK,
        kind: Kind::Link,
        prompt: Words::Text("ask-car-link"),
        label: Words::Text("label-car-link"),
        icon: "🚗",
        edit: Words::Text("button-edit-car-link"),
        optional: true,
        field: Some("AMOCRM_CAR_LINK_FIELD_ID"),
    },
];

/// The questions in the order in which they are asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Form(Arc<Cow<'static, [Question]>>);

impl Default for Form {
    fn default() -> Self {
        Self(Arc::new(Cow::Borrowed(QUESTIONS)))
    }
}

impl Form {
    /// The form with more questions behind its own.
    pub fn with(self, more: &[Question]) -> Self {
        Self(Arc::new(Cow::Owned([self.questions(), more].concat())))
    }

    /// All of them.
    pub fn questions(&self) -> &[Question] {
        &self.0
    }

    /// The question with this key.
    pub fn question(&self, key: &str) -> Option<&Question> {
        self.questions().iter().find(|question| question.key == key)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    /// Other things stand under these names: steps, and members of stored drafts and of entries in `backup_leads.json`.
    const TAKEN: [&str; 16] = [
        "idle",
        "consent",
        "confirm",
        "id",
        "number",
        "consent_at",
        "wish",
        "car",
        "timestamp",
        "user_id",
        "status",
        "attempts",
        "last_error",
        "buyer_told",
        "lead",
        "username",
    ];

    #[test]
    fn keys_fit_all_places_in_which_they_stand() {
        let form = Form::default();
        let keys: BTreeSet<&str> = form.questions().iter().map(|question| question.key).collect();
        assert_eq!(keys.len(), form.questions().len(), "a key stands twice");
        for question in form.questions() {
            let key = question.key;
            assert!(
                (1..=20).contains(&key.len()) && key.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_'),
                "{key}"
            );
            assert!(!TAKEN.contains(&key), "{key} is the name of something else");
            for choice in question.choices() {
                let key = choice.key;
                assert!((1..=30).contains(&key.len()) && key.bytes().all(|byte| byte.is_ascii_alphanumeric()), "{key}");
            }
        }
    }

    #[test]
    fn every_lead_has_its_four_answers() {
        let form = Form::default();
        for (key, kind) in [(NAME, Kind::Name), (PHONE, Kind::Phone), (BUDGET, Kind::Money), (CAR_LINK, Kind::Link)] {
            assert_eq!(form.question(key).map(|question| question.kind), Some(kind), "{key}");
        }
    }

    #[test]
    fn settings_of_fields_are_named_after_questions() {
        for question in Form::default().questions() {
            assert!(question.field.is_none_or(|setting| setting == field_setting(question.key)), "{}", question.key);
        }
        assert_eq!(field_setting(CAR_LINK), "AMOCRM_CAR_LINK_FIELD_ID");
    }
}
