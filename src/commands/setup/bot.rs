//! The bot, and the chats that it writes to.

use std::time::Duration;

use secrecy::ExposeSecret;
use teloxide::{ApiError, RequestError};
use url::Url;

use super::{
    super::{CommandError, given},
    site::Site,
};
use crate::{
    config::Environment,
    setup::codes::{self, Chat, Code, MOST_SEEN},
    telegram::{
        client::{SendError, Telegram, describe},
        groups::Groups,
    },
    wording::Rendered,
};

/// So long another one who polls has time to show.
const SECOND_POLLER: Duration = Duration::from_secs(5);

/// So long the code is waited for.
const PATIENCE: Duration = Duration::from_secs(600);
const HELD: Duration = Duration::from_secs(25);
const PAUSE: Duration = Duration::from_secs(1);

/// Hosts of amoCRM's own channels.
const CRM_HOSTS: [&str; 4] = ["amocrm.ru", "amocrm.com", "kommo.com", "amojo.com"];

/// The bot as Telegram knows it.
#[derive(Clone)]
pub struct Bot {
    pub telegram: Telegram,
    pub name: String,
}

/// Which chat is learnt.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Which {
    Admin,
    Managers,
}

/// Asks for the bot's token until Telegram knows it, and looks who else gets its updates.
pub async fn bot(site: &mut Site<'_>, asked_for: bool) -> Result<Bot, CommandError> {
    if let Some(proxy) = site.flags.telegram_proxy.take() {
        site.set("TELEGRAM_PROXY", Some(proxy))?;
    }
    let mut given = match site.flags.bot_token.take() {
        Some(token) => Some(given::read("--bot-token", &token, |_| true)?),
        None => None,
    };
    let mut ask = asked_for && given.is_none();
    loop {
        let there = site.value("BOT_TOKEN");
        let token = match (given.take(), &there) {
            (Some(token), _) => token,
            (None, Some(there)) if !ask => there.clone(),
            (None, _) => {
                let text = if there.is_some() { "bot-token-again" } else { "bot-token-ask" };
                let typed = site.ask.hidden(text, &[]).await?.expose_secret().to_owned();
                if typed.is_empty() && there.is_none() {
                    continue;
                }
                if typed.is_empty() { there.clone().unwrap_or_default() } else { typed }
            }
        };
        ask = true;
        let settings = match site.try_value("BOT_TOKEN", &token, |reader| reader.telegram()) {
            Ok(settings) => settings,
            // No other token would mend another setting.
            Err(problems) if !site.ask.interactive || problems.iter().all(|one| one.variable != "BOT_TOKEN") => {
                return Err(CommandError::Config(problems));
            }
            Err(problems) => {
                site.ask.refuse_all(&problems, "BOT_TOKEN");
                continue;
            }
        };
        let telegram = Telegram::new(&settings, site.clock(), Groups::new(Vec::new()))
            .map_err(|error| CommandError::Wrong(vec![format!("TELEGRAM_PROXY: {error}")]))?;
        match telegram.who_am_i().await {
            Ok(Some(me)) => {
                if there.as_ref() != Some(&token) {
                    site.set("BOT_TOKEN", Some(token))?;
                }
                let bot = Bot { telegram, name: me.user.username.unwrap_or_default() };
                site.ask.say("bot-is", &[("name", &bot.name)]);
                look_around(site, &bot).await?;
                return Ok(bot);
            }
            Err(RequestError::Api(error)) => {
                let why = error.to_string();
                if !site.ask.interactive {
                    return Err(CommandError::Wrong(vec![site.ask.text("bot-unknown", &[("why", &why)])]));
                }
                site.ask.warn("bot-unknown", &[("why", &why)]);
            }
            other => {
                let why = other.err().map_or_else(|| "?".to_owned(), |error| site.ask.telegram(&describe(&error)));
                if !site.ask.interactive {
                    return Err(site.ask.failed("bot-unreachable", &[("why", &why)]));
                }
                site.ask.warn("bot-unreachable", &[("why", &why)]);
                proxy(site, &token).await?;
                given = Some(token);
            }
        }
    }
}

/// Asks for the way to Telegram until it is one.
async fn proxy(site: &mut Site<'_>, token: &str) -> Result<(), CommandError> {
    const NAME: &str = "TELEGRAM_PROXY";
    let there = site.value(NAME);
    loop {
        let typed = site.ask.optional("bot-proxy-ask", &[], there.as_deref().unwrap_or_default()).await?;
        if typed == there {
            return Ok(());
        }
        let value = typed.clone().unwrap_or_default();
        let lookup = |asked: &str| match asked {
            NAME => Some(value.clone()),
            "BOT_TOKEN" => Some(token.to_owned()),
            other => site.value(other),
        };
        let read = Environment::of(lookup).read(|reader| reader.telegram()).map(|_| ());
        match read {
            Ok(()) => return site.set(NAME, typed),
            Err(problems) => site.ask.refuse_all(&problems, NAME),
        }
    }
}

/// Who else gets what people write to the bot.
async fn look_around(site: &mut Site<'_>, bot: &Bot) -> Result<(), CommandError> {
    let failed = |site: &Site<'_>, error: &RequestError| {
        site.ask.failed("bot-unreachable", &[("why", &site.ask.telegram(&describe(error)))])
    };
    let webhook = bot.telegram.webhook().await.map_err(|error| failed(site, &error))?;
    if let Some(address) = webhook {
        let host = Url::parse(&address).ok().and_then(|url| url.host_str().map(str::to_owned)).unwrap_or_default();
        let is_crm = CRM_HOSTS.iter().any(|known| host == *known || host.ends_with(&format!(".{known}")));
        site.ask.warn(if is_crm { "webhook-crm" } else { "webhook-other" }, &[("host", &host)]);
        // A channel of amoCRM's own goes with it, so that takes a word of its own.
        let delete = match site.flags.delete_webhook {
            true => true,
            false if site.ask.interactive => site.ask.yes("webhook-ask", &[("host", &host)], !is_crm).await?,
            false => false,
        };
        if !delete {
            return Err(site.ask.failed("webhook-stays", &[("host", &host)]));
        }
        bot.telegram.delete_webhook().await.map_err(|error| failed(site, &error))?;
        site.ask.say("webhook-deleted", &[]);
    }
    // The bot of this very folder is no other.
    if site.is_running() {
        site.ask.say("bot-running", &[]);
        return Ok(());
    }
    let held = site.clock().scaled(SECOND_POLLER).max(PAUSE);
    match bot.telegram.waiting_updates(held).await {
        Ok(_) => Ok(()),
        Err(error) if is_conflict(&error) => {
            site.ask.warn("bot-second-poller", &[]);
            if site.ask.yes("bot-second-poller-ask", &[], true).await? {
                Ok(())
            } else {
                Err(site.ask.failed("bot-second-poller-stays", &[]))
            }
        }
        Err(error) => Err(failed(site, &error)),
    }
}

fn is_conflict(error: &RequestError) -> bool {
    match error {
        RequestError::Api(ApiError::TerminatedByOtherGetUpdates | ApiError::CantGetUpdates) => true,
        RequestError::Api(ApiError::Unknown(text)) => text.starts_with("Conflict"),
        _ => false,
    }
}

/// `ADMIN_CHAT_ID`.
pub async fn admin(site: &mut Site<'_>, bot: &Bot, asked_for: bool) -> Result<(), CommandError> {
    let there = site.value("ADMIN_CHAT_ID");
    let flag = site.flags.admin_chat.take();
    let found = match (flag.as_deref(), there) {
        (Some("learn"), _) => learn(site, bot, "admin-learn", |_| true).await?,
        (Some(id), _) => return named(site, bot, Which::Admin, id).await,
        (None, Some(id)) if !asked_for || !site.ask.interactive => {
            site.ask.say("admin-is", &[("chat", &id)]);
            return Ok(());
        }
        (None, _) => return ask_for(site, bot, Which::Admin).await,
    };
    match found {
        Some(chat) => take(site, bot, Which::Admin, &chat).await,
        None => Err(site.ask.failed("chat-not-learnt", &[("option", "--admin-chat")])),
    }
}

/// `MANAGERS_CHAT_ID`.
pub async fn managers_chat(site: &mut Site<'_>, bot: &Bot, asked_for: bool) -> Result<(), CommandError> {
    let there = site.value("MANAGERS_CHAT_ID");
    let flag = site.flags.managers_chat.take();
    match (flag.as_deref(), there) {
        (Some("off"), _) => site.set("MANAGERS_CHAT_ID", None),
        (Some("learn"), _) => match learn(site, bot, "managers-learn", Chat::is_group).await? {
            Some(chat) => take(site, bot, Which::Managers, &chat).await,
            None => Err(site.ask.failed("chat-not-learnt", &[("option", "--managers-chat")])),
        },
        (Some(id), _) => named(site, bot, Which::Managers, id).await,
        (None, Some(id)) if !asked_for => {
            site.ask.say("managers-chat-is", &[("chat", &id)]);
            Ok(())
        }
        (None, _) if !site.ask.interactive => Ok(()),
        (None, _) => ask_for(site, bot, Which::Managers).await,
    }
}

impl Which {
    fn setting(self) -> &'static str {
        match self {
            Self::Admin => "ADMIN_CHAT_ID",
            Self::Managers => "MANAGERS_CHAT_ID",
        }
    }

    async fn learnt(self, site: &Site<'_>, bot: &Bot) -> Result<Option<Chat>, CommandError> {
        match self {
            Self::Admin => learn(site, bot, "admin-learn", |_| true).await,
            Self::Managers => learn(site, bot, "managers-learn", Chat::is_group).await,
        }
    }

    /// What changes it later.
    fn section(self) -> &'static str {
        match self {
            Self::Admin => "admin",
            Self::Managers => "managers",
        }
    }
}

/// A chat whose id was given.
async fn named(site: &mut Site<'_>, bot: &Bot, which: Which, id: &str) -> Result<(), CommandError> {
    let checked = site.try_value(which.setting(), id, |reader| match which {
        Which::Admin => reader.admin_chat(),
        Which::Managers => reader.managers_chat_id(),
    });
    match checked {
        Ok(Some(id)) => take(site, bot, which, &Chat { id, title: String::new() }).await,
        Ok(None) => Ok(()),
        Err(problems) => Err(CommandError::Config(problems)),
    }
}

async fn ask_for(site: &mut Site<'_>, bot: &Bot, which: Which) -> Result<(), CommandError> {
    let there = site.value(which.setting());
    let mut ways = vec![Way::Learn, Way::Type, if there.is_some() { Way::Remove } else { Way::None }];
    if there.is_some() {
        ways.insert(0, Way::Keep);
    }
    let (question, usual) = match which {
        Which::Admin => ("admin-ask", Way::Learn),
        Which::Managers => ("managers-chat-ask", Way::None),
    };
    let usual = ways.iter().position(|way| *way == usual).filter(|_| there.is_none()).unwrap_or(0);
    let shown = there.clone().unwrap_or_default();
    loop {
        let items = ways.iter().map(|way| site.ask.text(way.words(), &[("chat", &shown)])).collect();
        let at = site.ask.choose(question, &[], items, usual).await?;
        let done = match ways.get(at).copied().unwrap_or(Way::None) {
            Way::Keep => return Ok(()),
            Way::Learn => match which.learnt(site, bot).await? {
                Some(chat) => take(site, bot, which, &chat).await,
                None => continue,
            },
            Way::Type => {
                let id = site.ask.line("chat-id-ask", &[], &shown).await?;
                if id.is_empty() {
                    continue;
                }
                named(site, bot, which, &id).await
            }
            Way::Remove => {
                site.ask.say("chat-removed", &[("setting", which.setting())]);
                return site.set(which.setting(), None);
            }
            Way::None => {
                site.ask.say("chat-none", &[("setting", which.setting()), ("name", which.section())]);
                return Ok(());
            }
        };
        match done {
            Err(CommandError::Config(problems)) => site.ask.refuse_all(&problems, which.setting()),
            other => return other,
        }
    }
}

/// How a chat is named.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Way {
    Keep,
    Learn,
    Type,
    Remove,
    None,
}

impl Way {
    fn words(self) -> &'static str {
        match self {
            Self::Keep => "chat-way-keep",
            Self::Learn => "chat-way-learn",
            Self::Type => "chat-way-type",
            Self::Remove => "chat-way-remove",
            Self::None => "chat-way-none",
        }
    }
}

/// Takes a chat, after a word to it.
async fn take(site: &mut Site<'_>, bot: &Bot, which: Which, chat: &Chat) -> Result<(), CommandError> {
    let (text, said) = match which {
        Which::Admin => ("admin-hello", "admin-is"),
        Which::Managers => ("managers-hello", "managers-chat-is"),
    };
    let id = chat.id.to_string();
    let shown = if chat.title.is_empty() { id.clone() } else { format!("{} ({id})", chat.title) };
    match bot.telegram.send(chat.id, &Rendered::plain(site.ask.text(text, &[]))).await {
        Ok(_) => {}
        // Whether Telegram can be reached says nothing of the chat.
        Err(SendError::Later { cause, .. }) => {
            site.ask.warn("chat-unsure", &[("chat", &shown), ("why", &site.ask.telegram(&cause))])
        }
        Err(error) => site.ask.warn("chat-refuses", &[("chat", &shown), ("why", &error.to_string())]),
    }
    site.ask.say(said, &[("chat", &shown)]);
    site.set(which.setting(), Some(id))
}

/// Waits for the code from a chat that fits; `None` where it cannot be seen, does not come, or is waited for no more.
pub async fn learn(
    site: &Site<'_>,
    bot: &Bot,
    words: &str,
    fits: impl Fn(&Chat) -> bool,
) -> Result<Option<Chat>, CommandError> {
    if site.is_running() {
        site.ask.warn("chat-running", &[]);
        return Ok(None);
    }
    let code = Code::random();
    let link = |parameter: &str| format!("https://t.me/{}?{parameter}={}", bot.name, code.as_str());
    let args = [
        ("link", link("start")),
        ("grouplink", link("startgroup")),
        ("code", code.as_str().to_owned()),
        ("name", bot.name.clone()),
    ];
    let args: Vec<(&str, &str)> = args.iter().map(|(name, value)| (*name, value.as_str())).collect();
    site.ask.say(words, &args);
    let clock = site.clock();
    let until = clock.now() + clock.millis(PATIENCE);
    let bar = site.ask.waiting("chat-waiting");
    let mut held = Duration::ZERO;
    while clock.now() < until {
        let updates = tokio::select! {
            updates = bot.telegram.waiting_updates(held) => updates,
            () = site.ask.enter() => {
                bar.finish_and_clear();
                return Ok(None);
            }
        };
        let updates = match updates {
            Ok(updates) => updates,
            Err(error) if is_conflict(&error) => {
                bar.finish_and_clear();
                site.ask.warn("bot-second-poller", &[]);
                return Ok(None);
            }
            // Telegram may be away for a moment.
            Err(_) => {
                clock.sleep(PAUSE).await;
                continue;
            }
        };
        let seen = codes::look(&updates, &code, &bot.name);
        if let Some(chat) = seen.chat.filter(&fits) {
            bar.finish_and_clear();
            if let Some(offset) = seen.confirms {
                // Where that fails the bot reads a /start more.
                let _ = bot.telegram.confirm_updates(offset).await;
            }
            return Ok(Some(chat));
        }
        if seen.waiting >= MOST_SEEN {
            bar.finish_and_clear();
            site.ask.warn("chat-too-many", &[]);
            return Ok(None);
        }
        // Where others wait, an answer comes at once.
        held = if seen.waiting == 0 { clock.scaled(HELD).max(PAUSE) } else { Duration::ZERO };
        if held.is_zero() {
            clock.sleep(PAUSE).await;
        }
    }
    bar.finish_and_clear();
    site.ask.warn("chat-late", &[]);
    Ok(None)
}
