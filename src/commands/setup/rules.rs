//! The dealer's business: managers, working hours, calls back, consent.

use std::path::{Path, PathBuf};

use super::{super::CommandError, site::Site};
use crate::{
    clock::date,
    config::Distribute,
    crm::amocrm::Crm,
    setup::{
        answers::{Hours, ManagerAnswer, NoHours, document},
        dealer_file::{DealerFile, NotATable},
    },
};

/// What `[hours]` is offered as.
const USUAL_HOURS: &str = "mon-fri 09:00-19:00; sat 10:00-16:00";

/// `[[manager]]`: chosen from the account's users, or by their ids where those may not be listed.
pub async fn managers(site: &mut Site<'_>, crm: Option<&Crm>) -> Result<(), CommandError> {
    let there = site.dealer_now()?.managers;
    if !there.is_empty() {
        let names: Vec<&str> = there.iter().map(|manager| manager.name.as_str()).collect();
        site.ask.say("managers-are", &[("names", &names.join(", "))]);
    }
    let mut new = std::mem::take(&mut site.flags.managers);
    if new.is_empty() && site.ask.interactive && site.ask.yes("managers-ask", &[], there.is_empty()).await? {
        let users = match crm {
            Some(crm) => crm.users().await?,
            None => None,
        };
        match users {
            Some(users) => {
                let names = users.iter().map(|user| format!("{} ({})", user.name, user.id)).collect();
                for at in site.ask.several("managers-choose", names).await? {
                    let telegram_id = id(site, "manager-telegram-ask", &users[at].name).await?;
                    let (name, id) = (users[at].name.clone(), users[at].id);
                    new.push(ManagerAnswer { name, crm_user_id: Some(id), telegram_id });
                }
            }
            None => {
                site.ask.say("managers-by-id", &[]);
                loop {
                    let name = site.ask.line("manager-name-ask", &[], "").await?;
                    if name.is_empty() {
                        break;
                    }
                    let crm_user_id = id(site, "manager-crm-ask", &name).await?;
                    let telegram_id = id(site, "manager-telegram-ask", &name).await?;
                    if crm_user_id.is_none() && telegram_id.is_none() {
                        site.ask.warn("manager-no-id", &[]);
                        continue;
                    }
                    new.push(ManagerAnswer { name, crm_user_id, telegram_id });
                }
            }
        }
    }
    for manager in new {
        site.change_dealer(|dealer| dealer.add_manager(&manager))?;
        site.ask.say("manager-added", &[("name", &manager.name)]);
    }
    Ok(())
}

/// Who is responsible for new leads: nobody by name, managers in turn, whoever takes one, or always the same person.
pub async fn responsible(site: &mut Site<'_>, crm: Option<&Crm>, asked_for: bool) -> Result<(), CommandError> {
    const RESPONSIBLE: &str = "AMOCRM_RESPONSIBLE_USER_ID";
    let (rule, person) = (site.flags.distribute.take(), site.flags.responsible.take());
    let dealer = site.dealer_now()?;
    let known = site.value(RESPONSIBLE);
    if rule.is_some() || person.is_some() {
        if let Some(rule) = rule {
            site.change_dealer(|dealer| dealer.set_distribute(&rule))?;
        }
        return match person.map(|id| id.to_string()) {
            Some(id) if known.as_ref() != Some(&id) => site.set(RESPONSIBLE, Some(id)),
            _ => Ok(()),
        };
    }
    let is_decided = known.is_some() || site.dealer.has_rule("distribute");
    if !site.ask.interactive || (is_decided && !asked_for) {
        return Ok(());
    }
    let users = match crm {
        Some(crm) => crm.users().await?.unwrap_or_default(),
        None => Vec::new(),
    };
    let in_turn = dealer.managers.iter().filter(|manager| manager.crm_user_id.is_some()).count();
    let mut ways = vec![(Distribute::Off, None, site.ask.text("responsible-way-amocrm", &[]))];
    if in_turn > 1 || dealer.crm.distribute == Distribute::RoundRobin {
        ways.push((Distribute::RoundRobin, None, site.ask.text("responsible-way-in-turn", &[])));
    }
    if in_turn > 0 || dealer.crm.distribute == Distribute::Take {
        ways.push((Distribute::Take, None, site.ask.text("responsible-way-take", &[])));
    }
    for user in users.iter().filter(|_| users.len() > 1) {
        let words = site.ask.text("responsible-way-always", &[("name", &user.name)]);
        ways.push((Distribute::Off, Some(user.id.to_string()), words));
    }
    let now = (dealer.crm.distribute, known.clone().filter(|_| dealer.crm.distribute == Distribute::Off));
    let usual = ways.iter().position(|(rule, person, _)| (*rule, person) == (now.0, &now.1));
    // Somebody who is no user any more, or cannot be listed, is a choice as well.
    if usual.is_none()
        && let Some(id) = &now.1
    {
        ways.push((now.0, now.1.clone(), site.ask.text("responsible-way-always", &[("name", id)])));
    }
    if ways.len() == 1 {
        return Ok(());
    }
    let words = ways.iter().map(|(.., words)| words.clone()).collect();
    let at = site.ask.choose("responsible-ask", &[], words, usual.unwrap_or(ways.len() - 1)).await?;
    let (rule, person, _) = ways.swap_remove(at);
    site.change_dealer(|dealer| dealer.set_distribute(rule.into()))?;
    if rule == Distribute::Off && person != known { site.set(RESPONSIBLE, person) } else { Ok(()) }
}

/// A person's id, or none.
async fn id(site: &Site<'_>, question: &str, name: &str) -> Result<Option<i64>, CommandError> {
    loop {
        let typed = site.ask.line(question, &[("name", name)], "").await?;
        match typed.parse::<i64>() {
            _ if typed.is_empty() => return Ok(None),
            Ok(id) if id > 0 => return Ok(Some(id)),
            _ => site.ask.warn("no-id", &[]),
        }
    }
}

/// Clock and hours, calls back, consent.
pub async fn rules(site: &mut Site<'_>, asked_for: bool) -> Result<(), CommandError> {
    hours(site, asked_for).await?;
    callback(site, asked_for).await?;
    consent(site, asked_for).await
}

async fn hours(site: &mut Site<'_>, asked_for: bool) -> Result<(), CommandError> {
    if let Some(zone) = site.flags.time_zone.take() {
        site.change_dealer(|dealer| set_zone(dealer, &zone))?;
    }
    if let Some(hours) = site.flags.hours.take() {
        let hours = Hours::parse(&hours)
            .map_err(|NoHours(part)| CommandError::Wrong(vec![site.ask.text("hours-wrong", &[("part", &part)])]))?;
        return site.change_dealer(|dealer| dealer.set_hours(hours.as_ref()));
    }
    let has = site.dealer_now()?.hours.is_some();
    if !site.ask.interactive || (has && !asked_for) {
        return Ok(());
    }
    let ways = ["hours-way-usual", "hours-way-own", "hours-way-always"];
    let mut items = ways.map(|id| site.ask.text(id, &[("usual", USUAL_HOURS)])).to_vec();
    if has {
        items.push(site.ask.text("hours-way-keep", &[]));
    }
    let usual = items.len() - 1;
    let mut answer = match site.ask.choose("hours-ask", &[], items, usual).await? {
        0 => USUAL_HOURS.to_owned(),
        1 => site.ask.line("hours-own-ask", &[], USUAL_HOURS).await?,
        2 => return site.change_dealer(|dealer| dealer.set_hours(None)),
        _ => return Ok(()),
    };
    loop {
        match Hours::parse(&answer) {
            Ok(hours) => {
                site.change_dealer(|dealer| dealer.set_hours(hours.as_ref()))?;
                break;
            }
            Err(NoHours(part)) => site.ask.warn("hours-wrong", &[("part", &part)]),
        }
        answer = site.ask.line("hours-own-ask", &[], USUAL_HOURS).await?;
    }
    let mut zone = site.time_zone().name().to_owned();
    loop {
        zone = site.ask.line("zone-ask", &[], &zone).await?;
        match site.change_dealer(|dealer| set_zone(dealer, &zone)) {
            Err(CommandError::Config(problems)) => {
                site.ask.warn("wrong", &[("what", &CommandError::Config(problems).to_string())]);
                zone = site.time_zone().name().to_owned();
            }
            other => return other,
        }
    }
}

fn set_zone(dealer: &mut DealerFile, zone: &str) -> Result<(), NotATable> {
    dealer.set_time_zone(zone);
    Ok(())
}

async fn callback(site: &mut Site<'_>, asked_for: bool) -> Result<(), CommandError> {
    let is_given = site.flags.callback_within.is_some();
    let there = site.dealer_now()?.crm.callback_within;
    if !is_given && (!site.ask.interactive || (there.is_some() && !asked_for)) {
        return Ok(());
    }
    let usual = there.map_or_else(|| "off".to_owned(), |within| format!("{}m", within.as_secs() / 60));
    loop {
        let within = match site.flags.callback_within.take() {
            Some(within) => within,
            None => site.ask.line("callback-ask", &[], &usual).await?,
        };
        match site.change_dealer(|dealer| dealer.set_callback_within(&within)) {
            Err(CommandError::Config(problems)) if !is_given => {
                site.ask.warn("wrong", &[("what", &CommandError::Config(problems).to_string())]);
            }
            other => return other,
        }
    }
}

async fn consent(site: &mut Site<'_>, asked_for: bool) -> Result<(), CommandError> {
    let mut places = std::mem::take(&mut site.flags.consents);
    let is_given = !places.is_empty();
    let has = site.dealer_now()?.consent.is_some();
    let asks = site.ask.interactive && !is_given && (!has || asked_for);
    loop {
        if asks {
            site.ask.say("consent-about", &[]);
            places = vec![site.ask.line("consent-ask", &[], "").await?];
        }
        places.retain(|place| !place.trim().is_empty());
        if places.is_empty() {
            break;
        }
        let today = date(site.clock().now()).with_timezone(&site.time_zone()).format("%Y-%m-%d").to_string();
        let version = match site.flags.consent_version.take() {
            Some(version) => version,
            None => site.ask.line("consent-version-ask", &[], &today).await?,
        };
        match documents(site, &version, &places) {
            Err(error @ (CommandError::Config(_) | CommandError::Wrong(_))) if asks => {
                site.ask.warn("wrong", &[("what", &error.to_string())]);
            }
            Err(error) => return Err(error),
            Ok(()) => break,
        }
    }
    let flag = site.flags.policy.take();
    let policy = match flag {
        None if asks => {
            Some(site.ask.line("policy-ask", &[], &site.value("PRIVACY_POLICY_URL").unwrap_or_default()).await?)
        }
        flag => flag,
    };
    let Some(url) = policy.filter(|url| !url.is_empty()) else { return Ok(()) };
    site.try_value("PRIVACY_POLICY_URL", &url, |reader| reader.privacy_policy_url()).map_err(CommandError::Config)?;
    if site.value("PRIVACY_POLICY_URL").as_ref() != Some(&url) {
        site.set("PRIVACY_POLICY_URL", Some(url))?;
    }
    Ok(())
}

/// `[consent]`: pages by their addresses, files beside `dealer.toml`, where they are put if they are elsewhere.
fn documents(site: &mut Site<'_>, version: &str, places: &[String]) -> Result<(), CommandError> {
    let mut named = Vec::new();
    let before = site.documents.clone();
    for place in places {
        let (language, place) = document(place);
        let name = if place.contains("://") { place } else { beside(site, &place)? };
        named.push((language, name));
    }
    let changed = site.change_dealer(|dealer| dealer.set_consent(version, &named));
    if changed.is_err() {
        site.documents = before;
    }
    changed
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
