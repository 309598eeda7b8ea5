//! A look-up under way: what is wanted, what was seen of it, and how amoCRM's rows are read for that. No I/O.

use std::collections::{HashMap, HashSet};

use chrono::{DateTime, Duration, Utc};
use serde_json::Value;

use super::error::CrmError;
use super::hal::{embedded, id};
use super::key::is_title_of;
use super::phones::holds_number;
use crate::lead::{Lead, LeadNumber};

/// How far this machine's clock and amoCRM's may differ.
pub(super) const CLOCK_MARGIN: Duration = Duration::minutes(10);
/// The most amoCRM gives on one page of events.
pub(super) const EVENTS_PAGE: usize = 100;
pub(super) const MOST_EVENT_PAGES: usize = 5;

/// A lead that is in amoCRM.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FoundLead {
    /// Its id in amoCRM.
    pub lead_id: i64,
    /// Its main contact.
    pub contact_id: Option<i64>,
}

/// A lead that may be in amoCRM.
#[derive(Debug, Clone, Copy)]
pub struct Wanted<'a> {
    /// The lead.
    pub lead: &'a Lead,
    /// It was sent then or later (UTC).
    pub since: DateTime<Utc>,
    /// Version 0.1.0 may have sent it, and amoCRM may have cut the number off; these ids are of other leads.
    pub first_edition: Option<&'a [i64]>,
}

/// `None` where it is not there, or the user behind the token may not see it.
pub(super) fn may_be_forbidden<T>(result: Result<T, CrmError>) -> Result<Option<T>, CrmError> {
    match result {
        Err(CrmError::Forbidden { .. } | CrmError::NotFound { .. }) => Ok(None),
        other => other.map(Some),
    }
}

/// A look-up under way.
#[derive(Default)]
pub(super) struct Search<'a> {
    pub(super) wanted: &'a [Wanted<'a>],
    pub(super) found: HashMap<LeadNumber, FoundLead>,
    pub(super) absent: HashSet<LeadNumber>,
    pub(super) seen: HashSet<i64>,
    /// Which leads others were merged into.
    pub(super) merges: Vec<Merge>,
    /// What is searched for by itself.
    pub(super) at: Option<LeadNumber>,
}

impl<'a> Search<'a> {
    /// A look-up of what is known to have been merged, if anything was.
    pub(super) fn of(wanted: &'a [Wanted<'a>], merges: Vec<Merge>) -> Self {
        Self { wanted, merges, ..Self::default() }
    }

    pub(super) fn missing(&self) -> Vec<&'a Wanted<'a>> {
        self.wanted.iter().filter(|wanted| !self.found.contains_key(&wanted.lead.number)).collect()
    }

    pub(super) fn take_all(&mut self, leads: &[Value]) {
        leads.iter().for_each(|lead| self.take(lead));
    }

    /// Keeps the lead for each wanted one whose title it has; of several, the oldest.
    pub(super) fn take(&mut self, lead: &Value) {
        let (Some(lead_id), Some(name)) = (id(lead.get("id")), lead.get("name").and_then(Value::as_str)) else {
            return;
        };
        self.seen.insert(lead_id);
        for wanted in self.wanted.iter().filter(|wanted| is_title_of(name, wanted.lead)) {
            self.found_at(&wanted.lead.number, FoundLead { lead_id, contact_id: main_contact(lead) });
        }
    }

    pub(super) fn found_at(&mut self, number: &LeadNumber, found: FoundLead) {
        let kept = self.found.entry(number.clone()).or_insert(found);
        if found.lead_id < kept.lead_id {
            *kept = found;
        }
    }

    pub(super) fn found_for(&self, number: &LeadNumber) -> Option<FoundLead> {
        self.found.get(number).copied()
    }

    /// Whether it is taken for one of the wanted leads.
    pub(super) fn is_taken(&self, lead_id: i64) -> bool {
        self.found.values().any(|found| found.lead_id == lead_id)
    }

    pub(super) fn has(&self, number: &LeadNumber) -> bool {
        self.found.contains_key(number)
    }

    /// When something was last merged into this lead.
    pub(super) fn merged_at(&self, lead_id: i64) -> Option<i64> {
        self.merges.iter().filter(|merge| merge.lead_ids.contains(&lead_id)).map(|merge| merge.at).max()
    }
}

pub(super) fn main_contact(lead: &Value) -> Option<i64> {
    let contacts = embedded(lead, "contacts");
    let is_main = |contact: &&Value| contact.get("is_main").and_then(Value::as_bool) == Some(true);
    id(contacts.iter().find(is_main).or(contacts.first())?.get("id"))
}

/// Whether one of the contact's own phones is the one that ends with these digits.
pub(super) fn has_phone(contact: &Value, ten_digits: &str) -> bool {
    phones_of(contact).any(|phone| holds_number(phone, ten_digits))
}

/// The contact's own phones, as people wrote them.
pub(super) fn phones_of(contact: &Value) -> impl Iterator<Item = &str> {
    let fields = contact.get("custom_fields_values").and_then(Value::as_array);
    let phones =
        fields.into_iter().flatten().filter(|field| field.get("field_code").and_then(Value::as_str) == Some("PHONE"));
    let values = phones.filter_map(|field| field.get("values")?.as_array()).flatten();
    values.filter_map(|value| value.get("value")?.as_str())
}

/// An event `entity_merged` of leads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Merge {
    /// The leads it names, first the one it belongs to.
    pub(super) lead_ids: Vec<i64>,
    /// Seconds since 1970.
    pub(super) at: i64,
}

impl Merge {
    pub(super) fn read(event: &Value) -> Option<Self> {
        let text = |key: &str| event.get(key).and_then(Value::as_str);
        if text("type") != Some("entity_merged") || text("entity_type") != Some("lead") {
            return None;
        }
        let mut lead_ids = vec![id(event.get("entity_id"))?];
        for key in ["value_after", "value_before"] {
            event.get(key).into_iter().for_each(|value| ids_in(value, &mut lead_ids));
        }
        Some(Self { lead_ids, at: event.get("created_at")?.as_i64()? })
    }
}

/// Every `id` and `…_id` in a value whose shape is not documented.
fn ids_in(value: &Value, ids: &mut Vec<i64>) {
    match value {
        Value::Array(list) => list.iter().for_each(|value| ids_in(value, ids)),
        Value::Object(members) => {
            for (key, value) in members {
                match value {
                    Value::Array(_) | Value::Object(_) => ids_in(value, ids),
                    value if key == "id" || key.ends_with("_id") => ids.extend(id(Some(value))),
                    _ => {}
                }
            }
        }
        _ => {}
    }
}
