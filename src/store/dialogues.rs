//! Dialogues: each turn is one commit that holds the new state, the update that made it, the answer to it, the lead it
//! submits and the messages that answer it. A turn is committed only if the dialogue still stands as it was read: a process
//! that has lost the leadership may still be taking a turn when the next leader has taken the same one, and more.

use sqlx::AssertSqlSafe;
use tracing::warn;

use crate::{clock::Millis, config::LeadLimits};

use super::{
    Dialogues, LeadRow, NewAmendment, NewConsent, NewLead, NewMessage, NewSpeech, NewWithdrawal, OutboxMessage,
    StoreError, Urgency, rows, turns::TakenTurn,
};

/// A chat's stored dialogue; `step` and `draft` are read tolerantly by the bot's room.
#[derive(Debug, Clone, PartialEq)]
pub struct Dialogue {
    /// Name of the step.
    pub step: String,
    /// What has been answered, as JSON.
    pub draft: String,
    /// The last update that was taken.
    pub update_id: i64,
    /// When it was taken, in milliseconds UTC.
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
    /// Its person withdraws their consent.
    pub withdrawal: Option<NewWithdrawal>,
    /// Its person consents to the dealer's document.
    pub consent: Option<NewConsent>,
    /// What it says of a request that was sent before.
    pub amendment: Option<NewAmendment>,
    /// What it says after a request was sent.
    pub speech: Option<NewSpeech>,
    /// How many requests its person may send.
    pub limits: LeadLimits,
    /// Messages that it enqueues for the chat itself.
    pub messages: Vec<NewMessage>,
    /// What somebody else is told of it.
    pub told: Option<NewMessage>,
    /// The message whose button was pressed, which is over.
    pub pressed: Option<i32>,
    /// They are the answer to this album as far as it has come: an earlier one that still waits is taken back.
    pub instead_of: Option<String>,
    /// They are nothing but that: where the earlier one was sent already, nothing more is said.
    pub only_instead: bool,
}

/// What became of a turn.
#[derive(Debug, Clone, PartialEq)]
pub enum TurnOutcome {
    /// Committed; the messages in order, each with the one before it that Telegram has not taken either.
    Committed(Vec<(OutboxMessage, Option<String>)>),
    /// Nothing was committed: another lead has this number, draw a new one.
    NumberTaken,
    /// Nothing was committed: its person has sent so many requests that the next is taken from this moment on only.
    TooMany {
        /// From when on the next is taken, in milliseconds UTC.
        again_at: Millis,
    },
    /// Nothing was committed: another process has taken a turn of this chat meanwhile.
    Overtaken,
}

impl Dialogues {
    /// A chat's dialogue; whatever stands there, it can be read.
    pub async fn of_chat(&self, chat_id: i64) -> Result<Option<Dialogue>, StoreError> {
        let sql = format!(
            "SELECT {}, {}, {}, {}, {} FROM dialogues WHERE chat_id = $1",
            rows::bytes(self.engine, "step"),
            rows::bytes(self.engine, "draft"),
            rows::numbers(self.engine, "update_id"),
            rows::numbers(self.engine, "update_at"),
            rows::bytes(self.engine, "replies")
        );
        let Some(row) = sqlx::query(AssertSqlSafe(sql)).bind(chat_id).fetch_optional(&self.pool).await? else {
            return Ok(None);
        };
        let taken = (rows::number(&row, 2), rows::number(&row, 3));
        if let (None, _) | (_, None) = taken {
            // The next turn is compared with these two: without them the chat would be locked out.
            warn!("a dialogue does not say which update it has taken last; it goes on with the next one");
            self.forget_last_update(chat_id).await?;
        }
        let (update_id, update_at) = match taken {
            (Some(update_id), Some(update_at)) => (update_id, update_at),
            _ => (0, 0),
        };
        Ok(Some(Dialogue {
            step: rows::lossy(&row, 0).unwrap_or_default(),
            draft: rows::lossy(&row, 1).unwrap_or_default(),
            update_id,
            update_at,
            replies: rows::lossy(&row, 4),
        }))
    }

    async fn forget_last_update(&self, chat_id: i64) -> Result<(), StoreError> {
        sqlx::query("UPDATE dialogues SET update_id = 0, update_at = 0 WHERE chat_id = $1")
            .bind(chat_id)
            .execute(&self.pool)
            .await?;
        Ok(())
    }

    /// What one person has sent, newest first, at most `limit`.
    pub async fn requests_of(&self, user_id: i64, limit: usize) -> Result<Vec<LeadRow>, StoreError> {
        self.leads().of_person(user_id, limit).await
    }

    /// Commits a turn.
    pub async fn commit(&self, turn: &Turn) -> Result<TurnOutcome, StoreError> {
        let taken = TakenTurn { turn: turn.clone(), clock: self.clock };
        let outcome = self.write_jointly(Urgency::Now, taken).await?;
        if turn.lead.is_some() && matches!(outcome, TurnOutcome::Committed(_)) {
            self.leads_moved();
        }
        if turn.amendment.is_some() {
            self.leads_moved();
            self.wake_afterwards();
        }
        if turn.speech.is_some() {
            self.wakes.late_notes.notify_one();
        }
        if turn.told.is_some() {
            self.wakes.messages.notify_one();
        }
        if turn.withdrawal.is_some() {
            self.wakes.withdrawals.notify_one();
        }
        Ok(outcome)
    }

    /// Forgets a chat's dialogue.
    pub async fn remove(&self, chat_id: i64) -> Result<(), StoreError> {
        sqlx::query("DELETE FROM dialogues WHERE chat_id = $1").bind(chat_id).execute(&self.pool).await?;
        Ok(())
    }
}
