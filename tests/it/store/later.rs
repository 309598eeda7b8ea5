//! What is said after a request, by either side: kept once, put together, counted, forgotten.

use amocrm_lead_bot::{
    lead::{BuyerFile, FileKind, Speech},
    notice::{Addressed, MessageCopy, Reference, ReferenceKind},
    store::{AnswerTold, Forgetting, NewAnswer, NewSpeech, Whom},
};

use super::*;

fn said(lead: &Lead, message_id: i64, words: &str) -> NewSpeech {
    NewSpeech {
        lead_id: lead.id,
        number: lead.number.clone(),
        message_id,
        edited_by: None,
        fingerprint: words.into(),
        speech: Speech::Said(words.into()),
        at: 1_790_000_000_000,
        utc_offset: TimeDelta::zero(),
        file: None,
        copies: Vec::new(),
    }
}

fn photo(message_id: i32) -> BuyerFile {
    let kind = FileKind::Photo;
    BuyerFile { file_id: "f".into(), unique_id: "u".into(), kind, name: None, mime: None, size: None, message_id }
}

fn copied(lead: &Lead, message_id: i32) -> Notice {
    let copy = MessageCopy {
        number: lead.number.clone(),
        from_chat: ChatRef::telegram(42),
        message_id,
        text: None,
        caption: None,
    };
    Addressed::becoming(Notice::Copy(copy), Reference::new(ReferenceKind::Answer, format!("-5/{message_id}"))).into()
}

fn answer(lead: &Lead, message_id: i32) -> NewAnswer {
    NewAnswer {
        id: format!("-5/{message_id}"),
        message_id,
        topic: Some(3),
        lead_id: lead.id,
        number: lead.number.clone(),
        speech: Speech::Answered { manager: "Анна".into(), words: format!("ответ {message_id}") },
        at: 1_790_000_000_000,
        utc_offset: TimeDelta::zero(),
        message: NewMessage { chat: ChatRef::telegram(42), notice: copied(lead, message_id), due_at: 0 },
    }
}

async fn commit(store: &Store, speech: NewSpeech) {
    let after = store
        .dialogues()
        .of_chat(ChatRef::telegram(42))
        .await
        .expect("a read")
        .map(|dialogue| (dialogue.update_id, dialogue.update_at));
    let turn = Turn { after, speech: Some(speech), ..turn(1, None) };
    let outcome = store.dialogues().commit(turn).await.expect("a commit");
    assert!(matches!(outcome, TurnOutcome::Committed(_)));
}

on_both! {
    async fn what_comes_close_together_is_one_note_and_nothing_is_kept_twice(opened: &Opened) {
        // With time a million times faster two minutes are over at once.
        for (speed, notes) in [(1.0, 1), (1_000_000.0, 3)] {
            let store = opened.by(Clock::with_speed(speed)).await;
            let lead = lead("Иван", 0);
            submit(&store, &lead).await;
            for (message, words) in [(1, "раз"), (2, "два"), (2, "два"), (3, "три")] {
                commit(&store, said(&lead, message, words)).await;
                tokio::time::sleep(std::time::Duration::from_millis(2)).await;
            }
            let counted = store.late_notes().messages_of(lead.id).await.expect("a count");
            assert_eq!((counted.kept, counted.waiting), (3, 3));
            if speed == 1.0 {
                assert_eq!(store.dialogues().kept_within_a_day(lead.id).await.expect("a count"), 3);
                let known = store.dialogues().kept_message(ChatRef::telegram(42), 2).await.expect("a read").expect("it was kept");
                assert_eq!((known.lead_id, known.fingerprint.as_str()), (lead.id, "два"));
                let other = store.dialogues().kept_message(ChatRef::telegram(43), 2).await.expect("a read");
                assert_eq!(other, None, "of another chat");
            }
            // The lead is on its way, and nothing is written under it.
            assert_eq!(store.late_notes().due().await.expect("a read"), None);
            store.leads().discard(&lead.number).await.expect("a write");
            if speed == 1.0 {
                assert_eq!(store.late_notes().due().await.expect("a read"), None, "it is held for more");
                continue;
            }
            let lease = Lease::command();
            let mut texts = Vec::new();
            while let Some(note) = store.late_notes().due().await.expect("a read") {
                assert!(note.is_said && note.number == lead.number && note.place.is_none());
                let text = store.late_notes().intent(&lease, &note.id, Some("leads/7")).await.expect("a write");
                let again = store.late_notes().due().await.expect("a read").expect("it is not over");
                assert_eq!((again.place.as_deref(), again.attempt.is_some()), (Some("leads/7"), true));
                texts.push(text.expect("nobody else leads"));
                let told = NewMessage { chat: ChatRef::telegram(7), notice: Notice::Admin(AdminNotice::NoCrm), due_at: 0 };
                store.late_notes().over_telling(&note.id, &told).await.expect("a write");
            }
            assert_eq!(texts.len(), notes);
            assert!(texts.iter().zip(["раз", "два", "три"]).all(|(text, words)| text.contains(words)), "{texts:?}");
            assert_eq!(store.late_notes().messages_of(lead.id).await.expect("a count").waiting, 0);
            let told = store.outbox().of_chat(ChatRef::telegram(7), 100).await.expect("a read");
            assert_eq!(told.len(), notes);
        }
    }

    async fn both_sides_are_kept_with_what_belongs_to_them_and_forgotten_with_the_lead(opened: &Opened) {
        let store = &opened.store;
        let lead = lead("Иван", 0);
        submit(store, &lead).await;
        let to_managers = NewMessage { chat: ChatRef::telegram(-5), notice: copied(&lead, 1), due_at: 0 };
        let new = NewSpeech { file: Some((1, photo(1))), copies: vec![to_managers], ..said(&lead, 1, "Фото") };
        commit(store, new.clone()).await;
        commit(store, new).await;
        let row = store.leads().by_number(&lead.number).await.expect("a read").expect("the lead");
        assert_eq!(row.lead.files, [photo(1)]);
        assert_eq!(store.files().of(lead.id).await.expect("a read").len(), 1);
        assert!(store.files().was_said_later(lead.id, &photo(1)).await.expect("a read"));
        assert!(!store.files().was_said_later(lead.id, &photo(2)).await.expect("a read"));
        assert_eq!(store.outbox().of_chat(ChatRef::telegram(-5), 9).await.expect("a read").len(), 1);

        let talk = store.talk();
        let before = store.outbox().of_chat(ChatRef::telegram(42), 9).await.expect("a read").len();
        assert!(talk.keep(&answer(&lead, 7)).await.expect("a commit"));
        assert!(!talk.keep(&answer(&lead, 7)).await.expect("a commit"), "the same once more");
        assert!(talk.keep(&answer(&lead, 8)).await.expect("a commit"));
        assert_eq!(store.outbox().of_chat(ChatRef::telegram(42), 9).await.expect("a read").len(), before + 2);
        let open = talk.open().await.expect("a read");
        assert_eq!(open.iter().map(|one| (one.message_id, one.is_told)).collect::<Vec<_>>(), [(7, false), (8, false)]);
        let mark = NewMessage { chat: ChatRef::telegram(-5), notice: Notice::Admin(AdminNotice::NoCrm), due_at: 0 };
        talk.tell(&open[0], AnswerTold::Waits, Some(&mark), None).await.expect("a commit");
        talk.tell(&open[0], AnswerTold::Waits, Some(&mark), None).await.expect("told before");
        talk.tell(&open[1], AnswerTold::There, None, None).await.expect("a commit");
        let waits = talk.open().await.expect("a read");
        assert_eq!(waits.iter().map(|one| (one.message_id, one.is_told)).collect::<Vec<_>>(), [(7, true)]);
        let why = Speech::NotReached("чат закрыт".into());
        talk.tell(&waits[0], AnswerTold::Failed, Some(&mark), Some((&why, TimeDelta::zero()))).await.expect("a commit");
        assert_eq!(talk.open().await.expect("a read"), []);
        for _ in 0..2 {
            talk.tell_of_an_edit("-5/8", &mark).await.expect("a commit");
            talk.tell_of_an_edit("-5/9", &mark).await.expect("it is none of ours");
        }
        assert_eq!(store.outbox().of_chat(ChatRef::telegram(-5), 9).await.expect("a read").len(), 4);

        let target = Opened::sqlite().await;
        let report = store.copy_to(&target.store).await.expect("a copy");
        assert!(report.iter().all(|table| table.present == table.source && table.left_behind.is_empty()), "{report:?}");
        assert_eq!(target.store.late_notes().messages_of(lead.id).await.expect("a count").kept, 1);

        let forgotten = store.personal_data().forget(&Whom::User(42), true).await.expect("a commit");
        assert!(matches!(forgotten, Forgetting::Done(_)));
        assert_eq!(store.late_notes().messages_of(lead.id).await.expect("a count").kept, 0);
        assert_eq!(store.late_notes().due().await.expect("a read"), None);
        assert_eq!(store.outbox().of_chat(ChatRef::telegram(42), 9).await.expect("a read").iter().filter(|one| {
            matches!(one.notice.words(), Notice::Copy(copy) if copy.message_id == 8)
        }).count(), 0);
    }
}
