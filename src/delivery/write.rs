//! The one way anything is written into amoCRM: the intent is recorded, it is sent, what came of it is told apart, and that
//! is recorded, whatever the step is.
//!
//! - Nothing is sent that is not recorded as about to be sent, by a commit that checks the lease. Whoever dies after it
//!   leaves a row that says "it may be there".
//! - What certainly was not done is forgotten, what may have been done is looked up before it is sent again, what amoCRM
//!   refuses is sent with less, held or kept for a person. Which of them it is depends on the answer alone
//!   ([`WriteOutcome`]).
//! - Of several leads in one request of which amoCRM refuses one, all may be there: whether the others were stored is not
//!   documented.

use std::collections::HashSet;

use tracing::warn;
use ulid::Ulid;

use crate::{
    crm::amocrm::{CrmError, RejectedField},
    fault::point,
    store::{Intent, LeadRow, Lookups, Step, StepOutcome},
};

use super::{
    backoff::lookup_delay,
    counters::Counters,
    outcome::WriteOutcome,
    pass::{DeliveryPass, Progress, Stop},
};

/// After a refused batch nothing is under way, but what was stored of it may not be shown at once.
const LOOKUPS_AFTER_REFUSED_BATCH: i64 = 2;

/// The places of a step at which a test may kill the process.
pub(super) struct WritePoints {
    /// Nothing is recorded.
    pub before_record: &'static str,
    /// The intent is recorded, nothing is sent.
    pub recorded: &'static str,
    /// The answer is there, or will not come, and nothing of it is recorded.
    pub answered: &'static str,
    /// It is recorded that it may have been done.
    pub uncertain_stored: &'static str,
}

/// What a step has to say of itself. Everything else of a write is [`DeliveryPass::write`].
pub(super) trait StepWrite {
    /// Which step.
    const STEP: Step;
    /// Its fault points.
    const POINTS: WritePoints;
    /// Whether it may be sent where it may be there, because it was looked up just before.
    const INTENT: Intent;
    /// One lead, with what is to be sent of it.
    type Item;
    /// What amoCRM answers to a request with several of them.
    type Answer;

    /// The lead of an item.
    fn row(item: &Self::Item) -> &LeadRow;

    /// Sends one request for these; nothing else. `Ok` only where it is known of each that it is done.
    async fn send(pass: &DeliveryPass, items: &[Self::Item]) -> Result<Self::Answer, CrmError>;

    /// Records that they are done, and returns the leads that go on to the next step.
    async fn done(pass: &DeliveryPass, items: Vec<Self::Item>, answer: Self::Answer) -> Result<Vec<LeadRow>, Stop>;

    /// It certainly was not done: records that, for one of them or for all.
    async fn not_done(pass: &DeliveryPass, items: &[Self::Item], error: &CrmError) -> Result<(), Stop>;

    /// Whether what has failed is about this one lead; `Err` where it is about all of them.
    async fn is_about_one(pass: &DeliveryPass, item: &Self::Item, error: &CrmError) -> Result<(), Stop>;

    /// amoCRM refuses this one, and nothing of it is under way: sends it with less, holds it, or keeps it for a person.
    async fn refused(
        pass: &DeliveryPass,
        item: &Self::Item,
        error: &CrmError,
        fields: &[RejectedField],
        detail: &str,
    ) -> Result<(), Stop>;

    /// Whether a refusal shows that amoCRM takes what it is sent; not while it refuses everything.
    fn is_taking(pass: &DeliveryPass) -> bool;
}

impl DeliveryPass {
    /// Writes one step of some leads in one request; returns those that go on.
    pub(super) async fn write<S: StepWrite>(
        &self,
        mut items: Vec<S::Item>,
        progress: &mut Progress,
    ) -> Result<Vec<LeadRow>, Stop> {
        point(S::POINTS.before_record);
        let allowed: HashSet<Ulid> = self
            .queue
            .record_intent(&self.lease, S::STEP, &ids::<S>(&items), self.lease_end(), S::INTENT)
            .await?
            .into_iter()
            .collect();
        items.retain(|item| allowed.contains(&S::row(item).lead.id));
        if items.is_empty() {
            return Ok(Vec::new());
        }
        point(S::POINTS.recorded);
        let answer = S::send(self, &items).await;
        point(S::POINTS.answered);
        let error = match answer {
            Ok(answer) => {
                *progress = Progress::Wrote;
                return S::done(self, items, answer).await;
            }
            Err(error) => error,
        };
        match WriteOutcome::of(&error) {
            WriteOutcome::NotDone => S::not_done(self, &items, &error).await?,
            WriteOutcome::Uncertain { lookups } => self.may_be_done::<S>(&items, lookups, &error).await?,
            WriteOutcome::Refused { fields, detail } => {
                if S::is_taking(self) {
                    *progress = Progress::Wrote;
                }
                match &items[..] {
                    [item] => S::refused(self, item, &error, &fields, &detail).await?,
                    _ => self.refused_together::<S>(&items, &error).await?,
                }
            }
        }
        Ok(Vec::new())
    }

    /// Nobody knows whether it was done: it is looked up.
    async fn may_be_done<S: StepWrite>(&self, items: &[S::Item], lookups: i64, error: &CrmError) -> Result<(), Stop> {
        warn!(step = S::STEP.as_str(), leads = items.len(), %error, "amoCRM may or may not have done it");
        if S::STEP == Step::Lead {
            Counters::add(&self.figures.uncertain, items.len());
        }
        for row in items.iter().map(S::row) {
            let failures = self.own_failures(row.attempts + 1, row.last_error_at).await?;
            let first_at = self.due_in(lookup_delay(0, failures));
            // In an outage none of them is the cause: they go together again.
            let lookups = Lookups { needed: lookups, first_at, unbatched: false };
            let outcome = StepOutcome::Uncertain { lookups, error: error.to_string() };
            self.record(S::STEP, &[row.lead.id], outcome).await?;
        }
        point(S::POINTS.uncertain_stored);
        let first = S::row(&items[0]);
        if items.len() == 1 && self.is_poisoned(first.attempts, first.last_error_at).await? {
            return Ok(self.queue.tell_of_stuck(first.lead.id).await?);
        }
        S::is_about_one(self, &items[0], error).await?;
        // One of them is the cause, and is to harm nobody else.
        self.queue.mark_unbatched(&ids::<S>(items)).await?;
        if items.len() > 1 {
            self.go_singly();
        }
        Ok(())
    }

    /// amoCRM refuses one of several: all of them are looked up, and go one by one from now on.
    async fn refused_together<S: StepWrite>(&self, items: &[S::Item], error: &CrmError) -> Result<(), Stop> {
        warn!(step = S::STEP.as_str(), leads = items.len(), %error, "amoCRM refuses a batch; its leads go one by one");
        let first_at = self.due_in(lookup_delay(0, 1));
        let lookups = Lookups { needed: LOOKUPS_AFTER_REFUSED_BATCH, first_at, unbatched: true };
        let outcome = StepOutcome::Uncertain { lookups, error: error.to_string() };
        self.record(S::STEP, &ids::<S>(items), outcome).await?;
        point(S::POINTS.uncertain_stored);
        Ok(())
    }
}

/// The ids of the leads of some items.
pub(super) fn ids<S: StepWrite>(items: &[S::Item]) -> Vec<Ulid> {
    items.iter().map(|item| S::row(item).lead.id).collect()
}
