//! The calls the rest of the house makes to amoCRM.
//!
//! **Promise.** Every call is classified ([`super::classify`]) and passes the one rate limit; a 401 is answered with
//! another token and the call repeated, which is safe because a 401 does nothing; a create is `Ok` only when every
//! expected id could be read.

use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use chrono::{DateTime, Utc};
use reqwest::Method;
use serde_json::{Value, json};
use tracing::warn;

use super::address::AccountAddress;
use super::classify::{Kind, Outcome, classify};
use super::degrade::{Degraded, degrade};
use super::error::{CrmError, RejectedField};
use super::hal::{embedded, id, is_last_page, listed};
use super::lead_fields::{self, Lacking, Listed};
use super::omitted::SentParts;
use super::payload::{NewLead, lead_json, sent_parts};
use super::tokens::{Authorization, TokenKeeper, TokenPolicy, TokenStorage};
use super::transport::{HttpLimits, Request, SendError, Transport};
use crate::clock::{self, Clock, Millis};
use crate::config::AmocrmSettings;
use crate::lead::{Lead, LeadNumber, Utm, one_line};

/// amoCRM takes 50 leads in one `POST /leads/complex`.
pub const MAX_BATCH: usize = 50;
/// amoCRM takes 250 notes in one request.
pub const MOST_NOTES: usize = 250;
/// A call is tried with at most this many tokens: one for each place they come from, and a new one.
const MOST_TOKENS: usize = 4;

/// The account the token belongs to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Account {
    /// Its id.
    pub id: i64,
    /// Its name.
    pub name: String,
    /// Such as `acme`.
    pub subdomain: String,
    /// The user behind the token.
    pub current_user_id: Option<i64>,
}

/// A pipeline with its statuses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pipeline {
    /// Its id (`AMOCRM_PIPELINE_ID`).
    pub id: i64,
    /// Its name.
    pub name: String,
    /// Whether leads go here when no pipeline is named.
    pub is_main: bool,
    /// Its statuses: id (`AMOCRM_STATUS_ID`) and name, without the "unsorted" one, which takes no leads.
    pub statuses: Vec<(i64, String)>,
}

/// A lead that was created.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CreatedLead {
    /// Our number of it.
    pub number: LeadNumber,
    /// Its id in amoCRM.
    pub lead_id: i64,
    /// The contact's id, new or found.
    pub contact_id: Option<i64>,
    /// amoCRM's duplicate control took it for one that was there already.
    pub merged: bool,
}

/// A note about to be written.
#[derive(Debug, Clone)]
pub struct NewNote {
    /// The lead's id in amoCRM.
    pub lead_id: i64,
    /// Our number of the lead.
    pub number: LeadNumber,
    /// Plain text.
    pub text: String,
}

/// One amoCRM account; clones share tokens, rate limit and connections.
#[derive(Debug, Clone)]
pub struct Crm {
    pub(super) inner: Arc<Inner>,
}

#[derive(Debug)]
pub(super) struct Inner {
    settings: AmocrmSettings,
    /// The settings with what is known of the fields that they name.
    in_force: Mutex<InForce>,
    clock: Clock,
    pub(super) address: Arc<AccountAddress>,
    pub(super) transport: Transport,
    pub(super) tokens: TokenKeeper,
}

#[derive(Debug)]
struct InForce {
    settings: Arc<AmocrmSettings>,
    /// When the account's fields are to be listed again.
    list_at: Millis,
    /// The UTM marks that the settings or any lead so far have.
    marks: BTreeSet<Utm>,
}

/// So often the account's fields are listed where the form names any, and so soon after a try that failed.
const LIST_EVERY: Duration = Duration::from_secs(3600);
const LIST_AGAIN: Duration = Duration::from_secs(300);
/// amoCRM gives at most 250 fields on a page; no account has more than some hundreds.
const FIELDS_PAGE: usize = 250;
const MOST_FIELD_PAGES: usize = 10;

/// Names that people gave things in amoCRM, for a line of a terminal or a message.
fn line(name: &str) -> String {
    one_line(name, 200)
}

impl Crm {
    /// Sets up the account with its tokens in this storage. Sends nothing; needs a running tokio runtime.
    pub fn new(
        settings: AmocrmSettings,
        storage: TokenStorage,
        clock: Clock,
        limits: HttpLimits,
        policy: TokenPolicy,
    ) -> Result<Self, CrmError> {
        let transport = Transport::new(settings.requests_per_second, limits)
            .map_err(|cause| CrmError::Unavailable { cause, request_id: None })?;
        let address = Arc::new(AccountAddress::new(&settings));
        let tokens = TokenKeeper::new(&settings, storage, address.clone(), transport.clone(), clock, policy);
        let marks = settings.sources.all().iter().flat_map(|source| source.utm.keys().copied()).collect();
        let in_force = Mutex::new(InForce { settings: Arc::new(settings.clone()), list_at: 0, marks });
        Ok(Self { inner: Arc::new(Inner { settings, in_force, clock, address, transport, tokens }) })
    }

    /// The keeper of this account's tokens.
    pub fn tokens(&self) -> &TokenKeeper {
        &self.inner.tokens
    }

    /// How a person gives the bot new tokens.
    pub fn authorization(&self) -> Authorization {
        self.inner.tokens.authorization()
    }

    /// Now, by this machine's calendar.
    pub(super) fn now(&self) -> DateTime<Utc> {
        clock::date(self.inner.clock.now())
    }

    /// The account's settings.
    pub fn settings(&self) -> &AmocrmSettings {
        &self.inner.settings
    }

    /// The settings with what is known of the fields that the form names.
    pub fn in_force(&self) -> Arc<AmocrmSettings> {
        self.inner.in_force.lock().unwrap_or_else(PoisonError::into_inner).settings.clone()
    }

    /// Lists the account's fields where the form, a source or one of these leads names any and that was not done within the
    /// hour; what the account lacks of them. `None` where nothing new is known: leads are made all the same.
    pub async fn look_at_fields(&self, leads: impl Iterator<Item = &Lead> + Send) -> Option<Lacking> {
        let Inner { settings, in_force, clock, .. } = &*self.inner;
        let marks: BTreeSet<Utm> =
            leads.flat_map(|lead| &lead.source).flat_map(|source| source.utm.keys().copied()).collect();
        {
            let mut in_force = in_force.lock().unwrap_or_else(PoisonError::into_inner);
            let is_new = !marks.is_subset(&in_force.marks);
            in_force.marks.extend(marks);
            if settings.answer_fields.is_empty() && in_force.marks.is_empty() {
                return None;
            }
            if in_force.list_at > clock.now() {
                return is_new.then(|| lead_fields::lacking(&in_force.settings, &in_force.marks));
            }
            in_force.list_at = clock.now() + clock.millis(LIST_AGAIN);
        }
        let listed = match self.lead_fields().await {
            Ok(listed) => listed,
            Err(error) => {
                warn!(%error, "the account's fields cannot be listed; answers go into the note until they can");
                return None;
            }
        };
        let answer_fields = lead_fields::resolved(&settings.answer_fields, &listed);
        let utm_fields = lead_fields::resolved(&settings.utm_fields, &listed);
        let mut in_force = in_force.lock().unwrap_or_else(PoisonError::into_inner);
        in_force.list_at = clock.now() + clock.millis(LIST_EVERY);
        in_force.settings = Arc::new(AmocrmSettings { answer_fields, utm_fields, ..settings.clone() });
        Some(lead_fields::lacking(&in_force.settings, &in_force.marks))
    }

    async fn lead_fields(&self) -> Result<Vec<Listed>, CrmError> {
        let mut all = Vec::new();
        for page in 1..=MOST_FIELD_PAGES {
            let query = [("limit", FIELDS_PAGE.to_string()), ("page", page.to_string())];
            let answer = self.get("/api/v4/leads/custom_fields", &query).await?;
            let rows = listed(&answer, "custom_fields")?.len();
            all.extend(lead_fields::read(&answer));
            if is_last_page(&answer, rows, FIELDS_PAGE) {
                break;
            }
        }
        Ok(all)
    }

    /// The account; the cheapest way to try a token.
    pub async fn account(&self) -> Result<Account, CrmError> {
        let body = self.get("/api/v4/account", &[]).await?;
        let text = |key: &str| body.get(key).and_then(Value::as_str).map_or_else(String::new, line);
        let Some(account_id) = id(body.get("id")) else {
            return Err(unreadable("account"));
        };
        let current_user_id = id(body.get("current_user_id"));
        Ok(Account { id: account_id, name: text("name"), subdomain: text("subdomain"), current_user_id })
    }

    /// The account's pipelines with their statuses.
    pub async fn pipelines(&self) -> Result<Vec<Pipeline>, CrmError> {
        let body = self.get("/api/v4/leads/pipelines", &[]).await?;
        let name = |value: &Value| value.get("name").and_then(Value::as_str).map_or_else(String::new, line);
        let flag = |value: &Value, key: &str| value.get(key).and_then(Value::as_bool) == Some(true);
        let status = |status: &Value| {
            let unsorted = status.get("type").and_then(Value::as_i64) == Some(1);
            id(status.get("id")).filter(|_| !unsorted).map(|id| (id, name(status)))
        };
        let pipelines = embedded(&body, "pipelines").iter().filter(|pipeline| !flag(pipeline, "is_archive"));
        Ok(pipelines
            .filter_map(|pipeline| {
                Some(Pipeline {
                    id: id(pipeline.get("id"))?,
                    name: name(pipeline),
                    is_main: flag(pipeline, "is_main"),
                    statuses: embedded(pipeline, "statuses").iter().filter_map(status).collect(),
                })
            })
            .collect())
    }

    /// Creates leads with their contacts, at most 50 in one request; `Ok` holds one for each, in the same order.
    pub async fn create_leads(&self, leads: &[NewLead<'_>]) -> Result<Vec<CreatedLead>, CrmError> {
        debug_assert!(leads.len() <= MAX_BATCH, "amoCRM refuses more than {MAX_BATCH} leads");
        if leads.is_empty() {
            return Ok(Vec::new());
        }
        let settings = self.in_force();
        let numbers: Vec<&str> = leads.iter().map(|new| new.lead.number.as_str()).collect();
        let body = leads.iter().map(|new| lead_json(new, &settings)).collect();
        let answer = self.post("/api/v4/leads/complex", &body, &numbers).await?;
        // Bare by the documentation; the other form is what the rest of the API does.
        let rows = answer.as_array().map(Vec::as_slice).unwrap_or_else(|| embedded(&answer, "leads"));
        let created = |(new, row): (&NewLead<'_>, Option<&Value>)| {
            Some(CreatedLead {
                number: new.lead.number.clone(),
                lead_id: id(row?.get("id"))?,
                contact_id: id(row?.get("contact_id")),
                merged: row?.get("merged").and_then(Value::as_bool) == Some(true),
            })
        };
        let rows = match_rows(rows, &numbers);
        leads.iter().zip(rows).map(created).collect::<Option<Vec<_>>>().ok_or_else(unclear)
    }

    /// What to leave out of a lead after [`CrmError::Rejected`]; `None` when nothing can be given up for these fields.
    pub fn degrade(&self, new: &NewLead<'_>, refused: &[RejectedField]) -> Option<Degraded> {
        degrade(new, &self.in_force(), refused)
    }

    /// What of a lead is sent that amoCRM may refuse of another one.
    pub fn parts_of(&self, new: &NewLead<'_>) -> SentParts {
        sent_parts(new, &self.in_force())
    }

    /// The texts of a lead's notes; nearly always one.
    pub fn notes_of(&self, new: &NewLead<'_>) -> Vec<String> {
        super::note::notes(new.lead, &self.in_force(), &new.degradation)
    }

    /// Writes notes under leads, at most 250 in one request; `Ok` holds the id of each, in the same order.
    pub async fn add_notes(&self, notes: &[NewNote]) -> Result<Vec<i64>, CrmError> {
        debug_assert!(notes.len() <= MOST_NOTES, "amoCRM refuses more than {MOST_NOTES} notes");
        if notes.is_empty() {
            return Ok(Vec::new());
        }
        // A lead may have several notes, so its number alone would not tell them apart.
        let ids: Vec<String> = notes.iter().enumerate().map(|(at, note)| format!("{}-{at}", note.number)).collect();
        let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
        let json = |(note, request_id): (&NewNote, &&str)| json!({"entity_id": note.lead_id, "note_type": "common", "params": {"text": note.text}, "request_id": request_id});
        let body = notes.iter().zip(&ids).map(json).collect();
        let answer = self.post("/api/v4/leads/notes", &body, &ids).await?;
        let rows = match_rows(embedded(&answer, "notes"), &ids);
        rows.into_iter().map(|row| id(row?.get("id"))).collect::<Option<Vec<_>>>().ok_or_else(unclear)
    }

    pub(super) async fn get(&self, path: &str, query: &[(&str, String)]) -> Result<Value, CrmError> {
        self.call(Kind::Read, Method::GET, path, query, None).await
    }

    /// Writes; of a refusal it tells which of `request_ids` each field belongs to.
    pub(super) async fn post(&self, path: &str, body: &Value, request_ids: &[&str]) -> Result<Value, CrmError> {
        let mut result = self.call(Kind::Write, Method::POST, path, &[], Some(body)).await;
        if let Err(CrmError::Rejected { fields, .. }) = &mut result {
            for field in fields {
                let known = |id: &String| request_ids.iter().position(|known| known == id);
                let only = (request_ids.len() == 1).then_some(0);
                field.index = field.request_id.as_ref().and_then(known).or(field.index).or(only);
            }
        }
        result
    }

    pub(super) async fn call(
        &self,
        kind: Kind,
        method: Method,
        path: &str,
        query: &[(&str, String)],
        body: Option<&Value>,
    ) -> Result<Value, CrmError> {
        let Inner { address, transport, tokens, .. } = &*self.inner;
        let mut token = tokens.access().await.map_err(CrmError::no_access)?;
        for _ in 0..MOST_TOKENS {
            let request = Request {
                method: method.clone(),
                base: &address.base(),
                path,
                query,
                bearer: Some(&token.token),
                refresh_token: None,
                body,
                timeout: transport.limits().request,
            };
            let answer = transport.send(request).await.map_err(|error| send_failed(kind, error))?;
            match classify(kind, &answer) {
                Outcome::Unauthorized => {
                    token = tokens.access_after_rejection(&token).await.map_err(CrmError::no_access)?;
                }
                Outcome::Failed(CrmError::Throttled { retry_after }) => {
                    let pause = transport.limiter().throttled(retry_after);
                    return Err(CrmError::Throttled { retry_after: Some(pause) });
                }
                Outcome::Failed(error @ (CrmError::WrongAddress { .. } | CrmError::NotFound { .. })) => {
                    let Some(host) = tokens.authorization().find_host().await else { return Err(error) };
                    let detail = format!("the account has moved to {host}; set AMOCRM_SUBDOMAIN to it");
                    return Err(CrmError::WrongAddress { detail, request_id: answer.request_id });
                }
                Outcome::Failed(error) => {
                    transport.limiter().calm();
                    return Err(error);
                }
                Outcome::Done(value) => {
                    transport.limiter().calm();
                    tokens.mark_accepted(&token);
                    return Ok(value);
                }
            }
        }
        Err(CrmError::Unavailable { cause: "amoCRM refuses one token after another".into(), request_id: None })
    }
}

pub(super) fn send_failed(kind: Kind, error: SendError) -> CrmError {
    match error {
        SendError::Frozen(pause) => CrmError::Throttled { retry_after: Some(pause) },
        SendError::MaybeSent(cause) if kind == Kind::Write => {
            CrmError::Ambiguous { cause, answered: false, request_id: None }
        }
        SendError::NotSent(cause) | SendError::MaybeSent(cause) => CrmError::Unavailable { cause, request_id: None },
    }
}

/// For each `request_id` its row: by the echoed id, or by position when none is echoed.
pub(super) fn match_rows<'a>(rows: &'a [Value], request_ids: &[&str]) -> Vec<Option<&'a Value>> {
    let echoes = |row: &Value, wanted: &str| match row.get("request_id") {
        Some(Value::Array(ids)) => ids.iter().any(|id| id.as_str() == Some(wanted)),
        Some(Value::String(id)) => id == wanted,
        _ => false,
    };
    let known = |row: &Value| request_ids.iter().any(|id| echoes(row, id));
    let by_position = rows.len() == request_ids.len() && !rows.iter().any(known);
    let row = |(at, wanted): (usize, &&str)| {
        rows.iter().find(|row| echoes(row, wanted)).or_else(|| by_position.then(|| rows.get(at)).flatten())
    };
    request_ids.iter().enumerate().map(row).collect()
}

/// A success whose ids cannot all be read: something was created, and has to be looked up.
pub(super) fn unclear() -> CrmError {
    CrmError::Ambiguous {
        cause: "the answer lacks the ids of what was created".into(),
        answered: false,
        request_id: None,
    }
}

pub(super) fn unreadable(what: &str) -> CrmError {
    CrmError::Unavailable { cause: format!("the answer about the {what} cannot be read"), request_id: None }
}
