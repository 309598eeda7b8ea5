//! Answers of the Bot API, read tolerantly: one value that is no JSON takes nothing else with it.
//!
//! Promise: whatever the bytes, reading ends, panics nowhere and needs no deep stack. An answer that is JSON by its
//! brackets and quotes is read even if it holds what no parser takes: a lone surrogate, a number beyond every float,
//! bytes that are no UTF-8, control characters in a text, a nesting without end. Such a value is replaced (a character
//! by U+FFFD, anything else by null) and the rest is kept.

use serde_json::{Number, Value};

/// What is nested deeper becomes null. serde_json itself stops at 128.
const DEEPEST: usize = 64;

/// Of an answer at most so many elements may be something else than an object: Telegram gives 100 updates at most, so more
/// of them are somebody else's stream, each of which would be kept in the store.
const MAX_FOREIGN: usize = 1000;

/// No server of Telegram's gives so many at once, even one that does not know the limit it is asked for.
const MAX_ELEMENTS: usize = 20_000;

/// How Telegram begins every update.
const UPDATE: &[u8] = b"{\"update_id\"";

/// An answer as far as its own frame goes.
#[derive(Debug)]
pub enum Answer<'a> {
    /// `ok` is true; the elements of `result`, each as it stands there.
    List(List<'a>),
    /// Anything else that is JSON.
    Other(Value),
}

/// The elements of an answer's `result`.
#[derive(Debug)]
pub struct List<'a> {
    /// Those that are there from their first to their last byte.
    pub elements: Vec<&'a [u8]>,
    /// What follows them where the answer breaks off or loses its brackets; its first bytes may be of one more element.
    pub broken: Option<&'a [u8]>,
}

/// Reads an answer whose result is a list; `None` when it is no answer of the Bot API.
pub fn list(bytes: &[u8]) -> Option<Answer<'_>> {
    let mut at = skip_blank(bytes, bytes.iter().position(|byte| *byte == b'{')? + 1);
    let (mut ok, mut list) = (false, None);
    while bytes.get(at) == Some(&b'"') {
        let Some(end) = string_end(bytes, at) else { break };
        let key = &bytes[at + 1..end - 1];
        at = skip_blank(bytes, end);
        if bytes.get(at) != Some(&b':') {
            break;
        }
        at = skip_blank(bytes, at + 1);
        if key == b"result" && bytes.get(at) == Some(&b'[') {
            let (found, end) = elements(bytes, at)?;
            list = Some(found);
            match end {
                Some(end) => at = end,
                None => break,
            }
        } else {
            let Some(end) = value_end(bytes, at) else { break };
            ok |= key == b"ok" && &bytes[at..end] == b"true";
            at = end;
        }
        at = skip_blank(bytes, at);
        if bytes.get(at) == Some(&b',') {
            at = skip_blank(bytes, at + 1);
        }
    }
    match list {
        Some(list) if ok => Some(Answer::List(list)),
        _ => value(bytes).map(Answer::Other),
    }
}

/// The elements of the array that begins at `at`, and the byte behind it unless it never ends; `None` when there are more
/// than [`MAX_FOREIGN`] that are not objects, or more than [`MAX_ELEMENTS`]. Takes time and memory in proportion to the bytes.
fn elements(bytes: &[u8], at: usize) -> Option<(List<'_>, Option<usize>)> {
    let mut elements = Vec::new();
    let mut foreign = 0;
    let mut at = skip_blank(bytes, at + 1);
    let mut next = NextUpdate::default();
    loop {
        match bytes.get(at) {
            Some(b']') => match next.after(bytes, at) {
                Some(next) => at = next,
                None => return Some((List { elements, broken: None }, Some(at + 1))),
            },
            Some(b',') => at = skip_blank(bytes, at + 1),
            Some(_) => {
                let next = next.after(bytes, at);
                // Not looked for any further, or an answer in which no bracket is closed would be read again for each.
                let end = match (value_end(&bytes[..next.unwrap_or(bytes.len())], at), next) {
                    (Some(end), _) => end,
                    (None, Some(next)) => next,
                    (None, None) => return Some((List { elements, broken: Some(&bytes[at..]) }, None)),
                };
                foreign += usize::from(bytes[at] != b'{');
                if foreign > MAX_FOREIGN || elements.len() > MAX_ELEMENTS {
                    return None;
                }
                let element = bytes[at..end].trim_ascii_end();
                elements.push(element.strip_suffix(b",").unwrap_or(element));
                at = skip_blank(bytes, end);
            }
            None => return Some((List { elements, broken: Some(&[]) }, None)),
        }
    }
}

/// Where the next update begins, searched for once only.
///
/// No text can hold such a beginning, as its quotes would be escaped; so where one stands, whatever came before it has
/// ended, whatever its brackets say.
#[derive(Default)]
struct NextUpdate {
    /// The last that was found; the end of all where there was none.
    found: usize,
}

impl NextUpdate {
    fn after(&mut self, bytes: &[u8], at: usize) -> Option<usize> {
        if self.found <= at {
            let rest = bytes.get(at + 1..).unwrap_or_default();
            let next = rest.windows(UPDATE.len()).position(|window| window == UPDATE);
            self.found = next.map_or(usize::MAX, |next| at + 1 + next);
        }
        Some(self.found).filter(|found| *found != usize::MAX)
    }
}

/// Whether an answer breaks off behind `"ok":true`: Telegram has done what it was asked, and only its telling of it is
/// incomplete. What another error ends, such as a page in place of the result, is no answer of Telegram's.
pub fn is_ok_cut_off(bytes: &[u8]) -> bool {
    #[derive(serde::Deserialize)]
    struct Ok {
        ok: bool,
    }
    // Of a complete answer nothing need be guessed.
    let breaks_off = serde_json::from_slice::<serde::de::IgnoredAny>(bytes).is_err_and(|error| error.is_eof());
    let Some(open) = bytes.iter().position(|byte| !is_blank(*byte)).filter(|at| bytes[*at] == b'{') else {
        return false;
    };
    if !breaks_off {
        return false;
    }
    let mut at = open + 1;
    loop {
        // A member that is whole: its key, and its value up to the comma.
        let key = skip_blank(bytes, at);
        let value = string_end(bytes, key).filter(|_| bytes.get(key) == Some(&b'"'));
        let Some(value) = value.map(|end| skip_blank(bytes, end)).filter(|at| bytes.get(*at) == Some(&b':')) else {
            return false;
        };
        let Some(end) = value_end(bytes, skip_blank(bytes, value + 1)) else { return false };
        let member = [b"{", &bytes[key..end], b"}"].concat();
        if let Result::Ok(Ok { ok }) = serde_json::from_slice(&member) {
            return ok;
        }
        at = skip_blank(bytes, end);
        if bytes.get(at) != Some(&b',') {
            return false;
        }
        at += 1;
    }
}

/// Reads one value; `None` when its brackets, quotes or separators are wrong.
pub fn value(bytes: &[u8]) -> Option<Value> {
    // The depth is checked here in both cases, so that whoever walks through the value needs no care.
    match serde_json::from_slice(bytes) {
        Ok(value) if depth(bytes) <= DEEPEST => Some(value),
        _ => serde_json::from_str(&mend(bytes)?).ok(),
    }
}

/// The `update_id` of an element that cannot be read otherwise, if it stands there as an integer.
pub fn update_id(element: &[u8]) -> Option<i64> {
    const KEY: &[u8] = b"\"update_id\"";
    let (mut at, mut depth) = (0, 0_usize);
    while let Some(byte) = element.get(at) {
        match byte {
            b'"' => {
                let end = string_end(element, at)?;
                if depth == 1 && &element[at..end] == KEY {
                    let colon = skip_blank(element, end);
                    let digits = skip_blank(element, colon + 1);
                    let end = value_end(element, digits).unwrap_or(element.len());
                    return std::str::from_utf8(element.get(digits..end)?).ok()?.trim().parse().ok();
                }
                at = end;
                continue;
            }
            b'{' | b'[' => depth += 1,
            b'}' | b']' => depth = depth.saturating_sub(1),
            _ => {}
        }
        at += 1;
    }
    None
}

/// JSON's blanks, and what has no place outside of a text at all.
fn is_blank(byte: u8) -> bool {
    byte <= b' ' || byte == 0x7f
}

fn skip_blank(bytes: &[u8], mut at: usize) -> usize {
    while bytes.get(at).is_some_and(|byte| is_blank(*byte)) {
        at += 1;
    }
    at
}

/// The byte behind the text whose opening quote stands at `at`.
fn string_end(bytes: &[u8], at: usize) -> Option<usize> {
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
fn value_end(bytes: &[u8], at: usize) -> Option<usize> {
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
fn mend(bytes: &[u8]) -> Option<String> {
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    let mut mended = String::with_capacity(bytes.len());
    let (mut at, mut depth) = (0, 0_usize);
    while let Some(byte) = bytes.get(at).copied() {
        match byte {
            b'{' | b'[' if depth == DEEPEST => {
                mended.push_str("null");
                at = value_end(bytes, at)?;
                continue;
            }
            b'"' => {
                let end = string_end(bytes, at)?;
                mend_text(&bytes[at + 1..end - 1], &mut mended);
                at = end;
                continue;
            }
            b'{' | b'[' => depth += 1,
            b'}' | b']' => depth = depth.checked_sub(1)?,
            b':' | b',' => {}
            blank if is_blank(blank) => {
                mended.push(' ');
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
                mended.push_str(if known { word } else { "null" });
                at = end;
                continue;
            }
        }
        mended.push(char::from(byte));
        at += 1;
    }
    (depth == 0).then_some(mended)
}

/// Writes the inside of a text, quotes around it.
fn mend_text(inside: &[u8], mended: &mut String) {
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
                // What stands there in more than one byte begins anew behind the backslash.
                at += if other.is_ascii() { 2 } else { 1 };
            }
        }
    }
    mended.push_str(&Value::String(text).to_string());
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn values(bytes: &[u8]) -> (Vec<Option<Value>>, bool) {
        match list(bytes) {
            Some(Answer::List(list)) => {
                (list.elements.iter().map(|element| value(element)).collect(), list.broken.is_some())
            }
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn an_answer_that_breaks_off_behind_its_ok_is_told() {
        let whole = r#"{"ok":true,"result":{"message_id":7,"text":"\u041f \" }"}}"#;
        let from = whole.find(",\"result").expect("it") + 1;
        for length in 0..whole.len() {
            // Before the comma nobody knows what the word would have been.
            assert_eq!(is_ok_cut_off(&whole.as_bytes()[..length]), length >= from, "{}", &whole[..length]);
        }
        for (text, cut) in [
            (whole, false),
            (r#"{"result":{"a":[1]},"ok" : true , "x"#, true),
            (r#" {"result":{"ok":true},"#, false),
            (r#"{"ok":false,"description":"#, false),
            (r#"{"ok":"true","result":"#, false),
            (r#"{"ok":true,"result":<!doctype html>"#, false),
            (r#"[{"ok":true,"#, false),
            ("<html>", false),
        ] {
            assert_eq!(is_ok_cut_off(text.as_bytes()), cut, "{text}");
        }
    }

    /// In eight million bytes: were the rest of the answer looked through for each element, this would take hours.
    #[test]
    fn a_stream_of_anything_is_no_answer_and_takes_no_time() {
        for (element, count, is_answer) in [
            ("0,", 4_000_000, false),
            ("\"\",", 2_000_000, false),
            ("[],", 1001, false),
            ("[],", 1000, true),
            ("{},", 20_001, true),
            ("{},", 2_000_000, false),
            ("{\"update_id\":1},", 20_000, true),
            ("{\"update_id\":1", 500_000, false),
        ] {
            for end in ["", "0", "]", "]}"] {
                let text = format!("{{\"ok\":true,\"result\":[{}{end}", element.repeat(count));
                let is_list = matches!(list(text.as_bytes()), Some(Answer::List(_)));
                assert_eq!(is_list, is_answer, "{element} {count} {end}");
            }
        }
        let long = format!("{{\"ok\":true,\"result\":[{},{{\"update_id\":7}}]}}", "[".repeat(8_000_000));
        assert_eq!(values(long.as_bytes()).0.last(), Some(&Some(json!({"update_id": 7}))));
    }

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

    #[test]
    fn a_list_is_split_whatever_its_elements_are() {
        let (good, wrong) = (br#"{"update_id":1}"#, br#"{"update_id":2,"a":{,]}}"#);
        let body = [&br#"{"ok":true,"result":["#[..], good, b",", wrong, b" , ", good, b"]}"].concat();
        assert_eq!(values(&body), (vec![Some(json!({"update_id": 1})), None, Some(json!({"update_id": 1}))], false));
        assert_eq!(values(br#" {"result":[], "ok" : true}"#), (vec![], false));
        // What follows the list takes nothing from it.
        for rest in ["],\"", "],\"x\"", "],\"x\":", "]]}", "]"] {
            let body = [br#"{"ok":true,"result":["#, good.as_slice(), rest.as_bytes()].concat();
            assert_eq!(values(&body), (vec![Some(json!({"update_id": 1}))], false), "{rest}");
        }
        // Cut off within the second.
        assert_eq!(values(&body[..48]), (vec![Some(json!({"update_id": 1}))], true));
        for wrong in [
            r#"{"update_id":2,"text":"x}"#,
            r#"{"update_id":2,"a":[{"#,
            r#"{"update_id":2}}]"#,
            r#"{"update_id":2}]}"#,
            r#"{"update_id":2}],"x"#,
            r#"{"update_id":2"#,
        ] {
            let body = [&br#"{"ok":true,"result":["#[..], good, b",", wrong.as_bytes(), b",", good, b"]}"].concat();
            let (read, _) = values(&body);
            assert_eq!(read[0], Some(json!({"update_id": 1})), "{wrong}");
            assert_eq!(read.last(), Some(&Some(json!({"update_id": 1}))), "{wrong}");
        }
        assert!(
            matches!(list(br#"{"ok":false,"error_code":409}"#), Some(Answer::Other(answer)) if answer["ok"] == false)
        );
        assert!(matches!(list(br#"{"ok":true,"result":true}"#), Some(Answer::Other(_))));
        for foreign in ["<html>{</html>", "", "{\"ok\":true,\"result\":<!doctype html>", "[1,2", "null {"] {
            assert!(list(foreign.as_bytes()).is_none(), "{foreign}");
        }
    }

    #[test]
    fn the_id_of_what_cannot_be_read_is_found() {
        for (element, id) in [
            (r#"{"update_id":7,"message":{,]}}"#, Some(7)),
            (r#"{"message":{"update_id":5,,},"update_id" : -3}"#, Some(-3)),
            (r#"{"update_id":7,"message":{"text":"cut o"#, Some(7)),
            (r#"{"message":{"text":"\"update_id\":5"},"x":"#, None),
            (r#"{"update_id":"#, None),
            ("", None),
        ] {
            assert_eq!(update_id(element.as_bytes()), id, "{element}");
        }
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200), cut in 0_usize..400) {
            let _ = (list(&bytes), value(&bytes), update_id(&bytes));
            let json = r#"{"ok":true,"result":[{"update_id":1,"message":{"text":"\ud83d\"x\\","n":[1e5,-0.1,null]}}]}"#;
            let mut mutated = json.as_bytes().to_vec();
            let end = mutated.len();
            for (at, byte) in bytes.iter().enumerate().take(3) {
                mutated[(cut + at * 7) % end] = *byte;
            }
            let _ = (list(&mutated), value(&mutated), update_id(&mutated), list(&mutated[..cut.min(end)]));
        }

        #[test]
        fn what_is_json_stays_as_it_is(text in any::<String>(), number in any::<i64>()) {
            let right = json!({"a": [text, number, {"b": null}]});
            let mended = mend(right.to_string().as_bytes()).expect("JSON");
            prop_assert_eq!(serde_json::from_str::<Value>(&mended).expect("JSON"), right);
        }
    }
}
