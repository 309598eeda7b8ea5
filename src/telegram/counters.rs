//! What the listener tells health, metrics and alerts: how polls go, and what came by them.

use std::{
    collections::BTreeMap,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering},
    },
};

use crate::{clock::Millis, form::Step, notice::PollTrouble};

/// Counters of the intake, for health and metrics.
#[derive(Debug, Default)]
pub struct IntakeCounters {
    pub(super) last_poll: AtomicI64,
    pub(super) polls: AtomicU64,
    pub(super) unparsable: AtomicU64,
    pub(super) read_in_part: AtomicU64,
    pub(super) not_asked_for: AtomicU64,
    pub(super) updates: AtomicU64,
    failing: Mutex<Option<PollsFailing>>,
    forms: Mutex<FormFigures>,
    /// Whether the alert about failing polls is open.
    pub told_failing: AtomicBool,
}

/// How far forms come, by the key of the question: no more keys than the form has questions, and the two below.
#[derive(Debug, Clone, Default)]
pub struct FormFigures {
    /// Forms that came to a question, to the card ([`CARD`]), and that were sent ([`SENT`]).
    pub reached: BTreeMap<&'static str, u64>,
    /// Forms that were thrown away there.
    pub cancelled: BTreeMap<&'static str, u64>,
    /// Both by the source that their buyers came from; those that were thrown away are [`CANCELLED`]. No more sources than
    /// the dealer has described, and two.
    pub by_source: BTreeMap<(String, &'static str), u64>,
}

/// No question has such a key.
const CARD: &str = "_card";
const SENT: &str = "_sent";
const CANCELLED: &str = "_cancelled";

fn place(step: Step) -> Option<&'static str> {
    match step {
        Step::Idle | Step::Consent => None,
        Step::Ask(key) => Some(key),
        Step::Confirm => Some(CARD),
    }
}

/// What buyers write does not arrive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PollsFailing {
    /// Since when.
    pub since: Millis,
    /// Why, by the last failure.
    pub trouble: PollTrouble,
    /// No way to Telegram works, and not only for a moment.
    pub unreachable: bool,
}

impl IntakeCounters {
    /// How far forms come.
    pub fn forms(&self) -> FormFigures {
        self.forms.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// A turn of a form whose buyer came from this source has led from one step to another.
    pub(super) fn form_went(&self, source: &str, from: Step, to: Step, is_sent: bool) {
        let mut forms = self.forms.lock().unwrap_or_else(PoisonError::into_inner);
        let reached = if is_sent {
            SENT
        } else if let (Step::Idle, Some(place)) = (to, place(from)) {
            *forms.cancelled.entry(place).or_default() += 1;
            *forms.by_source.entry((source.to_owned(), CANCELLED)).or_default() += 1;
            return;
        } else if let Some(place) = place(to).filter(|_| from != to) {
            place
        } else {
            return;
        };
        *forms.reached.entry(reached).or_default() += 1;
        *forms.by_source.entry((source.to_owned(), reached)).or_default() += 1;
    }

    /// Why polls fail, if they do.
    pub fn failing(&self) -> Option<PollsFailing> {
        *self.failing.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A poll, or what comes before the first, has failed.
    pub fn has_failed(&self, trouble: PollTrouble, now: Millis, unreachable: bool) {
        let mut failing = self.failing.lock().unwrap_or_else(PoisonError::into_inner);
        let since = failing.map_or(now, |failing| failing.since);
        *failing = Some(PollsFailing { since, trouble, unreachable });
    }

    /// What buyers write arrives.
    pub fn works(&self) {
        *self.failing.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }

    /// When a poll was last completed, ms UTC; `None` before the first.
    pub fn last_poll(&self) -> Option<Millis> {
        Some(self.last_poll.load(Ordering::Relaxed)).filter(|at| *at != 0)
    }

    /// Completed polls.
    pub fn polls(&self) -> u64 {
        self.polls.load(Ordering::Relaxed)
    }

    /// Updates of which a part could not be read: something beside the text, the contact or the caption.
    pub fn read_in_part(&self) -> u64 {
        self.read_in_part.load(Ordering::Relaxed)
    }

    /// Updates of kinds that were not asked for.
    pub fn not_asked_for(&self) -> u64 {
        self.not_asked_for.load(Ordering::Relaxed)
    }

    /// Updates received that could not be read, and were set aside.
    pub fn unparsable(&self) -> u64 {
        self.unparsable.load(Ordering::Relaxed)
    }

    /// Updates received.
    pub fn updates(&self) -> u64 {
        self.updates.load(Ordering::Relaxed)
    }
}
