//! The note under a lead that amoCRM has: everything the buyer said.

use std::sync::Mutex;

use tracing::info;
use ulid::Ulid;

use crate::{
    clock::Millis,
    crm::amocrm::{CrmError, NewLead, NewNote, RejectedField, Whereabouts},
    fault::point,
    store::{Completed, Hold, Intent, LeadRow, Lookups, Step, StepOutcome, StoreError},
    telemetry::lead_span,
};

use super::super::{
    backoff::{lead_pause, lookup_delay, lookup_delay_since, lookups_needed},
    isolation::is_uncertain,
    learned::Learned,
    pass::{DeliveryPass, Progress, Stop},
    run::Run,
    shortage::omitted_of,
    write::{StepWrite, WritePoints},
};

/// At most so many notes in one call. amoCRM takes 250, but all of them have to be looked for when its answer is lost.
const NOTE_BATCH: usize = 20;

/// A lead with the notes that it still needs; nearly always one.
pub(crate) struct NewNoteItem {
    row: LeadRow,
    texts: Vec<String>,
}

impl NewNoteItem {
    /// Whether it is a request that is nothing but these notes, and none of them is there.
    fn is_all_of_an_attached_one(&self, pass: &DeliveryPass) -> bool {
        self.row.attached_at.is_some() && pass.are_all(&self.row, &self.texts)
    }
}

/// The step [`Step::Note`].
pub(crate) struct WriteNote;

impl StepWrite for WriteNote {
    const STEP: Step = Step::Note;
    const POINTS: WritePoints = WritePoints {
        before_record: "note.before_record",
        recorded: "note.recorded",
        answered: "note.answered",
        uncertain_stored: "note.uncertain_stored",
    };
    // Of several notes some may be there: what is missing was looked for just before.
    const INTENT: Intent = Intent::Again;
    type Item = NewNoteItem;
    /// amoCRM's id of each note, in the order of the items.
    type Answer = Vec<i64>;

    fn row(item: &NewNoteItem) -> &LeadRow {
        &item.row
    }

    async fn send(pass: &DeliveryPass, items: &[NewNoteItem]) -> Result<Vec<i64>, CrmError> {
        let of = |item: &NewNoteItem| {
            let (lead_id, number) = (crm_lead_id(&item.row), item.row.lead.number.clone());
            let new = move |text: &String| NewNote { lead_id, number: number.clone(), text: text.clone() };
            item.texts.iter().map(new).collect::<Vec<_>>()
        };
        pass.crm.add_notes(&items.iter().flat_map(of).collect::<Vec<_>>()).await
    }

    async fn done(pass: &DeliveryPass, items: Vec<NewNoteItem>, answer: Vec<i64>) -> Result<Vec<LeadRow>, Stop> {
        pass.took_a_note().await?;
        let mut ids = answer.into_iter();
        let mut done = Vec::with_capacity(items.len());
        for item in items {
            // Of several notes the first.
            let mut of_this = ids.by_ref().take(item.texts.len());
            done.push((item.row, of_this.next()));
            of_this.for_each(drop);
        }
        pass.did(Step::Note, done).await
    }

    async fn not_done(pass: &DeliveryPass, items: &[NewNoteItem], error: &CrmError) -> Result<(), Stop> {
        let forbidden = matches!(error, CrmError::Forbidden { .. });
        let not_found = matches!(error, CrmError::NotFound { .. });
        if forbidden {
            // Without the right to write notes such a one is nowhere.
            for item in items.iter().filter(|item| item.is_all_of_an_attached_one(pass)) {
                pass.detach(&item.row, false).await?;
            }
        }
        let stop = match (items, forbidden) {
            // Leads may be made all the same.
            (_, true) => {
                pass.notes_wait().await?;
                None
            }
            ([one], _) if not_found => {
                if pass.follow_lead(&one.row).await? {
                    return Ok(());
                }
                None
            }
            // One of them may be gone; whether all of amoCRM is, its account tells.
            _ if not_found => pass.crm.account().await.err().map(Stop::Crm),
            ([first, ..], _) => pass.is_about_one(first.row.lead.id, error, first.row.last_error_at).await.err(),
            ([], _) => None,
        };
        if let (None, false, [one]) = (&stop, forbidden, items) {
            if omitted_of(&one.row).plain && one.is_all_of_an_attached_one(pass) {
                return Ok(pass.detach(&one.row, true).await?);
            }
            return pass.hold_from_wall::<Self>(&one.row, error).await;
        }
        // A part of several that an earlier, uncertain sending has left there must still be looked for.
        let due_at = if forbidden { pass.notes_from() } else { pass.clock().now() };
        let apart = stop.is_none() && !forbidden;
        let is_resent = |item: &&NewNoteItem| item.row.steps.attempt(Step::Note).is_some() || apart;
        let (resent, fresh): (Vec<_>, Vec<_>) = items.iter().partition(is_resent);
        let ids = |items: &[&NewNoteItem]| items.iter().map(|item| item.row.lead.id).collect::<Vec<Ulid>>();
        let not_done = StepOutcome::NotDone { due_at, error: error.to_string() };
        pass.record(Step::Note, &ids(&fresh), not_done).await?;
        let lookups = Lookups { needed: 1, first_at: due_at, unbatched: apart };
        let uncertain = StepOutcome::Uncertain { lookups, error: error.to_string() };
        pass.record(Step::Note, &ids(&resent), uncertain).await?;
        stop.map_or(Ok(()), Err)
    }

    async fn is_about_one(pass: &DeliveryPass, item: &NewNoteItem, error: &CrmError) -> Result<(), Stop> {
        pass.is_about_one_note(&item.row, error).await
    }

    async fn refused(
        pass: &DeliveryPass,
        item: &NewNoteItem,
        error: &CrmError,
        fields: &[RejectedField],
        detail: &str,
    ) -> Result<(), Stop> {
        let about_the_lead = fields.is_empty() || fields.iter().any(|field| field.path.contains("entity_id"));
        if about_the_lead && pass.follow_lead(&item.row).await? {
            return Ok(());
        }
        match omitted_of(&item.row).plain {
            true if item.is_all_of_an_attached_one(pass) => Ok(pass.detach(&item.row, true).await?),
            true => pass.hold::<Self>(&item.row, detail, fields).await,
            false => pass.hold_from_wall::<Self>(&item.row, error).await,
        }
    }

    fn is_taking(_: &DeliveryPass) -> bool {
        true
    }

    fn refusals(learned: &Learned) -> &Mutex<Run> {
        &learned.refused_notes
    }

    async fn others_went_through(pass: &DeliveryPass, since: Millis) -> Result<bool, StoreError> {
        // A lead that was taken meanwhile says nothing of notes.
        pass.leads.delivered_after(since).await
    }

    async fn revive(pass: &DeliveryPass, leads: &[Ulid]) -> Result<(), StoreError> {
        pass.queue.revive_behind_the_lead(leads).await
    }

    async fn refused_with_others(pass: &DeliveryPass, row: &LeadRow, error: String, _: &str) -> Result<(), Stop> {
        let hold = Hold {
            due_at: pass.due_in(lead_pause(row.attempts + 1)),
            error,
            omitted: None,
            tell: false,
            uncertain: is_uncertain::<Self>(row),
        };
        pass.record(Self::STEP, &[row.lead.id], StepOutcome::Held(hold)).await?;
        pass.notes_wait().await
    }
}

impl DeliveryPass {
    /// Writes the notes of leads that amoCRM has; returns the leads that go on.
    pub(in crate::delivery) async fn write_notes(
        &self,
        to_note: Vec<LeadRow>,
        progress: &mut Progress,
    ) -> Result<Vec<LeadRow>, Stop> {
        let mut going_on = Vec::new();
        let mut batch: Vec<NewNoteItem> = Vec::new();
        let mut notes = 0;
        for one in to_note {
            if self.notes_from() > self.clock().now() {
                self.queue.defer(&self.lease, one.lead.id, self.notes_from()).await?;
                continue;
            }
            let Some(missing) = self.missing_notes(&one).await? else { continue };
            if missing.is_empty() {
                going_on.extend(self.did(Step::Note, vec![(one, None)]).await?);
            } else if one.unbatched {
                let alone = vec![NewNoteItem { row: one, texts: missing }];
                going_on.extend(self.write::<WriteNote>(alone, progress).await?);
            } else {
                if notes + missing.len() > NOTE_BATCH && !batch.is_empty() {
                    going_on.extend(self.write::<WriteNote>(std::mem::take(&mut batch), progress).await?);
                    notes = 0;
                }
                notes += missing.len();
                batch.push(NewNoteItem { row: one, texts: missing });
            }
        }
        if !batch.is_empty() {
            going_on.extend(self.write::<WriteNote>(batch, progress).await?);
        }
        Ok(going_on)
    }

    /// The notes that a lead still needs: all of them, or, where it is not known whether they were written, those that
    /// amoCRM does not have after as many looks as a create gets. `None` when it is too early to say.
    pub(in crate::delivery) async fn missing_notes(&self, one: &LeadRow) -> Result<Option<Vec<String>>, Stop> {
        let request = NewLead { lead: &one.lead, contact_id: None, degradation: omitted_of(one) };
        let notes = self.crm.notes_of(&request);
        let Some(attempt) = one.steps.attempt(Step::Note) else { return Ok(Some(notes)) };
        if let Some(later) = self.too_early(&attempt, one.attempts) {
            self.queue.defer(&self.lease, one.lead.id, later).await?;
            return Ok(None);
        }
        let needed = lookups_needed(attempt.lookups_needed);
        let missing = match self.crm.missing_notes(crm_lead_id(one), &one.lead.number, notes).await {
            Ok(missing) => missing,
            Err(CrmError::NotFound { .. } | CrmError::Refused { .. })
                if one.attached_at.is_some() && self.follow_lead(one).await? =>
            {
                return Ok(None);
            }
            Err(error @ (CrmError::NotFound { .. } | CrmError::Refused { .. })) => {
                let later = self.due_in(lookup_delay(0, 1));
                self.queue.defer(&self.lease, one.lead.id, later).await?;
                return if self.follow_lead(one).await? { Ok(None) } else { Err(Stop::Crm(error)) };
            }
            Err(CrmError::Forbidden { .. }) => {
                self.notes_wait().await?;
                self.queue.defer(&self.lease, one.lead.id, self.notes_from()).await?;
                return Ok(None);
            }
            Err(error) => {
                let later = self.due_in(lookup_delay(0, 1));
                self.queue.defer(&self.lease, one.lead.id, later).await?;
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

    /// What becomes of a lead under which no note can stand; `false` when it is where it was.
    ///
    /// One that was merged is a part of another one now, and its note goes there. One that a person has deleted had been
    /// delivered: its note is not needed. It is only called deleted where the
    /// account itself answers.
    pub(in crate::delivery) async fn follow_lead(&self, one: &LeadRow) -> Result<bool, Stop> {
        let whereabouts = self.crm.whereabouts(crm_lead_id(one), &one.lead, one.lead.submitted_at).await;
        match whereabouts.map_err(Stop::Crm)? {
            Whereabouts::There => Ok(false),
            Whereabouts::MergedInto(found) => {
                lead_span(&one.lead.number)
                    .in_scope(|| info!(from = crm_lead_id(one), to = found.lead_id, "merged in amoCRM"));
                point("merged.before_record");
                self.queue.record_merged(one.lead.id, found.lead_id, found.contact_id).await?;
                point("merged.stored");
                Ok(true)
            }
            Whereabouts::Gone => {
                self.crm.account().await.map_err(Stop::Crm)?;
                lead_span(&one.lead.number)
                    .in_scope(|| info!(crm_lead = crm_lead_id(one), "the lead was deleted in amoCRM"));
                if one.attached_at.is_some() {
                    // It was another request's.
                    self.detach(one, false).await?;
                    return Ok(true);
                }
                self.delivered(&[Completed { lead: &one.lead, remote_id: None }]).await?;
                Ok(true)
            }
        }
    }
}

/// amoCRM's id of a lead of which the first step is done.
fn crm_lead_id(row: &LeadRow) -> i64 {
    row.crm_lead_id().unwrap_or_default()
}
