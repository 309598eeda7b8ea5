//! `уберите ссылку`, `удалите пожелания`: what is taken out of the form.

use std::sync::LazyLock;

use super::{
    message::{Message, is_filler},
    verdict::Anew,
};
use crate::{
    form::{
        conversation::Conversation,
        draft::Answer,
        said::{managers, value},
        words::{begins, listed},
    },
    lead::Change,
};

/// Beginnings of words that take something out of the form.
static REMOVE: LazyLock<Vec<&str>> =
    LazyLock::new(|| listed("убер убрат удал сотр стер remov delet clear erase drop olib o'chir"));

/// How the words for the manager are called, by how that begins.
static WISHES: LazyLock<Vec<&str>> = LazyLock::new(|| listed("пожелан wish istak"));

/// `уберите ссылку`, `удалите пожелания`: an answer that need not be there goes, and any other is asked again.
pub(super) fn removed(conversation: &Conversation, message: &Message) -> Option<Anew> {
    let (draft, world) = (conversation.draft.as_ref()?, message.world);
    let is_removed = message.words.first().is_some_and(|word| begins(word, &REMOVE) || is_filler(word))
        && message.words.iter().any(|word| begins(word, &REMOVE));
    if !is_removed || message.is_asked_for_words() {
        return None;
    }
    let is_said = |word: &String| {
        begins(word, &REMOVE) || begins(word, &WISHES) || is_filler(word) || message.is_of_a_label(word)
    };
    if !message.words.iter().all(is_said) {
        return None;
    }
    let mut changed = conversation.clone();
    let to = changed.draft.as_mut()?;
    let change = if message.words.iter().any(|word| begins(word, &WISHES)) {
        to.drop_wish()?
    } else {
        let mut named = message.questions().filter(|question| message.names(question));
        let (question, None) = (named.next()?, named.next()) else { return None };
        if !question.optional {
            return Some(Anew::Wrong { key: question.key, why: None });
        }
        let before = value(question, draft.answers.get(question.key)?, world)?;
        to.answers.insert(question.key, Answer::skipped(question));
        let label = managers(&question.label, world.words);
        Change { key: question.key.into(), label, before: Some(before), after: None }
    };
    Some(Anew::Changed { changes: vec![change], conversation: Box::new(changed), rest: None })
}
