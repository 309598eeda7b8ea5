//! Stores of earlier versions, the engine inside, and what it does not take.

use amocrm_lead_bot::{
    clock::date,
    store::{SQLITE_FILE, StepAttempt, StoreError},
};
use sqlx::{AnyConnection, Connection, Executor, Row, SqliteConnection};

use super::*;

/// What version 0.1.0 kept of its first migration: a store in which this differs would not be opened.
const CHECKSUM: &str =
    "79b36e39743421420df09792956f026821d1ce52fe39c2dd7b53db861638565ecf8f6c505c648b4283409e29a0e1abef";

/// What version 0.1.0 wrote: a lead that waits, a form that is open, a message that is owed.
const WRITTEN: &str = r#"
INSERT INTO leads (id, number, state, body, user_id, submitted_at, due_at) VALUES ('01JD0000000000000000000001',
 'K7M2QXA', 'waiting', '{"id":"01JD0000000000000000000001","number":"K7M2QXA","submitted_at":"2026-07-01T10:00:00Z",
 "name":"Иван Петров","phone":{"e164":"+79991234567","typed":"8 999 123-45-67","origin":"typed"},
 "budget":{"typed":"2 млн","price":2000000},"car_link":null,"buyer":{"user_id":42,"chat_id":42,"username":null,
 "full_name":null},"consent_at":null,"origin":"telegram"}', 42, 1782900000000, 1782900000000);
INSERT INTO dialogues (chat_id, step, draft, update_id, update_at) VALUES (42, 'phone', '{"draft":{"name":"Анна"}}', 7, 5);
INSERT INTO messages (id, chat_id, body, created_at, due_at) VALUES ('01JD0000000000000000000002', 42, '{}', 1, 1);
INSERT INTO tokens (id, access_token, refresh_token, written_at) VALUES (1, 'access', 'refresh', 1);
"#;

#[tokio::test]
async fn a_store_written_by_the_first_version_opens() {
    let folder = testkit::folder();
    let url = format!("sqlite://{}?mode=rwc", folder.path().join(SQLITE_FILE).display());
    let mut old = SqliteConnection::connect(&url).await.expect("a file");
    old.execute(include_str!("../../../migrations/0001_initial.sql")).await.expect("the tables");
    old.execute(
        "CREATE TABLE _sqlx_migrations (version BIGINT PRIMARY KEY, description TEXT NOT NULL, installed_on TIMESTAMP \
         NOT NULL DEFAULT CURRENT_TIMESTAMP, success BOOLEAN NOT NULL, checksum BLOB NOT NULL, execution_time BIGINT \
         NOT NULL)",
    )
    .await
    .expect("the table of migrations");
    let mark = format!(
        "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time) \
         VALUES (1, 'initial', TRUE, X'{CHECKSUM}', 1)"
    );
    old.execute(sqlx::AssertSqlSafe(mark)).await.expect("a mark");
    old.execute(WRITTEN).await.expect("what it wrote");
    old.close().await.expect("a file");
    for _ in 0..2 {
        let store = Store::open(None, folder.path(), Clock::default()).await.expect("a store of today");
        let number = LeadNumber::parse("K7M2QXA").expect("a number");
        let row = store.leads().by_number(&number).await.expect("a read").expect("the lead");
        assert_eq!((row.stage, row.lead.phone.e164()), (Stage::Queued, "+79991234567"));
        assert_eq!(
            store.dialogues().of_chat(ChatRef::telegram(42)).await.expect("a read").expect("a dialogue").step,
            "phone"
        );
        assert_eq!(store.outbox().count().await.expect("a count"), 1);
        assert_eq!(store.tokens().get().await.expect("a read").refresh.as_deref(), Some("refresh"));
        store.close().await;
    }
}

#[tokio::test]
async fn sqlite_is_one_without_the_fault_in_its_log() {
    // 3.51.3 mends a race of checkpoints in WAL mode that could damage the file (sqlite.org, "The WAL-reset bug").
    let mut connection = SqliteConnection::connect("sqlite::memory:").await.expect("a connection");
    let row = connection.fetch_one("SELECT sqlite_version()").await.expect("a version");
    let version: String = row.get(0);
    let version: Vec<u32> = version.split('.').map(|part| part.parse().expect("a number")).collect();
    assert!(version >= vec![3, 51, 3], "{version:?}");
}

#[tokio::test]
async fn what_is_refused_for_its_content_is_told_apart_and_without_it() {
    let opened = Opened::sqlite().await;
    let url = format!("sqlite://{}", opened.folder.path().join(SQLITE_FILE).display());
    let mut other = SqliteConnection::connect(&url).await.expect("the file");
    other
        .execute(
            "CREATE TRIGGER picky BEFORE INSERT ON marks WHEN NEW.name LIKE '%Иван%' \
             BEGIN SELECT RAISE(ABORT, 'no Иван'); END",
        )
        .await
        .expect("a trigger");
    let mut stores = vec![(opened, "Иван")];
    if let Some(opened) = Opened::postgres().await {
        stores.push((opened, "Иван\0"));
    }
    for (opened, name) in stores {
        let refused = opened.store.marks().set(&Mark::FirstPress(name.into()), "").await.expect_err("a refusal");
        assert!(matches!(refused, StoreError::Refused(_)), "{refused:?}");
        assert!(!format!("{refused} {refused:?}").contains("Иван"), "{refused}");
        opened.store.marks().set(&Mark::FirstPress("Пётр".into()), "").await.expect("the store goes on");
    }
}

/// The migrations a version had, by their first numbers.
const VERSIONS: &[&[&str]] = &[&["0001"], &["0001", "0007", "0010"]];

/// When it was sent, look-ups until now, look-ups needed.
type Attempted = Option<(i64, i64, i64)>;

/// A lead as the columns of earlier versions held it, and where it stands. What is not named is as a new lead has it.
const BEFORE: &[(&str, Stage, [Attempted; 2], Option<i64>)] = &[
    ("attempts = 0", Stage::Queued, [None, None], None),
    ("attempts = 3, last_error = 'amoCRM is down', solo = 1", Stage::Queued, [None, None], None),
    // Killed while the create was out; its answer was lost; looked up once.
    ("sent_at = 70", attempt(Step::Lead, 70, 0, 0), [Some((70, 0, 0)), None], None),
    ("sent_at = 70, lookups = 1, lookups_needed = 3", attempt(Step::Lead, 70, 1, 3), [Some((70, 1, 3)), None], None),
    // From a file or from a copy: somebody else may have delivered it.
    (
        "sent_at = 70, note_sent_at = 70, lookups_needed = 1, buyer_told = 1",
        attempt(Step::Lead, 70, 0, 1),
        [Some((70, 0, 1)), Some((70, 0, 1))],
        None,
    ),
    (
        "sent_at = 70, note_sent_at = 70, lookups = 2, lookups_needed = 3",
        attempt(Step::Lead, 70, 2, 3),
        [Some((70, 2, 3)), Some((70, 0, 1))],
        None,
    ),
    ("crm_lead_id = 900, contact_id = 5", Stage::Ready(Step::Note), [None, None], Some(900)),
    ("crm_lead_id = 900, note_sent_at = 80", attempt(Step::Note, 80, 0, 0), [None, Some((80, 0, 0))], Some(900)),
    // Its answer was lost; or it was merged, and one look tells.
    (
        "crm_lead_id = 900, note_sent_at = 80, lookups = 1, lookups_needed = 2",
        attempt(Step::Note, 80, 1, 2),
        [None, Some((80, 1, 2))],
        Some(900),
    ),
    ("state = 'delivered', crm_lead_id = 900, delivered_at = 90", Stage::Delivered, [None, None], Some(900)),
    ("state = 'rejected', attempts = 1", Stage::Rejected, [None, None], None),
    // Its note was refused; a copy of a rejected lead.
    ("state = 'rejected', crm_lead_id = 900, note_sent_at = 80", Stage::Rejected, [None, Some((80, 0, 0))], Some(900)),
    (
        "state = 'rejected', sent_at = 70, note_sent_at = 70, lookups_needed = 1",
        Stage::Rejected,
        [Some((70, 0, 1)), Some((70, 0, 1))],
        None,
    ),
    ("state = 'discarded', sent_at = 70, lookups_needed = 2", Stage::Discarded, [Some((70, 0, 2)), None], None),
];

/// The same of cells that hold what they should not; only SQLite takes it. `None`: unreadable, and kept.
const DAMAGED: &[(&str, Option<Stage>)] = &[
    ("sent_at = 'x'", Some(attempt(Step::Lead, SUBMITTED, 0, 0))),
    ("sent_at = x'ff', lookups = 'x'", Some(attempt(Step::Lead, SUBMITTED, 0, 0))),
    ("sent_at = CAST(x'ff' AS TEXT)", Some(attempt(Step::Lead, SUBMITTED, 0, 0))),
    ("crm_lead_id = 900, note_sent_at = 'x'", Some(attempt(Step::Note, SUBMITTED, 0, 0))),
    ("crm_lead_id = 'abc'", None),
    ("crm_lead_id = x'01', sent_at = 5", None),
    ("state = 'paused', sent_at = 5", None),
];

const SUBMITTED: i64 = 1_782_900_000_000;

const fn attempt(step: Step, sent_at: i64, lookups: i64, lookups_needed: i64) -> Stage {
    Stage::Uncertain(StepAttempt { step, sent_at, lookups, lookups_needed })
}

/// The tables of an earlier version, at this address.
pub(super) async fn tables_of(url: &str, migrations: &[&str]) {
    sqlx::any::install_default_drivers();
    let folder = testkit::folder();
    let all = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("migrations");
    for file in std::fs::read_dir(all).expect("migrations").flatten() {
        let name = file.file_name().into_string().expect("a name");
        if migrations.iter().any(|number| name.starts_with(number)) {
            std::fs::copy(file.path(), folder.path().join(name)).expect("a file");
        }
    }
    let mut old = AnyConnection::connect(url).await.expect("a store");
    let migrator = sqlx::migrate::Migrator::new(folder.path()).await.expect("migrations");
    migrator.run(&mut old).await.expect("the tables");
    old.close().await.expect("a store");
}

/// A lead that an earlier version has written, changed like this.
async fn write_as_before(url: &str, lead: &Lead, change: &str) {
    let mut old = AnyConnection::connect(url).await.expect("a store");
    sqlx::query("INSERT INTO leads (id, number, state, body, user_id, submitted_at, due_at) VALUES ($1, $2, 'waiting', $3, 42, $4, 5)")
        .bind(lead.id.to_string())
        .bind(lead.number.as_str())
        .bind(serde_json::to_string(lead).expect("a document"))
        .bind(SUBMITTED)
        .execute(&mut old)
        .await
        .expect("a write");
    let change = format!("UPDATE leads SET {change} WHERE number = '{}'", lead.number);
    old.execute(sqlx::AssertSqlSafe(change)).await.expect("a write");
    old.close().await.expect("a store");
}

#[tokio::test]
async fn a_lead_of_an_earlier_version_stands_where_it_stood_whatever_its_state() {
    for migrations in VERSIONS {
        let folder = testkit::folder();
        let mut urls = vec![format!("sqlite://{}?mode=rwc", folder.path().join(SQLITE_FILE).display())];
        urls.extend(tokio::task::spawn_blocking(testkit::postgres::shared_database).await.expect("a database"));
        for url in urls {
            let is_sqlite = url.starts_with("sqlite");
            tables_of(&url, migrations).await;
            let old_lead = || Lead { submitted_at: date(SUBMITTED), ..lead("Иван", 0) };
            let leads: Vec<Lead> = BEFORE.iter().map(|_| old_lead()).collect();
            for (lead, (change, ..)) in leads.iter().zip(BEFORE) {
                write_as_before(&url, lead, change).await;
            }
            let damaged: Vec<Lead> = DAMAGED.iter().filter(|_| is_sqlite).map(|_| old_lead()).collect();
            for (lead, (change, _)) in damaged.iter().zip(DAMAGED) {
                write_as_before(&url, lead, change).await;
            }
            let store = Store::open_url(&url, Clock::default()).await.expect("a store of today");
            for (lead, (change, stage, attempts, crm_lead_id)) in leads.iter().zip(BEFORE) {
                let row = row_of(&store, lead).await;
                assert_eq!((row.stage, row.crm_lead_id()), (*stage, *crm_lead_id), "{change}");
                assert_eq!(attempts.len(), Step::ALL.len());
                for (step, expected) in Step::ALL.into_iter().zip(attempts) {
                    let attempt = row.steps.attempt(step).map(|one| (one.sent_at, one.lookups, one.lookups_needed));
                    assert_eq!(attempt, *expected, "{change}: {step:?}");
                }
            }
            for (lead, (change, expected)) in damaged.iter().zip(DAMAGED) {
                let row = store.leads().by_number(&lead.number).await.expect("a read");
                assert_eq!(row.map(|row| row.stage), *expected, "{change}");
            }
            // Sent again by the admin they are looked up, as they were.
            store.leads().retry_now(None).await.expect("a write");
            let uncertain = store.leads().totals(0).await.expect("counts").uncertain;
            let lease = Lease::command();
            let claimed =
                store.lead_queue().claim_due(&lease, later(&store), 99, Claim::Uncertain).await.expect("a claim");
            assert_eq!(claimed.len() as i64, uncertain);
            let ids: Vec<Ulid> = claimed.iter().map(|row| row.lead.id).collect();
            let allowed =
                store.lead_queue().record_intent(&lease, Step::Lead, &ids, later(&store), Intent::First).await;
            assert!(allowed.expect("an answer").is_empty(), "what may be there is not sent");
            store.close().await;
        }
    }
}
