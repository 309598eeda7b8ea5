//! The keeper of the tokens: one access token for whoever asks, refreshed before it ends, never lost.

use std::sync::Arc;

use super::TokenPolicy;
use super::authorization::Authorization;
use super::error::TokenError;
use super::inventory::Inventory;
use super::plan::Plan;
use super::proactive::{Look, Proactive};
use super::refresh::Refresher;
use super::storage::TokenStorage;
use super::token::AccessToken;
use crate::clock::Clock;
use crate::config::AmocrmSettings;
use crate::crm::amocrm::address::AccountAddress;
use crate::crm::amocrm::transport::Transport;

/// Keeps the tokens of one account; clones share everything.
#[derive(Debug, Clone)]
pub struct TokenKeeper {
    pub(super) inventory: Arc<Inventory>,
    pub(super) refresher: Arc<Refresher>,
    policy: TokenPolicy,
}

impl TokenKeeper {
    /// A keeper for this account; nothing is read or sent yet.
    pub(in crate::crm::amocrm) fn new(
        settings: &AmocrmSettings,
        storage: TokenStorage,
        address: Arc<AccountAddress>,
        transport: Transport,
        clock: Clock,
        policy: TokenPolicy,
    ) -> Self {
        let inventory = Arc::new(Inventory::new(settings, storage, clock));
        let integration = settings.integration.clone();
        let refresher = Refresher::new(inventory.clone(), address, integration, transport, policy.clone());
        Self { inventory, refresher: Arc::new(refresher), policy }
    }

    /// How a person gives the bot new tokens.
    pub fn authorization(&self) -> Authorization {
        Authorization::new(self.refresher.clone())
    }

    /// An access token to call with, refreshed first when it has ended or is about to.
    pub async fn access(&self) -> Result<AccessToken, TokenError> {
        let candidates = self.inventory.read_within(self.policy.poll_interval).await?;
        if let Plan::Use(_, access) =
            Plan::decide(&candidates, &self.inventory.known().rejections, self.inventory.now())
        {
            return Ok(access.token.clone());
        }
        self.refresher.clone().obtain(None).await
    }

    /// The next access token after a 401 with `used`: one that somebody else has put there, a new one, or the next
    /// candidate's. Each refused token is presented once.
    pub async fn access_after_rejection(&self, used: &AccessToken) -> Result<AccessToken, TokenError> {
        let candidates = self.inventory.read().await?;
        {
            let (mut known, now) = (self.inventory.known(), self.inventory.now());
            let unverified = known.unverified == Some(used.fingerprint);
            known.rejections.refuse_access(used.fingerprint, unverified, &candidates, &self.policy, now);
        }
        self.refresher.clone().obtain(None).await
    }

    /// Takes note that a call with this token has succeeded; the pair before it is not needed any more.
    pub fn mark_accepted(&self, used: &AccessToken) {
        if self.inventory.known().mark_accepted(used.fingerprint) {
            let (inventory, accepted) = (self.inventory.clone(), used.fingerprint);
            tokio::spawn(async move {
                if let Err(error) = inventory.storage.discard_previous(accepted).await {
                    tracing::warn!(%error, "the previous tokens could not be removed");
                }
            });
        }
    }

    /// Refreshes a pair ahead of time; to be called about once a minute.
    ///
    /// `Err` tells what stands in the way, also while the present access token still works. A failure is tried again
    /// after a growing pause, during which the result is [`Proactive::Paused`].
    pub async fn refresh_proactively(&self) -> Result<Proactive, TokenError> {
        let candidates = self.inventory.read().await?;
        let look = {
            let (mut known, now) = (self.inventory.known(), self.inventory.now());
            let known = &mut *known;
            known.schedule.look(&candidates, &known.rejections, now)
        };
        let replaced = match look {
            Look::Nothing(state) => return Ok(state),
            Look::Tell(error) => return Err(error),
            Look::Refresh(replaced) => replaced,
        };
        let result = self.refresher.clone().obtain(replaced).await;
        let (mut known, now) = (self.inventory.known(), self.inventory.now());
        match result {
            Ok(_) => {
                known.schedule.resume();
                Ok(Proactive::Fine)
            }
            Err(error) => {
                known.schedule.failed(&self.policy, now);
                Err(error)
            }
        }
    }

    /// Somebody says that what stood in the way is fixed: refusals that amoCRM's side can undo are not waited out.
    pub fn forget_rejections(&self) {
        self.inventory.known().forgive_what_may_heal();
    }

    /// Resolves when there is something to try that amoCRM has not refused: somebody has put new tokens into the
    /// storage, or a cooldown is over. Looks every [`TokenPolicy::poll_interval`].
    pub async fn wait_for_usable(&self) {
        loop {
            if let Ok(candidates) = self.inventory.read().await
                && !Plan::decide(&candidates, &self.inventory.known().rejections, self.inventory.now()).is_hopeless()
            {
                return;
            }
            tokio::time::sleep(self.policy.poll_interval).await;
        }
    }
}
