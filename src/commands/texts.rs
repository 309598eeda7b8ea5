//! The dealer's texts: read before anything is said, and printed to be worded differently.

use std::process::ExitCode;

use serde::Serialize;

use crate::{
    config::{Environment, TextProblem, read_texts},
    wording::{Lang, PrintedText, text_ids, texts_of, texts_one_by_one},
};

use super::{
    CommandError,
    output::{self, out},
};

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

/// A file whose texts are in force in place of the built-in ones.
#[derive(Debug, Serialize)]
pub struct OwnTexts {
    /// Its path.
    pub file: String,
    /// Which texts are in it.
    pub ids: Vec<String>,
}

/// Which texts of which files are in force in place of the built-in ones.
pub fn in_force(settings: &Environment<'_>) -> Vec<OwnTexts> {
    let (files, _) = read_texts(&settings.peek(|reader| reader.text_places()));
    files.into_iter().map(|file| OwnTexts { ids: text_ids(&file.text), file: file.path.to_string() }).collect()
}

/// What `texts --json` prints; names are for programs and stay.
#[derive(Debug, Serialize)]
struct Printed<'a> {
    language: &'a str,
    texts: Vec<PrintedText>,
}

/// Prints every text of a language: a file for the folder `texts`.
pub fn print(code: &str, json: bool) -> Result<ExitCode, CommandError> {
    if json {
        let texts = texts_one_by_one(code).map_err(CommandError::Failed)?;
        output::json(&Printed { language: code, texts });
    } else {
        out!("{}", texts_of(code).map_err(CommandError::Failed)?);
    }
    Ok(ExitCode::SUCCESS)
}
