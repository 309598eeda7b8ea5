//! PostgreSQL may end a transaction for the sake of another (40001, 40P01): a statement that was ended so is done again
//! here, and whatever is several of them by `Database::again`. Nothing of it was changed, so doing it again does nothing twice.

use std::sync::Arc;

use futures::{
    StreamExt,
    future::BoxFuture,
    stream::{self, BoxStream},
};
use sqlx::{
    Any, AnyConnection, AnyPool, Describe, Either, Execute, Executor, SqlStr,
    any::{AnyArguments, AnyQueryResult, AnyRow, AnyStatement, AnyTypeInfo},
};

use tokio::sync::oneshot;

use super::{
    conflicts::again,
    faults,
    writer::{Member, Worked, Writer},
};

/// The pool, for statements that are a transaction by themselves: what only reads is asked of one of its connections,
/// what writes joins the writes of others.
#[derive(Debug, Clone)]
pub(super) struct Pool(pub AnyPool, pub Arc<Writer>);

/// The rows of a statement, and how many it has changed.
type Rows = Vec<Either<AnyQueryResult, AnyRow>>;

/// A statement that can be done more than once.
struct Statement {
    sql: SqlStr,
    arguments: Option<AnyArguments>,
    persistent: bool,
}

impl Statement {
    fn of<'q>(mut query: impl Execute<'q, Any>) -> Result<Self, sqlx::Error> {
        let arguments = query.take_arguments().map_err(sqlx::Error::Encode)?;
        let persistent = query.persistent();
        Ok(Self { sql: query.sql(), arguments, persistent })
    }

    /// Whether it changes rows. Everything else (a VACUUM, say) shares a transaction with nobody.
    fn is_write(&self) -> bool {
        let sql = self.sql.as_str().trim_start();
        ["INSERT ", "UPDATE ", "DELETE "].iter().any(|word| sql.starts_with(word))
    }

    async fn rows<'c>(&self, executor: impl Executor<'c, Database = Any>) -> Result<Rows, sqlx::Error> {
        let Some(arguments) = &self.arguments else {
            return executor.fetch_many(self.sql.clone()).collect::<Vec<_>>().await.into_iter().collect();
        };
        let mut copy = AnyArguments::default();
        copy.values.0.clone_from(&arguments.values.0);
        let query = sqlx::query_with(self.sql.clone(), copy).persistent(self.persistent);
        executor.fetch_many(query).collect::<Vec<_>>().await.into_iter().collect()
    }
}

/// A statement that writes among others.
struct Write {
    statement: Statement,
    result: Option<Result<Rows, sqlx::Error>>,
    reply: oneshot::Sender<Result<Rows, sqlx::Error>>,
}

impl Member for Write {
    fn is_statement(&self) -> bool {
        true
    }

    fn apart(self: Box<Self>) -> Vec<Box<dyn Member>> {
        vec![self]
    }

    fn work<'a>(&'a mut self, connection: &'a mut AnyConnection) -> BoxFuture<'a, Worked> {
        Box::pin(async move {
            match self.statement.rows(connection).await {
                Err(error) if faults::is_conflict(&error) => Worked::Conflict(error),
                Err(error) if faults::is_locked(&error) => Worked::Locked(error),
                done => {
                    let worked = if done.is_ok() { Worked::Keep } else { Worked::Undo };
                    self.result = Some(done);
                    worked
                }
            }
        })
    }

    fn end(self: Box<Self>, result: Result<(), sqlx::Error>) {
        let answer = match (result, self.result) {
            (Err(error), _) => Err(error),
            (Ok(()), Some(answer)) => answer,
            (Ok(()), None) => return,
        };
        // Nobody waits for it any more.
        let _ = self.reply.send(answer);
    }
}

impl Pool {
    /// For a read of very many rows: each is handed over as it comes, and none is kept. A single `SELECT` is never ended for
    /// the sake of another, so it needs no second try.
    pub fn row_by_row(&self) -> &AnyPool {
        &self.0
    }

    async fn rows(&self, statement: Result<Statement, sqlx::Error>) -> Result<Rows, sqlx::Error> {
        let statement = statement?;
        if !statement.is_write() {
            return again(|| statement.rows(&self.0), faults::is_conflict).await;
        }
        let (reply, answer) = oneshot::channel();
        self.1.submit(Box::new(Write { statement, result: None, reply }));
        answer.await.unwrap_or(Err(sqlx::Error::WorkerCrashed))
    }
}

impl<'p> Executor<'p> for &'p Pool {
    type Database = Any;

    fn fetch_many<'e, 'q: 'e, E>(self, query: E) -> BoxStream<'e, Result<Either<AnyQueryResult, AnyRow>, sqlx::Error>>
    where
        'p: 'e,
        E: 'q + Execute<'q, Any>,
    {
        let statement = Statement::of(query);
        stream::once(self.rows(statement))
            .flat_map(|rows| match rows {
                Ok(rows) => stream::iter(rows).map(Ok).boxed(),
                Err(error) => stream::iter([Err(error)]).boxed(),
            })
            .boxed()
    }

    fn fetch_optional<'e, 'q: 'e, E>(self, query: E) -> BoxFuture<'e, Result<Option<AnyRow>, sqlx::Error>>
    where
        'p: 'e,
        E: 'q + Execute<'q, Any>,
    {
        let statement = Statement::of(query);
        Box::pin(async move { Ok(self.rows(statement).await?.into_iter().find_map(Either::right)) })
    }

    fn prepare_with<'e>(
        self,
        sql: SqlStr,
        parameters: &'e [AnyTypeInfo],
    ) -> BoxFuture<'e, Result<AnyStatement, sqlx::Error>>
    where
        'p: 'e,
    {
        self.0.prepare_with(sql, parameters)
    }

    fn describe<'e>(self, sql: SqlStr) -> BoxFuture<'e, Result<Describe<Any>, sqlx::Error>>
    where
        'p: 'e,
    {
        self.0.describe(sql)
    }
}
