//! The bot: its token, the way to Telegram, and who else gets what people write to it.

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
    telegram::{
        client::{Telegram, describe},
        groups::Groups,
    },
};

/// So long another one who polls has time to show.
const SECOND_POLLER: Duration = Duration::from_secs(5);

/// Between two questions to Telegram.
pub const PAUSE: Duration = Duration::from_secs(1);

/// Hosts of amoCRM's own channels.
const CRM_HOSTS: [&str; 4] = ["amocrm.ru", "amocrm.com", "kommo.com", "amojo.com"];

/// The bot as Telegram knows it.
#[derive(Clone)]
pub struct Bot {
    pub telegram: Telegram,
    pub name: String,
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

pub fn is_conflict(error: &RequestError) -> bool {
    match error {
        RequestError::Api(ApiError::TerminatedByOtherGetUpdates | ApiError::CantGetUpdates) => true,
        RequestError::Api(ApiError::Unknown(text)) => text.starts_with("Conflict"),
        _ => false,
    }
}
