//! The steps of leads in a copy: what is not known to be in amoCRM may be there all the same by the time the copy is used,
//! so every step of an undelivered lead that is not done is one that may have been.

use std::collections::HashMap;

use sqlx::{AnyConnection, AssertSqlSafe};

use crate::clock::Millis;

use super::super::{
    Step, Store, StoreError,
    rows::{self, placeholders},
};

/// One row of `lead_steps`.
#[derive(Debug)]
struct CopiedStep {
    step: String,
    sent_at: Option<Millis>,
    lookups: i64,
    lookups_needed: i64,
    remote_id: Option<i64>,
    done_at: Option<Millis>,
}

/// The steps of some leads, by the ids of the leads.
#[derive(Debug, Default)]
pub(super) struct CopiedSteps(HashMap<String, Vec<CopiedStep>>);

impl Store {
    /// The steps of these leads as a copy is to have them.
    pub(super) async fn steps_for_a_copy(
        &self,
        columns: &[(&str, char)],
        leads: &[Vec<Option<String>>],
    ) -> Result<CopiedSteps, StoreError> {
        let mut steps = CopiedSteps::default();
        if leads.is_empty() {
            return Ok(steps);
        }
        let at = |name: &str| columns.iter().position(|(column, _)| *column == name).unwrap_or_default();
        let text = |row: &Vec<Option<String>>, name: &str| row[at(name)].clone().unwrap_or_default();
        let submitted_at = |row| text(row, "submitted_at").parse::<Millis>().unwrap_or(0);
        let known: HashMap<String, Millis> = leads.iter().map(|row| (text(row, "id"), submitted_at(row))).collect();
        let sql = format!(
            "SELECT {}, {}, {} FROM lead_steps WHERE lead_id IN ({})",
            rows::bytes(self.engine, "lead_id"),
            rows::bytes(self.engine, "step"),
            ["sent_at", "lookups", "lookups_needed", "remote_id", "done_at"]
                .map(|column| rows::numbers(self.engine, column))
                .join(", "),
            placeholders(1, leads.len())
        );
        let mut query = sqlx::query(AssertSqlSafe(sql));
        for row in leads {
            query = query.bind(text(row, "id"));
        }
        for row in query.fetch_all(&self.pool).await? {
            let lead = rows::lossy(&row, 0).unwrap_or_default();
            // A time that cannot be read is a time all the same.
            let moment = |at: usize| match rows::number(&row, at) {
                None if !rows::is_null(&row, at) => Some(known.get(&lead).copied().unwrap_or(0)),
                moment => moment,
            };
            let step = CopiedStep {
                step: rows::lossy(&row, 1).unwrap_or_default(),
                sent_at: moment(2),
                lookups: rows::number(&row, 3).unwrap_or(0),
                lookups_needed: rows::number(&row, 4).unwrap_or(0),
                remote_id: rows::number(&row, 5),
                done_at: moment(6),
            };
            steps.0.entry(lead).or_default().push(step);
        }
        for row in leads.iter().filter(|row| text(row, "state") != "delivered") {
            add_what_may_be_done(steps.0.entry(text(row, "id")).or_default(), submitted_at(row));
        }
        Ok(steps)
    }
}

/// Of a lead that is not delivered the original may do any step at any time.
fn add_what_may_be_done(steps: &mut Vec<CopiedStep>, since: Millis) {
    let has = |steps: &[CopiedStep], step: Step| steps.iter().any(|row| row.step == step.as_str());
    let lead_is_done = steps.iter().any(|row| row.step == Step::Lead.as_str() && row.done_at.is_some());
    for step in Step::ALL {
        if !has(steps, step) {
            steps.push(CopiedStep {
                step: step.as_str().to_owned(),
                sent_at: Some(since),
                lookups: 0,
                // What is about to be sent while the copy is made is looked for as often as after a kill.
                lookups_needed: i64::from(!lead_is_done),
                remote_id: None,
                done_at: None,
            });
        }
    }
}

impl CopiedSteps {
    /// Adds the steps of a lead to those of this store: what is done in one store is done, and what one store may have
    /// sent may be there for both. What only the copying has called so (one look-up) leaves the look-ups as they are.
    pub(super) async fn take_in(&self, connection: &mut AnyConnection, lead: &str) -> Result<(), StoreError> {
        for step in self.0.get(lead).into_iter().flatten() {
            sqlx::query(
                "INSERT INTO lead_steps (lead_id, step, sent_at, lookups, lookups_needed, remote_id, done_at) \
                 VALUES ($1, $2, CAST($3 AS BIGINT), $4, $5, CAST($6 AS BIGINT), CAST($7 AS BIGINT)) \
                 ON CONFLICT (lead_id, step) DO UPDATE SET \
                 sent_at = COALESCE(lead_steps.sent_at, excluded.sent_at), \
                 lookups = CASE WHEN excluded.lookups_needed = 1 THEN lead_steps.lookups ELSE 0 END, \
                 lookups_needed = CASE WHEN excluded.lookups_needed = 1 THEN lead_steps.lookups_needed ELSE 0 END, \
                 remote_id = COALESCE(lead_steps.remote_id, excluded.remote_id), \
                 done_at = COALESCE(lead_steps.done_at, excluded.done_at)",
            )
            .bind(lead)
            .bind(&step.step)
            .bind(step.sent_at)
            .bind(step.lookups)
            .bind(step.lookups_needed)
            .bind(step.remote_id)
            .bind(step.done_at)
            .execute(&mut *connection)
            .await?;
        }
        Ok(())
    }
}
