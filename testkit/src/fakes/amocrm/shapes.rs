//! The members each kind of object may have, and their types.

use serde_json::Value;

/// The type of a member.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// A whole number.
    Int,
    /// A string.
    Str,
    /// A truth value.
    Bool,
    /// An array.
    List,
    /// An object.
    Obj,
}

use Kind::{Bool, Int, List, Obj, Str};

/// A member an object may have.
pub(super) type Member = (&'static str, Kind);

/// A lead in any write.
pub(super) const LEAD: &[Member] = &[
    ("name", Str),
    ("price", Int),
    ("status_id", Int),
    ("pipeline_id", Int),
    ("responsible_user_id", Int),
    ("created_by", Int),
    ("updated_by", Int),
    ("created_at", Int),
    ("updated_at", Int),
    ("closed_at", Int),
    ("loss_reason_id", Int),
    ("custom_fields_values", List),
    ("tags_to_add", List),
    ("request_id", Str),
    ("visitor_uid", Str),
    ("_embedded", Obj),
];

/// What an update may have besides.
pub(super) const UPDATE: &[Member] = &[("id", Int), ("tags_to_delete", List)];

/// A contact in any write, also inside a complex lead.
pub(super) const CONTACT: &[Member] = &[
    ("name", Str),
    ("first_name", Str),
    ("last_name", Str),
    ("responsible_user_id", Int),
    ("created_by", Int),
    ("updated_by", Int),
    ("created_at", Int),
    ("updated_at", Int),
    ("custom_fields_values", List),
];

/// What a contact may have when it is written by itself.
pub(super) const CONTACT_ITSELF: &[Member] = &[("tags_to_add", List), ("request_id", Str), ("_embedded", Obj)];

/// The metadata that sends a complex lead to the unsorted ones, without `form_id`.
pub(super) const METADATA: &[Member] = &[
    ("category", Str),
    ("form_name", Str),
    ("form_page", Str),
    ("form_sent_at", Int),
    ("ip", Str),
    ("referer", Str),
    ("form_type", Int),
    ("visitor_uid", Str),
];

/// A note, without the entity it is on.
pub(super) const NOTE: &[Member] = &[
    ("note_type", Str),
    ("params", Obj),
    ("request_id", Str),
    ("created_by", Int),
    ("responsible_user_id", Int),
    ("is_need_to_trigger_digital_pipeline", Bool),
];

/// A task.
pub(super) const TASK: &[Member] = &[
    ("text", Str),
    ("complete_till", Int),
    ("task_type_id", Int),
    ("entity_id", Int),
    ("entity_type", Str),
    ("responsible_user_id", Int),
    ("created_by", Int),
    ("updated_by", Int),
    ("request_id", Str),
];

/// Note types that can be written.
pub(super) const NOTE_TYPES: &[&str] = &[
    "common",
    "call_in",
    "call_out",
    "service_message",
    "extended_service_message",
    "message_cashier",
    "invoice_paid",
    "geolocation",
    "sms_in",
    "sms_out",
    "attachment",
];

/// Types of custom fields that can be made.
pub(super) const FIELD_TYPES: &[&str] = &[
    "text",
    "numeric",
    "checkbox",
    "select",
    "multiselect",
    "date",
    "url",
    "textarea",
    "radiobutton",
    "streetaddress",
    "smart_address",
    "birthday",
    "legal_entity",
    "date_time",
    "price",
    "monetary",
    "file",
    "tracking_data",
];

/// Whether a value has that type.
pub(super) fn fits(kind: Kind, value: &Value) -> bool {
    match kind {
        Int => value.is_i64(),
        Str => value.is_string(),
        Bool => value.is_boolean(),
        List => value.is_array(),
        Obj => value.is_object(),
    }
}
