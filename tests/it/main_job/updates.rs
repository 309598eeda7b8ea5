//! Updates of any kind, between two of a buyer who fills in a form: none ends the daemon, stands in the way, or makes
//! it deaf to what people said.

use std::time::Duration;

use serde_json::{Value, json};
use testkit::{
    buyer::CARD,
    fakes::telegram::{Fault, On, Times},
    world::{Buyer, PATIENCE, World},
};

fn chat(buyer: &Buyer) -> Value {
    json!({"id": buyer.user.id, "type": "private", "first_name": "Иван"})
}

/// How many updates were set aside, as `status` says.
async fn set_aside(world: &World) -> i64 {
    let status = world.run(&["status", "--json"]).await;
    let status: Value = serde_json::from_str(&status.stdout).unwrap_or_else(|_| panic!("{}", status.said()));
    status["updates_set_aside"].as_i64().expect("a count")
}

/// Goes on with the form whatever came before, to the lead.
async fn finishes(world: &mut World, buyer: &mut Buyer) {
    buyer.says("Иван Петров", "номер телефона").await;
    buyer.says("89991234567", "бюджет").await;
    buyer.says("2 млн", "ссылку").await;
    buyer.says("нет", CARD).await;
    world.delivered(&buyer.submits().await).await;
    world.telegram.wait_until_confirmed(PATIENCE).await.expect("no update stays at Telegram");
    assert!(world.is_up(), "{}", world.read("daemon.log"));
    buyer.never_read_of_an_error();
}

#[tokio::test]
async fn an_update_that_the_library_panics_on_kills_nobody() {
    let mut world = World::running().await;
    let mut ivan = world.buyer("Иван");
    ivan.begins().await;
    for update in [
        json!({"message_reaction": {"chat": chat(&ivan), "message_id": 1, "date": 1_790_000_000, "old_reaction": [],
            "new_reaction": []}}),
        json!({"poll_answer": {"poll_id": "5", "option_ids": [1]}}),
        json!({"message_reaction": {}}),
        json!({"chat_boost": {"chat": chat(&ivan), "boost": {"boost_id": "1", "source": {"source": "new"}}}}),
        json!({"my_chat_member": {"chat": chat(&ivan), "new_chat_member": {"status": "brand_new"}}}),
        json!({"channel_post": {"message_id": 1, "date": 1, "chat": {"id": -100, "type": "channel"}, "text": "x"}}),
        json!({"business_message": {"message_id": 1, "date": 1, "chat": chat(&ivan), "text": "Пётр"}}),
        json!({"brand_new": {"a": [1, 2, 3]}}),
        json!({"poll": null}),
    ] {
        world.telegram.raw_update(update);
    }
    finishes(&mut world, &mut ivan).await;
    assert_eq!(set_aside(&world).await, 0, "kinds that were not asked for are dropped");
    assert_eq!(ivan.has("только текст"), 0, "{}", ivan.user.transcript());
}

/// What people said is read whatever stands beside it.
#[tokio::test]
async fn words_are_understood_beside_what_no_library_knows() {
    let mut world = World::running().await;
    let beside = [
        json!({"entities": [{"type": "date_time", "offset": 0, "length": 4, "unix_time": 1}, {"offset": -1}]}),
        json!({"entities": [{"type": "text_link", "offset": 0, "length": 1, "url": "not an address"}]}),
        json!({"entities": "none"}),
        json!({"forward_origin": {"type": "brand_new", "date": 1}}),
        json!({"external_reply": {"origin": {"type": "user", "date": 1, "sender_user": {"id": 1}}}}),
        json!({"external_reply": {}}),
        json!({"reply_to_message": {"message_id": "x"}}),
        json!({"reply_markup": {"inline_keyboard": [[{"text": "x", "brand_new": {}}]]}}),
        json!({"reply_markup": {"keyboard": 5}}),
        json!({"via_bot": {"id": "x"}, "sender_chat": 5, "media_group_id": 7, "edit_date": "now"}),
        json!({"quote": null, "link_preview_options": 5, "message_thread_id": "x", "effect_id": 5}),
        json!({"contact": {"phone_number": "5"}, "photo": 5, "caption": "подпись"}),
        json!({"new_chat_title": "x", "pinned_message": {}, "giveaway": {}, "dice": {"emoji": "🎲", "value": 3}}),
        json!({"from": {"id": 77, "language_code": 5}}),
        json!({"from": "nobody", "date": "yesterday", "message_id": 1e300}),
        json!({"date": -5, "message_id": 4_294_967_296_i64}),
        json!({"date": 1e18, "chat_new": {"a": 1}}),
    ];
    for (at, fields) in beside.into_iter().enumerate() {
        let buyer = world.buyer(&format!("Покупатель {at}"));
        buyer.user.command("/start");
        let mut message = json!({"text": "Иван Петров"});
        for (name, value) in fields.as_object().expect("fields") {
            message[name] = value.clone();
        }
        buyer.user.message_with(message, "Иван Петров и что-то ещё");
        buyer.user.sees("номер телефона").await;
        assert_eq!(buyer.has("только текст"), 0, "{fields}\n{}", buyer.user.transcript());
    }

    let mut ivan = world.buyer("Иван");
    ivan.begins().await;
    ivan.user.message_with(
        json!({"rich_message": {"blocks": [{"type": "paragraph", "text": [{"type": "bold", "text": "Иван"}, " Петров"]}]}}),
        "Иван Петров",
    );
    ivan.hears("номер телефона").await;
    let contact = json!({"phone_number": "79991234567", "user_id": ivan.user.id, "vcard": 5, "brand_new": []});
    ivan.user.message_with(json!({"contact": contact, "forward_origin": {"type": "new"}}), "(свой номер)");
    ivan.hears("бюджет").await;
    ivan.says("2 млн", "ссылку").await;
    let link = "https://fem.encar.com/cars/detail/38427498";
    let behind = json!([{"type": "brand_new", "offset": 0, "length": 1}, {"type": "url", "offset": 0, "length": 5}]);
    ivan.user.message_with(
        json!({"live_photo": {"a": 1}, "paid_media": 7, "caption": link, "caption_entities": behind}),
        "(фото новее всех библиотек)",
    );
    ivan.hears(CARD).await;
    let press = json!({"id": "1", "from": {"id": ivan.user.id}, "data": "submit", "brand_new": {},
        "message": {"chat": chat(&ivan), "message_id": "x", "reply_markup": {"inline_keyboard": [[{"new": 1}]]}}});
    world.telegram.raw_update(json!({"callback_query": press}));
    let number = testkit::world::number_in(&ivan.hears("принята").await.text);
    let lead = world.delivered(&number).await;
    assert!(lead.notes[0].contains(link) && lead.notes[0].contains("Иван Петров"), "{}", lead.notes[0]);
    assert_eq!(set_aside(&world).await, 0);
    assert!(world.is_up());
    let log = world.read("daemon.log");
    assert!(log.contains("a part of an update cannot be read") && log.contains("entities.date_time"), "{log}");
    assert!(!log.contains("Петров") && !log.contains("79991234567"), "nothing people wrote is logged");
}

/// Updates that are no JSON, alone and in a batch with others; `#` stands for the id.
#[tokio::test]
async fn a_batch_that_is_no_json_is_taken_apart() {
    let mut world = World::running().await;
    let mut ivan = world.buyer("Иван");
    ivan.begins().await;
    let deep = format!("{}1{}", "[".repeat(5000), "]".repeat(5000));
    let wrong = |id: i64| -> Vec<Vec<u8>> {
        vec![
            format!(r#"{{"update_id":{id},"brand_new":"\ud83d"}}"#).into(),
            format!(r#"{{"update_id":{id},"brand_new":{deep}}}"#).into(),
            format!(r#"{{"update_id":{id},"brand_new":1e999}}"#).into(),
            format!(r#"{{"update_id":{id},"update_id":{id},"a":1,"a":2}}"#).into(),
            [format!(r#"{{"update_id":{id},"brand_new":""#).as_bytes(), b"\xff\xfe\x00\"}"].concat(),
            format!(r#"{{"update_id":{id},"message":{{,]}}}}"#).into(),
            format!(r#"{{"update_id":{id},"message":"cut o"#).into(),
            format!(r#"{{"update_id":{id},"message":[{{"#).into(),
            format!(r#"{{"update_id":{id},"message":<!doctype html>}}"#).into(),
            b"null".to_vec(),
            b"[]".to_vec(),
        ]
    };
    for at in 0..wrong(0).len() {
        world.telegram.raw_bytes(|id| wrong(id).swap_remove(at));
    }
    ivan.says("Иван", "номер телефона").await;
    // What is said within such an update is understood.
    let said = |id: i64, fields: &str| {
        format!(
            r#"{{"update_id":{id},"message":{{"message_id":7,"date":1790000000,"chat":{},"text":"89991234567"{fields}}}}}"#,
            chat(&ivan)
        )
        .into_bytes()
    };
    world.telegram.raw_bytes(|id| said(id, &format!(r#","brand_new":["\ud83d",1e999,{deep}]"#)));
    ivan.hears("бюджет").await;
    // One at the end of all, which no other follows.
    world.telegram.raw_bytes(|id| format!(r#"{{"update_id":{id},"message":{{"text":"cut o"#).into_bytes());
    world.telegram.wait_until_confirmed(PATIENCE).await.expect("it is set aside");
    ivan.says("2 млн", "ссылку").await;
    ivan.says("нет", CARD).await;
    world.delivered(&ivan.submits().await).await;
    world.telegram.wait_until_confirmed(PATIENCE).await.expect("no update stays at Telegram");
    assert!(world.is_up());
    assert_eq!(set_aside(&world).await, 7, "{}", world.read("daemon.log"));
}

#[tokio::test]
async fn ids_that_are_none_of_telegrams_stall_nothing() {
    let mut world = World::running().await;
    let mut ivan = world.buyer("Иван");
    ivan.begins().await;
    let ivans = chat(&ivan);
    let said = |id: &str| {
        let id = if id.is_empty() { String::new() } else { format!(r#""update_id":{id},"#) };
        format!(r#"{{{id}"message":{{"message_id":7,"date":1790000000,"chat":{ivans},"text":"Пётр"}}}}"#).into_bytes()
    };
    for id in [-5, i64::from(i32::MAX) + 1, i64::from(u32::MAX) + 7, i64::MAX] {
        world.telegram.raw_bytes_as(id, said(&id.to_string()));
    }
    for id in ["9223372036854775808", "1e300", "\"x\"", "null", "{}", "7.5", ""] {
        world.telegram.raw_bytes(|_| said(id));
    }
    let told = ivan.hears("только текст").await;
    assert!(!told.text.is_empty());
    ivan.says("Иван", "номер телефона").await;
    // An id in order, written otherwise.
    world.telegram.raw_bytes(|id| said(&format!("\"{id}\"")));
    ivan.hears("Не вижу здесь номера").await;
    ivan.says("89991234567", "бюджет").await;
    ivan.says("2 млн", "ссылку").await;
    ivan.says("нет", CARD).await;
    world.delivered(&ivan.submits().await).await;
    assert!(world.is_up());
    assert!(ivan.has("только текст") <= 11, "{}", ivan.user.transcript());
}

#[tokio::test]
async fn a_message_whose_answer_cannot_be_parsed_is_sent_once() {
    let world = World::running().await;
    for fault in [Fault::Newer, Fault::Unparsable] {
        let mut ivan = world.buyer("Иван");
        world.telegram.fault(On::method("sendMessage").chat(ivan.user.id), fault.clone(), Times::UntilCleared);
        let number = ivan.leaves_a_request().await;
        world.delivered(&number).await;
        for words in ["Как вас зовут", "номер телефона", CARD, "принята"] {
            assert_eq!(ivan.has(words), 1, "{fault:?}\n{}", ivan.user.transcript());
        }
        world.telegram.clear_faults();
    }
}

/// A server that does not hold polls is asked a few times a second, one that fails is asked ever less, also after buyers
/// have written, and the log does not fill.
#[tokio::test]
async fn telegram_is_not_asked_without_end() {
    let mut world = World::new().await;
    // Its own pace, as every server has one.
    world.set("TEST_SPEED", "1");
    world.telegram.holds_no_polls();
    world.start();
    let mut ivan = world.buyer("Иван");
    ivan.begins().await;
    let before = world.telegram.polls().len();
    tokio::time::sleep(Duration::from_secs(3)).await;
    let asked = world.telegram.polls().len() - before;
    assert!((3..=15).contains(&asked), "{asked} polls in 3 s");

    world.telegram.fault(On::method("getUpdates"), Fault::Status(502), Times::UntilCleared);
    let calls = || world.telegram.calls("getUpdates").iter().filter(|call| call.fault.is_some()).count();
    let start = tokio::time::Instant::now();
    while calls() < 4 {
        assert!(start.elapsed() < PATIENCE, "{} polls", calls());
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    // 0.5, 1 and 2 s between them.
    assert!(start.elapsed() > Duration::from_secs(3), "four failed polls in {:?}", start.elapsed());
    world.telegram.clear_faults();
    ivan.says("Иван", "номер телефона").await;
    let log = world.read("daemon.log");
    assert!(log.matches("a poll failed").count() <= 4 && log.contains("answers polls again"), "{log}");
}

/// As servers of one's own answer.
#[tokio::test]
async fn a_bot_that_tells_little_of_itself_is_enough() {
    for me in [
        json!({"id": 123_456, "is_bot": true, "first_name": "Бот", "username": "avto_zayavka_bot"}),
        json!({"id": 123_456, "is_bot": true, "first_name": "Бот"}),
        json!({"id": 123_456, "first_name": "", "can_join_groups": null, "has_main_web_app": "no", "brand_new": [1]}),
    ] {
        let mut world = World::new().await;
        world.telegram.tells_of_itself(me.clone());
        world.start();
        let mut ivan = world.buyer("Иван");
        ivan.begins().await;
        let log = world.read("daemon.log");
        assert!(!log.contains("check the network") && !log.contains("getMe"), "{me}: {log}");
    }
}

#[tokio::test]
async fn what_is_no_bot_api_is_named_as_such() {
    let mut world = World::new().await;
    world.telegram.tells_of_itself(json!([]));
    world.start();
    let deadline = tokio::time::Instant::now() + PATIENCE;
    while !world.read("daemon.log").contains("is not Telegram's Bot API") {
        assert!(tokio::time::Instant::now() < deadline, "{}", world.read("daemon.log"));
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert!(!world.read("daemon.log").contains("check the network"));
    world.telegram.tells_of_itself(json!({"id": 123_456, "is_bot": true, "first_name": "Бот"}));
    world.buyer("Иван").begins().await;
}

/// Telegram's own description of a message, read in place where there is one: a text beside every other field.
#[tokio::test]
async fn a_text_is_understood_beside_every_field_of_the_api() {
    let Some(api) = shared("contract/botapi-10.1.json") else { return };
    let mut world = World::running().await;
    let fields = api["types"]["Message"]["fields"].as_array().expect("fields");
    let mut buyers = Vec::new();
    for field in fields {
        let name = field["name"].as_str().expect("a name");
        if ["message_id", "from", "chat", "date", "text", "rich_message"].contains(&name) {
            continue;
        }
        let kind = field["types"][0].as_str().expect("a type");
        let values =
            [value_of(&api, kind, false, 0), value_of(&api, kind, true, 0), json!({"type": "brand_new"}), json!([5])];
        for (at, value) in values.into_iter().enumerate() {
            let buyer = world.buyer(&format!("{name} {at}"));
            buyer.user.command("/start");
            buyer.user.message_with(json!({"text": "Иван Петров", name: value}), name);
            buyers.push(buyer);
        }
    }
    for buyer in &mut buyers {
        buyer.hears("номер телефона").await;
        assert_eq!(buyer.has("только текст"), 0, "{}", buyer.user.transcript());
    }
    println!("a text beside {} values", buyers.len());
    let mut ivan = world.buyer("Иван");
    ivan.begins().await;
    finishes(&mut world, &mut ivan).await;
    assert_eq!(set_aside(&world).await, 0);
}

/// Updates from the test suites of others, read in place where there are any.
#[tokio::test]
async fn updates_of_other_projects_stand_in_nobodys_way() {
    let (Some(corpus), Some(dump)) = (shared("telegram-updates/corpus.json"), shared("telegram-updates/pydump.json"))
    else {
        return;
    };
    let mut world = World::running().await;
    let mut ivan = world.buyer("Иван");
    ivan.begins().await;
    let mut updates = Vec::new();
    collect(&corpus, &mut updates);
    collect(&dump, &mut updates);
    assert!(updates.len() > 400, "{}", updates.len());
    for update in &updates {
        world.telegram.raw_update(update.clone());
    }
    println!("{} updates of other projects, {} of them set aside", updates.len(), {
        world.telegram.wait_until_confirmed(PATIENCE).await.expect("all are confirmed");
        set_aside(&world).await
    });
    finishes(&mut world, &mut ivan).await;
}

/// Data that lies beside the project on some machines.
fn shared(name: &str) -> Option<Value> {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared").join(name);
    match std::fs::read(&path) {
        Ok(bytes) => Some(serde_json::from_slice(&bytes).expect("JSON")),
        Err(_) => {
            testkit::skipped(&format!("there is no {}", path.display()));
            None
        }
    }
}

fn collect(value: &Value, updates: &mut Vec<Value>) {
    match value {
        Value::Object(fields) if fields.get("update").is_some_and(Value::is_object) => {
            updates.push(fields["update"].clone())
        }
        Value::Object(fields) if fields.contains_key("update_id") => updates.push(value.clone()),
        Value::Object(fields) => fields.values().for_each(|value| collect(value, updates)),
        Value::Array(values) => values.iter().for_each(|value| collect(value, updates)),
        _ => {}
    }
}

/// A value of a type of the API, with its required fields or with all of them.
fn value_of(api: &Value, kind: &str, all: bool, depth: usize) -> Value {
    if let Some(element) = kind.strip_prefix("Array of ") {
        return json!([value_of(api, element, all, depth)]);
    }
    match kind {
        "Integer" => return json!(1),
        "Float" => return json!(1.5),
        "Boolean" | "True" => return json!(true),
        "String" => return json!("x"),
        _ => {}
    }
    let described = &api["types"][kind];
    if let Some(first) = described["subtypes"].get(0).and_then(Value::as_str) {
        return value_of(api, first, all, depth);
    }
    let mut value = json!({});
    for field in described["fields"].as_array().into_iter().flatten() {
        let (name, required) = (field["name"].as_str().expect("a name"), field["required"] == true);
        if !required && (!all || depth > 1) || depth > 5 {
            continue;
        }
        let words = field["description"].as_str().unwrap_or_default();
        // Always "paragraph", in quotation marks of the one or the other kind.
        let always = words.split_once("lways ").map(|(_, rest)| rest.trim_matches(|c: char| !c.is_alphanumeric()));
        value[name] = match always.and_then(|rest| rest.split(|c: char| !c.is_alphanumeric() && c != '_').next()) {
            Some(word) if name == "type" || name == "source" || name == "status" => json!(word),
            _ => value_of(api, field["types"][0].as_str().expect("a type"), all, depth + 1),
        };
    }
    value
}
