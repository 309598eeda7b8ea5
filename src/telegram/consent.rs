//! Consent as the handlers need it: what a buyer is asked, and the proof that a press makes.

use teloxide::types::{CallbackQuery, MaybeInaccessibleMessage};

use crate::{
    clock::Millis,
    consent::ConsentDocuments,
    form::{Asking, ConsentRule, Conversation, Outcome},
    notice::Say,
    store::{Dialogues, NewConsent, StoreError},
    wording::{Lang, Wording, render_reply},
};

/// A pressed button, where one was.
#[derive(Debug, Clone, Default)]
pub(super) struct PressedOn {
    /// The callback query.
    pub id: Option<String>,
    /// What the message says that it is on, where Telegram tells.
    pub text: Option<String>,
}

impl PressedOn {
    pub fn of(query: &CallbackQuery) -> Self {
        let text = match &query.message {
            Some(MaybeInaccessibleMessage::Regular(message)) => message.text().map(str::to_owned),
            _ => None,
        };
        Self { id: Some(query.id.0.clone()), text }
    }
}

/// What this buyer has to accept, as it stands with the documents.
pub(super) async fn rule(
    documents: Option<&ConsentDocuments>,
    has_policy: bool,
    dialogues: &Dialogues,
    (conversation, user_id): (&Conversation, i64),
    (lang, pressed): (Lang, &PressedOn),
) -> Result<ConsentRule, StoreError> {
    let Some(documents) = documents else {
        return Ok(if has_policy { ConsentRule::Policy } else { ConsentRule::Nothing });
    };
    let proof = conversation.draft.as_ref().and_then(|draft| draft.consent.as_ref());
    let given = match proof {
        Some(proof) if proof.version == documents.version() => None,
        _ => dialogues.consent_of(user_id).await?,
    };
    let asking = Asking { question: documents.question(lang), given, pressed_text: pressed.text.clone() };
    Ok(ConsentRule::Document(Box::new(asking)))
}

/// Keeps with the form what is said before the question, in one message with it: what is proved is all that was shown.
pub(super) fn note_messages(outcome: &mut Outcome, lang: Lang, wording: &Wording) {
    let Some(draft) = &mut outcome.conversation.draft else { return };
    for reply in &outcome.replies {
        if let Some(Say::ConsentTo(question)) = reply.last() {
            draft.note_message(question, &render_reply(reply, lang, wording).text);
        }
    }
}

/// The proof of what a turn has consented to, to be committed with it.
pub(super) fn proof(
    conversation: &mut Conversation,
    (user_id, bot): (i64, &str),
    (question_id, press_id): (Option<i32>, Option<&String>),
    (update_id, given_at): (u32, Millis),
) -> Option<NewConsent> {
    let draft = conversation.draft.as_mut()?;
    let question = draft.pressed_consent.take()?;
    Some(NewConsent {
        id: draft.consent.as_ref()?.id.clone(),
        user_id,
        question,
        bot: bot.to_owned(),
        question_id,
        press_id: press_id.cloned(),
        update_id: i64::from(update_id),
        given_at,
    })
}
