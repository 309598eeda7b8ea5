//! The way to new tokens: an address to open, and the code that comes back from there.

use std::{sync::Arc, time::Duration};

use chrono::{DateTime, Utc};
use secrecy::{ExposeSecret, SecretString};
use teloxide::types::{Message, MessageId};
use tracing::info;

use crate::{
    clock::date,
    crm::amocrm::{AuthProblem, CodeError, parse_code},
    delivery::trouble_of_tokens,
    form::{Kind, Step},
    lead::ChatRef,
    notice::{AdminPress, Button},
    store::Mark,
    telegram::context::HandlerError,
    wording::{Lang, admin_button, advice_text, moment, trouble_text},
};

use super::{
    AdminContext, Reply,
    authorization::AuthorizationError,
    commands::{AdminCommand, AdminRequest},
};

/// amoCRM's codes work for 20 minutes; somebody who begins late is told so rather than ignored.
const CODE_EXPECTED_FOR: Duration = Duration::from_secs(30 * 60);

impl AdminContext {
    pub(super) async fn expects_a_code(&self) -> bool {
        let until =
            self.marks.get(&Mark::CodeExpected).await.ok().flatten().and_then(|until| until.parse::<i64>().ok());
        until.is_some_and(|until| self.leads.clock().now() < until)
    }

    pub(super) async fn authorize(&self, lang: Lang) -> Result<Reply, HandlerError> {
        let address = match &self.authorization {
            Some(authorization) => authorization.address().await,
            None => Err(AuthorizationError::NotConfigured),
        };
        match address {
            Ok(url) => {
                let until = self.leads.clock().now() + self.leads.clock().millis(CODE_EXPECTED_FOR);
                self.marks.set(&Mark::CodeExpected, &until.to_string()).await?;
                let mut text = lang.text(if self.page { "admin-auth-page" } else { "admin-auth" }, &[]);
                if self.chat.is_some_and(ChatRef::is_group) {
                    // In a group a bot sees answers to its own messages, and perhaps nothing else.
                    text.push('\n');
                    text.push_str(&lang.text("admin-auth-group", &[]));
                }
                let open = Button::Open { text: lang.text("button-auth-open", &[]), url: url.to_string() };
                Ok(Reply::with_buttons(text, vec![vec![open]]))
            }
            Err(AuthorizationError::Store(error)) => Err(error.into()),
            Err(_) => Ok(Reply::plain(lang.text("admin-auth-unavailable", &[]))),
        }
    }

    /// Exchanges a pasted code and deletes the message that held it.
    pub(super) async fn take_code(
        &self,
        text: &SecretString,
        message: MessageId,
        lang: Lang,
    ) -> Result<Reply, HandlerError> {
        let taken = match (parse_code(text.expose_secret()), &self.authorization) {
            (Ok(pasted), Some(authorization)) => {
                authorization.take(&pasted.code, pasted.state.as_deref(), false, pasted.referer.as_deref()).await
            }
            (Err(CodeError::Denied), _) => return Ok(again(lang.text("admin-auth-denied", &[]), lang)),
            (Err(_), _) => return Ok(again(lang.text("admin-auth-no-code", &[]), lang)),
            (_, None) => Err(AuthorizationError::NotConfigured),
        };
        if let Some(chat) = self.chat
            && let Err(error) = self.telegram.delete(chat, message).await
        {
            info!(%error, "the message with the code could not be deleted; the code is used up");
        }
        match taken {
            Ok(done) => {
                let until = done.access_expires_at.map_or_else(|| "—".to_owned(), |at| moment(at, lang));
                let args = [("date", until.into()), ("count", done.waiting.into())];
                Ok(Reply::plain(lang.text("admin-auth-done", &args)))
            }
            Err(AuthorizationError::Store(error)) => Err(error.into()),
            Err(AuthorizationError::NotConfigured) => Ok(Reply::plain(lang.text("admin-auth-unavailable", &[]))),
            Err(
                error @ (AuthorizationError::Forged
                | AuthorizationError::AlreadyDone
                | AuthorizationError::Code(AuthProblem::CodeUsed)),
            ) => match self.renewed_just_now().await {
                Some(until) => {
                    Ok(Reply::plain(lang.text("admin-auth-already", &[("date", moment(until, lang).into())])))
                }
                None => Ok(again(refusal(&error, lang), lang)),
            },
            Err(error) => Ok(again(refusal(&error, lang), lang)),
        }
    }

    /// Until when the present access works, where it is younger than the oldest address that may still be used: an
    /// update that comes twice, or an address that the page has taken already, is told that all is well.
    async fn renewed_just_now(&self) -> Option<DateTime<Utc>> {
        let crm = self.crm.as_ref()?;
        crm.account().await.ok()?;
        let info = crm.tokens().info().await.ok()?;
        let young = date(self.leads.clock().now()) - info.refreshed_at?
            < chrono::Duration::seconds(CODE_EXPECTED_FOR.as_secs().cast_signed());
        info.access_expires_at.filter(|_| young && info.usable && info.problem.is_none())
    }
}

/// An answer with a button to begin again.
fn again(text: String, lang: Lang) -> Reply {
    Reply::with_buttons(text, vec![vec![admin_button(lang, &AdminPress::Auth)]])
}

/// Why an authorization did not work, in the admin's words.
fn refusal(error: &AuthorizationError, lang: Lang) -> String {
    let id = match error {
        AuthorizationError::NotConfigured => "admin-auth-unavailable",
        AuthorizationError::Forged | AuthorizationError::AlreadyDone => "admin-auth-wrong-state",
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

/// A pasted code, whether it was asked for or not; while one is expected, also what is not a code, so that it can be
/// said. Answers to a form are never taken: a car's link is not a code.
pub(super) async fn of_message(message: Message, context: Arc<AdminContext>) -> Option<AdminRequest> {
    let text = message.text().filter(|text| !text.starts_with('/'))?;
    let integration = context.crm.as_ref()?.settings().integration.as_ref()?;
    let wanted = match looks_of(text, &integration.redirect_url) {
        Looks::Certain => true,
        Looks::Possible => context.expects_a_code().await,
        Looks::Otherwise if message.chat.is_private() && context.expects_a_code().await => {
            match context.step(message.chat.id.into()).await {
                Step::Idle => true,
                // A wrong page's address: it answers no other question of the form than that for the car.
                Step::Ask(key) if context.form.question(key).is_some_and(|open| open.kind == Kind::Link) => false,
                _ => text.trim_start().starts_with("http"),
            }
        }
        Looks::Otherwise => false,
    };
    let command = AdminCommand::Code { text: SecretString::from(text.to_owned()), message: message.id };
    wanted.then(|| AdminRequest::of_message(command, &message))
}

/// Whether a text is what amoCRM's page leads to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Looks {
    /// The redirect address, or a code as amoCRM makes them.
    Certain,
    /// Part of a code, or of an address with one.
    Possible,
    /// Anything else.
    Otherwise,
}

/// amoCRM's codes are about 700 characters and begin so (they are made by the League OAuth2 server).
const CODE_PREFIX: &str = "def50";
const CODE_AT_LEAST: usize = 100;

fn looks_of(text: &str, redirect_url: &str) -> Looks {
    let text = text.trim().trim_matches(['<', '>', '"', '\'', '`']).trim();
    let in_one_piece = !text.contains(char::is_whitespace);
    let is_bare = in_one_piece && !text.contains(['?', '&', '=', ':', '/']);
    if text.starts_with(redirect_url) || (is_bare && text.starts_with(CODE_PREFIX) && text.len() >= CODE_AT_LEAST) {
        return Looks::Certain;
    }
    // Cars' pages have addresses with all kinds of parameters, but hardly ever with these together.
    let names = |name: &str| text.split(['?', '&']).any(|part| part.split('=').next() == Some(name));
    let is_answer = names("code") && (names("state") || names("referer") || names("client_id"));
    let is_refusal = text.contains("error=access_denied");
    let is_part = in_one_piece && (text.starts_with(CODE_PREFIX) || text.contains(&format!("code={CODE_PREFIX}")));
    let is_other_code = is_bare && text.len() >= CODE_AT_LEAST;
    if is_answer || is_refusal || is_part || is_other_code { Looks::Possible } else { Looks::Otherwise }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_is_told_from_what_a_form_is_answered_with() {
        const REDIRECT: &str = "https://example.com/oauth/callback";
        let code = format!("def50200{}", "0a".repeat(350));
        for (text, looks) in [
            (code.as_str(), Looks::Certain),
            (&format!("{REDIRECT}?code={code}&state=s&referer=acme.amocrm.ru"), Looks::Certain),
            (&format!("{REDIRECT}?error=access_denied&state=s"), Looks::Certain),
            (&format!("<{REDIRECT}?code=x>"), Looks::Certain),
            (&format!("https://example.com/?code={code}"), Looks::Possible),
            ("https://example.com/?error=access_denied&client_id=x", Looks::Possible),
            ("https://example.com/?code=abcdef&state=s", Looks::Possible),
            (&format!("code={code}&state=s"), Looks::Possible),
            (&code[..60], Looks::Possible),
            (&"x1".repeat(60), Looks::Possible),
            ("http://www.encar.com/dc/dc_cardetailview.do?pageid=x&carid=38427498", Looks::Otherwise),
            ("https://auto.ru/cars/used/sale/?code=17&from=search", Looks::Otherwise),
            ("89991234567", Looks::Otherwise),
            ("2500000", Looks::Otherwise),
            ("Alexander", Looks::Otherwise),
            ("не получается", Looks::Otherwise),
        ] {
            assert_eq!(looks_of(text, REDIRECT), looks, "{text}");
        }
    }
}
