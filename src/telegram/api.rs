//! One call of the Bot API: teloxide's payloads and errors over our own client, because teloxide reads an answer whole
//! however long it is.

use std::{io, sync::Arc, time::Duration};

use reqwest::{Client, RequestBuilder, StatusCode, Url, multipart::Form};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use teloxide::{
    ApiError, RequestError,
    requests::Payload,
    types::{ChatId, Seconds},
};

use crate::net::{self, NetError};

use super::answer::{self, Answer, List};

/// Longest answer to anything but a poll: the sent message comes back, of at most 4,096 characters.
const ANSWER_CAP: usize = 1024 * 1024;

/// Longest answer to a poll. A hundred of the longest messages, each in reply to another, may be longer: fewer are asked
/// for then. What is read needs some thirty times as much memory at worst.
const POLL_CAP: usize = 2 * 1024 * 1024;

/// The Bot API of one bot through one client.
#[derive(Debug, Clone)]
pub struct Api {
    client: Client,
    base: Url,
    token: SecretString,
}

impl Api {
    /// At an address, for a bot's token.
    pub fn new(client: Client, base: Url, token: SecretString) -> Self {
        Self { client, base, token }
    }

    /// The bot's token.
    pub fn token(&self) -> &str {
        self.token.expose_secret()
    }

    /// Calls the method that a payload is for and returns what it tells, as it is.
    pub async fn ask<P: Payload + Serialize>(&self, payload: &P) -> Result<Value, RequestError> {
        result(&self.answer(self.post(P::NAME).json(payload), ANSWER_CAP).await?)
    }

    /// Calls the method that a payload is for, to have something done.
    pub async fn command<P: Payload + Serialize>(&self, payload: &P) -> Result<(), RequestError> {
        self.done(self.post(P::NAME).json(payload)).await.map(drop)
    }

    /// Calls a method with parameters as they stand here; returns what it tells, as far as that can be read.
    pub async fn command_raw(&self, method: &str, parameters: &Value) -> Result<Value, RequestError> {
        self.done(self.post(method).json(parameters)).await
    }

    /// Where the content of a file can be had for the next hour; `None` where Telegram tells of no such place.
    pub async fn file_path(&self, file_id: &str) -> Result<Option<String>, RequestError> {
        let request = self.post("getFile").json(&serde_json::json!({ "file_id": file_id }));
        let file = result(&self.answer(request, ANSWER_CAP).await?)?;
        // A server of one's own may name a file on its disk, which is none of ours.
        let is_ours = |path: &&str| !path.is_empty() && !path.starts_with('/') && !path.contains("..");
        Ok(file["file_path"].as_str().filter(is_ours).map(str::to_owned))
    }

    /// The content of a file, by the path that [`Self::file_path`] has told, of at most `cap` bytes; `None` where it is not
    /// there any more.
    pub async fn file(&self, path: &str, cap: usize, limit: Duration) -> Result<Option<Vec<u8>>, RequestError> {
        let mut url = self.base.clone();
        if let Ok(mut segments) = url.path_segments_mut() {
            segments.pop_if_empty().push("file").push(&format!("bot{}", self.token.expose_secret()));
            segments.extend(path.split('/'));
        }
        let content = async {
            let response = net::send(self.client.get(url).timeout(limit)).await?;
            match response.status() {
                StatusCode::OK => Ok(Ok(net::read_capped(response, cap).await?)),
                StatusCode::PROXY_AUTHENTICATION_REQUIRED => Err(NetError::ProxyRefuses),
                status => Ok(Err(status)),
            }
        };
        match content.await.map_err(request_error)? {
            Ok(content) => Ok(Some(content)),
            Err(StatusCode::NOT_FOUND | StatusCode::GONE) => Ok(None),
            Err(status) => Err(RequestError::Io(Arc::new(io::Error::other(format!("status {}", status.as_u16()))))),
        }
    }

    /// Calls a method with a file.
    pub async fn upload(&self, method: &str, form: Form) -> Result<(), RequestError> {
        self.done(self.post(method).multipart(form)).await.map(drop)
    }

    /// That Telegram did what it was asked is known from `ok` alone: whether or not the library can parse what follows,
    /// and where the answer breaks off behind it. Then it was done once, and again would be twice.
    async fn done(&self, request: RequestBuilder) -> Result<Value, RequestError> {
        let mut body = Vec::new();
        match self.answer_into(&mut body, request, ANSWER_CAP).await {
            _ if answer::is_ok_cut_off(&body) => Ok(Value::Null),
            Ok(()) => result(&body),
            Err(error) => Err(error),
        }
    }

    /// Asks for updates, for so long; see [`updates`].
    pub async fn poll(&self, parameters: &Value, limit: Duration) -> Result<Vec<u8>, RequestError> {
        self.answer(self.post("getUpdates").timeout(limit).json(parameters), POLL_CAP).await
    }

    fn post(&self, method: &str) -> RequestBuilder {
        let mut url = self.base.clone();
        if let Ok(mut path) = url.path_segments_mut() {
            path.pop_if_empty().push(&format!("bot{}", self.token.expose_secret())).push(method);
        }
        self.client.post(url)
    }

    async fn answer(&self, request: RequestBuilder, cap: usize) -> Result<Vec<u8>, RequestError> {
        let mut body = Vec::new();
        self.answer_into(&mut body, request, cap).await.map(|()| body)
    }

    async fn answer_into(&self, body: &mut Vec<u8>, request: RequestBuilder, cap: usize) -> Result<(), RequestError> {
        let answer = async {
            let response = net::send(request).await?;
            if response.status() == StatusCode::PROXY_AUTHENTICATION_REQUIRED {
                return Err(NetError::ProxyRefuses);
            }
            net::read_into(body, response, cap).await
        };
        answer.await.map_err(request_error)
    }
}

fn request_error(error: NetError) -> RequestError {
    match error {
        NetError::Failed(error) => RequestError::Network(Arc::new(error)),
        other => RequestError::Io(Arc::new(io::Error::other(other))),
    }
}

/// Whether an answer was longer than its cap.
pub fn is_too_large(error: &RequestError) -> bool {
    matches!(net_error(error), Some(NetError::TooLarge(_)))
}

/// Whether a proxy in between wants to know who asks.
pub fn is_proxys_refusal(error: &RequestError) -> bool {
    matches!(net_error(error), Some(NetError::ProxyRefuses))
}

fn net_error(error: &RequestError) -> Option<&NetError> {
    let RequestError::Io(error) = error else { return None };
    error.get_ref()?.downcast_ref()
}

/// The updates of an answer to a poll, each as it stands there, or the error it tells of.
pub fn updates(body: &[u8]) -> Result<List<'_>, RequestError> {
    match answer::list(body) {
        Some(Answer::List(list)) => Ok(list),
        Some(Answer::Other(answer)) => Err(refusal(&answer).unwrap_or_else(|| not_telegrams(body))),
        None => Err(not_telegrams(body)),
    }
}

/// The result of an answer, or the error it tells of.
fn result(body: &[u8]) -> Result<Value, RequestError> {
    match answer::value(body) {
        Some(mut answer) if answer["ok"] == true => Ok(answer["result"].take()),
        Some(answer) => Err(refusal(&answer).unwrap_or_else(|| not_telegrams(body))),
        None => Err(not_telegrams(body)),
    }
}

/// The error that an answer tells of; `None` when it is none of Telegram's.
fn refusal(answer: &Value) -> Option<RequestError> {
    if answer.get("ok")? != false {
        return None;
    }
    let parameters = &answer["parameters"];
    if let Some(pause) = parameters["retry_after"].as_u64() {
        let pause = u32::try_from(pause).unwrap_or(u32::MAX);
        return Some(RequestError::RetryAfter(Seconds::from_seconds(pause)));
    }
    if let Some(chat) = parameters["migrate_to_chat_id"].as_i64() {
        return Some(RequestError::MigrateToChatId(ChatId(chat)));
    }
    let description = answer["description"].as_str().unwrap_or("an error without a description");
    let unknown = || ApiError::Unknown(description.to_owned());
    let known = std::panic::catch_unwind(|| ApiError::deserialize(Value::from(description)).ok()).ok().flatten();
    Some(RequestError::Api(known.unwrap_or_else(unknown)))
}

fn not_telegrams(body: &[u8]) -> RequestError {
    let source = serde_json::from_slice::<serde::de::IgnoredAny>(body).err();
    let source = source.unwrap_or_else(|| serde::de::Error::custom("not an answer of the Bot API"));
    RequestError::InvalidJson { source: Arc::new(source), raw: String::from_utf8_lossy(body).into() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_told_apart() {
        let read = |body: &str| result(body.as_bytes());
        assert!(matches!(read(r#"{"ok":true,"result":true}"#), Ok(Value::Bool(true))));
        // Done, whatever it says of it.
        for body in [
            r#"{"ok":true,"result":{"message_id":1,"text":"\ud83d"}}"#,
            r#"{"ok":true,"result":1e999}"#,
            r#"{"ok":true,"result":{"new":1}}"#,
            r#"{"ok":true}"#,
        ] {
            assert!(read(body).is_ok(), "{body}");
        }
        let pause = r#"{"ok":false,"error_code":429,"description":"Too Many Requests: retry after 7","parameters":{"retry_after":7}}"#;
        assert!(matches!(read(pause), Err(RequestError::RetryAfter(pause)) if pause.seconds() == 7));
        let moved = r#"{"ok":false,"description":"Bad Request: …","parameters":{"migrate_to_chat_id":-1001}}"#;
        assert!(matches!(read(moved), Err(RequestError::MigrateToChatId(chat)) if chat.0 == -1001));
        let conflict = r#"{"ok":false,"description":"Conflict: terminated by other getUpdates request; make sure that only one bot instance is running"}"#;
        assert!(matches!(read(conflict), Err(RequestError::Api(ApiError::TerminatedByOtherGetUpdates))));
        for (body, words) in [
            (r#"{"ok":false,"description":"Bad Request: new","parameters":{}}"#, "Bad Request: new"),
            (r#"{"ok":false,"description":"Bad Request: new","parameters":7}"#, "Bad Request: new"),
            (r#"{"ok":false}"#, "an error without a description"),
        ] {
            assert!(matches!(read(body), Err(RequestError::Api(ApiError::Unknown(text))) if text == words), "{body}");
        }
        for body in [
            "",
            "<html>",
            "[]",
            "{}",
            r#"{"ok":"true"}"#,
            r#"{"ok":true,"result":{"message_id":"#,
            r#"{"ok":true,"result":<!doctype html>"#,
        ] {
            assert!(matches!(read(body), Err(RequestError::InvalidJson { .. })), "{body}");
        }
    }

    /// A server that says this much of an answer and hangs up.
    async fn says(text: &'static str) -> Api {
        use tokio::io::{AsyncReadExt, AsyncWriteExt};
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let base = format!("http://{}", listener.local_addr().expect("an address"));
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let _ = stream.read(&mut [0; 4096]).await;
                let head = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 900\r\n\r\n";
                let _ = stream.write_all(format!("{head}{text}").as_bytes()).await;
            }
        });
        Api::new(Client::new(), base.parse().expect("an address"), "1:a".to_owned().into())
    }

    #[tokio::test]
    async fn what_telegram_says_it_has_done_is_done_also_where_its_answer_breaks_off() {
        use teloxide::payloads::SendMessage;
        for (text, done) in [
            (r#"{"ok":true,"result":{"message_id":7,"date":17"#, true),
            (r#"{"ok":true,"#, true),
            (r#"{"ok":tr"#, false),
            (r#"{"ok":false,"error_code":500,"#, false),
            ("<html>", false),
            ("", false),
        ] {
            let api = says(text).await;
            let sent = api.command(&SendMessage::new(ChatId(1), "text")).await;
            assert_eq!(sent.is_ok(), done, "{text}: {sent:?}");
            // A question is not answered by that.
            assert!(api.ask(&SendMessage::new(ChatId(1), "text")).await.is_err(), "{text}");
        }
    }

    #[test]
    fn the_address_holds_the_token_and_the_method() {
        for (base, url) in [
            ("https://api.telegram.org", "https://api.telegram.org/bot1:a/getMe"),
            ("http://127.0.0.1:8081/", "http://127.0.0.1:8081/bot1:a/getMe"),
            ("https://proxy.example/tg/", "https://proxy.example/tg/bot1:a/getMe"),
            ("https://proxy.example/tg", "https://proxy.example/tg/bot1:a/getMe"),
        ] {
            let api = Api::new(Client::new(), base.parse().expect("an address"), "1:a".to_owned().into());
            assert_eq!(api.post("getMe").build().expect("a request").url().as_str(), url);
        }
    }
}
