//! What is recorded of a file's way: that something goes out, what came of it, and how the way has ended.

use sqlx::AssertSqlSafe;
use ulid::Ulid;

use crate::{clock::Millis, fault::point, lead::one_line};

use super::{
    super::{Files, Lease, NewMessage, StoreError, json, outbox, plain},
    DriveFile, FileEnd, FileOutcome, FileStep, LONGEST_ERROR,
};

impl Files {
    /// Records that a step is about to be sent; `false` where the file is not held any more, and nothing may be sent.
    pub async fn intent(&self, lease: &Lease, id: &str, step: FileStep, until: Millis) -> Result<bool, StoreError> {
        let sql = format!(
            "UPDATE lead_files SET {} = $1, lookups = 0, lookups_needed = 0, leased_until = $2 \
             WHERE id = $3 AND leased_by = $4 AND state = 'waiting'",
            step.column()
        );
        let done = sqlx::query(AssertSqlSafe(sql))
            .bind(self.clock.now())
            .bind(until)
            .bind(id)
            .bind(&lease.id)
            .execute(&self.pool)
            .await?;
        Ok(done.rows_affected() == 1)
    }

    /// Records that the drive has a file's content.
    pub async fn uploaded(&self, id: &str, file: &DriveFile) -> Result<(), StoreError> {
        sqlx::query(
            "UPDATE lead_files SET upload_sent_at = NULL, file_uuid = $1, version_uuid = $2 \
             WHERE id = $3 AND state = 'waiting' AND file_uuid IS NULL",
        )
        .bind(&file.file_uuid)
        .bind(&file.version_uuid)
        .bind(id)
        .execute(&self.pool)
        .await?;
        Ok(())
    }

    /// Records that a file's way has ended, and owes what people are told of it, in one commit; `false` when it had ended
    /// before.
    pub async fn over(
        &self,
        id: &str,
        end: FileEnd,
        note_id: Option<i64>,
        messages: &[NewMessage],
    ) -> Result<bool, StoreError> {
        let over = self.again(|| self.over_once(id, end, note_id, messages)).await?;
        if over && !messages.is_empty() {
            self.wakes.messages.notify_one();
        }
        Ok(over)
    }

    async fn over_once(
        &self,
        id: &str,
        end: FileEnd,
        note_id: Option<i64>,
        messages: &[NewMessage],
    ) -> Result<bool, StoreError> {
        let now = self.clock.now();
        let mut transaction = self.begin().await?;
        let sql = format!(
            "UPDATE lead_files SET state = '{}', note_id = $1, done_at = $2, leased_by = NULL, leased_until = 0, \
             last_error = NULL WHERE id = $3 AND state = 'waiting'",
            end.as_str()
        );
        let done = sqlx::query(AssertSqlSafe(sql)).bind(note_id).bind(now).bind(id).execute(&mut *transaction).await?;
        let over = done.rows_affected() == 1;
        if over {
            for message in messages {
                outbox::insert(&mut transaction, message.chat, &json(&message.notice), message.due_at, now).await?;
            }
        }
        point("file.in_commit");
        transaction.commit().await?;
        Ok(over)
    }

    /// Records what came of a step that is not done and gives the file back until `due_at`, if it is still held. With an
    /// error it is a failure that was about this file.
    pub async fn not_done(
        &self,
        lease: &Lease,
        id: &str,
        step: FileStep,
        outcome: &FileOutcome,
        due_at: Millis,
        error: Option<&str>,
    ) -> Result<(), StoreError> {
        let row = match outcome {
            FileOutcome::NotDone => format!("{} = NULL, lookups = 0, lookups_needed = 0", step.column()),
            FileOutcome::Uncertain { lookups_needed } => format!("lookups = 0, lookups_needed = {lookups_needed}"),
            FileOutcome::Missed { lookups, needed } => format!("lookups = {lookups}, lookups_needed = {needed}"),
        };
        self.give_back(lease, id, due_at, error, &format!("{row}, ")).await
    }

    /// Gives a file back until `due_at` with all that is recorded of its way as it is.
    pub async fn later(&self, lease: &Lease, id: &str, due_at: Millis, error: Option<&str>) -> Result<(), StoreError> {
        self.give_back(lease, id, due_at, error, "").await
    }

    /// Gives a file back until `due_at`; `set` is what else of its row changes, each with a comma behind it.
    async fn give_back(
        &self,
        lease: &Lease,
        id: &str,
        due_at: Millis,
        error: Option<&str>,
        set: &str,
    ) -> Result<(), StoreError> {
        let failed = error.map_or("", |_| ", attempts = attempts + 1, last_error = $4");
        let sql = format!(
            "UPDATE lead_files SET {set}due_at = $1, leased_by = NULL, leased_until = 0{failed} \
             WHERE id = $2 AND leased_by = $3 AND state = 'waiting'"
        );
        let mut query = sqlx::query(AssertSqlSafe(sql)).bind(due_at).bind(id).bind(&lease.id);
        if let Some(error) = error {
            query = query.bind(one_line(&plain(error), LONGEST_ERROR));
        }
        query.execute(&self.pool).await?;
        Ok(())
    }

    /// Gives back what a lease holds, until `due_at` where there is a reason to wait.
    pub async fn release(&self, lease: &Lease, due_at: Option<Millis>) -> Result<(), StoreError> {
        sqlx::query(
            "UPDATE lead_files SET due_at = COALESCE(CAST($1 AS BIGINT), due_at), leased_by = NULL, leased_until = 0 \
             WHERE leased_by = $2",
        )
        .bind(due_at)
        .bind(&lease.id)
        .execute(&self.pool)
        .await?;
        Ok(())
    }

    /// Records that a delivered lead is a part of another one in amoCRM now.
    pub async fn lead_moved(&self, lead: Ulid, crm_lead_id: i64) -> Result<(), StoreError> {
        sqlx::query(
            "UPDATE lead_steps SET remote_id = $1 WHERE lead_id = $2 AND step = 'lead' AND done_at IS NOT NULL",
        )
        .bind(crm_lead_id)
        .bind(lead.to_string())
        .execute(&self.pool)
        .await?;
        Ok(())
    }
}
