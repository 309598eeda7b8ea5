//! The open leads of a buyer who is known: which of them takes a further request.
//!
//! **Promise.** Only a lead that was read just now, is open, of the pipeline that new leads go to and young enough is ever chosen;
//! of several one that this bot has made, else any, and of those the newest. What a manager has merged is followed to what remains.

use serde_json::Value;

use super::api::Crm;
use super::error::CrmError;
use super::hal::{embedded, id};
use super::merges::Whereabouts;
use super::reader::is_closed;
use super::search::{main_contact, may_be_forbidden};
use super::text::unescaped;
use crate::lead::{Lead, LeadNumber};

/// The newest leads of a contact that are looked at.
const MAX_LEADS: usize = 10;

/// A lead in amoCRM, as far as a further request of its buyer may be put under it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Deal {
    /// Its id.
    pub lead_id: i64,
    /// Its main contact.
    pub contact_id: Option<i64>,
    /// It is won or lost.
    pub is_closed: bool,
    /// Its pipeline.
    pub pipeline_id: Option<i64>,
    /// When it was made, s UTC.
    pub created_at: Option<i64>,
    /// This bot has made it, as its title tells.
    pub is_ours: bool,
}

/// Which leads take further requests.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Taking {
    /// Those of this pipeline; `None` for any.
    pub pipeline_id: Option<i64>,
    /// Made then or later, s UTC.
    pub since: i64,
}

impl Deal {
    fn read(row: &Value) -> Option<Self> {
        let title = unescaped(row.get("name").and_then(Value::as_str).unwrap_or_default());
        let number = title.strip_prefix('#').and_then(|rest| rest.split_whitespace().next());
        Some(Self {
            lead_id: id(row.get("id"))?,
            contact_id: main_contact(row),
            is_closed: is_closed(row),
            pipeline_id: id(row.get("pipeline_id")),
            created_at: row.get("created_at").and_then(Value::as_i64),
            is_ours: number.and_then(LeadNumber::parse).is_some(),
        })
    }

    /// Whether a further request may be put under it.
    pub fn takes(&self, taking: &Taking) -> bool {
        let is_there = taking.pipeline_id.is_none_or(|pipeline| self.pipeline_id == Some(pipeline));
        !self.is_closed && is_there && self.created_at.is_some_and(|at| at >= taking.since)
    }
}

/// Of several leads the one that takes a further request.
pub fn chosen<'a>(deals: &'a [Deal], taking: &Taking) -> Option<&'a Deal> {
    deals.iter().filter(|deal| deal.takes(taking)).max_by_key(|deal| (deal.is_ours, deal.created_at, deal.lead_id))
}

impl Crm {
    /// A lead as it is now; `None` where it is deleted, merged into another or hidden.
    pub async fn deal(&self, lead_id: i64) -> Result<Option<Deal>, CrmError> {
        Ok(may_be_forbidden(self.living_row(lead_id).await)?.flatten().as_ref().and_then(Deal::read))
    }

    /// What remains of a lead that is not where it was, where it was merged into another; `lead` is what it was made of.
    pub async fn deal_after_merge(&self, lead_id: i64, lead: &Lead) -> Result<Option<Deal>, CrmError> {
        match self.whereabouts(lead_id, lead, lead.submitted_at).await? {
            Whereabouts::MergedInto(found) => self.deal(found.lead_id).await,
            Whereabouts::There | Whereabouts::Gone => Ok(None),
        }
    }

    /// The newest leads of a contact, as they are now.
    pub async fn deals_of_contact(&self, contact_id: i64) -> Result<Vec<Deal>, CrmError> {
        let contact = self.get(&format!("/api/v4/contacts/{contact_id}"), &[("with", "leads".into())]).await;
        let Some(contact) = may_be_forbidden(contact)?.filter(|row| id(row.get("id")) == Some(contact_id)) else {
            return Ok(Vec::new());
        };
        let mut lead_ids: Vec<i64> = embedded(&contact, "leads").iter().filter_map(|lead| id(lead.get("id"))).collect();
        lead_ids.sort_unstable_by_key(|lead_id| std::cmp::Reverse(*lead_id));
        lead_ids.dedup();
        let mut deals = Vec::new();
        for lead_id in lead_ids.into_iter().take(MAX_LEADS) {
            deals.extend(self.deal(lead_id).await?);
        }
        Ok(deals)
    }

    /// The pipeline that new leads go to; `None` where nobody can tell.
    pub async fn pipeline_of_new_leads(&self) -> Result<Option<i64>, CrmError> {
        let settings = self.settings();
        if settings.pipeline_id.is_some() {
            return Ok(settings.pipeline_id);
        }
        let pipelines = may_be_forbidden(self.pipelines().await)?.unwrap_or_default();
        // A stage is of one pipeline, but for the two in which leads are over.
        let of_stage = settings.status_id.and_then(|status| {
            let has_it = |statuses: &[(i64, String)]| statuses.iter().any(|(id, _)| *id == status);
            let mut with_it = pipelines.iter().filter(|pipeline| has_it(&pipeline.statuses));
            with_it.next().filter(|_| with_it.next().is_none())
        });
        Ok(of_stage.or_else(|| pipelines.iter().find(|pipeline| pipeline.is_main)).map(|pipeline| pipeline.id))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    /// Two hours old, of pipeline 101, open.
    fn deal(lead_id: i64, change: impl Fn(&mut Value)) -> Deal {
        let mut row = json!({
            "id": lead_id, "name": "Trade-in", "pipeline_id": 101, "status_id": 202, "created_at": 1_000_000 + lead_id,
            "_embedded": {"contacts": [{"id": 9, "is_main": true}]},
        });
        change(&mut row);
        Deal::read(&row).expect("a lead")
    }

    #[test]
    fn a_request_goes_under_an_open_young_lead_of_the_pipeline_best_one_of_ours_best_the_newest() {
        let taking = Taking { pipeline_id: Some(101), since: 1_000_000 };
        let plain = |id| deal(id, |_| {});
        let ours = |id| deal(id, |row| row["name"] = "#K7M2QXA Заявка: Иван".into());
        let with = |id, key: &'static str, value: Value| deal(id, move |row| row[key] = value.clone());
        for (what, deals, expected) in [
            ("nothing", vec![], None),
            ("one", vec![plain(1)], Some(1)),
            ("won", vec![with(1, "status_id", json!(142))], None),
            ("lost", vec![with(1, "status_id", json!(143))], None),
            ("its stage was removed", vec![with(1, "status_id", Value::Null)], Some(1)),
            ("another pipeline", vec![with(1, "pipeline_id", json!(102))], None),
            ("no pipeline", vec![with(1, "pipeline_id", Value::Null)], None),
            ("too old", vec![with(1, "created_at", json!(999_999))], None),
            ("just young enough", vec![with(1, "created_at", json!(1_000_000))], Some(1)),
            ("nobody knows how old", vec![with(1, "created_at", Value::Null)], None),
            ("two", vec![plain(1), plain(2)], Some(2)),
            ("in any order", vec![plain(2), plain(1)], Some(2)),
            ("ours first", vec![ours(1), plain(2)], Some(1)),
            ("of ours the newest", vec![ours(1), ours(2), plain(3)], Some(2)),
            (
                "ours is closed",
                vec![
                    ours(1),
                    plain(3),
                    deal(4, |row| {
                        row["name"] = "#K7M2QXA Заявка: Иван".into();
                        row["status_id"] = 142.into();
                    }),
                ],
                Some(1),
            ),
            (
                "a number that somebody has written is none of ours",
                vec![with(1, "name", json!("звонить #K7M2QXA")), plain(2)],
                Some(2),
            ),
            ("the younger of two ids", vec![with(1, "created_at", json!(1_500_000)), plain(2)], Some(1)),
        ] {
            assert_eq!(chosen(&deals, &taking).map(|deal| deal.lead_id), expected, "{what}");
        }
        let any = Taking { pipeline_id: None, ..taking };
        assert_eq!(chosen(&[with(1, "pipeline_id", json!(102))], &any).map(|deal| deal.lead_id), Some(1));
    }
}
