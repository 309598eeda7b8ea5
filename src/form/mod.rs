//! The buyer's form: the table of its questions, and the dialogue that fills it in. Pure.

mod answering;
mod dialogue;
mod draft;
mod files;
mod input;
mod noted;
mod opening;
mod questions;
mod repeats;
pub mod stored;
#[cfg(test)]
mod tests;

pub use dialogue::{Conversation, Outcome, World, sent_too_many, turn};
pub use draft::{Answer, Draft, Step};
pub use input::{Input, Press};
pub use questions::{BUDGET, CAR_LINK, Choice, Form, Kind, NAME, PHONE, Question, Words, field_setting};
pub use repeats::TakenText;
