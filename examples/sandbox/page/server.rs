//! HTTP on loopback: the page, what changes, and orders. Whoever names another host, or posts from another page, is refused.

use std::{
    collections::VecDeque,
    convert::Infallible,
    io,
    net::{Ipv4Addr, SocketAddr},
    sync::{Arc, PoisonError, RwLock},
    time::Duration,
};

use axum::{
    Json, Router,
    body::Bytes,
    extract::{DefaultBodyLimit, Path, Query, Request, State},
    http::{HeaderMap, HeaderValue, Method, StatusCode, header},
    middleware::{self, Next},
    response::{IntoResponse, Response, Sse, sse},
    routing::{get, post},
};
use futures::Stream;
use serde::Deserialize;
use tokio::sync::watch;

use super::{
    CAR,
    orders::Order,
    scene::{Parts, Phone, Scene},
};
use crate::stage::Stages;

/// The page is looked at so often.
const LOOK: Duration = Duration::from_millis(120);

/// The largest file that can be attached.
const LARGEST: usize = 10 * 1024 * 1024;

const POLICY: &str = "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; connect-src 'self'; \
                      base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// The page that is served.
pub struct Page {
    stages: Arc<Stages>,
    scene: RwLock<Arc<Scene>>,
    parts: watch::Sender<Arc<Parts>>,
    addr: SocketAddr,
}

impl Page {
    fn scene(&self) -> Arc<Scene> {
        self.scene.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Where a browser finds it.
    pub fn address(&self) -> String {
        format!("http://{}/", self.addr)
    }

    /// Keeps what is seen up to date, for ever.
    async fn looks(&self) {
        loop {
            let now = self.stages.now();
            if !Arc::ptr_eq(&now, &self.scene().stage) {
                *self.scene.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(Scene::of(now));
            }
            let scene = self.scene();
            scene.record.looks(&scene.stage).await;
            // Whoever opens the page later sees it at the next look.
            if self.parts.receiver_count() > 0 {
                let seen = scene.parts();
                self.parts.send_if_modified(|parts| {
                    let changed = **parts != seen;
                    if changed {
                        *parts = Arc::new(seen);
                    }
                    changed
                });
            }
            tokio::time::sleep(LOOK).await;
        }
    }
}

/// Serves the page of whatever stage is played on, on this port of 127.0.0.1 (or a free one where it is taken or zero).
pub async fn serve(stages: Arc<Stages>, port: u16) -> io::Result<Arc<Page>> {
    let here = |port| tokio::net::TcpListener::bind((Ipv4Addr::LOCALHOST, port));
    let listener = match here(port).await {
        Err(error) if error.kind() == io::ErrorKind::AddrInUse => here(0).await?,
        listener => listener?,
    };
    let scene = RwLock::new(Arc::new(Scene::of(stages.now())));
    let page = Arc::new(Page { stages, scene, parts: watch::channel(Arc::default()).0, addr: listener.local_addr()? });
    let asset = |kind: &'static str, body: &'static str| get(async move || ([(header::CONTENT_TYPE, kind)], body));
    let car = || async { ([(header::CONTENT_TYPE, "image/png")], CAR) };
    let app = Router::new()
        .route("/", asset("text/html; charset=utf-8", include_str!("index.html")))
        .route("/style.css", asset("text/css; charset=utf-8", include_str!("style.css")))
        .route("/script.js", asset("text/javascript; charset=utf-8", include_str!("script.js")))
        .route("/words.js", asset("text/javascript; charset=utf-8", include_str!("words.js")))
        .route("/car.png", get(car))
        .route("/events", get(events))
        .route("/do", post(order))
        .route("/again", post(again))
        .route("/attach", post(attach).layer(DefaultBodyLimit::max(LARGEST)))
        .route("/file/{kind}/{*id}", get(file))
        .layer(middleware::from_fn_with_state(page.clone(), lets_in))
        .with_state(page.clone());
    let looking = page.clone();
    tokio::spawn(async move { looking.looks().await });
    tokio::spawn(async move { axum::serve(listener, app).await });
    Ok(page)
}

/// Other pages in the same browser, and names that lead here, are kept out.
async fn lets_in(State(page): State<Arc<Page>>, request: Request, next: Next) -> Response {
    let told = |name, headers: &HeaderMap| {
        headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default().to_owned()
    };
    let (host, origin) = (told(header::HOST, request.headers()), told(header::ORIGIN, request.headers()));
    let port = page.addr.port();
    if host != format!("127.0.0.1:{port}") && host != format!("localhost:{port}") {
        return StatusCode::MISDIRECTED_REQUEST.into_response();
    }
    if request.method() == Method::POST && origin != format!("http://{host}") {
        return StatusCode::FORBIDDEN.into_response();
    }
    let mut response = next.run(request).await;
    for (name, value) in [
        (header::CONTENT_SECURITY_POLICY, POLICY),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::CACHE_CONTROL, "no-store"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    ] {
        response.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    response
}

/// Every part of the page, and from then on each that changes.
async fn events(State(page): State<Arc<Page>>) -> Sse<impl Stream<Item = Result<sse::Event, Infallible>>> {
    let mut changes = page.parts.subscribe();
    changes.mark_changed();
    let begun = (changes, Parts::new(), VecDeque::new());
    let stream = futures::stream::unfold(begun, |(mut changes, mut sent, mut queue)| async move {
        loop {
            if let Some(event) = queue.pop_front() {
                return Some((Ok(event), (changes, sent, queue)));
            }
            changes.changed().await.ok()?;
            let parts = changes.borrow_and_update().clone();
            let new = parts.iter().filter(|(name, seen)| sent.get(*name) != Some(seen));
            queue.extend(new.map(|(name, seen)| sse::Event::default().event(name).data(&**seen)));
            sent.clone_from(&parts);
        }
    });
    Sse::new(stream).keep_alive(sse::KeepAlive::default())
}

fn answer(done: Result<(), String>) -> Response {
    match done {
        Ok(()) => StatusCode::NO_CONTENT.into_response(),
        Err(why) => (StatusCode::UNPROCESSABLE_ENTITY, why).into_response(),
    }
}

async fn order(State(page): State<Arc<Page>>, Json(order): Json<Order>) -> Response {
    answer(page.scene().obeys(order).await)
}

/// A new world.
async fn again(State(page): State<Arc<Page>>) -> Response {
    answer(page.stages.again().await.map_err(|error| error.to_string()))
}

#[derive(Deserialize)]
struct Attached {
    phone: Phone,
    reply: Option<i32>,
    #[serde(default)]
    name: String,
}

async fn attach(State(page): State<Arc<Page>>, Query(to): Query<Attached>, bytes: Bytes) -> Response {
    answer(page.scene().sends(to.phone, to.reply, &to.name, &bytes))
}

/// A file that somebody has sent (`sent/ID`), that the bot has (`bot/CHAT/MESSAGE`), or of a lead (`crm/NUMBER`).
async fn file(State(page): State<Arc<Page>>, Path((kind, id)): Path<(String, String)>) -> Response {
    let stage = page.scene().stage.clone();
    let bytes = match kind.as_str() {
        "sent" => stage.telegram.file_content(&id),
        "bot" => id.split_once('/').and_then(|(chat, message)| {
            let (chat, message) = (chat.parse().ok()?, message.parse::<i32>().ok()?);
            let sent = stage.telegram.chat(chat).into_iter().find(|one| one.message_id == message)?;
            sent.document.map(|(_, bytes)| bytes)
        }),
        "crm" => {
            id.parse().ok().and_then(|at: usize| stage.amocrm.attachments().into_iter().nth(at)).map(|file| file.bytes)
        }
        _ => None,
    };
    let Some(bytes) = bytes else { return StatusCode::NOT_FOUND.into_response() };
    let mut headers = HeaderMap::new();
    match picture(&bytes) {
        Some(kind) => headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(kind)),
        None => headers.insert(header::CONTENT_DISPOSITION, HeaderValue::from_static("attachment")),
    };
    (headers, bytes).into_response()
}

/// The kind of a picture that a browser can show.
pub fn picture(bytes: &[u8]) -> Option<&'static str> {
    match bytes {
        [0xFF, 0xD8, 0xFF, ..] => Some("image/jpeg"),
        [0x89, b'P', b'N', b'G', ..] => Some("image/png"),
        [b'R', b'I', b'F', b'F', _, _, _, _, b'W', b'E', b'B', b'P', ..] => Some("image/webp"),
        _ => None,
    }
}
