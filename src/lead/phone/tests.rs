use super::*;
use proptest::prelude::*;
use std::time::{Duration, Instant};

fn region(name: &str) -> Region {
    Region::parse(name).expect("a region")
}

fn parsed(text: &str, name: &str) -> Result<String, PhoneError> {
    Phone::parse(text, region(name)).map(|phone| phone.e164)
}

#[test]
fn regions() {
    for name in ["RU", "kr", " Kz ", "US", "AR", "BY", "GE"] {
        assert!(Region::parse(name).is_some(), "{name}");
    }
    for name in ["", "R", "RUS", "XX", "ZZ", "РУ", "7", "\u{0}"] {
        assert!(Region::parse(name).is_none(), "{name}");
    }
}

#[test]
fn usual_spellings() {
    let ivan = "+79991234567";
    let kim = "+821012345678";
    for (text, name, want) in [
        ("8 (999) 123-45-67", "RU", ivan),
        ("+7 999 123 45 67", "RU", ivan),
        ("+7(999)1234567", "RU", ivan),
        ("79991234567", "RU", ivan),
        ("7 999 123-45-67", "RU", ivan),
        ("89991234567", "RU", ivan),
        ("9991234567", "RU", ivan),
        ("999.123.45.67", "RU", ivan),
        ("8-999-123-45-67", "RU", ivan),
        ("8\u{2011}999\u{2013}123\u{2014}45\u{2212}67", "RU", ivan),
        ("8\u{A0}999\u{202F}123\u{2009}45\u{A0}67", "RU", ivan),
        ("８９９９１２３４５６７", "RU", ivan),
        ("＋７ （９９９） １２３－４５－６７", "RU", ivan),
        ("+٧٩٩٩١٢٣٤٥٦٧", "RU", ivan),
        ("۸۹۹۹۱۲۳۴۵۶۷", "RU", ivan),
        ("\u{202A}+7 999 123-45-67\u{202C}", "RU", ivan),
        ("\u{200B}+7\u{200B}9991234567\u{FEFF}", "RU", ivan),
        ("8\u{FE0F}\u{20E3}9991234567", "RU", ivan),
        ("8 999\n123 45\n67", "RU", ivan),
        ("+ 7 999 123 45 67", "RU", ivan),
        ("++79991234567", "RU", ivan),
        ("+7 8 999 123 45 67", "RU", ivan),
        ("+8 999 123 45 67", "RU", ivan),
        ("+007 999 123 45 67", "RU", ivan),
        ("007 999 123 45 67", "RU", ivan),
        ("мой номер +7 999 123-45-67, звоните", "RU", ivan),
        ("тел.89991234567", "RU", ivan),
        ("тел: 8 999 123 45 67 (Иван)", "RU", ivan),
        ("89991234567Иван", "RU", ivan),
        ("Мне 30 лет, 8 999 123 45 67", "RU", ivan),
        ("https://wa.me/79991234567", "RU", ivan),
        ("wa.me/79991234567?text=hi", "RU", ivan),
        ("tel:+79991234567", "RU", ivan),
        ("+7 999 123-45-67 доб. 123", "RU", ivan),
        ("8 999 123 45 67 ext 12", "RU", ivan),
        ("+79991234567x123", "RU", ivan),
        ("+79991234567;ext=123", "RU", ivan),
        ("+79991234567,123#", "RU", ivan),
        ("8 800 555-35-35", "RU", "+78005553535"),
        ("+7 800 555-35-35", "RU", "+78005553535"),
        ("8005553535", "RU", "+78005553535"),
        ("8 (812) 334-12-11", "RU", "+78123341211"),
        ("+7 812 334-12-11", "RU", "+78123341211"),
        ("812 334-12-11", "RU", "+78123341211"),
        ("8 (495) 123-45-67", "RU", "+74951234567"),
        ("8 (495) 123-45-67/68", "RU", "+74951234567"),
        ("8 701 123 45 67", "KZ", "+77011234567"),
        ("8 701 123 45 67", "RU", "+77011234567"),
        ("+82 10-1234-5678", "RU", kim),
        ("821012345678", "RU", kim),
        ("82 010 1234 5678", "RU", kim),
        ("00 82 10 1234 5678", "RU", kim),
        ("8 10 82 10 1234 5678", "RU", kim),
        ("+82 (0)10-1234-5678", "RU", kim),
        ("010-1234-5678", "KR", kim),
        ("1012345678", "KR", kim),
        ("+010-1234-5678", "KR", kim),
        ("+7 999 123 45 67", "KR", ivan),
        ("79991234567", "KR", ivan),
        ("00 7 999 123 45 67", "KR", ivan),
        ("+375 29 123-45-67", "RU", "+375291234567"),
        ("375291234567", "RU", "+375291234567"),
        ("+998 90 123 45 67", "RU", "+998901234567"),
        ("+996 555 123 456", "RU", "+996555123456"),
        ("+1 650 253 0000", "RU", "+16502530000"),
        ("(650) 253-0000", "US", "+16502530000"),
        ("+49 89 12345678", "RU", "+498912345678"),
        ("+44 (0)20 7946 0958", "RU", "+442079460958"),
        ("030/901820", "DE", "+4930901820"),
        ("+39 02 3661 8300", "RU", "+390236618300"),
    ] {
        assert_eq!(parsed(text, name).as_deref(), Ok(want), "{text:?} in {name}");
    }
}

#[test]
fn a_stray_plus_makes_no_russian_mobile_foreign() {
    for operator in 900u32..=999 {
        for rest in ["1234567", "7712345", "5550011", "2233445"] {
            let Some(want) = international(&format!("7{operator}{rest}")) else { continue };
            let (first, last) = rest.split_at(3);
            let (tens, ones) = last.split_at(2);
            for text in [
                format!("+{operator}{rest}"),
                format!("+{operator} {first} {tens} {ones}"),
                format!("+{operator} {first}-{tens}-{ones}"),
                format!("+({operator}) {first}{last}"),
                format!("+ {operator}{first}-{last}"),
                format!("тел: +{operator}{rest}"),
                format!("+8{operator}{rest}"),
                format!("+7+7{operator}{rest}"),
                format!("+7 +7 {operator} {first} {last}"),
            ] {
                assert_eq!(parsed(&text, "RU").as_deref(), Ok(want.as_str()), "{text}");
            }
        }
    }
    for (text, name, want) in [
        // The code stands apart: these are what they say.
        ("+95 1 234567", "RU", "+951234567"),
        ("+961 1 234 567", "RU", "+9611234567"),
        ("+95 1234567", "RU", "+951234567"),
        ("+961 70 123 456", "RU", "+96170123456"),
        ("+998901234567", "RU", "+998901234567"),
        ("+996555123456", "RU", "+996555123456"),
        ("+992927771234", "RU", "+992927771234"),
        ("+994501234567", "RU", "+994501234567"),
        ("+995555123456", "RU", "+995555123456"),
        ("+971501234567", "RU", "+971501234567"),
        ("+97433123456", "RU", "+97433123456"),
        ("+905321234567", "RU", "+905321234567"),
        ("+919876543210", "RU", "+919876543210"),
        ("+989121234567", "RU", "+989121234567"),
        ("+16502530000", "DE", "+16502530000"),
        ("+1 650 253 0000", "RU", "+16502530000"),
        ("+951234567", "KR", "+951234567"),
        // Other regions' mobiles without their code.
        ("+291234567", "BY", "+375291234567"),
        ("+901234567", "UZ", "+998901234567"),
        ("+555123456", "KG", "+996555123456"),
        ("+1012345678", "KR", "+821012345678"),
        ("+501234567", "AZ", "+994501234567"),
    ] {
        assert_eq!(parsed(text, name).as_deref(), Ok(want), "{text:?} in {name}");
    }
}

#[test]
fn the_letter_o_for_a_zero() {
    for text in
        ["8 95О 123 45 67", "895O1234567", "+7 95о 123-45-67", "8(95o)123 45 67", "тел. 8 95О 123 45 67", "95О1234567"]
    {
        assert_eq!(parsed(text, "RU").as_deref(), Ok("+79501234567"), "{text:?}");
    }
    for (text, want) in [
        ("8 9ОО 123 45 ОО", "+79001234500"),
        ("8 9ОО 123 45 67", "+79001234567"),
        ("89501234567о", "+79501234567"),
        ("о 89501234567", "+79501234567"),
        ("8 8OO 555 35 35", "+78005553535"),
    ] {
        assert_eq!(parsed(text, "RU").as_deref(), Ok(want), "{text:?}");
    }
    assert_eq!(parsed("О чём речь 12", "RU"), Err(PhoneError::Invalid));
}

#[test]
fn the_first_valid_number_of_several() {
    for text in [
        "+7 999 123 45 67 +7 999 765 43 21",
        "8 999 123 45 67 8 999 765 43 21",
        "89991234567 89997654321",
        "8 999 123-45-67 / 8 999 765-43-21",
        "89991234567/89997654321",
        "8 999 123 45 67, 8 999 765 43 21",
        "8 999 123 45 67 или 8 999 765 43 21",
        "12345 или 8 999 123 45 67",
        "2000000 8 999 123 45 67",
        "50000 89991234567",
        "+7 123 и +7 999 123 45 67",
        "8 999 123-45-67 8910",
        "https://encar.com/cars/detail/38427498 8 999 123 45 67",
    ] {
        assert_eq!(parsed(text, "RU").as_deref(), Ok("+79991234567"), "{text:?}");
    }
}

#[test]
fn not_a_phone() {
    for (text, want) in [
        ("", PhoneError::NoNumber),
        ("   ", PhoneError::NoNumber),
        ("нет", PhoneError::NoNumber),
        ("+", PhoneError::NoNumber),
        ("+-()", PhoneError::NoNumber),
        ("CALL-ME-NOW", PhoneError::NoNumber),
        ("ivan1999@example.com", PhoneError::NoNumber),
        ("https://example.com/?t=79991234567", PhoneError::NoNumber),
        ("½²", PhoneError::NoNumber),
        ("50000", PhoneError::Invalid),
        ("50 000", PhoneError::Invalid),
        ("2000000", PhoneError::Invalid),
        ("2 000 000 рублей", PhoneError::Invalid),
        ("от 2000000 до 3000000", PhoneError::Invalid),
        ("112", PhoneError::Invalid),
        ("1-800-FLOWERS", PhoneError::Invalid),
        ("8 800 ЗВОНИ", PhoneError::Invalid),
        ("8 999 123 45 6", PhoneError::Invalid),
        ("8 999 123 45 678", PhoneError::Invalid),
        ("8 999 123-45-67-8", PhoneError::Invalid),
        ("+7 999 123 45", PhoneError::Invalid),
        ("+7 999 123 45 678", PhoneError::Invalid),
        ("+1 999 123 45 67", PhoneError::Invalid),
        ("+39 06 5228 889858", PhoneError::Invalid),
        ("+972 8 9702 150 437", PhoneError::Invalid),
        ("+82 2 4728 99990", PhoneError::Invalid),
        ("+999 999 999 999", PhoneError::Invalid),
        ("00000000000", PhoneError::Invalid),
        ("11111111111", PhoneError::Invalid),
        ("12345678901234567890", PhoneError::Invalid),
        ("4276 1234 5678 9012", PhoneError::Invalid),
        ("38427498", PhoneError::Invalid),
        ("encar.com/cars/detail/38427498", PhoneError::Invalid),
        ("1-2-3-4-5", PhoneError::Invalid),
        (".;phone-context=1", PhoneError::Invalid),
        ("tel:1;phone-context=+", PhoneError::Invalid),
    ] {
        assert_eq!(parsed(text, "RU"), Err(want), "{text:?}");
    }
}

#[test]
fn shared_contacts() {
    for (number, own, name, want) in [
        ("79991234567", true, "RU", Ok("+79991234567")),
        ("+79991234567", true, "RU", Ok("+79991234567")),
        ("79991234567", true, "KR", Ok("+79991234567")),
        ("821012345678", true, "RU", Ok("+821012345678")),
        ("+82 10 1234 5678", false, "RU", Ok("+821012345678")),
        ("8 (999) 123-45-67", false, "RU", Ok("+79991234567")),
        ("89991234567", true, "RU", Ok("+79991234567")),
        ("9281234567", false, "RU", Ok("+79281234567")),
        ("88801234567", true, "RU", Ok("+88801234567")),
        ("+88801234567", true, "KR", Ok("+88801234567")),
        ("79991234", true, "RU", Ok("+79991234")),
        ("99966212345", true, "RU", Ok("+99966212345")),
        ("+999 999 999 999", true, "RU", Ok("+999999999999")),
        ("42777", true, "RU", Ok("+42777")),
        ("88801234567", false, "RU", Err(PhoneError::Invalid)),
        ("79991234", false, "RU", Err(PhoneError::Invalid)),
        ("+9501234567", false, "RU", Ok("+79501234567")),
        ("", true, "RU", Err(PhoneError::NoNumber)),
        ("12", false, "RU", Err(PhoneError::Invalid)),
    ] {
        let got = Phone::shared(number, own, region(name));
        assert_eq!(got.as_ref().map(Phone::e164).map_err(|e| *e), want, "{number}");
        if let Ok(phone) = got {
            assert_eq!(phone.origin() == PhoneOrigin::OwnContact, own);
            assert_eq!(phone.typed(), number);
        }
    }
}

#[test]
fn imports() {
    for (text, want, last_ten) in [
        ("+7 999 123-45-67", "+79991234567", Some("9991234567")),
        ("89991234567", "+79991234567", Some("9991234567")),
        ("+82 10 1234 5678", "+821012345678", Some("1012345678")),
        (" 123\n456 ", "123 456", None),
        ("12345678901234567890", "12345678901234567890", Some("1234567890")),
        ("нет", "нет", None),
        ("", "", None),
    ] {
        let phone = Phone::imported(text, region("RU"));
        assert_eq!(phone.e164(), want, "{text:?}");
        assert_eq!(phone.last_ten_digits().as_deref(), last_ten, "{text:?}");
        assert_eq!(phone.origin(), PhoneOrigin::Backup);
    }
    let long = Phone::imported(&"я".repeat(5000), region("RU"));
    assert_eq!(long.e164().chars().count(), 100);
}

#[test]
fn typed_is_kept_clean() {
    let phone = Phone::parse(" мой\u{0} номер\n8 (999) 123-45-67 доб. 12 ", region("RU"));
    assert_eq!(phone.as_ref().map(Phone::typed), Ok("мой номер 8 (999) 123-45-67 доб. 12"));
}

#[test]
fn stored_phones_are_trusted() {
    let json = r#"{"e164":"12","typed":"x","origin":"own_contact"}"#;
    let phone: Phone = serde_json::from_str(json).expect("stored phone");
    assert_eq!(phone.e164(), "12");
    assert_eq!(serde_json::to_string(&phone).ok().as_deref(), Some(json));
}

#[test]
fn long_texts_are_read_fast() {
    for piece in ["1", "1 ", "12 ", "1-", "+1", "1/", "1234567890 ", "12345678901 ", "+1 999 999 9999 ", "й"] {
        let text: String = piece.chars().cycle().take(4096).collect();
        let start = Instant::now();
        let _ = parsed(&text, "RU");
        assert!(start.elapsed() < Duration::from_secs(3), "{piece:?}: {:?}", start.elapsed());
    }
}

proptest! {
    #[test]
    fn any_text_gives_e164_or_an_error(text in any::<String>(), name in "RU|KR|US|AR|KZ|DE|BR|IT|GE|BY|MX|JP|CN") {
        if let Ok(e164) = parsed(&text, &name) {
            prop_assert!(is_e164(&e164), "{}", e164);
        }
        let _ = Phone::shared(&text, true, region(&name));
        let _ = Phone::imported(&text, region(&name)).last_ten_digits();
    }

    #[test]
    fn any_digits_give_e164_or_an_error(
        text in "[+]{0,2}[0-9 ()./+٣７x;=#*-]{0,40}",
        name in "RU|KR|US|AR|KZ|DE|BR|IT|GE|BY|MX|JP|CN",
    ) {
        if let Ok(e164) = parsed(&text, &name) {
            prop_assert!(is_e164(&e164), "{}", e164);
            prop_assert_eq!(parsed(&e164, &name), Ok(e164.clone()));
        }
    }

    #[test]
    fn russian_mobiles_in_any_spelling(
        operator in 900u32..=999, rest in 0u32..10_000_000,
        lead in prop::sample::select(vec!["+7", "8", "7", "+7 ", "8 ", "8-", "", "00 7 "]),
        joint in prop::sample::select(vec!["", " ", "-", ".", "\u{A0}"]),
    ) {
        let digits = format!("{operator}{rest:07}");
        let text = format!(
            "{lead}({}){joint}{}{joint}{}{joint}{}", &digits[..3], &digits[3..6], &digits[6..8], &digits[8..]
        );
        if let Some(want) = international(&format!("7{digits}")) {
            prop_assert_eq!(parsed(&text, "RU"), Ok(want));
        }
    }
}

fn is_e164(text: &str) -> bool {
    text.strip_prefix('+')
        .is_some_and(|digits| (7..=15).contains(&digits.len()) && digits.bytes().all(|b| b.is_ascii_digit()))
}

#[test]
fn an_owner_knows_the_number_by_its_ends() {
    for (e164, masked) in [
        ("+79991234567", "+7 999 …-67"),
        ("+74951234509", "+7 495 …-09"),
        ("+78121234567", "+7 812 …-67"),
        ("+78005553535", "+7 800 …-35"),
        ("+821012345678", "+82 10 …-78"),
        ("+998901234567", "+998 90 …-67"),
        ("+12125550123", "+1 212 …-23"),
        ("", "+  …-"),
    ] {
        assert_eq!(Phone::masked(e164), masked, "{e164}");
    }
}
