//! The fake Telegram keeps its promise: what the documentation of the Bot API says, over real HTTP and with teloxide.

mod fakes;

use std::time::{Duration, Instant};

use fakes::telegram::{BotMessage, Event, FakeTelegram, FakeUser, Fault, On, TOKEN, Times};
use serde_json::{Value, json};
use teloxide::prelude::*;
use teloxide::types::{
    AllowedUpdate, InlineKeyboardButton, InlineKeyboardMarkup, InputFile, KeyboardButton,
    KeyboardMarkup, ParseMode, UpdateKind,
};

const SOON: Duration = Duration::from_secs(2);

fn url(tg: &FakeTelegram, method: &str) -> String {
    format!("{}/bot{TOKEN}/{method}", tg.url())
}

/// Calls a method with JSON and gives the HTTP status and the body.
async fn call(tg: &FakeTelegram, method: &str, params: Value) -> (u16, Value) {
    try_call(tg, method, params).await.expect("an HTTP answer")
}

async fn try_call(
    tg: &FakeTelegram,
    method: &str,
    params: Value,
) -> Result<(u16, Value), reqwest::Error> {
    let client = reqwest::Client::builder().no_proxy().build()?;
    let response = client.post(url(tg, method)).json(&params).send().await?;
    let status = response.status().as_u16();
    Ok((
        status,
        serde_json::from_str(&response.text().await?).unwrap_or(Value::Null),
    ))
}

async fn ok(tg: &FakeTelegram, method: &str, params: Value) -> Value {
    let (status, body) = call(tg, method, params).await;
    assert_eq!((status, &body["ok"]), (200, &json!(true)), "{body}");
    body["result"].clone()
}

/// Calls a method that must be refused and gives the error code and the description.
async fn refused(tg: &FakeTelegram, method: &str, params: Value) -> String {
    let (status, body) = call(tg, method, params).await;
    assert_eq!(body["ok"], false, "{body}");
    assert_eq!(body["error_code"], status);
    format!("{status} {}", body["description"].as_str().unwrap())
}

async fn updates(tg: &FakeTelegram, params: Value) -> Vec<i64> {
    let updates = ok(tg, "getUpdates", params).await;
    let ids = updates.as_array().unwrap().iter();
    ids.map(|update| update["update_id"].as_i64().unwrap())
        .collect()
}

fn teloxide(tg: &FakeTelegram) -> Bot {
    let client = teloxide::net::default_reqwest_settings()
        .no_proxy()
        .build()
        .unwrap();
    Bot::with_client(tg.token(), client).set_api_url(tg.url().parse().unwrap())
}

/// A world in which Иван has pressed /start and that update is out of the way.
async fn ivan() -> (FakeTelegram, FakeUser) {
    let tg = FakeTelegram::start().await;
    let ivan = tg.user("Иван").known();
    (tg, ivan)
}

fn has(words: &str) -> impl Fn(&BotMessage) -> bool + use<> {
    let words = words.to_owned();
    move |message| message.text.contains(&words)
}

#[tokio::test]
async fn tokens_methods_and_ways_to_pass_parameters() {
    let (tg, ivan) = ivan().await;
    let (id, secret) = TOKEN.split_once(':').unwrap();
    assert_eq!((id, secret.len()), ("123456", 35));
    let status = async |path: &str| {
        let response = reqwest::get(format!("{}/{path}", tg.url())).await.unwrap();
        let body: Value = response.json().await.unwrap();
        format!(
            "{} {}",
            body["error_code"],
            body["description"].as_str().unwrap_or("ok")
        )
    };
    let other = format!("654321:{secret}");
    assert_eq!(
        status(&format!("bot{other}/getMe")).await,
        "401 Unauthorized"
    );
    assert_eq!(status("botnonsense/getMe").await, "404 Not Found");
    assert_eq!(status("").await, "404 Not Found");
    assert_eq!(
        status(&format!("bot{TOKEN}/getMoon")).await,
        "404 Not Found: method not found"
    );
    assert_eq!(status(&format!("bot{TOKEN}/GETME")).await, "null ok");

    let chat_id = ivan.id.to_string();
    let query = [("chat_id", chat_id.as_str()), ("text", "запросом & так")];
    let client = reqwest::Client::new();
    client
        .get(url(&tg, "SendMessage"))
        .query(&query)
        .send()
        .await
        .unwrap();
    let keyboard = r#"{"inline_keyboard":[[{"text":"Да","callback_data":"yes"}]]}"#;
    let form = [
        ("chat_id", chat_id.as_str()),
        ("text", "[формой]"),
        ("reply_markup", keyboard),
    ];
    client
        .post(url(&tg, "sendmessage"))
        .form(&form)
        .send()
        .await
        .unwrap();
    ok(
        &tg,
        "sendMessage",
        json!({"chat_id": ivan.id, "text": "JSON", "reply_markup": keyboard}),
    )
    .await;
    let texts: Vec<_> = ivan
        .messages()
        .iter()
        .map(|message| message.text.clone())
        .collect();
    assert_eq!(texts, ["запросом & так", "[формой]", "JSON"]);
    assert!(ivan.messages()[1].has_button("yes") && ivan.messages()[2].has_button("yes"));
    assert_eq!(tg.calls("sendmessage").len(), 3);
    assert_eq!(
        tg.calls("sendMessage")[1].params["reply_markup"]["inline_keyboard"][0][0]["text"],
        "Да"
    );
    assert_eq!(tg.calls("sendMessage")[2].status, Some(200));
}

#[tokio::test]
async fn every_kind_of_update_is_one_that_teloxide_parses() {
    let tg = FakeTelegram::start().await;
    let bot = teloxide(&tg);
    let (ivan, group) = (tg.user("Иван"), tg.group("Продажи"));
    ivan.command("/start");
    ivan.say("вот https://auto.ru/1");
    ivan.share_contact("79161234567");
    ivan.share_contact_of("79160000000", 42);
    ivan.sticker();
    ivan.photo();
    ivan.photo_with_caption("моя машина");
    ivan.voice();
    ivan.location();
    ivan.message_with(json!({"hologram": {"depth": 3}}), "(голограмма)");
    ivan.edit_last("вот https://auto.ru/2");
    ivan.press_raw("submit");
    let markup = InlineKeyboardMarkup::new([[InlineKeyboardButton::callback("Да", "yes")]]);
    let sent = bot
        .send_message(ChatId(ivan.id), "Так?")
        .reply_markup(markup)
        .await
        .unwrap();
    ivan.press("yes").unwrap();
    ivan.blocks_bot();
    ivan.unblocks();
    ivan.say_in(&group, "всем привет");
    ivan.command_in(&group, "/start@avto_zayavka_bot");

    let updates = bot.get_updates().await.unwrap();
    assert_eq!(updates.len(), 17);
    for update in &updates {
        assert!(!matches!(update.kind, UpdateKind::Error(_)), "{update:?}");
    }
    let messages: Vec<&Message> = updates
        .iter()
        .filter_map(|update| match &update.kind {
            UpdateKind::Message(message) => Some(message),
            _ => None,
        })
        .collect();
    let entities = messages[0].parse_entities().unwrap();
    assert_eq!(entities[0].text(), "/start");
    assert_eq!(
        messages[1].parse_entities().unwrap()[0].text(),
        "https://auto.ru/1"
    );
    assert_eq!(
        messages[0].from.as_ref().unwrap().language_code.as_deref(),
        Some("ru")
    );
    assert_eq!(
        messages[2].contact().unwrap().user_id,
        Some(UserId(ivan.id as u64))
    );
    assert_eq!(messages[3].contact().unwrap().user_id, Some(UserId(42)));
    assert!(messages[4].sticker().is_some() && messages[5].photo().is_some());
    assert_eq!(messages[6].caption(), Some("моя машина"));
    assert!(messages[7].voice().is_some() && messages[8].location().is_some());
    assert!(messages[10].chat.is_supergroup());
    assert!(
        matches!(&updates[10].kind, UpdateKind::EditedMessage(m) if m.text() == Some("вот https://auto.ru/2"))
    );
    assert!(
        matches!(&updates[11].kind, UpdateKind::CallbackQuery(q) if q.regular_message().is_none())
    );
    let UpdateKind::CallbackQuery(query) = &updates[12].kind else {
        panic!()
    };
    assert_eq!(query.data.as_deref(), Some("yes"));
    assert_eq!(query.regular_message().unwrap().id, sent.id);
    assert!(
        matches!(&updates[13].kind, UpdateKind::MyChatMember(m) if m.new_chat_member.is_banned())
    );
    assert!(
        matches!(&updates[14].kind, UpdateKind::MyChatMember(m) if m.new_chat_member.is_member())
    );

    tg.raw_update(json!({"moon_phase": {"full": true}}));
    tg.raw_update(json!({"message": {"message_id": "seven"}}));
    let offset = updates.last().unwrap().id.as_offset();
    let unknown = bot.get_updates().offset(offset).await.unwrap();
    assert!(
        unknown
            .iter()
            .all(|update| matches!(update.kind, UpdateKind::Error(_)))
    );
    assert_eq!(unknown.len(), 2);
}

#[tokio::test]
async fn offsets_confirm_for_ever_and_the_rest_is_redelivered() {
    let tg = FakeTelegram::start().await;
    tg.hold_repeated_polls(false);
    let ivan = tg.user("Иван");
    for text in ["раз", "два", "три", "четыре"] {
        ivan.say(text);
    }
    let all = updates(&tg, json!({})).await;
    assert_eq!(all, [all[0], all[0] + 1, all[0] + 2, all[0] + 3]);
    assert_eq!(updates(&tg, json!({"limit": 2})).await, all[..2]);
    assert_eq!(updates(&tg, json!({"offset": all[1]})).await, all[1..]);
    assert_eq!(updates(&tg, json!({})).await, all[1..]);
    assert_eq!(updates(&tg, json!({"offset": all[0]})).await, all[1..]);
    assert_eq!(updates(&tg, json!({"offset": -1})).await, all[3..]);
    assert_eq!(
        (tg.pending().len(), tg.confirmed(), tg.last_offset()),
        (1, all[3], Some(-1))
    );
    assert!(updates(&tg, json!({"offset": all[3] + 1})).await.is_empty());
    tg.wait_until_confirmed(SOON).await.unwrap();
    assert_eq!(tg.polls().len(), 7);
    assert_eq!(tg.polls()[1].given.as_deref(), Some(&all[..2]));

    // After a quiet week ids begin elsewhere, lower too, and an offset from before confirms nothing.
    tg.reset_update_ids(1000);
    ivan.say("неделю спустя");
    assert_eq!(updates(&tg, json!({"offset": all[3] + 1})).await, [1000]);
    assert_eq!(updates(&tg, json!({"offset": 1000})).await, [1000]);
    assert!(updates(&tg, json!({"offset": 1001})).await.is_empty());
}

#[tokio::test]
async fn a_long_poll_waits_for_an_update_or_its_time() {
    let (tg, ivan) = ivan().await;
    let poll = tokio::spawn({
        let tg = tg.clone();
        async move { updates(&tg, json!({"timeout": 30})).await }
    });
    tg.wait_for_poll(SOON).await.unwrap();
    ivan.say("привет");
    let got = tokio::time::timeout(SOON, poll).await.unwrap().unwrap();
    let [first] = got[..] else { panic!("{got:?}") };

    let began = Instant::now();
    assert!(
        updates(&tg, json!({"offset": first + 1, "timeout": 1}))
            .await
            .is_empty()
    );
    assert!(began.elapsed() >= Duration::from_millis(950));
    // The same offset again within 3 s: held, even without a timeout.
    let repeated = tokio::spawn({
        let tg = tg.clone();
        async move { updates(&tg, json!({"offset": first + 1})).await }
    });
    tg.wait_for_poll(SOON).await.unwrap();
    ivan.say("ещё");
    assert_eq!(repeated.await.unwrap(), [first + 1]);
}

#[tokio::test]
async fn of_two_pollers_the_newer_ends_the_older() {
    let (tg, ivan) = ivan().await;
    let poll = |tg: &FakeTelegram| {
        let tg = tg.clone();
        tokio::spawn(async move { call(&tg, "getUpdates", json!({"timeout": 30})).await })
    };
    let older = poll(&tg);
    tg.wait_for_poll(SOON).await.unwrap();
    let newer = poll(&tg);
    let (status, body) = older.await.unwrap();
    assert_eq!(status, 409);
    assert_eq!(
        body["description"],
        "Conflict: terminated by other getUpdates request; make sure that only one bot instance is running"
    );
    ivan.say("привет");
    assert_eq!(newer.await.unwrap().0, 200);

    tg.reset_update_ids(5);
    let polling = poll(&tg);
    tg.wait_for_poll(SOON).await.unwrap();
    ok(
        &tg,
        "setWebhook",
        json!({"url": "https://example.com/hook"}),
    )
    .await;
    assert_eq!(
        polling.await.unwrap().1["description"],
        "Conflict: terminated by setWebhook request"
    );
    assert_eq!(
        refused(&tg, "getUpdates", json!({})).await,
        "409 Conflict: can't use getUpdates method while webhook is active; \
         use deleteWebhook to delete the webhook first"
    );
    ivan.say("в вебхук");
    ok(&tg, "deleteWebhook", json!({"drop_pending_updates": true})).await;
    assert!(tg.pending().is_empty());
}

#[tokio::test]
async fn allowed_updates_last_until_changed() {
    let (tg, ivan) = ivan().await;
    let bot = teloxide(&tg);
    let kinds = [AllowedUpdate::Message, AllowedUpdate::CallbackQuery];
    bot.get_updates().allowed_updates(kinds).await.unwrap();
    ivan.say("раз");
    ivan.edit_last("два");
    ivan.blocks_bot();
    assert_eq!(tg.pending().len(), 1);
    bot.get_updates().limit(1).await.unwrap();
    ivan.unblocks();
    assert_eq!(tg.pending().len(), 1);
    ok(&tg, "getUpdates", json!({"allowed_updates": []})).await;
    ivan.blocks_bot();
    assert_eq!(tg.pending().len(), 2);
}

#[tokio::test]
async fn messages_are_checked_as_telegram_does() {
    let (tg, ivan) = ivan().await;
    let stranger = tg.user("Пётр");
    let send = async |extra: Value| {
        let mut params = json!({"chat_id": ivan.id, "text": "Да"});
        params
            .as_object_mut()
            .unwrap()
            .extend(extra.as_object().unwrap().clone());
        let (status, body) = call(&tg, "sendMessage", params).await;
        format!("{status} {}", body["description"].as_str().unwrap_or("ok"))
    };
    let button = |button: Value| json!({"reply_markup": {"inline_keyboard": [[button]]}});
    for (params, answer) in [
        (
            json!({"text": ""}),
            "400 Bad Request: message text is empty",
        ),
        (
            json!({"text": " \n"}),
            "400 Bad Request: text must be non-empty",
        ),
        (
            json!({"text": "<b></b>", "parse_mode": "HTML"}),
            "400 Bad Request: text must be non-empty",
        ),
        (json!({"text": "ж".repeat(4096)}), "200 ok"),
        (
            json!({"text": "ж".repeat(4097)}),
            "400 Bad Request: message is too long",
        ),
        (
            json!({"text": "🚗".repeat(2049)}),
            "400 Bad Request: message is too long",
        ),
        (
            json!({"text": format!("<b>{}</b>", "ж".repeat(4096)), "parse_mode": "HTML"}),
            "200 ok",
        ),
        (json!({"chat_id": 42}), "400 Bad Request: chat not found"),
        (
            json!({"chat_id": stranger.id}),
            "400 Bad Request: chat not found",
        ),
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
        (
            button(json!({"text": "ok", "callback_data": "x".repeat(64)})),
            "200 ok",
        ),
        (
            button(json!({"text": "x", "callback_data": "ж".repeat(33)})),
            "400 Bad Request: BUTTON_DATA_INVALID",
        ),
        (
            button(json!({"text": "x", "url": "https://auto.ru/1"})),
            "200 ok",
        ),
        (
            button(json!({"text": "x", "url": "auto"})),
            "400 Bad Request: BUTTON_URL_INVALID",
        ),
        (
            button(json!({"text": "x"})),
            "400 Bad Request: can't parse inline keyboard button: Text buttons are unallowed in the inline keyboard",
        ),
        (
            json!({"reply_markup": {"inline_keyboard": [[]], "keyboard": [["x"]]}}),
            "400 Bad Request: the fake Telegram takes one kind of reply markup at a time",
        ),
        (
            json!({"reply_markup": {"keyboard": [["Пропустить"]]}}),
            "200 ok",
        ),
        (
            json!({"reply_parameters": {"message_id": 77777}}),
            "400 Bad Request: message to be replied not found",
        ),
    ] {
        assert_eq!(send(params.clone()).await, answer, "{params}");
    }
    stranger.say("привет");
    assert_eq!(send(json!({"chat_id": stranger.id})).await, "200 ok");
    stranger.blocks_bot();
    assert_eq!(
        send(json!({"chat_id": stranger.id})).await,
        "403 Forbidden: bot was blocked by the user"
    );
    stranger.unblocks();
    assert_eq!(send(json!({"chat_id": stranger.id})).await, "200 ok");
    stranger.deactivated();
    assert_eq!(
        send(json!({"chat_id": stranger.id})).await,
        "403 Forbidden: user is deactivated"
    );
}

#[tokio::test]
async fn what_teloxide_sends_is_what_the_buyer_gets() {
    let (tg, ivan) = ivan().await;
    let (bot, chat) = (teloxide(&tg), ChatId(ivan.id));
    assert_eq!(bot.get_me().await.unwrap().username(), "avto_zayavka_bot");
    let html = bot.send_message(
        chat,
        "  Заявка <b>№&#49;</b> &lt;принята&gt; & <a href=\"https://a.ru\">тут</a>",
    );
    let sent = html.parse_mode(ParseMode::Html).await.unwrap();
    assert_eq!(sent.text(), Some("Заявка №1 <принята> & тут"));
    assert_eq!(sent.parse_entities().unwrap()[0].text(), "№1");

    let phone = KeyboardButton::new("Мой номер").request(teloxide::types::ButtonRequest::Contact);
    let keyboard = KeyboardMarkup::new([[phone]]).resize_keyboard();
    bot.send_message(chat, "Телефон?")
        .reply_markup(keyboard)
        .await
        .unwrap();
    let asked = ivan.messages().pop().unwrap();
    assert!(asked.keyboard.as_ref().unwrap().rows[0][0].request_contact);
    let remove = teloxide::types::KeyboardRemove::new();
    bot.send_message(chat, "Спасибо")
        .reply_markup(remove)
        .await
        .unwrap();
    assert!(ivan.messages().pop().unwrap().removed_keyboard);

    let file = InputFile::memory(b"[1,2]".to_vec()).file_name("backup_leads.json");
    let sent = bot
        .send_document(chat, file)
        .caption("Копия")
        .await
        .unwrap();
    assert_eq!(
        sent.document().unwrap().file_name.as_deref(),
        Some("backup_leads.json")
    );
    let message = ivan.messages().pop().unwrap();
    assert_eq!(
        message.document,
        Some(("backup_leads.json".to_owned(), b"[1,2]".to_vec()))
    );
    assert_eq!(message.text, "Копия");

    bot.send_chat_action(chat, teloxide::types::ChatAction::Typing)
        .await
        .unwrap();
    assert_eq!(bot.get_chat(chat).await.unwrap().first_name(), Some("Иван"));
    let start = teloxide::types::BotCommand::new("start", "Новая заявка");
    let private = teloxide::types::BotCommandScope::AllPrivateChats;
    bot.set_my_commands([start.clone()])
        .scope(private.clone())
        .language_code("ru")
        .await
        .unwrap();
    assert_eq!(
        tg.commands("all_private_chats", "ru"),
        [("start".to_owned(), "Новая заявка".to_owned())]
    );
    assert_eq!(
        bot.get_my_commands()
            .scope(private.clone())
            .language_code("ru")
            .await
            .unwrap(),
        [start]
    );
    bot.delete_my_commands()
        .scope(private)
        .language_code("ru")
        .await
        .unwrap();
    assert!(tg.commands("all_private_chats", "ru").is_empty());
    let bad = json!({"commands": [{"command": "Новая", "description": "x"}]});
    assert_eq!(
        refused(&tg, "setMyCommands", bad).await,
        "400 Bad Request: BOT_COMMAND_INVALID"
    );
    bot.set_my_description().description("Бот").await.unwrap();
    assert_eq!(bot.get_my_description().await.unwrap().description, "Бот");
}

#[tokio::test]
async fn presses_edits_and_deletions() {
    let (tg, ivan) = ivan().await;
    let (bot, chat) = (teloxide(&tg), ChatId(ivan.id));
    let keyboard =
        |data: &str| InlineKeyboardMarkup::new([[InlineKeyboardButton::callback("Кнопка", data)]]);
    assert!(ivan.press("submit").is_err());
    let first = bot
        .send_message(chat, "Первое")
        .reply_markup(keyboard("submit"))
        .await
        .unwrap();
    let second = bot
        .send_message(chat, "Второе")
        .reply_markup(keyboard("submit"))
        .await
        .unwrap();
    let pressed = ivan.press("submit").unwrap();
    let on = |update: &Value| update["callback_query"]["message"]["message_id"].clone();
    assert_eq!(on(&tg.pending()[0]), second.id.0);
    ivan.press_on(first.id.0, "submit").unwrap();
    assert_eq!(on(&tg.pending()[1]), first.id.0);

    let answer = json!({"callback_query_id": pressed, "text": "Готово", "show_alert": true});
    let too_long = json!({"callback_query_id": pressed, "text": "ж".repeat(201)});
    assert_eq!(
        refused(&tg, "answerCallbackQuery", too_long).await,
        "400 Bad Request: MESSAGE_TOO_LONG"
    );
    ok(&tg, "answerCallbackQuery", answer.clone()).await;
    let old =
        "400 Bad Request: query is too old and response timeout expired or query ID is invalid";
    assert_eq!(refused(&tg, "answerCallbackQuery", answer).await, old);
    let expired = ivan.press("submit").unwrap();
    tg.expire_callbacks();
    assert_eq!(
        refused(
            &tg,
            "answerCallbackQuery",
            json!({"callback_query_id": expired})
        )
        .await,
        old
    );
    assert_eq!(tg.callback_answers()[0].text.as_deref(), Some("Готово"));

    bot.edit_message_text(chat, first.id, "Правка")
        .reply_markup(keyboard("submit"))
        .await
        .unwrap();
    let same = bot
        .edit_message_text(chat, first.id, "Правка")
        .reply_markup(keyboard("submit"))
        .await;
    assert!(matches!(
        same,
        Err(teloxide::RequestError::Api(
            teloxide::ApiError::MessageNotModified
        ))
    ));
    bot.edit_message_reply_markup(chat, first.id).await.unwrap();
    let edited = &ivan.messages()[0];
    assert_eq!(
        (edited.text.as_str(), edited.edited, edited.buttons.len()),
        ("Правка", true, 0)
    );
    assert!(ivan.press_on(first.id.0, "submit").is_ok());
    bot.delete_message(chat, second.id).await.unwrap();
    assert!(ivan.press("submit").is_err() && ivan.press_on(second.id.0, "submit").is_err());
    let gone = json!({"chat_id": ivan.id, "message_id": second.id.0, "text": "?"});
    assert_eq!(
        refused(&tg, "deleteMessage", gone.clone()).await,
        "400 Bad Request: message to delete not found"
    );
    assert_eq!(
        refused(&tg, "editMessageText", gone).await,
        "400 Bad Request: message to edit not found"
    );
    let theirs = json!({"chat_id": ivan.id, "message_id": ivan.say("моё"), "text": "?"});
    assert_eq!(
        refused(&tg, "editMessageText", theirs).await,
        "400 Bad Request: message can't be edited"
    );
    let keyed = bot
        .send_message(chat, "С клавиатурой")
        .reply_markup(KeyboardMarkup::new(
            [["А"]].map(|row| row.map(KeyboardButton::new)),
        ))
        .await
        .unwrap();
    assert!(
        bot.edit_message_text(chat, keyed.id, "Нельзя")
            .await
            .is_err()
    );
}

#[tokio::test]
async fn a_conversation_reads_like_one() {
    let (tg, bot) = {
        let tg = FakeTelegram::start().await;
        (tg.clone(), teloxide(&tg))
    };
    let ivan = tg.user("Иван");
    let chat = ChatId(ivan.id);
    ivan.command("/start");
    bot.send_message(chat, "Здравствуйте!\nКак вас зовут?")
        .await
        .unwrap();
    ivan.say("Иван");
    let phone = KeyboardButton::new("Отправить").request(teloxide::types::ButtonRequest::Contact);
    bot.send_message(chat, "Телефон?")
        .reply_markup(KeyboardMarkup::new([[phone]]))
        .await
        .unwrap();
    ivan.share_contact("79161234567");
    let rows = [
        vec![
            InlineKeyboardButton::callback("Отправить", "submit"),
            InlineKeyboardButton::callback("Имя", "edit:name"),
        ],
        vec![InlineKeyboardButton::url(
            "Политика",
            "https://a.ru/p".parse().unwrap(),
        )],
    ];
    let card = bot
        .send_message(chat, "Всё верно?")
        .reply_markup(InlineKeyboardMarkup::new(rows))
        .await
        .unwrap();
    let query = ivan.press("submit").unwrap();
    bot.answer_callback_query(teloxide::types::CallbackQueryId(query))
        .text("Секунду")
        .await
        .unwrap();
    bot.edit_message_reply_markup(chat, card.id).await.unwrap();
    bot.edit_message_text(chat, card.id, "Заявка №7")
        .await
        .unwrap();
    ivan.edit_last("Пётр");
    bot.delete_message(chat, card.id).await.unwrap();
    ivan.sticker();
    ivan.blocks_bot();
    assert_eq!(
        ivan.transcript(),
        "\
Иван: /start
Бот: Здравствуйте!
     Как вас зовут?
Иван: Иван
Бот: Телефон?
     ⌨[Отправить (номер телефона)]
Иван: (свой номер 79161234567)
Бот: Всё верно?
     [Отправить] [Имя]
     [Политика → https://a.ru/p]
Иван нажимает [Отправить]
Бот (всплывает): Секунду
     (кнопки убраны: «Всё верно?»)
Бот (правка): Заявка №7
Иван (правка): Пётр
     (бот удалил: «Заявка №7»)
Иван: (стикер 👍)
Иван блокирует бота
"
    );
    let seen: Vec<String> = tg.ledger().into_iter().map(|seen| seen.text).collect();
    assert_eq!(
        seen,
        [
            "Здравствуйте!\nКак вас зовут?",
            "Телефон?",
            "Всё верно?",
            "Заявка №7"
        ]
    );
}

#[tokio::test]
async fn waiting_is_for_events_and_says_what_happened_instead() {
    let (tg, ivan) = ivan().await;
    let mut events = tg.subscribe();
    let waiting = tokio::spawn({
        let (tg, id) = (tg.clone(), ivan.id);
        async move { tg.wait_for(id, has("номер"), SOON).await }
    });
    tokio::task::yield_now().await;
    ok(
        &tg,
        "sendMessage",
        json!({"chat_id": ivan.id, "text": "Ваш номер 7"}),
    )
    .await;
    let found = waiting.await.unwrap().unwrap();
    assert_eq!(ivan.sees("номер").await, found);
    let after = tg
        .wait_for_new(
            ivan.id,
            found.message_id,
            has("номер"),
            Duration::from_millis(20),
        )
        .await;
    assert!(after.unwrap_err().contains("Бот: Ваш номер 7"));
    let edit = json!({"chat_id": ivan.id, "message_id": found.message_id, "text": "Доставлено"});
    ok(&tg, "editMessageText", edit).await;
    ivan.sees("Доставлено").await;
    let id = ivan.say("привет");
    let update = tg.pending().pop().unwrap()["update_id"].as_i64().unwrap();
    updates(&tg, json!({"offset": update + 1})).await;
    assert!(matches!(events.recv().await.unwrap(), Event::BotSent(m) if m == found));
    assert!(matches!(events.recv().await.unwrap(), Event::BotEdited(m) if m.text == "Доставлено"));
    assert!(
        matches!(events.recv().await.unwrap(), Event::UpdateQueued(u) if u["message"]["message_id"] == id)
    );
    assert!(
        matches!(events.recv().await.unwrap(), Event::Confirmed(offset) if offset == update + 1)
    );
}

#[tokio::test]
async fn faults_that_answer() {
    let (tg, ivan) = ivan().await;
    let send = || json!({"chat_id": ivan.id, "text": "Да"});
    tg.fault(On::method("sendMessage"), Fault::Status(502), Times::N(1));
    tg.fault(
        On::method("SENDMESSAGE"),
        Fault::TooManyRequests { retry_after: 7 },
        Times::N(1),
    );
    tg.fault(On::all(), Fault::Garbage, Times::N(1));
    tg.fault(On::all().chat(ivan.id), Fault::Unauthorized, Times::N(1));
    tg.fault(On::all(), Fault::NotFound, Times::UntilCleared);
    assert_eq!(call(&tg, "sendMessage", send()).await, (502, Value::Null));
    let (status, body) = call(&tg, "sendMessage", send()).await;
    assert_eq!(
        (status, &body["parameters"]["retry_after"]),
        (429, &json!(7))
    );
    assert_eq!(body["description"], "Too Many Requests: retry after 7");
    assert_eq!(call(&tg, "getMe", json!({})).await, (200, Value::Null));
    assert_eq!(refused(&tg, "getMe", json!({})).await, "404 Not Found");
    assert_eq!(
        refused(&tg, "sendMessage", send()).await,
        "401 Unauthorized"
    );
    assert_eq!(refused(&tg, "sendMessage", send()).await, "404 Not Found");
    assert!(ivan.messages().is_empty());
    tg.clear_faults();
    tg.fault(
        On::all(),
        Fault::Slow(Duration::from_millis(80)),
        Times::N(1),
    );
    let began = Instant::now();
    ok(&tg, "sendMessage", send()).await;
    assert!(began.elapsed() >= Duration::from_millis(80));
    assert_eq!(tg.calls("sendMessage")[0].fault, Some(Fault::Status(502)));
}

#[tokio::test]
async fn faults_that_cut_and_hang() {
    let (tg, ivan) = ivan().await;
    let maria = tg.user("Мария").known();
    let send = |user: &FakeUser| json!({"chat_id": user.id, "text": "Да"});
    tg.fault(
        On::method("sendMessage").chat(ivan.id),
        Fault::CutBefore,
        Times::N(1),
    );
    let cut = try_call(&tg, "sendMessage", send(&ivan)).await.unwrap_err();
    assert!(
        cut.is_request() && cut.status().is_none() && !cut.is_timeout(),
        "{cut:?}"
    );
    assert!(ivan.messages().is_empty());
    tg.fault(
        On::method("sendMessage").chat(ivan.id),
        Fault::CutAfter,
        Times::N(1),
    );
    ok(&tg, "sendMessage", send(&maria)).await;
    let bot = teloxide(&tg);
    let cut = bot.send_message(ChatId(ivan.id), "Да").await.unwrap_err();
    assert!(matches!(cut, teloxide::RequestError::Network(_)), "{cut:?}");
    assert_eq!(ivan.messages().len(), 1);
    assert_eq!(tg.calls("sendMessage").last().unwrap().status, None);

    // The updates were confirmed although the answer never came.
    ivan.say("раз");
    let id = tg.pending()[0]["update_id"].as_i64().unwrap();
    tg.fault(On::method("getUpdates"), Fault::CutAfter, Times::N(1));
    ivan.say("два");
    assert!(
        try_call(&tg, "getUpdates", json!({"offset": id + 1}))
            .await
            .is_err()
    );
    assert_eq!(tg.pending().len(), 1);

    tg.fault(On::method("sendMessage"), Fault::Hang, Times::UntilCleared);
    let hanging = tokio::spawn({
        let (tg, params) = (tg.clone(), send(&maria));
        async move { call(&tg, "sendMessage", params).await }
    });
    tg.wait_for_calls("sendMessage", 4, SOON).await.unwrap();
    let impatient = reqwest::Client::builder()
        .timeout(Duration::from_millis(30))
        .build()
        .unwrap();
    let gone = impatient
        .post(url(&tg, "sendMessage"))
        .json(&send(&maria))
        .send()
        .await;
    assert!(gone.unwrap_err().is_timeout());
    tokio::time::sleep(Duration::from_millis(20)).await;
    assert_eq!(maria.messages().len(), 1);
    tg.clear_faults();
    assert_eq!(hanging.await.unwrap().0, 200);
    assert_eq!(maria.messages().len(), 2);
}

#[tokio::test]
async fn the_network_goes_down_and_comes_back() {
    let (tg, ivan) = ivan().await;
    let poll = tokio::spawn({
        let tg = tg.clone();
        async move { try_call(&tg, "getUpdates", json!({"timeout": 30})).await }
    });
    tg.wait_for_poll(SOON).await.unwrap();
    tg.stop().await;
    assert!(poll.await.unwrap().is_err());
    assert!(
        try_call(&tg, "getMe", json!({}))
            .await
            .unwrap_err()
            .is_connect()
    );
    ivan.say("вы тут?");
    let before = tg.url();
    tg.restart().await;
    assert_eq!(tg.url(), before);
    assert_eq!(updates(&tg, json!({})).await.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn two_hundred_buyers_at_once() {
    let tg = FakeTelegram::start().await;
    let bot = teloxide(&tg);
    let echo = tokio::spawn(async move {
        let mut offset = 0;
        loop {
            let updates = bot.get_updates().offset(offset).timeout(5).await.unwrap();
            let answers = updates.iter().map(|update| {
                let UpdateKind::Message(message) = &update.kind else {
                    panic!()
                };
                bot.send_message(message.chat.id, format!("эхо {}", message.text().unwrap()))
                    .into_future()
            });
            futures::future::try_join_all(answers).await.unwrap();
            offset = updates
                .last()
                .map_or(offset, |update| update.id.as_offset());
        }
    });
    let buyers = (0..200).map(|number| {
        let buyer = tg.user(&format!("Покупатель {number}"));
        tokio::spawn(async move {
            for step in 0..5 {
                buyer.say(&format!("шаг {step}"));
                buyer.sees(&format!("эхо шаг {step}")).await;
            }
        })
    });
    for buyer in buyers.collect::<Vec<_>>() {
        buyer.await.unwrap();
    }
    echo.abort();
    assert_eq!(tg.ledger().len(), 1000);
}
