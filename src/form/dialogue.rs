//! The dialogue as a pure function: `(conversation, input) -> (conversation, replies, lead)`.
//!
//! Nothing here waits or fails. Whatever the input, the buyer gets an answer that says what to do, and nothing that
//! was answered is lost: an input that does not fit leaves the conversation where it was.

use chrono::{DateTime, Utc};

use crate::{
    clock::Millis,
    lead::{Buyer, Lead, LeadNumber, Name, Phone, Region, SourceCode, Sources},
    notice::{Ask, CardAnswer, MyRequest, MyState, Offer, Say},
};

use super::{
    answering::{Reply, answered, captioned, pass, take, take_choice, take_phone},
    consent::{self, ConsentRule},
    correcting::{Correcting, OwnRequest, WISH},
    deletion,
    draft::{Answer, Draft, Step},
    files::{self, Sent},
    input::{Input, Press},
    later::Told,
    noted::Noted,
    passed::{Moved, Passed},
    questions::{Form, Kind, NAME, PHONE, Place, Question, Words},
    refusing::exactly,
    repeats::TakenText,
    said::{answers_so_far, card, lead, remember, value},
    typed::Typed,
};

/// A chat's dialogue.
#[derive(Debug, Clone, PartialEq)]
pub struct Conversation {
    /// Where it stands.
    pub step: Step,
    /// The open form; `None` exactly when the step is [`Step::Idle`].
    pub draft: Option<Draft>,
    /// The last request this chat has sent, for whoever presses send twice.
    pub last_number: Option<LeadNumber>,
    /// The last text that was taken as an answer to this form, to know its copy by.
    pub taken: Option<TakenText>,
    /// One answer is being changed from the card, to which "back" leads.
    pub changing: bool,
    /// What is behind the chat.
    pub passed: Passed,
    /// An answer of a request that was sent is being corrected.
    pub correcting: Option<Correcting>,
    /// The code of the first link that the buyer has come by since the last request.
    pub source: Option<SourceCode>,
    /// When the buyer was last told what becomes of what is said after a request.
    pub told: Option<Told>,
}

impl Conversation {
    /// A chat that has no form open.
    pub fn idle(last_number: Option<LeadNumber>) -> Self {
        Self {
            step: Step::Idle,
            draft: None,
            last_number,
            taken: None,
            changing: false,
            passed: Passed::default(),
            correcting: None,
            source: None,
            told: None,
        }
    }

    /// Whether nothing is asked: no form is open, and no answer is being corrected.
    pub fn is_at_rest(&self) -> bool {
        self.step == Step::Idle && self.correcting.as_ref().is_none_or(Correcting::is_awaited)
    }

    /// What the number of the message tells that the input came by.
    pub(super) fn see(&mut self, input: &Input, world: &World) {
        if let Some(message) = world.numbered() {
            let is_button = matches!(input, Input::Press(_) | Input::UnknownPress);
            self.passed = std::mem::take(&mut self.passed).seen(message, is_button);
        }
    }

    /// Whether the contact's name or phone may be asked next.
    pub fn may_offer(&self) -> bool {
        let Some(draft) = &self.draft else { return true };
        matches!(self.step, Step::Consent | Step::Ask(NAME | PHONE))
            || [NAME, PHONE].iter().any(|key| !draft.answers.contains_key(key))
    }
}

/// What the dialogue must know of the world.
#[derive(Debug, Clone)]
pub struct World {
    /// Now.
    pub now: DateTime<Utc>,
    /// How far the dealer's clock is before UTC.
    pub utc_offset: chrono::TimeDelta,
    /// When the message was sent, by Telegram's clock (whole seconds); `None` for what is no message.
    pub sent_at: Option<DateTime<Utc>>,
    /// The message that was written, or that has the pressed button on it.
    pub message: Option<i32>,
    /// Whether the message of the pressed button had its buttons still when it was pressed.
    pub has_buttons: bool,
    /// Spelling of phone numbers without a country code.
    pub region: Region,
    /// What has to be accepted before anything personal is asked.
    pub consent: ConsentRule,
    /// Who writes.
    pub buyer: Buyer,
    /// Their first name, as Telegram shows it.
    pub first_name: Option<String>,
    /// Their last request, where its answers are still known.
    pub last_request: Option<LastRequest>,
    /// What is asked.
    pub form: Form,
    /// What the codes of links stand for.
    pub sources: Sources,
    /// Words of the form in every language, first in the managers'.
    pub words: fn(&Words) -> Vec<String>,
    /// The request that the input is about, of those the person has sent.
    pub request: Option<OwnRequest>,
    /// What the keys under the phone's question type, in every language.
    pub keys: fn(&str) -> Option<Typed>,
}

impl World {
    /// The number of the message, where it has one.
    pub(super) fn numbered(&self) -> Option<i32> {
        self.message.filter(|message| *message > 0)
    }

    /// The day it is for the dealer.
    pub(super) fn today(&self) -> chrono::NaiveDate {
        (self.now + self.utc_offset).date_naive()
    }
}

/// What is known of the last request of a person.
#[derive(Debug, Clone, PartialEq)]
pub struct LastRequest {
    /// Its number.
    pub number: LeadNumber,
    /// When it was sent.
    pub sent_at: DateTime<Utc>,
    /// The contact's name.
    pub name: Name,
    /// And phone.
    pub phone: Phone,
    /// Where it is.
    pub state: MyState,
}

/// Whoever writes so long after a request was sent writes about it, as far as anybody can know.
const ABOUT_IT: chrono::TimeDelta = chrono::TimeDelta::days(14);

/// What one input leads to.
#[derive(Debug, Clone, PartialEq)]
pub struct Outcome {
    /// The conversation after it.
    pub conversation: Conversation,
    /// The answer: messages in order, each of one or more parts.
    pub replies: Vec<Vec<Say>>,
    /// The lead that was submitted.
    pub lead: Option<Lead>,
}

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
        Input::Edited => stay(conversation, vec![Say::EditedMessage], world),
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
            let typed = (world.keys)(&text).or_else(|| Typed::parse(&text));
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
        (Step::Confirm, Typed::Anew, _) => start(conversation, world),
        (Step::Ask(_), Typed::Anew, Some(question)) if question.kind != Kind::Text => start(conversation, world),
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

/// The question that is open.
pub(super) fn asked<'a>(conversation: &Conversation, world: &'a World) -> Option<&'a Question> {
    match conversation.step {
        Step::Ask(key) => world.form.question(key),
        _ => None,
    }
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

/// The conversation stays where it was; `say` comes before the question that is still open.
pub(super) fn stay(conversation: Conversation, mut say: Vec<Say>, world: &World) -> Outcome {
    match conversation.step {
        // Help and hints say by themselves how to begin.
        Step::Idle if say.is_empty() => say.push(idle(world)),
        Step::Idle if !matches!(say.first(), Some(Say::Help)) => say.push(Say::HowToBegin),
        Step::Idle => {}
        _ => say.push(ask(&conversation, world)),
    }
    Outcome { conversation, replies: vec![say], lead: None }
}

/// What is said where no form is open: where the request is that was sent, else how to begin one.
fn idle(world: &World) -> Say {
    let is_open = |last: &&LastRequest| matches!(last.state, MyState::OnItsWay | MyState::WithTheManager);
    let recent = world.last_request.as_ref().filter(|last| world.now - last.sent_at < ABOUT_IT).filter(is_open);
    recent.map_or(Say::HowToBegin, |last| sent(last.number.clone(), world))
}

/// Where a request is that was sent.
fn sent(number: LeadNumber, world: &World) -> Say {
    let is_on_its_way =
        world.last_request.as_ref().is_some_and(|last| last.number == number && last.state == MyState::OnItsWay);
    if is_on_its_way { Say::SentNotThereYet { number } } else { Say::AlreadySent { number } }
}

/// The question (or card) of the step a conversation stands at.
fn ask(conversation: &Conversation, world: &World) -> Say {
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
fn asked_next(conversation: &Conversation, world: &World) -> Vec<Say> {
    let draft = conversation.draft.as_ref().filter(|_| conversation.step == Step::Consent);
    draft.and_then(|draft| world.consent.why(draft)).into_iter().chain([ask(conversation, world)]).collect()
}

/// The answer that the open question has already.
fn kept(conversation: &Conversation, world: &World) -> Option<String> {
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

pub(super) fn is_editing(conversation: &Conversation, world: &World) -> bool {
    conversation.draft.as_ref().is_some_and(|draft| draft.is_complete(&world.form))
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
