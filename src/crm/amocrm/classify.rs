//! What an answer means for whoever asked. Pure: one answer in, one decision out.
//!
//! **Promise.** A write is called done only when its answer can be read, and called undone only when amoCRM said so;
//! everything between is [`CrmError::Ambiguous`]. Data is called refused only when amoCRM itself says so in a problem
//! body: a page from something in front of it never condemns a lead.

use std::time::Duration;

use serde_json::Value;

use super::error::CrmError;
use super::refusal::{Meaning, meaning, rejected_fields};
use super::transport::Answer;
use crate::lead::one_line;

/// Whether a call may leave a trace.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Read,
    Write,
}

/// What an answer means.
#[derive(Debug)]
pub(super) enum Outcome {
    /// Done; `Null` for an empty answer.
    Done(Value),
    /// 401: nothing was done, try another token.
    Unauthorized,
    /// Anything else.
    Failed(CrmError),
}

/// The longest text kept of a problem body.
const DETAIL_CAP: usize = 300;

/// Decides by the status, then by whether the answer is amoCRM's own (JSON) or a page from its front.
pub(super) fn classify(kind: Kind, answer: &Answer) -> Outcome {
    let request_id = answer.request_id.clone();
    let body = serde_json::from_slice::<Value>(&answer.body).ok().filter(|_| is_json(answer));
    let ambiguous = |cause: String, answered: bool| match kind {
        Kind::Write => CrmError::Ambiguous { cause, answered, request_id: request_id.clone() },
        Kind::Read => CrmError::Unavailable { cause, request_id: request_id.clone() },
    };
    let status = answer.status;
    let detail = || body.as_ref().map(problem_detail).filter(|detail| !detail.is_empty());
    let wrong_address = |what: String| {
        let detail = detail().map_or(what.clone(), |detail| format!("{what}: {detail}"));
        CrmError::WrongAddress { detail, request_id: request_id.clone() }
    };
    Outcome::Failed(match (status, &body) {
        (200..=202, Some(body)) => return Outcome::Done(body.clone()),
        (200..=202, None) => ambiguous(format!("the answer ({status}) cannot be read"), false),
        (204, _) => return Outcome::Done(Value::Null),
        (401, _) => return Outcome::Unauthorized,
        (402, _) => CrmError::PaymentRequired,
        (403, Some(_)) => CrmError::Forbidden { detail: detail().unwrap_or_default(), request_id },
        (403, None) => {
            tracing::warn!(request_id, "amoCRM answers with a 403 page: the address or the account is blocked");
            CrmError::Blocked
        }
        (429, _) => CrmError::Throttled { retry_after: retry_after(answer) },
        (400 | 422, Some(body)) => {
            let fields = rejected_fields(body);
            let detail = detail().unwrap_or_else(|| format!("status {status}"));
            match (meaning(body), kind) {
                // To refuse a read is to refuse nothing of the lead.
                _ if kind == Kind::Write && !fields.is_empty() => CrmError::Rejected { fields, detail, request_id },
                (Meaning::Account, _) => CrmError::Account { detail, request_id },
                (Meaning::System, _) => ambiguous(format!("status {status}: {detail}"), true),
                (Meaning::Gone, Kind::Write) => CrmError::Gone { detail, request_id },
                (Meaning::Gone | Meaning::Unknown, _) => CrmError::Refused { detail, request_id },
            }
        }
        (400 | 422, None) => ambiguous(format!("status {status} with a page in place of an answer"), true),
        // amoCRM's web router, or nobody, has answered in the API's place; that passes.
        (404 | 405, None) => ambiguous(format!("status {status} with a page in place of an answer"), true),
        // The server gave up waiting for the rest of the request, or says that it has: what it read is not known.
        (408, _) => ambiguous("status 408".into(), false),
        (404, _) => {
            let detail = detail().map_or("404 not found".into(), |detail| format!("404 not found: {detail}"));
            CrmError::NotFound { detail, request_id }
        }
        // Too long, or in a form that is not read: refused before anything is looked at.
        (413..=415 | 431, _) => wrong_address(format!("status {status}")),
        // Of any other refusal (405, 409, 410, 423, 499, …) it is not known that nothing was done: who says so may stand in
        // front of the part that has done it.
        (400..=499, _) if kind == Kind::Write => {
            ambiguous(detail().map_or(format!("status {status}"), |d| format!("status {status}: {d}")), true)
        }
        (405, _) => wrong_address("405 method not allowed".into()),
        (300..=399, _) => wrong_address(format!("{status} redirect, which is not followed")),
        (400..=499, _) => wrong_address(format!("status {status}")),
        (500 | 502 | 503, _) => {
            ambiguous(detail().map_or(format!("status {status}"), |d| format!("status {status}: {d}")), true)
        }
        (504, _) => ambiguous("status 504: too slow".into(), false),
        _ => ambiguous(format!("status {status}"), false),
    })
}

/// Whether the body says it is JSON, or looks like it: what fronts put in place of an answer are pages.
pub(super) fn is_json(answer: &Answer) -> bool {
    let says = answer.content_type.as_deref().is_some_and(|kind| kind.to_ascii_lowercase().contains("json"));
    says || answer.body.iter().find(|byte| !byte.is_ascii_whitespace()).is_some_and(|byte| b"{[".contains(byte))
}

/// How long a 429 asks to wait: the header in seconds, or else the body's `retry_after`.
pub(super) fn retry_after(answer: &Answer) -> Option<Duration> {
    let header = answer.retry_after.as_deref().and_then(|text| text.trim().parse::<u64>().ok());
    let body = || serde_json::from_slice::<Value>(&answer.body).ok()?.get("retry_after").and_then(seconds);
    header.or_else(body).map(Duration::from_secs)
}

fn seconds(value: &Value) -> Option<u64> {
    value.as_u64().or_else(|| value.as_str()?.trim().parse().ok())
}

/// amoCRM's words for a problem: title, detail, hint and the refused paths; never what was sent.
pub(super) fn problem_detail(body: &Value) -> String {
    let part = |key: &str| body.get(key).and_then(Value::as_str).filter(|text| !text.is_empty());
    let mut said: Vec<&str> = [part("title"), part("detail")].into_iter().flatten().collect();
    // Often the one is the other.
    said.dedup();
    let mut text = said.join(": ");
    if let Some(hint) = part("hint") {
        text.push_str(&format!(" ({hint})"));
    }
    for field in rejected_fields(body) {
        text.push_str(&format!("; {} {}", field.path, field.code));
    }
    one_line(&text, DETAIL_CAP)
}

#[cfg(test)]
mod tests {
    use super::*;

    const PROBLEM: &str = r#"{"title":"T","status":0,"detail":"D"}"#;
    const REJECTED: &str = r#"{"validation-errors":[{"errors":[{"code":"InvalidType","path":"price"}]}]}"#;
    #[test]
    fn what_is_said_twice_is_told_once() {
        let told = |title: &str, detail: &str| problem_detail(&serde_json::json!({ "title": title, "detail": detail }));
        assert_eq!(
            told("Service Temporarily Unavailable", "Service Temporarily Unavailable"),
            "Service Temporarily Unavailable"
        );
        assert_eq!(told("Bad Request", "Request validation failed"), "Bad Request: Request validation failed");
    }

    const PAGE: &str = "<html><head><title>nginx</title></head></html>";

    fn answer(status: u16, body: &str) -> Answer {
        let content_type = match body.as_bytes().first() {
            Some(b'{' | b'[') => Some("application/problem+json".into()),
            Some(_) => Some("text/html; charset=utf-8".into()),
            None => None,
        };
        let request_id = Some("req-1".into());
        Answer { status, content_type, request_id, body: body.into(), ..Answer::default() }
    }

    /// One word for each decision.
    fn word(outcome: &Outcome) -> &'static str {
        match outcome {
            Outcome::Done(Value::Null) => "done, empty",
            Outcome::Done(_) => "done",
            Outcome::Unauthorized => "unauthorized",
            Outcome::Failed(error) => match error {
                CrmError::NotConfigured => "not configured",
                CrmError::Unauthorized(_) => "unauthorized",
                CrmError::Throttled { .. } => "throttled",
                CrmError::PaymentRequired => "payment",
                CrmError::Forbidden { .. } => "forbidden",
                CrmError::Blocked => "blocked",
                CrmError::WrongAddress { .. } => "address",
                CrmError::NotFound { .. } => "not found",
                CrmError::Rejected { .. } => "rejected",
                CrmError::Refused { .. } => "refused",
                CrmError::Account { .. } => "account",
                CrmError::Gone { .. } => "gone",
                CrmError::Ambiguous { answered: true, .. } => "ambiguous, answered",
                CrmError::Ambiguous { answered: false, .. } => "ambiguous",
                CrmError::Unavailable { .. } => "unavailable",
            },
        }
    }

    #[test]
    fn every_row_of_the_taxonomy() {
        for (status, body, read, write) in [
            (200, "[{\"id\":1}]", "done", "done"),
            (201, "{}", "done", "done"),
            (202, "{}", "done", "done"),
            (200, "", "unavailable", "ambiguous"),
            (200, PAGE, "unavailable", "ambiguous"),
            (200, "{\"_embedded\":", "unavailable", "ambiguous"),
            (204, "", "done, empty", "done, empty"),
            (301, PAGE, "address", "address"),
            (302, "", "address", "address"),
            (400, PROBLEM, "refused", "refused"),
            (400, REJECTED, "refused", "rejected"),
            (400, "{\"detail\":\"Код ошибки 244\"}", "account", "account"),
            (400, "{\"detail\":\"Возникла системная ошибка. Повторите\"}", "unavailable", "ambiguous, answered"),
            (400, "{\"detail\":\"Код ошибки 226\"}", "refused", "gone"),
            (400, PAGE, "unavailable", "ambiguous, answered"),
            (401, PROBLEM, "unauthorized", "unauthorized"),
            (401, PAGE, "unauthorized", "unauthorized"),
            (402, PROBLEM, "payment", "payment"),
            (402, PAGE, "payment", "payment"),
            (403, PROBLEM, "forbidden", "forbidden"),
            (403, PAGE, "blocked", "blocked"),
            (403, "", "blocked", "blocked"),
            (404, PROBLEM, "not found", "not found"),
            (404, PAGE, "unavailable", "ambiguous, answered"),
            (404, "", "unavailable", "ambiguous, answered"),
            (405, PROBLEM, "address", "ambiguous, answered"),
            (408, PAGE, "unavailable", "ambiguous"),
            (409, PROBLEM, "address", "ambiguous, answered"),
            (410, PAGE, "address", "ambiguous, answered"),
            (418, PROBLEM, "address", "ambiguous, answered"),
            (423, PROBLEM, "address", "ambiguous, answered"),
            (451, PAGE, "address", "ambiguous, answered"),
            (499, "", "address", "ambiguous, answered"),
            (413, PAGE, "address", "address"),
            (405, PAGE, "unavailable", "ambiguous, answered"),
            (405, "", "unavailable", "ambiguous, answered"),
            (422, PROBLEM, "refused", "refused"),
            (422, REJECTED, "refused", "rejected"),
            (422, PAGE, "unavailable", "ambiguous, answered"),
            (429, PROBLEM, "throttled", "throttled"),
            (429, PAGE, "throttled", "throttled"),
            (500, PROBLEM, "unavailable", "ambiguous, answered"),
            (502, PAGE, "unavailable", "ambiguous, answered"),
            (503, "", "unavailable", "ambiguous, answered"),
            (504, PAGE, "unavailable", "ambiguous"),
            (520, PAGE, "unavailable", "ambiguous"),
            (100, "", "unavailable", "ambiguous"),
        ] {
            let answer = answer(status, body);
            assert_eq!(word(&classify(Kind::Read, &answer)), read, "reading, {status} {body}");
            assert_eq!(word(&classify(Kind::Write, &answer)), write, "writing, {status} {body}");
        }
    }

    #[test]
    fn names_the_refused_fields() {
        let body = r#"{"validation-errors":[{"request_id":"K7M2QXA","errors":[
            {"code":"NotSupportedChoice","path":"custom_fields_values.0.field_id","detail":"…"}]},
            {"request_id":"1","errors":[{"code":"InvalidType","path":"price"}]}],
            "title":"Bad Request","status":400,"detail":"Request validation failed"}"#;
        let Outcome::Failed(CrmError::Rejected { fields, detail, request_id }) =
            classify(Kind::Write, &answer(400, body))
        else {
            panic!("not rejected")
        };
        assert_eq!(fields.len(), 2);
        assert_eq!((fields[0].index, fields[0].request_id.as_deref()), (None, Some("K7M2QXA")));
        assert_eq!(
            (fields[1].index, fields[1].path.as_str(), fields[1].code.as_str()),
            (Some(1), "price", "InvalidType")
        );
        assert!(detail.starts_with("Bad Request: Request validation failed; custom_fields_values.0.field_id"));
        assert_eq!(request_id.as_deref(), Some("req-1"));
    }

    #[test]
    fn a_pause_comes_from_the_header_or_the_body() {
        let header = Answer { retry_after: Some(" 7 ".into()), ..answer(429, "{\"retry_after\":300}") };
        assert_eq!(retry_after(&header), Some(Duration::from_secs(7)));
        assert_eq!(retry_after(&answer(429, "{\"retry_after\":300}")), Some(Duration::from_secs(300)));
        assert_eq!(retry_after(&answer(429, "{\"retry_after\":\"30\"}")), Some(Duration::from_secs(30)));
        assert_eq!(retry_after(&answer(429, PAGE)), None);
        let date = Answer { retry_after: Some("Wed, 21 Oct 2026 07:28:00 GMT".into()), ..answer(429, "") };
        assert_eq!(retry_after(&date), None);
    }

    #[test]
    fn details_are_short() {
        let body = format!("{{\"title\":\"{}\"}}", "я".repeat(1000));
        let Outcome::Failed(CrmError::Forbidden { detail, .. }) = classify(Kind::Read, &answer(403, &body)) else {
            panic!("not forbidden")
        };
        assert_eq!(detail.chars().count(), DETAIL_CAP);
    }
}
