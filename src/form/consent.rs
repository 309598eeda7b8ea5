//! Consent: what has to be there before anything personal is asked, and what a press of its button says.
//!
//! What a buyer writes before that is held with the form and not used: it is told back, asked for, shown to anybody or passed
//! on only after the press, and it goes when the buyer declines, or has not pressed within a day.

use super::{
    asking::stay,
    consent_rule::ConsentRule,
    conversation::{Conversation, Outcome, World},
    draft::Step,
    opening::accepted,
};
use crate::notice::Say;

/// The button was pressed.
pub(super) fn accept(mut conversation: Conversation, world: &World) -> Outcome {
    let Some(draft) = &mut conversation.draft else { return stay(conversation, vec![Say::OldButton], world) };
    let is_first = draft.consent_at.is_none();
    match &world.consent {
        ConsentRule::Nothing => {}
        ConsentRule::Policy => draft.consent_at = Some(world.now),
        ConsentRule::Document(asking) => {
            let pressed = draft.pressed_question(asking.pressed_text.as_deref());
            match pressed.filter(|pressed| pressed.version == asking.question.version) {
                Some(question) => draft.consents_to(question, world.now),
                // It stood under another version, or under the policy alone.
                None => return stay(conversation, vec![Say::ConsentChanged], world),
            }
        }
    }
    accepted(conversation, is_first, world)
}

/// The document itself, and the question that is open once more under it.
pub(super) fn show_document(conversation: Conversation, world: &World) -> Outcome {
    let ConsentRule::Document(asking) = &world.consent else {
        return stay(conversation, vec![Say::OldButton], world);
    };
    let lang = &asking.question.document_lang;
    let part = |part| vec![Say::ConsentDocument { lang: lang.clone(), part }];
    let mut replies: Vec<Vec<Say>> = (0..asking.question.shown_in).map(part).collect();
    let open = stay(conversation, Vec::new(), world);
    if open.conversation.step != Step::Idle {
        replies.extend(open.replies);
    }
    Outcome { conversation: open.conversation, replies, lead: None }
}

/// Whole messages that decline, with the signs around their words taken away.
const NO: &[&str] = &[
    "нет",
    "не согласен",
    "не согласна",
    "нет не согласен",
    "нет не согласна",
    "не даю",
    "не даю согласие",
    "не даю согласия",
    "не хочу",
    "отказываюсь",
    "отказ",
    "no",
    "no thanks",
    "i do not agree",
    "i don t agree",
    "i disagree",
    "disagree",
    "i decline",
    "decline",
    "yoq",
    "yo q",
    "roziman emas",
    "rozi emasman",
];

/// Whether a whole message declines.
pub(super) fn is_no(text: &str) -> bool {
    let apart: String =
        text.to_lowercase().chars().map(|sign| if sign.is_alphanumeric() { sign } else { ' ' }).collect();
    NO.contains(&apart.split_whitespace().collect::<Vec<_>>().join(" ").as_str())
}

/// Whether the buyer stands before the document for the first time, so that nothing is lost by a no.
pub(super) fn is_first_asked(conversation: &Conversation, world: &World) -> bool {
    let is_document = matches!(world.consent, ConsentRule::Document(_));
    is_document
        && conversation.step == Step::Consent
        && conversation.draft.as_ref().is_some_and(|draft| draft.consent_at.is_none())
}
