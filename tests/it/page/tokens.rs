//! What the admin is told of tokens before they end.

use chrono::{Duration, Utc};
use testkit::{
    fakes::amocrm::{Fault, On, Times},
    world::PATIENCE,
};

use crate::page::site::Site;

/// A pair whose access token has so many minutes left.
fn pair_with(site: &mut Site, minutes: i64) {
    let issued = Utc::now() - Duration::hours(24) + Duration::minutes(minutes);
    let (access, refresh) = site.world.amocrm.issue_pair_at(issued);
    site.world.set("AMOCRM_ACCESS_TOKEN", access);
    site.world.set("AMOCRM_REFRESH_TOKEN", refresh);
}

#[tokio::test]
async fn a_long_lived_token_that_ends_is_announced_once() {
    let mut site = Site::new().await;
    for name in ["AMOCRM_CLIENT_ID", "AMOCRM_CLIENT_SECRET", "AMOCRM_REDIRECT_URL", "AMOCRM_REFRESH_TOKEN"] {
        site.world.unset(name);
    }
    let token = site.world.amocrm.issue_long_lived(Utc::now() + Duration::days(6));
    site.world.set("AMOCRM_ACCESS_TOKEN", token);
    site.start().await;
    let told = site.admin.sees("Токен доступа к amoCRM действует до").await;
    assert!(told.text.contains("5 дн. 23 ч"), "{}", told.text);
    site.world.terminate().await;
    site.start().await;
    site.a_while().await;
    assert_eq!(site.told("Токен доступа к amoCRM действует до").len(), 1, "{}", site.admin.transcript());
    site.world.terminate().await;

    let token = site.world.amocrm.issue_long_lived(Utc::now() + Duration::hours(20));
    site.world.set("AMOCRM_ACCESS_TOKEN", token);
    site.start().await;
    site.world.until("the nearer end is told", |_| site.told("Токен доступа к amoCRM").len() == 2).await;
}

#[tokio::test]
async fn a_refresh_that_fails_is_told_while_leads_still_get_through() {
    let mut site = Site::new().await;
    pair_with(&mut site, 10);
    site.world.amocrm.expire_refresh_token();
    site.start().await;
    let told = site.admin.sees("Не получается заранее обновить доступ").await;
    assert!(told.text.contains("срок доступа к amoCRM истёк") && told.text.contains(" МСК"), "{}", told.text);
    assert!(told.has_button("admin:auth"), "{told:?}");
    site.a_lead("Иван").await;
    site.world.amocrm.wait_for_leads(1, PATIENCE).await;
    site.world.terminate().await;
    site.start().await;
    site.a_while().await;
    assert_eq!(site.told("Не получается заранее").len(), 1, "{}", site.admin.transcript());

    // Mended on the page, which says so itself; then the same trouble may be told again.
    let page = site.callback(&[("code", &site.code()), ("state", &site.state().await)]).await;
    assert_eq!(page.status, 200, "{}", page.body);
    site.admin.sees("Доступ к amoCRM обновлён").await;
    site.a_while().await;
    assert_eq!(site.told("Доступ к amoCRM обновлён").len(), 1, "{}", site.admin.transcript());
}

#[tokio::test]
async fn amocrm_away_at_the_time_of_a_refresh_is_told_and_over() {
    let mut site = Site::new().await;
    pair_with(&mut site, 10);
    let away = site.world.amocrm.fault(On::oauth(), Fault::Html(502), Times::Forever);
    site.start().await;
    let told = site.admin.sees("Не получается заранее обновить доступ").await;
    assert!(told.text.contains("amoCRM не отвечает"), "{}", told.text);
    site.a_while().await;
    assert_eq!(site.told("Не получается заранее").len(), 1, "{}", site.admin.transcript());
    assert_eq!(site.told("Доступ к amoCRM обновлён").len(), 0, "a pause is not the end of it");
    site.world.terminate().await;
    site.world.amocrm.clear_fault(away);
    site.start().await;
    site.admin.sees("Доступ к amoCRM обновлён").await;
    assert_eq!(site.world.amocrm.refreshes(), 1);
}

#[tokio::test]
async fn access_that_is_gone_is_told_before_a_lead_runs_into_it() {
    let mut site = Site::new().await;
    pair_with(&mut site, -60);
    site.world.amocrm.revoke_all();
    site.start().await;
    let told = site.admin.sees("У бота нет доступа к amoCRM").await;
    assert!(told.text.contains("отозван") && told.has_button("admin:auth"), "{told:?}");
    site.a_lead("Иван").await;
    site.admin.sees("Заявки не попадают в amoCRM").await;
    site.a_while().await;
    assert_eq!(site.told("У бота нет доступа").len(), 1, "{}", site.admin.transcript());
    assert_eq!(site.told("Заявки не попадают").len(), 1, "{}\n{}", site.admin.transcript(), site.world.log());
}
