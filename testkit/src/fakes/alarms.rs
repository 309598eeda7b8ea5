//! Where alerts go besides Telegram: a webhook and a mail server, as small as they can be.

// Each test binary uses a part.
#![allow(dead_code)]

use std::{
    net::SocketAddr,
    sync::{Arc, Mutex},
};

use axum::{Json, Router, extract::State, http::StatusCode, routing::post};
use serde_json::Value;
use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader},
    net::{TcpListener, TcpStream},
};

type Texts = Arc<Mutex<Vec<String>>>;

/// Takes a POST of JSON with a text.
pub struct FakeWebhook {
    addr: SocketAddr,
    taken: Texts,
    answer: Arc<Mutex<StatusCode>>,
}

impl FakeWebhook {
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let addr = listener.local_addr().expect("an address");
        let (taken, answer) = (Texts::default(), Arc::new(Mutex::new(StatusCode::OK)));
        let take = async |State((taken, answer)): State<(Texts, Arc<Mutex<StatusCode>>)>, Json(body): Json<Value>| {
            let answer = *answer.lock().expect("no panic under it");
            assert_eq!(body.as_object().map(|body| body.len()), Some(1), "{body}");
            if answer.is_success() {
                taken.lock().expect("no panic under it").push(body["text"].as_str().expect("a text").to_owned());
            }
            answer
        };
        let app = Router::new().route("/hook/hush-hook", post(take)).with_state((taken.clone(), answer.clone()));
        tokio::spawn(async move { axum::serve(listener, app).await });
        Self { addr, taken, answer }
    }

    pub fn url(&self) -> String {
        format!("http://{}/hook/hush-hook", self.addr)
    }

    pub fn answers(&self, status: u16) {
        *self.answer.lock().expect("no panic under it") = StatusCode::from_u16(status).expect("a status");
    }

    pub fn texts(&self) -> Vec<String> {
        self.taken.lock().expect("no panic under it").clone()
    }

    pub fn has(&self, words: &str) -> usize {
        self.texts().iter().filter(|text| text.contains(words)).count()
    }
}

/// Takes mail in plain text, as a relay on the same machine does.
pub struct FakeMail {
    addr: SocketAddr,
    taken: Texts,
}

impl FakeMail {
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let mail = Self { addr: listener.local_addr().expect("an address"), taken: Texts::default() };
        let taken = mail.taken.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream, taken.clone()));
            }
        });
        mail
    }

    pub fn url(&self) -> String {
        format!("smtp://robot:hush-mail@{}/?to=admin@example.com&from=bot@example.com", self.addr)
    }

    /// Each mail with its head, as it came.
    pub fn texts(&self) -> Vec<String> {
        self.taken.lock().expect("no panic under it").clone()
    }
}

async fn serve(stream: TcpStream, taken: Texts) -> std::io::Result<()> {
    let (reader, mut writer) = stream.into_split();
    let mut lines = BufReader::new(reader).lines();
    writer.write_all(b"220 fake ESMTP\r\n").await?;
    while let Some(line) = lines.next_line().await? {
        let command = line.split_whitespace().next().unwrap_or_default().to_uppercase();
        let answer: &[u8] = match command.as_str() {
            "EHLO" => b"250-fake\r\n250-8BITMIME\r\n250 AUTH PLAIN LOGIN\r\n",
            "AUTH" => b"235 welcome\r\n",
            "DATA" => {
                writer.write_all(b"354 go on\r\n").await?;
                let mut mail = String::new();
                while let Some(line) = lines.next_line().await?.filter(|line| line != ".") {
                    mail.push_str(&line);
                    mail.push('\n');
                }
                taken.lock().expect("no panic under it").push(mail);
                b"250 taken\r\n"
            }
            "QUIT" => return writer.write_all(b"221 bye\r\n").await,
            _ => b"250 ok\r\n",
        };
        writer.write_all(answer).await?;
    }
    Ok(())
}
