//! Tokens: exchange, rotation, ends, and the account that moved.

use crate::fake_amocrm::{Client, Reply};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{TimeDelta, Utc};
use serde_json::{Value, json};
use std::time::Duration;
use testkit::fakes::amocrm::ReusePolicy;

#[tokio::test]
async fn a_code_becomes_a_pair_once() {
    let client = Client::new().await;
    let code = client.crm.issue_code();
    let pair = client.exchange(&code).await;
    assert_eq!((pair.status, pair.kind.as_str()), (200, "application/json"));
    assert_eq!(pair.json["token_type"], "Bearer");
    assert_eq!(pair.json["expires_in"], 86400);
    let refresh = pair.json["refresh_token"].as_str().unwrap();
    assert!(refresh.starts_with("def50200") && refresh.len() > 600);

    let access = pair.json["access_token"].as_str().unwrap();
    let parts: Vec<&str> = access.split('.').collect();
    let part =
        |index: usize| -> Value { serde_json::from_slice(&URL_SAFE_NO_PAD.decode(parts[index]).unwrap()).unwrap() };
    assert_eq!((part(0)["typ"].as_str(), part(0)["alg"].as_str()), (Some("JWT"), Some("RS256")));
    let claims = part(1);
    assert_eq!(part(0)["jti"], claims["jti"]);
    assert_eq!(claims["aud"], client.crm.client_id());
    assert_eq!(claims["exp"].as_i64().unwrap() - claims["iat"].as_i64().unwrap(), 86400);
    assert_eq!(parts.len(), 3);

    let again = client.exchange(&code).await;
    assert_eq!(again.status, 400);
    assert_eq!(again.json["hint"], "Authorization code has been revoked");
    assert_eq!(client.crm.refreshes(), 0);
}

#[tokio::test]
async fn bad_grants_are_refused_in_the_documented_words() {
    let client = Client::new().await;
    let expired = client.crm.issue_code();
    client.crm.expire_code(&expired);
    let late = client.exchange(&expired).await;
    assert_eq!((late.status, &late.json["status"]), (400, &json!(401)));
    assert_eq!(late.json["hint"], "Authorization code has expired");
    let garbage = client.exchange("nonsense").await;
    assert_eq!(garbage.json["hint"], "Cannot decrypt the authorization code");
    assert_eq!(garbage.json["title"], "Некорректный запрос");
    assert_eq!(garbage.json["type"], "https://developers.amocrm.ru/v3/errors/OAuthProblemJson");
    assert!(garbage.json.get("error").is_none());

    let code = client.crm.issue_code();
    let slash = format!("{}/", client.crm.redirect_uri());
    for (key, value, hint) in [
        ("client_id", "x", "Check the `client_id` parameter"),
        ("client_secret", "x", "Check the `client_secret` parameter"),
        ("redirect_uri", &slash, "Redirect URI is not associated with client"),
        ("redirect_uri", "", "Check the `redirect_uri` parameter"),
        ("grant_type", "password", "Check the `grant_type` parameter"),
    ] {
        let mut form = json!({ "grant_type": "authorization_code", "code": code });
        form[key] = json!(value);
        let refused = client.token(form).await;
        assert_eq!((refused.status, &refused.json["hint"]), (400, &json!(hint)));
    }
    assert_eq!(client.exchange(&code).await.status, 200, "a refused exchange spends no code");
}

#[tokio::test]
async fn a_form_is_taken_unless_switched_off() {
    let client = Client::new().await;
    for (accept, status) in [(true, 200), (false, 401)] {
        client.crm.accept_forms(accept);
        let code = client.crm.issue_code();
        let form = client.grant(json!({ "grant_type": "authorization_code", "code": code }));
        let url = format!("{}/oauth2/access_token", client.crm.url());
        let answer = client.http.post(url).body(encoded(&form));
        let answer = answer.header("content-type", "application/x-www-form-urlencoded");
        assert_eq!(answer.send().await.unwrap().status(), status);
    }
}

fn encoded(form: &Value) -> String {
    let mut query = url::form_urlencoded::Serializer::new(String::new());
    for (key, value) in form.as_object().unwrap() {
        query.append_pair(key, value.as_str().unwrap());
    }
    query.finish()
}

#[tokio::test]
async fn a_refresh_token_works_once() {
    let client = Client::new().await;
    let old = client.refresh.as_str();
    let pair = client.refresh(old).await;
    assert_eq!(pair.status, 200);
    let again = client.refresh(old).await;
    assert_eq!((again.status, &again.json["status"]), (401, &json!(401)));
    assert_eq!(again.json["hint"], "Token has been revoked");
    assert_eq!(client.refresh(pair.json["refresh_token"].as_str().unwrap()).await.status, 200);
    assert_eq!(client.crm.times_presented(old), 2);
    assert_eq!((client.crm.refreshes(), client.crm.refreshes_failed()), (2, 1));
    assert_eq!(client.get("/api/v4/account").await.status, 200, "the old access token lives on");

    client.crm.refresh_revokes_access(true);
    let (access, refresh) = client.crm.issue_pair();
    assert_eq!(client.refresh(&refresh).await.status, 200);
    let url = format!("{}/api/v4/account", client.crm.url());
    let answer = client.http.get(url).bearer_auth(access).send().await.unwrap();
    assert_eq!(answer.status(), 401);
}

#[tokio::test]
async fn with_grace_an_old_refresh_token_works_until_the_new_pair_is_used() {
    let mut client = Client::new().await;
    client.crm.reuse_policy(ReusePolicy::GraceUntilUsed);
    let old = client.refresh.clone();
    let lost = client.refresh(&old).await;
    let found = client.refresh(&old).await;
    assert_eq!((lost.status, found.status), (200, 200));
    let lost = client.refresh(lost.json["refresh_token"].as_str().unwrap()).await;
    assert_eq!(lost.status, 401, "the pair nobody received is dead");

    client.access = found.json["access_token"].as_str().unwrap().to_owned();
    assert_eq!(client.get("/api/v4/account").await.status, 200);
    assert_eq!(client.refresh(&old).await.json["hint"], "Token has been revoked");
    assert_eq!(client.refresh(found.json["refresh_token"].as_str().unwrap()).await.status, 200);
}

#[tokio::test]
async fn tokens_end() {
    let mut client = Client::new().await;
    client.crm.expire_access_tokens();
    let expired = client.get("/api/v4/account").await;
    assert_eq!((expired.status, expired.kind.as_str()), (401, "application/problem+json"));
    assert_eq!(expired.json["title"], "Unauthorized");
    assert_eq!(expired.json["detail"], "Неверный логин или пароль");
    client.crm.expire_refresh_token();
    let expired = client.refresh(&client.refresh).await;
    assert_eq!((expired.status, &expired.json["hint"]), (401, &json!("Token has expired")));
    assert_eq!(client.refresh("x").await.json["hint"], "Cannot decrypt the refresh token");

    client.access = client.crm.issue_long_lived(Utc::now() + TimeDelta::days(365));
    assert_eq!(client.get("/api/v4/account").await.status, 200);
    client.crm.revoke_all();
    assert_eq!(client.get("/api/v4/account").await.status, 401);
    client.access = client.crm.issue_long_lived(Utc::now() - TimeDelta::seconds(1));
    assert_eq!(client.get("/api/v4/account").await.status, 401);

    client.access = client.crm.issue_pair_at(Utc::now() - TimeDelta::hours(23)).0;
    assert_eq!(client.get("/api/v4/account").await.status, 200);
    client.crm.access_lifetime(Duration::from_millis(1));
    let (access, refresh) = client.crm.issue_pair();
    tokio::time::sleep(Duration::from_millis(2)).await;
    client.crm.disable_integration();
    assert_eq!(client.get("/api/v4/account").await.status, 401);
    let disabled = client.refresh(&refresh).await;
    assert_eq!((disabled.status, &disabled.json["title"]), (401, &json!("Некорректный клиент")));
    assert!(disabled.json.get("hint").is_none());
    client.crm.enable_integration();
    assert_eq!(client.get("/api/v4/account").await.status, 200);
    client.access = access;
    assert_eq!(client.get("/api/v4/account").await.status, 401, "its millisecond is over");
}

#[tokio::test]
async fn an_account_that_moved_says_where() {
    let client = Client::new().await;
    let whereabouts = async || {
        let url = format!("{}/oauth2/account/current/subdomain", client.crm.url());
        let request = client.http.get(url).header("X-Refresh-Token", &client.refresh);
        Reply::of(request.send().await.unwrap()).await.json
    };
    assert_eq!(whereabouts().await["domain"], "acme.amocrm.ru");
    client.crm.moved_to("newacme", "newacme.amocrm.ru");
    assert_eq!(client.get("/api/v4/account").await.status, 401);
    assert_eq!(client.refresh(&client.refresh).await.status, 401);
    client.crm.moved_refresh_status(404);
    assert_eq!(client.refresh(&client.refresh).await.status, 404);
    let moved = whereabouts().await;
    assert_eq!(moved["subdomain"], "newacme");
    assert_eq!(moved["domain"], "newacme.amocrm.ru");
    assert_eq!(moved["top_level_domain"], "ru");
    client.crm.moved_back();
    assert_eq!(client.refresh(&client.refresh).await.status, 200);
    assert_eq!(client.get("/oauth2/account/current/subdomain").await.status, 401);
}
