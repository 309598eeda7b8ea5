//! The fake amoCRM, driven over real HTTP: the tests of the test double.

mod faults;
mod reading;
mod shapes;
mod tokens;
mod writing;

use reqwest::{Method, Response};
use serde_json::{Value, json};
use testkit::fakes::amocrm::FakeAmocrm;
use testkit::fakes::amocrm::account::{BUDGET_FIELD, FIRST_STATUS, MAIN_PIPELINE};

const COMPLEX: &str = "/api/v4/leads/complex";

/// A client with a good token.
struct Client {
    crm: FakeAmocrm,
    http: reqwest::Client,
    access: String,
    refresh: String,
}

impl Client {
    async fn new() -> Self {
        let crm = FakeAmocrm::start().await;
        crm.rate_limit(None);
        let (access, refresh) = crm.issue_pair();
        let http = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).no_proxy().build().unwrap();
        Client { crm, http, access, refresh }
    }

    async fn try_send(&self, method: Method, path: &str, body: Option<Value>) -> reqwest::Result<Response> {
        let request = self.http.request(method, format!("{}{path}", self.crm.url()));
        let request = request.bearer_auth(&self.access);
        match body {
            Some(body) => request.json(&body).send().await,
            None => request.send().await,
        }
    }

    async fn get(&self, path: &str) -> Reply {
        Reply::of(self.try_send(Method::GET, path, None).await.unwrap()).await
    }

    async fn post(&self, path: &str, body: Value) -> Reply {
        let answer = self.try_send(Method::POST, path, Some(body)).await;
        Reply::of(answer.unwrap()).await
    }

    async fn patch(&self, path: &str, body: Value) -> Reply {
        let answer = self.try_send(Method::PATCH, path, Some(body)).await;
        Reply::of(answer.unwrap()).await
    }

    /// The form of a grant with good credentials and these further members.
    fn grant(&self, extra: Value) -> Value {
        let mut form = json!({
            "client_id": self.crm.client_id(),
            "client_secret": self.crm.client_secret(),
            "redirect_uri": self.crm.redirect_uri(),
        });
        let extra = extra.as_object().unwrap().clone();
        form.as_object_mut().unwrap().extend(extra);
        form
    }

    async fn token(&self, extra: Value) -> Reply {
        self.post("/oauth2/access_token", self.grant(extra)).await
    }

    async fn exchange(&self, code: &str) -> Reply {
        self.token(json!({ "grant_type": "authorization_code", "code": code })).await
    }

    async fn refresh(&self, token: &str) -> Reply {
        self.token(json!({ "grant_type": "refresh_token", "refresh_token": token })).await
    }
}

/// An answer, read.
struct Reply {
    status: u16,
    kind: String,
    headers: reqwest::header::HeaderMap,
    text: String,
    json: Value,
}

impl Reply {
    async fn of(answer: Response) -> Self {
        let status = answer.status().as_u16();
        let headers = answer.headers().clone();
        let kind = headers.get("content-type").map(|kind| kind.to_str().unwrap().to_owned());
        let text = answer.text().await.unwrap();
        Reply {
            status,
            kind: kind.unwrap_or_default(),
            headers,
            json: serde_json::from_str(&text).unwrap_or_default(),
            text,
        }
    }

    /// The ids of the rows of a list.
    fn ids(&self, name: &str) -> Vec<u64> {
        let rows = self.json["_embedded"][name].as_array();
        rows.into_iter().flatten().map(|row| row["id"].as_u64().unwrap()).collect()
    }

    /// Code and path of the only validation error.
    fn complaint(&self) -> (String, String) {
        assert_eq!(self.status, 400, "{}", self.text);
        assert_eq!(self.kind, "application/problem+json");
        let errors = &self.json["validation-errors"][0]["errors"];
        assert_eq!(errors.as_array().map(Vec::len), Some(1), "{}", self.text);
        let text = |key: &str| errors[0][key].as_str().unwrap().to_owned();
        (text("code"), text("path"))
    }
}

fn lead(name: &str) -> Value {
    json!({
        "name": name,
        "price": 1_500_000,
        "pipeline_id": MAIN_PIPELINE,
        "status_id": FIRST_STATUS,
        "custom_fields_values": [
            { "field_id": BUDGET_FIELD, "values": [{ "value": 1_500_000.5 }] },
            { "field_code": "TG_CAR_LINK", "values": [{ "value": "https://cars.example/1" }] },
        ],
        "request_id": "K7M2QXA",
        "_embedded": {
            "tags": [{ "name": "telegram_bot" }],
            "contacts": [{
                "first_name": "Иван",
                "custom_fields_values": [{
                    "field_code": "PHONE",
                    "values": [{ "value": "+79990000001", "enum_code": "WORK" }],
                }],
            }],
        },
    })
}

/// A lead with one member changed, or taken away by null; the path is dotted.
fn lead_with(path: &str, value: Value) -> Value {
    let mut lead = lead("Заявка #K7M2QXA");
    let mut at = &mut lead;
    for key in path.split('.') {
        at = match key.parse::<usize>() {
            Ok(index) => &mut at[index],
            Err(_) => &mut at[key],
        };
    }
    *at = value;
    lead
}
