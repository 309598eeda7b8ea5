//! Leads that amoCRM has are brought up to date: a tag, the fields whose answers were corrected, one more phone of the contact.
//!
//! One amendment at a time, in a loop of its own: neither leads nor notes wait for it. Each is compared with what is there
//! before anything is sent, and what is sent means the same twice, so whoever dies in between leaves nothing but work for the
//! next. What amoCRM does not take is left out: the fields first, then all of it. The note has said it by then.

use std::time::Duration;

use tracing::{Instrument, info, warn};

use crate::{
    clock::{Clock, Millis},
    crm::amocrm::{Crm, CrmError, Update, Whereabouts},
    fault::point,
    form::PHONE,
    lead::AmendmentKind,
    notice::{AdminNotice, Recipients},
    store::{Amendment, Amendments, LateNotes, LeadRow, Leads, Lease, Mark, Marks, NewMessage, Store, StoreError},
    telemetry::lead_span,
};

use super::{
    backoff::pause_after,
    one_by_one::OneByOne,
    outcome::{WriteOutcome, describe},
    pass::Stop,
    shortage::omitted_of,
};

/// Pause after the store failed.
const STORE_PAUSE: Duration = Duration::from_secs(2);

/// After so many refusals a right that is missing is not waited for any more; in between it waits for so long.
const MOST_REFUSALS: i64 = 5;
const REFUSED_PAUSE: Duration = Duration::from_secs(15 * 60);

/// Where a lead is not known to be in amoCRM, its note finds out.
const NOTE_PAUSE: Duration = Duration::from_secs(5);

/// Brings leads up to date.
#[derive(Debug)]
pub struct AmendmentWriter {
    amendments: Amendments,
    leads: Leads,
    marks: Marks,
    late_notes: LateNotes,
    crm: Crm,
    lease: Lease,
    recipients: Recipients,
    /// Failures of amoCRM, or of the way to it, in a row.
    failures: u32,
}

impl OneByOne for AmendmentWriter {
    type Error = StoreError;

    const WAITS: &'static str = "what leads are brought up to date with waits for the store";
    const PAUSE: Duration = STORE_PAUSE;

    fn clock(&self) -> Clock {
        self.amendments.clock()
    }

    /// Looks after one; `false` where none is due.
    async fn step(&mut self) -> Result<bool, StoreError> {
        let Some(one) = self.amendments.due().await? else { return Ok(false) };
        let span = lead_span(&one.number);
        match self.carry_out(&one).instrument(span.clone()).await {
            Ok(()) => self.failures = 0,
            Err(Stop::Store(error)) => return Err(error),
            Err(Stop::Crm(error)) => {
                span.in_scope(|| warn!(%error, "a lead is brought up to date later"));
                self.failures += 1;
                let pause = pause_after(&error, self.failures, rand::random());
                self.defer(&one, false, pause).await?;
            }
        }
        Ok(true)
    }

    async fn next_due(&self) -> Result<Option<Millis>, StoreError> {
        self.amendments.next_due().await
    }

    async fn changed(&self) {
        self.amendments.changed().await;
    }
}

impl AmendmentWriter {
    /// For the leader of this term.
    pub fn new(store: &Store, crm: Crm, lease: Lease, recipients: Recipients) -> Self {
        Self {
            amendments: store.amendments(),
            leads: store.leads(),
            marks: store.marks(),
            late_notes: store.late_notes(),
            crm,
            lease,
            recipients,
            failures: 0,
        }
    }

    fn due_in(&self, pause: Duration) -> Millis {
        self.clock().now() + self.clock().millis(pause)
    }

    async fn defer(&self, one: &Amendment, refused: bool, pause: Duration) -> Result<(), StoreError> {
        self.amendments.later(&self.lease, &one.id, refused, self.due_in(pause)).await
    }

    async fn carry_out(&self, one: &Amendment) -> Result<(), Stop> {
        let amendments = &self.amendments;
        let Some(row) = self.leads.by_number(&one.number).await? else {
            return Ok(amendments.over(&one.id).await?);
        };
        let Some(lead_id) = row.crm_lead_id() else {
            match amendments.is_note_open(&one.id).await? {
                true => self.defer(one, false, NOTE_PAUSE).await?,
                false => amendments.over(&one.id).await?,
            }
            return Ok(());
        };
        let Some(there) = self.crm.lead_there(lead_id).await.map_err(Stop::Crm)? else {
            return self.follow(one, &row, lead_id).await;
        };
        if !amendments.intent(&self.lease, &one.id).await? {
            return Ok(());
        }
        point("amendment.recorded");
        let omitted = omitted_of(&row);
        let names = [row.lead.name.as_str(), one.name_before.as_str()];
        let update = Update {
            lead: &one.lead,
            answers: &one.answers,
            names_before: &names,
            tag: one.kind.tag(),
            tag_that_goes: one.kind.tag_that_goes(),
            left_out: &omitted,
        };
        let mut refused = None;
        // All of it, then the tags alone.
        // Under another request's lead nothing is changed but by what has put it there.
        let is_of_it = row.attached_at.is_none() || one.kind == AmendmentKind::Repeated;
        for only_tags in [false, true].into_iter().filter(|_| is_of_it) {
            let Some(difference) = self.crm.difference(&there, &update, only_tags) else { break };
            match self.sent(self.crm.update_lead(lead_id, &difference).await)? {
                Ok(()) => break,
                Err(error) => refused = Some(error),
            }
        }
        if let Some(contact_id) = there.contact_id().filter(|_| one.answers.iter().any(|key| key == PHONE))
            && let Some(phones) = self.crm.one_more_phone(contact_id, &one.lead.phone).await.map_err(Stop::Crm)?
            && !self.is_anothers(one, contact_id).await?
            && let Err(error) = self.sent(self.crm.update_contact(contact_id, &phones).await)?
        {
            refused = Some(error);
        }
        match refused {
            None => {
                info!(kind = one.kind.as_str(), "a lead is brought up to date");
                self.marks.remove(&Mark::AmendmentsRefused).await?;
            }
            Some(error) => {
                self.tell_of_refusal(one, &error).await?;
                // A right may be given, and a field fixed, but nobody waits for it for ever.
                if matches!(error, CrmError::Forbidden { .. }) && one.attempts + 1 < MOST_REFUSALS {
                    return Ok(self.defer(one, true, REFUSED_PAUSE).await?);
                }
            }
        }
        Ok(amendments.over(&one.id).await?)
    }

    /// Whether a known buyer's phone is another contact's already: two people are never made one by a number.
    async fn is_anothers(&self, one: &Amendment, contact_id: i64) -> Result<bool, Stop> {
        if !matches!(one.kind, AmendmentKind::Repeated | AmendmentKind::KnownBuyer) {
            return Ok(false);
        }
        let found = self.crm.find_contact(&one.lead.phone).await.map_err(Stop::Crm)?;
        Ok(found.is_some_and(|found| found != contact_id))
    }

    /// The inner `Err`: amoCRM refuses it. The outer one: it does not answer, or not now.
    fn sent(&self, answer: Result<(), CrmError>) -> Result<Result<(), CrmError>, Stop> {
        point("amendment.answered");
        match answer {
            Ok(()) => Ok(Ok(())),
            Err(error @ (CrmError::Forbidden { .. } | CrmError::NotFound { .. })) => Ok(Err(error)),
            Err(error) => match WriteOutcome::of(&error) {
                WriteOutcome::Refused { .. } => Ok(Err(error)),
                // Whether it was done is seen by the next comparison.
                WriteOutcome::NotDone | WriteOutcome::Uncertain { .. } => Err(Stop::Crm(error)),
            },
        }
    }

    /// Once, until amoCRM takes one whole again.
    async fn tell_of_refusal(&self, one: &Amendment, error: &CrmError) -> Result<(), StoreError> {
        warn!(%error, "amoCRM does not take what a lead is brought up to date with; its note tells it");
        let detail = match WriteOutcome::of(error) {
            WriteOutcome::Refused { fields, detail } => describe(&detail, &fields),
            _ => error.to_string(),
        };
        let notice = AdminNotice::AmendmentRefused { number: one.number.clone(), detail };
        let message = NewMessage::to_dealer(&self.recipients, notice, self.clock().now());
        self.marks.set_once(&Mark::AmendmentsRefused, "", message.as_ref()).await.map(drop)
    }

    /// The lead is not where it was: it is followed where it was merged into another, and there is nothing to bring up to
    /// date where it is gone.
    async fn follow(&self, one: &Amendment, row: &LeadRow, lead_id: i64) -> Result<(), Stop> {
        match self.crm.whereabouts(lead_id, &row.lead, row.lead.submitted_at).await.map_err(Stop::Crm)? {
            Whereabouts::There => Ok(self.defer(one, false, NOTE_PAUSE).await?),
            Whereabouts::MergedInto(found) => Ok(self.late_notes.lead_moved(&one.number, found.lead_id).await?),
            Whereabouts::Gone => {
                self.crm.account().await.map_err(Stop::Crm)?;
                info!("the lead was deleted in amoCRM, so there is nothing to bring up to date");
                Ok(self.amendments.over(&one.id).await?)
            }
        }
    }
}
