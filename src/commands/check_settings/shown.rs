//! Values as the listing shows them.

use std::time::Duration;

use crate::{
    config::Config,
    form::{Field, NAME, PHONE, Question, field_setting},
};

/// Where an answer goes besides the note.
pub(super) enum Goes {
    Contact,
    /// A field, by its id or code, and the setting that names it.
    Field(String, Option<String>),
}

impl Goes {
    /// `contact`, or the field.
    pub(super) fn name(self) -> String {
        match self {
            Self::Contact => "contact".to_owned(),
            Self::Field(field, _) => field,
        }
    }
}

/// As the settings are written.
pub(super) fn shown_duration(duration: Duration) -> String {
    let seconds = duration.as_secs();
    match seconds {
        _ if seconds.is_multiple_of(86_400) => format!("{}d", seconds / 86_400),
        _ if seconds.is_multiple_of(3600) => format!("{}h", seconds / 3600),
        _ if seconds.is_multiple_of(60) => format!("{}m", seconds / 60),
        _ => format!("{seconds}s"),
    }
}

/// Where in amoCRM the answer goes besides the note.
pub(super) fn field_of(question: &Question, config: &Config) -> Option<Goes> {
    if [NAME, PHONE].contains(&question.key) {
        return Some(Goes::Contact);
    }
    let set = config.amocrm.as_ref().and_then(|amocrm| amocrm.set_field_id(question.key));
    if let Some(id) = set {
        return Some(Goes::Field(id.to_string(), Some(field_setting(question.key))));
    }
    Some(match question.field? {
        Field::Id(id) => Goes::Field(id.to_string(), None),
        Field::Code(code) => Goes::Field(code.to_string(), None),
    })
}
