//! Where a lead stands: its stage, decoded here and nowhere else from its state and the rows of its steps.
//!
//! A row of a step is committed before anything of it is sent. So no row means "certainly not sent", a row that is not
//! done means "it may be there", and damage is read as the latter: an attempt is looked up before it is repeated, so that
//! reading too much into a cell costs a look-up, and reading too little would cost a double.

use serde::Serialize;

use super::{Engine, StoreError, rows};
use crate::clock::Millis;

/// One thing that is written into amoCRM for a lead.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Step {
    /// The lead itself, with its contact.
    Lead,
    /// The note under it.
    Note,
}

impl Step {
    /// All steps, in the order in which they are done; after the last the lead is delivered.
    pub const ALL: [Self; 2] = [Self::Lead, Self::Note];

    /// The one with which a lead is delivered.
    pub const LAST: Self = Self::ALL[Self::ALL.len() - 1];

    /// As it is in the store.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Lead => "lead",
            Self::Note => "note",
        }
    }

    fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|step| step.as_str() == text)
    }
}

/// A step that may have been done: it was sent, and what became of it is not known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StepAttempt {
    /// Which step.
    pub step: Step,
    /// When it was sent; of a lead from a file or from a copy of a store, since when somebody else may have sent it.
    pub sent_at: Millis,
    /// Clean look-ups since then that did not find it.
    pub lookups: i64,
    /// How many of those allow it to be sent again; 0 where the process that sent it died before it could say.
    pub lookups_needed: i64,
}

/// Where a lead is on its way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum LeadState {
    /// amoCRM does not have it (or not all of it) yet.
    Waiting,
    /// In amoCRM, note and all.
    Delivered,
    /// amoCRM refuses the data itself; a person has to look.
    Rejected,
    /// Given up by the admin.
    Discarded,
}

impl LeadState {
    /// As it is in the store.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Delivered => "delivered",
            Self::Rejected => "rejected",
            Self::Discarded => "discarded",
        }
    }

    pub(super) fn parse(text: &str) -> Result<Self, StoreError> {
        match text {
            "waiting" => Ok(Self::Waiting),
            "delivered" => Ok(Self::Delivered),
            "rejected" => Ok(Self::Rejected),
            "discarded" => Ok(Self::Discarded),
            _ => Err(StoreError::Unreadable("its state is none that this version knows".into())),
        }
    }
}

/// Where a lead is on its way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// Nothing of it was ever sent.
    Queued,
    /// One of its steps may have been done.
    Uncertain(StepAttempt),
    /// The steps before this one are done, and nothing of this one was sent.
    Ready(Step),
    /// In amoCRM, with everything.
    Delivered,
    /// amoCRM refuses its data; a person has to look.
    Rejected,
    /// Given up by the admin.
    Discarded,
}

impl Stage {
    pub(super) fn of(state: LeadState, steps: &Steps) -> Self {
        match state {
            LeadState::Delivered => Self::Delivered,
            LeadState::Rejected => Self::Rejected,
            LeadState::Discarded => Self::Discarded,
            LeadState::Waiting => match steps.next() {
                // All that is left is to record it.
                None => Self::Delivered,
                Some(step) => match (steps.attempt(step), step) {
                    (Some(attempt), _) => Self::Uncertain(attempt),
                    (None, Step::Lead) => Self::Queued,
                    (None, step) => Self::Ready(step),
                },
            },
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum StepState {
    Attempted(StepAttempt),
    Done { remote_id: Option<i64> },
}

/// What is recorded of a lead's steps.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Steps(Vec<(Step, StepState)>);

impl Steps {
    fn get(&self, step: Step) -> Option<&StepState> {
        self.0.iter().find(|(other, _)| *other == step).map(|(_, state)| state)
    }

    /// The first step that is not done.
    pub fn next(&self) -> Option<Step> {
        Step::ALL.into_iter().find(|step| !matches!(self.get(*step), Some(StepState::Done { .. })))
    }

    /// What is known of a step that may have been done.
    pub fn attempt(&self, step: Step) -> Option<StepAttempt> {
        match self.get(step) {
            Some(StepState::Attempted(attempt)) => Some(*attempt),
            _ => None,
        }
    }

    /// amoCRM's id of what a step that is done has made.
    pub fn remote_id(&self, step: Step) -> Option<i64> {
        match self.get(step) {
            Some(StepState::Done { remote_id }) => *remote_id,
            _ => None,
        }
    }

    pub(super) fn done(&mut self, step: Step, remote_id: Option<i64>) {
        self.0.retain(|(other, _)| *other != step);
        self.0.push((step, StepState::Done { remote_id }));
    }
}

/// The stage and the steps of a lead in this state; `text` as [`column`] gives it. An attempt whose time cannot be read
/// counts as made at `submitted_at`.
pub(super) fn decode(
    state: LeadState,
    text: Option<String>,
    submitted_at: Millis,
) -> Result<(Stage, Steps), StoreError> {
    let mut steps = Steps::default();
    for row in text.as_deref().unwrap_or_default().split(';').filter(|row| !row.is_empty()) {
        let mut cells = row.split(',');
        let mut next = || cells.next().unwrap_or_default();
        // Of which step it is must be known, or another would be sent a second time.
        let Some(step) = Step::parse(next()) else {
            return Err(StoreError::Unreadable("one of its steps is none that this version knows".into()));
        };
        let sent_at = next().parse().unwrap_or(submitted_at);
        let (lookups, lookups_needed) = (next().parse().unwrap_or(0), next().parse().unwrap_or(0));
        let (remote_id, is_done) = (next().parse().ok(), !next().is_empty());
        let state = match is_done {
            // Without it nothing can be attached to it, and it must not be made again.
            true if step == Step::Lead && remote_id.is_none() => {
                return Err(StoreError::Unreadable("its id in amoCRM is no number".into()));
            }
            true => StepState::Done { remote_id },
            false => StepState::Attempted(StepAttempt { step, sent_at, lookups, lookups_needed }),
        };
        steps.0.push((step, state));
    }
    Ok((Stage::of(state, &steps), steps))
}

/// amoCRM's id of the lead, whatever else cannot be read.
pub(super) fn lead_id(text: Option<String>) -> Option<i64> {
    let text = text?;
    let mut rows = text.split(';').map(|row| row.split(',').collect::<Vec<_>>());
    rows.find(|row| row[0] == Step::Lead.as_str())?.get(4)?.parse().ok()
}

/// A column with what is recorded of the steps of a row of `leads`: `step,sent_at,lookups,lookups_needed,remote_id,done_at`
/// of each, with `;` between them. One look into the key of `lead_steps`, and no join.
pub(super) fn column(engine: Engine) -> String {
    let cell = |name: &str| format!("COALESCE(CAST({name} AS TEXT), '')");
    let cells = ["step", "sent_at", "lookups", "lookups_needed", "remote_id", "done_at"].map(cell).join(" || ',' || ");
    rows::bytes(engine, &format!("(SELECT STRING_AGG({cells}, ';') FROM lead_steps WHERE lead_id = leads.id)"))
}

/// Ids of the leads of which this step may have been done. Few at any time, and found in an index of their own.
pub(super) fn attempted(step: Step) -> String {
    format!("(SELECT lead_id FROM lead_steps WHERE step = '{}' AND done_at IS NULL)", step.as_str())
}

/// Whether anything is recorded of this step of a row of `leads`.
pub(super) fn is_recorded(step: Step) -> String {
    format!("EXISTS (SELECT 1 FROM lead_steps WHERE lead_id = leads.id AND step = '{}')", step.as_str())
}

/// Whether this step of a row of `leads` is done.
pub(super) fn is_done(step: Step) -> String {
    let step = step.as_str();
    format!("EXISTS (SELECT 1 FROM lead_steps WHERE lead_id = leads.id AND step = '{step}' AND done_at IS NOT NULL)")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stage(text: &str) -> Option<Stage> {
        decode(LeadState::Waiting, Some(text.to_owned()), 5).ok().map(|(stage, _)| stage)
    }

    #[test]
    fn a_stage_is_the_first_step_that_is_not_done_and_damage_means_that_it_may_have_been_sent() {
        let attempt = |step, sent_at, lookups, lookups_needed| {
            Some(Stage::Uncertain(StepAttempt { step, sent_at, lookups, lookups_needed }))
        };
        for (text, expected) in [
            ("", Some(Stage::Queued)),
            ("lead,7,1,3,,", attempt(Step::Lead, 7, 1, 3)),
            ("lead,7,0,0,,;note,7,0,1,,", attempt(Step::Lead, 7, 0, 0)),
            ("note,7,0,1,,", Some(Stage::Queued)),
            ("lead,7,0,0,9,8", Some(Stage::Ready(Step::Note))),
            ("lead,,0,0,9,8", Some(Stage::Ready(Step::Note))),
            ("note,7,0,2,,;lead,7,0,0,9,8", attempt(Step::Note, 7, 0, 2)),
            ("lead,7,0,0,9,8;note,7,0,0,10,8", Some(Stage::Delivered)),
            ("lead,7,0,0,9,8;note,7,0,0,,8", Some(Stage::Delivered)),
            // Damaged.
            ("lead,x,0,0,,", attempt(Step::Lead, 5, 0, 0)),
            ("lead,,,,,", attempt(Step::Lead, 5, 0, 0)),
            ("lead", attempt(Step::Lead, 5, 0, 0)),
            ("lead,7,x,y,,", attempt(Step::Lead, 7, 0, 0)),
            ("lead,7,0,0,9,soon", Some(Stage::Ready(Step::Note))),
            ("lead,7,0,0,9,8;note,x,0,0,,", attempt(Step::Note, 5, 0, 0)),
            ("lead,7,0,0,x,8", None),
            ("lead,7,0,0,,8", None),
            ("call,7,0,0,,", None),
            ("lead,7,0,0,9,8;,7,0,0,,", None),
        ] {
            assert_eq!(stage(text), expected, "{text}");
        }
        let (stage, steps) = decode(LeadState::Rejected, Some("lead,7,0,0,9,8;note,7,0,1,,".into()), 5).expect("one");
        assert_eq!((stage, steps.remote_id(Step::Lead), steps.next()), (Stage::Rejected, Some(9), Some(Step::Note)));
        assert_eq!((lead_id(Some("x,1;lead,7,0,0,9,8".into())), lead_id(None)), (Some(9), None));
    }
}
