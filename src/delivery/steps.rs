//! The recorded steps of claimed leads: look-up, contact, create, note. Used by the worker and by the command.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
    time::Duration,
};

use tracing::{debug, info, warn};
use ulid::Ulid;

use crate::{
    amocrm::{CreatedLead, Crm, CrmError, Degradation, NewLead, NewNote},
    clock::{Clock, Millis},
    fault::point,
    lead::{Lead, LeadNumber},
    store::{Claim, Created, LeadRow, Lease, Lookups, Store, StoreError},
};

use super::{backoff::lookup_distance, verdict::CreateVerdict, worker::Figures};

/// A claim lasts so long unless renewed: longer than any one call with its wait for the rate limit.
pub const LEASE: Duration = Duration::from_secs(120);

/// At most so many leads in one create (documented maximum of `leads/complex`).
pub const CREATE_BATCH: usize = 50;

/// At most so many notes in one call (documented maximum of `leads/notes`), and so many leads in one claim.
pub const NOTE_BATCH: usize = 250;

/// A lead submitted within this time is fresh: a backlog does not hold it up.
pub const FRESH: Duration = Duration::from_secs(60);

/// A process that was killed while sending left no schedule; its create or note gets the longest.
const LOOKUPS_AFTER_KILL: i64 = 3;

/// After a refused batch nothing is under way, but what was stored of it may not be shown at once.
const LOOKUPS_AFTER_REFUSED_BATCH: i64 = 2;

/// A lead on which amoCRM has broken so often, while others went through, is no sign of an outage.
const ATTEMPTS_OF_A_POISONED_LEAD: i64 = 2;

/// Why a pass over claimed leads ended early.
#[derive(Debug)]
pub enum Stop {
    /// amoCRM cannot take anything now; every lead of the pass was put back.
    Crm(CrmError),
    /// The store cannot be used.
    Store(StoreError),
}

/// What a pass over due leads came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Progress {
    /// Nothing was due.
    Idle,
    /// amoCRM was asked, or leads were put off; whether it takes leads is not known by that.
    Looked,
    /// amoCRM took a lead or a note, or answered in full about one.
    Wrote,
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
    lookups: i64,
    lookups_needed: i64,
    attempts: i64,
    last_error_at: Option<Millis>,
    solo: bool,
}

impl ToNote {
    fn of(row: LeadRow, crm_lead_id: i64) -> Self {
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
    fn after_create(row: LeadRow, crm_lead_id: i64) -> Self {
        let lookups_needed = i64::from(row.note_sent_at.is_some());
        Self { lookups: 0, lookups_needed, ..Self::of(row, crm_lead_id) }
    }
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

    /// Claims and walks fresh leads, or else the oldest ones.
    ///
    /// As a probe it takes one lead only, best one that needs a write: reading may work where writing does not. Of the
    /// others it takes them in turn, because amoCRM may break on one of them.
    pub async fn pass(&self, probe: bool) -> Result<Progress, Stop> {
        if probe {
            return match self.walk_claim(1, Claim::Ready, false).await? {
                Progress::Idle => self.walk_claim(1, Claim::InTurn, false).await,
                progress => Ok(progress),
            };
        }
        match self.walk_fresh().await? {
            Progress::Idle => self.walk_claim(NOTE_BATCH, Claim::Oldest, true).await,
            progress => Ok(progress),
        }
    }

    async fn walk_fresh(&self) -> Result<Progress, Stop> {
        let since = self.clock().now() - self.clock().millis(FRESH);
        self.walk_claim(10, Claim::SubmittedSince(since), false).await
    }

    async fn walk_claim(&self, limit: usize, which: Claim, let_fresh_in: bool) -> Result<Progress, Stop> {
        let limit = i64::try_from(limit).unwrap_or(1);
        let claimed = self.store.claim_due(&self.lease, self.lease_end(), limit, which).await?;
        if claimed.is_empty() {
            return Ok(Progress::Idle);
        }
        debug!(leads = claimed.len(), "claimed");
        point("claim.after");
        match Box::pin(self.walk(claimed, let_fresh_in)).await {
            Ok(progress) => Ok(progress),
            Err(stop) => {
                // What this pass did not come to is free again at once: the breaker, not the lease, paces the rest.
                self.store.release_lease(&self.lease).await?;
                Err(stop)
            }
        }
    }

    async fn walk(&self, claimed: Vec<LeadRow>, let_fresh_in: bool) -> Result<Progress, Stop> {
        let mut progress = Progress::Looked;
        let (mut unsure, mut to_create, mut to_note) = (Vec::new(), Vec::new(), Vec::new());
        for row in claimed {
            if let Some(crm_lead_id) = row.crm_lead_id {
                to_note.push(ToNote::of(row, crm_lead_id));
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
            to_note.extend(self.create(chunk, &mut progress).await?);
        }
        self.write_notes(to_note, &mut progress).await?;
        Ok(progress)
    }

    /// Fresh leads go first; they have a claim of their own under the same lease.
    async fn let_fresh_in(&self) -> Result<(), Stop> {
        let since = self.clock().now() - self.clock().millis(FRESH);
        let claimed = self.store.claim_due(&self.lease, self.lease_end(), 10, Claim::SubmittedSince(since)).await?;
        if claimed.is_empty() { Ok(()) } else { Box::pin(self.walk(claimed, false)).await.map(drop) }
    }

    /// Looks up creates whose result is not known; returns those that amoCRM has.
    async fn look_up(&self, unsure: Vec<LeadRow>) -> Result<Vec<ToNote>, Stop> {
        let clock = self.clock();
        let mut due = Vec::new();
        for row in unsure {
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
        let numbers: Vec<LeadNumber> = due.iter().map(|row| row.lead.number.clone()).collect();
        // A clock that was wrong when they were sent must not hide them.
        let since = due.iter().filter_map(|row| row.sent_at).min().unwrap_or_else(|| clock.now()).min(clock.now());
        point("lookup.before");
        Figures::add(&self.figures.lookups, due.len());
        let looked = self.crm.find_leads(&numbers, crate::clock::date(since)).await;
        point("lookup.answered");
        let mut to_note = Vec::new();
        let mut created = Vec::new();
        for row in due {
            if let Some(hit) = looked.found.get(&row.lead.number) {
                info!(lead = %row.lead.number, crm_lead = hit.lead_id, "an unsure create is found in amoCRM");
                Figures::add(&self.figures.found, 1);
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
                // A failed look-up says nothing: the lead stays unsure. It may have failed because of this very lead.
                let this_one = looked.failed_at.as_ref() == Some(&row.lead.number);
                let later = if this_one { lookup_distance(1, row.attempts) } else { lookup_distance(0, 1) };
                self.store.put_off(&self.lease, row.lead.id, self.due_in(later)).await?;
                continue;
            }
            let needed = if row.lookups_needed == 0 { LOOKUPS_AFTER_KILL } else { row.lookups_needed };
            let absent = row.lookups + 1 >= needed;
            let due_at = if absent { clock.now() } else { self.due_in(lookup_distance(row.lookups + 1, row.attempts)) };
            info!(lead = %row.lead.number, lookup = row.lookups + 1, of = needed, "an unsure create is not in amoCRM");
            self.store.record_lookup_missed(&self.lease, row.lead.id, due_at, absent).await?;
            point(if absent { "lookup.absent_stored" } else { "lookup.missed_stored" });
            if absent {
                Figures::add(&self.figures.repeated, 1);
            }
        }
        self.store.record_created(&created).await?;
        match looked.failed {
            Some(error) => Err(Stop::Crm(error)),
            None => Ok(to_note),
        }
    }

    /// When the first look-up of something sent by a process that died is due, if that is not yet.
    fn too_early(&self, sent_at: Option<Millis>, attempts: i64) -> Option<Millis> {
        let now = self.clock().now();
        let distance = self.clock().millis(lookup_distance(0, attempts));
        // Not later than from now on, should the clock have been ahead when it was sent.
        Some((sent_at.unwrap_or(now) + distance).min(now + distance)).filter(|earliest| *earliest > now)
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
                point("contact.answered");
                self.store.record_contact(row.lead.id, phone, contact_id).await?;
                point("contact.recorded");
                Ok(Some(contact_id))
            }
            Ok(None) => Ok(None),
            // No right to search is no reason to keep a lead back: a new contact is made.
            Err(CrmError::Forbidden { .. } | CrmError::WrongAddress { .. } | CrmError::Rejected { .. }) => Ok(None),
            Err(error) => Err(Stop::Crm(error)),
        }
    }

    /// Creates the leads of one chunk; returns those that amoCRM has.
    async fn create(&self, chunk: Vec<LeadRow>, progress: &mut Progress) -> Result<Vec<ToNote>, Stop> {
        let mut contacts = HashMap::new();
        for row in &chunk {
            match self.contact_for(row).await {
                Ok(contact) => contacts.insert(row.lead.id, contact),
                Err(stop) => {
                    if let Stop::Crm(error) = &stop {
                        let ids: Vec<Ulid> = chunk.iter().map(|other| other.lead.id).collect();
                        self.store.put_back(&self.lease, &ids, row.lead.id, &error.to_string()).await?;
                    }
                    return Err(stop);
                }
            };
        }
        let ids: Vec<Ulid> = chunk.iter().map(|row| row.lead.id).collect();
        point("create.before_record");
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
                degradation: degradation.clone(),
            })
            .collect();
        point("create.recorded");
        let answer = self.crm.create_leads(&requests).await;
        point("create.answered");
        match answer {
            Ok(answers) => {
                *progress = Progress::Wrote;
                self.created(chunk, &answers).await
            }
            Err(error) => {
                if matches!(CreateVerdict::of(&error), CreateVerdict::Refused { .. }) {
                    *progress = Progress::Wrote;
                }
                self.create_failed(&chunk, &requests, error).await?;
                Ok(Vec::new())
            }
        }
    }

    async fn created(&self, chunk: Vec<LeadRow>, answers: &[CreatedLead]) -> Result<Vec<ToNote>, Stop> {
        let by_number: HashMap<&LeadNumber, &CreatedLead> =
            answers.iter().map(|answer| (&answer.number, answer)).collect();
        let (mut created, mut to_note, mut unanswered) = (Vec::new(), Vec::new(), Vec::new());
        for row in chunk {
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
            to_note.push(ToNote::after_create(row, answer.lead_id));
        }
        self.store.record_created(&created).await?;
        point("create.stored");
        if !unanswered.is_empty() {
            let lookups =
                Lookups { needed: LOOKUPS_AFTER_KILL, first_at: self.due_in(lookup_distance(0, 1)), solo: true };
            self.store.record_unsure(&self.lease, &unanswered, lookups, "amoCRM's answer leaves this lead out").await?;
        }
        Ok(to_note)
    }

    async fn create_failed(&self, chunk: &[LeadRow], requests: &[NewLead<'_>], error: CrmError) -> Result<(), Stop> {
        let ids: Vec<Ulid> = chunk.iter().map(|row| row.lead.id).collect();
        let text = error.to_string();
        match CreateVerdict::of(&error) {
            CreateVerdict::NotDone => {
                self.store.record_not_sent(&self.lease, &ids, self.clock().now(), &text).await?;
                point("create.not_sent_stored");
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
                    self.store.record_unsure(&self.lease, &[row.lead.id], schedule, &text).await?;
                }
                point("create.unsure_stored");
                match chunk {
                    [row] if self.is_poisoned(row.attempts, row.last_error_at).await? => Ok(()),
                    _ => Err(Stop::Crm(error)),
                }
            }
            CreateVerdict::Refused { .. } if chunk.len() > 1 => {
                warn!(leads = ids.len(), error = text, "amoCRM refuses a batch; its leads go one by one");
                let schedule = Lookups {
                    needed: LOOKUPS_AFTER_REFUSED_BATCH,
                    first_at: self.due_in(lookup_distance(0, 1)),
                    solo: true,
                };
                self.store.record_unsure(&self.lease, &ids, schedule, &text).await?;
                point("create.unsure_stored");
                Ok(())
            }
            CreateVerdict::Refused { fields, detail } => {
                let (row, request) = (&chunk[0], &requests[0]);
                match self.crm.degrade(request, &fields) {
                    Some(less) => {
                        warn!(lead = %row.lead.number, error = text, "amoCRM refuses fields; they go into the note");
                        if less.contact {
                            self.store.forget_contact(row.lead.id, row.lead.phone.e164()).await?;
                        }
                        let less = crate::store::json(&less);
                        self.store
                            .record_degraded(&self.lease, row.lead.id, &less, &describe(&detail, &fields))
                            .await?;
                        point("create.degraded_stored");
                    }
                    None => {
                        warn!(lead = %row.lead.number, error = text, "amoCRM refuses a lead; it is kept");
                        Figures::add(&self.figures.rejected, 1);
                        self.store.record_rejected(&self.lease, row.lead.id, &describe(&detail, &fields)).await?;
                        point("create.rejected_stored");
                    }
                }
                Ok(())
            }
        }
    }

    /// Whether amoCRM breaks on this one lead: it has before, and since then others went through. Then the rest goes on,
    /// the lead is tried again at growing distances.
    async fn is_poisoned(&self, attempts: i64, last_error_at: Option<Millis>) -> Result<bool, StoreError> {
        match last_error_at {
            Some(at) if attempts >= ATTEMPTS_OF_A_POISONED_LEAD => self.store.delivered_after(at).await,
            _ => Ok(false),
        }
    }

    /// Writes the notes of leads that amoCRM has; with them a lead is delivered.
    async fn write_notes(&self, to_note: Vec<ToNote>, progress: &mut Progress) -> Result<(), Stop> {
        let mut batch: Vec<(ToNote, Vec<String>)> = Vec::new();
        let mut notes = 0;
        for one in to_note {
            let Some(missing) = self.missing_notes(&one).await? else { continue };
            if missing.is_empty() {
                self.delivered(&[&one.lead]).await?;
            } else if one.solo {
                self.write_note_batch(vec![(one, missing)], progress).await?;
            } else {
                if notes + missing.len() > NOTE_BATCH {
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
    async fn missing_notes(&self, one: &ToNote) -> Result<Option<Vec<String>>, Stop> {
        let request = NewLead { lead: &one.lead, contact_id: None, degradation: one.degradation.clone() };
        let mut missing = self.crm.notes_of(&request);
        if one.note_sent_at.is_none() {
            return Ok(Some(missing));
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
        match self.crm.note_texts(one.crm_lead_id, &one.lead.number).await {
            // amoCRM may trim what it stores.
            Ok(there) => missing.retain(|note| !there.iter().any(|text| text.trim() == note.trim())),
            Err(error) => {
                let later = self.due_in(lookup_distance(0, 1));
                self.store.put_off(&self.lease, one.lead.id, later).await?;
                return Err(Stop::Crm(error));
            }
        }
        point("note.read");
        if !missing.is_empty() && one.lookups + 1 < needed {
            let later = self.due_in(lookup_distance(one.lookups + 1, one.attempts));
            self.store.record_note_missed(&self.lease, one.lead.id, later).await?;
            return Ok(None);
        }
        Ok(Some(missing))
    }

    async fn write_note_batch(&self, batch: Vec<(ToNote, Vec<String>)>, progress: &mut Progress) -> Result<(), Stop> {
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

    async fn note_failed(&self, batch: &[ToNote], error: CrmError) -> Result<(), Stop> {
        let ids = |leads: &[&ToNote]| leads.iter().map(|one| one.lead.id).collect::<Vec<Ulid>>();
        let all: Vec<&ToNote> = batch.iter().collect();
        let text = error.to_string();
        let now = self.clock().now();
        match CreateVerdict::of(&error) {
            CreateVerdict::NotDone => {
                // A part of several that an earlier, unsure sending has left there must still be looked for.
                let (resent, fresh): (Vec<_>, Vec<_>) = all.into_iter().partition(|one| one.note_sent_at.is_some());
                self.store.record_note_not_sent(&self.lease, &ids(&fresh), now, &text).await?;
                let again = Lookups { needed: 1, first_at: now, solo: false };
                self.store.record_note_unsure(&self.lease, &ids(&resent), again, &text).await?;
                Err(Stop::Crm(error))
            }
            CreateVerdict::Unsure { lookups } => {
                for one in batch {
                    let first_at = self.due_in(lookup_distance(0, one.attempts + 1));
                    let lookups = Lookups { needed: lookups, first_at, solo: batch.len() > 1 };
                    self.store.record_note_unsure(&self.lease, &[one.lead.id], lookups, &text).await?;
                }
                point("note.unsure_stored");
                match batch {
                    [one] if self.is_poisoned(one.attempts, one.last_error_at).await? => Ok(()),
                    _ => Err(Stop::Crm(error)),
                }
            }
            CreateVerdict::Refused { .. } if batch.len() > 1 => {
                let first_at = self.due_in(lookup_distance(0, 1));
                let lookups = Lookups { needed: LOOKUPS_AFTER_REFUSED_BATCH, first_at, solo: true };
                self.store.record_note_unsure(&self.lease, &ids(&all), lookups, &text).await?;
                Ok(())
            }
            CreateVerdict::Refused { fields, detail } => {
                warn!(lead = %batch[0].lead.number, error = text, "amoCRM refuses a note; the lead is kept for a person");
                Figures::add(&self.figures.rejected, 1);
                self.store.record_rejected(&self.lease, batch[0].lead.id, &describe(&detail, &fields)).await?;
                Ok(())
            }
        }
    }

    async fn delivered(&self, leads: &[&Lead]) -> Result<(), StoreError> {
        let fresh = self.store.record_delivered(leads).await?;
        point("delivered.stored");
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
