//! Writes of one kind that are done in the same statements: what a server spends on a statement is mostly its way there
//! and back.

use std::any::Any;

use futures::future::BoxFuture;
use sqlx::AnyConnection;
use tokio::sync::oneshot;

use crate::store::{StoreError, faults};

use super::member::{Member, Undone, Worked};

/// How one of several writes ends.
pub(in crate::store) type Ends<T> = Result<T, Undone<T>>;

/// A write that is done for many in as many statements as for one.
pub(in crate::store) trait Jointly: Send + Sync + Sized + 'static {
    /// What its caller learns.
    type Answer: Send + 'static;

    /// Whether it can be done in the same statements as these.
    fn fits(&self, all: &[Self]) -> bool;

    /// Does all of them and says how each ends, in their order. May be done several times, each time as if never before;
    /// where one is undone or all fail, all are undone and each is done by itself.
    fn write_all<'a>(
        all: &'a [Self],
        connection: &'a mut AnyConnection,
    ) -> BoxFuture<'a, Result<Vec<Ends<Self::Answer>>, StoreError>>;
}

type Reply<T> = oneshot::Sender<Result<T, StoreError>>;

/// Writes of one kind with those who wait for them.
pub(super) struct Joint<W: Jointly> {
    writes: Vec<W>,
    replies: Vec<Reply<W::Answer>>,
    ends: Vec<Ends<W::Answer>>,
}

impl<W: Jointly> Joint<W> {
    pub(super) fn new(write: W, reply: Reply<W::Answer>) -> Box<Self> {
        Box::new(Self { writes: vec![write], replies: vec![reply], ends: Vec::new() })
    }
}

impl<W: Jointly> Member for Joint<W> {
    fn count(&self) -> usize {
        self.writes.len()
    }

    fn take_in(&mut self, other: Box<dyn Member>) -> Option<Box<dyn Member>> {
        let fits = (&*other as &dyn Any)
            .downcast_ref::<Self>()
            .is_some_and(|other| other.writes.iter().all(|write| write.fits(&self.writes)));
        if !fits {
            return Some(other);
        }
        if let Ok(other) = (other as Box<dyn Any>).downcast::<Self>() {
            self.writes.extend(other.writes);
            self.replies.extend(other.replies);
        }
        None
    }

    fn apart(self: Box<Self>) -> Vec<Box<dyn Member>> {
        let each = self.writes.into_iter().zip(self.replies);
        each.map(|(write, reply)| Self::new(write, reply) as Box<dyn Member>).collect()
    }

    fn work<'a>(&'a mut self, connection: &'a mut AnyConnection) -> BoxFuture<'a, Worked> {
        Box::pin(async move {
            match W::write_all(&self.writes, connection).await {
                Err(StoreError::Unavailable(error)) if faults::is_conflict(&error) => Worked::Conflict(error),
                Err(error) => {
                    // Only where it is alone anybody is told this.
                    self.ends = vec![Err(Undone::Failed(error))];
                    Worked::Undo
                }
                Ok(ends) => {
                    let are_all_kept = ends.iter().all(Result::is_ok);
                    self.ends = ends;
                    if are_all_kept { Worked::Keep } else { Worked::Undo }
                }
            }
        })
    }

    fn end(self: Box<Self>, result: Result<(), sqlx::Error>) {
        let Self { replies, ends, .. } = *self;
        // Whoever does not wait any more is told nothing.
        match result {
            Err(error) => {
                for reply in replies {
                    let _ = reply.send(Err(faults::copy(&error).into()));
                }
            }
            Ok(()) => {
                for (reply, end) in replies.into_iter().zip(ends) {
                    let _ = reply.send(match end {
                        Ok(answer) | Err(Undone::Answer(answer)) => Ok(answer),
                        Err(Undone::Failed(error)) => Err(error),
                    });
                }
            }
        }
    }
}
