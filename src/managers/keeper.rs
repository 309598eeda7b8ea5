//! Gives new leads to managers, changes cards when their lead has got into amoCRM, and says when nobody deals with one.

use std::time::Duration;

use chrono::TimeDelta;
use tracing::{Instrument, info, warn};

use crate::{
    clock::{Clock, Millis, date},
    config::Distribute,
    delivery::OneByOne,
    lead::LeadNumber,
    notice::{Addressed, AdminNotice, Notice, Recipients},
    store::{ASSIGNED, LeadAction, Mark, NewAction, NewMessage, NewWork, OwedWork, Store, StoreError, card_reference},
    telemetry::lead_span,
};

use super::{WorkRules, duty::whose_turn};

/// Nobody has dealt with a lead for so much working time: it is said in the chat, and then to the admin.
const FIRST_REMINDER: Duration = Duration::from_secs(15 * 60);
const LAST_REMINDER: Duration = Duration::from_secs(60 * 60);

/// Pause after the store failed.
const STORE_PAUSE: Duration = Duration::from_secs(2);

/// Looks after leads as managers work on them.
#[derive(Debug)]
pub struct WorkKeeper {
    store: Store,
    rules: WorkRules,
    recipients: Recipients,
    /// When this daemon began; what came before anybody was to be told is not told.
    began_at: Millis,
    has_begun: bool,
}

impl OneByOne for WorkKeeper {
    type Error = StoreError;

    const WAITS: &'static str = "what managers are given waits for the store";
    const PAUSE: Duration = STORE_PAUSE;

    fn clock(&self) -> Clock {
        self.store.clock()
    }

    async fn step(&mut self) -> Result<bool, StoreError> {
        if !self.has_begun {
            self.begin().await?;
            self.has_begun = true;
        }
        if self.rules.is_idle() {
            return Ok(false);
        }
        let work = self.store.lead_work();
        if let Some(owed) = work.owed().await? {
            self.give(&owed).instrument(lead_span(&owed.number)).await?;
            return Ok(true);
        }
        if work.show_again().await? > 0 {
            return Ok(true);
        }
        if let Some((owed, before)) = work.untouched().await? {
            self.remind(&owed, before).instrument(lead_span(&owed.number)).await?;
            return Ok(true);
        }
        Ok(false)
    }

    async fn next_due(&self) -> Result<Option<Millis>, StoreError> {
        // What was to be said under other settings is due for ever.
        if self.rules.is_idle() {
            return Ok(None);
        }
        self.store.lead_work().next_due().await
    }

    async fn changed(&self) {
        self.store.lead_work().changed().await;
    }
}

impl WorkKeeper {
    /// For the leader of this term.
    pub fn new(store: Store, rules: WorkRules, recipients: Recipients) -> Self {
        let began_at = store.clock().now();
        Self { store, rules, recipients, began_at, has_begun: false }
    }

    /// Since when requests are given to managers: from the first start with such settings on.
    async fn begin(&self) -> Result<(), StoreError> {
        let marks = self.store.marks();
        if self.rules.is_idle() {
            return marks.remove(&Mark::WorkSince).await;
        }
        marks.set_once(&Mark::WorkSince, &self.began_at.to_string(), None).await?;
        let since = marks.get(&Mark::WorkSince).await?.and_then(|since| since.parse().ok());
        self.store.lead_work().begin(since.unwrap_or(self.began_at)).await
    }

    /// When so much working time has passed, shortened as all pauses are.
    fn after(&self, since: Millis, working: Duration) -> Option<Millis> {
        let working = TimeDelta::milliseconds(self.clock().millis(working));
        self.rules.working.after(date(since), working).map(|at| at.timestamp_millis())
    }

    async fn give(&self, owed: &OwedWork) -> Result<(), StoreError> {
        let row = self.store.leads().by_number(&owed.number).await?;
        let is_there = row.is_some_and(|row| row.forgotten_at.is_none() && row.expired_at.is_none());
        if !is_there {
            // Wiped before anybody was told of it.
            return self.store.lead_work().not_owed(&owed.lead_id).await;
        }
        let assigned = match self.rules.distribute {
            Distribute::RoundRobin => {
                let last = self.store.marks().get(&Mark::LastOnDuty).await?.and_then(|last| last.parse().ok());
                let turn = whose_turn(&self.rules.managers, &self.rules.working, last, date(owed.since));
                turn.and_then(|manager| manager.crm_user_id)
            }
            Distribute::Off | Distribute::Take => None,
        };
        let responsible =
            assigned.map(|user_id| NewAction { about: ASSIGNED.into(), action: LeadAction::Responsible { user_id } });
        let callback = self.rules.callback_within.and_then(|within| self.callback(owed, assigned, within));
        let remind_at = self.rules.chat_id.and_then(|_| self.after(owed.since, FIRST_REMINDER));
        let actions = responsible.into_iter().chain(callback).collect();
        info!("a lead is given to managers");
        let new = NewWork { chat_id: self.rules.chat_id, remind_at, assigned, actions };
        self.store.lead_work().open(owed, new).await
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

    /// In the chat first, as an answer to the card, and then to the admin.
    async fn remind(&self, owed: &OwedWork, before: i64) -> Result<(), StoreError> {
        let now = self.clock().now();
        let minutes = |working: Duration| i64::try_from(working.as_secs() / 60).unwrap_or(i64::MAX);
        let number = owed.number.clone();
        let (message, next) = match before {
            0 => {
                let notice = Notice::Untouched { number: number.clone(), minutes: minutes(FIRST_REMINDER) };
                let notice = Notice::from(Addressed::reply(notice, card_reference(&number)));
                let message = self.rules.chat_id.map(|chat_id| NewMessage { chat_id, notice, due_at: now });
                (message, self.after(owed.since, LAST_REMINDER))
            }
            _ => {
                let notice = AdminNotice::Untouched { number, minutes: minutes(LAST_REMINDER) };
                (NewMessage::to_dealer(&self.recipients, notice, now), None)
            }
        };
        info!("nobody has dealt with a lead for long; it is said");
        self.store.lead_work().remind(&owed.lead_id, before, message.as_ref(), next).await
    }
}

/// The words of the task to call back.
fn callback_text(number: &LeadNumber) -> String {
    format!("#{} Перезвонить покупателю", number.as_str())
}
