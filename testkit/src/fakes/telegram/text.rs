//! Message texts as Telegram reads them: lengths in UTF-16 units, HTML, and the entities it finds by itself.

use serde_json::{Value, json};

/// What one message holds, in UTF-16 units.
pub(super) const MAX_TEXT: usize = 4096;

/// The length Telegram counts: UTF-16 code units.
pub(super) fn utf16_len(text: &str) -> usize {
    text.encode_utf16().count()
}

/// A text without its formatting, and the entities that say what the formatting was.
#[derive(Debug)]
pub(super) struct Formatted {
    pub(super) text: String,
    pub(super) entities: Vec<Value>,
}

/// Reads a text under its parse mode; the error is what stands after `Bad Request: `.
pub(super) fn read(source: &str, parse_mode: Option<&str>) -> Result<Formatted, String> {
    let formatted = match parse_mode.map(str::to_lowercase).as_deref() {
        None | Some("") => Formatted { text: source.to_owned(), entities: found_entities(source) },
        Some("html") => html(source).map_err(|why| format!("can't parse entities: {why}"))?,
        Some("markdown" | "markdownv2") => {
            return Err("the fake Telegram does not know Markdown, only HTML".to_owned());
        }
        Some(_) => return Err("unsupported parse_mode".to_owned()),
    };
    Ok(trimmed(formatted))
}

/// Telegram drops white space around a message.
fn trimmed(formatted: Formatted) -> Formatted {
    let text = formatted.text.trim();
    let lead = &formatted.text[..formatted.text.len() - formatted.text.trim_start().len()];
    let (shift, length) = (utf16_len(lead), utf16_len(text));
    let mut entities = formatted.entities;
    for entity in &mut entities {
        let offset = entity["offset"].as_u64().unwrap_or(0) as usize;
        let end = (offset + entity["length"].as_u64().unwrap_or(0) as usize).saturating_sub(shift);
        let offset = offset.saturating_sub(shift);
        entity["offset"] = json!(offset);
        entity["length"] = json!(end.min(length).saturating_sub(offset));
    }
    entities.retain(|entity| entity["length"] != 0);
    Formatted { text: text.to_owned(), entities }
}

/// Entities that Telegram finds in plain text, of the kinds a bot meets: commands, links, e-mail addresses.
pub(super) fn found_entities(text: &str) -> Vec<Value> {
    let mut entities = Vec::new();
    let mut start = 0;
    for word in text.split(char::is_whitespace) {
        let kind = if word.starts_with("http://") || word.starts_with("https://") {
            Some(("url", word))
        } else if let Some(name) = word.strip_prefix('/') {
            let end = name.find(|c: char| !(c.is_ascii_alphanumeric() || c == '_' || c == '@')).unwrap_or(name.len());
            (end > 0).then(|| ("bot_command", &word[..=end]))
        } else if word.split_once('@').is_some_and(|(user, host)| !user.is_empty() && host.contains('.')) {
            Some(("email", word))
        } else {
            None
        };
        if let Some((kind, shown)) = kind {
            entities.push(json!({
                "type": kind, "offset": utf16_len(&text[..start]), "length": utf16_len(shown),
            }));
        }
        start += word.len();
        start += text[start..].chars().next().map_or(0, char::len_utf8);
    }
    entities
}

struct OpenTag {
    name: String,
    start: usize,
    entity: Option<Value>,
}

/// Reads HTML as `parse_html` of TDLib does; a lone `&` and a lone `>` stand for themselves, a lone `<` is an error.
fn html(source: &str) -> Result<Formatted, String> {
    let mut text = String::new();
    let mut entities = Vec::new();
    let mut open: Vec<OpenTag> = Vec::new();
    let mut at = 0;
    while let Some(c) = source[at..].chars().next() {
        let rest = &source[at..];
        if c == '&' {
            let (decoded, used) = character_reference(rest).unwrap_or(('&', 1));
            text.push(decoded);
            at += used;
        } else if let Some(tag) = rest.strip_prefix("</") {
            let end = tag.find('>').ok_or(format!("Unclosed end tag at byte offset {at}"))?;
            let name = tag[..end].trim().to_lowercase();
            let top = open.pop().ok_or(format!("Unexpected end tag at byte offset {at}"))?;
            if !name.is_empty() && name != top.name {
                return Err(format!(
                    "Unmatched end tag at byte offset {at}, expected \"</{}>\", found \"</{name}>\"",
                    top.name
                ));
            }
            let length = utf16_len(&text) - top.start;
            if let (Some(mut entity), 1..) = (top.entity, length) {
                entity["offset"] = json!(top.start);
                entity["length"] = json!(length);
                entities.push(entity);
            }
            at += 2 + end + 1;
        } else if let Some(tag) = rest.strip_prefix('<') {
            let end = tag.find('>').ok_or(format!("Unclosed start tag at byte offset {at}"))?;
            let (name, attributes) = tag[..end].split_once(char::is_whitespace).unwrap_or((&tag[..end], ""));
            let name = name.to_lowercase();
            let entity =
                tag_entity(&name, attributes).ok_or(format!("Unsupported start tag \"{name}\" at byte offset {at}"))?;
            open.push(OpenTag { name, start: utf16_len(&text), entity });
            at += 1 + end + 1;
        } else {
            text.push(c);
            at += c.len_utf8();
        }
    }
    match open.pop() {
        Some(tag) => Err(format!("Can't find end tag corresponding to start tag \"{}\"", tag.name)),
        None => Ok(Formatted { text, entities }),
    }
}

/// The character that `&…;` at the start of `rest` stands for and how many bytes it takes.
fn character_reference(rest: &str) -> Option<(char, usize)> {
    let end = rest.find(';')?;
    let name = &rest[1..end];
    let decoded = match name {
        "lt" => '<',
        "gt" => '>',
        "amp" => '&',
        "quot" => '"',
        _ => {
            let digits = name.strip_prefix('#')?;
            let code = match digits.strip_prefix(['x', 'X']) {
                Some(hex) => u32::from_str_radix(hex, 16).ok()?,
                None => digits.parse().ok()?,
            };
            char::from_u32(code)?
        }
    };
    Some((decoded, end + 1))
}

/// `None` for a tag Telegram does not know, `Some(None)` for one that formats nothing.
fn tag_entity(name: &str, attributes: &str) -> Option<Option<Value>> {
    let attribute = |key: &str| {
        let value = attributes.split_once(&format!("{key}="))?.1;
        let value = match value.chars().next()? {
            quote @ ('"' | '\'') => value[1..].split(quote).next()?,
            _ => value.split(char::is_whitespace).next()?,
        };
        Some(value.replace("&amp;", "&").replace("&quot;", "\""))
    };
    let kind = match name {
        "b" | "strong" => "bold",
        "i" | "em" => "italic",
        "u" | "ins" => "underline",
        "s" | "strike" | "del" => "strikethrough",
        "tg-spoiler" => "spoiler",
        "span" if attribute("class").as_deref() == Some("tg-spoiler") => "spoiler",
        "code" => "code",
        "pre" => "pre",
        "blockquote" if attributes.contains("expandable") => "expandable_blockquote",
        "blockquote" => "blockquote",
        "a" => {
            let url = attribute("href").filter(|url| !url.is_empty());
            return Some(url.map(|url| json!({"type": "text_link", "url": url})));
        }
        "tg-emoji" => {
            let id = attribute("emoji-id");
            return Some(id.map(|id| json!({"type": "custom_emoji", "custom_emoji_id": id})));
        }
        _ => return None,
    };
    Some(Some(json!({"type": kind})))
}

/// A text as a phone sends it: in pieces of what one message holds.
pub(super) fn pieces(text: &str) -> Vec<String> {
    let mut pieces = vec![String::new()];
    let mut length = 0;
    for c in text.trim().chars() {
        if length + c.len_utf16() > MAX_TEXT {
            pieces.push(String::new());
            length = 0;
        }
        length += c.len_utf16();
        pieces.last_mut().expect("it begins with one").push(c);
    }
    pieces.retain(|piece| utf16_len(piece) > 0);
    pieces
}

/// A name in letters that a username may have.
pub(super) fn latin(name: &str) -> String {
    const LETTERS: [&str; 32] = [
        "a", "b", "v", "g", "d", "e", "zh", "z", "i", "y", "k", "l", "m", "n", "o", "p", "r", "s", "t", "u", "f", "h",
        "ts", "ch", "sh", "sch", "", "y", "", "e", "yu", "ya",
    ];
    let mut username = String::new();
    for c in name.to_lowercase().chars() {
        match c {
            'а'..='я' => username.push_str(LETTERS[c as usize - 'а' as usize]),
            'ё' => username.push('e'),
            'a'..='z' | '0'..='9' | '_' => username.push(c),
            _ => {}
        }
    }
    if username.is_empty() { "user".to_owned() } else { username }
}
