//! What managers say to buyers from their group: kept with the message that goes to the buyer and with the note that tells of it,
//! in one commit; and what became of it, until that is said under the manager's message.

use sqlx::{AssertSqlSafe, any::AnyRow};
use ulid::Ulid;

use crate::{
    clock::Millis,
    fault::point,
    lead::{LeadNumber, Speech},
};

use super::{
    NewMessage, StoreError, Talk, json, later_messages,
    later_messages::{Note, Said},
    lead_work, outbox, rows,
};

/// So many are looked at together.
const AT_ONCE: i64 = 100;

/// Something that a manager says to a buyer.
#[derive(Debug, Clone)]
pub struct NewAnswer {
    /// The group's id as Telegram had it, a slash, the message's number there.
    pub id: String,
    /// The message in the group.
    pub message_id: i32,
    /// The topic it is in.
    pub topic: Option<i32>,
    /// Our id of the lead.
    pub lead_id: Ulid,
    /// Its number.
    pub number: LeadNumber,
    /// What was said, for the note.
    pub speech: Speech,
    /// When it was written.
    pub at: Millis,
    /// How far the dealer's clock is before UTC.
    pub utc_offset: chrono::TimeDelta,
    /// The message to the buyer.
    pub message: NewMessage,
}

/// What was told of an answer under it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, strum::EnumString, strum::IntoStaticStr)]
#[strum(serialize_all = "snake_case")]
pub enum AnswerTold {
    /// That it waits.
    Waits,
    /// Nothing, or that it is there after all: it is over.
    There,
    /// That it has not reached the buyer: it is over.
    Failed,
}

/// An answer of which it is not known yet what became of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpenAnswer {
    /// Its id in the store.
    pub id: String,
    /// Our id of the lead.
    pub lead_id: String,
    /// Its number.
    pub number: LeadNumber,
    /// The message in the group.
    pub message_id: i32,
    /// The topic it is in.
    pub topic: Option<i32>,
    /// Since when.
    pub kept_at: Millis,
    /// It was told that it waits.
    pub is_told: bool,
}

impl Talk {
    /// Resolves when something was said.
    pub async fn changed(&self) {
        self.wakes.talk.notified().await;
    }

    /// Keeps what a manager says; `false` where it was kept before.
    pub async fn keep(&self, new: &NewAnswer) -> Result<bool, StoreError> {
        let is_new = self.again(|| self.keep_once(new)).await?;
        if is_new {
            self.wakes.messages.notify_one();
            self.wakes.late_notes.notify_one();
            self.wakes.talk.notify_one();
        }
        Ok(is_new)
    }

    async fn keep_once(&self, new: &NewAnswer) -> Result<bool, StoreError> {
        let (now, lead_id) = (self.clock.now(), new.lead_id.to_string());
        let mut transaction = self.begin().await?;
        let done = sqlx::query(
            "INSERT INTO manager_messages (id, lead_id, number, message_id, kept_at, topic) \
             VALUES ($1, $2, $3, $4, $5, CAST($6 AS BIGINT)) ON CONFLICT DO NOTHING",
        )
        .bind(&new.id)
        .bind(&lead_id)
        .bind(new.number.as_str())
        .bind(i64::from(new.message_id))
        .bind(now)
        .bind(new.topic.map(i64::from))
        .execute(&mut *transaction)
        .await?;
        if done.rows_affected() == 0 {
            return Ok(false);
        }
        outbox::insert(&mut transaction, new.message.chat, &json(&new.message.notice), new.message.due_at, now).await?;
        let said = Said {
            lead_id: &lead_id,
            number: &new.number,
            speech: &new.speech,
            at: new.at,
            utc_offset: new.utc_offset,
        };
        let note = Note::of(&mut transaction, &said, &format!("{:010}-m", new.message_id), now).await?;
        note.write(&mut transaction, &said, self.clock).await?;
        if let Speech::Answered { manager, .. } = &new.speech {
            lead_work::touch(&mut transaction, new.number.as_str(), manager, now).await?;
        }
        point("talk.in_commit");
        transaction.commit().await?;
        Ok(true)
    }

    /// Those of which it is not known yet what became of them, oldest first.
    pub async fn open(&self) -> Result<Vec<OpenAnswer>, StoreError> {
        let (text, number) = (|column| rows::bytes(self.engine, column), |column| rows::numbers(self.engine, column));
        let sql = format!(
            "SELECT {}, {}, {}, {}, {}, {}, {} FROM manager_messages WHERE told IS NULL OR told = 'waits' \
             ORDER BY kept_at, id LIMIT {AT_ONCE}",
            text("id"),
            text("lead_id"),
            text("number"),
            number("message_id"),
            number("kept_at"),
            text("told"),
            number("topic")
        );
        let rows = sqlx::query(AssertSqlSafe(sql)).fetch_all(&self.pool).await?;
        Ok(rows.iter().filter_map(open_answer).collect())
    }

    /// Records what is told of an answer, with the message that tells it; where it has not reached the buyer a note says so.
    pub async fn tell(
        &self,
        answer: &OpenAnswer,
        told: AnswerTold,
        message: Option<&NewMessage>,
        not_reached: Option<(&Speech, chrono::TimeDelta)>,
    ) -> Result<(), StoreError> {
        self.again(|| self.tell_once(answer, told, message, not_reached)).await?;
        self.wakes.messages.notify_one();
        self.wakes.late_notes.notify_one();
        Ok(())
    }

    async fn tell_once(
        &self,
        answer: &OpenAnswer,
        told: AnswerTold,
        message: Option<&NewMessage>,
        not_reached: Option<(&Speech, chrono::TimeDelta)>,
    ) -> Result<(), StoreError> {
        let now = self.clock.now();
        let mut transaction = self.begin().await?;
        let before = if answer.is_told { "told = 'waits'" } else { "told IS NULL" };
        let done =
            sqlx::query(AssertSqlSafe(format!("UPDATE manager_messages SET told = $1 WHERE id = $2 AND {before}")))
                .bind(<&str>::from(told))
                .bind(&answer.id)
                .execute(&mut *transaction)
                .await?;
        if done.rows_affected() == 0 {
            return Ok(());
        }
        if let Some(message) = message {
            outbox::insert(&mut transaction, message.chat, &json(&message.notice), message.due_at, now).await?;
        }
        if let Some((speech, utc_offset)) = not_reached {
            let said = Said { lead_id: &answer.lead_id, number: &answer.number, speech, at: now, utc_offset };
            let note = Note::of(&mut transaction, &said, &format!("{:010}-n", answer.message_id), now).await?;
            note.write(&mut transaction, &said, self.clock).await?;
        }
        point("talk.told_in_commit");
        transaction.commit().await?;
        Ok(())
    }

    /// Enqueues what is said of an answer that was edited, once; nothing where the message is none of ours.
    pub async fn tell_of_an_edit(&self, id: &str, message: &NewMessage) -> Result<(), StoreError> {
        self.again(|| self.tell_of_an_edit_once(id, message)).await?;
        self.wakes.messages.notify_one();
        Ok(())
    }

    async fn tell_of_an_edit_once(&self, id: &str, message: &NewMessage) -> Result<(), StoreError> {
        let mut transaction = self.begin().await?;
        let done = sqlx::query("UPDATE manager_messages SET edited = 1 WHERE id = $1 AND edited = 0")
            .bind(id)
            .execute(&mut *transaction)
            .await?;
        if done.rows_affected() == 1 {
            let now = self.clock.now();
            outbox::insert(&mut transaction, message.chat, &json(&message.notice), message.due_at, now).await?;
        }
        transaction.commit().await?;
        Ok(())
    }
}

/// Forgets what was said of a lead, by either side, but for the notes.
pub(super) async fn remove(connection: &mut sqlx::AnyConnection, lead: (&str, &str)) -> Result<(), StoreError> {
    remove_old(connection, lead).await?;
    later_messages::remove(connection, lead.0).await
}

/// The same of a lead that is old: what the notes that are still to be written belong to stays.
pub(super) async fn remove_old(
    connection: &mut sqlx::AnyConnection,
    (lead_id, number): (&str, &str),
) -> Result<(), StoreError> {
    sqlx::query(
        "DELETE FROM sent_messages WHERE id LIKE $1 OR id IN (SELECT 'answer:' || id FROM manager_messages WHERE lead_id = $2) \
         OR id IN (SELECT 'mark:' || id FROM manager_messages WHERE lead_id = $2)",
    )
    .bind(format!("said:{number}/%"))
    .bind(lead_id)
    .execute(&mut *connection)
    .await?;
    sqlx::query("DELETE FROM manager_messages WHERE lead_id = $1").bind(lead_id).execute(connection).await?;
    Ok(())
}

/// What is damaged is passed over.
fn open_answer(row: &AnyRow) -> Option<OpenAnswer> {
    Some(OpenAnswer {
        id: rows::lossy(row, 0)?,
        lead_id: rows::lossy(row, 1)?,
        number: LeadNumber::parse(&rows::lossy(row, 2)?)?,
        message_id: rows::number(row, 3).and_then(|id| i32::try_from(id).ok())?,
        kept_at: rows::number(row, 4).unwrap_or(0),
        is_told: rows::lossy(row, 5).is_some(),
        topic: rows::number(row, 6).and_then(|topic| i32::try_from(topic).ok()),
    })
}
