//! Whether somebody is a member of the managers' chat. Telegram shows the buttons to members alone, but a phone that has not
//! caught up may show them to somebody who was put out a minute ago.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use serde_json::Value;
use teloxide::{RequestError, types::UserId};

use crate::{
    clock::{Clock, Millis},
    lead::ChatRef,
    telegram::client::Telegram,
};

/// A member may be put out, and stays one for us this long.
const MEMBER_FOR: Duration = Duration::from_secs(10 * 60);

/// So many people are remembered.
const MOST_PEOPLE: usize = 1000;

/// Knows who is a member, and remembers it for minutes.
#[derive(Debug)]
pub struct Members {
    telegram: Telegram,
    clock: Clock,
    known: Mutex<HashMap<UserId, Millis>>,
}

impl Members {
    /// Nobody is known yet.
    pub fn new(telegram: Telegram, clock: Clock) -> Self {
        Self { telegram, clock, known: Mutex::default() }
    }

    /// Whether somebody who has pressed a button in a chat is none of its members. Where Telegram does not tell, the button
    /// has: nobody else is shown it.
    pub async fn is_stranger(&self, chat: ChatRef, user: UserId) -> bool {
        let now = self.clock.now();
        {
            let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
            let lasts = self.clock.millis(MEMBER_FOR);
            if known.get(&user).is_some_and(|at| (0..lasts).contains(&(now - at))) {
                return false;
            }
        }
        let is_stranger = match self.telegram.chat_member(chat, user).await {
            Ok(member) => is_out(&member, user),
            Err(RequestError::Api(error)) => is_unknown(&error.to_string()),
            Err(_) => return false,
        };
        if !is_stranger {
            let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
            if known.len() >= MOST_PEOPLE {
                known.clear();
            }
            known.insert(user, now);
        }
        is_stranger
    }
}

/// Whether a ChatMember says that this person is not in the chat.
fn is_out(member: &Value, user: UserId) -> bool {
    member["user"]["id"].as_u64() == Some(user.0)
        && match member["status"].as_str() {
            Some("left" | "kicked") => true,
            Some("restricted") => member["is_member"] == false,
            _ => false,
        }
}

/// Telegram knows no such participant.
fn is_unknown(error: &str) -> bool {
    let error = error.to_lowercase();
    error.contains("participant_id_invalid")
        || error.contains("user not found")
        || error.contains("user_not_participant")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn who_is_out_is_told_from_who_is_in() {
        for (member, out) in [
            (json!({"status": "member", "user": {"id": 7}}), false),
            (json!({"status": "creator", "user": {"id": 7}}), false),
            (json!({"status": "restricted", "user": {"id": 7}, "is_member": true}), false),
            (json!({"status": "restricted", "user": {"id": 7}, "is_member": false}), true),
            (json!({"status": "left", "user": {"id": 7}}), true),
            (json!({"status": "kicked", "user": {"id": 7}, "until_date": 0}), true),
            (json!({"status": "kicked", "user": {"id": 8}}), false),
            (json!({"status": "president", "user": {"id": 7}}), false),
            (json!(true), false),
        ] {
            assert_eq!(is_out(&member, UserId(7)), out, "{member}");
        }
        assert!(
            is_unknown("Bad Request: PARTICIPANT_ID_INVALID")
                && !is_unknown("Bad Request: member list is inaccessible")
        );
    }
}
