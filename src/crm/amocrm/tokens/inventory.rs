//! What tokens there are and what is known of them: the storage, the settings, and this process's memory in one place, for
//! those who use tokens ([`super::keeper`]) and those who get new ones ([`super::refresh`]).

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};
use tokio::time::Instant;

use super::candidates::Candidates;
use super::error::{Source, TokenError};
use super::proactive::Schedule;
use super::rejections::Rejections;
use super::storage::TokenStorage;
use super::token::{Access, Fingerprint, Now, TokenPair, clean};
use crate::clock::Clock;
use crate::config::AmocrmSettings;

/// The tokens of one account.
#[derive(Debug)]
pub(super) struct Inventory {
    pub storage: TokenStorage,
    environment: TokenPair,
    can_refresh: bool,
    clock: Clock,
    known: Mutex<Known>,
}

/// What this process knows.
#[derive(Debug, Default)]
pub(super) struct Known {
    pub rejections: Rejections,
    pub schedule: Schedule,
    /// What was read last, and when.
    pub read: Option<(Instant, Candidates)>,
    /// The stored access token, while the pair before it is kept because it has not worked yet.
    pub unverified: Option<Fingerprint>,
    /// The access token that has worked, whatever the storage still says of it.
    verified: Option<Fingerprint>,
}

impl Inventory {
    pub fn new(settings: &AmocrmSettings, storage: TokenStorage, clock: Clock) -> Self {
        let token = |text: &Option<SecretString>| text.as_ref().and_then(|text| clean(text.expose_secret()));
        Self {
            storage,
            environment: TokenPair { access: token(&settings.access_token), refresh: token(&settings.refresh_token) },
            can_refresh: settings.integration.is_some(),
            clock,
            known: Mutex::default(),
        }
    }

    pub fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn now(&self) -> Now {
        Now::by(self.clock)
    }

    /// Reads what there is to try.
    pub async fn read(&self) -> Result<Candidates, TokenError> {
        let stored = self.storage.read().await?;
        let candidates = Candidates::new(&stored, &self.environment, self.can_refresh);
        let of_storage = candidates.iter().find(|candidate| candidate.source == Source::Stored);
        let access = of_storage.and_then(|candidate| candidate.access.as_ref()).map(Access::fingerprint);
        let waits = |access: &Fingerprint| stored.previous.as_ref().is_some_and(|previous| previous.waits_for(access));
        let mut known = self.known();
        known.unverified = access.filter(|access| waits(access) && known.verified != Some(*access));
        known.read = Some((Instant::now(), candidates.clone()));
        Ok(candidates)
    }

    /// The same, also from a reading that is not older than this.
    pub async fn read_within(&self, age: Duration) -> Result<Candidates, TokenError> {
        let recent = self.known().read.clone().filter(|(at, _)| at.elapsed() < age);
        match recent {
            Some((_, candidates)) => Ok(candidates),
            None => self.read().await,
        }
    }
}

impl Known {
    /// A call with this access token has succeeded; `true` when the pair before it need not be kept any longer.
    pub fn mark_accepted(&mut self, access: Fingerprint) -> bool {
        let pair = self.read.as_ref().and_then(|(_, candidates)| candidates.with_access(access));
        let refresh = pair.and_then(|pair| Some(pair.refresh.as_ref()?.fingerprint));
        self.rejections.accept(access, refresh);
        let is_new = self.unverified == Some(access);
        if is_new {
            (self.unverified, self.verified) = (None, Some(access));
            self.rejections.verified();
        }
        is_new
    }

    /// Somebody says that what stood in the way is fixed.
    pub fn forgive_what_may_heal(&mut self) {
        let nothing = Candidates::default();
        let candidates = self.read.as_ref().map_or(&nothing, |(_, candidates)| candidates);
        self.rejections.forgive_what_may_heal(candidates);
        self.schedule.resume();
    }
}
