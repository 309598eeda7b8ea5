//! What the admin wants, read from what was written or pressed.

use std::sync::Arc;

use secrecy::SecretString;
use teloxide::{
    types::{CallbackQuery, CallbackQueryId, Message, MessageId, User},
    utils::command::parse_command,
};

use crate::{
    form::{CAR_LINK, Step},
    telegram::groups::topic_of,
    wording::Lang,
};

use super::{AdminDesk, PREFIX, people::Person};

/// What the admin wants.
#[derive(Debug, Clone)]
pub(super) struct Errand {
    pub(super) wish: Wish,
    pub(super) lang: Lang,
    /// Where it was asked for, under the id that the update has.
    pub(super) chat_id: i64,
    /// The topic there.
    pub(super) topic: Option<i32>,
    /// Who asked.
    pub(super) person: Person,
    pub(super) press: Option<CallbackQueryId>,
}

/// What is to be done.
#[derive(Debug, Clone)]
pub(super) enum Wish {
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
    Discard {
        number: String,
        /// Of the first press; empty where the data has none.
        nonce: String,
    },
    /// A phone or an id, as typed.
    AskForget(String),
    Forget {
        whom: String,
        nonce: String,
        also_waiting: bool,
    },
}

impl Errand {
    fn new(wish: Wish, message: &Message) -> Self {
        Self {
            wish,
            lang: lang_of(message.from.as_ref()),
            chat_id: message.chat.id.0,
            topic: topic_of(message),
            person: Person::of_message(message),
            press: None,
        }
    }

    pub(super) fn of_message(message: Message, desk: Arc<AdminDesk>) -> Option<Self> {
        let (command, words) = parse_command(message.text()?, &desk.bot_username)?;
        let wish = match command.to_lowercase().as_str() {
            "help" => Wish::Help,
            "status" => Wish::Status,
            "leads" => Wish::Leads,
            "retry" => Wish::Retry,
            "backup" => Wish::Backup,
            "auth" => Wish::Authorize,
            "forget" => Wish::AskForget(words.join(" ")),
            "start" if !message.chat.is_private() => Wish::Help,
            _ => return None,
        };
        Some(Self::new(wish, &message))
    }

    pub(super) fn of_press(query: CallbackQuery) -> Option<Self> {
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
                    "lead-discard-sure" => {
                        let (number, nonce) = number.split_once(':').unwrap_or((&number, ""));
                        Wish::Discard { number: number.to_owned(), nonce: nonce.to_owned() }
                    }
                    "forget" | "forget-all" => {
                        let (whom, nonce) = number.split_once(':').unwrap_or((&number, ""));
                        let (whom, nonce) = (whom.to_owned(), nonce.to_owned());
                        Wish::Forget { whom, nonce, also_waiting: action == "forget-all" }
                    }
                    _ => return None,
                }
            }
        };
        let message = query.message.as_ref()?;
        Some(Self {
            wish,
            lang: lang_of(Some(&query.from)),
            chat_id: message.chat().id.0,
            topic: message.regular_message().and_then(topic_of),
            person: Person::of_press(&query),
            press: Some(query.id.clone()),
        })
    }

    /// A pasted code, whether it was asked for or not; while one is expected, also what is no code, so that it can be
    /// said. Answers to a form are never taken: a car's link is no code.
    pub(super) async fn of_code(message: Message, desk: Arc<AdminDesk>) -> Option<Self> {
        let text = message.text().filter(|text| !text.starts_with('/'))?;
        let integration = desk.crm.as_ref()?.settings().integration.as_ref()?;
        let wanted = match looks_of(text, &integration.redirect_url) {
            Looks::Certain => true,
            Looks::Possible => desk.expects_a_code().await,
            Looks::Otherwise if message.chat.is_private() && desk.expects_a_code().await => {
                match desk.step(message.chat.id.0).await {
                    Step::Idle => true,
                    // A wrong page's address: it answers no other question of the form than that for the car.
                    Step::Ask(CAR_LINK) => false,
                    _ => text.trim_start().starts_with("http"),
                }
            }
            Looks::Otherwise => false,
        };
        let wish = Wish::Code { text: SecretString::from(text.to_owned()), message: message.id };
        wanted.then(|| Self::new(wish, &message))
    }

    /// What is neither a command nor said to an open form: the admin is shown what there is to say.
    pub(super) async fn of_stray(message: Message, desk: Arc<AdminDesk>) -> Option<Self> {
        let text = message.text().filter(|_| message.chat.is_private())?;
        let stray = match parse_command(text, &desk.bot_username) {
            Some((command, _)) => !BUYERS_COMMANDS.contains(&command.to_lowercase().as_str()),
            None => !text.starts_with('/') && desk.step(message.chat.id.0).await == Step::Idle,
        };
        stray.then(|| Self::new(Wish::Stray, &message))
    }
}

fn lang_of(user: Option<&User>) -> Lang {
    Lang::from_code(user.and_then(|user| user.language_code.as_deref()))
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
