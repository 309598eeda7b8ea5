//! Stores of earlier versions, the engine inside, and what it does not take.

use amocrm_lead_bot::{
    clock::Clock,
    lead::LeadNumber,
    store::{SQLITE_FILE, Stage, Store, StoreError},
};

use super::Opened;
use sqlx::{Connection, Executor, Row, SqliteConnection};

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
    let folder = tempfile::tempdir().expect("a folder");
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
        let row = store.lead_by_number(&number).await.expect("a read").expect("the lead");
        assert_eq!((row.stage, row.lead.phone.e164()), (Stage::Queued, "+79991234567"));
        assert_eq!(store.dialogue(42).await.expect("a read").expect("a dialogue").step, "phone");
        assert_eq!(store.messages_owed().await.expect("a count"), 1);
        assert_eq!(store.tokens().await.expect("a read").refresh.as_deref(), Some("refresh"));
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
        let refused = opened.store.set_mark(name, "").await.expect_err("a refusal");
        assert!(matches!(refused, StoreError::Refused(_)), "{refused:?}");
        assert!(!format!("{refused} {refused:?}").contains("Иван"), "{refused}");
        opened.store.set_mark("Пётр", "").await.expect("the store goes on");
    }
}
