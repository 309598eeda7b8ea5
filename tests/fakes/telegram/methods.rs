//! The methods of the Bot API apart from getUpdates, with the checks and the words of the real server.

use std::collections::HashMap;
use std::sync::Arc;

use chrono::Utc;
use serde_json::{Map, Value, json};

use super::markup::{self, Markup};
use super::text::{self, utf16_len};
use super::world::{BotMessage, CallbackAnswer, Chat, Event, Seen, World, bot_user};
use super::{Shared, reading};

/// Every method the fake knows, as the documentation writes it.
const METHODS: [&str; 26] = [
    "getMe",
    "getUpdates",
    "setWebhook",
    "deleteWebhook",
    "getWebhookInfo",
    "setMyCommands",
    "getMyCommands",
    "deleteMyCommands",
    "sendMessage",
    "sendDocument",
    "editMessageText",
    "editMessageReplyMarkup",
    "deleteMessage",
    "answerCallbackQuery",
    "sendChatAction",
    "getChat",
    "setMyName",
    "getMyName",
    "setMyDescription",
    "getMyDescription",
    "setMyShortDescription",
    "getMyShortDescription",
    "setChatMenuButton",
    "setMyDefaultAdministratorRights",
    "logOut",
    "close",
];

const MAX_TEXT: usize = 4096;
const MAX_CAPTION: usize = 1024;
const MAX_CALLBACK_TEXT: usize = 200;
const MAX_COMMANDS: usize = 100;

const NOT_MODIFIED: &str = "message is not modified: specified new message content and reply markup are exactly the \
                            same as a current content and reply markup of the message";

/// The documentation's spelling of a method, which comes in any letter case.
pub(super) fn canonical(name: &str) -> Option<&'static str> {
    METHODS
        .into_iter()
        .find(|method| method.eq_ignore_ascii_case(name))
}

/// An answer with `"ok":false`.
#[derive(Debug)]
pub(super) struct Refusal {
    pub(super) status: u16,
    pub(super) description: String,
}

pub(super) fn refusal(status: u16, description: &str) -> Refusal {
    Refusal {
        status,
        description: description.to_owned(),
    }
}

/// A 400 with the words after `Bad Request: `; Telegram begins them in lower case unless they are a CODE.
pub(super) fn bad(why: impl AsRef<str>) -> Refusal {
    let why = why.as_ref();
    let mut letters = why.chars();
    let first = letters.next().unwrap_or_default();
    let code = letters
        .next()
        .is_some_and(|second| second == '_' || second.is_uppercase());
    let why = if code {
        why.to_owned()
    } else {
        first.to_lowercase().chain(why.chars().skip(1)).collect()
    };
    Refusal {
        status: 400,
        description: format!("Bad Request: {why}"),
    }
}

type Answer = Result<Value, Refusal>;

/// A file that came with a request: its name and its bytes.
pub(super) type Upload = (String, Vec<u8>);

/// The parameters of a request, however they came.
#[derive(Default)]
pub(super) struct Params {
    pub(super) values: Map<String, Value>,
    pub(super) files: HashMap<String, Upload>,
}

impl Params {
    /// Adds a parameter that came as text: what is JSON of an object or an array is parsed.
    pub(super) fn add_text(&mut self, name: &str, value: String) {
        let parsed = match value.trim_start().chars().next() {
            // A text may begin like JSON; only these parameters are JSON.
            Some('{' | '[')
                if !matches!(name, "text" | "caption" | "url" | "name" | "description") =>
            {
                serde_json::from_str(&value).ok()
            }
            _ => None,
        };
        self.values
            .insert(name.to_owned(), parsed.unwrap_or(Value::String(value)));
    }

    /// An absent, a null and an empty parameter are the same to Telegram.
    pub(super) fn get(&self, name: &str) -> Option<&Value> {
        self.values
            .get(name)
            .filter(|value| !value.is_null() && *value != "")
    }

    pub(super) fn string(&self, name: &str) -> Option<String> {
        match self.get(name)? {
            Value::String(text) => Some(text.clone()),
            other => Some(other.to_string()),
        }
    }

    pub(super) fn int(&self, name: &str) -> Option<i64> {
        match self.get(name)? {
            Value::Number(number) => number.as_i64(),
            Value::String(text) => text.parse().ok(),
            _ => None,
        }
    }

    pub(super) fn flag(&self, name: &str) -> bool {
        self.get(name).is_some_and(|value| match value {
            Value::Bool(on) => *on,
            Value::String(text) => matches!(text.to_lowercase().as_str(), "true" | "yes" | "1"),
            other => *other == 1,
        })
    }
}

/// The chat a request concerns, if any.
pub(super) fn chat_of(world: &World, params: &Params) -> Option<i64> {
    params.int("chat_id").or_else(|| {
        let query = params.string("callback_query_id")?;
        world.callbacks.get(&query).map(|press| press.chat_id)
    })
}

pub(super) fn call(shared: &Arc<Shared>, method: &str, params: &Params) -> Answer {
    let mut guard = shared.world();
    let world = &mut *guard;
    match method {
        "getMe" => {
            let mut me = bot_user();
            me["can_join_groups"] = json!(true);
            for field in [
                "can_read_all_group_messages",
                "supports_inline_queries",
                "can_connect_to_business",
                "has_main_web_app",
            ] {
                me[field] = json!(false);
            }
            Ok(me)
        }
        "setWebhook" => {
            let url = params.string("url").unwrap_or_default();
            if !url.is_empty() && !url.starts_with("https://") {
                return Err(bad(
                    "bad webhook: An HTTPS URL must be provided for webhook",
                ));
            }
            set_webhook(
                shared,
                world,
                Some(url).filter(|url| !url.is_empty()),
                params,
            )
        }
        "deleteWebhook" => set_webhook(shared, world, None, params),
        "getWebhookInfo" => Ok(json!({
            "url": world.webhook.clone().unwrap_or_default(),
            "has_custom_certificate": false,
            "pending_update_count": world.pending.len(),
        })),
        "setMyCommands" => set_commands(world, params),
        "getMyCommands" => {
            let commands = world.commands.get(&command_key(world, params)?).cloned();
            Ok(commands.unwrap_or_else(|| json!([])))
        }
        "deleteMyCommands" => {
            let key = command_key(world, params)?;
            world.commands.remove(&key);
            Ok(json!(true))
        }
        "sendMessage" => send_message(shared, world, params),
        "sendDocument" => send_document(shared, world, params),
        "editMessageText" => edit_text(shared, world, params),
        "editMessageReplyMarkup" => edit_markup(shared, world, params),
        "deleteMessage" => delete(shared, world, params),
        "answerCallbackQuery" => answer_callback(shared, world, params),
        "sendChatAction" => {
            const ACTIONS: [&str; 11] = [
                "typing",
                "upload_photo",
                "record_video",
                "upload_video",
                "record_voice",
                "upload_voice",
                "upload_document",
                "choose_sticker",
                "find_location",
                "record_video_note",
                "upload_video_note",
            ];
            let action = params.string("action").unwrap_or_default().to_lowercase();
            if !ACTIONS.contains(&action.as_str()) {
                return Err(bad("wrong parameter action in request"));
            }
            writable_chat(world, params)?;
            Ok(json!(true))
        }
        "getChat" => {
            let chat = known_chat(world, params)?;
            let mut full = chat.json.clone();
            full["accent_color_id"] = json!(0);
            full["max_reaction_count"] = json!(11);
            full["accepted_gift_types"] = json!({
                "unlimited_gifts": true, "limited_gifts": true, "unique_gifts": true, "premium_subscription": true,
            });
            Ok(full)
        }
        _ => match method.split_at(3) {
            ("set", what) => {
                world.profile.insert(what.to_owned(), params.values.clone());
                Ok(json!(true))
            }
            ("get", what) => {
                let field = match what {
                    "MyName" => "name",
                    "MyDescription" => "description",
                    _ => "short_description",
                };
                let value = world
                    .profile
                    .get(what)
                    .and_then(|set| set.get(field))
                    .cloned();
                Ok(json!({ field: value.unwrap_or_else(|| json!("")) }))
            }
            _ => Ok(json!(true)),
        },
    }
}

fn set_webhook(shared: &Shared, world: &mut World, url: Option<String>, params: &Params) -> Answer {
    world.webhook = url;
    if params.flag("drop_pending_updates") {
        world.pending.clear();
    }
    // A getUpdates that waits ends with 409 when there is a webhook now.
    shared.queue_changed.notify_waiters();
    Ok(json!(true))
}

fn command_key(world: &World, params: &Params) -> Result<(String, String), Refusal> {
    let scope = params
        .get("scope")
        .cloned()
        .unwrap_or_else(|| json!({"type": "default"}));
    let kind = scope["type"]
        .as_str()
        .ok_or_else(|| bad("can't parse BotCommandScope: can't find field \"type\""))?;
    let name = match kind {
        "default" | "all_private_chats" | "all_group_chats" | "all_chat_administrators" => {
            kind.to_owned()
        }
        "chat" | "chat_administrators" | "chat_member" => {
            let id = scope["chat_id"]
                .as_i64()
                .or_else(|| scope["chat_id"].as_str()?.parse().ok());
            let id = id.filter(|id| world.chats.get(id).is_some_and(|chat| chat.open));
            format!("{kind} {}", id.ok_or_else(|| bad("chat not found"))?)
        }
        _ => {
            return Err(bad(
                "can't parse BotCommandScope: unsupported type specified",
            ));
        }
    };
    let language = params.string("language_code").unwrap_or_default();
    if !(language.is_empty()
        || language.len() == 2 && language.chars().all(|c| c.is_ascii_lowercase()))
    {
        return Err(bad("invalid language code specified"));
    }
    Ok((name, language))
}

fn set_commands(world: &mut World, params: &Params) -> Answer {
    let commands = params
        .get("commands")
        .and_then(Value::as_array)
        .ok_or_else(|| bad("expected an Array of BotCommand"))?;
    if commands.len() > MAX_COMMANDS {
        return Err(bad("BOT_COMMANDS_TOO_MUCH"));
    }
    for command in commands {
        let name = command["command"].as_str().unwrap_or_default();
        let name = name.strip_prefix('/').unwrap_or(name);
        let allowed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
        if !(1..=32).contains(&name.len()) || !name.chars().all(allowed) {
            return Err(bad("BOT_COMMAND_INVALID"));
        }
        let description = command["description"].as_str().unwrap_or_default();
        if !(1..=256).contains(&utf16_len(description)) {
            return Err(bad("BOT_COMMAND_DESCRIPTION_INVALID"));
        }
    }
    let key = command_key(world, params)?;
    world.commands.insert(key, json!(commands));
    Ok(json!(true))
}

fn known_chat<'a>(world: &'a mut World, params: &Params) -> Result<&'a mut Chat, Refusal> {
    if params.get("chat_id").is_none() {
        return Err(bad("chat_id is empty"));
    }
    let chat = params
        .int("chat_id")
        .and_then(|id| world.chats.get_mut(&id));
    chat.filter(|chat| chat.open)
        .ok_or_else(|| bad("chat not found"))
}

/// The chat, if the bot may write there now.
fn writable_chat<'a>(world: &'a mut World, params: &Params) -> Result<&'a mut Chat, Refusal> {
    let chat = known_chat(world, params)?;
    if chat.deactivated {
        return Err(refusal(403, "Forbidden: user is deactivated"));
    }
    if chat.blocked {
        return Err(refusal(403, "Forbidden: bot was blocked by the user"));
    }
    Ok(chat)
}

struct Content {
    source: String,
    parse_mode: Option<String>,
    formatted: text::Formatted,
}

fn content(params: &Params, field: &str, max: usize) -> Result<Content, Refusal> {
    let source = params.string(field).unwrap_or_default();
    let parse_mode = params.string("parse_mode");
    let formatted = text::read(&source, parse_mode.as_deref()).map_err(bad)?;
    if utf16_len(&formatted.text) > max {
        let what = if field == "caption" {
            "message caption"
        } else {
            "message"
        };
        return Err(bad(format!("{what} is too long")));
    }
    Ok(Content {
        source,
        parse_mode,
        formatted,
    })
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

fn send_message(shared: &Shared, world: &mut World, params: &Params) -> Answer {
    let content = text_content(params, "message is too long")?;
    send(shared, world, params, content, None)
}

fn send_document(shared: &Shared, world: &mut World, params: &Params) -> Answer {
    let named = params.string("document");
    let part = named
        .as_deref()
        .and_then(|name| name.strip_prefix("attach://"))
        .unwrap_or("document");
    let document = match (params.files.get(part), named) {
        (Some(file), _) => file.clone(),
        (None, Some(_)) => return Err(bad("wrong file identifier/HTTP URL specified")),
        (None, None) => return Err(bad("there is no document in the request")),
    };
    if document.1.is_empty() {
        return Err(bad("file must be non-empty"));
    }
    let content = content(params, "caption", MAX_CAPTION)?;
    send(shared, world, params, content, Some(document))
}

fn send(
    shared: &Shared,
    world: &mut World,
    params: &Params,
    content: Content,
    document: Option<Upload>,
) -> Answer {
    let private = params.int("chat_id").is_none_or(|id| id > 0);
    let markup = markup::read(params.get("reply_markup"), private).map_err(bad)?;
    let message_id = world.message_id();
    let chat = writable_chat(world, params)?;
    let chat_id = chat.json["id"].as_i64().unwrap_or_default();
    let date = Utc::now();
    let mut raw = json!({
        "message_id": message_id, "from": bot_user(), "chat": chat.json, "date": date.timestamp(),
    });
    if let Some(reply) = params.get("reply_parameters") {
        let id = reply["message_id"].as_i64().unwrap_or_default() as i32;
        let original = chat.theirs.get(&id).cloned();
        let original = original.or_else(|| Some(find(chat, id)?.raw.clone()));
        match original {
            Some(mut original) => {
                // Telegram does not nest replies.
                original
                    .as_object_mut()
                    .map(|fields| fields.remove("reply_to_message"));
                raw["reply_to_message"] = original;
            }
            None if reply["allow_sending_without_reply"] == true => {}
            None => return Err(bad("message to be replied not found")),
        }
    }
    let (text_field, entities_field) = if document.is_some() {
        ("caption", "caption_entities")
    } else {
        ("text", "entities")
    };
    if let Some((name, bytes)) = &document {
        raw["document"] = json!({
            "file_id": format!("BQACAgIAAxkDAAI{message_id}"), "file_unique_id": format!("AgAD{message_id}"),
            "file_size": bytes.len(), "file_name": name, "mime_type": "application/octet-stream",
        });
    }
    set_text(&mut raw, text_field, entities_field, &content.formatted);
    let mut message = BotMessage {
        message_id,
        chat_id,
        text: content.formatted.text,
        source: content.source,
        parse_mode: content.parse_mode,
        buttons: Vec::new(),
        keyboard: None,
        removed_keyboard: matches!(markup, Markup::Remove),
        document,
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
    chat.messages
        .iter_mut()
        .find(|message| message.message_id == message_id && !message.deleted)
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
        message
            .raw
            .as_object_mut()
            .map(|fields| fields.remove("reply_markup"));
        message.buttons.clear();
    }
}

fn edit_text(shared: &Shared, world: &mut World, params: &Params) -> Answer {
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

fn edit_markup(shared: &Shared, world: &mut World, params: &Params) -> Answer {
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

fn delete(shared: &Shared, world: &mut World, params: &Params) -> Answer {
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

fn answer_callback(shared: &Shared, world: &mut World, params: &Params) -> Answer {
    let text = params.string("text");
    if text
        .as_deref()
        .is_some_and(|text| utf16_len(text) > MAX_CALLBACK_TEXT)
    {
        return Err(bad("MESSAGE_TOO_LONG"));
    }
    let query_id = params.string("callback_query_id").unwrap_or_default();
    // A second answer is refused like an unknown one: the documentation does not promise it works.
    let press = world.callbacks.remove(&query_id).ok_or_else(|| {
        bad("query is too old and response timeout expired or query ID is invalid")
    })?;
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
