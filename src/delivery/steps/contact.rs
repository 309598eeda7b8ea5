//! Finding the contact that a lead is attached to: remembered, or searched for by phone.

use std::{collections::HashMap, time::Duration};

use tracing::debug;

use crate::{
    clock::Millis,
    crm::amocrm::CrmError,
    fault::point,
    lead::{Lead, Phone},
    store::{LeadRow, LeadState, Stage, StoreError},
};

use super::super::{
    learned::lock,
    pass::{DeliveryPass, Stop},
};

/// After so many searches for a contact that failed, while other leads go through, one is made.
pub(super) const SEARCHES: i64 = 4;

/// Where at least so many leads wait, their contacts are looked for together.
const MANY: usize = 20;

/// The list of contacts is read where it may save at least so many searches with each page, and no further than so many
/// pages of 250.
const SEARCHES_OF_A_PAGE: usize = 8;
const MOST_PAGES: usize = 8;

/// Leads whose contacts are looked for together.
const MAX_LEADS: i64 = 500;

/// An account whose list is too long is searched phone by phone for so long.
const LIST_TOO_LONG: Duration = Duration::from_secs(3600);

/// A phone for which no contact was found is not searched for again for so long, as every probe would.
const STRANGER: Duration = Duration::from_secs(5 * 60);

impl DeliveryPass {
    /// Finds the contact to attach a lead to: remembered, or searched for by phone. The inner `Err`: the search fails for
    /// this lead alone, which has to wait.
    pub(super) async fn contact_for(&self, row: &LeadRow) -> Result<Result<Option<i64>, CrmError>, Stop> {
        if row.contact_id.is_some() {
            return Ok(Ok(row.contact_id));
        }
        let phone = row.lead.phone.e164();
        let by_phone = match self.queue.known_contact(phone).await? {
            None if self.crm.settings().contact_lookup && !self.is_stranger(phone) => match self.search(row).await? {
                Ok(found) => found,
                Err(error) => return Ok(Err(error)),
            },
            known => known,
        };
        match by_phone {
            Some(contact_id) => Ok(Ok(Some(contact_id))),
            // A number that is nobody's in amoCRM: whoever is known by Telegram's id has one more.
            None => Ok(Ok(self.contact_of_person(row).await?)),
        }
    }

    /// Searches for the contact that has a phone.
    async fn search(&self, row: &LeadRow) -> Result<Result<Option<i64>, CrmError>, Stop> {
        let phone = row.lead.phone.e164();
        match self.crm.find_contact(&row.lead.phone).await {
            Ok(Some(contact_id)) => {
                point("contact.answered");
                self.queue.record_contact(row.lead.id, phone, contact_id).await?;
                point("contact.recorded");
                Ok(Ok(Some(contact_id)))
            }
            Ok(None) => {
                self.remember_stranger(phone);
                Ok(Ok(None))
            }
            // Where it goes on without, a new contact is made.
            Err(error) => Ok(self.search_failed(row, error).await?.map(|()| None)),
        }
    }

    /// Looks for the contacts of a backlog together, in the list of all contacts, if that is short: one search for each
    /// phone would take longer than all the rest, as amoCRM takes seven requests a second and its search one phone. What
    /// this does not find out, for whatever reason, the search for each phone does.
    pub(in crate::delivery) async fn find_contacts_together(&self, to_create: &[LeadRow]) -> Result<(), StoreError> {
        let now = self.clock().now();
        // A clock that was set back must not keep it so.
        let too_early = (now + 1..=now + self.clock().millis(LIST_TOO_LONG)).contains(&self.contacts_from());
        if !self.crm.settings().contact_lookup || too_early {
            return Ok(());
        }
        let mut unknown = self.without_contact(to_create.to_vec()).await?;
        if unknown.is_empty() {
            return Ok(());
        }
        if to_create.len() < MANY && self.queue.untroubled(MANY as i64).await? >= MANY as i64 {
            // A small part of many: all of them, so that the list is read once.
            let mut waiting = self.leads.in_state(LeadState::Waiting, MAX_LEADS).await?;
            waiting.retain(|row| row.stage == Stage::Queued);
            unknown = self.without_contact(waiting).await?;
        }
        let pages = (unknown.len() / SEARCHES_OF_A_PAGE).min(MOST_PAGES);
        if pages == 0 {
            return Ok(());
        }
        let phones: Vec<&Phone> = unknown.iter().map(|lead| &lead.phone).collect();
        let (found, is_whole, pause) = match self.crm.find_contacts(&phones, pages).await {
            Ok((found, true)) => (found, true, Duration::ZERO),
            Ok((found, false)) => (found, false, LIST_TOO_LONG),
            Err(error) => {
                debug!(%error, "the list of contacts cannot be read; each phone is searched for");
                (HashMap::new(), false, STRANGER)
            }
        };
        *lock(&self.learned.contacts_from) = self.due_in(pause);
        for lead in unknown {
            let phone = lead.phone.e164();
            match found.get(phone) {
                Some(contact_id) => self.queue.record_contact(lead.id, phone, *contact_id).await?,
                // Without ten digits it is not in the list as it is not found by a search.
                None if is_whole => self.remember_stranger(phone),
                None => {}
            }
        }
        Ok(())
    }

    /// Of these the leads of which nobody knows whether their buyers have a contact.
    async fn without_contact(&self, rows: Vec<LeadRow>) -> Result<Vec<Lead>, StoreError> {
        let mut unknown = Vec::new();
        for row in rows {
            let phone = row.lead.phone.e164();
            if row.contact_id.is_none() && !self.is_stranger(phone) && self.queue.known_contact(phone).await?.is_none()
            {
                unknown.push(row.lead);
            }
        }
        Ok(unknown)
    }

    /// Until when the list of contacts is not read.
    fn contacts_from(&self) -> Millis {
        *lock(&self.learned.contacts_from)
    }

    fn is_stranger(&self, phone: &str) -> bool {
        let strangers = lock(&self.learned.strangers);
        strangers.get(phone).is_some_and(|at| (0..self.clock().millis(STRANGER)).contains(&(self.clock().now() - at)))
    }

    fn remember_stranger(&self, phone: &str) {
        let now = self.clock().now();
        let oldest = now - self.clock().millis(STRANGER);
        let mut strangers = lock(&self.learned.strangers);
        strangers.retain(|_, at| *at > oldest);
        strangers.insert(phone.to_owned(), now);
    }
}
