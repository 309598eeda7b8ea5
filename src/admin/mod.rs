//! The admin's chat: a dealer mends everything from a phone.
//!
//! Commands and buttons are taken from the admin's chat only; everybody else gets the buyer's dialogue, and so does the
//! admin for whatever is not a command of this room. Every answer is sent or owed before its update counts as done, and
//! every command may come twice without harm.

pub mod authorization;
mod leads;
mod status;

use std::{sync::Arc, time::Duration};

use chrono::{DateTime, Utc};
use secrecy::SecretString;
use teloxide::{
    dispatching::{UpdateFilterExt, UpdateHandler},
    dptree,
    types::{CallbackQuery, Message, MessageId, Update, User},
    utils::command::parse_command,
};
use tokio::sync::watch;
use tracing::{info, warn};

use crate::{
    amocrm::{AuthProblem, CodeError, Crm, parse_code},
    backup,
    bot::{
        admin_texts::{advice_text, backup_caption, moment, outage_buttons, trouble_text, waiting_text},
        dialogue::Step,
        handlers::{HandlerError, is_from_chat},
        messages::Lang,
        storage::Chat,
        telegram::{SendError, Telegram},
    },
    delivery::{Health, trouble_of_tokens},
    notice::{Button, Notice, Worded},
    store::{NewMessage, Store},
};

use authorization::{Authorization, AuthorizationError, CODE_EXPECTED};

/// Callback data of this room begins so.
const PREFIX: &str = "admin:";

/// amoCRM's codes work for 20 minutes; somebody who begins late is told so rather than ignored.
const CODE_EXPECTED_FOR: Duration = Duration::from_secs(30 * 60);

/// One attempt takes no longer: a refresh of the tokens and a call.
const RETRY_FAILS_WITHIN: Duration = Duration::from_secs(60);

/// What the admin's chat works with.
#[derive(Debug)]
pub struct AdminDesk {
    /// The chat.
    pub chat_id: Option<i64>,
    /// The store.
    pub store: Store,
    /// Telegram.
    pub telegram: Telegram,
    /// The CRM, where there are settings for it.
    pub crm: Option<Crm>,
    /// The state of the way to amoCRM.
    pub health: watch::Receiver<Health>,
    /// Whether the callback page is there to take the code.
    pub page: bool,
    /// `@username` of the bot without the `@`.
    pub bot_username: String,
}

/// An answer of this room.
struct Answer {
    text: String,
    buttons: Vec<Vec<Button>>,
}

impl Answer {
    fn plain(text: String) -> Self {
        Self { text, buttons: Vec::new() }
    }
}

/// A button that comes back to this room; `label` names its text, `data` follows the prefix.
fn button(lang: Lang, label: &str, number: Option<&str>, data: &str) -> Button {
    let text = match number {
        Some(number) => lang.text(label, &[("number", number.into())]),
        None => lang.text(label, &[]),
    };
    Button::Press { text, data: format!("{PREFIX}{data}") }
}

/// The branch of the handler tree that sees the admin's chat first.
pub fn tree(desk: Arc<AdminDesk>) -> UpdateHandler<HandlerError> {
    let chat_id = desk.chat_id;
    dptree::filter(move |update: Update| is_from_chat(&update, chat_id))
        .map(move || desk.clone())
        .inspect_async(hurry_what_is_owed)
        .branch(Update::filter_message().filter_map(Errand::of_message).endpoint(run_errand))
        .branch(Update::filter_callback_query().filter_map(Errand::of_press).endpoint(run_errand))
        .branch(Update::filter_message().filter_map_async(Errand::of_code).endpoint(run_errand))
        .branch(Update::filter_message().filter_map_async(Errand::of_stray).endpoint(run_errand))
        // In a group of admins nobody fills in a form.
        .branch(dptree::filter(|update: Update| update.chat().is_some_and(|chat| !chat.is_private())).endpoint(ignore))
}

/// Alerts that found the chat closed wait for minutes; whoever writes in it has opened it.
async fn hurry_what_is_owed(desk: Arc<AdminDesk>) {
    if let Some(chat_id) = desk.chat_id
        && let Err(error) = desk.store.hurry_messages(chat_id).await
    {
        warn!(%error, "what is owed to the admin could not be hurried");
    }
}

async fn ignore() -> Result<(), HandlerError> {
    Ok(())
}

/// What the admin wants.
#[derive(Debug, Clone)]
struct Errand {
    wish: Wish,
    lang: Lang,
    press: Option<teloxide::types::CallbackQueryId>,
}

#[derive(Debug, Clone)]
enum Wish {
    Help,
    /// A command or a text that means nothing here.
    Stray,
    Status,
    Leads,
    Retry,
    Backup,
    Authorize,
    /// A text that was pasted where a code is expected.
    Code {
        text: SecretString,
        message: MessageId,
    },
    ShowLead(String),
    RetryLead(String),
    AskDiscard(String),
    Discard(String),
}

impl Errand {
    fn new(wish: Wish, user: Option<&User>) -> Self {
        Self { wish, lang: Lang::from_code(user.and_then(|user| user.language_code.as_deref())), press: None }
    }

    fn of_message(message: Message, desk: Arc<AdminDesk>) -> Option<Self> {
        let (command, _) = parse_command(message.text()?, &desk.bot_username)?;
        let wish = match command.to_lowercase().as_str() {
            "help" => Wish::Help,
            "status" => Wish::Status,
            "leads" => Wish::Leads,
            "retry" => Wish::Retry,
            "backup" => Wish::Backup,
            "auth" => Wish::Authorize,
            "start" if !message.chat.is_private() => Wish::Help,
            _ => return None,
        };
        Some(Self::new(wish, message.from.as_ref()))
    }

    fn of_press(query: CallbackQuery) -> Option<Self> {
        let data = query.data.as_deref()?.strip_prefix(PREFIX)?;
        let wish = match data {
            "status" => Wish::Status,
            "leads" => Wish::Leads,
            "retry" => Wish::Retry,
            "auth" => Wish::Authorize,
            _ => {
                let (action, number) = data.split_once(':')?;
                let number = number.to_owned();
                match action {
                    "lead" => Wish::ShowLead(number),
                    "lead-retry" => Wish::RetryLead(number),
                    "lead-discard" => Wish::AskDiscard(number),
                    "lead-discard-sure" => Wish::Discard(number),
                    _ => return None,
                }
            }
        };
        Some(Self { press: Some(query.id.clone()), ..Self::new(wish, Some(&query.from)) })
    }

    /// A pasted code, whether it was asked for or not; while one is expected, also what is no code, so that it can be
    /// said. Answers to a form are never taken: a car's link is no code.
    async fn of_code(message: Message, desk: Arc<AdminDesk>) -> Option<Self> {
        let text = message.text().filter(|text| !text.starts_with('/'))?;
        let integration = desk.crm.as_ref()?.settings().integration.as_ref()?;
        let wanted = match looks_of(text, &integration.redirect_url) {
            Looks::Certain => true,
            Looks::Possible => desk.expects_a_code().await,
            Looks::Otherwise if message.chat.is_private() && desk.expects_a_code().await => {
                match desk.step(message.chat.id.0).await {
                    Step::Idle => true,
                    // A wrong page's address: it answers no other question of the form than that for the car.
                    Step::CarLink => false,
                    _ => text.trim_start().starts_with("http"),
                }
            }
            Looks::Otherwise => false,
        };
        let wish = Wish::Code { text: SecretString::from(text.to_owned()), message: message.id };
        wanted.then(|| Self::new(wish, message.from.as_ref()))
    }

    /// What is neither a command nor said to an open form: the admin is shown what there is to say.
    async fn of_stray(message: Message, desk: Arc<AdminDesk>) -> Option<Self> {
        let text = message.text().filter(|_| message.chat.is_private())?;
        let stray = match parse_command(text, &desk.bot_username) {
            Some((command, _)) => !BUYERS_COMMANDS.contains(&command.to_lowercase().as_str()),
            None => !text.starts_with('/') && desk.step(message.chat.id.0).await == Step::Idle,
        };
        stray.then(|| Self::new(Wish::Stray, message.from.as_ref()))
    }
}

/// Commands of the buyer's dialogue, which the admin may use too.
const BUYERS_COMMANDS: [&str; 3] = ["start", "cancel", "skip"];

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
const CODE_BEGINS: &str = "def50";
const CODE_AT_LEAST: usize = 100;

fn looks_of(text: &str, redirect_url: &str) -> Looks {
    let text = text.trim().trim_matches(['<', '>', '"', '\'', '`']).trim();
    let in_one_piece = !text.contains(char::is_whitespace);
    let is_bare = in_one_piece && !text.contains(['?', '&', '=', ':', '/']);
    if text.starts_with(redirect_url) || (is_bare && text.starts_with(CODE_BEGINS) && text.len() >= CODE_AT_LEAST) {
        return Looks::Certain;
    }
    // Cars' pages have addresses with all kinds of parameters, but hardly ever with these together.
    let names = |name: &str| text.split(['?', '&']).any(|part| part.split('=').next() == Some(name));
    let is_answer = names("code") && (names("state") || names("referer") || names("client_id"));
    let is_refusal = text.contains("error=access_denied");
    let is_part = in_one_piece && (text.starts_with(CODE_BEGINS) || text.contains(&format!("code={CODE_BEGINS}")));
    let is_other_code = is_bare && text.len() >= CODE_AT_LEAST;
    if is_answer || is_refusal || is_part || is_other_code { Looks::Possible } else { Looks::Otherwise }
}

async fn run_errand(errand: Errand, desk: Arc<AdminDesk>) -> Result<(), HandlerError> {
    let lang = errand.lang;
    let answer = match errand.wish {
        Wish::Help => Some(Answer::plain(lang.text("admin-help", &[]))),
        Wish::Stray => Some(Answer::plain(lang.text("admin-stray", &[("help", lang.text("admin-help", &[]).into())]))),
        Wish::Status => Some(desk.status(lang).await?),
        Wish::Leads => Some(desk.leads(lang).await?),
        Wish::Retry => Some(desk.retry(lang).await?),
        Wish::Backup => desk.backup(lang).await?,
        Wish::Authorize => Some(desk.authorize(lang).await?),
        Wish::Code { text, message } => Some(desk.take_code(&text, message, lang).await?),
        Wish::ShowLead(number) => Some(desk.show_lead(&number, lang).await?),
        Wish::RetryLead(number) => Some(desk.retry_lead(&number, lang).await?),
        Wish::AskDiscard(number) => Some(desk.ask_discard(&number, lang).await?),
        Wish::Discard(number) => Some(desk.discard(&number, lang).await?),
    };
    if let Some(press) = &errand.press {
        desk.telegram.answer_press(press).await;
    }
    match answer {
        Some(answer) => desk.answer(answer).await,
        None => Ok(()),
    }
}

impl AdminDesk {
    /// Sends an answer, or owes it.
    async fn answer(&self, answer: Answer) -> Result<(), HandlerError> {
        let Some(chat_id) = self.chat_id else { return Ok(()) };
        let worded = Worded { text: answer.text, buttons: answer.buttons };
        match self.telegram.send(chat_id, &crate::bot::handlers::render_worded(&worded)).await {
            Ok(()) => Ok(()),
            Err(SendError::Later { .. } | SendError::Moved(_)) => {
                let now = self.store.clock().now();
                self.store.owe(&NewMessage { chat_id, notice: Notice::Worded(worded), due_at: now }).await?;
                Ok(())
            }
            Err(error @ (SendError::ChatClosed(_) | SendError::Refused(_))) => {
                warn!(%error, "the admin was not answered");
                Ok(())
            }
        }
    }

    async fn retry(&self, lang: Lang) -> Result<Answer, HandlerError> {
        let trouble = self.trouble();
        let failures = self.health.borrow().failures;
        self.store.retry_now(None).await?;
        // With those that were rejected until now.
        let waiting = self.store.waiting().await?.0;
        info!(waiting, "the admin asks to send what waits now");
        if waiting == 0 && trouble.is_none() {
            return Ok(Answer::plain(lang.text("admin-retry-none", &[])));
        }
        if self.crm.is_some() && trouble.is_some() {
            self.tell_when_it_fails(failures, lang);
        }
        Ok(Answer::plain(lang.text("admin-retry-done", &[("waiting", waiting_text(waiting, lang).into())])))
    }

    /// Comes back with what still stands in the way after `failures` failures. Of a success the end of the outage tells.
    fn tell_when_it_fails(&self, failures: u64, lang: Lang) {
        let (store, mut health, chat_id) = (self.store.clone(), self.health.clone(), self.chat_id);
        let can_authorize = self.crm.as_ref().is_some_and(|crm| crm.settings().integration.is_some());
        tokio::spawn(async move {
            let limit = store.clock().scaled(RETRY_FAILS_WITHIN).max(Duration::from_secs(5));
            let tried = health.wait_for(|health| health.trouble.is_none() || health.failures > failures);
            let Ok(Ok(now)) = tokio::time::timeout(limit, tried).await.map(|tried| tried.map(|health| health.clone()))
            else {
                return;
            };
            let (Some((trouble, _)), Some(chat_id)) = (now.trouble, chat_id) else { return };
            let advice = advice_text(&trouble, can_authorize, lang);
            let args = [("trouble", trouble_text(&trouble, lang).into()), ("advice", advice.into())];
            let press = |(label, data): &(&str, &str)| {
                vec![Button::Press { text: lang.text(label, &[]), data: (*data).to_owned() }]
            };
            let buttons = outage_buttons(&trouble, can_authorize).iter().map(press).collect();
            let notice = Notice::Worded(Worded { text: lang.text("admin-retry-failed", &args), buttons });
            if let Err(error) = store.owe(&NewMessage { chat_id, notice, due_at: store.clock().now() }).await {
                warn!(%error, "the admin could not be told that a retry failed");
            }
        });
    }

    /// Sends the file of undelivered leads as a document.
    async fn backup(&self, lang: Lang) -> Result<Option<Answer>, HandlerError> {
        let rows = self.store.undelivered(i64::from(i32::MAX)).await?;
        let Some(chat_id) = self.chat_id.filter(|_| !rows.is_empty()) else {
            return Ok(Some(Answer::plain(lang.text("admin-backup-empty", &[]))));
        };
        let caption = backup_caption(rows.len(), lang);
        match self.telegram.send_document(chat_id, backup::FILE, backup::to_json(&rows), caption).await {
            Ok(()) => Ok(None),
            Err(error) => {
                warn!(%error, "the backup file could not be sent to the admin");
                Ok(Some(Answer::plain(lang.text("admin-backup-failed", &[]))))
            }
        }
    }

    async fn expects_a_code(&self) -> bool {
        let until = self.store.mark(CODE_EXPECTED).await.ok().flatten().and_then(|until| until.parse::<i64>().ok());
        until.is_some_and(|until| self.store.clock().now() < until)
    }

    /// Where the buyer's dialogue of this chat stands.
    async fn step(&self, chat_id: i64) -> Step {
        let stored = self.store.dialogue(chat_id).await.ok().flatten();
        stored.map_or(Step::Idle, |stored| Chat::from_stored(&stored).conversation.step)
    }

    fn authorization(&self) -> Option<Authorization> {
        self.crm.as_ref().map(|crm| Authorization::new(self.store.clone(), crm.clone()))
    }

    async fn authorize(&self, lang: Lang) -> Result<Answer, HandlerError> {
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
    async fn take_code(&self, text: &SecretString, message: MessageId, lang: Lang) -> Result<Answer, HandlerError> {
        use secrecy::ExposeSecret;
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
            let error = crate::amocrm::TokenError::NeedsAuthorization {
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

fn when(at: Option<i64>, lang: Lang) -> String {
    match at {
        Some(at) => {
            let age = crate::bot::admin_texts::age(at, lang);
            lang.text("admin-ago", &[("age", age.into())])
        }
        None => lang.text("admin-never", &[]),
    }
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
