//! What goes wrong: rates, faults, cuts, outages; and how tests wait for what happens.

use crate::fake_amocrm::{COMPLEX, Client, lead};
use reqwest::Method;
use serde_json::{Value, json};
use std::time::{Duration, Instant};
use testkit::fakes::amocrm::{CrmEvent, FakeAmocrm, Fault, On, Request, Throttle, Times};

/// Longer than anything here takes.
const SOON: Duration = Duration::from_secs(120);

#[tokio::test]
async fn too_many_requests_are_refused_and_then_blocked() {
    let client = Client::new().await;
    client.crm.rate_limit(Some(7));
    // However busy the machine is, what follows is within one second of the limiter's.
    client.crm.rate_window(Duration::from_secs(3600));
    client.crm.block_after(5);
    for _ in 0..7 {
        assert_eq!(client.get("/api/v4/account").await.status, 200);
    }
    let refused = client.get("/api/v4/account").await;
    assert_eq!((refused.status, refused.kind.as_str()), (429, "text/html"));
    assert!(!refused.headers.contains_key("retry-after"));
    client.crm.throttle(Throttle::Header(3));
    let refused = client.refresh(&client.refresh).await;
    assert_eq!((refused.status, refused.headers["retry-after"].to_str().unwrap()), (429, "3"));
    client.crm.throttle(Throttle::Body(300));
    let refused = client.get("/api/v4/account").await;
    assert_eq!((refused.status, refused.kind.as_str()), (429, "application/problem+json"));
    assert_eq!(refused.json["retry_after"], 300);
    assert!(!client.crm.is_blocked());
    client.get("/api/v4/account").await;
    client.get("/api/v4/account").await;
    assert!(client.crm.is_blocked());
    client.crm.rate_window(Duration::from_millis(1));
    tokio::time::sleep(Duration::from_millis(2)).await;
    let blocked = client.get("/api/v4/account").await;
    assert_eq!((blocked.status, blocked.kind.as_str()), (403, "text/html"));
    assert_eq!(client.refresh(&client.refresh).await.status, 403);
    client.crm.unblock();
    assert_eq!(client.get("/api/v4/account").await.status, 200);
    assert_eq!(client.crm.max_rate(), 12);
    client.crm.block();
    assert_eq!(client.get("/api/v4/account").await.status, 403);
}

/// What a fault does: whether the lead is stored, and what the client sees.
#[tokio::test]
async fn faults_answer_as_told() {
    let client = Client::new().await;
    let validation = Fault::Validation { path: "status_id".to_owned(), code: "NotSupportedChoice".to_owned() };
    let problem = "application/problem+json";
    let short = Duration::from_millis(20);
    for (fault, stored, status, kind) in [
        (Fault::Status(500), false, 500, problem),
        (Fault::Status(402), false, 402, problem),
        (Fault::Status(403), false, 403, problem),
        (Fault::Html(403), false, 403, "text/html"),
        (Fault::Html(502), false, 502, "text/html"),
        (Fault::TooManyRequests(Throttle::Html), false, 429, "text/html"),
        (Fault::TooManyRequests(Throttle::Body(1)), false, 429, problem),
        (Fault::Unauthorized, false, 401, problem),
        (Fault::Redirect(301), false, 301, "text/html"),
        (validation, false, 400, problem),
        (Fault::GarbageNoEffect, false, 200, "text/html; charset=UTF-8"),
        (Fault::Garbage, true, 200, "text/html; charset=UTF-8"),
        (Fault::StoreThen(500), true, 500, problem),
        (Fault::StoreThen(504), true, 504, "text/html"),
        (Fault::EmptyOk, true, 200, ""),
        (Fault::WrongShape, true, 200, "application/hal+json"),
        (Fault::Hal, true, 200, "application/hal+json"),
        (Fault::Slow(short), true, 200, "application/hal+json"),
        (Fault::Late(short), true, 200, "application/hal+json"),
    ] {
        let before = client.crm.leads().len();
        let id = client.crm.fault(On::complex(), fault.clone(), Times::N(1));
        let started = Instant::now();
        let answer = client.post(COMPLEX, json!([lead("x")])).await;
        assert_eq!((answer.status, answer.kind.as_str()), (status, kind), "{fault:?}");
        assert_eq!(client.crm.leads().len() - before == 1, stored, "{fault:?}");
        assert_eq!(client.crm.fault_hits(id), 1);
        let logged = client.crm.requests().pop().unwrap();
        assert_eq!((logged.status, logged.fault.as_ref()), (Some(status), Some(&fault)));
        match fault {
            Fault::Status(500) => assert!(answer.json["trace_id"].is_string()),
            Fault::Redirect(_) => {
                assert_eq!(answer.headers["location"].to_str().unwrap(), format!("{}/moved{COMPLEX}", client.crm.url()))
            }
            Fault::Validation { .. } => assert_eq!(answer.complaint().1, "status_id"),
            Fault::EmptyOk => assert_eq!(answer.text, ""),
            Fault::WrongShape => assert_eq!(answer.json, json!({})),
            Fault::Hal => assert!(answer.json["_embedded"]["leads"][0]["id"].is_u64()),
            Fault::Slow(_) | Fault::Late(_) => assert!(started.elapsed() >= short),
            _ => {}
        }
    }
}

#[tokio::test]
async fn faults_strike_where_and_as_often_as_told() {
    let client = Client::new().await;
    let statuses = async |path: &str, n: usize| {
        let mut statuses = Vec::new();
        for _ in 0..n {
            statuses.push(client.get(path).await.status);
        }
        statuses
    };
    client.crm.fault(On::get("/api/v4/account"), Fault::Html(502), Times::N(2));
    client.crm.fault(On::any("/api"), Fault::Html(504), Times::N(1));
    assert_eq!(statuses("/api/v4/account", 4).await, [502, 502, 504, 200]);
    let forever = client.crm.fault(On::get("/api/v4/leads/*/notes"), Fault::Status(500), Times::Forever);
    assert_eq!(statuses("/api/v4/leads/7/notes", 2).await, [500, 500]);
    assert_eq!(statuses("/api/v4/leads/7", 1).await, [204]);
    client.crm.clear_fault(forever);
    assert_eq!(statuses("/api/v4/leads/7/notes", 1).await, [204]);
    client.crm.fault(On::get("/api/v4/leads").exactly().containing("K7M2"), Fault::Status(500), Times::Forever);
    assert_eq!(statuses("/api/v4/leads/7", 1).await, [204]);
    assert_eq!(statuses("/api/v4/leads?query=A", 1).await, [204]);
    assert_eq!(statuses("/api/v4/leads?query=%23K7M2QXA", 1).await, [500]);
    client.crm.clear_faults();
    assert_eq!(statuses("/api/v4/leads?query=%23K7M2QXA", 1).await, [204]);
    client.crm.fault(On::complex().containing("яд"), Fault::Status(500), Times::Forever);
    assert_eq!(client.post(COMPLEX, json!([{ "name": "мёд" }])).await.status, 200);
    assert_eq!(client.post(COMPLEX, json!([{ "name": "яд" }])).await.status, 500);
}

#[tokio::test]
async fn the_token_endpoint_has_faults_too() {
    let client = Client::new().await;
    let hint = Fault::OauthProblem { status: 400, hint: "Invalid account".to_owned() };
    for (fault, status, hint) in [
        (Fault::Status(401), 401, json!("Token has been revoked")),
        (Fault::Unauthorized, 401, json!("Token has been revoked")),
        (hint, 400, json!("Invalid account")),
        (Fault::Html(403), 403, Value::Null),
        (Fault::Status(500), 500, Value::Null),
    ] {
        client.crm.fault(On::oauth(), fault, Times::N(1));
        let answer = client.refresh(&client.refresh).await;
        assert_eq!((answer.status, &answer.json["hint"]), (status, &hint));
    }
    assert_eq!((client.crm.refreshes(), client.crm.times_presented(&client.refresh)), (0, 5));

    client.crm.fault(On::oauth(), Fault::CutAfter, Times::N(1));
    let form = json!({ "grant_type": "refresh_token", "refresh_token": client.refresh });
    let lost = client.try_send(Method::POST, "/oauth2/access_token", Some(client.grant(form)));
    assert!(lost.await.unwrap_err().status().is_none());
    assert_eq!(client.crm.refreshes(), 1);
    assert_eq!(client.refresh(&client.refresh).await.json["hint"], "Token has been revoked");
}

#[tokio::test]
async fn cuts_close_the_socket_without_an_answer() {
    let client = Client::new().await;
    for (fault, stored) in [(Fault::CutBefore, 0), (Fault::CutAfter, 1)] {
        client.crm.fault(On::complex(), fault.clone(), Times::N(1));
        let cut = client.try_send(Method::POST, COMPLEX, Some(json!([lead("x")])));
        let error = tokio::time::timeout(SOON, cut).await.expect("a cut is not a hang").unwrap_err();
        assert!(!error.is_timeout() && !error.is_connect() && error.status().is_none(), "{error:?}");
        assert_eq!(client.crm.leads().len(), stored, "{fault:?}");
        assert_eq!(client.crm.requests().pop().unwrap().status, None);
    }
    assert_eq!(client.get("/api/v4/account").await.status, 200, "a new connection works");

    // The bytes on the wire: none at all.
    client.crm.fault(On::any("/"), Fault::CutAfter, Times::N(1));
    let mut socket = tokio::net::TcpStream::connect(("127.0.0.1", client.crm.port())).await.unwrap();
    let request = b"GET /api/v4/account HTTP/1.1\r\nHost: x\r\n\r\n";
    tokio::io::AsyncWriteExt::write_all(&mut socket, request).await.unwrap();
    let mut received = Vec::new();
    let reading = tokio::io::AsyncReadExt::read_to_end(&mut socket, &mut received);
    let read = tokio::time::timeout(SOON, reading).await.expect("the socket is closed");
    assert!(read.is_err() || received.is_empty());
}

#[tokio::test]
async fn a_hang_answers_nothing() {
    let client = Client::new().await;
    let patience = Duration::from_millis(200);
    for (fault, stored) in [
        (Fault::Hang, 0),
        (Fault::HangAfter, 1),
        (Fault::Slow(Duration::from_secs(3600)), 2),
        (Fault::Late(Duration::from_secs(5)), 2),
    ] {
        let before = client.crm.count(&On::complex());
        client.crm.fault(On::complex(), fault.clone(), Times::N(1));
        let hung = client.try_send(Method::POST, COMPLEX, Some(json!([lead("x")])));
        tokio::select! {
            answer = hung => panic!("{fault:?} is answered: {answer:?}"),
            () = async {
                while client.crm.count(&On::complex()) == before {
                    tokio::time::sleep(Duration::from_millis(5)).await;
                }
                client.crm.wait_for_leads(stored, SOON).await;
                tokio::time::sleep(patience).await;
            } => {}
        }
        assert_eq!(client.crm.leads().len(), stored, "{fault:?}");
    }
    client.crm.wait_for_leads(3, SOON).await;
}

#[tokio::test]
async fn the_network_goes_and_comes_back_on_the_same_port() {
    let client = Client::new().await;
    client.crm.fault(On::complex(), Fault::HangAfter, Times::N(1));
    let open = client.try_send(Method::POST, COMPLEX, Some(json!([lead("x")])));
    let (open, ()) = tokio::join!(open, async {
        client.crm.wait_for_leads(1, SOON).await;
        client.crm.stop().await;
    });
    assert!(open.is_err(), "the open connection is dropped");
    let refused = client.try_send(Method::GET, "/api/v4/account", None).await.unwrap_err();
    assert!(refused.is_connect(), "{refused:?}");
    client.crm.stop().await;
    client.crm.restart().await;
    assert_eq!(client.get("/api/v4/account").await.status, 200);
    assert_eq!(client.crm.leads().len(), 1);
    client.crm.restart().await;
    assert_eq!(client.get("/api/v4/account").await.status, 200);

    let port = client.crm.port();
    client.crm.goes_down();
    let down = client.get("/api/v4/account").await;
    assert_eq!((down.status, down.kind.as_str()), (503, "text/html"));
    assert_eq!(client.refresh(&client.refresh).await.status, 503);
    client.crm.comes_back();
    assert_eq!(client.get("/api/v4/account").await.status, 200);
    assert_eq!(client.crm.url(), format!("http://127.0.0.1:{port}"));
    drop(client);
    let another = FakeAmocrm::start().await;
    another.stop().await;
    assert_ne!(another.port(), 0);
}

#[tokio::test]
async fn what_happens_can_be_awaited_and_read() {
    let client = Client::new().await;
    let mut events = client.crm.subscribe();
    let (leads, _) =
        tokio::join!(client.crm.wait_for_leads(1, SOON), client.post(COMPLEX, json!([lead("Заявка #K7M2QXA")])));
    assert_eq!(leads[0].name, "Заявка #K7M2QXA");
    let answered = |request: &Request| request.status == Some(200);
    let request = client.crm.wait_for_request(answered, SOON).await;
    assert_eq!((request.method.as_str(), request.path.as_str()), ("POST", COMPLEX));
    assert_eq!(request.json.as_ref().unwrap()[0]["request_id"], "K7M2QXA");
    assert_eq!(request.bearer.as_ref(), Some(&client.access));
    assert!(matches!(events.recv().await.unwrap(), CrmEvent::ContactAdded(_)));
    assert!(matches!(events.recv().await.unwrap(), CrmEvent::LeadAdded(_)));
    client.refresh(&client.refresh).await;
    assert!(matches!(events.recv().await.unwrap(), CrmEvent::TokensRefreshed));

    client.get("/api/v4/leads?query=%23K7&order[id]=asc").await;
    let last = client.crm.requests_to(&On::get("/api/v4/leads")).remove(0);
    assert_eq!(last.path_and_query(), "/api/v4/leads?query=#K7&order[id]=asc");
    assert_eq!((client.crm.count(&On::complex()), client.crm.requests().len()), (1, 3));
    assert!(client.crm.story().contains("POST /api/v4/leads/complex 200"));
    let env: std::collections::HashMap<_, _> = client.crm.env().into_iter().collect();
    assert_eq!(env["AMOCRM_BASE_URL"], client.crm.url());
    client.crm.credentials("id", "secret", "https://example.com");
    assert_eq!(client.crm.client_id(), "id");
}

#[tokio::test]
#[should_panic(expected = "2 times")]
async fn a_lead_that_is_there_twice_is_not_overlooked() {
    let crm = FakeAmocrm::start().await;
    crm.add_lead("Заявка #K7M2QXA");
    crm.add_lead("Заявка #K7M2QXA");
    crm.lead_with_number("K7M2QXA");
}

#[tokio::test]
#[should_panic(expected = "1 leads did not come")]
async fn waiting_has_an_end() {
    let crm = FakeAmocrm::start().await;
    crm.wait_for_leads(1, Duration::from_millis(10)).await;
}

#[tokio::test]
async fn a_redirect_leads_nowhere() {
    let client = Client::new().await;
    client.crm.fault(On::any("/"), Fault::Redirect(301), Times::Forever);
    let answer = client.get("/api/v4/account").await;
    assert_eq!(answer.status, 301);
    client.crm.clear_faults();
    assert_eq!(client.get("/moved/api/v4/account").await.status, 404);
}
