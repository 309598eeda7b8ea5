//! The talk between buyers and managers, as messages that are copied from one chat to the other.

use serde::{Deserialize, Serialize};

use crate::lead::{ChatRef, LeadNumber};

/// A message of one side as the other gets it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MessageCopy {
    /// The request that it is about.
    pub number: LeadNumber,
    /// The chat it was written in.
    pub from_chat: ChatRef,
    /// Its number there.
    pub message_id: i32,
    /// Words that are sent in its place.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    /// What stands under the copy in place of its own caption.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub caption: Option<String>,
}

/// A buyer's topic in the managers' group that is to hold no name any more.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TopicEnd {
    /// The group's id under which the messenger has it.
    pub sent_to: ChatRef,
    /// Its id there.
    pub topic: i32,
    /// The request that is all that its title says from then on.
    pub number: LeadNumber,
    /// Whether it is closed, too.
    pub closes: bool,
}

/// What a manager is told of a message to a buyer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, strum::EnumIter)]
#[serde(rename_all = "snake_case")]
pub enum TalkMark {
    /// The messenger does not take it yet.
    Waits,
    /// It has waited, and is there.
    There,
    /// The buyer has closed the chat.
    Closed,
    /// The messenger refuses it.
    Refused,
    /// Nothing is known of the buyer any more.
    Forgotten,
    /// What was edited does not reach the buyer.
    EditStays,
}
