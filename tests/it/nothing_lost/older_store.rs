//! A store of an earlier version, taken in the middle of an outage with a lead in every state: whatever that version had
//! sent is found, whatever it had not is sent, and nothing is doubled.

use std::{path::Path, time::Duration};

use amocrm_lead_bot::{
    clock::date,
    lead::Lead,
    store::{SQLITE_FILE, Stage},
};
use sqlx::{Connection, Executor, SqliteConnection};

use crate::nothing_lost::{
    leads::{lead, rest},
    virtual_time::{Ground, Life, in_virtual_time},
};

/// What amoCRM has got of a lead.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum There {
    Nothing,
    Lead,
    LeadAndNote,
}

/// A lead as the columns of earlier versions held it, and what amoCRM has of it; `ID` is amoCRM's id.
const LEADS: &[(&str, There)] = &[
    ("attempts = 0", There::Nothing),
    ("attempts = 2, solo = 1, last_error = '502'", There::Nothing),
    ("sent_at = submitted_at", There::Nothing),
    ("sent_at = submitted_at", There::Lead),
    ("sent_at = submitted_at, lookups = 1, lookups_needed = 3, attempts = 1", There::Nothing),
    ("sent_at = submitted_at, lookups = 2, lookups_needed = 3, attempts = 1", There::Lead),
    ("sent_at = submitted_at, note_sent_at = submitted_at, lookups_needed = 1", There::Nothing),
    ("sent_at = submitted_at, note_sent_at = submitted_at, lookups_needed = 1", There::Lead),
    ("sent_at = submitted_at, note_sent_at = submitted_at, lookups_needed = 1", There::LeadAndNote),
    ("crm_lead_id = ID", There::Lead),
    ("crm_lead_id = ID, note_sent_at = submitted_at", There::Lead),
    ("crm_lead_id = ID, note_sent_at = submitted_at", There::LeadAndNote),
    ("crm_lead_id = ID, note_sent_at = submitted_at, lookups = 1, lookups_needed = 2", There::LeadAndNote),
    ("crm_lead_id = ID, note_sent_at = submitted_at, lookups = 1, lookups_needed = 2", There::Lead),
    ("state = 'delivered', crm_lead_id = ID, delivered_at = submitted_at", There::LeadAndNote),
    ("state = 'rejected', attempts = 1", There::Nothing),
    ("state = 'rejected', crm_lead_id = ID, note_sent_at = submitted_at", There::LeadAndNote),
    ("sent_at = 'x'", There::Lead),
    ("sent_at = x'ff'", There::Nothing),
    ("crm_lead_id = ID, note_sent_at = 'x'", There::LeadAndNote),
];

/// Writes the store as the version with these migrations has left it.
async fn write(ground: &Ground, migrations: &[&str]) -> Vec<Lead> {
    let only = testkit::folder();
    for file in std::fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("migrations")).expect("files").flatten() {
        let name = file.file_name().into_string().expect("a name");
        if migrations.iter().any(|number| name.starts_with(number)) {
            std::fs::copy(file.path(), only.path().join(name)).expect("a file");
        }
    }
    let file = ground.folder.path().join(SQLITE_FILE);
    let mut store = SqliteConnection::connect(&format!("sqlite://{}?mode=rwc", file.display())).await.expect("a file");
    sqlx::migrate::Migrator::new(only.path()).await.expect("migrations").run(&mut store).await.expect("the tables");
    let buyer = ground.telegram.user("Иван").known().id;
    let mut leads = Vec::new();
    for (at, (columns, there)) in LEADS.iter().enumerate() {
        let submitted_at = date(ground.clock.now() - 3_600_000);
        let lead = Lead { submitted_at, ..lead(ground.clock, buyer, &format!("+7999{at:07}")) };
        let mut crm_lead_id = 0;
        if *there != There::Nothing {
            crm_lead_id = ground.amocrm.add_lead(&format!("Заявка от Иван #{}", lead.number));
        }
        if *there == There::LeadAndNote {
            let phone = lead.phone.e164();
            ground.amocrm.add_note(crm_lead_id, &format!("Заявка #{}\nИмя: Иван\nТелефон: {phone}", lead.number));
        }
        sqlx::query("INSERT INTO leads (id, number, state, body, user_id, submitted_at, due_at) VALUES (?, ?, 'waiting', ?, ?, ?, 5)")
            .bind(lead.id.to_string())
            .bind(lead.number.as_str())
            .bind(serde_json::to_string(&lead).expect("a document"))
            .bind(buyer)
            .bind(submitted_at.timestamp_millis())
            .execute(&mut store)
            .await
            .expect("a write");
        let columns = columns.replace("ID", &crm_lead_id.to_string());
        let sql = format!("UPDATE leads SET {columns} WHERE number = '{}'", lead.number);
        store.execute(sqlx::AssertSqlSafe(sql)).await.expect("a write");
        leads.push(lead);
    }
    store.close().await.expect("a file");
    leads
}

#[test]
fn a_store_of_an_earlier_version_in_an_outage_loses_and_doubles_nothing() {
    for migrations in [&["0001"][..], &["0001", "0007", "0010"]] {
        in_virtual_time(async {
            let ground = Ground::new().await;
            let leads = write(&ground, migrations).await;
            ground.amocrm.goes_down();
            let life = Life::begin(&ground).await;
            tokio::time::sleep(Duration::from_secs(30)).await;
            life.kill();
            let life = Life::begin(&ground).await;
            ground.amocrm.comes_back();
            // The admin sends again what that version had called refused.
            life.store.leads().retry_now(None).await.expect("a write");
            rest(&ground, &life.store, &leads).await.expect("all delivered");
            let stored = ground.amocrm.leads();
            for (lead, (columns, there)) in leads.iter().zip(LEADS) {
                let number = format!("#{}", lead.number);
                let ours: Vec<_> = stored.iter().filter(|stored| stored.name.contains(&number)).collect();
                assert_eq!(ours.len(), 1, "{columns} {there:?}: {ours:#?}\n{}", ground.amocrm.story());
                assert_eq!(ours[0].notes.len(), 1, "{columns} {there:?}: {:#?}", ours[0].notes);
                let row = life.store.leads().by_number(&lead.number).await.expect("a read").expect("it is there");
                let crm_lead_id = i64::try_from(ours[0].id).ok();
                assert_eq!((row.stage, row.crm_lead_id()), (Stage::Delivered, crm_lead_id), "{columns} {there:?}");
            }
            assert_eq!(stored.len(), leads.len());
        });
    }
}
