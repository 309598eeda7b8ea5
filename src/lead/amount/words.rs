//! What each word says about the numbers beside it.

use super::super::text;
use super::lists;
use super::normal::one_script;
use super::ratio::{BILLION, MILLION, Ratio, THOUSAND};

/// What a word says about the numbers beside it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Word {
    /// A number in words, such as `два` or `полтора`.
    Number(Ratio),
    /// `с половиной`: a half more of what stands before.
    AndAHalf,
    /// Thousand, million or milliard.
    Unit(Unit),
    /// A letter that is a unit only right behind a number: `300к`, `2м`.
    UnitLetter(u64),
    /// A number and its unit in one word: `полмиллиона`, `полторамиллиона`.
    Sum(Ratio, u64),
    /// Roubles.
    Rouble,
    /// Joins two bounds or two sums.
    Joint(Joint),
    /// Changes nothing.
    Filler,
    /// Known to be no money: a car, a colour, a verb.
    Harmless,
    /// A car whose models are plain numbers: the digits behind it may be its name.
    Numbered,
    /// An amount beside it is a payment.
    Payment,
    /// An amount beside it is a mileage, an income or the price of another car.
    OtherSum,
    /// Speaks of paying in parts.
    Credit,
    /// Makes the whole text unfit for a price in roubles: another currency.
    Foreign,
    /// Not known.
    Stranger,
}

/// A thousand, million or milliard, and what its ending says.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Unit {
    pub(super) size: u64,
    /// `миллион` means one of them, `миллионов` any number.
    pub(super) stands_alone: bool,
    /// `миллиона два`, `тысяч 500`: the number may stand behind.
    pub(super) inverts: bool,
}

/// What stands between two numbers.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Joint {
    Dash,
    To,
    And,
    Between,
    Other,
}

/// Classifies a word in lower case, with `е` for `ё`.
pub(super) fn classify(word: &str) -> Word {
    let word = one_script(word);
    let word = word.as_str();
    if let Some(ratio) = number(word) {
        return Word::Number(ratio);
    }
    if let Some(unit) =
        unit_letter(word).map(Word::UnitLetter).or_else(|| unit(word).map(Word::Unit)).or_else(|| sum(word))
    {
        return unit;
    }
    match word {
        "половиной" | "половинкой" => Word::AndAHalf,
        "до" | "to" | "till" | "until" | "максимум" | "макс" | "мах" | "максимально" | "max" | "maximum" => {
            Word::Joint(Joint::To)
        }
        "и" | "and" => Word::Joint(Joint::And),
        "между" | "between" => Word::Joint(Joint::Between),
        "или" | "либо" | "or" | "по" | "each" | "каждая" | "каждый" | "каждую" | "каждое" | "per" => {
            Word::Joint(Joint::Other)
        }
        _ if lists::is_rouble(word) => Word::Rouble,
        _ if lists::is_payment(word) => Word::Payment,
        _ if lists::is_other_sum(word) => Word::OtherSum,
        _ if lists::is_credit(word) => Word::Credit,
        _ if lists::is_foreign(word) => Word::Foreign,
        _ if lists::is_filler(word) => Word::Filler,
        _ if lists::is_numbered(word) => Word::Numbered,
        _ if lists::is_harmless(word) => Word::Harmless,
        _ => Word::Stranger,
    }
}

fn unit_letter(word: &str) -> Option<u64> {
    match word {
        "т" | "t" | "к" | "k" => Some(THOUSAND),
        "м" | "m" => Some(MILLION),
        _ => None,
    }
}

/// A unit, also with the roubles written on to it: `тысруб`, `млнр`.
fn unit(word: &str) -> Option<Unit> {
    let alone = ["рублей", "руб", "р"].iter().find_map(|roubles| word.strip_suffix(roubles));
    unit_alone(word).or_else(|| alone.and_then(unit_alone))
}

fn unit_alone(word: &str) -> Option<Unit> {
    /// Beginnings of the words that are declined, in Russian, Ukrainian, Latin letters and English.
    const STEMS: &[(&str, u64)] = &[
        ("тысяч", THOUSAND),
        ("тысич", THOUSAND),
        ("тисяч", THOUSAND),
        ("тыщ", THOUSAND),
        ("тыщенок", THOUSAND),
        ("косар", THOUSAND),
        ("кусок", THOUSAND),
        ("куск", THOUSAND),
        ("штук", THOUSAND),
        ("tysyach", THOUSAND),
        ("tysjach", THOUSAND),
        ("tisyach", THOUSAND),
        ("thousand", THOUSAND),
        ("миллиончик", MILLION),
        ("миллион", MILLION),
        ("миллиона", MILLION),
        ("милион", MILLION),
        ("миллон", MILLION),
        ("милон", MILLION),
        ("миллеон", MILLION),
        ("милеон", MILLION),
        ("мильен", MILLION),
        ("милльон", MILLION),
        ("мильон", MILLION),
        ("мильион", MILLION),
        ("мильйон", MILLION),
        ("лямчик", MILLION),
        ("лям", MILLION),
        ("лимончик", MILLION),
        ("лимон", MILLION),
        ("million", MILLION),
        ("milion", MILLION),
        ("lyam", MILLION),
        ("lam", MILLION),
        ("limon", MILLION),
        ("миллиард", BILLION),
        ("милиард", BILLION),
        ("milliard", BILLION),
        ("billion", BILLION),
    ];
    const ENDINGS: &[&str] = &[
        "", "а", "у", "ом", "и", "ы", "ов", "е", "ей", "ам", "ами", "ах", "я", "ь", "ив", "a", "u", "i", "y", "ov",
        "s", "ey",
    ];
    let short = |size| Some(Unit { size, stands_alone: false, inverts: true });
    match word {
        "тыс" | "тр" | "tr" | "тыр" | "тысч" | "тыш" | "тысяц" | "tys" | "tis" | "ths" | "thous" | "grand" =>
        {
            return short(THOUSAND);
        }
        "млн" | "мл" | "мил" | "милл" | "мль" | "мльн" | "млнов" | "млнн" | "мнл" | "мио" | "mln" | "mio" | "mil"
        | "mill" | "mn" | "mm" | "кк" | "kk" => {
            return short(MILLION);
        }
        "млрд" | "mlrd" | "bn" => return short(BILLION),
        _ => {}
    }
    STEMS.iter().find_map(|(stem, size)| {
        let ending = word.strip_prefix(stem).filter(|ending| ENDINGS.contains(ending))?;
        // `миллион` is one of them, `миллионы` and `миллионов` are any number.
        let stands_alone = *size > THOUSAND && matches!(ending, "" | "а" | "у" | "ом" | "чика");
        let inverts = !(matches!(ending, "у" | "ом" | "ами") || stands_alone && ending.is_empty());
        Some(Unit { size: *size, stands_alone, inverts })
    })
}

/// `полмиллиона`, `полляма`, `полторамиллиона`.
fn sum(word: &str) -> Option<Word> {
    let (ratio, rest) = [("полтора", Ratio::ONE_AND_A_HALF), ("полторы", Ratio::ONE_AND_A_HALF), ("пол", Ratio::HALF)]
        .into_iter()
        .find_map(|(prefix, ratio)| Some((ratio, word.strip_prefix(prefix)?)))?;
    unit(rest).map(|unit| Word::Sum(ratio, unit.size))
}

fn number(word: &str) -> Option<Ratio> {
    let whole = match word {
        "пол" | "half" => return Some(Ratio::HALF),
        "полтора" | "полторы" | "полутора" | "полторашка" | "полторашку" | "poltora" =>
        {
            return Some(Ratio::ONE_AND_A_HALF);
        }
        "одного" => 1,
        "двушка" | "двушку" | "dva" => 2,
        "трешка" | "трешку" | "tri" => 3,
        "двенадцати" => 12,
        "тринадцать" => 13,
        "четырнадцать" => 14,
        "пятнадцати" => 15,
        "шестнадцать" => 16,
        "семнадцать" => 17,
        "восемнадцать" => 18,
        "девятнадцать" => 19,
        "шестьдесят" | "шестидесяти" | "sixty" => 60,
        "семьдесят" | "семидесяти" | "seventy" => 70,
        "восемьдесят" | "восьмидесяти" | "eighty" => 80,
        "девяносто" | "ninety" => 90,
        "четыреста" | "четырехсот" => 400,
        "шестьсот" | "шестисот" => 600,
        "семьсот" | "семисот" => 700,
        "восемьсот" | "восьмисот" => 800,
        "девятьсот" | "девятисот" => 900,
        word => text::number_word(word)?.into(),
    };
    Some(Ratio { numerator: whole, denominator: 1 })
}
