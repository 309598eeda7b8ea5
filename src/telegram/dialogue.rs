//! The dialogue as a pure function: `(conversation, input) -> (conversation, replies, lead)`.
//!
//! Nothing here waits or fails. Whatever the input, the buyer gets an answer that says what to do, and nothing that
//! was answered is lost: an input that does not fit leaves the conversation where it was.

mod answering;
mod form;
mod input;
mod noted;
#[cfg(test)]
mod tests;

use chrono::{DateTime, Utc};

use crate::{
    clock::Millis,
    lead::{Buyer, CarLink, Lead, LeadNumber, Origin, Region},
    notice::{Card, Say},
};

use super::repeats::TakenText;
use answering::{Answer, answered, note, take_car};
pub use form::{CarAnswer, Draft, Field, Step};
pub use input::{Input, Press};
use noted::Noted;

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
        return stay(conversation, vec![Say::Repeated]);
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
        Input::Start => start(conversation, world),
        Input::Cancel | Input::Press(Press::Cancel) => cancel(conversation),
        Input::Help => stay(conversation, vec![Say::Help]),
        Input::Skip if conversation.step == Step::CarLink => take_car(conversation, None, world),
        Input::Skip | Input::UnknownCommand => stay(conversation, vec![Say::UnknownCommand]),
        Input::Edited => stay(conversation, vec![Say::EditedMessage]),
        Input::Media { caption, links } => {
            match (conversation.step, CarLink::find(caption.as_deref().unwrap_or_default(), &links)) {
                (Step::CarLink, Ok(Some(link))) => take_car(conversation, Some(link), world),
                (Step::Name | Step::Phone | Step::Budget, Ok(Some(link))) if !is_editing(&conversation) => {
                    note(conversation, Noted { car_link: Some(link), ..Noted::default() }, Vec::new())
                }
                _ => stay(conversation, vec![Say::OnlyText]),
            }
        }
        Input::UnknownPress => stay(conversation, vec![Say::OldButton]),
        Input::Press(press) => pressed(conversation, press, world),
        Input::Text { text, links } => answered(conversation, Answer::Text { text, links }, world),
        Input::Contact { phone, own } => answered(conversation, Answer::Contact { phone, own }, world),
    }
}

fn start(conversation: Conversation, world: &World) -> Outcome {
    if conversation.draft.is_none() {
        return open_form(conversation, world, Some(Say::Welcome));
    }
    let question = ask(&conversation);
    Outcome { conversation, replies: vec![vec![Say::Resume], vec![question]], lead: None }
}

fn open_form(conversation: Conversation, world: &World, greeting: Option<Say>) -> Outcome {
    let draft = Draft::open();
    let step = draft.next_step(world.consent_needed);
    let conversation = Conversation { step, draft: Some(draft), last_number: conversation.last_number, taken: None };
    let mut reply = Vec::from_iter(greeting);
    reply.push(ask(&conversation));
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
pub fn sent_too_many(mut conversation: Conversation, again_at: Millis, wait: Millis) -> Outcome {
    conversation.taken = None;
    stay(conversation, vec![Say::SentTooMany { again_at, wait }])
}

/// The conversation stays where it was; `say` comes before the question that is still open.
fn stay(conversation: Conversation, mut say: Vec<Say>) -> Outcome {
    match conversation.step {
        // Help and hints say by themselves how to begin.
        Step::Idle if !matches!(say.first(), Some(Say::Help)) => say.push(Say::HowToBegin),
        Step::Idle => {}
        _ => say.push(ask(&conversation)),
    }
    Outcome { conversation, replies: vec![say], lead: None }
}

/// The question (or card) of the step a conversation stands at.
fn ask(conversation: &Conversation) -> Say {
    let editing = conversation.draft.as_ref().is_some_and(|draft| draft.complete().is_some());
    match conversation.step {
        Step::Idle => Say::HowToBegin,
        Step::Consent => Say::AskConsent,
        Step::Name => Say::AskName { editing },
        Step::Phone => Say::AskPhone { editing },
        Step::Budget => Say::AskBudget { editing },
        Step::CarLink => Say::AskCarLink { editing },
        Step::Confirm => match conversation.draft.as_ref().and_then(Draft::complete) {
            Some((name, phone, budget, car)) => Say::Card(Card {
                name: name.as_str().to_owned(),
                phone: phone.e164().to_owned(),
                budget: budget.typed().to_owned(),
                price: budget.price(),
                car_link: car.link.as_ref().map(|link| link.url().to_owned()),
                wish: conversation
                    .draft
                    .as_ref()
                    .and_then(|draft| draft.wish.as_ref())
                    .map(|wish| wish.as_str().to_owned()),
            }),
            None => Say::HowToBegin,
        },
    }
}

fn pressed(mut conversation: Conversation, press: Press, world: &World) -> Outcome {
    match (conversation.step, press) {
        (_, Press::Restart) => open_form(conversation, world, None),
        (Step::Consent, Press::ConsentAccept) => {
            if let Some(draft) = &mut conversation.draft {
                draft.consent_at = Some(world.now);
            }
            go_on(conversation, world, Vec::new())
        }
        (Step::CarLink, Press::Skip) => take_car(conversation, None, world),
        (Step::Confirm, Press::Submit) => submit(conversation, world),
        (Step::Confirm, Press::Edit(field)) => {
            conversation.step = field.step();
            let question = ask(&conversation);
            Outcome { conversation, replies: vec![vec![question]], lead: None }
        }
        (Step::Name | Step::Phone | Step::Budget | Step::CarLink, Press::Back) if is_editing(&conversation) => {
            back_to_card(conversation)
        }
        // The second press of a doubled one: the request is there already.
        (Step::Idle, Press::Submit) => match &conversation.last_number {
            Some(number) => {
                let say = Say::AlreadySent { number: number.clone() };
                Outcome { conversation, replies: vec![vec![say]], lead: None }
            }
            None => stay(conversation, vec![Say::OldButton]),
        },
        _ => stay(conversation, vec![Say::OldButton]),
    }
}

fn is_editing(conversation: &Conversation) -> bool {
    conversation.draft.as_ref().is_some_and(|draft| draft.complete().is_some())
}

fn back_to_card(mut conversation: Conversation) -> Outcome {
    // The phone's question put a keyboard under the chat; only a message without buttons of its own can take it away.
    let away = (conversation.step == Step::Phone).then_some(vec![Say::LeftAsItWas]);
    conversation.step = Step::Confirm;
    let card = ask(&conversation);
    let replies = away.into_iter().chain([vec![card]]).collect();
    Outcome { conversation, replies, lead: None }
}

/// Goes to the first unanswered step and asks it.
fn go_on(mut conversation: Conversation, world: &World, mut replies: Vec<Vec<Say>>) -> Outcome {
    conversation.step = conversation.draft.as_ref().map_or(Step::Idle, |draft| draft.next_step(world.consent_needed));
    replies.push(vec![ask(&conversation)]);
    Outcome { conversation, replies, lead: None }
}

fn submit(conversation: Conversation, world: &World) -> Outcome {
    let Some((draft, (name, phone, budget, car))) =
        conversation.draft.as_ref().and_then(|draft| Some((draft, draft.complete()?)))
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
        car_link: car.link.clone(),
        wish: draft.wish.clone(),
        buyer: world.buyer.clone(),
        consent_at: draft.consent_at,
        origin: Origin::Telegram,
    };
    // The number itself is told by a message that is owed with the lead's commit, so there is no reply here.
    Outcome { conversation: Conversation::idle(Some(lead.number.clone())), replies: Vec::new(), lead: Some(lead) }
}
