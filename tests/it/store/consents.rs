//! Proofs of consent: one for a form and a version, ended by a withdrawal, kept as hashes, the same in every copy.

use amocrm_lead_bot::{
    notice::ConsentQuestion,
    store::{Consent, Forgetting, NewConsent, NewWithdrawal, Whom},
};

use super::*;

const USER: i64 = 7_000_000_042;

fn consents(id: &str, version: &str, given_at: i64) -> NewConsent {
    let question = ConsentQuestion {
        version: version.into(),
        document: "consent-ru.md".into(),
        document_lang: "ru".into(),
        sha256: None,
        read_at: Some(3),
        shown_in: 1,
        policy: Some("https://dealer.ru/policy".into()),
        lang: "ru".into(),
        text: "Согласны?".into(),
        button: "✅ Даю согласие".into(),
        buttons: Vec::new(),
        message: None,
    };
    let (bot, press_id) = ("cars_bot".to_owned(), Some("300".to_owned()));
    NewConsent { id: id.into(), user_id: USER, question, bot, question_id: Some(20), press_id, update_id: 9, given_at }
}

/// The next turn of the chat.
async fn take(store: &Store, consent: Option<NewConsent>, withdrawal: Option<NewWithdrawal>) {
    let known = store.dialogues().of_chat(ChatRef::telegram(USER)).await.expect("a read");
    let after = known.as_ref().map(|known| (known.update_id, known.update_at));
    let mut next = Turn { chat: ChatRef::telegram(USER), after, consent, withdrawal, ..turn(1, None) };
    next.dialogue.update_id = after.map_or(1, |(id, _)| id + 1);
    next.dialogue.update_at = Clock::default().now();
    let outcome = store.dialogues().commit(next).await.expect("a commit");
    assert!(matches!(outcome, TurnOutcome::Committed(_)), "{outcome:?}");
}

async fn in_force(store: &Store) -> Option<String> {
    let given = store.dialogues().consent_of(USER).await.expect("a read")?;
    Some(format!("{} of {} at {}", given.proof.id, given.proof.version, given.at.timestamp_millis()))
}

async fn proof(store: &Store, id: &str) -> Consent {
    store.consents().by_id(id).await.expect("a read").expect("a proof")
}

on_both! {
    async fn a_proof_is_one_and_ends_with_the_withdrawal(opened: &Opened) {
        let store = &opened.store;
        assert_eq!(in_force(store).await, None);
        take(store, Some(consents("a", "1", 1000)), None).await;
        // The press once more.
        take(store, Some(consents("a", "1", 1500)), None).await;
        take(store, Some(consents("b", "2", 2000)), None).await;
        assert_eq!(in_force(store).await.as_deref(), Some("b of 2 at 2000"));
        let kept = proof(store, "a").await;
        assert_eq!((kept.given_at, kept.ended_at, kept.user_id, kept.chat), (Some(1000), None, Some(USER), Some(ChatRef::telegram(USER))));
        assert_eq!((kept.sha256.as_deref(), kept.read_at, kept.text.as_str()), (None, Some(3), "Согласны?"));
        assert_eq!((kept.question_id, kept.press_id.as_deref(), kept.update_id), (Some(20), Some("300"), Some(9)));
        let before = Opened::sqlite().await;
        let before = &before.store;
        store.copy_to(before).await.expect("a copy");
        assert_eq!(proof(before, "b").await, proof(store, "b").await);
        // From the turn on that says so they are asked again, before anything is wiped.
        let withdrawal = NewWithdrawal { user_id: USER, question: 5, lang: "ru".into() };
        take(store, None, Some(withdrawal)).await;
        assert_eq!(in_force(store).await, None);
        assert!(proof(store, "a").await.ended_at.is_some() && proof(store, "a").await.user_id == Some(USER));
        take(store, Some(consents("c", "2", Clock::default().now() + 1000)), None).await;
        // What was withdrawn here is so in the copy of an older day, which may be copied back, too.
        store.copy_to(before).await.expect("a copy");
        assert!(proof(before, "b").await.ended_at.is_some());
        assert_eq!(in_force(before).await, in_force(store).await);
    }

    async fn of_a_forgotten_person_hashes_and_ids_are_left(opened: &Opened) {
        let store = &opened.store;
        take(store, Some(consents("a", "1", 1000)), None).await;
        let older = Opened::sqlite().await;
        let older = &older.store;
        store.copy_to(older).await.expect("a copy");
        store.dialogues().remove(ChatRef::telegram(USER)).await.expect("a commit");
        // Nothing but the proof names them any more.
        let Forgetting::Done(person) = store.personal_data().forget(&Whom::User(USER), false).await.expect("an outcome")
        else {
            panic!("not forgotten")
        };
        assert_eq!((person.consents, person.dialogues), (1, 0));
        let left = proof(store, "a").await;
        assert_eq!((left.user_id, left.chat, left.press_id.as_deref()), (None, None, None));
        assert!(left.ended_at.is_some() && left.person.starts_with("person:"));
        assert_eq!((left.version.as_str(), left.question_id, left.given_at), ("1", Some(20), Some(1000)));
        assert_eq!(in_force(store).await, None);
        assert_eq!(store.personal_data().forget(&Whom::User(USER), false).await.expect("an outcome"), Forgetting::Unknown);
        // Neither a copy of an older day nor a new one of it brings them back.
        older.copy_to(store).await.expect("a copy");
        assert_eq!(proof(store, "a").await.user_id, None);
        let target = Opened::sqlite().await;
        let target = &target.store;
        store.copy_to(target).await.expect("a copy");
        older.copy_to(target).await.expect("a copy");
        assert_eq!(proof(target, "a").await, left);
        let forgotten = store.personal_data().forgotten().await.expect("a read");
        older.personal_data().forget_again(&forgotten).await.expect("a commit");
        assert_eq!(proof(older, "a").await.user_id, None);
        assert_eq!(in_force(older).await, None);
    }
}
