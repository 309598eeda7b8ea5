//! Writing what hangs on entities: notes, links, tags and custom fields.

use serde_json::{Value, json};

use super::account::{Choice, Entity, Field};
use super::api::{Outcome, admins_only, missing};
use super::book::StoredNote;
use super::lists::{self, link};
use super::request::Request;
use super::server::State;
use super::wire::Answer;
use super::writes::{BATCH_LIMIT, batch, embedded, text, write};

pub(super) fn make_notes(state: &mut State, request: &Request, entity: Entity, of: Option<u64>) -> Outcome {
    if of.is_some_and(|id| !state.book.holds(entity, id)) {
        return Err(missing());
    }
    let rows = write(
        state,
        request,
        BATCH_LIMIT,
        |check, note| check.note(note, entity, of.is_none()),
        |state, request_id, note| {
            let number = |key: &str| note.get(key).and_then(Value::as_u64);
            let entity_id = of.or(number("entity_id")).unwrap_or_default();
            let id = state.book.add_note(StoredNote {
                id: 0,
                entity,
                entity_id,
                note_type: text(note, "note_type"),
                params: note.get("params").cloned().unwrap_or_default(),
                created_by: number("created_by").unwrap_or(state.account.current_user),
                created_at: state.book.now(),
            });
            let path = format!("/api/v4/{}/{entity_id}/notes/{id}", entity.plural());
            json!({
                "id": id,
                "entity_id": entity_id,
                "request_id": request_id,
                "_links": link(request, &path),
            })
        },
    )?;
    Ok(embedded(request, "notes", rows))
}

pub(super) fn attach(state: &mut State, request: &Request, id: u64) -> Outcome {
    if !state.book.holds(Entity::Leads, id) {
        return Err(missing());
    }
    let rows = write(
        state,
        request,
        BATCH_LIMIT,
        |check, row| check.link(row),
        |state, _, row| {
            let contact = row.get("to_entity_id").and_then(Value::as_u64);
            let metadata = row.get("metadata").cloned().unwrap_or_default();
            let is_main = metadata["is_main"] == true;
            state.book.attach(id, contact.unwrap_or_default(), is_main);
            link_row(id, contact.unwrap_or_default(), is_main)
        },
    )?;
    Ok(lists::whole(request, "links", rows))
}

pub(super) fn link_row(lead: u64, contact: u64, is_main: bool) -> Value {
    json!({
        "entity_id": lead,
        "entity_type": "leads",
        "to_entity_id": contact,
        "to_entity_type": "contacts",
        "metadata": { "is_main": is_main },
    })
}

pub(super) fn make_tags(state: &mut State, request: &Request, entity: Entity) -> Outcome {
    let rows = write(
        state,
        request,
        BATCH_LIMIT,
        |check, tag| check.tag(tag),
        |state, request_id, tag| {
            let name = text(tag, "name");
            let id = state.book.tag_named(entity, &name);
            json!({ "id": id, "name": name, "color": null, "request_id": request_id })
        },
    )?;
    Ok(embedded(request, "tags", rows))
}

pub(super) fn make_custom_fields(state: &mut State, request: &Request, entity: Entity) -> Outcome {
    admins_only(state)?;
    for (_, field) in batch(request, BATCH_LIMIT)? {
        let code = field.get("code").and_then(Value::as_str);
        if code.is_some() && state.account.field(entity, None, code).is_some() {
            return Err(Answer::problem_with(422, "Field code already exists", json!({})));
        }
    }
    let rows = write(
        state,
        request,
        BATCH_LIMIT,
        |check, field| check.custom_field(field),
        |state, request_id, sent| {
            let id = state.book.next_id();
            let code = sent.get("code").and_then(Value::as_str);
            let kind = text(sent, "type");
            let mut field = Field::new(id, entity, &kind, &text(sent, "name"), code);
            let enums = sent.get("enums").and_then(Value::as_array);
            for choice in enums.into_iter().flatten() {
                field.choices.push(Choice {
                    id: state.book.next_id(),
                    value: choice["value"].as_str().unwrap_or_default().to_owned(),
                });
            }
            state.account.fields.push(field);
            json!({
                "id": id,
                "name": text(sent, "name"),
                "type": kind,
                "code": code,
                "entity_type": entity.plural(),
                "request_id": request_id,
            })
        },
    )?;
    let mut answer = embedded(request, "custom_fields", rows);
    answer.status = 201;
    Ok(answer)
}
