//! Takes the buttons off messages whose question is answered: beside the message that follows, which waits for none of it.
//!
//! Properties:
//! - What has to lose its buttons is known from what is sent next, so it is committed with the turn that says so; a message's
//!   number is kept in the commit that deletes it from the outbox.
//! - What the store keeps of the chats heard of last is remembered too, since every answer asks for it. What this process
//!   commits is put to it in the same order but for presses, which may come before the row is read: they are kept until it is.
//! - An edit that Telegram refuses is over. One that it cannot take now is tried a few times, with the chat's next message,
//!   and at the next start.

use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::sync::Semaphore;
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tracing::warn;

use crate::{
    clock::Clock,
    lead::ChatRef,
    notice::{Buttons, Notice},
    store::{ButtonsChange, LiveButtons, Outbox, StoreError},
};

use super::super::{client::Telegram, recent::Recent};

/// Edits under way at once.
const AT_ONCE: usize = 64;

/// Attempts at an edit that Telegram does not take now, with pauses that grow from the first.
const TRIES: u32 = 4;
const FIRST_PAUSE: Duration = Duration::from_secs(2);
const LAST_PAUSE: Duration = Duration::from_secs(60);

/// Takes buttons off; clones share it.
#[derive(Debug, Clone)]
pub(super) struct ButtonsOff {
    telegram: Telegram,
    outbox: Outbox,
    clock: Clock,
    places: Arc<Semaphore>,
    recent: Arc<Mutex<Recent<Remembered>>>,
    tasks: TaskTracker,
    stop: CancellationToken,
}

/// What is remembered of a chat's buttons.
#[derive(Debug, Default)]
struct Remembered {
    /// The store's row; until it is read, what has been put to it since.
    buttons: LiveButtons,
    is_read: bool,
}

/// What one message leads to for the buttons before it, as it is known while the message is sent.
#[derive(Debug)]
pub(super) struct Edits {
    means: Buttons,
    before: Option<LiveButtons>,
    /// Those that have lost their buttons meanwhile.
    gone: Arc<Mutex<Gone>>,
}

#[derive(Debug, Default)]
struct Gone {
    messages: BTreeSet<i32>,
    /// The store knows those until here; whoever edits later tells it.
    is_recorded: bool,
}

impl ButtonsOff {
    pub fn new(telegram: Telegram, outbox: Outbox, clock: Clock) -> Self {
        Self {
            telegram,
            outbox,
            clock,
            places: Arc::new(Semaphore::new(AT_ONCE)),
            recent: Arc::default(),
            tasks: TaskTracker::new(),
            stop: CancellationToken::new(),
        }
    }

    fn recent(&self) -> MutexGuard<'_, Recent<Remembered>> {
        self.recent.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A message's button was pressed, and that is committed.
    pub fn pressed(&self, chat: ChatRef, message: i32) {
        self.changed(chat, &ButtonsChange::pressed(message));
    }

    /// This is committed.
    pub fn changed(&self, chat: ChatRef, change: &ButtonsChange) {
        if let Some(remembered) = self.recent().get(chat) {
            remembered.buttons = std::mem::take(&mut remembered.buttons).after(change);
        }
    }

    /// The messages of a chat that have buttons. What was handed over with its press is known without a look.
    async fn buttons_of(&self, chat: ChatRef, is_handed_over: bool) -> Result<LiveButtons, StoreError> {
        {
            let mut recent = self.recent();
            if let Some(known) = recent.get(chat).filter(|known| known.is_read && is_handed_over) {
                return Ok(known.buttons.clone());
            }
            recent.insert(chat, Remembered::default());
        }
        let read = self.outbox.buttons_of(chat).await;
        let mut recent = self.recent();
        let since = recent.remove(chat).unwrap_or_default().buttons;
        let read = read?.after(&ButtonsChange { over: since.over, ..ButtonsChange::default() });
        recent.insert(chat, Remembered { buttons: read.clone(), is_read: true });
        Ok(read)
    }

    /// Begins to take off what is over once a message is sent. A store that cannot be read leaves them as they are.
    pub async fn begin(&self, chat: ChatRef, notice: &Notice, is_handed_over: bool) -> Edits {
        let means = notice.buttons();
        let gone = Arc::default();
        if !matches!(notice, Notice::Accepted { .. } | Notice::Reply(_)) {
            return Edits { means, before: None, gone };
        }
        let before = self.buttons_of(chat, is_handed_over).await;
        let before = before.inspect_err(|error| warn!(%error, "buttons that are over are left as they are")).ok();
        if let Some(buttons) = &before {
            for message in over(buttons, means) {
                self.take_off(chat, message, gone.clone());
            }
        }
        Edits { means, before, gone }
    }

    /// Takes off what a process before this one has left.
    pub async fn go_on(&self) {
        match self.outbox.buttons_over().await {
            Ok(left) => {
                for (chat, messages) in left {
                    for message in messages {
                        self.take_off(
                            chat,
                            message,
                            Arc::new(Mutex::new(Gone { is_recorded: true, ..Gone::default() })),
                        );
                    }
                }
            }
            Err(error) => warn!(%error, "buttons that are over are left as they are"),
        }
    }

    /// Gives up what would have to wait, and waits for the rest.
    pub async fn end(&self) {
        self.stop.cancel();
        self.tasks.close();
        self.tasks.wait().await;
    }

    fn take_off(&self, chat: ChatRef, message: i32, gone: Arc<Mutex<Gone>>) {
        let this = self.clone();
        self.tasks.spawn(async move {
            if !this.is_off(chat, message).await {
                return;
            }
            let is_recorded = {
                let mut gone = gone.lock().unwrap_or_else(PoisonError::into_inner);
                gone.messages.insert(message);
                gone.is_recorded
            };
            if !is_recorded {
                return;
            }
            let gone = BTreeSet::from([message]);
            match this.outbox.buttons_gone(chat, gone.clone()).await {
                Ok(()) => this.changed(chat, &ButtonsChange::gone(gone)),
                Err(error) => warn!(%error, "it is not known to the store that a message has no buttons any more"),
            }
        });
    }

    /// Whether a message has no buttons any more, or never will lose them.
    async fn is_off(&self, chat: ChatRef, message: i32) -> bool {
        let mut pause = FIRST_PAUSE;
        for _ in 0..TRIES {
            let after = {
                let _place = self.places.acquire().await;
                match self.telegram.take_buttons_off(chat, message).await {
                    Ok(()) => return true,
                    Err(after) => after,
                }
            };
            tokio::select! {
                () = self.clock.sleep(after.unwrap_or(pause).min(LAST_PAUSE)) => {}
                () = self.stop.cancelled() => return false,
            }
            pause *= 2;
        }
        false
    }
}

/// Which messages are over when one comes that means this for them.
fn over(buttons: &LiveButtons, means: Buttons) -> BTreeSet<i32> {
    let mut over = buttons.over.clone();
    if matches!(means, Buttons::Over | Buttons::Instead | Buttons::BesideNext) {
        over.extend(&buttons.live);
    }
    // What stood beside a question goes with it.
    if matches!(means, Buttons::Over | Buttons::BesideNext) {
        over.extend(&buttons.beside);
    }
    over
}

impl Edits {
    /// What the store is to keep of it with the message that was sent: its number, where it has buttons.
    pub fn ended(&self, sent: Option<i32>) -> ButtonsChange {
        let mut known = self.gone.lock().unwrap_or_else(PoisonError::into_inner);
        known.is_recorded = true;
        let new = sent.filter(|_| !matches!(self.means, Buttons::Apart | Buttons::Over));
        let beside_next = self.means == Buttons::BesideNext;
        let Some(before) = &self.before else { return ButtonsChange { new, beside_next, ..ButtonsChange::default() } };
        let over = over(before, self.means);
        let gone = over.intersection(&known.messages).copied().collect();
        let over = over.difference(&known.messages).filter(|id| !before.over.contains(id)).copied().collect();
        let kept = match self.means {
            Buttons::Instead => before.beside.clone(),
            _ => BTreeSet::new(),
        };
        ButtonsChange { gone, over, kept, new, beside_next }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ids(ids: &[i32]) -> BTreeSet<i32> {
        ids.iter().copied().collect()
    }

    #[test]
    fn one_card_is_alive() {
        let before = LiveButtons { live: ids(&[1]), beside: ids(&[2]), over: ids(&[3]) };
        let change = |gone: &[i32], over: &[i32], kept: &[i32], new| ButtonsChange {
            gone: ids(gone),
            over: ids(over),
            kept: ids(kept),
            new,
            beside_next: false,
        };
        for (means, edited, sent, expected) in [
            // The next question: what stood beside it comes with it.
            (Buttons::Instead, &[1, 3][..], Some(4), change(&[1, 3], &[], &[2], Some(4))),
            // Telegram has not answered yet.
            (Buttons::Instead, &[], Some(4), change(&[], &[1], &[2], Some(4))),
            (Buttons::Instead, &[3], None, change(&[3], &[1], &[2], None)),
            (Buttons::Over, &[1, 2], Some(4), change(&[1, 2], &[], &[], None)),
            (Buttons::Beside, &[3], Some(4), change(&[3], &[], &[], Some(4))),
            (Buttons::Apart, &[], Some(4), change(&[], &[], &[], None)),
        ] {
            let gone = Arc::new(Mutex::new(Gone { messages: ids(edited), is_recorded: false }));
            let edits = Edits { means, before: Some(before.clone()), gone };
            assert_eq!(edits.ended(sent), expected, "{means:?} {edited:?}");
        }
        let gone = Arc::new(Mutex::new(Gone { messages: ids(&[1, 2, 3]), is_recorded: false }));
        let edits = Edits { means: Buttons::BesideNext, before: Some(before), gone };
        let expected = ButtonsChange { beside_next: true, ..change(&[1, 2, 3], &[], &[], Some(4)) };
        assert_eq!(edits.ended(Some(4)), expected);
    }
}
