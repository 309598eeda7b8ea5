//! What the bot sends: checked, shown, pressed, edited, deleted.

use serde_json::{Value, json};
use teloxide::prelude::*;
use teloxide::types::{
    InlineKeyboardButton, InlineKeyboardMarkup, InputFile, KeyboardButton, KeyboardMarkup, ParseMode,
};

use super::*;

#[tokio::test]
async fn messages_are_checked_as_telegram_does() {
    let (tg, ivan) = ivan().await;
    let stranger = tg.user("Пётр");
    let send = async |extra: Value| {
        let mut params = json!({"chat_id": ivan.id, "text": "Да"});
        params.as_object_mut().unwrap().extend(extra.as_object().unwrap().clone());
        let (status, body) = call(&tg, "sendMessage", params).await;
        format!("{status} {}", body["description"].as_str().unwrap_or("ok"))
    };
    let button = |button: Value| json!({"reply_markup": {"inline_keyboard": [[button]]}});
    for (params, answer) in [
        (json!({"text": ""}), "400 Bad Request: message text is empty"),
        (json!({"text": " \n"}), "400 Bad Request: text must be non-empty"),
        (json!({"text": "<b></b>", "parse_mode": "HTML"}), "400 Bad Request: text must be non-empty"),
        (json!({"text": "ж".repeat(4096)}), "200 ok"),
        (json!({"text": "ж".repeat(4097)}), "400 Bad Request: message is too long"),
        (json!({"text": "🚗".repeat(2049)}), "400 Bad Request: message is too long"),
        (json!({"text": format!("<b>{}</b>", "ж".repeat(4096)), "parse_mode": "HTML"}), "200 ok"),
        (json!({"chat_id": 42}), "400 Bad Request: chat not found"),
        (json!({"chat_id": stranger.id}), "400 Bad Request: chat not found"),
        (json!({"chat_id": ""}), "400 Bad Request: chat_id is empty"),
        (
            json!({"text": "a < b", "parse_mode": "HTML"}),
            "400 Bad Request: can't parse entities: Unclosed start tag at byte offset 2",
        ),
        (
            json!({"text": "<b>x", "parse_mode": "HTML"}),
            "400 Bad Request: can't parse entities: Can't find end tag corresponding to start tag \"b\"",
        ),
        (
            json!({"text": "<b>x</i>", "parse_mode": "HTML"}),
            "400 Bad Request: can't parse entities: Unmatched end tag at byte offset 4, \
             expected \"</b>\", found \"</i>\"",
        ),
        (
            json!({"text": "<div>x</div>", "parse_mode": "HTML"}),
            "400 Bad Request: can't parse entities: Unsupported start tag \"div\" at byte offset 0",
        ),
        (button(json!({"text": "ok", "callback_data": "x".repeat(64)})), "200 ok"),
        (button(json!({"text": "x", "callback_data": "ж".repeat(33)})), "400 Bad Request: BUTTON_DATA_INVALID"),
        (button(json!({"text": "x", "url": "https://auto.ru/1"})), "200 ok"),
        (button(json!({"text": "x", "url": "auto"})), "400 Bad Request: BUTTON_URL_INVALID"),
        (
            button(json!({"text": "x"})),
            "400 Bad Request: can't parse inline keyboard button: Text buttons are unallowed in the inline keyboard",
        ),
        (
            json!({"reply_markup": {"inline_keyboard": [[]], "keyboard": [["x"]]}}),
            "400 Bad Request: the fake Telegram takes one kind of reply markup at a time",
        ),
        (json!({"reply_markup": {"keyboard": [["Пропустить"]]}}), "200 ok"),
        (json!({"reply_parameters": {"message_id": 77777}}), "400 Bad Request: message to be replied not found"),
    ] {
        assert_eq!(send(params.clone()).await, answer, "{params}");
    }
    stranger.say("привет");
    assert_eq!(send(json!({"chat_id": stranger.id})).await, "200 ok");
    stranger.blocks_bot();
    assert_eq!(send(json!({"chat_id": stranger.id})).await, "403 Forbidden: bot was blocked by the user");
    stranger.unblocks();
    assert_eq!(send(json!({"chat_id": stranger.id})).await, "200 ok");
    stranger.deactivated();
    assert_eq!(send(json!({"chat_id": stranger.id})).await, "403 Forbidden: user is deactivated");
}

#[tokio::test]
async fn what_teloxide_sends_is_what_the_buyer_gets() {
    let (tg, ivan) = ivan().await;
    let (bot, chat) = (teloxide(&tg), ChatId(ivan.id));
    assert_eq!(bot.get_me().await.unwrap().username(), "avto_zayavka_bot");
    let html = bot.send_message(chat, "  Заявка <b>№&#49;</b> &lt;принята&gt; & <a href=\"https://a.ru\">тут</a>");
    let sent = html.parse_mode(ParseMode::Html).await.unwrap();
    assert_eq!(sent.text(), Some("Заявка №1 <принята> & тут"));
    assert_eq!(sent.parse_entities().unwrap()[0].text(), "№1");

    let phone = KeyboardButton::new("Мой номер").request(teloxide::types::ButtonRequest::Contact);
    let keyboard = KeyboardMarkup::new([[phone]]).resize_keyboard();
    bot.send_message(chat, "Телефон?").reply_markup(keyboard).await.unwrap();
    let asked = ivan.messages().pop().unwrap();
    assert!(asked.keyboard.as_ref().unwrap().rows[0][0].request_contact);
    let remove = teloxide::types::KeyboardRemove::new();
    bot.send_message(chat, "Спасибо").reply_markup(remove).await.unwrap();
    assert!(ivan.messages().pop().unwrap().removed_keyboard);

    let file = InputFile::memory(b"[1,2]".to_vec()).file_name("backup_leads.json");
    let sent = bot.send_document(chat, file).caption("Копия").await.unwrap();
    assert_eq!(sent.document().unwrap().file_name.as_deref(), Some("backup_leads.json"));
    let message = ivan.messages().pop().unwrap();
    assert_eq!(message.document, Some(("backup_leads.json".to_owned(), b"[1,2]".to_vec())));
    assert_eq!(message.text, "Копия");

    bot.send_chat_action(chat, teloxide::types::ChatAction::Typing).await.unwrap();
    assert_eq!(bot.get_chat(chat).await.unwrap().first_name(), Some("Иван"));
    let start = teloxide::types::BotCommand::new("start", "Новая заявка");
    let private = teloxide::types::BotCommandScope::AllPrivateChats;
    bot.set_my_commands([start.clone()]).scope(private.clone()).language_code("ru").await.unwrap();
    assert_eq!(tg.commands("all_private_chats", "ru"), [("start".to_owned(), "Новая заявка".to_owned())]);
    assert_eq!(bot.get_my_commands().scope(private.clone()).language_code("ru").await.unwrap(), [start]);
    bot.delete_my_commands().scope(private).language_code("ru").await.unwrap();
    assert!(tg.commands("all_private_chats", "ru").is_empty());
    let bad = json!({"commands": [{"command": "Новая", "description": "x"}]});
    assert_eq!(refused(&tg, "setMyCommands", bad).await, "400 Bad Request: BOT_COMMAND_INVALID");
    bot.set_my_description().description("Бот").await.unwrap();
    assert_eq!(bot.get_my_description().await.unwrap().description, "Бот");
}

#[tokio::test]
async fn presses_edits_and_deletions() {
    let (tg, ivan) = ivan().await;
    let (bot, chat) = (teloxide(&tg), ChatId(ivan.id));
    let keyboard = |data: &str| InlineKeyboardMarkup::new([[InlineKeyboardButton::callback("Кнопка", data)]]);
    assert!(ivan.press("submit").is_err());
    let first = bot.send_message(chat, "Первое").reply_markup(keyboard("submit")).await.unwrap();
    let second = bot.send_message(chat, "Второе").reply_markup(keyboard("submit")).await.unwrap();
    let pressed = ivan.press("submit").unwrap();
    let on = |update: &Value| update["callback_query"]["message"]["message_id"].clone();
    assert_eq!(on(&tg.pending()[0]), second.id.0);
    ivan.press_on(first.id.0, "submit").unwrap();
    assert_eq!(on(&tg.pending()[1]), first.id.0);

    let answer = json!({"callback_query_id": pressed, "text": "Готово", "show_alert": true});
    let too_long = json!({"callback_query_id": pressed, "text": "ж".repeat(201)});
    assert_eq!(refused(&tg, "answerCallbackQuery", too_long).await, "400 Bad Request: MESSAGE_TOO_LONG");
    ok(&tg, "answerCallbackQuery", answer.clone()).await;
    let old = "400 Bad Request: query is too old and response timeout expired or query ID is invalid";
    assert_eq!(refused(&tg, "answerCallbackQuery", answer).await, old);
    let expired = ivan.press("submit").unwrap();
    tg.expire_callbacks();
    assert_eq!(refused(&tg, "answerCallbackQuery", json!({"callback_query_id": expired})).await, old);
    assert_eq!(tg.callback_answers()[0].text.as_deref(), Some("Готово"));

    bot.edit_message_text(chat, first.id, "Правка").reply_markup(keyboard("submit")).await.unwrap();
    let same = bot.edit_message_text(chat, first.id, "Правка").reply_markup(keyboard("submit")).await;
    assert!(matches!(same, Err(teloxide::RequestError::Api(teloxide::ApiError::MessageNotModified))));
    bot.edit_message_reply_markup(chat, first.id).await.unwrap();
    let edited = &ivan.messages()[0];
    assert_eq!((edited.text.as_str(), edited.edited, edited.buttons.len()), ("Правка", true, 0));
    assert!(ivan.press_on(first.id.0, "submit").is_ok());
    bot.delete_message(chat, second.id).await.unwrap();
    assert!(ivan.press("submit").is_err() && ivan.press_on(second.id.0, "submit").is_err());
    let gone = json!({"chat_id": ivan.id, "message_id": second.id.0, "text": "?"});
    assert_eq!(refused(&tg, "deleteMessage", gone.clone()).await, "400 Bad Request: message to delete not found");
    assert_eq!(refused(&tg, "editMessageText", gone).await, "400 Bad Request: message to edit not found");
    let theirs = json!({"chat_id": ivan.id, "message_id": ivan.say("моё"), "text": "?"});
    assert_eq!(refused(&tg, "editMessageText", theirs).await, "400 Bad Request: message can't be edited");
    let keyed = bot
        .send_message(chat, "С клавиатурой")
        .reply_markup(KeyboardMarkup::new([["А"]].map(|row| row.map(KeyboardButton::new))))
        .await
        .unwrap();
    assert!(bot.edit_message_text(chat, keyed.id, "Нельзя").await.is_err());
}

/// The product's own client, for what its own commands do not send yet.
#[tokio::test]
async fn files_go_as_a_document_or_as_a_picture_that_is_shown() {
    use amocrm_lead_bot::{
        clock::Clock,
        config::{Proxy, RouteSettings, TelegramSettings},
        lead::ChatRef,
        telegram::{
            client::{Attachment, Telegram},
            groups::Groups,
        },
    };
    let (tg, ivan) = ivan().await;
    let routes = vec![RouteSettings { api_url: tg.url().parse().unwrap(), proxy: Proxy::Unset }];
    let settings = TelegramSettings { token: tg.token().into(), routes };
    let client = Telegram::new(&settings, Clock::default(), Groups::new(Vec::new())).unwrap();
    for (file, field) in [
        (Attachment::document("leads.json", b"[]".to_vec()), "document"),
        (Attachment::picture("week.png", b"\x89PNG".to_vec()), "photo"),
    ] {
        client.send_file(ChatRef::telegram(ivan.id), file, "Подпись".into()).await.unwrap();
        let message = tg.chat(ivan.id).pop().unwrap();
        assert_eq!(message.text, "Подпись", "{field}");
        assert!(message.raw.get(field).is_some(), "{field}: {}", message.raw);
    }
    let sent = tg.chat(ivan.id).into_iter().filter_map(|message| message.document).collect::<Vec<_>>();
    assert_eq!(sent, [("leads.json".into(), b"[]".to_vec()), ("week.png".into(), b"\x89PNG".to_vec())]);
}
