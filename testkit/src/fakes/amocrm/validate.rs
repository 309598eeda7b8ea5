//! The shapes amoCRM takes; whatever it would complain of is an error with a code and a path.

mod parts;

use serde_json::{Map, Value, json};

use super::account::{Account, Entity, Field};
use super::book::Book;
use super::drive::Drive;
use super::shapes::Kind::{Bool, Int, List, Obj, Str};
use super::shapes::{
    CONTACT, CONTACT_ITSELF, FIELD_TYPES, LEAD, METADATA, Member, NOTE, NOTE_TYPES, TASK, UPDATE, fits,
};
use super::wire::Answer;

/// Custom fields one entity may carry in one write (facts, section 3).
const FIELDS_PER_ENTITY: usize = 40;

/// Characters a text field takes through the API (facts, section 3).
const TEXT_LIMIT: usize = 256;

/// Characters a name takes; unconfirmed, the strictest guess.
const NAME_LIMIT: usize = 255;

/// A JSON object of a request.
pub(super) type Object = Map<String, Value>;

/// What a lead is written for, which decides what it may embed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Write {
    /// `POST /leads/complex`.
    Complex,
    /// A plain POST.
    Create,
    /// A PATCH.
    Update,
}

/// The errors of one entity of a batch.
pub(super) struct Check<'a> {
    account: &'a Account,
    book: &'a Book,
    drive: &'a Drive,
    errors: Vec<Value>,
}

impl<'a> Check<'a> {
    /// A check against what the account holds.
    pub(super) fn new(account: &'a Account, book: &'a Book, drive: &'a Drive) -> Self {
        Check { account, book, drive, errors: Vec::new() }
    }

    /// The errors found, in the shape of `validation-errors`.
    pub(super) fn errors(self) -> Vec<Value> {
        self.errors
    }

    fn error(&mut self, code: &str, path: impl Into<String>) {
        self.errors.push(field_error(code, &path.into()));
    }

    fn keys(&mut self, object: &Object, base: &str, allowed: &[&[Member]]) {
        for (key, value) in object {
            let path = format!("{base}{key}");
            let kind = allowed.iter().flat_map(|list| list.iter()).find(|(name, _)| name == key);
            match kind {
                None => self.error("FieldNotExpected", path),
                Some((_, kind)) if !fits(*kind, value) => self.error("InvalidType", path),
                Some(_) => {}
            }
        }
    }

    fn objects<'v>(&mut self, list: Option<&'v Value>, base: &str) -> Vec<(String, &'v Object)> {
        let mut found = Vec::new();
        for (index, item) in list.and_then(Value::as_array).into_iter().flatten().enumerate() {
            match item.as_object() {
                Some(object) => found.push((format!("{base}.{index}."), object)),
                None => self.error("InvalidType", format!("{base}.{index}")),
            }
        }
        found
    }

    /// A lead of a write.
    pub(super) fn lead(&mut self, lead: &Object, write: Write) {
        let allowed: &[_] = match write {
            Write::Update => &[LEAD, UPDATE],
            Write::Complex | Write::Create => &[LEAD],
        };
        self.keys(lead, "", allowed);
        self.name(lead, "", "name");
        self.stage(lead);
        self.users(lead, "");
        self.fields(lead, "", Entity::Leads, write);
        self.tags(lead.get("tags_to_add"), "tags_to_add", Entity::Leads);
        self.tags(lead.get("tags_to_delete"), "tags_to_delete", Entity::Leads);
        if let Some(embedded) = lead.get("_embedded").and_then(Value::as_object) {
            self.lead_embedded(embedded, write);
        }
    }

    fn lead_embedded(&mut self, embedded: &Object, write: Write) {
        let common: &[Member] = &[("tags", List), ("contacts", List), ("companies", List)];
        let complex: &[Member] = &[("metadata", Obj), ("source", Obj)];
        let allowed: &[_] = match write {
            Write::Complex => &[common, complex],
            Write::Create | Write::Update => &[common],
        };
        self.keys(embedded, "_embedded.", allowed);
        self.tags(embedded.get("tags"), "_embedded.tags", Entity::Leads);
        for kind in ["contacts", "companies"] {
            let base = format!("_embedded.{kind}");
            let items = self.objects(embedded.get(kind), &base);
            if write == Write::Complex && items.len() > 1 {
                self.error("TooManyElements", &base);
            }
            for (base, item) in items {
                if write == Write::Complex && !item.contains_key("id") {
                    self.keys(item, &base, &[CONTACT]);
                    self.name(item, &base, "name");
                    self.users(item, &base);
                    self.fields(item, &base, Entity::Contacts, write);
                    continue;
                }
                let also: &[Member] = match write {
                    Write::Complex => &[],
                    Write::Create | Write::Update => &[("is_main", Bool)],
                };
                self.keys(item, &base, &[&[("id", Int)], also]);
                let known = item.get("id").and_then(Value::as_u64).is_some_and(|id| match kind {
                    "contacts" => self.book.holds(Entity::Contacts, id),
                    _ => self.book.companies.contains(&id),
                });
                if !known {
                    self.error("NotSupportedChoice", format!("{base}id"));
                }
            }
        }
        if let Some(metadata) = embedded.get("metadata").and_then(Value::as_object) {
            let base = "_embedded.metadata.";
            // A form's id may be a number or a string.
            let mut rest = metadata.clone();
            if rest.remove("form_id").is_some_and(|id| !id.is_string() && !id.is_u64()) {
                self.error("InvalidType", format!("{base}form_id"));
            }
            self.keys(&rest, base, &[METADATA]);
            let category = metadata.get("category").and_then(Value::as_str);
            if !matches!(category, Some("forms" | "sip")) {
                self.error("NotSupportedChoice", format!("{base}category"));
            }
        }
        if let Some(source) = embedded.get("source").and_then(Value::as_object) {
            let allowed: &[Member] = &[("external_id", Str), ("type", Str)];
            self.keys(source, "_embedded.source.", &[allowed]);
        }
    }

    /// The member of an item that names the entity it is about.
    pub(super) fn exists(&mut self, item: &Object, key: &str, entity: Entity) {
        match item.get(key) {
            None => self.error("FieldMissing", key),
            Some(id) if !id.as_u64().is_some_and(|id| self.book.holds(entity, id)) => {
                self.error("NotSupportedChoice", key);
            }
            Some(_) => {}
        }
    }

    /// A contact of a POST or PATCH.
    pub(super) fn contact(&mut self, contact: &Object, write: Write) {
        let update: &[Member] = if write == Write::Update { UPDATE } else { &[] };
        self.keys(contact, "", &[CONTACT, CONTACT_ITSELF, update]);
        self.name(contact, "", "name");
        self.name(contact, "", "first_name");
        self.name(contact, "", "last_name");
        self.users(contact, "");
        self.fields(contact, "", Entity::Contacts, write);
        self.tags(contact.get("tags_to_add"), "tags_to_add", Entity::Contacts);
        if let Some(embedded) = contact.get("_embedded").and_then(Value::as_object) {
            let allowed: &[Member] = &[("tags", List)];
            self.keys(embedded, "_embedded.", &[allowed]);
            self.tags(embedded.get("tags"), "_embedded.tags", Entity::Contacts);
        }
    }

    /// A note; `bulk` when the body itself names the entity.
    /// A task of a lead.
    pub(super) fn task(&mut self, task: &Object) {
        self.keys(task, "", &[TASK]);
        self.users(task, "");
        for key in ["text", "complete_till"] {
            match task.get(key) {
                None => self.error("FieldMissing", key),
                Some(value) if value == "" || value == 0 => self.error("NotBlank", key),
                Some(_) => {}
            }
        }
        if task.get("entity_type").is_some_and(|kind| kind != "leads") {
            self.error("NotSupportedChoice", "entity_type");
        }
        if task.contains_key("entity_id") != task.contains_key("entity_type") {
            self.error("FieldMissing", if task.contains_key("entity_id") { "entity_type" } else { "entity_id" });
        }
        if task.contains_key("entity_id") {
            self.exists(task, "entity_id", Entity::Leads);
        }
    }

    pub(super) fn note(&mut self, note: &Object, entity: Entity, bulk: bool) {
        let entity_id: &[Member] = if bulk { &[("entity_id", Int)] } else { &[] };
        self.keys(note, "", &[NOTE, entity_id]);
        if bulk {
            self.exists(note, "entity_id", entity);
        }
        self.users(note, "");
        let note_type = note.get("note_type").and_then(Value::as_str);
        match note_type {
            None if !note.contains_key("note_type") => self.error("FieldMissing", "note_type"),
            Some(kind) if !NOTE_TYPES.contains(&kind) => {
                self.error("NotSupportedChoice", "note_type");
            }
            _ => {}
        }
        let Some(params) = note.get("params").and_then(Value::as_object) else {
            if !note.contains_key("params") {
                self.error("FieldMissing", "params");
            }
            return;
        };
        let allowed: &[Member] = match note_type {
            Some("common") => &[("text", Str)],
            Some("attachment") => {
                let uuid = params.get("file_uuid").cloned().unwrap_or_default();
                let version = params.get("version_uuid").cloned().unwrap_or_default();
                let mut files = self.drive.files.iter();
                if !files.any(|file| uuid == file.uuid && version == file.version_uuid) {
                    self.error("NotSupportedChoice", "params.file_uuid");
                }
                &[("file_uuid", Str), ("version_uuid", Str), ("file_name", Str)]
            }
            Some("service_message" | "extended_service_message") => &[("service", Str), ("text", Str)],
            _ => return,
        };
        self.keys(params, "params.", &[allowed]);
        for (key, _) in allowed {
            if params.get(*key).is_none_or(|text| text == "") {
                self.error("NotBlank", format!("params.{key}"));
            }
        }
    }

    /// A row of a link request.
    pub(super) fn link(&mut self, link: &Object) {
        let allowed: &[Member] = &[("to_entity_id", Int), ("to_entity_type", Str), ("metadata", Obj)];
        self.keys(link, "", &[allowed]);
        if link.get("to_entity_type") != Some(&json!("contacts")) {
            return self.error("NotSupportedChoice", "to_entity_type");
        }
        let id = link.get("to_entity_id").and_then(Value::as_u64);
        if !id.is_some_and(|id| self.book.holds(Entity::Contacts, id)) {
            self.error("NotSupportedChoice", "to_entity_id");
        }
        if let Some(metadata) = link.get("metadata").and_then(Value::as_object) {
            let allowed: &[Member] = &[("is_main", Bool)];
            self.keys(metadata, "metadata.", &[allowed]);
        }
    }

    /// A tag to be made.
    pub(super) fn tag(&mut self, tag: &Object) {
        let allowed: &[Member] = &[("name", Str), ("color", Str), ("request_id", Str)];
        self.keys(tag, "", &[allowed]);
        if tag.get("name").is_none_or(|name| name == "") {
            self.error("NotBlank", "name");
        }
    }

    /// A custom field to be made.
    pub(super) fn custom_field(&mut self, field: &Object) {
        let allowed: &[Member] = &[
            ("name", Str),
            ("type", Str),
            ("code", Str),
            ("sort", Int),
            ("enums", List),
            ("is_api_only", Bool),
            ("group_id", Str),
            ("request_id", Str),
        ];
        self.keys(field, "", &[allowed]);
        if field.get("name").is_none_or(|name| name == "") {
            self.error("NotBlank", "name");
        }
        let kind = field.get("type").and_then(Value::as_str);
        if !kind.is_some_and(|kind| FIELD_TYPES.contains(&kind)) {
            self.error("NotSupportedChoice", "type");
        }
        for (base, item) in self.objects(field.get("enums"), "enums") {
            let allowed: &[Member] = &[("value", Str), ("sort", Int)];
            self.keys(item, &base, &[allowed]);
        }
    }
}

/// One entry of `validation-errors.N.errors`; the codes seen live are three, the others are Symfony's.
pub(super) fn field_error(code: &str, path: &str) -> Value {
    let detail = match code {
        "FieldNotExpected" => "This field was not expected.",
        "FieldMissing" => "This field is missing.",
        "InvalidType" => "This value has an invalid type.",
        "NotSupportedChoice" => "The value you selected is not a valid choice.",
        "NotBlank" => "This value should not be blank.",
        "TooLong" => "This value is too long.",
        "TooManyElements" => "This collection contains too many elements.",
        _ => "This value is not valid.",
    };
    json!({ "code": code, "path": path, "detail": detail })
}

/// The 400 of a batch: the errors of each refused entity under its `request_id`.
pub(super) fn refusal(errors: Vec<(String, Vec<Value>)>) -> Answer {
    let errors: Vec<Value> =
        errors.into_iter().map(|(id, errors)| json!({ "request_id": id, "errors": errors })).collect();
    let extra = json!({ "validation-errors": errors });
    Answer::problem_with(400, "Request validation failed", extra)
}
