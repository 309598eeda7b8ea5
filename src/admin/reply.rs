//! What the admin's chat answers.

use crate::{notice::Button, telegram::client::Attachment};

/// An answer of this room.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Reply {
    /// Plain text; with an attachment its caption (at most 1024 UTF-16 units).
    pub text: String,
    /// Rows of buttons under it.
    pub buttons: Vec<Vec<Button>>,
    /// A picture or a document, and what is said instead where Telegram does not take it.
    pub attachment: Option<(Attachment, String)>,
}

impl Reply {
    /// A text and nothing else.
    pub fn plain(text: String) -> Self {
        Self { text, ..Self::default() }
    }

    /// A text with buttons under it.
    pub fn with_buttons(text: String, buttons: Vec<Vec<Button>>) -> Self {
        Self { text, buttons, attachment: None }
    }

    /// A picture or a document with its caption; `otherwise` is said where it cannot be sent.
    pub fn attached(attachment: Attachment, caption: String, otherwise: String) -> Self {
        Self { text: caption, buttons: Vec::new(), attachment: Some((attachment, otherwise)) }
    }
}
