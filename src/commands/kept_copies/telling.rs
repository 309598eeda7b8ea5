//! What came of tonight's copy: left in the store for the bot, which tells the admin, or told past the store where that cannot
//! be reached.
//!
//! That it was told is remembered in a file beside the tokens, so that the admin reads it once, and once that it is over.

use std::{fs, path::Path};

use crate::{
    alerts::{CopiesKept, PastTheStore, SecondWay, copies_fail, copies_were_told},
    clock::{Clock, Millis},
    config::{Environment, StoreSettings},
    files,
    notice::CopyTrouble,
    store::StoreError,
    telegram::{client::Telegram, groups::Groups},
};

use super::super::{CommandError, opened, output::errln, settings::needed, texts};

/// In `DATA_DIR`: since when the admin knows, ms UTC, past the store.
const TOLD: &str = ".copies-told";

/// What came of it.
#[derive(Debug, Clone)]
pub enum Outcome {
    Made,
    /// A copy was made, and an old one cannot be deleted.
    OldStay(String),
    Failed(CopyTrouble, String),
}

impl Outcome {
    /// How copies go with this one.
    fn after(self, kept: CopiesKept, now: Millis, folder: &Path) -> CopiesKept {
        let folder = || std::path::absolute(folder).unwrap_or_else(|_| folder.to_owned()).display().to_string();
        match self {
            Self::Made => kept.made(now, folder()),
            Self::OldStay(why) => {
                let made = kept.clone().made(now, folder());
                kept.failed(now, CopyTrouble::OldStay, why).with_newest_of(made)
            }
            Self::Failed(trouble, why) => kept.failed(now, trouble, why),
        }
    }
}

/// Tells it to whoever is to know.
pub async fn tell(environment: &Environment<'_>, settings: &StoreSettings, folder: &Path, outcome: Outcome) {
    match leave(settings, folder, outcome.clone()).await {
        Ok(()) => {}
        // Nobody is to be told of a copy that is there.
        Err(error) if matches!(outcome, Outcome::Made) => errln!("That it was made could not be noted: {error}"),
        Err(_) => past_the_store(environment, settings, folder, outcome).await,
    }
}

async fn leave(settings: &StoreSettings, folder: &Path, outcome: Outcome) -> Result<(), CommandError> {
    let store = opened::existing(settings).await?;
    if !store.exists() {
        return Err(store.none(settings));
    }
    let left = leave_in(&store, settings, folder, outcome).await;
    store.close().await;
    Ok(left?)
}

async fn leave_in(
    store: &crate::store::Store,
    settings: &StoreSettings,
    folder: &Path,
    outcome: Outcome,
) -> Result<(), StoreError> {
    let (marks, now) = (store.marks(), store.clock().now());
    let kept = CopiesKept::read(&marks).await?.unwrap_or_default();
    let mut kept = outcome.after(kept, now, folder);
    let told = told_since(&settings.data_dir);
    if let Some(since) = told {
        kept = kept.told();
        copies_were_told(&store.open_alerts(), since).await?;
    }
    kept.write(&marks).await?;
    if told.is_some() {
        let _ = fs::remove_file(settings.data_dir.join(TOLD));
    }
    Ok(())
}

fn told_since(data_dir: &Path) -> Option<Millis> {
    let text = fs::read_to_string(data_dir.join(TOLD)).ok()?;
    // Whatever stands in it, it is there.
    Some(text.trim().parse().unwrap_or_else(|_| Clock::default().now()))
}

/// Telegram, then the second way, as the bot itself does where its store is gone.
async fn past_the_store(environment: &Environment<'_>, settings: &StoreSettings, folder: &Path, outcome: Outcome) {
    if told_since(&settings.data_dir).is_some() {
        return;
    }
    let clock = Clock::with_speed(settings.speed);
    let kept = outcome.after(CopiesKept::default(), clock.now(), folder);
    let Some(failing) = kept.failing(clock) else { return };
    let line = match line(environment, clock) {
        Ok(line) => line,
        Err(error) => {
            errln!("The admin cannot be told of it. {error}");
            return;
        }
    };
    let since = failing.since;
    if line.deliver(&copies_fail(&kept, failing)).await
        && let Err(error) = files::replace(&settings.data_dir.join(TOLD), since.to_string().as_bytes())
    {
        errln!("The admin knows, and will be told again: {}: {}", settings.data_dir.display(), files::why(&error));
    }
}

fn line(environment: &Environment<'_>, clock: Clock) -> Result<PastTheStore, CommandError> {
    let config = needed(environment, |reader| reader.config())?;
    texts::speak(environment, &config.dealer.languages).map_err(CommandError::Wrong)?;
    let unusable = |error: &dyn std::fmt::Display| CommandError::Failed(error.to_string());
    let telegram = Telegram::new(&config.telegram, clock, Groups::new(Vec::new())).map_err(|error| unusable(&error))?;
    let second_way = SecondWay::new(&config.second_way, clock).map_err(|error| unusable(&error))?;
    Ok(PastTheStore::new(telegram, config.admin_chat, second_way, clock))
}
