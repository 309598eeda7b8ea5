//! What the account holds: pipelines, users and fields on one side, leads, contacts and notes on the other.

use std::time::Instant;

use chrono::Utc;
use serde_json::{Value, json};
use tokio::sync::broadcast;

use super::CrmEvent;

/// The main pipeline of the account a fake starts with.
pub const MAIN_PIPELINE: u64 = 7_100_001;
/// The stage for unsorted leads of the main pipeline, which the API does not let a lead into.
pub const UNSORTED_STATUS: u64 = 7_100_010;
/// The first ordinary stage of the main pipeline, the default of a new lead.
pub const FIRST_STATUS: u64 = 7_100_011;
/// The second ordinary stage of the main pipeline.
pub const SECOND_STATUS: u64 = 7_100_012;
/// A pipeline that is not the main one.
pub const OTHER_PIPELINE: u64 = 7_100_002;
/// The first ordinary stage of the other pipeline.
pub const OTHER_STATUS: u64 = 7_100_021;
/// The stage of won leads, the same in every pipeline.
pub const WON_STATUS: u64 = 142;
/// The stage of lost leads, the same in every pipeline.
pub const LOST_STATUS: u64 = 143;
/// The administrator the tokens belong to.
pub const ADMIN_USER: u64 = 501;
/// A manager without administrator rights.
pub const MANAGER_USER: u64 = 502;
/// A numeric field of leads, code `TG_BUDGET`.
pub const BUDGET_FIELD: u64 = 9001;
/// A text field of leads, at most 256 characters, without a code.
pub const TEXT_FIELD: u64 = 9002;
/// A url field of leads, code `TG_CAR_LINK`.
pub const LINK_FIELD: u64 = 9003;
/// A select field of leads with the options `Новый` (1) and `С пробегом` (2).
pub const SELECT_FIELD: u64 = 9004;
/// The phone field of contacts, code `PHONE`.
pub const PHONE_FIELD: u64 = 8001;
/// The e-mail field of contacts, code `EMAIL`.
pub const EMAIL_FIELD: u64 = 8002;

/// The two kinds of entities the fake keeps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Entity {
    /// Deals.
    Leads,
    /// People.
    Contacts,
}

impl Entity {
    /// The kind as paths and bodies name it.
    pub(super) fn plural(self) -> &'static str {
        match self {
            Entity::Leads => "leads",
            Entity::Contacts => "contacts",
        }
    }

    /// The kind as events name it.
    pub(super) fn singular(self) -> &'static str {
        match self {
            Entity::Leads => "lead",
            Entity::Contacts => "contact",
        }
    }
}

/// A stage of a pipeline.
#[derive(Debug, Clone)]
pub struct Status {
    /// The id; 142 and 143 are the same in every pipeline.
    pub id: u64,
    /// The name.
    pub name: String,
    /// Whether it is the stage of unsorted leads.
    pub unsorted: bool,
}

impl Status {
    /// An ordinary stage.
    pub fn new(id: u64, name: &str) -> Self {
        Status {
            id,
            name: name.to_owned(),
            unsorted: false,
        }
    }
}

/// A pipeline with its stages.
#[derive(Debug, Clone)]
pub struct Pipeline {
    /// The id.
    pub id: u64,
    /// The name.
    pub name: String,
    /// Whether leads without a pipeline go here.
    pub is_main: bool,
    /// Whether it is put away; its leads cannot be made any more.
    pub is_archive: bool,
    /// Whether unsorted leads are kept apart.
    pub is_unsorted_on: bool,
    /// The stages in order.
    pub statuses: Vec<Status>,
}

/// A user of the account.
#[derive(Debug, Clone)]
pub struct User {
    /// The id.
    pub id: u64,
    /// The name.
    pub name: String,
    /// Whether the user may read users and make fields.
    pub is_admin: bool,
}

/// An option of a select field, or a kind of phone or e-mail.
#[derive(Debug, Clone)]
pub struct Choice {
    /// The id (`enum_id`).
    pub id: u64,
    /// The text (`value`); for phones and e-mails the code.
    pub value: String,
}

/// A custom field.
#[derive(Debug, Clone)]
pub struct Field {
    /// The id.
    pub id: u64,
    /// Whose field it is.
    pub entity: Entity,
    /// The name.
    pub name: String,
    /// The code by which writes may name it.
    pub code: Option<String>,
    /// The type: `text`, `numeric`, `url`, `multitext`, `select`, …
    pub kind: String,
    /// The options.
    pub choices: Vec<Choice>,
}

impl Field {
    /// A field without options.
    pub fn new(id: u64, entity: Entity, kind: &str, name: &str, code: Option<&str>) -> Self {
        Field {
            id,
            entity,
            name: name.to_owned(),
            code: code.map(str::to_owned),
            kind: kind.to_owned(),
            choices: Vec::new(),
        }
    }

    fn choices(mut self, first_id: u64, values: &[&str]) -> Self {
        self.choices = (first_id..)
            .zip(values)
            .map(|(id, value)| Choice {
                id,
                value: (*value).to_owned(),
            })
            .collect();
        self
    }
}

/// What the account is set up with; tests change it through [`super::FakeAmocrm::account`].
#[derive(Debug, Clone)]
pub struct Account {
    /// The account's id.
    pub id: u64,
    /// The account's name.
    pub name: String,
    /// The first label of the account's host.
    pub subdomain: String,
    /// The user the tokens belong to.
    pub current_user: u64,
    /// The pipelines in order.
    pub pipelines: Vec<Pipeline>,
    /// The active users.
    pub users: Vec<User>,
    /// The custom fields of leads and contacts.
    pub fields: Vec<Field>,
}

impl Default for Account {
    fn default() -> Self {
        let closing = || {
            [
                Status::new(WON_STATUS, "Успешно реализовано"),
                Status::new(LOST_STATUS, "Закрыто и не реализовано"),
            ]
        };
        let unsorted = |id| Status {
            unsorted: true,
            ..Status::new(id, "Неразобранное")
        };
        let main = [
            unsorted(UNSORTED_STATUS),
            Status::new(FIRST_STATUS, "Первичный контакт"),
            Status::new(SECOND_STATUS, "Переговоры"),
        ];
        let other = [
            unsorted(OTHER_PIPELINE + 18),
            Status::new(OTHER_STATUS, "Запись на сервис"),
        ];
        let pipeline = |id, name: &str, is_main, stages: &[Status]| Pipeline {
            id,
            name: name.to_owned(),
            is_main,
            is_archive: false,
            is_unsorted_on: true,
            statuses: stages.iter().cloned().chain(closing()).collect(),
        };
        let user = |id, name: &str, is_admin| User {
            id,
            name: name.to_owned(),
            is_admin,
        };
        let leads = |id, kind, name, code| Field::new(id, Entity::Leads, kind, name, code);
        let contacts = |id, kind, name, code| Field::new(id, Entity::Contacts, kind, name, code);
        Account {
            id: 31_415_926,
            name: "Автосалон".to_owned(),
            subdomain: "acme".to_owned(),
            current_user: ADMIN_USER,
            pipelines: vec![
                pipeline(MAIN_PIPELINE, "Продажи", true, &main),
                pipeline(OTHER_PIPELINE, "Сервис", false, &other),
            ],
            users: vec![
                user(ADMIN_USER, "Анна", true),
                user(MANAGER_USER, "Мария", false),
            ],
            fields: vec![
                leads(
                    BUDGET_FIELD,
                    "numeric",
                    "Бюджет покупателя",
                    Some("TG_BUDGET"),
                ),
                leads(TEXT_FIELD, "text", "Автомобиль", None),
                leads(LINK_FIELD, "url", "Ссылка на авто", Some("TG_CAR_LINK")),
                leads(SELECT_FIELD, "select", "Состояние", None)
                    .choices(90_041, &["Новый", "С пробегом"]),
                leads(9005, "textarea", "Комментарий", None),
                leads(9006, "tracking_data", "utm_source", Some("UTM_SOURCE")),
                contacts(PHONE_FIELD, "multitext", "Телефон", Some("PHONE"))
                    .choices(80_011, &["WORK", "WORKDD", "MOB", "FAX", "HOME", "OTHER"]),
                contacts(EMAIL_FIELD, "multitext", "Email", Some("EMAIL"))
                    .choices(80_021, &["WORK", "PRIV", "OTHER"]),
                contacts(8003, "text", "Должность", Some("POSITION")),
            ],
        }
    }
}

impl Account {
    /// The pipeline of leads that name none.
    pub(super) fn main_pipeline(&self) -> &Pipeline {
        self.pipelines
            .iter()
            .find(|pipeline| pipeline.is_main)
            .unwrap_or(&self.pipelines[0])
    }

    /// Whether the user the tokens belong to is an administrator.
    pub(super) fn admin(&self) -> bool {
        self.users
            .iter()
            .any(|user| user.id == self.current_user && user.is_admin)
    }

    /// The field a write names by id or code.
    pub(super) fn field(
        &self,
        entity: Entity,
        id: Option<u64>,
        code: Option<&str>,
    ) -> Option<&Field> {
        self.fields
            .iter()
            .filter(|field| field.entity == entity)
            .find(|field| match id {
                Some(id) => field.id == id,
                None => code.is_some() && field.code.as_deref() == code,
            })
    }
}

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
    /// The stage.
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
    pub(super) stored: Instant,
}

/// What the account has collected.
pub(super) struct Book {
    pub(super) leads: Vec<StoredLead>,
    pub(super) contacts: Vec<StoredContact>,
    pub(super) companies: Vec<u64>,
    pub(super) notes: Vec<StoredNote>,
    pub(super) tags: Vec<StoredTag>,
    pub(super) events: Vec<StoredEvent>,
    pub(super) listeners: broadcast::Sender<CrmEvent>,
    last_id: u64,
}

impl Default for Book {
    fn default() -> Self {
        Book {
            leads: Vec::new(),
            contacts: Vec::new(),
            companies: Vec::new(),
            notes: Vec::new(),
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
        let text = note.params["text"].as_str().unwrap_or_default().to_owned();
        if note.note_type == "common"
            && entity == Entity::Leads
            && let Some(lead) = self.leads.iter_mut().find(|lead| lead.id == entity_id)
        {
            lead.notes.push(text.clone());
        }
        if entity == Entity::Leads {
            self.tell(CrmEvent::NoteAdded {
                lead_id: entity_id,
                text,
            });
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
        let found = self
            .tags
            .iter()
            .find(|tag| tag.entity == entity && tag.name == name);
        if let Some(tag) = found {
            return tag.id;
        }
        let id = self.next_id();
        self.tags.push(StoredTag {
            id,
            entity,
            name: name.to_owned(),
        });
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
            created_at: Utc::now().timestamp(),
            value_after: after,
            stored: Instant::now(),
        };
        self.events.push(event);
    }
}
