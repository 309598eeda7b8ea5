//! A batch of updates sorted by whether they can be handled at all, and what to do with those that cannot.
//!
//! Telegram's ids are below 2^31 (TDLib keeps them in an int32) and ascend. An update whose id is none of those, or that
//! is no JSON object, can be neither marked as taken nor confirmed by itself: it is set aside, under a key of its own,
//! and the offset goes by the others. Where nothing else comes, the offset passes it alone.

use std::collections::{BTreeSet, HashMap, HashSet};

use serde_json::{Map, Value};
use sha2::{Digest, Sha256};

use super::{answer, reading};
use crate::lead::{ChatRef, shorten};

/// Of an update that is set aside at most so much is kept, in characters: more than any that people can write has.
const LONGEST_KEPT: usize = 100_000;

/// So often strays must have come alone, a pause in between, before an offset beyond all of Telegram's ids passes them.
const LOOKS: u32 = 10;

/// An update with an id as Telegram gives them.
#[derive(Debug)]
pub struct Numbered {
    /// Its id.
    pub id: u32,
    /// All of it, or its text where that is no JSON object.
    pub body: Result<Map<String, Value>, String>,
}

/// An update that cannot be handled.
#[derive(Debug)]
pub struct Stray {
    /// Its id, if it has one at all.
    pub id: Option<i64>,
    /// Under which it is kept.
    pub key: i64,
    /// The names of its fields.
    pub kind: String,
    /// The private chat it is from, if that can be told.
    pub chat: Option<ChatRef>,
    /// Why it is set aside, for the log and the store.
    pub reason: &'static str,
    /// What there is of it.
    pub body: String,
}

/// A batch by its kinds of updates.
#[derive(Debug, Default)]
pub struct Batch {
    /// In the order of their ids, which is that of their being sent.
    pub updates: Vec<Numbered>,
    /// Whatever else there was.
    pub strays: Vec<Stray>,
}

/// Sorts the elements of an answer.
pub fn sort(elements: &[&[u8]]) -> Batch {
    let mut batch = Batch::default();
    let mut ids = BTreeSet::new();
    for element in elements {
        match answer::value(element) {
            Some(Value::Object(body)) => {
                let id = body.get("update_id").and_then(reading::integer);
                match id.and_then(ordinary) {
                    Some(id) if ids.insert(id) => batch.updates.push(Numbered { id, body: Ok(body) }),
                    Some(_) => batch.strays.push(Stray::read(None, body, "another update has its id")),
                    None => batch.strays.push(Stray::read(id, body, "its id is none of Telegram's")),
                }
            }
            _ => {
                let id = answer::update_id(element);
                match id.and_then(ordinary).filter(|id| ids.insert(*id)) {
                    Some(id) => {
                        let raw = String::from_utf8_lossy(element).into_owned();
                        batch.updates.push(Numbered { id, body: Err(raw) });
                    }
                    None => batch.strays.push(Stray::raw(id, element, "it is no JSON object")),
                }
            }
        }
    }
    batch.updates.sort_by_key(|update| update.id);
    batch
}

/// An id as Telegram gives them.
fn ordinary(id: i64) -> Option<u32> {
    i32::try_from(id).ok().and_then(|id| u32::try_from(id).ok())
}

impl Stray {
    /// An update with an id in order and nobody to answer in it.
    pub fn unreadable(update: &Numbered) -> Self {
        let id = Some(i64::from(update.id));
        match &update.body {
            Ok(body) => Self::read(id, body.clone(), "it cannot be read"),
            Err(raw) => Self::raw(id, raw.as_bytes(), "it is no JSON object"),
        }
    }

    /// What an answer breaks off with; where no id can be read, it has the one that was asked for.
    pub fn cut_off(rest: &[u8], asked_for: Option<i64>) -> Self {
        Self::raw(answer::update_id(rest).or(asked_for), rest, "the answer breaks off in it")
    }

    fn read(id: Option<i64>, body: Map<String, Value>, reason: &'static str) -> Self {
        let fields: Vec<String> = body.keys().filter(|name| *name != "update_id").cloned().collect();
        let body = Value::Object(body);
        Self::new(id, names(&fields), reading::private_chat(&body), reason, &body.to_string())
    }

    fn raw(id: Option<i64>, bytes: &[u8], reason: &'static str) -> Self {
        Self::new(id, "unknown".into(), None, reason, &String::from_utf8_lossy(bytes))
    }

    fn new(id: Option<i64>, kind: String, chat: Option<ChatRef>, reason: &'static str, body: &str) -> Self {
        // Negative, so that it is no update's.
        let key = id.unwrap_or_else(|| {
            let digest = Sha256::digest(body.as_bytes());
            let hash = digest.iter().take(8).fold(0_u64, |hash, byte| (hash << 8) | u64::from(*byte));
            -i64::try_from(hash >> 1).unwrap_or_default() - 1
        });
        // PostgreSQL takes no zero in a text.
        let body = shorten(&body.replace('\0', "\u{fffd}"), LONGEST_KEPT);
        Self { id, key, kind, chat, reason, body }
    }
}

/// Names of fields for the log: as the API writes them, so that nothing people wrote is among them.
pub fn names(fields: &[String]) -> String {
    let like_the_api = |name: &str| {
        (1..=60).contains(&name.len()) && name.bytes().all(|c| c.is_ascii_lowercase() || b"_.".contains(&c))
    };
    let names: BTreeSet<&str> =
        fields.iter().map(|name| if like_the_api(name) { name.as_str() } else { "unknown" }).collect();
    if names.is_empty() { "unknown".into() } else { shorten(&names.into_iter().collect::<Vec<_>>().join(","), 200) }
}

/// The strays that were met since Telegram had nothing more to tell.
#[derive(Debug, Default)]
pub struct Strays {
    known: HashSet<i64>,
    looks: HashMap<i64, u32>,
}

impl Strays {
    /// Whether it is set aside already.
    pub fn knows(&self, stray: &Stray) -> bool {
        self.known.contains(&stray.key)
    }

    /// It is set aside.
    pub fn add(&mut self, stray: &Stray) {
        self.known.insert(stray.key);
    }

    /// Updates came with them, and more may be on the way: what waits for that to end waits again.
    pub fn accompanied(&mut self) {
        self.looks.retain(|_, looks| *looks >= LOOKS);
    }

    /// The offset behind strays that came alone; `None` when they have none, when it did not help, or when it is too
    /// early: an offset beyond all of Telegram's ids could pass more than the strays, so it waits until nothing has come beside them for a while.
    pub fn next_offset(&mut self, strays: &[Stray]) -> Option<i64> {
        let highest = strays.iter().filter_map(|stray| stray.id).max()?;
        let looks = self.looks.entry(highest).or_default();
        *looks += 1;
        let wanted = if highest > i64::from(i32::MAX) { LOOKS } else { 1 };
        // A negative offset counts from the queue's end.
        (*looks == wanted).then(|| highest.saturating_add(1).max(1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sorted(elements: &[&str]) -> (Vec<(u32, bool)>, Vec<Option<i64>>) {
        let bytes: Vec<&[u8]> = elements.iter().map(|element| element.as_bytes()).collect();
        let batch = sort(&bytes);
        (
            batch.updates.iter().map(|update| (update.id, update.body.is_ok())).collect(),
            batch.strays.iter().map(|stray| stray.id).collect(),
        )
    }

    #[test]
    fn ids_as_telegram_gives_them_are_handled_and_the_rest_is_stray() {
        for (id, handled) in [
            ("7", Ok(7)),
            ("0", Ok(0)),
            ("2147483647", Ok(2_147_483_647)),
            ("7.0", Ok(7)),
            ("\"7\"", Ok(7)),
            ("-1", Err(Some(-1))),
            ("2147483648", Err(Some(2_147_483_648))),
            ("9223372036854775807", Err(Some(i64::MAX))),
            ("9223372036854775808", Err(None)),
            ("1e300", Err(None)),
            ("7.5", Err(None)),
            ("null", Err(None)),
            ("{}", Err(None)),
            ("\"a\"", Err(None)),
        ] {
            let (updates, strays) = sorted(&[&format!(r#"{{"update_id":{id},"message":{{}}}}"#)]);
            match handled {
                Ok(id) => assert_eq!((updates, strays), (vec![(id, true)], vec![])),
                Err(id) => assert_eq!((updates, strays), (vec![], vec![id])),
            }
        }
        assert_eq!(
            sorted(&[
                "{\"update_id\":9}",
                "[]",
                "{\"update_id\":8,,}",
                "{\"update_id\":9}",
                "5",
                "{\"update_id\":-8,,}"
            ]),
            (vec![(8, false), (9, true)], vec![None, None, None, Some(-8)])
        );
    }

    #[test]
    fn a_stray_is_named_without_its_content() {
        for (body, kind, chat) in [
            (r#"{"message":{"chat":{"id":5,"type":"private"},"text":"secret"}}"#, "message", Some(5)),
            (r#"{"callback_query":{"message":{"chat":{"id":5,"type":"private"}}}}"#, "callback_query", Some(5)),
            (r#"{"message":{"chat":{"id":-5,"type":"group"}}}"#, "message", None),
            (r#"{"brand_new":{}}"#, "brand_new", None),
            (r#"{"Иван +7999":1}"#, "unknown", None),
            ("{}", "unknown", None),
            ("[]", "unknown", None),
            ("{\"message\":\u{0}", "unknown", None),
        ] {
            let batch = sort(&[body.as_bytes()]);
            let stray = &batch.strays[0];
            assert_eq!((stray.kind.as_str(), stray.chat), (kind, chat.map(ChatRef::telegram)), "{body}");
            assert!(stray.key < 0 && !stray.body.contains('\0'), "{stray:?}");
        }
    }

    #[test]
    fn the_offset_passes_strays_once() {
        let stray = |id| Stray::raw(id, b"x", "");
        let mut strays = Strays::default();
        let three = [stray(None), stray(Some(-7)), stray(Some(1 << 40))];
        let looked = [(); 12].map(|()| strays.next_offset(&three));
        assert!(looked.iter().enumerate().all(|(at, offset)| offset.is_some() == (at == 9)), "{looked:?}");
        assert_eq!(looked[9], Some((1 << 40) + 1));
        assert_eq!([(); 2].map(|()| strays.next_offset(&three[..2])), [Some(1), None]);
        assert_eq!(strays.next_offset(&[stray(Some(8))]), Some(9));
        for _ in 0..3 {
            assert_eq!([(); 9].map(|()| strays.next_offset(&[stray(Some(i64::MAX))])), [None; 9]);
            strays.accompanied();
        }
        assert_eq!(strays.next_offset(&[stray(None)]), None);
        strays.add(&stray(None));
        assert!(strays.knows(&stray(None)) && !strays.knows(&stray(Some(3))));
    }
}
