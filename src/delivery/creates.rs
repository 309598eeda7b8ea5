//! Creating leads, in batches where that is safe, and what a failed create means for each lead of it.

use std::collections::{HashMap, HashSet};

use tracing::{info, warn};
use ulid::Ulid;

use crate::{
    amocrm::{CreatedLead, CrmError, Degradation, NewLead},
    clock::Millis,
    fault::point,
    lead::LeadNumber,
    store::{Created, LeadRow, Lookups, StoreError},
};

use super::{
    backoff::lookup_distance,
    lookups::LOOKUPS_AFTER_KILL,
    notes::ToNote,
    steps::{Courier, Progress, Stop},
    verdict::CreateVerdict,
    worker::Figures,
};

/// At most so many leads in one create (documented maximum of `leads/complex`).
pub const CREATE_BATCH: usize = 50;

/// After a refused batch nothing is under way, but what was stored of it may not be shown at once.
pub(super) const LOOKUPS_AFTER_REFUSED_BATCH: i64 = 2;

/// A lead on which amoCRM has broken so often, while others went through, is no sign of an outage.
const ATTEMPTS_OF_A_POISONED_LEAD: i64 = 2;

impl Courier {
    /// Finds the contact to attach a lead to: remembered, or searched for by phone.
    pub(super) async fn contact_for(&self, row: &LeadRow) -> Result<Option<i64>, Stop> {
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
    pub(super) async fn create(&self, chunk: Vec<LeadRow>, progress: &mut Progress) -> Result<Vec<ToNote>, Stop> {
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

    pub(super) async fn created(&self, chunk: Vec<LeadRow>, answers: &[CreatedLead]) -> Result<Vec<ToNote>, Stop> {
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

    pub(super) async fn create_failed(
        &self,
        chunk: &[LeadRow],
        requests: &[NewLead<'_>],
        error: CrmError,
    ) -> Result<(), Stop> {
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
                    Some(degraded) => {
                        let less = degraded.to;
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
    pub(super) async fn is_poisoned(&self, attempts: i64, last_error_at: Option<Millis>) -> Result<bool, StoreError> {
        match last_error_at {
            Some(at) if attempts >= ATTEMPTS_OF_A_POISONED_LEAD => self.store.delivered_after(at).await,
            _ => Ok(false),
        }
    }
}

pub(super) fn degradation_of(row: &LeadRow) -> Degradation {
    row.degradation.as_deref().and_then(|stored| serde_json::from_str(stored).ok()).unwrap_or_default()
}

/// amoCRM's words and the refused paths: no values, so nothing personal.
pub(super) fn describe(detail: &str, fields: &[crate::amocrm::RejectedField]) -> String {
    let paths: Vec<String> = fields.iter().map(|field| format!("{} ({})", field.path, field.code)).collect();
    if paths.is_empty() { detail.to_owned() } else { format!("{detail}: {}", paths.join(", ")) }
}

/// Chunks that may go in one request: solo leads alone, and never two leads of one phone together, so that the second
/// finds the contact which the first has made.
pub(super) fn create_chunks(leads: Vec<LeadRow>) -> Vec<Vec<LeadRow>> {
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
