//! Gives new leads to managers, and changes cards when their lead has got into amoCRM.

use std::time::Duration;

use chrono::TimeDelta;
use tracing::{Instrument, info, warn};

use crate::{
    clock::{Clock, Millis, date},
    config::Distribute,
    delivery::OneByOne,
    lead::LeadNumber,
    store::{ASSIGNED, LeadAction, LeadWork, Leads, Mark, Marks, NewAction, NewWork, OwedWork, Store, StoreError},
    telemetry::lead_span,
};

use super::{WorkRules, duty::whose_turn, reminding::FIRST_REMINDER};

/// A managers' chat that is set later gets the leads of the day before.
const GIVEN_OF_BEFORE: Duration = Duration::from_secs(24 * 3600);

/// Pause after the store failed.
const STORE_PAUSE: Duration = Duration::from_secs(2);

/// Looks after leads as managers work on them.
#[derive(Debug)]
pub struct WorkKeeper {
    leads: Leads,
    work: LeadWork,
    marks: Marks,
    rules: WorkRules,
    /// When this daemon began; what came before anybody was to be told is not told.
    began_at: Millis,
    has_begun: bool,
    /// What came before has its card, and nothing is done in amoCRM for it.
    since: Millis,
}

impl OneByOne for WorkKeeper {
    type Error = StoreError;

    const WAITS: &'static str = "what managers are given waits for the store";
    const PAUSE: Duration = STORE_PAUSE;

    fn clock(&self) -> Clock {
        self.work.clock()
    }

    async fn step(&mut self) -> Result<bool, StoreError> {
        if !self.has_begun {
            self.begin().await?;
            self.has_begun = true;
        }
        if self.rules.is_idle() {
            return Ok(false);
        }
        if let Some(owed) = self.work.owed().await? {
            self.give(&owed).instrument(lead_span(&owed.number)).await?;
            return Ok(true);
        }
        if self.work.show_again().await? > 0 {
            return Ok(true);
        }
        Ok(false)
    }

    /// What is owed is done at once.
    async fn next_due(&self) -> Result<Option<Millis>, StoreError> {
        Ok(None)
    }

    async fn changed(&self) {
        self.work.changed().await;
    }
}

impl WorkKeeper {
    /// For the leader of this term.
    pub fn new(store: &Store, rules: WorkRules) -> Self {
        let began_at = store.clock().now();
        Self {
            leads: store.leads(),
            work: store.lead_work(),
            marks: store.marks(),
            rules,
            began_at,
            has_begun: false,
            since: began_at,
        }
    }

    /// Since when requests are given to managers: from the first start with such settings on. A chat that is set later gets
    /// those of the last day, too, and those that amoCRM does not have yet: their buyers still wait for a call. Whoever
    /// wrote longer ago was called by other ways, and a chat full of old cards is read by nobody.
    async fn begin(&mut self) -> Result<(), StoreError> {
        let (marks, work) = (&self.marks, &self.work);
        if self.rules.is_idle() {
            return marks.remove(&Mark::WorkSince).await;
        }
        let since = marks.get(&Mark::WorkSince).await?.and_then(|since| since.parse().ok());
        let has_chat = self.rules.chat.is_some();
        let before = if has_chat { self.clock().millis(GIVEN_OF_BEFORE) } else { 0 };
        // Before the mark, so that no death between the two leaves them out.
        if since.is_none() && has_chat {
            work.owe_since(self.began_at - before).await?;
        }
        self.since = since.unwrap_or(self.began_at);
        marks.set_once(&Mark::WorkSince, &self.since.to_string(), None).await?;
        work.begin(self.since - before, has_chat).await
    }

    async fn give(&self, owed: &OwedWork) -> Result<(), StoreError> {
        let row = self.leads.by_number(&owed.number).await?;
        let is_there = row.is_some_and(|row| row.forgotten_at.is_none() && row.expired_at.is_none());
        if !is_there {
            // Wiped before anybody was told of it.
            return self.work.not_owed(&owed.lead_id).await;
        }
        if owed.since < self.since {
            let remind_at = self.rules.after(self.clock(), self.since, FIRST_REMINDER);
            let new = NewWork { chat: self.rules.chat, remind_at, ..NewWork::default() };
            let owed = OwedWork { since: self.since, ..owed.clone() };
            info!("a lead of before there was a managers' chat is given to managers");
            return self.work.open(&owed, new).await;
        }
        let assigned = match self.rules.distribute {
            Distribute::RoundRobin => {
                let last = self.marks.get(&Mark::LastOnDuty).await?.and_then(|last| last.parse().ok());
                let turn = whose_turn(&self.rules.managers, &self.rules.working, last, date(owed.since));
                turn.and_then(|manager| manager.crm_user_id)
            }
            Distribute::Off | Distribute::Take => None,
        };
        let responsible =
            assigned.map(|user_id| NewAction { about: ASSIGNED.into(), action: LeadAction::Responsible { user_id } });
        let callback = self.rules.callback_within.and_then(|within| self.callback(owed, assigned, within));
        let remind_at = self.rules.chat.and_then(|_| self.rules.after(self.clock(), owed.since, FIRST_REMINDER));
        let actions = responsible.into_iter().chain(callback).collect();
        info!("a lead is given to managers");
        let new = NewWork { chat: self.rules.chat, remind_at, assigned, actions };
        self.work.open(owed, new).await
    }

    /// The task to call back, within working time.
    fn callback(&self, owed: &OwedWork, user_id: Option<i64>, within: Duration) -> Option<NewAction> {
        let within = TimeDelta::from_std(within).ok()?;
        let Some(till) = self.rules.hours_of_user(user_id).after(date(owed.since), within) else {
            warn!("nobody ever works, so there is no task to call back");
            return None;
        };
        let text = callback_text(&owed.number);
        let action = LeadAction::Task { text, complete_till: till.timestamp(), user_id };
        Some(NewAction { about: "callback".into(), action })
    }
}

/// The words of the task to call back.
fn callback_text(number: &LeadNumber) -> String {
    format!("#{} Перезвонить покупателю", number.as_str())
}
