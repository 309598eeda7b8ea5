//! The words of a text, as lists of words are written, and what is looked for among them.

use std::collections::HashSet;

pub(super) use crate::lead::begins;

/// In lower case, with `е` for `ё` and one kind of apostrophe; the signs between them are left out.
pub(super) fn words_of(text: &str) -> Vec<String> {
    let lower = text.to_lowercase().replace('ё', "е").replace(['’', 'ʻ', '‘'], "'");
    let apart = lower.split(|sign: char| !(sign.is_alphanumeric() || sign == '\''));
    apart.filter(|word| !word.is_empty()).map(str::to_owned).collect()
}

/// The same with a blank between them.
pub(super) fn plain(text: &str) -> String {
    words_of(text).join(" ")
}

/// The same words cut at apostrophes, too: `don't` is two.
pub(super) fn words_cut_at_apostrophes(text: &str) -> Vec<String> {
    let lower = text.to_lowercase().replace('ё', "е");
    let apart = lower.split(|sign: char| !sign.is_alphanumeric());
    apart.filter(|word| !word.is_empty()).map(str::to_owned).collect()
}

/// Words, or beginnings of words, that are written with blanks between them.
pub(super) fn listed(words: &'static str) -> Vec<&'static str> {
    words.split_whitespace().collect()
}

/// Phrases that mean something, and the words that may stand beside them and add nothing.
pub(super) struct Meaning {
    phrases: Vec<Vec<&'static str>>,
    beside: HashSet<&'static str>,
}

impl Meaning {
    /// Phrases with commas between them, and words with blanks.
    pub(super) fn of(phrases: &'static str, beside: &'static str) -> Self {
        Self { phrases: phrases.split(", ").map(listed).collect(), beside: beside.split_whitespace().collect() }
    }

    /// Whether a message is nothing but these phrases, at least one of them, and words beside them.
    pub(super) fn makes_up(&self, message: &[String]) -> bool {
        let mut left = message;
        let mut means_it = false;
        while let [first, rest @ ..] = left {
            let starts_here = |phrase: &&Vec<&str>| {
                left.len() >= phrase.len() && left.iter().zip(*phrase).all(|(one, other)| one == other)
            };
            let longest = self.phrases.iter().filter(starts_here).map(Vec::len).max();
            left = match longest {
                Some(length) => {
                    means_it = true;
                    &left[length..]
                }
                None if self.beside.contains(first.as_str()) => rest,
                None => return false,
            };
        }
        means_it
    }
}
