//! The server: what is in a request's way, and how it fails.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::extract::{ConnectInfo, State as Shelf};
use serde_json::{Value, json};
use tokio::net::TcpSocket;
use tokio::sync::Notify;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::account::Account;
use super::book::Book;
use super::drive::Drive;
use super::faults::{Fault, Faults};
use super::lists::Latency;
use super::oauth::Oauth;
use super::rate::{self, Rate};
use super::request::Request;
use super::wire::{Answer, Connection};
use super::{api, validate};

/// Everything the fake knows.
pub(super) struct State {
    pub(super) account: Account,
    pub(super) book: Book,
    pub(super) drive: Drive,
    pub(super) oauth: Oauth,
    pub(super) rate: Rate,
    pub(super) faults: Faults,
    pub(super) latency: Latency,
    pub(super) filters_on: bool,
    pub(super) partial_batches: bool,
    pub(super) duplicate_control: bool,
    pub(super) down: bool,
    pub(super) log: Vec<Request>,
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

pub(super) struct Shared {
    pub(super) state: Mutex<State>,
    pub(super) changed: Notify,
    pub(super) base: String,
    pub(super) port: u16,
    pub(super) serving: tokio::sync::Mutex<Serving>,
}

pub(super) enum Serving {
    Up {
        connections: CancellationToken,
        task: JoinHandle<()>,
    },
    /// The port is held without listening, so that nobody else gets it and connecting is refused.
    Down(Option<TcpSocket>),
}

impl Shared {
    /// The state, locked; never held across an await.
    pub(super) fn state(&self) -> MutexGuard<'_, State> {
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
            let mut state = self.state();
            state.log[seq].status = Some(answer.status);
            state.log[seq].problem = answer.said();
            drop(state);
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
            Fault::Unauthorized if oauth => Answer::oauth_problem(401, 401, "Token has been revoked"),
            Fault::Unauthorized => Answer::problem(401),
            Fault::OauthProblem { status, hint } => Answer::oauth_problem(status, status, &hint),
            Fault::Redirect(status) => {
                let target = format!("{}/moved{}", request.base, request.path);
                Answer::html(status).header("location", target)
            }
            Fault::Raw { status, body } => Answer::raw(status, body),
            Fault::Validation { path, code } => validation(request, &path, &code),
            Fault::GarbageNoEffect => Answer::text("<!doctype html><p>ok"),
            Fault::NothingFound => Answer::empty(204),
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

/// Answers one request, or cuts its connection.
pub(super) async fn answer(
    Shelf(shared): Shelf<Arc<Shared>>,
    ConnectInfo(connection): ConnectInfo<Connection>,
    request: axum::extract::Request,
) -> axum::response::Response {
    let request = Request::receive(request, &shared.base).await;
    shared.serve(connection, request).await.into_response()
}
