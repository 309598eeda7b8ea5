//! Brings by the second way what Telegram does not take within [`NOT_TAKEN`].
//!
//! What went that way is taken back from the admin's chat and stands there in one message instead, which Telegram gets
//! when it can: nobody needs ten old alerts at once. Copies of leads wait for Telegram, whatever happens: they are
//! personal.

use std::time::Duration;

use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tracing::warn;

use crate::{
    clock::{Clock, Millis},
    lead::ChatRef,
    notice::{AdminNotice, Notice},
    store::{Dialogues, NOBODYS_CHAT, NewMessage, Outbox, StoreError, WaitingMessage},
};

use super::{LOOK, SecondWay, outside, second_way::NOT_TAKEN};

/// That Telegram does not work is known sooner.
const POLLS_NOT_TAKEN: Duration = Duration::from_secs(20);

/// The most messages looked at.
pub const MOST_WAITING: i64 = 500;

/// The most alerts kept for the summary; the youngest count.
const MOST_TOLD: usize = 30;

/// After all ways have failed, doubled up to the last.
const FIRST_PAUSE: Duration = Duration::from_secs(60);
const LAST_PAUSE: Duration = Duration::from_secs(30 * 60);

/// What is due by the second way among what waits: the oldest, with its place.
fn due(waiting: &[WaitingMessage], now: Millis, clock: Clock) -> Option<(&WaitingMessage, &AdminNotice)> {
    waiting.iter().find_map(|message| {
        let Notice::Admin(notice) = &message.notice else { return None };
        let patience = match notice {
            AdminNotice::Copies { .. }
            | AdminNotice::NewLead { .. }
            | AdminNotice::ToldElsewhere { .. }
            | AdminNotice::PollsWork { .. } => {
                return None;
            }
            _ if message.chat == NOBODYS_CHAT => Duration::ZERO,
            AdminNotice::PollsFail { .. } => POLLS_NOT_TAKEN,
            _ => NOT_TAKEN,
        };
        (now - message.created_at >= clock.millis(patience)).then_some((message, notice))
    })
}

/// Watches over what waits for the admin.
#[derive(Debug)]
pub struct Relay {
    /// Where it waits.
    pub outbox: Outbox,
    /// In which language the chat reads.
    pub dialogues: Dialogues,
    /// The chat that alerts are for.
    pub alerts_chat: ChatRef,
    /// Where it goes instead.
    pub second_way: SecondWay,
}

impl Relay {
    /// Runs until stopped.
    pub async fn run(self, stop: CancellationToken) {
        let clock = self.outbox.clock();
        let (mut pause, mut not_before) = (FIRST_PAUSE, Instant::now());
        while !stop.is_cancelled() {
            if Instant::now() >= not_before {
                let looked = tokio::select! {
                    looked = self.look() => looked,
                    () = stop.cancelled() => return,
                };
                match looked {
                    Ok(true) => pause = FIRST_PAUSE,
                    Ok(false) => {
                        not_before = Instant::now() + clock.scaled(pause);
                        pause = (pause * 2).min(LAST_PAUSE);
                    }
                    Err(error) => warn!(%error, "alerts for the second way wait for the store"),
                }
            }
            tokio::select! {
                () = tokio::time::sleep(clock.period(LOOK)) => {}
                () = stop.cancelled() => {}
            }
        }
    }

    /// Brings what is due; false when no way takes it.
    async fn look(&self) -> Result<bool, StoreError> {
        let clock = self.outbox.clock();
        loop {
            let waiting = self.outbox.of_chat(self.alerts_chat, MOST_WAITING).await?;
            let Some((message, notice)) = due(&waiting, clock.now(), clock) else { return Ok(true) };
            let lang = crate::telegram::lang::lang_of(&self.dialogues, self.alerts_chat).await?;
            let Some(text) = outside::text(notice, lang) else { return Ok(true) };
            if !self.second_way.tell(&text).await {
                return Ok(false);
            }
            let mut gone = vec![message.id.clone()];
            let mut notices = Vec::new();
            for other in &waiting {
                if let Notice::Admin(AdminNotice::ToldElsewhere { notices: told }) = &other.notice {
                    gone.push(other.id.clone());
                    notices.extend(told.iter().cloned());
                }
            }
            notices.push(notice.clone());
            let notices = notices.split_off(notices.len().saturating_sub(MOST_TOLD));
            let summary = (self.alerts_chat != NOBODYS_CHAT).then(|| NewMessage {
                chat: self.alerts_chat,
                notice: Notice::Admin(AdminNotice::ToldElsewhere { notices }),
                due_at: clock.now(),
            });
            self.outbox.replace(None, &gone, &Vec::from_iter(summary)).await?;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::notice::PollTrouble;

    #[test]
    fn what_telegram_does_not_take_is_due_in_time() {
        let clock = Clock::default();
        let polls = AdminNotice::PollsFail {
            trouble: PollTrouble::NoAnswer,
            since: 0,
            still: false,
            leads: Default::default(),
        };
        let operators = ChatRef::telegram(7);
        for (chat, notice, seconds) in [
            (operators, Notice::Admin(AdminNotice::NoCrm), Some(300)),
            (operators, Notice::Admin(polls), Some(20)),
            (NOBODYS_CHAT, Notice::Admin(AdminNotice::NoCrm), Some(0)),
            // Personal, or for Telegram alone.
            (operators, Notice::Admin(AdminNotice::Copies { leads: vec![] }), None),
            (operators, Notice::Admin(AdminNotice::ToldElsewhere { notices: vec![] }), None),
            (operators, Notice::Reply(Vec::new()), None),
        ] {
            let message = [WaitingMessage { id: "1".into(), chat, created_at: 1000, notice }];
            let due_at = |at: Millis| due(&message, 1000 + at, clock).is_some();
            match seconds {
                Some(seconds) => {
                    assert!(due_at(seconds * 1000) && (seconds == 0 || !due_at(seconds * 1000 - 1)), "{message:?}")
                }
                None => assert!(!due_at(100_000_000), "{message:?}"),
            }
        }
    }
}
