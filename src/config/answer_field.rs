//! The fields of amoCRM's leads that take answers, as they are set and as the account lists them.

use crate::{
    form::{Field, Kind},
    lead::Utm,
};

/// What stands for a question's key where the buyer's page in Telegram is sent; no question has it.
pub const USERNAME: &str = "@username";

/// The setting with the id of its field.
pub(super) const TELEGRAM_FIELD: &str = "AMOCRM_TELEGRAM_FIELD_ID";

/// A field of amoCRM's leads that takes the answer to a question.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AnswerField {
    /// The question's key; for a UTM mark the code of its field, which is no key of a question.
    pub question: String,
    /// How the question is answered.
    pub kind: Kind,
    /// Which field.
    pub field: Field,
    /// The words of each of its choices, in every language.
    pub choices: Vec<Vec<String>>,
    /// The account's fields were listed since the start.
    pub is_listed: bool,
    /// The field as the account lists it; `None` where it does not, or was not asked yet.
    pub known: Option<KnownField>,
}

/// A field of leads as the account lists it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KnownField {
    /// Its id.
    pub id: i64,
    /// Its type, in amoCRM's word: `text`, `select`, …
    pub kind: String,
    /// What can be chosen.
    pub options: Vec<String>,
}

impl AnswerField {
    /// The field for a UTM mark, of which only the code is known yet.
    pub fn utm(mark: Utm) -> Self {
        Self {
            question: mark.field().to_owned(),
            kind: Kind::Text,
            field: Field::Code(mark.field()),
            choices: Vec::new(),
            is_listed: false,
            known: None,
        }
    }

    /// The field for the buyer's page in Telegram.
    pub(super) fn of_username(id: i64) -> Self {
        let question = USERNAME.to_owned();
        Self { question, kind: Kind::Link, field: Field::Id(id), choices: Vec::new(), is_listed: false, known: None }
    }

    /// Its id, where that is known.
    pub fn id(&self) -> Option<i64> {
        match (&self.known, self.field) {
            (Some(known), _) => Some(known.id),
            (None, Field::Id(id)) => Some(id),
            (None, Field::Code(_)) => None,
        }
    }

    /// As it is named in the settings.
    pub fn named(&self) -> String {
        match self.field {
            Field::Id(id) => id.to_string(),
            Field::Code(code) => code.to_owned(),
        }
    }

    /// Where it is set.
    pub fn setting(&self) -> String {
        match self.question.as_str() {
            USERNAME => TELEGRAM_FIELD.to_owned(),
            question => format!("dealer.toml: {question}.crm_field"),
        }
    }
}
