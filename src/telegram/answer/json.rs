//! JSON by its brackets and quotes, where no parser takes it: what cannot be read is replaced, and the rest is kept.

use serde_json::{Number, Value};

/// What is nested deeper becomes null. serde_json itself stops at 128.
const DEEPEST: usize = 64;

/// Reads one value; `None` when its brackets, quotes or separators are wrong.
pub fn value(bytes: &[u8]) -> Option<Value> {
    // The depth is checked here in both cases, so that whoever walks through the value needs no care.
    match serde_json::from_slice(bytes) {
        Ok(value) if depth(bytes) <= DEEPEST => Some(value),
        _ => serde_json::from_str(&repair(bytes)?).ok(),
    }
}

/// JSON's blanks, and what has no place outside of a text at all.
pub(super) fn is_blank(byte: u8) -> bool {
    byte <= b' ' || byte == 0x7f
}

pub(super) fn skip_blank(bytes: &[u8], mut at: usize) -> usize {
    while bytes.get(at).is_some_and(|byte| is_blank(*byte)) {
        at += 1;
    }
    at
}

/// The byte behind the text whose opening quote stands at `at`.
pub(super) fn string_end(bytes: &[u8], at: usize) -> Option<usize> {
    let mut at = at + 1;
    loop {
        match bytes.get(at)? {
            b'"' => return Some(at + 1),
            b'\\' => at += 2,
            _ => at += 1,
        }
    }
}

/// The byte behind the value that begins at `at`, by brackets and quotes alone.
pub(super) fn value_end(bytes: &[u8], at: usize) -> Option<usize> {
    match bytes.get(at)? {
        b'"' => string_end(bytes, at),
        b'{' | b'[' => {
            let (mut at, mut open) = (at, Vec::new());
            loop {
                match bytes.get(at)? {
                    b'"' => {
                        at = string_end(bytes, at)?;
                        continue;
                    }
                    b'{' => open.push(b'}'),
                    b'[' => open.push(b']'),
                    // One that closes nothing is passed over.
                    closing if open.last() == Some(closing) => {
                        open.pop();
                        if open.is_empty() {
                            return Some(at + 1);
                        }
                    }
                    _ => {}
                }
                at += 1;
            }
        }
        _ => {
            let ends = |byte: &u8| is_blank(*byte) || b",]}:".contains(byte);
            // Of a bare word nobody knows whether it goes on where the answer breaks off.
            let length = bytes[at..].iter().position(ends)?;
            (length > 0).then_some(at + length)
        }
    }
}

fn depth(bytes: &[u8]) -> usize {
    let (mut at, mut depth, mut deepest) = (0, 0_usize, 0);
    while let Some(byte) = bytes.get(at) {
        match byte {
            b'"' => {
                let Some(end) = string_end(bytes, at) else { break };
                at = end;
                continue;
            }
            b'{' | b'[' => depth += 1,
            b'}' | b']' => depth = depth.saturating_sub(1),
            _ => {}
        }
        deepest = deepest.max(depth);
        at += 1;
    }
    deepest
}

/// The same value in words every JSON parser takes; `None` when a text or a bracket is not closed.
fn repair(bytes: &[u8]) -> Option<String> {
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    let mut repaired = String::with_capacity(bytes.len());
    let (mut at, mut depth) = (0, 0_usize);
    while let Some(byte) = bytes.get(at).copied() {
        match byte {
            b'{' | b'[' if depth == DEEPEST => {
                repaired.push_str("null");
                at = value_end(bytes, at)?;
                continue;
            }
            b'"' => {
                let end = string_end(bytes, at)?;
                repair_text(&bytes[at + 1..end - 1], &mut repaired);
                at = end;
                continue;
            }
            b'{' | b'[' => depth += 1,
            b'}' | b']' => depth = depth.checked_sub(1)?,
            b':' | b',' => {}
            blank if is_blank(blank) => {
                repaired.push(' ');
                at += 1;
                continue;
            }
            _ => {
                let end = value_end(bytes, at).unwrap_or(bytes.len());
                let word = std::str::from_utf8(&bytes[at..end]).ok()?;
                if !word.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte)) {
                    return None;
                }
                let known = ["true", "false", "null"].contains(&word) || serde_json::from_str::<Number>(word).is_ok();
                repaired.push_str(if known { word } else { "null" });
                at = end;
                continue;
            }
        }
        repaired.push(char::from(byte));
        at += 1;
    }
    (depth == 0).then_some(repaired)
}

/// Writes the inside of a text, quotes around it.
fn repair_text(inside: &[u8], repaired: &mut String) {
    let unit = |at: usize| {
        let digits = inside.get(at..at + 6).filter(|escape| escape.starts_with(b"\\u"))?;
        u16::from_str_radix(std::str::from_utf8(&digits[2..]).ok()?, 16).ok()
    };
    let mut text = String::with_capacity(inside.len());
    let mut at = 0;
    while at < inside.len() {
        let plain = inside[at..].iter().position(|byte| *byte == b'\\').unwrap_or(inside.len() - at);
        text.push_str(&String::from_utf8_lossy(&inside[at..at + plain]));
        at += plain;
        let Some(escaped) = inside.get(at + 1) else { break };
        match (escaped, unit(at)) {
            (_, Some(first)) => {
                let pair = unit(at + 6).and_then(|second| char::decode_utf16([first, second]).next()?.ok());
                let alone = char::decode_utf16([first]).next().and_then(Result::ok);
                // Two units are one character only where the first alone is none.
                at += if alone.is_none() && pair.is_some() { 12 } else { 6 };
                text.push(alone.or(pair).unwrap_or(char::REPLACEMENT_CHARACTER));
            }
            (other, None) => {
                text.push(match other {
                    b'n' => '\n',
                    b't' => '\t',
                    b'r' => '\r',
                    b'b' => '\u{8}',
                    b'f' => '\u{c}',
                    b'"' | b'\\' | b'/' => char::from(*other),
                    _ => char::REPLACEMENT_CHARACTER,
                });
                // What stands there in more than one byte begins again behind the backslash.
                at += if other.is_ascii() { 2 } else { 1 };
            }
        }
    }
    repaired.push_str(&Value::String(text).to_string());
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    #[test]
    fn what_is_no_json_is_replaced_and_the_rest_is_kept() {
        let deep = format!("{}1{}", "[".repeat(100_000), "]".repeat(100_000));
        let deep_objects = format!("{}1{}", "{\"a\":".repeat(200), "}".repeat(200));
        for (wrong, right) in [
            (&br#""\ud83d""#[..], json!("\u{fffd}")),
            (br#""\ude97 x""#, json!("\u{fffd} x")),
            (br#""\ud83d\ude97""#, json!("🚗")),
            (br#""\ud83d\ud83d\ude97""#, json!("\u{fffd}🚗")),
            (br#""\ud83d\u0041""#, json!("\u{fffd}A")),
            (br#""\u12""#, json!("\u{fffd}12")),
            (br#""\x41\\""#, json!("\u{fffd}41\\")),
            (b"\"a\xff\xfeb\"", json!("a\u{fffd}\u{fffd}b")),
            (b"\"a\x00\x01\nb\"", json!("a\u{0}\u{1}\nb")),
            (b"\"\\\xd0\xb0\"", json!("\u{fffd}а")),
            (b"1e999", json!(null)),
            (b"-1E999", json!(null)),
            (b"NaN", json!(null)),
            (b"-Infinity", json!(null)),
            (b"007", json!(null)),
            (b"1\x00", json!(1)),
        ] {
            let text = [br#"{"a":"#, wrong, br#","b":"c"}"#].concat();
            assert_eq!(value(&text), Some(json!({"a": right, "b": "c"})), "{}", String::from_utf8_lossy(&text));
        }
        for deep in [deep, deep_objects] {
            let read = value(format!(r#"{{"a":{deep},"b":"c"}}"#).as_bytes()).expect("the rest");
            assert_eq!(read["b"], "c");
        }
        assert_eq!(value(b"\xef\xbb\xbf{}"), Some(json!({})));
        for broken in ["", "{", "{\"a\":", "{]}", "<html>", "{\"a\" \"b\"}", "\"a", "[1 2]", "{\"a\":<!doctype html>"] {
            assert_eq!(value(broken.as_bytes()), None, "{broken}");
        }
    }

    proptest! {
        #[test]
        fn what_is_json_stays_as_it_is(text in any::<String>(), number in any::<i64>()) {
            let right = json!({"a": [text, number, {"b": null}]});
            let repaired = repair(right.to_string().as_bytes()).expect("JSON");
            prop_assert_eq!(serde_json::from_str::<Value>(&repaired).expect("JSON"), right);
        }
    }
}
