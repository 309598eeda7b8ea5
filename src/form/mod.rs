//! The buyer's form: the table of its questions, and the dialogue that fills it in. Pure.

mod album;
mod anew;
mod answering;
mod asking;
mod consent;
mod consent_rule;
mod conversation;
mod corrected;
mod correcting;
mod deletion;
mod dialogue;
mod draft;
mod files;
mod finishing;
mod input;
mod later;
mod no_answer;
mod noted;
mod opening;
mod own_request;
mod passed;
mod progress;
mod questions;
mod refusing;
mod repeats;
mod said;
pub mod stored;
mod taking;
#[cfg(test)]
mod tests;
mod typed;
mod words;

pub use consent_rule::{Asking, ConsentRule, GivenConsent};
pub use conversation::{Conversation, Correcting, LastRequest, Outcome, OwnRequest, Told, World};
pub use corrected::Amending;
pub use correcting::{Amended, OPEN_FOR, amend};
pub use deletion::asks_for_deletion;
pub use dialogue::{answered_once, came_further, sent_too_many, turn};
pub use draft::{Answer, Draft, Step};
pub use files::album_goes_on;
pub use finishing::{finished, given_up, supplemented};
pub use input::{Input, MyPress, Press};
pub use later::{Beside, OpenRequest, PassedOn, QUIET, fingerprint_of, is_outside, is_said, pass_on};
pub use own_request::{Correction, asks_for_own_requests, asks_to_correct};
pub use passed::Passed;
pub(crate) use questions::Place;
pub use questions::{
    BUDGET, CAR_LINK, Field, Form, Kind, LONGEST_TEXT, NAME, PHONE, Question, WISH, Words, built_in, field_setting,
};
pub use repeats::TakenText;
pub use said::{answers_so_far, unfinished_lead};
pub use typed::Typed;
