//! What people say beside an answer: kept for its own question, or for the manager.

use super::{
    dialogue::{Conversation, World, is_editing},
    draft::Answer,
    questions::{BUDGET, CAR_LINK, PHONE},
};
use crate::{
    lead::{Budget, CarLink, Name, Phone, Wish},
    notice::Say,
};

/// What stood in a message beside its answer; each is the answer to a question of its own.
#[derive(Default)]
pub(super) struct Noted {
    pub(super) phone: Option<Phone>,
    pub(super) budget: Option<Budget>,
    pub(super) car_link: Option<CarLink>,
    pub(super) wish: Option<Wish>,
}

impl Noted {
    /// The words of an answer that could not be taken.
    pub(super) fn with_wish(self, text: &str) -> Self {
        Self { wish: Wish::mentioned(text), ..self }
    }

    /// What people write where their name is asked; nothing while a single answer is being changed.
    pub(super) fn beside_name(conversation: &Conversation, text: &str, links: &[String], world: &World) -> Self {
        if is_editing(conversation, world) {
            return Self::default();
        }
        Self {
            phone: Phone::mentioned(text, world.region),
            budget: Budget::mentioned(text),
            ..Self::link(conversation, text, links, world)
        }
    }

    pub(super) fn link(conversation: &Conversation, text: &str, links: &[String], world: &World) -> Self {
        let link = CarLink::find(text, links).ok().flatten();
        Self { car_link: link.filter(|_| !is_editing(conversation, world)), ..Self::default() }
    }

    /// The name in a list of answers (`Пётр, 89161234567, 3 млн`): what is left when all the others are taken out.
    pub(super) fn name_beside(&self, text: &str, world: &World) -> Option<Name> {
        if self.phone.is_none() && self.budget.is_none() && self.car_link.is_none() {
            return None;
        }
        let is_another = |part: &str| {
            Phone::mentioned(part, world.region).is_some()
                || matches!(CarLink::find(part, &[]), Ok(Some(_)))
                || Budget::mentioned(part).is_some()
        };
        let parts = text.split([',', ';', '\n']).map(str::trim).filter(|part| !part.is_empty());
        let mut left = parts.filter(|part| !is_another(part));
        let name = Name::parse(left.next()?).ok()?;
        left.next().is_none().then_some(name)
    }

    /// Keeps it for its questions, which are then not asked; returns what the buyer is told of it.
    pub(super) fn keep(self, conversation: &mut Conversation) -> Option<Say> {
        let draft = conversation.draft.as_mut()?;
        let say = Say::Noted {
            phone: self.phone.as_ref().map(|phone| phone.e164().to_owned()),
            budget: self.budget.as_ref().map(|budget| budget.typed().to_owned()),
            car_link: self.car_link.as_ref().map(|link| link.url().to_owned()),
            wish: self.wish.as_ref().map(|wish| wish.as_str().to_owned()),
        };
        let is_something =
            self.phone.is_some() || self.budget.is_some() || self.car_link.is_some() || self.wish.is_some();
        let answers = [
            (PHONE, self.phone.map(Answer::Phone)),
            (BUDGET, self.budget.map(Answer::Money)),
            (CAR_LINK, self.car_link.map(|link| Answer::Link(Some(link)))),
        ];
        draft.answers.extend(answers.into_iter().filter_map(|(key, answer)| Some((key, answer?))));
        draft.wish = match (draft.wish.take(), self.wish) {
            (Some(before), Some(wish)) => Some(before.and(wish)),
            (before, wish) => before.or(wish),
        };
        is_something.then_some(say)
    }
}
