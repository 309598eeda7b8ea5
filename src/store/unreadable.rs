//! Leads and messages that this version cannot read: passed over, kept as they are, and named to the admin once.
//!
//! Whoever comes upon one marks it, and nobody reads it again before the next start, which may be of a version that can
//! read it. So one bad row costs its one reading, and holds nothing up.

use sqlx::{AssertSqlSafe, any::AnyRow};
use tracing::warn;

use crate::{clock::Millis, lead::Channel};

use super::{
    Database, Leads, NewMessage, OpenAlerts, StoreError, json,
    leads::{BODY, ID, LEAD_COLUMNS, LeadRow, NUMBER, STATE, STEPS, lead_columns, lead_row},
    outbox, rows, stage,
    telling::{UNTOLD_REJECTIONS, untold_stuck},
};

/// Looked at in one go.
const AT_ONCE: i64 = 200;

/// Of a chat so many characters are shown.
const CHAT_SHOWN: usize = 20;

/// Of a body that cannot be read so many characters are shown.
const SHOWN: usize = 2000;

/// Leads in a state that no version up to this one knows.
const STRANGE_STATE: &str = "state <> 'waiting' AND state <> 'delivered' AND state <> 'rejected' \
                             AND state <> 'discarded' AND unreadable = 0";

/// Rows of which the admin has not heard; the first condition is the index's.
const UNTOLD: &str = "unreadable <> 0 AND unreadable = 1";

/// A row where the admin is to be told of anything.
fn any_untold() -> String {
    format!(
        "SELECT 1 WHERE EXISTS (SELECT 1 FROM leads WHERE {UNTOLD_REJECTIONS}) \
         OR EXISTS (SELECT 1 FROM leads WHERE {}) OR EXISTS (SELECT 1 FROM leads WHERE {STRANGE_STATE}) \
         OR EXISTS (SELECT 1 FROM leads WHERE {UNTOLD}) OR EXISTS (SELECT 1 FROM messages WHERE {UNTOLD})",
        untold_stuck()
    )
}

/// A lead that cannot be read, with what is known of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnreadableLead {
    /// What is in the store as its id.
    pub id: String,
    /// What is in the store as its number.
    pub number: String,
    /// What is in the store as its state.
    pub state: String,
    /// When it was submitted, where that can be read.
    pub submitted_at: Option<Millis>,
    /// Telegram's id of its buyer, where that can be read.
    pub user_id: Option<i64>,
    /// Its id in amoCRM, if it has one.
    pub crm_lead_id: Option<i64>,
    /// What is wrong, without personal data.
    pub reason: String,
    /// The beginning of its document as it stands, for a person.
    pub body: String,
    key: Vec<u8>,
}

impl UnreadableLead {
    /// By what it is called: its number, or its id where that is no number.
    pub fn name(&self) -> &str {
        match crate::lead::LeadNumber::parse(&self.number) {
            Some(_) => &self.number,
            None => &self.id,
        }
    }
}

/// What the admin has not been told of yet.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Untold {
    /// Numbers of leads (ids where there is no number).
    pub leads: Vec<String>,
    /// Chats for which a message waits that cannot be read, as they stand in the store.
    pub chats: Vec<String>,
    ids: Vec<(&'static str, Vec<u8>)>,
}

fn unreadable_lead(row: &AnyRow) -> UnreadableLead {
    let reason = match lead_row(row) {
        Err(StoreError::Unreadable(reason)) => reason,
        _ => "it can be read now".into(),
    };
    let shown = |text: String| text.chars().take(SHOWN).collect::<String>();
    let word = |at| rows::lossy(row, at).unwrap_or_else(|| "?".into()).chars().take(40).collect::<String>();
    UnreadableLead {
        id: word(ID),
        number: word(NUMBER),
        state: word(STATE),
        submitted_at: rows::number(row, LEAD_COLUMNS),
        user_id: rows::number(row, LEAD_COLUMNS + 1),
        crm_lead_id: stage::lead_id(rows::lossy(row, STEPS)),
        reason,
        body: rows::lossy(row, BODY).map(shown).unwrap_or_default(),
        key: rows::raw(row, ID).unwrap_or_default(),
    }
}

impl Database {
    /// Of these rows the leads; what is none is marked.
    pub(super) async fn leads_of(&self, rows: &[AnyRow]) -> Result<Vec<LeadRow>, StoreError> {
        let mut leads = Vec::with_capacity(rows.len());
        for row in rows {
            match lead_row(row) {
                Ok(lead) => leads.push(lead),
                Err(StoreError::Unreadable(reason)) => {
                    let name = rows::lossy(row, NUMBER).and_then(|number| crate::lead::LeadNumber::parse(&number));
                    warn!(lead = ?name, reason, "a lead cannot be read; it is kept and passed over");
                    self.again(|| async {
                        let mut connection = self.pool.0.acquire().await?;
                        rows::mark_unreadable(&mut connection, self.engine, "leads", rows::raw(row, ID)).await
                    })
                    .await?;
                }
                Err(other) => return Err(other),
            }
        }
        Ok(leads)
    }

    /// A lead in a state that no version up to this one knows is on nobody's list.
    pub(super) async fn mark_strange_states(&self) -> Result<(), StoreError> {
        let sql = format!("UPDATE leads SET unreadable = 1 WHERE {STRANGE_STATE}");
        sqlx::query(AssertSqlSafe(sql)).execute(&self.pool).await?;
        Ok(())
    }

    /// Looks again at what could not be read: this version may be able to. Called at a start.
    pub async fn read_again(&self) -> Result<(), StoreError> {
        let sql = format!("SELECT {} FROM leads WHERE unreadable <> 0 LIMIT $1 + 0", lead_columns(self.engine));
        let rows = sqlx::query(AssertSqlSafe(sql)).bind(i64::from(i32::MAX)).fetch_all(&self.pool).await?;
        for row in rows.iter().filter(|row| lead_row(row).is_ok()) {
            let id = rows::raw(row, ID).unwrap_or_default();
            self.again(|| async {
                let mut connection = self.pool.0.acquire().await?;
                rows::set(&mut connection, self.engine, "leads", id.clone(), "unreadable = 0").await
            })
            .await?;
        }
        let sql = format!(
            "SELECT {}, {} FROM messages WHERE unreadable <> 0",
            outbox::columns(self.engine),
            rows::bytes(self.engine, "id")
        );
        let rows = sqlx::query(AssertSqlSafe(sql)).fetch_all(&self.pool).await?;
        for row in rows.iter().filter(|row| outbox::message(row).is_ok()) {
            let id = rows::raw(row, 0).unwrap_or_default();
            self.again(|| async {
                let mut connection = self.pool.0.acquire().await?;
                rows::set(&mut connection, self.engine, "messages", id.clone(), "unreadable = 0").await
            })
            .await?;
        }
        Ok(())
    }
}

impl Leads {
    /// Leads that were come upon and cannot be read, oldest first, at most `limit`.
    pub async fn unreadable(&self, limit: i64) -> Result<Vec<UnreadableLead>, StoreError> {
        self.mark_strange_states().await?;
        let sql = format!(
            "SELECT {}, {}, {} FROM leads WHERE unreadable <> 0 ORDER BY submitted_at, id LIMIT $1 + 0",
            lead_columns(self.engine),
            rows::numbers(self.engine, "submitted_at"),
            rows::numbers(self.engine, "user_id")
        );
        let rows = sqlx::query(AssertSqlSafe(sql)).bind(limit).fetch_all(&self.pool).await?;
        Ok(rows.iter().map(unreadable_lead).collect())
    }

    /// The lead with this number or id, where it cannot be read.
    pub async fn unreadable_one(&self, name: &str) -> Result<Option<UnreadableLead>, StoreError> {
        let name = name.trim().trim_start_matches('#').trim_start();
        if let Some(number) = crate::lead::LeadNumber::parse(name) {
            // Nobody may have come upon it yet.
            self.by_number(&number).await?;
        }
        let all = self.unreadable(i64::from(i32::MAX)).await?;
        Ok(all.into_iter().find(|lead| lead.number.eq_ignore_ascii_case(name) || lead.id.eq_ignore_ascii_case(name)))
    }

    /// The ids of leads that amoCRM may not have got and that cannot be read.
    pub async fn unreadable_ids(&self) -> Result<Vec<String>, StoreError> {
        self.mark_strange_states().await?;
        let sql = format!(
            "SELECT {} FROM leads WHERE unreadable <> 0 AND state <> 'delivered' AND state <> 'discarded'",
            rows::bytes(self.engine, "id")
        );
        let rows = sqlx::query(AssertSqlSafe(sql)).fetch_all(&self.pool).await?;
        Ok(rows.iter().filter_map(|row| rows::lossy(row, 0)).collect())
    }

    /// How many leads that are not over cannot be read.
    pub async fn unreadable_count(&self) -> Result<i64, StoreError> {
        let row = sqlx::query("SELECT COUNT(*) FROM leads WHERE unreadable <> 0").fetch_one(&self.pool).await?;
        Ok(rows::number(&row, 0).unwrap_or(0))
    }

    /// Gives up a lead that cannot be read; it stays in the store.
    pub async fn discard_unreadable(&self, lead: &UnreadableLead) -> Result<bool, StoreError> {
        self.change_unreadable(lead, "state = 'discarded', unreadable = 0, leased_by = NULL, leased_until = 0").await
    }

    /// Has a lead read once more: somebody may have fixed it.
    pub async fn retry_unreadable(&self, lead: &UnreadableLead) -> Result<bool, StoreError> {
        let change = format!("unreadable = 0, due_at = {}", self.clock.now());
        self.change_unreadable(lead, &change).await
    }

    async fn change_unreadable(&self, lead: &UnreadableLead, change: &str) -> Result<bool, StoreError> {
        let done = self
            .again(|| async {
                let mut connection = self.pool.0.acquire().await?;
                rows::set(&mut connection, self.engine, "leads", lead.key.clone(), change).await
            })
            .await?;
        self.leads_moved();
        Ok(done > 0)
    }
}

impl OpenAlerts {
    /// What the admin is to be told of.
    pub async fn untold_unreadable(&self) -> Result<Untold, StoreError> {
        self.mark_strange_states().await?;
        let mut untold = Untold::default();
        let text = |column| rows::bytes(self.engine, column);
        let sql = format!("SELECT {}, {} FROM leads WHERE {UNTOLD} LIMIT $1 + 0", text("id"), text("number"));
        for row in sqlx::query(AssertSqlSafe(sql)).bind(AT_ONCE).fetch_all(&self.pool).await? {
            let id = rows::lossy(&row, 0).unwrap_or_default();
            let number = rows::lossy(&row, 1).and_then(|number| crate::lead::LeadNumber::parse(&number));
            untold.leads.push(number.map_or_else(|| id.chars().take(40).collect(), |number| number.to_string()));
            untold.ids.push(("leads", rows::raw(&row, 0).unwrap_or_default()));
        }
        let sql = format!(
            "SELECT {}, {}, {} FROM messages WHERE {UNTOLD} LIMIT $1 + 0",
            text("id"),
            text("CAST(chat_id AS TEXT)"),
            text("channel")
        );
        for row in sqlx::query(AssertSqlSafe(sql)).bind(AT_ONCE).fetch_all(&self.pool).await? {
            let number = rows::lossy(&row, 1).unwrap_or_default();
            let chat = match rows::lossy(&row, 2) {
                Some(channel) if channel != Channel::Telegram.as_str() => format!("{channel}:{number}"),
                _ => number,
            };
            untold.chats.push(chat.chars().take(CHAT_SHOWN).collect());
            untold.ids.push(("messages", rows::raw(&row, 0).unwrap_or_default()));
        }
        untold.chats.dedup();
        Ok(untold)
    }

    /// Whether there is a lead or a row that the admin is to be told of: what is refused, does not get through or cannot be
    /// read. One statement, since it is asked all the time and the answer is nearly always no.
    pub async fn has_untold(&self) -> Result<bool, StoreError> {
        Ok(sqlx::query(AssertSqlSafe(any_untold())).fetch_optional(&self.pool).await?.is_some())
    }

    /// The admin is told of these, in one commit with the message.
    pub async fn tell_of_unreadable(&self, untold: &Untold, message: &NewMessage) -> Result<(), StoreError> {
        self.again(|| self.tell_of_unreadable_once(untold, message)).await?;
        self.wakes.messages.notify_one();
        Ok(())
    }

    async fn tell_of_unreadable_once(&self, untold: &Untold, message: &NewMessage) -> Result<(), StoreError> {
        let now = self.clock.now();
        let mut transaction = self.begin().await?;
        for (table, id) in &untold.ids {
            rows::set(&mut transaction, self.engine, table, id.clone(), "unreadable = 2").await?;
        }
        outbox::insert(&mut transaction, message.chat, &json(&message.notice), message.due_at, now).await?;
        transaction.commit().await?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::Ordering;

    use sqlx::{Connection, Executor, SqliteConnection};

    use crate::{clock::Clock, store::tests::instructions_of};

    use super::*;

    /// The instructions that SQLite takes to find that there is nothing to tell, with so many delivered leads and messages.
    async fn looked(delivered: i64) -> u64 {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("store.sqlite");
        crate::store::Store::open_file(&file, Clock::default()).await.expect("a store").close().await;
        let url = format!("sqlite://{}", file.display());
        let mut connection = SqliteConnection::connect(&url).await.expect("the file");
        let numbers =
            format!("WITH RECURSIVE numbers(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers LIMIT {delivered})");
        for fill in [
            "INSERT INTO leads (id, number, state, body, user_id, submitted_at, due_at) \
             SELECT printf('%026d', n), n, 'delivered', '{}', n, n, 0 FROM numbers",
            "INSERT INTO messages (id, chat_id, body, due_at, created_at) \
             SELECT printf('%026d', n), n, '{}', 0, 0 FROM numbers",
        ] {
            connection.execute(AssertSqlSafe(format!("{numbers} {fill}"))).await.expect("rows");
        }
        let count = instructions_of(&mut connection).await;
        let found = sqlx::query(AssertSqlSafe(any_untold())).fetch_optional(&mut connection).await.expect("a look");
        assert!(found.is_none());
        count.load(Ordering::Relaxed)
    }

    #[tokio::test]
    async fn a_look_for_what_is_untold_costs_the_same_however_many_leads_there_were() {
        let (small, large) = (looked(100).await, looked(10_000).await);
        assert!(large <= small + small / 10, "{small} instructions for 100, {large} for 10,000");
    }
}
