//! A lead as amoCRM would get it, for people to read before there is an account. No I/O.

use super::{
    note::notes,
    omitted::OmittedFields,
    payload::{NewLead, lead_json},
};
use crate::{config::AmocrmSettings, lead::Lead};

/// What a lead would be in amoCRM.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Preview {
    /// Its title.
    pub title: String,
    /// Its budget, in roubles; 0 where none was understood.
    pub price: i64,
    /// Name and phone of a new contact.
    pub contact: String,
    /// Ids and values of its custom fields.
    pub fields: Vec<(i64, String)>,
    /// Its notes.
    pub notes: Vec<String>,
}

/// A lead as it would be sent.
pub fn preview(lead: &Lead, settings: &AmocrmSettings) -> Preview {
    let left_out = OmittedFields::default();
    let notes = notes(lead, settings, &left_out);
    let json = lead_json(&NewLead { lead, contact_id: None, degradation: left_out }, settings);
    let words = |value: &serde_json::Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let field = |field: &serde_json::Value| Some((field["field_id"].as_i64()?, words(&field["values"][0]["value"])));
    let fields = json["custom_fields_values"].as_array().map(Vec::as_slice).unwrap_or_default();
    Preview {
        title: words(&json["name"]),
        price: json["price"].as_i64().unwrap_or_default(),
        contact: format!("{}, {}", words(&json["_embedded"]["contacts"][0]["name"]), lead.phone.e164()),
        fields: fields.iter().filter_map(field).collect(),
        notes,
    }
}
