//! People in a group: what they write, answer and press there.

use chrono::Utc;
use serde_json::{Value, json};

use super::FakeTelegram;
use super::buyer::{FakeUser, text_fields};
use super::world::{BotMessage, Chat};

/// A supergroup the bot is in, as an administrator: it gets every message.
#[derive(Clone)]
pub struct FakeGroup {
    /// Negative, as ids of groups are.
    pub id: i64,
    /// Its title.
    pub title: String,
}

impl FakeTelegram {
    /// A new group with the bot in it.
    pub fn group(&self, title: &str) -> FakeGroup {
        let mut world = self.shared.world();
        let id = world.group_id();
        let chat = json!({"id": id, "type": "supergroup", "title": title});
        world.chats.insert(id, Chat::new(chat, title));
        FakeGroup { id, title: title.to_owned() }
    }
}

impl FakeUser {
    /// Writes a text in a group.
    pub fn say_in(&self, group: &FakeGroup, text: &str) -> i32 {
        self.write(group.id, text)
    }

    /// Writes a command in a group.
    pub fn command_in(&self, group: &FakeGroup, command: &str) -> i32 {
        assert!(command.starts_with('/'), "a command begins with a slash");
        self.write(group.id, command)
    }

    /// Writes in a topic of a group.
    pub fn say_in_topic(&self, group: &FakeGroup, topic: i32, text: &str) -> i32 {
        let mut fields = text_fields(text);
        super::groups::in_topic(&mut fields, Some(topic));
        self.post(group.id, fields, text)
    }

    /// Shows a picture in a topic of a group.
    pub fn photo_in_topic(&self, group: &FakeGroup, topic: i32, bytes: &[u8]) -> i32 {
        let mut fields = json!({ "photo": self.picture(bytes) });
        super::groups::in_topic(&mut fields, Some(topic));
        self.post(group.id, fields, "(фото)")
    }

    /// Answers a message in a group with any content fields, such as a text; `shown` stands in the transcript.
    pub fn replies_in(&self, group: &FakeGroup, to: i32, fields: Value, shown: &str) -> i32 {
        let original = {
            let mut world = self.telegram.shared.world();
            let chat = world.chat(group.id);
            let theirs = chat.theirs.get(&to).cloned();
            let own =
                || chat.messages.iter().find(|message| message.message_id == to).map(|message| message.raw.clone());
            theirs.or_else(own)
        };
        let mut fields = fields;
        if let Some(mut original) = original {
            original.as_object_mut().map(|original| original.remove("reply_to_message"));
            super::groups::in_topic(
                &mut fields,
                original["message_thread_id"].as_i64().and_then(|id| i32::try_from(id).ok()),
            );
            fields["reply_to_message"] = original;
        }
        self.post(group.id, fields, shown)
    }

    /// Changes the newest text this person wrote in a group.
    pub fn edit_last_in(&self, group: &FakeGroup, text: &str) {
        let shared = &self.telegram.shared;
        let mut guard = shared.world();
        let world = &mut *guard;
        let chat = self.enter(world, group.id);
        let of_theirs = |message: &&mut Value| message["text"].is_string() && message["from"]["id"] == self.id;
        let message = chat.theirs.values_mut().rev().find(of_theirs).expect("there is a text to change");
        message["text"] = json!(text);
        message["edit_date"] = json!(Utc::now().timestamp());
        let message = message.clone();
        shared.queue(world, "edited_message", message);
    }

    /// Presses a button, or sends any data in its place, under a message in a group; returns the callback query's id.
    pub fn press_in(&self, message: &BotMessage, data: &str) -> String {
        let label = message.button(data).map_or_else(|| data.to_owned(), |button| button.text.clone());
        self.query_in(message.chat_id, data, &label, message.raw.clone())
    }
}
