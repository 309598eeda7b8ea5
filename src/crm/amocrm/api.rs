//! The calls the rest of the house makes to amoCRM.
//!
//! **Promise.** Every call is classified ([`super::classify`]) and passes the one rate limit; a 401 is answered with
//! another token and the call repeated, which is safe because a 401 does nothing; a create is `Ok` only when every
//! expected id could be read.

use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex, PoisonError},
};

use chrono::{DateTime, Utc};
use reqwest::Method;
use serde_json::{Value, json};

use super::address::AccountAddress;
use super::classify::{Kind, Outcome, classify};
use super::degrade::{Degraded, degrade};
use super::error::{CrmError, RejectedField};
use super::hal::{embedded, id, is_last_page, listed};
use super::omitted::SentParts;
use super::payload::{NewLead, lead_json, sent_parts};
use super::tokens::{Authorization, TokenKeeper, TokenPolicy, TokenStorage};
use super::transport::{HttpLimits, Request, SendError, Transport};
use crate::clock::{self, Clock, Millis};
use crate::config::AmocrmSettings;
use crate::lead::{LeadNumber, Utm};

/// amoCRM takes 50 leads in one `POST /leads/complex`.
pub const MAX_BATCH: usize = 50;
/// amoCRM takes 250 notes in one request.
pub const MOST_NOTES: usize = 250;
/// amoCRM gives at most 250 rows on a page.
const MOST_ROWS: usize = 250;
/// A call is tried with at most this many tokens: one for each place they come from, and a new one.
const MOST_TOKENS: usize = 4;

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
    pub(super) settings: AmocrmSettings,
    /// The settings with what is known of the fields that they name.
    pub(super) in_force: Mutex<InForce>,
    pub(super) clock: Clock,
    pub(super) address: Arc<AccountAddress>,
    pub(super) transport: Transport,
    pub(super) tokens: TokenKeeper,
}

#[derive(Debug)]
pub(super) struct InForce {
    pub(super) settings: Arc<AmocrmSettings>,
    /// When the account's fields are to be listed again.
    pub(super) list_at: Millis,
    /// The UTM marks that the settings or any lead so far have.
    pub(super) marks: BTreeSet<Utm>,
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

    /// The rows of a list that are read as something, page after page; of a list that goes on and on the first pages.
    pub(super) async fn rows<T>(
        &self,
        path: &str,
        name: &str,
        query: &[(&str, String)],
        most_pages: usize,
        read: impl Fn(&Value) -> Option<T>,
    ) -> Result<Vec<T>, CrmError> {
        let mut all = Vec::new();
        for page in 1..=most_pages {
            let pages = [("limit", MOST_ROWS.to_string()), ("page", page.to_string())];
            let query: Vec<_> = query.iter().cloned().chain(pages).collect();
            let answer = self.get(path, &query).await?;
            let rows = listed(&answer, name)?;
            all.extend(rows.iter().filter_map(&read));
            if is_last_page(&answer, rows.len(), MOST_ROWS) {
                break;
            }
        }
        Ok(all)
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
