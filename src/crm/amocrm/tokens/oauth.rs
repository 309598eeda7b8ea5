//! The calls to amoCRM's OAuth host: a grant for tokens, and the question where an account lives now.
//!
//! The HTTP status decides and the `hint` explains. Only a problem body with 400 or 401 is final. HTML, 429, 5xx and
//! the network are not, and never cost a token. amoCRM has no RFC 6749 `error` field; its hints are those of the
//! League OAuth2 server.

use std::time::Duration;

use reqwest::Method;
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Value, json};

use super::error::AuthProblem;
use super::token::clean;
use crate::config::Integration;
use crate::crm::amocrm::address::is_amocrm_host;
use crate::crm::amocrm::classify::{is_json, problem_detail, retry_after};
use crate::crm::amocrm::transport::{Answer, Request, SendError, Transport};

/// What tokens are asked for with.
pub(super) enum Grant<'a> {
    Refresh(&'a SecretString),
    Code(&'a str),
}

/// New tokens.
pub(super) struct Granted {
    pub access: SecretString,
    pub refresh: Option<SecretString>,
    /// Counted from now, so it holds even where this machine's clock is wrong.
    pub expires_in: Option<Duration>,
}

/// Why there are none.
#[derive(Debug)]
pub(super) enum Refusal {
    /// amoCRM said no, in so many words.
    Final(AuthProblem),
    /// The host does not know the account any more (404).
    NotFound,
    /// A 403 page.
    Blocked,
    /// A request was sent and no readable answer came: the grant may have been spent.
    Lost(String),
    /// Nothing came of it; the grant is as good as before.
    Transient { cause: String, retry_after: Option<Duration> },
}

/// Asks once for tokens.
pub(super) async fn request_tokens(
    transport: &Transport,
    base: &str,
    integration: &Integration,
    grant: Grant<'_>,
) -> Result<Granted, Refusal> {
    let mut body = json!({
        "client_id": integration.client_id,
        "client_secret": integration.client_secret.expose_secret(),
        "redirect_uri": integration.redirect_url,
    });
    match grant {
        Grant::Refresh(token) => {
            body["grant_type"] = "refresh_token".into();
            body["refresh_token"] = token.expose_secret().into();
        }
        Grant::Code(code) => {
            body["grant_type"] = "authorization_code".into();
            body["code"] = code.into();
        }
    }
    let answer = transport
        .send(Request {
            method: Method::POST,
            base,
            path: "/oauth2/access_token",
            query: &[],
            bearer: None,
            refresh_token: None,
            body: Some(&body),
            timeout: transport.limits().oauth,
        })
        .await;
    let answer = match answer {
        Ok(answer) => answer,
        Err(SendError::Frozen(pause)) => {
            return Err(Refusal::Transient { cause: "all traffic is paused".into(), retry_after: Some(pause) });
        }
        Err(SendError::NotSent(cause)) => {
            return Err(Refusal::Transient { cause, retry_after: None });
        }
        Err(SendError::MaybeSent(cause)) => return Err(Refusal::Lost(cause)),
    };
    if answer.status == 429 {
        let pause = transport.limiter().throttled(retry_after(&answer));
        return Err(Refusal::Transient { cause: "too many requests (429)".into(), retry_after: Some(pause) });
    }
    transport.limiter().calm();
    read(&answer)
}

fn read(answer: &Answer) -> Result<Granted, Refusal> {
    let body = serde_json::from_slice::<Value>(&answer.body).ok();
    let transient = |cause: String| Err(Refusal::Transient { cause, retry_after: None });
    match (answer.status, body) {
        (200..=202, Some(body)) => {
            let token = |key: &str| body.get(key).and_then(Value::as_str).and_then(clean);
            match token("access_token") {
                Some(access) => Ok(Granted {
                    access,
                    refresh: token("refresh_token"),
                    expires_in: body.get("expires_in").and_then(Value::as_u64).map(Duration::from_secs),
                }),
                None => Err(Refusal::Lost("the answer holds no tokens".into())),
            }
        }
        (200..=202, None) => Err(Refusal::Lost("the answer cannot be read".into())),
        (400 | 401, Some(body)) if is_problem(&body) => Err(Refusal::Final(problem(&body))),
        (403, _) => Err(Refusal::Blocked),
        (404, _) => Err(Refusal::NotFound),
        (status @ 300..=399, _) => transient(format!("{status} redirect, which is not followed")),
        (status, _) if is_json(answer) => transient(format!("status {status}")),
        (status, _) => transient(format!("status {status} with a page in place of an answer")),
    }
}

/// A problem body, RFC 7807 or amoCRM's own kind of it.
fn is_problem(body: &Value) -> bool {
    ["hint", "title", "type"].iter().any(|key| body.get(key).is_some_and(Value::is_string))
}

/// Names the problem by its hint; other words are kept as they are.
fn problem(body: &Value) -> AuthProblem {
    let part = |key: &str| body.get(key).and_then(Value::as_str).unwrap_or_default();
    let words = ["hint", "title", "detail"].map(part).join(" | ").to_lowercase();
    let any = |needles: &[&str]| needles.iter().any(|needle| words.contains(needle));
    if any(&["authorization code has been revoked"]) {
        AuthProblem::CodeUsed
    } else if any(&["authorization code has expired"]) {
        AuthProblem::CodeExpired
    } else if any(&["decrypt the authorization code", "`code` parameter"]) {
        AuthProblem::CodeWrong
    } else if any(&["`client_id`"]) {
        AuthProblem::WrongClientId
    } else if any(&["`client_secret`"]) {
        AuthProblem::WrongClientSecret
    } else if any(&["redirect uri", "redirect_uri"]) {
        AuthProblem::RedirectDiffers
    } else if any(&["invalid account", "account not found"]) {
        AuthProblem::WrongAccount { host: None }
    } else if any(&["некорректный клиент", "авторизация клиента не прошла", "client authentication failed"])
        || any(&["invalid client", "not linked to client"])
    {
        AuthProblem::WrongClient
    } else if any(&["token has been revoked"]) {
        AuthProblem::Revoked
    } else if any(&["token has expired", "token is expired"]) {
        AuthProblem::Expired
    } else if any(&["disabled", "uninstalled", "not installed", "отключен", "switched off"]) {
        AuthProblem::IntegrationOff
    } else {
        AuthProblem::Refused { detail: problem_detail(body) }
    }
}

/// Asks where the account lives now; `None` when there is no telling.
pub(super) async fn current_host(transport: &Transport, base: &str, refresh: &SecretString) -> Option<String> {
    let answer = transport
        .send(Request {
            method: Method::GET,
            base,
            path: "/oauth2/account/current/subdomain",
            query: &[],
            bearer: None,
            refresh_token: Some(refresh),
            body: None,
            timeout: transport.limits().oauth,
        })
        .await
        .ok()?;
    let body: Value = (answer.status == 200).then(|| serde_json::from_slice(&answer.body).ok())??;
    let host = body.get("domain").and_then(Value::as_str).map(str::to_lowercase)?;
    is_amocrm_host(&host).then_some(host)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(status: u16, body: &str) -> Answer {
        let content_type = if body.starts_with('{') { "application/problem+json" } else { "text/html" };
        Answer { status, content_type: Some(content_type.into()), body: body.into(), ..Answer::default() }
    }

    fn hint(hint: &str) -> String {
        json!({"hint": hint, "title": "Некорректный запрос", "status": 401, "detail": "В запросе отсутствует ряд параметров",
            "type": "https://developers.amocrm.ru/v3/errors/OAuthProblemJson"})
        .to_string()
    }

    #[test]
    fn tells_final_refusals_apart() {
        use AuthProblem::*;
        for (status, body, expected) in [
            (401, hint("Token has been revoked"), Revoked),
            (400, hint("Token has expired"), Expired),
            (400, hint("Authorization code has been revoked"), CodeUsed),
            (400, hint("Authorization code has expired"), CodeExpired),
            (400, hint("Cannot decrypt the authorization code"), CodeWrong),
            (400, hint("Check the `client_id` parameter"), WrongClientId),
            (400, hint("Check the `client_secret` parameter"), WrongClientSecret),
            (
                401,
                json!({"title": "Некорректный клиент", "detail": "Авторизация клиента не прошла"}).to_string(),
                WrongClient,
            ),
            (400, hint("Token is not linked to client"), WrongClient),
            (400, hint("Redirect URI is not associated with client"), RedirectDiffers),
            (400, hint("Invalid account"), WrongAccount { host: None }),
            (
                400,
                hint("Something new"),
                Refused {
                    detail: "Некорректный запрос: В запросе отсутствует ряд параметров (Something new)".into()
                },
            ),
        ] {
            match read(&answer(status, &body)) {
                Err(Refusal::Final(problem)) => assert_eq!(problem, expected, "{body}"),
                other => panic!("{body}: {:?}", other.err()),
            }
        }
    }

    #[test]
    fn everything_else_is_not_final() {
        for (status, body) in [
            (400, "<html>400</html>"),
            (401, "<html>401</html>"),
            (401, "{}"),
            (402, "{\"title\":\"Payment Required\"}"),
            (500, "{\"title\":\"x\",\"hint\":\"Token has been revoked\"}"),
            (502, ""),
            (301, ""),
        ] {
            assert!(matches!(read(&answer(status, body)), Err(Refusal::Transient { .. })), "{status} {body}");
        }
        assert!(matches!(read(&answer(403, "<html>")), Err(Refusal::Blocked)));
        assert!(matches!(read(&answer(404, "")), Err(Refusal::NotFound)));
        for body in ["", "<html>", "{}", "{\"access_token\":\"\"}"] {
            assert!(matches!(read(&answer(200, body)), Err(Refusal::Lost(_))), "{body}");
        }
    }
}
