//! The fake amoCRM, driven over real HTTP: the tests of the test double.

mod fakes;

#[tokio::test]
async fn starts() {
    let crm = fakes::amocrm::FakeAmocrm::start().await;
    let answer = reqwest::get(format!("{}/api/v4/account", crm.url()))
        .await
        .unwrap();
    assert_eq!(answer.status(), 401);
}
