//! Whom a `retry_after` of Telegram's concerns: the chat that was written to, or all.
//!
//! Telegram has a limit for each chat and one for the bot, and says the same of both. When several chats in a row are
//! refused and nobody's message is taken in between, it is the bot's.

use std::time::Duration;

use crate::lead::ChatRef;

use tokio::time::Instant;

/// So many different chats refused in a row are all of them.
const ALL: usize = 5;

/// What Telegram has said lately.
#[derive(Debug, Default)]
pub(super) struct Throttle {
    refused: Vec<ChatRef>,
    until: Option<Instant>,
}

impl Throttle {
    /// A message was taken (or refused for another reason): not everybody is throttled.
    pub fn answered(&mut self) {
        self.refused.clear();
    }

    /// Telegram asks to wait with this chat.
    pub fn refused(&mut self, chat: ChatRef, pause: Duration, now: Instant) {
        if !self.refused.contains(&chat) {
            self.refused.push(chat);
        }
        if self.refused.len() >= ALL {
            self.refused.clear();
            self.until = self.until.max(Some(now + pause));
        }
    }

    /// Until when nothing is sent to anybody.
    pub fn until(&mut self, now: Instant) -> Option<Instant> {
        self.until = self.until.filter(|until| *until > now);
        self.until
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chats_that_are_refused_hold_nobody_else_up_and_all_of_them_do() {
        let (mut throttle, now) = (Throttle::default(), Instant::now());
        let pause = Duration::from_secs(20);
        for _ in 0..10 {
            (1..=4).for_each(|chat| throttle.refused(ChatRef::telegram(chat), pause, now));
            assert_eq!(throttle.until(now), None);
            throttle.answered();
        }
        (0..100).for_each(|_| throttle.refused(ChatRef::telegram(7), pause, now));
        assert_eq!(throttle.until(now), None, "one chat, however often");
        throttle.answered();
        (1..=5).for_each(|chat| throttle.refused(ChatRef::telegram(chat), pause, now));
        assert_eq!(throttle.until(now), Some(now + pause));
        assert_eq!(throttle.until(now + pause), None);
        assert_eq!(throttle.until(now), None, "it is over once");
    }
}
