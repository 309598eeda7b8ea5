//! Faults that can be set for a kind of request, and how long they last.

use std::time::Duration;

use super::request::Request;

/// Which requests a fault (or a count) is about.
#[derive(Debug, Clone)]
pub struct On {
    method: Option<&'static str>,
    pattern: String,
    exact: bool,
    containing: Vec<String>,
}

impl On {
    fn new(method: Option<&'static str>, pattern: &str) -> Self {
        On { method, pattern: pattern.to_owned(), exact: false, containing: Vec::new() }
    }

    /// GET requests whose path begins with these segments; `*` stands for any one segment.
    pub fn get(pattern: &str) -> Self {
        Self::new(Some("GET"), pattern)
    }

    /// POST requests whose path begins with these segments; `*` stands for any one segment.
    pub fn post(pattern: &str) -> Self {
        Self::new(Some("POST"), pattern)
    }

    /// PATCH requests whose path begins with these segments; `*` stands for any one segment.
    pub fn patch(pattern: &str) -> Self {
        Self::new(Some("PATCH"), pattern)
    }

    /// Requests of any method whose path begins with these segments; `/` is every request.
    pub fn any(pattern: &str) -> Self {
        Self::new(None, pattern)
    }

    /// POSTs to the token endpoint.
    pub fn oauth() -> Self {
        Self::post("/oauth2/access_token")
    }

    /// The creation of leads.
    pub fn complex() -> Self {
        Self::post("/api/v4/leads/complex")
    }

    /// Only the path itself, nothing below it.
    pub fn exactly(mut self) -> Self {
        self.exact = true;
        self
    }

    /// Only requests whose decoded query or body contains this text.
    pub fn containing(mut self, text: &str) -> Self {
        self.containing.push(text.to_owned());
        self
    }

    /// Whether a request is one of these.
    pub fn matches(&self, request: &Request) -> bool {
        let pattern: Vec<&str> = segments(&self.pattern).collect();
        let path: Vec<&str> = segments(&request.path).collect();
        self.method.is_none_or(|method| method == request.method)
            && pattern.len() <= path.len()
            && (!self.exact || pattern.len() == path.len())
            && pattern.iter().zip(&path).all(|(p, s)| *p == "*" || p == s)
            && self.containing.iter().all(|text| request.contains(text))
    }
}

fn segments(path: &str) -> impl Iterator<Item = &str> {
    path.split('/').filter(|segment| !segment.is_empty())
}

/// How a 429 looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Throttle {
    /// The nginx page, without a hint.
    Html,
    /// The nginx page with a `Retry-After` header, seconds.
    Header(u64),
    /// A problem body with `retry_after`, seconds.
    Body(u64),
}

/// What goes wrong.
#[derive(Debug, Clone, PartialEq)]
pub enum Fault {
    /// A problem body with this status and no effect; for the token endpoint an OAuth problem when 400 or 401.
    Status(u16),
    /// The nginx page with this status and no effect.
    Html(u16),
    /// A 429 and no effect.
    TooManyRequests(Throttle),
    /// No effect and never an answer.
    Hang,
    /// The effect, and never an answer.
    HangAfter,
    /// The socket is closed before anything is done.
    CutBefore,
    /// The effect, then the socket is closed without an answer.
    CutAfter,
    /// The effect, then a server error: a problem body for 500, the nginx page for any other.
    StoreThen(u16),
    /// The effect, and a 200 that is not JSON.
    Garbage,
    /// No effect, and a 200 that is not JSON.
    GarbageNoEffect,
    /// No effect, and the 204 of an empty list.
    NothingFound,
    /// The effect, and a 200 without a body.
    EmptyOk,
    /// The effect, and `{}` where the documented shape belongs.
    WrongShape,
    /// The effect, and the array of the complex method wrapped as `_embedded.leads`.
    Hal,
    /// The effect at once, the answer after this long.
    Slow(Duration),
    /// The effect only after this long, even if the client has gone; then the answer.
    Late(Duration),
    /// The 401 of an API without a valid token (of the token endpoint: `Token has been revoked`).
    Unauthorized,
    /// A redirect to `/moved…` on this same server, which knows no such path, and no effect.
    Redirect(u16),
    /// A 400 that complains of this field of every entity, and no effect.
    Validation {
        /// The dotted path, such as `custom_fields_values.0.field_id`.
        path: String,
        /// The code, such as `NotSupportedChoice`.
        code: String,
    },
    /// Exactly this answer, as it was recorded, and no effect.
    Raw {
        /// The HTTP status.
        status: u16,
        /// The body: JSON when it begins like it, a page else.
        body: String,
    },
    /// An OAuth problem with this status and hint, and no effect.
    OauthProblem {
        /// The HTTP status, also named in the body.
        status: u16,
        /// The `hint` member.
        hint: String,
    },
}

impl Fault {
    /// A 400 in words that name no field, as it was seen of accounts without a right and of systems in trouble.
    pub fn words(detail: &str) -> Self {
        let body = serde_json::json!({"title": "Bad Request", "status": 400, "detail": detail});
        Self::Raw { status: 400, body: body.to_string() }
    }

    /// What goes wrong with any request to amoCRM: slow and late by as much, throttled for so many seconds.
    pub fn usual(retry_after: u64, slow: Duration, late: Duration) -> Vec<Self> {
        vec![
            Self::Status(500),
            Self::Status(402),
            Self::Status(403),
            Self::Status(404),
            Self::Html(403),
            Self::Html(502),
            Self::Html(504),
            Self::TooManyRequests(Throttle::Html),
            Self::TooManyRequests(Throttle::Header(retry_after)),
            Self::TooManyRequests(Throttle::Body(retry_after)),
            Self::Hang,
            Self::HangAfter,
            Self::CutBefore,
            Self::CutAfter,
            Self::StoreThen(500),
            Self::StoreThen(502),
            Self::StoreThen(504),
            Self::Garbage,
            Self::GarbageNoEffect,
            Self::EmptyOk,
            Self::WrongShape,
            Self::Hal,
            Self::Slow(slow),
            Self::Late(late),
            Self::Unauthorized,
            Self::Redirect(301),
        ]
    }
}

/// How often a fault strikes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Times {
    /// The next so many matching requests.
    N(u32),
    /// Every matching request until it is cleared.
    Forever,
}

/// Names a fault that was set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FaultId(usize);

struct Set {
    on: On,
    fault: Fault,
    left: Times,
    hits: u32,
}

/// The faults that were set, the oldest first: of several that match, the oldest with strikes left strikes.
#[derive(Default)]
pub(super) struct Faults(Vec<Set>);

impl Faults {
    /// Sets one more fault.
    pub(super) fn add(&mut self, on: On, fault: Fault, left: Times) -> FaultId {
        self.0.push(Set { on, fault, left, hits: 0 });
        FaultId(self.0.len() - 1)
    }

    /// Ends one fault.
    pub(super) fn clear(&mut self, id: FaultId) {
        self.0[id.0].left = Times::N(0);
    }

    /// Ends all faults; their hits stay readable.
    pub(super) fn clear_all(&mut self) {
        for set in &mut self.0 {
            set.left = Times::N(0);
        }
    }

    /// How often a fault has struck.
    pub(super) fn hits(&self, id: FaultId) -> u32 {
        self.0[id.0].hits
    }

    /// Takes the fault that strikes this request.
    pub(super) fn strike(&mut self, request: &Request) -> Option<Fault> {
        let set = self.0.iter_mut().find(|set| set.left != Times::N(0) && set.on.matches(request))?;
        if let Times::N(left) = &mut set.left {
            *left -= 1;
        }
        set.hits += 1;
        Some(set.fault.clone())
    }
}
