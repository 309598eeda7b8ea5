//! Which of several ways to Telegram is taken: one at a time, for polls and sends together.
//!
//! A way is left after `UNCONNECTED` failures in a row to connect, or when nothing good has come for a while, and the
//! next one is tried at once; the first is preferred and tried again from time to time. Polls and sends are judged
//! apart, since a way may let short requests pass and swallow those that are held. What Telegram itself refuses (a
//! token, too many requests) is a good answer: the way is not to blame.
//!
//! [`Choice`] is the rule, without I/O; [`Routes`] shares it.

use std::{
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::{sync::watch, time::Instant};
use tracing::{info, warn};

/// Failures in a row to connect after which a way is left.
const UNCONNECTED: u32 = 3;

/// Sends may fail for the sake of one chat, so it takes more than one to leave a way.
const SILENT_SENDS: u32 = 3;

/// What a request was.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Held by Telegram until there is something to say.
    Poll,
    /// Answered at once.
    Send,
}

/// What came of a request, as to the way it took.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// Telegram has answered, whatever it said.
    Good,
    /// Nobody was reached, or a proxy lets nobody through.
    NotConnected,
    /// Somebody was reached, and no answer of Telegram's came.
    NoAnswer,
}

/// How patient the choice is.
#[derive(Debug, Clone, Copy)]
pub struct Patience {
    /// How long a way may go without a good answer before it is left.
    pub silence: Duration,
    /// How long it takes until the first way is tried again.
    pub again: Duration,
}

/// The rule: which way is taken, and why.
#[derive(Debug)]
pub struct Choice {
    count: usize,
    patience: Patience,
    current: usize,
    /// Failures in a row to connect.
    unconnected: u32,
    /// Since when polls have had no good answer.
    polls_silent: Option<Instant>,
    /// Since when sends have had none, and how many.
    sends_silent: Option<(Instant, u32)>,
    /// Ways left since a poll was answered.
    left: usize,
    last_poll: Instant,
    preferred_at: Instant,
}

impl Choice {
    /// A choice between so many ways, of which the first is taken.
    pub fn new(count: usize, patience: Patience, now: Instant) -> Self {
        Self {
            count: count.max(1),
            patience,
            current: 0,
            unconnected: 0,
            polls_silent: None,
            sends_silent: None,
            left: 0,
            last_poll: now,
            preferred_at: now,
        }
    }

    /// The way to take.
    pub fn current(&self) -> usize {
        self.current
    }

    /// Whether every way was left since a poll was answered last.
    pub fn all_failed(&self) -> bool {
        self.left >= self.count
    }

    /// Whether no way works, and not only for a moment.
    pub fn is_unreachable(&self, now: Instant) -> bool {
        self.all_failed() && now.saturating_duration_since(self.last_poll) >= self.patience.silence
    }

    /// What came of a request that began then; true when the way was left for its sake.
    pub fn ended(&mut self, route: usize, kind: Kind, outcome: Outcome, begun: Instant, now: Instant) -> bool {
        if route != self.current {
            return false;
        }
        match (outcome, kind) {
            (Outcome::Good, Kind::Poll) => {
                (self.unconnected, self.polls_silent, self.left, self.last_poll) = (0, None, 0, now);
                return false;
            }
            (Outcome::Good, Kind::Send) => {
                (self.unconnected, self.sends_silent) = (0, None);
                return false;
            }
            (Outcome::NotConnected, _) => self.unconnected += 1,
            (Outcome::NoAnswer, _) => self.unconnected = 0,
        }
        let is_silent = match kind {
            Kind::Poll => {
                let since = *self.polls_silent.get_or_insert(begun);
                // Where none works, one look at each is enough.
                self.all_failed() || now.saturating_duration_since(since) >= self.patience.silence
            }
            Kind::Send => {
                let (since, times) = self.sends_silent.get_or_insert((begun, 0));
                *times += 1;
                *times >= SILENT_SENDS && now.saturating_duration_since(*since) >= self.patience.silence
            }
        };
        if !is_silent && self.unconnected < UNCONNECTED {
            return false;
        }
        if self.current == 0 {
            self.preferred_at = now + self.patience.again;
        }
        self.left += 1;
        self.take((self.current + 1) % self.count);
        true
    }

    /// Whether the first way is to be tried again.
    pub fn is_preferred_due(&self, now: Instant) -> bool {
        self.current != 0 && now >= self.preferred_at
    }

    /// The first way was tried beside the one that is taken.
    pub fn preferred_tried(&mut self, works: bool, now: Instant) {
        if works {
            self.take(0);
        } else {
            self.preferred_at = now + self.patience.again;
        }
    }

    fn take(&mut self, route: usize) {
        (self.current, self.unconnected, self.polls_silent, self.sends_silent) = (route, 0, None, None);
    }
}

/// The choice of one bot, shared by all that talk to Telegram.
#[derive(Debug)]
pub struct Routes {
    choice: Mutex<Choice>,
    names: Vec<String>,
    current: watch::Sender<usize>,
}

impl Routes {
    /// A choice between ways of these names.
    pub fn new(names: Vec<String>, patience: Patience) -> Self {
        let choice = Mutex::new(Choice::new(names.len(), patience, Instant::now()));
        Self { choice, names, current: watch::channel(0).0 }
    }

    fn choice(&self) -> MutexGuard<'_, Choice> {
        self.choice.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The way to take now.
    pub fn current(&self) -> usize {
        self.choice().current()
    }

    /// The name of a way, without anything secret.
    pub fn name(&self, route: usize) -> &str {
        self.names.get(route).map_or("", String::as_str)
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        self.names.len()
    }

    /// See [`Choice::all_failed`].
    pub fn all_failed(&self) -> bool {
        self.choice().all_failed()
    }

    /// See [`Choice::is_unreachable`].
    pub fn is_unreachable(&self) -> bool {
        self.choice().is_unreachable(Instant::now())
    }

    /// Resolves when another way than this one is taken.
    pub async fn left(&self, route: usize) {
        let mut current = self.current.subscribe();
        // The sender lives as long as this value.
        let _ = current.wait_for(|current| *current != route).await;
    }

    /// What came of a request that began then.
    pub fn ended(&self, route: usize, kind: Kind, outcome: Outcome, begun: Instant) {
        let mut choice = self.choice();
        if !choice.ended(route, kind, outcome, begun, Instant::now()) {
            return;
        }
        let (to, all_failed) = (choice.current(), choice.all_failed());
        drop(choice);
        if to != route {
            if !all_failed {
                warn!(
                    left = self.name(route),
                    taken = self.name(to),
                    "a way to Telegram does not work; taking the next"
                );
            }
            self.current.send_replace(to);
        }
    }

    /// See [`Choice::is_preferred_due`].
    pub fn is_preferred_due(&self) -> bool {
        self.choice().is_preferred_due(Instant::now())
    }

    /// See [`Choice::preferred_tried`].
    pub fn preferred_tried(&self, works: bool) {
        let mut choice = self.choice();
        choice.preferred_tried(works, Instant::now());
        let to = choice.current();
        drop(choice);
        if works {
            info!(taken = self.name(to), "the first way to Telegram works again");
            self.current.send_replace(to);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PATIENCE: Patience = Patience { silence: Duration::from_secs(30), again: Duration::from_secs(600) };

    /// What happens, each at a second: kind, outcome, the second it began; and the way that is taken after it.
    fn play(count: usize, story: &[(u64, Kind, Outcome, u64, usize)]) -> Choice {
        let start = Instant::now();
        let at = |second| start + Duration::from_secs(second);
        let mut choice = Choice::new(count, PATIENCE, start);
        for (number, (now, kind, outcome, begun, taken)) in story.iter().enumerate() {
            let route = choice.current();
            let left = choice.ended(route, *kind, *outcome, at(*begun), at(*now));
            assert_eq!(choice.current(), *taken, "step {number}");
            assert!(!left || choice.left > 0, "step {number}");
        }
        choice
    }

    use Kind::{Poll, Send};
    use Outcome::{Good, NoAnswer, NotConnected};

    #[tokio::test]
    async fn a_way_is_left_after_three_failures_in_a_row_to_connect() {
        play(3, &[(1, Poll, NotConnected, 1, 0), (2, Poll, NotConnected, 2, 0), (3, Poll, NotConnected, 3, 1)]);
        // Polls and sends count together.
        play(2, &[(1, Poll, NotConnected, 1, 0), (2, Send, NotConnected, 2, 0), (3, Send, NotConnected, 3, 1)]);
        // A good answer, and one that breaks, end the row.
        for between in [Good, NoAnswer] {
            play(
                2,
                &[
                    (1, Poll, NotConnected, 1, 0),
                    (2, Poll, NotConnected, 2, 0),
                    (3, Send, between, 3, 0),
                    (4, Poll, NotConnected, 4, 0),
                    (5, Poll, NotConnected, 5, 0),
                    (6, Poll, NotConnected, 6, 1),
                ],
            );
        }
    }

    #[tokio::test]
    async fn a_way_is_left_after_half_a_minute_of_polls_without_an_answer() {
        // One poll that hangs, however well sends go.
        play(2, &[(5, Send, Good, 5, 0), (20, Send, Good, 20, 0), (30, Poll, NoAnswer, 0, 1)]);
        // A page of a proxy's again and again; a good answer begins again.
        play(2, &[(1, Poll, NoAnswer, 1, 0), (30, Poll, NoAnswer, 30, 0), (31, Poll, NoAnswer, 31, 1)]);
        play(2, &[(1, Poll, NoAnswer, 1, 0), (30, Poll, Good, 5, 0), (31, Poll, NoAnswer, 31, 0)]);
    }

    #[tokio::test]
    async fn one_chat_that_is_slow_says_nothing_of_the_way() {
        play(2, &[(5, Send, NoAnswer, 0, 0), (100, Send, NoAnswer, 95, 0), (101, Send, Good, 101, 0)]);
        play(2, &[(5, Send, NoAnswer, 0, 0), (20, Send, NoAnswer, 15, 0), (30, Send, NoAnswer, 25, 1)]);
    }

    #[tokio::test]
    async fn where_none_works_each_is_looked_at_in_turn_and_that_is_known() {
        let refused = |at| (at, Poll, NotConnected, at);
        let with = |(at, kind, outcome, begun), taken| (at, kind, outcome, begun, taken);
        let mut story: Vec<_> = (0..6).map(|at| with(refused(at), [0, 0, 1, 1, 1, 0][at as usize])).collect();
        assert!(!play(2, &story[..5]).all_failed());
        let choice = play(2, &story);
        let start = choice.last_poll;
        assert!(choice.all_failed() && !choice.is_unreachable(start + Duration::from_secs(29)));
        assert!(choice.is_unreachable(start + Duration::from_secs(30)));
        story.extend([with(refused(40), 1), (60, Poll, NoAnswer, 50, 0)]);
        // Sends do not say that polls work, nor do they hurry the turn.
        story.extend([(61, Send, Good, 61, 0), (70, Send, NoAnswer, 65, 0)]);
        assert!(play(2, &story).all_failed());
        story.push((71, Poll, Good, 71, 0));
        assert!(!play(2, &story).all_failed());
    }

    #[tokio::test]
    async fn a_single_way_is_kept_and_its_failure_known() {
        let choice =
            play(1, &[(1, Poll, NotConnected, 1, 0), (2, Poll, NotConnected, 2, 0), (3, Poll, NotConnected, 3, 0)]);
        assert!(choice.all_failed() && !choice.is_preferred_due(choice.last_poll + Duration::from_secs(9999)));
    }

    #[tokio::test]
    async fn the_first_way_is_tried_again_every_ten_minutes() {
        let mut choice = play(2, &[(30, Poll, NoAnswer, 0, 1)]);
        let start = choice.last_poll;
        let at = |second| start + Duration::from_secs(second);
        assert!(!choice.is_preferred_due(at(629)) && choice.is_preferred_due(at(630)));
        choice.preferred_tried(false, at(640));
        assert!(choice.current() == 1 && !choice.is_preferred_due(at(1239)) && choice.is_preferred_due(at(1240)));
        choice.preferred_tried(true, at(1240));
        assert!(choice.current() == 0 && !choice.is_preferred_due(at(9999)));
        // What still came over the way that was left says nothing.
        assert!(!choice.ended(1, Poll, NotConnected, at(1240), at(1250)));
        assert_eq!(choice.unconnected, 0);
    }
}
