//! The dialogue as a pure function: `(conversation, input) -> (conversation, replies, lead)`.
//!
//! Nothing here waits or fails. Whatever the input, the buyer gets an answer that says what to do, and nothing that
//! was answered is lost: an input that does not fit leaves the conversation where it was.

use chrono::{DateTime, Utc};

use crate::{
    clock::Millis,
    lead::{Buyer, CarLink, Extra, Lead, LeadNumber, Origin, Region},
    notice::{Ask, Card, CardAnswer, Say},
};

use super::{
    answering::{Reply, answered, captioned, skip, take_choice},
    draft::{Answer, Draft, Step},
    files::{self, Sent},
    input::{Input, Press},
    opening::accepted,
    questions::{Form, Kind, Question, Words},
    repeats::TakenText,
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
}

impl Conversation {
    /// A chat that has no form open.
    pub fn idle(last_number: Option<LeadNumber>) -> Self {
        Self { step: Step::Idle, draft: None, last_number, taken: None }
    }
}

/// What the dialogue must know of the world.
#[derive(Debug, Clone)]
pub struct World {
    /// Now.
    pub now: DateTime<Utc>,
    /// When the message was sent, by Telegram's clock (whole seconds); `None` for what is no message.
    pub sent_at: Option<DateTime<Utc>>,
    /// Spelling of phone numbers without a country code.
    pub region: Region,
    /// Whether the privacy policy has to be accepted.
    pub consent_needed: bool,
    /// Who writes.
    pub buyer: Buyer,
    /// What is asked.
    pub form: Form,
    /// Words of the form in every language, first in the managers'.
    pub words: fn(&Words) -> Vec<String>,
    /// Whether a text is what the key "back" under the phone's question types.
    pub is_back: fn(&str) -> bool,
}

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
    if let Input::Press(_) = input {
        // Whoever presses a button has read what came after the last text.
        conversation.taken = None;
    }
    let before = conversation.step;
    let mut outcome = respond(conversation, input, world);
    if let Some((text, sent_at)) = text
        && outcome.conversation.step != before
    {
        outcome.conversation.taken = Some(TakenText::new(&text, sent_at, world.now));
    }
    outcome
}

fn respond(conversation: Conversation, input: Input, world: &World) -> Outcome {
    match input {
        Input::Start | Input::Press(Press::Start) => start(conversation, world),
        Input::Cancel | Input::Press(Press::Cancel) => cancel(conversation),
        Input::Help => stay(conversation, vec![Say::Help], world),
        Input::Skip => match asked(&conversation, world).filter(|question| question.optional).copied() {
            Some(question) => skip(conversation, &question, world),
            None => stay(conversation, vec![Say::UnknownCommand], world),
        },
        Input::Language => Outcome { conversation, replies: vec![vec![Say::ChooseLanguage]], lead: None },
        // What is said from here on is worded in it by the caller.
        Input::Press(Press::Language(_)) => stay(conversation, vec![Say::LanguageChosen], world),
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
        Input::Text { text, links } => answered(conversation, Reply::Text { text, links, forwarded: false }, world),
        Input::Forwarded { text, links } => answered(conversation, Reply::Text { text, links, forwarded: true }, world),
        Input::Contact { phone, own } => answered(conversation, Reply::Contact { phone, own }, world),
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
    let draft = Draft::open();
    let step = draft.next_step(&world.form, world.consent_needed);
    let conversation = Conversation { step, draft: Some(draft), last_number: conversation.last_number, taken: None };
    let mut reply = Vec::from_iter(greeting);
    reply.push(ask(&conversation, world));
    Outcome { conversation, replies: vec![reply], lead: None }
}

fn cancel(conversation: Conversation) -> Outcome {
    // A form that was cancelled is the last one now: its send button must not be answered with an older request's number.
    let (say, last_number) = match conversation.draft {
        Some(_) => (Say::Cancelled, None),
        None => (Say::NothingToCancel, conversation.last_number),
    };
    Outcome { conversation: Conversation::idle(last_number), replies: vec![vec![say]], lead: None }
}

/// The card was to be sent by somebody who has sent too many: all that was answered is kept, to be sent later.
pub fn sent_too_many(mut conversation: Conversation, again_at: Millis, wait: Millis, world: &World) -> Outcome {
    conversation.taken = None;
    stay(conversation, vec![Say::SentTooMany { again_at, wait }], world)
}

/// The conversation stays where it was; `say` comes before the question that is still open.
pub(super) fn stay(conversation: Conversation, mut say: Vec<Say>, world: &World) -> Outcome {
    match conversation.step {
        // Help and hints say by themselves how to begin.
        Step::Idle if !matches!(say.first(), Some(Say::Help)) => say.push(Say::HowToBegin),
        Step::Idle => {}
        _ => say.push(ask(&conversation, world)),
    }
    Outcome { conversation, replies: vec![say], lead: None }
}

/// The question (or card) of the step a conversation stands at.
fn ask(conversation: &Conversation, world: &World) -> Say {
    match conversation.step {
        Step::Idle => Say::HowToBegin,
        Step::Consent => Say::AskConsent,
        Step::Ask(key) => Say::Ask(Ask { question: key.to_owned(), editing: is_editing(conversation, world) }),
        Step::Confirm => {
            let card = conversation.draft.as_ref().and_then(|draft| card(draft, &world.form));
            card.map_or(Say::HowToBegin, Say::Card)
        }
    }
}

fn card(draft: &Draft, form: &Form) -> Option<Card> {
    let (name, phone, budget, car_link) = draft.of_every_lead()?;
    let answer = |question: &Question| {
        let value = value(draft.answers.get(question.key)?).map(str::to_owned);
        Some(CardAnswer { question: question.key.to_owned(), value })
    };
    Some(Card {
        name: name.as_str().to_owned(),
        phone: phone.e164().to_owned(),
        budget: budget.shown().to_owned(),
        price: budget.price(),
        car_link: car_link.map(CarLink::shown),
        wish: draft.wish.as_ref().map(|wish| wish.as_str().to_owned()),
        files: draft.files.len(),
        more: more(form).filter_map(answer).collect(),
    })
}

/// The questions whose answers have no field of their own in a lead.
fn more(form: &Form) -> impl Iterator<Item = &Question> {
    form.questions().iter().filter(|question| !question.is_of_every_lead())
}

/// An answer as one text; what was chosen by its key.
fn value(answer: &Answer) -> Option<&str> {
    match answer {
        Answer::Name(name) => Some(name.as_str()),
        Answer::Phone(phone) => Some(phone.e164()),
        Answer::Money(amount) => Some(amount.typed()),
        Answer::Link(link) => link.as_ref().map(CarLink::url),
        Answer::Text(text) => Some(text),
        Answer::Choice(key) => Some(key),
        Answer::Skipped => None,
    }
}

fn pressed(mut conversation: Conversation, press: Press, world: &World) -> Outcome {
    let open = asked(&conversation, world).copied();
    match (conversation.step, press) {
        (_, Press::Restart) => open_form(conversation, world, None),
        (Step::Consent, Press::ConsentAccept) => {
            if let Some(draft) = &mut conversation.draft {
                draft.consent_at = Some(world.now);
            }
            accepted(conversation, world)
        }
        (_, Press::Skip(key)) => match open.filter(|question| question.key == key && question.optional) {
            Some(question) => skip(conversation, &question, world),
            None => stay(conversation, vec![Say::OldButton], world),
        },
        (_, Press::Choose { question, choice }) => match open.filter(|open| open.key == question) {
            Some(open) => take_choice(conversation, &open, &choice, world),
            None => stay(conversation, vec![Say::OldButton], world),
        },
        (_, Press::DropFiles) => files::drop_all(conversation, world),
        (Step::Confirm, Press::Submit) => submit(conversation, world),
        (Step::Confirm, Press::Edit(key)) => match world.form.question(&key) {
            Some(question) => {
                conversation.step = Step::Ask(question.key);
                let question = ask(&conversation, world);
                Outcome { conversation, replies: vec![vec![question]], lead: None }
            }
            None => stay(conversation, vec![Say::OldButton], world),
        },
        (Step::Ask(_), Press::Back) if is_editing(&conversation, world) => back_to_card(conversation, world),
        // The second press of a doubled one: the request is there already.
        (Step::Idle, Press::Submit) => match &conversation.last_number {
            Some(number) => {
                let say = Say::AlreadySent { number: number.clone() };
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

pub(super) fn back_to_card(mut conversation: Conversation, world: &World) -> Outcome {
    // A phone's question put a keyboard under the chat; only a message without buttons of its own can take it away.
    let has_keys = asked(&conversation, world).is_some_and(|question| question.kind == Kind::Phone);
    let away = has_keys.then_some(vec![Say::LeftAsItWas]);
    conversation.step = Step::Confirm;
    let card = ask(&conversation, world);
    let replies = away.into_iter().chain([vec![card]]).collect();
    Outcome { conversation, replies, lead: None }
}

/// Goes to the first unanswered step and asks it.
pub(super) fn go_on(mut conversation: Conversation, world: &World, mut replies: Vec<Vec<Say>>) -> Outcome {
    let next = |draft: &Draft| draft.next_step(&world.form, world.consent_needed);
    conversation.step = conversation.draft.as_ref().map_or(Step::Idle, next);
    replies.push(vec![ask(&conversation, world)]);
    Outcome { conversation, replies, lead: None }
}

fn submit(conversation: Conversation, world: &World) -> Outcome {
    let complete = conversation.draft.as_ref().filter(|draft| draft.is_complete(&world.form));
    let Some((draft, (name, phone, budget, car_link))) =
        complete.and_then(|draft| Some((draft, draft.of_every_lead()?)))
    else {
        return go_on(conversation, world, Vec::new());
    };
    let lead = Lead {
        id: draft.id,
        number: draft.number.clone(),
        submitted_at: world.now,
        name: name.clone(),
        phone: phone.clone(),
        budget: budget.clone(),
        car_link: car_link.cloned(),
        more: more(&world.form).filter_map(|question| extra(question, draft, world)).collect(),
        wish: draft.wish.clone(),
        files: draft.files.clone(),
        buyer: world.buyer.clone(),
        consent_at: draft.consent_at,
        origin: Origin::Telegram,
    };
    // The number itself is told by a message that goes out with the lead's commit, so there is no reply here.
    Outcome { conversation: Conversation::idle(Some(lead.number.clone())), replies: Vec::new(), lead: Some(lead) }
}

/// An answer as managers read it; nothing for a question that was passed over.
fn extra(question: &Question, draft: &Draft, world: &World) -> Option<Extra> {
    let managers = |words: &Words| (world.words)(words).into_iter().next().unwrap_or_default();
    let value = value(draft.answers.get(question.key)?)?;
    let chosen = question.choices().iter().find(|choice| choice.key == value);
    Some(Extra {
        key: question.key.to_owned(),
        label: managers(&question.label),
        value: chosen.map_or_else(|| value.to_owned(), |choice| managers(&choice.words)),
    })
}
