//! What a buyer says after a request was sent: kept with the turn that it is, as words of a note that is owed to the lead.
//!
//! A note is held for [`GROUPED`] after its first words and takes what is said until then; what comes later begins another.
//! Notes of one lead are written in order (see [`super::late_notes`]). A message that is taken twice is kept once.

use std::time::Duration;

use sqlx::{AnyConnection, AssertSqlSafe};
use ulid::Ulid;

use crate::{
    clock::{Clock, Millis},
    fault::point,
    lead::{BuyerFile, ChatRef, Lead, LeadNumber, Speech, speech_note, with_speech},
};

use super::{Dialogues, Files, LateNotes, NewMessage, StoreError, json, late_notes, outbox, rows};

/// What is said within so long after the first words is one note.
const GROUPED: Duration = Duration::from_secs(120);

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// Something that was said, as a turn commits it.
#[derive(Debug, Clone)]
pub struct NewSpeech {
    /// Our id of the lead.
    pub lead_id: Ulid,
    /// Its number.
    pub number: LeadNumber,
    /// The message in the buyer's chat.
    pub message_id: i64,
    /// The update that tells that it was edited.
    pub edited_by: Option<u32>,
    /// Of its words.
    pub fingerprint: String,
    /// What was said.
    pub speech: Speech,
    /// When it was written.
    pub at: Millis,
    /// How far the dealer's clock is before UTC.
    pub utc_offset: chrono::TimeDelta,
    /// A file with its position, from 1.
    pub file: Option<(usize, BuyerFile)>,
    /// What the managers get of it, in order.
    pub copies: Vec<NewMessage>,
}

/// A message that was kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeptMessage {
    /// Our id of the lead it was kept with.
    pub lead_id: Ulid,
    /// Of its words, as they were last.
    pub fingerprint: String,
}

/// How many messages were kept with a lead.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct LaterMessages {
    /// All of them.
    pub kept: i64,
    /// Those that amoCRM does not have yet.
    pub waiting: i64,
}

/// Keeps what was said.
pub(super) async fn insert(
    connection: &mut AnyConnection,
    chat: ChatRef,
    new: &NewSpeech,
    clock: Clock,
) -> Result<(), StoreError> {
    let (lead_id, now) = (new.lead_id.to_string(), clock.now());
    let edit = new.edited_by.map_or_else(String::new, |update| format!("-{update}"));
    let id = format!("{lead_id}-{:010}{edit}", new.message_id);
    let said =
        Said { lead_id: &lead_id, number: &new.number, speech: &new.speech, at: new.at, utc_offset: new.utc_offset };
    let note = Note::of(connection, &said, &format!("{:010}{edit}", new.message_id), now).await?;
    let done = sqlx::query(
        "INSERT INTO later_messages (id, lead_id, chat_id, message_id, fingerprint, note_id, kept_at, channel) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT DO NOTHING",
    )
    .bind(id)
    .bind(&lead_id)
    .bind(chat.id)
    .bind(new.message_id)
    .bind(&new.fingerprint)
    .bind(note.id())
    .bind(now)
    .bind(chat.channel.as_str())
    .execute(&mut *connection)
    .await?;
    if done.rows_affected() == 0 {
        return Ok(());
    }
    note.write(connection, &said, clock).await?;
    if let Some((position, file)) = &new.file {
        add_file(connection, &lead_id, *position, file, now).await?;
    }
    for copy in &new.copies {
        outbox::insert(connection, copy.chat, &json(&copy.notice), copy.due_at, now).await?;
    }
    point("later.in_commit");
    Ok(())
}

/// Something that was said of a lead.
pub(super) struct Said<'a> {
    pub lead_id: &'a str,
    pub number: &'a LeadNumber,
    pub speech: &'a Speech,
    pub at: Millis,
    pub utc_offset: chrono::TimeDelta,
}

/// The note that takes what was said.
pub(super) enum Note {
    /// The last one of its lead, with its longer text.
    Longer(String, String),
    /// Another one.
    New(String),
}

impl Note {
    /// Which it is; `about` tells a new one from others of its lead.
    pub(super) async fn of(
        connection: &mut AnyConnection,
        said: &Said<'_>,
        about: &str,
        now: Millis,
    ) -> Result<Self, StoreError> {
        let open = open_note(connection, said.lead_id, now).await?;
        let longer = open.and_then(|(id, text)| Some(Self::Longer(id, with_speech(&text, said.speech)?)));
        Ok(longer.unwrap_or_else(|| Self::New(format!("{}-said-{about}", said.lead_id))))
    }

    fn id(&self) -> &str {
        match self {
            Self::Longer(id, _) | Self::New(id) => id,
        }
    }

    /// Owes it.
    pub(super) async fn write(
        &self,
        connection: &mut AnyConnection,
        said: &Said<'_>,
        clock: Clock,
    ) -> Result<(), StoreError> {
        let now = clock.now();
        match self {
            Self::Longer(id, text) => {
                sqlx::query("UPDATE late_notes SET body = $1 WHERE id = $2")
                    .bind(text)
                    .bind(id)
                    .execute(connection)
                    .await?;
                Ok(())
            }
            Self::New(id) => {
                let at = chrono::DateTime::from_timestamp_millis(said.at).unwrap_or_default();
                let text = speech_note(said.number, said.speech, at, said.utc_offset);
                let (lead_id, number) = (said.lead_id, said.number.as_str());
                let note = late_notes::NewNote { id, lead_id, number, text: &text };
                late_notes::insert_said(connection, note, now, now + clock.millis(GROUPED)).await
            }
        }
    }
}

/// The last note of a lead, if it still takes words: it was not sent, and its time has not come.
async fn open_note(
    connection: &mut AnyConnection,
    lead_id: &str,
    now: Millis,
) -> Result<Option<(String, String)>, StoreError> {
    let row = sqlx::query(
        "SELECT id, body FROM late_notes WHERE lead_id = $1 AND kind = 'said' AND done_at IS NULL AND sent_at IS NULL \
         AND due_at > $2 AND attempts = 0 AND lookups = 0 \
         AND NOT EXISTS (SELECT 1 FROM late_notes AS newer WHERE newer.lead_id = $1 AND newer.created_at > late_notes.created_at) \
         ORDER BY created_at DESC, id DESC LIMIT 1",
    )
    .bind(lead_id)
    .bind(now)
    .fetch_optional(connection)
    .await?;
    Ok(row.and_then(|row| Some((rows::lossy(&row, 0)?, rows::lossy(&row, 1)?))))
}

/// Adds a file to a lead that was sent, and begins its way.
async fn add_file(
    connection: &mut AnyConnection,
    lead_id: &str,
    position: usize,
    file: &BuyerFile,
    now: Millis,
) -> Result<(), StoreError> {
    let row = sqlx::query(
        "SELECT body FROM leads WHERE id = $1 AND forgotten_at IS NULL AND expired_at IS NULL AND unreadable = 0",
    )
    .bind(lead_id)
    .fetch_optional(&mut *connection)
    .await?;
    let Some(mut lead) = row.and_then(|row| serde_json::from_str::<Lead>(&rows::lossy(&row, 0)?).ok()) else {
        return Ok(());
    };
    if lead.files.len() + 1 != position {
        return Ok(());
    }
    lead.files.push(file.clone());
    sqlx::query("UPDATE leads SET body = $1 WHERE id = $2")
        .bind(json(&lead))
        .bind(lead_id)
        .execute(&mut *connection)
        .await?;
    super::lead_files::insert(connection, &lead, now).await
}

/// Forgets what was kept with a lead, but for its notes.
pub(super) async fn remove(connection: &mut AnyConnection, lead_id: &str) -> Result<(), StoreError> {
    sqlx::query("DELETE FROM later_messages WHERE lead_id = $1").bind(lead_id).execute(connection).await?;
    Ok(())
}

impl Dialogues {
    /// How many messages were kept with a lead within the last day.
    pub async fn kept_within_a_day(&self, lead_id: Ulid) -> Result<usize, StoreError> {
        let row = sqlx::query("SELECT COUNT(*) FROM later_messages WHERE lead_id = $1 AND kept_at > $2")
            .bind(lead_id.to_string())
            .bind(self.clock.now() - self.clock.millis(DAY))
            .fetch_one(&self.pool)
            .await?;
        Ok(rows::number(&row, 0).and_then(|count| usize::try_from(count).ok()).unwrap_or(0))
    }

    /// What was kept of a message, if it was.
    pub async fn kept_message(&self, chat: ChatRef, message_id: i64) -> Result<Option<KeptMessage>, StoreError> {
        let sql = format!(
            "SELECT {}, {} FROM later_messages WHERE chat_id = $1 AND message_id = $2 AND channel = $3 \
             ORDER BY kept_at DESC, id DESC LIMIT 1",
            rows::bytes(self.engine, "lead_id"),
            rows::bytes(self.engine, "fingerprint")
        );
        let query = sqlx::query(AssertSqlSafe(sql)).bind(chat.id).bind(message_id).bind(chat.channel.as_str());
        let row = query.fetch_optional(&self.pool).await?;
        Ok(row.and_then(|row| {
            let lead_id = Ulid::from_string(&rows::lossy(&row, 0)?).ok()?;
            Some(KeptMessage { lead_id, fingerprint: rows::lossy(&row, 1).unwrap_or_default() })
        }))
    }
}

impl Files {
    /// Whether a file of a lead came after the request was sent.
    pub async fn was_said_later(&self, lead_id: Ulid, file: &BuyerFile) -> Result<bool, StoreError> {
        let query = sqlx::query("SELECT 1 FROM later_messages WHERE lead_id = $1 AND message_id = $2")
            .bind(lead_id.to_string())
            .bind(i64::from(file.message_id));
        Ok(query.fetch_optional(&self.pool).await?.is_some())
    }
}

impl LateNotes {
    /// How many messages were kept with a lead.
    pub async fn messages_of(&self, lead_id: Ulid) -> Result<LaterMessages, StoreError> {
        self.count_messages("WHERE later_messages.lead_id = $1", &lead_id.to_string()).await
    }

    /// How many messages were kept in all.
    pub async fn messages(&self) -> Result<LaterMessages, StoreError> {
        self.count_messages("WHERE $1 = ''", "").await
    }

    async fn count_messages(&self, of: &str, value: &str) -> Result<LaterMessages, StoreError> {
        let sql = format!(
            "SELECT COUNT(*), COUNT(CASE WHEN late_notes.id IS NOT NULL THEN 1 END) FROM later_messages LEFT JOIN late_notes \
             ON late_notes.id = later_messages.note_id AND late_notes.done_at IS NULL {of}"
        );
        let row = sqlx::query(AssertSqlSafe(sql)).bind(value).fetch_one(&self.pool).await?;
        let count = |at| rows::number(&row, at).unwrap_or(0);
        Ok(LaterMessages { kept: count(0), waiting: count(1) })
    }
}
