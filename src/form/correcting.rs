//! A request that was sent can be corrected and taken back for a while, beside whatever form is open.
//!
//! The new answer is taken by the question's own rules: a conversation of its own, in which everything but this one answer is
//! given, takes whatever is said, and is over when it has come to its card. Nothing changes before that is confirmed, or, to
//! take a request back, before a second press.

mod amended;
mod answering;

use std::time::Duration;

use crate::{
    lead::{AmendmentKind, correction_note, taken_back_note},
    notice::Say,
};

use super::{
    conversation::{Conversation, Correcting, World},
    corrected::{Amending, correctable, corrected},
    input::{Input, MyPress, Press},
    questions::WISH,
    stored::read_draft,
    typed::Typed,
};
pub use amended::Amended;
use amended::{left_as_it_was, reply, stay_quietly, stays};
use answering::{ask, ask_wish, asked_again, awaited, choose, chosen, given, wished};

/// Stands for "nothing was chosen yet", among keys of questions.
const CHOOSING: &str = "";

/// A request can be corrected and taken back for so long after it was sent.
pub const OPEN_FOR: Duration = Duration::from_secs(60 * 60);

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
    let now = world.now.timestamp_millis();
    let typed = match input {
        Input::Text { text, .. } => world.typed(text),
        _ => None,
    };
    if typed == Some(Typed::Another) {
        // No answer to anything here.
        return None;
    }
    if correcting.is_awaited() {
        let is_open = request.is_open(now);
        return awaited(conversation, &correcting, &request, input, world).filter(|_| is_open);
    }
    if let Some(aside) = aside(input) {
        // Its question comes again with the language.
        let again = match aside {
            Say::ChooseLanguage => Vec::new(),
            _ => asked_again(&correcting, &request, world),
        };
        return request.may_be_finished(now).then(|| reply(conversation, vec![[vec![aside], again].concat()]));
    }
    let press = match input {
        Input::Text { .. } => match typed {
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

/// The answer to what is said beside a correction, which stays open.
fn aside(input: &Input) -> Option<Say> {
    match input {
        Input::Edited => Some(Say::EditedElsewhere),
        Input::Help => Some(Say::Help),
        Input::UnknownCommand => Some(Say::UnknownCommand),
        Input::Press(Press::Language(_)) => Some(Say::LanguageChosen),
        Input::Language(_) => Some(Say::ChooseLanguage),
        _ => None,
    }
}

fn pressed(mut conversation: Conversation, press: &MyPress, world: &World) -> Amended {
    let now = world.now.timestamp_millis();
    let number = press.number().clone();
    let Some(request) = world.request.clone().filter(|request| request.lead.number == number) else {
        conversation.correcting = None;
        return stays(conversation, Say::OldButton, world);
    };
    let is_second = matches!(press, MyPress::Save(_) | MyPress::TakeBackSure(..));
    if !(if is_second { request.may_be_finished(now) } else { request.is_open(now) }) {
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
