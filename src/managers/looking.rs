//! Whether somebody has dealt with leads in amoCRM itself: moved them, closed a task, written a note, called.
//!
//! Nothing but reading: within the one rate limit, after deliveries, and never while amoCRM is away.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
    time::Duration,
};

use tokio::sync::{Mutex, watch};
use tokio_util::sync::CancellationToken;
use tracing::{Instrument, info};

use crate::{
    clock::{Clock, Millis, date},
    crm::amocrm::{ClosedTask, Crm, CrmError, MOST_BY_IDS, SeenLead, Whereabouts},
    delivery::Health,
    lead::StageOrder,
    store::{LateNotes, LeadWork, Leads, Store, StoreError, Untouched, Watches},
    telemetry::lead_span,
    watching::{IN_CRM, deliveries_go_first, is_made_for},
};

/// How often the stages are listed, and how often it is tried whether leads can be asked for by their ids.
const LIST_EVERY: Duration = Duration::from_secs(3600);

/// Why it is not known.
#[derive(Debug, thiserror::Error)]
pub enum LookError {
    /// amoCRM does not say.
    #[error("{0}")]
    Crm(#[from] CrmError),
    /// The store does not say which leads, or does not keep what was seen.
    #[error("{0}")]
    Store(#[from] StoreError),
    /// Something else comes first: an outage, the end.
    #[error("amoCRM is away, or the daemon stops")]
    Later,
}

/// Looks in amoCRM; clones share what they know.
#[derive(Debug, Clone)]
pub struct Looking {
    leads: Leads,
    work: LeadWork,
    late_notes: LateNotes,
    watches: Watches,
    crm: Crm,
    health: watch::Receiver<Health>,
    stop: CancellationToken,
    known: Arc<Mutex<Known>>,
}

/// What is known of the account.
#[derive(Debug, Default)]
struct Known {
    order: StageOrder,
    listed_at: Option<Millis>,
    ids_tried_at: Option<Millis>,
}

impl Looking {
    /// While `health` says that amoCRM can be asked.
    pub fn new(store: &Store, crm: Crm, health: watch::Receiver<Health>, stop: CancellationToken) -> Self {
        Self {
            leads: store.leads(),
            work: store.lead_work(),
            late_notes: store.late_notes(),
            watches: store.watches(),
            crm,
            health,
            stop,
            known: Arc::default(),
        }
    }

    fn clock(&self) -> Clock {
        self.work.clock()
    }

    /// Looks at these leads, and records with which somebody has dealt.
    pub async fn look_at(&self, leads: Vec<Untouched>) -> Result<(), LookError> {
        let ids: Vec<i64> = leads.iter().filter_map(|lead| lead.crm_lead_id).collect();
        if ids.is_empty() {
            return Ok(());
        }
        let mut known = self.known.lock().await;
        self.list_stages(&mut known).await?;
        let seen = self.seen(&mut known, &ids).await?;
        self.turn().await?;
        let closed = may_not(self.crm.closed_tasks(&ids).await)?.unwrap_or_default();
        let moved = self.moves_of_older(&leads, &seen).await?;
        for lead in &leads {
            let span = lead_span(&lead.owed.number);
            self.look_at_one(lead, &known, &seen, &closed, &moved).instrument(span).await?;
        }
        Ok(())
    }

    async fn look_at_one(
        &self,
        lead: &Untouched,
        known: &Known,
        seen: &HashMap<i64, SeenLead>,
        closed: &[ClosedTask],
        moved: &HashMap<i64, Vec<i64>>,
    ) -> Result<(), LookError> {
        let Some(lead_id) = lead.crm_lead_id else { return Ok(()) };
        let Some(seen) = seen.get(&lead_id) else { return self.follow(lead, lead_id).await };
        let settings = self.crm.settings();
        let start = known.order.start(settings.pipeline_id, settings.status_id);
        let is_own = is_own(lead, seen);
        let has_left = is_own && start.zip(seen.at).is_some_and(|(start, at)| known.order.has_left(start, at));
        let mut times: Vec<i64> = closed.iter().filter(|task| task.lead_id == lead_id).map(|task| task.at).collect();
        times.extend(moved.get(&lead_id).into_iter().flatten());
        // When it was moved is not said; not later than that.
        times.extend(seen.updated_at.filter(|_| has_left));
        if first_of(&times, lead, is_own).is_none() {
            self.turn().await?;
            times.extend(may_not(self.crm.notes_of_people(lead_id).await)?.unwrap_or_default());
        }
        let now = self.clock().now();
        let at = first_of(&times, lead, is_own).or_else(|| has_left.then_some(now));
        if let Some(at) = at {
            self.touched(lead, at.clamp(lead.owed.since, now.max(lead.owed.since))).await?;
        }
        Ok(())
    }

    async fn touched(&self, lead: &Untouched, at: Millis) -> Result<(), StoreError> {
        if self.work.touched(&lead.owed.number, IN_CRM, at).await? {
            info!("somebody has dealt with a lead in amoCRM");
        }
        Ok(())
    }

    /// A lead that is not shown: it was merged into another one, which is looked at from then on, or somebody has deleted it.
    async fn follow(&self, lead: &Untouched, lead_id: i64) -> Result<(), LookError> {
        let Some(row) = self.leads.by_number(&lead.owed.number).await? else { return Ok(()) };
        self.turn().await?;
        match may_not(self.crm.whereabouts(lead_id, &row.lead, row.lead.submitted_at).await)? {
            None | Some(Whereabouts::There) => Ok(()),
            Some(Whereabouts::MergedInto(found)) => {
                Ok(self.late_notes.lead_moved(&lead.owed.number, found.lead_id).await?)
            }
            Some(Whereabouts::Gone) => {
                // Nothing is shown to whom amoCRM does not let in, either.
                self.crm.account().await?;
                Ok(self.touched(lead, self.clock().now()).await?)
            }
        }
    }

    async fn list_stages(&self, known: &mut Known) -> Result<(), LookError> {
        let clock = self.clock();
        if known.listed_at.is_some_and(|at| clock.now() - at < clock.millis(LIST_EVERY)) {
            return Ok(());
        }
        self.turn().await?;
        // Where they may not be seen, no stage counts.
        if let Some(order) = may_not(self.crm.stage_order().await)? {
            known.order = order;
        }
        known.listed_at = Some(clock.now());
        Ok(())
    }

    /// These leads as amoCRM shows them: by their ids, and by themselves where it does not look at ids.
    async fn seen(&self, known: &mut Known, ids: &[i64]) -> Result<HashMap<i64, SeenLead>, LookError> {
        let clock = self.clock();
        let mut seen = HashMap::new();
        let tries_ids = known.ids_tried_at.is_none_or(|at| clock.now() - at >= clock.millis(LIST_EVERY));
        if tries_ids && ids.len() > 1 {
            for some in ids.chunks(MOST_BY_IDS) {
                self.turn().await?;
                match may_not(self.crm.leads_by_ids(some).await)?.flatten() {
                    Some(found) => seen.extend(found.into_iter().map(|lead| (lead.lead_id, lead))),
                    None => {
                        known.ids_tried_at = Some(clock.now());
                        break;
                    }
                }
            }
        }
        for lead_id in ids {
            if !seen.contains_key(lead_id) {
                self.turn().await?;
                let one = self.crm.seen_lead(*lead_id).await;
                let is_hidden = matches!(one, Err(CrmError::Forbidden { .. }));
                let hidden =
                    SeenLead { lead_id: *lead_id, at: None, created_at: None, updated_at: None, is_deleted: false };
                let one = may_not(one)?.flatten().or(is_hidden.then_some(hidden));
                seen.extend(one.map(|one| (*lead_id, one)));
            }
        }
        seen.retain(|_, lead| !lead.is_deleted);
        Ok(seen)
    }

    /// When leads were moved that are older than the request: where they stood before is not known, so the events tell.
    async fn moves_of_older(
        &self,
        leads: &[Untouched],
        seen: &HashMap<i64, SeenLead>,
    ) -> Result<HashMap<i64, Vec<i64>>, LookError> {
        let shown =
            |lead: &&Untouched| lead.crm_lead_id.and_then(|id| seen.get(&id)).is_some_and(|seen| !is_own(lead, seen));
        let older: Vec<&Untouched> = leads.iter().filter(shown).collect();
        let Some(since) = older.iter().map(|lead| lead.owed.since).min() else { return Ok(HashMap::new()) };
        let ids: HashSet<i64> = older.iter().filter_map(|lead| lead.crm_lead_id).collect();
        self.turn().await?;
        let mut moved: HashMap<i64, Vec<i64>> = HashMap::new();
        let moves = may_not(self.crm.moved_since(date(since)).await)?.flatten();
        for one in moves.into_iter().flat_map(|moves| moves.seen).filter(|one| ids.contains(&one.lead_id)) {
            moved.entry(one.lead_id).or_default().extend(one.at);
        }
        Ok(moved)
    }

    /// Deliveries come first, request by request.
    async fn turn(&self) -> Result<(), LookError> {
        deliveries_go_first(&self.watches, &self.health, &self.stop).await?.then_some(()).ok_or(LookError::Later)
    }
}

/// `None` where amoCRM does not take such a question, or not from this user.
fn may_not<T>(answer: Result<T, CrmError>) -> Result<Option<T>, CrmError> {
    match answer {
        Err(
            CrmError::Forbidden { .. }
            | CrmError::NotFound { .. }
            | CrmError::WrongAddress { .. }
            | CrmError::Refused { .. },
        ) => Ok(None),
        answer => answer.map(Some),
    }
}

/// Whether it is the request's own lead, and not an older one that took it.
fn is_own(lead: &Untouched, seen: &SeenLead) -> bool {
    !lead.is_attached && is_made_for(seen, lead.owed.since)
}

/// The first of these times (s UTC) that counts for a lead, in ms: what was done to an older one before the request does not.
fn first_of(times: &[i64], lead: &Untouched, is_own: bool) -> Option<Millis> {
    let from = if is_own { i64::MIN } else { lead.owed.since / 1000 };
    times.iter().copied().filter(|at| *at >= from).min().map(|at| at.saturating_mul(1000))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{lead::LeadNumber, store::OwedWork};

    #[test]
    fn what_was_done_to_an_older_lead_before_the_request_does_not_count() {
        let since = 1_795_500_000_000;
        let number = LeadNumber::parse("K7M2QXA").expect("a number");
        let lead = |is_attached| Untouched {
            owed: OwedWork { lead_id: "01".into(), number: number.clone(), since },
            reminders: 0,
            remind_at: Some(since),
            crm_lead_id: Some(7),
            is_attached,
        };
        let seen = |created_at| SeenLead { lead_id: 7, at: None, created_at, updated_at: None, is_deleted: false };
        let seconds = since / 1000;
        for (is_attached, created_at, own) in [
            (false, Some(seconds + 3), true),
            (false, Some(seconds - 60), true),
            (false, None, true),
            // A note under it, or merged into it.
            (true, Some(seconds + 3), false),
            (false, Some(seconds - 86_400), false),
        ] {
            assert_eq!(is_own(&lead(is_attached), &seen(created_at)), own, "{is_attached} {created_at:?}");
        }
        let times = [seconds + 90, seconds - 30, seconds + 60];
        assert_eq!(first_of(&times, &lead(false), true), Some(since - 30_000));
        assert_eq!(first_of(&times, &lead(true), false), Some(since + 60_000));
        assert_eq!(first_of(&[seconds - 30], &lead(true), false), None);
        assert_eq!(first_of(&[], &lead(false), true), None);
    }
}
