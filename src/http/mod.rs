//! The small web server: the page that takes the authorization code, `/healthz`, `/metrics`. Off unless configured.
//!
//! It may stand in the open internet, so a stranger can neither hold it up (few connections, short patience, no request
//! body is ever read) nor learn or change anything: `/callback` needs a state that the bot has given out.

mod callback;
mod metrics;
mod page;

use std::{
    net::SocketAddr,
    sync::{Arc, OnceLock},
    time::Duration,
};

use axum::{
    Router,
    extract::{Request, State},
    http::{HeaderValue, Method, StatusCode, Uri, header},
    middleware::{self, Next},
    response::{IntoResponse, Response},
    routing::get,
};
use hyper::server::conn::http1;
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    server::graceful::GracefulShutdown,
    service::TowerToHyperService,
};
use tokio::{
    net::TcpListener,
    sync::{Semaphore, mpsc},
    time::Instant,
};
use tokio_util::sync::CancellationToken;
use tracing::{debug, info, warn};
use url::Url;

use crate::{admin::authorization::Authorization, alerts::News, vitals::Vitals};

pub use metrics::Sources;

/// Connections at once; a page for one admin, a prober and a scraper need a handful.
const MOST_CONNECTIONS: usize = 64;

/// A client has so long to say what it wants.
const PATIENCE: Duration = Duration::from_secs(10);

/// And a connection ends after this, whatever it is doing; longer than an exchange of a code may take.
const CONNECTION_LIVES: Duration = Duration::from_secs(90);

/// The most bytes of an address with all headers; amoCRM's codes have about 1,000.
const MOST_HEADER_BYTES: usize = 16 * 1024;

/// Pause after the system had no connection to give.
const ACCEPT_AGAIN: Duration = Duration::from_millis(500);

/// Where the page always is; the path of `AMOCRM_REDIRECT_URL` leads there too.
const CALLBACK: &str = "/callback";

/// What the server shows and works with.
#[derive(Debug)]
pub struct Site {
    /// For the page; absent without amoCRM settings.
    pub authorization: Option<Authorization>,
    /// The path of the integration's redirect address.
    pub redirect_path: Option<String>,
    /// For `/healthz`.
    pub vitals: Arc<Vitals>,
    /// For `/metrics`.
    pub metrics: Sources,
    /// Where the admin hears of new tokens.
    pub news: mpsc::UnboundedSender<News>,
    /// `@username` of the bot without the `@`, once it is known: the way back from the page.
    pub bot_username: Arc<OnceLock<String>>,
}

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

/// Answers health checks of a process that waits to take over.
pub async fn serve_standby(listener: TcpListener, stop: CancellationToken) {
    let app = Router::new().route("/healthz", get(|| async { "standby\n" }));
    let served = axum::serve(listener, app).with_graceful_shutdown(async move { stop.cancelled().await }).await;
    if let Err(error) = served {
        info!(%error, "the standby's page ended");
    }
}

/// Answers until stopped; what is under way then is finished.
pub async fn serve(listener: TcpListener, site: Site, stop: CancellationToken) {
    let app = router(Arc::new(site));
    let places = Arc::new(Semaphore::new(MOST_CONNECTIONS));
    let connections = GracefulShutdown::new();
    loop {
        let accepted = tokio::select! {
            accepted = accept(&listener, &places) => accepted,
            () = stop.cancelled() => break,
        };
        let Some((stream, place)) = accepted else { continue };
        let connection = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(PATIENCE)
            .max_buf_size(MOST_HEADER_BYTES)
            .keep_alive(false)
            .serve_connection(TokioIo::new(stream), TowerToHyperService::new(app.clone()));
        let connection = connections.watch(connection);
        tokio::spawn(async move {
            // How it ends concerns only whoever is at the other end.
            let _ = tokio::time::timeout(CONNECTION_LIVES, connection).await;
            drop(place);
        });
    }
    connections.shutdown().await;
}

async fn accept(
    listener: &TcpListener,
    places: &Arc<Semaphore>,
) -> Option<(tokio::net::TcpStream, tokio::sync::OwnedSemaphorePermit)> {
    let place = places.clone().acquire_owned().await.ok()?;
    match listener.accept().await {
        Ok((stream, _)) => Some((stream, place)),
        Err(error) => {
            warn!(%error, "a connection to the web page could not be taken");
            tokio::time::sleep(ACCEPT_AGAIN).await;
            None
        }
    }
}

fn router(site: Arc<Site>) -> Router {
    // The page is no route of the router's, because the redirect path may hold anything.
    Router::new()
        .route("/healthz", get(healthz))
        .route("/metrics", get(metrics))
        .fallback(page_or_nothing)
        .layer(middleware::from_fn(finish))
        .with_state(site)
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

async fn page_or_nothing(State(site): State<Arc<Site>>, method: Method, uri: Uri) -> Response {
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
    let (method, path) = (request.method().clone(), request.uri().path().to_owned());
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
        "/healthz" | "/metrics" => debug!(%method, path, status, milliseconds, "a web request"),
        _ if status == 404 => debug!(%method, status, milliseconds, "a web request for something else"),
        _ => info!(%method, path, status, milliseconds, "a web request"),
    }
    response
}
