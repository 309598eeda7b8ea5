//! Writing: batches that are checked, stored and answered item by item.

use std::time::Instant;

use serde_json::{Value, json};

use super::account::Entity;
use super::api::{Outcome, missing};
use super::book::{StoredContact, StoredField, StoredLead};
use super::lists::{self, link};
use super::request::Request;
use super::server::State;
use super::texts;
use super::validate::{self, Check, Object, Write};
use super::wire::Answer;

/// Leads one complex request takes.
const COMPLEX_LIMIT: usize = 50;

/// Entities any other batch takes.
pub(super) const BATCH_LIMIT: usize = 250;

/// The answer to a write that says nothing.
fn empty_request() -> Answer {
    Answer::problem_with(400, "Request data can not be empty", json!({}))
}

/// The objects of a batch, each with the id under which its errors and its result are told.
pub(super) fn batch(request: &Request, max: usize) -> Result<Vec<(String, &Object)>, Answer> {
    if !request.says_json() {
        return Err(Answer::problem(415));
    }
    let body = request.json.as_ref().ok_or_else(empty_request)?;
    let wrong = || {
        let errors = vec![validate::field_error("InvalidType", "")];
        validate::refusal(vec![("0".to_owned(), errors)])
    };
    let items = body.as_array().ok_or_else(wrong)?;
    if items.is_empty() {
        return Err(Answer::problem_with(400, "Request data can not be empty", json!({})));
    }
    if items.len() > max {
        return Err(match max {
            COMPLEX_LIMIT => Answer::problem_with(400, "Limit 50 leads per request", json!({})),
            max => lists::over_limit(max),
        });
    }
    let mut batch = Vec::new();
    for (index, item) in items.iter().enumerate() {
        let item = item.as_object().ok_or_else(wrong)?;
        let id = item.get("request_id").and_then(Value::as_str);
        batch.push((id.map_or_else(|| index.to_string(), str::to_owned), item));
    }
    Ok(batch)
}

/// Checks a batch, stores the good items if the batch may be stored, and answers with their results.
pub(super) fn write(
    state: &mut State,
    request: &Request,
    max: usize,
    check: impl Fn(&mut Check, &Object),
    mut store: impl FnMut(&mut State, &str, &Object) -> Value,
) -> Result<Vec<Value>, Answer> {
    let batch = batch(request, max)?;
    let mut refused = Vec::new();
    let mut good = Vec::new();
    for (id, item) in batch {
        let mut errors = Check::new(&state.account, &state.book, &state.drive);
        check(&mut errors, item);
        match errors.errors() {
            errors if errors.is_empty() => good.push((id, item)),
            errors => refused.push((id, errors)),
        }
    }
    if !refused.is_empty() && !state.partial_batches {
        return Err(validate::refusal(refused));
    }
    let stored = good.into_iter().map(|(id, item)| store(state, &id, item)).collect();
    if !refused.is_empty() {
        return Err(validate::refusal(refused));
    }
    Ok(stored)
}

pub(super) fn embedded(request: &Request, name: &str, rows: Vec<Value>) -> Answer {
    Answer::hal(&json!({
        "_links": link(request, &request.path),
        "_embedded": { name: rows },
    }))
}

pub(super) fn complex(state: &mut State, request: &Request) -> Outcome {
    let rows = write(state, request, COMPLEX_LIMIT, |check, lead| check.lead(lead, Write::Complex), store_complex)?;
    Ok(Answer::hal(&Value::Array(rows)))
}

fn store_complex(state: &mut State, request_id: &str, lead: &Object) -> Value {
    let embedded = lead.get("_embedded").unwrap_or(&Value::Null);
    let sent = embedded["contacts"].get(0).and_then(Value::as_object);
    if let Some((lead_id, contact_id)) = duplicate(state, sent) {
        return json!({
            "id": lead_id,
            "contact_id": contact_id,
            "company_id": null,
            "request_id": [request_id],
            "merged": true,
        });
    }
    let contact_id = sent.map(|contact| match contact.get("id").and_then(Value::as_u64) {
        Some(id) => id,
        None => store_contact(state, contact),
    });
    // An existing company is reported not to be linked by this method; a new one is made.
    let company = embedded["companies"].get(0);
    let company_id = company.filter(|company| company["id"].is_null()).map(|_| {
        let id = state.book.next_id();
        state.book.companies.push(id);
        id
    });
    let mut stored = lead_from(state, lead, contact_id.into_iter().collect());
    if embedded["metadata"].is_object() {
        let mut pipelines = state.account.pipelines.iter();
        let pipeline = pipelines.find(|pipeline| pipeline.id == stored.pipeline_id);
        let statuses = pipeline.filter(|pipeline| pipeline.is_unsorted_on).map(|pipeline| &pipeline.statuses);
        let unsorted = statuses.into_iter().flatten().find(|status| status.unsorted);
        stored.status_id = unsorted.map_or(stored.status_id, |status| status.id);
    }
    let id = state.book.add_lead(stored);
    json!({
        "id": id,
        "contact_id": contact_id,
        "company_id": company_id,
        "request_id": [request_id],
        "merged": false,
    })
}

/// With duplicate control on: the lead of a contact that is attached, or has one of the phones sent.
fn duplicate(state: &State, contact: Option<&Object>) -> Option<(u64, u64)> {
    if !state.duplicate_control {
        return None;
    }
    let contact = contact?;
    let phones = phones_of(&fields_from(state, Entity::Contacts, contact));
    let attached = contact.get("id").and_then(Value::as_u64);
    let known = state.book.contacts.iter().find(|known| {
        let is_meant = attached == Some(known.id) || known.phones.iter().any(|phone| phones.contains(phone));
        is_meant && !known.lead_ids.is_empty()
    })?;
    Some((known.lead_ids[0], known.id))
}

pub(super) fn text(object: &Object, key: &str) -> String {
    let text = object.get(key).and_then(Value::as_str);
    text.unwrap_or_default().to_owned()
}

pub(super) fn fields_from(state: &State, entity: Entity, object: &Object) -> Vec<StoredField> {
    let sent = object.get("custom_fields_values").and_then(Value::as_array);
    let stored = sent.into_iter().flatten().filter_map(|item| {
        let id = item["field_id"].as_u64();
        let field = state.account.field(entity, id, item["field_code"].as_str())?;
        Some(StoredField {
            id: field.id,
            code: field.code.clone(),
            values: item["values"].as_array().into_iter().flatten().map(texts::field).collect(),
        })
    });
    stored.collect()
}

pub(super) fn phones_of(fields: &[StoredField]) -> Vec<String> {
    let phones = fields.iter().filter(|field| field.code.as_deref() == Some("PHONE"));
    phones.flat_map(StoredField::texts).collect()
}

/// The tags of a new entity, which it may list in two places.
fn new_tags(state: &mut State, entity: Entity, object: &Object) -> Vec<String> {
    let added = object.get("tags_to_add").unwrap_or(&Value::Null);
    let embedded = object.get("_embedded").unwrap_or(&Value::Null);
    let mut names = state.book.tag_names(entity, added);
    for name in state.book.tag_names(entity, &embedded["tags"]) {
        if !names.contains(&name) {
            names.push(name);
        }
    }
    names
}

fn lead_from(state: &mut State, lead: &Object, contact_ids: Vec<u64>) -> StoredLead {
    let number = |key: &str| lead.get(key).and_then(Value::as_u64);
    let now = state.book.now();
    let tags = new_tags(state, Entity::Leads, lead);
    let account = &state.account;
    let status = number("status_id");
    let pipeline = match (number("pipeline_id"), status) {
        (Some(id), _) => account.pipelines.iter().find(|pipeline| pipeline.id == id),
        (None, Some(id)) => {
            account.pipelines.iter().find(|pipeline| pipeline.statuses.iter().any(|status| status.id == id))
        }
        (None, None) => None,
    }
    .unwrap_or_else(|| account.main_pipeline());
    let first = pipeline.statuses.iter().find(|status| !status.unsorted);
    let created_at = lead.get("created_at").and_then(Value::as_i64).unwrap_or(now);
    StoredLead {
        id: 0,
        name: text(lead, "name"),
        price: lead.get("price").and_then(Value::as_i64).unwrap_or(0),
        pipeline_id: pipeline.id,
        status_id: status.or(first.map(|status| status.id)).unwrap_or_default(),
        responsible_user_id: number("responsible_user_id").unwrap_or(account.current_user),
        tags,
        custom_fields: fields_from(state, Entity::Leads, lead),
        contact_id: contact_ids.first().copied(),
        contact_ids,
        notes: Vec::new(),
        created_at,
        updated_at: created_at,
        created_by: number("created_by").unwrap_or(account.current_user),
        request_id: lead.get("request_id").and_then(Value::as_str).map(str::to_owned),
        stored: Instant::now(),
    }
}

fn store_contact(state: &mut State, contact: &Object) -> u64 {
    let now = state.book.now();
    let custom_fields = fields_from(state, Entity::Contacts, contact);
    let tags = new_tags(state, Entity::Contacts, contact);
    let (first_name, last_name) = (text(contact, "first_name"), text(contact, "last_name"));
    let responsible = contact.get("responsible_user_id").and_then(Value::as_u64);
    let user = state.account.current_user;
    let stored = StoredContact {
        id: 0,
        name: full_name(&text(contact, "name"), &first_name, &last_name),
        first_name,
        last_name,
        responsible_user_id: responsible.unwrap_or(user),
        phones: phones_of(&custom_fields),
        custom_fields,
        tags,
        lead_ids: Vec::new(),
        created_at: contact.get("created_at").and_then(Value::as_i64).unwrap_or(now),
        updated_at: now,
        stored: Instant::now(),
    };
    let by = contact.get("created_by").and_then(Value::as_u64);
    state.book.add_contact(stored, by.unwrap_or(user))
}

pub(super) fn full_name(name: &str, first: &str, last: &str) -> String {
    if name.is_empty() {
        return format!("{first} {last}").trim().to_owned();
    }
    name.to_owned()
}

pub(super) fn create(state: &mut State, request: &Request, entity: Entity) -> Outcome {
    let rows = write(
        state,
        request,
        BATCH_LIMIT,
        |check, item| match entity {
            Entity::Leads => check.lead(item, Write::Create),
            Entity::Contacts => check.contact(item, Write::Create),
        },
        |state, request_id, item| {
            let id = match entity {
                Entity::Contacts => store_contact(state, item),
                Entity::Leads => {
                    let embedded = item.get("_embedded").unwrap_or(&Value::Null);
                    let mut contacts: Vec<_> = embedded["contacts"].as_array().into_iter().flatten().collect();
                    contacts.sort_by_key(|contact| contact["is_main"] != true);
                    let ids = contacts.iter().filter_map(|contact| contact["id"].as_u64());
                    let lead = lead_from(state, item, ids.collect());
                    state.book.add_lead(lead)
                }
            };
            let mut row = json!({
                "id": id,
                "request_id": request_id,
                "_links": link(request, &format!("/api/v4/{}/{id}", entity.plural())),
            });
            if entity == Entity::Contacts {
                row["is_deleted"] = json!(false);
                row["is_unsorted"] = json!(false);
            }
            row
        },
    )?;
    Ok(embedded(request, entity.plural(), rows))
}
