//! Where buyers come from, and how many of those who come send a request.

use std::{collections::BTreeMap, ops::Range};

use serde_json::Value;
use sqlx::AssertSqlSafe;

use crate::{
    clock::Millis,
    form::stored::SENT_UNFINISHED,
    lead::{LeadSource, SourceCode, Sources},
};

use super::{Dialogues, Leads, StoreError, rows};

/// What came of one source.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SourceFigures {
    /// Its code, [`LeadSource::OTHER`] or [`LeadSource::NONE`].
    pub label: String,
    /// As managers read it, where the dealer has described it.
    pub name: Option<String>,
    /// Requests that were sent.
    pub requests: u64,
    /// How many of them amoCRM has.
    pub delivered: u64,
    /// Forms that are open, by the step where they stand, and under `idle` those who came and have none.
    pub left: BTreeMap<String, u64>,
}

impl SourceFigures {
    /// Everybody who came.
    pub fn came(&self) -> u64 {
        self.requests + self.left.values().sum::<u64>()
    }

    /// Of a hundred who came so many have sent a request; nothing where nobody came.
    pub fn percent(&self) -> Option<u64> {
        (self.requests * 100).checked_div(self.came())
    }
}

/// Where a dialogue stands that has no form.
const IDLE: &str = "idle";

impl Leads {
    /// What came of each source within a time: of those that are described, as the dealer has put them, and of all others where
    /// anybody came.
    pub async fn source_figures(
        &self,
        sources: &Sources,
        within: Range<Millis>,
    ) -> Result<Vec<SourceFigures>, StoreError> {
        let described = sources.all().iter().map(|source| (source.label().to_owned(), source.name.clone()));
        let others = [LeadSource::OTHER, LeadSource::NONE].map(|label| (label.to_owned(), None));
        let mut figures: Vec<SourceFigures> = described
            .chain(others)
            .map(|(label, name)| SourceFigures { label, name, ..SourceFigures::default() })
            .collect();
        let mut counted = |label: &str, count: &mut dyn FnMut(&mut SourceFigures)| {
            // A source that is described no longer is one of the others.
            let at = figures.iter().position(|one| one.label == label).unwrap_or(sources.all().len());
            count(&mut figures[at]);
        };
        for (label, requests, delivered) in self.by_source(within.clone()).await? {
            counted(label.as_deref().unwrap_or(LeadSource::NONE), &mut |figures| {
                figures.requests += requests;
                figures.delivered += delivered;
            });
        }
        for (code, step) in self.dialogues().without_request(within).await? {
            counted(sources.label(code.as_ref()), &mut |figures| *figures.left.entry(step.clone()).or_default() += 1);
        }
        figures.retain(|one| one.name.is_some() || one.came() > 0);
        Ok(figures)
    }
}

impl Leads {
    /// How many requests were sent within a time, and how many of them amoCRM has, by what their sources are counted as.
    async fn by_source(&self, within: Range<Millis>) -> Result<Vec<(Option<String>, u64, u64)>, StoreError> {
        let sql = format!(
            "SELECT {}, COUNT(*), COUNT(CASE WHEN state = 'delivered' THEN 1 END) FROM leads WHERE submitted_at >= $1 \
             AND submitted_at < $2 GROUP BY source",
            rows::bytes(self.engine, "source")
        );
        let found = sqlx::query(AssertSqlSafe(sql)).bind(within.start).bind(within.end).fetch_all(&self.pool).await?;
        let count = |row, at| rows::number(row, at).and_then(|count| u64::try_from(count).ok()).unwrap_or(0);
        Ok(found.iter().map(|row| (rows::lossy(row, 0), count(row, 1), count(row, 2))).collect())
    }
}

impl Dialogues {
    /// Chats that were last at it within a time and have an open form, or have come by a link and sent nothing: the code of the link
    /// and where they stand.
    async fn without_request(&self, within: Range<Millis>) -> Result<Vec<(Option<SourceCode>, String)>, StoreError> {
        let text = |column| rows::bytes(self.engine, column);
        let sql = format!(
            "SELECT {}, {} FROM dialogues WHERE update_at >= $1 AND update_at < $2",
            text("step"),
            text("draft")
        );
        let found = sqlx::query(AssertSqlSafe(sql)).bind(within.start).bind(within.end).fetch_all(&self.pool).await?;
        let standing = found.iter().filter_map(|row| {
            let step = rows::lossy(row, 0)?;
            let document: Value = serde_json::from_str(&rows::lossy(row, 1)?).ok()?;
            // What is counted as a request is not open besides.
            if document["draft"][SENT_UNFINISHED] == true {
                return None;
            }
            let code = document["source"].as_str().and_then(SourceCode::parse);
            (step != IDLE || code.is_some()).then_some((code, step))
        });
        Ok(standing.collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn conversion_is_of_all_who_came() {
        let left = |count| BTreeMap::from([("phone".to_owned(), count), (IDLE.to_owned(), 1)]);
        for (requests, left, came, percent) in [
            (0, BTreeMap::new(), 0, None),
            (3, BTreeMap::new(), 3, Some(100)),
            (1, left(1), 3, Some(33)),
            (0, left(4), 5, Some(0)),
        ] {
            let figures = SourceFigures { requests, left, ..SourceFigures::default() };
            assert_eq!((figures.came(), figures.percent()), (came, percent));
        }
    }
}
