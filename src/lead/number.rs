use rand::Rng;
use serde::{Deserialize, Serialize};

/// No `0`/`O` nor `1`/`I`: people read these numbers out over the phone.
const ALPHABET: &[u8; 32] = b"23456789ABCDEFGHJKLMNPQRSTUVWXYZ";
const LENGTH: usize = 7;

/// The short number of a lead: seven characters of `23456789ABCDEFGHJKLMNPQRSTUVWXYZ`, the first a letter.
///
/// At least one of the others is a digit, so that no number is a word. It is shown to the buyer as `#K7M2QXA` and is
/// the key by which the lead is looked up in amoCRM.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct LeadNumber(String);

impl LeadNumber {
    /// Draws a new number out of about 21 thousand million.
    pub fn random() -> Self {
        let mut rng = rand::rng();
        // Three draws in five are right: 24/32 begin with a letter, and 1 − (24/32)⁶ of those have a digit.
        loop {
            let drawn: String = (0..LENGTH)
                .map(|_| char::from(ALPHABET[rng.random_range(0..ALPHABET.len())]))
                .collect();
            if is_number(&drawn) {
                return Self(drawn);
            }
        }
    }

    /// Parses a number as a person types it: any case, with or without `#`.
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        let number = text
            .strip_prefix('#')
            .unwrap_or(text)
            .trim_start()
            .to_ascii_uppercase();
        is_number(&number).then_some(Self(number))
    }

    /// The number without `#`.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

fn is_number(text: &str) -> bool {
    text.len() == LENGTH
        && text.bytes().all(|b| ALPHABET.contains(&b))
        && text.starts_with(|c: char| c.is_ascii_uppercase())
        && text.contains(|c: char| c.is_ascii_digit())
}

impl std::fmt::Display for LeadNumber {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl From<LeadNumber> for String {
    fn from(number: LeadNumber) -> Self {
        number.0
    }
}

impl TryFrom<String> for LeadNumber {
    type Error = String;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        Self::parse(&text).ok_or_else(|| format!("not a lead number: {text}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::HashSet;

    #[test]
    fn parses() {
        for (text, want) in [
            ("K7M2QXA", Some("K7M2QXA")),
            ("#K7M2QXA", Some("K7M2QXA")),
            ("k7m2qxa", Some("K7M2QXA")),
            ("  #k7m2qxa\n", Some("K7M2QXA")),
            ("# k7m2qxa", Some("K7M2QXA")),
            ("KLMNPQ2", Some("KLMNPQ2")),
            ("##K7M2QXA", None),
            ("K7M2QX", None),
            ("K7M2QXAA", None),
            ("77M2QXA", None),
            ("KLMNPQR", None),
            ("K7M2QX0", None),
            ("K7M2QXI", None),
            ("K7M2QXO", None),
            ("K7M2QX1", None),
            ("К7М2QXA", None),
            ("", None),
            ("#", None),
        ] {
            let got = LeadNumber::parse(text);
            assert_eq!(got.as_ref().map(LeadNumber::as_str), want, "{text:?}");
        }
    }

    #[test]
    fn random_numbers_are_right_and_differ() {
        let drawn: HashSet<_> = (0..1000).map(|_| LeadNumber::random()).collect();
        assert!(drawn.len() > 995);
        for number in drawn {
            assert_eq!(
                LeadNumber::parse(&format!("#{number}")),
                Some(number.clone())
            );
        }
    }

    #[test]
    fn stored_as_a_string() {
        let number = LeadNumber::parse("K7M2QXA").expect("a number");
        assert_eq!(
            serde_json::to_string(&number).ok(),
            Some("\"K7M2QXA\"".into())
        );
        assert_eq!(
            serde_json::from_str::<LeadNumber>("\"K7M2QXA\"").ok(),
            Some(number)
        );
        assert!(serde_json::from_str::<LeadNumber>("\"nonsense\"").is_err());
    }

    proptest! {
        #[test]
        fn any_text_gives_a_right_number_or_none(text in any::<String>()) {
            if let Some(number) = LeadNumber::parse(&text) {
                prop_assert_eq!(LeadNumber::parse(number.as_str()), Some(number));
            }
        }
    }
}
