//! Leads as managers work on them: their cards, who has taken them, what was said of them, who was reminded.
//!
//! **Promises.** Each lead that a chat sends owes its managers one look, by the commit that takes it; what that leads to (its
//! card, its task) is one commit, so it is once. Of several who press «Беру» exactly one gets the lead. What a press leads to
//! is committed with it, and a press that comes again changes nothing.

use sqlx::{AnyConnection, AssertSqlSafe, any::AnyRow};

use crate::{
    clock::Millis,
    fault::point,
    lead::LeadNumber,
    notice::{Addressed, Doer, LeadDeed, LeadOutcome, Notice, PressOutcome, Reference, ReferenceKind},
};

use super::{
    LeadRow, LeadWork, Mark, NewAction, NewMessage, StoreError, json, late_notes, lead_actions, marks, outbox, rows,
};

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
    pub chat_id: Option<i64>,
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

/// What a card says of amoCRM, as it stands in the store.
fn shown_of(row: &LeadRow) -> &'static str {
    use super::LeadState::{Delivered, Discarded, Rejected, Waiting};
    match row.state() {
        _ if row.forgotten_at.is_some() || row.expired_at.is_some() => "wiped",
        Waiting | Rejected => "waiting",
        Delivered => "delivered",
        Discarded => "discarded",
    }
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
    let row = sqlx::query("SELECT number, chat_id FROM lead_work WHERE lead_id = $1 AND chat_id IS NOT NULL")
        .bind(lead_id)
        .fetch_optional(&mut *connection)
        .await?;
    let card = row.and_then(|row| Some((LeadNumber::parse(&rows::lossy(&row, 0)?)?, rows::number(&row, 1)?)));
    if let Some((number, chat_id)) = card {
        outbox::insert(connection, chat_id, &json(&refresh(&number)), now, now).await?;
    }
    Ok(())
}

/// A lead that was given up is to get into amoCRM after all: its card says so, and is changed again once it is there.
pub(super) async fn reopened(connection: &mut AnyConnection, number: &str, now: Millis) -> Result<(), StoreError> {
    let row = sqlx::query(
        "UPDATE lead_work SET shown = 'waiting' WHERE number = $1 AND shown = 'discarded' RETURNING lead_id",
    )
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
    sqlx::query("DELETE FROM lead_actions WHERE lead_id = $1").bind(lead_id).execute(&mut *connection).await?;
    wiped(connection, lead_id, now).await
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

/// Somebody has dealt with a lead, for whatever commits that; the first time counts, and `true` says that this was it.
pub(super) async fn touch(
    connection: &mut AnyConnection,
    number: &str,
    by: &str,
    at: Millis,
) -> Result<bool, StoreError> {
    let done = sqlx::query(
        "UPDATE lead_work SET touched_at = $1, touched_by = $2, remind_at = NULL WHERE number = $3 AND touched_at IS NULL",
    )
    .bind(at)
    .bind(by)
    .bind(number)
    .execute(connection)
    .await?;
    Ok(done.rows_affected() == 1)
}

impl LeadWork {
    /// Resolves when there may be something to do for managers.
    pub async fn changed(&self) {
        self.wakes.work.notified().await;
    }

    /// Managers are given what came since then, and nothing of before.
    pub async fn begin(&self, since: Millis) -> Result<(), StoreError> {
        sqlx::query("UPDATE leads SET work_owed = 0 WHERE work_owed = 1 AND taken_at < $1")
            .bind(since)
            .execute(&self.pool)
            .await?;
        Ok(())
    }

    /// The lead that managers are to be given next.
    pub async fn owed(&self) -> Result<Option<OwedWork>, StoreError> {
        let (id, number) = (rows::bytes(self.engine, "id"), rows::bytes(self.engine, "number"));
        let sql = format!(
            "SELECT {id}, {number}, {} FROM leads WHERE work_owed = 1 ORDER BY taken_at LIMIT 1",
            rows::numbers(self.engine, "taken_at")
        );
        loop {
            let Some(row) = sqlx::query(AssertSqlSafe(sql.as_str())).fetch_optional(&self.pool).await? else {
                return Ok(None);
            };
            let lead_id = rows::lossy(&row, 0).unwrap_or_default();
            match rows::lossy(&row, 1).and_then(|number| LeadNumber::parse(&number)) {
                Some(number) => {
                    let since = rows::number(&row, 2).unwrap_or_else(|| self.clock.now());
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

    /// Takes a press: one commit with all that it leads to.
    pub async fn press(&self, press: NewPress) -> Result<PressOutcome, StoreError> {
        let Some(row) = self.leads().by_number(&press.number).await? else { return Ok(PressOutcome::Unknown) };
        let is_over = matches!(shown_of(&row), "wiped" | "discarded");
        let (lead_id, now, engine) = (row.lead.id.to_string(), self.clock.now(), self.engine);
        let outcome = self
            .write((press, lead_id), move |(press, lead_id), connection| {
                Box::pin(async move {
                    let sql = format!("SELECT {} FROM lead_work WHERE lead_id = $1", columns(engine));
                    let row = sqlx::query(AssertSqlSafe(sql)).bind(lead_id).fetch_optional(&mut *connection).await?;
                    let Some(row) = row else { return Ok(PressOutcome::Unknown) };
                    if is_over {
                        return Ok(PressOutcome::Over);
                    }
                    let outcome = take(connection, press, lead_id, &row, now).await?;
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

    /// Somebody has dealt with a lead: pressed, written to the buyer, or worked on it in amoCRM. The first time counts; says
    /// whether this was it.
    pub async fn touched(&self, number: &LeadNumber, by: &str, at: Millis) -> Result<bool, StoreError> {
        let what = (number.as_str().to_owned(), by.to_owned());
        self.write(what, move |(number, by), connection| {
            Box::pin(async move { Ok(touch(connection, number, by, at).await?) })
        })
        .await
    }

    /// The lead that nobody has dealt with for longest, of those of which that is to be said now, and how often it was.
    pub async fn untouched(&self) -> Result<Option<(OwedWork, i64)>, StoreError> {
        let text = |column| rows::bytes(self.engine, column);
        let number = |column| rows::numbers(self.engine, column);
        let sql = format!(
            "SELECT {}, {}, {}, {} FROM lead_work WHERE remind_at IS NOT NULL AND remind_at <= $1 AND touched_at IS NULL \
             ORDER BY remind_at LIMIT 1",
            text("lead_id"),
            text("number"),
            number("since"),
            number("reminders")
        );
        loop {
            let query = sqlx::query(AssertSqlSafe(sql.as_str())).bind(self.clock.now());
            let Some(row) = query.fetch_optional(&self.pool).await? else { return Ok(None) };
            let lead_id = rows::lossy(&row, 0).unwrap_or_default();
            let number = rows::lossy(&row, 1).and_then(|number| LeadNumber::parse(&number));
            if let Some((number, since)) = number.zip(rows::number(&row, 2)) {
                return Ok(Some((OwedWork { lead_id, number, since }, rows::number(&row, 3).unwrap_or(0))));
            }
            // Damaged: nobody could say which lead it is, and those behind it are to be spoken of.
            sqlx::query("UPDATE lead_work SET remind_at = NULL WHERE lead_id = $1")
                .bind(lead_id)
                .execute(&self.pool)
                .await?;
        }
    }

    /// Says that nobody has dealt with a lead, where that is still so, and when it is said next; `before` is how often it was.
    pub async fn remind(
        &self,
        lead_id: &str,
        before: i64,
        message: Option<&NewMessage>,
        next: Option<Millis>,
    ) -> Result<(), StoreError> {
        let now = self.clock.now();
        self.write((lead_id.to_owned(), message.cloned()), move |(lead_id, message), connection| {
            Box::pin(async move {
                let done = sqlx::query(
                    "UPDATE lead_work SET reminders = reminders + 1, remind_at = CAST($1 AS BIGINT) WHERE lead_id = $2 \
                     AND touched_at IS NULL AND reminders = $3",
                )
                .bind(next)
                .bind(lead_id)
                .bind(before)
                .execute(&mut *connection)
                .await?;
                if let (1, Some(message)) = (done.rows_affected(), message) {
                    outbox::insert(connection, message.chat_id, &json(&message.notice), message.due_at, now).await?;
                }
                point("reminder.in_commit");
                Ok(())
            })
        })
        .await?;
        point("reminder.stored");
        self.wakes.messages.notify_one();
        Ok(())
    }

    /// When something is to be said next.
    pub async fn next_due(&self) -> Result<Option<Millis>, StoreError> {
        let sql = format!(
            "SELECT MIN({}) FROM lead_work WHERE remind_at IS NOT NULL AND touched_at IS NULL",
            rows::only_numbers("remind_at")
        );
        Ok(rows::number(&sqlx::query(AssertSqlSafe(sql)).fetch_one(&self.pool).await?, 0))
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
        "INSERT INTO lead_work (lead_id, number, chat_id, since, shown, assigned, remind_at) \
         VALUES ($1, $2, CAST($3 AS BIGINT), $4, 'waiting', CAST($5 AS BIGINT), CAST($6 AS BIGINT)) ON CONFLICT DO NOTHING",
    )
    .bind(&owed.lead_id)
    .bind(owed.number.as_str())
    .bind(new.chat_id)
    .bind(owed.since)
    .bind(new.assigned)
    .bind(new.remind_at)
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
    if let Some(chat_id) = new.chat_id {
        let card = Notice::LeadCard { number: owed.number.clone() };
        let message = Notice::from(Addressed::becoming(card, card_reference(&owed.number)));
        outbox::insert(connection, chat_id, &json(&message), now, now).await?;
    }
    point("lead_work.in_commit");
    Ok(())
}

/// What [`work`] reads, and what [`take`] looks at besides.
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

#[cfg(test)]
mod tests {
    use ulid::Ulid;

    use super::*;
    use crate::{
        clock::Clock,
        lead::Lead,
        store::{LeadAction, Store},
    };

    async fn store(folder: &tempfile::TempDir) -> Store {
        Store::open_file(&folder.path().join("store.sqlite"), Clock::default()).await.expect("a store")
    }

    /// A lead that a chat has sent, and that managers were given.
    async fn given(store: &Store, number: &str, remind_at: Option<Millis>) -> LeadNumber {
        let lead: Lead = serde_json::from_value(serde_json::json!({
            "id": Ulid::new().to_string(), "number": number, "submitted_at": "2026-11-26T10:30:00Z", "name": "Иван",
            "phone": {"e164": "+79991234567", "typed": "", "origin": "typed"}, "budget": {"typed": "", "price": 0},
            "buyer": {"user_id": 5, "chat_id": 5},
        }))
        .expect("a lead");
        let now = store.clock().now();
        let new = super::super::NewLead::fresh(lead);
        let mut transaction = store.begin().await.expect("a transaction");
        super::super::leads::insert(&mut transaction, &new, now, Some(now)).await.expect("a row");
        transaction.commit().await.expect("a commit");
        let work = store.lead_work();
        let owed = work.owed().await.expect("a look").expect("it is owed");
        assert_eq!(owed.number, new.lead.number);
        let action = LeadAction::Responsible { user_id: 7001 };
        let actions = vec![NewAction { about: "assigned".into(), action }];
        let new = NewWork { chat_id: Some(-9), remind_at, assigned: Some(7001), actions };
        work.open(&owed, new.clone()).await.expect("a commit");
        // Once, however often it is tried.
        work.open(&owed, new).await.expect("a commit");
        assert_eq!(work.owed().await.expect("a look"), None);
        owed.number
    }

    fn press(number: &LeadNumber, deed: LeadDeed, by: i64, update_id: i64) -> NewPress {
        NewPress {
            deed,
            number: number.clone(),
            by,
            name: format!("Менеджер {by}"),
            update_id,
            action: None,
            on_taking: None,
            note: Some((format!("said-{update_id}"), format!("#{} Сказано", number.as_str()))),
            same_within: 600_000,
            confirm_within: 600_000,
        }
    }

    #[tokio::test]
    async fn a_press_counts_once_and_the_first_one_has_the_lead() {
        let folder = tempfile::tempdir().expect("a folder");
        let store = store(&folder).await;
        let number = given(&store, "K7M2QXA", None).await;
        let work = store.lead_work();
        assert_eq!(store.outbox().count().await.expect("a count"), 1, "its card");
        let others =
            |outcome: &PressOutcome| matches!(outcome, PressOutcome::Others(doer) if doer.name == "Менеджер 1");
        let pressed = async |deed, by, update| work.press(press(&number, deed, by, update)).await.expect("a commit");
        assert_eq!(pressed(LeadDeed::Take, 1, 10).await, PressOutcome::Taken);
        assert_eq!(pressed(LeadDeed::Take, 1, 10).await, PressOutcome::Yours, "the same update again");
        assert!(others(&pressed(LeadDeed::Take, 2, 11).await));
        assert_eq!(pressed(LeadDeed::Reached, 2, 12).await, PressOutcome::Said { taken: false });
        assert_eq!(pressed(LeadDeed::Reached, 2, 12).await, PressOutcome::SaidAlready);
        assert_eq!(pressed(LeadDeed::Reached, 1, 13).await, PressOutcome::SaidAlready);
        assert_eq!(pressed(LeadDeed::NoAnswer, 1, 14).await, PressOutcome::Said { taken: false });
        // Two presses by the same person, and not one update that comes twice.
        assert_eq!(pressed(LeadDeed::Junk, 1, 15).await, PressOutcome::Ask);
        assert_eq!(pressed(LeadDeed::Junk, 1, 15).await, PressOutcome::Ask);
        assert_eq!(pressed(LeadDeed::Junk, 2, 16).await, PressOutcome::Ask);
        assert_eq!(pressed(LeadDeed::Junk, 2, 17).await, PressOutcome::Said { taken: false });
        assert_eq!(pressed(LeadDeed::Junk, 2, 18).await, PressOutcome::SaidAlready);
        let row = work.of(&number).await.expect("a look").expect("a row");
        assert_eq!(row.taken.map(|(by, _)| by), Some(1));
        assert_eq!(row.outcome.map(|(outcome, _)| outcome), Some(LeadOutcome::Junk));
        let unknown = LeadNumber::parse("N7HR3T9").expect("a number");
        assert_eq!(work.press(press(&unknown, LeadDeed::Take, 1, 19)).await.expect("a look"), PressOutcome::Unknown);
    }

    #[tokio::test]
    async fn the_card_of_a_lead_that_was_given_up_follows_it_when_it_is_sent_after_all() {
        let folder = tempfile::tempdir().expect("a folder");
        let store = store(&folder).await;
        let number = given(&store, "K7M2QXA", None).await;
        let (work, leads) = (store.lead_work(), store.leads());
        let messages = async || store.outbox().count().await.expect("a count");
        assert_eq!(messages().await, 1, "its card");
        for round in 0..2 {
            assert!(leads.discard(&number).await.expect("a commit"));
            assert_eq!(work.show_again().await.expect("a commit"), 1, "given up, round {round}");
            assert_eq!(messages().await, 2 + 2 * round);
            assert_eq!(leads.retry_now(Some(&number)).await.expect("a commit"), 1);
            assert_eq!(messages().await, 3 + 2 * round, "the card is changed back");
            assert_eq!(work.show_again().await.expect("a look"), 0);
        }
        leads.retry_now(Some(&number)).await.expect("a commit");
        assert_eq!(messages().await, 5, "one that waits is shown as it is");
    }

    #[tokio::test]
    async fn what_somebody_deals_with_is_not_called_for() {
        let folder = tempfile::tempdir().expect("a folder");
        let store = store(&folder).await;
        let (work, past) = (store.lead_work(), store.clock().now() - 1);
        let (one, other) = (given(&store, "K7M2QXA", Some(past)).await, given(&store, "N7HR3T9", Some(past)).await);
        assert!(work.touched(&one, "Анна", past).await.expect("a commit"));
        assert!(!work.touched(&one, "Олег", past).await.expect("a commit"), "the first time counts");
        let (left, before) = work.untouched().await.expect("a look").expect("one is left");
        assert_eq!((&left.number, before), (&other, 0));
        work.remind(&left.lead_id, 0, None, Some(past)).await.expect("a commit");
        // A second time from an older look says nothing.
        work.remind(&left.lead_id, 0, None, None).await.expect("a commit");
        let (_, before) = work.untouched().await.expect("a look").expect("once more");
        assert_eq!(before, 1);
        work.press(press(&other, LeadDeed::Take, 1, 1)).await.expect("a commit");
        assert_eq!(work.untouched().await.expect("a look"), None);
        assert_eq!(work.next_due().await.expect("a look"), None);
    }

    #[tokio::test]
    async fn a_damaged_row_does_not_keep_others_from_being_called_for() {
        let folder = tempfile::tempdir().expect("a folder");
        let store = store(&folder).await;
        let (work, past) = (store.lead_work(), store.clock().now() - 1);
        let (one, other) = (given(&store, "K7M2QXA", Some(past - 1)).await, given(&store, "N7HR3T9", Some(past)).await);
        let sql = "UPDATE lead_work SET number = 'x' WHERE number = $1";
        sqlx::query(sql).bind(one.as_str()).execute(&work.pool).await.expect("a row");
        let (left, _) = work.untouched().await.expect("a look").expect("the other");
        assert_eq!(left.number, other);
        assert_eq!(work.next_due().await.expect("a look"), Some(past));
        assert!(work.touched(&other, "Анна", past).await.expect("a commit"));
        assert_eq!(work.next_due().await.expect("a look"), None, "nothing is due for ever");
    }
}
