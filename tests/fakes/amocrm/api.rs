//! The routes: which request reads or changes what.

use std::time::Instant;

use chrono::Utc;
use serde_json::{Value, json};

use super::account::{Entity, Field, StoredContact, StoredField, StoredLead, StoredNote};
use super::lists::{self, link};
use super::validate::{self, Check, Object, Write};
use super::wire::Answer;
use super::{Request, State};

/// Leads one complex request takes.
const COMPLEX_LIMIT: usize = 50;

/// Entities any other batch takes.
const BATCH_LIMIT: usize = 250;

/// Answers a request that nothing stands in the way of.
pub(super) fn route(state: &mut State, request: &Request) -> Answer {
    let path: Vec<&str> = request.path.split('/').skip(1).collect();
    let method = request.method.as_str();
    match path.as_slice() {
        ["oauth2", "access_token"] => match method {
            "POST" => token(state, request),
            _ => wrong_method(),
        },
        ["oauth2", "account", "current", "subdomain"] => match method {
            "GET" => state.oauth.subdomain(
                request.header("x-refresh-token"),
                state.account.id,
                &state.account.subdomain,
            ),
            _ => wrong_method(),
        },
        ["api", "v4", path @ ..] => {
            if !state.oauth.lets_in(request.bearer.as_deref()) {
                return Answer::problem(401);
            }
            api(state, request, method, path).unwrap_or_else(|refusal| refusal)
        }
        _ => not_found(request),
    }
}

type Outcome = Result<Answer, Answer>;

fn api(state: &mut State, request: &Request, method: &str, path: &[&str]) -> Outcome {
    let get = method == "GET";
    let post = method == "POST";
    let patch = method == "PATCH";
    match path {
        ["account"] if get => Ok(account(state, request)),
        ["users"] if get => users(state, request),
        ["users", id] if get => user(state, request, id),
        ["events"] if get => Ok(lists::events(state, request)),
        ["leads", "pipelines"] if get => Ok(pipelines(state, request)),
        ["leads", "complex"] if post => complex(state, request),
        ["account" | "users" | "events"] | ["users", _] | ["leads", "pipelines" | "complex"] => {
            Err(wrong_method())
        }
        [entity @ ("leads" | "contacts"), path @ ..] => {
            let entity = match *entity {
                "leads" => Entity::Leads,
                _ => Entity::Contacts,
            };
            match path {
                [] if get && entity == Entity::Leads => Ok(lists::leads(state, request)),
                [] if get => Ok(lists::contacts(state, request)),
                [] if post => create(state, request, entity),
                [] if patch => update(state, request, entity),
                ["custom_fields"] if get => Ok(custom_fields(state, request, entity)),
                ["custom_fields"] if post => make_custom_fields(state, request, entity),
                ["tags"] if get => Ok(lists::tags(state, request, entity)),
                ["tags"] if post => make_tags(state, request, entity),
                ["notes"] if post => make_notes(state, request, entity, None),
                [] | ["custom_fields" | "tags" | "notes"] => Err(wrong_method()),
                [id, path @ ..] => {
                    let id = id.parse().map_err(|_| not_found(request))?;
                    match path {
                        [] if get => Ok(one(state, request, entity, id)),
                        [] if patch => update_one(state, request, entity, id),
                        ["notes"] if get => Ok(lists::notes(state, request, entity, id)),
                        ["notes"] if post => make_notes(state, request, entity, Some(id)),
                        ["link"] if post && entity == Entity::Leads => attach(state, request, id),
                        ["links"] if get && entity == Entity::Leads => links(state, request, id),
                        [] | ["notes" | "link" | "links"] => Err(wrong_method()),
                        _ => Err(not_found(request)),
                    }
                }
            }
        }
        _ => Err(not_found(request)),
    }
}

fn not_found(request: &Request) -> Answer {
    let detail = format!("Cannot {} {}", request.method, request.path);
    Answer::problem_with(404, &detail, json!({}))
}

fn wrong_method() -> Answer {
    Answer::problem(405)
}

fn token(state: &mut State, request: &Request) -> Answer {
    let form = match &request.json {
        Some(Value::Object(form)) => form,
        _ => &Object::new(),
    };
    let is_form = !request.says_json();
    if is_form && !state.oauth.accepts_forms {
        return Answer::oauth_invalid_client();
    }
    let account = (state.account.id, state.account.current_user);
    let before = state.oauth.succeeded;
    let answer = state.oauth.token(form, account);
    if state.oauth.succeeded > before {
        state.book.tell(super::CrmEvent::TokensRefreshed);
    }
    answer
}

fn account(state: &State, request: &Request) -> Answer {
    let account = &state.account;
    let mut body = json!({
        "id": account.id,
        "name": account.name,
        "subdomain": account.subdomain,
        "created_at": 1_600_000_000,
        "created_by": 0,
        "updated_at": 1_600_000_000,
        "updated_by": 0,
        "current_user_id": account.current_user,
        "country": "RU",
        "currency": "RUB",
        "currency_symbol": "₽",
        "customers_mode": "unavailable",
        "is_unsorted_on": true,
        "mobile_feature_version": 0,
        "is_loss_reason_enabled": true,
        "is_helpbot_enabled": false,
        "is_technical_account": false,
        "contact_name_display_order": 1,
        "_links": link(request, "/api/v4/account"),
    });
    let extras = [
        ("is_api_filter_enabled", json!(state.filters_on)),
        ("version", json!(12)),
        ("uuid", json!("8f6b1c52-3c1a-4b0e-9d0b-1a2b3c4d5e6f")),
        ("amojo_id", json!("2b1e7a50-6a53-4c9e-8a41-0f1e2d3c4b5a")),
        ("drive_url", json!("https://drive-b.amocrm.ru")),
    ];
    for (name, value) in extras {
        if request.wants(name) {
            body[name] = value;
        }
    }
    Answer::hal(&body)
}

fn admins_only(state: &State) -> Result<(), Answer> {
    if state.account.admin() {
        return Ok(());
    }
    Err(Answer::problem(403))
}

fn users(state: &State, request: &Request) -> Outcome {
    admins_only(state)?;
    let rows = state.account.users.iter().map(user_row).collect();
    Ok(lists::paged(request, "users", rows, &[], BATCH_LIMIT))
}

fn user(state: &State, request: &Request, id: &str) -> Outcome {
    admins_only(state)?;
    let mut users = state.account.users.iter();
    let user = users.find(|user| user.id.to_string() == id);
    user.map(|user| Answer::hal(&user_row(user)))
        .ok_or_else(|| not_found(request))
}

fn user_row(user: &super::account::User) -> Value {
    json!({
        "id": user.id,
        "name": user.name,
        "email": format!("user{}@example.com", user.id),
        "lang": "ru",
        "rights": { "is_admin": user.is_admin, "is_free": false, "is_active": true },
    })
}

fn pipelines(state: &State, request: &Request) -> Answer {
    let rows = state
        .account
        .pipelines
        .iter()
        .enumerate()
        .map(|(sort, pipeline)| {
            let statuses = pipeline.statuses.iter().enumerate().map(|(sort, status)| {
                json!({
                    "id": status.id,
                    "name": status.name,
                    "sort": (sort + 1) * 10,
                    "is_editable": !status.unsorted && !matches!(status.id, 142 | 143),
                    "pipeline_id": pipeline.id,
                    "color": "#99ccff",
                    "type": u8::from(status.unsorted),
                    "account_id": state.account.id,
                })
            });
            json!({
                "id": pipeline.id,
                "name": pipeline.name,
                "sort": sort + 1,
                "is_main": pipeline.is_main,
                "is_unsorted_on": pipeline.is_unsorted_on,
                "is_archive": pipeline.is_archive,
                "account_id": state.account.id,
                "_links": link(request, &format!("/api/v4/leads/pipelines/{}", pipeline.id)),
                "_embedded": { "statuses": statuses.collect::<Value>() },
            })
        });
    lists::whole(request, "pipelines", rows.collect())
}

fn custom_fields(state: &State, request: &Request, entity: Entity) -> Answer {
    let fields = state.account.fields.iter();
    let rows = fields
        .filter(|field| field.entity == entity)
        .enumerate()
        .map(|(sort, field)| {
            let choices = field.choices.iter().enumerate().map(|(sort, choice)| {
                json!({ "id": choice.id, "value": choice.value, "sort": (sort + 1) * 10, "code": null })
            });
            let enums = match field.choices.is_empty() {
                true => Value::Null,
                false => choices.collect(),
            };
            json!({
                "id": field.id,
                "name": field.name,
                "code": field.code,
                "type": field.kind,
                "sort": 500 + sort,
                "entity_type": entity.plural(),
                "is_api_only": false,
                "is_predefined": false,
                "enums": enums,
                "group_id": null,
                "required_statuses": [],
                "account_id": state.account.id,
            })
        });
    lists::paged(request, "custom_fields", rows.collect(), &[], BATCH_LIMIT)
}

/// The objects of a batch, each with the id under which its errors and its result are told.
fn batch(request: &Request, max: usize) -> Result<Vec<(String, &Object)>, Answer> {
    if !request.says_json() {
        return Err(Answer::problem(415));
    }
    let Some(body) = &request.json else {
        return Err(Answer::problem_with(400, "Invalid JSON", json!({})));
    };
    let wrong = || {
        let errors = vec![validate::field_error("InvalidType", "")];
        validate::refusal(vec![("0".to_owned(), errors)])
    };
    let items = body.as_array().ok_or_else(wrong)?;
    if items.is_empty() {
        return Err(Answer::problem_with(
            400,
            "Request data can not be empty",
            json!({}),
        ));
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
fn write(
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
        let mut errors = Check::new(&state.account, &state.book);
        check(&mut errors, item);
        match errors.errors() {
            errors if errors.is_empty() => good.push((id, item)),
            errors => refused.push((id, errors)),
        }
    }
    if !refused.is_empty() && !state.partial_batches {
        return Err(validate::refusal(refused));
    }
    let stored = good
        .into_iter()
        .map(|(id, item)| store(state, &id, item))
        .collect();
    if !refused.is_empty() {
        return Err(validate::refusal(refused));
    }
    Ok(stored)
}

fn embedded(request: &Request, name: &str, rows: Vec<Value>) -> Answer {
    Answer::hal(&json!({
        "_links": link(request, &request.path),
        "_embedded": { name: rows },
    }))
}

fn complex(state: &mut State, request: &Request) -> Outcome {
    let rows = write(
        state,
        request,
        COMPLEX_LIMIT,
        |check, lead| check.lead(lead, Write::Complex),
        store_complex,
    )?;
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
        let statuses = pipeline
            .filter(|pipeline| pipeline.is_unsorted_on)
            .map(|pipeline| &pipeline.statuses);
        let unsorted = statuses
            .into_iter()
            .flatten()
            .find(|status| status.unsorted);
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

/// With duplicate control on: the lead that already has a contact with one of the phones sent.
fn duplicate(state: &State, contact: Option<&Object>) -> Option<(u64, u64)> {
    if !state.duplicate_control {
        return None;
    }
    let fields = fields_from(state, Entity::Contacts, contact?);
    let phones = phones_of(&fields);
    let known = state.book.contacts.iter().find(|known| {
        !known.lead_ids.is_empty() && known.phones.iter().any(|phone| phones.contains(phone))
    })?;
    Some((known.lead_ids[0], known.id))
}

fn text(object: &Object, key: &str) -> String {
    let text = object.get(key).and_then(Value::as_str);
    text.unwrap_or_default().to_owned()
}

fn fields_from(state: &State, entity: Entity, object: &Object) -> Vec<StoredField> {
    let sent = object.get("custom_fields_values").and_then(Value::as_array);
    let stored = sent.into_iter().flatten().filter_map(|item| {
        let id = item["field_id"].as_u64();
        let field = state
            .account
            .field(entity, id, item["field_code"].as_str())?;
        Some(StoredField {
            id: field.id,
            code: field.code.clone(),
            values: item["values"].as_array().cloned().unwrap_or_default(),
        })
    });
    stored.collect()
}

fn phones_of(fields: &[StoredField]) -> Vec<String> {
    let phones = fields
        .iter()
        .filter(|field| field.code.as_deref() == Some("PHONE"));
    phones.flat_map(StoredField::texts).collect()
}

/// The tags of a new entity, which it may list in two places.
fn new_tags(state: &mut State, entity: Entity, object: &Object) -> Vec<String> {
    let added = object.get("tags_to_add").unwrap_or(&Value::Null);
    let embedded = object.get("_embedded").unwrap_or(&Value::Null);
    let mut names = state.book.tag_names(entity, added);
    names.extend(state.book.tag_names(entity, &embedded["tags"]));
    names
}

fn lead_from(state: &mut State, lead: &Object, contact_ids: Vec<u64>) -> StoredLead {
    let number = |key: &str| lead.get(key).and_then(Value::as_u64);
    let now = Utc::now().timestamp();
    let tags = new_tags(state, Entity::Leads, lead);
    let account = &state.account;
    let status = number("status_id");
    let pipeline = match (number("pipeline_id"), status) {
        (Some(id), _) => account.pipelines.iter().find(|pipeline| pipeline.id == id),
        (None, Some(id)) => account
            .pipelines
            .iter()
            .find(|pipeline| pipeline.statuses.iter().any(|status| status.id == id)),
        (None, None) => None,
    }
    .unwrap_or_else(|| account.main_pipeline());
    let first = pipeline.statuses.iter().find(|status| !status.unsorted);
    let created_at = lead
        .get("created_at")
        .and_then(Value::as_i64)
        .unwrap_or(now);
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
        request_id: lead
            .get("request_id")
            .and_then(Value::as_str)
            .map(str::to_owned),
        stored: Instant::now(),
    }
}

fn store_contact(state: &mut State, contact: &Object) -> u64 {
    let now = Utc::now().timestamp();
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
        created_at: contact
            .get("created_at")
            .and_then(Value::as_i64)
            .unwrap_or(now),
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

fn create(state: &mut State, request: &Request, entity: Entity) -> Outcome {
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
                    let mut contacts: Vec<_> = embedded["contacts"]
                        .as_array()
                        .into_iter()
                        .flatten()
                        .collect();
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

fn update(state: &mut State, request: &Request, entity: Entity) -> Outcome {
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

fn update_one(state: &mut State, request: &Request, entity: Entity, id: u64) -> Outcome {
    if !request.says_json() {
        return Err(Answer::problem(415));
    }
    let Some(item) = request.json.as_ref().and_then(Value::as_object) else {
        return Err(Answer::problem_with(
            400,
            "Request data can not be empty",
            json!({}),
        ));
    };
    if !state.book.holds(entity, id) {
        return Err(missing());
    }
    let mut check = Check::new(&state.account, &state.book);
    check_update(&mut check, item, entity);
    let errors = check.errors();
    if !errors.is_empty() {
        return Err(validate::refusal(vec![("0".to_owned(), errors)]));
    }
    Ok(Answer::hal(&apply_update(state, request, entity, id, item)))
}

/// The answer to a write on an entity that is not there; unconfirmed.
fn missing() -> Answer {
    Answer::problem_with(404, "Entity not found", json!({}))
}

fn apply_update(
    state: &mut State,
    request: &Request,
    entity: Entity,
    id: u64,
    item: &Object,
) -> Value {
    let now = Utc::now().timestamp();
    let fields = fields_from(state, entity, item);
    let added = state
        .book
        .tag_names(entity, item.get("tags_to_add").unwrap_or(&Value::Null));
    let dropped = state
        .book
        .tag_names(entity, item.get("tags_to_delete").unwrap_or(&Value::Null));
    let whole_set = item
        .get("_embedded")
        .and_then(|embedded| embedded.get("tags"));
    let replaced = whole_set.map(|tags| state.book.tag_names(entity, tags));
    let number = |key: &str| item.get(key).and_then(Value::as_u64);
    let (tags, custom_fields, updated_at) = match entity {
        Entity::Leads => {
            let mut leads = state.book.leads.iter_mut();
            let Some(lead) = leads.find(|lead| lead.id == id) else {
                return Value::Null;
            };
            if item.contains_key("name") {
                lead.name = text(item, "name");
            }
            lead.price = item
                .get("price")
                .and_then(Value::as_i64)
                .unwrap_or(lead.price);
            lead.status_id = number("status_id").unwrap_or(lead.status_id);
            lead.pipeline_id = number("pipeline_id").unwrap_or(lead.pipeline_id);
            lead.responsible_user_id =
                number("responsible_user_id").unwrap_or(lead.responsible_user_id);
            (
                &mut lead.tags,
                &mut lead.custom_fields,
                &mut lead.updated_at,
            )
        }
        Entity::Contacts => {
            let mut contacts = state.book.contacts.iter_mut();
            let Some(contact) = contacts.find(|contact| contact.id == id) else {
                return Value::Null;
            };
            for (key, name) in [
                ("first_name", &mut contact.first_name),
                ("last_name", &mut contact.last_name),
                ("name", &mut contact.name),
            ] {
                if item.contains_key(key) {
                    *name = text(item, key);
                }
            }
            if !item.contains_key("name")
                && (item.contains_key("first_name") || item.contains_key("last_name"))
            {
                contact.name = full_name("", &contact.first_name, &contact.last_name);
            }
            contact.responsible_user_id =
                number("responsible_user_id").unwrap_or(contact.responsible_user_id);
            if fields
                .iter()
                .any(|field| field.code.as_deref() == Some("PHONE"))
            {
                contact.phones = phones_of(&fields);
            }
            (
                &mut contact.tags,
                &mut contact.custom_fields,
                &mut contact.updated_at,
            )
        }
    };
    *updated_at = now;
    if let Some(replaced) = replaced {
        *tags = replaced;
    }
    tags.retain(|tag| !dropped.contains(tag) && !added.contains(tag));
    tags.extend(added);
    // A field that is sent is replaced as a whole; the others stay.
    custom_fields.retain(|old| !fields.iter().any(|new| new.id == old.id));
    custom_fields.extend(fields.into_iter().filter(|field| !field.values.is_empty()));
    json!({
        "id": id,
        "updated_at": now,
        "_links": link(request, &format!("/api/v4/{}/{id}", entity.plural())),
    })
}

fn one(state: &State, request: &Request, entity: Entity, id: u64) -> Answer {
    let row = match entity {
        Entity::Leads => state
            .book
            .lead(id)
            .map(|lead| lists::lead_row(state, request, lead)),
        Entity::Contacts => state
            .book
            .contact(id)
            .map(|contact| lists::contact_row(state, request, contact)),
    };
    row.map_or_else(|| Answer::empty(204), |row| Answer::hal(&row))
}

fn make_notes(state: &mut State, request: &Request, entity: Entity, of: Option<u64>) -> Outcome {
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
                created_at: Utc::now().timestamp(),
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

fn attach(state: &mut State, request: &Request, id: u64) -> Outcome {
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

fn link_row(lead: u64, contact: u64, is_main: bool) -> Value {
    json!({
        "entity_id": lead,
        "entity_type": "leads",
        "to_entity_id": contact,
        "to_entity_type": "contacts",
        "metadata": { "is_main": is_main },
    })
}

fn links(state: &State, request: &Request, id: u64) -> Outcome {
    let lead = state.book.lead(id).ok_or_else(missing)?;
    let rows = lead
        .contact_ids
        .iter()
        .map(|contact| link_row(id, *contact, Some(*contact) == lead.contact_id));
    Ok(lists::whole(request, "links", rows.collect()))
}

fn make_tags(state: &mut State, request: &Request, entity: Entity) -> Outcome {
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

fn make_custom_fields(state: &mut State, request: &Request, entity: Entity) -> Outcome {
    admins_only(state)?;
    for (_, field) in batch(request, BATCH_LIMIT)? {
        let code = field.get("code").and_then(Value::as_str);
        if code.is_some() && state.account.field(entity, None, code).is_some() {
            return Err(Answer::problem_with(
                422,
                "Field code already exists",
                json!({}),
            ));
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
                field.choices.push(super::account::Choice {
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
