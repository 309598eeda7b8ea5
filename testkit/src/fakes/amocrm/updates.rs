//! Changing: what a PATCH leaves as it is, replaces and adds.

use serde_json::{Value, json};

use super::account::Entity;
use super::api::{Outcome, missing};
use super::book::{StoredContact, StoredField, StoredLead};
use super::lists::link;
use super::request::Request;
use super::server::State;
use super::texts;
use super::validate::{self, Check, Object, Write};
use super::wire::Answer;
use super::writes::{BATCH_LIMIT, embedded, fields_from, full_name, phones_of, text, write};

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
