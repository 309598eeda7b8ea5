//! A request as it was received.

use chrono::{DateTime, Utc};
use serde_json::{Value, json};

use super::faults::Fault;

/// The biggest body the fake reads.
const BODY_LIMIT: usize = 16 * 1024 * 1024;

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
    /// Its body, if that was neither.
    pub bytes: Vec<u8>,
    /// The status it was answered with; none while it is open and when it never got an answer.
    pub status: Option<u16>,
    /// The `hint`, or else the `detail`, of the problem body it was answered with.
    pub problem: Option<String>,
    /// The fault that struck it.
    pub fault: Option<Fault>,
    pub(super) base: String,
}

impl Request {
    /// The path with the query as a person reads it.
    pub fn path_and_query(&self) -> String {
        if self.params.is_empty() {
            return self.path.clone();
        }
        let pairs = self.params.iter().map(|(key, value)| format!("{key}={value}"));
        format!("{}?{}", self.path, pairs.collect::<Vec<_>>().join("&"))
    }

    /// The first parameter of this name.
    pub fn param(&self, name: &str) -> Option<&str> {
        let mut params = self.params.iter();
        params.find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// The first header of this name, given in lower case.
    pub fn header(&self, name: &str) -> Option<&str> {
        let mut headers = self.headers.iter();
        headers.find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// Whether the decoded query or the body contains this text.
    pub fn contains(&self, text: &str) -> bool {
        self.params.iter().any(|(_, value)| value.contains(text))
            || self.json.as_ref().is_some_and(|json| holds_text(json, text))
    }

    /// Whether `with` asks for this.
    pub(super) fn wants(&self, extra: &str) -> bool {
        self.param("with").is_some_and(|with| with.split(',').any(|name| name == extra))
    }

    /// Whether the body is announced as JSON.
    pub(super) fn says_json(&self) -> bool {
        let kind = self.header("content-type").unwrap_or_default();
        kind.split(';').next().is_some_and(|kind| kind.trim() == "application/json")
    }

    /// Reads a request to its end.
    pub(super) async fn receive(request: axum::extract::Request, base: &str) -> Self {
        let (head, body) = request.into_parts();
        let body = axum::body::to_bytes(body, BODY_LIMIT).await.unwrap_or_default();
        let pairs = |bytes: &[u8]| url::form_urlencoded::parse(bytes).into_owned().collect::<Vec<_>>();
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
            bytes: Vec::new(),
            status: None,
            problem: None,
            fault: None,
            base: base.to_owned(),
        };
        let bearer = request.header("authorization").and_then(|value| value.strip_prefix("Bearer "));
        request.bearer = bearer.map(str::to_owned);
        if request.header("content-type") == Some("application/x-www-form-urlencoded") {
            let form = pairs(&body);
            request.json = Some(form.into_iter().map(|(k, v)| (k, json!(v))).collect());
        }
        if request.header("content-type") == Some("application/octet-stream") {
            (request.json, request.bytes) = (None, body.to_vec());
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
