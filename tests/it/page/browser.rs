//! The admin's way on a phone, in a real browser: tap the link, allow, read "done".

use std::{path::PathBuf, process::Stdio};

use axum::{extract::Query, response::Redirect, routing::get};
use tokio::process::Command;

use crate::page::site::Site;

/// The admin's link, led to our stand-in for amoCRM's page.
fn through(link: &url::Url, stand_in: &str) -> String {
    link.as_str().strip_prefix("https://www.amocrm.ru").map(|rest| format!("{stand_in}{rest}")).expect("amoCRM's page")
}

/// Loads an address on a phone-sized screen: the page as text, and a screenshot.
async fn load(program: &PathBuf, url: &str, screenshot: &str, dark: bool) -> String {
    let profile = tempfile::tempdir().expect("a folder");
    let picture = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(screenshot);
    let mut command = Command::new(program);
    command
        .args(["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"])
        .args(["--disable-background-networking", "--disable-component-update", "--disable-sync"])
        .args(["--hide-scrollbars", "--window-size=390,844", "--virtual-time-budget=5000"])
        .arg(format!("--user-data-dir={}", profile.path().display()))
        .arg(format!("--screenshot={}", picture.display()))
        .args(dark.then_some("--blink-settings=preferredColorScheme=0"))
        .args(["--dump-dom", url])
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .kill_on_drop(true);
    let output = tokio::time::timeout(2 * testkit::world::PATIENCE, command.output()).await;
    let output = output.expect("the browser ends").expect("the browser's output");
    assert!(picture.is_file(), "there is no screenshot");
    println!("screenshot: {}", picture.display());
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// amoCRM's page with the button "allow", which is pressed at once; or "deny".
async fn consent(site: &Site, allow: bool) -> String {
    let (code, account, back) = (site.code(), site.account(), site.base().await);
    let page = move |Query(query): Query<std::collections::HashMap<String, String>>| async move {
        let mut url = url::Url::parse(&format!("{back}/amo/back")).expect("an address");
        let mut answer = url.query_pairs_mut();
        if allow {
            answer.append_pair("code", &code).append_pair("referer", &account);
        } else {
            answer.append_pair("error", "access_denied");
        }
        answer.append_pair("state", &query["state"]).append_pair("client_id", &query["client_id"]);
        drop(answer);
        Redirect::to(url.as_str())
    };
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let addr = listener.local_addr().expect("an address");
    tokio::spawn(async move { axum::serve(listener, axum::Router::new().route("/oauth", get(page))).await });
    format!("http://{addr}")
}

#[tokio::test]
async fn an_admin_renews_access_with_two_taps() {
    let Some(program) = testkit::browser::installed() else {
        assert!(std::env::var_os("CI").is_none(), "there is no chromium: apt-get install chromium");
        testkit::skipped("there is no chromium, so nobody has seen the page. apt-get install chromium");
        return;
    };
    let mut site = Site::new().await;
    site.world.amocrm.revoke_all();
    site.start().await;
    for name in ["Иван", "Мария"] {
        site.a_lead(name).await;
    }
    let link = through(&site.tapped().await, &consent(&site, true).await);
    let page = load(&program, &link, "page-done.png", false).await;
    assert!(page.contains("<h1>Готово</h1>") && page.contains("2 заявки передаются"), "{page}");
    assert!(page.contains("tg://resolve?domain="), "{page}");
    site.world.amocrm.wait_for_leads(2, testkit::world::PATIENCE).await;
    site.nothing_secret_in(&page);

    // The same tab once more.
    let page = load(&program, &link, "page-again.png", true).await;
    assert!(page.contains("<h1>Уже готово</h1>") && page.contains("по этой ссылке уже получен"), "{page}");

    let link = through(&site.tapped().await, &consent(&site, false).await);
    let page = load(&program, &link, "page-denied.png", false).await;
    assert!(page.contains("нажата «Отмена»"), "{page}");
}
