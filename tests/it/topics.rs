//! One topic for each buyer in the managers' group, a group that takes nothing, and how fast it is written to.

use futures::future::join_all;
use serde_json::json;
use sqlx::{Connection, Executor};
use testkit::{
    fakes::telegram::{BotMessage, FakeGroup, Fault, On, Times},
    world::{Buyer, PATIENCE, World},
};

async fn world_with_topics() -> (World, FakeGroup) {
    let mut world = World::new().await;
    let group = world.telegram.forum("Продажи");
    world.set("TEST_SPEED", "100");
    world.set("MANAGERS_CHAT_ID", group.id.to_string());
    world.start();
    (world, group)
}

/// What the group reads with these words in it, in a topic or in General.
async fn reads(world: &World, group: &FakeGroup, topic: Option<i32>, words: &str) -> BotMessage {
    let is_it = |message: &BotMessage| !message.deleted && message.topic == topic && message.text.contains(words);
    let read = world.telegram.wait_for(group.id, is_it, PATIENCE).await;
    read.unwrap_or_else(|why| panic!("nobody reads «{words}» in {topic:?}: {why}\n--- log\n{}", world.log()))
}

/// A buyer with a request, and the topic that it has opened.
async fn a_request(world: &World, group: &FakeGroup, name: &str) -> (Buyer, String, i32) {
    let before: Vec<i32> = world.telegram.topics(group).into_iter().map(|(id, ..)| id).collect();
    let mut buyer = world.buyer(name);
    let number = buyer.leaves_a_request().await;
    let new = |world: &World| {
        let topics = world.telegram.topics(group);
        topics.into_iter().find(|(id, title, _)| !before.contains(id) && title.contains(&number)).map(|(id, ..)| id)
    };
    world.until("the buyer has a topic", |world| new(world).is_some()).await;
    let topic = new(world).expect("it was there");
    reads(world, group, Some(topic), &format!("Заявка #{number}")).await;
    (buyer, number, topic)
}

fn titles(world: &World, group: &FakeGroup) -> Vec<String> {
    world.telegram.topics(group).into_iter().map(|(_, title, _)| title).collect()
}

fn is_open(world: &World, group: &FakeGroup, topic: i32) -> bool {
    world.telegram.topics(group).iter().any(|(id, _, open)| *id == topic && *open)
}

fn has(world: &World, group: &FakeGroup, words: &str) -> usize {
    world.telegram.chat(group.id).iter().filter(|message| message.text.contains(words)).count()
}

#[tokio::test]
async fn each_buyer_has_one_topic_in_which_both_sides_talk() {
    let (mut world, group) = world_with_topics().await;
    let anna = world.telegram.user("Анна");
    let (mut buyer, number, topic) = a_request(&world, &group, "Иван").await;
    let (mut other, _, others) = a_request(&world, &group, "Пётр").await;
    assert_eq!(titles(&world, &group)[0], format!("#{number} Иван Петров"));
    buyer.says("а сколько стоит доставка?", "Если нужна ещё одна машина").await;
    buyer.user.sends_photo(b"\xff\xd8\xff a scratch");
    let copied = reads(&world, &group, Some(topic), "сколько стоит доставка?").await;
    reads(&world, &group, Some(topic), &format!("💬 Иван Петров, #{number}")).await;
    // What Telegram tells in a topic, what stays inside, and what is written in General reach nobody.
    for (kind, what) in [
        ("pinned_message", copied.raw.clone()),
        ("forum_topic_edited", json!({"name": "Доставка"})),
        ("forum_topic_closed", json!({})),
        ("forum_topic_reopened", json!({})),
    ] {
        world.telegram.service(&group, Some(topic), &anna, kind, what);
    }
    anna.say_in_topic(&group, topic, "// он торгуется");
    anna.say_in_topic(&group, topic, "/later");
    anna.say_in(&group, "кто возьмёт?");
    anna.say_in_topic(&group, topic, "Доставка 50 тысяч");
    anna.photo_in_topic(&group, topic, b"\xff\xd8\xff a price list");
    let text = "Уже едет";
    anna.replies_in(&group, copied.message_id, json!({ "text": text }), text);
    anna.say_in_topic(&group, others, "Это уже вам");
    buyer.hears("Доставка 50 тысяч").await;
    buyer.hears("Уже едет").await;
    other.hears("Это уже вам").await;
    let all = buyer.user.messages();
    let place = |is_it: &dyn Fn(&BotMessage) -> bool| all.iter().position(is_it).expect("it is there");
    let words = place(&|it| it.text.contains("Доставка 50"));
    assert!(words < place(&|it| it.document.is_some()), "{}", buyer.user.transcript());
    assert_eq!(buyer.has("торгуется") + buyer.has("later") + buyer.has("возьмёт") + buyer.has("Это уже вам"), 0);
    let lead_id = world.amocrm.lead_with_number(&number).expect("the lead").id;
    world
        .until("it is in the CRM", |world| {
            let lead = world.amocrm.leads().into_iter().find(|lead| lead.id == lead_id).expect("the lead");
            lead.notes.join("\n").contains("Менеджер Анна: Доставка 50 тысяч")
        })
        .await;
    // The next process finds it; a second request comes into the same topic, which is about it from then on.
    world.nothing_owed().await;
    assert_eq!(world.terminate().await, Some(0));
    world.start();
    let second = buyer.leaves_a_request().await;
    reads(&world, &group, Some(topic), &format!("Заявка #{second}")).await;
    world.until("the title says so", |world| titles(world, &group).contains(&format!("#{second} Иван Петров"))).await;
    // What cannot reach the buyer is said where it was written.
    buyer.user.blocks_bot();
    let lost = anna.say_in_topic(&group, topic, "Перезвоню завтра");
    let told = reads(&world, &group, Some(topic), "покупатель закрыл чат").await;
    assert_eq!(told.raw["reply_to_message"]["message_id"], lost);
    assert_eq!(titles(&world, &group).len(), 2);
    assert_eq!(world.telegram.chat(group.id).iter().filter(|it| it.topic.is_none()).count(), 0);
    buyer.never_read_of_an_error();
}

#[tokio::test]
async fn a_topic_that_is_deleted_comes_anew_and_one_that_is_closed_is_opened() {
    let (world, group) = world_with_topics().await;
    let anna = world.telegram.user("Анна");
    let (mut buyer, number, topic) = a_request(&world, &group, "Иван").await;
    world.nothing_owed().await;
    world.telegram.deletes_topic(&group, topic);
    buyer.says("раз раз раз", "Если нужна ещё одна машина").await;
    world.until("there is a new one", |world| titles(world, &group).len() == 1).await;
    let (topic, title, _) = world.telegram.topics(&group).remove(0);
    assert_eq!(title, format!("#{number} Иван Петров"));
    // Its card went with the old one.
    reads(&world, &group, Some(topic), "раз раз раз").await;
    let card = reads(&world, &group, Some(topic), &format!("Заявка #{number}")).await;
    world.nothing_owed().await;
    anna.press_in(&card, &format!("lead:take:{number}"));
    world
        .until("the card says who has it", |world| {
            let chat = world.telegram.chat(group.id);
            chat.iter().any(|it| it.message_id == card.message_id && it.text.contains("Анна"))
        })
        .await;
    // Closed: whoever has opened it opens it again, with the right or without.
    world.telegram.may_manage_topics(&group, false);
    world.telegram.closes_topic(&group, Some(topic));
    buyer.user.say("два два два");
    reads(&world, &group, Some(topic), "два два два").await;
    assert!(is_open(&world, &group, topic));
    // Where it cannot be opened General has it, with the number.
    world.telegram.closes_topic(&group, Some(topic));
    world.telegram.fault(On::method("reopenForumTopic"), Fault::CutBefore, Times::UntilCleared);
    buyer.user.say("три три три");
    let general = reads(&world, &group, None, "три три три").await;
    assert!(general.text.contains(&number), "{general:?}");
    let text = "Понял, считаю";
    anna.replies_in(&group, general.message_id, json!({ "text": text }), text);
    buyer.hears(text).await;
    assert_eq!(titles(&world, &group).len(), 1);
}

#[tokio::test]
async fn without_the_right_general_has_it_all_and_the_admin_is_told_once() {
    let mut world = World::new().await;
    let group = world.telegram.small_group("Продажи");
    world.set("TEST_SPEED", "300");
    world.set("MANAGERS_CHAT_ID", group.id.to_string());
    world.start();
    let anna = world.telegram.user("Анна");
    let mut buyer = world.buyer("Иван");
    let number = buyer.leaves_a_request().await;
    let is_card = |message: &BotMessage| message.text.contains(&format!("Заявка #{number}"));
    world.telegram.wait_for(group.id, is_card, PATIENCE).await.expect("the card");
    world.nothing_owed().await;
    // Whoever switches topics on makes a supergroup of it.
    let group = world.telegram.becomes_a_supergroup(&group);
    world.telegram.has_topics(&group, true);
    buyer.says("раз раз раз", "Если нужна ещё одна машина").await;
    reads(&world, &group, None, "раз раз раз").await;
    world.admin_reads("создавать их боту нельзя").await;
    buyer.user.say("два два два");
    let said = reads(&world, &group, None, "два два два").await;
    let text = "Слышу вас";
    anna.replies_in(&group, said.message_id, json!({ "text": text }), text);
    buyer.hears(text).await;
    // With the right there is a topic, as soon as that is tried again.
    world.telegram.may_manage_topics(&group, true);
    let mut spoken = 0;
    while world.telegram.topics(&group).is_empty() {
        spoken += 1;
        buyer.user.say(&format!("ещё раз номер {spoken}"));
        let is_it = |message: &BotMessage| message.text.contains(&format!("ещё раз номер {spoken}"));
        world.telegram.wait_for(group.id, is_it, PATIENCE).await.expect("it is copied");
        tokio::time::sleep(std::time::Duration::from_millis(300)).await;
    }
    let topic = world.telegram.topics(&group)[0].0;
    reads(&world, &group, Some(topic), &format!("ещё раз номер {spoken}")).await;
    assert_eq!(world.admin_has("создавать их боту нельзя"), 1);
    // And where topics are switched off again, General.
    world.nothing_owed().await;
    world.telegram.has_topics(&group, false);
    anna.say_in(&group, "темы мешали");
    buyer.user.say("пять пять пять");
    reads(&world, &group, None, "пять пять пять").await;
}

/// The daemon dies at a point on the way of a topic.
async fn dies_at(point: &str, database: Option<String>) {
    let mut world = World::new().await;
    let group = world.telegram.forum("Продажи");
    world.set("TEST_SPEED", "100");
    world.set("MANAGERS_CHAT_ID", group.id.to_string());
    if let Some(database) = database {
        world.set("DATABASE_URL", database);
    }
    world.set("TEST_KILL_AT", format!("{point}:1"));
    world.start();
    let anna = world.telegram.user("Анна");
    let mut buyer = world.buyer("Иван");
    buyer.fills_in().await;
    buyer.user.press("submit").expect("the button is there");
    assert_eq!(world.ended().await, None, "it died at {point}");
    world.unset("TEST_KILL_AT");
    world.start();
    let number = testkit::world::number_in(&buyer.hears("принята").await.text);
    let is_card = |message: &BotMessage| message.text.contains(&format!("Заявка #{number}"));
    let card = world.telegram.wait_for(group.id, is_card, PATIENCE).await.expect("the card");
    world.delivered(&number).await;
    buyer.says("раз раз раз", "Если нужна ещё одна машина").await;
    let topic = card.topic.expect("it is in a topic");
    reads(&world, &group, Some(topic), "раз раз раз").await;
    anna.say_in_topic(&group, topic, "Слышу вас");
    buyer.hears("Слышу вас").await;
    // Of a topic that was created and not recorded nobody can know: it is left behind, empty, and understood all the same.
    let topics = world.telegram.topics(&group);
    let most = if ["topic.created", "topic.in_commit"].contains(&point) { 2 } else { 1 };
    assert_eq!(topics.len(), most, "{point}: {topics:?}");
    let stray = topics.into_iter().find(|(id, ..)| *id != topic);
    if let Some((stray, ..)) = stray {
        assert_eq!(world.telegram.chat(group.id).iter().filter(|it| it.topic == Some(stray)).count(), 0, "{point}");
        anna.say_in_topic(&group, stray, "А здесь слышно?");
        buyer.hears("А здесь слышно?").await;
    }
    assert_eq!(buyer.has("Слышу вас"), 1, "{point}");
    assert_eq!(world.terminate().await, Some(0));
}

#[tokio::test]
async fn whatever_dies_while_a_topic_is_created_one_is_used() {
    let points = ["topic.recorded", "topic.created", "topic.in_commit", "topic.stored"];
    join_all(points.map(|point| dies_at(point, None))).await;
}

#[tokio::test]
async fn on_postgresql_one_is_used_too() {
    let Some(url) = testkit::postgres::shared_database() else { return };
    dies_at("topic.created", Some(url)).await;
}

#[tokio::test]
async fn a_group_that_takes_nothing_is_told_of_once_and_gets_all_that_has_waited() {
    let (mut world, group) = world_with_topics().await;
    let anna = world.telegram.user("Анна");
    let (mut buyer, number, topic) = a_request(&world, &group, "Иван").await;
    world.nothing_owed().await;
    world.telegram.puts_the_bot_out(&group);
    buyer.says("раз раз раз", "Если нужна ещё одна машина").await;
    world.admin_reads("Чат менеджеров не принимает").await;
    let other = world.buyer("Пётр").leaves_a_request().await;
    world.delivered(&other).await;
    // The next process knows that the admin knows.
    assert_eq!(world.terminate().await, Some(0));
    world.start();
    buyer.user.say("два два два");
    world.telegram.lets_the_bot_in(&group, &anna);
    reads(&world, &group, Some(topic), "раз раз раз").await;
    reads(&world, &group, Some(topic), "два два два").await;
    world.admin_reads("снова принимает сообщения").await;
    world.until("the other has a topic", |world| titles(world, &group).iter().any(|it| it.contains(&other))).await;
    assert_eq!((world.admin_has("Чат менеджеров не принимает"), world.admin_has("снова принимает сообщения")), (1, 1));
    // It may be in the group, and not be allowed to write.
    world.nothing_owed().await;
    world.telegram.may_write(&group, false);
    buyer.user.say("три три три");
    world.until("it is told again", |world| world.admin_has("Чат менеджеров не принимает") == 2).await;
    world.telegram.may_write(&group, true);
    anna.say_in(&group, "пишите, пожалуйста");
    reads(&world, &group, Some(topic), "три три три").await;
    world.until("it is over again", |world| world.admin_has("снова принимает сообщения") == 2).await;
    assert!(has(&world, &group, &format!("Заявка #{number}")) == 1);
}

#[tokio::test]
async fn a_message_that_is_there_is_not_sent_again_for_what_the_store_does_not_know_of_its_chat() {
    let (world, group) = world_with_topics().await;
    world.until("it polls", |world| !world.telegram.calls("getUpdates").is_empty()).await;
    let file = world.path("amocrm-lead-bot.sqlite");
    let mut other = sqlx::SqliteConnection::connect(&format!("sqlite://{}", file.display())).await.expect("the file");
    other.execute("ALTER TABLE alerts RENAME TO alerts_away").await.expect("no alerts can be read");
    let (_, number, _) = a_request(&world, &group, "Иван").await;
    world.until("that cannot be told", |world| world.log().contains("takes messages is told later")).await;
    other.execute("ALTER TABLE alerts_away RENAME TO alerts").await.expect("they can again");
    world.delivered(&number).await;
    world.nothing_owed().await;
    assert_eq!(has(&world, &group, &format!("Заявка #{number}")), 1, "{}", world.log());
}

#[tokio::test]
async fn a_card_goes_before_the_copies_that_have_waited() {
    let mut world = World::new().await;
    let group = world.telegram.group("Продажи");
    world.set("TEST_SPEED", "20");
    world.set("MANAGERS_CHAT_ID", group.id.to_string());
    world.start();
    let mut buyer = world.buyer("Иван");
    let number = buyer.leaves_a_request().await;
    reads(&world, &group, None, &format!("Заявка #{number}")).await;
    world.delivered(&number).await;
    world.nothing_owed().await;
    world.telegram.fault(On::all().chat(group.id), Fault::Status(502), Times::UntilCleared);
    for said in 0..20 {
        buyer.user.say(&format!("вопрос номер {said} про машину"));
    }
    let mut other = world.buyer("Пётр");
    let others = other.leaves_a_request().await;
    world.delivered(&others).await;
    assert_eq!(world.terminate().await, Some(0));
    world.telegram.clear_faults();
    // Telegram's minute is a minute now.
    world.set("TEST_SPEED", "1");
    world.start();
    reads(&world, &group, None, &format!("Заявка #{others}")).await;
    let copies = has(&world, &group, "вопрос номер");
    // Changes of earlier cards may have taken a place or two.
    assert!((10..=16).contains(&copies), "{copies} go at once, and the card waits for no minute");
    let numbers: Vec<usize> = world
        .telegram
        .chat(group.id)
        .iter()
        .filter_map(|it| it.text.split("вопрос номер ").nth(1)?.split(' ').next()?.parse().ok())
        .collect();
    assert_eq!(numbers, (0..copies).collect::<Vec<_>>(), "in order");
    // A buyer is held up by none of it.
    other.says("а доставка когда?", "Если нужна ещё одна машина").await;
    assert_eq!(world.terminate().await, Some(0));
}

#[tokio::test]
async fn whoever_is_forgotten_has_no_name_in_a_title() {
    let (world, group) = world_with_topics().await;
    let anna = world.telegram.user("Анна");
    let (mut buyer, number, topic) = a_request(&world, &group, "Иван").await;
    world.delivered(&number).await;
    buyer.commands("/delete", "Удалить ваши данные").await;
    let delete = buyer.user.messages().last().and_then(|it| it.buttons[0][0].data.clone()).expect("a button");
    buyer.presses(&delete, "удалены").await;
    world
        .until("the topic names nobody", |world| {
            world.telegram.topics(&group) == [(topic, format!("#{number}"), false)]
        })
        .await;
    anna.say_in_topic(&group, topic, "Алло?");
    reads(&world, &group, Some(topic), "больше нет").await;
    assert_eq!(buyer.has("Алло"), 0);
}
