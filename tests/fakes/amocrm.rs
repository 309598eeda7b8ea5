//! A strict stand-in for amoCRM: it keeps what it is given, refuses what the real one is known to refuse,
//! and fails in every way the real one, or the network before it, is known to fail.
//!
//! What it imitates is written down in the facts about the API; where they are unsure it takes the reading that is
//! harder for the client. A request passes, in this order: the log, the block and the rate limit, the
//! outage, the faults that were set, the token, the route. Whatever changes wakes the `wait_for_…` functions.

#![allow(dead_code)]

pub mod account;
mod api;
mod contract;
pub mod faults;
mod lists;
pub mod oauth;
mod rate;
mod validate;
mod wire;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use axum::Router;
use axum::extract::{ConnectInfo, State as Shelf};
use chrono::{DateTime, Utc};
use serde_json::{Value, json};
use tokio::net::{TcpListener, TcpSocket};
use tokio::sync::{Notify, broadcast};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use account::{Book, StoredNote};
use contract::Contract;
use faults::Faults;
use lists::Latency;
use oauth::{Moved, Oauth};
use rate::Rate;
use wire::{Answer, Connection, CuttableListener};

pub use account::{Account, Entity, Field, Pipeline, StoredContact, StoredField, StoredLead, User};
pub use faults::{Fault, FaultId, On, Throttle, Times};
pub use oauth::ReusePolicy;

/// The biggest body the fake reads.
const BODY_LIMIT: usize = 16 * 1024 * 1024;

/// Connections that may wait to be accepted.
const BACKLOG: u32 = 1024;

/// Something that happened in the CRM.
#[derive(Debug, Clone)]
pub enum CrmEvent {
    /// A lead was made.
    LeadAdded(StoredLead),
    /// A contact was made.
    ContactAdded(StoredContact),
    /// A note was put on a lead.
    NoteAdded {
        /// The lead.
        lead_id: u64,
        /// The text.
        text: String,
    },
    /// A pair of tokens was exchanged for a new one.
    TokensRefreshed,
    /// The CRM stopped answering.
    WentDown,
    /// The CRM answers again.
    CameBack,
}

/// One request as it was received, and how it was answered.
#[derive(Debug, Clone)]
pub struct Request {
    /// The method in capitals.
    pub method: String,
    /// The path, without the query.
    pub path: String,
    /// The query, decoded.
    pub params: Vec<(String, String)>,
    /// When it came.
    pub at: DateTime<Utc>,
    /// The access token it carried.
    pub bearer: Option<String>,
    /// Its headers, names in lower case.
    pub headers: Vec<(String, String)>,
    /// Its body, if that was JSON or a form.
    pub json: Option<Value>,
    /// The status it was answered with; none while it is open and when it never got an answer.
    pub status: Option<u16>,
    /// The fault that struck it.
    pub fault: Option<Fault>,
    base: String,
}

impl Request {
    /// The path with the query as a person reads it.
    pub fn path_and_query(&self) -> String {
        if self.params.is_empty() {
            return self.path.clone();
        }
        let pairs = self
            .params
            .iter()
            .map(|(key, value)| format!("{key}={value}"));
        format!("{}?{}", self.path, pairs.collect::<Vec<_>>().join("&"))
    }

    /// The first parameter of this name.
    pub fn param(&self, name: &str) -> Option<&str> {
        let mut params = self.params.iter();
        params
            .find(|(key, _)| key == name)
            .map(|(_, value)| value.as_str())
    }

    /// The first header of this name, given in lower case.
    pub fn header(&self, name: &str) -> Option<&str> {
        let mut headers = self.headers.iter();
        headers
            .find(|(key, _)| key == name)
            .map(|(_, value)| value.as_str())
    }

    /// Whether the decoded query or the body contains this text.
    pub fn contains(&self, text: &str) -> bool {
        self.params.iter().any(|(_, value)| value.contains(text))
            || self
                .json
                .as_ref()
                .is_some_and(|json| holds_text(json, text))
    }

    fn wants(&self, extra: &str) -> bool {
        self.param("with")
            .is_some_and(|with| with.split(',').any(|name| name == extra))
    }

    fn says_json(&self) -> bool {
        let kind = self.header("content-type").unwrap_or_default();
        kind.split(';')
            .next()
            .is_some_and(|kind| kind.trim() == "application/json")
    }

    async fn receive(request: axum::extract::Request, base: &str) -> Self {
        let (head, body) = request.into_parts();
        let body = axum::body::to_bytes(body, BODY_LIMIT)
            .await
            .unwrap_or_default();
        let pairs = |bytes: &[u8]| {
            url::form_urlencoded::parse(bytes)
                .into_owned()
                .collect::<Vec<_>>()
        };
        let headers: Vec<(String, String)> = head
            .headers
            .iter()
            .map(|(name, value)| {
                let value = String::from_utf8_lossy(value.as_bytes()).into_owned();
                (name.as_str().to_owned(), value)
            })
            .collect();
        let mut request = Request {
            method: head.method.to_string(),
            path: head.uri.path().to_owned(),
            params: pairs(head.uri.query().unwrap_or_default().as_bytes()),
            at: Utc::now(),
            bearer: None,
            headers,
            json: serde_json::from_slice(&body).ok(),
            status: None,
            fault: None,
            base: base.to_owned(),
        };
        let bearer = request
            .header("authorization")
            .and_then(|value| value.strip_prefix("Bearer "));
        request.bearer = bearer.map(str::to_owned);
        if request.header("content-type") == Some("application/x-www-form-urlencoded") {
            let form = pairs(&body);
            request.json = Some(form.into_iter().map(|(k, v)| (k, json!(v))).collect());
        }
        request
    }
}

fn holds_text(json: &Value, text: &str) -> bool {
    match json {
        Value::String(value) => value.contains(text),
        Value::Array(items) => items.iter().any(|item| holds_text(item, text)),
        Value::Object(members) => members.values().any(|item| holds_text(item, text)),
        Value::Number(number) => number.to_string().contains(text),
        Value::Bool(_) | Value::Null => false,
    }
}

/// Everything the fake knows.
struct State {
    account: Account,
    book: Book,
    oauth: Oauth,
    rate: Rate,
    faults: Faults,
    latency: Latency,
    filters_on: bool,
    partial_batches: bool,
    duplicate_control: bool,
    down: bool,
    log: Vec<Request>,
}

impl State {
    /// Logs a request and says what stands in its way: an answer without effect, or a fault.
    fn admit(&mut self, mut request: Request) -> (usize, Result<Option<Fault>, Answer>) {
        if request.path == "/oauth2/access_token"
            && let Some(Value::Object(form)) = &request.json
        {
            self.oauth.count_presented(form);
        }
        let verdict = match self.rate.arrive() {
            Some(refusal) => Err(refusal),
            None if self.down => Err(Answer::html(503)),
            None => Ok(self.faults.strike(&request)),
        };
        if let Ok(fault) = &verdict {
            request.fault.clone_from(fault);
        }
        self.log.push(request);
        (self.log.len() - 1, verdict)
    }
}

struct Shared {
    state: Mutex<State>,
    changed: Notify,
    base: String,
    port: u16,
    serving: tokio::sync::Mutex<Serving>,
}

enum Serving {
    Up {
        connections: CancellationToken,
        task: JoinHandle<()>,
    },
    /// The port is held without listening, so that nobody else gets it and connecting is refused.
    Down(TcpSocket),
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Does what the request asks.
    fn apply(&self, request: &Request) -> Answer {
        let answer = api::route(&mut self.state(), request);
        self.changed.notify_waiters();
        answer
    }

    async fn serve(self: Arc<Self>, connection: Connection, request: Request) -> Answer {
        let (seq, verdict) = self.state().admit(request.clone());
        self.changed.notify_waiters();
        let answer = match verdict {
            Err(refusal) => Some(refusal),
            Ok(None) => Some(self.apply(&request)),
            Ok(Some(fault)) => self.fail(fault, &request).await,
        };
        if let Some(answer) = answer {
            self.state().log[seq].status = Some(answer.status);
            self.changed.notify_waiters();
            return answer;
        }
        connection.cut();
        Answer::empty(500)
    }

    /// Fails in the way of the fault; no answer means that the connection is cut.
    async fn fail(self: &Arc<Self>, fault: Fault, request: &Request) -> Option<Answer> {
        let oauth = request.path.starts_with("/oauth2");
        let apply = || self.apply(request);
        let answer = match fault {
            Fault::Status(status @ (400 | 401)) if oauth => {
                Answer::oauth_problem(status, status, "Token has been revoked")
            }
            Fault::Status(status) => Answer::problem(status),
            Fault::Html(status) => Answer::html(status),
            Fault::TooManyRequests(throttle) => rate::throttled(throttle),
            Fault::Unauthorized if oauth => {
                Answer::oauth_problem(401, 401, "Token has been revoked")
            }
            Fault::Unauthorized => Answer::problem(401),
            Fault::OauthProblem { status, hint } => Answer::oauth_problem(status, status, &hint),
            Fault::Redirect(status) => {
                let target = format!("{}/moved{}", request.base, request.path);
                Answer::html(status).header("location", target)
            }
            Fault::Validation { path, code } => validation(request, &path, &code),
            Fault::GarbageNoEffect => Answer::text("<!doctype html><p>ok"),
            Fault::Hang => std::future::pending().await,
            Fault::CutBefore => return None,
            Fault::HangAfter => {
                apply();
                std::future::pending().await
            }
            Fault::CutAfter => {
                apply();
                return None;
            }
            Fault::StoreThen(status) => {
                apply();
                match status {
                    500 => Answer::problem(500),
                    status => Answer::html(status),
                }
            }
            Fault::Garbage => {
                apply();
                Answer::text("<!doctype html><p>ok")
            }
            Fault::EmptyOk => {
                apply();
                Answer::empty(200)
            }
            Fault::WrongShape => {
                apply();
                Answer::hal(&json!({}))
            }
            Fault::Hal => {
                let leads: Value = serde_json::from_str(&apply().body).unwrap_or_default();
                Answer::hal(&json!({ "_embedded": { "leads": leads } }))
            }
            Fault::Slow(delay) => {
                let answer = apply();
                tokio::time::sleep(delay).await;
                answer
            }
            Fault::Late(delay) => {
                let (shared, request) = (Arc::clone(self), request.clone());
                // A task of its own goes on when the client hangs up.
                let task = tokio::spawn(async move {
                    tokio::time::sleep(delay).await;
                    shared.apply(&request)
                });
                task.await.expect("the delayed request is served")
            }
        };
        Some(answer)
    }
}

/// A 400 that complains of one field of every item of the body.
fn validation(request: &Request, path: &str, code: &str) -> Answer {
    let items = match &request.json {
        Some(Value::Array(items)) => items.as_slice(),
        Some(item) => std::slice::from_ref(item),
        None => &[],
    };
    let errors = items.iter().enumerate().map(|(index, item)| {
        let id = item["request_id"].as_str();
        let id = id.map_or_else(|| index.to_string(), str::to_owned);
        (id, vec![validate::field_error(code, path)])
    });
    validate::refusal(errors.collect())
}

/// A handle on the fake; all clones are the same CRM.
#[derive(Clone)]
pub struct FakeAmocrm {
    shared: Arc<Shared>,
}

/// Starting and stopping.
impl FakeAmocrm {
    /// Starts on a free port of 127.0.0.1.
    pub async fn start() -> Self {
        Self::start_on(0).await
    }

    /// Starts on this port of 127.0.0.1.
    pub async fn start_on(port: u16) -> Self {
        let listener = bind(port).listen(BACKLOG).expect("the fake can listen");
        let port = listener
            .local_addr()
            .expect("the fake has an address")
            .port();
        let base = format!("http://127.0.0.1:{port}");
        let state = State {
            account: Account::default(),
            book: Book::default(),
            oauth: Oauth::default(),
            rate: Rate::default(),
            faults: Faults::default(),
            latency: Latency::default(),
            filters_on: false,
            partial_batches: false,
            duplicate_control: false,
            down: false,
            log: Vec::new(),
        };
        let shared = Shared {
            state: Mutex::new(state),
            changed: Notify::new(),
            base,
            port,
            serving: tokio::sync::Mutex::new(Serving::Down(bind(0))),
        };
        let fake = FakeAmocrm {
            shared: Arc::new(shared),
        };
        *fake.shared.serving.lock().await = fake.listen(listener);
        fake
    }

    fn listen(&self, listener: TcpListener) -> Serving {
        let connections = CancellationToken::new();
        let listener = CuttableListener {
            listener,
            all: connections.clone(),
        };
        let app = Router::new()
            .fallback(answer)
            .with_state(Arc::clone(&self.shared))
            .into_make_service_with_connect_info::<Connection>();
        let task = tokio::spawn(async move {
            let _ = axum::serve(listener, app).await;
        });
        Serving::Up { connections, task }
    }

    /// The network goes down: every connection is dropped and new ones are refused.
    pub async fn stop(&self) {
        let mut serving = self.shared.serving.lock().await;
        if let Serving::Up { connections, task } = &mut *serving {
            connections.cancel();
            task.abort();
            let _ = task.await;
            *serving = Serving::Down(bind(self.shared.port));
            drop(serving);
            self.tell(CrmEvent::WentDown);
        }
    }

    /// The network comes back on the same port, with everything stored still there.
    pub async fn restart(&self) {
        self.stop().await;
        let mut serving = self.shared.serving.lock().await;
        if let Serving::Down(held) = std::mem::replace(&mut *serving, Serving::Down(bind(0))) {
            let listener = held.listen(BACKLOG).expect("the fake can listen again");
            *serving = self.listen(listener);
        }
        drop(serving);
        self.tell(CrmEvent::CameBack);
    }

    /// Everything answers 503 from now on.
    pub fn goes_down(&self) {
        self.set(|state| state.down = true);
        self.tell(CrmEvent::WentDown);
    }

    /// Ends [`Self::goes_down`].
    pub fn comes_back(&self) {
        self.set(|state| state.down = false);
        self.tell(CrmEvent::CameBack);
    }

    /// The address to use as `AMOCRM_BASE_URL`.
    pub fn url(&self) -> String {
        self.shared.base.clone()
    }

    /// The port.
    pub fn port(&self) -> u16 {
        self.shared.port
    }

    /// The environment of a bot whose CRM this is, without tokens.
    pub fn env(&self) -> Vec<(&'static str, String)> {
        let state = self.shared.state();
        vec![
            ("AMOCRM_BASE_URL", self.url()),
            ("AMOCRM_SUBDOMAIN", state.account.subdomain.clone()),
            ("AMOCRM_CLIENT_ID", state.oauth.client_id.clone()),
            ("AMOCRM_CLIENT_SECRET", state.oauth.client_secret.clone()),
            ("AMOCRM_REDIRECT_URL", state.oauth.redirect_uri.clone()),
        ]
    }

    fn set<T>(&self, change: impl FnOnce(&mut State) -> T) -> T {
        let result = change(&mut self.shared.state());
        self.shared.changed.notify_waiters();
        result
    }

    fn tell(&self, event: CrmEvent) {
        self.shared.state().book.tell(event);
    }
}

/// Set-up.
impl FakeAmocrm {
    /// Changes what the account is set up with.
    pub fn account<T>(&self, change: impl FnOnce(&mut Account) -> T) -> T {
        self.set(|state| change(&mut state.account))
    }

    /// Makes the user the tokens belong to an administrator, or an ordinary manager.
    pub fn admin(&self, admin: bool) {
        self.set(|state| {
            state.account.current_user = match admin {
                true => account::ADMIN_USER,
                false => account::MANAGER_USER,
            }
        });
    }

    /// How long a new lead or contact is not found by `query`.
    pub fn query_latency(&self, latency: Duration) {
        self.set(|state| state.latency.query = latency);
    }

    /// How long a new lead or contact is missing from lists without `query`.
    pub fn list_latency(&self, latency: Duration) {
        self.set(|state| state.latency.list = latency);
    }

    /// How long a new event is missing from the list of events.
    pub fn events_latency(&self, latency: Duration) {
        self.set(|state| state.latency.events = latency);
    }

    /// Whether `filter[…]` works on lists of leads and contacts; off at first, which ignores it.
    pub fn filters(&self, on: bool) {
        self.set(|state| state.filters_on = on);
    }

    /// Whether the good items of a refused batch are stored all the same; off at first.
    pub fn partial_batches(&self, on: bool) {
        self.set(|state| state.partial_batches = on);
    }

    /// Whether a complex lead whose contact is known by phone is merged into that contact's lead; off at first.
    pub fn duplicate_control(&self, on: bool) {
        self.set(|state| state.duplicate_control = on);
    }

    /// Requests allowed in any second (7 at first), or no limit.
    pub fn rate_limit(&self, limit: Option<usize>) {
        self.set(|state| state.rate.limit = limit);
    }

    /// How the limiter's own 429 looks; the bare page at first.
    pub fn throttle(&self, throttle: Throttle) {
        self.set(|state| state.rate.throttle = throttle);
    }

    /// Refusals in a row (20 at first) after which everything answers the 403 page.
    pub fn block_after(&self, refusals: u32) {
        self.set(|state| state.rate.block_after = refusals);
    }

    /// Blocks at once, as after too many refusals.
    pub fn block(&self) {
        self.set(|state| state.rate.blocked = true);
    }

    /// Support lifts the block.
    pub fn unblock(&self) {
        self.set(|state| state.rate.unblock());
    }

    /// Whether everything is blocked.
    pub fn is_blocked(&self) -> bool {
        self.shared.state().rate.blocked
    }

    /// Sets a fault.
    pub fn fault(&self, on: On, fault: Fault, times: Times) -> FaultId {
        self.set(|state| state.faults.add(on, fault, times))
    }

    /// Ends one fault.
    pub fn clear_fault(&self, id: FaultId) {
        self.set(|state| state.faults.clear(id));
    }

    /// Ends all faults.
    pub fn clear_faults(&self) {
        self.set(|state| state.faults.clear_all());
    }

    /// How often a fault has struck.
    pub fn fault_hits(&self, id: FaultId) -> u32 {
        self.shared.state().faults.hits(id)
    }
}

/// Tokens.
impl FakeAmocrm {
    /// Sets the integration's id, secret and redirect URI; none of them is checked for a shape.
    pub fn credentials(&self, client_id: &str, client_secret: &str, redirect_uri: &str) {
        self.set(|state| {
            state.oauth.client_id = client_id.to_owned();
            state.oauth.client_secret = client_secret.to_owned();
            state.oauth.redirect_uri = redirect_uri.to_owned();
        });
    }

    /// The integration's id.
    pub fn client_id(&self) -> String {
        self.shared.state().oauth.client_id.clone()
    }

    /// The integration's secret.
    pub fn client_secret(&self) -> String {
        self.shared.state().oauth.client_secret.clone()
    }

    /// The integration's redirect URI.
    pub fn redirect_uri(&self) -> String {
        self.shared.state().oauth.redirect_uri.clone()
    }

    /// A new authorization code: 20 minutes, one use.
    pub fn issue_code(&self) -> String {
        self.set(|state| state.oauth.issue_code())
    }

    /// Lets the 20 minutes of a code pass.
    pub fn expire_code(&self, code: &str) {
        self.set(|state| state.oauth.expire_code(code));
    }

    /// A new pair: access token, refresh token.
    pub fn issue_pair(&self) -> (String, String) {
        self.issue_pair_at(Utc::now())
    }

    /// A pair issued at this time, from which its lifetimes count.
    pub fn issue_pair_at(&self, at: DateTime<Utc>) -> (String, String) {
        self.set(|state| {
            let owner = (state.account.id, state.account.current_user);
            state.oauth.issue_pair(at.timestamp_millis(), owner)
        })
    }

    /// A long-lived access token that expires then.
    pub fn issue_long_lived(&self, exp: DateTime<Utc>) -> String {
        self.set(|state| {
            let owner = (state.account.id, state.account.current_user);
            state.oauth.issue_long_lived(exp.timestamp(), owner)
        })
    }

    /// How long new access tokens live (a day at first).
    pub fn access_lifetime(&self, lifetime: Duration) {
        self.set(|state| state.oauth.access_lifetime = lifetime);
    }

    /// What a refresh token is worth after its use; [`ReusePolicy::Strict`] at first.
    pub fn reuse_policy(&self, policy: ReusePolicy) {
        self.set(|state| state.oauth.policy = policy);
    }

    /// Whether the token endpoint takes forms beside JSON; it does at first.
    pub fn accept_forms(&self, accept: bool) {
        self.set(|state| state.oauth.accepts_forms = accept);
    }

    /// Whether a refresh revokes the access token of the old pair; it does not at first.
    pub fn refresh_revokes_access(&self, revokes: bool) {
        self.set(|state| state.oauth.refresh_revokes_access = revokes);
    }

    /// Every access token that exists, long-lived ones too, has expired.
    pub fn expire_access_tokens(&self) {
        self.set(|state| state.oauth.expire_access_tokens());
    }

    /// Every refresh token that exists has expired.
    pub fn expire_refresh_token(&self) {
        self.set(|state| state.oauth.expire_refresh_tokens());
    }

    /// Every token that exists is revoked.
    pub fn revoke_all(&self) {
        self.set(|state| state.oauth.revoke_all());
    }

    /// The integration is switched off: no token works and none is issued.
    pub fn disable_integration(&self) {
        self.set(|state| state.oauth.disabled = true);
    }

    /// The integration is switched on again; tokens that were good are good.
    pub fn enable_integration(&self) {
        self.set(|state| state.oauth.disabled = false);
    }

    /// The account has another host now; here only the subdomain endpoint still serves it.
    pub fn moved_to(&self, subdomain: &str, domain: &str) {
        let moved = Moved {
            subdomain: subdomain.to_owned(),
            domain: domain.to_owned(),
        };
        self.set(|state| state.oauth.moved = Some(moved));
    }

    /// What a refresh answers at the old host: 401 (at first) or 404.
    pub fn moved_refresh_status(&self, status: u16) {
        self.set(|state| state.oauth.moved_refresh_status = status);
    }

    /// The account is back at this host.
    pub fn moved_back(&self) {
        self.set(|state| state.oauth.moved = None);
    }

    /// The `api_domain` of new access tokens.
    pub fn api_domain(&self, domain: &str) {
        self.set(|state| state.oauth.api_domain = domain.to_owned());
    }

    /// How many refreshes gave a new pair, whether or not the answer arrived.
    pub fn refreshes(&self) -> usize {
        self.shared.state().oauth.succeeded
    }

    /// How many refreshes the token endpoint itself refused.
    pub fn refreshes_failed(&self) -> usize {
        self.shared.state().oauth.failed
    }

    /// How often a refresh token was presented, whatever came of it.
    pub fn times_presented(&self, refresh_token: &str) -> usize {
        let state = self.shared.state();
        state
            .oauth
            .presented
            .get(refresh_token)
            .copied()
            .unwrap_or(0)
    }
}

/// What the manager does and sees.
impl FakeAmocrm {
    /// All leads, oldest first.
    pub fn leads(&self) -> Vec<StoredLead> {
        self.shared.state().book.leads.clone()
    }

    /// All contacts, oldest first.
    pub fn contacts(&self) -> Vec<StoredContact> {
        self.shared.state().book.contacts.clone()
    }

    /// The leads whose name ends like this, for checks of "exactly once".
    pub fn leads_named(&self, suffix: &str) -> Vec<StoredLead> {
        let mut leads = self.leads();
        leads.retain(|lead| lead.name.ends_with(suffix));
        leads
    }

    /// The lead with this number in its name; panics if there are several, for that is a broken promise.
    pub fn lead_with_number(&self, number: &str) -> Option<StoredLead> {
        let number = format!("#{number}");
        let mut leads = self.leads();
        leads.retain(|lead| lead.name.contains(&number));
        assert!(
            leads.len() < 2,
            "{number} is in amoCRM {} times: {leads:#?}",
            leads.len()
        );
        leads.pop()
    }

    /// A manager makes a contact with these phones.
    pub fn add_contact(&self, name: &str, phones: &[&str]) -> u64 {
        self.set(|state| {
            let values = phones
                .iter()
                .map(|phone| json!({ "value": phone, "enum_code": "WORK" }));
            let field = StoredField {
                id: account::PHONE_FIELD,
                code: Some("PHONE".to_owned()),
                values: values.collect(),
            };
            let now = Utc::now().timestamp();
            let user = state.account.current_user;
            let contact = StoredContact {
                id: 0,
                name: name.to_owned(),
                first_name: name.to_owned(),
                last_name: String::new(),
                responsible_user_id: user,
                phones: phones.iter().map(|phone| (*phone).to_owned()).collect(),
                custom_fields: vec![field],
                tags: Vec::new(),
                lead_ids: Vec::new(),
                created_at: now,
                updated_at: now,
                stored: Instant::now(),
            };
            state.book.add_contact(contact, user)
        })
    }

    /// A manager makes a lead in the first stage of the main pipeline.
    pub fn add_lead(&self, name: &str) -> u64 {
        self.set(|state| {
            let now = Utc::now().timestamp();
            let user = state.account.current_user;
            let lead = StoredLead {
                id: 0,
                name: name.to_owned(),
                price: 0,
                pipeline_id: account::MAIN_PIPELINE,
                status_id: account::FIRST_STATUS,
                responsible_user_id: user,
                tags: Vec::new(),
                custom_fields: Vec::new(),
                contact_id: None,
                contact_ids: Vec::new(),
                notes: Vec::new(),
                created_at: now,
                updated_at: now,
                created_by: user,
                request_id: None,
                stored: Instant::now(),
            };
            state.book.add_lead(lead)
        })
    }

    /// A manager writes a note on a lead.
    pub fn add_note(&self, lead_id: u64, text: &str) -> u64 {
        self.set(|state| {
            state.book.add_note(StoredNote {
                id: 0,
                entity: Entity::Leads,
                entity_id: lead_id,
                note_type: "common".to_owned(),
                params: json!({ "text": text }),
                created_by: state.account.current_user,
                created_at: Utc::now().timestamp(),
            })
        })
    }

    /// A manager changes the name of a lead.
    pub fn rename_lead(&self, id: u64, name: &str) {
        self.set(|state| {
            let mut leads = state.book.leads.iter_mut();
            if let Some(lead) = leads.find(|lead| lead.id == id) {
                lead.name = name.to_owned();
            }
        });
    }

    /// A manager deletes a lead.
    pub fn remove_lead(&self, id: u64) {
        self.set(|state| state.book.leads.retain(|lead| lead.id != id));
    }

    /// A manager deletes a contact.
    pub fn remove_contact(&self, id: u64) {
        self.set(|state| {
            state.book.contacts.retain(|contact| contact.id != id);
            for lead in &mut state.book.leads {
                lead.contact_ids.retain(|contact| *contact != id);
                lead.contact_id = lead.contact_ids.first().copied();
            }
        });
    }

    /// What happens from now on; a listener that falls 1024 events behind misses some.
    pub fn subscribe(&self) -> broadcast::Receiver<CrmEvent> {
        self.shared.state().book.listeners.subscribe()
    }
}

/// The log of requests.
impl FakeAmocrm {
    /// Every request so far, oldest first; those without a status are open or were cut.
    pub fn requests(&self) -> Vec<Request> {
        self.shared.state().log.clone()
    }

    /// The requests of this kind, oldest first.
    pub fn requests_to(&self, on: &On) -> Vec<Request> {
        let mut requests = self.requests();
        requests.retain(|request| on.matches(request));
        requests
    }

    /// How many requests of this kind there were.
    pub fn count(&self, on: &On) -> usize {
        let state = self.shared.state();
        state
            .log
            .iter()
            .filter(|request| on.matches(request))
            .count()
    }

    /// The most requests seen in any second.
    pub fn max_rate(&self) -> usize {
        self.shared.state().rate.max_seen
    }

    /// Waits until there are at least this many leads and returns them; panics when the time is over.
    pub async fn wait_for_leads(&self, n: usize, timeout: Duration) -> Vec<StoredLead> {
        let leads = self.wait_until(timeout, |state| {
            let leads = &state.book.leads;
            (leads.len() >= n).then(|| leads.clone())
        });
        match leads.await {
            Some(leads) => leads,
            None => panic!(
                "{n} leads did not come within {timeout:?}, only {}; requests:\n{}",
                self.leads().len(),
                self.story()
            ),
        }
    }

    /// Waits for a request, past or coming, of which this is true; panics when the time is over.
    ///
    /// A request is looked at when it arrives (no status yet) and again when it is answered.
    pub async fn wait_for_request(
        &self,
        wanted: impl Fn(&Request) -> bool,
        timeout: Duration,
    ) -> Request {
        let found = self.wait_until(timeout, |state| {
            state.log.iter().find(|request| wanted(request)).cloned()
        });
        match found.await {
            Some(request) => request,
            None => panic!(
                "the request did not come within {timeout:?}; requests:\n{}",
                self.story()
            ),
        }
    }

    async fn wait_until<T>(
        &self,
        timeout: Duration,
        look: impl Fn(&State) -> Option<T>,
    ) -> Option<T> {
        let looking = async {
            loop {
                let mut changed = std::pin::pin!(self.shared.changed.notified());
                // Listening before looking, so that no change falls in between.
                changed.as_mut().enable();
                if let Some(found) = look(&self.shared.state()) {
                    return found;
                }
                changed.await;
            }
        };
        tokio::time::timeout(timeout, looking).await.ok()
    }

    /// The requests as lines of text, for a failed test.
    pub fn story(&self) -> String {
        let requests = self.requests();
        let lines = requests.iter().map(|request| {
            let status = request
                .status
                .map_or("-".to_owned(), |status| status.to_string());
            let fault = request.fault.as_ref().map(|fault| format!(" {fault:?}"));
            let (at, method) = (request.at.format("%H:%M:%S%.3f"), &request.method);
            let path = request.path_and_query();
            format!(
                "{at} {method} {path} {status}{}\n",
                fault.unwrap_or_default()
            )
        });
        lines.collect()
    }

    /// Whether there is an OpenAPI description to check requests against.
    pub fn contract_checked(&self) -> bool {
        contract::path().is_some()
    }

    /// What the OpenAPI description complains of in the bodies received; slow, and nothing without a description.
    pub fn contract_violations(&self) -> Vec<String> {
        let requests = self.requests();
        Contract::load().map_or_else(Vec::new, |contract| contract.violations(&requests))
    }
}

fn bind(port: u16) -> TcpSocket {
    let socket = TcpSocket::new_v4().expect("a socket can be made");
    socket
        .set_reuseaddr(true)
        .expect("the address can be reused");
    let address = ([127, 0, 0, 1], port).into();
    socket
        .bind(address)
        .unwrap_or_else(|error| panic!("cannot bind 127.0.0.1:{port}: {error}"));
    socket
}

async fn answer(
    Shelf(shared): Shelf<Arc<Shared>>,
    ConnectInfo(connection): ConnectInfo<Connection>,
    request: axum::extract::Request,
) -> axum::response::Response {
    let request = Request::receive(request, &shared.base).await;
    shared.serve(connection, request).await.into_response()
}
