//! Telling a failure that is about one lead from one that is about all of them, and holding that lead by itself.

use tracing::warn;
use ulid::Ulid;

use crate::{
    clock::Millis,
    crm::amocrm::{CrmError, OmittedFields, RejectedField},
    lead::LeadNumber,
    notice::Shortage,
    store::{Hold, LeadRow, Step, StepOutcome, StoreError},
    telemetry::lead_span,
};

use super::{
    backoff::{PERSON_PAUSE, lead_pause},
    counters::Counters,
    outcome::describe,
    pass::{DeliveryPass, Stop, lock},
    shortage::omitted_of,
};

/// A lead on which amoCRM has broken so often, while others went through, is no sign of an outage.
const ATTEMPTS_OF_A_POISONED_LEAD: i64 = 2;

/// After so many failures of one lead the admin hears of it, whatever becomes of others.
const ATTEMPTS_UNTOLD: i64 = 3;

/// What a wall says, in our words.
const WALL: &str = "403, a page in front of amoCRM that lets other requests pass";

/// What is known of a lead of which a step has failed.
#[derive(Debug, Clone)]
pub(super) struct Failed {
    pub id: Ulid,
    pub number: LeadNumber,
    pub attempts: i64,
    pub last_error_at: Option<Millis>,
    pub omitted: OmittedFields,
    /// Which step has failed.
    pub step: Step,
    /// What was sent of that step before this time may be there.
    pub uncertain: bool,
}

impl From<&LeadRow> for Failed {
    fn from(row: &LeadRow) -> Self {
        Self {
            id: row.lead.id,
            number: row.lead.number.clone(),
            attempts: row.attempts,
            last_error_at: row.last_error_at,
            omitted: omitted_of(row),
            step: Step::Lead,
            uncertain: false,
        }
    }
}

impl Failed {
    /// What is known of a lead of which a step after the first has failed.
    pub fn of_step(step: Step, row: &LeadRow) -> Self {
        Self { step, uncertain: row.steps.attempt(step).is_some(), ..Self::from(row) }
    }
}

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

    /// A wall refuses one lead: it is tried once more in plain words at once, then at growing pauses. `Err` when it
    /// refuses lead after lead.
    pub(super) async fn hold_from_wall(&self, failed: Failed, error: &CrmError) -> Result<(), Stop> {
        let error = match error {
            CrmError::Blocked => WALL.to_owned(),
            error => error.to_string(),
        };
        let error = error.as_str();
        if failed.omitted.plain {
            return if failed.step == Step::Note {
                self.hold_note(failed, error, &[]).await
            } else {
                self.hold(failed, error, &[]).await
            };
        }
        lead_span(&failed.number).in_scope(|| warn!(error, "a wall refuses one lead; it is sent in plain words"));
        let plain = OmittedFields { plain: true, ..failed.omitted };
        let hold = Hold {
            due_at: self.clock().now(),
            error: error.to_owned(),
            omitted: Some(crate::store::json(&plain)),
            tell: false,
            uncertain: failed.uncertain,
        };
        Ok(self.record(failed.step, &[failed.id], StepOutcome::Held(hold)).await?)
    }

    /// amoCRM refuses a lead, and there is nothing left to leave out. Where it blames its data (`fields`), or takes
    /// others, a person has to look; else it waits for what becomes of others. `Err` when lead after lead is refused.
    pub(super) async fn hold(&self, failed: Failed, words: &str, fields: &[RejectedField]) -> Result<(), Stop> {
        let error = describe(words, fields);
        let others_went_through = failed.last_error_at.is_some_and(|at| *lock(&self.learned.taken_at) > at);
        // What others have proved to be about this lead counts for nothing more.
        if !others_went_through && self.is_refused_with_others(failed.id, &error).await? {
            let hold = Hold {
                due_at: self.clock().now(),
                error,
                omitted: Some(crate::store::json(&OmittedFields { tried_less: true, ..OmittedFields::default() })),
                tell: false,
                uncertain: failed.uncertain,
            };
            self.record(failed.step, &[failed.id], StepOutcome::Held(hold)).await?;
            return Err(Stop::Crm(CrmError::Refused { detail: words.to_owned(), request_id: None }));
        }
        if !fields.is_empty() {
            lead_span(&failed.number).in_scope(|| warn!(error, "amoCRM refuses a lead; it is kept"));
            Counters::add(&self.counters.rejected, 1);
            let rejected = StepOutcome::Rejected { error, uncertain: failed.uncertain };
            self.record(failed.step, &[failed.id], rejected).await?;
            return Ok(());
        }
        lead_span(&failed.number)
            .in_scope(|| warn!(error, "amoCRM does not take one lead; it is kept and tried by itself"));
        let hold = Hold {
            due_at: self.due_in(lead_pause(failed.attempts + 1)),
            error,
            omitted: None,
            tell: others_went_through || failed.attempts >= ATTEMPTS_UNTOLD,
            uncertain: failed.uncertain,
        };
        Ok(self.record(failed.step, &[failed.id], StepOutcome::Held(hold)).await?)
    }

    /// Whether this refusal is one of many in a row: then those rejected before it are put back in line.
    async fn is_refused_with_others(&self, lead: Ulid, words: &str) -> Result<bool, StoreError> {
        let (was, is, leads) = {
            let mut run = lock(&self.learned.refused);
            let was = run.is_outage();
            (was, run.refused(lead, words), run.leads().to_vec())
        };
        if is && !was {
            warn!(leads = leads.len(), "amoCRM refuses one lead after another; none of them is to blame");
            self.queue.revive(&leads).await?;
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

    /// amoCRM refuses the note of a lead that it has, and there is nothing left to leave out.
    pub(super) async fn hold_note(&self, failed: Failed, words: &str, fields: &[RejectedField]) -> Result<(), Stop> {
        let error = describe(words, fields);
        // A lead that was taken meanwhile says nothing of notes.
        let others_went_through = match failed.last_error_at {
            Some(at) => self.leads.delivered_after(at).await?,
            None => false,
        };
        let all = !others_went_through && self.is_note_refused_with_others(failed.id, &error).await?;
        if !all && !fields.is_empty() {
            lead_span(&failed.number).in_scope(|| warn!(error, "amoCRM refuses a note; the lead is kept for a person"));
            Counters::add(&self.counters.rejected, 1);
            let rejected = StepOutcome::Rejected { error, uncertain: failed.uncertain };
            self.record(failed.step, &[failed.id], rejected).await?;
            return Ok(());
        }
        let hold = Hold {
            due_at: self.due_in(lead_pause(failed.attempts + 1)),
            error,
            omitted: None,
            tell: !all && (others_went_through || failed.attempts >= ATTEMPTS_UNTOLD),
            uncertain: failed.uncertain,
        };
        self.record(failed.step, &[failed.id], StepOutcome::Held(hold)).await?;
        if all { self.notes_wait().await } else { Ok(()) }
    }

    /// Whether this refusal of a note is one of many in a row: then the leads blamed before it are put back in line.
    async fn is_note_refused_with_others(&self, lead: Ulid, words: &str) -> Result<bool, StoreError> {
        let (was, is, leads) = {
            let mut run = lock(&self.learned.refused_notes);
            let was = run.is_outage();
            (was, run.refused(lead, words), run.leads().to_vec())
        };
        if is && !was {
            warn!(leads = leads.len(), "amoCRM refuses one note after another; no lead is to blame");
            self.queue.revive_notes(&leads).await?;
        }
        Ok(is)
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
