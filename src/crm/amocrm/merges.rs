//! Leads that amoCRM, or a person, has merged: the one that remains is ours then.
//!
//! **What is known** (documentation, and the silence about the rest). Duplicates control may answer a create with an older
//! lead's id, and may merge a lead into another later; people merge leads in the interface. What was merged is gone from
//! all lists and answers as a deleted lead does, and what remains has the notes and contacts of both. An event
//! `entity_merged` is recorded, documented without values: it names one lead, not both. Should it name more, that counts.
//!
//! **Promise.** A lead of the buyer's own contact into which something was merged since the attempt is taken for the lead
//! that was sent: its note goes there, so that the request is read in any case, and nothing is created again. Where an
//! event tells only that some lead is gone, it is a lead of the contact that has changed since. A title of version 0.1.0
//! that amoCRM has cut before its number counts for a lead of the contact only, and for none that has another's note.

use chrono::{DateTime, Duration, Utc};
use serde_json::Value;

use super::api::Crm;
use super::error::CrmError;
use super::hal::{embedded, id, listed};
use super::key::is_cut_title_of;
use super::note::{belongs_to, is_of_another};
use super::place::Place;
use super::search::{CLOCK_MARGIN, FoundLead, Merge, Search, Wanted, has_phone, main_contact, may_be_forbidden};
use crate::lead::Lead;

/// A merge is taken for one since the attempt within this difference of two clocks set by the network.
const MERGE_MARGIN: Duration = Duration::minutes(1);
/// The newest leads of a contact that are looked at; a contact with more is a reseller's.
const MAX_LEADS_OF_A_CONTACT: usize = 10;

/// What has become of a lead that amoCRM had.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Whereabouts {
    /// It is where it was.
    There,
    /// It is part of another one now.
    MergedInto(FoundLead),
    /// It is gone, as far as can be seen.
    Gone,
}

impl Crm {
    /// Looks what has become of a lead that was created at `since` (UTC) or later; for one that takes no note.
    pub async fn whereabouts(&self, lead_id: i64, lead: &Lead, since: DateTime<Utc>) -> Result<Whereabouts, CrmError> {
        match self.living(lead_id).await {
            Ok(None) => {}
            Ok(Some(_)) | Err(CrmError::Forbidden { .. }) => return Ok(Whereabouts::There),
            Err(error) => return Err(error),
        }
        let merges = may_be_forbidden(self.merges(since - CLOCK_MARGIN).await)?.unwrap_or_default();
        // An event that names both; what remains may itself have been merged since.
        let mut gone = vec![lead_id];
        while let Some(next) = other_named(&merges, &gone) {
            if let Some(found) = may_be_forbidden(self.living(next).await)?.flatten() {
                return Ok(Whereabouts::MergedInto(found));
            }
            gone.push(next);
        }
        let wanted = [Wanted { lead, since, first_edition: None }];
        let mut search = Search::of(&wanted, merges);
        may_be_forbidden(self.search_merged(&mut search, &wanted[0], &gone).await)?;
        if let Some(found) = search.found_for(&lead.number) {
            return Ok(Whereabouts::MergedInto(found));
        }
        // Once more, since one answer that it is not there may be of whoever stands in front.
        let is_gone = self.living(lead_id).await?.is_none();
        Ok(if is_gone { Whereabouts::Gone } else { Whereabouts::There })
    }

    /// The leads that were merged since, as the events tell.
    pub(super) async fn merges(&self, since: DateTime<Utc>) -> Result<Vec<Merge>, CrmError> {
        let events = self.events_since("entity_merged", since).await?;
        Ok(events.iter().filter_map(Merge::read).filter(|merge| merge.at >= since.timestamp()).collect())
    }

    /// Looks at the leads of the buyer's own contact: by their titles, and whether ours is a part of one now.
    pub(super) async fn search_contact(&self, search: &mut Search<'_>, wanted: &Wanted<'_>) -> Result<(), CrmError> {
        self.search_merged(search, wanted, &[]).await
    }

    async fn search_merged(&self, search: &mut Search<'_>, wanted: &Wanted<'_>, gone: &[i64]) -> Result<(), CrmError> {
        let number = &wanted.lead.number;
        let mut lead_ids = self.leads_of_contact(wanted.lead).await?;
        lead_ids.retain(|lead_id| !gone.contains(lead_id));
        // Those that others were merged into first: they may be old.
        lead_ids.sort_by_key(|lead_id| (search.merged_at(*lead_id).is_none(), std::cmp::Reverse(*lead_id)));
        lead_ids.truncate(MAX_LEADS_OF_A_CONTACT);
        if lead_ids.is_empty() {
            return Ok(());
        }
        let vanished_at = match gone {
            [] => self.vanished_since(search, (wanted.since - MERGE_MARGIN).timestamp()).await?,
            gone => gone.iter().filter_map(|lead_id| search.merged_at(*lead_id)).max(),
        };
        let mut changed = Vec::new();
        let mut cut = Vec::new();
        for lead_id in lead_ids {
            let Some(row) = may_be_forbidden(self.living_row(lead_id).await)?.flatten() else { continue };
            search.take(&row);
            if search.has(number) {
                return Ok(());
            }
            let found = FoundLead { lead_id, contact_id: main_contact(&row) };
            let since = |margin: Duration| (wanted.since - margin).timestamp();
            let updated_at = row.get("updated_at").and_then(Value::as_i64);
            let took_it = vanished_at.zip(updated_at).is_some_and(|(vanished, updated)| updated >= vanished);
            if took_it || search.merged_at(lead_id).is_some_and(|at| at >= since(MERGE_MARGIN)) {
                search.found_at(number, found);
                return Ok(());
            }
            if is_cut(&row, lead_id, wanted) && !search.is_taken(lead_id) {
                cut.push(found);
            }
            if updated_at.is_some_and(|at| at >= since(CLOCK_MARGIN)) {
                changed.push(found);
            }
        }
        for found in changed {
            if self.note_texts(Place::Lead(found.lead_id)).await?.iter().any(|note| belongs_to(note, number)) {
                search.found_at(number, found);
                return Ok(());
            }
        }
        // The oldest first, as everywhere.
        for found in cut.into_iter().rev() {
            if !self.note_texts(Place::Lead(found.lead_id)).await?.iter().any(|note| is_of_another(note, number)) {
                search.found_at(number, found);
                return Ok(());
            }
        }
        Ok(())
    }

    /// When a lead was merged since of which it is only told that it is gone.
    async fn vanished_since(&self, search: &Search<'_>, since: i64) -> Result<Option<i64>, CrmError> {
        let unnamed = search.merges.iter().filter(|merge| merge.at >= since && merge.lead_ids.len() == 1);
        let mut vanished = None;
        for merge in unnamed.take(MAX_LEADS_OF_A_CONTACT) {
            if may_be_forbidden(self.living_row(merge.lead_ids[0]).await)?.flatten().is_none() {
                vanished = vanished.max(Some(merge.at));
            }
        }
        Ok(vanished)
    }

    /// The leads of the contacts that have the buyer's phone.
    async fn leads_of_contact(&self, lead: &Lead) -> Result<Vec<i64>, CrmError> {
        let Some(digits) = lead.phone.last_ten_digits() else { return Ok(Vec::new()) };
        let query = [("query", digits.clone()), ("with", "leads".into()), ("limit", "50".into())];
        let answer = self.get("/api/v4/contacts", &query).await?;
        let contacts = listed(&answer, "contacts")?.iter().filter(|contact| has_phone(contact, &digits));
        let leads = contacts.flat_map(|contact| embedded(contact, "leads"));
        let mut lead_ids: Vec<i64> = leads.filter_map(|lead| id(lead.get("id"))).collect();
        lead_ids.sort_unstable();
        lead_ids.dedup();
        Ok(lead_ids)
    }

    async fn living(&self, lead_id: i64) -> Result<Option<FoundLead>, CrmError> {
        let row = self.living_row(lead_id).await?;
        Ok(row.map(|row| FoundLead { lead_id, contact_id: main_contact(&row) }))
    }

    /// A lead that is not deleted; a deleted one answers 204, 404 in JSON, or says so. One that is hidden
    /// ([`CrmError::Forbidden`]) may be there.
    pub(super) async fn living_row(&self, lead_id: i64) -> Result<Option<Value>, CrmError> {
        let row = match self.get(&format!("/api/v4/leads/{lead_id}"), &[("with", "contacts".into())]).await {
            Err(CrmError::NotFound { .. }) => return Ok(None),
            row => row?,
        };
        let deleted = row.get("is_deleted").and_then(Value::as_bool) == Some(true);
        Ok((id(row.get("id")) == Some(lead_id) && !deleted).then_some(row))
    }
}

/// Whether a lead of the buyer's contact is the one that version 0.1.0 sent, whose title amoCRM has cut before its number.
fn is_cut(row: &Value, lead_id: i64, wanted: &Wanted<'_>) -> bool {
    let Some(others) = wanted.first_edition else { return false };
    let title = row.get("name").and_then(Value::as_str).unwrap_or_default();
    let created_at = row.get("created_at").and_then(Value::as_i64);
    let since = (wanted.since - CLOCK_MARGIN).timestamp();
    !others.contains(&lead_id) && created_at.is_some_and(|at| at >= since) && is_cut_title_of(title, wanted.lead)
}

/// A lead that an event names beside one of these.
fn other_named(merges: &[Merge], known: &[i64]) -> Option<i64> {
    let names = |merge: &&Merge| merge.lead_ids.iter().any(|id| known.contains(id));
    merges.iter().filter(names).flat_map(|merge| &merge.lead_ids).copied().find(|id| !known.contains(id))
}
