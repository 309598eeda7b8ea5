//! Requests of buyers who are known: whose contact they are of, and whether one is a note under an open lead in place of a lead
//! of its own (`repeat = "attach"`).
//!
//! The decision is committed before anything of it is sent. "Attach" is the first step done, with the open lead's id; the note
//! that follows is an uncertain write like any other, looked for under that lead by the request's number before it is sent again.
//! "A lead of its own" is the row of the create. So whoever goes on after a death finds what was decided, and decides again only
//! where certainly nothing was sent: after look-ups that did not find the create, or where the open lead was closed or deleted
//! meanwhile and its notes do not have this one.
//!
//! The races and the answers to them:
//! - *Two requests of one person at once*: the second waits until it is known what has become of the first, as long as nothing
//!   has gone wrong with that one; then it is attached to it. They never go in one batch, nor do two of one phone.
//! - *Two people with one phone at once*: a typed phone tells nobody, so that is two leads of one contact. A phone that Telegram
//!   vouches for does: the second is attached to the first, where that is in amoCRM by then, else it is a second lead.
//! - *The deal is closed between the decision and the note*: looked at again whenever the note did not go out at once.
//! - *It is deleted*: a note that may have been there is gone with it, so the request gets a lead of its own.
//! - *Notes are refused, or may not be written*: the request gets a lead of its own.
//!
//! Whose contact a lead of its own gets: the one that its phone has in amoCRM; else, under the same name, the one that the
//! account at Telegram is known by, which gets the new number beside its own.

use std::time::Duration;

use chrono::TimeDelta;
use tracing::{info, warn};

use crate::{
    clock::{Millis, date},
    crm::amocrm::{CrmError, Deal, NewLead, Taking, chosen},
    fault::point,
    lead::PhoneOrigin,
    store::{Attached, LeadAction, LeadRow, Stage, Step, StoreError, json},
    telemetry::lead_span,
};

use super::super::{
    learned::lock,
    pass::{DeliveryPass, Stop},
    shortage::omitted_of,
};

/// The newest requests of a person that are looked at, and the most of their leads that are read.
const MOST_EARLIER: usize = 20;
const MAX_LEADS: usize = 10;

/// So many leads that are not where they were are followed.
const MOST_FOLLOWED: usize = 2;

/// A request of the same person that is on its way is waited for by so much at a time, and not once it was uncertain for so long.
const BEHIND_ANOTHER: Duration = Duration::from_secs(1);
const LONGEST_UNSURE: Duration = Duration::from_secs(10 * 60);

/// A manager is to call back within so much working time.
const CALL_WITHIN: TimeDelta = TimeDelta::hours(1);

/// Which pipeline new leads go to is asked so often.
const PIPELINE_EVERY: Duration = Duration::from_secs(3600);

/// How a request gets into amoCRM.
pub(in crate::delivery) enum Way {
    /// As a note under this lead.
    Under(Deal),
    /// As a lead of its own.
    Own,
    /// That is decided later.
    Later(Millis),
}

impl DeliveryPass {
    /// What the same person has sent before, newest first.
    async fn earlier_of(&self, row: &LeadRow) -> Result<Vec<LeadRow>, StoreError> {
        let user_id = row.lead.buyer.user_id;
        if user_id == 0 {
            return Ok(Vec::new());
        }
        let mut earlier = self.leads.of_person(user_id, MOST_EARLIER).await?;
        let place = |row: &LeadRow| (row.lead.submitted_at, row.lead.id);
        earlier.retain(|other| place(other) < place(row));
        Ok(earlier)
    }

    /// The contact that the person behind a request is known by, where the phone leads to none. Under another name it is
    /// somebody else's request, sent from the same account.
    pub(in crate::delivery) async fn contact_of_person(&self, row: &LeadRow) -> Result<Option<i64>, StoreError> {
        let earlier = self.earlier_of(row).await?;
        let mut known = earlier.iter().filter(|other| is_same_name(other.lead.name.as_str(), row.lead.name.as_str()));
        let Some(contact_id) = known.find_map(|other| other.contact_id) else { return Ok(None) };
        self.queue.record_contact_of_person(&row.lead, contact_id).await?;
        Ok(Some(contact_id))
    }

    /// How a request gets into amoCRM. `others` go with it. The inner `Err`: it cannot be found out for this one alone, which
    /// has to wait.
    pub(in crate::delivery) async fn way_of<'a>(
        &self,
        row: &LeadRow,
        mut others: impl Iterator<Item = &'a LeadRow> + Send,
    ) -> Result<Result<Way, CrmError>, Stop> {
        let Some(within) = self.attaching.as_ref().map(|attaching| attaching.within) else { return Ok(Ok(Way::Own)) };
        let now = self.clock().now();
        let is_alike = |other: &LeadRow| {
            let (one, other) = (&row.lead, &other.lead);
            let same_person = one.buyer.user_id != 0 && one.buyer.user_id == other.buyer.user_id;
            same_person || one.phone.e164() == other.phone.e164()
        };
        if others.any(is_alike) {
            return Ok(Ok(Way::Later(now)));
        }
        if omitted_of(row).own_lead || self.notes_from() > now {
            return Ok(Ok(Way::Own));
        }
        let earlier = self.earlier_of(row).await?;
        if earlier.iter().any(|other| self.is_soon_known(other)) {
            return Ok(Ok(Way::Later(self.due_in(BEHIND_ANOTHER))));
        }
        match self.deal_for(row, &earlier, within).await {
            Ok(Some(deal)) => Ok(Ok(Way::Under(deal))),
            Ok(None) => Ok(Ok(Way::Own)),
            Err(Stop::Crm(error)) => Ok(self.search_failed(row, error).await?.map(|()| Way::Own)),
            Err(stop) => Err(stop),
        }
    }

    /// Whether it will soon be known what becomes of a request.
    fn is_soon_known(&self, row: &LeadRow) -> bool {
        match row.stage {
            // One failure may have been the end of an outage.
            Stage::Queued => row.attempts <= 1,
            Stage::Uncertain(attempt) if attempt.step == Step::Lead => self.ago(attempt.sent_at) < LONGEST_UNSURE,
            _ => false,
        }
    }

    /// The open lead that a request is put under, if there is one.
    async fn deal_for(&self, row: &LeadRow, earlier: &[LeadRow], within: Duration) -> Result<Option<Deal>, Stop> {
        let since = (self.clock().now() - self.clock().millis(within)).div_euclid(1000);
        let mut known: Vec<(i64, &LeadRow)> =
            earlier.iter().filter_map(|other| Some((other.crm_lead_id()?, other))).collect();
        known.sort_by_key(|(lead_id, other)| std::cmp::Reverse((*lead_id, other.lead.submitted_at)));
        known.dedup_by_key(|(lead_id, _)| *lead_id);
        let (mut followed, mut contact_id) = (0, None);
        for (lead_id, other) in known.into_iter().take(MAX_LEADS) {
            let mut deal = self.crm.deal(lead_id).await.map_err(Stop::Crm)?;
            if deal.is_none() && followed < MOST_FOLLOWED {
                followed += 1;
                deal = self.crm.deal_after_merge(lead_id, &other.lead).await.map_err(Stop::Crm)?;
            }
            let Some(deal) = deal else { continue };
            contact_id = contact_id.or(deal.contact_id);
            if deal.takes(&self.taking(since).await.map_err(Stop::Crm)?) {
                return Ok(Some(deal));
            }
        }
        let mut contact_id = contact_id.or_else(|| earlier.iter().find_map(|other| other.contact_id));
        // A typed phone may be anybody's.
        if contact_id.is_none() && row.lead.phone.origin() == PhoneOrigin::OwnContact {
            contact_id = match self.queue.known_contact(row.lead.phone.e164()).await? {
                Some(contact_id) => Some(contact_id),
                None => self.crm.find_contact(&row.lead.phone).await.map_err(Stop::Crm)?,
            };
        }
        let Some(contact_id) = contact_id else { return Ok(None) };
        let deals = self.crm.deals_of_contact(contact_id).await.map_err(Stop::Crm)?;
        if deals.is_empty() {
            return Ok(None);
        }
        let taking = self.taking(since).await.map_err(Stop::Crm)?;
        Ok(chosen(&deals, &taking).cloned())
    }

    async fn taking(&self, since: i64) -> Result<Taking, CrmError> {
        let now = self.clock().now();
        let remembered = *lock(&self.learned.pipeline);
        if let Some((pipeline_id, at)) = remembered
            && (at..at + self.clock().millis(PIPELINE_EVERY)).contains(&now)
        {
            return Ok(Taking { pipeline_id, since });
        }
        let pipeline_id = self.crm.pipeline_of_new_leads().await?;
        *lock(&self.learned.pipeline) = Some((pipeline_id, now));
        Ok(Taking { pipeline_id, since })
    }

    /// Records that a request is a note under this lead; returns it as it goes on, or `None` where it is not held any more.
    pub(in crate::delivery) async fn attach(&self, row: LeadRow, deal: &Deal) -> Result<Option<LeadRow>, StoreError> {
        point("repeat.before_record");
        let attached = Attached { crm_lead_id: deal.lead_id, contact_id: deal.contact_id, task: self.task_of(&row) };
        if !self.queue.record_attached(&self.lease, &row.lead, &attached).await? {
            return Ok(None);
        }
        point("repeat.stored");
        lead_span(&row.lead.number)
            .in_scope(|| info!(crm_lead = deal.lead_id, "its buyer has an open lead; it is a note under that one"));
        Ok(Some(row.attached(deal.lead_id, self.clock().now())))
    }

    /// The task that says so, for working hours.
    fn task_of(&self, row: &LeadRow) -> LeadAction {
        let now = date(self.clock().now());
        let working = self.attaching.as_ref().and_then(|attaching| attaching.working.after(now, CALL_WITHIN));
        let till = working.unwrap_or(now + CALL_WITHIN);
        let text = format!("Повторная заявка #{}: перезвонить покупателю, ответы в примечании", row.lead.number);
        LeadAction::Task { text, complete_till: till.timestamp(), user_id: None }
    }

    /// Undoes that: the note is certainly not under that lead. `own` where it is not to be tried again.
    pub(in crate::delivery) async fn detach(&self, row: &LeadRow, own: bool) -> Result<(), StoreError> {
        lead_span(&row.lead.number).in_scope(|| {
            warn!(crm_lead = row.crm_lead_id(), "it cannot be a note under that lead; it is decided again")
        });
        let mut omitted = omitted_of(row);
        omitted.own_lead = true;
        let omitted = own.then(|| json(&omitted));
        self.queue.record_detached(&self.lease, &row.lead, omitted.as_deref()).await?;
        point("repeat.undone");
        Ok(())
    }

    /// Whether a request that was put under a lead some time ago still belongs there; what does not is decided again, or looked
    /// at later.
    pub(in crate::delivery) async fn stays_attached(&self, row: &LeadRow) -> Result<bool, Stop> {
        let Some(lead_id) = row.crm_lead_id() else { return Ok(true) };
        let deal = match self.crm.deal(lead_id).await {
            Ok(deal) => deal,
            Err(error) => {
                if let Err(error) = self.search_failed(row, error).await? {
                    self.hold_back(row, &error).await?;
                    return Ok(false);
                }
                return Ok(true);
            }
        };
        // What has become of one that is not where it was is found out by its note.
        if !deal.is_some_and(|deal| deal.is_closed) {
            return Ok(true);
        }
        if row.steps.attempt(Step::Note).is_some() {
            match self.missing_notes(row).await? {
                None => return Ok(false),
                Some(missing) if self.are_all(row, &missing) => {}
                // Some of it is there.
                Some(_) => return Ok(true),
            }
        }
        self.detach(row, false).await?;
        Ok(false)
    }

    /// Whether these are all notes of a lead.
    pub(in crate::delivery) fn are_all(&self, row: &LeadRow, notes: &[String]) -> bool {
        let request = NewLead { lead: &row.lead, contact_id: None, degradation: omitted_of(row) };
        self.crm.notes_of(&request).len() == notes.len()
    }

    /// Whether a request that may have been sent by somebody else (it is from a copy of a store, or from a file) is a note under
    /// one of the leads that its buyer has here.
    pub(in crate::delivery) async fn found_attached(&self, row: &LeadRow) -> Result<Option<Deal>, Stop> {
        if self.attaching.is_none() || row.steps.attempt(Step::Note).is_none() {
            return Ok(None);
        }
        let mut lead_ids: Vec<i64> = self.earlier_of(row).await?.iter().filter_map(LeadRow::crm_lead_id).collect();
        lead_ids.sort_unstable_by_key(|lead_id| std::cmp::Reverse(*lead_id));
        lead_ids.dedup();
        for lead_id in lead_ids.into_iter().take(MAX_LEADS) {
            if self.crm.has_first_note(lead_id, &row.lead.number).await.map_err(Stop::Crm)? {
                return self.crm.deal(lead_id).await.map_err(Stop::Crm);
            }
        }
        Ok(None)
    }

    /// What a read that has failed means for a lead that needs it: it goes on without, or (the inner `Err`) waits.
    pub(in crate::delivery) async fn search_failed(
        &self,
        row: &LeadRow,
        error: CrmError,
    ) -> Result<Result<(), CrmError>, Stop> {
        match error {
            // No right to search is no reason to keep a lead back.
            CrmError::Forbidden { .. }
            | CrmError::NotFound { .. }
            | CrmError::WrongAddress { .. }
            | CrmError::Refused { .. } => Ok(Ok(())),
            // Nor is a wall that dislikes this search, or whatever breaks on it each time.
            CrmError::Blocked => self.is_about_one(row.lead.id, &error, row.last_error_at).await.map(Ok),
            CrmError::Unavailable { .. } => {
                self.is_about_one(row.lead.id, &error, row.last_error_at).await?;
                Ok(if row.attempts >= super::contact::SEARCHES { Ok(()) } else { Err(error) })
            }
            error => Err(Stop::Crm(error)),
        }
    }
}

/// Whether two names begin alike: `Иван` and `иван Петров`.
fn is_same_name(one: &str, other: &str) -> bool {
    let first = |name: &str| name.split_whitespace().next().map(str::to_lowercase);
    first(one).is_some() && first(one) == first(other)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_begin_alike_are_one_persons() {
        for (one, other, same) in [
            ("Иван", "иван Петров", true),
            ("Иван Петров", "Иван", true),
            ("Иван", "Анна", false),
            ("Иван Петров", "Пётр Иванов", false),
            ("", "", false),
            ("", "Иван", false),
        ] {
            assert_eq!(is_same_name(one, other), same, "{one} {other}");
        }
    }
}
