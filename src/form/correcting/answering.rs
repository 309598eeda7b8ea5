//! The new answer to a request that was sent: what is asked for it, and what is taken as it.
//!
//! It is taken by the question's own rules, in a conversation beside the buyer's own.

use crate::{
    lead::{Name, Said, Taken, Wish},
    notice::{Ask, Offer, Say},
};

use super::{
    super::{
        consent_rule::ConsentRule,
        conversation::{AWAITED_NAME, Conversation, Correcting, OwnRequest, World},
        corrected::{answers, as_a_draft, correctable, corrected, value_of},
        dialogue::turn,
        draft::{Draft, Step},
        input::Input,
        no_answer::{means_nothing, says_nothing},
        questions::{Kind, Place, Question, WISH},
        stored::{draft_json, read_draft},
    },
    amended::{Amended, left_as_it_was, reply},
};

/// Names of more words are hardly said alone.
const LONGEST_NAME: usize = 3;

pub(super) fn choose(request: &OwnRequest, world: &World) -> Say {
    Say::ChooseCorrection { number: request.lead.number.clone(), answers: answers(&request.lead, world) }
}

pub(super) fn ask_wish(request: &OwnRequest) -> Vec<Say> {
    let kept = request.lead.wish.as_ref().map(|wish| wish.as_str().to_owned());
    vec![Say::Correcting { number: request.lead.number.clone() }, Say::AskWish { kept }]
}

/// What was said after words that ask to correct a request, where it is an answer and nothing else is asked in it; `None` for
/// everything else.
pub(super) fn awaited(
    mut conversation: Conversation,
    correcting: &Correcting,
    request: &OwnRequest,
    input: &Input,
    world: &World,
) -> Option<Amended> {
    let text = match input {
        Input::Contact { .. } => return chosen(conversation, request, input, world),
        Input::Text { text, links } if links.is_empty() && !text.contains('?') => text,
        _ => return None,
    };
    let said = Said::read(text, &[], world.region);
    let is_one = said.phone().is_some() != said.money().is_some();
    if said.link().is_none() && is_one {
        return chosen(conversation, request, input, world);
    }
    let is_name = correcting.key == AWAITED_NAME
        && !said.answers_something()
        && !says_nothing(text)
        && !means_nothing(text)
        && text.split_whitespace().count() <= LONGEST_NAME
        && Name::parse(text).is_ok();
    let question =
        correctable(&world.form).find(|question| question.place() == Place::Name).filter(|_| is_name).copied()?;
    let correcting = Correcting { number: request.lead.number.clone(), key: question.key.to_owned(), given: None };
    conversation.correcting = Some(correcting.clone());
    Some(given(conversation, &correcting, request, &question, input, world))
}

/// Something was said where an answer was to be chosen: what is clearly the new answer to a question is offered as that, and words
/// about the car as wishes; `None` for what is about something else.
pub(super) fn chosen(
    mut conversation: Conversation,
    request: &OwnRequest,
    input: &Input,
    world: &World,
) -> Option<Amended> {
    let said = match input {
        Input::Text { text, links } => Said::read(text, links, world.region),
        Input::Forwarded { text, links } => Said::read(text, links, world.region).of_somebody_else(),
        Input::Contact { .. } => Said::read("", &[], world.region),
        _ => return None,
    };
    let kind = match input {
        Input::Contact { .. } => Some(Kind::Phone),
        _ if said.link().is_some() => Some(Kind::Link),
        _ if said.phone().is_some() => Some(Kind::Phone),
        _ => said.money().map(|_| Kind::Money),
    };
    let question = kind.and_then(|kind| correctable(&world.form).find(|question| question.kind == kind)).copied();
    if let Some(question) = question {
        let correcting = Correcting { number: request.lead.number.clone(), key: question.key.to_owned(), given: None };
        conversation.correcting = Some(correcting.clone());
        return Some(given(conversation, &correcting, request, &question, input, world));
    }
    // Whoever asks something says nothing of the car.
    let is_question = matches!(input, Input::Text { text, .. } if text.contains('?'));
    let words = said
        .words(Taken::default())
        .filter(|_| !is_question)
        .filter(|words| words.names_a_wish() || words.asks_for_a_car());
    Some(match words {
        Some(words) => {
            let wish = match request.lead.wish.clone() {
                Some(before) => before.and(words),
                None => words,
            };
            confirm_wish(conversation, request, wish, world)
        }
        None => reply(conversation, vec![vec![Say::ChooseByButton, choose(request, world)]]),
    })
}

/// Something was said to the question about the wishes: it takes the place of those that are there. `None` for what says nothing.
pub(super) fn wished(
    conversation: Conversation,
    request: &OwnRequest,
    input: &Input,
    world: &World,
) -> Option<Amended> {
    let text = match input {
        Input::Text { text, .. } | Input::Forwarded { text, .. } => text.as_str(),
        Input::Media { caption, .. } => caption.as_deref().unwrap_or_default(),
        _ => return None,
    };
    Some(match Wish::said(text) {
        Some(wish) => confirm_wish(conversation, request, wish, world),
        None => reply(conversation, vec![ask_wish(request)]),
    })
}

fn confirm_wish(mut conversation: Conversation, request: &OwnRequest, wish: Wish, world: &World) -> Amended {
    let draft = Draft { wish: Some(wish), ..as_a_draft(&request.lead, &world.form) };
    let (_, changes) = corrected(&request.lead, &draft, world);
    if changes.is_empty() {
        return left_as_it_was(conversation, request, world);
    }
    let number = request.lead.number.clone();
    let given = Some(draft_json(&draft, &world.form, world.words));
    conversation.correcting = Some(Correcting { number: number.clone(), key: WISH.into(), given });
    reply(conversation, vec![vec![Say::ConfirmCorrection { number, changes }]])
}

pub(super) fn ask(request: &OwnRequest, question: &Question, world: &World) -> Vec<Say> {
    let lead = &request.lead;
    let ask = Ask {
        question: question.key.to_owned(),
        editing: true,
        kept: value_of(lead, question),
        offered: world
            .first_name
            .clone()
            .filter(|_| question.place() == Place::Name && offers(question, world))
            .map(Offer::Profile),
    };
    vec![Say::Correcting { number: lead.number.clone() }, Say::AskCorrection { ask }]
}

/// What waits for an answer, once more, after something was said beside it.
pub(super) fn asked_again(correcting: &Correcting, request: &OwnRequest, world: &World) -> Vec<Say> {
    let given = correcting.given.as_ref().and_then(|given| read_draft(given, &world.form, world.words));
    if let Some(draft) = given {
        let (_, changes) = corrected(&request.lead, &draft, world);
        return vec![Say::ConfirmCorrection { number: correcting.number.clone(), changes }];
    }
    match correcting.key.as_str() {
        WISH => ask_wish(request),
        key => match world.form.question(key) {
            Some(question) => ask(request, question, world),
            None => vec![choose(request, world)],
        },
    }
}

fn offers(question: &Question, world: &World) -> bool {
    question.choices.is_empty() && world.first_name.as_deref().is_some_and(|name| Name::parse(name).is_ok())
}

/// Something was said to the question of the answer that is being corrected.
pub(super) fn given(
    mut conversation: Conversation,
    correcting: &Correcting,
    request: &OwnRequest,
    question: &Question,
    input: &Input,
    world: &World,
) -> Amended {
    let inner = Conversation {
        step: Step::Ask(question.key),
        draft: Some(as_a_draft(&request.lead, &world.form)),
        changing: true,
        ..Conversation::idle(None)
    };
    // Files of a request that was sent are not changed; what stands under them is read.
    let input = match input.clone() {
        Input::Media { caption, links, .. } => Input::Media { caption, links, file: None, album: None },
        other => other,
    };
    let alone = World { message: None, consent: ConsentRule::default(), request: None, ..world.clone() };
    let outcome = turn(inner, input, &alone);
    let number = request.lead.number.clone();
    // Another answer than the one that is asked, which may be answered again all the same.
    let is_other = outcome.replies.iter().flatten().any(|say| matches!(say, Say::AnswersChanged { .. }));
    let step = outcome.conversation.step;
    let said: Vec<Vec<Say>> = outcome.replies.into_iter().map(not_yet_taken).collect();
    let Some(draft) = outcome.conversation.draft.filter(|_| step == Step::Confirm || is_other) else {
        if let Step::Ask(key) = step
            && key != question.key
        {
            conversation.correcting = Some(Correcting { number, key: key.to_owned(), given: None });
        }
        // Not taken: asked again, with what is wrong.
        return reply(conversation, said);
    };
    let (_, changes) = corrected(&request.lead, &draft, world);
    let mut replies = match (step, question.kind) {
        (Step::Confirm, _) => said,
        // The keys of its question go.
        (_, Kind::Phone) => vec![vec![Say::GoesOn]],
        _ => Vec::new(),
    };
    // The card of the conversation beside.
    if let Some(last) = replies.last_mut() {
        last.retain(|say| !matches!(say, Say::Card(_)));
    }
    replies.retain(|says| !says.is_empty());
    if changes.is_empty() {
        return left_as_it_was(conversation, request, world);
    }
    conversation.correcting =
        Some(Correcting { given: Some(draft_json(&draft, &world.form, world.words)), ..correcting.clone() });
    replies.push(vec![Say::ConfirmCorrection { number, changes }]);
    reply(conversation, replies)
}

/// What the conversation beside says, as nothing is changed before it is confirmed.
fn not_yet_taken(says: Vec<Say>) -> Vec<Say> {
    let says = says.into_iter().filter_map(|say| match say {
        Say::Ask(ask) => Some(Say::AskCorrection { ask }),
        // The keys under the chat go with it.
        Say::PhoneTaken { phone } => Some(Say::NewPhone { phone }),
        Say::WishTaken | Say::Noted { .. } | Say::AnswersChanged { .. } => None,
        say => Some(say),
    });
    says.collect()
}
