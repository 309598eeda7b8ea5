//! Creating leads, in batches where that is safe, and what a failed create means for each lead of it.

use std::{
    collections::{HashMap, HashSet},
    sync::PoisonError,
    time::Duration,
};

use tracing::{info, warn};
use ulid::Ulid;

use crate::{
    crm::amocrm::{CreatedLead, CrmError, NewLead, OmittedFields},
    fault::point,
    lead::LeadNumber,
    store::{Created, Hold, Intent, LeadRow, Lookups, Step, StepOutcome, StoreError},
};

use super::{
    backoff::lookup_delay,
    counters::Counters,
    isolation::Failed,
    lookups::LOOKUPS_AFTER_KILL,
    steps::{DeliveryPass, Progress, Stop},
    verdict::CreateVerdict,
};

/// At most so many leads in one create. amoCRM takes 50 in `leads/complex`, but all of them have to be looked up for two
/// minutes when its answer is lost.
pub const CREATE_BATCH: usize = 10;

/// After so many vain searches for a contact, while other leads go through, one is made.
const SEARCHES: i64 = 4;

/// After a refused batch nothing is under way, but what was stored of it may not be shown at once.
pub(super) const LOOKUPS_AFTER_REFUSED_BATCH: i64 = 2;

/// A phone that was searched for in vain is not searched for again for so long, as every probe would.
const STRANGER: Duration = Duration::from_secs(5 * 60);

impl DeliveryPass {
    /// Finds the contact to attach a lead to: remembered, or searched for by phone. The inner `Err`: the search fails for
    /// this lead alone, which has to wait.
    async fn contact_for(&self, row: &LeadRow) -> Result<Result<Option<i64>, CrmError>, Stop> {
        if row.contact_id.is_some() {
            return Ok(Ok(row.contact_id));
        }
        let phone = row.lead.phone.e164();
        if let Some(contact_id) = self.store.known_contact(phone).await? {
            return Ok(Ok(Some(contact_id)));
        }
        if !self.contact_lookup || self.is_stranger(phone) {
            return Ok(Ok(None));
        }
        match self.crm.find_contact(&row.lead.phone).await {
            Ok(Some(contact_id)) => {
                point("contact.answered");
                self.store.record_contact(row.lead.id, phone, contact_id).await?;
                point("contact.recorded");
                Ok(Ok(Some(contact_id)))
            }
            Ok(None) => {
                self.remember_stranger(phone);
                Ok(Ok(None))
            }
            // No right to search is no reason to keep a lead back: a new contact is made.
            Err(CrmError::Forbidden { .. } | CrmError::WrongAddress { .. } | CrmError::Refused { .. }) => Ok(Ok(None)),
            // Nor is a wall that dislikes this search, or whatever breaks on it each time.
            Err(error @ CrmError::Blocked) => {
                self.is_about_one(row.lead.id, &error, row.last_error_at).await.map(|()| Ok(None))
            }
            Err(error @ CrmError::Unavailable { .. }) => {
                self.is_about_one(row.lead.id, &error, row.last_error_at).await?;
                Ok(if row.attempts >= SEARCHES { Ok(None) } else { Err(error) })
            }
            Err(error) => Err(Stop::Crm(error)),
        }
    }

    fn is_stranger(&self, phone: &str) -> bool {
        let strangers = self.learned.strangers.lock().unwrap_or_else(PoisonError::into_inner);
        strangers.get(phone).is_some_and(|at| (0..self.clock().millis(STRANGER)).contains(&(self.clock().now() - at)))
    }

    fn remember_stranger(&self, phone: &str) {
        let now = self.clock().now();
        let oldest = now - self.clock().millis(STRANGER);
        let mut strangers = self.learned.strangers.lock().unwrap_or_else(PoisonError::into_inner);
        strangers.retain(|_, at| *at > oldest);
        strangers.insert(phone.to_owned(), now);
    }

    /// Creates the leads of one chunk; returns those that amoCRM has.
    pub(super) async fn create(&self, chunk: Vec<LeadRow>, progress: &mut Progress) -> Result<Vec<LeadRow>, Stop> {
        let mut contacts = HashMap::new();
        let mut held = HashSet::new();
        for row in &chunk {
            match self.contact_for(row).await {
                Ok(Ok(contact)) => {
                    contacts.insert(row.lead.id, contact);
                }
                Ok(Err(error)) => {
                    self.hold_back(row, &error).await?;
                    held.insert(row.lead.id);
                }
                Err(stop) => {
                    if let Stop::Crm(error) = &stop {
                        let ids: Vec<Ulid> = chunk.iter().map(|other| other.lead.id).collect();
                        self.store.put_back(&self.lease, &ids, row.lead.id, &error.to_string()).await?;
                    }
                    return Err(stop);
                }
            };
        }
        let chunk: Vec<LeadRow> = chunk.into_iter().filter(|row| !held.contains(&row.lead.id)).collect();
        if chunk.is_empty() {
            return Ok(Vec::new());
        }
        let chunk = self.leave_out(chunk).await?;
        let ids: Vec<Ulid> = chunk.iter().map(|row| row.lead.id).collect();
        point("create.before_record");
        let allowed: HashSet<Ulid> = self
            .store
            .record_intent(&self.lease, Step::Lead, &ids, self.lease_end(), Intent::First)
            .await?
            .into_iter()
            .collect();
        let chunk: Vec<LeadRow> = chunk.into_iter().filter(|row| allowed.contains(&row.lead.id)).collect();
        if chunk.is_empty() {
            return Ok(Vec::new());
        }
        let degradations: Vec<OmittedFields> = chunk.iter().map(omitted_of).collect();
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
                self.took_one();
                for request in &requests {
                    let new_contact = request.contact_id.is_none() || request.degradation.contact;
                    self.learned.shortages.taken(&self.store, &request.degradation, new_contact).await?;
                }
                self.created(chunk, &answers).await
            }
            Err(error) => {
                if matches!(CreateVerdict::of(&error), CreateVerdict::Refused { .. }) && !self.refuses_all() {
                    *progress = Progress::Wrote;
                }
                self.create_failed(&chunk, &requests, error).await?;
                Ok(Vec::new())
            }
        }
    }

    /// Records what each lead goes without because amoCRM does not take it of anybody, before anything is sent: its note
    /// tells it, and must stay the same.
    async fn leave_out(&self, mut chunk: Vec<LeadRow>) -> Result<Vec<LeadRow>, StoreError> {
        let left_out = self.learned.shortages.left_out(&self.store, self.crm.settings(), chunk.len() == 1).await?;
        for row in &mut chunk {
            let own = omitted_of(row);
            let all = own.and(&left_out);
            if all != own {
                let all = crate::store::json(&all);
                self.store.record_omitted(&self.lease, row.lead.id, &all).await?;
                row.omitted = Some(all);
            }
        }
        Ok(chunk)
    }

    pub(super) async fn created(&self, chunk: Vec<LeadRow>, answers: &[CreatedLead]) -> Result<Vec<LeadRow>, Stop> {
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
            to_note.push(row.after(Step::Lead, answer.lead_id));
        }
        self.store.record_created(&created).await?;
        point("create.stored");
        if !unanswered.is_empty() {
            let first_at = self.due_in(lookup_delay(0, 1));
            let lookups = Lookups { needed: LOOKUPS_AFTER_KILL, first_at, unbatched: true };
            let error = "amoCRM's answer leaves this lead out".to_owned();
            self.record(Step::Lead, &unanswered, StepOutcome::Uncertain { lookups, error }).await?;
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
                let about_one = self.is_about_one(chunk[0].lead.id, &error, chunk[0].last_error_at).await;
                match (about_one, chunk) {
                    (Ok(()), [row]) => self.hold_from_wall(Failed::from(row), &error).await,
                    (Ok(()), _) => {
                        self.go_singly();
                        Ok(self.record(Step::Lead, &ids, StepOutcome::Apart { error: text }).await?)
                    }
                    (Err(stop), _) => {
                        let due_at = self.clock().now();
                        self.record(Step::Lead, &ids, StepOutcome::NotDone { due_at, error: text }).await?;
                        point("create.not_sent_stored");
                        Err(stop)
                    }
                }
            }
            CreateVerdict::Uncertain { lookups } => {
                warn!(leads = ids.len(), error = text, "amoCRM may or may not have created leads");
                Counters::add(&self.figures.uncertain, ids.len());
                for row in chunk {
                    let failures = self.own_failures(row.attempts + 1, row.last_error_at).await?;
                    let schedule = Lookups {
                        needed: lookups,
                        first_at: self.due_in(lookup_delay(0, failures)),
                        // In an outage none of them is the cause; and should one be, all go singly for a while.
                        unbatched: false,
                    };
                    let outcome = StepOutcome::Uncertain { lookups: schedule, error: text.clone() };
                    self.record(Step::Lead, &[row.lead.id], outcome).await?;
                }
                point("create.unsure_stored");
                if let [row] = chunk
                    && self.is_poisoned(row.attempts, row.last_error_at).await?
                {
                    return Ok(self.store.tell_of_stuck(row.lead.id).await?);
                }
                self.is_about_one(chunk[0].lead.id, &error, chunk[0].last_error_at).await?;
                if chunk.len() > 1 {
                    self.go_singly();
                }
                Ok(())
            }
            CreateVerdict::Refused { .. } if chunk.len() > 1 => {
                warn!(leads = ids.len(), error = text, "amoCRM refuses a batch; its leads go one by one");
                let schedule = Lookups {
                    needed: LOOKUPS_AFTER_REFUSED_BATCH,
                    first_at: self.due_in(lookup_delay(0, 1)),
                    unbatched: true,
                };
                self.record(Step::Lead, &ids, StepOutcome::Uncertain { lookups: schedule, error: text }).await?;
                point("create.unsure_stored");
                Ok(())
            }
            CreateVerdict::Refused { fields, detail } => {
                let (row, request) = (&chunk[0], &requests[0]);
                let before = &request.degradation;
                // While amoCRM refuses everything a probe is one request.
                let probing = self.refuses_all();
                let degraded = self.crm.degrade(request, &fields).filter(|_| !probing);
                if let Some(degraded) = &degraded {
                    self.learned.shortages.learn(&self.store, degraded).await?;
                }
                // What it does not explain is tried once with less.
                let least = !before.less && !before.tried_less && !probing;
                let less =
                    degraded.map(|degraded| degraded.to).or_else(|| least.then(|| before.least(self.crm.settings())));
                let Some(less) = less else {
                    if before.less {
                        // It did not help: the next time it goes whole again.
                        let whole = OmittedFields { tried_less: true, plain: before.plain, ..OmittedFields::default() };
                        let whole = crate::store::json(&whole);
                        self.store.record_omitted(&self.lease, row.lead.id, &whole).await?;
                    }
                    self.hold(Failed::from(row), &detail, &fields).await?;
                    point("create.rejected_stored");
                    return Ok(());
                };
                warn!(lead = %row.lead.number, error = text, "amoCRM refuses parts of a lead; they go into the note");
                if less.contact {
                    self.store.forget_contact(row.lead.id, row.lead.phone.e164()).await?;
                }
                let hold = Hold {
                    due_at: self.clock().now(),
                    error: describe(&detail, &fields),
                    omitted: Some(crate::store::json(&less)),
                    tell: false,
                    uncertain: false,
                };
                self.record(Step::Lead, &[row.lead.id], StepOutcome::Held(hold)).await?;
                point("create.degraded_stored");
                Ok(())
            }
        }
    }
}

pub(super) fn omitted_of(row: &LeadRow) -> OmittedFields {
    row.omitted.as_deref().and_then(|stored| serde_json::from_str(stored).ok()).unwrap_or_default()
}

/// amoCRM's words and the refused paths: no values, so nothing personal.
pub(super) fn describe(detail: &str, fields: &[crate::crm::amocrm::RejectedField]) -> String {
    let paths: Vec<String> = fields.iter().map(|field| format!("{} ({})", field.path, field.code)).collect();
    if paths.is_empty() { detail.to_owned() } else { format!("{detail}: {}", paths.join(", ")) }
}

/// Chunks that may go in one request: unbatched leads alone, and never two leads of one phone together, so that the second
/// finds the contact which the first has made.
pub(super) fn create_chunks(leads: Vec<LeadRow>) -> Vec<Vec<LeadRow>> {
    let mut chunks: Vec<Vec<LeadRow>> = Vec::new();
    let mut phones: Vec<HashSet<String>> = Vec::new();
    let mut alone = Vec::new();
    // The first chunk that may still have room: earlier ones are full, which keeps this linear for a large backlog.
    let mut open = 0;
    for row in leads {
        if row.unbatched {
            alone.push(vec![row]);
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
    chunks.extend(alone);
    chunks
}
