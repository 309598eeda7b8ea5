//! Answers, each taken at the question it was given to.

use super::{
    dialogue::{Conversation, Outcome, World, asked, back_to_card, go_on, is_editing, stay},
    draft::{Answer, Step},
    noted::Noted,
    questions::{Kind, Question},
};
use crate::{
    lead::{Budget, CarLink, CarLinkError, Name, NameError, Phone, PhoneError, one_line},
    notice::Say,
};

/// What came where an answer is expected.
pub(super) enum Reply {
    Text { text: String, links: Vec<String> },
    Contact { phone: String, own: bool },
}

pub(super) fn answered(conversation: Conversation, reply: Reply, world: &World) -> Outcome {
    let Some(question) = asked(&conversation, world).copied() else {
        return match conversation.step {
            Step::Idle => stay(conversation, Vec::new(), world),
            Step::Consent => stay(conversation, vec![Say::ConsentFirst], world),
            Step::Confirm => stay(conversation, vec![Say::UseButtons], world),
            Step::Ask(_) => go_on(conversation, world, Vec::new()),
        };
    };
    match (question.kind, reply) {
        (Kind::Phone, Reply::Text { text, .. }) if is_editing(&conversation, world) && (world.is_back)(&text) => {
            back_to_card(conversation, world)
        }
        (Kind::Phone, Reply::Text { text, links }) => {
            let noted = Noted::link(&conversation, &text, &links, world);
            take_phone(conversation, &question, Phone::parse(&text, world.region), noted, world)
        }
        (Kind::Phone, Reply::Contact { phone, own }) => {
            let parsed = Phone::shared(&phone, own, world.region);
            take_phone(conversation, &question, parsed, Noted::default(), world)
        }
        (_, Reply::Contact { .. }) => stay(conversation, vec![Say::ContactNotNow], world),
        (Kind::Name, Reply::Text { text, links }) => take_name(conversation, &question, &text, &links, world),
        (Kind::Money, Reply::Text { text, links }) => take_amount(conversation, &question, &text, &links, world),
        (Kind::Link, Reply::Text { text, links }) => match CarLink::find(&text, &links) {
            Ok(link) => take_link(conversation, &question, link, world),
            Err(CarLinkError::NoLink) => {
                note(conversation, Noted::default().with_wish(&text), vec![Say::NoLinkFound], world)
            }
            Err(CarLinkError::TooLong) => stay(conversation, vec![Say::LinkTooLong], world),
        },
        (Kind::Text { longest }, Reply::Text { text, .. }) => {
            let line = one_line(&text, longest + 1);
            match line.chars().count() {
                0 => stay(conversation, vec![Say::AnswerUnreadable], world),
                length if length > longest => stay(conversation, vec![Say::AnswerTooLong { longest }], world),
                _ => take(conversation, &question, Answer::Text(line), Vec::new(), world),
            }
        }
        (Kind::Choice(choices), Reply::Text { text, .. }) => {
            // Whoever types what a button says means it, in whatever language and case.
            let typed = one_line(&text, 200).to_lowercase();
            let is_typed = |words: Vec<String>| words.iter().any(|words| one_line(words, 200).to_lowercase() == typed);
            match choices.iter().find(|choice| is_typed((world.words)(&choice.words))) {
                Some(choice) => take(conversation, &question, Answer::Choice(choice.key), Vec::new(), world),
                None => stay(conversation, vec![Say::ChooseOne], world),
            }
        }
    }
}

fn take_name(conversation: Conversation, question: &Question, text: &str, links: &[String], world: &World) -> Outcome {
    let noted = Noted::beside_name(&conversation, text, links, world);
    let parsed = match Name::parse(text) {
        Err(error) => noted.name_beside(text, world).ok_or(error),
        name => name,
    };
    match parsed {
        Ok(name) => take_noting(conversation, question, Answer::Name(name), noted, world),
        Err(NameError::TooLong) => note(conversation, noted.with_wish(text), vec![Say::NameTooLong], world),
        Err(NameError::Greeting) => note(conversation, noted, vec![Say::NameGreeting], world),
        Err(NameError::NotAName) => note(conversation, noted.with_wish(text), vec![Say::NotAName], world),
        Err(NameError::Empty | NameError::Unreadable) => stay(conversation, vec![Say::NameUnreadable], world),
    }
}

fn take_amount(
    conversation: Conversation,
    question: &Question,
    text: &str,
    links: &[String],
    world: &World,
) -> Outcome {
    if Phone::alone(text, world.region).is_some() {
        let phones = conversation.draft.iter().flat_map(|draft| draft.answers.values());
        let phone = phones.into_iter().find_map(|answer| match answer {
            Answer::Phone(phone) => Some(phone.e164().to_owned()),
            _ => None,
        });
        let phone = phone.unwrap_or_default();
        return stay(conversation, vec![Say::PhoneIsNoBudget { phone }], world);
    }
    let noted = Noted::link(&conversation, text, links, world);
    match Budget::parse(text) {
        _ if CarLink::alone(text).is_some() => note(conversation, noted, vec![Say::LinkIsNoBudget], world),
        Some(amount) => take_noting(conversation, question, Answer::Money(amount), noted, world),
        None => note(conversation, noted, vec![Say::BudgetUnreadable], world),
    }
}

fn take_phone(
    conversation: Conversation,
    question: &Question,
    parsed: Result<Phone, PhoneError>,
    noted: Noted,
    world: &World,
) -> Outcome {
    match parsed {
        // While editing the card comes next, and its buttons leave no room for taking the keyboard away.
        Ok(phone) if is_editing(&conversation, world) => {
            let first = vec![vec![Say::PhoneTaken { phone: phone.e164().to_owned() }]];
            take(conversation, question, Answer::Phone(phone), first, world)
        }
        Ok(phone) => {
            let taken = vec![Say::PhoneTaken { phone: phone.e164().to_owned() }];
            let mut outcome = take_noting(conversation, question, Answer::Phone(phone), noted, world);
            // Also where all else is known, or where something is to be chosen.
            let is_choice = asked(&outcome.conversation, world).is_some_and(|next| !next.choices().is_empty());
            if outcome.conversation.step == Step::Confirm || is_choice {
                outcome.replies.insert(0, taken);
            }
            outcome
        }
        Err(PhoneError::NoNumber) => note(conversation, noted, vec![Say::NoPhoneFound], world),
        Err(PhoneError::Invalid) => note(conversation, noted, vec![Say::PhoneInvalid], world),
    }
}

/// Keeps what stood beside an answer that cannot be taken, and asks again.
pub(super) fn note(mut conversation: Conversation, noted: Noted, mut why: Vec<Say>, world: &World) -> Outcome {
    why.splice(0..0, noted.keep(&mut conversation));
    stay(conversation, why, world)
}

/// Takes an answer and what stood beside it.
fn take_noting(
    mut conversation: Conversation,
    question: &Question,
    answer: Answer,
    noted: Noted,
    world: &World,
) -> Outcome {
    let told = noted.keep(&mut conversation);
    take(conversation, question, answer, told.map(|say| vec![say]).into_iter().collect(), world)
}

pub(super) fn take_link(
    conversation: Conversation,
    question: &Question,
    link: Option<CarLink>,
    world: &World,
) -> Outcome {
    take(conversation, question, Answer::Link(link), Vec::new(), world)
}

/// Passes over a question.
pub(super) fn skip(conversation: Conversation, question: &Question, world: &World) -> Outcome {
    take(conversation, question, Answer::skipped(question), Vec::new(), world)
}

/// Takes what was pressed; a button of another version may offer what cannot be chosen any more.
pub(super) fn take_choice(conversation: Conversation, question: &Question, key: &str, world: &World) -> Outcome {
    match question.choices().iter().find(|choice| choice.key == key) {
        Some(choice) => take(conversation, question, Answer::Choice(choice.key), Vec::new(), world),
        None => stay(conversation, vec![Say::OldButton], world),
    }
}

fn take(
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
