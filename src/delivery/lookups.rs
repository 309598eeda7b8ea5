//! Looking up creates whose result is not known.

use std::{collections::HashMap, time::Duration};

use tracing::info;

use crate::{
    clock::Millis,
    crm::amocrm::Wanted,
    fault::point,
    store::{Created, LeadRow},
};

use super::{
    backoff::{lookup_delay, lookup_delay_since},
    counters::Counters,
    notes::ToNote,
    steps::{DeliveryPass, Stop},
};

/// A process that was killed while sending left no schedule; its create or note gets the longest.
pub(super) const LOOKUPS_AFTER_KILL: i64 = 3;

/// A lead that cannot be looked up for so long, while others go through, is told.
const LONG_UNSURE: Duration = Duration::from_secs(10 * 60);

/// A create that was sent so long ago is over; what delayed its look-ups was an outage.
const SETTLED: Duration = Duration::from_secs(120);

impl DeliveryPass {
    /// Looks up creates whose result is not known; returns those that amoCRM has.
    pub(super) async fn look_up(&self, uncertain: Vec<LeadRow>) -> Result<Vec<ToNote>, Stop> {
        let clock = self.clock();
        let mut due = Vec::new();
        for row in uncertain {
            if row.lookups_needed == 0 {
                self.store.record_lookups_needed(&self.lease, row.lead.id, LOOKUPS_AFTER_KILL).await?;
                if let Some(later) = self.too_early(row.sent_at, row.attempts) {
                    self.store.put_off(&self.lease, row.lead.id, later).await?;
                    continue;
                }
            }
            due.push(row);
        }
        if due.is_empty() {
            return Ok(Vec::new());
        }
        // A clock that was wrong when they were sent must not hide them.
        let since = |row: &LeadRow| crate::clock::date(row.sent_at.unwrap_or(Millis::MAX).min(clock.now()));
        let mut others = HashMap::new();
        for row in due.iter().filter(|row| row.first_edition) {
            let user_id = row.lead.buyer.user_id;
            others.insert(user_id, self.store.crm_leads_of(user_id).await?);
        }
        let mut wanted = Vec::new();
        for row in &due {
            let first_edition = others.get(&row.lead.buyer.user_id).filter(|_| row.first_edition).map(Vec::as_slice);
            wanted.push(Wanted { lead: &row.lead, since: since(row), first_edition });
        }
        point("lookup.before");
        Counters::add(&self.figures.lookups, due.len());
        let looked = self.crm.find_leads(&wanted).await;
        point("lookup.answered");
        let mut to_note = Vec::new();
        let mut created = Vec::new();
        let mut at = None;
        for row in due {
            if let Some(hit) = looked.found.get(&row.lead.number) {
                info!(lead = %row.lead.number, crm_lead = hit.lead_id, "an uncertain create is found in amoCRM");
                Counters::add(&self.figures.found, 1);
                created.push(Created {
                    id: row.lead.id,
                    crm_lead_id: hit.lead_id,
                    contact_id: hit.contact_id,
                    phone: row.lead.phone.e164().to_owned(),
                });
                to_note.push(ToNote::after_create(row, hit.lead_id));
                continue;
            }
            if !looked.absent.contains(&row.lead.number) {
                // A failed look-up says nothing: the lead stays uncertain. It may have failed because of this very lead.
                let this_one = looked.failed_at.as_ref() == Some(&row.lead.number);
                if this_one {
                    at = Some((row.lead.id, row.last_error_at, self.ago(row.sent_at)));
                }
                let later = if this_one { lookup_delay(1, row.attempts) } else { lookup_delay(0, 1) };
                self.store.put_off(&self.lease, row.lead.id, self.due_in(later)).await?;
                continue;
            }
            let needed = if row.lookups_needed == 0 { LOOKUPS_AFTER_KILL } else { row.lookups_needed };
            // Two looks at what was settled when the outage ended are worth as much as three that began at once.
            let needed = if row.lookups == 1 && self.ago(row.sent_at) > SETTLED { needed.min(2) } else { needed };
            let absent = row.lookups + 1 >= needed;
            let due_at = if absent {
                clock.now()
            } else {
                let failures = self.own_failures(row.attempts, row.last_error_at).await?;
                self.due_in(lookup_delay_since(row.lookups + 1, failures, self.ago(row.sent_at)))
            };
            info!(lead = %row.lead.number, lookup = row.lookups + 1, of = needed, "an uncertain create is not in amoCRM");
            self.store.record_lookup_missed(&self.lease, row.lead.id, due_at, absent).await?;
            point(if absent { "lookup.absent_stored" } else { "lookup.missed_stored" });
            if absent {
                Counters::add(&self.figures.repeated, 1);
            }
        }
        self.store.record_created(&created).await?;
        match looked.failed {
            Some(error) => {
                let Some((lead, failed_at, ago)) = at else { return Err(Stop::Crm(error)) };
                self.is_about_one(lead, &error, failed_at).await?;
                if ago > LONG_UNSURE {
                    self.store.tell_of_stuck(lead).await?;
                }
                Ok(to_note)
            }
            None => Ok(to_note),
        }
    }

    /// How long ago something was sent.
    pub(super) fn ago(&self, sent_at: Option<Millis>) -> Duration {
        let now = self.clock().now();
        // Pauses are given in true time, which tests shorten.
        self.clock().unscaled(now - sent_at.unwrap_or(now))
    }

    /// When the first look-up of something sent by a process that died is due, if that is not yet.
    pub(super) fn too_early(&self, sent_at: Option<Millis>, attempts: i64) -> Option<Millis> {
        let now = self.clock().now();
        let distance = self.clock().millis(lookup_delay(0, attempts));
        // Not later than from now on, should the clock have been ahead when it was sent.
        Some((sent_at.unwrap_or(now) + distance).min(now + distance)).filter(|earliest| *earliest > now)
    }
}
