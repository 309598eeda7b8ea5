//! More messages than anybody reads answers to: whoever writes so many within a minute is answered once, and all that they
//! say is taken all the same.
//!
//! What answers a question is none of them, and begins the count again. Whoever waits for each answer before the next message
//! may write [`PATIENCE`] times as many.
//!
//! Kept in memory: a restart forgets what was counted, and nothing else.

use std::{
    collections::{HashMap, VecDeque},
    mem::Discriminant,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use crate::{
    clock::{Clock, Millis},
    form::Input,
    lead::ChatRef,
};

/// How many more of the messages are answered that were sent after the answer to the one before.
const PATIENCE: usize = 3;

/// A minute.
const WINDOW: Duration = Duration::from_secs(60);

/// How long the same command is a repeat.
const AGAIN: Duration = Duration::from_secs(10);

/// When so many chats are remembered, those that have been quiet for a minute are forgotten.
const CHATS_KEPT: usize = 1000;

/// How a message is to be answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Answering {
    /// As always.
    Each,
    /// Once for it and for all that follow.
    Once,
    /// Only if something comes of it that the person has to know.
    Silently,
}

/// What the chats have written within the last minute.
#[derive(Debug)]
pub(super) struct MessageFlood(Mutex<Chats>);

impl MessageFlood {
    /// So many messages within a minute are each answered.
    pub fn new(answered: u32) -> Self {
        Self(Mutex::new(Chats::new(answered as usize)))
    }

    /// Counts a message that leads nowhere, each update once however often it comes, and says how it is to be answered;
    /// `is_awaited` where the answer to the one before was there when it was sent.
    pub fn count(&self, chat: ChatRef, update_id: u32, is_awaited: bool, clock: Clock) -> Answering {
        self.chats().count(chat, update_id, is_awaited, clock.now(), clock.millis(WINDOW))
    }

    /// Whether a command is taken all the same: whoever asks for something is answered, unless they have asked for it just before.
    pub fn takes(&self, chat: ChatRef, update_id: u32, command: Discriminant<Input>, clock: Clock) -> bool {
        self.chats().takes(chat, update_id, command, clock.now(), clock.millis(AGAIN))
    }

    /// A message of this chat has led somewhere.
    pub fn came_further(&self, chat: ChatRef) {
        self.chats().chats.remove(&chat);
    }

    fn chats(&self) -> MutexGuard<'_, Chats> {
        // Nothing between taking the lock and giving it back can leave it half changed.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[derive(Debug)]
struct Chats {
    /// So many messages within [`WINDOW`] are each answered.
    answered: usize,
    chats: HashMap<ChatRef, Recent>,
}

/// The last messages of a chat, one more than are each answered at most.
#[derive(Debug, Default)]
struct Recent {
    messages: VecDeque<(u32, Millis, bool)>,
    /// The update that was answered for all, and when.
    told: Option<(u32, Millis)>,
    /// Which commands were taken all the same, by which update, and when.
    commands: HashMap<Discriminant<Input>, (u32, Millis)>,
}

impl Chats {
    fn new(answered: usize) -> Self {
        Self { answered, chats: HashMap::new() }
    }

    fn count(&mut self, chat: ChatRef, update_id: u32, is_awaited: bool, now: Millis, window: Millis) -> Answering {
        if self.chats.len() >= CHATS_KEPT && !self.chats.contains_key(&chat) {
            self.chats.retain(|_, recent| recent.messages.back().is_some_and(|(_, at, _)| is_within(*at, now, window)));
        }
        let recent = self.chats.entry(chat).or_default();
        recent.messages.retain(|(_, at, _)| is_within(*at, now, window));
        if !recent.messages.iter().any(|(id, ..)| *id == update_id) {
            recent.messages.push_back((update_id, now, is_awaited));
        }
        if recent.messages.len() > self.answered * PATIENCE + 1 {
            recent.messages.pop_front();
        }
        let at_once = recent.messages.iter().filter(|(.., is_awaited)| !is_awaited).count();
        if at_once <= self.answered && recent.messages.len() <= self.answered * PATIENCE {
            return Answering::Each;
        }
        match recent.told {
            Some((id, at)) if id != update_id && is_within(at, now, window) => Answering::Silently,
            _ => {
                recent.told = Some((update_id, now));
                Answering::Once
            }
        }
    }
}

impl Chats {
    fn takes(
        &mut self,
        chat: ChatRef,
        update_id: u32,
        command: Discriminant<Input>,
        now: Millis,
        again: Millis,
    ) -> bool {
        let commands = &mut self.chats.entry(chat).or_default().commands;
        match commands.get(&command) {
            Some((id, at)) if *id != update_id && is_within(*at, now, again) => false,
            _ => {
                commands.insert(command, (update_id, now));
                true
            }
        }
    }
}

/// What a clock that was set back has left in the future is over.
fn is_within(at: Millis, now: Millis, window: Millis) -> bool {
    (0..window).contains(&(now - at))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// How messages sent every so often are answered: how many each, once, silently.
    fn answered(messages: u32, every: Millis, is_awaited: bool) -> [usize; 3] {
        let mut chats = Chats::new(20);
        let count = |id| chats.count(ChatRef::telegram(7), id, is_awaited, i64::from(id) * every, 60_000);
        let all: Vec<_> = (0..messages).map(count).collect();
        [Answering::Each, Answering::Once, Answering::Silently]
            .map(|kind| all.iter().filter(|answering| **answering == kind).count())
    }

    #[test]
    fn the_twenty_first_message_within_a_minute_is_answered_for_all_that_follow() {
        for (messages, every, expected) in [
            (20, 0, [20, 0, 0]),
            (21, 0, [20, 1, 0]),
            (100, 10, [20, 1, 79]),
            // For every minute that it goes on.
            (180, 1000, [20, 3, 157]),
            // Twenty a minute are none too many.
            (200, 3000, [200, 0, 0]),
        ] {
            assert_eq!(answered(messages, every, false), expected, "{messages} every {every}");
        }
        for (messages, every, expected) in [(60, 10, [60, 0, 0]), (100, 10, [60, 1, 39])] {
            assert_eq!(answered(messages, every, true), expected, "{messages} every {every}, one by one");
        }
    }

    #[test]
    fn an_update_that_comes_again_counts_once_and_is_answered_alike() {
        let mut chats = Chats::new(20);
        for _ in 0..30 {
            assert_eq!(chats.count(ChatRef::telegram(7), 1, false, 5, 60_000), Answering::Each);
        }
        for id in 2..=20 {
            assert_eq!(chats.count(ChatRef::telegram(7), id, false, 5, 60_000), Answering::Each);
        }
        for _ in 0..3 {
            assert_eq!(chats.count(ChatRef::telegram(7), 21, false, 6, 60_000), Answering::Once);
        }
        assert_eq!(chats.count(ChatRef::telegram(7), 22, false, 7, 60_000), Answering::Silently);
        assert_eq!(chats.count(ChatRef::telegram(8), 23, false, 7, 60_000), Answering::Each, "another chat");
        assert_eq!(chats.count(ChatRef::telegram(7), 24, false, 70_000, 60_000), Answering::Each, "a minute later");
        // The clock was set back.
        assert_eq!(chats.count(ChatRef::telegram(7), 25, false, 5, 60_000), Answering::Each);
    }

    #[test]
    fn quiet_chats_are_forgotten() {
        let mut chats = Chats::new(20);
        for chat in 0..5000 {
            chats.count(ChatRef::telegram(chat), 1, false, chat * 1000, 60_000);
        }
        assert!(chats.chats.len() <= CHATS_KEPT, "{}", chats.chats.len());
    }

    #[test]
    fn a_command_is_taken_in_a_flood_and_its_repeats_are_not() {
        let mut chats = Chats::new(2);
        let kind = |input: &Input| std::mem::discriminant(input);
        for (update, command, now, want) in [
            (1, Input::Delete, 0, true),
            (1, Input::Delete, 1, true),
            (2, Input::Delete, 2, false),
            (3, Input::Help, 3, true),
            (4, Input::Delete, 9, false),
            (5, Input::Delete, 11, true),
        ] {
            assert_eq!(chats.takes(ChatRef::telegram(7), update, kind(&command), now, 10), want, "{update}");
        }
    }
}
