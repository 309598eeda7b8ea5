//! Looks after the tokens and tells the admin before they end.
//!
//! A refresh that fails is told at once, while the access token still works, and once for each trouble; what is told
//! and that it was told is one commit. Once leads wait, the outage alert speaks and this one is silent. A long-lived
//! token is announced at [`WARN_DAYS`].

use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use crate::{
    clock::{Clock, Millis},
    crm::amocrm::{Crm, Proactive, TokenError, TokenKind},
    delivery::trouble_of_tokens,
    notice::{AdminNotice, Recipients, Trouble},
    store::{Leads, NewMessage, OpenAlert, OpenAlerts, Store, StoreError},
};

use super::OUTAGE;

/// Name of the alert about refreshes that fail.
pub const REFRESH: &str = "refresh";

/// Name of what was told of a long-lived token's end.
const EXPIRING: &str = "token_expiring";

/// The admin is told so many days before a long-lived token ends.
pub const WARN_DAYS: [i64; 3] = [30, 7, 1];

/// How often tokens are looked after.
const EVERY: Duration = Duration::from_secs(60);

const DAY: Millis = 24 * 3600 * 1000;

/// The open alert about refreshes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Failing {
    trouble: Trouble,
    /// Whether the access token still worked when it was told.
    works: bool,
}

/// Which warning of a long-lived token was told last.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
struct Told {
    expires_at: Millis,
    days: i64,
}

/// The warning that is due now, in days: the nearest threshold that has been reached and not been told.
fn warning_due(expires_at: Millis, now: Millis, told: Option<Told>) -> Option<i64> {
    let left = expires_at - now;
    // When it is over, the outage speaks.
    let days = WARN_DAYS.into_iter().filter(|days| (1..=days * DAY).contains(&left)).min()?;
    let told = told.filter(|told| told.expires_at == expires_at);
    told.is_none_or(|told| days < told.days).then_some(days)
}

/// Whether a failed refresh is told. In an outage that one speaks, also where the access token would be tried again: leads
/// are not said to get through while they do not. What is still so afterwards is told then.
fn is_told(works: bool, in_outage: bool, waiting: i64) -> bool {
    !in_outage && (works || waiting == 0)
}

/// Refreshes tokens ahead of time and tells the admin what stands in the way.
#[derive(Debug)]
pub struct TokenWatch {
    crm: Crm,
    leads: Leads,
    open_alerts: OpenAlerts,
    clock: Clock,
    recipients: Recipients,
}

impl TokenWatch {
    /// For one account; says who is told.
    pub fn new(crm: Crm, store: &Store, recipients: Recipients) -> Self {
        let (leads, open_alerts, clock) = (store.leads(), store.open_alerts(), store.clock());
        Self { crm, leads, open_alerts, clock, recipients }
    }

    /// Runs until stopped.
    pub async fn run(self, stop: CancellationToken) {
        while !stop.is_cancelled() {
            if let Err(error) = self.look().await {
                warn!(%error, "alerts about tokens wait for the store");
            }
            tokio::select! {
                () = self.clock.sleep(EVERY) => {}
                () = stop.cancelled() => {}
            }
        }
    }

    async fn look(&self) -> Result<(), StoreError> {
        match self.crm.tokens().refresh_proactively().await {
            Ok(Proactive::Fine) => self.refresh_works().await?,
            Ok(Proactive::Paused) => {}
            Err(error) => self.refresh_fails(&error).await?,
        }
        self.announce_end().await
    }

    async fn refresh_fails(&self, error: &TokenError) -> Result<(), StoreError> {
        let now = self.clock.now();
        let info = self.crm.tokens().info().await.ok();
        let works = info.as_ref().is_some_and(|info| info.usable);
        if works {
            info!(%error, "tokens cannot be refreshed ahead of time");
        } else {
            warn!(%error, "there is no access to amoCRM: leads are saved until there is");
        }
        let failing = Failing { trouble: trouble_of_tokens(error), works };
        let open = self.open_alerts.get(REFRESH).await?;
        if open
            .as_ref()
            .is_some_and(|open| serde_json::from_str(&open.body).is_ok_and(|known: Failing| known == failing))
        {
            return Ok(());
        }
        let in_outage = self.open_alerts.get(OUTAGE).await?.is_some();
        if !is_told(works, in_outage, self.leads.waiting().await?.0) {
            return Ok(());
        }
        let body = crate::store::json(&failing);
        let opened_at = open.map_or(now, |open| open.opened_at);
        let trouble = failing.trouble;
        let works_until = info.and_then(|info| info.access_expires_at).map(|end| end.timestamp_millis());
        let notice = if works {
            AdminNotice::RefreshFailing { trouble, works_until }
        } else if trouble == Trouble::NoTokens && self.is_new().await? {
            AdminNotice::FirstAccess
        } else {
            AdminNotice::AccessLost { trouble }
        };
        self.open_alerts.save(REFRESH, &OpenAlert { opened_at, body }, &self.message(notice)).await
    }

    /// Whether nothing has ever been delivered: there was no access that could have been lost.
    async fn is_new(&self) -> Result<bool, StoreError> {
        Ok(self.leads.totals(0).await?.last_delivery_at.is_none())
    }

    async fn refresh_works(&self) -> Result<(), StoreError> {
        if self.open_alerts.get(REFRESH).await?.is_none() {
            return Ok(());
        }
        info!("the tokens are as they should be again");
        let waiting = self.leads.waiting().await?.0;
        self.open_alerts.close(REFRESH, &self.message(AdminNotice::TokensRenewed { waiting })).await
    }

    async fn announce_end(&self) -> Result<(), StoreError> {
        let Ok(info) = self.crm.tokens().info().await else { return Ok(()) };
        let (TokenKind::LongLived, Some(end)) = (info.kind, info.access_expires_at) else { return Ok(()) };
        let (expires_at, now) = (end.timestamp_millis(), self.clock.now());
        let known = self.open_alerts.get(EXPIRING).await?;
        let told = known.and_then(|known| serde_json::from_str(&known.body).ok());
        let Some(days) = warning_due(expires_at, now, told) else { return Ok(()) };
        warn!(days, %end, "the long-lived token ends soon");
        let alert = OpenAlert { opened_at: now, body: crate::store::json(&Told { expires_at, days }) };
        let notice = AdminNotice::TokenExpiring { long_lived: true, expires_at };
        self.open_alerts.save(EXPIRING, &alert, &self.message(notice)).await
    }

    fn message(&self, notice: AdminNotice) -> Vec<NewMessage> {
        NewMessage::to_dealer(&self.recipients, notice, self.clock.now()).into_iter().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failed_refresh_never_speaks_beside_an_outage() {
        for (works, in_outage, waiting, told) in [
            (true, false, 0, true),
            // A lead that has just come in gets through.
            (true, false, 1, true),
            (false, false, 0, true),
            (false, false, 1, false),
            (false, true, 1, false),
            // A refused access token is tried again after a while: that alone is no access.
            (true, true, 1, false),
            (true, true, 0, false),
        ] {
            assert_eq!(is_told(works, in_outage, waiting), told, "{works} {in_outage} {waiting}");
        }
    }

    #[test]
    fn a_long_lived_token_is_announced_at_30_7_and_1_days() {
        const HOUR: Millis = 3600 * 1000;
        let end = 1_800_000_000_000;
        let told = |days| Some(Told { expires_at: end, days });
        for (left, before, due) in [
            (31 * DAY, None, None),
            (30 * DAY, None, Some(30)),
            (29 * DAY, told(30), None),
            (7 * DAY + 1, told(30), None),
            (7 * DAY, told(30), Some(7)),
            (6 * DAY, told(7), None),
            (DAY, told(7), Some(1)),
            (HOUR, told(1), None),
            // The daemon was off, or the token was short-lived from the beginning: only the nearest one is told.
            (5 * DAY, None, Some(7)),
            (5 * DAY, told(30), Some(7)),
            (HOUR, told(30), Some(1)),
            (HOUR, None, Some(1)),
            // Over: the outage speaks.
            (0, told(1), None),
            (0, None, None),
            (-DAY, None, None),
            // Another token: what was told of the one before does not count.
            (20 * DAY, Some(Told { expires_at: end - DAY, days: 1 }), Some(30)),
            // A clock that was set back.
            (20 * DAY, told(1), None),
        ] {
            assert_eq!(warning_due(end, end - left, before), due, "{} h left, {before:?}", left / HOUR);
        }
    }
}
