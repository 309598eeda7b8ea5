//! What is written into amoCRM for a lead, one module for each step: how it is sent, how it is looked up, how many go in
//! one request.
//!
//! A further step before a lead is delivered (a task, a change of the stage, a link) is:
//! - a variant of [`Step`] where it comes in the order; its rows in `lead_steps` need no migration, and claims, copies,
//!   forgetting and the marks of what may have been sent work for it as they are;
//! - a module here with a [`StepWrite`](super::write::StepWrite): what is sent, what is recorded when it is done
//!   ([`DeliveryPass::did`]), what to do where amoCRM refuses it. The protocol around it is [`super::write`];
//! - how it is looked up where it may be there, which its module does before it writes (as [`note`] does), and its arm in
//!   `DeliveryPass::finish`, which does the steps after the lead itself, each for the leads whose turn it is;
//! - its fault points in `fault::POINTS`, those of the protocol and one behind the look-up, each with a death in the kill tests.
//!
//! What comes after that, such as a buyer's files, has a queue of its own and uses the same protocol: see `attachments`.

use tracing::info;

use super::{
    counters::Counters,
    pass::{DeliveryPass, Stop},
};
use crate::{
    fault::point,
    notice::Notice,
    store::{Completed, LeadRow, Step, StoreError},
    telemetry::lead_span,
};

pub(super) mod contact;
pub(super) mod lead;
pub(super) mod lead_lookup;
pub(super) mod note;
pub(super) mod repeat;

impl DeliveryPass {
    /// Records that a step of these leads is done, with amoCRM's ids of what it made, and returns those that have a further
    /// one. With the last step a lead is delivered.
    async fn did(&self, step: Step, leads: Vec<(LeadRow, Option<i64>)>) -> Result<Vec<LeadRow>, Stop> {
        if step == Step::LAST {
            let completed = leads.iter().map(|(row, remote_id)| Completed { lead: &row.lead, remote_id: *remote_id });
            self.delivered(&completed.collect::<Vec<_>>()).await?;
            return Ok(Vec::new());
        }
        let done: Vec<_> = leads.iter().map(|(row, remote_id)| (row.lead.id, *remote_id)).collect();
        self.queue.record_step_done(step, &done).await?;
        Ok(leads.into_iter().map(|(row, remote_id)| row.after(step, remote_id)).collect())
    }

    pub(in crate::delivery) async fn delivered(&self, leads: &[Completed<'_>]) -> Result<(), StoreError> {
        let fresh = self.queue.record_delivered(leads, |number| Notice::Delivered { number }).await?;
        point("delivered.stored");
        Counters::add(&self.counters.delivered, usize::try_from(fresh).unwrap_or(0));
        for one in leads {
            lead_span(&one.lead.number).in_scope(|| info!("delivered"));
        }
        Ok(())
    }
}
