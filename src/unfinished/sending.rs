//! What there is of a form that was left becomes a lead, marked as unfinished, under the form's own id and number: whoever
//! finishes it later finishes that request.
//!
//! A form is sent by one commit, which holds only if nobody has touched it since it was read; the turn that comes next finds in
//! its draft that it was sent. What is not sent as it stands is not looked at again before its buyer goes on.

use std::{collections::HashMap, time::Duration};

use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use super::LOOK;
use crate::{
    clock::{Millis, date},
    config::LeadLimits,
    form::{
        Draft, Form,
        stored::{AllWords, SENT_UNFINISHED, read, read_draft},
        supplemented, unfinished_lead,
    },
    lead::{Buyer, ChatRef, Lead, LeadNumber, SourceCode, Sources},
    notice::{AdminNotice, LeadCopy, Notice, Recipient, Recipients},
    store::{Dialogues, LeftForm, NewAmendment, NewLead, NewMessage, SentUnfinished, StoreError, UnfinishedOutcome},
    telemetry::lead_span,
};

/// Sends what there is of forms.
#[derive(Debug)]
pub struct UnfinishedSender {
    /// Where the forms are.
    pub dialogues: Dialogues,
    /// What is asked.
    pub form: Form,
    /// Its words in every language.
    pub words: AllWords,
    /// What the codes of links stand for.
    pub sources: Sources,
    /// Whether consent is asked, or the privacy policy accepted.
    pub asks_consent: bool,
    /// After so long without a word.
    pub after: Duration,
    /// How many requests one person may send.
    pub limits: LeadLimits,
    /// Who is told of new leads.
    pub recipients: Recipients,
}

/// Forms whose person has sent too many requests, as they were last touched, and when each is looked at again: not at every
/// look until then.
#[derive(Debug, Default)]
pub struct Waiting(HashMap<(ChatRef, (i64, Millis)), Millis>);

impl Waiting {
    fn of(left: &LeftForm) -> (ChatRef, (i64, Millis)) {
        (left.chat, left.update)
    }
}

/// Whether what there is of a form may be passed on, where consent is asked or not.
fn may_be_sent(draft: &Draft, step: &str, asks_consent: bool) -> bool {
    // Whoever is asked once more has not consented to what is asked now.
    let is_asked_again = asks_consent && step == "consent";
    !is_asked_again && draft.has_consent_before_phone(asks_consent)
}

impl UnfinishedSender {
    /// Runs until stopped.
    pub async fn run(self, stop: CancellationToken) {
        let clock = self.dialogues.clock();
        let mut waiting = Waiting::default();
        while !stop.is_cancelled() {
            if let Err(error) = self.look_but_for(&mut waiting).await {
                warn!(%error, "forms that were left are sent later");
            }
            tokio::select! {
                () = tokio::time::sleep(clock.period(LOOK)) => {}
                () = stop.cancelled() => {}
            }
        }
    }

    /// Sends what is due now; returns how many.
    pub async fn look(&self) -> Result<usize, StoreError> {
        self.look_but_for(&mut Waiting::default()).await
    }

    /// The same, but for forms that wait for a limit.
    pub async fn look_but_for(&self, waiting: &mut Waiting) -> Result<usize, StoreError> {
        let clock = self.dialogues.clock();
        let until = clock.now() - clock.millis(self.after);
        let mut sent = 0;
        let left = self.dialogues.forms_to_send(until).await?;
        waiting.0.retain(|of, again_at| *again_at > clock.now() && left.iter().any(|left| Waiting::of(left) == *of));
        for left in left {
            if !waiting.0.contains_key(&Waiting::of(&left)) {
                sent += usize::from(self.send(left, clock.now(), waiting).await?);
            }
        }
        Ok(sent)
    }

    async fn send(&self, left: LeftForm, now: Millis, waiting: &mut Waiting) -> Result<bool, StoreError> {
        let Some((mut document, draft, lead)) = self.what_there_is(&left, now) else {
            self.dialogues.passed_over(&left).await?;
            return Ok(false);
        };
        document["draft"][SENT_UNFINISHED] = true.into();
        let mut sent = SentUnfinished {
            left,
            draft: String::new(),
            lead: None,
            amendment: None,
            limits: self.limits_of(&lead),
            told: None,
        };
        match draft.sent_unfinished {
            false => sent.lead = Some(NewLead::fresh(lead)),
            true => {
                let known = self.dialogues.sent_unfinished(draft.id).await?;
                let more = known.and_then(|known| supplemented(&known, lead, sent.left.update.0));
                let Some(more) = more else {
                    self.dialogues.passed_over(&sent.left).await?;
                    return Ok(false);
                };
                sent.amendment = Some(NewAmendment::from(&more));
            }
        }
        let told_in = match self.dialogues.tell_new_leads().await? {
            true => self.recipients.chat(Recipient::Operator),
            false => None,
        };
        loop {
            sent.draft = document.to_string();
            sent.told = sent.lead.as_ref().zip(told_in).map(|(new, chat)| {
                let notice = Notice::Admin(AdminNotice::NewLead { lead: LeadCopy::of(&new.lead) });
                NewMessage { chat, notice, due_at: now }
            });
            match self.dialogues.send_unfinished(&sent).await? {
                UnfinishedOutcome::Sent => break,
                // Nobody has seen the number yet.
                UnfinishedOutcome::NumberTaken => {
                    let number = LeadNumber::random();
                    document["draft"]["number"] = json!(number);
                    sent.lead.iter_mut().for_each(|new| new.lead.number = number.clone());
                }
                UnfinishedOutcome::TooMany(again_at) => {
                    waiting.0.insert(Waiting::of(&sent.left), again_at);
                    return Ok(false);
                }
                UnfinishedOutcome::Overtaken => return Ok(false),
            }
        }
        if let Some(new) = &sent.lead {
            lead_span(&new.lead.number).in_scope(|| info!("a form that was left is sent as it is"));
        }
        Ok(true)
    }

    /// The dialogue of a form, its draft, and the lead that can be made of it.
    fn what_there_is(&self, left: &LeftForm, now: Millis) -> Option<(Value, Draft, Lead)> {
        let document: Value = serde_json::from_str(&left.draft).ok()?;
        // A draft without an id of its own would be another lead each time.
        read::<ulid::Ulid>(&document["draft"]["id"])?;
        let draft = read_draft(&document["draft"], &self.form, self.words)?;
        if !may_be_sent(&draft, &left.step, self.asks_consent) {
            return None;
        }
        let buyer = draft
            .buyer
            .clone()
            .unwrap_or_else(|| Buyer::new(left.chat.user().unwrap_or_default(), Some(left.chat), None, None));
        let lead = unfinished_lead(&draft, &self.form, self.words, date(now), buyer)?;
        let source = read::<SourceCode>(&document["source"]).map(|code| self.sources.of(&code));
        Some((document, draft, Lead { source, ..lead }))
    }

    /// The admin tries the bot out as often as it takes.
    fn limits_of(&self, lead: &Lead) -> LeadLimits {
        let is_admin = lead.buyer.chat.is_some() && self.recipients.chat(Recipient::Operator) == lead.buyer.chat;
        if is_admin { LeadLimits::default() } else { self.limits }
    }
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;

    use super::*;

    #[test]
    fn only_consent_before_the_phone_lets_a_form_be_passed_on() {
        let at = Some(DateTime::UNIX_EPOCH);
        for (asks, consent_at, phone_before, step, may) in [
            (false, None, false, "budget", true),
            (false, None, true, "confirm", true),
            (true, at, false, "budget", true),
            (true, at, false, "confirm", true),
            (true, at, true, "confirm", false),
            (true, None, false, "budget", false),
            (true, None, true, "consent", false),
            // Asked for another version.
            (true, at, false, "consent", false),
            // It is not asked any more.
            (false, None, true, "consent", true),
        ] {
            let draft = Draft { consent_at, phone_before_consent: phone_before, ..Draft::open() };
            assert_eq!(may_be_sent(&draft, step, asks), may, "{asks} {consent_at:?} {phone_before} {step}");
        }
    }
}
