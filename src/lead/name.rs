use serde::{Deserialize, Serialize};
use thiserror::Error;

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
    /// Parses what a buyer typed.
    pub fn parse(text: &str) -> Result<Self, NameError> {
        todo!("{text}")
    }

    /// Takes a name from a backup file as it is, only cleaned and shortened so that amoCRM can take it.
    pub fn imported(text: &str) -> Self {
        todo!("{text}")
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}
