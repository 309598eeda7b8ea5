use std::process::ExitCode;

use tracing::info;

use crate::{config::Config, daemon, files};

use super::CommandError;

/// Runs the daemon until it is told to stop.
pub async fn run(config: Config) -> Result<ExitCode, CommandError> {
    tell(&config);
    files::close_data_dir(&config.store.data_dir);
    files::sweep(&config.store.data_dir);
    daemon::run(config).await?;
    Ok(ExitCode::SUCCESS)
}

/// The first lines of the log: which program this is, where everything is kept, whom it tells.
fn tell(config: &Config) {
    let folder = std::path::absolute(&config.store.data_dir).unwrap_or_else(|_| config.store.data_dir.clone());
    let admin = config.admin_chat.map_or_else(|| "none".into(), |id| id.to_string());
    info!(
        version = env!("CARGO_PKG_VERSION"),
        store = daemon::store_place(&config.store),
        data_dir = %folder.display(),
        admin_chat = admin,
        account = config.amocrm.as_ref().map_or("none", |settings| &settings.account_host),
        "amocrm-lead-bot"
    );
}
