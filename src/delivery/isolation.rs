//! Telling a failure that is about one lead from one that is about all of them, and holding that lead by itself.

use tracing::warn;
use ulid::Ulid;

use crate::{
    clock::Millis,
    crm::amocrm::{CrmError, OmittedFields, RejectedField},
    notice::Shortage,
    store::{Hold, LeadRow, Step, StepOutcome, StoreError},
    telemetry::lead_span,
};

use super::{
    backoff::{PERSON_PAUSE, lead_pause},
    counters::Counters,
    learned::lock,
    outcome::describe,
    pass::{DeliveryPass, Stop},
    shortage::omitted_of,
    write::StepWrite,
};

/// A lead on which amoCRM has broken so often, while others went through, is no sign of an outage.
const ATTEMPTS_OF_A_POISONED_LEAD: i64 = 2;

/// After so many failures of one lead the admin hears of it, whatever becomes of others.
const ATTEMPTS_UNTOLD: i64 = 3;

/// What a wall says, in our words.
const WALL: &str = "403, a page in front of amoCRM that lets other requests pass";

impl DeliveryPass {
    /// Whether other leads went through since this moment, at which a lead has failed.
    pub(super) async fn others_went_through(&self, since: Option<Millis>) -> Result<bool, StoreError> {
        match since {
            Some(at) => Ok(*lock(&self.learned.taken_at) > at || self.leads.delivered_after(at).await?),
            None => Ok(false),
        }
    }

    /// Whether amoCRM breaks on this one lead: it has before, and since then others went through. Then the rest goes on,
    /// the lead is tried again at growing distances.
    pub(super) async fn is_poisoned(&self, attempts: i64, last_error_at: Option<Millis>) -> Result<bool, StoreError> {
        Ok(attempts >= ATTEMPTS_OF_A_POISONED_LEAD && self.others_went_through(last_error_at).await?)
    }

    /// By which number of failures a lead's pauses grow: an outage is not its fault.
    pub(super) async fn own_failures(&self, attempts: i64, last_error_at: Option<Millis>) -> Result<i64, StoreError> {
        Ok(if self.is_poisoned(attempts, last_error_at).await? { attempts } else { 1 })
    }

    /// Whether a call has failed because of the one lead in it: the account can be read, and others go through, or are
    /// there to be tried. Else, and when it fails for lead after lead, `Err` has what is wrong with everything.
    pub(super) async fn is_about_one(
        &self,
        lead: Ulid,
        error: &CrmError,
        failed_at: Option<Millis>,
    ) -> Result<(), Stop> {
        let all = || Err(Stop::Crm(error.clone()));
        match error {
            // What breaks, and a wall in front of amoCRM, may dislike one request. Whom it blocks it shows nothing at all.
            CrmError::Blocked | CrmError::Ambiguous { .. } | CrmError::Unavailable { .. } => {
                let writes_blocked = CrmError::Refused { detail: WALL.to_owned(), request_id: None };
                let all =
                    || Err(Stop::Crm(if matches!(error, CrmError::Blocked) { writes_blocked } else { error.clone() }));
                if lock(&self.learned.broken).is_outage() {
                    return all();
                }
                self.crm.account().await.map_err(Stop::Crm)?;
                if self.others_went_through(failed_at).await? {
                    return Ok(());
                }
                let leads = {
                    let mut run = lock(&self.learned.broken);
                    run.refused(lead, "");
                    if run.is_outage() { run.leads().to_vec() } else { Vec::new() }
                };
                if !leads.is_empty() {
                    warn!(leads = leads.len(), "amoCRM can be read but takes no lead; none of them is to blame");
                    self.queue.revive(&leads).await?;
                    return all();
                }
                if matches!(error, CrmError::Blocked) || self.queue.untroubled(1).await? > 0 { Ok(()) } else { all() }
            }
            CrmError::Forbidden { .. }
            | CrmError::Account { .. }
            | CrmError::NotFound { .. }
            | CrmError::WrongAddress { .. }
                if self.others_went_through(failed_at).await? =>
            {
                Ok(())
            }
            _ => all(),
        }
    }

    /// Something that a lead needs before it is sent fails for it each time: it waits by itself.
    pub(super) async fn hold_back(&self, row: &LeadRow, error: &CrmError) -> Result<(), StoreError> {
        let hold = Hold {
            due_at: self.due_in(lead_pause(row.attempts + 1)),
            error: error.to_string(),
            omitted: None,
            tell: row.attempts >= ATTEMPTS_UNTOLD,
            uncertain: false,
        };
        self.record(Step::Lead, &[row.lead.id], StepOutcome::Held(hold)).await
    }

    /// A wall refuses a step of one lead: it is tried once more in plain words at once, then at growing pauses. `Err` when
    /// it refuses lead after lead.
    pub(super) async fn hold_from_wall<S: StepWrite>(&self, row: &LeadRow, error: &CrmError) -> Result<(), Stop> {
        let error = match error {
            CrmError::Blocked => WALL.to_owned(),
            error => error.to_string(),
        };
        let omitted = omitted_of(row);
        if omitted.plain {
            return self.hold::<S>(row, &error, &[]).await;
        }
        lead_span(&row.lead.number).in_scope(|| warn!(error, "a wall refuses one lead; it is sent in plain words"));
        let plain = OmittedFields { plain: true, ..omitted };
        let hold = Hold {
            due_at: self.clock().now(),
            error,
            omitted: Some(crate::store::json(&plain)),
            tell: false,
            uncertain: is_uncertain::<S>(row),
        };
        Ok(self.record(S::STEP, &[row.lead.id], StepOutcome::Held(hold)).await?)
    }

    /// amoCRM refuses a step of a lead, and there is nothing left to leave out. Where it blames its data (`fields`), or
    /// takes others, a person has to look; else it waits for what becomes of others. What is done when lead after lead is
    /// refused is the step's own.
    pub(super) async fn hold<S: StepWrite>(
        &self,
        row: &LeadRow,
        words: &str,
        fields: &[RejectedField],
    ) -> Result<(), Stop> {
        let error = describe(words, fields);
        let others_went_through = match row.last_error_at {
            Some(at) => S::others_went_through(self, at).await?,
            None => false,
        };
        // What others have proved to be about this lead counts for nothing more.
        if !others_went_through && self.is_refused_with_others::<S>(row.lead.id, &error).await? {
            return S::refused_with_others(self, row, error, words).await;
        }
        let (step, uncertain) = (S::STEP.as_str(), is_uncertain::<S>(row));
        let outcome = if fields.is_empty() {
            lead_span(&row.lead.number)
                .in_scope(|| warn!(step, error, "amoCRM does not take one lead; it is kept and tried by itself"));
            StepOutcome::Held(Hold {
                due_at: self.due_in(lead_pause(row.attempts + 1)),
                error,
                omitted: None,
                tell: others_went_through || row.attempts >= ATTEMPTS_UNTOLD,
                uncertain,
            })
        } else {
            lead_span(&row.lead.number).in_scope(|| warn!(step, error, "amoCRM refuses a lead; it is kept"));
            Counters::add(&self.counters.rejected, 1);
            StepOutcome::Rejected { error, uncertain }
        };
        Ok(self.record(S::STEP, &[row.lead.id], outcome).await?)
    }

    /// Whether this refusal is one of many in a row: then those rejected before it are put back in line.
    async fn is_refused_with_others<S: StepWrite>(&self, lead: Ulid, words: &str) -> Result<bool, StoreError> {
        let (was, is, leads) = {
            let mut run = lock(S::refusals(&self.learned));
            let was = run.is_outage();
            (was, run.refused(lead, words), run.leads().to_vec())
        };
        if is && !was {
            let step = S::STEP.as_str();
            warn!(step, leads = leads.len(), "amoCRM refuses one lead after another; none of them is to blame");
            S::revive(self, &leads).await?;
        }
        Ok(is)
    }

    /// Whether amoCRM is known to refuse whatever it is sent.
    pub(super) fn refuses_all(&self) -> bool {
        lock(&self.learned.refused).is_outage() || lock(&self.learned.broken).is_outage()
    }

    /// amoCRM has taken a lead.
    pub(super) fn took_one(&self, alone: bool) {
        if alone {
            *lock(&self.learned.singly_until) = 0;
        }
        lock(&self.learned.refused).taken();
        lock(&self.learned.broken).taken();
        *lock(&self.learned.taken_at) = self.clock().now();
    }

    /// Whether what has happened to a note happens to this one only, or to all notes: then they wait, and leads are made all
    /// the same. `Err` when amoCRM cannot be read either.
    pub(super) async fn is_about_one_note(&self, one: &LeadRow, error: &CrmError) -> Result<(), Stop> {
        self.crm.account().await.map_err(Stop::Crm)?;
        if self.leads.delivered_after(one.last_error_at.unwrap_or(Millis::MAX)).await? {
            return Ok(());
        }
        if lock(&self.learned.refused_notes).refused(one.lead.id, "") {
            return self.notes_wait().await;
        }
        // With nothing else to try it is as good as an outage.
        if self.leads.waiting().await?.0 > 1 { Ok(()) } else { Err(Stop::Crm(error.clone())) }
    }

    /// There is no right to write notes, or they are refused one after another: they wait, leads are made all the same.
    pub(super) async fn notes_wait(&self) -> Result<(), Stop> {
        *lock(&self.learned.notes_from) = self.due_in(PERSON_PAUSE);
        Ok(self.learned.shortages.add(&self.marks, vec![Shortage::Notes]).await?)
    }

    /// amoCRM has taken a note.
    pub(super) async fn took_a_note(&self) -> Result<(), StoreError> {
        lock(&self.learned.refused_notes).taken();
        *lock(&self.learned.notes_from) = 0;
        self.learned.shortages.remove(&self.marks, |what| *what == Shortage::Notes).await
    }

    /// Until when no note is tried.
    pub(super) fn notes_from(&self) -> Millis {
        *lock(&self.learned.notes_from)
    }
}

/// Whether what was sent of this step before this time may be there.
pub(super) fn is_uncertain<S: StepWrite>(row: &LeadRow) -> bool {
    row.steps.attempt(S::STEP).is_some()
}
