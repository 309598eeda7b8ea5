//! Writing the notes of leads that amoCRM has; with them a lead is delivered.

use std::collections::HashSet;

use tracing::info;
use ulid::Ulid;

use crate::{
    crm::amocrm::{CrmError, NewLead, NewNote, Whereabouts},
    fault::point,
    store::{Completed, Intent, LeadRow, Lookups, Step, StepOutcome, StoreError},
};

use super::{
    backoff::{lookup_delay, lookup_delay_since},
    counters::Counters,
    creates::{LOOKUPS_AFTER_REFUSED_BATCH, omitted_of},
    isolation::Failed,
    lookups::needed,
    steps::{DeliveryPass, Progress, Stop},
    verdict::CreateVerdict,
};

/// At most so many leads in one claim.
pub const CLAIM: usize = 250;

/// At most so many notes in one call. amoCRM takes 250, but all of them have to be looked for when its answer is lost.
const NOTE_BATCH: usize = 20;

impl DeliveryPass {
    /// Writes the notes of leads that amoCRM has; with them a lead is delivered.
    pub(super) async fn write_notes(&self, to_note: Vec<LeadRow>, progress: &mut Progress) -> Result<(), Stop> {
        let mut batch: Vec<(LeadRow, Vec<String>)> = Vec::new();
        let mut notes = 0;
        for one in to_note {
            if self.notes_from() > self.clock().now() {
                self.store.defer(&self.lease, one.lead.id, self.notes_from()).await?;
                continue;
            }
            let Some(missing) = self.missing_notes(&one).await? else { continue };
            if missing.is_empty() {
                self.delivered(&[Completed { lead: &one.lead, remote_id: None }]).await?;
            } else if one.unbatched {
                self.write_note_batch(vec![(one, missing)], progress).await?;
            } else {
                if notes + missing.len() > NOTE_BATCH && !batch.is_empty() {
                    self.write_note_batch(std::mem::take(&mut batch), progress).await?;
                    notes = 0;
                }
                notes += missing.len();
                batch.push((one, missing));
            }
        }
        if batch.is_empty() { Ok(()) } else { self.write_note_batch(batch, progress).await }
    }

    /// The notes that a lead still needs: all of them, or, where it is not known whether they were written, those that
    /// amoCRM has not got after as many looks as a create gets. `None` when it is too early to say.
    pub(super) async fn missing_notes(&self, one: &LeadRow) -> Result<Option<Vec<String>>, Stop> {
        let request = NewLead { lead: &one.lead, contact_id: None, degradation: omitted_of(one) };
        let notes = self.crm.notes_of(&request);
        let Some(attempt) = one.steps.attempt(Step::Note) else { return Ok(Some(notes)) };
        if let Some(later) = self.too_early(&attempt, one.attempts) {
            self.store.defer(&self.lease, one.lead.id, later).await?;
            return Ok(None);
        }
        let needed = needed(&attempt);
        let missing = match self.crm.missing_notes(crm_lead_id(one), &one.lead.number, notes).await {
            Ok(missing) => missing,
            Err(error @ (CrmError::WrongAddress { .. } | CrmError::Refused { .. })) => {
                let later = self.due_in(lookup_delay(0, 1));
                self.store.defer(&self.lease, one.lead.id, later).await?;
                return if self.follow_lead(one).await? { Ok(None) } else { Err(Stop::Crm(error)) };
            }
            Err(CrmError::Forbidden { .. }) => {
                self.notes_wait().await?;
                self.store.defer(&self.lease, one.lead.id, self.notes_from()).await?;
                return Ok(None);
            }
            Err(error) => {
                let later = self.due_in(lookup_delay(0, 1));
                self.store.defer(&self.lease, one.lead.id, later).await?;
                return Err(Stop::Crm(error));
            }
        };
        point("note.read");
        let lookups = attempt.lookups + 1;
        if !missing.is_empty() && lookups < needed {
            let due_at = self.due_in(lookup_delay_since(lookups, one.attempts, self.ago(attempt.sent_at)));
            self.record(Step::Note, &[one.lead.id], StepOutcome::Missed { lookups, needed, due_at }).await?;
            return Ok(None);
        }
        Ok(Some(missing))
    }

    pub(super) async fn write_note_batch(
        &self,
        batch: Vec<(LeadRow, Vec<String>)>,
        progress: &mut Progress,
    ) -> Result<(), Stop> {
        let ids: Vec<Ulid> = batch.iter().map(|(one, _)| one.lead.id).collect();
        point("note.before_record");
        let allowed: HashSet<Ulid> = self
            .store
            .record_intent(&self.lease, Step::Note, &ids, self.lease_end(), Intent::Again)
            .await?
            .into_iter()
            .collect();
        let mut sent = Vec::new();
        let mut notes = Vec::new();
        let mut first_notes = Vec::new();
        for (one, texts) in batch.into_iter().filter(|(one, _)| allowed.contains(&one.lead.id)) {
            let (lead_id, number) = (crm_lead_id(&one), one.lead.number.clone());
            first_notes.push(notes.len());
            notes.extend(texts.into_iter().map(|text| NewNote { lead_id, number: number.clone(), text }));
            sent.push(one);
        }
        if sent.is_empty() {
            return Ok(());
        }
        point("note.recorded");
        let answer = self.crm.add_notes(&notes).await;
        point("note.answered");
        match answer {
            Ok(ids) => {
                *progress = Progress::Wrote;
                self.took_a_note().await?;
                let leads: Vec<_> = sent
                    .iter()
                    .zip(first_notes)
                    .map(|(one, at)| Completed { lead: &one.lead, remote_id: ids.get(at).copied() })
                    .collect();
                Ok(self.delivered(&leads).await?)
            }
            Err(error) => {
                if matches!(CreateVerdict::of(&error), CreateVerdict::Refused { .. }) {
                    *progress = Progress::Wrote;
                }
                self.note_failed(&sent, error).await
            }
        }
    }

    pub(super) async fn note_failed(&self, batch: &[LeadRow], error: CrmError) -> Result<(), Stop> {
        let ids = |leads: &[&LeadRow]| leads.iter().map(|one| one.lead.id).collect::<Vec<Ulid>>();
        let all: Vec<&LeadRow> = batch.iter().collect();
        let text = error.to_string();
        let now = self.clock().now();
        match CreateVerdict::of(&error) {
            CreateVerdict::NotDone => {
                let forbidden = matches!(error, CrmError::Forbidden { .. });
                let not_found = matches!(error, CrmError::WrongAddress { .. });
                let stop = match (batch, forbidden) {
                    // Leads may be made all the same.
                    (_, true) => {
                        self.notes_wait().await?;
                        None
                    }
                    ([one], _) if not_found => {
                        if self.follow_lead(one).await? {
                            return Ok(());
                        }
                        None
                    }
                    // One of them may be gone; whether all of amoCRM is, its account tells.
                    _ if not_found => self.crm.account().await.err().map(Stop::Crm),
                    _ => self.is_about_one(batch[0].lead.id, &error, batch[0].last_error_at).await.err(),
                };
                if let (None, false, [one]) = (&stop, forbidden, batch) {
                    return self.hold_from_wall(Failed::of_note(one), &error).await;
                }
                // A part of several that an earlier, uncertain sending has left there must still be looked for.
                let due_at = if forbidden { self.notes_from() } else { now };
                let apart = stop.is_none() && !forbidden;
                let (resent, fresh): (Vec<_>, Vec<_>) =
                    all.into_iter().partition(|one| one.steps.attempt(Step::Note).is_some() || apart);
                let not_done = StepOutcome::NotDone { due_at, error: text.clone() };
                self.record(Step::Note, &ids(&fresh), not_done).await?;
                let lookups = Lookups { needed: 1, first_at: due_at, unbatched: apart };
                self.record(Step::Note, &ids(&resent), StepOutcome::Uncertain { lookups, error: text }).await?;
                stop.map_or(Ok(()), Err)
            }
            CreateVerdict::Uncertain { lookups } => {
                for one in batch {
                    let failures = self.own_failures(one.attempts + 1, one.last_error_at).await?;
                    let first_at = self.due_in(lookup_delay(0, failures));
                    let lookups = Lookups { needed: lookups, first_at, unbatched: false };
                    let outcome = StepOutcome::Uncertain { lookups, error: text.clone() };
                    self.record(Step::Note, &[one.lead.id], outcome).await?;
                }
                point("note.unsure_stored");
                let one = &batch[0];
                if batch.len() == 1 && self.is_poisoned(one.attempts, one.last_error_at).await? {
                    return Ok(self.store.tell_of_stuck(one.lead.id).await?);
                }
                self.is_about_one_note(one, &error).await?;
                if batch.len() > 1 {
                    self.go_singly();
                }
                Ok(())
            }
            CreateVerdict::Refused { .. } if batch.len() > 1 => {
                let first_at = self.due_in(lookup_delay(0, 1));
                let lookups = Lookups { needed: LOOKUPS_AFTER_REFUSED_BATCH, first_at, unbatched: true };
                self.record(Step::Note, &ids(&all), StepOutcome::Uncertain { lookups, error: text }).await?;
                Ok(())
            }
            CreateVerdict::Refused { fields, detail } => {
                let one = &batch[0];
                let about_the_lead = fields.is_empty() || fields.iter().any(|field| field.path.contains("entity_id"));
                if about_the_lead && self.follow_lead(one).await? {
                    return Ok(());
                }
                let failed = Failed::of_note(one);
                if failed.omitted.plain {
                    self.hold_note(failed, &detail, &fields).await
                } else {
                    self.hold_from_wall(failed, &error).await
                }
            }
        }
    }

    /// What becomes of a lead under which no note can stand; `false` when it is where it was.
    ///
    /// One that was merged is a part of another one now, and its note goes there. One that a person has deleted had been
    /// delivered: its note is not needed. It is only called deleted where the
    /// account itself answers.
    pub(super) async fn follow_lead(&self, one: &LeadRow) -> Result<bool, Stop> {
        let whereabouts = self.crm.whereabouts(crm_lead_id(one), &one.lead, one.lead.submitted_at).await;
        match whereabouts.map_err(Stop::Crm)? {
            Whereabouts::There => Ok(false),
            Whereabouts::MergedInto(found) => {
                info!(lead = %one.lead.number, from = crm_lead_id(one), to = found.lead_id, "merged in amoCRM");
                point("merged.before_record");
                self.store.record_merged(one.lead.id, found.lead_id, found.contact_id).await?;
                point("merged.stored");
                Ok(true)
            }
            Whereabouts::Gone => {
                self.crm.account().await.map_err(Stop::Crm)?;
                info!(lead = %one.lead.number, crm_lead = crm_lead_id(one), "the lead was deleted in amoCRM");
                self.delivered(&[Completed { lead: &one.lead, remote_id: None }]).await?;
                Ok(true)
            }
        }
    }

    pub(super) async fn delivered(&self, leads: &[Completed<'_>]) -> Result<(), StoreError> {
        let fresh = self.store.record_delivered(leads).await?;
        point("delivered.stored");
        Counters::add(&self.figures.delivered, usize::try_from(fresh).unwrap_or(0));
        for one in leads {
            info!(lead = %one.lead.number, "delivered");
        }
        Ok(())
    }
}

/// amoCRM's id of a lead of which the first step is done.
fn crm_lead_id(row: &LeadRow) -> i64 {
    row.crm_lead_id().unwrap_or_default()
}
