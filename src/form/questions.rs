//! The form as a table: what is asked, in which order, how an answer is read, shown and passed on.
//!
//! A question is one row: of the built-in table below, or of the dealer's `dealer.toml`, which replaces it. Everything else
//! follows from the row: its step and its place in stored drafts, the prompt and its buttons, the line on the card and the
//! button that changes it, the line of the note, the entry of `backup_leads.json`, and the field of amoCRM that takes it.

use std::{borrow::Cow, sync::Arc};

/// Keys of the answers that every lead has: the contact's.
pub const NAME: &str = "name";
/// See [`NAME`].
pub const PHONE: &str = "phone";
/// Keys of the built-in form's other answers, which leads have fields of their own for.
pub const BUDGET: &str = "budget";
/// See [`BUDGET`].
pub const CAR_LINK: &str = "car_link";

/// Stands for the words beside the answers, among keys of questions, which begin with a letter.
pub const WISH: &str = "+wish";

/// The most characters of an answer in words.
pub const LONGEST_TEXT: usize = 1000;

/// Words of a question.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Words {
    /// The text of `locales/` with this id.
    Text(&'static str),
    /// As they stand here, by language code; the first is for every language that is not among them. Never empty.
    Given(&'static [(&'static str, &'static str)]),
}

impl Words {
    /// As they stand in every language that was given here.
    pub fn all(&self) -> Vec<String> {
        match self {
            Self::Text(_) => Vec::new(),
            Self::Given(given) => given.iter().map(|(_, words)| (*words).to_owned()).collect(),
        }
    }
}

/// How an answer is given and read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, strum::EnumString, strum::IntoStaticStr, strum::VariantNames)]
#[strum(serialize_all = "snake_case")]
pub enum Kind {
    /// A person's name.
    Name,
    /// A phone, typed or as a contact. Its keys take the place of the keyboard.
    Phone,
    /// An amount, or words about it.
    Money,
    /// An address of a page.
    Link,
    /// Words of any kind.
    Text,
    /// A number.
    Number,
    /// One of several.
    Choice,
    /// A day.
    Date,
    /// Photos and documents.
    Files,
}

impl Kind {
    /// Whether a question of it may have quick answers.
    pub fn takes_choices(self) -> bool {
        match self {
            Self::Choice | Self::Money | Self::Number | Self::Text => true,
            Self::Name | Self::Phone | Self::Link | Self::Date | Self::Files => false,
        }
    }
}

/// The field of amoCRM's leads that takes an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Field {
    /// By its id.
    Id(i64),
    /// By its code.
    Code(&'static str),
}

/// Where a lead has an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    /// In `Lead::name`.
    Name,
    /// In `Lead::phone`.
    Phone,
    /// In `Lead::budget`.
    Budget,
    /// In `Lead::car_link`.
    CarLink,
    /// In `Lead::more`.
    More,
}

/// One row of the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Question {
    /// In callback data, stored drafts and `backup_leads.json`: `[a-z][a-z0-9_]{0,31}`.
    pub key: &'static str,
    /// How an answer is given and read.
    pub kind: Kind,
    /// What is asked.
    pub prompt: Words,
    /// Before the answer on the card, and in the note.
    pub label: Words,
    /// Before the label on the card.
    pub icon: &'static str,
    /// On the card's button that changes the answer; made of the label where there is none.
    pub edit: Option<Words>,
    /// It can be passed over.
    pub optional: bool,
    /// What can be chosen; beside what is typed, except for a [`Kind::Choice`] without `free_text`.
    pub choices: &'static [Words],
    /// An answer to a [`Kind::Choice`] may also be typed.
    pub free_text: bool,
    /// The field of amoCRM that takes the answer.
    pub field: Option<Field>,
}

impl Question {
    /// Whether words of any kind answer it.
    pub(super) fn takes_any_words(&self) -> bool {
        match self.kind {
            Kind::Text => true,
            Kind::Choice => self.free_text,
            Kind::Name | Kind::Phone | Kind::Money | Kind::Link | Kind::Number | Kind::Date | Kind::Files => false,
        }
    }

    /// Where a lead has its answer.
    pub(crate) fn place(&self) -> Place {
        match (self.key, self.kind) {
            (NAME, _) => Place::Name,
            (PHONE, _) => Place::Phone,
            (BUDGET, Kind::Money) => Place::Budget,
            (CAR_LINK, Kind::Link) => Place::CarLink,
            _ => Place::More,
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
        edit: Some(Words::Text("button-edit-name")),
        optional: false,
        choices: &[],
        free_text: false,
        field: None,
    },
    Question {
        key: PHONE,
        kind: Kind::Phone,
        prompt: Words::Text("ask-phone"),
        label: Words::Text("label-phone"),
        icon: "📞",
        edit: Some(Words::Text("button-edit-phone")),
        optional: false,
        choices: &[],
        free_text: false,
        field: None,
    },
    Question {
        key: BUDGET,
        kind: Kind::Money,
        prompt: Words::Text("ask-budget"),
        label: Words::Text("label-budget"),
        icon: "💰",
        edit: Some(Words::Text("button-edit-budget")),
        optional: false,
        choices: &[
            Words::Text("choice-budget-small"),
            Words::Text("choice-budget-middle"),
            Words::Text("choice-budget-large"),
            Words::Text("choice-budget-unknown"),
        ],
        free_text: false,
        field: None,
    },
    Question {
        key: CAR_LINK,
        kind: Kind::Link,
        prompt: Words::Text("ask-car-link"),
        label: Words::Text("label-car-link"),
        icon: "🚗",
        edit: Some(Words::Text("button-edit-car-link")),
        optional: true,
        choices: &[],
        free_text: false,
        field: None,
    },
];

/// The built-in row with this key: its words stand in for those that a dealer leaves out.
pub fn built_in(key: &str) -> Option<&'static Question> {
    QUESTIONS.iter().find(|question| question.key == key)
}

/// The questions in the order in which they are asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Form(Arc<Cow<'static, [Question]>>);

impl Default for Form {
    fn default() -> Self {
        Self(Arc::new(Cow::Borrowed(QUESTIONS)))
    }
}

impl Form {
    /// A form of these questions, of which the contact's name and phone are two.
    pub fn new(questions: Vec<Question>) -> Self {
        debug_assert!([NAME, PHONE].iter().all(|key| questions.iter().any(|question| question.key == *key)));
        Self(Arc::new(Cow::Owned(questions)))
    }

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

    /// The place of a question, from 1.
    pub fn position(&self, key: &str) -> Option<usize> {
        self.questions().iter().position(|question| question.key == key).map(|index| index + 1)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn keys_are_what_they_may_be() {
        let form = Form::default();
        let keys: BTreeSet<&str> = form.questions().iter().map(|question| question.key).collect();
        assert_eq!(keys.len(), form.questions().len(), "a key stands twice");
        for key in keys {
            assert!(
                (1..=32).contains(&key.len()) && key.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_'),
                "{key}"
            );
        }
    }

    #[test]
    fn built_in_answers_have_fields_of_their_own() {
        let form = Form::default();
        for (key, kind, place) in [
            (NAME, Kind::Name, Place::Name),
            (PHONE, Kind::Phone, Place::Phone),
            (BUDGET, Kind::Money, Place::Budget),
            (CAR_LINK, Kind::Link, Place::CarLink),
        ] {
            let question = form.question(key).expect("a question");
            assert_eq!((question.kind, question.place()), (kind, place), "{key}");
        }
        let other = Question { kind: Kind::Choice, ..*form.question(BUDGET).expect("a question") };
        assert_eq!(other.place(), Place::More);
        assert_eq!(field_setting(CAR_LINK), "AMOCRM_CAR_LINK_FIELD_ID");
    }
}
