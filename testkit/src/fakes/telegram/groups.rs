//! Groups: who is what in them, how one becomes a supergroup, and topics, with the words of the real server.

use std::collections::BTreeMap;

use chrono::Utc;
use serde_json::{Value, json};

use super::buyer::{FakeGroup, FakeUser};
use super::params::{Answer, Params, Refusal, bad};
use super::world::{Chat, World, bot_user};
use super::{FakeTelegram, messages};

/// What a group has beside its messages.
#[derive(Default)]
pub(super) struct Group {
    /// Statuses by the person's id.
    pub(super) members: BTreeMap<i64, Member>,
    /// Its id as a supergroup.
    pub(super) moved_to: Option<i64>,
    /// Topics by id.
    pub(super) topics: BTreeMap<i32, Topic>,
    pub(super) general_closed: bool,
    /// Bots are told of administrators only.
    pub(super) members_hidden: bool,
}

pub(super) struct Member {
    user: Value,
    status: String,
    anonymous: bool,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Topic {
    Open,
    Closed,
    Deleted,
}

impl Group {
    pub(super) fn enters(&mut self, id: i64, user: Value) {
        self.members.entry(id).or_insert(Member { user, status: "member".into(), anonymous: false });
    }
}

impl Member {
    fn json(&self) -> Value {
        let mut member = json!({"status": self.status, "user": self.user});
        match self.status.as_str() {
            "creator" => member["is_anonymous"] = self.anonymous.into(),
            "administrator" => {
                member["is_anonymous"] = self.anonymous.into();
                member["can_be_edited"] = false.into();
                for right in [
                    "can_manage_chat",
                    "can_delete_messages",
                    "can_manage_video_chats",
                    "can_restrict_members",
                    "can_promote_members",
                    "can_change_info",
                    "can_invite_users",
                    "can_post_stories",
                    "can_edit_stories",
                    "can_delete_stories",
                ] {
                    member[right] = true.into();
                }
            }
            _ => {}
        }
        member
    }

    fn is_admin(&self) -> bool {
        matches!(self.status.as_str(), "creator" | "administrator")
    }
}

pub(super) fn get_member(world: &mut World, params: &Params) -> Answer {
    let user = params.int("user_id").ok_or_else(|| bad("invalid user_id specified"))?;
    let chat = messages::known_chat(world, params)?;
    let found = chat.group.members.get(&user);
    if chat.group.members_hidden && !found.is_some_and(Member::is_admin) {
        return Err(bad("member list is inaccessible"));
    }
    match found {
        Some(member) => Ok(member.json()),
        None => Err(bad("PARTICIPANT_ID_INVALID")),
    }
}

pub(super) fn get_administrators(world: &mut World, params: &Params) -> Answer {
    let chat = messages::known_chat(world, params)?;
    if chat.private {
        return Err(bad("there are no administrators in the private chat"));
    }
    let mut all: Vec<Value> = chat.group.members.values().filter(|one| one.is_admin()).map(Member::json).collect();
    let bot = Member { user: bot_user(), status: "administrator".into(), anonymous: false };
    all.push(bot.json());
    Ok(all.into())
}

/// The topic a message of the bot goes to.
pub(super) fn writable_topic(chat: &Chat, params: &Params) -> Result<Option<i32>, Refusal> {
    let Some(asked) = params.get("message_thread_id") else {
        return if chat.group.general_closed { Err(bad("TOPIC_CLOSED")) } else { Ok(None) };
    };
    let id = asked.as_i64().or_else(|| asked.as_str()?.parse().ok()).and_then(|id| i32::try_from(id).ok());
    match id.and_then(|id| Some((id, chat.group.topics.get(&id)?))) {
        Some((id, Topic::Open)) => Ok(Some(id)),
        // The bot is an administrator without the right to manage topics.
        Some((_, Topic::Closed)) => Err(bad("TOPIC_CLOSED")),
        Some((_, Topic::Deleted)) | None => Err(bad("message thread not found")),
    }
}

impl FakeTelegram {
    /// A new group of the small kind, with the bot in it.
    pub fn small_group(&self, title: &str) -> FakeGroup {
        let mut world = self.shared.world();
        let id = world.small_group_id();
        let chat = json!({"id": id, "type": "group", "title": title, "all_members_are_administrators": false});
        world.chats.insert(id, Chat::new(chat, title));
        FakeGroup { id, title: title.to_owned() }
    }

    /// A small group becomes a supergroup: a new id, the same people, a word of it in both chats.
    pub fn becomes_a_supergroup(&self, old: &FakeGroup) -> FakeGroup {
        self.upgrade(old, true)
    }

    /// The same, of which the bot is told nothing.
    pub fn becomes_a_supergroup_silently(&self, old: &FakeGroup) -> FakeGroup {
        self.upgrade(old, false)
    }

    fn upgrade(&self, old: &FakeGroup, told: bool) -> FakeGroup {
        let mut guard = self.shared.world();
        let world = &mut *guard;
        let new = FakeGroup { id: world.group_id(), title: old.title.clone() };
        let json = json!({"id": new.id, "type": "supergroup", "title": new.title});
        let mut chat = Chat::new(json, &new.title);
        let before = &mut world.chat(old.id).group;
        assert!(before.moved_to.is_none(), "a group becomes a supergroup once");
        chat.group.members = std::mem::take(&mut before.members);
        before.moved_to = Some(new.id);
        world.chats.insert(new.id, chat);
        if told {
            let anonymous = json!({"id": 1_087_968_824, "is_bot": true, "first_name": "Group",
                "username": "GroupAnonymousBot"});
            for (chat, field, id) in [(old.id, "migrate_to_chat_id", new.id), (new.id, "migrate_from_chat_id", old.id)]
            {
                let message_id = world.message_id();
                let chat = world.chat(chat).json.clone();
                let mut message = json!({"message_id": message_id, "from": anonymous, "sender_chat": chat,
                    "chat": chat, "date": Utc::now().timestamp()});
                message[field] = id.into();
                self.shared.queue(world, "message", message);
            }
        }
        new
    }

    /// What somebody is in a group: `creator`, `administrator`, `member`, `restricted`, `left`, `kicked`.
    pub fn makes(&self, user: &FakeUser, status: &str, group: &FakeGroup) {
        let mut world = self.shared.world();
        let members = &mut world.chat(group.id).group.members;
        members.insert(user.id, Member { user: user.json(), status: status.into(), anonymous: false });
    }

    /// From now on bots are told of a group's administrators only.
    pub fn hides_members(&self, group: &FakeGroup) {
        self.shared.world().chat(group.id).group.members_hidden = true;
    }

    /// An administrator writes in the group's name.
    pub fn says_anonymously(&self, group: &FakeGroup, text: &str) -> i32 {
        self.says_as(group, &json!({"id": group.id, "type": "supergroup", "title": group.title}), text)
    }

    /// Somebody writes in a group in the name of a chat: a channel, or the group itself.
    pub fn says_as(&self, group: &FakeGroup, sender: &Value, text: &str) -> i32 {
        let from = if sender["id"] == group.id {
            json!({"id": 1_087_968_824, "is_bot": true, "first_name": "Group", "username": "GroupAnonymousBot"})
        } else {
            json!({"id": 136_817_688, "is_bot": true, "first_name": "Channel", "username": "Channel_Bot"})
        };
        let mut guard = self.shared.world();
        let world = &mut *guard;
        let message_id = world.message_id();
        let chat = world.chat(group.id).json.clone();
        let message = json!({"message_id": message_id, "from": from, "sender_chat": sender, "chat": chat,
            "date": Utc::now().timestamp(), "text": text, "entities": super::text::found_entities(text)});
        self.shared.queue(world, "message", message);
        message_id
    }

    /// A new topic of a group, which by that is a forum; returns its id. The bot is told of it as of any message.
    pub fn topic(&self, group: &FakeGroup, by: &FakeUser, name: &str) -> i32 {
        let mut guard = self.shared.world();
        let world = &mut *guard;
        let id = world.message_id();
        let chat = world.chat(group.id);
        chat.json["is_forum"] = true.into();
        chat.group.topics.insert(id, Topic::Open);
        let message = json!({"message_id": id, "message_thread_id": id, "is_topic_message": true, "from": by.json(),
            "chat": chat.json, "date": Utc::now().timestamp(),
            "forum_topic_created": {"name": name, "icon_color": 7_322_096}});
        self.shared.queue(world, "message", message);
        id
    }

    /// Closes a topic, or General.
    pub fn closes_topic(&self, group: &FakeGroup, topic: Option<i32>) {
        let mut world = self.shared.world();
        let group = &mut world.chat(group.id).group;
        match topic {
            Some(topic) => drop(group.topics.insert(topic, Topic::Closed)),
            None => group.general_closed = true,
        }
    }

    /// Opens a topic, or General.
    pub fn opens_topic(&self, group: &FakeGroup, topic: Option<i32>) {
        let mut world = self.shared.world();
        let group = &mut world.chat(group.id).group;
        match topic {
            Some(topic) => drop(group.topics.insert(topic, Topic::Open)),
            None => group.general_closed = false,
        }
    }

    /// Deletes a topic.
    pub fn deletes_topic(&self, group: &FakeGroup, topic: i32) {
        self.shared.world().chat(group.id).group.topics.insert(topic, Topic::Deleted);
    }
}

/// The bot has no place in a group that is a supergroup now.
pub(super) fn upgraded(to: i64) -> Refusal {
    Refusal { migrate_to: Some(to), ..bad("group chat was upgraded to a supergroup chat") }
}

/// Fields of a message in a topic.
pub(super) fn in_topic(message: &mut Value, topic: Option<i32>) {
    if let Some(topic) = topic {
        message["message_thread_id"] = topic.into();
        message["is_topic_message"] = true.into();
    }
}
