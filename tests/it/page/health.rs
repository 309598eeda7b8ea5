//! `/healthz` and the heartbeat.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use sqlx::{Connection, Executor};
use testkit::{
    fakes::telegram::{Fault, On, Times},
    world::PATIENCE,
};

use crate::page::site::Site;

async fn health(site: &Site) -> (u16, String) {
    let answer = site.get("/healthz").await;
    (answer.status, answer.body)
}

async fn until(site: &Site, status: u16, words: &str) {
    let deadline = tokio::time::Instant::now() + PATIENCE;
    loop {
        let (now, body) = health(site).await;
        if now == status && body.contains(words) {
            assert_eq!(body.lines().count(), 1, "{body}");
            return;
        }
        assert!(tokio::time::Instant::now() < deadline, "still {now} {body}: {}", site.world.log());
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

#[tokio::test]
async fn it_is_healthy_once_it_polls() {
    let mut site = Site::new().await;
    site.world.telegram.fault(On::method("getMe"), Fault::Hang, Times::UntilCleared);
    site.world.start();
    let (status, body) = health(&site).await;
    assert!(status == 503 && body.starts_with("starting"), "{status} {body}");
    site.world.telegram.clear_faults();
    until(&site, 200, "ok").await;
    site.a_lead("Иван").await;
    until(&site, 200, "ok").await;
}

#[tokio::test]
async fn without_telegram_it_is_not() {
    let site = Site::started().await;
    until(&site, 200, "ok").await;
    site.world.telegram.stop().await;
    until(&site, 503, "not polling").await;
    until(&site, 503, "(no connection to Telegram)").await;
    site.world.telegram.restart().await;
    until(&site, 200, "ok").await;
}

#[tokio::test]
async fn without_a_store_it_is_not() {
    let site = Site::started().await;
    until(&site, 200, "ok").await;
    let file = site.world.path("amocrm-lead-bot.sqlite");
    let mut other = sqlx::SqliteConnection::connect(&format!("sqlite://{}", file.display())).await.expect("the file");
    other.execute("BEGIN EXCLUSIVE").await.expect("the lock");
    until(&site, 503, "the store cannot be written").await;
    let metrics = site.get("/metrics").await.body;
    assert!(metrics.contains("\namocrm_lead_bot_store_up 0\n"), "{metrics}");
    assert!(metrics.contains("\namocrm_lead_bot_healthy 0\n"), "{metrics}");
    other.execute("ROLLBACK").await.expect("the lock is given back");
    until(&site, 200, "ok").await;
}

#[tokio::test]
async fn the_heart_beats_while_leads_get_through() {
    let beats = Arc::new(AtomicUsize::new(0));
    let counted = beats.clone();
    let app = axum::Router::new().route(
        "/ping/secret-id",
        axum::routing::get(move || async move {
            counted.fetch_add(1, Ordering::Relaxed);
        }),
    );
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let addr = listener.local_addr().expect("an address");
    tokio::spawn(async move { axum::serve(listener, app).await });
    let mut site = Site::new().await;
    site.world.set("HEARTBEAT_URL", format!("http://{addr}/ping/secret-id"));
    site.start().await;
    site.world.until("the heart beats", |_| beats.load(Ordering::Relaxed) >= 2).await;

    site.world.amocrm.revoke_all();
    site.a_lead("Иван").await;
    site.admin.sees("Заявки не попадают в amoCRM").await;
    tokio::time::sleep(Duration::from_millis(300)).await;
    let before = beats.load(Ordering::Relaxed);
    site.a_while().await;
    assert_eq!(beats.load(Ordering::Relaxed), before, "it beats during an outage");

    let page = site.callback(&[("code", &site.code()), ("state", &site.state().await)]).await;
    assert_eq!(page.status, 200, "{}", page.body);
    site.world.until("the heart beats again", |_| beats.load(Ordering::Relaxed) > before).await;
    assert!(!site.world.log().contains("secret-id"), "{}", site.world.log());
}

#[tokio::test]
async fn a_heartbeat_that_does_not_arrive_harms_nobody() {
    let mut site = Site::new().await;
    site.world.set("HEARTBEAT_URL", "http://127.0.0.1:9/ping/secret-id");
    site.start().await;
    site.world.until("it is logged", |world| world.log().contains("the heartbeat did not arrive")).await;
    site.a_lead("Иван").await;
    site.world.amocrm.wait_for_leads(1, PATIENCE).await;
    assert!(!site.world.log().contains("secret-id"), "{}", site.world.log());
}
