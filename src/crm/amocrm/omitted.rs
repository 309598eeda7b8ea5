//! What is left out of a lead after amoCRM has refused parts of it. No I/O.
//!
//! **Promise.** What cannot go into a field goes into the note (see [`super::note`]).

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::text::kept_visible;
use crate::config::{AmocrmSettings, AnswerField};
use crate::lead::{Lead, UNFINISHED_TAG};
use crate::notice::Shortage;

/// What a lead was sent with that amoCRM may refuse of another one.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SentParts {
    /// Its custom fields, by id.
    pub fields: BTreeSet<i64>,
    /// Its tags.
    pub tags: BTreeSet<String>,
}

/// What amoCRM has refused of a lead, and so is left out of it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct OmittedFields {
    /// Custom fields by id: their values go into the note.
    pub fields: BTreeSet<i64>,
    /// `AMOCRM_RESPONSIBLE_USER_ID`, of the lead and of a new contact.
    pub responsible: bool,
    /// The same of a new contact only.
    pub contact_responsible: bool,
    /// `AMOCRM_TAGS`, all of them.
    pub tags: bool,
    /// Some of them.
    pub some_tags: BTreeSet<String>,
    /// `AMOCRM_PIPELINE_ID` and with it `AMOCRM_STATUS_ID`.
    pub stage: bool,
    /// `AMOCRM_STATUS_ID` alone: the pipeline's first stage takes the lead.
    pub status: bool,
    /// The price.
    pub price: bool,
    /// The found contact (it is gone, or may not be linked): a new one is made.
    pub contact: bool,
    /// The kind `WORK` of the contact's phone; the phone itself stays.
    pub phone_kind: bool,
    /// The contact's phone (not a number amoCRM takes): it goes into the note.
    pub phone: bool,
    /// What the buyer typed is sent without signs that a wall in front of amoCRM may take for an attack.
    pub plain: bool,
    /// All that can be left out is, because amoCRM does not say what it dislikes.
    pub less: bool,
    /// That was tried, in vain.
    pub tried_less: bool,
    /// It gets a lead of its own, because amoCRM did not take it as a note under an open one of its buyer.
    pub own_lead: bool,
}

impl OmittedFields {
    /// Whether nothing is left out.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Leaves out what the other does, too.
    pub fn and(&self, other: &Self) -> Self {
        Self {
            fields: &self.fields | &other.fields,
            responsible: self.responsible || other.responsible,
            contact_responsible: self.contact_responsible || other.contact_responsible,
            tags: self.tags || other.tags,
            some_tags: &self.some_tags | &other.some_tags,
            stage: self.stage || other.stage,
            status: self.status || other.status,
            price: self.price || other.price,
            contact: self.contact || other.contact,
            phone_kind: self.phone_kind || other.phone_kind,
            phone: self.phone || other.phone,
            plain: self.plain || other.plain,
            less: self.less || other.less,
            tried_less: self.tried_less || other.tried_less,
            own_lead: self.own_lead || other.own_lead,
        }
    }

    /// Leaves out everything that a lead can do without, the contact's phone excepted.
    pub fn least(&self, settings: &AmocrmSettings) -> Self {
        let own = [settings.budget_field_id, settings.car_link_field_id].into_iter().flatten();
        let named = settings.answer_fields.iter().chain(&settings.utm_fields).filter_map(AnswerField::id);
        let fields = own.chain(named).collect();
        let all = Self {
            fields,
            responsible: true,
            tags: true,
            stage: true,
            price: true,
            phone_kind: true,
            plain: true,
            less: true,
            ..Self::default()
        };
        self.and(&all)
    }

    /// What is left out for these shortages.
    pub fn for_shortages<'a>(shortages: impl IntoIterator<Item = &'a Shortage>) -> Self {
        let mut result = Self::default();
        for shortage in shortages {
            match shortage {
                Shortage::Pipeline { .. } => result.stage = true,
                Shortage::Status { .. } => result.status = true,
                Shortage::Responsible { .. } => result.responsible = true,
                Shortage::BudgetField { .. }
                | Shortage::CarLinkField { .. }
                | Shortage::AnswerField { .. }
                | Shortage::UtmField { .. } => result.fields.extend(shortage.refused_field()),
                Shortage::Tag { name } | Shortage::SourceTag { name } => {
                    result.some_tags.insert(name.clone());
                }
                Shortage::PhoneKind => result.phone_kind = true,
                // What that leaves out hangs on the settings: see `least`.
                Shortage::Unexplained => result.less = true,
                // They are not sent anyway.
                Shortage::Notes | Shortage::UnknownField { .. } | Shortage::MappedStatus { .. } => {}
            }
        }
        result
    }

    /// Whether a lead that was sent like this, with these parts, and taken, shows that amoCRM takes again what was short.
    pub fn shows(&self, shortage: &Shortage, new_contact: bool, sent: &SentParts) -> bool {
        match shortage {
            Shortage::Pipeline { .. } => !self.stage,
            Shortage::Status { .. } => !self.stage && !self.status,
            Shortage::Responsible { .. } => !self.responsible && !self.contact_responsible,
            Shortage::BudgetField { .. }
            | Shortage::CarLinkField { .. }
            | Shortage::AnswerField { .. }
            | Shortage::UtmField { .. } => shortage.refused_field().is_some_and(|id| sent.fields.contains(&id)),
            Shortage::Tag { name } | Shortage::SourceTag { name } => sent.tags.contains(name),
            Shortage::PhoneKind => new_contact && !self.phone_kind && !self.phone,
            Shortage::Unexplained => !self.less,
            Shortage::Notes | Shortage::UnknownField { .. } | Shortage::MappedStatus { .. } => false,
        }
    }
}

/// The tags that are sent: also without those of which amoCRM would keep nothing.
pub(super) fn sent_tags<'a>(lead: &'a Lead, settings: &'a AmocrmSettings, left_out: &OmittedFields) -> Vec<&'a str> {
    let sent = |tag: &&str| !left_out.tags && !left_out.some_tags.contains(*tag) && kept_visible(tag).is_some();
    tags(lead, settings).filter(sent).collect()
}

/// Those of the settings, then that of the lead's source, then that of a form which was left before the end.
pub(super) fn tags<'a>(lead: &'a Lead, settings: &'a AmocrmSettings) -> impl Iterator<Item = &'a str> {
    let of_source = lead.source.as_ref().and_then(|source| source.tag.as_ref());
    let unfinished = lead.is_unfinished().then_some(UNFINISHED_TAG);
    let own = settings.tags.iter().chain(of_source.filter(|tag| !settings.tags.contains(tag))).map(String::as_str);
    own.chain(unfinished.filter(|tag| settings.tags.iter().all(|own| own != tag)))
}

/// A text without the signs that make up markup, commands and queries; its words, numbers and addresses stay.
pub(super) fn plain(text: &str) -> String {
    let mut result = String::with_capacity(text.len());
    for char in text.chars() {
        let keep = char.is_alphanumeric() || "\n +-.,:/?=&@#№%_!«»—–₽$€".contains(char);
        let char = if keep { char } else { ' ' };
        if char != ' ' || !result.ends_with([' ', '\n']) {
            result.push(char);
        }
    }
    result.trim().to_owned()
}
