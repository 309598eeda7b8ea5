//! Says when nobody deals with a lead. Whether somebody has done so in amoCRM is looked at right before, and now and then in
//! between; where amoCRM does not tell in time, it is said all the same.

use std::{collections::HashMap, time::Duration};

use chrono::TimeDelta;
use tokio_util::sync::CancellationToken;
use tracing::{Instrument, info};

use crate::{
    clock::{Clock, Millis, date},
    delivery::OneByOne,
    notice::{Addressed, AdminNotice, Notice, Recipients},
    store::{LeadWork, NewMessage, Store, StoreError, Untouched, card_reference},
    telemetry::lead_span,
};

use super::{Looking, WorkRules};

/// Nobody has dealt with a lead for so much working time: it is said in the chat, and then to the admin.
pub(super) const FIRST_REMINDER: Duration = Duration::from_secs(15 * 60);
const LAST_REMINDER: Duration = Duration::from_secs(60 * 60);

/// Pause after the store failed.
const STORE_PAUSE: Duration = Duration::from_secs(2);

/// amoCRM is given so long to say whether somebody has dealt with the leads of which it is to be said that nobody has. Real
/// time, as its answers take.
const LOOK_WITHIN: Duration = Duration::from_secs(10);

/// Pause after it did not tell.
const NOT_ASKED_FOR: Duration = Duration::from_secs(120);

/// In between leads are looked at so often, while a reminder is owed and afterwards …
const LOOK_EVERY: Duration = Duration::from_secs(5 * 60);
const LOOK_RARELY: Duration = Duration::from_secs(3600);

/// … as long as they are no older, and so many at once.
const LOOKED_AT_FOR: Duration = Duration::from_secs(7 * 24 * 3600);
const MOST_AT_ONCE: usize = 20;

/// Says when nobody deals with leads.
#[derive(Debug)]
pub struct Reminding {
    work: LeadWork,
    rules: WorkRules,
    recipients: Recipients,
    /// `None` without amoCRM.
    looking: Option<Looking>,
    stop: CancellationToken,
    /// When each lead was looked at last.
    looked_at: HashMap<String, Millis>,
    not_before: Millis,
}

impl OneByOne for Reminding {
    type Error = StoreError;

    const WAITS: &'static str = "what managers are reminded of waits for the store";
    const PAUSE: Duration = STORE_PAUSE;

    fn clock(&self) -> Clock {
        self.work.clock()
    }

    async fn step(&mut self) -> Result<bool, StoreError> {
        if self.rules.is_idle() {
            return Ok(false);
        }
        let untouched = self.work.untouched().await?;
        if untouched.is_empty() {
            self.look_at_others().await?;
            return Ok(false);
        }
        self.look_at(untouched.clone()).await;
        if self.stop.is_cancelled() {
            return Ok(false);
        }
        // Of those that somebody has dealt with meanwhile the store says nothing.
        for lead in &untouched {
            self.remind(lead).instrument(lead_span(&lead.owed.number)).await?;
        }
        Ok(true)
    }

    async fn next_due(&self) -> Result<Option<Millis>, StoreError> {
        // What was to be said under other settings is due for ever.
        if self.rules.is_idle() {
            return Ok(None);
        }
        self.work.next_due().await
    }

    /// Nothing is due sooner than it is looked anyway.
    async fn changed(&self) {
        std::future::pending().await
    }
}

impl Reminding {
    /// For the leader of this term.
    pub fn new(
        store: &Store,
        rules: WorkRules,
        recipients: Recipients,
        looking: Option<Looking>,
        stop: CancellationToken,
    ) -> Self {
        Self { work: store.lead_work(), rules, recipients, looking, stop, looked_at: HashMap::new(), not_before: 0 }
    }

    /// Leads of which nothing is to be said now: that somebody deals with them is known soon, and counted.
    async fn look_at_others(&mut self) -> Result<(), StoreError> {
        if self.looking.is_none() || self.rules.chat.is_none() {
            return Ok(());
        }
        let clock = self.clock();
        let now = clock.now();
        let untouched = self.work.untouched_since(now - clock.millis(LOOKED_AT_FOR)).await?;
        self.looked_at.retain(|lead_id, _| untouched.iter().any(|lead| lead.owed.lead_id == *lead_id));
        let last = |lead: &Untouched| self.looked_at.get(&lead.owed.lead_id).copied().unwrap_or(lead.owed.since);
        let is_time = |lead: &Untouched| {
            let every = if lead.remind_at.is_some() { LOOK_EVERY } else { LOOK_RARELY };
            now - last(lead) >= clock.millis(every)
        };
        let mut others: Vec<Untouched> = untouched.into_iter().filter(is_time).collect();
        others.sort_by_key(last);
        others.truncate(MOST_AT_ONCE);
        self.look_at(others).await;
        Ok(())
    }

    /// Asks amoCRM about leads; by itself, so that nothing is broken off half-way where it takes too long.
    async fn look_at(&mut self, leads: Vec<Untouched>) {
        let clock = self.clock();
        let Some(looking) = self.looking.clone() else { return };
        let leads: Vec<Untouched> = leads.into_iter().filter(|lead| lead.crm_lead_id.is_some()).collect();
        if leads.is_empty() || clock.now() < self.not_before {
            return;
        }
        let now = clock.now();
        self.looked_at.extend(leads.iter().map(|lead| (lead.owed.lead_id.clone(), now)));
        let looks = tokio::spawn(async move { looking.look_at(leads).await });
        let ended = tokio::select! {
            ended = tokio::time::timeout(LOOK_WITHIN, looks) => ended,
            () = self.stop.cancelled() => return,
        };
        let why = match ended {
            Ok(Ok(Ok(()))) => return,
            Ok(Ok(Err(error))) => error.to_string(),
            Ok(Err(_)) => "it was broken off".to_owned(),
            Err(_) => "it takes too long".to_owned(),
        };
        info!(why, "amoCRM does not tell whether somebody has dealt with leads");
        self.not_before = clock.now() + clock.millis(NOT_ASKED_FOR);
    }

    /// In the chat first, as an answer to the card, and then to the admin.
    async fn remind(&self, lead: &Untouched) -> Result<(), StoreError> {
        let (now, work, owed) = (self.clock().now(), &self.work, &lead.owed);
        let is_first = lead.reminders == 0;
        let due_at = self.after(owed.since, if is_first { FIRST_REMINDER } else { LAST_REMINDER });
        if let Some(due_at) = due_at.filter(|due_at| *due_at > now) {
            // It was given again, or managers have other hours now.
            return work.remind_later(&owed.lead_id, lead.reminders, due_at).await;
        }
        let minutes = |working: Duration| i64::try_from(working.as_secs() / 60).unwrap_or(i64::MAX);
        let number = owed.number.clone();
        let (message, next) = match is_first {
            true => {
                let notice = Notice::Untouched { number: number.clone(), minutes: minutes(FIRST_REMINDER) };
                let notice = Notice::from(Addressed::reply(notice, card_reference(&number)));
                let message = self.rules.chat.map(|chat| NewMessage { chat, notice, due_at: now });
                (message, self.after(owed.since, LAST_REMINDER))
            }
            false => {
                let notice = AdminNotice::Untouched { number, minutes: minutes(LAST_REMINDER) };
                (NewMessage::to_dealer(&self.recipients, notice, now), None)
            }
        };
        info!("nobody has dealt with a lead for long; it is said where that is still so");
        work.remind(&owed.lead_id, lead.reminders, message.as_ref(), next).await
    }

    fn after(&self, since: Millis, working: Duration) -> Option<Millis> {
        self.rules.after(self.clock(), since, working)
    }
}

impl WorkRules {
    /// When so much working time has passed, shortened as all pauses are.
    pub(super) fn after(&self, clock: Clock, since: Millis, working: Duration) -> Option<Millis> {
        let working = TimeDelta::milliseconds(clock.millis(working));
        self.working.after(date(since), working).map(|at| at.timestamp_millis())
    }
}
