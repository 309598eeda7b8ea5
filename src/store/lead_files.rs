//! The files of leads on their way into amoCRM: claimed under a lease of their own when their lead is delivered, so that
//! no lead waits for a file.
//!
//! As with the steps of a lead: that something goes out is committed before it does, by the holder of the lease only; what
//! is known to be there is recorded whoever says it; and what failed is recorded by the holder of the lease.

mod recording;

use sqlx::{AnyConnection, AssertSqlSafe, any::AnyRow};
use ulid::Ulid;

use crate::{
    clock::Millis,
    lead::{Lead, one_line},
};

use super::{FURTHEST_DUE, Files, LeadRow, Lease, StoreError, lead_queue::FURTHEST_LEASE, rows};

/// No error in words is longer.
const LONGEST_ERROR: usize = 300;

/// What is written into amoCRM for a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FileStep {
    /// Its content, into amoCRM's drive.
    Upload,
    /// The note that attaches it to the lead.
    Attach,
}

impl FileStep {
    fn column(self) -> &'static str {
        match self {
            Self::Upload => "upload_sent_at",
            Self::Attach => "attach_sent_at",
        }
    }
}

/// How a file's way has ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FileEnd {
    /// It is attached to the lead.
    Attached,
    /// It was sent to the managers' chat instead.
    Copied,
    /// Nobody has it any more.
    Lost,
}

impl FileEnd {
    fn as_str(self) -> &'static str {
        match self {
            Self::Attached => "attached",
            Self::Copied => "copied",
            Self::Lost => "lost",
        }
    }
}

/// A file in amoCRM's drive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DriveFile {
    /// Of the file.
    pub file_uuid: String,
    /// Of its version.
    pub version_uuid: String,
}

/// That a note was sent which attaches a file, and what became of it is not known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AttachAttempt {
    /// When it was sent, in milliseconds UTC.
    pub sent_at: Millis,
    /// Clean look-ups since then that did not find it.
    pub lookups: i64,
    /// How many of those allow it to be sent again; 0 where the process that sent it died before it could say.
    pub lookups_needed: i64,
}

/// What came of a step of a file that is not done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FileOutcome {
    /// It certainly was not done.
    NotDone,
    /// It may have been done: so many clean look-ups are needed before it is sent again.
    Uncertain {
        /// How many.
        lookups_needed: i64,
    },
    /// A clean look-up did not find it, and that is not enough yet.
    Missed {
        /// Look-ups until now, this one included.
        lookups: i64,
        /// How many it needs.
        needed: i64,
    },
}

/// A claimed file with what is known of its way.
#[derive(Debug, Clone)]
pub struct FileRow {
    /// Its id in the store.
    pub id: String,
    /// From 1, as in the lead's document.
    pub position: usize,
    /// Its lead, which amoCRM has.
    pub lead: LeadRow,
    /// Failures that were about this file.
    pub attempts: i64,
    /// Its content may be in the drive.
    pub upload_sent_at: Option<Millis>,
    /// Its content is in the drive.
    pub in_drive: Option<DriveFile>,
    /// Its note may be there.
    pub attach: Option<AttachAttempt>,
}

/// Where a file stands, for people.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileStatus {
    /// From 1.
    pub position: usize,
    /// `None` while it is on its way.
    pub end: Option<FileEnd>,
    /// What went wrong last.
    pub last_error: Option<String>,
}

/// Begins the way of a lead's files, with the lead.
pub(super) async fn insert(connection: &mut AnyConnection, lead: &Lead, now: Millis) -> Result<(), StoreError> {
    for position in 1..=lead.files.len() {
        sqlx::query(
            "INSERT INTO lead_files (id, lead_id, position, due_at) VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING",
        )
        .bind(format!("{}-{position}", lead.id))
        .bind(lead.id.to_string())
        .bind(i64::try_from(position).unwrap_or(i64::MAX))
        .bind(now)
        .execute(&mut *connection)
        .await?;
    }
    Ok(())
}

/// Forgets all that is known of the files of a lead.
pub(super) async fn remove(connection: &mut AnyConnection, lead_id: &str) -> Result<(), StoreError> {
    sqlx::query("DELETE FROM lead_files WHERE lead_id = $1").bind(lead_id).execute(connection).await?;
    Ok(())
}

impl Files {
    /// Resolves when a file may have become due.
    pub async fn changed(&self) {
        self.wakes.files.notified().await;
    }

    /// Claims the file that has been due for longest, of a lead that is delivered, until `until`.
    pub async fn claim(&self, lease: &Lease, until: Millis) -> Result<Option<FileRow>, StoreError> {
        // A claim is a write, and mostly there is nothing to claim.
        let any = sqlx::query("SELECT 1 FROM lead_files WHERE state = 'waiting' LIMIT 1");
        if any.fetch_optional(&self.pool).await?.is_none() {
            return Ok(None);
        }
        let now = self.clock.now();
        let free = "(leased_by IS NULL OR leased_until < $3 OR leased_until > $5)";
        let sql = format!(
            "UPDATE lead_files SET leased_by = $1, leased_until = $2 WHERE id = (SELECT lead_files.id FROM lead_files \
             JOIN leads ON leads.id = lead_files.lead_id WHERE lead_files.state = 'waiting' AND leads.state = 'delivered' \
             AND (lead_files.due_at <= $3 OR lead_files.due_at > $4) AND {} ORDER BY lead_files.due_at, lead_files.id \
             LIMIT 1) AND state = 'waiting' AND {free}{} RETURNING {}",
            free.replace("leased_", "lead_files.leased_"),
            lease.fence(),
            self.columns()
        );
        let row = sqlx::query(AssertSqlSafe(sql))
            .bind(&lease.id)
            .bind(until)
            .bind(now)
            .bind(now + self.clock.millis(FURTHEST_DUE))
            .bind(now + self.clock.millis(FURTHEST_LEASE))
            .fetch_optional(&self.pool)
            .await?;
        let Some(row) = row else { return Ok(None) };
        let id = rows::lossy(&row, 0).unwrap_or_default();
        let lead = rows::lossy(&row, 1).and_then(|id| Ulid::from_string(&id).ok());
        let lead = match lead {
            Some(lead) => self.leads().by_id(lead).await?,
            None => None,
        };
        match (lead, rows::number(&row, 2).and_then(|position| usize::try_from(position).ok())) {
            (Some(lead), Some(position)) if (1..=lead.lead.files.len()).contains(&position) => {
                Ok(Some(file_row(&row, id, position, lead)))
            }
            // The lead cannot be read, which is told elsewhere; it may be fixed.
            _ => {
                let later = now + self.clock.millis(FURTHEST_DUE);
                self.not_done(lease, &id, FileStep::Attach, &FileOutcome::NotDone, later, None).await?;
                Ok(None)
            }
        }
    }

    fn columns(&self) -> String {
        let text = |column: &str| rows::bytes(self.engine, column);
        let number = |column: &str| rows::numbers(self.engine, column);
        [
            text("id"),
            text("lead_id"),
            number("position"),
            number("attempts"),
            number("upload_sent_at"),
            text("file_uuid"),
            text("version_uuid"),
            number("attach_sent_at"),
            number("lookups"),
            number("lookups_needed"),
        ]
        .join(", ")
    }

    /// When the next file of a delivered lead is due that nobody works on.
    pub async fn next_due(&self) -> Result<Option<Millis>, StoreError> {
        let sql = format!(
            "SELECT MIN({}) FROM lead_files JOIN leads ON leads.id = lead_files.lead_id \
             WHERE lead_files.state = 'waiting' AND leads.state = 'delivered'",
            rows::only_numbers("lead_files.due_at")
        );
        let row = sqlx::query(AssertSqlSafe(sql)).fetch_one(&self.pool).await?;
        Ok(rows::number(&row, 0))
    }

    /// How many files are on their way, also of leads that are not delivered yet.
    pub async fn waiting(&self) -> Result<i64, StoreError> {
        let row = sqlx::query("SELECT COUNT(*) FROM lead_files WHERE state = 'waiting'").fetch_one(&self.pool).await?;
        Ok(rows::number(&row, 0).unwrap_or(0))
    }

    /// Where the files of a lead stand, in order.
    pub async fn of(&self, lead: Ulid) -> Result<Vec<FileStatus>, StoreError> {
        let text = |column: &str| rows::bytes(self.engine, column);
        let sql = format!(
            "SELECT {}, {}, {} FROM lead_files WHERE lead_id = $1 ORDER BY position",
            rows::numbers(self.engine, "position"),
            text("state"),
            text("last_error")
        );
        let rows = sqlx::query(AssertSqlSafe(sql)).bind(lead.to_string()).fetch_all(&self.pool).await?;
        let status = |row: &AnyRow| {
            let state = rows::lossy(row, 1).unwrap_or_default();
            let ends = [FileEnd::Attached, FileEnd::Copied, FileEnd::Lost];
            Some(FileStatus {
                position: usize::try_from(rows::number(row, 0)?).ok()?,
                end: ends.into_iter().find(|end| end.as_str() == state),
                last_error: rows::lossy(row, 2).map(|error| one_line(&error, LONGEST_ERROR)),
            })
        };
        Ok(rows.iter().filter_map(status).collect())
    }
}

/// Damage in what is only remembered of a file's way counts as "it may be there".
fn file_row(row: &AnyRow, id: String, position: usize, lead: LeadRow) -> FileRow {
    let submitted_at = lead.lead.submitted_at.timestamp_millis();
    let moment = |at: usize| match rows::number(row, at) {
        None if !rows::is_null(row, at) => Some(submitted_at),
        moment => moment,
    };
    let count = |at: usize| rows::number(row, at).unwrap_or(0);
    let uuid = |at: usize| rows::lossy(row, at).filter(|uuid| !uuid.is_empty());
    let attach = moment(7).map(|sent_at| AttachAttempt { sent_at, lookups: count(8), lookups_needed: count(9) });
    FileRow {
        id,
        position,
        lead,
        attempts: count(3),
        upload_sent_at: moment(4),
        in_drive: uuid(5).zip(uuid(6)).map(|(file_uuid, version_uuid)| DriveFile { file_uuid, version_uuid }),
        attach,
    }
}
