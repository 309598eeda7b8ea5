//! The redirect back from amoCRM: who is let in, and what the page says.

use amocrm_lead_bot::clock::Clock;
use chrono::Utc;
use testkit::{
    fakes::amocrm::{Fault, On, Times},
    world::PATIENCE,
};

use crate::page::site::Site;

#[tokio::test]
async fn a_right_code_renews_access_and_the_backlog_drains() {
    let mut site = Site::new().await;
    site.world.amocrm.revoke_all();
    site.start().await;
    for name in ["Иван", "Мария", "Пётр"] {
        site.a_lead(name).await;
    }
    site.admin.sees("Заявки не попадают в amoCRM").await;
    let (state, code, account) = (site.state().await, site.code(), site.account());
    let page = site
        .callback(&[
            ("code", &code),
            ("state", &state),
            ("referer", &account),
            ("client_id", "x"),
            ("from_widget", "1"),
        ])
        .await;
    assert_eq!(page.status, 200, "{}", page.body);
    assert!(page.body.contains("<h1>Готово</h1>") && page.body.contains("3 заявки передаются"), "{}", page.body);
    assert!(page.body.contains("Done") && page.body.contains("3 leads are being delivered"), "{}", page.body);
    site.world.amocrm.wait_for_leads(3, PATIENCE).await;
    site.admin.sees("Доступ к amoCRM обновлён").await;
    site.nothing_secret_in(&page.body);
    site.nothing_secret_in(&site.world.log());

    // The page is loaded anew, by the admin or by a browser that restores its tabs.
    let again = site.callback(&[("code", &code), ("state", &state), ("referer", &account)]).await;
    assert!(again.status == 200 && again.body.contains("<h1>Уже готово</h1>"), "{}", again.body);
    assert!(again.body.contains("Already done") && again.body.contains("Больше ничего не нужно"), "{}", again.body);
    // With another code it is somebody else, or another time.
    let other = site.callback(&[("code", &site.code()), ("state", &state), ("referer", &account)]).await;
    assert!(other.status == 403 && other.body.contains("уже использована"), "{}", other.body);
    assert_eq!(site.told("Доступ к amoCRM обновлён").len(), 1);
}

#[tokio::test]
async fn codes_that_do_not_work_are_said_in_words() {
    let site = Site::started().await;
    let used = site.code();
    let account = site.account();
    let first = site.callback(&[("code", &used), ("state", &site.state().await), ("referer", &account)]).await;
    assert_eq!(first.status, 200, "{}", first.body);
    let late = site.code();
    site.world.amocrm.expire_code(&late);
    for (code, words) in [(used.as_str(), "уже использован"), (&late, "устарел"), ("def50200abcdef", "не узнаёт")]
    {
        let page = site.callback(&[("code", code), ("state", &site.state().await), ("referer", &account)]).await;
        assert_eq!(page.status, 400, "{}", page.body);
        assert!(page.body.contains(words) && page.body.contains("отправьте боту /auth"), "{words}: {}", page.body);
        assert!(page.body.contains("It did not work"), "{}", page.body);
        site.nothing_secret_in(&page.body);
    }
    site.nothing_secret_in(&site.world.log());
}

#[tokio::test]
async fn a_state_is_good_once_for_half_an_hour_and_from_us_only() {
    let site = Site::started().await;
    let (code, account) = (site.code(), site.account());
    let now = Utc::now().timestamp_millis();
    // Given out so many minutes ago; the daemon's own time runs 20 times faster.
    let young = crate::page::site::state_of(&site.link_at(Clock::following_tokio(now - 60_000)).await);
    let old = crate::page::site::state_of(&site.link_at(Clock::following_tokio(now - 2 * 60_000)).await);
    let mut forged = young.clone();
    forged.replace_range(..1, if young.starts_with('A') { "B" } else { "A" });
    let endless = "x".repeat(3000);
    for state in [None, Some(""), Some("x"), Some(forged.as_str()), Some(&old), Some(&endless)] {
        let mut query = vec![("code", code.as_str()), ("referer", &account)];
        query.extend(state.map(|state| ("state", state)));
        let page = site.callback(&query).await;
        assert_eq!(page.status, 403, "{state:?}: {}", page.body);
        assert!(page.body.contains("уже использована или устарела"), "{}", page.body);
    }
    assert_eq!(site.world.amocrm.count(&On::oauth()), 0, "a code went out without a state");
    let page = site.callback(&[("code", &code), ("referer", &account), ("state", &young)]).await;
    assert_eq!(page.status, 200, "{}", page.body);
    let page = site.callback(&[("code", &site.code()), ("referer", &account), ("state", &young)]).await;
    assert_eq!(page.status, 403, "{}", page.body);
}

#[tokio::test]
async fn of_two_who_bring_one_state_one_is_let_in() {
    let site = Site::started().await;
    let (state, account) = (site.state().await, site.account());
    let (one, other) = (site.code(), site.code());
    let bring = async |code: &str| site.callback(&[("code", code), ("state", &state), ("referer", &account)]).await;
    let (one, other) = tokio::join!(bring(&one), bring(&other));
    let mut statuses = [one.status, other.status];
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 403]);
}

#[tokio::test]
async fn a_secret_never_goes_to_a_stranger() {
    let site = Site::started().await;
    let code = site.code();
    for (referer, words) in [
        ("evil.example", "не из amoCRM"),
        ("evil.example/.amocrm.ru", "не из amoCRM"),
        ("amocrm.ru.evil.example", "не из amoCRM"),
        ("a@evil.example:1", "не из amoCRM"),
        ("127.0.0.1:1", "не из amoCRM"),
        ("other.amocrm.ru", "другого аккаунта: other.amocrm.ru"),
        ("OTHER.kommo.com", "другого аккаунта: other.kommo.com"),
    ] {
        let page = site.callback(&[("code", &code), ("state", &site.state().await), ("referer", referer)]).await;
        assert!(page.body.contains(words), "{referer}: {}", page.body);
        assert!((400..=403).contains(&page.status), "{referer}: {}", page.status);
    }
    assert_eq!(site.world.amocrm.count(&On::oauth()), 0);
    site.nothing_secret_in(&site.world.log());
}

#[tokio::test]
async fn denying_and_strange_addresses_change_nothing() {
    let site = Site::started().await;
    let state = site.state().await;
    let page = site.callback(&[("error", "access_denied"), ("client_id", "x"), ("state", &state)]).await;
    assert!(page.status == 403 && page.body.contains("нажата «Отмена»"), "{}", page.body);
    for query in
        ["", "?", "?code=", "?state=x&referer=y", "?code=%00%01&state=x", "?code=a%20b%20c%20d&state=x", "?code"]
    {
        for path in ["/callback", "/callback/", "/amo/back"] {
            let page = site.get(&format!("{path}{query}")).await;
            assert_eq!(page.status, 400, "{path}{query}");
            assert!(page.body.contains("нет кода от amoCRM"), "{}", page.body);
        }
    }
    // The state of a denied request still works: the admin thinks again and goes one page back.
    let page = site.callback(&[("code", &site.code()), ("state", &state)]).await;
    assert_eq!(page.status, 200, "{}", page.body);
}

#[tokio::test]
async fn nothing_that_is_brought_gets_into_the_page_as_markup() {
    let site = Site::started().await;
    let evil = "\"'><script>alert(1)</script><img src=x onerror=alert(1)>";
    let code = site.code();
    let state = site.state().await;
    for query in [
        vec![("code", evil)],
        vec![("code", code.as_str()), ("state", evil)],
        vec![("code", &code), ("state", &state), ("referer", evil)],
        vec![("error", evil), ("error_description", evil)],
        vec![("client_id", evil), ("platform", evil), (evil, evil)],
    ] {
        let page = site.callback(&query).await;
        assert!(!page.body.contains("<script") && !page.body.contains("onerror"), "{query:?}: {}", page.body);
    }
    // Nor what amoCRM's answer says.
    let problem = Fault::OauthProblem { status: 400, hint: format!("Something new {evil}") };
    site.world.amocrm.fault(On::oauth(), problem, Times::N(1));
    let page = site.callback(&[("code", &code), ("state", &site.state().await)]).await;
    assert!(page.body.contains("&lt;script&gt;") && !page.body.contains("<script"), "{}", page.body);
}

#[tokio::test]
async fn every_answer_keeps_to_itself() {
    let site = Site::started().await;
    for path in ["/callback", "/amo/back?code=def50200aa&state=b", "/", "/healthz", "/metrics", "/favicon.ico"] {
        let answer = site.get(path).await;
        let header = |name: &str| answer.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
        assert!(header("content-security-policy").starts_with("default-src 'none'; style-src 'sha256-"), "{path}");
        assert!(header("content-security-policy").contains("frame-ancestors 'none'"), "{path}");
        assert_eq!(header("referrer-policy"), "no-referrer", "{path}");
        assert_eq!(header("cache-control"), "no-store", "{path}");
        assert_eq!(header("x-content-type-options"), "nosniff", "{path}");
        assert!(!answer.body.contains("http://") && !answer.body.contains("https://"), "{path}: {}", answer.body);
    }
    assert_eq!(site.get("/").await.status, 404);
    assert_eq!(site.get("/callbacks").await.status, 404);
    let base = site.base().await;
    let (code, state) = (site.code(), site.state().await);
    let url = format!("{base}/amo/back?code={code}&state={state}");
    assert_eq!(site.http.head(&url).send().await.expect("an answer").status(), 405);
    assert_eq!(site.http.post(&url).body("x").send().await.expect("an answer").status(), 405);
    assert_eq!(site.http.head(format!("{base}/")).send().await.expect("an answer").status(), 404);
    let long = format!("{base}/callback?code={}", "a".repeat(40_000));
    assert!(site.http.get(&long).send().await.is_ok_and(|answer| answer.status().is_client_error()));
    assert_eq!(site.world.amocrm.count(&On::oauth()), 0, "a mere look used the code");
    assert_eq!(site.http.get(&url).send().await.expect("an answer").status(), 200);
    site.nothing_secret_in(&site.world.log());
}

#[tokio::test]
async fn amocrm_in_trouble_is_told_from_a_wrong_code() {
    let site = Site::started().await;
    for (fault, words) in [
        (Fault::Html(502), "amoCRM не отвечает"),
        (Fault::Html(403), "заблокировала"),
        (Fault::CutBefore, "amoCRM не отвечает"),
    ] {
        let id = site.world.amocrm.fault(On::oauth(), fault, Times::Forever);
        let page = site.callback(&[("code", &site.code()), ("state", &site.state().await)]).await;
        site.world.amocrm.clear_fault(id);
        assert!(page.status == 503 && page.body.contains(words), "{words}: {}", page.body);
    }
    let (id, redirect) = (site.world.amocrm.client_id(), crate::page::site::REDIRECT);
    site.world.amocrm.credentials(&id, "another-secret", redirect);
    let page = site.callback(&[("code", &site.code()), ("state", &site.state().await)]).await;
    assert!(page.status == 400 && page.body.contains("неверный ID или секретный ключ"), "{}", page.body);
}

#[tokio::test]
async fn without_an_integration_there_is_nothing_to_authorize() {
    let mut site = Site::new().await;
    for name in ["AMOCRM_CLIENT_ID", "AMOCRM_CLIENT_SECRET", "AMOCRM_REDIRECT_URL", "AMOCRM_REFRESH_TOKEN"] {
        site.world.unset(name);
    }
    site.start().await;
    let page = site.get("/callback?code=def50200aa&state=b").await;
    assert!(page.status == 503 && page.body.contains("без настроек интеграции"), "{}", page.body);
}

#[tokio::test]
async fn an_address_that_is_taken_ends_the_start_with_one_line() {
    let taken = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let mut site = Site::new().await;
    site.world.set("HTTP_ADDR", taken.local_addr().expect("an address").to_string());
    site.world.start();
    assert_eq!(site.world.ended().await, Some(78));
    let last = site.world.log().lines().last().unwrap_or_default().to_owned();
    assert!(last.starts_with("HTTP_ADDR: 127.0.0.1:"), "{last}");
}

#[tokio::test]
async fn clients_that_say_nothing_hold_nobody_up() {
    let mut site = Site::started().await;
    let addr = site.base().await.replace("http://", "");
    let mut silent = Vec::new();
    for _ in 0..30 {
        silent.push(tokio::net::TcpStream::connect(&addr).await.expect("a connection"));
    }
    assert!(site.get("/healthz").await.body.starts_with("starting") || site.get("/healthz").await.status == 200);
    let begun = std::time::Instant::now();
    assert_eq!(site.world.terminate().await, Some(0));
    site.world.took(begun.elapsed(), std::time::Duration::from_secs(5)).await;
    drop(silent);
}
