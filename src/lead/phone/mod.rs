mod plan;
mod reading;

use phonenumber::metadata::DATABASE;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::text;
use plan::international;
use reading::find;

/// The longest an imported number may be, in characters.
const MAX_IMPORTED_CHARS: usize = 100;

/// The region whose spelling is assumed for numbers without a country code (`PHONE_REGION`, ISO 3166-1 alpha-2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Region(phonenumber::country::Id);

impl Default for Region {
    fn default() -> Self {
        Self(phonenumber::country::Id::RU)
    }
}

impl Region {
    /// Parses `RU`, `kr`, …; `None` when it is no region the `phonenumber` crate knows.
    pub fn parse(text: &str) -> Option<Self> {
        let id: phonenumber::country::Id = text.trim().to_ascii_uppercase().parse().ok()?;
        // The crate panics on a region it can name but has no numbering plan for.
        DATABASE.by_id(id.as_ref()).map(|_| Self(id))
    }
}

/// A phone number: E.164 for amoCRM, as typed for the note.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Phone {
    e164: String,
    typed: String,
    origin: PhoneOrigin,
}

/// How the number came to us.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PhoneOrigin {
    /// Typed in the chat.
    Typed,
    /// The share-contact button: the sender's own number.
    OwnContact,
    /// A contact card of somebody else.
    ForeignContact,
    /// Read from a backup file.
    Backup,
}

/// Why a text is no phone number; each variant is something the buyer can mend.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum PhoneError {
    /// No digits in it.
    #[error("there is no phone number in it")]
    NoNumber,
    /// Digits, but too few or too many, or no such number plan.
    #[error("this is not a complete phone number")]
    Invalid,
}

impl Phone {
    /// Parses a number typed in any usual spelling, such as `8 (999) 123-45-67` or `+82 10-1234-5678`.
    ///
    /// The number may stand among words; of several the first valid one is taken.
    pub fn parse(text: &str, region: Region) -> Result<Self, PhoneError> {
        let typed = text::clean(text);
        let e164 = find(&typed, region)?;
        Ok(Self {
            e164,
            typed,
            origin: PhoneOrigin::Typed,
        })
    }

    /// Parses the number of a shared contact (Telegram sends it with or without `+`).
    pub fn shared(number: &str, own: bool, region: Region) -> Result<Self, PhoneError> {
        let typed = text::clean(number);
        // Telegram gives a user's own number with its country code; somebody else's card is as its owner saved it.
        let international = own.then(|| international(&digits_of(&typed))).flatten();
        let e164 = match international {
            Some(e164) => e164,
            None => find(&typed, region)?,
        };
        Ok(Self {
            e164,
            typed,
            origin: if own {
                PhoneOrigin::OwnContact
            } else {
                PhoneOrigin::ForeignContact
            },
        })
    }

    /// Takes a number from a backup file: E.164 if it is valid, else as it stands (cleaned, at most 100 characters).
    pub fn imported(text: &str, region: Region) -> Self {
        let typed = text::clean_to(text, MAX_IMPORTED_CHARS);
        Self {
            e164: find(&typed, region).unwrap_or_else(|_| typed.clone()),
            typed,
            origin: PhoneOrigin::Backup,
        }
    }

    /// E.164, such as `+79991234567` (for an imported number that is not valid: as it stands).
    pub fn e164(&self) -> &str {
        &self.e164
    }

    /// As typed.
    pub fn typed(&self) -> &str {
        &self.typed
    }

    /// How it came to us.
    pub fn origin(&self) -> PhoneOrigin {
        self.origin
    }

    /// The last ten digits, or `None` when there are fewer: what amoCRM contacts are searched by.
    pub fn last_ten_digits(&self) -> Option<String> {
        let digits = digits_of(&self.e164);
        digits
            .len()
            .checked_sub(10)
            .map(|start| digits[start..].to_owned())
    }
}

fn digits_of(text: &str) -> String {
    text.chars().filter_map(text::ascii_digit).collect()
}

#[cfg(test)]
mod tests {
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
            assert_eq!(
                parsed(text, name).as_deref(),
                Ok(want),
                "{text:?} in {name}"
            );
        }
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
            assert_eq!(
                parsed(text, "RU").as_deref(),
                Ok("+79991234567"),
                "{text:?}"
            );
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
            ("", true, "RU", Err(PhoneError::NoNumber)),
            ("12", false, "RU", Err(PhoneError::Invalid)),
        ] {
            let got = Phone::shared(number, own, region(name));
            assert_eq!(
                got.as_ref().map(Phone::e164).map_err(|e| *e),
                want,
                "{number}"
            );
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
            (
                "12345678901234567890",
                "12345678901234567890",
                Some("1234567890"),
            ),
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
        assert_eq!(
            phone.as_ref().map(Phone::typed),
            Ok("мой номер 8 (999) 123-45-67 доб. 12")
        );
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
        for piece in [
            "1",
            "1 ",
            "12 ",
            "1-",
            "+1",
            "1/",
            "1234567890 ",
            "12345678901 ",
            "+1 999 999 9999 ",
            "й",
        ] {
            let text: String = piece.chars().cycle().take(4096).collect();
            let start = Instant::now();
            let _ = parsed(&text, "RU");
            assert!(
                start.elapsed() < Duration::from_secs(3),
                "{piece:?}: {:?}",
                start.elapsed()
            );
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
        text.strip_prefix('+').is_some_and(|digits| {
            (7..=15).contains(&digits.len()) && digits.bytes().all(|b| b.is_ascii_digit())
        })
    }
}
