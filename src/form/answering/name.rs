//! What is typed where the name is asked: a name, or what people say instead of one.

use crate::{
    form::{
        conversation::{Conversation, Outcome, World},
        draft::Answer,
        noted::Noted,
        questions::Question,
        taking::{note, take, take_noting},
    },
    lead::{Name, NameError, Said, Taken},
    notice::Say,
};

pub(super) fn take_name(
    conversation: Conversation,
    question: &Question,
    text: &str,
    said: &Said,
    world: &World,
) -> Outcome {
    let alone = if said.answers_something() { Err(NameError::NotAName) } else { Name::parse(text) };
    let error = match alone {
        Ok(name) => return take(conversation, question, Answer::Name(name), Vec::new(), world),
        Err(error) => error,
    };
    // What cannot be read as it stands is asked again.
    let name = said.name().filter(|_| !matches!(error, NameError::Empty | NameError::Unreadable)).cloned();
    let taken = Taken { name: name.is_some(), ..Taken::default() };
    let noted = Noted::beside(&conversation, said, taken, Some(question), world);
    if let Some(name) = name {
        return take_noting(conversation, question, Answer::Name(name), noted, world);
    }
    let why = match error {
        NameError::TooLong => Say::NameTooLong,
        NameError::Greeting => Say::NameGreeting,
        NameError::NotAName => Say::NotAName,
        NameError::Empty | NameError::Unreadable => Say::NameUnreadable,
    };
    // Whoever has said something else of use is not told what it is not.
    let is_name_meant = noted.is_wish_alone() && !speaks_to_somebody(text);
    let is_of_use = !noted.is_empty() && !is_name_meant && error == NameError::NotAName;
    note(conversation, noted, if is_of_use { Vec::new() } else { vec![why] }, world)
}

/// Whether a text is one that nobody means as a name: it asks something, or greets before it says what is wanted.
fn speaks_to_somebody(text: &str) -> bool {
    const GREETINGS: &str = "здравств здраств здрасте привет добрый доброе доброго доброй салам салом hello hi hey good \
         assalom assalomu salom";
    let first = text.split(|sign: char| !sign.is_alphabetic()).find(|word| !word.is_empty()).map(str::to_lowercase);
    let greets = first.is_some_and(|first| GREETINGS.split_whitespace().any(|greeting| first.starts_with(greeting)));
    text.contains(['?', '？']) || greets && text.split_whitespace().count() > 1
}
