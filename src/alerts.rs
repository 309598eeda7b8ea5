//! What the admin is told and when: outage opened, growing, over; and single pieces of news.
//!
//! An alert is opened once, reminded of at growing intervals, and closed with a summary. Its state and the messages
//! that tell of it are one commit, so it survives restarts and a Telegram that cannot be reached. Only what concerns
//! the store itself is sent past the store.

mod copies;
mod flood;
mod outage;
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

use serde::Deserialize;
use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;
use tracing::warn;

use crate::{
    clock::{Clock, Millis},
    crm::amocrm::Crm,
    delivery::{Health, Short, is_asked_for, shortages},
    lead::{ChatRef, Lead},
    notice::{AdminNotice, LeadCopy, Notice, Recipient, Recipients, Shortage, ToAdmin, Trouble},
    store::{LeadQueue, Leads, Marks, NewMessage, OpenAlert, OpenAlerts, Outbox, Store, StoreError},
    telegram::pace::Pause,
};

pub use copies::{CopiesKept, copies_fail, copies_were_told, forget_copies};
pub use outside::text as for_outside;
pub use past_the_store::PastTheStore;
pub use polls::{POLLS, PollWatch, polls_failing_since};
pub use relay::Relay;
pub use second_way::{SecondWay, UnusableWay};
pub use tokens::{REFRESH, TokenWatch};

pub use crate::store::OUTAGE;

/// Name of the alert about what leads go on without.
const SHORT: &str = crate::delivery::SHORTAGES_ALERT;

/// Name of the alert about copies of the store that are not made.
const COPIES: &str = "copies";

/// Name of the alert about far more requests than usual.
const FLOOD: &str = "flood";

const HOUR: Duration = Duration::from_secs(3600);

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

/// Tells the admin.
#[derive(Debug)]
pub struct Alerts {
    leads: Leads,
    marks: Marks,
    open_alerts: OpenAlerts,
    outbox: Outbox,
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
    /// When it is looked next how copies of the store go.
    copies_at: Millis,
    health: watch::Receiver<Health>,
    /// Whether the admin knows that the store refuses writes; in memory, because it cannot be anywhere else.
    store_trouble: Arc<AtomicBool>,
}

impl Alerts {
    /// Alerts for these recipients, with copies of waiting leads if that is wanted, fed by the delivery's health.
    pub fn new(
        store: &Store,
        past_the_store: PastTheStore,
        recipients: Recipients,
        copies: bool,
        leads_alarm: Option<u32>,
        health: watch::Receiver<Health>,
        store_trouble: Arc<AtomicBool>,
    ) -> Self {
        Self {
            leads: store.leads(),
            marks: store.marks(),
            open_alerts: store.open_alerts(),
            outbox: store.outbox(),
            clock: store.clock(),
            past_the_store,
            recipients,
            copies,
            leads_alarm,
            crm: None,
            count_at: Millis::MIN,
            copies_at: Millis::MIN,
            health,
            store_trouble,
        }
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
                    && let Err(error) = self.outbox.enqueue(&message).await
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
        // Read before what the admin was told of, as `delivery/shortage` counts on.
        let short = shortages(&self.marks).await?;
        let mut open = self.open_alerts.of(&[FLOOD, OUTAGE, COPIES, SHORT]).await?;
        self.look_for_a_flood(open.remove(FLOOD)).await?;
        self.look_at_the_outage(open.remove(OUTAGE)).await?;
        self.look_at_copies(open.remove(COPIES)).await?;
        if let Some(chat) = self.recipients.chat(Recipient::Operator)
            && self.open_alerts.has_untold().await?
        {
            self.look_at_unreadable(chat).await?;
            let alerts = &self.open_alerts;
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
                alerts.tell_of_leads(chat, &told).await?;
            }
        }
        self.look_at_shortages(short, open.remove(SHORT)).await
    }

    /// Names once what is in the store and cannot be read.
    async fn look_at_unreadable(&self, chat: ChatRef) -> Result<(), StoreError> {
        let untold = self.open_alerts.untold_unreadable().await?;
        if untold.leads.is_empty() && untold.chats.is_empty() {
            return Ok(());
        }
        let notice = AdminNotice::Unreadable { leads: untold.leads.clone(), chats: untold.chats.clone() };
        let message = NewMessage { chat, notice: Notice::Admin(notice), due_at: self.clock.now() };
        self.open_alerts.tell_of_unreadable(&untold, &message).await
    }

    /// Tells once what leads go on without, and once that it is over.
    async fn look_at_shortages(&self, short: Vec<Short>, open: Option<OpenAlert>) -> Result<(), StoreError> {
        // Delivery forgets, at the same time, what the settings do not ask for any more.
        let is_asked_for = |what: &Shortage| self.crm.as_ref().is_none_or(|crm| is_asked_for(what, crm.settings()));
        let short = short.into_iter().map(|short| short.what);
        let short: Vec<Shortage> = short.filter(is_asked_for).collect();
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
            return self.open_alerts.close(SHORT, &messages).await;
        }
        let opened_at = open.map_or_else(|| self.clock.now(), |open| open.opened_at);
        self.open_alerts.save(SHORT, &OpenAlert { opened_at, body: crate::store::json(&short) }, &messages).await
    }

    async fn copy_leads(&self) -> Result<(), StoreError> {
        if let Some(chat) = self.recipients.chat(Recipient::Operator).filter(|_| self.copies) {
            self.open_alerts.copy_to_admin(chat, COPIES_IN_MESSAGE, COPIES_AT_ONCE, copies).await?;
        }
        Ok(())
    }
}

/// Copies of leads for the admin.
fn copies(leads: &[Lead]) -> Notice {
    Notice::Admin(AdminNotice::Copies { leads: leads.iter().map(LeadCopy::of).collect() })
}

/// Without amoCRM settings every lead is copied to the admin as it comes.
pub async fn ping_without_crm(
    open_alerts: OpenAlerts,
    queue: LeadQueue,
    recipients: Recipients,
    stop: CancellationToken,
) {
    let clock = queue.clock();
    let mut pause = Pause::new(LOOK, LAST_PAUSE);
    while !stop.is_cancelled() {
        if let Some(chat) = recipients.chat(Recipient::Operator)
            && let Err(error) = open_alerts.copy_to_admin(chat, 1, COPIES_AT_ONCE, copies).await
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
