//! Finds the name in the words between the other answers of a message.

use std::ops::Range;

use super::super::{
    amount,
    name::{
        Name,
        cars::{MAKES, MODELS},
        greeting::greeting_length,
        introduction,
        spelling::{has_name_case, is_emoji, is_letters, longest_beginning},
        wish::{self, WISH_WORDS},
    },
};
use super::given::is_given_name;

/// How sure it is that somebody is called so.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Sureness {
    /// All that stands between two commas can be a name.
    Possible,
    /// One of its words is a given name.
    Given,
    /// The buyer says so.
    Introduced,
}

/// A name in a stretch of words.
#[derive(Debug)]
pub(super) struct Candidate {
    pub(super) sureness: Sureness,
    pub(super) name: Name,
    /// What says it, with its introduction, in bytes.
    pub(super) span: Range<usize>,
}

/// What stands in front of a name, in lower case.
const INTRODUCTIONS: &[&str] = &[
    "меня зовут",
    "меня звать",
    "зовут меня",
    "зовите меня",
    "зовут",
    "мое имя",
    "моё имя",
    "имя",
    "фио",
    "my name is",
    "my name's",
    "name is",
    "name",
    "call me",
];

/// The same in front of a given name only, as anything may follow them.
const WEAK_INTRODUCTIONS: &[&str] = &["я", "это", "i am", "i'm", "im", "this is", "it's"];

/// Ends of surnames and patronymics, in lower case: `Чернова` is no colour.
const ENDS_OF_SURNAMES: &[&str] = &[
    "ов",
    "ова",
    "ев",
    "ева",
    "ёв",
    "ёва",
    "ин",
    "ина",
    "ын",
    "ына",
    "ский",
    "ская",
    "цкий",
    "цкая",
    "ко",
    "ян",
    "дзе",
    "швили",
    "ук",
    "юк",
    "ич",
    "вна",
    "оглы",
    "кызы",
    "ер",
    "ман",
    "ец",
    "ик",
];

/// The likeliest name in a stretch of words without commas.
pub(super) fn candidate(words: &str) -> Option<Candidate> {
    let start = greeting_length(words).unwrap_or(0);
    let start = words.len() - words[start..].trim_start_matches(is_mark).len();
    introduced(words).or_else(|| given(words, start)).or_else(|| possible(words, start))
}

fn introduced(words: &str) -> Option<Candidate> {
    let sureness = Sureness::Introduced;
    let says_more = words.split(' ').count() > 6;
    if !says_more
        && let Some(name) = introduction::introduced(words)
        && (is_capitalized(name) || name.split(' ').count() < 3)
        && !name.split(' ').skip(1).any(|word| is_of_a_wish(word) || is_joint(word))
        && !name.split(' ').any(is_denial)
        && let Ok(name) = Name::parse(words)
        && says_so(words)
    {
        return Some(Candidate { sureness, name, span: 0..words.len() });
    }
    word_starts(words).find_map(|at| {
        let (known, weak) =
            (longest_beginning(&words[at..], INTRODUCTIONS), longest_beginning(&words[at..], WEAK_INTRODUCTIONS));
        let behind = at + known.or(weak)?;
        let begin = words.len() - words[behind..].trim_start_matches(is_mark).len();
        let end = end_of_name(words, begin, known.is_some())?;
        let is_sure = known.is_some() || has_given(&words[begin..end]);
        let name = Name::parse(&format!("Меня зовут {}", words[begin..end].trim_matches(is_mark))).ok()?;
        is_sure.then_some(Candidate { sureness, name, span: at..end })
    })
}

/// Whether these words say that somebody is called so, and are no bare name.
fn says_so(words: &str) -> bool {
    let known = [INTRODUCTIONS, WEAK_INTRODUCTIONS].concat();
    word_starts(words).any(|at| longest_beginning(&words[at..], &known).is_some())
}

/// A name at the beginning of the words, or at their end, with a given name in it.
fn given(words: &str, start: usize) -> Option<Candidate> {
    let is_first = |at: &usize| *at == start;
    let starts = word_starts(words).filter(|at| *at >= start);
    starts.into_iter().find_map(|at| {
        let end = end_of_name(words, at, false)?;
        let said = &words[at..end];
        let is_last = end == words.len() && is_capitalized(said) && is_given_name(&lower(first_word(said)));
        let fits = has_given(said) && (is_first(&at) || is_last);
        let name = Name::parse(&format!("Меня зовут {}", said.trim_matches(is_mark))).ok().filter(|_| fits)?;
        Some(Candidate { sureness: Sureness::Given, name, span: at..end })
    })
}

/// Words that are nothing but a name, as far as can be told.
fn possible(words: &str, start: usize) -> Option<Candidate> {
    let said = words[start..].trim_matches(is_mark);
    let parts: Vec<&str> = said.split(' ').collect();
    let is_ordinary = |word: &&str| {
        if is_initial(word) {
            return false;
        }
        let word = lower(word.trim_matches('.'));
        let is_surname = ENDS_OF_SURNAMES.iter().any(|end| word.ends_with(end)) && parts.len() > 1;
        !is_surname && (is_of_a_wish(&word) || amount::is_everyday(&word) || is_joint(&word))
    };
    let reads_as_speech = |word: &&str| {
        const ENDS: [&str; 12] = ["но", "ро", "го", "ть", "те", "ая", "яя", "ый", "ий", "ые", "ую", "ся"];
        let word = lower(word);
        ENDS.iter().any(|end| word.ends_with(end)) && word.chars().count() > 4
    };
    let is_name = is_letters(said)
        && parts.len() <= 4
        && !parts.iter().any(is_ordinary)
        && (is_capitalized(said) && parts.len() > 1 || !parts.iter().any(reads_as_speech))
        && (is_capitalized(said) || parts.len() <= 2)
        && !wish::is_wish(said);
    let name = is_name.then(|| Name::parse(said).ok()).flatten()?;
    Some(Candidate { sureness: Sureness::Possible, name, span: start..words.len() })
}

/// Where the name ends that begins at a place: at most four words, none of them a wish's; behind one in upper case no word in
/// lower case, behind one in lower case only what looks like a surname.
fn end_of_name(words: &str, start: usize, is_introduced: bool) -> Option<usize> {
    let mut end = None;
    let mut first_is_capitalized = false;
    let mut at = start;
    for (index, piece) in words[start..].split(' ').enumerate().take(4) {
        let word = piece.trim_matches(is_mark);
        let goes_on = match index {
            _ if is_initial(piece) => {
                first_is_capitalized |= index == 0;
                true
            }
            _ if !is_letters(word) || is_of_a_wish(word) || is_joint(word) || is_denial(word) => false,
            0 => {
                first_is_capitalized = is_capitalized(word);
                is_introduced || first_is_capitalized || is_given_name(&lower(word))
            }
            _ if first_is_capitalized => is_capitalized(word) && (!amount::is_everyday(word) || is_surname(word)),
            _ => !is_capitalized(word) && (is_surname(word) || is_given_name(&lower(word))),
        };
        if !goes_on {
            break;
        }
        at += piece.len();
        end = Some(at);
        at += 1;
        // `Иван, …` and `Иван!` end; `И.` goes on.
        if piece.ends_with(|c: char| ",!:;)".contains(c)) {
            break;
        }
    }
    end
}

/// `И.`
fn is_initial(word: &str) -> bool {
    let mut letters = word.chars();
    letters.next().is_some_and(char::is_uppercase) && letters.as_str() == "."
}

fn has_given(words: &str) -> bool {
    words.split(' ').any(|word| is_given_name(&lower(word.trim_matches(is_mark))))
}

fn is_surname(word: &str) -> bool {
    let word = lower(word);
    word.chars().count() > 3 && ENDS_OF_SURNAMES.iter().any(|end| word.ends_with(end))
}

/// Whether a word is of a wish, or of a car.
fn is_of_a_wish(word: &str) -> bool {
    let word = lower(word.trim_matches(is_mark));
    WISH_WORDS.contains(&word.as_str())
        || MAKES.contains(&word.as_str())
        || MODELS.contains(&word.as_str())
        || word.chars().any(|c| c.is_ascii_digit())
}

/// Whether a word joins others, and is no part of a name.
fn is_joint(word: &str) -> bool {
    const JOINTS: &[&str] = &[
        "и",
        "а",
        "но",
        "или",
        "из",
        "с",
        "со",
        "в",
        "во",
        "на",
        "для",
        "от",
        "до",
        "по",
        "за",
        "у",
        "к",
        "о",
        "об",
        "не",
        "ещё",
        "еще",
        "уже",
        "вот",
        "как",
        "что",
        "чтобы",
        "and",
        "or",
        "but",
        "from",
        "in",
        "for",
        "to",
        "with",
        "at",
        "the",
        "of",
        "is",
        "are",
        "on",
        "about",
        "мой",
        "моя",
        "мне",
        "my",
        "me",
        "you",
        "вы",
        "мы",
        "он",
        "она",
        "тел",
        "моб",
        "phone",
        // Whose a second phone is.
        "жена",
        "жены",
        "жене",
        "муж",
        "мужа",
        "мама",
        "мамы",
        "папа",
        "папы",
        "сын",
        "сына",
        "дочь",
        "дочки",
        "брат",
        "брата",
        "сестра",
        "сестры",
        "wife",
        "husband",
        "mom",
        "dad",
    ];
    JOINTS.contains(&lower(word).as_str())
}

/// Whether a word says that a name is another one: `имя неправильное`.
fn is_denial(word: &str) -> bool {
    const DENIALS: [&str; 8] =
        ["неправильн", "неверн", "друго", "изменить", "исправ", "wrong", "incorrect", "different"];
    DENIALS.iter().any(|denial| lower(word).starts_with(denial))
}

fn is_capitalized(words: &str) -> bool {
    has_name_case(words.trim_matches(is_mark))
}

fn first_word(words: &str) -> &str {
    words.split(' ').next().unwrap_or_default().trim_matches(is_mark)
}

fn lower(word: &str) -> String {
    word.to_lowercase()
}

/// Where words begin, in bytes.
fn word_starts(words: &str) -> impl Iterator<Item = usize> + '_ {
    words.char_indices().filter_map(|(at, c)| {
        let before = words[..at].chars().next_back().unwrap_or(' ');
        (c.is_alphanumeric() && !before.is_alphanumeric() && !"-'’".contains(before)).then_some(at)
    })
}

/// What stands around words and is no part of them.
pub(super) fn is_mark(c: char) -> bool {
    c.is_whitespace() || ",.!:;?()[]«»\"…-–—_*/|•=>→，。！、".contains(c) || is_emoji(c)
}
