//! Dialogues as teloxide's `Storage`: one update of a dialogue is one commit of everything it leads to.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use futures::future::BoxFuture;
use teloxide::{dispatching::dialogue::Storage, types::ChatId};
use thiserror::Error;

use crate::{
    clock::Millis,
    form::{Amending, Form},
    lead::{AmendmentKind, ChatRef},
    notice::{AdminNotice, LeadCopy, Notice},
    store::{Dialogues, NewAmendment, NewMessage, StoreError, Turn, TurnOutcome},
};

use super::{
    chat::Chat,
    outbox::{Fresh, HandOver},
    recent::Recent,
};

/// How long the answer to an album waits for further parts of it. Not scaled, as no server's pace is.
const ALBUM_PAUSE: Duration = Duration::from_millis(1500);

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
    /// The dialogues that were committed last.
    recent: Arc<Mutex<Recent<Chat>>>,
}

impl DialogueStorage {
    /// A view that hands the answers of committed turns over to the outbox.
    pub fn new(dialogues: Dialogues, form: Form, outbox: HandOver) -> Self {
        Self { dialogues, form, outbox, recent: Arc::default() }
    }

    fn recent(&self) -> MutexGuard<'_, Recent<Chat>> {
        self.recent.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Commits a chat's turn with the messages that answer it. What goes into the store is taken out of the chat, also where nothing is
    /// committed: who tries again does so with a chat of their own.
    async fn commit(&self, to: ChatRef, chat: &mut Chat) -> Result<(), StorageError> {
        let finished = chat.amending.iter().filter(|amending| amending.kind == AmendmentKind::Finished);
        let sent = chat.lead.iter().map(|new| &new.lead).chain(finished.map(|amending| &amending.lead));
        let accepted: Vec<_> = sent.map(|lead| Notice::Accepted { number: lead.number.clone() }).collect();
        let replies = std::mem::take(&mut chat.replies).into_iter().map(Notice::Reply);
        let clock = self.dialogues.clock();
        // Parts of an album come within moments of each other.
        let due_at = clock.now() + chat.album.as_ref().map_or(0, |_| ALBUM_PAUSE.as_millis() as i64);
        let messages = replies.chain(accepted).map(|notice| NewMessage { chat: to, notice, due_at }).collect();
        let told = chat.lead.as_ref().zip(chat.told_in).map(|(new, told_in)| {
            let notice = Notice::Admin(AdminNotice::NewLead { lead: LeadCopy::of(&new.lead) });
            NewMessage { chat: told_in, notice, due_at }
        });
        let amended = chat.amending.as_ref().zip(chat.told_in).and_then(|(amending, told_in)| {
            let notice = Notice::Admin(notice_of(amending)?);
            Some(NewMessage { chat: told_in, notice, due_at })
        });
        let turn = Turn {
            chat: to,
            after: chat.after,
            dialogue: chat.to_stored(&self.form),
            lead: chat.lead.take(),
            withdrawal: chat.withdrawal.take(),
            consent: chat.consent.take(),
            amendment: chat.amending.take().as_ref().map(NewAmendment::from),
            speech: chat.speech.take(),
            limits: chat.limits,
            messages,
            told: told.or(amended),
            pressed: chat.pressed,
            instead_of: chat.album.clone(),
            only_instead: chat.album_goes_on,
        };
        match self.dialogues.commit(turn).await? {
            TurnOutcome::Committed(messages) => {
                if chat.album.is_some() {
                    // What waits is found by a look when its time has come.
                    let dialogues = self.dialogues.clone();
                    tokio::spawn(async move {
                        tokio::time::sleep(ALBUM_PAUSE).await;
                        dialogues.wake_outbox();
                    });
                } else if !messages.is_empty() {
                    self.outbox.push(Fresh { lang: chat.lang, messages, pressed: chat.pressed });
                }
                Ok(())
            }
            TurnOutcome::NumberTaken => Err(StorageError::NumberTaken),
            TurnOutcome::TooMany { again_at } => Err(StorageError::TooMany { again_at }),
            TurnOutcome::Overtaken => Err(StorageError::Overtaken),
        }
    }
}

/// Remembers a chat as it was committed, without what is never read back. Whatever else has written a dialogue meanwhile
/// (another process, somebody who is forgotten): the commit of a turn finds that it is not the one it goes on from, and
/// the chat is read again.
fn remember(recent: &mut Recent<Chat>, of: ChatRef, chat: Chat) {
    let after = chat.last_update.map(|(id, at)| (i64::from(id), at));
    let Chat { conversation, lang, chosen, last_update, .. } = chat;
    recent.insert(of, Chat { conversation, lang, chosen, last_update, after, ..Chat::default() });
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
            self.recent().remove(chat_id.into());
            Ok(self.dialogues.remove(chat_id.into()).await?)
        })
    }

    fn update_dialogue(
        self: Arc<Self>,
        chat_id: ChatId,
        mut chat: Chat,
    ) -> BoxFuture<'static, Result<(), Self::Error>> {
        Box::pin(async move {
            // Not known while it is under way, and not known when it is cut off.
            self.recent().remove(chat_id.into());
            self.commit(chat_id.into(), &mut chat).await?;
            remember(&mut self.recent(), chat_id.into(), chat);
            Ok(())
        })
    }

    fn get_dialogue(self: Arc<Self>, chat_id: ChatId) -> BoxFuture<'static, Result<Option<Chat>, Self::Error>> {
        Box::pin(async move {
            let recent = self.recent().get(chat_id.into()).cloned();
            if recent.is_some() {
                return Ok(recent);
            }
            Ok(self
                .dialogues
                .of_chat(chat_id.into())
                .await?
                .as_ref()
                .map(|stored| Chat::from_stored(stored, &self.form)))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::{super::chat::tests::stored, *};
    use crate::{clock::Clock, store::Store};

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
}
