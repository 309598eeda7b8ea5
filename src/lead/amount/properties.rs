//! What holds of the price of any text.

use proptest::prelude::*;

use super::roubles as price;
use super::words::{Word, classify};

/// A number as typed, its unit as typed, and what that is at most in roubles.
fn typed_amount() -> impl Strategy<Value = (String, f64)> {
    let number = prop_oneof![
        (1u32..40).prop_map(|whole| (whole.to_string(), f64::from(whole))),
        (1u32..5000).prop_map(|whole| (whole.to_string(), f64::from(whole))),
        (1u32..3_000_000).prop_map(|whole| (whole.to_string(), f64::from(whole))),
        (0u32..40, 1u32..10)
            .prop_map(|(whole, tenths)| (format!("{whole},{tenths}"), f64::from(whole) + f64::from(tenths) / 10.0)),
    ];
    let unit = prop_oneof![
        Just(("", 1.0)),
        Just((" млн", 1e6)),
        Just(("к", 1e3)),
        Just((" тыс", 1e3)),
        Just((" т.р.", 1e3)),
        Just((" ляма", 1e6)),
        Just((" руб", 1.0)),
    ];
    (number, unit).prop_map(|((digits, number), (unit, size))| {
        let is_small = unit.is_empty() && (0.3..=30.0).contains(&number);
        (format!("{digits}{unit}"), number * if is_small { 1e6 } else { size })
    })
}

proptest! {
    #[test]
    fn no_price_is_above_ten_times_the_largest_amount(
        amounts in prop::collection::vec(typed_amount(), 1..4),
        joints in prop::collection::vec(
            prop::sample::select(vec![
                " до ", "-", " - ", " – ", " +- ", "+-", " (+-", " ± ", " плюс-минус ", " и ", ", ", ", до ", " или ",
                " на авто, ", " (", " + ", " максимум ", " Kia ", " x ", " по ", ". ", "; ",
            ]),
            3,
        ),
        before in prop::sample::select(vec!["", "от ", "до ", "между ", "бюджет ", "Kia K5 ", "К5 ", "А6 ", "Mazda 3, ", "~", "+-", "ПВ "]),
    ) {
        let mut text = before.to_owned();
        for (index, (amount, _)) in amounts.iter().enumerate() {
            if index > 0 {
                text.push_str(joints[index - 1]);
            }
            text.push_str(amount);
        }
        let largest = amounts.iter().map(|(_, roubles)| *roubles).fold(0.0, f64::max);
        prop_assert!(price(&text) as f64 <= largest * 10.0, "{text:?} is {}", price(&text));
    }

    #[test]
    fn digits_of_an_address_never_count(
        address in "(https?://|http://www\\.|HTTPS://|ftp://|www\\.|)(fem\\.encar\\.com|t\\.me|auto\\.ru|m\\.che168\\.com|сайт\\.рф|1\\.2-3\\.kr)/[a-zA-Z_/]{0,9}[0-9]{1,12}(\\.html|/|)(\\?[a-z]{1,5}=[0-9]{1,9}|#[0-9]{1,5}|)",
        space in "[ \n]{1,2}",
    ) {
        prop_assert_eq!(price(&address), 0, "{}", address);
        for text in [
            format!("2,5 млн{space}{address}"),
            format!("{address}{space}2,5 млн"),
            format!("до 2,5 млн, {address} под ключ"),
            format!("вот {address} бюджет 2500000"),
        ] {
            prop_assert_eq!(price(&text), 2_500_000, "{}", text);
        }
    }

    #[test]
    fn a_noun_that_is_not_known_right_behind_a_sum_is_other_money(
        noun in "[а-я]{3,10}(ов|ей|ок|а|)|[a-z]{3,10}s?",
        sum in prop::sample::select(vec!["30 тыс", "30к", "2 млн", "400 mln", "15 000", "20 тыс.", "от 20 до 30 тысяч"]),
    ) {
        prop_assume!(classify(&noun) == Word::Stranger);
        prop_assert_eq!(price(&format!("{sum} {noun}")), 0, "{} {}", sum, noun);
    }

    #[test]
    fn a_phone_beside_a_sum_does_not_count(number in 9_000_000_000u64..10_000_000_000, style in 0usize..4) {
        let digits = number.to_string();
        let (code, a, b, c) = (&digits[..3], &digits[3..6], &digits[6..8], &digits[8..]);
        let phone = match style {
            0 => format!("+7{number}"),
            1 => format!("8 ({code}) {a}-{b}-{c}"),
            2 => format!("8-{code}-{a}-{b}-{c}"),
            _ => format!("+7 {code} {a} {b} {c}"),
        };
        prop_assert_eq!(price(&phone), 0);
        prop_assert_eq!(price(&format!("2 млн, {phone}")), 2_000_000, "{}", phone);
        prop_assert_eq!(price(&format!("{phone} 2 млн")), 2_000_000, "{}", phone);
    }
}
