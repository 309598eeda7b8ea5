//! Notes that are written under a lead after its own, each exactly once.
//!
//! As with the steps of a lead: that a note goes out is committed before it does, and only by the daemon that leads; whoever
//! finds it sent and without a result looks for it before it is sent again. Only one daemon leads, so no note is leased.

use sqlx::{AnyConnection, AssertSqlSafe, any::AnyRow};

use crate::{clock::Millis, fault::point, lead::LeadNumber};

use super::{
    LateAttempt, LateNotes, LateOutcome, Lease, NewMessage, StoreError, json, late_writes::of_a_lead_on_its_way,
    outbox, rows,
};

/// What the note of a withdrawn consent is about.
pub(super) const WITHDRAWN: &str = "withdrawn";

/// A note that is owed to a lead.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LateNote {
    /// Its id in the store.
    pub id: String,
    /// Of the lead.
    pub number: LeadNumber,
    /// The whole text, which begins with the number.
    pub text: String,
    /// How often amoCRM has refused it.
    pub attempts: i64,
    /// It was sent, and what became of it is not known.
    pub attempt: Option<LateAttempt>,
    /// Clean look-ups that did not find the lead itself.
    pub lookups: i64,
    /// What was said: it goes to where people read it, should the lead be closed or gone.
    pub is_said: bool,
    /// Where it was sent last, as whoever sent it calls it; `None` for the lead itself.
    pub place: Option<String>,
}

/// A note of what was said, to be owed.
pub(super) struct NewNote<'a> {
    pub id: &'a str,
    pub lead_id: &'a str,
    pub number: &'a str,
    pub text: &'a str,
}

/// Owes a note; `about` tells it from others of the same lead.
pub(super) async fn insert(
    connection: &mut AnyConnection,
    (lead_id, number): (&str, &str),
    about: &str,
    text: &str,
    now: Millis,
) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO late_notes (id, lead_id, number, body, created_at, due_at) VALUES ($1, $2, $3, $4, $5, $5) \
         ON CONFLICT DO NOTHING",
    )
    .bind(format!("{lead_id}-{about}"))
    .bind(lead_id)
    .bind(number)
    .bind(text)
    .bind(now)
    .execute(connection)
    .await?;
    Ok(())
}

/// Owes a note of what was said, held until `due_at` for more.
pub(super) async fn insert_said(
    connection: &mut AnyConnection,
    note: NewNote<'_>,
    now: Millis,
    due_at: Millis,
) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO late_notes (id, lead_id, number, body, created_at, due_at, kind) \
         VALUES ($1, $2, $3, $4, $5, $6, 'said') ON CONFLICT DO NOTHING",
    )
    .bind(note.id)
    .bind(note.lead_id)
    .bind(note.number)
    .bind(note.text)
    .bind(now)
    .bind(due_at)
    .execute(connection)
    .await?;
    Ok(())
}

/// Of a note that is not the first of its lead still to be written: they are read in order.
const BEHIND_ANOTHER: &str = "EXISTS (SELECT 1 FROM late_notes AS before WHERE before.lead_id = late_notes.lead_id \
     AND before.done_at IS NULL AND (before.created_at < late_notes.created_at \
     OR before.created_at = late_notes.created_at AND before.id < late_notes.id))";

impl LateNotes {
    /// Resolves when a note may have become due.
    pub async fn changed(&self) {
        self.wakes.late_notes.notified().await;
    }

    /// The note that has been due for longest.
    pub async fn due(&self) -> Result<Option<LateNote>, StoreError> {
        let (text, number) = (|column| rows::bytes(self.engine, column), |column| rows::numbers(self.engine, column));
        let sql = format!(
            "SELECT {}, {}, {}, {}, {}, {}, {}, {}, {} FROM late_notes WHERE done_at IS NULL AND due_at <= $1 AND NOT {} \
             AND NOT {BEHIND_ANOTHER} ORDER BY due_at, id LIMIT 1",
            text("id"),
            text("number"),
            text("body"),
            number("attempts"),
            number("sent_at"),
            number("lookups"),
            number("lookups_needed"),
            text("kind"),
            text("place"),
            of_a_lead_on_its_way("late_notes"),
        );
        let now = self.clock.now();
        let Some(row) = sqlx::query(AssertSqlSafe(sql)).bind(now).fetch_optional(&self.pool).await? else {
            return Ok(None);
        };
        let id = rows::lossy(&row, 0).unwrap_or_default();
        match note(&row, id.clone(), now) {
            Some(note) => Ok(Some(note)),
            // Damaged: there is no lead of that number, nor will there be.
            None => {
                self.over(&id, None).await?;
                Ok(None)
            }
        }
    }

    /// When the next note is due.
    pub async fn next_due(&self) -> Result<Option<Millis>, StoreError> {
        let sql = format!(
            "SELECT MIN({}) FROM late_notes WHERE done_at IS NULL AND NOT {} AND NOT {BEHIND_ANOTHER}",
            rows::only_numbers("due_at"),
            of_a_lead_on_its_way("late_notes")
        );
        Ok(rows::number(&sqlx::query(AssertSqlSafe(sql)).fetch_one(&self.pool).await?, 0))
    }

    /// Records that a note is about to be sent, and where; returns its text as it is to be sent, since nothing is added to it
    /// from now on. `None` where another daemon leads, and nothing may be sent.
    pub async fn intent(&self, lease: &Lease, id: &str, place: Option<&str>) -> Result<Option<String>, StoreError> {
        let sql = format!(
            "UPDATE late_notes SET sent_at = $1, lookups = 0, lookups_needed = 0, place = $3 \
             WHERE id = $2 AND done_at IS NULL{} RETURNING {}",
            lease.fence(),
            rows::bytes(self.engine, "body")
        );
        let query = sqlx::query(AssertSqlSafe(sql)).bind(self.clock.now()).bind(id).bind(place);
        let row = query.fetch_optional(&self.pool).await?;
        Ok(row.map(|row| rows::lossy(&row, 0).unwrap_or_default()))
    }

    /// Records that there is no place for a note, and tells somebody of it, in one commit.
    pub async fn over_telling(&self, id: &str, message: &NewMessage) -> Result<(), StoreError> {
        self.again(|| self.over_telling_once(id, message)).await?;
        self.wakes.messages.notify_one();
        Ok(())
    }

    async fn over_telling_once(&self, id: &str, message: &NewMessage) -> Result<(), StoreError> {
        let now = self.clock.now();
        let mut transaction = self.begin().await?;
        let done = sqlx::query("UPDATE late_notes SET done_at = $1 WHERE id = $2 AND done_at IS NULL")
            .bind(now)
            .bind(id)
            .execute(&mut *transaction)
            .await?;
        if done.rows_affected() == 1 {
            outbox::insert(&mut transaction, message.chat, &json(&message.notice), message.due_at, now).await?;
        }
        transaction.commit().await?;
        Ok(())
    }

    /// Records that a note is there, or that there is no place for it any more.
    pub async fn over(&self, id: &str, note_id: Option<i64>) -> Result<(), StoreError> {
        sqlx::query("UPDATE late_notes SET note_id = $1, done_at = $2 WHERE id = $3 AND done_at IS NULL")
            .bind(note_id)
            .bind(self.clock.now())
            .bind(id)
            .execute(&self.pool)
            .await?;
        point("late_note.stored");
        Ok(())
    }

    /// Records what came of a note that is not written, and when it is looked at again.
    pub async fn not_written(
        &self,
        lease: &Lease,
        id: &str,
        outcome: LateOutcome,
        due_at: Millis,
    ) -> Result<(), StoreError> {
        let sql = format!(
            "UPDATE late_notes SET due_at = $1{} WHERE id = $2 AND done_at IS NULL{}",
            outcome.columns(),
            lease.fence()
        );
        sqlx::query(AssertSqlSafe(sql)).bind(due_at).bind(id).execute(&self.pool).await?;
        point("late_note.not_written_stored");
        Ok(())
    }

    /// Records that a lead is a part of another one in amoCRM now.
    pub async fn lead_moved(&self, number: &LeadNumber, crm_lead_id: i64) -> Result<(), StoreError> {
        sqlx::query(
            "UPDATE lead_steps SET remote_id = $1 WHERE step = 'lead' AND done_at IS NOT NULL \
             AND lead_id IN (SELECT id FROM leads WHERE number = $2)",
        )
        .bind(crm_lead_id)
        .bind(number.as_str())
        .execute(&self.pool)
        .await?;
        Ok(())
    }
}

fn note(row: &AnyRow, id: String, now: Millis) -> Option<LateNote> {
    let count = |at: usize| rows::number(row, at).unwrap_or(0);
    Some(LateNote {
        id,
        number: LeadNumber::parse(&rows::lossy(row, 1)?)?,
        text: rows::lossy(row, 2)?,
        attempts: count(3),
        attempt: LateAttempt::read(row, 4, now),
        lookups: count(5),
        is_said: rows::lossy(row, 7).as_deref() == Some("said"),
        place: rows::lossy(row, 8),
    })
}
