//! Leads move through the stages of amoCRM, and their buyers hear of it: once, by day, on every tariff.

use amocrm_lead_bot::fault::POINTS_OF_STATUSES;
use chrono::{Timelike, Utc};
use futures::future::join_all;
use serde_json::Value;
use testkit::{
    fakes::amocrm::{
        Fault, On, Status, Times,
        account::{FIRST_STATUS, LOST_STATUS, MAIN_PIPELINE, OTHER_PIPELINE, OTHER_STATUS, SECOND_STATUS, WON_STATUS},
    },
    postgres::database,
    world::{Buyer, World},
};

use crate::{main_job::forget::ARISTARKH, page::site::Site};

/// A stage behind the second one.
const THIRD_STATUS: u64 = 7_100_013;

/// A time zone where it is this hour now, so that the tests' day has no night.
pub fn zone_at(hour: u32) -> String {
    let ahead = (i64::from(hour) - i64::from(Utc::now().hour()) + 12).rem_euclid(24) - 12;
    // POSIX counts the other way round.
    format!("Etc/GMT{:+}", -ahead)
}

/// What the dealer has written, for a place where it is this hour now.
fn settings(hour: u32) -> String {
    let zone = zone_at(hour);
    format!(
        "time_zone = \"{zone}\"\n\
         [[status]]\npipeline_id = {MAIN_PIPELINE}\nstatus_id = {SECOND_STATUS}\n\
         text = {{ ru = \"Подбираем автомобиль\", en = \"We are looking for your car\" }}\n\
         [[status]]\npipeline_id = {MAIN_PIPELINE}\nstatus_id = {THIRD_STATUS}\ntext = {{ ru = \"Машина на складе\" }}\n\
         [[status]]\nstatus_id = {WON_STATUS}\ntext = {{ ru = \"Автомобиль куплен\", en = \"Your car has been bought\" }}\n"
    )
}

/// A world with three stages in the main pipeline; nothing is started.
async fn world() -> World {
    let mut world = World::new().await;
    prepare(&mut world);
    world
}

fn prepare(world: &mut World) {
    world.amocrm.account(|account| account.pipelines[0].statuses.insert(3, Status::new(THIRD_STATUS, "Склад")));
    world.set("TEST_SPEED", "150");
    world.write("dealer.toml", &settings(12));
}

/// A world in which a lead is delivered.
async fn with_a_lead(filters: bool) -> (World, Buyer, String, u64) {
    let mut world = world().await;
    world.amocrm.filters(filters);
    world.start();
    let mut buyer = world.buyer("Иван");
    let number = buyer.leaves_a_request().await;
    let lead_id = world.delivered(&number).await.id;
    (world, buyer, number, lead_id)
}

async fn status(world: &World) -> Value {
    serde_json::from_str(&world.run(&["status", "--json"]).await.stdout).expect("JSON")
}

/// Waits until amoCRM was asked about the leads once more than now.
async fn asked_once_more(world: &World) {
    let passes = |world: &World| world.log().matches("leads are asked about").count();
    let before = passes(world);
    // The pass that is under way may have read before what was changed just now.
    world.until("leads are asked about", |world| passes(world) > before + 1).await;
}

/// How often a buyer has heard of stages.
fn news(buyer: &Buyer) -> usize {
    buyer.has("Новости по заявке")
}

#[tokio::test]
async fn a_buyer_hears_of_each_stage_once_and_of_nothing_that_goes_back() {
    let (mut world, mut buyer, number, lead_id) = with_a_lead(true).await;
    let mut anna = world.buyer("Anna");
    anna.answers(ARISTARKH).await;
    let second = anna.submits().await;
    let second_id = world.delivered(&second).await.id;
    world.amocrm.move_lead_into(lead_id, MAIN_PIPELINE, SECOND_STATUS);
    let told = buyer.hears("Подбираем автомобиль").await.text;
    assert!(told.contains(&format!("#{number}")), "{told}");
    buyer.commands("/my", "Подбираем автомобиль").await;
    // Back, and on again: silent.
    for stage in [FIRST_STATUS, SECOND_STATUS, FIRST_STATUS] {
        world.amocrm.move_lead_into(lead_id, MAIN_PIPELINE, stage);
        asked_once_more(&world).await;
    }
    assert_eq!(news(&buyer), 1, "{}", buyer.user.transcript());
    buyer.commands("/my", "у менеджера").await;
    // Two stages at once are the newest; what was lost is silent, and what was won after all is told.
    world.amocrm.move_lead_into(lead_id, MAIN_PIPELINE, LOST_STATUS);
    asked_once_more(&world).await;
    buyer.commands("/my", "закрыта").await;
    world.amocrm.move_lead_into(lead_id, OTHER_PIPELINE, OTHER_STATUS);
    world.amocrm.move_lead_into(lead_id, OTHER_PIPELINE, WON_STATUS);
    buyer.hears("Автомобиль куплен").await;
    assert_eq!(news(&buyer), 2, "{}", buyer.user.transcript());
    // In English; whoever closes the chat is asked about no more.
    anna.commands("/language", "Выберите язык").await;
    anna.presses("language:en", "English").await;
    world.amocrm.move_lead_into(second_id, MAIN_PIPELINE, SECOND_STATUS);
    anna.hears("We are looking for your car").await;
    anna.user.blocks_bot();
    world.amocrm.move_lead_into(second_id, MAIN_PIPELINE, WON_STATUS);
    world.until("she is given up", |world| world.log().contains("a buyer's chat is closed")).await;
    let after = loop {
        let after = status(&world).await;
        if after["leads_watched"] == 1 {
            break after;
        }
    };
    assert_eq!((&after["statuses_asked_by"], &after["status_messages_owed"]), (&"ids".into(), &0.into()), "{after}");
    assert_eq!(world.terminate().await, Some(0));
    buyer.never_read_of_an_error();
}

#[tokio::test]
async fn whatever_the_account_lets_be_asked_a_stage_is_seen() {
    let way = async |by: &str, events: bool, filters: bool| {
        let (mut world, mut buyer, _, lead_id) = with_a_lead(filters).await;
        if !events {
            world.amocrm.fault(On::get("/api/v4/events"), Fault::Status(403), Times::Forever);
        }
        // What an ignored filter brings is somebody else's.
        let other = world.amocrm.add_lead("Чужая сделка");
        world.amocrm.move_lead_into(other, MAIN_PIPELINE, WON_STATUS);
        asked_once_more(&world).await;
        world.amocrm.move_lead_into(lead_id, MAIN_PIPELINE, SECOND_STATUS);
        buyer.hears("Подбираем автомобиль").await;
        let asked = loop {
            let asked = status(&world).await;
            if asked["statuses_asked_by"] == by {
                break asked;
            }
        };
        assert_eq!(news(&buyer), 1, "{by}: {asked}\n{}", buyer.user.transcript());
        assert_eq!(world.terminate().await, Some(0));
    };
    tokio::join!(way("ids", true, true), way("events", true, false), way("newest", false, false));
}

#[tokio::test]
async fn a_lead_that_is_merged_trashed_or_without_a_stage_says_nothing_until_it_goes_on() {
    let (mut world, mut buyer, number, lead_id) = with_a_lead(true).await;
    // Whose lead stays open, so that those that are over are asked about along with it.
    let mut anna = world.buyer("Anna");
    anna.answers(ARISTARKH).await;
    let second = anna.submits().await;
    world.delivered(&second).await;
    world.amocrm.remove_stage_of(lead_id);
    asked_once_more(&world).await;
    world.amocrm.trash_lead(lead_id);
    loop {
        asked_once_more(&world).await;
        buyer.user.command("/my");
        if buyer.hears("Ваши заявки").await.text.contains("закрыта автосалоном") {
            break;
        }
    }
    world.amocrm.restore_lead(lead_id);
    world.amocrm.move_lead_into(lead_id, MAIN_PIPELINE, SECOND_STATUS);
    buyer.hears("Подбираем автомобиль").await;
    // Merged into an older deal, which was won long ago: that is no news, what comes then is.
    let older = world.amocrm.add_lead("Старая сделка");
    world.amocrm.move_lead_into(older, MAIN_PIPELINE, WON_STATUS);
    world.amocrm.attach(older, world.delivered(&number).await.contact_id.expect("a contact"));
    world.amocrm.merge_leads(lead_id, older);
    world.until("it is followed", |world| world.log().contains("which is watched from now on")).await;
    asked_once_more(&world).await;
    world.amocrm.move_lead_into(older, OTHER_PIPELINE, OTHER_STATUS);
    asked_once_more(&world).await;
    world.amocrm.move_lead_into(older, OTHER_PIPELINE, WON_STATUS);
    buyer.hears("Автомобиль куплен").await;
    assert_eq!(news(&buyer), 2, "{}", buyer.user.transcript());
    assert_eq!(world.terminate().await, Some(0));
}

#[tokio::test]
async fn at_night_nobody_is_told_and_what_was_there_before_is_no_news() {
    let (mut world, mut buyer, number, lead_id) = with_a_lead(true).await;
    // Delivered and moved before anybody watched.
    assert_eq!(world.terminate().await, Some(0));
    world.write("dealer.toml", "");
    world.start();
    world.amocrm.move_lead_into(lead_id, MAIN_PIPELINE, SECOND_STATUS);
    buyer.commands("/my", "у менеджера").await;
    assert_eq!(world.terminate().await, Some(0));
    let unknown = "[[status]]\nstatus_id = 555\ntext = \"?\"\n";
    world.write("dealer.toml", &format!("{}{unknown}", settings(2)));
    world.start();
    let told = world.admin_reads("этапа 555").await;
    assert!(told.contains("[[status]]"), "{told}");
    asked_once_more(&world).await;
    buyer.commands("/my", "Подбираем автомобиль").await;
    // At night it is owed, also by a process that comes later.
    world.amocrm.move_lead_into(lead_id, MAIN_PIPELINE, THIRD_STATUS);
    while status(&world).await["status_messages_owed"] != 1 {}
    assert_eq!(world.terminate().await, Some(0));
    world.write("dealer.toml", &settings(9));
    world.start();
    let heard = buyer.hears("Машина на складе").await.text;
    assert!(heard.contains(&format!("#{number}")), "{heard}");
    asked_once_more(&world).await;
    assert_eq!((news(&buyer), world.admin_has("этапа 555")), (1, 1), "{}", buyer.user.transcript());
    assert_eq!(world.terminate().await, Some(0));
}

/// The daemon dies at a point on the way of a stage to its buyer.
async fn dies_at(point: &str, database: Option<String>) {
    let mut world = world().await;
    if let Some(database) = &database {
        world.set("DATABASE_URL", database);
    }
    world.set("TEST_KILL_AT", point);
    world.start();
    let mut buyer = world.buyer("Иван");
    let number = buyer.leaves_a_request().await;
    let lead_id = world.delivered(&number).await.id;
    // On PostgreSQL a second one waits to lead, and does.
    let mut standby = database.as_ref().map(|_| {
        let mut standby = world.beside();
        standby.unset("TEST_KILL_AT");
        standby.write("dealer.toml", &settings(12));
        standby.start();
        standby
    });
    world.amocrm.move_lead_into(lead_id, MAIN_PIPELINE, SECOND_STATUS);
    assert_eq!(world.ended().await, None, "it died at {point}");
    if standby.is_none() {
        world.unset("TEST_KILL_AT");
        world.start();
    }
    let survivor = standby.as_mut().unwrap_or(&mut world);
    buyer.hears("Подбираем автомобиль").await;
    asked_once_more(survivor).await;
    assert_eq!(survivor.terminate().await, Some(0), "{point}");
    assert_eq!(news(&buyer), 1, "{point}: {}", buyer.user.transcript());
}

#[tokio::test]
async fn whatever_dies_meanwhile_a_stage_is_told_once() {
    join_all(POINTS_OF_STATUSES.iter().map(|point| dies_at(point, None))).await;
}

#[tokio::test]
async fn a_second_daemon_tells_of_a_stage_on_postgresql() {
    let Some(url) = database().await else { return };
    dies_at("status.in_commit", Some(url)).await;
}

#[tokio::test]
async fn a_webhook_makes_it_sooner_and_tells_strangers_nothing() {
    let mut site = Site::new().await;
    prepare(&mut site.world);
    // By itself it would be asked in two minutes.
    site.world.set("TEST_SPEED", "1");
    site.world.set("AMOCRM_WEBHOOK_SECRET", "a-secret-of-an-address");
    site.world.amocrm.filters(true);
    site.start().await;
    let mut buyer = site.world.buyer("Иван");
    let number = buyer.leaves_a_request().await;
    let lead_id = site.world.delivered(&number).await.id;
    site.world.nothing_owed().await;
    site.world.amocrm.move_lead_into(lead_id, MAIN_PIPELINE, SECOND_STATUS);
    let body = format!("leads[status][0][id]={lead_id}&leads[status][0][status_id]=142&leads[status][1][id]=1");
    let call = async |secret: &str| {
        let url = format!("{}/amocrm/{secret}", site.base().await);
        let request = site.http.post(url).header("content-type", "application/x-www-form-urlencoded");
        request.body(body.clone()).send().await.expect("an answer").status().as_u16()
    };
    assert_eq!((call("another-secret-of-one").await, call("").await), (404, 404));
    assert_eq!(call("a-secret-of-an-address").await, 200);
    // What it says of the stage is not believed.
    buyer.hears("Подбираем автомобиль").await;
    assert_eq!(site.world.amocrm.count(&On::get(&format!("/api/v4/leads/{lead_id}")).exactly()), 1);
    assert!(!site.world.log().contains("a-secret-of-an-address"));
    assert_eq!(site.world.terminate().await, Some(0));
}
