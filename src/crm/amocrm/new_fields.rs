//! What an account is looked at for when the bot is set up: fields of leads with their names, new ones, and its users.
//!
//! **Promise.** A field is made with a code, so whether it is there can always be looked up; nothing here repeats a write.

use serde_json::{Value, json};

use super::api::{Crm, unclear};
use super::error::CrmError;
use super::hal::{embedded, id};
use crate::lead::one_line;

/// No account has more than some hundreds of fields or users.
const MOST_PAGES: usize = 10;

/// A field of leads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LeadField {
    /// Its id.
    pub id: i64,
    /// Its name.
    pub name: String,
    /// Its code, where it has one.
    pub code: Option<String>,
    /// Its type, in amoCRM's word: `text`, `url`, `select`, …
    pub kind: String,
}

/// A field to be made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewField {
    /// Its name.
    pub name: String,
    /// By which it is found again.
    pub code: String,
    /// Its type, in amoCRM's word.
    pub kind: &'static str,
    /// What can be chosen, for a `select`.
    pub options: Vec<String>,
}

/// A user of the account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CrmUser {
    /// The id (`crm_user_id`).
    pub id: i64,
    /// The name.
    pub name: String,
}

impl Crm {
    /// The fields of leads.
    pub async fn fields_of_leads(&self) -> Result<Vec<LeadField>, CrmError> {
        let text = |row: &Value, key: &str| row.get(key).and_then(Value::as_str).map(|text| one_line(text, 200));
        let field = |row: &Value| {
            let name = text(row, "name").unwrap_or_default();
            Some(LeadField { id: id(row.get("id"))?, name, code: text(row, "code"), kind: text(row, "type")? })
        };
        self.rows("/api/v4/leads/custom_fields", "custom_fields", &[], MOST_PAGES, field).await
    }

    /// Makes a field of leads; returns its id. Administrators may: for all others it is [`CrmError::Forbidden`].
    pub async fn create_field_of_leads(&self, field: &NewField) -> Result<i64, CrmError> {
        let mut body = json!({
            "name": field.name, "code": field.code, "type": field.kind, "request_id": field.code,
        });
        if !field.options.is_empty() {
            let option = |(at, value): (usize, &String)| json!({"value": value, "sort": (at + 1) * 10});
            body["enums"] = field.options.iter().enumerate().map(option).collect();
        }
        let answer = self.post("/api/v4/leads/custom_fields", &json!([body]), &[&field.code]).await?;
        embedded(&answer, "custom_fields").first().and_then(|row| id(row.get("id"))).ok_or_else(unclear)
    }

    /// The account's active users; `None` where they may not be listed, as through an external integration.
    pub async fn users(&self) -> Result<Option<Vec<CrmUser>>, CrmError> {
        let user = |row: &Value| {
            let is_active = row["rights"]["is_active"].as_bool() != Some(false);
            let name = row.get("name").and_then(Value::as_str).map(|name| one_line(name, 60))?;
            id(row.get("id")).filter(|_| is_active).map(|id| CrmUser { id, name })
        };
        match self.rows("/api/v4/users", "users", &[], MOST_PAGES, user).await {
            Ok(users) => Ok(Some(users)),
            Err(CrmError::Forbidden { .. } | CrmError::NotFound { .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }
}
