//! An outage: leads do not reach amoCRM. Told once, when it changes, when the backlog has doubled, at growing intervals,
//! and when it is over.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use tracing::info;

use super::{Alerts, OUTAGE};
use crate::{
    clock::{Clock, Millis},
    notice::{AdminNotice, Trouble},
    store::{NewMessage, OpenAlert, StoreError},
};

/// "Not paid for" that lasts no longer is amoCRM's own matter: it was seen for some 9 minutes at night.
const UNPAID_TOLERATED: Duration = Duration::from_secs(15 * 60);

/// Reminders after the first message, then every [`LATER_REMINDERS`].
const REMINDERS: [Duration; 2] = [Duration::from_secs(15 * 60), Duration::from_secs(60 * 60)];

const LATER_REMINDERS: Duration = Duration::from_secs(6 * 3600);

/// A backlog that has doubled is worth a reminder, once it is no longer tiny.
const DOUBLING_FROM: i64 = 5;

/// An outage is over when its backlog is through; if single leads keep failing, then after so long without trouble.
const OVER_AT_LAST: Duration = Duration::from_secs(10 * 60);

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

/// When the next reminder is due after the one numbered `reminders` (from 0, which is the first message).
pub(super) fn next_reminder(opened_at: Millis, now: Millis, reminders: u32, clock: Clock) -> Millis {
    match REMINDERS.get(reminders as usize) {
        Some(after) => opened_at + clock.millis(*after),
        None => now + clock.millis(LATER_REMINDERS),
    }
}

impl Alerts {
    /// Compares how leads get through with what the admin knows of it, and tells the difference.
    pub(super) async fn look_at_the_outage(&mut self, open: Option<OpenAlert>) -> Result<(), StoreError> {
        let trouble = {
            let health = self.health.borrow_and_update();
            let quiet = |(trouble, _): &(Trouble, Millis)| {
                *trouble == Trouble::NotPaid
                    && self.clock.now() - health.kind_since < self.clock.millis(UNPAID_TOLERATED)
            };
            (health.trouble.clone(), health.trouble.as_ref().is_some_and(quiet))
        };
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
            (_, Some(_), None) => self.open_alerts.close(OUTAGE, &[]).await?,
        }
        Ok(())
    }

    async fn open_outage(&self, trouble: Trouble, since: Millis) -> Result<(), StoreError> {
        let now = self.clock.now();
        let (waiting, _) = self.leads.waiting().await?;
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
        let (waiting, oldest) = self.leads.waiting().await?;
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
        if self.health.borrow().last_success.is_none() && self.leads.waiting().await?.0 > 0 {
            return Ok(());
        }
        let left = self.leads.waiting_told().await?;
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
        let (delivered, oldest_waited) = self.leads.delivered_late(opened_at).await?;
        let rejected = self.leads.totals(now).await?.rejected;
        let lasted = now - opened_at;
        info!(delivered, rejected, seconds = lasted / 1000, "the outage is over");
        let over = AdminNotice::OutageOver { lasted, delivered, oldest_waited, rejected };
        let messages = Vec::from_iter(self.message(over));
        self.open_alerts.close(OUTAGE, &messages).await
    }

    async fn save(&self, opened_at: Millis, outage: &Outage, tell: Option<NewMessage>) -> Result<(), StoreError> {
        let alert = OpenAlert { opened_at, body: crate::store::json(outage) };
        self.open_alerts.save(OUTAGE, &alert, &Vec::from_iter(tell)).await
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
