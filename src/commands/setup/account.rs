//! The account in amoCRM and access to it.

use secrecy::ExposeSecret;

use super::{
    super::{CommandError, given, new_tokens, opened, output::outln, settings},
    site::Site,
};
use crate::{
    config::AmocrmSettings,
    crm::amocrm::{Account, Crm, TokenStorage},
    daemon,
    setup::typed,
};

/// How the bot gets its tokens.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Way {
    LongLived,
    Integration,
}

/// The account with access that was tried; `None` where it is left for later.
pub async fn access(site: &mut Site<'_>, asked_for: bool) -> Result<Option<Crm>, CommandError> {
    let (mut asks_address, mut asks_access, mut way) = (asked_for, asked_for, None);
    loop {
        if !account_address(site, asks_address).await? {
            return Ok(None);
        }
        asks_address = false;
        let before = site.env.clone();
        let flags = &site.flags;
        let has_new = flags.access_token.is_some() || flags.client_id.is_some() || flags.code.is_some();
        let tried = if !asks_access && !has_new && has_access(site) {
            try_access(site).await
        } else {
            if way.is_none() {
                way = choose_way(site).await?;
            }
            let Some(way) = way else {
                site.ask.say("access-later", &[]);
                return Ok(None);
            };
            match new_access(site, way).await {
                Ok(()) => try_access(site).await,
                Err(error) => Err(error),
            }
        };
        let error = match tried {
            Ok((crm, account)) => {
                let id = account.id.to_string();
                site.ask.say("account-is", &[("name", &account.name), ("id", &id)]);
                is_the_one(site, &account);
                if has_new || way.is_some() {
                    site.ask.say("access-notes", &[]);
                }
                return Ok(Some(crm));
            }
            Err(error) if !site.ask.interactive => return Err(error),
            Err(error) => error,
        };
        site.ask.refuse(&error, "AMOCRM_ACCESS_TOKEN");
        // Nothing is asked without end where amoCRM does not answer, and what was right is not asked again.
        let again = if way == Some(Way::LongLived) { "access-again-token" } else { "access-again" };
        let ways = [again, "access-again-account", "access-again-way", "access-way-later"];
        let items = ways.map(|id| site.ask.text(id, &[])).to_vec();
        match site.ask.choose("access-again-ask", &[], items, 0).await? {
            0 => asks_access = way.is_some(),
            1 => {
                site.env = before;
                (asks_address, asks_access) = (true, true);
            }
            2 => {
                site.env = before;
                (asks_access, way) = (true, None);
            }
            _ => {
                site.env = before;
                site.ask.say("access-later", &[]);
                return Ok(None);
            }
        }
    }
}

/// Says where the token opens another account than the one that is named.
fn is_the_one(site: &Site<'_>, account: &Account) {
    let named = site.value("AMOCRM_SUBDOMAIN").map(|named| typed::account(&named)).unwrap_or_default();
    let named = named.split('.').next().unwrap_or_default();
    if !account.subdomain.is_empty() && !named.eq_ignore_ascii_case(&account.subdomain) {
        site.ask.warn("account-other", &[("named", named), ("is", &account.subdomain)]);
    }
}

/// `AMOCRM_SUBDOMAIN`; `false` where it is left for later.
async fn account_address(site: &mut Site<'_>, ask: bool) -> Result<bool, CommandError> {
    const NAME: &str = "AMOCRM_SUBDOMAIN";
    let flag = site.flags.account.take();
    let is_given = flag.is_some();
    let there = site.value(NAME);
    let question = if there.is_some() { "account-ask-again" } else { "account-ask" };
    let mut answer = match flag.or_else(|| there.clone()) {
        Some(known) if is_given || !ask || !site.ask.interactive => known,
        known => site.ask.line(question, &[], &known.unwrap_or_default()).await?,
    };
    loop {
        let address = typed::account(&answer);
        if address.is_empty() {
            site.ask.say("account-later", &[]);
            return Ok(false);
        }
        match site.try_value(NAME, &address, |reader| reader.amocrm_host()) {
            Ok(_) => {
                // What is there in other words stays.
                if there.as_ref() != Some(&answer) && there.as_ref() != Some(&address) {
                    site.set(NAME, Some(address))?;
                }
                return Ok(true);
            }
            Err(problems) if !site.ask.interactive => return Err(CommandError::Config(problems)),
            Err(problems) => {
                site.ask.refuse_all(&problems, NAME);
                answer = site.ask.line(question, &[], there.as_deref().unwrap_or_default()).await?;
            }
        }
    }
}

/// Whether there is any access at all.
pub fn has_access(site: &Site<'_>) -> bool {
    let has = |name: &str| site.value(name).is_some();
    let files = ["access_token.txt", "refresh_token.txt"];
    has("AMOCRM_ACCESS_TOKEN")
        || has("AMOCRM_REFRESH_TOKEN")
        || files.iter().any(|name| site.data_dir().join(name).exists())
        || (has("DATABASE_URL") && has("AMOCRM_CLIENT_ID"))
}

fn settings(site: &Site<'_>) -> Result<AmocrmSettings, CommandError> {
    settings::account(site.read_settings(|reader| reader.amocrm()).map_err(CommandError::Config)?)
}

async fn try_access(site: &Site<'_>) -> Result<(Crm, Account), CommandError> {
    let crm = crm(site).await?;
    let account = crm.account().await?;
    Ok((crm, account))
}

/// The account with the settings as they will be, and the tokens that the bot will have.
pub async fn crm(site: &Site<'_>) -> Result<Crm, CommandError> {
    opened::crm(&settings(site)?, &site.store()?).await
}

/// By which way new tokens come; `None` for later.
async fn choose_way(site: &Site<'_>) -> Result<Option<Way>, CommandError> {
    if site.flags.access_token.is_some() {
        return Ok(Some(Way::LongLived));
    }
    if site.flags.client_id.is_some() || site.flags.code.is_some() || !site.ask.interactive {
        return Ok(Some(Way::Integration));
    }
    let ways = ["access-way-token", "access-way-integration", "access-way-later"];
    let items = ways.map(|id| site.ask.text(id, &[])).to_vec();
    let known = [Some(Way::LongLived), Some(Way::Integration), None];
    let at = site.ask.choose("access-ask", &[], items, 0).await?;
    Ok(known.get(at).copied().flatten())
}

/// New tokens.
async fn new_access(site: &mut Site<'_>, way: Way) -> Result<(), CommandError> {
    match (way, site.flags.access_token.take()) {
        (Way::LongLived, Some(token)) => {
            let token = given::read("--access-token", &token, |_| true)?;
            long_lived(site, token).await
        }
        (Way::LongLived, None) => {
            site.ask.say("access-token-where", &[]);
            let token = site.ask.hidden("access-token-ask", &[]).await?.expose_secret().to_owned();
            if token.is_empty() {
                return Err(site.ask.failed("access-token-empty", &[]));
            }
            long_lived(site, token).await
        }
        (Way::Integration, _) => integration(site).await,
    }
}

/// A long-lived token: tried by itself, so that no other one stands in for it.
async fn long_lived(site: &mut Site<'_>, token: String) -> Result<(), CommandError> {
    let before = ["AMOCRM_ACCESS_TOKEN", "AMOCRM_REFRESH_TOKEN"].map(|name| (name, site.env.clone().get(name)));
    site.set("AMOCRM_ACCESS_TOKEN", Some(token))?;
    site.set("AMOCRM_REFRESH_TOKEN", None)?;
    let alone = async {
        let folder = tempfile::tempdir().map_err(|error| CommandError::Failed(crate::files::why(&error)))?;
        let storage = TokenStorage::Files(folder.path().to_owned());
        let crm = daemon::open_crm_with(&settings(site)?, &site.store()?, storage)?;
        crm.account().await?;
        Ok(())
    };
    let tried: Result<(), CommandError> = alone.await;
    if tried.is_err() {
        for (name, value) in before {
            site.set(name, value)?;
        }
    }
    tried
}

/// The integration's settings, and a code for tokens where there are none that work.
async fn integration(site: &mut Site<'_>) -> Result<(), CommandError> {
    site.ask.say("integration-where", &[]);
    let parts = [
        ("AMOCRM_CLIENT_ID", site.flags.client_id.take(), "integration-id-ask", false),
        ("AMOCRM_CLIENT_SECRET", site.flags.client_secret.take(), "integration-secret-ask", true),
        ("AMOCRM_REDIRECT_URL", site.flags.redirect_url.take(), "integration-redirect-ask", false),
    ];
    for (name, flag, question, secret) in parts {
        let there = site.value(name);
        let value = match (flag, there) {
            (Some(value), _) if secret => given::read("--client-secret", &value, |_| true)?,
            (Some(value), _) => value,
            (None, there) if secret && site.ask.interactive => {
                let typed = site.ask.hidden(question, &[]).await?.expose_secret().to_owned();
                if typed.is_empty() { there.unwrap_or_default() } else { typed }
            }
            (None, there) => site.ask.line(question, &[], &there.unwrap_or_default()).await?,
        };
        if site.value(name).as_ref() != Some(&value) {
            site.set(name, Some(value))?;
        }
    }
    // What the file names besides would be tried first.
    for name in ["AMOCRM_ACCESS_TOKEN", "AMOCRM_REFRESH_TOKEN"] {
        site.set(name, None)?;
    }
    crate::files::make_folder(&site.data_dir())
        .map_err(|error| daemon::DaemonError::DataDir { path: site.data_dir(), source: error })?;
    let crm = crm(site).await?;
    if let Some(code) = site.flags.code.take() {
        let code = given::read("--code", &code, |_| true)?;
        new_tokens::exchange(&crm, &code, None).await?;
        site.hand_over();
        return Ok(());
    }
    if crm.account().await.is_ok() {
        return Ok(());
    }
    if !site.ask.interactive {
        return Err(CommandError::Usage(site.ask.text("missing", &[("options", "--code")])));
    }
    let state = ulid::Ulid::new().to_string();
    let url = crm.authorization().url(&state)?;
    site.ask.say("code-where", &[]);
    outln!("\n  {url}\n");
    loop {
        let pasted = site.ask.hidden("code-ask", &[]).await?;
        if pasted.expose_secret().is_empty() {
            return Err(site.ask.failed("access-token-empty", &[]));
        }
        match new_tokens::exchange(&crm, pasted.expose_secret(), Some(&state)).await {
            Ok(_) => break,
            Err(refused) if refused.another_may_do() => site.ask.warn("wrong", &[("what", &refused.to_string())]),
            Err(refused) => return Err(refused.into()),
        }
    }
    site.hand_over();
    Ok(())
}
