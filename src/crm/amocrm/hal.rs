//! amoCRM's answers are HAL: lists under `_embedded`, the way to the next page under `_links`.

use serde_json::Value;

use super::error::CrmError;

/// The list of a HAL answer; empty for an empty answer.
pub(super) fn embedded<'a>(answer: &'a Value, key: &str) -> &'a [Value] {
    let list = answer.get("_embedded").and_then(|embedded| embedded.get(key)).and_then(Value::as_array);
    list.map(Vec::as_slice).unwrap_or_default()
}

/// The list of a HAL answer to which "nothing is there" will be believed: an empty list is an empty answer (204) or an
/// empty array, never one without its shape.
pub(super) fn listed<'a>(answer: &'a Value, key: &str) -> Result<&'a [Value], CrmError> {
    match answer.get("_embedded").and_then(|embedded| embedded.get(key)) {
        Some(Value::Array(list)) => Ok(list),
        _ if answer.is_null() => Ok(&[]),
        _ => Err(CrmError::Unavailable { cause: format!("the answer lacks its list of {key}"), request_id: None }),
    }
}

/// A positive id.
pub(super) fn id(value: Option<&Value>) -> Option<i64> {
    value?.as_i64().filter(|id| *id > 0)
}

/// Whether no further page follows this one, which holds `count` of at most `limit` rows: by its links, or else by its length.
pub(super) fn is_last_page(answer: &Value, count: usize, limit: usize) -> bool {
    let next = answer.pointer("/_links/next").is_some();
    count == 0 || (!next && count < limit) || (!next && answer.get("_links").is_some())
}
