//! Renewing a pair before it has to be.
//!
//! **Promise.** While [`TokenKeeper::upkeep`] is called once a minute, no buyer waits for a refresh, the refresh token's
//! three months never run out, and a grant that is gone is reported while its last access token still works.

use chrono::{DateTime, Utc};
use rand::Rng;
use tokio::time::Instant;

use super::error::TokenError;
use super::jwt::Claims;
use super::keeper::{State, TokenKeeper};
use super::plan::{Access, Candidate, Step, plan, problem, verdict};
use super::rejections::Reason;

/// A pair is renewed at a random moment this long before its access token ends, so that processes do not meet.
const AHEAD: std::ops::RangeInclusive<i64> = 15 * 60..=60 * 60;
/// And once a day whatever happens, so that the refresh token's three months never run out while nobody buys a car.
const DAILY: chrono::Duration = chrono::Duration::hours(24);
/// The longest pause between failed renewals ahead of time, in first pauses: a quarter of an hour.
const LONGEST_UPKEEP_PAUSE: u32 = 15;

/// How the tokens are looked after.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Upkeep {
    /// As they should be.
    Fine,
    /// A renewal has failed and is tried again later; nothing new is known.
    Paused,
}

impl TokenKeeper {
    /// Renews a pair ahead of time; to be called about once a minute.
    ///
    /// `Err` tells what stands in the way, also while the present access token still works. A failure is tried again
    /// after a growing pause, during which the result is [`Upkeep::Paused`].
    pub async fn upkeep(&self) -> Result<Upkeep, TokenError> {
        let candidates = self.read().await?;
        if self.state().upkeep_pause.is_some_and(|until| Instant::now() < until) {
            return Ok(Upkeep::Paused);
        }
        let replace = {
            let mut state = self.state();
            let at = self.circumstances(None);
            match plan(&candidates, &state.memory, at).first() {
                None => return Err(verdict(&candidates, &state.memory, at)),
                Some(Step::Refresh(..)) => None,
                Some(Step::Use(candidate, access)) => {
                    let Some(refresh) = &candidate.refresh else {
                        return Ok(Upkeep::Fine);
                    };
                    let due = due(&mut state, access, candidate);
                    if state.memory.is_refused(&refresh.print) || !at.can_refresh {
                        // The access token outlives the grant it came from: time to tell before it ends.
                        let reason = problem(candidate, &state.memory, at);
                        let long_lived = candidate.claims().is_some_and(Claims::is_long_lived);
                        return match reason {
                            Some(Reason::Moved(host)) => Err(TokenError::Moved { host }),
                            Some(Reason::Problem(reason)) if !long_lived => Err(TokenError::NeedsAuthorization {
                                reason,
                                origin: Some(candidate.source),
                                expired_at: None,
                            }),
                            _ => Ok(Upkeep::Fine),
                        };
                    }
                    if Utc::now() < due {
                        return Ok(Upkeep::Fine);
                    }
                    Some(access.print)
                }
            }
        };
        let result = self.obtain(replace).await;
        let mut state = self.state();
        match result {
            Ok(_) => {
                (state.upkeep_failures, state.upkeep_pause) = (0, None);
                Ok(Upkeep::Fine)
            }
            Err(error) => {
                let times = (1 << state.upkeep_failures.min(6)).min(LONGEST_UPKEEP_PAUSE);
                state.upkeep_failures += 1;
                state.upkeep_pause = Some(Instant::now() + self.inner.transport.timing().upkeep_pause * times);
                Err(error)
            }
        }
    }
}

/// When a pair is to be renewed: drawn once for each access token.
fn due(state: &mut State, access: &Access, candidate: &Candidate) -> DateTime<Utc> {
    if let Some((_, due)) = state.due.filter(|(print, _)| *print == access.print) {
        return due;
    }
    let now = Utc::now();
    let issued = state.memory.issued_at(access).unwrap_or(now);
    let end = state.memory.expires_at(access);
    let before_the_end = end.map(|end| {
        // A quarter of its life at most, for tokens made to last for less than the four hours this would take.
        let quarter = ((end - issued).num_seconds() / 4).max(1);
        end - chrono::Duration::seconds(rand::rng().random_range(AHEAD).min(quarter))
    });
    let daily = (!candidate.claims().is_some_and(Claims::is_long_lived)).then(|| issued + DAILY);
    let due = before_the_end.into_iter().chain(daily).min().unwrap_or(now + DAILY);
    state.due = Some((access.print, due));
    due
}
