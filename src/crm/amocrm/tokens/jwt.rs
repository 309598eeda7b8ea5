//! What an access token says about itself.
//!
//! amoCRM's access tokens are JWTs whose signing key is not published, so nothing here is verified: the claims serve
//! for expiry and for diagnosis only, never for a decision about trust. Everything is optional and a claim of an
//! unexpected type is simply absent, because a token that still works must not be lost over an odd claim.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use chrono::{DateTime, Utc};
use serde_json::Value;

/// The claims of an access token that this crate has a use for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Claims {
    /// When it was issued (UTC).
    pub iat: Option<DateTime<Utc>>,
    /// When it stops working (UTC).
    pub exp: Option<DateTime<Utc>>,
    /// The id of the integration it was issued to.
    pub aud: Option<String>,
    /// The account it belongs to.
    pub account_id: Option<i64>,
    /// Such as `amocrm.ru`.
    pub base_domain: Option<String>,
    /// Such as `api-b.amocrm.ru`; present in tokens issued since 2024-08-21.
    pub api_domain: Option<String>,
}

impl Claims {
    /// Reads the claims of a token; `None` when the text is no JWT.
    pub fn decode(token: &str) -> Option<Self> {
        let mut parts = token.split('.');
        let (header, payload, signature) = (parts.next()?, parts.next()?, parts.next()?);
        if header.is_empty() || signature.is_empty() || parts.next().is_some() {
            return None;
        }
        let bytes = URL_SAFE_NO_PAD.decode(payload.trim_end_matches('=')).ok()?;
        let claims: Value = serde_json::from_slice(&bytes).ok()?;
        let claims = claims.as_object()?;
        let text = |key: &str| Some(claims.get(key)?.as_str()?.to_owned());
        Some(Self {
            iat: claims.get("iat").or(claims.get("nbf")).and_then(time),
            exp: claims.get("exp").and_then(time),
            aud: text("aud"),
            account_id: claims.get("account_id").and_then(whole),
            base_domain: text("base_domain"),
            api_domain: text("api_domain"),
        })
    }

    /// The time by which candidates are ordered: `iat`, or else `exp`.
    pub fn age_mark(&self) -> Option<DateTime<Utc>> {
        self.iat.or(self.exp)
    }

    /// Whether it was made to last for more than two days, which no token of an OAuth pair is (24 hours).
    pub fn is_long_lived(&self) -> bool {
        matches!((self.iat, self.exp), (Some(iat), Some(exp)) if exp - iat > chrono::Duration::hours(48))
    }
}

/// An integer, also when it is spelled as a float or a string.
fn whole(value: &Value) -> Option<i64> {
    value.as_i64().or_else(|| value.as_f64().map(|float| float as i64)).or_else(|| value.as_str()?.trim().parse().ok())
}

fn time(value: &Value) -> Option<DateTime<Utc>> {
    DateTime::from_timestamp(whole(value)?, 0)
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use serde_json::json;

    /// A token with these claims and a signature nobody checks.
    pub(crate) fn token(claims: &Value) -> String {
        let encode = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        format!("{}.{}.c2ln", encode(&json!({"typ": "JWT", "alg": "RS256"})), encode(claims))
    }

    #[test]
    fn reads_what_is_there() {
        let claims = Claims::decode(&token(&json!({
            "iat": 1_700_000_000, "exp": 1_700_086_400.0, "account_id": "77", "api_domain": "api-b.amocrm.ru",
            "base_domain": 5, "scopes": ["crm"]
        })))
        .expect("a JWT");
        assert_eq!(claims.iat, DateTime::from_timestamp(1_700_000_000, 0));
        assert_eq!(claims.exp, DateTime::from_timestamp(1_700_086_400, 0));
        assert_eq!(claims.account_id, Some(77));
        assert_eq!(claims.api_domain.as_deref(), Some("api-b.amocrm.ru"));
        assert_eq!(claims.base_domain, None);
        assert!(!claims.is_long_lived());
    }

    #[test]
    fn tells_long_lived_tokens() {
        let claims = Claims::decode(&token(&json!({"iat": 0, "exp": 5 * 365 * 86_400})));
        assert!(claims.expect("a JWT").is_long_lived());
    }

    #[test]
    fn rubbish_is_no_token() {
        for text in ["", "your_token_here", "a.b.c", "a.b", "..", "def50200aa", "a.e30", ".e30.s", "a.e30.s.t"] {
            assert_eq!(Claims::decode(text), None, "{text}");
        }
    }
}
