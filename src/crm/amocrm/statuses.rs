//! Where leads stand: asked by their ids, by events, or by the newest changes, on every tariff and without a webhook.
//!
//! **Promise.** A filter is only asked for: amoCRM ignores filters that are not switched on for the account and answers with
//! the whole collection, so what comes back is compared with what was wanted, and nothing is concluded from what a filter has
//! left out but that it has to be looked at by itself.

use chrono::{DateTime, Utc};
use serde_json::Value;

use super::api::Crm;
use super::error::CrmError;
use super::hal::{embedded, id, is_last_page, listed};
use super::search::{CLOCK_MARGIN, EVENTS_PAGE, may_be_forbidden};
use crate::lead::{CrmStatus, StageOrder};

/// amoCRM gives at most 250 leads on a page (amocrm.ru/developers, «Сделки»).
pub const MOST_BY_IDS: usize = 250;

/// The most pages of changed leads, and of events, that are read at once.
const MOST_PAGES: usize = 8;

/// The event of a lead that was moved to another stage.
const MOVED: &str = "lead_status_changed";

/// A lead as a list of amoCRM shows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SeenLead {
    /// Its id in amoCRM.
    pub lead_id: i64,
    /// Where it stands; `None` where its stage was removed.
    pub at: Option<CrmStatus>,
    /// When it was made, in seconds since 1970.
    pub created_at: Option<i64>,
    /// When it was last changed, in seconds since 1970.
    pub updated_at: Option<i64>,
    /// It is in the trash.
    pub is_deleted: bool,
}

impl SeenLead {
    /// Reads a row; `None` for what is no lead.
    pub fn read(row: &Value) -> Option<Self> {
        let number = |key: &str| row.get(key).and_then(Value::as_i64);
        let at = id(row.get("pipeline_id")).zip(id(row.get("status_id")));
        Some(Self {
            lead_id: id(row.get("id"))?,
            at: at.map(|(pipeline_id, status_id)| CrmStatus { pipeline_id, status_id }),
            created_at: number("created_at"),
            updated_at: number("updated_at"),
            is_deleted: row.get("is_deleted").and_then(Value::as_bool) == Some(true),
        })
    }
}

/// That a lead was moved to another stage.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Move {
    /// amoCRM's id of the event.
    pub event_id: String,
    /// amoCRM's id of the lead.
    pub lead_id: i64,
    /// When, s UTC.
    pub at: Option<i64>,
}

/// What has changed since some time, as far as it was read.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Changes<T> {
    /// What was seen.
    pub seen: Vec<T>,
    /// Whether it is all of it: none was left out for there being too many.
    pub is_all: bool,
}

impl Crm {
    /// Whether filters of lists are switched on for the account; `None` where it does not say.
    pub async fn are_filters_on(&self) -> Result<Option<bool>, CrmError> {
        let account = self.get("/api/v4/account", &[("with", "is_api_filter_enabled".into())]).await?;
        Ok(account.get("is_api_filter_enabled").and_then(Value::as_bool))
    }

    /// Leads by their ids, at most [`MOST_BY_IDS`]; those that are trashed, merged away or hidden are not among them. `None`
    /// where amoCRM has not looked at the ids.
    pub async fn leads_by_ids(&self, lead_ids: &[i64]) -> Result<Option<Vec<SeenLead>>, CrmError> {
        debug_assert!(lead_ids.len() <= MOST_BY_IDS, "amoCRM gives {MOST_BY_IDS} leads at most");
        let ids = lead_ids.iter().map(|id| ("filter[id][]", id.to_string()));
        let query: Vec<_> = ids.chain([("limit", MOST_BY_IDS.to_string())]).collect();
        let answer = self.get("/api/v4/leads", &query).await?;
        let rows = listed(&answer, "leads")?;
        let seen: Vec<SeenLead> = rows.iter().filter_map(SeenLead::read).collect();
        let all_were_wanted = seen.iter().all(|seen| lead_ids.contains(&seen.lead_id));
        Ok((all_were_wanted && is_last_page(&answer, rows.len(), MOST_BY_IDS + 1)).then_some(seen))
    }

    /// The moves of leads since then, as the events tell; `None` where the user behind the token may not see them.
    pub async fn moved_since(&self, since: DateTime<Utc>) -> Result<Option<Changes<Move>>, CrmError> {
        let mut changes = Changes { seen: Vec::new(), is_all: false };
        for page in 1..=MOST_PAGES {
            let query = [
                ("filter[type][]", MOVED.to_owned()),
                ("filter[entity]", "lead".into()),
                ("filter[created_at][from]", since.timestamp().to_string()),
                ("filter[created_at][to]", (self.now() + CLOCK_MARGIN).timestamp().to_string()),
                ("limit", EVENTS_PAGE.to_string()),
                ("page", page.to_string()),
            ];
            let Some(answer) = may_be_forbidden(self.get("/api/v4/events", &query).await)? else { return Ok(None) };
            let events = listed(&answer, "events")?;
            changes.seen.extend(events.iter().filter_map(moved_lead));
            if is_last_page(&answer, events.len(), EVENTS_PAGE) {
                changes.is_all = true;
                break;
            }
        }
        Ok(Some(changes))
    }

    /// Leads that were changed since, from the newest change on.
    pub async fn changed_since(&self, since: DateTime<Utc>) -> Result<Changes<SeenLead>, CrmError> {
        let mut changes = Changes { seen: Vec::new(), is_all: false };
        for page in 1..=MOST_PAGES {
            let query = [
                ("order[updated_at]", "desc".to_owned()),
                ("limit", MOST_BY_IDS.to_string()),
                ("page", page.to_string()),
            ];
            let answer = self.get("/api/v4/leads", &query).await?;
            let rows = listed(&answer, "leads")?;
            changes.seen.extend(rows.iter().filter_map(SeenLead::read));
            // The order is believed only where it shows: unknown ones are ignored.
            let times: Vec<i64> = rows.iter().filter_map(|row| row.get("updated_at")?.as_i64()).collect();
            let ordered = times.len() == rows.len() && times.is_sorted_by(|a, b| a >= b);
            let reached = ordered && times.last().is_none_or(|time| *time < since.timestamp());
            if reached || is_last_page(&answer, rows.len(), MOST_BY_IDS) {
                changes.is_all = true;
                break;
            }
        }
        Ok(changes)
    }

    /// One lead; `None` where it is trashed or merged into another. One that is hidden is [`CrmError::Forbidden`].
    pub async fn seen_lead(&self, lead_id: i64) -> Result<Option<SeenLead>, CrmError> {
        Ok(self.living_row(lead_id).await?.as_ref().and_then(SeenLead::read))
    }

    /// The stages of all pipelines, archived ones included, in their order.
    pub async fn stage_order(&self) -> Result<StageOrder, CrmError> {
        let body = self.get("/api/v4/leads/pipelines", &[]).await?;
        Ok(stage_order(listed(&body, "pipelines")?))
    }
}

/// Reads an event, if it is one of a move.
fn moved_lead(event: &Value) -> Option<Move> {
    let text = |key: &str| event.get(key).and_then(Value::as_str);
    let is_move = text("type") == Some(MOVED) && matches!(text("entity_type"), Some("lead" | "leads"));
    let lead_id = id(event.get("entity_id")).filter(|_| is_move)?;
    let at = event.get("created_at").and_then(Value::as_i64);
    Some(Move { event_id: text("id")?.to_owned(), lead_id, at })
}

fn stage_order(pipelines: &[Value]) -> StageOrder {
    let number = |value: &Value, key: &str| value.get(key).and_then(Value::as_i64);
    let stages = pipelines.iter().flat_map(|pipeline| {
        let pipeline_id = id(pipeline.get("id"));
        embedded(pipeline, "statuses").iter().enumerate().filter_map(move |(at, stage)| {
            let status = CrmStatus { pipeline_id: pipeline_id?, status_id: id(stage.get("id"))? };
            let sort = number(stage, "sort").unwrap_or_else(|| i64::try_from(at).unwrap_or(i64::MAX));
            Some((status, sort, number(stage, "type") == Some(1)))
        })
    });
    let is_main = |pipeline: &&Value| pipeline.get("is_main").and_then(Value::as_bool) == Some(true);
    StageOrder::new(stages, pipelines.iter().find(is_main).and_then(|pipeline| id(pipeline.get("id"))))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn at(pipeline_id: i64, status_id: i64) -> Option<CrmStatus> {
        Some(CrmStatus { pipeline_id, status_id })
    }

    #[test]
    fn a_row_says_where_its_lead_stands() {
        for (row, seen) in [
            (json!({"id": 5, "status_id": 142, "pipeline_id": 7, "is_deleted": false}), Some((at(7, 142), false))),
            (json!({"id": 5, "status_id": null, "pipeline_id": 7, "is_deleted": false}), Some((None, false))),
            (json!({"id": 5, "status_id": 0, "pipeline_id": 7}), Some((None, false))),
            // In the trash (recorded in July 2026).
            (
                json!({"id": 5, "is_deleted": true, "name": null, "price": null, "status_id": null, "updated_at": 1}),
                Some((None, true)),
            ),
            (json!({"id": null, "status_id": 142, "pipeline_id": 7}), None),
            (json!([]), None),
        ] {
            let read = SeenLead::read(&row);
            assert_eq!(read.map(|read| (read.at, read.is_deleted)), seen, "{row}");
        }
    }

    #[test]
    fn only_a_move_of_a_lead_counts_whatever_was_asked_for() {
        let event = |kind: &str, entity: &str| json!({"id": "01", "type": kind, "entity_type": entity, "entity_id": 5, "created_at": 9});
        let moved = Move { event_id: "01".into(), lead_id: 5, at: Some(9) };
        assert_eq!(moved_lead(&event("lead_status_changed", "lead")), Some(moved));
        for (kind, entity) in [("lead_added", "lead"), ("lead_status_changed", "contact"), ("", "lead")] {
            assert_eq!(moved_lead(&event(kind, entity)), None, "{kind} {entity}");
        }
        assert_eq!(moved_lead(&json!({"id": "01", "type": "lead_status_changed", "entity_type": "lead"})), None);
    }

    #[test]
    fn pipelines_are_in_the_order_of_their_stages() {
        let stage = |id: i64, sort: i64, kind: i64| json!({"id": id, "sort": sort, "type": kind});
        let stages = [stage(142, 10000, 0), stage(30, 30, 0), stage(10, 10, 1), stage(20, 20, 0), stage(143, 11000, 0)];
        let order = stage_order(&[
            json!({"id": 7, "is_main": false, "is_archive": true, "_embedded": {"statuses": stages}}),
            json!({"id": 8, "is_main": true, "_embedded": {"statuses": [stage(142, 10000, 0), stage(40, 20, 0)]}}),
        ]);
        let status = |pipeline_id, status_id| CrmStatus { pipeline_id, status_id };
        for (one, other, is_after) in [
            (status(7, 30), status(7, 20), Some(true)),
            (status(7, 20), status(7, 30), Some(false)),
            (status(7, 142), status(7, 30), Some(true)),
            (status(7, 143), status(7, 142), Some(true)),
            (status(8, 40), status(7, 20), None),
            (status(7, 99), status(7, 20), None),
        ] {
            assert_eq!(order.is_after(one, other), is_after, "{one:?} {other:?}");
        }
        assert_eq!((order.first_of(7), order.first_of(8), order.first_of(9)), (at(7, 20), at(8, 40), None));
        for (pipeline, stage, start) in [
            (None, None, at(8, 40)),
            (Some(7), None, at(7, 20)),
            (Some(7), Some(30), at(7, 30)),
            // What is gone from the account is as if it were not set.
            (Some(7), Some(99), at(7, 20)),
            (Some(9), Some(99), at(8, 40)),
        ] {
            assert_eq!(order.start(pipeline, stage), start, "{pipeline:?} {stage:?}");
        }
        assert!(order.has(None, 142) && order.has(Some(8), 40) && !order.has(Some(8), 30) && !order.has(None, 99));
    }
}
