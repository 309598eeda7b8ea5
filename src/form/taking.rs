//! An answer is taken or passed over, or what was said is kept and the question asked again.

use super::{
    asking::{go_on, stay},
    conversation::{Conversation, Outcome, World},
    draft::Answer,
    no_answer::{is_question, means_nothing},
    noted::Noted,
    questions::{LONGEST_TEXT, Question},
};
use crate::{
    lead::{Said, Taken, Wish, one_line},
    notice::Say,
};

pub(super) fn take(
    mut conversation: Conversation,
    question: &Question,
    answer: Answer,
    first: Vec<Vec<Say>>,
    world: &World,
) -> Outcome {
    if let Some(draft) = &mut conversation.draft {
        draft.answers.insert(question.key, answer);
    }
    go_on(conversation, world, first)
}

/// Takes an answer and what stood beside it.
pub(super) fn take_noting(
    mut conversation: Conversation,
    question: &Question,
    answer: Answer,
    noted: Noted,
    world: &World,
) -> Outcome {
    let told = noted.keep_beside((question, &answer), &mut conversation, &world.form);
    take(conversation, question, answer, told.map(|say| vec![say]).into_iter().collect(), world)
}

pub(super) fn skip(conversation: Conversation, question: &Question, world: &World) -> Outcome {
    take(conversation, question, Answer::skipped(question), Vec::new(), world)
}

/// Keeps what stood beside an answer that cannot be taken, and asks again.
pub(super) fn note(mut conversation: Conversation, noted: Noted, mut why: Vec<Say>, world: &World) -> Outcome {
    why.splice(0..0, noted.keep(&mut conversation, &world.form));
    stay(conversation, why, world)
}

/// What answers nothing that is asked: what else it says is kept, and an optional question is passed over by a no.
pub(super) fn not_taken(
    conversation: Conversation,
    question: &Question,
    (text, said): (&str, &Said),
    why: Say,
    world: &World,
) -> Outcome {
    if question.optional && means_nothing(text) {
        return skip(conversation, question, world);
    }
    let mut noted = Noted::beside(&conversation, said, Taken::default(), Some(question), world);
    // What is asked is for the manager, whatever was asked here.
    if noted.is_empty() && is_question(text) {
        noted = noted.with_wish(Wish::said(text));
    }
    note(conversation, noted, vec![why], world)
}

pub(super) fn in_words(text: &str) -> Result<Answer, Box<Say>> {
    let line = one_line(text, LONGEST_TEXT + 1);
    match line.chars().count() {
        0 => Err(Box::new(Say::AnswerUnreadable)),
        length if length > LONGEST_TEXT => Err(Box::new(Say::AnswerTooLong { longest: LONGEST_TEXT })),
        _ => Ok(Answer::Text(line)),
    }
}
