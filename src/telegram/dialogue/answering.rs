//! Answers, each taken at the question it was given to.

use super::CarAnswer;
use super::{Conversation, Draft, Outcome, Step, World, back_to_card, go_on, is_editing, noted::Noted, stay};
use crate::{
    lead::{Budget, CarLink, CarLinkError, Name, NameError, Phone, PhoneError},
    notice::Say,
    wording::Lang,
};

pub(super) enum Answer {
    Text { text: String, links: Vec<String> },
    Contact { phone: String, own: bool },
}

pub(super) fn answered(conversation: Conversation, answer: Answer, world: &World) -> Outcome {
    match (conversation.step, answer) {
        (Step::Idle, _) => stay(conversation, Vec::new()),
        (Step::Consent, _) => stay(conversation, vec![Say::ConsentFirst]),
        (Step::Confirm, _) => stay(conversation, vec![Say::UseButtons]),
        (Step::Name, Answer::Text { text, links }) => {
            let noted = Noted::beside_name(&conversation, &text, &links, world);
            match Name::parse(&text) {
                Ok(name) => take_noting(conversation, noted, world, |draft| draft.name = Some(name)),
                Err(NameError::TooLong) => note(conversation, noted.with_wish(&text), vec![Say::NameTooLong]),
                Err(NameError::Greeting) => note(conversation, noted, vec![Say::NameGreeting]),
                Err(NameError::NotAName) => note(conversation, noted.with_wish(&text), vec![Say::NotAName]),
                Err(NameError::Empty | NameError::Unreadable) => stay(conversation, vec![Say::NameUnreadable]),
            }
        }
        (Step::Phone, Answer::Text { text, .. }) if is_editing(&conversation) && Lang::is_back_label(&text) => {
            back_to_card(conversation)
        }
        (Step::Phone, Answer::Text { text, links }) => {
            let noted = Noted::link(&conversation, &text, &links);
            take_phone(conversation, Phone::parse(&text, world.region), noted, world)
        }
        (Step::Phone, Answer::Contact { phone, own }) => {
            take_phone(conversation, Phone::shared(&phone, own, world.region), Noted::default(), world)
        }
        (Step::Budget, Answer::Text { text, .. }) if Phone::alone(&text, world.region).is_some() => {
            let phone = conversation.draft.as_ref().and_then(|draft| draft.phone.as_ref());
            let phone = phone.map(|phone| phone.e164().to_owned()).unwrap_or_default();
            stay(conversation, vec![Say::PhoneIsNoBudget { phone }])
        }
        (Step::Budget, Answer::Text { text, links }) => {
            let noted = Noted::link(&conversation, &text, &links);
            match Budget::parse(&text) {
                _ if CarLink::alone(&text).is_some() => note(conversation, noted, vec![Say::LinkIsNoBudget]),
                Some(budget) => take_noting(conversation, noted, world, |draft| draft.budget = Some(budget)),
                None => note(conversation, noted, vec![Say::BudgetUnreadable]),
            }
        }
        (Step::CarLink, Answer::Text { text, links }) => match CarLink::find(&text, &links) {
            Ok(link) => take_car(conversation, link, world),
            Err(CarLinkError::NoLink) => note(conversation, Noted::default().with_wish(&text), vec![Say::NoLinkFound]),
            Err(CarLinkError::TooLong) => stay(conversation, vec![Say::LinkTooLong]),
        },
        (_, Answer::Contact { .. }) => stay(conversation, vec![Say::ContactNotNow]),
    }
}

fn take_phone(conversation: Conversation, parsed: Result<Phone, PhoneError>, noted: Noted, world: &World) -> Outcome {
    match parsed {
        // While editing the card comes next, and its buttons leave no room for taking the keyboard away.
        Ok(phone) if is_editing(&conversation) => {
            let first = vec![vec![Say::PhoneTaken { phone: phone.e164().to_owned() }]];
            take(conversation, world, first, |draft| draft.phone = Some(phone))
        }
        Ok(phone) => {
            let mut outcome = take_noting(conversation, noted, world, |draft| draft.phone = Some(phone.clone()));
            // Where all else is known, too, the card comes next.
            if outcome.conversation.step == Step::Confirm {
                outcome.replies.insert(0, vec![Say::PhoneTaken { phone: phone.e164().to_owned() }]);
            }
            outcome
        }
        Err(PhoneError::NoNumber) => note(conversation, noted, vec![Say::NoPhoneFound]),
        Err(PhoneError::Invalid) => note(conversation, noted, vec![Say::PhoneInvalid]),
    }
}

/// Keeps what stood beside an answer that cannot be taken, and asks again.
pub(super) fn note(mut conversation: Conversation, noted: Noted, mut why: Vec<Say>) -> Outcome {
    why.splice(0..0, noted.keep(&mut conversation));
    stay(conversation, why)
}

/// Takes an answer and what stood beside it.
fn take_noting(
    mut conversation: Conversation,
    noted: Noted,
    world: &World,
    answer: impl FnOnce(&mut Draft),
) -> Outcome {
    let told = noted.keep(&mut conversation);
    take(conversation, world, told.map(|say| vec![say]).into_iter().collect(), answer)
}

pub(super) fn take_car(conversation: Conversation, link: Option<CarLink>, world: &World) -> Outcome {
    take(conversation, world, Vec::new(), |draft| draft.car = Some(CarAnswer { link }))
}

fn take(
    mut conversation: Conversation,
    world: &World,
    first: Vec<Vec<Say>>,
    answer: impl FnOnce(&mut Draft),
) -> Outcome {
    if let Some(draft) = &mut conversation.draft {
        answer(draft);
    }
    go_on(conversation, world, first)
}
