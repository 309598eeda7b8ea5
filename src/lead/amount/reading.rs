//! Makes amounts of tokens, and of those the one price, or none.

use super::ratio::{MILLION, THOUSAND};
use super::tokens::{Number, Token};
use super::words::Joint;

/// The least number without a unit taken for roubles among unknown words: `bmw 520`, `после 2020`.
const MIN_AMONG_WORDS: u128 = 10_000;

/// The least number that is taken for a car's id where it stands alone and is not whole thousands: `38427498`.
const MIN_ID: u128 = 10_000_000;

/// A sum below this beside `кредит` or `рассрочка` is one of its payments.
const MIN_ON_CREDIT: u128 = 300_000;

/// How far apart the bounds of a range are at most where one has no unit of its own.
const WIDEST_RANGE: u128 = 10;

#[derive(Debug, Clone, Copy, PartialEq)]
struct Amount {
    number: Number,
    unit: Option<u64>,
    /// The smaller sum behind a unit, in roubles: the 300,000 of `2 млн 300 тысяч`.
    rest: u128,
    /// `миллион`, without a number.
    is_bare: bool,
    /// Something unknown follows at once: `2 машины`, `320d`, `30 тыс тугров`.
    counts_something: bool,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Part {
    Amount(Amount),
    Joint(Joint),
    Payment,
    OtherSum,
    Harmless,
    Stranger,
    Comma,
    Break,
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

    fn with_unit(&self, size: u64) -> Option<u128> {
        Self { unit: Some(size), ..*self }.value()
    }

    /// Whether this is a sum of money by itself: it has a unit or is large.
    fn is_marked(&self) -> bool {
        self.unit.is_some() || self.value().is_some_and(|value| value >= MIN_AMONG_WORDS)
    }

    fn may_be_an_id(&self) -> bool {
        let is_plain = self.unit.is_none() && !self.number.is_grouped;
        is_plain && self.value().is_some_and(|value| value >= MIN_ID && value % u128::from(THOUSAND) != 0)
    }

    fn is_year(&self) -> bool {
        self.unit.is_none() && self.number.is_year()
    }
}

/// Roubles; `None` when there is no one amount or range.
pub(super) fn roubles(tokens: &[Token]) -> Option<u128> {
    let mut parts = parts(tokens);
    let largest_payment = take_out_payments(&mut parts)?;
    take_out_names(&mut parts);
    let amounts = amounts(&parts);
    let has_roubles = tokens.contains(&Token::Rouble);
    let has_strangers = parts.contains(&Part::Stranger);
    let has_words = has_strangers || parts.contains(&Part::Harmless);
    let may_be_millions = !has_roubles && !has_words && largest_payment == 0;
    let value = match amounts.as_slice() {
        [one] => bare_millions(one).filter(|_| may_be_millions).or_else(|| one.value())?,
        [low, high] if is_range(&parts) => upper_bound(low, high, may_be_millions)?,
        _ => return None,
    };
    let has_unit = amounts.iter().any(|amount| amount.unit.is_some());
    let is_unclear = (has_words && !has_unit && !has_roubles && value < MIN_AMONG_WORDS)
        || (has_strangers && amounts.iter().any(|amount| amount.is_bare))
        || amounts.iter().any(|amount| amount.counts_something)
        || amounts.iter().all(|amount| amount.is_year() && !has_roubles)
        || (!has_roubles && amounts.iter().any(Amount::may_be_an_id))
        || (tokens.contains(&Token::Credit) && value < MIN_ON_CREDIT)
        || value <= largest_payment
        // `по 40 тысяч`: each, not all.
        || parts.windows(2).any(|pair| matches!(pair, [Part::Joint(Joint::Other), Part::Amount(_)]));
    (!is_unclear).then_some(value)
}

fn amounts(parts: &[Part]) -> Vec<Amount> {
    parts
        .iter()
        .filter_map(|part| match part {
            Part::Amount(amount) => Some(*amount),
            _ => None,
        })
        .collect()
}

fn bare_millions(amount: &Amount) -> Option<u128> {
    if amount.unit.is_none() { amount.number.as_millions() } else { None }
}

fn parts(tokens: &[Token]) -> Vec<Part> {
    let mut parts = Vec::new();
    let mut rest = tokens;
    while let [token, behind @ ..] = rest {
        let before = tokens[..tokens.len() - rest.len()].last();
        rest = behind;
        let plain = match *token {
            Token::Number(_) | Token::Sum { .. } => None,
            Token::Unit(_) if inverted(tokens, rest) => None,
            Token::Tolerance => {
                if parts.iter().any(|part| matches!(part, Part::Amount(_))) {
                    rest = without_amount(rest);
                }
                continue;
            }
            Token::Joint(joint) => Some(Part::Joint(joint)),
            Token::Payment => Some(Part::Payment),
            Token::OtherSum => Some(Part::OtherSum),
            Token::Harmless | Token::Numbered => Some(Part::Harmless),
            Token::Comma => Some(Part::Comma),
            Token::Break => Some(Part::Break),
            Token::Stranger | Token::Unit(_) => Some(Part::Stranger),
            Token::Rouble | Token::Filler | Token::Credit => continue,
        };
        if let Some(part) = plain {
            parts.push(part);
            continue;
        }
        let (number, unit, is_bare, length) = match (*token, rest) {
            (Token::Number(number), [Token::Unit(size), ..]) => (number, Some(*size), false, 1),
            (Token::Number(number), _) => (number, None, false, 0),
            (Token::Unit(size), [Token::Number(number), ..]) => (*number, Some(size), false, 1),
            (Token::Sum { size, inverts: true, .. }, [Token::Number(number), ..])
                if inverted(tokens, rest) && number.ratio.times(1) < 100 =>
            {
                (*number, Some(size), false, 1)
            }
            (Token::Sum { number, size, .. }, _) => (number, Some(size), true, 0),
            _ => continue,
        };
        rest = &rest[length..];
        let smaller = unit.and_then(|size| smaller_sum(rest, size));
        if let Some((_, length)) = smaller {
            rest = &rest[length..];
        }
        let is_name = unit.is_none() && number.whole_roubles().is_none_or(|value| value < MIN_AMONG_WORDS);
        // `Mazda 3 500 тыс` and `Mazda 3 500 000` may be a Mazda 3.
        let may_be_two = number.is_grouped
            && match before {
                Some(Token::Numbered) => true,
                Some(Token::Stranger) => unit == Some(THOUSAND),
                _ => false,
            };
        parts.push(Part::Amount(Amount {
            number,
            unit,
            rest: smaller.map_or(0, |(roubles, _)| roubles),
            is_bare,
            counts_something: match rest {
                [Token::Stranger, ..] => true,
                [Token::Harmless | Token::Numbered, ..] => is_name || may_be_two,
                _ => may_be_two,
            },
        }));
    }
    parts
}

/// Whether a number without a unit of its own stands behind a unit, which has none before it: `тысяч 500`.
fn inverted(tokens: &[Token], rest: &[Token]) -> bool {
    let before = tokens.len() - rest.len() - 1;
    let has_number = before > 0 && matches!(tokens[before - 1], Token::Number(_));
    !has_number
        && matches!(rest, [Token::Number(_)] | [Token::Number(_), ..])
        && !matches!(rest, [_, Token::Unit(_), ..])
}

/// What follows behind an amount that says how exact another is.
fn without_amount(tokens: &[Token]) -> &[Token] {
    let fillers = tokens.iter().take_while(|token| **token == Token::Filler).count();
    match &tokens[fillers..] {
        [Token::Number(_), Token::Unit(_), rest @ ..] | [Token::Number(_) | Token::Sum { .. }, rest @ ..] => rest,
        _ => tokens,
    }
}

/// The `300 тысяч` of `2 млн 300 тысяч`, or the `300` of `2 млн 300`, in roubles, and how many tokens it takes.
fn smaller_sum(tokens: &[Token], size: u64) -> Option<(u128, usize)> {
    let (roubles, length) = match tokens {
        [Token::Number(number), Token::Unit(smaller), ..] if *smaller < size => {
            (number.scaled_for(*smaller).times(*smaller), 2)
        }
        [Token::Comma, Token::Number(number), Token::Unit(smaller), ..] if *smaller < size => {
            (number.scaled_for(*smaller).times(*smaller), 3)
        }
        [Token::Number(number)] | [Token::Number(number), Token::Filler | Token::Comma | Token::Break, ..]
            if size == MILLION =>
        {
            let thousands = number.ratio.times(1);
            let is_plain = number.ratio.denominator == 1 && (100..1000).contains(&thousands);
            (is_plain.then(|| thousands * u128::from(THOUSAND))?, 1)
        }
        _ => return None,
    };
    (roubles < u128::from(size)).then_some((roubles, length))
}

/// Takes out payments, mileages and the like: the amounts beside such a word between two commas. Gives the largest payment, 0
/// where there is none; `None` when it cannot be told which amount is meant.
fn take_out_payments(parts: &mut Vec<Part>) -> Option<u128> {
    let mut largest = 0;
    let mut kept = Vec::with_capacity(parts.len());
    for clause in parts.split_inclusive(|part| matches!(part, Part::Comma | Part::Break)) {
        let Some(at) = clause.iter().position(|part| matches!(part, Part::Payment | Part::OtherSum)) else {
            kept.extend_from_slice(clause);
            continue;
        };
        let amounts = amounts(clause);
        let taken = match amounts.as_slice() {
            [] if clause[at] == Part::Payment => return None,
            [] => 0..0,
            [_] => 0..clause.len(),
            [_, _] if is_range(clause) => 0..clause.len(),
            _ => beside(clause, at)?,
        };
        for (index, part) in clause.iter().enumerate() {
            match part {
                Part::Amount(amount) if taken.contains(&index) => {
                    if clause[at] == Part::Payment {
                        largest = largest.max(amount.value().unwrap_or(1));
                    }
                }
                Part::Payment | Part::OtherSum => {}
                // What else is said of a payment says nothing of the budget.
                Part::Stranger | Part::Harmless | Part::Joint(_) if taken.len() == clause.len() => {}
                part => kept.push(*part),
            }
        }
    }
    *parts = kept;
    Some(largest)
}

/// The amount right behind a word, or else right before it.
fn beside(clause: &[Part], at: usize) -> Option<std::ops::Range<usize>> {
    let is_amount = |index: usize| matches!(clause.get(index), Some(Part::Amount(_)));
    let behind = match clause.get(at + 1) {
        Some(Part::Joint(Joint::To)) => at + 2,
        _ => at + 1,
    };
    if is_amount(behind) {
        Some(behind..behind + 1)
    } else if at > 0 && is_amount(at - 1) {
        Some(at - 1..at)
    } else {
        None
    }
}

/// Takes out the `320` of `BMW 320 за 2 млн` and the year of `Camry, 2021, 2 млн`: numbers beside a sum that are none.
fn take_out_names(parts: &mut Vec<Part>) {
    if !amounts(parts).iter().any(Amount::is_marked) {
        return;
    }
    let is_name = |index: usize, amount: &Amount| {
        let before = index.checked_sub(1).and_then(|before| parts.get(before));
        let is_of_a_name = matches!(before, Some(Part::Stranger | Part::Harmless)) && !amount.counts_something;
        let is_apart = |part: Option<&Part>| !matches!(part, Some(Part::Joint(_)));
        let is_a_year = amount.is_year() && is_apart(before) && is_apart(parts.get(index + 1));
        !amount.is_marked() && !amount.number.in_words && (is_of_a_name || is_a_year)
    };
    let names: Vec<bool> = parts
        .iter()
        .enumerate()
        .map(|(index, part)| matches!(part, Part::Amount(amount) if is_name(index, amount)))
        .collect();
    let mut names = names.into_iter();
    parts.retain(|_| !names.next().unwrap_or(false));
}

/// Whether nothing but a dash or `до` stands between two amounts (or `и` behind `между`).
fn is_range(parts: &[Part]) -> bool {
    let mut around = parts.split(|part| matches!(part, Part::Amount(_)));
    let (before, between) = (around.next(), around.next());
    let Some(between) = between else { return false };
    let between: Vec<&Part> = between.iter().filter(|part| !matches!(part, Part::Comma | Part::Break)).collect();
    let has_to = between.contains(&&Part::Joint(Joint::To));
    match between.as_slice() {
        [Part::Joint(Joint::Dash)] => true,
        [Part::Joint(Joint::And)] => before.is_some_and(|parts| parts.contains(&Part::Joint(Joint::Between))),
        joints => has_to && joints.iter().all(|part| matches!(part, Part::Joint(Joint::To | Joint::Dash | Joint::And))),
    }
}

/// The upper of two bounds. One without a unit is read in the unit that makes it a range (`2-3 млн`, `2 млн – 3`,
/// `900 – 1 млн`, `от 1 млн до 1500`): not below the other bound and not ten times above.
fn upper_bound(low: &Amount, high: &Amount, may_be_millions: bool) -> Option<u128> {
    let millions = |amount: &Amount| bare_millions(amount).filter(|_| may_be_millions);
    match (low.unit, high.unit) {
        (Some(_), Some(_)) => Some(low.value()?.max(high.value()?)),
        (Some(size), None) => {
            let least = low.value()?;
            let thousands = high.with_unit(THOUSAND).filter(|_| !high.is_year());
            [high.with_unit(size).filter(|_| !high.is_year()), high.value(), high.number.as_millions(), thousands]
                .into_iter()
                .flatten()
                .find(|value| (least..=least * WIDEST_RANGE).contains(value))
        }
        (None, Some(_)) => {
            let most = high.value()?;
            let literal = low.value().filter(|value| (most..=most * WIDEST_RANGE).contains(value));
            literal.or(Some(most))
        }
        (None, None) => match (millions(low), millions(high)) {
            (Some(low), Some(high)) => Some(low.max(high)),
            (None, None) => Some(low.value()?.max(high.value()?)),
            (Some(low), None) => high.value().filter(|value| (low..=low * WIDEST_RANGE).contains(value)),
            (None, Some(high)) => {
                low.value().is_some_and(|low| (low..=low * WIDEST_RANGE).contains(&high)).then_some(high)
            }
        },
    }
}
