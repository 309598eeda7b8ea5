use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::text;

const MAX_CHARS: usize = 100;

/// What a lead without a name that amoCRM can keep is called there.
pub const NAMELESS: &str = "Без имени";

/// A buyer's name: 1–100 visible characters, no control characters, trimmed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Name(String);

/// Why a text is no name; each variant is something the buyer can mend.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum NameError {
    /// Nothing visible in it.
    #[error("the name is empty")]
    Empty,
    /// More than 100 characters.
    #[error("the name is longer than 100 characters")]
    TooLong,
    /// Control characters (line breaks and tabs are folded to spaces, these are not).
    #[error("the name holds control characters")]
    Unreadable,
}

impl Name {
    /// Parses what a buyer typed; characters are Unicode scalar values, counted after folding whitespace.
    pub fn parse(text: &str) -> Result<Self, NameError> {
        if text.chars().any(text::is_unreadable) {
            return Err(NameError::Unreadable);
        }
        if !text::is_visible(text) {
            return Err(NameError::Empty);
        }
        let name = text::clean(text);
        if name.chars().count() > MAX_CHARS {
            return Err(NameError::TooLong);
        }
        Ok(Self(name))
    }

    /// Takes a name from a backup file as it is, only cleaned and shortened so that amoCRM can take it.
    ///
    /// A name with nothing visible in it becomes `Без имени`.
    pub fn imported(text: &str) -> Self {
        let name = text::clean_to(text, MAX_CHARS);
        if text::is_visible(&name) { Self(name) } else { Self(NAMELESS.to_owned()) }
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn parses() {
        for (text, want) in [
            ("Иван", Ok("Иван")),
            ("  Иван \n Петров\t", Ok("Иван Петров")),
            ("Иван\r\nПетров", Ok("Иван Петров")),
            ("Иван\u{A0}\u{A0}Петров", Ok("Иван Петров")),
            ("A", Ok("A")),
            ("O'Brien-Smith, Jr.", Ok("O'Brien-Smith, Jr.")),
            ("🙂", Ok("🙂")),
            ("👨\u{200D}👩\u{200D}👧", Ok("👨\u{200D}👩\u{200D}👧")),
            ("שלום", Ok("שלום")),
            ("محمد", Ok("محمد")),
            ("김철수", Ok("김철수")),
            ("<b>Иван</b> & Ко", Ok("<b>Иван</b> & Ко")),
            ("'; DROP TABLE leads;--", Ok("'; DROP TABLE leads;--")),
            ("", Err(NameError::Empty)),
            ("   ", Err(NameError::Empty)),
            ("\n\t\r\n", Err(NameError::Empty)),
            ("\u{200B}", Err(NameError::Empty)),
            ("\u{FEFF} \u{2060}\u{3164}\u{2800}", Err(NameError::Empty)),
            ("Ив\u{0}ан", Err(NameError::Unreadable)),
            ("\u{1b}[31mИван", Err(NameError::Unreadable)),
            ("Иван\u{7f}", Err(NameError::Unreadable)),
            ("Иван\u{9b}", Err(NameError::Unreadable)),
            ("\u{202E}navI", Err(NameError::Unreadable)),
            ("\u{2066}Иван\u{2069}", Err(NameError::Unreadable)),
        ] {
            let got = Name::parse(text);
            assert_eq!(got.as_ref().map(Name::as_str).map_err(|e| *e), want, "{text:?}");
        }
    }

    #[test]
    fn counts_characters_not_bytes() {
        for letter in ["a", "я", "김", "🙂"] {
            assert!(Name::parse(&letter.repeat(100)).is_ok(), "{letter}");
            assert_eq!(Name::parse(&letter.repeat(101)), Err(NameError::TooLong), "{letter}");
        }
        assert!(Name::parse(&format!("  {}  ", "я".repeat(100))).is_ok());
    }

    #[test]
    fn imports() {
        for (text, want) in [
            ("Иван", "Иван"),
            (" Иван\nПетров ", "Иван Петров"),
            ("Ив\u{0}ан", "Иван"),
            ("\u{202E}Иван", "Иван"),
            ("", "Без имени"),
            (" \u{0} ", "Без имени"),
            ("\u{200B}", "Без имени"),
        ] {
            assert_eq!(Name::imported(text).as_str(), want, "{text:?}");
        }
        assert_eq!(Name::imported(&"я".repeat(5000)).as_str(), "я".repeat(100));
    }

    #[test]
    fn stored_names_are_trusted() {
        let long = "я".repeat(300);
        let name: Name = serde_json::from_value(long.clone().into()).expect("stored name");
        assert_eq!(name.as_str(), long);
        assert_eq!(serde_json::to_string(&Name::imported("Иван")).ok(), Some("\"Иван\"".into()));
    }

    proptest! {
        #[test]
        fn any_text_gives_a_right_name_or_an_error(text in any::<String>()) {
            if let Ok(name) = Name::parse(&text) {
                prop_assert!((1..=100).contains(&name.as_str().chars().count()));
                prop_assert_eq!(Name::parse(name.as_str()), Ok(name.clone()));
                prop_assert_eq!(Name::imported(&text), name);
            }
        }

        #[test]
        fn an_imported_name_is_always_a_right_name(text in any::<String>()) {
            let name = Name::imported(&text);
            prop_assert_eq!(Name::parse(name.as_str()), Ok(name.clone()));
        }
    }
}
