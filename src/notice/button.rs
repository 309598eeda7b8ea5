//! Buttons, without a word of a messenger's library.

use serde::{Deserialize, Serialize};

/// A button under a message.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Button {
    /// Comes back as callback data (1 to 64 bytes).
    Press {
        /// What stands on it.
        text: String,
        /// Callback data.
        data: String,
        /// How it looks, where the messenger can show it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        style: Option<Style>,
    },
    /// Opens an address.
    Open {
        /// What stands on it.
        text: String,
        /// http(s) address.
        url: String,
    },
    /// Copies a text; left out where the messenger cannot do that.
    Copy {
        /// What stands on it.
        text: String,
        /// What is copied (1 to 256 characters).
        copy: String,
    },
}

/// How a button looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Style {
    /// Green: what one has come for.
    Success,
    /// Red: what throws something away.
    Danger,
}
