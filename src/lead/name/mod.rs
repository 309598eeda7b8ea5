pub(super) mod cars;
pub(super) mod greeting;
pub(super) mod introduction;
mod mash;
pub(super) mod spelling;
pub(super) mod wish;

use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::{car_link::holds_address, text};

const MAX_CHARS: usize = 100;

/// What a lead without a name that amoCRM can keep is called there.
pub const NAMELESS: &str = "Без имени";

/// So many digits are a phone, an id or a price, not part of a name.
const MIN_DIGITS_OF_NUMBER: usize = 6;

/// A buyer's name: 1–100 characters with a letter among them, no control characters, trimmed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Name(String);

/// Why a text is no name; each variant is something the buyer can fix.
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
    /// Nothing but a greeting.
    #[error("this is a greeting")]
    Greeting,
    /// Something else than a name: an address, a phone, a sum, a wish, `.`, 👍.
    #[error("this is not a name")]
    NotAName,
}

impl Name {
    /// Parses what a buyer typed; characters are Unicode scalar values, counted after folding whitespace.
    ///
    /// `Меня зовут Олег` and `Здравствуйте, Олег` are the name Олег, and so is `Олег 8 950 123-45-67`.
    pub fn parse(text: &str) -> Result<Self, NameError> {
        if text.chars().any(text::is_unreadable) {
            return Err(NameError::Unreadable);
        }
        if !text::is_visible(text) {
            return Err(NameError::Empty);
        }
        let typed = text::clean(text);
        // A greeting in a line of its own is no part of the name.
        let lines: Vec<&str> = text.lines().filter(|line| !greeting::is_courtesy(line)).collect();
        let typed =
            if lines.is_empty() || greeting::is_greeting(&typed) { typed } else { text::clean(&lines.join("\n")) };
        if holds_address(&typed) || text::digits_in(&typed) >= MIN_DIGITS_OF_NUMBER {
            return without_numbers(&typed).map(Self).ok_or(NameError::NotAName);
        }
        if greeting::is_greeting(&typed) {
            return Err(NameError::Greeting);
        }
        if wish::is_no_answer(&typed) || wish::is_speech(&typed) {
            return Err(NameError::NotAName);
        }
        if let Some(name) = introduction::introduced(&typed) {
            return Self::within_limit(name);
        }
        if !typed.chars().any(char::is_alphabetic) || wish::is_wish(&typed) || mash::is_mash(&typed) {
            return Err(NameError::NotAName);
        }
        Self::within_limit(&typed)
    }

    fn within_limit(name: &str) -> Result<Self, NameError> {
        if name.chars().count() > MAX_CHARS { Err(NameError::TooLong) } else { Ok(Self(name.to_owned())) }
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

/// What a buyer said of the car they want where something else was asked: 1–4100 characters, cleaned.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Wish(String);

impl Wish {
    /// Whole messages fit.
    const MAX_CHARS: usize = 4100;

    /// The words of a message that are no answer to a question; `None` where nothing can be read in them.
    pub(super) fn of(words: &str) -> Option<Self> {
        let words = text::clean_to(words, Self::MAX_CHARS);
        words.chars().any(char::is_alphanumeric).then_some(Self(words))
    }

    /// Takes a wish from a backup file as it stands, cleaned.
    pub fn imported(text: &str) -> Option<Self> {
        Self::of(text)
    }

    /// Words under a file, whatever they are about.
    pub(crate) fn under_a_file(caption: &str) -> Option<Self> {
        Self::of(caption)
    }

    /// An address that no question of the form asks for.
    pub(crate) fn of_address(url: &str) -> Option<Self> {
        Self::of(url)
    }

    /// Whether it says what its writer is looking for.
    pub fn names_a_wish(&self) -> bool {
        wish::names_a_wish(&self.0) && !wish::is_no_answer(&self.0) && !greeting::is_courtesy(&self.0)
    }

    /// Whether it names a car, or any.
    pub fn names_a_car(&self) -> bool {
        cars::names_a_car(&self.0)
    }

    /// Whether it asks for a car.
    pub fn asks_for_a_car(&self) -> bool {
        cars::names_a_make(&self.0) || cars::names_a_car(&self.0) && wish::is_desire(&self.0)
    }

    /// Whether somebody who has sent a request wants another car: asks about none, and names one, says that it is another, or
    /// that it is to be bought.
    pub fn wants_another_car(&self) -> bool {
        let is_question = self.0.contains(['?', '？']) || wish::asks(&self.0);
        let is_another = cars::names_a_make(&self.0) || wish::is_another(&self.0);
        cars::names_a_car(&self.0) && wish::is_desire(&self.0) && is_another && !is_question
    }

    /// Whether it says anything: no greeting, `да` or `asdf`.
    pub fn says_something(&self) -> bool {
        let has_letters = self.0.chars().filter(|c| c.is_alphabetic()).count() > 1;
        let has_words = self.0.split(' ').any(|word| word.chars().count() <= MAX_CHARS && !word.contains("://"));
        has_letters
            && has_words
            && !wish::is_no_answer(&self.0)
            && !greeting::is_courtesy(&self.0)
            && !mash::is_mash(&self.0)
    }

    /// What was said of the car for sure; `None` for nothing.
    pub fn said(text: &str) -> Option<Self> {
        let typed = text::clean_to(text, Self::MAX_CHARS);
        text::is_visible(&typed).then_some(Self(typed))
    }

    /// Both wishes, the earlier first; the same words are kept once.
    pub fn and(self, later: Self) -> Self {
        if self.0.contains(&later.0) {
            return self;
        }
        Self(text::clean_to(&format!("{}; {}", self.0, later.0), Self::MAX_CHARS))
    }

    /// As typed.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// What is left of `Олег, 8 950 123-45-67` beside the phone, if it can be nothing but a name.
fn without_numbers(typed: &str) -> Option<String> {
    const PHONE_WORDS: &[&str] = &["тел", "телефон", "моб", "номер", "tel", "phone"];
    // Fewer digits are no phone but a sum, and `до 2500000` is nobody's name.
    if holds_address(typed) || text::digits_in(typed) < 10 {
        return None;
    }
    let words: Vec<&str> = typed.split(' ').collect();
    let is_label = |word: &&str| PHONE_WORDS.contains(&word.trim_matches(['.', ':', ',']).to_lowercase().as_str());
    let is_numeric = |word: &&str| word.chars().any(|c| text::ascii_digit(c).is_some()) && !holds_letter(word);
    let is_joint = |word: &&str| !word.chars().any(char::is_alphanumeric);
    let rest: Vec<&str> =
        words.into_iter().filter(|word| !is_numeric(word) && !is_joint(word) && !is_label(word)).collect();
    let rest = rest.join(" ");
    let rest = introduction::introduced(&rest).unwrap_or(&rest).trim_end_matches([',', ';', ':', '.']);
    wish::is_plain_name(rest).then(|| rest.to_owned())
}

fn holds_letter(word: &str) -> bool {
    word.chars().any(char::is_alphabetic)
}

#[cfg(test)]
mod tests;
