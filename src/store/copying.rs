//! Copies a whole store: between engines, and into a file as a backup, while a daemon may run on it.
//!
//! **Promise.** A copy may be made again and never takes back what the target has got on with. A copy does not know what
//! happens to its original afterwards, and an old backup may be put back: what amoCRM does not have according to a copy is
//! looked up there before it is created. (The tokens live elsewhere with SQLite; whoever copies a store moves them too.)
//!
//! Rows may be damaged ([`super::rows`]). SQLite takes such a row as it is; PostgreSQL keeps no such text and no number that
//! is none, so there the row stays behind, is named and counted, and all others are copied.

mod cells;
mod merging;
mod steps;
mod tables;

use sqlx::{AssertSqlSafe, Row};
use tracing::warn;

use super::{Engine, Store, StoreError, forgetting::ForgottenElsewhere, rows};

use cells::{Cell, CellRow, Kind, as_it_can_be_held, cells, name, names, whole};
use merging::{COPY_OVERRIDES, ON_CONFLICT};
use steps::CopiedSteps;
use tables::{Columns, TABLES, keys};

pub(super) use tables::tables;

/// Rows copied in one commit.
const ROWS: i64 = 500;

/// One table of a copy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Copied {
    /// Its name.
    pub table: &'static str,
    /// Rows in the source.
    pub source: i64,
    /// Rows in the target afterwards.
    pub target: i64,
    /// Rows of the source that the target holds afterwards.
    pub present: i64,
    /// How many of those are damaged, and were copied as they are.
    pub damaged: i64,
    /// Rows that the target cannot hold, by number or key.
    pub left_behind: Vec<String>,
}

impl Store {
    /// Copies everything the target does not have yet, without the tokens; a second copy of the same changes nothing.
    pub async fn copy_to(&self, target: &Store) -> Result<Vec<Copied>, StoreError> {
        self.copy_to_telling(target, |_| {}).await
    }

    /// How many rows a copy looks at, more or less: some may come and go meanwhile.
    pub async fn rows_to_copy(&self) -> Result<i64, StoreError> {
        let mut rows = 0;
        for (table, _) in TABLES {
            rows += self.count(table).await?;
        }
        Ok(rows)
    }

    /// The same as [`Store::copy_to`]; tells how many rows more were looked at.
    pub async fn copy_to_telling(&self, target: &Store, looked_at: impl Fn(usize)) -> Result<Vec<Copied>, StoreError> {
        let mut report = Vec::new();
        let forgotten = self.personal_data().forgotten_elsewhere(&target.personal_data()).await?;
        for (table, columns) in TABLES {
            let mut copied = Copied { table, source: 0, target: 0, present: 0, damaged: 0, left_behind: Vec::new() };
            // By key and not by offset, so that rows which come or go meanwhile shift nothing.
            let mut last: Option<Vec<Vec<u8>>> = None;
            loop {
                let page = self.page(table, columns, last.as_deref()).await?;
                let Some(newest) = page.last() else { break };
                last = Some(keys(table, columns).iter().zip(newest).map(|(_, cell)| cell.bytes.clone()).collect());
                copied.source += page.len() as i64;
                let rows = page.len();
                let (mut good, mut damaged) = (Vec::new(), Vec::new());
                for row in page {
                    match whole(columns, &row) {
                        Some(texts) => good.push(texts),
                        None => damaged.push(row),
                    }
                }
                let all = good.len() as i64;
                forgotten.leave_out(table, columns, &mut good);
                // What is left out on purpose is where it belongs.
                copied.present += all - good.len() as i64;
                let steps = match *table {
                    "leads" => self.steps_for_a_copy(columns, &good).await?,
                    _ => CopiedSteps::default(),
                };
                copied.present += target.take_in(table, columns, &good, &steps).await?;
                for row in damaged {
                    let lossy = row.iter().map(Cell::lossy).collect();
                    let steps = match *table {
                        "leads" => self.steps_for_a_copy(columns, std::slice::from_ref(&lossy)).await?,
                        _ => CopiedSteps::default(),
                    };
                    target.take_damaged(columns, (row, lossy), &steps, &forgotten, &mut copied).await?;
                }
                looked_at(rows);
            }
            report.push(copied);
        }
        target.personal_data().forget_again(&[]).await?;
        for table in &mut report {
            table.target = target.count(table.table).await?;
        }
        Ok(report)
    }

    /// Rows after a key; keys are compared byte by byte on both engines.
    async fn page(
        &self,
        table: &str,
        columns: &Columns,
        after: Option<&[Vec<u8>]>,
    ) -> Result<Vec<CellRow>, StoreError> {
        let overridden = |column: &'static str| {
            let overridden = COPY_OVERRIDES.iter().find(|(of, name, _)| *of == table && *name == column);
            overridden.map_or(column, |(_, _, instead)| *instead)
        };
        let key = keys(table, columns);
        let (key, list): (Vec<_>, Vec<_>) = match self.engine {
            Engine::Sqlite => {
                let cell = |(name, _): &(&'static str, char)| {
                    let value = overridden(name);
                    format!("typeof({value}), CAST(CAST({value} AS TEXT) AS BLOB)")
                };
                let key = key.iter().map(|(name, _)| format!("CAST({name} AS BLOB)"));
                (key.collect(), columns.iter().map(cell).collect())
            }
            Engine::Postgres => {
                let cell = |(name, _): &(&'static str, char)| format!("CAST({} AS TEXT)", overridden(name));
                let key = key.iter().map(|(name, _)| format!("CAST({name} AS TEXT) COLLATE \"C\""));
                (key.collect(), columns.iter().map(cell).collect())
            }
        };
        let sql = format!(
            "SELECT {} FROM {table} WHERE $1 = 0 OR ({}) > ({}) ORDER BY {} LIMIT $2 + 0",
            list.join(", "),
            key.join(", "),
            rows::placeholders(3, key.len()),
            key.join(", ")
        );
        let mut query = sqlx::query(AssertSqlSafe(sql)).bind(i64::from(after.is_some())).bind(ROWS);
        for at in 0..key.len() {
            let after = after.and_then(|after| after.get(at)).map_or(&[][..], Vec::as_slice);
            query = match self.engine {
                Engine::Sqlite => query.bind(after.to_vec()),
                Engine::Postgres => query.bind(String::from_utf8_lossy(after).into_owned()),
            };
        }
        let found = query.fetch_all(&self.pool).await?;
        Ok(found.iter().map(|row| cells(self.engine, columns, row)).collect())
    }

    /// Inserts rows the store does not have, and merges those it has; returns how many of them it has afterwards.
    async fn take_in(
        &self,
        table: &str,
        columns: &Columns,
        rows: &[Vec<Option<String>>],
        steps: &CopiedSteps,
    ) -> Result<i64, StoreError> {
        self.again(|| self.take_in_once(table, columns, rows, steps)).await
    }

    async fn take_in_once(
        &self,
        table: &str,
        columns: &Columns,
        rows: &[Vec<Option<String>>],
        steps: &CopiedSteps,
    ) -> Result<i64, StoreError> {
        let values = columns
            .iter()
            .enumerate()
            .map(|(at, (_, kind))| match kind {
                'i' => format!("CAST(${} AS BIGINT)", at + 1),
                _ => format!("${}", at + 1),
            })
            .collect::<Vec<_>>()
            .join(", ");
        let merged = ON_CONFLICT.iter().find(|(of, _)| *of == table).map_or("DO NOTHING", |(_, merged)| merged);
        let insert = format!("INSERT INTO {table} ({}) VALUES ({values}) ON CONFLICT {merged}", names(columns));
        let key = keys(table, columns);
        let is_it = |(at, (name, _)): (usize, &(&str, char))| format!("CAST({name} AS TEXT) = ${}", at + 1);
        let is_it: Vec<_> = key.iter().enumerate().map(is_it).collect();
        let check = format!("SELECT 1 FROM {table} WHERE {}", is_it.join(" AND "));
        let mut present = 0;
        let mut transaction = self.begin().await?;
        for row in rows {
            let mut query = sqlx::query(AssertSqlSafe(insert.as_str()));
            for value in row {
                query = query.bind(value.clone());
            }
            let done = query.execute(&mut *transaction).await?;
            // Of a lead that stays as it is here the steps do, too.
            if done.rows_affected() == 1
                && let Some(id) = &row[0]
            {
                steps.take_in(&mut transaction, id).await?;
            }
            let is_there = done.rows_affected() == 1 || {
                let query = sqlx::query(AssertSqlSafe(check.as_str()));
                let query =
                    row[..key.len()].iter().fold(query, |query, key| query.bind(key.clone().unwrap_or_default()));
                query.fetch_optional(&mut *transaction).await?.is_some()
            };
            present += i64::from(is_there);
        }
        transaction.commit().await?;
        Ok(present)
    }

    /// Takes a damaged row, if it can be held here at all.
    async fn take_damaged(
        &self,
        columns: &Columns,
        (row, lossy): (CellRow, Vec<Option<String>>),
        steps: &CopiedSteps,
        forgotten: &ForgottenElsewhere,
        copied: &mut Copied,
    ) -> Result<(), StoreError> {
        // Somebody who was forgotten is not to come back in a damaged row either.
        let mut left = vec![lossy.clone()];
        forgotten.leave_out(copied.table, columns, &mut left);
        let taken = match left.pop() {
            None => Ok(true),
            Some(wiped) if wiped != lossy => {
                self.take_in(copied.table, columns, &[wiped], steps).await.map(|taken| taken == 1)
            }
            Some(_) => match as_it_can_be_held(self.engine, columns, row.clone()) {
                Some(row) => self.again(|| self.insert_cells(copied.table, columns, &row, steps)).await,
                None => Ok(false),
            },
        };
        match taken {
            Ok(true) => (copied.present, copied.damaged) = (copied.present + 1, copied.damaged + 1),
            Ok(false) => copied.left_behind.push(name(columns, &row)),
            // The store itself does not work.
            Err(StoreError::Unavailable(error)) if !matches!(error, sqlx::Error::Database(_)) => {
                return Err(StoreError::Unavailable(error));
            }
            Err(error) => {
                warn!(table = copied.table, %error, "a damaged row cannot be copied");
                copied.left_behind.push(name(columns, &row));
            }
        }
        Ok(())
    }

    /// Inserts a row cell by cell, each of its own type; a row that is there stays. Whether it is there afterwards.
    async fn insert_cells(
        &self,
        table: &str,
        columns: &Columns,
        row: &CellRow,
        steps: &CopiedSteps,
    ) -> Result<bool, StoreError> {
        let value = |(at, (cell, (_, column))): (usize, (&Cell, &(&str, char)))| {
            let place = format!("${}", at + 1);
            match (self.engine, cell.kind) {
                (Engine::Sqlite, Kind::Integer) => format!("CAST(CAST({place} AS TEXT) AS INTEGER)"),
                (Engine::Sqlite, Kind::Real) => format!("CAST(CAST({place} AS TEXT) AS REAL)"),
                (Engine::Sqlite, Kind::Text) => format!("CAST({place} AS TEXT)"),
                (Engine::Sqlite, Kind::Null | Kind::Blob) => place,
                (Engine::Postgres, _) if *column == 'i' => format!("CAST({place} AS BIGINT)"),
                (Engine::Postgres, _) => place,
            }
        };
        let values: Vec<String> = row.iter().zip(columns).enumerate().map(value).collect();
        let insert =
            format!("INSERT INTO {table} ({}) VALUES ({}) ON CONFLICT DO NOTHING", names(columns), values.join(", "));
        let mut query = sqlx::query(AssertSqlSafe(insert));
        for cell in row {
            query = match (self.engine, cell.kind) {
                (Engine::Sqlite, Kind::Null) => query.bind(None::<Vec<u8>>),
                (Engine::Sqlite, _) => query.bind(cell.bytes.clone()),
                (Engine::Postgres, _) => query.bind(cell.lossy()),
            };
        }
        let mut transaction = self.begin().await?;
        if query.execute(&mut *transaction).await?.rows_affected() == 1 {
            if let Some(id) = row[0].lossy() {
                steps.take_in(&mut transaction, &id).await?;
            }
            transaction.commit().await?;
            return Ok(true);
        }
        let key = keys(table, columns);
        let is_it =
            |(at, (name, _)): (usize, &(&str, char))| format!("{} = ${}", rows::bytes(self.engine, name), at + 1);
        let is_it: Vec<_> = key.iter().enumerate().map(is_it).collect();
        let mut check = sqlx::query(AssertSqlSafe(format!("SELECT 1 FROM {table} WHERE {}", is_it.join(" AND "))));
        for cell in &row[..key.len()] {
            check = match self.engine {
                Engine::Sqlite => check.bind(cell.bytes.clone()),
                Engine::Postgres => check.bind(cell.lossy()),
            };
        }
        Ok(check.fetch_optional(&mut *transaction).await?.is_some())
    }

    async fn count(&self, table: &str) -> Result<i64, StoreError> {
        Ok(sqlx::query(AssertSqlSafe(format!("SELECT COUNT(*) FROM {table}")))
            .fetch_one(&self.pool)
            .await?
            .try_get(0)?)
    }
}
