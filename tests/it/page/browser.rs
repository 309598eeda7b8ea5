//! The admin's way on a phone, in a real browser: tap the link, allow, read "done".

use std::path::Path;

use axum::{extract::Query, response::Redirect, routing::get};
use testkit::browser::{self, Browser};

use crate::page::site::Site;

/// The admin's link, led to our stand-in for amoCRM's page.
fn through(link: &url::Url, stand_in: &str) -> String {
    link.as_str().strip_prefix("https://www.amocrm.ru").map(|rest| format!("{stand_in}{rest}")).expect("amoCRM's page")
}

/// Loads an address on a phone-sized screen: the page as HTML, once it has these words; and a screenshot.
async fn load(program: &Path, url: &str, words: &'static str, screenshot: &'static str, dark: bool) -> String {
    let (program, url) = (program.to_owned(), url.to_owned());
    let looks = move || {
        let mut browser = Browser::start(&program, 390, 844)?;
        browser.prefers_dark(dark)?;
        browser.open(&url)?;
        browser.until(&format!("document.body.innerText.includes({words:?})"))?;
        let picture = Path::new(env!("CARGO_TARGET_TMPDIR")).join(screenshot);
        std::fs::write(&picture, browser.screenshot()?)?;
        println!("screenshot: {}", picture.display());
        browser.value("document.documentElement.outerHTML")
    };
    let page = tokio::task::spawn_blocking(looks).await.expect("the browser ends");
    page.unwrap_or_else(|why| panic!("{why}")).as_str().expect("HTML").to_owned()
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
    let Some(program) = browser::for_a_test("seen the page") else { return };
    let mut site = Site::new().await;
    site.world.amocrm.revoke_all();
    site.start().await;
    for name in ["Иван", "Мария"] {
        site.a_lead(name).await;
    }
    let link = through(&site.tapped().await, &consent(&site, true).await);
    let page = load(&program, &link, "Готово", "page-done.png", false).await;
    assert!(page.contains("<h1>Готово</h1>") && page.contains("2 заявки передаются"), "{page}");
    assert!(page.contains("tg://resolve?domain="), "{page}");
    site.world.amocrm.wait_for_leads(2, testkit::world::PATIENCE).await;
    site.nothing_secret_in(&page);

    // The same tab once more.
    let page = load(&program, &link, "Уже готово", "page-again.png", true).await;
    assert!(page.contains("<h1>Уже готово</h1>") && page.contains("по этой ссылке уже получен"), "{page}");

    let link = through(&site.tapped().await, &consent(&site, false).await);
    let page = load(&program, &link, "нажата «Отмена»", "page-denied.png", false).await;
    assert!(page.contains("нажата «Отмена»"), "{page}");
}
