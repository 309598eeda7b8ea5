//! The drive, where amoCRM keeps files: a server of its own, with the account's token.
//!
//! **What is known** (documentation, clients of others). `GET /account?with=drive_url` names the drive. A session is opened
//! with the file's name and size; its parts go one after the other to the address that the session, and then each part,
//! is answered with (202), and the last one is answered with the file's uuids. A session lives for a day at most. A file in
//! the drive is nobody's until a note of type `attachment` names it. A name has no key: two uploads are two files. Without
//! the right "access to files" the drive answers 403; some clients report a 401.
//!
//! **Promise.** Token and file go to amoCRM's own hosts only. What of the drive fails while the account takes the token is
//! [`CrmError::Forbidden`], so nothing that the drive says costs the leads their token; its 429 does not hold the leads up.

use std::time::Duration;

use reqwest::{Method, Url};
use serde_json::{Value, json};

use super::api::{Crm, Inner, match_rows, send_failed, unclear, unreadable};
use super::classify::{Kind, Outcome, classify};
use super::error::CrmError;
use super::hal::{embedded, id, is_last_page, listed};
use super::transport::{Answer, Part, Request, SendError};
use crate::lead::{has_file_key, one_line};
use crate::store::DriveFile;

/// A part may take so long, on a slow line.
const PART_TIMEOUT: Duration = Duration::from_secs(60);
/// The drive's own limit as documented, where it names none that can be used.
const PART_SIZE: usize = 524_288;
/// Rows of a page, and pages that are read.
const PAGE: usize = 250;
const MOST_PAGES: usize = 20;
/// Rows of a page of the drive's list.
const DRIVE_PAGE: usize = 50;

/// A file about to be uploaded.
#[derive(Debug, Clone, Copy)]
pub struct NewFile<'a> {
    /// With a key of its own at its beginning.
    pub name: &'a str,
    /// Its MIME type.
    pub content_type: &'a str,
    /// All of it.
    pub bytes: &'a [u8],
}

/// The drive of an account.
#[derive(Debug, Clone)]
pub struct Drive {
    crm: Crm,
    base: Url,
}

impl Crm {
    /// The account's drive; [`CrmError::Forbidden`] where it has none that can be used.
    pub async fn drive(&self) -> Result<Drive, CrmError> {
        let body = self.get("/api/v4/account", &[("with", "drive_url".to_owned())]).await?;
        if id(body.get("id")).is_none() {
            return Err(unreadable("account"));
        }
        let base = body.get("drive_url").and_then(Value::as_str).and_then(|url| Url::parse(url).ok());
        match base.filter(|base| self.inner.address.may_keep_files(base)) {
            Some(base) => Ok(Drive { crm: self.clone(), base }),
            None => Err(forbidden("the account names no file storage".into())),
        }
    }

    /// Whether a file whose name begins with this key is attached to a lead; amoCRM's id of its note.
    pub async fn find_attachment(&self, lead_id: i64, key: &str) -> Result<Option<i64>, CrmError> {
        for page in 1..=MOST_PAGES {
            let query = [
                ("filter[note_type]", "attachment".to_owned()),
                ("limit", PAGE.to_string()),
                ("page", page.to_string()),
            ];
            let answer = self.get(&format!("/api/v4/leads/{lead_id}/notes"), &query).await?;
            let notes = listed(&answer, "notes")?;
            let ours = notes.iter().find(|note| {
                // A filter that is not known is passed over in silence.
                let is_attachment = note.get("note_type").and_then(Value::as_str) == Some("attachment");
                is_attachment && names_file(note.get("params").unwrap_or(&Value::Null), key)
            });
            if let Some(note) = ours {
                return id(note.get("id")).map(Some).ok_or_else(|| unreadable("notes"));
            }
            if is_last_page(&answer, notes.len(), PAGE) {
                break;
            }
        }
        Ok(None)
    }

    /// Attaches a file of the drive to a lead by a note; its id.
    pub async fn attach_file(&self, lead_id: i64, name: &str, file: &DriveFile) -> Result<i64, CrmError> {
        let ids = [name];
        let body = json!([{
            "entity_id": lead_id,
            "note_type": "attachment",
            "params": {"file_uuid": file.file_uuid, "version_uuid": file.version_uuid, "file_name": name},
            "request_id": name,
        }]);
        let answer = self.post("/api/v4/leads/notes", &body, &ids).await?;
        let rows = match_rows(embedded(&answer, "notes"), &ids);
        rows.first().copied().flatten().and_then(|row| id(row.get("id"))).ok_or_else(unclear)
    }
}

impl Drive {
    /// A file whose name begins with this key, of this size: the newest. A drive that cannot be searched has none.
    pub async fn find(&self, key: &str, size: usize) -> Result<Option<DriveFile>, CrmError> {
        let query = [("filter[term]", key.to_owned()), ("limit", DRIVE_PAGE.to_string())];
        let answer = match self.call(Kind::Read, Method::GET, "/v1.0/files", &query, None).await {
            Err(CrmError::NotFound { .. } | CrmError::Refused { .. }) => return Ok(None),
            answer => answer?,
        };
        let ours = |row: &&Value| {
            let is_named = row.get("name").and_then(Value::as_str).is_some_and(|name| has_file_key(name, key));
            let is_there = row.get("is_trashed").and_then(Value::as_bool) != Some(true);
            is_named && is_there && row.get("size").and_then(Value::as_u64) == Some(size as u64)
        };
        let found = embedded(&answer, "files").iter().filter(ours).max_by_key(|row| row["created_at"].as_i64());
        Ok(found.and_then(drive_file))
    }

    /// Uploads a file. [`CrmError::Ambiguous`] where the drive may have it.
    pub async fn upload(&self, file: NewFile<'_>) -> Result<DriveFile, CrmError> {
        let NewFile { name, content_type, bytes } = file;
        let body = json!({"file_name": name, "file_size": bytes.len(), "content_type": content_type});
        // A session that nobody uses is nothing.
        let session = match self.call(Kind::Read, Method::POST, "/v1.0/sessions", &[], Some(&body)).await {
            Err(CrmError::NotFound { detail, request_id }) => {
                return Err(CrmError::Forbidden { detail, request_id });
            }
            session => session?,
        };
        let part_size =
            session.get("max_part_size").and_then(Value::as_u64).and_then(|size| usize::try_from(size).ok());
        let part_size = part_size.filter(|size| *size > 0).unwrap_or(PART_SIZE);
        let mut next = self.address(session.get("upload_url"))?;
        let mut parts = bytes.chunks(part_size).peekable();
        while let Some(part) = parts.next() {
            let is_last = parts.peek().is_none();
            // Until the last part there is no file; a session that breaks is left for a new one.
            let kind = if is_last { Kind::Write } else { Kind::Read };
            let answer = self.send_part(kind, next.clone(), part).await?;
            if is_last {
                return drive_file(&answer).ok_or_else(unclear);
            }
            next = self.address(answer.get("next_url"))?;
        }
        Err(CrmError::Refused { detail: "the file is empty".into(), request_id: None })
    }

    /// An address that the drive has answered with.
    fn address(&self, url: Option<&Value>) -> Result<Url, CrmError> {
        let url = url.and_then(Value::as_str).and_then(|url| self.base.join(url).ok());
        url.filter(|url| self.crm.inner.address.may_keep_files(url)).ok_or_else(|| unreadable("upload"))
    }

    async fn send_part(&self, kind: Kind, url: Url, bytes: &[u8]) -> Result<Value, CrmError> {
        let Inner { transport, tokens, .. } = &*self.crm.inner;
        let send = async || {
            let token = tokens.access().await.map_err(CrmError::no_access)?;
            let part = Part { url: url.clone(), bearer: &token.token, bytes, timeout: PART_TIMEOUT };
            Ok(transport.send_part(part).await)
        };
        match self.taken(kind, send).await {
            // The session is over, or was never one: nothing of the file is there.
            Err(
                CrmError::NotFound { detail, request_id }
                | CrmError::WrongAddress { detail, request_id }
                | CrmError::Refused { detail, request_id },
            ) => Err(CrmError::Unavailable { cause: detail, request_id }),
            answer => answer,
        }
    }

    async fn call(
        &self,
        kind: Kind,
        method: Method,
        path: &str,
        query: &[(&str, String)],
        body: Option<&Value>,
    ) -> Result<Value, CrmError> {
        let Inner { transport, tokens, .. } = &*self.crm.inner;
        let send = async || {
            let token = tokens.access().await.map_err(CrmError::no_access)?;
            let request = Request {
                method: method.clone(),
                base: self.base.as_str(),
                path,
                query,
                bearer: Some(&token.token),
                refresh_token: None,
                body,
                timeout: transport.limits().request,
            };
            Ok(transport.send(request).await)
        };
        self.taken(kind, send).await
    }

    /// What an answer of the drive comes to. A 401 says nothing of the token unless the account refuses it too.
    async fn taken<F>(&self, kind: Kind, send: impl Fn() -> F) -> Result<Value, CrmError>
    where
        F: Future<Output = Result<Result<Answer, SendError>, CrmError>>,
    {
        let mut is_first = true;
        loop {
            let answer = send().await?.map_err(|error| send_failed(kind, error))?;
            return match classify(kind, &answer) {
                Outcome::Done(value) => Ok(value),
                Outcome::Unauthorized if std::mem::take(&mut is_first) => {
                    // Whoever asks the account gets a new token where this one has run out.
                    self.crm.account().await?;
                    continue;
                }
                Outcome::Unauthorized => Err(forbidden("the file storage does not take the token (401)".into())),
                Outcome::Failed(CrmError::Blocked) => {
                    self.crm.account().await?;
                    Err(forbidden("the file storage answers with a page (403)".into()))
                }
                Outcome::Failed(error) => Err(error),
            };
        }
    }
}

fn forbidden(detail: String) -> CrmError {
    CrmError::Forbidden { detail, request_id: None }
}

/// The uuids of a file in an answer of the drive.
fn drive_file(row: &Value) -> Option<DriveFile> {
    let uuid = |key: &str| {
        let uuid = one_line(row.get(key)?.as_str()?, 100);
        (!uuid.is_empty()).then_some(uuid)
    };
    Some(DriveFile { file_uuid: uuid("uuid")?, version_uuid: uuid("version_uuid")? })
}

/// Whether any text in the parameters of a note is the name of this file: under which key amoCRM shows it is not
/// documented.
fn names_file(params: &Value, key: &str) -> bool {
    match params {
        Value::String(text) => has_file_key(text, key),
        Value::Array(values) => values.iter().any(|value| names_file(value, key)),
        Value::Object(values) => values.values().any(|value| names_file(value, key)),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_known_by_its_key_wherever_the_note_names_it() {
        for (params, is) in [
            (json!({"file_name": "K7M2QXA-1.jpg"}), true),
            (json!({"file_name": "K7M2QXA-1 Договор.pdf", "file_uuid": "u"}), true),
            (json!({"original_name": "K7M2QXA-1.jpg", "text": null}), true),
            (json!({"attachments": [{"file_name": "K7M2QXA-1.jpg"}]}), true),
            (json!({"file_name": "K7M2QXA-10.jpg"}), false),
            (json!({"file_name": "photo.jpg"}), false),
            (json!({"text": "см. K7M2QXA-1.jpg"}), false),
            (json!(null), false),
        ] {
            assert_eq!(names_file(&params, "K7M2QXA-1"), is, "{params}");
        }
    }

    #[test]
    fn the_uuids_of_a_recorded_answer_are_read() {
        let row = json!({"uuid": "367b9f38-5f01", "version_uuid": "43de3be7-307b", "size": 7526, "name": "product"});
        let file = DriveFile { file_uuid: "367b9f38-5f01".into(), version_uuid: "43de3be7-307b".into() };
        assert_eq!(drive_file(&row), Some(file));
        for strange in [json!({"uuid": "a"}), json!({"uuid": 1, "version_uuid": 2}), json!(null), json!([])] {
            assert_eq!(drive_file(&strange), None, "{strange}");
        }
    }
}
