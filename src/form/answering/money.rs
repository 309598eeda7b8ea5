//! What is typed where a sum is asked: the sum, that there is none yet, or something else.

use crate::{
    form::{
        asking::stay,
        conversation::{Conversation, Outcome, World},
        draft::Answer,
        no_answer::{is_question, means_nothing, says_nothing, says_unknown},
        noted::Noted,
        questions::{Place, Question},
        taking::{not_taken, note, skip, take_noting},
    },
    lead::{Budget, CarLink, Day, DayError, Phone, Said, Taken, Wish, one_line},
    notice::Say,
};

pub(super) fn take_amount(
    conversation: Conversation,
    question: &Question,
    text: &str,
    said: &Said,
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
    let beside = Taken { money: true, ..Taken::default() };
    let words = said.words(beside);
    // What is said around a sum belongs to it (`2 млн под ключ`), unless it speaks of something else.
    let is_more = said.phone().is_some()
        || said.link().is_some()
        || said.money().is_some() && words.as_ref().is_some_and(Wish::names_a_car);
    if question.optional && means_nothing(text) && !says_unknown(text) {
        return skip(conversation, question, world);
    }
    if !is_more {
        return match Budget::parse(text).filter(|amount| is_about_money(amount, world)) {
            Some(amount) => take_money(conversation, question, amount, Noted::default(), world),
            // Nothing of it is of use to anybody.
            None if Budget::parse(text).is_some_and(|amount| amount.is_none()) => {
                stay(conversation, vec![Say::NotASum], world)
            }
            None => {
                let is_long = one_line(text, 201).chars().count() > 200;
                let why = if is_long { Say::BudgetUnreadable } else { Say::NotASum };
                not_taken(conversation, question, (text, said), why, world)
            }
        };
    }
    let taken = Taken { money: said.money().is_some(), ..Taken::default() };
    let noted = Noted::beside(&conversation, said, taken, Some(question), world);
    match said.money().cloned() {
        Some(amount) => take_money(conversation, question, amount, noted, world),
        None if CarLink::alone(text).is_some() => note(conversation, noted, vec![Say::LinkIsNoBudget], world),
        // `не знаю, https://…`
        None => {
            match words.as_ref().filter(|words| !words.names_a_car()).and_then(|words| Budget::parse(words.as_str())) {
                Some(amount) => {
                    let noted = noted.with_wish(None);
                    take_money(conversation, question, amount, noted, world)
                }
                None => note(conversation, noted, Vec::new(), world),
            }
        }
    }
}

/// Takes a sum; one so small that it is hardly in roubles is asked about beside the next question.
fn take_money(conversation: Conversation, question: &Question, amount: Budget, noted: Noted, world: &World) -> Outcome {
    let is_doubted = question.place() == Place::Budget && amount.is_in_doubt();
    let said = amount.shown().to_owned();
    let amount = if is_doubted { amount.without_doubt() } else { amount };
    let mut outcome = take_noting(conversation, question, Answer::Money(amount), noted, world);
    let is_asked = outcome.replies.iter().flatten().any(|say| matches!(say, Say::Noted { budget: Some(_), .. }));
    if is_doubted
        && !is_asked
        && let Some(last) = outcome.replies.last_mut()
    {
        last.insert(0, Say::BudgetInDoubt { budget: said });
    }
    outcome
}

/// Whether what was typed to a question about money can be an answer to it: a sum, or that there is none yet. A time, a car, a
/// greeting or a yes is none.
fn is_about_money(amount: &Budget, world: &World) -> bool {
    let typed = amount.typed();
    if amount.price() > 0 {
        return true;
    }
    if amount.is_none() || is_question(typed) && !typed.chars().any(|sign| sign.is_ascii_digit()) {
        return false;
    }
    let said = Said::read(typed, &[], world.region);
    let is_else = Day::parse(typed, world.today()) != Err(DayError::NotADay)
        || says_nothing(typed)
        || said.money().is_none() && said.asks_for_a_car();
    !is_else && typed.chars().any(char::is_alphanumeric)
}
