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
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn price(text: &str) -> i64 {
        Budget::parse(text).expect("a budget").price()
    }

    #[test]
    fn one_amount() {
        for (text, want) in [
            ("50000", 50_000),
            ("50 000", 50_000),
            ("50.000", 50_000),
            ("50,000", 50_000),
            ("50'000", 50_000),
            ("50’000", 50_000),
            ("50_000", 50_000),
            ("50\u{A0}000", 50_000),
            ("50\u{2009}000", 50_000),
            ("50\u{202F}000", 50_000),
            ("５００００", 50_000),
            ("٥٠٠٠٠", 50_000),
            ("50000,00", 50_000),
            ("50 000.00 руб.", 50_000),
            ("1,234,567.89", 1_234_567),
            ("1", 1_000_000),
            ("1 руб", 1),
            ("2.5", 2_500_000),
            ("2,5", 2_500_000),
            ("два", 2_000_000),
            ("полтора", 1_500_000),
            ("two million", 2_000_000),
            ("BMW 320 за 2 млн", 2_000_000),
            ("2020 год, 2 млн", 2_000_000),
            ("500", 500),
            ("2000000", 2_000_000),
            ("2 000 000", 2_000_000),
            ("2.000.000", 2_000_000),
            ("2,000,000", 2_000_000),
            ("2000000000", 2_000_000_000),
            ("2,5 млн", 2_500_000),
            ("2.5млн", 2_500_000),
            ("2,5 МЛН.", 2_500_000),
            ("2.500 млн", 2_500_000),
            ("0,5 млн", 500_000),
            ("0.500 млн", 500_000),
            ("2,35 млн", 2_350_000),
            ("2 миллиона", 2_000_000),
            ("5 миллионов рублей", 5_000_000),
            ("3 ляма", 3_000_000),
            ("1.5m", 1_500_000),
            ("1,5 м", 1_500_000),
            ("2M", 2_000_000),
            ("2 mln", 2_000_000),
            ("2 million rubles", 2_000_000),
            ("3кк", 3_000_000),
            ("1 млрд", 1_000_000_000),
            ("500 тысяч", 500_000),
            ("500 тыс.", 500_000),
            ("500тыс", 500_000),
            ("500т", 500_000),
            ("500 т", 500_000),
            ("500т.р.", 500_000),
            ("500 т.р", 500_000),
            ("500 тр", 500_000),
            ("500 тыс.руб.", 500_000),
            ("1 500 тыс", 1_500_000),
            ("300k", 300_000),
            ("300К", 300_000),
            ("300 к", 300_000),
            ("300к.", 300_000),
            ("до 2000000 рублей", 2_000_000),
            ("2 млн ₽", 2_000_000),
            ("2000000₽", 2_000_000),
            ("₽2000000", 2_000_000),
            ("2000000 р.", 2_000_000),
            ("2000000р", 2_000_000),
            ("2000000 руб", 2_000_000),
            ("RUB 2000000", 2_000_000),
            ("2000000 RUB", 2_000_000),
            ("в рублях 2000000", 2_000_000),
            ("2 млн 300 тысяч", 2_300_000),
            ("2млн 300т", 2_300_000),
            ("2 млн 300", 2_300_000),
            ("2 миллиона двести пятьдесят тысяч", 2_250_000),
            ("полтора миллиона", 1_500_000),
            ("Полтора ляма", 1_500_000),
            ("полмиллиона", 500_000),
            ("пол миллиона", 500_000),
            ("миллион", 1_000_000),
            ("до миллиона", 1_000_000),
            ("миллион двести", 1_200_000),
            ("два миллиона", 2_000_000),
            ("два с половиной миллиона", 2_500_000),
            ("2 с половиной млн", 2_500_000),
            ("до трёх миллионов", 3_000_000),
            ("пятьсот тысяч", 500_000),
            ("сто двадцать пять тысяч", 125_000),
            ("Бюджет: 2 млн", 2_000_000),
            ("Бюджет - 2 млн", 2_000_000),
            ("бюджет — 2000000", 2_000_000),
            ("около 2 млн, можно чуть больше", 2_000_000),
            ("~2 млн", 2_000_000),
            ("не более 3 млн.", 3_000_000),
            ("от 2 млн", 2_000_000),
            ("2 млн+", 2_000_000),
            ("+500000", 500_000),
            ("до 5-ти млн", 5_000_000),
            ("добрый день! 2 млн до конца года", 2_000_000),
            ("50000 за машину", 50_000),
            ("хотелось бы потратить 1500000", 1_500_000),
            ("BMW X5 до 6 млн", 6_000_000),
            ("up to 3m", 3_000_000),
            ("2 млн 🙂", 2_000_000),
            ("до2млн", 2_000_000),
        ] {
            assert_eq!(price(text), want, "{text:?}");
        }
    }

    #[test]
    fn a_range_gives_its_upper_bound() {
        for (text, want) in [
            ("от 2 до 3 млн", 3_000_000),
            ("от 2 млн до 3 млн", 3_000_000),
            ("от 2 млн рублей до 3 млн рублей", 3_000_000),
            ("от 2 млн, до 3 млн", 3_000_000),
            ("от 2 млн до 3", 3_000_000),
            ("2-3 млн", 3_000_000),
            ("2–3млн", 3_000_000),
            ("2 — 3 млн", 3_000_000),
            ("2−3 млн", 3_000_000),
            ("2..3 млн", 3_000_000),
            ("2…3 млн", 3_000_000),
            ("2млн-2,5млн", 2_500_000),
            ("2,5-3,5 млн", 3_500_000),
            ("2 млн (до 2.5)", 2_500_000),
            ("от 2-х до 3-х млн", 3_000_000),
            ("от 2х до 3х млн", 3_000_000),
            ("от двух до трех миллионов", 3_000_000),
            ("между 2 и 3 млн", 3_000_000),
            ("from 2 to 3 mln", 3_000_000),
            ("500-600к", 600_000),
            ("500-700 тыс руб", 700_000),
            ("900 тыс - 1 млн", 1_000_000),
            ("900-1 млн", 1_000_000),
            ("от 500 тыс до 1000000", 1_000_000),
            ("50 000 - 60 000", 60_000),
            ("2000000-3000000", 3_000_000),
            ("от 1 500 000 до 2 000 000 руб.", 2_000_000),
            ("3 млн - 2 млн", 3_000_000),
            ("до 2-2,5 млн", 2_500_000),
            ("бюджет 2-3 млн под ключ", 3_000_000),
        ] {
            assert_eq!(price(text), want, "{text:?}");
        }
    }

    #[test]
    fn nothing_plain() {
        for text in [
            "не знаю",
            "-",
            "—",
            "?",
            "🙂",
            "договорная",
            "сколько стоит?",
            "0",
            "0 руб",
            "00",
            // foreign money
            "$25k",
            "25000$",
            "$ 25 000",
            "25k USD",
            "20 тысяч долларов",
            "20 тыс баксов",
            "15000 евро",
            "€15000",
            "30 000 000 вон",
            "₩30,000,000",
            "3000만원",
            "30000000 KRW",
            "200 тыс юаней",
            "10 млн тенге",
            "KZT 10000000",
            "10 000 000 тг",
            "₸10000000",
            "¥100000",
            "20000 у.е.",
            "20000 уе",
            "20000 usdt",
            "2 млн (25000$)",
            "50000 белорусских рублей",
            "２５０００＄",
            "500000 сум",
            "us$ 20000",
            // not one sum
            "2 машины по 500 тысяч",
            "две машины по 500 тысяч",
            "2 по 500 тысяч",
            "500 тысяч, 600 тысяч",
            "2 или 3 млн",
            "2/3 млн",
            "2-3-4 млн",
            "1 500 2 000",
            "2 3 млн",
            "один два миллиона",
            "2*500000",
            "1e6",
            "0x10",
            "10:00",
            "2 млн и 3 млн",
            // no sum at all
            "несколько миллионов",
            "миллионы",
            "тысяч",
            "машина 2020",
            "bmw 520",
            "X5",
            "2 машины",
            "20 лет",
            "2020 г.",
            "50%",
            "50 процентов",
            "10 % от 2 млн",
            "пробег 100 тыс",
            "100 тыс км",
            "50000 км",
            "50 тыс в месяц",
            "½ млн",
            "01.02.2024",
            "01-02",
            // negative, too much, phones
            "-50000",
            "- 50000",
            "—50000",
            "минус 50000",
            "бюджет -2 млн",
            "2000000001",
            "3 млрд",
            "99999999999999999999",
            "9999999999999999999999999999 млн",
            "999999999999999 млрд",
            "89991234567",
            "79991234567",
            "+7 999 123 45 67",
            "8 (999) 123-45-67",
            "8-999-123-45-67",
            "9991234567",
            "8 999 123 45 67",
            "010-1234-5678",
            "1,00,000",
            "1.234,567.8",
            "1.1.1",
            "0.00001 млн",
        ] {
            assert_eq!(price(text), 0, "{text:?}");
        }
    }

    #[test]
    fn what_nobody_can_mean_is_no_sum() {
        for (text, none) in [
            ("0", true),
            ("00", true),
            ("0 руб", true),
            ("0,0", true),
            ("-5", true),
            ("- 50000", true),
            ("минус 5 млн", true),
            ("-100$", true),
            ("млн", true),
            ("тыс. руб.", true),
            ("999999999999999", true),
            ("999 999 999 999 999 руб", true),
            ("миллион", false),
            ("2 млн", false),
            ("25000$", false),
            ("30 000 000 000", false),
            ("2-3-4", false),
            ("2/3 млн", false),
            ("500000 сум", false),
            ("не знаю", false),
            ("недорого", false),
            ("договорная", false),
            ("несколько миллионов", false),
            ("🙂", false),
        ] {
            assert_eq!(Budget::parse(text).map(|budget| budget.is_none()), Some(none), "{text}");
        }
    }

    #[test]
    fn typed_is_kept_clean() {
        let typed = |text: &str| Budget::parse(text).map(|budget| budget.typed);
        assert_eq!(typed(" 2\u{0}\n млн\t₽ ").as_deref(), Some("2 млн ₽"));
        assert_eq!(typed(""), None);
        assert_eq!(typed(" \n\u{0}\u{200B}"), None);
        assert_eq!(typed(&"я".repeat(200)), Some("я".repeat(200)));
        assert_eq!(typed(&"я".repeat(201)), None);
        assert_eq!(typed(&"9".repeat(200)), Some("9".repeat(200)));
    }

    #[test]
    fn the_word_budget_is_not_shown_twice() {
        for (text, want) in [
            ("бюджет 2.5 млн", "2.5 млн"),
            ("Бюджет: до 3 млн", "до 3 млн"),
            ("Мой бюджет — 2 млн", "2 млн"),
            ("budget is 30k", "30k"),
            ("My budget: 30k usd", "30k usd"),
            ("бюджет", "бюджет"),
            ("бюджет?", "бюджет?"),
            ("бюджетный вариант", "бюджетный вариант"),
            ("до 3 млн", "до 3 млн"),
            ("", ""),
        ] {
            assert_eq!(Budget::imported(text).shown(), want, "{text}");
        }
    }

    #[test]
    fn what_is_hardly_meant_in_roubles_is_in_doubt() {
        for (text, price) in [
            ("30k", 0),
            ("30к", 0),
            ("30 тысяч", 0),
            ("до 40 тыс", 0),
            ("25k", 0),
            ("пятьдесят тысяч", 0),
            ("25000", 25_000),
            ("50 000", 50_000),
            ("до 50 000", 50_000),
            ("500", 500),
        ] {
            let budget = Budget::parse(text).expect("a budget");
            assert!(budget.is_in_doubt(), "{text}");
            assert_eq!(budget.without_doubt().price(), price, "{text}");
        }
        for text in [
            "300k",
            "2",
            "2,5",
            "2 млн",
            "30 тысяч рублей",
            "50000 ₽",
            "30 т.р.",
            "30к руб",
            "$30k",
            "30k usd",
            "не знаю",
            "0",
        ] {
            let budget = Budget::parse(text).expect("a budget");
            assert!(!budget.is_in_doubt(), "{text}");
            assert_eq!(budget.clone().without_doubt(), budget, "{text}");
        }
    }

    #[test]
    fn a_bare_small_number_is_told_with_what_it_means() {
        for (text, want) in [
            ("2", Some(2_000_000)),
            ("2,5", Some(2_500_000)),
            ("2-3", Some(3_000_000)),
            ("2000000", None),
            ("2 000 000", None),
            ("2 млн", None),
            ("50000", None),
            ("500", None),
            ("не знаю", None),
            ("$2", None),
        ] {
            assert_eq!(Budget::imported(text).meant(), want, "{text}");
        }
        for (text, want) in [("2", "2 (2 000 000 ₽)"), ("2 млн", "2 млн")] {
            assert_eq!(Budget::imported(text).explained(), want, "{text}");
        }
    }

    #[test]
    fn imports() {
        for (text, want, roubles) in [("2 млн", "2 млн", 2_000_000), (" не\nзнаю ", "не знаю", 0), ("", "", 0)]
        {
            let budget = Budget::imported(text);
            assert_eq!((budget.typed(), budget.price()), (want, roubles), "{text:?}");
        }
        let long = Budget::imported(&"1".repeat(5000));
        assert_eq!((long.typed().len(), long.price()), (200, 0));
    }

    #[test]
    fn stored_budgets_are_trusted() {
        let json = r#"{"typed":"x","price":-7}"#;
        let budget: Budget = serde_json::from_str(json).expect("stored budget");
        assert_eq!((budget.typed(), budget.price()), ("x", -7));
        assert_eq!(serde_json::to_string(&budget).ok().as_deref(), Some(json));
    }

    proptest! {
        #[test]
        fn any_text_has_a_price_in_bounds(text in any::<String>()) {
            in_bounds(&text)?;
        }

        #[test]
        fn texts_like_budgets_too(
            text in "(от|до|и|миллион|млн|тыс|т|к|м|р|пол|сто|с половиной|два|руб|x|-|–|\\.\\.| |\\.|,|'|[0-9]{1,16}|0){0,14}"
        ) {
            in_bounds(&text)?;
        }

        #[test]
        fn every_plain_number_is_its_price(value in 1i64..=2_000_000_000) {
            prop_assert_eq!(price(&format!("до {} руб.", grouped(value, " "))), value);
            // Alone, small numbers are millions, those near 2020 years, and long ones that are not round ids.
            let value = if value >= 10_000_000 { value - value % 1000 } else { value };
            if value >= 10_000 {
                prop_assert_eq!(price(&value.to_string()), value);
                prop_assert_eq!(price(&grouped(value, "\u{A0}")), value);
                prop_assert_eq!(price(&grouped(value, ".")), value);
            }
        }

        #[test]
        fn a_range_is_never_less_than_either_bound(low in 1i64..2000, high in 1i64..2000) {
            let (low, high) = (low.min(high), low.max(high));
            prop_assert_eq!(price(&format!("от {low} до {high} тыс")), high * 1000);
            prop_assert_eq!(price(&format!("{low}-{high} тыс")), high * 1000);
        }
    }

    fn grouped(value: i64, separator: &str) -> String {
        let digits = value.to_string();
        let mut text = String::new();
        for (index, digit) in digits.chars().enumerate() {
            if index > 0 && (digits.len() - index).is_multiple_of(3) {
                text.push_str(separator);
            }
            text.push(digit);
        }
        text
    }

    fn in_bounds(text: &str) -> Result<(), TestCaseError> {
        if let Some(budget) = Budget::parse(text) {
            prop_assert!((0..=2_000_000_000).contains(&budget.price()));
        }
        prop_assert!((0..=2_000_000_000).contains(&Budget::imported(text).price()));
        Ok(())
    }
}
