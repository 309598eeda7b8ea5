//! What people have done about leads in amoCRM itself: tasks they have closed, notes they have written, calls they have made.
//!
//! **Promise.** What comes back is compared with what was asked for, whatever the filters did. What robots do (user 0) counts
//! for nobody, nor does what stands under a heading of ours, whoever's token wrote it: this bot writes as the user who has
//! authorized it, and that may be a manager who writes notes, too. amoCRM does not tell what another integration writes with
//! a user's token from what that user writes: such a note counts as a person's.

use serde_json::Value;

use super::api::Crm;
use super::error::CrmError;
use super::hal::id;
use super::note::number_of;
use crate::lead::LeadNumber;

/// Leads whose tasks are asked for at once: their ids stand in the address.
const LEADS_AT_ONCE: usize = 50;

/// So many pages of tasks, or of a lead's notes, are read, the newest first.
const MOST_PAGES: usize = 4;

/// amoCRM's `call_status` of a talk that took place.
const TALKED: i64 = 4;

/// That a person has closed a task of a lead.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ClosedTask {
    /// The lead's id.
    pub lead_id: i64,
    /// When, s UTC.
    pub at: i64,
}

impl Crm {
    /// The tasks of these leads that people have closed.
    pub async fn closed_tasks(&self, lead_ids: &[i64]) -> Result<Vec<ClosedTask>, CrmError> {
        let mut closed = Vec::new();
        for some in lead_ids.chunks(LEADS_AT_ONCE) {
            let ids = some.iter().map(|id| ("filter[entity_id][]", id.to_string()));
            let query: Vec<_> = [("filter[entity_type]", "leads".to_owned())]
                .into_iter()
                .chain(ids)
                .chain([("order[id]", "desc".to_owned())])
                .collect();
            let of_these = |row: &Value| closed_task(row).filter(|task| some.contains(&task.lead_id));
            closed.extend(self.rows("/api/v4/tasks", "tasks", &query, MOST_PAGES, of_these).await?);
        }
        Ok(closed)
    }

    /// When people have written notes on a lead, or have spoken to its buyer on the phone, s UTC.
    pub async fn notes_of_people(&self, lead_id: i64) -> Result<Vec<i64>, CrmError> {
        let is_of_lead = |row: &Value| id(row.get("entity_id")).is_none_or(|of| of == lead_id);
        let read = |row: &Value| note_of_a_person(row).filter(|_| is_of_lead(row));
        let newest_first = [("order[id]", "desc".to_owned())];
        self.rows(&format!("/api/v4/leads/{lead_id}/notes"), "notes", &newest_first, MOST_PAGES, read).await
    }
}

fn closed_task(row: &Value) -> Option<ClosedTask> {
    let is_closed = row.get("is_completed").and_then(Value::as_bool) == Some(true);
    let is_of_lead = row.get("entity_type").and_then(Value::as_str) == Some("leads");
    let lead_id = id(row.get("entity_id")).filter(|_| is_closed && is_of_lead && is_a_person(row.get("updated_by")))?;
    Some(ClosedTask { lead_id, at: row.get("updated_at")?.as_i64()? })
}

/// When a person has written this note, or has called; `None` for what nobody has.
fn note_of_a_person(row: &Value) -> Option<i64> {
    let param = |key: &str| row.get("params").and_then(|params| params.get(key));
    let text = |key: &str| param(key).and_then(Value::as_str).unwrap_or_default();
    let by_a_person = is_a_person(row.get("created_by"));
    let is_it = match row.get("note_type").and_then(Value::as_str)? {
        "common" => by_a_person && number_of(text("text")).is_none(),
        // Our files are named by the number of their lead.
        "attachment" => by_a_person && !["original_name", "file_name", "text"].iter().any(|key| is_our_file(text(key))),
        // Telephony writes calls as whomever it likes. Who has called the buyer has tried; a call of the buyer's counts when
        // somebody has answered it.
        "call_out" => true,
        "call_in" => {
            param("duration").and_then(Value::as_i64).is_some_and(|seconds| seconds > 0)
                || param("call_status").and_then(Value::as_i64) == Some(TALKED)
        }
        "sms_out" | "amomail_message" | "geolocation" => by_a_person,
        // Whatever services and robots leave.
        _ => false,
    };
    row.get("created_at").and_then(Value::as_i64).filter(|_| is_it)
}

/// Robots are user 0.
fn is_a_person(user: Option<&Value>) -> bool {
    user.and_then(Value::as_i64) != Some(0)
}

/// `K7M2QXA-2.jpg`.
fn is_our_file(name: &str) -> bool {
    name.split_once('-').is_some_and(|(number, _)| LeadNumber::parse(number).is_some())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_task_counts_when_a_person_has_closed_it() {
        let task = |changed: Value| {
            let mut row = json!({"id": 1, "entity_id": 7, "entity_type": "leads", "is_completed": true,
                "created_by": 0, "updated_by": 502, "updated_at": 1_795_500_000});
            row.as_object_mut().expect("an object").extend(changed.as_object().expect("an object").clone());
            closed_task(&row)
        };
        assert_eq!(task(json!({})), Some(ClosedTask { lead_id: 7, at: 1_795_500_000 }));
        for row in [
            json!({"is_completed": false}),
            json!({"updated_by": 0}),
            json!({"entity_type": "contacts"}),
            json!({"entity_id": null}),
            json!({"updated_at": null}),
        ] {
            assert_eq!(task(row.clone()), None, "{row}");
        }
        assert_eq!(closed_task(&json!([])), None);
    }

    #[test]
    fn a_note_counts_when_a_person_has_written_it() {
        for (kind, by, params, is_it) in [
            ("common", 502, json!({"text": "Дозвонился, ждёт подборку"}), true),
            ("common", 502, json!({"text": "Клиент #1, звонить до 18"}), true),
            ("common", 502, json!({"text": "Покупатель по #K7M2QXA просит Kia"}), true),
            // Ours, whoever's token it was; of another request of the same buyer, too.
            ("common", 502, json!({"text": "#K7M2QXA\nИмя: Иван"}), false),
            ("common", 502, json!({"text": "#N7HR3T9 (2/3)\nБюджет: 2 млн"}), false),
            ("common", 502, json!({"text": "#K7M2QXA Сообщение покупателя: когда позвоните?"}), false),
            ("common", 502, json!({"text": "Заявка #K7M2QXA\nИмя: Иван"}), false),
            // A robot's.
            ("common", 0, json!({"text": "ТЕНДЕР: поставка фрез"}), false),
            ("call_out", 0, json!({"duration": 0, "call_status": 6}), true),
            ("call_in", 502, json!({"duration": 61}), true),
            ("call_in", 0, json!({"duration": 0, "call_status": 4}), true),
            ("call_in", 0, json!({"duration": 0, "call_status": 6}), false),
            ("call_in", 0, json!({}), false),
            ("sms_out", 502, json!({"text": null, "phone": null}), true),
            ("sms_out", 0, json!({"text": null, "phone": null}), false),
            ("sms_in", 502, json!({"text": "Здравствуйте"}), false),
            ("attachment", 502, json!({"original_name": "Договор.pdf"}), true),
            ("attachment", 502, json!({"file_name": "K7M2QXA-1.jpg"}), false),
            ("service_message", 502, json!({"service": "Сайт", "text": "Визит"}), false),
            ("extended_service_message", 502, json!({"text": "Визит"}), false),
        ] {
            let row = json!({"id": 1, "entity_id": 7, "note_type": kind, "created_by": by, "created_at": 5, "params": params});
            assert_eq!(note_of_a_person(&row), is_it.then_some(5), "{row}");
        }
        for row in [json!({}), json!(null), json!({"note_type": "common", "created_by": 502})] {
            assert_eq!(note_of_a_person(&row), None, "{row}");
        }
    }
}
