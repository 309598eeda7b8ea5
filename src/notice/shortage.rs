//! What the settings ask for and amoCRM does not take.

use serde::{Deserialize, Serialize};

/// What the settings ask for and amoCRM does not take (any more): leads go on without it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(strum::EnumDiscriminants), strum_discriminants(derive(strum::EnumIter)))]
#[serde(rename_all = "snake_case", tag = "what")]
pub enum Shortage {
    /// `AMOCRM_PIPELINE_ID`; with it goes the stage: the account's main pipeline takes the leads.
    Pipeline {
        /// Its id.
        id: i64,
    },
    /// `AMOCRM_STATUS_ID`: the first stage of the pipeline takes the leads.
    Status {
        /// Its id.
        id: i64,
    },
    /// `AMOCRM_RESPONSIBLE_USER_ID`: the user behind the tokens is responsible.
    Responsible {
        /// The user's id.
        id: i64,
    },
    /// `AMOCRM_BUDGET_FIELD_ID`: the note has the value.
    BudgetField {
        /// The field's id.
        id: i64,
    },
    /// `AMOCRM_CAR_LINK_FIELD_ID`: the note has the value.
    CarLinkField {
        /// The field's id.
        id: i64,
    },
    /// The field that takes the answer to another question of the form: the note has the value.
    AnswerField {
        /// The setting that names it.
        setting: String,
        /// The field's id.
        id: i64,
    },
    /// A field of leads that the form names and the account has not, that takes no answers, or that lacks an option: the note
    /// has the value.
    UnknownField {
        /// The setting that names it.
        setting: String,
        /// The field, and its option.
        field: String,
    },
    /// The field that takes a UTM mark: the note has the value.
    UtmField {
        /// The field's code.
        code: String,
        /// The field's id, where it refuses values; `None` where the account has no such field.
        id: Option<i64>,
    },
    /// The tag of a `[[source]]`.
    SourceTag {
        /// The tag.
        name: String,
    },
    /// One of `AMOCRM_TAGS`.
    Tag {
        /// The tag.
        name: String,
    },
    /// The kind `WORK` of a contact's phone: the phone is sent without it.
    PhoneKind,
    /// A stage of a `[[status]]`: nobody can be told of it.
    MappedStatus {
        /// The pipeline, where one is named.
        pipeline_id: Option<i64>,
        /// The stage.
        status_id: i64,
    },
    /// Leads may be made but no notes written: the notes wait.
    Notes,
    /// Something that amoCRM does not name: leads are made with their names and phones, the note has the rest.
    Unexplained,
}

impl Shortage {
    /// The id of the custom field that is refused, where it is about one.
    pub fn refused_field(&self) -> Option<i64> {
        match self {
            Self::BudgetField { id } | Self::CarLinkField { id } | Self::AnswerField { id, .. } => Some(*id),
            Self::UtmField { id, .. } => *id,
            _ => None,
        }
    }

    /// The tag that is refused, where it is about one.
    pub fn refused_tag(&self) -> Option<&str> {
        match self {
            Self::Tag { name } | Self::SourceTag { name } => Some(name),
            _ => None,
        }
    }

    /// The setting it is about, with its value, as it is in the environment.
    pub fn setting(&self) -> String {
        match self {
            Self::Pipeline { id } => format!("AMOCRM_PIPELINE_ID={id}"),
            Self::Status { id } => format!("AMOCRM_STATUS_ID={id}"),
            Self::Responsible { id } => format!("AMOCRM_RESPONSIBLE_USER_ID={id}"),
            Self::BudgetField { id } => format!("AMOCRM_BUDGET_FIELD_ID={id}"),
            Self::CarLinkField { id } => format!("AMOCRM_CAR_LINK_FIELD_ID={id}"),
            Self::AnswerField { setting, id } => format!("{setting}={id}"),
            Self::UnknownField { setting, field } => format!("{setting} = {field}"),
            Self::UtmField { code, id: None } => format!("dealer.toml: source.utm = {code}"),
            Self::UtmField { code, id: Some(id) } => format!("dealer.toml: source.utm = {code} ({id})"),
            Self::SourceTag { name } => format!("dealer.toml: source.tag = {name}"),
            Self::MappedStatus { pipeline_id, status_id } => {
                format!("dealer.toml: status {}", stage_name(*pipeline_id, *status_id))
            }
            Self::Tag { name } => format!("AMOCRM_TAGS={name}"),
            Self::PhoneKind => "PHONE WORK".into(),
            Self::Notes => "notes".into(),
            Self::Unexplained => "something that amoCRM does not name".into(),
        }
    }
}

/// A stage by its ids, and the pipeline's where one is named.
pub(crate) fn stage_name(pipeline_id: Option<i64>, status_id: i64) -> String {
    match pipeline_id {
        Some(pipeline_id) => format!("{pipeline_id}/{status_id}"),
        None => status_id.to_string(),
    }
}
