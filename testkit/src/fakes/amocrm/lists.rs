//! Reading: pages, order, search, filters, and what rows look like.

use std::time::Duration;

use serde_json::{Value, json};

use super::account::Entity;
use super::book::{Book, StoredContact, StoredEvent, StoredField, StoredLead, StoredNote};
use super::filters::{filtered, passes};
use super::request::Request;
use super::server::State;
use super::texts::shown;
use super::wire::Answer;

/// Rows a page has when the request does not say.
const DEFAULT_LIMIT: usize = 50;

/// Rows a page may have.
const MAX_LIMIT: usize = 250;

/// Rows a page of events may have.
const MAX_EVENTS: usize = 100;

/// How soon after its creation an entity appears in each kind of reading.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Latency {
    pub(super) query: Duration,
    pub(super) list: Duration,
    pub(super) events: Duration,
}

/// `GET /leads`.
pub(super) fn leads(state: &State, request: &Request) -> Answer {
    let seen = visible_after(state, request);
    let query = request.param("query").map(str::to_lowercase);
    let rows = state
        .book
        .leads
        .iter()
        .filter(|lead| lead.stored.elapsed() >= seen)
        .filter(|lead| {
            let query = query.as_deref();
            query.is_none_or(|query| lead_texts(&state.book, lead).any(|text| holds(&text, query)))
        })
        .map(|lead| lead_row(state, request, lead))
        .collect();
    let rows = filtered(state, request, rows);
    paged(request, "leads", rows, &["created_at", "updated_at", "id"], MAX_LIMIT)
}

/// `GET /contacts`.
pub(super) fn contacts(state: &State, request: &Request) -> Answer {
    let seen = visible_after(state, request);
    let query = request.param("query").map(str::to_lowercase);
    let rows = state
        .book
        .contacts
        .iter()
        .filter(|contact| contact.stored.elapsed() >= seen)
        .filter(|contact| {
            let query = query.as_deref();
            query.is_none_or(|query| contact_texts(contact).any(|text| holds(&text, query)))
        })
        .map(|contact| contact_row(state, request, contact))
        .collect();
    let rows = filtered(state, request, rows);
    paged(request, "contacts", rows, &["updated_at", "id"], MAX_LIMIT)
}

fn visible_after(state: &State, request: &Request) -> Duration {
    match request.param("query") {
        Some(_) => state.latency.query,
        None => state.latency.list,
    }
}

fn holds(text: &str, query: &str) -> bool {
    text.to_lowercase().contains(query)
}

fn field_texts(fields: &[StoredField]) -> impl Iterator<Item = String> {
    fields.iter().flat_map(StoredField::texts)
}

/// Everything a search of leads looks through: also the name and fields of the main contact.
fn lead_texts<'a>(book: &'a Book, lead: &'a StoredLead) -> impl Iterator<Item = String> {
    let contact = lead.contact_id.and_then(|id| book.contact(id));
    [lead.name.clone(), lead.id.to_string(), lead.price.to_string()]
        .into_iter()
        .chain(lead.tags.iter().cloned())
        .chain(field_texts(&lead.custom_fields))
        .chain(contact.into_iter().flat_map(contact_texts))
}

fn contact_texts(contact: &StoredContact) -> impl Iterator<Item = String> {
    [contact.name.clone(), contact.id.to_string()]
        .into_iter()
        .chain(contact.tags.iter().cloned())
        .chain(field_texts(&contact.custom_fields))
}

/// A lead as a list and `GET /leads/{id}` show it.
pub(super) fn lead_row(state: &State, request: &Request, lead: &StoredLead) -> Value {
    let mut row = json!({
        "id": lead.id,
        "name": shown(&lead.name),
        "price": lead.price,
        "responsible_user_id": lead.responsible_user_id,
        "group_id": 0,
        "status_id": (lead.status_id != 0).then_some(lead.status_id),
        "pipeline_id": lead.pipeline_id,
        "loss_reason_id": null,
        "created_by": lead.created_by,
        "updated_by": lead.created_by,
        "created_at": lead.created_at,
        "updated_at": lead.updated_at,
        "closed_at": null,
        "closest_task_at": null,
        "is_deleted": false,
        "custom_fields_values": fields_value(state, Entity::Leads, &lead.custom_fields),
        "score": null,
        "account_id": state.account.id,
        "labor_cost": null,
        "_links": link(request, &format!("/api/v4/leads/{}", lead.id)),
        "_embedded": { "tags": tags_value(state, Entity::Leads, &lead.tags), "companies": [] },
    });
    if request.wants("contacts") {
        let contacts = lead.contact_ids.iter().map(|id| {
            json!({
                "id": id,
                "is_main": Some(*id) == lead.contact_id,
                "_links": link(request, &format!("/api/v4/contacts/{id}")),
            })
        });
        row["_embedded"]["contacts"] = contacts.collect();
    }
    row
}

/// A lead in the trash, as `GET /leads/{id}` shows it.
pub(super) fn trashed_row(state: &State, request: &Request, lead: &StoredLead) -> Value {
    json!({
        "id": lead.id,
        "is_deleted": true,
        "name": null,
        "price": null,
        "status_id": null,
        "updated_at": lead.updated_at,
        "account_id": state.account.id,
        "_links": link(request, &format!("/api/v4/leads/{}", lead.id)),
    })
}

/// A contact as a list and `GET /contacts/{id}` show it.
pub(super) fn contact_row(state: &State, request: &Request, contact: &StoredContact) -> Value {
    let mut row = json!({
        "id": contact.id,
        "name": shown(&contact.name),
        "first_name": shown(&contact.first_name),
        "last_name": shown(&contact.last_name),
        "responsible_user_id": contact.responsible_user_id,
        "group_id": 0,
        "created_by": contact.responsible_user_id,
        "updated_by": contact.responsible_user_id,
        "created_at": contact.created_at,
        "updated_at": contact.updated_at,
        "closest_task_at": null,
        "is_deleted": false,
        "is_unsorted": false,
        "custom_fields_values": fields_value(state, Entity::Contacts, &contact.custom_fields),
        "account_id": state.account.id,
        "_links": link(request, &format!("/api/v4/contacts/{}", contact.id)),
        "_embedded": { "tags": tags_value(state, Entity::Contacts, &contact.tags), "companies": [] },
    });
    if request.wants("leads") {
        let leads = contact
            .lead_ids
            .iter()
            .map(|id| json!({ "id": id, "_links": link(request, &format!("/api/v4/leads/{id}")) }));
        row["_embedded"]["leads"] = leads.collect();
    }
    row
}

fn fields_value(state: &State, entity: Entity, fields: &[StoredField]) -> Value {
    if fields.is_empty() {
        return Value::Null;
    }
    let rows = fields.iter().map(|stored| {
        let field = state.account.field(entity, Some(stored.id), None);
        let values = stored.values.iter().map(|value| {
            let mut value = value.clone();
            if let Some(Value::String(text)) = value.get_mut("value") {
                *text = shown(text);
            }
            let choice = field.into_iter().flat_map(|field| &field.choices).find(|choice| {
                value["enum_id"] == choice.id || value["enum_code"] == choice.value || value["value"] == choice.value
            });
            if let Some(choice) = choice {
                value["enum_id"] = json!(choice.id);
                if field.is_some_and(|field| field.kind == "multitext") {
                    value["enum_code"] = json!(choice.value);
                } else {
                    value["value"] = json!(choice.value);
                }
            }
            value
        });
        json!({
            "field_id": stored.id,
            "field_name": field.map(|field| &field.name),
            "field_code": stored.code,
            "field_type": field.map(|field| &field.kind),
            "values": values.collect::<Value>(),
        })
    });
    rows.collect()
}

fn tags_value(state: &State, entity: Entity, names: &[String]) -> Value {
    let tags = names.iter().filter_map(|name| {
        let mut tags = state.book.tags.iter();
        tags.find(|tag| tag.entity == entity && tag.name == *name)
    });
    tags.map(|tag| json!({ "id": tag.id, "name": shown(&tag.name), "color": null })).collect()
}

/// `GET /{entity}/tags`; its name filter always works.
pub(super) fn tags(state: &State, request: &Request, entity: Entity) -> Answer {
    let query = request.param("query").map(str::to_lowercase);
    let exact = request.param("filter[name]");
    let rows = state
        .book
        .tags
        .iter()
        .filter(|tag| tag.entity == entity)
        .filter(|tag| query.as_deref().is_none_or(|query| holds(&tag.name, query)))
        .filter(|tag| exact.is_none_or(|exact| tag.name == exact))
        .map(|tag| json!({ "id": tag.id, "name": shown(&tag.name), "color": null }))
        .collect();
    paged(request, "tags", rows, &[], MAX_LIMIT)
}

/// `GET /{entity}/{id}/notes`; its filters always work.
pub(super) fn notes(state: &State, request: &Request, entity: Entity, id: u64) -> Answer {
    let rows = state
        .book
        .notes
        .iter()
        .filter(|note| note.entity == entity && note.entity_id == id)
        .map(|note| note_row(state, request, note))
        .filter(|row| passes(request, row))
        .collect();
    paged(request, "notes", rows, &["updated_at", "id"], MAX_LIMIT)
}

fn note_row(state: &State, request: &Request, note: &StoredNote) -> Value {
    let path = format!("/api/v4/{}/{}/notes/{}", note.entity.plural(), note.entity_id, note.id);
    let mut params = note.params.clone();
    if let Some(text) = params["text"].as_str() {
        params["text"] = json!(shown(text));
    }
    json!({
        "id": note.id,
        "entity_id": note.entity_id,
        "created_by": note.created_by,
        "updated_by": note.created_by,
        "created_at": note.created_at,
        "updated_at": note.created_at,
        "responsible_user_id": note.created_by,
        "group_id": 0,
        "note_type": note.note_type,
        "params": params,
        "account_id": state.account.id,
        "_links": link(request, &path),
    })
}

/// `GET /events`, newest first; its filters always work.
pub(super) fn events(state: &State, request: &Request) -> Answer {
    let rows = state
        .book
        .events
        .iter()
        .rev()
        .filter(|event| event.stored.elapsed() >= state.latency.events)
        .map(|event| event_row(state, request, event))
        .filter(|row| passes(request, row))
        .collect();
    paged(request, "events", rows, &[], MAX_EVENTS)
}

fn event_row(state: &State, request: &Request, event: &StoredEvent) -> Value {
    let (id, entity) = (event.entity_id, event.entity);
    let path = format!("/api/v4/{}/{id}", entity.plural());
    json!({
        "id": event.id,
        "type": event.kind,
        "entity_id": id,
        "entity_type": entity.singular(),
        "created_by": event.created_by,
        "created_at": event.created_at,
        "value_after": event.value_after,
        "value_before": event.value_before,
        "account_id": state.account.id,
        "_links": link(request, &format!("/api/v4/events/{}", event.id)),
        "_embedded": { "entity": { "id": id, "_links": link(request, &path) } },
    })
}

/// A list that is one page whatever its length, such as pipelines.
pub(super) fn whole(request: &Request, name: &str, rows: Vec<Value>) -> Answer {
    Answer::hal(&json!({
        "_total_items": rows.len(),
        "_links": link(request, &request.path),
        "_embedded": { name: rows },
    }))
}

/// One page of rows in the order asked for; 204 when it has none.
pub(super) fn paged(request: &Request, name: &str, mut rows: Vec<Value>, orders: &[&str], max: usize) -> Answer {
    let number = |name: &str, default: usize| match request.param(name) {
        None => Ok(default),
        Some(text) => text
            .parse()
            .ok()
            .filter(|n| *n > 0)
            .ok_or_else(|| Answer::problem_with(400, &format!("Invalid {name}"), json!({}))),
    };
    let (page, limit) = match (number("page", 1), number("limit", DEFAULT_LIMIT)) {
        (Ok(page), Ok(limit)) => (page, limit),
        (Err(answer), _) | (_, Err(answer)) => return answer,
    };
    if limit > max {
        return over_limit(max);
    }
    for (key, value) in &request.params {
        let Some(key) = key.strip_prefix("order[").and_then(|key| key.strip_suffix(']')) else {
            continue;
        };
        if !orders.contains(&key) || !matches!(value.as_str(), "asc" | "desc") {
            return Answer::problem_with(400, "Invalid order", json!({}));
        }
        // Ids break ties, so that leads of one second keep the order they were made in.
        rows.sort_by_key(|row| (row[key].as_u64(), row["id"].as_u64()));
        if value == "desc" {
            rows.reverse();
        }
    }
    let more = rows.len() > page * limit;
    let rows: Vec<Value> = rows.into_iter().skip((page - 1) * limit).take(limit).collect();
    if rows.is_empty() {
        return Answer::empty(204);
    }
    let mut links = link(request, &request.path_and_query());
    if more {
        links["next"] = json!({ "href": next_page(request, page + 1) });
    }
    Answer::hal(&json!({ "_page": page, "_links": links, "_embedded": { name: rows } }))
}

/// The 422 of a page or batch that is too big.
pub(super) fn over_limit(max: usize) -> Answer {
    Answer::problem_with(422, &format!("Limit {max} per page"), json!({}))
}

fn next_page(request: &Request, page: usize) -> String {
    let mut query = url::form_urlencoded::Serializer::new(String::new());
    for (key, value) in request.params.iter().filter(|(key, _)| key != "page") {
        query.append_pair(key, value);
    }
    query.append_pair("page", &page.to_string());
    format!("{}{}?{}", request.base, request.path, query.finish())
}

/// A `_links` member that points here.
pub(super) fn link(request: &Request, path: &str) -> Value {
    json!({ "self": { "href": format!("{}{path}", request.base) } })
}
