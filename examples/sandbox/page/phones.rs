//! What stands on the three screens.

use serde_json::{Value, json};
use testkit::fakes::telegram::{BotMessage, Button, ReplyKeyboard};

use super::scene::{Phone, Scene};

/// Older messages are not shown.
const SHOWN: usize = 200;

/// The three phones.
pub fn seen(scene: &Scene) -> Value {
    json!([Phone::Buyer, Phone::Admin, Phone::Managers].map(|phone| screen(scene, phone)))
}

fn screen(scene: &Scene, phone: Phone) -> Value {
    let stage = &scene.stage;
    let holder = scene.holder(phone);
    let chat = if phone == Phone::Managers { stage.group.id } else { holder.id };
    let people = match phone {
        Phone::Buyer => stage.buyers().iter().map(|buyer| json!({"id": buyer.id, "name": buyer.name})).collect(),
        Phone::Admin => Vec::new(),
        Phone::Managers => stage.managers.iter().map(|one| json!({"id": one.id, "name": one.name})).collect(),
    };
    let bots = stage.telegram.chat(chat);
    let theirs = stage.telegram.theirs(chat);
    let keyboard = keyboard(&bots, theirs.last());
    let mut messages: Vec<(i64, Value)> = bots.iter().filter(|message| !message.deleted).map(bots_message).collect();
    messages.extend(theirs.iter().map(|message| persons_message(message, holder.id)));
    messages.sort_by_key(|(id, _)| *id);
    let from = messages.len().saturating_sub(SHOWN);
    let messages: Vec<Value> = messages.split_off(from).into_iter().map(|(_, message)| message).collect();
    let answers = stage.telegram.callback_answers();
    let popped = answers.iter().enumerate().rev().find(|(_, answer)| answer.chat_id == chat && answer.text.is_some());
    json!({
        "phone": phone, "chat": chat, "holder": holder.id, "name": holder.name, "people": people, "messages": messages,
        "keyboard": keyboard,
        "popped": popped.map(|(at, answer)| json!({"n": at, "text": answer.text, "window": answer.show_alert})),
    })
}

/// The keys under the chat, if any are shown; a keyboard for one press goes with the next word of the person.
fn keyboard(bots: &[BotMessage], last_word: Option<&Value>) -> Option<Value> {
    let newest = bots.iter().rev().find(|message| message.removed_keyboard || message.keyboard.is_some())?;
    let keyboard: &ReplyKeyboard = newest.keyboard.as_ref()?;
    let answered = last_word.and_then(|word| word["message_id"].as_i64()) > Some(newest.message_id.into());
    if newest.deleted || keyboard.one_time && answered {
        return None;
    }
    let rows = keyboard.rows.iter().map(|row| {
        let keys = row.iter().map(|key| json!({"text": key.text, "contact": key.request_contact}));
        Value::Array(keys.collect())
    });
    Some(json!({"rows": Value::Array(rows.collect()), "placeholder": keyboard.placeholder}))
}

fn bots_message(message: &BotMessage) -> (i64, Value) {
    let rows = message.buttons.iter().map(|row| Value::Array(row.iter().map(button).collect()));
    let file = message.document.as_ref().map(|(name, bytes)| {
        let at = format!("/file/bot/{}/{}", message.chat_id, message.message_id);
        json!({"name": name, "at": at, "picture": super::server::picture(bytes).is_some(), "size": bytes.len()})
    });
    let mut seen = common(&message.raw);
    seen["bot"] = true.into();
    seen["text"] = json!(message.text);
    seen["edited"] = message.edited.into();
    seen["buttons"] = Value::Array(rows.collect());
    seen["file"] = json!(file);
    (message.message_id.into(), seen)
}

fn button(button: &Button) -> Value {
    json!({"text": button.text, "data": button.data, "url": button.url, "copies": button.copies, "style": button.style})
}

fn persons_message(message: &Value, holder: i64) -> (i64, Value) {
    let mut seen = common(message);
    seen["mine"] = (message["from"]["id"] == holder).into();
    seen["by"] = message["from"]["first_name"].clone();
    seen["text"] = json!(message["text"].as_str().or(message["caption"].as_str()).unwrap_or_default());
    seen["edited"] = message["edit_date"].is_number().into();
    let photo = message["photo"].as_array().and_then(|sizes| sizes.last());
    let document = Some(&message["document"]).filter(|document| document.is_object());
    if let Some(file) = photo.or(document) {
        let name = file["file_name"].as_str().unwrap_or("photo.jpg");
        let at = format!("/file/sent/{}", file["file_id"].as_str().unwrap_or_default());
        seen["file"] = json!({"name": name, "at": at, "picture": photo.is_some(), "size": file["file_size"]});
    }
    (message["message_id"].as_i64().unwrap_or_default(), seen)
}

/// What messages of the bot and of people have in common.
fn common(message: &Value) -> Value {
    let reply = &message["reply_to_message"];
    let reply = reply.is_object().then(|| {
        let words = reply["text"].as_str().or(reply["caption"].as_str()).unwrap_or("…");
        json!({"by": reply["from"]["first_name"], "text": words.lines().next().unwrap_or_default()})
    });
    let other = ["sticker", "voice", "location", "contact"].into_iter().find(|kind| message[*kind].is_object());
    let words = other.map(|kind| match kind {
        "sticker" => message[kind]["emoji"].as_str().unwrap_or("🙂").to_owned(),
        "contact" => format!("📱 {}", message[kind]["phone_number"].as_str().unwrap_or_default()),
        "location" => "📍".into(),
        _ => "🎤".into(),
    });
    let entities = if message["entities"].is_array() { &message["entities"] } else { &message["caption_entities"] };
    json!({"id": message["message_id"], "at": message["date"], "entities": entities, "reply": reply, "other": words})
}
