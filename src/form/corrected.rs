//! A request that was sent as a draft of this form, and what differs between the two.

use crate::{
    lead::{AmendmentKind, Change, Extra, Lead},
    notice::CardAnswer,
};

use super::{
    conversation::World,
    draft::{Answer, Draft},
    questions::{Form, Kind, Place, Question, WISH},
    said::{asked_by, managers, value},
};

/// What a turn says of a request that was sent.
#[derive(Debug, Clone, PartialEq)]
pub struct Amending {
    /// The lead as it is meant from now on.
    pub lead: Lead,
    /// What has happened.
    pub kind: AmendmentKind,
    /// Which of its lead it is.
    pub about: String,
    /// The name until now.
    pub name_before: String,
    /// Which answers have changed, and how.
    pub changes: Vec<Change>,
    /// The note that tells of it.
    pub note: String,
}

/// Files stay what they are.
pub(super) fn correctable(form: &Form) -> impl Iterator<Item = &Question> {
    form.questions().iter().filter(|question| question.kind != Kind::Files)
}

/// What a request says, in the order of the form, and the words beside the answers.
pub(super) fn answers(lead: &Lead, world: &World) -> Vec<CardAnswer> {
    let answer =
        |question: &Question| CardAnswer { question: question.key.to_owned(), value: value_of(lead, question) };
    let wish = CardAnswer { question: WISH.into(), value: lead.wish.as_ref().map(|wish| wish.as_str().to_owned()) };
    correctable(&world.form).map(answer).chain([wish]).collect()
}

/// The answer of a lead to a question, as managers read it.
pub(super) fn value_of(lead: &Lead, question: &Question) -> Option<String> {
    match question.place() {
        Place::Name => Some(lead.name.as_str().to_owned()),
        Place::Phone => Some(lead.phone.e164().to_owned()),
        Place::Budget => lead.budget.as_ref().map(|budget| budget.shown().to_owned()),
        Place::CarLink => lead.car_link.as_ref().map(crate::lead::CarLink::shown),
        Place::More => lead.more.iter().find(|more| more.key == question.key).map(|more| more.value.clone()),
    }
}

/// A draft in which every question has the lead's answer, so that whatever is said changes one of them.
pub(super) fn as_a_draft(lead: &Lead, form: &Form) -> Draft {
    let mut draft = Draft { id: lead.id, number: lead.number.clone(), ..Draft::open() };
    draft.consent_at = lead.consent_at;
    draft.wish = lead.wish.clone();
    for question in form.questions() {
        let answer = match question.place() {
            Place::Name => Answer::Name(lead.name.clone()),
            Place::Phone => Answer::Phone(lead.phone.clone()),
            Place::Budget => lead.budget.clone().map_or(Answer::Skipped, Answer::Money),
            Place::CarLink => Answer::Link(lead.car_link.clone()),
            Place::More => value_of(lead, question).map_or(Answer::Skipped, Answer::Text),
        };
        draft.answers.insert(question.key, answer);
    }
    draft
}

/// The lead with the answers of a draft where they differ, and what differs.
pub(super) fn corrected(lead: &Lead, draft: &Draft, world: &World) -> (Lead, Vec<Change>) {
    let mut lead = lead.clone();
    let mut changes = Vec::new();
    for question in correctable(&world.form) {
        let Some(answer) = draft.answers.get(question.key) else { continue };
        let (before, after) = (value_of(&lead, question), value(question, answer, world));
        if before == after {
            continue;
        }
        let label = label_of(&lead, question, world);
        match (question.place(), answer) {
            (Place::Name, Answer::Name(name)) => lead.name = name.clone(),
            (Place::Phone, Answer::Phone(phone)) => lead.phone = phone.clone(),
            (Place::Budget, Answer::Money(budget)) => lead.budget = Some(budget.clone()),
            (Place::Budget, _) => lead.budget = None,
            (Place::CarLink, Answer::Link(link)) => lead.car_link = link.clone(),
            (Place::More, _) => {
                let extra = after.clone().map(|value| Extra { key: question.key.into(), label: label.clone(), value });
                put(&mut lead.more, question.key, extra);
            }
            _ => continue,
        }
        changes.push(Change { key: question.key.to_owned(), label, before, after });
    }
    if draft.wish.is_some() && draft.wish != lead.wish {
        let words = |wish: &Option<crate::lead::Wish>| wish.as_ref().map(|wish| wish.as_str().to_owned());
        let (before, after) = (words(&lead.wish), words(&draft.wish));
        changes.push(Change { key: WISH.into(), label: "Пожелания".into(), before, after });
        lead.wish = draft.wish.clone();
    }
    let asked = asked_by(&world.form, world.words);
    lead.asked.budget = lead.asked.budget.take().or(asked.budget.filter(|_| lead.budget.is_some()));
    lead.asked.car_link = lead.asked.car_link.take().or(asked.car_link.filter(|_| lead.car_link.is_some()));
    (lead, changes)
}

/// What managers read before the answer, as in the lead's own note.
pub(super) fn label_of(lead: &Lead, question: &Question, world: &World) -> String {
    let asked = asked_by(&world.form, world.words);
    let label = match question.place() {
        Place::Budget => lead.asked.budget.clone().or(asked.budget),
        Place::CarLink => lead.asked.car_link.clone().or(asked.car_link),
        Place::Name | Place::Phone | Place::More => None,
    };
    label.unwrap_or_else(|| managers(&question.label, world.words))
}

pub(super) fn put(more: &mut Vec<Extra>, key: &str, extra: Option<Extra>) {
    let at = more.iter().position(|there| there.key == key);
    match (at, extra) {
        (Some(at), Some(extra)) => more[at] = extra,
        (Some(at), None) => drop(more.remove(at)),
        (None, Some(extra)) => more.push(extra),
        (None, None) => {}
    }
}
