//! What a buyer is told of an own request.

use serde::{Deserialize, Serialize};

use crate::{clock::Millis, lead::LeadNumber};

/// A request, as its buyer sees it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct MyRequest {
    /// Its number.
    pub number: LeadNumber,
    /// When it was sent.
    pub sent_at: Millis,
    /// The link, the words about the car or other answers, on one line; empty where no car was asked about.
    pub car: Option<String>,
    /// Where it is.
    pub state: MyState,
    /// What has become of it in amoCRM, as far as that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub progress: Option<MyProgress>,
    /// It can still be corrected and taken back.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub open: bool,
}

/// Where a request is, as its buyer sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(strum::EnumIter))]
#[serde(rename_all = "snake_case")]
pub enum MyState {
    /// Saved, and on its way.
    OnItsWay,
    /// amoCRM has it.
    WithTheManager,
    /// Its buyer has taken it back.
    TakenBack,
    /// The admin has taken it out: the bot does not pass it on.
    Closed,
}

/// What has become of a request in amoCRM, as its buyer sees it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MyProgress {
    /// It has reached a stage of which the settings say something: which text that is.
    Reached(String),
    /// It ended well, and the settings say nothing of that.
    Won,
    /// It came to nothing, and the settings say nothing of that.
    Lost,
    /// It was deleted.
    Gone,
}
