//! What is left out of a lead after amoCRM has refused parts of it. No I/O.
//!
//! **Promise.** What cannot go into a field goes into the note (see [`super::note`]).

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::error::RejectedField;
use super::payload::{NewLead, fields, sent_fields};
use crate::config::AmocrmSettings;
use crate::lead::Lead;

/// What amoCRM has refused of a lead, and so is left out of it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Degradation {
    /// Custom fields by id: their values go into the note.
    pub fields: BTreeSet<i64>,
    /// `AMOCRM_RESPONSIBLE_USER_ID`.
    pub responsible: bool,
    /// `AMOCRM_TAGS`.
    pub tags: bool,
    /// `AMOCRM_PIPELINE_ID` and `AMOCRM_STATUS_ID`, which only make sense together.
    pub stage: bool,
    /// The price.
    pub price: bool,
    /// The found contact (it is gone, or may not be linked): a new one is made.
    pub contact: bool,
    /// The contact's phone (not a number amoCRM takes): it goes into the note.
    pub phone: bool,
}

impl Degradation {
    /// Whether nothing is left out.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// What to leave out after amoCRM refused these fields of a lead; `None` when nothing can be given up for it.
///
/// Of the answer to a request for several leads, give only the fields of this one. The result holds what was left out
/// before, too.
pub fn degrade(new: &NewLead<'_>, settings: &AmocrmSettings, refused: &[RejectedField]) -> Option<Degradation> {
    let mut result = new.degradation.clone();
    let sent = sent_fields(new, settings);
    for field in refused {
        let mut parts = field.path.split('.').peekable();
        // Some answers begin the path with the lead's position in the request.
        while parts.next_if(|part| part.parse::<usize>().is_ok()).is_some() {}
        let parts: Vec<&str> = parts.collect();
        let custom = |at: &str| at.parse::<usize>().ok().and_then(|at| sent.get(at)).map(|(id, _)| *id);
        match parts.as_slice() {
            ["custom_fields_values", at, ..] if custom(at).is_some() => result.fields.extend(custom(at)),
            ["custom_fields_values", ..] => result.fields.extend(sent.iter().map(|(id, _)| *id)),
            ["responsible_user_id", ..] | ["_embedded", "contacts", _, "responsible_user_id", ..] => {
                result.responsible = true;
            }
            ["tags" | "tags_to_add", ..] | ["_embedded", "tags", ..] => result.tags = true,
            ["status_id" | "pipeline_id", ..] => result.stage = true,
            ["price", ..] => result.price = true,
            ["_embedded", "contacts", _, "custom_fields_values", ..] => result.phone = true,
            ["_embedded", "contacts", _, "id", ..] => result.contact = true,
            // Which part of the contact, it does not say: a found one is given up before the phone is.
            ["_embedded"] | ["_embedded", "contacts"] | ["_embedded", "contacts", _] => {
                match new.contact_id.filter(|_| !result.contact) {
                    Some(_) => result.contact = true,
                    None => result.phone = true,
                }
            }
            _ => {}
        }
    }
    (result != new.degradation).then_some(result)
}

/// The values that were left out, with a name for each, for the note.
pub(super) fn refused_values(lead: &Lead, settings: &AmocrmSettings, left_out: &Degradation) -> Vec<(String, String)> {
    let id = |id: Option<i64>| id.map(|id| id.to_string()).unwrap_or_default();
    let mut values = Vec::new();
    for (field, value) in fields(lead, settings) {
        if left_out.fields.contains(&field) {
            let name = if settings.budget_field_id == Some(field) { "«Бюджет»" } else { "«Ссылка»" };
            values.push((format!("{name} ({field})"), value));
        }
    }
    if left_out.phone {
        values.push(("«Телефон»".into(), lead.phone.e164().into()));
    }
    if left_out.price {
        values.push(("«Бюджет сделки»".into(), lead.budget.price().to_string()));
    }
    if left_out.responsible {
        values.push(("«Ответственный»".into(), id(settings.responsible_user_id)));
    }
    if left_out.stage {
        values.push(("«Воронка»".into(), id(settings.pipeline_id)));
        values.push(("«Этап»".into(), id(settings.status_id)));
    }
    if left_out.tags {
        values.push(("«Теги»".into(), settings.tags.join(", ")));
    }
    values.retain(|(_, value)| !value.is_empty());
    values
}

#[cfg(test)]
mod tests {
    use super::super::payload::lead_json;
    use super::super::payload::tests::{lead, new, settings};
    use super::*;
    use serde_json::json;

    fn refused(path: &str) -> RejectedField {
        RejectedField { index: Some(0), request_id: None, path: path.into(), code: "NotSupportedChoice".into() }
    }

    #[test]
    fn every_refusable_part_can_be_left_out() {
        let (lead, settings) = (lead(), settings());
        let found = NewLead { contact_id: Some(9), ..new(&lead) };
        let left_out = Degradation::default;
        for (path, expected) in [
            ("custom_fields_values.0.field_id", Degradation { fields: [501].into(), ..left_out() }),
            ("custom_fields_values.1.values.0.value", Degradation { fields: [502].into(), ..left_out() }),
            ("0.custom_fields_values.1.field_id", Degradation { fields: [502].into(), ..left_out() }),
            ("custom_fields_values", Degradation { fields: [501, 502].into(), ..left_out() }),
            ("responsible_user_id", Degradation { responsible: true, ..left_out() }),
            ("_embedded.contacts.0.responsible_user_id", Degradation { responsible: true, ..left_out() }),
            ("tags_to_add.0.name", Degradation { tags: true, ..left_out() }),
            ("_embedded.tags.0.name", Degradation { tags: true, ..left_out() }),
            ("status_id", Degradation { stage: true, ..left_out() }),
            ("pipeline_id", Degradation { stage: true, ..left_out() }),
            ("price", Degradation { price: true, ..left_out() }),
            ("_embedded.contacts.0.custom_fields_values.0.values.0.value", Degradation { phone: true, ..left_out() }),
            ("_embedded.contacts.0.id", Degradation { contact: true, ..left_out() }),
            ("_embedded.contacts.0", Degradation { contact: true, ..left_out() }),
        ] {
            assert_eq!(degrade(&found, &settings, &[refused(path)]), Some(expected), "{path}");
        }
        for path in ["name", "_embedded.contacts.0.name", "request_id", ""] {
            assert_eq!(degrade(&found, &settings, &[refused(path)]), None, "{path}");
        }
    }

    #[test]
    fn what_was_left_out_stays_out() {
        let (lead, settings) = (lead(), settings());
        let once = degrade(&new(&lead), &settings, &[refused("custom_fields_values.0.field_id")]).expect("something");
        let again = NewLead { degradation: once.clone(), ..new(&lead) };
        // The link has moved up to the first place.
        let twice = degrade(&again, &settings, &[refused("custom_fields_values.0.field_id")]).expect("something");
        assert_eq!(twice.fields, [501, 502].into());
        let all = NewLead { degradation: twice, ..new(&lead) };
        assert!(lead_json(&all, &settings).get("custom_fields_values").is_none());
        assert_eq!(degrade(&all, &settings, &[refused("custom_fields_values.0.field_id")]), None);
    }

    #[test]
    fn a_refused_phone_leaves_the_contact_with_its_name() {
        let lead = lead();
        let left_out = Degradation {
            phone: true,
            responsible: true,
            tags: true,
            stage: true,
            price: true,
            ..Degradation::default()
        };
        let json = lead_json(&NewLead { degradation: left_out, ..new(&lead) }, &settings());
        assert_eq!(json["_embedded"], json!({"contacts": [{"name": "Иван Петров"}]}));
        for gone in ["price", "pipeline_id", "status_id", "responsible_user_id"] {
            assert!(json.get(gone).is_none(), "{gone}");
        }
    }

    #[test]
    fn a_degradation_can_be_stored() {
        let left_out = Degradation { fields: [501].into(), phone: true, ..Degradation::default() };
        let text = serde_json::to_string(&left_out).expect("JSON");
        assert_eq!(serde_json::from_str::<Degradation>(&text).expect("the same"), left_out);
        assert!(serde_json::from_str::<Degradation>("{}").expect("nothing").is_empty());
    }
}
