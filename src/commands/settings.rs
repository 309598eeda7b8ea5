//! The settings as a command needs them.

use crate::config::{self, AmocrmSettings, Config, ConfigProblem, Environment, Reader};

use super::{CommandError, output::errln, texts};

/// All settings and texts, and what looks odd in them; what is wrong with any of them is told at once, each line as `said`.
pub(super) fn checked(
    settings: &Environment<'_>,
    said: impl Fn(&ConfigProblem) -> String,
) -> Result<(Config, Vec<ConfigProblem>), CommandError> {
    let config = settings.read(|reader| reader.config());
    let order = match &config {
        Ok((config, _)) => config.dealer.languages.as_slice(),
        Err(_) => &[],
    };
    match (texts::speak(settings, order), config) {
        (Ok(()), Ok(config)) => Ok(config),
        (Err(told), Ok(_)) => Err(CommandError::Wrong(told)),
        (texts, Err(problems)) => {
            let told = problems.iter().map(said).chain(texts.err().unwrap_or_default());
            Err(CommandError::Wrong(told.collect()))
        }
    }
}

/// The settings that a command needs, and no others; what looks wrong in them is told.
pub(super) fn needed<T>(
    settings: &Environment<'_>,
    part: impl FnOnce(&mut Reader<'_>) -> T,
) -> Result<T, CommandError> {
    let (value, odd) = settings.read(part).map_err(CommandError::Config)?;
    odd.iter().for_each(|warning| errln!("{warning}"));
    Ok(value)
}

/// The settings of amoCRM, or one line that says what is missing.
pub(super) fn account(amocrm: Option<AmocrmSettings>) -> Result<AmocrmSettings, CommandError> {
    amocrm.ok_or_else(|| CommandError::Config(config::missing_subdomain()))
}
