//! Reads a sum of roubles out of a buyer's words.
//!
//! A wrong price in the CRM misleads a manager, a missing one does not (the answer as typed is in the note). So one
//! amount or one range gives a number, and whatever could be anything else gives 0: two sums, a foreign currency, a
//! mileage, a phone.
//!
//! The text becomes [`Token`]s, tokens become [`Part`]s (amounts and what stands around them), parts the answer.

mod tokens;
mod words;

use tokens::{Number, Token, tokens};
use words::Joint;

/// The most roubles taken: amoCRM misbehaves on very large prices, and this still fits 32 bits.
const MAX_ROUBLES: u128 = 2_000_000_000;

/// The least number without a unit taken for roubles among unknown words: `bmw 520`, `после 2020`.
const MIN_AMONG_WORDS: u128 = 10_000;

const THOUSAND: u64 = 1_000;
const MILLION: u64 = 1_000_000;
const BILLION: u64 = 1_000_000_000;

/// The roubles a text names, 1 to 2,000,000,000; a range gives its upper bound, anything unclear 0.
pub(super) fn roubles(text: &str) -> i64 {
    tokens(text)
        .and_then(|tokens| answer(&tokens))
        .filter(|value| *value <= MAX_ROUBLES)
        .and_then(|value| i64::try_from(value).ok())
        .unwrap_or(0)
}

/// A fraction, exact where a float is not: `2,3 млн` is 2,300,000.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Ratio {
    numerator: u64,
    denominator: u64,
}

impl Ratio {
    fn times(self, size: u64) -> u128 {
        u128::from(self.numerator) * u128::from(size) / u128::from(self.denominator.max(1))
    }
}

#[derive(Debug, Clone, Copy, PartialEq)]
struct Amount {
    number: Number,
    unit: Option<u64>,
    /// The smaller sum behind a unit, in roubles: the 300,000 of `2 млн 300 тысяч`.
    rest: u128,
    /// `миллион`, without a number.
    is_bare: bool,
    /// Something unknown follows at once: `2 машины`, `320d`.
    counts_something: bool,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Part {
    Amount(Amount),
    Joint(Joint),
    Stranger,
}

impl Amount {
    /// Roubles; `None` for what is no sum on its own (`2,5` or `два` without a unit).
    fn value(&self) -> Option<u128> {
        let value = match self.unit {
            Some(size) => self.number.scaled_for(size).times(size) + self.rest,
            None if self.number.in_words => return None,
            None => self.number.whole_roubles()?,
        };
        (value > 0).then_some(value)
    }

    fn with_unit(&self, size: u64) -> Self {
        Self {
            unit: Some(size),
            ..*self
        }
    }
}

fn answer(tokens: &[Token]) -> Option<u128> {
    let parts = parts(tokens);
    let amounts: Vec<&Amount> = parts
        .iter()
        .filter_map(|part| match part {
            Part::Amount(amount) => Some(amount),
            _ => None,
        })
        .collect();
    let value = match amounts.as_slice() {
        [one] => one.value()?,
        [low, high] if is_range(&parts) => upper_bound(low, high)?,
        _ => return None,
    };
    let has_unit = amounts.iter().any(|amount| amount.unit.is_some());
    let is_marked = has_unit || tokens.contains(&Token::Home);
    let has_strangers = parts.contains(&Part::Stranger);
    let is_unclear = (has_strangers && !is_marked && value < MIN_AMONG_WORDS)
        || (has_strangers && amounts.iter().any(|amount| amount.is_bare))
        || amounts
            .iter()
            .any(|amount| amount.counts_something && amount.unit.is_none());
    (!is_unclear).then_some(value)
}

fn parts(tokens: &[Token]) -> Vec<Part> {
    let mut parts = Vec::new();
    let mut rest = tokens;
    while let [token, behind @ ..] = rest {
        rest = behind;
        let (number, unit, is_bare) = match (*token, rest) {
            (Token::Number(number), [Token::Unit(size), behind @ ..]) => {
                rest = behind;
                (number, Some(*size), false)
            }
            (Token::Number(number), _) => (number, None, false),
            (Token::Sum(number, size), _) => (number, Some(size), true),
            (Token::Joint(joint), _) => {
                parts.push(Part::Joint(joint));
                continue;
            }
            (Token::Stranger | Token::Unit(_), _) => {
                parts.push(Part::Stranger);
                continue;
            }
            (Token::Home | Token::Filler, _) => continue,
        };
        let smaller = unit.and_then(|size| smaller_sum(rest, size));
        if let Some((_, length)) = smaller {
            rest = &rest[length..];
        }
        parts.push(Part::Amount(Amount {
            number,
            unit,
            rest: smaller.map_or(0, |(roubles, _)| roubles),
            is_bare,
            counts_something: matches!(rest, [Token::Stranger, ..]),
        }));
    }
    parts
}

/// The `300 тысяч` of `2 млн 300 тысяч`, or the `300` of `2 млн 300`, in roubles, and how many tokens it takes.
fn smaller_sum(tokens: &[Token], size: u64) -> Option<(u128, usize)> {
    let (roubles, length) = match tokens {
        [Token::Number(number), Token::Unit(smaller), ..] if *smaller < size => {
            (number.scaled_for(*smaller).times(*smaller), 2)
        }
        [Token::Number(number)] if size == MILLION => {
            let thousands = number.ratio.times(1);
            let is_plain = number.ratio.denominator == 1 && (100..1000).contains(&thousands);
            (is_plain.then(|| thousands * u128::from(THOUSAND))?, 1)
        }
        _ => return None,
    };
    (roubles < u128::from(size)).then_some((roubles, length))
}

/// Whether nothing but a dash or `до` stands between two amounts (or `и` behind `между`).
fn is_range(parts: &[Part]) -> bool {
    let is_amount = |part: &Part| matches!(part, Part::Amount(_));
    let mut around = parts.split(is_amount);
    let (before, between) = (around.next(), around.next());
    match between {
        Some([Part::Joint(Joint::Dash | Joint::To)]) => true,
        Some([Part::Joint(Joint::And)]) => {
            before.is_some_and(|parts| parts.contains(&Part::Joint(Joint::Between)))
        }
        _ => false,
    }
}

/// A bound without a unit borrows the other's where that makes a range: `2-3 млн`, `2 млн – 3`, `900 – 1 млн`.
fn upper_bound(low: &Amount, high: &Amount) -> Option<u128> {
    match (low.unit, high.unit) {
        (Some(size), None) => [high.value(), high.with_unit(size).value()]
            .into_iter()
            .flatten()
            .find(|value| Some(*value) >= low.value()),
        (None, Some(_)) => high.value(),
        _ => Some(low.value()?.max(high.value()?)),
    }
}
