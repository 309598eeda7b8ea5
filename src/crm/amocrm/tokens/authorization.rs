//! How a person lets the bot into the account: the page that gives a code, and the code's trade for tokens.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use secrecy::{ExposeSecret, SecretString};
use url::Url;

use super::code;
use super::error::{AuthProblem, TokenError};
use super::jwt::Claims;
use super::refresh::{Refresher, needs};

/// What came of an authorization code.
#[derive(Debug, Clone)]
pub struct TokenInfo {
    /// When the access token ends (UTC), where known.
    pub access_expires_at: Option<DateTime<Utc>>,
    /// The account, where the token tells.
    pub account_id: Option<i64>,
}

/// The way to new tokens with an admin's help; clones share everything.
#[derive(Debug, Clone)]
pub struct Authorization {
    refresher: Arc<Refresher>,
}

impl Authorization {
    pub(super) fn new(refresher: Arc<Refresher>) -> Self {
        Self { refresher }
    }

    /// The page on which an admin allows the integration; `state` comes back with the code.
    pub fn url(&self, state: &str) -> Result<Url, TokenError> {
        let integration = self.refresher.integration.as_ref().ok_or_else(|| needs(AuthProblem::NoIntegration))?;
        code::authorization_url(self.refresher.address.configured_host(), &integration.client_id, state)
            .map_err(|error| TokenError::Transient { cause: error.to_string(), retry_after: None })
    }

    /// Trades an authorization code for tokens and stores them.
    ///
    /// `host` is the `referer` of the redirect, if there was one: another account than the configured one is refused,
    /// and so is anything outside `amocrm.ru`, `amocrm.com`, `kommo.com`, which would be handed the client secret. The
    /// code is good for one use: after [`TokenError::Transient`] a new one is needed.
    pub async fn exchange_code(&self, code: &str, host: Option<&str>) -> Result<TokenInfo, TokenError> {
        // On a task of its own, as every use of something that works only once.
        let (authorization, code, host) = (self.clone(), SecretString::from(code), host.map(str::to_owned));
        let task = tokio::spawn(async move { authorization.exchange_now(&code, host.as_deref()).await });
        task.await.unwrap_or_else(|error| Err(TokenError::Transient { cause: error.to_string(), retry_after: None }))
    }

    async fn exchange_now(&self, code: &SecretString, host: Option<&str>) -> Result<TokenInfo, TokenError> {
        let refresher = &self.refresher;
        let integration = refresher.integration.as_ref().ok_or_else(|| needs(AuthProblem::NoIntegration))?;
        let base = refresher.address.base_for_code(host).map_err(|host| needs(AuthProblem::WrongAccount { host }))?;
        let token = refresher.trade(code.expose_secret(), &base, integration).await?;
        tracing::info!("new amoCRM tokens were obtained with an authorization code");
        let candidates = refresher.inventory.read().await?;
        let access = candidates.with_access(token.fingerprint).and_then(|candidate| candidate.access.as_ref());
        let claims = Claims::decode(token.token.expose_secret()).unwrap_or_default();
        Ok(TokenInfo {
            access_expires_at: access.and_then(|access| refresher.inventory.known().rejections.expires_at(access)),
            account_id: claims.account_id,
        })
    }

    /// Looks for the account's new host after its address turned out to be wrong; asks rarely. `Some` when it has moved.
    pub(in crate::crm::amocrm) async fn find_host(&self) -> Option<String> {
        self.refresher.find_host().await
    }
}
