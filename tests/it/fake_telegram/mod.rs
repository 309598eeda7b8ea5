//! The fake Telegram keeps its promise: what the documentation of the Bot API says, over real HTTP and with teloxide.

mod messages;
mod network;
mod reading;
mod updates;

use std::time::Duration;

use serde_json::{Value, json};
use teloxide::Bot;
use testkit::fakes::telegram::{FakeTelegram, FakeUser, TOKEN};

const SOON: Duration = Duration::from_secs(120);

fn url(tg: &FakeTelegram, method: &str) -> String {
    format!("{}/bot{TOKEN}/{method}", tg.url())
}

/// Calls a method with JSON and gives the HTTP status and the body.
async fn call(tg: &FakeTelegram, method: &str, params: Value) -> (u16, Value) {
    try_call(tg, method, params).await.expect("an HTTP answer")
}

async fn try_call(tg: &FakeTelegram, method: &str, params: Value) -> Result<(u16, Value), reqwest::Error> {
    let client = reqwest::Client::builder().no_proxy().build()?;
    let response = client.post(url(tg, method)).json(&params).send().await?;
    let status = response.status().as_u16();
    Ok((status, serde_json::from_str(&response.text().await?).unwrap_or(Value::Null)))
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

async fn update_ids(tg: &FakeTelegram, params: Value) -> Vec<i64> {
    let updates = ok(tg, "getUpdates", params).await;
    let ids = updates.as_array().unwrap().iter();
    ids.map(|update| update["update_id"].as_i64().unwrap()).collect()
}

fn teloxide(tg: &FakeTelegram) -> Bot {
    let client = teloxide::net::default_reqwest_settings().no_proxy().build().unwrap();
    Bot::with_client(tg.token(), client).set_api_url(tg.url().parse().unwrap())
}

/// A world in which Иван has written to the bot before.
async fn ivan() -> (FakeTelegram, FakeUser) {
    let tg = FakeTelegram::start().await;
    let ivan = tg.user("Иван").known();
    (tg, ivan)
}
