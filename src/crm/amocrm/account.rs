//! The account behind the token, and what it is made of: pipelines with their statuses, and the fields of its leads.

use std::{
    collections::BTreeSet,
    sync::{Arc, PoisonError},
    time::Duration,
};

use serde_json::Value;
use tracing::warn;

use super::{
    api::{Crm, Inner, unreadable},
    error::CrmError,
    hal::{embedded, id},
    lead_fields::{self, Lacking, Listed},
};
use crate::{
    config::AmocrmSettings,
    lead::{Lead, Utm, one_line},
};

/// The account the token belongs to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Account {
    /// Its id.
    pub id: i64,
    /// Its name.
    pub name: String,
    /// Such as `acme`.
    pub subdomain: String,
    /// The user behind the token.
    pub current_user_id: Option<i64>,
}

/// A pipeline with its statuses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pipeline {
    /// Its id (`AMOCRM_PIPELINE_ID`).
    pub id: i64,
    /// Its name.
    pub name: String,
    /// Whether leads go here when no pipeline is named.
    pub is_main: bool,
    /// Its statuses: id (`AMOCRM_STATUS_ID`) and name, without the "unsorted" one, which takes no leads.
    pub statuses: Vec<(i64, String)>,
}

/// So often the account's fields are listed where the form names any, and so soon after a try that failed.
const LIST_EVERY: Duration = Duration::from_secs(3600);

const LIST_AGAIN: Duration = Duration::from_secs(300);

/// No account has more than some hundreds of fields.
const MOST_FIELD_PAGES: usize = 10;

/// Names that people gave things in amoCRM, for a line of a terminal or a message.
fn line(name: &str) -> String {
    one_line(name, 200)
}

impl Crm {
    /// Lists the account's fields where the form, a source or one of these leads names any and that was not done within the
    /// hour; what the account lacks of them. `None` where nothing new is known: leads are made all the same.
    pub async fn look_at_fields(&self, leads: impl Iterator<Item = &Lead> + Send) -> Option<Lacking> {
        let Inner { settings, in_force, clock, .. } = &*self.inner;
        let marks: BTreeSet<Utm> =
            leads.flat_map(|lead| &lead.source).flat_map(|source| source.utm.keys().copied()).collect();
        {
            let mut in_force = in_force.lock().unwrap_or_else(PoisonError::into_inner);
            let is_new = !marks.is_subset(&in_force.marks);
            in_force.marks.extend(marks);
            if settings.answer_fields.is_empty() && in_force.marks.is_empty() {
                return None;
            }
            if in_force.list_at > clock.now() {
                return is_new.then(|| lead_fields::lacking(&in_force.settings, &in_force.marks));
            }
            in_force.list_at = clock.now() + clock.millis(LIST_AGAIN);
        }
        let listed = match self.lead_fields().await {
            Ok(listed) => listed,
            Err(error) => {
                warn!(%error, "the account's fields cannot be listed; answers go into the note until they can");
                return None;
            }
        };
        let answer_fields = lead_fields::resolved(&settings.answer_fields, &listed);
        let utm_fields = lead_fields::resolved(&settings.utm_fields, &listed);
        let mut in_force = in_force.lock().unwrap_or_else(PoisonError::into_inner);
        in_force.list_at = clock.now() + clock.millis(LIST_EVERY);
        in_force.settings = Arc::new(AmocrmSettings { answer_fields, utm_fields, ..settings.clone() });
        Some(lead_fields::lacking(&in_force.settings, &in_force.marks))
    }

    async fn lead_fields(&self) -> Result<Vec<Listed>, CrmError> {
        self.rows("/api/v4/leads/custom_fields", "custom_fields", &[], MOST_FIELD_PAGES, Listed::read).await
    }

    /// The account; the cheapest way to try a token.
    pub async fn account(&self) -> Result<Account, CrmError> {
        let body = self.get("/api/v4/account", &[]).await?;
        let text = |key: &str| body.get(key).and_then(Value::as_str).map_or_else(String::new, line);
        let Some(account_id) = id(body.get("id")) else {
            return Err(unreadable("account"));
        };
        let current_user_id = id(body.get("current_user_id"));
        Ok(Account { id: account_id, name: text("name"), subdomain: text("subdomain"), current_user_id })
    }

    /// The account's pipelines with their statuses.
    pub async fn pipelines(&self) -> Result<Vec<Pipeline>, CrmError> {
        let body = self.get("/api/v4/leads/pipelines", &[]).await?;
        let name = |value: &Value| value.get("name").and_then(Value::as_str).map_or_else(String::new, line);
        let flag = |value: &Value, key: &str| value.get(key).and_then(Value::as_bool) == Some(true);
        let status = |status: &Value| {
            let unsorted = status.get("type").and_then(Value::as_i64) == Some(1);
            id(status.get("id")).filter(|_| !unsorted).map(|id| (id, name(status)))
        };
        let pipelines = embedded(&body, "pipelines").iter().filter(|pipeline| !flag(pipeline, "is_archive"));
        Ok(pipelines
            .filter_map(|pipeline| {
                Some(Pipeline {
                    id: id(pipeline.get("id"))?,
                    name: name(pipeline),
                    is_main: flag(pipeline, "is_main"),
                    statuses: embedded(pipeline, "statuses").iter().filter_map(status).collect(),
                })
            })
            .collect())
    }
}
