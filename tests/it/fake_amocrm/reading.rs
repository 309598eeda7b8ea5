//! Reading: the account, lists, search, latencies, filters and events.

use crate::fake_amocrm::{COMPLEX, Client, lead};
use chrono::Utc;
use serde_json::json;
use std::time::Duration;
use testkit::fakes::amocrm::account::{BUDGET_FIELD, MAIN_PIPELINE, OTHER_PIPELINE};

#[tokio::test]
async fn the_account_can_be_read() {
    let client = Client::new().await;
    let account = client.get("/api/v4/account?with=is_api_filter_enabled,version").await;
    assert_eq!((account.status, account.kind.as_str()), (200, "application/hal+json"));
    assert!(account.headers.contains_key("x-request-id") && account.headers.contains_key("date"));
    assert_eq!(account.json["subdomain"], "acme");
    assert_eq!(account.json["is_api_filter_enabled"], false);
    assert!(account.json.get("amojo_id").is_none());

    let pipelines = client.get("/api/v4/leads/pipelines").await;
    assert_eq!(pipelines.ids("pipelines"), [MAIN_PIPELINE, OTHER_PIPELINE]);
    let stages = &pipelines.json["_embedded"]["pipelines"][0]["_embedded"]["statuses"];
    assert_eq!((&stages[0]["type"], &stages[1]["type"]), (&json!(1), &json!(0)));
    assert_eq!((&stages[3]["id"], &stages[4]["id"]), (&json!(142), &json!(143)));

    let fields = client.get("/api/v4/leads/custom_fields?limit=250").await;
    assert!(fields.ids("custom_fields").contains(&BUDGET_FIELD));
    let fields = client.get("/api/v4/contacts/custom_fields").await;
    assert_eq!(fields.json["_embedded"]["custom_fields"][0]["code"], "PHONE");

    assert_eq!(client.get("/api/v4/users").await.ids("users").len(), 2);
    assert_eq!(client.get("/api/v4/users/502").await.json["name"], "Мария");
    client.crm.admin(false);
    let forbidden = client.get("/api/v4/users").await;
    assert_eq!((forbidden.status, forbidden.kind.as_str()), (403, "application/problem+json"));
    assert_eq!(client.get("/api/v4/account").await.json["current_user_id"], 502);
}

#[tokio::test]
async fn routes_are_what_they_are() {
    let client = Client::new().await;
    let unknown = client.get("/api/v4/leed").await;
    assert_eq!((unknown.status, unknown.kind.as_str()), (404, "application/problem+json"));
    assert_eq!(unknown.json["title"], "Not Found");
    assert_eq!(unknown.json["detail"], "Cannot GET /api/v4/leed");
    for path in ["/", "/api/v4/leads/abc", "/api/v4/leads/1/tasks", "/api/v4/leads/"] {
        assert_eq!(client.get(path).await.status, 404, "{path}");
    }
    for path in [COMPLEX, "/oauth2/access_token", "/api/v4/leads/notes", "/api/v4/leads/1/link"] {
        assert_eq!(client.get(path).await.status, 405, "{path}");
    }
    let answer = client.http.get(format!("{}/api/v4/account", client.crm.url()));
    assert_eq!(answer.send().await.unwrap().status(), 401);
}

#[tokio::test]
async fn search_is_a_substring_over_filled_fields() {
    let client = Client::new().await;
    assert_eq!(client.get("/api/v4/leads?query=x").await.status, 204);
    client.post(COMPLEX, json!([lead("Заявка #K7M2QXA")])).await;
    client.crm.add_lead("Другая");
    let lead = client.crm.leads()[0].id;
    for query in ["K7M2QXA", "k7m2", "cars.example", "telegram_b", "9990000001", "1500000"] {
        let found = client.get(&format!("/api/v4/leads?query={query}&limit=50")).await;
        assert_eq!(found.ids("leads"), [lead], "{query}");
    }
    assert_eq!(client.get("/api/v4/leads?query=nothing").await.text, "");
    let found = client.get("/api/v4/contacts?query=9990000001&with=leads").await;
    let row = &found.json["_embedded"]["contacts"][0];
    assert_eq!(row["_embedded"]["leads"][0]["id"], lead);
    assert_eq!(client.get("/api/v4/contacts?query=89990000001").await.status, 204);
}

#[tokio::test]
async fn new_leads_appear_late_where_set() {
    let client = Client::new().await;
    let late = Duration::from_secs(3600);
    client.crm.query_latency(late);
    client.crm.events_latency(late);
    client.crm.list_latency(Duration::ZERO);
    let lead = client.crm.add_lead("Заявка #K7M2QXA");
    client.crm.add_contact("Иван", &["+79990000001"]);
    assert_eq!(client.get("/api/v4/leads?query=K7M2QXA").await.status, 204);
    assert_eq!(client.get("/api/v4/contacts?query=9990000001").await.status, 204);
    assert_eq!(client.get("/api/v4/leads?order[created_at]=desc").await.ids("leads"), [lead]);
    assert_eq!(client.get("/api/v4/events").await.status, 204);
    let born = Duration::from_millis(2);
    tokio::time::sleep(born).await;
    client.crm.query_latency(born);
    assert_eq!(client.get("/api/v4/leads?query=K7M2QXA").await.ids("leads"), [lead]);
    assert_eq!(client.get("/api/v4/events").await.status, 204);
    client.crm.events_latency(born);
    assert_eq!(client.get("/api/v4/events").await.status, 200);
    client.crm.list_latency(late);
    assert_eq!(client.get("/api/v4/leads").await.status, 204);
    assert_eq!(client.get(&format!("/api/v4/leads/{lead}")).await.status, 200);
}

#[tokio::test]
async fn lists_have_pages_and_an_order() {
    let client = Client::new().await;
    let ids: Vec<u64> = (0..5).map(|n| client.crm.add_lead(&format!("{n}"))).collect();
    let page = client.get("/api/v4/leads?order[created_at]=desc&limit=2&page=2").await;
    assert_eq!(page.ids("leads"), [ids[2], ids[1]]);
    assert_eq!(page.json["_page"], 2);
    let next = page.json["_links"]["next"]["href"].as_str().unwrap();
    let last = client.get(next.strip_prefix(&client.crm.url()).unwrap()).await;
    assert_eq!(last.ids("leads"), [ids[0]]);
    assert!(last.json["_links"].get("next").is_none());
    assert_eq!(client.get("/api/v4/leads?limit=2&page=4").await.status, 204);
    let encoded = client.get("/api/v4/leads?order%5Bid%5D=asc&limit=1").await;
    assert_eq!(encoded.ids("leads"), [ids[0]]);
}

#[tokio::test]
async fn filters_do_nothing_until_they_are_switched_on() {
    let client = Client::new().await;
    let a = client.crm.add_lead("a");
    let b = client.crm.add_lead("b");
    let path = format!("/api/v4/leads?filter[id][]={a}&filter[created_at][from]=1");
    assert_eq!(client.get(&path).await.ids("leads"), [a, b]);
    client.crm.filters(true);
    assert_eq!(client.get(&path).await.ids("leads"), [a]);
    assert_eq!(client.get("/api/v4/leads?filter[created_at][to]=1").await.status, 204);
    assert_eq!(client.get("/api/v4/leads?filter[name]=b").await.ids("leads"), [b]);
}

#[tokio::test]
async fn events_are_filtered_and_newest_first() {
    let client = Client::new().await;
    let now = Utc::now().timestamp();
    client.post(COMPLEX, json!([lead("a")])).await;
    let b = client.crm.add_lead("b");
    client.crm.add_note(b, "x");
    let path = format!(
        "/api/v4/events?filter[type]=lead_added&filter[created_at][from]={}&filter[created_at][to]={}&limit=100",
        now - 60,
        now + 60
    );
    let events = client.get(&path).await;
    let rows = events.json["_embedded"]["events"].as_array().unwrap();
    assert_eq!(rows.len(), 2);
    assert_eq!((&rows[0]["entity_id"], &rows[0]["entity_type"]), (&json!(b), &json!("lead")));
    assert_eq!(rows[0]["created_by"], 501);
    let count = async |query: &str| {
        let events = client.get(&format!("/api/v4/events?{query}")).await;
        events.json["_embedded"]["events"].as_array().map_or(0, Vec::len)
    };
    assert_eq!(count("").await, 4);
    assert_eq!(count("filter[type]=lead_added,contact_added").await, 3);
    assert_eq!(count("filter[type][]=common_note_added&filter[entity]=lead").await, 1);
    assert_eq!(count("filter[entity]=contact").await, 1);
    assert_eq!(count("filter[created_by]=502").await, 0);
    assert_eq!(count(&format!("filter[created_at][to]={}", now - 60)).await, 0);
}
