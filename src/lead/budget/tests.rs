mod price;

use super::*;

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
