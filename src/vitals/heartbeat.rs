//! A ping to a monitoring service once a minute while all is well; its silence is the alarm.

use std::{sync::Arc, time::Duration};

use tokio_util::sync::CancellationToken;
use tracing::{debug, info};
use url::Url;

use crate::{alerts::OUTAGE, store::Store};

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
    store: Store,
}

impl Heartbeat {
    /// Of one daemon; errors only when TLS cannot be set up.
    pub fn new(url: Url, vitals: Arc<Vitals>, store: Store) -> Result<Self, reqwest::Error> {
        let client = reqwest::Client::builder().timeout(TIMEOUT).connect_timeout(TIMEOUT).build()?;
        Ok(Self { client, url, vitals, store })
    }

    /// Pings until stopped.
    pub async fn run(self, stop: CancellationToken) {
        let clock = self.store.clock();
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
        match self.store.alert(OUTAGE).await {
            Ok(None) => {}
            Ok(Some(_)) => {
                info!("no heartbeat while leads do not reach amoCRM");
                return;
            }
            Err(_) => return,
        }
        let answer = self.client.get(self.url.clone()).send().await.and_then(reqwest::Response::error_for_status);
        match answer {
            Ok(_) => debug!("heartbeat"),
            // The address is a secret of the monitoring service.
            Err(error) => info!(error = %error.without_url(), "the heartbeat did not arrive"),
        }
    }
}
