//! Where people read what a buyer says after a request: its lead, as long as that is open.
//!
//! **Promise.** What is said of a lead that is closed (142, 143), deleted or hidden stands under the newest open lead of the same
//! contact, else at the contact. A note at a place is looked for there before it is written a second time.

use serde_json::{Value, json};

use super::api::{Crm, match_rows, unclear};
use super::error::CrmError;
use super::hal::{embedded, id};
use super::merges::Whereabouts;
use super::note::is_late;
use super::place::Place;
use super::search::{main_contact, may_be_forbidden};
use crate::lead::{Lead, LeadNumber};

/// The two stages that every pipeline has and in which a lead is over: won and lost.
const CLOSED: [i64; 2] = [142, 143];

/// The newest leads of a contact that are looked at.
const MAX_LEADS: usize = 10;

/// Where what is said of a lead is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reader {
    /// It is there.
    At(Place),
    /// The lead is a part of this one now, which is to be looked at.
    MergedInto(i64),
    /// There is neither a lead nor a contact.
    Nobody,
}

impl Crm {
    /// Where what is said of a lead is read; `contact_id` is the contact that it was created with, where that is known.
    pub async fn reader_of(&self, lead_id: i64, lead: &Lead, contact_id: Option<i64>) -> Result<Reader, CrmError> {
        let contact_id = match self.living_row(lead_id).await {
            // What is hidden is where it was.
            Err(CrmError::Forbidden { .. }) => return Ok(Reader::At(Place::Lead(lead_id))),
            Err(error) => return Err(error),
            Ok(Some(row)) if !is_closed(&row) => return Ok(Reader::At(Place::Lead(lead_id))),
            Ok(Some(row)) => match main_contact(&row) {
                Some(contact_id) => Some(contact_id),
                None => return Ok(Reader::At(Place::Lead(lead_id))),
            },
            Ok(None) => match self.whereabouts(lead_id, lead, lead.submitted_at).await? {
                Whereabouts::There => return Ok(Reader::At(Place::Lead(lead_id))),
                Whereabouts::MergedInto(found) => return Ok(Reader::MergedInto(found.lead_id)),
                Whereabouts::Gone => match contact_id {
                    Some(contact_id) => Some(contact_id),
                    None => self.find_contact(&lead.phone).await?,
                },
            },
        };
        let Some(contact_id) = contact_id else { return Ok(Reader::Nobody) };
        let contact = self.get(&format!("/api/v4/contacts/{contact_id}"), &[("with", "leads".into())]).await;
        let contact = may_be_forbidden(contact)?.filter(|row| {
            id(row.get("id")) == Some(contact_id) && row.get("is_deleted").and_then(Value::as_bool) != Some(true)
        });
        let Some(contact) = contact else { return Ok(Reader::Nobody) };
        let mut lead_ids: Vec<i64> = embedded(&contact, "leads").iter().filter_map(|lead| id(lead.get("id"))).collect();
        lead_ids.sort_unstable_by_key(|lead_id| std::cmp::Reverse(*lead_id));
        for other in lead_ids.into_iter().filter(|other| *other != lead_id).take(MAX_LEADS) {
            if may_be_forbidden(self.living_row(other).await)?.flatten().is_some_and(|row| !is_closed(&row)) {
                return Ok(Reader::At(Place::Lead(other)));
            }
        }
        Ok(Reader::At(Place::Contact(contact_id)))
    }

    /// Whether a note of ours, which is no lead's own, stands there.
    pub async fn has_note_at(&self, place: Place, number: &LeadNumber, text: &str) -> Result<bool, CrmError> {
        Ok(self.note_texts(place).await?.iter().any(|there| is_late(there, text, number)))
    }

    /// Writes a note there; returns its id.
    pub async fn add_note_at(&self, place: Place, number: &LeadNumber, text: &str) -> Result<i64, CrmError> {
        let (entity, entity_id) = place.parts();
        let request_id = number.as_str();
        let body = json!([{
            "entity_id": entity_id, "note_type": "common", "params": {"text": text}, "request_id": request_id,
        }]);
        let answer = self.post(&format!("/api/v4/{entity}/notes"), &body, &[request_id]).await?;
        let rows = match_rows(embedded(&answer, "notes"), &[request_id]);
        rows.into_iter().flatten().find_map(|row| id(row.get("id"))).ok_or_else(unclear)
    }
}

pub(super) fn is_closed(lead: &Value) -> bool {
    id(lead.get("status_id")).is_some_and(|status| CLOSED.contains(&status))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lead_is_over_in_two_stages_of_any_pipeline() {
        for (status, closed) in [(json!(142), true), (json!(143), true), (json!(7), false), (json!(null), false)] {
            assert_eq!(is_closed(&json!({"id": 1, "status_id": status})), closed, "{status}");
        }
    }
}
