use ulid::Ulid;

use super::*;
use crate::{
    clock::Clock,
    lead::{AmendmentKind, Lead},
    notice::{LeadDeed, PressOutcome},
    store::{LeadAction, NewAmendment, Store},
};

async fn store(folder: &tempfile::TempDir) -> Store {
    Store::open_file(&folder.path().join("store.sqlite"), Clock::default()).await.expect("a store")
}

/// A lead that a chat has sent.
async fn taken(store: &Store, number: &str) -> LeadNumber {
    let lead: Lead = serde_json::from_value(serde_json::json!({
        "id": Ulid::new().to_string(), "number": number, "submitted_at": "2026-11-26T10:30:00Z", "name": "Иван",
        "phone": {"e164": "+79991234567", "typed": "", "origin": "typed"}, "budget": {"typed": "", "price": 0},
        "buyer": {"user_id": 5, "chat_id": 5},
    }))
    .expect("a lead");
    let now = store.clock().now();
    let new = crate::store::NewLead::fresh(lead);
    let mut transaction = store.begin().await.expect("a transaction");
    crate::store::new_leads::insert(&mut transaction, &new, now, Some(now)).await.expect("a row");
    transaction.commit().await.expect("a commit");
    new.lead.number
}

/// A lead that a chat has sent, and that managers were given.
async fn given(store: &Store, number: &str, remind_at: Option<Millis>) -> LeadNumber {
    let number = taken(store, number).await;
    let work = store.lead_work();
    let owed = work.owed().await.expect("a look").expect("it is owed");
    assert_eq!(owed.number, number);
    let action = LeadAction::Responsible { user_id: 7001 };
    let actions = vec![NewAction { about: "assigned".into(), action }];
    let new = NewWork { chat: Some(ChatRef::telegram(-9)), remind_at, assigned: Some(7001), actions };
    work.open(&owed, new.clone()).await.expect("a commit");
    // Once, however often it is tried.
    work.open(&owed, new).await.expect("a commit");
    assert_eq!(work.owed().await.expect("a look"), None);
    owed.number
}

fn press(number: &LeadNumber, deed: LeadDeed, by: i64, update_id: i64) -> NewPress {
    NewPress {
        deed,
        number: number.clone(),
        by,
        name: format!("Менеджер {by}"),
        update_id,
        action: None,
        on_taking: None,
        note: Some((format!("said-{update_id}"), format!("#{} Сказано", number.as_str()))),
        same_within: 600_000,
        confirm_within: 600_000,
    }
}

#[tokio::test]
async fn a_press_counts_once_and_the_first_one_has_the_lead() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = store(&folder).await;
    let number = given(&store, "K7M2QXA", None).await;
    let work = store.lead_work();
    assert_eq!(store.outbox().count().await.expect("a count"), 1, "its card");
    let others = |outcome: &PressOutcome| matches!(outcome, PressOutcome::Others(doer) if doer.name == "Менеджер 1");
    let pressed = async |deed, by, update| work.press(press(&number, deed, by, update)).await.expect("a commit");
    assert_eq!(pressed(LeadDeed::Take, 1, 10).await, PressOutcome::Taken);
    assert_eq!(pressed(LeadDeed::Take, 1, 10).await, PressOutcome::Yours, "the same update again");
    assert!(others(&pressed(LeadDeed::Take, 2, 11).await));
    assert_eq!(pressed(LeadDeed::Reached, 2, 12).await, PressOutcome::Said { taken: false });
    assert_eq!(pressed(LeadDeed::Reached, 2, 12).await, PressOutcome::SaidAlready);
    assert_eq!(pressed(LeadDeed::Reached, 1, 13).await, PressOutcome::SaidAlready);
    assert_eq!(pressed(LeadDeed::NoAnswer, 1, 14).await, PressOutcome::Said { taken: false });
    // Two presses by the same person, and not one update that comes twice.
    assert_eq!(pressed(LeadDeed::Junk, 1, 15).await, PressOutcome::Ask);
    assert_eq!(pressed(LeadDeed::Junk, 1, 15).await, PressOutcome::Ask);
    assert_eq!(pressed(LeadDeed::Junk, 2, 16).await, PressOutcome::Ask);
    assert_eq!(pressed(LeadDeed::Junk, 2, 17).await, PressOutcome::Said { taken: false });
    assert_eq!(pressed(LeadDeed::Junk, 2, 18).await, PressOutcome::SaidAlready);
    let row = work.of(&number).await.expect("a look").expect("a row");
    assert_eq!(row.taken.map(|(by, _)| by), Some(1));
    assert_eq!(row.outcome.map(|(outcome, _)| outcome), Some(LeadOutcome::Junk));
    let unknown = LeadNumber::parse("N7HR3T9").expect("a number");
    assert_eq!(work.press(press(&unknown, LeadDeed::Take, 1, 19)).await.expect("a look"), PressOutcome::Unknown);
}

#[tokio::test]
async fn the_card_of_a_lead_that_was_given_up_follows_it_when_it_is_sent_after_all() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = store(&folder).await;
    let number = given(&store, "K7M2QXA", None).await;
    let (work, leads) = (store.lead_work(), store.leads());
    let messages = async || store.outbox().count().await.expect("a count");
    assert_eq!(messages().await, 1, "its card");
    for round in 0..2 {
        assert!(leads.discard(&number).await.expect("a commit"));
        assert_eq!(work.show_again().await.expect("a commit"), 1, "given up, round {round}");
        assert_eq!(messages().await, 2 + 2 * round);
        assert_eq!(leads.retry_now(Some(&number)).await.expect("a commit"), 1);
        assert_eq!(messages().await, 3 + 2 * round, "the card is changed back");
        assert_eq!(work.show_again().await.expect("a look"), 0);
    }
    leads.retry_now(Some(&number)).await.expect("a commit");
    assert_eq!(messages().await, 5, "one that waits is shown as it is");
}

#[tokio::test]
async fn the_card_of_a_lead_that_is_changed_before_it_was_sent_follows_it() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = store(&folder).await;
    let number = given(&store, "K7M2QXA", None).await;
    let lead = store.leads().by_number(&number).await.expect("a look").expect("its row").lead;
    for (at, kind) in [AmendmentKind::Finished, AmendmentKind::Supplemented].into_iter().enumerate() {
        let new = NewAmendment {
            lead: lead.clone(),
            kind,
            about: format!("more-{at}"),
            name_before: "Иван".into(),
            answers: vec!["budget".into()],
            note: "#K7M2QXA Бюджет: 3 млн".into(),
        };
        let mut transaction = store.begin().await.expect("a transaction");
        crate::store::amendments::insert(&mut transaction, &new, store.clock().now()).await.expect("a row");
        transaction.commit().await.expect("a commit");
        let messages = store.outbox().count().await.expect("a count");
        assert_eq!(usize::try_from(messages).expect("a few"), 2 + at, "its card, and each change of it");
    }
}

#[tokio::test]
async fn a_press_on_a_lead_that_is_over_changes_nothing_and_one_that_is_opened_again_is_to_be_dealt_with() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = store(&folder).await;
    let (work, leads) = (store.lead_work(), store.leads());
    let later = store.clock().now() + 900_000;
    let (one, other) = (given(&store, "K7M2QXA", Some(later)).await, given(&store, "N7HR3T9", Some(later)).await);
    work.press(press(&other, LeadDeed::Take, 1, 1)).await.expect("a commit");
    for number in [&one, &other] {
        assert!(leads.discard(number).await.expect("a commit"));
    }
    assert_eq!(work.show_again().await.expect("a commit"), 2);
    assert_eq!(work.next_due().await.expect("a look"), None, "nobody has to deal with them");
    assert_eq!(work.press(press(&one, LeadDeed::Take, 1, 2)).await.expect("a look"), PressOutcome::Over);
    assert_eq!(work.of(&one).await.expect("a look").expect("its row").touched_at, None);
    for number in [&one, &other] {
        assert_eq!(leads.retry_now(Some(number)).await.expect("a commit"), 1);
    }
    // Whose turn it is to say when, reckons from now on.
    let untouched = work.untouched().await.expect("a look");
    let now = store.clock().now();
    assert_eq!(untouched.iter().map(|lead| &lead.owed.number).collect::<Vec<_>>(), [&one], "nobody has dealt with it");
    assert!((now - 60_000..=now).contains(&untouched[0].owed.since) && untouched[0].reminders == 0, "{untouched:?}");
    assert_eq!(work.press(press(&one, LeadDeed::Take, 1, 3)).await.expect("a commit"), PressOutcome::Taken);
}

#[tokio::test]
async fn a_chat_that_is_set_later_gets_what_still_waits_for_a_call() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = store(&folder).await;
    let (work, now) = (store.lead_work(), store.clock().now());
    let (day, hour) = (24 * 3_600_000, 3_600_000);
    let given_before = given(&store, "K7M2QXA", None).await;
    // As an older version has left them: of when, and where they stand.
    for (number, ago, state) in [
        ("AAAAAA2", hour, "delivered"),
        ("AAAAAA3", 2 * day, "delivered"),
        ("AAAAAA4", 3 * day, "waiting"),
        ("AAAAAA5", hour, "discarded"),
        ("AAAAAA6", 3 * day, "rejected"),
    ] {
        let number = taken(&store, number).await;
        let sql = "UPDATE leads SET taken_at = $1, state = $2, work_owed = 0 WHERE number = $3";
        let query = sqlx::query(sql).bind(now - ago).bind(state).bind(number.as_str());
        query.execute(&work.pool).await.expect("a row");
    }
    let owed = async || {
        let sql = "SELECT number FROM leads WHERE work_owed = 1 ORDER BY number";
        let rows = sqlx::query(sql).fetch_all(&work.pool).await.expect("rows");
        rows.iter().filter_map(|row| rows::lossy(row, 0)).collect::<Vec<_>>()
    };
    assert!(owed().await.is_empty() && work.of(&given_before).await.expect("a look").is_some());
    work.owe_since(now - day).await.expect("a commit");
    assert_eq!(owed().await, ["AAAAAA2", "AAAAAA4", "AAAAAA6"]);
    // A process that dies before they are given leaves them to the next.
    work.begin(now - day, true).await.expect("a commit");
    assert_eq!(owed().await, ["AAAAAA2", "AAAAAA4", "AAAAAA6"]);
    work.begin(now, false).await.expect("a commit");
    assert!(owed().await.is_empty(), "without a chat nothing of before is given");
    // The first version did not keep when it was taken: that was when it was sent, and is no reason to take it for a new one.
    let sql = "UPDATE leads SET taken_at = NULL WHERE number = 'AAAAAA4'";
    sqlx::query(sql).execute(&work.pool).await.expect("a row");
    work.owe_since(now - day).await.expect("a commit");
    let first = work.owed().await.expect("a look").expect("it is owed");
    let sent = store.leads().by_number(&first.number).await.expect("a read").expect("the lead").lead.submitted_at;
    assert_eq!((first.number.as_str(), first.since), ("AAAAAA4", sent.timestamp_millis()));
}

#[tokio::test]
async fn what_somebody_deals_with_is_not_called_for() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = store(&folder).await;
    let (work, past) = (store.lead_work(), store.clock().now() - 1);
    let (one, other) = (given(&store, "K7M2QXA", Some(past)).await, given(&store, "N7HR3T9", Some(past)).await);
    assert!(work.touched(&one, "Анна", past).await.expect("a commit"));
    assert!(!work.touched(&one, "Олег", past).await.expect("a commit"), "the first time counts");
    let untouched = async || work.untouched().await.expect("a look");
    let left = untouched().await.pop().expect("one is left").owed;
    assert_eq!((&left.number, untouched().await.len(), untouched().await[0].reminders), (&other, 1, 0));
    work.remind(&left.lead_id, 0, None, Some(past)).await.expect("a commit");
    // A second time from an older look says nothing.
    work.remind(&left.lead_id, 0, None, None).await.expect("a commit");
    assert_eq!(untouched().await[0].reminders, 1);
    // Nor is it put off by whoever has seen it before.
    work.remind_later(&left.lead_id, 0, past + 60_000).await.expect("a commit");
    assert_eq!(untouched().await.len(), 1);
    work.remind_later(&left.lead_id, 1, past + 60_000).await.expect("a commit");
    assert_eq!((untouched().await, work.next_due().await.expect("a look")), (Vec::new(), Some(past + 60_000)));
    work.press(press(&other, LeadDeed::Take, 1, 1)).await.expect("a commit");
    assert_eq!(untouched().await, Vec::new());
    assert_eq!(work.next_due().await.expect("a look"), None);
}

#[tokio::test]
async fn a_damaged_row_does_not_keep_others_from_being_called_for() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = store(&folder).await;
    let (work, past) = (store.lead_work(), store.clock().now() - 1);
    let (one, other) = (given(&store, "K7M2QXA", Some(past - 1)).await, given(&store, "N7HR3T9", Some(past)).await);
    let sql = "UPDATE lead_work SET number = 'x' WHERE number = $1";
    sqlx::query(sql).bind(one.as_str()).execute(&work.pool).await.expect("a row");
    let left = work.untouched().await.expect("a look").pop().expect("the other");
    assert_eq!(left.owed.number, other);
    assert_eq!(work.next_due().await.expect("a look"), Some(past));
    assert!(work.touched(&other, "Анна", past).await.expect("a commit"));
    assert_eq!(work.next_due().await.expect("a look"), None, "nothing is due for ever");
}
