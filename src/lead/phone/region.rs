//! The country whose spelling of numbers is assumed.

use rlibphonenumber::PHONE_NUMBER_UTIL;

/// The region whose spelling is assumed for numbers without a country code (`PHONE_REGION`, ISO 3166-1 alpha-2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Region(pub(super) rlibphonenumber::Region);

impl Default for Region {
    fn default() -> Self {
        Self(rlibphonenumber::Region::RU)
    }
}

impl Region {
    /// Parses `RU`, `kr`, …; `None` when it is no region that has a numbering plan.
    pub fn parse(text: &str) -> Option<Self> {
        let region = text.trim().to_ascii_uppercase().parse().ok()?;
        PHONE_NUMBER_UTIL.get_country_code_for_region(region).map(|_| Self(region))
    }

    /// The country code of its numbers, such as `7`.
    pub(super) fn country_code(self) -> Option<i32> {
        PHONE_NUMBER_UTIL.get_country_code_for_region(self.0)
    }
}

/// Reads the numbering plans of all countries, which takes some 10 ms once in a process: the first number waits for it where
/// nobody has called this before.
pub fn read_plans() {
    Region::default().country_code();
}
