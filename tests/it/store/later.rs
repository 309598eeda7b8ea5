//! What is said after a request, in the store: kept once, put together, counted.

use amocrm_lead_bot::{lead::Speech, store::NewSpeech};

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

async fn commit(store: &Store, speech: NewSpeech) {
    let after =
        store.dialogues().of_chat(42).await.expect("a read").map(|dialogue| (dialogue.update_id, dialogue.update_at));
    let turn = Turn { after, speech: Some(speech), ..turn(1, None) };
    let outcome = store.dialogues().commit(&turn).await.expect("a commit");
    assert!(matches!(outcome, TurnOutcome::Committed(_)));
}

#[tokio::test]
async fn what_comes_close_together_is_one_note_and_nothing_is_kept_twice() {
    let folder = tempfile::tempdir().expect("a folder");
    // With time a million times faster two minutes are over at once.
    for (speed, notes) in [(1.0, 1), (1_000_000.0, 3)] {
        let file = folder.path().join(format!("{notes}.sqlite"));
        let store = Store::open_file(&file, Clock::with_speed(speed)).await.expect("a store");
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
        }
        let known = store.dialogues().kept_message(42, 2).await.expect("a read").expect("it was kept");
        assert_eq!((known.lead_id, known.fingerprint.as_str()), (lead.id, "два"));
        // The lead is on its way, and nothing is written under it.
        assert_eq!(store.late_notes().due().await.expect("a read"), None);
        store.leads().discard(&lead.number).await.expect("a write");
        let mut texts = Vec::new();
        if speed > 1.0 {
            while let Some(note) = store.late_notes().due().await.expect("a read") {
                assert!(note.is_said);
                texts.push(note.text);
                store.late_notes().over(&note.id, None).await.expect("a write");
            }
            assert_eq!(texts.len(), notes);
            assert!(texts.iter().zip(["раз", "два", "три"]).all(|(text, words)| text.contains(words)), "{texts:?}");
            assert_eq!(store.late_notes().messages().await.expect("a count").waiting, 0);
        } else {
            assert_eq!(store.late_notes().due().await.expect("a read"), None, "it is held for more");
        }
        store.close().await;
    }
}
