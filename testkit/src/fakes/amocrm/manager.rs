//! The handle's part that does and sees what a manager of the dealer does and sees.

use std::time::Instant;

use serde_json::{Value, json};
use tokio::sync::broadcast;

use super::account::{self, Entity};
use super::book::{StoredContact, StoredField, StoredLead, StoredNote};
use super::{CrmEvent, FakeAmocrm};

/// What the manager does and sees.
impl FakeAmocrm {
    /// All leads, oldest first.
    pub fn leads(&self) -> Vec<StoredLead> {
        self.shared.state().book.leads.clone()
    }

    /// All contacts, oldest first.
    pub fn contacts(&self) -> Vec<StoredContact> {
        self.shared.state().book.contacts.clone()
    }

    /// The leads whose name ends like this, for checks of "exactly once".
    pub fn leads_named(&self, suffix: &str) -> Vec<StoredLead> {
        let mut leads = self.leads();
        leads.retain(|lead| lead.name.ends_with(suffix));
        leads
    }

    /// The lead with this number in its name; panics if there are several, for that is a broken promise.
    pub fn lead_with_number(&self, number: &str) -> Option<StoredLead> {
        let number = format!("#{number}");
        let mut leads = self.leads();
        leads.retain(|lead| lead.name.contains(&number));
        assert!(leads.len() < 2, "{number} is in amoCRM {} times: {leads:#?}", leads.len());
        leads.pop()
    }

    /// A manager makes a contact with these phones.
    pub fn add_contact(&self, name: &str, phones: &[&str]) -> u64 {
        self.set(|state| {
            let values = phones.iter().map(|phone| json!({ "value": phone, "enum_code": "WORK" }));
            let field =
                StoredField { id: account::PHONE_FIELD, code: Some("PHONE".to_owned()), values: values.collect() };
            let now = state.book.now();
            let user = state.account.current_user;
            let contact = StoredContact {
                id: 0,
                name: name.to_owned(),
                first_name: name.to_owned(),
                last_name: String::new(),
                responsible_user_id: user,
                phones: phones.iter().map(|phone| (*phone).to_owned()).collect(),
                custom_fields: vec![field],
                tags: Vec::new(),
                lead_ids: Vec::new(),
                created_at: now,
                updated_at: now,
                stored: Instant::now(),
            };
            state.book.add_contact(contact, user)
        })
    }

    /// A manager makes a lead in the first stage of the main pipeline.
    pub fn add_lead(&self, name: &str) -> u64 {
        self.set(|state| {
            let now = state.book.now();
            let user = state.account.current_user;
            let lead = StoredLead {
                id: 0,
                name: name.to_owned(),
                price: 0,
                pipeline_id: account::MAIN_PIPELINE,
                status_id: account::FIRST_STATUS,
                responsible_user_id: user,
                tags: Vec::new(),
                custom_fields: Vec::new(),
                contact_id: None,
                contact_ids: Vec::new(),
                notes: Vec::new(),
                created_at: now,
                updated_at: now,
                created_by: user,
                request_id: None,
                stored: Instant::now(),
            };
            state.book.add_lead(lead)
        })
    }

    /// A manager writes a note on a lead.
    pub fn add_note(&self, lead_id: u64, text: &str) -> u64 {
        self.set(|state| {
            state.book.add_note(StoredNote {
                id: 0,
                entity: Entity::Leads,
                entity_id: lead_id,
                note_type: "common".to_owned(),
                params: json!({ "text": text }),
                created_by: state.account.current_user,
                created_at: state.book.now(),
            })
        })
    }

    /// A user, or telephony in a user's name, leaves a note of another kind on a lead; 0 is a robot.
    pub fn has_note_of(&self, lead_id: u64, user: u64, note_type: &str, params: Value) {
        self.set(|state| {
            state.book.add_note(StoredNote {
                id: 0,
                entity: Entity::Leads,
                entity_id: lead_id,
                note_type: note_type.to_owned(),
                params,
                created_by: user,
                created_at: state.book.now(),
            });
        });
    }

    /// A manager changes the name of a lead.
    pub fn rename_lead(&self, id: u64, name: &str) {
        self.set(|state| {
            let mut leads = state.book.leads.iter_mut();
            if let Some(lead) = leads.find(|lead| lead.id == id) {
                lead.name = name.to_owned();
            }
        });
    }

    /// A manager, or duplicates control, merges a lead into another, which remains.
    pub fn merge_leads(&self, gone: u64, remains: u64) {
        self.set(|state| state.book.merge_leads(gone, remains, state.account.current_user));
    }

    /// A manager moves a lead to another stage of its pipeline: 142 is won, 143 is lost.
    pub fn move_lead(&self, id: u64, status_id: u64) {
        self.set(|state| {
            let pipeline_id = state.book.lead(id).map_or(account::MAIN_PIPELINE, |lead| lead.pipeline_id);
            state.book.move_lead(id, pipeline_id, status_id, state.account.current_user);
        });
    }

    /// This user moves a lead to another stage of its pipeline.
    pub fn move_lead_by(&self, id: u64, status_id: u64, user: u64) {
        self.set(|state| {
            let pipeline_id = state.book.lead(id).map_or(account::MAIN_PIPELINE, |lead| lead.pipeline_id);
            state.book.move_lead(id, pipeline_id, status_id, user);
        });
    }

    /// A lead was made so many days earlier.
    pub fn is_older(&self, id: u64, days: i64) {
        self.set(|state| {
            let mut leads = state.book.leads.iter_mut();
            if let Some(lead) = leads.find(|lead| lead.id == id) {
                lead.created_at -= days * 86_400;
            }
        });
    }

    /// A manager moves a lead to the first stage of the second pipeline.
    pub fn move_to_second_pipeline(&self, id: u64) {
        self.set(|state| {
            let mut leads = state.book.leads.iter_mut();
            if let Some(lead) = leads.find(|lead| lead.id == id) {
                (lead.pipeline_id, lead.status_id) = (account::OTHER_PIPELINE, account::OTHER_STATUS);
            }
        });
    }

    /// The texts of a contact's `common` notes, oldest first.
    pub fn notes_of_contact(&self, id: u64) -> Vec<String> {
        let state = self.shared.state();
        let notes = state.book.notes.iter().filter(|note| note.entity == Entity::Contacts && note.entity_id == id);
        let common = notes.filter(|note| note.note_type == "common");
        common.filter_map(|note| note.params["text"].as_str().map(str::to_owned)).collect()
    }

    /// A manager attaches a contact to a lead.
    pub fn attach(&self, lead_id: u64, contact_id: u64) {
        self.set(|state| state.book.attach(lead_id, contact_id, true));
    }

    /// A manager moves a lead to a stage of another pipeline.
    pub fn move_lead_into(&self, id: u64, pipeline_id: u64, status_id: u64) {
        self.set(|state| state.book.move_lead(id, pipeline_id, status_id, state.account.current_user));
    }

    /// Somebody removes the stage at which a lead stands from its pipeline.
    pub fn remove_stage_of(&self, id: u64) {
        self.set(|state| {
            let mut leads = state.book.leads.iter_mut();
            if let Some(lead) = leads.find(|lead| lead.id == id) {
                lead.status_id = 0;
            }
        });
    }

    /// A manager puts a lead into the trash.
    pub fn trash_lead(&self, id: u64) {
        self.set(|state| {
            let now = state.book.now();
            let (trashed, left) = std::mem::take(&mut state.book.leads).into_iter().partition(|lead| lead.id == id);
            state.book.leads = left;
            state
                .book
                .trash
                .extend(Vec::<StoredLead>::into_iter(trashed).map(|lead| StoredLead { updated_at: now, ..lead }));
        });
    }

    /// And takes it out again.
    pub fn restore_lead(&self, id: u64) {
        self.set(|state| {
            let (restored, left) = std::mem::take(&mut state.book.trash).into_iter().partition(|lead| lead.id == id);
            state.book.trash = left;
            state.book.leads.extend(Vec::<StoredLead>::into_iter(restored));
            state.book.leads.sort_by_key(|lead| lead.id);
        });
    }

    /// A manager deletes a lead for good.
    pub fn remove_lead(&self, id: u64) {
        self.set(|state| state.book.leads.retain(|lead| lead.id != id));
    }

    /// A manager deletes a contact.
    pub fn remove_contact(&self, id: u64) {
        self.set(|state| {
            state.book.contacts.retain(|contact| contact.id != id);
            for lead in &mut state.book.leads {
                lead.contact_ids.retain(|contact| *contact != id);
                lead.contact_id = lead.contact_ids.first().copied();
            }
        });
    }

    /// What happens from now on; a listener that falls 1024 events behind misses some.
    pub fn subscribe(&self) -> broadcast::Receiver<CrmEvent> {
        self.shared.state().book.listeners.subscribe()
    }
}
