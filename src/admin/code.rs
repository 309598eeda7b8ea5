//! The way to new tokens: an address to open, and the code that comes back from there.

use std::time::Duration;

use chrono::{DateTime, Utc};
use secrecy::{ExposeSecret, SecretString};
use teloxide::types::MessageId;
use tracing::info;

use crate::{
    crm::amocrm::{AuthProblem, CodeError, parse_code},
    delivery::trouble_of_tokens,
    notice::Button,
    telegram::handlers::HandlerError,
    wording::{Lang, advice_text, moment, trouble_text},
};

use super::{
    AdminDesk, Answer,
    authorization::{Authorization, AuthorizationError, CODE_EXPECTED},
    button,
};

/// amoCRM's codes work for 20 minutes; somebody who begins late is told so rather than ignored.
const CODE_EXPECTED_FOR: Duration = Duration::from_secs(30 * 60);

impl AdminDesk {
    pub(super) async fn expects_a_code(&self) -> bool {
        let until = self.store.mark(CODE_EXPECTED).await.ok().flatten().and_then(|until| until.parse::<i64>().ok());
        until.is_some_and(|until| self.store.clock().now() < until)
    }

    fn authorization(&self) -> Option<Authorization> {
        self.crm.as_ref().map(|crm| Authorization::new(self.store.clone(), crm.clone()))
    }

    pub(super) async fn authorize(&self, lang: Lang) -> Result<Answer, HandlerError> {
        let address = match self.authorization() {
            Some(authorization) => authorization.address().await,
            None => Err(AuthorizationError::NotConfigured),
        };
        match address {
            Ok(url) => {
                let until = self.store.clock().now() + self.store.clock().millis(CODE_EXPECTED_FOR);
                self.store.set_mark(CODE_EXPECTED, &until.to_string()).await?;
                let mut text = lang.text(if self.page { "admin-auth-page" } else { "admin-auth" }, &[]);
                if self.chat_id.is_some_and(|chat_id| chat_id < 0) {
                    // In a group a bot sees answers to its own messages, and perhaps nothing else.
                    text.push('\n');
                    text.push_str(&lang.text("admin-auth-group", &[]));
                }
                let open = Button::Open { text: lang.text("button-auth-open", &[]), url: url.to_string() };
                Ok(Answer { text, buttons: vec![vec![open]] })
            }
            Err(AuthorizationError::Store(error)) => Err(error.into()),
            Err(_) => Ok(Answer::plain(lang.text("admin-auth-unavailable", &[]))),
        }
    }

    /// Exchanges a pasted code and deletes the message that held it.
    pub(super) async fn take_code(
        &self,
        text: &SecretString,
        message: MessageId,
        lang: Lang,
    ) -> Result<Answer, HandlerError> {
        let taken = match (parse_code(text.expose_secret()), self.authorization()) {
            (Ok(pasted), Some(authorization)) => {
                authorization.take(&pasted.code, pasted.state.as_deref(), false, pasted.referer.as_deref()).await
            }
            (Err(CodeError::Denied), _) => return Ok(again(lang.text("admin-auth-denied", &[]), lang)),
            (Err(_), _) => return Ok(again(lang.text("admin-auth-no-code", &[]), lang)),
            (_, None) => Err(AuthorizationError::NotConfigured),
        };
        if let Some(chat_id) = self.chat_id
            && let Err(error) = self.telegram.delete(chat_id, message).await
        {
            info!(%error, "the message with the code could not be deleted; the code is used up");
        }
        match taken {
            Ok(done) => {
                let until = done.access_expires_at.map_or_else(|| "—".to_owned(), |at| moment(at, lang));
                let args = [("date", until.into()), ("count", done.waiting.into())];
                Ok(Answer::plain(lang.text("admin-auth-done", &args)))
            }
            Err(AuthorizationError::Store(error)) => Err(error.into()),
            Err(AuthorizationError::NotConfigured) => Ok(Answer::plain(lang.text("admin-auth-unavailable", &[]))),
            Err(error @ (AuthorizationError::Forged | AuthorizationError::Code(AuthProblem::CodeUsed))) => {
                match self.renewed_just_now().await {
                    Some(until) => {
                        Ok(Answer::plain(lang.text("admin-auth-already", &[("date", moment(until, lang).into())])))
                    }
                    None => Ok(again(refusal(&error, lang), lang)),
                }
            }
            Err(error) => Ok(again(refusal(&error, lang), lang)),
        }
    }

    /// Until when the present access works, where it is younger than the oldest address that may still be used: an
    /// update that comes twice, or an address that the page has taken already, is told that all is well.
    async fn renewed_just_now(&self) -> Option<DateTime<Utc>> {
        let crm = self.crm.as_ref()?;
        crm.account().await.ok()?;
        let info = crm.tokens().info().await.ok()?;
        let young =
            Utc::now() - info.refreshed_at? < chrono::Duration::seconds(CODE_EXPECTED_FOR.as_secs().cast_signed());
        info.access_expires_at.filter(|_| young && info.usable && info.problem.is_none())
    }
}

/// An answer with a button to begin anew.
fn again(text: String, lang: Lang) -> Answer {
    Answer { text, buttons: vec![vec![button(lang, "button-auth", None, "auth")]] }
}

/// Why an authorization did not work, in the admin's words.
fn refusal(error: &AuthorizationError, lang: Lang) -> String {
    let id = match error {
        AuthorizationError::NotConfigured => "admin-auth-unavailable",
        AuthorizationError::Forged => "admin-auth-wrong-state",
        AuthorizationError::Code(AuthProblem::CodeUsed) => "admin-auth-code-used",
        AuthorizationError::Code(AuthProblem::CodeExpired) => "admin-auth-code-expired",
        AuthorizationError::Code(AuthProblem::CodeWrong) => "admin-auth-code-wrong",
        AuthorizationError::WrongHost => "admin-auth-wrong-host",
        AuthorizationError::Code(AuthProblem::WrongAccount { host: Some(host) }) => {
            return lang.text("admin-auth-wrong-account", &[("host", host.as_str().into())]);
        }
        AuthorizationError::Code(problem) => {
            let error = crate::crm::amocrm::TokenError::NeedsAuthorization {
                reason: problem.clone(),
                origin: None,
                expired_at: None,
            };
            let trouble = trouble_of_tokens(&error);
            let advice = advice_text(&trouble, true, lang);
            let trouble = trouble_text(&trouble, lang);
            return lang.text("admin-auth-refused", &[("trouble", trouble.into()), ("advice", advice.into())]);
        }
        AuthorizationError::Tokens(error) => {
            let trouble = trouble_text(&trouble_of_tokens(error), lang);
            return lang.text("admin-auth-failed", &[("trouble", trouble.into())]);
        }
        AuthorizationError::Store(_) => {
            let trouble = trouble_text(&crate::notice::Trouble::Unreachable, lang);
            return lang.text("admin-auth-failed", &[("trouble", trouble.into())]);
        }
    };
    lang.text(id, &[])
}
