//! getUpdates and the shapes of updates.

use std::time::{Duration, Instant};

use serde_json::json;
use teloxide::prelude::*;
use teloxide::types::{AllowedUpdate, InlineKeyboardButton, InlineKeyboardMarkup, UpdateKind};

use super::*;
use testkit::fakes::telegram::FakeTelegram;

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
    let sent = bot.send_message(ChatId(ivan.id), "Так?").reply_markup(markup).await.unwrap();
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
    assert_eq!(messages[1].parse_entities().unwrap()[0].text(), "https://auto.ru/1");
    assert_eq!(messages[0].from.as_ref().unwrap().language_code.as_deref(), Some("ru"));
    assert_eq!(messages[2].contact().unwrap().user_id, Some(UserId(ivan.id as u64)));
    assert_eq!(messages[3].contact().unwrap().user_id, Some(UserId(42)));
    assert!(messages[4].sticker().is_some() && messages[5].photo().is_some());
    assert_eq!(messages[6].caption(), Some("моя машина"));
    assert!(messages[7].voice().is_some() && messages[8].location().is_some());
    assert!(messages[10].chat.is_supergroup());
    assert!(matches!(&updates[10].kind, UpdateKind::EditedMessage(m) if m.text() == Some("вот https://auto.ru/2")));
    assert!(matches!(&updates[11].kind, UpdateKind::CallbackQuery(q) if q.regular_message().is_none()));
    let UpdateKind::CallbackQuery(query) = &updates[12].kind else { panic!() };
    assert_eq!(query.data.as_deref(), Some("yes"));
    assert_eq!(query.regular_message().unwrap().id, sent.id);
    assert!(matches!(&updates[13].kind, UpdateKind::MyChatMember(m) if m.new_chat_member.is_banned()));
    assert!(matches!(&updates[14].kind, UpdateKind::MyChatMember(m) if m.new_chat_member.is_member()));

    tg.raw_update(json!({"moon_phase": {"full": true}}));
    tg.raw_update(json!({"message": {"message_id": "seven"}}));
    let offset = updates.last().unwrap().id.as_offset();
    let unknown = bot.get_updates().offset(offset).await.unwrap();
    assert!(unknown.iter().all(|update| matches!(update.kind, UpdateKind::Error(_))));
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
    let all = update_ids(&tg, json!({})).await;
    assert_eq!(all, [all[0], all[0] + 1, all[0] + 2, all[0] + 3]);
    assert_eq!(update_ids(&tg, json!({"limit": 2})).await, all[..2]);
    assert_eq!(update_ids(&tg, json!({"offset": all[1]})).await, all[1..]);
    assert_eq!(update_ids(&tg, json!({})).await, all[1..]);
    assert_eq!(update_ids(&tg, json!({"offset": all[0]})).await, all[1..]);
    assert_eq!(update_ids(&tg, json!({"offset": -1})).await, all[3..]);
    assert_eq!((tg.pending().len(), tg.confirmed(), tg.last_offset()), (1, all[3], Some(-1)));
    assert!(update_ids(&tg, json!({"offset": all[3] + 1})).await.is_empty());
    tg.wait_until_confirmed(SOON).await.unwrap();
    assert_eq!(tg.polls().len(), 7);
    assert_eq!(tg.polls()[1].given.as_deref(), Some(&all[..2]));

    // After a quiet week ids begin elsewhere, lower too, and an offset from before confirms nothing.
    tg.reset_update_ids(1000);
    ivan.say("неделю спустя");
    assert_eq!(update_ids(&tg, json!({"offset": all[3] + 1})).await, [1000]);
    assert_eq!(update_ids(&tg, json!({"offset": 1000})).await, [1000]);
    assert!(update_ids(&tg, json!({"offset": 1001})).await.is_empty());
}

#[tokio::test]
async fn a_long_poll_waits_for_an_update_or_its_time() {
    let (tg, ivan) = ivan().await;
    let poll = tokio::spawn({
        let tg = tg.clone();
        async move { update_ids(&tg, json!({"timeout": 30})).await }
    });
    tg.wait_for_poll(SOON).await.unwrap();
    ivan.say("привет");
    let got = tokio::time::timeout(SOON, poll).await.unwrap().unwrap();
    let [first] = got[..] else { panic!("{got:?}") };

    let began = Instant::now();
    assert!(update_ids(&tg, json!({"offset": first + 1, "timeout": 1})).await.is_empty());
    assert!(began.elapsed() >= Duration::from_millis(950));
    // The same offset again within 3 s, or as long as a busy machine may take: held, even without a timeout.
    tg.repeat_hold(SOON);
    let repeated = tokio::spawn({
        let tg = tg.clone();
        async move { update_ids(&tg, json!({"offset": first + 1})).await }
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
    let older = poll(&tg);
    assert_eq!(newer.await.unwrap().0, 409);
    ivan.say("привет");
    assert_eq!(older.await.unwrap().0, 200);

    // One whose client is gone is no poller any more.
    tg.reset_update_ids(5);
    let killed = poll(&tg);
    tg.wait_for_poll(SOON).await.unwrap();
    killed.abort();
    tg.wait_for_no_poll(SOON).await.unwrap();

    tg.reset_update_ids(5);
    let polling = poll(&tg);
    tg.wait_for_poll(SOON).await.unwrap();
    ok(&tg, "setWebhook", json!({"url": "https://example.com/hook"})).await;
    assert_eq!(polling.await.unwrap().1["description"], "Conflict: terminated by setWebhook request");
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
