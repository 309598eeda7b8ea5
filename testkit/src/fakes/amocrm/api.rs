//! The routes: which request reads or changes what.

use serde_json::{Value, json};

use super::CrmEvent;
use super::account::{Entity, User};
use super::attachments::{attach, link_row, make_custom_fields, make_notes, make_tags};
use super::drive;
use super::lists::{self, link};
use super::request::Request;
use super::server::State;
use super::tasks::{make_tasks, tasks};
use super::updates::{update, update_one};
use super::validate::Object;
use super::wire::Answer;
use super::writes::{BATCH_LIMIT, complex, create};

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
            "GET" => {
                state.oauth.subdomain(request.header("x-refresh-token"), state.account.id, &state.account.subdomain)
            }
            _ => wrong_method(),
        },
        ["api", "v4", path @ ..] => {
            if !state.oauth.lets_in(request.bearer.as_deref()) {
                return Answer::problem(401);
            }
            api(state, request, method, path).unwrap_or_else(|refusal| refusal)
        }
        ["v1.0", path @ ..] => {
            if !state.oauth.lets_in(request.bearer.as_deref()) {
                return Answer::problem(401);
            }
            drive::route(state, request, method, path).unwrap_or_else(|refusal| refusal)
        }
        _ => not_found(request),
    }
}

/// An answer, or the refusal that came first.
pub(super) type Outcome = Result<Answer, Answer>;

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
        ["tasks"] if get => Ok(tasks(state, request)),
        ["tasks"] if post => make_tasks(state, request),
        ["leads", "complex"] if post => complex(state, request),
        ["account" | "users" | "events" | "tasks"] | ["users", _] | ["leads", "pipelines" | "complex"] => {
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
        state.book.tell(CrmEvent::TokensRefreshed);
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
        ("drive_url", state.drive.url(&request.base)),
    ];
    for (name, value) in extras {
        if request.wants(name) {
            body[name] = value;
        }
    }
    Answer::hal(&body)
}

pub(super) fn admins_only(state: &State) -> Result<(), Answer> {
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
    user.map(|user| Answer::hal(&user_row(user))).ok_or_else(|| not_found(request))
}

fn user_row(user: &User) -> Value {
    json!({
        "id": user.id,
        "name": user.name,
        "email": format!("user{}@example.com", user.id),
        "lang": "ru",
        "rights": { "is_admin": user.is_admin, "is_free": false, "is_active": true },
    })
}

fn pipelines(state: &State, request: &Request) -> Answer {
    let rows = state.account.pipelines.iter().enumerate().map(|(sort, pipeline)| {
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
    let rows = fields.filter(|field| field.entity == entity).enumerate().map(|(sort, field)| {
        let choices = field.choices.iter().enumerate().map(
            |(sort, choice)| json!({ "id": choice.id, "value": choice.value, "sort": (sort + 1) * 10, "code": null }),
        );
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

fn one(state: &State, request: &Request, entity: Entity, id: u64) -> Answer {
    let row = match entity {
        Entity::Leads => {
            let trashed = || state.book.trash.iter().find(|lead| lead.id == id);
            let row = state.book.lead(id).map(|lead| lists::lead_row(state, request, lead));
            row.or_else(|| trashed().map(|lead| lists::trashed_row(state, request, lead)))
        }
        Entity::Contacts => state.book.contact(id).map(|contact| lists::contact_row(state, request, contact)),
    };
    row.map_or_else(|| Answer::empty(204), |row| Answer::hal(&row))
}

fn links(state: &State, request: &Request, id: u64) -> Outcome {
    let lead = state.book.lead(id).ok_or_else(missing)?;
    let rows = lead.contact_ids.iter().map(|contact| link_row(id, *contact, Some(*contact) == lead.contact_id));
    Ok(lists::whole(request, "links", rows.collect()))
}

/// The answer to a write on an entity that is not there; unconfirmed.
pub(super) fn missing() -> Answer {
    Answer::problem_with(404, "Entity not found", json!({}))
}
