//! The handle's part that deals with tokens.

use std::time::Duration;

use amocrm_lead_bot::clock::{self, Clock};
use chrono::{DateTime, Utc};

use super::FakeAmocrm;
use super::oauth::{Moved, ReusePolicy};

/// Tokens.
impl FakeAmocrm {
    /// What time it is here, from now on: by it tokens end, and entities are made and changed.
    pub fn goes_by(&self, clock: Clock) {
        self.set(|state| (state.oauth.clock, state.book.clock) = (clock, clock));
    }

    /// Sets the integration's id, secret and redirect URI; none of them is checked for a shape.
    pub fn credentials(&self, client_id: &str, client_secret: &str, redirect_uri: &str) {
        self.set(|state| {
            state.oauth.client_id = client_id.to_owned();
            state.oauth.client_secret = client_secret.to_owned();
            state.oauth.redirect_uri = redirect_uri.to_owned();
        });
    }

    /// The integration's id.
    pub fn client_id(&self) -> String {
        self.shared.state().oauth.client_id.clone()
    }

    /// The integration's secret.
    pub fn client_secret(&self) -> String {
        self.shared.state().oauth.client_secret.clone()
    }

    /// The integration's redirect URI.
    pub fn redirect_uri(&self) -> String {
        self.shared.state().oauth.redirect_uri.clone()
    }

    /// A new authorization code: 20 minutes, one use.
    pub fn issue_code(&self) -> String {
        self.set(|state| state.oauth.issue_code())
    }

    /// Lets the 20 minutes of a code pass.
    pub fn expire_code(&self, code: &str) {
        self.set(|state| state.oauth.expire_code(code));
    }

    /// A new pair: access token, refresh token.
    pub fn issue_pair(&self) -> (String, String) {
        let now = self.shared.state().oauth.clock.now();
        self.issue_pair_at(clock::date(now))
    }

    /// A pair issued at this time, from which its lifetimes count.
    pub fn issue_pair_at(&self, at: DateTime<Utc>) -> (String, String) {
        self.set(|state| {
            let owner = (state.account.id, state.account.current_user);
            state.oauth.issue_pair(at.timestamp_millis(), owner)
        })
    }

    /// A long-lived access token that expires then.
    pub fn issue_long_lived(&self, exp: DateTime<Utc>) -> String {
        self.set(|state| {
            let owner = (state.account.id, state.account.current_user);
            state.oauth.issue_long_lived(exp.timestamp(), owner)
        })
    }

    /// How long new access tokens live (a day at first).
    pub fn access_lifetime(&self, lifetime: Duration) {
        self.set(|state| state.oauth.access_lifetime = lifetime);
    }

    /// What a refresh token is worth after its use; [`ReusePolicy::Strict`] at first.
    pub fn reuse_policy(&self, policy: ReusePolicy) {
        self.set(|state| state.oauth.policy = policy);
    }

    /// Whether the token endpoint takes forms beside JSON; it does at first.
    pub fn accept_forms(&self, accept: bool) {
        self.set(|state| state.oauth.accepts_forms = accept);
    }

    /// Whether a refresh revokes the access token of the old pair; it does not at first.
    pub fn refresh_revokes_access(&self, revokes: bool) {
        self.set(|state| state.oauth.refresh_revokes_access = revokes);
    }

    /// Every access token that exists, long-lived ones too, has expired.
    pub fn expire_access_tokens(&self) {
        self.set(|state| state.oauth.expire_access_tokens());
    }

    /// Every refresh token that exists has expired.
    pub fn expire_refresh_token(&self) {
        self.set(|state| state.oauth.expire_refresh_tokens());
    }

    /// Every token that exists is revoked.
    pub fn revoke_all(&self) {
        self.set(|state| state.oauth.revoke_all());
    }

    /// The integration is switched off: no token works and none is issued.
    pub fn disable_integration(&self) {
        self.set(|state| state.oauth.disabled = true);
    }

    /// The integration is switched on again; tokens that were good are good.
    pub fn enable_integration(&self) {
        self.set(|state| state.oauth.disabled = false);
    }

    /// The account has another host now; here only the subdomain endpoint still serves it.
    pub fn moved_to(&self, subdomain: &str, domain: &str) {
        let moved = Moved { subdomain: subdomain.to_owned(), domain: domain.to_owned() };
        self.set(|state| state.oauth.moved = Some(moved));
    }

    /// What a refresh answers at the old host: 401 (at first) or 404.
    pub fn moved_refresh_status(&self, status: u16) {
        self.set(|state| state.oauth.moved_refresh_status = status);
    }

    /// The account is back at this host.
    pub fn moved_back(&self) {
        self.set(|state| state.oauth.moved = None);
    }

    /// The `api_domain` of new access tokens.
    pub fn api_domain(&self, domain: &str) {
        self.set(|state| state.oauth.api_domain = domain.to_owned());
    }

    /// How many refreshes gave a new pair, whether or not the answer arrived.
    pub fn refreshes(&self) -> usize {
        self.shared.state().oauth.succeeded
    }

    /// How many refreshes the token endpoint itself refused.
    pub fn refreshes_failed(&self) -> usize {
        self.shared.state().oauth.failed
    }

    /// How often a refresh token was presented, whatever came of it.
    pub fn times_presented(&self, refresh_token: &str) -> usize {
        let state = self.shared.state();
        state.oauth.presented.get(refresh_token).copied().unwrap_or(0)
    }

    /// How often each refresh token gave a new pair, of those that did.
    pub fn exchanges(&self) -> Vec<usize> {
        self.shared.state().oauth.exchanged.values().copied().collect()
    }
}
