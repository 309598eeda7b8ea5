//! What comes after a request, on PostgreSQL with two daemons: the one that leads dies at each point on the way of the
//! buyer's words, the manager's answer, a press and a move in amoCRM, all at once, and the other one goes on.

use std::sync::{Arc, Mutex};

use futures::{StreamExt, stream};
use serde_json::json;
use testkit::{
    fakes::{
        amocrm::account::{MAIN_PIPELINE, SECOND_STATUS},
        telegram::BotMessage,
    },
    world::World,
};

use crate::{
    standby::{cluster, stands_by, world_on},
    statuses::zone_at,
};

/// Where the leader dies, and at which passage.
const DEATHS: [(&str, u32); 15] = [
    ("later.in_commit", 1),
    ("late_note.before_record", 1),
    ("late_note.recorded", 1),
    ("late_note.answered", 1),
    ("late_note.stored", 1),
    ("talk.in_commit", 1),
    ("press.in_commit", 1),
    ("press.stored", 1),
    ("lead_action.recorded", 1),
    ("lead_action.recorded", 2),
    ("lead_action.answered", 2),
    ("lead_action.stored", 1),
    ("status.recorded", 1),
    ("status.in_commit", 1),
    ("status.stored", 1),
];

/// Stories at once: most of the time each of them waits.
const AT_ONCE: usize = 5;

const WORDS: &str = "перезвоните после 18";
const ANSWER: &str = "Доставка 50 тысяч";
const STAGE: &str = "Подбираем автомобиль";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_comes_after_a_request_outlives_its_leader_and_is_done_once() {
    let Some(cluster) = cluster().await.map(Arc::new) else { return };
    let databases: Vec<String> = (0..AT_ONCE).map(|_| cluster.database()).collect();
    let databases = Arc::new(Mutex::new(databases));
    stream::iter(DEATHS)
        .map(|(point, passage)| {
            let (cluster, databases) = (cluster.clone(), databases.clone());
            tokio::spawn(async move {
                let database = databases.lock().expect("no panic").pop().expect("one for each story under way");
                dies_at(&database, &format!("{point}:{passage}")).await;
                tokio::task::block_in_place(|| cluster.empty(&database));
                databases.lock().expect("no panic").push(database);
            })
        })
        .buffer_unordered(AT_ONCE)
        .for_each(|ended| async { ended.expect("the story of this death is above") })
        .await;
}

async fn dies_at(database: &str, at: &str) {
    let mut first = world_on(database).await;
    let (group, oleg) = (first.telegram.group("Продажи"), first.telegram.user("Олег"));
    first.telegram.makes(&oleg, "member", &group);
    first.set("MANAGERS_CHAT_ID", group.id.to_string());
    first.set("TEST_SPEED", "100");
    let settings = format!(
        "time_zone = \"{}\"\n[[manager]]\nname = \"Олег\"\ntelegram_id = {}\ncrm_user_id = 502\n[[status]]\n\
         pipeline_id = {MAIN_PIPELINE}\nstatus_id = {SECOND_STATUS}\ntext = {{ ru = \"{STAGE}\" }}\n",
        zone_at(12),
        oleg.id
    );
    let mut second = first.beside();
    for machine in [&first, &second] {
        machine.write("dealer.toml", &settings);
    }
    first.set("TEST_KILL_AT", at);
    first.start();
    first.until("the first leads", |world| world.log().contains("amocrm-lead-bot starts")).await;
    // Before anything happens: on a busy machine the first may die at any moment from here.
    stands_by(&mut second).await;
    let mut buyer = first.buyer("Иван");
    let number = buyer.leaves_a_request().await;
    let lead_id = first.delivered(&number).await.id;
    let card = |world: &World| -> Option<BotMessage> {
        let chat = world.telegram.chat(group.id);
        chat.into_iter().find(|it| it.text.contains("leads/detail") && it.raw["reply_to_message"].is_null())
    };
    first.until("the card is there", |world| card(world).is_some()).await;
    let shown = card(&first).expect("it was there");
    buyer.user.say(WORDS);
    oleg.replies_in(&group, shown.message_id, json!({ "text": ANSWER }), ANSWER);
    oleg.press_in(&shown, &format!("lead:no_answer:{number}"));
    first.amocrm.move_lead_into(lead_id, MAIN_PIPELINE, SECOND_STATUS);
    assert_eq!(first.ended().await, None, "it died at {at}\n{}", first.log());

    let notes = |world: &World, words: &str| {
        let lead = world.amocrm.lead_with_number(&number).expect("the lead");
        lead.notes.iter().filter(|note| note.contains(words)).count()
    };
    let in_group = |world: &World, words: &str| {
        let chat = world.telegram.chat(group.id);
        chat.iter().filter(|it| !it.deleted && it.text.contains(words)).count()
    };
    // In which order the buyer hears of both is not promised.
    second
        .until(&format!("{at}: all of it is there"), |world| {
            let lead = world.amocrm.lead_with_number(&number).expect("the lead");
            buyer.has(ANSWER) > 0
                && buyer.has(STAGE) > 0
                && notes(world, WORDS) > 0
                && notes(world, ANSWER) > 0
                && in_group(world, WORDS) > 0
                && !world.amocrm.tasks().is_empty()
                && lead.responsible_user_id == 502
                && card(world).is_some_and(|card| card.text.contains("Олег"))
        })
        .await;
    second.nothing_owed().await;
    assert_eq!(second.terminate().await, Some(0), "{at}\n{}", second.log());
    // In amoCRM each once; in Telegram, which has no key, once more where its answer died with the leader, and once more
    // for each answer that a busy machine brought too late.
    let once = (notes(&second, WORDS), notes(&second, ANSWER), second.amocrm.tasks().len());
    assert_eq!(once, (1, 1, 1), "{at}: {:?}\n{}", second.amocrm.lead_with_number(&number), second.log());
    let told = [buyer.has(ANSWER), buyer.has(STAGE), in_group(&second, WORDS)];
    let late: usize = [&first, &second].map(|world| world.log().matches("a message is deferred").count()).iter().sum();
    assert!(told.iter().all(|count| (1..=2 + late).contains(count)), "{at}: {told:?}\n{}", buyer.user.transcript());
    let violations = second.amocrm.contract_violations();
    assert!(violations.is_empty(), "{at}: {violations:?}");
}
