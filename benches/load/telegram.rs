//! A Telegram that does as little as it can, so that what is measured is the daemon: HTTP/1.1 by hand, updates from a
//! queue, texts handed to whoever waits for them. How long the way to it takes can be set, for all and for one chat.

use std::{
    collections::{HashMap, VecDeque},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    sync::{Notify, mpsc},
};

pub const TOKEN: &str = "123456:AAFt2pQm7Zr-1KxY0wVbNc_8dLhGsUeJfo4";

#[derive(Default)]
struct State {
    updates: VecDeque<(i64, String)>,
    next_id: i64,
    readers: HashMap<i64, mpsc::UnboundedSender<String>>,
    /// Answers to messages for these chats come so much later.
    slow: HashMap<i64, Duration>,
}

/// The server; clones are handles to the same one.
#[derive(Clone)]
pub struct Telegram {
    url: String,
    state: Arc<Mutex<State>>,
    queued: Arc<Notify>,
    polls: Arc<AtomicU64>,
    requests: Arc<AtomicU64>,
    round_trip: Duration,
}

impl Telegram {
    /// Starts; every request takes at least this long from its sending to its answer.
    pub async fn start(round_trip: Duration) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        let state = State { next_id: 1000, ..State::default() };
        let (state, queued) = (Arc::new(Mutex::new(state)), Arc::default());
        let telegram = Self { url, state, queued, polls: Arc::default(), requests: Arc::default(), round_trip };
        let server = telegram.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let _ = stream.set_nodelay(true);
                tokio::spawn(server.clone().serve(stream));
            }
        });
        telegram
    }

    pub fn url(&self) -> &str {
        &self.url
    }

    pub fn polls(&self) -> u64 {
        self.polls.load(Ordering::Relaxed)
    }

    /// All but polls.
    pub fn requests(&self) -> u64 {
        self.requests.load(Ordering::Relaxed).saturating_sub(self.polls())
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// From now on the answer to a message for this chat takes so long.
    pub fn is_slow(&self, chat: i64, pause: Duration) {
        self.state().slow.insert(chat, pause);
    }

    /// What the bot says to a chat from now on.
    pub fn reads(&self, chat: i64) -> mpsc::UnboundedReceiver<String> {
        let (sender, receiver) = mpsc::unbounded_channel();
        self.state().readers.insert(chat, sender);
        receiver
    }

    fn queue(&self, update: impl FnOnce(i64) -> String) {
        let mut state = self.state();
        let id = state.next_id;
        state.next_id += 1;
        state.updates.push_back((id, update(id)));
        drop(state);
        self.queued.notify_waiters();
    }

    /// A person writes.
    pub fn say(&self, chat: i64, text: &str) {
        let entities = match text.starts_with('/') {
            true => format!(r#","entities":[{{"type":"bot_command","offset":0,"length":{}}}]"#, text.len()),
            false => String::new(),
        };
        self.queue(|id| {
            format!(
                r#"{{"update_id":{id},"message":{{"message_id":{id},"date":{},"from":{},"chat":{},"text":"{text}"{entities}}}}}"#,
                chrono::Utc::now().timestamp(),
                from(chat),
                private(chat),
            )
        });
    }

    /// A person presses a button.
    pub fn press(&self, chat: i64, data: &str) {
        self.queue(|id| {
            format!(
                r#"{{"update_id":{id},"callback_query":{{"id":"{id}","from":{},"chat_instance":"1","data":"{data}","message":{{"message_id":{id},"date":{},"chat":{},"text":"?"}}}}}}"#,
                from(chat),
                chrono::Utc::now().timestamp(),
                private(chat),
            )
        });
    }

    async fn serve(self, mut stream: TcpStream) {
        let mut buffer = Vec::with_capacity(4096);
        loop {
            let (length, head) = loop {
                if let Some(found) = request_length(&buffer) {
                    break found;
                }
                match stream.read_buf(&mut buffer).await {
                    Ok(0) | Err(_) => return,
                    Ok(_) => {}
                }
            };
            while buffer.len() < length {
                match stream.read_buf(&mut buffer).await {
                    Ok(0) | Err(_) => return,
                    Ok(_) => {}
                }
            }
            let line = String::from_utf8_lossy(&buffer[..buffer.iter().position(|byte| *byte == b'\r').unwrap_or(0)]);
            let path = line.split(' ').nth(1).unwrap_or_default();
            let method = path.rsplit('/').next().unwrap_or_default().to_lowercase();
            let params: Value = serde_json::from_slice(&buffer[head..length]).unwrap_or_default();
            sleep(self.round_trip / 2).await;
            let (body, pause) = self.answer(&method, &params).await;
            sleep(self.round_trip / 2 + pause).await;
            let head =
                format!("HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n", body.len());
            if stream.write_all(&[head.as_bytes(), body.as_bytes()].concat()).await.is_err() {
                return;
            }
            buffer.drain(..length);
        }
    }

    async fn answer(&self, method: &str, params: &Value) -> (String, Duration) {
        let ok = |result: Value| (json!({"ok": true, "result": result}).to_string(), Duration::ZERO);
        self.requests.fetch_add(1, Ordering::Relaxed);
        match method {
            "getupdates" => (self.updates(params).await, Duration::ZERO),
            "sendmessage" => {
                let chat = params["chat_id"].as_i64().unwrap_or_default();
                let state = self.state();
                if let Some(reader) = state.readers.get(&chat) {
                    // Whoever has read enough is gone.
                    let _ = reader.send(params["text"].as_str().unwrap_or_default().to_owned());
                }
                let pause = state.slow.get(&chat).copied().unwrap_or_default();
                let sent = format!(r#"{{"ok":true,"result":{{"message_id":1,"date":1,"chat":{}}}}}"#, private(chat));
                (sent, pause)
            }
            "getme" => ok(json!({
                "id": 123456, "is_bot": true, "first_name": "Заявки", "username": "avto_zayavka_bot",
                "can_join_groups": true, "can_read_all_group_messages": false, "supports_inline_queries": false
            })),
            _ => ok(json!(true)),
        }
    }

    async fn updates(&self, params: &Value) -> String {
        self.polls.fetch_add(1, Ordering::Relaxed);
        let offset = params["offset"].as_i64().unwrap_or(0);
        let limit = params["limit"].as_u64().unwrap_or(100) as usize;
        let patience = Duration::from_secs(params["timeout"].as_u64().unwrap_or(0));
        let deadline = tokio::time::Instant::now() + patience;
        loop {
            let mut queued = std::pin::pin!(self.queued.notified());
            queued.as_mut().enable();
            {
                let mut state = self.state();
                while state.updates.front().is_some_and(|(id, _)| *id < offset) {
                    state.updates.pop_front();
                }
                if !state.updates.is_empty() {
                    let list: Vec<&str> = state.updates.iter().take(limit).map(|(_, update)| update.as_str()).collect();
                    return format!(r#"{{"ok":true,"result":[{}]}}"#, list.join(","));
                }
            }
            if tokio::time::timeout_at(deadline, queued).await.is_err() {
                return r#"{"ok":true,"result":[]}"#.into();
            }
        }
    }
}

/// No pause is none: tokio's timer takes a millisecond even for that.
async fn sleep(pause: Duration) {
    if !pause.is_zero() {
        tokio::time::sleep(pause).await;
    }
}

/// The length of a request that begins the buffer, and of its head; `None` while the head is not whole.
fn request_length(buffer: &[u8]) -> Option<(usize, usize)> {
    let head = buffer.windows(4).position(|window| window == b"\r\n\r\n")? + 4;
    let text = String::from_utf8_lossy(&buffer[..head]).to_lowercase();
    let body = text.split("content-length:").nth(1).and_then(|rest| rest.split("\r\n").next()?.trim().parse().ok());
    Some((head + body.unwrap_or(0), head))
}

fn from(chat: i64) -> String {
    format!(r#"{{"id":{chat},"is_bot":false,"first_name":"Иван","language_code":"ru"}}"#)
}

fn private(chat: i64) -> String {
    format!(r#"{{"id":{chat},"type":"private","first_name":"Иван"}}"#)
}
