//! Where a form goes on.

use super::{
    consent_rule::ConsentRule,
    draft::{Draft, Step},
    questions::Form,
};

impl Draft {
    /// The first step that is not answered, or the card.
    pub(super) fn next_step(&self, form: &Form, consent: &ConsentRule) -> Step {
        if !consent.is_met_by(self) {
            return Step::Consent;
        }
        let open = form.questions().iter().find(|question| !self.answers.contains_key(question.key));
        open.map_or(Step::Confirm, |question| Step::Ask(question.key))
    }

    /// Whether every question is answered.
    pub fn is_complete(&self, form: &Form) -> bool {
        self.next_step(form, &ConsentRule::Nothing) == Step::Confirm
    }
}
