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

use chrono::{DateTime, Utc};
use rand::seq::SliceRandom;
use serde_json::Value;

use super::api::Crm;
use super::error::CrmError;
use super::hal::{embedded, id, is_last_page, listed};
use super::note::{belongs_to, is_same};
use super::phones::{holds_number, tens};
use super::place::Place;
use super::search::{
    CLOCK_MARGIN, EVENTS_PAGE, FoundLead, MOST_EVENT_PAGES, Search, Wanted, has_phone, may_be_forbidden, phones_of,
};
use crate::lead::{LeadNumber, Phone};

/// The most amoCRM gives on one page of leads or notes.
const PAGE: usize = 250;
/// 2,500 leads. A lead further back is old enough for the search index to know it.
const MOST_PAGES: usize = 10;
/// Leads known by an event only (hidden from the list, such as unsorted ones) are few.
const MOST_SINGLE_READS: usize = 50;

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
        for event in self.events_since("lead_added", since).await? {
            let text = |key: &str| event.get(key).and_then(Value::as_str);
            let recent = event.get("created_at").and_then(Value::as_i64).is_none_or(|at| at >= since.timestamp());
            if text("type") == Some("lead_added") && text("entity_type") == Some("lead") && recent {
                unknown.extend(id(event.get("entity_id")).filter(|id| search.seen.insert(*id)));
            }
        }
        for lead_id in unknown.into_iter().take(MOST_SINGLE_READS) {
            if search.missing().is_empty() {
                break;
            }
            match self.get(&format!("/api/v4/leads/{lead_id}"), &[("with", "contacts".into())]).await {
                // A lead that was deleted or merged meanwhile answers 404, or an empty 204.
                Err(CrmError::NotFound { .. } | CrmError::Forbidden { .. }) => {}
                answer => search.take(&answer?),
            }
        }
        Ok(())
    }

    /// The events of one kind (`lead_added`, `entity_merged`) since then, newest first, as far as pages are read. What
    /// amoCRM filters by is only asked for: whoever reads them looks at kind and time again.
    pub(super) async fn events_since(&self, kind: &str, since: DateTime<Utc>) -> Result<Vec<Value>, CrmError> {
        let mut events = Vec::new();
        for page in 1..=MOST_EVENT_PAGES {
            let query = [
                ("filter[type]", kind.to_owned()),
                ("filter[created_at][from]", since.timestamp().to_string()),
                ("filter[created_at][to]", (self.now() + CLOCK_MARGIN).timestamp().to_string()),
                ("limit", EVENTS_PAGE.to_string()),
                ("page", page.to_string()),
            ];
            let answer = self.get("/api/v4/events", &query).await?;
            let listed = listed(&answer, "events")?;
            events.extend_from_slice(listed);
            if is_last_page(&answer, listed.len(), EVENTS_PAGE) {
                break;
            }
        }
        Ok(events)
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
        let contacts = embedded(&answer, "contacts").iter().filter(|contact| is_alive(contact));
        Ok(contacts.filter(|contact| has_phone(contact, &digits)).filter_map(|contact| id(contact.get("id"))).min())
    }

    /// The contacts that have these phones, by their E.164, of several the oldest, read from the list of all contacts: where
    /// the account has few, that is one request in place of one search for each phone. `true`: the list was read to its
    /// end within `pages`, so a phone that is not among them has no contact.
    pub async fn find_contacts(
        &self,
        phones: &[&Phone],
        pages: usize,
    ) -> Result<(HashMap<String, i64>, bool), CrmError> {
        let mut found: HashMap<String, i64> = HashMap::new();
        let mut wanted: HashMap<String, Vec<&Phone>> = HashMap::new();
        for phone in phones {
            if let Some(digits) = phone.last_ten_digits() {
                wanted.entry(digits).or_default().push(phone);
            }
        }
        for page in 1..=pages {
            // In the order of ids nothing that is added meanwhile moves what is not read yet.
            let query = [("order[id]", "asc".to_owned()), ("limit", PAGE.to_string()), ("page", page.to_string())];
            let answer = self.get("/api/v4/contacts", &query).await?;
            let contacts = listed(&answer, "contacts")?;
            for contact in contacts.iter().filter(|contact| is_alive(contact)) {
                let Some(contact_id) = id(contact.get("id")) else { continue };
                for text in phones_of(contact) {
                    let held = tens(text).into_iter().filter_map(|ten| Some((wanted.get(&ten)?, ten)));
                    for phone in held.filter(|(_, ten)| holds_number(text, ten)).flat_map(|(phones, _)| phones) {
                        let oldest = found.entry(phone.e164().to_owned()).or_insert(contact_id);
                        *oldest = contact_id.min(*oldest);
                    }
                }
            }
            if is_last_page(&answer, contacts.len(), PAGE) {
                return Ok((found, true));
            }
        }
        Ok((found, false))
    }

    /// Of the notes of a lead, those that are not written under it yet.
    pub async fn missing_notes(
        &self,
        lead_id: i64,
        number: &LeadNumber,
        notes: Vec<String>,
    ) -> Result<Vec<String>, CrmError> {
        let mut missing = notes;
        for there in self.note_texts(Place::Lead(lead_id)).await? {
            missing.retain(|ours| !is_same(&there, ours, number));
        }
        Ok(missing)
    }

    /// Whether the (first) note of the lead with this number stands under that one.
    pub async fn has_first_note(&self, lead_id: i64, number: &LeadNumber) -> Result<bool, CrmError> {
        let texts = may_be_forbidden(self.note_texts(Place::Lead(lead_id)).await)?.unwrap_or_default();
        Ok(texts.iter().any(|there| belongs_to(there, number)))
    }

    /// The texts of the notes there.
    pub(super) async fn note_texts(&self, place: Place) -> Result<Vec<String>, CrmError> {
        let text = |note: &Value| Some(note.get("params")?.get("text")?.as_str()?.to_owned());
        let common = [("filter[note_type]", "common".to_owned())];
        self.rows(&format!("/api/v4/{place}/notes"), "notes", &common, MOST_PAGES, text).await
    }
}

/// Whether a contact is not in the bin.
fn is_alive(contact: &Value) -> bool {
    contact.get("is_deleted").and_then(Value::as_bool) != Some(true)
}
