//! Forgetting a person: everything personal is wiped, what keeps the promise stays (numbers, amoCRM's ids, times).
//!
//! A person is one Telegram account, or all accounts that gave a phone. What is wiped leaves its id in `forgotten`, so
//! that a copy of an older day can be made to forget it too (see `copies`).

mod copies;
mod expiring;
mod person;
mod traces;
mod withdrawn;

use std::time::Duration;

use serde_json::{Value, json};
use sqlx::{AnyConnection, AssertSqlSafe, Row, any::AnyRow};

use crate::{
    clock::Millis,
    lead::{ChatRef, LeadNumber},
};

use super::{Engine, LeadState, PersonalData, StoreError, forgotten::remember, rows};

pub(super) use copies::ForgottenElsewhere;
pub use person::{Forgetting, Person, PersonLead, Whom};

/// Another connection may hold the file for a moment.
const SCRUB_TRIES: u32 = 20;
const SCRUB_PAUSE: Duration = Duration::from_millis(150);

/// A lead's body without anything personal.
fn wiped_body(number: &str, body: &Value) -> String {
    let wiped = json!({
        "id": body["id"], "number": number, "submitted_at": body["submitted_at"],
        "name": "", "phone": {"e164": "", "typed": "", "origin": "backup"}, "budget": {"typed": "", "price": 0},
        "car_link": null, "buyer": {"user_id": 0}, "consent_at": body["consent_at"], "consent": body["consent"],
        "origin": body["origin"].as_str().unwrap_or("telegram"),
        // That it was never sent by its buyer; what was asked tells of nobody.
        "left_open": body["left_open"],
    });
    wiped.to_string()
}

/// Wipes one lead, which is over. With what was imported from a file goes the entry's fingerprint.
async fn wipe_lead(
    connection: &mut AnyConnection,
    engine: Engine,
    lead: &PersonLead,
    at: Millis,
) -> Result<(), StoreError> {
    let id = lead.id.as_str();
    let sql = format!(
        "SELECT {} FROM leads WHERE {} AND forgotten_at IS NULL",
        rows::bytes(engine, "body"),
        with_key(engine, "$1")
    );
    let query = sqlx::query(AssertSqlSafe(sql));
    let Some(row) = bind_key(query, engine, &lead.key).fetch_optional(&mut *connection).await? else {
        return Ok(());
    };
    let body = rows::lossy(&row, 0).and_then(|body| serde_json::from_str(&body).ok());
    let body: Value = body.filter(Value::is_object).unwrap_or_else(|| json!({"id": id}));
    let sql = format!(
        "UPDATE leads SET body = $2, user_id = 0, contact_id = NULL, degradation = NULL, last_error = NULL, \
         unreadable = 0, leased_by = NULL, leased_until = 0, forgotten_at = $3 WHERE {}",
        with_key(engine, "$1")
    );
    bind_key(sqlx::query(AssertSqlSafe(sql)), engine, &lead.key)
        .bind(wiped_body(&lead.number, &body))
        .bind(at)
        .execute(&mut *connection)
        .await?;
    remember(connection, id, at).await?;
    super::lead_files::remove(connection, id).await?;
    super::amendments::remove(connection, id).await?;
    super::talk::remove(connection, (id, &lead.number)).await?;
    super::watched::remove(connection, id).await?;
    super::lead_work::forgotten(connection, id, at).await?;
    sqlx::query(
        "INSERT INTO forgotten (id, forgotten_at) SELECT fingerprint, $1 FROM imports WHERE lead_id = $2 \
         ON CONFLICT DO NOTHING",
    )
    .bind(at)
    .bind(id)
    .execute(connection)
    .await?;
    Ok(())
}

impl PersonalData {
    /// What the store holds of somebody.
    pub async fn of(&self, whom: &Whom) -> Result<Person, StoreError> {
        self.again(|| async {
            let mut connection = self.pool.0.acquire().await?;
            find(&mut connection, self.engine, whom).await
        })
        .await
    }

    /// Wipes everything personal of somebody in one commit. Requests that amoCRM does not have are given up if
    /// `also_waiting` says so; otherwise nothing happens.
    pub async fn forget(&self, whom: &Whom, also_waiting: bool) -> Result<Forgetting, StoreError> {
        let outcome = self.again(|| self.forget_once(whom, also_waiting)).await?;
        if let Forgetting::Done(_) = outcome {
            self.leads_moved();
        }
        Ok(outcome)
    }

    async fn forget_once(&self, whom: &Whom, also_waiting: bool) -> Result<Forgetting, StoreError> {
        let now = self.clock.now();
        let mut transaction = self.begin().await?;
        let person = find(&mut transaction, self.engine, whom).await?;
        if person.is_unknown() {
            return Ok(Forgetting::Unknown);
        }
        if !also_waiting && person.undelivered().next().is_some() {
            return Ok(Forgetting::Undecided(person));
        }
        for lead in person.undelivered() {
            if !self.give_up(&mut transaction, lead, now).await? {
                transaction.rollback().await?;
                return Ok(Forgetting::Busy(lead.number.clone()));
            }
        }
        for lead in &person.leads {
            wipe_lead(&mut transaction, self.engine, lead, now).await?;
        }
        traces::wipe(&mut transaction, self.engine, &person, Millis::MAX, now).await?;
        for user_id in &person.users {
            super::consents::forget(&mut transaction, *user_id, Millis::MAX, now).await?;
        }
        transaction.commit().await?;
        Ok(Forgetting::Done(person))
    }

    /// Writes over what was wiped, wherever the engine has left it: a file holds deleted text until it is written again.
    /// `false` when somebody else works with the file all the time; the next daily pass tries again.
    pub async fn scrub(&self) -> Result<bool, StoreError> {
        if self.engine == Engine::Postgres {
            for table in [
                "leads",
                "lead_files",
                "amendments",
                "late_notes",
                "later_messages",
                "manager_messages",
                "watched_leads",
                "dialogues",
                "messages",
                "live_buttons",
                "sent_messages",
                "buyer_topics",
                "lead_work",
                "lead_actions",
                "customers",
                "set_aside",
                "marks",
                "withdrawals",
                "consents",
            ] {
                // What the server's role may not do, its own housekeeping does within minutes.
                let _ = sqlx::query(sqlx::AssertSqlSafe(format!("VACUUM {table}"))).execute(&self.pool).await;
            }
            return Ok(true);
        }
        let mut vacuumed = false;
        for _ in 0..SCRUB_TRIES {
            vacuumed = vacuumed || sqlx::query("VACUUM").execute(&self.pool).await.is_ok();
            if vacuumed {
                let row = sqlx::query("PRAGMA wal_checkpoint(TRUNCATE)").fetch_one(&self.pool).await;
                if row.is_ok_and(|row| row.try_get::<i64, _>(0).is_ok_and(|busy| busy == 0)) {
                    return Ok(true);
                }
            }
            tokio::time::sleep(SCRUB_PAUSE).await;
        }
        Ok(false)
    }
}

/// A condition: the row of `leads` whose id has these bytes.
fn with_key(engine: Engine, place: &str) -> String {
    match engine {
        Engine::Sqlite => format!("CAST(id AS BLOB) = {place}"),
        Engine::Postgres => format!("id = {place}"),
    }
}

type AnyQuery<'q> = sqlx::query::Query<'q, sqlx::Any, sqlx::any::AnyArguments>;

fn bind_key<'q>(query: AnyQuery<'q>, engine: Engine, key: &[u8]) -> AnyQuery<'q> {
    match engine {
        Engine::Sqlite => query.bind(key.to_vec()),
        Engine::Postgres => query.bind(String::from_utf8_lossy(key).into_owned()),
    }
}

/// What is read of a lead to learn whose it is.
fn lead_columns(engine: Engine) -> String {
    let text = |column| rows::bytes(engine, column);
    let number = |column| rows::numbers(engine, column);
    // The step of the lead itself: its id in amoCRM, and whether it is open.
    let step = |value: &str| format!("(SELECT {value} FROM lead_steps WHERE lead_id = leads.id AND step = 'lead')");
    let open = "CASE WHEN done_at IS NULL THEN 1 ELSE 0 END";
    [text("id"), text("body"), text("number"), text("state"), step(&number("remote_id")), step(open)]
        .into_iter()
        .chain([number("user_id"), number("COALESCE(taken_at, submitted_at)")])
        .collect::<Vec<_>>()
        .join(", ")
}

/// Everything the store holds of somebody, also of what is damaged in it.
async fn find(connection: &mut AnyConnection, engine: Engine, whom: &Whom) -> Result<Person, StoreError> {
    let mut person = Person::default();
    match whom {
        Whom::User(id) => drop(person.users.insert(*id)),
        Whom::Phone(phone) => {
            person.phones.insert(phone.clone());
            find_by_phone(connection, engine, phone, &mut person).await?;
        }
    }
    person.chats.extend(person.users.iter().copied().map(ChatRef::telegram));
    let wanted = person.clone();
    for user_id in wanted.users.clone() {
        // Where a row is damaged, the column may not hold what the document says, or the other way round.
        let sql = format!(
            "SELECT {} FROM leads WHERE (user_id = $1 OR unreadable <> 0) AND forgotten_at IS NULL",
            lead_columns(engine)
        );
        for row in sqlx::query(AssertSqlSafe(sql)).bind(user_id).fetch_all(&mut *connection).await? {
            if rows::number(&row, 6) == Some(user_id) || traces::tells_of(&body_of(&row), &wanted) {
                take_lead(&row, &mut person);
            }
        }
    }
    person.leads.sort_by(|one, other| one.id.cmp(&other.id));
    person.leads.dedup();
    for chat in &person.chats {
        let row = sqlx::query("SELECT COUNT(*) FROM dialogues WHERE chat_id = $1 AND channel = $2")
            .bind(chat.id)
            .bind(chat.channel.as_str())
            .fetch_one(&mut *connection)
            .await?;
        person.dialogues += rows::number(&row, 0).unwrap_or(0);
    }
    for user_id in &person.users {
        person.consents += super::consents::count_of(connection, *user_id).await?;
    }
    let dead_letters = traces::dead_letters_of(connection, engine, &person, Millis::MAX).await?;
    person.dead_letters = i64::try_from(dead_letters.len()).unwrap_or(0);
    Ok(person)
}

/// Leads and open forms with this phone, and whose they are.
async fn find_by_phone(
    connection: &mut AnyConnection,
    engine: Engine,
    phone: &str,
    person: &mut Person,
) -> Result<(), StoreError> {
    let wanted = person.clone();
    // What a document says, or, where it cannot be read, what is written in it somewhere.
    let is_of = |phone_there: &Value, text: &str| match phone_there["e164"].as_str() {
        Some(there) => there == phone,
        None => traces::tells_of(text, &wanted),
    };
    let holds = rows::contains(engine, "body", "$1");
    let sql = format!(
        "SELECT {} FROM leads WHERE ({holds} OR unreadable <> 0) AND forgotten_at IS NULL",
        lead_columns(engine)
    );
    for row in sqlx::query(AssertSqlSafe(sql)).bind(phone).fetch_all(&mut *connection).await? {
        let body = body_of(&row);
        let parsed: Value = serde_json::from_str(&body).unwrap_or_default();
        if is_of(&parsed["phone"], &body) {
            take_lead(&row, person);
        }
    }
    // A phone that was corrected stands beside its lead.
    let sql = format!(
        "SELECT {} FROM leads WHERE id IN (SELECT lead_id FROM amendments WHERE {}) AND forgotten_at IS NULL",
        lead_columns(engine),
        rows::contains(engine, "amendments.body", "$1")
    );
    for row in sqlx::query(AssertSqlSafe(sql)).bind(phone).fetch_all(&mut *connection).await? {
        take_lead(&row, person);
    }
    let (draft, holds) = (rows::bytes(engine, "draft"), rows::contains(engine, "draft", "$1"));
    let sql = format!("SELECT {}, {draft} FROM dialogues WHERE {holds}", rows::chats(engine, "chat_id", "channel"));
    for row in sqlx::query(AssertSqlSafe(sql)).bind(phone).fetch_all(&mut *connection).await? {
        let draft = rows::lossy(&row, 2).unwrap_or_default();
        let parsed: Value = serde_json::from_str(&draft).unwrap_or_default();
        if is_of(&parsed["draft"]["phone"], &draft) {
            person.users.extend(rows::chat(&row, 0).and_then(ChatRef::user));
        }
    }
    Ok(())
}

/// A lead's document; with marks where it is damaged.
fn body_of(row: &AnyRow) -> String {
    rows::lossy(row, 1).unwrap_or_default()
}

/// Takes a lead with whatever can be read of it; in a state that is not known it counts as not delivered.
fn take_lead(row: &AnyRow, person: &mut Person) {
    let id = rows::lossy(row, 0).unwrap_or_default();
    let number = rows::lossy(row, 2).filter(|number| LeadNumber::parse(number).is_some());
    let state = rows::lossy(row, 3).and_then(|state| LeadState::parse(&state).ok());
    person.take_body(&serde_json::from_str(&body_of(row)).unwrap_or_default());
    if let Some(user_id) = rows::number(row, 6).filter(|id| *id != 0) {
        person.users.insert(user_id);
        person.chats.insert(ChatRef::telegram(user_id));
    }
    person.leads.push(PersonLead {
        number: number.unwrap_or_else(|| id.clone()),
        id,
        state: state.unwrap_or(LeadState::Waiting),
        crm_lead_id: rows::number(row, 4),
        uncertain: rows::number(row, 5) == Some(1),
        taken_at: rows::number(row, 7).unwrap_or(0),
        key: rows::raw(row, 0).unwrap_or_default(),
    });
}
