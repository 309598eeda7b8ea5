//! The methods of the Bot API that are about the bot itself, and the way to all others but getUpdates.

use std::sync::Arc;

use serde_json::{Value, json};

use super::params::{Answer, Params, Refusal, bad};
use super::text::utf16_len;
use super::world::{World, bot_user};
use super::{Shared, files, groups, messages};

/// Every method the fake knows, as the documentation writes it.
const METHODS: [&str; 40] = [
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
    "sendPhoto",
    "sendVideo",
    "sendAnimation",
    "sendAudio",
    "sendVoice",
    "sendVideoNote",
    "copyMessage",
    "getFile",
    "editMessageText",
    "editMessageReplyMarkup",
    "deleteMessage",
    "answerCallbackQuery",
    "sendChatAction",
    "getChat",
    "getChatMember",
    "getChatAdministrators",
    "createForumTopic",
    "editForumTopic",
    "closeForumTopic",
    "reopenForumTopic",
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

const MAX_COMMANDS: usize = 100;

/// The documentation's spelling of a method, which comes in any letter case.
pub(super) fn canonical(name: &str) -> Option<&'static str> {
    METHODS.into_iter().find(|method| method.eq_ignore_ascii_case(name))
}
pub(super) fn call(shared: &Arc<Shared>, method: &str, params: &Params) -> Answer {
    let mut guard = shared.world();
    let world = &mut *guard;
    match method {
        "getMe" if world.me.is_some() => Ok(world.me.clone().expect("just looked at")),
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
                return Err(bad("bad webhook: An HTTPS URL must be provided for webhook"));
            }
            set_webhook(shared, world, Some(url).filter(|url| !url.is_empty()), params)
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
        "sendMessage" => messages::send_message(shared, world, params),
        "sendDocument" => messages::send_file(shared, world, params, "document"),
        "sendPhoto" => messages::send_file(shared, world, params, "photo"),
        "sendVideo" => messages::send_file(shared, world, params, "video"),
        "sendAnimation" => messages::send_file(shared, world, params, "animation"),
        "sendAudio" => messages::send_file(shared, world, params, "audio"),
        "sendVoice" => messages::send_file(shared, world, params, "voice"),
        "sendVideoNote" => messages::send_file(shared, world, params, "video_note"),
        "copyMessage" => files::copy_message(shared, world, params),
        "getFile" => files::get_file(world, params),
        "editMessageText" => messages::edit_text(shared, world, params),
        "editMessageReplyMarkup" => messages::edit_markup(shared, world, params),
        "deleteMessage" => messages::delete(shared, world, params),
        "answerCallbackQuery" => messages::answer_callback(shared, world, params),
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
            messages::writable_chat(world, params)?;
            Ok(json!(true))
        }
        "getChatMember" => groups::get_member(world, params),
        "getChatAdministrators" => groups::get_administrators(world, params),
        "createForumTopic" => groups::create_topic(world, params),
        "editForumTopic" | "closeForumTopic" | "reopenForumTopic" => groups::change_topic(world, params, method),
        "getChat" => {
            let is_private = messages::known_chat(world, params)?.private;
            let chat = match is_private {
                true => messages::known_chat(world, params)?,
                false => messages::open_chat(world, params)?,
            };
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
                let value = world.profile.get(what).and_then(|set| set.get(field)).cloned();
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
    let scope = params.get("scope").cloned().unwrap_or_else(|| json!({"type": "default"}));
    let kind = scope["type"].as_str().ok_or_else(|| bad("can't parse BotCommandScope: can't find field \"type\""))?;
    let name = match kind {
        "default" | "all_private_chats" | "all_group_chats" | "all_chat_administrators" => kind.to_owned(),
        "chat" | "chat_administrators" | "chat_member" => {
            let id = scope["chat_id"].as_i64().or_else(|| scope["chat_id"].as_str()?.parse().ok());
            let id = id.filter(|id| world.chats.get(id).is_some_and(|chat| chat.open));
            if let Some(to) = id.and_then(|id| world.chats.get(&id)?.group.moved_to) {
                return Err(groups::upgraded(to));
            }
            format!("{kind} {}", id.ok_or_else(|| bad("chat not found"))?)
        }
        _ => {
            return Err(bad("can't parse BotCommandScope: unsupported type specified"));
        }
    };
    let language = params.string("language_code").unwrap_or_default();
    if !(language.is_empty() || language.len() == 2 && language.chars().all(|c| c.is_ascii_lowercase())) {
        return Err(bad("invalid language code specified"));
    }
    Ok((name, language))
}

fn set_commands(world: &mut World, params: &Params) -> Answer {
    let commands =
        params.get("commands").and_then(Value::as_array).ok_or_else(|| bad("expected an Array of BotCommand"))?;
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
