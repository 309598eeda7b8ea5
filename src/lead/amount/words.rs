//! The words people put around a price, and what each says about it.

use super::{BILLION, MILLION, Ratio, THOUSAND};

/// What a word says about the numbers beside it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Word {
    /// A number in words, such as `два` or `полтора`.
    Number(Ratio),
    /// `с половиной`: a half more of what stands before.
    AndAHalf,
    /// Thousand, million or milliard; `stands_alone` where it means one of them (`миллион`).
    Unit { size: u64, stands_alone: bool },
    /// A letter that is a unit only right behind a number: `300к`, `2м`.
    UnitLetter(u64),
    /// Half a unit in one word: `полмиллиона`.
    Half(u64),
    /// Roubles.
    Home,
    /// Joins two bounds or two sums.
    Joint(Joint),
    /// Changes nothing.
    Filler,
    /// Makes the whole text unfit for a price in roubles: another currency, a mileage, a monthly payment.
    Spoiler,
    /// Not known.
    Stranger,
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
    if is_spoiler(word) {
        return Word::Spoiler;
    }
    if let Some((numerator, denominator)) = number(word) {
        return Word::Number(Ratio {
            numerator,
            denominator,
        });
    }
    if let Some(unit) = unit(word) {
        return unit;
    }
    match word {
        "половиной" => Word::AndAHalf,
        "р"
        | "r"
        | "руб"
        | "rub"
        | "rur"
        | "rubles"
        | "roubles"
        | "ruble"
        | "rouble"
        | "деревянных" => Word::Home,
        word if word.starts_with("рубл") => Word::Home,
        "до" | "to" => Word::Joint(Joint::To),
        "и" | "and" => Word::Joint(Joint::And),
        "между" | "between" => Word::Joint(Joint::Between),
        "или" | "либо" | "or" | "по" => Word::Joint(Joint::Other),
        word if FILLERS.contains(&word) => Word::Filler,
        _ => Word::Stranger,
    }
}

fn unit(word: &str) -> Option<Word> {
    const STEMS: &[(&str, u64)] = &[
        ("тысяч", THOUSAND),
        ("тыщ", THOUSAND),
        ("thousand", THOUSAND),
        ("миллион", MILLION),
        ("милион", MILLION),
        ("million", MILLION),
        ("миллиард", BILLION),
        ("милиард", BILLION),
        ("billion", BILLION),
    ];
    match word {
        "т" | "t" | "к" | "k" => return Some(Word::UnitLetter(THOUSAND)),
        "м" | "m" => return Some(Word::UnitLetter(MILLION)),
        "тыс" | "тр" | "tr" | "тыр" | "тысч" | "штук" | "косарей" => {
            return Some(unit_word(THOUSAND, false));
        }
        "млн" | "мл" | "мил" | "милл" | "mln" | "mio" | "mil" | "кк" | "kk" | "лямов"
        | "лимонов" => {
            return Some(unit_word(MILLION, false));
        }
        "лям" | "ляма" | "лимон" | "лимона" => {
            return Some(unit_word(MILLION, true));
        }
        "млрд" | "mlrd" | "bn" => return Some(unit_word(BILLION, false)),
        "полмиллиона" | "полляма" => return Some(Word::Half(MILLION)),
        "полмиллиарда" => return Some(Word::Half(BILLION)),
        _ => {}
    }
    let (ending, size) = STEMS
        .iter()
        .find_map(|(stem, size)| word.strip_prefix(stem).map(|ending| (ending, *size)))?;
    // `миллион` is one of them, `миллионы` and `миллионов` are any number.
    let stands_alone = size > THOUSAND && matches!(ending, "" | "а" | "у" | "ом");
    matches!(
        ending,
        "" | "а" | "у" | "ом" | "и" | "ы" | "ов" | "е" | "ей" | "ами" | "ах" | "s"
    )
    .then(|| unit_word(size, stands_alone))
}

fn unit_word(size: u64, stands_alone: bool) -> Word {
    Word::Unit { size, stands_alone }
}

fn number(word: &str) -> Option<(u64, u64)> {
    let whole = match word {
        "пол" => return Some((1, 2)),
        "полтора" | "полторы" | "полутора" => return Some((3, 2)),
        "один" | "одну" | "одна" | "одного" => 1,
        "два" | "две" | "двух" => 2,
        "три" | "трех" => 3,
        "четыре" | "четырех" => 4,
        "пять" | "пяти" => 5,
        "шесть" | "шести" => 6,
        "семь" | "семи" => 7,
        "восемь" | "восьми" => 8,
        "девять" | "девяти" => 9,
        "десять" | "десяти" => 10,
        "одиннадцать" => 11,
        "двенадцать" => 12,
        "тринадцать" => 13,
        "четырнадцать" => 14,
        "пятнадцать" => 15,
        "шестнадцать" => 16,
        "семнадцать" => 17,
        "восемнадцать" => 18,
        "девятнадцать" => 19,
        "двадцать" | "двадцати" => 20,
        "тридцать" | "тридцати" => 30,
        "сорок" | "сорока" => 40,
        "пятьдесят" | "пятидесяти" => 50,
        "шестьдесят" => 60,
        "семьдесят" => 70,
        "восемьдесят" => 80,
        "девяносто" => 90,
        "сто" | "ста" => 100,
        "двести" => 200,
        "триста" => 300,
        "четыреста" => 400,
        "пятьсот" | "пятисот" => 500,
        "шестьсот" => 600,
        "семьсот" => 700,
        "восемьсот" => 800,
        "девятьсот" => 900,
        _ => return None,
    };
    Some((whole, 1))
}

fn is_spoiler(word: &str) -> bool {
    const STEMS: &[&str] = &[
        "доллар",
        "бакс",
        "юан",
        "иен",
        "йен",
        "тенге",
        "гривн",
        "манат",
        "злот",
        "фунт",
        "франк",
        "дирхам",
        "тугрик",
        "биткоин",
        "белорус",
        "dollar",
        "buck",
        "yuan",
        "tenge",
        "процент",
        "месяц",
        "взнос",
        "платеж",
        "пробег",
        "километр",
    ];
    const WORDS: &[&str] = &[
        "евро",
        "вон",
        "воны",
        "вона",
        "вонах",
        "вонов",
        "тг",
        "тнг",
        "сум",
        "сумов",
        "сом",
        "сомов",
        "лари",
        "драм",
        "драмов",
        "лир",
        "лиры",
        "лей",
        "леев",
        "рупий",
        "крон",
        "бел",
        "грн",
        "дол",
        "долл",
        "уе",
        "зелени",
        "зеленых",
        "usd",
        "usdt",
        "us",
        "eur",
        "euro",
        "euros",
        "krw",
        "won",
        "kzt",
        "cny",
        "rmb",
        "jpy",
        "yen",
        "byn",
        "byr",
        "uah",
        "gbp",
        "pound",
        "pounds",
        "aed",
        "gel",
        "amd",
        "azn",
        "kgs",
        "uzs",
        "try",
        "chf",
        "pln",
        "inr",
        "cad",
        "aud",
        "hkd",
        "btc",
        "eth",
        "км",
        "km",
        "миль",
        "mi",
        "лс",
        "hp",
        "мес",
        "month",
        "percent",
        "минус",
        "minus",
    ];
    STEMS.iter().any(|stem| word.starts_with(stem))
        || WORDS.contains(&word)
        || word.contains(['원', '元', '円', '万', '萬', '만', '억', '亿', '億'])
}

const FILLERS: &[&str] = &[
    "а",
    "бюджет",
    "в",
    "вместе",
    "все",
    "всего",
    "где",
    "готов",
    "готова",
    "даже",
    "для",
    "дороже",
    "есть",
    "еще",
    "за",
    "из",
    "имею",
    "итого",
    "ключ",
    "макс",
    "максимально",
    "максимум",
    "мало",
    "менее",
    "меня",
    "меньше",
    "мин",
    "минимум",
    "мне",
    "могу",
    "можно",
    "мой",
    "на",
    "не",
    "немного",
    "ну",
    "около",
    "ориентировочно",
    "от",
    "плюс",
    "под",
    "пределах",
    "приблизительно",
    "примерно",
    "порядка",
    "районе",
    "с",
    "со",
    "свыше",
    "стоимость",
    "стоимостью",
    "сумма",
    "сумму",
    "то",
    "только",
    "у",
    "цена",
    "ценой",
    "хочу",
    "чуть",
    "это",
    "этого",
    "более",
    "больше",
    "авто",
    "about",
    "above",
    "approx",
    "approximately",
    "around",
    "at",
    "budget",
    "for",
    "from",
    "i",
    "in",
    "is",
    "least",
    "less",
    "max",
    "maximum",
    "min",
    "minimum",
    "more",
    "most",
    "my",
    "of",
    "only",
    "over",
    "than",
    "the",
    "under",
    "up",
];
