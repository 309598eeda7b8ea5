//! The drive: files come in parts, in sessions; a note attaches them. As documented (files API, July 2025), stricter where that
//! is silent: an address takes one part and no second one, and a session that is not finished is no file.

use serde_json::{Value, json};

use super::FakeAmocrm;
use super::api::Outcome;
use super::lists::{self, link};
use super::request::Request;
use super::server::State;
use super::wire::{Answer, hex};
use crate::fakes::amocrm::account::Entity;

/// A file in the drive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredFile {
    /// Its id.
    pub uuid: String,
    /// The id of its one version.
    pub version_uuid: String,
    /// As it was named when the session was opened.
    pub name: String,
    /// Its MIME type, if one was named.
    pub content_type: Option<String>,
    /// Its content.
    pub bytes: Vec<u8>,
    created_at: i64,
}

/// A file that is attached to a lead.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attachment {
    /// The lead.
    pub lead_id: u64,
    /// As the note names it.
    pub name: String,
    /// The content of the file that the note means.
    pub bytes: Vec<u8>,
}

struct Session {
    id: u64,
    /// The next part's address ends so; none once the file is there.
    token: Option<String>,
    name: String,
    size: usize,
    content_type: Option<String>,
    received: Vec<u8>,
}

/// What the drive keeps.
pub(super) struct Drive {
    /// Whether the integration has the right to files.
    allowed: bool,
    /// Whether the account names a drive.
    named: bool,
    /// Whether a search shows anything.
    searchable: bool,
    max_part_size: usize,
    sessions: Vec<Session>,
    pub(super) files: Vec<StoredFile>,
}

impl Default for Drive {
    fn default() -> Self {
        let (sessions, files) = (Vec::new(), Vec::new());
        Self { allowed: true, named: true, searchable: true, max_part_size: 524_288, sessions, files }
    }
}

impl Drive {
    /// What the account answers with `with=drive_url`.
    pub(super) fn url(&self, base: &str) -> Value {
        if self.named { json!(base) } else { Value::Null }
    }
}

impl FakeAmocrm {
    /// Whether the integration has the right to files; at first it has.
    pub fn allows_files(&self, allowed: bool) {
        self.set(|state| state.drive.allowed = allowed);
    }

    /// Whether the account names a drive; at first it does.
    pub fn has_drive(&self, named: bool) {
        self.set(|state| state.drive.named = named);
    }

    /// Whether files can be searched for; at first they can.
    pub fn searches_files(&self, searchable: bool) {
        self.set(|state| state.drive.searchable = searchable);
    }

    /// The largest part of a file, in bytes; 524,288 at first.
    pub fn part_size(&self, bytes: usize) {
        self.set(|state| state.drive.max_part_size = bytes);
    }

    /// Every session that is not finished is over, as after a day.
    pub fn ends_upload_sessions(&self) {
        self.set(|state| state.drive.sessions.clear());
    }

    /// The files in the drive, oldest first, attached or not.
    pub fn drive_files(&self) -> Vec<StoredFile> {
        self.shared.state().drive.files.clone()
    }

    /// The files attached to leads, in the order of their notes.
    pub fn attachments(&self) -> Vec<Attachment> {
        let state = self.shared.state();
        let notes = state.book.notes.iter();
        let attached = notes.filter(|note| note.entity == Entity::Leads && note.note_type == "attachment");
        let file = |uuid: &Value| state.drive.files.iter().find(|file| *uuid == file.uuid);
        attached
            .map(|note| Attachment {
                lead_id: note.entity_id,
                name: note.params["file_name"].as_str().unwrap_or_default().to_owned(),
                bytes: file(&note.params["file_uuid"]).map(|file| file.bytes.clone()).unwrap_or_default(),
            })
            .collect()
    }
}

/// Answers a request to the drive, whose token is taken.
pub(super) fn route(state: &mut State, request: &Request, method: &str, path: &[&str]) -> Outcome {
    if !state.drive.allowed {
        return Err(Answer::problem(403));
    }
    match (method, path) {
        ("POST", ["sessions"]) => open_session(state, request),
        ("POST", ["sessions", "upload", token]) => take_part(state, request, token),
        ("GET", ["files"]) => Ok(files(state, request)),
        (_, ["sessions" | "files"] | ["sessions", "upload", _]) => Err(Answer::problem(405)),
        _ => Err(Answer::problem(404)),
    }
}

fn open_session(state: &mut State, request: &Request) -> Outcome {
    let wrong = |detail: &str| Answer::problem_with(400, detail, json!({}));
    if !request.says_json() {
        return Err(Answer::problem(415));
    }
    let body =
        request.json.as_ref().and_then(Value::as_object).ok_or_else(|| wrong("Request data can not be empty"))?;
    if let Some(key) = body.keys().find(|key| !["file_name", "file_size", "content_type"].contains(&key.as_str())) {
        return Err(wrong(&format!("{key} is not known")));
    }
    let name = body.get("file_name").and_then(Value::as_str).filter(|name| !name.is_empty() && name.len() <= 1024);
    let name = name.ok_or_else(|| wrong("file_name is wrong"))?.to_owned();
    let size = body.get("file_size").and_then(Value::as_u64).filter(|size| (1..=314_572_800).contains(size));
    let size = usize::try_from(size.ok_or_else(|| wrong("file_size is wrong"))?).expect("it is small");
    let content_type = body.get("content_type").and_then(Value::as_str).map(str::to_owned);
    let (id, token) = (state.book.next_id(), hex(32));
    let session =
        Session { id, token: Some(token.clone()), name, size, content_type, received: Vec::with_capacity(size) };
    state.drive.sessions.push(session);
    Ok(Answer::json(&json!({
        "max_file_size": 314_572_800,
        "max_part_size": state.drive.max_part_size,
        "session_id": id,
        "upload_url": address(request, &token),
    })))
}

fn address(request: &Request, token: &str) -> String {
    format!("{}/v1.0/sessions/upload/{token}", request.base)
}

fn take_part(state: &mut State, request: &Request, token: &str) -> Outcome {
    let now = state.book.now();
    let user = state.account.current_user;
    let max = state.drive.max_part_size;
    let mut sessions = state.drive.sessions.iter_mut();
    let Some(session) = sessions.find(|session| session.token.as_deref() == Some(token)) else {
        return Err(Answer::problem_with(404, "Session not found", json!({})));
    };
    let part = &request.bytes;
    if part.is_empty() || session.received.len() + part.len() > session.size {
        return Err(Answer::problem_with(400, "Wrong part size", json!({})));
    }
    if part.len() > max {
        return Err(Answer::problem(413));
    }
    session.received.extend_from_slice(part);
    if session.received.len() < session.size {
        let next = hex(32);
        let answer = json!({ "session_id": session.id, "next_url": address(request, &next) });
        session.token = Some(next);
        return Ok(Answer { status: 202, ..Answer::json(&answer) });
    }
    session.token = None;
    let file = StoredFile {
        uuid: uuid(),
        version_uuid: uuid(),
        name: session.name.clone(),
        content_type: session.content_type.clone(),
        bytes: std::mem::take(&mut session.received),
        created_at: now,
    };
    let mut answer = row(request, &file, user);
    answer["session_id"] = json!(session.id);
    state.drive.files.push(file);
    Ok(Answer::json(&answer))
}

fn uuid() -> String {
    format!("{}-{}-4{}-a{}-{}", hex(8), hex(4), hex(3), hex(3), hex(12))
}

fn row(request: &Request, file: &StoredFile, user: u64) -> Value {
    let by = json!({ "type": "internal", "id": user });
    json!({
        "uuid": file.uuid,
        "version_uuid": file.version_uuid,
        "type": "file",
        "name": file.name,
        "sanitized_name": file.name,
        "size": file.bytes.len(),
        "source_id": null,
        "has_multiple_versions": false,
        "is_trashed": false,
        "created_at": file.created_at,
        "created_by": by,
        "updated_at": file.created_at,
        "updated_by": by,
        "deleted_at": null,
        "deleted_by": null,
        "metadata": { "mime_type": file.content_type },
        "previews": null,
        "_links": link(request, &format!("/v1.0/files/{}", file.uuid)),
    })
}

/// The list of files, whose filters always work.
fn files(state: &State, request: &Request) -> Answer {
    let (term, name) = (request.param("filter[term]"), request.param("filter[name]"));
    let user = state.account.current_user;
    let found = state.drive.files.iter().rev().filter(|file| {
        state.drive.searchable
            && term.is_none_or(|term| file.name.contains(term))
            && name.is_none_or(|name| file.name == name)
    });
    let rows = found.map(|file| row(request, file, user)).collect();
    lists::paged(request, "files", rows, &[], 250)
}
