//! Sizes of sums, and fractions of them.

pub(super) const THOUSAND: u64 = 1_000;
pub(super) const MILLION: u64 = 1_000_000;
pub(super) const BILLION: u64 = 1_000_000_000;

/// A fraction, exact where a float is not: `2,3 млн` is 2,300,000.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Ratio {
    pub(super) numerator: u64,
    pub(super) denominator: u64,
}

impl Ratio {
    pub(super) const ONE: Self = Self { numerator: 1, denominator: 1 };
    pub(super) const HALF: Self = Self { numerator: 1, denominator: 2 };
    pub(super) const ONE_AND_A_HALF: Self = Self { numerator: 3, denominator: 2 };

    pub(super) fn times(self, size: u64) -> u128 {
        u128::from(self.numerator) * u128::from(size) / u128::from(self.denominator.max(1))
    }

    /// A half more of a whole number; `None` for a fraction.
    pub(super) fn and_a_half(self) -> Option<Self> {
        (self.denominator == 1).then(|| Self { numerator: self.numerator * 2 + 1, denominator: 2 })
    }
}
