//! What becomes of a request after it was sent: kept with the turn that says so, brought up to date in amoCRM afterwards.
//!
//! A lead of which certainly nothing was sent is changed itself, so that it is created right. Whatever may have been sent
//! stays as it was sent, since it is looked up by that; what its buyer says now stands in the amendment beside it. The note
//! that tells of it is owed in the same commit. Tags and fields are compared before they are sent and mean the same however
//! often they are, so that an amendment may be done again after any death.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};
use sqlx::{AnyConnection, AssertSqlSafe, any::AnyRow};
use ulid::Ulid;

use crate::{
    clock::Millis,
    fault::point,
    form::{Amending, PHONE},
    lead::{AmendmentKind, Lead, LeadNumber},
};

use super::{
    Amendments, Dialogues, Lease, StoreError, json, late_notes,
    late_writes::of_a_lead_on_its_way,
    lead_files, lead_work,
    rows::{self, placeholders},
};

/// What has happened to a request, as a turn commits it.
#[derive(Debug, Clone, PartialEq)]
pub struct NewAmendment {
    /// The lead as it is meant from now on.
    pub lead: Lead,
    /// What has happened.
    pub kind: AmendmentKind,
    /// Which one of its lead it is; the same one twice is one.
    pub about: String,
    /// The name until now.
    pub name_before: String,
    /// The keys of the answers that have changed.
    pub answers: Vec<String>,
    /// The note that tells of it, which begins with the lead's number.
    pub note: String,
}

impl From<&Amending> for NewAmendment {
    fn from(amending: &Amending) -> Self {
        Self {
            lead: amending.lead.clone(),
            kind: amending.kind,
            about: amending.about.clone(),
            name_before: amending.name_before.clone(),
            answers: amending.changes.iter().map(|change| change.key.clone()).collect(),
            note: amending.note.clone(),
        }
    }
}

/// What is stored of it.
#[derive(Debug, Serialize, Deserialize)]
struct Body {
    lead: Lead,
    #[serde(default)]
    name_before: String,
    #[serde(default)]
    answers: Vec<String>,
}

/// An amendment that is not in amoCRM yet.
#[derive(Debug, Clone, PartialEq)]
pub struct Amendment {
    /// Its id in the store.
    pub id: String,
    /// Of the lead.
    pub number: LeadNumber,
    /// What has happened.
    pub kind: AmendmentKind,
    /// The lead as the last amendment of it has it.
    pub lead: Lead,
    /// The name before this amendment.
    pub name_before: String,
    /// The keys of the answers that it has changed.
    pub answers: Vec<String>,
    /// How often amoCRM has refused it.
    pub attempts: i64,
}

/// What was said of a request since it was sent.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Amended {
    /// The lead as it is meant now; `None` where nothing was said.
    pub lead: Option<Lead>,
    /// Its buyer has taken it back.
    pub taken_back: bool,
    /// How often it was corrected.
    pub corrections: usize,
}

/// Records an amendment, owes its note, and changes the lead itself where nothing of it was sent.
pub(super) async fn insert(connection: &mut AnyConnection, new: &NewAmendment, now: Millis) -> Result<(), StoreError> {
    let NewAmendment { lead, kind, about, name_before, answers, note } = new;
    let (lead_id, number) = (lead.id.to_string(), lead.number.as_str());
    if *kind == AmendmentKind::Finished {
        is_wanted_again(connection, lead, now).await?;
    }
    // What was never sent is sent as it is now, and nobody has to be told what it was.
    if matches!(kind, AmendmentKind::Finished | AmendmentKind::Supplemented)
        && change_unsent(connection, lead, now).await?
    {
        // Managers see it changed at once.
        lead_work::refresh_card(connection, &lead_id, now).await?;
        return lead_files::insert(connection, lead, now).await;
    }
    let body = Body { lead: lead.clone(), name_before: name_before.clone(), answers: answers.clone() };
    if !insert_row(connection, *kind, about, &body, now).await? {
        return Ok(());
    }
    late_notes::insert(connection, (&lead_id, number), about, note, now).await?;
    lead_work::refresh_card(connection, &lead_id, now).await?;
    if *kind != AmendmentKind::TakenBack && !change_unsent(connection, lead, now).await? {
        add_files(connection, lead).await?;
    }
    lead_files::insert(connection, lead, now).await
}

/// Owes a change to a lead that is still to get into amoCRM: its tag, and one more phone of its contact. Nobody is told of it.
pub(super) async fn owe(
    connection: &mut AnyConnection,
    lead: &Lead,
    kind: AmendmentKind,
    now: Millis,
) -> Result<(), StoreError> {
    let body = Body { lead: lead.clone(), name_before: String::new(), answers: vec![PHONE.to_owned()] };
    insert_row(connection, kind, kind.as_str(), &body, now).await.map(drop)
}

/// Records one; `false` where it is recorded already.
async fn insert_row(
    connection: &mut AnyConnection,
    kind: AmendmentKind,
    about: &str,
    body: &Body,
    now: Millis,
) -> Result<bool, StoreError> {
    let lead_id = body.lead.id.to_string();
    let done = sqlx::query(
        "INSERT INTO amendments (id, lead_id, number, kind, body, created_at, due_at) \
         VALUES ($1, $2, $3, $4, $5, $6, $6) ON CONFLICT DO NOTHING",
    )
    .bind(format!("{lead_id}-{about}"))
    .bind(&lead_id)
    .bind(body.lead.number.as_str())
    .bind(kind.as_str())
    .bind(json(body))
    .bind(now)
    .execute(connection)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// A request that was sent unfinished is sent by its buyer now: they are told of it from now on, and neither that the admin has
/// closed it meanwhile nor that it was old counts any more.
async fn is_wanted_again(connection: &mut AnyConnection, lead: &Lead, now: Millis) -> Result<(), StoreError> {
    let id = lead.id.to_string();
    sqlx::query(
        "UPDATE leads SET state = 'waiting', due_at = $1, attempts = 0, degradation = NULL, admin_told = 0, solo = 1 \
         WHERE id = $2 AND state = 'discarded' AND forgotten_at IS NULL",
    )
    .bind(now)
    .bind(&id)
    .execute(&mut *connection)
    .await?;
    sqlx::query(
        "UPDATE leads SET buyer_told = 0 WHERE id = $1 AND state IN ('waiting', 'rejected') AND forgotten_at IS NULL",
    )
    .bind(&id)
    .execute(&mut *connection)
    .await?;
    lead_work::reopened(connection, lead.number.as_str(), now).await?;
    // It is kept for as long as any other, from now on.
    sqlx::query(
        "UPDATE leads SET body = $1, expired_at = NULL, delivered_at = $2 WHERE id = $3 AND expired_at IS NOT NULL \
         AND forgotten_at IS NULL",
    )
    .bind(json(lead))
    .bind(now)
    .bind(&id)
    .execute(connection)
    .await?;
    Ok(())
}

/// Adds the files that came since to a lead that may have been sent: they are not sent with it, but found in it.
async fn add_files(connection: &mut AnyConnection, lead: &Lead) -> Result<(), StoreError> {
    let id = lead.id.to_string();
    let row = sqlx::query("SELECT body FROM leads WHERE id = $1 AND forgotten_at IS NULL AND unreadable = 0")
        .bind(&id)
        .fetch_optional(&mut *connection)
        .await?;
    let sent = row.and_then(|row| serde_json::from_str::<Lead>(&rows::lossy(&row, 0)?).ok());
    if let Some(sent) = sent.filter(|sent| sent.files != lead.files) {
        sqlx::query("UPDATE leads SET body = $1 WHERE id = $2 AND forgotten_at IS NULL")
            .bind(json(&Lead { files: lead.files.clone(), ..sent }))
            .bind(&id)
            .execute(connection)
            .await?;
    }
    Ok(())
}

/// Changes a lead itself, if nothing of it was sent and nobody is about to; whether that is so. What amoCRM has refused is
/// tried again with it.
pub(super) async fn change_unsent(
    connection: &mut AnyConnection,
    lead: &Lead,
    now: Millis,
) -> Result<bool, StoreError> {
    // Whoever holds it has read it already.
    let changed = sqlx::query(
        "UPDATE leads SET body = $1, due_at = CASE WHEN state = 'rejected' THEN $2 ELSE due_at END, state = 'waiting' \
         WHERE id = $3 AND state IN ('waiting', 'rejected') AND leased_by IS NULL AND forgotten_at IS NULL \
         AND unreadable = 0 AND NOT EXISTS (SELECT 1 FROM lead_steps WHERE lead_id = $3)",
    )
    .bind(json(lead))
    .bind(now)
    .bind(lead.id.to_string())
    .execute(connection)
    .await?;
    Ok(changed.rows_affected() == 1)
}

/// Wipes what was said of a lead, with the notes that are owed for it; what proves a withdrawn consent stays.
pub(super) async fn remove(connection: &mut AnyConnection, lead_id: &str) -> Result<(), StoreError> {
    sqlx::query("DELETE FROM amendments WHERE lead_id = $1").bind(lead_id).execute(&mut *connection).await?;
    sqlx::query("DELETE FROM late_notes WHERE lead_id = $1 AND id <> $2")
        .bind(lead_id)
        .bind(format!("{lead_id}-{}", late_notes::WITHDRAWN))
        .execute(connection)
        .await?;
    Ok(())
}

/// The same of a lead that is old: what was said and is still to be written is for its managers, and stays until it is.
pub(super) async fn remove_done(connection: &mut AnyConnection, lead_id: &str) -> Result<(), StoreError> {
    sqlx::query("DELETE FROM amendments WHERE lead_id = $1").bind(lead_id).execute(&mut *connection).await?;
    sqlx::query(
        "DELETE FROM late_notes WHERE lead_id = $1 AND id <> $2 \
         AND NOT (done_at IS NULL AND kind IS NOT NULL)",
    )
    .bind(lead_id)
    .bind(format!("{lead_id}-{}", late_notes::WITHDRAWN))
    .execute(connection)
    .await?;
    Ok(())
}

impl Dialogues {
    /// What was said of these leads since they were sent, by their ids.
    pub async fn amended(&self, leads: &[Ulid]) -> Result<HashMap<Ulid, Amended>, StoreError> {
        let mut amended = HashMap::<Ulid, Amended>::new();
        if leads.is_empty() {
            return Ok(amended);
        }
        let text = |column| rows::bytes(self.engine, column);
        let sql = format!(
            "SELECT {}, {}, {} FROM amendments WHERE lead_id IN ({}) ORDER BY created_at, id",
            text("lead_id"),
            text("kind"),
            text("body"),
            placeholders(1, leads.len())
        );
        let mut query = sqlx::query(AssertSqlSafe(sql));
        for lead in leads {
            query = query.bind(lead.to_string());
        }
        for row in query.fetch_all(&self.pool).await? {
            let Some(id) = rows::lossy(&row, 0).and_then(|id| Ulid::from_string(&id).ok()) else { continue };
            let one = amended.entry(id).or_default();
            match kind_of(&row, 1) {
                Some(AmendmentKind::Repeated | AmendmentKind::KnownBuyer) => continue,
                Some(AmendmentKind::Corrected) => one.corrections += 1,
                Some(AmendmentKind::TakenBack) => one.taken_back = true,
                Some(AmendmentKind::Supplemented | AmendmentKind::Finished) | None => {}
            }
            one.lead = body_of(&row, 2).map(|body| body.lead).or(one.lead.take());
        }
        Ok(amended)
    }
}

fn kind_of(row: &AnyRow, at: usize) -> Option<AmendmentKind> {
    rows::lossy(row, at)?.parse().ok()
}

fn body_of(row: &AnyRow, at: usize) -> Option<Body> {
    serde_json::from_str(&rows::lossy(row, at)?).ok()
}

impl Amendments {
    /// Resolves when one may have become due.
    pub async fn changed(&self) {
        self.wakes.amendments.notified().await;
    }

    /// The one that has been due for longest.
    pub async fn due(&self) -> Result<Option<Amendment>, StoreError> {
        let text = |column| rows::bytes(self.engine, column);
        let latest = "(SELECT latest.body FROM amendments AS latest WHERE latest.lead_id = amendments.lead_id \
                      AND latest.kind NOT IN ('repeated', 'known_buyer') ORDER BY latest.created_at DESC, latest.id DESC LIMIT 1)";
        let sql = format!(
            "SELECT {}, {}, {}, {}, {}, {} FROM amendments WHERE done_at IS NULL AND due_at <= $1 AND NOT {} \
             ORDER BY due_at, id LIMIT 1",
            text("id"),
            text("number"),
            text("kind"),
            text("body"),
            text(latest),
            rows::numbers(self.engine, "attempts"),
            of_a_lead_on_its_way("amendments"),
        );
        let query = sqlx::query(AssertSqlSafe(sql)).bind(self.clock.now());
        let Some(row) = query.fetch_optional(&self.pool).await? else { return Ok(None) };
        let id = rows::lossy(&row, 0).unwrap_or_default();
        match amendment(&row, id.clone()) {
            Some(amendment) => Ok(Some(amendment)),
            // Damaged: the note tells of it.
            None => {
                self.over(&id).await?;
                Ok(None)
            }
        }
    }

    /// When the next one is due.
    pub async fn next_due(&self) -> Result<Option<Millis>, StoreError> {
        let sql = format!(
            "SELECT MIN({}) FROM amendments WHERE done_at IS NULL AND NOT {}",
            rows::only_numbers("due_at"),
            of_a_lead_on_its_way("amendments")
        );
        Ok(rows::number(&sqlx::query(AssertSqlSafe(sql)).fetch_one(&self.pool).await?, 0))
    }

    /// Whether the note that tells of it is still to be written.
    pub async fn is_note_open(&self, id: &str) -> Result<bool, StoreError> {
        let row = sqlx::query("SELECT 1 FROM late_notes WHERE id = $1 AND done_at IS NULL")
            .bind(id)
            .fetch_optional(&self.pool)
            .await?;
        Ok(row.is_some())
    }

    /// Records that it is about to be sent; `false` where another daemon leads, and nothing may be sent.
    pub async fn intent(&self, lease: &Lease, id: &str) -> Result<bool, StoreError> {
        let sql = format!("UPDATE amendments SET sent_at = $1 WHERE id = $2 AND done_at IS NULL{}", lease.fence());
        let done = sqlx::query(AssertSqlSafe(sql)).bind(self.clock.now()).bind(id).execute(&self.pool).await?;
        Ok(done.rows_affected() == 1)
    }

    /// Records that amoCRM has it, or that there is nothing to do any more.
    pub async fn over(&self, id: &str) -> Result<(), StoreError> {
        sqlx::query("UPDATE amendments SET done_at = $1 WHERE id = $2 AND done_at IS NULL")
            .bind(self.clock.now())
            .bind(id)
            .execute(&self.pool)
            .await?;
        point("amendment.stored");
        Ok(())
    }

    /// Leaves it until then; `refused` where amoCRM has said so.
    pub async fn later(&self, lease: &Lease, id: &str, refused: bool, due_at: Millis) -> Result<(), StoreError> {
        let sql = format!(
            "UPDATE amendments SET due_at = $1, attempts = attempts + $2 WHERE id = $3 AND done_at IS NULL{}",
            lease.fence()
        );
        sqlx::query(AssertSqlSafe(sql)).bind(due_at).bind(i64::from(refused)).bind(id).execute(&self.pool).await?;
        Ok(())
    }
}

fn amendment(row: &AnyRow, id: String) -> Option<Amendment> {
    let body = body_of(row, 3)?;
    Some(Amendment {
        id,
        number: LeadNumber::parse(&rows::lossy(row, 1)?)?,
        kind: kind_of(row, 2)?,
        lead: body_of(row, 4).map_or(body.lead, |latest| latest.lead),
        name_before: body.name_before,
        answers: body.answers,
        attempts: rows::number(row, 5).unwrap_or(0),
    })
}
