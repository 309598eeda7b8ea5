//! Far more requests than usual: told once, reminded of at growing intervals while it lasts, and told when it is over.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::{
    clock::Millis,
    notice::AdminNotice,
    store::{OpenAlert, StoreError},
};

use super::{Alerts, FLOOD, outage::next_reminder};

/// How often requests are counted.
const COUNT: Duration = Duration::from_secs(10);

/// The state of the alert between messages.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Flood {
    reminders: u32,
    next_reminder_at: Millis,
}

impl Alerts {
    /// Compares what has come within the last hour with what is usual.
    pub(super) async fn look_for_a_flood(&mut self, open: Option<OpenAlert>) -> Result<(), StoreError> {
        let now = self.clock.now();
        let Some(usual) = self.leads_alarm.map(i64::from) else { return Ok(()) };
        if now < self.count_at && self.count_at - now <= self.clock.millis(COUNT) {
            return Ok(());
        }
        self.count_at = now + self.clock.millis(COUNT);
        let arrivals = self.leads.arrivals().await?;
        let (leads, people) = (arrivals.leads, arrivals.people);
        match open {
            None if leads > usual => self.tell_of_the_flood(now, 0, leads, people, false).await,
            // Half of it, so that a rate about the limit is no news every minute.
            Some(open) if leads <= usual / 2 => {
                let leads = self.leads.taken_since(open.opened_at - self.clock.millis(super::HOUR)).await?;
                let over = AdminNotice::FloodOver { lasted: now - open.opened_at, leads };
                self.open_alerts.close(FLOOD, &Vec::from_iter(self.message(over))).await
            }
            Some(open) if leads > usual => match serde_json::from_str::<Flood>(&open.body) {
                Ok(known) if now >= known.next_reminder_at => {
                    self.tell_of_the_flood(open.opened_at, known.reminders + 1, leads, people, true).await
                }
                Ok(_) => Ok(()),
                // Another version wrote it: begin again.
                Err(_) => self.open_alerts.close(FLOOD, &[]).await,
            },
            _ => Ok(()),
        }
    }

    async fn tell_of_the_flood(
        &self,
        opened_at: Millis,
        reminders: u32,
        leads: i64,
        people: i64,
        goes_on: bool,
    ) -> Result<(), StoreError> {
        tracing::warn!(leads, people, "far more requests than usual within an hour");
        let next_reminder_at = next_reminder(opened_at, self.clock.now(), reminders, self.clock);
        let alert = OpenAlert { opened_at, body: crate::store::json(&Flood { reminders, next_reminder_at }) };
        let notice = AdminNotice::Flood { leads, people, goes_on };
        self.open_alerts.save(FLOOD, &alert, &Vec::from_iter(self.message(notice))).await
    }
}
