//! What managers' work leads to on a lead: tasks, who is responsible, the tag and the stage of what is no lead.
//!
//! **Promise.** What is there already is not sent again. A task has no key in amoCRM: it is looked for among those of its lead
//! by its words, which no other task of ours has.

use serde_json::{Value, json};

use super::amend::LeadThere;
use super::api::{Crm, match_rows, unclear};
use super::error::CrmError;
use super::hal::{embedded, id, is_last_page, listed};
use super::text::{essence, kept};

/// amoCRM gives at most 250 tasks on a page; no lead of ours has more than some dozens.
const TASKS_PAGE: usize = 250;
const MOST_TASK_PAGES: usize = 4;

/// A call.
const FOLLOW_UP: i64 = 1;

/// The stage of what is lost, which every pipeline has.
const LOST: i64 = 143;

/// A task about to be made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewTask<'a> {
    /// The lead's id.
    pub lead_id: i64,
    /// Its words, one line.
    pub text: &'a str,
    /// Until when, s UTC.
    pub complete_till: i64,
    /// The user who is to do it; amoCRM chooses where absent.
    pub user_id: Option<i64>,
}

impl LeadThere {
    /// Who is responsible.
    pub fn responsible(&self) -> Option<i64> {
        id(self.row().get("responsible_user_id"))
    }

    /// What makes a user responsible; `None` where they are.
    pub fn making_responsible(&self, user_id: i64) -> Option<Value> {
        (self.responsible() != Some(user_id)).then(|| json!({ "responsible_user_id": user_id }))
    }

    /// What marks it as no lead, and closes it where that is wished; `None` where it is so.
    pub fn marking_junk(&self, tag: &str, closes: bool) -> Option<Value> {
        let row = self.row();
        let mut change = serde_json::Map::new();
        let mut tags = embedded(row, "tags").iter().filter_map(|tag| tag.get("name")?.as_str());
        if tags.all(|there| essence(there) != essence(tag)) {
            change.insert("tags_to_add".into(), json!([{"name": kept(tag)}]));
        }
        if closes && id(row.get("status_id")) != Some(LOST) {
            change.insert("status_id".into(), LOST.into());
            // It is the same in every pipeline, so which one is said.
            if let Some(pipeline) = id(row.get("pipeline_id")) {
                change.insert("pipeline_id".into(), pipeline.into());
            }
        }
        (!change.is_empty()).then_some(Value::Object(change))
    }
}

impl Crm {
    /// Whether a lead has a task with these words, done or not.
    pub async fn has_task(&self, lead_id: i64, text: &str) -> Result<bool, CrmError> {
        for page in 1..=MOST_TASK_PAGES {
            let query = [
                ("filter[entity_type]", "leads".to_owned()),
                ("filter[entity_id][]", lead_id.to_string()),
                ("order[id]", "desc".to_owned()),
                ("limit", TASKS_PAGE.to_string()),
                ("page", page.to_string()),
            ];
            let answer = self.get("/api/v4/tasks", &query).await?;
            let rows = listed(&answer, "tasks")?;
            // A filter may be ignored: what comes back is looked at.
            if rows.iter().any(|row| is_task(row, lead_id, text)) {
                return Ok(true);
            }
            if is_last_page(&answer, rows.len(), TASKS_PAGE) {
                break;
            }
        }
        Ok(false)
    }

    /// Makes a task; returns its id.
    pub async fn add_task(&self, task: &NewTask<'_>) -> Result<i64, CrmError> {
        const REQUEST: &str = "task";
        let mut json = json!({
            "text": kept(task.text), "complete_till": task.complete_till, "task_type_id": FOLLOW_UP,
            "entity_id": task.lead_id, "entity_type": "leads", "request_id": REQUEST,
        });
        if let Some(user_id) = task.user_id {
            json["responsible_user_id"] = user_id.into();
        }
        let answer = self.post("/api/v4/tasks", &json!([json]), &[REQUEST]).await?;
        let rows = match_rows(embedded(&answer, "tasks"), &[REQUEST]);
        rows.into_iter().flatten().find_map(|row| id(row.get("id"))).ok_or_else(unclear)
    }
}

fn is_task(row: &Value, lead_id: i64, text: &str) -> bool {
    let there = row.get("text").and_then(Value::as_str).unwrap_or_default();
    let of = id(row.get("entity_id"));
    of == Some(lead_id) && essence(there) == essence(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn there(row: Value) -> LeadThere {
        LeadThere::of(row)
    }

    #[test]
    fn only_what_differs_is_sent() {
        let lead = there(json!({"id": 7, "responsible_user_id": 5, "status_id": 1, "pipeline_id": 101,
            "_embedded": {"tags": [{"id": 1, "name": "telegram_bot"}]}}));
        assert_eq!(lead.making_responsible(5), None);
        assert_eq!(lead.making_responsible(6), Some(json!({"responsible_user_id": 6})));
        let tag = json!([{"name": "не лид"}]);
        assert_eq!(lead.marking_junk("не лид", false), Some(json!({"tags_to_add": tag})));
        assert_eq!(
            lead.marking_junk("не лид", true),
            Some(json!({"tags_to_add": tag, "status_id": 143, "pipeline_id": 101}))
        );
        let marked = there(json!({"id": 7, "status_id": 143, "_embedded": {"tags": [{"name": "не лид"}]}}));
        assert_eq!(marked.marking_junk("не лид", true), None);
        let open = there(json!({"id": 7, "status_id": null, "_embedded": {"tags": [{"name": "не лид"}]}}));
        assert_eq!(open.marking_junk("не лид", true), Some(json!({"status_id": 143})));
    }

    #[test]
    fn a_task_is_known_by_its_lead_and_its_words() {
        let text = "#K7M2QXA Перезвонить: не отвечает (Анна, 26.11.2026 14:05)";
        for (row, is_it) in [
            (json!({"id": 1, "entity_id": 7, "text": text}), true),
            (json!({"id": 1, "entity_id": 7, "text": format!(" {text} ")}), true),
            (json!({"id": 1, "entity_id": 8, "text": text}), false),
            (json!({"id": 1, "entity_id": 7, "text": "#K7M2QXA Перезвонить"}), false),
            (json!({"id": 1, "entity_id": 7}), false),
            (json!(null), false),
        ] {
            assert_eq!(is_task(&row, 7, text), is_it, "{row}");
        }
    }
}
