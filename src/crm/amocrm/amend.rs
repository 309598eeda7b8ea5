//! Bringing a lead up to date that amoCRM has: tags, fields, and one more phone of its contact.
//!
//! **Promise.** What is there already is not sent again, and what is sent means the same however often it arrives: tags are
//! added and taken away one by one, a field is set. Nothing that a person has changed since is touched but the answers that
//! the buyer has changed, and the title only where it is still the one it was given. A contact is never written over: its
//! phones are read and sent again with the new one behind them.

use reqwest::Method;
use serde_json::{Map, Value, json};

use super::api::Crm;
use super::classify::Kind;
use super::error::CrmError;
use super::hal::{embedded, id};
use super::key;
use super::omitted::OmittedFields;
use super::payload::{NewLead, lead_json, sent_fields};
use super::phones::holds_number;
use super::search::{main_contact, may_be_forbidden};
use super::text::{essence, kept, unescaped};
use crate::config::AmocrmSettings;
use crate::form::{BUDGET, NAME};
use crate::lead::{Lead, LeadNumber, Phone};

/// What of a lead is to be brought up to date.
#[derive(Debug, Clone)]
pub struct Update<'a> {
    /// The lead as it is meant.
    pub lead: &'a Lead,
    /// The keys of the answers that have changed.
    pub answers: &'a [String],
    /// The names under which the lead's title may stand.
    pub names_before: &'a [&'a str],
    /// A tag that it gets.
    pub tag: Option<&'a str>,
    /// A tag that it loses.
    pub tag_that_goes: Option<&'a str>,
    /// What amoCRM did not take of it.
    pub left_out: &'a OmittedFields,
}

/// A lead as amoCRM has it.
#[derive(Debug)]
pub struct LeadThere(Value);

impl LeadThere {
    #[cfg(test)]
    pub(super) fn of(row: Value) -> Self {
        Self(row)
    }

    pub(super) fn row(&self) -> &Value {
        &self.0
    }

    /// The contact it is of.
    pub fn contact_id(&self) -> Option<i64> {
        main_contact(&self.0)
    }
}

/// What differs, to be sent; without the fields where only the tags are to be.
pub fn difference(there: &LeadThere, update: &Update<'_>, settings: &AmocrmSettings, only_tags: bool) -> Option<Value> {
    let row = &there.0;
    let mut json = Map::new();
    let tags: Vec<&str> = embedded(row, "tags").iter().filter_map(|tag| tag.get("name")?.as_str()).collect();
    let has = |name: &str| tags.iter().any(|tag| essence(tag) == essence(name));
    let named = |name: &str| json!([{"name": kept(name)}]);
    if let Some(tag) = update.tag.filter(|tag| !has(tag)) {
        json.insert("tags_to_add".into(), named(tag));
    }
    if let Some(tag) = update.tag_that_goes.filter(|tag| has(tag)) {
        json.insert("tags_to_delete".into(), named(tag));
    }
    if !only_tags {
        fields(row, update, settings, &mut json);
    }
    (!json.is_empty()).then_some(Value::Object(json))
}

fn fields(row: &Value, update: &Update<'_>, settings: &AmocrmSettings, json: &mut Map<String, Value>) {
    let changed = |question: &str| update.answers.iter().any(|key| key == question);
    let new = NewLead { lead: update.lead, contact_id: None, degradation: update.left_out.clone() };
    let whole = lead_json(&new, settings);
    if changed(NAME) {
        let title = row.get("name").and_then(Value::as_str).unwrap_or_default();
        let is_ours = |name: &&str| {
            let before = key::said(name).map(|name| key::title(&update.lead.number, &name));
            before.is_some_and(|before| essence(&before) == essence(title))
        };
        if update.names_before.iter().any(is_ours) && whole["name"].as_str() != Some(title) {
            json.insert("name".into(), whole["name"].clone());
        }
    }
    if changed(BUDGET)
        && !update.left_out.price
        && row.get("price").and_then(Value::as_i64) != Some(update.lead.price())
    {
        json.insert("price".into(), update.lead.price().into());
    }
    let there = row.get("custom_fields_values").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let sent = whole.get("custom_fields_values").and_then(Value::as_array).cloned().unwrap_or_default();
    let differing: Vec<Value> = sent_fields(&new, settings)
        .iter()
        .zip(sent)
        .filter(|(field, _)| changed(&field.question))
        .filter(|(field, sent)| {
            !there.iter().any(|there| id(there.get("field_id")) == Some(field.id) && is_alike(there, sent))
        })
        .map(|(_, sent)| sent)
        .collect();
    if !differing.is_empty() {
        json.insert("custom_fields_values".into(), differing.into());
    }
}

/// Whether a field has the value that would be sent, as far as can be seen.
fn is_alike(there: &Value, sent: &Value) -> bool {
    let value = |field: &Value| {
        let value = &field["values"][0]["value"];
        let text = value.as_str().map(str::to_owned).or_else(|| (!value.is_null()).then(|| value.to_string()));
        text.map(|text| unescaped(&text).trim().to_owned())
    };
    let option = |field: &Value| id(field["values"][0].get("enum_id"));
    match option(sent) {
        Some(option_sent) => option(there) == Some(option_sent),
        None => value(sent).is_some() && value(there) == value(sent),
    }
}

impl Crm {
    /// A lead with its tags, fields and contact; `None` where it is deleted, merged into another or hidden.
    pub async fn lead_there(&self, lead_id: i64) -> Result<Option<LeadThere>, CrmError> {
        Ok(may_be_forbidden(self.living_row(lead_id).await)?.flatten().map(LeadThere))
    }

    /// What of a lead differs from what it is meant to be.
    pub fn difference(&self, there: &LeadThere, update: &Update<'_>, only_tags: bool) -> Option<Value> {
        difference(there, update, &self.in_force(), only_tags)
    }

    /// Sends what differs.
    pub async fn update_lead(&self, lead_id: i64, difference: &Value) -> Result<(), CrmError> {
        self.patch(&format!("/api/v4/leads/{lead_id}"), difference).await
    }

    /// The phones of a contact with a further one behind them, to be sent; `None` where it has it, or is not there.
    pub async fn one_more_phone(&self, contact_id: i64, phone: &Phone) -> Result<Option<Value>, CrmError> {
        let contact = may_be_forbidden(self.get(&format!("/api/v4/contacts/{contact_id}"), &[]).await)?;
        Ok(contact.filter(|contact| id(contact.get("id")) == Some(contact_id)).and_then(|row| with_phone(&row, phone)))
    }

    /// Sends them.
    pub async fn update_contact(&self, contact_id: i64, phones: &Value) -> Result<(), CrmError> {
        self.patch(&format!("/api/v4/contacts/{contact_id}"), phones).await
    }

    /// The text of a note that is written after the lead's own, as it is sent.
    pub fn late_note(&self, number: &LeadNumber, text: &str) -> String {
        super::note::late_text(number, text)
    }

    async fn patch(&self, path: &str, body: &Value) -> Result<(), CrmError> {
        self.call(Kind::Write, Method::PATCH, path, &[], Some(body)).await.map(drop)
    }
}

fn with_phone(contact: &Value, phone: &Phone) -> Option<Value> {
    let fields = contact.get("custom_fields_values").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let phones = fields.iter().find(|field| field["field_code"] == "PHONE");
    let values = phones.and_then(|field| field["values"].as_array()).cloned().unwrap_or_default();
    let digits = phone.last_ten_digits().unwrap_or_else(|| phone.e164().to_owned());
    let is_it = |value: &Value| {
        value["value"].as_str().is_some_and(|there| there == phone.e164() || holds_number(there, &digits))
    };
    if values.iter().any(is_it) {
        return None;
    }
    // As they are, of which kind each is included.
    let kept = values.into_iter().map(|value| match id(value.get("enum_id")) {
        Some(enum_id) => json!({"value": value["value"], "enum_id": enum_id}),
        None => json!({"value": value["value"]}),
    });
    let new = json!({"value": phone.e164(), "enum_code": "WORK"});
    let values: Vec<Value> = kept.chain([new]).collect();
    Some(json!({"custom_fields_values": [{"field_code": "PHONE", "values": values}]}))
}
