//! Notes under leads that amoCRM has, written after their own: one at a time, each exactly once.
//!
//! The order is that of every write (see [`super::write`]): recorded, sent, told apart, recorded. Besides, a note is always
//! looked for before it is sent, since the store may be a copy of an older day. What fails waits by itself; buyers' requests
//! are not held up by it, and it by none of their troubles. Notes of one lead are written in order.
//!
//! What a buyer has said goes to where people read it: the lead, should that be closed or gone the open one of the same contact,
//! else the contact, else the managers' chat. Where a note is sent to is recorded with that it is sent: should its lead be closed
//! before it is known what came of it, it is looked for there as well.

use std::time::Duration;

use tracing::{Instrument, info, warn};

use crate::{
    clock::{Clock, Millis, date},
    crm::amocrm::{Crm, CrmError, Place, Reader, Wanted, Whereabouts},
    fault::point,
    notice::{AdminNotice, Recipients},
    store::{
        Created, LateNote, LateNotes, LateOutcome, LeadQueue, LeadRow, Leads, Lease, NewMessage, Store, StoreError,
    },
    telemetry::lead_span,
};

use super::{
    backoff::{LONGEST_PAUSE, LOOKUPS_AFTER_KILL, lookup_delay, missed, pause_after},
    one_by_one::OneByOne,
    outcome::WriteOutcome,
    pass::Stop,
};

/// Pause after the store failed.
const STORE_PAUSE: Duration = Duration::from_secs(2);

/// A note that amoCRM refuses so often is given up; in between it waits for so long.
const MOST_REFUSALS: i64 = 10;
const REFUSED_PAUSE: Duration = Duration::from_secs(15 * 60);

/// So many merges of one lead are followed at once.
const MOST_MERGES: usize = 5;

/// Writes late notes.
#[derive(Debug)]
pub struct LateNoteWriter {
    notes: LateNotes,
    leads: Leads,
    queue: LeadQueue,
    crm: Crm,
    lease: Lease,
    recipients: Recipients,
    /// Failures of amoCRM, or of the way to it, in a row.
    failures: u32,
}

impl OneByOne for LateNoteWriter {
    type Error = StoreError;

    const WAITS: &'static str = "notes wait for the store";
    const PAUSE: Duration = STORE_PAUSE;

    fn clock(&self) -> Clock {
        self.notes.clock()
    }

    /// Looks after one note; `false` where none is due.
    async fn step(&mut self) -> Result<bool, StoreError> {
        let Some(note) = self.notes.due().await? else { return Ok(false) };
        let span = lead_span(&note.number);
        match self.write(&note).instrument(span.clone()).await {
            Ok(()) => {
                self.failures = 0;
                Ok(true)
            }
            Err(Stop::Store(error)) => Err(error),
            Err(Stop::Crm(error)) => {
                span.in_scope(|| warn!(%error, "a note under a lead waits"));
                self.failures += 1;
                let pause = pause_after(&error, self.failures, rand::random());
                self.defer(&note, LateOutcome::NotLooked, pause).await?;
                Ok(true)
            }
        }
    }

    async fn next_due(&self) -> Result<Option<Millis>, StoreError> {
        self.notes.next_due().await
    }

    async fn changed(&self) {
        self.notes.changed().await;
    }
}

impl LateNoteWriter {
    /// For the leader of this term.
    pub fn new(store: &Store, crm: Crm, lease: Lease, recipients: Recipients) -> Self {
        Self {
            notes: store.late_notes(),
            leads: store.leads(),
            queue: store.lead_queue(),
            crm,
            lease,
            recipients,
            failures: 0,
        }
    }

    fn due_in(&self, pause: Duration) -> Millis {
        self.clock().now() + self.clock().millis(pause)
    }

    async fn defer(&self, note: &LateNote, outcome: LateOutcome, pause: Duration) -> Result<(), StoreError> {
        self.notes.not_written(&self.lease, &note.id, outcome, self.due_in(pause)).await
    }

    async fn write(&self, note: &LateNote) -> Result<(), Stop> {
        let notes = &self.notes;
        let Some(row) = self.leads.by_number(&note.number).await? else {
            // Nobody can say what amoCRM's id of it is; a lead that is damaged may be fixed.
            return match note.is_said {
                true => Ok(self.defer(note, LateOutcome::NotLooked, LONGEST_PAUSE).await?),
                false => Ok(notes.over(&note.id, None).await?),
            };
        };
        let Some(lead_id) = self.lead_of(note, &row).await? else { return Ok(()) };
        let text = self.crm.late_note(&note.number, &note.text);
        let sent_to = note.place.as_deref().and_then(Place::parse).filter(|_| note.attempt.is_some());
        let place = match note.is_said {
            false => Place::Lead(lead_id),
            true => match self.place_of(note, &row, lead_id).await? {
                Some(place) => place,
                None => return Ok(()),
            },
        };
        // Where it was sent before, the lead may have been closed since.
        for place in sent_to.filter(|sent_to| *sent_to != place).into_iter().chain([place]) {
            match self.crm.has_note_at(place, &note.number, &text).await {
                Ok(true) => return Ok(notes.over(&note.id, None).await?),
                Ok(false) => {}
                Err(CrmError::NotFound { .. } | CrmError::Refused { .. }) if Some(place) == sent_to && note.is_said => {
                }
                Err(error @ (CrmError::NotFound { .. } | CrmError::Refused { .. })) => {
                    return self.follow(note, &row, lead_id, error).await;
                }
                Err(error) => return Err(Stop::Crm(error)),
            }
        }
        if let Some((outcome, pause)) = note.attempt.and_then(missed) {
            return Ok(self.defer(note, outcome, pause).await?);
        }
        point("late_note.before_record");
        let Some(text) = notes.intent(&self.lease, &note.id, Some(&place.to_string())).await? else {
            return Ok(());
        };
        point("late_note.recorded");
        let answer = self.crm.add_note_at(place, &note.number, &self.crm.late_note(&note.number, &text)).await;
        point("late_note.answered");
        let error = match answer {
            Ok(note_id) => {
                info!("a note is written under a lead that was delivered before");
                return Ok(notes.over(&note.id, Some(note_id)).await?);
            }
            Err(error) => error,
        };
        match WriteOutcome::of(&error) {
            WriteOutcome::NotDone => {
                self.defer(note, LateOutcome::NotWritten, Duration::ZERO).await?;
                match error {
                    CrmError::NotFound { .. } => self.follow(note, &row, lead_id, error).await,
                    error => Err(Stop::Crm(error)),
                }
            }
            WriteOutcome::Uncertain { lookups } => {
                warn!(%error, "a note under a lead may or may not be there");
                let uncertain = LateOutcome::Uncertain { lookups_needed: lookups };
                Ok(self.defer(note, uncertain, lookup_delay(0, 0)).await?)
            }
            WriteOutcome::Refused { .. } if note.attempts + 1 >= MOST_REFUSALS => {
                warn!(%error, "amoCRM takes no note under a lead; it is given up");
                self.no_place(note).await
            }
            WriteOutcome::Refused { .. } => {
                self.defer(note, LateOutcome::Refused, REFUSED_PAUSE).await?;
                self.follow(note, &row, lead_id, error).await
            }
        }
    }

    /// Where what was said is read; `None` where that was found out otherwise, or there is nowhere.
    async fn place_of(&self, note: &LateNote, row: &LeadRow, lead_id: i64) -> Result<Option<Place>, Stop> {
        let mut lead_id = lead_id;
        for _ in 0..MOST_MERGES {
            match self.crm.reader_of(lead_id, &row.lead, row.contact_id).await.map_err(Stop::Crm)? {
                Reader::At(place) => return Ok(Some(place)),
                Reader::MergedInto(survivor) => {
                    self.notes.lead_moved(&note.number, survivor).await?;
                    lead_id = survivor;
                }
                Reader::Nobody => {
                    self.crm.account().await.map_err(Stop::Crm)?;
                    self.no_place(note).await?;
                    return Ok(None);
                }
            }
        }
        self.defer(note, LateOutcome::NotLooked, LONGEST_PAUSE).await?;
        Ok(None)
    }

    /// There is no place for a note in amoCRM: what a buyer has said is told to the managers instead.
    async fn no_place(&self, note: &LateNote) -> Result<(), Stop> {
        let notice = AdminNotice::NoPlaceForWords { number: note.number.clone(), text: note.text.clone() };
        let message = NewMessage::to_dealer(&self.recipients, notice, self.clock().now()).filter(|_| note.is_said);
        let Some(message) = message else { return Ok(self.notes.over(&note.id, None).await?) };
        info!("what a buyer has said has no place in amoCRM; the managers are told");
        Ok(self.notes.over_telling(&note.id, &message).await?)
    }

    /// amoCRM's id of the lead. One that may or may not be there is looked for as often as before a create.
    async fn lead_of(&self, note: &LateNote, row: &LeadRow) -> Result<Option<i64>, Stop> {
        if let Some(id) = row.crm_lead_id() {
            return Ok(Some(id));
        }
        let since = date(row.lead.submitted_at.timestamp_millis().min(self.clock().now()));
        let looked = self.crm.find_leads(&[Wanted { lead: &row.lead, since, first_edition: None }]).await;
        if let Some(found) = looked.found.get(&note.number) {
            let created =
                Created { id: row.lead.id, crm_lead_id: found.lead_id, contact_id: None, phone: String::new() };
            self.queue.record_created(&[created]).await?;
            return Ok(Some(found.lead_id));
        }
        if let Some(error) = looked.failed {
            return Err(Stop::Crm(error));
        }
        let lookups = note.lookups + 1;
        if lookups >= LOOKUPS_AFTER_KILL {
            info!("a lead that was given up is not in amoCRM, so no note is needed");
            self.no_place(note).await?;
        } else {
            let missed = LateOutcome::Missed { lookups, needed: LOOKUPS_AFTER_KILL };
            self.defer(note, missed, lookup_delay(lookups, 0)).await?;
        }
        Ok(None)
    }

    /// No note can stand under the lead as it is: it is followed where it was merged into another, and the note is over
    /// where the lead is gone.
    async fn follow(&self, note: &LateNote, row: &LeadRow, lead_id: i64, error: CrmError) -> Result<(), Stop> {
        if note.is_said {
            // Its place is looked for again with the next attempt.
            let is_counted = matches!(error, CrmError::Rejected { .. } | CrmError::Refused { .. });
            return if is_counted { Ok(()) } else { Err(Stop::Crm(error)) };
        }
        match self.crm.whereabouts(lead_id, &row.lead, row.lead.submitted_at).await.map_err(Stop::Crm)? {
            Whereabouts::There if matches!(error, CrmError::Rejected { .. } | CrmError::Refused { .. }) => Ok(()),
            Whereabouts::There => Err(Stop::Crm(error)),
            Whereabouts::MergedInto(found) => Ok(self.notes.lead_moved(&note.number, found.lead_id).await?),
            Whereabouts::Gone => {
                self.crm.account().await.map_err(Stop::Crm)?;
                info!("the lead was deleted in amoCRM, so no note is needed");
                Ok(self.notes.over(&note.id, None).await?)
            }
        }
    }
}
