//! Who the bot is.
//!
//! Servers of one's own leave fields of getMe out that the Bot API calls optional and teloxide requires, so what is
//! missing is filled in here.

use serde_json::{Value, json};
use teloxide::types::Me;

/// Reads getMe's result, filling in what is missing; `None` when it is no user at all.
pub fn read(result: &Value, token: &str) -> Option<Me> {
    let given = result.as_object()?;
    if !["id", "first_name", "username"].iter().any(|name| given.contains_key(*name)) {
        return None;
    }
    // A bot's token begins with its id.
    let id = given.get("id").and_then(Value::as_u64).or_else(|| token.split(':').next()?.parse().ok())?;
    let mut me = json!({
        "id": id,
        "is_bot": true,
        "first_name": given.get("first_name").and_then(Value::as_str).unwrap_or_default(),
        "can_join_groups": true,
        "can_read_all_group_messages": false,
        "supports_inline_queries": false,
        "can_connect_to_business": false,
        "has_main_web_app": false,
    });
    for (name, value) in given {
        let fits = match me.get(name) {
            Some(Value::Bool(_)) => name != "is_bot" && value.is_boolean(),
            Some(_) => false,
            None => ["username", "last_name", "language_code"].contains(&name.as_str()) && value.is_string(),
        };
        if fits {
            me[name] = value.clone();
        }
    }
    serde_json::from_value(me).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_missing_is_filled_in() {
        let whole = json!({
            "id": 5, "is_bot": true, "first_name": "Бот", "username": "the_bot", "can_join_groups": false,
            "can_read_all_group_messages": true, "supports_inline_queries": true, "can_connect_to_business": true,
            "has_main_web_app": true,
        });
        assert_eq!(json!(read(&whole, "7:a")), whole);
        for field in whole.as_object().expect("an object").keys() {
            let mut less = whole.clone();
            less.as_object_mut().expect("an object").remove(field);
            assert!(read(&less, "7:a").is_some(), "{field}");
            less[field] = json!([1]);
            assert!(read(&less, "7:a").is_some(), "{field}");
        }
        let least = read(&json!({"first_name": ""}), "7:a").expect("a bot");
        assert_eq!((least.user.id.0, least.user.username), (7, None));
        for other in [json!(null), json!(true), json!([]), json!({})] {
            assert!(read(&other, "7:a").is_none(), "{other}");
        }
    }
}
