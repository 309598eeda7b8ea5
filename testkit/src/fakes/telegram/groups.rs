//! Groups: who is what in them, how one becomes a supergroup, and topics, with the words of the real server.

use std::collections::BTreeMap;

use chrono::Utc;
use serde_json::{Value, json};

use super::buyer::FakeUser;
use super::members::FakeGroup;
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
    pub(super) topics: BTreeMap<i32, ForumTopic>,
    pub(super) general_closed: bool,
    /// The bot has `can_manage_topics`.
    pub(super) bot_manages_topics: bool,
    /// The bot may read and not write.
    pub(super) bot_is_silenced: bool,
    /// Bots are told of administrators only.
    pub(super) members_hidden: bool,
}

pub(super) struct Member {
    user: Value,
    status: String,
    anonymous: bool,
}

pub(super) struct ForumTopic {
    pub(super) state: Topic,
    pub(super) name: String,
    of_bot: bool,
    /// The service message that it began with, whose id is the topic's.
    pub(super) root: Value,
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
    let is_forum = chat.json["is_forum"] == true;
    match id.filter(|_| is_forum).and_then(|id| Some((id, chat.group.topics.get(&id)?.state))) {
        Some((id, Topic::Open)) => Ok(Some(id)),
        // Whoever manages topics writes in closed ones, too.
        Some((id, Topic::Closed)) if chat.group.bot_manages_topics => Ok(Some(id)),
        Some((_, Topic::Closed)) => Err(bad("TOPIC_CLOSED")),
        Some((_, Topic::Deleted)) | None => Err(bad("message thread not found")),
    }
}

/// createForumTopic; the words are those of TDLib's `ForumTopicManager`.
pub(super) fn create_topic(world: &mut World, params: &Params) -> Answer {
    let name = params.string("name").unwrap_or_default();
    let chat = messages::writable_chat(world, params)?;
    if chat.json["is_forum"] != true {
        return Err(bad("the chat is not a forum"));
    }
    if name.trim().is_empty() {
        return Err(bad("title must be non-empty"));
    }
    // TDLib cuts it; the documentation says 1-128 characters.
    if name.chars().count() > 128 {
        return Err(bad("TOPIC_TITLE_TOO_LONG"));
    }
    if !chat.group.bot_manages_topics {
        return Err(bad("not enough rights to create a topic"));
    }
    let chat_id = chat.id();
    let id = world.new_topic(chat_id, &bot_user(), &name);
    world.chat(chat_id).bell.notify_waiters();
    Ok(json!({"message_thread_id": id, "name": name, "icon_color": 7_322_096}))
}

/// editForumTopic, closeForumTopic, reopenForumTopic.
pub(super) fn change_topic(world: &mut World, params: &Params, method: &str) -> Answer {
    let id = params.int("message_thread_id").ok_or_else(|| bad("message_thread_id is empty"))?;
    let name = params.string("name");
    let chat = messages::writable_chat(world, params)?;
    if chat.json["is_forum"] != true {
        return Err(bad("the chat is not a forum"));
    }
    let manages = chat.group.bot_manages_topics;
    let topic = chat.group.topics.get_mut(&(id as i32)).filter(|topic| topic.state != Topic::Deleted);
    let topic = topic.ok_or_else(|| bad("TOPIC_ID_INVALID"))?;
    if !manages && !topic.of_bot {
        let what = if method == "editForumTopic" { "edit the topic" } else { "close or open the topic" };
        return Err(bad(format!("not enough rights to {what}")));
    }
    let is_so = match (method, name) {
        ("editForumTopic", Some(name)) => std::mem::replace(&mut topic.name, name.clone()) == name,
        ("closeForumTopic", _) => std::mem::replace(&mut topic.state, Topic::Closed) == Topic::Closed,
        ("reopenForumTopic", _) => std::mem::replace(&mut topic.state, Topic::Open) == Topic::Open,
        _ => true,
    };
    chat.bell.notify_waiters();
    if is_so { Err(bad("TOPIC_NOT_MODIFIED")) } else { Ok(json!(true)) }
}

impl World {
    fn new_topic(&mut self, chat_id: i64, by: &Value, name: &str) -> i32 {
        let id = self.message_id();
        let chat = self.chat(chat_id);
        chat.json["is_forum"] = true.into();
        let root = json!({"message_id": id, "message_thread_id": id, "is_topic_message": true, "from": by,
            "chat": chat.json, "date": Utc::now().timestamp(),
            "forum_topic_created": {"name": name, "icon_color": 7_322_096}});
        let (of_bot, name) = (by["is_bot"] == true, name.to_owned());
        chat.group.topics.insert(id, ForumTopic { state: Topic::Open, name, of_bot, root });
        id
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
        let id = world.new_topic(group.id, &by.json(), name);
        let message = world.chat(group.id).group.topics[&id].root.clone();
        self.shared.queue(world, "message", message);
        id
    }

    /// A new group with topics, in which the bot may manage them.
    pub fn forum(&self, title: &str) -> FakeGroup {
        let group = self.group(title);
        self.has_topics(&group, true);
        self.may_manage_topics(&group, true);
        group
    }

    /// Topics of a group are switched on or off; nobody tells the bot.
    pub fn has_topics(&self, group: &FakeGroup, has: bool) {
        let mut world = self.shared.world();
        let chat = &mut world.chat(group.id).json;
        match has {
            true => chat["is_forum"] = true.into(),
            false => drop(chat.as_object_mut().map(|chat| chat.remove("is_forum"))),
        }
    }

    /// The bot gets the right to manage topics, or loses it.
    pub fn may_manage_topics(&self, group: &FakeGroup, may: bool) {
        self.shared.world().chat(group.id).group.bot_manages_topics = may;
    }

    /// The bot may write in a group, or only read.
    pub fn may_write(&self, group: &FakeGroup, may: bool) {
        self.shared.world().chat(group.id).group.bot_is_silenced = !may;
    }

    /// Somebody puts the bot out of a group.
    pub fn puts_the_bot_out(&self, group: &FakeGroup) {
        self.shared.world().chat(group.id).blocked = true;
    }

    /// Somebody lets the bot into a group again.
    pub fn lets_the_bot_in(&self, group: &FakeGroup, by: &FakeUser) {
        self.shared.world().chat(group.id).blocked = false;
        self.service(group, None, by, "new_chat_members", json!([bot_user()]));
    }

    /// Telegram tells in a group, or in a topic, what somebody has done.
    pub fn service(&self, group: &FakeGroup, topic: Option<i32>, by: &FakeUser, kind: &str, what: Value) -> i32 {
        let mut guard = self.shared.world();
        let world = &mut *guard;
        let message_id = world.message_id();
        let chat = world.chat(group.id);
        let mut message = json!({"message_id": message_id, "from": by.json(), "chat": chat.json,
            "date": Utc::now().timestamp()});
        in_topic(&mut message, topic);
        message[kind] = what;
        as_shown_in_a_topic(chat, &mut message);
        self.shared.queue(world, "message", message);
        message_id
    }

    /// The topics of a group that are not deleted, oldest first: id, title, whether it is open.
    pub fn topics(&self, group: &FakeGroup) -> Vec<(i32, String, bool)> {
        let mut world = self.shared.world();
        let topics = &world.chat(group.id).group.topics;
        let there = topics.iter().filter(|(_, topic)| topic.state != Topic::Deleted);
        there.map(|(id, topic)| (*id, topic.name.clone(), topic.state == Topic::Open)).collect()
    }

    /// Closes a topic, or General.
    pub fn closes_topic(&self, group: &FakeGroup, topic: Option<i32>) {
        let mut world = self.shared.world();
        let group = &mut world.chat(group.id).group;
        match topic {
            Some(topic) => group.topics.get_mut(&topic).expect("the topic").state = Topic::Closed,
            None => group.general_closed = true,
        }
    }

    /// Opens a topic, or General.
    pub fn opens_topic(&self, group: &FakeGroup, topic: Option<i32>) {
        let mut world = self.shared.world();
        let group = &mut world.chat(group.id).group;
        match topic {
            Some(topic) => group.topics.get_mut(&topic).expect("the topic").state = Topic::Open,
            None => group.general_closed = false,
        }
    }

    /// Deletes a topic, and with it all that was said there.
    pub fn deletes_topic(&self, group: &FakeGroup, topic: i32) {
        let mut world = self.shared.world();
        let chat = world.chat(group.id);
        chat.group.topics.get_mut(&topic).expect("the topic").state = Topic::Deleted;
        chat.messages.iter_mut().filter(|message| message.topic == Some(topic)).for_each(|it| it.deleted = true);
        chat.theirs.retain(|_, message| message["message_thread_id"] != topic);
    }
}

/// The bot has no place in a group that is a supergroup now.
pub(super) fn upgraded(to: i64) -> Refusal {
    Refusal { migrate_to: Some(to), ..bad("group chat was upgraded to a supergroup chat") }
}

/// What answers nothing in a topic is shown as an answer to the service message that the topic began with.
pub(super) fn as_shown_in_a_topic(chat: &Chat, message: &mut Value) {
    let topic = message["message_thread_id"].as_i64().filter(|_| message["is_topic_message"] == true);
    let root = topic.and_then(|topic| chat.group.topics.get(&(topic as i32)));
    if let (Some(root), None) = (root, message.get("reply_to_message")) {
        message["reply_to_message"] = root.root.clone();
    }
}

/// Fields of a message in a topic.
pub(super) fn in_topic(message: &mut Value, topic: Option<i32>) {
    if let Some(topic) = topic {
        message["message_thread_id"] = topic.into();
        message["is_topic_message"] = true.into();
    }
}
