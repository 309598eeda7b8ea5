//! Whether a message that waits is still to be sent, and may be now: what it says may be over, or may have to wait.

use std::{sync::atomic::Ordering, time::Duration};

use crate::{
    clock::date,
    notice::{AdminNotice, Notice},
    store::{NOBODYS_CHAT, OutboxMessage, StoreError},
    unfinished::is_night,
};

use super::sender::{FIRST_PAUSE, LAST_PAUSE, OutboxSender};

/// How often, for a second each, what belongs into a later message is held back: an hour.
const MOST_HOLDS: i64 = 3600;

/// How a message stands before it is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Standing {
    /// It is sent.
    Due,
    /// Nobody is to read it any more.
    Over,
    /// Not before this pause.
    NotYet(Duration),
}

impl OutboxSender {
    /// How a message stands now. What it is withheld for is in the store when the answer is [`Standing::Over`].
    pub(super) async fn standing(&self, message: &OutboxMessage) -> Result<Standing, StoreError> {
        if message.chat == NOBODYS_CHAT {
            return Ok(Standing::NotYet(LAST_PAUSE));
        }
        let is_night = || is_night(date(self.clock.now()), &self.wording.time_zone);
        let is_told = self.intake.told_failing.load(Ordering::Relaxed);
        match (&message.notice, self.intake.failing()) {
            // It is over, which is told at once.
            (Notice::Admin(AdminNotice::PollsFail { .. }), None) => Ok(Standing::Over),
            // It goes into the message that tells that it is over.
            (Notice::Admin(AdminNotice::ToldElsewhere { .. }), failing)
                if is_told && message.attempts < MOST_HOLDS && failing.is_none_or(|failing| failing.unreachable) =>
            {
                Ok(Standing::NotYet(FIRST_PAUSE))
            }
            // It may have waited for Telegram until the night, or until the buyer has gone on by themselves.
            (notice, _) if notice.is_reminder() => {
                match self.dialogues.is_reminder_due(&message.id, is_night()).await? {
                    true => Ok(Standing::Due),
                    false => Ok(Standing::Over),
                }
            }
            (Notice::StatusReached { number, key, .. }, _) if is_night() => {
                self.dialogues.watches().not_at_night(&message.id, number, key).await?;
                Ok(Standing::Over)
            }
            _ => Ok(Standing::Due),
        }
    }
}
