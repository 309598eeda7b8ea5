//! One attempt at one message, and what comes of it: told apart by a plain function, then recorded.

use std::{sync::atomic::Ordering, time::Duration};

use tracing::{info, warn};

use crate::{
    fault::point,
    lead::ChatRef,
    notice::{Notice, Recipient, Reference},
    store::{AfterSending, Became, ButtonsChange, MessagePlace, OutboxMessage, SendFailure, StoreError},
    wording::Markup,
};

use super::{
    super::{
        client::{SendError, Taken},
        lang::lang_of,
    },
    chats::Next,
    due::Standing,
    sender::{FIRST_PAUSE, LAST_PAUSE, OutboxSender},
};

/// Pause before a chat of the dealer's own that takes nothing is tried again: the admin may not have opened it yet.
const DEALERS_CHAT_PAUSE: Duration = Duration::from_secs(300);

/// What became of a message in the outbox.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Sent {
    /// Telegram has taken it or never will: it is to go from the store, with this.
    Done(AfterSending),
    /// It waits for its time.
    Later,
}

impl OutboxSender {
    /// Sends one message and records what came of it, but for its deletion.
    pub(super) async fn attempt(&self, Next { message, lang }: Next) -> Result<Sent, StoreError> {
        match self.standing(&message).await? {
            Standing::Due => {}
            Standing::Over => return Ok(Sent::Done(AfterSending::default())),
            Standing::NotYet(pause) => return self.defer(&message, pause).await,
        }
        let chat = message.chat;
        let is_handed_over = lang.is_some();
        let places = if is_handed_over { &self.places } else { &self.backlog_places };
        let lang = match lang {
            Some(lang) => lang,
            None => lang_of(&self.dialogues, chat).await?,
        };
        let _place = places.acquire().await;
        point("outbox.before_send");
        let words = self.words(&message, lang).await?;
        let is_pressable = matches!(words.markup, Some(Markup::Buttons(_)));
        let sending = self.send_where_it_belongs(&message, &words, lang);
        let begin = || self.buttons.begin(chat, &message.notice, is_handed_over);
        let (sent, edits) = match message.attempts {
            0 => {
                let (sent, edits) = tokio::join!(sending, begin());
                (sent, Some(edits))
            }
            // What is sent again and again takes no buttons off again and again.
            _ => (sending.await, None),
        };
        let (is_new, sent) = sent?;
        point("outbox.after_send");
        match &sent {
            Err(SendError::Later { after: Some(pause), .. }) => self.refused_for_now(chat, *pause),
            Err(SendError::Later { .. }) => {}
            _ => self.throttle().answered(),
        }
        let taken = match sent {
            Ok(taken) => taken,
            Err(error) => return self.not_taken(&message, is_new, error).await,
        };
        if taken.is_some()
            && self.is_chat(Recipient::Managers, chat)
            && let Err(error) = self.managers_chat.works().await
        {
            // The message is there all the same; the next one shows it again.
            warn!(%error, "that the managers' chat takes messages is told later");
        }
        self.figures.sent.fetch_add(1, Ordering::Relaxed);
        let edits = match edits {
            Some(edits) => edits,
            None => begin().await,
        };
        let number = taken.map(|taken| taken.message_id);
        Ok(Sent::Done(AfterSending {
            buttons: edits.ended(number.filter(|_| is_pressable)),
            became: taken.and_then(|taken| known_as(&message.notice, is_new, Became::There(place(taken)))),
        }))
    }

    /// Records what Telegram's refusal of a message leads to.
    async fn not_taken(&self, message: &OutboxMessage, is_new: bool, error: SendError) -> Result<Sent, StoreError> {
        let chat = message.chat;
        let whose = [Recipient::Operator, Recipient::Managers].into_iter().find(|whose| self.is_chat(*whose, chat));
        let failure = match refusal(&error, whose, message.attempts) {
            Refusal::OperatorsChat => {
                warn!(%error, "the admin's chat cannot be reached: open the bot there and press Start");
                return self.defer(message, DEALERS_CHAT_PAUSE).await;
            }
            Refusal::ManagersChat => {
                self.managers_chat.is_closed(chat, &error.to_string()).await?;
                return self.defer(message, DEALERS_CHAT_PAUSE).await;
            }
            Refusal::Later(pause) => {
                info!(%error, "a message is deferred");
                return self.defer(message, pause).await;
            }
            Refusal::Closed => {
                // Only this message: the buyer may open the chat again while it is on its way, and send a request.
                info!(%error, "a buyer's chat is closed; what was owed to it is given up, its leads are not");
                self.dialogues.chat_closed(chat).await?;
                self.dialogues.end_watches(chat).await?;
                SendFailure::Closed
            }
            Refusal::GivenUp => {
                warn!(%error, "Telegram refuses a message; it is given up");
                SendFailure::Refused
            }
        };
        self.figures.given_up.fetch_add(1, Ordering::Relaxed);
        let became = known_as(&message.notice, is_new, Became::Failed(failure));
        Ok(Sent::Done(AfterSending { buttons: ButtonsChange::default(), became }))
    }

    async fn defer(&self, message: &OutboxMessage, pause: Duration) -> Result<Sent, StoreError> {
        self.figures.deferred.fetch_add(1, Ordering::Relaxed);
        self.outbox.defer(&message.id, self.clock.now() + self.clock.millis(pause)).await?;
        Ok(Sent::Later)
    }

    pub(super) fn is_chat(&self, recipient: Recipient, chat: ChatRef) -> bool {
        self.recipients.chat(recipient).is_some_and(|ours| self.telegram.groups().is_same(ours, chat))
    }
}

/// What it leads to that Telegram has not taken a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Refusal {
    /// The admin's chat takes nothing, or not this: the admin hears of nothing by a message that is given up, so it waits.
    OperatorsChat,
    /// The managers' chat takes nothing: what is meant for it waits, and the admin is told.
    ManagersChat,
    /// The buyer has closed the chat.
    Closed,
    /// Telegram will never take this message.
    GivenUp,
    /// Again after this pause.
    Later(Duration),
}

/// What an error leads to in a chat that is the dealer's (`whose`) or a buyer's, after so many attempts before this one.
fn refusal(error: &SendError, whose: Option<Recipient>, attempts: i64) -> Refusal {
    match (error, whose) {
        (SendError::Later { after: Some(pause), .. }, _) => Refusal::Later(*pause),
        (SendError::Later { after: None, .. }, _) => {
            // Once at once: the connection may just have been an old one.
            let growing = match u32::try_from(attempts).unwrap_or_default().min(16) {
                0 => Duration::ZERO,
                attempts => FIRST_PAUSE * 2u32.saturating_pow(attempts - 1),
            };
            Refusal::Later(growing.min(LAST_PAUSE))
        }
        (_, Some(Recipient::Operator)) => Refusal::OperatorsChat,
        (error, Some(Recipient::Managers)) if error.is_about_the_chat() => Refusal::ManagersChat,
        (SendError::ChatClosed(_), _) => Refusal::Closed,
        (SendError::Refused(_) | SendError::NoTopic(_), _) => Refusal::GivenUp,
    }
}

/// What is remembered of a message that others refer to. What is there stays there, whatever becomes of a change of it.
fn known_as(notice: &Notice, is_new: bool, became: Became) -> Option<(Reference, Became)> {
    let is_known = is_new || matches!(became, Became::There(_));
    notice.becomes().filter(|_| is_known).map(|reference| (reference.clone(), became))
}

fn place(Taken { place, message_id }: Taken) -> MessagePlace {
    MessagePlace { sent_to: place.chat, topic: place.topic, message_id }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_refusal_leads_to() {
        let closed = || SendError::ChatClosed("Forbidden: bot was blocked by the user".into());
        let refused = || SendError::Refused("Bad Request: message is too long".into());
        let no_right = || SendError::Refused("Bad Request: not enough rights to send text messages to the chat".into());
        let no_topic = || SendError::NoTopic("Bad Request: TOPIC_CLOSED".into());
        let (operator, managers) = (Some(Recipient::Operator), Some(Recipient::Managers));
        for (error, whose, leads_to) in [
            (closed(), None, Refusal::Closed),
            (refused(), None, Refusal::GivenUp),
            (no_right(), None, Refusal::GivenUp),
            (no_topic(), None, Refusal::GivenUp),
            (closed(), operator, Refusal::OperatorsChat),
            (refused(), operator, Refusal::OperatorsChat),
            (no_topic(), operator, Refusal::OperatorsChat),
            (closed(), managers, Refusal::ManagersChat),
            (no_right(), managers, Refusal::ManagersChat),
            (no_topic(), managers, Refusal::ManagersChat),
            // One message that it does not take closes no chat.
            (refused(), managers, Refusal::GivenUp),
        ] {
            for attempts in [0, 7] {
                assert_eq!(refusal(&error, whose, attempts), leads_to, "{error} to {whose:?}");
            }
        }
    }

    #[test]
    fn what_telegram_cannot_take_now_waits_for_as_long_as_it_says_or_longer_each_time() {
        let later = |after, attempts| {
            let error = SendError::Later { cause: "no answer in time".into(), after };
            for whose in [None, Some(Recipient::Operator), Some(Recipient::Managers)] {
                assert_eq!(refusal(&error, whose, attempts), refusal(&error, None, attempts));
            }
            refusal(&error, None, attempts)
        };
        for attempts in [0, 3, i64::MAX] {
            assert_eq!(later(Some(Duration::from_secs(1200)), attempts), Refusal::Later(Duration::from_secs(1200)));
        }
        for (attempts, seconds) in [(-1, 0), (0, 0), (1, 1), (2, 2), (3, 4), (9, 256), (10, 300), (5000, 300)] {
            assert_eq!(later(None, attempts), Refusal::Later(Duration::from_secs(seconds)), "{attempts}");
        }
    }
}
