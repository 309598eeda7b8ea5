//! Strangers: at the page, and in the place of the servers that the daemon talks to.

use std::time::{Duration, Instant};

use testkit::world::PATIENCE;
use tokio::{io::AsyncWriteExt, net::TcpStream};

use crate::page::{
    gate::{Does, Gate},
    site::Site,
};

/// More than an unoptimized daemon needs, far less than what the strangers send.
const MOST_MEMORY: u64 = 150 << 20;

#[tokio::test]
async fn whoever_hoards_unfinished_requests_holds_nobody_up() {
    let mut site = Site::started().await;
    let addr = site.base().await.replace("http://", "");
    let mut half = Vec::new();
    for begun in 0..300 {
        let mut stream = TcpStream::connect(&addr).await.expect("a connection");
        let said: &[u8] = [&b""[..], b"GET", b"GET /healthz HTTP/1.1\r\nHost: a\r\nX: "][begun % 3];
        // It may have had to give way already.
        let _ = stream.write_all(said).await;
        half.push(stream);
    }
    let asked = Instant::now();
    for _ in 0..20 {
        site.get("/healthz").await;
    }
    site.world.took(asked.elapsed(), Duration::from_secs(3)).await;
    for _ in 0..100 {
        half.push(TcpStream::connect(&addr).await.expect("a connection"));
    }
    let stopped = Instant::now();
    assert_eq!(site.world.terminate().await, Some(0));
    site.world.took(stopped.elapsed(), Duration::from_secs(4)).await;
    assert!(site.world.log().contains("too many unfinished connections"), "{}", site.world.log());
}

#[tokio::test]
async fn a_redirect_leads_nobody_to_a_stranger() {
    let trap = Gate::new("", Does::Endless).await;
    let mut site = Site::new().await;
    let telegram = Gate::new(&site.world.telegram.url(), Does::Pass).await;
    let amocrm = Gate::new(&site.world.amocrm.url(), Does::Pass).await;
    let heartbeat = Gate::new("", Does::Redirect(format!("{}/ping", trap.url()))).await;
    site.world.set("TELEGRAM_API_URL", telegram.url());
    site.world.set("AMOCRM_BASE_URL", amocrm.url());
    site.world.set("HEARTBEAT_URL", format!("{}/ping/secret-id", heartbeat.url()));
    site.start().await;
    let mut ivan = site.world.buyer("Иван");
    ivan.fills_in().await;
    site.world.until("the heartbeat points elsewhere", |_| !heartbeat.heads().is_empty()).await;
    amocrm.does(Does::Redirect(format!("{}/api", trap.url())));
    ivan.submits().await;
    site.world.until("amoCRM points elsewhere", |_| !amocrm.heads().is_empty()).await;
    telegram.does(Does::Redirect(format!("{}/bot", trap.url())));
    site.world.until("Telegram points elsewhere", |_| telegram.heads().len() >= 2).await;
    let words = |world: &testkit::world::World| world.log().matches("redirect (302) to http://127.0.0.1").count() >= 2;
    site.world.until("it is said in words", words).await;
    assert!(heartbeat.heads().iter().chain(&telegram.heads()).all(|head| !head.to_lowercase().contains("referer")));
    telegram.does(Does::Pass);
    amocrm.does(Does::Pass);
    site.world.amocrm.wait_for_leads(1, PATIENCE).await;
    assert_eq!(trap.heads(), Vec::<String>::new());
    site.nothing_secret_in(&site.world.log());
    assert!(!site.world.log().contains("secret-id"), "{}", site.world.log());
}

#[tokio::test]
async fn answers_without_an_end_take_no_memory_and_the_lead_arrives() {
    let mut site = Site::new().await;
    let telegram = Gate::new(&site.world.telegram.url(), Does::Endless).await;
    let amocrm = Gate::new(&site.world.amocrm.url(), Does::Endless).await;
    let heartbeat = Gate::new("", Does::Endless).await;
    site.world.set("TELEGRAM_API_URL", telegram.url());
    site.world.set("AMOCRM_BASE_URL", amocrm.url());
    site.world.set("HEARTBEAT_URL", format!("{}/ping/secret-id", heartbeat.url()));
    site.world.start();
    let asked = |gate: &Gate, path: &str| gate.heads().iter().filter(|head| head.contains(path)).count();
    site.world.until("who the bot is is asked in vain", |_| asked(&telegram, "/GetMe") >= 2).await;
    telegram.does(Does::Pass);
    site.world.until("the heart beats", |_| !heartbeat.heads().is_empty()).await;
    let mut ivan = site.world.buyer("Иван");
    ivan.fills_in().await;
    let number = ivan.submits().await;
    site.world.until("amoCRM is asked in vain", |_| asked(&amocrm, "/api/v4/") >= 2).await;
    site.world.amocrm.expire_access_tokens();
    amocrm.does(Does::EndlessAt("/oauth2/"));
    site.world.until("tokens are asked for in vain", |_| asked(&amocrm, "/oauth2/access_token") >= 1).await;
    telegram.does(Does::Endless);
    site.world.until("Telegram is polled in vain", |_| asked(&telegram, "/getUpdates") >= 8).await;
    telegram.does(Does::Pass);
    amocrm.does(Does::Pass);
    site.world.delivered(&number).await;
    // Not before: an answer that says "ok" and is cut off when the stranger goes counts as Telegram's.
    ivan.user.command("/help");
    ivan.hears("/cancel").await;
    assert_eq!(site.world.amocrm.leads().len(), 1);
    let (peak, log) = (site.world.peak_memory(), site.world.log());
    println!("{} MB at most", peak >> 20);
    assert!(peak < MOST_MEMORY, "{peak}: {log}");
    assert!(log.contains("asking for fewer"), "{log}");
    assert_eq!(site.world.terminate().await, Some(0));
}
