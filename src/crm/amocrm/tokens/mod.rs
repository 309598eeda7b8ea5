//! Access to one account: which token to call with, how it is refreshed, and where it is kept.
//!
//! **Promise.** As long as one candidate (stored, previous, environment) is still honoured by amoCRM, [`TokenKeeper`]
//! finds it without anybody's help; when none is, it says why, stops asking, and goes on by itself once somebody has
//! put new tokens into the storage.
//!
//! **Races, and the answer to each.**
//! - *Twenty tasks meet one expired token.* One refreshes under the refresh lock; the others find the new token when their
//!   turn comes, because everything is read again then.
//! - *Two processes refresh at once.* A refresh happens only under the storage's lock, after reading again.
//! - *The answer to a refresh is lost.* Nothing was stored, so the old refresh token is sent again; amoCRM documents
//!   that it works until the new one is used.
//! - *The process dies, or the disk is full, between the answer and the storage.* The new pair is not used before it is
//!   stored for good, so the old refresh token still works.
//! - *The caller is cancelled during a refresh.* The refresh runs on a task of its own and is carried through.
//! - *The new pair does not work.* It is unverified: the pair before it is kept until the new one has worked once. An
//!   unverified access token that is refused is not refreshed again at once (that would rotate for ever): most likely the
//!   integration is switched off. It is refreshed after a cooldown that grows, in case that access token alone is dead.
//! - *A person rewrites the files, in any order or only one of them.* They are read before every use (kept for
//!   seconds) and after every 401; refusals are remembered by fingerprint, so whatever is new is tried.
//! - *This machine's calendar is wrong.* The end of a token obtained here is counted from when it came, and pauses go by
//!   the clock that only goes forward.
//!
//! From the bottom up: [`token`] and [`jwt`] are values, [`storage`] keeps a pair, [`candidates`] are all there is to try,
//! [`rejections`] what amoCRM has refused, [`verdict`] what is wrong with each, [`plan`] what to try next, [`proactive`] when
//! to refresh before it has to be (these five without I/O), [`oauth`] asks amoCRM, [`refresh`] gets new pairs and is alone in it, [`keeper`] gives tokens
//! to whoever calls, [`authorization`] takes a code from a person, [`status`] tells people, [`moving`] goes along with a store.

mod authorization;
mod candidates;
mod code;
mod error;
mod inventory;
mod jwt;
mod keeper;
mod moving;
mod oauth;
mod plan;
mod proactive;
mod refresh;
mod rejections;
mod status;
mod storage;
mod token;
mod verdict;

use std::time::Duration;

pub use authorization::{Authorization, TokenInfo};
pub use code::{CodeError, PastedCode, parse_code};
pub use error::{AuthProblem, Source, TokenError};
pub use keeper::TokenKeeper;
pub use moving::move_tokens;
pub use proactive::Proactive;
pub use status::{TokenKind, TokensInfo};
pub use storage::{Previous, Stored, TokenStorage, TokenStorageLock};
pub use token::{AccessToken, Fingerprint, TokenPair};

/// When tokens are read, tried and refreshed again; tests shorten the pauses.
#[derive(Debug, Clone)]
pub struct TokenPolicy {
    /// How often stored tokens are looked at for a change made by somebody else (2 s).
    pub poll_interval: Duration,
    /// How long to wait for another process that is refreshing (60 s).
    pub lock_wait: Duration,
    /// A lock in the database outlives its dead holder for so long (50 s): longer than a refresh can take.
    pub lock_expiry: Duration,
    /// The pause before a refresh whose answer was lost is repeated (1 s).
    pub repeat_pause: Duration,
    /// When tokens are tried again whose refusal amoCRM's side can undo (10 min): an integration switched on again, a
    /// setting corrected.
    pub rejection_cooldown: Duration,
    /// When a pair whose access token was refused before it ever worked is refreshed (2 min, then doubled), in case amoCRM
    /// was only slow to learn of it.
    pub unverified_cooldown: Duration,
    /// The first pause after a refresh ahead of time has failed (1 min), doubled up to a quarter of an hour.
    pub proactive_pause: Duration,
}

impl Default for TokenPolicy {
    fn default() -> Self {
        Self {
            poll_interval: Duration::from_secs(2),
            // Longer than the lock of a dead process is held, and that longer than a living one can need: two refreshes and
            // the question for a new address.
            lock_wait: Duration::from_secs(60),
            lock_expiry: Duration::from_secs(50),
            repeat_pause: Duration::from_secs(1),
            rejection_cooldown: Duration::from_secs(10 * 60),
            unverified_cooldown: Duration::from_secs(2 * 60),
            proactive_pause: Duration::from_secs(60),
        }
    }
}
