//! The talk between a buyer and the managers' group: both ways in order and once, whatever dies meanwhile.

use futures::future::join_all;
use serde_json::json;
use testkit::{
    fakes::telegram::{BotMessage, FakeGroup, Fault, On, Times},
    world::{Buyer, PATIENCE, World},
};

async fn world_with_a_group() -> (World, FakeGroup) {
    let mut world = World::new().await;
    let group = world.telegram.group("Продажи");
    world.set("TEST_SPEED", "100");
    world.set("MANAGERS_CHAT_ID", group.id.to_string());
    world.start();
    (world, group)
}

async fn a_request(world: &World) -> (Buyer, String, u64) {
    let mut buyer = world.buyer("Иван");
    let number = buyer.leaves_a_request().await;
    let lead_id = world.delivered(&number).await.id;
    (buyer, number, lead_id)
}

/// What the group reads with these words in it.
async fn group_reads(world: &World, group: &FakeGroup, words: &str) -> BotMessage {
    let read = world.telegram.wait_for(group.id, |message| message.text.contains(words), PATIENCE).await;
    read.unwrap_or_else(|why| panic!("the managers do not read «{words}»: {why}\n--- log\n{}", world.log()))
}

fn group_has(world: &World, group: &FakeGroup, words: &str) -> usize {
    world.telegram.chat(group.id).iter().filter(|message| message.text.contains(words)).count()
}

fn notes(world: &World, lead_id: u64) -> String {
    let lead = world.amocrm.leads().into_iter().find(|lead| lead.id == lead_id).expect("the lead");
    lead.notes.join("\n")
}

#[tokio::test]
async fn what_a_buyer_says_is_copied_and_what_a_manager_answers_reaches_the_buyer() {
    let (world, group) = world_with_a_group().await;
    let anna = world.telegram.user("Анна");
    let (mut buyer, number, lead_id) = a_request(&world).await;
    buyer.says("а сколько стоит доставка?", "Если нужна ещё одна машина").await;
    buyer.user.sends_photo(b"\xff\xd8\xff a scratch");
    buyer.user.sticker();
    let question = group_reads(&world, &group, "сколько стоит доставка?").await;
    assert!(question.text.starts_with(&format!("💬 Иван Петров, #{number}\n")), "{question:?}");
    world
        .until("the photo and the sticker are there", |world| {
            let chat = world.telegram.chat(group.id);
            chat.iter().any(|it| it.document.is_some() && it.text.contains(&number))
                && chat.iter().any(|it| it.raw["sticker"].is_object())
        })
        .await;
    // What stays inside, and what answers nothing.
    let reply = |text: &str| anna.replies_in(&group, question.message_id, json!({ "text": text }), text);
    reply("// он торгуется");
    reply("/later");
    anna.say_in(&group, "кто возьмёт?");
    let photo = world.telegram.chat(group.id).into_iter().find(|it| it.document.is_some()).expect("the photo");
    reply("Доставка 50 тысяч, срок месяц");
    let text = "Царапины не страшно";
    anna.replies_in(&group, photo.message_id, json!({ "text": text }), text);
    buyer.hears("Доставка 50 тысяч").await;
    buyer.hears("Царапины").await;
    world.until("it is in the CRM", |world| notes(world, lead_id).contains("Менеджер Анна: Царапины не страшно")).await;
    let all = notes(&world, lead_id);
    let place = |words: &str| all.find(words).unwrap_or_else(|| panic!("{words}\n{all}"));
    assert!(place("сколько стоит доставка?") < place("Менеджер Анна: Доставка 50 тысяч"), "{all}");
    assert!(!all.contains("торгуется") && !all.contains("возьмёт") && !all.contains("later"), "{all}");
    assert!(buyer.has("торгуется") + buyer.has("возьмёт") + buyer.has("later") == 0, "{}", buyer.user.transcript());
    assert_eq!(group_has(&world, &group, "личных сообщениях"), 0, "the group is not told where to write");
    // An edit does not reach the buyer, which is said once.
    anna.edit_last_in(&group, "Царапины это 10 тысяч");
    anna.edit_last_in(&group, "Царапины это 15 тысяч");
    group_reads(&world, &group, "Правка до покупателя не дойдёт").await;
    // The buyer edits, too.
    buyer.user.edit_last("а сколько стоит доставка в Тулу?");
    group_reads(&world, &group, "исправлено:\nа сколько стоит доставка в Тулу?").await;
    // What cannot reach the buyer is said under it, and in the CRM.
    buyer.user.blocks_bot();
    let lost = reply("Перезвоню завтра");
    let told = group_reads(&world, &group, "покупатель закрыл чат").await;
    assert_eq!(told.raw["reply_to_message"]["message_id"], lost);
    world.until("it is in the CRM", |world| notes(world, lead_id).contains("не доставлено: покупатель закрыл")).await;
    assert_eq!(group_has(&world, &group, "Правка до покупателя"), 1);
    assert_eq!((buyer.has("Доставка 50 тысяч"), buyer.has("Царапины")), (1, 1), "{}", buyer.user.transcript());
    let shown = world.run(&["leads", "show", &number]).await.said();
    assert!(shown.contains("later:"), "{shown}");
    buyer.never_read_of_an_error();
}

#[tokio::test]
async fn what_waits_is_marked_and_a_group_that_becomes_another_goes_on() {
    let mut world = World::new().await;
    let group = world.telegram.small_group("Продажи");
    world.set("TEST_SPEED", "100");
    world.set("MANAGERS_CHAT_ID", group.id.to_string());
    world.start();
    let anna = world.telegram.user("Анна");
    let (buyer, _, _) = a_request(&world).await;
    let mut buyer = buyer;
    buyer.says("раз раз раз", "Если нужна ещё одна машина").await;
    let group = {
        let _ = group_reads(&world, &group, "раз раз раз").await;
        world.telegram.becomes_a_supergroup(&group)
    };
    buyer.user.say("два два два");
    let said = group_reads(&world, &group, "два два два").await;
    world.telegram.fault(On::method("copyMessage"), Fault::Status(502), Times::UntilCleared);
    let text = "Понял, считаю";
    let answer = anna.replies_in(&group, said.message_id, json!({ "text": text }), text);
    let mark = group_reads(&world, &group, "Telegram пока не принимает").await;
    assert_eq!(mark.raw["reply_to_message"]["message_id"], answer);
    world.telegram.clear_faults();
    buyer.hears("Понял, считаю").await;
    world
        .until("the mark says so", |world| {
            let chat = world.telegram.chat(group.id);
            chat.iter().any(|it| it.message_id == mark.message_id && it.text.contains("Доставлено покупателю"))
        })
        .await;
    // Who is forgotten is nobody's any more.
    buyer.commands("/delete", "Удалить ваши данные").await;
    let delete = buyer.user.messages().last().and_then(|it| it.buttons[0][0].data.clone()).expect("a button");
    buyer.presses(&delete, "удалены").await;
    let text = "Алло?";
    anna.replies_in(&group, said.message_id, json!({ "text": text }), text);
    buyer.commands("/start", "Как вас зовут").await;
    assert_eq!(buyer.has("Алло"), 0);
    assert_eq!(world.terminate().await, Some(0));
    let bytes = std::fs::read(world.path("amocrm-lead-bot.sqlite")).expect("a store");
    let bytes = String::from_utf8_lossy(&bytes);
    assert!(!bytes.contains("Понял, считаю") && !bytes.contains("два два два"));
}

/// The daemon dies at a point on the way of an answer.
async fn dies_at(point: &str) {
    let (mut world, group) = world_with_a_group().await;
    let anna = world.telegram.user("Анна");
    let (mut buyer, _, lead_id) = a_request(&world).await;
    buyer.says("раз раз раз", "Если нужна ещё одна машина").await;
    let said = group_reads(&world, &group, "раз раз раз").await;
    // What it has become is known to the store by then.
    world.nothing_owed().await;
    assert_eq!(world.terminate().await, Some(0));
    if point == "talk.told_in_commit" {
        buyer.user.blocks_bot();
    }
    world.set("TEST_KILL_AT", format!("{point}:1"));
    world.start();
    for text in ["Доставка 50 тысяч", "Срок месяц"] {
        anna.replies_in(&group, said.message_id, json!({ "text": text }), text);
    }
    assert_eq!(world.ended().await, None, "it died at {point}");
    world.unset("TEST_KILL_AT");
    world.start();
    if point == "talk.told_in_commit" {
        world.until(point, |world| group_has(world, &group, "покупатель закрыл чат") == 2).await;
    } else {
        buyer.hears("Доставка 50 тысяч").await;
        buyer.hears("Срок месяц").await;
    }
    world.until(point, |world| notes(world, lead_id).contains("Менеджер Анна: Срок месяц")).await;
    assert_eq!(world.terminate().await, Some(0));
    let all = notes(&world, lead_id);
    assert_eq!((all.matches("Доставка 50").count(), all.matches("Срок месяц").count()), (1, 1), "{point}\n{all}");
    assert!(all.find("Доставка 50") < all.find("Срок месяц"), "{point}\n{all}");
    assert!(buyer.has("Доставка 50 тысяч") <= 1 && group_has(&world, &group, "покупатель закрыл чат") <= 2, "{point}");
}

#[tokio::test]
async fn whatever_dies_meanwhile_an_answer_is_taken_once() {
    join_all(["talk.in_commit", "talk.told_in_commit"].map(dies_at)).await;
}
