//! What is written after a lead's own note, of whatever kind: when it may be, that it was sent, and what came of it.

use sqlx::any::AnyRow;

use crate::clock::Millis;

use super::rows;

/// That a note, or a task, was sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LateAttempt {
    /// When it was sent, in milliseconds UTC.
    pub sent_at: Millis,
    /// Clean look-ups since then that did not find it.
    pub lookups: i64,
    /// How many of those allow it to be sent again; 0 where the process that sent it died before it could say.
    pub lookups_needed: i64,
}

impl LateAttempt {
    /// As three columns from this one on have it: when, look-ups, how many are needed. What is damaged of the moment counts as
    /// "it may be there".
    pub(super) fn read(row: &AnyRow, at: usize, now: Millis) -> Option<Self> {
        let sent_at = match rows::number(row, at) {
            None if !rows::is_null(row, at) => Some(now),
            sent_at => sent_at,
        };
        let count = |at: usize| rows::number(row, at).unwrap_or(0);
        sent_at.map(|sent_at| Self { sent_at, lookups: count(at + 1), lookups_needed: count(at + 2) })
    }
}

/// What came of a note, or a task, that is not written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LateOutcome {
    /// It certainly was not.
    NotWritten,
    /// amoCRM refuses it.
    Refused,
    /// It may have been: so many clean look-ups are needed before it is sent again.
    Uncertain {
        /// How many.
        lookups_needed: i64,
    },
    /// A clean look-up did not find it (or not its lead), and that is not enough yet.
    Missed {
        /// Look-ups until now, this one included.
        lookups: i64,
        /// How many it needs.
        needed: i64,
    },
    /// Nothing was learned.
    NotLooked,
}

impl LateOutcome {
    /// What it sets in the row, after whatever else is set.
    pub(super) fn columns(self) -> String {
        match self {
            Self::NotWritten => ", sent_at = NULL, lookups = 0, lookups_needed = 0".to_owned(),
            Self::Refused => ", sent_at = NULL, lookups = 0, lookups_needed = 0, attempts = attempts + 1".to_owned(),
            Self::Uncertain { lookups_needed } => format!(", lookups = 0, lookups_needed = {lookups_needed}"),
            Self::Missed { lookups, needed } => format!(", lookups = {lookups}, lookups_needed = {needed}"),
            Self::NotLooked => String::new(),
        }
    }
}

/// Of a row whose lead amoCRM has, or will not get: nothing is written under what is still on its way.
pub(super) fn of_a_lead_on_its_way(table: &str) -> String {
    format!(
        "EXISTS (SELECT 1 FROM leads WHERE leads.id = {table}.lead_id AND leads.state IN ('waiting', 'rejected') \
         AND leads.forgotten_at IS NULL)"
    )
}
