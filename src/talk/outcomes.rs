//! What became of managers' messages, said under them: that one waits, and then that it is there; that one cannot reach the buyer.

use std::time::Duration;

use crate::{
    clock::{Clock, Millis, date},
    delivery::OneByOne,
    lead::{ChatRef, Speech},
    notice::{Addressed, AdminNotice, Notice, Reference, ReferenceKind, ReplyTo, TalkMark},
    store::{AnswerTold, Became, NewMessage, OpenAnswer, SendFailure, SentMessages, Store, StoreError, Talk},
    wording::Wording,
};

/// What Telegram has not taken for so long is said to wait.
const WAITS_AFTER: Duration = Duration::from_secs(60);

/// Pause after the store failed.
const STORE_PAUSE: Duration = Duration::from_secs(2);

/// Tells what became of managers' messages.
#[derive(Debug)]
pub struct AnswerWatch {
    talk: Talk,
    sent: SentMessages,
    chat: ChatRef,
    wording: std::sync::Arc<Wording>,
}

impl OneByOne for AnswerWatch {
    type Error = StoreError;

    const WAITS: &'static str = "what became of managers' messages is told later";
    const PAUSE: Duration = STORE_PAUSE;

    fn clock(&self) -> Clock {
        self.talk.clock()
    }

    async fn step(&mut self) -> Result<bool, StoreError> {
        for answer in self.talk.open().await? {
            self.look_at(&answer).await?;
        }
        // What is left waits for Telegram, or for the time to say so.
        Ok(false)
    }

    async fn next_due(&self) -> Result<Option<Millis>, StoreError> {
        let open = self.talk.open().await?;
        let untold = open.iter().filter(|answer| !answer.is_told);
        Ok(untold.map(|answer| answer.kept_at + self.clock().millis(WAITS_AFTER)).min())
    }

    async fn changed(&self) {
        tokio::select! {
            () = self.talk.changed() => {}
            () = self.sent.changed() => {}
        }
    }
}

impl AnswerWatch {
    /// For the managers' group with this id in the settings.
    pub fn new(store: &Store, chat: ChatRef, wording: std::sync::Arc<Wording>) -> Self {
        Self { talk: store.talk(), sent: store.sent_messages(), chat, wording }
    }

    async fn look_at(&self, answer: &OpenAnswer) -> Result<(), StoreError> {
        let reference = Reference::new(ReferenceKind::Answer, answer.id.clone());
        let now = self.clock().now();
        let (told, mark) = match self.sent.of(&reference).await? {
            Some(Became::There(_)) => (AnswerTold::There, answer.is_told.then_some(TalkMark::There)),
            Some(Became::Failed(SendFailure::Closed)) => (AnswerTold::Failed, Some(TalkMark::Closed)),
            Some(Became::Failed(SendFailure::Refused)) => (AnswerTold::Failed, Some(TalkMark::Refused)),
            None if answer.is_told || now - answer.kept_at < self.clock().millis(WAITS_AFTER) => return Ok(()),
            None => (AnswerTold::Waits, Some(TalkMark::Waits)),
        };
        let message = mark.map(|mark| self.under(answer, mark));
        let why = match mark {
            Some(TalkMark::Closed) => Some("покупатель закрыл чат с ботом"),
            Some(TalkMark::Refused) => Some("Telegram его не принимает"),
            _ => None,
        };
        let not_reached = why.map(|why| Speech::NotReached(why.into()));
        let utc_offset = self.wording.utc_offset(date(now));
        let not_reached = not_reached.as_ref().map(|speech| (speech, utc_offset));
        self.talk.tell(answer, told, message.as_ref(), not_reached).await
    }

    /// What is said under a message: what was said before is changed.
    fn under(&self, answer: &OpenAnswer, mark: TalkMark) -> NewMessage {
        let reference = Reference::new(ReferenceKind::Mark, answer.id.clone());
        let notice = Notice::Admin(AdminNotice::Talk { mark });
        let addressed = Addressed {
            becomes: Some(reference),
            edits: answer.is_told,
            reply_to: Some(ReplyTo::Message(answer.message_id)),
            topic: answer.topic,
            silent: mark == TalkMark::There,
            ..Addressed::plain(notice)
        };
        NewMessage { chat: self.chat, notice: addressed.into(), due_at: self.clock().now() }
    }
}
