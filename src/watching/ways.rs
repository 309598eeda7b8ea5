//! How leads are asked about, and which way is open. Pure.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::clock::{Clock, Millis};

/// A way that is closed is tried again after so long.
const TRY_AGAIN: Duration = Duration::from_secs(3600);

/// One of three ways.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, strum::IntoStaticStr)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum Way {
    /// By their ids, where the account's filters are on.
    Ids,
    /// By the events of moves, where the user behind the token may see them.
    Events,
    /// By the list of all leads, the newest changes first.
    Newest,
}

/// Which of them are closed, and until when.
#[derive(Debug, Clone, Copy, Default)]
pub struct Ways {
    ids_closed_until: Millis,
    events_closed_until: Millis,
    filters_asked_at: Option<Millis>,
}

impl Ways {
    /// The best one that is open.
    pub fn best(&self, now: Millis) -> Way {
        match () {
            () if self.ids_closed_until <= now => Way::Ids,
            () if self.events_closed_until <= now => Way::Events,
            () => Way::Newest,
        }
    }

    /// It does not work, for now.
    pub fn close(&mut self, way: Way, clock: Clock) {
        let until = clock.now() + clock.millis(TRY_AGAIN);
        match way {
            Way::Ids => self.ids_closed_until = until,
            Way::Events => self.events_closed_until = until,
            // There is none behind it.
            Way::Newest => {}
        }
    }

    /// Whether the account is to be asked if its filters are on; so often.
    pub fn asks_for_filters(&mut self, clock: Clock) -> bool {
        let now = clock.now();
        let again = self.filters_asked_at.is_none_or(|at| now - at >= clock.millis(TRY_AGAIN));
        if again {
            self.filters_asked_at = Some(now);
        }
        again
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_way_that_is_closed_is_tried_again_after_an_hour() {
        let (clock, mut ways) = (Clock::default(), Ways::default());
        let hour = clock.millis(TRY_AGAIN);
        assert_eq!(ways.best(clock.now()), Way::Ids);
        for (closes, then) in [(Way::Ids, Way::Events), (Way::Events, Way::Newest), (Way::Newest, Way::Newest)] {
            ways.close(closes, clock);
            assert_eq!(ways.best(clock.now()), then);
        }
        assert_eq!(ways.best(clock.now() + hour), Way::Ids);
        assert!(ways.asks_for_filters(clock) && !ways.asks_for_filters(clock));
        assert!(ways.asks_for_filters(clock.off_by(hour)));
    }
}
