//! Reads a sum of roubles out of a buyer's words.
//!
//! A wrong price in the CRM misleads a manager, a missing one does not (the answer as typed is in the note). So one
//! amount or one range gives a number, and whatever could be anything else gives 0: two sums, a foreign currency, a
//! monthly payment.
//!
//! What is no money whatever its digits is taken out first ([`asides`]): addresses, ids, phones, years, mileages. The
//! rest becomes [`tokens`], tokens become amounts and what stands around them, and those one decision ([`reading`]).

mod asides;
mod lists;
mod normal;
#[cfg(test)]
mod properties;
mod ratio;
mod reading;
#[cfg(test)]
mod tests;
mod tokens;
mod words;

/// The most roubles taken: amoCRM misbehaves on very large prices, and this still fits 32 bits.
const MAX_ROUBLES: u128 = 2_000_000_000;

/// The roubles a text names, 1 to 2,000,000,000; a range gives its upper bound, anything unclear 0.
pub(super) fn roubles(text: &str) -> i64 {
    let text = asides::without_asides(&normal::normal(text));
    tokens::tokens(&text)
        .and_then(|tokens| reading::roubles(&tokens))
        .filter(|value| *value <= MAX_ROUBLES)
        .and_then(|value| i64::try_from(value).ok())
        .unwrap_or(0)
}

/// Whether a word is one of everyday speech about cars and money: a colour, a town, a verb, `руль`.
pub(super) fn is_everyday(word: &str) -> bool {
    use words::Word;
    let word = word.to_lowercase().replace('ё', "е");
    !matches!(words::classify(&word), Word::Stranger | Word::Foreign | Word::Number(_) | Word::Sum(..))
}
