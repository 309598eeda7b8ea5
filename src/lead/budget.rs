use serde::{Deserialize, Serialize};

use super::{amount, text};

const MAX_CHARS: usize = 200;

/// Nobody sells a car for fewer roubles.
const LEAST_OF_A_CAR: i64 = 100_000;

const MILLION: i64 = 1_000_000;

/// A budget as typed, with a number of roubles where there is one plain amount.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Budget {
    typed: String,
    price: i64,
}

impl Budget {
    /// Parses what a buyer typed; `None` when there is nothing visible in it or it is longer than 200 characters.
    ///
    /// `50 000`, `2,5 млн`, `500 тысяч`, `300k` give a number, as does a bare `2` or `2,5` (millions); a range gives its
    /// upper bound; a foreign currency, a monthly payment or no number gives 0.
    pub fn parse(text: &str) -> Option<Self> {
        let typed = text::clean(text);
        if !text::is_visible(&typed) || typed.chars().count() > MAX_CHARS {
            return None;
        }
        let price = amount::roubles(text);
        Some(Self { typed, price })
    }

    /// Takes a budget from a backup file as it stands (cleaned, at most 200 characters).
    ///
    /// A text that had to be cut has no price: the cut may have gone through a number.
    pub fn imported(text: &str) -> Self {
        Self::parse(text).unwrap_or_else(|| Self { typed: text::clean_to(text, MAX_CHARS), price: 0 })
    }

    /// As typed.
    pub fn typed(&self) -> &str {
        &self.typed
    }

    /// As typed, without the word that the answer is labelled with anyway: `бюджет 2,5 млн` is `2,5 млн`.
    pub fn shown(&self) -> &str {
        const LABELS: [&str; 10] = [
            "мой бюджет",
            "наш бюджет",
            "бюджет",
            "бюджетом",
            "my budget",
            "our budget",
            "the budget",
            "budget",
            "сумма",
            "amount",
        ];
        let begins = |label: &&&str| {
            let mut typed = self.typed.chars();
            let same =
                label.chars().all(|c| typed.next().is_some_and(|typed| typed.to_lowercase().eq(c.to_lowercase())));
            same && !typed.next().is_some_and(char::is_alphanumeric)
        };
        let Some(length) = LABELS.iter().filter(begins).map(|label| label.chars().count()).max() else {
            return &self.typed;
        };
        let behind = self.typed.char_indices().nth(length).map_or("", |(at, _)| &self.typed[at..]);
        let mut rest = behind.trim_start_matches([' ', ':', '=', '-', '–', '—', ',']);
        for filler in ["is ", "of ", "это ", "у меня ", "на "] {
            rest = rest.strip_prefix(filler).unwrap_or(rest);
        }
        if rest.chars().any(char::is_alphanumeric) { rest } else { &self.typed }
    }

    /// Whether it is no sum that anybody can mean, and says nothing else: nought, below it, more than there is, a unit alone.
    pub fn is_none(&self) -> bool {
        const UNITS: &[&str] = &[
            "млн",
            "миллион",
            "миллиона",
            "миллионов",
            "тыс",
            "тысяч",
            "тысяча",
            "тысячи",
            "руб",
            "рубль",
            "рублей",
            "рубля",
            "р",
            "т",
            "тр",
            "к",
            "k",
            "m",
            "м",
            "лям",
            "ляма",
            "лямов",
            "mln",
            "million",
            "millions",
            "thousand",
            "rub",
            "roubles",
            "rubles",
            "usd",
            "eur",
            "сум",
            "so",
            "mlrd",
            "млрд",
        ];
        if self.price > 0 {
            return false;
        }
        let typed = self.typed.to_lowercase();
        let words: Vec<&str> =
            typed.split(|sign: char| !sign.is_alphabetic()).filter(|word| !word.is_empty()).collect();
        let is_below = |word: &&str| ["минус", "minus"].contains(word);
        if !words.iter().all(|word| UNITS.contains(word) || is_below(word)) {
            return false;
        }
        let signs: String = typed.chars().map(|sign| text::ascii_digit(sign).unwrap_or(sign)).collect();
        let from = |sign: char| sign.is_ascii_digit();
        let (Some(start), Some(end)) = (signs.find(from), signs.rfind(from)) else {
            return !words.is_empty();
        };
        let number = &signs[start..=end];
        if !number.chars().all(|sign| sign.is_ascii_digit() || " .,'_\u{A0}".contains(sign)) {
            return false;
        }
        let digits: String = number.chars().filter(char::is_ascii_digit).collect();
        let is_negative = signs[..start].trim_end().ends_with(['-', '−', '–', '—']) || words.iter().any(is_below);
        let is_zero = digits.chars().all(|digit| digit == '0');
        // No currency has so many to a car; twelve digits and fewer may be somebody's money.
        is_negative || is_zero || digits.len() > 12
    }

    /// Whether it names so little, and no currency, that it is hardly meant in roubles: `30k`, `30 тысяч`, `25000`.
    pub fn is_in_doubt(&self) -> bool {
        let names_roubles = |word: &str| {
            matches!(word, "р" | "тр" | "rur" | "r") || ["руб", "rub", "roub"].iter().any(|stem| word.starts_with(stem))
        };
        let typed = self.typed.to_lowercase();
        let words = |text: &str| text.split(|c: char| !c.is_alphabetic()).any(names_roubles);
        let names_currency = typed.contains('₽') || words(&typed);
        (1..LEAST_OF_A_CAR).contains(&amount::roubles(&self.typed)) && !names_currency
    }

    /// The same without its price, if that is in doubt and was read out of a word (`30k`): digits are taken as they stand.
    pub fn without_doubt(self) -> Self {
        let has_unit = self.typed.chars().any(char::is_alphabetic) && self.digits_alone().is_none();
        if has_unit && self.is_in_doubt() { Self { price: 0, ..self } } else { self }
    }

    /// What is meant, where the words alone would leave a reader guessing: 2,000,000 for `2`.
    pub fn meant(&self) -> Option<i64> {
        let is_bare = !self.shown().chars().any(char::is_alphabetic) && !self.typed.contains('₽');
        (is_bare && self.price >= MILLION && self.digits_alone().is_none_or(|digits| digits != self.price))
            .then_some(self.price)
    }

    /// As it is shown, and behind it what is meant where that would not be plain: `2 (2 000 000 ₽)`.
    pub fn explained(&self) -> String {
        match self.meant() {
            Some(price) => format!("{} ({} ₽)", self.shown(), text::grouped(price)),
            None => self.shown().to_owned(),
        }
    }

    /// The number that the digits make, with nothing but words that change nothing around them.
    fn digits_alone(&self) -> Option<i64> {
        let digits: String = self.typed.chars().filter(|c| !c.is_whitespace()).collect();
        let digits = digits.trim_matches(|c: char| !c.is_ascii_digit());
        let is_grouped = |c: char| c.is_ascii_digit() || ".,'’_".contains(c);
        let whole = digits.chars().all(is_grouped).then(|| digits.replace(['.', ',', '\'', '’', '_'], ""))?;
        let is_price = |number: &i64| *number == amount::roubles(&self.typed);
        whole.parse().ok().filter(is_price)
    }

    /// Roubles, 0 to 2,000,000,000; 0 when there is no one amount.
    pub fn price(&self) -> i64 {
        self.price
    }
}

#[cfg(test)]
mod tests;
