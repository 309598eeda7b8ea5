//! A lead's recorded steps: claimed under a lease, every result stored before the next step starts.
//!
//! A lease is the property of one process start. Steps that *allow* something (sending a create) check that the lease
//! is still held; results that are *known* (amoCRM gave an id) are recorded whoever holds it now, because knowledge
//! never doubles a lead. Everything else (it failed, it was not found) is recorded only by the holder: said late by a
//! process that has lost its lease it would wipe out that the new holder is sending.

use std::{collections::HashMap, time::Duration};

use sqlx::{AssertSqlSafe, Row};
use ulid::Ulid;

use crate::{
    clock::Millis,
    fault::point,
    lead::{Lead, LeadNumber},
    notice::Notice,
};

use super::{
    FURTHEST_DUE, Store, StoreError, json,
    leadership::GENERATION,
    leads::{LeadRow, lead_columns, lead_row},
    messages, plain, rows,
};

/// So many claims that hold nothing that can be read are passed over at once.
const MOST_UNREADABLE: usize = 100;

/// No lease is ever longer.
const FURTHEST_LEASE: Duration = Duration::from_secs(10 * 60);

/// Identity of one process start; never derived from a host or dyno name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lease {
    pub(super) id: String,
    generation: Option<i64>,
}

impl Lease {
    /// The lease of a daemon's term; it claims nothing any more once another term has begun.
    pub fn daemon(generation: i64) -> Self {
        Self { id: format!("daemon-{}", Ulid::new()), generation: Some(generation) }
    }

    /// The lease of a command.
    pub fn command() -> Self {
        Self { id: format!("command-{}", Ulid::new()), generation: None }
    }

    /// The condition that fences a term that is over.
    fn fence(&self) -> String {
        match self.generation {
            Some(generation) => {
                format!(" AND EXISTS (SELECT 1 FROM marks WHERE name = '{GENERATION}' AND value = '{generation}')")
            }
            None => String::new(),
        }
    }
}

/// Which leads to claim.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Claim {
    /// All that are due, oldest first, but one of each person before anybody's second.
    Oldest,
    /// All that are due, the one that has been due for longest first: what has just failed comes after all others.
    InTurn,
    /// The same of those only whose create is not uncertain: what they need is a write.
    Ready,
    /// The same of those only whose create is uncertain: what they need is a look-up.
    Uncertain,
    /// The same of those on which something has failed, or that are uncertain.
    Troubled,
    /// Only those on which nothing has failed yet, oldest first, but one of each person before anybody's second: what
    /// amoCRM breaks on must not hold them up.
    Untroubled,
    /// The same of those submitted since: a backlog must not hold them up.
    SubmittedSince(Millis),
}

/// What amoCRM answered for one created lead.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Created {
    /// Our id.
    pub id: Ulid,
    /// amoCRM's id of the lead.
    pub crm_lead_id: i64,
    /// amoCRM's id of its contact, where it said so.
    pub contact_id: Option<i64>,
    /// E.164 of the buyer, under which the contact is remembered.
    pub phone: String,
}

/// How many clean look-ups a create of unknown result needs before it may be repeated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lookups {
    /// How many.
    pub needed: i64,
    /// When the first is due.
    pub first_at: Millis,
    /// Whether the lead may from now on be sent only by itself.
    pub solo: bool,
}

/// Whether a lease is still ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Renewed(pub u64);

/// `$from, $from+1, …`: `count` placeholders.
pub(super) fn placeholders(from: usize, count: usize) -> String {
    (from..from + count).map(|n| format!("${n}")).collect::<Vec<_>>().join(", ")
}

impl Store {
    /// Claims due leads for a lease until `until`; nobody else gets them before.
    pub async fn claim_due(
        &self,
        lease: &Lease,
        until: Millis,
        limit: i64,
        which: Claim,
    ) -> Result<Vec<LeadRow>, StoreError> {
        let now = self.clock.now();
        let since = match which {
            Claim::SubmittedSince(since) => since,
            _ => i64::MIN,
        };
        let free = "(leased_by IS NULL OR leased_until < $3 OR leased_until > $7)";
        let only = match which {
            Claim::Oldest | Claim::InTurn => "",
            Claim::Ready => " AND sent_at IS NULL",
            Claim::Uncertain => " AND sent_at IS NOT NULL",
            Claim::Troubled => " AND (attempts > 0 OR sent_at IS NOT NULL)",
            Claim::Untroubled | Claim::SubmittedSince(_) => " AND attempts = 0 AND sent_at IS NULL",
        };
        let due = format!(
            "FROM leads WHERE state = 'waiting' AND unreadable = 0 AND submitted_at >= $5 \
             AND (due_at <= $3 OR due_at > $4) AND {free}{only}"
        );
        let chosen = match which {
            // Of those that need a write the one on which amoCRM has failed the least shows best whether it works.
            Claim::Ready => format!("SELECT id {due} ORDER BY attempts, due_at, submitted_at, id LIMIT $6"),
            Claim::InTurn | Claim::Uncertain | Claim::Troubled => {
                format!("SELECT id {due} ORDER BY due_at, submitted_at, id LIMIT $6")
            }
            // Nobody waits behind what somebody else has sent by the hundred.
            Claim::Oldest | Claim::Untroubled | Claim::SubmittedSince(_) => format!(
                "SELECT id FROM (SELECT id, submitted_at, ROW_NUMBER() OVER (PARTITION BY user_id \
                 ORDER BY submitted_at, id) AS place {due}) AS placed ORDER BY place, submitted_at, id LIMIT $6"
            ),
        };
        let sql = format!(
            "UPDATE leads SET leased_by = $1, leased_until = $2 WHERE id IN ({chosen}) AND {free}{} RETURNING {}",
            lease.fence(),
            lead_columns(self.engine)
        );
        let claim = || {
            sqlx::query(AssertSqlSafe(sql.as_str()))
                .bind(&lease.id)
                .bind(until)
                .bind(now)
                .bind(now + self.clock.millis(FURTHEST_DUE))
                .bind(since)
                .bind(limit)
                .bind(now + self.clock.millis(FURTHEST_LEASE))
                .fetch_all(&self.pool)
        };
        let mut rows = claim().await?;
        let mut leads = self.leads_of(&rows).await?;
        // What cannot be read is not claimed again; where it was all of the claim, somebody else may be behind it.
        for _ in 0..MOST_UNREADABLE {
            if rows.is_empty() || !leads.is_empty() {
                break;
            }
            rows = claim().await?;
            leads = self.leads_of(&rows).await?;
        }
        leads.sort_by_key(|row| (row.lead.submitted_at, row.lead.id));
        Ok(one_of_each_first(leads))
    }

    /// When the next waiting lead that nobody holds is due.
    pub async fn next_due(&self) -> Result<Option<Millis>, StoreError> {
        let sql = format!(
            "SELECT MIN(CASE WHEN leased_by IS NOT NULL AND leased_until > due_at THEN {} ELSE {} END) \
             FROM leads WHERE state = 'waiting' AND unreadable = 0",
            rows::only_numbers("leased_until"),
            rows::only_numbers("due_at")
        );
        let row = sqlx::query(AssertSqlSafe(sql)).fetch_one(&self.pool).await?;
        Ok(rows::number(&row, 0))
    }

    /// How many leads are due that nothing keeps from being sent and on which nothing has failed.
    pub async fn untroubled(&self) -> Result<i64, StoreError> {
        let row = sqlx::query(
            "SELECT COUNT(*) FROM leads WHERE state = 'waiting' AND unreadable = 0 AND attempts = 0 AND sent_at IS NULL \
             AND crm_lead_id IS NULL AND due_at <= $1",
        )
        .bind(self.clock.now())
        .fetch_one(&self.pool)
        .await?;
        Ok(row.try_get(0)?)
    }

    /// Prolongs everything a lease holds.
    pub async fn renew(&self, lease: &Lease, until: Millis) -> Result<Renewed, StoreError> {
        let done = sqlx::query("UPDATE leads SET leased_until = $1 WHERE leased_by = $2")
            .bind(until)
            .bind(&lease.id)
            .execute(&self.pool)
            .await?;
        Ok(Renewed(done.rows_affected()))
    }

    /// Puts one claimed lead off as it is.
    pub async fn put_off(&self, lease: &Lease, lead: Ulid, due_at: Millis) -> Result<(), StoreError> {
        sqlx::query(
            "UPDATE leads SET due_at = $1, leased_by = NULL, leased_until = 0 WHERE id = $2 AND leased_by = $3",
        )
        .bind(due_at)
        .bind(lead.to_string())
        .bind(&lease.id)
        .execute(&self.pool)
        .await?;
        Ok(())
    }

    /// Puts claimed leads back, with the error that kept them from being sent; the one with which it came goes behind
    /// the others, and alone, in case it is the cause.
    pub async fn put_back(&self, lease: &Lease, leads: &[Ulid], cause: Ulid, error: &str) -> Result<(), StoreError> {
        // A ULID has letters and digits only.
        let sql = format!(
            "UPDATE leads SET due_at = CASE WHEN id = '{cause}' OR due_at > $1 THEN $1 ELSE due_at END, \
             solo = CASE WHEN id = '{cause}' THEN 1 ELSE solo END, last_error = $2, last_error_at = $3, \
             leased_by = NULL, leased_until = 0 WHERE leased_by = $4 AND id IN ({})",
            placeholders(5, leads.len())
        );
        self.update_leads(sql, lease, self.clock.now(), error, leads).await
    }

    /// Puts everything a lease holds off, to be handled one by one.
    pub async fn put_off_lease(&self, lease: &Lease, due_at: Millis) -> Result<(), StoreError> {
        sqlx::query("UPDATE leads SET due_at = $1, solo = 1, leased_by = NULL, leased_until = 0 WHERE leased_by = $2")
            .bind(due_at)
            .bind(&lease.id)
            .execute(&self.pool)
            .await?;
        Ok(())
    }

    /// Gives back everything a lease still holds. Wakes nobody: whoever gives back decides when to look again.
    pub async fn release_lease(&self, lease: &Lease) -> Result<(), StoreError> {
        sqlx::query("UPDATE leads SET leased_by = NULL, leased_until = 0 WHERE leased_by = $1")
            .bind(&lease.id)
            .execute(&self.pool)
            .await?;
        Ok(())
    }

    /// Records that a create is about to be sent; only leads returned here, still held, may be sent.
    pub async fn record_sending(&self, lease: &Lease, leads: &[Ulid], until: Millis) -> Result<Vec<Ulid>, StoreError> {
        let sql = format!(
            "UPDATE leads SET sent_at = $1, lookups = 0, lookups_needed = 0, leased_until = $2 \
             WHERE leased_by = $3 AND state = 'waiting' AND sent_at IS NULL AND crm_lead_id IS NULL \
             AND id IN ({}) RETURNING id",
            placeholders(4, leads.len())
        );
        let mut query = sqlx::query(AssertSqlSafe(sql)).bind(self.clock.now()).bind(until).bind(&lease.id);
        for lead in leads {
            query = query.bind(lead.to_string());
        }
        let rows = query.fetch_all(&self.pool).await?;
        rows.iter().map(|row| ulid(row.try_get(0)?)).collect()
    }

    /// Records that a create certainly did not happen, and when to try again; no attempt is spent.
    pub async fn record_not_sent(
        &self,
        lease: &Lease,
        leads: &[Ulid],
        due_at: Millis,
        error: &str,
    ) -> Result<(), StoreError> {
        let sql = format!(
            "UPDATE leads SET sent_at = NULL, lookups = 0, due_at = $1, last_error = $2, last_error_at = $3, \
             leased_by = NULL, leased_until = 0 WHERE leased_by = $4 AND crm_lead_id IS NULL AND id IN ({})",
            placeholders(5, leads.len())
        );
        self.update_leads(sql, lease, due_at, error, leads).await
    }

    /// Records that the result of a create is not known, and how it is to be looked up.
    pub async fn record_uncertain(
        &self,
        lease: &Lease,
        leads: &[Ulid],
        lookups: Lookups,
        error: &str,
    ) -> Result<(), StoreError> {
        let sql = format!(
            "UPDATE leads SET due_at = $1, last_error = $2, last_error_at = $3, leased_by = NULL, leased_until = 0, \
             attempts = attempts + 1, lookups = 0, lookups_needed = {}, solo = CASE WHEN {} = 1 THEN 1 ELSE solo END \
             WHERE leased_by = $4 AND crm_lead_id IS NULL AND id IN ({})",
            lookups.needed,
            i64::from(lookups.solo),
            placeholders(5, leads.len())
        );
        self.update_leads(sql, lease, lookups.first_at, error, leads).await
    }

    /// Records a clean look-up that did not find the lead; with `absent` the create may be repeated.
    pub async fn record_lookup_missed(
        &self,
        lease: &Lease,
        lead: Ulid,
        due_at: Millis,
        absent: bool,
    ) -> Result<(), StoreError> {
        let sql = if absent {
            "UPDATE leads SET sent_at = NULL, note_sent_at = NULL, lookups = 0, lookups_needed = 0, due_at = $1, \
             leased_by = NULL, leased_until = 0 WHERE id = $2 AND leased_by = $3 AND crm_lead_id IS NULL"
        } else {
            "UPDATE leads SET lookups = lookups + 1, due_at = $1, leased_by = NULL, leased_until = 0 \
             WHERE id = $2 AND leased_by = $3 AND crm_lead_id IS NULL"
        };
        sqlx::query(sql).bind(due_at).bind(lead.to_string()).bind(&lease.id).execute(&self.pool).await?;
        self.leads_moved();
        Ok(())
    }

    /// Records how many clean look-ups an uncertain create or note needs where that is not known yet (the process was
    /// killed while sending).
    pub async fn record_lookups_needed(&self, lease: &Lease, lead: Ulid, needed: i64) -> Result<(), StoreError> {
        sqlx::query("UPDATE leads SET lookups_needed = $1 WHERE id = $2 AND leased_by = $3 AND lookups_needed = 0")
            .bind(needed)
            .bind(lead.to_string())
            .bind(&lease.id)
            .execute(&self.pool)
            .await?;
        Ok(())
    }

    /// Records amoCRM's ids of created (or found) leads and remembers their contacts.
    pub async fn record_created(&self, created: &[Created]) -> Result<(), StoreError> {
        self.again(|| self.record_created_once(created)).await
    }

    async fn record_created_once(&self, created: &[Created]) -> Result<(), StoreError> {
        let now = self.clock.now();
        let mut transaction = self.begin().await?;
        for one in created {
            sqlx::query(
                "UPDATE leads SET crm_lead_id = $1, sent_at = NULL, \
                 contact_id = CASE WHEN forgotten_at IS NULL THEN COALESCE($2, contact_id) END, \
                 lookups = 0, lookups_needed = CASE WHEN note_sent_at IS NULL THEN 0 ELSE 1 END \
                 WHERE id = $3 AND crm_lead_id IS NULL",
            )
            .bind(one.crm_lead_id)
            .bind(one.contact_id)
            .bind(one.id.to_string())
            .execute(&mut *transaction)
            .await?;
            if let Some(contact_id) = one.contact_id {
                remember(&mut transaction, one.id, &one.phone, contact_id, now).await?;
            }
        }
        point("create.in_commit");
        transaction.commit().await?;
        Ok(())
    }

    /// Records that a lead is a part of another one in amoCRM now, where its note is looked for before it is written.
    pub async fn record_merged(&self, lead: Ulid, crm_lead_id: i64, contact_id: Option<i64>) -> Result<(), StoreError> {
        sqlx::query(
            "UPDATE leads SET crm_lead_id = $1, contact_id = COALESCE($2, contact_id), \
             note_sent_at = COALESCE(note_sent_at, $3), lookups = 0, lookups_needed = 1, due_at = $3, \
             leased_by = NULL, leased_until = 0 WHERE id = $4 AND state = 'waiting'",
        )
        .bind(crm_lead_id)
        .bind(contact_id)
        .bind(self.clock.now())
        .bind(lead.to_string())
        .execute(&self.pool)
        .await?;
        self.leads_moved();
        Ok(())
    }

    /// Records the contact a lead is to be attached to.
    pub async fn record_contact(&self, lead: Ulid, phone: &str, contact_id: i64) -> Result<(), StoreError> {
        self.again(|| self.record_contact_once(lead, phone, contact_id)).await
    }

    async fn record_contact_once(&self, lead: Ulid, phone: &str, contact_id: i64) -> Result<(), StoreError> {
        let mut transaction = self.begin().await?;
        sqlx::query("UPDATE leads SET contact_id = $1 WHERE id = $2 AND forgotten_at IS NULL")
            .bind(contact_id)
            .bind(lead.to_string())
            .execute(&mut *transaction)
            .await?;
        remember(&mut transaction, lead, phone, contact_id, self.clock.now()).await?;
        transaction.commit().await?;
        Ok(())
    }

    /// The contact remembered for a phone (E.164).
    pub async fn known_contact(&self, phone: &str) -> Result<Option<i64>, StoreError> {
        let sql = format!("SELECT {} FROM customers WHERE phone = $1", rows::numbers(self.engine, "contact_id"));
        let row = sqlx::query(AssertSqlSafe(sql)).bind(phone).fetch_optional(&self.pool).await?;
        // Damaged, it is as good as none: the contact is looked for and remembered anew.
        Ok(row.as_ref().and_then(|row| rows::number(row, 0)))
    }

    /// Forgets a contact that amoCRM does not know any more.
    pub async fn forget_contact(&self, lead: Ulid, phone: &str) -> Result<(), StoreError> {
        self.again(|| self.forget_contact_once(lead, phone)).await
    }

    async fn forget_contact_once(&self, lead: Ulid, phone: &str) -> Result<(), StoreError> {
        let mut transaction = self.begin().await?;
        sqlx::query("DELETE FROM customers WHERE phone = $1").bind(phone).execute(&mut *transaction).await?;
        sqlx::query("UPDATE leads SET contact_id = NULL WHERE id = $1")
            .bind(lead.to_string())
            .execute(&mut *transaction)
            .await?;
        transaction.commit().await?;
        Ok(())
    }

    /// Records that notes are about to be sent; only leads returned here, still held, may get one.
    pub async fn record_note_sending(
        &self,
        lease: &Lease,
        leads: &[Ulid],
        until: Millis,
    ) -> Result<Vec<Ulid>, StoreError> {
        let sql = format!(
            "UPDATE leads SET note_sent_at = $1, lookups = 0, lookups_needed = 0, leased_until = $2 \
             WHERE leased_by = $3 AND state = 'waiting' \
             AND crm_lead_id IS NOT NULL AND id IN ({}) RETURNING id",
            placeholders(4, leads.len())
        );
        let mut query = sqlx::query(AssertSqlSafe(sql)).bind(self.clock.now()).bind(until).bind(&lease.id);
        for lead in leads {
            query = query.bind(lead.to_string());
        }
        let rows = query.fetch_all(&self.pool).await?;
        rows.iter().map(|row| ulid(row.try_get(0)?)).collect()
    }

    /// Records a note that may or may not have been written, and how it is to be looked for before it is written again.
    pub async fn record_note_uncertain(
        &self,
        lease: &Lease,
        leads: &[Ulid],
        lookups: Lookups,
        error: &str,
    ) -> Result<(), StoreError> {
        let sql = format!(
            "UPDATE leads SET due_at = $1, last_error = $2, last_error_at = $3, leased_by = NULL, leased_until = 0, \
             attempts = attempts + 1, lookups = 0, lookups_needed = {}, solo = CASE WHEN {} = 1 THEN 1 ELSE solo END \
             WHERE leased_by = $4 AND id IN ({})",
            lookups.needed,
            i64::from(lookups.solo),
            placeholders(5, leads.len())
        );
        self.update_leads(sql, lease, lookups.first_at, error, leads).await
    }

    /// Records that a note certainly was not written, and when to try again; no attempt is spent.
    pub async fn record_note_not_sent(
        &self,
        lease: &Lease,
        leads: &[Ulid],
        due_at: Millis,
        error: &str,
    ) -> Result<(), StoreError> {
        let sql = format!(
            "UPDATE leads SET due_at = $1, last_error = $2, last_error_at = $3, leased_by = NULL, leased_until = 0, \
             note_sent_at = NULL WHERE leased_by = $4 AND id IN ({})",
            placeholders(5, leads.len())
        );
        self.update_leads(sql, lease, due_at, error, leads).await
    }

    /// Records that an uncertain note was looked for and is not there yet.
    pub async fn record_note_missed(&self, lease: &Lease, lead: Ulid, due_at: Millis) -> Result<(), StoreError> {
        sqlx::query(
            "UPDATE leads SET lookups = lookups + 1, due_at = $1, leased_by = NULL, leased_until = 0 \
             WHERE id = $2 AND leased_by = $3",
        )
        .bind(due_at)
        .bind(lead.to_string())
        .bind(&lease.id)
        .execute(&self.pool)
        .await?;
        self.leads_moved();
        Ok(())
    }

    /// Whether anything was delivered after a moment.
    pub async fn delivered_after(&self, moment: Millis) -> Result<bool, StoreError> {
        let row = sqlx::query("SELECT 1 FROM leads WHERE state = 'delivered' AND delivered_at > $1 LIMIT 1")
            .bind(moment)
            .fetch_optional(&self.pool)
            .await?;
        Ok(row.is_some())
    }

    /// Records the last step of leads; buyers who were told "saved" are owed "delivered" from the same commit on.
    /// Returns how many were not recorded before.
    pub async fn record_delivered(&self, leads: &[&Lead]) -> Result<u64, StoreError> {
        self.again(|| self.record_delivered_once(leads)).await
    }

    async fn record_delivered_once(&self, leads: &[&Lead]) -> Result<u64, StoreError> {
        let now = self.clock.now();
        let mut fresh = 0;
        let mut transaction = self.begin().await?;
        for lead in leads {
            let row = sqlx::query(
                "UPDATE leads SET state = 'delivered', delivered_at = $1, leased_by = NULL, leased_until = 0, \
                 note_sent_at = NULL, lookups = 0, lookups_needed = 0, last_error = NULL WHERE id = $2 AND state <> 'delivered' RETURNING CASE WHEN buyer_told = 1 THEN 1 ELSE 0 END",
            )
            .bind(now)
            .bind(lead.id.to_string())
            .fetch_optional(&mut *transaction)
            .await?;
            let Some(row) = row else { continue };
            fresh += 1;
            if let (true, Some(chat_id)) = (rows::number(&row, 0) == Some(1), lead.buyer.chat_id) {
                let notice = Notice::Delivered { number: lead.number.clone() };
                messages::insert(&mut transaction, chat_id, &json(&notice), now, now).await?;
            }
        }
        point("delivered.in_commit");
        transaction.commit().await?;
        self.leads_moved();
        self.wakes.messages.notify_one();
        Ok(fresh)
    }

    /// Records that amoCRM refused parts of a lead, to be left out from now on; tried again at once.
    pub async fn record_degraded(
        &self,
        lease: &Lease,
        lead: Ulid,
        degradation: &str,
        error: &str,
    ) -> Result<(), StoreError> {
        sqlx::query(
            "UPDATE leads SET degradation = $1, sent_at = NULL, attempts = attempts + 1, solo = 1, due_at = $2, \
             last_error = $3, last_error_at = $2, leased_by = NULL, leased_until = 0 WHERE id = $4 AND leased_by = $5",
        )
        .bind(degradation)
        .bind(self.clock.now())
        .bind(plain(error))
        .bind(lead.to_string())
        .bind(&lease.id)
        .execute(&self.pool)
        .await?;
        self.leads_moved();
        Ok(())
    }

    /// Records that amoCRM refuses the data of a lead; it is kept and a person has to look.
    pub async fn record_rejected(&self, lease: &Lease, lead: Ulid, error: &str) -> Result<(), StoreError> {
        sqlx::query(
            "UPDATE leads SET state = 'rejected', sent_at = NULL, attempts = attempts + 1, last_error = $1, \
             last_error_at = $2, admin_told = 0, leased_by = NULL, leased_until = 0 \
             WHERE id = $3 AND leased_by = $4 AND state = 'waiting'",
        )
        .bind(plain(error))
        .bind(self.clock.now())
        .bind(lead.to_string())
        .bind(&lease.id)
        .execute(&self.pool)
        .await?;
        self.leads_moved();
        Ok(())
    }

    /// Owes "it is saved and will be passed on" to every buyer with a waiting lead who has not been told so, and
    /// returns how many leads were marked.
    pub async fn tell_saved(&self, limit: i64) -> Result<usize, StoreError> {
        self.again(|| self.tell_saved_once(limit)).await
    }

    async fn tell_saved_once(&self, limit: i64) -> Result<usize, StoreError> {
        let now = self.clock.now();
        let mut transaction = self.begin().await?;
        let sql = format!(
            "UPDATE leads SET buyer_told = 1 WHERE id IN (SELECT id FROM leads WHERE state = 'waiting' \
             AND buyer_told = 0 AND unreadable = 0 ORDER BY submitted_at, id LIMIT $1) RETURNING {}",
            lead_columns(self.engine)
        );
        let rows = sqlx::query(AssertSqlSafe(sql)).bind(limit).fetch_all(&mut *transaction).await?;
        for row in &rows {
            let Ok(LeadRow { lead, .. }) = lead_row(row) else {
                // Its buyer is told once it can be read.
                rows::mark_unreadable(&mut transaction, self.engine, "leads", rows::raw(row, 16)).await?;
                continue;
            };
            if let Some(chat_id) = lead.buyer.chat_id {
                let notice = Notice::Saved { number: lead.number };
                messages::insert(&mut transaction, chat_id, &json(&notice), now, now).await?;
            }
        }
        point("saved.in_commit");
        transaction.commit().await?;
        if !rows.is_empty() {
            self.wakes.messages.notify_one();
            // The backup file says who was told.
            self.wakes.backup.notify_one();
        }
        Ok(rows.len())
    }

    /// Rejected leads the admin has not been told of, with what amoCRM said.
    pub async fn untold_rejections(&self) -> Result<Vec<(LeadNumber, String)>, StoreError> {
        let sql = format!(
            "SELECT {} FROM leads WHERE state = 'rejected' AND admin_told = 0 AND unreadable = 0 \
             ORDER BY submitted_at, id LIMIT 50",
            lead_columns(self.engine)
        );
        let rows = sqlx::query(AssertSqlSafe(sql)).fetch_all(&self.pool).await?;
        let rejected = self.leads_of(&rows).await?.into_iter();
        Ok(rejected.map(|row| (row.lead.number, row.last_error.unwrap_or_default())).collect())
    }

    async fn update_leads(
        &self,
        sql: String,
        lease: &Lease,
        due_at: Millis,
        error: &str,
        leads: &[Ulid],
    ) -> Result<(), StoreError> {
        if leads.is_empty() {
            return Ok(());
        }
        let mut query =
            sqlx::query(AssertSqlSafe(sql)).bind(due_at).bind(plain(error)).bind(self.clock.now()).bind(&lease.id);
        for lead in leads {
            query = query.bind(lead.to_string());
        }
        query.execute(&self.pool).await?;
        self.leads_moved();
        Ok(())
    }
}

/// Remembers whose contact it is, unless the person was forgotten while amoCRM was asked.
async fn remember(
    connection: &mut sqlx::AnyConnection,
    lead: Ulid,
    phone: &str,
    contact_id: i64,
    now: Millis,
) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO customers (phone, contact_id, seen_at) SELECT CAST($1 AS TEXT), CAST($2 AS BIGINT), \
         CAST($3 AS BIGINT) WHERE NOT EXISTS (SELECT 1 FROM leads WHERE id = $4 AND forgotten_at IS NOT NULL) \
         ON CONFLICT (phone) DO UPDATE SET contact_id = excluded.contact_id, seen_at = excluded.seen_at",
    )
    .bind(phone)
    .bind(contact_id)
    .bind(now)
    .bind(lead.to_string())
    .execute(connection)
    .await?;
    Ok(())
}

/// Sorts leads, oldest first, so that everybody's first comes before anybody's second.
fn one_of_each_first(leads: Vec<LeadRow>) -> Vec<LeadRow> {
    let mut places = HashMap::new();
    let mut placed = Vec::with_capacity(leads.len());
    for row in leads {
        let place = places.entry(row.lead.buyer.user_id).or_insert(0_usize);
        *place += 1;
        placed.push((*place, row));
    }
    placed.sort_by_key(|(place, _)| *place);
    placed.into_iter().map(|(_, row)| row).collect()
}

fn ulid(text: String) -> Result<Ulid, StoreError> {
    Ulid::from_string(&text).map_err(|error| StoreError::Unreadable(format!("lead id {text:?}: {error}")))
}
