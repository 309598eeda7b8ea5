//! Dialogues: each turn is one commit that holds the new state, the update that made it, the answer to it, the lead it
//! submits and the messages owed for it. A turn is committed only if the dialogue still stands as it was read: a process
//! that has lost the leadership may still be taking a turn when the next leader has taken the same one, and more.

use sqlx::Row;

use crate::{clock::Millis, fault::point};

use super::{NewLead, NewMessage, Store, StoreError, json, leads, messages};

/// A chat's stored dialogue; `step` and `draft` are read tolerantly by the bot's room.
#[derive(Debug, Clone, PartialEq)]
pub struct Dialogue {
    /// Name of the step.
    pub step: String,
    /// What has been answered, as JSON.
    pub draft: String,
    /// The last update that was taken.
    pub update_id: i64,
    /// When.
    pub update_at: Millis,
    /// What it is answered with, as JSON, so that a redelivery can be answered again.
    pub replies: Option<String>,
}

/// One turn of a dialogue, to be committed as a whole.
#[derive(Debug, Clone)]
pub struct Turn {
    /// The chat.
    pub chat_id: i64,
    /// The last update of the dialogue that this turn goes on from, and when it was taken; `None` when there was none.
    pub after: Option<(i64, Millis)>,
    /// Its dialogue after the turn.
    pub dialogue: Dialogue,
    /// The lead that the turn submits.
    pub lead: Option<NewLead>,
    /// Messages owed for it.
    pub messages: Vec<NewMessage>,
}

/// What became of a turn.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TurnOutcome {
    /// Committed; the ids of the owed messages, in order.
    Committed(Vec<String>),
    /// Nothing was committed: another lead has this number, draw a new one.
    NumberTaken,
    /// Nothing was committed: another process has taken a turn of this chat meanwhile.
    Overtaken,
}

impl Store {
    /// A chat's dialogue.
    pub async fn dialogue(&self, chat_id: i64) -> Result<Option<Dialogue>, StoreError> {
        let row = sqlx::query("SELECT step, draft, update_id, update_at, replies FROM dialogues WHERE chat_id = $1")
            .bind(chat_id)
            .fetch_optional(&self.pool)
            .await?;
        row.map(|row| {
            Ok(Dialogue {
                step: row.try_get(0)?,
                draft: row.try_get(1)?,
                update_id: row.try_get(2)?,
                update_at: row.try_get(3)?,
                replies: row.try_get(4)?,
            })
        })
        .transpose()
    }

    /// Commits a turn.
    pub async fn commit_turn(&self, turn: &Turn) -> Result<TurnOutcome, StoreError> {
        self.again(|| self.commit_turn_once(turn)).await
    }

    async fn commit_turn_once(&self, turn: &Turn) -> Result<TurnOutcome, StoreError> {
        let now = self.clock.now();
        let mut transaction = self.begin().await?;
        let sql = match turn.after {
            None => {
                "INSERT INTO dialogues (chat_id, step, draft, update_id, update_at, replies) \
                 VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT DO NOTHING"
            }
            Some(_) => {
                "UPDATE dialogues SET step = $2, draft = $3, update_id = $4, update_at = $5, replies = $6 \
                 WHERE chat_id = $1 AND update_id = $7 AND update_at = $8"
            }
        };
        let dialogue = &turn.dialogue;
        let mut query = sqlx::query(sql)
            .bind(turn.chat_id)
            .bind(&dialogue.step)
            .bind(&dialogue.draft)
            .bind(dialogue.update_id)
            .bind(dialogue.update_at)
            .bind(&dialogue.replies);
        if let Some((update_id, update_at)) = turn.after {
            query = query.bind(update_id).bind(update_at);
        }
        if query.execute(&mut *transaction).await?.rows_affected() == 0 {
            transaction.rollback().await?;
            return Ok(TurnOutcome::Overtaken);
        }
        if let Some(new) = &turn.lead
            && !leads::insert(&mut transaction, new, now).await?
            && !leads::id_exists(&mut transaction, &new.lead.id.to_string()).await?
        {
            transaction.rollback().await?;
            return Ok(TurnOutcome::NumberTaken);
        }
        let mut ids = Vec::with_capacity(turn.messages.len());
        for message in &turn.messages {
            let body = json(&message.notice);
            ids.push(messages::insert(&mut transaction, message.chat_id, &body, message.due_at, now).await?);
        }
        point("intake.in_commit");
        transaction.commit().await?;
        if turn.lead.is_some() {
            self.leads_moved();
        }
        if !ids.is_empty() {
            self.wakes.messages.notify_one();
        }
        Ok(TurnOutcome::Committed(ids))
    }

    /// Forgets a chat's dialogue.
    pub async fn remove_dialogue(&self, chat_id: i64) -> Result<(), StoreError> {
        sqlx::query("DELETE FROM dialogues WHERE chat_id = $1").bind(chat_id).execute(&self.pool).await?;
        Ok(())
    }
}
