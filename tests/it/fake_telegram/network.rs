//! Tokens, ways to pass parameters, faults, the network down, and many buyers at once.

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use teloxide::prelude::*;
use teloxide::types::UpdateKind;

use super::*;
use testkit::fakes::telegram::{Call, FakeTelegram, FakeUser, Fault, On, TOKEN, Times};

#[tokio::test]
async fn tokens_methods_and_ways_to_pass_parameters() {
    let (tg, ivan) = ivan().await;
    let (id, secret) = TOKEN.split_once(':').unwrap();
    assert_eq!((id, secret.len()), ("123456", 35));
    let status = async |path: &str| {
        let response = reqwest::get(format!("{}/{path}", tg.url())).await.unwrap();
        let body: Value = response.json().await.unwrap();
        format!("{} {}", body["error_code"], body["description"].as_str().unwrap_or("ok"))
    };
    let other = format!("654321:{secret}");
    assert_eq!(status(&format!("bot{other}/getMe")).await, "401 Unauthorized");
    assert_eq!(status("botnonsense/getMe").await, "404 Not Found");
    assert_eq!(status("").await, "404 Not Found");
    assert_eq!(status(&format!("bot{TOKEN}/getMoon")).await, "404 Not Found: method not found");
    assert_eq!(status(&format!("bot{TOKEN}/GETME")).await, "null ok");

    let chat_id = ivan.id.to_string();
    let query = [("chat_id", chat_id.as_str()), ("text", "запросом & так")];
    let client = reqwest::Client::new();
    client.get(url(&tg, "SendMessage")).query(&query).send().await.unwrap();
    let keyboard = r#"{"inline_keyboard":[[{"text":"Да","callback_data":"yes"}]]}"#;
    let form = [("chat_id", chat_id.as_str()), ("text", "[формой]"), ("reply_markup", keyboard)];
    client.post(url(&tg, "sendmessage")).form(&form).send().await.unwrap();
    ok(&tg, "sendMessage", json!({"chat_id": ivan.id, "text": "JSON", "reply_markup": keyboard})).await;
    let texts: Vec<_> = ivan.messages().iter().map(|message| message.text.clone()).collect();
    assert_eq!(texts, ["запросом & так", "[формой]", "JSON"]);
    assert!(ivan.messages()[1].has_button("yes") && ivan.messages()[2].has_button("yes"));
    assert_eq!(tg.calls("sendmessage").len(), 3);
    assert_eq!(tg.calls("sendMessage")[1].params["reply_markup"]["inline_keyboard"][0][0]["text"], "Да");
    assert_eq!(tg.calls("sendMessage")[2].status, Some(200));
}

#[tokio::test]
async fn faults_that_answer() {
    let (tg, ivan) = ivan().await;
    let send = || json!({"chat_id": ivan.id, "text": "Да"});
    tg.fault(On::method("sendMessage"), Fault::Status(502), Times::N(1));
    tg.fault(On::method("SENDMESSAGE"), Fault::TooManyRequests { retry_after: 7 }, Times::N(1));
    tg.fault(On::all(), Fault::Garbage, Times::N(1));
    tg.fault(On::all().chat(ivan.id), Fault::Unauthorized, Times::N(1));
    tg.fault(On::all(), Fault::NotFound, Times::UntilCleared);
    assert_eq!(call(&tg, "sendMessage", send()).await, (502, Value::Null));
    let (status, body) = call(&tg, "sendMessage", send()).await;
    assert_eq!((status, &body["parameters"]["retry_after"]), (429, &json!(7)));
    assert_eq!(body["description"], "Too Many Requests: retry after 7");
    assert_eq!(call(&tg, "getMe", json!({})).await, (200, Value::Null));
    assert_eq!(refused(&tg, "getMe", json!({})).await, "404 Not Found");
    assert_eq!(refused(&tg, "sendMessage", send()).await, "401 Unauthorized");
    assert_eq!(refused(&tg, "sendMessage", send()).await, "404 Not Found");
    assert!(ivan.messages().is_empty());
    tg.clear_faults();
    tg.fault(On::all(), Fault::Slow(Duration::from_millis(80)), Times::N(1));
    let began = Instant::now();
    ok(&tg, "sendMessage", send()).await;
    assert!(began.elapsed() >= Duration::from_millis(80));
    assert_eq!(tg.calls("sendMessage")[0].fault, Some(Fault::Status(502)));
}

#[tokio::test]
async fn faults_that_cut_and_hang() {
    let (tg, ivan) = ivan().await;
    let maria = tg.user("Мария").known();
    let send = |user: &FakeUser| json!({"chat_id": user.id, "text": "Да"});
    tg.fault(On::method("sendMessage").chat(ivan.id), Fault::CutBefore, Times::N(1));
    let cut = try_call(&tg, "sendMessage", send(&ivan)).await.unwrap_err();
    assert!(cut.is_request() && cut.status().is_none() && !cut.is_timeout(), "{cut:?}");
    assert!(ivan.messages().is_empty());
    tg.fault(On::method("sendMessage").chat(ivan.id), Fault::CutAfter, Times::N(1));
    ok(&tg, "sendMessage", send(&maria)).await;
    let bot = teloxide(&tg);
    let cut = bot.send_message(ChatId(ivan.id), "Да").await.unwrap_err();
    assert!(matches!(cut, teloxide::RequestError::Network(_)), "{cut:?}");
    assert_eq!(ivan.messages().len(), 1);
    assert_eq!(tg.calls("sendMessage").last().unwrap().status, None);

    // The updates were confirmed although the answer never came.
    ivan.say("раз");
    let id = tg.pending()[0]["update_id"].as_i64().unwrap();
    tg.fault(On::method("getUpdates"), Fault::CutAfter, Times::N(1));
    ivan.say("два");
    assert!(try_call(&tg, "getUpdates", json!({"offset": id + 1})).await.is_err());
    assert_eq!(tg.pending().len(), 1);

    tg.fault(On::method("sendMessage"), Fault::Hang, Times::UntilCleared);
    let hanging = tokio::spawn({
        let (tg, params) = (tg.clone(), send(&maria));
        async move { call(&tg, "sendMessage", params).await }
    });
    let hangs = |call: &Call| call.fault == Some(Fault::Hang);
    tg.wait_for_call("sendMessage", hangs, SOON).await.unwrap();
    let hanging_calls = || tg.calls("sendMessage").into_iter().filter(hangs).count();
    tokio::select! {
        answer = call(&tg, "sendMessage", send(&maria)) => panic!("answered: {answer:?}"),
        () = async {
            while hanging_calls() < 2 {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        } => {}
    }
    let given_up = |call: &Call| hangs(call) && call.ended && call.status.is_none();
    tg.wait_for_call("sendMessage", given_up, SOON).await.unwrap();
    assert_eq!(maria.messages().len(), 1);
    tg.clear_faults();
    assert_eq!(hanging.await.unwrap().0, 200);
    assert_eq!(maria.messages().len(), 2);
}

#[tokio::test]
async fn the_network_goes_down_and_comes_back() {
    let (tg, ivan) = ivan().await;
    let poll = tokio::spawn({
        let tg = tg.clone();
        async move { try_call(&tg, "getUpdates", json!({"timeout": 30})).await }
    });
    tg.wait_for_poll(SOON).await.unwrap();
    tg.stop().await;
    assert!(poll.await.unwrap().is_err());
    assert!(try_call(&tg, "getMe", json!({})).await.unwrap_err().is_connect());
    ivan.say("вы тут?");
    let before = tg.url();
    tg.restart().await;
    assert_eq!(tg.url(), before);
    assert_eq!(update_ids(&tg, json!({})).await.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn two_hundred_buyers_at_once() {
    let tg = FakeTelegram::start().await;
    let bot = teloxide(&tg);
    let echo = tokio::spawn(async move {
        let mut offset = 0;
        loop {
            let updates = bot.get_updates().offset(offset).timeout(5).await.unwrap();
            let answers = updates.iter().map(|update| {
                let UpdateKind::Message(message) = &update.kind else { panic!() };
                bot.send_message(message.chat.id, format!("эхо {}", message.text().unwrap())).into_future()
            });
            futures::future::try_join_all(answers).await.unwrap();
            offset = updates.last().map_or(offset, |update| update.id.as_offset());
        }
    });
    let buyers = (0..200).map(|number| {
        let buyer = tg.user(&format!("Покупатель {number}"));
        tokio::spawn(async move {
            for step in 0..5 {
                buyer.say(&format!("шаг {step}"));
                buyer.sees(&format!("эхо шаг {step}")).await;
            }
        })
    });
    for buyer in buyers.collect::<Vec<_>>() {
        buyer.await.unwrap();
    }
    echo.abort();
    assert_eq!(tg.ledger().len(), 1000);
}
