//! Looking up creates whose result is not known.

use std::{collections::HashMap, time::Duration};

use tracing::info;

use crate::{
    clock::Millis,
    crm::amocrm::Wanted,
    fault::point,
    store::{Created, LeadRow, Step, StepAttempt, StepOutcome},
    telemetry::lead_span,
};

use super::super::{
    backoff::{lookup_delay, lookup_delay_since, lookups_needed},
    counters::Counters,
    pass::{DeliveryPass, Stop},
};

/// A lead that cannot be looked up for so long, while others go through, is told.
const LONG_UNSURE: Duration = Duration::from_secs(10 * 60);

/// A create that was sent so long ago is over; what delayed its look-ups was an outage.
const SETTLED: Duration = Duration::from_secs(120);

impl DeliveryPass {
    /// Looks up creates whose result is not known; returns those that amoCRM has.
    pub(in crate::delivery) async fn look_up(
        &self,
        uncertain: Vec<(LeadRow, StepAttempt)>,
    ) -> Result<Vec<LeadRow>, Stop> {
        let clock = self.clock();
        let mut due = Vec::new();
        for (row, attempt) in uncertain {
            match self.too_early(&attempt, row.attempts) {
                Some(later) => self.queue.defer(&self.lease, row.lead.id, later).await?,
                None => due.push((row, attempt)),
            }
        }
        if due.is_empty() {
            return Ok(Vec::new());
        }
        // A clock that was wrong when they were sent must not hide them.
        let since = |attempt: &StepAttempt| crate::clock::date(attempt.sent_at.min(clock.now()));
        let mut others = HashMap::new();
        for (row, _) in due.iter().filter(|(row, _)| row.first_edition) {
            let user_id = row.lead.buyer.user_id;
            others.insert(user_id, self.leads.crm_ids_of(user_id).await?);
        }
        let mut wanted = Vec::new();
        for (row, attempt) in &due {
            let first_edition = others.get(&row.lead.buyer.user_id).filter(|_| row.first_edition).map(Vec::as_slice);
            wanted.push(Wanted { lead: &row.lead, since: since(attempt), first_edition });
        }
        point("lookup.before");
        Counters::add(&self.counters.lookups, due.len());
        let looked = self.crm.find_leads(&wanted).await;
        point("lookup.answered");
        let mut to_note = Vec::new();
        let mut created = Vec::new();
        let mut at = None;
        for (row, attempt) in due {
            if let Some(hit) = looked.found.get(&row.lead.number) {
                lead_span(&row.lead.number)
                    .in_scope(|| info!(crm_lead = hit.lead_id, "an uncertain create is found in amoCRM"));
                Counters::add(&self.counters.found, 1);
                created.push(Created {
                    id: row.lead.id,
                    crm_lead_id: hit.lead_id,
                    contact_id: hit.contact_id,
                    phone: row.lead.phone.e164().to_owned(),
                });
                to_note.push(row.after(Step::Lead, hit.lead_id));
                continue;
            }
            if !looked.absent.contains(&row.lead.number) {
                // A failed look-up says nothing: the lead stays uncertain. It may have failed because of this very lead.
                let this_one = looked.failed_at.as_ref() == Some(&row.lead.number);
                if this_one {
                    at = Some((row.lead.id, row.last_error_at, self.ago(attempt.sent_at)));
                }
                let later = if this_one { lookup_delay(1, row.attempts) } else { lookup_delay(0, 1) };
                self.queue.defer(&self.lease, row.lead.id, self.due_in(later)).await?;
                continue;
            }
            match self.found_attached(&row).await {
                Ok(None) => {}
                Ok(Some(deal)) => {
                    to_note.extend(self.attach(row, &deal).await?);
                    continue;
                }
                Err(_) => {
                    self.queue.defer(&self.lease, row.lead.id, self.due_in(lookup_delay(0, 1))).await?;
                    continue;
                }
            }
            let (lookups, all) = (attempt.lookups + 1, lookups_needed(attempt.lookups_needed));
            // Two looks at what was settled when the outage ended are worth as much as three that began at once.
            let needed = if attempt.lookups == 1 && self.ago(attempt.sent_at) > SETTLED { all.min(2) } else { all };
            let absent = lookups >= needed;
            lead_span(&row.lead.number)
                .in_scope(|| info!(lookup = lookups, of = needed, "an uncertain create is not in amoCRM"));
            let outcome = if absent {
                StepOutcome::Absent
            } else {
                let failures = self.own_failures(row.attempts, row.last_error_at).await?;
                let due_at = self.due_in(lookup_delay_since(lookups, failures, self.ago(attempt.sent_at)));
                StepOutcome::Missed { lookups, needed: all, due_at }
            };
            self.record(Step::Lead, &[row.lead.id], outcome).await?;
            point(if absent { "lookup.absent_stored" } else { "lookup.missed_stored" });
            if absent {
                Counters::add(&self.counters.repeated, 1);
            }
        }
        self.queue.record_created(&created).await?;
        match looked.failed {
            Some(error) => {
                let Some((lead, failed_at, ago)) = at else { return Err(Stop::Crm(error)) };
                self.is_about_one(lead, &error, failed_at).await?;
                if ago > LONG_UNSURE {
                    self.queue.tell_of_stuck(lead).await?;
                }
                Ok(to_note)
            }
            None => Ok(to_note),
        }
    }

    /// How long ago something was sent.
    pub(in crate::delivery) fn ago(&self, sent_at: Millis) -> Duration {
        // Pauses are given in true time, which tests shorten.
        self.clock().unscaled(self.clock().now() - sent_at)
    }

    /// When the first look-up of something sent by a process that died is due, if that is not yet. (Where the process
    /// lived on, it has said so itself. By a clock that was ahead when it was sent it is never too early.)
    pub(in crate::delivery) fn too_early(&self, attempt: &StepAttempt, attempts: i64) -> Option<Millis> {
        let now = self.clock().now();
        let earliest = attempt.sent_at + self.clock().millis(lookup_delay(0, attempts));
        (attempt.lookups_needed == 0 && attempt.sent_at <= now && now < earliest).then_some(earliest)
    }
}
