//! HTTP to amoCRM: one request, one answer, and an honest word on whether a failed request may have arrived.
//!
//! **Promise.** Every request passes the one rate limit; what [`net`] promises of redirects, sizes and errors holds.
//!
//! **Answers to what goes wrong.** A connection that was never made (DNS, TCP, TLS) sent nothing and may be repeated.
//! Anything later may have arrived, also when it looks as if it had not: the caller must find out before it repeats.
//! Idle connections are dropped after 20 s, because amoCRM's front closes them and the next write on one would be
//! such a "later" failure.

use std::sync::Arc;
use std::time::{Duration, Instant};

use reqwest::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue, RETRY_AFTER};
use reqwest::{Client, Method, RequestBuilder, Url};
use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;
use thiserror::Error;

use super::limit::Limiter;
use crate::lead::one_line;
use crate::net::{self, NetError};

/// How amoCRM's own support asks to be pointed at one call.
const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
/// A page of 250 leads with contacts is well below 1 MB; four leave room and still bound memory.
const BODY_CAP: usize = 4 * 1024 * 1024;

/// How long one request may take; tests shorten it.
#[derive(Debug, Clone)]
pub struct HttpLimits {
    /// TCP and TLS (5 s, as amoCRM's own client).
    pub connect: Duration,
    /// A whole API request (20 s, as amoCRM's own client).
    pub request: Duration,
    /// A whole OAuth request (15 s, as amoCRM's own client).
    pub oauth: Duration,
    /// How long a caller waits for a freeze of the rate limit to end before it is refused (10 s).
    pub patience: Duration,
}

impl Default for HttpLimits {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(5),
            request: Duration::from_secs(20),
            oauth: Duration::from_secs(15),
            patience: Duration::from_secs(10),
        }
    }
}

/// One request.
pub(super) struct Request<'a> {
    pub method: Method,
    /// Scheme and host, with or without a slash at its end.
    pub base: &'a str,
    /// Begins with a slash.
    pub path: &'a str,
    pub query: &'a [(&'a str, String)],
    pub bearer: Option<&'a SecretString>,
    /// `X-Refresh-Token`, which only the question for a moved account's address wants.
    pub refresh_token: Option<&'a SecretString>,
    pub body: Option<&'a Value>,
    pub timeout: Duration,
}

/// A part of a file, for the address that amoCRM's drive has given.
pub(super) struct Part<'a> {
    /// Holds a secret.
    pub url: Url,
    pub bearer: &'a SecretString,
    pub bytes: &'a [u8],
    pub timeout: Duration,
}

/// A complete answer. Not `Debug`: the body may hold tokens.
#[derive(Clone, Default)]
pub(super) struct Answer {
    pub status: u16,
    pub content_type: Option<String>,
    pub retry_after: Option<String>,
    pub request_id: Option<String>,
    pub body: Vec<u8>,
}

/// Why there is no answer.
#[derive(Debug, Clone, Error)]
pub(super) enum SendError {
    /// A 429 froze all traffic for this much longer; nothing was sent.
    #[error("all traffic is paused for another {} s", .0.as_secs())]
    Frozen(Duration),
    /// Nothing was sent.
    #[error("{0}")]
    NotSent(String),
    /// It may have arrived.
    #[error("{0}")]
    MaybeSent(String),
}

/// The HTTP client with its rate limit; clones share both.
#[derive(Debug, Clone)]
pub struct Transport {
    client: Client,
    limiter: Arc<Limiter>,
    limits: Arc<HttpLimits>,
}

impl Transport {
    /// Builds the client; `Err` says why TLS could not be set up. Needs a running tokio runtime.
    pub fn new(requests_per_second: u32, limits: HttpLimits) -> Result<Self, String> {
        let client =
            net::client().connect_timeout(limits.connect).http1_only().build().map_err(|error| net::cause(&error))?;
        Ok(Self { client, limiter: Arc::new(Limiter::new(requests_per_second)), limits: Arc::new(limits) })
    }

    pub(super) fn limiter(&self) -> &Limiter {
        &self.limiter
    }

    pub(super) fn limits(&self) -> &HttpLimits {
        &self.limits
    }

    /// Sends one request when its turn has come and reads the whole answer (at most 4 MB).
    pub(super) async fn send(&self, request: Request<'_>) -> Result<Answer, SendError> {
        self.limiter.turn(self.limits.patience).await.map_err(SendError::Frozen)?;
        let start = Instant::now();
        let (method, path) = (request.method.clone(), request.path.to_owned());
        let result = self.exchange(request).await;
        let millis = start.elapsed().as_millis() as u64;
        match &result {
            Ok(answer) => {
                let request_id = answer.request_id.as_deref();
                tracing::debug!(%method, path, status = answer.status, request_id, millis, "amoCRM answered");
            }
            Err(error) => tracing::debug!(%method, path, %error, millis, "no answer from amoCRM"),
        }
        result
    }

    /// Sends one part of a file, as [`Self::send`].
    pub(super) async fn send_part(&self, part: Part<'_>) -> Result<Answer, SendError> {
        self.limiter.turn(self.limits.patience).await.map_err(SendError::Frozen)?;
        let builder = self
            .client
            .post(part.url)
            .timeout(part.timeout)
            .headers(secret_headers(Some(part.bearer), None)?)
            .header(ACCEPT, "application/json")
            .header(CONTENT_TYPE, "application/octet-stream")
            .body(part.bytes.to_vec());
        let result = complete(builder).await;
        match &result {
            Ok(answer) => tracing::debug!(bytes = part.bytes.len(), status = answer.status, "amoCRM's drive answered"),
            Err(error) => tracing::debug!(bytes = part.bytes.len(), %error, "no answer from amoCRM's drive"),
        }
        result
    }

    async fn exchange(&self, request: Request<'_>) -> Result<Answer, SendError> {
        let url = format!("{}{}", request.base.trim_end_matches('/'), request.path);
        let mut builder = self
            .client
            .request(request.method, url)
            .timeout(request.timeout)
            .query(request.query)
            .headers(secret_headers(request.bearer, request.refresh_token)?)
            .header(ACCEPT, "application/hal+json, application/json");
        if let Some(body) = request.body {
            builder = builder.header(CONTENT_TYPE, "application/json").body(body.to_string());
        }
        complete(builder).await
    }
}

/// Sends a request and reads the whole answer. A redirect is an answer that is classified like any other.
async fn complete(builder: RequestBuilder) -> Result<Answer, SendError> {
    let response = builder.send().await.map_err(send_error)?;
    let mut answer = Answer {
        status: response.status().as_u16(),
        content_type: text(response.headers(), &CONTENT_TYPE),
        retry_after: text(response.headers(), &RETRY_AFTER),
        request_id: text(response.headers(), &X_REQUEST_ID),
        body: Vec::new(),
    };
    answer.body = net::read_capped(response, BODY_CAP).await.map_err(|error| match error {
        NetError::Failed(error) => send_error(error),
        error => SendError::MaybeSent(error.to_string()),
    })?;
    Ok(answer)
}

fn secret_headers(bearer: Option<&SecretString>, refresh: Option<&SecretString>) -> Result<HeaderMap, SendError> {
    let sensitive = |text: &str| {
        let mut value = HeaderValue::from_str(text)
            .map_err(|_| SendError::NotSent("the token holds characters no HTTP header can carry".into()))?;
        value.set_sensitive(true);
        Ok(value)
    };
    let mut headers = HeaderMap::new();
    if let Some(token) = bearer {
        headers.insert(AUTHORIZATION, sensitive(&format!("Bearer {}", token.expose_secret()))?);
    }
    if let Some(token) = refresh {
        headers.insert("x-refresh-token", sensitive(token.expose_secret())?);
    }
    Ok(headers)
}

fn text(headers: &HeaderMap, name: &HeaderName) -> Option<String> {
    Some(one_line(headers.get(name)?.to_str().ok()?, 200))
}

fn send_error(error: reqwest::Error) -> SendError {
    // Only a failure to connect proves that nothing was sent. A timeout of the whole request while still connecting
    // is not told apart from a later one; taking it for "maybe" errs on the safe side.
    let nothing_sent = error.is_connect() || error.is_builder();
    let cause = net::cause(&error.without_url());
    if nothing_sent { SendError::NotSent(cause) } else { SendError::MaybeSent(cause) }
}
