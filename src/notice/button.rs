//! Buttons, without a word of a messenger's library.

use serde::{Deserialize, Serialize};

/// A button under a message.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Button {
    /// Comes back as callback data (1 to 64 bytes).
    Press {
        /// Label.
        text: String,
        /// Callback data.
        data: String,
    },
    /// Opens an address.
    Open {
        /// Label.
        text: String,
        /// http(s) address.
        url: String,
    },
}
