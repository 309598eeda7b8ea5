use serde::{Deserialize, Serialize};

use super::text;

const MAX_CHARS: usize = 100;

/// More digits than any number that is meant.
const MAX_DIGITS: usize = 15;

/// A number as typed, with its value.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Quantity {
    typed: String,
    value: f64,
}

impl Quantity {
    /// Parses what a buyer typed: one number, with or without words around it; `None` for none, for several, and for what
    /// is longer than 100 characters.
    ///
    /// `2021`, `120 000 км`, `120.000`, `1,5 л`, `-5`, `120 тыс` (120,000), `2 млн`.
    pub fn parse(text: &str) -> Option<Self> {
        let typed = text::clean(text);
        if typed.chars().count() > MAX_CHARS {
            return None;
        }
        let value = one_number(&typed)?;
        Some(Self { typed, value })
    }

    /// As typed.
    pub fn typed(&self) -> &str {
        &self.typed
    }

    /// Its value.
    pub fn value(&self) -> f64 {
        self.value
    }
}

/// The only number in a text, in digits or, where there are none, in a word.
fn one_number(text: &str) -> Option<f64> {
    if !text.chars().any(|sign| text::ascii_digit(sign).is_some()) {
        return in_words(text);
    }
    let signs: Vec<char> = text.chars().map(|sign| text::ascii_digit(sign).unwrap_or(sign)).collect();
    let mut found = None;
    let mut at = 0;
    while at < signs.len() {
        if !signs[at].is_ascii_digit() {
            at += 1;
            continue;
        }
        if found.is_some() {
            return None;
        }
        let (number, end) = number_at(&signs, at);
        let negative = at > 0 && matches!(signs[at - 1], '-' | '−' | '–') && (at == 1 || signs[at - 2].is_whitespace());
        let value = number.parse::<f64>().ok().filter(|_| number.len() <= MAX_DIGITS)?;
        let value = value * factor(&signs[end..]);
        found = Some(if negative { -value } else { value });
        at = end;
    }
    found
}

/// The number that begins here, without what parts its thousands and with a point, and where it ends.
fn number_at(signs: &[char], start: usize) -> (String, usize) {
    let digits_from = |at: usize| signs[at.min(signs.len())..].iter().take_while(|sign| sign.is_ascii_digit()).count();
    let mut at = start + digits_from(start);
    let mut number: String = signs[start..at].iter().collect();
    let first = at - start;
    let mut parted_by = None;
    while at < signs.len() {
        let (sign, next) = (signs[at], digits_from(at + 1));
        // Three digits behind it, and at most three before the first one, are thousands.
        let parts = first <= 3 && next == 3 && !number.contains('.') && (sign == ' ' || "'’_.,".contains(sign));
        let is_zero = number.trim_start_matches('0').is_empty();
        if parts && !is_zero && parted_by.is_none_or(|by| by == sign) {
            parted_by = Some(sign);
        } else if next > 0 && matches!(sign, '.' | ',') && !number.contains('.') && parted_by != Some(sign) {
            number.push('.');
        } else {
            break;
        }
        number.extend(&signs[at + 1..at + 1 + next]);
        at += 1 + next;
    }
    (number, at)
}

/// `пять`, `two`, `сто тысяч`.
fn in_words(text: &str) -> Option<f64> {
    let text = text.to_lowercase();
    let words: Vec<&str> = text.split(|sign: char| !sign.is_alphabetic()).filter(|word| !word.is_empty()).collect();
    let mut numbers = words.iter().enumerate().filter_map(|(at, word)| Some((at, text::small_number(word)?)));
    let (at, number) = numbers.next()?;
    if numbers.next().is_some() {
        return None;
    }
    let behind: Vec<char> = words[at + 1..].join(" ").chars().collect();
    Some(f64::from(number) * factor(&behind))
}

/// What a word behind a number multiplies it by.
fn factor(behind: &[char]) -> f64 {
    let behind: String = behind.iter().collect::<String>().trim_start().to_lowercase();
    let word: String = behind.chars().take_while(|sign| sign.is_alphabetic()).collect();
    match word.as_str() {
        "тыс" | "тысяч" | "тысячи" | "тысяча" | "к" | "k" | "т" | "thousand" => 1e3,
        "млн" | "миллион" | "миллиона" | "миллионов" | "mln" | "million" => 1e6,
        _ => 1.0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn one_number_is_read_however_it_is_written() {
        for (text, want) in [
            ("2021", 2021.0),
            ("2 021", 2021.0),
            ("120 000 км", 120_000.0),
            ("120.000", 120_000.0),
            ("120,000", 120_000.0),
            ("1 234 567", 1_234_567.0),
            ("1.234.567,5", 1_234_567.5),
            ("1,5", 1.5),
            ("1.5 л", 1.5),
            ("0,125", 0.125),
            ("-5", -5.0),
            ("−5 °C", -5.0),
            ("от 2019", 2019.0),
            ("2019 год", 2019.0),
            ("примерно 120 тыс км", 120_000.0),
            ("120к", 120_000.0),
            ("1,5 млн", 1_500_000.0),
            ("٥", 5.0),
            ("５", 5.0),
            ("не больше 3.", 3.0),
            ("пять", 5.0),
            ("Two", 2.0),
            ("сто тысяч км", 100_000.0),
            ("не больше ста тысяч", 100_000.0),
            ("до двухсот тысяч", 200_000.0),
        ] {
            assert_eq!(Quantity::parse(text).map(|number| number.value()), Some(want), "{text}");
        }
        for text in [
            "",
            "давно",
            "пять или шесть",
            "двадцать один",
            "2019-2021",
            "2019, 2020",
            "12345678901234567890",
            "1.2.2020 3",
            "—",
        ] {
            assert_eq!(Quantity::parse(text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(text in any::<String>(), number in any::<i32>()) {
            let _ = Quantity::parse(&text);
            prop_assert_eq!(Quantity::parse(&number.to_string()).map(|number| number.value()), Some(f64::from(number)));
        }
    }
}
