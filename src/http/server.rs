//! One server for the life of the process. Who leads, waits or stops only swaps what it answers; nothing ever waits
//! for whoever is at the other end of a connection.

use std::{convert::Infallible, future::Future, sync::Arc, time::Duration};

use axum::{
    Router,
    http::StatusCode,
    response::{IntoResponse, Response},
};
use hyper::{
    body::Incoming,
    server::conn::http1,
    service::{Service, service_fn},
};
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    service::TowerToHyperService,
};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::watch,
    time::{Instant, timeout},
};
use tokio_util::{
    sync::{CancellationToken, DropGuard},
    task::TaskTracker,
};
use tracing::warn;

use super::places::{Phase, Place, Places};

/// A client has so long to say what it wants, however it drips.
const ASKS: Duration = Duration::from_secs(3);

/// Its answer takes at most so long: longer than an exchange of a code may take.
const WORKS: Duration = Duration::from_secs(75);

/// And it has so long to take its answer.
const TAKES_ANSWER: Duration = Duration::from_secs(5);

/// Answers that are ready when the server closes have so long to leave.
const LAST_WORDS: Duration = Duration::from_millis(500);

/// The most bytes of an address with all headers; amoCRM's codes have about 1,000.
const MOST_HEADER_BYTES: usize = 16 * 1024;

/// The most headers.
const MOST_HEADERS: usize = 64;

/// Pause after the system had no connection to give.
const ACCEPT_AGAIN: Duration = Duration::from_millis(500);

/// That connections gave way is logged at most so often.
const TELL_EVERY: Duration = Duration::from_secs(60);

/// What is answered, and where the work at it is counted: whoever leads waits for that, never for a connection.
#[derive(Debug, Clone)]
struct Answers {
    router: Router,
    work: TaskTracker,
}

/// A listening server; it closes when dropped.
#[derive(Debug)]
pub struct Server {
    answers: watch::Sender<Answers>,
    connections: TaskTracker,
    closing: DropGuard,
}

impl Server {
    /// Answers from now on. Needs a running tokio runtime.
    pub fn open(listener: std::net::TcpListener, router: Router) -> std::io::Result<Self> {
        let listener = TcpListener::from_std(listener)?;
        let (answers, current) = watch::channel(Answers { router, work: TaskTracker::new() });
        let (connections, closing) = (TaskTracker::new(), CancellationToken::new());
        tokio::spawn(accept(listener, current, connections.clone(), closing.clone()));
        Ok(Self { answers, connections, closing: closing.drop_guard() })
    }

    /// Swaps what is answered to requests that are complete from now on; `work` counts them.
    pub fn answer(&self, router: Router, work: TaskTracker) {
        self.answers.send_replace(Answers { router, work });
    }

    /// Drops whoever has not asked yet; answers that are ready leave, within half a second.
    pub async fn close(self) {
        drop(self.closing);
        self.connections.close();
        let _ = timeout(LAST_WORDS, self.connections.wait()).await;
    }
}

async fn accept(
    listener: TcpListener,
    answers: watch::Receiver<Answers>,
    connections: TaskTracker,
    closing: CancellationToken,
) {
    let places = Arc::new(Places::default());
    let mut told: Option<Instant> = None;
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = closing.cancelled() => return,
        };
        let (stream, peer) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                warn!(%error, "a connection to the web page could not be taken");
                tokio::time::sleep(ACCEPT_AGAIN).await;
                continue;
            }
        };
        if let Some(place) = places.take(peer.ip()) {
            connections.spawn(attend(stream, Arc::new(place), answers.clone(), closing.clone()));
        }
        if told.is_none_or(|told| told.elapsed() > TELL_EVERY) {
            let dropped = places.gave_way();
            if dropped > 0 {
                warn!(dropped, "too many unfinished connections to the web page; the oldest were dropped");
                told = Some(Instant::now());
            }
        }
    }
}

/// One connection with its one request. How it ends concerns only whoever is at the other end.
async fn attend(stream: TcpStream, place: Arc<Place>, answers: watch::Receiver<Answers>, closing: CancellationToken) {
    let phase = place.phase();
    let asked = place.clone();
    let service = service_fn(move |request| work(request, asked.clone(), answers.borrow().clone()));
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .max_buf_size(MOST_HEADER_BYTES)
        .max_headers(MOST_HEADERS)
        .keep_alive(false)
        .serve_connection(TokioIo::new(stream), service);
    tokio::pin!(connection);
    tokio::select! {
        _ = &mut connection => return,
        () = out_of_time(phase.clone()) => return,
        () = place.evicted() => return,
        () = closing.cancelled() => {}
    }
    if *phase.borrow() != Phase::Asking {
        let _ = timeout(LAST_WORDS, connection).await;
    }
}

/// Makes the answer in a task of its own, which goes on if the client does not wait for it: a code may be under way that
/// can be used only once. Whether a body is read is up to whoever answers.
fn work(
    request: hyper::Request<Incoming>,
    place: Arc<Place>,
    answers: Answers,
) -> impl Future<Output = Result<Response, Infallible>> {
    place.enter(Phase::Working);
    let answer = TowerToHyperService::new(answers.router).call(request);
    let held = place.clone();
    let made = answers.work.spawn(async move {
        let answer = answer.await;
        drop(held);
        answer
    });
    async move {
        let answer = match made.await {
            Ok(Ok(answer)) => answer,
            Ok(Err(never)) => match never {},
            Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
        };
        place.enter(Phase::Answering);
        Ok(answer)
    }
}

/// Resolves when a connection has been in one phase for too long.
async fn out_of_time(mut phase: watch::Receiver<Phase>) {
    // An error is a place given back, which ends the connection anyway.
    for (lasts, here) in [(ASKS, Phase::Asking), (WORKS, Phase::Working), (TAKES_ANSWER, Phase::Answering)] {
        if timeout(lasts, phase.wait_for(|now| *now != here)).await.is_err() {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use axum::routing::get;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    use super::*;

    const GET: &[u8] = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n";

    fn server(router: Router) -> (Server, std::net::SocketAddr) {
        let listener = crate::http::bind(([127, 0, 0, 1], 0).into()).expect("a port");
        let addr = listener.local_addr().expect("an address");
        (Server::open(listener, router).expect("a server"), addr)
    }

    /// What comes until the server closes the connection, and after how long that was.
    async fn ask(addr: std::net::SocketAddr, said: &[u8]) -> (String, Duration) {
        let begun = Instant::now();
        let mut stream = TcpStream::connect(addr).await.expect("a connection");
        stream.write_all(said).await.expect("it is taken");
        let mut answer = Vec::new();
        let _ = timeout(Duration::from_secs(9), stream.read_to_end(&mut answer)).await.expect("it is closed");
        (String::from_utf8_lossy(&answer).into_owned(), begun.elapsed())
    }

    #[tokio::test]
    async fn what_is_answered_is_swapped_under_one_address() {
        let (server, addr) = server(Router::new().route("/", get(|| async { "waits" })));
        let mut early = TcpStream::connect(addr).await.expect("a connection");
        early.write_all(&GET[..GET.len() - 2]).await.expect("it is taken");
        assert!(ask(addr, GET).await.0.ends_with("waits"));
        server.answer(Router::new().route("/", get(|| async { "leads" })), TaskTracker::new());
        assert!(ask(addr, GET).await.0.ends_with("leads"));
        early.write_all(b"\r\n").await.expect("it is taken");
        let mut answer = String::new();
        early.read_to_string(&mut answer).await.expect("an answer");
        assert!(answer.ends_with("leads"), "{answer}");
    }

    #[tokio::test]
    async fn unfinished_requests_end_soon_and_large_ones_at_once() {
        let (_server, addr) = server(Router::new().route("/", get(|| async { "ok" })));
        let large = [b"GET / HTTP/1.1\r\nX: ".as_slice(), &[b'x'; 20_000]].concat();
        let ((silent, for_long), (half, _), (large, at_once)) =
            tokio::join!(ask(addr, b""), ask(addr, b"GET / HTTP/1.1\r\nHost:"), ask(addr, &large));
        assert_eq!((silent.as_str(), half.as_str()), ("", ""));
        assert!(for_long >= ASKS && for_long < ASKS * 2, "{for_long:?}");
        assert!(at_once < ASKS && !large.contains("200 OK"), "{at_once:?} {large}");
    }

    #[tokio::test]
    async fn who_does_not_take_an_answer_is_dropped() {
        let (server, addr) = server(Router::new().route("/", get(|| async { vec![0; 64 << 20] })));
        let mut slow = TcpStream::connect(addr).await.expect("a connection");
        slow.write_all(GET).await.expect("it is taken");
        while server.connections.is_empty() {
            tokio::task::yield_now().await;
        }
        let begun = Instant::now();
        server.connections.close();
        timeout(TAKES_ANSWER * 2, server.connections.wait()).await.expect("it is dropped");
        assert!(begun.elapsed() + Duration::from_millis(200) > TAKES_ANSWER, "{:?}", begun.elapsed());
    }

    #[tokio::test]
    async fn closing_finishes_answers_and_waits_for_nobody() {
        let work = TaskTracker::new();
        let (server, addr) = server(Router::new());
        let slow = get(|| async {
            tokio::time::sleep(Duration::from_millis(300)).await;
            "done"
        });
        server.answer(Router::new().route("/", slow), work.clone());
        let mut half = TcpStream::connect(addr).await.expect("a connection");
        half.write_all(b"GET").await.expect("it is taken");
        let asked = tokio::spawn(ask(addr, GET));
        while work.is_empty() {
            tokio::task::yield_now().await;
        }
        // Somebody who asks and goes away: the work goes on.
        let mut gone = TcpStream::connect(addr).await.expect("a connection");
        gone.write_all(GET).await.expect("it is taken");
        while work.len() < 2 {
            tokio::task::yield_now().await;
        }
        drop(gone);
        tokio::time::sleep(Duration::from_millis(50)).await;
        assert_eq!(work.len(), 2);
        work.close();
        work.wait().await;
        let begun = Instant::now();
        server.close().await;
        assert!(begun.elapsed() < LAST_WORDS, "{:?}", begun.elapsed());
        assert!(asked.await.expect("no panic").0.ends_with("done"));
        assert_eq!(half.read(&mut [0; 9]).await.unwrap_or(0), 0);
        assert!(TcpStream::connect(addr).await.is_err(), "nobody listens");
    }
}
