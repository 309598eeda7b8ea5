//! When the next message to a chat goes out: not while Telegram takes messages of nobody, not above a group's pace, and not at
//! once where the store could not take the last one's result.

use std::{
    collections::HashMap,
    sync::{MutexGuard, PoisonError},
    time::Duration,
};

use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tracing::warn;

use crate::lead::ChatRef;

use super::{
    chats::Next,
    group_pace::{GroupPace, WITHIN},
    sender::{FIRST_PAUSE, LONGEST_REST, OutboxSender},
    throttle::Throttle,
};

/// How often cards of new leads are looked for while a group has had all that it may have for now.
const CARDS_LOOK: Duration = Duration::from_secs(1);

impl OutboxSender {
    /// Waits while Telegram takes messages of nobody.
    pub(super) async fn until_all_may_send(&self) {
        loop {
            let until = self.throttle().until(Instant::now());
            match until {
                Some(until) => tokio::time::sleep_until(until).await,
                None => return,
            }
        }
    }

    /// Telegram asks to wait with this chat for the length of this pause.
    pub(super) fn refused_for_now(&self, chat: ChatRef, pause: Duration) {
        self.throttle().refused(chat, self.clock.scaled(pause), Instant::now());
    }

    /// Waits until a group may get one more message; meanwhile the card of a new lead goes before all that waits, which the
    /// answer tells. `None` where it has to wait until after the end.
    pub(super) async fn in_time(&self, next: Next, stop: &CancellationToken) -> Option<(Next, bool)> {
        let chat = next.message.chat;
        // Groups alone have ids below zero; buyers are held up by nothing here.
        if !chat.is_group() {
            return Some((next, false));
        }
        let (mut next, mut jumps) = (next, false);
        loop {
            let is_card = next.message.notice.is_new_card();
            let now = Instant::now();
            let Some(at) = self.pace_of(chat, |pace| {
                let at = pace.next_at(is_card, now);
                if at.is_none() {
                    pace.sends(now);
                }
                at
            }) else {
                return Some((next, jumps));
            };
            if !is_card {
                match self.outbox.first_card(chat).await {
                    Ok(Some(card)) => {
                        (next, jumps) = (Next { message: card, lang: None }, true);
                        continue;
                    }
                    Ok(None) => {}
                    Err(error) => warn!(%error, "a card may wait behind what is older"),
                }
            }
            tokio::select! {
                () = tokio::time::sleep_until(at.min(now + self.clock.period(CARDS_LOOK))) => {}
                () = stop.cancelled() => return None,
            }
        }
    }

    fn pace_of<T>(&self, chat: ChatRef, what: impl FnOnce(&mut GroupPace) -> T) -> T {
        let mut paces = self.paces.lock().unwrap_or_else(PoisonError::into_inner);
        what(paces.entry(chat).or_insert_with(|| GroupPace::new(self.clock.scaled(WITHIN))))
    }

    /// Rests after the store has failed with a message to this chat, longer each time.
    pub(super) async fn rest(&self, chat: ChatRef, stop: &CancellationToken) {
        let before = {
            let mut troubles = self.troubles();
            let times = troubles.entry(chat).or_default();
            *times = times.saturating_add(1);
            *times - 1
        };
        let pause = (FIRST_PAUSE * 2u32.saturating_pow(before.min(16))).min(LONGEST_REST);
        tokio::select! {
            () = self.clock.sleep(pause) => {}
            () = stop.cancelled() => {}
        }
    }

    pub(super) fn throttle(&self) -> MutexGuard<'_, Throttle> {
        self.throttle.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn troubles(&self) -> MutexGuard<'_, HashMap<ChatRef, u32>> {
        self.troubles.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
