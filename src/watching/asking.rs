//! Asking about leads: each way, and what is looked at by itself.

use std::{
    collections::{BTreeSet, HashMap, HashSet},
    sync::atomic::Ordering,
    time::Duration,
};

use chrono::{TimeDelta, TimeZone};
use tracing::{Instrument, debug, info};

use crate::{
    clock::date,
    crm::amocrm::{CrmError, MOST_BY_IDS, SeenLead, Whereabouts},
    store::{Mark, WatchedLead},
    telemetry::lead_span,
};

use super::{
    Context, Meaning, Way, read,
    watcher::{AtWork, Halt, Watcher},
};

/// At most so many requests by ids in one pass: with more leads than that each is asked about less often.
const MOST_REQUESTS: usize = 4;

/// At most so many leads are looked at by themselves in one pass because something was said of them, or they are missing.
const MOST_SINGLY: usize = 50;

/// And so many in turn, where not all are asked about at once.
const IN_TURN: usize = 10;

/// Events and lists lag behind, and two clocks differ.
const OVERLAP: TimeDelta = TimeDelta::minutes(15);

/// The stages are listed so often, and so soon where a lead stands at one that is not known.
const LIST_EVERY: Duration = Duration::from_secs(3600);
const LIST_AGAIN: Duration = Duration::from_secs(600);

/// Who has dealt with a lead that was moved there.
pub const IN_CRM: &str = "amoCRM";

impl<Tz: TimeZone> AtWork<Tz> {
    /// Asks about all leads that are watched.
    pub(super) async fn ask_about_all(&mut self) -> Result<(), Halt> {
        let begun = self.clock().now();
        let leads = self.watcher.watches.all().await?;
        let watched: HashSet<i64> = leads.iter().map(|lead| lead.crm_lead_id).collect();
        self.asked.leads.retain(|lead_id, _| watched.contains(lead_id));
        self.list_stages(LIST_EVERY).await?;
        if !leads.is_empty() {
            let way = loop {
                let way = self.asked.ways.best(self.clock().now());
                let is_open = match way {
                    Way::Ids => self.ask_by_ids(&leads).await?,
                    Way::Events => self.ask_by_events(&leads).await?,
                    Way::Newest => self.ask_by_newest(&leads).await?,
                };
                if is_open {
                    break way;
                }
                self.asked.ways.close(way, self.clock());
            };
            self.log.way = Some(way);
        }
        debug!(leads = leads.len(), way = ?self.log.way, "leads are asked about");
        self.log.asked_at = Some(begun);
        self.watcher.marks.set(&Mark::Watching, &crate::store::json(&self.log)).await?;
        Ok(())
    }

    /// Asks about leads of which somebody says that they have changed; others than ours are left aside.
    pub(super) async fn ask_about(&mut self, lead_ids: &BTreeSet<i64>) -> Result<(), Halt> {
        let leads = self.watcher.watches.all().await?;
        let leads: Vec<_> = leads.into_iter().filter(|lead| lead_ids.contains(&lead.crm_lead_id)).collect();
        if leads.is_empty() {
            return Ok(());
        }
        self.list_stages(LIST_EVERY).await?;
        for lead in leads.iter().take(MOST_SINGLY) {
            self.look_at(lead).await?;
        }
        Ok(())
    }

    /// Lists the account's stages, where that was not done for so long.
    async fn list_stages(&mut self, every: Duration) -> Result<(), Halt> {
        let clock = self.clock();
        if self.asked.listed_at.is_some_and(|at| clock.now() - at < clock.millis(every)) {
            return Ok(());
        }
        self.let_deliveries_go_first().await?;
        match self.watcher.crm.stage_order().await {
            Ok(order) => {
                self.asked.order = order;
                self.compare_with_settings().await?;
            }
            // Without their order nothing is taken for going back.
            Err(error @ (CrmError::Forbidden { .. } | CrmError::NotFound { .. } | CrmError::WrongAddress { .. })) => {
                info!(%error, "the stages of the account cannot be listed");
            }
            Err(error) => return Err(Halt::Crm(error)),
        }
        self.asked.listed_at = Some(clock.now());
        Ok(())
    }

    /// `false` where amoCRM does not look at ids.
    async fn ask_by_ids(&mut self, leads: &[WatchedLead]) -> Result<bool, Halt> {
        if self.asked.ways.asks_for_filters(self.clock()) {
            self.let_deliveries_go_first().await?;
            if self.watcher.crm.are_filters_on().await? == Some(false) {
                debug!("filters of lists are not switched on for the account");
                return Ok(false);
            }
        }
        let due = self.asked.in_requests(leads, self.clock(), MOST_BY_IDS, MOST_REQUESTS);
        let mut missing = Vec::new();
        for some in due.chunks(MOST_BY_IDS) {
            self.let_deliveries_go_first().await?;
            let mut ids: Vec<i64> = some.iter().map(|lead| lead.crm_lead_id).collect();
            ids.sort_unstable();
            ids.dedup();
            let seen = match self.watcher.crm.leads_by_ids(&ids).await {
                Ok(Some(seen)) => seen,
                Ok(None) => {
                    info!("amoCRM ignores filters of lists; leads are asked about another way");
                    return Ok(false);
                }
                Err(
                    error @ (CrmError::Forbidden { .. }
                    | CrmError::NotFound { .. }
                    | CrmError::WrongAddress { .. }
                    | CrmError::Refused { .. }),
                ) => {
                    info!(%error, "amoCRM takes no ids of leads; they are asked about another way");
                    return Ok(false);
                }
                Err(error) => return Err(Halt::Crm(error)),
            };
            let seen: HashMap<i64, SeenLead> = seen.into_iter().map(|seen| (seen.lead_id, seen)).collect();
            for lead in some {
                match seen.get(&lead.crm_lead_id) {
                    Some(seen) => self.take(lead, seen).await?,
                    None if lead.known.gone => self.was_asked(lead),
                    None => missing.push(*lead),
                }
            }
        }
        for lead in missing.into_iter().take(MOST_SINGLY) {
            self.look_at(lead).await?;
        }
        Ok(true)
    }

    /// `false` where the events may not be seen.
    async fn ask_by_events(&mut self, leads: &[WatchedLead]) -> Result<bool, Halt> {
        self.let_deliveries_go_first().await?;
        let moves = match self.watcher.crm.moved_since(self.since()).await {
            Ok(Some(moves)) => moves,
            Ok(None) => {
                info!("the user behind the token may not see events; leads are asked about another way");
                return Ok(false);
            }
            Err(error @ (CrmError::WrongAddress { .. } | CrmError::Refused { .. })) => {
                info!(%error, "amoCRM tells of no moves of leads; they are asked about another way");
                return Ok(false);
            }
            Err(error) => return Err(Halt::Crm(error)),
        };
        let new = moves.seen.iter().filter(|moved| !self.asked.events.contains(&moved.event_id));
        let moved: HashSet<i64> = new.map(|moved| moved.lead_id).collect();
        let moved: Vec<_> = leads.iter().filter(|lead| moved.contains(&lead.crm_lead_id)).collect();
        for lead in moved.iter().take(MOST_SINGLY) {
            self.look_at(lead).await?;
        }
        let left: HashSet<i64> = moved.iter().skip(MOST_SINGLY).map(|lead| lead.crm_lead_id).collect();
        if !left.is_empty() || !moves.is_all {
            info!("more leads were moved than are looked at in one pass; the others come next, or in turn");
        }
        let followed = moves.seen.into_iter().filter(|moved| !left.contains(&moved.lead_id));
        self.asked.events = followed.map(|moved| moved.event_id).collect();
        self.look_in_turn(leads, &moved).await?;
        Ok(true)
    }

    async fn ask_by_newest(&mut self, leads: &[WatchedLead]) -> Result<bool, Halt> {
        self.let_deliveries_go_first().await?;
        let changes = self.watcher.crm.changed_since(self.since()).await?;
        let seen: HashMap<i64, SeenLead> = changes.seen.iter().map(|seen| (seen.lead_id, *seen)).collect();
        let listed: Vec<_> = leads.iter().filter(|lead| seen.contains_key(&lead.crm_lead_id)).collect();
        for lead in &listed {
            self.take(lead, &seen[&lead.crm_lead_id]).await?;
        }
        self.look_in_turn(leads, &listed).await?;
        Ok(true)
    }

    fn since(&self) -> chrono::DateTime<chrono::Utc> {
        date(self.log.asked_at.unwrap_or(self.log.since)) - OVERLAP
    }

    /// Where not all leads are asked about at once, some are looked at by themselves each time, but not those that were seen.
    async fn look_in_turn(&mut self, leads: &[WatchedLead], seen: &[&WatchedLead]) -> Result<(), Halt> {
        let due = self.asked.in_turn(leads, self.clock(), IN_TURN + seen.len());
        let unseen = due.into_iter().filter(|lead| !seen.iter().any(|seen| seen.lead_id == lead.lead_id));
        for lead in unseen.take(IN_TURN) {
            self.look_at(lead).await?;
        }
        Ok(())
    }

    /// Looks at one lead, and what has become of it where it is not shown.
    async fn look_at(&mut self, lead: &WatchedLead) -> Result<(), Halt> {
        self.let_deliveries_go_first().await?;
        match self.watcher.crm.seen_lead(lead.crm_lead_id).await {
            Ok(Some(seen)) => self.take(lead, &seen).await,
            // Hidden from the user behind the token: it may be there.
            Err(CrmError::Forbidden { .. }) => {
                self.was_asked(lead);
                Ok(())
            }
            Err(error) => Err(Halt::Crm(error)),
            Ok(None) => self.follow(lead).instrument(lead_span(&lead.number)).await,
        }
    }

    fn was_asked(&mut self, lead: &WatchedLead) {
        self.asked.leads.insert(lead.crm_lead_id, self.clock().now());
    }

    async fn follow(&mut self, lead: &WatchedLead) -> Result<(), Halt> {
        self.was_asked(lead);
        let Watcher { watches, leads, late_notes, crm, lease, .. } = &self.watcher;
        if lead.known.gone {
            return Ok(());
        }
        let Some(row) = leads.by_number(&lead.number).await? else { return Ok(()) };
        match crm.whereabouts(lead.crm_lead_id, &row.lead, row.lead.submitted_at).await? {
            Whereabouts::There => Ok(()),
            Whereabouts::MergedInto(found) => {
                info!("the lead was merged into another one, which is watched from now on");
                late_notes.lead_moved(&lead.number, found.lead_id).await?;
                Ok(watches.merged(lease, lead, found.lead_id).await?)
            }
            Whereabouts::Gone => {
                // Nothing is shown to whom amoCRM does not let in, either.
                crm.account().await?;
                let gone = SeenLead {
                    lead_id: lead.crm_lead_id,
                    at: None,
                    created_at: None,
                    updated_at: None,
                    is_deleted: true,
                };
                self.take(lead, &gone).await
            }
        }
    }

    /// Records what a row means for a lead.
    async fn take(&mut self, lead: &WatchedLead, seen: &SeenLead) -> Result<(), Halt> {
        if seen.at.is_some_and(|at| !self.asked.order.has(Some(at.pipeline_id), at.status_id)) {
            self.list_stages(LIST_AGAIN).await?;
        }
        self.was_asked(lead);
        let (settings, now) = (self.watcher.crm.settings(), self.clock().now());
        let context = Context {
            order: &self.asked.order,
            texts: &self.watcher.texts,
            start: self.asked.order.start(settings.pipeline_id, settings.status_id),
            now,
        };
        let (meaning, known) = read(lead, seen, context);
        if known == lead.known {
            return Ok(());
        }
        if meaning == Meaning::Forward {
            // Whoever has moved it deals with it. Before that is recorded, so that no death leaves managers reminded of it.
            self.watcher.work.touched(&lead.number, IN_CRM, now).await?;
        }
        let recorded = self.watcher.watches.record(&self.watcher.lease, lead, &known).await?;
        let _span = lead_span(&lead.number).entered();
        let counters = &self.watcher.counters;
        match meaning {
            _ if !recorded => {}
            Meaning::Forward => drop(counters.forward.fetch_add(1, Ordering::Relaxed)),
            Meaning::Back => drop(counters.back.fetch_add(1, Ordering::Relaxed)),
            _ => {}
        }
        debug!(?meaning, recorded, "where a lead stands is read");
        Ok(())
    }
}
