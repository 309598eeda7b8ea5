//! Forms that were left become leads: each once, only as nobody has touched them since, and what is said later is the same lead's.

use std::time::Duration;

use amocrm_lead_bot::{
    form::{Form, finished, given_up},
    lead::Sources,
    notice::Recipients,
    store::NewAmendment,
    unfinished::{UnfinishedSender, Waiting},
    wording::Lang,
};

use super::*;

fn sender(store: &Store) -> UnfinishedSender {
    UnfinishedSender {
        dialogues: store.dialogues(),
        form: Form::default(),
        words: Lang::all_words,
        sources: Sources::default(),
        asks_consent: false,
        after: Duration::from_secs(3600),
        limits: LeadLimits { per_hour: Some(2), ..LeadLimits::default() },
        recipients: Recipients::default(),
    }
}

/// A form with these answers that was touched so long ago.
async fn touch(store: &Store, chat_id: i64, step: &str, draft: serde_json::Value, ago: i64) {
    let before = store.dialogues().of_chat(ChatRef::telegram(chat_id)).await.expect("a read");
    let after = before.map(|before| (before.update_id, before.update_at));
    let dialogue = Dialogue {
        step: step.into(),
        draft: serde_json::json!({"draft": draft, "lang": "ru", "source": "avito"}).to_string(),
        update_id: after.map_or(1, |(id, _)| id + 1),
        update_at: Clock::default().now() - ago,
        replies: None,
    };
    let turn = Turn { chat: ChatRef::telegram(chat_id), after, dialogue, ..turn(1, None) };
    assert!(matches!(store.dialogues().commit(turn).await, Ok(TurnOutcome::Committed(_))));
}

fn answers(id: Ulid, number: &LeadNumber) -> serde_json::Value {
    serde_json::json!({
        "id": id, "number": number, "name": "Иван",
        "phone": {"e164": "+79991234567", "typed": "8 999 123-45-67", "origin": "typed"},
        "buyer": {"user_id": 7, "chat_id": 7, "username": "ivan"}
    })
}

async fn draft_of(store: &Store, chat_id: i64) -> serde_json::Value {
    let dialogue = store.dialogues().of_chat(ChatRef::telegram(chat_id)).await.expect("a read").expect("a dialogue");
    serde_json::from_str::<serde_json::Value>(&dialogue.draft).expect("JSON")["draft"].clone()
}

/// The one lead of which amoCRM has nothing.
async fn waiting(store: &Store) -> Vec<LeadRow> {
    store.leads().in_state(LeadState::Waiting, 100).await.expect("a read")
}

on_both! {
    async fn a_form_that_was_left_with_name_and_phone_is_a_lead_once(opened: &Opened) {
        let store = &opened.store;
        let [left, fresh, nameless] = [(); 3].map(|()| Ulid::new());
        let number = LeadNumber::random();
        touch(store, 1, "budget", answers(left, &number), 2 * HOUR).await;
        touch(store, 2, "budget", answers(fresh, &LeadNumber::random()), HOUR / 2).await;
        touch(store, 3, "phone", serde_json::json!({"id": nameless, "number": "K7M2QXA", "name": "Иван"}), 40 * HOUR).await;
        touch(store, 4, "idle", serde_json::Value::Null, 2 * HOUR).await;
        // Two processes at once, and one that was started since.
        let other = opened.again().await;
        let (one, two) = (sender(store), sender(&other));
        let (one, two) = tokio::join!(one.look(), two.look());
        assert_eq!(one.expect("a look") + two.expect("a look"), 1);
        assert_eq!(sender(&opened.again().await).look().await.expect("a look"), 0);
        let [row] = &waiting(store).await[..] else { panic!("one lead") };
        assert_eq!((row.lead.id, &row.lead.number, row.lead.buyer.username.as_deref()), (left, &number, Some("ivan")));
        assert_eq!(row.lead.left_open.as_deref(), Some(&["Бюджет".to_owned(), "Ссылка".to_owned()][..]));
        assert_eq!(row.lead.source.as_ref().map(|source| source.code.as_str()), Some("avito"));
        // Its buyer is told neither that it is saved nor that it is delivered.
        assert_eq!(store.lead_queue().tell_saved(10, saved).await.expect("a commit"), 0);
        store.lead_queue().record_delivered(&[completed(&row.lead)], delivered).await.expect("a commit");
        assert!(store.outbox().due(10).await.expect("a read").is_empty());
        // A copy of the store knows what was sent.
        let copy = Store::open_file(&opened.folder.path().join("copy.sqlite"), Clock::default()).await.expect("a copy");
        store.copy_to(&copy).await.expect("a backup");
        assert_eq!(sender(&copy).look().await.expect("a look"), 0);
        // What is answered before it is left again comes to the same lead, once.
        let mut more = draft_of(store, 1).await;
        assert_eq!(more["sent_unfinished"], true);
        more["budget"] = serde_json::json!({"typed": "2 млн", "price": 2_000_000});
        touch(store, 1, "car_link", more, 2 * HOUR).await;
        assert_eq!(sender(store).look().await.expect("a look"), 1);
        assert_eq!(sender(store).look().await.expect("a look"), 0);
        let known = store.dialogues().sent_unfinished(left).await.expect("a read").expect("the lead");
        assert_eq!((known.price(), known.is_unfinished()), (2_000_000, true));
        let note = store.late_notes().due().await.expect("a read").expect("a note").text;
        assert!(note.contains("дополнил незавершённую заявку") && note.contains("Бюджет: 2 млн"), "{note}");
    }

    async fn a_turn_that_was_read_before_it_was_sent_is_begun_again(opened: &Opened) {
        let store = &opened.store;
        let id = Ulid::new();
        touch(store, 42, "budget", answers(id, &LeadNumber::random()), 2 * HOUR).await;
        let read = store.dialogues().of_chat(ChatRef::telegram(42)).await.expect("a read").expect("a dialogue");
        assert_eq!(sender(store).look().await.expect("a look"), 1);
        let turn = Turn { after: Some((read.update_id, read.update_at)), ..turn(9, None) };
        assert_eq!(store.dialogues().commit(turn).await.expect("an answer"), TurnOutcome::Overtaken);
        assert_eq!(draft_of(store, 42).await["sent_unfinished"], true);
    }

    async fn another_lead_with_its_number_gives_it_another_and_limits_hold_it_back(opened: &Opened) {
        let store = &opened.store;
        let earlier = Lead { buyer: Buyer { user_id: 7, ..Buyer::default() }, ..lead("Пётр", 0) };
        submit(store, &earlier).await;
        touch(store, 7, "budget", answers(Ulid::new(), &earlier.number), 2 * HOUR).await;
        assert_eq!(sender(store).look().await.expect("a look"), 1);
        let rows = waiting(store).await;
        let sent = rows.iter().find(|row| row.lead.is_unfinished()).expect("the lead");
        assert_ne!(sent.lead.number, earlier.number);
        assert_eq!(draft_of(store, 7).await["number"], serde_json::json!(sent.lead.number));
        // The third within an hour waits, and is looked at again.
        touch(store, 8, "budget", answers(Ulid::new(), &LeadNumber::random()), 2 * HOUR).await;
        let mut held_back = Waiting::default();
        assert_eq!(sender(store).look_but_for(&mut held_back).await.expect("a look"), 0);
        let unlimited = UnfinishedSender { limits: LeadLimits::default(), ..sender(store) };
        assert_eq!(unlimited.look_but_for(&mut held_back).await.expect("a look"), 0, "not before its hour is over");
        assert_eq!(unlimited.look().await.expect("a look"), 1);
    }

    async fn what_is_finished_or_given_up_later_is_the_same_lead(opened: &Opened) {
        let store = &opened.store;
        // Whether amoCRM may have it, and whether the admin has closed it.
        for (is_sent, is_closed) in [(false, false), (true, false), (false, true), (true, true)] {
            let id = Ulid::new();
            touch(store, 42, "budget", answers(id, &LeadNumber::random()), 2 * HOUR).await;
            let unlimited = UnfinishedSender { limits: LeadLimits::default(), ..sender(store) };
            assert_eq!(unlimited.look().await.expect("a look"), 1);
            let known = store.dialogues().sent_unfinished(id).await.expect("a read").expect("the lead");
            if is_sent {
                let lease = Lease::command();
                store.lead_queue().claim_due(&lease, later(store), 100, Claim::Oldest).await.expect("a claim");
                assert_eq!(intend(store, &lease, &known).await.expect("an answer").len(), 1);
                store.lead_queue().release_lease(&lease).await.expect("a write");
            }
            if is_closed {
                assert!(store.leads().discard(&known.number).await.expect("a write"));
            }
            let whole = Lead { left_open: None, budget: Some(Budget::imported("3 млн")), ..known.clone() };
            let amendment = NewAmendment::from(&finished(&known, whole));
            let after = store.dialogues().of_chat(ChatRef::telegram(42)).await.expect("a read").expect("a dialogue");
            let after = Some((after.update_id, after.update_at));
            let turn = Turn { after, amendment: Some(amendment), ..turn(after.map_or(1, |(id, _)| id + 1), None) };
            assert!(matches!(store.dialogues().commit(turn).await, Ok(TurnOutcome::Committed(_))));
            let row = row_of(store, &known).await;
            let case = format!("{is_sent} {is_closed}");
            assert_eq!((row.state(), row.lead.is_unfinished(), row.buyer_told), (LeadState::Waiting, is_sent, false), "{case}");
            let known = store.dialogues().sent_unfinished(id).await.expect("a read").expect("the lead");
            assert!(!known.is_unfinished() && known.price() == 3_000_000, "{case}");
            store.lead_queue().record_delivered(&[completed(&known)], delivered).await.expect("a commit");
            let note = store.late_notes().due().await.expect("a read");
            assert_eq!(note.as_ref().map(|note| note.text.contains("завершена покупателем")), is_sent.then_some(true), "{case}");
            if let Some(note) = note {
                store.late_notes().over(&note.id, None).await.expect("a write");
            }
        }
        let id = Ulid::new();
        touch(store, 42, "budget", answers(id, &LeadNumber::random()), 2 * HOUR).await;
        let unlimited = UnfinishedSender { limits: LeadLimits::default(), ..sender(store) };
        assert_eq!(unlimited.look().await.expect("a look"), 1);
        let known = store.dialogues().sent_unfinished(id).await.expect("a read").expect("the lead");
        let after = store.dialogues().of_chat(ChatRef::telegram(42)).await.expect("a read").expect("a dialogue");
        let after = Some((after.update_id, after.update_at));
        let amendment = Some(NewAmendment::from(&given_up(known.clone(), Utc::now())));
        let turn = Turn { after, amendment, ..turn(after.map_or(1, |(id, _)| id + 1), None) };
        assert!(matches!(store.dialogues().commit(turn).await, Ok(TurnOutcome::Committed(_))));
        assert!(row_of(store, &known).await.lead.is_unfinished(), "it is sent as it was left");
        let amended = store.dialogues().amended(&[id]).await.expect("a read");
        assert!(amended[&id].taken_back);
    }
}
