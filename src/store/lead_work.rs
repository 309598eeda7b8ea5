//! Leads as managers work on them: their cards, who has taken them, what was said of them, who was reminded.
//!
//! **Promises.** Each lead that a chat sends owes its managers one look, by the commit that takes it; what that leads to (its
//! card, its task) is one commit, so it is once. Of several who press «Беру» exactly one gets the lead. What a press leads to
//! is committed with it, and a press that comes again changes nothing.

mod pressing;
mod untouched;

use sqlx::{AnyConnection, AssertSqlSafe, any::AnyRow};

use crate::{
    clock::Millis,
    fault::point,
    lead::{ChatRef, LeadNumber},
    notice::{Addressed, Doer, LeadOutcome, Notice, Reference, ReferenceKind},
};

use super::{LeadWork, Mark, NewAction, StoreError, json, lead_actions, marks, outbox, rows};

pub use pressing::NewPress;
pub use untouched::Untouched;
pub(super) use untouched::touch;

/// A lead that managers are to be given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OwedWork {
    /// Its id.
    pub lead_id: String,
    /// Its number.
    pub number: LeadNumber,
    /// When it was taken.
    pub since: Millis,
}

/// What giving a lead to managers leads to.
#[derive(Debug, Clone, Default)]
pub struct NewWork {
    /// The chat that gets its card.
    pub chat: Option<ChatRef>,
    /// When it is said that nobody has dealt with it.
    pub remind_at: Option<Millis>,
    /// amoCRM's user whose turn it is.
    pub assigned: Option<i64>,
    /// What goes to amoCRM.
    pub actions: Vec<NewAction>,
}

/// A lead's row, as managers work on it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct WorkRow {
    /// Who has taken it: Telegram's id, name and time.
    pub taken: Option<(i64, Doer)>,
    /// What was said of it last.
    pub outcome: Option<(LeadOutcome, Doer)>,
    /// amoCRM's user whose turn it was.
    pub assigned: Option<i64>,
    /// When somebody first dealt with it.
    pub touched_at: Option<Millis>,
    /// How often it was said that nobody has.
    pub reminders: i64,
}

/// The card of a lead.
pub fn card_reference(number: &LeadNumber) -> Reference {
    Reference::new(ReferenceKind::Card, number.as_str())
}

/// The card is changed to what is so then.
fn refresh(number: &LeadNumber) -> Notice {
    Addressed::edit(Notice::LeadCard { number: number.clone() }, card_reference(number)).into()
}

/// Has the card of a lead changed, where it has one.
pub(super) async fn refresh_card(connection: &mut AnyConnection, lead_id: &str, now: Millis) -> Result<(), StoreError> {
    let row = sqlx::query("SELECT number, chat_id, channel FROM lead_work WHERE lead_id = $1 AND chat_id IS NOT NULL")
        .bind(lead_id)
        .fetch_optional(&mut *connection)
        .await?;
    let card = row.and_then(|row| Some((LeadNumber::parse(&rows::lossy(&row, 0)?)?, rows::chat(&row, 1)?)));
    if let Some((number, chat)) = card {
        outbox::insert(connection, chat, &json(&refresh(&number)), now, now).await?;
    }
    Ok(())
}

/// A lead that was given up is to get into amoCRM after all: its card says so, and is changed again once it is there. Where
/// nobody has dealt with it somebody is to from now on; whoever says that nobody has knows when it is time.
pub(super) async fn reopened(connection: &mut AnyConnection, number: &str, now: Millis) -> Result<(), StoreError> {
    let row = sqlx::query(
        "UPDATE lead_work SET shown = 'waiting', \
         since = CASE WHEN touched_at IS NULL THEN $1 ELSE since END, \
         reminders = CASE WHEN touched_at IS NULL THEN 0 ELSE reminders END, \
         remind_at = CASE WHEN touched_at IS NULL AND chat_id IS NOT NULL THEN CAST($1 AS BIGINT) ELSE NULL END \
         WHERE number = $2 AND shown = 'discarded' RETURNING lead_id",
    )
    .bind(now)
    .bind(number)
    .fetch_optional(&mut *connection)
    .await?;
    match row.and_then(|row| rows::lossy(&row, 0)) {
        Some(lead_id) => refresh_card(connection, &lead_id, now).await,
        None => Ok(()),
    }
}

/// The lead's buyer is forgotten: nothing more goes to amoCRM, and the card says so.
pub(super) async fn forgotten(connection: &mut AnyConnection, lead_id: &str, now: Millis) -> Result<(), StoreError> {
    // First, so that a press that is under way is over before what it has led to is deleted.
    wiped(connection, lead_id, now).await?;
    sqlx::query("DELETE FROM lead_actions WHERE lead_id = $1").bind(lead_id).execute(connection).await?;
    Ok(())
}

/// What the buyer has said in a lead is wiped: the card says so, and nobody is reminded.
pub(super) async fn wiped(connection: &mut AnyConnection, lead_id: &str, now: Millis) -> Result<(), StoreError> {
    let done =
        sqlx::query("UPDATE lead_work SET shown = 'wiped', remind_at = NULL WHERE lead_id = $1 AND shown <> 'wiped'")
            .bind(lead_id)
            .execute(&mut *connection)
            .await?;
    match done.rows_affected() {
        0 => Ok(()),
        _ => refresh_card(connection, lead_id, now).await,
    }
}

impl LeadWork {
    /// Resolves when there may be something to do for managers.
    pub async fn changed(&self) {
        self.wakes.work.notified().await;
    }

    /// Managers are given what came since then, and of before nothing but, where `undelivered`, what amoCRM does not have yet.
    pub async fn begin(&self, since: Millis, undelivered: bool) -> Result<(), StoreError> {
        let sql = format!(
            "UPDATE leads SET work_owed = 0 WHERE work_owed = 1 AND COALESCE(taken_at, 0) < $1{}",
            if undelivered { " AND state NOT IN ('waiting', 'rejected')" } else { "" }
        );
        sqlx::query(AssertSqlSafe(sql)).bind(since).execute(&self.pool).await?;
        Ok(())
    }

    /// Owes managers what came since then and what amoCRM does not have yet, as far as they were not given it; also what an
    /// older version has taken.
    pub async fn owe_since(&self, since: Millis) -> Result<(), StoreError> {
        sqlx::query(
            "UPDATE leads SET work_owed = 1 WHERE work_owed = 0 AND forgotten_at IS NULL AND expired_at IS NULL \
             AND unreadable = 0 AND user_id > 0 AND (state IN ('waiting', 'rejected') \
             OR (state = 'delivered' AND taken_at >= $1)) \
             AND NOT EXISTS (SELECT 1 FROM lead_work WHERE lead_work.lead_id = leads.id)",
        )
        .bind(since)
        .execute(&self.pool)
        .await?;
        Ok(())
    }

    /// The lead that managers are to be given next.
    pub async fn owed(&self) -> Result<Option<OwedWork>, StoreError> {
        let (id, number) = (rows::bytes(self.engine, "id"), rows::bytes(self.engine, "number"));
        let sql = format!(
            "SELECT {id}, {number}, {}, {} FROM leads WHERE work_owed = 1 ORDER BY taken_at LIMIT 1",
            rows::numbers(self.engine, "taken_at"),
            rows::numbers(self.engine, "submitted_at")
        );
        loop {
            let Some(row) = sqlx::query(AssertSqlSafe(sql.as_str())).fetch_optional(&self.pool).await? else {
                return Ok(None);
            };
            let lead_id = rows::lossy(&row, 0).unwrap_or_default();
            match rows::lossy(&row, 1).and_then(|number| LeadNumber::parse(&number)) {
                Some(number) => {
                    // When it was taken the first version has not kept.
                    let since = rows::number(&row, 2).or_else(|| rows::number(&row, 3));
                    let since = since.unwrap_or_else(|| self.clock.now());
                    return Ok(Some(OwedWork { lead_id, number, since }));
                }
                // Damaged: nobody could say which lead it is.
                None => {
                    sqlx::query("UPDATE leads SET work_owed = 0 WHERE id = $1")
                        .bind(lead_id)
                        .execute(&self.pool)
                        .await?;
                }
            }
        }
    }

    /// Nobody is to be given a lead any more.
    pub async fn not_owed(&self, lead_id: &str) -> Result<(), StoreError> {
        sqlx::query("UPDATE leads SET work_owed = 0 WHERE id = $1").bind(lead_id).execute(&self.pool).await?;
        Ok(())
    }

    /// Gives a lead to managers, once.
    pub async fn open(&self, owed: &OwedWork, new: NewWork) -> Result<(), StoreError> {
        let now = self.clock.now();
        let has_actions = !new.actions.is_empty();
        self.write((owed.clone(), new), move |(owed, new), connection| {
            Box::pin(async move { Ok(open(connection, owed, new, now).await?) })
        })
        .await?;
        point("lead_work.stored");
        self.wakes.messages.notify_one();
        if has_actions {
            self.wakes.actions.notify_one();
        }
        Ok(())
    }

    /// Has the cards changed of which the lead has got into amoCRM, or was given up; returns how many.
    pub async fn show_again(&self) -> Result<usize, StoreError> {
        let now = self.clock.now();
        let sql = format!(
            "SELECT {}, {} FROM lead_work JOIN leads ON leads.id = lead_work.lead_id WHERE lead_work.shown = 'waiting' \
             AND leads.state IN ('delivered', 'discarded') LIMIT 100",
            rows::bytes(self.engine, "lead_work.lead_id"),
            rows::bytes(self.engine, "leads.state"),
        );
        let found = sqlx::query(AssertSqlSafe(sql)).fetch_all(&self.pool).await?;
        let moved: Vec<(String, String)> =
            found.iter().filter_map(|row| Some((rows::lossy(row, 0)?, rows::lossy(row, 1)?))).collect();
        if moved.is_empty() {
            return Ok(0);
        }
        let all = moved.len();
        self.write(moved, move |moved, connection| {
            Box::pin(async move {
                for (lead_id, state) in moved {
                    let sql = format!(
                        "UPDATE lead_work SET shown = $1{} WHERE lead_id = $2 AND shown = 'waiting'",
                        if state == "discarded" { ", remind_at = NULL" } else { "" }
                    );
                    let query = sqlx::query(AssertSqlSafe(sql)).bind(state).bind(lead_id);
                    if query.execute(&mut *connection).await?.rows_affected() == 1 {
                        refresh_card(connection, lead_id, now).await?;
                    }
                }
                point("card.in_commit");
                Ok(())
            })
        })
        .await?;
        self.wakes.messages.notify_one();
        Ok(all)
    }

    /// A lead as managers work on it.
    pub async fn of(&self, number: &LeadNumber) -> Result<Option<WorkRow>, StoreError> {
        let sql = format!("SELECT {} FROM lead_work WHERE number = $1", columns(self.engine));
        let row = sqlx::query(AssertSqlSafe(sql)).bind(number.as_str()).fetch_optional(&self.pool).await?;
        Ok(row.as_ref().map(work))
    }
}

async fn open(connection: &mut AnyConnection, owed: &OwedWork, new: &NewWork, now: Millis) -> Result<(), StoreError> {
    let done = sqlx::query("UPDATE leads SET work_owed = 0 WHERE id = $1 AND work_owed = 1")
        .bind(&owed.lead_id)
        .execute(&mut *connection)
        .await?;
    if done.rows_affected() == 0 {
        return Ok(());
    }
    let done = sqlx::query(
        "INSERT INTO lead_work (lead_id, number, chat_id, since, shown, assigned, remind_at, channel) \
         VALUES ($1, $2, CAST($3 AS BIGINT), $4, 'waiting', CAST($5 AS BIGINT), CAST($6 AS BIGINT), $7) \
         ON CONFLICT DO NOTHING",
    )
    .bind(&owed.lead_id)
    .bind(owed.number.as_str())
    .bind(new.chat.map(|chat| chat.id))
    .bind(owed.since)
    .bind(new.assigned)
    .bind(new.remind_at)
    .bind(rows::channel_of(new.chat))
    .execute(&mut *connection)
    .await?;
    if done.rows_affected() == 0 {
        return Ok(());
    }
    if let Some(user_id) = new.assigned {
        marks::write(connection, &Mark::LastOnDuty, &user_id.to_string(), now).await?;
    }
    for action in &new.actions {
        lead_actions::insert(connection, (&owed.lead_id, owed.number.as_str()), action, now).await?;
    }
    if let Some(chat) = new.chat {
        let card = Notice::LeadCard { number: owed.number.clone() };
        let message = Notice::from(Addressed::becoming(card, card_reference(&owed.number)));
        outbox::insert(connection, chat, &json(&message), now, now).await?;
    }
    point("lead_work.in_commit");
    Ok(())
}

/// What [`work`] reads, and what a press looks at besides.
fn columns(engine: super::Engine) -> String {
    let text = |column| rows::bytes(engine, column);
    let number = |column| rows::numbers(engine, column);
    [
        number("taken_by"),
        text("taken_name"),
        number("taken_at"),
        text("outcome"),
        text("outcome_name"),
        number("outcome_at"),
        number("assigned"),
        number("touched_at"),
        number("reminders"),
        number("outcome_update"),
        number("asked_by"),
        number("asked_at"),
        number("asked_update"),
    ]
    .join(", ")
}

fn work(row: &AnyRow) -> WorkRow {
    let doer = |name: usize, at: usize| Some(Doer { name: rows::lossy(row, name)?, at: rows::number(row, at)? });
    let outcome = || rows::lossy(row, 3)?.parse().ok();
    WorkRow {
        taken: rows::number(row, 0).zip(doer(1, 2)),
        outcome: outcome().zip(doer(4, 5)),
        assigned: rows::number(row, 6),
        touched_at: rows::number(row, 7),
        reminders: rows::number(row, 8).unwrap_or(0),
    }
}

#[cfg(test)]
mod tests;
