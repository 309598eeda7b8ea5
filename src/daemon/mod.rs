//! Builds the parts, runs them, owns start-up and shutdown.
//!
//! Shutdown, in this order: polling stops, the updates in hand are finished, what is done is confirmed to Telegram; then
//! delivery finishes its call and gives its lease back, messages under way are finished, the backup file is
//! written once more. All of it within `SHUTDOWN_LIMIT` of the signal, whatever hangs; whatever is cut off then is
//! continued by the next start.

mod error;
mod instance_lock;
mod intake;
mod leader;
mod memory;
mod opening;
mod parts;

use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;
use tracing::info;

use crate::config::Config;

pub use error::DaemonError;
pub use instance_lock::InstanceLock;
pub use leader::run_until;
pub use opening::{open_crm, open_crm_with, open_store, place_of_url, store_place, token_storage_beside};

/// Runs the daemon until SIGTERM or SIGINT.
pub async fn run(config: Config) -> Result<(), DaemonError> {
    let stop = CancellationToken::new();
    stop_on_signals(stop.clone())?;
    run_until(config, stop).await
}

fn stop_on_signals(stop: CancellationToken) -> Result<(), DaemonError> {
    let mut terminate = signal(SignalKind::terminate()).map_err(DaemonError::Signals)?;
    let mut interrupt = signal(SignalKind::interrupt()).map_err(DaemonError::Signals)?;
    tokio::spawn(async move {
        let name = tokio::select! {
            _ = terminate.recv() => "SIGTERM",
            _ = interrupt.recv() => "SIGINT",
        };
        info!(signal = name, "stopping");
        stop.cancel();
    });
    Ok(())
}
