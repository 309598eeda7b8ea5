//! The budget of requests: of one person, checked in the commit that takes one, and what comes from all.
//!
//! Turns of one chat are one after the other, on PostgreSQL too: each writes the row of its dialogue, and whoever waited
//! for it is overtaken and undone. So what is counted here is all there is.

use std::time::Duration;

use sqlx::Row;

use crate::{
    clock::{Clock, Millis},
    config::LeadLimits,
    lead::Lead,
};

use super::{Dialogues, Leads, Mark, NewMessage, StoreError, json, outbox};

const HOUR: Duration = Duration::from_secs(3600);
const DAY: Duration = Duration::from_secs(24 * 3600);

/// What buyers' chats have sent within the last hour.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Arrivals {
    /// Requests that were taken.
    pub leads: i64,
    /// From so many people.
    pub people: i64,
}

/// When the sender of a lead may send it, where the limits are reached by what they have sent before.
pub(super) async fn reached(
    connection: &mut sqlx::AnyConnection,
    clock: Clock,
    lead: &Lead,
    limits: LeadLimits,
    now: Millis,
) -> Result<Option<Millis>, StoreError> {
    let mut again_at = None;
    for (limit, window) in [(limits.per_hour, HOUR), (limits.per_day, DAY)] {
        let Some(before_last) = limit.and_then(|limit| limit.checked_sub(1)) else { continue };
        let window = clock.millis(window);
        // The lead itself is there where its first commit was not known to have succeeded. A time ahead of us is of a
        // clock that was wrong.
        let row = sqlx::query(
            "SELECT taken_at FROM leads WHERE user_id = $1 AND taken_at > $2 AND taken_at <= $3 AND id <> $4 \
             ORDER BY taken_at DESC LIMIT 1 OFFSET $5 + 0",
        )
        .bind(lead.buyer.user_id)
        .bind(now - window)
        .bind(now)
        .bind(lead.id.to_string())
        .bind(i64::from(before_last))
        .fetch_optional(&mut *connection)
        .await?;
        if let Some(row) = row {
            again_at = again_at.max(Some(row.try_get::<Millis, _>(0)? + window));
        }
    }
    Ok(again_at)
}

impl Dialogues {
    /// Enqueues what the admin is told of a person who has reached the limits, once for each person and day.
    pub async fn tell_of_limit(&self, user_id: i64, message: &NewMessage) -> Result<(), StoreError> {
        self.again(|| self.tell_of_limit_once(user_id, message)).await
    }

    async fn tell_of_limit_once(&self, user_id: i64, message: &NewMessage) -> Result<(), StoreError> {
        let now = self.clock.now();
        let day = now / self.clock.millis(DAY).max(1);
        let mut transaction = self.begin().await?;
        let done =
            sqlx::query("INSERT INTO marks (name, value, written_at) VALUES ($1, '', $2) ON CONFLICT DO NOTHING")
                .bind(Mark::LimitTold { user_id, day }.name())
                .bind(now)
                .execute(&mut *transaction)
                .await?;
        if done.rows_affected() == 1 {
            outbox::insert(&mut transaction, message.chat, &json(&message.notice), message.due_at, now).await?;
        }
        transaction.commit().await?;
        self.wakes.messages.notify_one();
        Ok(())
    }
}

impl Leads {
    /// How many requests buyers' chats have sent since a moment.
    pub async fn taken_since(&self, since: Millis) -> Result<i64, StoreError> {
        let row =
            sqlx::query("SELECT COUNT(*) FROM leads WHERE taken_at > $1").bind(since).fetch_one(&self.pool).await?;
        Ok(row.try_get(0)?)
    }

    /// What buyers' chats have sent within the last hour.
    pub async fn arrivals(&self) -> Result<Arrivals, StoreError> {
        let now = self.clock.now();
        let row =
            sqlx::query("SELECT COUNT(*), COUNT(DISTINCT user_id) FROM leads WHERE taken_at > $1 AND taken_at <= $2")
                .bind(now - self.clock.millis(HOUR))
                .bind(now)
                .fetch_one(&self.pool)
                .await?;
        Ok(Arrivals { leads: row.try_get(0)?, people: row.try_get(1)? })
    }
}
