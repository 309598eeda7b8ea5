use std::{path::PathBuf, process::ExitCode};

use crate::{
    clock::Clock,
    config::Config,
    store::{Copied, Store},
};

use super::CommandError;

/// Copies a store from one address to another and compares the counts; safe to repeat.
pub async fn move_store(from: &str, to: &str) -> Result<ExitCode, CommandError> {
    let (from, to) = (address(from)?, address(to)?);
    if from == to {
        return Err(CommandError::Failed("--from and --to are the same store".into()));
    }
    if let Some(file) = from.strip_prefix("sqlite:").map(|rest| rest.trim_start_matches("//"))
        && let Some(file) = file.split('?').next()
        && !std::path::Path::new(file).exists()
    {
        return Err(CommandError::Failed(format!("{file} does not exist; nothing was copied")));
    }
    let source = Store::open_url(&from, Clock::default()).await?;
    let target = Store::open_url(&to, Clock::default()).await?;
    let report = source.copy_to(&target).await?;
    let code = tell(&report);
    source.close().await;
    target.close().await;
    if code == ExitCode::SUCCESS {
        println!("Stop the bot before the last run of this command, then start it with the new store.");
    }
    Ok(code)
}

/// Writes the whole store into a new SQLite file while a daemon may run.
pub async fn backup_store(config: &Config, file: PathBuf) -> Result<ExitCode, CommandError> {
    if file.exists() {
        return Err(CommandError::Failed(format!("{} exists already; give a new name", file.display())));
    }
    let store = super::store(config).await?;
    let report = store.backup_to(&file).await?;
    store.close().await;
    let code = tell(&report);
    println!("Written to {}. To go back to it: move-store --from sqlite:{0} --to …", file.display());
    Ok(code)
}

/// What has no scheme is the path of an SQLite file.
fn address(text: &str) -> Result<String, CommandError> {
    match text.split_once("://") {
        Some(("postgres" | "postgresql" | "sqlite", _)) => Ok(text.to_owned()),
        // The address itself may hold a password.
        Some((scheme, _)) => Err(CommandError::Failed(format!("{scheme}:// is neither postgres:// nor sqlite:"))),
        None if text.starts_with("sqlite:") => Ok(text.to_owned()),
        None => Ok(format!("sqlite://{text}?mode=rwc")),
    }
}

fn tell(report: &[Copied]) -> ExitCode {
    println!("{:<12} {:>9} {:>9} {:>9}", "table", "source", "copied", "target");
    for table in report {
        println!("{:<12} {:>9} {:>9} {:>9}", table.table, table.source, table.present, table.target);
    }
    if report.iter().all(|table| table.source == table.present) {
        ExitCode::SUCCESS
    } else {
        eprintln!("Not everything was copied; run the command again.");
        ExitCode::FAILURE
    }
}
