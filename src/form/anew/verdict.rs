//! What a message says against earlier answers.

use crate::{
    form::{conversation::Conversation, draft::Answer, questions::Question},
    lead::Change,
    notice::Say,
};

/// What a message says against earlier answers.
pub(in crate::form) enum Anew {
    /// These answers are others now; what else it says is in the words.
    Changed {
        /// What changes.
        changes: Vec<Change>,
        /// The form with them.
        conversation: Box<Conversation>,
        /// The rest of the message, where it says more than that.
        rest: Option<String>,
    },
    /// The answer to this question is wrong, and the message does not say what is right, or not so that it can be taken.
    Wrong {
        /// The question.
        key: &'static str,
        /// What is said of it.
        why: Option<Say>,
    },
    /// It says once more what is there.
    Same,
}

/// The same, before the form is changed by it.
pub(super) enum Found<'a> {
    Answers { answers: Vec<(&'a Question, Answer)>, rest: Option<String> },
    Wrong { key: &'static str, why: Option<Say> },
    Same,
}
