//! Stores that are copied and moved from one engine to the other.

use super::*;

on_both! {
    async fn a_copy_made_again_brings_what_is_over_and_takes_nothing_back(opened: &Opened) {
        let store = &opened.store;
        let copy = Store::open_file(&opened.folder.path().join("copy.sqlite"), Clock::default()).await.expect("a copy");
        let [ivan, anna, oleg] = [lead("Иван", 0), lead("Анна", 5), lead("Олег", 9)];
        for one in [&ivan, &anna, &oleg] {
            submit(store, one).await;
        }
        store.copy_to(&copy).await.expect("a copy");
        for row in copy.leads().undelivered(9).await.expect("a read") {
            // The original may deliver it before the copy is used.
            for step in Step::ALL {
                let attempt = row.steps.attempt(step).expect("it may be there");
                assert_eq!((attempt.sent_at, attempt.lookups_needed), (row.lead.submitted_at.timestamp_millis(), 1));
            }
        }
        let deliver = async |store: &Store, lead: &Lead, crm_lead_id| {
            let phone = lead.phone.e164().to_owned();
            let created = Created { id: lead.id, crm_lead_id, contact_id: None, phone };
            store.lead_queue().record_created(&[created]).await.expect("a write");
            store.lead_queue().record_delivered(&[completed(lead)], delivered).await.expect("a write");
        };
        deliver(store, &ivan, 7).await;
        assert!(store.leads().discard(&anna.number).await.expect("an answer"));
        store.dialogues().commit(turn(2, None)).await.expect("a commit");
        deliver(&copy, &oleg, 8).await;
        for (from, to) in [(store, &copy), (&copy, store)] {
            for _ in 0..2 {
                let report = from.copy_to(to).await.expect("a copy");
                assert!(report.iter().all(|table| table.source == table.present), "{report:?}");
            }
        }
        for store in [store, &copy] {
            for (lead, state, crm_lead_id) in [
                (&ivan, LeadState::Delivered, Some(7)),
                (&anna, LeadState::Discarded, None),
                (&oleg, LeadState::Delivered, Some(8)),
            ] {
                let row = store.leads().by_number(&lead.number).await.expect("a read").expect("a lead");
                assert_eq!((row.state(), row.crm_lead_id()), (state, crm_lead_id));
            }
            assert_eq!(store.dialogues().of_chat(ChatRef::telegram(42)).await.expect("a read").expect("a dialogue").update_id, 2);
        }
    }

    async fn a_store_moves_whole_to_the_other_engine_and_back(opened: &Opened) {
        let store = &opened.store;
        let leads = [lead("Иван", 0), lead("Пётр", 5), lead("😀 NUL-free", 9)];
        for one in &leads {
            submit(store, one).await;
        }
        reject(store, &leads[1], "no").await;
        let file = opened.folder.path().join("backup.sqlite");
        for _ in 0..2 {
            let copy = Store::open_file(&file, Clock::default()).await.expect("a copy");
            let report = store.copy_to(&copy).await.expect("a backup");
            copy.close().await;
            for table in &report {
                assert_eq!((table.source, table.source), (table.present, table.target), "{table:?}");
            }
            assert!(report.iter().any(|table| table.table == "leads" && table.source == 3));
        }
        let copy = Store::open_file(&file, Clock::default()).await.expect("the copy");
        let row = copy.leads().by_number(&leads[1].number).await.expect("a read").expect("a lead");
        assert_eq!((row.lead, row.stage), (leads[1].clone(), Stage::Rejected));
        assert_eq!(copy.outbox().count().await.expect("a count"), store.outbox().count().await.expect("a count"));
        if let Some(url) = tokio::task::spawn_blocking(testkit::postgres::shared_database).await.expect("a database") {
            let target = Store::open_url(&url, Clock::default()).await.expect("a store");
            let report = copy.copy_to(&target).await.expect("a move");
            assert!(report.iter().all(|table| table.source == table.present), "{report:?}");
            assert_eq!(target.leads().undelivered(9).await.expect("a read").len(), 3);
        }
    }
}
