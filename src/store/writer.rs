//! Group commit: whatever is ready to be written at the same moment is one transaction.
//!
//! Properties:
//! - A write returns `Ok` only after its commit, and nothing that anybody waits for waits for company: what comes alone is
//!   committed at once, what comes meanwhile is the next batch.
//! - What nobody waits for (a message that Telegram has taken goes from the outbox) joins the next commit of others, or
//!   makes one of its own after [`IN_PASSING`]: half of all commits, and of what they write, would be for its sake.
//! - On SQLite one connection writes, so no writer ever sleeps in the engine's busy handler for another one of this
//!   process. On PostgreSQL a batch borrows a connection of the pool, and the next one goes on with it.
//! - Writes of one kind (turns, messages that were sent) are done in the same statements, however many they are.
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

mod connection;
mod joint;
mod member;
mod writing;

use std::{
    collections::VecDeque,
    panic::AssertUnwindSafe,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use futures::FutureExt;
use sqlx::{AnyConnection, AnyPool, Connection, Executor, any::AnyConnectOptions};

use crate::fault::point;

use super::{Engine, conflicts, engine::prepare, faults};
use connection::{Held, Source, begin, begin_batch};
use member::Job;

pub(super) use connection::WriteTransaction;
pub(super) use joint::{Ends, Jointly};
pub(super) use member::{Member, Undone, Worked};

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
    engine: Engine,
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
        Arc::new(Self { source, engine: Engine::Sqlite, queue: Mutex::default() })
    }

    /// Writes through a pool.
    pub(super) fn of_pool(pool: AnyPool) -> Arc<Self> {
        Arc::new(Self { source: Source::Server(pool), engine: Engine::Postgres, queue: Mutex::default() })
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
            Source::Server(pool) => Ok(Held::Server(pool.acquire().await?, pool.clone())),
        }
    }

    /// Writes a batch and tells each of its members. `kept` is the connection that the last one has left.
    async fn write(&self, batch: Vec<Box<dyn Member>>, kept: &mut Option<Held>) {
        // Those of a batch that did not go through as one.
        let left = self.try_write(together(batch), kept).await;
        for member in left.into_iter().flat_map(Member::apart) {
            let left = self.try_write(vec![member], kept).await;
            // Alone nothing is left over but a panic, of which the caller is told by this.
            drop(left);
        }
    }

    /// Returns what is to be written one by one.
    async fn try_write(&self, mut batch: Vec<Box<dyn Member>>, kept: &mut Option<Held>) -> Vec<Box<dyn Member>> {
        let mut tries = 1;
        loop {
            let acquired = match kept.take() {
                Some(held) => Ok(held),
                None => self.acquire().await,
            };
            let mut held = match acquired {
                Ok(held) => held,
                Err(error) => return self.all_fail(batch, &error),
            };
            let attempt = AssertUnwindSafe(self.attempt(&mut held, &mut batch)).catch_unwind().await;
            if matches!(attempt, Ok(Ended::Done(true) | Ended::Undone(true) | Ended::Conflict(_))) {
                *kept = held.keep();
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
                Ok(Ended::Conflict(_)) if !is_alone(&batch) => return batch,
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
        if let Err(error) = connection.execute(begin_batch(self.engine)).await {
            return Ended::NotBegun(error);
        }
        let is_alone = is_alone(batch);
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
        let mut kept = None;
        while let Some(batch) = self.next() {
            self.writer.write(batch, &mut kept).await;
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

/// The same writes, those of one kind as one.
fn together(batch: Vec<Box<dyn Member>>) -> Vec<Box<dyn Member>> {
    let mut all: Vec<Box<dyn Member>> = Vec::with_capacity(batch.len());
    for member in batch {
        let mut left = Some(member);
        for earlier in &mut all {
            left = left.and_then(|member| earlier.take_in(member));
        }
        all.extend(left);
    }
    all
}

fn is_alone(batch: &[Box<dyn Member>]) -> bool {
    matches!(batch, [member] if member.count() == 1)
}

/// Tells all of a batch that it is not known what became of it.
fn not_known(batch: Vec<Box<dyn Member>>, error: &sqlx::Error) -> Vec<Box<dyn Member>> {
    for member in batch {
        member.end(Err(faults::copy(error)));
    }
    Vec::new()
}

#[cfg(test)]
mod tests;
