//! The lead itself, with its contact: created in batches where that is safe.

use std::{collections::HashMap, sync::Mutex};

use tracing::{info, warn};
use ulid::Ulid;

use crate::{
    clock::Millis,
    crm::amocrm::{CreatedLead, CrmError, NewLead, OmittedFields, RejectedField},
    fault::point,
    lead::LeadNumber,
    store::{Created, Hold, Intent, LeadRow, Step, StepOutcome, StoreError},
    telemetry::lead_span,
};

use super::super::{
    isolation::is_uncertain,
    learned::{Learned, lock},
    outcome::describe,
    pass::{DeliveryPass, Progress, Stop},
    run::Run,
    shortage::omitted_of,
    write::{StepWrite, WritePoints, ids},
};
use super::repeat::Way;

/// A lead about to be created, with the contact it is attached to and what it goes without.
pub(crate) struct NewLeadItem {
    row: LeadRow,
    contact_id: Option<i64>,
    omitted: OmittedFields,
}

impl NewLeadItem {
    fn request(&self) -> NewLead<'_> {
        NewLead { lead: &self.row.lead, contact_id: self.contact_id, degradation: self.omitted.clone() }
    }
}

/// The step [`Step::Lead`].
pub(crate) struct WriteLead;

impl StepWrite for WriteLead {
    const STEP: Step = Step::Lead;
    const POINTS: WritePoints = WritePoints {
        before_record: "create.before_record",
        recorded: "create.recorded",
        answered: "create.answered",
        uncertain_stored: "create.uncertain_stored",
    };
    // It is looked up by a pass of its own, which records what it did not find.
    const INTENT: Intent = Intent::First;
    type Item = NewLeadItem;
    type Answer = Vec<CreatedLead>;

    fn row(item: &NewLeadItem) -> &LeadRow {
        &item.row
    }

    async fn send(pass: &DeliveryPass, items: &[NewLeadItem]) -> Result<Vec<CreatedLead>, CrmError> {
        pass.crm.create_leads(&items.iter().map(NewLeadItem::request).collect::<Vec<_>>()).await
    }

    async fn done(
        pass: &DeliveryPass,
        items: Vec<NewLeadItem>,
        answer: Vec<CreatedLead>,
    ) -> Result<Vec<LeadRow>, Stop> {
        pass.took_one(items.len() == 1);
        for item in &items {
            let new_contact = item.contact_id.is_none() || item.omitted.contact;
            let sent = pass.crm.parts_of(&item.request());
            pass.learned.shortages.taken(&pass.marks, &item.omitted, new_contact, &sent).await?;
        }
        let by_number: HashMap<&LeadNumber, &CreatedLead> =
            answer.iter().map(|created| (&created.number, created)).collect();
        let (mut created, mut rows) = (Vec::new(), Vec::new());
        for NewLeadItem { row, .. } in items {
            // The client answers for every one of them, or not at all.
            let Some(answer) = by_number.get(&row.lead.number) else { continue };
            lead_span(&row.lead.number).in_scope(|| info!(crm_lead = answer.lead_id, "created in amoCRM"));
            created.push(Created {
                id: row.lead.id,
                crm_lead_id: answer.lead_id,
                contact_id: answer.contact_id,
                phone: row.lead.phone.e164().to_owned(),
            });
            rows.push(row.after(Step::Lead, answer.lead_id));
        }
        pass.queue.record_created(&created).await?;
        point("create.stored");
        Ok(rows)
    }

    async fn not_done(pass: &DeliveryPass, items: &[NewLeadItem], error: &CrmError) -> Result<(), Stop> {
        let about_one = Self::is_about_one(pass, &items[0], error).await;
        match (about_one, items) {
            (Ok(()), [item]) => pass.hold_from_wall::<Self>(&item.row, error).await,
            (Ok(()), _) => {
                pass.go_singly();
                let outcome = StepOutcome::Apart { error: error.to_string() };
                Ok(pass.record(Step::Lead, &ids::<Self>(items), outcome).await?)
            }
            (Err(stop), _) => {
                let outcome = StepOutcome::NotDone { due_at: pass.clock().now(), error: error.to_string() };
                pass.record(Step::Lead, &ids::<Self>(items), outcome).await?;
                point("create.not_sent_stored");
                Err(stop)
            }
        }
    }

    async fn is_about_one(pass: &DeliveryPass, item: &NewLeadItem, error: &CrmError) -> Result<(), Stop> {
        pass.is_about_one(item.row.lead.id, error, item.row.last_error_at).await
    }

    async fn refused(
        pass: &DeliveryPass,
        item: &NewLeadItem,
        error: &CrmError,
        fields: &[RejectedField],
        detail: &str,
    ) -> Result<(), Stop> {
        let (row, before) = (&item.row, &item.omitted);
        // While amoCRM refuses everything a probe is one request.
        let probing = pass.refuses_all();
        let degraded = pass.crm.degrade(&item.request(), fields).filter(|_| !probing);
        if let Some(degraded) = &degraded {
            pass.learned.shortages.learn(&pass.marks, degraded).await?;
        }
        // What it does not explain is tried once with less.
        let least = !before.less && !before.tried_less && !probing;
        let less = degraded.map(|degraded| degraded.to).or_else(|| least.then(|| before.least(&pass.crm.in_force())));
        let Some(less) = less else {
            if before.less {
                // It did not help: the next time it goes whole again.
                let (plain, own_lead) = (before.plain, before.own_lead);
                let whole = OmittedFields { tried_less: true, plain, own_lead, ..OmittedFields::default() };
                pass.queue.record_omitted(&pass.lease, row.lead.id, &crate::store::json(&whole)).await?;
            }
            pass.hold::<Self>(row, detail, fields).await?;
            point("create.rejected_stored");
            return Ok(());
        };
        lead_span(&row.lead.number).in_scope(|| warn!(%error, "amoCRM refuses parts of a lead; they go into the note"));
        if less.contact {
            pass.queue.forget_contact(row.lead.id, row.lead.phone.e164()).await?;
        }
        let hold = Hold {
            due_at: pass.clock().now(),
            error: describe(detail, fields),
            omitted: Some(crate::store::json(&less)),
            tell: false,
            uncertain: false,
        };
        pass.record(Step::Lead, &[row.lead.id], StepOutcome::Held(hold)).await?;
        point("create.degraded_stored");
        Ok(())
    }

    fn is_taking(pass: &DeliveryPass) -> bool {
        !pass.refuses_all()
    }

    fn refusals(learned: &Learned) -> &Mutex<Run> {
        &learned.refused
    }

    async fn others_went_through(pass: &DeliveryPass, since: Millis) -> Result<bool, StoreError> {
        Ok(*lock(&pass.learned.taken_at) > since)
    }

    async fn revive(pass: &DeliveryPass, leads: &[Ulid]) -> Result<(), StoreError> {
        pass.queue.revive(leads).await
    }

    async fn refused_with_others(pass: &DeliveryPass, row: &LeadRow, error: String, words: &str) -> Result<(), Stop> {
        let hold = Hold {
            due_at: pass.clock().now(),
            error,
            omitted: Some(crate::store::json(&OmittedFields { tried_less: true, ..OmittedFields::default() })),
            tell: false,
            uncertain: is_uncertain::<Self>(row),
        };
        pass.record(Self::STEP, &[row.lead.id], StepOutcome::Held(hold)).await?;
        Err(Stop::Crm(CrmError::Refused { detail: words.to_owned(), request_id: None }))
    }
}

impl DeliveryPass {
    /// Creates the leads of one chunk; returns those that amoCRM has.
    pub(in crate::delivery) async fn create(
        &self,
        chunk: Vec<LeadRow>,
        progress: &mut Progress,
    ) -> Result<Vec<LeadRow>, Stop> {
        let chunk_ids: Vec<Ulid> = chunk.iter().map(|row| row.lead.id).collect();
        let alone = chunk.len() == 1;
        let (mut found, mut attached) = (Vec::<(LeadRow, Option<i64>)>::new(), Vec::new());
        for row in chunk {
            let others = found.iter().map(|(other, _)| other).chain(&attached);
            let way = match self.way_of(&row, others).await {
                Ok(Ok(way)) => way,
                Ok(Err(error)) => {
                    self.hold_back(&row, &error).await?;
                    continue;
                }
                Err(stop) => return Err(self.put_back(&chunk_ids, &row, stop).await?),
            };
            match way {
                Way::Own => {}
                Way::Under(deal) => {
                    attached.extend(self.attach(row, &deal).await?);
                    continue;
                }
                Way::Later(due_at) => {
                    self.queue.defer(&self.lease, row.lead.id, due_at).await?;
                    continue;
                }
            }
            match self.contact_for(&row).await {
                Ok(Ok(contact_id)) => found.push((row, contact_id)),
                Ok(Err(error)) => self.hold_back(&row, &error).await?,
                Err(stop) => return Err(self.put_back(&chunk_ids, &row, stop).await?),
            }
        }
        if !found.is_empty() {
            let items = self.leave_out(found, alone).await?;
            attached.extend(self.write::<WriteLead>(items, progress).await?);
        }
        Ok(attached)
    }

    /// Puts the leads of a chunk back of which one could not even be looked at.
    async fn put_back(&self, chunk: &[Ulid], cause: &LeadRow, stop: Stop) -> Result<Stop, StoreError> {
        if let Stop::Crm(error) = &stop {
            self.queue.put_back(&self.lease, chunk, cause.lead.id, &error.to_string()).await?;
        }
        Ok(stop)
    }

    /// Records what each lead goes without because amoCRM does not take it of anybody, before anything is sent: its note
    /// tells it, and must stay the same.
    async fn leave_out(&self, found: Vec<(LeadRow, Option<i64>)>, alone: bool) -> Result<Vec<NewLeadItem>, StoreError> {
        if let Some(lacking) = self.crm.look_at_fields(found.iter().map(|(row, _)| &row.lead)).await {
            self.learned.shortages.listed(&self.marks, lacking).await?;
        }
        let left_out =
            self.learned.shortages.left_out(&self.marks, &self.open_alerts, &self.crm.in_force(), alone).await?;
        let mut items = Vec::with_capacity(found.len());
        for (mut row, contact_id) in found {
            let own = omitted_of(&row);
            let omitted = own.and(&left_out);
            if omitted != own {
                let text = crate::store::json(&omitted);
                self.queue.record_omitted(&self.lease, row.lead.id, &text).await?;
                row.omitted = Some(text);
            }
            items.push(NewLeadItem { row, contact_id, omitted });
        }
        Ok(items)
    }
}
