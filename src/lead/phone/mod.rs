mod plan;
mod reading;
mod region;

use std::ops::Range;

use rlibphonenumber::{PHONE_NUMBER_UTIL, PhoneNumberFormat};
use serde::{Deserialize, Serialize};

use super::text;
use plan::international;
pub use reading::PhoneError;
use reading::find;
pub use region::{Region, read_plans};

/// The longest an imported number may be, in characters.
const MAX_IMPORTED_CHARS: usize = 100;

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

impl Phone {
    /// Parses a number typed in any usual spelling, such as `8 (999) 123-45-67` or `+82 10-1234-5678`.
    ///
    /// The number may stand among words; of several the first valid one is taken.
    pub fn parse(text: &str, region: Region) -> Result<Self, PhoneError> {
        let typed = text::clean(text);
        let e164 = find(&typed, region)?.e164;
        Ok(Self { e164, typed, origin: PhoneOrigin::Typed })
    }

    /// Enough of a number for its owner to know it by: `+7 999 …-67`.
    pub fn masked(e164: &str) -> String {
        let spaced = PHONE_NUMBER_UTIL
            .parse(e164, None)
            .map(|number| number.format_as(PhoneNumberFormat::International).into_owned())
            .unwrap_or_default();
        let mut groups = spaced.split(|sign: char| !sign.is_ascii_digit() && sign != '+').filter(|it| !it.is_empty());
        let (code, first) = (groups.next().unwrap_or("+"), groups.next().unwrap_or_default());
        // What is one group is not shown whole.
        let first = first.get(..3).unwrap_or(first);
        let last = e164.get(e164.len().saturating_sub(2)..).unwrap_or_default();
        format!("{code} {first} …-{last}")
    }

    /// The first number in a text, and where it stands, in bytes.
    pub(super) fn find_in(text: &str, region: Region) -> Option<(Self, Range<usize>)> {
        let found = find(text, region).ok()?;
        let byte_at = |at: usize| text.char_indices().nth(at).map_or(text.len(), |(byte, _)| byte);
        let mut span = byte_at(found.span.start)..byte_at(found.span.end);
        // `(926) 123-45-67`
        let opens = text[..span.start].ends_with('(') && text[span.clone()].contains(')');
        span.start -= usize::from(opens);
        let typed = text::clean(&text[span.clone()]);
        Some((Self { e164: found.e164, typed, origin: PhoneOrigin::Typed }, span))
    }

    /// Parses the number of a shared contact (Telegram sends it with or without `+`).
    ///
    /// The sender's own is taken whatever the plans say: Telegram has checked it, and knows ranges (its anonymous `+888`,
    /// a country's newest) that they do not.
    pub fn shared(number: &str, own: bool, region: Region) -> Result<Self, PhoneError> {
        let typed = text::clean(number);
        // Telegram gives a user's own number with its country code; somebody else's card is as its owner saved it.
        let international = own.then(|| international(&digits_of(&typed))).flatten();
        let e164 = match international {
            Some(e164) => e164,
            None => match find(&typed, region) {
                Err(PhoneError::Invalid) if own => format!("+{}", digits_of(&typed)),
                found => found?.e164,
            },
        };
        Ok(Self { e164, typed, origin: if own { PhoneOrigin::OwnContact } else { PhoneOrigin::ForeignContact } })
    }

    /// A number of nobody's, for a request that tries the way to amoCRM.
    pub fn nobodys(text: &str, region: Region) -> Self {
        Self { origin: PhoneOrigin::Typed, ..Self::imported(text, region) }
    }

    /// Takes a number from a backup file: E.164 if it is valid, else as it stands (cleaned, at most 100 characters).
    pub fn imported(text: &str, region: Region) -> Self {
        let typed = text::clean_to(text, MAX_IMPORTED_CHARS);
        let found = find(&typed, region).map(|found| found.e164);
        Self { e164: found.unwrap_or_else(|_| typed.clone()), typed, origin: PhoneOrigin::Backup }
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
        digits.len().checked_sub(10).map(|start| digits[start..].to_owned())
    }
}

fn digits_of(text: &str) -> String {
    text.chars().filter_map(text::ascii_digit).collect()
}

#[cfg(test)]
mod tests;
