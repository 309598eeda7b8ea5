//! The parts that several shapes have: names, users, stages, tags and custom fields.

use serde_json::Value;

use super::super::account::{Entity, Field};
use super::super::shapes::Kind::{Bool, Int, List, Obj, Str};
use super::super::shapes::{Member, fits};
use super::{Check, FIELDS_PER_ENTITY, NAME_LIMIT, Object, TEXT_LIMIT, Write};

impl Check<'_> {
    pub(super) fn name(&mut self, object: &Object, base: &str, key: &str) {
        let name = object.get(key).and_then(Value::as_str).unwrap_or_default();
        if name.chars().count() > NAME_LIMIT {
            self.error("TooLong", format!("{base}{key}"));
        }
    }

    pub(super) fn users(&mut self, object: &Object, base: &str) {
        for key in ["responsible_user_id", "created_by", "updated_by"] {
            let Some(id) = object.get(key).and_then(Value::as_i64) else {
                continue;
            };
            let robot = id == 0 && key != "responsible_user_id";
            if !robot && !self.account.users.iter().any(|user| i64::try_from(user.id) == Ok(id)) {
                self.error("NotSupportedChoice", format!("{base}{key}"));
            }
        }
    }

    pub(super) fn stage(&mut self, lead: &Object) {
        let id = |key: &str| lead.get(key).filter(|value| value.is_i64());
        let pipelines = self.account.pipelines.iter().filter(|p| !p.is_archive);
        let pipeline = match id("pipeline_id") {
            Some(id) => match pipelines.clone().find(|pipeline| id == pipeline.id) {
                Some(pipeline) => Some(pipeline),
                None => return self.error("NotSupportedChoice", "pipeline_id"),
            },
            None => None,
        };
        let Some(status) = id("status_id") else {
            return;
        };
        let mut stages = pipelines
            .filter(|known| pipeline.is_none_or(|pipeline| pipeline.id == known.id))
            .flat_map(|pipeline| &pipeline.statuses);
        let known = stages.any(|stage| status == stage.id && !stage.unsorted);
        if !known {
            self.error("NotSupportedChoice", "status_id");
        }
    }

    pub(super) fn tags(&mut self, list: Option<&Value>, base: &str, entity: Entity) {
        for (base, tag) in self.objects(list, base) {
            let allowed: &[Member] = &[("id", Int), ("name", Str)];
            self.keys(tag, &base, &[allowed]);
            match (tag.get("id"), tag.get("name")) {
                (None, None) => self.error("FieldMissing", format!("{base}name")),
                (None, Some(name)) if name == "" => self.error("NotBlank", format!("{base}name")),
                (None, Some(_)) => {}
                (Some(id), _) => {
                    let mut tags = self.book.tags.iter().filter(|tag| tag.entity == entity);
                    if !tags.any(|tag| *id == tag.id) {
                        self.error("NotSupportedChoice", format!("{base}id"));
                    }
                }
            }
        }
    }

    pub(super) fn fields(&mut self, object: &Object, base: &str, entity: Entity, write: Write) {
        let base = format!("{base}custom_fields_values");
        let items = self.objects(object.get("custom_fields_values"), &base);
        if items.len() > FIELDS_PER_ENTITY {
            self.error("TooManyElements", &base);
        }
        for (base, item) in items {
            let allowed: &[Member] = &[("field_id", Int), ("field_code", Str)];
            let mut rest = item.clone();
            let values = rest.remove("values");
            self.keys(&rest, &base, &[allowed]);
            let id = item.get("field_id").and_then(Value::as_u64);
            let code = item.get("field_code").and_then(Value::as_str);
            let Some(field) = self.account.field(entity, id, code) else {
                let key = if item.contains_key("field_id") || code.is_none() { "field_id" } else { "field_code" };
                self.error("NotSupportedChoice", format!("{base}{key}"));
                continue;
            };
            let path = format!("{base}values");
            match values {
                None => self.error("FieldMissing", path),
                // Which of the two clears a field is not confirmed; both do here.
                Some(Value::Null) if write == Write::Update => {}
                Some(Value::Array(list)) if list.is_empty() && write != Write::Update => {
                    self.error("NotBlank", path);
                }
                Some(list @ Value::Array(_)) => {
                    for (base, value) in self.objects(Some(&list), &path) {
                        self.value(field, value, &base);
                    }
                }
                Some(_) => self.error("InvalidType", path),
            }
        }
    }

    pub(super) fn value(&mut self, field: &Field, object: &Object, base: &str) {
        let select = matches!(field.kind.as_str(), "select" | "multiselect" | "radiobutton");
        let allowed: &[&str] = match field.kind.as_str() {
            "multitext" => &["value", "enum_id", "enum_code"],
            _ if select => &["value", "enum_id"],
            _ => &["value"],
        };
        for key in object.keys().filter(|key| !allowed.contains(&key.as_str())) {
            self.error("FieldNotExpected", format!("{base}{key}"));
        }
        for (key, kind) in [("enum_id", Int), ("enum_code", Str)] {
            let Some(given) = object.get(key).filter(|_| allowed.contains(&key)) else {
                continue;
            };
            let known = field.choices.iter().any(|choice| match kind {
                Int => *given == choice.id,
                _ => *given == choice.value,
            });
            if !fits(kind, given) {
                self.error("InvalidType", format!("{base}{key}"));
            } else if !known {
                self.error("NotSupportedChoice", format!("{base}{key}"));
            }
        }
        let path = format!("{base}value");
        let Some(value) = object.get("value") else {
            if !(select && object.contains_key("enum_id")) {
                self.error("FieldMissing", path);
            }
            return;
        };
        let text = value.as_str();
        let fits = match field.kind.as_str() {
            "numeric" | "price" | "monetary" => {
                value.is_number() || text.is_some_and(|text| text.parse::<f64>().is_ok())
            }
            "checkbox" => value.is_boolean(),
            "date" | "date_time" | "birthday" => {
                value.is_i64() || text.is_some_and(|t| chrono::DateTime::parse_from_rfc3339(t).is_ok())
            }
            _ => text.is_some(),
        };
        if !fits {
            return self.error("InvalidType", path);
        }
        let Some(text) = text else {
            return;
        };
        if select && !field.choices.iter().any(|choice| choice.value == text) {
            self.error("NotSupportedChoice", &path);
        }
        if field.kind == "multitext" && text.is_empty() {
            self.error("NotBlank", &path);
        }
        let short = matches!(field.kind.as_str(), "text" | "multitext" | "tracking_data");
        if short && text.chars().count() > TEXT_LIMIT {
            self.error("TooLong", &path);
        }
    }
}
