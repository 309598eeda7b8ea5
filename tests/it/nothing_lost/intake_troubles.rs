//! What goes wrong between the buyers and the store.

use std::time::{Duration, Instant};

use amocrm_lead_bot::store::SQLITE_FILE;
use futures::{StreamExt, stream};
use sqlx::{Connection, SqliteConnection};
use testkit::{
    buyer::CARD,
    chaos::{PATIENCE, SPEED, Stage, fill_in},
    deaths::die_with_answers_unsent,
    fakes::telegram::{Call, Fault, On, Times},
};

use crate::nothing_lost::stage;

const PHONE: &str = "+79991234567";

/// Every kind of fault, and the calls in which it may strike; a token that is refused at the start ends the start.
fn faults() -> Vec<Fault> {
    Fault::usual(Duration::from_millis(700))
}

/// One poll and one answer of every form meet a fault each, in all pairs; and a press now and then.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_pair_of_faults_of_telegram_is_lived_through() {
    let start = Instant::now();
    let forms: Vec<usize> = stream::iter(faults())
        .map(|polling| tokio::spawn(one_kind_of_poll(polling)))
        .buffer_unordered(10)
        .map(|ended| ended.expect("its story is above"))
        .collect()
        .await;
    println!("{} pairs of faults of Telegram in {:.1?}", forms.iter().sum::<usize>(), start.elapsed());
}

async fn one_kind_of_poll(polling: Fault) -> usize {
    let mut stage = stage().await;
    // teloxide itself rests for 10 s after a 5xx whatever our speed is, and a poll that hangs takes 2 s: once is enough.
    let slow = matches!(polling, Fault::Status(_) | Fault::Hang);
    if !slow && !matches!(polling, Fault::Unauthorized | Fault::NotFound) {
        stage.telegram.fault(On::method("getMe"), polling.clone(), Times::N(1));
    }
    stage.start();
    let forms = faults().len();
    for (at, sending) in faults().into_iter().enumerate() {
        let buyer = stage.telegram.user(&format!("Покупатель {at}"));
        if !slow || at == 0 {
            stage.telegram.fault(On::method("getUpdates"), polling.clone(), Times::N(1));
        }
        stage.telegram.fault(On::method("sendMessage").chat(buyer.id), sending.clone(), Times::N(2));
        stage.telegram.fault(On::method("answerCallbackQuery"), sending.clone(), Times::N(1));
        let filled_in = fill_in(&stage.telegram, &buyer, PHONE).await;
        filled_in.unwrap_or_else(|why| panic!("{polling:?} and {sending:?}: {why}\n{}", stage.story()));
        stage.telegram.clear_faults();
    }
    let judgement = stage.settled(forms).await;
    assert!(judgement.is_exactly_once(forms), "{polling:?}: {judgement}\n{}", stage.story());
    forms
}

/// The daemon dies after Telegram has taken the answer and before it knows: everything comes again.
#[tokio::test]
async fn what_is_delivered_again_changes_nothing_twice() {
    let mut stage = stage().await;
    stage.start();
    let ivan = stage.telegram.user("Иван");
    ivan.command("/start");
    ivan.sees("Как вас зовут").await;
    // From now on no poll gets through, so nothing is ever confirmed.
    stage.telegram.fault(On::method("getUpdates"), Fault::CutBefore, Times::N(1));
    stage.kill().await;
    for text in ["Иван Петров", PHONE, "2 млн", "нет"] {
        ivan.say(text);
    }
    for _ in 0..3 {
        stage.start();
        let card = ivan.sees(CARD).await;
        // What was sent and is not known to be would rightly be sent again.
        while count(&stage, "SELECT COUNT(*) FROM messages").await > 0 {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        stage.kill().await;
        assert!(card.text.contains("Иван Петров") && card.text.contains("2 млн"), "{}", ivan.transcript());
    }
    stage.start();
    assert_eq!(ivan.transcript().matches(CARD).count(), 1, "{}", ivan.transcript());
    ivan.press("submit").expect("a card");
    ivan.sees("принята!").await;
    let judgement = stage.settled(1).await;
    assert!(judgement.is_exactly_once(1), "{judgement}\n{}", stage.story());
}

#[tokio::test]
async fn answers_that_were_committed_outlive_their_process() {
    die_with_answers_unsent(stage().await, None).await;
}

/// The buyer's or the admin's: a message that Telegram holds for five seconds is waited for by nobody.
#[tokio::test]
async fn a_chat_that_takes_no_answer_holds_nobody_up() {
    let mut stage = stage().await;
    let admin = stage.telegram.user("Админ").known();
    stage.set("ADMIN_CHAT_ID", admin.id.to_string());
    stage.set("TEST_SPEED", "1");
    stage.start();
    for (slow, says) in [(stage.telegram.user("Медленный"), "/start"), (admin, "/status")] {
        stage.telegram.fault(On::method("sendMessage").chat(slow.id), Fault::Hang, Times::UntilCleared);
        slow.command(says);
        let to_slow = |call: &Call| call.params["chat_id"].as_i64() == Some(slow.id);
        stage.telegram.wait_for_call("sendMessage", to_slow, PATIENCE).await.expect("an answer");
        slow.command(says);
        let buyer = stage.telegram.user("Иван");
        buyer.command("/start");
        buyer.sees("Как вас зовут").await;
        let held = stage.telegram.calls("sendMessage").into_iter().find(to_slow).expect("it is there");
        assert!(!held.ended, "the others have waited for it\n{}", stage.story());
        stage.telegram.clear_faults();
        stage.until("the answer", |_| !slow.messages().is_empty()).await;
    }
}

#[tokio::test]
async fn update_ids_that_restart_lower_are_taken() {
    let mut stage = stage().await;
    // The clock of the marks runs faster too: three days are over in a little more than an hour.
    stage.set("TEST_SPEED", "200000");
    stage.start();
    let ivan = stage.telegram.user("Иван");
    ivan.command("/start");
    ivan.sees("Как вас зовут").await;
    stage.telegram.wait_until_confirmed(PATIENCE).await.expect("confirmed");
    tokio::time::sleep(Duration::from_millis(2500)).await;
    stage.telegram.reset_update_ids(5);
    ivan.say("Иван Петров");
    ivan.sees("номер телефона").await;
    stage.telegram.wait_until_confirmed(PATIENCE).await.expect("confirmed");
    ivan.say(PHONE);
    ivan.sees("бюджет").await;
}

#[tokio::test]
async fn a_second_instance_is_waited_out_quietly_and_then_told() {
    let mut stage = stage().await;
    let admin = stage.telegram.user("Админ").known();
    stage.set("ADMIN_CHAT_ID", admin.id.to_string());
    stage.start();
    stage.telegram.wait_for_poll(PATIENCE).await.expect("a poll");
    // The other one asks again and again, as ours does, and buyers write meanwhile.
    let url = format!("{}/bot{}/getUpdates?timeout=5", stage.telegram.url(), stage.telegram.token());
    let start = Instant::now();
    let other = tokio::spawn(async move {
        loop {
            let _ = reqwest::get(&url).await;
            tokio::time::sleep(Duration::from_millis(15)).await;
        }
    });
    admin.sees("вторая копия").await;
    let quiet = Duration::from_secs(60) / SPEED;
    assert!(start.elapsed() >= quiet, "told after {:?}, within a deploy", start.elapsed());
    other.abort();
    let ivan = stage.telegram.user("Иван");
    ivan.command("/start");
    ivan.sees("Как вас зовут").await;
    let told = admin.messages().iter().filter(|message| message.text.contains("вторая копия")).count();
    assert_eq!(told, 1, "{}", admin.transcript());
}

#[tokio::test]
async fn a_poll_that_hangs_is_given_up() {
    let mut stage = stage().await;
    stage.telegram.fault(On::method("getUpdates"), Fault::Hang, Times::N(2));
    stage.start();
    let ivan = stage.telegram.user("Иван");
    ivan.command("/start");
    ivan.sees("Как вас зовут").await;
}

#[tokio::test]
async fn an_update_that_always_fails_is_set_aside_and_answered() {
    let mut stage = stage().await;
    let admin = stage.telegram.user("Админ").known();
    stage.set("ADMIN_CHAT_ID", admin.id.to_string());
    stage.set("TEST_PANIC_AT", "intake.before_commit:5");
    stage.start();
    let ivan = stage.telegram.user("Иван");
    ivan.command("/start");
    ivan.sees("Не получилось обработать").await;
    admin.sees("сообщение").await;
    // It was the message, not the bot: the next one is taken.
    let number = fill_in(&stage.telegram, &ivan, PHONE).await.expect("a form");
    let judgement = stage.settled(1).await;
    assert!(judgement.is_exactly_once(1) && judgement.told.contains_key(&number), "{judgement}");
}

#[tokio::test]
async fn an_update_nobody_can_parse_is_kept_and_answered() {
    let mut stage = stage().await;
    stage.start();
    let ivan = stage.telegram.user("Иван");
    ivan.command("/start");
    ivan.sees("Как вас зовут").await;
    let chat = serde_json::json!({"id": ivan.id, "type": "private"});
    stage.telegram.raw_update(serde_json::json!({"message": {"chat": chat, "message_id": "not a number"}}));
    stage.telegram.wait_until_confirmed(PATIENCE).await.expect("it does not stand in the way");
    let kept = count(&stage, "SELECT COUNT(*) FROM set_aside").await;
    assert_eq!(kept, 1);
    ivan.say("Иван Петров");
    ivan.sees("номер телефона").await;
}

#[tokio::test]
async fn a_buyer_who_blocks_the_bot_ends_the_debt_and_not_the_lead() {
    let mut stage = stage().await;
    stage.amocrm.goes_down();
    stage.start();
    let ivan = stage.telegram.user("Иван");
    fill_in(&stage.telegram, &ivan, PHONE).await.expect("a form");
    ivan.sees("надёжно сохранена").await;
    ivan.blocks_bot();
    stage.amocrm.comes_back();
    stage.settled(1).await;
    let deadline = Instant::now() + PATIENCE;
    let owed = format!("SELECT COUNT(*) FROM messages WHERE chat_id = {}", ivan.id);
    while count(&stage, &owed).await > 0 {
        assert!(Instant::now() < deadline, "the debt does not end\n{}", stage.story());
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test]
async fn one_slow_chat_does_not_hold_up_the_others() {
    let mut stage = stage().await;
    stage.start();
    let (slow, quick) = (stage.telegram.user("Медленный"), stage.telegram.user("Быстрый"));
    slow.command("/start");
    slow.sees("Как вас зовут").await;
    stage.telegram.fault(On::method("sendMessage").chat(slow.id), Fault::Hang, Times::UntilCleared);
    // The smallest reply timeout there is, whatever the speed.
    let reply_timeout = Duration::from_secs(2);
    for _ in 0..10 {
        slow.say("Кто здесь?");
    }
    slow.sticker();
    let mut longest = Duration::ZERO;
    for words in ["/start", "Иван Петров", PHONE, "2 млн"] {
        let (start, seen) = (Instant::now(), quick.messages().len());
        quick.say(words);
        stage.until("the quick one is answered", |_| quick.messages().len() > seen).await;
        longest = longest.max(start.elapsed());
    }
    stage.took(longest, reply_timeout * 2).await;
    stage.telegram.clear_faults();
}

/// A store as an older version may have left it: steps and drafts that this one does not know.
#[tokio::test]
async fn dialogues_of_an_older_version_go_on() {
    let mut stage = stage().await;
    stage.start();
    let buyers: Vec<_> = (0..4).map(|at| stage.telegram.user(&format!("Покупатель {at}"))).collect();
    for buyer in &buyers {
        buyer.command("/start");
        buyer.sees("Как вас зовут").await;
    }
    stage.terminate().await;
    let mut store = open(&stage).await;
    for (buyer, (step, draft)) in buyers.iter().zip([
        ("car_colour", r#"{"draft":{"name":"Иван","colour":"red"}}"#),
        ("phone", "not json at all"),
        ("AwaitingPhone", r#"{"name":"Иван"}"#),
        ("confirm", r#"{"draft":{"name":"Иван","phone":5},"last_number":7}"#),
    ]) {
        sqlx::query("UPDATE dialogues SET step = $1, draft = $2, replies = '{' WHERE chat_id = $3")
            .bind(step)
            .bind(draft)
            .bind(buyer.id)
            .execute(&mut store)
            .await
            .expect("an older row");
    }
    store.close().await.expect("closed");
    stage.start();
    for buyer in &buyers {
        let seen = buyer.messages().len();
        buyer.say("Добрый день");
        stage.until("an answer", |_| buyer.messages().len() > seen).await;
        buyer.command("/cancel");
        fill_in(&stage.telegram, buyer, PHONE).await.unwrap_or_else(|why| panic!("{why}\n{}", stage.story()));
    }
    let judgement = stage.settled(4).await;
    assert!(judgement.is_exactly_once(4), "{judgement}");
}

#[tokio::test]
async fn a_corrupted_backup_file_is_moved_aside_and_nothing_is_lost() {
    let mut stage = stage().await;
    let admin = stage.telegram.user("Админ").known();
    stage.set("ADMIN_CHAT_ID", admin.id.to_string());
    stage.amocrm.goes_down();
    stage.start();
    let ivan = stage.telegram.user("Иван");
    fill_in(&stage.telegram, &ivan, PHONE).await.expect("a form");
    stage.until("the backup file holds the lead", |stage| stage.backup().len() == 1).await;
    let whole = std::fs::read(stage.path("backup_leads.json")).expect("the file");
    std::fs::write(stage.path("backup_leads.json"), &whole[..whole.len() / 2]).expect("half a file");
    admin.sees("backup_leads.unreadable").await;
    stage.until("the backup file holds the lead again", |stage| stage.backup().len() == 1).await;
    let aside = std::fs::read_dir(stage.folder.path())
        .expect("a folder")
        .flatten()
        .find(|entry| entry.file_name().to_string_lossy().starts_with("backup_leads.unreadable"))
        .expect("what was there is kept");
    assert_eq!(std::fs::read(aside.path()).expect("it"), whole[..whole.len() / 2]);

    // An old copy that somebody puts there is taken in and written again, without a second lead.
    std::fs::write(stage.path("backup_leads.json"), "[]").expect("an old copy");
    stage.until("the backup file says what is so", |stage| stage.backup().len() == 1).await;
    stage.amocrm.comes_back();
    let judgement = stage.settled(1).await;
    assert!(judgement.is_exactly_once(1), "{judgement}");
    std::fs::write(stage.path("backup_leads.json"), &whole).expect("the old file again");
    stage.until("the file is empty again", |stage| stage.backup().is_empty()).await;
    assert_eq!(stage.amocrm.leads().len(), 1, "what was delivered is not taken in again");
}

async fn open(stage: &Stage) -> SqliteConnection {
    let url = format!("sqlite://{}", stage.path(SQLITE_FILE).display());
    SqliteConnection::connect(&url).await.expect("the store")
}

async fn count(stage: &Stage, query: &str) -> i64 {
    let count = sqlx::query_scalar(sqlx::AssertSqlSafe(query)).fetch_one(&mut open(stage).await).await;
    count.expect("a count")
}
