//! What a message says beside the answer it was sent as: kept for the questions it answers, or for the manager.

use super::{
    anew::says_other,
    asking::is_editing,
    conversation::{Conversation, World},
    draft::{Answer, Draft},
    no_answer::{is_courteous, says_no_link},
    questions::{Form, Kind, NAME, Place, Question},
};
use crate::{
    lead::{Budget, CarLink, Name, Phone, Said, Taken, Wish},
    notice::Say,
};

/// What stood in a message beside its answer; each is the answer to a question of its own.
#[derive(Debug, Default)]
pub(super) struct Noted {
    name: Option<Name>,
    phone: Option<Phone>,
    budget: Option<Budget>,
    car_link: Option<CarLink>,
    wish: Option<Wish>,
    /// That there is no link.
    no_link: bool,
}

impl Noted {
    /// What of a message answers questions that are open, beside what the asked one has `taken` of it. All other words are for
    /// the manager, where something was understood or they name a wish.
    pub(super) fn beside(
        conversation: &Conversation,
        said: &Said,
        taken: Taken,
        asked: Option<&Question>,
        world: &World,
    ) -> Self {
        let Some(draft) = &conversation.draft else { return Self::default() };
        let editing = is_editing(conversation, world);
        let is_asked = |question: &Question| asked.is_some_and(|asked| asked.key == question.key);
        let opens = |kind: Kind| {
            let fits = |question: &Question| question.kind == kind && !is_asked(question);
            !editing && open(draft, &world.form, fits).is_some()
        };
        let known = |answer: &Answer| draft.answers.values().any(|known| known == answer);
        let name = said.name().filter(|_| !taken.name);
        let phone = said.phone().filter(|_| !taken.phone);
        let money = said.money().filter(|_| !taken.money);
        let is_known_name = name.is_some_and(|name| known(&Answer::Name(name.clone())));
        let is_known_phone = phone.is_some_and(|phone| {
            let is_it = |answer: &Answer| matches!(answer, Answer::Phone(known) if known.e164() == phone.e164());
            draft.answers.values().any(is_it)
        });
        let noted = Self {
            name: name
                .filter(|_| !editing && open(draft, &world.form, |question| question.key == NAME).is_some())
                .cloned(),
            phone: phone.filter(|_| !is_known_phone && opens(Kind::Phone)).cloned(),
            budget: money.filter(|_| opens(Kind::Money)).cloned(),
            car_link: said.link().filter(|_| asked.is_none_or(|asked| asked.kind != Kind::Link)).cloned(),
            wish: None,
            no_link: false,
        };
        let all = Taken {
            name: taken.name || is_known_name || noted.name.is_some(),
            phone: taken.phone || is_known_phone || noted.phone.is_some(),
            money: taken.money || noted.budget.is_some(),
        };
        let words = said.words(all).filter(|words| !is_courteous(words.as_str()));
        let is_understood = all.name || all.phone || all.money || said.link().is_some();
        let is_of_use = is_understood && !editing || editing && says_other(draft, said);
        let (words, no_link) = match said.link().is_none() && opens(Kind::Link) {
            true => without_no_link(words),
            false => (words, false),
        };
        Self { wish: words.filter(|words| is_of_use || words.names_a_wish()), no_link, ..noted }
    }

    /// The same with other words for the manager.
    pub(super) fn with_wish(self, wish: Option<Wish>) -> Self {
        Self { wish, ..self }
    }

    /// What of the message it was read from is in it.
    pub(super) fn taken(&self) -> Taken {
        Taken { name: self.name.is_some(), phone: self.phone.is_some(), money: self.budget.is_some() }
    }

    /// Whether there is nothing in it.
    pub(super) fn is_empty(&self) -> bool {
        matches!(self, Self { name: None, phone: None, budget: None, car_link: None, wish: None, .. })
    }

    /// Whether nothing but words stood there.
    pub(super) fn is_wish_alone(&self) -> bool {
        matches!(self, Self { name: None, phone: None, budget: None, car_link: None, wish: Some(_), .. })
    }

    /// The answers of a form that was filled in before it could be told: while consent was not given.
    pub(super) fn held(draft: &Draft) -> Option<Say> {
        let mut held = Self { wish: draft.wish.clone(), ..Self::default() };
        for answer in draft.answers.values() {
            match answer.clone() {
                Answer::Name(name) => held.name = held.name.or(Some(name)),
                Answer::Phone(phone) => held.phone = held.phone.or(Some(phone)),
                Answer::Money(budget) => held.budget = held.budget.or(Some(budget)),
                Answer::Link(link) => held.car_link = held.car_link.or(link),
                _ => {}
            }
        }
        (!held.is_empty()).then(|| held.say())
    }

    fn say(&self) -> Say {
        Say::Noted {
            name: self.name.as_ref().map(|name| name.as_str().to_owned()),
            phone: self.phone.as_ref().map(|phone| phone.e164().to_owned()),
            budget: self.budget.as_ref().map(|budget| budget.shown().to_owned()),
            sum_of: None,
            car_link: self.car_link.as_ref().map(CarLink::shown),
            wish: self.wish.as_ref().map(|wish| wish.as_str().to_owned()),
        }
    }

    /// The same beside an answer that is taken, which is told with it.
    pub(super) fn keep_beside(
        self,
        (question, answer): (&Question, &Answer),
        conversation: &mut Conversation,
        form: &Form,
    ) -> Option<Say> {
        let mut say = self.keep(conversation, form)?;
        if let Say::Noted { name, budget, sum_of, car_link, .. } = &mut say {
            match answer {
                Answer::Name(taken) => *name = Some(taken.as_str().to_owned()),
                Answer::Money(taken) => {
                    *budget = Some(taken.shown().to_owned());
                    *sum_of = named_apart(question);
                }
                Answer::Link(Some(taken)) => *car_link = Some(taken.shown()),
                _ => {}
            }
        }
        Some(say)
    }

    /// Keeps it for its questions, which are then not asked; returns what the buyer is told of it.
    pub(super) fn keep(self, conversation: &mut Conversation, form: &Form) -> Option<Say> {
        let draft = conversation.draft.as_mut()?;
        let mut say = (!self.is_empty()).then(|| self.say());
        if let Some(Say::Noted { budget: Some(_), sum_of, .. }) = &mut say {
            *sum_of = open(draft, form, |question| question.kind == Kind::Money).and_then(named_apart);
        }
        let has_link = self.car_link.is_some();
        let mut fill = |kind: Kind, answer: Option<Answer>| {
            let Some(answer) = answer else { return };
            let fits = |question: &Question| question.kind == kind && (kind != Kind::Name || question.key == NAME);
            if let Some(key) = open(draft, form, fits).map(|question| question.key) {
                draft.answers.insert(key, answer);
            }
        };
        fill(Kind::Name, self.name.map(Answer::Name));
        fill(Kind::Phone, self.phone.map(Answer::Phone));
        fill(Kind::Money, self.budget.map(Budget::without_doubt).map(Answer::Money));
        fill(Kind::Link, (self.no_link && !has_link).then_some(Answer::Link(None)));
        if let Some(link) = self.car_link {
            add_link(draft, form, link);
        }
        if let Some(wish) = self.wish {
            add_wish(draft, wish);
        }
        say
    }
}

/// The key of a question about money that is not the one about the budget.
fn named_apart(question: &Question) -> Option<String> {
    (question.place() != Place::Budget).then(|| question.key.to_owned())
}

/// Words without `ссылки нет`, and whether that stood among them.
fn without_no_link(words: Option<Wish>) -> (Option<Wish>, bool) {
    let Some(wish) = words else { return (None, false) };
    let clauses: Vec<&str> = wish.as_str().split([',', ';']).map(str::trim).collect();
    let others: Vec<&str> = clauses.iter().copied().filter(|clause| !says_no_link(clause)).collect();
    match others.len() == clauses.len() {
        true => (Some(wish), false),
        false => (Wish::said(&others.join(", ")), true),
    }
}

/// The first question without an answer that fits.
fn open<'a>(draft: &Draft, form: &'a Form, fits: impl Fn(&Question) -> bool) -> Option<&'a Question> {
    form.questions().iter().find(|question| fits(question) && !draft.answers.contains_key(question.key))
}

/// Keeps a link for the first question about one, beside the link it may have.
fn add_link(draft: &mut Draft, form: &Form, link: CarLink) {
    let Some(question) = form.questions().iter().find(|question| question.kind == Kind::Link) else {
        // This form asks for none: the manager gets it with the other words.
        link.all().filter_map(Wish::of_address).for_each(|wish| add_wish(draft, wish));
        return;
    };
    let link = match draft.answers.remove(question.key) {
        Some(Answer::Link(Some(before))) => before.and(link),
        _ => link,
    };
    draft.answers.insert(question.key, Answer::Link(Some(link)));
}

pub(super) fn add_wish(draft: &mut Draft, wish: Wish) {
    draft.wish = Some(match draft.wish.take() {
        Some(before) => before.and(wish),
        None => wish,
    });
}
