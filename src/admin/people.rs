//! Who may act in the admin's chat: a group has members, and it is a person who is authorized, not the group.
//!
//! In a private chat that is its owner. In a group it is those whom `ADMIN_USER_IDS` names, else Telegram's own
//! administrators of the group. Where Telegram cannot be asked, nobody may: an alert reaches the group all the same.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use serde_json::Value;
use teloxide::{
    RequestError,
    types::{CallbackQuery, Message, UserId},
};
use tracing::warn;

use crate::{
    clock::{Clock, Millis},
    lead::ChatRef,
    telegram::client::{Telegram, describe},
};

/// An administrator may be demoted, and stays one for us this long.
const ADMIN_FOR: Duration = Duration::from_secs(3 * 60);

/// Somebody may be made an administrator, and is none for us this long.
const STRANGER_FOR: Duration = Duration::from_secs(30);

/// A member who may not act is told so at most this often.
const TOLD_FOR: Duration = Duration::from_secs(3600);

/// So many people are remembered.
const MOST_PEOPLE: usize = 1000;

/// The account in whose name Telegram shows an administrator who is anonymous.
const GROUP_ANONYMOUS_BOT: u64 = 1_087_968_824;

/// Who has said something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Person {
    /// A person under their own name.
    User(UserId),
    /// The group itself, in whose name Telegram lets anonymous administrators write and nobody else.
    Anonymous,
    /// A channel, another bot, or somebody who cannot be told.
    Other,
}

impl Person {
    /// Who wrote a message.
    pub fn of_message(message: &Message) -> Self {
        match (&message.sender_chat, &message.from) {
            (Some(chat), Some(from)) if chat.id == message.chat.id && from.id.0 == GROUP_ANONYMOUS_BOT => {
                Self::Anonymous
            }
            (None, Some(from)) if !from.is_bot => Self::User(from.id),
            _ => Self::Other,
        }
    }

    /// Who pressed a button: always under their own name.
    pub fn of_press(query: &CallbackQuery) -> Self {
        if query.from.is_bot { Self::Other } else { Self::User(query.from.id) }
    }

    /// A number of their own, for what only the same person may continue.
    pub fn id(self) -> i64 {
        match self {
            Self::User(id) => i64::try_from(id.0).unwrap_or_default(),
            Self::Anonymous | Self::Other => 0,
        }
    }
}

/// Whether somebody may act.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// An administrator.
    MayAct,
    /// A member of the group, no more.
    Stranger,
    /// Writes in the group's name, where names are asked for.
    Nameless,
    /// Telegram does not tell now.
    Unknown,
}

impl Verdict {
    /// What somebody who may not act is told.
    pub fn refusal(self) -> Option<&'static str> {
        match self {
            Self::MayAct => None,
            Self::Stranger => Some("admin-stranger"),
            Self::Nameless => Some("admin-nameless"),
            Self::Unknown => Some("admin-unknown-person"),
        }
    }
}

/// Knows who may act, and remembers it for minutes.
#[derive(Debug)]
pub struct People {
    telegram: Telegram,
    clock: Clock,
    /// `ADMIN_USER_IDS`.
    chosen: Vec<u64>,
    known: Mutex<HashMap<UserId, (bool, Millis)>>,
    told: Mutex<HashMap<i64, Millis>>,
}

impl People {
    /// Those whom the settings name, or Telegram where they name nobody.
    pub fn new(telegram: Telegram, clock: Clock, chosen: Vec<u64>) -> Self {
        Self { telegram, clock, chosen, known: Mutex::default(), told: Mutex::default() }
    }

    /// Whether a person may act in a chat, which is the admin's.
    pub async fn verdict(&self, chat: ChatRef, person: Person) -> Verdict {
        if !chat.is_group() {
            // A private chat is its owner's.
            return Verdict::MayAct;
        }
        let user = match person {
            Person::User(user) => user,
            Person::Anonymous if self.chosen.is_empty() => return Verdict::MayAct,
            Person::Anonymous => return Verdict::Nameless,
            Person::Other => return Verdict::Stranger,
        };
        let verdict = |may_act| if may_act { Verdict::MayAct } else { Verdict::Stranger };
        if !self.chosen.is_empty() {
            return verdict(self.chosen.contains(&user.0));
        }
        if let Some(known) = self.remembered(user) {
            return verdict(known);
        }
        match self.ask(chat, user).await {
            Ok(may_act) => {
                let mut known = locked(&self.known);
                if known.len() >= MOST_PEOPLE {
                    known.clear();
                }
                known.insert(user, (may_act, self.clock.now()));
                verdict(may_act)
            }
            Err(cause) => {
                warn!(cause, "Telegram does not tell who is an administrator of the admin's group; nobody may act");
                Verdict::Unknown
            }
        }
    }

    fn remembered(&self, user: UserId) -> Option<bool> {
        let (may_act, since) = locked(&self.known).get(&user).copied()?;
        let age = self.clock.now() - since;
        let lasts = self.clock.millis(if may_act { ADMIN_FOR } else { STRANGER_FOR });
        (0..lasts).contains(&age).then_some(may_act)
    }

    /// Asks about one person. Of members of a large group Telegram tells only its administrators, but always who those
    /// are.
    async fn ask(&self, chat: ChatRef, user: UserId) -> Result<bool, String> {
        match self.telegram.chat_member(chat, user).await {
            Ok(member) => {
                if let Some(is_admin) = is_administrator(&member, user) {
                    return Ok(is_admin);
                }
            }
            Err(RequestError::Api(_)) => {}
            Err(error) => return Err(describe(&error)),
        }
        let all = self.telegram.chat_administrators(chat).await.map_err(|error| describe(&error))?;
        let all = all.as_array().ok_or("an answer that is no list")?;
        Ok(all.iter().any(|member| is_administrator(member, user) == Some(true)))
    }

    /// Whether a member who may not act is to be told so in words now.
    pub fn is_to_be_told(&self, person: Person) -> bool {
        let (now, quiet) = (self.clock.now(), self.clock.millis(TOLD_FOR));
        let mut told = locked(&self.told);
        if told.get(&person.id()).is_some_and(|at| (0..quiet).contains(&(now - at))) {
            return false;
        }
        if told.len() >= MOST_PEOPLE {
            told.clear();
        }
        told.insert(person.id(), now);
        true
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Whether a ChatMember is this person as an administrator; `None` when it tells of somebody else or of nothing known.
fn is_administrator(member: &Value, user: UserId) -> Option<bool> {
    if member["user"]["id"].as_u64() != Some(user.0) {
        return None;
    }
    match member["status"].as_str()? {
        "creator" | "administrator" => Some(true),
        "member" | "restricted" | "left" | "kicked" => Some(false),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_person_is_told_from_a_group_and_from_a_channel() {
        let group = json!({"id": -1005, "type": "supergroup", "title": "Отдел"});
        let other = json!({"id": -1006, "type": "channel", "title": "Канал"});
        let anonymous = json!({"id": 1_087_968_824, "is_bot": true, "first_name": "Group"});
        let channel = json!({"id": 136_817_688, "is_bot": true, "first_name": "Channel"});
        let anna = json!({"id": 7, "is_bot": false, "first_name": "Анна"});
        for (from, sender, person) in [
            (Some(&anna), None, Person::User(UserId(7))),
            (Some(&anonymous), Some(&group), Person::Anonymous),
            (Some(&anonymous), Some(&other), Person::Other),
            (Some(&anonymous), None, Person::Other),
            (Some(&anna), Some(&group), Person::Other),
            (Some(&channel), Some(&other), Person::Other),
            (None, Some(&group), Person::Other),
            (None, None, Person::Other),
        ] {
            let mut body = json!({"message_id": 1, "date": 1, "chat": group, "text": "/status"});
            for (name, value) in [("from", from), ("sender_chat", sender)] {
                if let Some(value) = value {
                    body[name] = value.clone();
                }
            }
            let message: Message = serde_json::from_value(body.clone()).expect("a message");
            assert_eq!(Person::of_message(&message), person, "{body}");
        }
    }

    #[test]
    fn an_administrator_is_one_by_status_and_of_that_name() {
        for (member, is_admin) in [
            (json!({"status": "creator", "user": {"id": 7}, "is_anonymous": false}), Some(true)),
            (json!({"status": "administrator", "user": {"id": 7}, "is_anonymous": true}), Some(true)),
            (json!({"status": "member", "user": {"id": 7}}), Some(false)),
            (json!({"status": "restricted", "user": {"id": 7}, "is_member": true}), Some(false)),
            (json!({"status": "left", "user": {"id": 7}}), Some(false)),
            (json!({"status": "kicked", "user": {"id": 7}, "until_date": 0}), Some(false)),
            (json!({"status": "administrator", "user": {"id": 8}}), None),
            (json!({"status": "president", "user": {"id": 7}}), None),
            (json!({"status": "administrator"}), None),
            (json!(true), None),
        ] {
            assert_eq!(is_administrator(&member, UserId(7)), is_admin, "{member}");
        }
    }
}
