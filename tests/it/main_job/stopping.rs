//! Stopping: soon, with exit code 0, and nothing in hand is left half done.

use std::time::Instant;

use testkit::{
    fakes::{amocrm, telegram},
    world::{PATIENCE, STOP_LIMIT, World, number_in},
};

#[tokio::test]
async fn both_signals_stop_an_idle_daemon_at_once() {
    for signal in [libc::SIGTERM, libc::SIGINT] {
        let mut world = World::running().await;
        world.telegram.wait_for_poll(PATIENCE).await.expect("it runs");
        let asked = Instant::now();
        world.signal(signal);
        assert_eq!(world.ended().await, Some(0), "{}", world.log());
        world.took(asked.elapsed(), std::time::Duration::from_secs(3)).await;
    }
}

#[tokio::test]
async fn a_stop_while_telegram_cannot_be_reached_takes_no_longer() {
    let mut world = World::new().await;
    world.telegram.stop().await;
    world.start();
    world.until("it is told", |world| world.log().contains("Telegram cannot be reached")).await;
    assert_eq!(world.terminate().await, Some(0), "{}", world.log());
}

#[tokio::test]
async fn what_is_in_hand_is_finished_and_confirmed() {
    let mut world = World::running().await;
    let mut ivan = world.buyer("Иван");
    ivan.begins().await;
    let slow = telegram::Fault::Slow(std::time::Duration::from_millis(300));
    world.telegram.fault(telegram::On::method("sendMessage"), slow, telegram::Times::N(1));
    ivan.user.say("Иван");
    ivan.hears("номер телефона").await;
    assert_eq!(world.terminate().await, Some(0), "{}", world.log());
    assert!(world.telegram.pending().is_empty(), "the update is confirmed: {:?}", world.telegram.pending());
    world.start();
    ivan.says("89991234567", "бюджет").await;
    assert_eq!(ivan.has("Ваш номер телефона?"), 1, "{}", ivan.user.transcript());
}

#[tokio::test]
async fn a_request_sent_at_the_moment_of_the_stop_is_kept() {
    let mut world = World::running().await;
    let mut ivan = world.buyer("Иван");
    ivan.fills_in().await;
    ivan.user.press("submit").expect("the card");
    assert_eq!(world.terminate().await, Some(0), "{}", world.log());
    world.start();
    let number = number_in(&ivan.hears("принята").await.text);
    world.delivered(&number).await;
    world.telegram.wait_until_confirmed(PATIENCE).await.expect("all is handled");
    assert_eq!((ivan.has("принята!"), world.amocrm.leads().len()), (1, 1), "{}", ivan.user.transcript());
}

/// At true speed: these are the longest waits there are.
#[tokio::test]
async fn a_stop_while_everything_hangs_takes_less_than_ten_seconds() {
    let mut world = World::new().await;
    world.set("TEST_SPEED", "1");
    world.start();
    let mut ivan = world.buyer("Иван");
    ivan.fills_in().await;
    world.amocrm.fault(amocrm::On::any("/"), amocrm::Fault::Hang, amocrm::Times::Forever);
    let number = ivan.submits().await;
    world.until("amoCRM is asked", |world| !world.amocrm.requests().is_empty()).await;
    world.telegram.fault(telegram::On::all(), telegram::Fault::Hang, telegram::Times::UntilCleared);
    let mut anna = world.buyer("Анна");
    anna.user.command("/start");
    // The poll that was open before takes the update; its answer hangs.
    world.telegram.wait_for_call("sendMessage", |call| call.params["chat_id"] == anna.user.id, PATIENCE).await.ok();
    let asked = Instant::now();
    assert_eq!(world.terminate().await, Some(0), "{}", world.log());
    world.took(asked.elapsed(), STOP_LIMIT).await;
    world.telegram.clear_faults();
    world.amocrm.clear_faults();
    world.set("TEST_SPEED", "20");
    world.start();
    anna.hears("Как вас зовут").await;
    world.delivered(&number).await;
    assert_eq!(world.amocrm.leads().len(), 1);
}

#[tokio::test]
async fn a_stop_while_a_create_hangs_doubles_nothing() {
    let mut world = World::running().await;
    let mut ivan = world.buyer("Иван");
    ivan.fills_in().await;
    world.amocrm.fault(amocrm::On::complex(), amocrm::Fault::HangAfter, amocrm::Times::N(1));
    let number = ivan.submits().await;
    world.amocrm.wait_for_leads(1, PATIENCE).await;
    assert_eq!(world.terminate().await, Some(0), "{}", world.log());
    world.start();
    world.delivered(&number).await;
    world.backup_holds(0).await;
    assert_eq!(world.amocrm.leads().len(), 1);
}
