//! The daemon dies amid managers' work, and another goes on.

use testkit::{
    fakes::amocrm::{Fault, On, Times},
    world::World,
};

use super::{RULES, Sales};

/// The daemon dies while a task is made.
async fn dies_making_a_task(point: &str) {
    let mut sales = Sales::with(RULES).await;
    sales.world.start();
    let mut buyer = sales.world.buyer("Иван");
    let number = buyer.leaves_a_request().await;
    sales.world.delivered(&number).await;
    let card = sales.card(&number, "leads/detail").await;
    sales.world.nothing_owed().await;
    assert_eq!(sales.world.terminate().await, Some(0));
    if point == "lead_action.not_done_stored" {
        sales.world.amocrm.fault(On::post("/api/v4/tasks"), Fault::CutAfter, Times::N(1));
    }
    // The first passage is the responsible's, unless nothing of that waits.
    let passage = if point == "lead_action.not_done_stored" { 1 } else { 2 };
    sales.world.set("TEST_KILL_AT", format!("{point}:{passage}"));
    sales.world.start();
    sales.anna.press_in(&card, &format!("lead:no_answer:{number}"));
    assert_eq!(sales.world.ended().await, None, "it died at {point}");
    sales.world.unset("TEST_KILL_AT");
    sales.world.start();
    let world = &sales.world;
    let lead = |world: &World| world.amocrm.lead_with_number(&number).expect("the lead");
    world.until(&format!("{point}: the task is there"), |world| !world.amocrm.tasks().is_empty()).await;
    world.until(&format!("{point}: she is responsible"), |world| lead(world).responsible_user_id == 502).await;
    // Whatever is made twice is made before what is pressed now.
    let junk = format!("lead:junk:{number}");
    sales.presses(&sales.anna, &card, &junk).await;
    sales.presses(&sales.anna, &card, &junk).await;
    world.until(&format!("{point}: it is closed"), |world| lead(world).status_id == 143).await;
    assert_eq!(sales.world.terminate().await, Some(0), "{point}");
    assert_eq!(sales.world.amocrm.tasks().len(), 1, "{point}: {:?}", sales.world.amocrm.tasks());
}

#[tokio::test]
async fn whatever_dies_meanwhile_a_task_is_made_once() {
    let points = ["lead_action.recorded", "lead_action.answered", "lead_action.stored", "lead_action.not_done_stored"];
    futures::future::join_all(points.map(dies_making_a_task)).await;
}

/// The daemon dies at a point of managers' work, and another goes on.
async fn dies_at(point: &str) {
    let mut sales = Sales::with("").await;
    let (is_of_a_press, is_of_a_reminder) = (point.starts_with("press"), point.starts_with("reminder"));
    if is_of_a_reminder {
        // Fifteen minutes are one and a half seconds.
        sales.world.set("TEST_SPEED", "600");
    }
    sales.world.set("TEST_KILL_AT", format!("{point}:1"));
    sales.world.start();
    // What dies between Telegram's answer and its record is sent again: here it is recorded before.
    let is_recorded_first = is_of_a_press || point == "card.in_commit";
    if is_recorded_first {
        sales.world.amocrm.goes_down();
    }
    let mut buyer = sales.world.buyer("Иван");
    let number = buyer.leaves_a_request().await;
    let mut query = None;
    if is_recorded_first {
        let card = sales.card(&number, "Иван Петров").await;
        sales.world.nothing_owed().await;
        if is_of_a_press {
            query = Some(sales.oleg.press_in(&card, &format!("lead:reached:{number}")));
        } else {
            sales.world.amocrm.comes_back();
        }
    }
    assert_eq!(sales.world.ended().await, None, "it died at {point}");
    sales.world.amocrm.comes_back();
    sales.world.unset("TEST_KILL_AT");
    sales.world.start();
    let world = &sales.world;
    world.until(&format!("{point}: it is delivered"), |_| sales.notes(&number, "") > 0).await;
    sales.card(&number, "leads/detail").await;
    if query.is_some() {
        // The update comes again, and what it led to is there once.
        sales.card(&number, "Есть контакт: Олег").await;
        world.until("the note is there", |_| sales.notes(&number, "на связи: Олег") > 0).await;
    }
    if is_of_a_reminder {
        world.admin_reads("никто не занялся уже 60 мин").await;
    }
    world.nothing_owed().await;
    // Where it is committed, it may have been sent before the death.
    let most = if point.ends_with(".stored") && !is_of_a_press { 2 } else { 1 };
    let cards = sales.said("🆕").len();
    assert!((1..=most).contains(&cards), "{point}: {}", world.telegram.transcript(sales.group.id));
    assert_eq!(sales.notes(&number, "на связи: Олег"), usize::from(is_of_a_press), "{point}");
    if is_of_a_reminder {
        let reminded = sales.said("ещё никто не занялся").len();
        assert!((1..=most).contains(&reminded) && world.admin_has("никто не занялся") == 1, "{point}: {reminded}");
    }
}

#[tokio::test]
async fn whatever_dies_meanwhile_a_card_is_one_and_a_press_counts_once() {
    let points = ["lead_work.in_commit", "lead_work.stored", "card.in_commit", "press.in_commit", "press.stored"];
    futures::future::join_all(points.map(dies_at)).await;
    futures::future::join_all(["reminder.in_commit", "reminder.stored"].map(dies_at)).await;
}
