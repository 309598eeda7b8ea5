//! What has to be accepted before anything personal is asked, and what a form knows of its acceptance.

use chrono::{DateTime, Utc};
use sha2::{Digest, Sha256};

use super::draft::{Answer, Draft};
use crate::{
    lead::ConsentProof,
    notice::{ConsentQuestion, Say},
};

/// So many questions of one form are remembered by what they said: one for each language, and for each version.
const MOST_SHOWN: usize = 6;

/// What has to be accepted before anything personal is asked.
#[derive(Debug, Clone, Default, PartialEq)]
pub enum ConsentRule {
    /// Nothing has to be accepted.
    #[default]
    Nothing,
    /// The privacy policy, with each form.
    Policy,
    /// The dealer's document, once in each version.
    Document(Box<Asking>),
}

/// The dealer's document for one buyer, now.
#[derive(Debug, Clone, PartialEq)]
pub struct Asking {
    /// As it is asked in the buyer's language.
    pub question: ConsentQuestion,
    /// What the buyer has consented to last, in whatever version, and has not withdrawn.
    pub given: Option<GivenConsent>,
    /// What the message says whose button was pressed, where Telegram tells.
    pub pressed_text: Option<String>,
}

/// A consent that was given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GivenConsent {
    /// When it was given, UTC.
    pub at: DateTime<Utc>,
    /// To what, and by which id that is proved.
    pub proof: ConsentProof,
}

impl ConsentRule {
    /// Whether a form may go on.
    pub(super) fn is_met_by(&self, draft: &Draft) -> bool {
        match self {
            Self::Nothing => true,
            Self::Policy => draft.consent_at.is_some(),
            Self::Document(asking) => {
                draft.consent.as_ref().is_some_and(|proof| proof.version == asking.question.version)
            }
        }
    }

    /// Whoever has consented to this version with an earlier request is not asked again.
    pub(super) fn adopt(&self, draft: &mut Draft) {
        if let Self::Document(asking) = self
            && !self.is_met_by(draft)
            && let Some(given) = asking.given.as_ref().filter(|given| given.proof.version == asking.question.version)
        {
            draft.consent_at = Some(given.at);
            draft.consent = Some(given.proof.clone());
        }
    }

    /// The question that asks for it.
    pub(super) fn ask(&self) -> Say {
        match self {
            Self::Document(asking) => Say::ConsentTo(Box::new(asking.question.clone())),
            Self::Nothing | Self::Policy => Say::AskConsent,
        }
    }

    /// What is said where something of use came before the press.
    pub(super) fn held(&self) -> Option<Say> {
        matches!(self, Self::Document(_)).then_some(Say::HeldTillConsent)
    }

    /// What stands before the question where the buyer has consented to another version before.
    pub(super) fn why(&self, draft: &Draft) -> Option<Say> {
        match self {
            Self::Document(asking) if draft.consent.is_some() || asking.given.is_some() => Some(Say::ConsentChanged),
            _ => None,
        }
    }
}

impl Draft {
    /// Whether consent came before the phone, where it `is_asked` at all: only then may a form that was never sent be passed on.
    /// A phone that was written before the press was not yet asked for, so it does not count.
    pub fn has_consent_before_phone(&self, is_asked: bool) -> bool {
        !is_asked || (self.consent_at.is_some() && !self.phone_before_consent)
    }

    fn phone(&self) -> Option<&Answer> {
        self.answers.values().find(|answer| matches!(answer, Answer::Phone(_)))
    }

    /// Remembers whether the phone was there before the consent; `before` is the form before this turn.
    pub(super) fn note_order(&mut self, before: Option<&Self>, rule: &ConsentRule) {
        if self.consent_at.is_none() {
            self.phone_before_consent = *rule != ConsentRule::Nothing && self.phone().is_some();
        } else if before.is_some_and(|before| before.consent_at.is_some() && before.phone() != self.phone()) {
            self.phone_before_consent = false;
        }
    }

    /// Remembers what was shown.
    pub(super) fn note_shown(&mut self, question: &ConsentQuestion) {
        self.shown_consents.retain(|shown| !shown.is_same(question));
        if self.shown_consents.len() == MOST_SHOWN {
            self.shown_consents.remove(0);
        }
        self.shown_consents.push(question.clone());
    }

    /// What the pressed message said; the last question where Telegram does not tell.
    pub(super) fn pressed_question(&self, text: Option<&str>) -> Option<ConsentQuestion> {
        let is_it = |shown: &&ConsentQuestion| text.is_some_and(|text| text.contains(&shown.text));
        let known = self.shown_consents.iter().rev().find(is_it);
        let message = text.filter(|_| known.is_some()).map(str::to_owned);
        let question = known.or(self.shown_consents.last())?.clone();
        Some(ConsentQuestion { message: message.or(question.message), ..question })
    }

    /// Remembers the whole message in which a question was shown.
    pub fn note_message(&mut self, question: &ConsentQuestion, message: &str) {
        for shown in self.shown_consents.iter_mut().filter(|shown| shown.is_same(question)) {
            shown.message = Some(message.to_owned());
        }
    }

    pub(super) fn consents_to(&mut self, question: ConsentQuestion, now: DateTime<Utc>) {
        let id = proof_id(self, &question.version);
        self.consent = Some(ConsentProof { version: question.version.clone(), id });
        self.consent_at = Some(now);
        self.shown_consents.clear();
        self.pressed_consent = Some(question);
    }
}

/// A form consents to a version once, so a press that is taken twice is one proof.
fn proof_id(draft: &Draft, version: &str) -> String {
    format!("{:x}", Sha256::digest(format!("consent:{}:{version}", draft.id)))
}
