//! A forward proxy on loopback that dies as proxies do.

// Each test binary uses a part.
#![allow(dead_code)]

use std::{
    net::SocketAddr,
    sync::{
        Arc, Mutex, MutexGuard,
        atomic::{AtomicUsize, Ordering},
    },
};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt, copy_bidirectional},
    net::{TcpListener, TcpStream},
};
use tokio_util::sync::CancellationToken;

/// What the proxy does with a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Passes it on.
    Works,
    /// Closes the connection at once.
    Dead,
    /// Takes it and never answers.
    Hangs,
    /// Passes everything on but getUpdates, which it never answers.
    HangsOnPolls,
    /// 407, as when it is no longer paid for.
    WantsPassword,
    /// 200 with a page of its own.
    Captive,
}

/// A running proxy; clones are handles to the same one.
#[derive(Clone)]
pub struct FakeProxy {
    addr: SocketAddr,
    state: Arc<Mutex<(Mode, CancellationToken)>>,
    passed: Arc<AtomicUsize>,
}

impl FakeProxy {
    /// Starts on a free port of 127.0.0.1.
    pub async fn start(mode: Mode) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let proxy = Self {
            addr: listener.local_addr().expect("an address"),
            state: Arc::new(Mutex::new((mode, CancellationToken::new()))),
            passed: Arc::default(),
        };
        let serving = proxy.clone();
        tokio::spawn(async move {
            loop {
                let Ok((stream, _)) = listener.accept().await else { continue };
                let (mode, cut) = serving.state().clone();
                let serving = serving.clone();
                tokio::spawn(async move {
                    tokio::select! {
                        _ = serving.serve(stream, mode) => {}
                        () = cut.cancelled() => {}
                    }
                });
            }
        });
        proxy
    }

    /// The value for TELEGRAM_PROXY.
    pub fn url(&self) -> String {
        format!("http://user:hush-proxy@{}", self.addr)
    }

    /// From now on, also for what is connected.
    pub fn turns(&self, mode: Mode) {
        let mut state = self.state();
        state.1.cancel();
        *state = (mode, CancellationToken::new());
    }

    /// How many requests were passed on so far.
    pub fn passed(&self) -> usize {
        self.passed.load(Ordering::Relaxed)
    }

    fn state(&self) -> MutexGuard<'_, (Mode, CancellationToken)> {
        self.state.lock().expect("no panic under it")
    }

    async fn serve(&self, mut stream: TcpStream, mode: Mode) -> std::io::Result<()> {
        if mode == Mode::Dead {
            return Ok(());
        }
        let mut said = Vec::new();
        let end = loop {
            if stream.read_buf(&mut said).await? == 0 {
                return Ok(());
            }
            if let Some(end) = said.windows(4).position(|four| four == b"\r\n\r\n") {
                break end;
            }
        };
        let head = String::from_utf8_lossy(&said[..end]).into_owned();
        let target = head.split_whitespace().nth(1).unwrap_or_default().to_owned();
        match mode {
            Mode::Hangs => return std::future::pending().await,
            Mode::HangsOnPolls if target.ends_with("/getUpdates") => return std::future::pending().await,
            Mode::WantsPassword => {
                let answer =
                    "HTTP/1.1 407 Proxy Authentication Required\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";
                return stream.write_all(answer.as_bytes()).await;
            }
            Mode::Captive => {
                let page = "<html>pay for your internet</html>";
                let answer =
                    format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{page}", page.len());
                return stream.write_all(answer.as_bytes()).await;
            }
            _ => {}
        }
        self.passed.fetch_add(1, Ordering::Relaxed);
        let host = target.trim_start_matches("http://").split('/').next().unwrap_or_default();
        let mut server = TcpStream::connect(host).await?;
        // One request to a connection, so that each is looked at.
        server.write_all(head.as_bytes()).await?;
        server.write_all(b"\r\nconnection: close").await?;
        server.write_all(&said[end..]).await?;
        copy_bidirectional(&mut stream, &mut server).await.map(drop)
    }
}
