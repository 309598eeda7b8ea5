//! What the admin is told and when: outage opened, growing, over; and single pieces of news.
//!
//! An alert is opened once, reminded of at growing intervals, and closed with a summary. Its state and the messages
//! that tell of it are one commit, so it survives restarts and a Telegram that cannot be reached. Only what concerns
//! the store itself is sent past the store.

mod flood;
mod outside;
mod past_the_store;
mod polls;
mod relay;
mod second_way;
mod tokens;

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use serde::{Deserialize, Serialize};
use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use crate::{
    clock::{Clock, Millis},
    crm::amocrm::Crm,
    delivery::{Health, is_asked_for, shortages},
    lead::Lead,
    notice::{AdminNotice, LeadCopy, Notice, Recipient, Recipients, Shortage, ToAdmin, Trouble},
    store::{NewMessage, OpenAlert, Store, StoreError},
    telegram::pace::Pause,
};

pub use outside::text as for_outside;
pub use past_the_store::PastTheStore;
pub use polls::{POLLS, PollWatch};
pub use relay::Relay;
pub use second_way::{SecondWay, UnusableWay};
pub use tokens::{REFRESH, TokenWatch};

pub use crate::store::OUTAGE;

/// Name of the alert about what leads go on without.
const SHORT: &str = crate::delivery::SHORTAGES_ALERT;

/// "Not paid for" that lasts no longer is amoCRM's own matter: it was seen for some 9 minutes at night.
const UNPAID_TOLERATED: Duration = Duration::from_secs(15 * 60);

/// Reminders after the first message, then every [`LATER_REMINDERS`].
const REMINDERS: [Duration; 2] = [Duration::from_secs(15 * 60), Duration::from_secs(60 * 60)];
const LATER_REMINDERS: Duration = Duration::from_secs(6 * 3600);

const HOUR: Duration = Duration::from_secs(3600);

/// A backlog that has doubled is worth a reminder, once it is no longer tiny.
const DOUBLING_FROM: i64 = 5;

/// An outage is over when its backlog is through; if single leads keep failing, then after so long without trouble.
const OVER_AT_LAST: Duration = Duration::from_secs(10 * 60);

/// What Telegram does not take within this goes by the second way.
const NOT_TAKEN: Duration = Duration::from_secs(5 * 60);

/// How often the state is looked at.
const LOOK: Duration = Duration::from_secs(1);

/// After looks that failed pauses grow up to this.
const LAST_PAUSE: Duration = Duration::from_secs(30);

/// Leads in one message of copies (five of the longest fit Telegram's 4096 characters whole), and copied at one look.
const COPIES_IN_MESSAGE: usize = 5;
const COPIES_AT_ONCE: i64 = 200;

/// What an open alert is about.
pub fn trouble_of_alert(alert: &OpenAlert) -> Option<Trouble> {
    #[derive(Deserialize)]
    struct About {
        trouble: Trouble,
    }
    serde_json::from_str::<About>(&alert.body).ok().map(|about| about.trouble)
}

/// The state of the outage alert between messages.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Outage {
    trouble: Trouble,
    /// Troubles told since the last reminder. amoCRM's front may go to and fro between two of them with every try.
    #[serde(default)]
    told: Vec<Trouble>,
    reminders: u32,
    next_reminder_at: Millis,
    waiting_when_told: i64,
    /// Since when amoCRM works again while the backlog is not yet through.
    works_since: Option<Millis>,
}

/// Tells the admin.
#[derive(Debug)]
pub struct Alerts {
    store: Store,
    clock: Clock,
    past_the_store: PastTheStore,
    recipients: Recipients,
    /// Waiting leads are copied to the admin during an outage.
    copies: bool,
    leads_alarm: Option<u32>,
    /// What leads may go without is what its settings ask for.
    crm: Option<Crm>,
    /// When requests are counted next.
    count_at: Millis,
    health: watch::Receiver<Health>,
    /// Whether the admin knows that the store refuses writes; in memory, because it cannot be anywhere else.
    store_trouble: Arc<AtomicBool>,
}

/// When the next reminder is due after the one numbered `reminders` (from 0, which is the first message).
fn next_reminder(opened_at: Millis, now: Millis, reminders: u32, clock: Clock) -> Millis {
    match REMINDERS.get(reminders as usize) {
        Some(after) => opened_at + clock.millis(*after),
        None => now + clock.millis(LATER_REMINDERS),
    }
}

impl Alerts {
    /// Alerts for these recipients, with copies of waiting leads if that is wanted, fed by the delivery's health.
    pub fn new(
        store: Store,
        past_the_store: PastTheStore,
        recipients: Recipients,
        copies: bool,
        leads_alarm: Option<u32>,
        health: watch::Receiver<Health>,
        store_trouble: Arc<AtomicBool>,
    ) -> Self {
        let clock = store.clock();
        let count_at = Millis::MIN;
        let crm = None;
        Self { store, clock, past_the_store, recipients, copies, leads_alarm, crm, count_at, health, store_trouble }
    }

    /// Alerts of what this account's settings ask for.
    pub fn with_crm(self, crm: Option<Crm>) -> Self {
        Self { crm, ..self }
    }

    /// Runs until stopped.
    pub async fn run(mut self, mut line: mpsc::UnboundedReceiver<ToAdmin>, stop: CancellationToken) {
        let mut watching = true;
        let mut pause = Pause::new(LOOK, LAST_PAUSE);
        loop {
            tokio::select! {
                sent = line.recv() => match sent {
                    Some(sent) => self.take(sent).await,
                    None => return,
                },
                // Without amoCRM there is no health to tell of, but all else that is sent.
                changed = self.health.changed(), if watching => watching = changed.is_ok(),
                () = tokio::time::sleep(self.clock.period(LOOK)) => {}
                () = stop.cancelled() => return,
            }
            if let Err(error) = self.look().await {
                warn!(%error, "alerts wait for the store");
                tokio::select! {
                    () = self.clock.sleep(pause.grow()) => {}
                    () = stop.cancelled() => return,
                }
            } else {
                pause.reset();
            }
        }
    }

    async fn take(&self, sent: ToAdmin) {
        match sent {
            ToAdmin::StoreFailed(detail) => {
                if !self.store_trouble.swap(true, Ordering::Relaxed) {
                    self.past_the_store.tell(AdminNotice::StoreTrouble { detail });
                }
            }
            ToAdmin::StoreRecovered => {
                if self.store_trouble.swap(false, Ordering::Relaxed) {
                    self.past_the_store.tell_over(AdminNotice::StoreWorks);
                }
            }
            ToAdmin::Notice(notice) => {
                if let Some(message) = self.message(*notice)
                    && let Err(error) = self.store.outbox().enqueue(&message).await
                {
                    warn!(%error, "what the admin was to be told could not be stored");
                }
            }
        }
    }

    fn message(&self, notice: AdminNotice) -> Option<NewMessage> {
        NewMessage::to_dealer(&self.recipients, notice, self.clock.now())
    }

    /// Compares what is with what the admin knows, and tells the difference.
    async fn look(&mut self) -> Result<(), StoreError> {
        self.look_for_a_flood().await?;
        let trouble = {
            let health = self.health.borrow_and_update();
            let quiet = |(trouble, _): &(Trouble, Millis)| {
                *trouble == Trouble::NotPaid
                    && self.clock.now() - health.kind_since < self.clock.millis(UNPAID_TOLERATED)
            };
            (health.trouble.clone(), health.trouble.as_ref().is_some_and(quiet))
        };
        let open = self.store.open_alerts().get(OUTAGE).await?;
        let known = open.as_ref().and_then(|open| serde_json::from_str::<Outage>(&open.body).ok());
        match (trouble.0, open, known) {
            (None, None, _) => {}
            // Paid accounts are called unpaid for minutes at night.
            (Some(_), None, _) if trouble.1 => {}
            (Some(_), Some(_), Some(known)) if trouble.1 && known.trouble != Trouble::NotPaid => {}
            (Some((trouble, since)), None, _) => self.open_outage(trouble, since).await?,
            (Some((trouble, _)), Some(open), Some(known)) => self.outage_goes_on(trouble, open, known).await?,
            (None, Some(open), Some(known)) => self.outage_may_be_over(open, known).await?,
            // Another version wrote it: begin again.
            (_, Some(_), None) => self.store.open_alerts().close(OUTAGE, &[]).await?,
        }
        if let Some(chat_id) = self.recipients.chat(Recipient::Operator) {
            self.look_at_unreadable(chat_id).await?;
            let alerts = self.store.open_alerts();
            let rejected = alerts
                .untold_rejections()
                .await?
                .into_iter()
                .map(|(number, error)| (number.clone(), Notice::Admin(AdminNotice::Rejected { number, error })));
            let stuck = alerts
                .untold_stuck()
                .await?
                .into_iter()
                .map(|(number, error)| (number.clone(), Notice::Admin(AdminNotice::Stuck { number, error })));
            let told: Vec<_> = rejected.chain(stuck).collect();
            if !told.is_empty() {
                alerts.tell_of_leads(chat_id, &told).await?;
            }
        }
        self.look_at_shortages().await
    }

    /// Names once what stands in the store and cannot be read.
    async fn look_at_unreadable(&self, chat_id: i64) -> Result<(), StoreError> {
        let untold = self.store.open_alerts().untold_unreadable().await?;
        if untold.leads.is_empty() && untold.chats.is_empty() {
            return Ok(());
        }
        let notice = AdminNotice::Unreadable { leads: untold.leads.clone(), chats: untold.chats.clone() };
        let message = NewMessage { chat_id, notice: Notice::Admin(notice), due_at: self.clock.now() };
        self.store.open_alerts().tell_of_unreadable(&untold, &message).await
    }

    /// Tells once what leads go on without, and once that it is over.
    async fn look_at_shortages(&self) -> Result<(), StoreError> {
        // Delivery forgets, at the same time, what the settings do not ask for any more.
        let is_asked_for = |what: &Shortage| self.crm.as_ref().is_none_or(|crm| is_asked_for(what, crm.settings()));
        let short = shortages(&self.store).await?.into_iter().map(|short| short.what);
        let short: Vec<Shortage> = short.filter(is_asked_for).collect();
        let open = self.store.open_alerts().get(SHORT).await?;
        let known: Vec<Shortage> =
            open.as_ref().and_then(|open| serde_json::from_str(&open.body).ok()).unwrap_or_default();
        let known: Vec<Shortage> = known.into_iter().filter(is_asked_for).collect();
        if short == known {
            return Ok(());
        }
        let without = |all: &[Shortage], these: &[Shortage]| -> Vec<Shortage> {
            all.iter().filter(|one| !these.contains(one)).cloned().collect()
        };
        let (new, over) = (without(&short, &known), without(&known, &short));
        let mut messages = Vec::new();
        if !new.is_empty() {
            messages.extend(self.message(AdminNotice::GoesOnWithout { shortages: new }));
        }
        if !over.is_empty() {
            messages.extend(self.message(AdminNotice::TakenAgain { shortages: over }));
        }
        if short.is_empty() {
            return self.store.open_alerts().close(SHORT, &messages).await;
        }
        let opened_at = open.map_or_else(|| self.clock.now(), |open| open.opened_at);
        self.store
            .open_alerts()
            .save(SHORT, &OpenAlert { opened_at, body: crate::store::json(&short) }, &messages)
            .await
    }

    async fn open_outage(&self, trouble: Trouble, since: Millis) -> Result<(), StoreError> {
        let now = self.clock.now();
        let (waiting, _) = self.store.leads().waiting().await?;
        let outage = Outage {
            trouble: trouble.clone(),
            told: vec![trouble.clone()],
            reminders: 0,
            // From now on: it may have lasted for a while before it was worth telling.
            next_reminder_at: next_reminder(now, now, 0, self.clock),
            waiting_when_told: waiting,
            works_since: None,
        };
        info!(?trouble, waiting, "leads do not reach amoCRM");
        self.save(since, &outage, self.message(AdminNotice::OutageOpened { trouble, since, waiting })).await?;
        self.copy_leads().await
    }

    async fn outage_goes_on(&self, trouble: Trouble, open: OpenAlert, known: Outage) -> Result<(), StoreError> {
        let now = self.clock.now();
        let (waiting, oldest) = self.store.leads().waiting().await?;
        // amoCRM may say the same in other words each time.
        let told = |other: &Trouble| other.label() == trouble.label();
        let changed = !told(&known.trouble) && !known.told.iter().any(told);
        let doubled = waiting >= DOUBLING_FROM && waiting >= 2 * known.waiting_when_told.max(1);
        let due = now >= known.next_reminder_at;
        if changed || doubled || due {
            let reminders = known.reminders + u32::from(due);
            let mut told = if due { Vec::new() } else { known.told };
            told.push(trouble.clone());
            let outage = Outage {
                trouble: trouble.clone(),
                told,
                reminders,
                next_reminder_at: if due {
                    next_reminder(open.opened_at, now, reminders, self.clock)
                } else {
                    known.next_reminder_at
                },
                waiting_when_told: waiting,
                works_since: None,
            };
            let since = open.opened_at;
            let notice = if changed {
                AdminNotice::OutageChanged { trouble, waiting }
            } else {
                AdminNotice::OutageGoesOn { trouble, since, waiting, oldest }
            };
            self.save(since, &outage, self.message(notice)).await?;
        } else if known.works_since.is_some() || known.trouble != trouble {
            self.save(open.opened_at, &Outage { trouble, works_since: None, ..known }, None).await?;
        }
        self.copy_leads().await
    }

    async fn outage_may_be_over(&self, open: OpenAlert, known: Outage) -> Result<(), StoreError> {
        let now = self.clock.now();
        // After a restart nothing is known yet: while leads wait, the alert stays until amoCRM has really answered.
        if self.health.borrow().last_success.is_none() && self.store.leads().waiting().await?.0 > 0 {
            return Ok(());
        }
        let left = self.store.leads().waiting_told().await?;
        let Some(works_since) = known.works_since else {
            let outage = Outage { works_since: Some(now), ..known };
            self.save(open.opened_at, &outage, None).await?;
            return if left == 0 { self.close_outage(open.opened_at).await } else { Ok(()) };
        };
        if left == 0 || now - works_since > self.clock.millis(OVER_AT_LAST) {
            self.close_outage(open.opened_at).await?;
        }
        Ok(())
    }

    async fn close_outage(&self, opened_at: Millis) -> Result<(), StoreError> {
        let now = self.clock.now();
        let (delivered, oldest_waited) = self.store.leads().delivered_late(opened_at).await?;
        let rejected = self.store.leads().totals(now).await?.rejected;
        let lasted = now - opened_at;
        info!(delivered, rejected, seconds = lasted / 1000, "the outage is over");
        let over = AdminNotice::OutageOver { lasted, delivered, oldest_waited, rejected };
        let messages = Vec::from_iter(self.message(over));
        self.store.open_alerts().close(OUTAGE, &messages).await
    }

    async fn save(&self, opened_at: Millis, outage: &Outage, tell: Option<NewMessage>) -> Result<(), StoreError> {
        let alert = OpenAlert { opened_at, body: crate::store::json(outage) };
        self.store.open_alerts().save(OUTAGE, &alert, &Vec::from_iter(tell)).await
    }

    async fn copy_leads(&self) -> Result<(), StoreError> {
        if let Some(chat_id) = self.recipients.chat(Recipient::Operator).filter(|_| self.copies) {
            self.store.open_alerts().copy_to_admin(chat_id, COPIES_IN_MESSAGE, COPIES_AT_ONCE, copies).await?;
        }
        Ok(())
    }
}

/// Copies of leads for the admin.
fn copies(leads: &[Lead]) -> Notice {
    Notice::Admin(AdminNotice::Copies { leads: leads.iter().map(LeadCopy::of).collect() })
}

/// Without amoCRM settings every lead is copied to the admin as it comes.
pub async fn ping_without_crm(store: Store, recipients: Recipients, stop: CancellationToken) {
    let (clock, queue) = (store.clock(), store.lead_queue());
    let mut pause = Pause::new(LOOK, LAST_PAUSE);
    while !stop.is_cancelled() {
        if let Some(chat_id) = recipients.chat(Recipient::Operator)
            && let Err(error) = store.open_alerts().copy_to_admin(chat_id, 1, COPIES_AT_ONCE, copies).await
        {
            warn!(%error, "new leads could not be copied to the admin");
            tokio::select! {
                () = clock.sleep(pause.grow()) => {}
                () = stop.cancelled() => {}
            }
        } else {
            pause.reset();
        }
        tokio::select! {
            () = queue.changed() => {}
            () = tokio::time::sleep(clock.period(LOOK)) => {}
            () = stop.cancelled() => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reminders_come_after_15_minutes_an_hour_and_then_every_six() {
        let clock = Clock::default();
        let minutes = |at: Millis| at / 60_000;
        assert_eq!(minutes(next_reminder(0, 0, 0, clock)), 15);
        assert_eq!(minutes(next_reminder(0, 15 * 60_000, 1, clock)), 60);
        assert_eq!(minutes(next_reminder(0, 60 * 60_000, 2, clock)), 60 + 360);
        assert_eq!(minutes(next_reminder(0, 420 * 60_000, 3, clock)), 420 + 360);
    }
}
