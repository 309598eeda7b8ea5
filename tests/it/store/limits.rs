//! The budget of one person, and that nobody waits behind a flood.

use amocrm_lead_bot::store::Arrivals;

use super::*;

const LIMITS: LeadLimits = LeadLimits { per_hour: Some(3), per_day: Some(5), messages_per_minute: None };

/// A request of a person at the send button, whatever turns that person has taken.
async fn send(store: &Store, user_id: i64, limits: LeadLimits) -> TurnOutcome {
    let new = Lead {
        buyer: Buyer { user_id, chat: Some(ChatRef::telegram(user_id)), ..Buyer::default() },
        ..lead("Иван", 0)
    };
    loop {
        let before = store.dialogues().of_chat(ChatRef::telegram(user_id)).await.expect("a read");
        let after = before.map(|before| (before.update_id, before.update_at));
        let update_id = after.map_or(1, |(id, _)| id + 1);
        let turn = Turn { chat: ChatRef::telegram(user_id), after, limits, ..turn(update_id, Some(&new)) };
        match store.dialogues().commit(turn).await.expect("an outcome") {
            TurnOutcome::Overtaken => {}
            outcome => return outcome,
        }
    }
}

fn taken(outcome: &TurnOutcome) -> bool {
    matches!(outcome, TurnOutcome::Committed(_))
}

on_both! {
    async fn a_person_sends_so_many_within_an_hour_and_a_day(opened: &Opened) {
        let at = |hours: f64| async move { opened.by(Clock::default().off_by((hours * HOUR as f64) as i64)).await };
        let first = at(0.0).await;
        for _ in 0..3 {
            assert!(taken(&send(&first, 1, LIMITS).await));
        }
        let TurnOutcome::TooMany { again_at } = send(&first, 1, LIMITS).await else { panic!("a fourth is taken") };
        let wait = again_at - Clock::default().now();
        assert!((HOUR - 60_000..=HOUR).contains(&wait), "{wait}");
        // Nothing of it was committed, not even its message.
        assert_eq!(first.outbox().count().await.expect("a count"), 3);
        // Others are not held up, and whoever has no limit neither.
        assert!(taken(&send(&first, 2, LIMITS).await));
        assert!(taken(&send(&first, 3, LeadLimits::default()).await));
        let later = at(1.01).await;
        assert!(taken(&send(&later, 1, LIMITS).await) && taken(&send(&later, 1, LIMITS).await));
        let TurnOutcome::TooMany { again_at } = send(&later, 1, LIMITS).await else { panic!("a sixth is taken") };
        let wait = again_at - Clock::default().now();
        assert!((24 * HOUR - 60_000..=24 * HOUR).contains(&wait), "{wait}");
        assert!(taken(&send(&at(24.02).await, 1, LIMITS).await));
        // A clock that was ahead does not lock anybody out.
        for _ in 0..2 {
            let _ = send(&at(9000.0).await, 1, LIMITS).await;
        }
        assert!(taken(&send(&at(50.0).await, 1, LIMITS).await));
    }

    async fn presses_at_the_same_moment_do_not_get_past_the_budget(opened: &Opened) {
        let other = opened.again().await;
        let stores = [&opened.store, &other];
        let sent = (0..12).map(|at| send(stores[at % 2], 1, LIMITS));
        let outcomes = futures::future::join_all(sent).await;
        assert_eq!(outcomes.iter().filter(|outcome| taken(outcome)).count(), 3, "{outcomes:?}");
        assert_eq!(opened.store.leads().waiting().await.expect("a count").0, 3);
    }

    async fn the_same_request_again_is_the_same_request(opened: &Opened) {
        let limits = LeadLimits { per_hour: Some(1), per_day: None, messages_per_minute: None };
        let new = lead("Иван", 0);
        let first = Turn { limits, ..turn(1, Some(&new)) };
        assert!(taken(&opened.store.dialogues().commit(first).await.expect("an outcome")));
        let again = Turn { limits, ..turn(2, Some(&new)) };
        assert!(taken(&opened.store.dialogues().commit(again).await.expect("an outcome")));
    }

    async fn what_comes_from_a_file_is_neither_limited_nor_counted(opened: &Opened) {
        let entries: Vec<ImportedLead> = (0..20)
            .map(|_| ImportedLead { new: NewLead::fresh(lead("Иван", 0)), fingerprint: None })
            .collect();
        assert_eq!(opened.store.leads().import(&entries).await.expect("an import"), 20);
        assert_eq!(opened.store.leads().arrivals().await.expect("a count"), Arrivals::default());
        assert!(taken(&send(&opened.store, 42, LIMITS).await));
        assert_eq!(opened.store.leads().arrivals().await.expect("a count"), Arrivals { leads: 1, people: 1 });
    }

    async fn the_admin_is_told_of_a_person_once_a_day(opened: &Opened) {
        let store = &opened.store;
        let message = NewMessage { chat: ChatRef::telegram(7), notice: Notice::Reply(Vec::new()), due_at: 0 };
        for user_id in [1, 1, 2, 1] {
            store.dialogues().tell_of_limit(user_id, &message).await.expect("a commit");
        }
        assert_eq!(store.outbox().count().await.expect("a count"), 2);
        let tomorrow = opened.by(Clock::default().off_by(24 * HOUR)).await;
        tomorrow.dialogues().tell_of_limit(1, &message).await.expect("a commit");
        assert_eq!(store.outbox().count().await.expect("a count"), 3);
    }

    async fn nobody_waits_behind_a_flood(opened: &Opened) {
        let of = |user_id: i64, minutes_ago| Lead {
            buyer: Buyer { user_id, ..Buyer::default() },
            ..lead(&user_id.to_string(), minutes_ago)
        };
        // A thousand of one person, and two others' after them.
        let mut leads: Vec<Lead> = (0..1000).map(|_| of(1, 50)).collect();
        leads.extend([of(2, 10), of(3, 9), of(2, 8)]);
        let new = |lead: &Lead| ImportedLead { new: NewLead::fresh(lead.clone()), fingerprint: None };
        opened.store.leads().import(&leads.iter().map(new).collect::<Vec<_>>()).await.expect("an import");
        let until = Clock::default().now() + HOUR;
        for which in [Claim::Oldest, Claim::SubmittedSince(0)] {
            let lease = Lease::command();
            let claimed = opened.store.lead_queue().claim_due(&lease, until, 6, which).await.expect("a claim");
            let users: Vec<_> = claimed.iter().map(|row| row.lead.buyer.user_id).collect();
            assert_eq!(users, [1, 2, 3, 1, 2, 1], "{which:?}");
            opened.store.lead_queue().release_lease(&lease).await.expect("a release");
        }
    }
}
