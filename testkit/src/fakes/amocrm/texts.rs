//! What becomes of texts: amoCRM does not give them back as they were sent.
//!
//! Seen in live accounts: characters above U+FFFF vanish while the blank and the variation selector behind them stay, the
//! ends are trimmed, quotes and brackets come back as HTML entities. Text fields were seen cut at the first such
//! character; for titles and names, of which nothing is known, the fake takes the same, harder reading.

use serde_json::Value;

/// A note as it is kept.
pub(super) fn note(text: &str) -> String {
    text.chars().filter(|c| *c <= '\u{FFFF}').collect::<String>().trim().to_owned()
}

/// A title, a name or a text field as it is kept.
pub(super) fn line(text: &str) -> String {
    let end = text.find(|c: char| c > '\u{FFFF}').unwrap_or(text.len());
    text[..end].trim().to_owned()
}

/// A value of a custom field as it is kept.
pub(super) fn field(value: &Value) -> Value {
    let mut value = value.clone();
    if let Some(Value::String(text)) = value.get_mut("value") {
        *text = line(text);
    }
    value
}

/// A kept text as an answer shows it.
pub(super) fn shown(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '"' => shown.push_str("&quot;"),
            '\'' => shown.push_str("&#039;"),
            '<' => shown.push_str("&lt;"),
            '>' => shown.push_str("&gt;"),
            '&' => shown.push_str("&amp;"),
            c => shown.push(c),
        }
    }
    shown
}
