//! The document that buyers consent to, as it is shown in a chat.

use std::sync::Arc;

use super::Lang;

/// A longer text is sent as its file: nobody reads it in a chat.
const MOST_PARTS: usize = 4;

/// UTF-16 units of a part; Telegram takes 4096.
const PART: usize = 4000;

/// What is a text for people who read it in a chat, by the end of its name.
const READABLE: [&str; 3] = ["md", "txt", "text"];

/// A document of the dealer's.
#[derive(Clone, PartialEq, Eq)]
pub struct ShownDocument {
    /// Its language, as an IETF tag.
    pub lang: String,
    /// The name of its file.
    pub name: String,
    /// What is in the file.
    pub content: Arc<[u8]>,
    /// Its text by messages; empty for what is sent as a file.
    pub parts: Arc<[String]>,
}

impl std::fmt::Debug for ShownDocument {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "{} in {} ({} bytes)", self.name, self.lang, self.content.len())
    }
}

impl ShownDocument {
    /// A document as it is shown.
    pub fn new(lang: &str, name: &str, content: Arc<[u8]>) -> Self {
        let parts = parts(name, &content).into();
        // Of a path buyers see the name alone.
        let name = name.rsplit(['/', '\\']).next().unwrap_or(name);
        Self { lang: lang.to_owned(), name: name.to_owned(), content, parts }
    }

    /// In how many messages it is shown.
    pub fn messages(&self) -> usize {
        self.parts.len().max(1)
    }
}

/// A text by messages; nothing for what is no text, or too long a one.
fn parts(name: &str, content: &[u8]) -> Vec<String> {
    let ending = name.rsplit_once('.').map(|(_, ending)| ending.to_lowercase());
    let Ok(text) = std::str::from_utf8(content) else { return Vec::new() };
    if ending.as_ref().is_some_and(|ending| !READABLE.contains(&ending.as_str())) {
        return Vec::new();
    }
    let text = text.trim_start_matches('\u{feff}').replace("\r\n", "\n");
    if text.chars().any(|sign| sign.is_control() && !matches!(sign, '\n' | '\t')) {
        return Vec::new();
    }
    let is_markdown = ending.as_deref() == Some("md");
    let mut parts: Vec<String> = Vec::new();
    for line in text.trim().lines() {
        let line = if is_markdown { unmarked(line) } else { line.to_owned() };
        for line in pieces(&line) {
            let units = |text: &str| text.encode_utf16().count();
            match parts.last_mut().filter(|part| units(part) + 1 + units(&line) <= PART) {
                Some(part) => {
                    part.push('\n');
                    part.push_str(&line);
                }
                None => parts.push(line),
            }
        }
    }
    // A message of nothing but blanks is none.
    parts.iter_mut().for_each(|part| *part = part.trim().to_owned());
    parts.retain(|part| !part.is_empty());
    if parts.len() > MOST_PARTS { Vec::new() } else { parts }
}

/// A line of markdown without the signs that only shape it.
fn unmarked(line: &str) -> String {
    let heading = line.trim_start_matches('#');
    let is_heading = heading.len() < line.len() && line.len() - heading.len() <= 6 && heading.starts_with(' ');
    let line = if is_heading { heading.trim_start() } else { line };
    line.replace("**", "").replace("__", "")
}

/// A line by what one message holds.
fn pieces(line: &str) -> Vec<String> {
    let mut pieces = vec![String::new()];
    let mut units = 0;
    for sign in line.chars() {
        units += sign.len_utf16();
        if units > PART {
            pieces.push(String::new());
            units = sign.len_utf16();
        }
        if let Some(last) = pieces.last_mut() {
            last.push(sign);
        }
    }
    pieces
}

/// The words of the consent step and of its button in a language.
pub fn consent_words(lang: Lang) -> (String, String) {
    let document = lang.text("button-consent-document", &[]);
    (lang.text("ask-consent-to", &[("document", document.into())]), lang.text("button-consent", &[]))
}

/// What stands under a document that is sent as a file, or in its place.
pub(super) fn caption(lang: Lang) -> String {
    lang.text("consent-document", &[])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(name: &str, content: &[u8]) -> Vec<String> {
        ShownDocument::new("ru", name, content.into()).parts.to_vec()
    }

    #[test]
    fn a_text_is_read_in_the_chat_and_anything_else_is_a_file() {
        for (name, content, text) in [
            ("consent.txt", "Я согласен.\r\nНа всё.\n", Some("Я согласен.\nНа всё.")),
            ("consent", "Я согласен.", Some("Я согласен.")),
            ("CONSENT.MD", "\u{feff}# Согласие\n\nДаю **согласие**\n#тег", Some("Согласие\n\nДаю согласие\n#тег")),
            ("a/b.txt", "# Так и есть", Some("# Так и есть")),
            ("consent.html", "<p>Согласие</p>", None),
            ("consent.pdf", "%PDF-1.7", None),
            ("consent.txt", "a\u{0}b", None),
        ] {
            assert_eq!(shown(name, content.as_bytes()), Vec::from_iter(text), "{name}");
        }
        assert!(shown("consent.txt", &[0xff, 0xfe, 0x1f]).is_empty());
        assert_eq!(ShownDocument::new("ru", "docs/согласие.pdf", [1, 2].as_slice().into()).name, "согласие.pdf");
    }

    #[test]
    fn a_long_text_is_parted_and_a_very_long_one_is_a_file() {
        for (length, parts) in [(3000, 1), (4000, 1), (4001, 2), (9000, 3), (16_000, 4), (17_000, 0)] {
            let text = "слово ".repeat(length / 6) + &"ы".repeat(length % 6);
            let shown = shown("a.md", text.as_bytes());
            assert_eq!(shown.len(), parts, "{length}");
            assert!(shown.iter().all(|part| (1..=4096).contains(&part.encode_utf16().count())));
        }
        let lines = vec![
            "Пункт 1. Оператор обрабатывает имя, телефон и ответы.";
            120
        ]
        .join("\n");
        let shown = shown("a.txt", lines.as_bytes());
        assert_eq!(shown.join("\n"), lines, "nothing is lost, and no line is cut");
    }
}
