//! Who is told that nobody has dealt with a lead, and of which leads nobody is.

use amocrm_lead_bot::{
    clock::Clock,
    lead::LeadNumber,
    store::{SQLITE_FILE, Store},
};
use serde_json::json;
use testkit::{fakes::amocrm::account::WON_STATUS, world::World};

use super::Sales;

#[tokio::test]
async fn when_nobody_deals_with_a_lead_the_chat_is_told_and_then_the_admin() {
    let mut sales = Sales::with("").await;
    // Fifteen minutes are one and a half seconds.
    sales.world.set("TEST_SPEED", "600");
    sales.world.start();
    let world = &sales.world;
    let mut buyer = world.buyer("Иван");
    let left = buyer.leaves_a_request().await;
    let card = sales.card(&left, "Иван Петров").await;
    let told = world.admin_reads(&format!("Заявкой #{left} никто не занялся уже 60 мин")).await;
    assert!(!told.contains("Иван"), "{told}");
    let reminded = sales.said(&format!("Заявкой #{left} ещё никто не занялся"));
    assert_eq!(reminded.len(), 1, "{}", world.telegram.transcript(sales.group.id));
    assert_eq!(reminded[0].raw["reply_to_message"]["message_id"], card.message_id);
    world.nothing_owed().await;
    assert_eq!(world.admin_has("никто не занялся"), 1);
}

/// What somebody does to a lead in amoCRM.
type Deed = fn(&World, u64);

#[tokio::test]
async fn nobody_is_reminded_of_what_somebody_has_dealt_with_in_amocrm() {
    let dealt: [(&str, Deed); 5] = [
        ("a note by the user of the tokens", |world, id| {
            world.amocrm.add_note(id, "Дозвонился, ждёт подборку");
        }),
        ("a note", |world, id| world.amocrm.has_note_of(id, 502, "common", json!({"text": "Позвоню вечером"}))),
        ("a call", |world, id| world.amocrm.has_note_of(id, 0, "call_out", json!({"duration": 40}))),
        ("a closed task", |world, id| world.amocrm.has_task_of(id, 502, true)),
        ("a move", |world, id| world.amocrm.move_lead(id, WON_STATUS)),
    ];
    let not_dealt: [(&str, Deed); 3] = [
        ("a robot's note", |world, id| {
            world.amocrm.has_note_of(id, 0, "common", json!({"text": "Новая заявка, позвоните"}));
            world.amocrm.has_task_of(id, 0, true);
        }),
        ("an open task", |world, id| world.amocrm.has_task_of(id, 502, false)),
        ("nothing", |_, _| {}),
    ];
    let mut sales = Sales::with("").await;
    // Time enough to do all of it before anybody is reminded.
    sales.world.set("TEST_SPEED", "5");
    sales.world.start();
    let mut leads = Vec::new();
    for (at, (_, deed)) in dealt.iter().chain(&not_dealt).enumerate() {
        let mut buyer = sales.world.buyer(&format!("Покупатель {at}"));
        let number = buyer.leaves_a_request().await;
        let lead_id = sales.world.delivered(&number).await.id;
        sales.card(&number, "leads/detail").await;
        deed(&sales.world, lead_id);
        leads.push(LeadNumber::parse(&number).expect("a number"));
    }
    sales.world.nothing_owed().await;
    assert_eq!(sales.world.terminate().await, Some(0));
    let said = |sales: &Sales, number: &LeadNumber| sales.said(&format!("Заявкой #{number} ещё никто")).len();
    // It is time, first for one of which amoCRM does not tell, then for all others, of which those with nothing come last.
    sales.world.set("TEST_SPEED", "600");
    sales.world.amocrm.goes_down();
    let (last, others) = leads.split_last().expect("some");
    remind_now(&sales, std::slice::from_ref(last)).await;
    sales.world.start();
    sales.world.until("it is said while amoCRM is away", |_| said(&sales, last) == 1).await;
    assert_eq!(sales.world.terminate().await, Some(0));
    sales.world.amocrm.comes_back();
    remind_now(&sales, others).await;
    sales.world.start();
    for number in &others[dealt.len()..] {
        sales.world.until("it is said", |_| said(&sales, number) == 1).await;
    }
    let store = Store::open_file(&sales.world.path(SQLITE_FILE), Clock::default()).await.expect("the store");
    for (number, (deed, _)) in leads.iter().zip(dealt.iter().chain(&not_dealt)) {
        let is_dealt = dealt.iter().any(|(one, _)| one == deed);
        let row = store.lead_work().of(number).await.expect("a look").expect("its row");
        assert_eq!(row.touched_at.is_some(), is_dealt, "{deed}: {row:?}\n{}", sales.world.log());
        assert_eq!(said(&sales, number), usize::from(!is_dealt), "{deed}");
        assert!(row.taken.is_none() && row.touched_at.is_none_or(|at| at <= store.clock().now()), "{deed}: {row:?}");
    }
    let violations = sales.world.amocrm.contract_violations();
    assert!(violations.is_empty(), "{violations:?}");
}

/// It is time to say of these leads that nobody has dealt with them, in this order.
async fn remind_now(sales: &Sales, leads: &[LeadNumber]) {
    let store = Store::open_file(&sales.world.path(SQLITE_FILE), Clock::default()).await.expect("the store");
    let now = store.clock().now();
    for (number, at) in leads.iter().zip(now - 1000..) {
        let row = store.leads().by_number(number).await.expect("a look").expect("its row");
        store.lead_work().remind_later(&row.lead.id.to_string(), 0, at).await.expect("a commit");
    }
}
