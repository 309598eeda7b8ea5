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

use std::{collections::HashSet, sync::Mutex};

use tracing::warn;
use ulid::Ulid;

use crate::{
    clock::Millis,
    crm::amocrm::{CrmError, RejectedField},
    fault::point,
    store::{Intent, LeadRow, Lookups, Step, StepOutcome, StoreError},
};

use super::{
    backoff::lookup_delay,
    counters::Counters,
    learned::Learned,
    outcome::WriteOutcome,
    pass::{DeliveryPass, Progress, Stop},
    run::Run,
};

/// After a refused batch nothing is under way, but what was stored of it may not be shown at once.
const LOOKUPS_AFTER_REFUSED_BATCH: i64 = 2;

/// The places of a step at which a test may kill the process.
pub(crate) struct WritePoints {
    /// Nothing is recorded.
    pub before_record: &'static str,
    /// The intent is recorded, nothing is sent.
    pub recorded: &'static str,
    /// The answer is there, or will not come, and nothing of it is recorded.
    pub answered: &'static str,
    /// It is recorded that it may have been done.
    pub uncertain_stored: &'static str,
}

/// What any write has to say of itself; its order, and what is recorded before what, is [`write`].
pub(crate) trait Write {
    /// What it works with.
    type Pass;
    /// One thing that is written, with what it is for.
    type Item;
    /// What amoCRM answers to a request with several of them.
    type Answer;
    /// What comes of those that are done.
    type Done;
    /// Its fault points.
    const POINTS: WritePoints;

    /// Records that these are about to be sent, by a commit that checks that they are still held; returns those that may be.
    async fn intend(pass: &Self::Pass, items: Vec<Self::Item>) -> Result<Vec<Self::Item>, Stop>;

    /// Sends one request for these; nothing else. `Ok` only where it is known of each that it is done.
    async fn send(pass: &Self::Pass, items: &[Self::Item]) -> Result<Self::Answer, CrmError>;

    /// Records that they are done.
    async fn done(pass: &Self::Pass, items: Vec<Self::Item>, answer: Self::Answer) -> Result<Self::Done, Stop>;

    /// It certainly was not done: records that, for one of them or for all.
    async fn not_done(pass: &Self::Pass, items: &[Self::Item], error: &CrmError) -> Result<(), Stop>;

    /// It may have been done: records that, and how often it is looked up before it is sent again.
    async fn uncertain(pass: &Self::Pass, items: &[Self::Item], lookups: i64, error: &CrmError) -> Result<(), Stop>;

    /// amoCRM refuses them, and nothing of them is under way unless they are several.
    async fn refused(
        pass: &Self::Pass,
        items: &[Self::Item],
        error: &CrmError,
        fields: &[RejectedField],
        detail: &str,
    ) -> Result<(), Stop>;
}

/// What came of a write; all of it is recorded.
pub(crate) enum Written<T> {
    /// It is done.
    Done(T),
    /// amoCRM refuses it.
    Refused,
    /// It is not done, or nobody knows, or it may not be sent.
    Not,
}

/// The protocol: recorded, sent, told apart, recorded.
pub(crate) async fn write<W: Write>(pass: &W::Pass, items: Vec<W::Item>) -> Result<Written<W::Done>, Stop> {
    point(W::POINTS.before_record);
    let items = W::intend(pass, items).await?;
    if items.is_empty() {
        return Ok(Written::Not);
    }
    point(W::POINTS.recorded);
    let answer = W::send(pass, &items).await;
    point(W::POINTS.answered);
    let error = match answer {
        Ok(answer) => return Ok(Written::Done(W::done(pass, items, answer).await?)),
        Err(error) => error,
    };
    match WriteOutcome::of(&error) {
        WriteOutcome::NotDone => W::not_done(pass, &items, &error).await?,
        WriteOutcome::Uncertain { lookups } => W::uncertain(pass, &items, lookups, &error).await?,
        WriteOutcome::Refused { fields, detail } => {
            W::refused(pass, &items, &error, &fields, &detail).await?;
            return Ok(Written::Refused);
        }
    }
    Ok(Written::Not)
}

/// What a step of leads has to say of itself. Everything else of it is [`Write`]'s.
pub(crate) trait StepWrite {
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

    /// The leads of which this step was refused in a row.
    fn refusals(learned: &Learned) -> &Mutex<Run>;

    /// Whether amoCRM took this step of another lead after this moment.
    async fn others_went_through(pass: &DeliveryPass, since: Millis) -> Result<bool, StoreError>;

    /// Puts back in line the leads whose refusal was not their fault.
    async fn revive(pass: &DeliveryPass, leads: &[Ulid]) -> Result<(), StoreError>;

    /// amoCRM refuses this step of one lead after another: records until when this one waits, and what waits with it. `words`
    /// is what amoCRM said, `error` the same with the fields it blames. `Err` where everything waits.
    async fn refused_with_others(pass: &DeliveryPass, row: &LeadRow, error: String, words: &str) -> Result<(), Stop>;
}

/// A step of leads is a write for leads that are held.
impl<S: StepWrite> Write for S {
    type Pass = DeliveryPass;
    type Item = S::Item;
    type Answer = S::Answer;
    type Done = Vec<LeadRow>;
    const POINTS: WritePoints = S::POINTS;

    async fn intend(pass: &DeliveryPass, mut items: Vec<S::Item>) -> Result<Vec<S::Item>, Stop> {
        let leads = ids::<S>(&items);
        let allowed = pass.queue.record_intent(&pass.lease, S::STEP, &leads, pass.lease_end(), S::INTENT).await?;
        let allowed: HashSet<Ulid> = allowed.into_iter().collect();
        items.retain(|item| allowed.contains(&S::row(item).lead.id));
        Ok(items)
    }

    async fn send(pass: &DeliveryPass, items: &[S::Item]) -> Result<S::Answer, CrmError> {
        <S as StepWrite>::send(pass, items).await
    }

    async fn done(pass: &DeliveryPass, items: Vec<S::Item>, answer: S::Answer) -> Result<Vec<LeadRow>, Stop> {
        <S as StepWrite>::done(pass, items, answer).await
    }

    async fn not_done(pass: &DeliveryPass, items: &[S::Item], error: &CrmError) -> Result<(), Stop> {
        <S as StepWrite>::not_done(pass, items, error).await
    }

    async fn uncertain(pass: &DeliveryPass, items: &[S::Item], lookups: i64, error: &CrmError) -> Result<(), Stop> {
        pass.may_be_done::<S>(items, lookups, error).await
    }

    async fn refused(
        pass: &DeliveryPass,
        items: &[S::Item],
        error: &CrmError,
        fields: &[RejectedField],
        detail: &str,
    ) -> Result<(), Stop> {
        match items {
            [item] => <S as StepWrite>::refused(pass, item, error, fields, detail).await,
            _ => pass.refused_together::<S>(items, error).await,
        }
    }
}

impl DeliveryPass {
    /// Writes one step of some leads in one request; returns those that go on.
    pub(super) async fn write<S: StepWrite>(
        &self,
        items: Vec<S::Item>,
        progress: &mut Progress,
    ) -> Result<Vec<LeadRow>, Stop> {
        let is_taking = S::is_taking(self);
        match write::<S>(self, items).await? {
            Written::Done(rows) => {
                *progress = Progress::Wrote;
                Ok(rows)
            }
            Written::Refused => {
                if is_taking {
                    *progress = Progress::Wrote;
                }
                Ok(Vec::new())
            }
            Written::Not => Ok(Vec::new()),
        }
    }

    /// Nobody knows whether it was done: it is looked up.
    async fn may_be_done<S: StepWrite>(&self, items: &[S::Item], lookups: i64, error: &CrmError) -> Result<(), Stop> {
        warn!(step = S::STEP.as_str(), leads = items.len(), %error, "amoCRM may or may not have done it");
        if S::STEP == Step::Lead {
            Counters::add(&self.counters.uncertain, items.len());
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
