//! One call of the Bot API: teloxide's payloads and errors over our own client, because teloxide reads an answer whole
//! however long it is.

use std::{io, sync::Arc};

use reqwest::{Client, RequestBuilder, Url, multipart::Form};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::Value;
use teloxide::{
    ApiError, RequestError,
    requests::Payload,
    types::{ResponseParameters, Update, UpdateKind},
};

use crate::net::{self, NetError};

/// Longest answer to anything but a poll: the sent message comes back, of at most 4,096 characters.
const ANSWER_CAP: usize = 1024 * 1024;

/// Longest answer to a poll. A hundred of the longest messages, each in reply to another, may be longer: fewer are asked
/// for then.
const POLL_CAP: usize = 8 * 1024 * 1024;

/// The Bot API of one bot through one client.
#[derive(Debug, Clone)]
pub struct Api {
    client: Client,
    base: Url,
    token: SecretString,
}

/// What every answer has around it.
#[derive(Deserialize)]
struct Envelope {
    ok: bool,
    result: Option<Value>,
    description: Option<String>,
    parameters: Option<Value>,
}

impl Api {
    /// At an address, for a bot's token.
    pub fn new(client: Client, base: Url, token: SecretString) -> Self {
        Self { client, base, token }
    }

    /// Calls the method that a payload is for.
    pub async fn call<P>(&self, payload: &P) -> Result<P::Output, RequestError>
    where
        P: Payload + Serialize,
        P::Output: DeserializeOwned,
    {
        read(&self.answer(self.post(P::NAME).json(payload), ANSWER_CAP).await?)
    }

    /// Calls a method with a file.
    pub async fn upload(&self, method: &str, form: Form) -> Result<Value, RequestError> {
        read(&self.answer(self.post(method).multipart(form), ANSWER_CAP).await?)
    }

    /// Asks for updates; one that cannot be parsed keeps its body in [`UpdateKind::Error`].
    pub async fn poll(&self, payload: &teloxide::payloads::GetUpdates) -> Result<Vec<Update>, RequestError> {
        let answer = self.answer(self.post("getUpdates").json(payload), POLL_CAP).await?;
        let parse = |body: Value| -> Result<Update, serde_json::Error> {
            let mut update = Update::deserialize(&body)?;
            if let UpdateKind::Error(kept) = &mut update.kind {
                *kept = body;
            }
            Ok(update)
        };
        let updates = read::<Vec<Value>>(&answer)?.into_iter().map(parse).collect::<Result<_, _>>();
        updates.map_err(|error| not_telegrams(error, &answer))
    }

    fn post(&self, method: &str) -> RequestBuilder {
        let mut url = self.base.clone();
        if let Ok(mut path) = url.path_segments_mut() {
            path.pop_if_empty().push(&format!("bot{}", self.token.expose_secret())).push(method);
        }
        self.client.post(url)
    }

    async fn answer(&self, request: RequestBuilder, cap: usize) -> Result<Vec<u8>, RequestError> {
        let answer = async { net::read_capped(net::send(request).await?, cap).await };
        answer.await.map_err(|error| match error {
            NetError::Failed(error) => RequestError::Network(Arc::new(error)),
            other => RequestError::Io(Arc::new(io::Error::other(other))),
        })
    }
}

/// Whether an answer was longer than its cap.
pub fn is_too_large(error: &RequestError) -> bool {
    let RequestError::Io(error) = error else { return false };
    error.get_ref().and_then(|error| error.downcast_ref()).is_some_and(|error| matches!(error, NetError::TooLarge(_)))
}

fn not_telegrams(source: serde_json::Error, body: &[u8]) -> RequestError {
    RequestError::InvalidJson { source: Arc::new(source), raw: String::from_utf8_lossy(body).into() }
}

/// The result of an answer, or the error it tells of.
fn read<T: DeserializeOwned>(body: &[u8]) -> Result<T, RequestError> {
    let invalid = |error| not_telegrams(error, body);
    let answer: Envelope = serde_json::from_slice(body).map_err(invalid)?;
    if answer.ok {
        return T::deserialize(answer.result.unwrap_or_default()).map_err(invalid);
    }
    match answer.parameters.and_then(|parameters| ResponseParameters::deserialize(parameters).ok()) {
        Some(ResponseParameters::RetryAfter(pause)) => return Err(RequestError::RetryAfter(pause)),
        Some(ResponseParameters::MigrateToChatId(chat)) => return Err(RequestError::MigrateToChatId(chat)),
        None => {}
    }
    let description = answer.description.unwrap_or_else(|| "an error without a description".into());
    Err(RequestError::Api(ApiError::deserialize(Value::String(description)).map_err(invalid)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_told_apart() {
        let read = |body: &str| read::<bool>(body.as_bytes());
        assert!(matches!(read(r#"{"ok":true,"result":true}"#), Ok(true)));
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
        for body in ["", "<html>", "[]", "{}", r#"{"ok":true,"result":{"new":1}}"#, r#"{"ok":true}"#] {
            assert!(matches!(read(body), Err(RequestError::InvalidJson { .. })), "{body}");
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
