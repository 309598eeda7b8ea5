use std::time::Duration;

use sqlx::Row;

use crate::{
    clock::Clock,
    store::{Store, StoreError},
};

use super::*;

/// A store on a disk whose writer is held until the transaction is dropped.
async fn held() -> (tempfile::TempDir, Store, WriteTransaction) {
    let folder = tempfile::tempdir().expect("a folder");
    let store = Store::open_file(&folder.path().join("store.sqlite"), Clock::default()).await.expect("a store");
    let transaction = store.begin().await.expect("a transaction");
    (folder, store, transaction)
}

/// How a write ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    Well,
    Refused,
    Wrong,
    Panic,
}

async fn mark(store: &Store, name: &'static str, end: End) -> Result<End, StoreError> {
    store
        .write((name, end), |(name, end), connection| {
            Box::pin(async move {
                sqlx::query("INSERT INTO marks (name, value, written_at) VALUES ($1, '', 0)")
                    .bind(*name)
                    .execute(&mut *connection)
                    .await?;
                match end {
                    End::Well => Ok(End::Well),
                    End::Refused => Err(Undone::Answer(End::Refused)),
                    End::Wrong => {
                        sqlx::query("INSERT INTO marks (name) VALUES (NULL)").execute(connection).await?;
                        Ok(End::Well)
                    }
                    End::Panic => panic!("a test asked for it"),
                }
            })
        })
        .await
}

/// Every task that is ready has run.
async fn submitted() {
    for _ in 0..200 {
        tokio::task::yield_now().await;
    }
}

/// Names of the marks, without the letter that they begin with.
async fn names(store: &Store) -> Vec<String> {
    let rows =
        sqlx::query("SELECT SUBSTR(name, 2) FROM marks ORDER BY name").fetch_all(&store.pool).await.expect("marks");
    rows.iter().map(|row| row.get(0)).collect()
}

#[tokio::test]
async fn what_waits_together_is_one_transaction() {
    let (folder, store, transaction) = held().await;
    let all = ["ma", "mb", "mc", "md", "me", "mf", "mg", "mh", "mi", "mj", "mk", "ml", "mm", "mn", "mo", "mp"];
    let writes = all.map(|name| {
        let store = store.clone();
        tokio::spawn(async move { mark(&store, name, End::Well).await })
    });
    submitted().await;
    assert!(store.connections_at_work() > 0);
    let log = || std::fs::metadata(folder.path().join("store.sqlite-wal")).expect("a log").len();
    let before = log();
    drop(transaction);
    for write in writes {
        write.await.expect("no panic").expect("a commit");
    }
    assert_eq!(all.len(), names(&store).await.len());
    // Each commit writes at least the table's page and its index's: two commits, and not sixteen.
    let pages = (log() - before) / u64::from(crate::store::engine::PAGE);
    assert!((2..=8).contains(&pages), "{pages} pages");
}

#[tokio::test]
async fn nobody_is_harmed_by_another_ones_end() {
    for end in [End::Refused, End::Wrong, End::Panic] {
        let (_folder, store, transaction) = held().await;
        let writes = ["m0", "m1", "m2", "m3"].map(|name| {
            let store = store.clone();
            tokio::spawn(async move { mark(&store, name, if name == "m2" { end } else { End::Well }).await })
        });
        submitted().await;
        drop(transaction);
        for (at, write) in writes.into_iter().enumerate() {
            let answer = write.await.expect("no panic");
            match (at, end) {
                (2, End::Refused) => assert_eq!(answer.expect("an answer"), End::Refused),
                (2, End::Wrong) => assert!(matches!(answer, Err(StoreError::Refused(_))), "{answer:?}"),
                (2, _) => assert!(matches!(answer, Err(StoreError::Unreadable(_))), "{answer:?}"),
                _ => assert_eq!(answer.expect("a commit"), End::Well),
            }
        }
        assert_eq!(names(&store).await, ["0", "1", "3"], "{end:?}");
        // And alone.
        assert_eq!(mark(&store, "m4", end).await.ok(), (end == End::Refused).then_some(end));
        mark(&store, "m5", End::Well).await.expect("it goes on");
        assert_eq!(names(&store).await, ["0", "1", "3", "5"]);
    }
}

#[tokio::test]
async fn what_is_written_in_passing_goes_with_the_next_commit_or_by_itself() {
    let (_folder, store, transaction) = held().await;
    drop(transaction);
    let in_passing = |name: &'static str| {
        store.write_when(Urgency::InPassing, name, |name, connection| {
            Box::pin(async move {
                sqlx::query("INSERT INTO marks (name, value, written_at) VALUES ($1, '', 0)")
                    .bind(*name)
                    .execute(connection)
                    .await?;
                Ok(())
            })
        })
    };
    let mut along = Box::pin(in_passing("m1"));
    assert!((&mut along).now_or_never().is_none());
    {
        let queue = store.pool.1.queue();
        assert_eq!((queue.is_served, queue.in_passing.len()), (false, 1), "it begins no commit");
    }
    mark(&store, "m2", End::Well).await.expect("a commit");
    along.now_or_never().expect("it was in that commit").expect("a commit");
    assert_eq!(names(&store).await, ["1", "2"]);
    // Nobody else writes, and nobody waits for it.
    assert!(in_passing("m3").now_or_never().is_none());
    in_passing("m4").await.expect("a commit");
    assert_eq!(names(&store).await, ["1", "2", "3", "4"]);
}

#[tokio::test]
async fn whoever_does_not_wait_loses_and_doubles_nothing() {
    let (_folder, store, transaction) = held().await;
    for name in ["m1", "m2"] {
        let store = store.clone();
        let cut_off = tokio::time::timeout(Duration::from_millis(20), mark(&store, name, End::Well)).await;
        assert!(cut_off.is_err());
    }
    let last = tokio::spawn({
        let store = store.clone();
        async move { mark(&store, "m3", End::Well).await }
    });
    tokio::time::sleep(Duration::from_millis(20)).await;
    drop(transaction);
    last.await.expect("no panic").expect("a commit");
    assert_eq!(names(&store).await, ["1", "2", "3"]);
    while store.connections_at_work() > 0 {
        tokio::task::yield_now().await;
    }
}
