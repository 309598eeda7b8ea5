//! What is known of leads in amoCRM: told once, by day, and gone with the lead.

use std::collections::HashMap;

use amocrm_lead_bot::{
    lead::CrmStatus,
    store::{Forgetting, LeadFacts, NewWork, OwedStatus, WatchCounts, WatchEnd, Watched, WatchedLead, Whom},
    watching::next_to_tell,
};

use super::*;

const DAY: i64 = 24 * HOUR;
const KEY: &str = "101:142";

/// Delivered leads of one person with these ids in amoCRM.
async fn deliver(store: &Store, crm_ids: &[i64]) -> Vec<Lead> {
    let mut leads = Vec::new();
    for crm_lead_id in crm_ids {
        let lead = lead("Иван", 5);
        let after = store
            .dialogues()
            .of_chat(ChatRef::telegram(42))
            .await
            .expect("a read")
            .map(|known| (known.update_id, known.update_at));
        let next = after.map_or(1, |(id, _)| id + 1);
        let turn = Turn { after, limits: LeadLimits::default(), ..turn(next, Some(&lead)) };
        assert!(matches!(store.dialogues().commit(turn).await, Ok(TurnOutcome::Committed(_))));
        let created =
            Created { id: lead.id, crm_lead_id: *crm_lead_id, contact_id: None, phone: lead.phone.e164().to_owned() };
        store.lead_queue().record_created(&[created]).await.expect("a commit");
        store.lead_queue().record_delivered(&[completed(&lead)], delivered).await.expect("a commit");
        leads.push(lead);
    }
    for message in store.outbox().of_chat(ChatRef::telegram(42), 99).await.expect("a read") {
        store.outbox().done(&message.id).await.expect("it is sent");
    }
    leads
}

/// What is watched from the beginning on.
async fn watched(store: &Store) -> Vec<WatchedLead> {
    let now = Clock::default().now();
    store.watches().keep_up(now - 120 * DAY, now - HOUR).await.expect("a commit");
    store.watches().all().await.expect("a read")
}

/// It was seen at a stage of which its buyer is to hear.
async fn owe(store: &Store, lead: &WatchedLead, key: &str) {
    let at = Some(CrmStatus { pipeline_id: 101, status_id: 142 });
    let known = Watched { at, owed: Some((key.into(), 5)), shown: Some(key.into()), ..lead.known.clone() };
    assert!(store.watches().record(&Lease::command(), lead, &known).await.expect("a commit"));
}

async fn tell(store: &Store, owed: &OwedStatus) -> bool {
    let text = vec![("ru".to_owned(), "куплен".to_owned())];
    let notice = Notice::StatusReached { number: owed.number.clone(), key: owed.key.clone(), text };
    let message = NewMessage { chat: owed.chat.expect("a chat"), notice, due_at: 0 };
    store.watches().tell(&Lease::command(), owed, &message).await.expect("a commit")
}

on_both! {
    async fn what_is_counted_of_leads_comes_from_all_who_know_of_them(opened: &Opened) {
        let store = &opened.store;
        let leads = deliver(store, &[70, 71, 72]).await;
        for lead in watched(store).await.iter().filter(|lead| lead.crm_lead_id != 72) {
            owe(store, lead, KEY).await;
        }
        let work = store.lead_work();
        for at in 0..2 {
            let owed = work.owed().await.expect("a look").expect("managers are to be given it");
            let new = NewWork { assigned: Some(7001), ..NewWork::default() };
            work.open(&owed, new).await.expect("a commit");
            if at == 0 {
                assert!(work.touched(&owed.number, "Анна", owed.since + 9).await.expect("a commit"));
            }
        }
        let facts = store.leads().facts(0..i64::MAX).await.expect("a read");
        let count = |is: &dyn Fn(&LeadFacts) -> bool| facts.iter().filter(|facts| is(facts)).count();
        assert_eq!((facts.len(), count(&|one| one.status_id == Some(142))), (3, 2));
        assert_eq!(count(&|one| one.given_at.is_some() && one.assigned == Some(7001)), 2);
        assert_eq!(count(&|one| one.touched_at.is_some_and(|at| one.given_at == Some(at - 9))), 1);
        assert!(facts.iter().all(|one| one.sent_at > 0 && one.taken_by.is_none()), "{facts:?}");
        let sent_at = leads[0].submitted_at.timestamp_millis();
        for (within, count) in [(0..i64::MAX, 3), (0..sent_at, 0), (sent_at..i64::MAX, 3)] {
            assert_eq!(store.leads().sent_within(within.clone()).await.expect("a count"), count);
            assert_eq!(store.leads().facts(within).await.expect("a read").len() as u64, count);
        }
    }

    async fn a_stage_is_told_once_and_by_day(opened: &Opened) {
        let store = &opened.store;
        deliver(store, &[70, 71]).await;
        let leads = watched(store).await;
        assert_eq!((leads.len(), leads[0].fresh, leads[0].crm_lead_id), (2, true, 70));
        for lead in &leads {
            owe(store, lead, KEY).await;
        }
        // Whoever has read it before that records nothing any more.
        assert!(!store.watches().record(&Lease::command(), &leads[0], &Watched::default()).await.expect("a commit"));
        let owed = store.watches().owed().await.expect("a read");
        assert_eq!((owed.len(), owed[0].chat, owed[0].key.as_str()), (2, Some(ChatRef::telegram(42)), KEY));
        assert_eq!(next_to_tell(&owed, &HashMap::new(), 0, HOUR).len(), 1, "both are of one buyer");
        // Two processes at once.
        let other = opened.again().await;
        let (one, two) = tokio::join!(tell(store, &owed[0]), tell(&other, &owed[0]));
        assert!(one ^ two);
        let told = store.watches().told_since(Clock::default().now() - HOUR).await.expect("a read");
        let left = store.watches().owed().await.expect("a read");
        assert_eq!((left.len(), told.len(), told.contains_key(&42)), (1, 1, true));
        assert_eq!(next_to_tell(&left, &told, Clock::default().now(), HOUR), Vec::<&OwedStatus>::new());
        let sent = store.outbox().of_chat(ChatRef::telegram(42), 9).await.expect("a read");
        assert_eq!(sent.len(), 1, "{sent:?}");
        // It did not get out before the night.
        store.watches().not_at_night(&sent[0].id, &owed[0].number, KEY).await.expect("a commit");
        assert_eq!(store.watches().counts().await.expect("a read"), WatchCounts { watched: 2, owed: 2 });
        assert!(store.outbox().of_chat(ChatRef::telegram(42), 9).await.expect("a read").is_empty());
        let owed = store.watches().owed().await.expect("a read");
        let again = owed.iter().find(|one| one.lead_id == leads[0].lead_id).expect("it is owed");
        assert!(tell(store, again).await && !tell(store, again).await);
        // A copy knows it.
        let copy = Store::open_file(&opened.folder.path().join("copy.sqlite"), Clock::default()).await.expect("a copy");
        store.copy_to(&copy).await.expect("a backup");
        assert_eq!(copy.watches().all().await.expect("a read"), store.watches().all().await.expect("a read"));
        assert_eq!(copy.watches().all().await.expect("a read")[0].known.told, [KEY]);
    }

    async fn who_is_not_to_hear_any_more_is_not_asked_about(opened: &Opened) {
        let store = &opened.store;
        let all = deliver(store, &[70, 71, 72]).await;
        let leads = watched(store).await;
        owe(store, &leads[0], KEY).await;
        owe(store, &leads[1], KEY).await;
        // Two that are one deal now; the other one is followed.
        store.late_notes().lead_moved(&leads[2].number, 70).await.expect("a commit");
        store.watches().merged(&Lease::command(), &leads[2], 70).await.expect("a commit");
        store.late_notes().lead_moved(&leads[1].number, 90).await.expect("a commit");
        store.watches().merged(&Lease::command(), &leads[1], 90).await.expect("a commit");
        let left = watched(store).await;
        assert_eq!(left.iter().map(|lead| lead.crm_lead_id).collect::<Vec<_>>(), [70, 90]);
        assert_eq!((left[1].fresh, &left[1].known), (false, &Watched::default()));
        let ids: Vec<_> = all.iter().map(|lead| lead.id).collect();
        let known = store.dialogues().watched(&ids).await.expect("a read");
        assert_eq!((known[&ids[2]].shown.as_deref(), known[&ids[1]].shown.as_deref()), (Some(KEY), None));
        // The chat is closed to the bot.
        store.dialogues().end_watches(ChatRef::telegram(42)).await.expect("a commit");
        assert!(watched(store).await.is_empty() && store.watches().owed().await.expect("a read").is_empty());
        // Those that come then are watched again, until they are too old, or there is nobody to tell.
        deliver(store, &[73, 74]).await;
        let leads = watched(store).await;
        assert_eq!(leads.iter().map(|lead| lead.crm_lead_id).collect::<Vec<_>>(), [73, 74]);
        store.watches().end(&leads[1].lead_id, WatchEnd::Nobody).await.expect("a commit");
        let now = Clock::default().now();
        store.watches().keep_up(now + HOUR, now).await.expect("a commit");
        assert_eq!(store.watches().counts().await.expect("a read"), WatchCounts::default());
    }

    async fn what_is_forgotten_is_not_known_here_either(opened: &Opened) {
        let store = &opened.store;
        deliver(store, &[70]).await;
        let leads = watched(store).await;
        owe(store, &leads[0], KEY).await;
        let older = Store::open_file(&opened.folder.path().join("older.sqlite"), Clock::default()).await.expect("a copy");
        store.copy_to(&older).await.expect("a backup");
        let forgotten = store.personal_data().forget(&Whom::User(42), false).await.expect("a commit");
        assert!(matches!(forgotten, Forgetting::Done(_)), "{forgotten:?}");
        assert!(watched(store).await.is_empty());
        // Nor does an older copy bring it back.
        older.copy_to(store).await.expect("a copy");
        assert!(watched(store).await.is_empty());
        assert_eq!(store.watches().counts().await.expect("a read"), WatchCounts::default());
    }
}
