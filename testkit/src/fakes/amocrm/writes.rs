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

fn fields_from(state: &State, entity: Entity, object: &Object) -> Vec<StoredField> {
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

fn phones_of(fields: &[StoredField]) -> Vec<String> {
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

fn full_name(name: &str, first: &str, last: &str) -> String {
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

fn check_update(check: &mut Check, item: &Object, entity: Entity) {
    match entity {
        Entity::Leads => check.lead(item, Write::Update),
        Entity::Contacts => check.contact(item, Write::Update),
    }
}

pub(super) fn update(state: &mut State, request: &Request, entity: Entity) -> Outcome {
    let rows = write(
        state,
        request,
        BATCH_LIMIT,
        |check, item| {
            check_update(check, item, entity);
            check.exists(item, "id", entity);
        },
        |state, _, item| {
            let id = item.get("id").and_then(Value::as_u64).unwrap_or_default();
            apply_update(state, request, entity, id, item)
        },
    )?;
    Ok(embedded(request, entity.plural(), rows))
}

pub(super) fn update_one(state: &mut State, request: &Request, entity: Entity, id: u64) -> Outcome {
    if !request.says_json() {
        return Err(Answer::problem(415));
    }
    let Some(item) = request.json.as_ref().and_then(Value::as_object) else {
        return Err(Answer::problem_with(400, "Request data can not be empty", json!({})));
    };
    if !state.book.holds(entity, id) {
        return Err(missing());
    }
    let mut check = Check::new(&state.account, &state.book, &state.drive);
    check_update(&mut check, item, entity);
    let errors = check.errors();
    if !errors.is_empty() {
        return Err(validate::refusal(vec![("0".to_owned(), errors)]));
    }
    Ok(Answer::hal(&apply_update(state, request, entity, id, item)))
}

/// Changes one entity and says so.
fn apply_update(state: &mut State, request: &Request, entity: Entity, id: u64, item: &Object) -> Value {
    let now = state.book.now();
    let place = |state: &State| state.book.lead(id).map(|lead| (lead.status_id, lead.pipeline_id));
    let before = place(state).filter(|_| entity == Entity::Leads);
    let fields = fields_from(state, entity, item);
    let mut named = |listed: Option<&Value>| {
        let names = listed.map(|listed| state.book.tag_names(entity, listed));
        names.unwrap_or_default()
    };
    let added = named(item.get("tags_to_add"));
    let dropped = named(item.get("tags_to_delete"));
    let whole_set = item.get("_embedded").and_then(|embedded| embedded.get("tags"));
    let replaced = whole_set.map(|listed| named(Some(listed)));
    let parts = match entity {
        Entity::Leads => {
            let mut leads = state.book.leads.iter_mut();
            leads.find(|lead| lead.id == id).map(|lead| {
                change_lead(lead, item);
                (&mut lead.tags, &mut lead.custom_fields, &mut lead.updated_at)
            })
        }
        Entity::Contacts => {
            let mut contacts = state.book.contacts.iter_mut();
            contacts.find(|contact| contact.id == id).map(|contact| {
                change_contact(contact, item, &fields);
                (&mut contact.tags, &mut contact.custom_fields, &mut contact.updated_at)
            })
        }
    };
    let (tags, custom_fields, updated_at) = parts.expect("only entities that exist are changed");
    *updated_at = now;
    if let Some(replaced) = replaced {
        *tags = replaced;
    }
    tags.retain(|tag| !dropped.contains(tag) && !added.contains(tag));
    tags.extend(added);
    // A field that is sent is replaced as a whole; the others stay.
    custom_fields.retain(|old| !fields.iter().any(|new| new.id == old.id));
    custom_fields.extend(fields.into_iter().filter(|field| !field.values.is_empty()));
    if let Some((before, after)) = before.zip(place(state)) {
        state.book.record_move(id, before, after, state.account.current_user);
    }
    json!({
        "id": id,
        "updated_at": now,
        "_links": link(request, &format!("/api/v4/{}/{id}", entity.plural())),
    })
}

fn change_lead(lead: &mut StoredLead, item: &Object) {
    let number = |key: &str| item.get(key).and_then(Value::as_u64);
    if item.contains_key("name") {
        lead.name = texts::line(&text(item, "name"));
    }
    lead.price = item.get("price").and_then(Value::as_i64).unwrap_or(lead.price);
    lead.status_id = number("status_id").unwrap_or(lead.status_id);
    lead.pipeline_id = number("pipeline_id").unwrap_or(lead.pipeline_id);
    lead.responsible_user_id = number("responsible_user_id").unwrap_or(lead.responsible_user_id);
}

fn change_contact(contact: &mut StoredContact, item: &Object, fields: &[StoredField]) {
    if item.contains_key("first_name") || item.contains_key("last_name") {
        for (key, part) in [("first_name", &mut contact.first_name), ("last_name", &mut contact.last_name)] {
            if item.contains_key(key) {
                *part = texts::line(&text(item, key));
            }
        }
        contact.name = full_name("", &contact.first_name, &contact.last_name);
    }
    if item.contains_key("name") {
        contact.name = texts::line(&text(item, "name"));
    }
    let responsible = item.get("responsible_user_id").and_then(Value::as_u64);
    contact.responsible_user_id = responsible.unwrap_or(contact.responsible_user_id);
    if fields.iter().any(|field| field.code.as_deref() == Some("PHONE")) {
        contact.phones = phones_of(fields);
    }
}
