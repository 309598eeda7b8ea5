//! Damaged rows are copied as they are; what the other engine cannot hold is named.

use super::*;

/// Everything that is copied of a lead, cell by cell.
async fn cells(store: &std::path::Path, id: &str) -> Option<String> {
    let mut file = SqliteConnection::connect(&format!("sqlite://{}", store.display())).await.expect("the file");
    let columns = ["id", "number", "state", "body", "attempts", "last_error", "user_id", "unreadable"];
    let list = columns.map(|name| format!("typeof({name}) || '=' || hex({name})")).join(" || ' ' || ");
    let sql = format!("SELECT {list} FROM leads WHERE hex(id) = hex({id})");
    sqlx::query_scalar::<_, String>(AssertSqlSafe(sql)).fetch_optional(&mut file).await.expect("a read")
}

#[tokio::test]
async fn damaged_rows_are_copied_as_they_are_and_hold_no_copy_up() {
    for damage in ON_BOTH.iter().chain(ON_SQLITE).chain(HARMLESS) {
        let opened = Opened::sqlite().await;
        let store = &opened.store;
        let (ivan, anna) = (lead("Иван", 1), lead("Анна", 0));
        submit(store, &ivan).await;
        submit(store, &anna).await;
        store.marks().set(&Mark::Retry, "1").await.expect("a write");
        break_it(&opened, &damaging(&ivan, damage)).await;
        break_it(&opened, "UPDATE marks SET value = CAST(x'ff' AS TEXT)").await;
        break_it(&opened, "UPDATE dialogues SET draft = x'00ff', update_at = 'soon'").await;
        store.leads().undelivered(9).await.expect("a read");
        let file = opened.folder.path().join("copy.sqlite");
        let copy = Store::open_file(&file, Clock::default()).await.expect("a store");
        for _ in 0..2 {
            let report = store.copy_to(&copy).await.unwrap_or_else(|error| panic!("{damage}: {error}"));
            let leads = report.iter().find(|table| table.table == "leads").expect("leads");
            assert_eq!((leads.source, leads.present, leads.target), (2, 2, 2), "{damage}");
            assert!(report.iter().all(|table| table.left_behind.is_empty()), "{damage}: {report:?}");
        }
        let id = if damage.starts_with("id") { "x'ff01'".into() } else { format!("'{}'", ivan.id) };
        let there = opened.folder.path().join(amocrm_lead_bot::store::SQLITE_FILE);
        let (was, is) = (cells(&there, &id).await, cells(&file, &id).await);
        assert!(was.is_some() && was == is, "{damage}\n{was:?}\n{is:?}");
        // What is unreadable there is so here.
        let counts = (
            store.leads().unreadable_count().await.expect("a count"),
            copy.leads().unreadable_count().await.expect("a count"),
        );
        assert_eq!(counts.0, counts.1, "{damage}");
    }
}

#[tokio::test]
async fn what_postgresql_cannot_hold_is_named_and_the_rest_is_copied() {
    let Some(target) = Opened::postgres().await else { return };
    let opened = Opened::sqlite().await;
    let store = &opened.store;
    let (bad, forgetful, good) = (lead("Иван", 2), lead("Пётр", 1), lead("Анна", 0));
    for lead in [&bad, &forgetful, &good] {
        submit(store, lead).await;
    }
    break_it(&opened, &format!("UPDATE leads SET body = CAST(x'7bff7d' AS TEXT) WHERE number = '{}'", bad.number))
        .await;
    let harmless = "attempts = 'x', due_at = x'01', last_error = CAST(x'ff' AS TEXT)";
    break_it(&opened, &format!("UPDATE leads SET {harmless} WHERE number = '{}'", forgetful.number)).await;
    let report = store.copy_to(&target.store).await.expect("a copy");
    let leads = report.iter().find(|table| table.table == "leads").expect("leads");
    assert_eq!((leads.source, leads.present, leads.damaged, leads.target), (3, 2, 1, 2));
    assert_eq!(leads.left_behind, [format!("#{}", bad.number)]);
    let rows = target.store.leads().undelivered(9).await.expect("a read");
    let row = rows.iter().find(|row| row.lead.id == forgetful.id).expect("it");
    assert!(rows.len() == 2 && format!("{:?}", row.stage).contains("Uncertain"), "it is looked up first: {row:?}");
}
