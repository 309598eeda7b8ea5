//! Answers of the Bot API, read tolerantly: one value that is no JSON takes nothing else with it.
//!
//! Promise: whatever the bytes, reading ends, panics nowhere and needs no deep stack. An answer that is JSON by its
//! brackets and quotes is read even if it holds what no parser takes: a lone surrogate, a number beyond every float,
//! bytes that are no UTF-8, control characters in a text, a nesting without end. Such a value is replaced (a character
//! by U+FFFD, anything else by null) and the rest is kept.

mod json;

use serde_json::Value;

pub use json::value;
use json::{is_blank, skip_blank, string_end, value_end};

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

    }
}
