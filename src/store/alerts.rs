//! What the admin has been told and not yet told is over: survives restarts.

use sqlx::Row;

use crate::{clock::Millis, notice::AdminNotice};

use super::{NewMessage, Store, StoreError, json, messages};

/// An alert that is open.
#[derive(Debug, Clone, PartialEq)]
pub struct OpenAlert {
    /// Since when.
    pub opened_at: Millis,
    /// Its state as JSON of the alerts room.
    pub body: String,
}

impl Store {
    /// The open alert of a kind.
    pub async fn alert(&self, kind: &str) -> Result<Option<OpenAlert>, StoreError> {
        let row = sqlx::query("SELECT opened_at, body FROM alerts WHERE kind = $1")
            .bind(kind)
            .fetch_optional(&self.pool)
            .await?;
        row.map(|row| Ok(OpenAlert { opened_at: row.try_get(0)?, body: row.try_get(1)? })).transpose()
    }

    /// Opens or changes an alert and owes the messages that say so, in one commit.
    pub async fn save_alert(&self, kind: &str, alert: &OpenAlert, tell: &[NewMessage]) -> Result<(), StoreError> {
        let mut transaction = self.begin().await?;
        sqlx::query(
            "INSERT INTO alerts (kind, opened_at, body) VALUES ($1, $2, $3) \
             ON CONFLICT (kind) DO UPDATE SET opened_at = excluded.opened_at, body = excluded.body",
        )
        .bind(kind)
        .bind(alert.opened_at)
        .bind(&alert.body)
        .execute(&mut *transaction)
        .await?;
        self.owe_all(&mut transaction, tell).await?;
        transaction.commit().await?;
        self.wakes.messages.notify_one();
        Ok(())
    }

    /// Closes an alert and owes the messages that say so, in one commit.
    pub async fn close_alert(&self, kind: &str, tell: &[NewMessage]) -> Result<(), StoreError> {
        let mut transaction = self.begin().await?;
        sqlx::query("DELETE FROM alerts WHERE kind = $1").bind(kind).execute(&mut *transaction).await?;
        self.owe_all(&mut transaction, tell).await?;
        transaction.commit().await?;
        self.wakes.messages.notify_one();
        Ok(())
    }

    /// Marks rejected leads as told and owes the messages that tell it, in one commit.
    pub async fn tell_rejections(
        &self,
        chat_id: i64,
        rejections: &[(crate::lead::LeadNumber, String)],
    ) -> Result<(), StoreError> {
        let now = self.clock.now();
        let mut transaction = self.begin().await?;
        for (number, error) in rejections {
            sqlx::query("UPDATE leads SET admin_told = 1 WHERE number = $1")
                .bind(number.as_str())
                .execute(&mut *transaction)
                .await?;
            let notice = AdminNotice::Rejected { number: number.clone(), error: error.clone() };
            let body = json(&crate::notice::Notice::Admin(notice));
            messages::insert(&mut transaction, chat_id, &body, now, now).await?;
        }
        transaction.commit().await?;
        self.wakes.messages.notify_one();
        Ok(())
    }

    async fn owe_all(
        &self,
        connection: &mut sqlx::AnyConnection,
        tell: &[NewMessage],
    ) -> Result<(), StoreError> {
        let now = self.clock.now();
        for message in tell {
            messages::insert(connection, message.chat_id, &json(&message.notice), message.due_at, now).await?;
        }
        Ok(())
    }
}
