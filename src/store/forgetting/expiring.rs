//! What is old is wiped although nobody asked for it: of delivered leads only numbers, ids and times are kept.

use sqlx::{AssertSqlSafe, Row};

use crate::{
    clock::Millis,
    store::{PersonalData, StoreError, rows},
};

use super::wiped_body;

/// So many leads are wiped in one commit.
const AT_ONCE: i64 = 100;

impl PersonalData {
    /// Wipes the bodies of some leads that were delivered before then, oldest first, and of contacts that were not needed since;
    /// returns how many leads, 0 when none is left.
    pub async fn expire_some(&self, before: Millis) -> Result<u64, StoreError> {
        self.again(|| self.expire_once(before)).await
    }

    async fn expire_once(&self, before: Millis) -> Result<u64, StoreError> {
        let sql = format!(
            "SELECT id, number, {} FROM leads WHERE state = 'delivered' AND delivered_at < $1 AND forgotten_at IS NULL \
             AND expired_at IS NULL AND unreadable = 0 ORDER BY delivered_at, id LIMIT {AT_ONCE}",
            rows::bytes(self.engine, "body")
        );
        let old = sqlx::query(AssertSqlSafe(sql)).bind(before).fetch_all(&self.pool).await?;
        let now = self.clock.now();
        let mut transaction = self.begin().await?;
        for row in &old {
            let (id, number): (String, String) = (row.try_get(0)?, row.try_get(1)?);
            let body = rows::lossy(row, 2).and_then(|body| serde_json::from_str(&body).ok()).unwrap_or_default();
            sqlx::query(
                "UPDATE leads SET body = $2, contact_id = NULL, degradation = NULL, last_error = NULL, expired_at = $3 \
                 WHERE id = $1 AND state = 'delivered' AND forgotten_at IS NULL AND expired_at IS NULL",
            )
            .bind(&id)
            .bind(wiped_body(&number, &body))
            .bind(now)
            .execute(&mut *transaction)
            .await?;
            crate::store::lead_files::remove(&mut transaction, &id).await?;
            crate::store::amendments::remove_done(&mut transaction, &id).await?;
            crate::store::talk::remove_old(&mut transaction, (&id, &number)).await?;
            crate::store::lead_work::wiped(&mut transaction, &id, now).await?;
            crate::store::buyer_topics::wiped(&mut transaction, self.engine, &number, now).await?;
        }
        // What was said of them since, once amoCRM has it.
        sqlx::query(
            "DELETE FROM late_notes WHERE done_at < $1 AND kind = 'said' \
             AND lead_id IN (SELECT id FROM leads WHERE expired_at IS NOT NULL)",
        )
        .bind(before)
        .execute(&mut *transaction)
        .await?;
        sqlx::query(
            "DELETE FROM later_messages WHERE kept_at < $1 AND lead_id IN (SELECT id FROM leads WHERE expired_at IS NOT NULL) \
             AND NOT EXISTS (SELECT 1 FROM late_notes WHERE late_notes.id = later_messages.note_id)",
        )
        .bind(before)
        .execute(&mut *transaction)
        .await?;
        sqlx::query("DELETE FROM customers WHERE seen_at < $1").bind(before).execute(&mut *transaction).await?;
        transaction.commit().await?;
        self.wakes.messages.notify_one();
        Ok(old.len() as u64)
    }
}
