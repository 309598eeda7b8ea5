//! The listener whose connections can be cut, and the bodies amoCRM answers with.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::Body;
use axum::extract::connect_info::Connected;
use axum::http::{HeaderValue, Response, StatusCode, header};
use axum::serve::{IncomingStream, Listener};
use serde_json::{Value, json};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::{CancellationToken, WaitForCancellationFutureOwned};

/// How long the listener rests after a failed accept.
const ACCEPT_PAUSE: Duration = Duration::from_millis(10);

/// A listener that gives every connection a switch to cut it.
pub(super) struct CuttableListener {
    pub(super) listener: TcpListener,
    pub(super) all: CancellationToken,
}

impl Listener for CuttableListener {
    type Io = CuttableStream;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Self::Io, Self::Addr) {
        loop {
            match self.listener.accept().await {
                Ok((stream, addr)) => {
                    let _ = stream.set_nodelay(true);
                    let cut = self.all.child_token();
                    let cancelled = Box::pin(cut.clone().cancelled_owned());
                    return (CuttableStream { stream, cut, cancelled }, addr);
                }
                Err(_) => tokio::time::sleep(ACCEPT_PAUSE).await,
            }
        }
    }

    fn local_addr(&self) -> io::Result<Self::Addr> {
        self.listener.local_addr()
    }
}

/// A connection that fails every read and write once it is cut, so that the server closes the socket.
pub(super) struct CuttableStream {
    stream: TcpStream,
    cut: CancellationToken,
    cancelled: Pin<Box<WaitForCancellationFutureOwned>>,
}

impl CuttableStream {
    fn check(&self) -> io::Result<()> {
        if self.cut.is_cancelled() {
            return Err(io::ErrorKind::ConnectionAborted.into());
        }
        Ok(())
    }
}

impl AsyncRead for CuttableStream {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        self.check()?;
        // Polled for its wake-up: a reader that waits must learn of the cut at once.
        let _ = self.cancelled.as_mut().poll(cx);
        Pin::new(&mut self.stream).poll_read(cx, buf)
    }
}

impl AsyncWrite for CuttableStream {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        self.check()?;
        Pin::new(&mut self.stream).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.check()?;
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

/// The switch of the connection a request came through.
#[derive(Clone)]
pub(super) struct Connection(CancellationToken);

impl Connection {
    /// Closes the socket; whatever is answered afterwards never leaves it.
    pub(super) fn cut(&self) {
        self.0.cancel();
    }
}

impl Connected<IncomingStream<'_, CuttableListener>> for Connection {
    fn connect_info(stream: IncomingStream<'_, CuttableListener>) -> Self {
        Connection(stream.io().cut.clone())
    }
}

/// What the server is about to send.
#[derive(Debug, Clone)]
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) content_type: Option<&'static str>,
    pub(super) headers: Vec<(&'static str, String)>,
    pub(super) body: String,
}

impl Answer {
    fn new(status: u16, content_type: &'static str, body: String) -> Self {
        Answer { status, content_type: Some(content_type), headers: Vec::new(), body }
    }

    /// A success of the API.
    pub(super) fn hal(body: &Value) -> Self {
        Self::new(200, "application/hal+json", body.to_string())
    }

    /// A success of the token endpoint.
    pub(super) fn json(body: &Value) -> Self {
        Self::new(200, "application/json", body.to_string())
    }

    /// Whatever this is, under the content type that amoCRM gives it.
    pub(super) fn raw(status: u16, body: String) -> Self {
        let content_type = match (body.trim_start().starts_with(['{', '[']), status) {
            (true, ..300) => "application/hal+json",
            (true, _) => "application/problem+json",
            (false, _) => "text/html; charset=UTF-8",
        };
        Answer::new(status, content_type, body)
    }

    /// A status without a body, such as the 204 of an empty list.
    pub(super) fn empty(status: u16) -> Self {
        Answer { status, content_type: None, headers: Vec::new(), body: String::new() }
    }

    /// A 200 with this text in place of JSON.
    pub(super) fn text(body: &str) -> Self {
        Self::new(200, "text/html; charset=UTF-8", body.to_owned())
    }

    /// A problem body of the API with further members.
    pub(super) fn problem_with(status: u16, detail: &str, extra: Value) -> Self {
        let mut body = json!({
            "title": reason(status),
            "type": format!("https://httpstatus.es/{status}"),
            "status": status,
            "detail": detail,
        });
        if let (Some(body), Value::Object(extra)) = (body.as_object_mut(), extra) {
            body.extend(extra);
        }
        Self::new(status, "application/problem+json", body.to_string())
    }

    /// A problem body of the API, with the wording amoCRM has for that status.
    pub(super) fn problem(status: u16) -> Self {
        match status {
            401 => Self::problem_with(401, "Неверный логин или пароль", json!({})),
            500 => Self::problem_with(500, "ErrInternalServer", json!({ "trace_id": hex(32) })),
            403 => Self::problem_with(403, "Недостаточно прав для выполнения запроса", json!({})),
            402 => Self::problem_with(402, "Account has been blocked", json!({})),
            429 => Self::problem_with(429, "Too many requests", json!({})),
            _ => Self::problem_with(status, reason(status), json!({})),
        }
    }

    /// A problem body of the token endpoint; `in_body` is the status it names, which may differ from the real one.
    pub(super) fn oauth_problem(status: u16, in_body: u16, hint: &str) -> Self {
        let body = json!({
            "hint": hint,
            "title": "Некорректный запрос",
            "type": "https://developers.amocrm.ru/v3/errors/OAuthProblemJson",
            "status": in_body,
            "detail": "В запросе отсутствует ряд параметров или параметры невалидны",
        });
        Self::new(status, "application/problem+json", body.to_string())
    }

    /// The token endpoint's answer to a client it does not know (any more).
    pub(super) fn oauth_invalid_client() -> Self {
        let body = json!({
            "title": "Некорректный клиент",
            "type": "https://developers.amocrm.ru/v3/errors/OAuthProblemJson",
            "status": 401,
            "detail": "Авторизация клиента не прошла",
        });
        Self::new(401, "application/problem+json", body.to_string())
    }

    /// The page nginx answers with in place of the application.
    pub(super) fn html(status: u16) -> Self {
        let reason = reason(status);
        let body = format!(
            "<html>\r\n<head><title>{status} {reason}</title></head>\r\n<body>\r\n\
             <center><h1>{status} {reason}</h1></center>\r\n<hr><center>nginx</center>\r\n</body>\r\n</html>\r\n"
        );
        Self::new(status, "text/html", body)
    }

    /// The `hint`, or else the `detail`, of a problem body.
    pub(super) fn said(&self) -> Option<String> {
        if self.content_type != Some("application/problem+json") {
            return None;
        }
        let body: Value = serde_json::from_str(&self.body).ok()?;
        body["hint"].as_str().or(body["detail"].as_str()).map(str::to_owned)
    }

    /// Adds a header.
    pub(super) fn header(mut self, name: &'static str, value: String) -> Self {
        self.headers.push((name, value));
        self
    }

    /// The answer as it goes out, with the headers every answer of amoCRM has (hyper adds `Date`).
    pub(super) fn into_response(self) -> Response<Body> {
        let mut response = Response::new(Body::from(self.body));
        *response.status_mut() = StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let headers = response.headers_mut();
        headers.insert(header::SERVER, HeaderValue::from_static("nginx"));
        if let Some(kind) = self.content_type {
            headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
        }
        let id = HeaderValue::from_str(&hex(32)).expect("hex is a header value");
        headers.insert("x-request-id", id);
        for (name, value) in self.headers {
            let value = HeaderValue::from_str(&value).expect("the fake sets plain header values");
            headers.insert(name, value);
        }
        response
    }
}

/// The reason phrase nginx prints for a status.
pub(super) fn reason(status: u16) -> &'static str {
    match status {
        503 => "Service Temporarily Unavailable",
        504 => "Gateway Time-out",
        other => StatusCode::from_u16(other).ok().and_then(|code| code.canonical_reason()).unwrap_or("Unknown"),
    }
}

/// This many random hexadecimal digits.
pub(super) fn hex(digits: usize) -> String {
    (0..digits).map(|_| char::from_digit(rand::random_range(0..16), 16).expect("below 16")).collect()
}
