use phonenumber::metadata::DATABASE;
use phonenumber::{Mode, NationalNumber, PhoneNumber};
use serde::{Deserialize, Serialize};
use serde_json::json;
use thiserror::Error;

use super::text;

/// The longest an imported number may be, in characters.
const MAX_IMPORTED_CHARS: usize = 100;

/// Digits in a number with its country code: at most 15 (ITU-T E.164); fewer than 7 is a short code.
const MAX_E164_DIGITS: usize = 15;
const MIN_DIGITS: usize = 7;

/// Below ten digits a number without `+` is too easily something else (a price, a car's id) to guess a country for.
const MIN_DIGITS_WITHOUT_PLUS: usize = 10;

/// Room for an international prefix (`00`, `810`) before a full number.
const MAX_DIALLED_DIGITS: usize = 20;

/// How many readings of one text are tried: each costs a handful of regular expressions, and a text of 4,096
/// characters made of short digit groups has thousands.
const MAX_READINGS: usize = 60;

/// The region whose spelling is assumed for numbers without a country code (`PHONE_REGION`, ISO 3166-1 alpha-2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Region(phonenumber::country::Id);

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

/// The first valid number in a text, as E.164.
fn find(text: &str, region: Region) -> Result<String, PhoneError> {
    let runs = runs(text);
    if runs.is_empty() {
        return Err(PhoneError::NoNumber);
    }
    runs.iter()
        .flat_map(Run::readings)
        .take(MAX_READINGS)
        .find_map(|(plus, digits)| number(plus, &digits, region))
        .ok_or(PhoneError::Invalid)
}

/// A stretch of digits with nothing between them but what people put into phone numbers.
#[derive(Default)]
struct Run {
    plus: bool,
    groups: Vec<Group>,
}

struct Group {
    digits: String,
    after_slash: bool,
}

/// Splits a text into runs; links and e-mail addresses are left out, the digits in them are no phone.
fn runs(text: &str) -> Vec<Run> {
    let mut runs = Vec::new();
    for word_or_phone in split_off_addresses(text) {
        let mut run = Run::default();
        let mut joint = None;
        for c in word_or_phone.chars() {
            if let Some(digit) = text::ascii_digit(c) {
                match run.groups.last_mut() {
                    Some(group) if joint.is_none() => group.digits.push(digit),
                    _ => run.groups.push(Group {
                        digits: digit.to_string(),
                        after_slash: joint == Some('/'),
                    }),
                }
                joint = None;
            } else if is_plus(c) {
                runs.push(std::mem::take(&mut run));
                run.plus = true;
                joint = None;
            } else if is_joint(c) {
                if joint != Some('/') {
                    joint = Some(c);
                }
            } else if !text::is_invisible(c) && c != '\u{20E3}' {
                runs.push(std::mem::take(&mut run));
                joint = None;
            }
        }
        runs.push(run);
    }
    runs.retain(|run| !run.groups.is_empty());
    runs
}

/// The text without its links and e-mail addresses, as the stretches between them; a `wa.me` link is a phone.
fn split_off_addresses(text: &str) -> Vec<String> {
    let mut stretches = vec![String::new()];
    for word in text.split(' ') {
        let is_address = (word.contains("://") || word.contains('@')) && !word.contains("wa.me/");
        if is_address {
            stretches.push(String::new());
        } else if let Some(stretch) = stretches.last_mut() {
            stretch.push(' ');
            stretch.push_str(word);
        }
    }
    stretches
}

fn is_plus(c: char) -> bool {
    matches!(c, '+' | '＋' | '﹢')
}

fn is_joint(c: char) -> bool {
    c.is_whitespace()
        || matches!(
            c,
            '-' | '\u{2010}'
                ..='\u{2015}'
                    | '\u{2212}'
                    | '\u{30FC}'
                    | '－'
                    | '.'
                    | '·'
                    | '_'
                    | '/'
                    | '~'
                    | '('
                    | ')'
                    | '['
                    | ']'
                    | '（'
                    | '）'
                    | '\u{AD}'
        )
}

impl Run {
    /// What may be meant as one number, likeliest first: the whole run, then parts of it.
    ///
    /// A part leaves out so much that the rest is another number or a price; a digit too many is the buyer's slip, to
    /// be asked about and not cut off. A `+` always begins the number.
    fn readings(&self) -> impl Iterator<Item = (bool, String)> + '_ {
        let digits: String = self.groups.iter().map(|g| g.digits.as_str()).collect();
        let mut ends = Vec::with_capacity(self.groups.len() + 1);
        ends.push(0);
        for group in &self.groups {
            ends.push(ends[ends.len() - 1] + group.digits.len());
        }
        let count = self.groups.len();
        let starts = if self.plus { 0..1 } else { 0..count };
        starts
            .flat_map(move |start| {
                let furthest = count.min(start + MAX_DIALLED_DIGITS);
                (start + 1..=furthest).rev().map(move |end| (start, end))
            })
            .filter_map(move |(start, end)| {
                let (from, to) = (ends[start], ends[end]);
                let length = to - from;
                let least = match (start, end == count) {
                    (0, true) => MIN_DIGITS,
                    _ => MIN_DIGITS_WITHOUT_PLUS,
                };
                let begins = from == 0 || self.slash_at(start) || from >= 4 || length > 10;
                let stops = end == count || self.slash_at(end) || digits.len() - to >= 4;
                let fits = (least..=MAX_DIALLED_DIGITS).contains(&length);
                (fits && begins && stops).then(|| (self.plus, digits[from..to].to_owned()))
            })
    }

    fn slash_at(&self, index: usize) -> bool {
        self.groups
            .get(index)
            .is_some_and(|group| group.after_slash)
    }
}

/// One reading as E.164, if it is a valid number.
fn number(plus: bool, digits: &str, region: Region) -> Option<String> {
    if plus {
        // `+8 999 …` and `+010 …` are national numbers with a plus too many.
        return international(digits)
            .or_else(|| dialled_abroad(digits, region))
            .or_else(|| without_trunk_prefix(digits, region));
    }
    dialled_abroad(digits, region)
        .or_else(|| national(digits, region))
        .or_else(|| {
            (digits.len() >= MIN_DIGITS_WITHOUT_PLUS)
                .then(|| international(digits))
                .flatten()
        })
}

/// A number that begins with its country code.
fn international(digits: &str) -> Option<String> {
    if !(MIN_DIGITS..=MAX_E164_DIGITS).contains(&digits.len()) {
        return None;
    }
    // The crate's parser comes second, for `+44 (0)20 …`: it drops what looks like a trunk prefix, such as the first
    // digit of `+7 800 …` and `+7 812 …`. It gets no region, or it would drop that region's prefix everywhere.
    unchanged(digits)
        .and_then(|number| e164(&number))
        .or_else(|| e164(&phonenumber::parse(None, format!("+{digits}")).ok()?))
}

/// The number these digits are, taken as they stand; the crate has no constructor for it, only its serde form.
fn unchanged(digits: &str) -> Option<PhoneNumber> {
    let (code, national) = (1..=3)
        .filter(|_| !digits.starts_with('0'))
        .filter_map(|length| digits.split_at_checked(length))
        .find_map(|(code, rest)| {
            let code: u16 = code.parse().ok()?;
            DATABASE.by_code(&code).map(|_| (code, rest))
        })?;
    let national: NationalNumber = national.parse().ok()?;
    serde_json::from_value(json!({
        "code": { "value": code, "source": "plus" },
        "national": national,
        "extension": null,
        "carrier": null,
    }))
    .ok()
}

/// A number behind `00` (which people type everywhere) or the region's own international prefix (`810` in Russia).
fn dialled_abroad(digits: &str, region: Region) -> Option<String> {
    let own_prefix = || {
        let found = DATABASE
            .by_id(region.0.as_ref())?
            .international_prefix()?
            .find(digits)?;
        (found.start() == 0).then(|| &digits[found.end()..])
    };
    digits
        .strip_prefix("00")
        .and_then(international)
        .or_else(|| own_prefix().and_then(international))
}

/// A number in the region's own spelling, with or without its trunk prefix.
///
/// Tried as the international number it stands for first, see [`international`]; the crate's own reading follows, for
/// regions with more than a plain prefix (Argentina's `15`).
fn national(digits: &str, region: Region) -> Option<String> {
    let code = DATABASE.by_id(region.0.as_ref())?.country_code();
    without_trunk_prefix(digits, region)
        .or_else(|| international(&format!("{code}{digits}")))
        .or_else(|| e164(&phonenumber::parse(Some(region.0), digits).ok()?))
}

fn without_trunk_prefix(digits: &str, region: Region) -> Option<String> {
    let plan = DATABASE.by_id(region.0.as_ref())?;
    let rest = digits.strip_prefix(plan.national_prefix()?)?;
    international(&format!("{}{rest}", plan.country_code()))
}

fn e164(number: &PhoneNumber) -> Option<String> {
    if !phonenumber::is_valid(number) {
        return None;
    }
    let e164 = number.format().mode(Mode::E164).to_string();
    let length = e164.len() - 1;
    // Its patterns are not anchored at the end, so 14-digit texts pass for +7, where a number has eleven digits.
    let fits = match number.code().value() {
        7 => length == 11,
        _ => length <= MAX_E164_DIGITS,
    };
    fits.then_some(e164)
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
