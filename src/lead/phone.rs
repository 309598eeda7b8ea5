use serde::{Deserialize, Serialize};
use thiserror::Error;

/// The region whose spelling is assumed for numbers without a country code (`PHONE_REGION`, ISO 3166-1 alpha-2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Region(phonenumber::country::Id);

impl Region {
    /// Parses `RU`, `kr`, …; `None` when it is no region the `phonenumber` crate knows.
    pub fn parse(text: &str) -> Option<Self> {
        todo!("{text}")
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
    pub fn parse(text: &str, region: Region) -> Result<Self, PhoneError> {
        todo!("{text} {region:?}")
    }

    /// Parses the number of a shared contact (Telegram sends it with or without `+`).
    pub fn shared(number: &str, own: bool, region: Region) -> Result<Self, PhoneError> {
        todo!("{number} {own} {region:?}")
    }

    /// Takes a number from a backup file: E.164 if it is valid, else as it stands (cleaned, at most 100 characters).
    pub fn imported(text: &str, region: Region) -> Self {
        todo!("{text} {region:?}")
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
        todo!()
    }
}
impl Default for Region { fn default() -> Self { Self(phonenumber::country::Id::RU) } }
