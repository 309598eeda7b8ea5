//! What was asked of amoCRM so far, and whose turn it is.

use std::{
    collections::{HashMap, HashSet},
    time::Duration,
};

use crate::{
    clock::{Clock, Millis},
    lead::StageOrder,
    store::WatchedLead,
};

use super::ways::Ways;

/// Leads that are closed or not shown are asked about so often.
const RARELY: Duration = Duration::from_secs(3600);

/// What was asked so far, as far as it need not survive.
#[derive(Debug, Default)]
pub(super) struct Asked {
    pub(super) ways: Ways,
    pub(super) order: StageOrder,
    pub(super) listed_at: Option<Millis>,
    /// When each lead was last asked about, by amoCRM's id.
    pub(super) leads: HashMap<i64, Millis>,
    /// Events that were followed.
    pub(super) events: HashSet<String>,
}

impl Asked {
    pub(super) fn order(&self) -> &StageOrder {
        &self.order
    }

    /// Whether it is this lead's turn: those that are over are asked about rarely.
    fn is_due(&self, lead: &WatchedLead, clock: Clock) -> bool {
        let is_over = lead.known.gone || lead.known.at.is_some_and(|at| at.is_closed());
        let asked_at = self.leads.get(&lead.crm_lead_id);
        !is_over || asked_at.is_none_or(|at| clock.now() - at >= clock.millis(RARELY))
    }

    /// Whose turn it is, those first that were asked about the longest ago.
    pub(super) fn in_turn<'a>(&self, leads: &'a [WatchedLead], clock: Clock, most: usize) -> Vec<&'a WatchedLead> {
        let (mut due, _) = self.sorted(leads, clock);
        due.truncate(most);
        due
    }

    /// The same by requests that hold so many each; where one has room left, others are asked about along with them.
    pub(super) fn in_requests<'a>(
        &self,
        leads: &'a [WatchedLead],
        clock: Clock,
        each: usize,
        most: usize,
    ) -> Vec<&'a WatchedLead> {
        let (mut due, others) = self.sorted(leads, clock);
        let room = due.len().next_multiple_of(each) - due.len();
        due.extend(others.into_iter().take(room));
        due.truncate(each * most);
        due
    }

    /// Those whose turn it is and the others, each asked about the longest ago first.
    fn sorted<'a>(&self, leads: &'a [WatchedLead], clock: Clock) -> (Vec<&'a WatchedLead>, Vec<&'a WatchedLead>) {
        let mut all: Vec<_> = leads.iter().collect();
        all.sort_by_key(|lead| self.leads.get(&lead.crm_lead_id).copied().unwrap_or(0));
        all.into_iter().partition(|lead| self.is_due(lead, clock))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        lead::{CrmStatus, LeadNumber},
        store::Watched,
    };

    fn lead(crm_lead_id: i64, status_id: i64) -> WatchedLead {
        let known = Watched { at: Some(CrmStatus { pipeline_id: 1, status_id }), ..Watched::default() };
        let number = LeadNumber::parse("K7M2QXA").expect("a number");
        WatchedLead { lead_id: crm_lead_id.to_string(), number, submitted_at: 0, crm_lead_id, fresh: true, known }
    }

    fn ids(leads: &[&WatchedLead]) -> Vec<i64> {
        leads.iter().map(|lead| lead.crm_lead_id).collect()
    }

    #[test]
    fn with_many_leads_each_has_its_turn_and_those_that_are_over_take_no_room_from_others() {
        let clock = Clock::default();
        let leads: Vec<_> = (1..=5).map(|id| lead(id, 20)).chain([lead(6, 142), lead(7, 143)]).collect();
        let mut asked = Asked::default();
        // Nobody was asked about: all are due.
        assert_eq!(ids(&asked.in_requests(&leads, clock, 2, 2)), [1, 2, 3, 4]);
        let now = clock.now();
        asked.leads = leads.iter().map(|lead| (lead.crm_lead_id, now - 10 + lead.crm_lead_id)).collect();
        // What is over is asked about where there is room.
        assert_eq!(ids(&asked.in_requests(&leads, clock, 2, 9)), [1, 2, 3, 4, 5, 6]);
        assert_eq!(ids(&asked.in_requests(&leads, clock, 5, 9)), [1, 2, 3, 4, 5]);
        assert_eq!(ids(&asked.in_turn(&leads, clock, 9)), [1, 2, 3, 4, 5]);
        asked.leads.insert(1, now);
        assert_eq!(ids(&asked.in_requests(&leads, clock, 2, 1)), [2, 3]);
        // And rarely by itself.
        let later = clock.off_by(clock.millis(RARELY));
        assert_eq!(ids(&asked.in_turn(&leads[5..], clock, 9)), Vec::<i64>::new());
        assert_eq!(ids(&asked.in_turn(&leads[5..], later, 9)), [6, 7]);
        assert!(asked.in_requests(&[], clock, 2, 2).is_empty());
    }
}
