//! A lead's card as it is at the moment at which it is sent or changed: nothing of it waits in the outbox.

use crate::{
    lead::LeadNumber,
    notice::{CardState, LeadCard, LeadCopy, Wiped},
    store::{Dialogues, LeadState, LeadWork, Leads, Store, StoreError},
};

/// Knows leads as cards show them.
#[derive(Debug, Clone)]
pub(super) struct Cards {
    leads: Leads,
    work: LeadWork,
    dialogues: Dialogues,
}

impl Cards {
    pub fn new(store: &Store) -> Self {
        Self { leads: store.leads(), work: store.lead_work(), dialogues: store.dialogues() }
    }

    /// The card of a lead; `None` where nothing is known of it any more.
    pub async fn of(&self, number: &LeadNumber, has_crm: bool) -> Result<Option<LeadCard>, StoreError> {
        let Some(row) = self.leads.by_number(number).await? else { return Ok(None) };
        let work = self.work.of(number).await?.unwrap_or_default();
        let amended = self.dialogues.amended(&[row.lead.id]).await?.remove(&row.lead.id).unwrap_or_default();
        let lead = amended.lead.as_ref().unwrap_or(&row.lead);
        let state = match row.state() {
            LeadState::Delivered => CardState::InCrm(row.crm_lead_id()),
            LeadState::Discarded => CardState::GivenUp,
            LeadState::Waiting | LeadState::Rejected if has_crm => CardState::OnItsWay,
            LeadState::Waiting | LeadState::Rejected => CardState::NoCrm,
        };
        Ok(Some(LeadCard {
            number: number.clone(),
            lead: match (row.forgotten_at, row.expired_at) {
                (Some(_), _) => Err(Wiped::Asked),
                (None, Some(_)) => Err(Wiped::Old),
                (None, None) => Ok(LeadCopy::of(lead)),
            },
            files: lead.files.len(),
            taken_back: amended.taken_back,
            state,
            taken: work.taken.map(|(_, doer)| doer),
            outcome: work.outcome,
        }))
    }
}
