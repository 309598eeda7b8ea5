//! Leads imported from backup files, each once.

use crate::fault::point;

use super::{Leads, NewLead, StoreError, forgotten, new_leads};

/// A lead from a backup file.
#[derive(Debug, Clone)]
pub struct ImportedLead {
    /// The lead.
    pub new: NewLead,
    /// What makes the entry that entry, where it has no id of ours: imported once for ever.
    pub fingerprint: Option<String>,
}

impl Leads {
    /// Imports the leads that the store does not know; returns how many were new.
    pub async fn import(&self, imported: &[ImportedLead]) -> Result<usize, StoreError> {
        self.again(|| self.import_once(imported)).await
    }

    async fn import_once(&self, imported: &[ImportedLead]) -> Result<usize, StoreError> {
        let now = self.clock.now();
        let mut taken = 0;
        let mut transaction = self.begin().await?;
        for one in imported {
            let id = one.new.lead.id.to_string();
            // An old file brings nobody back who was forgotten.
            if forgotten::is_forgotten(&mut transaction, one.fingerprint.as_deref().unwrap_or(&id)).await? {
                continue;
            }
            if let Some(fingerprint) = &one.fingerprint {
                let done = sqlx::query(
                    "INSERT INTO imports (fingerprint, lead_id, imported_at) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING",
                )
                .bind(fingerprint)
                .bind(&id)
                .bind(now)
                .execute(&mut *transaction)
                .await?;
                if done.rows_affected() == 0 {
                    continue;
                }
            } else if new_leads::id_exists(&mut transaction, &id).await? {
                continue;
            }
            let mut new = one.new.clone();
            while !new_leads::insert(&mut transaction, &new, now, None).await? {
                new.lead.number = crate::lead::LeadNumber::random();
            }
            taken += 1;
        }
        point("import.in_commit");
        transaction.commit().await?;
        if taken > 0 {
            self.leads_moved();
        }
        Ok(taken)
    }
}
