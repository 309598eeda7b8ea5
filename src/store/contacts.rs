//! Contacts in amoCRM that were found or made, by phone.

use sqlx::{AnyConnection, AssertSqlSafe};
use ulid::Ulid;

use crate::clock::Millis;

use super::{LeadQueue, StoreError, rows};

impl LeadQueue {
    /// Records the contact a lead is to be attached to.
    pub async fn record_contact(&self, lead: Ulid, phone: &str, contact_id: i64) -> Result<(), StoreError> {
        self.again(|| self.record_contact_once(lead, phone, contact_id)).await
    }

    async fn record_contact_once(&self, lead: Ulid, phone: &str, contact_id: i64) -> Result<(), StoreError> {
        let mut transaction = self.begin().await?;
        attach(&mut transaction, lead, phone, contact_id, self.clock.now()).await?;
        transaction.commit().await?;
        Ok(())
    }

    /// The contact remembered for a phone (E.164).
    pub async fn known_contact(&self, phone: &str) -> Result<Option<i64>, StoreError> {
        let sql = format!("SELECT {} FROM customers WHERE phone = $1", rows::numbers(self.engine, "contact_id"));
        let row = sqlx::query(AssertSqlSafe(sql)).bind(phone).fetch_optional(&self.pool).await?;
        // Damaged, it is as good as none: the contact is looked for and remembered again.
        Ok(row.as_ref().and_then(|row| rows::number(row, 0)))
    }

    /// Forgets a contact that amoCRM does not know any more.
    pub async fn forget_contact(&self, lead: Ulid, phone: &str) -> Result<(), StoreError> {
        self.again(|| self.forget_contact_once(lead, phone)).await
    }

    async fn forget_contact_once(&self, lead: Ulid, phone: &str) -> Result<(), StoreError> {
        let mut transaction = self.begin().await?;
        sqlx::query("DELETE FROM customers WHERE phone = $1").bind(phone).execute(&mut *transaction).await?;
        sqlx::query("UPDATE leads SET contact_id = NULL WHERE id = $1")
            .bind(lead.to_string())
            .execute(&mut *transaction)
            .await?;
        transaction.commit().await?;
        Ok(())
    }
}

/// Attaches a lead to its contact and remembers whose it is, unless the person was forgotten while amoCRM was asked.
pub(super) async fn attach(
    connection: &mut AnyConnection,
    lead: Ulid,
    phone: &str,
    contact_id: i64,
    now: Millis,
) -> Result<(), StoreError> {
    // A contact that was chosen before, by the person and not by the phone, is not the one to which this phone leads.
    sqlx::query(
        "INSERT INTO customers (phone, contact_id, seen_at) SELECT CAST($1 AS TEXT), CAST($2 AS BIGINT), \
         CAST($3 AS BIGINT) WHERE NOT EXISTS (SELECT 1 FROM leads WHERE id = $4 \
         AND (forgotten_at IS NOT NULL OR contact_id = $2)) \
         ON CONFLICT (phone) DO UPDATE SET contact_id = excluded.contact_id, seen_at = excluded.seen_at",
    )
    .bind(phone)
    .bind(contact_id)
    .bind(now)
    .bind(lead.to_string())
    .execute(&mut *connection)
    .await?;
    sqlx::query("UPDATE leads SET contact_id = $1 WHERE id = $2 AND forgotten_at IS NULL")
        .bind(contact_id)
        .bind(lead.to_string())
        .execute(connection)
        .await?;
    Ok(())
}
