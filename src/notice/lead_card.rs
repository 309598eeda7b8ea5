//! A lead's card in the managers' chat, as it stands when it is sent or changed.

use super::LeadCopy;
use crate::{clock::Millis, lead::LeadNumber};

/// What is known of where a lead is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CardState {
    /// On its way into amoCRM.
    OnItsWay,
    /// There, under this id where it is known.
    InCrm(Option<i64>),
    /// There is no amoCRM that it could get into.
    NoCrm,
    /// Given up by the admin.
    GivenUp,
}

/// Who has done something, and when.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Doer {
    /// As colleagues read it.
    pub name: String,
    /// When, ms UTC.
    pub at: Millis,
}

/// What was said of a lead last.
#[derive(Debug, Clone, Copy, PartialEq, Eq, strum::EnumString, strum::IntoStaticStr)]
#[strum(serialize_all = "snake_case")]
pub enum LeadOutcome {
    /// The buyer was reached.
    Reached,
    /// The buyer does not answer.
    NoAnswer,
    /// It is no lead.
    Junk,
}

/// Why a card says nothing of its buyer any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wiped {
    /// The buyer, or the admin for them, has asked for it.
    Asked,
    /// It was kept for as long as the dealer keeps such data.
    Old,
}

/// A lead's card.
#[derive(Debug, Clone, PartialEq)]
pub struct LeadCard {
    /// The lead's number.
    pub number: LeadNumber,
    /// What it says; the reason where that is wiped.
    pub lead: Result<LeadCopy, Wiped>,
    /// How many files came with it.
    pub files: usize,
    /// The buyer has taken it back.
    pub taken_back: bool,
    /// Where it is.
    pub state: CardState,
    /// Who has taken it.
    pub taken: Option<Doer>,
    /// What was said of it last, and by whom.
    pub outcome: Option<(LeadOutcome, Doer)>,
}

/// What became of a press.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PressOutcome {
    /// There is no such card.
    Unknown,
    /// Everything about its buyer is wiped, or the lead was given up.
    Over,
    /// The presser has got the lead.
    Taken,
    /// The presser had it already.
    Yours,
    /// Somebody else has it.
    Others(Doer),
    /// It is written down; whether the presser has got the lead by it.
    Said {
        /// Whether nobody had it before.
        taken: bool,
    },
    /// It was said a moment ago.
    SaidAlready,
    /// A second press does it.
    Ask,
}
