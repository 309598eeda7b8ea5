//! What managers' work leads to in amoCRM: tasks, who is responsible, the mark of what is no lead. One at a time, in a loop of its
//! own; nothing waits for any of it.
//!
//! A task follows the order of every write (see [`super::write`]): looked for, recorded, sent, told apart, recorded. All else
//! is compared with what is there and sent only where it differs, so whoever dies in between leaves nothing but work for the next.
//! A user whom amoCRM does not take leaves the lead to whoever is responsible; the admin is told once.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use tracing::{Instrument, info, warn};

use crate::{
    clock::{Clock, Millis, date},
    config::{Dealer, Manager},
    crm::amocrm::{Crm, CrmError, LeadThere, NewTask, RejectedField, Whereabouts},
    fault::point,
    notice::{AdminNotice, Recipients},
    store::{
        LateNotes, LateOutcome, LeadAction, LeadActions, LeadRow, Leads, Lease, Mark, Marks, NewMessage, OwedAction,
        Store, StoreError,
    },
    telemetry::lead_span,
    working_time::WorkingTime,
};

use super::{
    backoff::{LONGEST_PAUSE, lookup_delay, missed, pause_after},
    one_by_one::OneByOne,
    outcome::{WriteOutcome, describe},
    pass::Stop,
};

/// Pause after the store failed.
const STORE_PAUSE: Duration = Duration::from_secs(2);

/// After so many refusals a right that is missing is not waited for any more; in between it waits for so long.
const MOST_REFUSALS: i64 = 5;
const REFUSED_PAUSE: Duration = Duration::from_secs(15 * 60);

/// What should have been done already is to be done within so much working time.
const CALL_WITHIN: TimeDelta = TimeDelta::minutes(15);

/// Where a lead is not known to be in amoCRM, somebody else finds out.
const UNKNOWN_PAUSE: Duration = Duration::from_secs(60);

/// Does in amoCRM what managers' work leads to.
#[derive(Debug)]
pub struct ActionWriter {
    actions: LeadActions,
    leads: Leads,
    marks: Marks,
    late_notes: LateNotes,
    crm: Crm,
    lease: Lease,
    recipients: Recipients,
    managers: Vec<Manager>,
    /// When the dealer works.
    working: WorkingTime,
    /// Failures of amoCRM, or of the way to it, in a row.
    failures: u32,
}

impl OneByOne for ActionWriter {
    type Error = StoreError;

    const WAITS: &'static str = "what managers' work leads to waits for the store";
    const PAUSE: Duration = STORE_PAUSE;

    fn clock(&self) -> Clock {
        self.actions.clock()
    }

    async fn step(&mut self) -> Result<bool, StoreError> {
        let Some(one) = self.actions.due().await? else { return Ok(false) };
        let span = lead_span(&one.number);
        match self.carry_out(&one).instrument(span.clone()).await {
            Ok(()) => self.failures = 0,
            Err(Stop::Store(error)) => return Err(error),
            Err(Stop::Crm(error)) => {
                span.in_scope(|| warn!(%error, "what a manager's work leads to waits"));
                self.failures += 1;
                let pause = pause_after(&error, self.failures, rand::random());
                self.defer(&one, LateOutcome::NotLooked, pause).await?;
            }
        }
        Ok(true)
    }

    async fn next_due(&self) -> Result<Option<Millis>, StoreError> {
        self.actions.next_due().await
    }

    async fn changed(&self) {
        self.actions.changed().await;
    }
}

impl ActionWriter {
    /// For the leader of this term; managers are named where one of them is refused.
    pub fn new(store: &Store, crm: Crm, lease: Lease, recipients: Recipients, dealer: &Dealer) -> Self {
        let working = WorkingTime::of_dealer(dealer);
        Self {
            actions: store.lead_actions(),
            leads: store.leads(),
            marks: store.marks(),
            late_notes: store.late_notes(),
            crm,
            lease,
            recipients,
            managers: dealer.managers.clone(),
            working,
            failures: 0,
        }
    }

    fn due_in(&self, pause: Duration) -> Millis {
        self.clock().now() + self.clock().millis(pause)
    }

    async fn defer(&self, one: &OwedAction, outcome: LateOutcome, pause: Duration) -> Result<(), StoreError> {
        self.actions.not_done(&self.lease, &one.id, outcome, self.due_in(pause)).await
    }

    async fn over(&self, one: &OwedAction, remote_id: Option<i64>) -> Result<(), Stop> {
        Ok(self.actions.over(&one.id, remote_id).await?)
    }

    async fn carry_out(&self, one: &OwedAction) -> Result<(), Stop> {
        let Some(row) = self.leads.by_number(&one.number).await? else {
            // A lead that is damaged may be repaired.
            return Ok(self.defer(one, LateOutcome::NotLooked, LONGEST_PAUSE).await?);
        };
        let Some(lead_id) = row.crm_lead_id() else {
            return match row.forgotten_at.is_some() || row.state() == crate::store::LeadState::Discarded {
                true => self.over(one, None).await,
                false => Ok(self.defer(one, LateOutcome::NotLooked, UNKNOWN_PAUSE).await?),
            };
        };
        let Some(there) = self.crm.lead_there(lead_id).await.map_err(Stop::Crm)? else {
            return self.follow(one, &row, lead_id).await;
        };
        match &one.action {
            // Whoever has a lead keeps it when its buyer asks again.
            LeadAction::Responsible { .. } if row.attached_at.is_some() && one.is_assigned() => {
                self.over(one, None).await
            }
            LeadAction::Responsible { user_id } => {
                self.change(one, lead_id, there.making_responsible(*user_id), Some(*user_id)).await
            }
            LeadAction::Junk { tag, closes } => self.change(one, lead_id, there.marking_junk(tag, *closes), None).await,
            LeadAction::Task { text, complete_till, user_id } => {
                let user_id = user_id.or_else(|| there.responsible());
                let complete_till = self.till(*complete_till, user_id);
                let task = NewTask { lead_id, text, complete_till, user_id };
                self.task(one, &there, task).await
            }
        }
    }

    /// Until when a task is to be done that is sent now: a time that has passed meanwhile is moved on, into working hours.
    fn till(&self, decided: i64, user_id: Option<i64>) -> i64 {
        let hours = self.working.of_user(&self.managers, user_id);
        still_ahead(decided, date(self.clock().now()), &hours)
    }

    /// What means the same however often it is sent.
    async fn change(
        &self,
        one: &OwedAction,
        lead_id: i64,
        change: Option<serde_json::Value>,
        user_id: Option<i64>,
    ) -> Result<(), Stop> {
        let Some(change) = change else { return self.over(one, None).await };
        if !self.actions.intent(&self.lease, &one.id).await? {
            return Ok(());
        }
        point("lead_action.recorded");
        let answer = self.crm.update_lead(lead_id, &change).await;
        point("lead_action.answered");
        match answer {
            Ok(()) => {
                info!("a lead is changed as a manager wished");
                self.taken().await?;
                self.over(one, None).await
            }
            Err(error) => self.not_taken(one, error, user_id).await,
        }
    }

    async fn task(&self, one: &OwedAction, there: &LeadThere, task: NewTask<'_>) -> Result<(), Stop> {
        if self.crm.has_task(task.lead_id, task.text).await.map_err(Stop::Crm)? {
            return self.over(one, None).await;
        }
        if let Some((outcome, pause)) = one.attempt.and_then(missed) {
            return Ok(self.defer(one, outcome, pause).await?);
        }
        if !self.actions.intent(&self.lease, &one.id).await? {
            return Ok(());
        }
        point("lead_action.recorded");
        let mut answer = self.crm.add_task(&task).await;
        // Whoever is responsible, then, and the user of the tokens at last: the buyer is called back by somebody.
        for user_id in [there.responsible(), None] {
            let Err(CrmError::Rejected { fields, detail, .. }) = &answer else { break };
            let Some(refused) = task.user_id.filter(|_| is_about_the_user(fields)) else { break };
            self.tell_of_user(refused, &describe(detail, fields)).await?;
            answer = self.crm.add_task(&NewTask { user_id, ..task.clone() }).await;
        }
        point("lead_action.answered");
        match answer {
            Ok(task_id) => {
                info!("a task is made");
                self.taken().await?;
                self.over(one, Some(task_id)).await
            }
            Err(error) => match WriteOutcome::of(&error) {
                WriteOutcome::Uncertain { lookups } => {
                    warn!(%error, "a task may or may not be there");
                    let uncertain = LateOutcome::Uncertain { lookups_needed: lookups };
                    Ok(self.defer(one, uncertain, lookup_delay(0, 0)).await?)
                }
                WriteOutcome::NotDone | WriteOutcome::Refused { .. } => self.not_taken(one, error, None).await,
            },
        }
    }

    /// It was not done, or means the same when it is done again.
    async fn not_taken(&self, one: &OwedAction, error: CrmError, user_id: Option<i64>) -> Result<(), Stop> {
        match (&error, user_id) {
            (CrmError::Rejected { fields, detail, .. }, Some(user_id)) if is_about_the_user(fields) => {
                self.tell_of_user(user_id, &describe(detail, fields)).await?;
                return self.over(one, None).await;
            }
            _ => {}
        }
        let is_refused = matches!(WriteOutcome::of(&error), WriteOutcome::Refused { .. });
        if !is_refused && !matches!(error, CrmError::Forbidden { .. }) {
            self.defer(one, LateOutcome::NotWritten, Duration::ZERO).await?;
            return Err(Stop::Crm(error));
        }
        self.tell_of_refusal(one, &error).await?;
        // A right may be given, but nobody waits for it for ever.
        match one.attempts + 1 < MOST_REFUSALS {
            true => Ok(self.defer(one, LateOutcome::Refused, REFUSED_PAUSE).await?),
            false => self.over(one, None).await,
        }
    }

    /// Once for each user.
    async fn tell_of_user(&self, user_id: i64, detail: &str) -> Result<(), StoreError> {
        warn!(user_id, "amoCRM does not take a user as responsible; leads go on without");
        let manager = self.managers.iter().find(|manager| manager.crm_user_id == Some(user_id));
        let name = manager.map(|manager| manager.name.clone());
        let notice = AdminNotice::UserRefused { user_id, name, detail: detail.to_owned() };
        self.tell_once(&Mark::UserRefused(user_id), notice).await
    }

    /// Once, until amoCRM takes something again.
    async fn tell_of_refusal(&self, one: &OwedAction, error: &CrmError) -> Result<(), StoreError> {
        warn!(%error, "amoCRM does not take what a manager's work leads to");
        let detail = match WriteOutcome::of(error) {
            WriteOutcome::Refused { fields, detail } => describe(&detail, &fields),
            _ => error.to_string(),
        };
        let notice = AdminNotice::ActionRefused { number: one.number.clone(), detail };
        self.tell_once(&Mark::ActionsRefused, notice).await
    }

    async fn tell_once(&self, mark: &Mark, notice: AdminNotice) -> Result<(), StoreError> {
        let message = NewMessage::to_dealer(&self.recipients, notice, self.clock().now());
        self.marks.set_once(mark, "", message.as_ref()).await.map(drop)
    }

    async fn taken(&self) -> Result<(), StoreError> {
        match self.marks.get(&Mark::ActionsRefused).await? {
            Some(_) => self.marks.remove(&Mark::ActionsRefused).await,
            None => Ok(()),
        }
    }

    /// The lead is not where it was: it is followed where it was merged into another, and there is nothing to do where it is
    /// gone.
    async fn follow(&self, one: &OwedAction, row: &LeadRow, lead_id: i64) -> Result<(), Stop> {
        match self.crm.whereabouts(lead_id, &row.lead, row.lead.submitted_at).await.map_err(Stop::Crm)? {
            Whereabouts::There => Ok(self.defer(one, LateOutcome::NotLooked, UNKNOWN_PAUSE).await?),
            Whereabouts::MergedInto(found) => Ok(self.late_notes.lead_moved(&one.number, found.lead_id).await?),
            Whereabouts::Gone => {
                self.crm.account().await.map_err(Stop::Crm)?;
                info!("the lead was deleted in amoCRM, so there is nothing to do for it");
                self.over(one, None).await
            }
        }
    }
}

/// The time that was decided, s UTC; where it has passed, so much working time from now.
fn still_ahead(decided: i64, now: DateTime<Utc>, hours: &WorkingTime) -> i64 {
    if decided > now.timestamp() {
        return decided;
    }
    hours.after(now, CALL_WITHIN).unwrap_or(now + CALL_WITHIN).timestamp()
}

fn is_about_the_user(fields: &[RejectedField]) -> bool {
    fields.iter().any(|field| field.path.ends_with("responsible_user_id"))
}

#[cfg(test)]
mod tests {
    use chrono::NaiveTime;
    use chrono_tz::Tz;

    use super::*;
    use crate::config::{Hours, Week};

    #[test]
    fn a_task_that_is_sent_late_is_for_working_hours() {
        let time = |hour| NaiveTime::from_hms_opt(hour, 0, 0).expect("a time");
        let week = Week((0..7).map(|day| (day, (time(9), time(19)))).collect());
        let hours = WorkingTime::new(Tz::UTC, Some(Hours { week, ..Hours::default() }));
        let never = WorkingTime::new(Tz::UTC, Some(Hours::default()));
        let at = |time: &str| format!("2026-11-{time}:00Z").parse::<DateTime<Utc>>().expect("a moment");
        for (decided, now, hours, till) in [
            ("26T12:00", "26T10:00", &hours, "26T12:00"),
            ("26T12:00", "26T11:59", &hours, "26T12:00"),
            // It waited for an outage to end, by day and at night.
            ("26T12:00", "26T12:00", &hours, "26T12:15"),
            ("26T12:00", "26T22:30", &hours, "27T09:15"),
            ("26T12:00", "26T18:50", &hours, "27T09:05"),
            ("26T12:00", "28T03:00", &never, "28T03:15"),
        ] {
            assert_eq!(
                still_ahead(at(decided).timestamp(), at(now), hours),
                at(till).timestamp(),
                "{decided} at {now}"
            );
        }
    }
}
