//! Group commit: whatever is ready to be written at the same moment is one transaction.
//!
//! Properties:
//! - A write returns `Ok` only after its commit, and nothing that anybody waits for waits for company: what comes alone is
//!   committed at once, what comes meanwhile is the next batch.
//! - What nobody waits for (a message that Telegram has taken goes from the outbox) joins the next commit of others, or
//!   makes one of its own after [`IN_PASSING`]: half of all commits, and of what they write, would be for its sake.
//! - On SQLite one connection writes, so no writer ever sleeps in the engine's busy handler for another one of this
//!   process. On PostgreSQL a batch borrows a connection of the pool.
//! - Members of a batch do not harm each other: when one fails, wants to be undone or panics, the batch is rolled back
//!   and each member is written by itself.
//!
//! Races and what answers each:
//! - A caller that is cancelled while it waits: its write is done all the same or not begun, as with a commit whose
//!   answer is lost. The batch belongs to a task of its own.
//! - The connection breaks, or the commit fails: it is not known what was committed, and all of the batch are told so.
//! - PostgreSQL ends the transaction for the sake of another (40001, 40P01): each member is written by itself, as often as
//!   it takes.
//! - A panic within a member: its caller is told of a fault of the program, the others are written without it.

use std::{
    collections::VecDeque,
    ops::{Deref, DerefMut},
    panic::AssertUnwindSafe,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use futures::{FutureExt, future::BoxFuture};
use sqlx::{
    Any, AnyConnection, AnyPool, Connection, Executor, Transaction, any::AnyConnectOptions, pool::PoolConnection,
};
use tokio::sync::{OwnedMutexGuard, oneshot};

use crate::fault::point;

use super::{Database, Engine, StoreError, conflicts, faults, prepare};

/// A transaction that is longer keeps the first of its members waiting for too long.
const MOST_AT_ONCE: usize = 128;

/// What is written in passing is committed within this time, less than a message takes to Telegram and back. Not scaled,
/// as no disk's pace is.
const IN_PASSING: Duration = Duration::from_millis(50);

/// When a write is begun.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Urgency {
    /// At once.
    Now,
    /// With the next commit of others, or within moments: nobody waits for it.
    InPassing,
}

/// What stands in a transaction by itself and is not to be kept.
#[derive(Debug)]
pub(super) enum Undone<T> {
    /// This is the answer, and nothing was written.
    Answer(T),
    /// It failed.
    Failed(StoreError),
}

impl<T> From<StoreError> for Undone<T> {
    fn from(error: StoreError) -> Self {
        Self::Failed(error)
    }
}

impl<T> From<sqlx::Error> for Undone<T> {
    fn from(error: sqlx::Error) -> Self {
        Self::Failed(error.into())
    }
}

/// What became of a member's statements.
pub(super) enum Worked {
    /// They are to be committed.
    Keep,
    /// They are to be undone: the member knows its answer.
    Undo,
    /// Another transaction was in the way.
    Conflict(sqlx::Error),
    /// Another process holds the file for longer than is waited for it.
    Locked(sqlx::Error),
}

/// One write among others.
pub(super) trait Member: Send {
    /// Whether it is a single statement, which needs no transaction of its own.
    fn is_statement(&self) -> bool {
        false
    }

    /// Does its statements; may be called again after they were undone.
    fn work<'a>(&'a mut self, connection: &'a mut AnyConnection) -> BoxFuture<'a, Worked>;

    /// Tells the caller: that it is committed or undone, or why that is not known.
    fn end(self: Box<Self>, result: Result<(), sqlx::Error>);
}

/// A write of several statements.
struct Job<D, F, T> {
    data: D,
    work: F,
    result: Option<Result<T, Undone<T>>>,
    reply: oneshot::Sender<Result<T, StoreError>>,
}

impl<D, F, T> Member for Job<D, F, T>
where
    D: Send + Sync + 'static,
    F: for<'a> Fn(&'a D, &'a mut AnyConnection) -> BoxFuture<'a, Result<T, Undone<T>>> + Send + 'static,
    T: Send + 'static,
{
    fn work<'a>(&'a mut self, connection: &'a mut AnyConnection) -> BoxFuture<'a, Worked> {
        let work = (self.work)(&self.data, connection);
        let result = &mut self.result;
        Box::pin(async move {
            let done = work.await;
            match done {
                Err(Undone::Failed(StoreError::Unavailable(error))) if faults::is_conflict(&error) => {
                    Worked::Conflict(error)
                }
                done => {
                    let worked = if done.is_ok() { Worked::Keep } else { Worked::Undo };
                    *result = Some(done);
                    worked
                }
            }
        })
    }

    fn end(self: Box<Self>, result: Result<(), sqlx::Error>) {
        let answer = match (result, self.result) {
            (Err(error), _) => Err(error.into()),
            (Ok(()), Some(Ok(answer) | Err(Undone::Answer(answer)))) => Ok(answer),
            (Ok(()), Some(Err(Undone::Failed(error)))) => Err(error),
            (Ok(()), None) => return,
        };
        // Nobody waits for it any more.
        let _ = self.reply.send(answer);
    }
}

/// Where the writing connection comes from.
#[derive(Debug)]
enum Source {
    /// The one connection that writes a file; `None` until it is needed, and after a failure.
    File { options: Box<AnyConnectOptions>, connection: Arc<tokio::sync::Mutex<Option<AnyConnection>>> },
    /// Any of the pool's.
    Server(AnyPool),
}

/// A connection for one batch. Dropped instead of given back it is closed, and whatever it had begun is undone.
#[derive(Debug)]
pub(super) enum Held {
    File(AnyConnection, OwnedMutexGuard<Option<AnyConnection>>),
    Server(PoolConnection<Any>),
}

impl Held {
    fn give_back(self) {
        match self {
            Self::File(connection, mut home) => *home = Some(connection),
            Self::Server(connection) => drop(connection),
        }
    }

    async fn close(self) {
        match self {
            Self::File(connection, _home) => drop(connection.close().await),
            Self::Server(connection) => drop(connection.close().await),
        }
    }
}

impl Deref for Held {
    type Target = AnyConnection;

    fn deref(&self) -> &AnyConnection {
        match self {
            Self::File(connection, _) => connection,
            Self::Server(connection) => connection,
        }
    }
}

impl DerefMut for Held {
    fn deref_mut(&mut self) -> &mut AnyConnection {
        match self {
            Self::File(connection, _) => connection,
            Self::Server(connection) => connection,
        }
    }
}

/// What waits to be written.
#[derive(Default)]
struct Queue {
    waiting: VecDeque<Box<dyn Member>>,
    /// What goes along with the next batch.
    in_passing: VecDeque<Box<dyn Member>>,
    /// Whether somebody writes it.
    is_served: bool,
    /// Whether somebody sees to it that what is to go along does not wait for too long.
    is_timed: bool,
}

impl Queue {
    /// What is to be written now, if anything is. What follows from something written in passing comes behind it.
    fn batch(&mut self) -> Option<Vec<Box<dyn Member>>> {
        let count = self.waiting.len().min(MOST_AT_ONCE);
        (count > 0).then(|| self.in_passing.drain(..).chain(self.waiting.drain(..count)).collect())
    }
}

/// The writing side of a store.
pub(super) struct Writer {
    source: Source,
    begin: &'static str,
    queue: Mutex<Queue>,
}

impl std::fmt::Debug for Writer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Writer").finish_non_exhaustive()
    }
}

/// How one attempt at a batch has ended.
enum Ended {
    /// Every member has its answer; with `false` the connection is of no use any more.
    Done(bool),
    /// A member is to be undone, so all are; with `false` the connection is of no use any more.
    Undone(bool),
    Conflict(sqlx::Error),
    /// Nothing can be written now.
    NotBegun(sqlx::Error),
    /// It is not known what became of it.
    Lost(sqlx::Error),
}

impl Writer {
    /// Writes the file that these options name.
    pub(super) fn of_file(options: AnyConnectOptions) -> Arc<Self> {
        let source = Source::File { options: Box::new(options), connection: Arc::default() };
        Arc::new(Self { source, begin: begin(Engine::Sqlite), queue: Mutex::default() })
    }

    /// Writes through a pool.
    pub(super) fn of_pool(pool: AnyPool) -> Arc<Self> {
        Arc::new(Self { source: Source::Server(pool), begin: begin(Engine::Postgres), queue: Mutex::default() })
    }

    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether anything waits to be written or is being written.
    pub(super) fn is_at_work(&self) -> bool {
        let is_held = match &self.source {
            Source::File { connection, .. } => connection.try_lock().is_err(),
            Source::Server(_) => false,
        };
        is_held || self.queue().is_served
    }

    /// Closes the connection that writes.
    pub(super) async fn close(&self) {
        if let Source::File { connection, .. } = &self.source
            && let Some(connection) = connection.lock().await.take()
        {
            let _ = connection.close().await;
        }
    }

    /// Has a member written, together with whatever else is ready.
    pub(super) fn submit(self: &Arc<Self>, member: Box<dyn Member>) {
        let mut queue = self.queue();
        queue.waiting.push_back(member);
        self.serve(&mut queue);
    }

    /// Has a member written with the next batch, or after [`IN_PASSING`].
    fn submit_in_passing(self: &Arc<Self>, member: Box<dyn Member>) {
        let mut queue = self.queue();
        queue.in_passing.push_back(member);
        if !std::mem::replace(&mut queue.is_timed, true) {
            let writer = self.clone();
            tokio::spawn(async move {
                tokio::time::sleep(IN_PASSING).await;
                let mut queue = writer.queue();
                queue.is_timed = false;
                let Queue { waiting, in_passing, .. } = &mut *queue;
                if !in_passing.is_empty() {
                    in_passing.drain(..).rev().for_each(|member| waiting.push_front(member));
                    writer.serve(&mut queue);
                }
            });
        }
    }

    fn serve(self: &Arc<Self>, queue: &mut Queue) {
        if !std::mem::replace(&mut queue.is_served, true) {
            tokio::spawn(Serving { writer: self.clone(), is_over: false }.run());
        }
    }

    async fn acquire(&self) -> Result<Held, sqlx::Error> {
        match &self.source {
            Source::File { options, connection } => {
                let mut home = connection.clone().lock_owned().await;
                let connection = match home.take() {
                    Some(connection) => connection,
                    None => {
                        let mut connection = AnyConnection::connect_with(options).await?;
                        prepare(&mut connection).await?;
                        connection
                    }
                };
                Ok(Held::File(connection, home))
            }
            Source::Server(pool) => Ok(Held::Server(pool.acquire().await?)),
        }
    }

    /// Writes a batch and tells each of its members.
    async fn write(&self, batch: Vec<Box<dyn Member>>) {
        // Those of a batch that did not go through as one.
        for member in self.try_write(batch).await {
            let left = self.try_write(vec![member]).await;
            // Alone nothing is left over but a panic, of which the caller is told by this.
            drop(left);
        }
    }

    /// Returns what is to be written one by one.
    async fn try_write(&self, mut batch: Vec<Box<dyn Member>>) -> Vec<Box<dyn Member>> {
        let mut tries = 1;
        loop {
            let mut held = match self.acquire().await {
                Ok(held) => held,
                Err(error) => return self.all_fail(batch, &error),
            };
            let attempt = AssertUnwindSafe(self.attempt(&mut held, &mut batch)).catch_unwind().await;
            if matches!(attempt, Ok(Ended::Done(true) | Ended::Undone(true) | Ended::Conflict(_))) {
                held.give_back();
            } else {
                held.close().await;
            }
            match attempt {
                Ok(Ended::Done(_)) => {
                    batch.into_iter().for_each(|member| member.end(Ok(())));
                    return Vec::new();
                }
                // One that fails is one too many, and so is one whose conflicts would begin the work of all others again.
                Ok(Ended::Undone(_)) | Err(_) => return batch,
                Ok(Ended::Conflict(_)) if batch.len() > 1 => return batch,
                Ok(Ended::Conflict(_)) if tries < conflicts::TRIES => conflicts::pause(tries).await,
                Ok(Ended::NotBegun(error)) => return self.all_fail(batch, &error),
                Ok(Ended::Conflict(error) | Ended::Lost(error)) => return not_known(batch, &error),
            }
            tries += 1;
        }
    }

    /// A batch could not be begun. Whoever waits behind it has waited as well, and is not to wait as long once more.
    fn all_fail(&self, mut batch: Vec<Box<dyn Member>>, error: &sqlx::Error) -> Vec<Box<dyn Member>> {
        let Queue { waiting, in_passing, .. } = &mut *self.queue();
        batch.extend(in_passing.drain(..).chain(waiting.drain(..)));
        not_known(batch, error)
    }

    /// One transaction.
    async fn attempt(&self, connection: &mut AnyConnection, batch: &mut [Box<dyn Member>]) -> Ended {
        if let [member] = batch
            && member.is_statement()
        {
            return match member.work(connection).await {
                Worked::Keep | Worked::Undo => Ended::Done(true),
                Worked::Conflict(error) => Ended::Conflict(error),
                Worked::Locked(error) => Ended::NotBegun(error),
            };
        }
        if let Err(error) = connection.execute(self.begin).await {
            return Ended::NotBegun(error);
        }
        let is_alone = batch.len() == 1;
        for member in &mut *batch {
            let worked = member.work(connection).await;
            if let Worked::Keep = worked {
                continue;
            }
            // It fails where the engine has rolled back by itself (a full disk) or the connection is gone.
            let is_usable = connection.execute("ROLLBACK").await.is_ok();
            return match worked {
                Worked::Conflict(error) if is_usable => Ended::Conflict(error),
                Worked::Conflict(error) | Worked::Locked(error) => Ended::Lost(error),
                _ if is_alone => Ended::Done(is_usable),
                _ => Ended::Undone(is_usable),
            };
        }
        point("batch.before_commit");
        let committed = connection.execute("COMMIT").await;
        point("batch.after_commit");
        match committed {
            Ok(_) => Ended::Done(true),
            Err(error) if faults::is_conflict(&error) => Ended::Conflict(error),
            Err(error) => Ended::Lost(error),
        }
    }
}

/// Serves the queue until it is empty; where it is cut off, the next write is served all the same.
struct Serving {
    writer: Arc<Writer>,
    is_over: bool,
}

impl Serving {
    async fn run(mut self) {
        while let Some(batch) = self.next() {
            self.writer.write(batch).await;
        }
    }

    fn next(&mut self) -> Option<Vec<Box<dyn Member>>> {
        let mut queue = self.writer.queue();
        let batch = queue.batch();
        if batch.is_none() {
            queue.is_served = false;
            self.is_over = true;
        }
        batch
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        if !self.is_over {
            self.writer.queue().is_served = false;
        }
    }
}

/// Tells all of a batch that it is not known what became of it.
fn not_known(batch: Vec<Box<dyn Member>>, error: &sqlx::Error) -> Vec<Box<dyn Member>> {
    for member in batch {
        member.end(Err(faults::copy(error)));
    }
    Vec::new()
}

/// A transaction that may write: SQLite takes the write lock at once, so that it cannot fail half-way.
fn begin(engine: Engine) -> &'static str {
    match engine {
        Engine::Sqlite => "BEGIN IMMEDIATE",
        Engine::Postgres => "BEGIN ISOLATION LEVEL READ COMMITTED",
    }
}

/// A transaction by itself; undone when it is dropped.
#[derive(Debug)]
pub(super) enum WriteTransaction {
    File(Held),
    Server(Transaction<'static, Any>),
}

impl WriteTransaction {
    pub(super) async fn commit(self) -> Result<(), sqlx::Error> {
        match self {
            Self::File(held) => held.end("COMMIT").await,
            Self::Server(transaction) => transaction.commit().await,
        }
    }

    pub(super) async fn rollback(self) -> Result<(), sqlx::Error> {
        match self {
            Self::File(held) => held.end("ROLLBACK").await,
            Self::Server(transaction) => transaction.rollback().await,
        }
    }
}

impl Held {
    async fn end(mut self, statement: &'static str) -> Result<(), sqlx::Error> {
        self.execute(statement).await?;
        self.give_back();
        Ok(())
    }
}

impl Deref for WriteTransaction {
    type Target = AnyConnection;

    fn deref(&self) -> &AnyConnection {
        match self {
            Self::File(held) => held,
            Self::Server(transaction) => transaction,
        }
    }
}

impl DerefMut for WriteTransaction {
    fn deref_mut(&mut self) -> &mut AnyConnection {
        match self {
            Self::File(held) => held,
            Self::Server(transaction) => transaction,
        }
    }
}

impl Database {
    /// Writes in one commit, together with whatever else is ready. `work` may be done several times, each time as if
    /// never before; what it says by an error is undone.
    pub(super) async fn write<D, F, T>(&self, data: D, work: F) -> Result<T, StoreError>
    where
        D: Send + Sync + 'static,
        F: for<'a> Fn(&'a D, &'a mut AnyConnection) -> BoxFuture<'a, Result<T, Undone<T>>> + Send + 'static,
        T: Send + 'static,
    {
        self.write_when(Urgency::Now, data, work).await
    }

    /// As [`Self::write`], at its time.
    pub(super) async fn write_when<D, F, T>(&self, urgency: Urgency, data: D, work: F) -> Result<T, StoreError>
    where
        D: Send + Sync + 'static,
        F: for<'a> Fn(&'a D, &'a mut AnyConnection) -> BoxFuture<'a, Result<T, Undone<T>>> + Send + 'static,
        T: Send + 'static,
    {
        let (reply, answer) = oneshot::channel();
        let job = Box::new(Job { data, work, result: None, reply });
        match urgency {
            Urgency::Now => self.pool.1.submit(job),
            Urgency::InPassing => self.pool.1.submit_in_passing(job),
        }
        answer
            .await
            .unwrap_or_else(|_| Err(StoreError::Unreadable("a fault of the program while it was written".into())))
    }

    /// Begins a transaction of its own, which shares its commit with nobody. It is to be done in [`Database::again`] from
    /// here to its commit.
    pub(super) async fn begin(&self) -> Result<WriteTransaction, StoreError> {
        let writer = &self.pool.1;
        Ok(match &writer.source {
            Source::File { .. } => {
                let mut held = writer.acquire().await?;
                held.execute(writer.begin).await?;
                WriteTransaction::File(held)
            }
            Source::Server(pool) => WriteTransaction::Server(pool.begin_with(writer.begin).await?),
        })
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use sqlx::Row;

    use crate::{clock::Clock, store::Store};

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
        let pages = (log() - before) / 4096;
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
}
