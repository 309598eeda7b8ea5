//! Dialogues as teloxide's `Storage`: one update of a dialogue is one commit of everything it leads to.
//!
//! What is stored is read tolerantly: a step that this version does not know, or answers it cannot read, never lock a
//! chat out; the form goes on at the first answer that is missing.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use futures::future::BoxFuture;
use serde::Serialize;
use serde_json::Value;
use teloxide::{dispatching::dialogue::Storage, types::ChatId};
use thiserror::Error;

use crate::{
    clock::Millis,
    config::LeadLimits,
    form::{
        Amending, Conversation, Correcting, Form, Passed, Step, TakenText, Told,
        stored::{draft_json, read, read_draft, read_step, step_name},
    },
    lead::{AmendmentKind, LeadNumber, SourceCode},
    notice::{AdminNotice, LeadCopy, Notice, Say},
    store::{
        Dialogue, Dialogues, NewAmendment, NewConsent, NewLead, NewMessage, NewSpeech, NewWithdrawal, StoreError, Turn,
        TurnOutcome,
    },
    wording::Lang,
};

use super::outbox::{Fresh, HandOver};

/// The answer to an album waits so long for further parts of it. Not scaled, as no server's pace is.
const ALBUM_PAUSE: Duration = Duration::from_millis(1500);

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
    pub told_in: Option<i64>,
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

/// Why a dialogue could not be stored.
#[derive(Debug, Error)]
pub enum StorageError {
    /// The store did not do it.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Another lead has this number: draw a new one.
    #[error("the number is taken")]
    NumberTaken,
    /// The person has sent too many requests: keep the form.
    #[error("this person has sent too many requests")]
    TooMany {
        /// From when on the next is taken.
        again_at: Millis,
    },
    /// Another process has taken a turn of this chat meanwhile: begin with what it has stored.
    #[error("another process has taken a turn of this chat")]
    Overtaken,
}

/// Teloxide's view of the store; clones share it.
#[derive(Debug, Clone)]
pub struct DialogueStorage {
    dialogues: Dialogues,
    /// What buyers are asked.
    form: Form,
    outbox: HandOver,
    recent: Arc<Mutex<Recent>>,
}

impl DialogueStorage {
    /// A view that hands the answers of committed turns over to the outbox.
    pub fn new(dialogues: Dialogues, form: Form, outbox: HandOver) -> Self {
        Self { dialogues, form, outbox, recent: Arc::default() }
    }

    fn recent(&self) -> MutexGuard<'_, Recent> {
        self.recent.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Commits a chat's turn with the messages that answer it.
    async fn commit(&self, chat_id: i64, chat: &Chat) -> Result<(), StorageError> {
        let replies = chat.replies.iter().map(|reply| Notice::Reply(reply.clone()));
        let finished = chat.amending.iter().filter(|amending| amending.kind == AmendmentKind::Finished);
        let sent = chat.lead.iter().map(|new| &new.lead).chain(finished.map(|amending| &amending.lead));
        let accepted = sent.map(|lead| Notice::Accepted { number: lead.number.clone() });
        let clock = self.dialogues.clock();
        // Parts of an album come within moments of each other.
        let due_at = clock.now() + chat.album.as_ref().map_or(0, |_| ALBUM_PAUSE.as_millis() as i64);
        let messages = replies.chain(accepted).map(|notice| NewMessage { chat_id, notice, due_at }).collect();
        let told = chat.lead.as_ref().zip(chat.told_in).map(|(new, chat_id)| {
            let notice = Notice::Admin(AdminNotice::NewLead { lead: LeadCopy::of(&new.lead) });
            NewMessage { chat_id, notice, due_at }
        });
        let amended = chat.amending.as_ref().zip(chat.told_in).and_then(|(amending, chat_id)| {
            let notice = Notice::Admin(notice_of(amending)?);
            Some(NewMessage { chat_id, notice, due_at })
        });
        let turn = Turn {
            chat_id,
            after: chat.after,
            dialogue: chat.to_stored(&self.form),
            lead: chat.lead.clone(),
            withdrawal: chat.withdrawal.clone(),
            consent: chat.consent.clone(),
            amendment: chat.amending.as_ref().map(NewAmendment::from),
            speech: chat.speech.clone(),
            limits: chat.limits,
            messages,
            told: told.or(amended),
            pressed: chat.pressed,
            instead_of: chat.album.clone(),
            only_instead: chat.album_goes_on,
        };
        match self.dialogues.commit(&turn).await? {
            TurnOutcome::Committed(messages) => {
                if chat.album.is_some() {
                    // What waits is found by a look when its time has come.
                    let dialogues = self.dialogues.clone();
                    tokio::spawn(async move {
                        tokio::time::sleep(ALBUM_PAUSE).await;
                        dialogues.wake_outbox();
                    });
                } else if !messages.is_empty() {
                    self.outbox.push(Fresh { lang: chat.lang, messages });
                }
                Ok(())
            }
            TurnOutcome::NumberTaken => Err(StorageError::NumberTaken),
            TurnOutcome::TooMany { again_at } => Err(StorageError::TooMany { again_at }),
            TurnOutcome::Overtaken => Err(StorageError::Overtaken),
        }
    }
}

/// So many dialogues of two kinds, young and old, are remembered, for so long each.
const REMEMBERED: usize = 500;
const REMEMBERED_FOR: Duration = Duration::from_secs(300);

/// The dialogues that were committed last, so that the next turn of a chat needs no look. Whatever else has written a
/// dialogue meanwhile (another process, somebody who is forgotten): the commit of a turn finds that it is not the one it
/// goes on from, and the chat is read again.
#[derive(Debug)]
struct Recent {
    young: HashMap<i64, Chat>,
    old: HashMap<i64, Chat>,
    since: Instant,
}

impl Default for Recent {
    fn default() -> Self {
        Self { young: HashMap::new(), old: HashMap::new(), since: Instant::now() }
    }
}

impl Recent {
    fn age(&mut self) {
        if self.young.len() >= REMEMBERED || self.since.elapsed() >= REMEMBERED_FOR {
            self.old = std::mem::take(&mut self.young);
            self.since = Instant::now();
        }
    }

    fn get(&mut self, chat_id: i64) -> Option<Chat> {
        self.age();
        self.young.get(&chat_id).or_else(|| self.old.get(&chat_id)).cloned()
    }

    fn remove(&mut self, chat_id: i64) {
        self.young.remove(&chat_id);
        self.old.remove(&chat_id);
    }

    /// Remembers a chat as it was committed, without what is never read back.
    fn insert(&mut self, chat_id: i64, chat: Chat) {
        self.age();
        let after = chat.last_update.map(|(id, at)| (i64::from(id), at));
        let Chat { conversation, lang, chosen, last_update, .. } = chat;
        let committed = Chat { conversation, lang, chosen, last_update, after, ..Chat::default() };
        self.young.insert(chat_id, committed);
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
    fn to_stored(&self, form: &Form) -> Dialogue {
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

/// What managers are told of it.
fn notice_of(amending: &Amending) -> Option<AdminNotice> {
    let number = amending.lead.number.clone();
    match amending.kind {
        AmendmentKind::Corrected => Some(AdminNotice::Corrected { number, changes: amending.changes.clone() }),
        AmendmentKind::TakenBack => Some(AdminNotice::TakenBack { number }),
        AmendmentKind::Finished => Some(AdminNotice::Finished { lead: LeadCopy::of(&amending.lead) }),
        AmendmentKind::Supplemented | AmendmentKind::Repeated | AmendmentKind::KnownBuyer => None,
    }
}

impl Storage<Chat> for DialogueStorage {
    type Error = StorageError;

    fn remove_dialogue(self: Arc<Self>, chat_id: ChatId) -> BoxFuture<'static, Result<(), Self::Error>> {
        Box::pin(async move {
            self.recent().remove(chat_id.0);
            Ok(self.dialogues.remove(chat_id.0).await?)
        })
    }

    fn update_dialogue(self: Arc<Self>, chat_id: ChatId, chat: Chat) -> BoxFuture<'static, Result<(), Self::Error>> {
        Box::pin(async move {
            // Not known while it is under way, and not known when it is cut off.
            self.recent().remove(chat_id.0);
            self.commit(chat_id.0, &chat).await?;
            self.recent().insert(chat_id.0, chat);
            Ok(())
        })
    }

    fn get_dialogue(self: Arc<Self>, chat_id: ChatId) -> BoxFuture<'static, Result<Option<Chat>, Self::Error>> {
        Box::pin(async move {
            if let Some(recent) = self.recent().get(chat_id.0) {
                return Ok(Some(recent));
            }
            Ok(self.dialogues.of_chat(chat_id.0).await?.as_ref().map(|stored| Chat::from_stored(stored, &self.form)))
        })
    }
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;

    use super::*;
    use crate::{clock::Clock, form::Draft, notice::Ask, store::Store};

    fn stored(step: &str, draft: &str) -> Dialogue {
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

    #[tokio::test]
    async fn what_is_wiped_without_consent_does_not_come_back_from_memory() {
        let folder = tempfile::tempdir().expect("a folder");
        let store = Store::open_file(&folder.path().join("store.sqlite"), Clock::default()).await.expect("a store");
        let form = Form::default();
        let storage = Arc::new(DialogueStorage::new(store.dialogues(), form.clone(), HandOver::default()));
        let document = serde_json::json!({"draft": {
            "id": "01J7ABCDEFGHJKMNPQRSTVWXYZ", "number": "K7M2QXA", "name": "Иван",
            "shown_consents": [{"version": "1", "document": "c.md", "document_lang": "ru", "lang": "ru", "text": "?", "button": "!"}],
        }});
        let chat = ChatId(5);
        let before = Chat {
            last_update: Some((8, 2)),
            after: None,
            ..Chat::from_stored(&stored("consent", &document.to_string()), &form)
        };
        storage.clone().update_dialogue(chat, before).await.expect("a turn");
        assert_eq!(store.personal_data().wipe_without_consent(i64::MAX).await.expect("a wipe"), 1);

        let remembered = storage.clone().get_dialogue(chat).await.expect("a chat").expect("it is remembered");
        let next = Chat { last_update: Some((9, 3)), ..remembered };
        let refused = storage.clone().update_dialogue(chat, next).await;
        assert!(matches!(refused, Err(StorageError::Overtaken)), "{refused:?}");
        let read = storage.get_dialogue(chat).await.expect("a chat").expect("it is stored");
        let draft = read.conversation.draft.expect("the form is still open");
        assert!(draft.answers.is_empty() && !draft.shown_consents.is_empty(), "{draft:?}");
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
