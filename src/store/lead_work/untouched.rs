//! Leads that nobody has dealt with yet: when somebody first does, and when it is said that nobody has.

use sqlx::{AnyConnection, AssertSqlSafe};

use crate::{clock::Millis, fault::point, lead::LeadNumber};

use super::super::{LeadWork, NewMessage, StoreError, json, outbox, rows};
use super::OwedWork;

/// Somebody has dealt with a lead, for whatever commits that; the first time counts, and `true` says that this was it.
pub(super) async fn touch(
    connection: &mut AnyConnection,
    number: &str,
    by: &str,
    at: Millis,
) -> Result<bool, StoreError> {
    let done = sqlx::query(
        "UPDATE lead_work SET touched_at = $1, touched_by = $2, remind_at = NULL WHERE number = $3 AND touched_at IS NULL",
    )
    .bind(at)
    .bind(by)
    .bind(number)
    .execute(connection)
    .await?;
    Ok(done.rows_affected() == 1)
}

impl LeadWork {
    /// Somebody has dealt with a lead: pressed, written to the buyer, or worked on it in amoCRM. The first time counts; says
    /// whether this was it.
    pub async fn touched(&self, number: &LeadNumber, by: &str, at: Millis) -> Result<bool, StoreError> {
        let what = (number.as_str().to_owned(), by.to_owned());
        self.write(what, move |(number, by), connection| {
            Box::pin(async move { Ok(touch(connection, number, by, at).await?) })
        })
        .await
    }

    /// The lead that nobody has dealt with for longest, of those of which that is to be said now, and how often it was.
    pub async fn untouched(&self) -> Result<Option<(OwedWork, i64)>, StoreError> {
        let text = |column| rows::bytes(self.engine, column);
        let number = |column| rows::numbers(self.engine, column);
        let sql = format!(
            "SELECT {}, {}, {}, {} FROM lead_work WHERE remind_at IS NOT NULL AND remind_at <= $1 AND touched_at IS NULL \
             ORDER BY remind_at LIMIT 1",
            text("lead_id"),
            text("number"),
            number("since"),
            number("reminders")
        );
        loop {
            let query = sqlx::query(AssertSqlSafe(sql.as_str())).bind(self.clock.now());
            let Some(row) = query.fetch_optional(&self.pool).await? else { return Ok(None) };
            let lead_id = rows::lossy(&row, 0).unwrap_or_default();
            let number = rows::lossy(&row, 1).and_then(|number| LeadNumber::parse(&number));
            if let Some((number, since)) = number.zip(rows::number(&row, 2)) {
                return Ok(Some((OwedWork { lead_id, number, since }, rows::number(&row, 3).unwrap_or(0))));
            }
            // Damaged: nobody could say which lead it is, and those behind it are to be spoken of.
            sqlx::query("UPDATE lead_work SET remind_at = NULL WHERE lead_id = $1")
                .bind(lead_id)
                .execute(&self.pool)
                .await?;
        }
    }

    /// Says that nobody has dealt with a lead, where that is still so, and when it is said next; `before` is how often it was.
    pub async fn remind(
        &self,
        lead_id: &str,
        before: i64,
        message: Option<&NewMessage>,
        next: Option<Millis>,
    ) -> Result<(), StoreError> {
        let now = self.clock.now();
        self.write((lead_id.to_owned(), message.cloned()), move |(lead_id, message), connection| {
            Box::pin(async move {
                let done = sqlx::query(
                    "UPDATE lead_work SET reminders = reminders + 1, remind_at = CAST($1 AS BIGINT) WHERE lead_id = $2 \
                     AND touched_at IS NULL AND reminders = $3",
                )
                .bind(next)
                .bind(lead_id)
                .bind(before)
                .execute(&mut *connection)
                .await?;
                if let (1, Some(message)) = (done.rows_affected(), message) {
                    outbox::insert(connection, message.chat_id, &json(&message.notice), message.due_at, now).await?;
                }
                point("reminder.in_commit");
                Ok(())
            })
        })
        .await?;
        point("reminder.stored");
        self.wakes.messages.notify_one();
        Ok(())
    }

    /// When something is to be said next.
    pub async fn next_due(&self) -> Result<Option<Millis>, StoreError> {
        let sql = format!(
            "SELECT MIN({}) FROM lead_work WHERE remind_at IS NOT NULL AND touched_at IS NULL",
            rows::only_numbers("remind_at")
        );
        Ok(rows::number(&sqlx::query(AssertSqlSafe(sql)).fetch_one(&self.pool).await?, 0))
    }
}
