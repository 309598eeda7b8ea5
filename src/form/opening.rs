//! What is said before a form is open, or before consent is given: none of it is said twice.

use super::{
    asking::{go_on, open_form, stay},
    consent_rule::ConsentRule,
    conversation::{Conversation, Outcome, World},
    draft::Step,
    no_answer::{means_nothing, says_nothing},
    noted::Noted,
};
use crate::{
    lead::{Said, Taken},
    notice::Say,
};

/// Opens a form with what a message answers of it; what answers nothing opens none.
pub(super) fn opened(conversation: Conversation, said: &Said, world: &World) -> Outcome {
    if !answers(said) {
        return stay(conversation, Vec::new(), world);
    }
    let mut conversation = open_form(conversation, world, None).conversation;
    let told = Noted::beside(&conversation, said, Taken::default(), None, world).keep(&mut conversation, &world.form);
    let mut outcome = go_on(conversation, world, Vec::new());
    let greeting = match outcome.conversation.step {
        // What was said is told when it may be kept.
        Step::Consent => std::iter::once(Say::Welcome).chain(world.consent.held()).collect(),
        Step::Confirm => Vec::from_iter(told),
        _ => std::iter::once(Say::Welcome).chain(told).collect(),
    };
    if let Some(last) = outcome.replies.last_mut() {
        last.splice(0..0, greeting);
    }
    outcome
}

/// Holds what is said before consent is given, and repeats none of it until then.
pub(super) fn held(mut conversation: Conversation, said: &Said, mut why: Vec<Say>, world: &World) -> Outcome {
    let is_document = matches!(world.consent, ConsentRule::Document(_));
    if answers(said) || is_document && is_name_alone(said) {
        if let Some(held) = world.consent.held() {
            why = vec![held];
        }
        Noted::beside(&conversation, said, Taken::default(), None, world).keep(&mut conversation, &world.form);
    }
    stay(conversation, why, world)
}

/// Goes on once consent is given, and tells what was held till then if it `is_first`.
pub(super) fn accepted(conversation: Conversation, is_first: bool, world: &World) -> Outcome {
    let told = conversation.draft.as_ref().filter(|_| is_first).and_then(Noted::held);
    let mut outcome = go_on(conversation, world, Vec::new());
    if let Some(last) = outcome.replies.last_mut() {
        last.splice(0..0, told);
    }
    outcome
}

/// Whether a message is a name and nothing else: before consent is given a yes in any words is none.
fn is_name_alone(said: &Said) -> bool {
    const YES: [&str; 16] = [
        "соглас",
        "соглаш",
        "принимаю",
        "подтвержд",
        "разреш",
        "давай",
        "начн",
        "поехали",
        "продолж",
        "понял",
        "ясно",
        "agree",
        "accept",
        "continue",
        "confirm",
        "roz",
    ];
    let is_yes = |name: &str| {
        let lower = name.to_lowercase();
        says_nothing(name)
            || means_nothing(name)
            || YES.iter().any(|yes| lower.starts_with(yes))
            || lower.starts_with("i agree")
    };
    let taken = Taken { name: true, ..Taken::default() };
    let is_name = |name: &str| said.is_given_name() || !name.chars().next().is_some_and(char::is_lowercase);
    said.name().is_some_and(|name| !is_yes(name.as_str()) && is_name(name.as_str())) && said.words(taken).is_none()
}

/// Whether a message answers something of a form.
pub(super) fn answers(said: &Said) -> bool {
    said.answers_something()
        || said.is_introduction()
        || said.words(Taken::default()).is_some_and(|words| words.asks_for_a_car())
}
