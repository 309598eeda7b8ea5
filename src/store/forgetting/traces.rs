//! What a person leaves beside requests: the dialogue, messages that wait, contacts, updates set aside, marks.

use std::time::Duration;

use serde_json::Value;
use sqlx::{AnyConnection, AssertSqlSafe};
use ulid::Ulid;

use crate::{
    clock::Millis,
    notice::{AdminNotice, Notice},
    store::{Engine, MarkFamily, PersonalData, StoreError, buyer_topics, json, rows},
};

use super::{super::forgotten::remember, Person};

/// Wipes all of it, as far as it was written until `until`.
pub(super) async fn wipe(
    connection: &mut AnyConnection,
    engine: Engine,
    person: &Person,
    until: Millis,
    now: Millis,
) -> Result<(), StoreError> {
    // A time that is damaged counts as long ago: SQLite takes it for later than any other.
    let written = |column: &str| format!("COALESCE({}, 0) <= $2", rows::only_numbers(column));
    for chat in &person.chats {
        let channel = chat.channel.as_str();
        let sql = format!(
            "DELETE FROM dialogues WHERE chat_id = $1 AND channel = $3 AND {} RETURNING {}",
            written("update_at"),
            rows::bytes(engine, "draft")
        );
        let deleted =
            sqlx::query(AssertSqlSafe(sql)).bind(chat.id).bind(until).bind(channel).fetch_all(&mut *connection).await?;
        for row in deleted {
            if let Some(id) = rows::lossy(&row, 0).and_then(|draft| form_id(&draft)) {
                remember(connection, &id, now).await?;
            }
        }
        let sql = format!("DELETE FROM messages WHERE chat_id = $1 AND channel = $3 AND {}", written("created_at"));
        sqlx::query(AssertSqlSafe(sql)).bind(chat.id).bind(until).bind(channel).execute(&mut *connection).await?;
        let sql = "DELETE FROM live_buttons WHERE chat_id = $1 AND channel = $2";
        sqlx::query(sql).bind(chat.id).bind(channel).execute(&mut *connection).await?;
        let sql = format!("DELETE FROM sent_messages WHERE chat_id = $1 AND channel = $3 AND {}", written("sent_at"));
        sqlx::query(AssertSqlSafe(sql)).bind(chat.id).bind(until).bind(channel).execute(&mut *connection).await?;
        buyer_topics::forget(connection, engine, *chat, (until, now)).await?;
    }
    for phone in &person.phones {
        let sql = format!("DELETE FROM customers WHERE phone = $1 AND {}", written("seen_at"));
        sqlx::query(AssertSqlSafe(sql)).bind(phone).bind(until).execute(&mut *connection).await?;
    }
    for user_id in &person.users {
        sqlx::query("DELETE FROM marks WHERE name LIKE $1")
            .bind(format!("{}{user_id}:%", MarkFamily::LimitsTold.prefix()))
            .execute(&mut *connection)
            .await?;
    }
    // A first press names whom it is about; it has done its work.
    let named = person.users.iter().map(|id| format!("%forget u{id} %"));
    for named in named.chain(person.phones.iter().map(|phone| format!("%forget {phone} %"))) {
        sqlx::query("DELETE FROM marks WHERE name LIKE $1 AND value LIKE $2")
            .bind(format!("{}%", MarkFamily::FirstPresses.prefix()))
            .bind(named)
            .execute(&mut *connection)
            .await?;
    }
    for update_id in dead_letters_of(connection, engine, person, until).await? {
        sqlx::query("DELETE FROM set_aside WHERE update_id = $1").bind(update_id).execute(&mut *connection).await?;
    }
    wipe_from_messages(connection, engine, person, until).await
}

/// Updates that were set aside and tell of the person.
pub(super) async fn dead_letters_of(
    connection: &mut AnyConnection,
    engine: Engine,
    person: &Person,
    until: Millis,
) -> Result<Vec<i64>, StoreError> {
    let sql = format!(
        "SELECT {}, {}, {} FROM set_aside WHERE COALESCE({}, 0) <= $1",
        rows::numbers(engine, "update_id"),
        rows::chats(engine, "chat_id", "channel"),
        rows::bytes(engine, "body"),
        rows::only_numbers("set_aside_at")
    );
    let mut found = Vec::new();
    for row in sqlx::query(AssertSqlSafe(sql)).bind(until).fetch_all(connection).await? {
        let of_a_chat = rows::chat(&row, 1).is_some_and(|id| person.chats.contains(&id));
        if of_a_chat || rows::lossy(&row, 3).is_some_and(|body| tells_of(&body, person)) {
            found.extend(rows::number(&row, 0));
        }
    }
    Ok(found)
}

/// Messages to others, such as copies of leads for the admin, that nobody has read yet.
async fn wipe_from_messages(
    connection: &mut AnyConnection,
    engine: Engine,
    person: &Person,
    until: Millis,
) -> Result<(), StoreError> {
    let sql = format!(
        "SELECT {}, {} FROM messages WHERE COALESCE({}, 0) <= $1",
        rows::bytes(engine, "id"),
        rows::bytes(engine, "body"),
        rows::only_numbers("created_at")
    );
    for row in sqlx::query(AssertSqlSafe(sql)).bind(until).fetch_all(&mut *connection).await? {
        let (id, body) = (rows::lossy(&row, 0).unwrap_or_default(), rows::lossy(&row, 1).unwrap_or_default());
        match without(&body, person) {
            Without::Same => {}
            Without::Less(body) => {
                sqlx::query("UPDATE messages SET body = $1 WHERE id = $2")
                    .bind(body)
                    .bind(id)
                    .execute(&mut *connection)
                    .await?;
            }
            Without::Nothing => {
                sqlx::query("DELETE FROM messages WHERE id = $1").bind(id).execute(&mut *connection).await?;
            }
        }
    }
    Ok(())
}

/// What is left of a message without a person.
pub(super) enum Without {
    /// It does not tell of that person.
    Same,
    /// It tells of others too.
    Less(String),
    /// Nothing.
    Nothing,
}

pub(super) fn without(body: &str, person: &Person) -> Without {
    let is_ours = |number: &str| person.leads.iter().any(|lead| lead.number.as_str() == number);
    match serde_json::from_str::<Notice>(body) {
        Ok(Notice::Admin(AdminNotice::Copies { mut leads })) => {
            let before = leads.len();
            leads.retain(|copy| !is_ours(copy.number.as_str()) && !person.phones.contains(&copy.phone));
            match leads.len() {
                0 => Without::Nothing,
                left if left == before => Without::Same,
                _ => Without::Less(json(&Notice::Admin(AdminNotice::Copies { leads }))),
            }
        }
        Ok(Notice::Admin(AdminNotice::NewLead { lead } | AdminNotice::Finished { lead })) => {
            let tells = is_ours(lead.number.as_str()) || person.phones.contains(&lead.phone);
            if tells { Without::Nothing } else { Without::Same }
        }
        Ok(Notice::Admin(
            AdminNotice::Corrected { number, .. }
            | AdminNotice::TakenBack { number }
            | AdminNotice::NoPlaceForWords { number, .. },
        )) => {
            if is_ours(number.as_str()) {
                Without::Nothing
            } else {
                Without::Same
            }
        }
        Ok(Notice::Worded(worded)) => {
            let numbered = person.leads.iter().any(|lead| worded.text.contains(lead.number.as_str()));
            if numbered || names_phone(&worded.text, person) { Without::Nothing } else { Without::Same }
        }
        _ => {
            if tells_of(body, person) {
                Without::Nothing
            } else {
                Without::Same
            }
        }
    }
}

/// Whether a document names the person's account or phone.
pub(super) fn tells_of(body: &str, person: &Person) -> bool {
    person.users.iter().any(|id| names_user(body, *id)) || names_phone(body, person)
}

fn names_phone(text: &str, person: &Person) -> bool {
    let digits: String = text.chars().filter(char::is_ascii_digit).collect();
    // Written 8 999… as well as +7 999…
    person.digits().any(|phone| digits.contains(&phone) || (phone.len() > 10 && digits.contains(&phone[1..])))
}

/// Whether a document holds this id anywhere as a number.
fn names_user(body: &str, id: i64) -> bool {
    fn holds(value: &Value, id: i64) -> bool {
        match value {
            Value::Number(number) => number.as_i64() == Some(id),
            Value::Array(values) => values.iter().any(|value| holds(value, id)),
            Value::Object(values) => values.values().any(|value| holds(value, id)),
            _ => false,
        }
    }
    let digits = id.to_string();
    body.contains(&digits)
        && match serde_json::from_str(body) {
            Ok(value) => holds(&value, id),
            // Damaged: a whole number there is all that can be told.
            Err(_) => body.split(|sign: char| !sign.is_ascii_digit()).any(|run| run == digits),
        }
}

/// A dialogue's document without what was written before consent to the dealer's document; `None` where there is nothing of that.
fn without_what_was_said(document: &str) -> Option<String> {
    let mut document: Value = serde_json::from_str(document).ok()?;
    let draft = document.get_mut("draft")?.as_object_mut()?;
    let is_asked = draft.get("shown_consents").is_some_and(Value::is_array);
    let was_given = draft.get("consent_at").is_some_and(|at| !at.is_null());
    if !is_asked || was_given {
        return None;
    }
    let before = draft.len();
    draft.retain(|name, value| ["id", "number", "shown_consents"].contains(&name.as_str()) || value.is_null());
    if draft.len() == before {
        return None;
    }
    // The last text that was taken.
    document.as_object_mut()?.insert("taken".into(), Value::Null);
    Some(document.to_string())
}

impl PersonalData {
    /// Wipes what was written into forms that ask for consent to the dealer's document, have never got it, and were not touched
    /// since `before`; the question stays open. Returns how many forms held anything.
    pub async fn wipe_without_consent(&self, before: Millis) -> Result<u64, StoreError> {
        let sql = format!(
            "SELECT {}, {}, {} FROM dialogues WHERE step = 'consent' AND update_at < $1",
            rows::chats(self.engine, "chat_id", "channel"),
            rows::bytes(self.engine, "draft"),
            rows::numbers(self.engine, "update_at")
        );
        let mut wiped = 0;
        for row in sqlx::query(AssertSqlSafe(sql)).bind(before).fetch_all(&self.pool).await? {
            let (Some(chat), Some(update_at)) = (rows::chat(&row, 0), rows::number(&row, 3)) else { continue };
            let Some(left) = rows::lossy(&row, 2).and_then(|draft| without_what_was_said(&draft)) else { continue };
            // Another moment, so that no turn goes on from what is remembered of it.
            let sql = "UPDATE dialogues SET draft = $3, update_at = update_at + 1 \
                       WHERE chat_id = $1 AND channel = $4 AND update_at = $2";
            let done = sqlx::query(sql)
                .bind(chat.id)
                .bind(update_at)
                .bind(left)
                .bind(chat.channel.as_str())
                .execute(&self.pool)
                .await?;
            wiped += done.rows_affected();
        }
        Ok(wiped)
    }

    /// Deletes dialogues that are older than `forms_before`, set-aside updates older than `before`, and marks of limits older than
    /// `marks_before`; returns how many dialogues and updates.
    pub async fn wipe_old(
        &self,
        forms_before: Millis,
        before: Millis,
        marks_before: Millis,
    ) -> Result<(u64, u64), StoreError> {
        let forms =
            sqlx::query("DELETE FROM dialogues WHERE update_at < $1").bind(forms_before).execute(&self.pool).await?;
        let updates =
            sqlx::query("DELETE FROM set_aside WHERE set_aside_at < $1").bind(before).execute(&self.pool).await?;
        // Nobody answers a message of half a year ago, and nothing changes it any more but a card when its lead is wiped.
        let half_a_year = self.clock.millis(Duration::from_secs(182 * 24 * 3600));
        sqlx::query("DELETE FROM sent_messages WHERE sent_at < $1 AND id NOT LIKE 'card:%'")
            .bind(self.clock.now() - half_a_year)
            .execute(&self.pool)
            .await?;
        for family in [MarkFamily::LimitsTold, MarkFamily::FirstPresses] {
            self.marks().remove_old(family, marks_before).await?;
        }
        Ok((forms.rows_affected(), updates.rows_affected()))
    }
}

/// Id of the form that a stored dialogue holds.
pub(super) fn form_id(draft: &str) -> Option<String> {
    let draft: Value = serde_json::from_str(draft).ok()?;
    let id = draft["draft"]["id"].as_str()?;
    Ulid::from_string(id).ok().map(|id| id.to_string())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_was_written_without_consent_goes_and_the_question_stays() {
        let form = |more: Value| {
            let mut draft = json!({"id": "01J7", "number": "K7M2QXA", "consent_at": null, "wish": null});
            draft.as_object_mut().expect("an object").extend(more.as_object().expect("an object").clone());
            json!({"draft": draft, "last_number": "N7HR3T9", "taken": {"text": 1}, "lang": "en"})
        };
        let shown = json!([{"version": "1"}]);
        let said = form(json!({"shown_consents": shown, "name": "Иван", "phone": {"e164": "+79991234567"},
            "answers": {"city": "Тула"}, "said": [], "files": [], "phone_before_consent": true}));
        let left: Value =
            serde_json::from_str(&without_what_was_said(&said.to_string()).expect("something went")).expect("JSON");
        let mut empty = form(json!({"shown_consents": shown}));
        empty["taken"] = Value::Null;
        assert_eq!(left, empty);
        for kept in [
            empty.to_string(),
            form(json!({"name": "Иван"})).to_string(),
            form(json!({"name": "Иван", "consent_at": "2026-12-01T00:00:00Z", "shown_consents": shown})).to_string(),
            json!({"draft": null}).to_string(),
            "?".to_owned(),
        ] {
            assert_eq!(without_what_was_said(&kept), None, "{kept}");
        }
    }
}
