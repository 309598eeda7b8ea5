//! What an entry of `backup_leads.json` says: our leads as entries, entries of any tool as leads.

use std::{borrow::Cow, collections::BTreeMap};

use chrono::{DateTime, NaiveDateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest, Sha256};
use ulid::Ulid;

use crate::{
    clock::Clock,
    lead::{
        Asked, Budget, Buyer, CarLink, Lead, LeadNumber, LeadSource, Name, Origin, Phone, Region, SourceCode, Wish,
    },
    store::{ImportedLead, LeadRow, LeadState, NewLead},
};

/// What the older tool writes for "no link".
const NO_LINK: &str = "нет";

/// The first keys of an entry, in the contract's order.
const KEYS: [&str; 7] = ["timestamp", "name", "phone", "budget", "car_link", "user_id", "status"];

/// One entry, in the order of its keys in the file.
#[derive(Debug, Serialize)]
struct Entry<'a> {
    timestamp: String,
    name: &'a str,
    phone: &'a str,
    budget: &'a str,
    car_link: &'a str,
    user_id: i64,
    status: &'static str,
    id: String,
    number: &'a LeadNumber,
    attempts: i64,
    last_error: Option<&'a str>,
    buyer_told: bool,
    /// The links beside the car's.
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    more_car_links: &'a [String],
    /// What was said of the car beside the answers.
    #[serde(skip_serializing_if = "Option::is_none")]
    wish: Option<&'a str>,
    /// The code of the link that the buyer came by, and its name.
    #[serde(skip_serializing_if = "Option::is_none")]
    source: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    source_name: Option<&'a str>,
    /// Its buyer has left the form before the end: the questions without an answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    unfinished: Option<&'a [String]>,
    /// Answers to the form's other questions, by the questions' keys.
    #[serde(flatten)]
    more: BTreeMap<Cow<'a, str>, &'a str>,
    lead: &'a Lead,
}

/// The text of a whole file, which grows entry by entry.
#[derive(Debug, Default)]
pub(super) struct Text {
    pub(super) bytes: Vec<u8>,
    begun: bool,
}

impl Text {
    /// Adds the entry of a lead.
    pub(super) fn add(&mut self, row: &LeadRow) {
        self.add_entry(&entry(row));
    }

    /// Adds an entry as it was in the file before.
    pub(super) fn add_kept(&mut self, value: &Value) {
        self.add_entry(&Kept(value));
    }

    fn add_entry(&mut self, entry: &impl Serialize) {
        self.bytes.extend_from_slice(if self.begun { b",\n  " } else { b"[\n  " });
        self.begun = true;
        // Such values have string keys and no floats that could fail. A text of JSON holds no line break of its own.
        for byte in serde_json::to_vec_pretty(entry).unwrap_or_default() {
            self.bytes.push(byte);
            if byte == b'\n' {
                self.bytes.extend_from_slice(b"  ");
            }
        }
    }

    /// Ends the file.
    pub(super) fn end(&mut self) {
        self.bytes.extend_from_slice(if self.begun { b"\n]\n" } else { b"[]\n" });
    }
}

/// The file's content for these leads.
pub fn to_json(rows: &[LeadRow]) -> Vec<u8> {
    let mut text = Text::default();
    rows.iter().for_each(|row| text.add(row));
    text.end();
    text.bytes
}

/// An entry of the file as it was there before.
#[derive(Serialize)]
struct Kept<'a>(#[serde(serialize_with = "known_keys_first")] &'a Value);

/// The contract's order of keys, which a parsed object has lost.
fn known_keys_first<S: serde::Serializer>(entry: &&Value, serializer: S) -> Result<S::Ok, S::Error> {
    let Some(object) = entry.as_object() else { return entry.serialize(serializer) };
    let known = KEYS.iter().filter_map(|key| object.get_key_value(*key));
    let others = object.iter().filter(|(key, _)| !KEYS.contains(&key.as_str()));
    serializer.collect_map(known.chain(others))
}

/// Under which key an answer stands that has none of its own; other things stand under some names.
fn extra_key(key: &str) -> Option<Cow<'_, str>> {
    const OTHERS: [&str; 11] = [
        "id",
        "number",
        "attempts",
        "last_error",
        "buyer_told",
        "more_car_links",
        "wish",
        "source",
        "source_name",
        "unfinished",
        "lead",
    ];
    match key {
        "budget" | "car_link" => None,
        key if KEYS.contains(&key) || OTHERS.contains(&key) => Some(format!("answer_{key}").into()),
        key => Some(key.into()),
    }
}

fn entry(row: &LeadRow) -> Entry<'_> {
    let lead = &row.lead;
    // A dealer's form may ask them in another way.
    let said = |key: &str| lead.more.iter().find(|answer| answer.key == key).map(|answer| answer.value.as_str());
    Entry {
        timestamp: lead.submitted_at.format("%Y-%m-%dT%H:%M:%S").to_string(),
        name: lead.name.as_str(),
        phone: lead.phone.e164(),
        budget: lead.budget.as_ref().map_or_else(|| said("budget").unwrap_or_default(), Budget::typed),
        car_link: lead.car_link.as_ref().map_or_else(|| said("car_link").unwrap_or(NO_LINK), CarLink::url),
        user_id: lead.buyer.user_id,
        status: if row.state() == LeadState::Rejected { "rejected" } else { "pending" },
        id: lead.id.to_string(),
        number: &lead.number,
        attempts: row.attempts,
        last_error: row.last_error.as_deref(),
        buyer_told: row.buyer_told,
        more_car_links: lead.car_link.as_ref().map_or(&[], CarLink::others),
        wish: lead.wish.as_ref().map(Wish::as_str),
        source: lead.source.as_ref().map(|source| source.code.as_str()),
        source_name: lead.source.as_ref().and_then(|source| source.name.as_deref()),
        unfinished: lead.left_open.as_deref(),
        more: lead.more.iter().filter_map(|answer| Some((extra_key(&answer.key)?, answer.value.as_str()))).collect(),
        lead,
    }
}

pub(super) enum Parsed {
    Lead(Box<ImportedLead>),
    History,
    Strange,
}

/// An entry as any tool writes it; every key may be missing or of another type.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Loose {
    timestamp: Value,
    name: Value,
    phone: Value,
    budget: Value,
    car_link: Value,
    more_car_links: Value,
    wish: Value,
    source: Value,
    unfinished: Value,
    user_id: Value,
    username: Value,
    status: Value,
    id: Value,
    number: Value,
    buyer_told: Value,
    lead: Value,
}

pub(super) fn text(value: &Value) -> String {
    match value {
        Value::String(text) => text.trim().to_owned(),
        Value::Number(number) => number.to_string(),
        _ => String::new(),
    }
}

/// What an entry is; without anything personal where it is none.
pub(super) fn parse_entry(entry: &Value, region: Region, clock: Clock) -> Parsed {
    // A list would pass for a struct without names.
    let Some(Ok(loose)) = entry.is_object().then(|| Loose::deserialize(entry)) else { return Parsed::Strange };
    if matches!(text(&loose.status).to_lowercase().as_str(), "completed" | "delivered" | "sent" | "success" | "done") {
        return Parsed::History;
    }
    let id = Ulid::from_string(&text(&loose.id)).ok();
    let buyer_told = loose.buyer_told.as_bool().unwrap_or(false);
    if let (Some(_), Ok(lead)) = (id, serde_json::from_value::<Lead>(loose.lead.clone())) {
        let uncertain_since = Some(lead.submitted_at.timestamp_millis());
        return Parsed::Lead(Box::new(ImportedLead {
            new: NewLead { lead, buyer_told, uncertain_since },
            fingerprint: None,
        }));
    }
    let (name, phone) = (text(&loose.name), text(&loose.phone));
    if name.is_empty() && phone.is_empty() {
        return Parsed::Strange;
    }
    let number = LeadNumber::parse(&text(&loose.number));
    let fresh_id = Ulid::new();
    let submitted_at = timestamp(&text(&loose.timestamp)).unwrap_or_else(|| crate::clock::date(clock.now()));
    let lead = Lead {
        id: id.unwrap_or(fresh_id),
        number: number.clone().unwrap_or_else(LeadNumber::random),
        submitted_at,
        name: Name::imported(&name),
        phone: Phone::imported(&phone, region),
        budget: Some(Budget::imported(&text(&loose.budget))),
        car_link: car_link(&loose),
        asked: Asked::default(),
        more: Vec::new(),
        wish: Wish::imported(&text(&loose.wish)),
        files: Vec::new(),
        buyer: Buyer::new(text(&loose.user_id).parse().unwrap_or(0), None, Some(&text(&loose.username)), None),
        consent_at: None,
        consent: None,
        origin: Origin::Backup,
        // What it stands for is the settings' matter, which a file does not know.
        source: SourceCode::parse(&text(&loose.source)).map(LeadSource::unknown),
        left_open: loose.unfinished.as_array().map(|left| left.iter().map(text).collect()),
    };
    let uncertain_since = number.map(|_| submitted_at.timestamp_millis());
    let fingerprint = id.is_none().then(|| fingerprint(&loose));
    Parsed::Lead(Box::new(ImportedLead { new: NewLead { lead, buyer_told, uncertain_since }, fingerprint }))
}

/// The links of an entry, the car's first.
fn car_link(loose: &Loose) -> Option<CarLink> {
    let more = loose.more_car_links.as_array().into_iter().flatten();
    let more = more.filter_map(|link| CarLink::parse(&text(link)).ok().flatten());
    CarLink::imported(&text(&loose.car_link)).into_iter().chain(more).reduce(CarLink::and)
}

/// What makes an entry without an id that entry: all it says but its status, which tools change.
fn fingerprint(loose: &Loose) -> String {
    let said = [&loose.timestamp, &loose.name, &loose.phone, &loose.budget, &loose.car_link, &loose.user_id];
    let mut digest = Sha256::new();
    for value in said {
        let text = text(value);
        digest.update((text.len() as u64).to_le_bytes());
        digest.update(text);
    }
    format!("{:x}", digest.finalize())
}

/// `2025-09-07T10:30:00`, with or without fractions, zone, or `T`; without a zone it is UTC.
fn timestamp(text: &str) -> Option<DateTime<Utc>> {
    if let Ok(at) = DateTime::parse_from_rfc3339(text) {
        return Some(at.to_utc());
    }
    let text = text.replacen(' ', "T", 1);
    ["%Y-%m-%dT%H:%M:%S%.f", "%Y-%m-%dT%H:%M"]
        .iter()
        .find_map(|format| NaiveDateTime::parse_from_str(&text, format).ok())
        .map(|at| at.and_utc())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn parse(entry: &Value) -> Option<ImportedLead> {
        match parse_entry(entry, Region::default(), Clock::default()) {
            Parsed::Lead(lead) => Some(*lead),
            _ => None,
        }
    }

    #[test]
    fn entries_of_the_older_tool_are_understood() {
        let entry = json!({"timestamp": "2025-09-07T10:30:00", "name": "Иван", "phone": "8 999 123-45-67",
            "budget": 2500000, "car_link": "нет", "user_id": "42", "status": "pending"});
        let imported = parse(&entry).expect("a lead");
        assert_eq!(imported.new.lead.phone.e164(), "+79991234567");
        assert_eq!(imported.new.lead.price(), 2_500_000);
        assert_eq!(imported.new.lead.car_link, None);
        assert_eq!(imported.new.lead.buyer.user_id, 42);
        assert_eq!(imported.new.lead.submitted_at.to_rfc3339(), "2025-09-07T10:30:00+00:00");
        assert_eq!(imported.fingerprint, parse(&entry).expect("a lead").fingerprint);
        let mut later = entry.clone();
        later["timestamp"] = json!("2025-09-07T10:30:01");
        assert_ne!(imported.fingerprint, parse(&later).expect("a lead").fingerprint);
    }

    #[test]
    fn further_links_and_the_wish_come_back() {
        let links = ["https://fem.encar.com/cars/detail/38427498", "https://auto.ru/cars/used/1234567"];
        let entry = json!({"name": "Иван", "phone": "89991234567", "car_link": links[0], "more_car_links": [links[1], 5],
            "wish": "белая", "status": "pending"});
        let lead = parse(&entry).expect("a lead").new.lead;
        assert_eq!(lead.car_link.iter().flat_map(CarLink::all).collect::<Vec<_>>(), links);
        assert_eq!(lead.wish.as_ref().map(Wish::as_str), Some("белая"));
    }

    #[test]
    fn what_is_no_lead_is_told_apart() {
        for (entry, history) in [
            (json!({"name": "Иван", "phone": "1", "status": "completed"}), true),
            (json!({"status": "pending"}), false),
            (json!("text"), false),
            (json!(5), false),
            (json!(["2025-09-07T10:30:00", "Иван", "1"]), false),
        ] {
            match parse_entry(&entry, Region::default(), Clock::default()) {
                Parsed::History => assert!(history, "{entry}"),
                Parsed::Strange => assert!(!history, "{entry}"),
                Parsed::Lead(_) => panic!("{entry} is no lead"),
            }
        }
    }

    #[test]
    fn times_are_read_in_every_usual_form() {
        for text in [
            "2025-09-07T10:30:00",
            "2025-09-07 10:30:00",
            "2025-09-07T10:30:00.000123",
            "2025-09-07T13:30:00+03:00",
            "2025-09-07T10:30",
        ] {
            let at = timestamp(text).unwrap_or_else(|| panic!("{text}"));
            assert_eq!(at.format("%H:%M").to_string(), "10:30", "{text}");
        }
        assert!(timestamp("yesterday").is_none());
    }
}
