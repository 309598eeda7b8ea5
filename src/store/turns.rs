//! Turns are written: those that are ready at the same moment in the same statements, each as if it were alone.

use std::collections::{HashMap, HashSet};

use futures::future::BoxFuture;
use serde::Serialize;
use sqlx::{AnyConnection, AssertSqlSafe};

use crate::{
    clock::{Clock, Millis},
    fault::point,
};

use super::{
    ButtonsChange, NewMessage, OutboxMessage, StoreError, Turn, TurnOutcome, amendments, consents, json,
    later_messages, limits, live_buttons, new_leads,
    outbox::{self, ToChat},
    rows, withdrawals,
    writer::{Ends, Jointly, Undone},
};

/// A turn on its way into the store.
pub(super) struct TakenTurn {
    pub turn: Turn,
    pub clock: Clock,
}

impl Jointly for TakenTurn {
    type Answer = TurnOutcome;

    /// Turns of one chat come one after the other.
    fn fits(&self, all: &[Self]) -> bool {
        all.iter().all(|other| other.turn.chat_id != self.turn.chat_id)
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
    let mut ends: HashMap<i64, Ends<TurnOutcome>> = HashMap::new();

    for turn in &turns {
        if let Some(new) = &turn.lead
            && let Some(again_at) = limits::reached(connection, clock, &new.lead, turn.limits, now).await?
        {
            ends.insert(turn.chat_id, Ok(TurnOutcome::TooMany { again_at }));
        }
    }
    let allowed = turns.iter().filter(|turn| !ends.contains_key(&turn.chat_id));
    let leads: Vec<_> = allowed.filter_map(|turn| turn.lead.as_ref()).collect();
    let new_leads = new_leads::insert_all(connection, &leads, now, Some(now)).await?;
    let is_new_lead = |turn: &Turn| turn.lead.as_ref().is_some_and(|new| new_leads.contains(&new.lead.id));
    for turn in &turns {
        if let Some(new) = &turn.lead
            && !is_new_lead(turn)
            && !ends.contains_key(&turn.chat_id)
            && !new_leads::id_exists(connection, &new.lead.id.to_string()).await?
        {
            ends.insert(turn.chat_id, Ok(TurnOutcome::NumberTaken));
        }
    }

    let left: Vec<&Turn> = turns.iter().copied().filter(|turn| !ends.contains_key(&turn.chat_id)).collect();
    let mut going_on = go_on(connection, &left).await?;
    let mut answers = Vec::new();
    for turn in left {
        if !going_on.remove(&turn.chat_id) {
            let overtaken = TurnOutcome::Overtaken;
            let end = if is_new_lead(turn) { Err(Undone::Answer(overtaken)) } else { Ok(overtaken) };
            ends.insert(turn.chat_id, end);
            continue;
        }
        beside(turn, connection, clock, now).await?;
        let messages = match &turn.instead_of {
            Some(album) if !outbox::take_back(connection, turn.chat_id, album, now).await? && turn.only_instead => &[],
            _ => turn.messages.as_slice(),
        };
        answers.push((turn, messages));
    }
    let pressed = answers.iter().filter_map(|(turn, _)| Some((turn.chat_id, ButtonsChange::pressed(turn.pressed?))));
    let pressed: Vec<_> = pressed.collect();
    live_buttons::change_all(connection, &pressed).await?;
    let enqueued = enqueue(connection, &answers, now).await?;
    for ((turn, _), messages) in answers.iter().zip(enqueued) {
        ends.insert(turn.chat_id, Ok(TurnOutcome::Committed(messages)));
        point("intake.in_commit");
    }
    let overtaken = || Ok(TurnOutcome::Overtaken);
    Ok(turns.iter().map(|turn| ends.remove(&turn.chat_id).unwrap_or_else(overtaken)).collect())
}

/// A row of `dialogues`, and which update its turn goes on from.
#[derive(Serialize)]
struct DialogueRow<'a> {
    chat_id: i64,
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
    ("step", "TEXT"),
    ("draft", "TEXT"),
    ("update_id", "BIGINT"),
    ("update_at", "BIGINT"),
    ("replies", "TEXT"),
    ("after_id", "BIGINT"),
    ("after_at", "BIGINT"),
];

/// Brings the dialogues up to date of which each still stands as its turn has read it, and returns their chats.
async fn go_on(connection: &mut AnyConnection, turns: &[&Turn]) -> Result<HashSet<i64>, StoreError> {
    let rows = turns.iter().map(|turn| DialogueRow {
        chat_id: turn.chat_id,
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
        "INSERT INTO dialogues (chat_id, step, draft, update_id, update_at, replies) \
         SELECT chat_id, step, draft, update_id, update_at, replies FROM {listed} WHERE TRUE \
         ON CONFLICT DO NOTHING RETURNING chat_id"
    );
    let update = format!(
        "UPDATE dialogues SET step = new.step, draft = new.draft, update_id = new.update_id, update_at = new.update_at, \
         replies = new.replies FROM {listed} WHERE dialogues.chat_id = new.chat_id \
         AND dialogues.update_id = new.after_id AND dialogues.update_at = new.after_at RETURNING dialogues.chat_id"
    );
    let mut going_on = HashSet::new();
    for (sql, rows) in [(insert, first), (update, next)] {
        if !rows.is_empty() {
            let written = sqlx::query(AssertSqlSafe(sql)).bind(json(&rows)).fetch_all(&mut *connection).await?;
            going_on.extend(written.iter().filter_map(|row| rows::number(row, 0)));
        }
    }
    Ok(going_on)
}

/// What few turns lead to.
async fn beside(turn: &Turn, connection: &mut AnyConnection, clock: Clock, now: Millis) -> Result<(), StoreError> {
    if let Some(new) = &turn.withdrawal {
        withdrawals::insert(connection, turn.chat_id, new, now).await?;
        consents::end(connection, new.user_id, now).await?;
    }
    if let Some(new) = &turn.consent {
        consents::insert(connection, turn.chat_id, new).await?;
    }
    if let Some(new) = &turn.amendment {
        amendments::insert(connection, new, now).await?;
        point("amendment.in_commit");
    }
    if let Some(new) = &turn.speech {
        later_messages::insert(connection, turn.chat_id, new, clock).await?;
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
        chat_id: turn.chat_id,
        album: turn.instead_of.as_deref(),
        bodies: messages.iter().map(body).collect(),
        enqueued: Vec::new(),
    });
    let to_others = answers.iter().filter_map(|(turn, _)| turn.told.as_ref()).map(|message| ToChat {
        chat_id: message.chat_id,
        album: None,
        bodies: vec![body(message)],
        enqueued: Vec::new(),
    });
    let mut to_chats: Vec<_> = to_buyer.chain(to_others).collect();
    outbox::insert_all(connection, &mut to_chats, now).await?;
    let enqueued = to_chats.into_iter().zip(answers).map(|(to_chat, (_, messages))| {
        let each = to_chat.enqueued.into_iter().zip(messages.iter());
        each.map(|((id, before), NewMessage { chat_id, notice, .. })| {
            (OutboxMessage { id, chat_id: *chat_id, notice: notice.clone(), attempts: 0 }, before)
        })
        .collect()
    });
    Ok(enqueued.collect())
}
