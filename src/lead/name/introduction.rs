//! The name behind `Меня зовут …` and the like.

use super::{
    greeting::{EVERYBODY, greeting_length, is_apart, may_be_name, without_courtesies},
    spelling::{has_name_case, holds, is_letters, is_separator, longest_beginning},
    wish::{WISH_WORDS, is_plain_name},
};

/// What stands in front of the name a buyer gives, in lower case.
pub(in super::super) const INTRODUCTIONS: &[&str] = &[
    "меня зовут",
    "меня звать",
    "меня",
    "зовут меня",
    "зовут",
    "мое имя",
    "моё имя",
    "имя",
    "зовите меня",
    "можно просто",
    "обращайтесь",
    "это",
    "я",
    "my name is",
    "my name's",
    "i am",
    "i'm",
    "call me",
    "name",
    "this is",
    "我叫",
    "我是",
    "저는",
];

/// What stands behind the name a buyer gives, in lower case: `Олег меня зовут`, `Меня Олег зовут`.
pub(in super::super) const INTRODUCED: &[&str] = &[" меня зовут", " зовут", " меня звать"];

/// The name behind `Меня зовут …`, `Здравствуйте, …` or both, before `… меня зовут`, or beside `спасибо` and the like,
/// where nothing else stands there.
pub(in super::super) fn introduced(text: &str) -> Option<&str> {
    let essence = without_courtesies(text);
    let greeting = greeting_length(essence).unwrap_or(0);
    let behind_greeting = essence[greeting..].trim_start_matches(is_separator);
    // `Я. Ким` is an initial.
    let is_initial = behind_greeting.starts_with("Я.") || behind_greeting.starts_with("I.");
    let before = longest_beginning(behind_greeting, INTRODUCTIONS).filter(|_| !is_initial).unwrap_or(0);
    let rest = behind_greeting[before..].trim_matches(is_separator);
    let behind = INTRODUCED.iter().find_map(|words| beginning_of_end(rest, words));
    let name = rest[..behind.unwrap_or(rest.len())].trim_matches(is_separator);
    // `меня` alone introduces nobody.
    let says_so = behind.is_some() || before > 0 && behind_greeting[..before].to_lowercase() != "меня";
    if says_so {
        // Whoever says so is called so, be it Kia, Салам or Нам.
        return (is_letters(name) && (!holds(name, WISH_WORDS) || has_name_case(name))).then_some(name);
    }
    if greeting > 0 {
        let is_one_word = !name.contains(' ') && !EVERYBODY.contains(&name.to_lowercase().as_str());
        let greets = is_apart(&essence[greeting..])
            || !may_be_name(&essence[..greeting]) && has_name_case(name)
            || is_one_word && name.starts_with(char::is_lowercase);
        return (greets && is_plain_name(name)).then_some(name);
    }
    (essence.len() < text.len() && is_plain_name(essence)).then_some(essence)
}

/// Where these words begin, in lower case, that a text ends with.
pub(in super::super) fn beginning_of_end(text: &str, words: &str) -> Option<usize> {
    let (at, _) = text.char_indices().rev().nth(words.chars().count().checked_sub(1)?)?;
    (text[at..].to_lowercase() == words).then_some(at)
}
