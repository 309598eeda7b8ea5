//! Forgetting a person: everything personal is wiped, what keeps the promise stays (numbers, amoCRM's ids, times).
//!
//! A person is one Telegram account, or all accounts that gave a phone. What is wiped leaves its id in `forgotten`, so
//! that a copy of an older day can be made to forget it too (see `copies`).

mod copies;
mod traces;

use std::{collections::BTreeSet, time::Duration};

use serde_json::{Value, json};
use sqlx::{AnyConnection, Row};
use ulid::Ulid;

use crate::{clock::Millis, lead::LeadNumber};

use super::{Engine, LeadState, Store, StoreError, rows};

/// Fewer digits would be found everywhere.
const LEAST_DIGITS: usize = 10;

/// Another connection may hold the file for a moment.
const SCRUB_TRIES: u32 = 20;
const SCRUB_PAUSE: Duration = Duration::from_millis(150);

/// Marks of first presses begin so; some name whom the admin has asked to forget.
pub const FIRST_PRESS: &str = "first_press:";

/// Whom to forget.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Whom {
    /// Telegram's id of a user.
    User(i64),
    /// E.164, as leads hold it.
    Phone(String),
}

/// One request of a person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PersonLead {
    /// Our id.
    pub id: String,
    /// Its number.
    pub number: LeadNumber,
    /// Where it is.
    pub state: LeadState,
    /// amoCRM's id of it.
    pub crm_lead_id: Option<i64>,
    /// A create went out and its result is not known.
    pub uncertain: bool,
}

/// What the store holds of a person.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Person {
    /// Telegram's ids.
    pub users: BTreeSet<i64>,
    /// Chats, which are the users' own.
    pub chats: BTreeSet<i64>,
    /// E.164.
    pub phones: BTreeSet<String>,
    /// Requests, oldest first, without those that were wiped before.
    pub leads: Vec<PersonLead>,
    /// Dialogues, with or without an open form.
    pub dialogues: i64,
    /// Updates that were set aside.
    pub set_aside: i64,
}

impl Person {
    /// Whether there is nothing to wipe.
    pub fn is_unknown(&self) -> bool {
        self.leads.is_empty() && self.dialogues == 0 && self.set_aside == 0
    }

    /// Requests that amoCRM has not got, or not as far as we know.
    pub fn undelivered(&self) -> impl Iterator<Item = &PersonLead> {
        self.leads.iter().filter(|lead| matches!(lead.state, LeadState::Waiting | LeadState::Rejected))
    }

    /// What the person's traces hold: phones as digits alone.
    fn digits(&self) -> impl Iterator<Item = String> {
        let digits = self.phones.iter().map(|phone| phone.chars().filter(char::is_ascii_digit).collect::<String>());
        digits.filter(|digits| digits.len() >= LEAST_DIGITS)
    }

    fn take_body(&mut self, body: &Value) {
        if let Some(phone) = body["phone"]["e164"].as_str().filter(|phone| !phone.is_empty()) {
            self.phones.insert(phone.to_owned());
        }
        if let Some(chat_id) = body["buyer"]["chat_id"].as_i64() {
            self.chats.insert(chat_id);
        }
        if let Some(user_id) = body["buyer"]["user_id"].as_i64().filter(|id| *id != 0) {
            self.users.insert(user_id);
            self.chats.insert(user_id);
        }
    }
}

/// What became of a wish to forget somebody.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Forgetting {
    /// Wiped.
    Done(Person),
    /// Nothing was changed: requests are not delivered yet and nobody has said what is to become of them.
    Undecided(Person),
    /// Nothing was changed: this request is being sent right now.
    Busy(LeadNumber),
    /// The store holds nothing of such a person.
    Unknown,
}

/// A lead's body without anything personal.
fn wiped_body(number: &str, body: &Value) -> String {
    let wiped = json!({
        "id": body["id"], "number": number, "submitted_at": body["submitted_at"],
        "name": "", "phone": {"e164": "", "typed": "", "origin": "backup"}, "budget": {"typed": "", "price": 0},
        "car_link": null, "buyer": {"user_id": 0}, "consent_at": body["consent_at"],
        "origin": body["origin"].as_str().unwrap_or("telegram"),
    });
    wiped.to_string()
}

async fn remember(connection: &mut AnyConnection, id: &str, at: Millis) -> Result<(), StoreError> {
    sqlx::query("INSERT INTO forgotten (id, forgotten_at) VALUES ($1, $2) ON CONFLICT DO NOTHING")
        .bind(id)
        .bind(at)
        .execute(connection)
        .await?;
    Ok(())
}

/// Whether an id, or the fingerprint of an entry of a file, is of somebody who was forgotten.
pub(super) async fn is_forgotten(connection: &mut AnyConnection, id: &str) -> Result<bool, StoreError> {
    Ok(sqlx::query("SELECT 1 FROM forgotten WHERE id = $1").bind(id).fetch_optional(connection).await?.is_some())
}

/// Wipes one lead, which is over. With what was taken in from a file goes the entry's fingerprint.
async fn wipe_lead(connection: &mut AnyConnection, id: &str, at: Millis) -> Result<(), StoreError> {
    let Some(row) = sqlx::query("SELECT number, body FROM leads WHERE id = $1 AND forgotten_at IS NULL")
        .bind(id)
        .fetch_optional(&mut *connection)
        .await?
    else {
        return Ok(());
    };
    let (number, body): (String, String) = (row.try_get(0)?, row.try_get(1)?);
    let body: Value = serde_json::from_str(&body).unwrap_or_else(|_| json!({"id": id}));
    sqlx::query(
        "UPDATE leads SET body = $1, user_id = 0, contact_id = NULL, degradation = NULL, last_error = NULL, \
         unreadable = 0, leased_by = NULL, leased_until = 0, forgotten_at = $2 WHERE id = $3",
    )
    .bind(wiped_body(&number, &body))
    .bind(at)
    .bind(id)
    .execute(&mut *connection)
    .await?;
    remember(connection, id, at).await?;
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

impl Store {
    /// What the store holds of somebody.
    pub async fn person(&self, whom: &Whom) -> Result<Person, StoreError> {
        self.again(|| async {
            let mut connection = self.pool.0.acquire().await?;
            find(&mut connection, whom).await
        })
        .await
    }

    /// Wipes everything personal of somebody in one commit. Requests that amoCRM has not got are given up if
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
        let person = find(&mut transaction, whom).await?;
        if person.is_unknown() {
            return Ok(Forgetting::Unknown);
        }
        if !also_waiting && person.undelivered().next().is_some() {
            return Ok(Forgetting::Undecided(person));
        }
        for lead in person.undelivered() {
            let done = sqlx::query(
                "UPDATE leads SET state = 'discarded' WHERE id = $1 AND state IN ('waiting', 'rejected') \
                 AND (leased_by IS NULL OR leased_until < $2)",
            )
            .bind(&lead.id)
            .bind(now)
            .execute(&mut *transaction)
            .await?;
            if done.rows_affected() == 0 {
                transaction.rollback().await?;
                return Ok(Forgetting::Busy(lead.number.clone()));
            }
        }
        for lead in &person.leads {
            wipe_lead(&mut transaction, &lead.id, now).await?;
        }
        traces::wipe(&mut transaction, &person, Millis::MAX, now).await?;
        transaction.commit().await?;
        Ok(Forgetting::Done(person))
    }

    /// Writes over what was wiped, wherever the engine has left it: a file holds deleted text until it is written anew.
    /// `false` when somebody else works with the file all the time; the next daily pass tries again.
    pub async fn scrub(&self) -> Result<bool, StoreError> {
        if self.engine == Engine::Postgres {
            for table in ["leads", "dialogues", "messages", "customers", "set_aside", "marks"] {
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

/// Everything the store holds of somebody.
async fn find(connection: &mut AnyConnection, whom: &Whom) -> Result<Person, StoreError> {
    let mut person = Person::default();
    match whom {
        Whom::User(id) => drop(person.users.insert(*id)),
        Whom::Phone(phone) => {
            person.phones.insert(phone.clone());
            find_by_phone(connection, phone, &mut person).await?;
        }
    }
    person.chats.extend(person.users.iter().copied());
    for user_id in person.users.clone() {
        let rows = sqlx::query("SELECT id, body FROM leads WHERE user_id = $1 AND forgotten_at IS NULL")
            .bind(user_id)
            .fetch_all(&mut *connection)
            .await?;
        for row in rows {
            take_lead(connection, row.try_get(0)?, &row.try_get::<String, _>(1)?, &mut person).await?;
        }
    }
    person.leads.sort_by(|one, other| one.id.cmp(&other.id));
    person.leads.dedup();
    for chat_id in &person.chats {
        let row = sqlx::query("SELECT COUNT(*) FROM dialogues WHERE chat_id = $1")
            .bind(*chat_id)
            .fetch_one(&mut *connection)
            .await?;
        person.dialogues += row.try_get::<i64, _>(0)?;
    }
    person.set_aside = i64::try_from(traces::set_aside_of(connection, &person, Millis::MAX).await?.len()).unwrap_or(0);
    Ok(person)
}

/// Leads and open forms with this phone, and whose they are.
async fn find_by_phone(connection: &mut AnyConnection, phone: &str, person: &mut Person) -> Result<(), StoreError> {
    let rows = sqlx::query("SELECT id, body FROM leads WHERE body LIKE $1 AND forgotten_at IS NULL")
        .bind(format!("%{phone}%"))
        .fetch_all(&mut *connection)
        .await?;
    for row in rows {
        let body: String = row.try_get(1)?;
        let parsed: Value = serde_json::from_str(&body).unwrap_or_default();
        if parsed["phone"]["e164"] == phone {
            take_lead(connection, row.try_get(0)?, &body, person).await?;
        }
    }
    let rows = sqlx::query("SELECT chat_id, draft FROM dialogues WHERE draft LIKE $1")
        .bind(format!("%{phone}%"))
        .fetch_all(&mut *connection)
        .await?;
    for row in rows {
        let draft: Value = serde_json::from_str(&row.try_get::<String, _>(1)?).unwrap_or_default();
        if draft["draft"]["phone"]["e164"] == phone {
            person.users.insert(row.try_get(0)?);
        }
    }
    Ok(())
}

async fn take_lead(
    connection: &mut AnyConnection,
    id: String,
    body: &str,
    person: &mut Person,
) -> Result<(), StoreError> {
    let row =
        sqlx::query("SELECT number, state FROM leads WHERE id = $1").bind(&id).fetch_one(&mut *connection).await?;
    let step = sqlx::query("SELECT remote_id, done_at FROM lead_steps WHERE lead_id = $1 AND step = 'lead'")
        .bind(&id)
        .fetch_optional(connection)
        .await?;
    person.take_body(&serde_json::from_str(body).unwrap_or_default());
    let number: String = row.try_get(0)?;
    let Some(number) = LeadNumber::parse(&number) else {
        return Err(StoreError::Unreadable(format!("lead number {number:?}")));
    };
    person.leads.push(PersonLead {
        id,
        number,
        state: LeadState::parse(&row.try_get::<String, _>(1)?)?,
        crm_lead_id: step.as_ref().and_then(|step| rows::number(step, 0)),
        uncertain: step.is_some_and(|step| rows::is_null(&step, 1)),
    });
    Ok(())
}

/// Id of the form that a stored dialogue holds.
fn form_id(draft: &str) -> Option<String> {
    let draft: Value = serde_json::from_str(draft).ok()?;
    let id = draft["draft"]["id"].as_str()?;
    Ulid::from_string(id).ok().map(|id| id.to_string())
}
