//! `status`, as the operator and a program read it.

use serde_json::Value;
use testkit::{
    fakes::{
        amocrm::{Fault, On, Times},
        telegram,
    },
    world::{PATIENCE, World},
};

use super::commands::a_lead_waits_for_tokens;

#[tokio::test]
async fn status_tells_a_person_and_a_program() {
    let (world, number) = a_lead_waits_for_tokens().await;
    let json = world.run(&["status", "--json"]).await.ended_with(1).stdout;
    let status: Value = serde_json::from_str(&json).expect("JSON");
    let store = world.path("amocrm-lead-bot.sqlite").display().to_string();
    assert_eq!(status["store"], store.as_str(), "{json}");
    for key in ["verdict", "reason", "advice"] {
        assert!(status[key].as_str().is_some_and(|text| !text.is_empty()), "{key}: {json}");
    }
    assert!(status["advice"].as_str().is_some_and(|advice| advice.contains("get-new-tokens")), "{json}");
    assert_eq!((&status["daemon_running"], &status["waiting"]), (&true.into(), &1.into()), "{json}");
    assert!(status["outage_since"].is_string() && status["tokens"]["access_expires_at"].is_string(), "{json}");
    let said = world.run(&["status"]).await.ended_with(1).said();
    for words in ["no access", "reason:", "get-new-tokens", &store] {
        assert!(said.contains(words), "«{words}» is not in {said}");
    }
    assert!(said.contains("running") && said.contains("waiting:           1"), "{said}");
    for text in [&json, &said] {
        world.keeps_secrets(text);
        assert!(!text.contains(&number) && !text.contains("Иван") && !text.contains("9991234567"), "{text}");
    }
}

/// Tokens may be dead before any lead has met them.
#[tokio::test]
async fn status_knows_tokens_that_cannot_work() {
    let mut world = World::new().await;
    world.unset("AMOCRM_REFRESH_TOKEN");
    world.unset("AMOCRM_ACCESS_TOKEN");
    for (expired, advice) in [(false, "get-new-tokens"), (true, "AMOCRM_ACCESS_TOKEN")] {
        if expired {
            // {"iat":1500000000,"exp":1500086400}, which nobody need ask amoCRM about.
            let token = "eyJhbGciOiJSUzI1NiJ9.eyJpYXQiOjE1MDAwMDAwMDAsImV4cCI6MTUwMDA4NjQwMH0.c2lnbmF0dXJl";
            world.set("AMOCRM_ACCESS_TOKEN", token);
            for name in ["AMOCRM_CLIENT_ID", "AMOCRM_CLIENT_SECRET", "AMOCRM_REDIRECT_URL"] {
                world.unset(name);
            }
        }
        let json = world.run(&["status", "--json"]).await.ended_with(1).stdout;
        let status: Value = serde_json::from_str(&json).expect("JSON");
        assert!(status["advice"].as_str().is_some_and(|text| text.contains(advice)), "{json}");
        assert!(status["tokens"]["problem"].is_string(), "{json}");
    }
    assert!(world.amocrm.requests().is_empty());
    // Collecting is what a bot without amoCRM is there for.
    world.without_amocrm();
    let said = world.run(&["status"]).await.ended_with(0).stdout;
    assert!(said.contains("not set up") && said.contains("has not run here yet"), "{said}");
    assert!(said.contains("tokens:            not needed") && !said.contains("none from"), "{said}");
    world.start();
    world.admin_reads("Осталось подключить amoCRM").await;
    let said = world.run(&["status"]).await.ended_with(0).stdout;
    assert!(said.contains("leads are collected and saved") && !said.contains("not run"), "{said}");
}

/// Nothing is wrong with amoCRM, and yet not all is well.
#[tokio::test]
async fn status_says_what_is_wrong_beside_amocrm() {
    let mut world = World::running().await;
    let mut ivan = world.buyer("Иван");
    ivan.begins().await;
    let said = world.run(&["status"]).await.ended_with(0).stdout;
    assert!(said.contains("nothing is known to be wrong"), "{said}");
    let refused = Fault::Validation { path: "name".into(), code: "InvalidType".into() };
    world.amocrm.fault(On::complex(), refused, Times::Forever);
    ivan.commands("/cancel", "отменена").await;
    ivan.leaves_a_request().await;
    world.admin_reads("не принимает заявку").await;
    let said = world.run(&["status"]).await.ended_with(0).stdout;
    assert!(said.contains("amoCRM refuses the data of some leads") && said.contains("what to do:"), "{said}");
    world.terminate().await;
    let json = world.run(&["status", "--json"]).await.ended_with(0).stdout;
    let status: Value = serde_json::from_str(&json).expect("JSON");
    assert!(status["verdict"].as_str().is_some_and(|verdict| verdict.starts_with("the bot is not running")), "{json}");
    assert!(status["advice"].as_str().is_some_and(|advice| advice.contains("start the bot")), "{json}");
}

#[tokio::test]
async fn status_knows_within_seconds_that_telegram_does_not_answer() {
    const DEAF: &str = "what buyers write does not reach the bot";
    let mut world = World::new().await;
    // The admin is told after three minutes.
    world.set("TEST_SPEED", "1");
    let everything = telegram::On::all();
    world.telegram.fault(everything, telegram::Fault::Status(502), telegram::Times::UntilCleared);
    world.start();
    status_comes_to(&world, |said| said.contains(DEAF) && said.contains("fails since:")).await;
    // Whoever comes next goes on with it, and ends it.
    world.kill().await;
    world.start();
    status_comes_to(&world, |said| said.contains(DEAF)).await;
    world.telegram.clear_faults();
    status_comes_to(&world, |said| said.contains("nothing is known to be wrong")).await;
}

async fn status_comes_to(world: &World, so: impl Fn(&str) -> bool) {
    let deadline = tokio::time::Instant::now() + PATIENCE;
    loop {
        let said = world.run(&["status"]).await.ended_with(0).stdout;
        if so(&said) {
            return;
        }
        assert!(tokio::time::Instant::now() < deadline, "{said}");
    }
}

#[tokio::test]
async fn status_doubts_what_is_not_a_token() {
    let mut world = World::new().await;
    world.unset("AMOCRM_REFRESH_TOKEN");
    for token in ["abc", "0a1b2c3d-1111-2222-3333-0123456789ab", "eyJhbGciOiJSUzI1NiJ9.e30"] {
        world.set("AMOCRM_ACCESS_TOKEN", token);
        let json = world.run(&["status", "--json"]).await.ended_with(1).stdout;
        let status: Value = serde_json::from_str(&json).expect("JSON");
        assert!(status["verdict"].as_str().is_some_and(|verdict| verdict.contains("no access")), "{json}");
        assert!(status["tokens"]["problem"].as_str().is_some_and(|text| text.contains("not a token")), "{json}");
        let said = world.run(&["status"]).await.ended_with(1).said();
        assert!(said.contains("not a token") && !said.contains(token), "{said}");
    }
}
