//! The authorization code as an admin pastes it, and the page it comes from.

use secrecy::SecretString;
use thiserror::Error;
use url::Url;

/// A code with what came along with it.
#[derive(Debug, Clone)]
pub struct PastedCode {
    /// The code, good for 20 minutes and for one use.
    pub code: SecretString,
    /// The `state` of the authorization address, to be compared with the one that was given out.
    pub state: Option<String>,
    /// The host of the account that was chosen, such as `acme.amocrm.ru`. It is what somebody pasted, so
    /// [`super::Authorization`] checks it before it is trusted.
    pub referer: Option<String>,
}

/// Why a pasted text holds no code; each variant is something the admin can fix.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum CodeError {
    /// Nothing in it.
    #[error("there is nothing in it")]
    Empty,
    /// The redirect address says `error=access_denied`: "deny" was pressed on amoCRM's page.
    #[error("access was denied on amoCRM's page; open the link again and allow it")]
    Denied,
    /// An address without a code: not the one amoCRM redirected to.
    #[error("this address holds no code; copy the whole address amoCRM has sent you to")]
    NoCode,
    /// No code: blanks or strange characters in it, or too short.
    #[error("this is neither a code nor the address amoCRM has sent you to")]
    NotACode,
}

/// Reads a bare code, or a whole redirect address.
pub fn parse_code(input: &str) -> Result<PastedCode, CodeError> {
    let input = input.trim().trim_matches(['<', '>', '"', '\'', '`']).trim();
    if input.is_empty() {
        return Err(CodeError::Empty);
    }
    // The query may be pasted without the address before it.
    let query = match input.split_once('?') {
        Some((_, query)) => Some(query),
        None if input.contains("://") => return Err(CodeError::NoCode),
        None => (input.contains("code=") || input.contains("error=")).then_some(input),
    };
    let Some(query) = query else {
        return Ok(PastedCode { code: checked(input)?, state: None, referer: None });
    };
    let query = query.split('#').next().unwrap_or_default();
    let value = |key: &str| {
        url::form_urlencoded::parse(query.as_bytes())
            .find(|(name, value)| name == key && !value.trim().is_empty())
            .map(|(_, value)| value.trim().to_owned())
    };
    if value("error").is_some() {
        return Err(CodeError::Denied);
    }
    let code = checked(&value("code").ok_or(CodeError::NoCode)?)?;
    let referer = value("referer").or_else(|| value("referrer"));
    Ok(PastedCode { code, state: value("state"), referer: referer.map(|host| host.to_lowercase()) })
}

fn checked(code: &str) -> Result<SecretString, CodeError> {
    let plausible = code.len() >= 6
        && code.len() <= 8192
        && code.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.~+/=".contains(&byte));
    if plausible { Ok(code.into()) } else { Err(CodeError::NotACode) }
}

/// The page on which the admin allows the integration: `www.amocrm.ru`, or `www.kommo.com` for accounts abroad.
pub(super) fn authorization_url(account_host: &str, client_id: &str, state: &str) -> Result<Url, url::ParseError> {
    let page =
        if account_host.ends_with("amocrm.ru") { "https://www.amocrm.ru/oauth" } else { "https://www.kommo.com/oauth" };
    // `post_message` redirects inside the opened window; `popup` would look for a window that opened it.
    Url::parse_with_params(page, [("client_id", client_id), ("state", state), ("mode", "post_message")])
}

#[cfg(test)]
mod tests {
    use super::*;
    use secrecy::ExposeSecret;

    #[test]
    fn takes_a_code_however_it_is_pasted() {
        for input in [
            "def50200aabb",
            "  def50200aabb\n",
            "`def50200aabb`",
            "https://example.org/cb?code=def50200aabb&state=s1&referer=acme.amocrm.ru&client_id=x",
            "<https://example.org/?state=s1&code=def50200aabb#top>",
            "code=def50200aabb&state=s1",
        ] {
            let pasted = parse_code(input).unwrap_or_else(|error| panic!("{input}: {error}"));
            assert_eq!(pasted.code.expose_secret(), "def50200aabb", "{input}");
        }
        let pasted = parse_code("https://a.b/?code=def50200aabb&state=s%201&referer=Acme.amoCRM.ru").expect("a code");
        assert_eq!(pasted.state.as_deref(), Some("s 1"));
        assert_eq!(pasted.referer.as_deref(), Some("acme.amocrm.ru"));
    }

    #[test]
    fn says_what_is_wrong() {
        for (input, expected) in [
            ("  ", CodeError::Empty),
            ("https://a.b/?error=access_denied&client_id=x&state=s", CodeError::Denied),
            ("https://a.b/?state=s", CodeError::NoCode),
            ("https://a.b/?code=", CodeError::NoCode),
            ("https://a.b/", CodeError::NoCode),
            ("hello there", CodeError::NotACode),
            ("abc", CodeError::NotACode),
        ] {
            assert_eq!(parse_code(input).expect_err(input), expected, "{input}");
        }
    }

    #[test]
    fn never_shows_the_code() {
        assert!(!format!("{:?}", parse_code("def50200aabb")).contains("def50200aabb"));
    }

    #[test]
    fn the_page_follows_the_account() {
        let url = authorization_url("acme.amocrm.ru", "uuid", "s t").expect("an address");
        assert_eq!(url.as_str(), "https://www.amocrm.ru/oauth?client_id=uuid&state=s+t&mode=post_message");
        let url = authorization_url("acme.kommo.com", "uuid", "s").expect("an address");
        assert_eq!(url.host_str(), Some("www.kommo.com"));
    }
}
