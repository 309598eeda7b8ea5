//! The dialogue as a pure function: `(conversation, input) -> (conversation, replies, lead)`.
//!
//! Nothing here waits or fails. Whatever the input, the buyer gets an answer that says what to do, and nothing that
//! was answered is lost: an input that does not fit leaves the conversation where it was.

use crate::{
    clock::Millis,
    lead::Lead,
    notice::{CardAnswer, MyRequest, Say},
};

use super::{
    answering::{Reply, answered, captioned, pass, take_choice, take_phone},
    asking::{ask, asked, go_on, kept, offered, open_form, sent, stay},
    consent,
    consent_rule::ConsentRule,
    conversation::{Conversation, Outcome, World},
    deletion,
    draft::{Answer, Draft, Step},
    files::{self, Sent},
    input::{Input, Press},
    noted::Noted,
    passed::Moved,
    questions::{Kind, Question, WISH},
    refusing::exactly,
    repeats::TakenText,
    said::{answers_so_far, lead, remember},
    taking::take,
    typed::Typed,
};

/// One turn of the dialogue.
pub fn turn(mut conversation: Conversation, input: Input, world: &World) -> Outcome {
    // Whoever turns to something else has left it as it is.
    if !matches!(input, Input::Edited | Input::Help | Input::UnknownCommand) {
        conversation.correcting = None;
    }
    if let Some(outcome) = deletion::answer(&conversation, &input, world) {
        return outcome;
    }
    let cancel_asked = std::mem::take(&mut conversation.passed.cancel_asked);
    conversation.see(&input, world);
    let text = match (&input, world.sent_at) {
        (Input::Text { text, .. }, Some(sent_at)) => Some((text.clone(), sent_at)),
        _ => None,
    };
    if let (Some((text, sent_at)), Some(taken)) = (&text, &conversation.taken)
        && taken.is_repeated_by(text, *sent_at)
    {
        // Whoever is told so and sends it once more means it.
        conversation.taken = None;
        return stay(conversation, vec![Say::Repeated], world);
    }
    if let Input::Press(_) | Input::UnknownPress = input {
        // Whoever presses a button has read what came after the last text.
        conversation.taken = None;
        if let Some(outcome) = behind(&conversation, &input, world) {
            return outcome;
        }
    }
    if let Some(draft) = &mut conversation.draft {
        world.consent.adopt(draft);
        // The dealer does not ask for it any more, or it was given elsewhere.
        if conversation.step == Step::Consent && world.consent.is_met_by(draft) {
            conversation.step = draft.next_step(&world.form, &world.consent);
        }
    }
    let (step, passed) = (conversation.step, conversation.passed.clone());
    let draft_before = conversation.draft.clone();
    let before = conversation.draft.as_ref().map(|draft| (draft.id, draft.answers.clone(), draft.wish.clone()));
    let open_phone = asked(&conversation, world).filter(|question| question.kind == Kind::Phone).map(|open| open.key);
    let press = match &input {
        Input::Press(press) => Some(press.clone()),
        _ => None,
    };
    let mut outcome = match input {
        Input::Text { text, .. } if cancel_asked && Typed::parse(&text).is_some_and(Typed::cancels) => {
            cancel(conversation, world)
        }
        Input::Text { text, .. } if cancel_asked && Typed::parse(&text).is_some_and(Typed::goes_on) => {
            stay(conversation, Vec::new(), world)
        }
        input => respond(conversation, input, world),
    };
    let after = &mut outcome.conversation;
    let shown_version = |draft: Option<&Draft>| draft?.shown_consents.last().map(|shown| shown.version.clone());
    if let Some(draft) = &mut after.draft {
        for say in outcome.replies.iter().flatten() {
            if let Say::ConsentTo(question) = say {
                draft.note_shown(question);
            }
        }
        let before = draft_before.as_ref().filter(|before| before.id == draft.id);
        draft.note_order(before, &world.consent);
    }
    let is_of_another_version = draft_before.is_some()
        && after.step == Step::Consent
        && shown_version(draft_before.as_ref()) != shown_version(after.draft.as_ref());
    let now = after.draft.as_ref().map(|draft| (draft.id, &draft.answers, &draft.wish));
    let moved = match (&before, now) {
        (None, None) => None,
        (Some((id, answers, wish)), Some(now)) if *id == now.0 => {
            let answered = (answers, wish) != (now.1, now.2);
            let is_on = after.step != step || is_of_another_version;
            answered.then_some(Moved::Answered).or(is_on.then_some(Moved::On))
        }
        _ => Some(Moved::ToAnotherForm),
    };
    after.passed = match (world.numbered(), moved) {
        (Some(message), Some(moved)) => {
            let passed = match &outcome.lead {
                Some(lead) => passed.sent_as(&lead.number, message),
                None => passed,
            };
            passed.after(message, press.as_ref(), moved)
        }
        _ => passed,
    };
    if let Some((text, sent_at)) = text
        && after.step != step
    {
        after.taken = Some(TakenText::new(&text, sent_at, world.now));
    }
    // A yes to it is none to the card.
    after.passed.cancel_asked = matches!(outcome.replies.concat().last(), Some(Say::AskCancel));
    if !matches!(after.step, Step::Ask(_)) {
        after.changing = false;
    }
    if let (Some(draft), Some(_)) = (&mut after.draft, moved) {
        remember(draft, world);
        draft.buyer = world.consent.is_met_by(draft).then(|| world.buyer.clone());
    }
    // A keyboard under the chat goes only with a message that has no buttons of its own.
    let is_away = |says: &Vec<Say>| {
        matches!(
            says.last(),
            Some(Say::PhoneTaken { .. } | Say::LeftAsItWas | Say::GoesOn | Say::Cancelled | Say::CancelledLate)
        )
    };
    if let Some(key) = open_phone.filter(|_| after.step != step)
        && !outcome.replies.is_empty()
        && !outcome.replies.iter().any(is_away)
    {
        let is_there =
            after.draft.as_ref().is_some_and(|draft| matches!(draft.answers.get(key), Some(Answer::Phone(_))));
        outcome.replies.insert(0, vec![if is_there { Say::LeftAsItWas } else { Say::GoesOn }]);
    }
    outcome
}

/// The answer to a button that is behind the chat: nothing at all to a finger that came down twice.
fn behind(conversation: &Conversation, input: &Input, world: &World) -> Option<Outcome> {
    let message = world.numbered()?;
    let Input::Press(press) = input else { return None };
    let passed = &conversation.passed;
    let is_sent = *press == Press::Submit && conversation.step == Step::Idle;
    if passed.is_doubled_by(message, press) {
        // Whoever presses send again once its buttons were gone is told the number once more.
        let is_twice = !is_sent || world.has_buttons;
        return is_twice.then(|| Outcome { conversation: conversation.clone(), replies: Vec::new(), lead: None });
    }
    let request = passed.request_of(message).filter(|_| press.is_about_a_form());
    if let Some(number) = request.filter(|number| !is_sent || conversation.last_number.as_ref() != Some(number)) {
        return Some(stay(conversation.clone(), vec![Say::ButtonOfSent { number: number.clone() }], world));
    }
    let is_too_late = !is_sent && passed.is_too_late(message, press, conversation.changing);
    is_too_late.then(|| stay(conversation.clone(), vec![Say::OldButton], world))
}

fn respond(conversation: Conversation, input: Input, world: &World) -> Outcome {
    match input {
        Input::Start => start(conversation, world),
        // Whoever presses it to go on sees where.
        Input::Press(Press::Start) if conversation.draft.is_some() => stay(conversation, Vec::new(), world),
        Input::Press(Press::Start) => start(conversation, world),
        Input::StartFrom(code) => {
            // Whoever follows a second link before the request was brought by the first.
            let source = conversation.source.clone().or(Some(code));
            start(Conversation { source, ..conversation }, world)
        }
        Input::Cancel | Input::Press(Press::Cancel) => cancel(conversation, world),
        Input::Help => stay(conversation, vec![Say::Help], world),
        Input::Skip => {
            match asked(&conversation, world).filter(|open| open.optional || open.kind == Kind::Files).copied() {
                Some(question) => pass(conversation, &question, world),
                None => stay(conversation, vec![Say::UnknownCommand], world),
            }
        }
        Input::My(requests) => my_requests(conversation, requests, world),
        Input::Language(_) => Outcome { conversation, replies: vec![vec![Say::ChooseLanguage]], lead: None },
        // What is said from here on is worded in it by the caller.
        Input::Press(Press::Language(_)) => stay(conversation, vec![Say::LanguageChosen], world),
        // Answered before the form is looked at.
        Input::Delete => Outcome { conversation, replies: Vec::new(), lead: None },
        Input::UnknownCommand => stay(conversation, vec![Say::UnknownCommand], world),
        Input::Edited => {
            let say = if conversation.step == Step::Idle { Say::EditedElsewhere } else { Say::EditedMessage };
            stay(conversation, vec![say], world)
        }
        Input::Media { caption, links, file: Some(file), album } => {
            files::keep(conversation, Sent { file, album, caption, links }, world)
        }
        Input::Media { caption, links, file: None, .. } => {
            captioned(conversation, caption.as_deref().unwrap_or_default(), &links, world)
        }
        Input::UnknownPress => stay(conversation, vec![Say::OldButton], world),
        Input::Press(press) => pressed(conversation, press, world),
        Input::Text { text, .. } if consent::is_first_asked(&conversation, world) && consent::is_no(&text) => {
            cancel(conversation, world)
        }
        Input::Text { text, links } => {
            let typed = world.typed(&text);
            let is_chosen = asked(&conversation, world).is_some_and(|open| exactly(open, &text, world).is_some());
            let typed = typed.filter(|typed| !(is_chosen && typed.is_guessed()));
            let reply = Reply::Text { text, links, forwarded: false };
            match typed {
                Some(typed) => typed_word(conversation, typed, reply, world),
                None => answered(conversation, reply, world),
            }
        }
        Input::Forwarded { text, links } => answered(conversation, Reply::Text { text, links, forwarded: true }, world),
        Input::Contact { phone, own } => answered(conversation, Reply::Contact { phone, own }, world),
    }
}

/// Words that stand for a button, where there is one; elsewhere they are an answer like any other.
fn typed_word(conversation: Conversation, typed: Typed, reply: Reply, world: &World) -> Outcome {
    let open = asked(&conversation, world).copied();
    match (conversation.step, typed, open) {
        (_, Typed::Cancel, _) => cancel(conversation, world),
        (Step::Ask(_) | Step::Confirm, Typed::Back, _) => back(conversation, world),
        (Step::Confirm, Typed::Yes, _) => submit(conversation, world),
        (Step::Confirm, Typed::No, _) => stay(conversation, vec![Say::WhatToCorrect], world),
        (Step::Confirm, Typed::Halt | Typed::Unwilling, _) | (Step::Ask(_) | Step::Consent, Typed::Halt, _) => {
            Outcome { conversation, replies: vec![vec![Say::AskCancel]], lead: None }
        }
        (Step::Idle | Step::Consent, Typed::Another, _) | (Step::Confirm, Typed::Anew | Typed::Another, _) => {
            start(conversation, world)
        }
        (Step::Ask(_), Typed::Anew | Typed::Another, Some(question)) if !question.takes_any_words() => {
            start(conversation, world)
        }
        (_, Typed::Skip, Some(question)) => pass(conversation, &question, world),
        (_, Typed::Keep, Some(_)) if kept(&conversation, world).is_some() => keep(conversation, world),
        (_, Typed::Done, Some(question)) if question.kind == Kind::Files => pass(conversation, &question, world),
        _ => answered(conversation, reply, world),
    }
}

fn start(conversation: Conversation, world: &World) -> Outcome {
    if conversation.draft.is_none() {
        return open_form(conversation, world, Some(Say::Welcome));
    }
    let question = ask(&conversation, world);
    Outcome { conversation, replies: vec![vec![Say::Resume], vec![question]], lead: None }
}

fn cancel(conversation: Conversation, world: &World) -> Outcome {
    let is_no = conversation.step == Step::Consent && matches!(world.consent, ConsentRule::Document(_));
    // A form that was cancelled is the last one now: its send button must not be answered with an older request's number.
    let (say, last_number) = match conversation.draft {
        Some(draft) if draft.sent_unfinished => (Say::CancelledLate, None),
        Some(_) if is_no => (Say::ConsentDeclined, None),
        Some(_) => (Say::Cancelled, None),
        None => (Say::NothingToCancel, conversation.last_number),
    };
    let conversation = Conversation { source: conversation.source, ..Conversation::idle(last_number) };
    Outcome { conversation, replies: vec![vec![say]], lead: None }
}

/// The card was to be sent by somebody who has sent too many: all that was answered is kept, to be sent later.
pub fn sent_too_many(mut conversation: Conversation, again_at: Millis, wait: Millis, world: &World) -> Outcome {
    conversation.taken = None;
    stay(conversation, vec![Say::SentTooMany { again_at, wait }], world)
}

/// One of more messages than anybody reads answers to: one answer, which says where the form stands, for it and the next.
pub fn answered_once(outcome: Outcome, world: &World) -> Outcome {
    let once = stay(outcome.conversation, vec![Say::ManyMessages], world);
    Outcome { conversation: once.conversation, replies: once.replies, ..outcome }
}

/// Whether a turn has led somewhere: a question was answered, or another one is asked.
pub fn came_further(before: &Conversation, after: &Conversation) -> bool {
    let answers =
        |conversation: &Conversation| conversation.draft.as_ref().map(|draft| (draft.id, draft.answers.clone()));
    before.step != after.step || answers(before) != answers(after)
}

/// A list of its own, and behind it the question that is still open, each with its buttons.
fn my_requests(conversation: Conversation, requests: Vec<MyRequest>, world: &World) -> Outcome {
    if let (true, Some(draft)) = (requests.is_empty(), &conversation.draft) {
        // What was written before consent is not repeated until it is given.
        let answers = match conversation.step {
            Step::Consent if draft.consent_at.is_none() => Vec::new(),
            _ => {
                let wish = draft.wish.as_ref().map(|wish| wish.as_str().to_owned());
                let wish = wish.map(|wish| CardAnswer { question: WISH.into(), value: Some(wish) });
                answers_so_far(draft, &world.form, world.words).into_iter().chain(wish).collect()
            }
        };
        return Outcome { conversation, replies: vec![vec![Say::OpenForm { answers }]], lead: None };
    }
    let list = if requests.is_empty() { Say::NoRequests } else { Say::MyRequests { requests } };
    let open = (conversation.step != Step::Idle).then(|| vec![ask(&conversation, world)]);
    let replies = [vec![list]].into_iter().chain(open).collect();
    Outcome { conversation, replies, lead: None }
}

fn pressed(mut conversation: Conversation, press: Press, world: &World) -> Outcome {
    let open = asked(&conversation, world).copied();
    match (conversation.step, press) {
        (_, Press::Restart) => open_form(conversation, world, None),
        (Step::Consent, Press::ConsentAccept) => consent::accept(conversation, world),
        (_, Press::ConsentDocument) => consent::show_document(conversation, world),
        (_, Press::Skip(key)) => {
            let is_open = |question: &Question| question.optional && key.is_none_or(|key| key == question.key);
            match open.filter(is_open) {
                Some(question) => pass(conversation, &question, world),
                None => stay(conversation, vec![Say::OldButton], world),
            }
        }
        (_, Press::Answer { question, choice }) => match open.filter(|open| open.key == question) {
            Some(open) => match offered(&conversation, world).filter(|_| open.choices.is_empty() && choice == 0) {
                Some((_, Answer::Phone(phone))) => take_phone(conversation, &open, Ok(phone), Noted::default(), world),
                Some((_, answer)) => take(conversation, &open, answer, Vec::new(), world),
                None => take_choice(conversation, &open, choice, world),
            },
            None => stay(conversation, vec![Say::OldButton], world),
        },
        (Step::Ask(_), Press::Keep) if kept(&conversation, world).is_some() => keep(conversation, world),
        (Step::Ask(_), Press::Done) => match open.filter(|question| question.kind == Kind::Files) {
            Some(question) => pass(conversation, &question, world),
            None => stay(conversation, vec![Say::OldButton], world),
        },
        (_, Press::DropFiles) => files::drop_all(conversation, world),
        (Step::Ask(_) | Step::Confirm, Press::DropWish) => {
            let dropped = conversation.draft.as_mut().and_then(Draft::drop_wish);
            let say = dropped.map_or(Say::OldButton, |change| Say::AnswersChanged { changes: vec![change] });
            stay(conversation, vec![say], world)
        }
        (Step::Confirm, Press::Submit) => submit(conversation, world),
        (Step::Confirm, Press::Edit(key)) => match world.form.question(&key) {
            Some(question) => {
                conversation.step = Step::Ask(question.key);
                conversation.changing = true;
                let question = ask(&conversation, world);
                Outcome { conversation, replies: vec![vec![question]], lead: None }
            }
            None => stay(conversation, vec![Say::OldButton], world),
        },
        (Step::Ask(_) | Step::Confirm, Press::Back) => back(conversation, world),
        // The second press of a doubled one: the request is there already.
        (Step::Idle, Press::Submit) => match &conversation.last_number {
            Some(number) => {
                let say = sent(number.clone(), world);
                Outcome { conversation, replies: vec![vec![say]], lead: None }
            }
            None => stay(conversation, vec![Say::OldButton], world),
        },
        _ => stay(conversation, vec![Say::OldButton], world),
    }
}

/// One step back: to the question before, with its answer; from the change of one answer to the card.
fn back(mut conversation: Conversation, world: &World) -> Outcome {
    let questions = world.form.questions();
    let before = match conversation.step {
        Step::Ask(_) if conversation.changing => None,
        Step::Ask(key) => match questions.iter().take_while(|question| question.key != key).last() {
            Some(before) => Some(before),
            None => return stay(conversation, vec![Say::FirstQuestion], world),
        },
        _ => questions.last(),
    };
    conversation.step = before.map_or(Step::Confirm, |before| Step::Ask(before.key));
    let said = ask(&conversation, world);
    Outcome { conversation, replies: vec![vec![said]], lead: None }
}

/// Leaves the answer to the open question as it was.
fn keep(conversation: Conversation, world: &World) -> Outcome {
    go_on(conversation, world, Vec::new())
}

fn submit(conversation: Conversation, world: &World) -> Outcome {
    let is_ready = |draft: &&Draft| draft.is_complete(&world.form) && world.consent.is_met_by(draft);
    let complete = conversation.draft.as_ref().filter(is_ready);
    let Some((draft, (name, phone))) = complete.and_then(|draft| Some((draft, draft.of_every_lead()?))) else {
        return go_on(conversation, world, Vec::new());
    };
    let source = conversation.source.as_ref().map(|code| world.sources.of(code));
    let lead = Lead { source, ..lead(draft, (name, phone), world) };
    // The number itself is told by a message that goes out with the lead's commit, so there is no reply here.
    Outcome { conversation: Conversation::idle(Some(lead.number.clone())), replies: Vec::new(), lead: Some(lead) }
}
