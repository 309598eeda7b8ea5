//! Writing the notes of leads that amoCRM has; with them a lead is delivered.

use std::collections::HashSet;

use tracing::info;
use ulid::Ulid;

use crate::{
    clock::Millis,
    crm::amocrm::{CrmError, NewLead, NewNote, OmittedFields, Whereabouts},
    fault::point,
    lead::Lead,
    store::{LeadRow, Lookups, StoreError},
};

use super::{
    backoff::{lookup_delay, lookup_delay_since},
    counters::Counters,
    creates::{LOOKUPS_AFTER_REFUSED_BATCH, degradation_of},
    isolation::Failed,
    lookups::LOOKUPS_AFTER_KILL,
    steps::{DeliveryPass, Progress, Stop},
    verdict::CreateVerdict,
};

/// At most so many leads in one claim.
pub const CLAIM: usize = 250;

/// At most so many notes in one call. amoCRM takes 250, but all of them have to be looked for when its answer is lost.
const NOTE_BATCH: usize = 20;

/// A lead that amoCRM has, waiting for its note.
pub(super) struct ToNote {
    pub lead: Lead,
    pub crm_lead_id: i64,
    pub degradation: OmittedFields,
    pub note_sent_at: Option<Millis>,
    pub lookups: i64,
    pub lookups_needed: i64,
    pub attempts: i64,
    pub last_error_at: Option<Millis>,
    pub solo: bool,
}

impl ToNote {
    pub(super) fn of(row: LeadRow, crm_lead_id: i64) -> Self {
        Self {
            crm_lead_id,
            degradation: degradation_of(&row),
            note_sent_at: row.note_sent_at,
            lookups: row.lookups,
            lookups_needed: row.lookups_needed,
            attempts: row.attempts,
            last_error_at: row.last_error_at,
            solo: row.solo,
            lead: row.lead,
        }
    }

    /// Its lead was created just now, or by an earlier process: no note was ever sent, unless by somebody else, which a
    /// single look tells.
    pub(super) fn after_create(row: LeadRow, crm_lead_id: i64) -> Self {
        let lookups_needed = i64::from(row.note_sent_at.is_some());
        Self { lookups: 0, lookups_needed, ..Self::of(row, crm_lead_id) }
    }
}

impl DeliveryPass {
    /// Writes the notes of leads that amoCRM has; with them a lead is delivered.
    pub(super) async fn write_notes(&self, to_note: Vec<ToNote>, progress: &mut Progress) -> Result<(), Stop> {
        let mut batch: Vec<(ToNote, Vec<String>)> = Vec::new();
        let mut notes = 0;
        for one in to_note {
            if self.notes_from() > self.clock().now() {
                self.store.put_off(&self.lease, one.lead.id, self.notes_from()).await?;
                continue;
            }
            let Some(missing) = self.missing_notes(&one).await? else { continue };
            if missing.is_empty() {
                self.delivered(&[&one.lead]).await?;
            } else if one.solo {
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
    pub(super) async fn missing_notes(&self, one: &ToNote) -> Result<Option<Vec<String>>, Stop> {
        let request = NewLead { lead: &one.lead, contact_id: None, degradation: one.degradation.clone() };
        let notes = self.crm.notes_of(&request);
        if one.note_sent_at.is_none() {
            return Ok(Some(notes));
        }
        let mut needed = one.lookups_needed;
        if needed == 0 {
            needed = LOOKUPS_AFTER_KILL;
            self.store.record_lookups_needed(&self.lease, one.lead.id, needed).await?;
            if let Some(later) = self.too_early(one.note_sent_at, one.attempts) {
                self.store.put_off(&self.lease, one.lead.id, later).await?;
                return Ok(None);
            }
        }
        let missing = match self.crm.missing_notes(one.crm_lead_id, &one.lead.number, notes).await {
            Ok(missing) => missing,
            Err(error @ (CrmError::WrongAddress { .. } | CrmError::Refused { .. })) => {
                let later = self.due_in(lookup_delay(0, 1));
                self.store.put_off(&self.lease, one.lead.id, later).await?;
                return if self.follow_lead(one).await? { Ok(None) } else { Err(Stop::Crm(error)) };
            }
            Err(CrmError::Forbidden { .. }) => {
                self.notes_wait().await?;
                self.store.put_off(&self.lease, one.lead.id, self.notes_from()).await?;
                return Ok(None);
            }
            Err(error) => {
                let later = self.due_in(lookup_delay(0, 1));
                self.store.put_off(&self.lease, one.lead.id, later).await?;
                return Err(Stop::Crm(error));
            }
        };
        point("note.read");
        if !missing.is_empty() && one.lookups + 1 < needed {
            let later = self.due_in(lookup_delay_since(one.lookups + 1, one.attempts, self.ago(one.note_sent_at)));
            self.store.record_note_missed(&self.lease, one.lead.id, later).await?;
            return Ok(None);
        }
        Ok(Some(missing))
    }

    pub(super) async fn write_note_batch(
        &self,
        batch: Vec<(ToNote, Vec<String>)>,
        progress: &mut Progress,
    ) -> Result<(), Stop> {
        let ids: Vec<Ulid> = batch.iter().map(|(one, _)| one.lead.id).collect();
        point("note.before_record");
        let allowed: HashSet<Ulid> =
            self.store.record_note_sending(&self.lease, &ids, self.lease_end()).await?.into_iter().collect();
        let mut sent = Vec::new();
        let mut notes = Vec::new();
        for (one, texts) in batch.into_iter().filter(|(one, _)| allowed.contains(&one.lead.id)) {
            let (lead_id, number) = (one.crm_lead_id, one.lead.number.clone());
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
            Ok(_) => {
                *progress = Progress::Wrote;
                self.took_a_note().await?;
                let leads: Vec<&Lead> = sent.iter().map(|one| &one.lead).collect();
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

    pub(super) async fn note_failed(&self, batch: &[ToNote], error: CrmError) -> Result<(), Stop> {
        let ids = |leads: &[&ToNote]| leads.iter().map(|one| one.lead.id).collect::<Vec<Ulid>>();
        let all: Vec<&ToNote> = batch.iter().collect();
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
                    return self.hold_from_wall(Failed::from(one), &error).await;
                }
                // A part of several that an earlier, uncertain sending has left there must still be looked for.
                let due_at = if forbidden { self.notes_from() } else { now };
                let apart = stop.is_none() && !forbidden;
                let (resent, fresh): (Vec<_>, Vec<_>) =
                    all.into_iter().partition(|one| one.note_sent_at.is_some() || apart);
                self.store.record_note_not_sent(&self.lease, &ids(&fresh), due_at, &text).await?;
                let again = Lookups { needed: 1, first_at: due_at, solo: apart };
                self.store.record_note_uncertain(&self.lease, &ids(&resent), again, &text).await?;
                stop.map_or(Ok(()), Err)
            }
            CreateVerdict::Uncertain { lookups } => {
                for one in batch {
                    let failures = self.own_failures(one.attempts + 1, one.last_error_at).await?;
                    let first_at = self.due_in(lookup_delay(0, failures));
                    let lookups = Lookups { needed: lookups, first_at, solo: false };
                    self.store.record_note_uncertain(&self.lease, &[one.lead.id], lookups, &text).await?;
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
                let lookups = Lookups { needed: LOOKUPS_AFTER_REFUSED_BATCH, first_at, solo: true };
                self.store.record_note_uncertain(&self.lease, &ids(&all), lookups, &text).await?;
                Ok(())
            }
            CreateVerdict::Refused { fields, detail } => {
                let one = &batch[0];
                let about_the_lead = fields.is_empty() || fields.iter().any(|field| field.path.contains("entity_id"));
                if about_the_lead && self.follow_lead(one).await? {
                    return Ok(());
                }
                let failed = Failed::from(one);
                if failed.degradation.plain {
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
    pub(super) async fn follow_lead(&self, one: &ToNote) -> Result<bool, Stop> {
        let whereabouts = self.crm.whereabouts(one.crm_lead_id, &one.lead, one.lead.submitted_at).await;
        match whereabouts.map_err(Stop::Crm)? {
            Whereabouts::There => Ok(false),
            Whereabouts::MergedInto(found) => {
                info!(lead = %one.lead.number, from = one.crm_lead_id, to = found.lead_id, "merged in amoCRM");
                point("merged.before_record");
                self.store.record_merged(one.lead.id, found.lead_id, found.contact_id).await?;
                point("merged.stored");
                Ok(true)
            }
            Whereabouts::Gone => {
                self.crm.account().await.map_err(Stop::Crm)?;
                info!(lead = %one.lead.number, crm_lead = one.crm_lead_id, "the lead was deleted in amoCRM");
                self.delivered(&[&one.lead]).await?;
                Ok(true)
            }
        }
    }

    pub(super) async fn delivered(&self, leads: &[&Lead]) -> Result<(), StoreError> {
        let fresh = self.store.record_delivered(leads).await?;
        point("delivered.stored");
        Counters::add(&self.figures.delivered, usize::try_from(fresh).unwrap_or(0));
        for lead in leads {
            info!(lead = %lead.number, "delivered");
        }
        Ok(())
    }
}
