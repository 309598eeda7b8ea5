use serde::{Deserialize, Serialize};

/// The short number of a lead: seven characters of `23456789ABCDEFGHJKLMNPQRSTUVWXYZ`, the first a letter.
///
/// It is shown to the buyer as `#K7M2QXA` and is the key by which the lead is looked up in amoCRM.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct LeadNumber(String);

impl LeadNumber {
    /// Draws a new number.
    pub fn random() -> Self {
        todo!()
    }

    /// Parses a number as a person types it: any case, with or without `#`.
    pub fn parse(text: &str) -> Option<Self> {
        todo!("{text}")
    }

    /// The number without `#`.
    pub fn as_str(&self) -> &str {
        &self.0
    }
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
