//! Messages of the bot: sent, edited, deleted, and presses answered, with the checks and words of the real server.

use chrono::Utc;
use serde_json::{Value, json};

use super::markup::{self, Markup};
use super::params::{Answer, Params, Refusal, Upload, bad, refusal};
use super::text::{self, MAX_TEXT, utf16_len};
use super::world::{BotMessage, CallbackAnswer, Chat, Event, Seen, World, bot_user};
use super::{Shared, files, groups, reading};

const MAX_CAPTION: usize = 1024;
const MAX_CALLBACK_TEXT: usize = 200;

const NOT_MODIFIED: &str = "message is not modified: specified new message content and reply markup are exactly the \
                            same as a current content and reply markup of the message";

pub(super) fn known_chat<'a>(world: &'a mut World, params: &Params) -> Result<&'a mut Chat, Refusal> {
    if params.get("chat_id").is_none() {
        return Err(bad("chat_id is empty"));
    }
    let chat = params.int("chat_id").and_then(|id| world.chats.get_mut(&id));
    let chat = chat.filter(|chat| chat.open).ok_or_else(|| bad("chat not found"))?;
    match chat.group.moved_to {
        Some(to) => Err(groups::upgraded(to)),
        None => Ok(chat),
    }
}

/// The chat, if the bot may write there now.
pub(super) fn writable_chat<'a>(world: &'a mut World, params: &Params) -> Result<&'a mut Chat, Refusal> {
    let chat = open_chat(world, params)?;
    if chat.group.bot_is_silenced {
        return Err(bad("not enough rights to send text messages to the chat"));
    }
    Ok(chat)
}

/// The chat, if the bot is in it.
pub(super) fn open_chat<'a>(world: &'a mut World, params: &Params) -> Result<&'a mut Chat, Refusal> {
    let chat = known_chat(world, params)?;
    if chat.blocked && !chat.private {
        return Err(refusal(403, "Forbidden: bot was kicked from the supergroup chat"));
    }
    if chat.deactivated {
        return Err(refusal(403, "Forbidden: user is deactivated"));
    }
    if chat.blocked {
        return Err(refusal(403, "Forbidden: bot was blocked by the user"));
    }
    Ok(chat)
}

pub(super) struct Content {
    source: String,
    parse_mode: Option<String>,
    formatted: text::Formatted,
}

pub(super) fn content(params: &Params, field: &str, max: usize) -> Result<Content, Refusal> {
    let source = params.string(field).unwrap_or_default();
    let parse_mode = params.string("parse_mode");
    let formatted = text::read(&source, parse_mode.as_deref()).map_err(bad)?;
    if utf16_len(&formatted.text) > max {
        let what = if field == "caption" { "message caption" } else { "message" };
        return Err(bad(format!("{what} is too long")));
    }
    Ok(Content { source, parse_mode, formatted })
}

fn text_content(params: &Params, too_long: &str) -> Result<Content, Refusal> {
    if params.get("text").is_none() {
        return Err(bad("message text is empty"));
    }
    let content = content(params, "text", usize::MAX)?;
    if content.formatted.text.is_empty() {
        return Err(bad("text must be non-empty"));
    }
    if utf16_len(&content.formatted.text) > MAX_TEXT {
        return Err(bad(too_long));
    }
    Ok(content)
}

pub(super) fn send_message(shared: &Shared, world: &mut World, params: &Params) -> Answer {
    let content = text_content(params, "message is too long")?;
    send(shared, world, params, content, None)
}

/// `field` is the kind of file, such as `document`; what was uploaded stands in the message as its document either way.
pub(super) fn send_file(shared: &Shared, world: &mut World, params: &Params, field: &'static str) -> Answer {
    let named = params.string(field);
    let part = named.as_deref().and_then(|name| name.strip_prefix("attach://")).unwrap_or(field);
    let document = match (params.files.get(part), named) {
        (Some(file), _) => file.clone(),
        (None, Some(id)) => files::by_id(world, &id).ok_or_else(|| bad("wrong file identifier/HTTP URL specified"))?,
        (None, None) => return Err(bad(format!("there is no {field} in the request"))),
    };
    if document.1.is_empty() {
        return Err(bad("file must be non-empty"));
    }
    let content = content(params, "caption", MAX_CAPTION)?;
    send(shared, world, params, content, Some((field, document)))
}

pub(super) fn send(
    shared: &Shared,
    world: &mut World,
    params: &Params,
    content: Content,
    file: Option<(&'static str, Upload)>,
) -> Answer {
    let private = params.int("chat_id").is_none_or(|id| id > 0);
    if world.knows_no_new_buttons && markup::is_new(params.get("reply_markup")) {
        return Err(bad("can't parse inline keyboard button: Text buttons are unallowed in the inline keyboard"));
    }
    let markup = markup::read(params.get("reply_markup"), private).map_err(bad)?;
    let chat = writable_chat(world, params)?;
    let (chat_id, topic) = (chat.id(), groups::writable_topic(chat, params)?);
    let message_id = world.message_id();
    let chat = world.chat(chat_id);
    let date = Utc::now();
    let mut raw = json!({
        "message_id": message_id, "from": bot_user(), "chat": chat.json, "date": date.timestamp(),
    });
    groups::in_topic(&mut raw, topic);
    if let Some(reply) = params.get("reply_parameters") {
        let id = reply["message_id"].as_i64().unwrap_or_default() as i32;
        let original = chat.theirs.get(&id).cloned();
        let original = original.or_else(|| Some(find(chat, id)?.raw.clone()));
        match original {
            Some(mut original) => {
                // Telegram does not nest replies.
                original.as_object_mut().map(|fields| fields.remove("reply_to_message"));
                raw["reply_to_message"] = original;
            }
            None if reply["allow_sending_without_reply"] == true => {}
            None => return Err(bad("message to be replied not found")),
        }
    }
    let (text_field, entities_field) =
        if file.is_some() { ("caption", "caption_entities") } else { ("text", "entities") };
    let (file_id, unique_id) = (format!("BQACAgIAAxkDAAI{message_id}"), format!("AgAD{message_id}"));
    match &file {
        Some(("photo", (_, bytes))) => {
            raw["photo"] = json!([{
                "file_id": file_id, "file_unique_id": unique_id, "file_size": bytes.len(), "width": 90, "height": 60,
            }]);
        }
        Some((_, (name, bytes))) => {
            raw["document"] = json!({
                "file_id": file_id, "file_unique_id": unique_id, "file_size": bytes.len(), "file_name": name,
                "mime_type": "application/octet-stream",
            });
        }
        None => {}
    }
    set_text(&mut raw, text_field, entities_field, &content.formatted);
    let mut message = BotMessage {
        message_id,
        chat_id,
        topic,
        text: content.formatted.text,
        source: content.source,
        parse_mode: content.parse_mode,
        buttons: Vec::new(),
        keyboard: None,
        removed_keyboard: matches!(markup, Markup::Remove),
        document: file.map(|(_, file)| file),
        date,
        edited: false,
        deleted: false,
        raw,
    };
    match markup {
        Markup::Inline(buttons) => {
            message.raw["reply_markup"] = params.values["reply_markup"].clone();
            message.buttons = buttons;
        }
        Markup::Reply(keyboard) => message.keyboard = Some(keyboard),
        Markup::None | Markup::Remove | Markup::ForceReply => {}
    }
    chat.transcript.push(reading::sent(&message));
    chat.messages.push(message.clone());
    chat.bell.notify_waiters();
    saw(world, &message);
    let raw = message.raw.clone();
    shared.tell(Event::BotSent(message));
    Ok(raw)
}

/// What the last message in a chat holds that is no text.
pub(super) fn put_into_last(world: &mut World, params: &Params, kind: &str, value: &Value) {
    let chat = params.int("chat_id").and_then(|id| world.chats.get_mut(&id));
    if let Some(message) = chat.and_then(|chat| chat.messages.last_mut()) {
        message.raw[kind] = value.clone();
    }
}

fn set_text(raw: &mut Value, text_field: &str, entities_field: &str, formatted: &text::Formatted) {
    let Some(fields) = raw.as_object_mut() else {
        return;
    };
    fields.remove(text_field);
    fields.remove(entities_field);
    if !formatted.text.is_empty() {
        fields.insert(text_field.to_owned(), json!(formatted.text));
    }
    if !formatted.entities.is_empty() {
        fields.insert(entities_field.to_owned(), json!(formatted.entities));
    }
}

fn saw(world: &mut World, message: &BotMessage) {
    world.ledger.push(Seen {
        chat_id: message.chat_id,
        message_id: message.message_id,
        text: message.text.clone(),
        at: Utc::now(),
    });
}

fn find(chat: &mut Chat, message_id: i32) -> Option<&mut BotMessage> {
    chat.messages.iter_mut().find(|message| message.message_id == message_id && !message.deleted)
}

/// The bot's message an edit is for.
fn editable<'a>(world: &'a mut World, params: &Params) -> Result<&'a mut BotMessage, Refusal> {
    let Some(id) = params.int("message_id") else {
        return Err(bad("message identifier is not specified"));
    };
    let chat = known_chat(world, params)?;
    if chat.theirs.contains_key(&(id as i32)) {
        return Err(bad("message can't be edited"));
    }
    let (blocked, deactivated) = (chat.blocked, chat.deactivated);
    let message = find(chat, id as i32).ok_or_else(|| bad("message to edit not found"))?;
    // TDLib, MessagesManager::can_edit_message: what came with a keyboard other than inline stays as it is.
    if message.keyboard.is_some() || message.removed_keyboard {
        return Err(bad("message can't be edited"));
    }
    if deactivated {
        return Err(refusal(403, "Forbidden: user is deactivated"));
    }
    if blocked {
        return Err(refusal(403, "Forbidden: bot was blocked by the user"));
    }
    Ok(message)
}

fn inline_only(params: &Params) -> Result<Markup, Refusal> {
    match markup::read(params.get("reply_markup"), true).map_err(bad)? {
        markup @ (Markup::Inline(_) | Markup::None) => Ok(markup),
        _ => Err(bad("inline keyboard expected")),
    }
}

fn set_buttons(message: &mut BotMessage, markup: Markup, params: &Params) {
    if let Markup::Inline(buttons) = markup {
        message.raw["reply_markup"] = params.values["reply_markup"].clone();
        message.buttons = buttons;
    } else {
        message.raw.as_object_mut().map(|fields| fields.remove("reply_markup"));
        message.buttons.clear();
    }
}

pub(super) fn edit_text(shared: &Shared, world: &mut World, params: &Params) -> Answer {
    let content = text_content(params, "MESSAGE_TOO_LONG")?;
    let markup = inline_only(params)?;
    let message = editable(world, params)?;
    if message.document.is_some() {
        return Err(bad("there is no text in the message to edit"));
    }
    let before = message.clone();
    set_text(&mut message.raw, "text", "entities", &content.formatted);
    set_buttons(message, markup, params);
    if message.raw == before.raw {
        return Err(bad(NOT_MODIFIED));
    }
    message.text = content.formatted.text;
    message.source = content.source;
    message.parse_mode = content.parse_mode;
    edited(shared, world, &before)
}

pub(super) fn edit_markup(shared: &Shared, world: &mut World, params: &Params) -> Answer {
    let markup = inline_only(params)?;
    let message = editable(world, params)?;
    let before = message.clone();
    set_buttons(message, markup, params);
    if message.raw == before.raw {
        return Err(bad(NOT_MODIFIED));
    }
    edited(shared, world, &before)
}

fn edited(shared: &Shared, world: &mut World, before: &BotMessage) -> Answer {
    let chat = world.chat(before.chat_id);
    let message = find(chat, before.message_id).expect("it was found before");
    message.edited = true;
    message.raw["edit_date"] = json!(Utc::now().timestamp());
    let message = message.clone();
    chat.transcript.push(reading::edited(before, &message));
    chat.bell.notify_waiters();
    if message.text != before.text {
        saw(world, &message);
    }
    let raw = message.raw.clone();
    shared.tell(Event::BotEdited(message));
    Ok(raw)
}

pub(super) fn delete(shared: &Shared, world: &mut World, params: &Params) -> Answer {
    let Some(id) = params.int("message_id") else {
        return Err(bad("message identifier is not specified"));
    };
    let chat = known_chat(world, params)?;
    if let Some(message) = find(chat, id as i32) {
        message.deleted = true;
        let message = message.clone();
        chat.transcript.push(reading::deleted(&message));
        chat.bell.notify_waiters();
        shared.tell(Event::BotDeleted(message));
        return Ok(json!(true));
    }
    // A bot may delete what the other side wrote in a private chat.
    if chat.private && chat.theirs.remove(&(id as i32)).is_some() {
        return Ok(json!(true));
    }
    Err(bad("message to delete not found"))
}

pub(super) fn answer_callback(shared: &Shared, world: &mut World, params: &Params) -> Answer {
    let text = params.string("text");
    if text.as_deref().is_some_and(|text| utf16_len(text) > MAX_CALLBACK_TEXT) {
        return Err(bad("MESSAGE_TOO_LONG"));
    }
    let query_id = params.string("callback_query_id").unwrap_or_default();
    // A second answer is refused like an unknown one: the documentation does not promise it works.
    let press = world
        .callbacks
        .remove(&query_id)
        .ok_or_else(|| bad("query is too old and response timeout expired or query ID is invalid"))?;
    let answer = CallbackAnswer {
        query_id,
        chat_id: press.chat_id,
        data: press.data,
        text,
        show_alert: params.flag("show_alert"),
    };
    world.callback_answers.push(answer.clone());
    let chat = world.chat(answer.chat_id);
    if let Some(line) = reading::popped_up(&answer) {
        chat.transcript.push(line);
    }
    chat.bell.notify_waiters();
    shared.tell(Event::CallbackAnswered(answer));
    Ok(json!(true))
}
