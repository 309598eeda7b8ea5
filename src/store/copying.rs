//! Copies a whole store: between engines, and into a file as a backup, while a daemon may run on it.
//!
//! **Promise.** A copy may be made again and never takes back what the target has got on with. A copy does not know what
//! happens to its original afterwards, and an old backup may be put back: what amoCRM has not got according to a copy is
//! looked up there before it is created. (The tokens live elsewhere with SQLite; whoever copies a store moves them too.)

mod steps;

use sqlx::{AssertSqlSafe, Row};

use super::{Engine, Store, StoreError};

use steps::CopiedSteps;

/// Every table with its columns: `t` text, `i` integer; the first column is the key.
const TABLES: &[(&str, &[(&str, char)])] = &[
    ("forgotten", &[("id", 't'), ("forgotten_at", 'i')]),
    (
        "leads",
        &[
            ("id", 't'),
            ("number", 't'),
            ("state", 't'),
            ("body", 't'),
            ("user_id", 'i'),
            ("submitted_at", 'i'),
            ("due_at", 'i'),
            ("attempts", 'i'),
            ("leased_by", 't'),
            ("leased_until", 'i'),
            ("contact_id", 'i'),
            ("solo", 'i'),
            ("degradation", 't'),
            ("delivered_at", 'i'),
            ("last_error", 't'),
            ("last_error_at", 'i'),
            ("buyer_told", 'i'),
            ("admin_told", 'i'),
            ("admin_copied", 'i'),
            ("taken_at", 'i'),
            ("forgotten_at", 'i'),
        ],
    ),
    (
        "dialogues",
        &[("chat_id", 'i'), ("step", 't'), ("draft", 't'), ("update_id", 'i'), ("update_at", 'i'), ("replies", 't')],
    ),
    (
        "messages",
        &[("id", 't'), ("chat_id", 'i'), ("body", 't'), ("created_at", 'i'), ("due_at", 'i'), ("attempts", 'i')],
    ),
    ("customers", &[("phone", 't'), ("contact_id", 'i'), ("seen_at", 'i')]),
    ("imports", &[("fingerprint", 't'), ("lead_id", 't'), ("imported_at", 'i')]),
    ("alerts", &[("kind", 't'), ("opened_at", 'i'), ("body", 't')]),
    (
        "set_aside",
        &[("update_id", 'i'), ("chat_id", 'i'), ("kind", 't'), ("error", 't'), ("body", 't'), ("set_aside_at", 'i')],
    ),
    ("marks", &[("name", 't'), ("value", 't'), ("written_at", 'i')]),
];

/// What a copy says instead of what a column holds: nobody works on the copy.
const COPY_OVERRIDES: &[(&str, &str, &str)] = &[("leads", "leased_by", "NULL"), ("leads", "leased_until", "0")];

/// What becomes of a row that the target has already; otherwise it stays as it is.
const ON_CONFLICT: &[(&str, &str)] = &[
    // What is over in one store is over; what one store may have sent is uncertain in both.
    (
        "leads",
        "(id) DO UPDATE SET \
         state = CASE WHEN excluded.state = 'waiting' THEN leads.state ELSE excluded.state END, \
         delivered_at = COALESCE(leads.delivered_at, excluded.delivered_at) \
         WHERE (leads.state IN ('waiting', 'rejected') AND excluded.state IN ('delivered', 'discarded')) \
         OR (leads.state = 'waiting' AND excluded.state = 'waiting')",
    ),
    (
        "dialogues",
        "(chat_id) DO UPDATE SET step = excluded.step, draft = excluded.draft, update_id = excluded.update_id, \
         update_at = excluded.update_at, replies = excluded.replies WHERE excluded.update_at > dialogues.update_at \
         OR (excluded.update_at = dialogues.update_at AND excluded.update_id > dialogues.update_id)",
    ),
];

/// Names of the tables that are copied; the steps of leads go along with their leads.
pub(super) fn tables() -> impl Iterator<Item = &'static str> {
    TABLES.iter().map(|(table, _)| *table).chain(["lead_steps"])
}

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
}

impl Store {
    /// Copies everything the target does not have yet, without the tokens; a second copy of the same changes nothing.
    pub async fn copy_to(&self, target: &Store) -> Result<Vec<Copied>, StoreError> {
        let mut report = Vec::new();
        let forgotten = self.forgotten_elsewhere(target).await?;
        for (table, columns) in TABLES {
            let (mut source, mut present) = (0, 0);
            // By key and not by offset, so that rows which come or go meanwhile shift nothing.
            let mut last: Option<String> = None;
            loop {
                let mut rows = self.page(table, columns, last.as_deref()).await?;
                let Some(newest) = rows.last() else { break };
                last = Some(newest[0].clone().unwrap_or_default());
                let all = rows.len() as i64;
                forgotten.leave_out(table, columns, &mut rows);
                source += all;
                // What is left out on purpose is where it belongs.
                present += all - rows.len() as i64;
                let steps = match *table {
                    "leads" => self.steps_for_a_copy(columns, &rows).await?,
                    _ => CopiedSteps::default(),
                };
                present += target.take_in(table, columns, &rows, &steps).await?;
            }
            report.push(Copied { table, source, target: 0, present });
        }
        target.forget_again(&[]).await?;
        for table in &mut report {
            table.target = target.count(table.table).await?;
        }
        Ok(report)
    }

    /// Writes what stands in SQLite's log into the file, which is the whole store then, whoever may have it open.
    pub async fn fold(&self) -> Result<(), StoreError> {
        if self.engine == Engine::Sqlite {
            sqlx::query("PRAGMA wal_checkpoint(TRUNCATE)").execute(&self.pool).await?;
        }
        Ok(())
    }

    /// Rows after a key, every value as text; keys are compared as text on both engines.
    async fn page(
        &self,
        table: &str,
        columns: &[(&str, char)],
        after: Option<&str>,
    ) -> Result<Vec<Vec<Option<String>>>, StoreError> {
        let key = match self.engine {
            Engine::Sqlite => format!("CAST({} AS TEXT)", columns[0].0),
            Engine::Postgres => format!("CAST({} AS TEXT) COLLATE \"C\"", columns[0].0),
        };
        let overridden = |column: &str| COPY_OVERRIDES.iter().find(|(of, name, _)| *of == table && *name == column);
        let list = columns
            .iter()
            .map(|(name, _)| format!("CAST({} AS TEXT)", overridden(name).map_or(*name, |(_, _, instead)| instead)))
            .collect::<Vec<_>>()
            .join(", ");
        let sql = format!("SELECT {list} FROM {table} WHERE $1 = 0 OR {key} > $2 ORDER BY {key} LIMIT $3");
        let rows = sqlx::query(AssertSqlSafe(sql))
            .bind(i64::from(after.is_some()))
            .bind(after.unwrap_or_default())
            .bind(ROWS)
            .fetch_all(&self.pool)
            .await?;
        rows.iter().map(|row| (0..columns.len()).map(|at| Ok(row.try_get(at)?)).collect()).collect()
    }

    /// Inserts rows the store does not have, and merges those it has; returns how many of them it has afterwards.
    async fn take_in(
        &self,
        table: &str,
        columns: &[(&str, char)],
        rows: &[Vec<Option<String>>],
        steps: &CopiedSteps,
    ) -> Result<i64, StoreError> {
        self.again(|| self.take_in_once(table, columns, rows, steps)).await
    }

    async fn take_in_once(
        &self,
        table: &str,
        columns: &[(&str, char)],
        rows: &[Vec<Option<String>>],
        steps: &CopiedSteps,
    ) -> Result<i64, StoreError> {
        let names = columns.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(", ");
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
        let insert = format!("INSERT INTO {table} ({names}) VALUES ({values}) ON CONFLICT {merged}");
        let check = format!("SELECT 1 FROM {table} WHERE CAST({} AS TEXT) = $1", columns[0].0);
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
            if done.rows_affected() == 1
                || sqlx::query(AssertSqlSafe(check.as_str()))
                    .bind(row[0].clone().unwrap_or_default())
                    .fetch_optional(&mut *transaction)
                    .await?
                    .is_some()
            {
                present += 1;
            }
        }
        transaction.commit().await?;
        Ok(present)
    }

    async fn count(&self, table: &str) -> Result<i64, StoreError> {
        Ok(sqlx::query(AssertSqlSafe(format!("SELECT COUNT(*) FROM {table}")))
            .fetch_one(&self.pool)
            .await?
            .try_get(0)?)
    }
}
