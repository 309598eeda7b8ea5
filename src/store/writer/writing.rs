//! How the parts of the store write: with others in one commit, or alone.

use futures::future::BoxFuture;
use sqlx::{AnyConnection, Executor};
use tokio::sync::oneshot;

use super::{Job, Jointly, Member, Source, Undone, Urgency, WriteTransaction, begin, joint::Joint};
use crate::store::{Database, StoreError, conflicts::again};

impl Database {
    /// One transaction: begun, worked through and committed in `work`, which may be done several times.
    pub(in crate::store) async fn again<T, F>(&self, work: impl FnMut() -> F) -> Result<T, StoreError>
    where
        F: Future<Output = Result<T, StoreError>>,
    {
        again(work, StoreError::is_conflict).await
    }

    /// Writes in one commit, together with whatever else is ready. `work` may be done several times, each time as if
    /// never before; what it says by an error is undone.
    pub(in crate::store) async fn write<D, F, T>(&self, data: D, work: F) -> Result<T, StoreError>
    where
        D: Send + Sync + 'static,
        F: for<'a> Fn(&'a D, &'a mut AnyConnection) -> BoxFuture<'a, Result<T, Undone<T>>> + Send + 'static,
        T: Send + 'static,
    {
        self.write_when(Urgency::Now, data, work).await
    }

    /// As [`Self::write`], at its time.
    pub(in crate::store) async fn write_when<D, F, T>(
        &self,
        urgency: Urgency,
        data: D,
        work: F,
    ) -> Result<T, StoreError>
    where
        D: Send + Sync + 'static,
        F: for<'a> Fn(&'a D, &'a mut AnyConnection) -> BoxFuture<'a, Result<T, Undone<T>>> + Send + 'static,
        T: Send + 'static,
    {
        self.submitted(urgency, |reply| Box::new(Job { data, work, result: None, reply })).await
    }

    /// Has something written and waits for its answer.
    async fn submitted<T, M: Member>(
        &self,
        urgency: Urgency,
        member: impl FnOnce(oneshot::Sender<Result<T, StoreError>>) -> Box<M>,
    ) -> Result<T, StoreError> {
        let (reply, answer) = oneshot::channel();
        let member = member(reply);
        match urgency {
            Urgency::Now => self.pool.1.submit(member),
            Urgency::InPassing => self.pool.1.submit_in_passing(member),
        }
        answer
            .await
            .unwrap_or_else(|_| Err(StoreError::Unreadable("a fault of the program while it was written".into())))
    }

    /// Begins a transaction of its own, which shares its commit with nobody. It is to be done in [`Database::again`] from
    /// here to its commit.
    pub(in crate::store) async fn begin(&self) -> Result<WriteTransaction, StoreError> {
        let writer = &self.pool.1;
        Ok(match &writer.source {
            Source::File { .. } => {
                let mut held = writer.acquire().await?;
                held.execute(begin(writer.engine)).await?;
                WriteTransaction::File(held)
            }
            Source::Server(pool) => WriteTransaction::Server(pool.begin_with(begin(writer.engine)).await?),
        })
    }

    /// Writes in one commit, together with whatever else is ready, and in the same statements as others of its kind.
    pub(in crate::store) async fn write_jointly<W: Jointly>(
        &self,
        urgency: Urgency,
        write: W,
    ) -> Result<W::Answer, StoreError> {
        self.submitted(urgency, |reply| Joint::new(write, reply)).await
    }
}
