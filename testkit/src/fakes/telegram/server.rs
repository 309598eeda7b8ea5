//! HTTP in front of the fake Telegram, on connections that can be cut for real.

use std::collections::HashMap;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::connect_info::Connected;
use axum::extract::{ConnectInfo, DefaultBodyLimit, FromRequest, Multipart, Request, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::serve::{IncomingStream, Listener};
use chrono::Utc;
use serde_json::{Value, json};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use tokio_util::sync::{CancellationToken, WaitForCancellationFutureOwned};

use super::fault::Fault;
use super::files;
use super::methods;
use super::params::{self, Params, Refusal, bad, refusal};
use super::world::Call;
use super::{Shared, TOKEN, polling};

/// The largest request the Bot API takes, a document of 50 MB and its parameters.
const MAX_BODY: usize = 51 * 1024 * 1024;

/// The download of a file, in the log and for faults.
const DOWNLOAD: &str = "download";

/// The open port and everything connected to it.
pub(super) struct Network {
    down: CancellationToken,
    accepting: Option<JoinHandle<()>>,
}

impl Network {
    pub(super) fn open(listener: TcpListener, shared: Arc<Shared>) -> Self {
        let down = CancellationToken::new();
        let app = Router::new()
            .fallback(handle)
            .layer(DefaultBodyLimit::disable())
            .with_state(shared)
            .into_make_service_with_connect_info::<Connection>();
        let listener = CuttableListener { listener, down: down.clone() };
        let accepting = tokio::spawn(async move {
            // Serving ends only with the task.
            let _ = axum::serve(listener, app).await;
        });
        Self { down, accepting: Some(accepting) }
    }

    /// Closes every connection and the port, and returns when the port refuses.
    pub(super) async fn close(&mut self) {
        self.down.cancel();
        if let Some(accepting) = self.accepting.take() {
            accepting.abort();
            // It ends as cancelled.
            let _ = accepting.await;
        }
    }
}

/// One connection, seen from a request that came over it.
#[derive(Clone, Debug)]
struct Connection {
    cut: CancellationToken,
}

impl Connection {
    /// Closes the connection; the request that asks for it is dropped with it.
    async fn cut(&self) -> Response {
        self.cut.cancel();
        std::future::pending().await
    }
}

struct CuttableListener {
    listener: TcpListener,
    down: CancellationToken,
}

/// A stream whose reads and writes fail once it is cut, which makes the server drop it and so close the socket.
struct CuttableStream {
    stream: TcpStream,
    cut: Pin<Box<WaitForCancellationFutureOwned>>,
}

impl Listener for CuttableListener {
    type Io = CuttableStream;
    type Addr = Connection;

    async fn accept(&mut self) -> (Self::Io, Self::Addr) {
        let (stream, _) = Listener::accept(&mut self.listener).await;
        // Without it answers wait for the client's acknowledgement.
        let _ = stream.set_nodelay(true);
        let cut = self.down.child_token();
        (CuttableStream { stream, cut: Box::pin(cut.clone().cancelled_owned()) }, Connection { cut })
    }

    fn local_addr(&self) -> io::Result<Self::Addr> {
        Ok(Connection { cut: self.down.clone() })
    }
}

impl Connected<IncomingStream<'_, CuttableListener>> for Connection {
    fn connect_info(stream: IncomingStream<'_, CuttableListener>) -> Self {
        stream.remote_addr().clone()
    }
}

impl CuttableStream {
    fn check(&mut self, cx: &mut Context<'_>) -> io::Result<()> {
        match self.cut.as_mut().poll(cx) {
            Poll::Ready(()) => Err(io::ErrorKind::ConnectionAborted.into()),
            Poll::Pending => Ok(()),
        }
    }
}

impl AsyncRead for CuttableStream {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        self.check(cx)?;
        Pin::new(&mut self.stream).poll_read(cx, buf)
    }
}

impl AsyncWrite for CuttableStream {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.check(cx)?;
        Pin::new(&mut self.stream).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

async fn handle(
    State(shared): State<Arc<Shared>>,
    ConnectInfo(connection): ConnectInfo<Connection>,
    request: Request,
) -> Response {
    let path = request.uri().path().replace("%3A", ":");
    let (is_file, rest) = match path.strip_prefix("/file") {
        Some(rest) => (true, rest),
        None => (false, path.as_str()),
    };
    let Some((token, name)) = rest.strip_prefix("/bot").and_then(|rest| rest.split_once('/')) else {
        return refuse(&not_found()).into_response();
    };
    if token != TOKEN {
        let refusal = if token_is_plausible(token) { unauthorized() } else { not_found() };
        return refuse(&refusal).into_response();
    }
    let Some(method) = is_file.then_some(DOWNLOAD).or_else(|| methods::canonical(name)) else {
        return refuse(&refusal(404, "Not Found: method not found")).into_response();
    };
    let mut params = match read_params(request).await {
        Ok(params) => params,
        Err(refusal) => return refuse(&refusal).into_response(),
    };
    if is_file {
        params.add_text("path", name.to_owned());
    }
    let params = params;
    let (number, fault) = {
        let mut world = shared.world();
        let chat = params::chat_of(&world, &params);
        let fault = world.faults.take(method, chat);
        world.calls.push(Call {
            method: method.to_owned(),
            params: Value::Object(params.values.clone()),
            at: Utc::now(),
            status: None,
            ended: false,
            fault: fault.as_ref().map(|(fault, _)| fault.clone()),
        });
        (world.calls.len() - 1, fault)
    };
    shared.calls_changed.notify_waiters();
    let _open = OpenCall { shared: &shared, number };
    let response = match fault {
        None => answer(&shared, method, &params).await.into_response(),
        Some((fault, cleared)) => match fault {
            Fault::Hang => {
                cleared.cancelled().await;
                answer(&shared, method, &params).await.into_response()
            }
            Fault::CutBefore => connection.cut().await,
            Fault::CutAfter => {
                answer(&shared, method, &params).await;
                connection.cut().await
            }
            Fault::Slow(delay) => {
                let answer = answer(&shared, method, &params).await;
                tokio::time::sleep(delay).await;
                answer.into_response()
            }
            Fault::Status(status) => gateway_page(status),
            Fault::Garbage => "{\"ok\":true,\"result\":<!doctype html>".into_response(),
            Fault::Newer => {
                answer(&shared, method, &params).await;
                json!({"ok": true, "result": {"brand_new": {"a": 1}}}).to_string().into_response()
            }
            Fault::Unparsable => {
                answer(&shared, method, &params).await;
                let deep = format!("{}{}", "[".repeat(200), "]".repeat(200));
                format!(r#"{{"ok":true,"result":{{"text":"\ud83d","date":1e999,"deep":{deep}}}}}"#).into_response()
            }
            Fault::TooManyRequests { retry_after } => Json {
                status: 429,
                body: json!({
                    "ok": false,
                    "error_code": 429,
                    "description": format!("Too Many Requests: retry after {retry_after}"),
                    "parameters": {"retry_after": retry_after},
                })
                .to_string()
                .into(),
            }
            .into_response(),
            Fault::Unauthorized => refuse(&unauthorized()).into_response(),
            Fault::NotFound => refuse(&not_found()).into_response(),
        },
    };
    shared.world().calls[number].status = Some(response.status().as_u16());
    response
}

/// A request in the log that is not over; gone with the connection.
struct OpenCall<'a> {
    shared: &'a Shared,
    number: usize,
}

impl Drop for OpenCall<'_> {
    fn drop(&mut self) {
        self.shared.world().calls[self.number].ended = true;
        self.shared.calls_changed.notify_waiters();
    }
}

async fn answer(shared: &Arc<Shared>, method: &str, params: &Params) -> Json {
    if method == DOWNLOAD {
        let file = files::download(&shared.world(), &params.string("path").unwrap_or_default());
        return file.map_or_else(|| refuse(&not_found()), |body| Json { status: 200, body });
    }
    let answer = match method {
        "getUpdates" => polling::get_updates(shared, params).await,
        _ => methods::call(shared, method, params),
    };
    match answer {
        Ok(Value::Array(updates)) if method == "getUpdates" => {
            Json { status: 200, body: polling::body(&shared.world(), &updates) }
        }
        Ok(result) => Json { status: 200, body: json!({"ok": true, "result": result}).to_string().into() },
        Err(refusal) => refuse(&refusal),
    }
}

struct Json {
    status: u16,
    body: Vec<u8>,
}

impl IntoResponse for Json {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.status).expect("a status of three digits");
        (status, [(header::CONTENT_TYPE, "application/json")], self.body).into_response()
    }
}

fn refuse(refusal: &Refusal) -> Json {
    let mut body = json!({"ok": false, "error_code": refusal.status, "description": refusal.description});
    if let Some(to) = refusal.migrate_to {
        body["parameters"] = json!({ "migrate_to_chat_id": to });
    }
    Json { status: refusal.status, body: body.to_string().into() }
}

fn unauthorized() -> Refusal {
    refusal(401, "Unauthorized")
}

fn not_found() -> Refusal {
    refusal(404, "Not Found")
}

fn gateway_page(status: u16) -> Response {
    let status = StatusCode::from_u16(status).expect("a status of three digits");
    let page = format!(
        "<html>\r\n<head><title>{status}</title></head>\r\n<body>\r\n<center><h1>{status}</h1></center>\r\n\
         <hr><center>nginx/1.18.0</center>\r\n</body>\r\n</html>\r\n"
    );
    (status, [(header::CONTENT_TYPE, "text/html")], page).into_response()
}

fn token_is_plausible(token: &str) -> bool {
    token.split_once(':').is_some_and(|(id, secret)| {
        id.parse::<u64>().is_ok()
            && secret.len() == 35
            && secret.chars().all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '-')
    })
}

/// Parameters from the query, and from a body of JSON, form fields or parts.
async fn read_params(request: Request<Body>) -> Result<Params, Refusal> {
    let mut params = Params::default();
    add_form(&mut params, request.uri().query().unwrap_or_default().as_bytes());
    let kind = request.headers().get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
    let kind = kind.unwrap_or_default().to_lowercase();
    if kind.starts_with("multipart/form-data") {
        let unreadable = |_| bad("can't parse multipart form");
        let mut parts = Multipart::from_request(request, &()).await.map_err(|_| bad("can't parse multipart form"))?;
        let mut files = HashMap::new();
        while let Some(part) = parts.next_field().await.map_err(unreadable)? {
            let name = part.name().unwrap_or_default().to_owned();
            match part.file_name().map(str::to_owned) {
                Some(file) => {
                    let bytes = part.bytes().await.map_err(unreadable)?;
                    files.insert(name, (file, bytes.to_vec()));
                }
                None => params.add_text(&name, part.text().await.map_err(unreadable)?),
            }
        }
        params.files = files;
        return Ok(params);
    }
    let body = axum::body::to_bytes(request.into_body(), MAX_BODY)
        .await
        .map_err(|_| refusal(413, "Request Entity Too Large"))?;
    if body.is_empty() {
        return Ok(params);
    }
    if kind.starts_with("application/json") {
        let Ok(Value::Object(fields)) = serde_json::from_slice(&body) else {
            return Err(bad("can't parse JSON object"));
        };
        for (name, value) in fields {
            match value {
                Value::String(text) => params.add_text(&name, text),
                value => drop(params.values.insert(name, value)),
            }
        }
    } else {
        add_form(&mut params, &body);
    }
    Ok(params)
}

fn add_form(params: &mut Params, encoded: &[u8]) {
    for (name, value) in url::form_urlencoded::parse(encoded) {
        params.add_text(&name, value.into_owned());
    }
}
