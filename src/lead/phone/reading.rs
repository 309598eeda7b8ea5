//! Finds what may be meant as a phone number in a buyer's words.

use std::ops::Range;

use thiserror::Error;

use super::super::text;
use super::plan::{MIN_DIGITS, MIN_DIGITS_WITHOUT_PLUS, number};
use super::region::Region;

/// Room for an international prefix (`00`, `810`) before a full number.
const MAX_DIALLED_DIGITS: usize = 20;

/// How many readings of one text are tried: each costs a handful of regular expressions, and a text of 4,096
/// characters made of short digit groups has thousands.
const MAX_READINGS: usize = 60;

/// A number in a text.
pub(super) struct Found {
    pub(super) e164: String,
    /// Where it stands, in characters.
    pub(super) span: Range<usize>,
}

/// The first valid number in a text; the letter O counts as a zero where that makes one.
pub(super) fn find(text: &str, region: Region) -> Result<Found, PhoneError> {
    match find_as_typed(text, region) {
        Err(PhoneError::Invalid) => {
            let zeros = with_zeros(text);
            if zeros == text { Err(PhoneError::Invalid) } else { find_as_typed(&zeros, region) }
        }
        found => found,
    }
}

/// Why a text is no phone number; each variant is something the buyer can fix.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum PhoneError {
    /// No digits in it.
    #[error("there is no phone number in it")]
    NoNumber,
    /// Digits, but too few or too many, or no such number plan.
    #[error("this is not a complete phone number")]
    Invalid,
}

/// The text with `0` for each letter O that stands among digits, as in `8 95О 123-45-ОО`.
fn with_zeros(text: &str) -> String {
    let is_o = |c: char| matches!(c, 'o' | 'O' | 'о' | 'О');
    let zeros = |word: &str| {
        let among_digits = word.chars().any(|c| c.is_ascii_digit()) || word.chars().count() == 2;
        let is_number = word.chars().all(|c| is_o(c) || !c.is_alphabetic());
        if among_digits && is_number { word.replace(is_o, "0") } else { word.to_owned() }
    };
    text.split_inclusive(|c: char| !c.is_alphanumeric())
        .map(|piece| {
            let word = piece.trim_end_matches(|c: char| !c.is_alphanumeric());
            zeros(word) + &piece[word.len()..]
        })
        .collect()
}

fn find_as_typed(text: &str, region: Region) -> Result<Found, PhoneError> {
    let runs = runs(text);
    if runs.is_empty() {
        return Err(PhoneError::NoNumber);
    }
    runs.iter()
        .flat_map(Run::readings)
        .take(MAX_READINGS)
        .find_map(|reading| {
            let Reading { run, digits, groups } = reading;
            let e164 = number(run.plus.is_some(), run.code_apart(), &digits, region)?;
            let begin = run.groups.get(groups.start).map(|group| group.span.start);
            let begin = if groups.start == 0 { run.plus.or(begin) } else { begin };
            let end = run.groups.get(groups.end.wrapping_sub(1)).map(|group| group.span.end);
            Some(Found { e164, span: begin?..end? })
        })
        .ok_or(PhoneError::Invalid)
}

/// A stretch of digits with nothing between them but what people put into phone numbers.
#[derive(Default)]
struct Run {
    /// Where its `+` stands, in characters.
    plus: Option<usize>,
    groups: Vec<Group>,
}

struct Group {
    digits: String,
    /// Where it stands, in characters.
    span: Range<usize>,
    after_slash: bool,
}

/// Some groups of a run, taken for one number.
struct Reading<'a> {
    run: &'a Run,
    digits: String,
    groups: Range<usize>,
}

/// Splits a text into runs; links and e-mail addresses are left out, the digits in them are no phone.
fn runs(text: &str) -> Vec<Run> {
    let mut runs = Vec::new();
    let mut run = Run::default();
    let mut joint = None;
    let mut at = 0;
    for word in text.split_inclusive(' ') {
        // A `wa.me` link is a phone.
        if (word.contains("://") || word.contains('@')) && !word.contains("wa.me/") {
            runs.push(std::mem::take(&mut run));
            (at, joint) = (at + word.chars().count(), None);
            continue;
        }
        for c in word.chars() {
            if let Some(digit) = text::ascii_digit(c) {
                match run.groups.last_mut() {
                    Some(group) if joint.is_none() => {
                        group.digits.push(digit);
                        group.span.end = at + 1;
                    }
                    _ => run.groups.push(Group {
                        digits: digit.to_string(),
                        span: at..at + 1,
                        after_slash: joint == Some('/'),
                    }),
                }
                joint = None;
            } else if is_plus(c) {
                runs.push(std::mem::take(&mut run));
                run.plus = Some(at);
                joint = None;
            } else if is_joint(c) {
                if joint != Some('/') {
                    joint = Some(c);
                }
            } else if !text::is_invisible(c) && c != '\u{20E3}' {
                runs.push(std::mem::take(&mut run));
                joint = None;
            }
            at += 1;
        }
    }
    runs.push(run);
    runs.retain(|run| !run.groups.is_empty());
    runs
}

fn is_plus(c: char) -> bool {
    matches!(c, '+' | '＋' | '﹢')
}

fn is_joint(c: char) -> bool {
    c.is_whitespace()
        || matches!(
            c,
            '-' | '\u{2010}'
                ..='\u{2015}'
                    | '\u{2212}'
                    | '\u{30FC}'
                    | '－'
                    | '.'
                    | '·'
                    | '_'
                    | '/'
                    | '~'
                    | '('
                    | ')'
                    | '['
                    | ']'
                    | '（'
                    | '）'
                    | '\u{AD}'
        )
}

impl Run {
    /// What may be meant as one number, likeliest first: the whole run, then parts of it.
    ///
    /// A part leaves out so much that the rest is another number or a price; a digit too many is the buyer's slip, to
    /// be asked about and not cut off. A `+` always begins the number.
    fn readings(&self) -> impl Iterator<Item = Reading<'_>> + '_ {
        let digits: String = self.groups.iter().map(|g| g.digits.as_str()).collect();
        let mut ends = Vec::with_capacity(self.groups.len() + 1);
        ends.push(0);
        for group in &self.groups {
            ends.push(ends[ends.len() - 1] + group.digits.len());
        }
        let count = self.groups.len();
        let starts = if self.plus.is_some() { 0..1 } else { 0..count };
        starts
            .flat_map(move |start| {
                let furthest = count.min(start + MAX_DIALLED_DIGITS);
                (start + 1..=furthest).rev().map(move |end| (start, end))
            })
            .filter_map(move |(start, end)| {
                let (from, to) = (ends[start], ends[end]);
                let length = to - from;
                let least = match (start, end == count) {
                    (0, true) => MIN_DIGITS,
                    _ => MIN_DIGITS_WITHOUT_PLUS,
                };
                let begins = from == 0 || self.slash_at(start) || from >= 4 || length > 10;
                let stops = end == count || self.slash_at(end) || digits.len() - to >= 4;
                let fits = (least..=MAX_DIALLED_DIGITS).contains(&length);
                let reading = || Reading { run: self, digits: digits[from..to].to_owned(), groups: start..end };
                (fits && begins && stops).then(reading)
            })
    }

    /// Whether the first digits stand apart as a country code does: `+95 1 234567`, `+961 1 234567`, but not
    /// `+950 123 45 67`.
    fn code_apart(&self) -> bool {
        let length = |index: usize| self.groups.get(index).map(|group| group.digits.len());
        matches!((length(0), length(1)), (Some(2), Some(_)) | (Some(3), Some(1)))
    }

    fn slash_at(&self, index: usize) -> bool {
        self.groups.get(index).is_some_and(|group| group.after_slash)
    }
}
