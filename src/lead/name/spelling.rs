//! How words are told apart and compared.

/// The words of a text in lower case, one space between them.
pub(in super::super) fn words(text: &str) -> String {
    let lower = text.to_lowercase();
    let words = lower.split(|c: char| !c.is_alphanumeric() && !"-'←".contains(c)).map(|word| word.trim_matches('-'));
    words.filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" ")
}

pub(in super::super) fn holds(text: &str, known: &[&str]) -> bool {
    words(text).split(' ').any(|word| known.contains(&word))
}

/// The length of the longest of these phrases that a text begins with as whole words, in bytes.
pub(in super::super) fn longest_beginning(text: &str, phrases: &[&str]) -> Option<usize> {
    let begins = |phrase: &&&str| {
        let mut letters = text.chars();
        let same =
            phrase.chars().all(|c| letters.next().is_some_and(|typed| typed.to_lowercase().eq(c.to_lowercase())));
        // Chinese and Korean go on without a space.
        let goes_on = phrase.ends_with(|c: char| c >= '\u{3040}');
        same && (goes_on
            || !letters
                .next()
                .is_some_and(|c| c.is_alphanumeric() || matches!(c, '-' | '\'' | '’' | '\u{300}'..='\u{36F}')))
    };
    let longest = phrases.iter().filter(begins).map(|phrase| phrase.chars().count()).max()?;
    Some(text.char_indices().nth(longest).map_or(text.len(), |(at, _)| at))
}

/// `Привет Иванович`: each word begins as a name does, in upper case or in a script without cases.
pub(in super::super) fn has_name_case(text: &str) -> bool {
    text.split(' ').all(|word| word.chars().next().is_some_and(|c| !c.is_lowercase() && c.is_alphabetic()))
}

pub(in super::super) fn is_letters(text: &str) -> bool {
    let is_word = |word: &str| {
        word.chars().any(char::is_alphabetic)
            && word.chars().all(|c| c.is_alphabetic() || "-'’.\u{301}".contains(c) || is_emoji(c))
    };
    text.split(' ').count() <= 4 && text.split(' ').all(is_word)
}

pub(in super::super) fn is_separator(c: char) -> bool {
    c == ' ' || ",.!:;)(…-–—，。！、".contains(c) || is_emoji(c)
}

/// Pictures, and what joins and colours them.
pub(in super::super) fn is_emoji(c: char) -> bool {
    matches!(c, '\u{200D}' | '\u{FE0F}' | '\u{2600}'..='\u{27BF}' | '\u{2B00}'..='\u{2BFF}' | '\u{1F000}'..='\u{1FAFF}')
}
