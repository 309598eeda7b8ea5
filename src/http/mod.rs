//! The small web server: the page that takes the authorization code, amoCRM's webhook, `/healthz`, `/metrics`. Off unless
//! configured.
//!
//! It may stand in the open internet, so a stranger can neither hold it up (places by address, short patience, no request
//! body is read but that of whoever knows the webhook's secret) nor learn or change anything: `/callback` needs a state that
//! the bot has given out.

mod callback;
mod metrics;
mod page;
mod places;
mod server;
mod site;
mod webhook;

use std::{net::SocketAddr, sync::Arc};

use axum::{
    Router,
    extract::{Request, State},
    http::{HeaderValue, Method, StatusCode, Uri, header},
    middleware::{self, Next},
    response::{IntoResponse, Response},
    routing::get,
};
use tokio::time::Instant;
use tracing::{debug, info, warn};
use url::Url;

pub use metrics::Sources;
pub use server::Server;
pub use site::Site;
pub use webhook::Webhook;

/// Where the page always is; the path of `AMOCRM_REDIRECT_URL` leads there too.
const CALLBACK: &str = "/callback";

/// For a browser that comes at the wrong moment; a code in its address is not used up.
const RELOAD: &str =
    "Бот сейчас запускается. Обновите страницу через минуту.\nThe bot is starting. Reload this page in a minute.\n";

/// The path of an integration's redirect address.
pub fn redirect_path(redirect_url: &str) -> Option<String> {
    Some(Url::parse(redirect_url).ok()?.path().to_owned())
}

/// Takes the address; it is there before anything else starts.
pub fn bind(addr: SocketAddr) -> std::io::Result<std::net::TcpListener> {
    let listener = std::net::TcpListener::bind(addr)?;
    listener.set_nonblocking(true)?;
    info!(addr = %listener.local_addr()?, "the web page listens");
    Ok(listener)
}

/// Why a process has nothing to show.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Idle {
    /// Its store is not open yet.
    Starting,
    /// Another process leads.
    Standby,
    /// It ends, or leads no more.
    Stopping,
}

/// Answers of a process that has nothing to show; whatever was asked for can be asked for again.
pub fn idle(why: Idle) -> Router {
    let (status, words) = match why {
        Idle::Starting => (StatusCode::SERVICE_UNAVAILABLE, "starting: the store is not open yet\n"),
        // Ready to take over is all it can be.
        Idle::Standby => (StatusCode::OK, "standby\n"),
        Idle::Stopping => (StatusCode::SERVICE_UNAVAILABLE, "stopping\n"),
    };
    Router::new()
        .route("/healthz", get(move || async move { (status, words) }))
        .fallback(|| async { (StatusCode::SERVICE_UNAVAILABLE, [(header::RETRY_AFTER, "10")], RELOAD) })
        .layer(middleware::from_fn(finish))
}

/// Answers of a process that leads.
pub fn site(site: Site) -> Router {
    // The page is no route of the router's, because the redirect path may hold anything.
    Router::new()
        .route("/healthz", get(healthz))
        .route("/metrics", get(metrics))
        .fallback(page_or_nothing)
        .layer(middleware::from_fn(finish))
        .with_state(Arc::new(site))
}

async fn healthz(State(site): State<Arc<Site>>) -> (StatusCode, String) {
    match site.vitals.check().await {
        Ok(()) => (StatusCode::OK, "ok\n".into()),
        Err(ailment) => (StatusCode::SERVICE_UNAVAILABLE, format!("{ailment}\n")),
    }
}

async fn metrics(State(site): State<Arc<Site>>) -> Response {
    match site.metrics.render().await {
        Ok(text) => ([(header::CONTENT_TYPE, prometheus::TEXT_FORMAT)], text).into_response(),
        Err(error) => {
            warn!(%error, "the metrics could not be written");
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
    }
}

async fn page_or_nothing(State(site): State<Arc<Site>>, method: Method, uri: Uri, body: axum::body::Body) -> Response {
    if let (Some(webhook), Some(secret)) = (&site.webhook, uri.path().strip_prefix(webhook::PATH))
        && let Some(answer) = webhook.answer(&method, secret, body).await
    {
        return answer;
    }
    let is = |path: &str| uri.path().trim_end_matches('/') == path.trim_end_matches('/');
    if !is(CALLBACK) && !site.redirect_path.as_deref().is_some_and(is) {
        return (StatusCode::NOT_FOUND, "nothing here\n").into_response();
    }
    // A mere look (HEAD) must not use the code up.
    if method != Method::GET {
        return (StatusCode::METHOD_NOT_ALLOWED, [(header::ALLOW, "GET")]).into_response();
    }
    callback::answer(&site, uri.query().unwrap_or_default()).await.into_response()
}

/// What every answer has in common: headers that keep it to itself, and a line in the log without the query, which may
/// hold a code.
async fn finish(request: Request, next: Next) -> Response {
    let begun = Instant::now();
    let method = request.method().clone();
    let path = match request.uri().path() {
        // A secret follows.
        path if path.starts_with(webhook::PATH) => format!("{}…", webhook::PATH),
        path => path.to_owned(),
    };
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    for (name, value) in [
        (header::CONTENT_SECURITY_POLICY, page::content_security_policy()),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::CACHE_CONTROL, "no-store"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    let (status, milliseconds) = (response.status().as_u16(), begun.elapsed().as_millis());
    match path.as_str() {
        // Asked every few seconds for ever.
        "/healthz" | "/metrics" | "/amocrm/…" => debug!(%method, path, status, milliseconds, "a web request"),
        // A stranger's path is nothing for the log; why a code was not taken is told elsewhere.
        _ if status == 404 || status == 503 => {
            debug!(%method, status, milliseconds, "a web request for something else")
        }
        _ => info!(%method, path, status, milliseconds, "a web request"),
    }
    response
}
