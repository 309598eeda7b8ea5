//! What is asked where a conversation stands, and what it is asked next.

use super::{
    conversation::{Conversation, LastRequest, Outcome, World},
    draft::{Answer, Draft, Step},
    questions::{Place, Question},
    said::{card, value},
};
use crate::{
    lead::{LeadNumber, Name},
    notice::{Ask, MyState, Offer, Say},
};

/// Whoever writes so long after a request was sent writes about it, as far as anybody can know.
pub(super) const ABOUT_IT: chrono::TimeDelta = chrono::TimeDelta::days(14);

/// The question that is open.
pub(super) fn asked<'a>(conversation: &Conversation, world: &'a World) -> Option<&'a Question> {
    match conversation.step {
        Step::Ask(key) => world.form.question(key),
        _ => None,
    }
}

/// The answer that the open question has already.
pub(super) fn kept(conversation: &Conversation, world: &World) -> Option<String> {
    let question = asked(conversation, world)?;
    let answer = conversation.draft.as_ref()?.answers.get(question.key)?;
    value(question, answer, world)
}

/// What the person has said the last time, or the profile says, where the contact's name or phone is asked and not known yet.
pub(super) fn offered(conversation: &Conversation, world: &World) -> Option<(Offer, Answer)> {
    let question = asked(conversation, world)?;
    let place = question.place();
    let last = world.last_request.as_ref().filter(|_| kept(conversation, world).is_none());
    let before = |before: &str| Offer::Before { before: before.to_owned() };
    match (place, last) {
        (Place::Name, Some(LastRequest { name, .. })) => Some((before(name.as_str()), Answer::Name(name.clone()))),
        (Place::Name, None) => {
            let name = Name::parse(world.first_name.as_deref()?).ok()?;
            Some((Offer::Profile(name.as_str().to_owned()), Answer::Name(name)))
        }
        (Place::Phone, Some(LastRequest { phone, .. })) => Some((before(phone.e164()), Answer::Phone(phone.clone()))),
        _ => None,
    }
}

/// The question (or card) of the step a conversation stands at.
pub(super) fn ask(conversation: &Conversation, world: &World) -> Say {
    match conversation.step {
        Step::Idle => Say::HowToBegin,
        Step::Consent => world.consent.ask(),
        Step::Ask(key) => Say::Ask(Ask {
            question: key.to_owned(),
            editing: conversation.changing,
            kept: kept(conversation, world),
            offered: offered(conversation, world).map(|(offer, _)| offer),
        }),
        Step::Confirm => {
            let card = conversation.draft.as_ref().and_then(|draft| card(draft, world));
            card.map_or(Say::HowToBegin, Say::Card)
        }
    }
}

/// The same where the conversation has just come there.
pub(super) fn asked_next(conversation: &Conversation, world: &World) -> Vec<Say> {
    let draft = conversation.draft.as_ref().filter(|_| conversation.step == Step::Consent);
    draft.and_then(|draft| world.consent.why(draft)).into_iter().chain([ask(conversation, world)]).collect()
}

/// The conversation stays where it was; `say` comes before the question that is still open.
pub(super) fn stay(conversation: Conversation, mut say: Vec<Say>, world: &World) -> Outcome {
    match conversation.step {
        // Help and hints say by themselves how to begin.
        Step::Idle if say.is_empty() => say.push(idle(world)),
        Step::Idle if !matches!(say.first(), Some(Say::Help | Say::EditedElsewhere)) => say.push(Say::HowToBegin),
        Step::Idle => {}
        _ => say.push(ask(&conversation, world)),
    }
    Outcome { conversation, replies: vec![say], lead: None }
}

/// What is said where no form is open: where the request is that was sent, else how to begin one.
pub(super) fn idle(world: &World) -> Say {
    let is_open = |last: &&LastRequest| matches!(last.state, MyState::OnItsWay | MyState::WithTheManager);
    let recent = world.last_request.as_ref().filter(|last| world.now - last.sent_at < ABOUT_IT).filter(is_open);
    recent.map_or(Say::HowToBegin, |last| sent(last.number.clone(), world))
}

/// Where a request is that was sent.
pub(super) fn sent(number: LeadNumber, world: &World) -> Say {
    let is_on_its_way =
        world.last_request.as_ref().is_some_and(|last| last.number == number && last.state == MyState::OnItsWay);
    if is_on_its_way { Say::SentNotThereYet { number } } else { Say::AlreadySent { number } }
}

pub(super) fn open_form(conversation: Conversation, world: &World, greeting: Option<Say>) -> Outcome {
    // What was passed on of the form before stays the same request.
    let before = conversation.draft.as_ref().filter(|before| before.sent_unfinished);
    let mut draft = before.map_or_else(Draft::open, Draft::begun_anew);
    world.consent.adopt(&mut draft);
    let step = draft.next_step(&world.form, &world.consent);
    let Conversation { last_number, source, .. } = conversation;
    let conversation = Conversation { step, draft: Some(draft), source, ..Conversation::idle(last_number) };
    let reply = greeting.into_iter().chain(asked_next(&conversation, world)).collect();
    Outcome { conversation, replies: vec![reply], lead: None }
}

/// Goes to the first unanswered step and asks it.
pub(super) fn go_on(mut conversation: Conversation, world: &World, mut replies: Vec<Vec<Say>>) -> Outcome {
    let next = |draft: &Draft| draft.next_step(&world.form, &world.consent);
    let was_asking = matches!(conversation.step, Step::Ask(_) | Step::Confirm);
    conversation.step = conversation.draft.as_ref().map_or(Step::Idle, next);
    let mut asked = asked_next(&conversation, world);
    // Whoever has begun without is told why it is asked now.
    if was_asking && matches!(asked[..], [Say::ConsentTo(_) | Say::AskConsent]) {
        asked.insert(0, Say::ConsentBeforeGoingOn);
    }
    replies.push(asked);
    Outcome { conversation, replies, lead: None }
}

pub(super) fn is_editing(conversation: &Conversation, world: &World) -> bool {
    conversation.draft.as_ref().is_some_and(|draft| draft.is_complete(&world.form))
}
