//! Which of several phones is the buyer's own.

use std::ops::Range;

use super::{money, people::is_mark};
use crate::lead::Phone;

/// Words that call a phone one's own, in lower case.
const OWN: &[&str] = &["мой", "моя", "мои", "мне", "основной", "личный", "my", "mine", "me", "mening", "menga"];

/// Beginnings of words that say it is another's, or not the first to be called.
const OTHERS: &[&str] = &[
    "жен",
    "муж",
    "супруг",
    "сын",
    "доч",
    "брат",
    "сестр",
    "мам",
    "мать",
    "пап",
    "отец",
    "отц",
    "матер",
    "друг",
    "подруг",
    "втор",
    "запасн",
    "доп",
    "продав",
    "владел",
    "хозя",
    "салон",
    "wife",
    "husband",
    "son",
    "daughter",
    "brother",
    "sister",
    "mother",
    "father",
    "friend",
    "second",
    "backup",
    "spare",
    "seller",
    "owner",
    "dealer",
    "xotin",
    "er",
    "ikkinchi",
];

/// Words that name what a phone is for, in lower case; each is also the label of one.
pub(super) const KINDS: &[&str] = &[
    "ватсап",
    "вотсап",
    "вацап",
    "whatsapp",
    "wa",
    "вайбер",
    "viber",
    "telegram",
    "телеграм",
    "мой",
    "моя",
    "my",
    "моб",
    "мобильный",
    "сот",
    "сотовый",
    "mobile",
    "cell",
];

/// The one that is called so, else the first that is not said to be another's; `None` where there are not several.
pub(super) fn own<'a>(text: &str, phones: &[(Range<usize>, &'a Phone)]) -> Option<&'a Phone> {
    let mut phones: Vec<&(Range<usize>, &Phone)> = phones.iter().collect();
    phones.sort_by_key(|(span, _)| span.start);
    let first = phones.first()?.1;
    if phones.iter().all(|(_, phone)| phone.e164() == first.e164()) {
        return None;
    }
    let before = |span: &Range<usize>| {
        let begin = phones.iter().filter(|(other, _)| other.end <= span.start).map(|(other, _)| other.end).max();
        words(&text[begin.unwrap_or(0)..span.start])
    };
    let clause = |span: &Range<usize>| {
        let clause = money::clause_at(text, span.clone());
        let is_alone = !phones.iter().any(|(other, _)| other != span && clause.contains(&other.start));
        if is_alone { words(&text[clause]) } else { Vec::new() }
    };
    let is_own = |word: &String| OWN.contains(&word.as_str());
    let is_other =
        |word: &String| OTHERS.iter().any(|other| word.starts_with(other) && (*other != "er" || word == "eri"));
    let named = phones.iter().find(|(span, _)| {
        let near: Vec<String> = before(span).into_iter().rev().take(2).collect();
        near.iter().any(is_own) && !near.iter().any(is_other) || clause(span).iter().any(is_own)
    });
    let unmarked = phones.iter().find(|(span, _)| {
        let near = before(span).into_iter().rev().take(2).chain(clause(span)).collect::<Vec<_>>();
        !near.iter().any(is_other)
    });
    Some(named.or(unmarked).map_or(first, |(_, phone)| *phone))
}

/// Whether words in front of a phone say which it is.
pub(super) fn tells_apart(before: &str) -> bool {
    // It names a car as well, so that it is no label.
    words(before).iter().any(|word| KINDS.contains(&word.as_str()) || word == "телега")
}

fn words(text: &str) -> Vec<String> {
    text.split_whitespace()
        .map(|word| word.trim_matches(is_mark).to_lowercase())
        .filter(|word| !word.is_empty())
        .collect()
}
