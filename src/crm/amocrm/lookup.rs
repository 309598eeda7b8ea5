//! Finding what is already there, before anything is created a second time.
//!
//! **Promise.** "Absent" means: every way of looking was walked to its end and the lead was not seen. A way that failed
//! leaves the leads it was walked for as uncertain as they were; what was found or walked to the end before it counts, so
//! that a look-up of many leads gets on where every tenth request fails. Every hit is checked here, because amoCRM's
//! search is a substring search over all fields and its filters may be silently switched off; what buyers typed never
//! makes a hit (see [`super::key`]). A lead that was merged into another meanwhile is that other one (see
//! [`super::merges`]).
//!
//! **Races.** amoCRM's search index and its events lag behind by an unknown time, so the newest-first list, which most
//! likely reads the leads themselves, comes first, and the caller repeats a negative look-up after a pause before it
//! believes it.

use std::collections::{HashMap, HashSet};

use chrono::{DateTime, Duration, Utc};
use rand::seq::SliceRandom;
use serde_json::Value;

use super::api::Crm;
use super::error::CrmError;
use super::hal::{embedded, id, is_last_page, listed};
use super::key::is_title_of;
use super::merges::Merge;
use super::note::is_same;
use super::phones::holds_number;
use crate::lead::{Lead, LeadNumber, Phone};

/// How far this machine's clock and amoCRM's may differ.
pub(super) const CLOCK_MARGIN: Duration = Duration::minutes(10);
/// The most amoCRM gives on one page of leads or notes.
const PAGE: usize = 250;
/// 2,500 leads. A lead further back is old enough for the search index to know it.
const MOST_PAGES: usize = 10;
/// The most amoCRM gives on one page of events.
pub(super) const EVENTS_PAGE: usize = 100;
pub(super) const MOST_EVENT_PAGES: usize = 5;
/// Leads known by an event only (hidden from the list, such as unsorted ones) are few.
const MOST_SINGLE_READS: usize = 50;

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

/// What a look-up came to.
#[derive(Debug, Default)]
pub struct LookedUp {
    /// Leads that are in amoCRM.
    pub found: HashMap<LeadNumber, FoundLead>,
    /// Every way of looking for these was walked to its end, and they were not seen.
    pub absent: HashSet<LeadNumber>,
    /// What ended the look-up early; numbers in neither of the two are as uncertain as before.
    pub failed: Option<CrmError>,
    /// The one whose own search has failed, should it be this one only on which amoCRM breaks.
    pub failed_at: Option<LeadNumber>,
}

impl Crm {
    /// Looks for leads by the numbers in their names.
    pub async fn find_leads(&self, wanted: &[Wanted<'_>]) -> LookedUp {
        let mut search = Search::of(wanted, Vec::new());
        let failed = match wanted.iter().map(|wanted| wanted.since).min() {
            Some(since) => self.search(&mut search, since - CLOCK_MARGIN).await.err(),
            None => None,
        };
        // A later search may have shown an earlier number.
        search.absent.retain(|number| !search.found.contains_key(number));
        LookedUp {
            found: search.found,
            absent: search.absent,
            failed_at: search.at.filter(|_| failed.is_some()),
            failed,
        }
    }

    /// The ways that show many leads at once come first, so that every number is done with once it is searched for.
    async fn search(&self, search: &mut Search<'_>, since: DateTime<Utc>) -> Result<(), CrmError> {
        self.search_newest(search, since).await?;
        if search.missing().is_empty() {
            return Ok(());
        }
        // Not every user may see the events; the other ways are walked.
        may_be_forbidden(self.search_events(search, since).await)?;
        if !search.missing().is_empty() {
            search.merges = may_be_forbidden(self.merges(since).await)?.unwrap_or_default();
        }
        let mut missing = search.missing();
        // In another order each time: one on whose search amoCRM breaks must not keep the others from being searched for.
        missing.shuffle(&mut rand::rng());
        for wanted in missing {
            let number = wanted.lead.number.clone();
            search.at = Some(number.clone());
            let query = [("query", number.to_string()), ("with", "contacts".into()), ("limit", "50".into())];
            let page = self.get("/api/v4/leads", &query).await?;
            search.take_all(listed(&page, "leads")?);
            if !search.found.contains_key(&number) {
                may_be_forbidden(self.search_contact(search, wanted).await)?;
            }
            if !search.found.contains_key(&number) {
                search.absent.insert(number);
            }
        }
        Ok(())
    }

    /// Reads the list of leads, newest first, back to `since`.
    async fn search_newest(&self, search: &mut Search<'_>, since: DateTime<Utc>) -> Result<(), CrmError> {
        for page in 1..=MOST_PAGES {
            let query = [
                ("order[created_at]", "desc".to_owned()),
                ("with", "contacts".into()),
                ("limit", PAGE.to_string()),
                ("page", page.to_string()),
            ];
            let answer = self.get("/api/v4/leads", &query).await?;
            let leads = listed(&answer, "leads")?;
            search.take_all(leads);
            // The order is believed only where it shows: else an early old lead would hide the new ones behind it.
            let times: Vec<i64> = leads.iter().filter_map(|lead| lead.get("created_at")?.as_i64()).collect();
            let ordered = times.len() == leads.len() && times.is_sorted_by(|a, b| a >= b);
            let reached = ordered && times.last().is_none_or(|time| *time < since.timestamp());
            if search.missing().is_empty() || reached || is_last_page(&answer, leads.len(), PAGE) {
                break;
            }
        }
        Ok(())
    }

    /// Reads which leads were added since, and looks at those the list did not show.
    async fn search_events(&self, search: &mut Search<'_>, since: DateTime<Utc>) -> Result<(), CrmError> {
        let mut unknown = Vec::new();
        for page in 1..=MOST_EVENT_PAGES {
            let query = [
                ("filter[type]", "lead_added".to_owned()),
                ("filter[created_at][from]", since.timestamp().to_string()),
                ("filter[created_at][to]", (Utc::now() + CLOCK_MARGIN).timestamp().to_string()),
                ("limit", EVENTS_PAGE.to_string()),
                ("page", page.to_string()),
            ];
            let answer = self.get("/api/v4/events", &query).await?;
            let events = listed(&answer, "events")?;
            for event in events {
                let text = |key: &str| event.get(key).and_then(Value::as_str);
                let recent = event.get("created_at").and_then(Value::as_i64).is_none_or(|at| at >= since.timestamp());
                if text("type") == Some("lead_added") && text("entity_type") == Some("lead") && recent {
                    unknown.extend(id(event.get("entity_id")).filter(|id| search.seen.insert(*id)));
                }
            }
            if is_last_page(&answer, events.len(), EVENTS_PAGE) {
                break;
            }
        }
        for lead_id in unknown.into_iter().take(MOST_SINGLE_READS) {
            if search.missing().is_empty() {
                break;
            }
            match self.get(&format!("/api/v4/leads/{lead_id}"), &[("with", "contacts".into())]).await {
                // A lead that was deleted or merged meanwhile answers 404, or an empty 204.
                Err(CrmError::WrongAddress { .. } | CrmError::Forbidden { .. }) => {}
                answer => search.take(&answer?),
            }
        }
        Ok(())
    }

    /// Looks for the buyer's contact by the last ten digits of the phone, and takes the oldest; `None` when there is
    /// none, the phone has no ten digits, or `AMOCRM_CONTACT_LOOKUP` is off.
    pub async fn find_contact(&self, phone: &Phone) -> Result<Option<i64>, CrmError> {
        let Some(digits) = phone.last_ten_digits().filter(|_| self.settings().contact_lookup) else {
            return Ok(None);
        };
        // Phones are compared as text by amoCRM (`+7…` is not `8…`), which is why only the end is asked for.
        let query = [("query", digits.clone()), ("limit", "50".into())];
        let answer = self.get("/api/v4/contacts", &query).await?;
        let alive = |contact: &&Value| contact.get("is_deleted").and_then(Value::as_bool) != Some(true);
        let contacts = embedded(&answer, "contacts").iter().filter(alive);
        Ok(contacts.filter(|contact| has_phone(contact, &digits)).filter_map(|contact| id(contact.get("id"))).min())
    }

    /// Of the notes of a lead, those that are not written under it yet.
    pub async fn missing_notes(
        &self,
        lead_id: i64,
        number: &LeadNumber,
        notes: Vec<String>,
    ) -> Result<Vec<String>, CrmError> {
        let mut missing = notes;
        for there in self.note_texts(lead_id).await? {
            missing.retain(|ours| !is_same(&there, ours, number));
        }
        Ok(missing)
    }

    /// The texts of a lead's notes.
    pub(super) async fn note_texts(&self, lead_id: i64) -> Result<Vec<String>, CrmError> {
        let mut texts = Vec::new();
        for page in 1..=MOST_PAGES {
            let query =
                [("filter[note_type]", "common".to_owned()), ("limit", PAGE.to_string()), ("page", page.to_string())];
            let answer = self.get(&format!("/api/v4/leads/{lead_id}/notes"), &query).await?;
            let notes = listed(&answer, "notes")?;
            let text = |note: &Value| Some(note.get("params")?.get("text")?.as_str()?.to_owned());
            texts.extend(notes.iter().filter_map(text));
            if is_last_page(&answer, notes.len(), PAGE) {
                break;
            }
        }
        Ok(texts)
    }
}

/// `None` where the user behind the token may not see it.
pub(super) fn may_be_forbidden<T>(result: Result<T, CrmError>) -> Result<Option<T>, CrmError> {
    match result {
        Err(CrmError::Forbidden { .. } | CrmError::WrongAddress { .. }) => Ok(None),
        other => other.map(Some),
    }
}

/// A look-up under way.
#[derive(Default)]
pub(super) struct Search<'a> {
    wanted: &'a [Wanted<'a>],
    found: HashMap<LeadNumber, FoundLead>,
    absent: HashSet<LeadNumber>,
    seen: HashSet<i64>,
    /// Which leads others were merged into.
    pub(super) merges: Vec<Merge>,
    /// What is searched for by itself.
    at: Option<LeadNumber>,
}

impl<'a> Search<'a> {
    /// A look-up of what is known to have been merged, if anything was.
    pub(super) fn of(wanted: &'a [Wanted<'a>], merges: Vec<Merge>) -> Self {
        Self { wanted, merges, ..Self::default() }
    }

    fn missing(&self) -> Vec<&'a Wanted<'a>> {
        self.wanted.iter().filter(|wanted| !self.found.contains_key(&wanted.lead.number)).collect()
    }

    fn take_all(&mut self, leads: &[Value]) {
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
}

pub(super) fn main_contact(lead: &Value) -> Option<i64> {
    let contacts = embedded(lead, "contacts");
    let is_main = |contact: &&Value| contact.get("is_main").and_then(Value::as_bool) == Some(true);
    id(contacts.iter().find(is_main).or(contacts.first())?.get("id"))
}

/// Whether one of the contact's own phones is the one that ends with these digits.
pub(super) fn has_phone(contact: &Value, ten_digits: &str) -> bool {
    let fields = contact.get("custom_fields_values").and_then(Value::as_array);
    let phones =
        fields.into_iter().flatten().filter(|field| field.get("field_code").and_then(Value::as_str) == Some("PHONE"));
    let values = phones.filter_map(|field| field.get("values")?.as_array()).flatten();
    values.filter_map(|value| value.get("value")?.as_str()).any(|phone| holds_number(phone, ten_digits))
}
