//! Presses under cards: which one counts, and what it leads to, in one commit.

use sqlx::{AnyConnection, AssertSqlSafe, any::AnyRow};

use crate::{
    clock::Millis,
    fault::point,
    lead::LeadNumber,
    notice::{LeadDeed, LeadOutcome, PressOutcome},
};

use super::super::{LeadWork, NewAction, StoreError, late_notes, lead_actions, rows};
use super::{WorkRow, columns, refresh_card, untouched::touch, work};

/// A press under a card, with what it leads to if it counts.
#[derive(Debug, Clone)]
pub struct NewPress {
    /// What was pressed.
    pub deed: LeadDeed,
    /// Under the card of which lead.
    pub number: LeadNumber,
    /// By whom: Telegram's id.
    pub by: i64,
    /// As colleagues read it.
    pub name: String,
    /// Telegram's id of the update.
    pub update_id: i64,
    /// What goes to amoCRM with it.
    pub action: Option<NewAction>,
    /// What goes to amoCRM where the presser gets the lead by it.
    pub on_taking: Option<NewAction>,
    /// The note that it leaves: what it is about, and its words.
    pub note: Option<(String, String)>,
    /// The same thing said again within this time is said once, ms.
    pub same_within: Millis,
    /// A second press confirms the first within this time, ms.
    pub confirm_within: Millis,
}

impl LeadWork {
    /// Takes a press: one commit with all that it leads to.
    pub async fn press(&self, press: NewPress) -> Result<PressOutcome, StoreError> {
        let (now, engine) = (self.clock.now(), self.engine);
        let outcome = self
            .write(press, move |press, connection| {
                Box::pin(async move {
                    // From here on nobody forgets the lead meanwhile.
                    let sql = "UPDATE lead_work SET number = number WHERE number = $1 RETURNING lead_id";
                    let held = sqlx::query(sql).bind(press.number.as_str()).fetch_optional(&mut *connection).await?;
                    let Some(lead_id) = held.and_then(|row| rows::lossy(&row, 0)) else {
                        return Ok(PressOutcome::Unknown);
                    };
                    let outcome = match is_over(connection, &lead_id).await? {
                        true => PressOutcome::Over,
                        false => {
                            let sql = format!("SELECT {} FROM lead_work WHERE lead_id = $1", columns(engine));
                            let query = sqlx::query(AssertSqlSafe(sql)).bind(&lead_id);
                            let row = query.fetch_one(&mut *connection).await?;
                            take(connection, press, &lead_id, &row, now).await?
                        }
                    };
                    point("press.in_commit");
                    Ok(outcome)
                })
            })
            .await?;
        point("press.stored");
        self.wakes.messages.notify_one();
        self.wake_afterwards();
        Ok(outcome)
    }
}

/// Whether a lead was given up, or what its buyer has said in it is wiped.
async fn is_over(connection: &mut AnyConnection, lead_id: &str) -> Result<bool, StoreError> {
    let sql = "SELECT 1 FROM leads WHERE id = $1 AND (state = 'discarded' OR forgotten_at IS NOT NULL \
               OR expired_at IS NOT NULL)";
    Ok(sqlx::query(sql).bind(lead_id).fetch_optional(connection).await?.is_some())
}

/// What a press means for a lead that is open.
async fn take(
    connection: &mut AnyConnection,
    press: &NewPress,
    lead_id: &str,
    row: &AnyRow,
    now: Millis,
) -> Result<PressOutcome, StoreError> {
    let WorkRow { taken, outcome, .. } = work(row);
    let said = match press.deed {
        LeadDeed::Take => None,
        LeadDeed::Reached => Some(LeadOutcome::Reached),
        LeadDeed::NoAnswer => Some(LeadOutcome::NoAnswer),
        LeadDeed::Junk => Some(LeadOutcome::Junk),
    };
    let Some(said) = said else {
        return Ok(match taken {
            Some((by, _)) if by == press.by => PressOutcome::Yours,
            Some((_, doer)) => PressOutcome::Others(doer),
            None => {
                get(connection, press, lead_id, now).await?;
                touch(connection, press.number.as_str(), &press.name, now).await?;
                refresh_card(connection, lead_id, now).await?;
                PressOutcome::Taken
            }
        });
    };
    let is_recent = |at: Option<Millis>, within: Millis| at.is_some_and(|at| (0..within).contains(&(now - at)));
    let is_same = outcome.as_ref().is_some_and(|(before, _)| *before == said);
    // The same update again, or the same thing twice.
    if rows::number(row, 9) == Some(press.update_id)
        || (is_same && (said == LeadOutcome::Junk || is_recent(rows::number(row, 5), press.same_within)))
    {
        return Ok(PressOutcome::SaidAlready);
    }
    if said == LeadOutcome::Junk {
        let is_asked =
            rows::number(row, 10) == Some(press.by) && is_recent(rows::number(row, 11), press.confirm_within);
        if !is_asked || rows::number(row, 12) == Some(press.update_id) {
            sqlx::query("UPDATE lead_work SET asked_by = $1, asked_at = $2, asked_update = $3 WHERE lead_id = $4")
                .bind(press.by)
                .bind(now)
                .bind(press.update_id)
                .bind(lead_id)
                .execute(&mut *connection)
                .await?;
            return Ok(PressOutcome::Ask);
        }
    }
    let is_taken = taken.is_none() && said != LeadOutcome::Junk;
    if is_taken {
        get(connection, press, lead_id, now).await?;
    }
    sqlx::query(
        "UPDATE lead_work SET outcome = $1, outcome_name = $2, outcome_at = $3, outcome_update = $4, asked_by = NULL \
         WHERE lead_id = $5",
    )
    .bind(<&str>::from(said))
    .bind(&press.name)
    .bind(now)
    .bind(press.update_id)
    .bind(lead_id)
    .execute(&mut *connection)
    .await?;
    if let Some(action) = &press.action {
        lead_actions::insert(connection, (lead_id, press.number.as_str()), action, now).await?;
    }
    if let Some((about, text)) = &press.note {
        late_notes::insert(connection, (lead_id, press.number.as_str()), about, text, now).await?;
    }
    touch(connection, press.number.as_str(), &press.name, now).await?;
    refresh_card(connection, lead_id, now).await?;
    Ok(PressOutcome::Said { taken: is_taken })
}

/// The presser gets the lead, if nobody has it.
async fn get(connection: &mut AnyConnection, press: &NewPress, lead_id: &str, now: Millis) -> Result<(), StoreError> {
    let done = sqlx::query(
        "UPDATE lead_work SET taken_by = $1, taken_name = $2, taken_at = $3 WHERE lead_id = $4 AND taken_by IS NULL",
    )
    .bind(press.by)
    .bind(&press.name)
    .bind(now)
    .bind(lead_id)
    .execute(&mut *connection)
    .await?;
    if let (1, Some(action)) = (done.rows_affected(), &press.on_taking) {
        lead_actions::insert(connection, (lead_id, press.number.as_str()), action, now).await?;
    }
    Ok(())
}
