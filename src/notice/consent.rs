//! What a buyer is asked to consent to, exactly as it is shown: what is kept of it proves what was consented to.

use serde::{Deserialize, Serialize};

use crate::clock::Millis;

/// The consent step of the dealer's own document.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConsentQuestion {
    /// The document's version.
    pub version: String,
    /// The document: the name of its file, or its address.
    pub document: String,
    /// Its language, as an IETF tag.
    pub document_lang: String,
    /// SHA-256 of its bytes in hex; `None` where it could not be fetched.
    #[serde(default)]
    pub sha256: Option<String>,
    /// When those bytes were read.
    #[serde(default)]
    pub read_at: Option<Millis>,
    /// In how many messages the document itself is shown; 0 for a page, which a button opens.
    #[serde(default)]
    pub shown_in: usize,
    /// The address of the privacy policy, which is apart from it.
    #[serde(default)]
    pub policy: Option<String>,
    /// The language of the words, as an IETF tag.
    pub lang: String,
    /// The words.
    pub text: String,
    /// What stands on the button that consents.
    pub button: String,
    /// All buttons as they stood under it, in order.
    #[serde(default)]
    pub buttons: Vec<ShownButton>,
    /// The whole message that asked, with what stood before the words; `None` until it is worded.
    #[serde(default)]
    pub message: Option<String>,
}

/// A button of the question.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ShownButton {
    /// What stands on it.
    pub label: String,
    /// What it opens, where that is a page.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
}

impl ConsentQuestion {
    /// Whether it is the same question, whatever stood before it.
    pub fn is_same(&self, other: &Self) -> bool {
        Self { message: None, ..self.clone() } == Self { message: None, ..other.clone() }
    }

    /// The whole message that asked.
    pub fn shown_text(&self) -> &str {
        self.message.as_ref().unwrap_or(&self.text)
    }

    /// Its buttons in order, each with the address that it opens: `[Policy](https://…)`.
    pub fn shown_buttons(&self) -> Vec<String> {
        let shown = |button: &ShownButton| match &button.url {
            Some(url) => format!("[{}]({url})", button.label),
            None => format!("[{}]", button.label),
        };
        self.buttons.iter().map(shown).collect()
    }

    /// The address of the document, where it is a page.
    pub fn page(&self) -> Option<&str> {
        (self.shown_in == 0).then_some(self.document.as_str())
    }
}
