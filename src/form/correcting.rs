//! A request that was sent can be corrected and taken back for a while, beside whatever form is open.
//!
//! The new answer is taken by the question's own rules: a conversation of its own, in which everything but this one answer is
//! given, takes whatever is said, and is over when it has come to its card. Nothing changes before that is confirmed, or, to
//! take a request back, before a second press.

use std::time::Duration;

use crate::{
    clock::Millis,
    lead::{AmendmentKind, Said, Taken, Wish, correction_note, taken_back_note},
    notice::{Ask, Offer, Say},
};

use super::{
    asking::stay,
    consent::ConsentRule,
    conversation::{AWAITED_NAME, Conversation, Correcting, Outcome, OwnRequest, World},
    corrected::{Amending, answers, as_a_draft, correctable, corrected, value_of},
    dialogue::turn,
    draft::{Draft, Step},
    input::{Input, MyPress, Press},
    no_answer::{means_nothing, says_nothing},
    questions::{Kind, Place, Question, WISH},
    stored::{draft_json, read_draft},
    typed::Typed,
};

/// A request can be corrected and taken back for so long after it was sent.
pub const OPEN_FOR: Duration = Duration::from_secs(60 * 60);

/// Whoever has begun in time is let finish: a sixth of that time.
const GRACE: Millis = 6;

/// What one input about a request that was sent leads to.
#[derive(Debug, Clone, PartialEq)]
pub struct Amended {
    /// What it leads to.
    pub outcome: Outcome,
    /// What it says of the request.
    pub amending: Option<Amending>,
}

/// The answer to what is about a request that was sent; `None` for everything else, which is the form's.
pub fn amend(conversation: &Conversation, input: &Input, world: &World) -> Option<Amended> {
    let mut conversation = conversation.clone();
    if let (Some(message), Input::Press(press @ Press::Mine(_))) = (world.numbered(), input)
        && conversation.passed.is_doubled_by(message, press)
    {
        return Some(reply(conversation, Vec::new()));
    }
    conversation.see(input, world);
    if let Input::Press(Press::Mine(press)) = input {
        return Some(pressed(conversation, press, world));
    }
    let correcting = conversation.correcting.clone()?;
    let request = world.request.clone().filter(|request| request.lead.number == correcting.number)?;
    if correcting.is_awaited() {
        let is_open = request.is_open(world.now.timestamp_millis());
        return awaited(conversation, &correcting, &request, input, world).filter(|_| is_open);
    }
    let press = match input {
        Input::Text { text, .. } => match (world.keys)(text).or_else(|| Typed::parse(text)) {
            Some(Typed::Cancel) => Some(Press::Cancel),
            Some(Typed::Back) => Some(Press::Back),
            // Only what is asked itself knows what would be kept.
            Some(Typed::Keep) if world.form.question(&correcting.key).is_none() => Some(Press::Back),
            Some(Typed::Yes) if correcting.given.is_some() => Some(Press::Submit),
            _ => None,
        },
        Input::Press(press) => Some(press.clone()),
        _ => None,
    };
    match (press, input) {
        (Some(Press::Cancel | Press::Back), _) | (_, Input::Cancel) => {
            Some(left_as_it_was(conversation, &request, world))
        }
        (Some(Press::Submit), Input::Text { .. }) => {
            Some(pressed(conversation, &MyPress::Save(request.lead.number), world))
        }
        _ if correcting.key == CHOOSING => chosen(conversation, &request, input, world),
        _ if correcting.key == WISH => Some(wished(conversation, &request, input, world)?),
        (
            _,
            Input::Text { .. }
            | Input::Forwarded { .. }
            | Input::Contact { .. }
            | Input::Media { .. }
            | Input::Skip
            | Input::Press(Press::Answer { .. } | Press::Skip(_) | Press::Keep | Press::Done),
        ) => {
            let question = world.form.question(&correcting.key).copied()?;
            Some(given(conversation, &correcting, &request, &question, input, world))
        }
        _ => None,
    }
}

fn reply(conversation: Conversation, replies: Vec<Vec<Say>>) -> Amended {
    Amended { outcome: Outcome { conversation, replies, lead: None }, amending: None }
}

/// The conversation stays where it was; `say` comes before the question that is still open.
fn stays(conversation: Conversation, say: Say, world: &World) -> Amended {
    Amended { outcome: stay(conversation, vec![say], world), amending: None }
}

fn pressed(mut conversation: Conversation, press: &MyPress, world: &World) -> Amended {
    let now = world.now.timestamp_millis();
    let number = press.number().clone();
    let Some(request) = world.request.clone().filter(|request| request.lead.number == number) else {
        conversation.correcting = None;
        return stays(conversation, Say::OldButton, world);
    };
    let is_second = matches!(press, MyPress::Save(_) | MyPress::TakeBackSure(..));
    let within = request.open_for + if is_second { request.open_for / GRACE } else { 0 };
    if !request.is_in_time(now, within) {
        conversation.correcting = None;
        return stays(conversation, Say::RequestIsFixed { number, state: request.state }, world);
    }
    match press {
        MyPress::Correct(_) => {
            let choose = choose(&request, world);
            conversation.correcting = Some(Correcting { number, key: CHOOSING.into(), given: None });
            reply(conversation, vec![vec![choose]])
        }
        MyPress::Change(_, key) if key == WISH => {
            let asked = ask_wish(&request);
            conversation.correcting = Some(Correcting { number, key: key.clone(), given: None });
            reply(conversation, vec![asked])
        }
        MyPress::Change(_, key) => match correctable(&world.form).find(|question| question.key == key).copied() {
            Some(question) => {
                conversation.correcting = Some(Correcting { number, key: key.clone(), given: None });
                let ask = ask(&request, &question, world);
                reply(conversation, vec![ask])
            }
            None => stays(conversation, Say::OldButton, world),
        },
        MyPress::Save(_) => {
            let correcting = conversation.correcting.take().filter(|correcting| correcting.number == number);
            let draft = correcting.and_then(|correcting| read_draft(&correcting.given?, &world.form, world.words));
            let Some(draft) = draft else { return stays(conversation, Say::OldButton, world) };
            let (lead, changes) = corrected(&request.lead, &draft, world);
            if changes.is_empty() {
                return left_as_it_was(conversation, &request, world);
            }
            conversation.passed = conversation.passed.pressed(world.message, &Press::Mine(press.clone()));
            let which = request.corrections + 1;
            let amending = Amending {
                note: correction_note(&number, &changes, which, world.now),
                kind: AmendmentKind::Corrected,
                about: format!("corrected-{which:04}"),
                name_before: request.lead.name.as_str().to_owned(),
                changes,
                lead,
            };
            let said = stay_quietly(conversation, Say::Corrected { number }, world);
            Amended { amending: Some(amending), ..said }
        }
        MyPress::TakeBack(_) => {
            conversation.correcting = None;
            reply(conversation, vec![vec![Say::AskTakeBack { number, asked_at: now }]])
        }
        MyPress::TakeBackSure(_, asked_at) => {
            conversation.correcting = None;
            if !(0..=request.open_for).contains(&(now - asked_at)) {
                return reply(conversation, vec![vec![Say::AskTakeBack { number, asked_at: now }]]);
            }
            conversation.passed = conversation.passed.pressed(world.message, &Press::Mine(press.clone()));
            let amending = Amending {
                note: taken_back_note(&number, world.now),
                kind: AmendmentKind::TakenBack,
                about: "taken-back".into(),
                name_before: request.lead.name.as_str().to_owned(),
                changes: Vec::new(),
                lead: request.lead,
            };
            let said = stay_quietly(conversation, Say::TakenBack { number }, world);
            Amended { amending: Some(amending), ..said }
        }
        MyPress::Keep(_) => left_as_it_was(conversation, &request, world),
    }
}

/// One thing is said; behind it an open form goes on.
fn stay_quietly(conversation: Conversation, say: Say, world: &World) -> Amended {
    match conversation.step {
        Step::Idle => reply(conversation, vec![vec![say]]),
        _ => stays(conversation, say, world),
    }
}

/// Nothing is changed. A phone's question leaves keys under the chat, which go.
fn left_as_it_was(mut conversation: Conversation, request: &OwnRequest, world: &World) -> Amended {
    let key = conversation.correcting.take().map(|correcting| correcting.key);
    let was_phone = key.and_then(|key| world.form.question(&key)).is_some_and(|question| question.kind == Kind::Phone);
    let say = Say::RequestAsItWas { number: request.lead.number.clone() };
    match (conversation.step, was_phone) {
        (Step::Idle, true) => reply(conversation, vec![vec![Say::LeftAsItWas], vec![say]]),
        (_, true) => {
            let mut answer = stays(conversation, say, world);
            answer.outcome.replies.insert(0, vec![Say::LeftAsItWas]);
            answer
        }
        _ => stay_quietly(conversation, say, world),
    }
}

fn choose(request: &OwnRequest, world: &World) -> Say {
    Say::ChooseCorrection { number: request.lead.number.clone(), answers: answers(&request.lead, world) }
}

fn ask_wish(request: &OwnRequest) -> Vec<Say> {
    let kept = request.lead.wish.as_ref().map(|wish| wish.as_str().to_owned());
    vec![Say::Correcting { number: request.lead.number.clone() }, Say::AskWish { kept }]
}

/// What was said after words that ask to correct a request, where it is an answer and nothing else is asked in it; `None` for
/// everything else.
fn awaited(
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
        && crate::lead::Name::parse(text).is_ok();
    let question =
        correctable(&world.form).find(|question| question.place() == Place::Name).filter(|_| is_name).copied()?;
    let correcting = Correcting { number: request.lead.number.clone(), key: question.key.to_owned(), given: None };
    conversation.correcting = Some(correcting.clone());
    Some(given(conversation, &correcting, request, &question, input, world))
}

/// Something was said where an answer was to be chosen: what is clearly the new answer to a question is offered as that, and words
/// about the car as wishes; `None` for what is about something else.
fn chosen(mut conversation: Conversation, request: &OwnRequest, input: &Input, world: &World) -> Option<Amended> {
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
fn wished(conversation: Conversation, request: &OwnRequest, input: &Input, world: &World) -> Option<Amended> {
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

fn ask(request: &OwnRequest, question: &Question, world: &World) -> Vec<Say> {
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

fn offers(question: &Question, world: &World) -> bool {
    question.choices.is_empty()
        && world.first_name.as_deref().is_some_and(|name| crate::lead::Name::parse(name).is_ok())
}

/// Something was said to the question of the answer that is being corrected.
fn given(
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

/// Stands for "nothing was chosen yet", among keys of questions.
const CHOOSING: &str = "";

/// Names of more words are hardly said alone.
const LONGEST_NAME: usize = 3;
