//! Tokens: how they are issued, rotated, expired and refused.

use std::collections::HashMap;
use std::time::Duration;

use amocrm_lead_bot::clock::Clock;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Map, Value, json};

use super::wire::{Answer, hex};

/// How long a code can be exchanged.
const CODE_LIFETIME: Duration = Duration::from_secs(20 * 60);

/// How long an unused refresh token lives: three months.
const REFRESH_LIFETIME: Duration = Duration::from_secs(90 * 24 * 3600);

/// How long an access token lives.
const ACCESS_LIFETIME: Duration = Duration::from_secs(24 * 3600);

/// What a refresh token is worth after it was exchanged (the documentation says both).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReusePolicy {
    /// Nothing: the second use answers `Token has been revoked`.
    Strict,
    /// It works until the new pair, access or refresh, is used once; each use revokes the pair given before.
    GraceUntilUsed,
}

/// The account's new address.
#[derive(Debug, Clone)]
pub(super) struct Moved {
    pub(super) subdomain: String,
    pub(super) domain: String,
}

struct Access {
    expires_at: i64,
    revoked: bool,
    refresh: Option<String>,
}

struct Code {
    expires_at: i64,
    used: bool,
}

#[derive(PartialEq, Eq)]
enum Worth {
    Good,
    ReplacedBy(String),
    Revoked,
}

struct Refresh {
    expires_at: i64,
    worth: Worth,
    access: String,
}

/// The token endpoint and everything it has issued; times are unix milliseconds.
pub(super) struct Oauth {
    pub(super) clock: Clock,
    pub(super) client_id: String,
    pub(super) client_secret: String,
    pub(super) redirect_uri: String,
    pub(super) access_lifetime: Duration,
    pub(super) policy: ReusePolicy,
    pub(super) accepts_forms: bool,
    pub(super) refresh_revokes_access: bool,
    pub(super) disabled: bool,
    pub(super) moved: Option<Moved>,
    pub(super) moved_refresh_status: u16,
    pub(super) api_domain: String,
    pub(super) presented: HashMap<String, usize>,
    /// How often each refresh token gave a new pair.
    pub(super) exchanged: HashMap<String, usize>,
    pub(super) succeeded: usize,
    pub(super) failed: usize,
    codes: HashMap<String, Code>,
    access: HashMap<String, Access>,
    refresh: HashMap<String, Refresh>,
}

impl Default for Oauth {
    fn default() -> Self {
        Oauth {
            clock: Clock::default(),
            client_id: "5c1f3f0e-2f4b-4b6c-9f0a-7d1f5f0c9a11".to_owned(),
            client_secret: hex(64),
            redirect_uri: "https://example.com/oauth/callback".to_owned(),
            access_lifetime: ACCESS_LIFETIME,
            policy: ReusePolicy::Strict,
            accepts_forms: true,
            refresh_revokes_access: false,
            disabled: false,
            moved: None,
            moved_refresh_status: 401,
            api_domain: "api-b.amocrm.ru".to_owned(),
            presented: HashMap::new(),
            exchanged: HashMap::new(),
            succeeded: 0,
            failed: 0,
            codes: HashMap::new(),
            access: HashMap::new(),
            refresh: HashMap::new(),
        }
    }
}

impl Oauth {
    fn now(&self) -> i64 {
        self.clock.now()
    }

    /// A code as the integration's window shows it.
    pub(super) fn issue_code(&mut self) -> String {
        let code = opaque();
        self.codes.insert(code.clone(), Code { expires_at: self.now() + millis(CODE_LIFETIME), used: false });
        code
    }

    /// Lets the 20 minutes of a code pass.
    pub(super) fn expire_code(&mut self, code: &str) {
        if let Some(code) = self.codes.get_mut(code) {
            code.expires_at = 0;
        }
    }

    /// A pair issued at this time, unix milliseconds.
    pub(super) fn issue_pair(&mut self, at: i64, account: (u64, u64)) -> (String, String) {
        let expires_at = at + millis(self.access_lifetime);
        let access = self.jwt(account, at / 1000, expires_at / 1000, "authorization_code");
        let refresh = opaque();
        self.access.insert(access.clone(), Access { expires_at, revoked: false, refresh: Some(refresh.clone()) });
        self.refresh.insert(
            refresh.clone(),
            Refresh { expires_at: at + millis(REFRESH_LIFETIME), worth: Worth::Good, access: access.clone() },
        );
        (access, refresh)
    }

    /// An access token without a refresh token, valid until this unix second.
    pub(super) fn issue_long_lived(&mut self, exp: i64, account: (u64, u64)) -> String {
        let token = self.jwt(account, self.now() / 1000, exp, "");
        self.access.insert(token.clone(), Access { expires_at: exp * 1000, revoked: false, refresh: None });
        token
    }

    fn jwt(&self, (account, user): (u64, u64), iat: i64, exp: i64, grant: &str) -> String {
        let jti = hex(80);
        let header = json!({ "typ": "JWT", "alg": "RS256", "jti": jti });
        let claims = json!({
            "aud": self.client_id,
            "jti": jti,
            "iat": iat,
            "nbf": iat,
            "exp": exp,
            "sub": user.to_string(),
            "grant_type": grant,
            "account_id": account,
            "base_domain": "amocrm.ru",
            "version": 2,
            "scopes": ["crm", "files", "files_delete", "notifications", "push_notifications"],
            "hash_uuid": format!("{}-{}-4{}-a{}-{}", hex(8), hex(4), hex(3), hex(3), hex(12)),
            "api_domain": self.api_domain,
        });
        let signature: [u8; 256] = std::array::from_fn(|_| rand::random());
        [header.to_string().as_bytes(), claims.to_string().as_bytes(), &signature]
            .map(|part| URL_SAFE_NO_PAD.encode(part))
            .join(".")
    }

    /// Lets the lifetime of every access token pass.
    pub(super) fn expire_access_tokens(&mut self) {
        for token in self.access.values_mut() {
            token.expires_at = 0;
        }
    }

    /// Lets three months pass for every refresh token.
    pub(super) fn expire_refresh_tokens(&mut self) {
        for token in self.refresh.values_mut() {
            token.expires_at = 0;
        }
    }

    /// Revokes every token of both kinds.
    pub(super) fn revoke_all(&mut self) {
        for token in self.access.values_mut() {
            token.revoked = true;
        }
        for token in self.refresh.values_mut() {
            token.worth = Worth::Revoked;
        }
    }

    /// Whether the API lets this token in; its use ends the grace of the pair before it.
    pub(super) fn lets_in(&mut self, bearer: Option<&str>) -> bool {
        let Some(token) = bearer.and_then(|bearer| self.access.get(bearer)) else {
            return false;
        };
        if self.disabled || self.moved.is_some() || token.revoked || token.expires_at <= self.now() {
            return false;
        }
        if let Some(refresh) = token.refresh.clone() {
            self.end_grace_before(&refresh);
        }
        true
    }

    fn end_grace_before(&mut self, refresh: &str) {
        for token in self.refresh.values_mut() {
            if matches!(&token.worth, Worth::ReplacedBy(new) if new == refresh) {
                token.worth = Worth::Revoked;
            }
        }
    }

    /// Counts the refresh token of a request, whatever becomes of the request.
    pub(super) fn count_presented(&mut self, form: &Map<String, Value>) {
        if let Some(token) = form.get("refresh_token").and_then(Value::as_str) {
            *self.presented.entry(token.to_owned()).or_default() += 1;
        }
    }

    /// `POST /oauth2/access_token`.
    pub(super) fn token(&mut self, form: &Map<String, Value>, account: (u64, u64)) -> Answer {
        let grant = form.get("grant_type").and_then(Value::as_str);
        let answer = self.grant(form, grant, account).unwrap_or_else(|refusal| refusal);
        if grant == Some("refresh_token") {
            if answer.status == 200 {
                self.succeeded += 1;
            } else {
                self.failed += 1;
            }
        }
        answer
    }

    fn grant(&mut self, form: &Map<String, Value>, grant: Option<&str>, account: (u64, u64)) -> Result<Answer, Answer> {
        let field = |name: &str| {
            form.get(name).and_then(Value::as_str).filter(|value| !value.is_empty()).ok_or_else(|| check(name))
        };
        if self.moved.is_some() {
            return Err(match self.moved_refresh_status {
                404 => Answer::problem_with(404, "Account not found", json!({})),
                status => Answer::oauth_problem(status, status, "Invalid account"),
            });
        }
        if field("client_id")? != self.client_id {
            return Err(check("client_id"));
        }
        if field("client_secret")? != self.client_secret {
            return Err(check("client_secret"));
        }
        if self.disabled {
            return Err(Answer::oauth_invalid_client());
        }
        if field("redirect_uri")? != self.redirect_uri {
            let hint = "Redirect URI is not associated with client";
            return Err(Answer::oauth_problem(400, 400, hint));
        }
        match grant {
            Some("authorization_code") => self.exchange_code(field("code")?)?,
            Some("refresh_token") => {
                return self.exchange_refresh(field("refresh_token")?, account);
            }
            _ => return Err(check("grant_type")),
        }
        let pair = self.issue_pair(self.now(), account);
        Ok(self.pair_answer(&pair))
    }

    fn exchange_code(&mut self, code: &str) -> Result<(), Answer> {
        let now = self.now();
        let Some(code) = self.codes.get_mut(code) else {
            let hint = "Cannot decrypt the authorization code";
            return Err(Answer::oauth_problem(400, 400, hint));
        };
        if code.expires_at <= now {
            let hint = "Authorization code has expired";
            return Err(Answer::oauth_problem(400, 401, hint));
        }
        if std::mem::replace(&mut code.used, true) {
            let hint = "Authorization code has been revoked";
            return Err(Answer::oauth_problem(400, 400, hint));
        }
        Ok(())
    }

    fn exchange_refresh(&mut self, token: &str, account: (u64, u64)) -> Result<Answer, Answer> {
        let refuse = |hint| Err(Answer::oauth_problem(401, 401, hint));
        let Some(old) = self.refresh.get(token) else {
            return refuse("Cannot decrypt the refresh token");
        };
        if old.expires_at <= self.now() {
            return refuse("Token has expired");
        }
        let lost = match &old.worth {
            Worth::Revoked => return refuse("Token has been revoked"),
            Worth::Good => None,
            Worth::ReplacedBy(lost) => Some(lost.clone()),
        };
        let old_access = old.access.clone();
        self.end_grace_before(token);
        if let Some(lost) = lost.and_then(|lost| self.refresh.get_mut(&lost)) {
            lost.worth = Worth::Revoked;
        }
        if self.refresh_revokes_access
            && let Some(access) = self.access.get_mut(&old_access)
        {
            access.revoked = true;
        }
        let pair = self.issue_pair(self.now(), account);
        let worth = match self.policy {
            ReusePolicy::Strict => Worth::Revoked,
            ReusePolicy::GraceUntilUsed => Worth::ReplacedBy(pair.1.clone()),
        };
        *self.exchanged.entry(token.to_owned()).or_default() += 1;
        if let Some(old) = self.refresh.get_mut(token) {
            old.worth = worth;
        }
        Ok(self.pair_answer(&pair))
    }

    fn pair_answer(&self, (access, refresh): &(String, String)) -> Answer {
        Answer::json(&json!({
            "token_type": "Bearer",
            "expires_in": self.access_lifetime.as_secs(),
            "server_time": self.now() / 1000,
            "access_token": access,
            "refresh_token": refresh,
        }))
    }

    /// `GET /oauth2/account/current/subdomain`.
    pub(super) fn subdomain(&self, refresh: Option<&str>, id: u64, subdomain: &str) -> Answer {
        let known = refresh.and_then(|token| self.refresh.get(token));
        if known.is_none_or(|token| token.worth == Worth::Revoked || token.expires_at <= self.now()) {
            return Answer::problem(401);
        }
        let (subdomain, domain) = match &self.moved {
            Some(moved) => (moved.subdomain.clone(), moved.domain.clone()),
            None => (subdomain.to_owned(), format!("{subdomain}.amocrm.ru")),
        };
        let top = domain.rsplit('.').next().unwrap_or_default();
        Answer::json(&json!({
            "id": id,
            "subdomain": subdomain,
            "domain": domain,
            "top_level_domain": top,
        }))
    }
}

fn check(parameter: &str) -> Answer {
    Answer::oauth_problem(400, 400, &format!("Check the `{parameter}` parameter"))
}

/// A code or a refresh token as amoCRM makes them: about 700 hexadecimal digits with a known beginning.
fn opaque() -> String {
    format!("def50200{}", hex(700))
}

fn millis(duration: Duration) -> i64 {
    duration.as_millis().try_into().unwrap_or(i64::MAX)
}
