//! Turns are written: those that are ready at the same moment in the same statements, each as if it were alone.

use std::collections::{HashMap, HashSet};

use futures::future::BoxFuture;
use serde::Serialize;
use sqlx::{AnyConnection, AssertSqlSafe};

use crate::{
    clock::{Clock, Millis},
    config::LeadLimits,
    fault::point,
    lead::ChatRef,
};

use super::{
    ButtonsChange, Dialogue, Dialogues, NewAmendment, NewConsent, NewLead, NewMessage, NewSpeech, NewWithdrawal,
    OutboxMessage, StoreError, Urgency, amendments, consents, json, later_messages, limits, live_buttons, new_leads,
    outbox::{self, ToChat},
    rows, withdrawals,
    writer::{Ends, Jointly, Undone},
};

/// One turn of a dialogue, to be committed as a whole.
#[derive(Debug, Clone)]
pub struct Turn {
    /// The chat.
    pub chat: ChatRef,
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
    /// Commits a turn.
    pub async fn commit(&self, turn: Turn) -> Result<TurnOutcome, StoreError> {
        let (has_lead, has_amendment, has_speech) =
            (turn.lead.is_some(), turn.amendment.is_some(), turn.speech.is_some());
        let (tells, withdraws) = (turn.told.is_some(), turn.withdrawal.is_some());
        let outcome = self.write_jointly(Urgency::Now, TakenTurn { turn, clock: self.clock }).await?;
        if has_lead && matches!(outcome, TurnOutcome::Committed(_)) {
            self.leads_moved();
        }
        if has_amendment {
            self.leads_moved();
            self.wake_afterwards();
        }
        if has_speech {
            self.wakes.late_notes.notify_one();
        }
        if tells {
            self.wakes.messages.notify_one();
        }
        if withdraws {
            self.wakes.withdrawals.notify_one();
        }
        Ok(outcome)
    }
}

/// A turn on its way into the store.
struct TakenTurn {
    turn: Turn,
    clock: Clock,
}

impl Jointly for TakenTurn {
    type Answer = TurnOutcome;

    /// Turns of one chat come one after the other.
    fn fits(&self, all: &[Self]) -> bool {
        all.iter().all(|other| other.turn.chat != self.turn.chat)
    }

    fn write_all<'a>(
        all: &'a [Self],
        connection: &'a mut AnyConnection,
    ) -> BoxFuture<'a, Result<Vec<Ends<TurnOutcome>>, StoreError>> {
        Box::pin(take(all, connection))
    }
}

/// Writes turns of several chats. What refuses one is found out before anything of it is written, so that a refusal needs no
/// rollback; only a turn that is overtaken with its lead does.
async fn take(all: &[TakenTurn], connection: &mut AnyConnection) -> Result<Vec<Ends<TurnOutcome>>, StoreError> {
    let Some(clock) = all.first().map(|taken| taken.clock) else { return Ok(Vec::new()) };
    let now = clock.now();
    let turns: Vec<&Turn> = all.iter().map(|taken| &taken.turn).collect();
    let mut ends: HashMap<ChatRef, Ends<TurnOutcome>> = HashMap::new();

    for turn in &turns {
        if let Some(new) = &turn.lead
            && let Some(again_at) = limits::reached(connection, clock, &new.lead, turn.limits, now).await?
        {
            ends.insert(turn.chat, Ok(TurnOutcome::TooMany { again_at }));
        }
    }
    let allowed = turns.iter().filter(|turn| !ends.contains_key(&turn.chat));
    let leads: Vec<_> = allowed.filter_map(|turn| turn.lead.as_ref()).collect();
    let new_leads = new_leads::insert_all(connection, &leads, now, Some(now)).await?;
    let is_new_lead = |turn: &Turn| turn.lead.as_ref().is_some_and(|new| new_leads.contains(&new.lead.id));
    for turn in &turns {
        if let Some(new) = &turn.lead
            && !is_new_lead(turn)
            && !ends.contains_key(&turn.chat)
            && !new_leads::id_exists(connection, &new.lead.id.to_string()).await?
        {
            ends.insert(turn.chat, Ok(TurnOutcome::NumberTaken));
        }
    }

    let left: Vec<&Turn> = turns.iter().copied().filter(|turn| !ends.contains_key(&turn.chat)).collect();
    let mut going_on = go_on(connection, &left).await?;
    let mut answers = Vec::new();
    for turn in left {
        if !going_on.remove(&turn.chat) {
            let overtaken = TurnOutcome::Overtaken;
            let end = if is_new_lead(turn) { Err(Undone::Answer(overtaken)) } else { Ok(overtaken) };
            ends.insert(turn.chat, end);
            continue;
        }
        beside(turn, connection, clock, now).await?;
        let messages = match &turn.instead_of {
            Some(album) if !outbox::take_back(connection, turn.chat, album, now).await? && turn.only_instead => &[],
            _ => turn.messages.as_slice(),
        };
        answers.push((turn, messages));
    }
    let pressed = answers.iter().filter_map(|(turn, _)| Some((turn.chat, ButtonsChange::pressed(turn.pressed?))));
    let pressed: Vec<_> = pressed.collect();
    live_buttons::change_all(connection, &pressed).await?;
    let enqueued = enqueue(connection, &answers, now).await?;
    for ((turn, _), messages) in answers.iter().zip(enqueued) {
        ends.insert(turn.chat, Ok(TurnOutcome::Committed(messages)));
        point("intake.in_commit");
    }
    let overtaken = || Ok(TurnOutcome::Overtaken);
    Ok(turns.iter().map(|turn| ends.remove(&turn.chat).unwrap_or_else(overtaken)).collect())
}

/// A row of `dialogues`, and which update its turn goes on from.
#[derive(Serialize)]
struct DialogueRow<'a> {
    chat_id: i64,
    channel: &'static str,
    step: &'a str,
    draft: &'a str,
    update_id: i64,
    update_at: Millis,
    replies: Option<&'a str>,
    after_id: Option<i64>,
    after_at: Option<Millis>,
}

const DIALOGUE_ROW: &[(&str, &str)] = &[
    ("chat_id", "BIGINT"),
    ("channel", "TEXT"),
    ("step", "TEXT"),
    ("draft", "TEXT"),
    ("update_id", "BIGINT"),
    ("update_at", "BIGINT"),
    ("replies", "TEXT"),
    ("after_id", "BIGINT"),
    ("after_at", "BIGINT"),
];

/// Brings the dialogues up to date of which each still stands as its turn has read it, and returns their chats.
async fn go_on(connection: &mut AnyConnection, turns: &[&Turn]) -> Result<HashSet<ChatRef>, StoreError> {
    let rows = turns.iter().map(|turn| DialogueRow {
        chat_id: turn.chat.id,
        channel: turn.chat.channel.as_str(),
        step: &turn.dialogue.step,
        draft: &turn.dialogue.draft,
        update_id: turn.dialogue.update_id,
        update_at: turn.dialogue.update_at,
        replies: turn.dialogue.replies.as_deref(),
        after_id: turn.after.map(|(id, _)| id),
        after_at: turn.after.map(|(_, at)| at),
    });
    let (first, next): (Vec<_>, Vec<_>) = rows.partition(|row| row.after_id.is_none());
    let listed = rows::listed(rows::engine_of(connection), DIALOGUE_ROW);
    let insert = format!(
        "INSERT INTO dialogues (chat_id, channel, step, draft, update_id, update_at, replies) \
         SELECT chat_id, channel, step, draft, update_id, update_at, replies FROM {listed} WHERE TRUE \
         ON CONFLICT DO NOTHING RETURNING chat_id, channel"
    );
    let update = format!(
        "UPDATE dialogues SET step = new.step, draft = new.draft, update_id = new.update_id, update_at = new.update_at, \
         replies = new.replies FROM {listed} WHERE dialogues.chat_id = new.chat_id AND dialogues.channel = new.channel \
         AND dialogues.update_id = new.after_id AND dialogues.update_at = new.after_at \
         RETURNING dialogues.chat_id, dialogues.channel"
    );
    let mut going_on = HashSet::new();
    for (sql, rows) in [(insert, first), (update, next)] {
        if !rows.is_empty() {
            let written = sqlx::query(AssertSqlSafe(sql)).bind(json(&rows)).fetch_all(&mut *connection).await?;
            going_on.extend(written.iter().filter_map(|row| rows::chat(row, 0)));
        }
    }
    Ok(going_on)
}

/// What few turns lead to.
async fn beside(turn: &Turn, connection: &mut AnyConnection, clock: Clock, now: Millis) -> Result<(), StoreError> {
    if let Some(new) = &turn.withdrawal {
        withdrawals::insert(connection, turn.chat, new, now).await?;
        consents::end(connection, new.user_id, now).await?;
    }
    if let Some(new) = &turn.consent {
        consents::insert(connection, turn.chat, new).await?;
    }
    if let Some(new) = &turn.amendment {
        amendments::insert(connection, new, now).await?;
        point("amendment.in_commit");
    }
    if let Some(new) = &turn.speech {
        later_messages::insert(connection, turn.chat, new, clock).await?;
    }
    Ok(())
}

/// Enqueues the answers of turns and what others are told of them; returns the answers as they are in the outbox.
async fn enqueue(
    connection: &mut AnyConnection,
    answers: &[(&Turn, &[NewMessage])],
    now: Millis,
) -> Result<Vec<Vec<(OutboxMessage, Option<String>)>>, StoreError> {
    let body = |message: &NewMessage| (json(&message.notice), message.due_at);
    let to_buyer = answers.iter().map(|(turn, messages)| ToChat {
        chat: turn.chat,
        album: turn.instead_of.as_deref(),
        bodies: messages.iter().map(body).collect(),
        enqueued: Vec::new(),
    });
    let to_others = answers.iter().filter_map(|(turn, _)| turn.told.as_ref()).map(|message| ToChat {
        chat: message.chat,
        album: None,
        bodies: vec![body(message)],
        enqueued: Vec::new(),
    });
    let mut to_chats: Vec<_> = to_buyer.chain(to_others).collect();
    outbox::insert_all(connection, &mut to_chats, now).await?;
    let enqueued = to_chats.into_iter().zip(answers).map(|(to_chat, (_, messages))| {
        let each = to_chat.enqueued.into_iter().zip(messages.iter());
        each.map(|((id, before), NewMessage { chat, notice, .. })| {
            (OutboxMessage { id, chat: *chat, notice: notice.clone(), attempts: 0 }, before)
        })
        .collect()
    });
    Ok(enqueued.collect())
}
