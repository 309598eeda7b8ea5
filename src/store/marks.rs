//! Small marks that processes leave for each other and for their next start.

use sqlx::AssertSqlSafe;

use crate::clock::Millis;

use super::{Dialogues, Mark, MarkFamily, Marks, NewMessage, StoreError, json, outbox, rows};

pub(super) async fn write(
    connection: &mut sqlx::AnyConnection,
    mark: &Mark,
    value: &str,
    now: Millis,
) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO marks (name, value, written_at) VALUES ($1, $2, $3) \
         ON CONFLICT (name) DO UPDATE SET value = excluded.value, written_at = excluded.written_at",
    )
    .bind(mark.name())
    .bind(value)
    .bind(now)
    .execute(connection)
    .await?;
    Ok(())
}

/// A pattern for LIKE with `!` as its escape.
fn beginning_with(prefix: &str) -> String {
    format!("{}%", prefix.replace('!', "!!").replace('_', "!_").replace('%', "!%"))
}

impl Dialogues {
    /// Whether the admin is told of each new lead.
    pub async fn tell_new_leads(&self) -> Result<bool, StoreError> {
        self.marks().tell_new_leads().await
    }
}

impl Marks {
    /// Whether the admin is told of each new lead; not until somebody has switched it on.
    pub async fn tell_new_leads(&self) -> Result<bool, StoreError> {
        Ok(self.get(&Mark::NewLeads).await?.is_some_and(|value| value == "on"))
    }

    /// The value of a mark; one that cannot be read is as good as none, and is replaced by the next.
    pub async fn get(&self, mark: &Mark) -> Result<Option<String>, StoreError> {
        let sql = format!("SELECT {} FROM marks WHERE name = $1", rows::bytes(self.engine, "value"));
        let row = sqlx::query(AssertSqlSafe(sql)).bind(mark.name()).fetch_optional(&self.pool).await?;
        Ok(row.and_then(|row| rows::text(&row, 0, "a mark").ok()))
    }

    /// The value of a mark and when it was left.
    pub async fn get_with_time(&self, mark: &Mark) -> Result<Option<(String, Millis)>, StoreError> {
        let (value, at) = (rows::bytes(self.engine, "value"), rows::numbers(self.engine, "written_at"));
        let sql = format!("SELECT {value}, {at} FROM marks WHERE name = $1");
        let row = sqlx::query(AssertSqlSafe(sql)).bind(mark.name()).fetch_optional(&self.pool).await?;
        Ok(row.and_then(|row| Some((rows::text(&row, 0, "a mark").ok()?, rows::number(&row, 1)?))))
    }

    /// Removes a mark, if it is there.
    pub async fn remove(&self, mark: &Mark) -> Result<(), StoreError> {
        sqlx::query("DELETE FROM marks WHERE name = $1").bind(mark.name()).execute(&self.pool).await?;
        Ok(())
    }

    /// Leaves a mark.
    pub async fn set(&self, mark: &Mark, value: &str) -> Result<(), StoreError> {
        let mark = (mark.clone(), value.to_owned(), self.clock.now());
        self.write(mark, |(mark, value, now), connection| {
            Box::pin(async move { Ok(write(connection, mark, value, *now).await?) })
        })
        .await
    }

    /// Leaves a mark where there is none yet, and with it a message, in one commit; `true` when it was left now.
    pub async fn set_once(&self, mark: &Mark, value: &str, message: Option<&NewMessage>) -> Result<bool, StoreError> {
        let left = self.again(|| self.set_once_once(mark, value, message)).await?;
        if left {
            self.wakes.messages.notify_one();
        }
        Ok(left)
    }

    async fn set_once_once(&self, mark: &Mark, value: &str, message: Option<&NewMessage>) -> Result<bool, StoreError> {
        let now = self.clock.now();
        let mut transaction = self.begin().await?;
        let done = sqlx::query(
            "INSERT INTO marks (name, value, written_at) VALUES ($1, $2, $3) ON CONFLICT (name) DO NOTHING",
        )
        .bind(mark.name())
        .bind(value)
        .bind(now)
        .execute(&mut *transaction)
        .await?;
        let left = done.rows_affected() == 1;
        if let (true, Some(message)) = (left, message) {
            let body = json(&message.notice);
            outbox::insert(&mut transaction, message.chat, &body, message.due_at, now).await?;
        }
        transaction.commit().await?;
        Ok(left)
    }

    /// All marks of a family that this version can read, with their values.
    pub async fn family(&self, family: MarkFamily) -> Result<Vec<(Mark, String)>, StoreError> {
        let (name, value) = (rows::bytes(self.engine, "name"), rows::bytes(self.engine, "value"));
        let sql = format!("SELECT {name}, {value} FROM marks WHERE name LIKE $1 ESCAPE '!' ORDER BY name");
        let rows = sqlx::query(AssertSqlSafe(sql)).bind(beginning_with(family.prefix())).fetch_all(&self.pool).await?;
        let readable = |row| {
            let name = rows::text(row, 0, "a mark").ok()?;
            Some((Mark::parse(&name)?, rows::text(row, 1, "a mark").ok()?))
        };
        Ok(rows.iter().filter_map(readable).collect())
    }

    /// Removes a mark that was left at or after `since`; `true` when it was there: of several callers exactly one gets
    /// `true`. Looks before it writes, so that guessing names costs no write.
    pub async fn take_young(&self, mark: &Mark, since: Millis) -> Result<bool, StoreError> {
        if self.get(mark).await?.is_none() {
            return Ok(false);
        }
        let done = sqlx::query("DELETE FROM marks WHERE name = $1 AND written_at >= $2")
            .bind(mark.name())
            .bind(since)
            .execute(&self.pool)
            .await?;
        Ok(done.rows_affected() == 1)
    }

    /// Removes the marks of a family that were left before `before`.
    pub async fn remove_old(&self, family: MarkFamily, before: Millis) -> Result<(), StoreError> {
        sqlx::query("DELETE FROM marks WHERE name LIKE $1 ESCAPE '!' AND written_at < $2")
            .bind(beginning_with(family.prefix()))
            .bind(before)
            .execute(&self.pool)
            .await?;
        Ok(())
    }
}
