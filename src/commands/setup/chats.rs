//! The chats that the bot writes to: the admin's and the managers', learnt by a code or named by their ids.

use std::time::Duration;

use super::{
    super::CommandError,
    bot::{Bot, PAUSE, is_conflict},
    site::Site,
};
use crate::{
    setup::codes::{self, Chat, Code, MOST_SEEN},
    telegram::client::SendError,
    wording::Rendered,
};

/// So long the code is waited for.
const PATIENCE: Duration = Duration::from_secs(600);
const HELD: Duration = Duration::from_secs(25);

/// Which chat is learnt.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Which {
    Admin,
    Managers,
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
        Which::Managers => reader.managers_chat(),
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
