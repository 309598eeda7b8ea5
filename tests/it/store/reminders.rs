//! Buyers are reminded of forms they have left: each once, by day, and whatever happens to the process.

use std::time::Duration;

use amocrm_lead_bot::{form::Form, notice::Say, unfinished::Reminders, wording::Lang};
use chrono::{FixedOffset, Timelike};

use super::*;

/// A clock on the wall of a place where it is this hour now.
fn place_where_it_is(hour: i32) -> FixedOffset {
    let utc = i32::try_from(Utc::now().hour()).expect("an hour");
    // East of Greenwich by up to a day: the hour alone counts.
    FixedOffset::east_opt((hour - utc).rem_euclid(24) * 3600).expect("an offset")
}

fn reminders(store: &Store, hour: i32) -> Reminders<FixedOffset> {
    Reminders {
        dialogues: store.dialogues(),
        form: Form::default(),
        words: Lang::all_words,
        after: Duration::from_secs(1800),
        time_zone: place_where_it_is(hour),
    }
}

/// A form with a name in it that was touched so long ago.
async fn touch(store: &Store, chat_id: i64, id: Ulid, step: &str, ago: i64) {
    let before = store.dialogues().of_chat(ChatRef::telegram(chat_id)).await.expect("a read");
    let after = before.map(|before| (before.update_id, before.update_at));
    let draft = serde_json::json!({"draft": {"id": id, "number": "K7M2QXA", "name": "Иван"}, "lang": "ru"});
    let dialogue = Dialogue {
        step: step.into(),
        draft: draft.to_string(),
        update_id: after.map_or(1, |(id, _)| id + 1),
        update_at: Clock::default().now() - ago,
        replies: None,
    };
    let turn = Turn { chat: ChatRef::telegram(chat_id), after, dialogue, ..turn(1, None) };
    assert!(matches!(store.dialogues().commit(turn).await, Ok(TurnOutcome::Committed(_))));
}

/// Whom the messages that wait are for, which are sent then.
async fn send_all(store: &Store) -> Vec<i64> {
    let mut chats = Vec::new();
    for message in store.outbox().due(100).await.expect("what waits") {
        let Notice::Reply(says) = &message.notice else { panic!("{message:?}") };
        let [Say::Unfinished { answers }] = &says[..] else { panic!("{says:?}") };
        assert_eq!(answers.len(), 1, "{answers:?}");
        assert_eq!((answers[0].question.as_str(), answers[0].value.as_deref()), ("name", Some("Иван")));
        chats.push(message.chat.id);
        store.outbox().done(&message.id).await.expect("it is sent");
    }
    chats.sort_unstable();
    chats
}

on_both! {
    async fn a_form_that_was_left_is_reminded_of_once(opened: &Opened) {
        let store = &opened.store;
        let [left, fresh, old, sent, mut again] = [(); 5].map(|()| Ulid::new());
        touch(store, 1, left, "phone", HOUR).await;
        touch(store, 2, fresh, "phone", HOUR / 4).await;
        touch(store, 3, old, "phone", 24 * 5 * HOUR).await;
        touch(store, 4, sent, "idle", HOUR).await;
        touch(store, 5, again, "confirm", HOUR).await;
        // At night it waits for the morning.
        for hour in [22, 23, 0, 8] {
            assert_eq!(reminders(store, hour).look().await.expect("a look"), 0, "{hour}");
        }
        // Two processes at once, one after the other, and one that was started since.
        let other = opened.again().await;
        let (one, two) = (reminders(store, 12), reminders(&other, 9));
        let (one, two) = tokio::join!(one.look(), two.look());
        assert_eq!(one.expect("a look") + two.expect("a look"), 2);
        assert_eq!(reminders(&opened.again().await, 21).look().await.expect("a look"), 0);
        assert_eq!(send_all(store).await, [1, 5]);
        // The same form goes on and is left once more; another one is another.
        touch(store, 1, left, "budget", HOUR).await;
        again = Ulid::new();
        touch(store, 5, again, "name", HOUR).await;
        assert_eq!(reminders(store, 12).look().await.expect("a look"), 1);
        assert_eq!(send_all(store).await, [5]);
        // A copy of the store knows whom it was told.
        let copy = Store::open_file(&opened.folder.path().join("copy.sqlite"), Clock::default()).await.expect("a copy");
        store.copy_to(&copy).await.expect("a backup");
        assert_eq!(reminders(&copy, 12).look().await.expect("a look"), 0);
    }

    async fn a_reminder_that_telegram_did_not_take_in_time_comes_by_day_or_not_at_all(opened: &Opened) {
        let store = &opened.store;
        let (left, gone_on) = (Ulid::new(), Ulid::new());
        touch(store, 1, left, "phone", HOUR).await;
        touch(store, 2, gone_on, "phone", HOUR).await;
        assert_eq!(reminders(store, 21).look().await.expect("a look"), 2);
        touch(store, 2, gone_on, "budget", -HOUR).await;
        let due = store.outbox().due(100).await.expect("what waits");
        assert!(due.iter().all(|message| message.notice.is_reminder()) && due.len() == 2, "{due:?}");
        for message in &due {
            // By day it is still to be sent, where nobody has gone on.
            let is_due = store.dialogues().is_reminder_due(&message.id, false).await.expect("a look");
            assert_eq!(is_due, message.chat == ChatRef::telegram(1));
            assert!(!store.dialogues().is_reminder_due(&message.id, true).await.expect("a look"));
        }
        assert!(store.outbox().due(100).await.expect("what waits").is_empty());
        // In the morning the form is reminded of, once.
        assert_eq!(reminders(store, 9).look().await.expect("a look"), 1);
        assert_eq!(send_all(store).await, [1]);
        assert_eq!(reminders(store, 10).look().await.expect("a look"), 0);
    }

    async fn nobody_is_reminded_whose_chat_is_closed_until_they_write_again(opened: &Opened) {
        let store = &opened.store;
        touch(store, 1, Ulid::new(), "phone", HOUR).await;
        store.dialogues().chat_closed(ChatRef::telegram(1)).await.expect("it is closed");
        assert_eq!(reminders(store, 12).look().await.expect("a look"), 0);
        let later = opened.by(Clock::default().off_by(2 * HOUR)).await;
        touch(store, 1, Ulid::new(), "phone", -HOUR).await;
        assert_eq!(reminders(&later, 12).look().await.expect("a look"), 1);
    }

    async fn nobody_is_reminded_who_was_not_given_the_last_answer_yet(opened: &Opened) {
        let store = &opened.store;
        touch(store, 1, Ulid::new(), "phone", HOUR).await;
        let waits = NewMessage { chat: ChatRef::telegram(1), notice: Notice::Reply(vec![Say::NoPhoneFound]), due_at: 0 };
        let id = store.outbox().enqueue(&waits).await.expect("it waits");
        assert_eq!(reminders(store, 12).look().await.expect("a look"), 0);
        store.outbox().done(&id).await.expect("it is sent");
        assert_eq!(reminders(store, 12).look().await.expect("a look"), 1);
    }
}
