//! A lead by what people call it, and what of a damaged one can be shown.

use crate::{
    clock::date,
    lead::LeadNumber,
    store::{LeadRow, Leads, UnreadableLead},
};

use super::super::CommandError;

fn parse(number: &str) -> Result<LeadNumber, CommandError> {
    LeadNumber::parse(number).ok_or_else(|| CommandError::Failed(format!("{number:?} is not a number of a lead")))
}

pub(super) fn at(lead: &UnreadableLead) -> String {
    lead.submitted_at.map_or_else(|| "?".to_owned(), |at| date(at).format("%Y-%m-%d %H:%M UTC").to_string())
}

/// What stands in a damaged row must not move the cursor of the terminal.
pub(super) fn plain(text: &str) -> String {
    text.chars().map(|sign| if sign.is_control() { '\u{fffd}' } else { sign }).collect()
}

pub(super) async fn find(leads: &Leads, number: &str) -> Result<LeadRow, CommandError> {
    let number = parse(number)?;
    leads.by_number(&number).await?.ok_or_else(|| CommandError::Failed(format!("there is no lead #{number}")))
}
