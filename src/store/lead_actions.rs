//! What managers' work leads to in amoCRM: tasks, whoever is responsible, tags and stages of leads.
//!
//! A task is an uncertain write like a note: that it goes out is committed before it does, and whoever finds it sent and without
//! a result looks for it first. All else is compared with what is there before it is sent, and means the same twice.

use serde::{Deserialize, Serialize};
use sqlx::{AnyConnection, AssertSqlSafe, any::AnyRow};

use crate::{clock::Millis, fault::point, lead::LeadNumber};

use super::{LateAttempt, LateOutcome, LeadActions, Lease, StoreError, json, late_writes::of_a_lead_on_its_way, rows};

/// What is to be done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "what")]
pub enum LeadAction {
    /// This user of amoCRM is responsible for the lead.
    Responsible {
        /// The user.
        user_id: i64,
    },
    /// A task of the lead.
    Task {
        /// Its words, which no other task of the lead has.
        text: String,
        /// Until when, s UTC.
        complete_till: i64,
        /// Whose; whoever is responsible for the lead where it is left out.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        user_id: Option<i64>,
    },
    /// It is no lead: a tag, and the stage of what is lost if the dealer wishes that.
    Junk {
        /// The tag.
        tag: String,
        /// Whether it is closed.
        closes: bool,
    },
}

/// An action to be owed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewAction {
    /// Tells it from others of the same lead; the same one twice is one.
    pub about: String,
    /// What is to be done.
    pub action: LeadAction,
}

/// An action that amoCRM does not have yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OwedAction {
    /// Its id in the store.
    pub id: String,
    /// Of the lead.
    pub number: LeadNumber,
    /// What is to be done.
    pub action: LeadAction,
    /// How often amoCRM has refused it.
    pub attempts: i64,
    /// It was sent, and what became of it is not known.
    pub attempt: Option<LateAttempt>,
}

/// What tells whoever's turn it was from whoever has taken a lead.
pub const ASSIGNED: &str = "assigned";

impl OwedAction {
    /// Whether nobody has pressed anything for it: it was somebody's turn.
    pub fn is_assigned(&self) -> bool {
        self.id.ends_with(&format!("-{ASSIGNED}"))
    }
}

/// Owes an action.
pub(super) async fn insert(
    connection: &mut AnyConnection,
    (lead_id, number): (&str, &str),
    new: &NewAction,
    now: Millis,
) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO lead_actions (id, lead_id, number, body, created_at, due_at) VALUES ($1, $2, $3, $4, $5, $5) \
         ON CONFLICT DO NOTHING",
    )
    .bind(format!("{lead_id}-{}", new.about))
    .bind(lead_id)
    .bind(number)
    .bind(json(&new.action))
    .bind(now)
    .execute(connection)
    .await?;
    Ok(())
}

impl LeadActions {
    /// Resolves when an action may have become due.
    pub async fn changed(&self) {
        self.wakes.actions.notified().await;
    }

    /// The action that has been due for longest.
    pub async fn due(&self) -> Result<Option<OwedAction>, StoreError> {
        let (text, number) = (|column| rows::bytes(self.engine, column), |column| rows::numbers(self.engine, column));
        let sql = format!(
            "SELECT {}, {}, {}, {}, {}, {}, {} FROM lead_actions WHERE done_at IS NULL AND due_at <= $1 AND NOT {} \
             ORDER BY due_at, created_at, id LIMIT 1",
            text("id"),
            text("number"),
            text("body"),
            number("attempts"),
            number("sent_at"),
            number("lookups"),
            number("lookups_needed"),
            of_a_lead_on_its_way("lead_actions"),
        );
        let now = self.clock.now();
        let Some(row) = sqlx::query(AssertSqlSafe(sql)).bind(now).fetch_optional(&self.pool).await? else {
            return Ok(None);
        };
        let id = rows::lossy(&row, 0).unwrap_or_default();
        match owed(&row, id.clone(), now) {
            Some(owed) => Ok(Some(owed)),
            // Damaged: nobody can say what it was.
            None => {
                self.over(&id, None).await?;
                Ok(None)
            }
        }
    }

    /// When the next action is due.
    pub async fn next_due(&self) -> Result<Option<Millis>, StoreError> {
        let sql = format!(
            "SELECT MIN({}) FROM lead_actions WHERE done_at IS NULL AND NOT {}",
            rows::only_numbers("due_at"),
            of_a_lead_on_its_way("lead_actions")
        );
        Ok(rows::number(&sqlx::query(AssertSqlSafe(sql)).fetch_one(&self.pool).await?, 0))
    }

    /// Records that an action is about to be sent; `false` where another daemon leads, and nothing may be sent.
    pub async fn intent(&self, lease: &Lease, id: &str) -> Result<bool, StoreError> {
        let sql = format!(
            "UPDATE lead_actions SET sent_at = $1, lookups = 0, lookups_needed = 0 WHERE id = $2 AND done_at IS NULL{}",
            lease.fence()
        );
        let done = sqlx::query(AssertSqlSafe(sql)).bind(self.clock.now()).bind(id).execute(&self.pool).await?;
        Ok(done.rows_affected() == 1)
    }

    /// Records that an action is done, or that there is no place for it any more.
    pub async fn over(&self, id: &str, remote_id: Option<i64>) -> Result<(), StoreError> {
        sqlx::query("UPDATE lead_actions SET remote_id = $1, done_at = $2 WHERE id = $3 AND done_at IS NULL")
            .bind(remote_id)
            .bind(self.clock.now())
            .bind(id)
            .execute(&self.pool)
            .await?;
        point("lead_action.stored");
        Ok(())
    }

    /// Records what came of an action that is not done, and when it is looked at again.
    pub async fn not_done(
        &self,
        lease: &Lease,
        id: &str,
        outcome: LateOutcome,
        due_at: Millis,
    ) -> Result<(), StoreError> {
        let sql = format!(
            "UPDATE lead_actions SET due_at = $1{} WHERE id = $2 AND done_at IS NULL{}",
            outcome.columns(),
            lease.fence()
        );
        sqlx::query(AssertSqlSafe(sql)).bind(due_at).bind(id).execute(&self.pool).await?;
        point("lead_action.not_done_stored");
        Ok(())
    }
}

fn owed(row: &AnyRow, id: String, now: Millis) -> Option<OwedAction> {
    Some(OwedAction {
        id,
        number: LeadNumber::parse(&rows::lossy(row, 1)?)?,
        action: serde_json::from_str(&rows::lossy(row, 2)?).ok()?,
        attempts: rows::number(row, 3).unwrap_or(0),
        attempt: LateAttempt::read(row, 4, now),
    })
}
