//! Delivers everything that waits and reports: what the command `retry-backup-leads` does.

use std::time::Duration;

use crate::{clock::Clock, crm::amocrm::CrmError, store::StoreError};

use super::{
    breaker::Breaker,
    outcome::trouble_of,
    pass::{DeliveryPass, Progress, Stop},
};
use crate::notice::Trouble;

/// Failures in a row after which a person at a terminal is told instead of kept waiting.
const PATIENCE: u32 = 3;

/// So long without progress, while another process holds the leads, the command stops waiting for it.
const STANDSTILL: Duration = Duration::from_secs(200);

/// How often the store is looked at while leads are not yet due or in another process's hands.
const POLL_INTERVAL: Duration = Duration::from_millis(500);

/// What a drain has done.
#[derive(Debug, Default)]
pub struct DrainReport {
    /// Leads that waited at the beginning.
    pub before: i64,
    /// Leads that still wait.
    pub left: i64,
    /// Leads amoCRM refuses.
    pub rejected: i64,
    /// Why it ended before everything was through.
    pub stopped_by: Option<CrmError>,
}

/// Delivers until nothing waits, amoCRM cannot go on, or nothing moves; `progress(done, total)` after every step.
pub async fn drain(pass: &DeliveryPass, mut progress: impl FnMut(i64, i64)) -> Result<DrainReport, StoreError> {
    let leads = &pass.leads;
    let clock: Clock = leads.clock();
    leads.retry_now(None).await?;
    let before = leads.waiting().await?.0;
    let mut breaker = Breaker::default();
    let mut stopped_by = None;
    let (mut least, mut moved_at) = (before, clock.now());
    loop {
        let waiting = leads.waiting().await?.0;
        progress((before - waiting).max(0), before);
        if waiting < least {
            (least, moved_at) = (waiting, clock.now());
        }
        if waiting == 0 || clock.now() - moved_at > clock.millis(STANDSTILL) {
            break;
        }
        match pass.run_by(&breaker).await {
            Ok(Progress::Wrote) => breaker.succeeded(),
            Ok(Progress::Looked) => {}
            // Not due yet (a create that is being looked up), or in the daemon's hands.
            Ok(Progress::Idle) => clock.sleep(POLL_INTERVAL).await,
            Err(Stop::Store(error)) => return Err(error),
            Err(Stop::Crm(error)) => {
                breaker.failed(&error, clock, rand::random());
                let hopeless = !matches!(trouble_of(&error), Trouble::Unreachable | Trouble::Throttled);
                if hopeless || breaker.failures() >= PATIENCE {
                    stopped_by = Some(error);
                    break;
                }
                if let Some(pause) = breaker.pause(clock.now()) {
                    tokio::time::sleep(clock.until(pause.until())).await;
                }
            }
        }
    }
    pass.queue.release_lease(&pass.lease).await?;
    let totals = leads.totals(clock.now()).await?;
    Ok(DrainReport { before, left: totals.waiting, rejected: totals.rejected, stopped_by })
}
