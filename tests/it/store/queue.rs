//! A lead's way through the queue: its turn, claims, steps, and what becomes of it.

use super::*;

on_both! {
    async fn a_turn_is_one_commit(opened: &Opened) {
        let store = &opened.store;
        let ivan = lead("Иван", 0);
        submit(store, &ivan).await;
        assert_eq!(store.dialogues().of_chat(ChatRef::telegram(42)).await.expect("a read").expect("a dialogue"), turn(1, None).dialogue);
        assert_eq!(store.dialogues().of_chat(ChatRef::telegram(43)).await.expect("a read"), None);
        let row = store.leads().by_number(&ivan.number).await.expect("a read").expect("a lead");
        assert_eq!((row.lead, row.stage, row.steps), (ivan.clone(), Stage::Queued, Steps::default()));
        assert_eq!(store.outbox().due(10).await.expect("a read").len(), 1);
        // A redelivery of the same lead is the same row; another lead with its number is told apart.
        submit(store, &ivan).await;
        assert_eq!(store.leads().waiting().await.expect("a count").0, 1);
        let twin = Lead { number: ivan.number.clone(), ..lead("Пётр", 0) };
        let outcome = store.dialogues().commit(turn(9, Some(&twin))).await.expect("an answer");
        assert_eq!(outcome, TurnOutcome::NumberTaken);
        assert_eq!(store.dialogues().of_chat(ChatRef::telegram(42)).await.expect("a read").expect("a dialogue").update_id, 1);
    }

    async fn a_turn_that_was_overtaken_changes_nothing(opened: &Opened) {
        let (store, former) = (&opened.store, opened.again().await);
        // Both processes take the first two updates of a chat; the one that has lost the leadership comes too late.
        for update_id in [1, 2] {
            assert!(matches!(store.dialogues().commit(turn(update_id, None)).await, Ok(TurnOutcome::Committed(_))));
            let late = turn(update_id, Some(&lead("Иван", 0)));
            assert_eq!(former.dialogues().commit(late).await.expect("an answer"), TurnOutcome::Overtaken);
        }
        assert_eq!(store.dialogues().of_chat(ChatRef::telegram(42)).await.expect("a read").expect("a dialogue").update_id, 2);
        assert_eq!((store.leads().waiting().await.expect("a count").0, store.outbox().count().await.expect("a count")), (0, 0));
        // At the same moment as well exactly one of them is taken.
        let (three, four) = (turn(3, None), turn(4, None));
        let after = Some((2, 5));
        let (one, other) = (Turn { after, ..three }, Turn { after, ..four });
        let (here, there) = (store.dialogues(), former.dialogues());
        let (one, other) = tokio::join!(here.commit(one), there.commit(other));
        let overtaken = [one, other].into_iter().filter(|outcome| matches!(outcome, Ok(TurnOutcome::Overtaken))).count();
        assert_eq!(overtaken, 1);
    }

    async fn no_lead_is_claimed_twice(opened: &Opened) {
        let store = &opened.store;
        for n in 0..60 {
            submit(store, &lead("Иван", n)).await;
        }
        let mut claims = Vec::new();
        for _ in 0..6 {
            let store = opened.again().await;
            claims.push(tokio::spawn(async move {
                let lease = Lease::command();
                let mut mine = Vec::new();
                loop {
                    match store.lead_queue().claim_due(&lease, later(&store), 7, Claim::Oldest).await {
                        Ok(rows) if rows.is_empty() => return mine,
                        Ok(rows) => mine.extend(rows.into_iter().map(|row| row.lead.id)),
                        Err(error) => panic!("{error}"),
                    }
                }
            }));
        }
        let mut all = Vec::new();
        for claim in claims {
            all.extend(claim.await.expect("a claim"));
        }
        assert_eq!(all.len(), 60);
        all.sort();
        all.dedup();
        assert_eq!(all.len(), 60);
    }

    async fn the_oldest_are_claimed_first_and_fresh_ones_apart(opened: &Opened) {
        let store = &opened.store;
        let leads = [lead("старый", 50), lead("новый", 0), lead("древний", 90)];
        for one in &leads {
            submit(store, one).await;
        }
        let lease = Lease::command();
        let since = store.clock().now() - 60_000;
        let fresh = store.lead_queue().claim_due(&lease, later(store), 9, Claim::SubmittedSince(since)).await.expect("a claim");
        assert_eq!(fresh.iter().map(|row| row.lead.name.as_str()).collect::<Vec<_>>(), ["новый"]);
        let rest = store.lead_queue().claim_due(&lease, later(store), 9, Claim::Oldest).await.expect("a claim");
        assert_eq!(rest.iter().map(|row| row.lead.name.as_str()).collect::<Vec<_>>(), ["древний", "старый"]);
    }

    async fn a_lost_lease_allows_nothing(opened: &Opened) {
        let store = &opened.store;
        let ivan = lead("Иван", 0);
        submit(store, &ivan).await;
        let (first, second) = (Lease::command(), Lease::command());
        let past = store.clock().now() - 1;
        assert_eq!(store.lead_queue().claim_due(&first, past, 1, Claim::Oldest).await.expect("a claim").len(), 1);
        assert_eq!(store.lead_queue().claim_due(&second, later(store), 1, Claim::Oldest).await.expect("a claim").len(), 1);
        assert!(intend(store, &first, &ivan).await.expect("an answer").is_empty());
        assert_eq!(intend(store, &second, &ivan).await.expect("an answer"), [ivan.id]);
        // A create that is out is not allowed a second time, not even to its own lease.
        assert!(intend(store, &second, &ivan).await.expect("an answer").is_empty());
    }

    async fn times_of_a_wrong_clock_do_not_hold_a_lead_for_ever(opened: &Opened) {
        let store = &opened.store;
        let ivan = lead("Иван", 0);
        submit(store, &ivan).await;
        let lease = Lease::command();
        let next_year = store.clock().now() + 365 * 24 * HOUR;
        assert_eq!(store.lead_queue().claim_due(&lease, next_year, 1, Claim::Oldest).await.expect("a claim").len(), 1);
        store.lead_queue().defer(&lease, ivan.id, next_year).await.expect("a write");
        assert_eq!(store.lead_queue().claim_due(&lease, next_year, 1, Claim::Oldest).await.expect("a claim").len(), 1);
        assert_eq!(store.lead_queue().claim_due(&Lease::command(), later(store), 1, Claim::Oldest).await.expect("a claim").len(), 1);
    }

    async fn an_unsure_create_is_kept_so_until_it_is_looked_up(opened: &Opened) {
        let store = &opened.store;
        let ivan = lead("Иван", 0);
        submit(store, &ivan).await;
        let lease = Lease::command();
        store.lead_queue().claim_due(&lease, later(store), 1, Claim::Oldest).await.expect("a claim");
        intend(store, &lease, &ivan).await.expect("a write");
        let now = store.clock().now();
        let lookups = Lookups { needed: 2, first_at: now, unbatched: true };
        let record = async |outcome| store.lead_queue().record_outcome(&lease, Step::Lead, &[ivan.id], &outcome).await.expect("a write");
        record(StepOutcome::Uncertain { lookups, error: "no answer".into() }).await;
        let missed = StepOutcome::Missed { lookups: 1, needed: 2, due_at: now };
        for (lookups, outcome) in [(0, missed), (1, StepOutcome::Absent)] {
            let row = row_of(store, &ivan).await;
            let attempt = row.steps.attempt(Step::Lead).expect("an attempt");
            assert_eq!((row.stage, row.unbatched), (Stage::Uncertain(attempt), true));
            assert_eq!((attempt.lookups, attempt.lookups_needed), (lookups, 2));
            assert_eq!(store.leads().totals(0).await.expect("counts").uncertain, 1);
            store.lead_queue().claim_due(&lease, later(store), 1, Claim::Uncertain).await.expect("a claim");
            record(outcome).await;
        }
        let row = row_of(store, &ivan).await;
        assert_eq!((row.stage, row.attempts), (Stage::Queued, 1));
        assert!(store.lead_queue().claim_due(&lease, later(store), 1, Claim::Uncertain).await.expect("a claim").is_empty());
    }

    async fn what_comes_of_a_step_is_one_commit_under_the_lease(opened: &Opened) {
        let store = &opened.store;
        let hold = |uncertain| Hold { due_at: 0, error: "502".into(), omitted: Some("{}".into()), tell: true, uncertain };
        let lookups = Lookups { needed: 3, first_at: 0, unbatched: false };
        let error = || "why".to_owned();
        let uncertain = |step, lookups, lookups_needed| {
            Stage::Uncertain(StepAttempt { step, sent_at: 0, lookups, lookups_needed })
        };
        for (step, outcome, expected, attempts) in [
            (Step::Lead, StepOutcome::NotDone { due_at: 0, error: error() }, Stage::Queued, 0),
            (Step::Lead, StepOutcome::Apart { error: error() }, Stage::Queued, 0),
            (Step::Lead, StepOutcome::Uncertain { lookups, error: error() }, uncertain(Step::Lead, 0, 3), 1),
            (Step::Lead, StepOutcome::Missed { lookups: 1, needed: 3, due_at: 0 }, uncertain(Step::Lead, 1, 3), 0),
            (Step::Lead, StepOutcome::Absent, Stage::Queued, 0),
            (Step::Lead, StepOutcome::Held(hold(false)), Stage::Queued, 1),
            (Step::Lead, StepOutcome::Rejected { error: error(), uncertain: false }, Stage::Rejected, 1),
            (Step::Note, StepOutcome::NotDone { due_at: 0, error: error() }, Stage::Ready(Step::Note), 0),
            (Step::Note, StepOutcome::Uncertain { lookups, error: error() }, uncertain(Step::Note, 0, 3), 1),
            (Step::Note, StepOutcome::Missed { lookups: 2, needed: 3, due_at: 0 }, uncertain(Step::Note, 2, 3), 0),
            (Step::Note, StepOutcome::Held(hold(false)), Stage::Ready(Step::Note), 1),
            (Step::Note, StepOutcome::Held(hold(true)), uncertain(Step::Note, 0, 1), 1),
            (Step::Note, StepOutcome::Rejected { error: error(), uncertain: true }, Stage::Rejected, 1),
        ] {
            let (ivan, late, lease) = (lead("Иван", 1), Lease::command(), Lease::command());
            submit(store, &ivan).await;
            if step == Step::Note {
                let created = Created { id: ivan.id, crm_lead_id: 7, contact_id: None, phone: String::new() };
                store.lead_queue().record_created(&[created]).await.expect("a write");
            }
            store.lead_queue().claim_due(&lease, later(store), 9, Claim::Oldest).await.expect("a claim");
            let sent = store.lead_queue().record_intent(&lease, step, &[ivan.id], later(store), Intent::First).await.expect("a write");
            assert_eq!(sent, [ivan.id], "{outcome:?}");
            // Whoever has lost the lease changes nothing.
            store.lead_queue().record_outcome(&late, step, &[ivan.id], &outcome).await.expect("a write");
            let stage = |row: &LeadRow| match row.stage {
                Stage::Uncertain(attempt) => Stage::Uncertain(StepAttempt { sent_at: 0, ..attempt }),
                other => other,
            };
            assert_eq!(stage(&row_of(store, &ivan).await), uncertain(step, 0, 0), "{outcome:?}");
            store.lead_queue().record_outcome(&lease, step, &[ivan.id], &outcome).await.expect("a write");
            let row = row_of(store, &ivan).await;
            assert_eq!((stage(&row), row.attempts), (expected, attempts), "{outcome:?}");
            assert_eq!(row.crm_lead_id(), (step == Step::Note).then_some(7));
            assert_eq!(row.steps.attempt(step).is_none(), !matches!(outcome, StepOutcome::Rejected { uncertain: true, .. }) && !matches!(expected, Stage::Uncertain(_)), "{outcome:?}");
            store.lead_queue().record_delivered(&[completed(&ivan)], delivered).await.expect("a write");
        }
    }

    async fn every_question_about_the_queue_has_an_answer_on_both_engines(opened: &Opened) {
        let store = &opened.store;
        let leads = [lead("Иван", 3), lead("Анна", 2), lead("Олег", 1)];
        for one in &leads {
            submit(store, one).await;
        }
        assert_eq!((store.lead_queue().untroubled(2).await.expect("a count"), store.lead_queue().untroubled(9).await.expect("a count")), (2, 3));
        let created = Created { id: leads[0].id, crm_lead_id: 7, contact_id: Some(5), phone: "+7999".into() };
        store.lead_queue().record_created(&[created]).await.expect("a write");
        assert_eq!(store.lead_queue().untroubled(9).await.expect("a count"), 2);
        assert_eq!(store.leads().crm_ids_of(42).await.expect("a read"), [7]);
        reject(store, &leads[0], "no").await;
        reject(store, &leads[1], "no").await;
        // What amoCRM has is no lead that it refused.
        store.lead_queue().revive(&[leads[0].id, leads[1].id]).await.expect("a write");
        assert_eq!(row_of(store, &leads[0]).await.stage, Stage::Rejected);
        assert_eq!(row_of(store, &leads[1]).await.stage, Stage::Queued);
        store.lead_queue().revive_behind_the_lead(&[leads[0].id, leads[1].id]).await.expect("a write");
        assert_eq!(row_of(store, &leads[0]).await.stage, Stage::Ready(Step::Note));
        store.lead_queue().record_merged(leads[0].id, 8, None).await.expect("a write");
        let row = row_of(store, &leads[0]).await;
        let attempt = row.steps.attempt(Step::Note).expect("its note may be there");
        assert_eq!((row.crm_lead_id(), row.contact_id, attempt.lookups_needed), (Some(8), Some(5), 1));
        let lease = Lease::command();
        assert_eq!(store.lead_queue().claim_due(&lease, later(store), 9, Claim::Ready).await.expect("a claim").len(), 3);
        store.lead_queue().put_back(&lease, &[leads[0].id, leads[1].id], leads[1].id, "no answer").await.expect("a write");
        assert!(row_of(store, &leads[1]).await.unbatched);
        store.lead_queue().defer_lease(&lease, later(store)).await.expect("a write");
        assert_eq!(store.lead_queue().claim_due(&lease, later(store), 9, Claim::InTurn).await.expect("a claim").len(), 2);
        assert!(!store.leads().delivered_after(0).await.expect("a read"));
    }

    async fn delivery_is_recorded_once_and_told_to_those_who_were_told_saved(opened: &Opened) {
        let store = &opened.store;
        let ivan = lead("Иван", 3);
        submit(store, &ivan).await;
        assert_eq!(store.lead_queue().tell_saved(100, saved).await.expect("a write"), 1);
        assert_eq!(store.lead_queue().tell_saved(100, saved).await.expect("a write"), 0);
        let created =
            Created { id: ivan.id, crm_lead_id: 7, contact_id: Some(8), phone: ivan.phone.e164().to_owned() };
        store.lead_queue().record_created(&[created]).await.expect("a write");
        assert_eq!(store.lead_queue().known_contact(ivan.phone.e164()).await.expect("a read"), Some(8));
        assert_eq!(store.lead_queue().record_delivered(&[completed(&ivan)], delivered).await.expect("a write"), 1);
        assert_eq!(store.lead_queue().record_delivered(&[completed(&ivan)], delivered).await.expect("a write"), 0);
        let mut told = Vec::new();
        while let Some(message) = store.outbox().due(10).await.expect("a read").into_iter().next() {
            told.push(message.notice);
            store.outbox().done(&message.id).await.expect("a write");
        }
        let number = ivan.number.clone();
        let expected = [
            Notice::Accepted { number: number.clone() },
            Notice::Saved { number: number.clone() },
            Notice::Delivered { number },
        ];
        assert_eq!(told, expected);
        let totals = store.leads().totals(0).await.expect("counts");
        assert_eq!((totals.waiting, totals.delivered_since, totals.oldest_waiting_at), (0, 1, None));
        let (late, waited) = store.leads().delivered_late(0).await.expect("counts");
        assert!(late == 1 && waited >= 3 * 60_000, "{late} {waited}");
    }

    async fn rejected_leads_are_kept_told_and_revived(opened: &Opened) {
        let store = &opened.store;
        let ivan = lead("Иван", 0);
        submit(store, &ivan).await;
        reject(store, &ivan, "price: InvalidType").await;
        assert!(store.open_alerts().has_untold().await.expect("a read"));
        let untold = store.open_alerts().untold_rejections().await.expect("a read");
        let untold: [_; 1] = untold.try_into().expect("one lead");
        assert_eq!(untold, [(ivan.number.clone(), "price: InvalidType".to_owned())]);
        let told = untold.map(|(number, error)| {
            (number.clone(), Notice::Admin(AdminNotice::Rejected { number, error }))
        });
        store.open_alerts().tell_of_leads(ChatRef::telegram(1), &told).await.expect("a write");
        assert!(store.open_alerts().untold_rejections().await.expect("a read").is_empty());
        assert!(!store.open_alerts().has_untold().await.expect("a read"));
        assert_eq!(store.leads().undelivered(10).await.expect("a read")[0].state(), LeadState::Rejected);
        assert_eq!(store.leads().retry_now(Some(&ivan.number)).await.expect("a write"), 1);
        assert_eq!(store.leads().waiting().await.expect("a count").0, 1);
        assert!(store.leads().discard(&ivan.number).await.expect("a write"));
        assert!(!store.leads().discard(&ivan.number).await.expect("a write"));
        assert!(store.leads().undelivered(10).await.expect("a read").is_empty());
    }

    async fn an_entry_is_imported_once(opened: &Opened) {
        let store = &opened.store;
        let foreign = |fingerprint: &str| ImportedLead {
            new: NewLead::fresh(lead("Иван", 0)),
            fingerprint: Some(fingerprint.to_owned()),
        };
        assert_eq!(store.leads().import(&[foreign("a"), foreign("b"), foreign("a")]).await.expect("a write"), 2);
        assert_eq!(store.leads().import(&[foreign("b")]).await.expect("a write"), 0);
        let ours = ImportedLead { new: NewLead::fresh(lead("Пётр", 0)), fingerprint: None };
        assert_eq!(store.leads().import(&[ours.clone(), ours]).await.expect("a write"), 1);
    }
}
