//! How to reach Telegram.

use secrecy::SecretString;
use url::Url;

use super::reader::{Reader, not_copied_well};

/// How to reach Telegram.
#[derive(Debug, Clone)]
pub struct TelegramSettings {
    /// `BOT_TOKEN`.
    pub token: SecretString,
    /// `TELEGRAM_API_URL`.
    pub api_url: Url,
    /// `TELEGRAM_PROXY`; may hold a password.
    pub proxy: Option<SecretString>,
}

const TOKEN: &str = "Get it from @BotFather in Telegram: /mybots → your bot → API Token";

impl Reader<'_> {
    pub(super) fn telegram(&mut self) -> TelegramSettings {
        let token = self.text("BOT_TOKEN");
        match &token {
            None => self.wrong("BOT_TOKEN", "is missing", TOKEN),
            Some(token) => {
                if let Some(problem) = not_a_bot_token(token) {
                    self.wrong("BOT_TOKEN", problem, TOKEN);
                }
            }
        }
        let api_url = self
            .own_address("TELEGRAM_API_URL", "Leave it out, or give the address of your local Bot API server")
            .unwrap_or_else(|| Url::parse("https://api.telegram.org").expect("a constant address"));
        TelegramSettings { token: SecretString::from(token.unwrap_or_default()), api_url, proxy: self.proxy() }
    }

    /// What goes through a proxy is encrypted by itself, so the way to it need not be.
    fn proxy(&mut self) -> Option<SecretString> {
        const PROXY: &str = "Ask your proxy's provider";
        let proxy = self.text("TELEGRAM_PROXY")?;
        if proxy.contains(char::is_whitespace) {
            self.wrong("TELEGRAM_PROXY", "has a blank in it", PROXY);
        } else if !Url::parse(&proxy)
            .is_ok_and(|url| matches!(url.scheme(), "http" | "https" | "socks5" | "socks5h") && url.has_host())
        {
            self.wrong("TELEGRAM_PROXY", "is not an http://, https:// or socks5:// address", PROXY);
        }
        Some(proxy.into())
    }
}

fn not_a_bot_token(token: &str) -> Option<&'static str> {
    let lower = token.to_lowercase();
    if token.contains("://") || lower.contains("telegram.org") {
        return Some("is an address and not the token alone");
    }
    if lower.strip_prefix("bot").is_some_and(|rest| rest.starts_with(|char: char| char.is_ascii_digit())) {
        return Some("begins with the word bot, which belongs to addresses only");
    }
    if let Some(problem) = not_copied_well(token) {
        return Some(problem);
    }
    let looks_right = token.split_once(':').is_some_and(|(id, key)| {
        !id.is_empty()
            && id.bytes().all(|byte| byte.is_ascii_digit())
            && !key.is_empty()
            && key.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-')
    });
    (!looks_right).then_some("is not a bot token (123456789:AA…)")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_token_is_told_by_its_looks() {
        for (token, word) in [
            ("hello", "not a bot token"),
            ("123456", "not a bot token"),
            (":AAbb", "not a bot token"),
            ("123456:", "not a bot token"),
            ("12a456:AAbb", "not a bot token"),
            ("bot123456:AAbb", "the word bot"),
            ("https://api.telegram.org/bot123456:AAbb", "address"),
            ("123456: AAbb", "blank"),
            ("your_bot_token_here", "placeholder"),
            ("123456:ААbb", "Latin"),
        ] {
            assert!(not_a_bot_token(token).is_some_and(|problem| problem.contains(word)), "{token}");
        }
        assert_eq!(not_a_bot_token("123456789:AAFt2pQm7Zr-1KxY0wVbNc_8dLhGsUeJfo5"), None);
    }
}
