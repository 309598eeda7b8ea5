//! PostgreSQL may end a transaction for the sake of another (40001, 40P01): whatever was ended so is done again, here
//! and nowhere else. Nothing of it was changed, so doing it again does nothing twice.

use std::time::Duration;

use futures::{
    StreamExt,
    future::BoxFuture,
    stream::{self, BoxStream},
};
use sqlx::{
    Any, AnyPool, Describe, Either, Execute, Executor, SqlStr,
    any::{AnyArguments, AnyQueryResult, AnyRow, AnyStatement, AnyTypeInfo},
};

use super::{Store, StoreError, faults};

/// So often in all.
const TRIES: u32 = 12;

/// Before each further try: drawn from nothing up to this, twice as much each time, and never more than the last.
const FIRST_PAUSE: Duration = Duration::from_millis(5);
const LAST_PAUSE: Duration = Duration::from_millis(300);

async fn pause(tries: u32) {
    let most = FIRST_PAUSE.saturating_mul(1 << tries.min(10)).min(LAST_PAUSE);
    tokio::time::sleep(most.mul_f64(rand::random())).await;
}

/// Does it again for as long as only another transaction is in its way.
async fn again<T, E, F: Future<Output = Result<T, E>>>(
    mut work: impl FnMut() -> F,
    is_conflict: impl Fn(&E) -> bool,
) -> Result<T, E> {
    let mut tries = 1;
    loop {
        match work().await {
            Err(error) if tries < TRIES && is_conflict(&error) => pause(tries).await,
            other => return other,
        }
        tries += 1;
    }
}

impl Store {
    /// One transaction: begun, worked through and committed in `work`, which may be done several times.
    pub(super) async fn again<T, F>(&self, work: impl FnMut() -> F) -> Result<T, StoreError>
    where
        F: Future<Output = Result<T, StoreError>>,
    {
        again(work, StoreError::is_conflict).await
    }
}

/// The pool, for statements that are a transaction by themselves.
#[derive(Debug, Clone)]
pub(super) struct Pool(pub AnyPool);

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

    async fn rows(&self, pool: &AnyPool) -> Result<Vec<Either<AnyQueryResult, AnyRow>>, sqlx::Error> {
        let Some(arguments) = &self.arguments else {
            return pool.fetch_many(self.sql.clone()).collect::<Vec<_>>().await.into_iter().collect();
        };
        let mut copy = AnyArguments::default();
        copy.values.0.clone_from(&arguments.values.0);
        let query = sqlx::query_with(self.sql.clone(), copy).persistent(self.persistent);
        pool.fetch_many(query).collect::<Vec<_>>().await.into_iter().collect()
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
        let work = async move {
            let statement = statement?;
            again(|| statement.rows(&self.0), faults::is_conflict).await
        };
        stream::once(work)
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
        Box::pin(async move {
            let statement = statement?;
            let rows = again(|| statement.rows(&self.0), faults::is_conflict).await?;
            Ok(rows.into_iter().find_map(Either::right))
        })
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
