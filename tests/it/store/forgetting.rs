//! A forgotten person: nothing personal is left, nothing is delivered for them again, no older copy brings them back.

use amocrm_lead_bot::{
    notice::TopicEnd,
    store::{Forgetting, LeadRow, TopicPlace, Whom},
};

use super::*;

const PHONE: &str = "+79991234567";

/// A person of whom there is everything: a delivered lead, a form, an owed copy, a contact, an update set aside.
async fn known(store: &Store) -> Lead {
    let new = Lead {
        name: Name::imported("Аристарх"),
        buyer: Buyer {
            user_id: 42,
            chat: Some(ChatRef::telegram(42)),
            username: Some("aristarh".into()),
            full_name: Some("Аристарх".into()),
        },
        ..lead("Аристарх", 5)
    };
    submit(store, &new).await;
    let created = Created { id: new.id, crm_lead_id: 77, contact_id: Some(8), phone: PHONE.into() };
    store.lead_queue().record_created(std::slice::from_ref(&created)).await.expect("a commit");
    store.lead_queue().record_delivered(&[completed(&new)], delivered).await.expect("a commit");
    let draft = r#"{"draft":{"id":"01JD0000000000000000000009","name":"Аристарх","phone":{"e164":"+79991234567"}}}"#;
    let after = store
        .dialogues()
        .of_chat(ChatRef::telegram(42))
        .await
        .expect("a read")
        .map(|known| (known.update_id, known.update_at));
    let mut form = Turn { after, ..turn(2, None) };
    (form.dialogue.step, form.dialogue.draft) = ("budget".into(), draft.into());
    form.dialogue.update_at = Clock::default().now();
    store.dialogues().commit(form).await.expect("a commit");
    let other = Lead { phone: Phone::imported("+7 999 000-00-01", Region::default()), ..lead("Борис", 1) };
    let admin = AdminNotice::Copies { leads: vec![LeadCopy::of(&new), LeadCopy::of(&other)] };
    let message = NewMessage { chat: ChatRef::telegram(7), notice: Notice::Admin(admin), due_at: 0 };
    store.outbox().enqueue(&message).await.expect("a commit");
    store
        .dialogues()
        .keep_dead_letter(5, Some(ChatRef::telegram(42)), "unhandled", "x", r#"{"message":{"text":"Аристарх"}}"#, None)
        .await
        .expect("a commit");
    new
}

async fn row(store: &Store, lead: &Lead) -> LeadRow {
    store.leads().by_number(&lead.number).await.expect("a read").expect("the lead")
}

/// Everything a copy would hold of the store, as text.
async fn all(store: &Store) -> String {
    let folder = testkit::folder();
    let copy = Store::open_file(&folder.path().join("copy"), Clock::default()).await.expect("a store");
    store.copy_to(&copy).await.expect("a copy");
    copy.personal_data().scrub().await.expect("a scrub");
    copy.close().await;
    String::from_utf8_lossy(&std::fs::read(folder.path().join("copy")).expect("a file")).into_owned()
}

#[track_caller]
fn is_gone(text: &str) {
    for trace in ["Аристарх", "aristarh", "79991234567", "8 999"] {
        assert!(!text.contains(trace), "{trace} is left");
    }
}

on_both! {
    async fn nothing_personal_is_left_and_numbers_are(opened: &Opened) {
        let store = &opened.store;
        let new = known(store).await;
        assert!(all(store).await.contains("Аристарх"));
        let Forgetting::Done(person) = store.personal_data().forget(&Whom::Phone(PHONE.into()), false).await.expect("an outcome") else {
            panic!("not forgotten")
        };
        assert_eq!((person.leads.len(), person.dialogues, person.dead_letters), (1, 1, 1));
        assert!(person.users.contains(&42));
        is_gone(&all(store).await);
        let row = row(store, &new).await;
        assert_eq!((row.lead.number.clone(), row.crm_lead_id(), row.stage), (new.number.clone(), Some(77), Stage::Delivered));
        assert_eq!(row.lead.submitted_at.timestamp_millis(), new.submitted_at.timestamp_millis());
        assert!(row.forgotten_at.is_some() && row.contact_id.is_none());
        assert!(store.dialogues().of_chat(ChatRef::telegram(42)).await.expect("a read").is_none());
        // The other person's copy stays owed to the admin.
        assert_eq!(store.outbox().count().await.expect("a count"), 1);
        for whom in [Whom::User(42), Whom::Phone(PHONE.into())] {
            assert_eq!(store.personal_data().forget(&whom, true).await.expect("an outcome"), Forgetting::Unknown);
        }
        // A process that learns late what amoCRM made does not bring the phone back.
        let late = Created { id: new.id, crm_lead_id: 77, contact_id: Some(8), phone: PHONE.into() };
        store.lead_queue().record_created(&[late]).await.expect("a commit");
        store.lead_queue().record_contact(new.id, PHONE, 8).await.expect("a commit");
        assert_eq!(store.lead_queue().known_contact(PHONE).await.expect("a read"), None);
    }

    async fn what_is_not_delivered_has_to_be_decided(opened: &Opened) {
        let store = &opened.store;
        let new = lead("Аристарх", 5);
        submit(store, &new).await;
        let whom = Whom::User(42);
        let outcome = store.personal_data().forget(&whom, false).await.expect("an outcome");
        assert!(matches!(outcome, Forgetting::Undecided(_)), "{outcome:?}");
        assert_eq!(row(store, &new).await.lead.name.as_str(), "Аристарх");
        // What is being sent now is not given up behind its sender's back.
        let lease = Lease::command();
        store.lead_queue().claim_due(&lease, Clock::default().now() + HOUR, 1, Claim::Oldest).await.expect("a claim");
        assert_eq!(store.personal_data().forget(&whom, true).await.expect("an outcome"), Forgetting::Busy(new.number.to_string()));
        store.lead_queue().release_lease(&lease).await.expect("a release");
        assert!(matches!(store.personal_data().forget(&whom, true).await.expect("an outcome"), Forgetting::Done(_)));
        assert_eq!(store.leads().waiting().await.expect("a count").0, 0);
        // There is nothing left to send, whoever asks for it.
        store.leads().retry_now(Some(&new.number)).await.expect("a commit");
        assert_eq!(row(store, &new).await.stage, Stage::Discarded);
        assert!(store.lead_queue().claim_due(&lease, Clock::default().now() + HOUR, 9, Claim::Oldest).await.expect("a claim").is_empty());
        let again = ImportedLead { new: NewLead::fresh(new.clone()), fingerprint: None };
        assert_eq!(store.leads().import(&[again]).await.expect("an import"), 0);
        // The person may come back, and is somebody new.
        submit(store, &lead("Аристарх", 0)).await;
        assert_eq!(store.leads().waiting().await.expect("a count").0, 1);
    }

    async fn no_older_copy_brings_anybody_back(opened: &Opened) {
        let store = &opened.store;
        let new = known(store).await;
        let folder = testkit::folder();
        let old = Store::open_file(&folder.path().join("old"), Clock::default()).await.expect("a store");
        store.copy_to(&old).await.expect("a copy");
        store.personal_data().forget(&Whom::User(42), false).await.expect("an outcome");
        // The old copy into the store of today.
        let report = old.copy_to(store).await.expect("a copy");
        assert!(report.iter().all(|table| table.source == table.present), "{report:?}");
        is_gone(&all(store).await);
        // The same into an empty store that knows the ids only, with a lead that was waiting on that day.
        let ids = store.personal_data().forgotten().await.expect("ids");
        assert_eq!(ids.len(), 2);
        let empty = Store::open_file(&folder.path().join("empty"), Clock::default()).await.expect("a store");
        empty.personal_data().forget_again(&ids).await.expect("a commit");
        old.copy_to(&empty).await.expect("a copy");
        is_gone(&all(&empty).await);
        assert_eq!(row(&empty, &new).await.crm_lead_id(), Some(77));
        // The store of today over the old one.
        let second = Store::open_file(&folder.path().join("second"), Clock::default()).await.expect("a store");
        old.copy_to(&second).await.expect("a copy");
        store.copy_to(&second).await.expect("a copy");
        is_gone(&all(&second).await);
        // The old one put back as it is, with the list of ids beside it.
        assert_eq!(old.personal_data().forget_again(&ids).await.expect("a commit"), 1);
        is_gone(&all(&old).await);
        assert_eq!(old.personal_data().forget_again(&[]).await.expect("a commit"), 0);
    }

    async fn a_topic_moves_with_the_store_loses_its_name_in_time_and_goes_with_its_buyer(opened: &Opened) {
        let store = &opened.store;
        let (new, other) = (known(store).await, lead("Борис", 1));
        let place = |topic| TopicPlace { sent_to: ChatRef::telegram(-1005), topic };
        let opens = async |(buyer, number): (i64, &LeadNumber), gone: Option<i32>, topic: i32| {
            let attempt = store.buyer_topics().asks((ChatRef::telegram(-5), ChatRef::telegram(buyer)), number, gone.map(place)).await.expect("a commit");
            store.buyer_topics().opened(&attempt, place(topic), None).await.expect("a commit");
        };
        let topics = async |store: &Store| {
            let mut topics = Vec::new();
            for buyer in [42, 43] {
                let topic = store.buyer_topics().of(ChatRef::telegram(-5), ChatRef::telegram(buyer)).await.expect("a look");
                topics.push(topic.and_then(|topic| topic.place).map(|place| place.topic));
            }
            topics
        };
        opens((42, &new.number), None, 31).await;
        opens((43, &other.number), None, 32).await;
        let copy = Store::open_file(&opened.folder.path().join("copy"), Clock::default()).await.expect("a store");
        store.copy_to(&copy).await.expect("a copy");
        assert_eq!(topics(&copy).await, [Some(31), Some(32)]);
        // Of two topics the one that was opened last is written in, whichever store it comes from.
        opens((43, &other.number), Some(32), 33).await;
        for (from, to) in [(&copy, store), (store, &copy)] {
            from.copy_to(to).await.expect("a copy");
            assert_eq!(topics(to).await, [Some(31), Some(33)]);
        }
        let in_group = async || {
            let waiting = store.outbox().of_chat(ChatRef::telegram(-5), 10).await.expect("a look");
            waiting.into_iter().map(|message| message.notice).collect::<Vec<_>>()
        };
        let end = |closes| Notice::TopicEnd(TopicEnd { sent_to: ChatRef::telegram(-1005), topic: 31, number: new.number.clone(), closes });
        assert_eq!(store.personal_data().expire_some(Clock::default().now() + HOUR).await.expect("a commit"), 1);
        assert_eq!((in_group().await, topics(store).await), (vec![end(false)], vec![Some(31), Some(33)]));
        let forgetting = store.personal_data().forget(&Whom::User(42), true).await.expect("an outcome");
        assert!(matches!(forgetting, Forgetting::Done(_)), "{forgetting:?}");
        assert_eq!((in_group().await, topics(store).await), (vec![end(false), end(true)], vec![None, Some(33)]));
        let report = copy.copy_to(store).await.expect("a copy");
        assert!(report.iter().all(|table| table.source == table.present), "{report:?}");
        assert_eq!(topics(store).await, [None, Some(33)], "no older copy brings it back");
    }

    async fn what_nobody_touches_goes_after_its_time(opened: &Opened) {
        let store = &opened.store;
        known(store).await;
        let now = Clock::default().now();
        assert_eq!(store.personal_data().wipe_old(now - HOUR, now - HOUR, now - HOUR).await.expect("a commit"), (0, 0));
        let later = opened.by(Clock::default().off_by(31 * 24 * HOUR)).await;
        assert_eq!(later.personal_data().wipe_old(now + HOUR, now + HOUR, now + HOUR).await.expect("a commit"), (1, 1));
        assert!(store.dialogues().of_chat(ChatRef::telegram(42)).await.expect("a read").is_none());
        assert_eq!(store.dialogues().dead_letters().await.expect("a count"), 0);
    }
}

#[tokio::test]
async fn the_bytes_are_gone_from_the_file() {
    let opened = Opened::sqlite().await;
    for at in 0..50 {
        let mut other = lead("Аристарх", at);
        other.buyer = Buyer {
            user_id: 42,
            chat: Some(ChatRef::telegram(42)),
            username: None,
            full_name: Some("Аристарх".repeat(300)),
        };
        let imported = ImportedLead { new: NewLead::fresh(other), fingerprint: None };
        opened.store.leads().import(&[imported]).await.expect("an import");
    }
    known(&opened.store).await;
    let outcome = opened.store.personal_data().forget(&Whom::User(42), true).await.expect("an outcome");
    assert!(matches!(outcome, Forgetting::Done(_)), "{outcome:?}");
    // A second process has the file open, as the bot has beside the command.
    let other = opened.again().await;
    assert!(opened.store.personal_data().scrub().await.expect("a scrub"));
    for file in std::fs::read_dir(opened.folder.path()).expect("a folder") {
        let path = file.expect("a file").path();
        is_gone(&String::from_utf8_lossy(&std::fs::read(&path).expect("a file")));
    }
    other.close().await;
}
