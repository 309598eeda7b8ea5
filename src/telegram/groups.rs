//! What is learnt of the groups in the settings: the id of the supergroup that one has become, and topics to write in.
//!
//! A chat keeps the id that the settings give it everywhere in this program; only what goes to Telegram and what comes
//! from there is translated. So nothing that waits has to be moved, and an old setting works for ever. What is learnt
//! stands in the store, and is learnt again from Telegram's refusal where that was too late.

mod keeping;

use std::{
    collections::{HashMap, HashSet},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use teloxide::types::{ChatKind, Message, PublicChatKind, Update, UpdateKind};
use tokio::sync::watch;
use tracing::info;

use crate::lead::ChatRef;

/// So many topics of a chat are remembered.
const MOST_TOPICS: usize = 10;

/// A group moves once; this ends whatever else a store may say.
const MOST_MOVES: usize = 5;

/// A group or a channel that stands in a setting.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Watched {
    /// The setting's name.
    pub setting: &'static str,
    /// The chat's id there.
    pub chat: ChatRef,
}

#[derive(Debug, Default)]
struct Learnt {
    moved: HashMap<ChatRef, ChatRef>,
    topics: HashMap<ChatRef, Vec<i32>>,
    /// Topics of one buyer each.
    buyers: HashSet<(ChatRef, i32)>,
    /// Whether a group has topics, as it was seen last.
    forums: HashMap<ChatRef, bool>,
    /// So many messages came from a group.
    heard: HashMap<ChatRef, u64>,
}

/// What is known of the groups in the settings; clones share it.
#[derive(Debug, Clone)]
pub struct Groups {
    watched: Arc<[Watched]>,
    learnt: Arc<Mutex<Learnt>>,
    changed: Arc<watch::Sender<u64>>,
}

impl Groups {
    /// Nothing is learnt yet of these.
    pub fn new(watched: Vec<Watched>) -> Self {
        Self { watched: watched.into(), learnt: Arc::default(), changed: Arc::new(watch::channel(0).0) }
    }

    fn learnt(&self) -> MutexGuard<'_, Learnt> {
        self.learnt.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The id under which Telegram knows a chat now.
    pub fn now(&self, chat: ChatRef) -> ChatRef {
        self.learnt().now(chat)
    }

    /// Whether two ids are of one chat.
    pub fn is_same(&self, one: ChatRef, other: ChatRef) -> bool {
        let learnt = self.learnt();
        learnt.now(one) == learnt.now(other)
    }

    /// All ids that a chat has had.
    pub fn ids(&self, chat: ChatRef) -> Vec<ChatRef> {
        let learnt = self.learnt();
        let now = learnt.now(chat);
        let mut ids: Vec<ChatRef> = learnt.moved.keys().copied().filter(|id| learnt.now(*id) == now).collect();
        ids.extend([now, chat]);
        ids.sort_unstable();
        ids.dedup();
        ids
    }

    /// Whether a chat stands in a setting, under whatever id.
    pub fn watches(&self, chat: ChatRef) -> bool {
        self.watched.iter().any(|watched| self.is_same(watched.chat, chat))
    }

    /// Rings when the id of a chat has changed.
    pub fn changes(&self) -> watch::Receiver<u64> {
        self.changed.subscribe()
    }

    /// A group has become a supergroup; `true` when that is new and concerns us.
    pub fn moved(&self, from: ChatRef, to: ChatRef) -> bool {
        if !self.watches(from) || self.is_same(from, to) {
            return false;
        }
        self.learnt().moved.insert(from, to);
        self.changed.send_modify(|changes| *changes += 1);
        info!("a group has become a supergroup; its new id is learnt");
        true
    }

    /// Somebody wrote in a topic, so one can.
    pub fn topic_seen(&self, chat: ChatRef, topic: i32) {
        if !self.watches(chat) {
            return;
        }
        let mut learnt = self.learnt();
        let chat = learnt.now(chat);
        let topics = learnt.topics.entry(chat).or_default();
        if topics.first() == Some(&topic) {
            return;
        }
        let is_new = !topics.contains(&topic);
        topics.retain(|known| *known != topic);
        topics.insert(0, topic);
        topics.truncate(MOST_TOPICS);
        drop(learnt);
        if is_new {
            self.changed.send_modify(|changes| *changes += 1);
        }
    }

    /// Topics to write in where the right one cannot be had: the last one that was written in first. None of one buyer's.
    pub fn topics(&self, chat: ChatRef) -> Vec<i32> {
        let learnt = self.learnt();
        let chat = learnt.now(chat);
        let mut topics = learnt.topics.get(&chat).cloned().unwrap_or_default();
        topics.retain(|topic| !learnt.buyers.contains(&(chat, *topic)));
        topics
    }

    /// A topic of a group (by the id under which Telegram has it) is one buyer's.
    pub fn is_a_buyers(&self, sent_to: ChatRef, topic: i32) {
        self.learnt().buyers.insert((sent_to, topic));
    }

    /// Whether a group has topics; `None` until that was seen.
    pub fn is_forum(&self, chat: ChatRef) -> Option<bool> {
        let learnt = self.learnt();
        learnt.forums.get(&learnt.now(chat)).copied()
    }

    /// A group has topics, or has none.
    pub fn forum_seen(&self, chat: ChatRef, is_forum: bool) {
        if self.watches(chat) {
            let mut learnt = self.learnt();
            let chat = learnt.now(chat);
            learnt.forums.insert(chat, is_forum);
        }
    }

    /// How many messages came from a group in this process: whoever waits for it to open again looks whether there are more.
    pub fn heard(&self, chat: ChatRef) -> u64 {
        let learnt = self.learnt();
        learnt.heard.get(&learnt.now(chat)).copied().unwrap_or(0)
    }

    /// Learns from what comes, before anything that comes after it is handled.
    pub fn look_at(&self, update: &Update) {
        let message = match &update.kind {
            UpdateKind::Message(message) => message,
            UpdateKind::CallbackQuery(query) => match query.message.as_ref().and_then(|it| it.regular_message()) {
                Some(message) => message,
                None => return,
            },
            _ => return,
        };
        if let Some((from, to)) = migration(message) {
            self.moved(from, to);
        }
        let chat = ChatRef::from(message.chat.id);
        if self.watches(chat) {
            let mut learnt = self.learnt();
            let now = learnt.now(chat);
            *learnt.heard.entry(now).or_default() += 1;
        }
        // A message with a pressed button may show its group as it was.
        if matches!(update.kind, UpdateKind::Message(_))
            && let Some(is_forum) = is_forum_chat(message)
        {
            self.forum_seen(chat, is_forum);
        }
        if let Some(topic) = topic_of(message)
            && message.forum_topic_closed().is_none()
        {
            self.topic_seen(chat, topic);
        }
    }
}

impl Learnt {
    fn now(&self, mut chat: ChatRef) -> ChatRef {
        for _ in 0..MOST_MOVES {
            match self.moved.get(&chat) {
                Some(to) => chat = *to,
                None => break,
            }
        }
        chat
    }
}

/// The old and the new id that a service message tells of.
fn migration(message: &Message) -> Option<(ChatRef, ChatRef)> {
    let here = ChatRef::from(message.chat.id);
    let to = message.migrate_to_chat_id().map(|to| (here, ChatRef::from(*to)));
    to.or_else(|| message.migrate_from_chat_id().map(|from| (ChatRef::from(*from), here)))
}

/// Whether a message only tells that its group has a new id.
pub fn is_migration(message: &Message) -> bool {
    migration(message).is_some()
}

/// Whether the group that a message is in has topics; `None` for a chat that can have none.
fn is_forum_chat(message: &Message) -> Option<bool> {
    match &message.chat.kind {
        ChatKind::Public(chat) => match &chat.kind {
            PublicChatKind::Supergroup(group) => Some(group.is_forum),
            _ => None,
        },
        ChatKind::Private(_) => None,
    }
}

/// The topic that a message is in. A thread of replies is none, and one cannot write to it by its id.
pub fn topic_of(message: &Message) -> Option<i32> {
    let is_forum = is_forum_chat(message) == Some(true);
    message.thread_id.filter(|_| message.is_topic_message || is_forum).map(|thread| thread.0.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chat(id: i64) -> ChatRef {
        ChatRef::telegram(id)
    }

    fn groups() -> Groups {
        Groups::new(vec![Watched { setting: "ADMIN_CHAT_ID", chat: chat(-5) }])
    }

    #[test]
    fn a_group_in_the_settings_is_followed_and_no_other() {
        let groups = groups();
        assert_eq!(groups.now(chat(-5)), chat(-5));
        assert!(groups.moved(chat(-5), chat(-1005)));
        assert!(!groups.moved(chat(-5), chat(-1005)), "it is known");
        assert!(!groups.moved(chat(-6), chat(-1006)), "a stranger's");
        assert!(!groups.moved(chat(-1005), chat(-5)), "there is no way back");
        assert_eq!(
            (groups.now(chat(-5)), groups.now(chat(-1005)), groups.now(chat(-6))),
            (chat(-1005), chat(-1005), chat(-6))
        );
        assert!(groups.is_same(chat(-5), chat(-1005)) && groups.watches(chat(-1005)) && !groups.watches(chat(-1006)));
        assert!(groups.moved(chat(-1005), chat(-2005)));
        assert_eq!((groups.now(chat(-5)), groups.ids(chat(-5))), (chat(-2005), [-2005, -1005, -5].map(chat).to_vec()));
        assert!(!groups.is_same(chat(-6), chat(-5)));
    }

    #[test]
    fn a_store_that_leads_in_a_circle_leads_nowhere_for_ever() {
        let groups = groups();
        groups.learnt().moved = HashMap::from([(chat(-5), chat(-6)), (chat(-6), chat(-5))]);
        assert!([-5, -6].map(chat).contains(&groups.now(chat(-5))));
    }

    #[test]
    fn topics_are_known_by_what_is_written_in_them() {
        let groups = groups();
        for topic in [7, 9, 7] {
            groups.topic_seen(chat(-5), topic);
        }
        groups.topic_seen(chat(-8), 3);
        assert_eq!((groups.topics(chat(-5)), groups.topics(chat(-8))), (vec![7, 9], vec![]));
        groups.moved(chat(-5), chat(-1005));
        for topic in 20..50 {
            groups.topic_seen(chat(-1005), topic);
        }
        assert_eq!(groups.topics(chat(-5)).len(), MOST_TOPICS);
    }

    #[test]
    fn a_buyers_topic_is_no_place_for_anything_else() {
        let groups = groups();
        for topic in [7, 9] {
            groups.topic_seen(chat(-5), topic);
        }
        groups.is_a_buyers(chat(-5), 9);
        assert_eq!(groups.topics(chat(-5)), [7]);
        assert_eq!(groups.is_forum(chat(-5)), None);
        groups.forum_seen(chat(-5), true);
        groups.forum_seen(chat(-8), true);
        assert_eq!((groups.is_forum(chat(-5)), groups.is_forum(chat(-8))), (Some(true), None));
        groups.moved(chat(-5), chat(-1005));
        assert_eq!(groups.is_forum(chat(-5)), None, "it is another group for Telegram");
    }

    #[test]
    fn what_comes_is_looked_at() {
        let read =
            |body: serde_json::Value| super::super::reading::read(1, "message", &body).expect("an update").update;
        let group = serde_json::json!({"id": -5, "type": "group", "title": "Отдел"});
        let supergroup = serde_json::json!({"id": -1005, "type": "supergroup", "title": "Отдел", "is_forum": true});
        let from = serde_json::json!({"id": 7, "is_bot": false, "first_name": "А"});
        for (shown, field, id) in [(&group, "migrate_to_chat_id", -1005), (&supergroup, "migrate_from_chat_id", -5)] {
            let groups = groups();
            let mut body = serde_json::json!({"message_id": 1, "date": 1, "chat": shown, "from": from});
            body[field] = id.into();
            groups.look_at(&read(body));
            assert_eq!(groups.now(chat(-5)), chat(-1005), "{field}");
        }
        let groups = groups();
        let said = |is_topic: bool| {
            read(serde_json::json!({"message_id": 3, "date": 1, "chat": group, "from": from, "text": "/status",
                "message_thread_id": 2, "is_topic_message": is_topic}))
        };
        groups.look_at(&said(false));
        assert!(groups.topics(chat(-5)).is_empty(), "a thread of replies is no topic");
        groups.look_at(&said(true));
        assert_eq!(groups.topics(chat(-5)), [2]);
        assert_eq!(groups.heard(chat(-5)), 2);
        let groups = Groups::new(vec![Watched { setting: "MANAGERS_CHAT_ID", chat: chat(-1005) }]);
        for is_forum in [true, false] {
            let mut shown = supergroup.clone();
            if !is_forum {
                shown.as_object_mut().expect("a chat").remove("is_forum");
            }
            groups.look_at(&read(
                serde_json::json!({"message_id": 3, "date": 1, "chat": shown, "from": from, "text": "а"}),
            ));
            assert_eq!(groups.is_forum(chat(-1005)), Some(is_forum));
        }
    }
}
