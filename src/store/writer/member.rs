//! One write among others: what it does, and how its caller learns what became of it.

use std::any::Any;

use futures::future::BoxFuture;
use sqlx::AnyConnection;
use tokio::sync::oneshot;

use crate::store::{StoreError, faults};

/// What is in a transaction by itself and is not to be kept.
#[derive(Debug)]
pub(in crate::store) enum Undone<T> {
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
pub(in crate::store) enum Worked {
    /// They are to be committed.
    Keep,
    /// They are to be undone: the member knows its answer.
    Undo,
    /// Another transaction was in the way.
    Conflict(sqlx::Error),
    /// Another process holds the file for longer than is waited for it.
    Locked(sqlx::Error),
}

/// One write among others, or several that are done in the same statements.
pub(in crate::store) trait Member: Any + Send {
    /// Whether it is a single statement, which needs no transaction of its own.
    fn is_statement(&self) -> bool {
        false
    }

    /// How many writes it is.
    fn count(&self) -> usize {
        1
    }

    /// Takes in what can be done in the same statements; gives back anything else.
    fn take_in(&mut self, other: Box<dyn Member>) -> Option<Box<dyn Member>> {
        Some(other)
    }

    /// Its writes, each by itself.
    fn apart(self: Box<Self>) -> Vec<Box<dyn Member>>;

    /// Does its statements; may be called again after they were undone.
    fn work<'a>(&'a mut self, connection: &'a mut AnyConnection) -> BoxFuture<'a, Worked>;

    /// Tells the caller: that it is committed or undone, or why that is not known.
    fn end(self: Box<Self>, result: Result<(), sqlx::Error>);
}

/// A write of several statements.
pub(super) struct Job<D, F, T> {
    pub(super) data: D,
    pub(super) work: F,
    pub(super) result: Option<Result<T, Undone<T>>>,
    pub(super) reply: oneshot::Sender<Result<T, StoreError>>,
}

impl<D, F, T> Member for Job<D, F, T>
where
    D: Send + Sync + 'static,
    F: for<'a> Fn(&'a D, &'a mut AnyConnection) -> BoxFuture<'a, Result<T, Undone<T>>> + Send + 'static,
    T: Send + 'static,
{
    fn apart(self: Box<Self>) -> Vec<Box<dyn Member>> {
        vec![self]
    }

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
