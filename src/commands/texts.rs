//! The dealer's texts: read before anything is said, and printed to be worded differently.

use std::process::ExitCode;

use crate::{
    config::{Environment, TextProblem, read_texts},
    wording::{Lang, text_ids, texts_of},
};

use super::{CommandError, output::out};

/// Speaks the languages in this order, with the dealer's texts.
///
/// # Errors
/// All that is wrong with the texts, a line each.
pub fn speak(settings: &Environment<'_>, order: &[String]) -> Result<(), Vec<String>> {
    let told = |problems: Vec<TextProblem>| problems.iter().map(ToString::to_string).collect::<Vec<_>>();
    // What is wrong with the settings is told by whoever needs them.
    let (files, mut unreadable) = read_texts(&settings.peek(|reader| reader.text_places()));
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

/// Which texts of which files are in force in place of the built-in ones, a line for each file.
pub fn in_force(settings: &Environment<'_>) -> Vec<String> {
    const MOST: usize = 12;
    let (files, _) = read_texts(&settings.peek(|reader| reader.text_places()));
    let line = |file: &crate::config::TextFile| {
        let ids = text_ids(&file.text);
        let shown = ids.iter().take(MOST).cloned().collect::<Vec<_>>().join(", ");
        let more = ids.len().saturating_sub(MOST);
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        format!("{}: {} of its own: {shown}{more}", file.path, ids.len())
    };
    files.iter().map(line).collect()
}

/// Prints every text of a language.
pub fn print(code: &str) -> Result<ExitCode, CommandError> {
    out!("{}", texts_of(code).map_err(CommandError::Failed)?);
    Ok(ExitCode::SUCCESS)
}
