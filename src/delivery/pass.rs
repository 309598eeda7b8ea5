//! Walking claimed leads through their recorded steps: look-up, contact, create, note. Used by the worker and by the
//! command.

use std::{
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use tracing::debug;
use ulid::Ulid;

use crate::{
    clock::{Clock, Millis},
    config::Dealer,
    crm::amocrm::{Crm, CrmError},
    fault::point,
    store::{
        Claim, Completed, LeadQueue, LeadRow, Leads, Lease, Marks, OpenAlerts, Stage, Step, StepOutcome, Store,
        StoreError,
    },
    working_time::WorkingTime,
};

use super::{
    batches::create_chunks,
    breaker::Breaker,
    counters::Counters,
    learned::{Learned, lock},
};

/// A claim lasts so long unless renewed: longer than any one call with its wait for the rate limit.
pub const LEASE: Duration = Duration::from_secs(120);

/// At most so many leads in one claim.
const CLAIM: usize = 250;

/// At most so many fresh leads are claimed at once.
const FRESH_BATCH: usize = 10;

/// Up to so many waiting leads go one by one, so that none can harm another: with the search for its contact and its note
/// each takes three requests, and all of them most of a minute.
const MOST_SINGLY: i64 = 60;

/// Where at least so many go in one pass their notes go together, also of those that are created one by one.
const GATHERED_FROM: usize = 6;

/// Where amoCRM has taken a lead within this time it takes the next ones, too, as far as can be known.
const TAKES: Duration = Duration::from_secs(30);

/// Once more than that have waited they go together until so few are left.
const FEW: i64 = 10;

/// After a batch has failed while amoCRM answers, all leads go one by one until one of them is taken, or for so long.
const SINGLY: Duration = Duration::from_secs(10 * 60);

/// At most so many leads with a trouble are claimed at once.
const TROUBLED_BATCH: usize = 50;

/// At most so many uncertain leads are looked up by one probe.
const PROBED_LOOKUPS: usize = 3;

/// Where so many leads are uncertain and cannot be looked up, a probe does not make one more of them so.
const MOST_UNCERTAIN: i64 = 10;

/// A lead submitted within this time is fresh: a backlog does not hold it up.
pub const FRESH: Duration = Duration::from_secs(60);

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
    /// amoCRM was asked, or leads were deferred; whether it takes leads is not known by that.
    Looked,
    /// amoCRM took a lead or a note, or answered in full about one.
    Wrote,
}

impl From<StoreError> for Stop {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

/// What the settings say of requests of buyers who have an open lead (`repeat = "attach"`).
#[derive(Debug, Clone)]
pub struct Attaching {
    /// How old that lead may be.
    pub within: Duration,
    /// When managers work: the task to call back is for then.
    pub working: WorkingTime,
}

impl Attaching {
    /// As the settings have it; `None` where every request gets a lead.
    pub fn of(dealer: &Dealer) -> Option<Self> {
        let working = WorkingTime::of_dealer(dealer);
        dealer.crm.attaches_within().map(|within| Self { within, working })
    }
}

/// Walks leads through their steps.
#[derive(Debug, Clone)]
pub struct DeliveryPass {
    /// Leads as people look at them.
    pub leads: Leads,
    /// The queue of leads.
    pub queue: LeadQueue,
    /// Where it is kept what of the settings is not taken.
    pub marks: Marks,
    /// What of that the admin was told of.
    pub open_alerts: OpenAlerts,
    /// The CRM.
    pub crm: Crm,
    /// The lease of this process start.
    pub lease: Lease,
    /// How a known buyer's open lead takes their next request; `None` where each gets a lead of its own.
    pub attaching: Option<Attaching>,
    /// Counters of what was done.
    pub counters: Arc<Counters>,
    /// What this process has learned of the account.
    pub learned: Arc<Learned>,
}

impl DeliveryPass {
    /// Of a store's leads to an account that nothing is known of yet.
    pub fn new(store: &Store, crm: Crm, lease: Lease, attaching: Option<Attaching>) -> Self {
        Self {
            leads: store.leads(),
            queue: store.lead_queue(),
            marks: store.marks(),
            open_alerts: store.open_alerts(),
            crm,
            lease,
            attaching,
            counters: Arc::default(),
            learned: Arc::default(),
        }
    }

    pub(super) fn clock(&self) -> Clock {
        self.queue.clock()
    }

    pub(super) fn lease_end(&self) -> Millis {
        self.clock().now() + self.clock().millis(LEASE)
    }

    pub(super) fn due_in(&self, pause: Duration) -> Millis {
        self.clock().now() + self.clock().millis(pause)
    }

    pub(super) async fn record(&self, step: Step, leads: &[Ulid], outcome: StepOutcome) -> Result<(), StoreError> {
        self.queue.record_outcome(&self.lease, step, leads, &outcome).await
    }

    /// A pass as the breaker allows it: whole, or a probe.
    ///
    /// Where the last failure may have left a write uncertain, a probe begins with the cheapest read, so that an outage makes
    /// nothing more uncertain; a block is not prolonged by it. Where reading works, what is uncertain is looked up.
    pub async fn run_by(&self, breaker: &Breaker) -> Result<Progress, Stop> {
        if breaker.reads_first() {
            self.crm.account().await.map_err(Stop::Crm)?;
            match self.walk_claim(PROBED_LOOKUPS, Claim::Uncertain, false).await {
                Ok(Progress::Wrote) => return Ok(Progress::Wrote),
                Ok(Progress::Idle | Progress::Looked) => self.learned.looked_in_vain.store(false, Ordering::Relaxed),
                Err(Stop::Crm(error)) if self.goes_on_after(&error).await? => {}
                Err(stop) => return Err(stop),
            }
        }
        self.run(breaker.is_probing()).await
    }

    /// Whether a probe goes on although what is uncertain cannot be looked up. amoCRM may break on the search for one lead
    /// for ever, and the others must not wait for that: so every second such probe is a write, until a batch is uncertain.
    async fn goes_on_after(&self, error: &CrmError) -> Result<bool, Stop> {
        if !matches!(error, CrmError::Ambiguous { .. } | CrmError::Unavailable { .. }) {
            return Ok(false);
        }
        let is_second = self.learned.looked_in_vain.fetch_xor(true, Ordering::Relaxed);
        Ok(is_second && self.queue.uncertain(MOST_UNCERTAIN).await? < MOST_UNCERTAIN)
    }

    /// Claims and walks fresh leads, or else the oldest ones; those with a trouble come after all others, or in turn with
    /// parts of a backlog.
    ///
    /// As a probe it takes one lead only, best one that needs a write: reading may work where writing does not. Of the
    /// others it takes them in turn, because amoCRM may break on one of them.
    pub async fn run(&self, probe: bool) -> Result<Progress, Stop> {
        if probe {
            return match self.walk_claim(1, Claim::Ready, false).await? {
                Progress::Idle => self.walk_claim(1, Claim::InTurn, false).await,
                progress => Ok(progress),
            };
        }
        let fresh = self.walk_fresh().await?;
        if fresh != Progress::Idle {
            return Ok(fresh);
        }
        let (backlog, troubled) = ((CLAIM, Claim::Untroubled), (TROUBLED_BATCH, Claim::Troubled));
        let troubled_first = self.learned.troubled_next.fetch_xor(true, Ordering::Relaxed);
        for (limit, which) in if troubled_first { [troubled, backlog] } else { [backlog, troubled] } {
            let progress = self.walk_claim(limit, which, true).await?;
            if progress != Progress::Idle {
                return Ok(progress);
            }
        }
        Ok(Progress::Idle)
    }

    async fn walk_fresh(&self) -> Result<Progress, Stop> {
        self.walk_claim(FRESH_BATCH, self.fresh(), false).await
    }

    fn fresh(&self) -> Claim {
        Claim::SubmittedSince(self.clock().now() - self.clock().millis(FRESH))
    }

    async fn walk_claim(&self, limit: usize, which: Claim, let_fresh_in: bool) -> Result<Progress, Stop> {
        let limit = i64::try_from(limit).unwrap_or(1);
        let claimed = self.queue.claim_due(&self.lease, self.lease_end(), limit, which).await?;
        if claimed.is_empty() {
            return Ok(Progress::Idle);
        }
        // What an outage has left in doubt and is not there goes together again; what amoCRM breaks on is marked.
        let singly = if which == Claim::Troubled { self.is_told_to_go_singly() } else { self.singly().await? };
        debug!(leads = claimed.len(), "claimed");
        point("claim.after");
        match Box::pin(self.walk(claimed, singly, let_fresh_in)).await {
            Ok(progress) => Ok(progress),
            Err(stop) => {
                // What this pass did not come to is free again at once: the breaker, not the lease, paces the rest.
                self.queue.release_lease(&self.lease).await?;
                Err(stop)
            }
        }
    }

    async fn walk(&self, claimed: Vec<LeadRow>, singly: bool, let_fresh_in: bool) -> Result<Progress, Stop> {
        let mut progress = Progress::Looked;
        let (mut uncertain, mut to_create, mut to_finish) = (Vec::new(), Vec::new(), Vec::new());
        for row in claimed {
            match row.stage {
                Stage::Uncertain(attempt) if attempt.step == Step::Lead => uncertain.push((row, attempt)),
                Stage::Uncertain(_) | Stage::Ready(_) => {
                    if row.attached_at.is_none() || self.stays_attached(&row).await? {
                        to_finish.push(row);
                    }
                }
                // Every step is done, and only that was not recorded.
                Stage::Delivered => self.delivered(&[Completed { lead: &row.lead, remote_id: None }]).await?,
                Stage::Queued | Stage::Rejected | Stage::Discarded => to_create.push(row),
            }
        }
        to_finish.extend(self.look_up(uncertain).await?);
        let takes_leads = self.takes_leads();
        if takes_leads {
            self.find_contacts_together(&to_create).await?;
        }
        let gathers = to_create.len() >= GATHERED_FROM;
        let mut is_left = false;
        for (at, chunk) in create_chunks(to_create, takes_leads, singly).into_iter().enumerate() {
            if at > 0 && chunk.len() > 1 && !self.takes_leads() {
                // The one that went ahead was not taken: no batch is risked.
                is_left = true;
                break;
            }
            if at > 0 {
                self.queue.renew(&self.lease, self.lease_end()).await?;
                if let_fresh_in {
                    self.let_fresh_in().await?;
                }
            }
            let alone = chunk.len() == 1;
            let created = self.create(chunk, &mut progress).await?;
            if alone && !gathers {
                // Whatever becomes of the next one, this one is through.
                self.finish(created, &mut progress).await?;
            } else {
                to_finish.extend(created);
            }
        }
        self.finish(to_finish, &mut progress).await?;
        if is_left {
            self.queue.release_lease(&self.lease).await?;
        }
        Ok(progress)
    }

    /// The steps after the lead itself, of leads that amoCRM has: each takes those whose turn it is, and gives on those that
    /// have a further one.
    async fn finish(&self, mut rows: Vec<LeadRow>, progress: &mut Progress) -> Result<(), Stop> {
        for step in Step::ALL {
            let (theirs, others): (Vec<_>, Vec<_>) = rows.into_iter().partition(|row| row.steps.next() == Some(step));
            rows = others;
            rows.extend(match step {
                // It is made before.
                Step::Lead => Vec::new(),
                Step::Note => self.write_notes(theirs, progress).await?,
            });
        }
        Ok(())
    }

    /// Whether leads go one by one: there are few of them, or amoCRM breaks on one of them.
    async fn singly(&self) -> Result<bool, StoreError> {
        let told_to = self.is_told_to_go_singly();
        let together = &self.learned.together;
        let most = if together.load(Ordering::Relaxed) { FEW } else { MOST_SINGLY };
        let singly = self.queue.untroubled(most + 1).await? <= most;
        together.store(!singly, Ordering::Relaxed);
        Ok(told_to || singly)
    }

    fn is_told_to_go_singly(&self) -> bool {
        let until = *lock(&self.learned.singly_until);
        let now = self.clock().now();
        // A clock that was set back must not keep it so.
        (now..=now + self.clock().millis(SINGLY)).contains(&until)
    }

    /// Whether amoCRM has taken a lead just now. Where it has not, the first one goes alone: should it be that nothing can be
    /// written, one lead is uncertain and not a batch.
    fn takes_leads(&self) -> bool {
        let taken_at = *lock(&self.learned.taken_at);
        let now = self.clock().now();
        (taken_at..=taken_at + self.clock().millis(TAKES)).contains(&now)
    }

    /// A batch has failed while amoCRM answers: one lead of it may be the cause, or nothing can be written. Until one that
    /// goes alone is taken, all do.
    pub(super) fn go_singly(&self) {
        *lock(&self.learned.singly_until) = self.due_in(SINGLY);
    }

    /// Fresh leads go first; they have a claim of their own under the same lease.
    async fn let_fresh_in(&self) -> Result<(), Stop> {
        let claimed = self.queue.claim_due(&self.lease, self.lease_end(), FRESH_BATCH as i64, self.fresh()).await?;
        if claimed.is_empty() { Ok(()) } else { Box::pin(self.walk(claimed, true, false)).await.map(drop) }
    }
}
