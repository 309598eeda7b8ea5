//! Tasks: made and listed as the documentation has it; there is no key against doubles, and nothing takes them away.

use serde_json::{Value, json};

use super::FakeAmocrm;
use super::api::Outcome;
use super::filters;
use super::lists::{self, link};
use super::request::Request;
use super::server::State;
use super::wire::Answer;
use super::writes::{BATCH_LIMIT, embedded, text, write};

/// A task of a lead.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredTask {
    /// The id.
    pub id: u64,
    /// The lead.
    pub lead_id: u64,
    /// Its words.
    pub text: String,
    /// Until when, unix seconds.
    pub complete_till: i64,
    /// 1 a call, 2 a meeting.
    pub task_type_id: u64,
    /// The user in charge.
    pub responsible_user_id: u64,
    /// When it was made, unix seconds.
    pub created_at: i64,
    /// When it was closed, unix seconds, and by which user; 0 is a robot.
    pub closed: Option<(i64, u64)>,
}

pub(super) fn make_tasks(state: &mut State, request: &Request) -> Outcome {
    let rows = write(
        state,
        request,
        BATCH_LIMIT,
        |check, task| check.task(task),
        |state, request_id, task| {
            let number = |key: &str| task.get(key).and_then(Value::as_u64);
            let id = state.book.next_id();
            let stored = StoredTask {
                id,
                lead_id: number("entity_id").unwrap_or_default(),
                text: super::texts::note(&text(task, "text")),
                complete_till: task.get("complete_till").and_then(Value::as_i64).unwrap_or_default(),
                task_type_id: number("task_type_id").unwrap_or(1),
                responsible_user_id: number("responsible_user_id").unwrap_or(state.account.current_user),
                created_at: state.book.now(),
                closed: None,
            };
            state.book.tasks.push(stored);
            json!({"id": id, "request_id": request_id, "_links": link(request, &format!("/api/v4/tasks/{id}"))})
        },
    )?;
    Ok(embedded(request, "tasks", rows))
}

pub(super) fn tasks(state: &State, request: &Request) -> Answer {
    let rows = state.book.tasks.iter().map(|task| row(state, request, task)).collect();
    let rows = filters::filtered(state, request, rows);
    lists::paged(request, "tasks", rows, &["created_at", "complete_till", "id"], BATCH_LIMIT)
}

fn row(state: &State, request: &Request, task: &StoredTask) -> Value {
    let (updated_at, updated_by) = task.closed.unwrap_or((task.created_at, state.account.current_user));
    json!({
        "id": task.id,
        "created_by": state.account.current_user,
        "updated_by": updated_by,
        "created_at": task.created_at,
        "updated_at": updated_at,
        "responsible_user_id": task.responsible_user_id,
        "group_id": 0,
        "entity_id": task.lead_id,
        "entity_type": "leads",
        "duration": 0,
        "is_completed": task.closed.is_some(),
        "task_type_id": task.task_type_id,
        "text": super::texts::shown(&task.text),
        "result": [],
        "complete_till": task.complete_till,
        "account_id": state.account.id,
        "_links": link(request, &format!("/api/v4/tasks/{}", task.id)),
    })
}

impl FakeAmocrm {
    /// All tasks, oldest first.
    pub fn tasks(&self) -> Vec<StoredTask> {
        self.shared.state().book.tasks.clone()
    }

    /// A user makes a task of a lead, and closes it where `is_closed`; 0 is a robot.
    pub fn has_task_of(&self, lead_id: u64, user: u64, is_closed: bool) {
        self.set(|state| {
            let (id, now) = (state.book.next_id(), state.book.now());
            state.book.tasks.push(StoredTask {
                id,
                lead_id,
                text: "Позвонить".to_owned(),
                complete_till: now + 3600,
                task_type_id: 1,
                responsible_user_id: state.account.current_user,
                created_at: now,
                closed: is_closed.then_some((now, user)),
            });
        });
    }
}
