//! The recorded steps of claimed leads: look-up, contact, create, note. Used by the worker and by the command.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
    time::Duration,
};

use tracing::{debug, info, warn};
use ulid::Ulid;

use crate::{
    amocrm::{CreatedLead, Crm, CrmError, Degradation, NewLead, NewNote, note_text},
    clock::{Clock, Millis},
    lead::{Lead, LeadNumber},
    store::{Claim, Created, LeadRow, Lease, Lookups, Store, StoreError},
};

use super::{
    backoff::lookup_distance,
    verdict::CreateVerdict,
    worker::Figures,
};

/// A claim lasts so long unless renewed: longer than any one call with its wait for the rate limit.
pub const LEASE: Duration = Duration::from_secs(120);

/// At most so many leads in one create (documented maximum of `leads/complex`).
pub const CREATE_BATCH: usize = 50;

/// At most so many notes in one call (documented maximum of `leads/notes`), and so many leads in one claim.
pub const NOTE_BATCH: usize = 250;

/// A lead submitted within this time is fresh: a backlog does not hold it up.
pub const FRESH: Duration = Duration::from_secs(60);

/// A process that was killed while sending left no schedule; its create gets the longest.
const LOOKUPS_AFTER_KILL: i64 = 3;

/// After a batch was refused as a whole one look-up is enough: amoCRM answered, nothing is under way.
const LOOKUPS_AFTER_REFUSED_BATCH: i64 = 1;

/// Why a pass over claimed leads ended early.
#[derive(Debug)]
pub enum Stop {
    /// amoCRM cannot take anything now; every lead of the pass was put back.
    Crm(CrmError),
    /// The store cannot be used.
    Store(StoreError),
}

impl From<StoreError> for Stop {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

/// Walks leads through their steps.
#[derive(Debug, Clone)]
pub struct Courier {
    /// The store.
    pub store: Store,
    /// The CRM.
    pub crm: Crm,
    /// The lease of this process start.
    pub lease: Lease,
    /// Search for contacts before making new ones.
    pub contact_lookup: bool,
    /// Figures of what was done.
    pub figures: Arc<Figures>,
}

/// A lead that amoCRM has, waiting for its note.
struct ToNote {
    lead: Lead,
    crm_lead_id: i64,
    degradation: Degradation,
    note_sent_at: Option<Millis>,
    solo: bool,
}

impl Courier {
    fn clock(&self) -> Clock {
        self.store.clock()
    }

    fn lease_end(&self) -> Millis {
        self.clock().now() + self.clock().millis(LEASE)
    }

    fn due_in(&self, pause: Duration) -> Millis {
        self.clock().now() + self.clock().millis(pause)
    }

    /// Claims and walks fresh leads, or else the oldest ones; `Ok(false)` when nothing was due.
    ///
    /// As a probe it takes one lead only.
    pub async fn pass(&self, probe: bool) -> Result<bool, Stop> {
        if probe {
            return self.walk_claim(1, Claim::Oldest, false).await;
        }
        if self.walk_fresh().await? {
            return Ok(true);
        }
        self.walk_claim(NOTE_BATCH, Claim::Oldest, true).await
    }

    async fn walk_fresh(&self) -> Result<bool, Stop> {
        let since = self.clock().now() - self.clock().millis(FRESH);
        self.walk_claim(10, Claim::SubmittedSince(since), false).await
    }

    async fn walk_claim(&self, limit: usize, which: Claim, let_fresh_in: bool) -> Result<bool, Stop> {
        let limit = i64::try_from(limit).unwrap_or(1);
        let claimed = self.store.claim_due(&self.lease, self.lease_end(), limit, which).await?;
        if claimed.is_empty() {
            return Ok(false);
        }
        debug!(leads = claimed.len(), "claimed");
        match Box::pin(self.walk(claimed, let_fresh_in)).await {
            Ok(()) => Ok(true),
            Err(stop) => {
                // What this pass did not come to is free again at once: the breaker, not the lease, paces the rest.
                self.store.release_lease(&self.lease).await?;
                Err(stop)
            }
        }
    }

    async fn walk(&self, claimed: Vec<LeadRow>, let_fresh_in: bool) -> Result<(), Stop> {
        let (mut unsure, mut to_create, mut to_note) = (Vec::new(), Vec::new(), Vec::new());
        for row in claimed {
            if let Some(crm_lead_id) = row.crm_lead_id {
                to_note.push(ToNote {
                    crm_lead_id,
                    degradation: degradation_of(&row),
                    note_sent_at: row.note_sent_at,
                    solo: row.solo,
                    lead: row.lead,
                });
            } else if row.sent_at.is_some() {
                unsure.push(row);
            } else {
                to_create.push(row);
            }
        }
        to_note.extend(self.look_up(unsure).await?);
        for (at, chunk) in create_chunks(to_create).into_iter().enumerate() {
            if at > 0 {
                self.store.renew(&self.lease, self.lease_end()).await?;
                if let_fresh_in {
                    self.let_fresh_in().await?;
                }
            }
            to_note.extend(self.create(chunk).await?);
        }
        self.write_notes(to_note).await
    }

    /// Fresh leads go first; they have a claim of their own under the same lease.
    async fn let_fresh_in(&self) -> Result<(), Stop> {
        let since = self.clock().now() - self.clock().millis(FRESH);
        let claimed = self.store.claim_due(&self.lease, self.lease_end(), 10, Claim::SubmittedSince(since)).await?;
        if claimed.is_empty() { Ok(()) } else { Box::pin(self.walk(claimed, false)).await }
    }

    /// Looks up creates whose result is not known; returns those that amoCRM has.
    async fn look_up(&self, unsure: Vec<LeadRow>) -> Result<Vec<ToNote>, Stop> {
        let clock = self.clock();
        let mut due = Vec::new();
        for row in unsure {
            let earliest = row.sent_at.unwrap_or(0) + clock.millis(lookup_distance(0, row.attempts));
            if row.lookups_needed == 0 {
                self.store.record_lookups_needed(row.lead.id, LOOKUPS_AFTER_KILL).await?;
                if earliest > clock.now() {
                    self.store.put_off(row.lead.id, earliest).await?;
                    continue;
                }
            }
            due.push(row);
        }
        if due.is_empty() {
            return Ok(Vec::new());
        }
        let numbers: Vec<LeadNumber> = due.iter().map(|row| row.lead.number.clone()).collect();
        let since = due.iter().filter_map(|row| row.sent_at).min().unwrap_or_else(|| clock.now());
        Figures::add(&self.figures.lookups, due.len());
        let found = match self.crm.find_leads(&numbers, crate::clock::date(since)).await {
            Ok(found) => found,
            Err(error) => {
                // A failed look-up says nothing: the leads stay unsure.
                let later = self.due_in(lookup_distance(0, 1));
                for row in &due {
                    self.store.put_off(row.lead.id, later).await?;
                }
                return Err(Stop::Crm(error));
            }
        };
        let mut to_note = Vec::new();
        let mut created = Vec::new();
        for row in due {
            if let Some(hit) = found.get(&row.lead.number) {
                info!(lead = %row.lead.number, crm_lead = hit.lead_id, "an unsure create is found in amoCRM");
                Figures::add(&self.figures.found, 1);
                created.push(Created {
                    id: row.lead.id,
                    crm_lead_id: hit.lead_id,
                    contact_id: hit.contact_id,
                    phone: row.lead.phone.e164().to_owned(),
                });
                to_note.push(ToNote {
                    crm_lead_id: hit.lead_id,
                    degradation: degradation_of(&row),
                    note_sent_at: row.note_sent_at,
                    solo: row.solo,
                    lead: row.lead,
                });
                continue;
            }
            let needed = if row.lookups_needed == 0 { LOOKUPS_AFTER_KILL } else { row.lookups_needed };
            let absent = row.lookups + 1 >= needed;
            let due_at = if absent { clock.now() } else { self.due_in(lookup_distance(row.lookups + 1, row.attempts)) };
            info!(lead = %row.lead.number, lookup = row.lookups + 1, of = needed, "an unsure create is not in amoCRM");
            self.store.record_lookup_missed(row.lead.id, due_at, absent).await?;
            if absent {
                Figures::add(&self.figures.repeated, 1);
            }
        }
        self.store.record_created(&created).await?;
        Ok(to_note)
    }

    /// Finds the contact to attach a lead to: remembered, or searched for by phone.
    async fn contact_for(&self, row: &LeadRow) -> Result<Option<i64>, Stop> {
        if row.contact_id.is_some() {
            return Ok(row.contact_id);
        }
        let phone = row.lead.phone.e164();
        if let Some(contact_id) = self.store.known_contact(phone).await? {
            return Ok(Some(contact_id));
        }
        if !self.contact_lookup {
            return Ok(None);
        }
        match self.crm.find_contact(&row.lead.phone).await {
            Ok(Some(contact_id)) => {
                self.store.record_contact(row.lead.id, phone, contact_id).await?;
                Ok(Some(contact_id))
            }
            Ok(None) => Ok(None),
            // No right to search is no reason to keep a lead back: a new contact is made.
            Err(CrmError::Forbidden { .. } | CrmError::WrongAddress { .. } | CrmError::Rejected { .. }) => Ok(None),
            Err(error) => Err(Stop::Crm(error)),
        }
    }

    /// Creates the leads of one chunk; returns those that amoCRM has.
    async fn create(&self, chunk: Vec<LeadRow>) -> Result<Vec<ToNote>, Stop> {
        let mut contacts = HashMap::new();
        for row in &chunk {
            match self.contact_for(row).await {
                Ok(contact) => contacts.insert(row.lead.id, contact),
                Err(stop) => {
                    if let Stop::Crm(error) = &stop {
                        let ids: Vec<Ulid> = chunk.iter().map(|row| row.lead.id).collect();
                        self.store.record_not_sent(&ids, self.clock().now(), &error.to_string()).await?;
                    }
                    return Err(stop);
                }
            };
        }
        let ids: Vec<Ulid> = chunk.iter().map(|row| row.lead.id).collect();
        let allowed: HashSet<Ulid> =
            self.store.record_sending(&self.lease, &ids, self.lease_end()).await?.into_iter().collect();
        let chunk: Vec<LeadRow> = chunk.into_iter().filter(|row| allowed.contains(&row.lead.id)).collect();
        if chunk.is_empty() {
            return Ok(Vec::new());
        }
        let degradations: Vec<Degradation> = chunk.iter().map(degradation_of).collect();
        let requests: Vec<NewLead<'_>> = chunk
            .iter()
            .zip(&degradations)
            .map(|(row, degradation)| NewLead {
                lead: &row.lead,
                contact_id: contacts.get(&row.lead.id).copied().flatten(),
                degradation,
            })
            .collect();
        match self.crm.create_leads(&requests).await {
            Ok(answers) => {
                drop(requests);
                self.created(chunk, degradations, &answers).await
            }
            Err(error) => {
                let attached = requests.iter().any(|request| request.contact_id.is_some());
                drop(requests);
                self.create_failed(&chunk, &degradations, error, attached).await?;
                Ok(Vec::new())
            }
        }
    }

    async fn created(
        &self,
        chunk: Vec<LeadRow>,
        degradations: Vec<Degradation>,
        answers: &[CreatedLead],
    ) -> Result<Vec<ToNote>, Stop> {
        let by_number: HashMap<&LeadNumber, &CreatedLead> =
            answers.iter().map(|answer| (&answer.number, answer)).collect();
        let (mut created, mut to_note, mut unanswered) = (Vec::new(), Vec::new(), Vec::new());
        for (row, degradation) in chunk.into_iter().zip(degradations) {
            let Some(answer) = by_number.get(&row.lead.number) else {
                unanswered.push(row.lead.id);
                continue;
            };
            info!(lead = %row.lead.number, crm_lead = answer.lead_id, "created in amoCRM");
            created.push(Created {
                id: row.lead.id,
                crm_lead_id: answer.lead_id,
                contact_id: answer.contact_id,
                phone: row.lead.phone.e164().to_owned(),
            });
            to_note.push(ToNote {
                lead: row.lead,
                crm_lead_id: answer.lead_id,
                degradation,
                note_sent_at: None,
                solo: row.solo,
            });
        }
        self.store.record_created(&created).await?;
        if !unanswered.is_empty() {
            let lookups =
                Lookups { needed: LOOKUPS_AFTER_KILL, first_at: self.due_in(lookup_distance(0, 1)), solo: true };
            self.store.record_unsure(&unanswered, lookups, "amoCRM's answer leaves this lead out").await?;
        }
        Ok(to_note)
    }

    async fn create_failed(
        &self,
        chunk: &[LeadRow],
        degradations: &[Degradation],
        error: CrmError,
        attached: bool,
    ) -> Result<(), Stop> {
        let ids: Vec<Ulid> = chunk.iter().map(|row| row.lead.id).collect();
        let text = error.to_string();
        match CreateVerdict::of(&error) {
            CreateVerdict::NotDone => {
                self.store.record_not_sent(&ids, self.clock().now(), &text).await?;
                Err(Stop::Crm(error))
            }
            CreateVerdict::Unsure { lookups } => {
                warn!(leads = ids.len(), error = text, "amoCRM may or may not have created leads");
                Figures::add(&self.figures.unsure, ids.len());
                for row in chunk {
                    let schedule = Lookups {
                        needed: lookups,
                        first_at: self.due_in(lookup_distance(0, row.attempts + 1)),
                        solo: chunk.len() > 1,
                    };
                    self.store.record_unsure(&[row.lead.id], schedule, &text).await?;
                }
                Err(Stop::Crm(error))
            }
            CreateVerdict::Refused { .. } if chunk.len() > 1 => {
                warn!(leads = ids.len(), error = text, "amoCRM refuses a batch; its leads go one by one");
                let schedule =
                    Lookups { needed: LOOKUPS_AFTER_REFUSED_BATCH, first_at: self.due_in(Duration::from_secs(1)), solo: true };
                self.store.record_unsure(&ids, schedule, &text).await?;
                Ok(())
            }
            CreateVerdict::Refused { fields, detail } => {
                let (row, degradation) = (&chunk[0], &degradations[0]);
                if attached && fields.iter().any(|field| field.path.contains("contacts")) {
                    info!(lead = %row.lead.number, "amoCRM does not know the remembered contact; a new one is made");
                    self.store.forget_contact(row.lead.id, row.lead.phone.e164()).await?;
                    self.store.record_not_sent(&ids, self.clock().now(), &text).await?;
                    return Ok(());
                }
                match degradation.without(&fields) {
                    Some(less) => {
                        warn!(lead = %row.lead.number, error = text, "amoCRM refuses fields; they go into the note");
                        self.store.record_degraded(row.lead.id, &crate::store::json(&less), &describe(&detail, &fields)).await?;
                    }
                    None => {
                        warn!(lead = %row.lead.number, error = text, "amoCRM refuses a lead; it is kept");
                        Figures::add(&self.figures.rejected, 1);
                        self.store.record_rejected(row.lead.id, &describe(&detail, &fields)).await?;
                    }
                }
                Ok(())
            }
        }
    }

    /// Writes the notes of leads that amoCRM has; with them a lead is delivered.
    async fn write_notes(&self, to_note: Vec<ToNote>) -> Result<(), Stop> {
        let mut ready = Vec::new();
        for one in to_note {
            if one.note_sent_at.is_some() {
                // The last note's answer was lost; it may be there.
                match self.crm.has_note(one.crm_lead_id, &one.lead.number).await {
                    Ok(true) => {
                        self.delivered(&[&one.lead]).await?;
                        continue;
                    }
                    Ok(false) => {}
                    Err(error) => {
                        let later = self.due_in(lookup_distance(0, 1));
                        self.store.record_note_failed(&[one.lead.id], later, true, one.solo, &error.to_string()).await?;
                        return Err(Stop::Crm(error));
                    }
                }
            }
            ready.push(one);
        }
        let (solo, together): (Vec<ToNote>, Vec<ToNote>) = ready.into_iter().partition(|one| one.solo);
        for one in solo {
            self.write_note_batch(vec![one]).await?;
        }
        let mut together = together.into_iter().peekable();
        while together.peek().is_some() {
            self.write_note_batch(together.by_ref().take(NOTE_BATCH).collect()).await?;
        }
        Ok(())
    }

    async fn write_note_batch(&self, batch: Vec<ToNote>) -> Result<(), Stop> {
        let ids: Vec<Ulid> = batch.iter().map(|one| one.lead.id).collect();
        let allowed: HashSet<Ulid> =
            self.store.record_note_sending(&self.lease, &ids, self.lease_end()).await?.into_iter().collect();
        let batch: Vec<ToNote> = batch.into_iter().filter(|one| allowed.contains(&one.lead.id)).collect();
        if batch.is_empty() {
            return Ok(());
        }
        let notes: Vec<NewNote> = batch
            .iter()
            .map(|one| NewNote {
                lead_id: one.crm_lead_id,
                number: one.lead.number.clone(),
                text: note_text(&one.lead, &one.degradation),
            })
            .collect();
        let ids: Vec<Ulid> = batch.iter().map(|one| one.lead.id).collect();
        match self.crm.add_notes(&notes).await {
            Ok(_) => {
                let leads: Vec<&Lead> = batch.iter().map(|one| &one.lead).collect();
                Ok(self.delivered(&leads).await?)
            }
            Err(error) => self.note_failed(&batch, &ids, error).await,
        }
    }

    async fn note_failed(&self, batch: &[ToNote], ids: &[Ulid], error: CrmError) -> Result<(), Stop> {
        let text = error.to_string();
        let now = self.clock().now();
        match CreateVerdict::of(&error) {
            CreateVerdict::NotDone => {
                self.store.record_note_failed(ids, now, false, false, &text).await?;
                Err(Stop::Crm(error))
            }
            CreateVerdict::Unsure { .. } => {
                let later = self.due_in(lookup_distance(0, 1));
                self.store.record_note_failed(ids, later, true, batch.len() > 1, &text).await?;
                Err(Stop::Crm(error))
            }
            CreateVerdict::Refused { .. } if batch.len() > 1 => {
                let later = self.due_in(Duration::from_secs(1));
                self.store.record_note_failed(ids, later, true, true, &text).await?;
                Ok(())
            }
            CreateVerdict::Refused { fields, detail } => {
                warn!(lead = %batch[0].lead.number, error = text, "amoCRM refuses a note; the lead is kept for a person");
                Figures::add(&self.figures.rejected, 1);
                self.store.record_rejected(ids[0], &describe(&detail, &fields)).await?;
                Ok(())
            }
        }
    }

    async fn delivered(&self, leads: &[&Lead]) -> Result<(), StoreError> {
        let fresh = self.store.record_delivered(leads).await?;
        Figures::add(&self.figures.delivered, usize::try_from(fresh).unwrap_or(0));
        for lead in leads {
            info!(lead = %lead.number, "delivered");
        }
        Ok(())
    }
}

fn degradation_of(row: &LeadRow) -> Degradation {
    row.degradation.as_deref().and_then(|stored| serde_json::from_str(stored).ok()).unwrap_or_default()
}

/// amoCRM's words and the refused paths: no values, so nothing personal.
fn describe(detail: &str, fields: &[crate::amocrm::RejectedField]) -> String {
    let paths: Vec<String> = fields.iter().map(|field| format!("{} ({})", field.path, field.code)).collect();
    if paths.is_empty() { detail.to_owned() } else { format!("{detail}: {}", paths.join(", ")) }
}

/// Chunks that may go in one request: solo leads alone, and never two leads of one phone together, so that the second
/// finds the contact which the first has made.
fn create_chunks(leads: Vec<LeadRow>) -> Vec<Vec<LeadRow>> {
    let mut chunks: Vec<Vec<LeadRow>> = Vec::new();
    let mut phones: Vec<HashSet<String>> = Vec::new();
    let mut solo = Vec::new();
    // The first chunk that may still have room: earlier ones are full, which keeps this linear for a large backlog.
    let mut open = 0;
    for row in leads {
        if row.solo {
            solo.push(vec![row]);
            continue;
        }
        let phone = row.lead.phone.e164().to_owned();
        while open < chunks.len() && chunks[open].len() >= CREATE_BATCH {
            open += 1;
        }
        match (open..chunks.len()).find(|&at| chunks[at].len() < CREATE_BATCH && !phones[at].contains(&phone)) {
            Some(at) => {
                phones[at].insert(phone);
                chunks[at].push(row);
            }
            None => {
                phones.push(HashSet::from([phone]));
                chunks.push(vec![row]);
            }
        }
    }
    chunks.extend(solo);
    chunks
}
