//! Who calls buyers, and who of them is responsible for a new lead.

use super::{super::CommandError, bot::Bot, chats, site::Site};
use crate::{
    config::{Distribute, Manager},
    crm::amocrm::{Crm, CrmUser},
    setup::answers::ManagerAnswer,
};

/// Somebody who may be a manager: a user of the account, or one whom `dealer.toml` names.
struct Candidate {
    shown: String,
    name: String,
    crm_user_id: Option<i64>,
    known: Option<Manager>,
}

/// `[[manager]]`: chosen from the account's users, or by their ids where those may not be listed.
pub async fn managers(site: &mut Site<'_>, crm: Option<&Crm>, bot: Option<&Bot>) -> Result<(), CommandError> {
    let there = site.dealer_now()?.managers;
    if !there.is_empty() {
        let names: Vec<&str> = there.iter().map(|manager| manager.name.as_str()).collect();
        site.ask.say("managers-are", &[("names", &names.join(", "))]);
    }
    let given = std::mem::take(&mut site.flags.managers);
    if !given.is_empty() {
        return given.iter().try_for_each(|manager| add(site, manager));
    }
    let question = if there.is_empty() { "managers-ask" } else { "managers-change-ask" };
    if !site.ask.interactive || !site.ask.yes(question, &[], there.is_empty()).await? {
        return Ok(());
    }
    let users = match crm {
        Some(crm) => crm.users().await?,
        None => None,
    };
    let candidates = candidates(users.as_deref().unwrap_or_default(), &there, |name| {
        site.ask.text("manager-no-user", &[("name", name)])
    });
    if !candidates.is_empty() {
        choose(site, bot, &candidates).await?;
    }
    if users.is_none() {
        site.ask.say(if crm.is_some() { "managers-by-id" } else { "managers-no-account" }, &[]);
        by_ids(site, bot).await?;
    }
    Ok(())
}

/// The account's users, and behind them whoever is a manager and none of them.
fn candidates(users: &[CrmUser], there: &[Manager], no_user: impl Fn(&str) -> String) -> Vec<Candidate> {
    let of_users = users.iter().map(|user| Candidate {
        shown: format!("{} ({})", user.name, user.id),
        name: user.name.clone(),
        crm_user_id: Some(user.id),
        known: there.iter().find(|manager| manager.crm_user_id == Some(user.id)).cloned(),
    });
    let is_user = |manager: &&Manager| users.iter().any(|user| manager.crm_user_id == Some(user.id));
    let others = there.iter().filter(|manager| !is_user(manager)).map(|manager| Candidate {
        shown: if users.is_empty() { manager.name.clone() } else { no_user(&manager.name) },
        name: manager.name.clone(),
        crm_user_id: manager.crm_user_id,
        known: Some(manager.clone()),
    });
    of_users.chain(others).collect()
}

/// Whoever is marked is a manager, and nobody else.
async fn choose(site: &mut Site<'_>, bot: Option<&Bot>, candidates: &[Candidate]) -> Result<(), CommandError> {
    let is_known = |candidate: &Candidate| candidate.known.is_some();
    let items = || candidates.iter().map(|one| (one.shown.clone(), is_known(one))).collect();
    let mut marked = site.ask.several("managers-choose", items()).await?;
    // Enter alone is easily taken for a choice.
    if marked.is_empty() {
        site.ask.warn("managers-none", &[]);
        marked = site.ask.several("managers-choose", items()).await?;
    }
    for (at, candidate) in candidates.iter().enumerate() {
        match (&candidate.known, marked.contains(&at)) {
            (None, true) => {
                let telegram_id = telegram_id(site, bot, &candidate.name).await?;
                let (name, crm_user_id) = (candidate.name.clone(), candidate.crm_user_id);
                add(site, &ManagerAnswer { name, crm_user_id, telegram_id })?;
            }
            (Some(manager), false) => {
                let (name, crm_user_id, telegram_id) = (&manager.name, manager.crm_user_id, manager.telegram_id);
                let gone = ManagerAnswer { name: name.clone(), crm_user_id, telegram_id };
                site.change_dealer(|dealer| dealer.remove_manager(&gone))?;
                site.ask.say("manager-removed", &[("name", name)]);
            }
            _ => {}
        }
    }
    Ok(())
}

async fn by_ids(site: &mut Site<'_>, bot: Option<&Bot>) -> Result<(), CommandError> {
    loop {
        let Some(name) = site.ask.optional("manager-name-ask", &[], "").await? else { return Ok(()) };
        let crm_user_id = id(site, "manager-crm-ask", &name).await?;
        let telegram_id = telegram_id(site, bot, &name).await?;
        if crm_user_id.is_none() && telegram_id.is_none() {
            site.ask.warn("manager-no-id", &[]);
            continue;
        }
        add(site, &ManagerAnswer { name: crate::lead::one_line(&name, 60), crm_user_id, telegram_id })?;
    }
}

fn add(site: &mut Site<'_>, manager: &ManagerAnswer) -> Result<(), CommandError> {
    site.change_dealer(|dealer| dealer.add_manager(manager))?;
    site.ask.say("manager-added", &[("name", &manager.name)]);
    Ok(())
}

/// Telegram tells the id of whoever writes to the bot, and of nobody else.
async fn telegram_id(site: &Site<'_>, bot: Option<&Bot>, name: &str) -> Result<Option<i64>, CommandError> {
    let ways = ["manager-way-learn", "manager-way-type", "manager-way-none"];
    loop {
        let items = ways.map(|id| site.ask.text(id, &[])).to_vec();
        match (site.ask.choose("manager-telegram-ask", &[("name", name)], items, 2).await?, bot) {
            (0, Some(bot)) => {
                if let Some(chat) = chats::learn(site, bot, "manager-learn", |chat| !chat.is_group()).await? {
                    site.ask.say("manager-learnt", &[("name", &chat.title), ("id", &chat.id.to_string())]);
                    return Ok(chat.id.user());
                }
            }
            (0, None) => site.ask.say("later-without-bot", &[]),
            (1, _) => {
                if let Some(id) = id(site, "manager-telegram-id-ask", name).await? {
                    return Ok(Some(id));
                }
            }
            _ => return Ok(None),
        }
    }
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
        let Some(typed) = site.ask.optional(question, &[("name", name)], "").await? else { return Ok(None) };
        match typed.parse::<i64>() {
            Ok(id) if id > 0 => return Ok(Some(id)),
            _ if typed.starts_with('@') => site.ask.warn("no-id-but-a-name", &[]),
            _ => site.ask.warn("no-id", &[]),
        }
    }
}
