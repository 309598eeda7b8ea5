use serde::{Deserialize, Serialize};

/// A budget as typed, with a number of roubles where there is one plain amount.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Budget {
    typed: String,
    price: i64,
}

impl Budget {
    /// Parses what a buyer typed; `None` when there is nothing visible in it or it is longer than 200 characters.
    ///
    /// `50 000`, `2,5 млн`, `500 тысяч`, `300k` give a number; a range gives its upper bound; a foreign currency or
    /// no number gives 0.
    pub fn parse(text: &str) -> Option<Self> {
        todo!("{text}")
    }

    /// Takes a budget from a backup file as it stands (cleaned, at most 200 characters).
    pub fn imported(text: &str) -> Self {
        todo!("{text}")
    }

    /// As typed.
    pub fn typed(&self) -> &str {
        &self.typed
    }

    /// Roubles; 0 when there is no one amount.
    pub fn price(&self) -> i64 {
        self.price
    }
}
