//! The document that buyers consent to, and the privacy policy.

use std::path::{Path, PathBuf};

use url::Url;

use super::{super::CommandError, site::Site};
use crate::{
    clock::date,
    config::{Consent, Place},
    consent::fetch,
    setup::{answers::document, words::Language},
    wording::{Lang, page_trouble_text},
};

/// `[consent]` and the policy's address.
pub async fn consent(site: &mut Site<'_>, asked_for: bool) -> Result<(), CommandError> {
    let given = std::mem::take(&mut site.flags.consents);
    let there = site.dealer_now()?.consent;
    let asks = site.ask.interactive && given.is_empty() && (there.is_none() || asked_for);
    if asks {
        ask_for_document(site, there.as_ref()).await?;
    } else if given.iter().any(|place| !place.trim().is_empty()) {
        let version = site.flags.consent_version.take();
        let version = version.unwrap_or_else(|| today(site));
        let named = places(site, &given)?;
        site.change_dealer(|dealer| dealer.set_consent(&version, &named))?;
    }
    policy(site, asks).await
}

async fn ask_for_document(site: &mut Site<'_>, there: Option<&Consent>) -> Result<(), CommandError> {
    site.ask.say("consent-about", &[]);
    let shown = there.map(shown).unwrap_or_default();
    loop {
        let before = site.documents.clone();
        let Some(typed) = site.ask.optional("consent-ask", &[], &shown).await? else {
            if there.is_some() {
                site.change_dealer(|dealer| {
                    dealer.remove_consent();
                    Ok(())
                })?;
                site.ask.say("consent-removed", &[]);
            }
            return Ok(());
        };
        let is_same = typed == shown;
        let typed: Vec<String> = typed.split(", ").map(str::to_owned).collect();
        // What does not open is told before more is asked about it.
        let named = match places(site, &typed) {
            _ if is_same => Vec::new(),
            Ok(named) => named,
            Err(error) => {
                site.ask.refuse(&error, "");
                site.documents = before;
                continue;
            }
        };
        if !opens(site, named.iter().map(|(_, place)| place.as_str())).await? {
            site.documents = before;
            continue;
        }
        let today = today(site);
        let usual = there.filter(|_| is_same).map_or(today.as_str(), |there| there.version.as_str());
        let version = match site.ask.line("consent-version-ask", &[], usual).await? {
            empty if empty.is_empty() => usual.to_owned(),
            version => version,
        };
        let changed = match is_same {
            true => site.change_dealer(|dealer| dealer.set_consent_version(&version)),
            false => site.change_dealer(|dealer| dealer.set_consent(&version, &named)),
        };
        match changed {
            Ok(()) => return Ok(()),
            Err(error) => site.ask.refuse(&error, ""),
        }
        site.documents = before;
    }
}

/// The documents that are there, as they are typed.
fn shown(consent: &Consent) -> String {
    let place = |place: &Place| match place {
        Place::File { name, .. } => name.clone(),
        Place::Page(url) => url.to_string(),
    };
    match consent.documents.as_slice() {
        [(_, one)] => place(one),
        several => {
            let each: Vec<String> = several.iter().map(|(lang, one)| format!("{lang}={}", place(one))).collect();
            each.join(", ")
        }
    }
}

fn today(site: &Site<'_>) -> String {
    date(site.clock().now()).with_timezone(&site.time_zone()).format("%Y-%m-%d").to_string()
}

/// Whether pages can be read now, or are taken all the same.
async fn opens(site: &Site<'_>, places: impl Iterator<Item = &str>) -> Result<bool, CommandError> {
    for place in places {
        let Some(url) = Url::parse(place).ok().filter(|url| url.scheme() == "https") else { continue };
        let bar = site.ask.waiting("page-waiting");
        let fetched = fetch(&url).await;
        bar.finish_and_clear();
        if let Err(why) = fetched {
            let lang = match site.ask.language {
                Language::Ru => Lang::ru(),
                Language::En => Lang::en(),
            };
            site.ask.warn("page-does-not-open", &[("address", place), ("why", &page_trouble_text(why, lang))]);
            if !site.ask.yes("page-anyway", &[], false).await? {
                return Ok(false);
            }
        }
    }
    Ok(true)
}

/// `PRIVACY_POLICY_URL`, or `policy_url` beside the document where that names one.
async fn policy(site: &mut Site<'_>, asks: bool) -> Result<(), CommandError> {
    const NAME: &str = "PRIVACY_POLICY_URL";
    if let Some(url) = site.flags.policy.take().filter(|url| !url.is_empty()) {
        site.try_value(NAME, &url, |reader| reader.privacy_policy_url()).map_err(CommandError::Config)?;
        return set_policy(site, Some(url));
    }
    if !asks {
        return Ok(());
    }
    let beside = site.dealer_now()?.consent.and_then(|consent| consent.policy_url).map(String::from);
    let there = beside.or_else(|| site.value(NAME)).unwrap_or_default();
    loop {
        match site.ask.optional("policy-ask", &[], &there).await? {
            None if there.is_empty() => return Ok(()),
            None => {
                site.ask.say("policy-removed", &[]);
                return set_policy(site, None);
            }
            Some(url) if url == there => return Ok(()),
            Some(url) => match site.try_value(NAME, &url, |reader| reader.privacy_policy_url()) {
                Ok(_) if opens(site, [url.as_str()].into_iter()).await? => return set_policy(site, Some(url)),
                Ok(_) => {}
                Err(problems) => site.ask.refuse_all(&problems, NAME),
            },
        }
    }
}

fn set_policy(site: &mut Site<'_>, url: Option<String>) -> Result<(), CommandError> {
    const NAME: &str = "PRIVACY_POLICY_URL";
    let is_beside = site.dealer_now()?.consent.is_some_and(|consent| consent.policy_url.is_some());
    if is_beside {
        site.change_dealer(|dealer| {
            dealer.set_policy(url.as_deref());
            Ok(())
        })?;
        return if url.is_none() { site.set(NAME, None) } else { Ok(()) };
    }
    if site.value(NAME) == url { Ok(()) } else { site.set(NAME, url) }
}

type Named = Vec<(Option<String>, String)>;

/// Where the documents stand: pages by their addresses, files beside `dealer.toml`, where they are put if they are elsewhere.
fn places(site: &mut Site<'_>, typed: &[String]) -> Result<Named, CommandError> {
    let mut named = Vec::new();
    for place in typed.iter().filter(|place| !place.trim().is_empty()) {
        let (language, place) = document(place);
        let name = if place.contains("://") { place } else { beside(site, &place)? };
        named.push((language, name));
    }
    Ok(named)
}

/// The name of a file beside `dealer.toml`, where it will be.
fn beside(site: &mut Site<'_>, place: &str) -> Result<String, CommandError> {
    let folder = site.dealer_path.parent().map(Path::to_owned).unwrap_or_default();
    let given = PathBuf::from(place);
    if folder.join(&given).is_file() && !given.is_absolute() {
        return Ok(place.to_owned());
    }
    let from = given
        .canonicalize()
        .map_err(|error| CommandError::Wrong(vec![format!("{place}: {}", crate::files::why(&error))]))?;
    let name = from.file_name().and_then(|name| name.to_str()).unwrap_or("consent.md").to_owned();
    if folder.canonicalize().is_ok_and(|folder| from.parent() == Some(&folder)) {
        return Ok(name);
    }
    if folder.join(&name).exists() {
        let there = folder.join(&name).display().to_string();
        return Err(CommandError::Wrong(vec![site.ask.text("consent-exists", &[("file", &there)])]));
    }
    site.documents.push((from, name.clone()));
    Ok(name)
}
