//! The people: what they write, press and share becomes updates in the shapes Telegram sends.

use std::fmt;
use std::time::Duration;

use chrono::Utc;
use serde_json::{Value, json};

use super::FakeTelegram;
use super::reading::spoken;
use super::text::{found_entities, latin, pieces};
use super::world::{BotMessage, Chat, Press, World, bot_user};

/// How long `sees` waits.
const PATIENCE: Duration = crate::world::PATIENCE;

/// A picture, as far as anybody looks.
const PICTURE: &[u8] = b"\xff\xd8\xff, and so on";

/// A person with a phone; clones are the same person.
#[derive(Clone)]
pub struct FakeUser {
    pub(super) telegram: FakeTelegram,
    /// The id of the person and of the private chat with the bot.
    pub id: i64,
    /// The first name.
    pub name: String,
    /// Without the `@`; people need not have one.
    pub username: Option<String>,
    /// The language of the phone, `ru` unless changed.
    pub language_code: Option<String>,
}

impl fmt::Debug for FakeUser {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FakeUser").field("id", &self.id).field("name", &self.name).finish_non_exhaustive()
    }
}

impl FakeTelegram {
    /// A new person, whom the bot does not know until the first message.
    pub fn user(&self, name: &str) -> FakeUser {
        let mut world = self.shared.world();
        let id = world.person_id();
        let username = format!("{}_{}", latin(name), id % 1000);
        let user = FakeUser {
            telegram: self.clone(),
            id,
            name: name.to_owned(),
            username: Some(username),
            language_code: Some("ru".to_owned()),
        };
        world.chats.insert(id, Chat::new(user.chat_json(), name));
        user
    }
}

impl FakeUser {
    /// The same person with a phone in another language, or in none that Telegram tells.
    pub fn with_language(mut self, code: Option<&str>) -> Self {
        self.language_code = code.map(str::to_owned);
        self
    }

    /// The same person without a username.
    pub fn without_username(mut self) -> Self {
        self.username = None;
        let chat = self.chat_json();
        self.telegram.shared.world().chat(self.id).json = chat;
        self
    }

    /// The person wrote to the bot long ago, so it may write first; no update comes of it.
    pub fn known(self) -> Self {
        self.telegram.shared.world().chat(self.id).open = true;
        self
    }

    pub(super) fn json(&self) -> Value {
        let mut user = json!({"id": self.id, "is_bot": false, "first_name": self.name});
        if let Some(username) = &self.username {
            user["username"] = json!(username);
        }
        if let Some(code) = &self.language_code {
            user["language_code"] = json!(code);
        }
        user
    }

    fn chat_json(&self) -> Value {
        let mut chat = json!({"id": self.id, "type": "private", "first_name": self.name});
        if let Some(username) = &self.username {
            chat["username"] = json!(username);
        }
        chat
    }

    /// Writes a text, in pieces if it is too long for one message; returns the id of the (last) message.
    pub fn say(&self, text: &str) -> i32 {
        self.write(self.id, text)
    }

    /// Writes a command, `/start`.
    pub fn command(&self, command: &str) -> i32 {
        assert!(command.starts_with('/'), "a command begins with a slash");
        self.write(self.id, command)
    }

    pub(super) fn write(&self, chat_id: i64, text: &str) -> i32 {
        let mut id = None;
        for piece in pieces(text) {
            id = Some(self.post(chat_id, text_fields(&piece), &piece));
        }
        id.expect("a phone does not send an empty message")
    }

    /// Presses the request_contact key: the person's own number, as `79161234567`.
    pub fn share_contact(&self, phone: &str) -> i32 {
        self.share_contact_of(phone, self.id)
    }

    /// Sends somebody's contact from the address book.
    pub fn share_contact_of(&self, phone: &str, user_id: i64) -> i32 {
        let own = user_id == self.id;
        let name = if own { self.name.as_str() } else { "Знакомый" };
        let contact = json!({"phone_number": phone, "first_name": name, "user_id": user_id});
        let shown =
            if own { format!("(свой номер {phone})") } else { format!("(чужой номер {phone})") };
        self.post(self.id, json!({ "contact": contact }), &shown)
    }

    /// Sends a sticker.
    pub fn sticker(&self) -> i32 {
        let sticker = json!({
            "file_id": "CAACAgIAAxUAAWMwcTidRlq7bai", "file_unique_id": "AgAD2QcAAsEYngs", "file_size": 25734,
            "width": 463, "height": 512, "emoji": "👍", "set_name": "menhera2", "type": "regular",
            "is_animated": false, "is_video": false,
        });
        self.post(self.id, json!({ "sticker": sticker }), "(стикер 👍)")
    }

    /// Sends a photo.
    pub fn photo(&self) -> i32 {
        self.post(self.id, json!({ "photo": self.picture(PICTURE) }), "(фото)")
    }

    /// Sends a photo with words under it.
    pub fn photo_with_caption(&self, caption: &str) -> i32 {
        let fields =
            json!({"photo": self.picture(PICTURE), "caption": caption, "caption_entities": found_entities(caption)});
        self.post(self.id, fields, &format!("(фото) {caption}"))
    }

    /// Sends an album of so many pictures, with words under the first.
    pub fn album(&self, photos: usize, caption: Option<&str>) {
        self.sends_album(&vec![PICTURE; photos], caption);
    }

    /// Sends a voice message.
    pub fn voice(&self) -> i32 {
        self.sends_voice(b"OggS, as far as anybody looks")
    }

    /// Sends a place on the map.
    pub fn location(&self) -> i32 {
        self.post(self.id, json!({"location": {"latitude": 55.751244, "longitude": 37.618423}}), "(место на карте)")
    }

    /// Sends a message with any content fields, known to Telegram or not; `shown` stands in the transcript.
    pub fn message_with(&self, fields: Value, shown: &str) -> i32 {
        self.post(self.id, fields, shown)
    }

    pub(super) fn post(&self, chat_id: i64, fields: Value, shown: &str) -> i32 {
        let shared = &self.telegram.shared;
        let mut guard = shared.world();
        let world = &mut *guard;
        let message_id = world.message_id();
        let chat = self.enter(world, chat_id);
        let mut message = json!({
            "message_id": message_id, "from": self.json(), "chat": chat.json, "date": Utc::now().timestamp(),
        });
        let Value::Object(fields) = fields else { panic!("fields are a JSON object") };
        for (name, value) in fields {
            message[name] = value;
        }
        super::groups::as_shown_in_a_topic(chat, &mut message);
        chat.theirs.insert(message_id, message.clone());
        chat.transcript.push(spoken(&self.name, shown));
        shared.queue(world, "message", message);
        message_id
    }

    /// The chat, opened by writing there.
    pub(super) fn enter<'a>(&self, world: &'a mut World, chat_id: i64) -> &'a mut Chat {
        let chat = world.chat(chat_id);
        assert!(!chat.blocked, "{} blocked the bot and must unblock it before writing", self.name);
        assert!(!chat.deactivated, "{}'s account is deleted", self.name);
        assert!(chat.group.moved_to.is_none(), "the group is a supergroup now");
        chat.open = true;
        if !chat.private {
            chat.group.enters(self.id, self.json());
        }
        chat
    }

    /// Changes the newest text this person wrote in the private chat.
    pub fn edit_last(&self, text: &str) {
        let shared = &self.telegram.shared;
        let mut guard = shared.world();
        let world = &mut *guard;
        let chat = self.enter(world, self.id);
        let message = chat.theirs.values_mut().rev().find(|message| message["text"].is_string());
        let message = message.expect("there is a text to change");
        message["edit_date"] = json!(Utc::now().timestamp());
        message.as_object_mut().map(|fields| fields.remove("entities"));
        let Value::Object(fields) = text_fields(text) else { unreachable!() };
        for (name, value) in fields {
            message[name] = value;
        }
        let message = message.clone();
        chat.transcript.push(spoken(&format!("{} (правка)", self.name), text));
        shared.queue(world, "edited_message", message);
    }

    /// Presses the button with this data on the newest message that has it; returns the callback query's id, or says
    /// which buttons there are.
    pub fn press(&self, data: &str) -> Result<String, String> {
        let messages = self.messages();
        let newest = messages.iter().rev().find(|message| !message.deleted && message.has_button(data));
        match newest {
            Some(message) => self.press_on(message.message_id, data),
            None => {
                let there: Vec<String> = messages
                    .iter()
                    .filter(|message| !message.deleted)
                    .flat_map(|message| message.buttons.iter().flatten())
                    .filter_map(|button| button.data.clone())
                    .collect();
                Err(format!(
                    "{} sees no button {data}, only {there:?}; the conversation so far:\n{}",
                    self.name,
                    self.transcript()
                ))
            }
        }
    }

    /// Presses a button as it may still stand on a screen that has not caught up: on this message, whether or not it
    /// has the button now. Refused only if the message is gone.
    pub fn press_on(&self, message_id: i32, data: &str) -> Result<String, String> {
        let message = self.messages().into_iter().find(|message| message.message_id == message_id && !message.deleted);
        let message = message.ok_or_else(|| format!("there is no message {message_id} of the bot to press on"))?;
        let label = message.button(data).map_or_else(|| data.to_owned(), |button| button.text.clone());
        Ok(self.query(data, &label, message.raw))
    }

    /// Sends any callback data on the newest message of the bot; without one, on a message too old to be shown.
    pub fn press_raw(&self, data: &str) -> String {
        match self.messages().into_iter().rev().find(|message| !message.deleted) {
            Some(message) => self.query(data, data, message.raw),
            None => self.press_inaccessible(1, data),
        }
    }

    /// Presses a button of a message so old that Telegram tells the bot its id only.
    pub fn press_inaccessible(&self, message_id: i32, data: &str) -> String {
        self.query(data, data, json!({"chat": self.chat_json(), "message_id": message_id, "date": 0}))
    }

    fn query(&self, data: &str, label: &str, message: Value) -> String {
        self.query_in(self.id, data, label, message)
    }

    pub(super) fn query_in(&self, chat_id: i64, data: &str, label: &str, message: Value) -> String {
        let shared = &self.telegram.shared;
        let mut guard = shared.world();
        let world = &mut *guard;
        let chat = self.enter(world, chat_id);
        chat.transcript.push(format!("{} нажимает [{label}]", self.name));
        let id = world.press(Press { chat_id, data: data.to_owned() });
        let query = json!({
            "id": id, "from": self.json(), "message": message, "data": data,
            "chat_instance": format!("{}", chat_id.wrapping_mul(7_919)),
        });
        shared.queue(world, "callback_query", query);
        id
    }

    /// Blocks the bot: it can write no more and is told so.
    pub fn blocks_bot(&self) {
        self.membership(true);
    }

    /// Unblocks the bot.
    pub fn unblocks(&self) {
        self.membership(false);
    }

    fn membership(&self, blocked: bool) {
        let shared = &self.telegram.shared;
        let mut guard = shared.world();
        let world = &mut *guard;
        let chat = world.chat(self.id);
        chat.blocked = blocked;
        let member = json!({"user": bot_user(), "status": "member"});
        let kicked = json!({"user": bot_user(), "status": "kicked", "until_date": 0});
        let (old, new, shown) = if blocked {
            (member, kicked, "блокирует бота")
        } else {
            (kicked, member, "разблокирует бота")
        };
        chat.transcript.push(format!("{} {shown}", self.name));
        let update = json!({
            "chat": chat.json, "from": self.json(), "date": Utc::now().timestamp(),
            "old_chat_member": old, "new_chat_member": new,
        });
        shared.queue(world, "my_chat_member", update);
    }

    /// Deletes the account.
    pub fn deactivated(&self) {
        let mut world = self.telegram.shared.world();
        let chat = world.chat(self.id);
        chat.deactivated = true;
        chat.transcript.push(format!("{} удаляет свой аккаунт", self.name));
    }

    /// Messages of the bot in the private chat as they stand now, oldest first.
    pub fn messages(&self) -> Vec<BotMessage> {
        self.telegram.chat(self.id)
    }

    /// The private conversation as plain text.
    pub fn transcript(&self) -> String {
        self.telegram.transcript(self.id)
    }

    /// Waits up to 10 s for a message with these words in it; panics with the conversation if none comes.
    pub async fn sees(&self, words: &str) -> BotMessage {
        let seen = self.telegram.wait_for(self.id, |message| message.text.contains(words), PATIENCE).await;
        seen.unwrap_or_else(|why| panic!("{} does not see «{words}»: {why}", self.name))
    }
}

pub(super) fn text_fields(text: &str) -> Value {
    let entities = found_entities(text);
    if entities.is_empty() { json!({ "text": text }) } else { json!({"text": text, "entities": entities}) }
}
