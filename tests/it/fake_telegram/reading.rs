//! What a test reads: transcripts, waiting, events.

use std::time::Duration;

use serde_json::json;
use teloxide::prelude::*;
use teloxide::types::{InlineKeyboardButton, InlineKeyboardMarkup, KeyboardButton, KeyboardMarkup};

use super::*;
use testkit::fakes::telegram::{BotMessage, Event, FakeTelegram};

fn has(words: &str) -> impl Fn(&BotMessage) -> bool + use<> {
    let words = words.to_owned();
    move |message| message.text.contains(&words)
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
    bot.send_message(chat, "Здравствуйте!\nКак вас зовут?").await.unwrap();
    ivan.say("Иван");
    let phone = KeyboardButton::new("Отправить").request(teloxide::types::ButtonRequest::Contact);
    bot.send_message(chat, "Телефон?").reply_markup(KeyboardMarkup::new([[phone]])).await.unwrap();
    ivan.share_contact("79161234567");
    let rows = [
        vec![InlineKeyboardButton::callback("Отправить", "submit"), InlineKeyboardButton::callback("Имя", "edit:name")],
        vec![InlineKeyboardButton::url("Политика", "https://a.ru/p".parse().unwrap())],
    ];
    let card = bot.send_message(chat, "Всё верно?").reply_markup(InlineKeyboardMarkup::new(rows)).await.unwrap();
    let query = ivan.press("submit").unwrap();
    bot.answer_callback_query(teloxide::types::CallbackQueryId(query)).text("Секунду").await.unwrap();
    bot.edit_message_reply_markup(chat, card.id).await.unwrap();
    bot.edit_message_text(chat, card.id, "Заявка №7").await.unwrap();
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
    assert_eq!(seen, ["Здравствуйте!\nКак вас зовут?", "Телефон?", "Всё верно?", "Заявка №7"]);
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
    ok(&tg, "sendMessage", json!({"chat_id": ivan.id, "text": "Ваш номер 7"})).await;
    let found = waiting.await.unwrap().unwrap();
    assert_eq!(ivan.sees("номер").await, found);
    let after = tg.wait_for_new(ivan.id, found.message_id, has("номер"), Duration::from_millis(20)).await;
    assert!(after.unwrap_err().contains("Бот: Ваш номер 7"));
    let edit = json!({"chat_id": ivan.id, "message_id": found.message_id, "text": "Доставлено"});
    ok(&tg, "editMessageText", edit).await;
    ivan.sees("Доставлено").await;
    let id = ivan.say("привет");
    let update = tg.pending().pop().unwrap()["update_id"].as_i64().unwrap();
    update_ids(&tg, json!({"offset": update + 1})).await;
    assert!(matches!(events.recv().await.unwrap(), Event::BotSent(m) if m == found));
    assert!(matches!(events.recv().await.unwrap(), Event::BotEdited(m) if m.text == "Доставлено"));
    assert!(matches!(events.recv().await.unwrap(), Event::UpdateQueued(u) if u["message"]["message_id"] == id));
    assert!(matches!(events.recv().await.unwrap(), Event::Confirmed(offset) if offset == update + 1));
}
