//! Learning a chat: whoever sends the code from there shows that it is theirs. Pure.
//!
//! A code of its own for each question, so that no stranger who happens to write becomes the admin. Updates are only read:
//! an offset above one confirms it and all before it, and buyers' messages among them are the daemon's. Those that are
//! confirmed in the end are the code's own, as far as nobody else's stands before them.

use rand::Rng;
use serde_json::Value;

use crate::{
    lead::{ChatRef, one_line},
    telegram::setup_code::{self, LENGTH, SIGNS},
};

/// As much as Telegram gives of what waits; whatever stands behind cannot be seen without confirming it.
pub const MOST_SEEN: usize = 100;

/// What is sent to the bot from the chat that is to be learnt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Code(String);

impl Code {
    /// A new one.
    pub fn random() -> Self {
        let mut random = rand::rng();
        let signs: String = (0..LENGTH).map(|_| char::from(SIGNS[random.random_range(0..SIGNS.len())])).collect();
        Self(setup_code::of(&signs))
    }

    /// As it is typed.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    fn is_in(&self, text: &str, bot: &str) -> bool {
        let mut words = text.split_whitespace();
        let first = words.next().unwrap_or_default();
        let (command, addressed) = first.split_once('@').unwrap_or((first, ""));
        let is_ours = addressed.is_empty() || addressed.eq_ignore_ascii_case(bot);
        let code = if command == "/start" && is_ours { words.next() } else { Some(first) };
        code.is_some_and(|code| code.eq_ignore_ascii_case(&self.0)) && words.next().is_none()
    }
}

/// A chat that has sent the code.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Chat {
    /// As the settings name it; a group's is below zero.
    pub id: ChatRef,
    /// Its title, or the person's name.
    pub title: String,
}

impl Chat {
    /// Whether it is a group.
    pub fn is_group(&self) -> bool {
        self.id.is_group()
    }
}

/// What the updates that wait tell of a code.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Seen {
    /// The chat that has sent it first.
    pub chat: Option<Chat>,
    /// The offset that confirms the code's own updates and nobody else's.
    pub confirms: Option<i64>,
    /// How many updates wait, as far as can be seen.
    pub waiting: usize,
}

/// Looks for the code among the updates that wait, oldest first.
pub fn look(updates: &[Value], code: &Code, bot: &str) -> Seen {
    let mut seen = Seen { waiting: updates.len(), ..Seen::default() };
    let mut only_ours = true;
    for update in updates {
        let chat = sender(update, code, bot);
        only_ours &= chat.is_some();
        if only_ours {
            seen.confirms = update["update_id"].as_i64().and_then(|id| id.checked_add(1));
        }
        seen.chat = seen.chat.or(chat);
    }
    seen
}

fn sender(update: &Value, code: &Code, bot: &str) -> Option<Chat> {
    let message = &update["message"];
    if !code.is_in(message["text"].as_str()?, bot) {
        return None;
    }
    let chat = &message["chat"];
    let id = ChatRef::telegram(chat["id"].as_i64().filter(|id| *id != 0)?);
    let word = |name: &str| chat[name].as_str().unwrap_or_default();
    let title = match chat["type"].as_str()? {
        "private" => format!("{} {}", word("first_name"), word("last_name")),
        "group" | "supergroup" => word("title").to_owned(),
        _ => return None,
    };
    Some(Chat { id, title: one_line(title.trim(), 80) })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn update(id: i64, chat: i64, text: &str) -> Value {
        let kind = if chat < 0 { "supergroup" } else { "private" };
        json!({"update_id": id, "message": {"message_id": id, "date": 1, "text": text,
            "chat": {"id": chat, "type": kind, "title": "Отдел", "first_name": "Пётр", "last_name": "А"}}})
    }

    #[test]
    fn the_code_is_known_however_it_is_sent() {
        let code = Code("K7M2QXAB".into());
        for (text, known) in [
            ("/start K7M2QXAB", true),
            ("/start@Auto_Bot K7M2QXAB", true),
            ("  k7m2qxab ", true),
            ("/start k7m2qxab", true),
            ("/start@other_bot K7M2QXAB", false),
            ("/start", false),
            ("/start K7M2QXA", false),
            ("/start K7M2QXABX", false),
            ("/start K7M2QXAB please", false),
            ("my code is K7M2QXAB", false),
            ("/help K7M2QXAB", false),
            ("", false),
        ] {
            assert_eq!(code.is_in(text, "auto_bot"), known, "{text}");
        }
    }

    #[test]
    fn the_first_who_knows_the_code_is_it_and_buyers_updates_are_not_confirmed() {
        let code = Code("K7M2QXAB".into());
        let ours = |id, chat| update(id, chat, "/start K7M2QXAB");
        let buyer = |id| update(id, 42, "Иван");
        let look = |updates: &[Value]| {
            let seen = look(updates, &code, "auto_bot");
            (seen.chat.map(|chat| chat.id.id), seen.confirms)
        };
        assert_eq!(look(&[]), (None, None));
        assert_eq!(look(&[buyer(5)]), (None, None));
        assert_eq!(look(&[ours(5, 7)]), (Some(7), Some(6)));
        assert_eq!(look(&[ours(5, -1007), ours(6, 7), buyer(7)]), (Some(-1007), Some(7)));
        assert_eq!(look(&[buyer(4), ours(5, 7)]), (Some(7), None));
        assert_eq!(look(&[ours(4, 7), buyer(5), ours(6, 7)]), (Some(7), Some(5)));
        let press = json!({"update_id": 3, "callback_query": {"data": "K7M2QXAB"}});
        assert_eq!(look(&[press, json!({"odd": 1}), ours(5, 7)]), (Some(7), None));
        let mut channel = ours(5, -1009);
        channel["message"]["chat"]["type"] = json!("channel");
        assert_eq!(look(&[channel]), (None, None));
    }

    #[test]
    fn a_chat_is_named_as_people_know_it() {
        let code = Code("K7M2QXAB".into());
        let seen = |chat| look(&[update(1, chat, "K7M2QXAB")], &code, "b").chat.expect("a chat");
        assert_eq!((seen(-5).title, seen(-5).is_group()), ("Отдел".into(), true));
        assert_eq!((seen(5).title, seen(5).is_group()), ("Пётр А".into(), false));
    }

    #[test]
    fn a_code_is_no_word_that_is_sent_by_chance() {
        let (one, other) = (Code::random(), Code::random());
        assert_ne!(one, other);
        assert!(setup_code::is_one(one.as_str()), "{one:?}");
    }
}
