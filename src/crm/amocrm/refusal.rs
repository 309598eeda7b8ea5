//! What a 400 or 422 is about: the data, the account, amoCRM itself, or nobody knows what. No I/O.
//!
//! **Promise.** Only `validation-errors` with a path blame the data that was sent. Words alone never do: they are read
//! for what they say of the account or of amoCRM's own trouble, and where they say nothing the caller finds out by what
//! becomes of other leads.

use serde_json::Value;

use crate::lead::one_line;

use super::error::RejectedField;

/// What words without `validation-errors` say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Meaning {
    /// The account cannot do it now: no right, the subscription is over.
    Account,
    /// amoCRM has a trouble of its own and asks to try again.
    System,
    /// The entity that is written to is deleted.
    Gone,
    /// Nothing that is known.
    Unknown,
}

/// Numbers of amoCRM's older API that still come in words ("Код ошибки 244"): about what was sent, not the account.
const CODES_OF_DATA: &[u64] = &[
    201, 204, 205, 206, 207, 208, 209, 211, 212, 213, 214, 215, 216, 217, 218, 219, 221, 222, 223, 224, 225, 240, 330,
];
/// Of the same: "system error".
const CODES_OF_SYSTEM: &[u64] = &[203, 210, 500, 502, 503, 504];
/// Of the same: the element a note is for was not found.
const CODE_OF_GONE: u64 = 226;

/// Words of accounts that cannot, in amoCRM's two languages, lower case.
const ACCOUNT: &[&str] = &[
    "подписк",
    "тариф",
    "оплат",
    "оплач",
    "лиценз",
    "пробн",
    "нет прав",
    "недостаточно прав",
    "не хватает прав",
    "доступ запрещ",
    "доступ закрыт",
    "нет доступа",
    "заблокирован",
    "превышен лимит",
    "лимит сделок",
    "subscription",
    "payment",
    "not paid",
    "unpaid",
    "licen",
    "tariff",
    "trial",
    "no right",
    "not have right",
    "not enough right",
    "insufficient right",
    "permission",
    "access denied",
    "not allowed for this account",
    "account is blocked",
    "account is suspended",
    "limit of leads",
];

/// Words of a trouble that passes, lower case.
const SYSTEM: &[&str] = &[
    "системная ошибка",
    "системной ошиб",
    "внутренняя ошибка",
    "повторите",
    "попробуйте",
    "временно",
    "позже",
    "system error",
    "internal error",
    "server error",
    "try again",
    "retry",
    "later",
    "temporar",
    "unavailable",
    "timeout",
    "timed out",
];

/// Words of an entity that is not there any more, lower case.
const GONE: &[&str] = &["удалена", "удалён", "удален", "entity not found", "element not found", "has been deleted"];

/// Reads a problem body that blames no field.
pub(super) fn meaning(body: &Value) -> Meaning {
    let text = |key: &str| body.get(key).and_then(Value::as_str).unwrap_or_default();
    let words =
        ["title", "detail", "hint", "message", "error", "error_description"].map(text).join(" | ").to_lowercase();
    let any = |list: &[&str]| list.iter().any(|part| words.contains(part));
    match code(body, &words) {
        Some(CODE_OF_GONE) => Meaning::Gone,
        Some(code) if CODES_OF_SYSTEM.contains(&code) => Meaning::System,
        Some(code) if CODES_OF_DATA.contains(&code) => Meaning::Unknown,
        Some(_) => Meaning::Account,
        None if any(ACCOUNT) => Meaning::Account,
        None if any(SYSTEM) => Meaning::System,
        None if any(GONE) => Meaning::Gone,
        None => Meaning::Unknown,
    }
}

/// The number of the older API, from its member or from the words.
fn code(body: &Value, words: &str) -> Option<u64> {
    let number = |value: &Value| value.as_u64().or_else(|| value.as_str()?.trim().parse().ok());
    // Three digits: in other dialects these members hold other things.
    let member = ["error_code", "code"].iter().find_map(|key| number(body.get(key)?));
    let in_words = || {
        ["код ошибки", "ошибка №", "error code", "errorcode", "error #"].iter().find_map(|marker| {
            let rest = &words[words.find(marker)? + marker.len()..];
            let rest = rest.trim_start_matches([' ', ':', '#', '№', '-', '=', '\u{a0}']);
            rest.split(|char: char| !char.is_ascii_digit()).next()?.parse().ok()
        })
    };
    member.filter(|code| (100..1000).contains(code) && *code != 400 && *code != 422).or_else(in_words)
}

/// The fields of a `validation-errors` body; empty where it blames none.
pub(super) fn rejected_fields(body: &Value) -> Vec<RejectedField> {
    let text =
        |value: Option<&Value>| value.and_then(Value::as_str).map_or_else(String::new, |text| one_line(text, 200));
    let mut fields = Vec::new();
    for entry in items(body.get("validation-errors")) {
        let request_id = match entry.get("request_id") {
            Some(Value::String(id)) => Some(id.clone()),
            Some(Value::Number(id)) => Some(id.to_string()),
            _ => None,
        };
        // An entry may be the error itself.
        let errors = if entry.get("errors").is_some() { items(entry.get("errors")) } else { vec![entry] };
        for error in errors.into_iter().filter(|error| error.get("path").is_some() || error.get("code").is_some()) {
            fields.push(RejectedField {
                index: request_id.as_deref().and_then(|id| id.parse().ok()),
                request_id: request_id.clone(),
                path: text(error.get("path")),
                code: text(error.get("code")),
            });
        }
    }
    fields
}

/// The items of a list; an object that stands where a list belongs is an item, or holds items by their position.
fn items(value: Option<&Value>) -> Vec<&Value> {
    match value {
        Some(Value::Array(list)) => list.iter().collect(),
        Some(item @ Value::Object(_)) if ["errors", "path", "code"].iter().any(|key| item.get(key).is_some()) => {
            vec![item]
        }
        Some(Value::Object(map)) => map.values().collect(),
        _ => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn words_are_read_for_account_and_system_and_never_blame_the_data() {
        for (words, expected) in [
            ("Код ошибки 244. В случае повторного возникновения ошибки, обращайтесь в поддержку", Meaning::Account),
            ("Error code 244. If it happens again, contact support", Meaning::Account),
            ("Error code: 245", Meaning::Account),
            ("Код ошибки: 202", Meaning::Account),
            ("Код ошибки 112. Пожалуйста, попробуйте позже", Meaning::Account),
            ("У вас нет прав на добавление сделок", Meaning::Account),
            ("Срок действия подписки истёк", Meaning::Account),
            ("Your subscription has expired", Meaning::Account),
            ("The trial period is over, please pay and try again", Meaning::Account),
            ("Возникла системная ошибка. Пожалуйста, повторите попытку.", Meaning::System),
            ("A system error has occurred. Please try again.", Meaning::System),
            ("Сервис временно недоступен", Meaning::System),
            ("Код ошибки 203", Meaning::System),
            ("Код ошибки 226", Meaning::Gone),
            ("Error code 226. Element not found", Meaning::Gone),
            ("Код ошибки 240", Meaning::Unknown),
            ("Request data can not be empty", Meaning::Unknown),
            ("Limit 250 per page", Meaning::Unknown),
            ("Invalid request items", Meaning::Unknown),
            ("", Meaning::Unknown),
        ] {
            assert_eq!(meaning(&json!({"title": "Bad Request", "status": 400, "detail": words})), expected, "{words}");
        }
        assert_eq!(meaning(&json!({"error_code": "244"})), Meaning::Account);
        assert_eq!(meaning(&json!({"code": 400, "detail": "Bad"})), Meaning::Unknown);
    }

    #[test]
    fn fields_are_found_however_the_body_is_shaped() {
        let error = json!({"code": "NotSupportedChoice", "path": "status_id"});
        for body in [
            json!({"validation-errors": [{"request_id": "0", "errors": [error]}], "status": 400}),
            json!({"validation-errors": [{"errors": [error]}]}),
            json!({"validation-errors": [{"request_id": 0, "errors": error}]}),
            json!({"validation-errors": {"errors": [error]}}),
            json!({"validation-errors": {"0": {"request_id": "0", "errors": [error]}}}),
            json!({"validation-errors": [error]}),
        ] {
            let fields = rejected_fields(&body);
            assert_eq!(fields.len(), 1, "{body}");
            assert_eq!((fields[0].path.as_str(), fields[0].code.as_str()), ("status_id", "NotSupportedChoice"));
        }
        for body in [
            json!({}),
            json!({"validation-errors": []}),
            json!({"validation-errors": null}),
            json!({"validation-errors": [{"request_id": "0", "errors": []}]}),
            json!({"errors": [{"request_id": "0", "errors": {"code": "EntityNotFound", "path": "id"}}]}),
        ] {
            assert!(rejected_fields(&body).is_empty(), "{body}");
        }
    }
}
