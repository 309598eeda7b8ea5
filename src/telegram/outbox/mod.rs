//! Sends what is in the outbox until Telegram has taken it.
//!
//! Properties:
//! - In order for each chat, chats side by side: a chat that is slow or throttled holds up nobody but itself, and the
//!   intake waits for none of it.
//! - An answer is handed over right after its commit and sent without a look into the store; looks find what other parts
//!   of the program and other processes have enqueued, what waits for its time, and what a dead process has left.
//! - A message is given up only where Telegram says that it will never take it; the dealer's own chats are waited for.
//! - At the end everything that was handed over is sent once; what does not get through is in the store. Where another
//!   process leads instead, nothing more is begun: that one sends what is in the store, and each would do it for itself.
//!
//! Races, and what answers each:
//! - A message was sent but its deletion from the store was lost (a kill in between): it is sent again. Telegram has no key to
//!   prevent that, and a number told twice is better than one never told.
//! - The store fails right after a message was sent: its deletion is tried again, not the sending.
//! - A message is found by a look and handed over at the same moment, or behind one that is not under way here: `chats`.
//! - Something is handed over or committed while nobody waits for it: the bell keeps one permit, and the next round looks.
//! - Telegram can be reached again while messages wait for long pauses: they are hurried as soon as polls bring anything.
//!
//! What is under way (`chats`, `handover`), when the next message goes out (`waiting`, `throttle`, `group_pace`), whether it
//! still is to (`due`), where it goes and what it says (`sending`, `topics`, `cards`), what came of it (`attempt`,
//! `managers_chat`), and buttons that it ends (`buttons`).

mod attempt;
mod buttons;
mod cards;
mod chats;
mod due;
mod group_pace;
mod handover;
mod managers_chat;
mod sender;
mod sending;
mod throttle;
mod topics;
mod waiting;

use std::time::Duration;

use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tracing::warn;

use crate::{
    fault::point,
    lead::ChatRef,
    notice::Recipient,
    store::{AfterSending, StoreError, Urgency},
};

use super::pace::Pause;
use attempt::Sent;
use chats::Found;
pub use handover::{Fresh, HandOver};
use sender::{FIRST_PAUSE, LONGEST_REST};
pub use sender::{OutboxCounters, OutboxSender};

/// The most messages that one look starts.
const MOST_FOUND: i64 = 200;

/// How often another process's messages are looked for.
const POLL_INTERVAL: Duration = Duration::from_secs(1);

impl OutboxSender {
    /// Sends until stopped; what was handed over by then is finished, but where another process leads now.
    pub async fn run(self, stop: CancellationToken) {
        let tasks = TaskTracker::new();
        let mut pause = Pause::new(FIRST_PAUSE, LONGEST_REST);
        let mut was_unreachable = false;
        let mut is_look_due = true;
        self.buttons.go_on().await;
        if let Err(error) = self.topics.restore().await {
            warn!(%error, "topics of buyers are not known until they are written in");
        }
        while !stop.is_cancelled() {
            self.take_over(&tasks, &stop);
            if std::mem::take(&mut is_look_due) {
                let unreachable = self.is_unreachable();
                if was_unreachable && !unreachable {
                    // What was tried in vain need not wait for its pause any more.
                    if let Err(error) = self.outbox.hurry_all().await {
                        warn!(%error, "messages wait for longer than they need to");
                    }
                }
                was_unreachable = unreachable;
                if let Some(chat) = self.recipients.chat(Recipient::Managers)
                    && let Err(error) = self.managers_chat.hurry_if_heard(chat).await
                {
                    warn!(%error, "what waits for the managers waits for longer than it needs to");
                }
                // One message is enough to see whether Telegram takes any while it brings none.
                match self.look(if unreachable { 1 } else { MOST_FOUND }, &tasks, &stop).await {
                    Ok(()) => pause.reset(),
                    Err(error) => {
                        warn!(%error, "the outbox cannot be read");
                        tokio::select! {
                            () = self.clock.sleep(pause.grow()) => {}
                            () = stop.cancelled() => {}
                        }
                    }
                }
            }
            tokio::select! {
                () = self.handed_over.rung() => {}
                () = self.outbox.changed() => is_look_due = true,
                () = self.look.notified() => is_look_due = true,
                () = tokio::time::sleep(self.clock.period(POLL_INTERVAL)) => is_look_due = true,
                () = stop.cancelled() => {}
            }
        }
        self.take_over(&tasks, &stop);
        tasks.close();
        tasks.wait().await;
        self.buttons.end().await;
    }

    /// Starts what was handed over.
    fn take_over(&self, tasks: &TaskTracker, stop: &CancellationToken) {
        for fresh in self.handed_over.take() {
            point("outbox.taken");
            if let (Some(pressed), Some((message, _))) = (fresh.pressed, fresh.messages.first()) {
                self.buttons.pressed(message.chat, pressed);
            }
            let (start, look) = self.chats().hand_over(fresh);
            if let Some(chat) = start {
                tasks.spawn(self.clone().send_to(chat, stop.clone()));
            }
            if look {
                self.look.notify_one();
            }
        }
    }

    /// Starts the oldest message of every chat that has one due.
    async fn look(&self, limit: i64, tasks: &TaskTracker, stop: &CancellationToken) -> Result<(), StoreError> {
        // Before the store is asked: what is under way now may be sent by the time its answer is read.
        let before = self.chats().under_way();
        for message in self.outbox.due(limit).await? {
            let chat = message.chat;
            let found = self.chats().found(message, &before);
            match found {
                Found::Start => drop(tasks.spawn(self.clone().send_to(chat, stop.clone()))),
                Found::UnderWay => {}
                Found::LookAgain => self.look.notify_one(),
            }
        }
        Ok(())
    }

    /// Sends what is under way to a chat, in order.
    async fn send_to(self, chat: ChatRef, stop: CancellationToken) {
        loop {
            let next = self.chats().next(chat);
            let next = match next {
                Ok(next) => next,
                Err(more) => {
                    if more {
                        self.look.notify_one();
                    }
                    return;
                }
            };
            tokio::select! {
                () = self.until_all_may_send() => {}
                // The next start goes on with it.
                () = stop.cancelled() => {}
            }
            if self.followed.is_cancelled() {
                return;
            }
            let Some((next, jumps)) = self.in_time(next, &stop).await else {
                // The next start goes on with it.
                self.chats().later(chat);
                continue;
            };
            let id = next.message.id.clone();
            match self.attempt(next).await {
                Ok(Sent::Done(after)) => self.forget(chat, &id, &after, &stop).await,
                Ok(Sent::Later) => self.chats().later(chat),
                Err(error) => {
                    warn!(%error, "a message's result could not be stored; it may be sent again");
                    // It is due as before: without a pause it would be sent on and on.
                    self.rest(chat, &stop).await;
                    self.chats().later(chat);
                }
            }
            if jumps {
                // What it has gone before is still in the store.
                self.chats().later(chat);
            }
        }
    }

    /// Has a message that Telegram has taken go from the store, in passing where none waits behind it. While the store
    /// fails that is tried again, not the sending; what is still there at the end is sent again by the next start.
    async fn forget(&self, chat: ChatRef, id: &str, after: &AfterSending, stop: &CancellationToken) {
        loop {
            // What can be answered may be at once.
            let waits = self.chats().has_next(chat) || after.became.is_some();
            let urgency = if waits { Urgency::Now } else { Urgency::InPassing };
            match self.outbox.sent(id, chat, after.clone(), urgency).await {
                Ok(()) => {
                    self.buttons.changed(chat, &after.buttons);
                    break;
                }
                Err(error) => {
                    warn!(%error, "a message that was sent could not be taken from the store; it is tried again")
                }
            }
            self.rest(chat, stop).await;
            if stop.is_cancelled() {
                return self.chats().later(chat);
            }
        }
        point("outbox.after_done");
        self.troubles().remove(&chat);
    }

    fn is_unreachable(&self) -> bool {
        self.intake.failing().is_some_and(|failing| failing.unreachable)
    }
}
