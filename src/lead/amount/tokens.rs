//! Cuts a buyer's words into numbers, units and words.

use super::super::text;
use super::words::{Joint, Word, classify};
use super::{MILLION, Ratio, THOUSAND};

/// Longer digit runs and fractions are no sum of roubles (and would not fit the arithmetic).
const MAX_DIGITS: usize = 15;
const MAX_FRACTION_DIGITS: usize = 4;

#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Token {
    Number(Number),
    Unit(u64),
    /// A sum in one word: `миллион`, `полмиллиона`.
    Sum(Number, u64),
    /// Roubles.
    Home,
    Joint(Joint),
    Filler,
    Stranger,
}

#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Number {
    pub(super) ratio: Ratio,
    pub(super) in_words: bool,
    /// Three digits behind one point or comma: thousands in `2.500`, a fraction in `2.500 млн`.
    has_one_point: bool,
}

impl Number {
    fn in_words(ratio: Ratio) -> Self {
        Self {
            ratio,
            in_words: true,
            has_one_point: false,
        }
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

/// `None` when the text holds something that makes every number in it doubtful: a foreign currency, per cent, a
/// negative or a broken number.
pub(super) fn tokens(text: &str) -> Option<Vec<Token>> {
    let normal = normal(text);
    // As words these are two letters of which the first is a common preposition.
    if ["у.е", "у. е", "y.e"].iter().any(|cu| normal.contains(cu)) {
        return None;
    }
    let mut tokens = Vec::new();
    let mut rest = normal.as_str();
    while let Some(c) = rest.chars().next() {
        if c.is_ascii_digit() {
            let (number, behind) = number(rest)?;
            tokens.push(Token::Number(number));
            rest = without_case_ending(behind);
        } else if c.is_alphabetic() {
            let end = rest
                .find(|c: char| !c.is_alphabetic())
                .unwrap_or(rest.len());
            let (word, behind) = rest.split_at(end);
            add_word(&mut tokens, classify(word))?;
            rest = behind;
            if tokens.last() == Some(&Token::Stranger) {
                // The digits of `x5` or `q7` are part of the name.
                rest = rest.trim_start_matches(|c: char| c.is_ascii_digit());
            }
        } else {
            let is_dash = c == '-' || rest.starts_with("..");
            if is_dash && !has_number(&tokens) && is_minus(&normal, rest) {
                return None;
            }
            if is_dash {
                tokens.push(Token::Joint(Joint::Dash));
            } else if c == '₽' {
                tokens.push(Token::Home);
            } else if spoils(c) {
                return None;
            }
            let signs = if is_dash { &['-', '.'][..] } else { &[c][..] };
            rest = rest.trim_start_matches(signs);
        }
    }
    Some(tokens)
}

/// Lower case, `е` for `ё`, ASCII digits, one kind of space, dash and apostrophe.
fn normal(text: &str) -> String {
    text::clean(text)
        .chars()
        .filter(|c| !text::is_invisible(*c))
        .flat_map(char::to_lowercase)
        .map(|c| match c {
            'ё' => 'е',
            '\u{2010}'..='\u{2015}' | '\u{2212}' | '－' => '-',
            '’' | '‘' | 'ʼ' | '`' | '´' | '′' | '＇' => '\'',
            '．' => '.',
            '，' | '٫' => ',',
            '٬' => '\'',
            c => text::ascii_digit(c).unwrap_or(c),
        })
        .collect::<String>()
        .replace('…', "..")
}

fn has_number(tokens: &[Token]) -> bool {
    tokens
        .iter()
        .any(|token| matches!(token, Token::Number(_) | Token::Sum(..)))
}

/// A dash before the first number: a minus at the very start or right at the number, punctuation in `бюджет - 2 млн`.
fn is_minus(whole: &str, rest: &str) -> bool {
    let behind = rest.trim_start_matches('-');
    let is_at_start = whole.len() == rest.len();
    behind.starts_with(|c: char| c.is_ascii_digit())
        || (is_at_start
            && behind
                .trim_start()
                .starts_with(|c: char| c.is_ascii_digit()))
}

/// Signs of foreign currencies, per cent, and digits that are not decimal (`½`, `²`).
fn spoils(c: char) -> bool {
    let is_currency = matches!(c,
        '$' | '¢'..='¥' | '֏' | '؋' | '৲' | '৳' | '฿' | '៛' | '\u{20A0}'..='\u{20CF}' | '﷼' | '﹩' | '＄' | '￠'
        | '￡' | '￥' | '￦');
    is_currency || matches!(c, '%' | '‰' | '％' | '﹪') || c.is_numeric()
}

fn add_word(tokens: &mut Vec<Token>, word: Word) -> Option<()> {
    let follows_number = matches!(tokens.last(), Some(Token::Number(_)));
    let one = Number::in_words(Ratio {
        numerator: 1,
        denominator: 1,
    });
    let token = match word {
        Word::Spoiler => return None,
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
        Word::AndAHalf => {
            if let [.., Token::Number(number), Token::Filler] = tokens.as_mut_slice()
                && number.ratio.denominator == 1
            {
                number.ratio.numerator = number.ratio.numerator * 2 + 1;
                number.ratio.denominator = 2;
                tokens.pop();
                return Some(());
            }
            Token::Stranger
        }
        Word::Unit { size, .. } if follows_number => Token::Unit(size),
        Word::UnitLetter(size) if follows_number => Token::Unit(size),
        Word::Unit {
            size,
            stands_alone: true,
        } => Token::Sum(one, size),
        Word::Half(size) => Token::Sum(
            Number::in_words(Ratio {
                numerator: 1,
                denominator: 2,
            }),
            size,
        ),
        // `к` is a preposition too.
        Word::UnitLetter(THOUSAND) => Token::Filler,
        Word::Unit { .. } | Word::UnitLetter(_) | Word::Stranger => Token::Stranger,
        Word::Home => Token::Home,
        Word::Joint(joint) => Token::Joint(joint),
        Word::Filler => Token::Filler,
    };
    tokens.push(token);
    Some(())
}

/// Whether two number words are one number: `двести пятьдесят`, `двадцать пять`, not `два три`.
fn continues(before: Ratio, next: Ratio) -> bool {
    let (before, next) = match (before, next) {
        (
            Ratio {
                numerator: before,
                denominator: 1,
            },
            Ratio {
                numerator: next,
                denominator: 1,
            },
        ) => (before, next),
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
        ratio: Ratio {
            numerator: digits.parse().ok()?,
            denominator,
        },
        in_words: false,
        has_one_point: groups == 1 && denominator == 1 && matches!(separator, Some('.' | ',')),
    };
    Some((number, rest))
}

fn split_digits(text: &str) -> (&str, &str) {
    let end = text
        .find(|c: char| !c.is_ascii_digit())
        .unwrap_or(text.len());
    text.split_at(end)
}
