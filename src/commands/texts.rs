//! The dealer's texts: read before anything is said, and printed to be worded differently.

use std::process::ExitCode;

use crate::{
    config::{Environment, TextProblem, read_texts},
    wording::{Lang, texts_of},
};

use super::{CommandError, output::out};

/// Speaks the languages in this order, with the dealer's texts.
///
/// # Errors
/// All that is wrong with the texts, a line each.
pub fn speak(settings: &Environment<'_>, order: &[String]) -> Result<(), Vec<String>> {
    let told = |problems: Vec<TextProblem>| problems.iter().map(ToString::to_string).collect::<Vec<_>>();
    // What is wrong with the settings is told by whoever needs them.
    let Ok((places, _)) = settings.read(|reader| reader.text_places()) else { return Ok(()) };
    let (files, mut unreadable) = read_texts(&places);
    match Lang::load(&files, order) {
        Ok(languages) if unreadable.is_empty() => {
            Lang::speak(languages);
            Ok(())
        }
        loaded => {
            unreadable.extend(loaded.err().unwrap_or_default());
            Err(told(unreadable))
        }
    }
}

/// Prints every text of a language.
pub fn print(code: &str) -> Result<ExitCode, CommandError> {
    out!("{}", texts_of(code).map_err(CommandError::Failed)?);
    Ok(ExitCode::SUCCESS)
}
