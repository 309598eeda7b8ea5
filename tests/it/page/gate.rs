//! A door in front of a server, on the level of bytes: it lets through, or a stranger answers instead.

use std::{
    net::SocketAddr,
    sync::{Arc, Mutex},
};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt, copy_bidirectional},
    net::{TcpListener, TcpStream},
};
use tokio_util::sync::CancellationToken;

/// What whoever knocks gets.
#[derive(Clone)]
pub enum Does {
    /// The server behind.
    Pass,
    /// A JSON text that never ends, as fast as it is taken.
    Endless,
    /// The same for addresses with this in them; others pass.
    EndlessAt(&'static str),
    /// 302 to there.
    Redirect(String),
}

struct State {
    does: Does,
    heads: Vec<String>,
    change: CancellationToken,
}

#[derive(Clone)]
pub struct Gate {
    pub addr: SocketAddr,
    state: Arc<Mutex<State>>,
}

impl Gate {
    /// A door in front of a server of this address; what does not pass needs none.
    pub async fn new(behind: &str, does: Does) -> Self {
        let behind = behind.trim_start_matches("http://").to_owned();
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let state = State { does, heads: Vec::new(), change: CancellationToken::new() };
        let gate = Self { addr: listener.local_addr().expect("an address"), state: Arc::new(Mutex::new(state)) };
        let opened = gate.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (gate, behind) = (opened.clone(), behind.clone());
                tokio::spawn(async move {
                    let change = gate.state.lock().expect("no panic").change.clone();
                    tokio::select! {
                        () = gate.answer(stream, &behind) => {}
                        () = change.cancelled() => {}
                    }
                });
            }
        });
        gate
    }

    pub fn url(&self) -> String {
        format!("http://{}", self.addr)
    }

    /// From now on; what is open is cut.
    pub fn does(&self, does: Does) {
        let mut state = self.state.lock().expect("no panic");
        state.does = does;
        state.heads.clear();
        std::mem::take(&mut state.change).cancel();
    }

    /// The requests that a stranger has answered since the last change.
    pub fn heads(&self) -> Vec<String> {
        self.state.lock().expect("no panic").heads.clone()
    }

    async fn answer(&self, mut stream: TcpStream, behind: &str) {
        let does = self.state.lock().expect("no panic").does.clone();
        if let Does::Pass = does {
            let Ok(mut server) = TcpStream::connect(behind).await else { return };
            let _ = copy_bidirectional(&mut stream, &mut server).await;
            return;
        }
        let mut head = vec![0; 65_536];
        let length = stream.read(&mut head).await.unwrap_or(0);
        let head = String::from_utf8_lossy(&head[..length]).into_owned();
        if let Does::EndlessAt(path) = does
            && !head.contains(path)
        {
            let Ok(mut server) = TcpStream::connect(behind).await else { return };
            // The next request comes on a connection of its own.
            let _ = server.write_all(head.replacen("\r\n", "\r\nConnection: close\r\n", 1).as_bytes()).await;
            let _ = copy_bidirectional(&mut stream, &mut server).await;
            return;
        }
        self.state.lock().expect("no panic").heads.push(head);
        if let Does::Redirect(to) = does {
            let answer = format!("HTTP/1.1 302 Found\r\nLocation: {to}\r\nContent-Length: 0\r\n\r\n");
            let _ = stream.write_all(answer.as_bytes()).await;
            return;
        }
        let begin = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n{\"ok\":true,\"result\":[";
        let _ = stream.write_all(begin).await;
        let more = "0,".repeat(64 * 1024);
        while stream.write_all(more.as_bytes()).await.is_ok() {}
    }
}
