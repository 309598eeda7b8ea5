//! Leads that nobody has dealt with yet: when somebody first does, and when it is said that nobody has.

use sqlx::{AnyConnection, AssertSqlSafe};

use crate::{clock::Millis, fault::point, lead::LeadNumber};

use super::super::{LeadWork, NewMessage, StoreError, json, outbox, rows};
use super::OwedWork;

/// So many are looked at at once.
const MOST: usize = 100;

/// A lead that nobody has dealt with, as far as is known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Untouched {
    /// Which.
    pub owed: OwedWork,
    /// How often it was said that nobody has.
    pub reminders: i64,
    /// When it is said next.
    pub remind_at: Option<Millis>,
    /// amoCRM's id of it; `None` where it is not there yet.
    pub crm_lead_id: Option<i64>,
    /// It is a note under an older lead of its buyer's.
    pub is_attached: bool,
}

/// Somebody has dealt with a lead, for whatever commits that; the first time counts, and `true` says that this was it.
pub(in crate::store) async fn touch(
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

    /// Leads that nobody has dealt with and of which that is to be said now, those first of which it is overdue longest: some of
    /// them.
    pub async fn untouched(&self) -> Result<Vec<Untouched>, StoreError> {
        self.untouched_where("remind_at IS NOT NULL AND remind_at <= $1 ORDER BY remind_at", self.clock.now()).await
    }

    /// Leads of a managers' chat that came since then and that nobody has dealt with, as far as is known, the newest first:
    /// some of them.
    pub async fn untouched_since(&self, since: Millis) -> Result<Vec<Untouched>, StoreError> {
        let which = "lead_work.chat_id IS NOT NULL AND lead_work.shown = 'delivered' AND lead_work.since >= $1 \
                     ORDER BY lead_work.since DESC";
        self.untouched_where(which, since).await
    }

    async fn untouched_where(&self, which: &str, bound: Millis) -> Result<Vec<Untouched>, StoreError> {
        let text = |column| rows::bytes(self.engine, column);
        let number = |column| rows::numbers(self.engine, column);
        let sql = format!(
            "SELECT {}, {}, {}, {}, {}, {}, {} FROM lead_work \
             LEFT JOIN leads ON leads.id = lead_work.lead_id \
             LEFT JOIN lead_steps ON lead_steps.lead_id = lead_work.lead_id AND lead_steps.step = 'lead' \
             WHERE lead_work.touched_at IS NULL AND {which} LIMIT {MOST}",
            text("lead_work.lead_id"),
            text("lead_work.number"),
            number("lead_work.since"),
            number("lead_work.reminders"),
            number("lead_work.remind_at"),
            number("lead_steps.remote_id"),
            number("leads.attached_at"),
        );
        let mut untouched = Vec::new();
        for row in sqlx::query(AssertSqlSafe(sql)).bind(bound).fetch_all(&self.pool).await? {
            let lead_id = rows::lossy(&row, 0).unwrap_or_default();
            let number = rows::lossy(&row, 1).and_then(|number| LeadNumber::parse(&number));
            if let Some((number, since)) = number.zip(rows::number(&row, 2)) {
                untouched.push(Untouched {
                    owed: OwedWork { lead_id, number, since },
                    reminders: rows::number(&row, 3).unwrap_or(0),
                    remind_at: rows::number(&row, 4),
                    crm_lead_id: rows::number(&row, 5),
                    is_attached: !rows::is_null(&row, 6),
                });
                continue;
            }
            // Damaged: nobody could say which lead it is.
            sqlx::query("UPDATE lead_work SET remind_at = NULL WHERE lead_id = $1")
                .bind(lead_id)
                .execute(&self.pool)
                .await?;
        }
        Ok(untouched)
    }

    /// It is to be said later that nobody has dealt with a lead, where that is still so; `before` is how often it was said.
    pub async fn remind_later(&self, lead_id: &str, before: i64, at: Millis) -> Result<(), StoreError> {
        sqlx::query(
            "UPDATE lead_work SET remind_at = $1 WHERE lead_id = $2 AND touched_at IS NULL AND reminders = $3 \
             AND remind_at IS NOT NULL",
        )
        .bind(at)
        .bind(lead_id)
        .bind(before)
        .execute(&self.pool)
        .await?;
        Ok(())
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
                    outbox::insert(connection, message.chat, &json(&message.notice), message.due_at, now).await?;
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
