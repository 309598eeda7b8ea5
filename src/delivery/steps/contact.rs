//! Finding the contact that a lead is attached to: remembered, or searched for by phone.

use std::{sync::PoisonError, time::Duration};

use crate::{crm::amocrm::CrmError, fault::point, store::LeadRow};

use super::super::pass::{DeliveryPass, Stop};

/// After so many vain searches for a contact, while other leads go through, one is made.
const SEARCHES: i64 = 4;

/// A phone that was searched for in vain is not searched for again for so long, as every probe would.
const STRANGER: Duration = Duration::from_secs(5 * 60);

impl DeliveryPass {
    /// Finds the contact to attach a lead to: remembered, or searched for by phone. The inner `Err`: the search fails for
    /// this lead alone, which has to wait.
    pub(super) async fn contact_for(&self, row: &LeadRow) -> Result<Result<Option<i64>, CrmError>, Stop> {
        if row.contact_id.is_some() {
            return Ok(Ok(row.contact_id));
        }
        let phone = row.lead.phone.e164();
        if let Some(contact_id) = self.store.known_contact(phone).await? {
            return Ok(Ok(Some(contact_id)));
        }
        if !self.contact_lookup || self.is_stranger(phone) {
            return Ok(Ok(None));
        }
        match self.crm.find_contact(&row.lead.phone).await {
            Ok(Some(contact_id)) => {
                point("contact.answered");
                self.store.record_contact(row.lead.id, phone, contact_id).await?;
                point("contact.recorded");
                Ok(Ok(Some(contact_id)))
            }
            Ok(None) => {
                self.remember_stranger(phone);
                Ok(Ok(None))
            }
            // No right to search is no reason to keep a lead back: a new contact is made.
            Err(CrmError::Forbidden { .. } | CrmError::WrongAddress { .. } | CrmError::Refused { .. }) => Ok(Ok(None)),
            // Nor is a wall that dislikes this search, or whatever breaks on it each time.
            Err(error @ CrmError::Blocked) => {
                self.is_about_one(row.lead.id, &error, row.last_error_at).await.map(|()| Ok(None))
            }
            Err(error @ CrmError::Unavailable { .. }) => {
                self.is_about_one(row.lead.id, &error, row.last_error_at).await?;
                Ok(if row.attempts >= SEARCHES { Ok(None) } else { Err(error) })
            }
            Err(error) => Err(Stop::Crm(error)),
        }
    }

    fn is_stranger(&self, phone: &str) -> bool {
        let strangers = self.learned.strangers.lock().unwrap_or_else(PoisonError::into_inner);
        strangers.get(phone).is_some_and(|at| (0..self.clock().millis(STRANGER)).contains(&(self.clock().now() - at)))
    }

    fn remember_stranger(&self, phone: &str) {
        let now = self.clock().now();
        let oldest = now - self.clock().millis(STRANGER);
        let mut strangers = self.learned.strangers.lock().unwrap_or_else(PoisonError::into_inner);
        strangers.retain(|_, at| *at > oldest);
        strangers.insert(phone.to_owned(), now);
    }
}
