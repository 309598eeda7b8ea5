//! What people are told: the outbox, marks and alerts, copies for the admin.

use super::*;

on_both! {
    async fn messages_go_out_in_order_for_each_chat(opened: &Opened) {
        let store = &opened.store;
        let number = LeadNumber::random();
        let owe = |chat_id: i64, due_at: i64| NewMessage {
            chat: ChatRef::telegram(chat_id),
            notice: Notice::Saved { number: number.clone() },
            due_at,
        };
        let first = store.outbox().enqueue(&owe(1, store.clock().now() + HOUR / 4)).await.expect("a write");
        store.outbox().enqueue(&owe(1, 0)).await.expect("a write");
        let other = store.outbox().enqueue(&owe(2, 0)).await.expect("a write");
        let due = store.outbox().due(10).await.expect("a read");
        assert_eq!(due.iter().map(|message| message.id.as_str()).collect::<Vec<_>>(), [other.as_str()]);
        assert!(store.outbox().holds_for(ChatRef::telegram(1)).await.expect("a read") && !store.outbox().holds_for(ChatRef::telegram(3)).await.expect("a read"));
        store.outbox().done(&first).await.expect("a write");
        assert_eq!(store.outbox().due(10).await.expect("a read").len(), 2);
        // Between chats there is no order within a millisecond.
        let chats: BTreeSet<i64> = store.outbox().due(10).await.expect("a read").iter().map(|one| one.chat.id).collect();
        assert_eq!(chats, BTreeSet::from([1, 2]));
        // Nobody puts a message off for an hour; a clock that was wrong did.
        let wrong = opened.by(Clock::default().off_by(HOUR)).await;
        wrong.outbox().enqueue(&owe(6, wrong.clock().now())).await.expect("a write");
        assert_eq!(store.outbox().due(10).await.expect("a read").len(), 3);
        // Whoever wants to, puts it off for half an hour, which is believed.
        for message in store.outbox().due(10).await.expect("a read") {
            store.outbox().defer(&message.id, store.clock().now() + 24 * HOUR).await.expect("a write");
        }
        store.outbox().enqueue(&owe(7, i64::MAX)).await.expect("a write");
        assert!(store.outbox().due(10).await.expect("a read").is_empty());
        let after_half_an_hour = opened.by(Clock::default().off_by(HOUR / 2)).await;
        assert_eq!(after_half_an_hour.outbox().due(10).await.expect("a read").len(), 4);
    }

    async fn marks_and_alerts_survive(opened: &Opened) {
        let store = &opened.store;
        store.marks().set(&Mark::Retry, "1").await.expect("a write");
        store.marks().set(&Mark::Retry, "2").await.expect("a write");
        assert_eq!(opened.again().await.marks().get(&Mark::Retry).await.expect("a read").as_deref(), Some("2"));
        assert!(!store.marks().take_young(&Mark::Retry, i64::MAX).await.expect("a write"));
        assert!(store.marks().take_young(&Mark::Retry, 0).await.expect("a write"));
        assert!(!store.marks().take_young(&Mark::Retry, 0).await.expect("a write"));
        let alert = OpenAlert { opened_at: 5, body: "{}".into() };
        store.open_alerts().save("outage", &alert, &[]).await.expect("a write");
        assert_eq!(opened.again().await.open_alerts().get("outage").await.expect("a read"), Some(alert));
        store.open_alerts().close("outage", &[]).await.expect("a write");
        assert_eq!(store.open_alerts().get("outage").await.expect("a read"), None);
        store.dialogues().keep_dead_letter(7, Some(ChatRef::telegram(1)), "message", "panic", "{}", None).await.expect("a write");
        store.dialogues().keep_dead_letter(7, Some(ChatRef::telegram(1)), "message", "panic", "{}", None).await.expect("a write");
        assert_eq!(store.dialogues().dead_letters().await.expect("a count"), 1);
    }

    async fn copies_reach_the_admin_once_in_groups(opened: &Opened) {
        let store = &opened.store;
        for n in 0..5 {
            submit(store, &lead("Иван", n)).await;
        }
        assert_eq!(store.open_alerts().copy_to_admin(ChatRef::telegram(1), 2, 100, copies).await.expect("a write"), 5);
        assert_eq!(store.open_alerts().copy_to_admin(ChatRef::telegram(1), 2, 100, copies).await.expect("a write"), 0);
        let mut messages = 0;
        while let Some(message) =
            store.outbox().due(100).await.expect("a read").into_iter().find(|message| message.chat == ChatRef::telegram(1))
        {
            messages += 1;
            store.outbox().done(&message.id).await.expect("a write");
        }
        assert_eq!(messages, 3);
    }
}
