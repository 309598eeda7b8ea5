//! A ping to a monitoring service once a minute while all is well; its silence is the alarm.

use std::{sync::Arc, time::Duration};

use tokio_util::sync::CancellationToken;
use tracing::{debug, info, warn};
use url::Url;

use crate::{
    alerts::OUTAGE,
    net::{self, NetError},
    store::OpenAlerts,
};

use super::Vitals;

/// How often.
const EVERY: Duration = Duration::from_secs(60);

/// A ping that takes longer is given up.
const TIMEOUT: Duration = Duration::from_secs(5);

/// Pings while the vitals are good and no outage alert is open.
#[derive(Debug)]
pub struct Heartbeat {
    client: reqwest::Client,
    url: Url,
    vitals: Arc<Vitals>,
    alerts: OpenAlerts,
}

impl Heartbeat {
    /// Of one daemon; errors only when TLS cannot be set up.
    pub fn new(url: Url, vitals: Arc<Vitals>, alerts: OpenAlerts) -> Result<Self, reqwest::Error> {
        let client = net::client().timeout(TIMEOUT).build()?;
        Ok(Self { client, url, vitals, alerts })
    }

    /// Pings until stopped.
    pub async fn run(self, stop: CancellationToken) {
        let clock = self.alerts.clock();
        while !stop.is_cancelled() {
            tokio::select! {
                () = self.beat() => {}
                () = stop.cancelled() => {}
            }
            tokio::select! {
                () = clock.sleep(EVERY) => {}
                () = stop.cancelled() => {}
            }
        }
    }

    async fn beat(&self) {
        if let Err(ailment) = self.vitals.check().await {
            info!(%ailment, "no heartbeat");
            return;
        }
        match self.alerts.get(OUTAGE).await {
            Ok(None) => {}
            Ok(Some(_)) => {
                info!("no heartbeat while leads do not reach amoCRM");
                return;
            }
            Err(_) => return,
        }
        // The body is nobody's concern and is not read.
        let answer = net::send(self.client.get(self.url.clone())).await;
        match answer.and_then(|answer| answer.error_for_status().map_err(NetError::from)) {
            Ok(_) => debug!("heartbeat"),
            Err(error @ NetError::Redirect { .. }) => warn!(%error, "HEARTBEAT_URL: the heartbeat did not arrive"),
            Err(error) => info!(%error, "the heartbeat did not arrive"),
        }
    }
}
