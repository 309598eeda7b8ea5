//! A lead as amoCRM takes it, whole or with the parts left out that amoCRM has refused. No I/O.
//!
//! **Promise.** The name with the lead's number and the phone are never given up: what cannot go into a field goes
//! into the note (see [`super::note`]).

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::error::RejectedField;
use crate::config::AmocrmSettings;
use crate::lead::{Lead, LeadNumber};

/// Lead names are probably limited to 255 characters (not documented).
const NAME_CAP: usize = 250;
/// Text fields take 256 characters through the API, 255 by one answer of the support (amocrm-api-php#224).
const FIELD_CAP: usize = 255;

/// A lead about to be created.
#[derive(Debug, Clone)]
pub struct NewLead<'a> {
    /// The lead.
    pub lead: &'a Lead,
    /// The buyer's contact, where one was found.
    pub contact_id: Option<i64>,
    /// What to leave out.
    pub degradation: Degradation,
}

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

/// The lead's title in amoCRM: `Заявка от {name} #{number}`, at most 250 characters, of which the number is kept.
pub fn lead_name(lead: &Lead) -> String {
    let (start, end) = ("Заявка от ", format!(" #{}", lead.number));
    let room = NAME_CAP - start.chars().count() - end.chars().count();
    let name: String = lead.name.as_str().chars().take(room).collect();
    format!("{start}{}{end}", name.trim_end())
}

/// Whether a lead's title carries this number as a word of its own.
pub fn carries_number(title: &str, number: &LeadNumber) -> bool {
    let key = format!("#{number}");
    title.match_indices(&key).any(|(at, _)| {
        let next = title[at + key.len()..].chars().next();
        !next.is_some_and(char::is_alphanumeric)
    })
}

/// The custom fields of a lead, in the order in which they are sent: id and value, uncut.
fn fields(lead: &Lead, settings: &AmocrmSettings) -> Vec<(i64, String)> {
    let budget = settings.budget_field_id.map(|id| (id, lead.budget.typed().to_owned()));
    let link = settings.car_link_field_id.zip(lead.car_link.as_ref().map(|link| link.url().to_owned()));
    // A cut link leads nowhere; the note has it whole.
    let link = link.filter(|(_, url)| url.chars().count() <= FIELD_CAP);
    budget.into_iter().chain(link).collect()
}

fn sent_fields(new: &NewLead<'_>, settings: &AmocrmSettings) -> Vec<(i64, String)> {
    let mut fields = fields(new.lead, settings);
    fields.retain(|(id, _)| !new.degradation.fields.contains(id));
    fields
}

/// One element of the body of `POST /api/v4/leads/complex`.
pub(super) fn lead_json(new: &NewLead<'_>, settings: &AmocrmSettings) -> Value {
    let (lead, left_out) = (new.lead, &new.degradation);
    let mut json = json!({ "name": lead_name(lead), "request_id": lead.number.as_str() });
    let responsible = settings.responsible_user_id.filter(|_| !left_out.responsible);
    if !left_out.price {
        json["price"] = lead.budget.price().into();
    }
    if let Some(id) = settings.pipeline_id.filter(|_| !left_out.stage) {
        json["pipeline_id"] = id.into();
    }
    if let Some(id) = settings.status_id.filter(|_| !left_out.stage) {
        json["status_id"] = id.into();
    }
    if let Some(id) = responsible {
        json["responsible_user_id"] = id.into();
    }
    let fields = sent_fields(new, settings);
    if !fields.is_empty() {
        let cut = |value: &str| value.chars().take(FIELD_CAP).collect::<String>();
        json["custom_fields_values"] =
            fields.iter().map(|(id, value)| json!({"field_id": id, "values": [{"value": cut(value)}]})).collect();
    }
    let contact = match new.contact_id.filter(|_| !left_out.contact) {
        // A found contact is only linked; its name and phone are the dealer's.
        Some(id) => json!({ "id": id }),
        None => {
            let mut contact = json!({ "name": lead.name.as_str() });
            if !left_out.phone {
                contact["custom_fields_values"] = json!([
                    {"field_code": "PHONE", "values": [{"value": lead.phone.e164(), "enum_code": "WORK"}]}
                ]);
            }
            if let Some(id) = responsible {
                contact["responsible_user_id"] = id.into();
            }
            contact
        }
    };
    json["_embedded"] = json!({ "contacts": [contact] });
    if !settings.tags.is_empty() && !left_out.tags {
        json["_embedded"]["tags"] = settings.tags.iter().map(|tag| json!({"name": tag})).collect();
    }
    json
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
