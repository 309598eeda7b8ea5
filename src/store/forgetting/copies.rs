//! Copies of an older day: whoever was forgotten since is forgotten in them too.
//!
//! A copy names its people itself: ids of requests and forms are all that has to be remembered, and they tell nobody
//! anything. Whoever has come back since is left alone: only what is older than the forgetting goes.

use std::collections::HashMap;

use serde_json::Value;
use sqlx::{AnyConnection, AssertSqlSafe};

use crate::{
    clock::Millis,
    lead::ChatRef,
    store::{Engine, PersonalData, StoreError, late_notes, rows},
};

use super::{
    super::forgotten::{person_id, remember_latest},
    Person, bind_key, lead_columns, take_lead,
    traces::{self, form_id},
    wipe_lead, wiped_body, with_key,
};

/// Ids looked up in one statement.
const IDS_AT_ONCE: usize = 200;

/// What another store knows to be forgotten, as it is in this one.
#[derive(Debug, Default)]
pub(in crate::store) struct ForgottenElsewhere {
    ids: HashMap<String, Millis>,
    people: Vec<(Person, Millis)>,
}

type Row1 = Vec<Option<String>>;

impl ForgottenElsewhere {
    /// Leaves out of rows of this store what is forgotten; `columns` are their names. Leads keep what the promise needs.
    pub(in crate::store) fn leave_out(&self, table: &str, columns: &[(&str, char)], rows: &mut Vec<Row1>) {
        if self.ids.is_empty() {
            return;
        }
        let at = |name: &str| columns.iter().position(|(column, _)| *column == name).unwrap_or_default();
        let text = |row: &Row1, name: &str| row[at(name)].clone().unwrap_or_default();
        let number = |row: &Row1, name: &str| text(row, name).parse::<i64>().unwrap_or_default();
        let chat_in = |row: &Row1, name: &str, channel: &str| {
            Some(ChatRef { id: number(row, name), channel: text(row, channel).parse().ok()? })
        };
        let chat_of = |row: &Row1| chat_in(row, "chat_id", "channel");
        let is_of = |person: &Person, chat: Option<ChatRef>| chat.is_some_and(|chat| person.chats.contains(&chat));
        match table {
            "leads" => {
                for row in rows {
                    let Some(forgotten_at) = self.ids.get(&text(row, "id")) else { continue };
                    if row[at("forgotten_at")].is_some() {
                        continue;
                    }
                    let body: Value = serde_json::from_str(&text(row, "body")).unwrap_or_default();
                    row[at("body")] = Some(wiped_body(&text(row, "number"), &body));
                    row[at("user_id")] = Some("0".into());
                    row[at("forgotten_at")] = Some(forgotten_at.to_string());
                    for name in ["contact_id", "degradation", "last_error"] {
                        row[at(name)] = None;
                    }
                    // It was over when it was forgotten, or else it was given up then.
                    if matches!(text(row, "state").as_str(), "waiting" | "rejected") {
                        row[at("state")] = Some("discarded".into());
                    }
                }
            }
            "amendments" | "later_messages" | "manager_messages" | "watched_leads" => {
                rows.retain(|row| !self.ids.contains_key(&text(row, "lead_id")))
            }
            "lead_files" | "lead_actions" => rows.retain(|row| !self.ids.contains_key(&text(row, "lead_id"))),
            // What says that the consent was withdrawn holds nothing personal.
            "late_notes" => rows.retain(|row| {
                let lead_id = text(row, "lead_id");
                !self.ids.contains_key(&lead_id) || text(row, "id") == format!("{lead_id}-{}", late_notes::WITHDRAWN)
            }),
            "dialogues" => rows.retain(|row| {
                let known = form_id(&text(row, "draft")).is_some_and(|id| self.ids.contains_key(&id));
                let (chat, update_at) = (chat_of(row), number(row, "update_at"));
                !known && !self.people.iter().any(|(person, at)| is_of(person, chat) && update_at <= *at)
            }),
            "messages" => rows.retain_mut(|row| {
                let (chat, created_at) = (chat_of(row), number(row, "created_at"));
                for (person, _) in self.people.iter().filter(|(_, at)| created_at <= *at) {
                    if is_of(person, chat) {
                        return false;
                    }
                    match traces::without(&text(row, "body"), person) {
                        traces::Without::Same => {}
                        traces::Without::Less(body) => row[at("body")] = Some(body),
                        traces::Without::Nothing => return false,
                    }
                }
                true
            }),
            "buyer_topics" => rows.retain(|row| {
                let (buyer, created_at) = (chat_in(row, "buyer_chat", "buyer_channel"), number(row, "created_at"));
                !self.people.iter().any(|(person, at)| is_of(person, buyer) && created_at <= *at)
            }),
            "live_buttons" | "sent_messages" => {
                rows.retain(|row| !self.people.iter().any(|(person, _)| is_of(person, chat_of(row))))
            }
            "consents" => {
                for row in rows {
                    let Some(forgotten_at) = self.ids.get(&text(row, "id")) else { continue };
                    for name in ["chat_id", "user_id", "press_id"] {
                        row[at(name)] = None;
                    }
                    row[at("ended_at")].get_or_insert_with(|| forgotten_at.to_string());
                }
            }
            "customers" => rows.retain(|row| {
                let (phone, seen_at) = (text(row, "phone"), number(row, "seen_at"));
                !self.people.iter().any(|(person, at)| person.phones.contains(&phone) && seen_at <= *at)
            }),
            "set_aside" => rows.retain(|row| {
                let (chat, at_all) = (chat_of(row), number(row, "set_aside_at"));
                let told = |person: &Person| is_of(person, chat) || traces::tells_of(&text(row, "body"), person);
                !self.people.iter().any(|(person, at)| at_all <= *at && told(person))
            }),
            _ => {}
        }
    }
}

impl PersonalData {
    /// What another store knows to be forgotten and this one still holds.
    pub(in crate::store) async fn forgotten_elsewhere(
        &self,
        other: &PersonalData,
    ) -> Result<ForgottenElsewhere, StoreError> {
        let mut known =
            ForgottenElsewhere { ids: other.forgotten().await?.into_iter().collect(), ..Default::default() };
        if known.ids.is_empty() {
            return Ok(known);
        }
        let mut connection = self.pool.0.acquire().await?;
        known.people = people_of(&mut connection, self.engine, &known.ids).await?;
        Ok(known)
    }

    /// Ids of what was forgotten, and when.
    pub async fn forgotten(&self) -> Result<Vec<(String, Millis)>, StoreError> {
        let sql = format!(
            "SELECT {}, {} FROM forgotten ORDER BY id",
            rows::bytes(self.engine, "id"),
            rows::numbers(self.engine, "forgotten_at")
        );
        let rows = sqlx::query(AssertSqlSafe(sql)).fetch_all(&self.pool).await?;
        // When it was is no reason to remember anybody again.
        let now = self.clock.now();
        Ok(rows.iter().filter_map(|row| Some((rows::lossy(row, 0)?, rows::number(row, 1).unwrap_or(now)))).collect())
    }

    /// Forgets what is known to be forgotten and stands here all the same, because this is a copy of an older day;
    /// `known` comes from beside the store. Returns how many requests were wiped.
    pub async fn forget_again(&self, known: &[(String, Millis)]) -> Result<usize, StoreError> {
        self.again(|| self.forget_again_once(known)).await
    }

    async fn forget_again_once(&self, known: &[(String, Millis)]) -> Result<usize, StoreError> {
        let now = self.clock.now();
        let mut ids: HashMap<String, Millis> = self.forgotten().await?.into_iter().collect();
        let mut transaction = self.begin().await?;
        for (id, at) in known {
            if ids.get(id).is_none_or(|here| here < at) {
                ids.insert(id.clone(), *at);
                remember_latest(&mut transaction, id, *at).await?;
            }
        }
        if ids.is_empty() {
            return Ok(0);
        }
        crate::store::consents::forget_again(&mut transaction).await?;
        let mut wiped = 0;
        for (person, at) in people_of(&mut transaction, self.engine, &ids).await? {
            for lead in &person.leads {
                // What is under way somewhere is taken by the next pass.
                let sql = format!(
                    "UPDATE leads SET state = CASE WHEN state = 'delivered' THEN state ELSE 'discarded' END \
                     WHERE {} AND (leased_by IS NULL OR leased_until < $2)",
                    with_key(self.engine, "$1")
                );
                let query = sqlx::query(AssertSqlSafe(sql));
                let over = bind_key(query, self.engine, &lead.key).bind(now).execute(&mut *transaction).await?;
                if over.rows_affected() == 1 {
                    wipe_lead(&mut transaction, self.engine, lead, at).await?;
                    wiped += 1;
                }
            }
            traces::wipe(&mut transaction, self.engine, &person, at, at).await?;
        }
        transaction.commit().await?;
        if wiped > 0 {
            self.leads_moved();
        }
        Ok(wiped)
    }
}

/// Who stands behind these ids here, and until when they are forgotten.
async fn people_of(
    connection: &mut AnyConnection,
    engine: Engine,
    ids: &HashMap<String, Millis>,
) -> Result<Vec<(Person, Millis)>, StoreError> {
    let mut people = Vec::new();
    let all: Vec<&String> = ids.keys().collect();
    for some in all.chunks(IDS_AT_ONCE) {
        let places = (1..=some.len()).map(|at| format!("${at}")).collect::<Vec<_>>().join(", ");
        let sql = format!("SELECT {} FROM leads WHERE forgotten_at IS NULL AND id IN ({places})", lead_columns(engine));
        let mut query = sqlx::query(AssertSqlSafe(sql));
        for id in some {
            query = query.bind(id.as_str());
        }
        for row in query.fetch_all(&mut *connection).await? {
            let mut person = Person::default();
            take_lead(&row, &mut person);
            let at = person.leads.first().and_then(|lead| ids.get(&lead.id)).copied();
            people.extend(at.map(|at| (person, at)));
        }
    }
    let sql = format!(
        "SELECT {}, {} FROM dialogues",
        rows::chats(engine, "chat_id", "channel"),
        rows::bytes(engine, "draft")
    );
    for row in sqlx::query(AssertSqlSafe(sql)).fetch_all(connection).await? {
        let (Some(user_id), Some(draft)) = (rows::chat(&row, 0).and_then(ChatRef::user), rows::lossy(&row, 2)) else {
            continue;
        };
        let of_form = form_id(&draft).and_then(|id| ids.get(&id));
        // A dialogue without a form names nobody but by its chat.
        if let Some(at) = of_form.or_else(|| ids.get(&person_id(user_id))) {
            let person =
                Person { users: [user_id].into(), chats: [ChatRef::telegram(user_id)].into(), ..Person::default() };
            people.push((person, *at));
        }
    }
    Ok(people)
}
