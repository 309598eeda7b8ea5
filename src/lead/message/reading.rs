//! How a message is read: each answer is taken out before the next kind is looked for.

use std::ops::Range;

use super::{
    money::{self, TAKEN},
    people::{self, Candidate, Sureness, is_mark},
    phones,
    said::{Part, Said, Says},
};
use crate::lead::{Budget, Phone, Region, car_link, name::greeting, text};

/// Sums are looked for in so many characters of a message.
const LONGEST_ANSWERS: usize = 500;

/// A message has at most so many phones and sums.
const MOST: usize = 4;

impl Said {
    /// Reads a message and the addresses it holds without showing them.
    pub fn read(message: &str, hidden: &[String], region: Region) -> Self {
        let text = readable(message);
        let (link, spans) = car_link::in_text(&text, hidden);
        let mut reading =
            Reading { masked: text.clone(), found: Vec::new(), is_introduction: false, has_link: link.is_some() };
        spans.into_iter().for_each(|span| reading.mask(&span));
        reading.money(|text, _| money::marked(text, |run| is_phone(run, region)), region);
        reading.phones(region);
        reading.money(|text, _| money::bare(text), region);
        let phones: Vec<(Range<usize>, &Phone)> = reading.phones_found().collect();
        let own_phone = phones::own(&text, &phones).cloned();
        reading.words(&text, own_phone.as_ref());
        let is_introduction = reading.is_introduction;
        let parts = reading.in_order(&text).into_iter();
        let parts = parts.map(|(span, says)| Part { text: line(text[span].trim_matches(is_around)), says });
        Self { parts: parts.filter(|part| !part.text.is_empty()).collect(), link, is_introduction, own_phone }
    }
}

/// A text as lines of readable characters and single kinds of blanks.
fn readable(message: &str) -> String {
    let lines = message.replace("\r\n", "\n").replace('\r', "\n");
    lines
        .chars()
        .filter(|c| *c == '\n' || *c != '\u{AD}' && !text::is_unreadable(*c))
        .map(|c| if c != '\n' && c.is_whitespace() { ' ' } else { c })
        .collect()
}

/// Lines as one, with commas between those that have no mark of their own.
fn line(text: &str) -> String {
    let lines = text.lines().map(text::clean).filter(|line| !line.is_empty());
    lines
        .reduce(|before, next| {
            let ends = before.ends_with(|c: char| c.is_ascii_punctuation() || c == '…');
            format!("{before}{}{next}", if ends { " " } else { ", " })
        })
        .unwrap_or_default()
}

/// A text of the same length in which nothing is found in codes (`def50200a1f…`, a uuid, a token).
fn without_codes(text: &str) -> String {
    let is_of_code = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    text.split_inclusive(|c| !is_of_code(c))
        .map(|word| {
            let code = word.trim_end_matches(|c| !is_of_code(c));
            if is_code(code) { format!("{}{}", "|".repeat(code.len()), &word[code.len()..]) } else { word.to_owned() }
        })
        .collect()
}

/// Whether a word of ASCII letters, digits, `-` and `_` is long and goes to and fro between letters and digits.
fn is_code(word: &str) -> bool {
    let kinds: Vec<bool> = word.chars().filter(char::is_ascii_alphanumeric).map(|c| c.is_ascii_digit()).collect();
    word.len() >= 20 && kinds.windows(2).filter(|pair| pair[0] != pair[1]).count() >= 3
}

/// Whether a run of digits is a phone as a whole.
fn is_phone(run: &str, region: Region) -> bool {
    let is_whole = |span: Range<usize>| text::digits_in(&run[span]) == text::digits_in(run);
    text::digits_in(run) >= LEAST_DIGITS && Phone::find_in(run, region).is_some_and(|(_, span)| is_whole(span))
}

/// Fewer digits are easily something else.
const LEAST_DIGITS: usize = 10;

/// What was found of a message so far.
struct Reading {
    /// The message with [`TAKEN`] for all that was found.
    masked: String,
    found: Vec<(Range<usize>, Says)>,
    is_introduction: bool,
    has_link: bool,
}

impl Reading {
    fn mask(&mut self, span: &Range<usize>) {
        self.masked.replace_range(span.clone(), &String::from(TAKEN).repeat(span.len()));
    }

    fn take(&mut self, span: Range<usize>, says: Says) {
        self.mask(&span);
        self.found.push((span, says));
    }

    fn money(&mut self, find: impl Fn(&str, Region) -> Option<(Budget, Range<usize>)>, region: Region) {
        // Who answers in one message is short; what is long is a text about cars.
        let head = |text: &str| text.char_indices().nth(LONGEST_ANSWERS).map_or(text.len(), |(at, _)| at);
        for _ in 0..MOST {
            let Some((budget, span)) = find(&self.masked[..head(&self.masked)], region) else { return };
            self.take(span, Says::Money(budget));
        }
    }

    fn phones(&mut self, region: Region) {
        for _ in 0..MOST {
            // A new line begins something new.
            let lines = money::with_phones_apart(&without_codes(&self.masked.replace('\n', "|")));
            let Some((phone, span)) = Phone::find_in(&lines, region) else { return };
            if text::digits_in(&lines[span.clone()]) < LEAST_DIGITS {
                return;
            }
            self.take(span, Says::Phone(phone));
        }
    }

    fn phones_found(&self) -> impl Iterator<Item = (Range<usize>, &Phone)> {
        self.found.iter().filter_map(|(span, says)| match says {
            Says::Phone(phone) => Some((span.clone(), phone)),
            _ => None,
        })
    }

    /// Whether a phone begins here that is not the buyer's own, beside which that one stands.
    fn is_of_another(&self, at: usize, own: Option<&Phone>) -> bool {
        let begin = at + self.masked[at..].len() - self.masked[at..].trim_start_matches([' ', ':', ',']).len();
        own.is_some_and(|own| self.phones_found().any(|(span, phone)| span.start == begin && phone != own))
    }

    /// Parts what is left into the name and the other words.
    fn words(&mut self, text: &str, own: Option<&Phone>) {
        let mut stretches = Vec::new();
        let mut begin = 0;
        let ends: Vec<(usize, usize)> =
            money::ends(&self.masked).chain([(self.masked.len(), self.masked.len())]).collect();
        for (end, next) in ends {
            let said = &self.masked[begin..end];
            let from = begin + said.len() - said.trim_start_matches(is_around).len();
            let to = from + self.masked[from..end].trim_end_matches(is_around).len();
            let whole = to;
            let to = if self.masked[end..].starts_with(TAKEN) { without_label(&self.masked, from..to) } else { to };
            // What is said of another phone tells them apart.
            if from < whole && self.is_of_another(end, own) && phones::tells_apart(&text[from..whole]) {
                self.found.push((from..whole, Says::Words));
            } else if from < to {
                stretches.push(from..to);
            }
            begin = next;
        }
        let candidates: Vec<Option<Candidate>> =
            stretches.iter().map(|span| people::candidate(&text[span.clone()])).collect();
        let surest = candidates.iter().flatten().map(|candidate| candidate.sureness).max();
        let mut names = candidates.iter().flatten().filter(|candidate| Some(candidate.sureness) == surest);
        // Of two people none is known to be the buyer.
        let chosen = names.next().filter(|first| names.all(|other| other.name == first.name)).map(|one| one.sureness);
        let mut is_found = false;
        for (span, candidate) in stretches.into_iter().zip(candidates) {
            match candidate {
                Some(candidate) if Some(candidate.sureness) == chosen && !is_found => {
                    is_found = true;
                    self.is_introduction = candidate.sureness == Sureness::Introduced;
                    let (from, to) = (span.start + candidate.span.start, span.start + candidate.span.end);
                    self.words_in(text, span.start..from);
                    self.found.push((from..to, Says::Name(candidate.name)));
                    self.words_in(text, to..span.end);
                }
                _ => self.words_in(text, span),
            }
        }
    }

    /// What was found, in order; words with nothing but marks between them are one.
    fn in_order(mut self, text: &str) -> Vec<(Range<usize>, Says)> {
        self.found.sort_by_key(|(span, _)| span.start);
        let mut parts: Vec<(Range<usize>, Says)> = Vec::new();
        for (span, says) in self.found {
            match parts.last_mut() {
                Some((before, Says::Words))
                    if says == Says::Words
                        && self.masked.get(before.end..span.start).is_some_and(|between| !between.contains(TAKEN))
                        && !text[before.end..span.start].contains(char::is_alphanumeric) =>
                {
                    before.end = span.end;
                }
                _ => parts.push((span, says)),
            }
        }
        parts
    }

    /// Keeps words, unless they say nothing.
    fn words_in(&mut self, text: &str, span: Range<usize>) {
        let said = text[span.clone()].trim_matches(is_around);
        // `и авито` between two links says no more than they do.
        if says_something(said) && !(self.has_link && names_sites(said)) {
            self.found.push((span, Says::Words));
        }
    }
}

/// Whether words are more than a greeting, a courtesy and the names of what stands beside them.
fn says_something(words: &str) -> bool {
    let is_label = |word: &str| is_label(&word.trim_matches(is_mark).to_lowercase());
    let says_more = words.split_whitespace().any(|word| word.chars().any(char::is_alphanumeric) && !is_label(word));
    says_more && !greeting::is_courtesy(words)
}

/// Whether words only name where links lead to.
fn names_sites(words: &str) -> bool {
    const SITES: &[&str] = &[
        "авито",
        "avito",
        "дром",
        "drom",
        "авто",
        "ру",
        "auto",
        "ru",
        "com",
        "энкар",
        "энкор",
        "encar",
        "сайт",
        "сайта",
        "объявление",
        "объявления",
        "ещё",
        "еще",
        "также",
    ];
    let is_of_site = |word: &str| {
        let word = word.trim_matches(is_mark).to_lowercase();
        word.is_empty() || word.split('.').all(|part| SITES.contains(&part) || is_label(part))
    };
    words.split_whitespace().all(is_of_site)
}

/// The words before a place where something was found, without its name: `тел.`, `ссылка:`.
fn without_label(text: &str, span: Range<usize>) -> usize {
    let mut end = span.end;
    while let Some(word) = text[span.start..end].split(' ').next_back().filter(|word| !word.is_empty()) {
        if !is_label(&word.trim_matches(is_mark).to_lowercase()) {
            break;
        }
        end = span.start + text[span.start..end - word.len()].trim_end_matches(is_around).len();
    }
    end
}

/// Whether a word only names what stands beside it, in lower case.
pub(super) fn is_label(word: &str) -> bool {
    LABELS.contains(&word) || phones::KINDS.contains(&word)
}

/// Such words, beside those that name what a phone is for.
const LABELS: &[&str] = &[
    "тел",
    "телефон",
    "телефона",
    "телефону",
    "номер",
    "номеру",
    "мои",
    "вот",
    "это",
    "звоните",
    "по",
    "и",
    "а",
    "с",
    "смотри",
    "смотрите",
    "посмотрите",
    "ссылка",
    "ссылку",
    "ссылке",
    "бюджет",
    "бюджета",
    "бюджетом",
    "имя",
    "phone",
    "tel",
    "mob",
    "number",
    "is",
    "and",
    "budget",
    "link",
    "here",
    "the",
    "name",
    "call",
    "no",
    "на",
    "у",
    "меня",
    "до",
    "за",
];

/// What stands around an answer and is no part of it.
fn is_around(c: char) -> bool {
    c.is_whitespace() || c == TAKEN || ",;:.…-–—|•=→()[]".contains(c) || text::is_invisible(c)
}
