//! What a draft says: on the card, in the note, in the lead.

use chrono::{DateTime, Utc};

use super::{
    conversation::World,
    draft::{Answer, Draft},
    questions::{Form, Kind, Place, Question, Words, built_in},
    stored::{AllWords, no_longer_asked},
};
use crate::{
    lead::{Asked, Budget, Buyer, CarLink, Extra, Lead, Name, Origin, Phone},
    notice::{Card, CardAnswer},
};

/// Keeps what was answered as managers read it.
pub(super) fn remember(draft: &mut Draft, world: &World) {
    for question in world.form.questions() {
        if !draft.answers.contains_key(question.key) {
            continue;
        }
        let said = extra(question, draft, world.words);
        draft.said.retain(|said| said.key != question.key);
        draft.said.extend(said);
    }
}

pub(super) fn card(draft: &Draft, world: &World) -> Option<Card> {
    let (name, phone) = draft.of_every_lead()?;
    let (budget, car_link) = (budget(draft, &world.form), car_link(draft, &world.form));
    let answer = |question: &Question| {
        let value = value(question, draft.answers.get(question.key)?, world);
        Some(CardAnswer { question: question.key.to_owned(), value })
    };
    Some(Card {
        name: name.as_str().to_owned(),
        phone: phone.e164().to_owned(),
        budget: budget.map(|budget| budget.shown().to_owned()),
        price: budget.map_or(0, Budget::price),
        car_link: car_link.map(CarLink::shown),
        wish: draft.wish.as_ref().map(|wish| wish.as_str().to_owned()),
        files: draft.files.len(),
        more: of_place(&world.form, Place::More).filter_map(answer).collect(),
    })
}

fn of_place(form: &Form, place: Place) -> impl Iterator<Item = &Question> {
    form.questions().iter().filter(move |question| question.place() == place)
}

fn budget<'a>(draft: &'a Draft, form: &Form) -> Option<&'a Budget> {
    of_place(form, Place::Budget).find_map(|question| match draft.answers.get(question.key) {
        Some(Answer::Money(budget)) => Some(budget),
        _ => None,
    })
}

fn car_link<'a>(draft: &'a Draft, form: &Form) -> Option<&'a CarLink> {
    of_place(form, Place::CarLink).find_map(|question| match draft.answers.get(question.key) {
        Some(Answer::Link(link)) => link.as_ref(),
        _ => None,
    })
}

/// An answer as one text; what was chosen as managers read it.
pub(super) fn value(question: &Question, answer: &Answer, world: &World) -> Option<String> {
    value_in(question, answer, world.words)
}

fn value_in(question: &Question, answer: &Answer, words: AllWords) -> Option<String> {
    Some(match answer {
        Answer::Name(name) => name.as_str().to_owned(),
        Answer::Phone(phone) => phone.e164().to_owned(),
        Answer::Money(amount) => without_label(amount.shown(), &words(&question.label)).to_owned(),
        Answer::Link(link) => link.as_ref()?.shown(),
        Answer::Text(text) => text.clone(),
        Answer::Number(number) => number.typed().to_owned(),
        Answer::Choice(at) => first(words(question.choices.get(*at)?)),
        Answer::Date(day) => day.to_string(),
        Answer::Skipped => return None,
    })
}

/// What was typed without the label that stands before it anyway: `500 тыс` for `первый взнос 500 тыс`.
fn without_label<'t>(typed: &'t str, labels: &[String]) -> &'t str {
    let behind = |label: &String| {
        let length = label.chars().count();
        let at = typed.char_indices().nth(length).map_or(typed.len(), |(at, _)| at);
        let (begin, rest) = typed.split_at(at);
        let is_label = length > 0 && begin.to_lowercase() == label.to_lowercase();
        let is_apart = !rest.starts_with(char::is_alphanumeric);
        let rest = rest.trim_start_matches([' ', ':', '=', '-', '–', '—', ',']);
        (is_label && is_apart && rest.chars().any(char::is_alphanumeric)).then_some(rest)
    };
    labels.iter().find_map(behind).unwrap_or(typed)
}

/// What a form holds so far, in its order; a question that was passed over has no value.
pub fn answers_so_far(draft: &Draft, form: &Form, words: AllWords) -> Vec<CardAnswer> {
    let answer = |question: &Question| {
        let value = value_in(question, draft.answers.get(question.key)?, words);
        Some(CardAnswer { question: question.key.to_owned(), value })
    };
    form.questions().iter().filter_map(answer).collect()
}

/// Words of the form as managers read them.
pub(super) fn managers(words: &Words, all: AllWords) -> String {
    first(all(words))
}

fn first(words: Vec<String>) -> String {
    words.into_iter().next().unwrap_or_default()
}

/// The lead of a complete draft.
pub(super) fn lead(draft: &Draft, (name, phone): (&Name, &Phone), world: &World) -> Lead {
    lead_of(draft, (name, phone), (&world.form, world.words), world.now, world.buyer.clone())
}

/// What there is of a draft that its buyer has left, as a lead; `None` without name and phone.
pub fn unfinished_lead(draft: &Draft, form: &Form, words: AllWords, now: DateTime<Utc>, buyer: Buyer) -> Option<Lead> {
    let lead = lead_of(draft, draft.of_every_lead()?, (form, words), now, buyer);
    let is_open = |question: &&Question| match question.kind {
        Kind::Files => !draft.answers.contains_key(question.key) && draft.files.is_empty(),
        _ => !draft.answers.contains_key(question.key),
    };
    let left_open = form.questions().iter().filter(is_open);
    let is_left_open = |place| left_open.clone().any(|question| question.place() == place);
    // Its note says "none" of what was asked and not answered.
    let asked = Asked {
        budget: lead.asked.budget.clone().filter(|_| !is_left_open(Place::Budget)),
        car_link: lead.asked.car_link.clone().filter(|_| !is_left_open(Place::CarLink)),
    };
    // As its note has them.
    let label = |question: &Question| {
        let asked = match question.place() {
            Place::Budget => lead.asked.budget.clone(),
            Place::CarLink => lead.asked.car_link.clone(),
            Place::Name | Place::Phone | Place::More => None,
        };
        asked.unwrap_or_else(|| managers(&question.label, words))
    };
    let left_open = Some(left_open.map(label).collect());
    Some(Lead { asked, left_open, ..lead })
}

fn lead_of(
    draft: &Draft,
    (name, phone): (&Name, &Phone),
    (form, words): (&Form, AllWords),
    now: DateTime<Utc>,
    buyer: Buyer,
) -> Lead {
    let answered = of_place(form, Place::More).filter_map(|question| extra(question, draft, words));
    Lead {
        id: draft.id,
        number: draft.number.clone(),
        submitted_at: now,
        name: name.clone(),
        phone: phone.clone(),
        budget: budget(draft, form).cloned(),
        car_link: car_link(draft, form).cloned(),
        asked: asked_by(form, words),
        more: answered.chain(left(draft, form, words)).collect(),
        wish: draft.wish.clone(),
        files: draft.files.clone(),
        buyer,
        consent_at: draft.consent_at,
        consent: draft.consent.clone(),
        origin: Origin::Telegram,
        source: None,
        left_open: None,
    }
}

/// An answer as managers read it; nothing for a question that was passed over.
fn extra(question: &Question, draft: &Draft, words: AllWords) -> Option<Extra> {
    let value = value_in(question, draft.answers.get(question.key)?, words)?;
    Some(Extra { key: question.key.to_owned(), label: managers(&question.label, words), value })
}

/// What was answered before the form was changed and is not asked any more.
fn left(draft: &Draft, form: &Form, words: AllWords) -> Vec<Extra> {
    let is_asked = |said: &&Extra| form.question(&said.key).is_some();
    let mut left: Vec<Extra> = draft.said.iter().filter(|said| !is_asked(said)).cloned().collect();
    // Drafts of earlier versions have the answers alone.
    for (key, value) in no_longer_asked(draft, form) {
        if left.iter().all(|said| said.key != key) {
            let label = built_in(&key).map_or_else(|| key.clone(), |question| managers(&question.label, words));
            left.push(Extra { key, label, value });
        }
    }
    left
}

/// Which of the answers that leads have fields of their own for are asked, and what they are called.
pub(super) fn asked_by(form: &Form, words: AllWords) -> Asked {
    let usual = Asked::default();
    let label = |place: Place, usual: Option<String>| match of_place(form, place).next()?.label {
        Words::Text(_) => usual,
        label @ Words::Given(_) => Some(managers(&label, words)),
    };
    Asked { budget: label(Place::Budget, usual.budget), car_link: label(Place::CarLink, usual.car_link) }
}
