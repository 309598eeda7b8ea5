//! From an update as it came to one that teloxide's handlers take.
//!
//! Promise: what people said is read whatever stands beside it. teloxide parses a message as a whole, so one value
//! newer than the library (an entity, where a message was forwarded from, a reply to another chat's message) makes it
//! unreadable, and some make it panic. Here it is tried as a whole first; where that fails, or loses the text, the
//! contact or the caption, the message is built again from its chat, its sender and every field that can be read
//! beside them. What had to be left out is named, without its content.

use std::{
    cell::Cell,
    panic::{self, AssertUnwindSafe},
    sync::Once,
};

use chrono::Utc;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};
use teloxide::types::{CallbackQuery, InlineKeyboardButton, Message, MessageEntity, MessageKind, Update, UpdateKind};

use crate::lead::ChatRef;

/// Kinds of updates that are asked for, and read.
pub const KINDS: [&str; 3] = ["message", "edited_message", "callback_query"];

/// teloxide parses with deep stacks, the deeper the less optimized.
const DEEP: usize = 8 << 20;

/// With room for what goes on around it.
const STACK: usize = DEEP + (64 << 10);

/// Messages within a message may hold messages themselves, and teloxide tries a message in some fifty ways.
const NESTED_MESSAGES: [&str; 2] = ["reply_to_message", "pinned_message"];

/// The API has some 110 fields of a message; one made up of thousands would be tried for minutes.
const MOST_FIELDS: usize = 200;

/// What a person sees of a message goes first, so that the rest cannot get in its way.
const FIRST: [&str; 3] = ["text", "entities", "contact"];
const CAPTION: [&str; 2] = ["caption", "caption_entities"];

/// An update that was read.
#[derive(Debug)]
pub struct Read {
    /// As the handlers take it.
    pub update: Update,
    /// Names of the fields that were left out.
    pub lost: Vec<String>,
}

/// Which of the kinds that are asked for an update is, if any.
pub fn kind_of(update: &Map<String, Value>) -> Option<&'static str> {
    KINDS.into_iter().find(|kind| update.contains_key(*kind))
}

/// Reads an update of one of [`KINDS`]; `None` when there is nobody to answer in it.
pub fn read(id: u32, kind: &str, body: &Value) -> Option<Read> {
    let mut lost = Vec::new();
    let body = guarded(|| match kind {
        "callback_query" => press(body, &mut lost).map(UpdateKind::CallbackQuery),
        _ => {
            let now = Utc::now().timestamp();
            let message = message(body.as_object()?, now, &mut lost)?;
            let is_numbered = body.get("message_id").and_then(integer).is_some();
            if matches!(message.kind, MessageKind::Empty {}) && !is_numbered {
                // Nothing was said in it, and it is no message as Telegram sends them: a person may look at it.
                return None;
            }
            Some(if kind == "message" { UpdateKind::Message(message) } else { UpdateKind::EditedMessage(message) })
        }
    })??;
    Some(Read { update: Update { id: teloxide::types::UpdateId(id), kind: body }, lost })
}

/// The private chat of an update that could not be read, if it can be told.
pub fn private_chat(update: &Value) -> Option<ChatRef> {
    let body = KINDS.iter().find_map(|kind| update.get(kind))?;
    let chat = body.get("chat").or_else(|| body.get("message")?.get("chat"))?;
    (chat.get("type")?.as_str()? == "private").then(|| integer(chat.get("id")?)).flatten().map(ChatRef::telegram)
}

fn press(body: &Value, lost: &mut Vec<String>) -> Option<CallbackQuery> {
    let text = |name: &str| body.get(name).and_then(Value::as_str);
    let id = match body.get("id")? {
        Value::String(id) => id.clone(),
        other => integer(other)?.to_string(),
    };
    // An inaccessible message has a date of 0; so has one that cannot be read.
    let pressed = body.get("message").and_then(Value::as_object);
    let mut message = pressed.and_then(|pressed| message(pressed, 0, lost));
    let from = user(body.get("from")).or_else(|| {
        let chat = message.as_ref().map(|message| &message.chat).filter(|chat| chat.is_private())?;
        user(Some(&json!({"id": chat.id, "first_name": chat.first_name()})))
    })?;
    if message.is_none() && text("inline_message_id").is_none() {
        // Our buttons stand in private chats, and in the admin's, whose id would be in the message.
        let chat = json!({"id": from["id"], "type": "private", "first_name": from["first_name"]});
        message = parse(&json!({"message_id": 0, "date": 0, "chat": chat}));
    }
    if body.get("data").is_some_and(|data| !data.is_string()) {
        lost.push("data".into());
    }
    let mut query = json!({"id": id, "from": from, "chat_instance": text("chat_instance").unwrap_or_default()});
    for name in ["data", "inline_message_id", "game_short_name"] {
        if let Some(text) = text(name) {
            query[name] = text.into();
        }
    }
    let mut query: CallbackQuery = parse(&query)?;
    query.message = message.map(|message| {
        use teloxide::types::{InaccessibleMessage, MaybeInaccessibleMessage};
        match message.date.timestamp() {
            0 => MaybeInaccessibleMessage::Inaccessible(InaccessibleMessage {
                chat: message.chat,
                message_id: message.id,
            }),
            _ => MaybeInaccessibleMessage::Regular(Box::new(message)),
        }
    });
    Some(query)
}

fn message(body: &Map<String, Value>, undated: i64, lost: &mut Vec<String>) -> Option<Message> {
    let chat = chat(body.get("chat")?)?;
    let date = body.get("date").and_then(integer).filter(|date| (0..=i64::from(u32::MAX)).contains(date));
    let number = body.get("message_id").and_then(integer).and_then(|id| i32::try_from(id).ok());
    let mut bones = Map::new();
    bones.insert("chat".into(), chat);
    bones.insert("date".into(), date.unwrap_or(undated).into());
    bones.insert("message_id".into(), number.unwrap_or_default().into());
    if let Some(from) = user(body.get("from")) {
        bones.insert("from".into(), from);
    } else if body.contains_key("from") {
        lost.push("from".into());
    }

    let mut flesh = Map::new();
    for (name, value) in body.iter().filter(|(name, _)| !bones.contains_key(*name) && *name != "from") {
        flesh.insert(name.clone(), tamed(name, value, lost));
    }
    if let (None, Some(rich)) = (flesh.get("text"), flesh.get("rich_message")) {
        let mut words = String::new();
        rich_text(rich, false, &mut words);
        if !words.trim().is_empty() {
            flesh.insert("text".into(), words.trim().into());
        }
    }
    let mut whole = bones.clone();
    whole.extend(flesh.clone());
    if let Some(message) = faithful(&whole) {
        if matches!(message.kind, MessageKind::Empty {}) {
            // Nothing in it is of a kind that the library knows; its names say what kind it is.
            lost.extend(flesh.keys().cloned());
        }
        return Some(message);
    }
    let mut message = parse(&Value::Object(bones.clone()))?;
    let order = |name: &&String| FIRST.iter().position(|first| first == name).unwrap_or(FIRST.len());
    let mut names: Vec<&String> = flesh.keys().filter(|name| !CAPTION.contains(&name.as_str())).collect();
    names.sort_by_key(order);
    for name in names.into_iter().take(MOST_FIELDS) {
        bones.insert(name.clone(), flesh[name].clone());
        match faithful(&bones) {
            Some(more) => message = more,
            None => {
                bones.remove(name);
                lost.push(name.clone());
            }
        }
    }
    if message.text().is_some() || message.contact().is_some() {
        return Some(message);
    }
    let Some(caption) = flesh.get("caption").filter(|caption| caption.is_string()) else { return Some(message) };
    // Whatever it stands under: where that cannot be read, a picture does in its place.
    for stand_in in [false, true] {
        let mut captioned = bones.clone();
        if stand_in {
            let keep = ["chat", "date", "message_id", "from", "media_group_id", "reply_markup"];
            captioned.retain(|name, _| keep.contains(&name.as_str()));
            captioned.insert("photo".into(), json!([]));
        }
        captioned.insert("caption".into(), caption.clone());
        if let Some(entities) = flesh.get("caption_entities") {
            captioned.insert("caption_entities".into(), entities.clone());
        }
        let plain = |mut captioned: Map<String, Value>| {
            captioned.remove("caption_entities");
            faithful(&captioned)
        };
        if let Some(message) = faithful(&captioned).or_else(|| plain(captioned)) {
            return Some(message);
        }
    }
    lost.push("caption".into());
    Some(message)
}

/// Parses a message; `None` when that fails or loses what a person said in it.
fn faithful(message: &Map<String, Value>) -> Option<Message> {
    let parsed: Message = parse(&Value::Object(message.clone()))?;
    let said = |name: &str| message.get(name).filter(|said| !said.is_null());
    let kept = if let Some(text) = said("text") {
        let entities = said("entities").and_then(Value::as_array).map_or(0, Vec::len);
        parsed.text() == text.as_str() && text.is_string() && parsed.entities().map_or(0, <[_]>::len) == entities
    } else if let Some(contact) = said("contact") {
        parsed.contact().is_some_and(|parsed| contact["phone_number"] == parsed.phone_number)
    } else if let Some(caption) = said("caption") {
        parsed.caption() == caption.as_str() && caption.is_string()
    } else {
        true
    };
    kept.then_some(parsed)
}

/// The words of a rich message: every text in it, one block a line.
fn rich_text(part: &Value, is_text: bool, words: &mut String) {
    match part {
        Value::String(text) if is_text => words.push_str(text),
        Value::Array(parts) => {
            for part in parts {
                rich_text(part, is_text, words);
                if !is_text && !words.is_empty() && !words.ends_with('\n') {
                    words.push('\n');
                }
            }
        }
        Value::Object(parts) => {
            for (name, part) in parts {
                rich_text(part, name == "text", words);
            }
        }
        _ => {}
    }
}

/// A field of a message without those of its parts that cannot be read.
fn tamed(name: &str, value: &Value, lost: &mut Vec<String>) -> Value {
    match (name, value) {
        ("entities" | "caption_entities", Value::Array(entities)) => {
            entities.iter().filter_map(|entity| tamed_entity(name, entity, lost)).collect()
        }
        ("contact", Value::Object(contact)) => {
            let mut contact = contact.clone();
            for optional in ["last_name", "vcard"] {
                if contact.get(optional).is_some_and(|value| !value.is_string()) {
                    contact.remove(optional);
                }
            }
            if contact.get("user_id").is_some_and(|id| !id.is_u64()) {
                contact.remove("user_id");
            }
            if !contact.get("first_name").is_some_and(Value::is_string) {
                contact.insert("first_name".into(), "".into());
            }
            Value::Object(contact)
        }
        ("reply_markup", Value::Object(markup)) => {
            let rows = markup.get("inline_keyboard").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
            let mut button = |button: &Value| {
                let readable = parse::<InlineKeyboardButton>(button).is_some();
                if !readable {
                    lost.push("reply_markup.button".into());
                }
                readable.then(|| button.clone())
            };
            let rows: Vec<Vec<Value>> =
                rows.iter().map(|row| row.as_array().into_iter().flatten().filter_map(&mut button).collect()).collect();
            json!({ "inline_keyboard": rows })
        }
        (name, Value::Object(message)) if NESTED_MESSAGES.contains(&name) => {
            let mut message = message.clone();
            for nested in NESTED_MESSAGES {
                message.remove(nested);
            }
            Value::Object(message)
        }
        (_, value) => value.clone(),
    }
}

fn tamed_entity(name: &str, entity: &Value, lost: &mut Vec<String>) -> Option<Value> {
    if parse::<MessageEntity>(entity).is_some() {
        return Some(entity.clone());
    }
    if let Some(address) = entity.get("url").and_then(Value::as_str) {
        let mut entity = entity.clone();
        entity["url"] = format!("https://{address}").into();
        if parse::<MessageEntity>(&entity).is_some() {
            return Some(entity);
        }
    }
    lost.push(format!("{name}.{}", entity.get("type").and_then(Value::as_str).unwrap_or_default()));
    None
}

fn chat(chat: &Value) -> Option<Value> {
    let id = chat.get("id").and_then(integer)?;
    let kind = chat.get("type").and_then(Value::as_str).unwrap_or_default();
    let kind = match kind {
        "private" | "group" | "supergroup" | "channel" => kind,
        // Ids of groups and channels are negative.
        _ if id > 0 => "private",
        _ => "supergroup",
    };
    let mut read = json!({"id": id, "type": kind});
    for name in ["title", "username", "first_name", "last_name"] {
        if let Some(text) = chat.get(name).filter(|text| text.is_string()) {
            read[name] = text.clone();
        }
    }
    if chat.get("is_forum") == Some(&Value::Bool(true)) {
        read["is_forum"] = true.into();
    }
    Some(read)
}

fn user(user: Option<&Value>) -> Option<Value> {
    let user = user?;
    let id = user.get("id").and_then(integer).and_then(|id| u64::try_from(id).ok())?;
    let mut read = json!({"id": id, "is_bot": user.get("is_bot") == Some(&Value::Bool(true)), "first_name": ""});
    for name in ["first_name", "last_name", "username", "language_code"] {
        if let Some(text) = user.get(name).filter(|text| text.is_string()) {
            read[name] = text.clone();
        }
    }
    if user.get("is_premium") == Some(&Value::Bool(true)) {
        read["is_premium"] = true.into();
    }
    Some(read)
}

/// An integer, also where it is written as a float or as a text.
pub fn integer(value: &Value) -> Option<i64> {
    match value {
        Value::Number(number) => number.as_i64().or_else(|| {
            let float = number.as_f64().filter(|float| float.fract() == 0.0 && float.abs() < 9e15)?;
            #[expect(clippy::cast_possible_truncation, reason = "it is whole and within 53 bits")]
            Some(float as i64)
        }),
        Value::String(text) => text.trim().parse().ok(),
        _ => None,
    }
}

fn parse<T: DeserializeOwned>(value: &Value) -> Option<T> {
    panic::catch_unwind(AssertUnwindSafe(|| T::deserialize(value).ok())).ok().flatten()
}

thread_local! {
    static QUIET: Cell<bool> = const { Cell::new(false) };
}

/// Runs something on a stack that is deep enough to read on. One such stack costs more than an update: whoever reads many
/// of them reads them all on the same one.
pub fn on_deep_stack<T>(work: impl FnOnce() -> T) -> T {
    stacker::maybe_grow(DEEP, STACK, work)
}

/// Runs something on a deep stack; `None` if it panics. What it panics with may quote what people wrote, and is told
/// to nobody.
fn guarded<T>(work: impl FnOnce() -> T) -> Option<T> {
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        let usual = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            if !QUIET.get() {
                usual(info);
            }
        }));
    });
    QUIET.set(true);
    let done = on_deep_stack(|| panic::catch_unwind(AssertUnwindSafe(work)));
    QUIET.set(false);
    done.ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_updates_are_read_on_one_stack() {
        on_deep_stack(|| {
            let around = 0_u8;
            let around = std::ptr::from_ref(&around).addr();
            let within = guarded(|| {
                let within = 0_u8;
                std::ptr::from_ref(&within).addr()
            });
            assert!(within.expect("no panic").abs_diff(around) < STACK - DEEP, "each has a stack of its own");
        });
    }
}
