//! Copies a whole store: between engines, and into a file as a backup, while a daemon may run on it.
//!
//! **Promise.** A copy may be made again and never takes back what the target has got on with. A copy does not know what
//! happens to its original afterwards, and an old backup may be put back: what amoCRM has not got according to a copy is
//! looked up there before it is created. (The tokens live elsewhere with SQLite; whoever copies a store moves them too.)

use sqlx::{AssertSqlSafe, Row};

use super::{Engine, Store, StoreError};

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
            ("sent_at", 'i'),
            ("lookups", 'i'),
            ("lookups_needed", 'i'),
            ("solo", 'i'),
            ("degradation", 't'),
            ("crm_lead_id", 'i'),
            ("note_sent_at", 'i'),
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

/// What a copy says instead of what a column holds: nobody works on the copy, and what is not known to be in amoCRM may
/// be there all the same by the time the copy is used.
const TAKEN_AS: &[(&str, &str, &str)] = &[
    ("leads", "leased_by", "NULL"),
    ("leads", "leased_until", "0"),
    (
        "leads",
        "sent_at",
        "CASE WHEN state <> 'delivered' AND crm_lead_id IS NULL THEN COALESCE(sent_at, submitted_at) ELSE sent_at END",
    ),
    (
        "leads",
        "lookups_needed",
        "CASE WHEN state <> 'delivered' AND crm_lead_id IS NULL AND sent_at IS NULL THEN 1 ELSE lookups_needed END",
    ),
    (
        "leads",
        "note_sent_at",
        "CASE WHEN state <> 'delivered' THEN COALESCE(note_sent_at, submitted_at) ELSE note_sent_at END",
    ),
];

/// What becomes of a row that the target has already; otherwise it stays as it is.
const MERGED: &[(&str, &str)] = &[
    // What is over in one store is over; what one store may have sent is uncertain in both.
    (
        "leads",
        "(id) DO UPDATE SET \
         state = CASE WHEN excluded.state = 'waiting' THEN leads.state ELSE excluded.state END, \
         crm_lead_id = COALESCE(leads.crm_lead_id, excluded.crm_lead_id), \
         delivered_at = COALESCE(leads.delivered_at, excluded.delivered_at), \
         sent_at = COALESCE(leads.sent_at, excluded.sent_at), \
         note_sent_at = COALESCE(leads.note_sent_at, excluded.note_sent_at), \
         lookups = CASE WHEN excluded.lookups_needed = 1 THEN leads.lookups ELSE 0 END, \
         lookups_needed = CASE WHEN excluded.lookups_needed = 1 THEN leads.lookups_needed ELSE 0 END \
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

/// Names of the tables that are copied.
pub(super) fn tables() -> impl Iterator<Item = &'static str> {
    TABLES.iter().map(|(table, _)| *table)
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
                present += target.take_in(table, columns, &rows).await?;
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
        let taken_as = |column: &str| TAKEN_AS.iter().find(|(of, name, _)| *of == table && *name == column);
        let list = columns
            .iter()
            .map(|(name, _)| format!("CAST({} AS TEXT)", taken_as(name).map_or(*name, |(_, _, taken_as)| taken_as)))
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
    ) -> Result<i64, StoreError> {
        self.again(|| self.take_in_once(table, columns, rows)).await
    }

    async fn take_in_once(
        &self,
        table: &str,
        columns: &[(&str, char)],
        rows: &[Vec<Option<String>>],
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
        let merged = MERGED.iter().find(|(of, _)| *of == table).map_or("DO NOTHING", |(_, merged)| merged);
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
