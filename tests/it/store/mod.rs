//! The store on both engines: every test runs on SQLite and, where it is installed, on PostgreSQL.

mod versions;

use std::collections::BTreeSet;

use amocrm_lead_bot::{
    clock::Clock,
    config::LeadLimits,
    lead::{Budget, Buyer, Lead, LeadNumber, Name, Origin, Phone, Region},
    notice::{AdminNotice, LeadCopy, Notice},
    store::{
        Claim, Completed, Created, Dialogue, Engine, Hold, ImportedLead, Intent, LeadRow, LeadState, Lease, Lookups,
        Mark, NewLead, NewMessage, OpenAlert, Stage, Step, StepAttempt, StepOutcome, Steps, Store, TokenRow, Turn,
        TurnOutcome,
    },
};
use chrono::{TimeDelta, Utc};
use ulid::Ulid;

const HOUR: i64 = 3_600_000;

/// A store of one engine, in a folder that lives as long as it.
struct Opened {
    store: Store,
    url: Option<String>,
    folder: tempfile::TempDir,
}

impl Opened {
    async fn sqlite() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let store = Store::open(None, folder.path(), Clock::default()).await.expect("a store");
        Self { store, url: None, folder }
    }

    async fn postgres() -> Option<Self> {
        let url = tokio::task::spawn_blocking(testkit::postgres::shared_database).await.expect("a database")?;
        let folder = tempfile::tempdir().expect("a folder");
        let store = Store::open(Some(&url), folder.path(), Clock::default()).await.expect("a store");
        Some(Self { store, url: Some(url), folder })
    }

    /// A second process on the same store.
    async fn again(&self) -> Store {
        self.by(Clock::default()).await
    }

    /// The same, by another clock.
    async fn by(&self, clock: Clock) -> Store {
        Store::open(self.url.as_deref(), self.folder.path(), clock).await.expect("the same store")
    }
}

/// Writes each test once and runs it on both engines.
macro_rules! on_both {
    ($(async fn $name:ident($opened:ident: &Opened) $body:block)*) => { $(
        mod $name {
            use super::*;

            async fn test($opened: &Opened) $body

            #[tokio::test]
            async fn on_sqlite() {
                test(&Opened::sqlite().await).await;
            }

            #[tokio::test]
            async fn on_postgres() {
                if let Some(opened) = Opened::postgres().await {
                    assert_eq!(opened.store.engine(), Engine::Postgres);
                    test(&opened).await;
                }
            }
        }
    )* };
}

// After the macro, which they use.
mod consents;
mod damage;
mod forgetting;
mod later;
mod limits;
mod reminders;
mod unfinished;
mod watches;

fn lead(name: &str, minutes_ago: i64) -> Lead {
    Lead {
        id: Ulid::new(),
        number: LeadNumber::random(),
        submitted_at: Utc::now() - TimeDelta::minutes(minutes_ago),
        name: Name::imported(name),
        phone: Phone::imported("+7 999 123-45-67", Region::default()),
        budget: Some(Budget::imported("2 млн")),
        car_link: None,
        asked: Default::default(),
        more: Vec::new(),
        wish: None,
        files: Vec::new(),
        buyer: Buyer { user_id: 42, chat_id: Some(42), username: None, full_name: None },
        consent_at: None,
        consent: None,
        origin: Origin::Telegram,
        source: None,
        left_open: None,
    }
}

/// A turn of a new chat, or of one whose last update was number 1.
fn turn(update_id: i64, lead: Option<&Lead>) -> Turn {
    Turn {
        told: None,
        chat_id: 42,
        after: (update_id > 1).then_some((1, 5)),
        dialogue: Dialogue {
            step: "idle".into(),
            draft: "{}".into(),
            update_id,
            update_at: 5,
            replies: Some("[]".into()),
        },
        lead: lead.cloned().map(NewLead::fresh),
        withdrawal: None,
        consent: None,
        amendment: None,
        speech: None,
        limits: LeadLimits::default(),
        messages: lead
            .map(|lead| NewMessage { chat_id: 42, notice: Notice::Accepted { number: lead.number.clone() }, due_at: 0 })
            .into_iter()
            .collect(),
        pressed: None,
        instead_of: None,
        only_instead: false,
    }
}

async fn submit(store: &Store, lead: &Lead) {
    let after =
        store.dialogues().of_chat(42).await.expect("a read").map(|dialogue| (dialogue.update_id, dialogue.update_at));
    let outcome = store.dialogues().commit(&Turn { after, ..turn(1, Some(lead)) }).await.expect("a commit");
    assert!(matches!(outcome, TurnOutcome::Committed(_)));
}

/// Rejects a lead as the holder of everything that is due.
async fn reject(store: &Store, lead: &Lead, error: &str) {
    let lease = Lease::command();
    store.lead_queue().claim_due(&lease, later(store), 100, Claim::Oldest).await.expect("a claim");
    let rejected = StepOutcome::Rejected { error: error.into(), uncertain: false };
    store.lead_queue().record_outcome(&lease, Step::Lead, &[lead.id], &rejected).await.expect("a write");
    store.lead_queue().release_lease(&lease).await.expect("a write");
}

async fn intend(store: &Store, lease: &Lease, lead: &Lead) -> Result<Vec<Ulid>, amocrm_lead_bot::store::StoreError> {
    store.lead_queue().record_intent(lease, Step::Lead, &[lead.id], later(store), Intent::First).await
}

fn saved(number: LeadNumber) -> Notice {
    Notice::Saved { number }
}

fn delivered(number: LeadNumber) -> Notice {
    Notice::Delivered { number }
}

fn copies(leads: &[Lead]) -> Notice {
    Notice::Admin(AdminNotice::Copies { leads: leads.iter().map(LeadCopy::of).collect() })
}

fn completed(lead: &Lead) -> Completed<'_> {
    Completed { lead, remote_id: None }
}

async fn row_of(store: &Store, lead: &Lead) -> LeadRow {
    store.leads().by_number(&lead.number).await.expect("a read").expect("a lead")
}

fn later(store: &Store) -> i64 {
    store.clock().now() + 60_000
}

on_both! {
    async fn a_turn_is_one_commit(opened: &Opened) {
        let store = &opened.store;
        let ivan = lead("Иван", 0);
        submit(store, &ivan).await;
        assert_eq!(store.dialogues().of_chat(42).await.expect("a read").expect("a dialogue"), turn(1, None).dialogue);
        assert_eq!(store.dialogues().of_chat(43).await.expect("a read"), None);
        let row = store.leads().by_number(&ivan.number).await.expect("a read").expect("a lead");
        assert_eq!((row.lead, row.stage, row.steps), (ivan.clone(), Stage::Queued, Steps::default()));
        assert_eq!(store.outbox().due(10).await.expect("a read").len(), 1);
        // A redelivery of the same lead is the same row; another lead with its number is told apart.
        submit(store, &ivan).await;
        assert_eq!(store.leads().waiting().await.expect("a count").0, 1);
        let twin = Lead { number: ivan.number.clone(), ..lead("Пётр", 0) };
        let outcome = store.dialogues().commit(&turn(9, Some(&twin))).await.expect("an answer");
        assert_eq!(outcome, TurnOutcome::NumberTaken);
        assert_eq!(store.dialogues().of_chat(42).await.expect("a read").expect("a dialogue").update_id, 1);
    }

    async fn a_turn_that_was_overtaken_changes_nothing(opened: &Opened) {
        let (store, former) = (&opened.store, opened.again().await);
        // Both processes take the first two updates of a chat; the one that has lost the leadership comes too late.
        for update_id in [1, 2] {
            assert!(matches!(store.dialogues().commit(&turn(update_id, None)).await, Ok(TurnOutcome::Committed(_))));
            let late = turn(update_id, Some(&lead("Иван", 0)));
            assert_eq!(former.dialogues().commit(&late).await.expect("an answer"), TurnOutcome::Overtaken);
        }
        assert_eq!(store.dialogues().of_chat(42).await.expect("a read").expect("a dialogue").update_id, 2);
        assert_eq!((store.leads().waiting().await.expect("a count").0, store.outbox().count().await.expect("a count")), (0, 0));
        // At the same moment as well exactly one of them is taken.
        let (three, four) = (turn(3, None), turn(4, None));
        let after = Some((2, 5));
        let (one, other) = (Turn { after, ..three }, Turn { after, ..four });
        let (here, there) = (store.dialogues(), former.dialogues());
        let (one, other) = tokio::join!(here.commit(&one), there.commit(&other));
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
        store.lead_queue().revive_notes(&[leads[0].id, leads[1].id]).await.expect("a write");
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
        let untold = store.open_alerts().untold_rejections().await.expect("a read");
        let untold: [_; 1] = untold.try_into().expect("one lead");
        assert_eq!(untold, [(ivan.number.clone(), "price: InvalidType".to_owned())]);
        let told = untold.map(|(number, error)| {
            (number.clone(), Notice::Admin(AdminNotice::Rejected { number, error }))
        });
        store.open_alerts().tell_of_leads(1, &told).await.expect("a write");
        assert!(store.open_alerts().untold_rejections().await.expect("a read").is_empty());
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

    async fn messages_go_out_in_order_for_each_chat(opened: &Opened) {
        let store = &opened.store;
        let number = LeadNumber::random();
        let owe = |chat_id: i64, due_at: i64| NewMessage {
            chat_id,
            notice: Notice::Saved { number: number.clone() },
            due_at,
        };
        let first = store.outbox().enqueue(&owe(1, store.clock().now() + HOUR / 4)).await.expect("a write");
        store.outbox().enqueue(&owe(1, 0)).await.expect("a write");
        let other = store.outbox().enqueue(&owe(2, 0)).await.expect("a write");
        let due = store.outbox().due(10).await.expect("a read");
        assert_eq!(due.iter().map(|message| message.id.as_str()).collect::<Vec<_>>(), [other.as_str()]);
        assert!(store.outbox().holds_for(1).await.expect("a read") && !store.outbox().holds_for(3).await.expect("a read"));
        store.outbox().done(&first).await.expect("a write");
        assert_eq!(store.outbox().due(10).await.expect("a read").len(), 2);
        // Between chats there is no order within a millisecond.
        let chats: BTreeSet<i64> = store.outbox().due(10).await.expect("a read").iter().map(|one| one.chat_id).collect();
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
        store.dialogues().set_aside(7, Some(1), "message", "panic", "{}", None).await.expect("a write");
        store.dialogues().set_aside(7, Some(1), "message", "panic", "{}", None).await.expect("a write");
        assert_eq!(store.dialogues().set_aside_count().await.expect("a count"), 1);
    }

    async fn copies_reach_the_admin_once_in_groups(opened: &Opened) {
        let store = &opened.store;
        for n in 0..5 {
            submit(store, &lead("Иван", n)).await;
        }
        assert_eq!(store.open_alerts().copy_to_admin(1, 2, 100, copies).await.expect("a write"), 5);
        assert_eq!(store.open_alerts().copy_to_admin(1, 2, 100, copies).await.expect("a write"), 0);
        let mut messages = 0;
        while let Some(message) =
            store.outbox().due(100).await.expect("a read").into_iter().find(|message| message.chat_id == 1)
        {
            messages += 1;
            store.outbox().done(&message.id).await.expect("a write");
        }
        assert_eq!(messages, 3);
    }

    async fn a_reign_that_is_over_claims_nothing(opened: &Opened) {
        let store = &opened.store;
        submit(store, &lead("Иван", 0)).await;
        let first = Lease::daemon(store.begin_term().await.expect("a term"));
        assert_eq!(store.lead_queue().claim_due(&first, later(store), 1, Claim::Oldest).await.expect("a claim").len(), 1);
        // The new term frees what the old one held, and the old one gets nothing any more.
        let second = Lease::daemon(opened.again().await.begin_term().await.expect("a term"));
        assert!(store.lead_queue().claim_due(&first, later(store), 1, Claim::Oldest).await.expect("a claim").is_empty());
        assert_eq!(store.lead_queue().claim_due(&second, later(store), 1, Claim::Oldest).await.expect("a claim").len(), 1);
    }

    async fn tokens_and_their_lock_are_shared_by_processes(opened: &Opened) {
        let (store, other) = (&opened.store, opened.again().await);
        let row = TokenRow { access: Some("a".into()), previous_replaced_by: Some("x".into()), ..TokenRow::default() };
        store.tokens().set(&row).await.expect("a write");
        assert!(other.tokens().get().await.expect("a read") == row);
        other.tokens().forget_previous("y").await.expect("a write");
        assert!(other.tokens().get().await.expect("a read") == row);
        other.tokens().forget_previous("x").await.expect("a write");
        assert!(store.tokens().get().await.expect("a read").previous_replaced_by.is_none());
        let hold = std::time::Duration::from_secs(30);
        assert!(store.locks().take("tokens", "a", hold).await.expect("an answer"));
        assert!(!other.locks().take("tokens", "b", hold).await.expect("an answer"));
        store.locks().release("tokens", "a").await.expect("a write");
        assert!(other.locks().take("tokens", "b", std::time::Duration::ZERO).await.expect("an answer"));
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        assert!(store.locks().take("tokens", "a", hold).await.expect("an answer"));
    }

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
        store.dialogues().commit(&turn(2, None)).await.expect("a commit");
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
            assert_eq!(store.dialogues().of_chat(42).await.expect("a read").expect("a dialogue").update_id, 2);
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
