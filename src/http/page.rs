//! The page the admin sees after amoCRM: what happened and what to do, Russian first, one line of English below.
//!
//! No script, nothing from elsewhere, one style whose hash stands in the Content-Security-Policy. maud escapes every
//! value.

use std::sync::OnceLock;

use axum::{
    http::StatusCode,
    response::{Html, IntoResponse, Response},
};
use base64::{Engine, engine::general_purpose::STANDARD};
use maud::{DOCTYPE, PreEscaped, html};
use sha2::{Digest, Sha256};

use crate::{
    admin::authorization::{AuthorizationError, Authorized},
    crm::amocrm::{AuthProblem, TokenError},
    delivery::trouble_of_tokens,
    lead::shorten,
    wording::{Lang, advice_text, moment, trouble_text},
};

const STYLE: &str = include_str!("page.css");

/// What the page is for.
#[derive(Debug)]
pub enum Outcome {
    /// The tokens are stored.
    Done(Authorized),
    /// They were stored when the page was loaded before.
    Already,
    /// "Deny" was pressed at amoCRM.
    Denied,
    /// The address holds no code.
    NoCode,
    /// It did not work.
    Refused(AuthorizationError),
}

/// One page.
#[derive(Debug)]
pub struct Page {
    /// What it tells.
    pub outcome: Outcome,
    /// The way back.
    pub bot_username: Option<String>,
}

/// What the page says in one language.
struct Words {
    title: String,
    what: String,
    next: String,
}

impl Outcome {
    fn status(&self) -> StatusCode {
        match self {
            Self::Done(_) | Self::Already => StatusCode::OK,
            Self::Denied => StatusCode::FORBIDDEN,
            Self::NoCode => StatusCode::BAD_REQUEST,
            Self::Refused(error) => match error {
                AuthorizationError::Forged | AuthorizationError::AlreadyDone | AuthorizationError::WrongHost => {
                    StatusCode::FORBIDDEN
                }
                AuthorizationError::Code(_) => StatusCode::BAD_REQUEST,
                AuthorizationError::NotConfigured | AuthorizationError::Tokens(_) | AuthorizationError::Store(_) => {
                    StatusCode::SERVICE_UNAVAILABLE
                }
            },
        }
    }

    fn words(&self, lang: Lang) -> Words {
        let simple = |id: &str| lang.text(id, &[]);
        let failed = |what: String, next: String| Words { title: lang.text("page-failed-title", &[]), what, next };
        match self {
            Self::Done(authorized) => Words {
                title: simple("page-done-title"),
                what: lang.text("page-done", &[("waiting", authorized.waiting.into())]),
                next: match authorized.access_expires_at {
                    Some(until) => lang.text("page-done-until", &[("date", moment(until, lang).into())]),
                    None => simple("page-done-close"),
                },
            },
            Self::Already => Words {
                title: simple("page-already-title"),
                what: simple("page-already"),
                next: simple("page-already-next"),
            },
            Self::Denied => failed(simple("page-denied"), simple("page-again")),
            Self::NoCode => failed(simple("page-no-code"), simple("page-again")),
            Self::Refused(error) => {
                let (what, next) = refused(error, lang);
                failed(what, next)
            }
        }
    }
}

/// What happened and what to do.
fn refused(error: &AuthorizationError, lang: Lang) -> (String, String) {
    let simple = |id: &str| lang.text(id, &[]);
    let again = |id: &str| (lang.text(id, &[]), lang.text("page-again", &[]));
    match error {
        AuthorizationError::NotConfigured => (simple("page-not-configured"), simple("page-operator")),
        AuthorizationError::Forged | AuthorizationError::AlreadyDone => {
            (simple("page-forged"), simple("page-forged-next"))
        }
        AuthorizationError::WrongHost => again("page-wrong-host"),
        AuthorizationError::Code(problem) => match problem {
            AuthProblem::CodeUsed => again("page-code-used"),
            AuthProblem::CodeExpired => again("page-code-expired"),
            AuthProblem::CodeWrong => again("page-code-wrong"),
            AuthProblem::WrongAccount { host: Some(host) } => {
                (lang.text("page-wrong-account", &[("host", host.as_str().into())]), simple("page-wrong-account-next"))
            }
            AuthProblem::Refused { detail } => {
                again_with(lang.text("page-refused", &[("detail", shorten(detail, 200).into())]), lang)
            }
            problem => {
                let error = TokenError::NeedsAuthorization { reason: problem.clone(), origin: None, expired_at: None };
                let trouble = trouble_of_tokens(&error);
                (
                    lang.text("page-trouble", &[("trouble", trouble_text(&trouble, lang).into())]),
                    advice_text(&trouble, true, lang),
                )
            }
        },
        AuthorizationError::Tokens(TokenError::Storage(_)) => (simple("page-not-stored"), simple("page-operator")),
        AuthorizationError::Tokens(error @ TokenError::Transient { .. }) => {
            let trouble = trouble_text(&trouble_of_tokens(error), lang);
            (lang.text("page-trouble", &[("trouble", trouble.into())]), simple("page-again-later"))
        }
        AuthorizationError::Tokens(error) => {
            let trouble = trouble_of_tokens(error);
            (
                lang.text("page-trouble", &[("trouble", trouble_text(&trouble, lang).into())]),
                advice_text(&trouble, true, lang),
            )
        }
        AuthorizationError::Store(_) => (simple("page-store"), simple("page-store-next")),
    }
}

fn again_with(what: String, lang: Lang) -> (String, String) {
    (what, lang.text("page-again", &[]))
}

impl IntoResponse for Page {
    fn into_response(self) -> Response {
        let first = Lang::default();
        let words = self.outcome.words(first);
        // Who it is that reads this is not known.
        let second = Lang::all().iter().copied().find(|lang| *lang != first);
        let (tone, sign) = match self.outcome {
            Outcome::Done(_) | Outcome::Already => ("good", "✓"),
            _ => ("bad", "!"),
        };
        let back = self.bot_username.map(|name| format!("tg://resolve?domain={name}"));
        let page = html! {
            (DOCTYPE)
            html lang=(first.code()) {
                head {
                    meta charset="utf-8";
                    meta name="viewport" content="width=device-width, initial-scale=1";
                    meta name="robots" content="noindex";
                    meta name="color-scheme" content="light dark";
                    title { (words.title) }
                    style { (PreEscaped(STYLE)) }
                }
                body {
                    main class=(tone) {
                        div .sign aria-hidden="true" { (sign) }
                        h1 { (words.title) }
                        p { (words.what) }
                        p .next { (words.next) }
                        @if let Some(back) = back {
                            a href=(back) { (first.text("page-back", &[])) }
                        }
                    }
                    @if let Some((second, words)) = second.map(|second| (second, self.outcome.words(second))) {
                        p .second lang=(second.code()) { (words.title) ". " (words.what) " " (words.next) }
                    }
                }
            }
        };
        (self.outcome.status(), Html(page.into_string())).into_response()
    }
}

/// Nothing may be loaded, framed or sent anywhere; the one style is let in by its hash.
pub fn content_security_policy() -> &'static str {
    static POLICY: OnceLock<String> = OnceLock::new();
    POLICY.get_or_init(|| {
        let hash = STANDARD.encode(Sha256::digest(STYLE));
        format!(
            "default-src 'none'; style-src 'sha256-{hash}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn html(outcome: Outcome) -> String {
        let bytes = futures::executor::block_on(axum::body::to_bytes(
            Page { outcome, bot_username: Some("bot".into()) }.into_response().into_body(),
            1 << 20,
        ));
        String::from_utf8(bytes.expect("a body").to_vec()).expect("UTF-8")
    }

    #[test]
    fn every_outcome_is_worded_in_two_languages() {
        let storage = TokenError::Storage(std::sync::Arc::new(std::io::Error::other("no")));
        let transient = TokenError::Transient { cause: "c".into(), retry_after: None };
        let code = |problem| Outcome::Refused(AuthorizationError::Code(problem));
        for (outcome, ru, en) in [
            (Outcome::Done(Authorized { access_expires_at: None, waiting: 0 }), "Готово", "Done"),
            (Outcome::Already, "Уже готово", "Already done"),
            (Outcome::Denied, "не выдан", "not given"),
            (Outcome::NoCode, "нет кода", "no code"),
            (Outcome::Refused(AuthorizationError::NotConfigured), "без настроек", "without the settings"),
            (Outcome::Refused(AuthorizationError::Forged), "уже использован", "used already"),
            (Outcome::Refused(AuthorizationError::WrongHost), "не из amoCRM", "not amoCRM"),
            (code(AuthProblem::CodeUsed), "уже использован", "used already"),
            (code(AuthProblem::CodeExpired), "20 минут", "20 minutes"),
            (code(AuthProblem::CodeWrong), "не узнаёт", "does not know"),
            (code(AuthProblem::WrongClientSecret), "секретный ключ", "secret"),
            (code(AuthProblem::WrongAccount { host: Some("b.amocrm.ru".into()) }), "b.amocrm.ru", "b.amocrm.ru"),
            (code(AuthProblem::Refused { detail: "so & so".into() }), "so &amp; so", "so &amp; so"),
            (Outcome::Refused(AuthorizationError::Tokens(storage)), "записать", "saved"),
            (Outcome::Refused(AuthorizationError::Tokens(transient)), "не отвечает", "does not answer"),
            (Outcome::Refused(AuthorizationError::Tokens(TokenError::Blocked)), "заблокировала", "blocked"),
        ] {
            let html = html(outcome);
            let (first, english) = html.split_once("lang=\"en\"").expect("two languages");
            assert!(first.contains(ru) && english.contains(en), "{ru} / {en}: {html}");
            assert!(!html.contains("page-") && !html.contains("trouble-") && !html.contains("advice-"), "{html}");
        }
    }

    #[test]
    fn counts_agree_with_russian_grammar() {
        for (waiting, text) in [
            (0, "Заявок в ожидании нет"),
            (1, "1 заявка передаётся"),
            (3, "3 заявки передаются"),
            (5, "5 заявок передаются"),
            (11, "11 заявок передаются"),
            (21, "21 заявка передаётся"),
        ] {
            let html = html(Outcome::Done(Authorized { access_expires_at: None, waiting }));
            assert!(html.contains(text), "{text}: {html}");
        }
    }

    #[test]
    fn values_are_escaped() {
        let detail = "<script>alert(1)</script>\"'&".to_owned();
        let html = html(Outcome::Refused(AuthorizationError::Code(AuthProblem::Refused { detail })));
        assert!(!html.contains("<script") && html.contains("&lt;script&gt;"), "{html}");
    }

    #[test]
    fn the_style_is_the_one_the_policy_lets_in() {
        let html = html(Outcome::Denied);
        let style = html.split("<style>").nth(1).and_then(|rest| rest.split("</style>").next()).expect("a style");
        assert!(content_security_policy().contains(&STANDARD.encode(Sha256::digest(style))));
    }
}
