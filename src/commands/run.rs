use std::process::ExitCode;

use crate::{config::Config, daemon};

use super::CommandError;

/// Runs the daemon until it is told to stop.
pub async fn run(config: Config) -> Result<ExitCode, CommandError> {
    daemon::run(config).await?;
    Ok(ExitCode::SUCCESS)
}
