//! What the account has collected: leads, contacts, notes, tags and events.

use std::time::Instant;

use amocrm_lead_bot::clock::Clock;
use serde_json::{Value, json};
use tokio::sync::broadcast;

use super::CrmEvent;
use super::account::Entity;
use super::tasks::StoredTask;
use super::texts;

/// The values one custom field of an entity holds.
#[derive(Debug, Clone, PartialEq)]
pub struct StoredField {
    /// The field's id.
    pub id: u64,
    /// The field's code.
    pub code: Option<String>,
    /// The values as they were sent: objects with `value`, `enum_id`, `enum_code`.
    pub values: Vec<Value>,
}

impl StoredField {
    /// The values as text.
    pub fn texts(&self) -> Vec<String> {
        self.values
            .iter()
            .filter_map(|value| match &value["value"] {
                Value::Null => None,
                Value::String(text) => Some(text.clone()),
                other => Some(other.to_string()),
            })
            .collect()
    }
}

/// A lead as the manager sees it.
#[derive(Debug, Clone)]
pub struct StoredLead {
    /// The id.
    pub id: u64,
    /// The name.
    pub name: String,
    /// The budget.
    pub price: i64,
    /// The pipeline.
    pub pipeline_id: u64,
    /// The stage; 0 where somebody has removed it from the pipeline.
    pub status_id: u64,
    /// The user in charge.
    pub responsible_user_id: u64,
    /// The names of the tags.
    pub tags: Vec<String>,
    /// The filled custom fields.
    pub custom_fields: Vec<StoredField>,
    /// The main contact.
    pub contact_id: Option<u64>,
    /// All contacts, the main one first.
    pub contact_ids: Vec<u64>,
    /// The texts of the `common` notes, oldest first.
    pub notes: Vec<String>,
    /// When it was made, unix seconds.
    pub created_at: i64,
    /// When it was last changed, unix seconds.
    pub updated_at: i64,
    /// Who made it; 0 is the robot.
    pub created_by: u64,
    /// The `request_id` it came with (amoCRM itself forgets it).
    pub request_id: Option<String>,
    pub(super) stored: Instant,
}

impl StoredLead {
    /// When it was stored, by the test's own clock.
    pub fn stored_at(&self) -> Instant {
        self.stored
    }

    /// The first value of a custom field as text.
    pub fn field(&self, id: u64) -> Option<String> {
        let field = self.custom_fields.iter().find(|field| field.id == id)?;
        field.texts().into_iter().next()
    }
}

/// A contact as the manager sees it.
#[derive(Debug, Clone)]
pub struct StoredContact {
    /// The id.
    pub id: u64,
    /// The name; of a contact with only its parts, both joined.
    pub name: String,
    /// The first name.
    pub first_name: String,
    /// The last name.
    pub last_name: String,
    /// The user in charge.
    pub responsible_user_id: u64,
    /// The phones as they were written.
    pub phones: Vec<String>,
    /// The filled custom fields.
    pub custom_fields: Vec<StoredField>,
    /// The names of the tags.
    pub tags: Vec<String>,
    /// The leads it is attached to.
    pub lead_ids: Vec<u64>,
    /// When it was made, unix seconds.
    pub created_at: i64,
    /// When it was last changed, unix seconds.
    pub updated_at: i64,
    pub(super) stored: Instant,
}

/// A note on a lead or contact.
#[derive(Debug, Clone)]
pub(super) struct StoredNote {
    pub(super) id: u64,
    pub(super) entity: Entity,
    pub(super) entity_id: u64,
    pub(super) note_type: String,
    pub(super) params: Value,
    pub(super) created_by: u64,
    pub(super) created_at: i64,
}

/// A tag of one dictionary.
#[derive(Debug, Clone)]
pub(super) struct StoredTag {
    pub(super) id: u64,
    pub(super) entity: Entity,
    pub(super) name: String,
}

/// A row of the event list.
#[derive(Debug, Clone)]
pub(super) struct StoredEvent {
    pub(super) id: String,
    pub(super) kind: &'static str,
    pub(super) entity: Entity,
    pub(super) entity_id: u64,
    pub(super) created_by: u64,
    pub(super) created_at: i64,
    pub(super) value_after: Value,
    pub(super) value_before: Value,
    pub(super) stored: Instant,
}

/// How a merge shows among the events.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum MergeEvent {
    /// As documented: without values; it belongs to the lead that remains.
    #[default]
    OfWhatRemains,
    /// Without values; it belongs to the lead that is gone.
    OfWhatIsGone,
    /// It belongs to the lead that is gone and names the one that remains.
    NamesBoth,
    /// Not at all.
    Never,
}

/// What the account has collected.
pub(super) struct Book {
    pub(super) clock: Clock,
    pub(super) merge_event: MergeEvent,
    pub(super) leads: Vec<StoredLead>,
    /// Deleted leads, which amoCRM keeps for a while.
    pub(super) trash: Vec<StoredLead>,
    pub(super) contacts: Vec<StoredContact>,
    pub(super) companies: Vec<u64>,
    pub(super) notes: Vec<StoredNote>,
    pub(super) tasks: Vec<StoredTask>,
    pub(super) tags: Vec<StoredTag>,
    pub(super) events: Vec<StoredEvent>,
    pub(super) listeners: broadcast::Sender<CrmEvent>,
    last_id: u64,
}

impl Default for Book {
    fn default() -> Self {
        Book {
            clock: Clock::default(),
            merge_event: MergeEvent::default(),
            leads: Vec::new(),
            trash: Vec::new(),
            contacts: Vec::new(),
            companies: Vec::new(),
            notes: Vec::new(),
            tasks: Vec::new(),
            tags: Vec::new(),
            events: Vec::new(),
            listeners: broadcast::channel(1024).0,
            last_id: 30_000_000,
        }
    }
}

impl Book {
    /// The next id of anything.
    pub(super) fn next_id(&mut self) -> u64 {
        self.last_id += 1;
        self.last_id
    }

    /// Tells the listeners, if there are any.
    pub(super) fn tell(&self, event: CrmEvent) {
        let _ = self.listeners.send(event);
    }

    /// A lead that is not deleted.
    pub(super) fn lead(&self, id: u64) -> Option<&StoredLead> {
        self.leads.iter().find(|lead| lead.id == id)
    }

    /// A contact that is not deleted.
    pub(super) fn contact(&self, id: u64) -> Option<&StoredContact> {
        self.contacts.iter().find(|contact| contact.id == id)
    }

    /// Whether an entity exists.
    pub(super) fn holds(&self, entity: Entity, id: u64) -> bool {
        match entity {
            Entity::Leads => self.lead(id).is_some(),
            Entity::Contacts => self.contact(id).is_some(),
        }
    }

    /// Stores a lead and returns its id.
    pub(super) fn add_lead(&mut self, mut lead: StoredLead) -> u64 {
        lead.id = self.next_id();
        lead.name = texts::line(&lead.name);
        let (id, by) = (lead.id, lead.created_by);
        for contact in &lead.contact_ids {
            if let Some(contact) = self.contacts.iter_mut().find(|c| c.id == *contact) {
                contact.lead_ids.push(id);
            }
        }
        self.tell(CrmEvent::LeadAdded(lead.clone()));
        self.leads.push(lead);
        self.record("lead_added", Entity::Leads, id, by, json!([]));
        id
    }

    /// Stores a contact and returns its id.
    pub(super) fn add_contact(&mut self, mut contact: StoredContact, by: u64) -> u64 {
        contact.id = self.next_id();
        for name in [&mut contact.name, &mut contact.first_name, &mut contact.last_name] {
            *name = texts::line(name);
        }
        let id = contact.id;
        self.tell(CrmEvent::ContactAdded(contact.clone()));
        self.contacts.push(contact);
        self.record("contact_added", Entity::Contacts, id, by, json!([]));
        id
    }

    /// Stores a note and returns its id.
    pub(super) fn add_note(&mut self, mut note: StoredNote) -> u64 {
        note.id = self.next_id();
        let (id, entity, entity_id) = (note.id, note.entity, note.entity_id);
        let text = texts::note(note.params["text"].as_str().unwrap_or_default());
        if note.params["text"].is_string() {
            note.params["text"] = json!(text);
        }
        if note.note_type == "common"
            && entity == Entity::Leads
            && let Some(lead) = self.leads.iter_mut().find(|lead| lead.id == entity_id)
        {
            lead.notes.push(text.clone());
        }
        if entity == Entity::Leads {
            self.tell(CrmEvent::NoteAdded { lead_id: entity_id, text });
        }
        let after = json!([{ "note": { "id": id } }]);
        let kind = match note.note_type.as_str() {
            "common" => "common_note_added",
            _ => "service_note_added",
        };
        self.record(kind, entity, entity_id, note.created_by, after);
        self.notes.push(note);
        id
    }

    /// Moves a lead to another stage, which is an event.
    pub(super) fn move_lead(&mut self, id: u64, pipeline_id: u64, status_id: u64, by: u64) {
        let now = self.now();
        let Some(lead) = self.leads.iter_mut().find(|lead| lead.id == id) else { return };
        let before = (lead.status_id, lead.pipeline_id);
        (lead.status_id, lead.pipeline_id, lead.updated_at) = (status_id, pipeline_id, now);
        self.record_move(id, before, (status_id, pipeline_id), by);
    }

    /// That a lead was moved, if it was.
    pub(super) fn record_move(&mut self, id: u64, before: (u64, u64), after: (u64, u64), by: u64) {
        if before != after {
            let value = |(status, pipeline)| json!([{ "lead_status": { "id": status, "pipeline_id": pipeline } }]);
            self.record("lead_status_changed", Entity::Leads, id, by, value(after));
            let event = self.events.last_mut().expect("the event");
            event.value_before = value(before);
        }
    }

    /// Merges a lead into another: that one remains, with the notes, contacts and tags of both.
    pub(super) fn merge_leads(&mut self, gone: u64, remains: u64, by: u64) {
        let at = self.leads.iter().position(|lead| lead.id == gone).expect("a lead to be merged");
        let lead = self.leads.remove(at);
        for contact in &lead.contact_ids {
            self.attach(remains, *contact, false);
        }
        for contact in &mut self.contacts {
            contact.lead_ids.retain(|id| *id != gone);
        }
        for note in self.notes.iter_mut().filter(|note| note.entity == Entity::Leads && note.entity_id == gone) {
            note.entity_id = remains;
        }
        let now = self.now();
        let kept = self.leads.iter_mut().find(|lead| lead.id == remains).expect("a lead to merge into");
        kept.notes.extend(lead.notes);
        kept.tags.extend(lead.tags.into_iter().filter(|tag| !kept.tags.contains(tag)).collect::<Vec<_>>());
        kept.updated_at = now;
        let after = json!([{ "entity": { "id": remains, "type": "lead" } }]);
        match self.merge_event {
            MergeEvent::OfWhatRemains => self.record("entity_merged", Entity::Leads, remains, by, json!([])),
            MergeEvent::OfWhatIsGone => self.record("entity_merged", Entity::Leads, gone, by, json!([])),
            MergeEvent::NamesBoth => self.record("entity_merged", Entity::Leads, gone, by, after),
            MergeEvent::Never => {}
        }
    }

    /// Now, in unix seconds.
    pub(super) fn now(&self) -> i64 {
        self.clock.now() / 1000
    }

    /// Attaches a contact to a lead; twice is once.
    pub(super) fn attach(&mut self, lead_id: u64, contact_id: u64, is_main: bool) {
        let lead = self.leads.iter_mut().find(|lead| lead.id == lead_id);
        let contact = self.contacts.iter_mut().find(|c| c.id == contact_id);
        let (Some(lead), Some(contact)) = (lead, contact) else {
            return;
        };
        lead.contact_ids.retain(|id| *id != contact_id);
        if is_main || lead.contact_ids.is_empty() {
            lead.contact_ids.insert(0, contact_id);
        } else {
            lead.contact_ids.push(contact_id);
        }
        lead.contact_id = lead.contact_ids.first().copied();
        if !contact.lead_ids.contains(&lead_id) {
            contact.lead_ids.push(lead_id);
        }
    }

    /// The tag of this exact name, made when there is none.
    pub(super) fn tag_named(&mut self, entity: Entity, name: &str) -> u64 {
        let found = self.tags.iter().find(|tag| tag.entity == entity && tag.name == name);
        if let Some(tag) = found {
            return tag.id;
        }
        let id = self.next_id();
        self.tags.push(StoredTag { id, entity, name: name.to_owned() });
        id
    }

    /// The names of the tags a write lists by id or name.
    pub(super) fn tag_names(&mut self, entity: Entity, listed: &Value) -> Vec<String> {
        let mut names = Vec::new();
        for item in listed.as_array().into_iter().flatten() {
            let id = match (item["id"].as_u64(), item["name"].as_str()) {
                (Some(id), _) => id,
                (None, Some(name)) => self.tag_named(entity, name),
                (None, None) => continue,
            };
            let tag = self.tags.iter().find(|tag| tag.id == id);
            names.extend(tag.map(|tag| tag.name.clone()));
        }
        names
    }

    fn record(&mut self, kind: &'static str, entity: Entity, id: u64, by: u64, after: Value) {
        let event = StoredEvent {
            id: super::wire::hex(26),
            kind,
            entity,
            entity_id: id,
            created_by: by,
            created_at: self.now(),
            value_after: after,
            value_before: json!([]),
            stored: Instant::now(),
        };
        self.events.push(event);
    }
}
