//! Forms that were left unfinished become leads: which are looked at, and the commit that sends one.

use sqlx::{AnyConnection, AssertSqlSafe};
use ulid::Ulid;

use crate::{
    clock::{Clock, Millis},
    config::LeadLimits,
    fault::point,
    lead::Lead,
};

use super::{
    Dialogues, LeftForm, NewAmendment, NewLead, NewMessage, StoreError, amendments, json, limits, new_leads, outbox,
    reminders, writer::Undone,
};

/// What there is of a form, to be committed if nobody has touched it meanwhile.
#[derive(Debug, Clone)]
pub struct SentUnfinished {
    /// The form as it was read.
    pub left: LeftForm,
    /// Its dialogue from then on, as JSON.
    pub draft: String,
    /// The lead; `None` where it was sent before.
    pub lead: Option<NewLead>,
    /// What has come to it since it was sent.
    pub amendment: Option<NewAmendment>,
    /// How many requests its person may send.
    pub limits: LeadLimits,
    /// What somebody is told of it.
    pub told: Option<NewMessage>,
}

/// What became of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UnfinishedOutcome {
    /// It is committed.
    Sent,
    /// Another lead has this number: draw a new one.
    NumberTaken,
    /// Its person has sent too many requests: not before then.
    TooMany(Millis),
    /// Its buyer has gone on meanwhile, or another process has sent it.
    Overtaken,
}

impl Dialogues {
    /// Open forms last touched until then, the longest ago first, that were not looked at since: some of them.
    pub async fn forms_to_send(&self, until: Millis) -> Result<Vec<LeftForm>, StoreError> {
        // Whoever was not given the last question yet has not left.
        let which = "step <> 'idle' AND update_at <= $1 AND (looked_at IS NULL OR looked_at < update_at) \
                     AND NOT EXISTS (SELECT 1 FROM messages WHERE messages.chat_id = dialogues.chat_id \
                     AND messages.channel = dialogues.channel)";
        let sql = reminders::select(self.engine, which);
        Ok(reminders::read(&sqlx::query(AssertSqlSafe(sql)).bind(until).fetch_all(&self.pool).await?))
    }

    /// Records that a form was looked at and is not to be sent as it stands.
    pub async fn passed_over(&self, left: &LeftForm) -> Result<(), StoreError> {
        sqlx::query(
            "UPDATE dialogues SET looked_at = update_at \
             WHERE chat_id = $1 AND channel = $4 AND update_id = $2 AND update_at = $3",
        )
        .bind(left.chat.id)
        .bind(left.update.0)
        .bind(left.update.1)
        .bind(left.chat.channel.as_str())
        .execute(&self.pool)
        .await?;
        Ok(())
    }

    /// The request that a form was sent as, as it is known now; `None` where nothing of it is left.
    pub async fn sent_unfinished(&self, id: Ulid) -> Result<Option<Lead>, StoreError> {
        let Some(row) = self.leads().by_id(id).await?.filter(|row| row.forgotten_at.is_none()) else { return Ok(None) };
        let amended = self.amended(&[id]).await?.remove(&id).and_then(|amended| amended.lead);
        let Some(amended) = amended.filter(|_| row.expired_at.is_none()) else { return Ok(Some(row.lead)) };
        // Files that came since stand in the lead itself.
        Ok(Some(Lead { files: row.lead.files, ..amended }))
    }

    /// Commits what there is of a form.
    pub async fn send_unfinished(&self, sent: &SentUnfinished) -> Result<UnfinishedOutcome, StoreError> {
        let clock = self.clock;
        point("unfinished.before_commit");
        let outcome = self.write(sent.clone(), move |sent, connection| Box::pin(send(sent, connection, clock))).await?;
        if outcome == UnfinishedOutcome::Sent {
            point("unfinished.stored");
            self.leads_moved();
            self.wake_afterwards();
            self.wakes.messages.notify_one();
        }
        Ok(outcome)
    }
}

async fn send(
    sent: &SentUnfinished,
    connection: &mut AnyConnection,
    clock: Clock,
) -> Result<UnfinishedOutcome, Undone<UnfinishedOutcome>> {
    let now = clock.now();
    if let Some(new) = &sent.lead {
        if let Some(again_at) = limits::reached(connection, clock, &new.lead, sent.limits, now).await? {
            return Ok(UnfinishedOutcome::TooMany(again_at));
        }
        if !new_leads::insert(connection, new, now, Some(now)).await?
            && !new_leads::id_exists(connection, &new.lead.id.to_string()).await?
        {
            return Ok(UnfinishedOutcome::NumberTaken);
        }
    }
    // Another moment, so that no turn goes on from what is remembered of the dialogue.
    let done = sqlx::query(
        "UPDATE dialogues SET draft = $1, update_at = update_at + 1, looked_at = update_at + 1 \
         WHERE chat_id = $2 AND channel = $5 AND update_id = $3 AND update_at = $4 AND step <> 'idle'",
    )
    .bind(&sent.draft)
    .bind(sent.left.chat.id)
    .bind(sent.left.update.0)
    .bind(sent.left.update.1)
    .bind(sent.left.chat.channel.as_str())
    .execute(&mut *connection)
    .await?;
    if done.rows_affected() == 0 {
        return Err(Undone::Answer(UnfinishedOutcome::Overtaken));
    }
    if let Some(new) = &sent.amendment {
        amendments::insert(connection, new, now).await?;
    }
    if let Some(message) = &sent.told {
        outbox::insert(connection, message.chat, &json(&message.notice), message.due_at, now).await?;
    }
    point("unfinished.in_commit");
    Ok(UnfinishedOutcome::Sent)
}
