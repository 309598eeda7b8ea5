//! Rows broken by hand, in every table: whatever is beside them goes on.

mod copies;
mod other_tables;

use super::*;
use sqlx::{AssertSqlSafe, Connection, Executor, SqliteConnection};

async fn break_it(opened: &Opened, sql: &str) {
    match &opened.url {
        None => {
            let url = format!("sqlite://{}", opened.folder.path().join(amocrm_lead_bot::store::SQLITE_FILE).display());
            let mut other = SqliteConnection::connect(&url).await.expect("the file");
            other.execute(AssertSqlSafe(sql)).await.unwrap_or_else(|error| panic!("{sql}: {error}"));
        }
        Some(url) => {
            let mut other = sqlx::PgConnection::connect(url).await.expect("the database");
            other.execute(AssertSqlSafe(sql)).await.unwrap_or_else(|error| panic!("{sql}: {error}"));
        }
    }
}

/// What makes a lead unreadable; the first on both engines.
const ON_BOTH: &[&str] = &[
    "body = 'not json'",
    "body = '{}'",
    "body = '[1]'",
    "state = 'paused'",
    "state = ''",
    "lead_steps: step, sent_at) VALUES ($, 'of tomorrow', 1)",
    "lead_steps: step, done_at) VALUES ($, 'lead', 1)",
];
const ON_SQLITE: &[&str] = &[
    "body = x'00ff'",
    "body = CAST(x'7bff7d' AS TEXT)",
    "body = 5",
    "state = x'ff'",
    "state = CAST(x'ff' AS TEXT)",
    "lead_steps: step, done_at, remote_id) VALUES ($, 'lead', 1, 'abc')",
    "lead_steps: step, done_at, remote_id) VALUES ($, 'lead', 1, x'01')",
    "lead_steps: step, sent_at) VALUES ($, x'ff', 1)",
    "lead_steps: step, sent_at) VALUES ($, CAST(x'ff' AS TEXT), 1)",
    "number = CAST(x'ff' AS TEXT)",
    "id = x'ff01'",
    "body = json_set(body, '$.name', CAST(hex(zeroblob(400000)) AS TEXT))",
];

/// What is only remembered of a lead's way; it goes on all the same.
const HARMLESS: &[&str] = &[
    "attempts = 'x'",
    "due_at = 'soon'",
    "leased_until = 'x'",
    "contact_id = 'x'",
    "solo = 'x'",
    "degradation = x'ff'",
    "last_error = CAST(x'ff' AS TEXT)",
    "last_error_at = 'x'",
    "submitted_at = 'yesterday'",
    "user_id = 'x'",
    "buyer_told = CAST(x'ff' AS TEXT)",
    "attempts = CAST(x'ff' AS TEXT)",
];

/// The statement that does this damage to a lead.
fn damaging(lead: &Lead, damage: &str) -> String {
    match damage.strip_prefix("lead_steps: ") {
        Some(step) => format!("INSERT INTO lead_steps (lead_id, {}", step.replace("$", &format!("'{}'", lead.id))),
        None => format!("UPDATE leads SET {damage} WHERE number = '{}'", lead.number),
    }
}

on_both! {
    async fn a_damaged_lead_holds_nobody_up(opened: &Opened) {
        let store = &opened.store;
        let mut damages = ON_BOTH.to_vec();
        if opened.store.engine() == Engine::Sqlite {
            damages.extend(ON_SQLITE);
        }
        // As claims, lists, copies and words to the buyers come upon them.
        for (at, damage) in damages.iter().enumerate() {
            let (bad, good) = (lead("Иван", 9), lead("Анна", 1));
            submit(store, &bad).await;
            submit(store, &good).await;
            break_it(opened, &damaging(&bad, damage)).await;
            let numbers = match at % 4 {
                0 => {
                    let lease = Lease::command();
                    let claimed = store.lead_queue().claim_due(&lease, later(store), 1, Claim::Oldest).await.expect("a claim");
                    claimed.into_iter().map(|row| row.lead.number).collect()
                }
                1 => {
                    let rows = store.leads().undelivered(99).await.expect("a read");
                    rows.into_iter().map(|row| row.lead.number).collect::<Vec<_>>()
                }
                2 => {
                    store.lead_queue().tell_saved(99, saved).await.expect("a write");
                    vec![good.number.clone()]
                }
                _ => {
                    store.open_alerts().copy_to_admin(ChatRef::telegram(1), 5, 99, copies).await.expect("a write");
                    vec![good.number.clone()]
                }
            };
            assert_eq!(numbers, std::slice::from_ref(&good.number), "{damage}");
            assert!(store.open_alerts().has_untold().await.expect("a read"), "{damage}");
            let untold = store.open_alerts().untold_unreadable().await.expect("a read");
            assert_eq!(untold.leads.len(), 1, "{damage}: {untold:?}");
            if !damage.starts_with("number") {
                assert_eq!(untold.leads, [bad.number.as_str()], "{damage}");
            }
            let message = NewMessage { chat: ChatRef::telegram(1), notice: Notice::Accepted { number: good.number.clone() }, due_at: 0 };
            store.open_alerts().tell_of_unreadable(&untold, &message).await.expect("a write");
            assert!(store.open_alerts().untold_unreadable().await.expect("a read").leads.is_empty(), "{damage}: told once");
            assert!(!store.open_alerts().has_untold().await.expect("a read"), "{damage}");
            // It is listed, can be looked at, read again and given up.
            let listed = store.leads().unreadable(9).await.expect("a read");
            assert_eq!(listed.len(), 1, "{damage}");
            let shown = store.leads().unreadable_one(listed[0].name()).await.expect("a read").expect("it is found by its name");
            assert!(!shown.reason.contains("Иван"), "{}", shown.reason);
            let totals = store.leads().totals(0).await.expect("counts");
            assert_eq!((totals.waiting, totals.unreadable), (1, 1), "{damage}");
            assert!(store.leads().retry_unreadable(&shown).await.expect("a write"));
            store.leads().undelivered(9).await.expect("a read");
            if !damage.starts_with("state") {
                assert_eq!(store.leads().unreadable_count().await.expect("a count"), 1, "{damage}: it is read again");
            }
            store.open_alerts().untold_unreadable().await.expect("a read");
            let shown = store.leads().unreadable(9).await.expect("a read").remove(0);
            assert!(store.leads().discard_unreadable(&shown).await.expect("a write"), "{damage}");
            let untold = store.open_alerts().untold_unreadable().await.expect("a read");
            assert_eq!((store.leads().unreadable_count().await.expect("a count"), untold.leads.len()), (0, 0), "{damage}");
            break_it(opened, "DELETE FROM leads").await;
            break_it(opened, "DELETE FROM lead_steps").await;
        }
    }

    async fn a_lead_that_can_be_read_again_goes_on_after_a_start(opened: &Opened) {
        let store = &opened.store;
        let ivan = lead("Иван", 1);
        submit(store, &ivan).await;
        break_it(opened, "UPDATE leads SET state = 'of tomorrow'").await;
        assert!(store.open_alerts().has_untold().await.expect("a read"));
        assert_eq!(store.open_alerts().untold_unreadable().await.expect("a read").leads, [ivan.number.as_str()]);
        assert!(store.lead_queue().claim_due(&Lease::command(), later(store), 9, Claim::Oldest).await.expect("a claim").is_empty());
        // A version that knows it starts.
        break_it(opened, "UPDATE leads SET state = 'waiting'").await;
        store.begin_term().await.expect("a term");
        assert_eq!(store.lead_queue().claim_due(&Lease::command(), later(store), 9, Claim::Oldest).await.expect("a claim").len(), 1);
    }

    async fn a_damaged_message_is_kept_and_the_next_one_goes(opened: &Opened) {
        let store = &opened.store;
        let mut damages = vec!["body = 'not json'", "body = '{\"of_tomorrow\":1}'"];
        if opened.store.engine() == Engine::Sqlite {
            damages.extend(["body = x'ff'", "body = CAST(x'ff' AS TEXT)", "chat_id = 'x'", "id = x'01'"]);
        }
        for damage in damages {
            let number = LeadNumber::random();
            let message = NewMessage { chat: ChatRef::telegram(42), notice: Notice::Saved { number: number.clone() }, due_at: 0 };
            let first = store.outbox().enqueue(&message).await.expect("a write");
            let second = store.outbox().enqueue(&message).await.expect("a write");
            store.outbox().enqueue(&NewMessage { chat: ChatRef::telegram(43), ..message.clone() }).await.expect("a write");
            break_it(opened, &format!("UPDATE messages SET {damage} WHERE id = '{first}'")).await;
            let mut due = store.outbox().due(9).await.expect("a read");
            if due.len() == 1 {
                due = store.outbox().due(9).await.expect("a read");
            }
            assert!(due.len() == 2 && due.iter().any(|owed| owed.id == second), "{damage}: {due:?}");
            let has_untold = store.open_alerts().has_untold().await.expect("a read");
            let untold = store.open_alerts().untold_unreadable().await.expect("a read");
            // A blob comes after every text.
            if !damage.starts_with("id") {
                assert!(has_untold, "{damage}");
                assert_eq!(untold.chats, [if damage.starts_with("chat") { "x" } else { "42" }], "{damage}");
            }
            assert_eq!(store.outbox().count().await.expect("a count"), 3, "{damage}: it is kept");
            break_it(opened, "DELETE FROM messages").await;
        }
    }
}

#[tokio::test]
async fn what_is_only_remembered_of_a_lead_may_be_damaged() {
    for damage in HARMLESS {
        let opened = Opened::sqlite().await;
        let store = &opened.store;
        let (ivan, anna) = (lead("Иван", 1), lead("Анна", 0));
        submit(store, &ivan).await;
        submit(store, &anna).await;
        break_it(&opened, &format!("UPDATE leads SET {damage} WHERE number = '{}'", ivan.number)).await;
        let claimed =
            store.lead_queue().claim_due(&Lease::command(), later(store), 9, Claim::Oldest).await.expect("a claim");
        assert_eq!(claimed.len(), 2, "{damage}");
        let row = claimed.iter().find(|row| row.lead.id == ivan.id).expect("it");
        assert_eq!(row.stage, Stage::Queued, "{damage}");
        store.leads().totals(0).await.unwrap_or_else(|error| panic!("{damage}: {error}"));
        store.lead_queue().next_due().await.unwrap_or_else(|error| panic!("{damage}: {error}"));
        assert_eq!(
            store
                .lead_queue()
                .record_delivered(&[completed(&ivan), completed(&anna)], delivered)
                .await
                .expect("a write"),
            2,
            "{damage}"
        );
        store.leads().delivered_late(0).await.unwrap_or_else(|error| panic!("{damage}: {error}"));
        break_it(&opened, "UPDATE leads SET delivered_at = 'x' WHERE rowid = 1").await;
        assert!(store.leads().totals(0).await.expect("counts").last_delivery_at.is_some());
    }
}

#[tokio::test]
async fn a_person_is_found_and_forgotten_in_damaged_rows_too() {
    use amocrm_lead_bot::store::{Forgetting, Whom};
    let half = "CAST(substr(CAST(body AS BLOB), 1, instr(body, '\"budget\"')) AS TEXT)";
    for damage in [
        format!("body = {half}"),
        format!("body = CAST({half} AS BLOB)"),
        "body = CAST(CAST(body AS BLOB) || x'ff' AS TEXT)".into(),
        "state = 'paused'".into(),
        "number = CAST(x'ff' AS TEXT)".into(),
        "id = CAST(id AS BLOB) || x'ff'".into(),
        "user_id = 'x', body = body || '}'".into(),
        "contact_id = 'x', due_at = x'00', body = body || 'x'".into(),
    ] {
        for whom in [Whom::Phone("+79991234567".into()), Whom::User(42)] {
            let opened = Opened::sqlite().await;
            let store = &opened.store;
            let (ivan, mut anna) = (lead("Иван", 1), lead("Анна", 0));
            anna.phone = Phone::imported("+7 999 000-00-01", Region::default());
            anna.buyer.user_id = 4242;
            submit(store, &ivan).await;
            submit(store, &anna).await;
            break_it(&opened, &format!("UPDATE leads SET {damage} WHERE number = '{}'", ivan.number)).await;
            store.leads().undelivered(9).await.expect("a read");
            store.open_alerts().untold_unreadable().await.expect("a read");
            let person = store.personal_data().of(&whom).await.unwrap_or_else(|error| panic!("{damage}: {error}"));
            assert_eq!(person.undelivered().count(), 1, "{damage}, {whom:?}: {person:?}");
            let outcome =
                store.personal_data().forget(&whom, true).await.unwrap_or_else(|error| panic!("{damage}: {error}"));
            assert!(matches!(outcome, Forgetting::Done(_)), "{damage}: {outcome:?}");
            assert!(store.personal_data().of(&whom).await.expect("a read").leads.is_empty(), "{damage}");
            assert_eq!(store.leads().unreadable_count().await.expect("a count"), 0, "{damage}");
            let left = store.leads().undelivered(9).await.expect("a read");
            assert_eq!(left.iter().map(|row| row.lead.id).collect::<Vec<_>>(), [anna.id], "{damage}");
            store.personal_data().scrub().await.expect("a scrub");
            store.close().await;
            let file = opened.folder.path().join(amocrm_lead_bot::store::SQLITE_FILE);
            let text = String::from_utf8_lossy(&std::fs::read(file).expect("the file")).into_owned();
            assert!(!text.contains("Иван") && !text.contains("79991234567"), "{damage}: something is left");
        }
    }
}

#[tokio::test]
async fn whatever_is_damaged_of_a_step_it_may_have_been_sent() {
    for step in Step::ALL {
        for damage in [
            "sent_at = 'x'",
            "sent_at = x'ff'",
            "sent_at = NULL",
            "lookups = x'01'",
            "lookups_needed = 'x'",
            "remote_id = 'x'",
        ] {
            let opened = Opened::sqlite().await;
            let (store, queue) = (&opened.store, opened.store.lead_queue());
            let ivan = lead("Иван", 1);
            submit(store, &ivan).await;
            for done in Step::ALL.into_iter().take_while(|done| *done != step) {
                let created = Created { id: ivan.id, crm_lead_id: 7, contact_id: None, phone: String::new() };
                match done {
                    Step::Lead => queue.record_created(&[created]).await,
                    later => queue.record_step_done(later, &[(ivan.id, None)]).await,
                }
                .expect("a write");
            }
            let lease = Lease::command();
            let claim = || queue.claim_due(&lease, later(store), 9, Claim::Oldest);
            claim().await.expect("a claim");
            let ids = [ivan.id];
            let intend = || queue.record_intent(&lease, step, &ids, later(store), Intent::First);
            assert_eq!(intend().await.expect("a write"), [ivan.id]);
            break_it(&opened, &format!("UPDATE lead_steps SET {damage} WHERE step = '{}'", step.as_str())).await;
            assert!(intend().await.expect("a write").is_empty(), "{damage}");
            store.lead_queue().release_lease(&lease).await.expect("a write");
            let row = claim().await.expect("a claim").remove(0);
            let Stage::Uncertain(attempt) = row.stage else { panic!("{damage}: {:?}", row.stage) };
            assert_eq!((attempt.step, attempt.lookups), (step, 0), "{damage}");
            store.leads().totals(0).await.unwrap_or_else(|error| panic!("{damage}: {error}"));
            // It is as uncertain in a copy, and what is recorded heals it.
            let copy = Store::open_file(&opened.folder.path().join("copy"), Clock::default()).await.expect("a copy");
            store.copy_to(&copy).await.unwrap_or_else(|error| panic!("{damage}: {error}"));
            assert!(
                matches!(row_of(&copy, &ivan).await.stage, Stage::Uncertain(copied) if copied.step == step),
                "{damage}"
            );
            let missed = StepOutcome::Missed { lookups: 1, needed: 3, due_at: 0 };
            store.lead_queue().record_outcome(&lease, step, &[ivan.id], &missed).await.expect("a write");
            let attempt = row_of(store, &ivan).await.steps.attempt(step).expect("an attempt");
            assert_eq!((attempt.lookups, attempt.lookups_needed), (1, 3), "{damage}");
        }
    }
}
