//! How fast a group is written to: Telegram takes no more than twenty messages a minute there
//! (core.telegram.org/bots/faq#my-bot-is-hitting-limits-how-do-i-avoid-this). Pure.
//!
//! The last of the twenty are kept for cards of new leads, so that a card never waits for a whole minute behind copies.

use std::{collections::VecDeque, time::Duration};

use tokio::time::Instant;

/// So many messages a group gets within [`WITHIN`].
const MOST: usize = 20;

/// So many of them are for cards alone.
const FOR_CARDS: usize = 4;

/// Telegram's minute.
pub(super) const WITHIN: Duration = Duration::from_secs(60);

/// What one group got lately.
#[derive(Debug)]
pub(super) struct GroupPace {
    within: Duration,
    sent: VecDeque<Instant>,
}

impl GroupPace {
    /// Nothing yet; `within` is Telegram's minute as this process counts it.
    pub fn new(within: Duration) -> Self {
        Self { within, sent: VecDeque::with_capacity(MOST) }
    }

    /// When the next message may go out; `None` is now.
    pub fn next_at(&self, is_card: bool, now: Instant) -> Option<Instant> {
        let most = if is_card { MOST } else { MOST - FOR_CARDS };
        let at = self.sent.len().checked_sub(most)?;
        self.sent.get(at).map(|first| *first + self.within).filter(|free| *free > now)
    }

    /// A message goes out.
    pub fn sends(&mut self, now: Instant) {
        if self.sent.len() >= MOST {
            self.sent.pop_front();
        }
        self.sent.push_back(now);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Sends a mix, each as soon as it may; returns the seconds at which they went.
    fn times(cards: impl Iterator<Item = bool>) -> Vec<u64> {
        let (start, mut pace) = (Instant::now(), GroupPace::new(WITHIN));
        let mut now = start;
        cards
            .map(|is_card| {
                now = pace.next_at(is_card, now).unwrap_or(now);
                pace.sends(now);
                (now - start).as_secs()
            })
            .collect()
    }

    #[test]
    fn no_minute_has_more_than_twenty_and_the_last_are_for_cards() {
        for times in
            [times((0..200).map(|_| true)), times((0..200).map(|_| false)), times((0..200).map(|n| n % 3 == 0))]
        {
            for from in &times {
                let within = times.iter().filter(|at| (*from..from + 60).contains(at)).count();
                assert!(within <= MOST, "{within} from {from}: {times:?}");
            }
            assert!(times.last() < Some(&(200 / (MOST - FOR_CARDS) as u64 * 60 + 60)), "{times:?}");
        }
        assert_eq!(times((0..21).map(|_| true))[19..], [0, 60]);
        assert_eq!(times((0..17).map(|_| false))[15..], [0, 60]);
    }

    #[test]
    fn a_card_goes_where_copies_have_to_wait() {
        let (start, mut pace) = (Instant::now(), GroupPace::new(WITHIN));
        let later = |seconds| start + Duration::from_secs(seconds);
        assert_eq!(pace.next_at(false, start), None);
        for _ in 0..MOST - FOR_CARDS {
            pace.sends(start);
        }
        assert_eq!(pace.next_at(false, later(1)), Some(later(60)));
        assert_eq!(pace.next_at(true, later(1)), None);
        for second in 1..=4 {
            assert_eq!(pace.next_at(true, later(second)), None);
            pace.sends(later(second));
        }
        assert_eq!((pace.next_at(true, later(5)), pace.next_at(false, later(5))), (Some(later(60)), Some(later(60))));
        assert_eq!((pace.next_at(true, later(60)), pace.next_at(false, later(60))), (None, None));
    }
}
