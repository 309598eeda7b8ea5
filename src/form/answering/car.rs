//! What is typed where a link is asked: a link, that there is none, or words about the car.

use crate::{
    form::{
        anew::stays_as_it_was,
        asking::stay,
        conversation::{Conversation, Outcome, World},
        draft::Answer,
        no_answer::{has_none, means_nothing, says_nothing},
        noted::{Noted, add_wish},
        questions::Question,
        taking::{note, skip, take, take_noting},
    },
    lead::{CarLink, CarLinkError, Said, Taken},
    notice::Say,
};

/// A link, that there is none, or words about the car, which answer the question as well.
pub(super) fn take_car(
    mut conversation: Conversation,
    question: &Question,
    text: &str,
    links: &[String],
    said: &Said,
    world: &World,
) -> Outcome {
    let noted = Noted::beside(&conversation, said, Taken::default(), Some(question), world);
    if let Some(link) = said.link().cloned() {
        // The note has the answer as it was typed, unless it holds other answers, too.
        let is_alone = said.phone().is_none() && said.money().is_none();
        let whole = CarLink::find(text, links).ok().flatten().filter(|_| is_alone);
        let link = whole.unwrap_or(link);
        return take_noting(conversation, question, Answer::Link(Some(link)), noted, world);
    }
    let has_link = conversation.draft.as_ref().is_some_and(|draft| draft.answers.contains_key(question.key));
    match CarLink::find(text, links) {
        // Whoever changes it and puts that off takes back nothing.
        _ if !has_link
            && links.is_empty()
            && text.contains(char::is_alphanumeric)
            && (means_nothing(text) || has_none(text)) =>
        {
            return skip(conversation, question, world);
        }
        Ok(None) => return take(conversation, question, Answer::Link(None), Vec::new(), world),
        Err(CarLinkError::TooLong) => return stay(conversation, vec![Say::LinkTooLong], world),
        _ => {}
    }
    let wish = said.words(noted.taken()).filter(|words| words.says_something() || !noted.is_empty());
    let Some(wish) = wish.filter(|_| !says_nothing(text)) else {
        return note(conversation, noted, vec![Say::NoLinkFound], world);
    };
    let stays = stays_as_it_was(&conversation, said, world);
    let told = noted.with_wish(None).keep(&mut conversation, &world.form);
    let mut kept = Answer::Link(None);
    if let Some(draft) = &mut conversation.draft {
        add_wish(draft, wish);
        // Whoever says more about the car does not take its link back.
        kept = draft.answers.remove(question.key).unwrap_or(kept);
    }
    let first = told.into_iter().chain([Say::WishTaken]).chain(stays).collect();
    take(conversation, question, kept, vec![first], world)
}
