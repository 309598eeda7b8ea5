//! Cuts a buyer's words into numbers, units and words.

use super::ratio::{MILLION, Ratio, THOUSAND};
use super::words::{Joint, Unit, Word, classify};

/// Longer digit runs and fractions are no sum of roubles (and would not fit the arithmetic).
const MAX_DIGITS: usize = 15;
const MAX_FRACTION_DIGITS: usize = 4;

#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Token {
    Number(Number),
    /// A unit, right behind its number or before it (`тысяч 500`).
    Unit(u64),
    /// A sum in one word, such as `миллион`; its number may stand behind where it `inverts` (`миллиона два`).
    Sum {
        number: Number,
        size: u64,
        inverts: bool,
    },
    Rouble,
    Joint(Joint),
    /// `±`: what follows says how exact the sum before it is.
    Tolerance,
    Comma,
    /// The end of a sentence, a bracket, or where an address or the like was taken out.
    Break,
    Payment,
    OtherSum,
    Credit,
    Harmless,
    /// A car whose models are plain numbers.
    Numbered,
    Filler,
    Stranger,
}

#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Number {
    pub(super) ratio: Ratio,
    pub(super) in_words: bool,
    /// Three digits behind one point or comma: thousands in `2.500`, a fraction in `2.500 млн`.
    has_one_point: bool,
    pub(super) is_grouped: bool,
}

impl Number {
    fn in_words(ratio: Ratio) -> Self {
        Self { ratio, in_words: true, has_one_point: false, is_grouped: false }
    }

    /// `2`, `2,5`, `полтора` (0.3 to 30) that stand alone mean millions: no car costs that many roubles.
    pub(super) fn as_millions(&self) -> Option<u128> {
        let Ratio { numerator, denominator } = self.ratio;
        let is_short = match denominator {
            // `одну` is a car.
            1 => !self.in_words || numerator > 1,
            2 | 10 => true,
            // `12,05` looks like a date.
            100 => numerator < 1000,
            _ => self.has_one_point,
        };
        let roubles = self.ratio.times(MILLION);
        (is_short && !self.is_grouped && (300_000..=30_000_000).contains(&roubles)).then_some(roubles)
    }

    /// `2021` alone is the year of a car.
    pub(super) fn is_year(&self) -> bool {
        let Ratio { numerator, denominator } = self.ratio;
        denominator == 1 && !self.is_grouped && numerator != 2000 && (1990..=2035).contains(&numerator)
    }

    pub(super) fn scaled_for(&self, unit: u64) -> Ratio {
        let mut ratio = self.ratio;
        if self.has_one_point && unit >= MILLION {
            ratio.denominator *= THOUSAND;
        }
        ratio
    }

    /// A number without a unit: whole, or with kopecks (`50000,00`), which are dropped; `2,5` alone is no sum.
    pub(super) fn whole_roubles(&self) -> Option<u128> {
        let roubles = self.ratio.times(1);
        match self.ratio.denominator {
            1 => Some(roubles),
            100 if roubles >= u128::from(THOUSAND) => Some(roubles),
            _ => None,
        }
    }
}

/// The tokens of a text without asides; `None` when it holds something that makes every number in it doubtful: a
/// foreign currency, per cent, a negative or a broken number.
pub(super) fn tokens(text: &str) -> Option<Vec<Token>> {
    // As words these are two letters of which the first is a common preposition.
    if ["у.е", "у. е", "у/е", "y.e"].iter().any(|cu| text.contains(cu)) {
        return None;
    }
    let mut tokens = Vec::new();
    let mut rest = text;
    let mut before = ' ';
    while let Some(c) = rest.chars().next() {
        let from = rest;
        if c.is_ascii_digit() {
            let (number, behind) = number(rest)?;
            tokens.push(Token::Number(number));
            rest = without_case_ending(behind);
        } else if c.is_alphabetic() {
            let end = rest.find(|c: char| !c.is_alphabetic()).unwrap_or(rest.len());
            let (word, behind) = rest.split_at(end);
            add_word(&mut tokens, classify(word))?;
            rest = behind;
            let is_glued = rest.starts_with(|c: char| c.is_ascii_digit());
            if is_glued && tokens.last() == Some(&Token::Filler) && word.chars().count() == 1 {
                // `к`, `а` and `с` are prepositions, but not in `K5`, `А6` and `С4`.
                tokens.pop();
                tokens.push(Token::Harmless);
            }
            let is_name = matches!(tokens.last(), Some(Token::Stranger | Token::Harmless | Token::Numbered));
            if is_name && is_glued {
                // The digits of `x5`, `q7` or `jzx100-1234567` are part of the name.
                rest = rest.trim_start_matches(|c: char| c.is_ascii_alphanumeric() || "-_".contains(c));
            } else if is_name {
                rest = without_model_number(rest);
            }
        } else {
            let is_dash = c == '-' || rest.starts_with("..");
            let behind = &rest[c.len_utf8()..];
            // `.5` is not five.
            let is_point =
                ".,".contains(c) && before.is_whitespace() && behind.starts_with(|c: char| c.is_ascii_digit());
            if is_point || (is_dash && !has_number(&tokens) && is_minus(text, rest)) {
                return None;
            }
            match c {
                _ if is_dash => tokens.push(Token::Joint(Joint::Dash)),
                '₽' => tokens.push(Token::Rouble),
                '±' => tokens.push(Token::Tolerance),
                ',' => tokens.push(Token::Comma),
                ';' | '(' | ')' | '[' | ']' | '!' | '?' | '|' | '•' => tokens.push(Token::Break),
                _ if spoils(c) => return None,
                _ => {}
            }
            let signs = if is_dash { &['-', '.'][..] } else { &[c][..] };
            rest = rest.trim_start_matches(signs);
        }
        before = from[..from.len() - rest.len()].chars().next_back().unwrap_or(' ');
    }
    Some(tokens)
}

/// Skips the digits of `CX-5` and `RAV-4`.
fn without_model_number(rest: &str) -> &str {
    let Some(digits) = rest.strip_prefix('-') else { return rest };
    let behind = digits.trim_start_matches(|c: char| c.is_ascii_digit());
    let is_short = (1..=3).contains(&(digits.len() - behind.len()));
    let ends = !behind.starts_with(|c: char| c.is_alphanumeric() || c == '.' || c == ',');
    if is_short && ends { behind } else { rest }
}

fn has_number(tokens: &[Token]) -> bool {
    tokens.iter().any(|token| matches!(token, Token::Number(_) | Token::Sum { .. }))
}

/// A dash before the first number: a minus at the very start or right at the number, punctuation in `бюджет - 2 млн`.
fn is_minus(whole: &str, rest: &str) -> bool {
    let behind = rest.trim_start_matches('-');
    let is_at_start = whole.len() == rest.len();
    behind.starts_with(|c: char| c.is_ascii_digit())
        || (is_at_start && behind.trim_start().starts_with(|c: char| c.is_ascii_digit()))
}

/// Signs of foreign currencies, per cent, and digits that are not decimal (`½`, `²`).
fn spoils(c: char) -> bool {
    let is_currency = matches!(c,
        '$' | '¢'..='¥' | '֏' | '؋' | '৲' | '৳' | '฿' | '៛' | '\u{20A0}'..='\u{20CF}' | '﷼' | '﹩' | '＄' | '￠'
        | '￡' | '￥' | '￦' | '💲' | '💵' | '💴' | '💶' | '💷' | '💱');
    is_currency || matches!(c, '%' | '‰' | '％' | '﹪') || c.is_numeric()
}

fn add_word(tokens: &mut Vec<Token>, word: Word) -> Option<()> {
    if let (Word::Unit(_), [.., Token::Number(_), Token::Joint(Joint::Dash)]) = (word, tokens.as_slice()) {
        // `пол-ляма`, `полтора-миллиона`, `2-млн`.
        tokens.pop();
    }
    let follows_number = matches!(tokens.last(), Some(Token::Number(_)));
    let one = Number::in_words(Ratio::ONE);
    let token = match word {
        Word::Foreign => return None,
        Word::Number(ratio) => {
            if let Some(Token::Number(last)) = tokens.last_mut()
                && last.in_words
                && continues(last.ratio, ratio)
            {
                last.ratio.numerator += ratio.numerator;
                return Some(());
            }
            Token::Number(Number::in_words(ratio))
        }
        Word::AndAHalf => return add_a_half(tokens),
        Word::Unit(Unit { size, .. }) if follows_number => Token::Unit(size),
        Word::UnitLetter(size) if follows_number => Token::Unit(size),
        Word::Unit(Unit { size, stands_alone: true, inverts }) => Token::Sum { number: one, size, inverts },
        Word::Unit(Unit { size, inverts: true, .. }) => Token::Unit(size),
        Word::Sum(ratio, size) => Token::Sum { number: Number::in_words(ratio), size, inverts: false },
        // `к` is a preposition too.
        Word::UnitLetter(THOUSAND) => Token::Filler,
        Word::Unit(_) | Word::UnitLetter(_) | Word::Stranger => Token::Stranger,
        Word::Rouble => Token::Rouble,
        Word::Joint(joint) => Token::Joint(joint),
        Word::Filler => Token::Filler,
        Word::Harmless => Token::Harmless,
        Word::Numbered => Token::Numbered,
        Word::Payment => Token::Payment,
        Word::OtherSum => Token::OtherSum,
        Word::Credit => Token::Credit,
    };
    tokens.push(token);
    Some(())
}

/// `с половиной` behind a number or its unit: `два с половиной`, `2 миллиона с половиной`.
fn add_a_half(tokens: &mut Vec<Token>) -> Option<()> {
    if tokens.last() == Some(&Token::Filler) {
        tokens.pop();
    }
    let number = match tokens.as_mut_slice() {
        [.., Token::Number(number)] | [.., Token::Number(number), Token::Unit(_)] | [.., Token::Sum { number, .. }] => {
            number
        }
        _ => {
            tokens.push(Token::Stranger);
            return Some(());
        }
    };
    number.ratio = number.ratio.and_a_half()?;
    Some(())
}

/// Whether two number words are one number: `двести пятьдесят`, `двадцать пять`, not `два три`.
fn continues(before: Ratio, next: Ratio) -> bool {
    let (before, next) = match (before, next) {
        (Ratio { numerator: before, denominator: 1 }, Ratio { numerator: next, denominator: 1 }) => (before, next),
        _ => return false,
    };
    (before % 100 == 0 && next < 100) || (before > 10 && before % 10 == 0 && next < 10)
}

/// Skips the ending of `2-х`, `2х` and `5-ти`.
fn without_case_ending(rest: &str) -> &str {
    let ending = rest.strip_prefix('-').unwrap_or(rest);
    ["х", "x", "ти", "ух", "ех"]
        .iter()
        .filter_map(|letters| ending.strip_prefix(letters))
        .find(|behind| !behind.starts_with(char::is_alphanumeric))
        .unwrap_or(rest)
}

/// A number with its thousands (`50 000`, `50.000`, `50'000`) and fraction (`2,5`), and what follows it.
fn number(text: &str) -> Option<(Number, &str)> {
    let (first, mut rest) = split_digits(text);
    let mut digits = first.to_owned();
    let mut separator = None;
    let mut groups = 0;
    while let Some(sign) = rest.chars().next().filter(|c| " '.,_".contains(*c)) {
        let (group, behind) = split_digits(&rest[1..]);
        let fits = group.len() == 3 && first.len() <= 3 && first != "0";
        if !fits || separator.is_some_and(|known| known != sign) {
            break;
        }
        separator = Some(sign);
        groups += 1;
        digits.push_str(group);
        rest = behind;
    }
    let mut denominator = 1;
    if let Some(sign) = rest.chars().next().filter(|c| ".,".contains(*c)) {
        let (fraction, behind) = split_digits(&rest[1..]);
        if !fraction.is_empty() {
            let goes_on = behind
                .strip_prefix(['.', ',', '\''])
                .is_some_and(|behind| behind.starts_with(|c: char| c.is_ascii_digit()));
            if separator == Some(sign) || goes_on || fraction.len() > MAX_FRACTION_DIGITS {
                return None;
            }
            digits.push_str(fraction);
            denominator = 10u64.pow(u32::try_from(fraction.len()).ok()?);
            rest = behind;
        }
    }
    // `01` is a date or a phone, not a sum.
    let has_stray_zero = first.len() > 1 && first.starts_with('0');
    if digits.len() > MAX_DIGITS || has_stray_zero {
        return None;
    }
    let number = Number {
        ratio: Ratio { numerator: digits.parse().ok()?, denominator },
        in_words: false,
        has_one_point: groups == 1 && denominator == 1 && matches!(separator, Some('.' | ',')),
        is_grouped: groups > 0,
    };
    Some((number, rest))
}

fn split_digits(text: &str) -> (&str, &str) {
    let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    text.split_at(end)
}
