//! A chat as it is stored, in the JSON of every version.
//!
//! It is read tolerantly: a step that this version does not know, or answers it cannot read, never lock a chat out; the form
//! goes on at the first answer that is missing.

use serde::Serialize;
use serde_json::Value;

use crate::{
    clock::Millis,
    config::LeadLimits,
    form::{
        Amending, Conversation, Correcting, Form, Passed, Step, TakenText, Told,
        stored::{draft_json, read, read_draft, read_step, step_name},
    },
    lead::{ChatRef, LeadNumber, SourceCode},
    notice::Say,
    store::{Dialogue, NewConsent, NewLead, NewSpeech, NewWithdrawal},
    wording::Lang,
};

/// A chat: its conversation, the update that made it so, and what that update leads to.
#[derive(Debug, Clone)]
pub struct Chat {
    /// The conversation.
    pub conversation: Conversation,
    /// The buyer's language: what was chosen, else what the phone says.
    pub lang: Lang,
    /// The language that the buyer has chosen by `/language`.
    pub chosen: Option<Lang>,
    /// The last update taken, and when.
    pub last_update: Option<(u32, Millis)>,
    /// The last update of the stored dialogue that this one goes on from, and when it was taken.
    pub after: Option<(i64, Millis)>,
    /// What it is answered with; read back only where a version has stored it that had no outbox for it.
    pub replies: Vec<Vec<Say>>,
    /// The album that it answers as far as it has come: the answer to the next part takes its place. Never read back.
    pub album: Option<String>,
    /// The answer has nothing to tell that the one to an earlier part does not; never read back.
    pub album_goes_on: bool,
    /// The message whose button was pressed, which is over; never read back.
    pub pressed: Option<i32>,
    /// The lead it submits; never read back.
    pub lead: Option<NewLead>,
    /// What it says of a request that was sent; never read back.
    pub amending: Option<Amending>,
    /// What it says after a request was sent; never read back.
    pub speech: Option<NewSpeech>,
    /// Its person withdraws their consent; never read back.
    pub withdrawal: Option<NewWithdrawal>,
    /// Its person consents; never read back.
    pub consent: Option<NewConsent>,
    /// How many its person may submit; never read back.
    pub limits: LeadLimits,
    /// The chat that is told of the lead; never read back.
    pub told_in: Option<ChatRef>,
}

impl Default for Chat {
    fn default() -> Self {
        Self {
            conversation: Conversation::idle(None),
            lang: Lang::default(),
            chosen: None,
            last_update: None,
            after: None,
            replies: Vec::new(),
            album: None,
            album_goes_on: false,
            pressed: None,
            lead: None,
            amending: None,
            speech: None,
            withdrawal: None,
            consent: None,
            limits: LeadLimits::default(),
            told_in: None,
        }
    }
}

#[derive(Serialize)]
struct StoredDraft<'a> {
    draft: Option<Value>,
    last_number: Option<&'a LeadNumber>,
    lang: Lang,
    #[serde(skip_serializing_if = "Option::is_none")]
    chosen_lang: Option<Lang>,
    taken: Option<&'a TakenText>,
    changing: bool,
    passed: &'a Passed,
    #[serde(skip_serializing_if = "Option::is_none")]
    correcting: Option<&'a Correcting>,
    #[serde(skip_serializing_if = "Option::is_none")]
    source: Option<&'a SourceCode>,
    #[serde(skip_serializing_if = "Option::is_none")]
    told: Option<&'a Told>,
}

impl Chat {
    /// As it is stored.
    pub(super) fn to_stored(&self, form: &Form) -> Dialogue {
        let stored = StoredDraft {
            draft: self.conversation.draft.as_ref().map(|draft| draft_json(draft, form, Lang::all_words)),
            last_number: self.conversation.last_number.as_ref(),
            lang: self.lang,
            chosen_lang: self.chosen,
            taken: self.conversation.taken.as_ref(),
            changing: self.conversation.changing,
            passed: &self.conversation.passed,
            correcting: self.conversation.correcting.as_ref(),
            source: self.conversation.source.as_ref(),
            told: self.conversation.told.as_ref(),
        };
        let (update_id, update_at) = self.last_update.unwrap_or_default();
        Dialogue {
            step: step_name(self.conversation.step).into_owned(),
            draft: crate::store::json(&stored),
            update_id: i64::from(update_id),
            update_at,
            // It is in the outbox.
            replies: None,
        }
    }

    /// Reads what any version stored.
    pub fn from_stored(stored: &Dialogue, form: &Form) -> Self {
        let document: Value = serde_json::from_str(&stored.draft).unwrap_or_default();
        let draft = read_draft(&document["draft"], form, Lang::all_words);
        let step = read_step(&stored.step, draft.as_ref(), form);
        // Earlier versions did not say so: there a complete form stood at a question only to change it.
        let is_complete = || draft.as_ref().is_some_and(|draft| draft.is_complete(form));
        let changing = read(&document["changing"]).unwrap_or_else(|| matches!(step, Step::Ask(_)) && is_complete());
        Self {
            conversation: Conversation {
                step,
                draft,
                last_number: read(&document["last_number"]),
                taken: read(&document["taken"]),
                changing,
                passed: read(&document["passed"]).unwrap_or_default(),
                correcting: read(&document["correcting"]),
                source: read(&document["source"]),
                told: read(&document["told"]),
            },
            lang: read(&document["lang"]).unwrap_or_default(),
            chosen: read(&document["chosen_lang"]),
            last_update: u32::try_from(stored.update_id).ok().map(|id| (id, stored.update_at)),
            after: Some((stored.update_id, stored.update_at)),
            replies: stored
                .replies
                .as_deref()
                .and_then(|replies| serde_json::from_str(replies).ok())
                .unwrap_or_default(),
            ..Self::default()
        }
    }
}

#[cfg(test)]
pub(super) mod tests {
    use chrono::DateTime;

    use super::*;
    use crate::{form::Draft, notice::Ask};

    /// A dialogue at a step, with a draft as its JSON.
    pub fn stored(step: &str, draft: &str) -> Dialogue {
        Dialogue { step: step.into(), draft: draft.into(), update_id: 7, update_at: 1, replies: Some("[1]".into()) }
    }

    #[test]
    fn no_stored_dialogue_locks_a_chat_out() {
        let name = r#"{"draft":{"name":"Иван","phone":{"strange":1}}}"#;
        for (step, draft, expected) in [
            ("name", name, Step::Ask("name")),
            ("car_colour", name, Step::Ask("phone")),
            ("confirm", name, Step::Ask("phone")),
            ("", "", Step::Idle),
            ("phone", "not json", Step::Idle),
            ("idle", r#"{"draft":null,"last_number":5}"#, Step::Idle),
            ("idle", r#"{"draft":null,"source":"a b"}"#, Step::Idle),
        ] {
            let chat = Chat::from_stored(&stored(step, draft), &Form::default());
            assert_eq!(chat.conversation.step, expected, "{step} {draft}");
            assert_eq!(chat.conversation.draft.is_none(), expected == Step::Idle);
        }
    }

    #[test]
    fn what_is_stored_is_read_back() {
        let form = Form::default();
        let mut chat = Chat { last_update: Some((9, 100)), lang: Lang::en(), ..Chat::default() };
        chat.conversation = Conversation {
            step: Step::Ask("name"),
            draft: Some(Draft::open()),
            last_number: None,
            taken: Some(TakenText::new("Иван", DateTime::UNIX_EPOCH, DateTime::UNIX_EPOCH)),
            changing: false,
            correcting: Some(Correcting {
                number: LeadNumber::parse("K7M2QXA").expect("a number"),
                key: "phone".into(),
                given: None,
            }),
            passed: serde_json::from_value(serde_json::json!({"opened": 7, "pressed": [7, "skip"]})).expect("messages"),
            source: SourceCode::parse("avito"),
            told: read(&serde_json::json!({"at": "2026-11-23T10:30:00Z", "full": true})),
        };
        assert!(chat.conversation.told.is_some());
        chat.replies = vec![vec![
            Say::Welcome,
            Say::Ask(Ask { question: "name".into(), editing: false, kept: None, offered: None }),
        ]];
        let read = Chat::from_stored(&chat.to_stored(&form), &form);
        assert_eq!(read.conversation, chat.conversation);
        assert_eq!((read.lang, read.last_update), (chat.lang, chat.last_update));
        assert!(read.replies.is_empty(), "they are in the outbox");
        let by_an_older_version =
            Dialogue { replies: Some(crate::store::json(&chat.replies)), ..chat.to_stored(&form) };
        assert_eq!(Chat::from_stored(&by_an_older_version, &form).replies, chat.replies);
    }
}
