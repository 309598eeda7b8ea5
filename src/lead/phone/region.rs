//! The country whose spelling of numbers is assumed.

use phonenumber::metadata::DATABASE;

/// The region whose spelling is assumed for numbers without a country code (`PHONE_REGION`, ISO 3166-1 alpha-2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Region(pub(super) phonenumber::country::Id);

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

/// Reads the numbering plans of all countries, which takes some 60 ms once in a process: the first number waits for it where
/// nobody has called this before.
pub fn read_plans() {
    DATABASE.by_id(Region::default().0.as_ref());
}
