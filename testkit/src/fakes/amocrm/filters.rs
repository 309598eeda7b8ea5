//! `filter[…]` of a list: which rows pass, where filters work at all.

use serde_json::Value;

use super::request::Request;
use super::server::State;

/// On lists of entities filters work only where support has switched them on; else all rows come back.
pub(super) fn filtered(state: &State, request: &Request, mut rows: Vec<Value>) -> Vec<Value> {
    if state.filters_on {
        rows.retain(|row| passes(request, row));
    }
    rows
}

/// Whether a row passes every `filter[…]` of the request that names one of its members.
pub(super) fn passes(request: &Request, row: &Value) -> bool {
    let mut choices: Vec<(&str, bool)> = Vec::new();
    for (key, wanted) in &request.params {
        let Some((key, sub)) = filter_key(key) else {
            continue;
        };
        let key = if key == "entity" { "entity_type" } else { key };
        let value = &row[key];
        match (sub, value.as_i64(), wanted.parse::<i64>()) {
            _ if value.is_null() => {}
            ("from", Some(value), Ok(bound)) if value < bound => return false,
            ("to", Some(value), Ok(bound)) if value > bound => return false,
            ("from" | "to", ..) => {}
            _ => {
                let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
                let hit = text == *wanted || wanted.split(',').any(|wanted| text == wanted);
                match choices.iter_mut().find(|(known, _)| *known == key) {
                    Some((_, hits)) => *hits |= hit,
                    None => choices.push((key, hit)),
                }
            }
        }
    }
    choices.iter().all(|(_, hit)| *hit)
}

/// `filter[created_at][from]` → `("created_at", "from")`; `filter[id][]` → `("id", "")`.
fn filter_key(key: &str) -> Option<(&str, &str)> {
    let (key, rest) = key.strip_prefix("filter[")?.split_once(']')?;
    let sub = rest.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
    Some((key, sub.unwrap_or_default()))
}
